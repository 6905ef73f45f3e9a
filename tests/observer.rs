//! What an observer is told, what it is never told, and that it can break nothing.

use rediscluster::prelude::*;
use rediscluster::{Builder, ErrorKind, Observer, ObserverEvent, Retries, Script, Value};
use rediscluster_testing::{cluster_of, dead_address, greet, wait_until, ScriptedPeer, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Writes down what it is told, without the durations.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    /// What came since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Log {
    fn event(&self, event: &ObserverEvent<'_>) {
        let names = |nodes: &[&rediscluster::Node]| nodes.iter().map(|node| node.name()).collect::<Vec<_>>().join("+");
        let line = match event {
            ObserverEvent::ConnectionOpened { node, .. } => format!("opened {}", node.name()),
            ObserverEvent::ConnectionFailed { node, error, .. } => format!("failed {} {error:?}", node.name()),
            ObserverEvent::ConnectionClosed { node, why, .. } => format!("closed {} {why:?}", node.name()),
            ObserverEvent::Timeout { node, phase, .. } => format!("timeout {} {phase}", node.name()),
            ObserverEvent::Retry { node, command, attempt, error, .. } => {
                format!("retry {} {command} {attempt} {error:?}", node.name())
            }
            ObserverEvent::PoolWait { node, timed_out, .. } => format!("waited {} {timed_out}", node.name()),
            ObserverEvent::TopologyChanged { before, after, .. } => {
                format!("topology {} {}", before.servers().len(), after.servers().len())
            }
            ObserverEvent::Command { command, nodes, request_bytes, reply_bytes, failure, .. } => {
                let failure = failure.map_or(String::new(), |(kind, outcome)| format!(" {kind:?} {outcome:?}"));
                format!("{command} {} {request_bytes} {reply_bytes}{failure}", names(nodes))
            }
            ObserverEvent::Pipeline { commands, failed, nodes, request_bytes, reply_bytes, .. } => {
                format!("pipeline {commands} {failed} {} {request_bytes} {reply_bytes}", names(nodes))
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

fn watched(builder: Builder) -> (Arc<Log>, Cluster) {
    let log = Arc::new(Log::default());
    let cluster = builder.masters_only(true).observer(Arc::clone(&log)).build().unwrap();
    (log, cluster)
}

#[test]
fn a_command_is_told_with_its_nodes_and_its_bytes() {
    let servers = [Server::start(), Server::start()];
    let (log, cluster) = watched(cluster_of(&servers));
    cluster.set("foo", "bar").unwrap();
    assert_eq!(log.take(), ["opened node_2", "SET node_2 31 5"]);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    assert_eq!(log.take(), ["GET node_2 22 9"]);
    assert!(cluster.lpush("foo", ["x"]).is_err());
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n".len();
    assert_eq!(log.take(), [format!("LPUSH node_2 31 {wrong} WrongType NotApplied")]);
    cluster.mget::<_, Vec<Value>>(["foo", "bar"]).unwrap();
    assert_eq!(log.take(), ["opened node_1", "MGET node_1+node_2 46 22"]);
    cluster.rename("foo", "bar").unwrap();
    let rename = log.take();
    assert!(rename.len() == 1 && rename[0].starts_with("RENAME node_"), "{rename:?}");
    assert!(rename[0].contains("node_1") && rename[0].contains("node_2"), "{rename:?}");
    // What is refused before it is sent was asked of nobody.
    assert!(cluster.execute(cmd("EVAL").args_of(["return 1", "2", "foo", "bar"])).is_err());
    assert_eq!(log.take(), ["EVAL  0 0 CrossNode NotApplied"]);
    assert!(cluster.get::<_, i64>("bar").is_err());
    assert_eq!(log.take(), ["GET node_1 22 9 Reply Applied"]);
}

#[test]
fn every_kind_of_call_is_told_once() {
    let servers = [Server::start(), Server::start()];
    let (log, cluster) = watched(cluster_of(&servers));
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    log.take();
    let mut pipeline = cluster.pipeline();
    pipeline.incr("foo");
    pipeline.lpush("foo", ["x"]);
    pipeline.del(["foo", "bar"]);
    assert_eq!(pipeline.run_each().len(), 3);
    let told = log.take();
    assert!(told.len() == 1 && told[0].starts_with("pipeline 3 1 node_1+node_2 "), "{told:?}");
    let mut transaction = cluster.transaction();
    transaction.incr("foo");
    transaction.run().unwrap();
    // MULTI, INCR and EXEC; OK, QUEUED and an array.
    assert_eq!(log.take(), ["EXEC node_2 52 22"]);
    cluster
        .watch(["foo"], |watched| {
            let _: i64 = watched.get("foo")?;
            let mut transaction = watched.transaction();
            transaction.incr("foo");
            transaction.run().map(drop)
        })
        .unwrap();
    assert_eq!(log.take(), ["EXEC node_2 52 22"]);
    cluster.on("node_1").unwrap().dbsize().unwrap();
    assert_eq!(log.take(), ["DBSIZE node_1 16 4"]);
    cluster.on_each_master().dbsize().unwrap();
    assert_eq!(log.take(), ["DBSIZE node_1+node_2 32 8"]);
    static SCRIPT: Script = Script::new("return 1");
    assert_eq!(SCRIPT.call().key("foo").run::<i64>(&cluster).unwrap(), 1);
    let told = log.take();
    assert!(told.len() == 1 && told[0].starts_with("EVALSHA node_2 "), "{told:?}");
    assert_eq!(cluster.scan_all(rediscluster::ScanOptions::new()).count(), 1);
    let told = log.take();
    assert!(told.len() == 2 && told.iter().all(|line| line.starts_with("SCAN node_")), "{told:?}");
}

#[test]
fn connections_are_told_and_each_is_closed_once() {
    let servers = [Server::start()];
    let (log, cluster) = watched(cluster_of(&servers));
    // Two connections.
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.blpop::<_, Value, Value>(["list"], Duration::from_secs(60)).unwrap());
        wait_until("it waits", || servers[0].field("clients", "blocked_clients").as_deref() == Some("1"));
        cluster.rpush("list", ["x"]).unwrap();
    });
    let told = log.take();
    assert_eq!(told.iter().filter(|line| *line == "opened node_1").count(), 2, "{told:?}");
    servers[0].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    // Each is looked at before it is used again.
    cluster.incr("n").unwrap();
    let dead = "closed node_1 FoundDead";
    assert_eq!(log.take(), [dead, dead, "opened node_1", "INCR node_1 21 4"]);
    drop(cluster);
    assert_eq!(log.take(), ["closed node_1 Released"]);
}

#[test]
fn a_connection_that_dies_under_a_read_is_told_with_the_retry() {
    let asked = AtomicUsize::new(0);
    let peer = ScriptedPeer::master(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        1 => Vec::new(),
        _ => b"$-1\r\n".to_vec(),
    });
    let (log, cluster) = watched(Cluster::builder().node("node_1", peer.address()));
    cluster.get::<_, Value>("foo").unwrap();
    assert_eq!(log.take(), ["opened node_1", "GET node_1 22 5"]);
    cluster.get::<_, Value>("foo").unwrap();
    // The bytes of both attempts.
    let told = ["closed node_1 Failed(Io)", "retry node_1 GET 1 Io", "opened node_1", "GET node_1 44 5"];
    assert_eq!(log.take(), told);
}

