//! Asks all servers again: on demand, and now and then.

use super::{Cluster, Shared};
use crate::discovery::{discover, Discovery, Scope};
use crate::error::{escape, Error, Outcome, Result};
use crate::execute::Servers;
use crate::observer::ObserverEvent;
use crate::threads::{lock, spawn};
use crate::topology::{ReadFrom, ShardDescription, Topology};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A refresh that cannot wait for its time comes so long after the one before it.
const HURRY: Duration = Duration::from_millis(500);

/// The thread that refreshes. It ends when this is dropped.
pub(super) struct Refresher {
    every: Option<Duration>,
    /// The process that it is a thread of: a child that was forked has none.
    started: Mutex<Option<u32>>,
    signals: Arc<(Mutex<Signals>, Condvar)>,
}

/// Of two refreshes the later one wins, so one begins when the other has ended. A child that was forked in the middle of one
/// has its own: nobody there would ever end that.
pub(super) struct OneAtATime(Mutex<(u32, Arc<Mutex<()>>)>);

impl OneAtATime {
    pub(super) fn new() -> OneAtATime {
        OneAtATime(Mutex::new((process::id(), Arc::default())))
    }

    fn of_this_process(&self) -> Arc<Mutex<()>> {
        let mut turn = lock(&self.0);
        if turn.0 != process::id() {
            *turn = (process::id(), Arc::default());
        }
        Arc::clone(&turn.1)
    }
}

#[derive(Default)]
struct Signals {
    hurry: bool,
    end: bool,
}

impl Refresher {
    pub(super) fn new(every: Option<Duration>) -> Refresher {
        Refresher { every, started: Mutex::new(None), signals: Arc::default() }
    }

    /// Whether there is to be a thread.
    pub(super) fn has_thread(&self) -> bool {
        self.every.is_some()
    }

    /// Does not wait for the next time.
    pub(super) fn hurry(&self) {
        self.signal(|signals| signals.hurry = true);
    }

    fn signal(&self, set: fn(&mut Signals)) {
        set(&mut lock(&self.signals.0));
        self.signals.1.notify_all();
    }

    /// Starts the thread, when there is to be one and it has not begun.
    pub(super) fn start(&self, shared: &Arc<Shared>) -> Result<()> {
        let Some(every) = self.every else { return Ok(()) };
        let mut started = lock(&self.started);
        if *started != Some(process::id()) {
            let (shared, signals) = (Arc::downgrade(shared), Arc::clone(&self.signals));
            let spawned = spawn("rediscluster-refresh", Box::new(move || refresh_every(every, &shared, &signals)));
            spawned.map_err(|error| Error::io(error, Outcome::NotApplied, "starting the thread that refreshes"))?;
            *started = Some(process::id());
        }
        Ok(())
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.signal(|signals| signals.end = true);
    }
}

fn refresh_every(every: Duration, shared: &Weak<Shared>, (signals, changed): &(Mutex<Signals>, Condvar)) {
    loop {
        let began = Instant::now();
        let mut now = lock(signals);
        loop {
            let wait = if now.hurry { HURRY.min(every) } else { every };
            let left = wait.saturating_sub(began.elapsed());
            if now.end {
                return;
            }
            if left.is_zero() {
                break;
            }
            now = changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        now.hurry = false;
        drop(now);
        let Some(shared) = shared.upgrade() else { return };
        // A master that cannot be asked fails the calls for its own keys, and they tell why. What panics is what the
        // program brought, and the panic hook has told of it: the next time it may do its work.
        drop(catch_unwind(AssertUnwindSafe(|| drop(shared.refresh()))));
    }
}

impl Cluster {
    /// Asks every master again and discovers replicas, for this cluster and its clones. Where another server has become
    /// the master of a node, that is followed. Calls that are under way finish where they began. A
    /// [thread](crate::Builder::refresh_every) does the same now and then.
    ///
    /// # Errors
    /// As [`Builder::connect`](crate::Builder::connect) with [`require_all`](crate::Builder::require_all), for the first
    /// master that is at fault: one that cannot be reached is an error here. The others are refreshed all the same; it
    /// stands as it was last known and fails the calls for its own keys.
    pub fn refresh(&self) -> Result<()> {
        self.shared.refresher.start(&self.shared)?;
        self.shared.refresh()
    }

    /// As [`refresh`](Cluster::refresh), for the nodes of these names only: no server may take longer than the deadline of
    /// this view, replicas that cannot be reached are not waited for, and none are looked for when this view reads from
    /// masters. No thread is started. For a cluster that was [built](crate::Builder::build) without asking anybody, and a
    /// program that needs some of its nodes only, as the command line does: [`plan`](Cluster::plan) says which ones.
    ///
    /// # Errors
    /// As [`refresh`](Cluster::refresh), for these nodes; [`Config`](crate::ErrorKind::Config) for a name that is no
    /// node's.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// cluster.refresh_nodes(["node_1"])?;
    /// assert!(cluster.refresh_nodes(["node_9"]).is_err());
    /// # Ok(()) });
    /// ```
    pub fn refresh_nodes<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let shared = &self.shared;
        let mut asked = Vec::new();
        for name in names {
            let name = name.as_ref();
            let known = shared.fleet.nodes.iter().position(|node| *node.name == *name);
            let unknown = || Error::config(format!("no node is named {}", escape(name.as_bytes(), 64)));
            let nth = known.ok_or_else(unknown)?;
            if !asked.contains(&nth) {
                asked.push(nth);
            }
        }
        first_error(&shared.ask_servers(asked, self.view.read_from, self.view.deadline, true))
    }
}

