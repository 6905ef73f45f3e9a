//! Whether a server is worth asking: one that failed a read gets none for a while, one that is silent gets nothing.

use super::breaker::{Breaker, BreakerState};
use super::silence::Silence;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server gets no reads after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is known of a server.
#[derive(Debug)]
pub(crate) struct Health {
    /// Open while it gets no reads, as long as others can serve them.
    reads: Breaker,
    silence: Arc<Silence>,
    /// Whether it is a replica that has lost its master and has whole, if old data: better than no answer.
    stale: AtomicBool,
    /// Counts its failures and what was tried after them. What was learned of a connection before is worth nothing.
    age: AtomicU64,
    /// How long it took to answer when it was last asked who it is, in nanoseconds; 0 when it never was.
    latency: AtomicU64,
}

impl Health {
    pub(super) fn new(silence: Silence) -> Health {
        Health {
            reads: Breaker::new(FIRST_REST, LONGEST_REST),
            silence: Arc::new(silence),
            stale: AtomicBool::new(false),
            age: AtomicU64::new(1),
            latency: AtomicU64::new(0),
        }
    }

    /// What is heard of it.
    pub(crate) fn silence(&self) -> &Arc<Silence> {
        &self.silence
    }

    pub(crate) fn breaker(&self) -> BreakerState {
        match (self.silence.breaker(), self.reads.state()) {
            (BreakerState::Closed, reads) => reads,
            (BreakerState::HalfOpen, BreakerState::Closed | BreakerState::HalfOpen) => BreakerState::HalfOpen,
            _ => BreakerState::Open,
        }
    }

    /// Whether this call may ask it. Of the calls that find it half open one may; the others find it open again.
    pub(crate) fn may_ask(&self) -> bool {
        // Whose turn it is to try a silent server is decided where a connection to it is asked for.
        if self.silence.breaker() == BreakerState::Open {
            return false;
        }
        match self.reads.take_turn(Duration::ZERO) {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => {
                self.age.fetch_add(1, Ordering::AcqRel);
                true
            }
        }
    }

    /// It failed a call that began at this moment. Says how long it rests, when it did not before.
    pub(crate) fn failed(&self, began: Instant) -> Option<Duration> {
        let (length, is_new) = self.reads.failed(began)?;
        self.age.fetch_add(1, Ordering::AcqRel);
        is_new.then_some(length)
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.reads.is_open() && self.stale.load(Ordering::Acquire)
    }

    pub(crate) fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Release);
    }

    /// It has answered a call that began at this moment. Says whether that ends its rest.
    pub(crate) fn served(&self, began: Instant) -> bool {
        !self.is_stale() && self.reads.served(began)
    }

    /// It was a replica and is a master now, or the other way round: what was learned of its connections is worth
    /// nothing, and its data is not what it was.
    pub(crate) fn has_another_role(&self) {
        self.set_stale(false);
        self.age.fetch_add(1, Ordering::AcqRel);
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
    use crate::observer::Observing;
    use crate::topology::{Address, Node};

    fn health() -> Health {
        Health::new(Silence::of(Arc::new(Node::new("n", Address::new("h", 1).unwrap())), Observing::default()))
    }

    #[test]
    fn what_was_learned_of_connections_ends_with_each_failure_and_each_try() {
        let health = health();
        let mut age = health.age();
        let mut is_older = || health.age() != std::mem::replace(&mut age, health.age());
        assert!(health.may_ask() && !is_older());
        let began = Instant::now();
        assert_eq!((health.failed(began), is_older()), (Some(FIRST_REST), true));
        assert_eq!((health.failed(began), is_older()), (None, false), "what was under way counts once");
        assert!(!health.may_ask() && !is_older());
        assert_eq!((health.failed(Instant::now()), is_older()), (None, true), "it rested before");
        health.reads.half_open();
        assert!(health.may_ask() && is_older(), "this one tries");
        assert!(!health.may_ask() && !is_older());
        health.has_another_role();
        assert!(is_older());
    }

    #[test]
    fn who_has_old_data_is_not_served_by_an_answer() {
        let health = health();
        health.set_stale(true);
        assert!(!health.is_stale(), "it has not failed");
        health.failed(Instant::now());
        assert!(health.is_stale() && !health.served(Instant::now()) && health.breaker() == BreakerState::Open);
        health.has_another_role();
        assert!(!health.is_stale() && health.served(Instant::now()) && health.breaker() == BreakerState::Closed);
    }

    #[test]
    fn who_says_nothing_is_asked_nothing() {
        let (long_ago, health) = (Instant::now().checked_sub(Duration::from_secs(60)).unwrap(), health());
        health.silence.unanswered(long_ago);
        assert!(health.breaker() == BreakerState::HalfOpen && health.may_ask());
        health.silence.take_turn(Duration::from_secs(60));
        assert!(health.breaker() == BreakerState::Open && !health.may_ask());
        health.silence.end();
        assert!(health.breaker() == BreakerState::Closed && health.may_ask());
    }
}
