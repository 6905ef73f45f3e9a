//! What `docs/what-happens-when.md` says of failures, on real servers. What is said there of stashes, of subscribers and of
//! conflicts is tested in `carry`, `kills`, `pubsub_failures` and `transaction`.

use rediscluster::prelude::*;
use rediscluster::resp::Limits;
use rediscluster::{Builder, ErrorKind, Outcome, Pipeline, Retries, Script, SubscriberOptions, Value};
use rediscluster_testing::{cluster_of, fails, home_of, wait_until, Server};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// `foo` lives on the second of two nodes, `bar` on the first.
fn two() -> [Server; 2] {
    [Server::start(), Server::start()]
}

#[test]
fn a_master_dies() {
    let mut servers = two();
    let replica = Server::replica_of(&servers[1], &[]);
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    servers[1].wait_for_replica(&replica);
    servers[1].kill();
    // The idle connection of before has to be found dead first; what is lost with it is not known.
    let first = cluster.set("foo", 3).unwrap_err();
    assert!(matches!((first.kind(), first.outcome()), (ErrorKind::Io, Outcome::Unknown) | (ErrorKind::Connect, _)));
    fails(cluster.set("foo", 3), ErrorKind::Connect, Outcome::NotApplied);
    fails(cluster.mset([("foo", 3), ("bar", 3)]), ErrorKind::Connect, Outcome::NotApplied);
    assert_eq!(cluster.get::<_, u64>("bar").unwrap(), 2, "nothing was begun, and other nodes go on");
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1, "its replica serves reads");
    fails(cluster.masters_only().get::<_, u64>("foo"), ErrorKind::Connect, Outcome::NotApplied);
    fails(cluster.refresh(), ErrorKind::Connect, Outcome::NotApplied);
    assert_eq!(cluster.topology().servers().count(), 3, "it stands as it was last known");
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1, "its replica goes on");
    let later = cluster_of(&servers).connect().unwrap();
    assert_eq!(later.unreachable()[0].node.name(), "node_2");
    assert_eq!(later.get::<_, u64>("bar").unwrap(), 2);
    fails(later.set("foo", 3), ErrorKind::Connect, Outcome::NotApplied);
    fails(cluster_of(&servers).require_all(true).connect(), ErrorKind::Connect, Outcome::NotApplied);
    servers[1].restart();
    later.set("foo", 4).unwrap();
    assert!(later.unreachable().is_empty());
    cluster.set("foo", 4).unwrap();
}

#[test]
fn a_replica_dies_or_says_nothing() {
    let master = Server::start();
    let mut replica = Server::replica_of(&master, &[]);
    let builder = Cluster::builder().node("node_1", master.address());
    let cluster = builder.deadline(Duration::from_secs(4)).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    replica.freeze();
    let read = || {
        let begin = Instant::now();
        assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1);
        begin.elapsed()
    };
    let took = read();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "a quarter: {took:?}");
    let took = read();
    assert!(took < Duration::from_millis(400), "it rests: {took:?}");
    replica.thaw();
    replica.kill();
    assert!(read() < Duration::from_millis(900), "refused is known at once");
    wait_until("its master has noticed", || master.field("replication", "connected_slaves").as_deref() == Some("0"));
    cluster.refresh().unwrap();
    assert_eq!(cluster.topology().servers().count(), 1);
}

#[test]
fn a_server_says_nothing() {
    let servers = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_millis(500)).connect().unwrap();
    let clone = cluster_of(&servers).deadline(Duration::from_millis(500)).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    clone.set("foo", 1).unwrap();
    servers[1].freeze();
    let begin = Instant::now();
    fails(cluster.incr("foo"), ErrorKind::Timeout, Outcome::Unknown);
    assert!(begin.elapsed() < Duration::from_millis(1500), "it is not tried again");
    fails(cluster.get::<_, u64>("foo"), ErrorKind::Timeout, Outcome::NotApplied);
    cluster.set("bar", 1).unwrap();
    let error = fails(clone.mset([("foo", 5), ("bar", 5)]), ErrorKind::Timeout, Outcome::Unknown);
    let parts: Vec<(&str, Outcome)> = error.parts().iter().map(|part| (part.node.as_str(), part.outcome)).collect();
    assert!(parts.contains(&("node_1", Outcome::Applied)) && parts.contains(&("node_2", Outcome::Unknown)), "{error}");
    // On a new connection it would have to say first who it is.
    fails(cluster.mset([("foo", 6), ("bar", 6)]), ErrorKind::Timeout, Outcome::NotApplied);
    servers[1].thaw();
    // What was sent arrives; here both the INCR and the MSET.
    wait_until("it has run what was sent", || servers[1].ask(&["GET", "foo"]).text() == "5");
    assert_eq!((servers[1].calls("incr"), servers[1].calls("mset")), (1, 1));
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 5, "on a new connection");
}

