//! The typed methods for sorted sets, and those that wait for a member, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Aggregate, Build, Cmd, Error, ErrorKind, LexBound, LexRange, Limit, ScoreBound, ScoredMember, ZAddOptions,
    ZCombineOptions, ZRange,
};
use rediscluster_testing::{apart, cluster_of, fails_with, home_of, in_both_protocols, wait_until, Reply, Server};
use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(20);
const INF: f64 = f64::INFINITY;

fn scored(members: &[(&str, f64)]) -> Vec<ScoredMember<String>> {
    members.iter().map(|&(member, score)| ScoredMember::new(member.to_owned(), score)).collect()
}

fn all(cluster: &Cluster, key: &str) -> Vec<ScoredMember<String>> {
    cluster.zrange_with_scores(key, 0, -1).unwrap()
}

#[test]
fn adding_members() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.zadd("z", (1, "a")).unwrap(), 1);
        assert_eq!(cluster.zadd("z", [(2.5, "b"), (2.5, "b"), (1.0, "a")]).unwrap(), 1);
        assert_eq!(cluster.zadd("z", vec![("3", 'c')]).unwrap(), 1);
        assert_eq!(cluster.zadd("z", HashMap::from([("d", -4.25)])).unwrap(), 1);
        assert_eq!(cluster.zadd("z", BTreeMap::from([(100_u64, 5), (200, 6)])).unwrap(), 2);
        assert_eq!(cluster.zadd("z", ScoredMember::new("e", INF)).unwrap(), 1);
        assert_eq!(cluster.zadd("z", scored(&[("f", -INF), ("g", 1e300)])).unwrap(), 2);
        let home = home_of(cluster, servers, "z");
        let held = ["f", "-inf", "d", "-4.25", "a", "1", "b", "2.5", "c", "3", "100", "5", "200", "6"];
        assert_eq!(home.ask(&["ZRANGE", "z", "0", "6", "WITHSCORES"]), Reply::bulks(&held));
        let expected = [("f", -INF), ("d", -4.25), ("a", 1.0), ("b", 2.5), ("c", 3.0)];
        let expected = [&expected[..], &[("100", 5.0), ("200", 6.0), ("g", 1e300), ("e", INF)]].concat();
        assert_eq!(all(cluster, "z"), scored(&expected));

        // What was read can be written.
        assert_eq!(cluster.zadd("copy", all(cluster, "z")).unwrap(), 9);
        assert_eq!(all(cluster, "copy"), all(cluster, "z"));
        fails_with(ErrorKind::Server, cluster.zadd("z", (f64::NAN, "x")));
        fails_with(ErrorKind::Server, cluster.zadd("z", ("one", "x")));
        assert_eq!(cluster.zcard("z").unwrap(), 9);
    });
}

#[test]
fn scores_keep_every_bit() {
    in_both_protocols(|cluster, _| {
        let scores =
            [0.1, 1.0 / 3.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 9007199254740993.0, INF, -INF, 0.0];
        for score in scores {
            cluster.zadd("z", (score, "m")).unwrap();
            let bits = Some(score.to_bits());
            assert_eq!(cluster.zscore("z", "m").unwrap().map(f64::to_bits), bits, "{score}");
            assert_eq!(all(cluster, "z"), scored(&[("m", score)]));
            assert_eq!(cluster.zcount("z", (score, score)).unwrap(), 1, "{score}");
            assert_eq!(cluster.zcount("z", (ScoreBound::Exclusive(score), ScoreBound::MAX)).unwrap(), 0, "{score}");
        }
    });
}

#[test]
fn adding_under_conditions() {
    in_both_protocols(|cluster, _| {
        let new = ZAddOptions::new;
        cluster.zadd("z", (5, "a")).unwrap();
        assert_eq!(cluster.zadd_with("z", [(9, "a"), (1, "b")], new()).unwrap(), 1);
        assert_eq!(cluster.zadd_with("z", [(5, "a"), (2, "c")], new().if_missing()).unwrap(), 1);
        assert_eq!(cluster.zadd_with("z", [(5, "a"), (2, "d")], new().if_exists().changed()).unwrap(), 1);
        assert_eq!(all(cluster, "z"), scored(&[("b", 1.0), ("c", 2.0), ("a", 5.0)]));
        assert_eq!(cluster.zadd_with("z", [(4, "a"), (4, "c")], new().if_greater().changed()).unwrap(), 1);
        assert_eq!(cluster.zadd_with("z", [(3, "a"), (9, "c")], new().if_less().changed().if_exists()).unwrap(), 1);
        assert_eq!(all(cluster, "z"), scored(&[("b", 1.0), ("a", 3.0), ("c", 4.0)]));
        fails_with(ErrorKind::Server, cluster.zadd_with("z", (1, "a"), new().if_missing().if_less()));

        assert_eq!(cluster.zadd_incr("z", 0.5, "a", new()).unwrap(), Some(3.5));
        assert_eq!(cluster.zadd_incr("z", 0.5, "new", new().if_exists()).unwrap(), None);
        assert_eq!(cluster.zadd_incr("z", 0.5, "a", new().if_missing()).unwrap(), None);
        assert_eq!(cluster.zadd_incr("z", -1.0, "a", new().if_greater()).unwrap(), None);
        assert_eq!(cluster.zadd_incr("z", INF, "a", new().if_greater().changed()).unwrap(), Some(INF));
        fails_with(ErrorKind::Server, cluster.zadd_incr("z", -INF, "a", new()));

        assert_eq!(cluster.zincrby("z", -2.5, "b").unwrap(), -1.5);
        assert_eq!(cluster.zincrby("z", 7.0, "new").unwrap(), 7.0);
        fails_with(ErrorKind::Server, cluster.zincrby("z", -INF, "a"));
        fails_with(ErrorKind::Server, cluster.zincrby("z", f64::NAN, "a"));
    });
}

