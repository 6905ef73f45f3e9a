//! Subscribers whose node gets another master while the old one goes on running.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Event, Outcome, Subscriber, SubscriberOptions};
use rediscluster_testing::{cluster_of, wait_until, Reply, Server};
use std::time::{Duration, Instant};

/// Far less than a subscriber waits until it asks a silent server whether it lives.
const SOON: Duration = Duration::from_secs(5);

/// Two masters, of which the second has a replica. `foo` lives on the second, `bar` on the first.
fn servers() -> ([Server; 2], Server) {
    let masters = [Server::start(), Server::start()];
    let replica = Server::replica_of(&masters[1], &[]);
    (masters, replica)
}

fn without_thread(masters: &[Server]) -> rediscluster::Builder {
    cluster_of(masters).refresh_every(None)
}

fn event(subscriber: &mut Subscriber) -> Event {
    subscriber.next_timeout(SOON).unwrap().expect("an event")
}

/// The next two events: the old server is left, the new one listened to.
fn moved(subscriber: &mut Subscriber, old: &Server, new: &Server) {
    let Event::Disconnected { node, error, .. } = event(subscriber) else { panic!("it leaves the old master") };
    assert_eq!((node.name(), node.address().to_string()), ("node_2", old.address()));
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::NotApplied), "{error}");
    assert_eq!(error.node(), Some(format!("node_2 ({})", old.address()).as_str()));
    assert_eq!(error.message(), format!("{} is the master of this node now", new.address()));
    let Event::Reconnected { node, .. } = event(subscriber) else { panic!("it has come to the new master") };
    assert_eq!((node.name(), node.address().to_string()), ("node_2", new.address()));
}

/// What is sent to the new master is heard, once for each way in which it is listened to.
fn hears(subscriber: &mut Subscriber, new: &Server) {
    assert_eq!(new.ask(&["PUBLISH", "foo", "news"]).int(), 2, "a channel and a pattern");
    for _ in 0..2 {
        let Event::Message(message) = event(subscriber) else { panic!("a message") };
        assert_eq!((message.channel(), message.as_bytes()), (&b"foo"[..], &b"news"[..]));
        assert_eq!(message.node().address().to_string(), new.address());
    }
}

fn listens_to_nobody(server: &Server) {
    wait_until("nobody listens", || {
        server.ask(&["PUBSUB", "NUMPAT"]).int() == 0 && server.ask(&["PUBSUB", "CHANNELS"]) == Reply::Array(Vec::new())
    });
}

#[test]
fn a_master_that_goes_on_as_a_replica_is_left() {
    let (masters, new) = servers();
    let cluster = without_thread(&masters).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["foo", "bar"]).unwrap();
    subscriber.psubscribe("f*").unwrap();
    new.promote();
    masters[1].follow(&new);
    assert!(subscriber.next_timeout(Duration::from_millis(100)).unwrap().is_none(), "nobody knows of it yet");
    cluster.refresh().unwrap();
    moved(&mut subscriber, &masters[1], &new);
    listens_to_nobody(&masters[1]);
    // What comes by replication from now on comes to nobody a second time.
    hears(&mut subscriber, &new);
    // The other node was not disturbed, and nothing moves twice.
    cluster.refresh().unwrap();
    assert_eq!(cluster.publish("bar", "x").unwrap(), 1);
    assert!(matches!(event(&mut subscriber), Event::Message(message) if message.channel() == b"bar"));
    assert!(subscriber.next_timeout(Duration::from_millis(300)).unwrap().is_none());
    // It takes new channels, and ends old ones, where the others are.
    subscriber.subscribe("foo2{foo}").unwrap();
    assert_eq!(new.ask(&["PUBLISH", "foo2{foo}", "x"]).int(), 2);
    subscriber.unsubscribe(["foo", "foo2{foo}"]).unwrap();
    subscriber.punsubscribe("f*").unwrap();
    listens_to_nobody(&new);
}

#[test]
fn a_master_that_was_cut_off_and_goes_on_by_itself_is_left_when_a_call_has_followed() {
    let (masters, new) = servers();
    let cluster = without_thread(&masters).deadline(Duration::from_secs(1)).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("foo").unwrap();
    subscriber.psubscribe("f*").unwrap();
    masters[1].freeze();
    new.promote();
    wait_until("a write succeeds", || cluster.set("foo", 1).is_ok());
    moved(&mut subscriber, &masters[1], &new);
    masters[1].thaw();
    hears(&mut subscriber, &new);
    // It is a master of its own, which nobody writes to any more.
    assert_eq!(masters[1].field("replication", "role").as_deref(), Some("master"));
    listens_to_nobody(&masters[1]);
}

