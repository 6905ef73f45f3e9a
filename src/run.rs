//! Runs commands: chooses servers, sends, receives, tries again where that is safe.

use crate::args::Args;
use crate::cancel::Cancel;
use crate::cmd::Wait;
use crate::convert::FromValue;
use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Result};
use crate::merge::Merge;
use crate::net::{Deadline, Lease, Pool};
use crate::plan::{Part, Planner, Route, Target};
use crate::resp::{Frame, ValueRef};
use crate::spec::{Access, ResponsePolicy, Spec};
use crate::topology::{Role, Topology};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// The servers of a cluster at one moment, and the connections to them.
pub(crate) struct Servers {
    pub(crate) topology: Arc<Topology>,
    /// In the order of [`Topology::servers`].
    pub(crate) pools: Vec<Arc<Pool>>,
}

/// One command on its way.
pub(crate) struct Run<'r> {
    pub(crate) servers: &'r Servers,
    pub(crate) planner: Planner<'r>,
    pub(crate) args: &'r Args,
    pub(crate) spec: &'static Spec,
    pub(crate) deadline: Deadline,
    /// What the steps that follow a wait for data may take.
    pub(crate) patience: Duration,
    /// How long the command itself may wait for data.
    pub(crate) wait: Wait,
    /// Whose turn it is among replicas.
    pub(crate) turn: &'r AtomicUsize,
    /// What ends a wait for data.
    pub(crate) cancel: Option<&'r Cancel>,
}

/// A reply, where it lies in its connection's read buffer or as it was made of several.
pub(crate) enum Answer {
    Held(Lease, Range<usize>),
    Made(Vec<u8>),
}

impl Answer {
    pub(crate) fn frame(&self) -> Frame<'_> {
        match self {
            Answer::Held(lease, range) => lease.frame(range.clone()),
            Answer::Made(bytes) => Frame::trusted(bytes),
        }
    }

    /// What was asked for.
    pub(crate) fn make<T: FromValue>(&mut self) -> Result<T> {
        if let Answer::Held(lease, range) = self {
            if let Some(bytes) = lease.take_bulk(range) {
                return T::from_bulk(bytes);
            }
        }
        T::from_value(self.frame().value())
    }

    /// Which server gave it, where one did.
    pub(crate) fn node(&self) -> Option<String> {
        match self {
            Answer::Held(lease, _) => Some(lease.node().to_string()),
            Answer::Made(_) => None,
        }
    }
}

