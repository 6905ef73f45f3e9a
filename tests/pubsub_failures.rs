//! Subscribers whose servers fail: what is told, what comes back, and that nothing spins or hangs.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Event, Outcome, Protocol, Subscriber, SubscriberOptions};
use rediscluster_testing::{cluster_of, dead_address, home_of, read_command, wait_until, ScriptedPeer, Server};
use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(100);

/// Two servers, and the cluster of them with a channel on each: `foo` lives on the second, `bar` on the first.
fn two() -> (Vec<Server>, Cluster) {
    let servers = vec![Server::start(), Server::start()];
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(2)).connect().unwrap();
    assert_eq!((cluster.node_for("bar").name(), cluster.node_for("foo").name()), ("node_1", "node_2"));
    (servers, cluster)
}

/// Comes back quickly, so that tests do.
fn quick() -> SubscriberOptions {
    SubscriberOptions::new().reconnect_within(Duration::from_millis(200))
}

fn event(subscriber: &mut Subscriber) -> Event {
    subscriber.next_timeout(PATIENCE).unwrap().expect("an event")
}

/// The payload of the next event, which must be a message.
fn heard(subscriber: &mut Subscriber) -> String {
    match event(subscriber) {
        Event::Message(message) => message.payload().unwrap(),
        other => panic!("no message but {other:?}"),
    }
}

/// The node and the error of the next event, which must be about a broken connection.
fn broken(subscriber: &mut Subscriber) -> (String, Error) {
    match event(subscriber) {
        Event::Disconnected { node, error, .. } => (node.name().to_owned(), error),
        other => panic!("no broken connection but {other:?}"),
    }
}

/// The node of the next event, which must be about a connection that is back.
fn back(subscriber: &mut Subscriber) -> String {
    match event(subscriber) {
        Event::Reconnected { node, .. } => node.name().to_owned(),
        other => panic!("nothing is back but {other:?}"),
    }
}

/// What the parts of an error say: each node's name, its channels and what became of them.
fn parts(error: &Error) -> Vec<(String, Vec<String>, Outcome)> {
    let text = |key: &Vec<u8>| String::from_utf8(key.clone()).unwrap();
    error.parts().iter().map(|part| (part.node.clone(), part.keys.iter().map(text).collect(), part.outcome)).collect()
}

#[test]
fn a_node_that_is_down_is_named() {
    let servers = [Server::start()];
    let address = dead_address();
    let cluster = Cluster::builder().node("node_1", servers[0].address()).node("node_2", &address).build().unwrap();
    let mut subscriber = cluster.subscriber();
    let error = subscriber.subscribe("foo").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    assert_eq!((error.command(), error.node()), (Some("SUBSCRIBE"), Some(format!("node_2 ({address})").as_str())));
    assert_eq!(parts(&error), [("node_2".into(), vec!["foo".into()], Outcome::NotApplied)]);
    // What the other node takes is done, and it is said.
    let error = subscriber.subscribe(["foo", "bar", "foo2{foo}"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::Partial), "{error}");
    let wanted = [
        ("node_1".to_owned(), vec!["bar".to_owned()], Outcome::Applied),
        ("node_2".to_owned(), vec!["foo".to_owned(), "foo2{foo}".to_owned()], Outcome::NotApplied),
    ];
    assert_eq!(parts(&error), wanted);
    assert!(error.to_string().contains("node_2: not applied foo foo2{foo}"), "{error}");
    assert_eq!(cluster.publish("bar", "x").unwrap(), 1);
    assert_eq!(heard(&mut subscriber), "x");
    let error = subscriber.psubscribe("*").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::Partial), "{error}");
    assert!(subscriber.next_timeout(MOMENT).unwrap().is_none(), "no event about what was never listened to");
    subscriber.punsubscribe("*").unwrap();
    assert_eq!(cluster.publish("bar", "x").unwrap(), 1);
}

