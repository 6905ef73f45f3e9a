//! Calls that find no connection free share the next one.

use rediscluster::prelude::*;
use rediscluster::{connect_tcp, Address, Cluster, Connect, ErrorKind, Outcome, Retries, Share, Socket, Transport};
use rediscluster_testing::{cluster_of, wait_until, Chaos, Fault, ScriptedPeer, Server, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);
/// As long is the answer for the key `large`.
const LARGE: usize = 200_000;

/// A server that keeps each answer back until it may give it. A key is answered with its own name; one that begins with
/// `end` ends the connection, as does the first `SELECT` of a database, and `strange` is answered with what is no reply.
#[derive(Clone, Default)]
struct Gate {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    asked: Vec<String>,
    /// So many answers may be given from the beginning on.
    released: usize,
    given: usize,
}

impl Gate {
    fn server(&self) -> ScriptedPeer {
        let gate = self.clone();
        ScriptedPeer::master(move |words| {
            let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let (state, changed) = &*gate.state;
            let mut state = state.lock().unwrap();
            state.asked.push(words.join(" "));
            changed.notify_all();
            while state.given == state.released {
                state = changed.wait(state).unwrap();
            }
            state.given += 1;
            match words.get(1) {
                Some(key) if key.starts_with("end") => Vec::new(),
                Some(_)
                    if words[0] == "SELECT"
                        && state.asked.iter().filter(|asked| **asked == words.join(" ")).count() == 1 =>
                {
                    Vec::new()
                }
                Some(key) if key == "strange" => b"?\r\n".to_vec(),
                Some(key) if key == "large" => format!("${LARGE}\r\n{}\r\n", "x".repeat(LARGE)).into_bytes(),
                Some(key) => format!("${}\r\n{key}\r\n", key.len()).into_bytes(),
                None => b"+OK\r\n".to_vec(),
            }
        })
    }

    fn release(&self, answers: usize) {
        self.state.0.lock().unwrap().released += answers;
        self.state.1.notify_all();
    }

    fn asked(&self) -> Vec<String> {
        self.state.0.lock().unwrap().asked.clone()
    }
}

/// A cluster of that server with one connection.
fn one_connection(server: &ScriptedPeer, share: Share) -> Cluster {
    let builder = Cluster::builder().node("node_1", server.address()).masters_only(true).refresh_every(None);
    builder.pool_size(1).deadline(LONG).share_connections(share).connect().unwrap()
}

fn wait_for_calls(cluster: &Cluster, waiting: usize) {
    wait_until("so many calls wait", || cluster.pools()[0].waiting == waiting);
}

fn gathered(cluster: &Cluster) -> u64 {
    cluster.pools().iter().map(|pool| pool.gathered).sum()
}

#[test]
fn each_gets_its_own_reply() {
    let servers = [Server::start(), Server::start()];
    for share in [Share::None, Share::Reads, Share::All] {
        let cluster = cluster_of(&servers).pool_size(1).deadline(LONG).share_connections(share).connect().unwrap();
        cluster.rpush("list", ["x"]).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..24 {
                let cluster = &cluster;
                scope.spawn(move || {
                    let (own, count) = (format!("{share:?}:{thread}"), format!("count:{share:?}:{thread}"));
                    for round in 0..60 {
                        cluster.set(&own, round).unwrap();
                        assert_eq!(cluster.get::<_, i32>(&own).unwrap(), round);
                        assert_eq!(cluster.hget::<_, _, Option<String>>("missing", &own).unwrap(), None);
                        assert_eq!(cluster.get::<_, String>("list").unwrap_err().kind(), ErrorKind::WrongType);
                        assert_eq!(cluster.incr(&count).unwrap(), round as i64 + 1);
                        assert_eq!(cluster.database(1).get::<_, Option<i32>>(&own).unwrap(), None);
                    }
                });
            }
        });
        assert_eq!(gathered(&cluster) > 0, share != Share::None, "{share:?}");
        for pool in cluster.pools() {
            assert_eq!((pool.open, pool.idle, pool.waiting, pool.opened), (1, 1, 0, 1), "{share:?}");
        }
    }
}

