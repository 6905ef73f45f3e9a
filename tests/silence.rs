//! A server that says nothing: it costs one call its deadline, and after that its own keys fail at once.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Observer, ObserverEvent, Outcome, PoolStatus, ReadFrom, Value};
use rediscluster_testing::{
    cluster_of, fails, home_of, read_command, wait_until, Chaos, Fault, ScriptedPeer, Server, Way,
};
use std::fmt::Debug;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(1);

/// What a call gets that does not ask.
#[track_caller]
fn fails_at_once<T: Debug>(result: Result<T, Error>) -> Error {
    let error = fails(result, ErrorKind::Connect, Outcome::NotApplied);
    assert!(error.message().starts_with("the server has said nothing for "), "{error}");
    error
}

/// How the pool of a server stands.
fn pool_of(cluster: &Cluster, server: &Server) -> PoolStatus {
    let mut pools = cluster.pools().into_iter();
    pools.find(|pool| pool.node.address().to_string() == server.address()).expect("its pool")
}

/// Of three servers, each alone, with a deadline of a second and nobody else who asks.
fn three() -> (Vec<Server>, Cluster) {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).deadline(DEADLINE).refresh_every(None).connect().unwrap();
    (servers, cluster)
}

#[test]
fn one_call_meets_its_deadline_and_the_others_fail_at_once() {
    let (servers, cluster) = three();
    let home = home_of(&cluster, &servers, "n");
    let others: Vec<String> = (0..)
        .map(|n| format!("k{n}"))
        .filter(|key| home_of(&cluster, &servers, key).port() != home.port())
        .take(4)
        .collect();
    cluster.set("n", 0).unwrap();
    home.freeze();
    let begin = Instant::now();
    fails(cluster.incr("n"), ErrorKind::Timeout, Outcome::Unknown);
    assert!(begin.elapsed() >= DEADLINE);
    assert!(pool_of(&cluster, home).silent);
    let (begin, opened, mut slow) = (Instant::now(), pool_of(&cluster, home).opened, 0);
    for round in 0..100 {
        let begin = Instant::now();
        let error = match round % 3 {
            0 => fails_at_once(cluster.incr("n")),
            1 => fails_at_once(cluster.get::<_, Value>("n")),
            _ => fails_at_once(cluster.mset([("n", 7), (others[0].as_str(), 7)])),
        };
        assert_eq!(error.command(), Some(["INCR", "GET", "MSET"][round % 3]));
        assert_eq!(error.node(), Some(&*cluster.node_for("n").to_string()));
        slow += u32::from(begin.elapsed() > DEADLINE / 2);
        cluster.set(&others[round % 4], round).unwrap();
    }
    // The first one tried, and one more for each second, should this machine have been that slow.
    let tries = 1 + begin.elapsed().as_secs().saturating_sub(1);
    assert!(u64::from(slow) <= tries, "{slow} slow calls");
    assert!(pool_of(&cluster, home).opened - opened <= tries, "{:?}", pool_of(&cluster, home));
    // From many threads it is the same.
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| (0..20).for_each(|_| drop(fails_at_once(cluster.incr("n")))));
        }
    });
    assert!(begin.elapsed() < 3 * DEADLINE, "{:?}", begin.elapsed());
    home.thaw();
    wait_until("it is used again", || cluster.incr("n").is_ok());
    assert!(!pool_of(&cluster, home).silent);
    // The one that was under way, and the last one.
    assert_eq!(cluster.get::<_, u64>("n").unwrap(), 2);
}

#[test]
fn what_tries_a_silent_server_is_never_in_doubt() {
    let (servers, cluster) = three();
    let home = home_of(&cluster, &servers, "n");
    cluster.set("n", 0).unwrap();
    home.freeze();
    fails(cluster.get::<_, Value>("n"), ErrorKind::Timeout, Outcome::NotApplied);
    let opened = pool_of(&cluster, home).opened;
    wait_until("it was tried twice", || {
        fails_at_once(cluster.incr("n"));
        pool_of(&cluster, home).opened >= opened + 2
    });
    home.thaw();
    wait_until("it is used again", || cluster.incr("n").is_ok());
    assert_eq!((cluster.get::<_, u64>("n").unwrap(), home.calls("incr")), (1, 1));
}