/// `tests/silence.rs` has the details.
#[test]
fn a_silent_server_fails_fast() {
    let servers = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(1)).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    servers[1].freeze();
    fails(cluster.incr("foo"), ErrorKind::Timeout, Outcome::Unknown);
    // The next one tries it, and those after it do not.
    fails(cluster.incr("foo"), ErrorKind::Connect, Outcome::NotApplied);
    let begin = Instant::now();
    let error = fails(cluster.incr("foo"), ErrorKind::Connect, Outcome::NotApplied);
    assert!(begin.elapsed() < Duration::from_millis(500), "at once");
    assert!(error.message().contains("has said nothing for") && error.message().contains("asked again in"), "{error}");
    assert!(cluster.pools()[1].silent && !cluster.pools()[0].silent);
    cluster.set("bar", 1).unwrap();
    servers[1].thaw();
    wait_until("it is used again", || cluster.incr("foo").is_ok());
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 3, "the first one, and the last one");
}

/// A listener that nobody takes connections from: once its queue is full, the system answers no more.
#[test]
fn the_way_to_a_server_swallows_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
    }
    let builder = Cluster::builder().node("node_1", address.to_string());
    let cluster = builder.connect_timeout(Duration::from_millis(300)).build().unwrap();
    let begin = Instant::now();
    fails(cluster.incr("foo"), ErrorKind::Connect, Outcome::NotApplied);
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_handshake_that_is_not_answered() {
    let server = Server::builder().password("secret").start();
    let builder = Cluster::builder().node("node_1", server.address()).password("secret");
    let cluster = builder.connect_timeout(Duration::from_millis(300)).connect().unwrap();
    server.freeze();
    let begin = Instant::now();
    fails(cluster.incr("foo"), ErrorKind::Timeout, Outcome::NotApplied);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_pool_is_full() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_millis(300)).connect().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| cluster.blpop::<_, String, String>("jobs", Duration::from_secs(20)).unwrap());
        wait_until("it waits", || servers[0].field("clients", "blocked_clients").as_deref() == Some("1"));
        fails(cluster.set("foo", 1), ErrorKind::PoolTimeout, Outcome::NotApplied);
        let pool = &cluster.pools()[0];
        assert_eq!((pool.open, pool.waited, pool.timed_out), (1, 1, 1));
        servers[0].ask(&["RPUSH", "jobs", "one"]);
    });
    cluster.set("foo", 1).unwrap();
}

#[test]
fn who_may_what() {
    let server = Server::builder().password("secret").start();
    let with = |password: Option<&str>| {
        let builder = Cluster::builder().node("node_1", server.address());
        password.into_iter().fold(builder, Builder::password)
    };
    fails(with(None).connect(), ErrorKind::NoAuth, Outcome::NotApplied);
    fails(with(Some("wrong")).connect(), ErrorKind::WrongPass, Outcome::NotApplied);
    fails(with(Some("wrong")).build().unwrap().set("foo", 1), ErrorKind::WrongPass, Outcome::NotApplied);

    server.ask(&["ACL", "SETUSER", "reader", "on", ">r", "~*", "+get", "+info"]);
    server.ask(&["ACL", "SETUSER", "silent", "on", ">s", "~*", "+get"]);
    let reader = with(Some("r")).username("reader").connect().unwrap();
    assert_eq!(reader.get::<_, Option<String>>("foo").unwrap(), None);
    let error = fails(reader.set("foo", 1), ErrorKind::NoPerm, Outcome::NotApplied);
    assert_eq!(error.command(), Some("SET"));
    let error = fails(with(Some("s")).username("silent").connect(), ErrorKind::NoPerm, Outcome::NotApplied);
    assert_eq!(error.command(), Some("INFO"));

    // A changed password concerns new connections.
    let [cluster, other] = [(); 2].map(|()| with(Some("secret")).connect().unwrap());
    other.set("foo", 1).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| cluster.blpop::<_, String, String>("jobs", Duration::from_secs(20)));
        wait_until("it waits", || server.field("clients", "blocked_clients").as_deref() == Some("1"));
        other.config_set([("requirepass", "new")]).unwrap();
        fails(cluster.set("foo", 2), ErrorKind::WrongPass, Outcome::NotApplied);
        other.rpush("jobs", ["one"]).unwrap();
        assert!(waits.join().unwrap().is_ok(), "open connections go on");
    });
    cluster.set("foo", 2).unwrap();
}

