//! One command a node, each with its own keys: `MGET`, `DEL` and their like.

use crate::command::{Across, Args, Emulation, Spec};
use crate::error::Result;
use crate::execute::Strategy;
use crate::plan::{split, split_in_pieces, Homes, Planner, Route};

/// One command a node, each with its own keys, all at once; merged by the [`ResponsePolicy`](crate::command::ResponsePolicy).
pub(crate) const SPLIT: Strategy = Strategy {
    across: Across::of(&Emulation::new("split", "one command a node, all at once", |_| 1)),
    route: split_by_node,
    run: |call, route| {
        call.run_in_pieces(route, |call, most| {
            let pieces = split_in_pieces(&call.planner, call.args, call.spec, most)?;
            Ok(pieces.map(|pieces| (pieces, call.spec.response.merge())))
        })
    },
    ..Strategy::ONE_NODE
};

#[inline]
fn split_by_node<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    planner.homes(args, spec).map(|homes| match homes {
        Homes::One(part) => Route::One(part),
        Homes::Several(keys) => Route::Fan(split(args, spec, &keys, planner.role(spec)), spec.response.merge()),
    })
}
