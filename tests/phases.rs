//! Every error of a call says which server failed it, which command, and how far the call had come.

use rediscluster::prelude::*;
use rediscluster::{Builder, Cancel, Cluster, Error, ErrorKind, Outcome, Phase, Retries};
use rediscluster_testing::{cluster_of, dead_address, greet, read_command, wait_until, ScriptedPeer, Server};
use std::fmt::Debug;
use std::io::{BufReader, Read};
use std::net::TcpListener;
use std::time::Duration;

/// What a call failed of; it names its node and its command.
#[track_caller]
fn failed<T: Debug>(result: Result<T, Error>, command: &str) -> (ErrorKind, Outcome, Phase) {
    let error = result.unwrap_err();
    assert!(error.node().is_some_and(|node| node.starts_with("node_")), "{error:?}");
    assert_eq!(error.command(), Some(command), "{error:?}");
    let phase = error.phase().unwrap_or_else(|| panic!("{error:?}"));
    assert!(format!("{error:?}").contains(&format!("phase: {phase:?}")), "{error:?}");
    (error.kind(), error.outcome(), phase)
}

/// Without retries, and without replicas.
fn once(builder: Builder) -> Cluster {
    builder.masters_only(true).retries(Retries::none()).deadline(Duration::from_millis(300)).build().unwrap()
}

fn at(peer: &ScriptedPeer) -> Builder {
    Cluster::builder().node("node_1", peer.address())
}

use ErrorKind::{Connect, Io, PoolTimeout, Protocol, Reply, Timeout, WrongPass, WrongType};
use Outcome::{Applied, NotApplied, Unknown};

#[test]
fn all_connections_are_in_use() {
    let servers = [Server::start()];
    let cluster = once(cluster_of(&servers).pool_size(1));
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.blpop::<_, String, String>("jobs", Duration::from_secs(20)).unwrap());
        wait_until("it waits", || servers[0].field("clients", "blocked_clients").as_deref() == Some("1"));
        assert_eq!(failed(cluster.set("foo", 1), "SET"), (PoolTimeout, NotApplied, Phase::Pool));
        servers[0].ask(&["RPUSH", "jobs", "one"]);
    });
}

#[test]
fn nobody_is_there() {
    let cluster = once(Cluster::builder().node("node_1", dead_address()));
    assert_eq!(failed(cluster.set("foo", 1), "SET"), (Connect, NotApplied, Phase::Connect));
    assert_eq!(failed(cluster.mset([("foo", 1)]), "MSET"), (Connect, NotApplied, Phase::Connect));
    let mut pipeline = cluster.pipeline();
    let slot = pipeline.incr("foo");
    assert_eq!(failed(pipeline.run_each().get(slot), "INCR"), (Connect, NotApplied, Phase::Connect));
    let mut transaction = cluster.transaction();
    transaction.incr("foo");
    let (kind, outcome, phase) = failed(transaction.run().map(drop), "MULTI");
    assert_eq!((kind, outcome, phase), (Connect, NotApplied, Phase::Connect));
    let error = cluster.subscriber().subscribe("news").unwrap_err();
    assert_eq!((error.kind(), error.phase()), (Connect, Some(Phase::Connect)), "{error:?}");
}

