//! Calls that find no connection free gather, and the next free one serves all of them: what they want is written in one go,
//! and each takes its own reply out of what came.
//!
//! One call leads. It waits for the connection in the place of all, as a call alone would; the others wait for it. When its
//! deadline comes, it hands on to another call what it has by then: its place in the queue, or the connection with what is
//! under way.

use super::batch::{Batch, Group, InFlight, Next, Shared, Stage};
use super::{Lead, Lease, Pool, State, Turn};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{forked, Deadline};
use crate::observer::ObserverEvent;
use std::cell::Cell;
use std::mem;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

/// What is longer has a connection of its own.
pub(crate) const LONGEST: usize = 4 << 10;

/// The call that leads. Dropped only when it panics: then the others are told.
struct Leading<'b> {
    pool: &'b Pool,
    batch: &'b Arc<Batch>,
    /// It has left the batch and does not lead any more.
    is_alone: Cell<bool>,
}

impl Drop for Leading<'_> {
    #[cold]
    fn drop(&mut self) {
        if !self.is_alone.get() {
            self.pool.close_batch(self.batch);
            let failed = Error::new(ErrorKind::Io, Outcome::NotApplied, "a panic in the thread that was to send it");
            self.batch.end_without(self.pool.error(failed));
        }
    }
}

