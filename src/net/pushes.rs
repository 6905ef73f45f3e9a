//! Messages of a server that answer no command: handed on to who wants them, else passed over.

use super::connection::Connection;
use crate::error::{Error, Outcome, Phase, Result};
use std::ops::Range;

impl Connection {
    /// Hands on the message that lies at `range`.
    pub(super) fn server_push(&self, range: Range<usize>) {
        self.settings.pushes.server_push(self.node(), self.decoder.frame(range));
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
