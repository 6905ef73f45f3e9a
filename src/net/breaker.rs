//! A circuit breaker: what failed rests for a while, twice as long after each further failure, and then one call tries it.

use crate::threads::lock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Whether something may be asked, or rests since it failed.
#[derive(Debug)]
pub(super) struct Breaker {
    /// One look is enough for what has not failed.
    is_open: AtomicBool,
    rest: Mutex<Rest>,
    /// How long it rests after its first failure; twice as long after each further one.
    first: Duration,
    longest: Duration,
}

#[derive(Debug)]
struct Rest {
    /// When it began.
    began: Instant,
    /// Since when, and for how long, the next call may not try. Two values and no sum: a time that a program sets may be
    /// longer than a clock can tell.
    since: Instant,
    pause: Duration,
    length: Duration,
}

impl Rest {
    fn of(now: Instant, length: Duration) -> Rest {
        Rest { began: now, since: now, pause: length, length }
    }

    fn left(&self, now: Instant) -> Duration {
        self.pause.saturating_sub(now.saturating_duration_since(self.since))
    }
}

/// Whether a server may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerState {
    /// It has not failed.
    Closed,
    /// It failed and has rested: one call tries whether it serves again.
    HalfOpen,
    /// It failed and rests.
    Open,
}

impl Breaker {
    pub(super) fn new(first: Duration, longest: Duration) -> Breaker {
        let rest = Mutex::new(Rest::of(Instant::now(), Duration::ZERO));
        Breaker { is_open: AtomicBool::new(false), rest, first, longest }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        lock(&self.rest)
    }

    /// Whether it failed, be it that it rests or that a call may try it.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(super) fn state(&self) -> BreakerState {
        if !self.is_open() {
            return BreakerState::Closed;
        }
        match self.left().is_zero() {
            true => BreakerState::HalfOpen,
            false => BreakerState::Open,
        }
    }

    /// How long it is until the next call may try.
    pub(super) fn left(&self) -> Duration {
        self.rest().left(Instant::now())
    }

    /// As [`state`](Breaker::state); where it is half open, this call is the one that tries. For the others it is open
    /// again, and no shorter than the try may take.
    pub(super) fn take_turn(&self, may_take: Duration) -> BreakerState {
        if !self.is_open() {
            return BreakerState::Closed;
        }
        let mut rest = self.rest();
        let now = Instant::now();
        if !rest.left(now).is_zero() {
            return BreakerState::Open;
        }
        (rest.since, rest.pause) = (now, rest.length.max(may_take));
        BreakerState::HalfOpen
    }

    /// It opens, and may be tried at once. False when it was open already.
    pub(super) fn open(&self) -> bool {
        let mut rest = self.rest();
        let is_new = !self.is_open.swap(true, Ordering::AcqRel);
        if is_new {
            *rest = Rest::of(Instant::now(), Duration::ZERO);
        }
        is_new
    }

    /// It failed what began at this moment. Says for how long it rests now, and whether it was closed before; nothing when
    /// it rests for a failure after that moment.
    pub(super) fn failed(&self, began: Instant) -> Option<(Duration, bool)> {
        let mut rest = self.rest();
        // What many calls met at the same time is one failure.
        if self.is_open() && began < rest.began {
            return None;
        }
        let length = rest.length.saturating_mul(2).clamp(self.first, self.longest);
        *rest = Rest::of(Instant::now(), length);
        Some((length, !self.is_open.swap(true, Ordering::AcqRel)))
    }

    /// A try proved nothing: the next call may.
    pub(super) fn half_open(&self) {
        self.rest().pause = Duration::ZERO;
    }

    /// It has served what began at this moment. Says whether that closes it.
    pub(super) fn served(&self, began: Instant) -> bool {
        if !self.is_open() {
            return false;
        }
        let mut rest = self.rest();
        // An answer that was on its way when another call failed says nothing.
        if began < rest.began {
            return false;
        }
        rest.length = Duration::ZERO;
        self.is_open.swap(false, Ordering::AcqRel)
    }

    /// It closes. False when it was not open.
    pub(super) fn close(&self) -> bool {
        self.served(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Duration::from_secs(1), Duration::from_secs(30))
    }

    #[test]
    fn one_call_tries_after_the_rest() {
        let breaker = breaker();
        let turn = || breaker.take_turn(Duration::ZERO);
        assert_eq!((breaker.state(), turn()), (BreakerState::Closed, BreakerState::Closed));
        breaker.failed(Instant::now());
        assert_eq!((breaker.state(), turn()), (BreakerState::Open, BreakerState::Open));
        breaker.half_open();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!((turn(), turn(), breaker.state()), (BreakerState::HalfOpen, BreakerState::Open, BreakerState::Open));
        assert!(breaker.served(Instant::now()));
        assert_eq!((breaker.state(), breaker.rest().length), (BreakerState::Closed, Duration::ZERO));
    }

    #[test]
    fn rests_grow_to_a_limit() {
        let breaker = breaker();
        let mut lengths = Vec::new();
        for _ in 0..7 {
            breaker.failed(Instant::now());
            lengths.push(breaker.rest().length.as_secs());
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn what_was_under_way_counts_once() {
        let breaker = breaker();
        let before = Instant::now();
        assert_eq!(breaker.failed(before), Some((Duration::from_secs(1), true)));
        for _ in 0..15 {
            assert_eq!(breaker.failed(before), None);
        }
        assert!(!breaker.served(before), "an answer from before says nothing");
        assert_eq!(breaker.state(), BreakerState::Open);
        // What has served since counts anew, whenever that began which fails now.
        assert!(breaker.served(Instant::now()));
        assert_eq!(breaker.failed(before), Some((Duration::from_secs(1), true)));
    }

    #[test]
    fn a_rest_that_only_begins_may_be_tried_at_once() {
        let breaker = breaker();
        assert!(breaker.open() && !breaker.open());
        let began = Instant::now();
        assert_eq!(breaker.take_turn(Duration::from_secs(60)), BreakerState::HalfOpen);
        assert_eq!(breaker.take_turn(Duration::ZERO), BreakerState::Open);
        assert!(breaker.left() > Duration::from_secs(50), "while the try may be under way");
        assert_eq!(breaker.failed(began), Some((Duration::from_secs(1), false)));
        assert!(breaker.left() <= Duration::from_secs(1));
        assert!(breaker.close() && !breaker.close());
    }

    #[test]
    fn a_try_may_take_longer_than_a_clock_can_tell() {
        let breaker = breaker();
        assert!(breaker.open());
        assert_eq!(breaker.take_turn(Duration::MAX), BreakerState::HalfOpen);
        assert_eq!((breaker.take_turn(Duration::MAX), breaker.state()), (BreakerState::Open, BreakerState::Open));
        breaker.half_open();
        assert_eq!(breaker.take_turn(Duration::MAX), BreakerState::HalfOpen);
    }
}
