//! The steps of `MSETNX`, told before they are run.

use crate::explain::{shown, Draft, Step};
use crate::plan::{groups_in_order, Placed};

#[inline]
pub(in crate::cross_node) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let name = |key: &Placed<'_>| shown(key.stored);
    let arg = |at| shown(draft.args.get(at).unwrap_or_default());
    let groups = groups_in_order(keys);
    let each = |word: &str, group: &[&Placed<'_>], with_values: bool| {
        let pairs = group.iter().map(|key| match with_values {
            true => format!(" {} {}", name(key), arg(key.position + 1)),
            false => format!(" {}", name(key)),
        });
        format!("{word}{}", pairs.collect::<String>())
    };
    let with_each = |word: &str, group: &[&Placed<'_>], value: &str| {
        group.iter().map(|key| format!("{word} {}{value}", name(key))).collect::<Vec<_>>().join(", ")
    };
    let looks = groups.iter().map(|group| {
        let (watch, exists) = (each("WATCH", group, false), each("EXISTS", group, false));
        draft.on(1, group[0], format!("{exists}, {watch}, {exists}, MULTI"))
    });
    let sets = groups.iter().enumerate().map(|(nth, group)| {
        let (set, mark) = (each("MSETNX", group, true), with_each("PEXPIRE", group, " MARK…"));
        let (watch, left) = (each("WATCH", group, false), with_each("PTTL", group, ""));
        let first = name(group[0]);
        let does = format!("{set}, PERSIST {first}, PTTL {first}, {mark}, EXEC, {watch}, {left}, MULTI");
        draft.on(2 + nth.min(1), group[0], does)
    });
    let keeps = groups.iter().map(|group| draft.on(4, group[0], format!("{}, EXEC", with_each("PERSIST", group, ""))));
    looks.chain(sets).chain(keeps).collect()
}
