//! What the commands of a transaction replied.

use crate::convert::FromValue;
use crate::error::{Error, Result};
use crate::resp::{Frame, ValueRef};
use crate::slot::{Slot, Slots};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The replies to the commands of a [`Transaction`](super::Transaction) that was applied: one for each [`Slot`].
#[must_use = "a command may have failed while the others were applied: look at its slot, or at all by `check`"]
pub struct TransactionReplies {
    slots: Slots,
    names: Vec<Cow<'static, str>>,
    node: String,
    /// What `EXEC` gave, as it came.
    bytes: Vec<u8>,
    /// Where each reply lies.
    ranges: Vec<Range<usize>>,
}

impl TransactionReplies {
    /// Those of a transaction without commands.
    pub(super) fn none() -> TransactionReplies {
        let (names, bytes, ranges) = (Vec::new(), Vec::new(), Vec::new());
        TransactionReplies { slots: Slots::new(), names, node: String::new(), bytes, ranges }
    }

    /// Those that lie in one array.
    pub(super) fn new(slots: Slots, names: Vec<Cow<'static, str>>, node: String, bytes: Vec<u8>) -> TransactionReplies {
        let mut ranges = Vec::with_capacity(names.len());
        if let ValueRef::Array(mut items) = Frame::trusted(&bytes).value() {
            let mut end = 0;
            while let Some((_, raw)) = items.next_raw() {
                ranges.push(end..end + raw.len());
                end += raw.len();
            }
            // They end where the array ends; what is in front of the first one is the array's head.
            let head = bytes.len() - end;
            ranges.iter_mut().for_each(|range| *range = range.start + head..range.end + head);
        }
        TransactionReplies { slots, names, node, bytes, ranges }
    }

    /// What the command of a slot gave, as the method that queued it says.
    ///
    /// # Errors
    /// What the server said to this command while the transaction ran, such as
    /// [`WrongType`](crate::ErrorKind::WrongType): this one was not applied, and the others were.
    /// [`Reply`](crate::ErrorKind::Reply) when the reply does not fit the type that was asked for.
    /// [`Argument`](crate::ErrorKind::Argument) for a slot of another transaction.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// cluster.set("name{7}", "ada")?;
    /// let mut transaction = cluster.transaction();
    /// let (wrong, right) = (transaction.incr("name{7}"), transaction.incr("age{7}"));
    /// let replies = transaction.run()?;
    /// assert_eq!(replies.get(right)?, 1);
    /// assert_eq!(replies.get(wrong).unwrap_err().kind(), ErrorKind::Server);
    /// # Ok(()) });
    /// ```
    pub fn get<T: FromValue>(&self, slot: Slot<T>) -> Result<T> {
        let at = self.slots.index_of(&slot)?;
        self.ok(at).and_then(T::from_value).map_err(|error| self.told(at, error))
    }

    /// Whether every command succeeded.
    ///
    /// # Errors
    /// The error of the first one that did not; the others were applied.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut transaction = cluster.transaction();
    /// transaction.set("name{7}", "ada");
    /// transaction.incr("name{7}");
    /// let error = transaction.run()?.check().unwrap_err();
    /// assert_eq!(error.command(), Some("INCR"));
    /// assert_eq!(cluster.get::<_, String>("name{7}")?, "ada");
    /// # Ok(()) });
    /// ```
    pub fn check(&self) -> Result<()> {
        (0..self.len()).try_for_each(|at| self.ok(at).map(drop).map_err(|error| self.told(at, error)))
    }

    /// How many replies there are: one for each command.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether the transaction had no commands.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A reply that is no error.
    fn ok(&self, at: usize) -> Result<ValueRef<'_>> {
        match Frame::trusted(&self.bytes[self.ranges[at].clone()]).value() {
            ValueRef::Error(text) => Err(Error::server(text)),
            value => Ok(value),
        }
    }

    fn told(&self, at: usize, error: Error) -> Error {
        error.with_command(self.names[at].clone()).with_node(|| self.node.clone())
    }
}

impl fmt::Debug for TransactionReplies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionReplies").field("node", &self.node).field("replies", &self.len()).finish()
    }
}
