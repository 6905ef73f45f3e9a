//! Commands across nodes that need several rounds.
//!
//! What waits between two rounds waits in a [`Stash`], on the server where one atomic step can put it, so that a
//! failure at any point loses nothing: it is in the source, in the destination, or in a stash that the error names.
//! Which stashes there are says how far a command came, also when its program is gone.

mod ask_together;
mod cancellable_wait;
mod carry_sources;
mod copy;
mod key_changes;
mod move_one;
mod msetnx;
mod planned;
mod pop;
mod random_key;
mod rename;
mod sets;
mod sort;
mod sort_lookup;
mod sort_steps;
mod sort_weight;
mod split;
mod streams;
mod streams_steps;

pub(crate) use cancellable_wait::CANCELLABLE;
pub(crate) use carry_sources::CARRY_SOURCES;
pub(crate) use copy::COPY;
pub(crate) use move_one::{MOVE_ELEMENT, MOVE_MEMBER};
pub(crate) use msetnx::SET_IF_NONE_EXISTS;
pub(crate) use planned::steps_of;
pub(crate) use pop::FIRST_THAT_HAS;
pub(crate) use random_key::DRAW_NODE;
pub(crate) use rename::RENAME;
pub(crate) use sets::{
    MERGE_DIFFERENCE, MERGE_INTERSECTION, MERGE_UNION, STORE_DIFFERENCE, STORE_INTERSECTION, STORE_UNION,
};
pub(crate) use sort::SORT;
pub(crate) use split::SPLIT;
pub(crate) use streams::READ_STREAMS;

use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Result};
use crate::execute::{cancelled, Answer, Call, Strategy};
use crate::multi::{self, gave_nothing, Batch};
use crate::net::{Deadline, Lease};
use crate::plan::{command_of, Part, Placed, Planner, Route, Target};
use crate::resp::{Frame, ValueRef};
use crate::retry::random;
use crate::stash::{Stash, StashRole};
use crate::topology::Role;
use crate::wait::Wait;

/// The keys are on one node always, or there is no key.
pub(crate) const NEVER: Strategy = Strategy::ONE_NODE;
/// Keys on several nodes are refused.
pub(crate) const REFUSE: Strategy = Strategy::REFUSE;

/// As many members as one `SADD` takes: far below what any server accepts as one command.
const MEMBERS: usize = 10_000;

impl Call<'_> {
    /// Of what goes from one key to another, an error says it of each of them.
    #[inline]
    fn told_of_both(&self, source: &Placed<'_>, destination: &Placed<'_>, error: Error) -> Error {
        let (taken, given) = match error.outcome() {
            // It has left the source and has not come to the destination: a stash holds it.
            Outcome::Partial => (Outcome::Applied, Outcome::NotApplied),
            outcome => (outcome, outcome),
        };
        let parts = vec![self.told_of(&[source], taken), self.told_of(&[destination], given)];
        error.with_parts(parts)
    }

    /// What became of some keys of one node.
    #[inline]
    fn told_of(&self, keys: &[&Placed<'_>], outcome: Outcome) -> PartOutcome {
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
    fn prompt(&self) -> Call<'_> {
        let deadline = if self.wait == Wait::None { self.deadline } else { Deadline::after(self.patience) };
        Call { deadline, planner: Planner { ..self.planner }, ..*self }
    }

    /// Sends one command to one master and gives its reply; an error reply is an error.
    #[inline]
    fn step(&self, server: usize, args: &[&[u8]]) -> Result<Reply> {
        self.exchange(server, &command_of(args)).map(|answer| Reply::of(answer.frame()))
    }

    /// A step that may be sent twice, because a stash tells whether it was applied before: it is, on a new connection,
    /// when the first time left that open. Then the reply is that of the repetition, and the other value says so; what
    /// the step took from is gone by then when the first time was applied.
    #[inline]
    fn twice(&self, server: usize, args: &[Vec<u8>]) -> Result<(Reply, bool)> {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let first = match self.step(server, &args) {
            Ok(reply) => return Ok((reply, false)),
            Err(error) if error.is_server() => return Err(error),
            Err(error) => error,
        };
        let is_open = first.outcome() != Outcome::NotApplied;
        match self.step(server, &args) {
            Ok(reply) => Ok((reply, is_open)),
            Err(again) if is_open && is_no_such_key(&again) => Ok((Reply::nil(), true)),
            Err(again) => Err(if is_open { first } else { again }),
        }
    }

    /// A stash and its server, for people.
    #[inline]
    fn place(&self, stash: &Stash, key: &Placed<'_>) -> String {
        format!("{stash} on {}", self.topology().node(key.master))
    }

    /// The two ends of a way between two nodes. `words` are the command and the ends of lists that it names.
    #[inline]
    fn stashes(&self, words: &[&[u8]], source: &Placed<'_>, destination: &Placed<'_>) -> (Stash, Stash) {
        let id = random();
        let stash = |role, key: &Placed<'_>| Stash::new(words, role, id, key.stored);
        (stash(StashRole::From, source), stash(StashRole::To, destination))
    }

    /// A request to the master of a shard, for [`Call::fan_out`].
    #[inline]
    fn part(&self, shard: usize, args: &[&[u8]], keys: Vec<usize>) -> Part<'static> {
        Part { target: Target::Shard(shard, Role::Master), request: command_of(args).into(), keys }
    }

    /// A connection for several requests in a row.
    #[inline]
    fn lend(&self, server: usize) -> Result<Lease> {
        self.tried(server, || self.lend_in_step(server, self.deadline, false))
    }

    /// Connections to two masters, taken in the order of the servers so that no two calls wait for one another.
    #[inline]
    fn pair(&self, one: usize, other: usize) -> Result<(Lease, Lease)> {
        if one < other {
            let first = self.lend(one)?;
            Ok((first, self.lend(other)?))
        } else {
            let first = self.lend(other)?;
            Ok((self.lend(one)?, first))
        }
    }
}

