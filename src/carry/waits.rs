//! Waiting for data on several nodes at once: `BLPOP` and its like.

use super::{all_succeeded, exec_unwatched, nothing_written, random};
use crate::cmd::Wait;
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::multi::gave_nothing;
use crate::net::{Deadline, Lease};
use crate::observer::CloseReason;
use crate::order::sort_by_key;
use crate::plan::{command, groups, Part, Placed, StreamRead};
use crate::resp::{Frame, Value, ValueRef};
use crate::run::{cancelled, Answer, Run};
use crate::spec::{Across, Group, WaitArgument};
use crate::stash::{Stash, StashContent, StashRole};
use crate::topology::Shard;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A server is asked to wait no longer than this at a time, so that a connection over which it cannot be told that
/// the wait is over ends by itself.
const SLICE: Duration = Duration::from_secs(1);
/// Servers before Redis 7.0 take a shorter wait for one without end.
const SHORTEST: Duration = Duration::from_millis(10);

/// When a server was told that the wait is over and its connection goes on waiting, it is told again after this time:
/// the word may have come before the request.
const AGAIN: Duration = Duration::from_millis(50);

/// One server that is waited for.
pub(super) struct Waiter<'w> {
    server: usize,
    /// The request that waits no longer than a time.
    request: Box<dyn Fn(Duration) -> Vec<u8> + Send + Sync + 'w>,
    /// By which number the server knows the connection; 0 until that is known.
    client: AtomicI64,
}

impl<'w> Waiter<'w> {
    pub(super) fn new(server: usize, request: impl Fn(Duration) -> Vec<u8> + Send + Sync + 'w) -> Waiter<'w> {
        Waiter { server, request: Box::new(request), client: AtomicI64::new(0) }
    }
}

/// What a server gave: its reply, or nothing within the time.
pub(super) type Given = Result<Option<Vec<u8>>>;

/// What ends the wait on a server.
enum Event {
    /// That server's own answer, by its place among the waiters.
    Ended(usize, Given),
    /// Another thread's wish.
    Cancelled,
}

/// What the servers gave, in the order of the waiters.
pub(super) struct Waited {
    pub(super) results: Vec<Given>,
    /// Whether another thread has ended it.
    pub(super) was_cancelled: bool,
}

impl Run<'_> {
    /// First every node is asked, in the order of the keys, for what it has already. Then all of them wait at the same
    /// time, each for its own keys, and the first that has something ends the waiting of the others. What one of those
    /// popped in that very moment is put back where it was.
    pub(super) fn wait_for_first(&self, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
        let mut left = keys;
        while let Some(first) = left.first() {
            let count = left.iter().take_while(|key| key.master == first.master).count();
            let group: Vec<&Placed<'_>> = left[..count].iter().collect();
            // Inside of a transaction nothing waits.
            let prompt = self.prompt();
            let mut lease = prompt.lend(first.master)?;
            let native = self.native(&group, None);
            let native = native.iter().map(Vec::as_slice).collect();
            let replies = exec_unwatched(&mut lease, &[native], prompt.deadline)?;
            all_succeeded(&lease, &replies)?;
            let reply = replies.into_iter().next().ok_or_else(gave_nothing)?;
            if Frame::trusted(&reply).value() != ValueRef::Nil {
                return Ok(reply);
            }
            left = &left[count..];
        }
        let groups = groups(keys);
        let until = self.until()?;
        let request = |group: &[&Placed<'_>], slice: Duration| {
            let native = self.native(group, Some(&seconds(slice)));
            command(native.iter().map(Vec::as_slice))
        };
        let waiters: Vec<Waiter<'_>> =
            groups.iter().map(|group| Waiter::new(group[0].master, move |slice| request(group, slice))).collect();
        let waited = self.wait_on_all(&waiters, until);
        self.choose(keys, &waiters, waited)
    }

    /// A wait on one server, which another thread may end.
    pub(crate) fn wait_on_one(&self, part: &Part<'_>) -> Result<Answer> {
        let keys = match self.spec.key_positions(self.args) {
            Some(_) => self.planner.placed(self.args, self.spec)?,
            None => Vec::new(),
        };
        // Without keys no server takes it, and one says why.
        if keys.is_empty() {
            return self.one(part);
        }
        self.wait_for_keys(&keys)
    }

