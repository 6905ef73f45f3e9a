//! Commands that take several keys of one node and were no part of the older sets: pops from the first of several keys,
//! comparisons of strings, conditions on several keys, and sending keys away.

use rediscluster::prelude::*;
use rediscluster::{
    ErrorKind, LcsMatch, LcsOptions, MigrateOptions, Migrated, PoppedMembers, ScoreEnd, ScoredMember, SetOptions, Side,
};
use rediscluster_testing::{fails_with, home_of, in_both_protocols, Reply, Server};
use std::thread;
use std::time::{Duration, Instant};

type Elements = Option<(String, Vec<String>)>;
type Members = Option<PoppedMembers<String, String>>;

fn elements(key: &str, elements: &[&str]) -> Elements {
    Some((key.to_owned(), elements.iter().map(|element| (*element).to_owned()).collect()))
}

fn members(key: &str, members: &[(&str, f64)]) -> Members {
    let scored = members.iter().map(|(member, score)| ScoredMember::new((*member).to_owned(), *score));
    Some((key.to_owned(), scored.collect()))
}

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn lists() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "LMPOP and BLMPOP") {
            return;
        }
        let keys = ["a{tag}", "b{tag}"];
        assert_eq!(cluster.lmpop(keys, Side::Left, 3).unwrap(), None::<(String, Vec<String>)>);
        cluster.rpush("b{tag}", ["1", "2", "3", "4", "5", "6"]).unwrap();
        assert_eq!(cluster.lmpop(keys, Side::Left, 2).unwrap(), elements("b", &["1", "2"]));
        assert_eq!(cluster.lmpop("b{tag}", Side::Right, 1).unwrap(), elements("b", &["6"]));
        assert_eq!(cluster.blmpop(keys, Side::Right, 2, SHORT).unwrap(), elements("b", &["5", "4"]));
        assert_eq!(cluster.blmpop(keys, Side::Left, 9, Duration::ZERO).unwrap(), elements("b", &["3"]));
        let begin = Instant::now();
        assert_eq!(cluster.blmpop(keys, Side::Left, 1, SHORT).unwrap(), None::<(String, Vec<String>)>);
        assert!(begin.elapsed() >= SHORT);

        cluster.set("a{tag}", "text").unwrap();
        fails_with(ErrorKind::WrongType, cluster.lmpop::<_, String, String>(keys, Side::Left, 1));
        fails_with(ErrorKind::WrongType, cluster.blmpop::<_, String, String>(keys, Side::Left, 1, SHORT));
        fails_with(ErrorKind::Server, cluster.lmpop::<_, String, String>("b{tag}", Side::Left, 0));
        let across = (0..20).map(|n| format!("k{n}")).collect::<Vec<_>>();
        assert_eq!(cluster.lmpop::<_, String, String>(&across, Side::Left, 1).unwrap(), None);
        assert_eq!(cluster.blmpop::<_, String, String>(&across, Side::Left, 1, SHORT).unwrap(), None);
        cluster.rpush("k17", ["a", "b", "c"]).unwrap();
        let popped = cluster.lmpop::<_, String, String>(&across, Side::Right, 2).unwrap();
        assert_eq!(popped, Some(("k17".to_owned(), vec!["c".to_owned(), "b".to_owned()])));
        assert!(cluster.blmpop::<_, String, String>(&across, Side::Left, 1, SHORT).unwrap().is_some());
    });
}

