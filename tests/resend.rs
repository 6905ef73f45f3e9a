//! What was not applied is sent again: pipelines, parts of commands over several nodes and transactions, at the new master
//! of a node or later at the same one. Nothing is applied twice, and nothing out of order.

use rediscluster::prelude::*;
use rediscluster::{
    Builder, Error, ErrorKind, Observer, ObserverEvent, Outcome, Retries, ScanOptions, Script, Slot, Value,
};
use rediscluster_testing::{greet, read_command, wait_until, Cut, Reply, ScriptedPeer, Server, Wire};
use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
const READONLY: &[u8] = b"-READONLY You can't write against a read only replica.\r\n";

/// Without the waiting.
fn quick(retries: u32) -> Retries {
    Retries::up_to(retries).pauses(Duration::ZERO, Duration::ZERO)
}

/// Two nodes, of which the second has a replica and is reached over a wire. `foo` lives on it, `bar` on the first.
struct Nodes {
    first: Server,
    old: Arc<Server>,
    new: Arc<Server>,
    wire: Wire,
}

impl Nodes {
    fn start() -> Nodes {
        let (first, old) = (Server::start(), Server::start());
        let new = Server::replica_of(&old, &[]);
        let wire = Wire::to(&old);
        Nodes { first, old: Arc::new(old), new: Arc::new(new), wire }
    }

    fn builder(&self) -> Builder {
        let builder = Cluster::builder().node("node_1", self.first.address()).node("node_2", self.wire.address());
        builder.refresh_every(None)
    }

    /// A cluster that knows the replica and has a connection to each master.
    fn cluster(&self) -> Cluster {
        self.connected(self.builder())
    }

    fn connected(&self, builder: Builder) -> Cluster {
        let cluster = builder.connect().unwrap();
        cluster.mset([("foo", 0), ("bar", 0)]).unwrap();
        self.old.wait_for_replica(&self.new);
        cluster
    }

    /// The replica becomes the master, and the master its replica. No write is lost between the two.
    fn failover(&self) -> impl FnOnce() + Send + 'static {
        let (old, new) = (Arc::clone(&self.old), Arc::clone(&self.new));
        move || {
            old.wait_for_replica(&new);
            new.promote();
            let port = new.port().to_string();
            assert_eq!(old.ask(&["REPLICAOF", "127.0.0.1", &port]), Reply::Simple("OK".into()));
        }
    }
}

fn list(server: &Server, key: &str) -> Vec<usize> {
    match server.ask(&["LRANGE", key, "0", "-1"]) {
        Reply::Array(items) => items.iter().map(|item| item.text().parse().unwrap()).collect(),
        other => panic!("{other:?}"),
    }
}

fn told(error: &Error) -> (ErrorKind, Outcome, u32) {
    (error.kind(), error.outcome(), error.attempts())
}

/// Writes down the retries.
#[derive(Default)]
struct Told(Mutex<Vec<(String, String, u32, ErrorKind)>>, AtomicUsize);

