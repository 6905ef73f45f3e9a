//! Reads from replicas: whoever cannot serve is left alone, nobody who has no data is believed.

use rediscluster::prelude::*;
use rediscluster::{Cluster, Observer, ObserverEvent, ReadFrom, ReplicaLag};
use rediscluster_testing::{cluster_of, wait_until, Reply, ScriptedPeer, Server};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A master with its replicas, and `k` = `v` on all of them.
fn replicated(replicas: usize) -> (Server, Vec<Server>) {
    let master = Server::start();
    let replicas: Vec<Server> = (0..replicas).map(|_| Server::replica_of(&master, &[])).collect();
    master.ask(&["SET", "k", "v"]);
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    (master, replicas)
}

fn cluster(master: &Server) -> rediscluster::Builder {
    Cluster::builder().node("node_1", master.address())
}

fn read(cluster: &Cluster) {
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v");
}

/// How long each of these reads took.
fn times(count: usize, read: impl Fn()) -> Vec<Duration> {
    let timed = |_| {
        let began = Instant::now();
        read();
        began.elapsed()
    };
    (0..count).map(timed).collect()
}

#[test]
fn a_frozen_replica_costs_one_slow_read() {
    let (master, replicas) = replicated(2);
    let cluster = cluster(&master).deadline(Duration::from_secs(2)).connect().unwrap();
    for _ in 0..4 {
        read(&cluster);
    }
    replicas[0].freeze();
    let slow = times(200, || read(&cluster)).into_iter().filter(|time| *time > Duration::from_millis(250)).count();
    assert_eq!(slow, 1, "200 reads, half of them in turn to the frozen one");
    assert_eq!(master.calls("get"), 0, "the other replica serves");
    replicas[0].thaw();
    let before = replicas[0].calls("get");
    wait_until("the replica is asked again", || {
        read(&cluster);
        replicas[0].calls("get") > before + 1
    });
}

/// When a master dies, the last look at its replicas may have been between the end of their links and its own.
#[test]
fn a_replica_whose_link_broke_just_before_its_master_died_serves() {
    let mut master = Server::start();
    // The replica is linked through this: its end of the link can break while the master does not know.
    let (is_broken, links) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (broken, made, port) = (Arc::clone(&is_broken), Arc::clone(&links), master.port());
    let peer = ScriptedPeer::new(move |mut replica| {
        if broken.load(Ordering::SeqCst) {
            return;
        }
        let mut master = TcpStream::connect(("127.0.0.1", port)).unwrap();
        made.lock().unwrap().push((master.try_clone().unwrap(), replica.try_clone().unwrap()));
        let (mut from, mut to) = (master.try_clone().unwrap(), replica.try_clone().unwrap());
        let back = std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut replica, &mut master);
        drop(back);
    });
    let replica = Server::start();
    let address = peer.address();
    replica.ask(&["REPLICAOF", "127.0.0.1", address.rsplit(':').next().unwrap()]);
    wait_until("the replica is linked", || replica.field("replication", "master_link_status").as_deref() == Some("up"));
    master.ask(&["SET", "k", "v"]);
    master.wait_for_replica(&replica);
    let cluster = cluster(&master).refresh_every(None).connect().unwrap();
    let serving = |cluster: &Cluster| {
        let topology = cluster.topology();
        let count = topology.replicas_of(&topology.shards()[0]).count();
        count
    };
    wait_until("the replica serves", || {
        cluster.refresh().unwrap();
        serving(&cluster) == 1
    });
    is_broken.store(true, Ordering::SeqCst);
    for (_, replica) in links.lock().unwrap().iter() {
        // A link may have ended by itself: some servers begin anew when the first one is slow.
        let _ = replica.shutdown(Shutdown::Both);
    }
    wait_until("its link is down, and its master lists it", || {
        cluster.refresh().unwrap();
        serving(&cluster) == 0
    });
    assert_eq!(cluster.topology().shards()[0].passed_over().len(), 1);
    master.kill();
    assert!(cluster.refresh().is_err());
    assert_eq!(serving(&cluster), 1, "{:?}", cluster.topology());
    read(&cluster);
}

/// Counts how often a server was waited for in vain.
#[derive(Default)]
struct Waits(AtomicUsize);

