//! Calls that find no connection free gather, and the next free one serves all of them: what they want is written in one go,
//! and each takes its own reply out of what came.
//!
//! One call leads. It waits for the connection in the place of all, as a call alone would; the others wait for it. When its
//! deadline comes, it hands on to another call what it has by then: its place in the queue, or the connection with what is
//! under way.

use super::{Lease, Pool, State};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{forked, Deadline};
use crate::observer::{CloseReason, ObserverEvent};
use crate::resp::Frame;
use crate::threads::lock;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As many calls gather for one connection at most, and as many bytes: what a server takes at once, and what the buffer of
/// its socket holds.
const MOST_CALLS: usize = 256;
const MOST_BYTES: usize = 64 << 10;
/// What is longer has a connection of its own.
pub(crate) const LONGEST: usize = 4 << 10;
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the calls of a batch have in common: the database, and whether and how a replica has to be in step.
pub(crate) type Group = (u32, Option<bool>);

/// Calls that gather for one connection.
pub(super) struct Batch {
    group: Group,
    /// What its leader waits for in the queue of the pool, with the lock of that.
    turn: Arc<Condvar>,
    state: Mutex<Gathered>,
    /// Something has changed for those that wait.
    changed: Condvar,
}

struct Gathered {
    /// What they want, each behind the one before.
    requests: Vec<u8>,
    places: Vec<Place>,
    stage: Stage,
    /// When the connection was there.
    served: Option<Instant>,
}

/// The place of a call in its batch.
struct Place {
    /// Where its request ends.
    end: usize,
    deadline: Deadline,
    /// Its deadline has passed, or its thread has panicked.
    has_left: bool,
}

enum Stage {
    /// One of them waits for a connection.
    Gathering,
    /// None of them does any more, so the next one that looks has to.
    Leaderless,
    /// One of them writes and reads. The others may be told how far it is only when it hands on.
    Flying {
        asked: Instant,
    },
    /// The one that did has no more time, so the next one that looks goes on.
    Adrift(Box<Flight>),
    Over(Arc<Landed>),
}

/// What is under way for a batch.
struct Flight {
    lease: Lease,
    /// The connection knows how many replies come.
    is_owed: bool,
    requests: Vec<u8>,
    /// Who takes part: their places in the batch, and where their requests end in what is written.
    members: Vec<usize>,
    ends: Vec<usize>,
    written: usize,
    replies: Vec<u8>,
    reply_ends: Vec<usize>,
    asked: Instant,
    /// The latest of all deadlines: until then the server may take its time.
    until: Deadline,
}

/// What came of a batch.
pub(crate) struct Landed {
    members: Vec<usize>,
    ends: Vec<usize>,
    /// As many bytes of the requests as the system took.
    written: usize,
    replies: Vec<u8>,
    reply_ends: Vec<usize>,
    node: String,
    /// Why there are no more replies.
    failed: Option<Error>,
}

impl Landed {
    /// The reply at this range.
    pub(crate) fn frame(&self, range: Range<usize>) -> Frame<'_> {
        Frame::trusted(&self.replies[range])
    }

    /// The server that gave it.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Where the reply for this place lies.
    fn reply_of(&self, place: usize) -> Result<Range<usize>> {
        let at = self.members.iter().position(|&member| member == place);
        if let Some(at) = at.filter(|&at| at < self.reply_ends.len()) {
            return Ok(at.checked_sub(1).map_or(0, |before| self.reply_ends[before])..self.reply_ends[at]);
        }
        let failed = self.failed.clone().unwrap_or_else(|| Error::reply("no reply came"));
        Err(match at.map(|at| self.ends[at] <= self.written) {
            Some(true) => failed.with_outcome(Outcome::Unknown),
            Some(false) => failed.with_outcome(Outcome::NotApplied),
            None => failed,
        })
    }
}

/// What a call of a batch has to do next.
enum Next {
    Lead,
    Fly(Box<Flight>),
    Land(Arc<Landed>),
    Leave(Error),
}

