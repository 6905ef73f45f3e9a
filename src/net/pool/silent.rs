//! New connections to a server of which it is in doubt whether it answers.

use super::{Pool, State};
use crate::command::Wait;
use crate::error::{Outcome, Phase, Result};
use crate::net::breaker::BreakerState;
use crate::net::connection::Connection;
use crate::net::deadline::Deadline;
use std::time::Instant;

impl Pool {
    /// Fails unless it is time to try a silent server, and it answers. It is asked on a new connection, which may be more
    /// than are allowed at other times, and nothing of the caller's is sent: so nothing of that can be left in doubt.
    pub(super) fn try_silent(&self, deadline: Deadline) -> Result<()> {
        let (tried, patience) = (Instant::now(), self.settings.connect_timeout);
        let deadline = deadline.within(patience).waiting(Wait::None);
        // The try ends at the deadline of its call, which may be sooner than the time for connecting.
        let may_take = deadline.left().ok().flatten().unwrap_or(patience);
        match self.silence().take_turn(may_take) {
            BreakerState::Closed => return Ok(()),
            BreakerState::Open => return Err(self.silence().error()),
            BreakerState::HalfOpen => {}
        }
        match self.begin_answering(deadline) {
            Ok(connection) => self.keep(connection),
            Err(error) if error.is_server() => self.silence().end(),
            Err(error) if error.is_timeout() => {
                self.silence().goes_on(tried, patience);
                return Err(self.silence().error());
            }
            Err(error) => {
                self.silence().end();
                return Err(error);
            }
        }
        Ok(())
    }

    /// A new connection over which its server has said something, within the time for connecting.
    pub(super) fn begin_answering(&self, deadline: Deadline) -> Result<Box<Connection>> {
        let deadline = deadline.within(self.settings.connect_timeout).waiting(Wait::None);
        let mut connection = self.begin(deadline)?;
        // Without a handshake there was no word of it yet. Whatever it says is one.
        let has_spoken = connection.bytes().1 > 0;
        match if has_spoken { Ok(()) } else { connection.ask(&[b"PING"], deadline).map(drop) } {
            Err(error) if !error.is_server() => Err(error.in_phase(Phase::Handshake).with_outcome(Outcome::NotApplied)),
            _ => Ok(connection),
        }
    }

    /// Puts a connection that was not counted among the idle ones, if there is room.
    fn keep(&self, mut connection: Box<Connection>) {
        connection.rest();
        self.leave_to_parent();
        let mut state = self.state();
        if state.open < self.settings.pool_size {
            state.open += 1;
            state.idle.push(connection);
            State::wake_first_if_room(state, self.settings.pool_size);
        }
    }
}
