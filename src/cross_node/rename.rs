//! `RENAME` and `RENAMENX` from one node to another.

use super::Stash;
use super::{across, explained, PACKED};
use super::{all_succeeded, exec, integer, is_no_such_key, nothing_written, partial_at_least};
use crate::command::{Across, Emulation, Spec};
use crate::error::{Error, Outcome, Result};
use crate::execute::multi_exec::leave;
use crate::execute::{no_meaning, Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::net::Lease;
use crate::plan::{command_of, in_rounds, Placed};
use crate::resp::{Frame, ValueRef};
use std::time::{Duration, Instant};

pub(super) const EMULATION: Emulation = Emulation::new(
    "rename",
    "the value goes over by DUMP and RESTORE, the source being watched",
    // A destination that must not exist is asked first.
    |spec| if only_new(spec) { 7 } else { 6 },
);

/// The value is carried over by `DUMP` and `RESTORE`.
pub(crate) const RENAME: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: in_rounds,
    run: |call, route| across(call, route, rename),
    ..Strategy::ONE_NODE
};

#[inline]
fn only_new(spec: &Spec) -> bool {
    spec.name == "RENAMENX"
}

#[inline]
fn rename(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let [source, destination] = keys else { return Err(no_meaning()) };
    carry_value(call, source, destination)
        .map_err(|error| explained(PACKED, call.with_both_ends(source, destination, error)))
}

#[inline]
pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let [source, destination] = keys else { return Vec::new() };
    let (from, to) = (shown(source.stored), shown(destination.stored));
    let mut does = vec![(source, format!("WATCH {from}, DUMP {from}, PTTL {from}"))];
    if only_new(draft.spec) {
        does.push((destination, format!("EXISTS {to}")));
    }
    does.push((destination, "RESTORE STASH TTL… VALUE… REPLACE".into()));
    does.push((source, "MULTI".into()));
    // DUMP and PTTL of the stash come in between where WATCH does not see everything, as of a stream.
    does.push((source, format!("RENAME {from} STASH, EXEC")));
    does.push((destination, format!("{} STASH {to}", draft.spec.name)));
    does.push((source, "UNLINK STASH".into()));
    (1..).zip(does).map(|(round, (key, does))| draft.on(round, key, does)).collect()
}

/// A value as its server packs it, and its time to live as `RESTORE` takes it.
type Packed = (Vec<u8>, String);

/// Whether `WATCH` sees every change of a packed value, whose first byte tells its type. No server lets it see `XACK`,
/// `XCLAIM`, `XAUTOCLAIM`, `XREADGROUP`, `XGROUP` and `XSETID`. What is no string, list, set, sorted set or hash in a
/// form that has been known for long counts as one of those.
#[inline]
fn is_watched_whole(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(0..=5 | 9..=14 | 16..=18 | 20))
}

/// A value that goes from one node to another.
struct Rename<'w> {
    call: &'w Call<'w>,
    source: &'w Placed<'w>,
    destination: &'w Placed<'w>,
    /// The source, once the rename is committed.
    stash: Stash,
    /// The value on the node of the destination, before it gets its name.
    copy: Stash,
}

