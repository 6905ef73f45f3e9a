//! Wires that carry everything in pieces, slowly, with something more in between, or not at all.

use crate::exchange::Two;
use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Protocol, ScanOptions};
use rediscluster_testing::{Chaos, Fault, Server, Way};
use std::time::{Duration, Instant};

/// Something to call, whatever comes of it.
type Call = fn(&Cluster) -> Result<(), Error>;

/// A bit of everything, and what it gives.
fn everything(cluster: &Cluster) -> Result<Vec<String>, Error> {
    let mut said = Vec::new();
    cluster.mset([("foo", "1"), ("bar", "2")])?;
    said.extend(cluster.mget::<_, Vec<String>>(["bar", "foo"])?);
    cluster.rename("foo", "foo2{bar}")?;
    said.push(cluster.get::<_, String>("foo2{bar}")?);
    let mut pipeline = cluster.pipeline();
    let one = pipeline.incr("foo");
    let two = pipeline.get::<_, Option<String>>("missing{bar}");
    let replies = pipeline.run()?;
    said.push(format!("{} {:?}", replies.get(one)?, replies.get(two)?));
    let mut transaction = cluster.transaction();
    transaction.rpush("list{foo}", ["a", "b"]);
    let list = transaction.lrange::<_, String>("list{foo}", 0, -1);
    said.extend(transaction.run()?.get(list)?);
    said.push(cluster.eval::<_, _, _, String>("return ARGV[1]", ["foo"], "hello")?);
    let mut keys = cluster
        .scan_all(ScanOptions::new())
        .map(|found| found?.name::<String>())
        .collect::<Result<Vec<String>, Error>>()?;
    keys.sort();
    said.extend(keys);
    Ok(said)
}

#[test]
fn one_byte_at_a_time_is_the_same() {
    for two in Two::both() {
        two.begin(&[]);
        let whole = everything(&two.cluster).unwrap();
        for (bytes, pause) in [(1, Duration::ZERO), (3, Duration::from_micros(50))] {
            two.begin(&[]);
            two.wires.iter().for_each(|wire| wire.in_pieces(bytes, pause));
            assert_eq!(everything(&two.cluster).unwrap(), whole, "{bytes} bytes at a time");
        }
    }
}

#[test]
fn a_drip_ends_at_the_deadline() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let deadline = Duration::from_millis(300);
    let patient = Cluster::builder().node("node_1", wire.address()).connect().unwrap();
    let cluster = patient.deadline(deadline);
    server.ask(&["SET", "k", &"x".repeat(100)]);
    let calls: [(&str, Call); 4] = [
        ("GET", |cluster| cluster.get::<_, String>("k").map(drop)),
        ("pipeline", |cluster| {
            let mut pipeline = cluster.pipeline();
            for _ in 0..5 {
                pipeline.get::<_, String>("k");
            }
            pipeline.run().map(drop)
        }),
        ("transaction", |cluster| {
            let mut transaction = cluster.transaction();
            transaction.get::<_, String>("k");
            transaction.run().map(drop)
        }),
        ("scan", |cluster| cluster.scan_all(ScanOptions::new()).try_for_each(|found| found.map(drop))),
    ];
    for (name, call) in calls {
        assert!(call(&patient).is_ok(), "{name}");
        wire.in_pieces(1, Duration::from_millis(40));
        let begin = Instant::now();
        let error = call(&cluster).unwrap_err();
        let took = begin.elapsed();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error}");
        assert!(took >= deadline && took < deadline * 10, "{name}: {took:?}");
        wire.heal();
        server.ask(&["SET", "own", name]);
        assert_eq!(patient.get::<_, String>("own").unwrap(), name, "{name}");
    }
}

#[test]
fn a_push_between_replies_is_nothing_and_garbage_ends_the_connection() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let cluster = Cluster::builder().node("node_1", wire.address()).protocol(Protocol::Resp3).connect().unwrap();
    cluster.mset([("a", 1), ("b", 2)]).unwrap();
    let push = b">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n";
    let pipeline = || {
        let mut pipeline = cluster.pipeline();
        let slots = ["a", "b", "a"].map(|key| pipeline.get::<_, i64>(key));
        let replies = pipeline.run_each();
        slots.map(|slot| replies.get(slot))
    };
    // Each reply is seven bytes: `$1\r\n1\r\n`.
    for reply in 0..3 {
        wire.set(Way::ToClient, reply * 7, Fault::Insert(push.to_vec()));
        assert_eq!(pipeline().map(Result::unwrap), [1, 2, 1]);
        assert_eq!(wire.fired(), 1);
    }
    // Writes are not repeated, so what came before the garbage counts and nothing after it.
    for (nth, garbage) in [&b"@"[..], b"*-7\r\n", b"$x\r\n", b"\n", b">1\r\n>1\r\n+x\r\n"].iter().enumerate() {
        let reply = nth % 3;
        let before = wire.accepted();
        server.ask(&["DEL", "x", "y", "z"]);
        // Each reply is four bytes: `:1\r\n`.
        wire.set(Way::ToClient, reply * 4, Fault::Insert(garbage.to_vec()));
        let mut pipeline = cluster.pipeline();
        let slots = ["x", "y", "z"].map(|key| pipeline.incr(key));
        let replies = pipeline.run_each();
        for (at, slot) in slots.into_iter().enumerate() {
            match replies.get(slot) {
                Ok(value) => assert_eq!((value, at < reply), (1, true), "{garbage:?}"),
                Err(error) => {
                    let told = (error.kind(), error.outcome(), at >= reply);
                    assert_eq!(told, (ErrorKind::Protocol, Outcome::Unknown, true), "{garbage:?}: {error}");
                }
            }
        }
        assert_eq!(cluster.get::<_, i64>("b").unwrap(), 2);
        assert!(wire.accepted() > before, "the connection was closed: {garbage:?}");
    }
}

#[test]
fn a_black_hole_swallows_its_own_calls_only() {
    let servers = [Server::start(), Server::start()];
    let wires = [Chaos::to(servers[0].port()), Chaos::to(servers[1].port())];
    let deadline = Duration::from_millis(250);
    let builder = Cluster::builder().node("node_1", wires[0].address()).node("node_2", wires[1].address());
    let patient = builder.connect().unwrap();
    patient.mset([("foo", "1"), ("bar", "2")]).unwrap();
    let cluster = patient.deadline(deadline);
    for way in [Way::ToServer, Way::ToClient] {
        wires[1].set(way, 3, Fault::BlackHole);
        let begin = Instant::now();
        let error = cluster.set("foo", "3").unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
        // New connections are taken and nothing comes of them.
        let error = cluster.set("foo", "4").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(cluster.mget::<_, Vec<String>>(["foo", "bar"]).is_err());
        assert!(begin.elapsed() < deadline * 10, "{:?}", begin.elapsed());
        assert_eq!(patient.get::<_, String>("bar").unwrap(), "2");
        wires[1].heal();
        let held = servers[1].ask(&["GET", "foo"]).text();
        assert_eq!(patient.get::<_, String>("foo").unwrap(), held);
        assert_ne!(held, "4", "it was swallowed");
        patient.set("foo", "1").unwrap();
    }
}
