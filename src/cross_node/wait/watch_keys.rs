//! Waiting on several nodes at once for keys to change, without taking anything.
//!
//! Each node is told to say when one of the keys changes (`CLIENT TRACKING`). Only when a look at its keys shows that it
//! may have something is it asked for that, and only one node at a time: so a reply that is lost is the only one that can
//! be, nothing has to be put back, and a wait on a node that says nothing ends by closing the connection.

use super::in_slices::Given;
use crate::command::Access;
use crate::cross_node::{error_in, nothing_written};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::execute::{cancelled, Call};
use crate::net::{Deadline, ReadHalf, Stream};
use crate::plan::{command, Placed};
use crate::resp::{Frame, ValueRef};
use crate::threads::{lock, wait_while};
use crate::topology::info::Info;
use std::cmp::Ordering::{Equal, Greater, Less};
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is asked first of a server that is to say when a key changes.
pub(crate) const TRACKING: &str = "HELLO 3, CLIENT TRACKING ON, ";

/// How often the keys are looked at though nothing was said: that shows whether the server still answers and is still
/// the master, and what servers do not tell, such as `SWAPDB`.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The same for a server that does not track keys, because it is older than Redis 6.0 or forbids it.
const POLL: Duration = Duration::from_millis(50);
/// For how many times as long as a look took there is no other one, however often changes are told: keys may be written to
/// all the time, in any database, and a server that tracks fewer keys than these (`tracking-table-max-keys`) tells a
/// change of one as soon as it is asked for another.
const REST: u32 = 4;
/// A rest is no shorter, and no longer than [`POLL`]: a server that was slow once is not to cost the next change more.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// How long a server that has become a replica is read from though it has no link to its master. While it has one, it goes
/// on with what it was asked, so nothing is missed.
const WITHOUT_MASTER: Duration = Duration::from_secs(3);

/// What is watched on one server.
pub(crate) struct Watcher<'w> {
    pub(crate) server: usize,
    pub(crate) keys: Vec<&'w [u8]>,
    /// The command with a time to wait that no server takes: its refusal shows that nothing else is wrong with it.
    pub(crate) probe: Vec<u8>,
}

