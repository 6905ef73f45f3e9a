//! `MSETNX` over several nodes.

mod planned;
mod ttl_mark;

pub(super) use planned::steps;

use crate::command::{Across, Emulation};
use crate::cross_node::ask_together::{ask_together, Requests};
use crate::cross_node::{across, all_succeeded, exec, nothing_written, Reply};
use crate::error::{Error, Outcome, Result};
use crate::execute::fan_out::Leased;
use crate::execute::multi_exec::{cause_of_abort, leave};
use crate::execute::{no_meaning, Call, Strategy};
use crate::net::{too_many_words, words_if_many, Lease, MOST_WORDS};
use crate::order::sort_by_key;
use crate::plan::{groups_in_order, in_rounds, Placed};
use crate::resp::ValueRef;
use std::time::Instant;
use ttl_mark::Mark;

pub(super) const EMULATION: Emulation = Emulation::new(
    "set_if_none_exists",
    "all keys are checked, then set and marked node by node; what bears its mark is undone when a race is lost",
    |_| 4,
);

/// `MSETNX`: all keys are checked, then set and marked node by node; what bears the mark is undone when a race is lost.
pub(crate) const SET_IF_NONE_EXISTS: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: in_rounds,
    run: |call, route| across(call, route, set_if_none_exists),
    ..Strategy::ONE_NODE
};

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
    #[inline]
    fn keys(&self) -> Vec<&'k Placed<'c>> {
        let mut keys: Vec<&'k Placed<'c>> = self.keys.to_vec();
        sort_by_key(&mut keys, |key| (key.stored, key.position));
        keys.reverse();
        keys.dedup_by_key(|key| key.stored);
        keys
    }

    /// A command and all keys.
    #[inline]
    fn of_all<'w>(&'w self, name: &'w [u8]) -> Vec<&'w [u8]> {
        let mut words = Vec::with_capacity(1 + self.keys.len());
        words.push(name);
        for key in self.keys {
            words.push(key.stored);
        }
        words
    }

    /// Its connection is in no transaction any more and watches nothing.
    #[inline]
    fn may_be_shared(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.set_stateful(false);
        }
    }

    /// Gives its connection up when a server refused anything.
    #[inline]
    fn well(&mut self, replies: Vec<Reply>) -> Result<Vec<Reply>> {
        let Some(error) = replies.iter().find_map(Reply::error) else { return Ok(replies) };
        Err(match self.lease.take() {
            Some(lease) => error.with_node(|| lease.node().to_string()),
            None => error,
        })
    }
}

impl Side<'_, '_> {
    /// Notes what came of the transaction that sets and marks the keys, and of the requests behind it. Gives what went wrong;
    /// that a key was taken is nothing of the kind.
    #[inline]
    fn was_set(&mut self, replies: Result<Vec<Reply>>, mark: Mark) -> Option<Error> {
        let mut replies = match replies {
            Ok(replies) => replies,
            // Nobody knows whether EXEC was among what was sent.
            Err(error) => {
                self.outcome = Outcome::Unknown;
                return Some(error.with_outcome(Outcome::Unknown));
            }
        };
        let keys = self.keys();
        let next = replies.split_off(replies.len() - keys.len() - 2);
        let mut refused = None;
        for reply in &replies {
            if let (None, ValueRef::Error(text)) = (&refused, reply.value()) {
                refused = Some(Error::server(cause_of_abort(text)));
            }
        }
        match (replies.last().map(Reply::value), refused) {
            (Some(ValueRef::Array(done)), _) if matches!(done.clone().next(), Some(ValueRef::Integer(1))) => {
                self.outcome = Outcome::Applied;
                for (key, left) in keys.iter().zip(&next[1..]) {
                    if mark.is_on(left.value()) {
                        self.marked.push(key.stored);
                    }
                }
                if next.iter().any(Reply::is_error) {
                    self.lease = None;
                }
                None
            }
            // A key was taken since it was looked at.
            (Some(ValueRef::Nil), None) => None,
            // The first refusal says more than the abort that follows from it.
            (Some(ValueRef::Error(_)), Some(refused)) => Some(refused),
            _ => {
                self.lease = None;
                self.outcome = Outcome::Unknown;
                Some(Error::protocol("EXEC gave something else than one reply for each command"))
            }
        }
    }
}

