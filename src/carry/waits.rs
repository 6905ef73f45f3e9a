//! Waiting for data on several nodes at once: `BLPOP` and its like.

use super::{error_in, exec, random};
use crate::cmd::Wait;
use crate::error::{escape, Error, Outcome, Result};
use crate::net::{Deadline, Lease};
use crate::plan::{command, groups, Placed};
use crate::resp::{Frame, Value, ValueRef};
use crate::run::Run;
use crate::spec::{Group, WaitArgument};
use crate::stash::{Stash, StashContent, StashRole};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{mpsc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A server is asked to wait no longer than this at a time, so that a connection over which it cannot be told that
/// the wait is over ends by itself.
const SLICE: Duration = Duration::from_secs(1);
/// Servers before Redis 7.0 take a shorter wait for one without end.
const SHORTEST: Duration = Duration::from_millis(10);

/// One server that is waited for.
struct Waiter<'k, 'c> {
    keys: Vec<&'k Placed<'c>>,
    /// By which number its server knows the connection; 0 until that is known.
    client: AtomicI64,
}

/// What a server gave: its reply, or nothing within the time.
type Given = Result<Option<Vec<u8>>>;

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
            let mut lease = self.lend(first.master)?;
            let native = self.native(&group, None);
            let native = native.iter().map(Vec::as_slice).collect();
            let replies = exec(&mut lease, &[native], self.deadline)?;
            let reply = replies.and_then(|mut replies| replies.pop()).unwrap_or_else(|| b"*-1\r\n".to_vec());
            if let Some(error) = error_in(&reply) {
                return Err(error.with_node(|| lease.node().to_string()));
            }
            if Frame::trusted(&reply).value() != ValueRef::Nil {
                return Ok(reply);
            }
            left = &left[count..];
        }
        let waiters: Vec<Waiter<'_, '_>> =
            groups(keys).into_iter().map(|keys| Waiter { keys, client: AtomicI64::new(0) }).collect();
        let until = match self.wait {
            Wait::AtMost(time) => Instant::now().checked_add(time),
            Wait::Forever => None,
            // A form of number that servers know and this client does not, such as a hexadecimal one.
            Wait::None => return Err(Error::argument("ERR timeout is not a float or out of range")),
        };
        let results = self.wait_on_all(&waiters, until);
        self.choose(keys, &waiters, results)
    }

    /// The command with the keys of one server, and with another wait where one is given.
    fn native(&self, keys: &[&Placed<'_>], wait: Option<&str>) -> Vec<Vec<u8>> {
        let args: Vec<&[u8]> = self.args.iter().collect();
        let names = keys.iter().map(|key| key.stored.to_vec());
        let wait = |given: &[u8]| wait.map_or_else(|| given.to_vec(), |wait| wait.as_bytes().to_vec());
        if self.spec.wait == WaitArgument::LastSeconds {
            return std::iter::once(args[0].to_vec()).chain(names).chain([wait(args[args.len() - 1])]).collect();
        }
        let head = [args[0].to_vec(), wait(args[1]), keys.len().to_string().into_bytes()];
        let options = self.options().map(<[u8]>::to_vec);
        head.into_iter().chain(names).chain(options).collect()
    }

    /// What follows the keys, where they are counted.
    fn options(&self) -> impl Iterator<Item = &[u8]> {
        let count = self.args.get(2).and_then(|count| std::str::from_utf8(count).ok()?.parse().ok()).unwrap_or(0);
        self.args.iter().skip(3usize.saturating_add(count))
    }

    fn wait_on_all(&self, waiters: &[Waiter<'_, '_>], until: Option<Instant>) -> Vec<Given> {
        let over = AtomicBool::new(false);
        let held = Mutex::new(Vec::new());
        let mut sure = true;
        let mut results: Vec<Given> = waiters.iter().map(|_| Ok(None)).collect();
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for (nth, waiter) in waiters.iter().enumerate() {
                let (sender, over, held) = (sender.clone(), &over, &held);
                let refused = sender.clone();
                let spawned = std::thread::Builder::new().spawn_scoped(scope, move || {
                    // Nobody listens any more only when this call has ended, and it ends after all waiters.
                    let _ = sender.send((nth, self.wait_on(waiter, until, over, held)));
                });
                if let Err(error) = spawned {
                    let _ = refused.send((nth, Err(Error::io(error, Outcome::NotApplied, "starting to wait"))));
                }
            }
            drop(sender);
            while let Ok((nth, given)) = receiver.recv() {
                let decided = !matches!(given, Ok(None));
                results[nth] = given;
                if decided && !over.swap(true, Ordering::SeqCst) {
                    let others = waiters.iter().enumerate().filter(|(other, _)| *other != nth);
                    for (_, waiter) in others {
                        sure &= self.wake(waiter);
                    }
                }
            }
        });
        if !sure {
            // The word that the wait is over may still be on its way, and would hit the next command.
            held.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().for_each(Lease::discard);
        }
        results
    }

    /// Waits on one server, a slice at a time.
    fn wait_on(
        &self,
        waiter: &Waiter<'_, '_>,
        until: Option<Instant>,
        over: &AtomicBool,
        held: &Mutex<Vec<Lease>>,
    ) -> Given {
        let mut lease = self.lend(waiter.keys[0].master)?;
        let given = self.wait_with(&mut lease, waiter, until, over);
        // Not back to the pool yet: this call may still tell its server that the wait is over, and the next
        // borrower must not hear it.
        held.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
        given
    }

    fn wait_with(
        &self,
        lease: &mut Lease,
        waiter: &Waiter<'_, '_>,
        until: Option<Instant>,
        over: &AtomicBool,
    ) -> Given {
        let client = lease.ask(&[b"CLIENT", b"ID"], self.deadline)?.value();
        waiter.client.store(if let ValueRef::Integer(client) = client { client } else { 0 }, Ordering::SeqCst);
        while !over.load(Ordering::SeqCst) {
            let left = until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            let slice = left.clamp(SHORTEST, SLICE);
            let seconds = format!("{:.3}", slice.as_secs_f64());
            let native = self.native(&waiter.keys, Some(&seconds));
            let request = command(native.iter().map(Vec::as_slice));
            let deadline = Deadline::after(slice + self.patience);
            lease.send(&request, 1, deadline)?;
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
    fn wake(&self, waiter: &Waiter<'_, '_>) -> bool {
        let client = waiter.client.load(Ordering::SeqCst).to_string();
        let pool = &self.servers.pools[waiter.keys[0].master];
        let deadline = Deadline::after(SLICE);
        // Not one of the pool: all of those may be waiting.
        let told = pool.open(deadline).and_then(|mut connection| {
            connection.ask(&[b"CLIENT", b"UNBLOCK", client.as_bytes()], deadline).map(|_| ())
        });
        told.is_ok()
    }

    /// Of what the servers gave, what belongs to the first key; the rest is put back.
    fn choose(&self, keys: &[Placed<'_>], waiters: &[Waiter<'_, '_>], results: Vec<Given>) -> Result<Vec<u8>> {
        let mut failed = None;
        let mut given: Vec<(usize, &Placed<'_>, Vec<u8>)> = Vec::new();
        for (waiter, result) in waiters.iter().zip(results) {
            match result {
                Ok(Some(reply)) => {
                    let name = Frame::trusted(&reply).value().items().and_then(|mut items| items.next()?.as_bytes());
                    let is_named = |key: &&Placed<'_>| Some(key.stored) == name && key.master == waiter.keys[0].master;
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
        given.sort_by_key(|(position, ..)| *position);
        let mut given = given.into_iter();
        let Some((_, first, reply)) = given.next() else {
            return failed.map_or_else(|| Ok(b"*-1\r\n".to_vec()), Err);
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
