//! One call that begins or ends subscriptions: which nodes, what each of them says, and what the caller is told.

use super::heard::{Kind, Subscription};
use super::link;
use super::shared::{copy, stopped, Shared, State};
use super::state::{Asked, Line, Link};
use super::Subscriber;
use crate::cmd::Cmd;
use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Phase, Result};
use crate::net::Deadline;
use crate::to_arg::ToArgs;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

/// What one node is asked in a call, and how far that came.
struct Part {
    shard: usize,
    node: String,
    asked: Vec<Subscription>,
    /// How many connections of the link had ended when it was asked.
    ended: u64,
    /// How many attempts of the link had failed before.
    failed: u64,
    /// Why nothing can be asked.
    fault: Option<Error>,
}

impl Subscriber {
    /// Begins to listen.
    pub(super) fn begin(&mut self, kind: Kind, names: impl ToArgs) -> Result<()> {
        self.call(kind, true, names)
    }

    /// Ends listening.
    pub(super) fn end(&mut self, kind: Kind, names: impl ToArgs) -> Result<()> {
        self.call(kind, false, names)
    }

    fn call(&mut self, kind: Kind, begins: bool, names: impl ToArgs) -> Result<()> {
        let spec = if begins { kind.begin() } else { kind.end() };
        let cmd: Cmd = Cmd::new(spec).args_of(names);
        cmd.check()?;
        if cmd.args().len() < 2 {
            let message = format!("ERR wrong number of arguments for '{}' command", spec.name.to_ascii_lowercase());
            return Err(Error::argument(message).with_command(spec.name));
        }
        let names: BTreeSet<Subscription> = cmd.args().iter().skip(1).map(|name| (kind, name.to_vec())).collect();
        let deadline = Deadline::after(self.shared.cluster.patience());
        let shared = Arc::clone(&self.shared);
        if shared.state().stopped {
            return Err(stopped().with_command(spec.name));
        }
        let _calling = shared.begin_call();
        let said = if begins {
            let parts = self.parts_to_begin(names);
            self.round(parts, begins, deadline)
        } else {
            // A connection that broke before it could be asked is made again with everything that is still held.
            loop {
                let parts = self.parts_to_end(&names);
                if parts.is_empty() {
                    break Ok(());
                }
                if let Err(error) = self.round(parts, begins, deadline) {
                    break Err(error);
                }
            }
        };
        self.close_empty();
        said.map_err(|error| error.with_command(spec.name))
    }

    /// Asks each node once.
    fn round(&mut self, mut parts: Vec<Part>, begins: bool, deadline: Deadline) -> Result<()> {
        self.reach(&mut parts, begins, deadline);
        ask(&self.shared, &parts, begins, deadline);
        gather(&self.shared, parts, begins, deadline)
    }

    /// Which nodes have to be asked for what is not listened to yet.
    fn parts_to_begin(&self, names: BTreeSet<Subscription>) -> Vec<Part> {
        let topology = self.shared.cluster.topology();
        let state = self.shared.state();
        let mut wanted: BTreeMap<usize, Vec<Subscription>> = BTreeMap::new();
        for subscription in names {
            let (kind, name) = &subscription;
            let is_held = |shard| state.links.get(&shard).is_some_and(|link| link.held.contains(&subscription));
            if *kind == Kind::Pattern {
                for shard in topology.distinct_shards().filter(|&shard| !is_held(shard)) {
                    wanted.entry(shard).or_default().push(subscription.clone());
                }
            } else if !state.links.keys().any(|&shard| is_held(shard)) {
                let shard = self.shared.cluster.shard_of_channel(name, &topology);
                wanted.entry(shard).or_default().push(subscription);
            }
        }
        let part = |(shard, asked): (usize, Vec<Subscription>)| {
            let node = topology.shards()[shard].name().to_owned();
            Part { shard, node, asked, ended: 0, failed: 0, fault: None }
        };
        wanted.into_iter().map(part).collect()
    }

