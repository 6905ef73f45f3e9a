//! Many threads, any commands, wires on which connections break by chance all the time: every answer is the right one,
//! and what errors say of the data is true.
//!
//! `SOAK_OPERATIONS=1000000` makes it long, for each protocol; `SOAK_SEED` repeats the faults of another run.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Protocol, Share, Side};
use rediscluster_testing::{Chance, Chaos, Reply, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const THREADS: usize = 16;
/// To one server: so few that calls share them.
const CONNECTIONS: usize = 3;
const KEYS: usize = 50;
/// Between the first half of the lists elements are moved, out of the others they are popped.
const LISTS: usize = 6;
const COUNTERS: usize = 10;

fn number_of(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

/// What came of the calls.
#[derive(Default)]
struct Tally {
    issued: AtomicUsize,
    done: AtomicUsize,
    not_applied: AtomicUsize,
    unknown: AtomicUsize,
    partial: AtomicUsize,
    kinds: Mutex<BTreeMap<String, usize>>,
}

impl Tally {
    /// Notes what came of a call, and gives its result back.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Outcome> {
        self.issued.fetch_add(1, Ordering::Relaxed);
        let error = match result {
            Ok(value) => {
                self.done.fetch_add(1, Ordering::Relaxed);
                return Ok(value);
            }
            Err(error) => error,
        };
        assert!(error.command().is_some() && error.node().is_some(), "{error:?}");
        use ErrorKind::*;
        assert!(matches!(error.kind(), Io | Timeout | Connect | PoolTimeout | Protocol), "{error:?}");
        let count = match error.outcome() {
            Outcome::Applied => &self.done,
            Outcome::NotApplied => &self.not_applied,
            Outcome::Unknown => &self.unknown,
            Outcome::Partial => &self.partial,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let kind = format!("{:?} {:?}", error.kind(), error.outcome());
        *self.kinds.lock().unwrap().entry(kind).or_default() += 1;
        Err(error.outcome())
    }
}

/// How far a number that is counted up may have come.
#[derive(Default)]
struct Counter {
    at_least: AtomicI64,
    maybe_more: AtomicI64,
}

impl Counter {
    fn note<T>(&self, result: &Result<T, Outcome>) {
        match result {
            Ok(_) | Err(Outcome::Applied) => self.at_least.fetch_add(1, Ordering::SeqCst),
            Err(Outcome::NotApplied) => 0,
            Err(_) => self.maybe_more.fetch_add(1, Ordering::SeqCst),
        };
    }
}

#[derive(Default)]
struct World {
    tally: Tally,
    counters: [Counter; COUNTERS],
    /// Elements that were certainly pushed, those that may have been, and those that were popped.
    pushed: Mutex<BTreeSet<String>>,
    maybe_pushed: Mutex<BTreeSet<String>>,
    popped: Mutex<BTreeSet<String>>,
    maybe_popped: AtomicUsize,
}

/// A value that says which key it belongs to.
fn assert_own(key: &str, value: Option<String>) {
    if let Some(value) = value {
        assert!(value.starts_with(&format!("{key}=")), "{key} holds {value}");
    }
}

fn one(world: &World, cluster: &Cluster, chance: &mut Chance, me: &str) {
    let tally = &world.tally;
    let key = |chance: &mut Chance| format!("k{}", chance.below(KEYS));
    let list = |chance: &mut Chance, half| match half {
        0 => format!("list{}", chance.below(LISTS)),
        1 => format!("list{}", chance.below(LISTS / 2)),
        _ => format!("list{}", chance.below(LISTS / 2) + LISTS / 2),
    };
    let size = if chance.below(50) == 0 { 100_000 } else { 20 };
    let value_of = |key: &str| format!("{key}={me}{}", "x".repeat(size));
    match chance.below(12) {
        0 => {
            let key = key(chance);
            let _ = tally.note(cluster.set(&key, value_of(&key)));
        }
        1 => {
            let key = key(chance);
            if let Ok(value) = tally.note(cluster.get::<_, Option<String>>(&key)) {
                assert_own(&key, value);
            }
        }
        2 => {
            let keys: Vec<String> = (0..8).map(|_| key(chance)).collect();
            if let Ok(values) = tally.note(cluster.mget::<_, Vec<Option<String>>>(&keys)) {
                assert_eq!(values.len(), keys.len());
                keys.iter().zip(values).for_each(|(key, value)| assert_own(key, value));
            }
        }
        3 => {
            let pairs: Vec<(String, String)> =
                (0..5).map(|_| key(chance)).map(|key| (key.clone(), value_of(&key))).collect();
            let _ = tally.note(cluster.mset(&pairs));
        }
        4 => {
            let number = chance.below(COUNTERS);
            let result = tally.note(cluster.incr(format!("counter{number}")));
            world.counters[number].note(&result);
        }
        5 => pipeline(world, cluster, chance, me),
        6 => {
            let number = chance.below(COUNTERS);
            let (left, right) = (format!("left{{counter{number}}}"), format!("right{{counter{number}}}"));
            let mut transaction = cluster.transaction();
            transaction.set(&left, me);
            transaction.set(&right, me);
            let count = transaction.incr(format!("counter{number}"));
            let both = transaction.mget::<_, Vec<String>>([&left, &right]);
            let result = tally.note(transaction.run());
            world.counters[number].note(&result);
            if let Ok(replies) = result {
                assert!(replies.get(count).unwrap() > 0);
                assert_eq!(replies.get(both).unwrap(), [me, me], "half of another transaction");
            }
        }
        7 => {
            // Names that only this thread uses: what is read after a rename is what was written before it.
            let (from, to) = (format!("{me}/from"), format!("{me}/to"));
            if tally.note(cluster.set(&from, &from)).is_ok() && tally.note(cluster.rename(&from, &to)).is_ok() {
                if let Ok(value) = tally.note(cluster.get::<_, Option<String>>(&to)) {
                    assert_eq!(value.as_ref(), Some(&from), "a rename that succeeded lost a value");
                }
            }
            let _ = tally.note(cluster.unlink([&from, &to]));
        }
        8 => {
            let list = list(chance, 0);
            let element = format!("element {list} {me}");
            match tally.note(cluster.rpush(list, &element)) {
                Ok(_) | Err(Outcome::Applied) => drop(world.pushed.lock().unwrap().insert(element)),
                Err(Outcome::NotApplied) => {}
                Err(_) => drop(world.maybe_pushed.lock().unwrap().insert(element)),
            }
        }
        9 => {
            let (from, to) = (list(chance, 1), list(chance, 1));
            let moved = tally.note(cluster.lmove::<_, _, Option<String>>(from, to, Side::Left, Side::Right));
            if let Ok(Some(element)) = moved {
                assert!(element.starts_with("element "), "{element}");
            }
        }
        10 => {
            let lists = [list(chance, 2), list(chance, 2)];
            match tally.note(cluster.blpop::<_, String, String>(&lists, Duration::from_millis(10))) {
                Ok(Some((name, element))) => {
                    assert!(lists.contains(&name) && element.starts_with("element "), "{name} {element}");
                    assert!(world.popped.lock().unwrap().insert(element.clone()), "{element} came twice");
                }
                Ok(None) | Err(Outcome::NotApplied) => {}
                Err(_) => drop(world.maybe_popped.fetch_add(1, Ordering::SeqCst)),
            }
        }
        _ => {
            let number = chance.below(COUNTERS);
            let script = "return {redis.call('INCR', KEYS[1]), ARGV[1]}";
            let key = format!("counter{number}");
            let result = tally.note(cluster.eval::<_, _, _, (i64, String)>(script, [key], me));
            world.counters[number].note(&result);
            if let Ok((_, said)) = result {
                assert_eq!(said, me);
            }
        }
    }
}

/// A pipeline of ten over all nodes.
fn pipeline(world: &World, cluster: &Cluster, chance: &mut Chance, me: &str) {
    let mut pipeline = cluster.pipeline();
    let reads: Vec<_> = (0..5)
        .map(|_| format!("k{}", chance.below(KEYS)))
        .map(|key| (pipeline.get::<_, Option<String>>(&key), key))
        .collect();
    let counts: Vec<_> = (0..3)
        .map(|_| chance.below(COUNTERS))
        .map(|number| (pipeline.incr(format!("counter{number}")), number))
        .collect();
    let echo = pipeline.eval::<_, _, _, String>("return ARGV[1]", [me], me);
    let both = pipeline.mget::<_, Vec<Option<String>>>(["k0", "k1"]);
    let replies = pipeline.run_each();
    for (slot, key) in reads {
        if let Ok(value) = world.tally.note(replies.get(slot)) {
            assert_own(&key, value);
        }
    }
    for (slot, number) in counts {
        let result = world.tally.note(replies.get(slot));
        world.counters[number].note(&result);
    }
    if let Ok(said) = world.tally.note(replies.get(echo)) {
        assert_eq!(said, me);
    }
    if let Ok(values) = world.tally.note(replies.get(both)) {
        ["k0", "k1"].iter().zip(values).for_each(|(key, value)| assert_own(key, value));
    }
}

#[test]
fn answers_are_right_whatever_breaks() {
    soak(Protocol::Resp2);
}

#[test]
fn answers_are_right_whatever_breaks_or_is_pushed_in_between() {
    soak(Protocol::Resp3);
}

fn soak(protocol: Protocol) {
    let operations = number_of("SOAK_OPERATIONS", 10_000) as usize;
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number_of("SOAK_SEED", clock.as_nanos() as u64);
    println!("{protocol:?}: SOAK_SEED={seed}");
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let wires: Vec<Chaos> = servers.iter().map(|server| Chaos::to(server.port())).collect();
    let builder = wires
        .iter()
        .zip(1..)
        .fold(Cluster::builder(), |builder, (wire, number)| builder.node(format!("node_{number}"), wire.address()));
    let is_resp3 = protocol == Protocol::Resp3;
    let share = if is_resp3 { Share::All } else { Share::Reads };
    let builder = builder.masters_only(true).protocol(protocol).pool_size(CONNECTIONS).share_connections(share);
    let cluster = builder.deadline(Duration::from_millis(500)).connect().unwrap();
    wires.iter().zip(seed..).for_each(|(wire, seed)| wire.by_chance(seed, 5_000, is_resp3));
    let world = World::default();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (world, cluster) = (&world, &cluster);
            scope.spawn(move || {
                let mut chance = Chance::new(seed ^ (thread as u64) << 32);
                let mut turn = 0;
                while world.tally.issued.load(Ordering::Relaxed) < operations {
                    turn += 1;
                    one(world, cluster, &mut chance, &format!("{thread}-{turn}"));
                }
            });
        }
    });
    let took = begin.elapsed();
    wires.iter().for_each(Chaos::heal);
    let tally = &world.tally;
    let [issued, done, not_applied, unknown, partial] =
        [&tally.issued, &tally.done, &tally.not_applied, &tally.unknown, &tally.partial]
            .map(|count| count.load(Ordering::SeqCst));
    let accepted: usize = wires.iter().map(Chaos::accepted).sum();
    let mut sorts = BTreeMap::<&str, usize>::new();
    wires.iter().flat_map(Chaos::sorts).for_each(|(sort, count)| *sorts.entry(sort).or_default() += count);
    println!("{} faults: {sorts:?}", sorts.values().sum::<usize>());
    println!(
        "{protocol:?}: {issued} operations in {took:?}: {done} done, {not_applied} not applied, {unknown} unknown, {partial} partial"
    );
    println!("{accepted} connections; {:?}", tally.kinds.lock().unwrap());
    assert_eq!(issued, done + not_applied + unknown + partial);
    assert!(done > issued / 2, "hardly anything worked");
    assert!(not_applied + unknown > operations / 1000, "hardly anything broke");
    assert_eq!(sorts.len(), if is_resp3 { 9 } else { 8 }, "not every sort of fault was met: {sorts:?}");

    for (number, counter) in world.counters.iter().enumerate() {
        let (at_least, maybe) = (counter.at_least.load(Ordering::SeqCst), counter.maybe_more.load(Ordering::SeqCst));
        let count = cluster.get::<_, Option<i64>>(format!("counter{number}")).unwrap().unwrap_or(0);
        assert!((at_least..=at_least + maybe).contains(&count), "{count} of {at_least} and perhaps {maybe}");
    }
    assert_elements(&world, &cluster, &servers);
    for pool in cluster.pools() {
        assert!(pool.open == pool.idle && pool.open <= CONNECTIONS && pool.waiting == 0, "{pool:?}");
        assert!(pool.gathered > 0, "calls shared connections: {pool:?}");
    }
}

