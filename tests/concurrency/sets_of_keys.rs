//! `MSETNX` of many clients over keys that overlap.

use super::{must, run, times, Fleet};
use rediscluster::Value;
use rediscluster_testing::Reply;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Barrier;

const CLIENTS: usize = 6;

#[test]
fn at_most_one_client_sets_its_keys_and_the_others_leave_nothing() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let keys: Vec<String> = (0..2 * nodes).map(|number| fleet.key(&format!("k{number}:"), number)).collect();
        let mut choice = fleet.chance(0);
        let mut decided = 0;
        for round in 0..times(150) {
            // Every client wants this one, so there are never two winners.
            let common = choice.one_of(&keys).clone();
            let wanted: Vec<Vec<String>> = (0..CLIENTS)
                .map(|_| {
                    let mut wanted: BTreeSet<String> = (0..3).map(|_| choice.one_of(&keys).clone()).collect();
                    wanted.insert(common.clone());
                    let mut wanted: Vec<String> = wanted.into_iter().collect();
                    choice.shuffle(&mut wanted);
                    wanted
                })
                .collect();
            let start = Barrier::new(CLIENTS);
            let replies: Vec<Value> = std::thread::scope(|scope| {
                let clients: Vec<_> = (0..CLIENTS)
                    .map(|client| {
                        let (fleet, start, wanted) = (&fleet, &start, &wanted[client]);
                        scope.spawn(move || {
                            let value = format!("{round}:{client}");
                            let pairs = wanted.iter().flat_map(|key| [key.as_str(), value.as_str()]);
                            let words: Vec<&str> = ["MSETNX"].into_iter().chain(pairs).collect();
                            let cluster = fleet.cluster(client);
                            start.wait();
                            run(&cluster, &words).unwrap()
                        })
                    })
                    .collect();
                clients.into_iter().map(|client| client.join().expect("a client runs to its end")).collect()
            });
            let winners: Vec<usize> = (0..CLIENTS).filter(|&at| replies[at] == Value::Integer(1)).collect();
            assert!(winners.len() <= 1, "round {round}: {winners:?} of {wanted:?}");
            decided += winners.len();
            for (server, key) in fleet.keys("*") {
                let value = server.ask(&["GET", &key]);
                let is_winners = winners
                    .iter()
                    .any(|&at| wanted[at].contains(&key) && value == Reply::bulk(format!("{round}:{at}")));
                assert!(is_winners, "round {round}: {key} holds {value:?}, {winners:?} won");
            }
            for &winner in &winners {
                assert_eq!(fleet.keys("k*").len(), wanted[winner].len(), "round {round}: all keys of client {winner}");
            }
            must(&fleet.clusters[0], "FLUSHALL");
        }
        println!("{decided} of {} rounds had a winner", times(150));
        assert!(decided > times(150) / 4, "too few rounds had a winner: {decided}");
    }
}

/// An owner has come to its end, or has failed: nobody else is to wait for it.
struct Ends<'o>(&'o AtomicUsize);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Everybody writes the same value, as locks do. What somebody has set by force stays until it is taken away by the same.
#[test]
fn what_others_have_set_to_the_same_value_is_never_deleted() {
    for nodes in [2, 3] {
        let fleet = Fleet::start(nodes);
        let keys: Vec<String> = (0..nodes).map(|node| fleet.key("lock:", node)).collect();
        let (owning, lost, won) = (AtomicUsize::new(nodes), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for (owner, key) in keys.iter().enumerate() {
                let (fleet, owning) = (&fleet, &owning);
                scope.spawn(move || {
                    let cluster = fleet.cluster(owner);
                    let _ends = Ends(owning);
                    for round in 0..times(800) {
                        must(&cluster, &format!("SET {key} 1"));
                        for look in 0..3 {
                            let held = must(&cluster, &format!("GET {key}"));
                            assert_eq!(held, Value::Bulk(b"1".to_vec()), "{key}, round {round}, look {look}");
                        }
                        assert_eq!(must(&cluster, &format!("TTL {key}")), Value::Integer(-1), "{key}, round {round}");
                        assert_eq!(must(&cluster, &format!("DEL {key}")), Value::Integer(1), "{key}, round {round}");
                        // For a while it is free.
                        (0..4).for_each(|_| drop(must(&cluster, "PING")));
                    }
                });
            }
            for client in 0..CLIENTS {
                let (fleet, keys, owning, lost, won) = (&fleet, &keys, &owning, &lost, &won);
                scope.spawn(move || {
                    let (cluster, mut chance) = (fleet.cluster(client), fleet.chance(client));
                    while owning.load(Ordering::SeqCst) > 0 {
                        let own = fleet.key(&format!("own:{client}:"), chance.below(nodes));
                        let mut words = vec!["MSETNX", &own, "1"];
                        words.extend(keys.iter().flat_map(|key| [key.as_str(), "1"]));
                        match run(&cluster, &words).unwrap() {
                            // Those who own the locks take them away.
                            Value::Integer(1) => {
                                won.fetch_add(1, Ordering::SeqCst);
                                must(&cluster, &format!("DEL {own}"));
                            }
                            _ => {
                                lost.fetch_add(1, Ordering::SeqCst);
                                assert_eq!(
                                    must(&cluster, &format!("EXISTS {own}")),
                                    Value::Integer(0),
                                    "{own} is left"
                                );
                            }
                        }
                    }
                });
            }
        });
        println!("{won:?} won, {lost:?} lost");
        assert!(lost.into_inner() > 100, "there were races");
        // What was won after its owner had gone is left, and bears no mark.
        for (server, key) in fleet.keys("*") {
            assert_eq!(server.ask(&["TTL", &key]).int(), -1, "{key}");
        }
    }
}