impl Batch {
    fn new(group: Group) -> Batch {
        let state = Gathered { requests: Vec::new(), places: Vec::new(), stage: Stage::Gathering, served: None };
        Batch { group, turn: Arc::default(), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A place for this request, if there is one.
    fn join(&self, request: &[u8], deadline: Deadline) -> Option<usize> {
        let mut state = lock(&self.state);
        let place = state.places.len();
        if place >= MOST_CALLS || (place > 0 && state.requests.len() + request.len() > MOST_BYTES) {
            return None;
        }
        state.requests.extend_from_slice(request);
        let end = state.requests.len();
        state.places.push(Place { end, deadline, has_left: false });
        Some(place)
    }

    /// Those that wait for somebody else.
    pub(super) fn followers(&self) -> usize {
        let staying = lock(&self.state).places.iter().filter(|place| !place.has_left).count();
        staying.saturating_sub(1)
    }

    /// Waits until there is something to do for this place.
    fn next(&self, pool: &Pool, place: usize, deadline: Deadline) -> Next {
        let mut state = lock(&self.state);
        loop {
            match &state.stage {
                Stage::Over(landed) => return Next::Land(Arc::clone(landed)),
                Stage::Leaderless => {
                    state.stage = Stage::Gathering;
                    return Next::Lead;
                }
                Stage::Adrift(flight) => {
                    let asked = flight.asked;
                    if let Stage::Adrift(flight) = std::mem::replace(&mut state.stage, Stage::Flying { asked }) {
                        return Next::Fly(flight);
                    }
                }
                Stage::Gathering | Stage::Flying { .. } => {}
            }
            let Ok(left) = deadline.left() else {
                state.places[place].has_left = true;
                let asked = match state.stage {
                    Stage::Flying { asked } => Some(asked),
                    _ => None,
                };
                // The lock of the pool comes before this one.
                drop(state);
                return Next::Leave(match asked {
                    Some(asked) => pool.said_nothing(asked, deadline),
                    None => pool.stayed_in_use(),
                });
            };
            state = match left {
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Takes what is wanted, for a connection that is there.
    fn board(&self, lease: Lease) -> Flight {
        let mut state = lock(&self.state);
        let whole = std::mem::take(&mut state.requests);
        let (mut requests, mut members, mut ends) = (Vec::with_capacity(whole.len()), Vec::new(), Vec::new());
        let (mut until, mut start) = (None::<Deadline>, 0);
        for (nth, place) in state.places.iter().enumerate() {
            if !place.has_left {
                requests.extend_from_slice(&whole[start..place.end]);
                members.push(nth);
                ends.push(requests.len());
                until = Some(until.map_or(place.deadline, |until| until.or_later(place.deadline)));
            }
            start = place.end;
        }
        let asked = Instant::now();
        state.served = Some(asked);
        state.stage = Stage::Flying { asked };
        // One that never ends would keep those that do.
        let until = until.unwrap_or_else(Deadline::never).within(A_YEAR);
        let (replies, reply_ends) = (Vec::new(), Vec::with_capacity(members.len()));
        Flight { lease, is_owed: false, requests, members, ends, written: 0, replies, reply_ends, asked, until }
    }

    /// Tells all what came of it.
    fn land(&self, mut landed: Landed) -> Arc<Landed> {
        // One connection broke, so it is paid for once that calls are tried again.
        landed.failed = landed.failed.map(Error::of_several);
        let landed = Arc::new(landed);
        lock(&self.state).stage = Stage::Over(Arc::clone(&landed));
        self.changed.notify_all();
        landed
    }

    /// Tells all the same: there are no replies.
    fn land_without(&self, failed: Error) -> Arc<Landed> {
        self.land(Landed {
            members: Vec::new(),
            ends: Vec::new(),
            written: 0,
            replies: Vec::new(),
            reply_ends: Vec::new(),
            node: String::new(),
            failed: Some(failed),
        })
    }

    /// The one that leads has no more time: another one goes on with what there is, if any is left. Says whether one does.
    fn hand_on(&self, place: usize, stage: Stage) -> bool {
        let mut state = lock(&self.state);
        state.places[place].has_left = true;
        // Somebody may join who finds that nobody leads; nobody joins what is under way.
        if matches!(stage, Stage::Leaderless) || state.places.iter().any(|place| !place.has_left) {
            state.stage = stage;
            self.changed.notify_all();
            return true;
        }
        // Dropped when the lock is free: it may close a connection, and that is told.
        drop(state);
        drop(stage);
        false
    }
}

impl Flight {
    /// Writes and reads until all is done, the connection fails or this deadline has come. Says whether there is more to do.
    fn goes_on(&mut self, deadline: Deadline) -> Result<bool> {
        if !self.is_owed {
            if deadline.left().is_err() {
                return Ok(true);
            }
            self.is_owed = true;
            self.lease.owe(self.members.len())?;
        }
        // A bit past its end what has come by then is still taken.
        let slice = || deadline.left().map_or(Duration::ZERO, |left| left.unwrap_or(Duration::MAX));
        while self.written < self.requests.len() {
            let (count, failed) = self.lease.write_within(&self.requests[self.written..], slice(), self.until);
            self.written += count;
            failed.map_or(Ok(()), Err)?;
            if self.written < self.requests.len() && deadline.left().is_err() {
                return Ok(true);
            }
        }
        while self.reply_ends.len() < self.members.len() {
            let Some(range) = self.lease.receive_within(slice(), self.until)? else { return Ok(true) };
            self.replies.extend_from_slice(self.lease.frame(range).as_bytes());
            self.reply_ends.push(self.replies.len());
        }
        Ok(false)
    }

    /// Takes out what one place wants, of which nothing has been written.
    fn leave_out(&mut self, place: usize) {
        let Some(at) = self.members.iter().position(|&member| member == place) else { return };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let length = self.ends[at] - start;
        self.requests.drain(start..start + length);
        self.members.remove(at);
        self.ends.remove(at);
        self.ends[at..].iter_mut().for_each(|end| *end -= length);
    }

    /// The reply for one place, when it has come.
    fn own(&self, place: usize) -> Option<Landed> {
        let at = self.members.iter().position(|&member| member == place)?;
        let &end = self.reply_ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.reply_ends[before]);
        Some(Landed {
            members: vec![place],
            ends: vec![self.ends[at]],
            written: self.written,
            replies: self.replies[start..end].to_vec(),
            reply_ends: vec![end - start],
            node: self.lease.node().to_string(),
            failed: None,
        })
    }

    fn landed(self, failed: Option<Error>) -> Landed {
        let node = self.lease.node().to_string();
        let first_end = self.reply_ends.first().copied().unwrap_or(0);
        if let Some(text) = Frame::trusted(&self.replies[..first_end]).error().filter(|_| first_end > 0) {
            let error = Error::server(text);
            if error.is_full_house() {
                self.lease.discard(CloseReason::Failed(error.kind()));
            }
        }
        Landed {
            members: self.members,
            ends: self.ends,
            written: self.written,
            replies: self.replies,
            reply_ends: self.reply_ends,
            node,
            failed,
        }
    }
}

/// The call that leads. When it panics, the others are told.
struct Leading<'b> {
    pool: &'b Pool,
    batch: &'b Arc<Batch>,
    is_over: bool,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.pool.close_batch(self.batch);
            // How much was sent by then nobody knows.
            let outcome = match lock(&self.batch.state).stage {
                Stage::Gathering | Stage::Leaderless => Outcome::NotApplied,
                _ => Outcome::Unknown,
            };
            let failed = Error::new(ErrorKind::Io, outcome, "a panic in the thread that was to send it");
            self.batch.land_without(failed.at(&*self.pool.node()));
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
        lend: &mut dyn FnMut(&Arc<Condvar>) -> Result<Lease>,
    ) -> Result<(Arc<Landed>, Range<usize>)> {
        let (batch, place) = self.join(group, request, deadline);
        let begun = self.observer().clock();
        let mut next = if place == 0 { Next::Lead } else { batch.next(self, place, deadline) };
        loop {
            next = match next {
                Next::Lead => self.lead(&batch, place, deadline, lend),
                Next::Fly(flight) => self.fly(&batch, place, deadline, flight),
                Next::Land(landed) => {
                    self.tell_wait(begun, &batch, false);
                    return landed.reply_of(place).map(|range| (landed, range));
                }
                Next::Leave(error) => {
                    self.tell_wait(begun, &batch, error.kind() == ErrorKind::PoolTimeout);
                    return Err(error);
                }
            };
        }
    }

    fn join(&self, group: Group, request: &[u8], deadline: Deadline) -> (Arc<Batch>, usize) {
        let this_process = forked::this_process();
        // Dropped after the lock.
        let _parents;
        let mut state = self.state();
        _parents = state.leave_to_parent(this_process);
        for batch in &state.gathering {
            if batch.group == group {
                if let Some(place) = batch.join(request, deadline) {
                    let batch = Arc::clone(batch);
                    state.counts.waited += 1;
                    state.counts.gathered += 1;
                    return (batch, place);
                }
            }
        }
        let batch = Arc::new(Batch::new(group));
        let place = batch.join(request, deadline).unwrap_or(0);
        state.counts.waited += 1;
        state.gathering.push(Arc::clone(&batch));
        (batch, place)
    }

    /// Tells how long a call waited for the connection of its batch.
    fn tell_wait(&self, begun: Option<Instant>, batch: &Batch, timed_out: bool) {
        if timed_out {
            self.state().counts.timed_out += 1;
        }
        let Some(begun) = begun else { return };
        let served = lock(&batch.state).served;
        let took = served.map_or_else(|| begun.elapsed(), |served| served.saturating_duration_since(begun));
        let node = &*self.node();
        self.observer().on(|| ObserverEvent::PoolWait { node, took, timed_out });
    }

    /// Waits for the connection in the place of all, and takes off with it.
    fn lead(
        self: &Arc<Pool>,
        batch: &Arc<Batch>,
        place: usize,
        deadline: Deadline,
        lend: &mut dyn FnMut(&Arc<Condvar>) -> Result<Lease>,
    ) -> Next {
        let mut leading = Leading { pool: self, batch, is_over: false };
        let lent = lend(&batch.turn);
        match lent {
            Ok(lease) => {
                self.close_batch(batch);
                let flight = Box::new(batch.board(lease));
                leading.is_over = true;
                drop(leading);
                self.fly(batch, place, deadline, flight)
            }
            // The others may have more time, for the connection or for a look at a replica.
            Err(error) if deadline.left().is_err() || error.kind() == ErrorKind::PoolTimeout => {
                leading.is_over = true;
                batch.hand_on(place, Stage::Leaderless);
                self.close_batch_if_left(batch);
                Next::Leave(error)
            }
            Err(error) => {
                leading.is_over = true;
                self.close_batch(batch);
                Next::Land(batch.land_without(error))
            }
        }
    }

    /// Goes on with what is under way.
    fn fly(&self, batch: &Arc<Batch>, place: usize, deadline: Deadline, mut flight: Box<Flight>) -> Next {
        let mut leading = Leading { pool: self, batch, is_over: false };
        let went_on = flight.goes_on(deadline);
        leading.is_over = true;
        match went_on {
            Ok(false) => Next::Land(batch.land(flight.landed(None))),
            Err(error) => Next::Land(batch.land(flight.landed(Some(error)))),
            Ok(true) => {
                if !flight.is_owed {
                    // The connection came too late.
                    flight.leave_out(place);
                    batch.hand_on(place, Stage::Adrift(flight));
                    return Next::Leave(self.stayed_in_use());
                }
                let (asked, own) = (flight.asked, flight.own(place));
                let at = flight.members.iter().position(|&member| member == place);
                let is_whole = at.is_some_and(|at| flight.ends[at] <= flight.written);
                let goes_on = batch.hand_on(place, Stage::Adrift(flight));
                // Whoever goes on writes the rest.
                let outcome = if is_whole || goes_on { Outcome::Unknown } else { Outcome::NotApplied };
                match own {
                    Some(reply) => Next::Land(Arc::new(reply)),
                    None => Next::Leave(self.said_nothing(asked, deadline).with_outcome(outcome)),
                }
            }
        }
    }

    /// Nobody joins it any more, and it waits for no connection.
    fn close_batch(&self, batch: &Arc<Batch>) {
        self.state().close_batch(batch, self.settings.pool_size);
    }

    /// The same, when all that were in it have left.
    fn close_batch_if_left(&self, batch: &Arc<Batch>) {
        let mut state = self.state();
        if lock(&batch.state).places.iter().all(|place| place.has_left) {
            state.close_batch(batch, self.settings.pool_size);
        }
    }

    /// The error of a call whose deadline has come while its server was to answer a batch.
    fn said_nothing(&self, asked: Instant, deadline: Deadline) -> Error {
        self.silence().unanswered(deadline.awaited_from(asked));
        let error = Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::Unknown, "waiting for the reply");
        error.in_phase(Phase::Receive).at(&*self.node())
    }
}

impl State {
    fn close_batch(&mut self, batch: &Arc<Batch>, size: usize) {
        self.gathering.retain(|other| !Arc::ptr_eq(other, batch));
        self.waiting.retain(|turn| !Arc::ptr_eq(turn, &batch.turn));
        self.wake_first_if_room(size);
    }
}