#[test]
fn a_server_that_is_killed_and_comes_back() {
    let (mut servers, cluster) = two();
    let mut subscriber = cluster.subscriber_with(quick()).unwrap();
    subscriber.subscribe(["foo", "bar", "foo2{foo}"]).unwrap();
    subscriber.psubscribe("f*").unwrap();
    cluster.publish("foo", "before").unwrap();
    assert_eq!((heard(&mut subscriber), heard(&mut subscriber)), ("before".into(), "before".into()));
    servers[1].kill();
    let (node, error) = broken(&mut subscriber);
    assert_eq!((node.as_str(), error.kind(), error.outcome()), ("node_2", ErrorKind::Io, Outcome::NotApplied));
    assert!(error.node().unwrap().starts_with("node_2 ("), "{error}");
    // The other node goes on, and no attempt that fails is told again.
    cluster.publish("bar", "meanwhile").unwrap();
    assert_eq!(heard(&mut subscriber), "meanwhile");
    assert!(subscriber.next_timeout(Duration::from_millis(500)).unwrap().is_none());
    // What is new on the dead node is refused, and what is done with is not asked for again.
    let error = subscriber.subscribe("foo3{foo}").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    subscriber.unsubscribe("foo2{foo}").unwrap();
    servers[1].restart();
    assert_eq!(back(&mut subscriber), "node_2");
    // By others, because the pool of this cluster may still hold a connection to the dead process.
    let publish = |channel, payload| servers[1].ask(&["PUBLISH", channel, payload]).int();
    assert_eq!(publish("foo", "after"), 2);
    assert_eq!((heard(&mut subscriber), heard(&mut subscriber)), ("after".into(), "after".into()));
    assert_eq!(publish("foo2{foo}", "x"), 1, "by its pattern only");
    heard(&mut subscriber);
    assert_eq!(publish("foo3{foo}", "x"), 1, "by its pattern only");
    heard(&mut subscriber);
    subscriber.subscribe("foo3{foo}").unwrap();
    assert_eq!(publish("foo3{foo}", "x"), 2);
}

#[test]
fn a_node_that_is_back_is_found_at_once_by_the_one_who_asks() {
    let (mut servers, cluster) = two();
    let mut subscriber =
        cluster.subscriber_with(SubscriberOptions::new().reconnect_within(Duration::from_secs(3600))).unwrap();
    subscriber.subscribe("foo").unwrap();
    servers[1].kill();
    broken(&mut subscriber);
    // Each failure doubles the pause, so that it is soon far longer than this test.
    for _ in 0..16 {
        assert_eq!(subscriber.subscribe("foo2{foo}").unwrap_err().kind(), ErrorKind::Connect);
    }
    servers[1].restart();
    wait_until("it takes a new channel", || subscriber.subscribe("foo2{foo}").is_ok());
    assert_eq!(back(&mut subscriber), "node_2");
    for channel in ["foo", "foo2{foo}"] {
        assert_eq!(servers[1].ask(&["PUBLISH", channel, "x"]).int(), 1);
    }
}

#[test]
fn while_a_node_is_down_nothing_waits_for_it() {
    let (mut servers, cluster) = two();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["foo", "bar"]).unwrap();
    servers[1].kill();
    broken(&mut subscriber);
    let begin = Instant::now();
    subscriber.unsubscribe("foo").unwrap();
    assert!(!format!("{subscriber:?}").contains("node_2"), "it is not tried any longer: {subscriber:?}");
    servers[1].restart();
    assert!(subscriber.next_timeout(MOMENT).unwrap().is_none());
    assert_eq!(servers[1].ask(&["PUBLISH", "foo", "x"]).int(), 0);
    subscriber.subscribe("foo").unwrap();
    servers[1].kill();
    broken(&mut subscriber);
    drop(subscriber);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn what_is_ended_while_a_server_says_nothing_does_not_come_back() {
    // The first connection breaks once both channels are confirmed, the second one confirms nothing for a while.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let open = Arc::new(AtomicBool::new(false));
    let (noted, gate) = (Arc::clone(&asked), Arc::clone(&open));
    let connections = AtomicUsize::new(0);
    let peer = ScriptedPeer::new(move |stream| {
        let connection = connections.fetch_add(1, Ordering::SeqCst);
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let name = String::from_utf8(words[1].clone()).unwrap();
            noted.lock().unwrap().push((connection, name.clone()));
            while connection == 1 && !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = reader.get_mut().write_all(&confirmation(Protocol::Resp2, &name));
            if connection == 0 && name == "b" {
                return;
            }
        }
    });
    let asked_by = |connection| {
        let asked = asked.lock().unwrap();
        asked.iter().filter(|(by, _)| *by == connection).map(|(_, name)| name.clone()).collect::<Vec<_>>()
    };
    let cluster = Cluster::builder().node("node_1", peer.address()).deadline(PATIENCE).build().unwrap();
    let mut subscriber = cluster.subscriber_with(quick()).unwrap();
    subscriber.subscribe(["a", "b"]).unwrap();
    broken(&mut subscriber);
    wait_until("the second connection was asked", || !asked_by(1).is_empty());
    let begin = Instant::now();
    subscriber.unsubscribe("a").unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "it waits for nobody: {:?}", begin.elapsed());
    open.store(true, Ordering::SeqCst);
    assert_eq!(back(&mut subscriber), "node_1");
    assert_eq!((asked_by(1), asked_by(2)), (vec!["a".into(), "b".into()], vec!["b".to_owned()]));
    // This peer confirms the wrong thing. That ends the connection, and with it the listening.
    subscriber.unsubscribe("b").unwrap();
    assert!(format!("{subscriber:?}").contains("nodes: []"), "{subscriber:?}");
}