#[test]
fn calls_with_a_short_deadline_prove_nothing() {
    let (servers, cluster) = three();
    let home = home_of(&cluster, &servers, "n");
    cluster.set("n", 0).unwrap();
    home.freeze();
    for deadline in [5, 5, 5, 5, 5, 300, 300, 300, 700] {
        let hasty = cluster.deadline(Duration::from_millis(deadline));
        fails(hasty.get::<_, Value>("n"), ErrorKind::Timeout, Outcome::NotApplied);
    }
    assert!(!pool_of(&cluster, home).silent);
    home.thaw();
    assert_eq!(cluster.incr("n").unwrap(), 1);
    // When it is silent for others, they try it in the time that they have, and keep nobody else from it.
    home.freeze();
    fails(cluster.get::<_, Value>("n"), ErrorKind::Timeout, Outcome::NotApplied);
    let hasty = cluster.deadline(Duration::from_millis(5));
    for _ in 0..3 {
        fails_at_once(hasty.get::<_, Value>("n"));
    }
    home.thaw();
    assert_eq!(cluster.incr("n").unwrap(), 2, "the next one may try at once");
}

/// A server that never answers a `GET` of `slow`, which it counts, and everything else at once, even behind its back.
fn slow_peer() -> (ScriptedPeer, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let answer: &[u8] = match words.get(1).map(Vec::as_slice) {
                Some(b"slow") => {
                    count.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                _ => b"$3\r\nbar\r\n",
            };
            if reader.get_mut().write_all(answer).is_err() {
                return;
            }
        }
    });
    (peer, asked)
}

#[test]
fn a_slow_command_is_no_silence_while_others_are_answered() {
    let (peer, asked) = slow_peer();
    let cluster = Cluster::builder().node("node_1", peer.address()).deadline(DEADLINE).build().unwrap();
    thread::scope(|scope| {
        let slow: Vec<_> = (0..3).map(|_| scope.spawn(|| cluster.get::<_, String>("slow"))).collect();
        wait_until("they wait", || asked.load(Ordering::SeqCst) == 3);
        // Once is enough.
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        for call in slow {
            fails(call.join().unwrap(), ErrorKind::Timeout, Outcome::NotApplied);
        }
    });
    assert!(!cluster.pools()[0].silent);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    // With nobody else it looks like silence; but the next call tries at once, and finds that it is none.
    fails(cluster.get::<_, String>("slow"), ErrorKind::Timeout, Outcome::NotApplied);
    assert!(cluster.pools()[0].silent);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    assert!(!cluster.pools()[0].silent);
}

#[test]
fn a_wait_for_data_is_no_silence() {
    let (servers, cluster) = three();
    let home = home_of(&cluster, &servers, "list");
    let patient = cluster.deadline(Duration::from_secs(5));
    assert!(patient.blpop::<_, Value, Value>("list", Duration::from_secs(3)).unwrap().is_none());
    assert!(!pool_of(&cluster, home).silent);
    // Nor is it one when the answer to it comes late.
    let (peer, _) = slow_peer();
    let cluster =
        Cluster::builder().node("node_1", peer.address()).deadline(Duration::from_millis(100)).build().unwrap();
    fails(cluster.blpop::<_, Value, Value>("slow", Duration::from_secs(2)), ErrorKind::Timeout, Outcome::Unknown);
    assert!(!cluster.pools()[0].silent);
    // Beyond its wait it is.
    let patient = cluster.deadline(DEADLINE);
    fails(patient.blpop::<_, Value, Value>("slow", Duration::from_millis(100)), ErrorKind::Timeout, Outcome::Unknown);
    assert!(cluster.pools()[0].silent);
}

