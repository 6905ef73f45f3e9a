//! Whether a connection that lay unused for long still leads to its server.

use super::connection::Connection;
use super::stream::Deadline;
use crate::command::Wait;
use std::time::Duration;

/// The longest time for an answer to `PING`. Short of what counts as the silence of a server: that nothing comes over a
/// connection which lay unused says nothing of its server.
const PATIENCE: Duration = Duration::from_millis(800);

impl Connection {
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