#[test]
fn a_connection_of_ones_own_and_one_of_a_subscriber() {
    let server = Server::start();
    let log = Arc::new(Log::default());
    let name = server.address();
    drop(Cluster::builder().observer(Arc::clone(&log)).open(server.address()).unwrap());
    assert_eq!(log.take(), [format!("opened {name}"), format!("closed {name} Released")]);
    let (log, cluster) = watched(Cluster::builder().node("node_1", server.address()));
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["news"]).unwrap();
    assert_eq!(log.take(), ["opened node_1"]);
    drop(subscriber);
    let mut told = Vec::new();
    wait_until("it is closed", || {
        told.extend(log.take());
        !told.is_empty()
    });
    assert!(told.len() == 1 && told[0].starts_with("closed node_1 "), "{told:?}");
}

#[test]
fn connections_that_nobody_else_may_have() {
    // The reply to EXEC leaves open whether the transaction is over.
    let peer = ScriptedPeer::answering(|words| match words[0].as_slice() {
        b"MULTI" => b"+OK\r\n".to_vec(),
        b"EXEC" => b"-ERR odd\r\n".to_vec(),
        _ => b"+QUEUED\r\n".to_vec(),
    });
    let (log, cluster) = watched(Cluster::builder().node("node_1", peer.address()));
    let mut transaction = cluster.transaction();
    transaction.incr("foo");
    transaction.run().unwrap_err();
    assert_eq!(log.take()[..2], ["opened node_1", "closed node_1 Stateful"]);
}