#[test]
fn sorted_sets() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "ZMPOP and BZMPOP") {
            return;
        }
        let keys = ["a{tag}", "b{tag}"];
        assert_eq!(cluster.zmpop(keys, ScoreEnd::Lowest, 3).unwrap(), None as Members);
        cluster.zadd("b{tag}", [(1.0, "p"), (2.5, "q"), (3.0, "r"), (4.0, "s"), (f64::INFINITY, "t")]).unwrap();
        assert_eq!(cluster.zmpop(keys, ScoreEnd::Lowest, 2).unwrap(), members("b", &[("p", 1.0), ("q", 2.5)]));
        assert_eq!(cluster.zmpop("b{tag}", ScoreEnd::Highest, 1).unwrap(), members("b", &[("t", f64::INFINITY)]));
        assert_eq!(cluster.bzmpop(keys, ScoreEnd::Highest, 1, SHORT).unwrap(), members("b", &[("s", 4.0)]));
        assert_eq!(cluster.bzmpop(keys, ScoreEnd::Lowest, 9, Duration::ZERO).unwrap(), members("b", &[("r", 3.0)]));
        let begin = Instant::now();
        assert_eq!(cluster.bzmpop(keys, ScoreEnd::Lowest, 1, SHORT).unwrap(), None as Members);
        assert!(begin.elapsed() >= SHORT);

        cluster.set("a{tag}", "text").unwrap();
        fails_with(ErrorKind::WrongType, cluster.zmpop::<_, String, String>(keys, ScoreEnd::Lowest, 1));
        fails_with(ErrorKind::WrongType, cluster.bzmpop::<_, String, String>(keys, ScoreEnd::Lowest, 1, SHORT));
        fails_with(ErrorKind::Server, cluster.zmpop::<_, String, String>("b{tag}", ScoreEnd::Lowest, 0));
        let across = (0..20).map(|n| format!("k{n}")).collect::<Vec<_>>();
        cluster.del(&across).unwrap();
        assert!(cluster.zmpop::<_, String, String>(&across, ScoreEnd::Lowest, 1).unwrap().is_none());
        assert!(cluster.bzmpop::<_, String, String>(&across, ScoreEnd::Lowest, 1, SHORT).unwrap().is_none());
        cluster.zadd("k17", [(1, "a"), (2, "b")]).unwrap();
        assert!(cluster.zmpop::<_, String, String>(&across, ScoreEnd::Highest, 1).unwrap().is_some());
        assert!(cluster.bzmpop::<_, String, String>(&across, ScoreEnd::Lowest, 1, SHORT).unwrap().is_some());
        assert_eq!(cluster.exists("k17").unwrap(), 0);
    });
}

#[test]
fn what_comes_later_is_waited_for() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "BLMPOP and BZMPOP") {
            return;
        }
        let long = Duration::from_secs(20);
        thread::scope(|scope| {
            let list = scope.spawn(|| cluster.blmpop(["a{tag}", "b{tag}"], Side::Left, 2, long).unwrap());
            let sorted = scope.spawn(|| cluster.bzmpop(["y{tag}", "z{tag}"], ScoreEnd::Highest, 2, long).unwrap());
            let home = home_of(cluster, servers, "a{tag}");
            rediscluster_testing::wait_until("both wait", || {
                home.field("clients", "blocked_clients").as_deref() == Some("2")
            });
            cluster.rpush("b{tag}", ["1", "2", "3"]).unwrap();
            cluster.zadd("z{tag}", [(1, "p"), (2, "q")]).unwrap();
            assert_eq!(list.join().unwrap(), elements("b", &["1", "2"]));
            assert_eq!(sorted.join().unwrap(), members("z", &[("q", 2.0), ("p", 1.0)]));
        });
    });
}

#[test]
fn common_sequences() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "LCS") {
            return;
        }
        let (first, second) = ("ohmytext", "mynewtext");
        cluster.mset([("a{tag}", first), ("b{tag}", second)]).unwrap();
        assert_eq!(cluster.lcs::<_, _, String>("a{tag}", "b{tag}").unwrap(), "mytext");
        assert_eq!(cluster.lcs_len("a{tag}", "b{tag}").unwrap(), 6);
        let found = cluster.lcs_idx("a{tag}", "b{tag}", LcsOptions::new()).unwrap();
        assert_eq!((found.length, found.matches.len()), (6, 2));
        assert_eq!(found.matches[1], LcsMatch { first: 2..4, second: 0..2 });
        for LcsMatch { first: one, second: other } in found.matches {
            assert_eq!(first[one], second[other]);
        }
        let long = cluster.lcs_idx("a{tag}", "b{tag}", LcsOptions::new().min_length(4)).unwrap();
        assert_eq!((long.length, long.matches), (6, vec![LcsMatch { first: 4..8, second: 5..9 }]));
        assert_eq!(cluster.lcs::<_, _, String>("a{tag}", "none{tag}").unwrap(), "");
        assert_eq!(cluster.lcs_len("none{tag}", "a{tag}").unwrap(), 0);
        assert_eq!(cluster.lcs_idx("none{tag}", "a{tag}", LcsOptions::new()).unwrap().matches, []);
        cluster.rpush("list{tag}", "x").unwrap();
        fails_with(ErrorKind::Server, cluster.lcs_len("list{tag}", "a{tag}"));
        let other = (0..99)
            .map(|n| format!("k{n}"))
            .find(|key| home_of(cluster, servers, key.as_str()).port() != home_of(cluster, servers, "a{tag}").port());
        let (other, text) = (other.unwrap(), cluster.get::<_, String>("a{tag}").unwrap());
        cluster.set(&other, &text).unwrap();
        assert_eq!(cluster.lcs_len("a{tag}", &other).unwrap(), text.len() as u64);
    });
}

