//! A connection in two halves, for what is no conversation of one command and one reply.

use super::connection::Connection;
use super::deadline::Deadline;
use super::read_half::ReadHalf;
use super::stream::Stream;
use crate::error::{Error, Outcome, Phase, Result};
use crate::resp::Frame;
use crate::topology::Node;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a server says over a connection of one's own, value by value: [`Connection::into_halves`] gives it.
pub struct ConnectionReader {
    incoming: ReadHalf,
    node: Arc<Node>,
}

/// What is sent over a connection of one's own, as bytes: [`Connection::into_halves`] gives it.
pub struct ConnectionWriter {
    stream: Stream,
    node: Arc<Node>,
}

impl Connection {
    /// Takes the connection apart into what is read from and what is written to, each for a thread of its own: for
    /// `MONITOR`, for subscriptions without a [`Subscriber`](crate::Subscriber), for pushes, and for requests that are
    /// sent without waiting for replies. From then on nobody counts which reply belongs to which request.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// # let address = cluster.topology().servers().next().expect("a server").1.address().to_string();
    /// use rediscluster::prelude::*;
    /// use rediscluster::resp::ValueRef;
    /// use std::time::Duration;
    ///
    /// let (mut reader, mut writer) = Cluster::builder().open(&address)?.into_halves();
    /// let patience = Duration::from_secs(10);
    /// writer.write_all(cmd("SUBSCRIBE").arg("news").as_bytes(), patience)?;
    /// writer.write_all(b"PING\r\n", patience)?;
    /// let confirmed = reader.next_timeout(patience)?.expect("an answer within ten seconds");
    /// assert!(matches!(confirmed.value(), ValueRef::Array(_)));
    /// assert!(reader.next_timeout(patience)?.is_some());
    /// assert!(reader.next_timeout(Duration::ZERO)?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn into_halves(self) -> (ConnectionReader, ConnectionWriter) {
        let node = Arc::new(self.node().clone());
        let (incoming, stream) = self.split();
        (ConnectionReader { incoming, node: Arc::clone(&node) }, ConnectionWriter { stream, node })
    }
}

impl ConnectionReader {
    /// The next value, replies and messages alike, waiting at most this long for it: `Ok(None)` when none came whole
    /// in that time. A timeout of zero gives what has come already.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the connection has ended, [`Protocol`](crate::ErrorKind::Protocol) for bytes that
    /// are not RESP. After either nothing comes any more. An error reply is a value.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>> {
        match self.incoming.next_within(Deadline::after(timeout)) {
            Ok(Some(range)) => Ok(Some(self.incoming.frame(range))),
            Ok(None) => Ok(None),
            Err(error) => Err(error.at(&*self.node)),
        }
    }

    /// The server at the other end.
    pub fn node(&self) -> &Node {
        &self.node
    }
}

impl ConnectionWriter {
    /// Writes bytes, one request or many, within this time.
    ///
    /// # Errors
    /// [`Timeout`](crate::ErrorKind::Timeout) and [`Io`](crate::ErrorKind::Io). A part of the bytes may have been sent, so the
    /// outcome is [`Unknown`](Outcome::Unknown), and the connection is of no more use.
    pub fn write_all(&mut self, bytes: &[u8], timeout: Duration) -> Result<()> {
        self.stream.write_all(bytes, Deadline::after(timeout)).map_err(|(_, error)| {
            Error::io(error, Outcome::Unknown, "sending requests").in_phase(Phase::Send).at(&*self.node)
        })
    }

    /// Ends the connection for both halves, without waiting. A thread that reads meanwhile comes back with an error.
    pub fn close(&self) {
        self.stream.close();
    }
}

impl fmt::Debug for ConnectionReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionReader").field("node", &self.node).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConnectionWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionWriter").field("node", &self.node).finish_non_exhaustive()
    }
}
