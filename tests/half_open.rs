//! Connections that lead nowhere any more without a word: what lay unused is asked before it is used.

use rediscluster::prelude::*;
use rediscluster::{Builder, ErrorKind, Outcome, Phase};
use rediscluster_testing::{wait_until, Chaos, Fault, Server, Way};
use std::time::Duration;

/// Whatever lay unused at all is asked.
const AT_ONCE: Duration = Duration::from_nanos(1);

fn through(wire: &Chaos) -> Builder {
    let builder = Cluster::builder().node("node_1", wire.address()).masters_only(true).refresh_every(None);
    builder.check_after(AT_ONCE).deadline(Duration::from_secs(4))
}

/// What is sent next is swallowed, and so is everything after it on the same connection.
fn forget_connection(wire: &Chaos) {
    wire.set(Way::ToServer, 0, Fault::Swallow);
}

#[test]
fn a_write_on_a_forgotten_connection_is_done_once() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let cluster = through(&wire).connect().unwrap();
    for round in 1..=3 {
        cluster.incr("count").unwrap();
        let opened = cluster.pools()[0].opened;
        forget_connection(&wire);
        cluster.rpush("list", [round]).unwrap();
        assert_eq!(wire.fired(), 1);
        let pool = cluster.pools().remove(0);
        assert_eq!(pool.opened, opened + 1, "the call has taken a new connection");
        assert!(!pool.silent, "of the server this says nothing");
    }
    assert_eq!(cluster.lrange::<_, i64>("list", 0, -1).unwrap(), [1, 2, 3]);
}

#[test]
fn of_many_forgotten_connections_one_is_asked() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let cluster = through(&wire).deadline(Duration::from_secs(60)).connect().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        }
        wait_until("all wait", || server.field("clients", "blocked_clients").unwrap() == "5");
        server.ask(&["RPUSH", "wait", "1", "2", "3", "4", "5"]);
    });
    assert_eq!(cluster.pools()[0].idle, 5);
    forget_connection(&wire);
    cluster.set("foo", "bar").unwrap();
    let status = cluster.pools().remove(0);
    assert_eq!((status.open, status.idle), (1, 1), "those that lay beside it are closed");
    assert_eq!(wire.fired(), 1);
}

#[test]
fn a_server_that_says_nothing_was_sent_nothing() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let cluster = through(&wire).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    server.freeze();
    let error = cluster.set("foo", 2).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
    assert_eq!(error.phase(), Some(Phase::Handshake));
    assert!(cluster.pools()[0].silent, "now it is more than a connection that was forgotten");
    assert_eq!(error.command(), Some("SET"));
    server.thaw();
    wait_until("it serves again", || cluster.get::<_, u64>("foo").is_ok());
    assert_eq!(cluster.get::<_, u64>("foo").unwrap(), 1);
}

#[test]
fn what_was_used_a_moment_ago_is_not_asked() {
    let server = Server::start();
    let wire = Chaos::to(server.port());
    let asked = |cluster: &Cluster| {
        let before = server.calls("ping");
        for number in 0..20 {
            cluster.set("foo", number).unwrap();
        }
        server.calls("ping") - before
    };
    let cluster = through(&wire).connect().unwrap();
    assert!(asked(&cluster) >= 19, "all but one on a new connection");
    let cluster = through(&wire).check_after(Duration::MAX).connect().unwrap();
    assert_eq!(asked(&cluster), 0);
    let nodes = Cluster::builder().node("node_1", wire.address()).refresh_every(None);
    assert_eq!(asked(&nodes.connect().unwrap()), 0, "15 seconds unless told otherwise");
    let mistake = Cluster::builder().node("node_1", wire.address()).check_after(Duration::ZERO).connect();
    assert_eq!(mistake.unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_user_who_may_not_ping_is_served() {
    let server = Server::start();
    server.ask(&["ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "-ping"]);
    let builder = Cluster::builder().node("node_1", server.address()).masters_only(true).refresh_every(None);
    let cluster = builder.username("quiet").password("secret").check_after(AT_ONCE).connect().unwrap();
    for number in 0..5 {
        cluster.set("foo", number).unwrap();
    }
    assert_eq!(cluster.pools()[0].opened, 1, "a refusal is a word, too");
}
