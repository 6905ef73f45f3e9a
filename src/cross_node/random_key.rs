//! `RANDOMKEY`.

use super::{across, integer, random, NIL};
use crate::command::{Across, Args, Emulation, Spec};
use crate::error::Result;
use crate::execute::{Call, Strategy};
use crate::explain::{Draft, Step};
use crate::plan::{any_node, command, Part, Placed, Planner, Route, Target};
use crate::resp::ValueRef;

pub(super) const EMULATION: Emulation = Emulation::new("draw_node", "a node is drawn by how many keys it holds", |_| 2);

/// A node is drawn by how many keys it holds.
pub(crate) const DRAW_NODE: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route,
    run: |call, route| across(call, route, |call, _| draw_key(call)),
    ..Strategy::ONE_NODE
};

#[inline]
fn route<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    match spec.takes(args.len()) && planner.topology.distinct_shards().count() > 1 {
        true => Ok(Route::Across(Vec::new())),
        false => any_node(planner, args, spec),
    }
}

#[inline]
pub(super) fn steps(draft: &Draft<'_>, _: &[Placed<'_>]) -> Vec<Step> {
    let parts = sizes(draft.planner, draft.spec);
    let mut steps = draft.parts(1, &parts);
    let drawn = Target::Shard(0, draft.planner.role(draft.spec));
    steps.push(draft.at(2, drawn, "RANDOMKEY, on the node that is drawn".into()));
    steps
}

/// What asks every different master, or a replica of each, how many keys it holds.
#[inline]
fn sizes(planner: &Planner<'_>, spec: &Spec) -> Vec<Part<'static>> {
    let role = planner.role(spec);
    let part = |shard| Part {
        target: Target::Shard(shard, role),
        request: command([&b"DBSIZE"[..]]).into(),
        keys: Vec::new(),
    };
    planner.topology.distinct_shards().map(part).collect()
}

/// A key of a node that is drawn by how many keys it holds.
#[inline]
fn draw_key(call: &Call<'_>) -> Result<Vec<u8>> {
    let parts = sizes(&call.planner, call.spec);
    let mut sizes: Vec<(Target, u64)> = Vec::new();
    for (part, answer) in parts.iter().zip(call.answers(&parts)?) {
        sizes.push((part.target, u64::try_from(integer(answer.frame().value())?).unwrap_or(0)));
    }
    // A node may have become empty meanwhile: then another one is drawn, until none is left.
    while let Some(total) = sizes.iter().fold(0u64, |sum, (_, size)| sum.saturating_add(*size)).checked_sub(1) {
        let mut ticket = random() % total.saturating_add(1);
        let drawn = sizes.iter().position(|&(_, size)| match ticket.checked_sub(size) {
            Some(rest) => {
                ticket = rest;
                false
            }
            None => true,
        });
        let (target, _) = sizes.swap_remove(drawn.unwrap_or(0));
        let answer = call.one(target, call.args.as_bytes())?;
        if !matches!(answer.frame().value(), ValueRef::Nil) {
            return Ok(answer.frame().as_bytes().to_vec());
        }
    }
    Ok(NIL.to_vec())
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("RANDOMKEY");
        let expected = "
            a:DBSIZE b:DBSIZE a:RANDOMKEY = x
            a:DBSIZE Refused, Breaks, Dies: NotApplied; b:DBSIZE
            b:DBSIZE Refused, Breaks, Dies: NotApplied
            a:RANDOMKEY Refused, Breaks, Dies: NotApplied
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
