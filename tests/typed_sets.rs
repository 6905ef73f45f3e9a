//! The typed methods for sets, on real servers.

use rediscluster::prelude::*;
use rediscluster::ErrorKind;
use rediscluster_testing::{fails_with, home_of, in_both_protocols, Reply};
use std::collections::{BTreeSet, HashSet};

/// Three keys that live on three different nodes.
fn apart(cluster: &Cluster) -> [String; 3] {
    let mut keys: Vec<String> = Vec::new();
    for key in (0..).map(|n| format!("set:{n}")) {
        if keys.iter().all(|known| cluster.node_for(known) != cluster.node_for(&key)) {
            keys.push(key);
        }
        if keys.len() == 3 {
            break;
        }
    }
    keys.try_into().unwrap()
}

fn set(members: &[&str]) -> BTreeSet<String> {
    members.iter().map(|&member| member.to_owned()).collect()
}

#[test]
fn members() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.sadd("s", ["a", "b", "a"]).unwrap(), 2);
        assert_eq!(cluster.sadd("s", HashSet::from(["b", "c"])).unwrap(), 1);
        let home = home_of(cluster, servers, "s");
        assert_eq!(home.ask(&["SMEMBERS", "s"]).sorted(), Reply::bulks(&["a", "b", "c"]));
        assert_eq!(cluster.scard("s").unwrap(), 3);
        assert_eq!(cluster.smembers::<_, BTreeSet<String>>("s").unwrap(), set(&["a", "b", "c"]));
        assert_eq!(cluster.smembers::<_, HashSet<Box<str>>>("s").unwrap().len(), 3);
        let mut list: Vec<String> = cluster.smembers("s").unwrap();
        list.sort();
        assert_eq!(list, ["a", "b", "c"]);

        assert!(cluster.sismember("s", "a").unwrap());
        assert!(!cluster.sismember("s", "x").unwrap());
        assert_eq!(cluster.smismember("s", ["a", "x", "c", "a"]).unwrap(), [true, false, true, true]);
        assert_eq!(cluster.srem("s", ["a", "x"]).unwrap(), 1);
        assert_eq!(cluster.srem("s", "b").unwrap(), 1);
        assert_eq!(cluster.smembers::<_, Vec<String>>("s").unwrap(), ["c"]);

        assert_eq!(cluster.sadd("numbers", [3, -1]).unwrap(), 2);
        assert_eq!(cluster.smembers::<_, BTreeSet<i32>>("numbers").unwrap(), BTreeSet::from([-1, 3]));
        fails_with(ErrorKind::Reply, cluster.smembers::<_, HashSet<u32>>("numbers"));
    });
}

#[test]
fn drawn_by_chance() {
    in_both_protocols(|cluster, servers| {
        cluster.sadd("s", ["a", "b", "c"]).unwrap();
        let everything = set(&["a", "b", "c"]);
        let one: String = cluster.srandmember("s").unwrap();
        assert!(everything.contains(&one));
        let two: Vec<String> = cluster.srandmember_count("s", 2).unwrap();
        assert_eq!(two.iter().collect::<HashSet<_>>().len(), 2);
        assert_eq!(cluster.srandmember_count::<_, String>("s", 9).unwrap().len(), 3);
        let many: Vec<String> = cluster.srandmember_count("s", -9).unwrap();
        assert_eq!(many.len(), 9);
        assert!(many.iter().all(|member| everything.contains(member)));
        assert!(cluster.srandmember_count::<_, String>("s", 0).unwrap().is_empty());
        assert_eq!(cluster.scard("s").unwrap(), 3);

        let first: Option<String> = cluster.spop("s").unwrap();
        let mut taken: BTreeSet<String> = cluster.spop_count("s", 1).unwrap();
        taken.extend(first);
        assert_eq!(taken.len(), 2);
        taken.extend(cluster.spop_count::<_, HashSet<String>>("s", 9).unwrap());
        assert_eq!(taken, everything);
        assert_eq!(home_of(cluster, servers, "s").ask(&["EXISTS", "s"]).int(), 0);
    });
}