#[test]
fn looking_at_members() {
    in_both_protocols(|cluster, servers| {
        cluster.zadd("z", [(1.0, "a"), (2.5, "b"), (INF, "c")]).unwrap();
        assert_eq!(cluster.zcard("z").unwrap(), 3);
        assert_eq!(cluster.zscore("z", "b").unwrap(), Some(2.5));
        assert_eq!(cluster.zscore("z", "x").unwrap(), None);
        assert_eq!(cluster.zmscore("z", ["c", "x", "a"]).unwrap(), [Some(INF), None, Some(1.0)]);
        assert_eq!(cluster.zrank("z", "c").unwrap(), Some(2));
        assert_eq!(cluster.zrevrank("z", "c").unwrap(), Some(0));
        assert_eq!(cluster.zrank("z", "x").unwrap(), None);
        assert_eq!(cluster.zrevrank("z", "x").unwrap(), None);
        if servers[0].is_since("7.2", "ZRANK … WITHSCORE") {
            assert_eq!(cluster.zrank_with_score("z", "b").unwrap(), Some((1, 2.5)));
            assert_eq!(cluster.zrevrank_with_score("z", "c").unwrap(), Some((0, INF)));
            assert_eq!(cluster.zrank_with_score("z", "x").unwrap(), None);
            assert_eq!(cluster.zrevrank_with_score("none", "x").unwrap(), None);
        }

        let one: String = cluster.zrandmember("z").unwrap();
        assert!(["a", "b", "c"].contains(&one.as_str()));
        assert_eq!(cluster.zrandmember_count::<_, String>("z", 9).unwrap().len(), 3);
        assert_eq!(cluster.zrandmember_count::<_, String>("z", -9).unwrap().len(), 9);
        let mut drawn: Vec<ScoredMember<String>> = cluster.zrandmember_with_scores("z", 3).unwrap();
        drawn.sort_by(|one, other| one.member.cmp(&other.member));
        assert_eq!(drawn, all(cluster, "z"));
        assert_eq!(cluster.zrandmember_with_scores::<_, String>("z", -4).unwrap().len(), 4);

        assert_eq!(cluster.zrem("z", ["a", "x", "c"]).unwrap(), 2);
        assert_eq!(cluster.zrem("z", "b").unwrap(), 1);
        assert_eq!(home_of(cluster, servers, "z").ask(&["EXISTS", "z"]).int(), 0);
    });
}

#[test]
fn popping() {
    in_both_protocols(|cluster, servers| {
        cluster.zadd("z", [(1.0, "a"), (2.0, "b"), (3.0, "c"), (4.0, "d"), (5.0, "e"), (6.0, "f")]).unwrap();
        assert_eq!(cluster.zpopmin("z").unwrap(), Some(ScoredMember::new("a".to_owned(), 1.0)));
        assert_eq!(cluster.zpopmax("z").unwrap(), Some(ScoredMember::new("f".to_owned(), 6.0)));
        assert_eq!(cluster.zpopmax_count("z", 1).unwrap(), scored(&[("e", 5.0)]));
        assert_eq!(cluster.zpopmin_count("z", 1).unwrap(), scored(&[("b", 2.0)]));
        assert_eq!(cluster.zpopmin_count::<_, String>("z", 0).unwrap(), []);
        assert_eq!(cluster.zpopmax_count("z", 9).unwrap(), scored(&[("d", 4.0), ("c", 3.0)]));
        assert_eq!(home_of(cluster, servers, "z").ask(&["EXISTS", "z"]).int(), 0);
        // A member that is asked for without an `Option` must be there.
        let numbers: Result<Option<ScoredMember<u32>>, Error> = {
            cluster.zadd("z", (1, "no number")).unwrap();
            cluster.zpopmin("z")
        };
        fails_with(ErrorKind::Reply, numbers);
    });
}

