//! One call that begins or ends subscriptions: which nodes, what each of them says, and what the caller is told.

use super::link::{Link, Request, Status};
use super::link_thread;
use super::server_push::{ChannelKind, Subscription};
use super::shared::{not_applied, stopped, Shared, State};
use super::Subscriber;
use crate::cmd::Cmd;
use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Phase, Result};
use crate::net::Deadline;
use crate::order::sort;
use crate::plan::too_few;
use crate::to_arg::ToArgs;
use crate::topology::Topology;
use std::sync::Arc;
use std::thread;

/// What one node is asked in a call, and how far that came.
struct NodeRequest {
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

impl NodeRequest {
    #[inline]
    fn new(shard: usize, topology: &Topology) -> NodeRequest {
        let node = topology.shards()[shard].name().to_owned();
        NodeRequest { shard, node, asked: Vec::new(), ended: 0, failed: 0, fault: None }
    }

    /// Whether nothing more is to come.
    #[inline]
    fn is_over(&self, state: &State) -> bool {
        let Some(link) = state.links.get(self.shard) else { return true };
        let is_connected = matches!(link.status, Status::Connected(_)) && link.ended == self.ended;
        self.fault.is_some() || !is_connected || link.answers.len() >= self.asked.len()
    }
}

impl Subscriber {
    /// Begins to listen.
    #[inline]
    pub(super) fn begin(&mut self, kind: ChannelKind, names: impl ToArgs) -> Result<()> {
        self.call(kind, true, names)
    }

    /// Ends listening.
    #[inline]
    pub(super) fn end(&mut self, kind: ChannelKind, names: impl ToArgs) -> Result<()> {
        self.call(kind, false, names)
    }

    #[inline]
    fn call(&mut self, kind: ChannelKind, begins: bool, names: impl ToArgs) -> Result<()> {
        let cmd: Cmd = Cmd::new(kind.command(begins)).args_of(names);
        self.change::<()>(kind, begins, &cmd).map_err(|error| error.with_command(kind.command(begins).name))
    }

    /// Begins or ends the subscriptions that the arguments of a command name.
    fn change<Here>(&mut self, kind: ChannelKind, begins: bool, cmd: &Cmd) -> Result<()> {
        cmd.check()?;
        if cmd.args().len() < 2 {
            return Err(too_few(kind.command(begins)));
        }
        let mut names: Vec<Subscription> = Vec::with_capacity(cmd.args().len());
        for name in cmd.args().iter().skip(1) {
            names.push((kind, name.to_vec()));
        }
        sort(&mut names, Ord::cmp);
        names.dedup();
        let deadline = Deadline::after(self.shared.cluster.patience());
        let shared = Arc::clone(&self.shared);
        if shared.state().stopped {
            return Err(stopped());
        }
        let _calling = shared.begin_call();
        let result = if begins {
            let requests = self.requests_to_begin(names);
            self.round(requests, begins, deadline)
        } else {
            // A connection that broke before it could be asked is made again with everything that is still held.
            loop {
                let requests = self.requests_to_end(&names);
                if requests.is_empty() {
                    break Ok(());
                }
                let round = self.round(requests, begins, deadline);
                if round.is_err() {
                    break round;
                }
            }
        };
        self.close_empty();
        result
    }

    /// Asks each node once.
    #[inline]
    fn round(&mut self, mut requests: Vec<NodeRequest>, begins: bool, deadline: Deadline) -> Result<()> {
        self.wait_for_links(&mut requests, begins, deadline);
        send(&self.shared, &requests, begins, deadline);
        gather(&self.shared, requests, begins, deadline)
    }

    /// Which nodes have to be asked for what is not listened to yet.
    #[inline]
    fn requests_to_begin(&self, names: Vec<Subscription>) -> Vec<NodeRequest> {
        let topology = self.shared.cluster.topology();
        let state = self.shared.state();
        // By shard.
        let mut asked: Vec<Vec<Subscription>> = Vec::new();
        asked.resize_with(topology.shards().len(), Vec::new);
        for subscription in names {
            if subscription.0 == ChannelKind::Pattern {
                for shard in topology.distinct_shards() {
                    if !state.links.get(shard).is_some_and(|link| link.holds(&subscription)) {
                        asked[shard].push(subscription.clone());
                    }
                }
            } else if !state.links.iter().any(|link| link.holds(&subscription)) {
                let shard = self.shared.cluster.shard_of_channel(&subscription.1, &topology);
                asked[shard].push(subscription);
            }
        }
        let mut requests = Vec::new();
        for (shard, asked) in asked.into_iter().enumerate() {
            if !asked.is_empty() {
                requests.push(NodeRequest { asked, ..NodeRequest::new(shard, &topology) });
            }
        }
        requests
    }