/// Carries a value over by `DUMP` and `RESTORE`, with its expiry.
///
/// The copy first lies in a stash on the destination's node. Then the source, watched so that no write to it in
/// between is lost, becomes a stash of its own: from here on the rename is committed. The copy gets its name, and
/// the other stash goes. So at every moment the stashes tell which of the two is the value: as long as the one at the
/// source exists, that one, for the copy may be older.
///
/// Of some values the watch does not see everything: see [`is_watched_whole`]. These are packed once more in the
/// step that commits, and sent again when they have changed.
#[inline]
fn carry_value(call: &Call<'_>, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
    let only_new = only_new(call.spec);
    let (stash, copy) = call.stashes(&[call.spec.name.as_bytes()], source, destination);
    let rename = Rename { call, source, destination, stash, copy };
    let (stash, copy) = (rename.stash.name(), rename.copy.name());
    let (mut from, mut to) = call.pair(source.master, destination.master)?;
    let mut copied = false;
    let (expires, newer) = loop {
        from.set_stateful(true);
        let packed = dump(call, &mut from, source.stored, true).map_err(nothing_written);
        let packed = packed.or_else(|error| rename.without_copy(&mut to, copied, error))?;
        let Some((payload, ttl)) = packed else {
            let left = leave(&mut from, &[b"UNWATCH"], call.deadline).map_err(nothing_written);
            left.or_else(|error| rename.without_copy(&mut to, copied, error))?;
            return rename.without_copy(&mut to, copied, Error::server(b"ERR no such key"));
        };
        let expires = ends(&ttl);
        if only_new {
            let exists = to
                .ask(&[b"EXISTS", destination.stored], call.deadline)
                .map(|frame| frame.value() != ValueRef::Integer(0));
            let exists = exists.map_err(nothing_written);
            if exists.or_else(|error| rename.without_copy(&mut to, copied, error))? {
                if copied {
                    to.ask(&[b"UNLINK", &copy], call.deadline).map_err(|error| rename.may_be_left(error))?;
                }
                leave(&mut from, &[b"UNWATCH"], call.deadline).map_err(nothing_written)?;
                return Ok(b":0\r\n".to_vec());
            }
        }
        let restore: [&[u8]; 5] = [b"RESTORE", &copy, ttl.as_bytes(), &payload, b"REPLACE"];
        if let Err(error) = to.ask(&restore, call.deadline) {
            if error.outcome() == Outcome::Unknown {
                return Err(rename.may_be_left(error));
            }
            return rename.without_copy(&mut to, copied, error);
        }
        copied = true;
        let mut commit = vec![vec![&b"RENAME"[..], source.stored, &stash]];
        if !is_watched_whole(&payload) {
            commit.extend([vec![&b"DUMP"[..], &stash], vec![&b"PTTL"[..], &stash]]);
        }
        match exec(&mut from, &commit, call.deadline) {
            Ok(Some(replies)) => match all_succeeded(&from, &replies[..1]) {
                Ok(()) => break (expires, newer(&from, &replies[1..], &payload)),
                Err(error) => return rename.without_copy(&mut to, copied, error),
            },
            Ok(None) => {
                // The source was written to: what was copied is old, so it is copied again.
                call.deadline
                    .left()
                    .map_err(|error| {
                        let error = Error::io(error.into(), Outcome::NotApplied, "the source kept changing");
                        error.with_node(|| from.node().to_string())
                    })
                    .or_else(|error| rename.without_copy(&mut to, copied, error))?;
            }
            Err(error) if error.outcome() == Outcome::NotApplied => return rename.without_copy(&mut to, copied, error),
            Err(error) => return Err(rename.half_renamed(error)),
        }
    };
    drop((from, to));
    let expires = match newer {
        Ok(None) => expires,
        Ok(Some((payload, ttl))) => {
            let expires = ends(&ttl);
            // Not twice: one that comes late would leave a copy behind for good.
            match call.step(destination.master, &[b"RESTORE", &copy, ttl.as_bytes(), &payload, b"REPLACE"]) {
                Ok(_) => expires,
                Err(error) if error.is_server() => return rename.give_back(Err(error)),
                Err(error) => return Err(rename.half_renamed(error.with_outcome(Outcome::Partial))),
            }
        }
        Err(error) => return rename.give_back(Err(error)),
    };
    // The stash has the same end by the clock of its server, which may have been set forward meanwhile.
    let is_over = || {
        expires.is_some_and(|(since, ttl)| {
            since.elapsed() >= ttl || matches!(call.step(source.master, &[b"EXISTS", &stash]), Ok(reply) if reply.is(0))
        })
    };
    let step = [call.spec.name.as_bytes(), &copy, destination.stored];
    match call.step_repeatable(destination.master, &command_of(&step)) {
        Ok((reply, _)) if reply.is(0) => return rename.give_back(Ok(b":0\r\n".to_vec())),
        Ok(_) => {}
        // It was renamed, and then its time was over.
        Err(error) if is_no_such_key(&error) && is_over() => {
            if !only_new {
                let gone = call.step_repeatable(destination.master, &command_of(&[b"UNLINK", destination.stored]));
                gone.map_err(|error| error.with_outcome(Outcome::Partial))?;
            }
        }
        Err(error) if error.is_server() && !is_no_such_key(&error) => return rename.give_back(Err(error)),
        Err(error) => return Err(rename.half_renamed(error)),
    }
    call.step_repeatable(source.master, &command_of(&[b"UNLINK", &stash])).map_err(|error| {
        let note = format!("it was renamed, but its stash may be left: {}", call.describe(&rename.stash, source));
        error.with_outcome(Outcome::Applied).with_note(&note)
    })?;
    Ok(if only_new { b":1\r\n".to_vec() } else { b"+OK\r\n".to_vec() })
}

