//! A replica serves reads once it has what its master had when this program first saw it, and not before.

use rediscluster::prelude::*;
use rediscluster::{Builder, Cluster, ErrorKind, Observer, ObserverEvent};
use rediscluster_testing::{wait_until, Server};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn without_thread(master: &Server) -> Builder {
    Cluster::builder().node("node_1", master.address()).refresh_every(None).deadline(Duration::from_secs(2))
}

fn replicas_of(cluster: &Cluster) -> usize {
    let topology = cluster.topology();
    let count = topology.replicas_of(&topology.shards()[0]).len();
    count
}

fn write(master: &Server, first: usize, count: usize) {
    let mut talk = master.talk(Duration::from_secs(10)).unwrap();
    for nth in first..first + count {
        talk.call(&["SET", &format!("key:{nth}"), &nth.to_string()]).unwrap();
    }
}

#[test]
fn no_key_is_missing_right_after_replicas_are_attached() {
    let master = Server::start();
    let mut replicas = Vec::new();
    let (mut written, mut reads) = (0, 0);
    for round in 0..4 {
        replicas.push(Server::replica_of(&master, &[]));
        // Its master sends it nothing before it has acknowledged for the first time.
        write(&master, written, 1_000);
        written += 1_000;
        let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
        for nth in 0..written {
            let found: Option<usize> = cluster.get(format!("key:{nth}")).unwrap();
            assert_eq!(found, Some(nth), "key:{nth} in round {round}");
            reads += 1;
        }
        wait_until("all replicas serve", || replicas_of(&cluster) == replicas.len());
        let before: u64 = replicas.iter().map(|replica| replica.calls("get")).sum();
        (0..20).for_each(|nth| assert_eq!(cluster.get::<_, usize>(format!("key:{nth}")).unwrap(), nth));
        let after: u64 = replicas.iter().map(|replica| replica.calls("get")).sum();
        assert_eq!(after - before, 20, "now they serve");
    }
    assert!(reads > 3_000);
}

#[test]
fn a_replica_that_was_restarted_from_an_old_file_while_its_master_was_dead_does_not_serve() {
    let mut master = Server::start();
    let mut old = Server::replica_of(&master, &["--dbfilename", "old.rdb"]);
    let sound = Server::replica_of(&master, &[]);
    write(&master, 0, 10);
    master.wait_for_replica(&old);
    old.ask(&["SAVE"]);
    write(&master, 10, 10);
    master.ask(&["SET", "key:0", "new"]);
    [&old, &sound].iter().for_each(|replica| master.wait_for_replica(replica));
    let cluster = without_thread(&master).connect().unwrap();
    let read = |key: &str| cluster.get::<_, Option<String>>(key);
    for _ in 0..4 {
        assert_eq!(read("key:0").unwrap().as_deref(), Some("new"));
    }
    master.kill();
    old.restart();
    assert_eq!(old.ask(&["GET", "key:0"]).text(), "0", "it has old data");
    for refreshed in [false, true] {
        if refreshed {
            cluster.refresh().unwrap_err();
            assert_eq!(replicas_of(&cluster), 1, "{:?}", cluster.topology());
        }
        for _ in 0..50 {
            assert_eq!(read("key:0").unwrap().as_deref(), Some("new"), "refreshed: {refreshed}");
            assert_eq!(read("key:15").unwrap().as_deref(), Some("15"), "refreshed: {refreshed}");
        }
    }
    // Nobody is better than one without the data.
    drop(sound);
    for _ in 0..10 {
        assert_eq!(read("key:15").unwrap_err().kind(), ErrorKind::Connect);
    }
    assert_eq!(old.calls("get"), 1, "the look of this test");
}

#[test]
fn a_replica_that_follows_another_master_does_not_serve() {
    let (master, other) = (Server::start(), Server::start());
    let replica = Server::replica_of(&master, &[]);
    write(&master, 0, 10);
    master.wait_for_replica(&replica);
    let asleep = without_thread(&master).connect().unwrap();
    let every = Duration::from_millis(200);
    let awake = without_thread(&master).refresh_every(every).connect().unwrap();
    let read = |cluster: &Cluster| cluster.get::<_, Option<usize>>("key:3").unwrap();
    assert_eq!((read(&asleep), read(&awake)), (Some(3), Some(3)));
    replica.follow(&other);
    assert_eq!(replica.ask(&["DBSIZE"]).int(), 0);
    // Connections stay open, so that is found by the next refresh.
    wait_until("the replica is left", || replicas_of(&awake) == 0);
    assert_eq!(read(&awake), Some(3));
    // A new connection finds it at once.
    replica.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    for _ in 0..50 {
        assert_eq!(read(&asleep), Some(3));
    }
    // It comes back when it has the data.
    replica.follow(&master);
    wait_until("it serves again", || {
        assert_eq!((read(&asleep), read(&awake)), (Some(3), Some(3)));
        let before = replica.calls("get");
        read(&asleep);
        replica.calls("get") > before
    });
    wait_until("it is found again", || replicas_of(&awake) == 1);
}