    /// Which nodes have to be asked to end what is listened to there.
    #[inline]
    fn requests_to_end(&self, names: &[Subscription]) -> Vec<NodeRequest> {
        let topology = self.shared.cluster.topology();
        let state = self.shared.state();
        let mut requests = Vec::new();
        for shard in state.links.shards() {
            let Some(link) = state.links.get(shard) else { continue };
            let mut request = NodeRequest::new(shard, &topology);
            for subscription in names {
                if link.holds(subscription) {
                    request.asked.push(subscription.clone());
                }
            }
            if !request.asked.is_empty() {
                requests.push(request);
            }
        }
        requests
    }

    /// To begin to listen: waits until each node is connected or known not to be, and what is not is tried now. To end
    /// it, a node that is not connected is not waited for: what is not held is not asked for again.
    #[inline]
    fn wait_for_links(&mut self, requests: &mut [NodeRequest], begins: bool, deadline: Deadline) {
        for request in requests.iter_mut() {
            let mut state = self.shared.state();
            match state.links.get(request.shard) {
                Some(link) => request.failed = link.failed,
                None => {
                    let node = self.shared.cluster.pool_of_master(request.shard).node();
                    state.links.insert(request.shard, Link::new(node));
                    drop(state);
                    request.fault = self.start(request.shard).err();
                }
            }
        }
        let shared = &self.shared;
        let mut state = shared.state();
        loop {
            let mut is_hurried = false;
            let mut are_all_settled = true;
            for request in requests.iter().filter(|request| request.fault.is_none()) {
                let Some(link) = state.links.get_mut(request.shard) else { continue };
                let is_retrying =
                    begins && matches!(link.status, Status::Disconnected) && link.failed == request.failed;
                if is_retrying && !link.hurry {
                    link.hurry = true;
                    is_hurried = true;
                }
                let is_closing = matches!(link.status, Status::Connected(_)) && link.given_up.is_some();
                let is_settled = !(is_retrying || is_closing || matches!(link.status, Status::Connecting));
                are_all_settled &= !begins || is_settled;
            }
            if is_hurried {
                shared.tell_links();
            }
            if are_all_settled || state.stopped {
                break;
            }
            let in_time;
            (state, in_time) = shared.wait(state, deadline);
            if !in_time {
                break;
            }
        }
        for request in requests.iter_mut().filter(|request| request.fault.is_none()) {
            let is_stopped = state.stopped;
            let Some(link) = state.links.get_mut(request.shard) else { continue };
            request.ended = link.ended;
            request.fault = match link.status {
                _ if is_stopped => Some(stopped()),
                Status::Connected(_) if link.given_up.is_none() => None,
                _ if !begins => {
                    for subscription in &request.asked {
                        link.held.remove(subscription);
                    }
                    None
                }
                Status::Ended => link.fault.as_ref().map(not_applied),
                Status::Disconnected if link.failed > request.failed => link.fault.as_ref().map(not_applied),
                _ => Some(late(Phase::Connect, "connecting", link)),
            };
        }
    }

    #[inline]
    fn start(&mut self, shard: usize) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let started =
            thread::Builder::new().name("rediscluster".into()).spawn(move || link_thread::run::<()>(&shared, shard));
        match started {
            Ok(thread) => {
                self.threads.push((shard, thread));
                Ok(())
            }
            Err(error) => {
                let error = Error::io(error, Outcome::NotApplied, "starting a thread").with_kind(ErrorKind::Connect);
                let mut state = self.shared.state();
                let node = state.links.get(shard).map(|link| link.node.to_string());
                state.links.remove(shard);
                Err(error.with_node(|| node.unwrap_or_default()))
            }
        }
    }

    /// Closes the connections on which nothing is left.
    #[inline]
    fn close_empty(&mut self) {
        let mut state = self.shared.state();
        let mut emptied = Vec::new();
        for shard in state.links.shards() {
            if let Some(link) = state.links.get_mut(shard).filter(|link| link.held.is_empty()) {
                link.close();
                emptied.push(shard);
            }
        }
        drop(state);
        self.shared.tell_links();
        for shard in emptied {
            if let Some(at) = self.threads.iter().position(|(of, _)| *of == shard) {
                // A thread that panicked has said so already.
                let _ = self.threads.swap_remove(at).1.join();
            }
            self.shared.state().links.remove(shard);
        }
    }
}

