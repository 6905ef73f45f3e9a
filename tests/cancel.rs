//! Waits for data that another thread ends: at once, without losing what comes in that moment, and nobody else's.

use rediscluster::prelude::*;
use rediscluster::{Builder, Cancel, Error, ErrorKind, Outcome, Protocol, Value};
use rediscluster_testing::{cluster_of, wait_until, Reply, Server};
use std::time::{Duration, Instant};

/// `bar` lives on the first node, `foo` on the second.
struct Two {
    servers: [Server; 2],
    cluster: Cluster,
}

impl Two {
    fn start() -> Two {
        Two::with(|builder| builder)
    }

    fn with(settings: impl Fn(Builder) -> Builder) -> Two {
        let servers = [Server::start(), Server::start()];
        let cluster = settings(cluster_of(&servers).deadline(Duration::from_secs(20))).connect().unwrap();
        for (server, key) in [(0, "bar"), (1, "foo")] {
            assert_eq!(cluster.node_for(key).address().to_string(), servers[server].address());
            servers[server].ask(&["XGROUP", "CREATE", &format!("s-{key}"), "g", "0", "MKSTREAM"]);
        }
        Two { servers, cluster }
    }

    /// On how many servers something waits: on one by being blocked, on several by watching keys.
    fn waiting(&self) -> usize {
        let count = |server: &Server, field| server.field("clients", field).unwrap().parse::<usize>().unwrap();
        let waiting = |server| count(server, "blocked_clients") + count(server, "tracking_clients");
        self.servers.iter().map(waiting).sum()
    }

    /// Every form of wait, and on how many nodes it waits.
    fn lines(&self) -> Vec<(&'static str, usize)> {
        let mut lines = vec![
            ("BLPOP foo 0", 1),
            ("BRPOP foo bar 0", 2),
            ("BZPOPMIN foo a{foo} 30", 1),
            ("BZPOPMAX bar foo 30", 2),
            ("BRPOPLPUSH foo a{foo} 0", 1),
            ("BRPOPLPUSH foo bar 0", 1),
            ("BLMOVE foo foo LEFT RIGHT 30", 1),
            ("BLMOVE bar foo LEFT RIGHT 0", 1),
            ("XREAD BLOCK 0 STREAMS s-bar{bar} $", 1),
            ("XREAD COUNT 1 BLOCK 30000 STREAMS s-bar{bar} s-foo{foo} $ $", 2),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS s-foo{foo} >", 1),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS s-foo{foo} s-bar{bar} > >", 2),
        ];
        if self.servers[0].is_since("7.0", "BLMPOP and BZMPOP") {
            lines.extend([("BLMPOP 0 2 foo bar LEFT", 2), ("BZMPOP 0 1 foo MIN", 1)]);
        }
        lines
    }
}

fn run(cluster: &Cluster, line: &str) -> Result<Value, Error> {
    let mut words = line.split(' ');
    cluster.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()))
}

fn assert_cancelled(result: Result<Value, Error>, line: &str) {
    let error = result.expect_err(line);
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Cancelled, Outcome::NotApplied), "{line}: {error}");
    assert_eq!(error.command(), line.split(' ').next(), "{error}");
}

#[test]
fn a_wait_is_ended_at_once_and_nobody_waits_afterwards() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let two = Two::with(|builder| builder.protocol(protocol));
        let lines = two.lines();
        let mut took = Duration::ZERO;
        for &(line, nodes) in &lines {
            let cancel = Cancel::new();
            let view = two.cluster.cancelled_by(&cancel);
            std::thread::scope(|scope| {
                let call = scope.spawn(|| run(&view, line));
                wait_until("it waits", || two.waiting() == nodes);
                let begin = Instant::now();
                cancel.cancel();
                assert_cancelled(call.join().unwrap(), line);
                took += begin.elapsed();
            });
            wait_until("nobody is blocked", || two.waiting() == 0);
        }
        // A slice takes a second, and all of them had just begun.
        let average = took / u32::try_from(lines.len()).unwrap();
        println!("{average:?} on average");
        assert!(average < Duration::from_millis(400), "{average:?} on average");
    }
}