#[test]
fn any_word_of_the_server_ends_it() {
    let (servers, cluster) = three();
    let home = home_of(&cluster, &servers, "list");
    let is_silent = || pool_of(&cluster, home).silent;
    let falls_silent = || {
        home.freeze();
        fails(cluster.get::<_, Value>("list"), ErrorKind::Timeout, Outcome::NotApplied);
        assert!(is_silent());
    };
    // What is said to a call that was under way all the time.
    thread::scope(|scope| {
        let waits = scope.spawn(|| cluster.blpop::<_, String, String>("list", Duration::ZERO));
        wait_until("it waits", || home.field("clients", "blocked_clients").as_deref() == Some("1"));
        falls_silent();
        home.thaw();
        assert!(is_silent(), "nothing was said yet");
        home.ask(&["RPUSH", "list", "x"]);
        assert!(waits.join().unwrap().unwrap().is_some());
        assert!(!is_silent());
    });
    // What is said to a subscriber.
    let mut subscriber = cluster.subscriber();
    let channel = (0..).map(|n| format!("c{n}")).find(|name| home_of(&cluster, &servers, name).port() == home.port());
    let channel = channel.unwrap();
    subscriber.subscribe([channel.as_str()]).unwrap();
    falls_silent();
    home.thaw();
    home.ask(&["PUBLISH", &channel, "x"]);
    wait_until("it was heard", || !is_silent());
    // What is said to who looks for masters and replicas.
    falls_silent();
    assert!(cluster.refresh().is_err());
    assert!(is_silent());
    home.thaw();
    cluster.refresh().unwrap();
    assert!(!is_silent());
}

#[test]
fn connections_to_a_silent_server_are_not_kept() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let builder = Cluster::builder().node("node_1", wire.address()).deadline(DEADLINE).refresh_every(None);
    let cluster = builder.connect().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| cluster.blpop::<_, String, String>("list", Duration::from_secs(60)).unwrap());
        }
        wait_until("they wait", || server.field("clients", "blocked_clients").as_deref() == Some("4"));
        cluster.rpush("list", ["1", "2", "3", "4"]).unwrap();
    });
    assert_eq!(cluster.pools()[0].idle, 5);
    // The way is cut, and nobody says so.
    wire.set(Way::ToServer, 0, Fault::BlackHole);
    fails(cluster.set("foo", 1), ErrorKind::Timeout, Outcome::Unknown);
    assert_eq!((cluster.pools()[0].idle, cluster.pools()[0].open), (0, 0));
    fails_at_once(cluster.set("foo", 1));
    wire.heal();
    wait_until("it is used again", || cluster.set("foo", 2).is_ok());
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 2);
}

#[test]
fn calls_that_wait_for_a_connection_do_not_wait_for_a_silent_server() {
    let servers = [Server::start()];
    let builder = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).refresh_every(None);
    let cluster = builder.connect().unwrap();
    cluster.set("foo", 1).unwrap();
    servers[0].freeze();
    thread::scope(|scope| {
        let first = scope.spawn(|| cluster.deadline(DEADLINE).get::<_, Value>("foo"));
        wait_until("it has the only connection", || cluster.pools()[0].idle == 0);
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| cluster.incr("foo"))).collect();
        wait_until("they wait", || cluster.pools()[0].waiting == 8);
        let (begin, opened) = (Instant::now(), cluster.pools()[0].opened);
        fails(first.join().unwrap(), ErrorKind::Timeout, Outcome::NotApplied);
        calls.into_iter().for_each(|call| drop(fails_at_once(call.join().unwrap())));
        assert!(begin.elapsed() < 3 * DEADLINE, "{:?}", begin.elapsed());
        let pool = &cluster.pools()[0];
        assert_eq!((pool.open, pool.opened), (0, opened), "no connection was begun for them");
    });
    servers[0].thaw();
    assert_eq!(cluster.incr("foo").unwrap(), 2);
}

#[test]
fn reads_go_on_at_replicas_and_pass_a_silent_master_over() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let builder = Cluster::builder().node("node_1", master.address()).deadline(Duration::from_secs(4));
    let cluster = builder.read_from(ReadFrom::PreferMaster).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    master.freeze();
    let hasty = cluster.deadline(DEADLINE);
    fails(hasty.set("foo", 2), ErrorKind::Timeout, Outcome::Unknown);
    fails_at_once(hasty.set("foo", 3));
    // It rests now, and no read tries it.
    let begin = Instant::now();
    for _ in 0..10 {
        assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1);
        fails_at_once(hasty.set("foo", 3));
    }
    assert!(begin.elapsed() < 3 * DEADLINE, "{:?}", begin.elapsed());
    master.thaw();
    cluster.refresh().unwrap();
    cluster.set("foo", 4).unwrap();
    // That it was passed over counts as no failure: it serves reads at once.
    assert_eq!((cluster.get::<_, u64>("foo").unwrap(), master.calls("get")), (4, 1));
}

