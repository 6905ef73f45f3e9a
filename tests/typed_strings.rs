//! The typed methods of strings and bitmaps on real servers, under RESP2 and RESP3.

use rediscluster::prelude::*;
use rediscluster::{
    BitField, BitFieldOps, BitOp, BitRange, ErrorKind, GetExOptions, Overflow, SetOptions, Ttl, TtlMillis,
};
use rediscluster_testing::{home_of, in_both_protocols, Reply};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);

/// Fails unless a key expires in an hour: a moment is rounded up to the millisecond, and some time has passed.
fn assert_an_hour(ttl: TtlMillis) {
    let left = ttl.left().unwrap_or_else(|| panic!("an hour, not {ttl:?}"));
    assert!(left <= HOUR + Duration::from_millis(1) && left > HOUR - Duration::from_secs(60), "{left:?}");
}

#[test]
fn get_and_set() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.get::<_, Option<String>>("missing").unwrap(), None);
        assert_eq!(cluster.get::<_, String>("missing").unwrap_err().kind(), ErrorKind::Reply);
        cluster.set("foo", "bar").unwrap();
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        assert_eq!(home_of(cluster, servers, "foo").ask(&["GET", "foo"]), Reply::bulk("bar"));

        // Names and values of any bytes; an empty name is a name.
        let (name, value) = ([0xff, b'\r', b'\n', 0], vec![0u8, b'\n', 0x80]);
        cluster.set(name, &value).unwrap();
        assert_eq!(cluster.get::<_, Vec<u8>>(name).unwrap(), value);
        assert_eq!(home_of(cluster, servers, name).ask(&[&b"GET"[..], &name]), Reply::bulk(&value));
        cluster.set("", "").unwrap();
        assert_eq!(cluster.get::<_, Option<String>>("").unwrap().as_deref(), Some(""));

        // A tag chooses the node and is not stored.
        cluster.set("bar{foo}", 7).unwrap();
        assert_eq!(home_of(cluster, servers, "foo").ask(&["GET", "bar"]), Reply::bulk("7"));
        assert_eq!(cluster.get::<_, u32>("bar{foo}").unwrap(), 7);

        cluster.execute(cmd("RPUSH").arg("list").arg(1)).unwrap();
        assert_eq!(cluster.get::<_, Option<String>>("list").unwrap_err().kind(), ErrorKind::WrongType);
        cluster.set("list", 1).unwrap();
        assert_eq!(cluster.get::<_, i64>("list").unwrap(), 1);
    });
}

