//! Commands that nobody would write, planned on clusters of one, two and five nodes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rediscluster::spec::ALL;
use rediscluster::{cmd, Cluster, CrossNode, HashTags};
use std::sync::OnceLock;

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

// The first two bytes choose the row, the rest are its arguments with a 0xff between two of them.
fuzz_target!(|data: &[u8]| {
    let [high, low, rest @ ..] = data else { return };
    let row = ALL[(usize::from(*high) << 8 | usize::from(*low)) % ALL.len()];
    let command = rest.split(|byte| *byte == 0xff).fold(cmd(row.name), |command, arg| command.arg(arg));
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
});
