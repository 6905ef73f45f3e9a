//! `XREAD` and `XREADGROUP` with streams on several nodes: the replies of one server, waits that any node ends, and
//! every entry given to a group exactly once.

use rediscluster::prelude::*;
use rediscluster::{
    Builder, Error, ErrorKind, Outcome, Protocol, StreamEntries, Value, XReadGroupOptions, XReadOptions,
};
use rediscluster_testing::{cluster_of, wait_until, Cut, Reply, Server, Wire};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

struct Five {
    servers: Vec<Server>,
    cluster: Cluster,
    /// One for each node.
    keys: Vec<String>,
}

impl Five {
    fn start() -> Five {
        Five::with(|builder| builder)
    }

    fn with(settings: impl Fn(Builder) -> Builder) -> Five {
        let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
        let cluster = settings(cluster_of(&servers).deadline(LONG)).connect().unwrap();
        let key_of =
            |node: String| (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == node).unwrap();
        let keys = (1..=5).map(|number| key_of(format!("node_{number}"))).collect();
        Five { servers, cluster, keys }
    }

    fn add(&self, nth: usize, id: &str) -> Reply {
        self.servers[nth].ask(&["XADD", &self.keys[nth], id, "n", id])
    }

    fn make_groups(&self) {
        for (server, key) in self.servers.iter().zip(&self.keys) {
            server.ask(&["XGROUP", "CREATE", key, "g", "0", "MKSTREAM"]);
        }
    }

    fn streams(&self, id: &str) -> Vec<(String, String)> {
        self.keys.iter().map(|key| (key.clone(), id.to_owned())).collect()
    }

    /// On how many servers a wait watches streams.
    fn watched(&self) -> usize {
        let watched = |server: &Server| server.field("clients", "tracking_clients").unwrap().parse::<usize>().unwrap();
        self.servers.iter().map(watched).sum()
    }

    fn run(&self, line: &str) -> Result<Value, Error> {
        run(&self.cluster, line)
    }
}

fn run(cluster: &Cluster, line: &str) -> Result<Value, Error> {
    let mut words = line.split(' ');
    cluster.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()))
}

fn ids(read: &[StreamEntries]) -> Vec<(String, Vec<String>)> {
    let ids = |stream: &StreamEntries| stream.entries.iter().map(|entry| entry.id.to_string()).collect();
    read.iter().map(|stream| (stream.name.clone(), ids(stream))).collect()
}