    /// The same on this very server, where keys have the names that they are given by.
    pub(crate) fn wait_on_server(&self, server: usize) -> Result<Answer> {
        let is_of = |shard: &Shard| shard.master() == server || shard.replicas().contains(&server);
        let shard = self.topology().shards().iter().position(is_of).unwrap_or(0);
        let positions = self.spec.key_positions(self.args).unwrap_or_default();
        let names = positions.iter().copied().zip(self.args.at(positions.iter().copied()));
        let keys: Vec<Placed<'_>> =
            names.map(|(position, stored)| Placed { position, shard, master: server, stored }).collect();
        let reads_streams = self.spec.across == Across::ReadStreams;
        // What no server takes for a wait is refused at once, and the server says why.
        if keys.is_empty() || (reads_streams && !StreamRead::of(self.args, &keys).is_some_and(|read| read.waits())) {
            return self.exchange(server, self.args.as_bytes());
        }
        self.wait_for_keys(&keys)
    }

    /// Waits for keys that all live on one server.
    fn wait_for_keys(&self, keys: &[Placed<'_>]) -> Result<Answer> {
        let first = keys[0];
        if self.spec.across == Across::ReadStreams {
            return self.read_streams(keys).map(Answer::Made);
        }
        let mut words: Vec<&[u8]> = self.args.iter().collect();
        keys.iter().for_each(|key| words[key.position] = key.stored);
        self.wait_with_words(first.master, &words).map(Answer::Made)
    }

    /// The same for a step of a command, which brings one element.
    pub(super) fn wait_for_element(&self, server: usize, words: &[&[u8]]) -> Result<Value> {
        self.wait_with_words(server, words).map(|reply| Frame::trusted(&reply).value().into())
    }

    fn wait_with_words(&self, server: usize, words: &[&[u8]]) -> Result<Vec<u8>> {
        let place = if self.spec.wait == WaitArgument::FirstSeconds { 1 } else { words.len() - 1 };
        let request = |slice: Duration| {
            let wait = seconds(slice);
            command(words.iter().enumerate().map(|(at, word)| if at == place { wait.as_bytes() } else { *word }))
        };
        let until = self.until()?;
        let Waited { mut results, was_cancelled } = self.wait_on_all(&[Waiter::new(server, request)], until);
        match results.pop().unwrap_or(Ok(None))? {
            Some(reply) => Ok(reply),
            None => nothing(was_cancelled),
        }
    }

    /// When the wait is over; `None` when it has no end.
    pub(super) fn until(&self) -> Result<Option<Instant>> {
        match self.wait {
            Wait::AtMost(time) => Ok(Instant::now().checked_add(time)),
            Wait::Forever => Ok(None),
            // A form of number that servers know and this client does not, such as a hexadecimal one.
            Wait::None => Err(Error::argument("ERR timeout is not a float or out of range")),
        }
    }

    /// The command with the keys of one server, and with another wait where one is given.
    fn native(&self, keys: &[&Placed<'_>], wait: Option<&str>) -> Vec<Vec<u8>> {
        let arg = |at: usize| self.args.get(at).unwrap_or_default();
        let names = keys.iter().map(|key| key.stored.to_vec());
        let wait = |given: &[u8]| wait.map_or_else(|| given.to_vec(), |wait| wait.as_bytes().to_vec());
        if self.spec.wait == WaitArgument::LastSeconds {
            let last = arg(self.args.len() - 1);
            return std::iter::once(arg(0).to_vec()).chain(names).chain([wait(last)]).collect();
        }
        let head = [arg(0).to_vec(), wait(arg(1)), keys.len().to_string().into_bytes()];
        let options = self.options().map(<[u8]>::to_vec);
        head.into_iter().chain(names).chain(options).collect()
    }

    /// What follows the keys, where they are counted.
    fn options(&self) -> impl Iterator<Item = &[u8]> {
        let count = self.args.get(2).and_then(|count| std::str::from_utf8(count).ok()?.parse().ok()).unwrap_or(0);
        self.args.iter().skip(3usize.saturating_add(count))
    }

    /// Waits on several servers at the same time, until one of them has something or the time is over.
    pub(super) fn wait_on_all(&self, waiters: &[Waiter<'_>], until: Option<Instant>) -> Waited {
        let mut results: Vec<Given> = waiters.iter().map(|_| Ok(None)).collect();
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        let mut order: Vec<usize> = (0..waiters.len()).collect();
        sort_by_key(&mut order, |&at| waiters[at].server);
        let mut leases: Vec<(usize, Lease)> = Vec::with_capacity(waiters.len());
        for at in order {
            match self.lend_to_wait(waiters[at].server) {
                Ok(lease) => leases.push((at, lease)),
                Err(error) => {
                    results[at] = Err(error);
                    return Waited { results, was_cancelled: false };
                }
            }
        }
        let over = AtomicBool::new(false);
        let (mut sure, mut was_cancelled) = (true, false);
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let mut waiting = vec![true; waiters.len()];
            for (nth, lease) in &mut leases {
                let (nth, waiter, sender, over) = (*nth, &waiters[*nth], sender.clone(), &over);
                let refused = sender.clone();
                let spawned = std::thread::Builder::new().spawn_scoped(scope, move || {
                    let wait = || self.wait_with(lease, waiter, until, over);
                    // Without a word of this one the call would wait for it for ever.
                    let given = catch_unwind(AssertUnwindSafe(wait)).unwrap_or_else(|_| Err(panicked()));
                    // Nobody listens any more only when this call has ended, and it ends after all waiters.
                    let _ = sender.send(Event::Ended(nth, given));
                });
                if let Err(error) = spawned {
                    let error = Error::io(error, Outcome::NotApplied, "starting to wait");
                    let _ = refused.send(Event::Ended(nth, Err(error)));
                }
            }
            let _listening = self.cancel.map(|cancel| {
                cancel.listen(move || {
                    // The wait may be over.
                    let _ = sender.send(Event::Cancelled);
                })
            });
            while waiting.contains(&true) {
                let is_over = over.load(Ordering::SeqCst);
                let event = match is_over {
                    true => receiver.recv_timeout(AGAIN),
                    false => receiver.recv().map_err(RecvTimeoutError::from),
                };
                match event {
                    Ok(Event::Ended(nth, given)) => {
                        waiting[nth] = false;
                        let decided = !matches!(given, Ok(None));
                        results[nth] = given;
                        if !decided || is_over {
                            continue;
                        }
                    }
                    Ok(Event::Cancelled) => was_cancelled = true,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                over.store(true, Ordering::SeqCst);
                for (waiter, _) in waiters.iter().zip(&waiting).filter(|(_, waiting)| **waiting) {
                    sure &= self.wake(waiter);
                }
            }
        });
        if !sure {
            // The word that the wait is over may still be on its way, and would hit the next command.
            leases.into_iter().for_each(|(_, lease)| lease.discard(CloseReason::Unread));
        }
        Waited { results, was_cancelled }
    }

    /// A connection for a wait: where all are in use, the wait begins by waiting for one.
    fn lend_to_wait(&self, server: usize) -> Result<Lease> {
        loop {
            match self.prompt().lend(server) {
                Err(error) if error.kind() == ErrorKind::PoolTimeout && self.deadline.left().is_ok() => {
                    if self.is_cancelled() {
                        return Err(cancelled());
                    }
                }
                lease => return lease,
            }
        }
    }

    /// Waits on one server, a slice at a time. The connection is kept by the caller until all have ended: one may still
    /// be told that the wait is over, and the next borrower must not hear it.
    fn wait_with(&self, lease: &mut Lease, waiter: &Waiter<'_>, until: Option<Instant>, over: &AtomicBool) -> Given {
        let client = lease.ask(&[b"CLIENT", b"ID"], Deadline::after(self.patience)).map_err(nothing_written)?.value();
        waiter.client.store(if let ValueRef::Integer(client) = client { client } else { 0 }, Ordering::SeqCst);
        while !over.load(Ordering::SeqCst) {
            let left = until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            let slice = left.clamp(SHORTEST, SLICE);
            let deadline = Deadline::of(self.patience, Wait::AtMost(slice));
            lease.send(&(waiter.request)(slice), 1, deadline)?;
            let frame = lease.receive(deadline)?;
            match frame.value() {
                ValueRef::Nil => {}
                ValueRef::Error(text) => {
                    let error = Error::server(text);
                    return Err(error.with_node(|| lease.node().to_string()));
                }
                _ => return Ok(Some(frame.as_bytes().to_vec())),
            }
        }
        Ok(None)
    }

    /// Tells a server that the wait is over, and whether that was heard. When it cannot be told, its slice ends by itself.
    fn wake(&self, waiter: &Waiter<'_>) -> bool {
        let client = waiter.client.load(Ordering::SeqCst).to_string();
        let pool = &self.servers.pools[waiter.server];
        let deadline = Deadline::after(SLICE);
        // Not one of the pool: all of those may be waiting.
        let told = pool.open(deadline).and_then(|mut connection| {
            connection.ask(&[b"CLIENT", b"UNBLOCK", client.as_bytes()], deadline).map(|_| ())
        });
        told.is_ok()
    }

    /// Of what the servers gave, what belongs to the first key; the rest is put back.
    fn choose(&self, keys: &[Placed<'_>], waiters: &[Waiter<'_>], waited: Waited) -> Result<Vec<u8>> {
        let mut failed = None;
        let mut given: Vec<(usize, &Placed<'_>, Vec<u8>)> = Vec::new();
        for (waiter, result) in waiters.iter().zip(waited.results) {
            match result {
                Ok(Some(reply)) => {
                    let name = Frame::trusted(&reply).value().items().and_then(|mut items| items.next()?.as_bytes());
                    let is_named = |key: &&Placed<'_>| Some(key.stored) == name && key.master == waiter.server;
                    let Some(key) = keys.iter().find(is_named) else {
                        failed.get_or_insert(Error::reply("a key came that was not asked for"));
                        continue;
                    };
                    given.push((key.position, key, reply));
                }
                Ok(None) => {}
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        sort_by_key(&mut given, |(position, ..)| *position);
        let mut given = given.into_iter();
        let Some((_, first, reply)) = given.next() else {
            return failed.map_or_else(|| nothing(waited.was_cancelled), Err);
        };
        let mut lost = None;
        for (_, key, popped) in given {
            if let Err(error) = self.restore(key, &popped) {
                lost.get_or_insert((key, error));
            }
        }
        let Some((key, error)) = lost else { return Ok(reply) };
        let mut note = format!("what was popped of {} may not have been put back", escape(key.stored, 64));
        if self.restore(first, &reply).is_err() {
            let popped = format!("{:?}", Frame::trusted(&reply).value());
            note.push_str(&format!(", and neither may this: {}", escape(popped.as_bytes(), 256)));
        }
        Err(error.with_outcome(Outcome::Partial).with_note(&note))
    }

    /// Puts back what was popped of a key; where the key cannot take it any more, its node keeps it in a stash, whose
    /// name tells of which end it was. What may have been put back is not put a second time.
    fn restore(&self, key: &Placed<'_>, popped: &[u8]) -> Result<()> {
        let name = self.spec.name.as_bytes();
        let words = [Some(name), self.options().next().filter(|_| name == b"BLMPOP")];
        let words: Vec<&[u8]> = words.into_iter().flatten().collect();
        let stash = Stash::new(&words, StashRole::From, random(), key.stored);
        let from_right = stash.content() == StashContent::ListRight;
        let give = |name: &[u8]| self.give(key.master, &put_back(self.spec.group, from_right, name, popped));
        give(key.stored).or_else(|error| match error.outcome() {
            Outcome::NotApplied => give(&stash.name()),
            _ => Err(error),
        })
    }

    /// One request after a wait, once more when nothing of it was applied, with a deadline of its own.
    fn give(&self, server: usize, request: &[u8]) -> Result<()> {
        let give = || self.exchange_now(server, request);
        give().or_else(|error| match error.outcome() {
            Outcome::NotApplied if !error.is_server() => give(),
            _ => Err(error),
        })
    }

    fn exchange_now(&self, server: usize, request: &[u8]) -> Result<()> {
        let deadline = Deadline::after(self.patience);
        let mut lease = self.lend_until(server, deadline)?;
        lease.send(request, 1, deadline)?;
        let refused = match lease.receive(deadline)?.value() {
            ValueRef::Error(text) => Some(Error::server(text)),
            _ => None,
        };
        refused.map_or(Ok(()), |error| Err(error.with_node(|| lease.node().to_string())))
    }
}

/// What a waiter gave that panicked: it may have taken something.
fn panicked() -> Error {
    Error::new(ErrorKind::Io, Outcome::Unknown, "a panic while waiting for data")
}

/// The reply when nothing came.
pub(super) fn nothing(was_cancelled: bool) -> Result<Vec<u8>> {
    match was_cancelled {
        true => Err(cancelled()),
        false => Ok(Value::Nil.to_bytes()),
    }
}

/// A time as most commands take it.
fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// What undoes a pop whose reply is given: a key, and what was popped of it.
fn put_back(group: Group, from_right: bool, key: &[u8], reply: &[u8]) -> Vec<u8> {
    let mut popped = Vec::new();
    let items = Frame::trusted(reply).value().items().into_iter().flatten().skip(1);
    items.for_each(|item| flatten(&Value::from(item), &mut popped));
    let words = popped.iter().map(Vec::as_slice);
    match group {
        // Members come with their scores behind them; one that was added again meanwhile stays as it is.
        Group::SortedSets => {
            let pairs = popped.chunks_exact(2).flat_map(|pair| [pair[1].as_slice(), &pair[0]]);
            command([&b"ZADD"[..], key, b"NX"].into_iter().chain(pairs))
        }
        // The first that was popped goes back last, to the very end.
        _ if from_right => command([&b"RPUSH"[..], key].into_iter().chain(words.rev())),
        _ => command([&b"LPUSH"[..], key].into_iter().chain(words.rev())),
    }
}

fn flatten(value: &Value, out: &mut Vec<Vec<u8>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, out)),
        Value::Bulk(bytes) => out.push(bytes.clone()),
        Value::Double(score) => out.push(score.to_string().into_bytes()),
        _ => {}
    }
}
