//! Whether a replica has what its master had.

use super::Context;
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{Deadline, Lease};
use crate::topology::info::Info;
use crate::topology::Reach;

impl Context<'_> {
    /// What the replica at the other end says of itself: what it said in the handshake of a new connection, or the answer
    /// to a question.
    pub(super) fn said_by(&self, lease: &mut Lease, deadline: Deadline) -> Result<Info> {
        if let Some(said) = lease.take_said() {
            return Ok(said);
        }
        // Nothing of the caller's was sent.
        lease.ask_who(deadline).map_err(|error| error.in_phase(Phase::Handshake))
    }

    /// Where a replica stands that said this. One that nobody has seen yet was started anew, or follows another history
    /// than it did: its master is asked how far it is, and from then on there is a mark.
    pub(super) fn reach(&self, server: usize, info: &Info, deadline: Deadline) -> Reach {
        let topology = self.topology();
        let shards = topology.shards();
        let Some(shard) = shards.iter().position(|shard| shard.replicas().contains(&server)) else {
            return Reach::Unseen;
        };
        let (marks, replica) = (&self.servers.marks, topology.node(server).address());
        let reach = marks.reach(shard, replica, info);
        if reach != Reach::Unseen || info.serves_reads().is_err() {
            return reach;
        }
        match self.servers.pool(topology.nth_shard(shard).master()).who(deadline) {
            Ok(master) if master.is_master() && master.history == info.history => {
                marks.saw(shard, replica, info, master.offset.unwrap_or(0));
                marks.reach(shard, replica, info)
            }
            _ => reach,
        }
    }
}

/// The error of a replica that serves no reads now.
pub(super) fn serves_no_reads(lease: &Lease, reason: &str) -> Error {
    let message = format!("this replica serves no reads now: {reason}");
    let error = Error::new(ErrorKind::Connect, Outcome::NotApplied, message);
    error.in_phase(Phase::Handshake).with_node(|| lease.node().to_string())
}
