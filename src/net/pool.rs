//! The connections to one server: lent out, taken back, never more than allowed.

use super::connection::Connection;
use super::stream::{Deadline, Stream};
use crate::config::{Endpoint, Settings};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::topology::Node;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The connections to one server.
pub(crate) struct Pool {
    node: Node,
    endpoint: Endpoint,
    settings: Arc<Settings>,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    /// The one used last is lent first, so that those not needed grow old.
    #[allow(clippy::vec_box)] // the box moves on into the lease
    idle: Vec<Box<Connection>>,
    /// Lent out and idle together.
    open: usize,
    /// Calls that wait for one: when there is none, giving back costs no system call.
    waiting: usize,
}

impl Pool {
    pub(crate) fn new(node: Node, endpoint: Endpoint, settings: Arc<Settings>) -> Pool {
        let state = Mutex::new(State { idle: Vec::new(), open: 0, waiting: 0 });
        Pool { node, endpoint, settings, state, freed: Condvar::new() }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so what a panicking thread left is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a connection: an idle one that still lives, a new one, or the next that becomes free.
    pub(crate) fn lend(self: &Arc<Pool>, deadline: Deadline) -> Result<Lease> {
        let mut state = self.state();
        loop {
            if let Some(connection) = state.idle.pop() {
                if connection.is_fresh() || connection.is_quiet() {
                    return Ok(Lease { connection: Some(connection), pool: Arc::clone(self) });
                }
                state.open -= 1;
                continue;
            }
            if state.open < self.settings.pool_size {
                state.open += 1;
                drop(state);
                // From here on the lease counts it back, also when connecting fails or panics.
                let mut lease = Lease { connection: None, pool: Arc::clone(self) };
                lease.connection = Some(Box::new(self.open(deadline)?));
                return Ok(lease);
            }
            let Ok(left) = deadline.left() else {
                let message = format!("all {} connections stayed in use until the deadline", self.settings.pool_size);
                return Err(Error::new(ErrorKind::PoolTimeout, Outcome::NotApplied, message)
                    .with_node(|| self.node.to_string()));
            };
            state.waiting += 1;
            state = match left {
                Some(left) => self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.waiting -= 1;
        }
    }

    /// A connection that the pool does not count: for a word to a server while all others may be waiting.
    pub(crate) fn open(&self, deadline: Deadline) -> Result<Connection> {
        Connection::open(&self.node, &self.endpoint, &self.settings, deadline)
    }

    /// As [`open`](Pool::open); `opened` is given the socket as [`Connection::open_watched`] does it.
    pub(crate) fn open_watched(&self, deadline: Deadline, opened: impl FnOnce(Stream)) -> Result<Connection> {
        Connection::open_watched(&self.node, &self.endpoint, &self.settings, deadline, opened)
    }

    /// Closes every idle connection: one of them was found dead, so the others are likely to be.
    pub(crate) fn drop_idle(&self) {
        let dead = {
            let mut state = self.state();
            state.open -= state.idle.len();
            std::mem::take(&mut state.idle)
        };
        drop(dead);
        self.freed.notify_all();
    }
}

/// A connection on loan; dropping it gives it back, or closes it when it cannot be used again.
pub(crate) struct Lease {
    // In a box, so that a lease is cheap to hand on.
    connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_deref().expect("a lease that was handed out holds its connection")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("a lease that was handed out holds its connection")
    }
}

impl Lease {
    /// Closes the connection instead of giving it back: it is in a state that the next caller must not meet.
    pub(crate) fn discard(mut self) {
        self.connection = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let back = self.connection.take().filter(|connection| connection.is_reusable()).map(|mut connection| {
            connection.rest();
            connection
        });
        let mut state = self.pool.state();
        match back {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        let wanted = state.waiting > 0;
        drop(state);
        if wanted {
            self.pool.freed.notify_one();
        }
    }
}
