//! The ids of entries, and ranges of them.

use crate::command::Args;
use crate::error::{escape, Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::{ToArg, ToArgs};
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

/// The id of an entry of a stream: mostly the time at which it was added, and a number that tells entries of the same
/// millisecond apart.
///
/// The order of ids is the order of the entries. The text of an id is `millis-seq`; one without the second half is read
/// as if that was 0.
///
/// ```
/// use rediscluster::{Error, StreamId};
///
/// let id: StreamId = "1700000000000-3".parse()?;
/// assert_eq!(id, StreamId::new(1_700_000_000_000, 3));
/// assert!(id > "1700000000000".parse()?);
/// assert_eq!(id.to_string(), "1700000000000-3");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since 1970 by the server's clock, unless somebody chose the id.
    pub millis: u64,
    /// The number among the entries of this millisecond.
    pub seq: u64,
}

impl StreamId {
    /// Before every entry: `0-0`, which no entry can have.
    pub const MIN: StreamId = StreamId { millis: 0, seq: 0 };
    /// The highest id that there can be.
    pub const MAX: StreamId = StreamId { millis: u64::MAX, seq: u64::MAX };

    /// An id of its two halves.
    #[inline]
    pub const fn new(millis: u64, seq: u64) -> StreamId {
        StreamId { millis, seq }
    }
}

impl fmt::Display for StreamId {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.seq)
    }
}

#[inline]
fn parse(text: &str) -> Option<StreamId> {
    let (millis, seq) = text.split_once('-').unwrap_or((text, "0"));
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    Some(StreamId { millis: number(millis)?, seq: number(seq)? })
}

impl FromStr for StreamId {
    type Err = Error;

    /// Reads an id as it is displayed.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) for any other text.
    #[inline]
    fn from_str(text: &str) -> Result<StreamId> {
        parse(text).ok_or_else(|| {
            Error::argument(format!("the id of a stream entry is two numbers such as 5-0, not {}", {
                escape(text.as_bytes(), 64)
            }))
        })
    }
}

impl ToArg for StreamId {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        self.to_string().write_arg(args);
    }
}

impl ToArgs for StreamId {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.write_arg(args);
    }
}

impl FromValue for StreamId {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<StreamId> {
        let text = String::from_value(value)?;
        parse(&text).ok_or_else(|| Error::reply(format!("expected the id of a stream entry, got {value:?}")))
    }
}

/// The two ends of a range of ids, as arguments.
pub(super) struct Ends {
    low: (Bound<StreamId>, &'static str),
    high: (Bound<StreamId>, &'static str),
    highest_first: bool,
}

impl Ends {
    /// The lowest id first.
    #[inline]
    pub(super) fn of(range: &impl RangeBounds<StreamId>) -> Ends {
        Ends { low: (range.start_bound().cloned(), "-"), high: (range.end_bound().cloned(), "+"), highest_first: false }
    }

    /// The highest id first, as the reversed command wants them.
    #[inline]
    pub(super) fn reversed(range: &impl RangeBounds<StreamId>) -> Ends {
        Ends { highest_first: true, ..Ends::of(range) }
    }
}

impl ToArgs for Ends {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let ends = if self.highest_first { [self.high, self.low] } else { [self.low, self.high] };
        for (end, open) in ends {
            match end {
                Bound::Included(id) => id.write_arg(args),
                Bound::Excluded(id) => format!("({id}").write_arg(args),
                Bound::Unbounded => open.write_arg(args),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_ids() {
        for (text, id) in [
            ("0-0", StreamId::MIN),
            ("5", StreamId::new(5, 0)),
            ("18446744073709551615-18446744073709551615", StreamId::MAX),
        ] {
            assert_eq!(parse(text), Some(id));
        }
        for text in ["", "-", "5-", "-5", "+5-1", "5-+1", "5-1-2", " 5-1", "18446744073709551616-0", "*", "$"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let error = StreamId::from_str("x\n").unwrap_err();
        assert!(error.to_string().contains(r"such as 5-0, not x\n"), "{error}");
    }
}
