//! Replies that come over a connection.

use super::{was_closed, Connection};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::deadline::Time;
use crate::net::Deadline;
use crate::resp::Frame;
use std::ops::Range;
use std::time::{Duration, Instant};

impl Connection {
    /// The next reply, borrowed from the read buffer. Messages that answer no command are passed over.
    pub(crate) fn receive(&mut self, deadline: Deadline) -> Result<Frame<'_>> {
        let range = self.receive_range(deadline)?;
        Ok(self.decoder.frame(range))
    }

    /// Like [`receive`](Connection::receive), giving where the reply lies: until the next request it stays there.
    #[inline]
    pub(crate) fn receive_range(&mut self, deadline: Deadline) -> Result<Range<usize>> {
        match self.short_reply() {
            Some(range) => Ok(range),
            None => self.receive_in(None, deadline),
        }
    }

    /// The next reply, where it has come whole and is short; `None` says nothing of what there is.
    #[inline]
    pub(in crate::net) fn short_reply(&mut self) -> Option<Range<usize>> {
        if self.broken {
            return None;
        }
        let range = self.decoder.short_frame()?;
        self.unanswered -= 1;
        self.rested = false;
        Some(range)
    }

    /// The same, with what is left of the time where that is known.
    pub(super) fn receive_in(&mut self, mut left: Option<Time>, deadline: Deadline) -> Result<Range<usize>> {
        loop {
            if self.decoder.pending() > 0 || self.broken {
                if let Some(range) = self.reply_at_hand()? {
                    return Ok(range);
                }
            }
            let left = left.take().unwrap_or_else(|| deadline.time());
            match self.stream.read_in(self.decoder.space(), left, deadline) {
                Ok(count) => self.took(count),
                Err(error) => return Err(self.not_read(error, deadline)),
            }
        }
    }

    /// As [`receive_range`](Connection::receive_range), waiting no longer than `slice`: that nothing came by then is no
    /// failure, unless the deadline has passed.
    #[inline]
    pub(crate) fn receive_within(&mut self, slice: Duration, deadline: Deadline) -> Result<Option<Range<usize>>> {
        match self.short_reply() {
            Some(range) => Ok(Some(range)),
            None => self.receive_any_within(slice, deadline),
        }
    }

    fn receive_any_within(&mut self, slice: Duration, deadline: Deadline) -> Result<Option<Range<usize>>> {
        let Ok(Some(_)) = deadline.left() else { return self.receive_range(deadline).map(Some) };
        let end = deadline.within(slice);
        loop {
            if let Some(range) = self.reply_at_hand()? {
                return Ok(Some(range));
            }
            match self.stream.read(self.decoder.space(), end) {
                Ok(count) => self.took(count),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Ok(None),
                Err(error) => return Err(self.not_read(error, deadline)),
            }
        }
    }

    /// Bytes have come into the space of the decoder.
    #[inline]
    pub(in crate::net) fn took(&mut self, count: usize) {
        self.decoder.advance(count);
        self.received += count as u64;
        self.heard = Instant::now();
        if let Some(silence) = &self.silence {
            if silence.is_on() || self.heard >= self.tell_from {
                silence.heard(self.heard);
                self.tell_from = self.heard.checked_add(self.fresh[1]).unwrap_or(self.heard);
            }
        }
    }

    /// The next reply, if it has been received whole.
    pub(super) fn reply_at_hand(&mut self) -> Result<Option<Range<usize>>> {
        if self.broken {
            return Err(was_closed(Outcome::Unknown, Phase::Receive));
        }
        loop {
            match self.decoder.next_frame() {
                Ok(Some(range)) if self.decoder.frame(range.clone()).is_push() => self.server_push(range),
                Ok(Some(range)) => {
                    self.unanswered -= 1;
                    self.rested = false;
                    return Ok(Some(range));
                }
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.close(error)),
            }
        }
    }

    pub(super) fn not_read(&mut self, error: std::io::Error, deadline: Deadline) -> Error {
        let mut error = Error::io(error, Outcome::Unknown, "waiting for the reply").in_phase(Phase::Receive);
        let is_plain = self.settings.connector.is_none() && self.node.address().unix_path().is_none();
        if is_plain && self.received == 0 && error.kind() == ErrorKind::Io {
            error = error.with_note("it has not said a word; a port with TLS does so, and needs rediss://");
        }
        self.timed_out(&error, deadline);
        self.close(error)
    }
}
