//! Who waits for a connection, in the order in which they came.

use super::{Lease, Pool, State, Turn};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{forked, Deadline};
use crate::observer::ObserverEvent;
use std::cell::Cell;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One that waits for a connection, a call or a batch. Each is woken by itself.
pub(crate) struct Waiter {
    woken: Condvar,
    /// How many had come to wait before. A batch waits again when what it was given turned out to be of no use.
    before: u64,
}

/// A call that waits for all of its batch.
pub(crate) struct Lead<'b> {
    pub(super) turn: &'b Arc<Waiter>,
    /// It has left the batch, whose turn it is no more.
    pub(super) is_alone: &'b Cell<bool>,
    /// Leaves the batch to the others.
    pub(super) leave: &'b dyn Fn(),
}

impl<'b> Turn<'b> {
    /// What a batch was given is of no use. Before anybody else can have its room, it waits again where it did. Gives the one
    /// that leads it, if that still does.
    #[cold]
    pub(super) fn keep(self, pool: &Pool) -> Option<&'b Lead<'b>> {
        match self {
            Turn::OfBatch(lead) if !lead.is_alone.get() => {
                pool.state().queue(lead.turn);
                Some(lead)
            }
            _ => None,
        }
    }

    /// Goes on for itself, where it leads a batch, which keeps its turn.
    #[cold]
    pub(super) fn goes_alone(self, pool: &Pool) {
        if let Some(lead) = self.keep(pool) {
            lead.is_alone.set(true);
            (lead.leave)();
        }
    }
}

impl State {
    /// One that comes to wait now.
    pub(super) fn comes(&mut self) -> Arc<Waiter> {
        self.came += 1;
        Arc::new(Waiter { woken: Condvar::new(), before: self.came })
    }

    /// Puts one in front of all that came later, unless it waits already.
    fn queue(&mut self, turn: &Arc<Waiter>) {
        let at = self.waiting.iter().position(|other| other.before >= turn.before).unwrap_or(self.waiting.len());
        if !self.waiting.get(at).is_some_and(|other| Arc::ptr_eq(other, turn)) {
            self.waiting.insert(at, Arc::clone(turn));
        }
    }

