//! What a subscriber and the threads of its connections share: the events that wait, and how far each link is.

use super::heard::Heard;
use super::message::Event;
use super::options::SubscriberOptions;
use super::state::{Asked, Line, Link, Outgoing};
use crate::cluster::{Cluster, Follower};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::Deadline;
use crate::plan::command;
use std::collections::{BTreeMap, VecDeque};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many bytes more may wait while a call waits for an answer: before it comes everything that the server had sent
/// earlier, and a server keeps 32 MiB for a subscriber unless it is configured otherwise.
const WHILE_CALLING: usize = 64 << 20;

pub(super) struct Shared {
    /// Whose threads and connections these are: a child that was forked leaves them alone.
    process: u32,
    pub(super) cluster: Cluster,
    pub(super) options: SubscriberOptions,
    state: Mutex<State>,
    /// Wakes the subscriber: there is an event, an answer, a change of a link, or it was stopped.
    arrived: Condvar,
    /// Wakes the links: there is room, or something is wanted of one of them.
    changed: Condvar,
}

pub(super) struct State {
    pub(super) stopped: bool,
    /// A call of the subscriber waits for answers, so that nobody takes events.
    calling: bool,
    events: VecDeque<Event>,
    bytes: usize,
    /// Links that wait for room.
    blocked: usize,
    /// By shard. A link is taken out by the subscriber, once its thread has ended.
    pub(super) links: BTreeMap<usize, Link>,
}

impl Shared {
    pub(super) fn new(cluster: Cluster, options: SubscriberOptions) -> Shared {
        let state = State {
            stopped: false,
            calling: false,
            events: VecDeque::new(),
            bytes: 0,
            blocked: 0,
            links: BTreeMap::new(),
        };
        let process = process::id();
        Shared { process, cluster, options, state: Mutex::new(state), arrived: Condvar::new(), changed: Condvar::new() }
    }

    /// The same, which from now on follows the masters of its cluster.
    pub(super) fn following(self) -> Arc<Shared> {
        let shared = Arc::new(self);
        let follower: Arc<dyn Follower> = Arc::<Shared>::clone(&shared);
        shared.cluster.tell(&follower);
        shared
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process began it, and is no child that was forked since.
    pub(super) fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// Ends everything, for good. A socket that a child ends is at its end for the parent, too.
    pub(super) fn stop(&self) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.state();
        state.stopped = true;
        state.links.values_mut().for_each(Link::close);
        drop(state);
        self.tell_subscriber();
        self.tell_links();
    }

    pub(super) fn tell_subscriber(&self) {
        self.arrived.notify_all();
    }

    pub(super) fn tell_links(&self) {
        self.changed.notify_all();
    }

