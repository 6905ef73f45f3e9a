//! Clusters that come and go, and fail in every way while they are there, leave nothing behind: no descriptor, no
//! thread, no connection on a server. `CYCLES=10000` makes it long.
//!
//! One test, because it counts what the whole process has.

#![cfg(target_os = "linux")]

use rediscluster::prelude::*;
use rediscluster::{Builder, Cancel, Error, ErrorKind, Protocol, ScanOptions};
use rediscluster_testing::{dead_address, wait_until, Chaos, Fault, Server, Way};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(30);

/// How many descriptors and threads this process has.
fn held() -> (usize, usize) {
    let count = |dir| std::fs::read_dir(dir).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// How much memory this process has, in KiB, the system's pages being of 4 KiB at least.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("resident pages") * 4
}

/// Two servers behind wires.
struct Two {
    servers: [Server; 2],
    wires: [Chaos; 2],
    dead: String,
    /// Of the cycle that runs: they take turns.
    protocol: Protocol,
}

impl Two {
    fn builder(&self) -> Builder {
        let [first, second] = &self.wires;
        let builder = Cluster::builder().node("node_1", first.address()).node("node_2", second.address());
        builder.pool_size(3).protocol(self.protocol)
    }

    fn cluster(&self) -> Cluster {
        self.builder().masters_only(true).connect().unwrap()
    }
}

/// A bit of everything.
fn work(cluster: &Cluster) -> Result<(), Error> {
    cluster.mset([("foo", 1), ("bar", 2)])?;
    cluster.mget::<_, Vec<i64>>(["foo", "bar"])?;
    cluster.rename("foo", "foo2{bar}")?;
    let mut pipeline = cluster.pipeline();
    for nth in 0..20 {
        pipeline.set(format!("k{nth}"), nth);
    }
    pipeline.run()?;
    let mut transaction = cluster.transaction();
    transaction.incr("n");
    transaction.run()?;
    cluster.scan_all(ScanOptions::new()).try_for_each(|found| found.map(drop))
}

type Cycle = fn(&mut Two, usize);

const CYCLES: &[(&str, Cycle)] = &[
    ("work", |two, _| work(&two.cluster()).unwrap()),
    ("many threads", |two, _| {
        let cluster = two.cluster();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| cluster.set("foo", 1).unwrap());
            }
        });
    }),
    ("a server that is not there", |two, _| {
        let builder = || Cluster::builder().node("node_1", two.wires[0].address()).node("node_2", &two.dead);
        assert_eq!(builder().require_all(true).connect().unwrap_err().kind(), ErrorKind::Connect);
        let cluster = builder().connect().unwrap();
        cluster.set("bar", 1).unwrap();
        assert_eq!(cluster.set("foo", 1).unwrap_err().kind(), ErrorKind::Connect);
    }),
    ("a connection that ends", |two, nth| {
        let cluster = two.cluster();
        let way = [Way::ToServer, Way::ToClient][nth % 2];
        two.wires[nth / 2 % 2].set(way, nth * 7 % 300, [Fault::Fin, Fault::Rst][nth / 4 % 2].clone());
        let _ = work(&cluster);
        two.wires[nth / 2 % 2].heal();
        work(&cluster).unwrap();
    }),
    ("a handshake that ends", |two, nth| {
        let way = [Way::ToServer, Way::ToClient][nth % 2];
        two.wires[nth / 2 % 2].set(way, nth * 7 % 50, [Fault::Fin, Fault::Rst][nth / 4 % 2].clone());
        let _ = two.builder().connect();
        assert!(two.wires[nth / 2 % 2].fired() == 1, "nothing was cut");
        two.wires[nth / 2 % 2].heal();
    }),
    ("garbage", |two, nth| {
        let cluster = two.cluster();
        two.wires[nth % 2].set(Way::ToClient, 0, Fault::Insert(b"@\r\n".to_vec()));
        let _ = work(&cluster);
        two.wires[nth % 2].heal();
        work(&cluster).unwrap();
    }),
    ("a black hole", |two, nth| {
        let cluster = two.cluster();
        two.wires[1].set([Way::ToServer, Way::ToClient][nth % 2], 1, Fault::BlackHole);
        let hasty = cluster.deadline(SHORT);
        assert!(hasty.set("foo", 1).is_err() && hasty.set("foo", 1).is_err());
        assert!(hasty.mget::<_, Vec<Option<i64>>>(["foo", "bar"]).is_err());
        assert!(two.builder().deadline(SHORT).require_all(true).connect().is_err());
        two.wires[1].heal();
        work(&cluster).unwrap();
    }),
    ("a frozen server", |two, _| {
        let cluster = two.cluster();
        cluster.set("foo", 1).unwrap();
        two.servers[1].freeze();
        let error = cluster.deadline(SHORT).set("foo", 2).unwrap_err();
        two.servers[1].thaw();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }),
    ("a subscriber", |two, nth| {
        let cluster = two.cluster();
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe(["foo", "bar"]).unwrap();
        cluster.publish("foo", "hello").unwrap();
        assert!(subscriber.next_timeout(Duration::from_secs(5)).unwrap().is_some());
        if nth % 2 == 0 {
            two.servers[1].ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            assert!(subscriber.next_timeout(Duration::from_secs(5)).unwrap().is_some());
        }
    }),
    ("a subscriber of a server that is not there", |two, _| {
        let cluster = Cluster::builder().node("node_1", &two.dead).build().unwrap();
        assert!(cluster.subscriber().subscribe("foo").is_err());
    }),
    ("a wait that is cancelled", |two, _| {
        let cancel = Cancel::new();
        let cluster = two.cluster().cancelled_by(&cancel);
        let wait = Duration::from_secs(20);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| cluster.blpop::<_, String, String>(["list{foo}", "list{bar}"], wait));
            let is_watched = |server: &Server| server.field("clients", "tracking_clients").as_deref() == Some("1");
            wait_until("a server is watched", || two.servers.iter().any(is_watched));
            cancel.cancel();
            assert_eq!(waits.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        });
    }),
    ("a connection of one's own", |two, _| {
        let mut connection = Cluster::builder().protocol(two.protocol).open(two.wires[0].address()).unwrap();
        let _: String = connection.execute(cmd("PING").reply()).unwrap();
        two.servers[0].ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert!(connection.execute(cmd("PING").reply::<String>()).is_err());
    }),
    ("a panic", |two, _| {
        let cluster = two.cluster();
        let blown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cluster.watch("foo", |watched| -> rediscluster::Result<()> {
                watched.get::<_, Option<String>>("foo")?;
                std::panic::resume_unwind(Box::new("on purpose"));
            })
        }));
        assert!(blown.is_err());
        work(&cluster).unwrap();
    }),
    ("a kill", |two, nth| {
        if nth % 8 == 0 {
            let cluster = two.cluster();
            work(&cluster).unwrap();
            let mut subscriber = cluster.subscriber();
            subscriber.subscribe("foo").unwrap();
            two.servers[1].kill();
            assert!(cluster.set("foo", 1).is_err());
            assert!(subscriber.next_timeout(Duration::from_secs(5)).unwrap().is_some());
            two.servers[1].restart();
            work(&cluster).unwrap();
        }
    }),
];

