//! The master of a node by the word of an operator.

use super::Cluster;
use crate::config::Endpoint;
use crate::discovery::Found;
use crate::error::{escape, Error, Result};
use crate::net::Deadline;
use crate::topology::Node;

impl Cluster {
    /// Takes the server at an address, `host:port` or a `unix://` path, for the master of a node from now on: for an
    /// operator who knows better than this library can. It is asked who it is, and has to say that it is a master.
    ///
    /// The address in use is followed through its own restarts, and to another one only where that shows that it has the
    /// data of the node (its replication id, or the one before, is what was last known), or where Sentinels name it. So when
    /// the server that was promoted is gone for good, nobody is followed, and calls are
    /// [`NotApplied`](crate::Outcome::NotApplied): the old master that came back without its data, an empty replacement and
    /// a copy that was restored from a backup all look the same from outside. To accept one of them is to give up what
    /// only the lost server has.
    ///
    /// The replicas that served before follow the lost server, so reads go to the new one until the next
    /// [refresh](Cluster::refresh) finds those that follow it.
    ///
    /// It counts for this cluster and its clones, until the server is replaced in turn. Other programs have to be told too;
    /// one that starts later believes its configuration. Where a node has Sentinels, those decide at the next refresh: tell
    /// them instead. The credentials are those of the node.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there is no node of that name; [`Config`](crate::ErrorKind::Config)
    /// for an address that is none, a server that is no master, and the master of another node; and what the server
    /// met that cannot be asked, such as [`Connect`](crate::ErrorKind::Connect). Then everything stays as it was.
    ///
    /// ```
    /// # let server = rediscluster_testing::Server::start();
    /// # let replacement_server = rediscluster_testing::Server::start();
    /// # let (first, replacement) = (server.address(), replacement_server.address());
    /// use rediscluster::prelude::*;
    ///
    /// let cluster = Cluster::builder().node("node_1", first).connect()?;
    /// // The server of node_1 is lost. Its last backup was restored on another one.
    /// cluster.accept_master("node_1", &replacement)?;
    /// cluster.set("foo", "bar")?;
    /// assert_eq!(cluster.node_for("foo").address().to_string(), replacement);
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn accept_master(&self, node: impl AsRef<str>, address: impl AsRef<str>) -> Result<()> {
        let (shared, name) = (&self.shared, node.as_ref());
        let shard =
            shared.fleet.nodes.iter().position(|node| *node.name == *name).ok_or_else(|| {
                Error::argument(format!("there is no node of the name {}", escape(name.as_bytes(), 64)))
            })?;
        let given = Endpoint::parse(address.as_ref())?;
        if given.credentials != Default::default() || given.database.is_some() {
            return Err(Error::config("the address of a master that is accepted has no credentials and no database"));
        }
        let address = given.address;
        let server = Node::new(name, address.clone());
        let said = shared.fleet.ask(shard, &server, Deadline::after(self.view.deadline), &|| {})?;
        if !said.info.is_master() {
            return Err(Error::config(format!("{server} does not say that it is a master")));
        }
        shared.takes(shard, None, &Found { master: Some((address.clone(), Some(said))), ..Found::default() });
        if *shared.masters.known()[shard].master() != address {
            return Err(Error::config(format!("{address} is the master of another node than {name}")));
        }
        // What follows it is to be found soon.
        shared.refresher.hurry();
        Ok(())
    }
}
