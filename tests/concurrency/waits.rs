//! Many that wait on the same keys of five nodes, in different orders, by different commands and clusters.

use super::{each_once, items, run, times, Fleet};
use rediscluster::{Outcome, Value};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const POPPERS: usize = 6;
const PUSHERS: usize = 3;
/// No more elements than these lie there at a time, so that those who pop have to wait, and one call is given data by
/// several nodes in the same moment.
const AHEAD: usize = 4;
/// So many elements are left over.
const REST: usize = 12;

/// All texts in a reply but the first, which is the key; of pairs the first.
fn popped(reply: &Value) -> Vec<String> {
    fn flatten(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
            Value::Bulk(bytes) => out.push(String::from_utf8_lossy(bytes).into_owned()),
            _ => {}
        }
    }
    let mut words = Vec::new();
    flatten(reply, &mut words);
    words.into_iter().skip(1).filter(|word| word.starts_with('e')).collect()
}

/// Every popper takes its quota, the pushers put in some more than that: each element is somewhere, once.
fn scramble(
    fleet: &Fleet,
    keys: &[String],
    put_in: impl Fn(&str, &str) -> Vec<String> + Sync,
    take: impl Fn(&mut super::Chance, &[String], usize) -> Vec<String> + Sync,
    left_in: &[&str],
) {
    let quota = times(100);
    let total = POPPERS * quota + REST;
    let (taken, count) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (put_in, take, taken, count) = (&put_in, &take, &taken, &count);
        for popper in 0..POPPERS {
            scope.spawn(move || {
                let (cluster, mut chance) = (fleet.cluster(popper), fleet.chance(popper));
                let (mut own, mut in_vain) = (Vec::new(), 0);
                while own.len() < quota {
                    let mut keys = keys.to_vec();
                    chance.shuffle(&mut keys);
                    let words = take(&mut chance, &keys, quota - own.len());
                    let reply = run(&cluster, &words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
                    let popped = popped(&reply);
                    in_vain = if popped.is_empty() { in_vain + 1 } else { 0 };
                    assert!(in_vain < 400, "elements must have been lost: nothing came for long");
                    count.fetch_add(popped.len(), Ordering::SeqCst);
                    own.extend(popped);
                }
                taken.lock().unwrap().extend(own);
            });
        }
        for pusher in 0..PUSHERS {
            scope.spawn(move || {
                let (cluster, mut chance) = (fleet.cluster(pusher), fleet.chance(100 + pusher));
                for number in (pusher..total).step_by(PUSHERS) {
                    let begin = Instant::now();
                    let ahead = || number < total - REST && number > count.load(Ordering::SeqCst) + AHEAD;
                    // Not for ever: when elements are lost, that is for the end to tell.
                    while ahead() && begin.elapsed() < Duration::from_millis(500) {
                        std::thread::yield_now();
                    }
                    run(&cluster, &put_in(chance.key_of(keys), &format!("e{number}"))).unwrap();
                }
            });
        }
    });
    let mut found = taken.into_inner().unwrap();
    assert_eq!(found.len(), POPPERS * quota);
    let mut rest = Vec::new();
    for (server, key) in fleet.keys("k*") {
        let read: Vec<&str> = [left_in[0], &key].into_iter().chain(left_in[1..].iter().copied()).collect();
        rest.extend(items(server.ask(&read)));
    }
    assert_eq!(rest.len(), REST, "what nobody took stays: {rest:?}");
    found.extend(rest);
    each_once((0..total).map(|number| format!("e{number}")).collect(), found, "elements");
    fleet.no_stash_is_left();
}

