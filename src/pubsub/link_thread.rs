//! The thread of one link: it connects, listens, and connects again.

use super::link::{has_moved, Outgoing, Request, Status};
use super::message::Event;
use super::server_push::{ServerPush, Subscription};
use super::shared::{not_applied, Shared};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{Deadline, ReadHalf};
use crate::order::sort;
use crate::random::chance;
use crate::retry::jitter;
use crate::topology::Node;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As many subscriptions are asked for at once on a new connection.
const AT_ONCE: usize = 1000;
/// The longest of the first pauses; each further one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A connection that lived for so long, with everything subscribed, was a good one: after it the pauses begin anew. One
/// that breaks sooner may be one of many that a server takes and closes, all of which cost it something. But it does
/// serve, so the pause after that stays no longer than this.
const GOOD: Duration = Duration::from_secs(1);

/// Keeps a link up until nothing is left on it or the subscriber is stopped.
pub(super) fn run<Here>(shared: &Shared, shard: usize) {
    let longest = shared.options.reconnect_within;
    let mut attempt = 0;
    // What kind of failure the subscriber was told of since the connection broke.
    let mut reported = None;
    loop {
        let mut connected = None;
        // Whatever panics: the subscriber has to be told that it hears nothing, and the next attempt to be made.
        let session = || session(shared, shard, reported.is_some(), &mut connected);
        let panicked = |_| Error::new(ErrorKind::Io, Outcome::NotApplied, "a panic on the connection");
        let error = catch_unwind(AssertUnwindSafe(session)).unwrap_or_else(panicked);
        // Another server may be the master by the next attempt. It is not waited for.
        shared.cluster.look_for_master(&shared.cluster.servers(), &error, Deadline::after(Duration::ZERO));
        if let Some(since) = connected {
            reported = None;
            if since.elapsed() >= GOOD.min(longest) {
                attempt = 0;
            }
        }
        if !disconnected(shared, shard, error, connected.is_some(), &mut reported) {
            return;
        }
        let longest = if connected.is_some() { longest.min(GOOD) } else { longest };
        let pause = longest.min(FIRST_PAUSE.saturating_mul(1 << attempt.min(20)));
        attempt += 1;
        if !shared.pause(shard, jitter(pause, chance())) {
            return;
        }
    }
}

/// One connection from its beginning to its end, and why it ended.
#[inline]
fn session(shared: &Shared, shard: usize, was_lost: bool, connected: &mut Option<Instant>) -> Error {
    let mut session = match Session::open(shared, shard) {
        Ok(session) => session,
        Err(error) => return error,
    };
    let error = session.serve(was_lost, connected);
    session.outgoing.close();
    error.with_outcome(Outcome::NotApplied).with_node(|| session.node.to_string())
}

/// Notes that there is no connection any more; false when the link is to end.
#[inline]
fn disconnected(
    shared: &Shared,
    shard: usize,
    error: Error,
    was_connected: bool,
    reported: &mut Option<ErrorKind>,
) -> bool {
    let mut state = shared.state();
    let stopped = state.stopped;
    let Some(link) = state.links.get_mut(shard) else { return false };
    link.socket = None;
    link.forget_requests();
    link.ended += 1;
    link.failed += u64::from(!was_connected);
    let error = link.given_up.take().unwrap_or(error);
    link.fault = Some(not_applied(&error));
    // Where nothing was confirmed yet, the call that asked is told, and decides.
    let is_over = stopped || link.closing || link.held.is_empty();
    link.status = if is_over { Status::Ended } else { Status::Disconnected };
    let node = Node::clone(&link.node);
    shared.tell_subscriber();
    if is_over {
        return false;
    }
    let is_news = match *reported {
        None => true,
        Some(before) => error.is_server() && error.kind() != before,
    };
    if is_news {
        *reported = Some(error.kind());
        let Ok(pushed) = shared.push(state, shard, Event::Disconnected { node, error }) else { return false };
        drop(pushed);
        shared.tell_subscriber();
    }
    true
}

struct Session<'s> {
    shared: &'s Shared,
    shard: usize,
    node: Arc<Node>,
    incoming: ReadHalf,
    outgoing: Arc<Outgoing>,
}

