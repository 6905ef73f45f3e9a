//! Asks servers who they are, over connections that are kept for that.

use crate::config::{Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::{Connection, Deadline, Watch};
use crate::threads::lock;
use crate::topology::info::Info;
use crate::topology::{Node, Topology};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The longest time for an answer over a connection that was kept: it may lead nowhere by now.
const PATIENCE: Duration = Duration::from_millis(800);

/// What a server said of itself, and how long it took.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) info: Info,
    pub(crate) latency: Duration,
}

/// One connection to each server that was asked, for the next time. Those of the pools are for calls: a pool that is full
/// must not keep anybody from learning that there is another master.
#[derive(Default)]
pub(crate) struct Probes(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Whose they are: after a fork the child has them, too, and must leave them to its parent.
    process: u32,
    connections: Vec<(Endpoint, Box<Connection>)>,
}

impl Probes {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.0)
    }

    fn take(&self, endpoint: &Endpoint) -> Option<Box<Connection>> {
        let _parents;
        let mut kept = self.kept();
        if kept.process != process::id() {
            // Dropped when the lock is free.
            _parents = std::mem::replace(&mut *kept, Kept { process: process::id(), connections: Vec::new() });
            return None;
        }
        let at = kept.connections.iter().position(|(known, _)| known == endpoint)?;
        Some(kept.connections.swap_remove(at).1)
    }

    fn keep(&self, endpoint: &Endpoint, connection: Box<Connection>) {
        let mut kept = self.kept();
        let is_new = kept.connections.iter().all(|(known, _)| known != endpoint);
        // Two may have asked at the same time.
        if is_new && kept.process == process::id() && connection.is_reusable() {
            kept.connections.push((endpoint.clone(), connection));
        }
    }

    /// Closes those to servers that have left.
    pub(crate) fn retain(&self, topology: &Topology) {
        let mut connections = std::mem::take(&mut self.kept().connections);
        while let Some((endpoint, connection)) = connections.pop() {
            if topology.knows(&endpoint.address) {
                self.keep(&endpoint, connection);
            }
        }
    }

    /// What a server says of itself. The addresses that it tells are those that lead there from here. `reached` is called
    /// when there is a connection to it.
    pub(crate) fn ask(
        &self,
        node: &Node,
        endpoint: &Endpoint,
        settings: &Arc<Settings>,
        deadline: Deadline,
        reached: &dyn Fn(),
    ) -> Result<Said> {
        let mut said = None;
        let mut connection = self.take(endpoint);
        if let Some(kept) = &mut connection {
            reached();
            kept.wake();
            if kept.is_open() {
                let patience = deadline.left().ok().flatten().map_or(PATIENCE, |left| PATIENCE.min(left / 4));
                said = asked(kept, deadline.within(patience)).ok();
            }
        }
        let (connection, (mut info, latency)) = match (connection, said) {
            (Some(connection), Some(said)) => (connection, said),
            // Whatever was wrong with the one that was kept: a new one tells.
            (kept, _) => {
                drop(kept);
                let (node, watch) = (Arc::new(node.clone()), Watch::default());
                let mut new = Connection::open_watched(&node, endpoint, settings, deadline, watch, &mut |_| reached())?;
                let said = asked(&mut new, deadline)?;
                (new, said)
            }
        };
        if info.is_cluster {
            return Err(is_of_a_cluster(node));
        }
        self.keep(endpoint, connection);
        info.map_addresses(&|address| settings.address_map.apply(address));
        Ok(Said { info, latency })
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

fn asked(connection: &mut Connection, deadline: Deadline) -> Result<(Info, Duration)> {
    let began = Instant::now();
    let info = connection.ask_who(deadline)?;
    Ok((info, began.elapsed()))
}