impl<'w> Watcher<'w> {
    /// Of the keys of one server.
    #[inline]
    pub(crate) fn of(keys: &[&Placed<'w>], probe: Vec<u8>) -> Watcher<'w> {
        Watcher { server: keys[0].master, keys: keys.iter().map(|key| key.stored).collect(), probe }
    }
}

/// Asks one server, by its place among the watchers, for what it has; the types of its keys are known.
pub(crate) type Take<'t> = dyn Fn(usize, &[Vec<u8>]) -> Given + Sync + 't;

/// What came of a wait on several servers.
pub(crate) struct Waited {
    /// In the order of the watchers. At most one server gave something or may have.
    pub(crate) results: Vec<Given>,
    /// Whether another thread has ended it.
    pub(crate) was_cancelled: bool,
}

/// What the threads of the watchers say to the call that waits for them.
enum Event {
    /// The keys of one more server have been looked at.
    Looked,
    /// One has come to its end.
    Ended(usize, Given),
    /// Another thread's wish.
    Cancelled,
}

/// What was said and not heard yet. The channels of the standard library would take 50 KB of a program.
#[derive(Default)]
struct Mailbox {
    events: Mutex<Vec<Event>>,
    came: Condvar,
}

impl Mailbox {
    #[inline]
    fn say(&self, event: Event) {
        lock(&self.events).push(event);
        self.came.notify_one();
    }

    /// Waits for one; `None` when the time is over.
    #[inline]
    fn hear(&self, until: Option<Instant>) -> Option<Event> {
        wait_while(&self.came, lock(&self.events), until, &Vec::is_empty).map(|mut events| events.remove(0))
    }
}

/// What the watchers share.
struct Watching {
    /// Held by the watcher whose server is asked for what it has.
    turn: Mutex<()>,
    state: Mutex<State>,
}

struct State {
    is_over: bool,
    /// The sockets of the watchers, to be closed by the others.
    sockets: Vec<Option<Stream>>,
}

impl Watching {
    #[inline]
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Keeps the socket of a watcher, or closes it when the wait is over already.
    #[inline]
    fn keep(&self, nth: usize, socket: Stream) {
        let mut state = self.state();
        match state.is_over {
            true => socket.close(),
            false => state.sockets[nth] = Some(socket),
        }
    }

    /// Ends all watchers: nothing is under way on their connections that takes anything.
    #[inline]
    fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.sockets.iter_mut().filter_map(Option::take).for_each(|socket| socket.close());
    }
}

/// A connection over which a server tells what changes.
struct Session {
    incoming: ReadHalf,
    outgoing: Stream,
    node: String,
    /// A change was told since the last look began.
    was_told: bool,
    look_again: Duration,
    /// The keys are not looked at before.
    rests_until: Instant,
    /// When its server was last known to be one that can have something new.
    seen_fit: Instant,
}

/// Watches several servers until one of them gives something, or the time is over.
#[inline]
pub(crate) fn watch_until_given(
    call: &Call<'_>,
    watchers: &[Watcher<'_>],
    until: Option<Instant>,
    take: &Take<'_>,
) -> Waited {
    let sockets = watchers.iter().map(|_| None).collect();
    let watching = Watching { turn: Mutex::new(()), state: Mutex::new(State { is_over: false, sockets }) };
    let mut results: Vec<Given> = watchers.iter().map(|_| Ok(None)).collect();
    let mut was_cancelled = false;
    let mailbox = Arc::new(Mailbox::default());
    std::thread::scope(|scope| {
        for (nth, watcher) in watchers.iter().enumerate() {
            let (watching, told) = (&watching, &*mailbox);
            let spawned = std::thread::Builder::new().spawn_scoped(scope, move || {
                let watch = || watch_server(call, nth, watcher, watching, take, told);
                // Without a word of this one the call would wait for it for ever.
                let given = catch_unwind(AssertUnwindSafe(watch));
                let given = given.unwrap_or_else(|_| Err(panicked(Outcome::NotApplied)));
                told.say(Event::Ended(nth, given));
            });
            if let Err(error) = spawned {
                let error = Error::io(error, Outcome::NotApplied, "starting to wait");
                mailbox.say(Event::Ended(nth, Err(error)));
            }
        }
        let wish = Arc::clone(&mailbox);
        let _listening = call.view.cancel.as_ref().map(|(cancel, _)| cancel.listen(move || wish.say(Event::Cancelled)));
        // However short the wait is, every server is asked once.
        let (mut watched, mut not_looked) = (watchers.len(), watchers.len());
        let mut is_over = false;
        while watched > 0 {
            match mailbox.hear(until.filter(|_| not_looked == 0 && !is_over)) {
                Some(Event::Looked) => {
                    not_looked -= 1;
                    continue;
                }
                Some(Event::Ended(nth, given)) => {
                    watched -= 1;
                    results[nth] = given;
                }
                Some(Event::Cancelled) => was_cancelled = true,
                None => {}
            }
            is_over = true;
            watching.end();
        }
    });
    Waited { results, was_cancelled }
}

/// Watches one server until it gives something or the wait is over.
#[inline]
fn watch_server(
    call: &Call<'_>,
    nth: usize,
    watcher: &Watcher<'_>,
    watching: &Watching,
    take: &Take<'_>,
    told: &Mailbox,
) -> Given {
    let mut broke: Option<Instant> = None;
    loop {
        // Nothing is sent that changes anything, whatever becomes of it.
        let prompt = call.without_wait();
        let open = || {
            let opened = open_session(&prompt, nth, watcher, watching).map_err(nothing_written);
            // Nobody tries again for a wait that is over.
            if watching.is_over() {
                Err(cancelled())
            } else {
                opened
            }
        };
        let (mut session, mut types) = match prompt.tried(watcher.server, open) {
            Ok(opened) => opened,
            Err(_) if watching.is_over() => return Ok(None),
            Err(error) => return Err(error),
        };
        if broke.is_none() {
            told.say(Event::Looked);
        }
        loop {
            let given = take_in_turn(nth, &types, watching, take);
            if !matches!(given, Ok(None)) {
                session.incoming.release();
                return given;
            }
            types = match look_when_told(call, &mut session, watcher) {
                Ok(types) => types,
                Err(error) => {
                    let again = error.kind() == ErrorKind::Io && call.retries().are_allowed();
                    let is_first = broke.map_or(true, |before| before.elapsed() > LOOK_AGAIN);
                    if watching.is_over() {
                        session.incoming.release();
                        return Ok(None);
                    }
                    if !again || !is_first {
                        return Err(nothing_written(error));
                    }
                    broke = Some(Instant::now());
                    break;
                }
            };
        }
    }
}

/// A new connection that tells what changes, and the types of the keys from then on.
#[inline]
fn open_session(
    call: &Call<'_>,
    nth: usize,
    watcher: &Watcher<'_>,
    watching: &Watching,
) -> Result<(Session, Vec<Vec<u8>>)> {
    let pool = &call.servers.pools[watcher.server];
    // Not one of the pool: all of those may be waiting.
    let mut connection = pool.open_watched(call.deadline, |socket| watching.keep(nth, socket))?;
    connection.select(call.view.database, call.deadline)?;
    connection.expect_resp3();
    let node = connection.node().to_string();
    let (incoming, outgoing) = connection.split();
    let (look_again, now) = (LOOK_AGAIN, Instant::now());
    let (rests_until, seen_fit) = (now, now);
    let mut session = Session { incoming, outgoing, node, was_told: false, look_again, rests_until, seen_fit };
    let requests = [command([&b"HELLO"[..], b"3"]), command([&b"CLIENT"[..], b"TRACKING", b"ON"])];
    let requests = [&requests.concat()[..], &watcher.probe, &types_of(&watcher.keys)].concat();
    let replies = session.ask(&requests, 3 + watcher.keys.len(), call.deadline)?;
    if replies[..2].iter().any(|reply| error_in(reply).is_some()) {
        session.look_again = POLL;
    }
    let types = session.refusal(&replies[2]).map_or_else(|| session.types(&replies[3..]), Err)?;
    Ok((session, types))
}

/// Waits until a change is told, or for some time, and looks at the keys.
#[inline]
fn look_when_told(call: &Call<'_>, session: &mut Session, watcher: &Watcher<'_>) -> Result<Vec<Vec<u8>>> {
    session.wait_for_change()?;
    let deadline = Deadline::after(call.patience());
    let asks_role = session.seen_fit.elapsed() >= LOOK_AGAIN;
    let mut requests = types_of(&watcher.keys);
    if asks_role {
        requests.extend(command([&b"INFO"[..], b"replication"]));
    }
    let mut replies = session.ask(&requests, watcher.keys.len() + usize::from(asks_role), deadline)?;
    if asks_role {
        let info = replies.pop().unwrap_or_default();
        check_role(call, session, watcher, &info, deadline)?;
    }
    session.types(&replies)
}

/// A server that has become a replica would go on telling what changes. It refuses to give what is taken; what is read
/// it has only as long as its master sends it.
#[inline]
fn check_role(
    call: &Call<'_>,
    session: &mut Session,
    watcher: &Watcher<'_>,
    info: &[u8],
    deadline: Deadline,
) -> Result<()> {
    let text = Frame::trusted(info).value().as_bytes().map(|text| String::from_utf8_lossy(text).into_owned());
    let info = text.map(|text| Info::parse(&text));
    if !info.as_ref().is_some_and(Info::is_master) {
        if call.spec.access != Access::Read {
            let refused = session.ask(&watcher.probe, 1, deadline)?;
            session.refusal(&refused[0]).map_or(Ok(()), Err)?;
        } else if let Some(Err(reason)) = info.as_ref().map(Info::serves_reads) {
            if session.seen_fit.elapsed() < WITHOUT_MASTER {
                return Ok(());
            }
            let message = format!("it became a replica while it was waited on: {reason}");
            return Err(session.with_node(Error::new(ErrorKind::Connect, Outcome::NotApplied, message)));
        }
    }
    session.seen_fit = Instant::now();
    Ok(())
}

/// Asks the server for what it has, while no other one is asked. What it gives, or may have given, ends the wait.
#[inline]
fn take_in_turn(nth: usize, types: &[Vec<u8>], watching: &Watching, take: &Take<'_>) -> Given {
    let _turn = lock(&watching.turn);
    if watching.is_over() {
        return Ok(None);
    }
    let given = catch_unwind(AssertUnwindSafe(|| take(nth, types)));
    let given = given.unwrap_or_else(|_| Err(panicked(Outcome::Unknown)));
    if !matches!(given, Ok(None)) {
        watching.end();
    }
    given
}

/// A server says nothing but changes while nothing is asked.
#[inline]
fn unasked() -> Error {
    Error::protocol("bytes came that nobody asked for")
}

#[inline]
fn panicked(outcome: Outcome) -> Error {
    Error::new(ErrorKind::Io, outcome, "a panic while waiting for data")
}

impl Session {
    /// Sends requests and gives their replies.
    #[inline]
    fn ask(&mut self, requests: &[u8], count: usize, deadline: Deadline) -> Result<Vec<Vec<u8>>> {
        let begun = Instant::now();
        let not_sent = |(_, error): (usize, io::Error)| Error::io(error, Outcome::NotApplied, "sending the command");
        self.outgoing
            .write_all(requests, deadline)
            .map_err(|error| self.with_node(not_sent(error).in_phase(Phase::Send)))?;
        let mut replies = Vec::with_capacity(count);
        loop {
            while let Some(reply) = self.next()? {
                replies.extend(reply);
            }
            match replies.len().cmp(&count) {
                Less => {}
                Equal => {
                    let now = Instant::now();
                    let rest = now.saturating_duration_since(begun).saturating_mul(REST);
                    self.rests_until = now + rest.clamp(SHORTEST_REST, POLL);
                    return Ok(replies);
                }
                Greater => return Err(self.with_node(unasked())),
            }
            if !self.incoming.wait(deadline).map_err(|error| self.with_node(error))? {
                let late = Error::io(io::ErrorKind::TimedOut.into(), Outcome::NotApplied, "waiting for the reply");
                return Err(self.with_node(late.in_phase(Phase::Receive)));
            }
        }
    }

    /// What has come next, if anything has: a reply, or word of a change, which is none.
    #[inline]
    fn next(&mut self) -> Result<Option<Option<Vec<u8>>>> {
        let next = self.incoming.next().map_err(|error| error.with_node(|| self.node.clone()))?;
        let Some(frame) = next else { return Ok(None) };
        let is_push = matches!(frame.value(), ValueRef::Push(_));
        self.was_told |= is_push;
        Ok(Some((!is_push).then(|| frame.as_bytes().to_vec())))
    }

    /// Waits until a change is told, or for some time. What is told from then on is told after the next look began.
    #[inline]
    fn wait_for_change(&mut self) -> Result<()> {
        if !self.was_told {
            self.incoming.wait(Deadline::after(self.look_again)).map_err(|error| self.with_node(error))?;
        }
        loop {
            while let Some(reply) = self.next()? {
                if reply.is_some() {
                    return Err(self.with_node(unasked()));
                }
            }
            let left = self.rests_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.incoming.wait(Deadline::after(left)).map_err(|error| self.with_node(error))?;
        }
        self.was_told = false;
        Ok(())
    }

    /// Why the server refuses the command, other than for the time to wait.
    #[inline]
    fn refusal(&self, reply: &[u8]) -> Option<Error> {
        error_in(reply).filter(|error| !error.message().starts_with("ERR timeout")).map(|error| self.with_node(error))
    }

    /// The types of the keys.
    #[inline]
    fn types(&self, replies: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
        replies.iter().map(|reply| type_in(reply).map_err(|error| self.with_node(error))).collect()
    }

    #[inline]
    fn with_node(&self, error: Error) -> Error {
        error.with_node(|| self.node.clone())
    }
}

/// The requests for the types of some keys.
#[inline]
fn types_of(keys: &[&[u8]]) -> Vec<u8> {
    keys.iter().flat_map(|key| command([&b"TYPE"[..], key])).collect()
}

/// The type in a reply to `TYPE`.
#[inline]
pub(crate) fn type_in(reply: &[u8]) -> Result<Vec<u8>> {
    match Frame::trusted(reply).value() {
        ValueRef::Error(text) => Err(Error::server(text)),
        value => value.as_bytes().map(<[u8]>::to_vec).ok_or_else(|| Error::reply("TYPE gave no name of a type")),
    }
}