#[test]
fn a_reply_that_is_none_is_the_matter_of_its_own_call() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let mut calls = Vec::new();
        for (nth, key) in ["key0", "strange", "key1", "key2"].into_iter().enumerate() {
            let cluster = &cluster;
            calls.push((key, scope.spawn(move || cluster.get::<_, String>(key))));
            wait_for_calls(cluster, nth + 1);
        }
        // More than are asked for: some are asked twice.
        gate.release(100);
        assert_eq!(holder.join().unwrap().unwrap(), "holder");
        for (key, call) in calls {
            match call.join().unwrap() {
                Ok(reply) => assert_eq!(reply, key),
                Err(error) => assert_eq!((error.kind(), key), (ErrorKind::Protocol, "strange"), "{error}"),
            }
        }
    });
    assert!(gathered(&cluster) >= 3, "all but the one that led have joined it");
}

#[test]
fn what_has_gathered_goes_in_one_go_and_who_left_is_not_among_it() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let first = scope.spawn(|| cluster.deadline(SHORT).get::<_, String>("first"));
        wait_for_calls(&cluster, 1);
        let mut waiting = Vec::new();
        for nth in 0..8 {
            let cluster = &cluster;
            waiting.push(scope.spawn(move || (nth, cluster.get::<_, String>(format!("key{nth}")))));
            wait_for_calls(cluster, nth + 2);
        }
        let left = scope.spawn(|| cluster.deadline(SHORT).get::<_, String>("left"));
        // The one that leads leaves as well, and another one leads on.
        for gone in [first, left] {
            let error = gone.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::PoolTimeout, Outcome::NotApplied), "{error}");
        }
        wait_for_calls(&cluster, 8);
        gate.release(1);
        assert_eq!(holder.join().unwrap().unwrap(), "holder");
        // The server has not answered any of them, and has been asked one after the other.
        gate.release(8);
        for call in waiting {
            let (nth, reply) = call.join().unwrap();
            assert_eq!(reply.unwrap(), format!("key{nth}"));
        }
    });
    let asked: BTreeSet<String> = gate.asked().into_iter().collect();
    assert!(asked.len() == 9 && !asked.contains("GET first") && !asked.contains("GET left"), "{asked:?}");
    let pool = cluster.pools().remove(0);
    assert_eq!((pool.open, pool.idle, pool.waiting, pool.timed_out, pool.waited), (1, 1, 0, 2, 10));
    assert_eq!(pool.gathered, 9);
}

#[test]
fn a_batch_whose_connection_dies_at_select_goes_over_another_one() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    let other_database = cluster.retries(Retries::none()).database(7);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let mut reads = Vec::new();
        for nth in 0..3 {
            let other_database = &other_database;
            reads.push(scope.spawn(move || other_database.get::<_, String>(format!("key{nth}"))));
            wait_for_calls(&cluster, nth + 1);
        }
        let write = scope.spawn(|| cluster.set("written", 1));
        wait_for_calls(&cluster, 4);
        gate.release(100);
        assert_eq!(holder.join().unwrap().unwrap(), "holder");
        for (nth, read) in reads.into_iter().enumerate() {
            assert_eq!(read.join().unwrap().unwrap(), format!("key{nth}"));
        }
        write.join().unwrap().unwrap();
    });
    let asked = gate.asked();
    assert_eq!(asked[..2], ["GET holder", "SELECT 7"], "{asked:?}");
    let of = |command: &str| asked.iter().filter(|asked| asked.starts_with(command)).count();
    assert_eq!((of("GET key"), of("SELECT 7"), of("SET written")), (3, 2, 1), "{asked:?}");
    assert!(asked.last().unwrap().starts_with("SET written"), "they came first: {asked:?}");
}

#[test]
fn the_deadline_of_one_is_not_that_of_the_others() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        // The one that leads has the shortest time; another one that follows has as short a time.
        let leader = scope.spawn(|| cluster.deadline(Duration::from_secs(2)).get::<_, String>("leader"));
        wait_for_calls(&cluster, 1);
        let hurried = scope.spawn(|| cluster.deadline(Duration::from_secs(2)).get::<_, String>("hurried"));
        wait_for_calls(&cluster, 2);
        let patient = scope.spawn(|| cluster.get::<_, String>("patient"));
        wait_for_calls(&cluster, 3);
        gate.release(1);
        holder.join().unwrap().unwrap();
        wait_until("they are asked", || gate.asked().len() == 2);
        for call in [leader, hurried] {
            let began = Instant::now();
            let error = call.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
            assert!(error.to_string().contains("GET on node_1"), "{error}");
            assert!(began.elapsed() < Duration::from_secs(20), "it did not wait for the others");
        }
        assert!(cluster.pools()[0].silent, "the next calls fail at once");
        gate.release(3);
        assert_eq!(patient.join().unwrap().unwrap(), "patient");
        assert!(!cluster.pools()[0].silent);
        // The replies for those who have left are nobody else's.
        gate.release(1);
        assert_eq!(cluster.get::<_, String>("next").unwrap(), "next");
    });
    assert_eq!(server.accepted(), 1 + 1, "the one that asked who it is, and the one of the pool");
}