    /// The subscriber waits for the links, at most until the deadline; false when that has passed.
    pub(super) fn wait<'s>(&self, state: MutexGuard<'s, State>, deadline: Deadline) -> (MutexGuard<'s, State>, bool) {
        match deadline.left() {
            Err(_) => (state, false),
            Ok(None) => (self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner), true),
            Ok(Some(left)) => (self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0, true),
        }
    }

    /// The next event; `None` when none came until the deadline, an error when it was stopped.
    pub(super) fn next(&self, deadline: Deadline) -> Result<Option<Event>> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return Err(stopped());
            }
            if let Some(event) = state.events.pop_front() {
                state.bytes -= event.size();
                // Not at every event: a link that is woken should find work for a while.
                let wake = state.blocked > 0 && state.bytes <= self.options.buffer / 2;
                drop(state);
                if wake {
                    self.tell_links();
                }
                return Ok(Some(event));
            }
            let in_time;
            (state, in_time) = self.wait(state, deadline);
            if !in_time {
                return Ok(None);
            }
        }
    }

    /// While this lives, links may read on although nobody takes events.
    pub(super) fn begin_call(&self) -> Calling<'_> {
        self.state().calling = true;
        self.tell_links();
        Calling(self)
    }

    /// Sends to a link what it is asked; the answers come in the same order.
    pub(super) fn ask(
        &self,
        shard: usize,
        outgoing: &Arc<Outgoing>,
        asked: Vec<Asked>,
        deadline: Deadline,
    ) -> Result<()> {
        let mut request = Vec::new();
        for asked in &asked {
            let (spec, name) = match asked {
                Asked::Ping => {
                    request.extend(command([&b"PING"[..]]));
                    continue;
                }
                Asked::Change(true, (kind, name)) | Asked::Again((kind, name)) => (kind.begin(), name),
                Asked::Change(false, (kind, name)) => (kind.end(), name),
            };
            request.extend(command([spec.name.as_bytes(), name]));
        }
        // From here to the end of the writing nobody else writes, so that what is asked and what is noted are in one
        // order.
        let mut writer = outgoing.writer();
        if let Some(link) = self.state().links.get_mut(&shard) {
            let current = matches!(&link.line, Line::Up(current) if Arc::ptr_eq(current, outgoing));
            if !current && matches!(asked.first(), Some(Asked::Change(..))) {
                let error = Error::new(ErrorKind::Io, Outcome::NotApplied, "the connection broke");
                return Err(error.in_phase(Phase::Send));
            }
            for asked in asked {
                if let Asked::Change(false, subscription) = &asked {
                    link.held.remove(subscription);
                }
                link.asked.push_back(asked);
            }
        }
        writer.write_all(&request, deadline).map_err(|(_, error)| {
            outgoing.close();
            Error::io(error, Outcome::NotApplied, "asking for channels").in_phase(Phase::Send)
        })
    }

    /// Takes what a link heard.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) for what was not asked for; [`Stopped`](crate::ErrorKind::Stopped) when
    /// the link is to end.
    pub(super) fn take(&self, shard: usize, heard: Vec<Heard>) -> Result<()> {
        let mut state = self.state();
        for heard in heard {
            if let Heard::Message(message) = heard {
                state = self.push(state, shard, Event::Message(message))?;
                continue;
            }
            let link = match state.links.get_mut(&shard) {
                Some(link) if link.given_up.is_none() => link,
                _ => return Err(stopped()),
            };
            match heard {
                Heard::Confirmed { begins, subscription } => link.confirmed(begins, subscription)?,
                Heard::Refused(error) => link.refused(error)?,
                Heard::Pong if matches!(link.asked.front(), Some(Asked::Ping)) => drop(link.asked.pop_front()),
                Heard::Pong => return Err(Error::protocol("an answer to PING came that nobody asked for")),
                Heard::Message(_) | Heard::Other => {}
            }
        }
        drop(state);
        self.tell_subscriber();
        Ok(())
    }

    /// Puts an event behind the others, once there is room.
    ///
    /// # Errors
    /// [`Stopped`](crate::ErrorKind::Stopped) when the link is to end.
    pub(super) fn push<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        shard: usize,
        event: Event,
    ) -> Result<MutexGuard<'s, State>> {
        let size = event.size();
        loop {
            let wanted = state.links.get(&shard).is_some_and(|link| !link.closing);
            if state.stopped || !wanted {
                return Err(stopped());
            }
            let most = self.options.buffer.saturating_add(if state.calling { WHILE_CALLING } else { 0 });
            if state.bytes == 0 || state.bytes.saturating_add(size) <= most {
                break;
            }
            self.tell_subscriber();
            state.blocked += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
        state.bytes += size;
        state.events.push_back(event);
        Ok(state)
    }

    /// A link waits before it connects again; false when it is to end instead.
    pub(super) fn pause(&self, shard: usize, pause: Duration) -> bool {
        let began = Instant::now();
        let mut state = self.state();
        loop {
            let stopped = state.stopped;
            let Some(link) = state.links.get_mut(&shard) else { return false };
            if stopped || link.closing {
                link.line = Line::Over;
                return false;
            }
            let left = pause.saturating_sub(began.elapsed());
            if link.hurry || left.is_zero() {
                link.hurry = false;
                link.line = Line::Connecting;
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Follower for Shared {
    /// Leaves the servers that are not the masters of their nodes any more.
    fn servers_changed(&self) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.state();
        for (&shard, link) in &mut state.links {
            let pool = self.cluster.pool_of_master(shard);
            if pool.node().address() != link.node.address() {
                link.leave(&pool.node());
            }
        }
        drop(state);
        self.tell_links();
    }
}

/// A call of the subscriber that waits for answers.
pub(super) struct Calling<'s>(&'s Shared);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.state().calling = false;
    }
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, Outcome::NotApplied, "the subscriber was stopped")
}

/// The same failure once more, for another one whom it concerns.
pub(super) fn copy(error: &Error) -> Error {
    error.clone().with_outcome(Outcome::NotApplied)
}
