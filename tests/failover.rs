//! Another server becomes the master of a node: calls follow it, keys stay where they are.

use rediscluster::prelude::*;
use rediscluster::{Cluster, ErrorKind, Event, Outcome, ReadFrom, Retries};
use rediscluster_testing::{cluster_of, wait_until, Reply, Server};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Two masters with so many replicas each.
fn servers(replicas: usize) -> ([Server; 2], [Vec<Server>; 2]) {
    let masters = [Server::start(), Server::start()];
    let replicas = [0, 1].map(|nth| (0..replicas).map(|_| Server::replica_of(&masters[nth], &[])).collect());
    (masters, replicas)
}

/// `foo` lives on `node_2`, `bar` on `node_1`.
fn master_of(cluster: &Cluster, key: &str) -> String {
    let node = cluster.node_for(key);
    assert_eq!(node.name(), if key == "foo" { "node_2" } else { "node_1" });
    node.address().to_string()
}

fn without_thread(masters: &[Server]) -> rediscluster::Builder {
    cluster_of(masters).refresh_every(None)
}

#[test]
fn a_write_that_meets_a_replica_goes_to_the_new_master() {
    let (masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    let new = &replicas[1][0];
    masters[1].wait_for_replica(new);
    new.promote();
    masters[1].follow(new);
    cluster.set("foo", 2).unwrap();
    assert_eq!(new.ask(&["GET", "foo"]).text(), "2");
    assert_eq!(master_of(&cluster, "foo"), new.address());
    assert_eq!(cluster.topology().shards().len(), 2);
    // What was the master serves reads from the next refresh on.
    cluster.refresh().unwrap();
    let topology = cluster.topology();
    let names: Vec<String> =
        topology.replicas_of(&topology.shards()[1]).map(|node| node.address().to_string()).collect();
    assert_eq!(names, [masters[1].address()]);
    new.wait_for_replica(&masters[1]);
    let before = masters[1].calls("get");
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 2);
    assert_eq!(masters[1].calls("get"), before + 1);
}

#[test]
fn a_master_that_is_gone_is_followed_to_the_promoted_replica() {
    let (mut masters, replicas) = servers(2);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    masters[1].wait_for_replica(&replicas[1][1]);
    masters[1].kill();
    // The first call may find out on the connection that is gone.
    cluster.set("foo", 2).unwrap_err();
    let error = cluster.set("foo", 2).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    replicas[1][1].promote();
    replicas[1][0].follow(&replicas[1][1]);
    let followed = Instant::now();
    wait_until("a write succeeds", || cluster.set("foo", 3).is_ok());
    assert!(followed.elapsed() < Duration::from_secs(5));
    assert_eq!(replicas[1][1].ask(&["GET", "foo"]).text(), "3");
    cluster.set("bar", 3).unwrap();
    // Nobody asks all servers again with every call.
    cluster.refresh().unwrap();
    assert_eq!(cluster.topology().shards()[1].name(), "node_2");
    assert_eq!(master_of(&cluster, "foo"), replicas[1][1].address());
}

