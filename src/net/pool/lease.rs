//! A connection of a pool while a call has it.

use super::{close, Connection, Pool, State};
use crate::net::forked;
use crate::observer::{CloseReason, Traffic};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};

/// Who counts, and how many bytes had been sent and received when that began.
type Counted = (Arc<dyn Traffic>, (u64, u64));

/// A connection on loan; dropping it gives it back, or closes it when it cannot be used again.
pub(crate) struct Lease {
    // In a box, so that a lease is cheap to hand on.
    pub(super) connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
    /// Which process took it.
    pub(super) process: u32,
    /// What hardly any lease has.
    apart: Option<Box<Apart>>,
}

#[derive(Default)]
struct Apart {
    /// Who counts what goes over it, from how many bytes sent and received on.
    counted: Option<Counted>,
    /// Why nobody else may have it.
    discarded: Option<CloseReason>,
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
        Lease { connection, pool, process, apart: None }
    }

    /// Whether what goes to this database needs no look at it: it was just used, and is no connection of a parent of which
    /// its child has a copy.
    #[inline]
    pub(super) fn is_good_for(&self, database: u32, may_be_dead: bool) -> bool {
        self.database() == database && self.was_just_used(may_be_dead) && self.is_of(self.process)
    }

    /// Adds what goes over it from now on.
    pub(crate) fn count_for(&mut self, traffic: &Arc<dyn Traffic>) {
        let counted = (Arc::clone(traffic), self.bytes());
        self.apart().counted = Some(counted);
    }

    /// Closes the connection instead of giving it back: it is in a state that the next caller must not meet.
    pub(crate) fn discard(mut self, why: CloseReason) {
        self.will_be_closed(why);
    }

    /// The same when its call has ended.
    pub(super) fn will_be_closed(&mut self, why: CloseReason) {
        self.apart().discarded = Some(why);
    }

    #[cold]
    #[inline(never)]
    fn apart(&mut self) -> &mut Apart {
        self.apart.get_or_insert_with(Box::default)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut connection = self.connection.take();
        if !connection.as_ref().is_some_and(|connection| self.is_plain(connection)) {
            connection = self.close(connection);
        }
        if let Some(mut connection) = connection {
            connection.rest();
            self.back(connection);
        }
    }
}

impl Lease {
    /// Whether nothing is to be done but to give it back.
    #[inline]
    fn is_plain(&self, connection: &Connection) -> bool {
        // A server that is silent now may have lost all its connections, and nothing would tell.
        connection.is_reusable() && self.apart.is_none() && !self.pool.silence().is_on()
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
        State::wake_first_if_room(state, self.pool.settings.pool_size);
        if !older.is_empty() {
            close(older, CloseReason::Idle);
        }
    }

    /// What is told of it is told, and it is closed when it cannot be used again; else it is for the next caller.
    #[cold]
    #[inline(never)]
    fn close(&mut self, mut connection: Option<Box<Connection>>) -> Option<Box<Connection>> {
        let Apart { counted, discarded } = self.apart.take().map(|apart| *apart).unwrap_or_default();
        if let (Some((traffic, before)), Some(connection)) = (counted, &connection) {
            let now = connection.bytes();
            traffic.add(now.0 - before.0, now.1 - before.1);
        }
        let is_silent = self.pool.silence().is_on();
        match connection.take() {
            Some(connection) if connection.is_reusable() && discarded.is_none() && !is_silent => {
                return Some(connection);
            }
            Some(mut connection) => {
                let why = discarded.unwrap_or_else(|| match connection.is_reusable() {
                    true => CloseReason::FoundDead,
                    false => connection.why_not_reusable(),
                });
                connection.closes(why);
            }
            None => {}
        }
        let mut state = self.pool.state();
        if state.process != self.process {
            return None;
        }
        state.open -= 1;
        State::wake_first_if_room(state, self.pool.settings.pool_size);
        if is_silent {
            self.pool.drop_idle();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pool::{Taker, Turn};
    use crate::net::Deadline;
    use rediscluster_testing::Server;
    use std::time::Duration;

    #[test]
    fn what_has_just_begun_knows_what_time_it_is() {
        let server = Server::start();
        let pool = Pool::of(&server);
        // Whether it was taken in the moment in which the deadline began, in each of many tries.
        let tries = |has_just_begun| {
            let is_at_once = |_| {
                pool.lend(0, Deadline::never()).unwrap().ask(&[b"PING"], Deadline::never()).unwrap();
                let deadline = Deadline::after(Duration::from_secs(60));
                let taker = Taker { has_just_begun, bears_dead_ones: true, ..Taker::of(Turn::Its) };
                let lease = pool.lend_in_turn(0, deadline, &taker).unwrap().unwrap();
                lease.lay() == deadline.began().unwrap() - lease.heard()
            };
            (0..500).map(is_at_once).collect::<Vec<bool>>()
        };
        assert!(tries(true).contains(&true), "the clock was read once more");
        assert!(tries(false).contains(&false), "the clock was not read");
    }
}
