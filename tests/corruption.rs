//! What one call leaves behind never reaches another one: no half-written command becomes a part of the next one, no
//! late reply becomes somebody else's.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, ScanOptions};
use rediscluster_testing::{wait_until, Chaos, Fault, Reply, Server, Way};
use std::time::Duration;

/// Something to call, whatever comes of it.
type Call = fn(&Cluster) -> Result<(), Error>;

const SHORT: Duration = Duration::from_millis(200);

/// Two servers behind wires, `bar` on the first and `foo` on the second, and a patient cluster with one connection to
/// each at most.
fn two() -> ([Server; 2], [Chaos; 2], Cluster) {
    let servers = [Server::start(), Server::start()];
    let wires = [Chaos::to(servers[0].port()), Chaos::to(servers[1].port())];
    let builder = Cluster::builder().node("node_1", wires[0].address()).node("node_2", wires[1].address());
    // What is done to a wire is done to the call, not to a refresh that happens to come by.
    let cluster = builder
        .refresh_every(None)
        .masters_only(true)
        .pool_size(1)
        .deadline(Duration::from_secs(20))
        .connect()
        .unwrap();
    cluster.mset([("foo", "of foo"), ("bar", "of bar")]).unwrap();
    (servers, wires, cluster)
}

fn text(server: &Server, key: &str) -> Option<String> {
    match server.ask(&["GET", key]) {
        Reply::Nil => None,
        other => Some(other.text()),
    }
}

/// The server stops reading in the middle of a value of 32 MiB and goes on later.
fn half_written(write: impl Fn(&Cluster, &[u8]) -> Error) {
    let (servers, wires, cluster) = two();
    let big = vec![b'x'; 32 << 20];
    for at in [0, 30, 1 << 20, 20 << 20] {
        let before = wires[1].accepted();
        wires[1].set(Way::ToServer, at, Fault::Pause(SHORT * 3));
        let error = write(&cluster.deadline(SHORT), &big);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{at}: {error}");
        assert!(error.command().is_some() && error.node().is_some_and(|node| node.starts_with("node_2")), "{error}");
        // A connection that was kept would take these for the rest of the value.
        for round in 0..20 {
            let value = format!("after {at} {round}");
            cluster.set("next{foo}", &value).unwrap();
            assert_eq!(cluster.get::<_, String>("next{foo}").unwrap(), value);
            assert_eq!(cluster.get::<_, String>("foo").unwrap(), "of foo");
        }
        assert!(wires[1].accepted() > before, "the connection was closed");
        // What was paused has arrived by now, and was never a whole command.
        let clients = || servers[1].field("clients", "connected_clients");
        wait_until("only the pooled connection and those who ask are left", || clients().as_deref() == Some("3"));
        assert_eq!(text(&servers[1], "big"), None);
        assert_eq!(text(&servers[1], "next"), Some(format!("after {at} 19")));
        wires[1].heal();
    }
}

#[test]
fn a_half_written_value_takes_no_command_into_itself() {
    half_written(|cluster, big| cluster.set("big{foo}", big).unwrap_err());
}

#[test]
fn a_half_written_pipeline_takes_no_command_into_itself() {
    half_written(|cluster, big| {
        let mut pipeline = cluster.pipeline();
        let slot = pipeline.set("big{foo}", big);
        pipeline.run_each().get(slot).unwrap_err()
    });
}

#[test]
fn a_half_written_transaction_takes_no_command_into_itself() {
    half_written(|cluster, big| {
        let mut transaction = cluster.transaction();
        transaction.set("big{foo}", big);
        transaction.run().unwrap_err()
    });
}

