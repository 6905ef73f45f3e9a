//! Commands that one server gets as they are, as part of a transaction on it.

use super::{renamed, too_few, Placed, Planner};
use crate::command::{Access, Args, Group, Positions, RequestPolicy, Spec};
use crate::error::{Error, ErrorKind, Outcome, Result};
use std::borrow::Cow;

/// A command as one server gets it.
pub(crate) struct Native<'c> {
    /// Its keys, which all live on that server; none for a command that any server takes.
    pub(crate) keys: Vec<Placed<'c>>,
    pub(crate) request: Cow<'c, [u8]>,
}

/// Puts a command into the names that the one server of all its keys stores.
pub(crate) type Naming = for<'c> fn(&Planner<'_>, &'c Args, &'static Spec) -> Result<Native<'c>>;

/// A command for the one server that all its keys live on, in a transaction on that server.
pub(crate) fn native<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
    naming: Naming,
) -> Result<Native<'c>> {
    let refused = |message: &'static str| Err(Error::new(ErrorKind::Refused, Outcome::NotApplied, message));
    let one_node = planner.topology.only_shard().is_some();
    let native = match (spec.access, spec.request) {
        (Access::Connection, _) => Err(about_a_connection(spec)),
        // Where there is one node only, its replicas would miss it.
        (_, RequestPolicy::AllNodes) => {
            refused("goes to every server, and a transaction is on one; `Cluster::on` names one")
        }
        (_, RequestPolicy::AllShards) if !one_node => {
            refused("goes to every node, and a transaction is on one; `Cluster::on` names one")
        }
        (_, RequestPolicy::OneServer) if !one_node => {
            refused("makes sense on one server, which the caller has to choose by `Cluster::on`")
        }
        (_, RequestPolicy::Special) if spec.keys.is_empty() && !one_node => {
            refused("is about the keys of every node, and a transaction is on one; `Cluster::on` names one")
        }
        _ => naming(planner, args, spec),
    };
    native.map_err(|error| error.with_command(spec.name_of(args)))
}

/// The name that the server of the one key stores.
pub(crate) fn name_one_key<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Native<'c>> {
    if !spec.takes(args.len()) {
        return Err(too_few(spec));
    }
    let key = planner.only_key(args, spec)?;
    let master = planner.topology.nth_shard(key.shard).master();
    let keys = vec![Placed { position: key.position, shard: key.shard, master, stored: key.stored }];
    Ok(Native { keys, request: key.request(args) })
}

/// The names that the server of all keys stores.
pub(crate) fn on_one_server<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Native<'c>> {
    on_one_server_by(planner, args, spec, Spec::key_positions)
}

/// The same, where all keys are in ranges.
pub(crate) fn ranges_on_one_server<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
) -> Result<Native<'c>> {
    on_one_server_by(planner, args, spec, Spec::positions_in_ranges)
}

fn on_one_server_by<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
    positions: Positions,
) -> Result<Native<'c>> {
    if !spec.takes(args.len()) {
        return Err(too_few(spec));
    }
    let (keys, are_renamed) = match spec.keys {
        [] => (Vec::new(), false),
        _ => planner.placed_by(args, spec, positions)?,
    };
    if keys.iter().any(|key| key.master != keys[0].master) {
        return Err(planner.refused(args, &keys));
    }
    let request = if are_renamed { renamed(args, &keys).into() } else { args.as_bytes().into() };
    Ok(Native { keys, request })
}

/// The error for a command that needs a connection of its own.
pub(crate) fn about_a_connection(spec: &Spec) -> Error {
    let instead = match spec.group {
        Group::Transactions => "`Cluster::transaction` and `Cluster::watch` run transactions",
        Group::PubSub => "`Cluster::subscriber` listens to channels",
        _ => "open one of your own with `Builder::open`",
    };
    let message = format!("is about the connection that it comes over, and connections are shared; {instead}");
    Error::new(ErrorKind::Refused, Outcome::NotApplied, message)
}
