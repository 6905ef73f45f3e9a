//! Large hashes, sets and sorted sets page by page.

use super::{ScoredMember, TypeOf};
use crate::cmd::{Cmd, Execute};
use crate::command::Args;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands that go through a key page by page, so that no single call keeps the server busy for long.
///
/// The first call is given the cursor 0, each other one the cursor of the page before; the page with the cursor 0 is
/// the last one. A page may be empty and yet not be the last. What is in the key from the first call to the last one
/// is seen, possibly more than once; what comes or goes in between may be seen or not. Every call goes to the key's
/// master, never to a replica: a cursor means nothing to another server, nor to the same one after it was started
/// again. A missing key gives one empty page, which is the last.
///
/// [`Cluster::hscan_all`](crate::Cluster::hscan_all) and its like go through all pages by themselves, and
/// [`Cluster::scan_all`](crate::Cluster::scan_all) through the keys of all nodes.
pub trait ScanCommands: Execute {
    /// Gives a page of the fields of a hash with their values.
    ///
    /// `HSCAN`, since Redis 2.8.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScanOptions, ScanPage};
    ///
    /// cluster.hset("stock", [("tea", 4), ("milk", 2)])?;
    /// let mut cursor = 0;
    /// loop {
    ///     let page: ScanPage<(String, u32)> = cluster.hscan("stock", cursor, &ScanOptions::new())?;
    ///     for (name, count) in &page.items {
    ///         println!("{name}: {count}");
    ///     }
    ///     if page.is_last() {
    ///         break;
    ///     }
    ///     cursor = page.cursor;
    /// }
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hscan_match")]
    fn hscan<K: ToArg, F: FromValue, V: FromValue>(
        self,
        key: K,
        cursor: u64,
        options: &ScanOptions,
    ) -> Self::Output<ScanPage<(F, V)>> {
        self.execute(Cmd::new(&table::HSCAN).arg(key).arg(cursor).args_of(options))
    }

    /// Gives a page of the fields of a hash, without their values.
    ///
    /// `HSCAN … NOVALUES`, since Redis 7.4.0 and Valkey 8.0.0.
    ///
    /// # Errors
    /// As [`hscan`](ScanCommands::hscan).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScanOptions, ScanPage};
    ///
    /// cluster.hset("stock", ("tea", 4))?;
    /// let page: ScanPage<String> = cluster.hscan_novalues("stock", 0, &ScanOptions::new())?;
    /// assert_eq!(page.items, ["tea"]);
    /// # Ok(()) });
    /// ```
    fn hscan_novalues<K: ToArg, F: FromValue>(
        self,
        key: K,
        cursor: u64,
        options: &ScanOptions,
    ) -> Self::Output<ScanPage<F>> {
        self.execute(Cmd::new(&table::HSCAN).arg(key).arg(cursor).args_of(options).arg("NOVALUES"))
    }

    /// Gives a page of the members of a set.
    ///
    /// `SSCAN`, since Redis 2.8.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScanOptions, ScanPage};
    ///
    /// cluster.sadd("users", ["ann", "anton", "bob"])?;
    /// let with_an = ScanOptions::new().matching("an*").count(1000);
    /// let page: ScanPage<String> = cluster.sscan("users", 0, &with_an)?;
    /// assert_eq!((page.items.len(), page.is_last()), (2, true));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "sscan_match")]
    fn sscan<K: ToArg, M: FromValue>(self, key: K, cursor: u64, options: &ScanOptions) -> Self::Output<ScanPage<M>> {
        self.execute(Cmd::new(&table::SSCAN).arg(key).arg(cursor).args_of(options))
    }

    /// Gives a page of the members of a sorted set with their scores, in no order.
    ///
    /// `ZSCAN`, since Redis 2.8.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScanOptions, ScoredMember};
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// let page = cluster.zscan("ages", 0, &ScanOptions::new())?;
    /// assert_eq!(page.items, [ScoredMember::new("anna".to_owned(), 31.0)]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zscan_match")]
    fn zscan<K: ToArg, M: FromValue>(
        self,
        key: K,
        cursor: u64,
        options: &ScanOptions,
    ) -> Self::Output<ScanPage<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZSCAN).arg(key).arg(cursor).args_of(options))
    }
}

impl<E: Execute> ScanCommands for E {}

/// What a page of a scan is to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanOptions {
    pattern: Option<Vec<u8>>,
    count: Option<u64>,
    kind: Option<TypeOf>,
}

impl ScanOptions {
    /// No options: everything, about ten elements a page.
    #[inline]
    pub fn new() -> ScanOptions {
        ScanOptions::default()
    }

    /// Only what matches a pattern, as [`keys`](crate::KeyCommands::keys) takes it: `MATCH`. The server looks at each
    /// element all the same, so pages may become small or empty.
    #[inline]
    pub fn matching(mut self, pattern: impl ToArg) -> ScanOptions {
        let mut args = Args::new();
        pattern.write_arg(&mut args);
        self.pattern = args.get(0).map(<[u8]>::to_vec);
        self
    }

    /// About how many elements the server looks at for a page, at least 1: `COUNT`. A key that is stored in a packed
    /// form comes whole in any case.
    #[inline]
    pub fn count(mut self, count: u64) -> ScanOptions {
        self.count = Some(count);
        self
    }

    /// Only keys that hold this: `TYPE`, since Redis 6.0.0. It is for scans of keys, as [`scan_all`] makes them; with a
    /// scan of one key's elements the server refuses it.
    ///
    /// [`scan_all`]: crate::Cluster::scan_all
    #[inline]
    pub fn of_type(mut self, kind: TypeOf) -> ScanOptions {
        self.kind = Some(kind);
        self
    }
}

impl ToArgs for ScanOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(pattern) = &self.pattern {
            "MATCH".write_arg(args);
            pattern.write_arg(args);
        }
        if let Some(count) = self.count {
            "COUNT".write_arg(args);
            count.write_arg(args);
        }
        if let Some(kind) = &self.kind {
            "TYPE".write_arg(args);
            kind.name().write_arg(args);
        }
    }
}

/// A page of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage<T> {
    /// What the next call is given; 0 when there is no next page.
    pub cursor: u64,
    /// What was found, possibly nothing.
    pub items: Vec<T>,
}

impl<T> ScanPage<T> {
    /// Whether there is no further page.
    #[inline]
    pub fn is_last(&self) -> bool {
        self.cursor == 0
    }
}

impl<T: FromValue> FromValue for ScanPage<T> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ScanPage<T>> {
        let (cursor, items) = <(u64, Vec<T>)>::from_value(value)?;
        Ok(ScanPage { cursor, items })
    }
}