#[test]
fn what_fails() {
    let (log, cluster) = watched(Cluster::builder().node("node_1", dead_address()));
    cluster.set("foo", "bar").unwrap_err();
    let refused = "failed node_1 Connect";
    assert_eq!(log.take(), [refused, "retry node_1 SET 1 Connect", refused, "SET node_1 0 0 Connect NotApplied"]);

    let silent = ScriptedPeer::new(|stream| {
        let mut reader = std::io::BufReader::new(stream);
        greet(&mut reader);
        let _ = std::io::Read::read_to_end(&mut reader, &mut Vec::new());
    });
    let hurried = || Cluster::builder().node("node_1", silent.address()).deadline(Duration::from_millis(100));
    let (log, cluster) = watched(hurried());
    cluster.incr("foo").unwrap_err();
    assert_eq!(
        log.take(),
        [
            "opened node_1",
            "timeout node_1 receive",
            "closed node_1 Failed(Timeout)",
            "INCR node_1 23 0 Timeout Unknown"
        ]
    );
    cluster.set("foo", vec![b'x'; 32 << 20]).unwrap_err();
    assert_eq!(log.take().len(), 4);
    let (log, cluster) = watched(hurried().password("secret"));
    cluster.incr("foo").unwrap_err();
    assert_eq!(log.take(), ["timeout node_1 handshake", "failed node_1 Timeout", "INCR node_1 0 0 Timeout NotApplied"]);
}

#[test]
fn waits_for_a_connection() {
    let servers = [Server::start()];
    let (log, cluster) = watched(cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)));
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, Value, Value>(["wait"], Duration::from_secs(60)).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let error = cluster.deadline(Duration::from_millis(50)).get::<_, Value>("foo").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
        assert_eq!(log.take()[1..], ["waited node_1 true", "GET node_1 0 0 PoolTimeout NotApplied"]);
        let patient = scope.spawn(|| cluster.get::<_, Value>("foo").unwrap());
        wait_until("it waits", || cluster.pools()[0].waiting == 1);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
        patient.join().unwrap();
    });
    assert_eq!(log.take().iter().filter(|line| *line == "waited node_1 false").count(), 1);
}

#[test]
fn a_change_of_roles() {
    let master = Server::start();
    let log = Arc::new(Log::default());
    let cluster = Cluster::builder().node("node_1", master.address()).observer(Arc::clone(&log)).connect().unwrap();
    cluster.refresh().unwrap();
    assert!(!log.take().iter().any(|line| line.starts_with("topology")), "nothing has changed");
    let replica = Server::replica_of(&master, &[]);
    master.wait_for_replica(&replica);
    cluster.refresh().unwrap();
    assert!(log.take().contains(&"topology 1 2".to_owned()));
    drop(replica);
    wait_until("its master knows that it is gone", || {
        cluster.refresh().unwrap();
        log.take().contains(&"topology 2 1".to_owned())
    });
}

