//! The README keeps up with the command table.

use rediscluster::spec::{Across, RequestPolicy, ALL};

#[test]
fn every_command_that_can_meet_several_nodes_is_in_the_readme() {
    let readme = include_str!("../README.md");
    for row in ALL {
        let several = row.across != Across::Never
            || matches!(row.request, RequestPolicy::AllShards | RequestPolicy::AllNodes | RequestPolicy::MultiShard);
        if several {
            let lines = readme.lines().filter(|line| line.starts_with('|'));
            let listed = lines.filter(|line| line.contains(&format!("`{}`", row.name))).count();
            assert_eq!(listed, 1, "{} stands in the README's tables of several nodes", row.name);
        }
    }
}
