//! The thread of one connection: it connects, listens, and connects again.

use super::heard::{Heard, Subscription};
use super::message::Event;
use super::shared::{copy, Shared};
use super::state::{has_moved, Asked, Line, Outgoing};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::{Deadline, Incoming};
use crate::retry::{jitter, random};
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
pub(super) fn run(shared: &Shared, shard: usize) {
    let longest = shared.options.reconnect_within;
    let mut attempt = 0;
    // What the subscriber was told since the connection broke.
    let mut told = None;
    loop {
        let mut up = None;
        // Whatever panics: the subscriber has to be told that it hears nothing, and the next attempt to be made.
        let session = || session(shared, shard, told.is_some(), &mut up);
        let panicked = |_| Error::new(ErrorKind::Io, Outcome::NotApplied, "a panic on the connection");
        let error = catch_unwind(AssertUnwindSafe(session)).unwrap_or_else(panicked);
        // Another server may be the master by the next attempt. It is not waited for.
        shared.cluster.look_for_master(&shared.cluster.servers(), &error, Deadline::after(Duration::ZERO));
        if let Some(since) = up {
            told = None;
            if since.elapsed() >= GOOD.min(longest) {
                attempt = 0;
            }
        }
        if !broken(shared, shard, error, up.is_some(), &mut told) {
            return;
        }
        let longest = if up.is_some() { longest.min(GOOD) } else { longest };
        let pause = longest.min(FIRST_PAUSE.saturating_mul(1 << attempt.min(20)));
        attempt += 1;
        if !shared.pause(shard, jitter(pause, random())) {
            return;
        }
    }
}

/// One connection from its beginning to its end, and why it ended.
fn session(shared: &Shared, shard: usize, lost: bool, up: &mut Option<Instant>) -> Error {
    let mut session = match Session::open(shared, shard) {
        Ok(session) => session,
        Err(error) => return error,
    };
    let ended = session.resubscribe().and_then(|asked| session.up(&asked, lost)).map(|()| *up = Some(Instant::now()));
    let error = ended.and_then(|()| session.listen()).err();
    session.outgoing.close();
    let error = error.unwrap_or_else(|| Error::protocol("the connection ended"));
    error.with_outcome(Outcome::NotApplied).with_node(|| session.node.to_string())
}

/// Notes that there is no connection any more; false when the link is to end.
fn broken(shared: &Shared, shard: usize, error: Error, was_up: bool, told: &mut Option<ErrorKind>) -> bool {
    let mut state = shared.state();
    let stopped = state.stopped;
    let Some(link) = state.links.get_mut(&shard) else { return false };
    link.socket = None;
    link.forget();
    link.ended += 1;
    link.failed += u64::from(!was_up);
    let error = link.given_up.take().unwrap_or(error);
    link.fault = Some(copy(&error));
    // Where nothing was confirmed yet, whoever asked is told, and decides.
    let over = stopped || link.closing || link.held.is_empty();
    link.line = if over { Line::Over } else { Line::Down };
    let node = Node::clone(&link.node);
    shared.tell_subscriber();
    if over {
        return false;
    }
    let news = match *told {
        None => true,
        Some(before) => error.is_server() && error.kind() != before,
    };
    if news {
        *told = Some(error.kind());
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
    incoming: Incoming,
    outgoing: Arc<Outgoing>,
}

impl Session<'_> {
    /// Connects to the server that is the master of the shard now.
    fn open(shared: &Shared, shard: usize) -> Result<Session<'_>> {
        let pool = shared.cluster.pool_of_master(shard);
        let node = pool.node();
        let deadline = Deadline::after(shared.cluster.patience());
        let connection = pool.open_watched(deadline, |socket| {
            let mut state = shared.state();
            let stopped = state.stopped;
            match state.links.get_mut(&shard) {
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

    fn patience(&self) -> Duration {
        self.shared.cluster.patience()
    }

    /// Asks for everything that was held on the connection before this one, and gives it.
    fn resubscribe(&mut self) -> Result<Vec<Subscription>> {
        let held: Vec<Subscription> = match self.shared.state().links.get_mut(&self.shard) {
            Some(link) => {
                link.refused = None;
                link.held.iter().cloned().collect()
            }
            None => Vec::new(),
        };
        for some in held.chunks(AT_ONCE) {
            let asked = some.iter().cloned().map(Asked::Again).collect();
            self.shared.ask(self.shard, &self.outgoing, asked, Deadline::after(self.patience()))?;
            while !self.has_answered()? {
                if !self.incoming.wait(Deadline::after(self.patience()))? {
                    return Err(Error::io(
                        std::io::ErrorKind::TimedOut.into(),
                        Outcome::NotApplied,
                        "waiting for the confirmation",
                    )
                    .in_phase(Phase::Receive));
                }
                self.hear()?;
            }
        }
        Ok(held)
    }

    fn has_answered(&self) -> Result<bool> {
        let mut state = self.shared.state();
        let Some(link) = state.links.get_mut(&self.shard) else { return Ok(true) };
        match link.refused.take() {
            Some(error) => Err(error),
            None => Ok(link.has_answered()),
        }
    }

    /// From now on the subscriber may ask, and knows that what was lost is back.
    fn up(&self, asked: &[Subscription], lost: bool) -> Result<()> {
        let mut state = self.shared.state();
        if let Some(link) = state.links.get_mut(&self.shard) {
            if asked.len() > link.held.len() {
                link.hurry = true;
                return Err(Error::protocol("what was asked for is not wanted any more"));
            }
            // It may have become the wrong one while it was connected to.
            let pool = self.shared.cluster.pool_of_master(self.shard);
            if pool.node().address() != self.node.address() {
                link.hurry = true;
                return Err(has_moved(&pool.node()));
            }
            link.line = Line::Up(Arc::clone(&self.outgoing));
        }
        if lost {
            let node = Node::clone(&self.node);
            state = self.shared.push(state, self.shard, Event::Reconnected { node })?;
        }
        drop(state);
        self.shared.tell_subscriber();
        Ok(())
    }

    /// Listens until the connection breaks.
    fn listen(&mut self) -> Result<()> {
        let mut pinged = false;
        // Something may have come together with the last answer.
        self.hear()?;
        loop {
            let silence = if pinged { self.patience() } else { self.shared.options.check_after };
            if self.incoming.wait(Deadline::after(silence))? {
                self.hear()?;
                pinged = false;
            } else if pinged {
                return Err(Error::io(
                    std::io::ErrorKind::TimedOut.into(),
                    Outcome::NotApplied,
                    "waiting for the answer to PING",
                )
                .in_phase(Phase::Receive));
            } else {
                let deadline = Deadline::after(self.patience());
                self.shared.ask(self.shard, &self.outgoing, vec![Asked::Ping], deadline)?;
                pinged = true;
            }
        }
    }

    /// Hands on everything that has come whole.
    fn hear(&mut self) -> Result<()> {
        let mut heard = Vec::new();
        let mut ended = Ok(());
        loop {
            match self.incoming.next() {
                Ok(Some(frame)) => match Heard::of(frame.value(), &self.node) {
                    Ok(one) => heard.push(one),
                    Err(error) => ended = Err(error),
                },
                Ok(None) => break,
                Err(error) => ended = Err(error),
            }
            if ended.is_err() {
                break;
            }
        }
        self.shared.take(self.shard, heard)?;
        ended
    }
}