#[test]
fn ranges_by_rank() {
    in_both_protocols(|cluster, servers| {
        cluster.zadd("z", [(1.0, "a"), (2.0, "b"), (3.0, "c"), (4.0, "d")]).unwrap();
        assert_eq!(cluster.zrange::<_, String>("z", 1, -2).unwrap(), ["b", "c"]);
        assert_eq!(cluster.zrange_with_scores("z", 0, 0).unwrap(), scored(&[("a", 1.0)]));
        assert_eq!(cluster.zrevrange::<_, String>("z", 0, 1).unwrap(), ["d", "c"]);
        assert_eq!(cluster.zrevrange_with_scores("z", -1, -1).unwrap(), scored(&[("a", 1.0)]));
        assert!(cluster.zrange::<_, String>("z", 4, 9).unwrap().is_empty());
        assert_eq!(cluster.zrange_by::<_, String>("z", ZRange::by_rank(0, 1)).unwrap(), ["a", "b"]);
        assert_eq!(cluster.zrange_by::<_, String>("z", ZRange::by_rank(0, 1).rev()).unwrap(), ["d", "c"]);
        fails_with(
            ErrorKind::Server,
            cluster.zrange_by::<_, String>("z", ZRange::by_rank(0, 1).limit(Limit::first(1))),
        );

        assert_eq!(cluster.zrangestore("copy{z}", "z", ZRange::by_rank(1, 2)).unwrap(), 2);
        assert_eq!(all(cluster, "copy{z}"), scored(&[("b", 2.0), ("c", 3.0)]));
        let home = home_of(cluster, servers, "z");
        assert_eq!(home.ask(&["ZCARD", "copy"]).int(), 2);
        assert_eq!(cluster.zrangestore("copy{z}", "z", ZRange::by_rank(9, 9)).unwrap(), 0);
        assert_eq!(home.ask(&["EXISTS", "copy"]).int(), 0);

        assert_eq!(cluster.zremrangebyrank("z", 0, -2).unwrap(), 3);
        assert_eq!(all(cluster, "z"), scored(&[("d", 4.0)]));
    });
}

#[test]
fn ranges_by_score() {
    in_both_protocols(|cluster, _| {
        let members = [("min", -INF), ("a", 1.0), ("b", 1.5), ("c", 2.0), ("d", 3.0), ("max", INF)];
        cluster.zadd("z", scored(&members)).unwrap();
        assert_eq!(cluster.zcount("z", ..).unwrap(), 6);
        assert_eq!(cluster.zcount("z", 1..3).unwrap(), 3);
        assert_eq!(cluster.zcount("z", 1..=3).unwrap(), 4);
        assert_eq!(cluster.zcount("z", 1.5..).unwrap(), 4);
        assert_eq!(cluster.zcount("z", ..1.5).unwrap(), 2);
        assert_eq!(cluster.zcount("z", ..=1.5).unwrap(), 3);
        let open = (ScoreBound::Exclusive(1.0), ScoreBound::Exclusive(3.0));
        assert_eq!(cluster.zcount("z", open).unwrap(), 2);
        let finite = (ScoreBound::Exclusive(-INF), ScoreBound::Exclusive(INF));
        assert_eq!(cluster.zcount("z", finite).unwrap(), 4);
        assert_eq!(cluster.zcount("z", (ScoreBound::MAX, ScoreBound::MIN)).unwrap(), 0);
        assert_eq!(cluster.zcount("z", (INF, INF)).unwrap(), 1);
        fails_with(ErrorKind::Server, cluster.zcount("z", f64::NAN..));

        assert_eq!(cluster.zrangebyscore::<_, _, String>("z", 1..=2, None).unwrap(), ["a", "b", "c"]);
        assert_eq!(cluster.zrevrangebyscore::<_, _, String>("z", 1..=2, None).unwrap(), ["c", "b", "a"]);
        let second = Some(Limit::new(1, 1));
        assert_eq!(cluster.zrangebyscore::<_, _, String>("z", finite, second).unwrap(), ["b"]);
        assert_eq!(cluster.zrevrangebyscore::<_, _, String>("z", finite, second).unwrap(), ["c"]);
        let rest = Some(Limit::after(4));
        let expected = scored(&[("d", 3.0), ("max", INF)]);
        assert_eq!(cluster.zrangebyscore_with_scores("z", .., rest).unwrap(), expected);
        let expected = scored(&[("a", 1.0), ("min", -INF)]);
        assert_eq!(cluster.zrevrangebyscore_with_scores("z", .., rest).unwrap(), expected);
        assert_eq!(cluster.zrevrangebyscore_with_scores("z", 1..=1, None).unwrap(), scored(&[("a", 1.0)]));

        let range = ZRange::by_score(1..3);
        assert_eq!(cluster.zrange_by::<_, String>("z", range.clone()).unwrap(), ["a", "b", "c"]);
        assert_eq!(cluster.zrange_by::<_, String>("z", range.clone().rev()).unwrap(), ["c", "b", "a"]);
        let expected = scored(&[("b", 1.5)]);
        assert_eq!(cluster.zrange_by_with_scores("z", range.rev().limit(Limit::new(1, 1))).unwrap(), expected);
        assert_eq!(cluster.zrangestore("copy{z}", "z", ZRange::by_score(2..).limit(Limit::first(2))).unwrap(), 2);
        assert_eq!(all(cluster, "copy{z}"), scored(&[("c", 2.0), ("d", 3.0)]));

        assert_eq!(cluster.zremrangebyscore("z", finite).unwrap(), 4);
        assert_eq!(all(cluster, "z"), scored(&[("min", -INF), ("max", INF)]));
    });
}

