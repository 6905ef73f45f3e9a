//! Asks servers who they are, over connections that are kept for that.

use crate::config::{Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::{Connection, Deadline, Watch};
use crate::topology::info::Info;
use crate::topology::{Address, Node};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    connections: Vec<(Endpoint, Connection)>,
}

impl Probes {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, endpoint: &Endpoint) -> Option<Connection> {
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

    fn keep(&self, endpoint: &Endpoint, connection: Connection) {
        let mut kept = self.kept();
        let is_new = kept.connections.iter().all(|(known, _)| known != endpoint);
        // Two may have asked at the same time.
        if is_new && kept.process == process::id() && connection.is_reusable() {
            kept.connections.push((endpoint.clone(), connection));
        }
    }

    /// Closes those to servers that have left.
    pub(crate) fn retain(&self, is_there: impl Fn(&Address) -> bool) {
        let (left, gone): (Vec<_>, Vec<_>) = {
            let mut kept = self.kept();
            std::mem::take(&mut kept.connections).into_iter().partition(|(endpoint, _)| is_there(&endpoint.address))
        };
        drop(gone);
        left.into_iter().for_each(|(endpoint, connection)| self.keep(&endpoint, connection));
    }

    /// What a server says of itself. The addresses that it tells are those that lead there from here. `reached` is called
    /// when there is a connection to it.
    pub(crate) fn ask(
        &self,
        node: &Node,
        endpoint: &Endpoint,
        settings: &Arc<Settings>,
        deadline: Deadline,
        reached: impl Fn(),
    ) -> Result<Said> {
        let patience = deadline.left().ok().flatten().map_or(PATIENCE, |left| PATIENCE.min(left / 4));
        let asked_again = self.take(endpoint).and_then(|mut connection| {
            reached();
            connection.wake();
            let said =
                connection.is_open().then(|| asked(&mut connection, deadline.within(patience)).ok()).flatten()?;
            Some((connection, said))
        });
        let (connection, mut said) = match asked_again {
            Some(done) => done,
            // Whatever was wrong with the one that was kept: a new one tells.
            None => {
                let (node, watch) = (Arc::new(node.clone()), Watch::default());
                let open = Connection::open_watched(&node, endpoint, settings, deadline, watch, &mut |_| reached());
                let mut connection = open?;
                let said = asked(&mut connection, deadline)?;
                (connection, said)
            }
        };
        if said.info.is_cluster {
            let message = format!(
                "node {node} is a member of a Redis Cluster (cluster-enabled yes), which places keys in another way and is \
                 not supported; nodes are servers by themselves"
            );
            return Err(Error::config(message).with_node(|| node.to_string()));
        }
        self.keep(endpoint, connection);
        let Info { master, replicas, .. } = &mut said.info;
        let told = master.iter_mut().chain(replicas.iter_mut().map(|line| &mut line.address));
        told.for_each(|address| *address = settings.address_map.apply(address));
        Ok(said)
    }
}

fn asked(connection: &mut Connection, deadline: Deadline) -> Result<Said> {
    let began = Instant::now();
    let info = connection.ask_who(deadline)?;
    Ok(Said { info, latency: began.elapsed() })
}