#[test]
fn a_promoted_replica_is_followed_while_the_old_master_is_silent() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    master.freeze();
    replica.freeze();
    fails(cluster.deadline(DEADLINE).set("foo", 2), ErrorKind::Timeout, Outcome::Unknown);
    // One of these tries it. To ask the replica, silent as well, who is the master holds up none of the others.
    let slow = thread::scope(|scope| {
        let call = || {
            let begin = Instant::now();
            fails_at_once(cluster.set("foo", 2));
            begin.elapsed() > Duration::from_secs(1)
        };
        let calls: Vec<_> = (0..12).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| u32::from(call.join().unwrap())).sum::<u32>()
    });
    assert!(slow <= 2, "{slow} slow calls of 12");
    replica.thaw();
    replica.promote();
    wait_until("the new master is found", || cluster.set("foo", 3).is_ok());
    assert_eq!(cluster.node_for("foo").address().to_string(), replica.address());
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 3);
}

#[test]
fn the_first_call_that_fails_has_a_promoted_replica_found() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let builder = Cluster::builder().node("node_1", master.address()).connect_timeout(Duration::from_secs(1));
    let cluster = builder.refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    master.freeze();
    replica.promote();
    fails(cluster.deadline(DEADLINE).set("foo", 2), ErrorKind::Timeout, Outcome::Unknown);
    // Nobody calls meanwhile.
    let master_of_foo = || cluster.node_for("foo").address().to_string();
    wait_until("the new master is found", || master_of_foo() == replica.address());
    cluster.set("foo", 3).unwrap();
    assert_eq!(replica.ask(&["GET", "foo"]).text(), "3");
}

#[test]
fn a_master_that_is_back_is_not_given_up_for_a_detached_replica() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    replica.promote();
    master.freeze();
    fails(cluster.deadline(DEADLINE).set("foo", 2), ErrorKind::Timeout, Outcome::Unknown);
    // It is asked as well who the master is, however silent it was.
    master.thaw();
    for _ in 0..20 {
        cluster.set("foo", 3).unwrap();
        assert_eq!(cluster.node_for("foo").address().to_string(), master.address());
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(replica.ask(&["GET", "foo"]).text(), "1");
}

#[test]
fn nobody_takes_the_connection() {
    // Once its queue is full, the system answers no more.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
    }
    let builder = Cluster::builder().node("node_1", address.to_string()).connect_timeout(Duration::from_secs(1));
    let cluster = builder.build().unwrap();
    fails(cluster.set("foo", 1), ErrorKind::Connect, Outcome::NotApplied);
    assert!(cluster.pools()[0].silent);
    let begin = Instant::now();
    for _ in 0..50 {
        fails_at_once(cluster.set("foo", 1));
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn nobody_answers_who_connects() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    wire.set(Way::ToServer, 0, Fault::BlackHole);
    let builder = Cluster::builder().node("node_1", wire.address()).client_name("tester");
    let cluster = builder.connect_timeout(Duration::from_secs(1)).build().unwrap();
    fails(cluster.set("foo", 1), ErrorKind::Timeout, Outcome::NotApplied);
    assert!(cluster.pools()[0].silent);
    let begin = Instant::now();
    for _ in 0..50 {
        fails_at_once(cluster.set("foo", 1));
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    wire.heal();
    wait_until("it is used again", || cluster.set("foo", 1).is_ok());
}

#[test]
fn a_server_that_ends_while_it_is_silent_is_refused_and_comes_back() {
    let mut servers = [Server::start()];
    let cluster = cluster_of(&servers).deadline(DEADLINE).refresh_every(None).connect().unwrap();
    servers[0].freeze();
    fails(cluster.get::<_, Value>("foo"), ErrorKind::Timeout, Outcome::NotApplied);
    servers[0].kill();
    let error = fails(cluster.set("foo", 1), ErrorKind::Connect, Outcome::NotApplied);
    assert!(error.message().contains("refused"), "{error}");
    servers[0].restart();
    cluster.set("foo", 1).unwrap();
}

#[test]
fn an_observer_is_told_once() {
    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);
    impl Observer for Log {
        fn event(&self, event: &ObserverEvent<'_>) {
            let line = match event {
                ObserverEvent::ServerSilent { node, silent, .. } => {
                    assert!(*silent >= Duration::from_millis(900) && *silent < 2 * DEADLINE, "{silent:?}");
                    format!("{} is silent", node.name())
                }
                ObserverEvent::ServerHeard { node, .. } => format!("{} was heard", node.name()),
                _ => return,
            };
            self.0.lock().unwrap().push(line);
        }
    }
    let (log, server) = (Arc::new(Log::default()), Server::start());
    let builder = Cluster::builder().node("node_1", server.address()).observer(Arc::clone(&log));
    let cluster = builder.deadline(DEADLINE).refresh_every(None).connect().unwrap();
    server.freeze();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| cluster.get::<_, Value>("foo").unwrap_err());
        }
    });
    fails_at_once(cluster.get::<_, Value>("foo"));
    assert_eq!(*log.0.lock().unwrap(), ["node_1 is silent"]);
    server.thaw();
    wait_until("it is used again", || cluster.get::<_, Value>("foo").is_ok());
    assert_eq!(*log.0.lock().unwrap(), ["node_1 is silent", "node_1 was heard"]);
}