#[test]
fn of_a_connection_that_breaks_reads_are_tried_again_and_one_pays() {
    // More than the budget has for one retry each.
    let calls = 40;
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        // One has its reply, and the next one ends the connection, which has not just lain in the pool then.
        let first = scope.spawn(|| cluster.get::<_, String>("first"));
        wait_for_calls(&cluster, 1);
        let end = scope.spawn(|| cluster.retries(Retries::none()).get::<_, String>("end"));
        wait_for_calls(&cluster, 2);
        let mut waiting = Vec::new();
        for nth in 0..calls {
            let cluster = &cluster;
            waiting.push(scope.spawn(move || (nth, cluster.get::<_, String>(format!("key{nth}")))));
        }
        wait_for_calls(&cluster, calls + 2);
        gate.release(3 + calls);
        holder.join().unwrap().unwrap();
        assert_eq!(first.join().unwrap().unwrap(), "first");
        end.join().unwrap().unwrap_err();
        for call in waiting {
            let (nth, reply) = call.join().unwrap();
            assert_eq!(reply.unwrap(), format!("key{nth}"));
        }
    });
}

#[test]
fn writes_share_when_they_are_told_to_and_say_what_is_unknown() {
    for share in [Share::Reads, Share::All] {
        let gate = Gate::default();
        let server = gate.server();
        let cluster = one_connection(&server, share);
        let retried = cluster.retries(Retries::none());
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
            wait_until("the connection is taken", || gate.asked().len() == 1);
            let end = scope.spawn(|| retried.incr("end"));
            wait_for_calls(&cluster, 1);
            let other = scope.spawn(|| retried.append("other", "x"));
            wait_for_calls(&cluster, 2);
            gate.release(2);
            holder.join().unwrap().unwrap();
            let error = end.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::Unknown), "{error}");
            gate.release(1);
            let other = other.join().unwrap();
            // The reply is no number, which says that it was applied.
            match share {
                Share::All => assert_eq!(other.unwrap_err().outcome(), Outcome::Unknown),
                _ => assert_eq!(other.unwrap_err().outcome(), Outcome::Applied, "it waited safely"),
            }
        });
        assert_eq!(gathered(&cluster), u64::from(share == Share::All));
    }
}

/// Refuses the next connections, so many.
struct Refuses(Arc<AtomicUsize>);

impl Connect for Refuses {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        let less = |left: usize| left.checked_sub(1);
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Err(io::ErrorKind::ConnectionRefused.into()),
            Err(_) => connect_tcp(address, timeout).map(Socket::from),
        }
    }
}

#[test]
fn a_connection_that_cannot_be_made_is_the_failure_of_one_and_the_others_keep_their_place() {
    let gate = Gate::default();
    let server = gate.server();
    let refused = Arc::new(AtomicUsize::new(0));
    let builder = Cluster::builder().node("node_1", server.address()).masters_only(true).refresh_every(None);
    let builder = builder.connector(Refuses(Arc::clone(&refused))).retries(Retries::none());
    let cluster = builder.pool_size(1).deadline(LONG).connect().unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("end"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let mut reads = Vec::new();
        for nth in 0..6 {
            let cluster = &cluster;
            reads.push(scope.spawn(move || (nth, cluster.get::<_, String>(format!("key{nth}")))));
            wait_for_calls(cluster, nth + 1);
        }
        let write = scope.spawn(|| cluster.append("later", "x"));
        wait_for_calls(&cluster, 7);
        refused.store(3, Ordering::SeqCst);
        gate.release(1 + 3 + 1);
        holder.join().unwrap().unwrap_err();
        let mut failed = 0;
        for read in reads {
            let (nth, reply) = read.join().unwrap();
            match reply {
                Ok(value) => assert_eq!(value, format!("key{nth}")),
                Err(error) => {
                    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
                    failed += 1;
                }
            }
        }
        assert_eq!(failed, 3, "one for each connection that was refused");
        // The reply is no number, which says that it was applied.
        assert_eq!(write.join().unwrap().unwrap_err().outcome(), Outcome::Applied);
    });
    let asked = gate.asked();
    assert!(asked.len() == 5 && asked[4] == "APPEND later x", "what came later waits for longer: {asked:?}");
}

