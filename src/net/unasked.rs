//! What a server sends or does while nothing is asked of it.

use super::connection::{Connection, FRESH};
use crate::error::{Error, Outcome, Phase, Result};
use crate::resp::ValueRef;
use std::io::ErrorKind;

/// As often a connection is read from in one look, so that a server that never stops does not keep the caller.
const READS: usize = 64;

impl Connection {
    /// Looks whether the server has hung up since it was last heard, as far as a look is worth its system calls: what is
    /// sent after that would be left in doubt. Messages that came meanwhile are passed over.
    ///
    /// # Errors
    /// When it has, and nothing was sent.
    pub(crate) fn look(&mut self) -> Result<()> {
        if self.is_broken() || self.heard.elapsed() < FRESH {
            return Ok(());
        }
        for _ in 0..READS {
            let error = match self.stream.read_at_once(self.decoder.space()) {
                Ok(0) => ErrorKind::UnexpectedEof.into(),
                Ok(count) => {
                    self.took(count);
                    if let Some(said) = self.farewell() {
                        return Err(self.close(said));
                    }
                    self.pass_over_pushes()?;
                    continue;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let error = Error::io(error, Outcome::NotApplied, "it lay unused").in_phase(Phase::Send);
            return Err(self.close(error));
        }
        Ok(())
    }

    /// Why the server is about to hang up, such as that it has too many clients, when it has said so.
    fn farewell(&mut self) -> Option<Error> {
        if self.decoder.first_byte() != Some(b'-') {
            return None;
        }
        match self.decoder.decode().ok()??.value() {
            ValueRef::Error(text) => Some(Error::server(text).with_outcome(Outcome::NotApplied).in_phase(Phase::Send)),
            _ => None,
        }
    }

    /// Passes over messages that answer no command, such as that a key which the server tracks has changed. Of one that
    /// has not come whole the rest is passed over with the next reply.
    ///
    /// # Errors
    /// When bytes came that are neither, which belong to nobody.
    pub(super) fn pass_over_pushes(&mut self) -> Result<()> {
        loop {
            match self.decoder.first_byte() {
                None => return Ok(()),
                Some(b'>') => match self.decoder.next_frame() {
                    Ok(Some(range)) => self.server_push(range),
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(self.close(error.with_outcome(Outcome::NotApplied).in_phase(Phase::Send))),
                },
                Some(_) => {
                    let error = Error::protocol("bytes came that nobody asked for").with_outcome(Outcome::NotApplied);
                    return Err(self.close(error.in_phase(Phase::Send)));
                }
            }
        }
    }
}
