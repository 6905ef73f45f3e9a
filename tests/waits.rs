//! Waiting for data on several nodes: the first element wakes the call at once, is given once, and the rest stays.

use rediscluster::prelude::*;
use rediscluster::{Cancel, Cmd, ErrorKind, Outcome, Value};
use rediscluster_testing::{cluster_of, command, read_reply, wait_until, Reply, Server};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn five() -> (Vec<Server>, Cluster, Vec<String>) {
    let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(20)).connect().unwrap();
    // One key for each node.
    let key_of =
        |node: String| (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == node).unwrap();
    let keys = (1..=5).map(|number| key_of(format!("node_{number}"))).collect();
    (servers, cluster, keys)
}

/// On how many servers a wait over several nodes watches keys.
fn watched(servers: &[Server]) -> usize {
    servers.iter().filter(|server| server.field("clients", "tracking_clients").as_deref() == Some("1")).count()
}

/// What the servers have been asked, without what is asked for this. A wait that has begun asks nothing more.
fn asked(servers: &[Server]) -> Vec<String> {
    let of = |server: &Server| {
        let stats = server.info("commandstats");
        stats
            .lines()
            .filter(|line| !line.starts_with("cmdstat_info"))
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    servers.iter().flat_map(of).collect()
}

/// Waits until all servers have answered all that a wait asks in its beginning: what a server owes when it freezes, it owes.
fn wait_until_at_rest(servers: &[Server]) {
    let (mut before, mut same) = (asked(servers), 0);
    wait_until("nothing more is asked", || {
        let now = asked(servers);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        same == 20
    });
}

fn of_line(line: &str) -> Cmd {
    let mut words = line.split(' ');
    cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>())
}

#[test]
fn whichever_node_gets_data_wakes_the_call_and_the_others_stop_waiting() {
    let (servers, cluster, keys) = five();
    for (nth, key) in keys.iter().enumerate() {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let wait = cmd("BLPOP").args_of(&keys).arg(0);
                cluster.execute(wait.reply::<Option<(String, String)>>()).unwrap()
            });
            wait_until("all five nodes are waited on", || watched(&servers) == 5);
            servers[nth].ask(&["RPUSH", key, "x", "y"]);
            assert_eq!(call.join().unwrap(), Some((key.clone(), "x".to_owned())));
        });
        wait_until("nobody waits any more", || watched(&servers) == 0);
        let left: Vec<String> = cluster.execute(cmd("LRANGE").args_of([key.as_str(), "0", "-1"]).reply()).unwrap();
        assert_eq!(left, ["y"]);
        cluster.execute(cmd("DEL").args_of(&keys)).unwrap();
    }
}

#[test]
fn an_element_is_given_once_and_none_is_lost() {
    let (servers, cluster, keys) = five();
    const ELEMENTS: usize = 300;
    let taken = std::sync::Mutex::new(Vec::new());
    let left = AtomicUsize::new(ELEMENTS);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while left.load(Ordering::SeqCst) > 0 {
                    let wait = cmd("BLPOP").args_of(&keys).arg("0.2");
                    if let Some((_, element)) = cluster.execute(wait.reply::<Option<(String, usize)>>()).unwrap() {
                        taken.lock().unwrap().push(element);
                        left.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
        scope.spawn(|| {
            for element in 0..ELEMENTS {
                // Several at the same time, so that more than one node has something.
                let nth = element % keys.len();
                servers[nth].ask(&["RPUSH", &keys[nth], &element.to_string()]);
            }
        });
    });
    let mut taken = taken.into_inner().unwrap();
    taken.sort_unstable();
    assert_eq!(taken, (0..ELEMENTS).collect::<Vec<_>>());
    let exists: usize = cluster.execute(cmd("EXISTS").args_of(&keys).reply()).unwrap();
    assert_eq!(exists, 0);
}

#[test]
fn a_wait_in_vain_ends_in_time() {
    let (_servers, cluster, keys) = five();
    let begin = Instant::now();
    let wait = cmd("BRPOP").args_of(&keys).arg("0.3");
    assert_eq!(cluster.execute(wait).unwrap(), Value::Nil);
    assert!(begin.elapsed() >= Duration::from_millis(300) && begin.elapsed() < Duration::from_secs(10));
}