#[test]
fn a_silent_server_takes_no_time_from_large_replies_of_others() {
    let (servers, cluster) = three();
    let value = "x".repeat(1 << 20);
    let keys: Vec<String> = (0..300).map(|n| format!("k{n}")).collect();
    let at = |server: &Server| {
        let is_there = |key: &&String| home_of(&cluster, &servers, key).port() == server.port();
        keys.iter().filter(is_there).take(40).cloned().collect::<Vec<_>>()
    };
    let (silent, others) = servers.split_first().unwrap();
    let theirs = [at(&others[0]), at(&others[1])].concat();
    theirs.iter().for_each(|key| cluster.set(key, &value).unwrap());
    let own = at(silent).remove(0);
    cluster.set(&own, 1).unwrap();
    silent.freeze();
    let mut pipeline = cluster.deadline(3 * DEADLINE).pipeline();
    let lost = pipeline.get::<_, Value>(&own);
    let slots: Vec<_> = theirs.iter().map(|key| pipeline.get::<_, String>(key)).collect();
    let replies = pipeline.run_each();
    fails(replies.get(lost), ErrorKind::Timeout, Outcome::NotApplied);
    for slot in slots {
        assert_eq!(replies.get(slot).unwrap().len(), value.len());
    }
}

#[test]
fn a_silent_server_takes_no_time_from_a_large_reply_of_another() {
    let (servers, cluster) = three();
    for server in &servers[1..] {
        server.ask(&["EVAL", "for n = 1, 64 do redis.call('SET', string.rep('x', 262144) .. n, n) end", "0"]);
    }
    let masters = cluster.deadline(3 * DEADLINE).on_each_master();
    masters.dbsize().unwrap();
    servers[0].freeze();
    let listed = masters.keys::<_, Value>("*").unwrap();
    assert_eq!(listed.len(), 3);
    for (nth, (node, keys)) in listed.into_iter().enumerate() {
        assert_eq!(keys.is_ok(), nth > 0, "{node}: {:?}", keys.err());
    }
}

#[test]
fn to_ask_silent_replicas_who_the_master_is_takes_no_longer_than_the_deadline() {
    let mut master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    master.kill();
    replica.freeze();
    let begin = Instant::now();
    let error = cluster.deadline(Duration::from_millis(200)).set("foo", 2).unwrap_err();
    let took = begin.elapsed();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    assert!(took < DEADLINE, "{took:?}");
    // The question goes on without the call.
    replica.thaw();
    replica.promote();
    wait_until("the new master is found", || cluster.deadline(Duration::from_millis(200)).set("foo", 3).is_ok());
}
