//! The rounds of a read of streams on several nodes, in words.

use crate::command::Access;
use crate::cross_node::wait::TRACKING;
use crate::explain::{shown, words, Draft, Step};
use crate::plan::{groups, Part, Placed, StreamRead, Target};
use crate::topology::Role;

/// What has to be known first, then one read a node; what waits then waits on all nodes in one round.
#[inline]
pub(in crate::cross_node) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let Some(read) = StreamRead::of(draft.args, keys) else { return Vec::new() };
    let takes_nothing = draft.spec.access == Access::Read;
    let waits = read.waits();
    let mut steps: Vec<Step> = Vec::new();
    let mut round = 1;
    let ask = |key: &&Placed<'_>| match read.group() {
        Some(group) if !takes_nothing => Some(format!("XPENDING {} {}", shown(key.stored), shown(group))),
        None if takes_nothing && waits && read.id_of(key) == b"$" => {
            Some(format!("XINFO STREAM {}", shown(key.stored)))
        }
        _ => None,
    };
    for group in read.groups() {
        let asks: Vec<String> = group.iter().filter_map(ask).collect();
        if !asks.is_empty() {
            steps.push(draft.on(round, group[0], asks.join(", ")));
        }
    }
    round += usize::from(!steps.is_empty());
    let role = if waits { Role::Master } else { draft.planner.role(draft.spec) };
    for group in read.groups() {
        let target = Target::Shard(group[0].shard, role);
        let request = read.request(&group, None).into();
        steps.push(draft.part(round, &Part { target, request, keys: Vec::new() }));
    }
    if waits {
        steps.extend(draft.types_of(round + 1, keys, TRACKING));
        let read = |group: &Vec<&Placed<'_>>| draft.on(round + 2, group[0], words(&read.request(group, None)));
        steps.extend(groups(keys).iter().map(read));
    }
    steps
}