/// Keeps all that it could ever show.
#[derive(Default)]
struct Everything(Mutex<String>);

impl Observer for Everything {
    fn event(&self, event: &ObserverEvent<'_>) {
        self.0.lock().unwrap().push_str(&format!("{event:?}\n"));
    }
}

#[test]
fn nothing_secret_is_told() {
    const CANARIES: [&str; 5] = ["canary-password", "canary-user", "canary-key", "canary-value", "canary-script"];
    let server = Server::builder().password("canary-password").start();
    let others = Server::start();
    server.try_ask(&["AUTH", "canary-password"], Duration::from_secs(5)).unwrap();
    server.ask(&["ACL", "SETUSER", "canary-user", "on", ">canary-password", "~*", "&*", "+@all"]);
    let seen = Arc::new(Everything::default());
    let builder = Cluster::builder()
        .node("node_1", format!("redis://canary-user:canary-password@{}", server.address()))
        .node("node_2", others.address())
        .observer(Arc::clone(&seen));
    let shown = format!("{builder:?}");
    assert!(shown.contains("observer: set"), "{shown}");
    let cluster = builder.connect().unwrap();
    let mut all = vec![shown, format!("{cluster:?} {:?} {:?}", cluster.topology(), cluster.pools())];
    for number in 0..8 {
        let key = format!("canary-key-{number}");
        cluster.set(&key, "canary-value").unwrap();
        let _ = cluster.get::<_, String>(&key).unwrap();
        all.push(cluster.lpush(&key, ["canary-value"]).unwrap_err().to_string());
        let _ = cluster.execute(cmd("JSON.SET").key(&key).arg("canary-value"));
    }
    cluster.rename("canary-key-1", "canary-key-9").unwrap();
    let _ = cluster.execute(cmd("EVAL").args_of(["return 'canary-script'", "0"])).unwrap();
    let _ = cluster.execute(cmd("AUTH").args_of(["canary-user", "canary-password"]));
    let mut pipeline = cluster.pipeline();
    pipeline.set("canary-key", "canary-value");
    pipeline.run().unwrap();
    let wrong =
        Cluster::builder().node("node_1", server.address()).username("canary-user").password("canary-passwords");
    all.push(wrong.observer(Arc::clone(&seen)).connect().unwrap_err().to_string());
    // The pipeline keeps the cluster alive.
    drop((cluster, pipeline));
    let told = seen.0.lock().unwrap().clone();
    assert!(told.contains("\"RENAME\"") && told.contains("WrongPass") && told.contains("ConnectionClosed"), "{told}");
    all.push(told);
    for canary in CANARIES {
        for text in &all {
            assert!(!text.contains(canary), "{canary} in {text}");
        }
    }
}

/// Panics at everything.
struct Bomb(AtomicUsize);

impl Observer for Bomb {
    fn event(&self, _: &ObserverEvent<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }
}

#[test]
fn an_observer_that_panics_breaks_nothing() {
    let servers = [Server::start(), Server::start()];
    let bomb = Arc::new(Bomb(AtomicUsize::new(0)));
    let builder = cluster_of(&servers).pool_size(2).deadline(Duration::from_secs(60)).observer(Arc::clone(&bomb));
    // Its panics are told by the hook, and hundreds of them are of no use to whoever reads this.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"on purpose") {
            hook(panic);
        }
    }));
    let cluster = builder.connect().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| assert!(cluster.incr("foo").is_ok())));
        }
    });
    servers.iter().for_each(|server| drop(server.ask(&["CLIENT", "KILL", "TYPE", "normal"])));
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 400);
    cluster.refresh().unwrap();
    assert!(cluster.lpush("foo", ["x"]).is_err());
    let late = cluster.deadline(Duration::from_nanos(1)).retries(Retries::none());
    late.incr("foo").unwrap_err();
    for pool in cluster.pools() {
        assert_eq!((pool.open, pool.waiting), (pool.idle, 0), "{pool:?}");
        assert!(pool.open <= 2, "{pool:?}");
    }
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 400);
    assert!(bomb.0.load(Ordering::SeqCst) > 400);
}

