//! The typed methods for lists, and those that wait for an element, on real servers.

use rediscluster::prelude::*;
use rediscluster::{Build, Cmd, Error, ErrorKind, FromValue, LPosOptions, Side, ValueRef};
use rediscluster_testing::{apart, cluster_of, fails_with, home_of, in_both_protocols, wait_until, Reply, Server};
use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(20);
const SERVED: Duration = Duration::from_secs(20);

fn all(cluster: &Cluster, key: &str) -> Vec<String> {
    cluster.lrange(key, 0, -1).unwrap()
}

#[test]
fn pushing_and_popping() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.rpushx("l", "x").unwrap(), 0);
        assert_eq!(cluster.lpushx("l", ["x", "y"]).unwrap(), 0);
        assert_eq!(cluster.rpush("l", ["c", "d"]).unwrap(), 2);
        assert_eq!(cluster.lpush("l", ["b", "a"]).unwrap(), 4);
        assert_eq!(cluster.rpushx("l", 'e').unwrap(), 5);
        assert_eq!(cluster.lpushx("l", vec!["_".to_owned()]).unwrap(), 6);
        let home = home_of(cluster, servers, "l");
        assert_eq!(home.ask(&["LRANGE", "l", "0", "-1"]), Reply::bulks(&["_", "a", "b", "c", "d", "e"]));
        assert_eq!(cluster.llen("l").unwrap(), 6);

        assert_eq!(cluster.lpop::<_, String>("l").unwrap(), "_");
        assert_eq!(cluster.rpop::<_, Option<Letter>>("l").unwrap(), Some(Letter('e')));
        assert_eq!(cluster.lpop_count::<_, String>("l", 2).unwrap(), ["a", "b"]);
        assert_eq!(cluster.rpop_count::<_, String>("l", 9).unwrap(), ["d", "c"]);
        assert_eq!(home.ask(&["EXISTS", "l"]).int(), 0);

        cluster.rpush("numbers", [1, 22, -3]).unwrap();
        assert_eq!(cluster.lrange::<_, i64>("numbers", 0, -1).unwrap(), [1, 22, -3]);
        fails_with(ErrorKind::Reply, cluster.lrange::<_, u64>("numbers", 0, -1));
        fails_with(ErrorKind::Server, cluster.rpush("numbers", Vec::<String>::new()));
    });
}

/// A type of the user's: elements are generic.
#[derive(Debug, PartialEq)]
struct Letter(char);

impl FromValue for Letter {
    fn from_value(value: ValueRef<'_>) -> Result<Letter, Error> {
        String::from_value(value).map(|text| Letter(text.chars().next().unwrap_or_default()))
    }
}

#[test]
fn positions() {
    in_both_protocols(|cluster, servers| {
        cluster.rpush("l", ["a", "b", "c", "b", "a"]).unwrap();
        assert_eq!(cluster.lindex::<_, String>("l", 0).unwrap(), "a");
        assert_eq!(cluster.lindex::<_, Option<String>>("l", -2).unwrap().as_deref(), Some("b"));
        assert_eq!(cluster.lindex::<_, Option<String>>("l", 5).unwrap(), None);
        assert_eq!(cluster.lindex::<_, Option<String>>("l", i64::MIN).unwrap(), None);

        assert_eq!(cluster.lrange::<_, String>("l", 1, -2).unwrap(), ["b", "c", "b"]);
        assert_eq!(cluster.lrange::<_, String>("l", -100, 100).unwrap().len(), 5);
        assert!(cluster.lrange::<_, String>("l", 3, 2).unwrap().is_empty());

        assert_eq!(cluster.lpos("l", "b").unwrap(), Some(1));
        assert_eq!(cluster.lpos("l", "x").unwrap(), None);
        let options = LPosOptions::new();
        assert_eq!(cluster.lpos_with("l", "b", options.rank(2)).unwrap(), Some(3));
        assert_eq!(cluster.lpos_with("l", "a", options.rank(-1)).unwrap(), Some(4));
        assert_eq!(cluster.lpos_with("l", "c", options.max_len(2)).unwrap(), None);
        assert_eq!(cluster.lpos_with("l", "b", options.rank(-1).max_len(2)).unwrap(), Some(3));
        assert_eq!(cluster.lpos_count("l", "b", 0, options).unwrap(), [1, 3]);
        assert_eq!(cluster.lpos_count("l", "b", 1, options.rank(-1)).unwrap(), [3]);
        assert_eq!(cluster.lpos_count("l", "x", 0, options).unwrap(), Vec::<u64>::new());
        fails_with(ErrorKind::Server, cluster.lpos_with("l", "a", options.rank(0)));

        cluster.lset("l", -1, "z").unwrap();
        assert_eq!(all(cluster, "l"), ["a", "b", "c", "b", "z"]);
        fails_with(ErrorKind::Server, cluster.lset("l", 5, "z"));
        fails_with(ErrorKind::Server, cluster.lset("none", 0, "z"));

        assert_eq!(cluster.linsert_before("l", "b", "1").unwrap(), 6);
        assert_eq!(cluster.linsert_after("l", "b", 2).unwrap(), 7);
        assert_eq!(cluster.linsert_after("l", "x", 2).unwrap(), -1);
        assert_eq!(cluster.linsert_before("none", "x", 2).unwrap(), 0);
        assert_eq!(all(cluster, "l"), ["a", "1", "b", "2", "c", "b", "z"]);

        assert_eq!(cluster.lrem("l", -1, "b").unwrap(), 1);
        assert_eq!(all(cluster, "l"), ["a", "1", "b", "2", "c", "z"]);
        cluster.rpush("l", ["z", "z"]).unwrap();
        assert_eq!(cluster.lrem("l", 2, "z").unwrap(), 2);
        assert_eq!(cluster.lrem("l", 0, "x").unwrap(), 0);
        cluster.ltrim("l", 2, -2).unwrap();
        assert_eq!(all(cluster, "l"), ["b", "2", "c"]);
        cluster.ltrim("l", 1, 0).unwrap();
        assert_eq!(home_of(cluster, servers, "l").ask(&["EXISTS", "l"]).int(), 0);
    });
}