#[test]
fn a_dead_node_fails_its_own_keys_at_once_and_no_others() {
    let (mut masters, _replicas) = servers(0);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    masters[1].kill();
    // The first call may find out on the connection that is gone.
    cluster.set("foo", 0).unwrap_err();
    let began = Instant::now();
    for n in 0..200 {
        let error = cluster.set("foo", n).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
        cluster.set("bar", n).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(master_of(&cluster, "foo"), masters[1].address(), "keys stay where they are");
    masters[1].restart();
    cluster.set("foo", 1).unwrap();
}

#[test]
fn a_frozen_master_is_followed_and_left_when_it_comes_back() {
    let (masters, replicas) = servers(1);
    let cluster = without_thread(&masters).deadline(Duration::from_secs(1)).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    let new = &replicas[1][0];
    masters[1].wait_for_replica(new);
    masters[1].freeze();
    new.promote();
    let error = cluster.set("foo", 2).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
    wait_until("a write succeeds", || cluster.set("foo", 3).is_ok());
    assert_eq!(new.ask(&["GET", "foo"]).text(), "3");
    masters[1].thaw();
    cluster.refresh().unwrap();
    assert_eq!(master_of(&cluster, "foo"), new.address(), "two masters: the one that was followed stays");
    cluster.set("foo", 4).unwrap();
    assert_eq!(new.ask(&["GET", "foo"]).text(), "4");
}

#[test]
fn a_replica_that_somebody_detaches_takes_no_writes() {
    let (masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    replicas[1][0].promote();
    cluster.refresh().unwrap();
    cluster.set("foo", 1).unwrap();
    assert_eq!(master_of(&cluster, "foo"), masters[1].address());
    assert_eq!(replicas[1][0].ask(&["GET", "foo"]), Reply::Nil);
}

#[test]
fn a_master_that_comes_back_without_its_history_is_not_taken_for_the_promoted_one() {
    let (mut masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    masters[1].wait_for_replica(&replicas[1][0]);
    masters[1].kill();
    replicas[1][0].promote();
    masters[1].restart();
    cluster.refresh().unwrap();
    assert_eq!(master_of(&cluster, "foo"), replicas[1][0].address());
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
}

#[test]
fn a_program_that_starts_after_a_failover_finds_the_new_master() {
    let (masters, replicas) = servers(1);
    replicas[1][0].promote();
    masters[1].follow(&replicas[1][0]);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    assert_eq!(master_of(&cluster, "foo"), replicas[1][0].address());
    assert_eq!(replicas[1][0].ask(&["GET", "foo"]).text(), "1");
}

#[test]
fn a_node_that_became_the_replica_of_another_node_is_a_mistake() {
    let (masters, _replicas) = servers(0);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("bar", 1).unwrap();
    masters[1].follow(&masters[0]);
    let error = cluster.refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let error = cluster.set("foo", 1).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::ReadOnly, Outcome::NotApplied), "{error}");
    assert_eq!(masters[0].ask(&["EXISTS", "foo"]).int(), 0);
    let error = without_thread(&masters).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert_eq!(master_of(&cluster, "foo"), masters[1].address());
}

#[test]
fn whatever_fails_the_next_call_goes_to_the_new_master() {
    let (masters, replicas) = servers(1);
    // Nothing is sent again, so that each of these calls fails.
    let cluster = without_thread(&masters).retries(Retries::none()).connect().unwrap();
    let (mut old, mut new) = (&masters[1], &replicas[1][0]);
    let mut swap = |cluster: &Cluster| {
        cluster.set("foo", 1).unwrap();
        old.wait_for_replica(new);
        new.promote();
        old.follow(new);
        std::mem::swap(&mut old, &mut new);
        // Longer than nobody asks again.
        std::thread::sleep(Duration::from_millis(250));
        old
    };
    let master = swap(&cluster);
    let mut pipeline = cluster.pipeline();
    pipeline.set("foo", 2);
    assert_eq!(pipeline.run().unwrap_err().kind(), ErrorKind::ReadOnly);
    pipeline.set("foo", 3);
    pipeline.run().unwrap();
    assert_eq!(master.ask(&["GET", "foo"]).text(), "3");

    let master = swap(&cluster);
    let transaction = || {
        let mut transaction = cluster.transaction();
        transaction.set("foo", 4);
        transaction.run()
    };
    assert_eq!(transaction().map(drop).unwrap_err().kind(), ErrorKind::ReadOnly);
    transaction().map(drop).unwrap();
    assert_eq!(master.ask(&["GET", "foo"]).text(), "4");

    let master = swap(&cluster);
    let on = || cluster.on("node_2").unwrap();
    assert_eq!(on().set("foo", 5).unwrap_err().kind(), ErrorKind::ReadOnly);
    on().set("foo", 5).unwrap();
    assert_eq!(master.ask(&["GET", "foo"]).text(), "5");

    let master = swap(&cluster);
    cluster.eval::<_, _, _, ()>("redis.call('SET', KEYS[1], '6')", ["foo"], [0; 0]).ok();
    cluster.set("foo", 7).unwrap();
    assert_eq!(master.ask(&["GET", "foo"]).text(), "7");

    let master = swap(&cluster);
    assert_eq!(cluster.mset([("foo", 8), ("bar", 8)]).unwrap_err().outcome(), Outcome::Partial);
    cluster.mset([("foo", 9), ("bar", 9)]).unwrap();
    assert_eq!(master.ask(&["GET", "foo"]).text(), "9");
}

#[test]
fn a_subscriber_goes_to_the_new_master() {
    let (mut masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["foo"]).unwrap();
    masters[1].kill();
    replicas[1][0].promote();
    wait_until("it listens to the new master", || replicas[1][0].ask(&["PUBLISH", "foo", "news"]).int() == 1);
    let mut heard = false;
    while let Ok(Some(event)) = subscriber.next_timeout(Duration::from_secs(5)) {
        heard |= matches!(event, Event::Message(_));
        if heard {
            break;
        }
    }
    assert!(heard);
}

#[test]
fn threads_that_read_and_write_through_failovers() {
    let (masters, replicas) = servers(2);
    let nodes: Vec<&Server> = [&masters[1]].into_iter().chain(&replicas[1]).collect();
    let cluster = cluster_of(&masters).refresh_every(Duration::from_millis(200)).connect().unwrap();
    cluster.mset([("foo", 0), ("bar", 0)]).unwrap();
    nodes[1..].iter().for_each(|replica| masters[1].wait_for_replica(replica));
    let (stop, reads, writes, refused) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cluster, stop, reads, writes, refused) = (&cluster, &stop, &reads, &writes, &refused);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if thread % 2 == 0 {
                        let found: Option<i64> = cluster.read_from(ReadFrom::Replica).get("foo").unwrap();
                        assert!(found.is_some(), "a key that is always there is missing");
                        reads.fetch_add(1, Ordering::Relaxed);
                    } else {
                        match cluster.incr("foo") {
                            Ok(_) => writes.fetch_add(1, Ordering::Relaxed),
                            Err(error) => {
                                assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
                                refused.fetch_add(1, Ordering::Relaxed)
                            }
                        };
                        cluster.incr("bar").unwrap();
                    }
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        let mut master = 0;
        for _ in 0..4 {
            let written = writes.load(Ordering::Relaxed);
            wait_until("there are writes", || writes.load(Ordering::Relaxed) > written + 50);
            let next = (master + 1) % nodes.len();
            // As Sentinel and `FAILOVER` do it: no write gets lost between the two.
            nodes[master].ask(&["CLIENT", "PAUSE", "1000", "WRITE"]);
            nodes[master].wait_for_replica(nodes[next]);
            nodes[next].promote();
            for node in nodes.iter().enumerate().filter(|(nth, _)| *nth != next).map(|(_, node)| node) {
                node.ask(&["REPLICAOF", "127.0.0.1", &nodes[next].port().to_string()]);
            }
            nodes[master].ask(&["CLIENT", "UNPAUSE"]);
            for node in nodes.iter().enumerate().filter(|(nth, _)| *nth != next).map(|(_, node)| node) {
                wait_until("it follows", || node.field("replication", "master_link_status").as_deref() == Some("up"));
            }
            master = next;
        }
        let written = writes.load(Ordering::Relaxed);
        wait_until("there are writes", || writes.load(Ordering::Relaxed) > written + 50);
    });
    let (reads, writes) = (reads.into_inner(), writes.into_inner());
    println!("{reads} reads, {writes} writes, {} refused", refused.into_inner());
    let count: u64 = cluster.masters_only().get("foo").unwrap();
    assert_eq!(count, writes, "every write that was acknowledged is there, and no other");
}

