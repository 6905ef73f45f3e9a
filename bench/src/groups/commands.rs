//! GET, SET and MGET over several nodes, one call after another.

use super::{Cases, Group};
use crate::fleet::{nodes, Fleet};
use crate::measure::{Case, Contender};
use crate::peers::redis_benchmark::{self, Load};
use crate::peers::{hiredis, redis_rs, twemproxy, words};
use redis::Commands;
use rediscluster::{Cluster, StringCommands};

pub const GROUP: Group = Group {
    word: "commands",
    title: "GET, SET and MGET over several nodes",
    text: "One thread, one call after another, values of 16 bytes, keys spread over all nodes. The others have one server with all keys; \
twemproxy stands before three.",
    run,
};

pub const MGET: &str = "MGET of 100 keys";
pub const THREE_NODES: &str = "rediscluster, 3 nodes";

const VALUE: &str = "0123456789abcdef";
const NODES: [usize; 3] = [1, 3, 7];

#[derive(Clone, Copy)]
enum Command {
    Get,
    Set,
    Mget,
}

impl Command {
    /// The words for one server, and what a call of it gives.
    fn words(self, keys: &[String]) -> (Vec<&str>, u64) {
        let first = keys[0].as_str();
        match self {
            Command::Get => (vec!["GET", first], VALUE.len() as u64),
            Command::Set => (vec!["SET", first, VALUE], 1),
            Command::Mget => {
                let keys = keys.iter().map(String::as_str);
                (std::iter::once("MGET").chain(keys).collect(), (VALUE.len() * 100) as u64)
            }
        }
    }
}

fn run(cases: &mut Cases) {
    let keys: Vec<String> = (0..100).map(|number| format!("key:{number:012}")).collect();
    let fleets = NODES.map(Fleet::of);
    let clusters = fleets.each_ref().map(Fleet::cluster);
    let filled =
        clusters.iter().try_for_each(|cluster| cluster.mset(keys.iter().map(|key| (key, VALUE)).collect::<Vec<_>>()));
    filled.expect("the servers take them");
    let (one, three) = (&fleets[0], &fleets[1]);
    let proxy = twemproxy::Proxy::before(&three.servers);
    for (title, command) in [("GET", Command::Get), ("SET", Command::Set), (MGET, Command::Mget)] {
        let mut case = Case::new(title);
        for ((fleet, cluster), count) in fleets.iter().zip(&clusters).zip(NODES) {
            let once = ours(cluster.clone(), keys.clone(), command);
            case = case.with(Contender::new(format!("rediscluster, {}", nodes(count)), &fleet.processes(), once));
        }
        let (words_of_one, gives) = command.words(&keys);
        let once = theirs(redis_rs::connection(one.first()), keys.clone(), command);
        let case = case
            .with(Contender::new(redis_rs::NAME, &one.processes(), once))
            .with_some(proxy.as_ref().map(|proxy| {
                let once = theirs(proxy.connection(), keys.clone(), command);
                Contender::new(twemproxy::NAME, &proxy.processes(&three.processes()), once)
            }))
            .with_some(hiredis(one.first(), vec![words(&words_of_one)], gives))
            .with_some(redis_benchmark::contender(
                one.first(),
                &Load { clients: 1, pipeline: 1, words: &words_of_one },
            ));
        cases.measure(case);
    }
}

fn ours(cluster: Cluster, keys: Vec<String>, command: Command) -> impl FnMut() -> u64 {
    let mut turns = (0..keys.len()).cycle();
    move || {
        let key = &keys[turns.next().unwrap_or_default()];
        match command {
            Command::Get => cluster.get::<_, String>(key).map(|value| value.len() as u64),
            Command::Set => cluster.set(key, VALUE).map(|()| 1),
            Command::Mget => cluster.mget::<_, Vec<String>>(&keys).map(lengths),
        }
        .expect("the servers answer")
    }
}

fn theirs(mut connection: redis::Connection, keys: Vec<String>, command: Command) -> impl FnMut() -> u64 {
    let mut turns = (0..keys.len()).cycle();
    move || {
        let key = &keys[turns.next().unwrap_or_default()];
        match command {
            Command::Get => connection.get::<_, String>(key).map(|value| value.len() as u64),
            Command::Set => connection.set::<_, _, ()>(key, VALUE).map(|()| 1),
            Command::Mget => connection.mget::<_, Vec<String>>(&keys).map(lengths),
        }
        .expect("the server answers")
    }
}

fn lengths(values: Vec<String>) -> u64 {
    values.iter().map(|value| value.len() as u64).sum()
}
