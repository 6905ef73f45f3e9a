//! What came of the commands of a pipeline.

use super::node_replies::NodeReplies;
use super::{first_failure, Slot, Slots};
use super::{Command, Place, Progress};
use crate::error::{Error, Outcome, Result};
use crate::from_value::FromValue;
use crate::resp::{Frame, Value, ValueRef};
use std::fmt;

/// What came of the commands of a [`Pipeline`](super::Pipeline), in their order.
pub struct Replies {
    slots: Slots,
    commands: Vec<Command>,
    /// By stage and by shard.
    nodes: Vec<Vec<NodeReplies>>,
    /// Whether it is certain that no command failed.
    is_well: bool,
}

impl Replies {
    #[inline]
    pub(super) fn new(slots: Slots, commands: Vec<Command>, nodes: Vec<Vec<NodeReplies>>, has_others: bool) -> Replies {
        let is_failed = |command: &Command| matches!(command.progress(), Some(Progress::Failed(_)));
        let has_failed = has_others && commands.iter().any(is_failed);
        let is_well = !has_failed && nodes.iter().flatten().all(NodeReplies::is_well);
        Replies { slots, commands, nodes, is_well }
    }

    /// How many commands there were.
    #[inline]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there were none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// What came of the command that gave this slot.
    ///
    /// # Errors
    /// What the command met, with its own outcome; [`Reply`](crate::ErrorKind::Reply) when its reply does not fit the
    /// type; [`Argument`](crate::ErrorKind::Argument) for a slot of another pipeline.
    pub fn get<T: FromValue>(&self, slot: Slot<T>) -> Result<T> {
        self.converted(self.slots.index_of(&slot)?)
    }

    /// What came of every command, in their order, as it came.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut pipeline = cluster.pipeline();
    /// for number in 0..100 {
    ///     pipeline.set(format!("key:{number}"), number);
    /// }
    /// let failed = pipeline.run_each().values().filter(|reply| reply.is_err()).count();
    /// assert_eq!(failed, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn values(&self) -> impl ExactSizeIterator<Item = Result<Value>> + '_ {
        (0..self.len()).map(|index| self.converted(index))
    }

    #[inline]
    fn converted<T: FromValue>(&self, index: usize) -> Result<T> {
        T::from_value(self.reply(index)?).map_err(|error| self.misfit(index, error))
    }

    /// The error for a reply that does not fit its type. The command ran, also when the error is one inside of what it
    /// gave, such as a script may.
    #[cold]
    #[inline(never)]
    fn misfit(&self, index: usize, error: Error) -> Error {
        let command = &self.commands[index];
        let node = match command {
            Command::OneRequest { place, .. } => self.nodes_of(*place).node(place.number),
            Command::Other(other) => match other.progress {
                Progress::OneNode(place) => self.nodes_of(place).node(place.number),
                _ => None,
            },
        };
        let error = error.with_outcome(Outcome::Applied).with_command(command.name());
        match node {
            Some(node) => error.with_node(|| node.to_owned()),
            None => error,
        }
    }

    /// The reply to a command. An error reply is an error.
    #[inline]
    fn reply(&self, index: usize) -> Result<ValueRef<'_>> {
        let command = &self.commands[index];
        let (about, place) = match command {
            Command::OneRequest { about, place, .. } => (*about, *place),
            Command::Other(other) => match &other.progress {
                Progress::OneNode(place) => (other.about, *place),
                Progress::Replied(bytes) => return Ok(Frame::trusted(bytes).value()),
                Progress::Failed(error) => return Err(error.clone()),
                Progress::SeveralNodes(_) | Progress::ByItself(_) => {
                    return Err(Error::reply("the command did not run"));
                }
            },
        };
        let reply = self.nodes_of(place).value(place.number, about.is_read);
        reply.map_err(|error| command.failed_with(error))
    }

    #[inline]
    fn nodes_of(&self, place: Place) -> &NodeReplies {
        &self.nodes[place.stage][place.shard]
    }

    /// How many commands failed.
    #[inline]
    pub(super) fn failed(&self) -> usize {
        match self.is_well {
            true => 0,
            false => (0..self.len()).filter(|&index| self.reply(index).is_err()).count(),
        }
    }

    /// The first failure of each node.
    #[inline]
    pub(super) fn failures_by_node(&self) -> Vec<Error> {
        let mut first: Vec<Error> = Vec::new();
        if self.is_well {
            return first;
        }
        for index in 0..self.len() {
            if let Err(error) = self.reply(index) {
                if !first.iter().any(|known| known.node() == error.node()) {
                    first.push(error);
                }
            }
        }
        first
    }

    /// One error for all commands that failed.
    #[inline]
    pub(super) fn failure(&self) -> Option<Error> {
        if self.is_well {
            return None;
        }
        let done = |index: usize| self.reply(index).map(|_| self.commands[index].about().is_read);
        first_failure(self.len(), "a pipeline", &done)
    }
}

impl fmt::Debug for Replies {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("commands", &self.commands.len()).finish_non_exhaustive()
    }
}
