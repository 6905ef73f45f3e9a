//! Times as they go over the wire. All are rounded up, so that nothing ends earlier than the caller said.

use crate::command::Args;
use crate::error::{Error, Result};
use crate::to_arg::{ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// A length of time in whole seconds; the largest number, which servers refuse, for one that is longer. It has 64 bits, since
/// the code that writes longer ones is a kilobyte.
#[inline]
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// The same in whole milliseconds.
#[inline]
pub(super) fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000).saturating_add(u64::from(time.subsec_nanos().div_ceil(1_000_000)))
}

/// What is longer, and nobody waits to its end, is sent as a wait without end: servers refuse times that they cannot count,
/// in words such as "timeout is negative". A hundred years.
const LONGEST_WAIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How long to wait for data, in whole milliseconds; zero is for ever.
#[inline]
pub(super) fn wait_millis(time: Duration) -> u64 {
    if time > LONGEST_WAIT {
        return 0;
    }
    millis(time)
}

/// A moment in whole seconds since 1970.
#[inline]
pub(super) fn unix_seconds(time: SystemTime) -> i128 {
    since_1970(time, 1_000_000_000)
}

/// A moment in whole milliseconds since 1970.
#[inline]
pub(super) fn unix_millis(time: SystemTime) -> i128 {
    since_1970(time, 1_000_000)
}

/// A moment so long after the beginning of 1970.
#[inline]
pub(super) fn moment(since_1970: Duration) -> Result<SystemTime> {
    let time = SystemTime::UNIX_EPOCH.checked_add(since_1970);
    time.ok_or_else(|| Error::reply("a moment beyond what this system's clock can tell"))
}

#[inline]
fn since_1970(time: SystemTime, unit: i128) -> i128 {
    let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    };
    -(-nanos).div_euclid(unit)
}

/// When a value that is being written or read expires, as `SET` and `GETEX` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expire {
    In(Duration),
    At(SystemTime),
    /// What this word means: `KEEPTTL`, `PERSIST`.
    Word(&'static str),
}

impl ToArgs for Expire {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match self {
            Expire::In(time) => {
                "PX".write_arg(args);
                millis(*time).write_arg(args);
            }
            Expire::At(time) => {
                "PXAT".write_arg(args);
                unix_millis(*time).write_arg(args);
            }
            Expire::Word(word) => word.write_arg(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_up() {
        let nano = Duration::from_nanos(1);
        assert_eq!((seconds(Duration::ZERO), millis(Duration::ZERO)), (0, 0));
        assert_eq!((seconds(nano), millis(nano)), (1, 1));
        let whole = Duration::from_secs(2);
        assert_eq!((seconds(whole), millis(whole)), (2, 2000));
        assert_eq!((seconds(whole + nano), millis(whole + nano)), (3, 2001));
        assert_eq!((seconds(Duration::MAX), millis(Duration::MAX)), (u64::MAX, u64::MAX));
    }

    #[test]
    fn moments_are_rounded_up_on_both_sides_of_1970() {
        let epoch = SystemTime::UNIX_EPOCH;
        let step = Duration::from_micros(1);
        assert_eq!((unix_seconds(epoch), unix_millis(epoch)), (0, 0));
        assert_eq!((unix_seconds(epoch + step), unix_millis(epoch + step)), (1, 1));
        assert_eq!((unix_seconds(epoch - step), unix_millis(epoch - step)), (0, 0));
        let minute = Duration::from_secs(60);
        assert_eq!((unix_seconds(epoch - minute), unix_millis(epoch + minute)), (-60, 60_000));
    }
}