#[test]
fn connections_that_the_server_kills() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers = [Server::start(), Server::start()];
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let mut subscriber = cluster.subscriber_with(quick()).unwrap();
        subscriber.subscribe(["foo", "bar"]).unwrap();
        subscriber.psubscribe("*").unwrap();
        for round in 0..5 {
            assert_eq!(servers[1].ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).int(), 1);
            assert_eq!(broken(&mut subscriber).0, "node_2", "round {round}");
            assert_eq!(back(&mut subscriber), "node_2", "round {round}");
            for channel in ["foo", "bar"] {
                assert_eq!(cluster.publish(channel, "x").unwrap(), 2, "round {round}");
                assert_eq!((heard(&mut subscriber), heard(&mut subscriber)), ("x".into(), "x".into()));
            }
        }
    }
}

/// What calls said is what the servers have, however often connections broke in the middle of them.
#[test]
fn calls_while_connections_are_killed_all_the_time() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers = [Server::start(), Server::start()];
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let options = SubscriberOptions::new().reconnect_within(Duration::from_millis(10));
        let mut subscriber = cluster.subscriber_with(options).unwrap();
        let channels: Vec<String> = (0..20).map(|number| format!("channel{number}")).collect();
        let mut held = BTreeSet::new();
        let over = AtomicBool::new(false);
        let mut failed = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut talks: Vec<_> = servers.iter().map(|server| server.talk(PATIENCE).unwrap()).collect();
                while !over.load(Ordering::SeqCst) {
                    for talk in &mut talks {
                        talk.call(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
                    }
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
            for round in 0..400_usize {
                let some: Vec<&String> = (0..4).map(|nth| &channels[(round * 7 + nth * round * 3) % 20]).collect();
                let (begins, said) = match round % 3 {
                    0 => (false, subscriber.unsubscribe(&some)),
                    _ => (true, subscriber.subscribe(&some)),
                };
                let mut refused = BTreeSet::new();
                if let Err(error) = said {
                    failed += 1;
                    assert!(begins && matches!(error.outcome(), Outcome::NotApplied | Outcome::Partial), "{error}");
                    let parts = error.parts().iter().filter(|part| part.outcome == Outcome::NotApplied);
                    refused.extend(parts.flat_map(|part| part.keys.clone()));
                }
                for channel in some {
                    if !begins {
                        held.remove(channel);
                    } else if !refused.contains(channel.as_bytes()) {
                        held.insert(channel);
                    }
                }
                while subscriber.next_timeout(Duration::ZERO).unwrap().is_some() {}
            }
            over.store(true, Ordering::SeqCst);
        });
        println!("{failed} calls failed");
        for channel in &channels {
            let wanted = u64::from(held.contains(channel));
            wait_until(&format!("{channel} has {wanted} listeners"), || {
                cluster.publish(channel, "x").unwrap() == wanted
            });
        }
        // What is there comes, and nothing is behind in any count.
        while subscriber.next_timeout(MOMENT).unwrap().is_some() {}
        subscriber.psubscribe("*").unwrap();
        subscriber.unsubscribe(&channels).unwrap();
        assert_eq!(cluster.publish("channel1", "x").unwrap(), 1);
    }
}