#[test]
fn ranges_by_member() {
    in_both_protocols(|cluster, _| {
        cluster.zadd("z", ["", "a", "b", "c", "d"].map(|member| (0, member))).unwrap();
        assert_eq!(cluster.zlexcount("z", ..).unwrap(), 5);
        assert_eq!(cluster.zlexcount("z", "a".."c").unwrap(), 2);
        assert_eq!(cluster.zlexcount("z", "a"..="c").unwrap(), 3);
        assert_eq!(cluster.zlexcount("z", ""..).unwrap(), 5);
        assert_eq!(cluster.zlexcount("z", .."b").unwrap(), 2);
        assert_eq!(cluster.zlexcount("z", ..="b".to_owned()).unwrap(), 3);
        assert_eq!(cluster.zlexcount("z", (LexBound::exclusive("a"), LexBound::MAX)).unwrap(), 3);
        assert_eq!(cluster.zlexcount("z", (LexBound::MAX, LexBound::MIN)).unwrap(), 0);

        assert_eq!(cluster.zrangebylex::<_, _, String>("z", "b".., None).unwrap(), ["b", "c", "d"]);
        assert_eq!(cluster.zrevrangebylex::<_, _, String>("z", "b".., None).unwrap(), ["d", "c", "b"]);
        assert_eq!(cluster.zrangebylex::<_, _, String>("z", .., Some(Limit::after(3))).unwrap(), ["c", "d"]);
        assert_eq!(cluster.zrevrangebylex::<_, _, String>("z", .., Some(Limit::new(1, 2))).unwrap(), ["c", "b"]);
        let range = ZRange::by_lex("a".."d");
        assert_eq!(cluster.zrange_by::<_, String>("z", range.clone()).unwrap(), ["a", "b", "c"]);
        assert_eq!(cluster.zrange_by::<_, String>("z", range.rev().limit(Limit::first(2))).unwrap(), ["c", "b"]);
        fails_with(ErrorKind::Server, cluster.zrange_by_with_scores::<_, String>("z", ZRange::by_lex(..)));
        assert_eq!(cluster.zrangestore("copy{z}", "z", ZRange::by_lex("c"..)).unwrap(), 2);

        assert_eq!(cluster.zremrangebylex("z", (LexBound::MIN, LexBound::exclusive("d"))).unwrap(), 4);
        assert_eq!(all(cluster, "z"), scored(&[("d", 0.0)]));
    });
}

