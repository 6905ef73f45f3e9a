//! Reads from replicas: whoever cannot serve is left alone, nobody who has no data is believed.

use rediscluster::prelude::*;
use rediscluster::{Cluster, ReadFrom};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A master with its replicas, and `k` = `v` on all of them.
fn replicated(replicas: usize) -> (Server, Vec<Server>) {
    let master = Server::start();
    let replicas: Vec<Server> = (0..replicas).map(|_| Server::replica_of(&master, &[])).collect();
    master.ask(&["SET", "k", "v"]);
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    (master, replicas)
}

fn cluster(master: &Server) -> rediscluster::Builder {
    Cluster::builder().node("node_1", master.address())
}

fn read(cluster: &Cluster) {
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v");
}

/// How long each of these reads took.
fn times(count: usize, read: impl Fn()) -> Vec<Duration> {
    let timed = |_| {
        let began = Instant::now();
        read();
        began.elapsed()
    };
    (0..count).map(timed).collect()
}

#[test]
fn a_frozen_replica_costs_one_slow_read() {
    let (master, replicas) = replicated(2);
    let cluster = cluster(&master).deadline(Duration::from_secs(2)).connect().unwrap();
    for _ in 0..4 {
        read(&cluster);
    }
    replicas[0].freeze();
    let slow = times(200, || read(&cluster)).into_iter().filter(|time| *time > Duration::from_millis(250)).count();
    assert_eq!(slow, 1, "200 reads, half of them in turn to the frozen one");
    assert_eq!(master.calls("get"), 0, "the other replica serves");
    replicas[0].thaw();
    let before = replicas[0].calls("get");
    wait_until("the replica is asked again", || {
        read(&cluster);
        replicas[0].calls("get") > before + 1
    });
}

