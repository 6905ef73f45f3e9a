//! The connections to one server: lent out, taken back, never more than allowed.

mod batch;
mod gather;
mod lease;
mod opening;
mod queue;
mod silent;

pub(crate) use batch::{Replies, Shared};
pub(crate) use gather::LONGEST;
pub(crate) use lease::Lease;
pub(crate) use queue::{Lead, Waiter};

use batch::Batch;

use super::connection::{Connection, Watch};
use super::deadline::Deadline;
use super::forked;
use super::health::Health;
use super::silence::Silence;
use super::unreached::Unreached;
use crate::config::{Endpoint, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{CloseReason, ObserverEvent, Observing};
use crate::threads::lock;
use crate::topology::{Node, Role};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The connections to one server.
pub(crate) struct Pool {
    /// What its server is to the others, as far as is known.
    is_master: AtomicBool,
    endpoint: Endpoint,
    settings: Arc<Settings>,
    state: Mutex<State>,
    health: Health,
    unreached: Unreached,
}

/// How the pool of one server stands: see [`Cluster::pools`](crate::Cluster::pools).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// The server.
    pub node: Node,
    /// The most connections at a time: [`Builder::pool_size`](crate::Builder::pool_size).
    pub size: usize,
    /// Connections that are there now, in use and idle together.
    pub open: usize,
    /// Connections that lie unused now.
    pub idle: usize,
    /// Calls that wait for a connection now.
    pub waiting: usize,
    /// Connections that were begun since the cluster was made, those that could not be made included.
    pub opened: u64,
    /// Calls that had to wait for a connection since then.
    pub waited: u64,
    /// Waits of those that ended without one: at the deadline, or at a part of it where other nodes are to have the rest. A call
    /// over several nodes goes on waiting then when these are done.
    pub timed_out: u64,
    /// Connections that were closed since then because they lay unused for longer than
    /// [`Builder::max_idle_age`](crate::Builder::max_idle_age).
    pub aged: u64,
    /// Calls since then that went over a connection together with one that waited for it before them: see
    /// [`Builder::share_connections`](crate::Builder::share_connections).
    pub gathered: u64,
    /// Whether the server was silent until a call met its deadline, and has been since: calls to it fail at once.
    pub silent: bool,
}

struct State {
    /// What the server is called: another name when it becomes a master or a replica.
    node: Arc<Node>,
    /// Whose these connections are: after a fork the child has them, too, and must leave them to its parent.
    process: u32,
    /// The one used last is lent first, so that those not needed grow old.
    #[allow(clippy::vec_box)] // the box moves on into the lease
    idle: Vec<Box<Connection>>,
    /// Lent out and idle together.
    open: usize,
    /// Calls that wait for one, the one that came first in front.
    waiting: Vec<Arc<Waiter>>,
    /// As many have come to wait.
    came: u64,
    /// Calls that wait for one together.
    gathering: Vec<Arc<Batch>>,
    counts: Counts,
}

/// What a call does that finds no connection free.
#[derive(Clone, Copy)]
pub(crate) enum Turn<'b> {
    /// It waits for its turn.
    Its,
    /// It leads a batch, and waits in the place of that.
    OfBatch(&'b Lead<'b>),
    /// It does not wait.
    Never,
}

/// What a call that takes a connection says of itself.
pub(crate) struct Taker<'b> {
    pub(crate) turn: Turn<'b>,
    /// It bears a connection that has died: one is looked at only when it lay unused for longer.
    pub(crate) bears_dead_ones: bool,
    /// Nothing was done since its deadline began, so the clock need not be asked what time it is.
    pub(crate) has_just_begun: bool,
}

impl<'b> Taker<'b> {
    pub(crate) fn of(turn: Turn<'b>) -> Taker<'b> {
        Taker { turn, bears_dead_ones: false, has_just_begun: false }
    }
}

/// What has happened since the pool was made.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    opened: u64,
    waited: u64,
    timed_out: u64,
    aged: u64,
    gathered: u64,
}

impl State {
    fn new(node: Arc<Node>) -> State {
        let (idle, waiting, gathering, counts) = (Vec::new(), Vec::new(), Vec::new(), Counts::default());
        State { node, process: forked::this_process(), idle, open: 0, waiting, came: 0, gathering, counts }
    }

