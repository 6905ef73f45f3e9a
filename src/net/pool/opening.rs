//! New connections to the server of a pool.

use super::Pool;
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::connection::{Connection, Watch};
use crate::net::{Deadline, Stream};
use crate::topology::info::Info;
use std::sync::atomic::Ordering;

impl Pool {
    /// A connection that is to be counted among those that were begun. Its server has been asked who it is: one that was
    /// the master and came back as a replica would give old data, and nothing else would tell.
    pub(super) fn begin(&self, deadline: Deadline) -> Result<Box<Connection>> {
        self.state().counts.opened += 1;
        let connection = self.open_to(deadline, true, &mut |_| {})?;
        match &connection.said {
            Some(said) if self.is_master.load(Ordering::Acquire) && said.role == "slave" => {
                let message = "the master of this node is a replica now";
                let error = Error::new(ErrorKind::ReadOnly, Outcome::NotApplied, message).in_phase(Phase::Handshake);
                Err(self.error(error))
            }
            _ => Ok(connection),
        }
    }

    /// Who its server is, over a connection that the pool does not count: nothing is waited for but the server.
    pub(crate) fn who(&self, deadline: Deadline) -> Result<Info> {
        if self.silence().is_on() {
            return Err(self.silence().error());
        }
        let mut connection = self.open_to(deadline, true, &mut |_| {})?;
        match connection.take_said() {
            Some(said) => Ok(said),
            None => connection.ask_who(deadline),
        }
    }

    /// A connection that the pool does not count: for a word to a server while all others may be waiting.
    pub(crate) fn open(&self, deadline: Deadline) -> Result<Box<Connection>> {
        self.open_to(deadline, false, &mut |_| {})
    }

    /// As [`open`](Pool::open); `opened` is given the socket as [`Connection::open_watched`] does it.
    pub(crate) fn open_watched(&self, deadline: Deadline, opened: impl FnOnce(Stream)) -> Result<Box<Connection>> {
        let mut opened = Some(opened);
        self.open_to(deadline, false, &mut |socket| {
            if let Some(opened) = opened.take() {
                opened(socket);
            }
        })
    }

    fn open_to(&self, deadline: Deadline, asks_who: bool, opened: &mut dyn FnMut(Stream)) -> Result<Box<Connection>> {
        let is_unreached = self.unreached.is_on();
        let watch = Watch { silence: Some(self.silence()), asks_who: asks_who || is_unreached, is_bare: false };
        let node = self.node();
        let mut connection = Connection::open_watched(&node, &self.endpoint, &self.settings, deadline, watch, opened)?;
        if is_unreached {
            self.unreached.check(&mut connection, deadline)?;
            self.has_been_reached();
        }
        Ok(connection)
    }
}
