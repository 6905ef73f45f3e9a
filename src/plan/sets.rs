//! Operations over sets, of which each node reduces its own.

use super::parts::in_pieces;
use super::{command_of, groups, Part, Placed, Planner, Target};
use crate::command::{Args, SetOperation, Spec};
use crate::error::Result;
use crate::topology::Role;

/// Each node reduces its own sets; what is left is merged by the client. The first key's node comes first.
#[inline]
pub(crate) fn merged_sets<'c>(operation: SetOperation, keys: &[Placed<'c>], role: Role) -> Vec<Part<'c>> {
    reduced(operation, &groups(keys), role)
}

/// The same in pieces of no more than so many keys, several for one server.
#[inline]
pub(crate) fn sets_in_pieces<'c>(
    planner: &Planner<'_>,
    operation: SetOperation,
    args: &'c Args,
    spec: &'static Spec,
    most: usize,
) -> Result<Vec<Part<'c>>> {
    let keys = planner.placed(args, spec)?;
    Ok(reduced(operation, &in_pieces(&groups(&keys), most), planner.role(spec)))
}

/// One command for each of these groups of sets, which leaves one set of them.
#[inline]
fn reduced<'c>(operation: SetOperation, groups: &[Vec<&Placed<'_>>], role: Role) -> Vec<Part<'c>> {
    let mut parts = Vec::with_capacity(groups.len());
    for (nth, group) in groups.iter().enumerate() {
        let name: &[u8] = match operation {
            SetOperation::Intersection => b"SINTER",
            SetOperation::Union => b"SUNION",
            // What is taken away may be united first: a − b − c = a − (b ∪ c).
            SetOperation::Difference if nth > 0 => b"SUNION",
            SetOperation::Difference => b"SDIFF",
        };
        let (mut request, mut keys) = (vec![name], Vec::with_capacity(group.len()));
        for key in group {
            keys.push(key.position);
            request.push(key.stored);
        }
        parts.push(Part { target: Target::Shard(group[0].shard, role), request: command_of(&request).into(), keys });
    }
    parts
}
