//! Waiting for data on one server, in a way that another thread can end.

use super::watch_keys::type_in;
use crate::command::{Group, Wait, WaitArgument};
use crate::cross_node::pop::{request_for, takes_type};
use crate::cross_node::streams::takes_nothing;
use crate::cross_node::{nothing, nothing_written, Reply};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{cancelled, Answer, Call, Cancellable};
use crate::net::{Deadline, Lease};
use crate::observer::CloseReason;
use crate::plan::{command, Part, Placed};
use crate::resp::ValueRef;
use crate::threads::{lock, wait_while};
use crate::topology::Shard;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A server is asked to wait no longer than this at a time, so that a connection over which it cannot be told that
/// the wait is over ends by itself.
const SLICE: Duration = Duration::from_secs(1);
/// Servers before Redis 7.0 take a shorter wait for one without end.
pub(crate) const SHORTEST: Duration = Duration::from_millis(10);

/// When a server was told that the wait is over and its connection goes on waiting, it is told again after this time:
/// the word may have come before the request.
const AGAIN: Duration = Duration::from_millis(50);

/// While a key is left out of a wait, because the server would refuse the command for it, it is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a server gave: its reply, or nothing within the time.
pub(crate) type Given = Result<Option<Vec<u8>>>;

/// What one server is waited on for.
pub(crate) struct Waiter<'w> {
    pub(crate) server: usize,
    /// The keys that it waits for.
    pub(crate) keys: Vec<&'w [u8]>,
    /// The request that waits for some of these keys, by their places, and no longer than a time.
    pub(crate) request: &'w (dyn Fn(&[usize], Duration) -> Vec<u8> + Sync),
}

/// What the thread of a waker is told. The channels of the standard library would take 50 KB of a program.
#[derive(Default)]
struct Wish {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    /// Another thread wants the wait to end.
    is_wanted: bool,
    /// The wait is over.
    is_over: bool,
}

/// There is nothing to end any more, whether a wait came to its end or to a panic: the waker ends.
struct Ending<'w>(&'w Wish);

impl Drop for Ending<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(|state| state.is_over = true);
    }
}

impl Wish {
    #[inline]
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    #[inline]
    fn set(&self, change: fn(&mut State)) {
        change(&mut self.state());
        self.came.notify_one();
    }

    /// Waits until the wait is over, until something else holds, or for some time.
    #[inline]
    fn wait(&self, until: Option<Instant>, holds: fn(&State) -> bool) {
        drop(wait_while(&self.came, self.state(), until, &|state| !state.is_over && !holds(state)));
    }
}

/// How commands wait on one server where another thread may end that.
pub(crate) const CANCELLABLE: Cancellable = Cancellable { routed: wait_on_one, named: wait_on_server };

/// A wait of what routing sends to one server.
#[inline]
fn wait_on_one(call: &Call<'_>, part: &Part<'_>) -> Result<Answer> {
    let keys = match call.spec.key_positions(call.args) {
        Some(_) => call.planner.placed(call.args, call.spec)?,
        None => Vec::new(),
    };
    match keys[..] {
        // Without keys no server takes it, and one says why.
        [] => call.one(part.target, &part.request),
        _ => (call.code.wait)(call, &keys).map(Answer::Merged),
    }
}

/// A wait on this very server, where keys have the names that they are given by.
#[inline]
fn wait_on_server(call: &Call<'_>, server: usize) -> Result<Answer> {
    let is_of = |shard: &Shard| shard.master() == server || shard.replicas().contains(&server);
    let shard = call.topology().shards().iter().position(is_of).unwrap_or(0);
    let positions = call.spec.key_positions(call.args).unwrap_or_default();
    let names = positions.iter().copied().zip(call.args.at(positions.iter().copied()));
    let keys: Vec<Placed<'_>> =
        names.map(|(position, stored)| Placed { position, shard, master: server, stored }).collect();
    match keys[..] {
        [] => call.exchange(server, call.args.as_bytes()),
        _ => (call.code.wait)(call, &keys).map(Answer::Merged),
    }
}

