//! Commands across nodes that need several rounds.
//!
//! What waits between two rounds waits in a [`Stash`], on the server where one atomic step can put it, so that a
//! failure at any point loses nothing: it is in the source, in the destination, or in a stash that the error names.
//! Which stashes there are says how far a command came, also when its program is gone.

mod copy;
mod lookup;
mod moves;
mod pops;
mod rename;
mod sort;
mod sources;
mod streams;
mod strings;
mod together;
mod tracking;
mod waits;
mod weight;

use crate::cmd::Wait;
use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Result};
use crate::multi::{self, gave_nothing, Batch};
use crate::net::{Deadline, Lease};
use crate::plan::{command, Part, Placed, Planner, Route, Target};
use crate::resp::{encode, Frame, Value, ValueRef};
use crate::retry::random;
use crate::run::{cancelled, Answer, Run};
use crate::spec::{Across, SetOperation, WaitArgument};
use crate::stash::{Stash, StashRole};
use crate::topology::Role;

/// As many members as one `SADD` takes: far below what any server accepts as one command.
const MEMBERS: usize = 10_000;

impl Run<'_> {
    /// Runs a command whose keys live on several nodes.
    pub(crate) fn emulate(&self, across: Across, keys: &[Placed<'_>]) -> Result<Answer> {
        let made = match (across, keys) {
            (Across::StoreSets(operation), [destination, sources @ ..]) => {
                self.store_sets(operation, destination, sources)
            }
            (Across::SetIfNoneExists, _) => self.set_if_none_exists(keys),
            (Across::Rename, [source, destination]) => self.rename(source, destination),
            (Across::Copy, [source, destination]) => self.copy(source, destination),
            (Across::FirstThatHas, [_, ..]) if self.spec.wait == WaitArgument::None => self.first_that_has(keys),
            (Across::FirstThatHas, [_, ..]) => self.wait_for_first(keys),
            (Across::MoveMember, [source, destination]) => self.move_member(source, destination),
            (Across::MoveElement, [source, destination]) => self.move_element(source, destination),
            (Across::CarrySources, _) => self.carry_sources(keys),
            (Across::Sort, [source, rest @ ..]) => self.sort(source, rest.first()),
            (Across::DrawNode, _) => self.draw_key(),
            (Across::ReadStreams, _) => self.read_streams(keys),
            _ => Err(Error::new(ErrorKind::CrossNode, Outcome::NotApplied, "it has no meaning across nodes")),
        };
        made.map(Answer::Made).map_err(|error| meaning_told(across, self.told_of_keys(across, keys, error)))
    }

    /// For what goes from one key to another, the error says it of each of them.
    fn told_of_keys(&self, across: Across, keys: &[Placed<'_>], error: Error) -> Error {
        let (Across::Rename | Across::MoveMember | Across::MoveElement, [source, destination]) = (across, keys) else {
            return error;
        };
        let (taken, given) = match error.outcome() {
            // It has left the source and has not come to the destination: a stash holds it.
            Outcome::Partial => (Outcome::Applied, Outcome::NotApplied),
            outcome => (outcome, outcome),
        };
        let parts = vec![self.told_of(&[source], taken), self.told_of(&[destination], given)];
        error.with_parts(parts)
    }

    /// What became of some keys of one node.
    fn told_of(&self, keys: &[&Placed<'_>], outcome: Outcome) -> PartOutcome {
        PartOutcome {
            node: self.topology().shards()[keys[0].shard].name().to_owned(),
            keys: self.args.at(keys.iter().map(|key| key.position)).map(<[u8]>::to_vec).collect(),
            outcome,
            error: None,
        }
    }

    /// The same command for steps that do not wait for data themselves: they get the time of any call.
    fn prompt(&self) -> Run<'_> {
        let deadline = if self.wait == Wait::None { self.deadline } else { Deadline::after(self.patience) };
        Run { deadline, planner: Planner { ..self.planner }, ..*self }
    }

    /// Sends one command to one master and gives its reply; an error reply is an error.
    fn step(&self, server: usize, args: &[&[u8]]) -> Result<Value> {
        self.exchange(server, &command(args.iter().copied())).map(|answer| answer.frame().value().into())
    }

    /// A step that may be sent twice, because a stash tells whether it was applied before: it is, on a new connection,
    /// when the first time left that open. Then the reply is that of the repetition, and the other value says so; what
    /// the step took from is gone by then when the first time was applied.
    fn twice(&self, server: usize, args: &[Vec<u8>]) -> Result<(Value, bool)> {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let first = match self.step(server, &args) {
            Ok(reply) => return Ok((reply, false)),
            Err(error) if error.is_server() => return Err(error),
            Err(error) => error,
        };
        let is_open = first.outcome() != Outcome::NotApplied;
        match self.step(server, &args) {
            Ok(reply) => Ok((reply, is_open)),
            Err(again) if is_open && is_no_such_key(&again) => Ok((Value::Nil, true)),
            Err(again) => Err(if is_open { first } else { again }),
        }
    }

    /// A stash and its server, for people.
    fn place(&self, stash: &Stash, key: &Placed<'_>) -> String {
        format!("{stash} on {}", self.topology().node(key.master))
    }

    /// The two ends of a way between two nodes. `words` are the command and the ends of lists that it names.
    fn stashes(&self, words: &[&[u8]], source: &Placed<'_>, destination: &Placed<'_>) -> (Stash, Stash) {
        let id = random();
        let stash = |role, key: &Placed<'_>| Stash::new(words, role, id, key.stored);
        (stash(StashRole::From, source), stash(StashRole::To, destination))
    }

    /// A request to the master of a shard, for [`Run::each`].
    fn part(&self, shard: usize, args: &[&[u8]], keys: Vec<usize>) -> Part<'static> {
        Part { target: Target::Shard(shard, Role::Master), request: command(args.iter().copied()).into(), keys }
    }

    /// A connection for several requests in a row.
    fn lend(&self, server: usize) -> Result<Lease> {
        self.tried(server, || self.lend_in_step(server, self.deadline, false))
    }

    /// Connections to two masters, taken in the order of the servers so that no two calls wait for one another.
    fn pair(&self, one: usize, other: usize) -> Result<(Lease, Lease)> {
        if one < other {
            let first = self.lend(one)?;
            Ok((first, self.lend(other)?))
        } else {
            let first = self.lend(other)?;
            Ok((self.lend(one)?, first))
        }
    }

    /// The destination is replaced by what the sources leave, in one transaction.
    fn store_sets(&self, operation: SetOperation, destination: &Placed<'_>, sources: &[Placed<'_>]) -> Result<Vec<u8>> {
        // The sources are read on their masters: a write must not rest on stale data.
        let answer = match self.planner.merged_sets(operation, sources, Role::Master) {
            Route::Fan(parts, merge) => Answer::Made(self.fan(&parts, &merge).map_err(nothing_written)?),
            // Its own connection is free again before the destination's is asked for: a second call may hold and want
            // the two the other way round.
            Route::One(part) => self.one(&part).map_err(nothing_written)?.apart(),
            Route::Emulate(..) => return Err(Error::argument("a set operation without sources")),
        };
        let members: Vec<&[u8]> =
            answer.frame().value().items().into_iter().flatten().filter_map(|item| item.as_bytes()).collect();
        let mut commands = vec![vec![&b"DEL"[..], destination.stored]];
        for chunk in members.chunks(MEMBERS) {
            commands.push([&[b"SADD", destination.stored], chunk].concat());
        }
        let mut lease = self.lend(destination.master)?;
        let replies = exec_unwatched(&mut lease, &commands, self.deadline)?;
        all_succeeded(&lease, &replies).map_err(|error| error.with_outcome(Outcome::Partial))?;
        let mut out = Vec::new();
        encode::integer(&mut out, members.len() as i64);
        Ok(out)
    }

    /// A key of a node that is drawn by how many keys it holds.
    fn draw_key(&self) -> Result<Vec<u8>> {
        let (parts, _) = self.planner.sizes();
        let mut sizes: Vec<(Target, u64)> = Vec::new();
        for (part, answer) in parts.iter().zip(self.answers(&parts)?) {
            sizes.push((part.target, u64::try_from(integer(&answer.frame().value().into())?).unwrap_or(0)));
        }
        // A node may have become empty meanwhile: then another one is drawn, until none is left.
        while let Some(total) = sizes.iter().fold(0u64, |sum, (_, size)| sum.saturating_add(*size)).checked_sub(1) {
            let mut ticket = random() % total.saturating_add(1);
            let drawn = sizes.iter().position(|&(_, size)| match ticket.checked_sub(size) {
                Some(rest) => {
                    ticket = rest;
                    false
                }
                None => true,
            });
            let (target, _) = sizes.swap_remove(drawn.unwrap_or(0));
            let answer = self.one(&Part { target, request: self.args.as_bytes().into(), keys: Vec::new() })?;
            if answer.frame().value() != ValueRef::Nil {
                return Ok(answer.frame().as_bytes().to_vec());
            }
        }
        Ok(Value::Nil.to_bytes())
    }
}

