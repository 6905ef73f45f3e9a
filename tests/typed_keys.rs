//! The typed methods of keys, their expiry and sorting on real servers, under RESP2 and RESP3.

use rediscluster::prelude::*;
use rediscluster::{CopyOptions, ErrorKind, ExpireOptions, ExpireTime, RestoreOptions, SortOptions, Ttl, TypeOf};
use rediscluster_testing::{home_of, in_both_protocols, Reply, Server};
use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn sizes(servers: &[Server]) -> Vec<i64> {
    servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).collect()
}

/// What a server holds and how it does, by the server's own word.
fn run(cluster: &Cluster, words: &[&str]) {
    cluster.execute(cmd(words[0]).args_of(&words[1..])).unwrap();
}

#[test]
fn there_or_not() {
    in_both_protocols(|cluster, servers| {
        let pairs: Vec<(String, u32)> = (0..30).map(|n| (format!("key{n}"), n)).collect();
        let names: Vec<&String> = pairs.iter().map(|(name, _)| name).collect();
        cluster.mset(&pairs).unwrap();
        assert!(sizes(servers).iter().all(|size| *size > 0), "every node has a part");
        assert_eq!(cluster.exists(&names).unwrap(), 30);
        assert_eq!(cluster.exists(["key1", "key1", "none", "key2"]).unwrap(), 3);
        assert_eq!(cluster.exists("none").unwrap(), 0);
        assert_eq!(cluster.touch(&names).unwrap(), 30);
        assert_eq!(cluster.touch("none").unwrap(), 0);
        assert_eq!(cluster.del(["key1", "key1", "none", "key2"]).unwrap(), 2);
        assert_eq!(cluster.unlink(["key3", "key3", "none"]).unwrap(), 1);
        assert_eq!(cluster.unlink(&names).unwrap(), 27);
        assert_eq!(cluster.del("none").unwrap(), 0);
        assert_eq!(sizes(servers), [0, 0, 0]);

        // Of any type, any name, with a tag or none.
        run(cluster, &["SADD", "set", "m"]);
        cluster.set("bar{foo}", 1).unwrap();
        cluster.set(b"\xff\0", 1).unwrap();
        assert_eq!(home_of(cluster, servers, "foo").ask(&["EXISTS", "bar"]).int(), 1);
        assert_eq!(cluster.exists([&b"set"[..], b"bar{foo}", b"\xff\0"]).unwrap(), 3);
        assert_eq!(cluster.del([&b"set"[..], b"bar{foo}", b"\xff\0"]).unwrap(), 3);
        assert_eq!(sizes(servers), [0, 0, 0]);

        let none: [&str; 0] = [];
        for result in [cluster.del(none), cluster.unlink(none), cluster.exists(none), cluster.touch(none)] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Argument);
        }
    });
}

#[test]
fn names_of_keys() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.keys::<_, Vec<String>>("*").unwrap(), Vec::<String>::new());
        assert_eq!(cluster.randomkey::<Option<String>>().unwrap(), None);
        let names: BTreeSet<String> = (0..30).map(|n| format!("key{n}")).collect();
        cluster.mset(names.iter().map(|name| (name, 1)).collect::<Vec<_>>()).unwrap();
        assert_eq!(cluster.keys::<_, BTreeSet<String>>("*").unwrap(), names);
        assert_eq!(cluster.keys::<_, Vec<String>>("*").unwrap().len(), 30);
        assert_eq!(
            cluster.keys::<_, HashSet<String>>("key[12]").unwrap(),
            HashSet::from(["key1".into(), "key2".into()])
        );
        assert_eq!(cluster.keys::<_, Vec<String>>("none*").unwrap(), Vec::<String>::new());
        let drawn: HashSet<String> = (0..100).map(|_| cluster.randomkey().unwrap()).collect();
        assert!(drawn.len() > 5 && drawn.iter().all(|name| names.contains(name)), "{drawn:?}");

        cluster.set(b"\xff\0", 1).unwrap();
        assert_eq!(cluster.keys::<_, Vec<Vec<u8>>>(b"\xff*").unwrap(), [b"\xff\0"]);
        cluster.set("tagged{key1}", 1).unwrap();
        assert_eq!(cluster.keys::<_, Vec<String>>("tagged*").unwrap(), ["tagged"]);
    });
}