#[test]
fn what_is_cancelled_before_is_not_sent() {
    let two = Two::start();
    let cancel = Cancel::new();
    let view = two.cluster.cancelled_by(&cancel);
    cancel.cancel();
    two.servers.iter().for_each(|server| drop(server.ask(&["CONFIG", "RESETSTAT"])));
    for (line, _) in two.lines() {
        assert_cancelled(run(&view.clone(), line), line);
    }
    for server in &two.servers {
        let stats = server.info("commandstats");
        let sent = stats.lines().filter(|line| line.starts_with("cmdstat_") && !line.contains("info"));
        let sent: Vec<&str> = sent.filter(|line| !line.contains("config")).collect();
        assert!(sent.is_empty(), "{sent:?}");
    }
    // What does not wait is not concerned, and neither are others.
    view.set("foo", 1).unwrap();
    assert_eq!(run(&view, "XREAD STREAMS s-bar{bar} s-foo{foo} 0 0").unwrap(), Value::Nil);
    assert_eq!(run(&two.cluster, "BLPOP bar 0.01").unwrap(), Value::Nil);
    assert_eq!(run(&two.cluster.cancelled_by(&Cancel::new()), "BLPOP bar 0.01").unwrap(), Value::Nil);
}

#[test]
fn without_a_wish_it_is_as_ever() {
    let two = Two::start();
    let cancel = Cancel::new();
    let view = two.cluster.cancelled_by(&cancel);
    for (begin, line, wanted) in [
        ("RPUSH foo x y", "BLPOP foo 0", Some("foo x")),
        ("RPUSH bar x y", "BRPOP foo bar 0", Some("bar y")),
        ("RPUSH foo x", "BLMOVE foo a{foo} LEFT LEFT 1", Some("x")),
        ("RPUSH foo x", "BRPOPLPUSH foo bar 1", Some("x")),
        ("ZADD foo 1 m", "BZPOPMAX foo 1", Some("foo m 1")),
        ("SET bar x", "BLPOP foo 0.3", None),
        ("SET bar x", "BLMOVE foo a{foo} LEFT LEFT 0.3", None),
        ("SET bar x", "XREAD BLOCK 300 STREAMS foo $", None),
        ("XADD foo 1-1 f v", "XREAD BLOCK 300 STREAMS foo 0", Some("foo 1-1 f v")),
    ] {
        two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        run(&two.cluster, begin).unwrap();
        let began = Instant::now();
        let mut words = Vec::new();
        flatten(&run(&view, line).unwrap(), &mut words);
        assert_eq!(words.join(" "), wanted.unwrap_or(""), "{line}");
        assert_eq!(began.elapsed() >= Duration::from_millis(300), wanted.is_none(), "{line}");
        assert!(began.elapsed() < Duration::from_secs(5), "{line}");
    }
    // Errors are those of a server.
    run(&two.cluster, "SET foo x").unwrap();
    for (line, code) in [
        ("BLPOP foo 0", "WRONGTYPE"),
        ("BLMOVE bar bar LEFT UP 0", "ERR"),
        ("BLPOP foo x", "ERR"),
        ("XREAD BLOCK 0 STREAMS bar a{bar} 0", "ERR"),
        ("XREAD BLOCK 0 STREAMS foo $", "WRONGTYPE"),
        ("XREAD BLOCK 0 STREAMS foo foo a{foo} $ 0", "ERR"),
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS bar >", "NOGROUP"),
    ] {
        let (native, error) = (run(&two.cluster, line).unwrap_err(), run(&view, line).unwrap_err());
        assert_eq!((error.code(), error.message()), (Some(code), native.message()), "{line}");
    }
}

