//! When calls give up, and how much time they have left.

use crate::command::Wait;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// When a call gives up: so long after it began, and never for a command that may wait for ever.
///
/// Those two are kept and not that moment, because to add them up takes longer than nearly all that a deadline is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// `None` only where it has no end.
    began: Option<Instant>,
    time: Time,
    /// How long its command may wait for data: for that time it is right that the server says nothing.
    wait: Time,
}

impl Deadline {
    /// This long from now; never when that is beyond what the clock can tell.
    #[inline(never)]
    pub(crate) fn after(duration: Duration) -> Deadline {
        Deadline { began: Some(Instant::now()), time: Time::of(duration), wait: Time::OVER }
    }

    /// No end.
    pub(crate) fn never() -> Deadline {
        Deadline { began: None, time: Time::NO_END, wait: Time::OVER }
    }

    /// This long from now, and what the command itself may wait on top.
    pub(crate) fn of(duration: Duration, wait: Wait) -> Deadline {
        let wait = match wait {
            Wait::None => Time::OVER,
            Wait::AtMost(wait) => Time::of(wait),
            Wait::Forever => return Deadline::never(),
        };
        let time = Time(Time::of(duration).0.saturating_add(wait.0));
        Deadline { began: Some(Instant::now()), time, wait }
    }

    /// The earlier of this and a time from now.
    pub(crate) fn within(self, duration: Duration) -> Deadline {
        let now = Instant::now();
        Deadline { began: Some(now), time: Time::of(duration).min(self.time_at(now)), ..self }
    }

    /// The later of the two.
    pub(crate) fn or_later(self, other: Deadline) -> Deadline {
        let (Some(one), Some(two)) = (self.began, other.began) else {
            return if self.began.is_none() { self } else { other };
        };
        // What is left of the one when the other began, or the other way round.
        let is_before = if one < two { self.time_at(two) < other.time } else { self.time < other.time_at(one) };
        if is_before {
            other
        } else {
            self
        }
    }

    /// The same for what may wait so long for data.
    pub(crate) fn waiting(self, wait: Wait) -> Deadline {
        let wait = match wait {
            Wait::AtMost(wait) => Time::of(wait),
            Wait::None | Wait::Forever => Time::OVER,
        };
        Deadline { wait, ..self }
    }

    /// The moment in which it began, where it leaves time enough that a moment more or less does not matter.
    #[inline]
    pub(super) fn began(self) -> Option<Instant> {
        self.began.filter(|_| self.time >= Time::SHORT)
    }

    /// From when on the answer to what was asked at this moment is late.
    pub(super) fn awaited_from(self, asked: Instant) -> Instant {
        self.wait.after(asked).unwrap_or(asked)
    }

    /// Whether its command could still be run, and wait for data as long as it may.
    pub(crate) fn has_time(self) -> bool {
        let time = self.time();
        time == Time::NO_END || time > self.wait
    }

    /// What is left, never zero; `None` when there is no end.
    pub(crate) fn left(self) -> Result<Option<Duration>, TimeIsOver> {
        self.time().checked()
    }

    /// The time that is left.
    pub(super) fn time(self) -> Time {
        match self.time {
            Time::NO_END => Time::NO_END,
            _ => self.time_at(Instant::now()),
        }
    }

    /// The time that is left at this moment.
    pub(super) fn time_at(self, now: Instant) -> Time {
        match (self.time, self.began) {
            (Time::NO_END, _) | (_, None) => Time::NO_END,
            (Time(nanos), Some(began)) => Time(nanos.saturating_sub(Time::of(now.saturating_duration_since(began)).0)),
        }
    }

    /// Whether so much of it is left at this moment; never where it has no end.
    #[inline]
    pub(super) fn leaves(self, least: Time, now: Instant) -> bool {
        let (Some(began), Some(spare)) = (self.began, self.time.0.checked_sub(least.0)) else { return false };
        // Most calls ask this of the moment in which they began.
        self.time != Time::NO_END && (began == now || Time(spare).after(began).is_some_and(|last| now <= last))
    }
}

/// How long something may still take, in nanoseconds: one word, because each call looks at it several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) u64);

impl Time {
    pub(super) const OVER: Time = Time(0);
    pub(super) const NO_END: Time = Time(u64::MAX);
    /// With less than this it counts when a timeout ends a little too soon, and when the clock was read a moment ago.
    pub(super) const SHORT: Time = Time(10_000_000);