#[test]
fn types_of_keys() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.type_of("none").unwrap(), TypeOf::Missing);
        cluster.set("string{t}", "x").unwrap();
        run(cluster, &["RPUSH", "list", "x"]);
        run(cluster, &["SADD", "set", "x"]);
        run(cluster, &["ZADD", "zset", "1", "x"]);
        cluster.hset("hash", ("f", 1)).unwrap();
        let found = ["string{t}", "list", "set", "zset", "hash"].map(|key| cluster.type_of(key).unwrap());
        assert_eq!(found, [TypeOf::String, TypeOf::List, TypeOf::Set, TypeOf::SortedSet, TypeOf::Hash]);
    });
}

#[test]
fn another_name() {
    in_both_protocols(|cluster, servers| {
        for (from, to) in [("a{x}", "b{x}"), ("key1", "key2"), ("key0", "key1"), ("key2", "key0"), ("b{x}", "\u{fe}")] {
            cluster.setex(from, HOUR, "v").unwrap();
            run(cluster, &["SADD", to, "old"]);
            assert!(!cluster.renamenx(from, to).unwrap(), "{from} {to}");
            cluster.rename(from, to).unwrap();
            assert_eq!(cluster.exists(from).unwrap(), 0, "{from} {to}");
            assert_eq!(cluster.get::<_, String>(to).unwrap(), "v");
            assert!(cluster.pttl(to).unwrap().left() > Some(HOUR - MINUTE));
            assert!(cluster.renamenx(to, from).unwrap(), "{from} {to}");
            assert!(cluster.pttl(from).unwrap().left() > Some(HOUR - MINUTE));
            assert_eq!(cluster.renamenx(to, from).unwrap_err().kind(), ErrorKind::Server, "the source is missing");
            assert_eq!(cluster.rename("none", to).unwrap_err().kind(), ErrorKind::Server);
            assert_eq!(cluster.del([from, to]).unwrap(), 1);
            assert_eq!(sizes(servers), [0, 0, 0], "nothing is left over");
        }
    });
}

#[test]
fn copies() {
    in_both_protocols(|cluster, servers| {
        cluster.setex("a{x}", HOUR, "v").unwrap();
        assert!(cluster.copy("a{x}", "b{x}").unwrap());
        assert_eq!(cluster.get::<_, String>("b{x}").unwrap(), "v");
        assert!(cluster.ttl("b{x}").unwrap().left() > Some(HOUR - MINUTE));
        cluster.set("b{x}", "w").unwrap();
        assert!(!cluster.copy("a{x}", "b{x}").unwrap());
        assert!(!cluster.copy("none{x}", "b{x}").unwrap());
        assert!(!cluster.copy_with("a{x}", "b{x}", CopyOptions::new()).unwrap());
        assert!(cluster.copy_with("a{x}", "b{x}", CopyOptions::new().replace()).unwrap());
        assert_eq!(cluster.get::<_, String>("b{x}").unwrap(), "v");
        assert!(cluster.copy_with("a{x}", "a{x}", CopyOptions::new().database(3)).unwrap());
        assert_eq!(home_of(cluster, servers, "x").ask_in(3, &["GET", "a"]), Reply::bulk("v"));
        assert_eq!(cluster.copy("a{x}", "a{x}").unwrap_err().kind(), ErrorKind::Server);

        assert!(cluster.move_key("b{x}", 4).unwrap());
        assert!(!cluster.move_key("b{x}", 4).unwrap());
        assert_eq!(home_of(cluster, servers, "x").ask_in(4, &["GET", "b"]), Reply::bulk("v"));
        assert!(!cluster.move_key("a{x}", 3).unwrap(), "that database has one of the name");
        assert_eq!(cluster.move_key("a{x}", 0).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.move_key("a{x}", 1 << 20).unwrap_err().kind(), ErrorKind::Server);

        assert_ne!(cluster.node_for("key1"), cluster.node_for("key0"));
        cluster.set("key1", 1).unwrap();
        assert!(cluster.copy("key1", "key0").unwrap());
        assert!(!cluster.copy("key1", "key0").unwrap(), "the destination exists");
        assert_eq!(cluster.get::<_, i64>("key0").unwrap(), 1);
    });
}