impl Observer for Told {
    fn event(&self, event: &ObserverEvent<'_>) {
        match event {
            ObserverEvent::Retry { node, command, attempt, error, .. } => {
                let told = (node.address().to_string(), (*command).to_owned(), *attempt, *error);
                self.0.lock().unwrap().push(told);
            }
            ObserverEvent::Command { .. } | ObserverEvent::Pipeline { .. } => {
                self.1.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

impl Told {
    fn take(&self) -> (Vec<(String, String, u32, ErrorKind)>, usize) {
        (std::mem::take(&mut *self.0.lock().unwrap()), self.1.swap(0, Ordering::SeqCst))
    }
}

#[test]
fn what_a_node_gets_of_a_pipeline_follows_its_master_in_order() {
    for begins_at in [0, 1, 1_250, 2_499] {
        let nodes = Nodes::start();
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        nodes.wire.between(begins_at, nodes.failover());
        observer.take();
        let mut pipeline = cluster.pipeline();
        let slots: Vec<(Slot<u64>, Slot<i64>)> =
            (0..1_250).map(|n| (pipeline.rpush("list{foo}", [n]), pipeline.incr("foo"))).collect();
        let bar = pipeline.incr("bar");
        // What follows a command that runs by itself goes to the new master at once.
        pipeline.ping();
        let last = pipeline.incr("foo");
        let replies = pipeline.run().unwrap();
        assert_eq!(replies.get(last).unwrap(), 1_251);
        for (n, (pushed, count)) in slots.into_iter().enumerate() {
            assert_eq!((replies.get(pushed).unwrap(), replies.get(count).unwrap()), (n as u64 + 1, n as i64 + 1));
        }
        assert_eq!(replies.get(bar).unwrap(), 1);
        assert!(nodes.wire.has_happened());
        assert_eq!(list(&nodes.new, "list"), (0..1_250).collect::<Vec<_>>());
        let (retries, pipelines) = observer.take();
        assert_eq!(retries, [(nodes.wire.address(), "pipeline".to_owned(), 1, ErrorKind::ReadOnly)]);
        assert_eq!(pipelines, 1);
        assert_eq!(cluster.node_for("foo").address().port(), nodes.new.port());
    }
}

#[test]
fn without_retries_a_pipeline_ends_where_it_was_refused() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.wire.between(700, nodes.failover());
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<u64>> = (0..2_500).map(|n| pipeline.rpush("list{foo}", [n])).collect();
    let replies = pipeline.run_each();
    for (n, slot) in slots.into_iter().enumerate() {
        match replies.get(slot) {
            Ok(length) => assert!(n < 700 && length == n as u64 + 1, "{n}"),
            Err(error) => assert_eq!((n >= 700, told(&error)), (true, (ErrorKind::ReadOnly, Outcome::NotApplied, 1))),
        }
    }
    assert_eq!(list(&nodes.new, "list"), (0..700).collect::<Vec<_>>());
    let mut pipeline = cluster.pipeline();
    pipeline.rpush("list{foo}", [700]);
    pipeline.run().unwrap();
    assert_eq!(list(&nodes.new, "list"), (0..=700).collect::<Vec<_>>(), "the next run goes to the new master");
}

#[test]
fn nothing_of_a_node_is_sent_again_behind_what_may_have_been_applied() {
    for cut in [Cut::BeforeReply, Cut::BeforeCommand] {
        let nodes = Nodes::start();
        let cluster = nodes.cluster().retries(quick(9).also_unknown());
        nodes.wire.at(700, cut, nodes.failover());
        let mut pipeline = cluster.pipeline();
        let slots: Vec<Slot<u64>> = (0..2_500).map(|n| pipeline.rpush("list{foo}", [n])).collect();
        pipeline.ping();
        let late = pipeline.rpush("late{foo}", [0]);
        let replies = pipeline.run_each();
        let there = list(&nodes.new, "list");
        assert!(there == (0..700).collect::<Vec<_>>() || there == (0..=700).collect::<Vec<_>>(), "{}", there.len());
        for (n, slot) in slots.into_iter().enumerate() {
            match replies.get(slot).map_err(|error| error.outcome()) {
                Ok(_) => assert!(n < 700),
                Err(Outcome::Unknown) => assert!((700..2_000).contains(&n), "{n}"),
                Err(outcome) => assert!(n > 700 && outcome == Outcome::NotApplied, "{n} {outcome:?}"),
            }
        }
        assert_eq!(replies.get(late).unwrap(), 1, "what comes after a command that runs by itself");
        assert_eq!(list(&nodes.new, "late"), [0]);
    }
}

#[test]
fn a_pipeline_follows_a_master_that_is_gone() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.wire.at(0, Cut::BeforeCommand, || {});
    let (new, wire) = (Arc::clone(&nodes.new), nodes.wire);
    let _ = cluster.masters_only().get::<_, Value>("foo");
    drop(wire);
    new.promote();
    let mut pipeline = cluster.pipeline();
    let (foo, bar) = (pipeline.incr("foo"), pipeline.incr("bar"));
    // Of two nodes, and in order with those before and behind.
    pipeline.mset([("foo", 10), ("bar", 10)]);
    let (foo_too, bar_too) = (pipeline.incr("foo"), pipeline.incr("bar"));
    let moved = pipeline.rename("foo", "bar");
    let last = pipeline.incr("bar");
    let replies = pipeline.run().unwrap();
    let counts = [foo, bar, foo_too, bar_too, last].map(|slot| replies.get(slot).unwrap());
    assert_eq!(counts, [1, 1, 11, 11, 12]);
    replies.get(moved).unwrap();
    assert_eq!((new.calls("mset"), nodes.first.calls("mset")), (2, 2), "once to connect, once here");
}

#[test]
fn each_part_of_a_pipeline_is_sent_once_more_only() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    // The new one refuses as well.
    nodes.failover()();
    nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let bar = pipeline.incr("bar");
    let replies = pipeline.run_each();
    assert_eq!(replies.get(bar).unwrap(), 1);
    let error = replies.get(foo).unwrap_err();
    // At the old one, and at the new one as often as what passes is tried.
    assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::NotApplied, 5));
    assert!(error.node().unwrap().contains(&nodes.new.address()), "{error}");
}

