//! Finds the new master of a node when the old one fails a call, and goes on with it.

use super::{Cluster, Shared};
use crate::config::ConfiguredNode;
use crate::discovery::{master_of, Discovery, Found, Known};
use crate::error::{Error, ErrorKind, Result};
use crate::execute::{Servers, ToNewMaster};
use crate::net::{Deadline, Pool};
use crate::observer::ObserverEvent;
use crate::retry::{elsewhere, Next};
use crate::threads::{lock, spawn};
use crate::topology::{Node, ShardDescription, Topology};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long after it was asked who the master of a node is nobody asks again.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long a call that a silent server failed at once waits for who the master is: such calls must not pile up.
const SOON: Duration = Duration::from_millis(40);

/// Who asks who the master of a node is, and what is known of the nodes.
pub(super) struct Masters {
    state: Mutex<State>,
    answered: Condvar,
}

/// What is known of one node, and whether somebody asks.
struct NodeState {
    known: Known,
    asking: Asking,
}

/// By shard.
struct State(Vec<NodeState>);

#[derive(Clone, Copy, Default)]
struct Asking {
    /// The process that asks now. A child that was forked meanwhile has nobody who does.
    by: Option<u32>,
    ended: Option<Instant>,
}

impl State {
    // Once and not at each place: what panics says where that was.

    #[inline(never)]
    fn of(&mut self, shard: usize) -> &mut NodeState {
        &mut self.0[shard]
    }

    fn known(&mut self, shard: usize) -> &mut Known {
        &mut self.of(shard).known
    }

    fn asking(&mut self, shard: usize) -> &mut Asking {
        &mut self.of(shard).asking
    }
}

impl Asking {
    fn is_under_way(self) -> bool {
        self.by == Some(process::id())
    }
}

