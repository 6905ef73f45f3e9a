//! The words that go with list commands.

use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs};

/// An end of a list: see [`lmove`](crate::ListCommands::lmove).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The head, where `LPUSH` and `LPOP` work.
    Left,
    /// The tail, where `RPUSH` and `RPOP` work.
    Right,
}

impl ToArg for Side {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            Side::Left => "LEFT",
            Side::Right => "RIGHT",
        };
        word.write_arg(args);
    }
}

/// The options of [`lpos_with`](crate::ListCommands::lpos_with) and
/// [`lpos_count`](crate::ListCommands::lpos_count).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LPosOptions {
    rank: Option<i64>,
    max_len: Option<u64>,
}

impl LPosOptions {
    /// No options: from the head, through the whole list.
    #[inline]
    pub fn new() -> LPosOptions {
        LPosOptions::default()
    }

    /// Begins with the match of this number, 1 being the first: `RANK`. A negative number counts matches from the
    /// tail, −1 being the last one, and the search then goes towards the head. 0 is an error.
    #[inline]
    pub fn rank(mut self, rank: i64) -> LPosOptions {
        self.rank = Some(rank);
        self
    }

    /// Looks at no more than this many elements: `MAXLEN`. 0 means all of them.
    #[inline]
    pub fn max_len(mut self, elements: u64) -> LPosOptions {
        self.max_len = Some(elements);
        self
    }
}

impl ToArgs for LPosOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(rank) = self.rank {
            "RANK".write_arg(args);
            rank.write_arg(args);
        }
        if let Some(elements) = self.max_len {
            "MAXLEN".write_arg(args);
            elements.write_arg(args);
        }
    }
}