    /// In a child, gives up what is its parent's: what two processes send over one connection gets mixed up. It is to be
    /// dropped when the lock is free, because that is told.
    #[must_use]
    #[allow(clippy::vec_box)] // they lie in the pool so
    fn leave_to_parent(&mut self, this_process: u32) -> Vec<Box<Connection>> {
        if self.process == this_process {
            return Vec::new();
        }
        // Closing the child's end of a socket leaves that of the parent open. Threads do not go over to a child, so
        // nobody waits here, and nobody will give back what was lent.
        (self.process, self.open) = (this_process, 0);
        self.waiting.clear();
        self.gathering.clear();
        std::mem::take(&mut self.idle)
    }

    /// What there is for a call: an idle connection, or room for a new one. To be used when there is any.
    fn lend(&mut self, pool: &Arc<Pool>) -> Lease {
        let mut connection = self.idle.pop();
        match &mut connection {
            Some(connection) => {
                connection.rename(&self.node);
                connection.wake();
            }
            None => self.open += 1,
        }
        Lease::new(connection, Arc::clone(pool), self.process)
    }

    /// Takes out what has lain unused for so long. The oldest lie in front.
    #[inline(never)]
    #[allow(clippy::vec_box)] // they lie in the pool so
    fn take_older(&mut self, age: Duration, now: Instant) -> Vec<Box<Connection>> {
        let count = self.idle.iter().take_while(|connection| connection.is_older(age, now)).count();
        if count == 0 {
            return Vec::new();
        }
        self.open -= count;
        self.counts.aged += count as u64;
        let younger = self.idle.split_off(count);
        std::mem::replace(&mut self.idle, younger)
    }

    fn has_room(&self, size: usize) -> bool {
        !self.idle.is_empty() || self.open < size
    }
}

impl Pool {
    pub(crate) fn new(role: Role, node: Node, endpoint: Endpoint, settings: Arc<Settings>) -> Pool {
        let node = Arc::new(node);
        let health = Health::new(Silence::of(Arc::clone(&node), settings.observer.clone()));
        let (state, is_master) = (Mutex::new(State::new(node)), AtomicBool::new(role == Role::Master));
        Pool { is_master, endpoint, settings, state, health, unreached: Unreached::default() }
    }

    pub(crate) fn node(&self) -> Arc<Node> {
        Arc::clone(&self.state().node)
    }

    /// Its server has another name from now on, because it was promoted or demoted. Its connections stay.
    pub(crate) fn rename(&self, role: Role, node: &Node) {
        self.is_master.store(role == Role::Master, Ordering::Release);
        let node = Arc::new(node.clone());
        self.silence().rename(&node);
        self.health.has_another_role();
        self.state().node = node;
    }

    /// Whether it has still to be asked who it is.
    pub(crate) fn unreached(&self) -> &Unreached {
        &self.unreached
    }

