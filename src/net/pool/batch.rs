//! Calls of a batch: what they want, where each stands, and what came for them.

use super::{Lease, Pool, Waiter};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::Deadline;
use crate::observer::CloseReason;
use crate::resp::Frame;
use crate::threads::lock;
use crate::topology::Node;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As many calls gather for one connection at most, and as many bytes: what a server takes at once, and what the buffer of
/// its socket holds.
const MOST_CALLS: usize = 256;
const MOST_BYTES: usize = 64 << 10;
/// What has come is handed out when it is more than this: no reply waits for all that come behind it, and a batch keeps no
/// more of what nobody can take yet.
const PART: usize = 128 << 10;
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the calls of a batch have in common: the database, and whether and how a replica has to be in step.
pub(crate) type Group = (u32, Option<bool>);

/// Calls that gather for one connection.
pub(super) struct Batch {
    pub(super) group: Group,
    /// What its leader waits for in the queue of the pool, with the lock of that.
    pub(super) turn: Arc<Waiter>,
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
    /// As many bytes of the requests as the system took, which reply is the first that did not come, and why there are no
    /// more replies, when it is over.
    written: usize,
    missing: usize,
    failed: Option<Error>,
}

/// The place of a call in its batch.
struct Place {
    /// Where its request ends: in all that is wanted, and once that is under way in what is written.
    end: usize,
    deadline: Deadline,
    /// It has its reply, its deadline has passed, or its connection could not be had.
    has_left: bool,
    /// Which reply is its own, where it takes part.
    nth: Option<usize>,
    /// That has come.
    reply: Option<(Arc<Replies>, Range<usize>)>,
}

pub(super) enum Stage {
    /// One of them waits for a connection.
    Gathering,
    /// None of them does any more, so the next one that looks has to.
    Leaderless,
    /// The connection came too late for the one that waited, so the next one that looks takes it.
    Ready(Lease),
    /// One of them writes and reads. The others may be told how far it is only when it hands on.
    InFlight(Instant),
    /// The one that did has no more time, so the next one that looks goes on.
    HandedOn(Box<InFlight>),
    Over,
}

/// What is under way for a batch.
pub(super) struct InFlight {
    lease: Lease,
    /// The connection knows how many replies come.
    is_owed: bool,
    /// Its server has too many clients, so nobody else is to have it.
    is_refused: bool,
    requests: Vec<u8>,
    pub(super) written: usize,
    /// As many replies are to come, and as many have been handed out.
    wanted: usize,
    given: usize,
    /// What has come since then.
    replies: Vec<u8>,
    reply_ends: Vec<usize>,
    pub(super) asked: Instant,
    /// The latest of all deadlines: until then the server may take its time.
    until: Deadline,
}

/// Replies to calls of a batch that came one after the other. The last call that has its own frees the memory.
pub(crate) struct Replies {
    bytes: Vec<u8>,
    node: Arc<Node>,
}

impl Replies {
    /// The reply at this range.
    pub(crate) fn frame(&self, range: Range<usize>) -> Frame<'_> {
        Frame::trusted(&self.bytes[range])
    }

    /// The server that gave it.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}

/// What a call gets that gathers with others.
pub(crate) enum Shared {
    /// Where its reply lies.
    Reply(Arc<Replies>, Range<usize>),
    /// A new connection, for which the others did not wait.
    Alone(Lease),
}

/// What a call of a batch has to do next.
pub(super) enum Next {
    /// To wait for a connection in the place of all.
    Lead,
    /// To send what all want over this one.
    Begin(Lease),
    /// To write and read what is under way.
    GoOn(Box<InFlight>),
    /// Nothing.
    Done(Result<Shared>),
}

impl Gathered {
    /// What came for this place, when that is known.
    fn take(&mut self, place: usize) -> Option<Result<Shared>> {
        let Place { nth, end, has_left, reply, .. } = &mut self.places[place];
        if let Some((replies, range)) = reply.take() {
            *has_left = true;
            return Some(Ok(Shared::Reply(replies, range)));
        }
        if !matches!(self.stage, Stage::Over) {
            return None;
        }
        let failed = self.failed.clone().unwrap_or_else(|| Error::reply("no reply came"));
        Some(Err(match *nth {
            Some(nth) => {
                let outcome = if *end <= self.written { Outcome::Unknown } else { Outcome::NotApplied };
                failed_behind(failed, nth > self.missing).with_outcome(outcome)
            }
            None => failed,
        }))
    }

    /// Hands out what has come since the last time.
    fn hand_out(&mut self, flight: &mut InFlight) {
        let bytes = std::mem::take(&mut flight.replies);
        let replies = Arc::new(Replies { bytes, node: flight.lease.shared_node() });
        let (mut start, mut ends) = (0, std::mem::take(&mut flight.reply_ends).into_iter());
        for place in &mut self.places {
            if place.nth != Some(flight.given) {
                continue;
            }
            let Some(end) = ends.next() else { break };
            if !place.has_left {
                place.reply = Some((Arc::clone(&replies), start..end));
            }
            (start, flight.given) = (end, flight.given + 1);
        }
    }
}

