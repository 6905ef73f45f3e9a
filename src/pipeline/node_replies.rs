//! What came back from one node. Pure.

use crate::error::{Error, Outcome, Result};
use crate::resp::{Frame, ValueRef};

/// As many bytes has a short reply, such as that to a SET.
const SHORT: usize = 5;

/// What became of the requests of a node.
#[derive(Debug, Default)]
pub(super) struct NodeReplies {
    /// Replies as they came, one after the other.
    bytes: Vec<u8>,
    requests: Vec<Fate>,
    /// The servers that were asked, one after the other.
    servers: Vec<AskedServer>,
    /// Whether any reply may be an error.
    has_errors: bool,
    /// Why replies are missing.
    pub(super) failure: Option<Error>,
}

/// A server that was asked, and which attempt that was.
#[derive(Debug)]
struct AskedServer {
    node: String,
    attempt: u32,
}

/// What became of one request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    NotSent,
    /// It was sent whole and may have been applied; no reply came.
    Open,
    /// Where its reply lies, and which server gave it.
    Came {
        start: usize,
        end: usize,
        server: u32,
    },
}

impl NodeReplies {
    /// Of so many requests, none of which was sent yet.
    #[inline]
    pub(super) fn none(count: usize) -> NodeReplies {
        NodeReplies { requests: vec![Fate::NotSent; count], ..NodeReplies::default() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Says that this server is asked from here on.
    #[inline]
    pub(super) fn ask(&mut self, node: String, attempt: u32) {
        self.bytes.reserve(self.requests.len() * SHORT);
        self.servers.push(AskedServer { node, attempt });
    }

    /// Adds the reply to a request.
    #[inline]
    pub(super) fn add(&mut self, nth: usize, reply: &[u8]) {
        let server = self.servers.len().saturating_sub(1);
        self.add_from(nth, reply, server as u32);
    }

    #[inline]
    fn add_from(&mut self, nth: usize, reply: &[u8], server: u32) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(reply);
        // An error may have attributes in front of it.
        self.has_errors |= matches!(reply.first(), Some(b'-' | b'!' | b'|'));
        self.requests[nth] = Fate::Came { start, end: self.bytes.len(), server };
    }

    /// Says that a request without a reply may have been applied.
    #[inline]
    pub(super) fn set_open(&mut self, nth: usize) {
        self.requests[nth] = Fate::Open;
    }

    /// Whether every request got a reply that is no error.
    #[inline]
    pub(super) fn is_well(&self) -> bool {
        self.failure.is_none() && !self.has_errors
    }

    /// Whether a request was sent whole and got no reply.
    #[inline]
    pub(super) fn is_open(&self, nth: usize) -> bool {
        matches!(self.requests[nth], Fate::Open)
    }

    /// Whether there is a reply to a request, which may be an error reply.
    #[inline]
    pub(super) fn has_come(&self, nth: usize) -> bool {
        matches!(self.requests[nth], Fate::Came { .. })
    }

    /// The name and address of the server that gave the reply.
    #[inline]
    pub(super) fn node(&self, nth: usize) -> Option<&str> {
        match self.requests[nth] {
            Fate::Came { server, .. } => self.servers.get(server as usize).map(|asked| asked.node.as_str()),
            _ => None,
        }
    }

    /// The reply, or why there is none. An error reply is an error.
    #[inline]
    pub(super) fn value(&self, nth: usize, is_read: bool) -> Result<ValueRef<'_>> {
        let Fate::Came { start, end, server } = self.requests[nth] else { return Err(self.lost(nth, is_read)) };
        let value = Frame::trusted(&self.bytes[start..end]).value();
        match value {
            ValueRef::Error(text) => Err(self.refused(text, server)),
            _ => Ok(value),
        }
    }

