//! Masters that are killed and come back from a disk that has every write: no write that was acknowledged is missing,
//! none that was not applied is there, and what is unknown is the rest. `KILL_ROUNDS=100` makes it long.

use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, Protocol};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Duration;

const WRITERS: usize = 6;

/// What each key's write came to.
#[derive(Default)]
struct Ledger {
    outcomes: Mutex<BTreeMap<String, Outcome>>,
    /// Of each counter, how often it was certainly counted up, how often not, and how often perhaps.
    counts: Mutex<BTreeMap<String, [i64; 3]>>,
    written: AtomicUsize,
    failed: AtomicUsize,
    /// Writes that were begun, whatever came of them.
    issued: AtomicUsize,
}

fn outcome_of<T>(result: &Result<T, Error>) -> Outcome {
    result.as_ref().err().map_or(Outcome::Applied, Error::outcome)
}

impl Ledger {
    fn note(&self, key: String, outcome: Outcome) {
        let count = if outcome == Outcome::Applied { &self.written } else { &self.failed };
        count.fetch_add(1, Ordering::SeqCst);
        let before = self.outcomes.lock().unwrap().insert(key, outcome);
        assert!(before.is_none(), "each key is written once");
    }

    fn count(&self, counter: &str, outcome: Outcome) {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(counter.to_owned()).or_default();
        match outcome {
            Outcome::Applied => count[0] += 1,
            Outcome::NotApplied => count[1] += 1,
            Outcome::Unknown => count[2] += 1,
            Outcome::Partial => panic!("{counter} is one key"),
        }
    }
}

/// One write in each of the ways to write.
fn write(cluster: &Cluster, ledger: &Ledger, writer: usize, turn: usize) {
    let key = |what: &str| format!("{what}/{writer}/{turn}");
    ledger.issued.fetch_add([1, 1, 6, 6][turn % 4], Ordering::SeqCst);
    match turn % 4 {
        0 => ledger.note(key("set"), outcome_of(&cluster.set(key("set"), 1))),
        1 => {
            let counter = format!("counter{}", turn % 7);
            ledger.count(&counter, outcome_of(&cluster.incr(&counter)));
        }
        2 => {
            let keys: Vec<String> = (0..6).map(|nth| format!("{}/{nth}", key("mset"))).collect();
            let pairs: Vec<(&str, i32)> = keys.iter().map(|key| (key.as_str(), 1)).collect();
            let error = cluster.mset(&pairs).err();
            for key in &keys {
                let of = |error: &Error| {
                    let part = error.parts().iter().find(|part| part.keys.iter().any(|name| name == key.as_bytes()));
                    part.map_or(error.outcome(), |part| part.outcome)
                };
                ledger.note(key.clone(), error.as_ref().map_or(Outcome::Applied, of));
            }
        }
        _ => {
            let mut pipeline = cluster.pipeline();
            let keys: Vec<String> = (0..6).map(|nth| format!("{}/{nth}", key("pipeline"))).collect();
            let slots: Vec<_> = keys.iter().map(|key| pipeline.set(key, 1)).collect();
            let replies = pipeline.run_each();
            for (key, slot) in keys.into_iter().zip(slots) {
                ledger.note(key, outcome_of(&replies.get(slot)));
            }
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let rounds: usize = std::env::var("KILL_ROUNDS").map_or(5, |text| text.parse().expect("a number"));
    let durable = || Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut servers = [durable(), durable(), durable()];
    let clusters = [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
        let builder = cluster_of(&servers).masters_only(true).protocol(protocol);
        builder.deadline(Duration::from_secs(2)).connect().unwrap()
    });
    let cluster = &clusters[0];
    let (ledger, over) = (Ledger::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (cluster, ledger, over) = (&clusters[writer % 2], &ledger, &over);
            scope.spawn(move || {
                for turn in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    write(cluster, ledger, writer, turn);
                }
            });
        }
        // Also when an assertion in here fails, the writers are to end.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..rounds {
                let now = ledger.written.load(Ordering::SeqCst);
                wait_until("there is much to lose", || ledger.written.load(Ordering::SeqCst) > now + 500);
                let failed = ledger.failed.load(Ordering::SeqCst);
                servers[round % 3].kill();
                wait_until("the writers notice", || ledger.failed.load(Ordering::SeqCst) > failed);
                servers[round % 3].restart();
            }
            let now = ledger.written.load(Ordering::SeqCst);
            wait_until("writes work again", || ledger.written.load(Ordering::SeqCst) > now + 500);
        }));
        over.store(true, Ordering::SeqCst);
        ended.unwrap();
    });

    let outcomes = ledger.outcomes.lock().unwrap();
    let mut tally = BTreeMap::<String, usize>::new();
    let keys: Vec<(&String, &Outcome)> = outcomes.iter().collect();
    let mut held = 0;
    for some in keys.chunks(1000) {
        let values: Vec<Option<i32>> =
            cluster.mget(some.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>()).unwrap();
        for ((key, outcome), value) in some.iter().zip(values) {
            match outcome {
                Outcome::Applied => assert!(value.is_some(), "{key} was acknowledged and is lost"),
                Outcome::NotApplied => assert!(value.is_none(), "{key} was not applied and is there"),
                Outcome::Unknown => {}
                Outcome::Partial => panic!("{key} is one key"),
            }
            held += u64::from(value.is_some());
            *tally.entry(format!("{outcome:?}")).or_default() += 1;
        }
    }
    let counts = ledger.counts.lock().unwrap();
    for (counter, [certain, not, perhaps]) in counts.iter() {
        let count: i64 = cluster.get(counter).unwrap();
        assert!((*certain..=certain + perhaps).contains(&count), "{counter}: {count}, {certain} and perhaps {perhaps}");
        for (outcome, count) in [("Applied", certain), ("NotApplied", not), ("Unknown", perhaps)] {
            *tally.entry(outcome.to_owned()).or_default() += *count as usize;
        }
    }
    let issued = ledger.issued.load(Ordering::SeqCst);
    println!(
        "{rounds} kills, {issued} writes: {tally:?}; of {} keys {held} are there, and none is missing",
        keys.len()
    );
    assert_eq!(tally.values().sum::<usize>(), issued, "each write that was issued came to something");
    assert_eq!(cluster.dbsize().unwrap(), held + counts.len() as u64, "nothing else is there");
    assert!(tally.contains_key("NotApplied") && tally.contains_key("Applied"), "{tally:?}");
}