#[test]
fn set_with_options() {
    in_both_protocols(|cluster, servers| {
        let set = |key: &str, value: &str, options| cluster.set_with::<_, _, Option<()>>(key, value, options).unwrap();
        let held = |key: &str| cluster.get::<_, Option<String>>(key).unwrap();
        let new = SetOptions::new;
        assert_eq!(set("k", "v", new().if_exists()), None);
        assert_eq!(held("k"), None);
        assert_eq!(set("k", "1", new().if_missing()), Some(()));
        assert_eq!(set("k", "2", new().if_missing()), None);
        assert_eq!(held("k").as_deref(), Some("1"));
        assert_eq!(set("k", "3", new().if_missing().if_exists()), Some(()), "the last condition counts");
        assert_eq!(cluster.set_with::<_, _, String>("k", "4", new()).unwrap(), "OK");

        assert_eq!(set("k", "5", new().expire_in(HOUR)), Some(()));
        assert_an_hour(cluster.pttl("k").unwrap());
        assert_eq!(set("k", "6", new().keep_ttl()), Some(()));
        assert_an_hour(cluster.pttl("k").unwrap());
        assert_eq!(set("k", "7", new()), Some(()));
        assert_eq!(cluster.pttl("k").unwrap(), Ttl::Persistent);
        assert_eq!(set("k", "8", new().expire_at(SystemTime::now() + HOUR)), Some(()));
        assert_an_hour(cluster.pttl("k").unwrap());
        // Rounded up, so it lives for a moment; what is zero is refused and changes nothing.
        assert_eq!(set("k", "9", new().expire_in(Duration::from_nanos(1))), Some(()));
        let zero = new().expire_in(Duration::ZERO);
        assert_eq!(cluster.set_with::<_, _, ()>("kept", "v", zero).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(held("kept"), None);
        let epoch = new().expire_at(SystemTime::UNIX_EPOCH);
        assert_eq!(cluster.set_with::<_, _, ()>("kept", "v", epoch).unwrap_err().kind(), ErrorKind::Server);
        let for_ever = new().expire_in(Duration::MAX);
        assert_eq!(cluster.set_with::<_, _, ()>("kept", "v", for_ever).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(set("past", "v", new().expire_at(SystemTime::UNIX_EPOCH + HOUR)), Some(()));
        assert_eq!(held("past"), None);

        let before =
            |key: &str, options: SetOptions| cluster.set_with::<_, _, Option<String>>(key, "new", options.get());
        assert_eq!(before("g", new()).unwrap(), None);
        assert_eq!(before("g", new().expire_in(HOUR)).unwrap().as_deref(), Some("new"));
        cluster.execute(cmd("SADD").arg("set").arg("m")).unwrap();
        assert_eq!(before("set", new()).unwrap_err().kind(), ErrorKind::WrongType);
        if servers[0].is_since("7.0", "SET NX GET") {
            assert_eq!(before("g", new().if_missing()).unwrap().as_deref(), Some("new"));
            assert_eq!(before("none", new().if_missing()).unwrap(), None);
            assert_eq!(held("none").as_deref(), Some("new"));
        }
    });
}

#[test]
fn set_in_other_ways() {
    in_both_protocols(|cluster, _| {
        cluster.setex("s", Duration::from_millis(59_001), "v").unwrap();
        let left = cluster.pttl("s").unwrap().left().unwrap();
        assert!(left > Duration::from_millis(59_001) - Duration::from_secs(20) && left <= Duration::from_secs(60));
        cluster.psetex("p", HOUR, "v").unwrap();
        assert_an_hour(cluster.pttl("p").unwrap());
        for time in [Duration::ZERO, Duration::MAX] {
            assert_eq!(cluster.setex("z", time, "v").unwrap_err().kind(), ErrorKind::Server);
            assert_eq!(cluster.psetex("z", time, "v").unwrap_err().kind(), ErrorKind::Server);
        }
        assert!(cluster.setnx("z", 1).unwrap());
        assert!(!cluster.setnx("z", 2).unwrap());
        assert_eq!(cluster.get::<_, u32>("z").unwrap(), 1);

        assert_eq!(cluster.getset::<_, _, Option<String>>("s", "w").unwrap().as_deref(), Some("v"));
        assert_eq!(cluster.pttl("s").unwrap(), Ttl::Persistent);
        assert_eq!(cluster.getset::<_, _, Option<String>>("first", "w").unwrap(), None);
        assert_eq!(cluster.getdel::<_, Option<String>>("first").unwrap().as_deref(), Some("w"));
        assert_eq!(cluster.getdel::<_, Option<String>>("first").unwrap(), None);
        cluster.execute(cmd("SADD").arg("set").arg("m")).unwrap();
        assert_eq!(cluster.getset::<_, _, Option<String>>("set", "w").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.getdel::<_, Option<String>>("set").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.exists("set").unwrap(), 1);
    });
}

#[test]
fn getex_changes_the_expiry() {
    in_both_protocols(|cluster, _| {
        let getex = |options| cluster.getex::<_, Option<String>>("k", options).unwrap();
        let new = GetExOptions::new;
        assert_eq!(getex(new().persist()), None);
        cluster.set("k", "v").unwrap();
        assert_eq!(getex(new().expire_in(HOUR)).as_deref(), Some("v"));
        assert_an_hour(cluster.pttl("k").unwrap());
        assert_eq!(getex(new()).as_deref(), Some("v"));
        assert_an_hour(cluster.pttl("k").unwrap());
        assert_eq!(getex(new().persist()).as_deref(), Some("v"));
        assert_eq!(cluster.pttl("k").unwrap(), Ttl::Persistent);
        assert_eq!(getex(new().persist().expire_at(SystemTime::now() + HOUR)).as_deref(), Some("v"));
        assert_an_hour(cluster.pttl("k").unwrap());
        let zero = new().expire_in(Duration::ZERO);
        assert_eq!(cluster.getex::<_, String>("k", zero).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(getex(new().expire_at(SystemTime::UNIX_EPOCH + HOUR)).as_deref(), Some("v"));
        assert_eq!(getex(new()), None);
    });
}

#[test]
fn numbers() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.incr("n{tag}").unwrap(), 1);
        assert_eq!(cluster.incrby("n{tag}", 41).unwrap(), 42);
        assert_eq!(cluster.decr("n{tag}").unwrap(), 41);
        assert_eq!(cluster.decrby("n{tag}", -9).unwrap(), 50);
        assert_eq!(cluster.incrby("n{tag}", i64::MIN).unwrap(), i64::MIN + 50);
        assert_eq!(cluster.decrby("n{tag}", 51).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.decrby("n{tag}", i64::MIN).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.get::<_, i64>("n{tag}").unwrap(), i64::MIN + 50, "an error changes nothing");
        cluster.set("m", i64::MAX).unwrap();
        assert_eq!(cluster.incr("m").unwrap_err().kind(), ErrorKind::Server);

        assert_eq!(cluster.incrbyfloat("f", 0.1).unwrap(), 0.1);
        assert_eq!(cluster.incrbyfloat("f", -3.1).unwrap(), -3.0);
        assert_eq!(cluster.incrbyfloat("f", 5e200).unwrap(), 5e200);
        assert_eq!(cluster.incrbyfloat("f", f64::NAN).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.incrbyfloat("f", f64::INFINITY).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.incrbyfloat("tiny", 1e-10).unwrap(), 1e-10);

        cluster.set("text", "x").unwrap();
        assert_eq!(cluster.incr("text").unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.incrbyfloat("text", 1.0).unwrap_err().kind(), ErrorKind::Server);
        cluster.execute(cmd("SADD").arg("set").arg("m")).unwrap();
        for result in [cluster.incr("set"), cluster.incrby("set", 2), cluster.decr("set"), cluster.decrby("set", 2)] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
        }
        assert_eq!(cluster.incrbyfloat("set", 1.0).unwrap_err().kind(), ErrorKind::WrongType);
    });
}

