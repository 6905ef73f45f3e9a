//! What must hold for any addresses and any commands: shared by the fuzz targets and by `tests/fuzzed.rs`, which replays
//! the seeds and what once crashed.

// Each target uses a part of it.
#![allow(dead_code)]

use rediscluster::spec::{Spec, ALL};
use rediscluster::{cmd, Address, Cluster, Cmd, CrossNode, HashTags, Value};
use std::sync::OnceLock;

/// Addresses, URLs and lists of nodes.
pub fn nodes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(address) = Address::parse(text) {
        let again = Address::parse(&address.to_string()).expect("what is shown can be read");
        assert_eq!(address, again);
    }
    // The same text where a secret would be: no message and no debug output may repeat it.
    let builder = Cluster::builder().nodes(text);
    let _ = format!("{builder:?}");
    if let Ok(cluster) = builder.build() {
        assert!(!cluster.topology().shards().is_empty());
        let _ = cluster.node_for("foo");
    }
    let secret = "s3cr3t-of-nobody";
    if !text.contains(secret) && !text.contains(['@', ',']) {
        let url = format!("redis://user:{secret}@{text}");
        let builder = Cluster::builder().node("node_1", url);
        let mut told = format!("{builder:?}");
        told.push_str(&match builder.build() {
            Ok(cluster) => format!("{cluster:?}"),
            Err(error) => format!("{error} {error:?}"),
        });
        assert!(!told.contains(secret), "{told}");
    }
}

/// One cluster for each number of nodes and rule of hash tags. Nothing is ever sent.
fn clusters() -> &'static [Cluster] {
    static CLUSTERS: OnceLock<Vec<Cluster>> = OnceLock::new();
    CLUSTERS.get_or_init(|| {
        let sizes = [1, 2, 5].into_iter();
        let each = sizes.flat_map(|size| [HashTags::Strip, HashTags::Keep, HashTags::Off].map(|tags| (size, tags)));
        let cluster = |(size, tags)| {
            let nodes = (1..=size).fold(Cluster::builder(), |builder, number| {
                builder.node(format!("node_{number}"), format!("127.0.0.1:{}", 7000 + number))
            });
            nodes.hash_tags(tags).build().expect("a configuration without mistakes")
        };
        each.map(cluster).collect()
    })
}

/// The first two bytes choose the row and the cluster, the rest are its arguments with a 0xff between two of them.
pub fn command(data: &[u8]) -> Option<(&'static Spec, Cmd<Value>, &'static Cluster)> {
    let [high, low, rest @ ..] = data else { return None };
    let choice = usize::from(*high) << 8 | usize::from(*low);
    let row = ALL[choice % ALL.len()];
    let command = rest.split(|byte| *byte == 0xff).fold(cmd(row.name), |command, arg| command.arg(arg));
    Some((row, command, &clusters()[choice / ALL.len() % clusters().len()]))
}

/// One command on every cluster: its steps are told, with and without leave to go to several nodes.
pub fn plan(data: &[u8]) {
    let Some((row, command, _)) = command(data) else { return };
    for cluster in clusters() {
        let Ok(plan) = cluster.plan(&command) else { continue };
        assert!(!plan.steps().is_empty(), "{command:?} is planned and asks nobody");
        assert!(!plan.is_native() || plan.steps().len() == 1, "{command:?} goes to one server as it is");
        assert!(plan.round_trips() >= 1);
        // What is refused across nodes may still be planned where one node is enough.
        let refused = cluster.cross_node(CrossNode::Refuse).plan(&command);
        assert!(refused.is_err() || refused.is_ok_and(|same| same == plan), "{command:?} is planned in two ways");
        let keys = row.key_positions(command.args()).unwrap_or_default();
        for key in keys.iter().filter_map(|&at| command.args().get(at)) {
            let _ = cluster.node_for(key);
        }
    }
}