#[test]
fn valkeys_own() {
    in_both_protocols(|cluster, servers| {
        if servers[0].is_since("valkey 9.0", "DELIFEQ") {
            cluster.set("lock{tag}", 7).unwrap();
            assert!(!cluster.delifeq("lock{tag}", 8).unwrap());
            assert!(cluster.delifeq("lock{tag}", 7).unwrap());
            assert!(!cluster.delifeq("lock{tag}", 7).unwrap());
            cluster.rpush("list", "x").unwrap();
            fails_with(ErrorKind::WrongType, cluster.delifeq("list", "x"));
        }
        if servers[0].is_since("valkey 9.1", "MSETEX") {
            let hour = Duration::from_secs(3600);
            assert!(cluster.msetex([("a{tag}", 1), ("b{tag}", 2)], SetOptions::new().expire_in(hour)).unwrap());
            assert!(cluster.ttl("b{tag}").unwrap().left() > Some(hour / 2));
            assert!(!cluster.msetex([("b{tag}", 3), ("c{tag}", 3)], SetOptions::new().if_missing()).unwrap());
            assert!(!cluster.msetex([("b{tag}", 3), ("c{tag}", 3)], SetOptions::new().if_exists()).unwrap());
            assert!(cluster.msetex(("b{tag}", 4), SetOptions::new().if_exists().keep_ttl()).unwrap());
            assert!(cluster.ttl("b{tag}").unwrap().left() > Some(hour / 2));
            assert_eq!(home_of(cluster, servers, "tag").ask(&["GET", "b"]), Reply::bulk("4"));
            let across: Vec<_> = (0..20).map(|n| (format!("k{n}"), n)).collect();
            fails_with(ErrorKind::CrossNode, cluster.msetex(across, SetOptions::new()));
            fails_with(ErrorKind::Server, cluster.msetex(("b{tag}", 4), SetOptions::new().get()));
        }
    });
}

#[test]
fn keys_are_sent_to_another_server() {
    in_both_protocols(|cluster, servers| {
        let plain = Server::start();
        let guarded = Server::start_with(&["--requirepass", "KEYS"]);
        let to = |server: &Server| MigrateOptions::to("127.0.0.1", server.port()).timeout(Duration::from_secs(10));
        cluster.mset([("a{tag}", 1), ("b{tag}", 2), ("c{tag}", 3)]).unwrap();
        let keys = ["a{tag}", "b{tag}", "none{tag}"];
        assert_eq!(cluster.migrate(keys, to(&plain).copy()).unwrap(), Migrated::Done);
        assert_eq!(cluster.exists(["a{tag}", "b{tag}"]).unwrap(), 2);
        assert_eq!(plain.ask(&["MGET", "a", "b"]), Reply::bulks(&["1", "2"]));
        let error = fails_with(ErrorKind::Server, cluster.migrate(keys, to(&plain)));
        assert_eq!(error.outcome(), rediscluster::Outcome::Unknown, "others of the keys may have moved: {error}");
        assert!(error.message().contains("BUSYKEY"), "{error}");
        assert_eq!(cluster.migrate(keys, to(&plain).replace()).unwrap(), Migrated::Done);
        assert_eq!(cluster.exists(["a{tag}", "b{tag}"]).unwrap(), 0);
        assert_eq!(cluster.migrate(keys, to(&plain)).unwrap(), Migrated::NoKey);

        fails_with(ErrorKind::Server, cluster.migrate("c{tag}", to(&guarded)));
        assert_eq!(cluster.migrate("c{tag}", to(&guarded).password("KEYS").database(1)).unwrap(), Migrated::Done);
        assert_eq!(guarded.ask_in(1, &["GET", "c"]), Reply::bulk("3"));
        cluster.set("c{tag}", 4).unwrap();
        let user = to(&guarded).user("default").password("KEYS").database(2);
        assert!(!format!("{user:?}").contains("KEYS"));
        assert_eq!(cluster.migrate("c{tag}", user).unwrap(), Migrated::Done);
        assert_eq!(guarded.ask_in(2, &["GET", "c"]), Reply::bulk("4"));

        let across = (0..20).map(|n| format!("k{n}")).collect::<Vec<_>>();
        fails_with(ErrorKind::CrossNode, cluster.migrate(across, to(&plain)));
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0));
    });
}