#[test]
fn parts_of_strings() {
    in_both_protocols(|cluster, _| {
        let part = |start, end| cluster.getrange::<_, String>("k", start, end).unwrap();
        assert_eq!(part(0, -1), "");
        assert_eq!(cluster.strlen("k").unwrap(), 0);
        assert_eq!(cluster.append("k", "one ").unwrap(), 4);
        assert_eq!(cluster.append("k", "for all").unwrap(), 11);
        assert_eq!(
            (part(0, 2), part(-3, -1), part(4, 100), part(5, 4)),
            ("one".into(), "all".into(), "for all".into(), "".into())
        );
        assert_eq!(cluster.substr::<_, String>("k", 4, 6).unwrap(), "for");
        assert_eq!(cluster.setrange("k", 0, "two").unwrap(), 11);
        assert_eq!(cluster.get::<_, String>("k").unwrap(), "two for all");
        assert_eq!(cluster.setrange("gap", 2, "x").unwrap(), 3);
        assert_eq!(cluster.get::<_, Vec<u8>>("gap").unwrap(), b"\0\0x");
        assert_eq!(cluster.setrange("none", 2, "").unwrap(), 0);
        assert_eq!(cluster.exists("none").unwrap(), 0);
        assert_eq!(cluster.setrange("far", 1 << 40, "x").unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.strlen("k").unwrap(), 11);
        cluster.execute(cmd("SADD").arg("set").arg("m")).unwrap();
        assert_eq!(cluster.append("set", "x").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.strlen("set").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.setrange("set", 0, "x").unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.getrange::<_, String>("set", 0, 1).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cluster.substr::<_, String>("set", 0, 1).unwrap_err().kind(), ErrorKind::WrongType);
    });
}

