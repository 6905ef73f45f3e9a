//! What a step of a strategy may do: ask one server, ask it once more where a stash tells whether it was heard, lend
//! connections to one server or to two, and say what became of each key.

use super::{is_no_such_key, Stash, StashRole, MEMBERS, NIL};
use crate::command::Wait;
use crate::error::{Error, Outcome, PartOutcome, Result};
use crate::execute::multi_exec::{self, gave_nothing, Batch};
use crate::execute::{Call, Context};
use crate::net::{Deadline, Lease};
use crate::plan::{command_of, Part, Placed, Target};
use crate::random::random;
use crate::resp::{encode, Frame, ValueRef};
use crate::topology::Role;

impl Call<'_> {
    /// Of what goes from one key to another, an error says it of each of them.
    #[inline]
    pub(super) fn with_both_ends(&self, source: &Placed<'_>, destination: &Placed<'_>, error: Error) -> Error {
        let (taken, given) = match error.outcome() {
            // It has left the source and has not come to the destination: a stash holds it.
            Outcome::Partial => (Outcome::Applied, Outcome::NotApplied),
            outcome => (outcome, outcome),
        };
        let parts = vec![self.part_outcome(&[source], taken), self.part_outcome(&[destination], given)];
        error.with_parts(parts)
    }

    /// What became of some keys of one node.
    #[inline]
    pub(super) fn part_outcome(&self, keys: &[&Placed<'_>], outcome: Outcome) -> PartOutcome {
        let mut positions = Vec::with_capacity(keys.len());
        for key in keys {
            positions.push(key.position);
        }
        PartOutcome {
            node: self.topology().shards()[keys[0].shard].name().to_owned(),
            keys: self.args.copied_at(&positions),
            outcome,
            error: None,
        }
    }

    /// The same command for steps that do not wait for data themselves: they get the time of any call.
    #[inline]
    pub(super) fn without_wait(&self) -> Call<'_> {
        let deadline = if self.wait == Wait::None { self.deadline } else { Deadline::after(self.patience()) };
        Call { context: Context { deadline, ..self.context }, ..*self }
    }

    /// Sends one command to one master and gives its reply; an error reply is an error.
    #[inline]
    pub(super) fn step(&self, server: usize, args: &[&[u8]]) -> Result<Reply> {
        self.step_encoded(server, &command_of(args))
    }

    /// The same with a command as it goes over the wire.
    #[inline]
    pub(super) fn step_encoded(&self, server: usize, request: &[u8]) -> Result<Reply> {
        self.exchange(server, request).map(|answer| Reply::of(answer.frame()))
    }

    /// A step that may be sent twice, because a stash tells whether it was applied before: it is, on a new connection,
    /// when the first time left that open. Then the reply is that of the repetition, and the other value says so; what
    /// the step took from is gone by then when the first time was applied.
    #[inline]
    pub(super) fn step_repeatable(&self, server: usize, request: &[u8]) -> Result<(Reply, bool)> {
        let first = match self.step_encoded(server, request) {
            Ok(reply) => return Ok((reply, false)),
            Err(error) if error.is_server() => return Err(error),
            Err(error) => error,
        };
        let is_open = first.outcome() != Outcome::NotApplied;
        match self.step_encoded(server, request) {
            Ok(reply) => Ok((reply, is_open)),
            Err(again) if is_open && is_no_such_key(&again) => Ok((Reply::nil(), true)),
            Err(again) => Err(if is_open { first } else { again }),
        }
    }

    /// A stash and its server, for people.
    #[inline]
    pub(super) fn describe(&self, stash: &Stash, key: &Placed<'_>) -> String {
        format!("{stash} on {}", self.topology().node(key.master))
    }

    /// The two ends of a way between two nodes. `words` are the command and the ends of lists that it names.
    #[inline]
    pub(super) fn stashes(&self, words: &[&[u8]], source: &Placed<'_>, destination: &Placed<'_>) -> (Stash, Stash) {
        let id = random();
        let stash = |role, key: &Placed<'_>| Stash::new(words, role, id, key.stored);
        (stash(StashRole::From, source), stash(StashRole::To, destination))
    }

    /// A request to the master of a shard, for [`Call::fan_out`].
    #[inline]
    pub(super) fn part(&self, shard: usize, args: &[&[u8]], keys: Vec<usize>) -> Part<'static> {
        Part { target: Target::Shard(shard, Role::Master), request: command_of(args).into(), keys }
    }

    /// A connection for several requests in a row.
    #[inline]
    pub(super) fn lend(&self, server: usize) -> Result<Lease> {
        self.tried(server, || self.lend_in_step(server, self.deadline, false))
    }

    /// Connections to two masters, taken in the order of the servers so that no two calls wait for one another.
    #[inline]
    pub(super) fn pair(&self, one: usize, other: usize) -> Result<(Lease, Lease)> {
        if one < other {
            let first = self.lend(one)?;
            Ok((first, self.lend(other)?))
        } else {
            let first = self.lend(other)?;
            Ok((self.lend(one)?, first))
        }
    }
}

