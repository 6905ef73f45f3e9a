//! `SUNION`, `SINTER`, `SDIFF` and their `STORE` forms.

use super::{across, carry_sources, nothing_written, replace};
use crate::command::{Across, Args, Emulation, SetOperation, Spec};
use crate::error::{Error, Result};
use crate::execute::{Answer, Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::plan::{in_rounds, merged_sets, sets_in_pieces, Homes, Part, Placed, Planner, Route};
use crate::topology::Role;

/// Each node reduces its own keys, all at once; the client merges the sets.
pub(crate) const MERGE_UNION: Strategy = Strategy {
    route: |planner, args, spec| merged(planner, args, spec, SetOperation::Union),
    run: |call, route| call.run_in_pieces(route, |call, most| pieces(call, most, SetOperation::Union)),
    merge: SetOperation::Union.merge(),
    ..MERGE
};
/// The members that all have.
pub(crate) const MERGE_INTERSECTION: Strategy = Strategy {
    route: |planner, args, spec| merged(planner, args, spec, SetOperation::Intersection),
    run: |call, route| call.run_in_pieces(route, |call, most| pieces(call, most, SetOperation::Intersection)),
    merge: SetOperation::Intersection.merge(),
    ..MERGE
};
/// The members that the first has and no other.
pub(crate) const MERGE_DIFFERENCE: Strategy = Strategy {
    route: |planner, args, spec| merged(planner, args, spec, SetOperation::Difference),
    run: |call, route| call.run_in_pieces(route, |call, most| pieces(call, most, SetOperation::Difference)),
    merge: SetOperation::Difference.merge(),
    ..MERGE
};

pub(super) const MERGING: Emulation =
    Emulation::new("merge_sets", "each node reduces its own sets, the client merges", |_| 1);

const MERGE: Strategy = Strategy { across: Across::of(&MERGING), ..Strategy::ONE_NODE };

/// As [`MERGE_UNION`]; the result then replaces the destination in one transaction.
pub(crate) const STORE_UNION: Strategy = Strategy {
    run: |call, route| across(call, route, |call, keys| run_stored(call, keys, SetOperation::Union)),
    merge: SetOperation::Union.merge(),
    ..STORE
};
/// The members that all have.
pub(crate) const STORE_INTERSECTION: Strategy = Strategy {
    run: |call, route| across(call, route, |call, keys| run_stored(call, keys, SetOperation::Intersection)),
    merge: SetOperation::Intersection.merge(),
    ..STORE
};
/// The members that the first source has and no other.
pub(crate) const STORE_DIFFERENCE: Strategy = Strategy {
    run: |call, route| across(call, route, |call, keys| run_stored(call, keys, SetOperation::Difference)),
    merge: SetOperation::Difference.merge(),
    ..STORE
};

pub(super) const STORING: Emulation = Emulation::new(
    "store_sets",
    "each node reduces its own sets, the client merges, one transaction replaces the destination",
    |_| 3,
);

const STORE: Strategy = Strategy { across: Across::of(&STORING), route: in_rounds, ..Strategy::ONE_NODE };

#[inline]
fn merged<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
    operation: SetOperation,
) -> Result<Route<'c>> {
    planner.homes(args, spec).map(|homes| match homes {
        Homes::One(part) => Route::One(part),
        Homes::Several(keys) => Route::Fan(merged_sets(operation, &keys, planner.role(spec))),
    })
}

#[inline]
fn pieces<'r>(call: &Call<'r>, most: usize, operation: SetOperation) -> Result<Option<Vec<Part<'r>>>> {
    sets_in_pieces(&call.planner, operation, call.args, call.spec, most).map(Some)
}

/// Whether a write to the destination after it was read could be lost: its node has to read and replace it at once.
#[inline]
fn reads_its_destination(keys: &[Placed<'_>]) -> bool {
    keys[1..].iter().any(|key| (key.master, key.stored) == (keys[0].master, keys[0].stored))
}

#[inline]
fn run_stored(call: &Call<'_>, keys: &[Placed<'_>], operation: SetOperation) -> Result<Vec<u8>> {
    match keys {
        _ if reads_its_destination(keys) => carry_sources::carry(call, keys),
        [destination, sources @ ..] => store_sets(call, operation, destination, sources),
        [] => Err(Error::argument("a set operation without sources")),
    }
}

#[inline]
pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let operation = match draft.spec.name {
        "SUNIONSTORE" => SetOperation::Union,
        "SINTERSTORE" => SetOperation::Intersection,
        _ => SetOperation::Difference,
    };
    let [destination, sets @ ..] = keys else { return Vec::new() };
    if reads_its_destination(keys) {
        return carry_sources::steps(draft, keys);
    }
    let mut steps = draft.parts(1, &merged_sets(operation, sets, Role::Master));
    let to = shown(destination.stored);
    steps.push(draft.on(2, destination, "MULTI".into()));
    steps.push(draft.on(3, destination, format!("DEL {to}, SADD {to} MEMBERS…, EXEC")));
    steps
}

/// The destination is replaced by what the sources leave, in one transaction.
#[inline]
fn store_sets(
    call: &Call<'_>,
    operation: SetOperation,
    destination: &Placed<'_>,
    sources: &[Placed<'_>],
) -> Result<Vec<u8>> {
    // The sources are read on their masters: a write must not rest on stale data.
    let mut answer = match &merged_sets(operation, sources, Role::Master)[..] {
        [part] => call.one(part.target, &part.request).map_err(nothing_written)?,
        parts => Answer::Merged(call.fan(parts).map_err(nothing_written)?),
    };
    // Its connection is free again before the destination's is asked for: a second call may hold and want the two the
    // other way round.
    answer.let_go();
    let members: Vec<&[u8]> =
        answer.frame().value().items().into_iter().flatten().filter_map(|item| item.as_bytes()).collect();
    replace(call, destination, b"SADD", &members)
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("SUNIONSTORE").arg("a").arg("b").arg("c");
        let expected = "
            b:SUNION a:SUNION a:MULTI a:DEL a:SADD a:EXEC = 1
            b:SUNION Refused, Breaks, Dies: NotApplied; a:SUNION
            a:SUNION Refused, Breaks, Dies: NotApplied
            a:MULTI Refused, Breaks, Dies: NotApplied
            a:DEL Refused: NotApplied; a:SADD a:EXEC
            a:DEL Breaks, Dies: Unknown
            a:SADD Refused: NotApplied; a:EXEC
            a:SADD Breaks, Dies: Unknown
            a:EXEC Refused: NotApplied
            a:EXEC Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