#[test]
fn several_keys() {
    in_both_protocols(|cluster, servers| {
        let pairs: BTreeMap<String, u32> = (0..30).map(|n| (format!("key{n}"), n)).collect();
        cluster.mset(&pairs).unwrap();
        let sizes: Vec<i64> = servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).collect();
        assert!(sizes.iter().all(|size| *size > 0) && sizes.iter().sum::<i64>() == 30, "{sizes:?}");
        let names: Vec<&String> = pairs.keys().collect();
        assert_eq!(cluster.mget::<_, Vec<u32>>(&names).unwrap(), pairs.values().copied().collect::<Vec<_>>());

        let values: (Option<String>, i64, Option<i64>, i64) = cluster.mget(["missing", "key7", "no", "key8"]).unwrap();
        assert_eq!(values, (None, 7, None, 8));
        let [a, b]: [u32; 2] = cluster.mget(["key9", "key9"]).unwrap();
        assert_eq!((a, b), (9, 9));
        assert_eq!(cluster.mget::<_, Vec<Option<u32>>>("key1").unwrap(), [Some(1)]);

        // Of a name given twice the last value counts; tags and names of any bytes.
        cluster.mset([("twice", "1"), ("twice", "2"), ("twice{key1}", "3")]).unwrap();
        assert_eq!(cluster.mget::<_, Vec<u8>>("twice").unwrap_err().kind(), ErrorKind::Reply, "a list is no string");
        assert_eq!(cluster.get::<_, u32>("twice{key1}").unwrap(), 3);
        cluster.mset(vec![(b"\xff\0".to_vec(), b"\r\n".to_vec()), (b"\xfe".to_vec(), b"".to_vec())]).unwrap();
        let bytes: Vec<Vec<u8>> = cluster.mget([b"\xfe".to_vec(), b"\xff\0".to_vec()]).unwrap();
        assert_eq!(bytes, [b"".to_vec(), b"\r\n".to_vec()]);

        // A key of another type is nil to MGET, and MSET replaces it.
        cluster.execute(cmd("SADD").arg("set").arg("m")).unwrap();
        assert_eq!(cluster.mget::<_, Vec<Option<u32>>>(["set", "key2"]).unwrap(), [None, Some(2)]);
        cluster.mset(HashMap::from([("set", 5)])).unwrap();
        assert_eq!(cluster.get::<_, u32>("set").unwrap(), 5);

        let none: [&str; 0] = [];
        assert_eq!(cluster.mget::<_, Vec<String>>(none).unwrap_err().kind(), ErrorKind::Argument);
        let none: [(&str, &str); 0] = [];
        assert_eq!(cluster.mset(none).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(cluster.msetnx(none).unwrap_err().kind(), ErrorKind::Argument);
    });
}

#[test]
fn msetnx_sets_all_or_none() {
    in_both_protocols(|cluster, servers| {
        let pairs: Vec<(String, u32)> = (0..10).map(|n| (format!("key{n}"), n)).collect();
        assert!(cluster.msetnx(&pairs).unwrap());
        assert_eq!(cluster.get::<_, u32>("key9").unwrap(), 9);
        let others: Vec<(String, u32)> = (9..20).map(|n| (format!("key{n}"), 100 + n)).collect();
        assert!(!cluster.msetnx(others).unwrap());
        assert_eq!(servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum::<i64>(), 10);
        assert_eq!(cluster.get::<_, u32>("key9").unwrap(), 9);
        assert!(cluster.msetnx([("a{one}", 1), ("b{one}", 2)]).unwrap());
    });
}

