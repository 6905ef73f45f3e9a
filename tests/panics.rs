//! Code of the user that panics in the middle of a call: no place in a pool is lost, and the next call gets its own
//! reply.

use rediscluster::prelude::*;
use rediscluster::{connect_tcp, Address, Connect, Socket, Transport};
use rediscluster::{Args, FromValue, Outcome, Partitioner, Result, Script, ToArg, ValueRef};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};
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

/// Connections that blow up when they are told to, at the ports of the nodes.
#[derive(Clone, Default)]
struct Fuse(Arc<Lit>);

#[derive(Default)]
struct Lit {
    connecting: AtomicBool,
    reading: AtomicBool,
    writing: AtomicBool,
    /// Only connections to this port; 0 for all.
    port: AtomicU16,
    connected: AtomicUsize,
}

impl Lit {
    fn blow_if(&self, lit: &AtomicBool, port: u16) {
        let only = self.port.load(Ordering::SeqCst);
        if lit.load(Ordering::SeqCst) && (only == 0 || only == port) {
            blow();
        }
    }
}

impl Connect for Fuse {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        self.0.connected.fetch_add(1, Ordering::SeqCst);
        self.0.blow_if(&self.0.connecting, address.port());
        let socket = connect_tcp(address, timeout)?;
        let (port, lit, is_asked) = (address.port(), Arc::clone(&self.0), AtomicBool::new(false));
        Ok(Socket::new(Fused { socket, port, lit, is_asked }))
    }
}

struct Fused {
    socket: TcpStream,
    port: u16,
    lit: Arc<Lit>,
    /// Something was written since reading is to blow up.
    is_asked: AtomicBool,
}

impl Transport for Fused {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        self.socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        let read = (&self.socket).read(buffer);
        // Not while a connection that lay unused is looked at: nothing has been asked then.
        if self.is_asked.load(Ordering::SeqCst) {
            self.lit.blow_if(&self.lit.reading, self.port);
        }
        read
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        let wrote = (&self.socket).write(bytes);
        self.is_asked.store(self.lit.reading.load(Ordering::SeqCst), Ordering::SeqCst);
        // When all of it is on its way.
        self.lit.blow_if(&self.lit.writing, self.port);
        wrote
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        self.lit.blow_if(&self.lit.reading, self.port);
    }
}

impl Drop for Fused {
    fn drop(&mut self) {
        self.lit.blow_if(&self.lit.reading, self.port);
    }
}

