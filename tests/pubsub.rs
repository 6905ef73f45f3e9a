//! Subscribers on real servers: every message from the right node, once, in order.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Event, Message, Outcome, Protocol, Subscriber, SubscriberOptions};
use rediscluster_testing::{cluster_of, home_of, in_both_protocols, wait_until, Reply, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(100);

/// The next message; anything else fails the test.
fn heard(subscriber: &mut Subscriber) -> Message {
    match subscriber.next_timeout(PATIENCE).unwrap() {
        Some(Event::Message(message)) => message,
        other => panic!("no message but {other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// How many connections listen at a server, by its own count.
fn listeners(server: &Server) -> usize {
    server.ask(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().lines().count()
}

#[test]
fn a_channel_is_heard_from_the_node_that_messages_to_it_go_to() {
    in_both_protocols(|cluster, servers| {
        let channels = ["news", "weather", "sport", "a{tag}", "b{tag}"];
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe(channels).unwrap();
        for channel in channels {
            assert_eq!(cluster.publish(channel, b"hello\r\n\xff").unwrap(), 1, "{channel}");
            let message = heard(&mut subscriber);
            assert_eq!((text(message.channel()).as_str(), message.pattern()), (channel, None));
            assert_eq!(message.payload::<Vec<u8>>().unwrap(), b"hello\r\n\xff");
            assert_eq!(message.payload::<String>().unwrap_err().kind(), ErrorKind::Reply);
            assert_eq!(message.node().address(), cluster.node_for(channel).address());
            assert!(!message.is_sharded());
        }
        let used: BTreeSet<String> =
            channels.iter().map(|channel| home_of(cluster, servers, channel).address()).collect();
        for server in servers {
            let wanted = usize::from(used.contains(&server.address()));
            assert_eq!(listeners(server), wanted, "one connection a node, where it is needed");
        }
        assert!(subscriber.next_timeout(MOMENT).unwrap().is_none());
    });
}

#[test]
fn a_pattern_is_heard_from_every_node_and_each_message_once() {
    in_both_protocols(|cluster, servers| {
        let mut subscriber = cluster.subscriber();
        subscriber.psubscribe(["user.*"]).unwrap();
        let sent: BTreeSet<String> = (0..30).map(|number| format!("user.{number}")).collect();
        let nodes: BTreeSet<String> = sent.iter().map(|channel| home_of(cluster, servers, channel).address()).collect();
        assert_eq!(nodes.len(), servers.len(), "the channels are on all nodes");
        for channel in &sent {
            assert_eq!(cluster.publish(channel, channel).unwrap(), 1);
        }
        cluster.publish("other", "not heard").unwrap();
        let mut came = BTreeSet::new();
        for _ in &sent {
            let message = heard(&mut subscriber);
            assert_eq!(message.pattern(), Some(&b"user.*"[..]));
            assert_eq!(message.payload::<String>().unwrap(), text(message.channel()));
            assert_eq!(message.node().address(), cluster.node_for(message.channel()).address());
            came.insert(text(message.channel()));
        }
        assert_eq!(came, sent);
        assert!(subscriber.next_timeout(MOMENT).unwrap().is_none(), "each once");

        // By its name and by two patterns: as one server does it, once for each.
        subscriber.psubscribe(["*.7", "user.*"]).unwrap();
        subscriber.subscribe("user.7").unwrap();
        assert_eq!(cluster.publish("user.7", "x").unwrap(), 3);
        let mut by: Vec<Option<String>> = (0..3).map(|_| heard(&mut subscriber).pattern().map(text)).collect();
        by.sort();
        assert_eq!(by, [None, Some("*.7".into()), Some("user.*".into())]);
    });
}

#[test]
fn two_names_of_one_server_are_listened_to_once() {
    let servers = [Server::start(), Server::start()];
    let builder = Cluster::builder()
        .node("node_1", servers[0].address())
        .node("node_2", servers[1].address())
        .node("node_3", format!("localhost:{}", servers[0].port()));
    let cluster = builder.connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.psubscribe("*").unwrap();
    for number in 0..20 {
        cluster.publish(format!("c{number}"), number).unwrap();
    }
    let came: BTreeSet<u32> = (0..20).map(|_| heard(&mut subscriber).payload().unwrap()).collect();
    assert_eq!(came.len(), 20);
    subscriber.subscribe((0..20).map(|number| format!("c{number}")).collect::<Vec<_>>()).unwrap();
    for server in &servers {
        assert_eq!(listeners(server), 1);
    }
    assert_eq!(cluster.publish("c1", "x").unwrap(), 2);
}

#[test]
fn shard_channels() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "SSUBSCRIBE") {
            let error = cluster.subscriber().ssubscribe("orders").unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Server, Outcome::NotApplied), "{error}");
            return;
        }
        let channels = ["orders{7}", "orders", "sport", "news"];
        let mut subscriber = cluster.subscriber();
        subscriber.ssubscribe(channels).unwrap();
        // The same names as plain channels are others.
        subscriber.subscribe("orders").unwrap();
        for channel in channels {
            assert_eq!(cluster.spublish(channel, "paid").unwrap(), 1, "{channel}");
            let message = heard(&mut subscriber);
            assert_eq!((text(message.channel()).as_str(), message.is_sharded()), (channel, true));
            assert_eq!(message.node().address(), cluster.node_for(channel).address());
        }
        cluster.publish("orders", "x").unwrap();
        assert!(!heard(&mut subscriber).is_sharded());
        subscriber.sunsubscribe(["orders{7}", "news"]).unwrap();
        assert_eq!(cluster.spublish("orders{7}", "paid").unwrap(), 0);
        assert_eq!(cluster.spublish("orders", "paid").unwrap(), 1);
        assert!(heard(&mut subscriber).is_sharded());
    });
}