#[test]
fn objects() {
    in_both_protocols(|cluster, servers| {
        cluster.set("n{t}", 7).unwrap();
        assert_eq!(cluster.object_encoding("n{t}").unwrap().as_deref(), Some("int"));
        assert!(cluster.object_refcount("n{t}").unwrap() > Some(0));
        assert!(cluster.object_idletime("n{t}").unwrap() < Some(60));
        assert_eq!(cluster.object_encoding("none").unwrap(), None);
        assert_eq!(cluster.object_refcount("none").unwrap(), None);
        assert_eq!(cluster.object_idletime("none").unwrap(), None);
        assert_eq!(cluster.object_freq("n{t}").unwrap_err().kind(), ErrorKind::Server);

        for server in servers {
            server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
        }
        assert!(cluster.object_freq("n{t}").unwrap().is_some());
        assert_eq!(cluster.object_freq("none").unwrap(), None);
        assert_eq!(cluster.object_idletime("n{t}").unwrap_err().kind(), ErrorKind::Server);

        let payload = cluster.dump("n{t}").unwrap().unwrap();
        cluster.restore_with("often", &payload, RestoreOptions::new().frequency(200)).unwrap();
        assert!(cluster.object_freq("often").unwrap() > Some(150));
        for server in servers {
            server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        }
        cluster.restore_with("seldom", &payload, RestoreOptions::new().idle_time(HOUR)).unwrap();
        assert!(cluster.object_idletime("seldom").unwrap() >= Some(3600));
        assert_eq!(cluster.touch("seldom").unwrap(), 1);
        assert!(cluster.object_idletime("seldom").unwrap() < Some(60));
    });
}

#[test]
fn dumped_and_restored() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.dump("none").unwrap(), None);
        cluster.hset("h", [("a", "1"), ("b", "\r\n")]).unwrap();
        cluster.expire("h", HOUR).unwrap();
        let payload = cluster.dump("h").unwrap().unwrap();
        cluster.restore("copy{t}", &payload).unwrap();
        assert_eq!(home_of(cluster, servers, "t").ask(&["HGET", "copy", "b"]), Reply::bulk("\r\n"));
        assert_eq!(cluster.pttl("copy{t}").unwrap(), Ttl::Persistent, "the expiry is not in it");
        assert_eq!(cluster.restore("copy{t}", &payload).unwrap_err().kind(), ErrorKind::BusyKey);

        let over = |options: RestoreOptions| cluster.restore_with("copy{t}", &payload, options.replace());
        let new = RestoreOptions::new;
        over(new().expire_in(HOUR)).unwrap();
        assert!(cluster.pttl("copy{t}").unwrap().left().is_some_and(|left| left <= HOUR && left > HOUR - MINUTE));
        over(new().expire_at(SystemTime::now() + HOUR)).unwrap();
        assert!(cluster.pttl("copy{t}").unwrap().left().is_some_and(|left| left > HOUR - MINUTE));
        over(new().expire_at(SystemTime::now()).expire_in(HOUR)).unwrap();
        assert!(cluster.pttl("copy{t}").unwrap().left().is_some_and(|left| left > HOUR - MINUTE));
        over(new()).unwrap();
        assert_eq!(cluster.pttl("copy{t}").unwrap(), Ttl::Persistent);

        // No time at all never becomes for ever.
        let short = [
            new().expire_in(Duration::ZERO),
            new().expire_in(Duration::from_nanos(1)),
            new().expire_at(SystemTime::UNIX_EPOCH),
            new().expire_at(SystemTime::UNIX_EPOCH - HOUR),
            new().expire_at(SystemTime::now() - HOUR),
        ];
        for options in short {
            over(options).unwrap();
            rediscluster_testing::wait_until("the key has expired", || cluster.exists("copy{t}").unwrap() == 0);
        }
        assert_eq!(over(new().expire_in(Duration::MAX)).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.restore("bad", "no payload").unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.exists("bad").unwrap(), 0);
    });
}