#[test]
fn attempts_at_both_masters_count() {
    type Call = fn(&Cluster) -> Result<(), Error>;
    let calls: [Call; 3] = [
        |cluster| cluster.set("foo", 1),
        |cluster| cluster.on("node_2")?.set("foo", 1),
        |cluster| transaction(cluster).map(drop),
    ];
    for call in calls {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.failover()();
        nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
        let error = call(&cluster).unwrap_err();
        assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::NotApplied, 5));
    }
}

#[test]
fn a_call_that_is_run_again_at_a_new_master_is_told_once() {
    static SCRIPT: Script = Script::new("return redis.call('INCR', KEYS[1])");
    type Call = fn(&Cluster) -> Result<(), Error>;
    let calls: [(&str, Call); 4] = [
        ("SET", |cluster| cluster.set("foo", 1)),
        ("SET", |cluster| cluster.on("node_2")?.set("foo", 1)),
        ("EVALSHA", |cluster| SCRIPT.call().key("foo").run(cluster)),
        ("EVALSHA", |cluster| SCRIPT.call().key("foo").run(&cluster.on("node_2")?)),
    ];
    for (name, call) in calls {
        let nodes = Nodes::start();
        // Earlier servers begin a script and refuse its write.
        if name == "EVALSHA" && !nodes.first.is_since("7.0", "scripts that are refused before they begin") {
            continue;
        }
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        nodes.failover()();
        observer.take();
        call(&cluster).unwrap();
        let (retries, commands) = observer.take();
        assert_eq!((retries.len(), commands), (1, 1), "{name}");
    }
    // A page of a scan.
    let nodes = Nodes::start();
    let observer = Arc::new(Told::default());
    let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
    cluster.hset("hash{foo}", [("field", 1)]).unwrap();
    nodes.failover()();
    drop(nodes.wire);
    observer.take();
    assert_eq!(cluster.hscan_all::<Value, Value>("hash{foo}", ScanOptions::new()).count(), 1);
    assert_eq!(observer.take().1, 1);
}