/// Ends the other threads also when this one fails.
struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn reads_go_on_without_a_master() {
    let (mut masters, replicas) = servers(2);
    let cluster = cluster_of(&masters).refresh_every(Duration::from_millis(100)).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    replicas[1].iter().for_each(|replica| masters[1].wait_for_replica(replica));
    // One that had not what its master has when it was first seen serves from the next refresh on.
    wait_until("both replicas serve", || {
        let topology = cluster.topology();
        let serving = topology.replicas_of(&topology.shards()[1]).len();
        serving == 2
    });
    masters[1].kill();
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
    }
    assert!(cluster.refresh().is_err());
}

#[test]
fn the_thread_finds_what_changes_and_ends_with_the_cluster() {
    let (masters, replicas) = servers(1);
    let cluster = cluster_of(&masters).refresh_every(Duration::from_millis(50)).connect().unwrap();
    let late = Server::replica_of(&masters[0], &[]);
    wait_until("the new replica is found", || {
        let topology = cluster.topology();
        let found =
            topology.replicas_of(&topology.shards()[0]).any(|node| node.address().to_string() == late.address());
        found
    });
    replicas[1][0].promote();
    masters[1].follow(&replicas[1][0]);
    wait_until("the new master is found", || master_of(&cluster, "foo") == replicas[1][0].address());
    drop(cluster);
    let asked = || masters[0].calls("info");
    // Two looks that find the same count, apart from the look itself.
    wait_until("nobody asks any more", || {
        let before = asked();
        std::thread::sleep(Duration::from_millis(300));
        asked() == before + 1
    });
}

