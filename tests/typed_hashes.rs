//! The typed methods of hashes on real servers, under RESP2 and RESP3.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, FromValue, Result};
use rediscluster_testing::{home_of, in_both_protocols, Reply};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

#[test]
fn set_and_get() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.hset("h{tag}", ("name", "ann")).unwrap(), 1);
        assert_eq!(cluster.hset("h{tag}", [("name", "Ann"), ("city", "Oslo")]).unwrap(), 1);
        assert_eq!(cluster.hset("h{tag}", BTreeMap::from([("age", 33), ("zip", 150)])).unwrap(), 2);
        cluster.hmset("h{tag}", HashMap::from([("age", 34)])).unwrap();
        assert_eq!(home_of(cluster, servers, "tag").ask(&["HGET", "h", "age"]), Reply::bulk("34"));

        assert_eq!(cluster.hget::<_, _, String>("h{tag}", "name").unwrap(), "Ann");
        assert_eq!(cluster.hget::<_, _, Option<String>>("h{tag}", "none").unwrap(), None);
        assert_eq!(cluster.hget::<_, _, Option<String>>("none", "name").unwrap(), None);
        let (name, age): (String, u32) = cluster.hmget("h{tag}", ["name", "age"]).unwrap();
        assert_eq!((name.as_str(), age), ("Ann", 34));
        let values: Vec<Option<u32>> = cluster.hmget("h{tag}", ["none", "zip", "zip"]).unwrap();
        assert_eq!(values, [None, Some(150), Some(150)]);
        assert_eq!(cluster.hmget::<_, _, Vec<Option<u32>>>("none", "a").unwrap(), [None]);

        assert!(cluster.hexists("h{tag}", "name").unwrap());
        assert!(!cluster.hexists("h{tag}", "none").unwrap());
        assert!(!cluster.hexists("none", "name").unwrap());
        assert!(!cluster.hsetnx("h{tag}", "name", "bob").unwrap());
        assert!(cluster.hsetnx("h{tag}", "nick", "annie").unwrap());
        assert_eq!(cluster.hstrlen("h{tag}", "nick").unwrap(), 5);
        assert_eq!(cluster.hstrlen("h{tag}", "none").unwrap(), 0);
        assert_eq!(cluster.hstrlen("none", "none").unwrap(), 0);

        assert_eq!(cluster.hlen("h{tag}").unwrap(), 5);
        assert_eq!(cluster.hdel("h{tag}", ["nick", "none", "zip", "zip"]).unwrap(), 2);
        assert_eq!(cluster.hdel("h{tag}", HashSet::from(["name", "city"])).unwrap(), 2);
        assert_eq!(cluster.hdel("h{tag}", "age").unwrap(), 1);
        assert_eq!(cluster.hdel("h{tag}", "age").unwrap(), 0);
        assert_eq!((cluster.hlen("h{tag}").unwrap(), cluster.exists("h{tag}").unwrap()), (0, 0));
    });
}

#[test]
fn whole_hashes() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.hgetall::<_, HashMap<String, String>>("none").unwrap(), HashMap::new());
        assert_eq!(cluster.hgetall::<_, Vec<(String, String)>>("none").unwrap(), []);
        assert_eq!(cluster.hkeys::<_, Vec<String>>("none").unwrap(), Vec::<String>::new());
        assert_eq!(cluster.hvals::<_, Vec<String>>("none").unwrap(), Vec::<String>::new());

        // More than fits the packed form of a small hash.
        let many: BTreeMap<String, u32> = (0..2000).map(|n| (format!("field{n}"), n)).collect();
        assert_eq!(cluster.hset("many", &many).unwrap(), 2000);
        for (key, fields) in [("many", &many), ("few", &BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]))] {
            cluster.hset(key, fields).unwrap();
            assert_eq!(&cluster.hgetall::<_, BTreeMap<String, u32>>(key).unwrap(), fields);
            let map: HashMap<String, u32> = cluster.hgetall(key).unwrap();
            assert!(map.len() == fields.len() && map.iter().all(|(field, value)| fields[field] == *value));
            let mut pairs: Vec<(String, u32)> = cluster.hgetall(key).unwrap();
            pairs.sort();
            assert!(pairs.iter().map(|(field, value)| (field, value)).eq(fields));
            let names: BTreeSet<String> = cluster.hkeys(key).unwrap();
            assert!(names.iter().eq(fields.keys()));
            let mut values: Vec<u32> = cluster.hvals(key).unwrap();
            values.sort_unstable();
            assert!(values.iter().copied().eq(0..2000) || values == [1, 2]);
        }

        // Fields and values of any bytes, the empty ones included.
        let odd = HashMap::from([(vec![0xff, 0], vec![]), (vec![], b"\r\n".to_vec())]);
        assert_eq!(cluster.hset(b"\xfe\0", &odd).unwrap(), 2);
        assert_eq!(cluster.hgetall::<_, HashMap<Vec<u8>, Vec<u8>>>(b"\xfe\0").unwrap(), odd);
        assert_eq!(cluster.hget::<_, _, Vec<u8>>(b"\xfe\0", "").unwrap(), b"\r\n");
        // What does not fit the type is an error, and the cluster goes on.
        let error = cluster.hgetall::<_, HashMap<String, u32>>(b"\xfe\0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reply);
        assert_eq!(cluster.hlen("many").unwrap(), 2000);
    });
}

