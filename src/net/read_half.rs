//! The reading side of a connection that brings messages which answer no command.

use super::closing::Closing;
use super::deadline::Deadline;
use super::silence::Silence;
use super::stream::Stream;
use crate::error::{Error, Outcome, Phase, Result};
use crate::observer::CloseReason;
use crate::resp::{Decoder, Frame};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// What a server sends, value by value. Somebody else may write to the socket meanwhile.
pub(crate) struct ReadHalf {
    stream: Stream,
    decoder: Decoder,
    closing: Option<Arc<Closing>>,
    silence: Option<Arc<Silence>>,
}

impl ReadHalf {
    pub(super) fn new(
        stream: Stream,
        decoder: Decoder,
        closing: Option<Arc<Closing>>,
        silence: Option<Arc<Silence>>,
    ) -> ReadHalf {
        ReadHalf { stream, decoder, closing, silence }
    }

    /// The next value that has come whole; `None` when more has to be waited for.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        self.decoder.decode()
    }

    /// Where the next value lies, waiting for it until then; `None` when it has not come whole by then.
    pub(super) fn next_within(&mut self, deadline: Deadline) -> Result<Option<Range<usize>>> {
        self.stream.begin_wait();
        loop {
            if let Some(range) = self.decoder.next_frame()? {
                return Ok(Some(range));
            }
            if !self.wait(deadline)? {
                return Ok(None);
            }
        }
    }

    /// The value that lies at `range`.
    pub(super) fn frame(&self, range: Range<usize>) -> Frame<'_> {
        self.decoder.frame(range)
    }

    /// Says that this side has closed it, because it is not needed any more.
    pub(crate) fn release(mut self) {
        Closing::wanted(&mut self.closing);
    }

    /// Waits until more has come; false when the deadline passed before.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> Result<bool> {
        match self.stream.read(self.decoder.space(), deadline) {
            Ok(count) => {
                self.decoder.advance(count);
                if let Some(silence) = &self.silence {
                    silence.heard(Instant::now());
                }
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut && deadline.left().is_err() => Ok(false),
            Err(error) => {
                let error = Error::io(error, Outcome::NotApplied, "waiting for messages").in_phase(Phase::Receive);
                Closing::because(&mut self.closing, CloseReason::Failed(error.kind()));
                Err(error)
            }
        }
    }
}