    /// Which nodes have to be asked to end what is listened to there.
    fn parts_to_end(&self, names: &BTreeSet<Subscription>) -> Vec<Part> {
        let topology = self.shared.cluster.topology();
        let state = self.shared.state();
        let part = |(&shard, link): (&usize, &Link)| {
            let asked: Vec<Subscription> = names.intersection(&link.held).cloned().collect();
            let node = topology.shards()[shard].name().to_owned();
            (!asked.is_empty()).then_some(Part { shard, node, asked, ended: 0, failed: 0, fault: None })
        };
        state.links.iter().filter_map(part).collect()
    }

    /// To begin to listen: waits until each node is connected or known not to be, and what is not is tried now. To end
    /// it, a node that is not connected is not waited for: what is not held is not asked for again.
    fn reach(&mut self, parts: &mut [Part], begins: bool, deadline: Deadline) {
        for part in parts.iter_mut() {
            let mut state = self.shared.state();
            match state.links.get(&part.shard) {
                Some(link) => part.failed = link.failed,
                None => {
                    let node = self.shared.cluster.pool_of_master(part.shard).node();
                    state.links.insert(part.shard, Link::new(node));
                    drop(state);
                    part.fault = self.start(part.shard).err();
                }
            }
        }
        let shared = &self.shared;
        let mut state = shared.state();
        loop {
            let mut hurried = false;
            let mut all_settled = true;
            for part in parts.iter().filter(|part| part.fault.is_none()) {
                let Some(link) = state.links.get_mut(&part.shard) else { continue };
                let tries = begins && matches!(link.line, Line::Down) && link.failed == part.failed;
                if tries && !link.hurry {
                    link.hurry = true;
                    hurried = true;
                }
                let closing = matches!(link.line, Line::Up(_)) && link.given_up.is_some();
                all_settled &= !begins || !(tries || closing || matches!(link.line, Line::Connecting));
            }
            if hurried {
                shared.tell_links();
            }
            if all_settled || state.stopped {
                break;
            }
            let in_time;
            (state, in_time) = shared.wait(state, deadline);
            if !in_time {
                break;
            }
        }
        for part in parts.iter_mut().filter(|part| part.fault.is_none()) {
            let stopped_now = state.stopped;
            let Some(link) = state.links.get_mut(&part.shard) else { continue };
            part.ended = link.ended;
            part.fault = match link.line {
                _ if stopped_now => Some(stopped()),
                Line::Up(_) if link.given_up.is_none() => None,
                _ if !begins => {
                    link.held.retain(|held| !part.asked.contains(held));
                    None
                }
                Line::Over => link.fault.as_ref().map(copy),
                Line::Down if link.failed > part.failed => link.fault.as_ref().map(copy),
                _ => Some(late(Phase::Connect, "connecting").with_node(|| link.node.to_string())),
            };
        }
    }

    fn start(&mut self, shard: usize) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let started = thread::Builder::new()
            .name("rediscluster".into())
            .spawn(move || link::run(&shared, shard))
            .map_err(|error| Error::io(error, Outcome::NotApplied, "starting a thread").with_kind(ErrorKind::Connect));
        let mut state = self.shared.state();
        match started {
            Ok(thread) => {
                self.threads.insert(shard, thread);
                Ok(())
            }
            Err(error) => {
                let link = state.links.remove(&shard);
                Err(match link {
                    Some(link) => error.with_node(|| link.node.to_string()),
                    None => error,
                })
            }
        }
    }

    /// Closes the connections on which nothing is left.
    fn close_empty(&mut self) {
        let mut state = self.shared.state();
        let empty = |(&shard, link): (&usize, &mut Link)| {
            link.held.is_empty().then(|| {
                link.close();
                shard
            })
        };
        let shards: Vec<usize> = state.links.iter_mut().filter_map(empty).collect();
        drop(state);
        self.shared.tell_links();
        for shard in shards {
            self.threads.remove(&shard).map(thread::JoinHandle::join);
            self.shared.state().links.remove(&shard);
        }
    }
}