#[test]
fn numbers() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.hincrby("h", "n", 40).unwrap(), 40);
        assert_eq!(cluster.hincrby("h", "n", -2).unwrap(), 38);
        assert_eq!(cluster.hincrby("h", "n", i64::MAX).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hincrbyfloat("h", "n", 0.5).unwrap(), 38.5);
        assert_eq!(cluster.hincrby("h", "n", 1).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hincrbyfloat("h", "f", -1e-9).unwrap(), -1e-9);
        assert_eq!(cluster.hincrbyfloat("h", "f", f64::INFINITY).unwrap_err().kind(), ErrorKind::Server);
        cluster.hset("h", ("text", "x")).unwrap();
        assert_eq!(cluster.hincrby("h", "text", 1).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hincrbyfloat("h", "text", 1.0).unwrap_err().kind(), ErrorKind::Server);
    });
}

#[test]
fn drawn_by_chance() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.hrandfield::<_, Option<String>>("none").unwrap(), None);
        assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("none", 3).unwrap(), Vec::<String>::new());
        assert_eq!(cluster.hrandfield_withvalues::<_, Vec<(String, u32)>>("none", -3).unwrap(), []);

        let fields: BTreeMap<String, u32> = (0..5).map(|n| (format!("f{n}"), n)).collect();
        cluster.hset("h", &fields).unwrap();
        let one: String = cluster.hrandfield("h").unwrap();
        assert!(fields.contains_key(&one));
        let names: BTreeSet<String> = cluster.hrandfield_count("h", 3).unwrap();
        assert!(names.len() == 3 && names.iter().all(|name| fields.contains_key(name)));
        assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("h", 100).unwrap().len(), 5);
        assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("h", -100).unwrap().len(), 100);
        assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("h", 0).unwrap().len(), 0);
        assert_eq!(cluster.hrandfield_withvalues::<_, BTreeMap<String, u32>>("h", 100).unwrap(), fields);
        let pairs: Vec<(String, u32)> = cluster.hrandfield_withvalues("h", -7).unwrap();
        assert!(pairs.len() == 7 && pairs.iter().all(|(field, value)| fields[field] == *value));
        assert_eq!(cluster.hrandfield_withvalues::<_, Vec<(String, u32)>>("h", 1).unwrap().len(), 1);
        if servers[0].is_since("7.0", "the least count of HRANDFIELD, of which older servers die") {
            assert_eq!(
                cluster.hrandfield_count::<_, Vec<String>>("h", i64::MIN).unwrap_err().kind(),
                ErrorKind::Server
            );
        }
    });
}

#[test]
fn wrong_types_and_nothing_given() {
    in_both_protocols(|cluster, _| {
        cluster.set("s", "text").unwrap();
        fn wrong<T: FromValue>(result: Result<T>) {
            assert_eq!(result.err().expect("a string is no hash").kind(), ErrorKind::WrongType);
        }
        wrong(cluster.hset("s", ("f", 1)));
        wrong(cluster.hmset("s", ("f", 1)));
        wrong(cluster.hsetnx("s", "f", 1));
        wrong(cluster.hdel("s", "f"));
        wrong(cluster.hexists("s", "f"));
        wrong(cluster.hlen("s"));
        wrong(cluster.hstrlen("s", "f"));
        wrong(cluster.hincrby("s", "f", 1));
        wrong(cluster.hincrbyfloat("s", "f", 1.0));
        wrong(cluster.hget::<_, _, Option<String>>("s", "f"));
        wrong(cluster.hmget::<_, _, Vec<Option<String>>>("s", "f"));
        wrong(cluster.hgetall::<_, HashMap<String, String>>("s"));
        wrong(cluster.hkeys::<_, Vec<String>>("s"));
        wrong(cluster.hvals::<_, Vec<String>>("s"));
        wrong(cluster.hrandfield::<_, Option<String>>("s"));
        wrong(cluster.hrandfield_count::<_, Vec<String>>("s", 2));
        wrong(cluster.hrandfield_withvalues::<_, Vec<(String, String)>>("s", 2));

        let (no_fields, no_pairs): ([&str; 0], [(&str, &str); 0]) = ([], []);
        assert_eq!(cluster.hset("h", no_pairs).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hmset("h", no_pairs).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hdel("h", no_fields).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.hmget::<_, _, Vec<String>>("h", no_fields).unwrap_err().kind(), ErrorKind::Server);
    });
}
