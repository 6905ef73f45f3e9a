//! Pages of scans: one command to one master, and which process answered it.

use super::Cluster;
use crate::cmd::Cmd;
use crate::error::{Error, Result};
use crate::from_value::FromValue;
use crate::net::Deadline;
use crate::plan::{Route, Target};
use crate::topology::Node;

/// A page, and who gave it.
pub(crate) struct Page<T> {
    pub(crate) content: T,
    /// Where keys of this node live; named as in the configuration.
    pub(crate) node: Node,
    /// What tells this process from every other; empty when the server does not say.
    pub(crate) process: String,
}

impl Cluster {
    /// Asks the master of a node, or of the command's key, for a page.
    pub(crate) fn page<T: FromValue>(&self, cmd: &Cmd<T>, shard: Option<usize>, until: Deadline) -> Result<Page<T>> {
        let row = self.row_of(cmd.untyped())?;
        self.call(cmd.args(), row, Some(until), |call| {
            let (shard, request) = match shard {
                Some(shard) => (shard, cmd.as_bytes().into()),
                None => match row.route(&call.planner, cmd.args())? {
                    Route::One(part) => match part.target {
                        Target::Shard(shard, _) => (shard, part.request),
                        Target::Server(_) => return Err(no_page()),
                    },
                    _ => return Err(no_page()),
                },
            };
            let topology = call.topology();
            let shard = &topology.shards()[shard];
            let (process, answer) = call.run_identified(shard.master(), &request)?;
            let node = Node::new(shard.name(), topology.master_of(shard).address().clone());
            Ok(Page { content: call.convert(answer)?, node, process })
        })
    }
}

fn no_page() -> Error {
    Error::argument("a page of a scan comes from one master")
}