#[test]
fn who_waits_for_data_goes_on_waiting_at_the_new_master() {
    type Wait = fn(&Cluster) -> Option<(String, String)>;
    let waits: [Wait; 2] = [
        |cluster| cluster.blpop(["list{foo}"], Duration::ZERO).unwrap(),
        |cluster| cluster.blpop(["list{foo}", "list{bar}"], Duration::from_secs(20)).unwrap(),
    ];
    for wait in waits {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        // On one node it is blocked; on several they are watched.
        let is_one = |server: &Server, field| server.field("clients", field).as_deref() == Some("1");
        let waits_at = |server| is_one(server, "blocked_clients") || is_one(server, "tracking_clients");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&cluster));
            wait_until("it waits", || waits_at(&nodes.old));
            nodes.failover()();
            wait_until("it waits at the new master", || waits_at(&nodes.new));
            nodes.new.ask(&["RPUSH", "list", "x"]);
            assert_eq!(waiting.join().unwrap(), Some(("list".to_owned(), "x".to_owned())));
        });
    }
    // What else is in its pipeline does not wait.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.first.ask(&["RPUSH", "list", "x"]);
    nodes.failover()();
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let popped = pipeline.blpop::<_, Value, String>(["list{bar}"], Duration::from_secs(60));
    let replies = pipeline.run().unwrap();
    assert_eq!((replies.get(foo).unwrap(), replies.get(popped).unwrap().unwrap().1), (1, "x".to_owned()));
    // What it waits twice is no longer than the time that it has.
    let nodes = Nodes::start();
    let cluster = nodes.cluster().deadline(Duration::from_millis(300));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cluster.blpop::<_, String, String>(["list{foo}"], Duration::from_secs(60)));
        wait_until("it waits", || nodes.old.field("clients", "blocked_clients").as_deref() == Some("1"));
        std::thread::sleep(Duration::from_millis(400));
        nodes.failover()();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Some("UNBLOCKED"), Outcome::NotApplied), "{error}");
    });
}

