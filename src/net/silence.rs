//! Whether a server has fallen silent: then calls to it fail at once, and one now and then tries whether it speaks again.

use super::breaker::{Breaker, BreakerState};
use crate::error::{Error, ErrorKind, Outcome};
use crate::observer::{ObserverEvent, Observing};
use crate::threads::lock;
use crate::topology::Node;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server that a call waited for at least so long, while nothing came from it on any connection, is taken for silent.
///
/// A little less than a second, so that calls with a deadline of one second find it out, and more than servers commonly
/// need for one slow command. Calls with shorter deadlines say nothing: that they were not answered may be their own fault.
const SILENT: Duration = Duration::from_millis(900);
/// How long a silent server is left alone after it was tried in vain; twice as long after each further time.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Short, so that a server that is back is used again soon: to try it costs one call its time, and nobody else's.
const LONGEST_REST: Duration = Duration::from_secs(4);

/// What is heard of one server, over all its connections.
#[derive(Debug)]
pub(crate) struct Silence {
    node: Mutex<Arc<Node>>,
    observer: Observing,
    made: Instant,
    /// When something last came from it, and since when it has been waited for in vain, in milliseconds from `made` on.
    heard: AtomicU64,
    since: AtomicU64,
    breaker: Breaker,
}

impl Silence {
    pub(super) fn of(node: Arc<Node>, observer: Observing) -> Silence {
        Silence {
            node: Mutex::new(node),
            observer,
            made: Instant::now(),
            heard: AtomicU64::new(0),
            since: AtomicU64::new(0),
            breaker: Breaker::new(FIRST_REST, LONGEST_REST),
        }
    }

    fn node(&self) -> Arc<Node> {
        Arc::clone(&lock(&self.node))
    }

    /// The server has this name from now on.
    pub(super) fn rename(&self, node: &Arc<Node>) {
        *lock(&self.node) = Arc::clone(node);
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.made).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether it is taken for silent.
    pub(crate) fn is_on(&self) -> bool {
        self.breaker.is_open()
    }

    pub(super) fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Whether a call may ask the server; where it is due, this one is the one that tries, for no longer than that.
    pub(super) fn take_turn(&self, may_take: Duration) -> BreakerState {
        self.breaker.take_turn(may_take)
    }

    /// Something came from it.
    pub(super) fn heard(&self, now: Instant) {
        let now = self.millis(now);
        // Many threads come here, and writing what they all read is dear.
        if self.heard.load(Ordering::Relaxed) != now {
            self.heard.store(now, Ordering::Relaxed);
        }
        if self.is_on() {
            self.end();
        }
    }

    /// It has answered somebody elsewhere who began to ask at this moment.
    pub(crate) fn answered(&self, began: Instant) {
        if self.breaker.served(began) {
            let node = &*self.node();
            self.observer.on(|| ObserverEvent::ServerHeard { node });
        }
    }

    /// It lives, or at least its host does.
    pub(super) fn end(&self) {
        if self.breaker.close() {
            let node = &*self.node();
            self.observer.on(|| ObserverEvent::ServerHeard { node });
        }
    }

    /// A call gave up that had waited for an answer since this moment.
    pub(super) fn unanswered(&self, since: Instant) {
        let silent = since.elapsed();
        let since = self.millis(since);
        if silent < SILENT || self.heard.load(Ordering::Relaxed) > since || self.is_on() {
            return;
        }
        self.since.store(since, Ordering::Relaxed);
        if self.breaker.open() {
            let node = &*self.node();
            self.observer.on(|| ObserverEvent::ServerSilent { node, silent });
        }
    }

    /// It said nothing either to the one that tried it from this moment on, who would have waited for `patience` or longer
    /// if its own deadline had allowed.
    pub(super) fn goes_on(&self, tried: Instant, patience: Duration) {
        if tried.elapsed() < patience.min(SILENT) {
            self.breaker.half_open();
        } else {
            self.breaker.failed(tried);
        }
    }

    /// What a call gets that does not ask it.
    pub(super) fn error(&self) -> Error {
        let silent = self.millis(Instant::now()).saturating_sub(self.since.load(Ordering::Relaxed));
        let tenths = |time: Duration| format!("{}.{}", time.as_secs(), time.subsec_millis() / 100);
        let (silent, left) = (tenths(Duration::from_millis(silent)), tenths(self.breaker.left()));
        let message = format!("the server has said nothing for {silent} s; it is asked again in {left} s");
        Error::new(ErrorKind::Connect, Outcome::NotApplied, message).at(&*self.node())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Address;

    const MADE: Duration = Duration::from_secs(100);

    /// What was made a while ago.
    fn silence() -> Silence {
        let node = Node::new("node_1", Address::new("h", 1).unwrap());
        let made = Instant::now().checked_sub(MADE).expect("the machine runs for longer than that");
        Silence { made, ..Silence::of(Arc::new(node), Observing::default()) }
    }

    #[test]
    fn when_a_server_is_taken_for_silent() {
        let ago = |millis| Instant::now().checked_sub(Duration::from_millis(millis)).unwrap();
        // When it was last heard, how long a call has waited in vain, both in milliseconds until now.
        for (heard, waited, expected) in [
            (None, 800, false),
            (None, 950, true),
            (None, 5_000, true),
            // It answers somebody else meanwhile.
            (Some(10), 5_000, false),
            (Some(4_000), 5_000, false),
            (Some(6_000), 5_000, true),
        ] {
            let silence = silence();
            heard.into_iter().for_each(|heard| silence.heard(ago(heard)));
            silence.unanswered(ago(waited));
            assert_eq!(silence.is_on(), expected, "heard {heard:?} ago, waited {waited}");
            silence.heard(Instant::now());
            assert!(!silence.is_on(), "it speaks again");
        }
    }

    #[test]
    fn the_silence_began_with_the_first_call_in_vain() {
        let silence = silence();
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        silence.unanswered(ago(20));
        silence.unanswered(ago(5));
        let told = silence.error().to_string();
        assert!(told.contains("nothing for 20."), "{told}");
    }

    #[test]
    fn whether_a_try_in_vain_was_long_enough_to_tell() {
        let long = Duration::from_secs(60);
        // Who gave up before its time has proved nothing, and the next call may try.
        for (patience, expected) in [(long, BreakerState::HalfOpen), (Duration::ZERO, BreakerState::Open)] {
            let silence = silence();
            silence.unanswered(silence.made);
            assert_eq!((silence.take_turn(long), silence.breaker()), (BreakerState::HalfOpen, BreakerState::Open));
            silence.goes_on(Instant::now(), patience);
            assert_eq!(silence.breaker(), expected, "{patience:?}");
            assert!(silence.breaker.left() <= FIRST_REST);
        }
    }

    #[test]
    fn an_answer_elsewhere_from_before_the_silence_says_nothing() {
        let silence = silence();
        let before = Instant::now();
        silence.unanswered(silence.made);
        silence.answered(before);
        assert!(silence.is_on());
        silence.answered(Instant::now());
        assert!(!silence.is_on());
    }
}
