//! Servers that are far away.

use super::{Cases, Group};
use crate::fleet::{Fleet, PATIENCE};
use crate::measure::{Case, Contender};
use crate::wire;
use rediscluster::{Builder, Cluster, ServerCommands, StringCommands};
use std::time::Duration;

pub const GROUP: Group = Group {
    word: "far",
    title: "Eight nodes that are far away",
    text: "Every reply of a server arrives 5 ms later, by wires in this process, so processor time is not told. A call that meets all \
nodes is compared with GETs of a key of each node, asked one by one: *the slowest node alone* is the one that takes longest.",
    run,
};

pub const TITLE: &str = "a call to 8 nodes, each 5 ms away";
pub const SLOWEST: &str = "GET, the slowest node alone";
/// Those that ask all nodes at once.
pub const FAN_OUTS: [&str; 4] = ["MGET of 80 keys", "MSET of 80 keys", "DBSIZE", "a pipeline of 80 GETs"];

const DELAY: Duration = Duration::from_millis(5);
const NODES: usize = 8;
const KEYS: usize = 80;

fn run(cases: &mut Cases) {
    let fleet = Fleet::of(NODES);
    let near = wire::to_each(fleet.servers.iter().map(|server| server.port()), DELAY);
    let builder = near.iter().zip(1..).fold(Cluster::builder(), |builder: Builder, (near, number)| {
        builder.node(format!("node_{number}"), near.to_string())
    });
    let cluster = builder.deadline(PATIENCE).connect().expect("the servers were started");
    let keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number:04}")).collect();
    cluster.mset(keys.iter().map(|key| (key, "value")).collect::<Vec<_>>()).expect("the servers take them");
    let on_each: Vec<String> = (1..=NODES)
        .map(|number| {
            let node = format!("node_{number}");
            keys.iter().find(|key| cluster.node_for(key).name() == node).expect("keys go everywhere").clone()
        })
        .collect();
    let mut case = Case::new(TITLE).turn(200);
    for (number, key) in on_each.into_iter().enumerate() {
        let cluster = cluster.clone();
        let alone = format!("GET, node_{} alone", number + 1);
        case = case.with(contender(&alone, move || drop(cluster.get::<_, String>(&key).expect("the server answers"))));
    }
    case = case.only_slowest(SLOWEST);
    let pairs: Vec<(String, &str)> = keys.iter().map(|key| (key.clone(), "value")).collect();
    let [mget, mset, dbsize, pipeline] = FAN_OUTS;
    let [for_mget, for_mset, for_dbsize] = [(); 3].map(|()| cluster.clone());
    let (keys_of_mget, mut batch) = (keys.clone(), cluster.pipeline());
    let case = case
        .with(contender(mget, move || {
            drop(for_mget.mget::<_, Vec<String>>(&keys_of_mget).expect("the servers answer"));
        }))
        .with(contender(mset, move || for_mset.mset(&pairs).expect("the servers answer")))
        .with(contender(dbsize, move || assert!(for_dbsize.dbsize().expect("the servers answer") > 0)))
        .with(contender(pipeline, move || {
            for key in &keys {
                batch.get::<_, String>(key);
            }
            drop(batch.run().expect("the servers answer"));
        }));
    cases.measure(case);
}

fn contender(name: &str, mut once: impl FnMut() + 'static) -> Contender {
    let once = move || {
        once();
        1
    };
    Contender::new(name, &[], once).not_alone()
}
