//! The node table: which nodes there are, which servers they are, and where a key lives.

mod address;
mod host;
pub(crate) mod info;
mod placement;
mod replica_offsets;
mod text;

pub use address::Address;
pub use placement::{Crc32Modulo, HashTags, Partitioner};
pub(crate) use replica_offsets::{Marks, Reach};
pub(crate) use text::{cut, digits, trimmed};

use std::fmt;
use std::sync::Arc;

/// A server that keys can be sent to: its name and its address.
#[derive(Clone, PartialEq, Eq)]
pub struct Node(Arc<Named>);

#[derive(PartialEq, Eq)]
struct Named {
    name: Arc<str>,
    address: Address,
}

impl Node {
    pub(crate) fn new(name: impl Into<Arc<str>>, address: Address) -> Node {
        Node::of(name.into(), address)
    }

    #[inline(never)]
    fn of(name: Arc<str>, address: Address) -> Node {
        Node(Arc::new(Named { name, address }))
    }

    /// A replica that its master lists, which has no name of its own.
    pub(crate) fn listed(master: &str, address: &Address) -> Node {
        Node::new(format!("{master}/{address}"), address.clone())
    }

    /// The same server by this name.
    pub(crate) fn called(&self, name: &str) -> Node {
        match self.name() == name {
            true => self.clone(),
            false => Node::new(name, self.address().clone()),
        }
    }

    /// The name from the configuration, such as `node_2`; for a discovered replica the name of its master, a
    /// slash and its address.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where the server listens.
    pub fn address(&self) -> &Address {
        &self.0.address
    }
}

impl fmt::Display for Node {
    /// The name, and the address in brackets where the name does not hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = format!("{}", self.address());
        f.write_str(self.name())?;
        if self.name().ends_with(&address) {
            return Ok(());
        }
        write!(f, " ({address})")
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name()).field("address", self.address()).finish()
    }
}

/// What a server is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It takes writes.
    Master,
    /// It follows a master and serves reads.
    Replica,
}

/// Where reads go.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReadFrom {
    /// To the replicas of a node in turn; to its master when there is none that can serve.
    #[default]
    Replica,
    /// To masters only, so that a read sees every write that was acknowledged before it.
    Master,
    /// To the master and the replicas of a node in turn.
    Any,
    /// To the master of a node; to its replicas in turn only when the master cannot serve.
    PreferMaster,
    /// To the server of a node that answered fastest when it was last asked who it is: on
    /// [`connect`](crate::Builder::connect) and on every refresh. To the others when it cannot serve.
    Nearest,
}

impl ReadFrom {
    /// Whether replicas may serve reads.
    pub(crate) fn includes_replicas(self) -> bool {
        self != ReadFrom::Master
    }
}

/// How far a replica may be behind its master and still serve reads:
/// [`Builder::max_replica_lag`](crate::Builder::max_replica_lag).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplicaLag {
    /// As many bytes of the stream of writes, of what the master had when it was asked.
    Bytes(u64),
    /// As many seconds since the master last heard from the replica, which tells it once a second how far it is.
    Seconds(u64),
}

/// One node of the table: a master and the replicas that serve its reads.
#[derive(Debug, Clone)]
pub struct Shard {
    name: Arc<str>,
    master: usize,
    replicas: Vec<usize>,
    passed_over: Vec<PassedOver>,
}

impl Shard {
    /// The name from the configuration, such as `node_2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The replicas that were found and cannot serve reads, and why.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Which of [`Topology::servers`] takes the writes.
    pub(crate) fn master(&self) -> usize {
        self.master
    }

    /// Which of [`Topology::servers`] serve the reads.
    pub(crate) fn replicas(&self) -> &[usize] {
        &self.replicas
    }
}

/// A replica that cannot serve reads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    node: Node,
    reason: Arc<str>,
}

impl PassedOver {
    #[inline(never)]
    pub(crate) fn new(node: Node, reason: &str) -> PassedOver {
        PassedOver { node, reason: reason.into() }
    }