#[test]
fn a_replica_is_promoted() {
    let mut servers = two();
    let replica = Server::replica_of(&servers[1], &[]);
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    servers[1].wait_for_replica(&replica);
    servers[1].kill();
    replica.promote();
    // The idle connection of before has to be found dead first; what is lost with it is not known.
    if let Err(error) = cluster.set("foo", 2) {
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::Unknown), "{error}");
    }
    cluster.set("foo", 2).unwrap();
    assert_eq!(cluster.node_for("foo").address().port(), replica.port());

    // The old master comes back as a replica of the new one.
    servers[1].restart();
    servers[1].ask(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]);
    wait_until("it follows", || servers[1].field("replication", "master_link_status").as_deref() == Some("up"));
    cluster.set("foo", 3).unwrap();
    assert_eq!(cluster.masters_only().get::<_, u64>("foo").unwrap(), 3);
    cluster.set("bar", 1).unwrap();
}

#[test]
fn refresh_follows_a_promotion() {
    let mut servers = two();
    let replica = Server::replica_of(&servers[1], &[]);
    let cluster = cluster_of(&servers).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    servers[1].wait_for_replica(&replica);
    replica.promote();
    servers[1].ask(&["REPLICAOF", "127.0.0.1", &replica.port().to_string()]);
    wait_until("it follows", || servers[1].field("replication", "master_link_status").as_deref() == Some("up"));
    cluster.refresh().unwrap();
    assert_eq!(cluster.node_for("foo").address().port(), replica.port());
    cluster.set("foo", 2).unwrap();
    servers[1].kill();
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 2, "the new master serves reads");
    cluster.refresh().unwrap();
    cluster.set("bar", 1).unwrap();
}

#[test]
fn a_server_is_loading() {
    let quick = Server::start();
    if !quick.is_since("7.0", "a server that loads slowly") {
        return;
    }
    // It reads its disk slowly, and answers meanwhile.
    let mut slow = Server::start_with(&["--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024"]);
    slow.ask(&["EVAL", "for i = 1, 20000 do redis.call('SET', 'key' .. i, ('x'):rep(100)) end", "0"]);
    slow.ask(&["SAVE"]);
    slow.kill();
    let nodes = || Cluster::builder().node("node_1", quick.address()).node("node_2", slow.address());
    let cluster = nodes().build().unwrap();
    let builder = nodes();
    thread::scope(|scope| {
        let slow = &mut slow;
        scope.spawn(move || slow.restart());
        let mut refused = None;
        wait_until("it loads", || {
            refused = cluster.get::<_, Value>("foo").err();
            refused.as_ref().is_some_and(|error| error.kind() == ErrorKind::Loading)
        });
        assert_eq!(refused.map(|error| error.outcome()), Some(Outcome::NotApplied));
        fails(cluster.set("foo", 1), ErrorKind::Loading, Outcome::NotApplied);
        cluster.set("bar", 1).unwrap();
        let another = builder.connect().expect("a server that loads says who it is");
        fails(another.set("foo", 1), ErrorKind::Loading, Outcome::NotApplied);
        let count = |pipeline: &mut Pipeline| {
            let both = [pipeline.incr("count{foo}"), pipeline.incr("count{foo}")];
            (both, pipeline.incr("bar"))
        };
        let mut pipeline = cluster.pipeline();
        let (both, bar) = count(&mut pipeline);
        let replies = pipeline.run_each();
        assert_eq!(replies.get(bar).unwrap(), 2, "other nodes go on");
        let _ = both.map(|slot| fails(replies.get(slot), ErrorKind::Loading, Outcome::NotApplied));
        // Those that are patient wait until it is done.
        let retries = Retries::up_to(1000).pauses(Duration::from_secs(3), Duration::from_secs(4));
        let patient = another.deadline(Duration::from_secs(60)).retries(retries);
        let waiting = patient.clone();
        let waits = scope.spawn(move || {
            let mut transaction = waiting.transaction();
            transaction.incr("list{foo}");
            transaction.run().map(drop)
        });
        let mut pipeline = patient.pipeline();
        let (both, _) = count(&mut pipeline);
        let replies = pipeline.run().unwrap();
        assert_eq!(both.map(|slot| replies.get(slot).unwrap()), [1, 2]);
        waits.join().unwrap().unwrap();
    });
    cluster.set("foo", 1).unwrap();
}

