//! A program that forks: what parent and child share does not mix their replies.
#![cfg(unix)]

use fork::{fork, waitpid, Fork};
use rediscluster::prelude::*;
use rediscluster::{Event, Observer, ObserverEvent, Subscriber};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `child` in a forked process and `parent` in this one, at the same time.
fn both(child: impl FnOnce() + Send, parent: impl FnOnce()) {
    match fork().unwrap() {
        Fork::Child => {
            // The harness of the tests is the parent's: the child must not return into it, and what it inherited is not
            // its own to drop.
            let (sender, done) = mpsc::channel();
            thread::scope(|scope| {
                scope.spawn(move || sender.send(catch_unwind(AssertUnwindSafe(child)).is_ok()));
                let is_done = done.recv_timeout(PATIENCE).unwrap_or(false);
                std::process::exit(i32::from(!is_done));
            })
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
    // One of the parent's pool, the one that asks who its server is, and the one that asks here.
    let is_parents = |server: &Server| server.field("clients", "connected_clients").unwrap() == "3";
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

#[test]
fn a_child_that_calls_at_once_has_connections_of_its_own() {
    const CHILDREN: usize = 200;
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).refresh_every(None).connect().unwrap();
    let opened = |cluster: &Cluster| cluster.pools()[0].opened;
    for _ in 0..CHILDREN {
        // Between the parent's last reply and the child's first call lies nothing but the fork.
        cluster.incr("parents").unwrap();
        match fork().unwrap() {
            Fork::Child => {
                let call = || {
                    cluster.incr("childrens").unwrap();
                    cluster.rpush("opened", [opened(&cluster)]).unwrap();
                };
                std::process::exit(i32::from(catch_unwind(AssertUnwindSafe(call)).is_err()));
            }
            Fork::Parent(child) => waitpid(child).unwrap(),
        }
    }
    assert_eq!(opened(&cluster), 1, "the parent goes on with what it has");
    let childrens: Vec<u64> = cluster.lrange("opened", 0, -1).unwrap();
    assert_eq!(childrens, [2; CHILDREN], "each child has opened a connection");
}

/// Looks at the pools whenever anything happens, as no lock is held then.
#[derive(Default)]
struct Curious {
    cluster: OnceLock<Cluster>,
    connecting: AtomicUsize,
}

impl Observer for Curious {
    fn event(&self, event: &ObserverEvent<'_>) {
        if let Some(cluster) = self.cluster.get() {
            assert!(!cluster.pools().is_empty());
        }
        if let ObserverEvent::ConnectionOpened { .. } = event {
            self.connecting.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn a_child_holds_no_lock_while_it_lets_go_of_connections() {
    let servers = [Server::start(), Server::start()];
    let observer = Arc::new(Curious::default());
    let builder = cluster_of(&servers).refresh_every(None).observer(Arc::clone(&observer));
    let cluster = builder.connect().unwrap();
    observer.cluster.set(cluster.clone()).unwrap();
    work(&cluster, "before");
    both(|| work(&cluster, "child"), || {});
    assert_eq!(cluster.exists(["child:done"]).unwrap(), 1);
}

#[test]
fn a_child_leaves_subscribers_to_its_parent() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    let mut subscriber = Some(cluster.subscriber());
    subscriber.as_mut().unwrap().subscribe("news").unwrap();
    let stopper = subscriber.as_ref().unwrap().stopper();
    let hears = |subscriber: &mut Option<Subscriber>| {
        assert_eq!(master.ask(&["PUBLISH", "news", "x"]).int(), 1);
        let event = subscriber.as_mut().unwrap().next_timeout(Duration::from_secs(5)).unwrap();
        assert!(matches!(event, Some(Event::Message(_))), "{event:?}");
    };
    hears(&mut subscriber);
    both(
        || {
            stopper.stop();
            drop(subscriber.take());
            cluster.set("child", "dropped").unwrap();
        },
        || {},
    );
    hears(&mut subscriber);
    // The child follows another master, and the parent has not heard of it yet.
    master.wait_for_replica(&replica);
    replica.promote();
    master.ask(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]);
    both(|| cluster.set("child", "moved").unwrap(), || {});
    hears(&mut subscriber);
    assert_eq!(replica.ask(&["GET", "child"]).text(), "moved");
}

#[test]
fn a_child_does_not_wait_for_threads_that_its_parent_has() {
    let servers = [Server::start(), Server::start()];
    let observer = Arc::new(Curious::default());
    let builder = cluster_of(&servers).deadline(Duration::from_secs(2)).observer(Arc::clone(&observer));
    let cluster = builder.refresh_every(Some(Duration::from_millis(20))).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    servers[1].freeze();
    // Each refresh connects to both servers, and then waits for the second one.
    let before = observer.connecting.load(Ordering::SeqCst);
    wait_until("it is asked", || observer.connecting.load(Ordering::SeqCst) >= before + 3);
    both(
        || {
            assert!(cluster.refresh().is_err());
            cluster.set("bar", 2).unwrap();
        },
        || {},
    );
    assert_eq!(servers[0].ask(&["GET", "bar"]).text(), "2");
}

#[test]
fn a_child_asks_itself_who_the_master_is() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let builder = Cluster::builder().node("node_1", master.address()).deadline(Duration::from_secs(20));
    let cluster = builder.connect_timeout(Duration::from_secs(1)).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    master.freeze();
    replica.freeze();
    // A thread of the parent asks from here on.
    assert!(cluster.deadline(Duration::from_secs(1)).set("foo", 0).is_err());
    both(
        || {
            replica.thaw();
            replica.promote();
            wait_until("the child has followed", || cluster.set("foo", 2).is_ok());
        },
        || {},
    );
    assert_eq!(replica.ask(&["GET", "foo"]).text(), "2");
}