/// However short the wait is, a server is asked, and what it says is told.
#[test]
fn the_shortest_wait_is_one_look_at_least() {
    let two = Two::start();
    let view = two.cluster.cancelled_by(&Cancel::new());
    let is_since_7 = two.servers[0].is_since("7.0", "BLMPOP");
    for round in 0..40 {
        for (begin, line) in [
            ("RPUSH foo x", "BLPOP foo 0.001"),
            ("RPUSH foo x", "BLPOP foo 0x1p-20"),
            ("RPUSH foo x", "BRPOP bar foo 0.001"),
            ("RPUSH foo x", "BRPOPLPUSH foo a{foo} 0.001"),
            ("RPUSH foo x", "BLMOVE foo bar LEFT LEFT 0.001"),
            ("ZADD foo 1 x", "BZPOPMIN foo 0.001"),
            ("XADD s-foo * f v", "XREADGROUP GROUP g c BLOCK 1 STREAMS s-foo{foo} >"),
            ("XADD s-foo * f v", "XREADGROUP GROUP g c BLOCK 1 STREAMS s-foo{foo} s-bar{bar} > >"),
            ("XADD s-foo * f v", "XREAD BLOCK 1 STREAMS s-foo{foo} 0"),
        ] {
            two.servers.iter().for_each(|server| drop(server.ask(&["DEL", "foo", "bar"])));
            two.servers[1].ask(&begin.split(' ').collect::<Vec<_>>());
            assert_ne!(run(&view, line).unwrap(), Value::Nil, "{line} in round {round}");
        }
    }
    two.servers[1].ask(&["SET", "foo", "x"]);
    let mut lines = vec![
        ("BLPOP foo 0.001", "WRONGTYPE"),
        ("BLPOP bar foo 0.001", "WRONGTYPE"),
        ("BRPOPLPUSH foo a{foo} 0.001", "WRONGTYPE"),
        ("BRPOPLPUSH foo bar 0.001", "WRONGTYPE"),
        ("XREADGROUP GROUP g c BLOCK 1 STREAMS foo >", "WRONGTYPE"),
        ("XREADGROUP GROUP no c BLOCK 1 STREAMS s-foo{foo} >", "NOGROUP"),
        ("XREADGROUP GROUP g c BLOCK 1 STREAMS s-foo{foo} s-bar{bar} > nonsense", "ERR"),
    ];
    if is_since_7 {
        lines.push(("BLMPOP 0.001 1 bar LEFT COUNT 0", "ERR"));
        lines.push(("BLMPOP 0.001 2 bar l{foo} LEFT COUNT 0", "ERR"));
        lines.push(("BZMPOP 0.001 2 bar l{foo} LEFT", "ERR"));
    }
    for (line, code) in lines {
        let error = run(&view, line).expect_err(line);
        assert_eq!((error.code(), error.outcome()), (Some(code), Outcome::NotApplied), "{line}: {error}");
    }
}

/// Whatever the time to wait looks like, the words and the elements are those of one server.
#[test]
fn odd_times_to_wait_are_what_a_server_takes_them_for() {
    let two = Two::start();
    let view = two.cluster.cancelled_by(&Cancel::new());
    let single = Server::start();
    let one = Cluster::builder().node("node_1", single.address()).deadline(Duration::from_secs(20)).connect().unwrap();
    for time in [
        "0x10",
        "0x1p-4",
        "0X.8P1",
        "-0",
        "+1",
        ".5",
        "1.",
        "1e-400",
        "-0.0001",
        "9e15",
        "1e16",
        "1e400",
        "1e5000",
        "-1",
        "-0x1",
        "inf",
        "-inf",
        "nan",
        "",
        " 1",
        "1 ",
        "1e",
        "0x",
        "0x1p",
        "1_0",
        "x",
        "9223372036854775808",
    ] {
        for line in [
            "BLPOP foo bar TIME",
            "BRPOP foo TIME",
            "BZPOPMIN foo bar TIME",
            "BRPOPLPUSH foo bar TIME",
            "BLMOVE foo bar LEFT LEFT TIME",
            "BLMOVE foo foo LEFT RIGHT TIME",
            "XREAD BLOCK TIME STREAMS foo bar 0 0",
        ] {
            let begin = match line {
                _ if line.starts_with("BZ") => "ZADD foo 1 x",
                _ if line.starts_with("X") => "XADD foo 1-1 f v",
                _ => "RPUSH foo x",
            };
            let line: Vec<&str> = line.split(' ').map(|word| if word == "TIME" { time } else { word }).collect();
            let said = |cluster: &Cluster| {
                run(cluster, "FLUSHALL").unwrap();
                run(cluster, begin).unwrap();
                let result = cluster.execute(cmd(line[0]).args_of(&line[1..]));
                result.map_err(|error| (error.code().map(str::to_owned), error.message().to_owned()))
            };
            let wanted = said(&one);
            assert_eq!(said(&two.cluster), wanted, "{line:?}");
            assert_eq!(said(&view), wanted, "{line:?}, when it can be cancelled");
        }
    }
}

