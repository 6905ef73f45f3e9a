//! What the commands of a transaction replied.

use super::queue::{nth, QueuedCommand};
use crate::error::{Error, Outcome, Result};
use crate::from_value::FromValue;
use crate::pipeline::{first_failure, Slot, Slots};
use crate::resp::{Frame, ValueRef};
use crate::topology::Node;
use std::fmt;
use std::sync::Arc;

/// The replies to the commands of a [`Transaction`](super::Transaction) that was applied: one for each [`Slot`].
pub struct TransactionReplies {
    slots: Slots,
    commands: Vec<QueuedCommand>,
    /// The server that ran it.
    node: Option<Arc<Node>>,
    /// What `EXEC` gave, as it came.
    bytes: Vec<u8>,
}

impl TransactionReplies {
    /// Those of a transaction without commands.
    #[inline]
    pub(super) fn none() -> TransactionReplies {
        TransactionReplies { slots: Slots::new(), commands: Vec::new(), node: None, bytes: Vec::new() }
    }

    /// Those that lie in one array.
    #[inline]
    pub(super) fn new(
        slots: Slots,
        mut commands: Vec<QueuedCommand>,
        node: Option<Arc<Node>>,
        bytes: Vec<u8>,
    ) -> TransactionReplies {
        if let ValueRef::Array(mut items) = Frame::trusted(&bytes).value() {
            for command in &mut commands {
                // The array is the last thing in there.
                command.reply_at = bytes.len() - items.rest().len();
                items.pass();
            }
        }
        TransactionReplies { slots, commands, node, bytes }
    }

    /// What the command of a slot gave, as the method that queued it says.
    ///
    /// # Errors
    /// What the server said to this command while the transaction ran, such as
    /// [`WrongType`](crate::ErrorKind::WrongType): this one was not applied, and the others were. What a script wrote
    /// before it failed stays written, so its outcome is [`Unknown`](crate::Outcome::Unknown) then.
    /// [`Reply`](crate::ErrorKind::Reply) when the reply does not fit the type that was asked for.
    /// [`Argument`](crate::ErrorKind::Argument) for a slot of another transaction.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// cluster.set("name:7{7}", "ada")?;
    /// let mut transaction = cluster.transaction();
    /// let (wrong, right) = (transaction.incr("name:7{7}"), transaction.incr("age:7{7}"));
    /// let replies = transaction.run_each()?;
    /// assert_eq!(replies.get(right)?, 1);
    /// assert_eq!(replies.get(wrong).unwrap_err().kind(), ErrorKind::Server);
    /// # Ok(()) });
    /// ```
    pub fn get<T: FromValue>(&self, slot: Slot<T>) -> Result<T> {
        let at = self.slots.index_of(&slot)?;
        T::from_value(self.reply(at)?).map_err(|error| self.misfit(at, error))
    }

    /// The error for a reply that does not fit its type. The command ran, also when the error is one inside of what it
    /// gave, such as a script may.
    #[cold]
    #[inline(never)]
    fn misfit(&self, at: usize, error: Error) -> Error {
        self.of_node(nth(&self.commands, at).named(error.with_outcome(Outcome::Applied)))
    }

    /// One error for all commands that failed.
    #[inline]
    pub(super) fn failure(&self) -> Option<Error> {
        first_failure(self.len(), "a transaction", &|at| self.reply(at).map(|_| nth(&self.commands, at).is_read))
    }

    /// How many replies there are: one for each command.
    #[inline]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether the transaction had no commands.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// A reply that is no error.
    #[inline]
    fn reply(&self, at: usize) -> Result<ValueRef<'_>> {
        let command = nth(&self.commands, at);
        match Frame::trusted(&self.bytes[command.reply_at..]).value() {
            ValueRef::Error(text) => Err(self.of_node(command.refused(text))),
            value => Ok(value),
        }
    }

    #[inline]
    fn of_node(&self, error: Error) -> Error {
        match &self.node {
            Some(node) => error.at(&**node),
            None => error,
        }
    }
}

impl fmt::Debug for TransactionReplies {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.as_ref().map_or_else(String::new, |node| node.to_string());
        f.debug_struct("TransactionReplies").field("node", &node).field("replies", &self.len()).finish()
    }
}
