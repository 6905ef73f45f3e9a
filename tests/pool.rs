//! The pool of a server: bounded, fair, and counted.

use rediscluster::prelude::*;
use rediscluster::ErrorKind;
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::time::Duration;

#[test]
fn calls_are_served_in_the_order_in_which_they_came() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    let status = || cluster.pools().remove(0);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        for number in 0..8 {
            let cluster = &cluster;
            scope.spawn(move || cluster.rpush("order", [number]).unwrap());
            wait_until("it waits", || status().waiting == number + 1);
        }
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
    });
    let order: Vec<usize> = cluster.lrange("order", 0, -1).unwrap();
    assert_eq!(order, (0..8).collect::<Vec<_>>(), "first come, first served");
    let status = status();
    assert_eq!((status.open, status.idle, status.waiting, status.opened), (1, 1, 0, 1));
    assert_eq!((status.waited, status.timed_out), (8, 0));
}

#[test]
fn who_gives_up_does_not_keep_the_next_one_waiting() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    let status = || cluster.pools().remove(0);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let hurried = cluster.deadline(Duration::from_millis(200));
        let error = scope.spawn(move || hurried.set("foo", 1).unwrap_err());
        wait_until("the first waits", || status().waiting == 1);
        let patient = scope.spawn(|| cluster.set("foo", 2));
        wait_until("the second waits", || status().waiting == 2);
        let error = error.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{error}");
        assert_eq!(status().waiting, 1);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
        patient.join().unwrap().unwrap();
    });
    assert_eq!((status().waited, status().timed_out), (2, 1));
}

#[test]
fn never_more_than_its_size_and_none_is_lost() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(3).deadline(Duration::from_secs(60)).connect().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            let cluster = cluster.clone();
            scope.spawn(move || (0..100).for_each(|_| assert!(cluster.incr("count").is_ok())));
        }
    });
    assert_eq!(cluster.get::<_, i64>("count").unwrap(), 2_400);
    let status = cluster.pools().remove(0);
    assert!(status.open <= 3 && status.opened <= 3 && status.idle == status.open, "{status:?}");
}

#[test]
fn a_server_that_refuses_leaves_no_places_taken() {
    let mut servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(2).connect().unwrap();
    servers[0].kill();
    for _ in 0..10 {
        let error = cluster.set("foo", 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    }
    let status = cluster.pools().remove(0);
    assert_eq!((status.open, status.idle, status.waiting), (0, 0, 0));
    assert!(status.opened >= 10, "{status:?}");
}

#[test]
fn a_server_keeps_its_pool_when_its_role_changes() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
    let pool = |server: &Server| {
        let pools = cluster.pools();
        pools.into_iter().find(|pool| pool.node.address().to_string() == server.address()).expect("a pool")
    };
    let before = pool(&replica);
    assert_eq!((before.opened, before.idle), (1, 1));
    assert!(before.node.name().starts_with("node_1/"), "{}", before.node.name());
    replica.promote();
    master.follow(&replica);
    // A call finds it, or a refresh: then the one that was demoted keeps its own as well.
    cluster.refresh().unwrap();
    let (promoted, demoted) = (pool(&replica), pool(&master));
    assert_eq!((promoted.opened, promoted.idle, promoted.node.name()), (1, 1, "node_1"));
    assert!(demoted.opened == 1 && demoted.node.name().starts_with("node_1/"), "{demoted:?}");
    cluster.set("foo", 2).unwrap();
    assert_eq!(pool(&replica).opened, 1, "it is warm");
    // What fails on a connection of before is told of the server as it is called now, so that its master is looked for.
    let error = cluster.lpush("foo", ["x"]).unwrap_err();
    assert_eq!(error.node(), Some(format!("node_1 ({})", replica.address()).as_str()));
    // One that was demoted is asked whether it is in step before it serves.
    replica.wait_for_replica(&master);
    let asked = master.calls("info");
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 2);
    assert_eq!((master.calls("info"), master.calls("get"), pool(&master).opened), (asked + 2, 1, 1));
    // And the way back, which a call finds.
    master.promote();
    replica.follow(&master);
    cluster.set("foo", 3).unwrap();
    let back = pool(&master);
    assert_eq!((back.opened, back.idle, back.node.name()), (1, 1, "node_1"));
}
