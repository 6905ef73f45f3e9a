//! What a subscriber and the threads of its connections share: the events that wait, and how far each link is.

use super::link::{Link, Outgoing, Request, Status};
use super::message::Event;
use super::options::SubscriberOptions;
use super::server_push::ServerPush;
use crate::cluster::{Cluster, OnServersChanged};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::net::Deadline;
use crate::resp::encode;
use std::collections::VecDeque;
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
    pub(super) links: Links,
}

/// The links, by shard. A link is taken out by the subscriber, once its thread has ended.
pub(super) struct Links(Vec<Option<Box<Link>>>);

impl Links {
    #[inline]
    pub(super) fn get(&self, shard: usize) -> Option<&Link> {
        self.0.get(shard)?.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, shard: usize) -> Option<&mut Link> {
        self.0.get_mut(shard)?.as_deref_mut()
    }

    #[inline]
    pub(super) fn insert(&mut self, shard: usize, link: Link) {
        if shard >= self.0.len() {
            self.0.resize_with(shard + 1, || None);
        }
        self.0[shard] = Some(Box::new(link));
    }

    #[inline]
    pub(super) fn remove(&mut self, shard: usize) {
        if let Some(link) = self.0.get_mut(shard) {
            *link = None;
        }
    }

    /// Every shard up to the last one that may have a link.
    #[inline]
    pub(super) fn shards(&self) -> std::ops::Range<usize> {
        0..self.0.len()
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.iter().flatten().map(|link| &**link)
    }
}

impl Shared {
    #[inline]
    pub(super) fn new(cluster: Cluster, options: SubscriberOptions) -> Shared {
        let state = State {
            stopped: false,
            calling: false,
            events: VecDeque::new(),
            bytes: 0,
            blocked: 0,
            links: Links(Vec::new()),
        };
        let process = process::id();
        Shared { process, cluster, options, state: Mutex::new(state), arrived: Condvar::new(), changed: Condvar::new() }
    }

    /// The same, which from now on follows the masters of its cluster.
    pub(super) fn following<Here>(self) -> Arc<Shared> {
        let shared = Arc::new(self);
        let listener: Arc<dyn OnServersChanged> = Arc::<Shared>::clone(&shared);
        shared.cluster.tell_when_servers_change(&listener);
        shared
    }

    #[inline(never)]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process began it, and is no child that was forked since.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// Ends everything, for good. A socket that a child ends is at its end for the parent, too.
    pub(super) fn stop<Here>(&self) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.state();
        state.stopped = true;
        for shard in state.links.shards() {
            if let Some(link) = state.links.get_mut(shard) {
                link.close();
            }
        }
        drop(state);
        self.tell_subscriber();
        self.tell_links();
    }

    #[inline]
    pub(super) fn tell_subscriber(&self) {
        self.arrived.notify_all();
    }

    #[inline]
    pub(super) fn tell_links(&self) {
        self.changed.notify_all();
    }

    /// The subscriber waits for the links, at most until the deadline; false when that has passed.
    #[inline]
    pub(super) fn wait<'s>(&self, state: MutexGuard<'s, State>, deadline: Deadline) -> (MutexGuard<'s, State>, bool) {
        match deadline.left() {
            Err(_) => (state, false),
            Ok(None) => (self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner), true),
            Ok(Some(left)) => (self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0, true),
        }
    }

    /// The next event; `None` when none came until the deadline, an error when it was stopped.
    pub(super) fn next<Here>(&self, deadline: Deadline) -> Result<Option<Event>> {
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
    #[inline]
    pub(super) fn begin_call(&self) -> Calling<'_> {
        self.state().calling = true;
        self.tell_links();
        Calling(self)
    }

    /// Sends requests over the connection of a link; the answers come in the same order.
    #[inline]
    pub(super) fn send(
        &self,
        shard: usize,
        outgoing: &Arc<Outgoing>,
        requests: Vec<Request>,
        deadline: Deadline,
    ) -> Result<()> {
        let mut bytes = Vec::new();
        for request in &requests {
            let (begins, (kind, name)) = match request {
                Request::Ping => {
                    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
                    continue;
                }
                Request::Change { begins, subscription } => (*begins, subscription),
                Request::Resubscribe(subscription) => (true, subscription),
            };
            encode::head(&mut bytes, b'*', 2);
            encode::bulk(&mut bytes, kind.command(begins).name.as_bytes());
            encode::bulk(&mut bytes, name);
        }
        // From here to the end of the writing nobody else writes, so that what is asked and what is noted are in one
        // order.
        let mut writer = outgoing.writer();
        if let Some(link) = self.state().links.get_mut(shard) {
            let is_current = matches!(&link.status, Status::Connected(current) if Arc::ptr_eq(current, outgoing));
            if !is_current && matches!(requests.first(), Some(Request::Change { .. })) {
                let error = Error::new(ErrorKind::Io, Outcome::NotApplied, "the connection broke");
                return Err(error.in_phase(Phase::Send));
            }
            for request in requests {
                if let Request::Change { begins: false, subscription } = &request {
                    link.held.remove(subscription);
                }
                link.unanswered.push_back(request);
            }
        }
        writer.write_all(&bytes, deadline).map_err(|(_, error)| {
            outgoing.close();
            Error::io(error, Outcome::NotApplied, "asking for channels").in_phase(Phase::Send)
        })
    }

    /// Takes what the server of a link sent.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) for what was not asked for; [`Stopped`](crate::ErrorKind::Stopped) when
    /// the link is to end.
    #[inline]
    pub(super) fn take(&self, shard: usize, pushes: Vec<ServerPush>) -> Result<()> {
        let mut state = self.state();
        for push in pushes {
            if let ServerPush::Message(message) = push {
                state = self.push(state, shard, Event::Message(message))?;
                continue;
            }
            let link = match state.links.get_mut(shard) {
                Some(link) if link.given_up.is_none() => link,
                _ => return Err(stopped()),
            };
            match push {
                ServerPush::Confirmed { begins, subscription } => link.confirmed(begins, subscription)?,
                ServerPush::Refused(error) => link.refused(error)?,
                ServerPush::Pong => link.pong()?,
                ServerPush::Message(_) | ServerPush::Other => {}
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
    #[inline]
    pub(super) fn push<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        shard: usize,
        event: Event,
    ) -> Result<MutexGuard<'s, State>> {
        let size = event.size();
        loop {
            let wanted = state.links.get(shard).is_some_and(|link| !link.closing);
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
    #[inline]
    pub(super) fn pause(&self, shard: usize, pause: Duration) -> bool {
        let began = Instant::now();
        let mut state = self.state();
        loop {
            let stopped = state.stopped;
            let Some(link) = state.links.get_mut(shard) else { return false };
            if stopped || link.closing {
                link.status = Status::Ended;
                return false;
            }
            let left = pause.saturating_sub(began.elapsed());
            if link.hurry || left.is_zero() {
                link.hurry = false;
                link.status = Status::Connecting;
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl OnServersChanged for Shared {
    /// Leaves the servers that are not the masters of their nodes any more.
    #[inline]
    fn servers_changed(&self) {
        if !self.is_ours() {
            return;
        }
        let mut state = self.state();
        for shard in state.links.shards() {
            let Some(link) = state.links.get_mut(shard) else { continue };
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
    #[inline]
    fn drop(&mut self) {
        self.0.state().calling = false;
    }
}

#[inline]
pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, Outcome::NotApplied, "the subscriber was stopped")
}

/// The same failure as that of a call of which nothing was applied.
#[inline]
pub(super) fn not_applied(error: &Error) -> Error {
    error.clone().with_outcome(Outcome::NotApplied)
}
