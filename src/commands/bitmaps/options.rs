//! What `BITCOUNT`, `BITPOS` and `BITOP` are told.

use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs};

/// A part of a value, its ends counted in; negative positions count from the end, −1 being the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitRange {
    start: i64,
    end: Option<i64>,
    bits: bool,
}

impl BitRange {
    /// From one byte to another.
    #[inline]
    pub fn bytes(start: i64, end: i64) -> BitRange {
        BitRange { start, end: Some(end), bits: false }
    }

    /// From one bit to another: `BIT`, since Redis 7.0.0.
    #[inline]
    pub fn bits(start: i64, end: i64) -> BitRange {
        BitRange { start, end: Some(end), bits: true }
    }

    /// From one byte on. When a clear bit is searched, those behind the end of the value count as well.
    #[inline]
    pub fn from_byte(start: i64) -> BitRange {
        BitRange { start, end: None, bits: false }
    }

    /// With an end in any case, for a command that needs one.
    #[inline]
    pub(super) fn closed(self) -> BitRange {
        BitRange { end: self.end.or(Some(-1)), ..self }
    }
}

impl ToArgs for BitRange {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.start.write_arg(args);
        if let Some(end) = self.end {
            end.write_arg(args);
        }
        if self.bits {
            "BIT".write_arg(args);
        }
    }
}

/// How [`bitop`](crate::BitmapCommands::bitop) combines bits.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BitOp {
    /// Set in every source.
    And,
    /// Set in any source.
    Or,
    /// Set in an odd number of sources.
    Xor,
    /// Clear in the one source.
    Not,
    /// Set in the first source and in no other: `DIFF`, since Redis 8.2.0.
    Diff,
    /// Clear in the first source and set in any other: `DIFF1`, since Redis 8.2.0.
    Diff1,
    /// Set in the first source and in any other: `ANDOR`, since Redis 8.2.0.
    AndOr,
    /// Set in exactly one source: `ONE`, since Redis 8.2.0.
    One,
}

impl ToArg for BitOp {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            BitOp::And => "AND",
            BitOp::Or => "OR",
            BitOp::Xor => "XOR",
            BitOp::Not => "NOT",
            BitOp::Diff => "DIFF",
            BitOp::Diff1 => "DIFF1",
            BitOp::AndOr => "ANDOR",
            BitOp::One => "ONE",
        };
        word.write_arg(args);
    }
}
