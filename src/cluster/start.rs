//! How a cluster begins: with every server that answers, and without those that cannot be reached.

use super::Cluster;
use crate::config::Builder;
use crate::discovery::Found;
use crate::error::{ErrorKind, Result};
use crate::net::MastersReached;
use crate::observer::ObserverEvent;
use crate::topology::Node;
use std::sync::Mutex;

impl Builder {
    /// Connects: asks every master who it is, and finds the replicas.
    ///
    /// All servers are asked at the same time. A master that cannot be reached within
    /// [`connect_timeout`](Builder::connect_timeout) is taken as it was configured, as long as any other one can:
    /// [`Cluster::unreachable`] names it, and an [observer](crate::ObserverEvent::NodeUnreachable) is told. Calls for its
    /// keys fail as not applied, and no others. When it is reached for the first time it is asked who it is, before anything
    /// of a call is sent to it. [`require_all`](Builder::require_all) makes it an error instead.
    ///
    /// A replica that cannot be connected to a moment after its master is not waited for, unless there is to be
    /// [no thread](Builder::refresh_every) that finds it when it can.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a mistake in the settings and for a node that is no master; the kinds of
    /// authentication; [`Protocol`](crate::ErrorKind::Protocol) for what is no such server;
    /// [`Connect`](crate::ErrorKind::Connect) for a name that has no address, and when no master can be reached.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// # let address = cluster.node_for("foo").address().to_string();
    /// use rediscluster::prelude::*;
    ///
    /// // Nobody listens on the port of node_1.
    /// let cluster = Cluster::builder().node("node_1", "127.0.0.1:1").node("node_2", address).connect()?;
    /// assert_eq!(cluster.unreachable()[0].node.name(), "node_1");
    /// cluster.set("foo", "on node_2")?;
    /// # Ok(()) });
    /// ```
    pub fn connect(mut self) -> Result<Cluster> {
        let require_all = self.require_all;
        let unknown = match self.find_addresses {
            Some(find_addresses) => find_addresses(&mut self)?,
            None => None,
        };
        let built = self.build();
        if let Ok(cluster) = &built {
            if let Err(error) = cluster.meet_servers(require_all) {
                // Where no server is there, why nobody knows where one should be says more.
                return Err(unknown.filter(|_| error.is_outage()).unwrap_or(error));
            }
        }
        built
    }

    /// Whether [`connect`](Builder::connect) fails when any master cannot be reached; otherwise only when none can. For
    /// programs that must not begin before everything is there.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=127.0.0.1:1,node_2=127.0.0.1:1");
    /// assert_eq!(nodes.require_all(true).connect().unwrap_err().kind(), ErrorKind::Connect);
    /// ```
    pub fn require_all(mut self, require_all: bool) -> Builder {
        self.require_all = require_all;
        self
    }
}

/// A node that was taken as it was configured, because its master could not be reached: see
/// [`Cluster::unreachable`].
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The node, and where its master should be.
    pub node: Node,
    /// Why it could not be reached.
    pub error: ErrorKind,
    /// The same in words.
    pub reason: String,
}

impl Cluster {
    /// The nodes whose masters could not be reached by [`connect`](crate::Builder::connect), nor since, in the order of
    /// placement; empty after a start at which all were there. Nothing is sent. A node leaves the list when a call or a
    /// refresh reaches it.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// assert!(cluster.unreachable().is_empty());
    /// # Ok(()) });
    /// ```
    pub fn unreachable(&self) -> Vec<Unreachable> {
        let servers = self.servers();
        let topology = &servers.topology;
        let unreachable = |shard: usize| {
            let shard = topology.nth_shard(shard);
            let (error, reason) = servers.pool(shard.master()).unreached().why()?;
            let node = topology.master_of(shard).called(shard.name());
            Some(Unreachable { node, error, reason })
        };
        (0..topology.shards().len()).filter_map(unreachable).collect()
    }

    /// Asks all servers for the first time.
    fn meet_servers(&self, require_all: bool) -> Result<()> {
        let shared = &self.shared;
        shared.refresher.start(shared)?;
        // Without the thread nobody would come back to what was not waited for.
        let is_hasty = shared.refresher.has_thread();
        let found = shared.ask_all_servers(is_hasty);
        // What is wrong comes before what cannot be reached, which only matters when that is everything.
        let (mut wrong, mut away, mut is_any_there) = (None, None, false);
        for shard in 0..found.shards.len() {
            match found.error(shard) {
                None => is_any_there = true,
                Some(error) if error.is_outage() => away = away.or(Some(error)),
                Some(error) => wrong = wrong.or(Some(error)),
            }
        }
        let needs_all = require_all || !is_any_there;
        if let Some(fatal) = wrong.or(away.filter(|_| needs_all)) {
            return Err(fatal.clone());
        }
        let servers = self.servers();
        let reached = MastersReached::new(Mutex::new(found.run_ids));
        for (shard, found) in found.masters.iter().enumerate() {
            let Some(Found { error: Some(error), .. }) = found else { continue };
            let shard = servers.topology.nth_shard(shard);
            servers.pool(shard.master()).unreached().begin(error, &reached);
            let node = &servers.topology.master_of(shard).called(shard.name());
            shared.fleet.settings.observer.on(|| ObserverEvent::NodeUnreachable { node, error: error.kind() });
        }
        if found.is_unfinished {
            // What was not waited for is to be found soon.
            shared.refresher.hurry();
        }
        Ok(())
    }
}