/// A server that says this to the first so many commands and `:1` to all others; it counts.
fn says(
    refusal: &'static [u8],
    refused: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> (ScriptedPeer, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = ScriptedPeer::master(move |_| {
        if refused(count.fetch_add(1, Ordering::SeqCst)) { refusal } else { b":1\r\n" }.to_vec()
    });
    (peer, asked)
}

fn three(cluster: &Cluster) -> Vec<Result<Value, Error>> {
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<i64>> = vec![pipeline.incr("foo"), pipeline.incr("foo"), pipeline.incr("foo")];
    let replies = pipeline.run_each();
    drop(slots);
    let values = replies.values().collect();
    values
}

#[test]
fn a_pipeline_is_sent_again_when_its_server_has_loaded() {
    let observer = Arc::new(Told::default());
    let (peer, asked) = says(LOADING, |nth| nth < 6);
    let builder = Cluster::builder().node("node_1", peer.address()).observer(Arc::clone(&observer));
    assert!(three(&builder.build().unwrap()).iter().all(Result::is_ok));
    assert_eq!(asked.load(Ordering::SeqCst), 9);
    let retry = |attempt| (peer.address(), "pipeline".to_owned(), attempt, ErrorKind::Loading);
    assert_eq!(observer.take(), (vec![retry(1), retry(2)], 1));

    let (peer, asked) = says(LOADING, |_| true);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    for (retries, attempts) in [(Retries::default(), 4), (Retries::none(), 1), (quick(9), 10)] {
        asked.store(0, Ordering::SeqCst);
        for result in three(&cluster.retries(retries)) {
            assert_eq!(told(&result.unwrap_err()), (ErrorKind::Loading, Outcome::NotApplied, attempts));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 3 * attempts as usize);
    }
    // The budget is that of all calls.
    (0..100).for_each(|_| drop(three(&cluster.retries(quick(1)))));
    assert!(asked.load(Ordering::SeqCst) < 30 + 3 * 150, "{}", asked.load(Ordering::SeqCst));
}

#[test]
fn only_the_end_of_what_a_node_gets_is_sent_again() {
    for refusal in [LOADING, READONLY] {
        let (peer, asked) = says(refusal, |nth| nth == 0);
        let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
        let results = three(&cluster);
        let kind = if refusal == LOADING { ErrorKind::Loading } else { ErrorKind::ReadOnly };
        assert_eq!(told(results[0].as_ref().unwrap_err()), (kind, Outcome::NotApplied, 1));
        assert!(results[1].is_ok() && results[2].is_ok());
        // One that says it is a replica is asked for its master.
        assert!(asked.load(Ordering::SeqCst) <= if refusal == LOADING { 3 } else { 4 });
    }
    let (peer, asked) = says(LOADING, |nth| nth == 1 || nth == 2);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    assert!(three(&cluster).iter().all(Result::is_ok));
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    // Reads by themselves: in any order.
    let (peer, asked) = says(LOADING, |nth| nth == 0);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<u64>> = (0..3).map(|_| pipeline.strlen("foo")).collect();
    let replies = pipeline.run().unwrap();
    assert!(slots.into_iter().all(|slot| replies.get(slot).unwrap() == 1));
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // What a script says may come after what it wrote.
    let (peer, asked) = says(b"-LOADING says the script\r\n", |_| true);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let _ = pipeline.eval::<_, _, _, Value>("return redis.error_reply('LOADING says the script')", ["foo"], [0; 0]);
    assert_eq!(pipeline.run().unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_server_with_too_many_clients_has_read_nothing() {
    let applied = Arc::new(AtomicUsize::new(0));
    let (count, connections) = (Arc::clone(&applied), AtomicUsize::new(0));
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        let is_full = connections.fetch_add(1, Ordering::SeqCst) < 2;
        greet(&mut reader);
        for nth in 1.. {
            match read_command(&mut reader) {
                Ok(Some(_)) if !is_full => {
                    count.fetch_add(1, Ordering::SeqCst);
                    reader.get_mut().write_all(b":1\r\n").unwrap();
                }
                Ok(Some(_)) if nth < 3 => {}
                Ok(Some(_)) => return reader.get_mut().write_all(b"-ERR max number of clients reached\r\n").unwrap(),
                _ => return,
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let error = three(&cluster.retries(Retries::none())).pop().unwrap().unwrap_err();
    assert_eq!((error.outcome(), peer.accepted()), (Outcome::NotApplied, 1));
    assert!(three(&cluster).iter().all(Result::is_ok));
    assert_eq!((applied.load(Ordering::SeqCst), peer.accepted()), (3, 3));
}

#[test]
fn what_was_refused_and_then_lost_is_not_known() {
    // Refused, and sent again over a connection that breaks: nothing is said of the first time.
    let asked = AtomicUsize::new(0);
    let peer = ScriptedPeer::master(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => LOADING.to_vec(),
        _ => Vec::new(),
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let error = pipeline.run_each().get(foo).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Io, Outcome::Unknown, 2));
}

#[test]
fn the_part_of_a_command_over_several_nodes_follows_its_master() {
    let nodes = Nodes::start();
    let observer = Arc::new(Told::default());
    let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
    let calls = |command: &str| (nodes.first.calls(command), nodes.new.calls(command));
    nodes.failover()();
    let before = calls("mset");
    observer.take();
    cluster.mset([("foo", 5), ("bar", 5)]).unwrap();
    assert_eq!(calls("mset"), (before.0 + 1, before.1 + 1), "each node once");
    let (retries, commands) = observer.take();
    assert_eq!((retries, commands), (vec![(nodes.wire.address(), "MSET".to_owned(), 1, ErrorKind::ReadOnly)], 1));
    assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [5, 5]);
}

#[test]
fn what_stays_failed_of_a_command_over_several_nodes_is_told_for_each_key() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    let error = cluster.retries(Retries::none()).del(["foo", "bar"]).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::ReadOnly, Outcome::Partial, 1));
    let refused = error.parts().iter().find(|part| part.node == "node_2").unwrap();
    assert_eq!((refused.outcome, refused.keys.as_slice()), (Outcome::NotApplied, &[b"foo".to_vec()][..]));
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();

    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
    let error = cluster.mset([("foo", 1), ("bar", 1)]).unwrap_err();
    assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::Partial, 5));
    // What may have been applied is not sent again, wherever the master is.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.wire.at(0, Cut::BeforeReply, nodes.failover());
    let before = nodes.new.calls("del");
    let error = cluster.del(["foo", "bar"]).unwrap_err();
    // The one of before the failover came by replication.
    assert_eq!((error.outcome(), nodes.new.calls("del") - before), (Outcome::Unknown, 1));
}

fn transaction(cluster: &Cluster) -> Result<i64, Error> {
    let mut transaction = cluster.transaction();
    let count = transaction.incr("foo");
    transaction.rpush("list{foo}", [1]);
    transaction.run()?.get(count)
}

