//! Commands whose keys live on several nodes, beside the same command on one server.

use super::{Cases, Group};
use crate::fleet::Fleet;
use crate::measure::{Case, Contender};
use crate::peers::redis_rs;
use rediscluster::{BlockingCommands, Cluster, KeyCommands, ListCommands, SetCommands, StringCommands};
use std::time::Duration;

pub const GROUP: Group = Group {
    word: "cross-node",
    title: "Commands over nodes",
    text: "What one server does in one step takes several where the keys live on different nodes: the steps are in \
[Commands over several nodes](several-nodes.md). Beside it the native command, on one server.",
    run,
};

/// How long a wait for data may take; there always is some.
const WAIT: Duration = Duration::from_secs(5);
const ONE: &str = "rediscluster, native, 1 node";

fn run(cases: &mut Cases) {
    let (one, three) = (Fleet::of(1), Fleet::of(3));
    let (native, over) = (one.cluster(), three.cluster());
    let keys = key_on_each(&over);
    let both = [(&one, &native, ONE), (&three, &over, "rediscluster, 3 nodes")];

    let members: Vec<Vec<String>> =
        (0..2).map(|set| (0..100).map(|number| format!("member:{}", number + set * 50)).collect()).collect();
    let mut union = Case::new("SUNIONSTORE of two sets of 100 members");
    for (fleet, cluster, name) in both {
        for (key, members) in keys.iter().zip(&members) {
            cluster.sadd(key, members).expect("the servers take them");
        }
        let (cluster, keys) = (cluster.clone(), keys.clone());
        union = union.with(Contender::new(name, &fleet.processes(), move || {
            cluster.sunionstore(&keys[2], &keys[..2]).expect("the servers answer")
        }));
    }
    let command = ["SUNIONSTORE", &keys[2], &keys[0], &keys[1]].map(str::to_owned);
    cases.measure(union.with(theirs(&one, vec![command.to_vec()])));

    let (name, new_name) = (format!("{}:renamed", keys[0]), key_beside(&over, &keys[1]));
    let mut rename = Case::new("RENAME of a string of 1 KiB, there and back").units(2, "command");
    for (fleet, cluster, title) in both {
        cluster.set(&keys[0], "x".repeat(1 << 10)).expect("the servers take it");
        let (cluster, name, new_name) = (cluster.clone(), keys[0].clone(), new_name.clone());
        rename = rename.with(Contender::new(title, &fleet.processes(), move || {
            cluster.rename(&name, &new_name).expect("the servers answer");
            cluster.rename(&new_name, &name).expect("the servers answer");
            2
        }));
    }
    // The others have a key of their own: on that server it is not there while they rename it.
    native.set(&name, "x".repeat(1 << 10)).expect("the server takes it");
    let other = format!("{new_name}:renamed");
    let there_and_back = [[&name, &other], [&other, &name]];
    let commands = there_and_back.map(|[from, to]| vec!["RENAME".to_owned(), from.clone(), to.clone()]);
    cases.measure(rename.with(theirs(&one, commands.to_vec())));

    let lists: Vec<String> = keys.iter().map(|key| key_beside(&over, key)).collect();
    let mut pop = Case::new("RPUSH, and BLPOP of three keys");
    for (fleet, cluster, title) in both {
        let (cluster, lists) = (cluster.clone(), lists.clone());
        pop = pop.with(Contender::new(title, &fleet.processes(), move || {
            cluster.rpush(&lists[1], "element").expect("the servers answer");
            let popped = cluster.blpop::<_, String, String>(&lists, WAIT).expect("the servers answer");
            1 + popped.map_or(0, |_| 1)
        }));
    }
    let push = ["RPUSH", &lists[1], "element"].map(str::to_owned).to_vec();
    let blpop = ["BLPOP", &lists[0], &lists[1], &lists[2], "5"].map(str::to_owned).to_vec();
    cases.measure(pop.with(theirs(&one, vec![push, blpop])));
}

/// redis-rs on one server: commands one after another. It gives what the others give.
fn theirs(fleet: &Fleet, commands: Vec<Vec<String>>) -> Contender {
    let mut connection = redis_rs::connection(fleet.first());
    Contender::new(redis_rs::NAME, &fleet.processes(), move || {
        let run = |words: &Vec<String>| {
            let reply = redis::cmd(&words[0]).arg(&words[1..]).query(&mut connection).expect("the server answers");
            match reply {
                redis::Value::Int(number) => number as u64,
                redis::Value::Nil => 0,
                _ => 1,
            }
        };
        commands.iter().map(run).sum()
    })
}

/// A key on each node, in their order.
fn key_on_each(cluster: &Cluster) -> Vec<String> {
    let names = ["node_1", "node_2", "node_3"];
    let on = |node: &str| (0..).map(|number| format!("set:{number}")).find(|key| cluster.node_for(key).name() == node);
    names.map(|node| on(node).expect("keys go everywhere")).to_vec()
}

/// Another key of the same node.
fn key_beside(cluster: &Cluster, key: &str) -> String {
    let node = cluster.node_for(key);
    let found = (0..).map(|number| format!("list:{number}:{key}")).find(|other| cluster.node_for(other) == node);
    found.expect("keys go everywhere")
}
