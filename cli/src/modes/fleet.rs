//! The servers that a mode is about.

use super::stop::Stop;
use super::wire::Wire;
use crate::config::Config;
use crate::nodes;
use crate::reply::Reply;
use rediscluster::ErrorKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a look at a server may take.
pub const LOOK: Duration = Duration::from_secs(2);

/// One of them.
pub struct Server {
    /// The node's, or where the server is when it was not named as a node.
    pub name: String,
    /// As it was configured: it may hold a password.
    address: String,
    /// How many keys it had when it was looked at.
    pub keys: u64,
}

/// The masters of all nodes, those that were named, or one server.
pub struct Fleet<'c> {
    config: &'c Config,
    stop: &'c Stop,
    pub servers: Vec<Server>,
    /// It was named by itself, so that nobody needs to be told which one it is.
    pub is_one_server: bool,
}

impl<'c> Fleet<'c> {
    /// Those of the configuration; `on` names the only one of the nodes that counts.
    ///
    /// # Errors
    /// A mistake in the configuration.
    pub fn of(config: &'c Config, on: Option<&str>, stop: &'c Stop) -> Result<Fleet<'c>, String> {
        if let Some(address) = &config.direct {
            let server = Server { name: nodes::host(address).to_owned(), address: address.clone(), keys: 0 };
            return Ok(Fleet { config, stop, servers: vec![server], is_one_server: true });
        }
        let cluster = config.builder().build().map_err(|error| error.to_string())?;
        let wanted: Vec<String> = {
            let topology = cluster.topology();
            let names = topology.shards().iter().map(|shard| shard.name().to_owned());
            names.filter(|name| on.map_or(true, |on| on == name)).collect()
        };
        if wanted.is_empty() {
            return Err(format!("there is no node of the name {}", on.unwrap_or_default().escape_debug()));
        }
        // Where the masters are now. One that does not answer is met where its server is needed.
        match cluster.masters_only().deadline(LOOK.min(config.deadline())).refresh_nodes(&wanted) {
            Err(error) if error.kind() == ErrorKind::Config => return Err(error.to_string()),
            _ => {}
        }
        let topology = cluster.topology();
        let servers = topology.shards().iter().filter(|shard| wanted.iter().any(|name| name == shard.name()));
        let server = |shard: &rediscluster::Shard| {
            let now = topology.master_of(shard).address().to_string();
            let configured = config.nodes.iter().find(|(name, _)| name == shard.name());
            let address = configured.map_or(now.clone(), |(_, address)| nodes::address_of_master(address, &now));
            Server { name: shard.name().to_owned(), address, keys: 0 }
        };
        Ok(Fleet { config, stop, servers: servers.map(server).collect(), is_one_server: false })
    }

    /// A connection to one of them.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(&self, server: usize) -> Result<Wire, String> {
        Wire::open(self.config, &self.servers[server].address, self.config.deadline(), self.stop)
    }

    /// The same for a look at what a server says of itself: one that says nothing must not keep those that do.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open_to_look(&self, server: usize) -> Result<Wire, String> {
        let patience = LOOK.min(self.config.deadline());
        Wire::open(self.config, &self.servers[server].address, patience, self.stop)
    }

    /// Asks all servers who they are and how many keys they have. Those that another one's name stands for already are left
    /// out, and what is to be told of that is given. One that does not answer is met again when it is needed.
    pub fn look(&mut self) -> Vec<String> {
        let found: Vec<(Option<String>, u64)> = std::thread::scope(|scope| {
            let this = &*self;
            let ask = |at| scope.spawn(move || this.open_to_look(at).and_then(|mut wire| who_and_size(&mut wire)));
            let asked: Vec<_> = (0..this.servers.len()).map(ask).collect();
            asked.into_iter().map(|thread| thread.join().ok().and_then(Result::ok).unwrap_or_default()).collect()
        });
        let (mut known, mut told) = (BTreeMap::new(), Vec::new());
        let servers = std::mem::take(&mut self.servers);
        for (mut server, (run_id, keys)) in servers.into_iter().zip(found) {
            match run_id.as_ref().and_then(|id| known.get(id)) {
                Some(first) => told.push(format!("{} is the same server as {first} and counts once", server.name)),
                None => {
                    run_id.map(|id| known.insert(id, server.name.clone()));
                    server.keys = keys;
                    self.servers.push(server);
                }
            }
        }
        told
    }

    /// How many keys there were when the servers were looked at.
    pub fn keys(&self) -> u64 {
        self.servers.iter().map(|server| server.keys).sum()
    }

    /// How wide the longest name is.
    pub fn width(&self) -> usize {
        self.servers.iter().map(|server| server.name.chars().count()).max().unwrap_or(0)
    }
}

/// What tells one server from another, where it says so, and how many keys it has in the chosen database.
fn who_and_size(wire: &mut Wire) -> Result<(Option<String>, u64), String> {
    let info = wire.ask(&[b"INFO", b"server"])?;
    let info = String::from_utf8_lossy(info.text().unwrap_or_default()).into_owned();
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).map(|id| id.trim().to_owned());
    match wire.ask(&[b"DBSIZE"])? {
        Reply::Integer(keys) => Ok((run_id, keys.unsigned_abs())),
        _ => Ok((run_id, 0)),
    }
}