#[test]
fn a_transaction_follows_the_master_of_its_node() {
    // `MULTI` is the first command; `INCR`, `RPUSH` and `EXEC` follow.
    for begins_at in 0..4 {
        let nodes = Nodes::start();
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        observer.take();
        nodes.wire.between(begins_at, nodes.failover());
        assert_eq!(transaction(&cluster).unwrap(), 1, "{begins_at}");
        assert_eq!((list(&nodes.new, "list"), nodes.new.ask(&["GET", "foo"]).text()), (vec![1], "1".into()));
        let (retries, commands) = observer.take();
        assert_eq!((retries.len(), retries[0].3, commands), (1, ErrorKind::ReadOnly, 1));
    }
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.failover()();
    let error = transaction(&cluster).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::ReadOnly, Outcome::NotApplied, 1));
    assert_eq!(transaction(&cluster).unwrap(), 1, "the next one goes to the new master");
    assert_eq!(list(&nodes.new, "list"), [1]);
}

#[test]
fn a_transaction_that_may_have_been_applied_is_not_run_again() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(quick(9).also_unknown());
    nodes.wire.at(3, Cut::BeforeReply, nodes.failover());
    assert_eq!(transaction(&cluster).unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(list(&nodes.new, "list"), [1]);
}

#[test]
fn a_watched_transaction_is_run_again_at_the_new_master() {
    let add = |cluster: &Cluster, runs: &mut u32| {
        cluster.watch(["foo"], |watched| {
            *runs += 1;
            let foo: u64 = watched.get("foo")?;
            let mut transaction = watched.transaction();
            transaction.set("foo", foo + 1);
            transaction.run().map(|_| foo + 1)
        })
    };
    // `WATCH`, `GET`, `MULTI`, `SET`, `EXEC`.
    for begins_at in 0..5 {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.wire.between(begins_at, nodes.failover());
        let mut runs = 0;
        assert_eq!(add(&cluster, &mut runs).unwrap(), 1, "{begins_at}");
        assert_eq!((runs, nodes.new.ask(&["GET", "foo"]).text()), (2, "1".into()));
    }
    // A connection that breaks before `EXEC` leads on as well; at `EXEC` nobody knows.
    for (cut_at, runs_of_it) in [(0, 1), (1, 2), (2, 2), (4, 1)] {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.wire.at(cut_at, Cut::BeforeReply, nodes.failover());
        let mut runs = 0;
        let done = add(&cluster, &mut runs);
        assert_eq!(done.is_ok(), cut_at < 4, "{cut_at}: {done:?}");
        assert_eq!(runs, runs_of_it, "{cut_at}");
    }
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.failover()();
    let mut runs = 0;
    assert_eq!(told(&add(&cluster, &mut runs).unwrap_err()), (ErrorKind::ReadOnly, Outcome::NotApplied, 1));
    assert_eq!(runs, 1);
    // An error of the closure is its own.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    let mut runs = 0;
    let done: Result<(), Error> = cluster.watch(["foo"], |watched| {
        runs += 1;
        let mut transaction = watched.transaction();
        transaction.set("foo", 1);
        assert!(transaction.run().is_err());
        cluster.execute(cmd("NOSUCH")).map(drop)
    });
    assert_eq!((done.unwrap_err().kind(), runs), (ErrorKind::UnknownCommand, 1));
    // Also when it is one that another server would not give.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    let once = cluster.retries(Retries::none());
    nodes.failover()();
    let mut runs = 0;
    let done = cluster.watch(["foo"], |_| {
        runs += 1;
        once.set("foo", 1)
    });
    assert_eq!((done.unwrap_err().kind(), runs), (ErrorKind::ReadOnly, 1));
}

