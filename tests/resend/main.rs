//! What was not applied is sent again: pipelines, parts of commands over several nodes and transactions, at the new master
//! of a node or later at the same one. Nothing is applied twice, and nothing out of order.

mod commands;
mod pipelines;
mod transactions;

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
