//! A program that forks: what parent and child share does not mix their replies.
#![cfg(unix)]

use fork::{fork, waitpid, Fork};
use rediscluster::prelude::*;
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs `child` in a forked process and `parent` in this one, at the same time.
fn both(child: impl FnOnce(), parent: impl FnOnce()) {
    match fork().unwrap() {
        Fork::Child => {
            // The harness of the tests is the parent's: the child must not return into it, and what it inherited is not
            // its own to drop.
            let done = catch_unwind(AssertUnwindSafe(child));
            std::process::exit(i32::from(done.is_err()));
        }
        Fork::Parent(pid) => {
            parent();
            waitpid(pid).unwrap();
        }
    }
}

/// Writes and reads values that nobody else has, and says so at the end.
fn work(cluster: &Cluster, name: &str) {
    for round in 0..500 {
        let (key, value) = (format!("{name}:{round}"), format!("{name} wrote {round}"));
        cluster.set(&key, &value).unwrap();
        assert_eq!(cluster.get::<_, String>(&key).unwrap(), value);
    }
    cluster.set(format!("{name}:done"), 1).unwrap();
}

#[test]
fn a_child_takes_connections_of_its_own() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).refresh_every(None).connect().unwrap();
    work(&cluster, "before");
    // One of the parent's pool, and the one that asks.
    let is_parents = |server: &Server| server.field("clients", "connected_clients").unwrap() == "2";
    both(|| work(&cluster, "child"), || work(&cluster, "parent"));
    assert_eq!(cluster.exists(["child:done", "parent:done"]).unwrap(), 2);

    // The only connection of a pool is in use while the process forks: the child has room of its own.
    cluster
        .watch(["watched"], |watched| {
            both(|| work(&cluster, "second child"), || {});
            let mut transaction = watched.transaction();
            let mine = transaction.set("watched", "by the parent");
            transaction.run()?.get(mine)
        })
        .unwrap();
    assert_eq!(cluster.exists(["second child:done", "watched"]).unwrap(), 2);
    wait_until("the children's connections are closed", || servers.iter().all(is_parents));
}
