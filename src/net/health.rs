//! Whether a server is worth asking for a read: one that failed rests for a while.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a server rests after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is known of a server that may serve reads.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whether it rests: one look is enough for a server that does not.
    rests: AtomicBool,
    /// Whether it is a replica that has lost its master and has whole, if old data: better than no answer.
    stale: AtomicBool,
    /// Counts its failures and what was tried after them. What was learned of a connection before is worth nothing.
    age: AtomicU64,
    /// How long it took to answer when it was last asked who it is, in nanoseconds; 0 when it never was.
    latency: AtomicU64,
    rest: Mutex<Rest>,
}

#[derive(Debug)]
struct Rest {
    /// When it began, and when the next call may try.
    began: Instant,
    until: Instant,
    length: Duration,
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

impl Health {
    pub(crate) fn new() -> Health {
        let now = Instant::now();
        Health {
            rests: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            age: AtomicU64::new(1),
            latency: AtomicU64::new(0),
            rest: Mutex::new(Rest { began: now, until: now, length: Duration::ZERO }),
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn standing(&self) -> Standing {
        if !self.rests.load(Ordering::Acquire) {
            return Standing::Serves;
        }
        match Instant::now() >= self.rest().until {
            true => Standing::Due,
            false => Standing::Rests,
        }
    }

    /// Whether this call may ask it. Of the calls that find it rested one may; the others find it resting again.
    pub(crate) fn may_ask(&self) -> bool {
        if !self.rests.load(Ordering::Acquire) {
            return true;
        }
        let mut rest = self.rest();
        let now = Instant::now();
        let may = now >= rest.until;
        if may {
            rest.until = now + rest.length;
            self.age.fetch_add(1, Ordering::AcqRel);
        }
        may
    }

    /// It failed a call that began at this moment. Says how long it rests, when it did not before.
    pub(crate) fn failed(&self, began: Instant) -> Option<Duration> {
        let mut rest = self.rest();
        // What many calls met at the same time is one failure.
        if self.rests.load(Ordering::Acquire) && began < rest.began {
            return None;
        }
        let now = Instant::now();
        let length = (rest.length * 2).clamp(FIRST_REST, LONGEST_REST);
        *rest = Rest { began: now, until: now + length, length };
        self.age.fetch_add(1, Ordering::AcqRel);
        let rested = self.rests.swap(true, Ordering::AcqRel);
        (!rested).then_some(length)
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.rests.load(Ordering::Acquire) && self.stale.load(Ordering::Acquire)
    }

    pub(crate) fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Release);
    }

    /// It has answered a call that began at this moment. Says whether that ends its rest.
    pub(crate) fn served(&self, began: Instant) -> bool {
        if self.rests.load(Ordering::Acquire) && !self.is_stale() {
            let mut rest = self.rest();
            // An answer that was on its way when another call failed says nothing.
            if began >= rest.began {
                rest.length = Duration::ZERO;
                return self.rests.swap(false, Ordering::AcqRel);
            }
        }
        false
    }

    /// Changes with every failure.
    pub(crate) fn age(&self) -> u64 {
        self.age.load(Ordering::Acquire)
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_nanos(self.latency.load(Ordering::Relaxed))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.latency.store(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rested(health: &Health) {
        health.rest().until = Instant::now();
    }

    #[test]
    fn one_call_tries_after_the_rest() {
        let health = Health::new();
        assert_eq!((health.standing(), health.may_ask()), (Standing::Serves, true));
        health.failed(Instant::now());
        assert_eq!((health.standing(), health.may_ask()), (Standing::Rests, false));
        rested(&health);
        assert_eq!(health.standing(), Standing::Due);
        assert_eq!((health.may_ask(), health.may_ask(), health.standing()), (true, false, Standing::Rests));
        health.served(Instant::now());
        assert_eq!((health.standing(), health.rest().length), (Standing::Serves, Duration::ZERO));
    }

    #[test]
    fn rests_grow_to_a_limit() {
        let health = Health::new();
        let mut lengths = Vec::new();
        for _ in 0..7 {
            health.failed(Instant::now());
            lengths.push(health.rest().length.as_secs());
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn what_was_under_way_counts_once() {
        let health = Health::new();
        let (age, before) = (health.age(), Instant::now());
        for _ in 0..16 {
            health.failed(before);
        }
        assert_eq!((health.rest().length, health.age()), (FIRST_REST, age + 1));
        health.served(before);
        assert_eq!(health.standing(), Standing::Rests);
    }
}