/// The reply of one node is lost while another one gives: every element is given, still there, or told of.
#[test]
fn an_element_whose_reply_is_lost_is_told() {
    let (servers, cluster, keys) = five();
    const ROUNDS: usize = 120;
    let (mut given, mut left, mut unknown) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| cluster.blpop::<_, String, String>(&keys, Duration::from_secs(5)));
            wait_until("all five nodes are waited on", || watched(&servers) == 5);
            // What is popped by the push on the second node cannot have been sent before its connection is closed.
            let push = command(&["RPUSH", &keys[1], &format!("b{round}")]);
            let both = [push, command(&["CLIENT", "KILL", "TYPE", "normal"])].concat();
            let mut stream = TcpStream::connect(servers[1].address()).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| servers[0].ask(&["RPUSH", &keys[0], &format!("a{round}")]));
                stream.write_all(&both).unwrap();
            });
            // Both are done when both are answered.
            let mut replies = BufReader::new(stream);
            (0..2).for_each(|_| drop(read_reply(&mut replies).unwrap()));
            match call.join().unwrap() {
                Ok(popped) => given.push(popped.expect("data came").1),
                Err(error) if error.outcome() == Outcome::Unknown => {
                    unknown += 1;
                    assert!(error.node().is_some(), "{error}");
                }
                Err(error) => assert_eq!(error.outcome(), Outcome::NotApplied, "{error}"),
            }
        });
        for (server, key) in servers.iter().zip(&keys) {
            let Reply::Array(rest) = server.ask(&["LRANGE", key, "0", "-1"]) else { panic!("{key} is a list") };
            left.extend(rest.iter().map(Reply::text));
            server.ask(&["DEL", key]);
        }
    }
    println!("{} given, {unknown} unknown, {} left", given.len(), left.len());
    let mut found = [given, left].concat();
    found.sort();
    let before = found.len();
    found.dedup();
    assert_eq!(found.len(), before, "an element is given once");
    assert!(2 * ROUNDS - found.len() <= unknown, "{} are gone, {unknown} were told", 2 * ROUNDS - found.len());
    for server in &servers {
        assert_eq!(server.ask(&["KEYS", "rediscluster:stash:*"]), Reply::Array(Vec::new()));
    }
}

/// As on one server, which refuses a pop neither for want of memory nor for want of the right to run scripts.
#[test]
fn full_servers_are_emptied() {
    let servers = [Server::start(), Server::start()];
    let fill = |full: bool| {
        for server in &servers {
            server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
            server.ask(&["FLUSHALL"]);
            server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-@scripting"]);
            server.ask(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
            server.ask(&["CONFIG", "SET", "maxmemory", if full { "1" } else { "0" }]);
        }
    };
    fill(false);
    let cluster = cluster_of(&servers).username("lim").password("pw").connect().unwrap();
    let is_since_7 = servers[0].is_since("7.0", "BLMPOP and BZMPOP");
    // `bar` lives on the first node, `foo` on the second.
    for (push, line) in [
        ("RPUSH foo x", "BLPOP bar foo 5"),
        ("RPUSH foo x", "BRPOP foo bar 5"),
        ("RPUSH foo x y", "BLMPOP 5 2 bar foo RIGHT COUNT 2"),
        ("ZADD foo 1 x", "BZPOPMIN bar foo 5"),
        ("ZADD foo 1 x", "BZPOPMAX bar foo 5"),
        ("ZADD foo 1 x", "BZMPOP 5 2 bar foo MIN"),
        ("XADD s * f v", "XREAD BLOCK 5000 STREAMS s{bar} s{foo} 0 0"),
        ("XADD s * f v", "XREADGROUP GROUP g c BLOCK 5000 STREAMS s{bar} s{foo} > >"),
    ] {
        if !is_since_7 && line.contains("MPOP") {
            continue;
        }
        let command = of_line(line);
        let mut talk = servers[1].talk(Duration::from_secs(5)).unwrap();
        let mut push_and_be_full = || {
            talk.call(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
            talk.call(&push.split(' ').collect::<Vec<_>>()).unwrap();
            talk.call(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
        };
        fill(true);
        push_and_be_full();
        let given = cluster.execute(command.clone()).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_ne!(given, Value::Nil, "{line}: it was there");
        fill(true);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| cluster.execute(command.clone()));
            wait_until("both nodes are waited on", || watched(&servers) == 2);
            push_and_be_full();
            let given = call.join().unwrap().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_ne!(given, Value::Nil, "{line}: it came");
        });
    }
}