/// The value of a key; `None` when there is none. With `watch`, the key is watched from now on.
#[inline]
pub(super) fn dump(call: &Call<'_>, from: &mut Lease, key: &[u8], watch: bool) -> Result<Option<Packed>> {
    let steps: [[&[u8]; 2]; 3] = [[b"WATCH", key], [b"DUMP", key], [b"PTTL", key]];
    let steps = if watch { &steps[..] } else { &steps[1..] };
    let mut bytes = Vec::new();
    for args in steps {
        bytes.extend(command_of(args));
    }
    from.send(&bytes, steps.len(), call.deadline)?;
    let mut replies = Vec::with_capacity(steps.len());
    for _ in steps {
        replies.push(from.receive(call.deadline)?.as_bytes().to_vec());
    }
    all_succeeded(from, &replies)?;
    packed_in(&replies[steps.len() - 2], &replies[steps.len() - 1])
}

impl Rename<'_> {
    /// The rename did not happen: its copy goes, when there is one, and the error is told.
    #[inline]
    fn without_copy<T>(&self, to: &mut Lease, copied: bool, error: Error) -> Result<T> {
        if copied && to.ask(&[b"UNLINK", &self.copy.name()], self.call.deadline).is_err() {
            return Err(self.may_be_left(error));
        }
        Err(error)
    }

    /// A rename that did not happen, and whose copy may be left.
    #[inline]
    fn may_be_left(&self, error: Error) -> Error {
        nothing_written(error)
            .with_note(&format!("a copy may be left in {}", self.call.describe(&self.copy, self.destination)))
    }

    /// An error after which both stashes may be left.
    #[inline]
    fn half_renamed(&self, error: Error) -> Error {
        let (stash, copy) =
            (self.call.describe(&self.stash, self.source), self.call.describe(&self.copy, self.destination));
        partial_at_least(error).with_note(&format!(
            "when there is {stash}, that is the value, and {copy} is a copy of it, perhaps an older one"
        ))
    }

    /// A committed rename cannot be finished: the source gets its value back, and `answer` is the answer.
    #[inline]
    fn give_back(&self, answer: Result<Vec<u8>>) -> Result<Vec<u8>> {
        let step = [b"RENAMENX", &self.stash.name()[..], self.source.stored];
        let given = match self.call.step_repeatable(self.source.master, &command_of(&step)) {
            Ok((reply, _)) if reply.is(0) => Err(Error::server(b"BUSYKEY both names were taken meanwhile")),
            Ok(_) => Ok(()),
            // Its time is over.
            Err(error) if is_no_such_key(&error) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = given {
            let node = || self.call.topology().node(self.source.master).to_string();
            return Err(self.half_renamed(error.with_outcome(Outcome::Partial)).with_node(node));
        }
        match self.call.step_repeatable(self.destination.master, &command_of(&[b"UNLINK", &self.copy.name()])) {
            Ok(_) => answer.map_err(nothing_written),
            Err(error) => Err(self.may_be_left(answer.err().unwrap_or(error))),
        }
    }
}