/// Several nodes and one server say the same, to the byte of what they say.
#[test]
fn the_replies_are_those_of_one_server() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let one = [Server::start()];
        let single = cluster_of(&one).protocol(protocol).connect().unwrap();
        let five = Five::with(|builder| builder.protocol(protocol));
        let since_7_4 = one[0].is_since("7.4 or valkey 9.0", "XREAD from +");
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|nth| five.keys[nth].as_str());
        let mut lines: Vec<String> = Vec::new();
        for (key, count) in [(a, 3), (b, 1), (c, 4)] {
            lines.extend((1..=count).map(|n| format!("XADD {key} {n}-0 f v{n}")));
            lines.push(format!("XGROUP CREATE {key} g 0"));
        }
        lines.push(format!("SET {e} text"));
        for line in [
            format!("XREAD STREAMS {c} {a} {b} 0 0 0"),
            format!("xread count 2 streams {a} {b} {c} 1 1 1-0"),
            format!("XREAD STREAMS {a} {b} {d} 9 9 0"),
            format!("XREAD STREAMS {a} {b} $ $"),
            format!("XREAD STREAMS {a} {b} {a} {a} 9 0 0 2"),
            format!("XREAD STREAMS {a} {b} {a} {a} 2 0 9 0"),
            format!("XREAD COUNT 1 BLOCK 10 STREAMS {b} {a} {c} 0 2 $"),
            format!("XREAD BLOCK 10 STREAMS {b} {a} $ $"),
            format!("XREAD BLOCK 10 BLOCK 5 STREAMS {b} {a} $ 9"),
            format!("XREAD STREAMS {a} {b} 0"),
            format!("XREAD STREAMS {a} {b} {c} 0 0"),
            format!("XREAD FOO STREAMS {a} {b} 0 0"),
            format!("XREAD COUNT x STREAMS {a} {e} 0 0"),
            format!("XREAD COUNT STREAMS {a} {b} 0 0"),
            format!("XREAD BLOCK x STREAMS {a} {b} 0 0"),
            format!("XREAD BLOCK -1 STREAMS {a} {e} $ $"),
            format!("XREAD BLOCK 1.5 STREAMS {a} {b} $ $"),
            format!("XREAD BLOCK 5 COUNT x STREAMS {a} {e} $ $"),
            format!("XREAD BLOCK 5 STREAMS {a} {e} $ $"),
            format!("XREAD BLOCK 5 STREAMS {a} {e} x $"),
            format!("XREAD STREAMS {a} {e} 0 0"),
            format!("XREAD STREAMS {a} {e} {a} 0 0 x"),
            format!("XREAD STREAMS {a} {b} {e} 0 x 0"),
            format!("XREAD STREAMS {e} {b} 0 x"),
            format!("XREAD STREAMS {a} {b} 0 >"),
            format!("XREAD NOACK STREAMS {a} {b} 0 0"),
            format!("XREAD GROUP g c STREAMS {a} {b} 0 0"),
            format!("XREAD STREAMS {a} streams {b} 0 0 0"),
            "XREAD STREAMS".to_owned(),
            "XREAD COUNT 1 2".to_owned(),
            // Groups.
            format!("XREADGROUP GROUP g anna STREAMS {a} {d} > >"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {e} > >"),
            format!("XREADGROUP GROUP g anna STREAMS {d} {e} > >"),
            format!("XREADGROUP GROUP g anna STREAMS {e} {d} > >"),
            format!("XREADGROUP GROUP none anna STREAMS {a} {b} > >"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {b} > x"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {b} > $"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {b} {d} > x 0"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {b} >"),
            format!("XREADGROUP GROUP g anna COUNT x STREAMS {a} {d} > >"),
            format!("XREADGROUP GROUP g anna BLOCK x STREAMS {a} {d} > >"),
            format!("XREADGROUP GROUP g anna NEW STREAMS {a} {d} > >"),
            format!("XREADGROUP COUNT 1 NOACK STREAMS {a} {b} > >"),
            format!("XREADGROUP COUNT 1 BLOCK 5 NOACK STREAMS {a} {b} > >"),
            format!("XINFO CONSUMERS {a} g"),
            format!("XINFO CONSUMERS {b} g"),
            format!("XREADGROUP GROUP g anna COUNT 2 STREAMS {c} {b} {a} > > >"),
            format!("XREADGROUP GROUP g bert COUNT 1 STREAMS {a} {b} {a} {c} > 0 0 >"),
            format!("xreadgroup count 1 group g bert streams {a} {b} {c} {c} > > > 0"),
            format!("XREADGROUP GROUP g bert STREAMS {a} {b} > >"),
            format!("XREADGROUP GROUP g bert BLOCK 10 STREAMS {a} {b} > >"),
            format!("XREADGROUP GROUP g bert BLOCK 0 STREAMS {a} {b} 0 1"),
            format!("XREADGROUP GROUP g anna STREAMS {a} {b} {c} 0 0 1-0"),
            format!("XADD {a} 9-1 f v"),
            format!("XADD {b} 9-2 f v"),
            format!("XADD {c} 9-3 f v"),
            format!("XREADGROUP GROUP g cleo NOACK STREAMS {c} {a} {b} > > 0"),
            format!("XREADGROUP GROUP g cleo STREAMS {c} {a} {b} 0 0 >"),
            format!("XPENDING {a} g - + 10"),
        ] {
            lines.push(line);
        }
        if since_7_4 {
            lines.push(format!("XREAD STREAMS {a} {d} {b} {c} + + 9 +"));
            lines.push(format!("XREAD BLOCK 5 STREAMS {d} {b} + 10"));
        }
        for line in &lines {
            let (wanted, found) = (run(&single, line), five.run(line));
            match (&wanted, &found) {
                (Ok(Value::Array(_)), _) if line.starts_with("XINFO") || line.starts_with("XPENDING") => {
                    let size = |value: &Result<Value, Error>| match value {
                        Ok(Value::Array(items)) => items.len(),
                        other => panic!("{line}: {other:?}"),
                    };
                    assert_eq!(size(&wanted), size(&found), "{line}: {wanted:?} {found:?}");
                }
                (Ok(wanted), Ok(found)) => assert_eq!(wanted, found, "{line}"),
                (Err(wanted), Err(found)) => {
                    let told = |error: &Error| (error.kind(), error.outcome(), error.message().to_owned());
                    assert_eq!(told(wanted), told(found), "{line}");
                }
                _ => panic!("{line}: {wanted:?}, and on five nodes {found:?}"),
            }
        }
        wait_until("nobody waits any more", || five.watched() == 0);
    }
}