#[test]
fn a_server_is_out_of_memory() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    fails(cluster.set("foo", 2), ErrorKind::OutOfMemory, Outcome::NotApplied);
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1);
    let error = fails(cluster.mset([("foo", 2), ("bar", 2)]), ErrorKind::OutOfMemory, Outcome::Partial);
    let refused = error.parts().iter().find(|part| part.node == "node_2").unwrap();
    assert_eq!((refused.outcome, refused.keys.as_slice()), (Outcome::NotApplied, &[b"foo".to_vec()][..]));
    assert_eq!(cluster.mget::<_, Vec<u64>>(["foo", "bar"]).unwrap(), [1, 2]);
    let mut transaction = cluster.transaction();
    transaction.get::<_, u64>("foo");
    transaction.set("foo", 3);
    fails(transaction.run(), ErrorKind::OutOfMemory, Outcome::NotApplied);
    // A move needs room at its destination.
    cluster.rpush("list{bar}", ["x"]).unwrap();
    for command in
        [cmd("RENAME").args_of(["bar", "foo"]), cmd("LMOVE").args_of(["list{bar}", "l{foo}", "LEFT", "LEFT"])]
    {
        fails(cluster.execute(command), ErrorKind::OutOfMemory, Outcome::NotApplied);
    }
    assert_eq!((cluster.get::<_, u64>("bar").unwrap(), cluster.llen("list{bar}").unwrap()), (2, 1));
    assert_eq!(cluster.del(["foo"]).unwrap(), 1, "room can be made");
}

#[test]
fn a_script_fails_in_the_middle() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap();
    let script = Script::new("redis.call('INCR', KEYS[1]) return redis.call('LPUSH', KEYS[1], 'x')");
    let error = script.call().key("foo").run::<Value>(&cluster).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!(home_of(&cluster, &servers, "foo").ask(&["GET", "foo"]).text(), "1", "what it wrote stays");
    assert_eq!(servers[1].calls("eval") + servers[1].calls("evalsha"), 2, "by its name, then as a whole, and no more");
}

/// The defaults are those of the table.
#[test]
fn the_table_of_defaults() {
    let document = include_str!("../docs/what-happens-when.md");
    let builder = format!("{:?}", Builder::default());
    let (subscriber, limits) = (format!("{:?}", SubscriberOptions::new()), format!("{:?}", Limits::default()));
    for (shown, in_code, in_table) in [
        (&builder, "deadline: 5s", "| `Builder::deadline` | 5 s |"),
        (&builder, "connect_timeout: 2s", "| `Builder::connect_timeout` | 2 s |"),
        (&builder, "pool_size: 16", "| `Builder::pool_size` | 16 |"),
        (&builder, "check_after: 15s", "| `Builder::check_after` | 15 s |"),
        (&builder, "read_from: Replica,", "| `Builder::read_from` | `Replica` |"),
        (&builder, "max_replica_lag: None", "| `Builder::max_replica_lag` | no limit |"),
        (&builder, "stand_in_after: 1s", "| `Builder::stand_in_after` | 1 s |"),
        (&builder, "require_all: false", "| `Builder::require_all` | no |"),
        (&builder, "refresh_every: Some(10s)", "| `Builder::refresh_every` | 10 s |"),
        (&builder, "cross_node: Emulate", "| `Builder::cross_node` | `Emulate` |"),
        (&builder, "hash_tags: Strip", "| `Builder::hash_tags` | `Strip` |"),
        (&builder, "protocol: Resp2", "| `Builder::protocol` | `Resp2` |"),
        (&builder, "database: None", "| `Builder::database` | 0 |"),
        (
            &builder,
            "most: 3, most_connecting: 1",
            "| retries by default: of a dead connection, of `LOADING` and the like | 1, 3 |",
        ),
        (&builder, "unknown: false, first_pause: 20ms", "after random pauses of at most 20, 40 and 80 ms"),
        (&subscriber, "check_after: 15s", "| `SubscriberOptions::check_after` | 15 s |"),
        (&subscriber, "reconnect_within: 10s", "| `SubscriberOptions::reconnect_within` | 10 s |"),
        (&subscriber, "buffer: 8388608", "| `SubscriberOptions::buffer` | 8 MiB |"),
        (&limits, "nesting: 128", "| `Limits::nesting` | 128 |"),
        (&limits, "bulk: 536870912", "| `Limits::bulk` | 512 MiB |"),
        (&limits, "line: 65536", "| `Limits::line` | 64 KiB |"),
    ] {
        assert!(shown.contains(in_code), "{in_code} in {shown}");
        assert!(document.contains(in_table), "{in_table}");
    }
}