#[test]
fn a_channel_that_the_user_may_not_listen_to() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers = [Server::start()];
        servers[0].ask(&["ACL", "SETUSER", "lim", "on", ">pw", "resetchannels", "&allowed*", "~*", "+@all", "-ping"]);
        let builder = cluster_of(&servers).username("lim").password("pw").protocol(protocol);
        let cluster = builder.deadline(Duration::from_secs(2)).connect().unwrap();
        let options = quick().check_after(Duration::from_millis(20));
        let mut subscriber = cluster.subscriber_with(options).unwrap();
        let error = subscriber.subscribe("denied").unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
        assert!(error.to_string().contains("denied") && error.node().unwrap().starts_with("node_1 ("), "{error}");
        let error = subscriber.subscribe(["allowed", "denied", "allowed2"]).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::Partial), "{error}");
        let wanted = [
            ("node_1".to_owned(), vec!["allowed".to_owned(), "allowed2".to_owned()], Outcome::Applied),
            ("node_1".to_owned(), vec!["denied".to_owned()], Outcome::NotApplied),
        ];
        assert_eq!(parts(&error), wanted);
        assert_eq!(subscriber.psubscribe("*").unwrap_err().kind(), ErrorKind::NoPerm);
        // It may not PING, and that is no reason to give up a connection.
        let asked = || servers[0].ask(&["INFO", "everything"]).text().contains("cmdstat_ping");
        wait_until("it was asked whether it lives", asked);
        assert_eq!(cluster.publish("allowed2", "x").unwrap(), 1);
        assert_eq!(heard(&mut subscriber), "x");

        // A right that is taken away ends the connection; that it is refused afterwards is told, once.
        servers[0].ask(&["ACL", "SETUSER", "lim", "resetchannels", "&allowed2"]);
        assert_eq!(broken(&mut subscriber).1.kind(), ErrorKind::Io);
        let (_, error) = broken(&mut subscriber);
        assert_eq!((error.kind(), error.command()), (ErrorKind::NoPerm, Some("SUBSCRIBE")), "{error}");
        assert!(subscriber.next_timeout(Duration::from_millis(500)).unwrap().is_none());
        servers[0].ask(&["ACL", "SETUSER", "lim", "&allowed"]);
        assert_eq!(back(&mut subscriber), "node_1");
        assert_eq!(cluster.publish("allowed", "x").unwrap(), 1);
        assert_eq!(heard(&mut subscriber), "x");
    }
}

#[test]
fn a_slow_subscriber_holds_the_server_back_until_that_hangs_up() {
    let server = [Server::start_with(&["--client-output-buffer-limit", "pubsub", "1mb", "1mb", "1"])];
    let cluster = cluster_of(&server).connect().unwrap();
    let mut subscriber = cluster.subscriber_with(quick().buffer(100_000)).unwrap();
    subscriber.subscribe("news").unwrap();
    let payload = vec![b'x'; 10_000];
    let mut talk = server[0].talk(PATIENCE).unwrap();
    let mut sent = 0;
    while talk.call(&[&b"PUBLISH"[..], b"news", &payload]).unwrap().int() == 1 {
        sent += 1;
        assert!(sent < 100_000, "1 GB is more than any buffer between the two");
    }
    // Everything that came is given, then what happened is told.
    let mut came = 0;
    loop {
        match event(&mut subscriber) {
            Event::Message(_) => came += 1,
            Event::Disconnected { node, .. } => break assert_eq!(node.name(), "node_1"),
            other => panic!("{other:?}"),
        }
    }
    assert!(came >= 10 && came < sent, "{came} of {sent}");
    assert_eq!(back(&mut subscriber), "node_1");
    assert_eq!(cluster.publish("news", "small").unwrap(), 1);
    assert_eq!(heard(&mut subscriber), "small");
}

#[test]
fn a_server_that_stops_answering_is_noticed() {
    let (servers, _) = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(2)).connect().unwrap();
    let options = quick().check_after(Duration::from_millis(100));
    let mut subscriber = cluster.subscriber_with(options).unwrap();
    subscriber.subscribe(["foo", "bar"]).unwrap();
    // Silence alone is nothing: both answer.
    assert!(subscriber.next_timeout(Duration::from_secs(1)).unwrap().is_none());
    assert!(servers[0].calls("ping") > 1 && servers[1].calls("ping") > 1);
    servers[1].freeze();
    let begin = Instant::now();
    let (node, error) = broken(&mut subscriber);
    assert_eq!((node.as_str(), error.kind()), ("node_2", ErrorKind::Timeout), "{error}");
    assert!(error.message().contains("PING"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10));
    // Nor does it confirm; what was asked so is not listened to, and the connection is given up.
    let error = subscriber.subscribe("foo2{foo}").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
    servers[1].thaw();
    assert_eq!(back(&mut subscriber), "node_2");
    assert_eq!(cluster.publish("foo", "x").unwrap(), 1);
    assert_eq!(heard(&mut subscriber), "x");
    // A call meets a server that has just stopped.
    servers[1].freeze();
    let error = subscriber.subscribe("foo2{foo}").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
    assert!(error.node().unwrap().starts_with("node_2 ("), "{error}");
    assert_eq!(broken(&mut subscriber).1.kind(), ErrorKind::Timeout);
    let begin = Instant::now();
    drop(subscriber);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    servers[1].thaw();

    // What is ended there is ended with the connection.
    let mut subscriber = cluster.subscriber_with(quick()).unwrap();
    subscriber.subscribe(["foo", "foo2{foo}"]).unwrap();
    servers[1].freeze();
    subscriber.unsubscribe("foo").unwrap();
    assert_eq!(broken(&mut subscriber).1.kind(), ErrorKind::Timeout);
    servers[1].thaw();
    assert_eq!(back(&mut subscriber), "node_2");
    let publish = |channel| servers[1].ask(&["PUBLISH", channel, "x"]).int();
    assert_eq!((publish("foo"), publish("foo2{foo}")), (0, 1));
}