#[test]
fn elements_of_lists_are_given_once_and_the_rest_stays() {
    let fleet = Fleet::start(5);
    let keys: Vec<String> = (0..5).map(|node| fleet.key("k", node)).collect();
    scramble(
        &fleet,
        &keys,
        |key, element| ["RPUSH", key, element].map(str::to_owned).to_vec(),
        |chance, keys, left| {
            let keys = keys.iter().map(String::as_str);
            let words: Vec<&str> = match chance.below(3) {
                0 => ["BLPOP"].into_iter().chain(keys).chain(["0.05"]).collect(),
                1 => ["BRPOP"].into_iter().chain(keys).chain(["0.05"]).collect(),
                // Not more than it still may take.
                _ => {
                    let count = if left > 1 { "2" } else { "1" };
                    ["BLMPOP", "0.05", "5"].into_iter().chain(keys).chain(["RIGHT", "COUNT", count]).collect()
                }
            };
            let words = match words[0] {
                "BLMPOP" if !fleet.servers[0].is_since("7.0", "BLMPOP") => {
                    ["BLPOP"].into_iter().chain(words[3..8].iter().copied()).chain(["0.05"]).collect()
                }
                _ => words,
            };
            words.into_iter().map(str::to_owned).collect()
        },
        &["LRANGE", "0", "-1"],
    );
}

#[test]
fn members_of_sorted_sets_are_given_once_and_the_rest_stays() {
    let fleet = Fleet::start(5);
    let keys: Vec<String> = (0..5).map(|node| fleet.key("k", node)).collect();
    scramble(
        &fleet,
        &keys,
        |key, member| ["ZADD", key, &format!("{}.25", member.len()), member].map(str::to_owned).to_vec(),
        |chance, keys, _| {
            let name = *chance.one_of(&["BZPOPMIN", "BZPOPMAX"]);
            [name].into_iter().chain(keys.iter().map(String::as_str)).chain(["0.05"]).map(str::to_owned).collect()
        },
        &["ZRANGE", "0", "-1"],
    );
}

/// All connections to one server after the other are closed, again and again: each element is given once, still there,
/// or an error says that one of its key may have been taken.
#[test]
fn what_is_lost_with_its_connection_is_told() {
    let fleet = Fleet::start(3);
    let keys: Vec<String> = (0..3).map(|node| fleet.key("k", node)).collect();
    let total = times(900);
    let (taken, told, is_over) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (fleet, keys, taken, told, is_over) = (&fleet, &keys, &taken, &told, &is_over);
        let takers: Vec<_> = (0..4)
            .map(|taker| {
                scope.spawn(move || {
                    let (cluster, mut chance) = (fleet.cluster(taker), fleet.chance(taker));
                    let wait = |words: &[&str]| run(&cluster, words);
                    let mut in_vain = 0;
                    while in_vain < 3 {
                        let name = *chance.one_of(&["BLPOP", "BRPOP"]);
                        match wait(&[name, &keys[0], &keys[1], &keys[2], "0.3"]) {
                            Ok(Value::Nil) => in_vain += usize::from(is_over.load(Ordering::SeqCst)),
                            Ok(reply) => taken.lock().unwrap().extend(popped(&reply)),
                            Err(error) if error.outcome() == Outcome::NotApplied => {}
                            Err(error) => {
                                assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
                                assert_eq!(error.parts().len(), 1, "{error}");
                                told.lock().unwrap().extend(error.parts()[0].keys.clone());
                            }
                        }
                    }
                })
            })
            .collect();
        scope.spawn(move || {
            for number in 0..total {
                let server = &fleet.servers[number % 3];
                let element = format!("e{number}");
                server.ask(&["RPUSH", &keys[number % 3], &element]);
                if number % 3 == 2 {
                    fleet.servers[number / 3 % 3].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
                }
            }
            is_over.store(true, Ordering::SeqCst);
        });
        takers.into_iter().for_each(|taker| taker.join().unwrap());
    });
    let mut found = taken.into_inner().unwrap();
    let told = told.into_inner().unwrap();
    for (server, key) in fleet.keys("k*") {
        found.extend(items(server.ask(&["LRANGE", &key, "0", "-1"])));
    }
    for (nth, key) in keys.iter().enumerate() {
        let is_of_it = |element: &&String| element[1..].parse::<usize>().unwrap() % 3 == nth;
        let lost = (nth..total).step_by(3).count() - found.iter().filter(is_of_it).count();
        let told = told.iter().filter(|told| told.as_slice() == key.as_bytes()).count();
        println!("{lost} of {key} are gone, {told} were told");
        assert!(lost <= told, "{lost} elements of {key} are gone, and {told} were told");
    }
    found.sort_unstable();
    assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "no element is given twice");
    fleet.no_stash_is_left();
}