/// What was pushed and not popped is in one list and in no other, or in a stash.
fn assert_elements(world: &World, cluster: &Cluster, servers: &[Server]) {
    let mut held = BTreeSet::new();
    for number in 0..LISTS {
        for element in cluster.lrange::<_, String>(format!("list{number}"), 0, -1).unwrap() {
            assert!(held.insert(element.clone()), "{element} is in two places");
        }
    }
    let mut stashed = 0;
    for server in servers {
        let Reply::Array(names) = server.ask(&["KEYS", "rediscluster:stash:*"]) else { panic!("no names") };
        for name in names.iter().map(Reply::text) {
            if server.ask(&["TYPE", &name]).text() == "list" {
                let Reply::Array(elements) = server.ask(&["LRANGE", &name, "0", "-1"]) else { panic!("no list") };
                stashed += elements.len();
                held.extend(elements.iter().map(Reply::text));
            }
        }
    }
    let (pushed, maybe_pushed) = (world.pushed.lock().unwrap(), world.maybe_pushed.lock().unwrap());
    let popped = world.popped.lock().unwrap();
    for element in held.iter().chain(popped.iter()) {
        assert!(pushed.contains(element) || maybe_pushed.contains(element), "{element} was never pushed");
    }
    let again: Vec<&String> = held.intersection(&popped).collect();
    assert!(again.is_empty(), "popped and still there: {again:?}");
    let is_missing = |element: &&String| !held.contains(*element) && !popped.contains(*element);
    let missing: Vec<&String> = pushed.iter().filter(is_missing).collect();
    let is_moved = |element: &&&String| (0..LISTS / 2).any(|list| element.starts_with(&format!("element list{list} ")));
    let lost: Vec<_> = missing.iter().filter(is_moved).collect();
    assert!(lost.is_empty(), "lost on a move: {lost:?}");
    let (missing, maybe_popped) = (missing.len(), world.maybe_popped.load(Ordering::SeqCst));
    println!("{} elements pushed, {} popped, {stashed} stashed", pushed.len(), popped.len());
    println!("{missing} missing of {maybe_popped} that may have been popped");
    assert!(missing <= maybe_popped, "{missing} elements are lost, and at most {maybe_popped} can have been popped");
}