fn flatten(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, words)),
        Value::Bulk(bytes) => words.push(String::from_utf8(bytes.clone()).unwrap()),
        Value::Nil => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_ones_own_waits_are_ended() {
    let two = Two::start();
    let (cancel, other) = (Cancel::new(), Cancel::new());
    let (view, other_view) = (two.cluster.cancelled_by(&cancel), two.cluster.cancelled_by(&other));
    std::thread::scope(|scope| {
        let ended = [scope.spawn(|| run(&view, "BLPOP bar foo 0")), scope.spawn(|| run(&view.clone(), "BLPOP foo 0"))];
        let stay = [
            scope.spawn(|| run(&two.cluster, "BLPOP k{bar} 0")),
            scope.spawn(|| run(&two.cluster, "BLPOP k{foo} l{bar} 0")),
            scope.spawn(|| run(&other_view, "BLPOP l{foo} 0")),
        ];
        wait_until("all of them wait", || two.waiting() == 7);
        cancel.cancel();
        ended.into_iter().for_each(|call| assert_cancelled(call.join().unwrap(), "BLPOP"));
        wait_until("only theirs have ended", || two.waiting() == 4);
        for line in ["RPUSH k{bar} x", "RPUSH l{bar} x", "RPUSH l{foo} x"] {
            run(&two.cluster, line).unwrap();
        }
        stay.into_iter().for_each(|call| assert_ne!(call.join().unwrap().unwrap(), Value::Nil));
    });
}

/// What comes in the very moment is given, or stays where it is.
#[test]
fn an_element_that_comes_in_that_moment_is_not_lost() {
    let two = Two::start();
    let (mut given, mut stayed) = (0, 0);
    let lines = [
        ("BLPOP foo 0", 1),
        ("BLPOP bar foo 0", 2),
        ("BLMOVE foo bar LEFT LEFT 0", 1),
        ("BLMOVE foo a{foo} LEFT LEFT 0", 1),
    ];
    for round in 0..240 {
        let (line, nodes) = lines[round % lines.len()];
        let cancel = Cancel::new();
        let view = two.cluster.cancelled_by(&cancel);
        let result = std::thread::scope(|scope| {
            let call = scope.spawn(|| run(&view, line));
            wait_until("it waits", || two.waiting() == nodes);
            let mut talk = two.servers[1].talk(Duration::from_secs(5)).unwrap();
            let mut add = move || drop(talk.call(&["RPUSH", "foo", "x"]).unwrap());
            // The wish has the longer way to the server, so now and then it gets a start, up to more than it needs.
            if round % 8 < 4 {
                scope.spawn(add);
                scope.spawn(|| cancel.cancel());
            } else {
                let start = Duration::from_micros(round as u64 % 48 * 80);
                let (cancel, begin) = (&cancel, Instant::now());
                scope.spawn(move || {
                    cancel.cancel();
                    while begin.elapsed() < start {
                        std::hint::spin_loop();
                    }
                    add();
                });
            }
            call.join().unwrap()
        });
        let held = |server: usize, key: &str| two.servers[server].ask(&["LLEN", key]).int();
        let (source, moved) = (held(1, "foo"), held(0, "bar") + held(1, "a"));
        match result {
            Ok(value) => {
                given += 1;
                assert_ne!(value, Value::Nil, "{line}");
                assert_eq!((source, moved), (0, i64::from(line.starts_with("BLMOVE"))), "{line}");
            }
            Err(error) => {
                stayed += 1;
                assert_eq!((error.kind(), source, moved), (ErrorKind::Cancelled, 1, 0), "{line}: {error}");
            }
        }
        for server in &two.servers {
            assert_eq!(server.ask(&["KEYS", "rediscluster:stash:*"]), Reply::Array(Vec::new()), "{line}");
            server.ask(&["DEL", "foo", "bar", "a"]);
        }
        assert_eq!(two.waiting(), 0, "{line}");
    }
    println!("{given} were given, {stayed} stayed");
    assert!(given > 0 && stayed > 0, "{given} were given, {stayed} stayed: the moment was never met");
}