    /// The replica.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Why it cannot serve, in words.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// What is known of a node before its servers are counted.
#[derive(Debug, Clone)]
pub(crate) struct ShardDescription {
    pub(crate) name: Arc<str>,
    pub(crate) address: Address,
    pub(crate) replicas: Vec<Node>,
    pub(crate) passed_over: Vec<PassedOver>,
}

impl ShardDescription {
    /// A master of which nothing more is known.
    pub(crate) fn new(name: impl Into<Arc<str>>, address: &Address) -> ShardDescription {
        let (name, address) = (name.into(), address.clone());
        ShardDescription { name, address, replicas: Vec::new(), passed_over: Vec::new() }
    }
}

/// The nodes of a cluster in order, with their servers: a picture taken when replicas were last discovered.
#[derive(Debug, Clone)]
pub struct Topology {
    shards: Vec<Shard>,
    servers: Vec<Server>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    role: Role,
    node: Node,
    /// The first node that it serves.
    shard: usize,
}

impl Topology {
    /// Of a list of nodes, each with its master and its replicas. A server that is named twice is one server.
    pub(crate) fn new(nodes: impl Into<Vec<ShardDescription>>) -> Topology {
        Topology::of(nodes.into())
    }

    fn of(mut nodes: Vec<ShardDescription>) -> Topology {
        let mut topology = Topology { shards: Vec::new(), servers: Vec::new() };
        // Masters come first, so that a server's place does not move when replicas come and go.
        for (at, node) in nodes.iter_mut().enumerate() {
            let server = Node::new(Arc::clone(&node.name), node.address.clone());
            let (name, passed_over) = (Arc::clone(&node.name), std::mem::take(&mut node.passed_over));
            let master = topology.server(Role::Master, &server, at);
            topology.shards.push(Shard { name, master, replicas: Vec::new(), passed_over });
        }
        for (at, node) in nodes.iter().enumerate() {
            for replica in &node.replicas {
                let server = topology.server(Role::Replica, replica, at);
                let master = topology.nth_shard(at).master;
                // A server follows one master only; what else claims it is passed over.
                let mut is_taken = topology.role(server) == Role::Master;
                for (nth, other) in topology.shards.iter().enumerate() {
                    is_taken |= (nth == at || other.master != master) && other.replicas.contains(&server);
                }
                if let Some(shard) = topology.shards.get_mut(at).filter(|_| !is_taken) {
                    shard.replicas.push(server);
                }
            }
        }
        topology
    }

    /// The nodes as they would be described to make this again.
    pub(crate) fn descriptions(&self) -> Vec<ShardDescription> {
        let mut descriptions = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let mut description = ShardDescription::new(Arc::clone(&shard.name), self.master_of(shard).address());
            for &replica in &shard.replicas {
                description.replicas.push(self.node(replica).clone());
            }
            description.passed_over = shard.passed_over.clone();
            descriptions.push(description);
        }
        descriptions
    }

    /// The place of a server, which is added unless it is known.
    fn server(&mut self, role: Role, node: &Node, shard: usize) -> usize {
        for (at, known) in self.servers.iter().enumerate() {
            if known.node.address() == node.address() {
                return at;
            }
        }
        self.servers.push(Server { role, node: node.clone(), shard });
        self.servers.len() - 1
    }

    /// The nodes in the order that placement counts them.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Every server once: the masters in order, then the replicas.
    pub fn servers(&self) -> impl ExactSizeIterator<Item = (Role, &Node)> {
        self.servers.iter().map(|server| (server.role, &server.node))
    }

    /// Whether the nodes have the same masters and the same replicas.
    pub(crate) fn has_same_servers(&self, other: &Topology) -> bool {
        let has_same_links =
            |(one, other): (&Shard, &Shard)| one.master == other.master && one.replicas == other.replicas;
        self.servers == other.servers
            && self.shards.len() == other.shards.len()
            && self.shards.iter().zip(&other.shards).all(has_same_links)
    }

    pub(crate) fn server_count(&self) -> usize {
        self.servers.len()
    }

    /// A server by its place.
    fn server_at(&self, server: usize) -> &Server {
        &self.servers[server]
    }

