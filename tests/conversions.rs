//! Rust values go to a server and come back as they were; what does not fit is told and harms nothing.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, FromValue, ToArg, Value};
use rediscluster_testing::in_both_protocols;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

fn there_and_back<T: ToArg + FromValue + PartialEq + Debug>(cluster: &Cluster, values: impl IntoIterator<Item = T>) {
    for value in values {
        cluster.set("foo", &value).unwrap();
        assert_eq!(cluster.get::<_, T>("foo").unwrap(), value);
        assert_eq!(cluster.get::<_, Option<T>>("foo").unwrap(), Some(value));
    }
}

#[test]
fn single_values() {
    in_both_protocols(|cluster, _| {
        there_and_back(cluster, [i64::MIN, -1, 0, 1, i64::MAX]);
        there_and_back(cluster, [u64::MIN, u64::MAX]);
        there_and_back(cluster, [i8::MIN, i8::MAX]);
        there_and_back(cluster, [i16::MIN, i16::MAX]);
        there_and_back(cluster, [u16::MAX]);
        there_and_back(cluster, [i128::MIN, i128::MAX]);
        there_and_back(cluster, [u128::MAX]);
        there_and_back(cluster, [usize::MAX]);
        let floats =
            [0.0, -0.1, 1e300, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NEG_INFINITY, 0.1 + 0.2];
        there_and_back(cluster, floats);
        there_and_back(cluster, [f32::MAX, f32::MIN_POSITIVE, 0.1]);
        there_and_back(cluster, [true, false]);
        there_and_back(cluster, ["", "text", "\u{e9}\0\r\n"].map(str::to_owned));
        there_and_back(cluster, ["boxed"].map(Box::<str>::from));
        there_and_back(cluster, ["shared"].map(Arc::<str>::from));
        there_and_back(cluster, ["cow"].map(Cow::Borrowed));
        there_and_back(cluster, [(0..=255).collect::<Vec<u8>>(), Vec::new()]);
        cluster.set("foo", f64::NAN).unwrap();
        assert!(cluster.get::<_, f64>("foo").unwrap().is_nan());
        cluster.set("foo", 'x').unwrap();
        cluster.set("foo", b"bytes").unwrap();
        assert_eq!(cluster.get::<_, Vec<u8>>("foo").unwrap(), b"bytes");
    });
}

#[test]
fn several_values() {
    in_both_protocols(|cluster, _| {
        let pairs = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        cluster.hset("hash", &pairs).unwrap();
        assert_eq!(cluster.hgetall::<_, BTreeMap<String, i32>>("hash").unwrap(), pairs);
        assert_eq!(cluster.hgetall::<_, HashMap<String, i32>>("hash").unwrap(), pairs.clone().into_iter().collect());
        let mut list: Vec<(String, i32)> = cluster.hgetall("hash").unwrap();
        list.sort();
        assert_eq!(list, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let members = HashSet::from([1, 2, 3]);
        cluster.sadd("set", &members).unwrap();
        assert_eq!(cluster.smembers::<_, HashSet<i32>>("set").unwrap(), members);
        assert_eq!(cluster.smembers::<_, BTreeSet<i32>>("set").unwrap(), members.into_iter().collect());
        cluster.rpush("list", Some("only")).unwrap();
        cluster.rpush("list", vec!["more"]).unwrap();
        let (first, second): (String, String) =
            cluster.execute(cmd("LRANGE").arg("list").arg(0).arg(-1).reply()).unwrap();
        assert_eq!((first.as_str(), second.as_str()), ("only", "more"));
        let both: [Option<String>; 2] = cluster.mget(["missing", "other"]).unwrap();
        assert_eq!(both, [None, None]);
        assert_eq!(cluster.hgetall::<_, HashMap<String, i32>>("missing").unwrap(), HashMap::new());
        assert_eq!(cluster.execute(cmd("GET").arg("missing")).unwrap(), Value::Nil);
    });
}

#[test]
fn what_does_not_fit_is_told_and_shown() {
    in_both_protocols(|cluster, _| {
        cluster.set("foo", "forty-two").unwrap();
        cluster.rpush("list{foo}", ["1", "2", "x"]).unwrap();
        for error in [
            cluster.get::<_, i8>("foo").unwrap_err(),
            cluster.get::<_, bool>("foo").unwrap_err(),
            cluster.get::<_, f64>("foo").unwrap_err(),
            cluster.get::<_, Vec<String>>("foo").unwrap_err(),
            cluster.get::<_, HashMap<String, String>>("foo").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Reply);
            assert!(error.message().contains("forty-two"), "{error}");
        }
        let all = |_| cmd("LRANGE").arg("list{foo}").arg(0).arg(-1);
        assert!(cluster.execute(all(()).reply::<Vec<i32>>()).unwrap_err().message().contains('x'));
        assert_eq!(
            cluster.execute(all(()).reply::<[String; 2]>()).unwrap_err().message(),
            "expected 2 elements, got 3"
        );
        assert!(cluster
            .execute(all(()).reply::<HashMap<String, String>>())
            .unwrap_err()
            .message()
            .contains("groups of 2"));
        cluster.set("foo", 300).unwrap();
        assert!(cluster.get::<_, i8>("foo").unwrap_err().message().contains("fits i8"));
        assert_eq!(cluster.get::<_, u16>("foo").unwrap(), 300, "the connection stayed in step");
    });
}

