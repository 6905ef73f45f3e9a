//! The keys of a command by the servers that they live on.

use super::{Part, Placed, Planner, Target};
use crate::command::{Access, Args, KeySpec, ResponsePolicy, Spec};
use crate::error::Result;
use crate::order::sort_by_key;
use crate::topology::Role;

/// A command that needs all its keys on one node: which that is, and what has to be carried there.
pub(crate) struct Carried<'c> {
    /// The server of the destination, or of most keys where there is none.
    pub(crate) home: usize,
    /// The keys that live elsewhere.
    pub(crate) foreign: Vec<Placed<'c>>,
}

impl<'c> Carried<'c> {
    pub(crate) fn of(spec: &Spec, keys: &[Placed<'c>]) -> Carried<'c> {
        let home = match (spec.access, spec.keys) {
            (Access::Read, _) => groups(keys).iter().max_by_key(|group| group.len()).map(|group| group[0].master),
            // `GEORADIUS` and its like name the destination behind an option, all others in front.
            (_, [_, KeySpec::Options(..)]) => keys.last().map(|key| key.master),
            _ => keys.first().map(|key| key.master),
        };
        let home = home.unwrap_or(0);
        Carried { home, foreign: keys.iter().filter(|key| key.master != home).copied().collect() }
    }
}

/// The keys by the server that they live on, in the order in which the servers first occur.
pub(crate) fn groups<'k, 'c>(keys: &'k [Placed<'c>]) -> Vec<Vec<&'k Placed<'c>>> {
    let mut groups: Vec<Vec<&Placed<'_>>> = Vec::new();
    // How many keys a server has, and which group is its own: without a count each group would grow many times.
    let mut of_servers = vec![(0, usize::MAX); keys.iter().map(|key| key.master + 1).max().unwrap_or(0)];
    for key in keys {
        of_servers[key.master].0 += 1;
    }
    for key in keys {
        let (count, place) = &mut of_servers[key.master];
        if *place == usize::MAX {
            *place = groups.len();
            groups.push(Vec::with_capacity(*count));
        }
        groups[*place].push(key);
    }
    groups
}

/// The same in the order of the servers, in which connections are taken: so no two calls wait for one another.
pub(crate) fn groups_in_order<'k, 'c>(keys: &'k [Placed<'c>]) -> Vec<Vec<&'k Placed<'c>>> {
    let mut groups = groups(keys);
    sort_by_key(&mut groups, |group| group[0].master);
    groups
}

/// One command a server, with the keys that live there and what belongs to each.
pub(crate) fn split<'c>(args: &Args, spec: &Spec, keys: &[Placed<'_>], role: Role) -> Vec<Part<'c>> {
    commands_of(args, spec, &groups(keys), role)
}

/// One command for each of these groups of keys, each of which lives on one server.
fn commands_of<'c>(args: &Args, spec: &Spec, groups: &[Vec<&Placed<'_>>], role: Role) -> Vec<Part<'c>> {
    let step = match spec.keys {
        [KeySpec::Range(_, _, step)] => *step,
        _ => 1,
    };
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let (mut request, mut keys) = (Args::of_words(spec.name), Vec::with_capacity(group.len()));
        for key in group {
            keys.push(key.position);
            request.push(key.stored);
            for at in key.position + 1..key.position + step {
                request.push(args.get(at).unwrap_or_default());
            }
        }
        let request = request.as_bytes().to_vec().into();
        parts.push(Part { target: Target::Shard(group[0].shard, role), request, keys });
    }
    parts
}

/// As [`split`], in pieces of no more than so many keys, several for one server; `None` where one server would do all of it
/// at once, or would tell something else of the pieces.
pub(crate) fn split_in_pieces<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
    most: usize,
) -> Result<Option<Vec<Part<'c>>>> {
    if spec.access != Access::Read && spec.response != ResponsePolicy::AGG_SUM {
        return Ok(None);
    }
    let (keys, _) = planner.placed_by(args, spec, Spec::positions_in_ranges)?;
    Ok(Some(commands_of(args, spec, &in_pieces(&groups(&keys), most), planner.role(spec))))
}

/// Groups of no more than so many keys.
pub(super) fn in_pieces<'k, 'c>(groups: &[Vec<&'k Placed<'c>>], most: usize) -> Vec<Vec<&'k Placed<'c>>> {
    let mut pieces = Vec::new();
    for group in groups {
        for piece in group.chunks(most) {
            pieces.push(piece.to_vec());
        }
    }
    pieces
}