/// Entries of a group are given, or the group still has them to give.
#[test]
fn an_entry_that_comes_in_that_moment_is_not_lost() {
    let two = Two::start();
    for round in 1..=120 {
        let cancel = Cancel::new();
        let view = two.cluster.cancelled_by(&cancel);
        let (line, nodes) = match round % 2 {
            0 => ("XREADGROUP GROUP g c BLOCK 0 STREAMS s-foo{foo} s-bar{bar} > >", 2),
            _ => ("XREADGROUP GROUP g c BLOCK 0 STREAMS s-foo{foo} >", 1),
        };
        let result = std::thread::scope(|scope| {
            let call = scope.spawn(|| run(&view, line));
            wait_until("it waits", || two.waiting() == nodes);
            scope.spawn(|| two.servers[1].ask(&["XADD", "s-foo", &format!("{round}-0"), "f", "v"]));
            scope.spawn(|| cancel.cancel());
            call.join().unwrap()
        });
        let Reply::Array(pending) = two.servers[1].ask(&["XPENDING", "s-foo", "g"]) else { panic!() };
        assert_eq!(pending[0].int(), i64::from(result.is_ok()), "round {round}: {result:?}");
        if result.is_err() {
            assert_cancelled(result, "XREADGROUP");
            assert_ne!(run(&two.cluster, "XREADGROUP GROUP g c STREAMS s-foo{foo} >").unwrap(), Value::Nil);
        }
        run(&two.cluster, &format!("XACK s-foo{{foo}} g {round}-0")).unwrap();
    }
}

#[test]
fn connections_are_clean_afterwards() {
    let two = Two::with(|builder| builder.pool_size(1));
    for round in 0..60 {
        let cancel = Cancel::new();
        let view = two.cluster.cancelled_by(&cancel);
        let (line, nodes) = if round % 2 == 0 { ("BLPOP foo 0", 1) } else { ("BLPOP foo bar 0", 2) };
        std::thread::scope(|scope| {
            let call = scope.spawn(|| run(&view, line));
            wait_until("it waits", || two.waiting() == nodes);
            cancel.cancel();
            assert_cancelled(call.join().unwrap(), line);
        });
        // A late word that the wait is over would end this one.
        let begin = Instant::now();
        assert_eq!(run(&two.cluster, "BLPOP foo 0.03").unwrap(), Value::Nil);
        assert!(begin.elapsed() >= Duration::from_millis(30), "round {round}");
        two.cluster.set("k{foo}", round).unwrap();
        assert_eq!(two.cluster.get::<_, usize>("k{foo}").unwrap(), round);
    }
}

#[test]
fn who_waits_for_a_connection_is_ended_as_well() {
    let two = Two::with(|builder| builder.pool_size(1));
    let cancel = Cancel::new();
    let view = two.cluster.cancelled_by(&cancel);
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| run(&view, "BLPOP foo 0"))).collect();
        wait_until("one waits on the server", || two.waiting() == 1);
        cancel.cancel();
        calls.into_iter().for_each(|call| assert_cancelled(call.join().unwrap(), "BLPOP"));
    });
    assert_eq!(two.waiting(), 0);
}

/// A frozen server cannot be told; the call ends all the same, and says what it does not know. Over several nodes nothing is
/// under way on it that could take anything.
#[test]
fn a_frozen_server_does_not_hold_the_call_for_ever() {
    let two = Two::with(|builder| builder.deadline(Duration::from_secs(2)));
    for (line, nodes, ended, within) in [
        ("BLPOP foo 0", 1, (ErrorKind::Timeout, Outcome::Unknown), 15),
        ("BLPOP foo bar 0", 2, (ErrorKind::Cancelled, Outcome::NotApplied), 2),
    ] {
        let cancel = Cancel::new();
        let view = two.cluster.cancelled_by(&cancel);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| run(&view, line));
            wait_until("it waits", || two.waiting() == nodes);
            two.servers[1].freeze();
            let begin = Instant::now();
            cancel.cancel();
            let error = call.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), ended, "{line}: {error}");
            assert!(begin.elapsed() < Duration::from_secs(within), "{line}: {:?}", begin.elapsed());
            two.servers[1].thaw();
        });
        wait_until("nobody waits", || two.waiting() == 0);
    }
}
