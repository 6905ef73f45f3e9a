//! Whether a connection that lay unused still leads to its server.

use super::connection::{Connection, FRESH};
use super::deadline::Deadline;
use crate::command::Wait;
use crate::error::{Error, Outcome, Phase, Result};
use crate::resp::ValueRef;
use std::io::ErrorKind;
use std::time::Duration;

/// As often a connection is read from in one look, so that a server that never stops does not keep the caller.
const READS: usize = 64;
/// The longest time for an answer to `PING`. Short of what counts as the silence of a server: that nothing comes over a
/// connection which lay unused says nothing of its server.
const PATIENCE: Duration = Duration::from_millis(800);

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

    /// Whether its server still answers over it, where it lay unused for so long that this is worth a round trip.
    ///
    /// The way to a server can end without a word: its host is gone, or something in between has forgotten a connection
    /// on which nothing was sent. Then no look at the socket tells, and what is sent is lost. The system would find it
    /// out by keepalive, which std cannot set.
    pub(super) fn still_answers(&mut self, deadline: Deadline) -> bool {
        if self.lay() < self.settings.check_after {
            return true;
        }
        let patience = match deadline.left() {
            // Most of it is for the command, which may need a new connection.
            Ok(left) => left.map_or(PATIENCE, |left| PATIENCE.min(left / 4)),
            Err(_) => return true,
        };
        match self.ask(&[b"PING"], deadline.within(patience).waiting(Wait::None)) {
            Ok(_) => true,
            // A user who may not PING; the server has answered.
            Err(error) => error.is_server() && self.is_reusable(),
        }
    }
}