/// The reply that says that there is nothing.
const NIL: &[u8] = b"$-1\r\n";

/// A reply that outlives its connection, as it came.
#[derive(Clone)]
struct Reply(Vec<u8>);

impl Reply {
    #[inline]
    fn of(frame: Frame<'_>) -> Reply {
        Reply(frame.as_bytes().to_vec())
    }

    #[inline]
    fn nil() -> Reply {
        Reply(NIL.to_vec())
    }

    #[inline]
    fn value(&self) -> ValueRef<'_> {
        Frame::trusted(&self.0).value()
    }

    #[inline]
    fn is_nil(&self) -> bool {
        matches!(self.value(), ValueRef::Nil)
    }

    /// Whether it is this number.
    #[inline]
    fn is(&self, wanted: i64) -> bool {
        matches!(self.value(), ValueRef::Integer(number) if number == wanted)
    }

    /// Whether one element was given, or one member.
    #[inline]
    fn is_one(&self) -> bool {
        matches!(self.value(), ValueRef::Bulk(_) | ValueRef::Integer(1))
    }

    #[inline]
    fn is_error(&self) -> bool {
        matches!(self.value(), ValueRef::Error(_))
    }

    #[inline]
    fn error(&self) -> Option<Error> {
        error_in(&self.0)
    }
}

/// Runs commands in one `MULTI` and gives the reply of each as it came, errors among them. `None` when a watched key had
/// changed: nothing was done.
#[inline]
fn exec(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Option<Vec<Vec<u8>>>> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(commands.len()));
    for args in commands {
        bytes.extend(command_of(args));
        ends.push(bytes.len());
    }
    let batch = Batch::of(bytes, ends);
    // The caller's command is the one that is told.
    let Some(reply) = multi::exec(lease, &batch, deadline, |_, error| error)? else { return Ok(None) };
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
fn exec_unwatched(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Vec<Vec<u8>>> {
    exec(lease, commands, deadline)?.ok_or_else(|| gave_nothing().with_node(|| lease.node().to_string()))
}

/// That every command of a transaction succeeded; else the first error, though the others ran.
#[inline]
fn all_succeeded(lease: &Lease, replies: &[Vec<u8>]) -> Result<()> {
    match replies.iter().find_map(|reply| error_in(reply)) {
        Some(error) => Err(error.with_node(|| lease.node().to_string())),
        None => Ok(()),
    }
}

#[inline]
fn error_in(reply: &[u8]) -> Option<Error> {
    match Frame::trusted(reply).value() {
        ValueRef::Error(text) => Some(Error::server(text)),
        _ => None,
    }
}

/// What a refusal of a step means that the caller did not ask for.
#[inline]
fn meaning_told(no_permission: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::NoPerm && !no_permission.is_empty() {
        return error.with_note(no_permission);
    }
    if error.kind() == ErrorKind::Server && error.message().contains("DUMP payload version or checksum") {
        return error.with_note(
            "this server cannot unpack the value, which was packed by a newer or another kind of server on another node",
        );
    }
    error
}

/// What a value takes that goes from node to node whole.
const PACKED: &str =
    "the value goes from node to node by DUMP and RESTORE, under a name that begins with rediscluster:stash:, and \
     the user needs permission for both commands and for such names on every node";
/// What an element or a member takes that goes from node to node.
const STASHED: &str =
    "between nodes it takes a stash, and the user needs permission for names that begin with rediscluster:stash:";

/// Runs the steps of a strategy where the keys live on several nodes.
#[inline]
fn across(call: &Call<'_>, route: Route<'_>, steps: fn(&Call<'_>, &[Placed<'_>]) -> Result<Vec<u8>>) -> Result<Answer> {
    match route {
        Route::Across(keys) => {
            let steps_of =
                Call { retries: call.retries.of_steps(), follow: None, planner: Planner { ..call.planner }, ..*call };
            steps(&steps_of, &keys).map(Answer::Made)
        }
        route => call.run_on_one(route),
    }
}

/// A failure before the step that writes: whatever happened to a reading step, no data changed.
#[inline]
fn nothing_written(error: Error) -> Error {
    error.with_outcome(Outcome::NotApplied).with_parts(Vec::new())
}

/// The reply to a wait when nothing came.
#[inline]
fn nothing(was_cancelled: bool) -> Result<Vec<u8>> {
    match was_cancelled {
        true => Err(cancelled()),
        false => Ok(NIL.to_vec()),
    }
}

#[inline]
fn is_no_such_key(error: &Error) -> bool {
    error.message().starts_with("ERR no such key")
}

/// A command in one piece, of what was written down piece by piece.
#[inline]
fn owned(args: &[&[u8]]) -> Vec<Vec<u8>> {
    args.iter().map(|arg| arg.to_vec()).collect()
}

#[inline]
fn integer(value: ValueRef<'_>) -> Result<i64> {
    match value {
        ValueRef::Integer(number) => Ok(number),
        other => Err(Error::reply(format!(
            "expected a number, got {}",
            crate::error::escape(format!("{other:?}").as_bytes(), 128)
        ))),
    }
}
