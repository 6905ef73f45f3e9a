//! What a subscriber takes, it gives back: threads, sockets, memory and the servers' clients. A file of its own, because
//! the numbers are those of the whole process.

use rediscluster::{Event, Protocol, SubscriberOptions};
use rediscluster_testing::{cluster_of, skipped, wait_until, Server};
use std::fs;
use std::time::{Duration, Instant};

/// Threads and open files of this process.
fn taken() -> (usize, usize) {
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).expect("/proc").count();
    (count("task"), count("fd"))
}

/// The same once the threads that connected a cluster have ended: of its own it has one, which refreshes.
fn taken_by_a_cluster(threads_before: usize) -> (usize, usize) {
    wait_until("the threads that connected have ended", || taken().0 == threads_before + 1);
    taken()
}

/// A thread that has been waited for may be seen for a moment longer.
fn given_back(before: (usize, usize)) {
    let begin = Instant::now();
    wait_until("threads and sockets are given back", || taken() == before);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn everything_is_given_back() {
    if !std::path::Path::new("/proc/self/task").exists() {
        return skipped("there is no /proc here");
    }
    let mut servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let (threads, _) = taken();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let before = taken_by_a_cluster(threads);
        for round in 0..20 {
            let mut subscriber = cluster.subscriber();
            subscriber.psubscribe("*").unwrap();
            let now = taken();
            assert_eq!((now.0 - before.0, now.1 - before.1), (5, 5), "a thread and a socket a node");
            if round % 2 == 0 {
                subscriber.punsubscribe("*").unwrap();
                given_back(before);
            } else if round % 5 == 0 {
                // Stopped and still held: its threads end by themselves.
                subscriber.stopper().stop();
                given_back(before);
            }
            drop(subscriber);
            given_back(before);
        }
        for server in &servers {
            wait_until("the server has no such client", || {
                server.ask(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().is_empty()
            });
        }
    }

    // Also where connections are down, or broken many times.
    let cluster = cluster_of(&servers).connect().unwrap();
    let before = taken_by_a_cluster(threads);
    let options = SubscriberOptions::new().reconnect_within(Duration::from_millis(20));
    let mut subscriber = cluster.subscriber_with(options).unwrap();
    subscriber.psubscribe("*").unwrap();
    for _ in 0..30 {
        servers[0].ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        while !matches!(subscriber.next().unwrap(), Event::Reconnected { .. }) {}
    }
    assert_eq!(taken(), (before.0 + 5, before.1 + 5), "one connection a node, whatever happened to it");
    servers[0].kill();
    assert!(matches!(subscriber.next().unwrap(), Event::Disconnected { .. }));
    let begin = Instant::now();
    drop(subscriber);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    given_back(before);

    // A subscriber that nobody reads takes its buffer and no more.
    let cluster = cluster_of(&servers[1..2]).connect().unwrap();
    let mut subscriber = cluster.subscriber_with(SubscriberOptions::new().buffer(1 << 20)).unwrap();
    subscriber.subscribe("news").unwrap();
    let mut talk = servers[1].talk(Duration::from_secs(10)).unwrap();
    let payload = vec![b'x'; 100_000];
    let before = resident();
    for _ in 0..300 {
        assert_eq!(talk.call(&[&b"PUBLISH"[..], b"news", &payload]).unwrap().int(), 1);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 12 << 20, "{grown} bytes for a buffer of 1 MiB, of 30 MB that were sent");
    let begin = Instant::now();
    drop(subscriber);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}
