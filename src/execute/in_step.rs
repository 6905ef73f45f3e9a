//! Whether a replica has what its master had, and connections to those that have.

use super::Context;
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{BreakerState, Deadline, Lease};
use crate::topology::info::Info;
use crate::topology::{Reach, Role};
use std::time::{Duration, Instant};

/// The longest time for a look at a replica that failed before.
const LOOK: Duration = Duration::from_millis(500);

impl Context<'_> {
    /// A connection for what routing sends to this server, lent so, if any is. One to a replica is asked whether the replica is
    /// in step with its master, when it is new and when the replica has failed since: one that was started anew may be without
    /// data, and would say that there are no keys. With `others` that could serve it has to be in step; else old data is better
    /// than none.
    pub(super) fn lend_in_step_by(
        &self,
        server: usize,
        deadline: Deadline,
        others: bool,
        lend: &dyn Fn(Deadline) -> Result<Option<Lease>>,
    ) -> Result<Option<Lease>> {
        let pool = &self.servers.pools[server];
        let (health, age) = (pool.health(), pool.health().age());
        if self.topology().role(server) == Role::Master {
            return lend(deadline);
        }
        let look = match health.breaker() {
            BreakerState::Closed => deadline,
            _ => deadline.within(LOOK),
        };
        let Some(mut lease) = lend(look)? else { return Ok(None) };
        // While it loads everything anew it says so instead of giving a value, and that it follows another master is found
        // by the next refresh.
        if lease.known_in_step() == age && !(others && health.is_stale()) {
            return Ok(Some(lease));
        }
        let info = self.said_by(&mut lease, look)?;
        let (state, reach) = (info.serves_reads(), self.reach(server, &info, look));
        let is_old_and_whole = state.is_err() && info.is_stale_and_whole() && reach == Reach::Reached;
        health.set_stale(is_old_and_whole && !pool.bounds_lag());
        if let Err(reason) = state.and(reach.serves_reads()) {
            if others || !is_old_and_whole || pool.bounds_lag() {
                return Err(serves_no_reads(&lease, reason));
            }
            // It counts as failed, and serves until another one can do better.
            self.eject(server, Instant::now(), ErrorKind::MasterDown);
            lease.set_in_step(health.age());
            return Ok(Some(lease));
        }
        lease.set_in_step(age);
        Ok(Some(lease))
    }

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
fn serves_no_reads(lease: &Lease, reason: &str) -> Error {
    let message = format!("this replica serves no reads now: {reason}");
    let error = Error::new(ErrorKind::Connect, Outcome::NotApplied, message);
    error.in_phase(Phase::Handshake).with_node(|| lease.node().to_string())
}