#[test]
fn of_many_threads_one_tries_a_replica_that_rested() {
    let (master, replicas) = replicated(1);
    let cluster = cluster(&master).deadline(Duration::from_secs(4)).connect().unwrap();
    read(&cluster);
    replicas[0].freeze();
    read(&cluster);
    let slow = AtomicU64::new(0);
    let end = Instant::now() + Duration::from_millis(2_500);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while Instant::now() < end {
                    let began = Instant::now();
                    read(&cluster);
                    slow.fetch_add(u64::from(began.elapsed() > Duration::from_millis(300)), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    replicas[0].thaw();
    // It rests for 1 s and then, having failed again, for 2 s.
    let slow = slow.into_inner();
    assert!((1..=2).contains(&slow), "{slow} slow reads of 8 threads in 2.5 s");
}

#[test]
fn a_frozen_replica_costs_pipelines_and_lookups_one_slow_call_too() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let write = cluster_of(&masters).masters_only(true).connect().unwrap();
    write.mset([("foo", 1), ("bar", 2)]).unwrap();
    write.mset((1..=20).map(|n| (format!("w_{n}"), 100 - n)).collect::<Vec<_>>()).unwrap();
    write.rpush("list", (1..=20).collect::<Vec<i64>>()).unwrap();
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    let builder = || cluster_of(&masters).deadline(Duration::from_secs(2));
    let (first, second, third) =
        (builder().connect().unwrap(), builder().connect().unwrap(), builder().connect().unwrap());
    let pipelined = || {
        let mut pipeline = first.pipeline();
        let (foo, bar) = (pipeline.get::<_, i64>("foo"), pipeline.get::<_, i64>("bar"));
        let replies = pipeline.run().unwrap();
        assert_eq!((replies.get(foo).unwrap(), replies.get(bar).unwrap()), (1, 2));
    };
    let looked_up = || {
        let sorted: Vec<i64> = second.execute(cmd("SORT_RO").key("list").arg("BY").arg("w_*").reply()).unwrap();
        assert_eq!(sorted, (1..=20).rev().collect::<Vec<i64>>());
    };
    let fanned = || assert_eq!(third.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [1, 2]);
    let sorts = masters[0].is_since("7.0", "SORT_RO");
    pipelined();
    fanned();
    if sorts {
        looked_up();
    }
    replicas[1].freeze();
    let is_slow = |time: &Duration| *time > Duration::from_millis(250);
    assert_eq!(times(50, pipelined).iter().filter(|time| is_slow(time)).count(), 1);
    assert_eq!(times(50, fanned).iter().filter(|time| is_slow(time)).count(), 1);
    if sorts {
        assert_eq!(times(50, looked_up).iter().filter(|time| is_slow(time)).count(), 1);
    }
    replicas[1].thaw();
}

#[test]
fn a_replica_that_rests_serves_when_nobody_else_can() {
    let (mut master, replicas) = replicated(1);
    let cluster = cluster(&master).deadline(Duration::from_secs(2)).connect().unwrap();
    read(&cluster);
    replicas[0].freeze();
    read(&cluster);
    replicas[0].thaw();
    master.kill();
    read(&cluster);
}

#[test]
fn a_replica_started_anew_and_empty_is_not_believed() {
    let (master, mut replicas) = replicated(2);
    // So that the restarted replica stays without its data.
    master.ask(&["CONFIG", "SET", "requirepass", "closed"]);
    master.ask(&["CONFIG", "SET", "repl-ping-replica-period", "1"]);
    let cluster = cluster(&master).password("closed").connect();
    drop(cluster);
    master.try_ask(&["PING"], Duration::from_secs(1)).unwrap();
    let mut talk = master.talk(Duration::from_secs(5)).unwrap();
    talk.call(&["AUTH", "closed"]).unwrap();
    talk.call(&["CONFIG", "SET", "requirepass", ""]).unwrap();
    let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
    for _ in 0..4 {
        read(&cluster);
    }
    talk.call(&["CONFIG", "SET", "requirepass", "closed"]).unwrap();
    replicas[0].restart();
    assert_eq!(replicas[0].field("keyspace", "db0"), None, "it has nothing");
    for _ in 0..100 {
        read(&cluster);
    }
    assert_eq!(replicas[0].calls("get"), 0);
}

#[test]
fn no_key_is_missing_while_replicas_load_everything_anew() {
    let args = ["--repl-backlog-size", "16kb", "--repl-diskless-load", "disabled"];
    let swap = ["--repl-backlog-size", "16kb", "--repl-diskless-load", "swapdb"];
    let master = Server::start_with(&["--repl-backlog-size", "16kb"]);
    let replicas = [Server::replica_of(&master, &args), Server::replica_of(&master, &swap)];
    let cluster = cluster(&master).connect().unwrap();
    let value = "x".repeat(2_000);
    for chunk in (0..10_000).collect::<Vec<_>>().chunks(1_000) {
        let mut pipeline = cluster.pipeline();
        for key in chunk {
            pipeline.set(format!("key:{key}"), &value);
        }
        pipeline.run().unwrap();
    }
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let syncs = || -> u64 { master.field("stats", "sync_full").unwrap().parse().unwrap() };
    let before = syncs();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (cluster, stop, reads, value) = (&cluster, &stop, &reads, &value);
            scope.spawn(move || {
                let mut key = thread;
                while !stop.load(Ordering::Relaxed) {
                    key = (key + 7_919) % 10_000;
                    let found: Option<String> = cluster.get(format!("key:{key}")).unwrap();
                    assert_eq!(found.as_ref(), Some(value), "key:{key} after {:?}", began.elapsed());
                    reads.fetch_add(1, Ordering::Relaxed);
                    if thread == 0 && key % 10 == 0 {
                        cluster.set(format!("key:{key}"), value).unwrap();
                    }
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        for round in 0..6 {
            // It begins a history of its own, so it has to take everything anew.
            let replica = &replicas[round % 2];
            replica.ask(&["REPLICAOF", "NO", "ONE"]);
            replica.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
            wait_until("the replica is back", || {
                replica.field("replication", "master_link_status").as_deref() == Some("up")
            });
            cluster.refresh().unwrap();
        }
    });
    println!("{} reads, {} full resyncs", reads.into_inner(), syncs() - before);
    assert!(syncs() > before);
}

/// Ends the other threads also when this one fails.
struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn each_choice_of_servers() {
    let (master, mut replicas) = replicated(2);
    let cluster = cluster(&master).connect().unwrap();
    let calls = |servers: &[Server]| -> Vec<u64> {
        servers.iter().chain([&master]).map(|server| server.calls("get")).collect()
    };
    let spread = |from: ReadFrom, replicas: &[Server]| -> Vec<u64> {
        let (before, view) = (calls(replicas), cluster.read_from(from));
        (0..30).for_each(|_| read(&view));
        calls(replicas).iter().zip(before).map(|(after, before)| after - before).collect()
    };
    assert_eq!(spread(ReadFrom::Replica, &replicas), [15, 15, 0]);
    assert_eq!(spread(ReadFrom::Master, &replicas), [0, 0, 30]);
    assert_eq!(spread(ReadFrom::Any, &replicas), [10, 10, 10]);
    assert_eq!(spread(ReadFrom::PreferMaster, &replicas), [0, 0, 30]);
    let mut nearest = spread(ReadFrom::Nearest, &replicas);
    nearest.sort_unstable();
    assert_eq!(nearest, [0, 0, 30], "one of them is the nearest");
    // The first one fails as the last one does.
    replicas[0].kill();
    for from in [ReadFrom::Replica, ReadFrom::Any, ReadFrom::PreferMaster, ReadFrom::Nearest] {
        (0..10).for_each(|_| read(&cluster.read_from(from)));
    }
}

#[test]
fn replicas_stand_in_for_a_master_that_is_gone() {
    let (mut master, replicas) = replicated(2);
    let cluster = cluster(&master).connect().unwrap();
    master.kill();
    for from in [ReadFrom::Replica, ReadFrom::Any, ReadFrom::PreferMaster, ReadFrom::Nearest] {
        (0..10).for_each(|_| read(&cluster.read_from(from)));
    }
    assert_eq!(replicas.iter().map(|replica| replica.calls("get")).sum::<u64>(), 40);
    assert!(cluster.masters_only().get::<_, String>("k").is_err());
}