/// Every key is watched and looked at; then the first node is set, which decides between clients that want the same
/// keys; then the others, all at once. What was set is undone when one of them finds a key taken.
///
/// Between these steps others may take away and set again what this call has set, also to the same value. So the
/// transaction that sets the keys puts a [mark](Mark) on each; in the end the marks go, or what still bears one is
/// deleted. A crash in between leaves keys of some nodes set, with a time to live of 69 years or more.
#[inline]
fn set_if_none_exists(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    // Every client begins at the same node, whatever the order of its keys.
    let groups = groups_in_order(keys);
    let mut sides = Vec::with_capacity(groups.len());
    for keys in &groups {
        sides.push(Side {
            keys,
            lease: Some(call.lend(keys[0].master)?),
            outcome: Outcome::NotApplied,
            marked: Vec::new(),
            is_settled: false,
        });
    }
    if words_if_many(call.args.as_bytes()) > MOST_WORDS {
        refuse_too_many_words(call, &mut sides)?;
    }
    let taken = are_taken(call, &mut sides);
    if !matches!(taken, Ok(false)) {
        discard_begun(call, &mut sides);
        return taken.map(|_| b":0\r\n".to_vec()).map_err(nothing_written);
    }
    let mark = Mark::new();
    let (first, others) = sides.split_at_mut(1);
    let mut failed = set_and_mark(call, first, mark);
    if first[0].outcome == Outcome::Applied {
        failed = set_and_mark(call, others, mark);
    }
    if sides.iter().all(|side| side.outcome == Outcome::Applied) {
        return match remove_marks(call, &mut sides, mark) {
            None => Ok(b":1\r\n".to_vec()),
            Some(error) => Err(with_sides(call, error, &sides)
                .with_outcome(Outcome::Applied)
                .with_note("it was set, and the keys may keep a time to live of 69 years or more")),
        };
    }
    discard_begun(call, &mut sides);
    let left = clean_up(call, &mut sides, mark, false);
    match (failed, left) {
        (None, None) => Ok(b":0\r\n".to_vec()),
        (None, Some(error)) => Err(with_sides(call, error, &sides)
            .with_outcome(Outcome::Partial)
            .with_note("a key was taken, and what was set could not be undone")),
        (Some(error), left) => {
            let is_undone = sides.iter().all(|side| side.outcome == Outcome::NotApplied);
            let error = error.with_outcome(if is_undone { Outcome::NotApplied } else { Outcome::Unknown });
            let error = with_sides(call, error, &sides);
            Err(if left.is_some() { error.with_note("what was set could not be undone") } else { error })
        }
    }
}

/// Refuses what an older server would close its connection over, before anything is set anywhere.
#[inline]
fn refuse_too_many_words(call: &Call<'_>, sides: &mut [Side<'_, '_>]) -> Result<()> {
    for side in sides {
        let words = 1 + 2 * side.keys.len();
        let Some(lease) = side.lease.as_mut().filter(|_| words > MOST_WORDS) else { continue };
        if lease.takes_few_words(call.deadline)? {
            return Err(too_many_words(words).at(lease.node()));
        }
    }
    Ok(())
}

/// Sends requests to several nodes at the same time, and gives what those replied that were asked: `None` for a side
/// without a connection or without a request. The connection of one that fails is given up.
#[inline]
fn ask_sides(
    call: &Call<'_>,
    sides: &mut [Side<'_, '_>],
    requests: &dyn Fn(&Side<'_, '_>) -> Requests,
) -> Vec<Option<Result<Vec<Reply>>>> {
    let (mut asked, mut sent) = (Vec::with_capacity(sides.len()), Vec::with_capacity(sides.len()));
    for side in sides.iter_mut() {
        sent.push(if side.lease.is_some() { requests(side) } else { Requests::default() });
        let lease = side.lease.take().ok_or_else(no_meaning);
        asked.push(Leased::new(side.keys[0].master, Instant::now(), lease, call.deadline));
    }
    let replies = ask_together(&mut asked, &sent);
    let mut came = Vec::with_capacity(sides.len());
    for (((side, asked), sent), replies) in sides.iter_mut().zip(asked).zip(sent).zip(replies) {
        let replied = match asked.lease {
            Ok(lease) => {
                side.lease = Some(lease);
                Ok(replies)
            }
            Err(error) => Err(error),
        };
        came.push((!sent.is_empty()).then_some(replied));
    }
    came
}

