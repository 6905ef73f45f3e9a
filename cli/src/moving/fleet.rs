//! The servers of one side: who they are, and which number each has.

use super::link::Link;
use super::lock::{OWN_NAME, READER};
use super::replica::{self, Replica};
use crate::compare;
use crate::config::Config;
use crate::nodes::{host, with_credentials_of};
use rediscluster::{HashTags, Protocol, Value};

/// One master.
pub struct Server {
    /// The name of its node; of the first one where two nodes are one server.
    pub name: String,
    /// Where it is, without credentials.
    pub address: String,
    /// The same as it was given.
    pub given: String,
    /// The numbers of the nodes that it is, counted from 0.
    pub nodes: Vec<usize>,
    pub facts: Facts,
    /// What is read instead of it.
    pub replica: Option<Replica>,
}

/// No key with its value takes less, in bytes.
const SMALLEST: u64 = 24;

/// What a server says of itself.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    pub run_id: String,
    pub is_master: bool,
    /// Of Redis, or the one that Valkey says it is compatible with.
    pub version: (u32, u32),
    /// Of Valkey.
    pub valkey: Option<(u32, u32)>,
    /// As people call it.
    pub version_text: String,
    pub used_memory: u64,
    pub dataset: u64,
    pub maxmemory: u64,
    pub policy: String,
    /// The databases that have keys, and how many.
    pub keys: Vec<(u32, u64)>,
}

/// All masters of one side.
pub struct Fleet {
    /// Each once.
    pub servers: Vec<Server>,
    /// How many nodes keys are divided among.
    pub nodes: usize,
    config: Config,
}

impl Fleet {
    /// Asks all masters who they are.
    ///
    /// # Errors
    /// That one of them cannot be reached, is no master, or does not tell.
    pub fn connect(config: Config) -> Result<Fleet, String> {
        let builder = config.builder().protocol(Protocol::Resp2).require_all(true).masters_only(true);
        let cluster = builder.connect().map_err(|error| error.to_string())?;
        let topology = cluster.topology();
        let mut fleet = Fleet { servers: Vec::new(), nodes: topology.shards().len(), config };
        for (number, shard) in topology.shards().iter().enumerate() {
            let given = fleet.config.nodes.iter().find(|(name, _)| name == shard.name());
            let address = topology.master_of(shard).address().to_string();
            let given = given.map_or(address, |(_, given)| given.clone());
            let mut server = Server {
                name: shard.name().to_owned(),
                address: host(&given).to_owned(),
                given,
                nodes: vec![number],
                facts: Facts::default(),
                replica: None,
            };
            let mut link = fleet.open(&server)?;
            server.facts = Facts::ask(&mut link)?;
            if !server.facts.is_master {
                // It was one when the list was written. What is remembered of a job knows it by the address that is given.
                server.given = like(&server.given, &topology.master_of(shard).address().to_string());
                link = fleet.open(&server)?;
                server.facts = Facts::ask(&mut link)?;
            }
            if !server.facts.is_master {
                return Err(format!("{} is no master", server.place()));
            }
            let twin = fleet.servers.iter_mut().find(|other| other.facts.run_id == server.facts.run_id);
            match twin {
                Some(twin) => twin.nodes.push(number),
                None => fleet.servers.push(server),
            }
        }
        Ok(fleet)
    }

    /// From now on keys are read from a replica of each of its servers.
    ///
    /// # Errors
    /// Which server has none that has everything.
    pub fn read_from_replicas(&mut self) -> Result<(), String> {
        for at in 0..self.servers.len() {
            self.servers[at].replica = Some(replica::choose(self, &self.config, &self.servers[at])?);
        }
        Ok(())
    }

    /// A connection to one of its servers.
    ///
    /// # Errors
    /// That it cannot be reached.
    pub fn open(&self, server: &Server) -> Result<Link, String> {
        self.open_at(server.place(), &server.given, super::own_name())
    }

