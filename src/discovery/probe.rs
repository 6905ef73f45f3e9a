//! Asks servers who they are, over connections that are kept for that.

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::{Connection, Deadline, Watch};
use crate::threads::lock;
use crate::topology::info::Info;
use crate::topology::{Marks, Node, Topology};
use std::process;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest time for an answer over a connection that was kept: it may lead nowhere by now.
const PATIENCE: Duration = Duration::from_millis(800);

/// What a server said of itself, and how long it took.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) info: Info,
    pub(crate) latency: Duration,
}

/// The servers as they were configured, and what they are asked with.
pub(crate) struct Fleet {
    pub(crate) nodes: Vec<ConfiguredNode>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) probes: Probes,
    /// How far replicas have to be.
    pub(crate) marks: Arc<Marks>,
}

/// One connection to each server that was asked, for the next time. Those of the pools are for calls: a pool that is full
/// must not keep anybody from learning that there is another master.
#[derive(Default)]
pub(crate) struct Probes(Mutex<Vec<Kept>>);

struct Kept {
    endpoint: Endpoint,
    connection: Box<Connection>,
    /// Whose it is: after a fork the child has it, too, and must leave it to its parent.
    process: u32,
}

impl Kept {
    fn leads_to(&self, endpoint: &Endpoint) -> bool {
        self.endpoint == *endpoint && self.process == process::id()
    }
}

impl Probes {
    fn take(&self, endpoint: &Endpoint) -> Option<Box<Connection>> {
        let mut kept = lock(&self.0);
        let at = kept.iter().position(|kept| kept.leads_to(endpoint))?;
        Some(kept.swap_remove(at).connection)
    }

    #[inline(never)]
    fn keep(&self, endpoint: Endpoint, connection: Box<Connection>) {
        let mut kept = lock(&self.0);
        // Two may have asked at the same time.
        if kept.iter().all(|kept| !kept.leads_to(&endpoint)) && connection.is_reusable() {
            kept.push(Kept { endpoint, connection, process: process::id() });
        }
    }

    /// Closes those to servers that have left, and those of a parent.
    pub(crate) fn retain(&self, topology: &Topology) {
        let kept = std::mem::take(&mut *lock(&self.0));
        for Kept { endpoint, connection, process } in kept {
            if process == process::id() && topology.knows(&endpoint.address) {
                self.keep(endpoint, connection);
            }
        }
    }
}

impl Fleet {
    // Once and not at each place: what panics says where that was.
    #[inline(never)]
    pub(crate) fn node(&self, shard: usize) -> &ConfiguredNode {
        &self.nodes[shard]
    }

    /// What a server of this shard says of itself. The addresses that it tells are those that lead there from here.
    /// `reached` is called when there is a connection to it.
    #[inline(never)]
    pub(crate) fn ask(&self, shard: usize, server: &Node, deadline: Deadline, reached: &dyn Fn()) -> Result<Said> {
        let (endpoint, probes) = (self.node(shard).endpoint_of(server.address()), &self.probes);
        let (mut kept, mut said) = (probes.take(&endpoint), None);
        if let Some(kept) = &mut kept {
            reached();
            kept.wake();
            if kept.is_open() {
                let patience = deadline.left().ok().flatten().map_or(PATIENCE, |left| PATIENCE.min(left / 4));
                said = asked(kept, deadline.within(patience)).ok();
            }
        }
        let (connection, mut said) = match (kept, said) {
            (Some(kept), Some(said)) => (kept, said),
            // Whatever was wrong with the one that was kept: a new one tells.
            (kept, _) => {
                drop(kept);
                let (node, watch) = (Arc::new(server.clone()), Watch::default());
                let settings = &self.settings;
                let mut new =
                    Connection::open_watched(&node, &endpoint, settings, deadline, watch, &mut |_| reached())?;
                let said = asked(&mut new, deadline)?;
                (new, said)
            }
        };
        if said.info.is_cluster {
            return Err(is_of_a_cluster(server));
        }
        probes.keep(endpoint, connection);
        self.settings.address_map.apply_to(&mut said.info);
        Ok(said)
    }
}

#[cold]
fn is_of_a_cluster(node: &Node) -> Error {
    let message = format!(
        "node {node} is a member of a Redis Cluster (cluster-enabled yes), which places keys in another way and is \
         not supported; nodes are servers by themselves"
    );
    Error::config(message).at(node)
}

fn asked(connection: &mut Connection, deadline: Deadline) -> Result<Said> {
    let began = Instant::now();
    let info = connection.ask_who(deadline)?;
    Ok(Said { info, latency: began.elapsed() })
}
