//! `WATCH`: a transaction that is applied only when what it rests on has not changed.

use super::queue::{Chosen, Destination, Queue};
use super::{To, Transaction, TransactionReplies};
use crate::cluster::{not_refused, Cluster, OnNode};
use crate::cmd::{Cmd, Execute, Untyped};
use crate::command::{Access, Args, Wait};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{multi_exec, RowRef, Servers};
use crate::from_value::FromValue;
use crate::net::{Deadline, Lease};
use crate::random::chance;
use crate::resp::ValueRef;
use crate::retry::jitter;
use crate::to_arg::ToArgs;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How often a transaction is tried whose watched keys keep changing.
const ATTEMPTS: u32 = 100;
/// The longest pause after the first attempt; it doubles after each one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// A connection to the master of one node, which watches keys there: what the closure of [`Cluster::watch`] works with.
///
/// Commands that read run at once, over this connection and so on the master. What changes data belongs into the
/// [transaction](Watched::transaction); here it is refused, and so is what waits for data.
pub struct Watched {
    destination: Destination,
    servers: Arc<Servers>,
    chosen: Option<Chosen>,
    lease: Lease,
    deadline: Deadline,
    state: State,
    /// How the server failed last.
    failed: Option<ErrorKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may read, and run the transaction.
    Watching,
    /// `EXEC` was tried.
    Over,
    /// A watched key had changed, and nothing was applied.
    Conflict,
}

impl Cluster {
    /// Watches keys of one node, reads, and runs a transaction that is applied only when none of the keys was changed
    /// meanwhile: optimistic locking, in which nobody waits for anybody.
    ///
    /// The closure gets the connection that watches. It reads what it needs, queues commands in
    /// [`Watched::transaction`], runs them, and gives whatever the caller wants to have. Where it ends without a
    /// transaction, nothing is changed, and what it gives is given. When a watched key was changed in between, by
    /// anybody, `run` fails with [`Conflict`](ErrorKind::Conflict); when the closure passes that error on, it is called
    /// again from the start, after a short pause, up to 100 times within the deadline. The same happens, once, when the
    /// node turns out to have another master and nothing was applied. So let it have no other effects.
    ///
    /// Keys are placed as everywhere, and everything in the closure has to be on their node. One connection of the pool
    /// is held while the closure runs: keep it short, and let it not wait for other calls on the same cluster when
    /// [`pool_size`](crate::Builder::pool_size) is small. One deadline bounds all attempts together.
    ///
    /// `WATCH`, `MULTI` and `EXEC`, since Redis 2.2.0.
    ///
    /// # Errors
    /// - [`Conflict`](ErrorKind::Conflict) when the keys had changed in every attempt; nothing was applied.
    /// - [`CrossNode`](ErrorKind::CrossNode) when the keys live on several nodes, and
    ///   [`Argument`](ErrorKind::Argument) when there is none. Nothing was sent.
    /// - What the closure gives, such as an error of [`Transaction::run`], and
    ///   [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("stock:7{7}", 3)?;
    /// // Takes one out of stock, when there is one.
    /// let left: Option<i64> = cluster.watch(["stock:7{7}"], |watched| {
    ///     let stock: i64 = watched.get("stock:7{7}")?;
    ///     if stock == 0 {
    ///         return Ok(None);
    ///     }
    ///     let mut transaction = watched.transaction();
    ///     let left = transaction.decr("stock:7{7}");
    ///     transaction.rpush("orders:7{7}", ["one"]);
    ///     transaction.run()?.get(left).map(Some)
    /// })?;
    /// assert_eq!(left, Some(2));
    /// # Ok(()) });
    /// ```
    ///
    /// Compare and set:
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Result;
    ///
    /// fn compare_and_set(cluster: &Cluster, key: &str, old: &str, new: &str) -> Result<bool> {
    ///     cluster.watch([key], |watched| {
    ///         if watched.get::<_, Option<String>>(key)?.as_deref() != Some(old) {
    ///             return Ok(false);
    ///         }
    ///         let mut transaction = watched.transaction();
    ///         transaction.set(key, new);
    ///         transaction.run().map(|_| true)
    ///     })
    /// }
    ///
    /// cluster.set("state", "new")?;
    /// assert!(compare_and_set(cluster, "state", "new", "paid")?);
    /// assert!(!compare_and_set(cluster, "state", "new", "paid")?);
    /// # Ok(()) });
    /// ```
    pub fn watch<K: ToArgs, T>(&self, keys: K, attempt: impl FnMut(&mut Watched) -> Result<T>) -> Result<T> {
        watch(&Destination::ByKeys(self.clone()), keys, attempt)
    }
}

impl OnNode {
    /// Watches keys of this server and runs a transaction on it: see [`Cluster::watch`]. Keys have the names that the
    /// server stores.
    ///
    /// # Errors
    /// As [`Cluster::watch`].
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let first = cluster.on("node_1")?;
    /// let new = first.watch(["config"], |watched| {
    ///     if watched.exists(["config"])? > 0 {
    ///         return Ok(false);
    ///     }
    ///     let mut transaction = watched.transaction();
    ///     transaction.hset("config", [("size", 1)]);
    ///     transaction.run().map(|_| true)
    /// })?;
    /// assert!(new);
    /// # Ok(()) });
    /// ```
    pub fn watch<K: ToArgs, T>(&self, keys: K, attempt: impl FnMut(&mut Watched) -> Result<T>) -> Result<T> {
        watch(&Destination::named(self.clone()), keys, attempt)
    }
}