#[test]
fn names_with_tags_and_equal_names_of_two_nodes() {
    let five = Five::start();
    let (one, two) = (&five.keys[0], &five.keys[1]);
    let tagged = [format!("s{{{one}}}"), format!("s{{{two}}}"), format!("t{{{one}}}")];
    for (at, key) in tagged.iter().enumerate() {
        five.run(&format!("XADD {key} {}-0 f v", at + 1)).unwrap();
    }
    let streams: Vec<(&str, &str)> = tagged.iter().rev().map(|key| (key.as_str(), "0")).collect();
    let read: Vec<StreamEntries> = five.cluster.xread(streams).unwrap();
    let wanted = [("t", "3-0"), ("s", "2-0"), ("s", "1-0")].map(|(name, id)| (name.to_owned(), vec![id.to_owned()]));
    assert_eq!(ids(&read), wanted);
}

#[test]
fn replicas_answer_what_does_not_wait() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let cluster = cluster_of(&masters).connect().unwrap();
    for key in ["foo", "bar"] {
        run(&cluster, &format!("XADD {key} 1-0 f v")).unwrap();
    }
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    let read: Vec<StreamEntries> = cluster.xread([("foo", "0"), ("bar", "0")]).unwrap();
    assert_eq!(read.len(), 2);
    assert!(replicas.iter().all(|replica| replica.calls("xread") == 1));
    let read: Vec<StreamEntries> =
        cluster.xread_with([("foo", "0"), ("bar", "0")], XReadOptions::new().block(LONG)).unwrap();
    assert_eq!(read.len(), 2);
    assert!(masters.iter().all(|master| master.calls("xread") == 1), "who waits asks the masters");
}

/// A replica that has nothing to say is left alone as long as the command may wait.
#[test]
fn a_long_wait_on_a_replica_is_no_failure() {
    let master = [Server::start()];
    let replica = Server::replica_of(&master[0], &[]);
    let cluster = cluster_of(&master).deadline(Duration::from_millis(400)).connect().unwrap();
    let options = XReadOptions::new().block(Duration::from_millis(1500));
    let read: Vec<StreamEntries> = cluster.xread_with(("s", "$"), options).unwrap();
    assert_eq!((read.len(), replica.calls("xread"), master[0].calls("xread")), (0, 1, 0));
}

#[test]
fn whichever_node_gets_an_entry_wakes_the_call_and_nobody_waits_afterwards() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let five = Five::with(|builder| builder.protocol(protocol));
        five.make_groups();
        for (group, nth) in [false, true].into_iter().flat_map(|group| (0..5).map(move |nth| (group, nth))) {
            std::thread::scope(|scope| {
                let call = scope.spawn(|| -> Vec<StreamEntries> {
                    let none = Duration::ZERO;
                    if group {
                        let options = XReadGroupOptions::new().block(none);
                        five.cluster.xreadgroup_with("g", "anna", five.streams(">"), options).unwrap()
                    } else {
                        five.cluster.xread_with(five.streams("$"), XReadOptions::new().block(none)).unwrap()
                    }
                });
                wait_until("all five nodes are waited on", || five.watched() == 5);
                let id = format!("{}-{nth}", 1 + u8::from(group));
                let begin = Instant::now();
                five.add(nth, &id);
                assert_eq!(ids(&call.join().unwrap()), [(five.keys[nth].clone(), vec![id])]);
                assert!(begin.elapsed() < Duration::from_secs(10));
            });
            wait_until("nobody waits any more", || five.watched() == 0);
            if !group {
                // For the group, which has not read it.
                five.run(&format!("XREADGROUP GROUP g bert NOACK STREAMS {} >", five.keys[nth])).unwrap();
            }
        }
    }
}