impl Run<'_> {
    /// Runs the command. An error reply is an error.
    pub(crate) fn run(&self) -> Result<Answer> {
        let answer = match self.planner.route(self.args, self.spec)? {
            _ if self.is_cancelled() => Err(cancelled()),
            Route::One(part) if self.can_be_cancelled() => self.wait_on_one(&part),
            Route::One(part) => self.one(&part),
            Route::Fan(parts, merge) => self.fan(&parts, &merge).map(Answer::Made),
            Route::Emulate(across, keys) => self.emulate(across, &keys),
        };
        answer.map_err(|error| {
            let error = error.with_command(self.spec.name_of(self.args));
            // A read changes nothing, whether its answer came or not.
            match error.outcome() {
                Outcome::Unknown if self.reads() => error.with_outcome(Outcome::NotApplied),
                _ => error,
            }
        })
    }

    /// Whether it waits for data and another thread may end that.
    pub(crate) fn can_be_cancelled(&self) -> bool {
        self.cancel.is_some() && self.wait != Wait::None
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.can_be_cancelled() && self.cancel.is_some_and(Cancel::is_cancelled)
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.servers.topology
    }

    /// Whether running it twice does no harm.
    fn reads(&self) -> bool {
        self.spec.access == Access::Read
    }

    /// The servers that may serve a target, the one to ask first coming first.
    fn candidates(&self, target: Target) -> impl Iterator<Item = usize> + '_ {
        let (replicas, last): (&[usize], usize) = match target {
            Target::Server(server) => (&[], server),
            Target::Shard(shard, role) => {
                let shard = &self.topology().shards()[shard];
                (if role == Role::Replica { shard.replicas() } else { &[] }, shard.master())
            }
        };
        let turn = match replicas.len() {
            0 | 1 => 0,
            _ => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        (0..replicas.len()).map(move |nth| replicas[turn.wrapping_add(nth) % replicas.len()]).chain([last])
    }

    /// One request to the first server of the target that can serve it.
    pub(crate) fn one(&self, part: &Part<'_>) -> Result<Answer> {
        let mut candidates = self.candidates(part.target).peekable();
        while let Some(server) = candidates.next() {
            if candidates.peek().is_none() {
                return self.exchange(server, &part.request);
            }
            // A replica that cannot serve costs no failed read as long as another server can: it gets a part of the
            // time, so that some is left when it says nothing.
            let deadline = match (self.deadline.left(), self.wait) {
                (Ok(Some(left)), Wait::None) => self.deadline.within(left / 4),
                // While it waits for data, to say nothing is right.
                (Ok(Some(left)), Wait::AtMost(wait)) => {
                    self.deadline.within(wait.saturating_add(left.saturating_sub(wait) / 4))
                }
                _ => self.deadline,
            };
            match self.exchange_until(server, &part.request, deadline) {
                Err(error) if is_servers_fault(&error) && self.deadline.left().is_ok() => {}
                result => return result,
            }
        }
        Err(Error::config("a shard without servers"))
    }

    /// One request to one server, on a new connection when an idle one turns out to be dead.
    pub(crate) fn exchange(&self, server: usize, request: &[u8]) -> Result<Answer> {
        self.exchange_until(server, request, self.deadline)
    }

    fn exchange_until(&self, server: usize, request: &[u8], deadline: Deadline) -> Result<Answer> {
        let pool = &self.servers.pools[server];
        match attempt(pool, request, deadline) {
            Err(error) if self.may_repeat(&error) => {
                pool.drop_idle();
                attempt(pool, request, deadline)
            }
            result => result,
        }
    }

    fn may_repeat(&self, error: &Error) -> bool {
        let dead = matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol);
        dead && (error.outcome() == Outcome::NotApplied || (self.reads() && error.kind() == ErrorKind::Io))
    }

    /// Requests to several servers at the same time; their replies become one.
    pub(crate) fn fan(&self, parts: &[Part<'_>], merge: &Merge) -> Result<Vec<u8>> {
        let answers = match merge {
            Merge::OneSucceeded => self.first_success(parts)?,
            _ => self.answers(parts)?,
        };
        let frames: Vec<Frame<'_>> = answers.iter().map(Answer::frame).collect();
        let keys: Vec<&[usize]> = parts.iter().map(|part| part.keys.as_slice()).collect();
        merge.frames(&keys, &frames)
    }

    /// Requests to several servers at the same time: one reply, when any of them succeeds.
    fn first_success(&self, parts: &[Part<'_>]) -> Result<Vec<Answer>> {
        let results = self.each(parts)?;
        match results.iter().position(Result::is_ok) {
            Some(at) => Ok(results.into_iter().nth(at).into_iter().flatten().collect()),
            None => Err(self.summed_up(parts, results)),
        }
    }

    /// Requests to several servers at the same time: every reply, or an error that says how far each part came.
    pub(crate) fn answers(&self, parts: &[Part<'_>]) -> Result<Vec<Answer>> {
        let results = self.each(parts)?;
        if results.iter().all(Result::is_ok) {
            return Ok(results.into_iter().flatten().collect());
        }
        Err(self.summed_up(parts, results))
    }

    /// Requests to several servers at the same time, and what came of each.
    ///
    /// # Errors
    /// When a connection cannot be had: then nothing was sent to any of them.
    pub(crate) fn each(&self, parts: &[Part<'_>]) -> Result<Vec<Result<Answer>>> {
        let chosen: Vec<usize> = parts.iter().filter_map(|part| self.candidates(part.target).next()).collect();
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_unstable_by_key(|&at| chosen[at]);
        let mut leases: Vec<Option<Result<Lease>>> = parts.iter().map(|_| None).collect();
        for at in order {
            let lease = self.servers.pools[chosen[at]].lend(self.deadline);
            if lease.is_err() && !self.reads() && self.spec.response != ResponsePolicy::OneSucceeded {
                lease?;
            } else {
                leases[at] = Some(lease);
            }
        }
        let mut sent = Vec::with_capacity(parts.len());
        for (part, lease) in parts.iter().zip(leases.into_iter().flatten()) {
            sent.push(lease.and_then(|mut lease| lease.send(&part.request, 1, self.deadline).map(|()| lease)));
        }
        let received: Vec<Result<Answer>> =
            sent.into_iter().map(|lease| lease.and_then(|lease| finish(lease, self.deadline))).collect();
        let again = |(part, result): (&Part<'_>, Result<Answer>)| match result {
            Err(error) if self.may_repeat(&error) || (self.reads() && is_servers_fault(&error)) => self.one(part),
            result => result,
        };
        Ok(parts.iter().zip(received).map(again).collect())
    }

    /// One error for a command of which parts failed.
    pub(crate) fn summed_up(&self, parts: &[Part<'_>], results: Vec<Result<Answer>>) -> Error {
        let mut first = None;
        let mut outcomes = Vec::with_capacity(parts.len());
        for (part, result) in parts.iter().zip(results) {
            let node = match part.target {
                Target::Shard(shard, _) => self.topology().shards()[shard].name().to_owned(),
                Target::Server(server) => self.topology().node(server).name().to_owned(),
            };
            let keys = part.keys.iter().filter_map(|&at| self.args.get(at)).map(<[u8]>::to_vec).collect();
            let (outcome, error) = match result {
                Ok(_) => (Outcome::Applied, None),
                Err(error) => {
                    let told = (error.outcome(), Some(error.message().to_owned()));
                    first.get_or_insert(error);
                    told
                }
            };
            outcomes.push(PartOutcome { node, keys, outcome, error });
        }
        let first = first.unwrap_or_else(|| Error::reply("a part failed without an error"));
        if self.reads() {
            return first;
        }
        let all = |wanted| outcomes.iter().all(|part| part.outcome == wanted);
        let outcome = if all(Outcome::NotApplied) {
            Outcome::NotApplied
        } else if outcomes.iter().any(|part| part.outcome == Outcome::Unknown) {
            Outcome::Unknown
        } else {
            Outcome::Partial
        };
        first.with_outcome(outcome).with_parts(outcomes)
    }
}

/// The error for a wait that another thread has ended.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, Outcome::NotApplied, "another thread has ended the wait; nothing was taken")
}

fn attempt(pool: &Arc<Pool>, request: &[u8], deadline: Deadline) -> Result<Answer> {
    let mut lease = pool.lend(deadline)?;
    lease.send(request, 1, deadline)?;
    finish(lease, deadline)
}

/// Waits for the one reply that a connection owes.
fn finish(mut lease: Lease, deadline: Deadline) -> Result<Answer> {
    let range = lease.receive_range(deadline)?;
    if let ValueRef::Error(text) = lease.frame(range.clone()).value() {
        return Err(Error::server(text).with_node(|| lease.node().to_string()));
    }
    Ok(Answer::Held(lease, range))
}

/// Another server may well serve what this one could not.
fn is_servers_fault(error: &Error) -> bool {
    use ErrorKind::*;
    match error.kind() {
        Connect | Io | Timeout | Protocol | PoolTimeout | Loading | MasterDown | NoAuth | NoPerm => true,
        // It has too many clients, runs a script for too long, or has not seen a script that others have.
        Server => {
            let busy = matches!(error.code(), Some("BUSY" | "NOSCRIPT"));
            busy || error.message().starts_with("ERR max number of clients")
        }
        _ => false,
    }
}
