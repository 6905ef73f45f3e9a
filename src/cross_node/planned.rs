//! Which file tells the rounds of a strategy, for [`Cluster::plan`](crate::Cluster::plan).
//!
//! Strategies do not point to what is told of them, so that a program has it only when it plans.

use super::{carry_sources, copy, msetnx, pop, random_key, rename, set_operations, smove_lmove, sort, streams};
use crate::command::Across;
use crate::explain::{Draft, Step};
use crate::plan::Placed;

/// Tells the rounds that a strategy takes for keys on several nodes.
pub(crate) type Steps = fn(&Draft<'_>, &[Placed<'_>]) -> Vec<Step>;

/// The one for a strategy, by its name.
#[inline]
pub(crate) fn steps_of(across: Across) -> Steps {
    match across.name() {
        "carry_sources" => carry_sources::steps,
        "copy" => copy::steps,
        "draw_node" => random_key::steps,
        "first_that_has" => pop::steps,
        "move_element" => smove_lmove::element_steps,
        "move_member" => smove_lmove::member_steps,
        "read_streams" => streams::steps,
        "rename" => rename::steps,
        "set_if_none_exists" => msetnx::steps,
        "sort" => sort::steps,
        "store_sets" => set_operations::steps,
        // One round, which routing tells, or none.
        _ => |_, _| Vec::new(),
    }
}