#[test]
fn what_two_nodes_give_at_once_is_not_lost() {
    let five = Five::start();
    let mut both = 0;
    for round in 1..=60 {
        let before = five.streams(&format!("{}", round - 1));
        let options = XReadOptions::new().block(LONG);
        std::thread::scope(|scope| {
            let call =
                scope.spawn(|| -> Vec<StreamEntries> { five.cluster.xread_with(before.clone(), options).unwrap() });
            wait_until("all five nodes are waited on", || five.watched() == 5);
            std::thread::scope(|adding| {
                adding.spawn(|| five.add(4, &format!("{round}-0")));
                adding.spawn(|| five.add(1, &format!("{round}-0")));
            });
            let given = ids(&call.join().unwrap());
            let entry = |nth: usize| (five.keys[nth].clone(), vec![format!("{round}-0")]);
            assert!([vec![entry(1)], vec![entry(4)], vec![entry(1), entry(4)]].contains(&given), "{given:?}");
            both += usize::from(given.len() == 2);
        });
        let read: Vec<StreamEntries> = five.cluster.xread(before).unwrap();
        assert_eq!(read.len(), 2, "what was not given is there for the next read");
    }
    println!("both came together {both} times");
}

/// Many consumers, many producers, entries on all nodes at once: what went in comes out once.
#[test]
fn a_group_is_given_every_entry_exactly_once() {
    const ENTRIES: usize = 600;
    let five = Five::start();
    five.make_groups();
    let given: Mutex<BTreeMap<(String, String), usize>> = Mutex::new(BTreeMap::new());
    let (left, calls) = (AtomicUsize::new(ENTRIES), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for consumer in 0..4 {
            let (five, given, left, calls) = (&five, &given, &left, &calls);
            scope.spawn(move || {
                let options = XReadGroupOptions::new().block(Duration::from_millis(300)).count(2);
                while left.load(Ordering::SeqCst) > 0 {
                    let name = format!("c{consumer}");
                    let read: Vec<StreamEntries> =
                        five.cluster.xreadgroup_with("g", &name, five.streams(">"), options).unwrap();
                    calls.fetch_add(1, Ordering::SeqCst);
                    for (stream, ids) in ids(&read) {
                        assert!(ids.len() <= 2, "COUNT");
                        left.fetch_sub(ids.len(), Ordering::SeqCst);
                        let acknowledged: u64 = five.cluster.xack(&stream, "g", &ids).unwrap();
                        assert_eq!(acknowledged as usize, ids.len(), "pending with this consumer");
                        let mut given = given.lock().unwrap();
                        ids.into_iter().for_each(|id| *given.entry((stream.clone(), id)).or_default() += 1);
                    }
                }
            });
        }
        for producer in 0..3 {
            let five = &five;
            scope.spawn(move || {
                for n in (producer..ENTRIES).step_by(3) {
                    five.servers[n % 5].ask(&["XADD", &five.keys[n % 5], "*", "n", "x"]);
                }
            });
        }
    });
    let given = given.into_inner().unwrap();
    assert!(given.values().all(|times| *times == 1), "an entry was given twice");
    assert_eq!(given.len(), ENTRIES);
    for (server, key) in five.servers.iter().zip(&five.keys) {
        let Reply::Array(pending) = server.ask(&["XPENDING", key, "g"]) else { panic!() };
        assert_eq!(pending[0].int(), 0, "nothing is left with anybody");
    }
    wait_until("nobody waits any more", || five.watched() == 0);
    println!("{} calls for {ENTRIES} entries", calls.into_inner());
}

