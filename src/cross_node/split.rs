//! One command a node, each with its own keys: `MGET`, `DEL` and their like.

use crate::command::{Across, Args, Emulation, Spec};
use crate::error::Result;
use crate::execute::Strategy;
use crate::plan::{ranges_on_one_server, split, split_in_pieces, Homes, Planner, Route};

pub(super) const EMULATION: Emulation = Emulation::new("split", "one command a node, all at once", |_| 1);

/// One command a node, each with its own keys, all at once. Each row says what becomes of the replies.
pub(crate) const SPLIT: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: split_by_node,
    run: |call, route| {
        call.run_in_pieces(route, |call, most| split_in_pieces(&call.planner, call.args, call.spec, most))
    },
    naming: ranges_on_one_server,
    is_refused: |spec, args| spec.is_refused_for_its_keys(args, Spec::positions_in_ranges),
    ..Strategy::ONE_NODE
};

#[inline]
fn split_by_node<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    planner.homes_by(args, spec, Spec::positions_in_ranges).map(|homes| match homes {
        Homes::One(part) => Route::One(part),
        Homes::Several(keys) => Route::Fan(split(args, spec, &keys, planner.role(spec))),
    })
}
