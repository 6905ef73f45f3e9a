//! Which servers a command goes to: the routers that rows and strategies name.

use super::{about_a_connection, anywhere, Homes, Part, Planner, Route, Target};
use crate::command::{Args, Spec};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::topology::{ReadFrom, Role};

/// What is about its connection is refused.
pub(crate) fn refuse_connection<'c>(_: &Planner<'_>, _: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    Err(about_a_connection(spec))
}

/// The server that the caller has to choose.
pub(crate) fn one_server<'c>(planner: &Planner<'_>, args: &'c Args, _: &'static Spec) -> Result<Route<'c>> {
    // Where there is one node only, there is no choice. A cursor needs the same server again: its master.
    match planner.topology.distinct_shards().count() {
        1 => Ok(Route::One(anywhere(args, Role::Master))),
        _ => Err(Error::new(
            ErrorKind::Refused,
            Outcome::NotApplied,
            "makes sense on one server, which the caller has to choose by `Cluster::on`",
        )),
    }
}

/// Every node.
pub(crate) fn every_shard<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    let role = planner.role(spec);
    let part = |shard| Part { target: Target::Shard(shard, role), request: args.as_bytes().into(), keys: Vec::new() };
    let mut parts: Vec<_> = planner.topology.distinct_shards().map(part).collect();
    Ok(match parts.len() {
        1 => Route::One(parts.remove(0)),
        _ => Route::Fan(parts),
    })
}

/// Every server, replicas too where they serve.
pub(crate) fn every_server<'c>(planner: &Planner<'_>, args: &'c Args, _: &'static Spec) -> Result<Route<'c>> {
    let servers = match planner.read_from {
        ReadFrom::Master => planner.topology.servers().filter(|(role, _)| *role == Role::Master).count(),
        _ => planner.topology.server_count(),
    };
    let part = |server| Part { target: Target::Server(server), request: args.as_bytes().into(), keys: Vec::new() };
    Ok(Route::Fan((0..servers).map(part).collect()))
}

/// Any node: the command has no keys.
pub(crate) fn any_node<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    Ok(Route::One(anywhere(args, planner.role(spec))))
}

/// The node of the one key, whose place is fixed as nearly every command has it.
pub(crate) fn one_key<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    let key = planner.only_key(args, spec)?;
    Ok(Route::One(Part { target: key.target(planner, spec), request: key.request(args), keys: Vec::new() }))
}

/// The node of the keys, where they live on one.
pub(crate) fn one_node<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    match planner.homes(args, spec)? {
        Homes::One(part) => Ok(Route::One(part)),
        Homes::Several(keys) => Err(planner.refused(args, &keys)),
    }
}

/// The node of the keys; where they live on several, the strategy of the row has several rounds.
pub(crate) fn in_rounds<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    planner.homes(args, spec).map(|homes| match homes {
        Homes::One(part) => Route::One(part),
        Homes::Several(keys) => Route::Across(keys),
    })
}