#[test]
fn a_new_connection_to_a_master_that_is_a_replica_by_now_leads_to_the_new_one() {
    let (masters, replicas) = servers(1);
    let (old, new) = (&masters[1], &replicas[1][0]);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    old.wait_for_replica(new);
    // The old one follows a server that nobody can reach, so it stays as it was.
    let demote = || {
        new.promote();
        old.ask(&["REPLICAOF", "127.0.0.1", "1"]);
        old.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        new.ask(&["SET", "foo", "2"]);
    };
    demote();
    assert_eq!(cluster.masters_only().get::<_, i64>("foo").unwrap(), 2);
    assert_eq!(master_of(&cluster, "foo"), new.address());

    // The same for what asks several servers, and for what is sent in several ways.
    type Call = fn(&Cluster) -> i64;
    let calls: [(&str, Call); 4] = [
        ("MGET", |cluster| cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap()[0]),
        ("a pipeline", |cluster| {
            let mut pipeline = cluster.pipeline();
            let foo = pipeline.get::<_, i64>("foo");
            pipeline.run().unwrap().get(foo).unwrap()
        }),
        ("a transaction", |cluster| {
            let mut transaction = cluster.transaction();
            let foo = transaction.get::<_, i64>("foo");
            transaction.run().unwrap().get(foo).unwrap()
        }),
        ("a write", |cluster| {
            cluster.incr("foo").unwrap();
            cluster.decr("foo").unwrap()
        }),
    ];
    for (name, call) in calls {
        old.promote();
        new.follow(old);
        let cluster = without_thread(&masters).connect().unwrap().masters_only();
        demote();
        assert_eq!(call(&cluster), 2, "{name}");
        assert_eq!(old.field("replication", "role").as_deref(), Some("slave"));
    }
}

#[test]
fn a_master_that_was_left_by_its_replicas_is_left_for_the_one_that_was_promoted() {
    let (masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    let new = &replicas[1][0];
    masters[1].wait_for_replica(new);
    masters[1].ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    // The old one goes on as a master, and takes no writes.
    new.promote();
    wait_until(
        "the old one refuses",
        || matches!(masters[1].ask(&["SET", "probe", "1"]), Reply::Error(text) if text.starts_with("NOREPLICAS")),
    );
    cluster.set("foo", 2).unwrap();
    assert_eq!((new.ask(&["GET", "foo"]).text(), master_of(&cluster, "foo")), ("2".into(), new.address()));
    cluster.refresh().unwrap();
    assert_eq!(master_of(&cluster, "foo"), new.address(), "and so it stays");
}

#[test]
fn a_master_that_waits_for_its_replicas_is_asked_again() {
    let (masters, replicas) = servers(1);
    let cluster = without_thread(&masters).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    masters[1].ask(&["CONFIG", "SET", "min-replicas-to-write", "2"]);
    let error = cluster.set("foo", 2).unwrap_err();
    assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::NotApplied, 4));
    let refused = || masters[1].field("errorstats", "errorstat_NOREPLICAS");
    let before = refused();
    std::thread::scope(|scope| {
        let patient = cluster.retries(Retries::up_to(1000).pauses(Duration::from_millis(1), Duration::from_millis(5)));
        let call = scope.spawn(move || patient.set("foo", 3));
        wait_until("it is refused", || refused() != before);
        masters[1].ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
        call.join().unwrap().unwrap();
    });
    assert_eq!(masters[1].ask(&["GET", "foo"]).text(), "3");
    assert_eq!(master_of(&cluster, "foo"), masters[1].address(), "its replica is none");
    drop(replicas);
}
