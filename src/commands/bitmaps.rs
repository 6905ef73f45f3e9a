//! Bits within strings.

mod fields;
mod options;

pub use fields::{BitField, BitFieldOps, Overflow};
pub use options::{BitOp, BitRange};

use crate::cmd::{Cmd, Execute};
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on the bits of strings.
///
/// Bit 0 is the highest bit of the first byte. A key that does not exist counts as the empty string, and bits beyond
/// the end of a string count as clear. A key of another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait BitmapCommands: Execute {
    /// Counts the bits that are set; 0 when there is no such key.
    ///
    /// `BITCOUNT`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("mask", b"\x0f\xff")?;
    /// assert_eq!(cluster.bitcount("mask")?, 12);
    /// # Ok(()) });
    /// ```
    fn bitcount<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::BITCOUNT).arg(key))
    }

    /// Counts the bits that are set in a part of a value; 0 when there is no such key.
    ///
    /// `BITCOUNT` with a range, since Redis 2.6.0; a range of bits since Redis 7.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::BitRange;
    ///
    /// cluster.set("mask", b"\x0f\xff\x01")?;
    /// assert_eq!(cluster.bitcount_in("mask", BitRange::bytes(1, 1))?, 8);
    /// assert_eq!(cluster.bitcount_in("mask", BitRange::from_byte(-2))?, 9);
    /// # Ok(()) });
    /// ```
    fn bitcount_in<K: ToArg>(self, key: K, range: BitRange) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::BITCOUNT).arg(key).args_of(range.closed()))
    }

    /// Reads, writes and adds to integers of any width inside a value, all in one atomic step, and gives one result
    /// for each operation: what was read, what a write replaced, what an addition gave. `None` stands for an addition
    /// or a write that [`Overflow::Fail`] held back. The value grows as far as a write needs; a missing key counts as
    /// zeros.
    ///
    /// `BITFIELD`, since Redis 3.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, a
    /// [`Server`](crate::ErrorKind::Server) error for a width or a position that cannot be, and
    /// [what every call may meet](crate#errors). Then no operation was done.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{BitField, BitFieldOps, Overflow};
    ///
    /// let (level, gold) = (BitField::unsigned(8).at(0), BitField::unsigned(32).at(8));
    /// let play = BitFieldOps::new().set(level, 3).overflow(Overflow::Saturate).incrby(gold, -50).get(level);
    /// assert_eq!(cluster.bitfield("player", play)?, [Some(0), Some(0), Some(3)]);
    /// # Ok(()) });
    /// ```
    fn bitfield<K: ToArg>(self, key: K, operations: BitFieldOps) -> Self::Output<Vec<Option<i64>>> {
        self.execute(Cmd::new(&table::BITFIELD).arg(key).args_of(operations))
    }

    /// Reads integers of any width inside a value; zeros when there is no such key.
    ///
    /// `BITFIELD_RO`, since Redis 6.0.0. It only reads, so a replica may serve it.
    ///
    /// # Errors
    /// Those of [`bitfield`](BitmapCommands::bitfield).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::BitField;
    ///
    /// cluster.set("pixel", b"\x0a\xff")?;
    /// let fields = [BitField::unsigned(8).at(0), BitField::signed(8).nth(1)];
    /// assert_eq!(cluster.bitfield_ro("pixel", fields)?, [10, -1]);
    /// # Ok(()) });
    /// ```
    fn bitfield_ro<K: ToArg, F: AsRef<[BitField]>>(self, key: K, fields: F) -> Self::Output<Vec<i64>> {
        let reads = fields.as_ref().iter().fold(BitFieldOps::new(), |reads, field| reads.get(*field));
        self.execute(Cmd::new(&table::BITFIELD_RO).arg(key).args_of(reads))
    }

    /// Combines the bits of several strings into a destination, whatever that held, and gives its length in bytes. A
    /// shorter string counts as filled up with zero bytes; when all are missing or empty, the destination is deleted.
    ///
    /// `BITOP`, since Redis 2.6.0. Across nodes: the keys of the other nodes are carried over, and one transaction
    /// runs it on copies.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a source is no string, a
    /// [`Server`](crate::ErrorKind::Server) error for a number of sources that the operation does not take, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::BitOp;
    ///
    /// cluster.mset([("mon{week}", b"\x0f"), ("tue{week}", b"\x3c")])?;
    /// assert_eq!(cluster.bitop(BitOp::And, "both{week}", ["mon{week}", "tue{week}"])?, 1);
    /// assert_eq!(cluster.bitcount("both{week}")?, 2);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "bit_and")]
    #[doc(alias = "bit_or")]
    #[doc(alias = "bit_xor")]
    #[doc(alias = "bit_not")]
    fn bitop<D: ToArg, K: ToArgs>(self, operation: BitOp, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::BITOP).arg(operation).arg(destination).args_of(keys))
    }

    /// Gives the position of the first bit that is set (`true`) or clear (`false`), or −1 when there is none.
    ///
    /// Of a value that is all ones, the first clear bit is the one behind its end; of a missing key, the first clear
    /// bit is bit 0.
    ///
    /// `BITPOS`, since Redis 2.8.7.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("mask", b"\x0f\x00")?;
    /// assert_eq!(cluster.bitpos("mask", true)?, 4);
    /// assert_eq!(cluster.bitpos("missing", true)?, -1);
    /// # Ok(()) });
    /// ```
    fn bitpos<K: ToArg>(self, key: K, bit: bool) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::BITPOS).arg(key).arg(bit))
    }

    /// Gives the position of the first bit that is set or clear in a part of a value, counted from the start of the
    /// whole value, or −1 when there is none. A range with an end has no bits behind it: of all ones, no bit is clear.
    ///
    /// `BITPOS` with a range, since Redis 2.8.7; a range of bits since Redis 7.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::BitRange;
    ///
    /// cluster.set("mask", b"\x00\xff\xff")?;
    /// assert_eq!(cluster.bitpos_in("mask", true, BitRange::bytes(2, -1))?, 16);
    /// assert_eq!(cluster.bitpos_in("mask", false, BitRange::bytes(1, -1))?, -1);
    /// assert_eq!(cluster.bitpos_in("mask", false, BitRange::from_byte(1))?, 24);
    /// # Ok(()) });
    /// ```
    fn bitpos_in<K: ToArg>(self, key: K, bit: bool, range: BitRange) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::BITPOS).arg(key).arg(bit).args_of(range))
    }

    /// Gives one bit; `false` when it lies beyond the value or there is no such key.
    ///
    /// `GETBIT`, since Redis 2.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, a
    /// [`Server`](crate::ErrorKind::Server) error for a position beyond the longest string (2³² bits if the server was
    /// not told otherwise), and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("mask", b"\x40")?;
    /// assert!(cluster.getbit("mask", 1)?);
    /// assert!(!cluster.getbit("mask", 1_000)?);
    /// # Ok(()) });
    /// ```
    fn getbit<K: ToArg>(self, key: K, offset: u64) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::GETBIT).arg(key).arg(offset))
    }

    /// Sets or clears one bit and gives what it was before. The value grows as far as needed, filled with zeros; a
    /// missing key is created.
    ///
    /// `SETBIT`, since Redis 2.2.0. The first bit far out makes the server allocate everything before it.
    ///
    /// # Errors
    /// Those of [`getbit`](BitmapCommands::getbit).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(!cluster.setbit("seen", 4711, true)?);
    /// assert!(cluster.setbit("seen", 4711, true)?);
    /// # Ok(()) });
    /// ```
    fn setbit<K: ToArg>(self, key: K, offset: u64, bit: bool) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::SETBIT).arg(key).arg(offset).arg(bit))
    }
}

impl<E: Execute> BitmapCommands for E {}
