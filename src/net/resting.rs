//! What failed rests for a while, and then one call tries it.

use crate::threads::lock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Whether something rests, and since when.
#[derive(Debug)]
pub(super) struct Resting {
    /// One look is enough for what does not.
    rests: AtomicBool,
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
pub(crate) enum Standing {
    /// It has not failed.
    Serves,
    /// It failed and has rested: one call tries whether it serves again.
    Due,
    /// It failed and rests.
    Rests,
}

impl Resting {
    pub(super) fn new(first: Duration, longest: Duration) -> Resting {
        let rest = Mutex::new(Rest::of(Instant::now(), Duration::ZERO));
        Resting { rests: AtomicBool::new(false), rest, first, longest }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        lock(&self.rest)
    }

    pub(super) fn rests(&self) -> bool {
        self.rests.load(Ordering::Acquire)
    }

    pub(super) fn standing(&self) -> Standing {
        if !self.rests() {
            return Standing::Serves;
        }
        match self.left().is_zero() {
            true => Standing::Due,
            false => Standing::Rests,
        }
    }

    /// How long it is until the next call may try.
    pub(super) fn left(&self) -> Duration {
        self.rest().left(Instant::now())
    }

    /// As [`standing`](Resting::standing); where it is due, this call is the one that tries. For the others it rests
    /// again, and no shorter than the try may take.
    pub(super) fn take_turn(&self, may_take: Duration) -> Standing {
        if !self.rests() {
            return Standing::Serves;
        }
        let mut rest = self.rest();
        let now = Instant::now();
        if !rest.left(now).is_zero() {
            return Standing::Rests;
        }
        (rest.since, rest.pause) = (now, rest.length.max(may_take));
        Standing::Due
    }

    /// It begins to rest, and may be tried at once. False when it rested already.
    pub(super) fn begin(&self) -> bool {
        let mut rest = self.rest();
        let is_new = !self.rests.swap(true, Ordering::AcqRel);
        if is_new {
            *rest = Rest::of(Instant::now(), Duration::ZERO);
        }
        is_new
    }

    /// It failed what began at this moment. Says for how long it rests now, and whether it did not before; nothing when
    /// it rests for a failure after that moment.
    pub(super) fn failed(&self, began: Instant) -> Option<(Duration, bool)> {
        let mut rest = self.rest();
        // What many calls met at the same time is one failure.
        if self.rests() && began < rest.began {
            return None;
        }
        let length = rest.length.saturating_mul(2).clamp(self.first, self.longest);
        *rest = Rest::of(Instant::now(), length);
        Some((length, !self.rests.swap(true, Ordering::AcqRel)))
    }

    /// A try proved nothing: the next call may.
    pub(super) fn is_due(&self) {
        self.rest().pause = Duration::ZERO;
    }

    /// It has served what began at this moment. Says whether that ends its rest.
    pub(super) fn served(&self, began: Instant) -> bool {
        if !self.rests() {
            return false;
        }
        let mut rest = self.rest();
        // An answer that was on its way when another call failed says nothing.
        if began < rest.began {
            return false;
        }
        rest.length = Duration::ZERO;
        self.rests.swap(false, Ordering::AcqRel)
    }

    /// Its rest is over. False when it did not rest.
    pub(super) fn end(&self) -> bool {
        self.served(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resting() -> Resting {
        Resting::new(Duration::from_secs(1), Duration::from_secs(30))
    }

    #[test]
    fn one_call_tries_after_the_rest() {
        let resting = resting();
        let turn = || resting.take_turn(Duration::ZERO);
        assert_eq!((resting.standing(), turn()), (Standing::Serves, Standing::Serves));
        resting.failed(Instant::now());
        assert_eq!((resting.standing(), turn()), (Standing::Rests, Standing::Rests));
        resting.is_due();
        assert_eq!(resting.standing(), Standing::Due);
        assert_eq!((turn(), turn(), resting.standing()), (Standing::Due, Standing::Rests, Standing::Rests));
        assert!(resting.served(Instant::now()));
        assert_eq!((resting.standing(), resting.rest().length), (Standing::Serves, Duration::ZERO));
    }

    #[test]
    fn rests_grow_to_a_limit() {
        let resting = resting();
        let mut lengths = Vec::new();
        for _ in 0..7 {
            resting.failed(Instant::now());
            lengths.push(resting.rest().length.as_secs());
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn what_was_under_way_counts_once() {
        let resting = resting();
        let before = Instant::now();
        assert_eq!(resting.failed(before), Some((Duration::from_secs(1), true)));
        for _ in 0..15 {
            assert_eq!(resting.failed(before), None);
        }
        assert!(!resting.served(before), "an answer from before says nothing");
        assert_eq!(resting.standing(), Standing::Rests);
    }

    #[test]
    fn a_rest_that_only_begins_may_be_tried_at_once() {
        let resting = resting();
        assert!(resting.begin() && !resting.begin());
        let began = Instant::now();
        assert_eq!(resting.take_turn(Duration::from_secs(60)), Standing::Due);
        assert_eq!(resting.take_turn(Duration::ZERO), Standing::Rests);
        assert!(resting.left() > Duration::from_secs(50), "while the try may be under way");
        assert_eq!(resting.failed(began), Some((Duration::from_secs(1), false)));
        assert!(resting.left() <= Duration::from_secs(1));
        assert!(resting.end() && !resting.end());
    }

    #[test]
    fn a_try_may_take_longer_than_a_clock_can_tell() {
        let resting = resting();
        assert!(resting.begin());
        assert_eq!(resting.take_turn(Duration::MAX), Standing::Due);
        assert_eq!((resting.take_turn(Duration::MAX), resting.standing()), (Standing::Rests, Standing::Rests));
        resting.is_due();
        assert_eq!(resting.take_turn(Duration::MAX), Standing::Due);
    }
}
