//! Parts of sorted sets.

use super::{LexRange, Limit, ScoreRange, ScoredMember, ZRange};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::ToArg;

/// Commands on parts of a sorted set: by rank, by score, or by the order of members that all have the same score.
///
/// Ranks count from 0 for the lowest score; negative ones from the end, −1 being the highest. Both ends of a range of
/// ranks belong to it. A range of scores or members is one of Rust's ranges or a pair of bounds: see [`ScoreRange`]
/// and [`LexRange`]; its lower end comes first also where the members come in reverse. Whatever a range holds, a key
/// that does not exist gives nothing.
pub trait SortedSetRangeCommands: Execute {
    /// Counts the members whose scores lie in a range.
    ///
    /// `ZCOUNT`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoreBound;
    ///
    /// cluster.zadd("ages", [(27, "bert"), (31, "anna"), (44, "cleo")])?;
    /// assert_eq!(cluster.zcount("ages", 27..=31)?, 2);
    /// assert_eq!(cluster.zcount("ages", (ScoreBound::Exclusive(27.0), ScoreBound::MAX))?, 2);
    /// # Ok(()) });
    /// ```
    fn zcount<K: ToArg, R: Into<ScoreRange>>(self, key: K, range: R) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZCOUNT).arg(key).args_of(range.into()))
    }

    /// Counts the members that lie in a range.
    ///
    /// `ZLEXCOUNT`, since Redis 2.8.9.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("names", [(0, "anna"), (0, "bert"), (0, "cleo")])?;
    /// assert_eq!(cluster.zlexcount("names", "b"..)?, 2);
    /// # Ok(()) });
    /// ```
    fn zlexcount<K: ToArg, R: Into<LexRange>>(self, key: K, range: R) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZLEXCOUNT).arg(key).args_of(range.into()))
    }

    /// Gives the members from one rank to another, the lowest score first.
    ///
    /// `ZRANGE`, since Redis 1.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert"), (44, "cleo")])?;
    /// let youngest_two: Vec<String> = cluster.zrange("ages", 0, 1)?;
    /// assert_eq!(youngest_two, ["bert", "anna"]);
    /// # Ok(()) });
    /// ```
    fn zrange<K: ToArg, M: FromValue>(self, key: K, start: i64, stop: i64) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZRANGE).arg(key).arg(start).arg(stop))
    }

    /// Gives the members in a range of any kind, in either order.
    ///
    /// `ZRANGE` with `BYSCORE`, `BYLEX`, `REV` and `LIMIT`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a limit on ranks; else as
    /// [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Limit, ZRange};
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert"), (44, "cleo")])?;
    /// let range = ZRange::by_score(30..).rev().limit(Limit::first(1));
    /// let oldest: Vec<String> = cluster.zrange_by("ages", range)?;
    /// assert_eq!(oldest, ["cleo"]);
    /// # Ok(()) });
    /// ```
    fn zrange_by<K: ToArg, M: FromValue>(self, key: K, range: ZRange) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZRANGE).arg(key).args_of(range))
    }

    /// As [`zrange_by`](SortedSetRangeCommands::zrange_by), with the scores. Servers refuse it for a range of members.
    ///
    /// `ZRANGE … WITHSCORES`, with `BYSCORE`, `REV` and `LIMIT` since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`zrange_by`](SortedSetRangeCommands::zrange_by).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScoredMember, ZRange};
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// let oldest: Vec<ScoredMember<String>> = cluster.zrange_by_with_scores("ages", ZRange::by_rank(0, 0).rev())?;
    /// assert_eq!(oldest, [ScoredMember::new("anna".to_owned(), 31.0)]);
    /// # Ok(()) });
    /// ```
    fn zrange_by_with_scores<K: ToArg, M: FromValue>(
        self,
        key: K,
        range: ZRange,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZRANGE).arg(key).args_of(range).arg("WITHSCORES"))
    }

    /// As [`zrange`](SortedSetRangeCommands::zrange), with the scores.
    ///
    /// `ZRANGE … WITHSCORES`, since Redis 1.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// for ScoredMember { member, score } in cluster.zrange_with_scores::<_, String>("ages", 0, -1)? {
    ///     println!("{member} is {score}");
    /// }
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrange_withscores")]
    fn zrange_with_scores<K: ToArg, M: FromValue>(
        self,
        key: K,
        start: i64,
        stop: i64,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZRANGE).arg(key).arg(start).arg(stop).arg("WITHSCORES"))
    }

    /// Gives the members that lie in a range, or some of them.
    ///
    /// `ZRANGEBYLEX`, since Redis 2.8.9; [`zrange_by`](SortedSetRangeCommands::zrange_by) is its newer form.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("names", [(0, "anna"), (0, "bert"), (0, "cleo")])?;
    /// let up_to_b: Vec<String> = cluster.zrangebylex("names", .."c", None)?;
    /// assert_eq!(up_to_b, ["anna", "bert"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrangebylex_limit")]
    fn zrangebylex<K: ToArg, R: Into<LexRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZRANGEBYLEX).arg(key).args_of(range.into()).args_of(limit))
    }

    /// Gives the members whose scores lie in a range, or some of them, the lowest score first.
    ///
    /// `ZRANGEBYSCORE`, since Redis 1.0.5; [`zrange_by`](SortedSetRangeCommands::zrange_by) is its newer form.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Limit;
    ///
    /// cluster.zadd("ages", [(27, "bert"), (31, "anna"), (44, "cleo")])?;
    /// let adults: Vec<String> = cluster.zrangebyscore("ages", 18.., Some(Limit::new(1, 1)))?;
    /// assert_eq!(adults, ["anna"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrangebyscore_limit")]
    fn zrangebyscore<K: ToArg, R: Into<ScoreRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZRANGEBYSCORE).arg(key).args_of(range.into()).args_of(limit))
    }

    /// As [`zrangebyscore`](SortedSetRangeCommands::zrangebyscore), with the scores.
    ///
    /// `ZRANGEBYSCORE … WITHSCORES`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(27, "bert"), (31, "anna")])?;
    /// let found: Vec<ScoredMember<String>> = cluster.zrangebyscore_with_scores("ages", ..30, None)?;
    /// assert_eq!(found, [ScoredMember::new("bert".to_owned(), 27.0)]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrangebyscore_withscores")]
    #[doc(alias = "zrangebyscore_limit_withscores")]
    fn zrangebyscore_with_scores<K: ToArg, R: Into<ScoreRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZRANGEBYSCORE).arg(key).args_of(range.into()).arg("WITHSCORES").args_of(limit))
    }

    /// Puts the members in a range, with their scores, in the place of the destination, whatever it held; an empty
    /// range removes it. Gives how many there are.
    ///
    /// `ZRANGESTORE`, since Redis 6.2.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As
    /// [`zrange_by`](SortedSetRangeCommands::zrange_by).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ZRange;
    ///
    /// cluster.zadd("ages{x}", [(27, "bert"), (31, "anna"), (44, "cleo")])?;
    /// assert_eq!(cluster.zrangestore("over 30{x}", "ages{x}", ZRange::by_score(30..))?, 2);
    /// # Ok(()) });
    /// ```
    fn zrangestore<D: ToArg, S: ToArg>(self, destination: D, source: S, range: ZRange) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZRANGESTORE).arg(destination).arg(source).args_of(range))
    }

    /// Removes the members that lie in a range, and gives how many went.
    ///
    /// `ZREMRANGEBYLEX`, since Redis 2.8.9.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("names", [(0, "anna"), (0, "bert"), (0, "cleo")])?;
    /// assert_eq!(cluster.zremrangebylex("names", "anna"..="bert")?, 2);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrembylex")]
    fn zremrangebylex<K: ToArg, R: Into<LexRange>>(self, key: K, range: R) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZREMRANGEBYLEX).arg(key).args_of(range.into()))
    }

    /// Removes the members from one rank to another, and gives how many went.
    ///
    /// `ZREMRANGEBYRANK`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("record", [(70, "anna"), (90, "bert"), (80, "cleo")])?;
    /// assert_eq!(cluster.zremrangebyrank("record", 0, -2)?, 2);
    /// assert_eq!(cluster.zscore("record", "bert")?, Some(90.0));
    /// # Ok(()) });
    /// ```
    fn zremrangebyrank<K: ToArg>(self, key: K, start: i64, stop: i64) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZREMRANGEBYRANK).arg(key).arg(start).arg(stop))
    }

    /// Removes the members whose scores lie in a range, and gives how many went.
    ///
    /// `ZREMRANGEBYSCORE`, since Redis 1.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("seen", [(1000, "anna"), (2000, "bert")])?;
    /// assert_eq!(cluster.zremrangebyscore("seen", ..1500)?, 1);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrembyscore")]
    fn zremrangebyscore<K: ToArg, R: Into<ScoreRange>>(self, key: K, range: R) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZREMRANGEBYSCORE).arg(key).args_of(range.into()))
    }

    /// Gives the members from one rank to another, the highest score first, which then has rank 0.
    ///
    /// `ZREVRANGE`, since Redis 1.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert"), (44, "cleo")])?;
    /// let oldest_two: Vec<String> = cluster.zrevrange("ages", 0, 1)?;
    /// assert_eq!(oldest_two, ["cleo", "anna"]);
    /// # Ok(()) });
    /// ```
    fn zrevrange<K: ToArg, M: FromValue>(self, key: K, start: i64, stop: i64) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZREVRANGE).arg(key).arg(start).arg(stop))
    }

    /// As [`zrevrange`](SortedSetRangeCommands::zrevrange), with the scores.
    ///
    /// `ZREVRANGE … WITHSCORES`, since Redis 1.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// let oldest: Vec<ScoredMember<String>> = cluster.zrevrange_with_scores("ages", 0, 0)?;
    /// assert_eq!(oldest, [ScoredMember::new("anna".to_owned(), 31.0)]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrevrange_withscores")]
    fn zrevrange_with_scores<K: ToArg, M: FromValue>(
        self,
        key: K,
        start: i64,
        stop: i64,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZREVRANGE).arg(key).arg(start).arg(stop).arg("WITHSCORES"))
    }

    /// As [`zrangebylex`](SortedSetRangeCommands::zrangebylex), the last one first.
    ///
    /// `ZREVRANGEBYLEX`, since Redis 2.8.9.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("names", [(0, "anna"), (0, "bert"), (0, "cleo")])?;
    /// let back: Vec<String> = cluster.zrevrangebylex("names", "b".., None)?;
    /// assert_eq!(back, ["cleo", "bert"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrevrangebylex_limit")]
    fn zrevrangebylex<K: ToArg, R: Into<LexRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZREVRANGEBYLEX).arg(key).args_of(range.into().reversed()).args_of(limit))
    }

    /// As [`zrangebyscore`](SortedSetRangeCommands::zrangebyscore), the highest score first.
    ///
    /// `ZREVRANGEBYSCORE`, since Redis 2.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(27, "bert"), (31, "anna"), (44, "cleo")])?;
    /// let back: Vec<String> = cluster.zrevrangebyscore("ages", 30.., None)?;
    /// assert_eq!(back, ["cleo", "anna"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrevrangebyscore_limit")]
    fn zrevrangebyscore<K: ToArg, R: Into<ScoreRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZREVRANGEBYSCORE).arg(key).args_of(range.into().reversed()).args_of(limit))
    }

    /// As [`zrevrangebyscore`](SortedSetRangeCommands::zrevrangebyscore), with the scores.
    ///
    /// `ZREVRANGEBYSCORE … WITHSCORES`, since Redis 2.2.0.
    ///
    /// # Errors
    /// As [`zrange`](SortedSetRangeCommands::zrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Limit, ScoredMember};
    ///
    /// cluster.zadd("ages", [(27, "bert"), (31, "anna")])?;
    /// let oldest: Vec<ScoredMember<String>> =
    ///     cluster.zrevrangebyscore_with_scores("ages", .., Some(Limit::first(1)))?;
    /// assert_eq!(oldest, [ScoredMember::new("anna".to_owned(), 31.0)]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrevrangebyscore_withscores")]
    #[doc(alias = "zrevrangebyscore_limit_withscores")]
    fn zrevrangebyscore_with_scores<K: ToArg, R: Into<ScoreRange>, M: FromValue>(
        self,
        key: K,
        range: R,
        limit: Option<Limit>,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        let cmd = Cmd::new(&table::ZREVRANGEBYSCORE).arg(key).args_of(range.into().reversed());
        self.execute(cmd.arg("WITHSCORES").args_of(limit))
    }
}

impl<E: Execute> SortedSetRangeCommands for E {}
