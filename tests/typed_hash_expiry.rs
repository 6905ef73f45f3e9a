//! The expiry of fields of hashes, and hashes, sets and sorted sets page by page, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Error, ErrorKind, ExpireOptions, ExpireTime, FieldExpiry, FieldPersist, GetExOptions, HSetExOptions, Ttl,
};
use rediscluster_testing::{home_of, in_both_protocols, Reply, Server};
use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use FieldExpiry::{Deleted, Missing, Set, Unchanged};

const HOUR: Duration = Duration::from_secs(3600);

#[track_caller]
fn wrong_type<T: Debug>(result: Result<T, Error>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
}

fn have_it(servers: &[Server]) -> bool {
    servers[0].is_since("7.4 or valkey 9.0", "the expiry of fields")
}

#[test]
fn times_to_live() {
    in_both_protocols(|cluster, servers| {
        if !have_it(servers) {
            return;
        }
        let fill = || cluster.hset("h{tag}", [("a", 1), ("b", 2), ("c", 3)]).unwrap();
        fill();
        assert_eq!(cluster.hexpire("h{tag}", HOUR, ["a", "none"]).unwrap(), [Set, Missing]);
        assert_eq!(cluster.hpexpire("h{tag}", HOUR, "b").unwrap(), [Set]);
        let home = home_of(cluster, servers, "h{tag}");
        assert_eq!(home.ask(&["HTTL", "h", "FIELDS", "1", "c"]), Reply::Array(vec![Reply::Int(-1)]));

        let seconds = cluster.httl("h{tag}", ["a", "b", "c", "none"]).unwrap();
        let millis = cluster.hpttl("h{tag}", ["a", "b", "c", "none"]).unwrap();
        for left in seconds[..2].iter().map(|ttl| ttl.left()).chain(millis[..2].iter().map(|ttl| ttl.left())) {
            let left = left.unwrap();
            assert!(left <= HOUR && left > HOUR - Duration::from_secs(60), "{left:?}");
        }
        assert_eq!(seconds[2..], [Ttl::Persistent, Ttl::Missing]);
        assert_eq!(millis[2..], [Ttl::Persistent, Ttl::Missing]);

        // Rounded up, and never to nothing.
        assert_eq!(cluster.hexpire("h{tag}", Duration::from_nanos(1), "c").unwrap(), [Set]);
        assert_eq!(cluster.hpexpire("h{tag}", Duration::from_nanos(7_200_000_000_001), "c").unwrap(), [Set]);
        assert!(cluster.hpttl("h{tag}", "c").unwrap()[0].left() <= Some(Duration::from_millis(7_200_001)));

        let told = cluster.hpersist("h{tag}", ["a", "a", "none"]).unwrap();
        assert_eq!(told, [FieldPersist::Removed, FieldPersist::Persistent, FieldPersist::Missing]);
        assert_eq!(cluster.hexpire("h{tag}", Duration::ZERO, "a").unwrap(), [Deleted]);
        assert_eq!(cluster.hpexpire("h{tag}", Duration::ZERO, ["b", "c"]).unwrap(), [Deleted, Deleted]);
        assert_eq!(cluster.exists("h{tag}").unwrap(), 0);

        assert_eq!(cluster.hexpire("none", HOUR, ["a", "b"]).unwrap(), [Missing, Missing]);
        assert_eq!(cluster.hpexpire("none", HOUR, "a").unwrap(), [Missing]);
        assert_eq!(cluster.hpersist("none", "a").unwrap(), [FieldPersist::Missing]);
        assert_eq!(cluster.httl("none", ["a", "b"]).unwrap(), [Ttl::Missing, Ttl::Missing]);
        assert_eq!(cluster.hpttl("none", "a").unwrap(), [Ttl::Missing]);
    });
}

#[test]
fn moments() {
    in_both_protocols(|cluster, servers| {
        if !have_it(servers) {
            return;
        }
        let moment = UNIX_EPOCH + Duration::from_millis(9_000_000_000_123);
        cluster.hset("h", [("a", 1), ("b", 2)]).unwrap();
        assert_eq!(cluster.hexpireat("h", moment, ["a", "none"]).unwrap(), [Set, Missing]);
        assert_eq!(cluster.hpexpireat("h", moment, "b").unwrap(), [Set]);
        let rounded = UNIX_EPOCH + Duration::from_secs(9_000_000_001);
        assert_eq!(cluster.hexpiretime("h", ["a", "none"]).unwrap(), [ExpireTime::At(rounded), ExpireTime::Missing]);
        assert_eq!(cluster.hpexpiretime("h", ["a", "b"]).unwrap(), [ExpireTime::At(rounded), ExpireTime::At(moment)]);
        cluster.hpersist("h", "a").unwrap();
        assert_eq!(cluster.hpexpiretime("h", ["a"]).unwrap(), [ExpireTime::Persistent]);
        assert_eq!(cluster.hexpireat("h", UNIX_EPOCH, "a").unwrap(), [Deleted]);
        let past = SystemTime::now() - HOUR;
        assert_eq!(cluster.hpexpireat("h", past, "b").unwrap(), [Deleted]);
        assert_eq!(cluster.hexpiretime("none", "a").unwrap(), [ExpireTime::Missing]);
        assert_eq!(cluster.hpexpiretime("none", "a").unwrap(), [ExpireTime::Missing]);
        assert_eq!(cluster.hexpireat("none", moment, "a").unwrap(), [Missing]);
        assert_eq!(cluster.hpexpireat("none", moment, "a").unwrap(), [Missing]);
    });
}

