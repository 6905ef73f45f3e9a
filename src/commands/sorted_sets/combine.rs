//! Several sorted sets at a time.

use super::{ScoredMember, ZCombineOptions};
use crate::cmd::{Cmd, Execute};
use crate::commands::args::Counted;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Unions, intersections and differences of sorted sets.
///
/// A key that does not exist is an empty sorted set; plain sets may take part, each of their members with score 1.
/// The result stands in the order of the scores.
///
/// All of them need their keys on one node. Keys of other nodes are carried there for one transaction, under names
/// that nobody else sees; to share a hash tag is faster.
pub trait SortedSetCombineCommands: Execute {
    /// Gives the members of the first sorted set that are in none of the others.
    ///
    /// `ZDIFF`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("all{x}", [(1, "anna"), (2, "bert")])?;
    /// cluster.zadd("ill{x}", [(7, "anna")])?;
    /// let fit: Vec<String> = cluster.zdiff(["all{x}", "ill{x}"])?;
    /// assert_eq!(fit, ["bert"]);
    /// # Ok(()) });
    /// ```
    fn zdiff<K: ToArgs, M: FromValue>(self, keys: K) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZDIFF).args_of(Counted(keys)))
    }

    /// As [`zdiff`](SortedSetCombineCommands::zdiff), with the scores of the first sorted set.
    ///
    /// `ZDIFF … WITHSCORES`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("all{x}", [(1, "anna"), (2, "bert")])?;
    /// cluster.zadd("ill{x}", [(7, "anna")])?;
    /// let fit: Vec<ScoredMember<String>> = cluster.zdiff_with_scores(["all{x}", "ill{x}"])?;
    /// assert_eq!(fit, [ScoredMember::new("bert".to_owned(), 2.0)]);
    /// # Ok(()) });
    /// ```
    fn zdiff_with_scores<K: ToArgs, M: FromValue>(self, keys: K) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZDIFF).args_of(Counted(keys)).arg("WITHSCORES"))
    }

    /// As [`zdiff`](SortedSetCombineCommands::zdiff), and the result replaces the destination, whatever it held; an
    /// empty result removes it. Gives the number of members of the result.
    ///
    /// `ZDIFFSTORE`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("all{x}", [(1, "anna"), (2, "bert")])?;
    /// cluster.zadd("ill{x}", [(7, "anna")])?;
    /// assert_eq!(cluster.zdiffstore("fit{x}", ["all{x}", "ill{x}"])?, 1);
    /// # Ok(()) });
    /// ```
    fn zdiffstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZDIFFSTORE).arg(destination).args_of(Counted(keys)))
    }

    /// Gives the members that every one of the sorted sets has, in the order of the sums of their scores.
    ///
    /// `ZINTER`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// let both: Vec<String> = cluster.zinter(["may{x}", "june{x}"])?;
    /// assert_eq!(both, ["anna"]);
    /// # Ok(()) });
    /// ```
    fn zinter<K: ToArgs, M: FromValue>(self, keys: K) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZINTER).args_of(Counted(keys)))
    }

    /// As [`zinter`](SortedSetCombineCommands::zinter), with the scores that the options make.
    ///
    /// `ZINTER … WITHSCORES`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunionstore_with`](SortedSetCombineCommands::zunionstore_with).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScoredMember, ZCombineOptions};
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// let both: Vec<ScoredMember<String>> =
    ///     cluster.zinter_with_scores(["may{x}", "june{x}"], ZCombineOptions::new())?;
    /// assert_eq!(both, [ScoredMember::new("anna".to_owned(), 7.0)]);
    /// # Ok(()) });
    /// ```
    fn zinter_with_scores<K: ToArgs, M: FromValue>(
        self,
        keys: K,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZINTER).args_of(Counted(keys)).args_of(options).arg("WITHSCORES"))
    }

    /// Gives how many members [`zinter`](SortedSetCombineCommands::zinter) would give.
    ///
    /// `ZINTERCARD`, since Redis 7.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// assert_eq!(cluster.zintercard(["may{x}", "june{x}"])?, 1);
    /// # Ok(()) });
    /// ```
    fn zintercard<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZINTERCARD).args_of(Counted(keys)))
    }

    /// As [`zintercard`](SortedSetCombineCommands::zintercard), counting no further than `limit`, 0 meaning no limit.
    ///
    /// `ZINTERCARD … LIMIT`, since Redis 7.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may", [(3, "anna"), (2, "bert")])?;
    /// assert_eq!(cluster.zintercard_limit("may", 1)?, 1);
    /// # Ok(()) });
    /// ```
    fn zintercard_limit<K: ToArgs>(self, keys: K, limit: u64) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZINTERCARD).args_of(Counted(keys)).arg("LIMIT").arg(limit))
    }

    /// As [`zinter`](SortedSetCombineCommands::zinter), and the result replaces the destination, whatever it held;
    /// an empty result removes it. Gives the number of members of the result.
    ///
    /// `ZINTERSTORE`, since Redis 2.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// assert_eq!(cluster.zinterstore("both{x}", ["may{x}", "june{x}"])?, 1);
    /// assert_eq!(cluster.zscore("both{x}", "anna")?, Some(7.0));
    /// # Ok(()) });
    /// ```
    fn zinterstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZINTERSTORE).arg(destination).args_of(Counted(keys)))
    }

    /// As [`zinterstore`](SortedSetCombineCommands::zinterstore), with the scores that the options make.
    ///
    /// `ZINTERSTORE` with options, since Redis 2.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunionstore_with`](SortedSetCombineCommands::zunionstore_with).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Aggregate, ZCombineOptions};
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// let least = ZCombineOptions::new().aggregate(Aggregate::Min);
    /// cluster.zinterstore_with("least{x}", ["may{x}", "june{x}"], least)?;
    /// assert_eq!(cluster.zscore("least{x}", "anna")?, Some(3.0));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zinterstore_min")]
    #[doc(alias = "zinterstore_max")]
    #[doc(alias = "zinterstore_weights")]
    fn zinterstore_with<D: ToArg, K: ToArgs>(
        self,
        destination: D,
        keys: K,
        options: ZCombineOptions,
    ) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZINTERSTORE).arg(destination).args_of(Counted(keys)).args_of(options))
    }

    /// Gives the members that any of the sorted sets has, in the order of the sums of their scores.
    ///
    /// `ZUNION`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a
    /// source is neither a sorted set nor a set; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// let any: Vec<String> = cluster.zunion(["may{x}", "june{x}"])?;
    /// assert_eq!(any, ["bert", "anna", "cleo"]);
    /// # Ok(()) });
    /// ```
    fn zunion<K: ToArgs, M: FromValue>(self, keys: K) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZUNION).args_of(Counted(keys)))
    }

    /// As [`zunion`](SortedSetCombineCommands::zunion), with the scores that the options make.
    ///
    /// `ZUNION … WITHSCORES`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunionstore_with`](SortedSetCombineCommands::zunionstore_with).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Aggregate, ScoredMember, ZCombineOptions};
    ///
    /// cluster.zadd("may{x}", (3, "anna"))?;
    /// cluster.zadd("june{x}", (4, "anna"))?;
    /// let options = ZCombineOptions::new().weights([2.0, 1.0]).aggregate(Aggregate::Max);
    /// let any: Vec<ScoredMember<String>> = cluster.zunion_with_scores(["may{x}", "june{x}"], options)?;
    /// assert_eq!(any, [ScoredMember::new("anna".to_owned(), 6.0)]);
    /// # Ok(()) });
    /// ```
    fn zunion_with_scores<K: ToArgs, M: FromValue>(
        self,
        keys: K,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZUNION).args_of(Counted(keys)).args_of(options).arg("WITHSCORES"))
    }

    /// As [`zunion`](SortedSetCombineCommands::zunion), and the result replaces the destination, whatever it held;
    /// an empty result removes it. Gives the number of members of the result.
    ///
    /// `ZUNIONSTORE`, since Redis 2.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("may{x}", [(3, "anna"), (2, "bert")])?;
    /// cluster.zadd("june{x}", [(4, "anna"), (9, "cleo")])?;
    /// assert_eq!(cluster.zunionstore("any{x}", ["may{x}", "june{x}"])?, 3);
    /// # Ok(()) });
    /// ```
    fn zunionstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZUNIONSTORE).arg(destination).args_of(Counted(keys)))
    }

    /// As [`zunionstore`](SortedSetCombineCommands::zunionstore), with the scores that the options make.
    ///
    /// `ZUNIONSTORE` with options, since Redis 2.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there are not as many weights as keys; else as
    /// [`zunion`](SortedSetCombineCommands::zunion).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ZCombineOptions;
    ///
    /// cluster.zadd("may{x}", (3, "anna"))?;
    /// cluster.zadd("june{x}", (4, "anna"))?;
    /// let mostly_june = ZCombineOptions::new().weights([1.0, 10.0]);
    /// cluster.zunionstore_with("year{x}", ["may{x}", "june{x}"], mostly_june)?;
    /// assert_eq!(cluster.zscore("year{x}", "anna")?, Some(43.0));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zunionstore_min")]
    #[doc(alias = "zunionstore_max")]
    #[doc(alias = "zunionstore_weights")]
    fn zunionstore_with<D: ToArg, K: ToArgs>(
        self,
        destination: D,
        keys: K,
        options: ZCombineOptions,
    ) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZUNIONSTORE).arg(destination).args_of(Counted(keys)).args_of(options))
    }
}

impl<E: Execute> SortedSetCombineCommands for E {}