    /// Tells the call that has waited longest to look again, when there is something for it. The lock is free by then, or
    /// the first that it met would be that.
    #[inline]
    pub(super) fn wake_first_if_room(state: MutexGuard<'_, State>, size: usize) {
        if !state.waiting.is_empty() {
            State::wake_first(state, size);
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_first(state: MutexGuard<'_, State>, size: usize) {
        let first = state.waiting.first().filter(|_| state.has_room(size)).cloned();
        drop(state);
        if let Some(first) = first {
            first.woken.notify_one();
        }
    }
}

impl Pool {
    /// An idle connection, or room for a new one, when it is the turn of this call. `None` where it does not wait for that.
    pub(super) fn take(self: &Arc<Pool>, deadline: Deadline, turn: Turn<'_>) -> Result<Option<Lease>> {
        let mut waited = None;
        let taken = self.take_in_turn(deadline, turn, &mut waited);
        // The lock is free again, and what was counted is in the lease: from here on it counts it back.
        if let Some(begun) = waited {
            let (took, timed_out) = (begun.elapsed(), taken.is_err());
            self.tell(&|node| ObserverEvent::PoolWait { node, took, timed_out });
        }
        taken
    }

    fn take_in_turn(
        self: &Arc<Pool>,
        deadline: Deadline,
        turn: Turn<'_>,
        waited: &mut Option<Instant>,
    ) -> Result<Option<Lease>> {
        // Beside a new connection, and beside a wait for one, to ask for the process costs nothing.
        let this_process = forked::this_process();
        // Dropped after the lock.
        let _parents;
        let mut state = self.state();
        _parents = state.leave_to_parent(this_process);
        if !state.waiting.is_empty() || !state.has_room(self.settings.pool_size) {
            state = match turn {
                Turn::Never => return Ok(None),
                Turn::OfBatch(lead) if !lead.is_alone.get() => self.queue_up(state, deadline, lead.turn)?,
                Turn::OfBatch(_) | Turn::Its => {
                    *waited = self.observer().clock();
                    state.counts.waited += 1;
                    let turn = state.comes();
                    self.queue_up(state, deadline, &turn).map_err(|error| self.left(&turn, error))?
                }
            };
        }
        let lease = state.lend(self);
        State::wake_first_if_room(state, self.settings.pool_size);
        Ok(Some(lease))
    }

    /// Waits until it is this turn and there is room. Nobody who came later is served before. At the deadline the turn stays
    /// in the queue.
    fn queue_up<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        deadline: Deadline,
        turn: &Arc<Waiter>,
    ) -> Result<MutexGuard<'s, State>> {
        let size = self.settings.pool_size;
        state.queue(turn);
        let is_first = |state: &State| state.waiting.first().is_some_and(|first| Arc::ptr_eq(first, turn));
        loop {
            if is_first(&state) && state.has_room(size) {
                state.waiting.remove(0);
                return Ok(state);
            }
            let Ok(left) = deadline.left() else { break };
            let left = left.unwrap_or(Duration::MAX);
            state = turn.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        Err(self.stayed_in_use())
    }

    /// A call has left the queue.
    #[cold]
    fn left(&self, turn: &Arc<Waiter>, error: Error) -> Error {
        let mut state = self.state();
        state.waiting.retain(|other| !Arc::ptr_eq(other, turn));
        state.counts.timed_out += 1;
        // It may have been told to look again in the very moment in which it gave up.
        State::wake_first_if_room(state, self.settings.pool_size);
        error
    }

    #[cold]
    pub(super) fn stayed_in_use(&self) -> Error {
        let message = format!("all {} connections stayed in use until the deadline", self.settings.pool_size);
        self.error(Error::new(ErrorKind::PoolTimeout, Outcome::NotApplied, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Builder;
    use crate::topology::{Address, Node, Role};

    fn pool() -> Pool {
        let (endpoint, settings) = Builder::default().single("h:1").unwrap();
        Pool::new(Role::Master, Node::new("n", Address::new("h", 1).unwrap()), endpoint, Arc::new(settings))
    }

    fn waiting(pool: &Pool) -> Vec<u64> {
        pool.state().waiting.iter().map(|waiter| waiter.before).collect()
    }

    #[test]
    fn each_has_its_place_once_whenever_it_comes_again() {
        let pool = pool();
        let came: Vec<Arc<Waiter>> = (0..4).map(|_| pool.state().comes()).collect();
        for (comes, expected) in
            [(2, &[3][..]), (0, &[1, 3]), (0, &[1, 3]), (3, &[1, 3, 4]), (1, &[1, 2, 3, 4]), (3, &[1, 2, 3, 4])]
        {
            pool.state().queue(&came[comes]);
            assert_eq!(waiting(&pool), expected, "the one that came as number {comes}");
        }
    }

    #[test]
    fn only_a_batch_that_is_still_led_keeps_its_turn() {
        let pool = pool();
        let turn = pool.state().comes();
        let (is_alone, has_left) = (Cell::new(false), Cell::new(0));
        let leave = || has_left.set(has_left.get() + 1);
        let lead = Lead { turn: &turn, is_alone: &is_alone, leave: &leave };
        assert!(Turn::Its.keep(&pool).is_none() && Turn::Never.keep(&pool).is_none());
        assert_eq!(waiting(&pool), []);
        assert!(Turn::OfBatch(&lead).keep(&pool).is_some());
        assert_eq!((waiting(&pool), is_alone.get(), has_left.get()), (vec![1], false, 0));
        pool.state().waiting.clear();
        Turn::OfBatch(&lead).goes_alone(&pool);
        assert_eq!((waiting(&pool), is_alone.get(), has_left.get()), (vec![1], true, 1));
        // It does not lead any more: the turn is that of the others.
        pool.state().waiting.clear();
        Turn::OfBatch(&lead).goes_alone(&pool);
        assert!(Turn::OfBatch(&lead).keep(&pool).is_none());
        assert_eq!((waiting(&pool), has_left.get()), (vec![], 1));
    }
    #[test]
    fn nobody_is_served_before_who_came_first() {
        let pool = Arc::new(pool());
        let never = |turn| pool.take(Deadline::never(), turn);
        // There is room for all: a lease of a connection that is still to be opened.
        assert!(never(Turn::Never).unwrap().is_some());
        let first = pool.state().comes();
        pool.state().queue(&first);
        assert!(never(Turn::Never).unwrap().is_none());
        let error = pool.take(Deadline::after(Duration::ZERO), Turn::Its).err().unwrap();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::PoolTimeout, Outcome::NotApplied), "{error}");
        assert_eq!((waiting(&pool), pool.status().open), (vec![1], 0));
        let counts = pool.state().counts;
        assert_eq!((counts.waited, counts.timed_out), (1, 1));
    }

    #[test]
    fn who_is_served_tells_the_next_one_when_there_is_more_room() {
        let (pool, size) = (Arc::new(pool()), Builder::default().single("h:1").unwrap().1.pool_size);
        assert!(size > 1);
        pool.state().open = size;
        let deadline = Deadline::after(Duration::from_secs(10));
        std::thread::scope(|scope| {
            // Who gave its own back would tell the next one, too.
            let take = || pool.take(deadline, Turn::Its).map(|lease| lease.map(std::mem::forget));
            let both = [scope.spawn(take), scope.spawn(take)];
            rediscluster_testing::wait_until("both wait", || waiting(&pool).len() == 2);
            let mut state = pool.state();
            state.open = 0;
            State::wake_first_if_room(state, size);
            for taken in both {
                assert!(taken.join().unwrap().is_ok_and(|lease| lease.is_some()));
            }
            // At the deadline each looks by itself.
            assert!(deadline.left().is_ok(), "both were told");
        });
    }
}