/// Nothing is under way on a frozen node that could take anything, so nobody waits for it.
#[test]
fn frozen_nodes_do_not_hold_up_the_end_of_a_wait() {
    let servers: Vec<Server> = (0..10).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(20)).connect().unwrap();
    let key_of = |nth: usize| {
        (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == format!("node_{nth}")).unwrap()
    };
    let keys: Vec<String> = (1..=10).map(key_of).collect();
    let streams: Vec<String> = keys.iter().map(|key| format!("s{key}{{{key}}}")).collect();
    let (names, ids) = (keys.join(" "), |id: &str| [id; 10].join(" "));
    let lines = [
        (format!("BLPOP {names} WAIT"), format!("RPUSH {} x", keys[9])),
        (
            format!("XREAD BLOCK WAIT000 STREAMS {} {}", streams.join(" "), ids("$")),
            format!("XADD {} * f v", streams[9]),
        ),
        (
            format!("XREADGROUP GROUP g c BLOCK WAIT000 STREAMS {} {}", streams.join(" "), ids(">")),
            format!("XADD {} * f v", streams[9]),
        ),
    ];
    for (line, push) in &lines {
        for end in ["push", "cancel", "time"] {
            for (server, stream) in servers.iter().zip(&streams) {
                server.ask(&["FLUSHALL"]);
                server.ask(&["XGROUP", "CREATE", stream.split('{').next().unwrap(), "g", "0", "MKSTREAM"]);
            }
            let cancel = Cancel::new();
            let view = cluster.cancelled_by(&cancel);
            let wait = of_line(&line.replace("WAIT", if end == "time" { "3" } else { "60" }));
            std::thread::scope(|scope| {
                let begun = Instant::now();
                let call = scope.spawn(|| view.execute(wait));
                wait_until("all nodes are waited on", || watched(&servers) == 10);
                wait_until_at_rest(&servers);
                servers[..9].iter().for_each(Server::freeze);
                let begin = if end == "time" { begun + Duration::from_secs(3) } else { Instant::now() };
                match end {
                    "push" => drop(cluster.execute(of_line(push)).unwrap()),
                    "cancel" => cancel.cancel(),
                    _ => {}
                }
                let result = call.join().unwrap();
                let late = begin.elapsed();
                servers[..9].iter().for_each(Server::thaw);
                match end {
                    "push" => assert_ne!(result.unwrap(), Value::Nil, "{line}"),
                    "cancel" => assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "{line}"),
                    _ => assert_eq!(result.unwrap(), Value::Nil, "{line}"),
                }
                assert!(late < Duration::from_millis(1500), "{line}: {late:?} late at the {end}");
            });
            wait_until("nobody waits", || watched(&servers) == 0);
        }
    }
}

/// A server looks at the type of a key when the wait begins, and not again: whatever it is meanwhile.
#[test]
fn a_key_may_be_something_else_for_a_moment() {
    let (servers, cluster, keys) = five();
    let (a, b) = (&keys[0], &keys[1]);
    let cancel = Cancel::new();
    let view = cluster.cancelled_by(&cancel);
    let other = format!("o{{{a}}}");
    for (line, push, wakes) in [
        (format!("BLPOP {a} {b} 20"), format!("RPUSH {a} x"), true),
        (format!("BLPOP {a} {b} 20"), format!("RPUSH {b} x"), false),
        (format!("BZPOPMIN {a} {b} 20"), format!("ZADD {a} 1 x"), true),
        (format!("XREAD BLOCK 20000 STREAMS {a} {b} $ $"), format!("XADD {a} * f v"), true),
        // On one server, in slices.
        (format!("BLPOP {a} 20"), format!("RPUSH {a} x"), true),
        (format!("BLPOP {a} {other} 20"), format!("RPUSH {other} x"), false),
        (format!("BZPOPMAX {a} 20"), format!("ZADD {a} 1 x"), true),
        (format!("BRPOPLPUSH {a} {other} 20"), format!("RPUSH {a} x"), true),
        (format!("XREAD BLOCK 20000 STREAMS {a} $"), format!("XADD {a} * f v"), true),
        (format!("XREAD BLOCK 20000 STREAMS {a} {other} $ $"), format!("XADD {other} * f v"), false),
    ] {
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        std::thread::scope(|scope| {
            let call = scope.spawn(|| view.execute(of_line(&line)));
            let waiting = |field| servers[0].field("clients", field).as_deref() == Some("1");
            wait_until("it waits", || waiting("blocked_clients") || waiting("tracking_clients"));
            servers[0].ask(&["SET", a, "something else"]);
            // Longer than a slice: the next one begins with a key that is something else.
            std::thread::sleep(Duration::from_millis(1300));
            assert!(!call.is_finished(), "{line}: {:?}", call.join());
            if wakes {
                servers[0].ask(&["DEL", a]);
            }
            cluster.execute(of_line(&push)).unwrap();
            let given = call.join().unwrap().unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_ne!(given, Value::Nil, "{line}");
        });
    }
}