/// Watches all keys, looks whether any exists, and begins a transaction on each node.
#[inline]
fn are_taken(call: &Call<'_>, sides: &mut [Side<'_, '_>]) -> Result<bool> {
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
    let replies = ask_sides(call, sides, &begin);
    for (side, replies) in sides.iter_mut().zip(replies) {
        let Some(replies) = replies else { continue };
        match replies.and_then(|replies| side.well(replies)) {
            Ok(replies) => taken |= !replies.get(2).is_some_and(|exists| exists.is(0)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(taken), Err)
}

/// Sets and marks the keys of some nodes, and notes what came of each. Gives the failure that says most; that a key was
/// taken is none.
#[inline]
fn set_and_mark(call: &Call<'_>, sides: &mut [Side<'_, '_>], mark: Mark) -> Option<Error> {
    let values: Vec<&[u8]> = call.args.iter().collect();
    let millis = mark.millis.to_string();
    let queue = |side: &Side<'_, '_>| {
        let mut requests = Requests::default();
        let mut set: Vec<&[u8]> = vec![b"MSETNX"];
        for key in side.keys {
            set.extend_from_slice(&[key.stored, values[key.position + 1]]);
        }
        requests.add(&set);
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
    let replies = ask_sides(call, sides, &queue);
    for (side, replies) in sides.iter_mut().zip(replies) {
        let Some(replies) = replies else { continue };
        let Some(error) = side.was_set(replies, mark) else { continue };
        if failed.as_ref().map_or(true, |known| known.outcome() < error.outcome()) {
            failed = Some(error.with_node(|| call.topology().node(side.keys[0].master).to_string()));
        }
    }
    failed
}

/// Leaves the transactions that were begun and not run.
#[inline]
fn discard_begun(call: &Call<'_>, sides: &mut [Side<'_, '_>]) {
    let discard = |side: &Side<'_, '_>| {
        let is_inside = side.lease.as_ref().is_some_and(|lease| lease.stateful());
        let mut requests = Requests::default();
        if is_inside {
            requests.add(&[b"DISCARD"]);
        }
        requests
    };
    let replies = ask_sides(call, sides, &discard);
    for (side, replies) in sides.iter_mut().zip(replies) {
        let Some(Ok(replies)) = replies else { continue };
        // Where that does not succeed the connection is closed, which does the same.
        if replies.first().is_some_and(|reply| matches!(reply.value(), ValueRef::Simple(b"OK"))) {
            side.may_be_shared();
        }
    }
}

/// Takes the marks away in the transactions that were begun, and where somebody wrote to a key meanwhile one node after
/// the other. Gives what went wrong.
#[inline]
fn remove_marks(call: &Call<'_>, sides: &mut [Side<'_, '_>], mark: Mark) -> Option<Error> {
    let persist = |side: &Side<'_, '_>| {
        let mut requests = Requests::default();
        side.marked.iter().for_each(|key| requests.add(&[b"PERSIST", key]));
        requests.add(&[b"EXEC"]);
        requests
    };
    let replies = ask_sides(call, sides, &persist);
    for (side, replies) in sides.iter_mut().zip(replies) {
        let Some(replies) = replies else { continue };
        let last = replies.ok().and_then(|mut replies| replies.pop());
        match last.as_ref().map(Reply::value) {
            Some(ValueRef::Array(done)) if !done.clone().any(|reply| matches!(reply, ValueRef::Error(_))) => {
                side.may_be_shared();
                side.is_settled = true;
            }
            Some(ValueRef::Nil) => side.may_be_shared(),
            _ => side.lease = None,
        }
    }
    clean_up(call, sides, mark, true)
}

/// Takes the marks away, or with `keep` false the keys that still bear one, on every node that can be asked. Gives
/// what went wrong.
#[inline]
fn clean_up(call: &Call<'_>, sides: &mut [Side<'_, '_>], mark: Mark, keep: bool) -> Option<Error> {
    let mut failed = None;
    for side in sides.iter_mut().filter(|side| side.outcome != Outcome::NotApplied && !side.is_settled) {
        match clean_up_node(call, side, mark, keep) {
            Ok(found) if !keep && (found || side.outcome == Outcome::Applied) => side.outcome = Outcome::NotApplied,
            // What may still be on its way to the server stays unknown.
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed
}

/// Gives whether any key was marked.
#[inline]
fn clean_up_node(call: &Call<'_>, side: &mut Side<'_, '_>, mark: Mark, keep: bool) -> Result<bool> {
    let mut lease = match side.lease.take() {
        Some(lease) => lease,
        None => call.lend(side.keys[0].master)?,
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
        let mut asked = [Leased::new(side.keys[0].master, Instant::now(), Ok(lease), call.deadline)];
        let replies = ask_together(&mut asked, &[requests]).remove(0);
        let [Leased { lease: asked, .. }] = asked;
        lease = asked?;
        if let Some(error) = replies.first().and_then(Reply::error) {
            return Err(error.with_node(|| lease.node().to_string()));
        }
        let mut commands: Vec<Vec<&[u8]>> = Vec::new();
        for (key, told) in keys.iter().zip(replies[1..].chunks_exact(if keep { 1 } else { 2 })) {
            if !mark.is_on(told[0].value()) {
                continue;
            }
            // Who has counted on or appended to it has made it theirs, and left the mark on it.
            let is_ours = |held: &Reply| match held.value() {
                ValueRef::Bulk(held) => Some(held) == call.args.get(key.position + 1),
                _ => false,
            };
            commands.push(vec![if !keep && is_ours(&told[1]) { b"DEL" } else { b"PERSIST" }, key.stored]);
        }
        if commands.is_empty() {
            return leave(&mut lease, &[b"UNWATCH"], call.deadline).map(|()| found);
        }
        found = true;
        if let Some(replies) = exec(&mut lease, &commands, call.deadline)? {
            return all_succeeded(&lease, &replies).map(|()| found);
        }
        // Somebody wrote to one of them meanwhile, and may have taken its mark away.
        call.deadline.left().map_err(|error| Error::io(error.into(), Outcome::Unknown, "the keys kept changing"))?;
    }
}

#[inline]
fn with_sides(call: &Call<'_>, error: Error, sides: &[Side<'_, '_>]) -> Error {
    let mut parts = Vec::with_capacity(sides.len());
    for side in sides {
        parts.push(call.part_outcome(side.keys, side.outcome));
    }
    error.with_parts(parts)
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("MSETNX").arg("a").arg("x").arg("b").arg("x");
        let expected = "
            a:EXISTS a:WATCH a:EXISTS a:MULTI b:EXISTS b:WATCH b:EXISTS b:MULTI a:MSETNX a:PERSIST a:PTTL a:PEXPIRE a:EXEC a:WATCH a:PTTL a:MULTI b:MSETNX b:PERSIST b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI a:PERSIST a:EXEC b:PERSIST b:EXEC = 1
            a:EXISTS Refused: NotApplied; a:WATCH a:EXISTS a:MULTI b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:EXISTS Breaks, Dies: NotApplied; b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:WATCH Refused: NotApplied; a:EXISTS a:MULTI b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:WATCH Breaks, Dies: NotApplied; b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:EXISTS Refused: NotApplied; a:MULTI b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:EXISTS Breaks, Dies: NotApplied; b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            a:MULTI Refused, Breaks, Dies: NotApplied; b:EXISTS b:WATCH b:EXISTS b:MULTI b:DISCARD
            b:EXISTS Refused: NotApplied; b:WATCH b:EXISTS b:MULTI a:DISCARD
            b:EXISTS Breaks, Dies: NotApplied; a:DISCARD
            b:WATCH Refused: NotApplied; b:EXISTS b:MULTI a:DISCARD
            b:WATCH Breaks, Dies: NotApplied; a:DISCARD
            b:EXISTS Refused: NotApplied; b:MULTI a:DISCARD
            b:EXISTS Breaks, Dies: NotApplied; a:DISCARD
            b:MULTI Refused, Breaks, Dies: NotApplied; a:DISCARD
            a:MSETNX Refused: NotApplied; a:PERSIST a:PTTL a:PEXPIRE a:EXEC a:WATCH a:PTTL a:MULTI a:DISCARD b:DISCARD
            a:MSETNX Breaks: Unknown; b:DISCARD a:WATCH a:PTTL a:GET a:UNWATCH
            a:MSETNX Dies: Unknown; b:DISCARD
            a:PERSIST Refused: NotApplied; a:PTTL a:PEXPIRE a:EXEC a:WATCH a:PTTL a:MULTI a:DISCARD b:DISCARD
            a:PERSIST Breaks: Unknown; b:DISCARD a:WATCH a:PTTL a:GET a:UNWATCH
            a:PERSIST Dies: Unknown; b:DISCARD
            a:PTTL Refused: NotApplied; a:PEXPIRE a:EXEC a:WATCH a:PTTL a:MULTI a:DISCARD b:DISCARD
            a:PTTL Breaks: Unknown; b:DISCARD a:WATCH a:PTTL a:GET a:UNWATCH
            a:PTTL Dies: Unknown; b:DISCARD
            a:PEXPIRE Refused: NotApplied; a:EXEC a:WATCH a:PTTL a:MULTI a:DISCARD b:DISCARD
            a:PEXPIRE Breaks: Unknown; b:DISCARD a:WATCH a:PTTL a:GET a:UNWATCH
            a:PEXPIRE Dies: Unknown; b:DISCARD
            a:EXEC Refused: NotApplied; a:WATCH a:PTTL a:MULTI a:DISCARD b:DISCARD
            a:EXEC Breaks: NotApplied; b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            a:EXEC Dies: Unknown; b:DISCARD
            a:WATCH Refused: 1; a:PTTL a:MULTI b:MSETNX b:PERSIST b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:WATCH Breaks: NotApplied; b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            a:WATCH Dies: Unknown; b:DISCARD
            a:PTTL Refused: 1; a:MULTI b:MSETNX b:PERSIST b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:PTTL Breaks: NotApplied; b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            a:PTTL Dies: Unknown; b:DISCARD
            a:MULTI Refused: 1; b:MSETNX b:PERSIST b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:MULTI Breaks: NotApplied; b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            a:MULTI Dies: Unknown; b:DISCARD
            b:MSETNX Refused: NotApplied; b:PERSIST b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI a:DISCARD b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:MSETNX Breaks: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:UNWATCH
            b:MSETNX Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PERSIST Refused: NotApplied; b:PTTL b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI a:DISCARD b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PERSIST Breaks: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:UNWATCH
            b:PERSIST Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PTTL Refused: NotApplied; b:PEXPIRE b:EXEC b:WATCH b:PTTL b:MULTI a:DISCARD b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PTTL Breaks: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:UNWATCH
            b:PTTL Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PEXPIRE Refused: NotApplied; b:EXEC b:WATCH b:PTTL b:MULTI a:DISCARD b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PEXPIRE Breaks: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:UNWATCH
            b:PEXPIRE Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:EXEC Refused: NotApplied; b:WATCH b:PTTL b:MULTI a:DISCARD b:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:EXEC Breaks: NotApplied; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:MULTI b:DEL b:EXEC
            b:EXEC Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:WATCH Refused: 1; b:PTTL b:MULTI a:PERSIST a:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:WATCH Breaks: NotApplied; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:MULTI b:DEL b:EXEC
            b:WATCH Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:PTTL Refused: 1; b:MULTI a:PERSIST a:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:PTTL Breaks: NotApplied; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:MULTI b:DEL b:EXEC
            b:PTTL Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            b:MULTI Refused: 1; a:PERSIST a:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:MULTI Breaks: NotApplied; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC b:WATCH b:PTTL b:GET b:MULTI b:DEL b:EXEC
            b:MULTI Dies: Unknown; a:DISCARD a:WATCH a:PTTL a:GET a:MULTI a:DEL a:EXEC
            a:PERSIST Refused: 1; a:EXEC b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:PERSIST Breaks: 1; b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:PERSIST Dies: Applied; b:PERSIST b:EXEC
            a:EXEC Refused, Breaks: 1; b:PERSIST b:EXEC a:WATCH a:PTTL a:MULTI a:PERSIST a:EXEC
            a:EXEC Dies: Applied; b:PERSIST b:EXEC
            b:PERSIST Refused: 1; b:EXEC b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:PERSIST Breaks: 1; b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:PERSIST Dies: Applied
            b:EXEC Refused, Breaks: 1; b:WATCH b:PTTL b:MULTI b:PERSIST b:EXEC
            b:EXEC Dies: Applied
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