#[test]
fn lengths_of_life() {
    in_both_protocols(|cluster, servers| {
        assert_eq!((cluster.ttl("none").unwrap(), cluster.pttl("none").unwrap()), (Ttl::Missing, Ttl::Missing));
        assert!(!cluster.expire("none", HOUR).unwrap());
        assert!(!cluster.pexpire("none", HOUR).unwrap());
        assert!(!cluster.persist("none").unwrap());

        cluster.set("k{t}", 1).unwrap();
        assert_eq!((cluster.ttl("k{t}").unwrap(), cluster.pttl("k{t}").unwrap()), (Ttl::Persistent, Ttl::Persistent));
        assert!(!cluster.persist("k{t}").unwrap());
        assert!(cluster.expire("k{t}", HOUR).unwrap());
        assert!(cluster.ttl("k{t}").unwrap().left().is_some_and(|left| left <= HOUR && left > HOUR - MINUTE));
        assert!(cluster.pttl("k{t}").unwrap().left().is_some_and(|left| left <= HOUR && left > HOUR - MINUTE));
        assert!(home_of(cluster, servers, "t").ask(&["PTTL", "k"]).int() > 3_500_000);
        assert!(cluster.pexpire("k{t}", HOUR * 2).unwrap());
        assert!(cluster.ttl("k{t}").unwrap().left() > Some(HOUR));
        assert!(cluster.persist("k{t}").unwrap());
        assert_eq!(cluster.ttl("k{t}").unwrap(), Ttl::Persistent);

        // Rounded up, each to its own unit.
        cluster.expire("k{t}", HOUR - Duration::from_nanos(1)).unwrap();
        assert!(cluster.pttl("k{t}").unwrap().left().is_some_and(|left| left > HOUR - MINUTE && left <= HOUR));
        assert!(cluster.expire("k{t}", Duration::from_millis(1)).unwrap());
        assert_eq!(cluster.exists("k{t}").unwrap(), 1, "a whole second, not none");
        assert!(cluster.pexpire("k{t}", Duration::from_micros(1)).unwrap());
        rediscluster_testing::wait_until("the key has expired", || cluster.exists("k{t}").unwrap() == 0);

        for key in ["a", "b"] {
            run(cluster, &["SADD", key, "m"]);
        }
        assert!(cluster.expire("a", Duration::ZERO).unwrap());
        assert!(cluster.pexpire("b", Duration::ZERO).unwrap());
        assert_eq!(cluster.exists(["a", "b"]).unwrap(), 0);
        cluster.set("k", 1).unwrap();
        assert_eq!(cluster.expire("k", Duration::MAX).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.pexpire("k", Duration::MAX).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.ttl("k").unwrap(), Ttl::Persistent);
    });
}

