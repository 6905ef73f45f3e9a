//! New connections to the server of a pool.

use super::Pool;
use crate::cmd::Wait;
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::connection::{Connection, Watch};
use crate::net::{Deadline, Stream};
use crate::topology::info::Info;
use std::sync::atomic::Ordering;

impl Pool {
    /// A new connection over which its server has said something, within the time for connecting.
    pub(super) fn begin_answering(&self, deadline: Deadline) -> Result<Connection> {
        let deadline = deadline.within(self.settings.connect_timeout).waiting(Wait::None);
        let mut connection = self.begin(deadline)?;
        // Without a handshake there was no word of it yet. Whatever it says is one.
        let has_spoken = connection.bytes().1 > 0;
        match if has_spoken { Ok(()) } else { connection.ask(&[b"PING"], deadline).map(drop) } {
            Err(error) if !error.is_server() => Err(error.in_phase(Phase::Handshake).with_outcome(Outcome::NotApplied)),
            _ => Ok(connection),
        }
    }

    /// A connection that is to be counted among those that were begun. Its server has been asked who it is: one that was
    /// the master and came back as a replica would give old data, and nothing else would tell.
    pub(super) fn begin(&self, deadline: Deadline) -> Result<Connection> {
        self.state().counts.opened += 1;
        let connection = self.open_to(deadline, true, |_| {})?;
        match &connection.said {
            Some(said) if self.is_master.load(Ordering::Acquire) && said.role == "slave" => {
                let message = "the master of this node is a replica now";
                let error = Error::new(ErrorKind::ReadOnly, Outcome::NotApplied, message).in_phase(Phase::Handshake);
                Err(error.with_node(|| self.node().to_string()))
            }
            _ => Ok(connection),
        }
    }

    /// Who its server is, over a connection that the pool does not count: nothing is waited for but the server.
    pub(crate) fn who(&self, deadline: Deadline) -> Result<Info> {
        if self.silence().is_on() {
            return Err(self.silence().error());
        }
        let mut connection = self.open_to(deadline, true, |_| {})?;
        match connection.take_said() {
            Some(said) => Ok(said),
            None => connection.ask_who(deadline),
        }
    }

    /// A connection that the pool does not count: for a word to a server while all others may be waiting.
    pub(crate) fn open(&self, deadline: Deadline) -> Result<Connection> {
        self.open_watched(deadline, |_| {})
    }

    /// As [`open`](Pool::open); `opened` is given the socket as [`Connection::open_watched`] does it.
    pub(crate) fn open_watched(&self, deadline: Deadline, opened: impl FnOnce(Stream)) -> Result<Connection> {
        self.open_to(deadline, false, opened)
    }

    fn open_to(&self, deadline: Deadline, asks_who: bool, opened: impl FnOnce(Stream)) -> Result<Connection> {
        let is_unreached = self.unreached.is_on();
        let watch = Watch { silence: Some(self.silence()), asks_who: asks_who || is_unreached };
        let node = self.node();
        let mut connection = Connection::open_watched(&node, &self.endpoint, &self.settings, deadline, watch, opened)?;
        if is_unreached {
            self.unreached.check(&mut connection, deadline)?;
            self.has_been_reached();
        }
        Ok(connection)
    }
}