/// What a server says when it is listened to.
fn confirmation(protocol: Protocol, name: &str) -> Vec<u8> {
    let head = if protocol == Protocol::Resp3 { '>' } else { '*' };
    format!("{head}3\r\n$9\r\nsubscribe\r\n${}\r\n{name}\r\n:1\r\n", name.len()).into_bytes()
}

/// Confirms what it is asked and sends this: together with that, or when it is asked whether it lives after it.
fn peer_that_adds(protocol: Protocol, more: &'static [u8], to_ping: bool) -> ScriptedPeer {
    ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        let mut confirmed = false;
        while let Ok(Some(words)) = read_command(&mut reader) {
            let answer = match words[0].as_slice() {
                b"HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
                b"SUBSCRIBE" => {
                    confirmed = true;
                    let mut bytes = confirmation(protocol, std::str::from_utf8(&words[1]).unwrap());
                    bytes.extend_from_slice(if to_ping { b"" } else { more });
                    bytes
                }
                b"PING" if confirmed => more.to_vec(),
                b"PING" => b"+PONG\r\n".to_vec(),
                _ => return,
            };
            if reader.get_mut().write_all(&answer).is_err() {
                return;
            }
        }
    })
}

#[test]
fn garbage_breaks_the_connection_and_neither_spins_nor_panics() {
    let garbage: [&[u8]; 10] = [
        b"@what\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n*-1\r\n",
        b"*4\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n",
        b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n",
        b"*2\r\n$4\r\npong\r\n$0\r\n\r\n+PONG\r\n",
    ];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        for (more, to_ping) in garbage.iter().flat_map(|more| [(*more, true), (*more, false)]) {
            let shown = String::from_utf8_lossy(more);
            let peer = peer_that_adds(protocol, more, to_ping);
            let cluster = Cluster::builder().node("node_1", peer.address()).protocol(protocol).build().unwrap();
            let mut subscriber = cluster.subscriber_with(quick().check_after(Duration::from_millis(5))).unwrap();
            subscriber.subscribe("news").unwrap();
            for _ in 0..3 {
                let (node, error) = broken(&mut subscriber);
                assert_eq!((node.as_str(), error.kind()), ("node_1", ErrorKind::Protocol), "{shown:?}: {error}");
                if !to_ping {
                    // It is never back, and that is told once.
                    assert!(subscriber.next_timeout(MOMENT).unwrap().is_none());
                    break;
                }
                assert_eq!(back(&mut subscriber), "node_1");
            }
            let before = peer.accepted();
            std::thread::sleep(MOMENT);
            let attempts = peer.accepted() - before;
            assert!(attempts < 30, "{attempts} attempts in {MOMENT:?}");
        }
    }
}

#[test]
fn the_last_words_of_a_server_are_told() {
    let peer = peer_that_adds(Protocol::Resp2, b"-ERR going to sleep\r\n", false);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("news").unwrap();
    let (_, error) = broken(&mut subscriber);
    assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "ERR going to sleep"));
    let servers = [Server::start_with(&["--maxclients", "1"])];
    let cluster = cluster_of(&servers).build().unwrap();
    let _all = servers[0].talk(PATIENCE).unwrap();
    let error = cluster.subscriber().subscribe("news").unwrap_err();
    assert!(error.message().contains("max number of clients"), "{error}");
}

