//! What calls that are no single command need of a cluster.

use super::{Cluster, OnServersChanged};
use crate::cmd::Untyped;
use crate::command::Wait;
use crate::error::{Error, Result};
use crate::execute::{Command, Effort, RowRef, Servers};
use crate::net::{Deadline, Lease, Pool};
use crate::observer::Traffic;
use crate::topology::Topology;
use std::sync::Arc;
use std::time::Duration;

impl Cluster {
    /// The deadline of a call that begins now and may wait for data so long.
    pub(crate) fn begin(&self, wait: Wait) -> Deadline {
        Deadline::of(self.view.deadline, wait)
    }

    /// The database that commands run in.
    pub(crate) fn database_number(&self) -> u32 {
        self.view.database
    }

    /// The row of a command, which a server would take as far as can be told from here.
    #[inline]
    pub(crate) fn row_of(&self, cmd: &Untyped) -> Result<RowRef> {
        cmd.check()?;
        cmd.row(&self.shared.own_specs)
    }

    /// What a server says to a command that any server refuses for its keys.
    pub(crate) fn refusal_of(&self, cmd: &Untyped, row: RowRef, deadline: Deadline) -> Error {
        self.run_until(cmd, row, Some(deadline), &mut |_| Ok(())).err().unwrap_or_else(not_refused)
    }

    /// Notes that this view writes to a server.
    pub(crate) fn writes_to(&self, servers: &Servers, server: usize) {
        if let Some(own) = &self.view.own_writes {
            own.note(&servers.topology, server);
        }
    }

    /// Attempts of what takes several requests to one server, and must not be repeated unless nothing was applied.
    pub(crate) fn tried<T>(
        &self,
        pool: &Pool,
        command: &'static str,
        deadline: Deadline,
        attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let (retries, budget) = (&self.view.retries, &self.shared.budget);
        let command = Command::Named(command);
        let effort = Effort { retries, budget, deadline, repeatable: false, has_others: false, command };
        effort.tried(pool, attempt)
    }

    /// A connection to a server, in the database of this view.
    pub(crate) fn lend(
        &self,
        servers: &Servers,
        server: usize,
        deadline: Deadline,
        observed: Option<&Arc<dyn Traffic>>,
    ) -> Result<Lease> {
        if let Some(observed) = observed {
            observed.visit(servers.topology.node(server));
        }
        let mut lease = servers.pool(server).lend(self.view.database, deadline)?;
        if let Some(observed) = observed {
            lease.count_for(observed);
        }
        Ok(lease)
    }
}

/// The error for a command that a server took although it does not say which its keys are.
pub(crate) fn not_refused() -> Error {
    Error::reply("a server took a command that does not say which of its arguments are keys")
}

/// What a subscriber asks of its cluster.
impl Cluster {
    /// The longest time that a call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.view.deadline
    }

    /// The shard that `PUBLISH` and `SPUBLISH` to a channel go to, as the first one of its master.
    pub(crate) fn shard_of_channel(&self, channel: &[u8], topology: &Topology) -> usize {
        let (shard, _) = self.shared.placement.place(channel, topology);
        topology.distinct(shard)
    }

    /// Has it told when servers change, as long as it lives.
    pub(crate) fn tell_when_servers_change(&self, listener: &Arc<dyn OnServersChanged>) {
        self.shared.listeners.add(listener);
    }

    /// The connections to the server that is the master of a shard now.
    pub(crate) fn pool_of_master(&self, shard: usize) -> Arc<Pool> {
        let servers = self.servers();
        Arc::clone(servers.pool(servers.topology.nth_shard(shard).master()))
    }
}
