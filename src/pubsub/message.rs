//! What a subscriber hears.

use crate::error::{escape, Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::topology::Node;
use std::fmt;
use std::sync::Arc;

/// What a [`Subscriber`](crate::Subscriber) gives: messages, and what becomes of its connections.
#[non_exhaustive]
#[derive(Debug)]
pub enum Event {
    /// Somebody sent a message to a channel that is listened to.
    Message(Message),
    /// A connection broke, or its server is not the master of the node any more; it is made again. What is sent to the
    /// channels of this node until it is [`Reconnected`](Event::Reconnected) is lost: servers keep no messages.
    ///
    /// It comes once when a connection breaks. Attempts that fail are not told, but for a server that refuses, as a user
    /// whose rights were taken away: that is told once for each kind of refusal.
    #[non_exhaustive]
    Disconnected {
        /// The server.
        node: Node,
        /// Why.
        error: Error,
    },
    /// The node is listened to again, on everything that was listened to there before. Messages that come
    /// right behind the confirmation may be given before this.
    #[non_exhaustive]
    Reconnected {
        /// The server: the master that the node has now.
        node: Node,
    },
}

/// One message of a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub(super) node: Arc<Node>,
    pub(super) channel: Vec<u8>,
    pub(super) pattern: Option<Vec<u8>>,
    pub(super) sharded: bool,
    pub(super) payload: Vec<u8>,
}

impl Message {
    /// The channel that it was sent to, as the sender wrote it.
    #[inline]
    pub fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// The pattern that it fits, where it comes because of a pattern; `None` where it comes because of its channel.
    #[inline]
    pub fn pattern(&self) -> Option<&[u8]> {
        self.pattern.as_deref()
    }

    /// Whether it was sent by `SPUBLISH`, to a shard channel.
    #[inline]
    pub fn is_sharded(&self) -> bool {
        self.sharded
    }

    /// The server that sent it on.
    #[inline]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What was sent, as this type.
    ///
    /// # Errors
    /// [`Reply`](crate::ErrorKind::Reply) when it does not fit the type.
    pub fn payload<T: FromValue>(&self) -> Result<T> {
        T::from_value(ValueRef::Bulk(&self.payload)).map_err(|error| error.with_node(|| self.node.to_string()))
    }

    /// As [`payload`](Message::payload), without a copy for the types that keep the bytes.
    ///
    /// # Errors
    /// [`Reply`](crate::ErrorKind::Reply) when it does not fit the type.
    pub fn into_payload<T: FromValue>(self) -> Result<T> {
        T::from_bulk(self.payload).map_err(|error| error.with_node(|| self.node.to_string()))
    }

    /// What was sent, byte by byte.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Debug for Message {
    /// Shows how long the payload is and not what it is: it may be a secret.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Message");
        out.field("node", &self.node.name()).field("channel", &escape(&self.channel, 64));
        if let Some(pattern) = &self.pattern {
            out.field("pattern", &escape(pattern, 64));
        }
        out.field("payload", &format_args!("{} bytes", self.payload.len())).finish()
    }
}

impl Event {
    /// About as many bytes of memory as it takes.
    #[inline]
    pub(super) fn size(&self) -> usize {
        let held = match self {
            Event::Message(message) => {
                message.channel.len() + message.pattern.as_ref().map_or(0, Vec::len) + message.payload.len()
            }
            Event::Disconnected { .. } | Event::Reconnected { .. } => 256,
        };
        held + std::mem::size_of::<Event>()
    }
}