/// Connects at once until it is told to wait, and then when it is let go.
#[derive(Clone, Default)]
struct Waits(Arc<(Mutex<Option<usize>>, Condvar)>);

impl Waits {
    /// From now on connections wait, or no longer.
    fn set(&self, waiting: Option<usize>) {
        *self.0 .0.lock().unwrap() = waiting;
        self.0 .1.notify_all();
    }

    fn waiting(&self) -> usize {
        self.0 .0.lock().unwrap().unwrap_or(0)
    }
}

/// Lets all go, also when the test fails, which would else wait for them.
struct LetGo<'w>(&'w Waits);

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Connect for Waits {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        let (waiting, changed) = &*self.0;
        let mut waiting = waiting.lock().unwrap();
        if let Some(count) = &mut *waiting {
            *count += 1;
        }
        while waiting.is_some() {
            waiting = changed.wait(waiting).unwrap();
        }
        drop(waiting);
        connect_tcp(address, timeout).map(Socket::from)
    }
}

#[test]
fn nobody_waits_for_the_new_connection_of_one_when_another_is_free() {
    let servers = [Server::start()];
    let waits = Waits::default();
    let builder = cluster_of(&servers).connector(waits.clone()).pool_size(2).masters_only(true).refresh_every(None);
    let cluster = builder.deadline(LONG).retries(Retries::none()).connect().unwrap();
    cluster.set("k", "v").unwrap();
    std::thread::scope(|scope| {
        let holders: Vec<_> =
            (0..2).map(|_| scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], LONG))).collect();
        wait_until("both connections are taken", || servers[0].field("clients", "blocked_clients").unwrap() == "2");
        let calls: Vec<_> = (0..5).map(|_| scope.spawn(|| cluster.get::<_, String>("k"))).collect();
        wait_for_calls(&cluster, 5);
        let let_go = LetGo(&waits);
        waits.set(Some(0));
        let clients = servers[0].ask(&["CLIENT", "LIST"]).text();
        let blocked = clients.lines().find(|line| line.contains("cmd=blpop")).expect("it waits");
        let id = blocked.split_once("id=").and_then(|(_, rest)| rest.split(' ').next()).unwrap();
        servers[0].ask(&["CLIENT", "KILL", "ID", id]);
        wait_until("a new connection is made for the one that leads", || waits.waiting() == 1);
        // The other connection comes back, while the new one is still being made.
        servers[0].ask(&["RPUSH", "wait", "x"]);
        wait_until("all others have their reply", || calls.iter().filter(|call| call.is_finished()).count() == 4);
        assert_eq!(waits.waiting(), 1);
        drop(let_go);
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap(), "v");
        }
        let given = holders.into_iter().map(|holder| holder.join().unwrap()).filter(Result::is_ok).count();
        assert_eq!(given, 1, "one was killed while it waited");
    });
    let status = &cluster.pools()[0];
    assert_eq!((status.open, status.idle, status.waiting), (2, 2, 0), "{status:?}");
}

#[test]
fn what_is_large_is_handed_out_before_the_rest_has_come() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::Reads);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let mut calls = Vec::new();
        for key in ["leads", "small", "large", "last"] {
            let cluster = &cluster;
            calls.push(scope.spawn(move || cluster.get::<_, String>(key)));
            wait_for_calls(cluster, calls.len());
        }
        let last = calls.pop().unwrap();
        gate.release(4);
        holder.join().unwrap().unwrap();
        // The last one has no answer yet, for which the one that leads stays.
        for (call, length) in calls.drain(1..).zip([5, LARGE]) {
            assert_eq!(call.join().unwrap().unwrap().len(), length);
        }
        assert!(!last.is_finished() && !calls[0].is_finished());
        gate.release(1);
        assert_eq!(calls.remove(0).join().unwrap().unwrap(), "leads");
        assert_eq!(last.join().unwrap().unwrap(), "last");
    });
    assert_eq!(gathered(&cluster), 3);
}