#[test]
fn unions_intersections_and_differences() {
    in_both_protocols(|cluster, servers| {
        let [a, b, c, text] = ["a{x}", "b{x}", "c{x}", "text{x}"];
        cluster.zadd(a, [(1.0, "one"), (2.0, "two"), (INF, "inf")]).unwrap();
        cluster.zadd(b, [(10.0, "two"), (20.0, "three"), (30.0, "inf")]).unwrap();
        cluster.sadd(c, ["two", "four"]).unwrap();
        cluster.set(text, "text").unwrap();
        let options = ZCombineOptions::new;
        let max = options().aggregate(Aggregate::Max);
        let weighed = options().weights([-1.0, 0.5]).aggregate(Aggregate::Min);

        assert_eq!(cluster.zunion::<_, String>([a, b, c]).unwrap(), ["four", "one", "two", "three", "inf"]);
        let expected = [("one", 1.0), ("two", 12.0), ("three", 20.0), ("inf", INF)];
        assert_eq!(cluster.zunion_with_scores([a, b], options()).unwrap(), scored(&expected));
        let expected = [("one", 1.0), ("two", 10.0), ("three", 20.0), ("inf", INF)];
        assert_eq!(cluster.zunion_with_scores([a, b], max.clone()).unwrap(), scored(&expected));
        assert_eq!(cluster.zunionstore("r{x}", [a, b, c]).unwrap(), 5);
        assert_eq!(cluster.zscore("r{x}", "two").unwrap(), Some(13.0));
        assert_eq!(cluster.zunionstore_with("r{x}", [a, b], weighed.clone()).unwrap(), 4);
        let expected = scored(&[("inf", -INF), ("two", -2.0), ("one", -1.0), ("three", 10.0)]);
        assert_eq!(all(cluster, "r{x}"), expected);

        assert_eq!(cluster.zinter::<_, String>([a, b]).unwrap(), ["two", "inf"]);
        let expected = scored(&[("inf", -INF), ("two", -2.0)]);
        assert_eq!(cluster.zinter_with_scores([a, b], weighed.clone()).unwrap(), expected);
        assert_eq!(cluster.zinterstore("r{x}", [a, b]).unwrap(), 2);
        assert_eq!(all(cluster, "r{x}"), scored(&[("two", 12.0), ("inf", INF)]));
        assert_eq!(cluster.zinterstore_with("r{x}", [a, b, c], max).unwrap(), 1);
        assert_eq!(all(cluster, "r{x}"), scored(&[("two", 10.0)]));

        assert_eq!(cluster.zdiff::<_, String>([a, c]).unwrap(), ["one", "inf"]);
        assert_eq!(cluster.zdiff_with_scores([a, b]).unwrap(), scored(&[("one", 1.0)]));
        assert_eq!(cluster.zdiffstore("r{x}", [b, a]).unwrap(), 1);
        assert_eq!(all(cluster, "r{x}"), scored(&[("three", 20.0)]));
        assert_eq!(cluster.zdiffstore("r{x}", [a, a]).unwrap(), 0);
        assert_eq!(home_of(cluster, servers, "x").ask(&["EXISTS", "r"]).int(), 0);

        if servers[0].is_since("7.0", "ZINTERCARD") {
            assert_eq!(cluster.zintercard([a, b]).unwrap(), 2);
            assert_eq!(cluster.zintercard_limit([a, b], 1).unwrap(), 1);
            assert_eq!(cluster.zintercard_limit(a, 0).unwrap(), 3);
            fails_with(ErrorKind::WrongType, cluster.zintercard([a, text]));
        }

        let wrong = ErrorKind::WrongType;
        fails_with(wrong, cluster.zunion::<_, String>([a, text]));
        fails_with(wrong, cluster.zunion_with_scores::<_, String>([text], options()));
        fails_with(wrong, cluster.zunionstore("r{x}", [a, text]));
        fails_with(wrong, cluster.zinter::<_, String>([a, text]));
        fails_with(wrong, cluster.zinter_with_scores::<_, String>([a, text], options()));
        fails_with(wrong, cluster.zinterstore("r{x}", [a, text]));
        fails_with(wrong, cluster.zdiff::<_, String>([a, text]));
        fails_with(wrong, cluster.zdiff_with_scores::<_, String>([text, a]));
        fails_with(wrong, cluster.zdiffstore("r{x}", [a, text]));
        // One weight for two keys.
        fails_with(ErrorKind::Server, cluster.zunionstore_with("r{x}", [a, b], options().weights([1.0])));
        fails_with(ErrorKind::Argument, cluster.zunion::<_, String>(Vec::<String>::new()));
    });
}

#[test]
fn across_nodes() {
    in_both_protocols(|cluster, servers| {
        let (here, there) = apart(cluster);
        let keys = [&here, &there];
        let options = ZCombineOptions::new;
        cluster.zadd(&here, [(1, "a"), (2, "b")]).unwrap();
        cluster.zadd(&there, [(10, "b"), (20, "c")]).unwrap();
        assert_eq!(cluster.zunion::<_, String>(keys).unwrap(), ["a", "b", "c"]);
        let union = scored(&[("a", 1.0), ("b", 12.0), ("c", 20.0)]);
        assert_eq!(cluster.zunion_with_scores::<_, String>(keys, options()).unwrap(), union);
        assert_eq!(cluster.zinter::<_, String>(keys).unwrap(), ["b"]);
        assert_eq!(cluster.zinter_with_scores::<_, String>(keys, options()).unwrap(), scored(&[("b", 12.0)]));
        assert_eq!(cluster.zdiff::<_, String>(keys).unwrap(), ["a"]);
        assert_eq!(cluster.zdiff_with_scores::<_, String>(keys).unwrap(), scored(&[("a", 1.0)]));
        if servers[0].is_since("7.0", "ZINTERCARD") {
            assert_eq!(cluster.zintercard(keys).unwrap(), 1);
            assert_eq!(cluster.zintercard_limit(keys, 1).unwrap(), 1);
        }
        assert_eq!(cluster.zunionstore_with("sum", keys, options()).unwrap(), 3);
        assert_eq!(all(cluster, "sum"), union);
        assert_eq!(cluster.zinterstore_with("sum", keys, options()).unwrap(), 1);
        assert_eq!(cluster.zrangestore("sum", &there, ZRange::by_rank(1, -1)).unwrap(), 1);
        assert_eq!(all(cluster, "sum"), scored(&[("c", 20.0)]));
        assert_eq!(cluster.zdiffstore(&there, keys).unwrap(), 1, "the destination is a source as well");
        assert_eq!(all(cluster, there.as_str()), scored(&[("a", 1.0)]));
        assert!(cluster.bzpopmax::<_, String, String>(keys, SHORT).unwrap().is_some());
        let sent = |command| servers.iter().map(|server| server.calls(command)).sum::<u64>();
        assert!(sent("restore") > 0, "the keys were apart");
        let stashes = servers.iter().map(|server| server.ask(&["KEYS", "rediscluster:stash:*"]));
        assert!(stashes.into_iter().all(|keys| keys == Reply::Array(Vec::new())));
    });
}