#[cold]
fn late(phase: Phase, doing: &str, link: &Link) -> Error {
    link_thread::too_late(phase, doing).with_node(|| link.node.to_string())
}

/// Sends every node that can be reached what it is asked.
#[inline]
fn send(shared: &Shared, requests: &[NodeRequest], begins: bool, deadline: Deadline) {
    for request in requests.iter().filter(|request| request.fault.is_none()) {
        let outgoing = match shared.state().links.get(request.shard) {
            Some(Link { status: Status::Connected(outgoing), ended, .. }) if *ended == request.ended => {
                Arc::clone(outgoing)
            }
            _ => continue,
        };
        let mut changes = Vec::with_capacity(request.asked.len());
        for subscription in &request.asked {
            changes.push(Request::Change { begins, subscription: subscription.clone() });
        }
        // When it fails the connection is gone, and its thread says why.
        let _ = shared.send(request.shard, &outgoing, changes, deadline);
    }
}

/// Waits for all answers, and makes one of them.
#[inline]
fn gather(shared: &Shared, requests: Vec<NodeRequest>, begins: bool, deadline: Deadline) -> Result<()> {
    let mut state = shared.state();
    while !state.stopped && !requests.iter().all(|request| request.is_over(&state)) {
        let in_time;
        (state, in_time) = shared.wait(state, deadline);
        if !in_time {
            break;
        }
    }
    let mut result = CallResult { outcomes: Vec::new(), first: None };
    for request in requests {
        let is_over = request.is_over(&state);
        let is_stopped = state.stopped;
        let link = state.links.get_mut(request.shard);
        let mut answers = Vec::new();
        // Why there is no answer to those that got none; `None` where they are ended all the same.
        let mut unanswered = request.fault;
        if let (None, Some(link)) = (&unanswered, link) {
            answers = std::mem::take(&mut link.answers);
            let late = || late(Phase::Receive, "waiting for the confirmation", link);
            if answers.len() < request.asked.len() {
                unanswered = match (is_over, &link.fault) {
                    _ if is_stopped => Some(stopped()),
                    // The connection is gone or given up, and what it listened to with it.
                    _ if !begins => None,
                    (true, Some(fault)) => Some(not_applied(fault)),
                    _ => Some(late()),
                };
            }
            if !is_over {
                let why = late();
                link.give_up(why);
            }
        }
        let node = shared.cluster.pool_of_master(request.shard).node();
        result.add(request.node, request.asked, answers, unanswered.as_ref(), &node.to_string());
    }
    result.finish()
}

/// What came of a call, over all its nodes.
struct CallResult {
    outcomes: Vec<PartOutcome>,
    first: Option<Error>,
}

impl CallResult {
    /// Adds what came of one node: the answers to as many of the names as were answered, and why the others were not.
    #[inline]
    fn add(
        &mut self,
        node: String,
        asked: Vec<Subscription>,
        answers: Vec<Option<Error>>,
        unanswered: Option<&Error>,
        server: &str,
    ) {
        let (mut applied, mut refused) = (Vec::new(), Vec::new());
        let mut answers = answers.into_iter();
        for (_, name) in asked {
            match (answers.next(), unanswered) {
                (Some(Some(error)), _) => refused.push((name, Some(error.with_node(|| server.to_owned())))),
                (Some(None), _) | (None, None) => applied.push((name, None)),
                (None, Some(error)) => refused.push((name, Some(not_applied(error)))),
            }
        }
        for (name, refused) in applied.into_iter().chain(refused) {
            let outcome = if refused.is_none() { Outcome::Applied } else { Outcome::NotApplied };
            let error = refused.as_ref().map(|error| error.message().to_owned());
            self.first = self.first.take().or(refused);
            match self.outcomes.last_mut() {
                Some(last) if last.error == error && last.node == node => last.keys.push(name),
                _ => self.outcomes.push(PartOutcome { node: node.clone(), keys: vec![name], outcome, error }),
            }
        }
    }

    /// One error for all that failed.
    #[inline]
    fn finish(self) -> Result<()> {
        let Some(first) = self.first else { return Ok(()) };
        let is_partial = self.outcomes.iter().any(|part| part.outcome == Outcome::Applied);
        Err(first.with_outcome(Outcome::of_several(false, is_partial)).with_parts(self.outcomes))
    }
}
