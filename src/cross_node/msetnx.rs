//! `MSETNX` over several nodes.

use super::ask_together::{ask_together, Requests};
use super::{across, all_succeeded, exec, nothing_written};
use crate::command::{Across, Emulation};
use crate::error::{Error, Outcome, Result};
use crate::execute::{Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::multi::cause_of_abort;
use crate::net::Lease;
use crate::order::sort_by_key;
use crate::plan::{groups, in_rounds, Placed};
use crate::resp::Value;
use crate::retry::random;
use std::time::{Duration, Instant};

/// `MSETNX`: all keys are checked, then set and marked node by node; what bears the mark is undone when a race is lost.
pub(crate) static SET_IF_NONE_EXISTS: Strategy = Strategy {
    across: Across::of(&Emulation::new(
        "set_if_none_exists",
        "all keys are checked, then set and marked node by node; what bears its mark is undone when a race is lost",
        |_| 4,
    )),
    route: in_rounds,
    run: |call, route| across(call, route, |call, keys| call.set_if_none_exists(keys)),
    ..Strategy::ONE_NODE
};

pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let name = |key: &Placed<'_>| shown(key.stored);
    let arg = |at| shown(draft.args.get(at).unwrap_or_default());
    let mut groups = groups(keys);
    sort_by_key(&mut groups, |group| group[0].master);
    let each = |word: &str, group: &[&Placed<'_>], with_values: bool| {
        let pairs = group.iter().map(|key| match with_values {
            true => format!(" {} {}", name(key), arg(key.position + 1)),
            false => format!(" {}", name(key)),
        });
        format!("{word}{}", pairs.collect::<String>())
    };
    let with_each = |word: &str, group: &[&Placed<'_>], value: &str| {
        group.iter().map(|key| format!("{word} {}{value}", name(key))).collect::<Vec<_>>().join(", ")
    };
    let looks = groups.iter().map(|group| {
        let (watch, exists) = (each("WATCH", group, false), each("EXISTS", group, false));
        draft.on(1, group[0], format!("{exists}, {watch}, {exists}, MULTI"))
    });
    let sets = groups.iter().enumerate().map(|(nth, group)| {
        let (set, mark) = (each("MSETNX", group, true), with_each("PEXPIRE", group, " MARK…"));
        let (watch, left) = (each("WATCH", group, false), with_each("PTTL", group, ""));
        let first = name(group[0]);
        let does = format!("{set}, PERSIST {first}, PTTL {first}, {mark}, EXEC, {watch}, {left}, MULTI");
        draft.on(2 + nth.min(1), group[0], does)
    });
    let keeps = groups.iter().map(|group| draft.on(4, group[0], format!("{}, EXEC", with_each("PERSIST", group, ""))));
    looks.chain(sets).chain(keeps).collect()
}

/// The shortest time to live that marks a key, in milliseconds: 69 years. Of one that is left behind nobody comes to harm.
const LONG: u64 = 1 << 41;
/// By how much a mark may differ from what is expected: the clock of a server may be set.
const SLACK: Duration = Duration::from_secs(60);

/// What tells a key that this call has set from the same key with the same value that somebody else has set: a time to live
/// that nobody else would choose. Whoever sets the key anew takes it away.
#[derive(Clone, Copy)]
struct Mark {
    millis: u64,
    since: Instant,
}

impl Mark {
    /// Of a random length, up to 36,000 years.
    fn new() -> Mark {
        Mark { millis: LONG + (random() >> 14), since: Instant::now() }
    }

    /// Whether a time to live, as `PTTL` tells it, is what is left of this mark.
    fn is_on(self, left: &Value) -> bool {
        let Value::Integer(left) = left else { return false };
        let expected = Duration::from_millis(self.millis).saturating_sub(self.since.elapsed());
        let left = Duration::from_millis(u64::try_from(*left).unwrap_or(0));
        // It was put on some time after it was made.
        left + SLACK >= expected && left <= expected + SLACK + self.since.elapsed()
    }
}

/// The keys of one node, and whether this call has set them.
struct Side<'k, 'c> {
    keys: &'k [&'k Placed<'c>],
    /// `None` once its connection has failed.
    lease: Option<Lease>,
    outcome: Outcome,
    /// Of the keys that it has set, those that are watched since and bore the mark then.
    marked: Vec<&'c [u8]>,
    /// Its marks have gone.
    is_settled: bool,
}

impl<'k, 'c> Side<'k, 'c> {
    /// Each key once; of one that is given twice the last place, because its value is the one that is set.
    fn keys(&self) -> Vec<&'k Placed<'c>> {
        let mut keys: Vec<&'k Placed<'c>> = self.keys.to_vec();
        sort_by_key(&mut keys, |key| (key.stored, key.position));
        keys.reverse();
        keys.dedup_by_key(|key| key.stored);
        keys
    }