    /// The same as it came.
    #[inline]
    pub(super) fn frame(&self, nth: usize, is_read: bool) -> Result<Frame<'_>> {
        self.value(nth, is_read)?;
        match self.requests[nth] {
            Fate::Came { start, end, .. } => Ok(Frame::trusted(&self.bytes[start..end])),
            _ => Err(self.lost(nth, is_read)),
        }
    }

    #[cold]
    #[inline(never)]
    fn lost(&self, nth: usize, is_read: bool) -> Error {
        let error = match &self.failure {
            Some(error) => error.clone(),
            None => Error::reply("no reply came"),
        };
        error.with_outcome(if self.is_open(nth) && !is_read { Outcome::Unknown } else { Outcome::NotApplied })
    }

    #[cold]
    #[inline(never)]
    fn refused(&self, text: &[u8], server: u32) -> Error {
        let error = Error::server(text);
        match self.servers.get(server as usize) {
            Some(asked) => error.with_node(|| asked.node.clone()).with_attempts(asked.attempt),
            None => error,
        }
    }

    /// Takes over what came back for some of the requests. What was replied to them before counts no more.
    #[inline]
    pub(super) fn merge(&mut self, newer: NodeReplies, numbers: &[usize]) {
        if self.servers.is_empty() && self.requests.len() == numbers.len() {
            // These are all requests, and the first replies to any of them.
            *self = newer;
            return;
        }
        let first_server = self.servers.len() as u32;
        for (fate, &nth) in newer.requests.iter().zip(numbers) {
            match *fate {
                Fate::Came { start, end, server } => {
                    self.add_from(nth, &newer.bytes[start..end], first_server + server);
                }
                other => self.requests[nth] = other,
            }
        }
        self.servers.extend(newer.servers);
        // What was not sent again keeps the error that it has.
        if newer.failure.is_some() {
            self.failure = newer.failure;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn failed(kind: ErrorKind) -> Option<Error> {
        Some(Error::new(kind, Outcome::NotApplied, "failed"))
    }

    #[test]
    fn what_is_told_of_each_request() {
        let mut replies = NodeReplies::none(4);
        replies.ask("node_1".into(), 1);
        replies.add(0, b"$3\r\nbar\r\n");
        replies.add(1, b"-WRONGTYPE no\r\n");
        replies.set_open(2);
        assert!(!replies.is_well() && replies.len() == 4);
        let (frame, value) = (replies.frame(0, false).unwrap(), replies.value(0, false).unwrap());
        assert_eq!((frame.as_bytes(), value), (&b"$3\r\nbar\r\n"[..], ValueRef::Bulk(b"bar")));
        let error = replies.value(1, false).unwrap_err();
        assert_eq!((error.kind(), error.node(), error.attempts()), (ErrorKind::WrongType, Some("node_1"), 1));
        for (failure, kind) in [(None, ErrorKind::Reply), (failed(ErrorKind::Io), ErrorKind::Io)] {
            replies.failure = failure;
            let outcome = |nth, is_read| {
                let error = replies.value(nth, is_read).unwrap_err();
                assert_eq!(error.kind(), kind);
                error.outcome()
            };
            // What was sent may have been applied, unless it only reads.
            assert_eq!((outcome(2, false), outcome(2, true)), (Outcome::Unknown, Outcome::NotApplied));
            assert_eq!((outcome(3, false), outcome(3, true)), (Outcome::NotApplied, Outcome::NotApplied));
        }
        let known = |nth| (replies.has_come(nth), replies.is_open(nth), replies.node(nth));
        assert_eq!(known(0), (true, false, Some("node_1")));
        assert_eq!(known(2), (false, true, None));
        assert_eq!(known(3), (false, false, None));
    }

    #[test]
    fn only_errors_and_what_is_missing_is_looked_for() {
        let well = |reply: &[u8], failure| {
            let mut replies = NodeReplies::none(1);
            replies.add(0, reply);
            replies.failure = failure;
            replies.is_well()
        };
        assert!(well(b"+OK\r\n", None) && well(b"*1\r\n-ERR inside\r\n", None));
        assert!(!well(b"-ERR no\r\n", None) && !well(b"!6\r\nERR no\r\n", None));
        assert!(!well(b"|1\r\n+a\r\n+b\r\n-ERR no\r\n", None), "attributes may stand in front of an error");
        assert!(!well(b"+OK\r\n", failed(ErrorKind::Io)));
    }

    #[test]
    fn later_replies_count() {
        let mut all = NodeReplies::none(3);
        let mut first = NodeReplies::none(3);
        first.ask("node_1".into(), 1);
        first.add(0, b":1\r\n");
        first.add(1, b"-LOADING no\r\n");
        first.set_open(2);
        first.failure = failed(ErrorKind::Io);
        all.merge(first, &[0, 1, 2]);
        let mut second = NodeReplies::none(2);
        second.ask("node_2".into(), 2);
        second.add(0, b":2\r\n");
        second.failure = failed(ErrorKind::Timeout);
        all.merge(second, &[1, 2]);
        let value = |nth| all.value(nth, false);
        assert_eq!((value(0).unwrap(), all.node(0)), (ValueRef::Integer(1), Some("node_1")));
        assert_eq!((value(1).unwrap(), all.node(1)), (ValueRef::Integer(2), Some("node_2")));
        // The second time it was not sent, and that is what counts.
        let error = value(2).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied));
        // A failure stays until another one comes.
        let mut third = NodeReplies::none(1);
        third.ask("node_3".into(), 3);
        third.add(0, b"-ERR no\r\n");
        all.merge(third, &[2]);
        assert_eq!(all.failure.as_ref().map(Error::kind), Some(ErrorKind::Timeout));
        let error = all.value(2, false).unwrap_err();
        assert_eq!((error.node(), error.attempts()), (Some("node_3"), 3));
    }

    #[test]
    fn a_server_that_could_not_be_reached_leaves_no_reply() {
        let mut all = NodeReplies::none(2);
        let mut unreached = NodeReplies::none(2);
        unreached.failure = failed(ErrorKind::Connect);
        all.merge(unreached, &[0, 1]);
        assert_eq!(all.value(0, false).unwrap_err().kind(), ErrorKind::Connect);
        let mut later = NodeReplies::none(2);
        later.ask("node_1".into(), 2);
        later.add(0, b"+OK\r\n");
        later.add(1, b"+OK\r\n");
        all.merge(later, &[0, 1]);
        assert!(all.value(0, false).is_ok() && all.is_well());
    }
}
