//! Requests out and replies in, over several connections at the same time, in one thread.
//!
//! No more than a window of requests is without its reply on any connection, so that neither side has to hold more than
//! that: what a server cannot hand over it has to keep. A write that would have to wait is left, and replies are read
//! instead, because a server may be unable to read on before it has handed those over. Only a connection that owes
//! no reply is waited for with a write.

use super::lane::{Landed, Lane};
use crate::error::{Error, Outcome, Phase};
use crate::execute::SLICE;
use crate::net::{Deadline, Lease};

/// As many requests may be without a reply on one connection.
const WINDOW: usize = 1_000;
/// What fits the buffers of any socket: a write of no more than this to a connection that owes nothing never waits
/// for the server to read replies first.
const SMALL: usize = 16 << 10;
/// What is written at once where a write has to wait for the server to read.
const PATIENT: usize = 64 << 10;

/// One lane on its way over one connection.
pub(super) struct Flight<'f> {
    lane: &'f Lane,
    lease: Lease,
    deadline: Deadline,
    /// Bytes that the system took.
    written: usize,
    /// Requests that were written whole.
    sent: usize,
    received: usize,
    /// The last write had to stop because the server did not read on.
    stuck: bool,
    failure: Option<Error>,
    landed: Landed,
}

impl<'f> Flight<'f> {
    pub(super) fn new(lane: &'f Lane, mut lease: Lease, deadline: Deadline, attempt: u32) -> Flight<'f> {
        // From here on the connection is nobody else's until every reply is in, whatever happens in between.
        let failure = lease.owe(lane.len()).err();
        let mut landed = Landed::of(lane);
        landed.ask(lease.node().to_string(), attempt);
        Flight { lane, lease, deadline, written: 0, sent: 0, received: 0, stuck: false, failure, landed }
    }

    fn is_sent(&self) -> bool {
        self.sent == self.lane.len()
    }

    fn is_done(&self) -> bool {
        self.failure.is_some() || self.received == self.lane.len()
    }

    /// Writes what the window allows.
    fn write(&mut self) {
        let last = (self.received + WINDOW).min(self.lane.len());
        let end = last.checked_sub(1).map_or(0, |last| self.lane.ends[last]);
        let idle = self.sent == self.received;
        self.stuck = false;
        while self.written < end {
            let rest = &self.lane.bytes[self.written..end];
            let wrote = match rest.len() <= SMALL && idle {
                true => self.lease.write(rest, self.deadline),
                false => self.lease.write_what_fits(rest),
            };
            let asked = rest.len();
            if self.wrote(wrote) < asked {
                self.stuck = self.failure.is_none();
                break;
            }
        }
        // Nothing that the server could hand over first: it has to read.
        if self.stuck && self.sent == self.received {
            let rest = &self.lane.bytes[self.written..end];
            let wrote = self.lease.write_within(&rest[..rest.len().min(PATIENT)], SLICE, self.deadline);
            self.wrote(wrote);
        }
    }

    /// Counts what the system took, also of a write that failed: what went out whole may be applied.
    fn wrote(&mut self, (count, failure): (usize, Option<Error>)) -> usize {
        self.written += count;
        while self.sent < self.lane.len() && self.lane.ends[self.sent] <= self.written {
            self.sent += 1;
        }
        let is_owed_more = self.sent > self.received;
        self.failure = failure.map(|error| match error.is_server() && is_owed_more {
            // What it said before it hung up is its reply to another request, as far as can be told.
            true => Error::io(std::io::ErrorKind::BrokenPipe.into(), Outcome::NotApplied, "sending the command")
                .in_phase(Phase::Send)
                .with_node(|| self.lease.node().to_string()),
            false => error,
        });
        count
    }

    /// Reads until half of the window is free again; at the end until nothing is left. Unless `to_the_end`, no longer
    /// than a slice without anything coming.
    fn read(&mut self, to_the_end: bool) {
        let wanted = match (self.is_sent(), self.stuck) {
            (true, _) => self.sent,
            (false, true) => (self.received + 1).min(self.sent),
            (false, false) => self.sent.saturating_sub(WINDOW / 2),
        };
        while self.received < wanted {
            let received = match to_the_end {
                true => self.lease.receive_range(self.deadline).map(Some),
                false => self.lease.receive_within(SLICE, self.deadline),
            };
            match received {
                Ok(Some(range)) => self.landed.add(self.received, self.lease.frame(range).as_bytes()),
                Ok(None) => return,
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
            self.received += 1;
        }
    }

    fn landed(mut self) -> Landed {
        // A server that has too many clients says so, hangs up, and reads nothing.
        if !(self.received == 1 && self.lane.refusal(&self.landed, 0).is_some_and(|error| error.is_full_house())) {
            (self.received..self.sent).for_each(|nth| self.landed.set_sent(nth));
        }
        self.landed.failure = self.failure.take();
        self.landed
    }
}

/// Brings every lane to its end, or to its failure: that of one does not matter to the others.
pub(super) fn drive(mut flights: Vec<Flight<'_>>) -> Vec<Landed> {
    while !flights.iter().all(Flight::is_done) {
        for flight in flights.iter_mut().filter(|flight| !flight.is_done()) {
            flight.write();
        }
        // While something is still to be written or to be read elsewhere, no server is waited for so long that the others
        // have nothing to do, or that their time is over before they have handed over what a socket does not hold.
        let is_sent = flights.iter().all(|flight| flight.is_done() || flight.is_sent());
        let mut open = flights.iter().filter(|flight| !flight.is_done()).count();
        for flight in flights.iter_mut().filter(|flight| !flight.is_done()) {
            flight.read(is_sent && open == 1);
            open -= usize::from(flight.is_done());
        }
    }
    flights.into_iter().map(Flight::landed).collect()
}
