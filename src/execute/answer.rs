//! The reply to a command, wherever it lies.

use crate::error::Result;
use crate::from_value::FromValue;
use crate::net::{Lease, Replies};
use crate::resp::Frame;
use std::ops::Range;
use std::sync::Arc;

/// A reply.
pub(crate) enum Answer {
    /// Where it lies in its connection's read buffer.
    Held(Lease, Range<usize>),
    /// Without the connection, and which server gave it.
    Copied(Vec<u8>, String),
    /// Among those of other calls that came over the same connection.
    Gathered(Arc<Replies>, Range<usize>),
    /// Made of several.
    Merged(Vec<u8>),
}

/// What a reply says.
pub(crate) enum Content<'a> {
    Value(Frame<'a>),
    /// One string so large that copying it would tell.
    Bulk(Vec<u8>),
}

impl Content<'_> {
    /// What was asked for.
    #[inline]
    pub(crate) fn convert<T: FromValue>(self) -> Result<T> {
        match self {
            Content::Value(frame) => T::from_value(frame.value()),
            Content::Bulk(bytes) => T::from_bulk(bytes),
        }
    }
}

impl Answer {
    #[inline]
    pub(crate) fn frame(&self) -> Frame<'_> {
        match self {
            Answer::Held(lease, range) => lease.frame(range.clone()),
            Answer::Gathered(replies, range) => replies.frame(range.clone()),
            Answer::Copied(bytes, _) | Answer::Merged(bytes) => Frame::trusted(bytes),
        }
    }

    /// What it says.
    #[inline]
    pub(crate) fn content(&mut self) -> Content<'_> {
        if let Answer::Held(lease, range) = self {
            if let Some(bytes) = lease.take_bulk(range) {
                return Content::Bulk(bytes);
            }
        }
        Content::Value(self.frame())
    }

    /// Lets go of its connection, which others can have from now on.
    pub(crate) fn let_go(&mut self) {
        if let Answer::Held(lease, range) = self {
            *self = Answer::Copied(lease.frame(range.clone()).as_bytes().to_vec(), lease.node().to_string());
        }
    }

    /// Which server gave it, where one did.
    pub(crate) fn node(&self) -> Option<String> {
        match self {
            Answer::Held(lease, _) => Some(lease.node().to_string()),
            Answer::Copied(_, node) => Some(node.clone()),
            Answer::Gathered(replies, _) => Some(replies.node().to_string()),
            Answer::Merged(_) => None,
        }
    }
}