#[test]
fn missing_keys() {
    in_both_protocols(|cluster, servers| {
        let [a, b, c] = apart(cluster);
        assert_eq!(cluster.scard(&a).unwrap(), 0);
        assert_eq!(cluster.smembers::<_, Vec<String>>(&a).unwrap(), Vec::<String>::new());
        assert!(!cluster.sismember(&a, "x").unwrap());
        assert_eq!(cluster.smismember(&a, ["x", "y"]).unwrap(), [false, false]);
        assert_eq!(cluster.srem(&a, "x").unwrap(), 0);
        assert_eq!(cluster.spop::<_, Option<String>>(&a).unwrap(), None);
        assert!(cluster.spop_count::<_, HashSet<String>>(&a, 2).unwrap().is_empty());
        assert_eq!(cluster.srandmember::<_, Option<String>>(&a).unwrap(), None);
        assert!(cluster.srandmember_count::<_, String>(&a, -2).unwrap().is_empty());
        for keys in [vec![&a], vec![&a, &b, &c]] {
            assert!(cluster.sdiff::<_, Vec<String>>(&keys).unwrap().is_empty());
            assert!(cluster.sinter::<_, Vec<String>>(&keys).unwrap().is_empty());
            assert!(cluster.sunion::<_, HashSet<String>>(&keys).unwrap().is_empty());
            assert_eq!(cluster.sdiffstore(&b, &keys).unwrap(), 0);
            assert_eq!(cluster.sinterstore(&b, &keys).unwrap(), 0);
            assert_eq!(cluster.sunionstore(&b, &keys).unwrap(), 0);
        }
        for to in [&a, &b] {
            assert!(!cluster.smove(&a, to, "x").unwrap());
        }
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "nothing was made");
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        let [text, members, other] = apart(cluster);
        cluster.set(&text, "text").unwrap();
        cluster.sadd(&members, ["a", "b"]).unwrap();
        let wrong = ErrorKind::WrongType;
        fails_with(wrong, cluster.sadd(&text, "a"));
        fails_with(wrong, cluster.scard(&text));
        fails_with(wrong, cluster.smembers::<_, Vec<String>>(&text));
        fails_with(wrong, cluster.sismember(&text, "a"));
        fails_with(wrong, cluster.smismember(&text, ["a"]));
        fails_with(wrong, cluster.srem(&text, "a"));
        fails_with(wrong, cluster.spop::<_, Option<String>>(&text));
        fails_with(wrong, cluster.spop_count::<_, Vec<String>>(&text, 1));
        fails_with(wrong, cluster.srandmember::<_, Option<String>>(&text));
        fails_with(wrong, cluster.srandmember_count::<_, String>(&text, 1));
        for keys in [vec![&text], vec![&members, &text], vec![&text, &members, &other]] {
            fails_with(wrong, cluster.sdiff::<_, Vec<String>>(&keys));
            fails_with(wrong, cluster.sinter::<_, Vec<String>>(&keys));
            fails_with(wrong, cluster.sunion::<_, Vec<String>>(&keys));
            fails_with(wrong, cluster.sdiffstore(&other, &keys));
            fails_with(wrong, cluster.sinterstore(&other, &keys));
            fails_with(wrong, cluster.sunionstore(&other, &keys));
        }
        fails_with(wrong, cluster.smove(&text, &members, "a"));
        fails_with(wrong, cluster.smove(&members, &text, "a"));
        assert_eq!(cluster.smembers::<_, BTreeSet<String>>(&members).unwrap(), set(&["a", "b"]));
        assert_eq!(cluster.scard(&other).unwrap(), 0);
    });
}