#[test]
fn moments_of_death() {
    in_both_protocols(|cluster, servers| {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(32_503_680_000_123);
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(32_503_680_001);
        assert!(!cluster.expireat("none", moment).unwrap());
        assert!(!cluster.pexpireat("none", moment).unwrap());
        cluster.mset([("s{t}", 1), ("p{t}", 1), ("k{t}", 1)]).unwrap();
        assert!(cluster.expireat("s{t}", moment).unwrap());
        assert!(cluster.pexpireat("p{t}", moment).unwrap());
        if servers[0].is_since("7.0", "EXPIRETIME and PEXPIRETIME") {
            assert_eq!(cluster.expiretime("s{t}").unwrap(), ExpireTime::At(second), "rounded up");
            assert_eq!(cluster.pexpiretime("s{t}").unwrap(), ExpireTime::At(second));
            assert_eq!(cluster.pexpiretime("p{t}").unwrap(), ExpireTime::At(moment));
            assert_eq!(cluster.expiretime("k{t}").unwrap(), ExpireTime::Persistent);
            assert_eq!(cluster.pexpiretime("k{t}").unwrap(), ExpireTime::Persistent);
            assert_eq!(cluster.expiretime("none").unwrap(), ExpireTime::Missing);
            assert_eq!(cluster.pexpiretime("none").unwrap(), ExpireTime::Missing);
        }
        assert!(cluster.expireat("s{t}", SystemTime::now() - HOUR).unwrap());
        assert!(cluster.pexpireat("p{t}", SystemTime::UNIX_EPOCH - HOUR).unwrap());
        assert_eq!(cluster.exists(["s{t}", "p{t}", "k{t}"]).unwrap(), 1);
    });
}

#[test]
fn expiry_under_conditions() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "conditions of EXPIRE") {
            return;
        }
        let new = ExpireOptions::new;
        let (soon, late) = (SystemTime::now() + MINUTE, SystemTime::now() + HOUR);
        cluster.set("k", 1).unwrap();
        assert!(!cluster.expire_with("k", MINUTE, new().if_expiring()).unwrap());
        assert!(!cluster.expire_with("k", MINUTE, new().if_later()).unwrap(), "never is later than any moment");
        assert!(!cluster.expireat_with("k", soon, new().if_expiring().if_sooner()).unwrap());
        assert!(cluster.expire_with("k", MINUTE, new().if_persistent()).unwrap());
        assert!(!cluster.pexpire_with("k", HOUR, new().if_persistent()).unwrap());
        assert!(!cluster.pexpireat_with("k", late, new().if_sooner()).unwrap());
        assert!(cluster.pexpireat_with("k", late, new().if_later()).unwrap());
        assert!(!cluster.expireat_with("k", soon, new().if_later()).unwrap());
        assert!(cluster.expireat_with("k", soon, new().if_expiring().if_sooner()).unwrap());
        assert!(cluster.pexpire_with("k", HOUR, new()).unwrap());
        assert!(cluster.pexpire_with("k", MINUTE, new().if_later().if_sooner()).unwrap(), "the last one counts");
        assert!(cluster.ttl("k").unwrap().left() <= Some(MINUTE));
        let both = new().if_persistent().if_later();
        assert_eq!(cluster.expire_with("k", HOUR, both).unwrap_err().kind(), ErrorKind::Server);
        assert!(!cluster.expire_with("none", HOUR, new().if_persistent()).unwrap());
    });
}

