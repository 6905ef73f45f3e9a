//! Connections whose way to the server has ended without a word while they lay unused (half open): nothing is lost on
//! them.

use rediscluster::prelude::*;
use rediscluster::{Builder, ErrorKind, Outcome};
use rediscluster_testing::{cluster_of, read_command, Chaos, Fault, Reply, ScriptedPeer, Server, Way};
use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::sleep;
use std::time::{Duration, Instant};

const UNUSED: Duration = Duration::from_millis(200);
const LONGER: Duration = Duration::from_millis(300);

fn by(wire: &Chaos) -> Builder {
    let builder = Cluster::builder().node("node_1", wire.address()).masters_only(true).refresh_every(None);
    builder.deadline(Duration::from_secs(2))
}

#[test]
fn a_write_is_not_lost_on_a_connection_that_leads_nowhere() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let cluster = by(&wire).check_after(UNUSED).connect().unwrap();
    assert_eq!(cluster.incr("count").unwrap(), 1);
    let opened = cluster.pools()[0].opened;
    wire.set(Way::ToServer, 0, Fault::Swallow);
    sleep(LONGER);
    let began = Instant::now();
    assert_eq!(cluster.incr("count").unwrap(), 2);
    let took = began.elapsed();
    assert!((Duration::from_millis(400)..Duration::from_millis(1_500)).contains(&took), "a quarter: {took:?}");
    assert_eq!(cluster.pools()[0].opened, opened + 1);
    assert!(!cluster.pools()[0].silent, "of the server this says nothing");
    assert_eq!(server.ask(&["GET", "count"]), Reply::bulk("2"));
    // One that was used a moment ago is not asked, and its call may be lost.
    let hurried = by(&wire).check_after(Duration::from_secs(3600)).connect().unwrap();
    assert_eq!(hurried.incr("count").unwrap(), 3);
    wire.set(Way::ToServer, 0, Fault::Swallow);
    sleep(LONGER);
    let error = hurried.incr("count").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
}

#[test]
fn several_of_them_cost_one_wait() {
    // Connections of an earlier age are not answered any more.
    let (age, together) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(3)));
    let (of_peer, counted) = (Arc::clone(&age), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&counted);
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        let born = of_peer.load(Ordering::SeqCst);
        while let Ok(Some(words)) = read_command(&mut reader) {
            if born != of_peer.load(Ordering::SeqCst) {
                continue;
            }
            if words[0] == b"STRLEN" {
                together.wait();
            }
            count.fetch_add(usize::from(words[0] == b"INCR"), Ordering::SeqCst);
            let _ = reader.get_mut().write_all(b":1\r\n");
        }
    });
    let builder = Cluster::builder().node("node_1", peer.address()).masters_only(true).check_after(UNUSED);
    let cluster = builder.deadline(Duration::from_secs(2)).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(cluster.strlen("foo").unwrap(), 1));
        }
    });
    assert_eq!(cluster.pools()[0].idle, 3);
    age.fetch_add(1, Ordering::SeqCst);
    sleep(LONGER);
    let began = Instant::now();
    assert_eq!(cluster.incr("foo").unwrap(), 1);
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(counted.load(Ordering::SeqCst), 1);
    let pool = &cluster.pools()[0];
    assert_eq!((pool.open, pool.idle, pool.opened), (1, 1, 4), "{pool:?}");
}

#[test]
fn one_that_answers_is_used_again() {
    let servers = [Server::start()];
    servers[0].ask(&["ACL", "SETUSER", "other", "on", ">secret", "~*", "+@all", "-ping"]);
    let asked = || servers[0].calls("ping");
    for (builder, more) in [
        (cluster_of(&servers), 0),
        (cluster_of(&servers).check_after(Duration::ZERO), 3),
        // Who may not PING is answered as well.
        (cluster_of(&servers).check_after(Duration::ZERO).username("other").password("secret"), 0),
    ] {
        let cluster = builder.masters_only(true).refresh_every(None).connect().unwrap();
        cluster.set("foo", 0).unwrap();
        let before = asked();
        for count in 1..=3 {
            sleep(Duration::from_millis(5));
            assert_eq!(cluster.incr("foo").unwrap(), count);
        }
        assert_eq!(asked() - before, more);
        assert_eq!(cluster.pools()[0].opened, 1);
    }
}