/// What `DUMP` and `PTTL` gave; `None` when there is no such key.
#[inline]
fn packed_in(payload: &[u8], ttl: &[u8]) -> Result<Option<Packed>> {
    let ttl = integer(Frame::trusted(ttl).value())?;
    match Frame::trusted(payload).value() {
        ValueRef::Bulk(payload) if ttl != -2 => {
            // To RESTORE, 0 means no expiry; a key in its last millisecond has one.
            let ttl = if ttl < 0 { 0 } else { ttl.max(1) };
            Ok(Some((payload.to_vec(), ttl.to_string())))
        }
        _ => Ok(None),
    }
}

/// When a value that was packed just now expires. Counted from here, no copy of it ends earlier.
#[inline]
fn ends(ttl: &str) -> Option<(Instant, Duration)> {
    ttl.parse().ok().filter(|&ttl| ttl > 0).map(|ttl| (Instant::now(), Duration::from_millis(ttl)))
}

/// What a committed value was packed to in the step that committed it, when that is not what was `sent`; `None` as well
/// when it expired in that step or was not asked for.
#[inline]
fn newer(from: &Lease, replies: &[Vec<u8>], sent: &[u8]) -> Result<Option<Packed>> {
    let [payload, ttl] = replies else { return Ok(None) };
    all_succeeded(from, replies)?;
    Ok(packed_in(payload, ttl)?.filter(|(payload, _)| payload != sent))
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("RENAME").arg("a").arg("b");
        let expected = "
            a:WATCH a:DUMP a:PTTL b:RESTORE a:MULTI a:RENAME a:EXEC b:RENAME a:UNLINK = OK
            a:WATCH Refused: NotApplied; a:DUMP a:PTTL
            a:WATCH Breaks, Dies: NotApplied
            a:DUMP Refused: NotApplied; a:PTTL
            a:DUMP Breaks, Dies: NotApplied
            a:PTTL Refused, Breaks, Dies: NotApplied
            b:RESTORE Refused: NotApplied
            b:RESTORE Breaks, Dies: NotApplied +to
            a:MULTI Refused, Breaks, Dies: NotApplied; b:UNLINK
            a:RENAME Refused: NotApplied; a:EXEC b:UNLINK
            a:RENAME Breaks, Dies: Unknown +from +to
            a:EXEC Refused: NotApplied; b:UNLINK
            a:EXEC Breaks, Dies: Unknown +from +to
            b:RENAME Refused: NotApplied; a:RENAMENX b:UNLINK
            b:RENAME Breaks: OK; b:RENAME a:UNLINK
            b:RENAME Dies: Unknown +from +to
            a:UNLINK Refused: Applied +from
            a:UNLINK Breaks: OK; a:UNLINK
            a:UNLINK Dies: Applied +from
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn a_name_that_must_be_new_is_asked_for_first() {
        let command = cmd("RENAMENX").arg("a").arg("b");
        let expected = "
            a:WATCH a:DUMP a:PTTL b:EXISTS b:RESTORE a:MULTI a:RENAME a:EXEC b:RENAMENX a:UNLINK = 1
            a:WATCH Refused: NotApplied; a:DUMP a:PTTL
            a:WATCH Breaks, Dies: NotApplied
            a:DUMP Refused: NotApplied; a:PTTL
            a:DUMP Breaks, Dies: NotApplied
            a:PTTL Refused, Breaks, Dies: NotApplied
            b:EXISTS Refused, Breaks, Dies: NotApplied
            b:RESTORE Refused: NotApplied
            b:RESTORE Breaks, Dies: NotApplied +to
            a:MULTI Refused, Breaks, Dies: NotApplied; b:UNLINK
            a:RENAME Refused: NotApplied; a:EXEC b:UNLINK
            a:RENAME Breaks, Dies: Unknown +from +to
            a:EXEC Refused: NotApplied; b:UNLINK
            a:EXEC Breaks, Dies: Unknown +from +to
            b:RENAMENX Refused: NotApplied; a:RENAMENX b:UNLINK
            b:RENAMENX Breaks: 1; b:RENAMENX a:UNLINK
            b:RENAMENX Dies: Unknown +from +to
            a:UNLINK Refused: Applied +from
            a:UNLINK Breaks: 1; a:UNLINK
            a:UNLINK Dies: Applied +from
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