/// Waits for the first of some lists or sorted sets of one server that has something.
#[inline]
pub(crate) fn wait_for_first_on_one(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let request = |places: &[usize], slice: Duration| {
        let keys: Vec<&Placed<'_>> = places.iter().map(|&at| &keys[at]).collect();
        request_for(call, &keys, Some(&seconds(slice)))
    };
    let names = keys.iter().map(|key| key.stored).collect();
    wait_in_slices(call, &Waiter { server: keys[0].master, keys: names, request: &request })
}

/// Waits for an element of the first of two lists of one server.
#[inline]
pub(crate) fn wait_to_move_between(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let mut words: Vec<&[u8]> = call.args.iter().collect();
    keys.iter().for_each(|key| words[key.position] = key.stored);
    wait_to_move(call, keys[0].master, &words)
}

/// The same for a step of a command, which brings one element.
#[inline]
pub(in crate::cross_node) fn wait_for_element(call: &Call<'_>, server: usize, words: &[&[u8]]) -> Result<Reply> {
    wait_to_move(call, server, words).map(Reply)
}

/// Waits for an element of the first of two lists.
#[inline]
fn wait_to_move(call: &Call<'_>, server: usize, words: &[&[u8]]) -> Result<Vec<u8>> {
    let place = if call.spec.wait == WaitArgument::FirstSeconds { 1 } else { words.len() - 1 };
    let request = |_: &[usize], slice: Duration| {
        let wait = seconds(slice);
        command(words.iter().enumerate().map(|(at, word)| if at == place { wait.as_bytes() } else { *word }))
    };
    wait_in_slices(call, &Waiter { server, keys: vec![words[1]], request: &request })
}

/// When the wait is over; `None` when it has no end.
#[inline]
pub(crate) fn end_of_wait(call: &Call<'_>) -> Option<Instant> {
    match call.wait {
        Wait::AtMost(time) => Instant::now().checked_add(time),
        Wait::None | Wait::Forever => None,
    }
}

/// Waits on one server, until it has something, the time is over or another thread wants that.
#[inline]
pub(crate) fn wait_in_slices(call: &Call<'_>, waiter: &Waiter<'_>) -> Result<Vec<u8>> {
    let until = end_of_wait(call);
    let mut lease = lend_to_wait(call, waiter.server)?;
    lease.refuse_too_many_words(call.args.as_bytes(), call.deadline)?;
    // By which number the server knows the connection; 0 until that is known.
    let (over, client) = (AtomicBool::new(false), AtomicI64::new(0));
    let (given, is_clean) = std::thread::scope(|scope| {
        let wish = Arc::new(Wish::default());
        let of_listener = Arc::clone(&wish);
        let _listening = call
            .view
            .cancel
            .as_ref()
            .map(|(cancel, _)| cancel.listen(move || of_listener.set(|state| state.is_wanted = true)));
        let of_waker = Arc::clone(&wish);
        let (server, over, client) = (waiter.server, &over, &client);
        let waker = move || wake_when_cancelled(call, server, &of_waker, over, client);
        let waker = match std::thread::Builder::new().spawn_scoped(scope, waker) {
            Ok(waker) => waker,
            Err(error) => return (Err(Error::io(error, Outcome::NotApplied, "starting to wait")), true),
        };
        let ending = Ending(&wish);
        let given = wait_with(call, &mut lease, waiter, until, over, client);
        drop(ending);
        (given, waker.join().unwrap_or(false))
    });
    if !is_clean {
        // The word that the wait is over may still be on its way, and would hit the next command.
        lease.discard(CloseReason::Unread);
    }
    match given? {
        Some(reply) => Ok(reply),
        None => nothing(over.load(Ordering::SeqCst)),
    }
}

/// Once another thread wants the wait to end, tells the server so until it has ended; whether the server has heard it
/// each time.
#[inline]
fn wake_when_cancelled(call: &Call<'_>, server: usize, wish: &Wish, over: &AtomicBool, client: &AtomicI64) -> bool {
    wish.wait(None, |state| state.is_wanted);
    if !wish.state().is_wanted {
        return true;
    }
    over.store(true, Ordering::SeqCst);
    let mut is_clean = true;
    loop {
        is_clean &= wake(call, server, client.load(Ordering::SeqCst));
        wish.wait(Some(Instant::now() + AGAIN), |_| false);
        if wish.state().is_over {
            return is_clean;
        }
    }
}