#[test]
fn conditions() {
    in_both_protocols(|cluster, servers| {
        if !have_it(servers) {
            return;
        }
        let options = ExpireOptions::new;
        cluster.hset("h", [("a", 1), ("b", 2)]).unwrap();
        assert_eq!(cluster.hexpire_with("h", HOUR, options().if_expiring(), "a").unwrap(), [Unchanged]);
        assert_eq!(cluster.hexpire_with("h", HOUR, options().if_persistent(), "a").unwrap(), [Set]);
        let told = cluster.hexpire_with("h", HOUR, options().if_persistent(), ["a", "b", "none"]).unwrap();
        assert_eq!(told, [Unchanged, Set, Missing]);
        assert_eq!(cluster.hpexpire_with("h", HOUR / 2, options().if_later(), "a").unwrap(), [Unchanged]);
        assert_eq!(cluster.hpexpire_with("h", HOUR / 2, options().if_sooner(), "a").unwrap(), [Set]);
        let (sooner, later) = (SystemTime::now() + HOUR / 4, SystemTime::now() + HOUR * 2);
        assert_eq!(cluster.hexpireat_with("h", sooner, options().if_later(), "a").unwrap(), [Unchanged]);
        assert_eq!(cluster.hexpireat_with("h", later, options().if_later(), "a").unwrap(), [Set]);
        assert_eq!(cluster.hpexpireat_with("h", later + HOUR, options().if_sooner(), "a").unwrap(), [Unchanged]);
        assert_eq!(cluster.hpexpireat_with("h", sooner, options().if_sooner(), "a").unwrap(), [Set]);
        let both = options().if_persistent().if_later();
        assert_eq!(cluster.hexpire_with("h", HOUR, both, "a").unwrap_err().kind(), ErrorKind::Server);
    });
}

#[test]
fn values_with_expiry() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("8.0 or valkey 9.1", "HSETEX, HGETEX and HGETDEL") {
            return;
        }
        let options = HSetExOptions::new;
        let ttl = |field: &str| cluster.hpttl("h", field).unwrap()[0];
        assert!(!cluster.hsetex("h", ("a", 1), options().if_exists()).unwrap());
        assert!(cluster.hsetex("h", [("a", 1), ("b", 2)], options().if_missing().expire_in(HOUR)).unwrap());
        assert!(!cluster.hsetex("h", [("a", 5), ("c", 5)], options().if_missing()).unwrap());
        assert!(ttl("a").left() > Some(HOUR / 2) && ttl("b").left() > Some(HOUR / 2));
        assert!(cluster.hsetex("h", ("a", 3), options().if_exists().keep_ttl()).unwrap());
        assert!(ttl("a").left() > Some(HOUR / 2));
        assert!(cluster.hsetex("h", ("a", 4), options()).unwrap());
        assert_eq!(ttl("a"), Ttl::Persistent);
        assert!(cluster.hsetex("h", ("a", 4), options().expire_at(SystemTime::now() + HOUR)).unwrap());
        assert!(ttl("a").left() > Some(HOUR / 2));

        let get = |options| cluster.hgetex::<_, _, Vec<Option<u32>>>("h", ["a", "none"], options).unwrap();
        assert_eq!(get(GetExOptions::new()), [Some(4), None]);
        assert!(ttl("a").left() > Some(HOUR / 2));
        assert_eq!(get(GetExOptions::new().persist()), [Some(4), None]);
        assert_eq!(ttl("a"), Ttl::Persistent);
        assert_eq!(get(GetExOptions::new().expire_in(HOUR)), [Some(4), None]);
        assert!(ttl("a").left() > Some(HOUR / 2));
        assert_eq!(get(GetExOptions::new().expire_at(UNIX_EPOCH + Duration::from_millis(1))), [Some(4), None]);
        assert_eq!(ttl("a"), Ttl::Missing);
        let (none, b): (Option<u32>, u32) = cluster.hgetdel("h", ["none", "b"]).unwrap();
        assert_eq!((none, b, cluster.exists("h").unwrap()), (None, 2, 0));
        assert_eq!(cluster.hgetdel::<_, _, Vec<Option<u32>>>("h", ["a", "b"]).unwrap(), [None, None]);
        assert_eq!(get(GetExOptions::new()), [None, None]);

        cluster.set("s", "text").unwrap();
        wrong_type(cluster.hgetdel::<_, _, Vec<String>>("s", "a"));
        wrong_type(cluster.hgetex::<_, _, Vec<String>>("s", "a", GetExOptions::new()));
        wrong_type(cluster.hsetex("s", ("a", 1), options()));
    });
}

#[test]
fn wrong_types_and_nothing_given() {
    in_both_protocols(|cluster, servers| {
        if !have_it(servers) {
            return;
        }
        cluster.set("s", "text").unwrap();
        wrong_type(cluster.hexpire("s", HOUR, "a"));
        wrong_type(cluster.hpexpire("s", HOUR, "a"));
        wrong_type(cluster.hexpireat("s", SystemTime::now(), "a"));
        wrong_type(cluster.hpexpireat("s", SystemTime::now(), "a"));
        wrong_type(cluster.hpersist("s", "a"));
        wrong_type(cluster.httl("s", "a"));
        wrong_type(cluster.hpttl("s", "a"));
        wrong_type(cluster.hexpiretime("s", "a"));
        wrong_type(cluster.hpexpiretime("s", "a"));
        cluster.hset("h", ("a", 1)).unwrap();
        let none: [&str; 0] = [];
        assert_eq!(cluster.hexpire("h", HOUR, none).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hpersist("h", none).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.httl("h", none).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hexpire("h", Duration::MAX, "a").unwrap_err().kind(), ErrorKind::Server);
    });
}
