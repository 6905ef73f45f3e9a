//! What tells a key that a call has set from one that somebody else has set.

use crate::random::random;
use crate::resp::ValueRef;
use std::time::{Duration, Instant};

/// The shortest time to live that marks a key, in milliseconds: 69 years. Of one that is left behind nobody comes to harm.
const LONG: u64 = 1 << 41;
/// By how much a mark may differ from what is expected: the clock of a server may be set.
const SLACK: Duration = Duration::from_secs(60);

/// What tells a key that this call has set from the same key with the same value that somebody else has set: a time to live
/// that nobody else would choose. Whoever sets the key anew takes it away.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) millis: u64,
    since: Instant,
}

impl Mark {
    /// Of a random length, up to 36,000 years.
    #[inline]
    pub(super) fn new() -> Mark {
        Mark { millis: LONG + (random() >> 14), since: Instant::now() }
    }

    /// Whether a time to live, as `PTTL` tells it, is what is left of this mark.
    #[inline]
    pub(super) fn is_on(self, left: ValueRef<'_>) -> bool {
        let ValueRef::Integer(left) = left else { return false };
        let expected = Duration::from_millis(self.millis).saturating_sub(self.since.elapsed());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        // It was put on some time after it was made.
        left + SLACK >= expected && left <= expected + SLACK + self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_by_what_is_left_of_it() {
        let mark = Mark::new();
        let left = |millis: u64| mark.is_on(ValueRef::Integer(i64::try_from(millis).unwrap()));
        assert!(left(mark.millis) && left(mark.millis - 50_000) && left(mark.millis + 50_000));
        assert!(!left(mark.millis - 70_000) && !left(mark.millis + 70_000) && !left(0));
        assert!(!mark.is_on(ValueRef::Integer(-1)) && !mark.is_on(ValueRef::Nil));
        assert!(mark.millis >= LONG && Mark::new().millis != mark.millis);
    }
}
