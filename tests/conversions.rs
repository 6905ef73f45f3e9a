//! Rust values go to a server and come back as they were; what does not fit is told and harms nothing.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, FromValue, ToArg, Value};
use rediscluster_testing::in_both_protocols;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