    pub(crate) fn role(&self, server: usize) -> Role {
        self.server_at(server).role
    }

    /// The first shard that a server is the master or a replica of.
    pub(crate) fn shard_of(&self, server: usize) -> usize {
        self.server_at(server).shard
    }

    pub(crate) fn node(&self, server: usize) -> &Node {
        &self.server_at(server).node
    }

    /// The master of a node.
    pub fn master_of(&self, shard: &Shard) -> &Node {
        self.node(shard.master)
    }

    // Once and not at each place: what panics says where that was.
    #[inline(never)]
    pub(crate) fn nth_shard(&self, nth: usize) -> &Shard {
        &self.shards[nth]
    }

    /// The master of the node of this number.
    pub(crate) fn nth_master(&self, nth: usize) -> &Node {
        self.master_of(self.nth_shard(nth))
    }

    /// The replicas that serve a node's reads; empty when the master serves them itself.
    pub fn replicas_of<'a>(&'a self, shard: &'a Shard) -> impl ExactSizeIterator<Item = &'a Node> {
        shard.replicas.iter().map(|&server| self.node(server))
    }

    /// Whether this is the address of a server, or of a replica that was passed over.
    pub(crate) fn knows(&self, address: &Address) -> bool {
        let is_passed_over = |shard: &Shard| shard.passed_over.iter().any(|passed| passed.node.address() == address);
        self.servers.iter().any(|server| server.node.address() == address) || self.shards.iter().any(is_passed_over)
    }

    /// One shard for every different master, in order: two names may be one server.
    pub(crate) fn distinct_shards(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.shards.len()).filter(|&at| {
            let master = self.shards[at].master;
            self.shards[..at].iter().all(|earlier| earlier.master != master)
        })
    }

    /// The first shard, when all have the same master.
    #[inline(never)]
    pub(crate) fn only_shard(&self) -> Option<&Shard> {
        let first = self.shards.first()?;
        self.shards.iter().all(|shard| shard.master == first.master).then_some(first)
    }

    /// The shard that stands for all that have the same master, of which [`distinct_shards`](Topology::distinct_shards)
    /// gives one.
    #[inline]
    pub(crate) fn distinct(&self, shard: usize) -> usize {
        let master = self.nth_shard(shard).master;
        self.shards.iter().position(|first| first.master == master).unwrap_or(shard)
    }
}

/// The rules of placement: how tags are recognised and how a hash becomes a node.
pub(crate) struct Placement {
    pub(crate) hash_tags: HashTags,
    pub(crate) partitioner: Box<dyn Partitioner>,
}

impl Placement {
    /// The shard that a key lives on, and the name that the server stores.
    #[inline(always)]
    pub(crate) fn place<'k>(&self, key: &'k [u8], topology: &Topology) -> (usize, &'k [u8]) {
        let (hashed, stored) = self.hash_tags.split(key);
        let nodes = topology.shards.len();
        if nodes == 1 {
            // One node has all keys.
            return (0, stored);
        }
        // A partitioner of the user's must not be able to make this crate panic.
        (self.partitioner.node_index(hashed, nodes).min(nodes - 1), stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_for_one_server() {
        let address = |port| Address::new("h", port).unwrap();
        let replica = Node::new("r", address(9));
        let shard = |name: &str, port, replicas| ShardDescription {
            name: name.into(),
            address: address(port),
            replicas,
            passed_over: Vec::new(),
        };
        let topology = Topology::new([
            shard("node_1", 1, vec![replica.clone()]),
            shard("node_2", 1, vec![replica.clone()]),
            shard("node_3", 2, vec![replica]),
        ]);
        assert_eq!(topology.server_count(), 3);
        assert_eq!(topology.distinct_shards().collect::<Vec<_>>(), [0, 2]);
        assert_eq!([0, 1, 2].map(|shard| topology.distinct(shard)), [0, 0, 2]);
        assert_eq!(topology.shards()[0].replicas(), [2]);
        assert_eq!(topology.shards()[1].replicas(), [2]);
        assert!(topology.shards()[2].replicas().is_empty(), "a replica follows one master");
    }
}