#[test]
fn missing_keys() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.zcard("z").unwrap(), 0);
        assert_eq!(cluster.zscore("z", "a").unwrap(), None);
        assert_eq!(cluster.zmscore("z", ["a", "b"]).unwrap(), [None, None]);
        assert_eq!(cluster.zrank("z", "a").unwrap(), None);
        assert_eq!(cluster.zrevrank("z", "a").unwrap(), None);
        assert_eq!(cluster.zrem("z", "a").unwrap(), 0);
        assert_eq!(cluster.zpopmin::<_, String>("z").unwrap(), None);
        assert_eq!(cluster.zpopmax::<_, String>("z").unwrap(), None);
        assert_eq!(cluster.zpopmin_count::<_, String>("z", 2).unwrap(), []);
        assert_eq!(cluster.zpopmax_count::<_, String>("z", 2).unwrap(), []);
        assert_eq!(cluster.bzpopmin::<_, String, String>("z", SHORT).unwrap(), None);
        assert_eq!(cluster.bzpopmax::<_, String, String>(["z", "y{z}"], SHORT).unwrap(), None);
        assert_eq!(cluster.zrandmember::<_, Option<String>>("z").unwrap(), None);
        assert!(cluster.zrandmember_count::<_, String>("z", -3).unwrap().is_empty());
        assert_eq!(cluster.zrandmember_with_scores::<_, String>("z", 3).unwrap(), []);
        assert_eq!(cluster.zcount("z", ..).unwrap(), 0);
        assert_eq!(cluster.zlexcount("z", ..).unwrap(), 0);
        assert!(cluster.zrange::<_, String>("z", 0, -1).unwrap().is_empty());
        assert_eq!(cluster.zrange_with_scores::<_, String>("z", 0, -1).unwrap(), []);
        assert!(cluster.zrange_by::<_, String>("z", ZRange::by_score(..)).unwrap().is_empty());
        assert_eq!(cluster.zrange_by_with_scores::<_, String>("z", ZRange::by_score(..)).unwrap(), []);
        assert_eq!(cluster.zrangestore("y{z}", "z", ZRange::by_lex(..)).unwrap(), 0);
        assert!(cluster.zrangebyscore::<_, _, String>("z", .., None).unwrap().is_empty());
        assert_eq!(cluster.zrangebyscore_with_scores::<_, _, String>("z", .., None).unwrap(), []);
        assert!(cluster.zrangebylex::<_, _, String>("z", .., None).unwrap().is_empty());
        assert!(cluster.zrevrange::<_, String>("z", 0, -1).unwrap().is_empty());
        assert_eq!(cluster.zrevrange_with_scores::<_, String>("z", 0, -1).unwrap(), []);
        assert!(cluster.zrevrangebyscore::<_, _, String>("z", .., None).unwrap().is_empty());
        assert_eq!(cluster.zrevrangebyscore_with_scores::<_, _, String>("z", .., None).unwrap(), []);
        assert!(cluster.zrevrangebylex::<_, _, String>("z", .., None).unwrap().is_empty());
        assert_eq!(cluster.zremrangebyrank("z", 0, -1).unwrap(), 0);
        assert_eq!(cluster.zremrangebyscore("z", ..).unwrap(), 0);
        assert_eq!(cluster.zremrangebylex("z", ..).unwrap(), 0);
        assert!(cluster.zunion::<_, String>(["z", "y{z}"]).unwrap().is_empty());
        assert_eq!(cluster.zunion_with_scores::<_, String>("z", ZCombineOptions::new()).unwrap(), []);
        assert!(cluster.zinter::<_, String>("z").unwrap().is_empty());
        assert!(cluster.zdiff::<_, String>("z").unwrap().is_empty());
        assert_eq!(cluster.zunionstore("y{z}", "z").unwrap(), 0);
        assert_eq!(cluster.zinterstore("y{z}", "z").unwrap(), 0);
        assert_eq!(cluster.zdiffstore("y{z}", "z").unwrap(), 0);
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "nothing was made");
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        cluster.set("t", "text").unwrap();
        let wrong = ErrorKind::WrongType;
        fails_with(wrong, cluster.zadd("t", (1, "a")));
        fails_with(wrong, cluster.zadd_with("t", (1, "a"), ZAddOptions::new().if_missing()));
        fails_with(wrong, cluster.zadd_incr("t", 1.0, "a", ZAddOptions::new()));
        fails_with(wrong, cluster.zincrby("t", 1.0, "a"));
        fails_with(wrong, cluster.zcard("t"));
        fails_with(wrong, cluster.zscore("t", "a"));
        fails_with(wrong, cluster.zmscore("t", ["a"]));
        fails_with(wrong, cluster.zrank("t", "a"));
        fails_with(wrong, cluster.zrevrank("t", "a"));
        fails_with(wrong, cluster.zrem("t", "a"));
        fails_with(wrong, cluster.zpopmin::<_, String>("t"));
        fails_with(wrong, cluster.zpopmax::<_, String>("t"));
        fails_with(wrong, cluster.zpopmin_count::<_, String>("t", 1));
        fails_with(wrong, cluster.zpopmax_count::<_, String>("t", 1));
        fails_with(wrong, cluster.bzpopmin::<_, String, String>("t", SHORT));
        fails_with(wrong, cluster.bzpopmax::<_, String, String>("t", SHORT));
        fails_with(wrong, cluster.zrandmember::<_, Option<String>>("t"));
        fails_with(wrong, cluster.zrandmember_count::<_, String>("t", 1));
        fails_with(wrong, cluster.zrandmember_with_scores::<_, String>("t", 1));
        fails_with(wrong, cluster.zcount("t", ..));
        fails_with(wrong, cluster.zlexcount("t", ..));
        fails_with(wrong, cluster.zrange::<_, String>("t", 0, -1));
        fails_with(wrong, cluster.zrange_with_scores::<_, String>("t", 0, -1));
        fails_with(wrong, cluster.zrange_by::<_, String>("t", ZRange::by_lex(..)));
        fails_with(wrong, cluster.zrange_by_with_scores::<_, String>("t", ZRange::by_score(..)));
        fails_with(wrong, cluster.zrangestore("d{t}", "t", ZRange::by_rank(0, -1)));
        fails_with(wrong, cluster.zrangebyscore::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zrangebyscore_with_scores::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zrangebylex::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zrevrange::<_, String>("t", 0, -1));
        fails_with(wrong, cluster.zrevrange_with_scores::<_, String>("t", 0, -1));
        fails_with(wrong, cluster.zrevrangebyscore::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zrevrangebyscore_with_scores::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zrevrangebylex::<_, _, String>("t", .., None));
        fails_with(wrong, cluster.zremrangebyrank("t", 0, -1));
        fails_with(wrong, cluster.zremrangebyscore("t", ..));
        fails_with(wrong, cluster.zremrangebylex("t", ..));
        assert_eq!(cluster.get::<_, String>("t").unwrap(), "text");
    });
}

