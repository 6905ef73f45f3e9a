//! Commands that one server gets as they are, as part of a transaction on it.

use super::{as_stored, too_few, CrossNode, Placed, Planner, Route};
use crate::args::Args;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::spec::{Access, Across, Group, RequestPolicy, Spec};
use crate::topology::Role;
use std::borrow::Cow;

/// A command as one server gets it.
pub(crate) struct Native<'c> {
    /// Its keys, which all live on that server; none for a command that any server takes.
    pub(crate) keys: Vec<Placed<'c>>,
    pub(crate) request: Cow<'c, [u8]>,
}

impl Planner<'_> {
    /// A command for the one server that all its keys live on, in the names that the server stores.
    pub(crate) fn native<'c>(&self, args: &'c Args, spec: &'static Spec) -> Result<Native<'c>> {
        let refused = |message| Err(Error::new(ErrorKind::Refused, Outcome::NotApplied, message));
        let one_node = self.topology.distinct_shards().count() == 1;
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
            _ if spec.across == Across::DrawNode && !one_node => {
                refused("is about the keys of every node, and a transaction is on one; `Cluster::on` names one")
            }
            _ => self.on_one_server(args, spec),
        };
        native.map_err(|error| error.with_command(spec.name_of(args)))
    }

    /// As [`native`](Planner::native), whoever may send it.
    pub(crate) fn on_one_server<'c>(&self, args: &'c Args, spec: &'static Spec) -> Result<Native<'c>> {
        if !spec.takes(args.len()) {
            return Err(too_few(spec));
        }
        let keys = match spec.keys {
            [] => Vec::new(),
            _ => self.placed(args, spec)?,
        };
        if keys.iter().any(|key| key.master != keys[0].master) {
            return Err(self.refused(args, &keys));
        }
        if spec.across == Across::Sort {
            // Its patterns have homes as well.
            let refusing = Planner { cross_node: CrossNode::Refuse, ..*self };
            if let Route::One(part) = refusing.sorted(args, spec, Role::Master)? {
                return Ok(Native { keys, request: part.request });
            }
        }
        let request = as_stored(args, &keys);
        Ok(Native { keys, request })
    }
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