/// A script that gives back what it is told, as a server does it.
fn returned<T: FromValue>(cluster: &Cluster, text: &str) -> rediscluster::Result<T> {
    cluster.eval(format!("return {text}"), (), ())
}

#[test]
fn small_numbers_have_their_ranges() {
    in_both_protocols(|cluster, _| {
        assert_eq!(returned::<u8>(cluster, "255").unwrap(), 255);
        assert_eq!(returned::<u8>(cluster, "'7'").unwrap(), 7);
        assert_eq!(
            returned::<(u8, i8, u16, i16)>(cluster, "{255, -128, 65535, -32768}").unwrap(),
            (255, -128, 65535, -32768)
        );
        fn refuses<T: FromValue + Debug>(cluster: &Cluster, text: &str, name: &str) {
            let error = returned::<T>(cluster, text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Reply, "{error}");
            assert!(error.message().contains(name), "{error}");
        }
        refuses::<u8>(cluster, "256", "fits u8");
        refuses::<u8>(cluster, "-1", "fits u8");
        refuses::<u8>(cluster, "'256'", "fits u8");
        refuses::<i8>(cluster, "128", "fits i8");
        refuses::<u16>(cluster, "65536", "fits u16");
        refuses::<i16>(cluster, "-32769", "fits i16");
        // Bytes are no list of numbers, whether they come as a vector, as an array or within something else.
        assert_eq!(returned::<Vec<u8>>(cluster, "'abc'").unwrap(), b"abc");
        assert_eq!(returned::<[u8; 3]>(cluster, "'abc'").unwrap(), *b"abc");
        assert_eq!(returned::<Vec<Vec<u8>>>(cluster, "{'a', 'bc'}").unwrap(), [&b"a"[..], b"bc"]);
        assert_eq!(returned::<Option<Vec<u8>>>(cluster, "false").unwrap(), None);
        refuses::<Vec<u8>>(cluster, "{1, 2}", "a string");
        let large = vec![0xff; 1 << 20];
        cluster.set("large", &large).unwrap();
        assert_eq!(cluster.get::<_, Vec<u8>>("large").unwrap(), large);
        assert_eq!(cluster.get::<_, Option<Vec<u8>>>("large").unwrap(), Some(large));
    });
}