/// How one attempt ended.
enum Ended<T> {
    /// With what the closure gave.
    With(Result<T>),
    /// A watched key had changed.
    Conflict(Error),
    /// The server failed, and another one may be the master of the node by now.
    Failed(Error),
}

fn watch<T>(
    destination: &Destination,
    keys: impl ToArgs,
    mut body: impl FnMut(&mut Watched) -> Result<T>,
) -> Result<T> {
    let cluster = destination.cluster();
    let deadline = cluster.begin(Wait::None);
    let keys = destination.keys(keys);
    let mut attempt = 0;
    let mut conflict: Option<Error> = None;
    let (mut servers, mut before) = (cluster.servers(), 0);
    loop {
        attempt += 1;
        let done = match once(destination, Arc::clone(&servers), &keys, deadline, &mut body) {
            Ended::Conflict(error) => {
                if attempt == ATTEMPTS || !pause(attempt, deadline) {
                    return Err(error.with_note(&format!("{attempt} attempts were made")));
                }
                (conflict, servers) = (Some(error), cluster.servers());
                continue;
            }
            Ended::Failed(error) => match cluster.goes_to_new_master(&mut servers, &mut before, error, deadline) {
                Ok(()) => continue,
                Err(error) => Err(error),
            },
            Ended::With(done) => done.map_err(|error| error.attempts_after(before)),
        };
        return done.map_err(|error| {
            let too_late = error.kind() == ErrorKind::Timeout && error.outcome() == Outcome::NotApplied;
            match conflict {
                // The time went into the attempts before.
                Some(conflict) if too_late && deadline.left().is_err() => {
                    conflict.with_note(&format!("{attempt} attempts were made, and in the last one {error}"))
                }
                _ => error,
            }
        });
    }
}

fn once<T>(
    destination: &Destination,
    servers: Arc<Servers>,
    keys: &Cmd,
    deadline: Deadline,
    body: impl FnOnce(&mut Watched) -> Result<T>,
) -> Ended<T> {
    let mut watched = match Watched::begin::<()>(destination, servers, keys, deadline) {
        Ok(watched) => watched,
        Err(error) => return Ended::Failed(error),
    };
    match (body(&mut watched), watched.state) {
        // Another error of the closure is its own, whatever came before it.
        (Err(error), State::Conflict) if error.kind() == ErrorKind::Conflict => Ended::Conflict(watched.conflict()),
        (result, _) => {
            let failed = watched.failed;
            watched.unwatch::<()>();
            match result {
                Err(error) if failed == Some(error.kind()) => Ended::Failed(error),
                result => Ended::With(result),
            }
        }
    }
}

/// Waits for a random time, so that those who met do not meet again. Not when that would end after the deadline.
#[inline]
fn pause(attempt: u32, deadline: Deadline) -> bool {
    let most = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
    let pause = jitter(most, chance());
    let in_time = deadline.left().is_ok_and(|left| left.map_or(true, |left| pause < left));
    if in_time {
        std::thread::sleep(pause);
    }
    in_time
}

impl Watched {
    /// Watches.
    fn begin<Here>(
        destination: &Destination,
        servers: Arc<Servers>,
        keys: &Cmd,
        deadline: Deadline,
    ) -> Result<Watched> {
        let named = |error: Error| error.with_command("WATCH");
        let (chosen, request) = destination.watch(&servers, keys).map_err(named)?;
        let lease = destination.cluster().tried(&servers.pools[chosen.server], "WATCH", deadline, || {
            let mut lease = destination.cluster().lend(&servers, chosen.server, deadline, None)?;
            lease.refuse_too_many_words(&request, deadline)?;
            let begun = multi_exec::begin(&mut lease, &request, "the reply to WATCH is not OK", deadline);
            begun.map_err(|error| error.at(lease.node()))?;
            Ok(lease)
        });
        let lease = lease.map_err(named);
        destination.cluster().writes_to(&servers, chosen.server);
        let (lease, destination) = (lease?, destination.clone());
        Ok(Watched {
            destination,
            servers,
            chosen: Some(chosen),
            lease,
            deadline,
            state: State::Watching,
            failed: None,
        })
    }

