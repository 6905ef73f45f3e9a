//! `MSETNX` of many clients over keys that overlap.

use super::{must, run, times, Fleet};
use rediscluster::Value;
use rediscluster_testing::Reply;
use std::collections::BTreeSet;
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