#[test]
fn names_and_members_of_any_bytes() {
    in_both_protocols(|cluster, servers| {
        let name: &[u8] = b"z\0\xff\r\n";
        let member: &[u8] = b"\x80\0 \r\n(1\r\n";
        assert_eq!(cluster.zadd(name, [(0, member), (0, b"")]).unwrap(), 2);
        let home = home_of(cluster, servers, name);
        assert_eq!(home.ask(&[&b"ZRANGE"[..], name, b"0", b"-1"]), Reply::bulks(&[&b""[..], member]));
        assert_eq!(cluster.zscore(name, member).unwrap(), Some(0.0));
        assert_eq!(cluster.zrange::<_, Vec<u8>>(name, 0, -1).unwrap(), [b"", member]);
        let range = LexRange::from((LexBound::inclusive(member), LexBound::inclusive(member)));
        assert_eq!(cluster.zrangebylex::<_, _, Vec<u8>>(name, range, None).unwrap(), [member]);
        assert_eq!(cluster.zlexcount(name, LexRange::from(..member)).unwrap(), 1);
        fails_with(ErrorKind::Reply, cluster.zrange::<_, String>(name, 0, -1));
        let popped: Option<(Vec<u8>, Vec<u8>, f64)> = cluster.bzpopmax(name, SECOND).unwrap();
        assert_eq!(popped, Some((name.to_vec(), member.to_vec(), 0.0)));

        // A tag chooses the node and is not stored.
        cluster.zadd("ages{there}", [(31, "anna"), (27, "bert")]).unwrap();
        let home = home_of(cluster, servers, "there");
        assert_eq!(home.ask(&["ZSCORE", "ages", "anna"]), Reply::bulk("31"));
        assert_eq!(cluster.zunionstore("all{there}", ["ages{there}", "there"]).unwrap(), 2);
        assert_eq!(home.ask(&["ZCARD", "all"]).int(), 2);
        let popped: Option<(String, String, f64)> = cluster.bzpopmin(["there", "ages{there}"], SECOND).unwrap();
        assert_eq!(popped, Some(("ages".to_owned(), "bert".to_owned(), 27.0)));
    });
}