/// The first of the mistakes.
#[inline(never)]
fn first_error(found: &Discovery) -> Result<()> {
    let mut errors = (0..found.shards.len()).filter_map(|shard| found.error(shard));
    errors.next().map_or(Ok(()), |error| Err(error.clone()))
}

impl Shared {
    fn refresh(&self) -> Result<()> {
        first_error(&self.ask_all_servers(false))
    }

    pub(super) fn ask_all_servers(&self, is_hasty: bool) -> Discovery {
        let all = (0..self.fleet.nodes.len()).collect();
        self.ask_servers(all, self.read_from, self.fleet.settings.deadline, is_hasty)
    }

    /// Asks the servers of these shards who they are, and goes on with what they said. One that cannot be asked stands as it
    /// was known. No server may take longer than `patience`, nor than the time to connect.
    #[inline(never)]
    pub(super) fn ask_servers(
        &self,
        asked: Vec<usize>,
        read_from: ReadFrom,
        patience: Duration,
        is_hasty: bool,
    ) -> Discovery {
        let turn = self.refreshing.of_this_process();
        let _one_at_a_time = lock(&turn);
        let began = Instant::now();
        let known = self.masters.known();
        let patience = patience.min(self.fleet.settings.connect_timeout);
        let scope = Scope { asked, read_from, patience, is_hasty };
        let mut found = discover(&self.fleet, &scope, &known, self.servers().topology.descriptions());
        if found.catches_up {
            self.refresher.hurry();
        }
        self.replace_servers(&mut |now| Some(self.masters.learn(&known, &mut found, now)));
        self.reached(began, &found);
        found
    }

    /// Notes what was seen of the servers that were asked since a refresh `began`.
    #[inline(never)]
    fn reached(&self, began: Instant, found: &Discovery) {
        let servers = self.servers();
        self.fleet.probes.retain(&servers.topology);
        for pool in &servers.pools {
            let node = pool.node();
            for (_, latency) in found.latencies.iter().filter(|(address, _)| address == node.address()) {
                pool.health().set_latency(*latency);
                pool.health().silence().answered(began);
            }
            pool.close_older();
        }
        for (shard, master) in servers.topology.shards().iter().zip(&found.masters) {
            if master.as_ref().is_some_and(|found| found.error.is_none()) {
                servers.pool(shard.master()).has_been_reached();
            }
        }
    }

    pub(super) fn servers(&self) -> Arc<Servers> {
        Arc::clone(&self.servers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other servers from now on, made of those of now, if any; the observer is told what has changed.
    pub(super) fn replace_servers(&self, shards: &mut dyn FnMut(&Topology) -> Option<Vec<ShardDescription>>) {
        let mut now = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = shards(&now.topology).map(|shards| {
            let after = Arc::new(Servers::new(Topology::new(shards), &self.fleet, &now.pools));
            // Not dropped under the lock: with them go connections, and that is told as well.
            (std::mem::replace(&mut *now, Arc::clone(&after)), after)
        });
        drop(now);
        let Some((before, after)) = replaced else { return };
        if !before.topology.has_same_servers(&after.topology) {
            let (before, after) = (&*before.topology, &*after.topology);
            self.fleet.settings.observer.on(|| ObserverEvent::TopologyChanged { before, after });
            self.listeners.notify();
        }
    }
}