#[test]
fn pipelines_and_transactions_through_failovers() {
    let servers: Vec<Server> = {
        let master = Server::start();
        let replicas: Vec<Server> = (0..2).map(|_| Server::replica_of(&master, &[])).collect();
        [master].into_iter().chain(replicas).collect()
    };
    let other = Server::start();
    let builder = Cluster::builder().node("node_1", other.address()).node("node_2", servers[0].address());
    let cluster = builder.refresh_every(None).connect().unwrap();
    cluster.mset([("foo", 0), ("bar", 0)]).unwrap();
    servers[1..].iter().for_each(|replica| servers[0].wait_for_replica(replica));
    let (stop, done, refused) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let count = |result: Result<(), Error>| match result {
        Ok(()) => done.fetch_add(1, Ordering::Relaxed),
        Err(error) => {
            assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
            refused.fetch_add(1, Ordering::Relaxed)
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cluster, stop, count) = (&cluster, &stop, &count);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if thread % 2 == 0 {
                        let mut pipeline = cluster.pipeline();
                        let slots: Vec<Slot<i64>> = (0..50).map(|_| pipeline.incr("foo")).collect();
                        let other = pipeline.incr("bar");
                        let replies = pipeline.run_each();
                        assert!(replies.get(other).is_ok());
                        for slot in slots {
                            count(replies.get(slot).map(drop));
                        }
                    } else {
                        let mut transaction = cluster.transaction();
                        transaction.incr("foo");
                        count(transaction.run().map(drop));
                    }
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        for master in [0, 1, 2, 0] {
            let before = done.load(Ordering::Relaxed);
            wait_until("there are writes", || done.load(Ordering::Relaxed) > before + 500);
            // Longer than nobody asks again.
            std::thread::sleep(Duration::from_millis(250));
            let next = (master + 1) % servers.len();
            // As Sentinel and `FAILOVER` do it: no write gets lost between the two.
            servers[master].ask(&["CLIENT", "PAUSE", "1000", "WRITE"]);
            servers[master].wait_for_replica(&servers[next]);
            servers[next].promote();
            let rest = || servers.iter().enumerate().filter(|(nth, _)| *nth != next).map(|(_, server)| server);
            rest().for_each(|server| drop(server.ask(&["REPLICAOF", "127.0.0.1", &servers[next].port().to_string()])));
            servers[master].ask(&["CLIENT", "UNPAUSE"]);
            for server in rest() {
                wait_until("it follows", || server.field("replication", "master_link_status").as_deref() == Some("up"));
            }
        }
    });
    let (done, refused) = (done.into_inner(), refused.into_inner());
    assert_eq!(refused, 0, "of {done} writes: each failover was followed");
    assert_eq!(cluster.masters_only().get::<_, u64>("foo").unwrap(), done, "nothing is lost and nothing twice");
}

/// Ends the other threads also when this one fails.
struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_failed_for_good_keeps_its_error_when_the_rest_is_sent_again() {
    let new = Server::start();
    new.ask(&["SET", "foo", "new"]);
    let master = format!("master_host:127.0.0.1\r\nmaster_port:{}\r\nmaster_link_status:up", new.port());
    let history = new.field("replication", "master_replid").unwrap();
    let is_replica = AtomicBool::new(false);
    let peer = ScriptedPeer::answering(move |words| match (&words[0][..], words.get(1).map(Vec::as_slice)) {
        (b"GET", Some(b"foo")) => {
            is_replica.store(true, Ordering::SeqCst);
            b"-MASTERDOWN Link with MASTER is down\r\n".to_vec()
        }
        (b"INFO", _) if is_replica.load(Ordering::SeqCst) => {
            let said = format!("role:slave\r\n{master}\r\nmaster_replid:{history}\r\n");
            format!("${}\r\n{said}\r\n", said.len()).into_bytes()
        }
        (b"INFO", _) => b"$13\r\nrole:master\r\n\r\n".to_vec(),
        _ => b"what?\r\n".to_vec(),
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.retries(quick(1)).pipeline();
    let (foo, bar) = (pipeline.get::<_, String>("foo"), pipeline.get::<_, String>("bar"));
    let replies = pipeline.run_each();
    assert_eq!(replies.get(foo).unwrap(), "new");
    let error = replies.get(bar).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Protocol, Outcome::NotApplied, 1), "{error}");
    assert!(error.node().is_some_and(|node| node.contains(&peer.address())), "{error}");
}