#[test]
fn what_is_listened_to_twice_is_asked_for_once() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["news", "news"]).unwrap();
    subscriber.subscribe("news").unwrap();
    let home = home_of(&cluster, &servers, "news");
    assert_eq!(home.calls("subscribe"), 1);
    cluster.publish("news", "x").unwrap();
    heard(&mut subscriber);
    assert!(subscriber.next_timeout(MOMENT).unwrap().is_none());
    subscriber.unsubscribe("news").unwrap();
    assert_eq!(cluster.publish("news", "x").unwrap(), 0);
}

#[test]
fn ten_thousand_messages_a_channel_come_in_order() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let channels: Vec<String> = (0..5).map(|number| format!("channel{number}")).collect();
        // A small buffer, so that the links wait for room and are woken many times.
        let mut subscriber = cluster.subscriber_with(SubscriberOptions::new().buffer(20_000)).unwrap();
        subscriber.subscribe(&channels).unwrap();
        std::thread::scope(|scope| {
            for channel in &channels {
                let server = home_of(&cluster, &servers, channel);
                scope.spawn(move || {
                    let mut talk = server.talk(PATIENCE).unwrap();
                    for number in 0..10_000 {
                        let sent = talk.call(&["PUBLISH", channel, &number.to_string()]).unwrap();
                        assert_eq!(sent, Reply::Int(1));
                    }
                });
            }
            let mut next: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for _ in 0..10_000 * channels.len() {
                let message = heard(&mut subscriber);
                let next = next.entry(message.channel().to_vec()).or_default();
                assert_eq!(message.payload::<u64>().unwrap(), *next);
                *next += 1;
            }
        });
    }
}

#[test]
fn many_channels_on_five_nodes() {
    let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    let channels: BTreeSet<String> = (0..5_000).map(|number| format!("channel:{number}")).collect();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(channels.iter().collect::<Vec<_>>()).unwrap();
    for channel in &channels {
        assert_eq!(cluster.publish(channel, "x").unwrap(), 1, "{channel}");
    }
    let came: BTreeSet<String> = channels.iter().map(|_| text(heard(&mut subscriber).channel())).collect();
    assert_eq!(came, channels);
    subscriber.unsubscribe(channels.iter().collect::<Vec<_>>()).unwrap();
    wait_until("all connections are closed", || servers.iter().all(|server| listeners(server) == 0));
}

#[test]
fn a_call_gets_its_answer_while_nobody_takes_the_messages_before_it() {
    in_both_protocols(|cluster, servers| {
        let mut subscriber = cluster.subscriber_with(SubscriberOptions::new().buffer(1)).unwrap();
        subscriber.subscribe("a{x}").unwrap();
        let home = home_of(cluster, servers, "a{x}");
        let payload = vec![b'x'; 10_000];
        let mut talk = home.talk(PATIENCE).unwrap();
        for _ in 0..1_000 {
            talk.call(&[&b"PUBLISH"[..], b"a{x}", &payload]).unwrap();
        }
        subscriber.subscribe("b{x}").unwrap();
        assert_eq!(cluster.publish("b{x}", "behind all others").unwrap(), 1);
        for _ in 0..1_000 {
            assert_eq!(heard(&mut subscriber).as_bytes().len(), 10_000);
        }
        assert_eq!(heard(&mut subscriber).channel(), b"b{x}");
        subscriber.unsubscribe(["a{x}", "b{x}"]).unwrap();
    });
}