impl Observer for Waits {
    fn event(&self, event: &ObserverEvent<'_>) {
        if let ObserverEvent::Timeout { .. } = event {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn of_many_threads_one_tries_a_replica_that_rested() {
    let (master, replicas) = replicated(1);
    let waits = Arc::new(Waits::default());
    let builder = cluster(&master).deadline(Duration::from_secs(4)).refresh_every(None);
    let cluster = builder.observer(Arc::clone(&waits)).connect().unwrap();
    read(&cluster);
    replicas[0].freeze();
    let began = Instant::now();
    read(&cluster);
    assert_eq!(waits.0.swap(0, Ordering::SeqCst), 1, "the first one finds it out");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while began.elapsed() < Duration::from_millis(3_500) {
                    read(&cluster);
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    // It rests for 1 s, then, having failed again, for 2 s, and so on.
    let elapsed = began.elapsed();
    let most = (1..).take_while(|tries| Duration::from_secs((1 << tries) - 1) < elapsed).count();
    let tries = waits.0.load(Ordering::SeqCst);
    assert!((1..=most).contains(&tries), "8 threads tried it {tries} times in {elapsed:?}, and {most} times at most");
    replicas[0].thaw();
}

#[test]
fn a_frozen_replica_costs_pipelines_and_lookups_one_slow_call_too() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let write = cluster_of(&masters).masters_only(true).connect().unwrap();
    write.mset([("foo", 1), ("bar", 2)]).unwrap();
    write.mset((1..=20).map(|n| (format!("w_{n}"), 100 - n)).collect::<Vec<_>>()).unwrap();
    write.rpush("list", (1..=20).collect::<Vec<i64>>()).unwrap();
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    let builder = || cluster_of(&masters).deadline(Duration::from_secs(2));
    let (first, second, third) =
        (builder().connect().unwrap(), builder().connect().unwrap(), builder().connect().unwrap());
    let pipelined = || {
        let mut pipeline = first.pipeline();
        let (foo, bar) = (pipeline.get::<_, i64>("foo"), pipeline.get::<_, i64>("bar"));
        let replies = pipeline.run().unwrap();
        assert_eq!((replies.get(foo).unwrap(), replies.get(bar).unwrap()), (1, 2));
    };
    let looked_up = || {
        let sorted: Vec<i64> = second.execute(cmd("SORT_RO").key("list").arg("BY").arg("w_*").reply()).unwrap();
        assert_eq!(sorted, (1..=20).rev().collect::<Vec<i64>>());
    };
    let fanned = || assert_eq!(third.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [1, 2]);
    let sorts = masters[0].is_since("7.0", "SORT_RO");
    pipelined();
    fanned();
    if sorts {
        looked_up();
    }
    replicas[1].freeze();
    let is_slow = |time: &Duration| *time > Duration::from_millis(250);
    assert_eq!(times(50, pipelined).iter().filter(|time| is_slow(time)).count(), 1);
    assert_eq!(times(50, fanned).iter().filter(|time| is_slow(time)).count(), 1);
    if sorts {
        assert_eq!(times(50, looked_up).iter().filter(|time| is_slow(time)).count(), 1);
    }
    replicas[1].thaw();
}

/// Not all that the other one says fits into a socket: it has to be read while the frozen one is waited for.
#[test]
fn a_frozen_replica_uses_up_the_time_of_no_other_one() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let write = cluster_of(&masters).masters_only(true).connect().unwrap();
    let values: Vec<(String, Vec<u8>)> = (0..40).map(|n| (format!("v_{n}"), vec![b'x'; 1_000_000])).collect();
    write.mset(values.iter().map(|(key, value)| (key, value))).unwrap();
    for list in ["foo", "bar"] {
        write.rpush(list, (0..40).collect::<Vec<i64>>()).unwrap();
    }
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    let keys: Vec<&String> = values.iter().map(|(key, _)| key).collect();
    // It is found out by what is looked up, and not by the list; and it comes first among those that are read.
    let list = ["foo", "bar"].into_iter().find(|list| masters[1].ask(&["EXISTS", list]) == Reply::Int(1)).unwrap();
    for sorts in [false, true] {
        if sorts && !masters[0].is_since("7.0", "SORT_RO") {
            continue;
        }
        let waits = Arc::new(Waits::default());
        // In a quarter of the deadline a busy machine reads all that the other one says.
        let builder = cluster_of(&masters).deadline(Duration::from_secs(12)).stand_in_after(Duration::from_secs(3));
        let cluster = builder.refresh_every(None).observer(Arc::clone(&waits)).connect().unwrap();
        let sort = || cmd("SORT_RO").key(list).arg("BY").arg("nosort").arg("GET").arg("v_*");
        let all = || match sorts {
            true => cluster.execute(sort().reply::<Vec<Vec<u8>>>()).unwrap(),
            false => cluster.mget::<_, Vec<Vec<u8>>>(&keys).unwrap(),
        };
        all();
        replicas[0].freeze();
        assert_eq!(all().len(), 40);
        assert_eq!(waits.0.load(Ordering::SeqCst), 1, "sorts: {sorts}");
        replicas[0].thaw();
    }
}

#[test]
fn a_frozen_replica_costs_a_second_whatever_the_deadline_is() {
    let (master, replicas) = replicated(1);
    let connect = || cluster(&master).deadline(Duration::from_secs(120)).refresh_every(None);
    let (usual, patient) = (connect().connect().unwrap(), connect().stand_in_after(Duration::from_secs(2)));
    let patient = patient.connect().unwrap();
    read(&usual);
    read(&patient);
    replicas[0].freeze();
    for (cluster, longest) in [(usual, 1.0), (patient, 2.0)] {
        let began = Instant::now();
        read(&cluster);
        let took = began.elapsed().as_secs_f64();
        assert!((longest * 0.9..longest + 0.9).contains(&took), "{took} s");
    }
    replicas[0].thaw();
}

#[test]
fn a_replica_that_rests_serves_when_nobody_else_can() {
    let (mut master, replicas) = replicated(1);
    let cluster = cluster(&master).deadline(Duration::from_secs(2)).connect().unwrap();
    read(&cluster);
    replicas[0].freeze();
    read(&cluster);
    replicas[0].thaw();
    master.kill();
    read(&cluster);
}

#[test]
fn a_replica_started_anew_and_empty_is_not_believed() {
    let (master, mut replicas) = replicated(2);
    // So that the restarted replica stays without its data.
    master.ask(&["CONFIG", "SET", "requirepass", "closed"]);
    master.ask(&["CONFIG", "SET", "repl-ping-replica-period", "1"]);
    let cluster = cluster(&master).password("closed").connect();
    drop(cluster);
    master.try_ask(&["PING"], Duration::from_secs(1)).unwrap();
    let mut talk = master.talk(Duration::from_secs(5)).unwrap();
    talk.call(&["AUTH", "closed"]).unwrap();
    talk.call(&["CONFIG", "SET", "requirepass", ""]).unwrap();
    let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
    for _ in 0..4 {
        read(&cluster);
    }
    talk.call(&["CONFIG", "SET", "requirepass", "closed"]).unwrap();
    replicas[0].restart();
    assert_eq!(replicas[0].field("keyspace", "db0"), None, "it has nothing");
    for _ in 0..100 {
        read(&cluster);
    }
    assert_eq!(replicas[0].calls("get"), 0);
}

#[test]
fn no_key_is_missing_while_replicas_load_everything_anew() {
    let args = ["--repl-backlog-size", "16kb", "--repl-diskless-load", "disabled"];
    let swap = ["--repl-backlog-size", "16kb", "--repl-diskless-load", "swapdb"];
    let master = Server::start_with(&["--repl-backlog-size", "16kb"]);
    let replicas = [Server::replica_of(&master, &args), Server::replica_of(&master, &swap)];
    let cluster = cluster(&master).connect().unwrap();
    let value = "x".repeat(2_000);
    for chunk in (0..10_000).collect::<Vec<_>>().chunks(1_000) {
        let mut pipeline = cluster.pipeline();
        for key in chunk {
            pipeline.set(format!("key:{key}"), &value);
        }
        pipeline.run().unwrap();
    }
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    let syncs = || -> u64 { master.field("stats", "sync_full").unwrap().parse().unwrap() };
    let before = syncs();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (cluster, stop, reads, value) = (&cluster, &stop, &reads, &value);
            scope.spawn(move || {
                let mut key = thread;
                while !stop.load(Ordering::Relaxed) {
                    key = (key + 7_919) % 10_000;
                    let found: Option<String> = cluster.get(format!("key:{key}")).unwrap();
                    assert_eq!(found.as_ref(), Some(value), "key:{key} after {:?}", began.elapsed());
                    reads.fetch_add(1, Ordering::Relaxed);
                    if thread == 0 && key % 10 == 0 {
                        cluster.set(format!("key:{key}"), value).unwrap();
                    }
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        for round in 0..16 {
            // It begins a history of its own, so it has to take everything anew.
            let replica = &replicas[round % 2];
            // Ways to load that not every server has; an error leaves it as it was.
            // Not `flush-before-load`: broken off, it leaves a replica without data that does not say so.
            let way = ["disabled", "swapdb", "on-empty-db"][round / 2 % 3];
            replica.ask(&["CONFIG", "SET", "repl-diskless-load", way]);
            for server in [&master, replica] {
                let two = ["no", "yes"][round / 8 % 2];
                server.ask(&["CONFIG", "SET", "dual-channel-replication-enabled", two]);
                server.ask(&["CONFIG", "SET", "repl-rdb-channel", two]);
            }
            replica.promote();
            replica.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
            // The link is cut in the middle, twice.
            for _ in 0..2 {
                let syncs = || replica.field("replication", "master_sync_in_progress").as_deref() == Some("1");
                let end = Instant::now() + Duration::from_secs(1);
                while !syncs() && Instant::now() < end {}
                master.ask(&["CLIENT", "KILL", "TYPE", "replica"]);
            }
            wait_until("the replica is back", || {
                replica.field("replication", "master_link_status").as_deref() == Some("up")
            });
            cluster.refresh().unwrap();
        }
    });
    println!("{} reads, {} full resyncs", reads.into_inner(), syncs() - before);
    assert!(syncs() > before);
}

/// Ends the other threads also when this one fails.
struct StopAtEnd<'s>(&'s AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn each_choice_of_servers() {
    let (master, mut replicas) = replicated(2);
    let cluster = cluster(&master).connect().unwrap();
    let calls = |servers: &[Server]| -> Vec<u64> {
        servers.iter().chain([&master]).map(|server| server.calls("get")).collect()
    };
    let spread = |from: ReadFrom, replicas: &[Server]| -> Vec<u64> {
        let (before, view) = (calls(replicas), cluster.read_from(from));
        (0..30).for_each(|_| read(&view));
        calls(replicas).iter().zip(before).map(|(after, before)| after - before).collect()
    };
    assert_eq!(spread(ReadFrom::Replica, &replicas), [15, 15, 0]);
    assert_eq!(spread(ReadFrom::Master, &replicas), [0, 0, 30]);
    assert_eq!(spread(ReadFrom::Any, &replicas), [10, 10, 10]);
    assert_eq!(spread(ReadFrom::PreferMaster, &replicas), [0, 0, 30]);
    let mut nearest = spread(ReadFrom::Nearest, &replicas);
    nearest.sort_unstable();
    assert_eq!(nearest, [0, 0, 30], "one of them is the nearest");
    // The first one fails as the last one does.
    replicas[0].kill();
    for from in [ReadFrom::Replica, ReadFrom::Any, ReadFrom::PreferMaster, ReadFrom::Nearest] {
        (0..10).for_each(|_| read(&cluster.read_from(from)));
    }
}

#[test]
fn replicas_stand_in_for_a_master_that_is_gone() {
    let (mut master, replicas) = replicated(2);
    let cluster = cluster(&master).connect().unwrap();
    master.kill();
    for from in [ReadFrom::Replica, ReadFrom::Any, ReadFrom::PreferMaster, ReadFrom::Nearest] {
        (0..10).for_each(|_| read(&cluster.read_from(from)));
    }
    assert_eq!(replicas.iter().map(|replica| replica.calls("get")).sum::<u64>(), 40);
    assert!(cluster.masters_only().get::<_, String>("k").is_err());
}

#[test]
fn a_view_reads_from_the_master_where_it_has_written() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let cluster = cluster_of(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    // Which masters serve reads of `bar`, on node_1, and `foo`, on node_2.
    let asked = |view: &Cluster| {
        let before = [masters[0].calls("get"), masters[1].calls("get")];
        view.get::<_, i64>("bar").unwrap();
        view.get::<_, i64>("foo").unwrap();
        [masters[0].calls("get") > before[0], masters[1].calls("get") > before[1]]
    };
    type Write<'w> = &'w dyn Fn(&Cluster);
    let pipeline = |view: &Cluster| {
        let mut pipeline = view.pipeline();
        pipeline.set("foo", 2);
        pipeline.run().map(drop).unwrap();
    };
    let transaction = |view: &Cluster| {
        let mut transaction = view.transaction();
        transaction.set("foo", 2);
        transaction.run().map(drop).unwrap();
    };
    let writes: [(&str, Write<'_>, [bool; 2]); 7] = [
        ("SET", &|view| view.set("foo", 2).unwrap(), [false, true]),
        ("a clone", &|view| view.clone().set("foo", 2).unwrap(), [false, true]),
        ("MSET", &|view| view.mset([("foo", 2), ("bar", 2)]).unwrap(), [true, true]),
        ("SMOVE", &|view| assert!(!view.smove("none:1{bar}", "none:2{foo}", "x").unwrap()), [true, true]),
        ("a pipeline", &pipeline, [false, true]),
        ("a transaction", &transaction, [false, true]),
        ("a server", &|view| view.on("node_2").unwrap().set("foo", 2).unwrap(), [false, true]),
    ];
    for (name, write, wanted) in writes {
        let view = cluster.read_your_writes();
        assert_eq!(asked(&view), [false, false], "{name}: nothing is written yet");
        write(&view);
        assert_eq!(asked(&view), wanted, "{name}");
        assert_eq!(asked(&view.clone().deadline(Duration::from_secs(3))), wanted, "{name}: a view of it");
        assert_eq!(asked(&cluster), [false, false], "{name}: the cluster goes on as before");
    }
}

#[test]
fn replicas_that_are_behind_are_passed_over() {
    // How far a replica is behind cannot be held still on real servers.
    let bulk = |text: String| format!("${}\r\n{text}\r\n", text.len()).into_bytes();
    let replica = ScriptedPeer::answering(move |_| {
        bulk("role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:9000\r\nmaster_replid:a\r\n".into())
    });
    let stranger = ScriptedPeer::answering(move |_| {
        bulk("role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:9999\r\nmaster_replid:b\r\n".into())
    });
    let ports = [replica.port(), stranger.port()];
    let offset = Arc::new(AtomicU64::new(0));
    let now = Arc::clone(&offset);
    let master = ScriptedPeer::answering(move |_| {
        let now = now.load(Ordering::SeqCst);
        let line = |nth: usize| format!("slave{nth}:ip=127.0.0.1,port={},state=online,offset=1,lag=7\r\n", ports[nth]);
        bulk(format!("role:master\r\nmaster_replid:a\r\nmaster_repl_offset:{now}\r\n{}{}", line(0), line(1)))
    });
    let found = |limit: Option<ReplicaLag>| {
        let mut builder = Cluster::builder().node("node_1", master.address()).refresh_every(None);
        if let Some(limit) = limit {
            builder = builder.max_replica_lag(limit);
        }
        // It had all that there was once.
        offset.store(9_000, Ordering::SeqCst);
        let cluster = builder.connect().unwrap();
        offset.store(10_000, Ordering::SeqCst);
        cluster.refresh().unwrap();
        let topology = cluster.topology();
        let shard = &topology.shards()[0];
        let serving: Vec<u16> = topology.replicas_of(shard).map(|node| node.address().port()).collect();
        (serving, shard.passed_over().iter().map(|p| p.reason().to_owned()).collect::<Vec<_>>())
    };
    let behind = "it is too far behind its master".to_owned();
    let another = "its data is not that of this master".to_owned();
    for limit in [None, Some(ReplicaLag::Bytes(1_000)), Some(ReplicaLag::Seconds(7))] {
        assert_eq!(found(limit), (vec![ports[0]], vec![another.clone()]), "{limit:?}");
    }
    for limit in [ReplicaLag::Bytes(999), ReplicaLag::Seconds(6)] {
        assert_eq!(found(Some(limit)), (vec![], vec![behind.clone(), another.clone()]), "{limit:?}");
    }
}

#[test]
fn only_replicas_that_are_online_and_in_step_serve() {
    // How a replica stands cannot be held still on real servers.
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len()).into_bytes();
    let says = |text: &'static str| ScriptedPeer::answering(move |_| bulk(text));
    let well = "role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n";
    let peers = [
        (says(well), "online", None),
        (says(well), "wait_bgsave", Some("its master does not list it as online")),
        (says(well), "send_bulk", Some("its master does not list it as online")),
        (says("role:slave\r\nmaster_link_status:down\r\n"), "online", Some("its link to its master is down")),
        (
            says("role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:1\r\n"),
            "online",
            Some("it is being sent everything anew"),
        ),
        (says("role:master\r\n"), "online", Some("it says that it is no replica")),
    ];
    let line = |(nth, (peer, state, _)): (usize, &(ScriptedPeer, &str, Option<&str>))| {
        format!("slave{nth}:ip=127.0.0.1,port={},state={state},offset=1,lag=0\r\n", peer.port())
    };
    let lines: String = peers.iter().enumerate().map(line).collect();
    let master = ScriptedPeer::answering(move |_| bulk(&format!("role:master\r\n{lines}")));
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    let topology = cluster.topology();
    let shard = &topology.shards()[0];
    let serving: Vec<u16> = topology.replicas_of(shard).map(|node| node.address().port()).collect();
    let passed: Vec<(u16, &str)> =
        shard.passed_over().iter().map(|passed| (passed.node().address().port(), passed.reason())).collect();
    assert_eq!(serving, [peers[0].0.port()]);
    let wanted: Vec<(u16, &str)> =
        peers.iter().filter_map(|(peer, _, reason)| reason.map(|reason| (peer.port(), reason))).collect();
    assert_eq!(passed, wanted);
}