/// Runs commands in one `MULTI` and gives the reply of each as it came, errors among them. `None` when a watched key had
/// changed: nothing was done.
fn exec(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Option<Vec<Vec<u8>>>> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(commands.len()));
    for args in commands {
        bytes.extend(command(args.iter().copied()));
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
fn exec_unwatched(lease: &mut Lease, commands: &[Vec<&[u8]>], deadline: Deadline) -> Result<Vec<Vec<u8>>> {
    exec(lease, commands, deadline)?.ok_or_else(|| gave_nothing().with_node(|| lease.node().to_string()))
}

/// That every command of a transaction succeeded; else the first error, though the others ran.
fn all_succeeded(lease: &Lease, replies: &[Vec<u8>]) -> Result<()> {
    match replies.iter().find_map(|reply| error_in(reply)) {
        Some(error) => Err(error.with_node(|| lease.node().to_string())),
        None => Ok(()),
    }
}

fn error_in(reply: &[u8]) -> Option<Error> {
    match Frame::trusted(reply).value() {
        ValueRef::Error(text) => Some(Error::server(text)),
        _ => None,
    }
}

/// What a refusal of a step means that the caller did not ask for.
fn meaning_told(across: Across, error: Error) -> Error {
    let note = match (across, error.kind()) {
        (Across::Rename | Across::Copy | Across::CarrySources, ErrorKind::NoPerm) => {
            "the value goes from node to node by DUMP and RESTORE, under a name that begins with rediscluster:stash:, and \
             the user needs permission for both commands and for such names on every node"
        }
        (Across::MoveMember | Across::MoveElement, ErrorKind::NoPerm) => {
            "between nodes it takes a stash, and the user needs permission for names that begin with rediscluster:stash:"
        }
        (_, ErrorKind::Server) if error.message().contains("DUMP payload version or checksum") => {
            "this server cannot unpack the value, which was packed by a newer or another kind of server on another node"
        }
        _ => return error,
    };
    error.with_note(note)
}

/// A failure before the step that writes: whatever happened to a reading step, no data changed.
fn nothing_written(error: Error) -> Error {
    error.with_outcome(Outcome::NotApplied).with_parts(Vec::new())
}

/// The reply to a wait when nothing came.
fn nothing(was_cancelled: bool) -> Result<Vec<u8>> {
    match was_cancelled {
        true => Err(cancelled()),
        false => Ok(Value::Nil.to_bytes()),
    }
}

fn is_no_such_key(error: &Error) -> bool {
    error.message().starts_with("ERR no such key")
}

/// A command in one piece, of what was written down piece by piece.
fn owned(args: &[&[u8]]) -> Vec<Vec<u8>> {
    args.iter().map(|arg| arg.to_vec()).collect()
}

fn integer(value: &Value) -> Result<i64> {
    match value {
        Value::Integer(number) => Ok(*number),
        other => Err(Error::reply(format!(
            "expected a number, got {}",
            crate::error::escape(format!("{other:?}").as_bytes(), 128)
        ))),
    }
}
