//! What one node gets of a pipeline, and what came back.

use crate::error::{Error, Outcome, OwnWords, Result};
use crate::resp::{Frame, ValueRef};

/// The requests of one node in order, in the bytes that go over the wire.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) bytes: Vec<u8>,
    /// Where each request ends.
    pub(super) ends: Vec<usize>,
    marks: Vec<Mark>,
    /// Some request must go to the master.
    pub(super) needs_master: bool,
    /// Some request must not be sent a second time.
    pub(super) writes: bool,
}

/// What has to be known of a request to say what became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) is_read: bool,
    /// What a script that it runs may say in its own name.
    pub(super) script: Option<OwnWords>,
}

impl Lane {
    /// Appends a request and gives its number.
    pub(super) fn push(&mut self, request: &[u8], mark: Mark) -> usize {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
        self.marks.push(mark);
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
            lane.push(self.request(nth), self.marks[nth]);
        }
        lane
    }

    /// The error reply with which a server refused a request before it did anything.
    pub(super) fn refusal(&self, came: &Landed, nth: usize) -> Option<Error> {
        let Mark { is_read, script } = self.marks[nth];
        came.raw(nth)?;
        let error = came.reply(nth, is_read).err()?;
        let error = match script {
            Some(own) => error.of_a_script(own),
            None => error,
        };
        Some(error).filter(|error| error.outcome() == Outcome::NotApplied)
    }

    /// The requests that may be sent again, because nothing of them was applied and for the reason that `may_pass`
    /// looks for; with it comes why the first of them failed.
    ///
    /// Reads may be sent again by themselves. With writes among the requests these are the last ones: an earlier request
    /// must not be applied after a later one, nor after one of which nobody knows whether it was applied.
    pub(super) fn refused(&self, came: &Landed, may_pass: impl Fn(&Error) -> bool) -> Option<(Vec<usize>, Error)> {
        let is_lost = came.failure.as_ref().is_some_and(&may_pass);
        let refusal = |nth: usize| {
            let is_read = self.marks[nth].is_read;
            if came.raw(nth).is_none() {
                let failure = came.failure.as_ref().filter(|_| is_lost && (is_read || !came.is_open(nth)))?;
                return Some(failure.clone().with_outcome(Outcome::NotApplied));
            }
            self.refusal(came, nth).filter(&may_pass)
        };
        let numbers: Vec<usize> = if self.writes {
            let first = (0..self.len()).rev().find(|&nth| refusal(nth).is_none()).map_or(0, |settled| settled + 1);
            if (0..first).any(|nth| came.is_open(nth)) {
                return None;
            }
            (first..self.len()).collect()
        } else {
            (0..self.len()).filter(|&nth| refusal(nth).is_some()).collect()
        };
        let first = refusal(*numbers.first()?)?;
        Some((numbers, first))
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
    /// The servers that were asked, one after the other, and which attempt that was.
    nodes: Vec<(String, u32)>,
    /// Whether any reply was an error.
    has_errors: bool,
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
    pub(super) fn ask(&mut self, node: String, attempt: u32) {
        self.nodes.push((node, attempt));
    }

    pub(super) fn add(&mut self, nth: usize, reply: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(reply);
        self.has_errors |= matches!(reply.first(), Some(b'-' | b'!'));
        let node = self.nodes.len().saturating_sub(1);
        self.replies[nth] = Some(Place { start, end: self.bytes.len(), node });
    }

    /// Says that a request without a reply may have been applied.
    pub(super) fn set_sent(&mut self, nth: usize) {
        self.sent[nth] = true;
    }

    /// Whether every request got a reply that is no error.
    pub(super) fn is_well(&self) -> bool {
        self.failure.is_none() && !self.has_errors
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
        self.asked(nth).map(|(node, _)| node.as_str())
    }

    fn asked(&self, nth: usize) -> Option<&(String, u32)> {
        self.nodes.get(self.replies[nth]?.node)
    }

    /// The reply, or why there is none. An error reply is an error.
    pub(super) fn reply(&self, nth: usize, is_read: bool) -> Result<Frame<'_>> {
        let Some(frame) = self.raw(nth) else {
            let failure = self.failure.as_ref().cloned();
            let error = failure.unwrap_or_else(|| Error::reply("no reply came"));
            let outcome = if self.sent[nth] && !is_read { Outcome::Unknown } else { Outcome::NotApplied };
            return Err(error.with_outcome(outcome));
        };
        match frame.value() {
            ValueRef::Error(text) => {
                let error = Error::server(text);
                Err(match self.asked(nth) {
                    Some((node, attempt)) => error.with_node(|| node.clone()).with_attempts(*attempt),
                    None => error,
                })
            }
            _ => Ok(frame),
        }
    }

    /// Adds what came back for some of the requests. What was said to them before counts no more.
    pub(super) fn take(&mut self, came: Landed, numbers: &[usize]) {
        let first_node = self.nodes.len();
        for (at, &nth) in numbers.iter().enumerate() {
            self.replies[nth] = None;
            if let Some(place) = came.replies[at] {
                self.add(nth, &came.bytes[place.start..place.end]);
                if let Some(place) = &mut self.replies[nth] {
                    place.node = first_node;
                }
            }
            self.sent[nth] = came.is_open(at);
        }
        self.nodes.extend(came.nodes);
        // What was not sent again keeps the error that it has.
        self.failure = came.failure.or(self.failure.take());
    }
}