/// The waits are made of slices of one second, and `$` means the end at the time of the call.
#[test]
fn nothing_is_missed_between_two_slices() {
    let five = Five::start();
    (0..5).for_each(|nth| drop(five.add(nth, "1-0")));
    // Deleted, so that the last id is told by no entry.
    five.servers[2].ask(&["XDEL", &five.keys[2], "1-0"]);
    const CALLS: usize = 12;
    std::thread::scope(|scope| {
        for call in 0..CALLS {
            let five = &five;
            // The additions come at different moments of the third second of the wait, some just when a slice ends.
            let pause = Duration::from_millis(1900 + 20 * call as u64);
            let other = &five.keys[(call + 1) % 5];
            let name = format!("own{call}{{{}}}", five.keys[call % 5]);
            scope.spawn(move || {
                let begin = Instant::now();
                let adding = std::thread::scope(|scope| {
                    let reading = scope.spawn(|| -> Vec<StreamEntries> {
                        let streams = [(name.as_str(), "$"), (other.as_str(), "$")];
                        five.cluster.xread_with(streams, XReadOptions::new().block(LONG)).unwrap()
                    });
                    // The moment is what is tested here, and no other thread waits for it.
                    std::thread::sleep(pause);
                    let id: String = five.cluster.execute(cmd("XADD").args_of([&name, "*", "f", "v"]).reply()).unwrap();
                    (id, reading.join().unwrap())
                });
                assert!(begin.elapsed() < pause + Duration::from_secs(8), "it was given by the addition");
                let stored = name.split('{').next().unwrap().to_owned();
                assert_eq!(ids(&adding.1), [(stored, vec![adding.0])]);
            });
        }
    });
    // An entry that is added between the resolution and the wait is given, too: nothing but the call itself is between.
    for round in 0..40 {
        let options = XReadOptions::new().block(LONG);
        std::thread::scope(|scope| {
            let begun = five.servers[3].calls("xread");
            let call =
                scope.spawn(|| -> Vec<StreamEntries> { five.cluster.xread_with(five.streams("$"), options).unwrap() });
            wait_until("the call has begun", || five.servers[3].calls("xread") > begun);
            five.add(3, "*");
            assert_eq!(call.join().unwrap().len(), 1, "round {round}");
        });
    }
}

#[test]
fn a_wait_in_vain_ends_in_time() {
    let five = Five::start();
    five.make_groups();
    for line in ["XREAD BLOCK 300", "XREADGROUP GROUP g anna BLOCK 300"] {
        let id = if line.contains("GROUP") { ">" } else { "$" };
        let line = format!("{line} STREAMS {} {}", five.keys.join(" "), [id; 5].join(" "));
        let begin = Instant::now();
        assert_eq!(five.run(&line).unwrap(), Value::Nil);
        assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&begin.elapsed()), "{line}");
        wait_until("nobody waits any more", || five.watched() == 0);
    }
}

#[test]
fn a_dead_node_is_told_and_nothing_is_taken_elsewhere() {
    let mut five = Five::start();
    five.make_groups();
    (0..5).for_each(|nth| drop(five.add(nth, "1-0")));
    five.servers[3].kill();
    for line in ["XREADGROUP GROUP g anna", "XREADGROUP GROUP g anna BLOCK 0", "XREAD", "XREAD BLOCK 0"] {
        let id = if line.contains("GROUP") { ">" } else { "0" };
        let error = five.run(&format!("{line} STREAMS {} {}", five.keys.join(" "), [id; 5].join(" "))).unwrap_err();
        assert!(error.node().unwrap().starts_with("node_4 ("), "{error}");
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    }
    for nth in [0, 1, 2, 4] {
        let Reply::Array(pending) = five.servers[nth].ask(&["XPENDING", &five.keys[nth], "g"]) else { panic!() };
        assert_eq!(pending[0].int(), 0, "nothing was taken");
    }
}

#[test]
fn a_node_that_dies_during_the_wait_is_told() {
    let mut five = Five::start();
    five.make_groups();
    let cluster = five.cluster.clone();
    let streams = five.streams(">");
    let call = std::thread::spawn(move || {
        let options = XReadGroupOptions::new().block(Duration::ZERO);
        cluster.xreadgroup_with::<_, _, _, String, BTreeMap<String, String>>("g", "anna", streams, options)
    });
    wait_until("all five nodes are waited on", || five.watched() == 5);
    five.servers[1].kill();
    let error = call.join().unwrap().unwrap_err();
    assert!(error.node().unwrap().starts_with("node_2 ("), "{error}");
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    five.servers.remove(1);
    wait_until("nobody waits any more", || five.watched() == 0);
}