#[test]
fn the_thread_that_refreshes_is_enough() {
    let (masters, new) = servers();
    let cluster = cluster_of(&masters).refresh_every(Some(Duration::from_millis(200))).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    drop(cluster);
    subscriber.subscribe("foo").unwrap();
    subscriber.psubscribe("f*").unwrap();
    new.promote();
    masters[1].follow(&new);
    moved(&mut subscriber, &masters[1], &new);
    hears(&mut subscriber, &new);
}

#[test]
fn one_that_waits_before_it_connects_again_waits_no_longer() {
    let (mut masters, new) = servers();
    let cluster = without_thread(&masters).connect().unwrap();
    let options = SubscriberOptions::new().reconnect_within(Duration::from_secs(3600));
    let mut subscriber = cluster.subscriber_with(options).unwrap();
    subscriber.subscribe("foo").unwrap();
    subscriber.psubscribe("f*").unwrap();
    masters[1].kill();
    assert!(matches!(event(&mut subscriber), Event::Disconnected { .. }));
    // Each failure doubles the pause, so that it is soon far longer than this test.
    for _ in 0..16 {
        assert_eq!(subscriber.subscribe("foo2{foo}").unwrap_err().kind(), ErrorKind::Connect);
    }
    new.promote();
    let began = Instant::now();
    wait_until("a write succeeds", || cluster.set("foo", 1).is_ok());
    let Event::Reconnected { node, .. } = event(&mut subscriber) else { panic!("it has come to the new master") };
    assert_eq!(node.address().to_string(), new.address());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    hears(&mut subscriber, &new);
}

#[test]
fn masters_that_change_again_and_again_leave_it_at_the_last_one() {
    let (masters, replica) = servers();
    let cluster = without_thread(&masters).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("foo").unwrap();
    subscriber.psubscribe("f*").unwrap();
    let mut roles = (&masters[1], &replica);
    for _ in 0..6 {
        let (old, new) = roles;
        new.promote();
        old.follow(new);
        cluster.refresh().unwrap();
        roles = (new, old);
    }
    let (last, other) = roles;
    listens_to_nobody(other);
    wait_until("it listens to the last one", || last.ask(&["PUBLISH", "foo", "news"]).int() == 2);
    // A message may come right behind the last confirmation, and so before the event that all are there.
    let (mut lost, mut back, mut heard) = (0, 0, 0);
    while heard < 2 || back < lost {
        match event(&mut subscriber) {
            Event::Disconnected { .. } => lost += 1,
            Event::Reconnected { .. } => back += 1,
            _ => heard += 1,
        }
        assert!((lost - 1..=lost).contains(&back), "each loss is told once, and then its end: {lost} {back}");
    }
    assert!((1..=6).contains(&lost), "{lost}");
}

#[test]
fn a_silent_master_is_left_though_nobody_calls() {
    let (masters, new) = servers();
    let second = Duration::from_secs(1);
    let cluster = without_thread(&masters).deadline(second).connect_timeout(second).connect().unwrap();
    let options = SubscriberOptions::new().check_after(Duration::from_millis(200));
    let mut subscriber = cluster.subscriber_with(options).unwrap();
    subscriber.subscribe("foo").unwrap();
    subscriber.psubscribe("f*").unwrap();
    masters[1].freeze();
    new.promote();
    let Event::Disconnected { error, .. } = event(&mut subscriber) else { panic!("nothing is heard of it") };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    wait_until("it listens to the new master", || new.ask(&["PUBSUB", "NUMPAT"]).int() == 1);
    let Event::Reconnected { node, .. } = event(&mut subscriber) else { panic!("it has come to the new master") };
    assert_eq!(node.address().to_string(), new.address());
    hears(&mut subscriber, &new);
}

#[test]
fn a_subscriber_holds_no_connections_to_servers_that_have_left() {
    let (masters, replica) = servers();
    let cluster = without_thread(&masters).connect().unwrap();
    let _ = cluster.get::<_, Option<String>>("foo").unwrap();
    let connected = || replica.field("clients", "connected_clients").unwrap().parse::<u32>().unwrap();
    // Its master counts as one, and so does who asks.
    assert!(connected() >= 3, "{}", replica.info("clients"));
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["foo", "bar"]).unwrap();
    // Nor does a pipeline that is kept for later.
    let pipeline = cluster.pipeline();
    replica.promote();
    cluster.refresh().unwrap();
    assert_eq!(cluster.topology().servers().len(), 2);
    wait_until("only who asks is connected", || connected() == 1);
    assert!(pipeline.is_empty());
}
