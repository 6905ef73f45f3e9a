//! What `BITFIELD` is told.

use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs};

/// An integer of some width at some place inside a value.
///
/// ```
/// use rediscluster::BitField;
///
/// let flags = BitField::unsigned(4).at(8);     // bits 8 to 11
/// let third = BitField::signed(16).nth(2);     // bits 32 to 47
/// assert_ne!(flags, third);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BitField {
    signed: bool,
    width: u8,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Bit(u64),
    Nth(u64),
}

impl BitField {
    /// A signed integer of 1 to 64 bits, at bit 0.
    #[inline]
    pub fn signed(width: u8) -> BitField {
        BitField { signed: true, width, place: Place::Bit(0) }
    }

    /// An unsigned integer of 1 to 63 bits, at bit 0.
    #[inline]
    pub fn unsigned(width: u8) -> BitField {
        BitField { signed: false, width, place: Place::Bit(0) }
    }

    /// Begins at this bit.
    #[inline]
    pub fn at(mut self, bit: u64) -> BitField {
        self.place = Place::Bit(bit);
        self
    }

    /// Is this one, counted from 0, of integers of its width that lie side by side: `#` to Redis.
    #[inline]
    pub fn nth(mut self, index: u64) -> BitField {
        self.place = Place::Nth(index);
        self
    }
}

impl ToArgs for BitField {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        format!("{}{}", if self.signed { 'i' } else { 'u' }, self.width).write_arg(args);
        match self.place {
            Place::Bit(bit) => bit.write_arg(args),
            Place::Nth(index) => format!("#{index}").write_arg(args),
        }
    }
}

/// What becomes of a number that does not fit its [`BitField`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It wraps around; what happens when nothing is said.
    Wrap,
    /// It becomes the least or the greatest that fits: `SAT`.
    Saturate,
    /// The operation is not done and gives nil.
    Fail,
}

/// The operations of [`bitfield`](crate::BitmapCommands::bitfield), in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BitFieldOps(Vec<Operation>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Get(BitField),
    Set(BitField, i64),
    IncrBy(BitField, i64),
    Overflow(Overflow),
}

impl BitFieldOps {
    /// No operations.
    #[inline]
    pub fn new() -> BitFieldOps {
        BitFieldOps::default()
    }

    /// Reads a field.
    #[inline]
    pub fn get(self, field: BitField) -> BitFieldOps {
        self.with(Operation::Get(field))
    }

    /// Writes a field and reads what it was before.
    #[inline]
    pub fn set(self, field: BitField, value: i64) -> BitFieldOps {
        self.with(Operation::Set(field, value))
    }

    /// Adds to a field and reads the sum.
    #[inline]
    pub fn incrby(self, field: BitField, amount: i64) -> BitFieldOps {
        self.with(Operation::IncrBy(field, amount))
    }

    /// Says what the operations that follow do with a number that does not fit.
    #[inline]
    pub fn overflow(self, overflow: Overflow) -> BitFieldOps {
        self.with(Operation::Overflow(overflow))
    }

    #[inline]
    fn with(mut self, operation: Operation) -> BitFieldOps {
        self.0.push(operation);
        self
    }
}

impl ToArgs for BitFieldOps {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        for operation in &self.0 {
            let (word, field, number) = match operation {
                Operation::Get(field) => ("GET", field, None),
                Operation::Set(field, value) => ("SET", field, Some(value)),
                Operation::IncrBy(field, amount) => ("INCRBY", field, Some(amount)),
                Operation::Overflow(overflow) => {
                    "OVERFLOW".write_arg(args);
                    match overflow {
                        Overflow::Wrap => "WRAP".write_arg(args),
                        Overflow::Saturate => "SAT".write_arg(args),
                        Overflow::Fail => "FAIL".write_arg(args),
                    }
                    continue;
                }
            };
            word.write_arg(args);
            field.write_args(args);
            if let Some(number) = number {
                number.write_arg(args);
            }
        }
    }
}