/// The sets of one node and of three give the same, whatever the protocol.
#[test]
fn several_sets() {
    in_both_protocols(|cluster, servers| {
        let [a, b, c] = apart(cluster);
        let beside = [a.clone(), format!("b{{{a}}}"), format!("c{{{a}}}")];
        for [a, b, c] in [[a.clone(), b, c], beside] {
            cluster.sadd(&a, ["1", "2", "3", "4"]).unwrap();
            cluster.sadd(&b, ["2", "3", "5"]).unwrap();
            cluster.sadd(&c, ["3", "4", "6"]).unwrap();
            let keys = [&a, &b, &c];
            let difference: BTreeSet<String> = cluster.sdiff(keys).unwrap();
            assert_eq!(difference, set(&["1"]));
            let intersection: HashSet<u16> = cluster.sinter(keys).unwrap();
            assert_eq!(intersection, HashSet::from([3]));
            let union: BTreeSet<u16> = cluster.sunion(keys).unwrap();
            assert_eq!(union, (1..=6).collect());

            cluster.set("result", "whatever it held").unwrap();
            let stored = |count, members: &[&str]| {
                assert_eq!(count, members.len() as u64);
                let home = home_of(cluster, servers, "result");
                assert_eq!(home.ask(&["SMEMBERS", "result"]).sorted(), Reply::bulks(members));
            };
            stored(cluster.sdiffstore("result", keys).unwrap(), &["1"]);
            stored(cluster.sinterstore("result", keys).unwrap(), &["3"]);
            stored(cluster.sunionstore("result", keys).unwrap(), &["1", "2", "3", "4", "5", "6"]);
            assert_eq!(cluster.sinterstore("result", [&a, &"none".to_owned()]).unwrap(), 0);
            assert_eq!(home_of(cluster, servers, "result").ask(&["EXISTS", "result"]).int(), 0);

            assert!(cluster.smove(&a, &b, "1").unwrap());
            assert!(cluster.smove(&a, &b, "2").unwrap(), "also when it is there already");
            assert!(!cluster.smove(&a, &b, "9").unwrap());
            assert_eq!(cluster.smembers::<_, BTreeSet<String>>(&a).unwrap(), set(&["3", "4"]));
            assert_eq!(cluster.smembers::<_, BTreeSet<String>>(&b).unwrap(), set(&["1", "2", "3", "5"]));
            cluster.flushall().unwrap();
        }
    });
}

#[test]
fn counting_an_intersection() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "SINTERCARD") {
            return;
        }
        let [a, b, _] = apart(cluster);
        cluster.sadd("a{x}", [1, 2, 3]).unwrap();
        cluster.sadd("b{x}", [2, 3, 4]).unwrap();
        assert_eq!(cluster.sintercard(["a{x}", "b{x}"]).unwrap(), 2);
        assert_eq!(cluster.sintercard("a{x}").unwrap(), 3);
        assert_eq!(cluster.sintercard_limit(["a{x}", "b{x}"], 1).unwrap(), 1);
        assert_eq!(cluster.sintercard_limit(["a{x}", "b{x}"], 0).unwrap(), 2);
        assert_eq!(cluster.sintercard(["a{x}", "none{x}"]).unwrap(), 0);
        cluster.set("text{x}", "text").unwrap();
        fails_with(ErrorKind::WrongType, cluster.sintercard(["a{x}", "text{x}"]));
        fails_with(ErrorKind::Argument, cluster.sintercard(Vec::<String>::new()));

        let common = cluster.sinter::<_, Vec<String>>([&a, &b]).unwrap().len() as u64;
        assert_eq!(cluster.sintercard([&a, &b]).unwrap(), common);
        assert_eq!(cluster.sintercard_limit([&a, &b], 1).unwrap(), common.min(1));
    });
}

#[test]
fn names_and_members_of_any_bytes() {
    in_both_protocols(|cluster, servers| {
        let name: &[u8] = b"s\0\xff\r\n";
        let member: &[u8] = b"\x80\0 \r\n~1\r\n";
        assert_eq!(cluster.sadd(name, [member, b""]).unwrap(), 2);
        let home = home_of(cluster, servers, name);
        assert_eq!(home.ask(&[&b"SMEMBERS"[..], name]).sorted(), Reply::bulks(&[&b""[..], member]));
        assert!(cluster.sismember(name, member).unwrap());
        assert_eq!(cluster.smembers::<_, HashSet<Vec<u8>>>(name).unwrap().len(), 2);
        fails_with(ErrorKind::Reply, cluster.smembers::<_, Vec<String>>(name));

        // A tag chooses the node and is not stored.
        let [here, there, _] = apart(cluster);
        let tagged = format!("guests{{{here}}}");
        cluster.sadd(&tagged, ["anna", "bert"]).unwrap();
        let home = home_of(cluster, servers, &here);
        assert_eq!(home.ask(&["SMEMBERS", "guests"]).sorted(), Reply::bulks(&["anna", "bert"]));
        assert!(cluster.smove(&tagged, &there, "anna").unwrap());
        assert_eq!(home_of(cluster, servers, &there).ask(&["SMEMBERS", &there]), Reply::bulks(&["anna"]));
        assert_eq!(cluster.sunionstore(&tagged, [&tagged, &there]).unwrap(), 2);
        assert_eq!(home.ask(&["SMEMBERS", "guests"]).sorted(), Reply::bulks(&["anna", "bert"]));
    });
}