#[test]
fn a_replica_serves_without_a_mark_only_where_it_was_given() {
    let mut master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    write(&master, 0, 10);
    master.wait_for_replica(&replica);
    master.kill();
    wait_until("it has noticed", || replica.field("replication", "master_link_status").as_deref() == Some("down"));
    // The master is dead since before these begin.
    let given = without_thread(&master).node("r", replica.address()).master_of("node_1", "r").build().unwrap();
    given.refresh().unwrap_err();
    assert_eq!(given.get::<_, usize>("key:3").unwrap(), 3);
    let alone = without_thread(&master).build().unwrap();
    alone.refresh().unwrap_err();
    assert_eq!(alone.get::<_, usize>("key:3").unwrap_err().kind(), ErrorKind::Connect);
    // Trust ends with the first word of the master, here one that has lost everything.
    master.restart();
    given.refresh().unwrap();
    assert_eq!(given.masters_only().get::<_, Option<usize>>("key:3").unwrap(), None);
}

/// Counts what may happen to replicas.
#[derive(Default)]
struct Changes(AtomicUsize);

impl Observer for Changes {
    fn event(&self, event: &ObserverEvent<'_>) {
        if matches!(event, ObserverEvent::TopologyChanged { .. } | ObserverEvent::ReplicaEjected { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn replicas_in_step_do_not_drop_out_at_refreshes_while_their_master_takes_writes() {
    let master = Server::start();
    let replicas = [Server::replica_of(&master, &[]), Server::replica_of(&master, &[])];
    write(&master, 0, 10);
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    let changes = Arc::new(Changes::default());
    let cluster = without_thread(&master).observer(Arc::clone(&changes)).connect().unwrap();
    assert_eq!(replicas_of(&cluster), 2);
    changes.0.store(0, Ordering::SeqCst);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let value = "x".repeat(5_000);
                while !stop.load(Ordering::Relaxed) {
                    let mut pipeline = cluster.pipeline();
                    for nth in 0..200 {
                        pipeline.set(format!("busy:{nth}"), &value);
                    }
                    pipeline.run().unwrap();
                }
            });
        }
        let (mut behind, began) = (0, Instant::now());
        for _ in 0..60 {
            let offset = |server: &Server, name| server.field("replication", name).unwrap().parse::<u64>().unwrap();
            let has = offset(&replicas[0], "slave_repl_offset");
            behind += usize::from(has < offset(&master, "master_repl_offset"));
            cluster.refresh().unwrap();
            assert_eq!(replicas_of(&cluster), 2, "{:?}", cluster.topology());
            assert_eq!(cluster.get::<_, usize>("key:3").unwrap(), 3);
        }
        stop.store(true, Ordering::Relaxed);
        println!("behind in {behind} of 60 looks, {:?}", began.elapsed());
    });
    assert_eq!(changes.0.load(Ordering::SeqCst), 0);
}

#[test]
fn replicas_serve_again_after_their_master_was_restarted() {
    // A disk that is busy must not lose what was written before the server was killed.
    let mut master = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let replica = Server::replica_of(&master, &[]);
    write(&master, 0, 100);
    master.wait_for_replica(&replica);
    let cluster = without_thread(&master).connect().unwrap();
    assert_eq!(cluster.get::<_, usize>("key:3").unwrap(), 3);
    // It begins another history, at nothing: far behind what was known of the one before.
    master.restart();
    wait_until("the replica is back", || {
        replica.field("replication", "master_link_status").as_deref() == Some("up")
            && master.info("replication").contains("state=online")
    });
    wait_until("it serves", || {
        cluster.refresh().unwrap();
        assert_eq!(cluster.get::<_, usize>("key:3").unwrap(), 3);
        replicas_of(&cluster) == 1
    });
}

#[test]
fn a_replica_is_asked_who_it_is_by_new_connections_and_refreshes_only() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    write(&master, 0, 10);
    master.wait_for_replica(&replica);
    let cluster = without_thread(&master).connect().unwrap();
    let asked = || (master.calls("info"), replica.calls("info"));
    // The look itself is one.
    let looks = |(master, replica): (u64, u64)| (master + 1, replica + 1);
    let connected = asked();
    for _ in 0..5 {
        assert_eq!(cluster.get::<_, usize>("key:3").unwrap(), 3);
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let read = asked();
    let (of_master, of_replica) = looks(connected);
    assert_eq!(read, (of_master, of_replica + 2), "one question of two commands, for the new connection");
    assert_eq!(replica.calls("get"), 5);
    // A refresh is one question to each, and no new connection.
    let connections = || -> (u64, u64) {
        let of = |server: &Server| server.field("stats", "total_connections_received").unwrap().parse().unwrap();
        (of(&master), of(&replica))
    };
    cluster.refresh().unwrap();
    let before = (asked(), connections());
    cluster.refresh().unwrap();
    let after = (asked(), connections());
    // Between the looks at the same count lie one look of its kind and one of the other.
    assert_eq!((after.0 .0 - before.0 .0, after.0 .1 - before.0 .1), (2 + 2, 2 + 2));
    assert_eq!((after.1 .0 - before.1 .0, after.1 .1 - before.1 .1), (2, 2), "the looks have connections of their own");
}