/// One of two nodes fails in a call over both: the connections to the other one give their own replies afterwards.
#[test]
fn a_node_that_fails_leaves_no_replies_at_its_siblings() {
    let (servers, wires, cluster) = two();
    let calls: [(&str, Call); 5] = [
        ("pipeline", |cluster| {
            let mut pipeline = cluster.pipeline();
            for _ in 0..10 {
                pipeline.set("a{foo}", "wrong");
                pipeline.set("a{bar}", "wrong");
                pipeline.get::<_, String>("a{bar}");
            }
            pipeline.run().map(drop)
        }),
        ("MGET", |cluster| cluster.mget::<_, Vec<String>>(["foo", "bar"]).map(drop)),
        ("MSET", |cluster| cluster.mset([("a{foo}", "wrong"), ("a{bar}", "wrong")])),
        ("DEL", |cluster| cluster.del(["a{foo}", "a{bar}"]).map(drop)),
        ("DBSIZE", |cluster| cluster.dbsize().map(drop)),
    ];
    let faults = [Fault::Fin, Fault::Rst, Fault::Pause(SHORT * 2), Fault::Insert(b"@what\r\n".to_vec())];
    let mut failed = 0;
    for (name, call) in calls {
        for fault in &faults {
            for (at, wire) in wires.iter().enumerate() {
                for (way, byte) in [(Way::ToServer, 5), (Way::ToClient, 0), (Way::ToClient, 3)] {
                    if matches!(fault, Fault::Insert(_)) && (way, byte) != (Way::ToClient, 0) {
                        continue;
                    }
                    wire.set(way, byte, fault.clone());
                    failed += usize::from(call(&cluster.deadline(SHORT)).is_err());
                    let story = format!("{name}, node_{}, {fault:?}, {way:?} {byte}", at + 1);
                    wire.heal();
                    for round in 0..3 {
                        servers[0].ask(&["SET", "own", &format!("first {story} {round}")]);
                        servers[1].ask(&["SET", "own", &format!("second {story} {round}")]);
                        let sibling = if at == 0 { ("own{foo}", "second") } else { ("own{bar}", "first") };
                        let got = cluster.get::<_, String>(sibling.0).unwrap();
                        assert_eq!(got, format!("{} {story} {round}", sibling.1));
                        // The new connection of the one that failed may have to be waited for while its wire is paused.
                        let other = if at == 0 { ("own{bar}", "first") } else { ("own{foo}", "second") };
                        let got = cluster.get::<_, String>(other.0).unwrap_or_else(|error| panic!("{story}: {error}"));
                        assert_eq!(got, format!("{} {story} {round}", other.1));
                    }
                }
            }
        }
    }
    assert!(failed >= 30, "only {failed} calls failed");
}

/// The reply comes after the deadline: whoever comes next does not get it.
#[test]
fn a_late_reply_reaches_nobody() {
    let (servers, wires, cluster) = two();
    let calls: [(&str, Call); 8] = [
        ("GET", |cluster| cluster.get::<_, String>("foo").map(drop)),
        ("INCR", |cluster| cluster.incr("n{foo}").map(drop)),
        ("pipeline", |cluster| {
            let mut pipeline = cluster.pipeline();
            for _ in 0..3 {
                pipeline.get::<_, String>("foo");
            }
            pipeline.run().map(drop)
        }),
        ("transaction", |cluster| {
            let mut transaction = cluster.transaction();
            transaction.get::<_, String>("foo");
            transaction.incr("n{foo}");
            transaction.run().map(drop)
        }),
        ("watch", |cluster| {
            cluster.watch("foo", |watched| {
                watched.get::<_, String>("foo")?;
                let mut transaction = watched.transaction();
                transaction.incr("n{foo}");
                transaction.run().map(drop)
            })
        }),
        ("script", |cluster| cluster.eval::<_, _, _, String>("return ARGV[1]", ["foo"], "late").map(drop)),
        ("scan", |cluster| cluster.scan_all(ScanOptions::new()).try_for_each(|found| found.map(drop))),
        ("MGET", |cluster| cluster.mget::<_, Vec<String>>(["foo", "bar"]).map(drop)),
    ];
    for (name, call) in calls {
        // Within the reply, and before it.
        for byte in [0, 2] {
            wires[1].set(Way::ToClient, byte, Fault::Pause(SHORT * 2));
            let error = call(&cluster.deadline(SHORT)).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error}");
            for round in 0..20 {
                servers[1].ask(&["SET", "own", &format!("{name} {round}")]);
                let own = cluster.get::<_, String>("own{foo}").unwrap();
                assert_eq!(own, format!("{name} {round}"));
                assert_eq!(cluster.get::<_, String>("bar").unwrap(), "of bar", "{name}");
                std::thread::sleep(SHORT / 15);
            }
            wires[1].heal();
        }
    }
}