    /// A connection by which a server shows that it is being read: see [`lock`](super::lock).
    ///
    /// # Errors
    /// That it cannot be reached.
    pub fn open_as_reader(&self, server: &Server) -> Result<Link, String> {
        self.open_at(server.place(), &server.given, &super::own_name().replace(OWN_NAME, READER))
    }

    /// A connection to what keys of one of its servers are read from: itself, or its replica.
    ///
    /// # Errors
    /// That it cannot be reached.
    pub fn open_to_read(&self, server: &Server) -> Result<Link, String> {
        match &server.replica {
            None => self.open(server),
            Some(replica) => Ok(self.open_replica(server, replica)?.of_replica(replica.state.clone())),
        }
    }

    /// A connection to a replica of one of its servers.
    ///
    /// # Errors
    /// That it cannot be reached.
    pub fn open_replica(&self, server: &Server, replica: &Replica) -> Result<Link, String> {
        let place = format!("the replica {} of {}", replica.address, server.name);
        self.open_at(place, &replica.given, super::own_name())
    }

    fn open_at(&self, place: String, given: &str, name: &str) -> Result<Link, String> {
        // Databases are chosen one after the other, and every server speaks this protocol.
        let settings = self.config.settings().protocol(Protocol::Resp2).database(0).client_name(name);
        let connection = settings.open(given).map_err(|error| format!("{place}: {error}"))?;
        let mut link = Link::new(place, connection);
        // The URL may name a database.
        link.ask(&[b"SELECT", b"0"])?;
        Ok(link)
    }

    /// What its configuration says of hash tags.
    pub fn hash_tags(&self) -> HashTags {
        self.config.settings.hash_tags()
    }

    /// One of its servers for who compares keys.
    ///
    /// # Errors
    /// That it cannot be reached.
    pub fn compared(&self, server: &Server) -> Result<compare::server::Server, String> {
        compare::server::Server::open(self.config.settings(), &server.name, &server.given)
    }

    /// Connections to all of its servers.
    ///
    /// # Errors
    /// That one of them cannot be reached.
    pub fn open_all(&self) -> Result<Vec<Link>, String> {
        self.servers.iter().map(|server| self.open(server)).collect()
    }

    /// Connections to what keys are read from.
    ///
    /// # Errors
    /// That one of them cannot be reached.
    pub fn open_all_to_read(&self) -> Result<Vec<Link>, String> {
        self.servers.iter().map(|server| self.open_to_read(server)).collect()
    }

    /// The server of a node.
    pub fn server_of(&self, node: usize) -> usize {
        self.servers.iter().position(|server| server.nodes.contains(&node)).unwrap_or(0)
    }

    /// The list of its nodes as it is remembered: names and addresses without credentials.
    pub fn list(&self) -> String {
        let mut nodes: Vec<(usize, String)> = Vec::new();
        for server in &self.servers {
            for &node in &server.nodes {
                nodes.push((node, format!("node_{}={}", node + 1, server.address)));
            }
        }
        nodes.sort();
        nodes.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
    }
}

impl Server {
    /// What it is called, for people.
    pub fn place(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    /// What is said of itself by what its keys are read from.
    pub fn read_facts(&self) -> &Facts {
        self.replica.as_ref().map_or(&self.facts, |replica| &replica.facts)
    }
}

impl Facts {
    /// Asks a server.
    ///
    /// # Errors
    /// That it does not tell.
    pub fn ask(link: &mut Link) -> Result<Facts, String> {
        let mut facts = Facts::default();
        for section in ["server", "replication", "memory", "keyspace"] {
            match link.ask_text(&["INFO", section])? {
                Value::Bulk(text) => facts.read(&String::from_utf8_lossy(&text)),
                _ => return Err(format!("{}: INFO gave no text", link.place())),
            }
        }
        Ok(facts)
    }