#[test]
fn missing_keys() {
    in_both_protocols(|cluster, servers| {
        let (here, there) = apart(cluster);
        assert_eq!(cluster.llen(&here).unwrap(), 0);
        assert_eq!(cluster.lrange::<_, String>(&here, 0, -1).unwrap(), Vec::<String>::new());
        assert_eq!(cluster.lpop::<_, Option<String>>(&here).unwrap(), None);
        assert_eq!(cluster.rpop::<_, Option<String>>(&here).unwrap(), None);
        assert_eq!(cluster.lpop_count::<_, String>(&here, 3).unwrap(), Vec::<String>::new());
        assert_eq!(cluster.rpop_count::<_, String>(&here, 3).unwrap(), Vec::<String>::new());
        assert_eq!(cluster.lindex::<_, Option<String>>(&here, 0).unwrap(), None);
        assert_eq!(cluster.lpos(&here, "a").unwrap(), None);
        assert_eq!(cluster.lpos_count(&here, "a", 0, LPosOptions::new()).unwrap(), Vec::<u64>::new());
        assert_eq!(cluster.lrem(&here, 0, "a").unwrap(), 0);
        cluster.ltrim(&here, 0, 1).unwrap();
        for to in [&here, &there] {
            assert_eq!(cluster.rpoplpush::<_, _, Option<String>>(&here, to).unwrap(), None);
            assert_eq!(cluster.lmove::<_, _, Option<String>>(&here, to, Side::Left, Side::Left).unwrap(), None);
            assert_eq!(cluster.brpoplpush::<_, _, String>(&here, to, SHORT).unwrap(), None);
            assert_eq!(cluster.blmove::<_, _, String>(&here, to, Side::Left, Side::Left, SHORT).unwrap(), None);
        }
        assert_eq!(cluster.blpop::<_, String, String>(&here, SHORT).unwrap(), None);
        assert_eq!(cluster.brpop::<_, String, String>(&here, SHORT).unwrap(), None);
        // A missing element is an error for who does not ask for an `Option`.
        fails_with(ErrorKind::Reply, cluster.lpop::<_, String>(&here));
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "nothing was made");
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        let (list, text) = apart(cluster);
        cluster.set(&text, "text").unwrap();
        cluster.rpush(&list, ["a", "b"]).unwrap();
        let wrong = ErrorKind::WrongType;
        fails_with(wrong, cluster.llen(&text));
        fails_with(wrong, cluster.lrange::<_, String>(&text, 0, -1));
        fails_with(wrong, cluster.lpop::<_, Option<String>>(&text));
        fails_with(wrong, cluster.rpop::<_, Option<String>>(&text));
        fails_with(wrong, cluster.lpop_count::<_, String>(&text, 1));
        fails_with(wrong, cluster.rpop_count::<_, String>(&text, 1));
        fails_with(wrong, cluster.lindex::<_, Option<String>>(&text, 0));
        fails_with(wrong, cluster.linsert_after(&text, "a", "b"));
        fails_with(wrong, cluster.linsert_before(&text, "a", "b"));
        fails_with(wrong, cluster.lpos(&text, "a"));
        fails_with(wrong, cluster.lpos_with(&text, "a", LPosOptions::new()));
        fails_with(wrong, cluster.lpos_count(&text, "a", 0, LPosOptions::new()));
        fails_with(wrong, cluster.lpush(&text, "a"));
        fails_with(wrong, cluster.lpushx(&text, "a"));
        fails_with(wrong, cluster.rpush(&text, "a"));
        fails_with(wrong, cluster.rpushx(&text, "a"));
        fails_with(wrong, cluster.lrem(&text, 0, "a"));
        fails_with(wrong, cluster.lset(&text, 0, "a"));
        fails_with(wrong, cluster.ltrim(&text, 0, 1));
        fails_with(wrong, cluster.blpop::<_, String, String>(&text, SHORT));
        fails_with(wrong, cluster.brpop::<_, String, String>(&text, SHORT));
        for (from, to) in [(&text, &list), (&list, &text)] {
            fails_with(wrong, cluster.rpoplpush::<_, _, Option<String>>(from, to));
            fails_with(wrong, cluster.lmove::<_, _, Option<String>>(from, to, Side::Left, Side::Right));
            fails_with(wrong, cluster.brpoplpush::<_, _, String>(from, to, SHORT));
            fails_with(wrong, cluster.blmove::<_, _, String>(from, to, Side::Left, Side::Right, SHORT));
        }
        assert_eq!(all(cluster, &list), ["a", "b"], "what could not be moved is where it was");
        assert_eq!(cluster.get::<_, String>(&text).unwrap(), "text");
    });
}