    /// It has said who it is.
    pub(crate) fn has_been_reached(&self) {
        if self.unreached.end() {
            self.tell(&|node| ObserverEvent::NodeReached { node });
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the server is worth asking.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    fn silence(&self) -> &Arc<Silence> {
        self.health.silence()
    }

    /// Whether a replica may not be behind its master by any amount.
    pub(crate) fn bounds_lag(&self) -> bool {
        self.settings.max_replica_lag.is_some()
    }

    /// Who is told what happens.
    pub(crate) fn observer(&self) -> &Observing {
        &self.settings.observer
    }

    /// Tells who observes of its server. No lock may be held.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&self, event: &dyn for<'e> Fn(&'e Node) -> ObserverEvent<'e>) {
        let node = self.node();
        self.observer().on(|| event(&node));
    }

    /// An error of its server.
    #[cold]
    #[inline(never)]
    fn error(&self, error: Error) -> Error {
        error.at(&*self.node())
    }

    /// How it stands at this moment.
    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.state();
        PoolStatus {
            node: Node::clone(&state.node),
            size: self.settings.pool_size,
            open: state.open,
            idle: state.idle.len(),
            waiting: state.waiting.len() + state.gathering.iter().map(|batch| batch.followers()).sum::<usize>(),
            opened: state.counts.opened,
            waited: state.counts.waited,
            timed_out: state.counts.timed_out,
            aged: state.counts.aged,
            gathered: state.counts.gathered,
            silent: self.silence().is_on(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so what a panicking thread left is whole.
        lock(&self.state)
    }

    /// Lends a connection in this database: an idle one that still lives, a new one, or the next that becomes free. None
    /// to a server that is silent.
    pub(crate) fn lend(self: &Arc<Pool>, database: u32, deadline: Deadline) -> Result<Lease> {
        self.lend_in_turn(database, deadline, &Taker::of(Turn::Its))?.ok_or_else(|| self.stayed_in_use())
    }

    /// The same; `None` when all connections are in use and it does not wait for its turn.
    #[inline]
    pub(crate) fn lend_in_turn(
        self: &Arc<Pool>,
        database: u32,
        deadline: Deadline,
        taker: &Taker<'_>,
    ) -> Result<Option<Lease>> {
        let turn = taker.turn;
        if !self.silence().is_on() {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = if state.waiting.is_empty() { state.idle.pop() } else { None };
            if let Some(mut connection) = idle {
                connection.rename(&state.node);
                let process = state.process;
                drop(state);
                // Without the lock: others need not wait while this one is looked at.
                connection.wake_at(deadline.began().filter(|_| taker.has_just_begun));
                let mut lease = Lease::new(Some(connection), Arc::clone(self), process);
                if lease.is_good_for(database, taker.bears_dead_ones) {
                    return Ok(Some(lease));
                }
                // To look takes time, and the clock tells from when on.
                lease.wake();
                return self.lend_after_a_look(Some(lease), database, deadline, turn);
            }
            let is_full = !state.waiting.is_empty() || state.open >= self.settings.pool_size;
            if is_full && matches!(turn, Turn::Never) {
                return Ok(None);
            }
        }
        self.lend_after_a_look(None, database, deadline, turn)
    }

    /// The same where there is none, or one that has to be looked at first.
    #[inline(never)]
    fn lend_after_a_look(
        self: &Arc<Pool>,
        taken: Option<Lease>,
        database: u32,
        deadline: Deadline,
        turn: Turn<'_>,
    ) -> Result<Option<Lease>> {
        if taken.is_none() && self.silence().is_on() {
            self.try_silent(deadline)?;
        }
        let (mut taken, mut is_first) = (taken, true);
        loop {
            let Some(mut lease) = self.checked(taken.take(), deadline, turn)? else { return Ok(None) };
            match lease.select(database, deadline) {
                Ok(()) => return Ok(Some(lease)),
                // An idle one that was dead: in the database that it was in, whoever uses it first would try a new one.
                Err(error) if is_first && matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol) => {
                    turn.keep(self);
                    lease.discard(CloseReason::FoundDead);
                    self.drop_idle();
                    is_first = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lends a connection for what a server heeds also while it runs a script for too long. Such a server refuses `SELECT`
    /// and `CLIENT SETNAME`, so the connection is in any database, and a new one has no name and is used once. No other call
    /// is waited for, because all of them may be waiting for that script: there may be one more than is allowed.
    pub(crate) fn lend_to_busy(self: &Arc<Pool>, deadline: Deadline) -> Result<Lease> {
        if self.silence().is_on() {
            self.try_silent(deadline)?;
        }
        self.leave_to_parent();
        let mut lease = self.state().lend(self);
        if let Some(idle) = &mut lease.connection {
            if idle.is_open() && idle.still_answers(deadline) {
                return Ok(lease);
            }
            idle.closes(CloseReason::FoundDead);
        }
        self.state().counts.opened += 1;
        lease.will_be_closed(CloseReason::Released);
        let watch = Watch { silence: Some(self.silence()), asks_who: false, is_bare: true };
        let opened =
            Connection::open_watched(&self.node(), &self.endpoint, &self.settings, deadline, watch, &mut |_| {});
        lease.connection = Some(opened?);
        Ok(lease)
    }

    /// A connection that lives: the one that was taken, if it does, or another one.
    fn checked(self: &Arc<Pool>, taken: Option<Lease>, deadline: Deadline, turn: Turn<'_>) -> Result<Option<Lease>> {
        let mut lease = match taken {
            Some(lease) => lease,
            None => match self.take(deadline, turn)? {
                Some(lease) => lease,
                None => return Ok(None),
            },
        };
        // It fell silent while this call waited for a connection.
        if self.silence().is_on() {
            return Err(self.silence().error());
        }
        let mut is_in_doubt = false;
        while let Some(connection) = &mut lease.connection {
            if !connection.is_of(lease.process) {
                // It is the parent's, who goes on with it, and so are all that lie here. Not even a look is taken.
                drop(lease);
                self.leave_to_parent();
                return self.checked(None, deadline, turn);
            }
            if self.settings.max_idle_age.is_some_and(|age| connection.lay() >= age) {
                // Those that lie there have lain for longer.
                connection.closes(CloseReason::Idle);
                lease.connection = None;
                self.state().counts.aged += 1;
                self.close_older();
                self.take_next(&mut lease);
                continue;
            }
            let is_open = connection.is_open();
            if is_open && connection.still_answers(deadline) {
                return Ok(Some(lease));
            }
            connection.closes(CloseReason::FoundDead);
            lease.connection = None;
            if is_open {
                // The others lie there for longer, and each would be waited for as this one was.
                self.drop_idle();
                is_in_doubt = true;
            }
            self.take_next(&mut lease);
        }
        // Others may have a free connection long before a new one is there.
        turn.goes_alone(self);
        // What did not answer was the connection or its server. Only when the server has said something on a new one it
        // is sent what must not be left in doubt.
        let opened = if is_in_doubt { self.begin_answering(deadline) } else { self.begin(deadline) };
        lease.connection = Some(opened?);
        Ok(Some(lease))
    }

    /// In a child, gives up what is its parent's.
    fn leave_to_parent(&self) {
        let this_process = forked::this_process();
        // Dropped after the lock.
        let _parents;
        let mut state = self.state();
        _parents = state.leave_to_parent(this_process);
    }

    /// Another idle connection, if there is one, for a lease whose own was dead. It keeps its place: nobody who waits
    /// comes before it.
    fn take_next(&self, lease: &mut Lease) {
        let mut state = self.state();
        lease.connection = state.idle.pop();
        if let Some(connection) = &mut lease.connection {
            connection.rename(&state.node);
            state.open -= 1;
        }
        State::wake_first_if_room(state, self.settings.pool_size);
        if let Some(connection) = &mut lease.connection {
            connection.wake();
        }
    }

    /// Closes what has lain unused for too long.
    pub(crate) fn close_older(&self) {
        let Some(age) = self.settings.max_idle_age else { return };
        let older = self.state().take_older(age, Instant::now());
        close(older, CloseReason::Idle);
    }

    /// Closes every idle connection: one of them was found dead, so the others are likely to be.
    pub(crate) fn drop_idle(&self) {
        let dead = {
            let mut state = self.state();
            state.open -= state.idle.len();
            let dead = std::mem::take(&mut state.idle);
            State::wake_first_if_room(state, self.settings.pool_size);
            dead
        };
        close(dead, CloseReason::FoundDead);
    }
}

/// Closes connections that were taken out of the pool. Not under the lock, because that is told.
#[allow(clippy::vec_box)] // they lay in the pool so
fn close(mut connections: Vec<Box<Connection>>, why: CloseReason) {
    connections.iter_mut().for_each(|connection| connection.closes(why));
}

#[cfg(test)]
impl Pool {
    /// A pool with the settings of a builder that was told nothing.
    pub(super) fn of(server: &rediscluster_testing::Server) -> Arc<Pool> {
        use crate::config::Builder;
        use crate::topology::Address;
        let (endpoint, settings) = Builder::default().single(&server.address()).unwrap();
        let node = Node::new("node_1", Address::parse(&server.address()).unwrap());
        Arc::new(Pool::new(Role::Master, node, endpoint, Arc::new(settings)))
    }
}