#[test]
fn a_dead_node_is_told() {
    let (mut servers, cluster, keys) = five();
    servers[3].kill();
    let wait = cmd("BLPOP").args_of(&keys).arg("5");
    let error = cluster.execute(wait).unwrap_err();
    assert!(error.node().unwrap().starts_with("node_4 ("), "{error}");
}

#[test]
fn what_comes_on_two_nodes_is_given_once_and_stays_once() {
    let (servers, cluster, keys) = five();
    for round in 0..30 {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let wait = cmd("BLPOP").args_of(&keys).arg(5);
                cluster.execute(wait.reply::<Option<(String, String)>>())
            });
            wait_until("all five nodes are waited on", || watched(&servers) == 5);
            // Two nodes get data at once, and the second key is something else right afterwards.
            std::thread::scope(|both| {
                both.spawn(|| servers[0].ask(&["RPUSH", &keys[0], "first"]));
                both.spawn(|| {
                    let mut talk = servers[1].talk(Duration::from_secs(5)).unwrap();
                    talk.call(&["RPUSH", &keys[1], "second"]).unwrap();
                    talk.call(&["SET", &keys[1], "no list", "NX"]).unwrap();
                });
            });
            let given = call.join().unwrap().unwrap().expect("data came").1;
            let mut found = vec![given];
            for server in &servers[..2] {
                for key in ["rediscluster:stash:*", &keys[0], &keys[1]] {
                    let Reply::Array(names) = server.ask(&["KEYS", key]) else { panic!() };
                    for name in names.iter().map(Reply::text) {
                        if let Reply::Array(items) = server.ask(&["LRANGE", &name, "0", "-1"]) {
                            found.extend(items.iter().map(Reply::text));
                        }
                    }
                }
            }
            found.sort();
            assert_eq!(found, ["first", "second"], "round {round}");
        });
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    }
}

/// Two calls that each held what the other one needs would wait for one another.
#[test]
fn calls_that_share_few_connections_do_not_wait_for_one_another() {
    let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(20)).connect().unwrap();
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for nth in 0..4 {
            let (cluster, mut keys) = (&cluster, keys.clone());
            keys.rotate_left(nth * 5);
            scope.spawn(move || {
                for _ in 0..10 {
                    assert_eq!(cluster.execute(cmd("BLPOP").args_of(&keys).arg("0.02")).unwrap(), Value::Nil);
                }
            });
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

/// A server that tracks one key tells a change of the first key when it is asked for the second, and so on without end; and
/// a key may be written to all the time, in another database, too.
#[test]
fn keys_are_not_looked_at_without_pause_whatever_is_told() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    for most_keys in ["1", "0"] {
        servers.iter().for_each(|server| drop(server.ask(&["CONFIG", "SET", "tracking-table-max-keys", most_keys])));
        let (before, begin) = (servers[1].calls("type"), Instant::now());
        std::thread::scope(|scope| {
            let call = scope.spawn(|| cluster.execute(of_line("BLPOP foo bar a{foo} 1")));
            let mut busy = servers[1].talk(Duration::from_secs(5)).unwrap();
            busy.call(&["SELECT", "1"]).unwrap();
            while most_keys == "0" && !call.is_finished() {
                busy.call(&["INCR", "foo"]).unwrap();
            }
            assert_eq!(call.join().unwrap().unwrap(), Value::Nil);
        });
        // Two keys each time, and no more than one look in a millisecond.
        let (looks, most) = (u128::from(servers[1].calls("type") - before) / 2, begin.elapsed().as_millis() + 10);
        assert!(looks <= most, "{looks} looks, {most} at most, tracking-table-max-keys {most_keys}");
    }
}

/// A replica answers reads, so nothing but its role and its link tell that it will never have what the call waits for.
#[test]
fn a_read_that_waits_leaves_a_replica_that_has_no_master() {
    let masters = [Server::start(), Server::start()];
    let replica = Server::replica_of(&masters[1], &[]);
    let cluster = cluster_of(&masters).deadline(Duration::from_secs(20)).connect().unwrap();
    masters[1].wait_for_replica(&replica);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| cluster.execute(of_line("XREAD BLOCK 15000 STREAMS foo bar 0 0")));
        wait_until("both nodes are waited on", || watched(&masters) == 2);
        replica.promote();
        // Nobody is there.
        masters[1].ask(&["REPLICAOF", "127.0.0.1", "1"]);
        replica.ask(&["XADD", "foo", "1-1", "f", "v"]);
        assert_ne!(call.join().unwrap().unwrap(), Value::Nil);
    });
}
