//! How far a call had come when it failed.

use super::{Error, ErrorKind};
use std::fmt;

/// How far a call had come at the server that failed it: see [`Error::phase`]. In the order in which a call goes through
/// them.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// It waited for a connection of the pool.
    Pool,
    /// A connection was to be made.
    Connect,
    /// The connection was made ready, and nothing of the command was sent: `HELLO`, `AUTH`, `CLIENT SETNAME`, `SELECT`,
    /// and what a replica is asked before it serves a read.
    Handshake,
    /// The command was being sent.
    Send,
    /// The command was sent, and its reply was waited for or read. That the server refused is a reply as well.
    Receive,
}

impl fmt::Display for Phase {
    /// One word in lower case, such as `connect`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Pool => "pool",
            Phase::Connect => "connect",
            Phase::Handshake => "handshake",
            Phase::Send => "send",
            Phase::Receive => "receive",
        })
    }
}

impl Error {
    /// How far the call had come at the [node](Error::node) that failed it; `None` when it did not fail at a server, as a
    /// mistake in a configuration or a wait that was ended.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ErrorKind, Phase};
    ///
    /// # rediscluster_testing::example(|cluster| {
    /// cluster.set("foo", "bar")?;
    /// let error = cluster.lpush("foo", ["x"]).unwrap_err();
    /// assert_eq!((error.kind(), error.phase()), (ErrorKind::WrongType, Some(Phase::Receive)));
    ///
    /// let error = Cluster::builder().node("node_1", "127.0.0.1:1").connect().unwrap_err();
    /// assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Some(Phase::Connect)));
    /// # Ok(()) });
    /// ```
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase.or(match self.0.kind {
            ErrorKind::PoolTimeout => Some(Phase::Pool),
            ErrorKind::Connect => Some(Phase::Connect),
            ErrorKind::Protocol | ErrorKind::Reply => Some(Phase::Receive),
            _ if self.is_server() => Some(Phase::Receive),
            _ => None,
        })
    }

    /// Says how far the call had come, where its kind does not tell.
    pub(crate) fn in_phase(mut self, phase: Phase) -> Error {
        self.change().phase = Some(phase);
        self
    }
}