#[test]
fn a_write_whose_time_is_over_on_its_way_is_unknown() {
    let gate = Gate::default();
    let server = gate.server();
    let cluster = one_connection(&server, Share::All);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.get::<_, String>("holder"));
        wait_until("the connection is taken", || gate.asked().len() == 1);
        let leader = scope.spawn(|| cluster.deadline(2 * SHORT).incr("leader"));
        wait_for_calls(&cluster, 1);
        let hurried = scope.spawn(|| cluster.deadline(2 * SHORT).incr("hurried"));
        wait_for_calls(&cluster, 2);
        let patient = scope.spawn(|| cluster.get::<_, String>("patient"));
        wait_for_calls(&cluster, 3);
        gate.release(1);
        holder.join().unwrap().unwrap();
        for call in [leader, hurried] {
            let error = call.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
        }
        gate.release(3);
        assert_eq!(patient.join().unwrap().unwrap(), "patient");
    });
    assert_eq!(gate.asked()[1..], ["INCR leader", "INCR hurried", "GET patient"]);
}

#[test]
fn wherever_the_connection_of_several_is_cut_each_says_what_is_true() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let builder = Cluster::builder().node("node_1", wire.address()).pool_size(1).deadline(LONG).masters_only(true);
    let builder = builder.retries(Retries::none()).share_connections(Share::All).refresh_every(None);
    let cluster = builder.connect().unwrap();
    server.ask(&["MSET", "a", "one", "b", "two", "n", "0"]);
    let mut outcomes = BTreeMap::new();
    for way in [Way::ToServer, Way::ToClient] {
        for at in 0.. {
            let before = server.ask(&["GET", "n"]).text().parse::<i64>().unwrap();
            let calls = std::thread::scope(|scope| {
                let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], LONG));
                wait_until("the only connection is taken", || {
                    server.field("clients", "blocked_clients").unwrap() == "1"
                });
                let first = scope.spawn(|| cluster.get::<_, String>("a"));
                let count = scope.spawn(|| cluster.incr("n"));
                let last = scope.spawn(|| cluster.get::<_, String>("b"));
                wait_for_calls(&cluster, 3);
                wire.set(way, at, Fault::Fin);
                server.ask(&["RPUSH", "wait", "x"]);
                let calls = (first.join().unwrap(), count.join().unwrap(), last.join().unwrap());
                let _ = holder.join().unwrap();
                calls
            });
            let is_cut = wire.fired() > 0;
            wire.heal();
            server.ask(&["DEL", "wait"]);
            for (read, expected) in [(&calls.0, "one"), (&calls.2, "two")] {
                match read {
                    Ok(value) => assert_eq!(value, expected, "{way:?} {at}"),
                    Err(error) => assert_eq!(error.outcome(), Outcome::NotApplied, "{way:?} {at}: {error}"),
                }
            }
            let counted = || server.ask(&["GET", "n"]).text().parse::<i64>().unwrap() - before;
            let story = format!("{way:?} {at}: {:?}", calls.1);
            let outcome = match &calls.1 {
                Ok(count) => {
                    assert_eq!((*count - before, counted()), (1, 1), "{story}");
                    "done"
                }
                Err(error) if error.outcome() == Outcome::NotApplied => {
                    assert_eq!(counted(), 0, "{story}");
                    "not applied"
                }
                Err(error) => {
                    assert_eq!(error.outcome(), Outcome::Unknown, "{story}");
                    "unknown"
                }
            };
            *outcomes.entry(outcome).or_insert(0) += 1;
            if !is_cut {
                assert!(calls.0.is_ok() && calls.1.is_ok() && calls.2.is_ok(), "{story}");
                break;
            }
        }
    }
    assert!(outcomes["done"] > 0 && outcomes["unknown"] > 0, "{outcomes:?}");
}

#[test]
fn what_is_slow_long_or_waits_has_a_connection_of_its_own() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(LONG).share_connections(Share::All).connect().unwrap();
    cluster.rpush("list", ["x"]).unwrap();
    let long = "x".repeat(5_000);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], LONG).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let (cluster, long) = (&cluster, &long);
        scope.spawn(move || cluster.lrange::<_, Vec<String>>("all", 0, -1).unwrap());
        scope.spawn(move || cluster.get::<_, Option<String>>(long).unwrap());
        scope.spawn(move || cluster.blpop::<_, String, String>(["list"], LONG).unwrap());
        scope.spawn(move || cluster.mget::<_, Vec<Option<String>>>(["a", "b"]).unwrap());
        scope.spawn(move || cluster.pipeline().get::<_, Option<String>>("a"));
        wait_for_calls(cluster, 4);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
    });
    assert_eq!(gathered(&cluster), 0);
}

/// A connection that panics when it is read from after something was asked with others.
struct Fragile {
    socket: TcpStream,
    panics: Arc<AtomicBool>,
    is_asked: AtomicBool,
}