/// Replaces a key by a collection of these elements in one transaction, and gives how many they are. `add` is the command
/// that makes one of them.
#[inline]
pub(super) fn replace(call: &Call<'_>, key: &Placed<'_>, add: &[u8], elements: &[&[u8]]) -> Result<Vec<u8>> {
    let mut commands = vec![vec![&b"DEL"[..], key.stored]];
    for chunk in elements.chunks(MEMBERS) {
        commands.push([&[add, key.stored], chunk].concat());
    }
    let mut lease = call.lend(key.master)?;
    let replies = exec_unwatched(&mut lease, &commands, call.deadline)?;
    all_succeeded(&lease, &replies).map_err(|error| error.with_outcome(Outcome::Partial))?;
    let mut out = Vec::new();
    encode::integer(&mut out, elements.len() as i64);
    Ok(out)
}

/// The outcome of a step in the middle: what was not applied of it leaves the command half done.
#[inline]
pub(super) fn partial_at_least(error: Error) -> Error {
    match error.outcome() {
        Outcome::Unknown => error,
        _ => error.with_outcome(Outcome::Partial),
    }
}

/// A reply that outlives its connection, as it came.
#[derive(Clone)]
pub(super) struct Reply(pub(super) Vec<u8>);

impl Reply {
    #[inline]
    pub(super) fn of(frame: Frame<'_>) -> Reply {
        Reply(frame.as_bytes().to_vec())
    }

    #[inline]
    pub(super) fn nil() -> Reply {
        Reply(NIL.to_vec())
    }

    #[inline]
    pub(super) fn value(&self) -> ValueRef<'_> {
        Frame::trusted(&self.0).value()
    }

    #[inline]
    pub(super) fn is_nil(&self) -> bool {
        matches!(self.value(), ValueRef::Nil)
    }

    /// Whether it is this number.
    #[inline]
    pub(super) fn is(&self, wanted: i64) -> bool {
        matches!(self.value(), ValueRef::Integer(number) if number == wanted)
    }

    /// Whether one element was given, or one member.
    #[inline]
    pub(super) fn is_one(&self) -> bool {
        matches!(self.value(), ValueRef::Bulk(_) | ValueRef::Integer(1))
    }

    #[inline]
    pub(super) fn is_error(&self) -> bool {
        matches!(self.value(), ValueRef::Error(_))
    }

    #[inline]
    pub(super) fn error(&self) -> Option<Error> {
        error_in(&self.0)
    }
}

/// Runs commands in one `MULTI` and gives the reply of each as it came, errors among them. `None` when a watched key had
/// changed: nothing was done.
#[inline]
pub(super) fn exec(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Option<Vec<Vec<u8>>>> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(commands.len()));
    for args in commands {
        bytes.extend(command_of(args));
        ends.push(bytes.len());
    }
    let batch = Batch::of(bytes, ends);
    // The caller's command is the one that is told.
    let Some(reply) = multi_exec::exec(lease, &batch, deadline, &|_, error| error)? else { return Ok(None) };
    let mut replies = Vec::with_capacity(commands.len());
    if let Some(mut items) = Frame::trusted(&reply).value().items() {
        while let Some((_, raw)) = items.next_raw() {
            replies.push(raw.to_vec());
        }
    }
    Ok(Some(replies))
}

/// The same where no key is watched.
#[inline]
pub(super) fn exec_unwatched(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Vec<Vec<u8>>> {
    exec(lease, commands, deadline)?.ok_or_else(|| gave_nothing().with_node(|| lease.node().to_string()))
}

/// That every command of a transaction succeeded; else the first error, though the others ran.
#[inline]
pub(super) fn all_succeeded(lease: &Lease, replies: &[Vec<u8>]) -> Result<()> {
    match replies.iter().find_map(|reply| error_in(reply)) {
        Some(error) => Err(error.with_node(|| lease.node().to_string())),
        None => Ok(()),
    }
}

#[inline]
pub(super) fn error_in(reply: &[u8]) -> Option<Error> {
    match Frame::trusted(reply).value() {
        ValueRef::Error(text) => Some(Error::server(text)),
        _ => None,
    }
}