/// A connection for a wait: where all are in use, the wait begins by waiting for one.
#[inline]
fn lend_to_wait(call: &Call<'_>, server: usize) -> Result<Lease> {
    loop {
        match call.without_wait().lend(server) {
            Err(error) if error.kind() == ErrorKind::PoolTimeout && call.deadline.left().is_ok() => {
                if call.is_cancelled() {
                    return Err(cancelled());
                }
            }
            lease => return lease,
        }
    }
}

/// Waits a slice at a time. The connection is kept by the caller until all has ended: one may still be told that the
/// wait is over, and the next borrower must not hear it.
///
/// A server looks at the types of the keys when a wait begins, and not again while it lasts. So what the first request
/// is refused for is told; later a key that has become something else is left out until it is a fitting one again.
#[inline]
fn wait_with(
    call: &Call<'_>,
    lease: &mut Lease,
    waiter: &Waiter<'_>,
    until: Option<Instant>,
    over: &AtomicBool,
    client: &AtomicI64,
) -> Given {
    let number = lease.ask(&[b"CLIENT", b"ID"], Deadline::after(call.patience())).map_err(nothing_written)?;
    client.store(if let ValueRef::Integer(number) = number.value() { number } else { 0 }, Ordering::SeqCst);
    let mut places: Vec<usize> = (0..waiter.keys.len()).collect();
    let (mut is_first, mut refused) = (true, 0);
    while !over.load(Ordering::SeqCst) {
        let left = until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()));
        // However short the wait is, the server is asked once.
        if left.is_zero() && !is_first {
            return Ok(None);
        }
        let is_whole = places.len() == waiter.keys.len();
        if places.is_empty() {
            std::thread::sleep(left.min(LOOK_AGAIN));
        } else {
            let slice = left.clamp(SHORTEST, if is_whole { SLICE } else { LOOK_AGAIN });
            let deadline = Deadline::of(call.patience(), Wait::AtMost(slice));
            let range = lease.exchange(&(waiter.request)(&places, slice), deadline)?;
            let frame = lease.frame(range);
            match frame.value() {
                ValueRef::Nil => refused = 0,
                ValueRef::Error(text) => {
                    let error = Error::server(text);
                    refused += 1;
                    // Refused twice though every key is a fitting one: not for those.
                    if is_first || !is_of_a_key(&error) || (is_whole && refused > 2) {
                        return Err(error.with_node(|| lease.node().to_string()));
                    }
                }
                _ => return Ok(Some(frame.as_bytes().to_vec())),
            }
        }
        is_first = false;
        if refused > 0 || !is_whole {
            places = fitting(call, lease, waiter)?;
        }
    }
    Ok(None)
}

/// The places of the keys that a server waits for as they are now.
#[inline]
fn fitting(call: &Call<'_>, lease: &mut Lease, waiter: &Waiter<'_>) -> Result<Vec<usize>> {
    let deadline = Deadline::after(call.patience());
    let requests: Vec<u8> = waiter.keys.iter().flat_map(|key| command([&b"TYPE"[..], key])).collect();
    lease.send(&requests, waiter.keys.len(), deadline)?;
    let mut places = Vec::with_capacity(waiter.keys.len());
    // A group is refused where there is no stream; whatever else is waited for may still come.
    let may_come = call.spec.group != Group::Streams || takes_nothing(call);
    for at in 0..waiter.keys.len() {
        let kind = type_in(lease.receive(deadline).map_err(nothing_written)?.as_bytes())?;
        if kind == takes_type(call) || (kind == b"none" && may_come) {
            places.push(at);
        }
    }
    Ok(places)
}

/// Tells a server that the wait is over, and whether that was heard. When it cannot be told, its slice ends by itself.
#[inline]
fn wake(call: &Call<'_>, server: usize, client: i64) -> bool {
    let deadline = Deadline::after(SLICE);
    // Not one of the pool: all of those may be waiting.
    let told = call.servers.pools[server].open(deadline).and_then(|mut connection| {
        connection.ask(&[b"CLIENT", b"UNBLOCK", client.to_string().as_bytes()], deadline).map(|_| ())
    });
    told.is_ok()
}

/// Whether a server refuses a wait because of what a key is.
#[inline]
fn is_of_a_key(error: &Error) -> bool {
    error.kind() == ErrorKind::WrongType || error.message().starts_with("NOGROUP No such key")
}

/// A time as most commands take it.
#[inline]
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}