impl Session<'_> {
    /// Connects to the server that is the master of the shard now.
    #[inline]
    fn open(shared: &Shared, shard: usize) -> Result<Session<'_>> {
        let pool = shared.cluster.pool_of_master(shard);
        let node = pool.node();
        let deadline = Deadline::after(shared.cluster.patience());
        let connection = pool.open_watched(deadline, |socket| {
            let mut state = shared.state();
            let stopped = state.stopped;
            match state.links.get_mut(shard) {
                Some(link) if !stopped && !link.closing => {
                    link.socket = Some(socket);
                    link.node = Arc::clone(&node);
                }
                _ => socket.close(),
            }
        })?;
        let (incoming, outgoing) = connection.split();
        Ok(Session { shared, shard, node, incoming, outgoing: Arc::new(Outgoing::new(outgoing)) })
    }

    #[inline]
    fn patience(&self) -> Duration {
        self.shared.cluster.patience()
    }

    /// Serves the subscriber until the connection breaks, and says why it did.
    #[inline]
    fn serve(&mut self, was_lost: bool, connected: &mut Option<Instant>) -> Error {
        let ready = self.resubscribe().and_then(|count| self.ready(count, was_lost));
        if let Err(error) = ready {
            return error;
        }
        *connected = Some(Instant::now());
        match self.listen() {
            Err(error) => error,
            Ok(()) => Error::protocol("the connection ended"),
        }
    }

    /// Asks for everything that was held on the connection before this one. Says how many subscriptions that are.
    #[inline]
    fn resubscribe(&mut self) -> Result<usize> {
        let mut held: Vec<Subscription> = Vec::new();
        if let Some(link) = self.shared.state().links.get_mut(self.shard) {
            link.refused = None;
            held.reserve(link.held.len());
            link.held.iter().for_each(|subscription| held.push(subscription.clone()));
        }
        // The same requests in the same order each time.
        sort(&mut held, Ord::cmp);
        for some in held.chunks(AT_ONCE) {
            let mut requests = Vec::with_capacity(some.len());
            some.iter().for_each(|subscription| requests.push(Request::Resubscribe(subscription.clone())));
            self.shared.send(self.shard, &self.outgoing, requests, Deadline::after(self.patience()))?;
            while !self.has_answered()? {
                if !self.incoming.wait(Deadline::after(self.patience()))? {
                    return Err(too_late(Phase::Receive, "waiting for the confirmation"));
                }
                self.read_pushes()?;
            }
        }
        Ok(held.len())
    }

    #[inline]
    fn has_answered(&self) -> Result<bool> {
        let mut state = self.shared.state();
        let Some(link) = state.links.get_mut(self.shard) else { return Ok(true) };
        match link.refused.take() {
            Some(error) => Err(error),
            None => Ok(link.unanswered.is_empty()),
        }
    }

    /// From now on the subscriber may ask, and knows that what was lost is back. So many subscriptions were asked for again.
    #[inline]
    fn ready(&self, resubscribed: usize, was_lost: bool) -> Result<()> {
        let mut state = self.shared.state();
        if let Some(link) = state.links.get_mut(self.shard) {
            if resubscribed > link.held.len() {
                link.hurry = true;
                return Err(Error::protocol("what was asked for is not wanted any more"));
            }
            // It may have become the wrong one while it was connected to.
            let master = self.shared.cluster.pool_of_master(self.shard).node();
            if master.address() != self.node.address() {
                link.hurry = true;
                return Err(has_moved(&master));
            }
            link.status = Status::Connected(Arc::clone(&self.outgoing));
        }
        if was_lost {
            let node = Node::clone(&self.node);
            state = self.shared.push(state, self.shard, Event::Reconnected { node })?;
        }
        drop(state);
        self.shared.tell_subscriber();
        Ok(())
    }

    /// Listens until the connection breaks.
    #[inline]
    fn listen(&mut self) -> Result<()> {
        let mut is_asked = false;
        // Something may have come together with the last answer.
        self.read_pushes()?;
        loop {
            let silence = if is_asked { self.patience() } else { self.shared.options.check_after };
            if self.incoming.wait(Deadline::after(silence))? {
                self.read_pushes()?;
                is_asked = false;
            } else if is_asked {
                return Err(too_late(Phase::Receive, "waiting for the answer to PING"));
            } else {
                let deadline = Deadline::after(self.patience());
                self.shared.send(self.shard, &self.outgoing, vec![Request::Ping], deadline)?;
                is_asked = true;
            }
        }
    }

    /// Hands on everything that has come whole.
    #[inline]
    fn read_pushes(&mut self) -> Result<()> {
        let mut pushes = Vec::new();
        let mut ended = Ok(());
        while ended.is_ok() {
            let parsed = match self.incoming.next() {
                Ok(Some(frame)) => ServerPush::parse(frame.value(), &self.node),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            match parsed {
                Ok(push) => pushes.push(push),
                Err(error) => ended = Err(error),
            }
        }
        self.shared.take(self.shard, pushes)?;
        ended
    }
}

#[cold]
pub(super) fn too_late(phase: Phase, doing: &str) -> Error {
    Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::NotApplied, doing).in_phase(phase)
}
