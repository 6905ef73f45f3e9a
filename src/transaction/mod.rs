//! Several commands as one, on one node: `MULTI` to `EXEC`, and `WATCH` before them.

mod exec;
mod queue;
mod replies;
mod watch;

pub use replies::TransactionReplies;
pub use watch::Watched;

use crate::cluster::{Cluster, OnNode};
use crate::cmd::{Cmd, Execute, Wait};
use crate::convert::FromValue;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::Pool;
use crate::slot::Slot;
use exec::exec;
use queue::{Home, Queue};
use std::fmt;

/// Commands that one server runs as one: nobody else's command comes between them, and they are applied all or not at
/// all. Made by [`Cluster::transaction`], by [`OnNode::transaction`], and inside of [`Cluster::watch`] by
/// [`Watched::transaction`].
///
/// The methods for commands queue them here and give a [`Slot`] each. [`run`](Transaction::run) sends them and gives
/// the replies, out of which [`get`](TransactionReplies::get) takes what a slot stands for. Until then nothing is sent
/// and no connection is held, and a transaction that is dropped has done nothing.
///
/// All keys have to live on one node, hash tags observed; commands without keys go where the others go. A channel that
/// is published to is placed like a key. What goes to several nodes or is about its connection is refused. Commands
/// that wait for data do not wait here.
///
/// Redis does not undo: a command that fails while the transaction runs, such as an `INCR` of a list, is an error of
/// its own slot, and the others are applied. [`TransactionReplies::check`] looks for such errors.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
///
/// cluster.mset([("ada{bank}", 100), ("bob{bank}", 0)])?;
/// let mut transfer = cluster.transaction();
/// let ada = transfer.decrby("ada{bank}", 30);
/// let bob = transfer.incrby("bob{bank}", 30);
/// transfer.rpush("log{bank}", ["30 from ada to bob"]);
/// let replies = transfer.run()?;
/// assert_eq!((replies.get(ada)?, replies.get(bob)?), (70, 30));
/// # Ok(()) });
/// ```
#[must_use = "nothing is sent before `run`"]
pub struct Transaction<'w> {
    to: To<'w>,
    queue: Queue,
}

/// Where a transaction goes.
enum To<'w> {
    /// Over any connection.
    Home(Home),
    /// Over the connection that watches.
    Watched(&'w mut Watched),
}

impl Cluster {
    /// Begins a transaction on one node, the one that its keys live on. See [`Transaction`].
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut transaction = cluster.transaction();
    /// let visits = transaction.incr("visits{home}");
    /// let fresh = transaction.hset("last{home}", [("by", "ada")]);
    /// let replies = transaction.run()?;
    /// assert_eq!((replies.get(visits)?, replies.get(fresh)?), (1, 1));
    /// # Ok(()) });
    /// ```
    pub fn transaction(&self) -> Transaction<'static> {
        Transaction::to(Home::Routed(self.clone()))
    }
}

impl OnNode {
    /// Begins a transaction on this server: commands go there as they are, whatever their keys. See [`Transaction`].
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?; // lives on node_2
    /// let mut transaction = cluster.on("node_2")?.transaction();
    /// let (keys, foo) = (transaction.dbsize(), transaction.getdel::<_, String>("foo"));
    /// let replies = transaction.run()?;
    /// assert_eq!((replies.get(keys)?, replies.get(foo)?), (1, "bar".into()));
    /// # Ok(()) });
    /// ```
    pub fn transaction(&self) -> Transaction<'static> {
        Transaction::to(Home::Named(self.clone()))
    }
}

impl Transaction<'_> {
    fn to(home: Home) -> Transaction<'static> {
        Transaction { to: To::Home(home), queue: Queue::new() }
    }

    /// How many commands are queued.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.queue.len() == 0
    }

    /// Sends the commands between `MULTI` and `EXEC` and gives their replies. This takes two round trips, and one more
    /// for every 1,000 commands or 64 KiB of them.
    ///
    /// Without commands nothing is sent; in a [watched](Watched::transaction) transaction `EXEC` says all the same
    /// whether a watched key changed.
    ///
    /// # Errors
    /// An error means that nothing was applied, unless its [outcome](crate::Error::outcome) is
    /// [`Unknown`](crate::Outcome::Unknown): then the connection failed after `EXEC` was sent.
    ///
    /// - A command that cannot be queued: [`CrossNode`](ErrorKind::CrossNode) when a key lives on another node,
    ///   [`Refused`](ErrorKind::Refused), [`UnknownCommand`](ErrorKind::UnknownCommand) and
    ///   [`Argument`](ErrorKind::Argument); the last also when no command has a key and there are several nodes.
    ///   Nothing was sent.
    /// - A command that the server refuses to queue, such as one that the user may not run: that error, with the name
    ///   of the command.
    /// - [`Conflict`](ErrorKind::Conflict) when a watched key was changed.
    /// - [What every call may meet](crate#errors), with the command `MULTI` or `EXEC`.
    ///
    /// When a connection of the pool turns out to be dead before `EXEC` is sent, all is tried once more on a new one,
    /// unless keys are watched.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// let mut transaction = cluster.transaction();
    /// transaction.set("foo", 1);
    /// transaction.set("bar", 2); // lives on another node
    /// let error = transaction.run().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::CrossNode);
    /// assert_eq!(cluster.exists(["foo", "bar"])?, 0);
    /// # Ok(()) });
    /// ```
    pub fn run(self) -> Result<TransactionReplies> {
        let Transaction { to, queue } = self;
        match to {
            To::Home(home) => run(&home, queue),
            To::Watched(watched) => watched.run(queue),
        }
    }
}

/// Runs a transaction that watches nothing.
fn run(home: &Home, queue: Queue) -> Result<TransactionReplies> {
    let deadline = home.cluster().begin(Wait::None);
    if queue.len() == 0 {
        return Ok(TransactionReplies::none());
    }
    let servers = home.cluster().servers();
    let mut lead = home.lead(&servers)?;
    let (batch, slots) = queue.batch(home, &servers, &mut lead)?;
    let server = home.server(&servers, lead.as_ref())?;
    home.cluster().writes_to(&servers, server);
    let executed = repeated(&servers.pools[server], || {
        let mut lease = home.cluster().lend(&servers, server, deadline).map_err(|error| error.with_command("MULTI"))?;
        let frame = exec(&mut lease, &batch, deadline)?.ok_or_else(|| {
            let message = "EXEC gave nothing, though no key was watched";
            let error = Error::new(ErrorKind::Reply, Outcome::NotApplied, message).with_command("EXEC");
            error.with_node(|| lease.node().to_string())
        })?;
        Ok((lease.node().to_string(), frame))
    });
    let (node, frame) = executed.map_err(|error| {
        // For the next transaction: this one was routed to a server that may no longer be the master.
        home.cluster().has_moved(&servers, &error, deadline);
        error
    })?;
    Ok(TransactionReplies::new(slots, batch.names, node, frame))
}

/// Tries once more on a new connection what was certainly not applied because a pooled one was dead.
fn repeated<T>(pool: &Pool, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    match attempt() {
        Err(error) if died(&error) => {
            pool.drop_idle();
            attempt()
        }
        result => result,
    }
}

fn died(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol) && error.outcome() == Outcome::NotApplied
}

impl Execute for &mut Transaction<'_> {
    type Output<T: FromValue> = Slot<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Slot<T> {
        self.queue.push(cmd)
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("commands", &self.len()).finish_non_exhaustive()
    }
}
