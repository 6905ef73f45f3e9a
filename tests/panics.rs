//! Code of the user that panics in the middle of a call: no place in a pool is lost, and the next call gets its own
//! reply.

use rediscluster::prelude::*;
use rediscluster::{Args, FromValue, Partitioner, Result, Script, ToArg, ValueRef};
use rediscluster_testing::{cluster_of, Server};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Not by `panic!`, which would fill the output with what is meant to happen.
fn blow() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// A reply that cannot be read.
#[derive(Debug)]
struct Explosive;

impl FromValue for Explosive {
    fn from_value(_: ValueRef<'_>) -> Result<Explosive> {
        blow()
    }
}

/// An argument that cannot be written.
struct Unwritable;

impl ToArg for Unwritable {
    fn write_arg(&self, _: &mut Args) {
        blow()
    }
}

/// Runs it, and sees that it panicked and what that left.
#[track_caller]
fn blows<T>(cluster: &Cluster, name: &str, body: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(body)).is_err(), "{name} does not panic");
    for pool in cluster.pools() {
        assert!(pool.open == pool.idle && pool.open <= 1 && pool.waiting == 0, "{name}: {pool:?}");
    }
    // With one connection to each server a lost place would be noticed here.
    for round in 0..3 {
        let (first, second) = (format!("bar {name} {round}"), format!("foo {name} {round}"));
        cluster.mset([("bar", &first), ("foo", &second)]).unwrap();
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), second, "{name}");
        assert_eq!(cluster.mget::<_, Vec<String>>(["bar", "foo"]).unwrap(), [first, second], "{name}");
    }
}

fn two() -> ([Server; 2], Cluster) {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(5)).connect().unwrap();
    cluster.mset([("foo", "f"), ("bar", "b")]).unwrap();
    (servers, cluster)
}

