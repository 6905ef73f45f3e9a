//! What two strings have in common.

use crate::cmd::{Cmd, Execute};
use crate::command::Args;
use crate::commands::fields::Fields;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::ops::Range;

/// `LCS`: the longest sequence of bytes that two strings have in common, in order but not necessarily side by side.
///
/// A missing key is an empty string. The time that the server needs is the product of both lengths.
pub trait LcsCommands: Execute {
    /// Gives the longest common sequence itself; empty when there is none.
    ///
    /// `LCS`, since Redis 7.0.0. Across nodes: one key is carried over, and one transaction runs it on the copy.
    ///
    /// # Errors
    /// [`CrossNode`](crate::ErrorKind::CrossNode) when the keys live on two nodes, a
    /// [`Server`](crate::ErrorKind::Server) error when a key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("a{texts}", "a red house"), ("b{texts}", "the reed mouse")])?;
    /// let common: String = cluster.lcs("a{texts}", "b{texts}")?;
    /// assert_eq!(common, " red ouse");
    /// # Ok(()) });
    /// ```
    fn lcs<A: ToArg, B: ToArg, V: FromValue>(self, first: A, second: B) -> Self::Output<V> {
        self.execute(Cmd::new(&table::LCS).arg(first).arg(second))
    }

    /// Gives where in both strings the pieces of the longest common sequence lie, the last piece first.
    ///
    /// `LCS … IDX`, since Redis 7.0.0. Across nodes: as [`lcs`](LcsCommands::lcs).
    ///
    /// # Errors
    /// As [`lcs`](LcsCommands::lcs).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::LcsOptions;
    ///
    /// let (first, second) = ("a red house", "the reed mouse");
    /// cluster.mset([("a{texts}", first), ("b{texts}", second)])?;
    /// let common = cluster.lcs_idx("a{texts}", "b{texts}", LcsOptions::new().min_length(4))?;
    /// let piece = &common.matches[0];
    /// assert_eq!((&first[piece.first.clone()], &second[piece.second.clone()]), ("ouse", "ouse"));
    /// assert_eq!((common.matches.len(), common.length), (1, 9));
    /// # Ok(()) });
    /// ```
    fn lcs_idx<A: ToArg, B: ToArg>(self, first: A, second: B, options: LcsOptions) -> Self::Output<LcsMatches> {
        self.execute(Cmd::new(&table::LCS).arg(first).arg(second).arg("IDX").args_of(options))
    }

    /// Gives the length of the longest common sequence in bytes.
    ///
    /// `LCS … LEN`, since Redis 7.0.0. Across nodes: as [`lcs`](LcsCommands::lcs).
    ///
    /// # Errors
    /// As [`lcs`](LcsCommands::lcs).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("a{texts}", "a red house"), ("b{texts}", "the reed mouse")])?;
    /// assert_eq!(cluster.lcs_len("a{texts}", "b{texts}")?, 9);
    /// # Ok(()) });
    /// ```
    fn lcs_len<A: ToArg, B: ToArg>(self, first: A, second: B) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LCS).arg(first).arg(second).arg("LEN"))
    }
}

impl<E: Execute> LcsCommands for E {}

/// The options of [`lcs_idx`](LcsCommands::lcs_idx).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LcsOptions {
    min_length: Option<u64>,
}

impl LcsOptions {
    /// No options.
    #[inline]
    pub fn new() -> LcsOptions {
        LcsOptions::default()
    }

    /// Leaves out pieces that are shorter than this: `MINMATCHLEN`.
    #[inline]
    pub fn min_length(mut self, bytes: u64) -> LcsOptions {
        self.min_length = Some(bytes);
        self
    }
}

impl ToArgs for LcsOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(bytes) = self.min_length {
            "MINMATCHLEN".write_arg(args);
            bytes.write_arg(args);
        }
    }
}

/// What [`lcs_idx`](LcsCommands::lcs_idx) found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LcsMatches {
    /// The pieces, the last one first.
    pub matches: Vec<LcsMatch>,
    /// The length of the whole sequence in bytes, with the pieces that were left out.
    pub length: u64,
}

/// Bytes that follow one another in both strings; as many in the one as in the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LcsMatch {
    /// Where they are in the first string.
    pub first: Range<usize>,
    /// Where they are in the second string.
    pub second: Range<usize>,
}

impl FromValue for LcsMatch {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<LcsMatch> {
        let [first, second] = <[[usize; 2]; 2]>::from_value(value)?;
        let range = |[start, last]: [usize; 2]| start..last.saturating_add(1);
        Ok(LcsMatch { first: range(first), second: range(second) })
    }
}

impl FromValue for LcsMatches {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<LcsMatches> {
        let fields = Fields::of(value)?;
        Ok(LcsMatches { matches: fields.get("matches")?, length: fields.get("len")? })
    }
}