/// The same where the server itself is slow, and with waits for data: what comes late is not taken by the next wait.
#[test]
fn a_slow_server_mixes_nothing_up() {
    let (servers, wires, cluster) = two();
    (0..10).for_each(|number| cluster.set(format!("k{number}{{foo}}"), number).unwrap());
    for round in 0..3 {
        servers[1].freeze();
        for late in 0..2 {
            let error = cluster.deadline(SHORT).get::<_, i32>(format!("k{late}{{foo}}")).unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            assert_eq!(cluster.get::<_, String>("bar").unwrap(), "of bar");
        }
        servers[1].thaw();
        for turn in 0..50 {
            let number = (turn + round) % 10;
            assert_eq!(cluster.get::<_, i32>(format!("k{number}{{foo}}")).unwrap(), number);
        }
    }

    // A wait whose answer is on its way when the deadline passes: the element is taken, and only that wait's own caller
    // can learn of it. It is told as unknown, and the next wait gets the next element.
    servers[1].ask(&["RPUSH", "list", "first", "second"]);
    wires[1].set(Way::ToClient, 0, Fault::Pause(Duration::from_secs(1)));
    let hasty = cluster.deadline(SHORT);
    let wait = |wait: Duration| hasty.blpop::<_, String, String>("list{foo}", wait);
    let error = wait(Duration::from_millis(100)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
    let (_, element) = wait(Duration::from_secs(1)).unwrap().unwrap();
    assert_eq!(element, "second");
    assert_eq!(wait(Duration::from_millis(100)).unwrap(), None);
}

/// Messages of a subscriber's connection that broke or came late are its own, in their order.
#[test]
fn a_late_message_is_nobody_elses() {
    use rediscluster::{Event, SubscriberOptions};
    let (servers, wires, cluster) = two();
    let options = SubscriberOptions::new().reconnect_within(Duration::from_millis(50));
    let mut subscribers = [cluster.subscriber_with(options).unwrap(), cluster.subscriber_with(options).unwrap()];
    subscribers[0].subscribe("one{foo}").unwrap();
    subscribers[1].subscribe("two{foo}").unwrap();
    for (round, fault) in [Fault::Pause(SHORT * 2), Fault::Fin, Fault::Rst].into_iter().enumerate() {
        wires[1].set(Way::ToClient, 7, fault.clone());
        for number in 0..200 {
            cluster.publish("one{foo}", format!("one {round} {number}")).ok();
            cluster.publish("two{foo}", format!("two {round} {number}")).ok();
            assert_eq!(cluster.get::<_, String>("bar").unwrap(), "of bar");
        }
        wires[1].heal();
        for (name, subscriber) in ["one", "two"].into_iter().zip(&mut subscribers) {
            let (mut last, mut silent) = (-1, 0);
            while last < 199 {
                match subscriber.next_timeout(Duration::from_secs(5)).unwrap() {
                    Some(Event::Message(message)) => {
                        let payload: String = message.payload().unwrap();
                        let (prefix, number) = payload.rsplit_once(' ').unwrap();
                        if prefix != format!("{name} {round}") {
                            assert!(prefix.starts_with(name), "{name} heard {payload}");
                            continue;
                        }
                        let number: i64 = number.parse().unwrap();
                        assert!(number > last, "{payload} after {last}");
                        last = number;
                    }
                    Some(_) => {}
                    // What was sent while the connection was down is lost, as on a server.
                    None => {
                        silent += 1;
                        assert!(silent < 12, "{name} hears nothing in round {round}: {subscriber:?}, last {last}");
                        servers[1].ask(&["PUBLISH", name, &format!("{name} {round} 199")]);
                    }
                }
            }
        }
    }
}