#[test]
fn single_bits() {
    in_both_protocols(|cluster, servers| {
        assert!(!cluster.getbit("bits{b}", 3).unwrap());
        assert!(!cluster.setbit("bits{b}", 3, true).unwrap());
        assert!(cluster.getbit("bits{b}", 3).unwrap());
        assert!(cluster.setbit("bits{b}", 3, false).unwrap());
        assert!(!cluster.setbit("bits{b}", 23, true).unwrap());
        assert_eq!(home_of(cluster, servers, "b").ask(&["GET", "bits"]), Reply::bulk(b"\0\0\x01"));
        assert!(!cluster.getbit("bits{b}", u64::from(u32::MAX)).unwrap());
        assert_eq!(cluster.getbit("bits{b}", u64::MAX).unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(cluster.setbit("bits{b}", 1 << 40, true).unwrap_err().kind(), ErrorKind::Server);

        assert_eq!((cluster.bitcount("none").unwrap(), cluster.bitpos("none", true).unwrap()), (0, -1));
        assert_eq!(cluster.bitpos("none", false).unwrap(), 0);
        cluster.set("m", b"\x00\xff\xf0").unwrap();
        assert_eq!(cluster.bitcount("m").unwrap(), 12);
        assert_eq!((cluster.bitpos("m", true).unwrap(), cluster.bitpos("m", false).unwrap()), (8, 0));
        let ranges =
            [(BitRange::bytes(0, 0), 0, -1), (BitRange::bytes(-1, -1), 4, 16), (BitRange::from_byte(1), 12, 8)];
        for (range, count, first) in ranges {
            assert_eq!(cluster.bitcount_in("m", range).unwrap(), count, "{range:?}");
            assert_eq!(cluster.bitpos_in("m", true, range).unwrap(), first, "{range:?}");
        }
        assert_eq!(cluster.bitcount_in("none", BitRange::from_byte(0)).unwrap(), 0);
        cluster.set("ones", b"\xff").unwrap();
        assert_eq!(cluster.bitpos("ones", false).unwrap(), 8);
        assert_eq!(cluster.bitpos_in("ones", false, BitRange::from_byte(0)).unwrap(), 8);
        assert_eq!(cluster.bitpos_in("ones", false, BitRange::bytes(0, -1)).unwrap(), -1);
        if servers[0].is_since("7.0", "ranges of bits") {
            assert_eq!(cluster.bitcount_in("m", BitRange::bits(10, -5)).unwrap(), 10);
            assert_eq!(cluster.bitpos_in("m", false, BitRange::bits(8, 21)).unwrap(), 20);
        }
    });
}

#[test]
fn fields_of_bits() {
    in_both_protocols(|cluster, servers| {
        let (low, high) = (BitField::unsigned(4).at(0), BitField::unsigned(4).nth(1));
        assert_eq!(
            cluster.bitfield("f", BitFieldOps::new().set(low, 10).set(high, 5).get(low)).unwrap(),
            [Some(0), Some(0), Some(10)]
        );
        assert_eq!(home_of(cluster, servers, "f").ask(&["GET", "f"]), Reply::bulk(b"\xa5"));
        let add = |overflow| {
            let operations =
                BitFieldOps::new().overflow(overflow).incrby(low, 9).overflow(Overflow::Wrap).incrby(high, 0);
            cluster.bitfield("f", operations).unwrap()
        };
        assert_eq!(add(Overflow::Fail), [None, Some(5)]);
        assert_eq!(add(Overflow::Wrap), [Some(3), Some(5)]);
        assert_eq!(add(Overflow::Saturate), [Some(12), Some(5)]);
        let widest = BitField::signed(64).at(8);
        assert_eq!(
            cluster.bitfield("f", BitFieldOps::new().set(widest, i64::MIN).get(widest)).unwrap(),
            [Some(0), Some(i64::MIN)]
        );
        let widest = BitField::unsigned(63).at(8);
        assert_eq!(
            cluster.bitfield("f", BitFieldOps::new().set(widest, i64::MAX).get(widest)).unwrap()[1],
            Some(i64::MAX)
        );
        assert_eq!(cluster.bitfield("f", BitFieldOps::new()).unwrap(), []);
        assert_eq!(cluster.bitfield("none", BitFieldOps::new().get(low)).unwrap(), [Some(0)]);

        assert_eq!(cluster.bitfield_ro("f", [high, low]).unwrap(), [5, 12]);
        assert_eq!(cluster.bitfield_ro("f", vec![BitField::signed(4).nth(0)]).unwrap(), [-4]);
        assert_eq!(cluster.bitfield_ro("none", [low]).unwrap(), [0]);
        for width in [0, 64] {
            let field = BitField::unsigned(width).at(0);
            assert_eq!(cluster.bitfield_ro("f", [field]).unwrap_err().kind(), ErrorKind::Server);
        }
    });
}

#[test]
fn bits_of_several_strings() {
    in_both_protocols(|cluster, servers| {
        cluster.mset([("a{x}", &b"\x0f\xff"[..]), ("b{x}", b"\x3c")]).unwrap();
        let combined = |operation, keys: &[&str]| {
            let length = cluster.bitop(operation, "d{x}", keys).unwrap();
            let held: Vec<u8> = cluster.get("d{x}").unwrap();
            assert_eq!(length, held.len() as u64);
            held
        };
        assert_eq!(combined(BitOp::And, &["a{x}", "b{x}"]), b"\x0c\x00");
        assert_eq!(combined(BitOp::Or, &["a{x}", "b{x}"]), b"\x3f\xff");
        assert_eq!(combined(BitOp::Xor, &["a{x}", "b{x}"]), b"\x33\xff");
        assert_eq!(combined(BitOp::Not, &["a{x}"]), b"\xf0\x00");
        assert_eq!(home_of(cluster, servers, "x").ask(&["EXISTS", "a", "b", "d"]).int(), 3);
        if servers[0].is_since("8.2", "the newer operations of BITOP") {
            assert_eq!(combined(BitOp::Diff, &["a{x}", "b{x}"]), b"\x03\xff");
            assert_eq!(combined(BitOp::Diff1, &["a{x}", "b{x}"]), b"\x30\x00");
            assert_eq!(combined(BitOp::AndOr, &["a{x}", "b{x}"]), b"\x0c\x00");
            assert_eq!(combined(BitOp::One, &["a{x}", "b{x}"]), b"\x33\xff");
        }
        assert_eq!(cluster.bitop(BitOp::Or, "d{x}", "none{x}").unwrap(), 0);
        assert_eq!(cluster.exists("d{x}").unwrap(), 0);
        assert_eq!(cluster.bitop(BitOp::Not, "d{x}", ["a{x}", "b{x}"]).unwrap_err().kind(), ErrorKind::Server);
        let none: [&str; 0] = [];
        assert_eq!(cluster.bitop(BitOp::Or, "d{x}", none).unwrap_err().kind(), ErrorKind::Argument);

        // Never a silent answer from half of the keys.
        let apart: Vec<String> = (0..10).map(|n| format!("key{n}")).collect();
        cluster.set(&apart[3], "abc").unwrap();
        cluster.set(&apart[8], "\0\0\0d").unwrap();
        assert_eq!(cluster.bitop(BitOp::Or, "d", &apart).unwrap(), 4);
        assert_eq!(cluster.get::<_, String>("d").unwrap(), "abcd");
        cluster.execute(cmd("SADD").arg("set{x}").arg("m")).unwrap();
        assert_eq!(cluster.bitop(BitOp::Or, "d{x}", "set{x}").unwrap_err().kind(), ErrorKind::WrongType);
        let set = "set{x}";
        let results = [
            cluster.bitcount(set).map(drop),
            cluster.bitcount_in(set, BitRange::bytes(0, 1)).map(drop),
            cluster.bitpos(set, true).map(drop),
            cluster.bitpos_in(set, true, BitRange::from_byte(1)).map(drop),
            cluster.getbit(set, 1).map(drop),
            cluster.setbit(set, 1, true).map(drop),
            cluster.bitfield(set, BitFieldOps::new().set(BitField::signed(8), 1)).map(drop),
            cluster.bitfield_ro(set, [BitField::signed(8)]).map(drop),
        ];
        assert!(results.into_iter().all(|result| result.unwrap_err().kind() == ErrorKind::WrongType));
    });
}