/// Looks at the cluster at every event, which takes all its locks but the one for a refresh.
#[derive(Default)]
struct Curious {
    cluster: OnceLock<Cluster>,
    looked: AtomicUsize,
}

impl Observer for Curious {
    fn event(&self, _: &ObserverEvent<'_>) {
        if let Some(cluster) = self.cluster.get() {
            self.looked.fetch_add(cluster.pools().len() + cluster.topology().shards().len(), Ordering::SeqCst);
        }
    }
}

#[test]
fn no_lock_is_held_while_the_observer_is_told() {
    let mut servers = [Server::start(), Server::start()];
    let curious = Arc::new(Curious::default());
    let builder = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60));
    let cluster = builder.observer(Arc::clone(&curious)).connect().unwrap();
    let _ = curious.cluster.set(cluster.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert!(cluster.incr("foo").is_ok())));
        }
    });
    servers[1].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 200);
    // A replica comes and goes, and its connections with it.
    {
        let replica = Server::replica_of(&servers[0], &[]);
        servers[0].wait_for_replica(&replica);
        cluster.refresh().unwrap();
        assert_eq!(cluster.topology().servers().len(), 3);
        let _ = cluster.get::<_, Value>("bar").unwrap();
    }
    wait_until("the replica is gone", || cluster.refresh().is_ok() && cluster.topology().servers().len() == 2);
    servers[0].kill();
    assert!(cluster.get::<_, Value>("bar").is_err());
    assert!(curious.looked.load(Ordering::SeqCst) > 800);
}

#[test]
fn durations_are_those_of_what_they_name() {
    struct Longest(Mutex<Duration>);
    impl Observer for Longest {
        fn event(&self, event: &ObserverEvent<'_>) {
            if let ObserverEvent::Command { command: "BLPOP", took, failure: None, .. } = event {
                *self.0.lock().unwrap() = *took;
            }
        }
    }
    let servers = [Server::start()];
    let longest = Arc::new(Longest(Mutex::new(Duration::ZERO)));
    let cluster = cluster_of(&servers).observer(Arc::clone(&longest)).connect().unwrap();
    let begin = Instant::now();
    assert!(cluster.blpop::<_, Value, Value>(["list"], Duration::from_millis(300)).unwrap().is_none());
    let took = *longest.0.lock().unwrap();
    assert!(took >= Duration::from_millis(250) && took <= begin.elapsed(), "{took:?}");
}

#[test]
fn a_replica_that_rests_is_told_once_and_so_is_its_return() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    master.wait_for_replica(&replica);
    let log = Arc::new(Log::default());
    let builder = Cluster::builder().node("node_1", master.address()).observer(Arc::clone(&log));
    let cluster = builder.refresh_every(None).deadline(Duration::from_secs(1)).connect().unwrap();
    let told = || -> Vec<String> { log.take().into_iter().filter(|line| line.starts_with("Replica")).collect() };
    replica.freeze();
    for _ in 0..3 {
        cluster.get::<_, Value>("foo").unwrap();
    }
    let ejected = told();
    assert!(ejected.len() == 1 && ejected[0].starts_with("ReplicaEjected"), "{ejected:?}");
    assert!(ejected[0].contains("error: Timeout") && ejected[0].contains("pause: 1s"), "{ejected:?}");
    replica.thaw();
    let mut back = Vec::new();
    wait_until("it has rested", || {
        cluster.get::<_, Value>("foo").unwrap();
        back.extend(told());
        !back.is_empty()
    });
    assert!(back.len() == 1 && back[0].starts_with("ReplicaReadmitted"), "{back:?}");
}