#[test]
fn replies_that_cannot_be_read() {
    let (servers, cluster) = two();
    let cluster = &cluster;
    blows(cluster, "GET", || cluster.get::<_, Explosive>("foo"));
    blows(cluster, "MGET", || cluster.mget::<_, Vec<Explosive>>(["foo", "bar"]));
    blows(cluster, "a large reply", || {
        cluster.set("large", vec![b'x'; 1 << 20]).unwrap();
        cluster.get::<_, Explosive>("large")
    });
    blows(cluster, "a named server", || cluster.on("node_1").unwrap().get::<_, Explosive>("bar"));
    blows(cluster, "each master", || cluster.on_each_master().get::<_, Explosive>("bar"));
    blows(cluster, "a script", || Script::new("return 1").call().key("foo").run::<Explosive>(cluster));
    blows(cluster, "a pipeline", || {
        let mut pipeline = cluster.pipeline();
        let slot = pipeline.get::<_, Explosive>("foo");
        pipeline.incr("n{bar}");
        pipeline.run().unwrap().get(slot)
    });
    blows(cluster, "a transaction", || {
        let mut transaction = cluster.transaction();
        let slot = transaction.get::<_, Explosive>("foo");
        transaction.run().unwrap().get(slot)
    });
    blows(cluster, "what is watched", || cluster.watch("foo", |watched| watched.get::<_, Explosive>("foo")));
    blows(cluster, "a wait", || {
        servers[1].ask(&["RPUSH", "list", "x"]);
        cluster.blpop::<_, String, Explosive>("list{foo}", Duration::from_secs(1))
    });
    blows(cluster, "a wait over two nodes", || {
        servers[1].ask(&["RPUSH", "list", "x"]);
        cluster.blpop::<_, String, Explosive>(["list{foo}", "list{bar}"], Duration::from_secs(1))
    });
    blows(cluster, "a message", || {
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe("foo").unwrap();
        servers[1].ask(&["PUBLISH", "foo", "x"]);
        match subscriber.next_timeout(Duration::from_secs(5)).unwrap() {
            Some(rediscluster::Event::Message(message)) => message.payload::<Explosive>(),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn closures_that_end_early() {
    let (_servers, cluster) = two();
    let cluster = &cluster;
    blows(cluster, "before anything was read", || cluster.watch("foo", |_| -> Result<()> { blow() }));
    blows(cluster, "after a read", || {
        cluster.watch("foo", |watched| -> Result<()> {
            watched.get::<_, String>("foo")?;
            blow()
        })
    });
    blows(cluster, "with a transaction begun", || {
        cluster.watch("foo", |watched| -> Result<()> {
            let mut transaction = watched.transaction();
            transaction.incr("n{foo}");
            blow()
        })
    });
    blows(cluster, "after the transaction", || {
        cluster.watch("foo", |watched| -> Result<()> {
            let mut transaction = watched.transaction();
            transaction.incr("n{foo}");
            transaction.run()?;
            blow()
        })
    });
    assert_eq!(cluster.get::<_, Option<i64>>("n{foo}").unwrap(), Some(1), "only the one that ran");
    blows(cluster, "in the middle of a scan", || {
        let mut scan = cluster.scan_all(rediscluster::ScanOptions::new());
        scan.next().map(|_| -> () { blow() })
    });
    blows(cluster, "a pipeline that is never run", || {
        let mut pipeline = cluster.pipeline();
        pipeline.incr("n{foo}");
        blow()
    });
}

#[test]
fn arguments_that_cannot_be_written() {
    let (_servers, cluster) = two();
    let cluster = &cluster;
    blows(cluster, "a value", || cluster.set("foo", Unwritable));
    blows(cluster, "a key", || cluster.get::<_, String>(Unwritable));
    blows(cluster, "in a pipeline", || cluster.pipeline().set("foo", Unwritable));
    blows(cluster, "in what is watched", || cluster.watch("foo", |watched| watched.set("foo", Unwritable)));
    blows(cluster, "a place", || cluster.node_for(Unwritable));
}

/// Something to call, whatever comes of it.
type Call = fn(&Cluster);

/// Places keys until it is told to blow up.
struct Moody(&'static AtomicBool);

impl Partitioner for Moody {
    fn node_index(&self, hashed: &[u8], nodes: usize) -> usize {
        if self.0.load(Ordering::SeqCst) {
            blow();
        }
        rediscluster::Crc32Modulo.node_index(hashed, nodes)
    }
}

#[test]
fn a_partitioner_that_fails() {
    static MOOD: AtomicBool = AtomicBool::new(false);
    let servers = [Server::start(), Server::start()];
    let builder = cluster_of(&servers).partitioner(Moody(&MOOD));
    let cluster = builder.pool_size(1).connect().unwrap();
    let calls: [(&str, Call); 4] = [
        ("SET", |cluster| drop(cluster.set("foo", 1))),
        ("RENAME", |cluster| drop(cluster.rename("foo", "bar"))),
        ("MGET", |cluster| drop(cluster.mget::<_, Vec<Option<String>>>(["foo", "bar"]))),
        ("a pipeline", |cluster| {
            cluster.pipeline().set("foo", 1);
        }),
    ];
    for (name, call) in calls {
        blows(&cluster, name, || {
            MOOD.store(true, Ordering::SeqCst);
            let blown = catch_unwind(AssertUnwindSafe(|| call(&cluster)));
            MOOD.store(false, Ordering::SeqCst);
            blown.unwrap_or_else(|panic| resume_unwind(panic))
        });
    }
}

#[test]
fn a_thread_that_dies_takes_nothing_from_the_others() {
    let (_servers, cluster) = two();
    let blown = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..20).map(|_| scope.spawn(|| cluster.mget::<_, Vec<Explosive>>(["foo", "bar"]))).collect();
        threads.into_iter().map(|thread| thread.join()).filter(std::result::Result::is_err).count()
    });
    assert_eq!(blown, 20, "nobody waited for a place in vain");
    blows(&cluster, "twenty threads", || blow());
}