#[test]
fn tuples_of_up_to_twelve() {
    in_both_protocols(|cluster, _| {
        let five: (u8, String, i64, f64, Option<String>) = returned(cluster, "{1, 'two', 3, '4.5', false}").unwrap();
        assert_eq!(five, (1, "two".to_owned(), 3, 4.5, None));
        type Twelve = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
        let twelve: Twelve = returned(cluster, "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}").unwrap();
        assert_eq!(twelve, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
        assert_eq!(returned::<Twelve>(cluster, "{1, 2}").unwrap_err().kind(), ErrorKind::Reply);
    });
}

#[test]
fn iterators_wherever_lists_are_taken() {
    in_both_protocols(|cluster, _| {
        let users = ["ann", "bob", "eve"];
        let names = || users.iter().map(|name| format!("user:{name}"));
        cluster.mset(names().zip(1..)).unwrap();
        assert_eq!(
            cluster.mget::<_, Vec<u8>>(names().chain(["none".to_owned()])).unwrap_err().kind(),
            ErrorKind::Reply
        );
        assert_eq!(cluster.mget::<_, [u16; 3]>(names()).unwrap(), [1, 2, 3]);
        assert_eq!(cluster.exists(names().filter(|name| name.ends_with('e'))).unwrap(), 1);
        assert_eq!(cluster.touch(names().rev().skip(1)).unwrap(), 2);
        cluster.mset(users.iter().enumerate().map(|(number, name)| (*name, number))).unwrap();
        assert_eq!(cluster.unlink(users.iter().take(2)).unwrap(), 2);

        let map: BTreeMap<_, _> = users.into_iter().zip([1.5, 2.5, 3.5]).collect();
        assert_eq!(cluster.hset("hash", map.iter()).unwrap(), 3);
        assert_eq!(cluster.hdel("hash", map.keys()).unwrap(), 3);
        let hashed: HashMap<_, _> = map.clone().into_iter().collect();
        assert_eq!(cluster.hset("hash", hashed.iter().filter(|(_, score)| **score > 2.0)).unwrap(), 2);
        assert_eq!(
            cluster.sadd("set", users.iter().flat_map(|name| [name.to_uppercase(), name.to_string()])).unwrap(),
            6
        );
        assert_eq!(cluster.srem("set", HashSet::from(users).iter()).unwrap(), 3);
        assert_eq!(cluster.zadd("sorted", map.iter().map(|(name, score)| (score, name))).unwrap(), 3);
        assert_eq!(cluster.zrem("sorted", users.iter().copied().step_by(2)).unwrap(), 2);
        assert_eq!(cluster.rpush("list", 0..5).unwrap(), 5);
        assert_eq!(cluster.lpush("list", (6..=9).filter_map(|n: i32| (n % 2 == 0).then_some(n * 10))).unwrap(), 7);
        assert_eq!(cluster.rpush("list", "a b  c".split_whitespace()).unwrap(), 10);
        assert_eq!(cluster.rpush("list", VecDeque::from([1, 2])).unwrap(), 12);
        assert_eq!(cluster.geoadd("places", users.iter().map(|name| (13.4, 52.5, *name))).unwrap(), 3);
        cluster.xadd("stream", users.iter().map(|name| (name, 1))).unwrap();
        assert_eq!(cluster.del(["hash", "set", "sorted", "list", "places", "stream"].iter()).unwrap(), 6);

        let mut pipeline = cluster.pipeline();
        let set = pipeline.sadd("set", users.iter().map(|name| name.len()));
        assert_eq!(pipeline.run().unwrap().get(set).unwrap(), 1);
        // What was taken before is taken still.
        cluster.mset(("one", 1)).unwrap();
        let (pairs, names) = ([("one", 1), ("two", 2)], vec!["none"]);
        cluster.mset(&pairs[..]).unwrap();
        cluster.mset(vec![("one", 1)]).unwrap();
        cluster.mset(&hashed).unwrap();
        assert_eq!(cluster.del("one").unwrap() + cluster.del(["two"]).unwrap(), 2);
        assert_eq!(cluster.del(pairs.map(|(name, _)| name)).unwrap(), 0);
        assert_eq!(cluster.del(&names[..]).unwrap(), 0);
        assert_eq!(cluster.del(Some("none")).unwrap() + cluster.del(&names).unwrap(), 0);
    });
}

#[test]
fn errors_are_cloned_whole() {
    let error = Cluster::builder().node("node_1", "127.0.0.1:1").connect().unwrap_err();
    let other = error.clone();
    assert_eq!(format!("{error:?}"), format!("{other:?}"));
    let source = |error: &rediscluster::Error| std::error::Error::source(error).map(ToString::to_string);
    assert!(source(&other).is_some());
    assert_eq!(source(&other), source(&error));
    assert_eq!("[::1]:63791".parse::<rediscluster::Address>().unwrap().port(), 63791);
    assert!("::1]:63791".parse::<rediscluster::Address>().is_err());
}
