//! Requests out and replies in, over several connections at the same time, in one thread.
//!
//! No more than a window of requests is without its reply on any connection, so that neither side has to hold more than
//! that: what a server cannot hand over it has to keep. A write that would have to wait is left, and replies are read
//! instead, because a server may be unable to read on before it has handed those over. Only a connection that owes
//! no reply is waited for with a write.

use super::node_batch::NodeBatch;
use super::node_replies::NodeReplies;
use crate::error::{Error, Outcome, Phase, Result};
use crate::execute::{SLICE, WINDOW};
use crate::net::{Deadline, Lease};

/// What fits the buffers of any socket: a write of no more than this to a connection that owes nothing never waits
/// for the server to read replies first.
const SMALL: usize = 16 << 10;
/// What is written at once where a write has to wait for the server to read.
const PATIENT: usize = 64 << 10;

/// A batch on its way over one connection.
pub(super) struct InFlight<'b> {
    batch: &'b NodeBatch,
    /// `None` when there is no connection: then there is a failure.
    lease: Option<Lease>,
    deadline: Deadline,
    /// Bytes that the system took.
    written: usize,
    /// Requests that were written whole.
    sent: usize,
    received: usize,
    /// The last write had to stop because the server did not read on.
    stuck: bool,
    replies: NodeReplies,
}

impl<'b> InFlight<'b> {
    /// The batch before anything of it is sent. Which attempt this is goes into errors.
    #[inline]
    pub(super) fn new(batch: &'b NodeBatch, lease: Result<Lease>, deadline: Deadline, attempt: u32) -> InFlight<'b> {
        let mut replies = NodeReplies::none(batch.len());
        let lease = match lease {
            Ok(mut lease) => {
                // From here on the connection is nobody else's until every reply is in, whatever happens in between.
                replies.failure = lease.owe(batch.len()).err();
                replies.ask(lease.node().to_string(), attempt);
                Some(lease)
            }
            Err(error) => {
                replies.failure = Some(error);
                None
            }
        };
        InFlight { batch, lease, deadline, written: 0, sent: 0, received: 0, stuck: false, replies }
    }

    #[inline]
    fn is_sent(&self) -> bool {
        self.sent == self.batch.len()
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.replies.failure.is_some() || self.received == self.batch.len()
    }

    /// Writes what the window allows.
    #[inline]
    fn write(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        let end = self.batch.end_of((self.received + WINDOW).min(self.batch.len()));
        let is_idle = self.sent == self.received;
        self.stuck = false;
        let mut failure = None;
        while self.written < end && failure.is_none() {
            let rest = &self.batch.bytes[self.written..end];
            let written = match rest.len() <= SMALL && is_idle {
                true => lease.write(rest, self.deadline),
                false => lease.write_what_fits(rest),
            };
            let is_whole = written.0 == rest.len();
            (self.written, failure) = (self.written + written.0, written.1);
            if !is_whole {
                self.stuck = failure.is_none();
                break;
            }
        }
        self.count_sent();
        // Nothing that the server could hand over first: it has to read.
        if let (true, Some(lease)) = (self.stuck && self.sent == self.received, &mut self.lease) {
            let some = &self.batch.bytes[self.written..end.min(self.written + PATIENT)];
            let written = lease.write_within(some, SLICE, self.deadline);
            (self.written, failure) = (self.written + written.0, written.1);
            self.count_sent();
        }
        if let Some(error) = failure {
            self.write_failed(error);
        }
    }

    /// Counts what the system took, also of a write that failed: what went out whole may be applied.
    #[inline]
    fn count_sent(&mut self) {
        if self.written == self.batch.bytes.len() {
            self.sent = self.batch.len();
        }
        while !self.is_sent() && self.batch.end_of(self.sent + 1) <= self.written {
            self.sent += 1;
        }
    }

    #[cold]
    fn write_failed(&mut self, error: Error) {
        let is_owed_more = self.sent > self.received;
        self.replies.failure = Some(match (&self.lease, error.is_server() && is_owed_more) {
            // What it said before it hung up is its reply to another request, as far as can be told.
            (Some(lease), true) => {
                Error::io(std::io::ErrorKind::BrokenPipe.into(), Outcome::NotApplied, "sending the command")
                    .in_phase(Phase::Send)
                    .with_node(|| lease.node().to_string())
            }
            _ => error,
        });
    }

    /// Reads until half of the window is free again; at the end until nothing is left. Unless `to_the_end`, no longer
    /// than a slice without anything coming.
    #[inline]
    fn read(&mut self, to_the_end: bool) {
        let Some(lease) = &mut self.lease else { return };
        let wanted = match (self.sent == self.batch.len(), self.stuck) {
            (true, _) => self.sent,
            (false, true) => (self.received + 1).min(self.sent),
            (false, false) => self.sent.saturating_sub(WINDOW / 2),
        };
        while self.received < wanted {
            let received = match to_the_end {
                true => lease.receive_range(self.deadline).map(Some),
                false => lease.receive_within(SLICE, self.deadline),
            };
            match received {
                Ok(Some(range)) => self.replies.add(self.received, lease.frame(range).as_bytes()),
                Ok(None) => return,
                Err(error) => {
                    self.replies.failure = Some(error);
                    return;
                }
            }
            self.received += 1;
        }
    }

    /// What came back.
    #[inline]
    fn finish(mut self) -> NodeReplies {
        // A server that has too many clients says so, hangs up, and reads nothing.
        let is_full_house =
            self.received == 1 && self.batch.refusal(&self.replies, 0).is_some_and(|error| error.is_full_house());
        if !is_full_house {
            (self.received..self.sent).for_each(|nth| self.replies.set_open(nth));
        }
        self.replies
    }
}

/// Brings every batch to its end, or to its failure: that of one does not matter to the others.
#[inline]
pub(super) fn exchange(mut batches: Vec<InFlight<'_>>) -> Vec<NodeReplies> {
    loop {
        let mut open = 0;
        let mut is_sent = true;
        for batch in &mut batches {
            if !batch.is_done() {
                batch.write();
            }
        }
        for batch in &batches {
            open += usize::from(!batch.is_done());
            is_sent &= batch.is_done() || batch.is_sent();
        }
        // While something is still to be written or to be read elsewhere, no server is waited for so long that the others
        // have nothing to do, or that their time is over before they have handed over what a socket does not hold.
        for batch in &mut batches {
            if !batch.is_done() {
                batch.read(is_sent && open == 1);
                open -= usize::from(batch.is_done());
            }
        }
        if open == 0 {
            break;
        }
    }
    let mut replies = Vec::with_capacity(batches.len());
    for batch in batches {
        replies.push(batch.finish());
    }
    replies
}