    /// Begins the transaction. It goes over the connection that watches, and is applied only when no watched key was
    /// changed. There can be one: after [`run`](Transaction::run) nothing is watched any more, and what else the
    /// closure tries is [`Refused`](ErrorKind::Refused).
    #[inline]
    pub fn transaction(&mut self) -> Transaction<'_> {
        Transaction { to: To::Watched(self, Watched::run::<()>), queue: Queue::new() }
    }

    /// What can be done only once.
    #[inline]
    fn still_watching(&self) -> Result<()> {
        match self.state {
            State::Watching => Ok(()),
            State::Over | State::Conflict => Err(Error::new(
                ErrorKind::Refused,
                Outcome::NotApplied,
                "comes after the transaction, when nothing is watched any more; nothing was sent",
            )),
        }
    }

    fn run<Here>(&mut self, queue: Queue) -> Result<TransactionReplies> {
        self.still_watching().map_err(|error| error.with_command("MULTI"))?;
        let (lease, deadline) = (&mut self.lease, self.deadline);
        let mut refusal = |cmd: &Cmd, row: RowRef| {
            let error = match lease.ask_encoded(cmd.as_bytes(), deadline) {
                Ok(_) => not_refused(),
                Err(error) if error.is_server() => error,
                Err(error) => error.with_outcome(Outcome::NotApplied),
            };
            named(error, &row, cmd.args(), lease)
        };
        let (prepared, slots) =
            queue.prepared::<()>(&self.destination, &self.servers, &mut self.chosen, &mut refusal)?;
        self.state = State::Over;
        let observed = self.destination.cluster().observed();
        let before = self.lease.bytes();
        let done = prepared.exec(&mut self.lease, self.deadline).and_then(|done| done.ok_or_else(|| self.conflict()));
        if let (Some(observed), Some(chosen)) = (observed, &self.chosen) {
            let now = self.lease.bytes();
            observed.visit(self.servers.topology.node(chosen.server));
            observed.add(now.0 - before.0, now.1 - before.1);
            observed.command("EXEC", done.as_ref().err());
        }
        match done {
            Ok(replies) => {
                Ok(TransactionReplies::new(slots, prepared.commands, Some(self.lease.shared_node()), replies))
            }
            Err(error) => {
                if error.kind() == ErrorKind::Conflict {
                    self.state = State::Conflict;
                }
                self.failed = Some(error.kind());
                Err(error)
            }
        }
    }

    #[inline]
    fn conflict(&self) -> Error {
        let message = "a watched key was changed by somebody else; nothing was applied";
        let error = Error::new(ErrorKind::Conflict, Outcome::NotApplied, message);
        error.with_command("EXEC").at(self.lease.node())
    }

    fn read<T: FromValue>(&mut self, cmd: &Cmd<T>) -> Result<T> {
        let (row, range) = self.ask::<()>(cmd.untyped())?;
        let lease = &mut self.lease;
        let converted = match (lease.take_bulk(&range), range) {
            (Some(bytes), _) => T::from_bulk(bytes),
            (None, range) => match lease.frame(range).value() {
                ValueRef::Error(text) => {
                    let error = Error::server(text);
                    self.failed = Some(error.kind());
                    Err(error)
                }
                value => T::from_value(value),
            },
        };
        converted.map_err(|error| named(error, &row, cmd.args(), lease))
    }

    /// Sends a command that only reads. Gives its row, and where its reply is.
    fn ask<Here>(&mut self, cmd: &Untyped) -> Result<(RowRef, Range<usize>)> {
        self.still_watching().map_err(|error| error.with_command(cmd.name()))?;
        let mut request = Vec::new();
        let (destination, servers) = (&self.destination, &self.servers);
        let row = match destination.accept::<()>(servers, cmd, &mut self.chosen, &mut request) {
            Ok(row) => row,
            Err(error) => {
                // The server says what is wrong with it.
                request.extend_from_slice(cmd.args().as_bytes());
                destination.refused_for_its_keys(cmd).ok_or(error)?
            }
        };
        let refused = |message: &'static str| {
            let error = Error::new(ErrorKind::Refused, Outcome::NotApplied, message);
            Err(error.with_command(row.spec.name_of(cmd.args())))
        };
        if row.wait(cmd.args()) != Wait::None {
            return refused("waits for data, and meanwhile nobody else could use the connection; nothing was sent");
        }
        if row.spec.access != Access::Read {
            return refused(
                "may change data, and that is not undone when the transaction is not applied; queue it in \
                 `Watched::transaction`; nothing was sent",
            );
        }
        let taken = self.lease.refuse_too_many_words(&request, self.deadline);
        match taken.and_then(|()| self.lease.exchange(&request, self.deadline)) {
            Ok(range) => Ok((row, range)),
            Err(error) => {
                self.failed = Some(error.kind());
                Err(named(error.with_outcome(Outcome::NotApplied), &row, cmd.args(), &self.lease))
            }
        }
    }

    /// Gives the connection back, watching nothing.
    fn unwatch<Here>(mut self) {
        if self.lease.stateful() {
            // Nobody has to be told where it fails.
            let _ = multi_exec::leave(&mut self.lease, &[b"UNWATCH"], self.deadline);
        }
    }
}

/// The error of a command, with its name and its node.
#[inline]
fn named(error: Error, row: &RowRef, args: &Args, lease: &Lease) -> Error {
    error.with_command(row.spec.name_of(args)).with_node(|| lease.node().to_string())
}

impl Execute for &mut Watched {
    type Output<T: FromValue> = Result<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<T> {
        self.read(&cmd)
    }
}

impl fmt::Debug for Watched {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("node", self.lease.node()).field("state", &self.state).finish_non_exhaustive()
    }
}