#[test]
fn a_connection_that_is_not_made_ready() {
    let silent = ScriptedPeer::new(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let cluster = once(at(&silent).password("secret"));
    assert_eq!(failed(cluster.set("foo", 1), "AUTH"), (Timeout, NotApplied, Phase::Handshake));
    let garbage = ScriptedPeer::answering(|_| b"@\r\n".to_vec());
    let cluster = once(at(&garbage).client_name("reports"));
    assert_eq!(failed(cluster.set("foo", 1), "CLIENT"), (Protocol, NotApplied, Phase::Handshake));
    let servers = [Server::builder().password("secret").start()];
    let cluster = once(cluster_of(&servers).password("wrong"));
    assert_eq!(failed(cluster.set("foo", 1), "AUTH"), (WrongPass, NotApplied, Phase::Handshake));
    // Also a connection that is sent to another database.
    let cluster = once(cluster_of(&servers).password("secret")).database(99);
    assert_eq!(failed(cluster.set("foo", 1), "SELECT"), (ErrorKind::Server, NotApplied, Phase::Handshake));
}

#[test]
fn a_command_that_is_not_taken() {
    // It takes the head of a value, and nothing more.
    let stalled = ScriptedPeer::new(|stream| {
        let mut reader = BufReader::with_capacity(16, stream);
        greet(&mut reader);
        let _ = reader.read(&mut [0; 16]);
        std::thread::sleep(Duration::from_secs(1));
    });
    let cluster = once(at(&stalled));
    assert_eq!(failed(cluster.set("foo", vec![b'x'; 32 << 20]), "SET"), (Timeout, NotApplied, Phase::Send));
    // It takes the head and is gone. A scripted peer would keep its socket until it is dropped.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let cluster = once(Cluster::builder().node("node_1", listener.local_addr().unwrap().to_string()));
    let gone = std::thread::spawn(move || {
        let mut reader = BufReader::with_capacity(16, listener.accept().unwrap().0);
        greet(&mut reader);
        drop(reader.read(&mut [0; 16]));
    });
    let result = cluster.deadline(Duration::from_secs(5)).set("foo", vec![b'x'; 32 << 20]);
    assert_eq!(failed(result, "SET"), (Io, NotApplied, Phase::Send));
    gone.join().unwrap();
}

/// A server that has as many clients as it takes says so and hangs up before anything was asked.
#[test]
fn the_reason_of_a_server_that_takes_no_command() {
    let server = Server::start_with(&["--maxclients", "1"]);
    let mut only = server.talk(Duration::from_secs(5)).unwrap();
    while only.expect_ok(&["PING"]).is_err() {
        only = server.talk(Duration::from_secs(5)).unwrap();
    }
    let cluster = once(Cluster::builder().node("node_1", server.address())).deadline(Duration::from_secs(5));
    for round in 0..20 {
        let error = cluster.set("foo", vec![b'x'; 32 << 20]).unwrap_err();
        assert_eq!(error.message(), "ERR max number of clients reached", "in round {round}");
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Server, NotApplied), "{error:?}");
        assert_eq!(error.phase(), Some(Phase::Handshake));
    }
}

#[test]
fn a_reply_that_is_none() {
    let silent = ScriptedPeer::new(|stream| {
        let mut reader = BufReader::new(stream);
        greet(&mut reader);
        drop(reader.read_to_end(&mut Vec::new()));
    });
    let cluster = once(at(&silent));
    assert_eq!(failed(cluster.set("foo", 1), "SET"), (Timeout, Unknown, Phase::Receive));
    assert_eq!(failed(cluster.get::<_, String>("foo"), "GET"), (Timeout, NotApplied, Phase::Receive));
    let mut pipeline = cluster.pipeline();
    let slot = pipeline.incr("foo");
    assert_eq!(failed(pipeline.run_each().get(slot), "INCR"), (Timeout, Unknown, Phase::Receive));
    let gone = ScriptedPeer::new(|stream| {
        let mut reader = BufReader::new(stream);
        greet(&mut reader);
        drop(read_command(&mut reader));
    });
    assert_eq!(failed(once(at(&gone)).set("foo", 1), "SET"), (Io, Unknown, Phase::Receive));
    let garbage = ScriptedPeer::master(|_| b"@\r\n".to_vec());
    assert_eq!(failed(once(at(&garbage)).set("foo", 1), "SET"), (Protocol, Unknown, Phase::Receive));
}

#[test]
fn a_reply_that_refuses_or_does_not_fit() {
    let servers = [Server::start(), Server::start()];
    let cluster = once(cluster_of(&servers));
    cluster.set("foo", "bar").unwrap();
    assert_eq!(failed(cluster.lpush("foo", ["x"]), "LPUSH"), (WrongType, NotApplied, Phase::Receive));
    assert_eq!(failed(cluster.get::<_, i64>("foo"), "GET"), (Reply, Applied, Phase::Receive));
    // One of two nodes.
    servers[1].freeze();
    let error = cluster.mset([("foo", 1), ("bar", 1)]).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (Timeout, Some(Phase::Receive)), "{error:?}");
    servers[1].thaw();
}

#[test]
fn what_fails_at_no_server() {
    let servers = [Server::start(), Server::start()];
    let cluster = once(cluster_of(&servers));
    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled = cluster.cancelled_by(&cancel).blpop::<_, String, String>("jobs", Duration::ZERO).unwrap_err();
    let across = cluster.execute(cmd("EVAL").args_of(["return 1", "2", "foo", "bar"])).unwrap_err();
    let mistake = Cluster::builder().connect().unwrap_err();
    for (error, kind) in [
        (cancelled, ErrorKind::Cancelled),
        (across, ErrorKind::CrossNode),
        (mistake, ErrorKind::Config),
        (cluster.execute(cmd("GET")).unwrap_err(), ErrorKind::Argument),
        (cluster.execute(cmd("MULTI")).unwrap_err(), ErrorKind::Refused),
    ] {
        assert_eq!((error.kind(), error.phase(), error.node()), (kind, None, None), "{error:?}");
    }
}