#[test]
fn subscriptions_come_and_go_while_messages_flow() {
    in_both_protocols(|cluster, servers| {
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe("steady").unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let publisher = scope.spawn(|| {
                let mut sent = 0u64;
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    sent += cluster.publish("steady", sent).unwrap();
                }
                sent
            });
            let mut next = 0u64;
            let mut others = 0;
            for round in 0..50 {
                let channel = format!("other{round}");
                subscriber.subscribe(&channel).unwrap();
                subscriber.psubscribe(format!("pattern{round}.*")).unwrap();
                assert_eq!(cluster.publish(&channel, "x").unwrap(), 1);
                subscriber.unsubscribe(&channel).unwrap();
                assert_eq!(cluster.publish(&channel, "not heard").unwrap(), 0);
                subscriber.punsubscribe(format!("pattern{round}.*")).unwrap();
                while let Some(event) = subscriber.next_timeout(Duration::ZERO).unwrap() {
                    let Event::Message(message) = event else { panic!("{event:?}") };
                    if message.channel() == b"steady" {
                        assert_eq!(message.payload::<u64>().unwrap(), next);
                        next += 1;
                    } else {
                        others += 1;
                    }
                }
            }
            over.store(true, std::sync::atomic::Ordering::SeqCst);
            let sent = publisher.join().unwrap();
            while next < sent {
                let message = heard(&mut subscriber);
                assert_eq!(message.payload::<u64>().unwrap(), next);
                next += 1;
            }
            assert_eq!(others, 50, "each heard once");
        });
        let home = home_of(cluster, servers, "steady").address();
        for server in servers {
            assert_eq!(listeners(server), usize::from(server.address() == home), "closed where nothing is left");
        }
    });
}

#[test]
fn stopped_from_another_thread() {
    fn goes_anywhere<T: Send + Sync>(value: T) -> T {
        value
    }
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut subscriber = goes_anywhere(cluster.subscriber());
    subscriber.psubscribe("*").unwrap();
    let stopper = goes_anywhere(subscriber.stopper());
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(MOMENT);
        let at = Instant::now();
        stopper.clone().stop();
        stopper.stop();
        at
    });
    assert_eq!((&mut subscriber).count(), 0, "it waits, and ends when it is stopped");
    assert!(stopping.join().unwrap().elapsed() < Duration::from_secs(1), "at once");
    let error = subscriber.next_timeout(PATIENCE).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Stopped, Outcome::NotApplied));
    assert_eq!(subscriber.subscribe("news").unwrap_err().kind(), ErrorKind::Stopped);
    assert!(subscriber.next().is_none());
    wait_until("the servers have seen it", || servers.iter().all(|server| listeners(server) == 0));
    // Also while it waits with a timeout, and where nothing is listened to.
    let mut subscriber = cluster.subscriber();
    let stopper = subscriber.stopper();
    let stopping = std::thread::spawn(move || stopper.stop());
    let begin = Instant::now();
    assert_eq!(subscriber.next_timeout(PATIENCE).unwrap_err().kind(), ErrorKind::Stopped);
    assert!(begin.elapsed() < PATIENCE / 2);
    stopping.join().unwrap();
}

#[test]
fn a_connection_says_who_it_is_and_nothing_secret_is_shown() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers = [Server::builder().password("canary").start()];
        let builder = cluster_of(&servers).password("canary").client_name("listener").database(3).protocol(protocol);
        let cluster = builder.connect().unwrap();
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe("news").unwrap();
        let list = servers[0].ask(&["CLIENT", "LIST", "TYPE", "pubsub"]).text();
        assert!(list.contains("name=listener ") && list.contains(" db=3 "), "{list}");
        cluster.publish("news", "canary").unwrap();
        let event = subscriber.next().unwrap();
        let shown = format!("{event:?} {subscriber:?} {:?}", subscriber.stopper());
        assert!(shown.contains("news") && shown.contains("node_1") && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn what_cannot_be_asked() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    let error = subscriber.psubscribe(Vec::<String>::new()).unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Argument, Some("PSUBSCRIBE")));
    subscriber.unsubscribe("never heard of").unwrap();
    assert_eq!(listeners(&servers[0]), 0);
    for options in [
        SubscriberOptions::new().buffer(0),
        SubscriberOptions::new().check_after(Duration::ZERO),
        SubscriberOptions::new().reconnect_within(Duration::ZERO),
    ] {
        assert_eq!(cluster.subscriber_with(options).unwrap_err().kind(), ErrorKind::Config);
    }
    // Commands that listen are refused where a command has one reply, and say what to use.
    for command in ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE"] {
        let error = cluster.execute(cmd(command).arg("c")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("Cluster::subscriber"), "{error}");
        let mut connection = Cluster::builder().open(servers[0].address()).unwrap();
        let error = connection.execute(cmd(command).arg("c")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("Cluster::subscriber"), "{error}");
    }
    // An empty name is a name, and names are any bytes.
    subscriber.subscribe([&b""[..], b"\xff\r\n"]).unwrap();
    assert_eq!(cluster.publish("", "x").unwrap() + cluster.publish(b"\xff\r\n", "x").unwrap(), 2);
    let came: BTreeSet<Vec<u8>> = (0..2).map(|_| heard(&mut subscriber).channel().to_vec()).collect();
    assert_eq!(came, BTreeSet::from([b"".to_vec(), b"\xff\r\n".to_vec()]));
}
