//! Failovers, silent servers and connections that are killed, all at the same time: what a call says of a write is true.
//! Nothing is applied twice, nothing that was told as not applied is there, and nothing that succeeded is missing.

use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, ReadFrom, Retries, Side, Slot, Value};
use rediscluster_testing::{wait_until, Chance, Reply, Server};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(1);
/// What a call may take longer on a busy machine.
const LITTLE: Duration = Duration::from_secs(1);

/// Two nodes with two servers each; the first of each pair is the master at first. `foo` and `bar` live on different ones.
struct Nodes {
    pairs: [[Server; 2]; 2],
    masters: Mutex<[usize; 2]>,
}

impl Nodes {
    fn start() -> Nodes {
        let pair = || {
            let master = Server::start();
            let replica = Server::replica_of(&master, &[]);
            [master, replica]
        };
        Nodes { pairs: [pair(), pair()], masters: Mutex::new([0, 0]) }
    }

    /// As Sentinel and `FAILOVER` do it: no write gets lost between the two.
    fn failover(&self, node: usize) {
        let mut masters = self.masters.lock().unwrap();
        let (old, new) = (&self.pairs[node][masters[node]], &self.pairs[node][1 - masters[node]]);
        old.ask(&["CLIENT", "PAUSE", "2000", "WRITE"]);
        old.wait_for_replica(new);
        new.promote();
        old.ask(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
        old.ask(&["CLIENT", "UNPAUSE"]);
        wait_until("it follows", || old.field("replication", "master_link_status").as_deref() == Some("up"));
        masters[node] = 1 - masters[node];
    }

    fn master(&self, node: usize) -> &Server {
        &self.pairs[node][self.masters.lock().unwrap()[node]]
    }

    /// How often each element is in lists of the program, and whether it is in a stash.
    fn elements(&self) -> BTreeMap<String, (usize, bool)> {
        let mut count: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        for master in [self.master(0), self.master(1)] {
            let Reply::Array(keys) = master.ask(&["KEYS", "*"]) else { panic!("a list of keys") };
            for key in keys.iter().map(Reply::text) {
                if master.ask(&["TYPE", &key]) != Reply::Simple("list".into()) {
                    continue;
                }
                let Reply::Array(items) = master.ask(&["LRANGE", &key, "0", "-1"]) else { panic!("a list") };
                for item in items {
                    let (lists, is_stashed) = count.entry(item.text()).or_default();
                    match key.starts_with("rediscluster:stash:") {
                        true => *is_stashed = true,
                        false => *lists += 1,
                    }
                }
            }
        }
        count
    }
}

/// What was said of each element: nothing when it was pushed, and else the outcome and the error.
type Said = Mutex<Vec<(String, Option<(Outcome, String)>)>>;

fn told<T>(done: &Result<T, Error>) -> Option<(Outcome, String)> {
    done.as_ref().err().map(|error| (error.outcome(), error.to_string()))
}

/// One call after the other, each with elements that nobody else has.
fn work(cluster: &Cluster, thread: usize, chance: &mut Chance, stop: &AtomicBool, said: &Said) {
    let mut last = 0;
    let mut next = || {
        last += 1;
        format!("{thread}:{last}")
    };
    let (from, to) = (format!("from:{thread}{{foo}}"), format!("to:{thread}{{bar}}"));
    while !stop.load(Ordering::Relaxed) {
        let key = ["log{foo}", "log{bar}"][chance.below(2)];
        let (began, kind) = (Instant::now(), chance.below(4));
        let results: Vec<(String, Option<(Outcome, String)>)> = match kind {
            0 => {
                let element = next();
                let done = cluster.rpush(key, [&element]);
                vec![(element, told(&done))]
            }
            1 => {
                let mut pipeline = cluster.pipeline();
                let push = |nth: usize| {
                    let element = next();
                    let slot = pipeline.rpush(["log{foo}", "log{bar}"][nth % 2], [&element]);
                    (element, slot)
                };
                let pushed: Vec<(String, Slot<u64>)> = (0..40).map(push).collect();
                let replies = pipeline.run_each();
                pushed.into_iter().map(|(element, slot)| (element, told(&replies.get(slot)))).collect()
            }
            2 => {
                let mut transaction = cluster.transaction();
                let elements = [next(), next()];
                for element in &elements {
                    transaction.rpush(key, [element]);
                }
                let done = transaction.run();
                elements.into_iter().map(|element| (element, told(&done))).collect()
            }
            _ => {
                let element = next();
                let put = cluster.rpush(&from, [&element]);
                // Whatever comes of it: the element is in one place on the way.
                drop(cluster.lmove::<_, _, Value>(&from, &to, Side::Right, Side::Left));
                vec![(element, told(&put))]
            }
        };
        // A push and a move are two calls.
        let calls = if kind == 3 { 2 } else { 1 };
        let took = began.elapsed();
        assert!(took < calls * (DEADLINE + LITTLE), "call {kind} took {took:?}: {:?}", results[0]);
        said.lock().unwrap().extend(results);
    }
}

#[test]
fn what_is_told_is_true_whatever_happens_at_the_same_time() {
    let nodes = Nodes::start();
    let masters = [&nodes.pairs[0][0], &nodes.pairs[1][0]].map(Server::address);
    let builder = Cluster::builder().node("node_1", &masters[0]).node("node_2", &masters[1]);
    let builder = builder.deadline(DEADLINE).connect_timeout(DEADLINE).refresh_every(Some(DEADLINE / 2));
    let cluster = builder.read_from(ReadFrom::Replica).connect().unwrap();
    let seed = std::env::var("MEETING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let events = std::env::var("MEETING_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(12);
    let (stop, said) = (AtomicBool::new(false), Said::default());
    let mut chance = Chance::new(seed);
    thread::scope(|scope| {
        for thread in 0..6 {
            let (cluster, stop, said) = (&cluster, &stop, &said);
            let cluster = if thread % 3 == 0 { cluster.retries(Retries::none()) } else { cluster.clone() };
            let mut chance = Chance::new(seed * 1_000 + thread as u64);
            scope.spawn(move || work(&cluster, thread, &mut chance, stop, said));
        }
        let _stop = StopAtEnd(&stop);
        for _ in 0..events {
            thread::sleep(Duration::from_millis(chance.below(600) as u64));
            let node = chance.below(2);
            match chance.below(4) {
                0 => {
                    nodes.master(node).freeze();
                    thread::sleep(DEADLINE + Duration::from_millis(chance.below(800) as u64));
                    nodes.master(node).thaw();
                }
                1 | 2 => nodes.failover(node),
                _ => drop(nodes.master(node).ask(&["CLIENT", "KILL", "TYPE", "normal"])),
            }
        }
    });
    let said = said.into_inner().unwrap();
    let there = nodes.elements();
    let [mut done, mut refused, mut unknown] = [0; 3];
    for (element, told) in &said {
        let (lists, is_stashed) = there.get(element).copied().unwrap_or_default();
        assert!(lists <= 1, "{element} is there {lists} times: {told:?}");
        match told {
            None => {
                done += 1;
                assert!(lists == 1 || is_stashed, "{element} was pushed and is gone");
            }
            Some((Outcome::NotApplied, error)) => {
                refused += 1;
                assert!(lists == 0 && !is_stashed, "{element} is there: {error}");
            }
            Some(_) => unknown += 1,
        }
    }
    println!("seed {seed}: {done} done, {refused} refused, {unknown} unknown");
    assert!(done > 100, "{done}");
}

/// Ends the other threads also when this one fails.
struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