#[test]
fn waiting_until_somebody_adds() {
    in_both_protocols(|cluster, servers| {
        let home = home_of(cluster, servers, "z");
        type Waits<'w> = &'w (dyn Fn() -> Option<(String, String, f64)> + Sync);
        let waits: [Waits<'_>; 2] = [&|| cluster.bzpopmin(["none{z}", "z"], Duration::from_secs(20)).unwrap(), &|| {
            cluster.bzpopmax("z", Duration::ZERO).unwrap()
        }];
        for wait in waits {
            thread::scope(|scope| {
                let waiting = scope.spawn(wait);
                wait_until("somebody waits", || home.field("clients", "blocked_clients").as_deref() == Some("1"));
                home.ask(&["ZADD", "z", "-inf", "came"]);
                assert_eq!(waiting.join().unwrap(), Some(("z".to_owned(), "came".to_owned(), -INF)));
            });
        }
    });
}

#[test]
fn waiting_ends() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).deadline(Duration::from_millis(250)).connect().unwrap();
    let begin = Instant::now();
    assert_eq!(cluster.bzpopmin::<_, String, String>("none", Duration::from_millis(600)).unwrap(), None);
    assert!(begin.elapsed() >= Duration::from_millis(500));
    for tiny in [Duration::from_nanos(1), Duration::from_micros(999)] {
        assert_eq!(cluster.bzpopmin::<_, String, String>("none", tiny).unwrap(), None);
        assert_eq!(cluster.bzpopmax::<_, String, String>("none", tiny).unwrap(), None);
    }
}

#[test]
fn what_is_sent() {
    fn words<T>(cmd: Cmd<T>) -> String {
        cmd.args().iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
    let exclusive = ScoreBound::Exclusive;
    assert_eq!(words(Build.zcount("z", ..)), "ZCOUNT z -inf inf");
    assert_eq!(words(Build.zcount("z", (exclusive(0.5), exclusive(INF)))), "ZCOUNT z (0.5 (inf");
    assert_eq!(words(Build.zlexcount("z", ..)), "ZLEXCOUNT z - +");
    assert_eq!(words(Build.zlexcount("z", 1..5)), "ZLEXCOUNT z [1 (5");
    let limit = Some(Limit::after(3));
    let cmd = Build.zrevrangebyscore_with_scores::<_, _, ()>("z", 1..=2, limit);
    assert_eq!(words(cmd), "ZREVRANGEBYSCORE z 2 1 WITHSCORES LIMIT 3 -1");
    assert_eq!(words(Build.zrevrangebylex::<_, _, ()>("z", "a".., None)), "ZREVRANGEBYLEX z + [a");
    let range = ZRange::by_lex("a".."c").rev().limit(Limit::first(7));
    assert_eq!(words(Build.zrangestore("d", "s", range)), "ZRANGESTORE d s (c [a BYLEX REV LIMIT 0 7");
    let range = ZRange::by_score(1..2).rev();
    assert_eq!(words(Build.zrange_by_with_scores::<_, ()>("z", range)), "ZRANGE z (2 1 BYSCORE REV WITHSCORES");
    let options = ZCombineOptions::new().weights([1.0, -INF]).aggregate(Aggregate::Sum);
    let cmd = Build.zunionstore_with("d", ["a", "b"], options);
    assert_eq!(words(cmd), "ZUNIONSTORE d 2 a b WEIGHTS 1 -inf AGGREGATE SUM");
    let options = ZAddOptions::new().changed().if_greater().if_exists();
    assert_eq!(words(Build.zadd_with("z", BTreeMap::from([("m", 1)]), options)), "ZADD z XX GT CH 1 m");
    assert_eq!(words(Build.zadd_incr("z", 1.5, "m", ZAddOptions::new())), "ZADD z INCR 1.5 m");
    assert_eq!(words(Build.zintercard_limit(["a", "b"], 3)), "ZINTERCARD 2 a b LIMIT 3");
}
