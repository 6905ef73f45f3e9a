//! What one node gets of a pipeline, and what came back.

use crate::error::{Error, Outcome, Result};
use crate::resp::{Frame, ValueRef};

/// The requests of one node in order, in the bytes that go over the wire.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) bytes: Vec<u8>,
    /// Where each request ends.
    pub(super) ends: Vec<usize>,
    /// Some request must go to the master.
    pub(super) needs_master: bool,
    /// Some request must not be sent a second time.
    pub(super) writes: bool,
}

impl Lane {
    /// Appends a request and gives its number.
    pub(super) fn push(&mut self, request: &[u8]) -> usize {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
        self.ends.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn request(&self, nth: usize) -> &[u8] {
        let start = nth.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[nth]]
    }

    /// Some of the requests, in a lane of their own.
    pub(super) fn only(&self, numbers: &[usize]) -> Lane {
        let mut lane = Lane { needs_master: self.needs_master, writes: self.writes, ..Lane::default() };
        for &nth in numbers {
            lane.push(self.request(nth));
        }
        lane
    }
}

/// What became of the requests of a lane.
#[derive(Debug, Default)]
pub(super) struct Landed {
    /// Replies as they came, one after the other.
    bytes: Vec<u8>,
    /// Where the reply to each request lies; `None` when none came.
    replies: Vec<Option<Place>>,
    /// Of the requests without a reply, those that were sent whole.
    sent: Vec<bool>,
    /// The servers that were asked, one after the other.
    nodes: Vec<String>,
    /// Why replies are missing.
    pub(super) failure: Option<Error>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// Which server gave it.
    node: usize,
}

impl Landed {
    pub(super) fn of(lane: &Lane) -> Landed {
        Landed { replies: vec![None; lane.len()], sent: vec![false; lane.len()], ..Landed::default() }
    }

    /// Says that this server is asked from here on.
    pub(super) fn ask(&mut self, node: String) {
        self.nodes.push(node);
    }

    pub(super) fn add(&mut self, nth: usize, reply: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(reply);
        let node = self.nodes.len().saturating_sub(1);
        self.replies[nth] = Some(Place { start, end: self.bytes.len(), node });
    }

    /// Says that a request without a reply may have been applied.
    pub(super) fn set_sent(&mut self, nth: usize) {
        self.sent[nth] = true;
    }

    /// Whether a request was sent whole and got no reply.
    pub(super) fn is_open(&self, nth: usize) -> bool {
        self.sent[nth] && self.replies[nth].is_none()
    }

    /// The reply as it came, which may be an error reply.
    pub(super) fn raw(&self, nth: usize) -> Option<Frame<'_>> {
        self.replies[nth].map(|place| Frame::trusted(&self.bytes[place.start..place.end]))
    }

    /// Which server gave the reply.
    pub(super) fn node(&self, nth: usize) -> Option<&str> {
        self.nodes.get(self.replies[nth]?.node).map(String::as_str)
    }

    /// The reply, or why there is none. An error reply is an error.
    pub(super) fn reply(&self, nth: usize, is_read: bool) -> Result<Frame<'_>> {
        let Some(frame) = self.raw(nth) else {
            let failure = self.failure.as_ref().map(Error::again);
            let error = failure.unwrap_or_else(|| Error::reply("no reply came"));
            let outcome = if self.sent[nth] && !is_read { Outcome::Unknown } else { Outcome::NotApplied };
            return Err(error.with_outcome(outcome));
        };
        match frame.value() {
            ValueRef::Error(text) => {
                let error = Error::server(text);
                Err(match self.node(nth) {
                    Some(node) => error.with_node(|| node.to_owned()),
                    None => error,
                })
            }
            _ => Ok(frame),
        }
    }

    /// Adds what came back for some of the requests.
    pub(super) fn take(&mut self, came: Landed, numbers: &[usize]) {
        let first_node = self.nodes.len();
        for (at, &nth) in numbers.iter().enumerate() {
            if let Some(place) = came.replies[at] {
                self.add(nth, &came.bytes[place.start..place.end]);
                if let Some(place) = &mut self.replies[nth] {
                    place.node = first_node;
                }
            }
            self.sent[nth] |= came.is_open(at);
        }
        self.nodes.extend(came.nodes);
        self.failure = came.failure;
    }
}