#[test]
fn sorted() {
    in_both_protocols(|cluster, servers| {
        let new = SortOptions::new;
        assert_eq!(cluster.sort::<_, Vec<i64>>("none", new()).unwrap(), Vec::<i64>::new());
        run(cluster, &["RPUSH", "l{t}", "3", "1", "10", "2"]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new()).unwrap(), [1, 2, 3, 10]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().desc()).unwrap(), [10, 3, 2, 1]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().alpha()).unwrap(), [1, 10, 2, 3]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().limit(1, 2)).unwrap(), [2, 3]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().limit(2, -1)).unwrap(), [3, 10]);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().by("nosort")).unwrap(), [3, 1, 10, 2]);

        // Patterns name keys of the same node, as it stores them.
        cluster.mset([("w1{t}", 9), ("w2{t}", 8), ("w3{t}", 7), ("w10{t}", 6)]).unwrap();
        cluster.hset("h1{t}", [("name", "one"), ("rank", "4")]).unwrap();
        cluster.hset("h2{t}", [("rank", "3")]).unwrap();
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().by("w*{t}")).unwrap(), [10, 3, 2, 1]);
        let named: Vec<(i64, Option<String>)> =
            cluster.sort("l{t}", new().by("w*{t}").desc().limit(0, 2).get("#").get("h*{t}->name")).unwrap();
        assert_eq!(named, [(1, Some("one".into())), (2, None)]);

        assert_eq!(cluster.sort_store("l{t}", "d{t}", new().desc()).unwrap(), 4);
        let held = home_of(cluster, servers, "t").ask(&["LRANGE", "d", "0", "-1"]);
        assert_eq!(held, Reply::bulks(&["10", "3", "2", "1"]));
        assert_eq!(cluster.sort_store("none{t}", "d{t}", new()).unwrap(), 0);
        assert_eq!(cluster.exists("d{t}").unwrap(), 0);
        assert_eq!(cluster.sort_store("l{t}", "store", new()).unwrap(), 4);
        assert_eq!(cluster.sort_store("l{t}", "store", new().by("w*{t}").get("#").get("none*")).unwrap(), 8);
        let held = home_of(cluster, servers, "store").ask(&["LRANGE", "store", "0", "-1"]);
        assert_eq!(held, Reply::bulks(&["10", "", "3", "", "2", "", "1", ""]));

        // Without a tag, and with that of another node: each key is looked up where it lives.
        let other = ["a", "b", "c", "d"].iter().find(|tag| cluster.node_for(**tag) != cluster.node_for("t")).unwrap();
        for (element, weight) in [(1, 4), (2, 3), (3, 2), (10, 1)] {
            cluster.set(format!("free{element}"), weight).unwrap();
            cluster.set(format!("tagged{element}{{{other}}}"), weight).unwrap();
        }
        let names: Vec<(i64, Option<i64>)> = cluster.sort("l{t}", new().get("#").get("free*").limit(2, 2)).unwrap();
        assert_eq!(names, [(3, Some(2)), (10, Some(1))]);
        for by in [new().by("free*"), new().by(format!("tagged*{{{other}}}"))] {
            assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", by).unwrap(), [10, 3, 2, 1]);
        }

        // Words of the command as patterns.
        assert_eq!(cluster.sort_store("l{t}", "d{t}", new().by("STORE").get("#").get("store")).unwrap(), 8);
        assert_eq!(cluster.sort::<_, Vec<i64>>("l{t}", new().by("store")).unwrap(), [3, 1, 10, 2]);

        run(cluster, &["SADD", "words", "pear", "plum", "\u{e9}"]);
        assert_eq!(cluster.sort::<_, Vec<String>>("words", new()).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.sort::<_, Vec<String>>("words", new().alpha()).unwrap(), ["pear", "plum", "\u{e9}"]);
        cluster.set("text", "x").unwrap();
        assert_eq!(cluster.sort::<_, Vec<String>>("text", new()).unwrap_err().kind(), ErrorKind::WrongType);
        if servers[0].is_since("7.0", "SORT_RO") {
            assert_eq!(cluster.sort_ro::<_, Vec<i64>>("l{t}", new().by("w*{t}").limit(0, 3)).unwrap(), [10, 3, 2]);
            assert_eq!(cluster.sort_ro::<_, Vec<i64>>("l{t}", new().by("free*").desc()).unwrap(), [1, 2, 3, 10]);
            assert_eq!(cluster.sort_ro::<_, Vec<i64>>("none", new()).unwrap(), Vec::<i64>::new());
            assert_eq!(cluster.sort_ro::<_, Vec<String>>("text", new()).unwrap_err().kind(), ErrorKind::WrongType);
        }
    });
}