/// One node at a time is asked for what it has, so what another one fails for takes nothing with it.
#[test]
fn an_error_of_one_node_takes_no_entry_of_another() {
    let five = Five::start();
    for round in 0..60 {
        five.make_groups();
        let options = XReadGroupOptions::new().block(LONG);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                five.cluster.xreadgroup_with::<_, _, _, String, BTreeMap<String, String>>(
                    "g",
                    "anna",
                    five.streams(">"),
                    options,
                )
            });
            wait_until("all five nodes are waited on", || five.watched() == 5);
            std::thread::scope(|both| {
                both.spawn(|| five.servers[2].ask(&["XGROUP", "DESTROY", &five.keys[2], "g"]));
                both.spawn(|| five.add(0, "7-7"));
            });
            let pending = || {
                let Reply::Array(pending) = five.servers[0].ask(&["XPENDING", &five.keys[0], "g"]) else { panic!() };
                pending[0].int()
            };
            match call.join().unwrap() {
                Ok(read) => assert_eq!((read.len(), pending()), (1, 1), "round {round}"),
                Err(error) => {
                    assert_eq!((error.outcome(), error.code()), (Outcome::NotApplied, Some("NOGROUP")), "{error}");
                    assert_eq!(pending(), 0, "round {round}");
                }
            }
        });
        wait_until("nobody waits any more", || five.watched() == 0);
        five.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    }
}

/// A user who may read with a group and nothing else is asked for no more.
#[test]
fn xpending_need_not_be_allowed() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-xpending"]);
        server.ask(&["XGROUP", "CREATE", "foo", "g", "0", "MKSTREAM"]);
        server.ask(&["XGROUP", "CREATE", "bar", "g", "0", "MKSTREAM"]);
    }
    let cluster = cluster_of(&servers).username("lim").password("pw").connect().unwrap();
    run(&cluster, "XADD foo 1-0 f v").unwrap();
    let read: Vec<StreamEntries> = cluster.xreadgroup("g", "anna", [("bar", ">"), ("foo", ">")]).unwrap();
    assert_eq!(ids(&read), [("foo".to_owned(), vec!["1-0".to_owned()])]);
}

/// With the wire to one of two nodes cut at every step: what a node has given is in the reply or told, and what is told
/// is so.
#[test]
fn what_became_of_the_entries_is_known_wherever_the_wire_is_cut() {
    let servers = [Server::start(), Server::start()];
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true);
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    // `bar` lives on the first node, `foo` on the second.
    let keys = ["bar", "foo"];
    let (mut cuts, mut told) = (0, 0);
    for (at, wire) in wires.iter().enumerate() {
        for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
            for nth in 0.. {
                wires.iter().for_each(Wire::mend);
                for (server, key) in servers.iter().zip(keys) {
                    server.ask(&["FLUSHALL"]);
                    server.ask(&["XGROUP", "CREATE", key, "g", "0", "MKSTREAM"]);
                    server.ask(&["XADD", key, "1-0", "f", "v"]);
                }
                wire.cut_at(nth, cut);
                let result = run(&cluster, "XREADGROUP GROUP g c STREAMS foo bar > >");
                let story = format!("node_{} cut {cut:?} {nth}: {result:?}", at + 1);
                let pending = |nth: usize| match servers[nth].ask(&["XPENDING", keys[nth], "g"]) {
                    Reply::Array(pending) => pending[0].int() == 1,
                    other => panic!("{other:?}"),
                };
                match &result {
                    Ok(Value::Array(streams)) => assert!(streams.len() == 2 && pending(0) && pending(1), "{story}"),
                    Ok(_) => panic!("{story}"),
                    Err(error) => {
                        assert!(error.node().unwrap().starts_with(&format!("node_{}", at + 1)), "{story}");
                        if error.outcome() == Outcome::NotApplied {
                            assert!(!pending(0) && !pending(1), "{story}");
                        }
                        for part in error.parts() {
                            let nth = usize::from(part.node == "node_2");
                            match part.outcome {
                                Outcome::Applied => {
                                    told += 1;
                                    assert!(pending(nth), "{story}");
                                    let words = format!("1 of {} (1-0 to 1-0)", keys[nth]);
                                    assert!(error.message().contains(&words), "{story}");
                                }
                                Outcome::NotApplied => assert!(!pending(nth), "{story}"),
                                _ => {}
                            }
                        }
                    }
                }
                if !wire.is_cut() {
                    assert!(result.is_ok(), "{story}");
                    break;
                }
                cuts += 1;
            }
        }
    }
    assert!(cuts >= 8 && told >= 2, "{cuts} cuts were met, {told} told of entries");
}
