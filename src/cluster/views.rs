//! Handles that run their commands in another way.

use super::Cluster;
use crate::config::Share;
use crate::cross_node::CANCELLABLE;
use crate::execute::{Cancel, OwnWrites, View};
use crate::plan::CrossNode;
use crate::retry::Retries;
use crate::topology::ReadFrom;
use std::sync::Arc;
use std::time::Duration;

/// Views: the same cluster with another setting. They cost as much as a clone and share pools, replicas and everything
/// else with the cluster that they come from, which stays as it is. For one call or for a part of a program.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
/// use std::time::Duration;
///
/// cluster.set("foo", "bar")?;
/// let value: Option<String> = cluster.masters_only().deadline(Duration::from_millis(500)).get("foo")?;
/// assert_eq!(value.as_deref(), Some("bar"));
/// # Ok(()) });
/// ```
impl Cluster {
    fn with(&self, change: impl FnOnce(&mut View)) -> Cluster {
        let mut cluster = self.clone();
        change(&mut cluster.view);
        cluster
    }

    /// A view whose reads go to masters, so that they see every write that was acknowledged before.
    pub fn masters_only(&self) -> Cluster {
        self.read_from(ReadFrom::Master)
    }

    /// A view with another answer to where reads go. A cluster that was made with [`ReadFrom::Master`] has not looked
    /// for replicas, so masters go on serving its reads.
    pub fn read_from(&self, read_from: ReadFrom) -> Cluster {
        self.with(|view| view.read_from = read_from)
    }

    /// A view whose reads see its own writes, and reads from replicas otherwise: once it has written to a node, all its
    /// reads of that node go to the master. Views that are made of it and clones count as the same one; a second call
    /// gives a new one that has written nothing. For one user's request, not for a whole program, which would
    /// soon read from masters only.
    ///
    /// What others write may still be missing where this one has not written. A write that a master acknowledged and
    /// lost when another server was promoted in its place is lost here too.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let request = cluster.read_your_writes();
    /// request.set("foo", "bar")?;
    /// assert_eq!(request.get::<_, String>("foo")?, "bar"); // from the master
    /// # Ok(()) });
    /// ```
    pub fn read_your_writes(&self) -> Cluster {
        let own = OwnWrites::new(self.shared.fleet.nodes.len());
        self.with(|view| view.own_writes = Some(Arc::new(own)))
    }

    /// A view with another answer to what becomes of a command whose keys live on several nodes.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{CrossNode, ErrorKind};
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// let error = cluster.cross_node(CrossNode::Refuse).mset([("foo", 3), ("bar", 4)]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::CrossNode);
    /// assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"])?, [1, 2]);
    /// # Ok(()) });
    /// ```
    pub fn cross_node(&self, cross_node: CrossNode) -> Cluster {
        self.with(|view| view.cross_node = cross_node)
    }

    /// A view with another longest time for a call, as [`Builder::deadline`](crate::Builder::deadline). With zero every
    /// call fails with [`Timeout`](crate::ErrorKind::Timeout).
    pub fn deadline(&self, deadline: Duration) -> Cluster {
        self.with(|view| view.deadline = deadline)
    }

    /// A view that tries calls again in another way, as [`Builder::retries`](crate::Builder::retries). The budget stays
    /// that of the cluster.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Retries;
    ///
    /// cluster.retries(Retries::none()).incr("count")?;
    /// // What may be applied twice is sent again when its reply is lost.
    /// cluster.retries(Retries::up_to(5).also_unknown()).set("foo", "bar")?;
    /// # Ok(()) });
    /// ```
    pub fn retries(&self, retries: Retries) -> Cluster {
        self.with(|view| view.retries = retries)
    }

    /// A view whose calls share connections in another way, as
    /// [`Builder::share_connections`](crate::Builder::share_connections).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Share;
    ///
    /// cluster.share_connections(Share::All).set("foo", "bar")?;
    /// # Ok(()) });
    /// ```
    pub fn share_connections(&self, share: Share) -> Cluster {
        self.with(|view| view.share = share)
    }

    /// A view of another database, 0 to the server's number of databases less one. Connections go there by `SELECT`
    /// when they are somewhere else, which costs a round trip; calls to two databases in turn pay it each time.
    ///
    /// A number that a server does not have is an error of the calls, with the command `SELECT`; nothing else was
    /// sent.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let second = cluster.database(1);
    /// second.set("foo", "there")?;
    /// assert_eq!(cluster.get::<_, Option<String>>("foo")?, None);
    /// assert_eq!(second.get::<_, String>("foo")?, "there");
    /// # Ok(()) });
    /// ```
    pub fn database(&self, database: u32) -> Cluster {
        self.with(|view| view.database = database)
    }

    /// A view whose waits for data another thread can end: those of `BLPOP`, `XREAD` with `BLOCK` and their
    /// like. A wait that is ended is a [`Cancelled`](crate::ErrorKind::Cancelled) error, and nothing was taken; what
    /// comes in the very moment is given as the result. What does not wait is not concerned.
    ///
    /// Where one node has all keys, its waits are made of slices of a second at most, and the server is told that they are
    /// over through a connection of its own. They read from masters. A call that is still waiting for a
    /// connection of the pool ends when it gets one. [`on`](Cluster::on) heeds it, and a
    /// [pipeline](Cluster::pipeline), whose other commands still run; a wait
    /// [on each master](Cluster::on_each_master) does not.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Cancel, ErrorKind};
    /// use std::time::Duration;
    ///
    /// let cancel = Cancel::new();
    /// let waiting = cluster.cancelled_by(&cancel);
    /// let worker = std::thread::spawn(move || {
    ///     loop {
    ///         // For ever, until there is a job or the program ends.
    ///         match waiting.blpop::<_, String, String>(["high", "low"], Duration::ZERO) {
    ///             Ok(job) => println!("{job:?}"),
    ///             Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(()),
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    /// });
    /// cancel.cancel();
    /// worker.join().unwrap()?;
    /// # Ok(()) });
    /// ```
    pub fn cancelled_by(&self, cancel: &Cancel) -> Cluster {
        self.with(|view| view.cancel = Some((cancel.clone(), &CANCELLABLE)))
    }
}