#[test]
fn moving_on_one_node_and_across() {
    in_both_protocols(|cluster, servers| {
        let (here, there) = apart(cluster);
        let beside = format!("beside{{{here}}}");
        for (from, to) in [(&here, &beside), (&here, &there)] {
            cluster.rpush(from, ["a", "b", "c", "d", "e", "f"]).unwrap();
            assert_eq!(cluster.rpoplpush::<_, _, String>(from, to).unwrap(), "f");
            assert_eq!(cluster.lmove::<_, _, String>(from, to, Side::Left, Side::Left).unwrap(), "a");
            assert_eq!(cluster.lmove::<_, _, String>(from, to, Side::Right, Side::Right).unwrap(), "e");
            assert_eq!(cluster.brpoplpush(from, to, SECOND).unwrap(), Some("d".to_owned()));
            let moved: Option<Vec<u8>> = cluster.blmove(from, to, Side::Left, Side::Right, Duration::ZERO).unwrap();
            assert_eq!(moved.as_deref(), Some(&b"b"[..]));
            assert_eq!(all(cluster, to), ["d", "a", "f", "e", "b"]);
            assert_eq!(all(cluster, from), ["c"]);
            // Round and round.
            assert_eq!(cluster.lmove::<_, _, String>(to, to, Side::Left, Side::Right).unwrap(), "d");
            assert_eq!(all(cluster, to), ["a", "f", "e", "b", "d"]);
            assert_eq!(cluster.rpop::<_, String>(from).unwrap(), "c");
            cluster.ltrim(to, 1, 0).unwrap();
        }
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "no stash is left");
    });
}

#[test]
fn names_and_elements_of_any_bytes() {
    in_both_protocols(|cluster, servers| {
        let name: &[u8] = b"l\0\xff\r\n";
        let element: &[u8] = b"\x80\0 \r\n$5\r\n";
        assert_eq!(cluster.rpush(name, [element, b""]).unwrap(), 2);
        let home = home_of(cluster, servers, name);
        assert_eq!(home.ask(&[&b"LINDEX"[..], name, b"0"]), Reply::bulk(element));
        assert_eq!(cluster.lrange::<_, Vec<u8>>(name, 0, -1).unwrap(), [element, b""]);
        assert_eq!(cluster.lpos(name, element).unwrap(), Some(0));
        fails_with(ErrorKind::Reply, cluster.lindex::<_, String>(name, 0));
        let popped: Option<(Vec<u8>, Vec<u8>)> = cluster.blpop(name, SECOND).unwrap();
        assert_eq!(popped, Some((name.to_vec(), element.to_vec())));

        // A tag chooses the node and is not stored.
        assert_eq!(cluster.rpush("jobs{there}", ["a", "b", "c"]).unwrap(), 3);
        let home = home_of(cluster, servers, "there");
        assert_eq!(home.ask(&["LLEN", "jobs"]).int(), 3);
        assert_eq!(cluster.lmove::<_, _, String>("jobs{there}", "there", Side::Left, Side::Left).unwrap(), "a");
        assert_eq!(home.ask(&["LRANGE", "there", "0", "-1"]), Reply::bulks(&["a"]));
        let popped: Option<(String, String)> = cluster.brpop(["none{there}", "jobs{there}"], SECOND).unwrap();
        assert_eq!(popped, Some(("jobs".to_owned(), "c".to_owned())));
    });
}