fn late(phase: Phase, doing: &str) -> Error {
    Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::NotApplied, doing).in_phase(phase)
}

/// Sends every node that can be reached what it is asked.
fn ask(shared: &Shared, parts: &[Part], begins: bool, deadline: Deadline) {
    for part in parts.iter().filter(|part| part.fault.is_none()) {
        let outgoing = match shared.state().links.get(&part.shard) {
            Some(Link { line: Line::Up(outgoing), ended, .. }) if *ended == part.ended => Arc::clone(outgoing),
            _ => continue,
        };
        let asked = part.asked.iter().map(|subscription| Asked::Change(begins, subscription.clone())).collect();
        // When it fails the connection is gone, and its thread says why.
        let _ = shared.ask(part.shard, &outgoing, asked, deadline);
    }
}

impl Part {
    /// Whether nothing more is to come.
    fn is_over(&self, state: &State) -> bool {
        self.fault.is_some()
            || state.links.get(&self.shard).map_or(true, |link| {
                let up = matches!(link.line, Line::Up(_)) && link.ended == self.ended;
                !up || link.answers.len() >= self.asked.len()
            })
    }
}

/// Waits for all answers, and makes one of them.
fn gather(shared: &Shared, parts: Vec<Part>, begins: bool, deadline: Deadline) -> Result<()> {
    let mut state = shared.state();
    while !state.stopped && !parts.iter().all(|part| part.is_over(&state)) {
        let in_time;
        (state, in_time) = shared.wait(state, deadline);
        if !in_time {
            break;
        }
    }
    let mut outcomes = Vec::new();
    let mut first = None;
    for part in parts {
        let mut refused: Vec<(Vec<u8>, Error)> = Vec::new();
        let mut applied: Vec<Vec<u8>> = Vec::new();
        let is_over = part.is_over(&state);
        let stopped_now = state.stopped;
        let link = state.links.get_mut(&part.shard);
        let mut answers = Vec::new();
        let mut rest = part.fault.as_ref().map(copy);
        if let (None, Some(link)) = (&rest, link) {
            answers = std::mem::take(&mut link.answers);
            let late = || late(Phase::Receive, "waiting for the confirmation").with_node(|| link.node.to_string());
            if answers.len() < part.asked.len() {
                rest = match is_over {
                    _ if stopped_now => Some(stopped()),
                    // The connection is gone or given up, and what it listened to with it.
                    _ if !begins => None,
                    true => Some(link.fault.as_ref().map_or_else(late, copy)),
                    false => Some(late()),
                };
            }
            if !is_over {
                let why = late();
                link.give_up(why);
            }
        }
        let mut answers = answers.into_iter();
        for (_, name) in part.asked {
            match (answers.next(), &rest) {
                (Some(Some(error)), _) => {
                    let node = shared.cluster.pool_of_master(part.shard).node().to_string();
                    refused.push((name, error.with_node(|| node)));
                }
                (Some(None), _) | (None, None) => applied.push(name),
                (None, Some(error)) => refused.push((name, copy(error))),
            }
        }
        let node = part.node;
        if !applied.is_empty() {
            outcomes.push(PartOutcome { node: node.clone(), keys: applied, outcome: Outcome::Applied, error: None });
        }
        for (name, error) in refused {
            let message = Some(error.message().to_owned());
            first.get_or_insert(error);
            match outcomes.last_mut() {
                Some(last) if last.error == message && last.node == node => last.keys.push(name),
                _ => outcomes.push(PartOutcome {
                    node: node.clone(),
                    keys: vec![name],
                    outcome: Outcome::NotApplied,
                    error: message,
                }),
            }
        }
    }
    let Some(first) = first else { return Ok(()) };
    let partial = outcomes.iter().any(|part| part.outcome == Outcome::Applied);
    Err(first.with_outcome(if partial { Outcome::Partial } else { Outcome::NotApplied }).with_parts(outcomes))
}
