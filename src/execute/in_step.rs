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
        let (health, mut age) = (pool.health(), pool.health().age());
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
        let reach = self.reach(server, &info, look);
        let is_stale = info.is_stale_and_whole() && reach == Reach::Reached && !pool.bounds_lag();
        health.set_stale(is_stale);
        if let Err(reason) = info.serves_reads().and(reach.serves_reads()) {
            if others || !is_stale {
                return Err(serves_no_reads(&lease, reason));
            }
            // It counts as failed, and serves until another one can do better.
            self.eject(server, Instant::now(), ErrorKind::MasterDown);
            age = health.age();
        }
        lease.set_in_step(age);
        Ok(Some(lease))
    }

    /// What the replica at the other end says of itself: what it said in the handshake of a new connection, or the answer
    /// to a question.
    fn said_by(&self, lease: &mut Lease, deadline: Deadline) -> Result<Info> {
        if let Some(said) = lease.take_said() {
            return Ok(said);
        }
        // Nothing of the caller's was sent.
        lease.ask_who(deadline).map_err(|error| error.in_phase(Phase::Handshake))
    }

    /// Where a replica stands that said this. One that nobody has seen yet was started anew, or follows another history
    /// than it did: its master is asked how far it is, and from then on there is a mark.
    fn reach(&self, server: usize, info: &Info, deadline: Deadline) -> Reach {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Wait;
    use crate::config::Builder;
    use crate::execute::scripted_servers::{view, with_context};
    use crate::execute::Servers;
    use crate::net::Pool;
    use crate::threads::lock;
    use crate::topology::{Address, Crc32Modulo, HashTags, Node, Placement, ReplicaLag, ShardDescription, Topology};
    use rediscluster_testing::ScriptedPeer;
    use std::sync::{Arc, Mutex};

    /// What a server says of itself, and how often it was asked.
    type Said = Arc<Mutex<(String, usize)>>;

    fn server() -> (ScriptedPeer, Said) {
        let said = Arc::new(Mutex::new((String::new(), 0)));
        let says = Arc::clone(&said);
        let peer = ScriptedPeer::answering(move |_| {
            let mut says = lock(&says);
            says.1 += 1;
            format!("${}\r\n{}\r\n", says.0.len(), says.0).into_bytes()
        });
        (peer, said)
    }

    /// As a replica says it: whether its link is up, whose history it has and how far that is.
    fn replica(link: &str, history: &str, offset: u64) -> String {
        format!("role:slave\nmaster_link_status:{link}\nmaster_replid:{history}\nslave_repl_offset:{offset}")
    }

    #[test]
    fn which_replica_serves() {
        const OLD: &str = "its link to its master is down";
        let (in_step, behind) = (replica("up", "abc", 10), "it does not have yet what its master had");
        let syncs = format!("{in_step}\nmaster_sync_in_progress:1");
        let master = |role: &str, history: &str| format!("role:{role}\nmaster_replid:{history}\nmaster_repl_offset:9");
        let good = master("master", "abc");
        let unseen = "its master cannot be asked";
        let lost = |offset| replica("down", "abc", offset);
        // What it says, what its master says, whether it was in step before, whether others can serve, whether its lag is
        // bounded; then why it does not serve, and whether it has old data.
        for (says, master, was_in_step, others, bounds_lag, refused, is_stale) in [
            (&in_step, &good, false, true, true, "", false),
            (&replica("up", "abc", 8), &good, false, false, false, behind, false),
            (&syncs, &good, true, false, false, "it is being sent everything anew", false),
            (&in_step, &master("master", "xyz"), false, false, false, unseen, false),
            (&in_step, &master("slave", "abc"), false, false, false, unseen, false),
            (&lost(10), &good, false, false, false, OLD, false),
            // Old data is better than none, where nobody else has any, and where no bound is set.
            (&lost(10), &good, true, false, false, "", true),
            (&lost(10), &good, true, true, false, OLD, true),
            (&lost(10), &good, true, false, true, OLD, false),
            // It has nothing, or less than it had to have.
            (&lost(1), &good, true, false, false, OLD, false),
            (&lost(8), &good, true, false, false, OLD, false),
        ] {
            let peers: [(ScriptedPeer, Said); 2] = [server(), server()];
            let said = [&peers[0].1, &peers[1].1];
            (lock(said[0]).0, lock(said[1]).0) = (master.clone(), in_step.clone());
            let node = |nth: usize| Node::new(format!("n{nth}"), Address::parse(&peers[nth].0.address()).unwrap());
            let pool = |nth: usize, role| {
                let mut builder = Builder::default();
                if bounds_lag {
                    builder = builder.max_replica_lag(ReplicaLag::Bytes(1_000));
                }
                let (endpoint, settings) = builder.single(&peers[nth].0.address()).unwrap();
                Arc::new(Pool::new(role, node(nth), endpoint, Arc::new(settings)))
            };
            let shard = ShardDescription { replicas: vec![node(1)], ..ShardDescription::new("n0", node(0).address()) };
            let servers = Servers {
                topology: Arc::new(Topology::new([shard])),
                pools: vec![pool(0, Role::Master), pool(1, Role::Replica)],
                marks: Arc::default(),
            };
            let placement = Placement { hash_tags: HashTags::Off, partitioner: Box::new(Crc32Modulo) };
            let (view, deadline) = (view(Duration::ZERO), Deadline::after(Duration::from_secs(60)));
            with_context(&servers, &placement, &view, deadline, Wait::None, |context| {
                let lend = |others| {
                    let lent = |deadline| servers.pools[1].lend(0, deadline).map(Some);
                    context
                        .lend_in_step_by(1, deadline, others, &lent)
                        .map(|lease| lease.expect("it is lent").node().to_string())
                };
                let (asked, health) = (|nth: usize| lock(said[nth]).1, servers.pools[1].health());
                if was_in_step {
                    assert!(lend(true).is_ok());
                    health.has_another_role();
                }
                lock(said[1]).0.clone_from(says);
                let told = format!("{says:?} to {master:?}, others {others}, bounded {bounds_lag}");
                let lent = lend(others);
                match (&lent, refused) {
                    (Ok(_), "") => {}
                    (Err(error), reason) if !reason.is_empty() && error.to_string().contains(reason) => {}
                    _ => panic!("{told}: {lent:?}"),
                }
                // Its master is asked, by two questions, where it has not been seen in step and could serve.
                let asks = if was_in_step || refused != OLD { 2 } else { 0 };
                assert_eq!(asked(0), asks, "{told}");
                assert_eq!(health.breaker() == BreakerState::Open, is_stale && refused.is_empty(), "{told}");
                // It is not asked again before it fails, unless it has old data and others have better.
                let before = asked(1);
                if refused.is_empty() {
                    assert!(lend(false).is_ok() && asked(1) == before, "{told}");
                    assert_eq!((lend(true).is_ok(), asked(1) > before), (!is_stale, is_stale), "{told}");
                }
                health.failed(Instant::now());
                assert_eq!(health.is_stale(), is_stale, "{told}");
            });
        }
    }
}