#[test]
fn nothing_is_left_behind() {
    let cycles: usize = std::env::var("CYCLES").map_or(300, |text| text.parse().expect("a number"));
    let servers = [Server::start(), Server::start()];
    let wires = [Chaos::to(servers[0].port()), Chaos::to(servers[1].port())];
    let mut two = Two { servers, wires, dead: dead_address(), protocol: Protocol::Resp2 };
    // What the first time needs for good, such as a thread of the standard library, is no leak.
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        two.protocol = protocol;
        CYCLES.iter().for_each(|(_, cycle)| cycle(&mut two, 0));
    }
    let clients = |server: &Server| server.field("clients", "connected_clients");
    let alone = Some("1".to_owned());
    let is_quiet = |two: &Two| {
        two.servers.iter().all(|server| clients(server) == alone) && two.wires.iter().all(|wire| wire.open() == 0)
    };
    wait_until("the servers have no clients left", || is_quiet(&two));
    // A thread that has ended may be listed a little longer.
    let mut before = held();
    wait_until("nothing changes any more", || std::mem::replace(&mut before, held()) == before);
    let (begin, memory_before) = (Instant::now(), memory());
    for nth in 0..cycles {
        let (name, cycle) = CYCLES[nth % CYCLES.len()];
        // What a cycle does depends on its number as well, so that each of that is done in both.
        two.protocol = [Protocol::Resp2, Protocol::Resp3][nth / CYCLES.len() / 8 % 2];
        cycle(&mut two, nth / CYCLES.len());
        // Half a round later, so that a leak is found while it is small, and by its name.
        if nth % (CYCLES.len() * 5) == 0 {
            let now = held();
            assert!(now.0 < before.0 + 100 && now.1 < before.1 + 50, "after {name}: {now:?}, before {before:?}");
        }
    }
    wait_until("the servers have no clients left", || is_quiet(&two));
    let mut after = held();
    wait_until(&format!("descriptors and threads are back: {before:?}, {after:?}"), || {
        after = held();
        after == before
    });
    println!("{cycles} cycles in {:?}, descriptors and threads {before:?} before, {after:?} after", begin.elapsed());
    let memory_after = memory();
    println!("{memory_before} KiB of memory before, {memory_after} KiB after");
    // Threads that came and went may keep some; what leaks a kilobyte in each of ten thousand cycles is more than this.
    assert!(memory_after < memory_before + (8 << 10), "{memory_before} KiB before, {memory_after} KiB after");
}