#[test]
fn waiting_until_somebody_pushes() {
    in_both_protocols(|cluster, servers| {
        let (here, there) = apart(cluster);
        let home = home_of(cluster, servers, &here);
        type Waits<'w> = &'w (dyn Fn() -> Option<String> + Sync);
        let second = |popped: Option<(String, String)>| popped.map(|(_, element)| element);
        let waits: [Waits<'_>; 5] = [
            &|| second(cluster.blpop([&here, &format!("none{{{here}}}")], SERVED).unwrap()),
            &|| second(cluster.brpop(&here, Duration::ZERO).unwrap()),
            &|| cluster.brpoplpush(&here, &there, SERVED).unwrap(),
            &|| cluster.blmove(&here, &there, Side::Left, Side::Right, Duration::ZERO).unwrap(),
            &|| cluster.brpoplpush(&here, format!("beside{{{here}}}"), SERVED).unwrap(),
        ];
        for wait in waits {
            thread::scope(|scope| {
                let waiting = scope.spawn(wait);
                wait_until("somebody waits", || home.field("clients", "blocked_clients").as_deref() == Some("1"));
                home.ask(&["RPUSH", &here, "came"]);
                assert_eq!(waiting.join().unwrap().as_deref(), Some("came"));
            });
        }
        assert_eq!(all(cluster, &there), ["came", "came"]);
    });
}

#[test]
fn waiting_comes_on_top_of_the_deadline_and_ends() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).deadline(Duration::from_millis(250)).connect().unwrap();
    let begin = Instant::now();
    assert_eq!(cluster.blpop::<_, String, String>("none", Duration::from_millis(600)).unwrap(), None);
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");

    // The shortest wait of all must not turn into the longest.
    for tiny in [1, 999_999, 1_000_000, 1_000_001].map(Duration::from_nanos) {
        assert_eq!(cluster.blpop::<_, String, String>("none", tiny).unwrap(), None);
        assert_eq!(cluster.brpoplpush::<_, _, String>("none", "nowhere", tiny).unwrap(), None);
        assert_eq!(cluster.blmove::<_, _, String>("none", "no", Side::Left, Side::Left, tiny).unwrap(), None);
    }
}

#[test]
fn one_connection_waits_as_well() {
    let server = Server::start();
    let mut connection = Cluster::builder().open(server.address()).unwrap();
    assert_eq!(connection.rpush("l", ["a", "b"]).unwrap(), 2);
    assert_eq!(connection.lpop::<_, String>("l").unwrap(), "a");
    let popped: Option<(String, String)> = connection.blpop(["none", "l"], SECOND).unwrap();
    assert_eq!(popped, Some(("l".to_owned(), "b".to_owned())));
    assert_eq!(connection.brpop::<_, String, String>("l", SHORT).unwrap(), None);
    assert_eq!(connection.lmove::<_, _, Option<String>>("l", "m", Side::Left, Side::Right).unwrap(), None);
}

#[test]
fn waits_across_nodes() {
    in_both_protocols(|cluster, _| {
        let (here, there) = apart(cluster);
        cluster.rpush(&here, ["a", "b"]).unwrap();
        let first = cluster.blpop::<_, String, String>([&there, &here], SHORT).unwrap();
        assert_eq!(first, Some((here.clone(), "a".to_owned())));
        assert_eq!(cluster.brpop::<_, String, String>([&here, &there], SHORT).unwrap().unwrap().1, "b");
        assert_eq!(cluster.brpop::<_, String, String>([&here, &there], SHORT).unwrap(), None);
    });
}

#[test]
fn what_is_sent() {
    fn words<T>(cmd: Cmd<T>) -> String {
        cmd.args().iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
    let wait = Duration::from_millis(1500);
    assert_eq!(words(Build.blpop::<_, (), ()>(["a", "b"], Duration::ZERO)), "BLPOP a b 0");
    assert_eq!(words(Build.brpop::<_, (), ()>("a", wait)), "BRPOP a 1.500");
    assert_eq!(words(Build.brpoplpush::<_, _, ()>("a", "b", SECOND)), "BRPOPLPUSH a b 1");
    assert_eq!(words(Build.blmove::<_, _, ()>("a", "b", Side::Left, Side::Right, wait)), "BLMOVE a b LEFT RIGHT 1.500");
    assert_eq!(words(Build.linsert_before("a", "p", 1)), "LINSERT a BEFORE p 1");
    let options = LPosOptions::new().max_len(5).rank(-2);
    assert_eq!(words(Build.lpos_count("a", "e", 3, options)), "LPOS a e COUNT 3 RANK -2 MAXLEN 5");
}