impl Masters {
    #[inline(never)]
    pub(super) fn new(nodes: &[ConfiguredNode]) -> Masters {
        let mut state = Vec::with_capacity(nodes.len());
        for node in nodes {
            state.push(NodeState { known: Known::new(node), asking: Asking::default() });
        }
        Masters { state: Mutex::new(State(state)), answered: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn known(&self) -> Vec<Known> {
        let mut known = Vec::new();
        for node in &self.state().0 {
            known.push(node.known.clone());
        }
        known
    }

    /// The nodes as a refresh found those that it asked. The others, and a node that has moved since it began, when this was
    /// `known`, stay as `now` describes them.
    pub(super) fn learn(&self, known: &[Known], found: &mut Discovery, now: &Topology) -> Vec<ShardDescription> {
        let (mut state, mut shards) = (self.state(), now.descriptions());
        let mut found = found.masters.iter().zip(&mut found.shards);
        for ((now, known), shard) in state.0.iter_mut().zip(known).zip(&mut shards) {
            match found.next() {
                Some((Some(master), new)) if now.known.moves() == known.moves() => {
                    now.known.learn(master);
                    std::mem::swap(shard, new);
                }
                _ => {}
            }
        }
        shards
    }
}

impl Cluster {
    /// Runs a call, and once more when its master turns out to be no longer the master and nothing was applied.
    pub(crate) fn with_failover(
        &self,
        deadline: Deadline,
        attempt: &mut dyn FnMut(&Servers) -> Result<()>,
    ) -> Result<()> {
        let servers = self.servers();
        match attempt(&servers) {
            Err(failed) => self.at_new_master(servers, failed, deadline, attempt),
            done => done,
        }
    }

    /// Runs a call that has failed once more, on the servers of now.
    #[cold]
    #[inline(never)]
    pub(super) fn at_new_master(
        &self,
        mut servers: Arc<Servers>,
        failed: Error,
        deadline: Deadline,
        attempt: &mut dyn FnMut(&Servers) -> Result<()>,
    ) -> Result<()> {
        let mut before = 0;
        self.goes_to_new_master(&mut servers, &mut before, failed, deadline)?;
        attempt(&servers).map_err(|error| error.attempts_after(before))
    }

    /// Whether a call that failed is run once more, on the servers of now: an error when it is not. `before` counts attempts
    /// at the old master.
    #[cold]
    #[inline(never)]
    pub(crate) fn goes_to_new_master(
        &self,
        servers: &mut Arc<Servers>,
        before: &mut u32,
        failed: Error,
        deadline: Deadline,
    ) -> Result<()> {
        if *before > 0 {
            return Err(failed.attempts_after(*before));
        }
        *before = failed.attempts();
        match self.moved(servers, &failed, deadline) {
            Some(now) => *servers = now,
            None => return Err(failed),
        }
        Ok(())
    }

    /// Asks whether a node that failed a call has another master by now, for the next call.
    pub(crate) fn look_for_master(&self, servers: &Servers, error: &Error, deadline: Deadline) {
        self.moved_nodes(servers, error, deadline);
    }

    /// The nodes that failed a call and have another master by now, or again. Asks for it, when nobody else does.
    fn moved_nodes(&self, servers: &Servers, error: &Error, deadline: Deadline) -> Vec<usize> {
        let mut moved = Vec::new();
        if !error.may_come_of_a_failover() {
            return moved;
        }
        // A call that has waited long enough does not wait for this too, and one that may wait for ever not for long.
        let patience = match error.kind() {
            ErrorKind::Timeout => Deadline::after(Duration::ZERO),
            _ => deadline.within(self.shared.fleet.settings.deadline),
        };
        for (shard, at) in servers.topology.shards().iter().enumerate() {
            let is_counted = servers.topology.distinct(shard) != shard;
            if is_counted || !is_at_fault(at.name(), servers.topology.master_of(at), error) {
                continue;
            }
            // A server that says that it is a replica names its master.
            let is_alone = self.shared.masters.state().known(shard).is_alone(self.shared.fleet.node(shard));
            if is_alone && !error.is_of_a_replica() {
                continue;
            }
            let is_silent = servers.pool(at.master()).health().silence().is_on();
            let patience = if is_silent { patience.within(SOON) } else { patience };
            if Shared::has_new_master(&self.shared, shard, &servers.topology, error.lacks_replicas(), patience) {
                moved.push(shard);
            }
        }
        // There is nothing to be done any more when the time is over.
        if !deadline.has_time() {
            moved.clear();
        }
        moved
    }
}

impl ToNewMaster for Cluster {
    /// The servers of now, when a node that failed has another master among them and what it refused may be sent to that
    /// one. The observer is told that this is what follows.
    #[cold]
    fn moved(&self, servers: &Servers, error: &Error, deadline: Deadline) -> Option<Arc<Servers>> {
        // Asked in any case: for the next call.
        let moved = self.moved_nodes(servers, error, deadline);
        if moved.is_empty() || elsewhere(error, false, &self.view.retries) != Next::NewMaster {
            return None;
        }
        for shard in moved {
            let node = servers.topology.nth_master(shard);
            let (command, attempt, error) = (error.command().unwrap_or_default(), error.attempts(), error.kind());
            let pause = Duration::ZERO;
            self.shared.fleet.settings.observer.on(|| ObserverEvent::Retry { node, command, attempt, error, pause });
        }
        Some(self.servers())
    }
}

/// Whether the master of the node of this name is what failed.
#[inline(never)]
fn is_at_fault(name: &str, master: &Node, error: &Error) -> bool {
    for part in error.parts() {
        if part.error.is_some() && part.node == name {
            return true;
        }
    }
    error.node().is_some_and(|node| format!("{master}") == node)
}

impl Shared {
    /// Whether the master of a shard is another one than in `failed`: after somebody has asked, unless that was just done.
    ///
    /// With `is_in_doubt` the old one says that it is the master, and is one that takes no writes.
    ///
    /// A thread asks. To ask servers that say nothing may take longer than a call has, and what is found is for others, too.
    #[inline(never)]
    fn has_new_master(
        shared: &Arc<Shared>,
        shard: usize,
        failed: &Topology,
        is_in_doubt: bool,
        deadline: Deadline,
    ) -> bool {
        let old = failed.nth_master(shard).address();
        // Looked up before what is known is locked: whoever replaces the servers locks these first.
        let pool = shared.pool_of_master(shard);
        let was_unreached = pool.unreached().is_on();
        let mut state = shared.masters.state();
        loop {
            if state.known(shard).master() != old || (was_unreached && !pool.unreached().is_on()) {
                return true;
            }
            let asking = state.asking(shard);
            if !asking.is_under_way() {
                if asking.ended.is_some_and(|ended| ended.elapsed() < ASK_EVERY) {
                    return false;
                }
                asking.by = Some(process::id());
                drop(state);
                let asking = Under { shared: Arc::clone(shared), shard, is_in_doubt };
                // Without a thread nobody asks, until the next call tries to have one.
                drop(spawn("rediscluster-master", Box::new(move || asking.ask())));
                state = shared.masters.state();
                continue;
            }
            state = match deadline.left() {
                Err(_) => return false,
                Ok(None) => shared.masters.answered.wait(state).unwrap_or_else(PoisonError::into_inner),
                Ok(Some(left)) => {
                    shared.masters.answered.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Shared {
    #[inline(never)]
    fn pool_of_master(&self, shard: usize) -> Arc<Pool> {
        let servers = self.servers();
        Arc::clone(servers.pool(servers.topology.nth_shard(shard).master()))
    }

    /// The master of a shard is reached for the first time: whether it is another node's server only these can tell.
    #[inline(never)]
    fn meets(&self, shard: usize) {
        let mut asked = Vec::new();
        for nth in 0..self.fleet.nodes.len() {
            if nth == shard || !self.is_unreached(nth) {
                asked.push(nth);
            }
        }
        self.ask_servers(asked, self.read_from, self.fleet.settings.deadline, true);
    }

    /// Whether the master of a shard could not be reached at the start, nor since.
    fn is_unreached(&self, shard: usize) -> bool {
        self.pool_of_master(shard).unreached().is_on()
    }
}

/// While this lives, nobody else asks for this shard.
struct Under {
    shared: Arc<Shared>,
    shard: usize,
    is_in_doubt: bool,
}

impl Under {
    fn ask(&self) {
        let (shared, shard) = (&self.shared, self.shard);
        let known = shared.masters.state().known(shard).clone();
        let (began, deadline) = (Instant::now(), Deadline::after(shared.fleet.settings.deadline));
        let found = master_of(&shared.fleet, shard, &known, self.is_in_doubt, deadline);
        if let Some((address, Some(_))) = &found.master {
            for pool in &shared.servers().pools {
                if pool.node().address() == address {
                    pool.health().silence().answered(began);
                }
            }
            if address == known.master() && shared.is_unreached(shard) {
                return shared.meets(shard);
            }
        }
        let is_moved = shared.takes(shard, Some(&known), &found);
        if is_moved {
            // What follows the new master is to be found soon.
            shared.refresher.hurry();
        }
    }
}

impl Shared {
    /// Goes on with a master that was found for a shard. What was found by asking counts no more when the node has moved since
    /// it was known `as_of` then; with none it is the word of an operator, which counts in any case. Says whether it is
    /// another server than before; the master of another node is not taken.
    #[inline(never)]
    pub(super) fn takes(&self, shard: usize, as_of: Option<&Known>, found: &Found) -> bool {
        let Some((address, _)) = &found.master else { return false };
        let mut is_moved = false;
        // Always the servers first and then what is known of them.
        self.replace_servers(&mut |now| {
            let mut state = self.masters.state();
            if as_of.is_some_and(|before| before.moves() != state.known(shard).moves()) {
                return None;
            }
            let old = state.known(shard).master().clone();
            let mut shards = now.descriptions();
            let is_anothers = |other: &ShardDescription| other.address == *address && other.address != old;
            // A master of another node: that is no failover but a mistake, which a refresh tells.
            if shards.iter().any(is_anothers) {
                return None;
            }
            is_moved = *address != old;
            // Two names may be one server: both move.
            for (nth, description) in shards.iter_mut().enumerate() {
                if nth == shard || description.address == old {
                    state.known(nth).learn(found);
                    description.replicas.retain(|replica| replica.address() != address);
                    // Nothing says that they have the data of a server that an operator names. A refresh finds those that do.
                    if is_moved && as_of.is_none() {
                        description.replicas.clear();
                    }
                    description.address = address.clone();
                }
            }
            is_moved.then_some(shards)
        });
        is_moved
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let mut state = self.shared.masters.state();
        *state.asking(self.shard) = Asking { by: None, ended: Some(Instant::now()) };
        drop(state);
        self.shared.masters.answered.notify_all();
    }
}
