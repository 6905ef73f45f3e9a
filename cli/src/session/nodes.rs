//! The nodes of a fleet, each asked who its servers are when a command needs it.

use crate::reply::Reply;
use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, RequestPolicy};
use rediscluster::{Builder, Cmd, Error, ErrorKind};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long a session takes the replicas of a node for what they were.
const FRESH: Duration = Duration::from_secs(10);

/// A cluster of which only those nodes are asked anything that a command needs.
pub struct Nodes {
    pub(super) cluster: Cluster,
    /// The one that was selected, in place of the one that is configured.
    pub(super) database: Option<u32>,
    deadline: Duration,
    /// When a node was last asked who its servers are, and whether that was said of its replicas, too.
    asked: BTreeMap<String, (Instant, bool)>,
}

impl Nodes {
    /// Nobody is asked anything yet.
    ///
    /// # Errors
    /// A mistake in the configuration.
    pub fn new(builder: Builder, deadline: Duration) -> Result<Nodes, Error> {
        Ok(Nodes { cluster: builder.build()?, database: None, deadline, asked: BTreeMap::new() })
    }

    /// The cluster as it is known now, in the database that was selected.
    pub fn current(&self) -> Cluster {
        match self.database {
            Some(database) => self.cluster.database(database),
            None => self.cluster.clone(),
        }
    }

    /// The cluster, after the nodes that a command needs were asked who their servers are, within this time. One that
    /// cannot say is for the command to meet. Only reads need replicas.
    ///
    /// # Errors
    /// That a node is not what the configuration says, or refuses to be asked.
    pub fn for_command<T>(&mut self, words: &[Vec<u8>], cmd: &Cmd<T>, patience: Duration) -> Result<&Cluster, Error> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        // What goes to every server goes to replicas, too.
        let is_read = |spec: &spec::Row| spec.access == Access::Read || spec.request == RequestPolicy::AllNodes;
        let reads = spec::find(&words).map_or(true, is_read);
        // What cannot be planned is refused before anything is sent.
        let Ok(plan) = self.cluster.plan(cmd) else { return Ok(&self.cluster) };
        let topology = self.cluster.topology();
        let mut needed: Vec<&str> = Vec::new();
        for shard in topology.shards() {
            let mut servers = topology.replicas_of(shard).chain([topology.master_of(shard)]);
            let is_needed = servers.any(|node| plan.steps().iter().any(|step| step.node() == node));
            let is_fresh = self
                .asked
                .get(shard.name())
                .is_some_and(|(asked, replicas)| asked.elapsed() < FRESH && (*replicas || !reads));
            if is_needed && !is_fresh {
                needed.push(shard.name());
            }
        }
        if !needed.is_empty() {
            let view = self.cluster.deadline(patience);
            let view = if reads { view } else { view.masters_only() };
            let found = view.refresh_nodes(&needed);
            let now = Instant::now();
            self.asked.extend(needed.iter().map(|name| ((*name).to_owned(), (now, reads))));
            match found {
                // What a busy or loading server says of INFO is not said of the command.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Config
                            | ErrorKind::NoAuth
                            | ErrorKind::WrongPass
                            | ErrorKind::NoPerm
                            | ErrorKind::Protocol
                    ) || error.command().is_some_and(|name| name != "INFO") =>
                {
                    // It is to be said again for the next command.
                    self.asked.retain(|name, _| !needed.contains(&name.as_str()));
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(&self.cluster)
    }

    /// The cluster as it is right before a command: to ask the nodes first takes no more than half of its deadline, and
    /// the rest is for the command.
    pub(super) fn before(&mut self, words: &[Vec<u8>], command: &Cmd<Reply>) -> Result<Cluster, Error> {
        let (begun, deadline) = (Instant::now(), self.deadline);
        self.for_command(words, command, deadline / 2)?;
        let left = deadline.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
        Ok(self.current().deadline(left))
    }
}
