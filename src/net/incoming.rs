//! The reading side of a connection that brings messages which answer no command.

use super::closing::Closing;
use super::silence::Silence;
use super::stream::{Deadline, Stream};
use crate::error::{Error, Outcome, Phase, Result};
use crate::observer::CloseReason;
use crate::resp::{Decoder, Frame};
use std::sync::Arc;
use std::time::Instant;

/// What a server sends, value by value. Somebody else may write to the socket meanwhile.
pub(crate) struct Incoming {
    stream: Stream,
    decoder: Decoder,
    closing: Option<Arc<Closing>>,
    silence: Option<Arc<Silence>>,
}

impl Incoming {
    pub(super) fn new(
        stream: Stream,
        decoder: Decoder,
        closing: Option<Arc<Closing>>,
        silence: Option<Arc<Silence>>,
    ) -> Incoming {
        Incoming { stream, decoder, closing, silence }
    }

    /// The next value that has come whole; `None` when more has to be waited for.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        self.decoder.decode()
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