#[test]
fn a_confirmation_that_does_not_come_or_is_anothers() {
    // Silent; another channel; another command; hanging up; half of an answer.
    let answers: [(&[u8], ErrorKind); 5] = [
        (b"+silence", ErrorKind::Timeout),
        (b"*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n", ErrorKind::Protocol),
        (b"*3\r\n$10\r\npsubscribe\r\n$4\r\nnews\r\n:1\r\n", ErrorKind::Protocol),
        (b"", ErrorKind::Io),
        (b"*3\r\n$9\r\nsubscribe\r\n$4\r\nne", ErrorKind::Timeout),
    ];
    for (answer, kind) in answers {
        let peer = ScriptedPeer::answering(move |_| answer.to_vec());
        let builder = Cluster::builder().node("node_1", peer.address()).deadline(Duration::from_millis(500));
        let cluster = builder.build().unwrap();
        let mut subscriber = cluster.subscriber();
        let begin = Instant::now();
        let error = subscriber.subscribe("news").unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(3));
        let shown = String::from_utf8_lossy(answer);
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotApplied), "{shown:?}: {error}");
        assert!(error.node().unwrap().starts_with("node_1 ("), "{error}");
        assert_eq!(parts(&error), [("node_1".into(), vec!["news".into()], Outcome::NotApplied)]);
        assert!(subscriber.next_timeout(MOMENT).unwrap().is_none());
        assert!(format!("{subscriber:?}").contains("nodes: []"), "nothing is left: {subscriber:?}");
        assert_eq!(peer.accepted(), 1, "nothing is tried again for a call that failed");
    }
}

#[test]
fn stopping_ends_a_call_that_waits() {
    // One that says nothing to a handshake, and one that says nothing to a subscription.
    for protocol in [Protocol::Resp3, Protocol::Resp2] {
        let reached = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reached);
        let peer = ScriptedPeer::new(move |stream| {
            let mut reader = BufReader::new(stream);
            while let Ok(Some(_)) = read_command(&mut reader) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let builder = Cluster::builder().node("node_1", peer.address()).protocol(protocol);
        let cluster = builder.deadline(PATIENCE).connect_timeout(PATIENCE).build().unwrap();
        let mut subscriber = cluster.subscriber();
        let stopper = subscriber.stopper();
        let stopping = std::thread::spawn(move || {
            wait_until("the peer was asked", || reached.load(Ordering::SeqCst) > 0);
            stopper.stop();
        });
        let begin = Instant::now();
        let error = subscriber.subscribe("news").unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Stopped, Outcome::NotApplied), "{error}");
        drop(subscriber);
        assert!(begin.elapsed() < PATIENCE / 4, "{:?}", begin.elapsed());
        stopping.join().unwrap();
    }
}

#[test]
fn a_connection_follows_the_master_that_the_topology_names() {
    // The name of the node leads to another server after a refresh: here two names that turn out to be one server.
    let servers = [Server::start()];
    let cluster = Cluster::builder()
        .node("node_1", servers[0].address())
        .node("node_2", format!("localhost:{}", servers[0].port()))
        .build()
        .unwrap();
    let mut subscriber = cluster.subscriber_with(quick()).unwrap();
    subscriber.subscribe("foo").unwrap();
    cluster.publish("foo", "x").unwrap();
    let Event::Message(message) = event(&mut subscriber) else { panic!("a message") };
    assert_eq!(message.node().address().host(), "localhost");
    // The refresh tells the subscriber, which moves by itself.
    cluster.refresh().unwrap();
    broken(&mut subscriber);
    back(&mut subscriber);
    cluster.publish("foo", "x").unwrap();
    let Event::Message(message) = event(&mut subscriber) else { panic!("a message") };
    assert_eq!(message.node().address().to_string(), servers[0].address());
    assert_eq!(home_of(&cluster, &servers, "foo").port(), servers[0].port());
}

/// A connection that lived for a while was a good one: what breaks after it is the first that breaks.
#[test]
fn a_connection_that_is_killed_now_and_then_is_back_at_once() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("foo").unwrap();
    for round in 0..8 {
        // How long it lives is what this is about.
        assert!(subscriber.next_timeout(Duration::from_millis(1100)).unwrap().is_none());
        assert_eq!(servers[1].ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).int(), 1);
        let began = Instant::now();
        broken(&mut subscriber);
        back(&mut subscriber);
        assert!(began.elapsed() < Duration::from_millis(700), "round {round}: {:?}", began.elapsed());
    }
}
