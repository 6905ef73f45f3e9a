//! Scans: everything there is, page by page.

mod all;
mod key;
mod pages;
mod position;

pub use all::{Found, ScanAll};
pub use key::ScanKey;
pub use position::ScanPosition;

use crate::cluster::Cluster;
use crate::commands::{ScanOptions, ScoredMember};
use crate::error::Result;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::ToArg;

/// Scans: iterators that ask for a page when the one before has been handed out, so that no single call keeps a server
/// busy for long and nothing grows here. No connection is held between two pages.
///
/// - What is there from the beginning to the end is given at least once, whatever others write in between. It may be
///   given more than once: nothing is remembered, so nothing is taken out. What comes or goes in between may be given
///   or not.
/// - An error does not end a scan: the next call of `next` asks for the same page again, and nothing is skipped. Each
///   call takes no longer than the deadline, connecting and empty pages included; when only empty pages came until then,
///   that is a [`Timeout`](crate::ErrorKind::Timeout), and the next call goes on behind them. So a program that passes
///   errors over, as by `flatten` or `filter_map(Result::ok)`, goes round for as long as a server is down: end the loop
///   by `?`, or count.
/// - A cursor means something to one process only. When a server has been started again, or another one took its place,
///   which each page tells by its `run_id`, the scan of that node or that key begins anew, and may give again what it
///   gave before. Pages come from masters, together with `INFO server`, which the user must be allowed to ask.
impl Cluster {
    /// All keys of all nodes: the nodes one after the other, each page by page. Two names for one server are one.
    ///
    /// A key comes with its node and the name that the server stores. Where that name came from a key with a
    /// [hash tag](crate::HashTags), it does not lead to its node any more: [`on`](Cluster::on) does.
    ///
    /// `SCAN`, since Redis 2.8.0, on masters.
    ///
    /// # Errors
    /// Each item may be an error: [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScanOptions;
    ///
    /// cluster.mset([("user:7{bar}", "Ada"), ("user:8{foo}", "Bob"), ("other", "")])?;
    /// let mut names = Vec::new();
    /// for found in cluster.scan_all(ScanOptions::new().matching("user:*").count(1000)) {
    ///     let found = found?;
    ///     names.push(cluster.on(found.node().name())?.get::<_, String>(found.name_bytes())?);
    /// }
    /// assert_eq!(names, ["Ada", "Bob"]);
    /// # Ok(()) });
    /// ```
    ///
    /// How far it is, and where:
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScanOptions, TypeOf};
    ///
    /// cluster.rpush("list", "a")?;
    /// let mut scan = cluster.scan_all(ScanOptions::new().of_type(TypeOf::List));
    /// while let Some(found) = scan.next() {
    ///     let name: String = found?.name()?;
    ///     println!("{name}; {} of {} nodes done, at {}", scan.nodes_done(), scan.nodes(), scan.position());
    /// }
    /// assert!(scan.position().is_end());
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn scan_all(&self, options: ScanOptions) -> ScanAll {
        ScanAll::new(self.clone(), options)
    }

    /// As [`scan_all`](Cluster::scan_all), from a position on that [`ScanAll::position`] gave, also in another process.
    /// Nodes before it are not scanned again. The options may be others: they hold for what is left.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when the position is of a cluster whose nodes have other names, or of
    /// another database. Of nodes that have the same names and are others nothing is known but that the node at the
    /// position is: that one is scanned from its beginning then.
    #[inline]
    pub fn scan_from(&self, position: &ScanPosition, options: ScanOptions) -> Result<ScanAll> {
        ScanAll::at(self.clone(), position, options)
    }

    /// All fields of a hash with their values. A missing key gives none.
    ///
    /// `HSCAN`, since Redis 2.8.0, on the master of the key's node.
    ///
    /// # Errors
    /// Each item may be an error: [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash,
    /// [`Reply`](crate::ErrorKind::Reply) when this one field or its value does not fit the type that was asked for,
    /// which does not come again, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScanOptions;
    ///
    /// cluster.hset("stock", [("tea", 4), ("milk", 2)])?;
    /// let mut sum = 0;
    /// for field in cluster.hscan_all::<String, u32>("stock", ScanOptions::new()) {
    ///     let (name, count) = field?;
    ///     sum += count;
    /// }
    /// assert_eq!(sum, 6);
    /// # Ok(()) });
    /// ```
    pub fn hscan_all<F: FromValue, V: FromValue>(&self, key: impl ToArg, options: ScanOptions) -> ScanKey<(F, V)> {
        ScanKey::pairs(self.clone(), &table::HSCAN, key, options)
    }

    /// All fields of a hash without their values. A missing key gives none.
    ///
    /// `HSCAN … NOVALUES`, since Redis 7.4.0 and Valkey 8.0.0, on the master of the key's node.
    ///
    /// # Errors
    /// As [`hscan_all`](Cluster::hscan_all); an older server refuses it.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScanOptions;
    ///
    /// cluster.hset("stock", ("tea", 4))?;
    /// let names: Vec<String> = cluster.hscan_all_novalues("stock", ScanOptions::new()).collect::<Result<_, _>>()?;
    /// assert_eq!(names, ["tea"]);
    /// # Ok(()) });
    /// ```
    pub fn hscan_all_novalues<F: FromValue>(&self, key: impl ToArg, options: ScanOptions) -> ScanKey<F> {
        ScanKey::single(self.clone(), &table::HSCAN, key, options).with("NOVALUES")
    }

    /// All members of a set. A missing key gives none.
    ///
    /// `SSCAN`, since Redis 2.8.0, on the master of the key's node.
    ///
    /// # Errors
    /// Each item may be an error: [`WrongType`](crate::ErrorKind::WrongType) when the key is no set,
    /// [`Reply`](crate::ErrorKind::Reply) when this one member does not fit the type that was asked for, which does not
    /// come again, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScanOptions;
    ///
    /// cluster.sadd("users", ["ann", "anton", "bob"])?;
    /// let with_an = ScanOptions::new().matching("an*").count(1000);
    /// assert_eq!(cluster.sscan_all::<String>("users", with_an).count(), 2);
    /// # Ok(()) });
    /// ```
    pub fn sscan_all<M: FromValue>(&self, key: impl ToArg, options: ScanOptions) -> ScanKey<M> {
        ScanKey::single(self.clone(), &table::SSCAN, key, options)
    }

    /// All members of a sorted set with their scores, in no order. A missing key gives none.
    ///
    /// `ZSCAN`, since Redis 2.8.0, on the master of the key's node.
    ///
    /// # Errors
    /// Each item may be an error: [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set,
    /// [`Reply`](crate::ErrorKind::Reply) when this one member does not fit the type that was asked for, which does not
    /// come again, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScanOptions;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (29, "bob")])?;
    /// let mut sum = 0.0;
    /// for scored in cluster.zscan_all::<String>("ages", ScanOptions::new()) {
    ///     sum += scored?.score;
    /// }
    /// assert_eq!(sum, 60.0);
    /// # Ok(()) });
    /// ```
    pub fn zscan_all<M: FromValue>(&self, key: impl ToArg, options: ScanOptions) -> ScanKey<ScoredMember<M>> {
        ScanKey::pairs(self.clone(), &table::ZSCAN, key, options)
    }
}
