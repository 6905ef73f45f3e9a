//! One connection to each server is enough for any number of threads: no call holds one while it waits for another in
//! an order in which a second call could hold them the other way round.

use super::{run, times, Fleet};
use rediscluster::{Cluster, ErrorKind};
use rediscluster_testing::{wait_until, Cut, Server, Wire};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const THREADS: usize = 8;

#[test]
fn one_connection_to_each_server_is_enough() {
    fight_for_connections(false);
}

#[test]
fn one_connection_to_each_server_is_enough_for_waits_on_several() {
    fight_for_connections(true);
}

fn fight_for_connections(waits: bool) {
    let fleet = Fleet::with_pools_of(3, 1);
    let keys = |kind: &str| (0..3).map(|node| fleet.key(kind, node)).collect::<Vec<_>>();
    let (sets, sorted, lists, texts) = (keys("set"), keys("sorted"), keys("list"), keys("text"));
    let seven = fleet.servers[0].is_since("7.0", "LMPOP");
    for node in 0..3 {
        run(&fleet.cluster(0), &["SADD", &sets[node], "a", "b", &node.to_string()]).unwrap();
        run(&fleet.cluster(0), &["ZADD", &sorted[node], "1", "a", "2", &node.to_string()]).unwrap();
    }
    // Of one cluster: its pools are what is fought for.
    let cluster = fleet.cluster(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cluster, mut chance) = (cluster.clone(), fleet.chance(thread));
            let (sets, sorted, lists, texts) = (&sets, &sorted, &lists, &texts);
            scope.spawn(move || {
                for round in 0..times(300) {
                    let mut order = [0, 1, 2];
                    chance.shuffle(&mut order);
                    let of = |keys: &[String]| order.map(|at| keys[at].clone());
                    let ([s0, s1, s2], [z0, z1, z2], [l0, l1, l2], [t0, t1, t2]) =
                        (of(sets), of(sorted), of(lists), of(texts));
                    let line = match chance.below(22 + usize::from(seven) + 2 * usize::from(waits)) {
                        0 => format!("MGET {t0} {t1} {t2}"),
                        1 => format!("MSET {t0} 1 {t1} 2 {t2} 3"),
                        2 => format!("DEL {t0} {t1} {t2}"),
                        3 => format!("MSETNX {t0} 1 {t1} 2 {t2} 3"),
                        4 => format!("SUNION {s0} {s1} {s2}"),
                        5 => format!("SUNIONSTORE {s0} {s1} {s2}"),
                        6 => format!("SINTERSTORE {s0} {s0} {s1}"),
                        // Its sources share a node, which is not the destination's.
                        7 | 8 => format!("SDIFFSTORE {s0} {s1}"),
                        9 => format!("SMOVE {s0} {s1} a"),
                        10 => format!("RPUSH {l0} x y z"),
                        11 => format!("RPOPLPUSH {l0} {l1}"),
                        12 => format!("LMOVE {l0} {l1} LEFT LEFT"),
                        13 => format!("BLMOVE {l0} {l1} LEFT LEFT 0.01"),
                        14 => format!("RENAME {t0} {t1}"),
                        // When both names were taken in between, the value would have no place.
                        15 => format!("RENAMENX {t0} once:{thread}:{round}"),
                        16 => format!("COPY {t0} {t1} REPLACE"),
                        17 => format!("ZUNIONSTORE {z0} 3 {z0} {z1} {z2}"),
                        18 => format!("ZUNION 3 {z0} {z1} {z2}"),
                        19 => "RANDOMKEY".to_owned(),
                        20 => "DBSIZE".to_owned(),
                        // No more than five, or lists that grow by one another would never end.
                        21 => format!("SORT {l0} ALPHA BY w_* LIMIT 0 5 GET v_* GET h_*->f STORE {l1}"),
                        22 if seven => format!("LMPOP 3 {l0} {l1} {l2} LEFT"),
                        _ => format!("BLPOP {l0} {l1} {l2} 0.02"),
                    };
                    let words: Vec<&str> = line.split(' ').collect();
                    match run(&cluster, &words) {
                        Ok(_) => {}
                        Err(error) if error.message() == "ERR no such key" => {}
                        Err(error) => {
                            assert!(
                                ![ErrorKind::PoolTimeout, ErrorKind::Timeout].contains(&error.kind()),
                                "{line}: {error}"
                            );
                            panic!("{line}: {error}");
                        }
                    }
                }
            });
        }
    });
    fleet.no_stash_is_left();
}

#[test]
fn a_part_that_is_asked_again_does_not_wait_for_a_call_that_waits_for_the_other_part() {
    let servers = [Server::start(), Server::start()];
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true).pool_size(1).deadline(Duration::from_secs(20));
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    let reading = AtomicUsize::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (cluster, reading) = (cluster.clone(), &reading);
            scope.spawn(move || {
                for _ in 0..times(100) {
                    match run(&cluster, &["MGET", "foo", "bar"]) {
                        Ok(_) => {}
                        // It broke twice.
                        Err(error) if error.kind() == ErrorKind::Io => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                reading.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for round in 0.. {
            if reading.load(Ordering::SeqCst) == 0 {
                break;
            }
            // Nothing but that all connections to that node are closed.
            let wire = &wires[round % 2];
            wire.at(6, Cut::BeforeReply, || {});
            wait_until("the connections are closed", || wire.has_happened() || reading.load(Ordering::SeqCst) == 0);
        }
    });
}