    pub(super) fn of(time: Duration) -> Time {
        Time(time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos())))
    }

    /// So long after this moment.
    fn after(self, moment: Instant) -> Option<Instant> {
        moment.checked_add(Duration::from_nanos(self.0))
    }

    pub(super) fn timeout(self) -> Option<Duration> {
        (self != Time::NO_END).then(|| Duration::from_nanos(self.0))
    }

    fn checked(self) -> Result<Option<Duration>, TimeIsOver> {
        match self {
            Time::OVER => Err(TimeIsOver),
            time => Ok(time.timeout()),
        }
    }
}

/// There is no time left. An `io::Error` is made of it where one is wanted: that is dropped in many words, and this in none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeIsOver;

impl From<TimeIsOver> for io::Error {
    fn from(_: TimeIsOver) -> io::Error {
        ErrorKind::TimedOut.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_a_word() {
        let now = Instant::now();
        let deadline = Deadline { began: Some(now), ..Deadline::after(Duration::from_secs(2)) };
        assert_eq!(deadline.time_at(now), Time(2_000_000_000));
        let over = now.checked_add(Duration::from_secs(2)).unwrap();
        assert_eq!((deadline.time_at(over), Time::OVER.checked().is_err()), (Time::OVER, true));
        assert_eq!(Deadline::never().time_at(over).checked().unwrap(), None);
        assert_eq!(Time::of(Duration::MAX), Time::NO_END);
    }

    #[test]
    fn what_has_little_time_looks_at_the_clock() {
        for (time, is_known) in
            [(Duration::from_nanos(1), false), (Duration::from_millis(9), false), (Duration::from_secs(5), true)]
        {
            assert_eq!(Deadline::after(time).began().is_some(), is_known, "{time:?}");
        }
        assert!(Deadline::after(Duration::MAX).began().is_some() && Deadline::never().began().is_none());
    }

    #[test]
    fn deadlines_are_compared_whenever_they_began() {
        let now = Instant::now();
        let after = |seconds| now.checked_add(Duration::from_secs(seconds)).unwrap();
        let until =
            |began, end| Deadline { began: Some(after(began)), ..Deadline::after(Duration::from_secs(end - began)) };
        let (never, endless) = (Deadline::never(), Deadline::after(Duration::MAX));
        for (one, other, is_other) in [
            (until(0, 5), until(0, 6), true),
            (until(0, 6), until(0, 5), false),
            (until(0, 5), until(1, 6), true),
            (until(0, 7), until(1, 6), false),
            (until(1, 6), until(0, 7), true),
            (until(1, 6), until(0, 5), false),
            // The one is over before the other begins.
            (until(0, 1), until(2, 3), true),
            (until(2, 3), until(0, 1), false),
            (until(0, 5), never, true),
            (never, until(0, 5), false),
            (until(0, 5), endless, true),
            (endless, until(0, 5), false),
        ] {
            let later = one.or_later(other);
            let is = if is_other { other } else { one };
            assert_eq!((later.began, later.time), (is.began, is.time), "{one:?} {other:?}");
        }
        let second = Time(1_000_000_000);
        for (deadline, at, leaves) in [
            (until(0, 5), 0, true),
            (until(0, 5), 4, true),
            (until(0, 5), 5, false),
            (until(1, 5), 0, true),
            (until(0, 1), 0, true),
            (until(4, 4), 4, false),
            (never, 0, false),
            (endless, 0, false),
        ] {
            assert_eq!(deadline.leaves(second, after(at)), leaves, "{deadline:?} {at}");
        }
        assert!(!until(0, 5).leaves(Time::NO_END, now) && !endless.leaves(Time::NO_END, now));
        let within = |deadline: Deadline| deadline.within(Duration::from_secs(60)).time;
        assert_eq!((within(never), within(until(0, 3_000))), (Time(60_000_000_000), Time(60_000_000_000)));
        assert!(within(Deadline::after(Duration::from_secs(5))) <= Time(5_000_000_000));
        assert!(Deadline::of(Duration::from_secs(5), Wait::AtMost(Duration::MAX)).has_time());
        let longest = Wait::AtMost(Duration::from_secs(5));
        assert!(Deadline::of(Duration::from_secs(5), longest).has_time() && never.waiting(longest).has_time());
        assert!(!Deadline::after(Duration::from_secs(4)).waiting(longest).has_time());
    }
}
