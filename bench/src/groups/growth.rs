//! How a call grows with its keys, and with the nodes that it meets.

use super::{Cases, Group};
use crate::fleet::{self, nodes, Fleet};
use crate::measure::{Case, Contender, Curve};
use crate::peers::redis_rs;
use redis::Commands;
use rediscluster::{Cluster, StringCommands};
use rediscluster_testing::Server;

pub const GROUP: Group = Group {
    word: "growth",
    title: "Growth with keys and nodes",
    text: "MGET of values of 16 bytes, one thread. The first curve is the time for each key of a call, the second one the time of \
a call of 1,000 keys over ever more nodes, all of them on this machine.",
    run,
};

const KEYS: Curve = Curve { file: "keys", title: "MGET by its keys", of: "keys" };
const NODES: Curve = Curve { file: "nodes", title: "Calls by the nodes of the cluster", of: "nodes" };
const MOST_KEYS: u64 = 1_000_000;
const AT_ONCE: usize = 10_000;
const VALUE: &str = "0123456789abcdef";

fn run(cases: &mut Cases) {
    by_keys(cases);
    by_nodes(cases);
}

fn names(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("key:{number:07}")).collect()
}

fn fill(cluster: &Cluster, keys: &[String]) {
    for keys in keys.chunks(AT_ONCE) {
        cluster.mset(keys.iter().map(|key| (key, VALUE)).collect::<Vec<_>>()).expect("the servers take them");
    }
}

fn by_keys(cases: &mut Cases) {
    let fleets = [1, 3].map(Fleet::of);
    let clusters = fleets.each_ref().map(Fleet::cluster);
    let all = names(MOST_KEYS);
    clusters.iter().for_each(|cluster| fill(cluster, &all));
    for count in [10, 100, 1_000, 10_000, 100_000, MOST_KEYS] {
        let keys = &all[..count as usize];
        let rounds = if count >= 100_000 { 3 } else { usize::MAX };
        let mut case =
            Case::new(format!("MGET of {count} keys")).units(count, "key").on(KEYS, count).most_rounds(rounds);
        for ((fleet, cluster), count) in fleets.iter().zip(&clusters).zip([1, 3]) {
            let once = mget(cluster, keys);
            case = case.with(Contender::new(format!("rediscluster, {}", nodes(count)), &fleet.processes(), once));
        }
        let (mut connection, keys) = (redis_rs::connection(fleets[0].first()), keys.to_vec());
        let theirs = Contender::new(redis_rs::NAME, &fleets[0].processes(), move || {
            connection.mget::<_, Vec<String>>(&keys).expect("the server answers").len() as u64
        });
        cases.measure(case.with(theirs));
    }
}

fn by_nodes(cases: &mut Cases) {
    let keys = names(1_000);
    let fleet = Fleet::of(64);
    for count in [1, 2, 4, 8, 16, 32, 64] {
        let fleet = &fleet.servers[..count];
        let processes: Vec<u32> = fleet.iter().map(Server::pid).collect();
        let cluster = fleet::builder(fleet).connect().expect("the servers were started");
        fill(&cluster, &keys);
        let get = {
            let (cluster, mut turns, keys) = (cluster.clone(), (0..keys.len()).cycle(), keys.clone());
            move || {
                let key = &keys[turns.next().unwrap_or_default()];
                cluster.get::<_, String>(key).map(|_| 1).expect("the servers answer")
            }
        };
        for (name, contender) in [
            ("GET", Contender::new("rediscluster, GET", &processes, get)),
            (
                "MGET of 1,000 keys",
                Contender::new("rediscluster, MGET of 1,000 keys", &processes, mget(&cluster, &keys)),
            ),
        ] {
            cases.measure(Case::new(format!("{name} over {}", nodes(count))).on(NODES, count as u64).with(contender));
        }
    }
}

fn mget(cluster: &Cluster, keys: &[String]) -> impl FnMut() -> u64 {
    let (cluster, keys) = (cluster.clone(), keys.to_vec());
    move || cluster.mget::<_, Vec<String>>(&keys).expect("the servers answer").len() as u64
}
