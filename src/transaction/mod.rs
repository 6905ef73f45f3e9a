//! Several commands as one, on one node: `MULTI` to `EXEC`, and `WATCH` before them.

mod queue;
mod replies;
mod watch;

pub use replies::TransactionReplies;
pub use watch::Watched;

use crate::cluster::{Cluster, OnNode};
use crate::cmd::{Cmd, Execute};
use crate::command::Wait;
use crate::error::Result;
use crate::execute::multi_exec::gave_nothing;
use crate::from_value::FromValue;
use crate::pipeline::Slot;
use queue::{Destination, Queue};
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
/// Redis does not undo: when a command fails while the transaction runs, such as an `INCR` of a list, the others are
/// applied. [`run`](Transaction::run) makes that an error, and [`run_each`](Transaction::run_each) one of its own slot.
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
    Any(Destination),
    /// Over the connection that watches. What runs it comes along, so that only programs that watch have it.
    Watched(&'w mut Watched, fn(&mut Watched, Queue) -> Result<TransactionReplies>),
}

impl Cluster {
    /// Begins a transaction on one node, the one that its keys live on. See [`Transaction`].
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut transaction = cluster.transaction();
    /// let visits = transaction.incr("visits:home{home}");
    /// let fresh = transaction.hset("last:home{home}", [("by", "ada")]);
    /// let replies = transaction.run()?;
    /// assert_eq!((replies.get(visits)?, replies.get(fresh)?), (1, 1));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "atomic")]
    #[inline]
    pub fn transaction(&self) -> Transaction<'static> {
        Transaction::to(Destination::ByKeys(self.clone()))
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
    #[inline]
    pub fn transaction(&self) -> Transaction<'static> {
        Transaction::to(Destination::named(self.clone()))
    }
}

impl Transaction<'_> {
    #[inline]
    fn to(destination: Destination) -> Transaction<'static> {
        Transaction { to: To::Any(destination), queue: Queue::new() }
    }

    /// How many commands are queued.
    #[inline]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no command is queued.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.len() == 0
    }

    /// Sends the commands between `MULTI` and `EXEC` and gives their replies. The transaction is empty afterwards and can
    /// be filled again, unless it is [watched](Watched::transaction): then it can run once. This takes two round trips,
    /// and one more for every 1,000 commands.
    ///
    /// Without commands nothing is sent; in a [watched](Watched::transaction) transaction `EXEC` says all the same
    /// whether a watched key changed.
    ///
    /// # Errors
    /// When a command failed while the transaction ran, what the first of them met, with its name; the note behind it
    /// says which that is and how many failed. The others were applied, so its [outcome](crate::Error::outcome) is
    /// [`Partial`](crate::Outcome::Partial), or [`Unknown`](crate::Outcome::Unknown) when a script failed, or
    /// [`NotApplied`](crate::Outcome::NotApplied) when none changed anything. For the replies of the others, use
    /// [`run_each`](Transaction::run_each), whose errors may come here as well.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Outcome;
    ///
    /// let mut transaction = cluster.transaction();
    /// transaction.set("name:7{7}", "ada");
    /// transaction.incr("name:7{7}");
    /// let error = transaction.run().unwrap_err();
    /// assert_eq!((error.command(), error.outcome()), (Some("INCR"), Outcome::Partial));
    /// assert_eq!(cluster.get::<_, String>("name:7{7}")?, "ada");
    /// # Ok(()) });
    /// ```
    #[doc(alias = "query")]
    #[inline]
    pub fn run(&mut self) -> Result<TransactionReplies> {
        let replies = self.run_each()?;
        match replies.failure() {
            Some(error) => Err(error),
            None => Ok(replies),
        }
    }

    /// As [`run`](Transaction::run), where a command that fails while the transaction runs is an error of its own slot:
    /// [`TransactionReplies::get`] tells it.
    ///
    /// # Errors
    /// An error means that nothing was applied, unless its [outcome](crate::Error::outcome) is
    /// [`Unknown`](crate::Outcome::Unknown): then the connection failed after `EXEC` was sent.
    ///
    /// - A command that cannot be queued: [`CrossNode`](crate::ErrorKind::CrossNode) when a key lives on another node,
    ///   [`Refused`](crate::ErrorKind::Refused), [`UnknownCommand`](crate::ErrorKind::UnknownCommand) and
    ///   [`Argument`](crate::ErrorKind::Argument); the last also when no command has a key and there are several nodes.
    ///   Nothing was sent. Of a command that no server runs because it counts its keys wrongly, what a server says to it.
    /// - A command that the server refuses to queue, such as one that the user may not run: that error, with the name
    ///   of the command.
    /// - [`Conflict`](crate::ErrorKind::Conflict) when a watched key was changed.
    /// - [What every call may meet](crate#errors), with the command `MULTI` or `EXEC`.
    ///
    /// A transaction of which nothing was applied is tried again as any call is, see
    /// [`Builder::retries`](crate::Builder::retries), and so it goes to the server that has become the master of its
    /// node; a [watched](Watched::transaction) one is not, see [`Cluster::watch`] for what becomes of that.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// let mut transaction = cluster.transaction();
    /// transaction.set("foo", 1);
    /// transaction.set("bar", 2); // lives on another node
    /// let error = transaction.run_each().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::CrossNode);
    /// assert_eq!(cluster.exists(["foo", "bar"])?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn run_each(&mut self) -> Result<TransactionReplies> {
        let queue = std::mem::replace(&mut self.queue, Queue::new());
        match &mut self.to {
            To::Any(destination) => run::<()>(destination, queue),
            To::Watched(watched, run) => run(watched, queue),
        }
    }
}

/// Runs a transaction that watches nothing.
fn run<Here>(destination: &Destination, queue: Queue) -> Result<TransactionReplies> {
    let cluster = destination.cluster();
    let deadline = cluster.begin(Wait::None);
    if queue.len() == 0 {
        return Ok(TransactionReplies::none());
    }
    let servers = cluster.servers();
    let mut chosen = destination.chosen(&servers)?;
    let mut refusal = |cmd: &Cmd, row| cluster.refusal_of(cmd.untyped(), row, deadline);
    let (prepared, slots) = queue.prepared::<()>(destination, &servers, &mut chosen, &mut refusal)?;
    destination.server(&servers, chosen.as_ref())?;
    let observed = cluster.observed();
    let (mut node, mut replies) = (None, Vec::new());
    let done = cluster.with_failover(deadline, &mut |servers| {
        let server = destination.server(servers, chosen.as_ref())?;
        cluster.writes_to(servers, server);
        cluster.tried(servers.pool(server), "EXEC", deadline, || {
            let lent = cluster.lend(servers, server, deadline, observed.as_ref());
            let mut lease = lent.map_err(|error| error.with_command("MULTI"))?;
            match prepared.exec(&mut lease, deadline)? {
                Some(came) => {
                    (node, replies) = (Some(lease.shared_node()), came);
                    Ok(())
                }
                None => Err(gave_nothing().with_command("EXEC").at(lease.node())),
            }
        })
    });
    if let Some(observed) = observed {
        observed.command("EXEC", done.as_ref().err());
    }
    done?;
    Ok(TransactionReplies::new(slots, prepared.commands, node, replies))
}

impl Execute for &mut Transaction<'_> {
    type Output<T: FromValue> = Slot<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Slot<T> {
        self.queue.push(cmd)
    }
}

impl fmt::Debug for Transaction<'_> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("commands", &self.len()).finish_non_exhaustive()
    }
}