    fn read(&mut self, info: &str) {
        for (field, value) in info.lines().filter_map(|line| line.split_once(':')) {
            match field {
                "role" => self.is_master = value == "master",
                "run_id" => self.run_id = value.to_owned(),
                "redis_version" => {
                    self.version = version(value);
                    if self.valkey.is_none() {
                        self.version_text = format!("Redis {value}");
                    }
                }
                "valkey_version" => {
                    self.valkey = Some(version(value));
                    self.version_text = format!("Valkey {value}");
                }
                "used_memory" => self.used_memory = value.parse().unwrap_or(0),
                "used_memory_dataset" => self.dataset = value.parse().unwrap_or(0),
                "maxmemory" => self.maxmemory = value.parse().unwrap_or(0),
                "maxmemory_policy" => self.policy = value.to_owned(),
                _ => {
                    let number = field.strip_prefix("db").and_then(|number| number.parse().ok());
                    let keys = value.strip_prefix("keys=").and_then(|rest| rest.split(',').next()?.parse().ok());
                    self.keys.extend(number.zip(keys));
                }
            }
        }
    }

    /// Whether it tells when a key expires, and not only after how long.
    pub fn tells_expiry(&self) -> bool {
        self.version >= (7, 0)
    }

    /// Whether fields of its hashes may expire.
    pub fn has_field_expiry(&self) -> bool {
        self.valkey.map_or(self.version >= (7, 4), |valkey| valkey >= (9, 0))
    }

    /// Whether it counts how often keys are used.
    pub fn is_lfu(&self) -> bool {
        self.policy.ends_with("-lfu")
    }

    /// Whether keys that nobody uses may be deleted when its memory is full.
    pub fn evicts_by_use(&self) -> bool {
        self.policy.ends_with("-lfu") || self.policy.ends_with("-lru") || self.policy.ends_with("-lrm")
    }

    /// No key is larger than this.
    pub fn largest(&self) -> u64 {
        let keys: u64 = self.keys.iter().map(|(_, keys)| keys).sum();
        self.dataset.saturating_sub(keys.saturating_mul(SMALLEST))
    }

    /// How many keys a database has.
    pub fn keys_in(&self, database: u32) -> u64 {
        self.keys.iter().find(|(number, _)| *number == database).map_or(0, |(_, keys)| *keys)
    }
}

/// Another address, to be reached as this one is.
fn like(given: &str, address: &str) -> String {
    if given.contains("://") {
        with_credentials_of(given, address)
    } else {
        address.to_owned()
    }
}

/// Whether a server is a replica, as `INFO replication` tells it.
pub fn is_replica(info: &[u8]) -> bool {
    info.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"role:slave"))
}

/// How many replicas a server has, as `INFO replication` tells it.
pub fn replicas(info: &[u8]) -> u64 {
    let info = String::from_utf8_lossy(info);
    let number = info.lines().find_map(|line| line.strip_prefix("connected_slaves:"));
    number.map_or(0, |number| number.trim().parse().unwrap_or(u64::MAX))
}

/// How many keys of a database expire, as `INFO keyspace` tells it.
pub fn expiring(info: &[u8], database: u32) -> u64 {
    let begin = format!("db{database}:");
    let info = String::from_utf8_lossy(info);
    let line = info.lines().find_map(|line| line.strip_prefix(begin.as_str()));
    let number = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("expires=")));
    number.map_or(0, |number| number.parse().unwrap_or(u64::MAX))
}

fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_keys_expire() {
        let info = b"# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=5\r\ndb10:keys=12,expires=0,avg_ttl=0\r\n";
        assert_eq!([0, 1, 10].map(|database| expiring(info, database)), [1, 0, 0]);
    }

    #[test]
    fn what_servers_say() {
        let mut facts = Facts::default();
        facts.read("redis_version:7.2.4\r\nvalkey_version:9.1.0\r\nrun_id:abc\r\nused_memory_dataset:7\r\n");
        facts
            .read("maxmemory:100\r\nmaxmemory_policy:allkeys-lfu\r\ndb0:keys=3,expires=1\r\ndb7:keys=12,expires=0\r\n");
        assert!(facts.has_field_expiry() && facts.tells_expiry() && facts.is_lfu());
        assert_eq!((facts.version_text.as_str(), facts.maxmemory), ("Valkey 9.1.0", 100));
        assert_eq!((facts.keys_in(0), facts.keys_in(7), facts.keys_in(1)), (3, 12, 0));
    }
}