impl Pool {
    /// Sends a request with those of others that wait for a connection now. `lend` gives one for all of them, whose place in
    /// the queue is this one.
    pub(crate) fn gather(
        self: &Arc<Pool>,
        group: Group,
        request: &[u8],
        deadline: Deadline,
        lend: &mut dyn FnMut(Turn<'_>) -> Result<Lease>,
    ) -> Result<Shared> {
        let this_process = forked::process_at(Instant::now());
        let (batch, place) = self.join(group, request, deadline, this_process);
        let begun = self.observer().clock();
        let mut next = if place == 0 { Next::Lead } else { batch.next(self, place, deadline) };
        // Nobody forks who waits: the next call, which comes soon, need not ask for its process.
        forked::was_in(this_process, Instant::now());
        let came = loop {
            next = match next {
                Next::Lead => self.lead(&batch, place, lend),
                // It came too late for this one.
                Next::Begin(lease) if deadline.left().is_err() => {
                    batch.hand_on(place, Stage::Ready(lease));
                    Next::Done(Err(self.stayed_in_use()))
                }
                Next::Begin(lease) => Next::GoOn(batch.begin(lease)),
                Next::GoOn(flight) => Next::Done(self.go_on(&batch, place, deadline, flight)),
                Next::Done(came) => break came,
            };
        };
        let timed_out = came.as_ref().is_err_and(|error| error.kind() == ErrorKind::PoolTimeout);
        if timed_out || begun.is_some() {
            self.tell_wait(begun, &batch, timed_out);
        }
        came
    }

    fn join(&self, group: Group, request: &[u8], deadline: Deadline, this_process: u32) -> (Arc<Batch>, usize) {
        // Dropped after the lock.
        let _parents;
        let mut state = self.state();
        _parents = state.leave_to_parent(this_process);
        state.counts.waited += 1;
        for batch in &state.gathering {
            if batch.group == group {
                if let Some(place) = batch.join(request, deadline) {
                    let batch = Arc::clone(batch);
                    state.counts.gathered += 1;
                    return (batch, place);
                }
            }
        }
        let batch = Arc::new(Batch::new(group, state.comes()));
        let place = batch.join(request, deadline).unwrap_or(0);
        state.gathering.push(Arc::clone(&batch));
        (batch, place)
    }

    /// Tells how long a call waited for the connection of its batch.
    #[cold]
    fn tell_wait(&self, begun: Option<Instant>, batch: &Batch, timed_out: bool) {
        if timed_out {
            self.state().counts.timed_out += 1;
        }
        let Some(begun) = begun else { return };
        let took = batch.served().unwrap_or_else(Instant::now).saturating_duration_since(begun);
        self.tell(&|node| ObserverEvent::PoolWait { node, took, timed_out });
    }

    /// Waits for the connection in the place of all. Where it cannot be had, that is what became of this call alone, and the
    /// next one tries. So it is where there is none but room for a new one, which may take long: that one is for this call.
    fn lead(&self, batch: &Arc<Batch>, place: usize, lend: &mut dyn FnMut(Turn<'_>) -> Result<Lease>) -> Next {
        let leading = Leading { pool: self, batch, is_alone: Cell::new(false) };
        let leave = || {
            batch.hand_on(place, Stage::Leaderless);
            self.close_batch_if_left(batch);
        };
        let lent = lend(Turn::OfBatch(&Lead { turn: &batch.turn, is_alone: &leading.is_alone, leave: &leave }));
        let is_alone = leading.is_alone.get();
        mem::forget(leading);
        match lent {
            lent if is_alone => Next::Done(lent.map(Shared::Alone)),
            Ok(lease) => {
                self.close_batch(batch);
                Next::Begin(lease)
            }
            Err(error) => {
                leave();
                Next::Done(Err(error))
            }
        }
    }

    /// Goes on with what is under way.
    fn go_on(&self, batch: &Arc<Batch>, place: usize, deadline: Deadline, mut flight: Box<InFlight>) -> Result<Shared> {
        let leading = Leading { pool: self, batch, is_alone: Cell::new(false) };
        let went_on = flight.go_on(batch, deadline);
        mem::forget(leading);
        let failed = match went_on {
            Ok(false) => None,
            Err(error) => Some(error),
            Ok(true) => {
                let (asked, written) = (flight.asked, flight.written);
                let (own, goes_on) = batch.hand_on(place, Stage::HandedOn(flight));
                return own.unwrap_or_else(|| {
                    // Whoever goes on writes the rest.
                    let is_sent = goes_on || batch.is_within(place, written);
                    let outcome = if is_sent { Outcome::Unknown } else { Outcome::NotApplied };
                    Err(self.said_nothing(asked, deadline).with_outcome(outcome))
                });
            }
        };
        batch.end(place, flight, failed)
    }

    /// Nobody joins it any more, and it waits for no connection.
    fn close_batch(&self, batch: &Arc<Batch>) {
        State::close_batch(self.state(), batch, self.settings.pool_size);
    }

    /// The same, when all that were in it have left.
    fn close_batch_if_left(&self, batch: &Arc<Batch>) {
        let state = self.state();
        if batch.have_all_left() {
            State::close_batch(state, batch, self.settings.pool_size);
        }
    }

    /// The error of a call whose deadline has come while its server was to answer a batch.
    #[cold]
    pub(super) fn said_nothing(&self, asked: Instant, deadline: Deadline) -> Error {
        self.silence().unanswered(deadline.awaited_from(asked));
        let error = Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::Unknown, "waiting for the reply");
        self.error(error.in_phase(Phase::Receive))
    }
}

impl State {
    fn close_batch(mut state: MutexGuard<'_, State>, batch: &Arc<Batch>, size: usize) {
        state.gathering.retain(|other| !Arc::ptr_eq(other, batch));
        state.waiting.retain(|turn| !Arc::ptr_eq(turn, &batch.turn));
        State::wake_first_if_room(state, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pool::Taker;
    use crate::plan::command;
    use rediscluster_testing::{wait_until, Server};
    use std::panic::{catch_unwind, AssertUnwindSafe};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn after_a_panic_nobody_is_told_that_what_was_under_way_is_not_applied() {
        let server = Server::start();
        let pool = Pool::of(&server);
        for (is_under_way, outcome) in [(false, Outcome::NotApplied), (true, Outcome::Unknown)] {
            let batch = Arc::new(Batch::new((0, None), pool.state().comes()));
            let deadline = Deadline::after(Duration::from_secs(60));
            let places = [(); 2].map(|()| batch.join(&command([&b"INCR"[..], b"n"]), deadline).unwrap());
            let flight = is_under_way.then(|| batch.begin(pool.lend(0, deadline).unwrap()));
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _leading = Leading { pool: &pool, batch: &batch, is_alone: Cell::new(false) };
                panic!("told to");
            }));
            assert!(panicked.is_err());
            for place in places {
                let Next::Done(Err(error)) = batch.next(&pool, place, deadline) else { panic!("it is told") };
                assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, outcome), "{error}");
                assert!(error.node().is_some_and(|node| node.starts_with("node_1")), "{error}");
            }
            drop(flight);
        }
    }

    #[test]
    fn what_came_too_late_for_one_serves_the_others() {
        let server = Server::start();
        let pool = Pool::of(&server);
        let request = |name: &str| command([&b"INCR"[..], name.as_bytes()]);
        let lend = |turn: Turn<'_>, until| Ok(pool.lend_in_turn(0, until, &Taker::of(turn))?.unwrap());
        drop(pool.lend(0, Deadline::never()).unwrap());
        thread::scope(|scope| {
            let late = scope.spawn(|| {
                let deadline = Deadline::after(Duration::from_millis(100));
                pool.gather((0, None), &request("late"), deadline, &mut |turn| {
                    wait_until("it is not alone", || pool.status().waiting == 2);
                    wait_until("its time is over", || deadline.left().is_err());
                    lend(turn, Deadline::never())
                })
            });
            wait_until("it leads", || !pool.state().gathering.is_empty());
            let others: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let deadline = Deadline::after(Duration::from_secs(60));
                        pool.gather((0, None), &request("others"), deadline, &mut |turn| lend(turn, deadline))
                    })
                })
                .collect();
            let error = late.join().unwrap().err().unwrap();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::PoolTimeout, Outcome::NotApplied), "{error}");
            let mut counts = Vec::new();
            for other in others {
                let Ok(Shared::Reply(replies, range)) = other.join().unwrap() else { panic!("no reply") };
                counts.push(replies.frame(range).as_bytes().to_vec());
            }
            counts.sort();
            assert_eq!(counts, [b":1\r\n", b":2\r\n"]);
        });
        assert_eq!(server.ask(&["EXISTS", "late"]).int(), 0, "it was not sent");
        let status = pool.status();
        assert_eq!((status.open, status.idle, status.waiting, status.timed_out), (1, 1, 0, 1), "{status:?}");
    }
}
