//! A connection of a pool while a call has it.

use super::{close, Connection, Pool};
use crate::net::forked;
use crate::net::traffic::Traffic;
use crate::observer::CloseReason;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};

/// Who counts, and how many bytes had been sent and received when that began.
type Counted = (Arc<Traffic>, (u64, u64));

/// A connection on loan; dropping it gives it back, or closes it when it cannot be used again.
pub(crate) struct Lease {
    // In a box, so that a lease is cheap to hand on.
    pub(super) connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
    /// Which process took it.
    pub(super) process: u32,
    /// Who counts what goes over it, from how many bytes sent and received on.
    counted: Option<Box<Counted>>,
    /// Why nobody else may have it.
    pub(super) discarded: Option<CloseReason>,
}

impl Deref for Lease {
    type Target = Connection;

    #[inline]
    fn deref(&self) -> &Connection {
        self.connection.as_deref().expect("a lease that was handed out holds its connection")
    }
}

impl DerefMut for Lease {
    #[inline]
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("a lease that was handed out holds its connection")
    }
}

impl Lease {
    pub(super) fn new(connection: Option<Box<Connection>>, pool: Arc<Pool>, process: u32) -> Lease {
        Lease { connection, pool, process, counted: None, discarded: None }
    }

    /// Whether what goes to this database needs no look at it: it was just used, and is no connection of a parent of which
    /// its child has a copy.
    #[inline]
    pub(super) fn is_good_for(&self, database: u32, may_be_dead: bool) -> bool {
        self.database() == database && self.was_just_used(may_be_dead) && self.is_of(self.process)
    }

    /// Adds what goes over it from now on.
    pub(crate) fn count_for(&mut self, traffic: &Arc<Traffic>) {
        self.counted = Some(Box::new((Arc::clone(traffic), self.bytes())));
    }

    /// Closes the connection instead of giving it back: it is in a state that the next caller must not meet.
    pub(crate) fn discard(mut self, why: CloseReason) {
        self.discarded = Some(why);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.connection.take() {
            // A server that is silent now may have lost all its connections, and nothing would tell.
            Some(mut connection) if self.is_plain(&connection) && !self.pool.silence().is_on() => {
                connection.rest();
                self.back(connection);
            }
            connection => self.close(connection),
        }
    }
}

impl Lease {
    /// Whether nothing is to be done but to give it back.
    #[inline]
    fn is_plain(&self, connection: &Connection) -> bool {
        connection.is_reusable() && self.counted.is_none() && self.discarded.is_none()
    }

    /// The next caller may have it.
    #[inline]
    fn back(&self, connection: Box<Connection>) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.process != self.process {
            // It is the parent's, and the pool of this child never counted it.
            return;
        }
        let mut older = Vec::new();
        // What it has just heard says what time it is.
        if let (Some(age), false) = (self.pool.settings.max_idle_age, state.idle.is_empty()) {
            older = state.take_older(age, connection.heard());
        }
        forked::was_in(self.process, connection.heard());
        state.idle.push(connection);
        state.wake_first_if_room(self.pool.settings.pool_size);
        drop(state);
        if !older.is_empty() {
            close(older, CloseReason::Idle);
        }
    }

    /// What is told of it is told, and it is closed when it cannot be used again.
    #[cold]
    fn close(&mut self, mut connection: Option<Box<Connection>>) {
        if let (Some(counted), Some(connection)) = (self.counted.take(), &connection) {
            let ((traffic, before), now) = (*counted, connection.bytes());
            traffic.add(now.0 - before.0, now.1 - before.1);
        }
        let is_silent = self.pool.silence().is_on();
        match connection.take() {
            Some(mut connection) if self.is_plain(&connection) && !is_silent => {
                connection.rest();
                return self.back(connection);
            }
            Some(mut connection) => {
                let why = self.discarded.unwrap_or_else(|| match connection.is_reusable() {
                    true => CloseReason::FoundDead,
                    false => connection.why_not_reusable(),
                });
                connection.closes(why);
            }
            None => {}
        }
        let mut state = self.pool.state();
        if state.process != self.process {
            return;
        }
        state.open -= 1;
        state.wake_first_if_room(self.pool.settings.pool_size);
        drop(state);
        if is_silent {
            self.pool.drop_idle();
        }
    }
}