#[test]
fn a_connector_that_fails_is_an_error_of_the_call() {
    let servers = [Server::start(), Server::start()];
    let fuse = Fuse::default();
    let cluster = cluster_of(&servers).pool_size(1).connector(fuse.clone()).connect().unwrap();
    let lit = &fuse.0;
    lit.port.store(servers[1].port(), Ordering::SeqCst);
    for (name, fuse, outcome) in [
        ("connecting", &lit.connecting, Outcome::NotApplied),
        ("reading", &lit.reading, Outcome::Unknown),
        ("writing", &lit.writing, Outcome::Unknown),
    ] {
        cluster.set("foo", "before").unwrap();
        if name == "connecting" {
            servers[1].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        fuse.store(true, Ordering::SeqCst);
        let error = cluster.set("foo", name).unwrap_err();
        assert_eq!(error.outcome(), outcome, "{name}: {error}");
        assert!(error.to_string().contains("a panic in the connector"), "{name}: {error}");
        assert_eq!(cluster.get::<_, Option<String>>("bar").unwrap(), None, "{name}: the other node is not concerned");
        fuse.store(false, Ordering::SeqCst);
        let told = cluster.get::<_, String>("foo").unwrap();
        assert!(outcome == Outcome::Unknown || told == "before", "{name}: {told}");
        assert!(cluster.pools().iter().all(|pool| pool.open == pool.idle && pool.open <= 1), "{name}");
    }
    // The thread that refreshes lives on: see below. Neither does a start die of it.
    lit.connecting.store(true, Ordering::SeqCst);
    let cluster = cluster_of(&servers).connector(fuse.clone()).connect().unwrap();
    assert_eq!(cluster.unreachable()[0].node.name(), "node_2");
    lit.connecting.store(false, Ordering::SeqCst);
    cluster.set("foo", 1).unwrap();
}

#[test]
fn the_thread_that_refreshes_goes_on() {
    static MOOD: AtomicBool = AtomicBool::new(false);
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let fuse = Fuse::default();
    let map = |told: &Address| match MOOD.load(Ordering::SeqCst) {
        true => blow(),
        false => told.clone(),
    };
    let builder = Cluster::builder().node("node_1", master.address()).connector(fuse.clone()).map_addresses(map);
    let cluster = builder.refresh_every(Duration::from_millis(50)).connect().unwrap();
    let replicas = || {
        let topology = cluster.topology();
        let count = topology.replicas_of(&topology.shards()[0]).len();
        count
    };
    assert_eq!(replicas(), 1);
    for mood in [&MOOD, &fuse.0.connecting, &fuse.0.reading] {
        mood.store(true, Ordering::SeqCst);
        let before = fuse.0.connected.load(Ordering::SeqCst);
        wait_until("it was tried", || {
            // The connections that are kept for asking have to be made anew.
            [&master, &replica].iter().for_each(|server| drop(server.ask(&["CLIENT", "KILL", "TYPE", "normal"])));
            fuse.0.connected.load(Ordering::SeqCst) >= before + 3
        });
        mood.store(false, Ordering::SeqCst);
        replica.promote();
        wait_until("it is seen that the replica is none", || replicas() == 0);
        replica.follow(&master);
        wait_until("it is seen that it is one again", || replicas() == 1);
    }
}

#[test]
fn a_subscriber_hears_of_it_and_goes_on() {
    let servers = [Server::start(), Server::start()];
    let fuse = Fuse::default();
    let cluster = cluster_of(&servers).refresh_every(None).connector(fuse.clone()).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("foo").unwrap();
    fuse.0.port.store(servers[1].port(), Ordering::SeqCst);
    for fuse in [&fuse.0.reading, &fuse.0.connecting] {
        fuse.store(true, Ordering::SeqCst);
        servers[1].ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let event = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(event, Some(rediscluster::Event::Disconnected { .. })), "{event:?}");
        fuse.store(false, Ordering::SeqCst);
        let event = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(event, Some(rediscluster::Event::Reconnected { .. })), "{event:?}");
        assert_eq!(servers[1].ask(&["PUBLISH", "foo", "x"]).int(), 1);
        let event = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(event, Some(rediscluster::Event::Message(_))), "{event:?}");
    }
}

#[test]
fn a_wait_over_two_nodes_ends() {
    let servers = [Server::start(), Server::start()];
    let fuse = Fuse::default();
    let cluster = cluster_of(&servers).connector(fuse.clone()).connect().unwrap();
    fuse.0.port.store(servers[1].port(), Ordering::SeqCst);
    let (ended, ends) = mpsc::channel();
    std::thread::spawn({
        let cluster = cluster.clone();
        move || {
            let popped = cluster.blpop::<_, String, String>(["list{foo}", "list{bar}"], Duration::from_secs(600));
            ended.send(popped.map_err(|error| error.to_string())).unwrap();
        }
    });
    let waits = |server: &Server| server.field("clients", "tracking_clients").as_deref() == Some("1");
    wait_until("it waits on both", || waits(&servers[0]) && waits(&servers[1]));
    fuse.0.reading.store(true, Ordering::SeqCst);
    let told = ends.recv_timeout(Duration::from_secs(30)).expect("an end").unwrap_err();
    assert!(told.contains("a panic in the connector"), "{told}");
    fuse.0.reading.store(false, Ordering::SeqCst);
    servers[1].ask(&["RPUSH", "list", "x"]);
    let popped = cluster.blpop::<_, String, String>(["list{foo}", "list{bar}"], Duration::from_secs(5)).unwrap();
    assert_eq!(popped, Some(("list".to_owned(), "x".to_owned())));
}