    /// A command and all keys.
    fn of_all<'w>(&'w self, name: &'w [u8]) -> Vec<&'w [u8]> {
        std::iter::once(name).chain(self.keys.iter().map(|key| key.stored)).collect()
    }

    /// Gives its connection up when a server refused anything.
    fn well(&mut self, replies: Vec<Value>) -> Result<Vec<Value>> {
        let Some(Value::Error(text)) = replies.iter().find(|reply| matches!(reply, Value::Error(_))) else {
            return Ok(replies);
        };
        let error = Error::server(text);
        Err(match self.lease.take() {
            Some(lease) => error.with_node(|| lease.node().to_string()),
            None => error,
        })
    }
}

impl Call<'_> {
    /// Every key is watched and looked at; then the first node is set, which decides between clients that want the same
    /// keys; then the others, all at once. What was set is undone when one of them finds a key taken.
    ///
    /// Between these steps others may take away and set again what this call has set, also to the same value. So the
    /// transaction that sets the keys puts a [mark](Mark) on each; in the end the marks go, or what still bears one is
    /// deleted. A crash in between leaves keys of some nodes set, with a time to live of 69 years or more.
    fn set_if_none_exists(&self, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
        let mut groups = groups(keys);
        // Every client begins at the same node, whatever the order of its keys.
        sort_by_key(&mut groups, |group| group[0].master);
        let mut sides = Vec::with_capacity(groups.len());
        for keys in &groups {
            sides.push(Side {
                keys,
                lease: Some(self.lend(keys[0].master)?),
                outcome: Outcome::NotApplied,
                marked: Vec::new(),
                is_settled: false,
            });
        }
        let taken = self.are_taken(&mut sides);
        if !matches!(taken, Ok(false)) {
            self.release(&mut sides);
            return taken.map(|_| b":0\r\n".to_vec()).map_err(nothing_written);
        }
        let mark = Mark::new();
        let (first, others) = sides.split_at_mut(1);
        let mut failed = self.set(first, mark);
        if first[0].outcome == Outcome::Applied {
            failed = self.set(others, mark);
        }
        if sides.iter().all(|side| side.outcome == Outcome::Applied) {
            return match self.keep(&mut sides, mark) {
                None => Ok(b":1\r\n".to_vec()),
                Some(error) => Err(self
                    .with_sides(error, &sides)
                    .with_outcome(Outcome::Applied)
                    .with_note("it was set, and the keys may keep a time to live of 69 years or more")),
            };
        }
        self.release(&mut sides);
        let left = self.settle(&mut sides, mark, false);
        match (failed, left) {
            (None, None) => Ok(b":0\r\n".to_vec()),
            (None, Some(error)) => Err(self
                .with_sides(error, &sides)
                .with_outcome(Outcome::Partial)
                .with_note("a key was taken, and what was set could not be undone")),
            (Some(error), left) => {
                let is_undone = sides.iter().all(|side| side.outcome == Outcome::NotApplied);
                let error = error.with_outcome(if is_undone { Outcome::NotApplied } else { Outcome::Unknown });
                let error = self.with_sides(error, &sides);
                Err(if left.is_some() { error.with_note("what was set could not be undone") } else { error })
            }
        }
    }

    /// Sends requests to several nodes at the same time; the connection of one that fails is given up.
    fn ask_sides<'s, 'k: 's, 'c: 's>(
        &self,
        sides: impl Iterator<Item = &'s mut Side<'k, 'c>>,
        requests: impl Fn(&Side<'k, 'c>) -> Requests,
    ) -> Vec<(&'s mut Side<'k, 'c>, Result<Vec<Value>>)> {
        let mut sides: Vec<_> = sides.filter(|side| side.lease.is_some()).collect();
        let requests: Vec<Requests> = sides.iter().map(|side| requests(side)).collect();
        let leases = sides.iter_mut().filter_map(|side| side.lease.as_mut()).collect();
        let replies = ask_together(leases, &requests, self.deadline);
        let with_replies = |(side, replies): (&'s mut Side<'k, 'c>, Result<Vec<Value>>)| {
            if replies.is_err() {
                side.lease = None;
            }
            (side, replies)
        };
        sides.into_iter().zip(replies).map(with_replies).collect()
    }

    /// Watches all keys, looks whether any exists, and begins a transaction on each node.
    fn are_taken(&self, sides: &mut [Side<'_, '_>]) -> Result<bool> {
        for side in sides.iter_mut() {
            side.lease.iter_mut().for_each(|lease| lease.set_stateful(true));
        }
        let begin = |side: &Side<'_, '_>| {
            let mut requests = Requests::default();
            // A key whose time is over goes now: to Redis 6.2 that would be a change of what is watched.
            requests.add(&side.of_all(b"EXISTS"));
            requests.add(&side.of_all(b"WATCH"));
            requests.add(&side.of_all(b"EXISTS"));
            // Its reply is read before anything is queued: what follows a MULTI that is refused would run at once.
            requests.add(&[b"MULTI"]);
            requests
        };
        let (mut taken, mut failed) = (false, None);
        for (side, replies) in self.ask_sides(sides.iter_mut(), begin) {
            match replies.and_then(|replies| side.well(replies)) {
                Ok(replies) => taken |= replies.get(2) != Some(&Value::Integer(0)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(taken), Err)
    }

    /// Sets and marks the keys of some nodes, and notes what came of each. Gives the failure that says most; that a key was
    /// taken is none.
    fn set(&self, sides: &mut [Side<'_, '_>], mark: Mark) -> Option<Error> {
        let values: Vec<&[u8]> = self.args.iter().collect();
        let millis = mark.millis.to_string();
        let queue = |side: &Side<'_, '_>| {
            let mut requests = Requests::default();
            let pairs = side.keys.iter().flat_map(|key| [key.stored, values[key.position + 1]]);
            requests.add(&std::iter::once(&b"MSETNX"[..]).chain(pairs).collect::<Vec<_>>());
            // Who may not take the marks away again is to learn of it before they are there.
            requests.add(&[b"PERSIST", side.keys[0].stored]);
            requests.add(&[b"PTTL", side.keys[0].stored]);
            side.keys().iter().for_each(|key| requests.add(&[b"PEXPIRE", key.stored, millis.as_bytes()]));
            requests.add(&[b"EXEC"]);
            // What the next step needs, so that it takes one round.
            requests.add(&side.of_all(b"WATCH"));
            side.keys().iter().for_each(|key| requests.add(&[b"PTTL", key.stored]));
            requests.add(&[b"MULTI"]);
            requests
        };
        let mut failed: Option<Error> = None;
        for (side, replies) in self.ask_sides(sides.iter_mut(), queue) {
            let node = || self.topology().node(side.keys[0].master).to_string();
            let error = match replies {
                // Nobody knows whether EXEC was among what was sent.
                Err(error) => {
                    side.outcome = Outcome::Unknown;
                    error.with_outcome(Outcome::Unknown)
                }
                Ok(mut replies) => {
                    let keys = side.keys();
                    let next = replies.split_off(replies.len() - keys.len() - 2);
                    let refused = replies.iter().find_map(|reply| match reply {
                        Value::Error(text) => Some(Error::server(cause_of_abort(text))),
                        _ => None,
                    });
                    match (replies.last(), refused) {
                        (Some(Value::Array(done)), _) if done.first() == Some(&Value::Integer(1)) => {
                            side.outcome = Outcome::Applied;
                            let left = keys.iter().zip(&next[1..]);
                            side.marked =
                                left.filter(|(_, left)| mark.is_on(left)).map(|(key, _)| key.stored).collect();
                            if next.iter().any(|reply| matches!(reply, Value::Error(_))) {
                                side.lease = None;
                            }
                            continue;
                        }
                        // A key was taken since it was looked at.
                        (Some(Value::Nil), None) => continue,
                        // The first refusal says more than the abort that follows from it.
                        (Some(Value::Error(_)), Some(refused)) => refused,
                        _ => {
                            side.lease = None;
                            side.outcome = Outcome::Unknown;
                            Error::protocol("EXEC gave something else than one reply for each command")
                        }
                    }
                }
            };
            if failed.as_ref().map_or(true, |known| known.outcome() < error.outcome()) {
                failed = Some(error.with_node(node));
            }
        }
        failed
    }

    /// Leaves the transactions that were begun and not run.
    fn release(&self, sides: &mut [Side<'_, '_>]) {
        let is_inside = |side: &&mut Side<'_, '_>| side.lease.as_ref().is_some_and(|lease| lease.stateful());
        let discard = |_: &Side<'_, '_>| {
            let mut requests = Requests::default();
            requests.add(&[b"DISCARD"]);
            requests
        };
        for (side, replies) in self.ask_sides(sides.iter_mut().filter(is_inside), discard) {
            // Where that does not succeed the connection is closed, which does the same.
            if replies.is_ok_and(|replies| replies == [Value::Simple(b"OK".to_vec())]) {
                side.lease.iter_mut().for_each(|lease| lease.set_stateful(false));
            }
        }
    }

    /// Takes the marks away in the transactions that were begun, and where somebody wrote to a key meanwhile one node after
    /// the other. Gives what went wrong.
    fn keep(&self, sides: &mut [Side<'_, '_>], mark: Mark) -> Option<Error> {
        let persist = |side: &Side<'_, '_>| {
            let mut requests = Requests::default();
            side.marked.iter().for_each(|key| requests.add(&[b"PERSIST", key]));
            requests.add(&[b"EXEC"]);
            requests
        };
        for (side, replies) in self.ask_sides(sides.iter_mut(), persist) {
            match replies.ok().and_then(|mut replies| replies.pop()) {
                Some(Value::Array(done)) if !done.iter().any(|reply| matches!(reply, Value::Error(_))) => {
                    side.lease.iter_mut().for_each(|lease| lease.set_stateful(false));
                    side.is_settled = true;
                }
                Some(Value::Nil) => side.lease.iter_mut().for_each(|lease| lease.set_stateful(false)),
                _ => side.lease = None,
            }
        }
        self.settle(sides, mark, true)
    }

    /// Takes the marks away, or with `keep` false the keys that still bear one, on every node that can be asked. Gives
    /// what went wrong.
    fn settle(&self, sides: &mut [Side<'_, '_>], mark: Mark, keep: bool) -> Option<Error> {
        let mut failed = None;
        for side in sides.iter_mut().filter(|side| side.outcome != Outcome::NotApplied && !side.is_settled) {
            match self.settle_one(side, mark, keep) {
                Ok(found) if !keep && (found || side.outcome == Outcome::Applied) => side.outcome = Outcome::NotApplied,
                // What may still be on its way to the server stays unknown.
                Ok(_) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed
    }

    /// Gives whether any key was marked.
    fn settle_one(&self, side: &mut Side<'_, '_>, mark: Mark, keep: bool) -> Result<bool> {
        let mut lease = match side.lease.take() {
            Some(lease) => lease,
            None => self.lend(side.keys[0].master)?,
        };
        let (keys, mut found) = (side.keys(), false);
        loop {
            lease.set_stateful(true);
            let mut requests = Requests::default();
            requests.add(&side.of_all(b"WATCH"));
            for key in &keys {
                requests.add(&[b"PTTL", key.stored]);
                if !keep {
                    requests.add(&[b"GET", key.stored]);
                }
            }
            let replies = ask_together(vec![&mut lease], &[requests], self.deadline).remove(0)?;
            if let Some(Value::Error(text)) = replies.first() {
                return Err(Error::server(text).with_node(|| lease.node().to_string()));
            }
            let told = replies[1..].chunks_exact(if keep { 1 } else { 2 });
            let marked = keys.iter().zip(told).filter(|(_, told)| mark.is_on(&told[0]));
            let commands: Vec<Vec<&[u8]>> = marked
                .map(|(key, told)| {
                    // Who has counted on or appended to it has made it theirs, and left the mark on it.
                    let is_theirs = |held: &Value| {
                        !matches!(held, Value::Bulk(held) if Some(&held[..]) == self.args.get(key.position + 1))
                    };
                    let name = if keep || is_theirs(&told[1]) { &b"PERSIST"[..] } else { b"DEL" };
                    vec![name, key.stored]
                })
                .collect();
            if commands.is_empty() {
                lease.ask(&[b"UNWATCH"], self.deadline)?;
                lease.set_stateful(false);
                return Ok(found);
            }
            found = true;
            if let Some(replies) = exec(&mut lease, &commands, self.deadline)? {
                return all_succeeded(&lease, &replies).map(|()| found);
            }
            // Somebody wrote to one of them meanwhile, and may have taken its mark away.
            self.deadline.left().map_err(|error| Error::io(error, Outcome::Unknown, "the keys kept changing"))?;
        }
    }

    fn with_sides(&self, error: Error, sides: &[Side<'_, '_>]) -> Error {
        error.with_parts(sides.iter().map(|side| self.told_of(side.keys, side.outcome)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_by_what_is_left_of_it() {
        let mark = Mark::new();
        let left = |millis: u64| mark.is_on(&Value::Integer(i64::try_from(millis).unwrap()));
        assert!(left(mark.millis) && left(mark.millis - 50_000) && left(mark.millis + 50_000));
        assert!(!left(mark.millis - 70_000) && !left(mark.millis + 70_000) && !left(0));
        assert!(!mark.is_on(&Value::Integer(-1)) && !mark.is_on(&Value::Nil));
        assert!(mark.millis >= LONG && Mark::new().millis != mark.millis);
    }
}