/// The error of a batch as one of its calls gets it. A reply that is none is the matter of the call that it was for: for those
/// behind it the connection broke.
fn failed_behind(failed: Error, is_behind: bool) -> Error {
    match is_behind && !matches!(failed.kind(), ErrorKind::Io | ErrorKind::Timeout) {
        true => {
            failed.with_kind(ErrorKind::Io).with_note("that was the reply to another call over the same connection")
        }
        false => failed,
    }
}

impl Batch {
    pub(super) fn new(group: Group, turn: Arc<Waiter>) -> Batch {
        let state = Gathered {
            requests: Vec::new(),
            places: Vec::new(),
            stage: Stage::Gathering,
            served: None,
            written: 0,
            missing: 0,
            failed: None,
        };
        Batch { group, turn, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A place for this request, if there is one.
    pub(super) fn join(&self, request: &[u8], deadline: Deadline) -> Option<usize> {
        let mut state = lock(&self.state);
        let place = state.places.len();
        if place >= MOST_CALLS || (place > 0 && state.requests.len() + request.len() > MOST_BYTES) {
            return None;
        }
        state.requests.extend_from_slice(request);
        let end = state.requests.len();
        state.places.push(Place { end, deadline, has_left: false, nth: None, reply: None });
        Some(place)
    }

    /// Those that wait for somebody else.
    pub(super) fn followers(&self) -> usize {
        let staying = lock(&self.state).places.iter().filter(|place| !place.has_left).count();
        staying.saturating_sub(1)
    }

    /// Whether nobody waits for anything any more.
    pub(super) fn have_all_left(&self) -> bool {
        lock(&self.state).places.iter().all(|place| place.has_left)
    }

    /// When its connection was there.
    pub(super) fn served(&self) -> Option<Instant> {
        lock(&self.state).served
    }

    /// Whether what this place wants ends within so many bytes.
    pub(super) fn is_within(&self, place: usize, written: usize) -> bool {
        lock(&self.state).places[place].end <= written
    }

    /// Waits until there is something to do for this place.
    pub(super) fn next(&self, pool: &Pool, place: usize, deadline: Deadline) -> Next {
        let mut state = lock(&self.state);
        loop {
            if let Some(came) = state.take(place) {
                return Next::Done(came);
            }
            match std::mem::replace(&mut state.stage, Stage::Gathering) {
                Stage::Leaderless => return Next::Lead,
                Stage::Ready(lease) => return Next::Begin(lease),
                Stage::HandedOn(flight) => {
                    state.stage = Stage::InFlight(flight.asked);
                    return Next::GoOn(flight);
                }
                stage => state.stage = stage,
            }
            let Ok(left) = deadline.left() else {
                state.places[place].has_left = true;
                let asked = match state.stage {
                    Stage::InFlight(asked) => Some(asked),
                    _ => None,
                };
                // The lock of the pool comes before this one.
                drop(state);
                return Next::Done(Err(match asked {
                    Some(asked) => pool.said_nothing(asked, deadline),
                    None => pool.stayed_in_use(),
                }));
            };
            state = self.changed.wait_timeout(state, left.unwrap_or(A_YEAR)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes what is wanted, for a connection that is there.
    pub(super) fn begin(&self, lease: Lease) -> Box<InFlight> {
        let mut state = lock(&self.state);
        let whole = std::mem::take(&mut state.requests);
        let mut requests = Vec::with_capacity(whole.len());
        let (mut until, mut start, mut wanted) = (None::<Deadline>, 0, 0);
        for place in &mut state.places {
            let request = start..place.end;
            start = place.end;
            if !place.has_left {
                requests.extend_from_slice(&whole[request]);
                (place.end, place.nth) = (requests.len(), Some(wanted));
                wanted += 1;
                until = Some(until.map_or(place.deadline, |until| until.or_later(place.deadline)));
            }
        }
        let asked = Instant::now();
        state.served = Some(asked);
        state.stage = Stage::InFlight(asked);
        // One that never ends would keep those that do.
        let until = until.unwrap_or_else(Deadline::never).within(A_YEAR);
        let (replies, reply_ends) = (Vec::new(), Vec::with_capacity(wanted));
        Box::new(InFlight {
            lease,
            is_owed: false,
            is_refused: false,
            requests,
            written: 0,
            wanted,
            given: 0,
            replies,
            reply_ends,
            asked,
            until,
        })
    }

    /// Hands out what has come, and there is more to come.
    fn hand_out(&self, flight: &mut InFlight) {
        lock(&self.state).hand_out(flight);
        self.changed.notify_all();
    }

    /// Tells all what came of it, and gives what came for this place.
    pub(super) fn end(&self, place: usize, mut flight: Box<InFlight>, failed: Option<Error>) -> Result<Shared> {
        let mut state = lock(&self.state);
        state.hand_out(&mut flight);
        (state.written, state.missing) = (flight.written, flight.given);
        // One connection broke, so it is paid for once that calls are tried again.
        state.failed = failed.map(Error::of_several);
        state.stage = Stage::Over;
        let own = state.take(place);
        drop(state);
        // The next batch first: it has waited for longer than any of these will until they come again.
        let told = Told(&self.changed);
        match flight.is_refused {
            true => flight.lease.discard(CloseReason::Failed(ErrorKind::Server)),
            false => drop(flight),
        }
        drop(told);
        own.unwrap_or_else(|| Err(Error::reply("no reply came")))
    }

    /// Tells all the same when the one that leads has panicked: there are no more replies.
    pub(super) fn end_without(&self, failed: Error) {
        let mut state = lock(&self.state);
        // How much of what was under way had been sent nobody knows.
        state.written = usize::MAX;
        state.failed = Some(failed.of_several());
        let _stage = std::mem::replace(&mut state.stage, Stage::Over);
        drop(state);
        self.changed.notify_all();
    }

    /// The one that leads does not any more: another one goes on with what there is, if any is left. Gives the reply of the
    /// former, if that has come, and says whether another one goes on.
    pub(super) fn hand_on(&self, place: usize, mut stage: Stage) -> (Option<Result<Shared>>, bool) {
        let mut state = lock(&self.state);
        if let Stage::HandedOn(flight) = &mut stage {
            state.hand_out(flight);
        }
        let own = state.take(place);
        state.places[place].has_left = true;
        // Somebody may join who finds that nobody leads; nobody joins what is under way.
        let goes_on = matches!(stage, Stage::Leaderless) || state.places.iter().any(|place| !place.has_left);
        if goes_on {
            std::mem::swap(&mut state.stage, &mut stage);
        }
        // Dropped when the lock is free: it may close a connection, and that is told.
        drop(state);
        drop(stage);
        // Whoever is told looks whether there is somebody who leads before it looks at the clock.
        self.changed.notify_all();
        (own, goes_on)
    }
}

/// Tells all that wait when it goes, whatever happens until then.
struct Told<'b>(&'b Condvar);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.notify_all();
    }
}

impl InFlight {
    /// Writes and reads until all is done, the connection fails or this deadline has come. Says whether there is more to do.
    pub(super) fn go_on(&mut self, batch: &Batch, deadline: Deadline) -> Result<bool> {
        if !self.is_owed {
            self.is_owed = true;
            self.lease.owe(self.wanted)?;
        }
        // A bit past its end what has come by then is still taken.
        let slice = || deadline.left().map_or(Duration::ZERO, |left| left.unwrap_or(Duration::MAX));
        while self.written < self.requests.len() {
            let (count, failed) = self.lease.write_within(&self.requests[self.written..], slice(), self.until);
            self.written += count;
            if let Some(error) = failed {
                return Err(self.not_written(error));
            }
            if self.written < self.requests.len() && deadline.left().is_err() {
                return Ok(true);
            }
        }
        while self.given + self.reply_ends.len() < self.wanted {
            let range = match self.lease.short_reply() {
                Some(range) => range,
                None => match self.lease.receive_within(slice(), self.until)? {
                    Some(range) => range,
                    None => return Ok(true),
                },
            };
            if range.len() >= PART && !self.replies.is_empty() {
                // What is small need not stay for as long as what is large.
                batch.hand_out(self);
            }
            let reply = self.lease.frame(range);
            if self.given == 0 && self.reply_ends.is_empty() {
                self.is_refused = reply.error().is_some_and(|text| Error::server(text).is_full_house());
            }
            self.replies.extend_from_slice(reply.as_bytes());
            self.reply_ends.push(self.replies.len());
            if self.replies.len() >= PART {
                batch.hand_out(self);
            }
        }
        Ok(false)
    }

    /// The error of a write. What the server said before it hung up is its reply to the first of several, as far as can be
    /// told, and says nothing of the others.
    #[cold]
    fn not_written(&self, error: Error) -> Error {
        match error.is_server() && self.wanted > 1 && self.written > 0 {
            true => Error::io(std::io::ErrorKind::BrokenPipe.into(), Outcome::NotApplied, "sending the command")
                .in_phase(Phase::Send)
                .at(self.lease.node()),
            false => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Builder;
    use crate::topology::{Address, Role};

    fn node() -> Arc<Node> {
        Arc::new(Node::new("n", Address::new("h", 1).unwrap()))
    }

    fn batch() -> Batch {
        let (endpoint, settings) = Builder::default().single("h:1").unwrap();
        let pool = Pool::new(Role::Master, node().as_ref().clone(), endpoint, Arc::new(settings));
        let turn = pool.state().comes();
        Batch::new((0, None), turn)
    }

    #[test]
    fn how_much_gathers() {
        for (requests, joins) in [
            (&[MOST_BYTES, 0][..], true),
            (&[MOST_BYTES, 1], false),
            (&[1, MOST_BYTES - 1], true),
            (&[1, MOST_BYTES], false),
            // The first one is taken whatever it wants.
            (&[MOST_BYTES + 1], true),
            (&[1; MOST_CALLS], true),
            (&[1; MOST_CALLS + 1], false),
        ] {
            let batch = batch();
            let (last, before) = requests.split_last().unwrap();
            for (place, length) in before.iter().enumerate() {
                assert_eq!(batch.join(&vec![0; *length], Deadline::never()), Some(place));
            }
            let joined = batch.join(&vec![0; *last], Deadline::never());
            assert_eq!(joined, joins.then_some(before.len()), "{last} behind {}", before.len());
        }
    }

    #[test]
    fn who_is_left() {
        let batch = batch();
        assert!(batch.have_all_left() && batch.followers() == 0);
        for length in [3, 4, 5] {
            batch.join(&vec![0; length], Deadline::never()).unwrap();
        }
        assert_eq!(
            [(1, 6), (1, 7), (2, 11)].map(|(place, written)| batch.is_within(place, written)),
            [false, true, false]
        );
        for (leaves, followers) in [(1, 1), (0, 0), (2, 0)] {
            assert!(!batch.have_all_left());
            let (own, goes_on) = batch.hand_on(leaves, Stage::Gathering);
            assert_eq!((own.is_none(), goes_on, batch.followers()), (true, leaves != 2, followers), "{leaves} leaves");
        }
        assert!(batch.have_all_left());
        // Somebody may come who finds that nobody leads.
        assert!(batch.hand_on(0, Stage::Leaderless).1);
    }

    #[test]
    fn a_reply_is_taken_once_and_by_whoever_waits_for_it() {
        let batch = batch();
        let mut state = lock(&batch.state);
        for _ in 0..2 {
            let (end, reply) = (1, Some((Arc::new(Replies { bytes: b":1\r\n".to_vec(), node: node() }), 0..4)));
            state.places.push(Place { end, deadline: Deadline::never(), has_left: false, nth: Some(0), reply });
        }
        let Some(Ok(Shared::Reply(replies, range))) = state.take(1) else { panic!("its reply has come") };
        assert_eq!(replies.frame(range).as_bytes(), b":1\r\n");
        assert!(state.take(1).is_none());
        assert_eq!([0, 1].map(|place| state.places[place].has_left), [false, true]);
    }

    #[test]
    fn what_a_call_is_told_of_what_failed() {
        use ErrorKind::{Io, Protocol, Timeout};
        use Outcome::{NotApplied, Unknown};
        // Of three calls, whose requests end at 10, 20 and 30, and one that takes no part.
        for (kind, written, missing, expected) in [
            (Io, 0, 0, [(Io, NotApplied), (Io, NotApplied), (Io, NotApplied)]),
            (Io, 9, 0, [(Io, NotApplied), (Io, NotApplied), (Io, NotApplied)]),
            (Io, 10, 0, [(Io, Unknown), (Io, NotApplied), (Io, NotApplied)]),
            (Timeout, 29, 1, [(Timeout, Unknown), (Timeout, Unknown), (Timeout, NotApplied)]),
            // A reply that is none is the matter of the call that it was for.
            (Protocol, 30, 0, [(Protocol, Unknown), (Io, Unknown), (Io, Unknown)]),
            (Protocol, 30, 1, [(Protocol, Unknown), (Protocol, Unknown), (Io, Unknown)]),
        ] {
            let batch = batch();
            let mut state = lock(&batch.state);
            for nth in 0..4 {
                let (end, nth) = (10 * nth + 10, (nth < 3).then_some(nth));
                state.places.push(Place { end, deadline: Deadline::never(), has_left: false, nth, reply: None });
            }
            assert!(state.take(0).is_none(), "nothing is known yet");
            (state.stage, state.written, state.missing) = (Stage::Over, written, missing);
            state.failed = Some(Error::new(kind, NotApplied, "testing"));
            let told = [0, 1, 2].map(|place| match state.take(place) {
                Some(Err(error)) => (error.kind(), error.outcome()),
                _ => panic!("it is over"),
            });
            assert_eq!(told, expected, "{kind:?} with {written} written, {missing} missing");
            let apart = state.take(3).unwrap().err().unwrap();
            assert_eq!((apart.kind(), apart.outcome()), (kind, NotApplied), "it was not sent");
        }
    }
}