impl Transport for Fragile {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        self.socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        let read = (&self.socket).read(buffer);
        assert!(!self.is_asked.load(Ordering::SeqCst), "told to");
        read
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        let gets = bytes.windows(5).filter(|word| *word == b"GET\r\n").count();
        self.is_asked.store(gets > 1 && self.panics.load(Ordering::SeqCst), Ordering::SeqCst);
        (&self.socket).write(bytes)
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

struct Fragiles(Arc<AtomicBool>);

impl Connect for Fragiles {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        let (socket, panics, is_asked) = (connect_tcp(address, timeout)?, Arc::clone(&self.0), AtomicBool::new(false));
        Ok(Socket::new(Fragile { socket, panics, is_asked }))
    }
}

#[test]
fn a_panic_of_the_one_that_leads_is_an_error_of_all() {
    let servers = [Server::start()];
    let panics = Arc::new(AtomicBool::new(true));
    let builder = cluster_of(&servers).connector(Fragiles(Arc::clone(&panics))).pool_size(1);
    let cluster = builder.deadline(LONG).retries(Retries::none()).masters_only(true).connect().unwrap();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], LONG).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| cluster.get::<_, Option<String>>("k"))).collect();
        wait_for_calls(&cluster, 4);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
        for call in calls {
            let error = call.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::NotApplied), "{error}");
            assert!(error.to_string().contains("a panic in the connector"), "{error}");
        }
    });
    panics.store(false, Ordering::SeqCst);
    assert_eq!(cluster.get::<_, Option<String>>("k").unwrap(), None);
}

/// A connection whose server says a last word and hangs up when it has got a part of what several want.
struct Leaving {
    socket: TcpStream,
    taken: AtomicUsize,
}

const LAST_WORD: &[u8] = b"-ERR the last word\r\n";

impl Transport for Leaving {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        match self.taken.load(Ordering::SeqCst) {
            0 => {
                self.socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
                (&self.socket).read(buffer)
            }
            1 => {
                self.taken.store(2, Ordering::SeqCst);
                buffer[..LAST_WORD.len()].copy_from_slice(LAST_WORD);
                Ok(LAST_WORD.len())
            }
            _ => Ok(0),
        }
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        if self.taken.load(Ordering::SeqCst) > 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let words = |name: &[u8]| bytes.windows(name.len()).filter(|word| *word == name).count();
        if words(b"INCR\r\n") > 1 {
            self.taken.store(1, Ordering::SeqCst);
            // The first of them, whole, and one byte more.
            return Ok(bytes.len() / words(b"INCR\r\n") + 1);
        }
        (&self.socket).write(bytes)
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

struct Leavings;

impl Connect for Leavings {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        Ok(Socket::new(Leaving { socket: connect_tcp(address, timeout)?, taken: AtomicUsize::new(0) }))
    }
}

#[test]
fn the_last_word_of_a_server_is_no_answer_to_several_calls() {
    let servers = [Server::start()];
    let builder = cluster_of(&servers).connector(Leavings).pool_size(1).share_connections(Share::All);
    let cluster = builder.deadline(LONG).retries(Retries::none()).masters_only(true).connect().unwrap();
    let mut outcomes: Vec<String> = std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], LONG).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| cluster.incr("n").unwrap_err())).collect();
        wait_for_calls(&cluster, 3);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
        let errors = calls.into_iter().map(|call| call.join().unwrap());
        errors.map(|error| format!("{:?} {:?} {}", error.kind(), error.outcome(), error.code().is_some())).collect()
    });
    outcomes.sort();
    let not_sent = "Io NotApplied false";
    assert_eq!(outcomes, [not_sent, not_sent, "Io Unknown false"], "only the first one was sent whole");
}

#[test]
fn reads_of_a_replica_share_its_connection() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let builder = Cluster::builder().node("node_1", master.address()).pool_size(1).deadline(LONG);
    let cluster = builder.refresh_every(None).connect().unwrap();
    cluster.set("k", "v").unwrap();
    master.wait_for_replica(&replica);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..100).for_each(|_| assert_eq!(cluster.get::<_, String>("k").unwrap(), "v")));
        }
    });
    let pools = cluster.pools();
    let of = |server: &Server| pools.iter().find(|pool| pool.node.address().to_string() == server.address()).unwrap();
    assert!(of(&replica).gathered > 0 && of(&master).gathered == 0, "{pools:?}");
}
