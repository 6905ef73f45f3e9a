//! Messages to subscribers.

use super::{Cases, Group};
use crate::fleet::{nodes, Fleet, PATIENCE};
use crate::measure::{Case, Contender};
use crate::peers::redis_rs;
use rediscluster::Event;

pub const GROUP: Group = Group {
    word: "pubsub",
    title: "Pub/sub",
    text: "A script on each server publishes; the time is that until the subscriber has all messages, divided by them. With \
a single message it is that of a message's way. Over several nodes there is a channel on each, and one subscriber listens to all of them.",
    run,
};

const PUBLISH: &str = "for i = 1, tonumber(ARGV[1]) do redis.call('PUBLISH', ARGV[2], ARGV[3]) end";

fn run(cases: &mut Cases) {
    let fleets = [1, 3].map(Fleet::of);
    for (messages, size) in [(1, 16), (999, 16), (999, 1 << 10)] {
        let title = if messages == 1 { "a message".to_owned() } else { format!("{messages} messages at once") };
        let mut case = Case::new(format!("{title}, {size} bytes")).units(messages, "message");
        for (fleet, count) in fleets.iter().zip([1, 3]) {
            case = case.with(ours(fleet, count, messages, size));
        }
        cases.measure(case.with(theirs(&fleets[0], messages, size)));
    }
}

/// What has messages published: by each server its part, on the channel that lives there.
struct Publisher {
    connections: Vec<redis::Connection>,
    scripts: Vec<redis::Cmd>,
}

impl Publisher {
    /// One message comes from one server, even where there are several.
    fn of(fleet: &Fleet, channels: &[String], messages: u64, size: usize) -> Publisher {
        let servers = &fleet.servers[..fleet.servers.len().min(messages as usize)];
        let script = |channel: &String| {
            let mut script = redis::cmd("EVAL");
            script.arg(PUBLISH).arg(0).arg(messages / servers.len() as u64).arg(channel).arg("x".repeat(size));
            script
        };
        let connections = servers.iter().map(redis_rs::connection).collect();
        Publisher { connections, scripts: channels.iter().map(script).collect() }
    }

    fn publish(&mut self) {
        for (connection, script) in self.connections.iter_mut().zip(&self.scripts) {
            script.exec(connection).expect("the server runs the script");
        }
    }
}

fn ours(fleet: &Fleet, count: usize, messages: u64, size: usize) -> Contender {
    let cluster = fleet.cluster();
    let on = |node: String| {
        let mut names = (0..).map(|number| format!("rediscluster:{number}"));
        names.find(|channel| cluster.node_for(channel).name() == node).expect("channels go everywhere")
    };
    let channels: Vec<String> = (1..=count).map(|number| on(format!("node_{number}"))).collect();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(&channels).expect("the servers answer");
    let mut publisher = Publisher::of(fleet, &channels, messages, size);
    Contender::new(format!("rediscluster, {}", nodes(count)), &fleet.processes(), move || {
        publisher.publish();
        let mut next = || match subscriber.next_timeout(PATIENCE).expect("nobody stops it") {
            Some(Event::Message(message)) => message.as_bytes().len() as u64,
            other => panic!("{other:?} instead of a message"),
        };
        (0..messages).map(|_| next()).sum()
    })
}

fn theirs(fleet: &Fleet, messages: u64, size: usize) -> Contender {
    // A subscription borrows its connection, and both are needed until the end.
    let connection = Box::leak(Box::new(redis_rs::connection(fleet.first())));
    let mut subscriber = connection.as_pubsub();
    // A channel of its own, so that nobody receives what is meant for another one.
    let channel = String::from("redis-rs");
    subscriber.subscribe(&channel).expect("the server answers");
    let mut publisher = Publisher::of(fleet, &[channel], messages, size);
    Contender::new(redis_rs::NAME, &fleet.processes(), move || {
        publisher.publish();
        let mut next = || subscriber.get_message().expect("a message in time").get_payload_bytes().len() as u64;
        (0..messages).map(|_| next()).sum()
    })
}
