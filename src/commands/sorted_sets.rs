//! Sorted sets.

mod bounds;
mod combine;
mod options;
mod ranges;

pub use bounds::{LexBound, LexRange, Limit, ScoreBound, ScoreRange, ZRange};
pub use combine::SortedSetCombineCommands;
pub use options::{Aggregate, PoppedMembers, ScoreEnd, ScoredMember, ToScored, ZAddOptions, ZCombineOptions};
pub use ranges::SortedSetRangeCommands;

use super::args::Counted;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use options::Scored;

/// Commands on the members of one sorted set.
///
/// A key that does not exist is an empty sorted set, and one that loses its last member is a key that does not exist.
/// Members stand in the order of their scores, those with the same score in the order of their bytes. A score is an
/// `f64`, may be infinite and is never NaN. A key of another type is a [`WrongType`](crate::ErrorKind::WrongType)
/// error.
///
/// Ranges are in [`SortedSetRangeCommands`], unions, intersections and differences in [`SortedSetCombineCommands`],
/// and those that wait for a member in [`BlockingCommands`](crate::BlockingCommands).
pub trait SortedSetCommands: Execute {
    /// Adds members with their scores and gives members that are there their new ones. Gives how many are new.
    ///
    /// `ZADD`, since Redis 1.2.0; several members since 2.4.0. See [`ToScored`] for the forms that members may have,
    /// and [`zadd_with`](SortedSetCommands::zadd_with) for conditions.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set,
    /// [`Server`](crate::ErrorKind::Server) for a score that is NaN, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.zadd("ages", [(31, "anna"), (27, "bert")])?, 2);
    /// assert_eq!(cluster.zadd("ages", (28.5, "bert"))?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zadd_multiple")]
    fn zadd<K: ToArg, P: ToScored>(self, key: K, members: P) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZADD).arg(key).args_of(Scored(members)))
    }

    /// Adds to the score of a member under conditions, and gives the new one; `None` when a condition does not hold.
    /// A member that is not there has had 0.
    ///
    /// `ZADD … INCR`, since Redis 3.0.2. [`changed`](ZAddOptions::changed) means nothing here.
    ///
    /// # Errors
    /// As [`zadd`](SortedSetCommands::zadd).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ZAddOptions;
    ///
    /// assert_eq!(cluster.zadd_incr("ages", 1.0, "anna", ZAddOptions::new())?, Some(1.0));
    /// assert_eq!(cluster.zadd_incr("ages", 1.0, "bert", ZAddOptions::new().if_exists())?, None);
    /// # Ok(()) });
    /// ```
    fn zadd_incr<K: ToArg, M: ToArg>(
        self,
        key: K,
        increment: f64,
        member: M,
        options: ZAddOptions,
    ) -> Self::Output<Option<f64>> {
        self.execute(Cmd::new(&table::ZADD).arg(key).args_of(options).arg("INCR").arg(increment).arg(member))
    }

    /// As [`zadd`](SortedSetCommands::zadd), under conditions; with [`changed`](ZAddOptions::changed) it gives how
    /// many members are new or have a new score.
    ///
    /// `ZADD` with options, since Redis 3.0.2; see [`ZAddOptions`] for what came later.
    ///
    /// # Errors
    /// As [`zadd`](SortedSetCommands::zadd).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ZAddOptions;
    ///
    /// cluster.zadd("record", (100, "anna"))?;
    /// let best = ZAddOptions::new().if_greater().changed();
    /// assert_eq!(cluster.zadd_with("record", [(90, "anna"), (70, "bert")], best)?, 1);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zadd_options")]
    #[doc(alias = "zadd_multiple_options")]
    fn zadd_with<K: ToArg, P: ToScored>(self, key: K, members: P, options: ZAddOptions) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZADD).arg(key).args_of(options).args_of(Scored(members)))
    }

    /// Gives the number of members.
    ///
    /// `ZCARD`, since Redis 1.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.zcard("missing")?, 0);
    /// # Ok(()) });
    /// ```
    fn zcard<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZCARD).arg(key))
    }

    /// Adds to the score of a member and gives the new one. A member that is not there has had 0.
    ///
    /// `ZINCRBY`, since Redis 1.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set,
    /// [`Server`](crate::ErrorKind::Server) when the sum is NaN, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.zincrby("points", 2.5, "anna")?, 2.5);
    /// assert_eq!(cluster.zincrby("points", -1.0, "anna")?, 1.5);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zincr")]
    fn zincrby<K: ToArg, M: ToArg>(self, key: K, increment: f64, member: M) -> Self::Output<f64> {
        self.execute(Cmd::new(&table::ZINCRBY).arg(key).arg(increment).arg(member))
    }

    /// Takes out up to `count` members with the lowest or the highest scores of the first sorted set that has any. Gives
    /// the name of that sorted set as its server stores it, so without a hash tag, and the members with their scores;
    /// `None` when all of them are empty.
    ///
    /// `ZMPOP`, since Redis 7.0.0. Across nodes: one node after the other, in the order of
    /// the keys, until one has something.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key
    /// before the first that has a member is no sorted set; a [`Server`](crate::ErrorKind::Server) error for a count of
    /// 0; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScoreEnd, ScoredMember};
    ///
    /// cluster.zadd("low{jobs}", [(1, "sweep"), (2, "mop"), (9, "fire")])?;
    /// let jobs = cluster.zmpop(["high{jobs}", "low{jobs}"], ScoreEnd::Highest, 1)?;
    /// assert_eq!(jobs, Some(("low".to_owned(), vec![ScoredMember::new("fire".to_owned(), 9.0)])));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zmpop_min")]
    #[doc(alias = "zmpop_max")]
    fn zmpop<K: ToArgs, N: FromValue, M: FromValue>(
        self,
        keys: K,
        end: ScoreEnd,
        count: u64,
    ) -> Self::Output<Option<PoppedMembers<N, M>>> {
        self.execute(Cmd::new(&table::ZMPOP).args_of(Counted(keys)).arg(end).arg("COUNT").arg(count))
    }

    /// Gives the scores of several members, `None` for each that is not there.
    ///
    /// `ZMSCORE`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// assert_eq!(cluster.zmscore("ages", ["anna", "nobody"])?, [Some(31.0), None]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zscore_multiple")]
    fn zmscore<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<Vec<Option<f64>>> {
        self.execute(Cmd::new(&table::ZMSCORE).arg(key).args_of(members))
    }

    /// Takes out the member with the highest score; `None` when there is none.
    ///
    /// `ZPOPMAX`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// let oldest: Option<ScoredMember<String>> = cluster.zpopmax("ages")?;
    /// assert_eq!(oldest, Some(ScoredMember::new("anna".to_owned(), 31.0)));
    /// # Ok(()) });
    /// ```
    fn zpopmax<K: ToArg, M: FromValue>(self, key: K) -> Self::Output<Option<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZPOPMAX).arg(key))
    }

    /// Takes out up to `count` members, the one with the highest score first; none when there are none.
    ///
    /// `ZPOPMAX` with a count, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// let oldest: Vec<ScoredMember<String>> = cluster.zpopmax_count("ages", 10)?;
    /// assert_eq!((oldest.len(), oldest[1].score), (2, 27.0));
    /// # Ok(()) });
    /// ```
    fn zpopmax_count<K: ToArg, M: FromValue>(self, key: K, count: u64) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZPOPMAX).arg(key).arg(count))
    }

    /// Takes out the member with the lowest score; `None` when there is none.
    ///
    /// `ZPOPMIN`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// let youngest: Option<ScoredMember<String>> = cluster.zpopmin("missing")?;
    /// assert_eq!(youngest, None);
    /// # Ok(()) });
    /// ```
    fn zpopmin<K: ToArg, M: FromValue>(self, key: K) -> Self::Output<Option<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZPOPMIN).arg(key))
    }

    /// Takes out up to `count` members, the one with the lowest score first; none when there are none.
    ///
    /// `ZPOPMIN` with a count, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert"), (44, "cleo")])?;
    /// let youngest: Vec<ScoredMember<String>> = cluster.zpopmin_count("ages", 2)?;
    /// assert_eq!(youngest[0], ScoredMember::new("bert".to_owned(), 27.0));
    /// # Ok(()) });
    /// ```
    fn zpopmin_count<K: ToArg, M: FromValue>(self, key: K, count: u64) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZPOPMIN).arg(key).arg(count))
    }

    /// Gives a member drawn by chance; nil, so `None`, when there is none.
    ///
    /// `ZRANDMEMBER`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// let somebody: Option<String> = cluster.zrandmember("ages")?;
    /// assert_eq!(somebody.as_deref(), Some("anna"));
    /// # Ok(()) });
    /// ```
    fn zrandmember<K: ToArg, M: FromValue>(self, key: K) -> Self::Output<M> {
        self.execute(Cmd::new(&table::ZRANDMEMBER).arg(key))
    }

    /// Gives up to `count` different members drawn by chance; for a negative count exactly so many, among which a
    /// member may come more than once. None when there are none.
    ///
    /// `ZRANDMEMBER` with a count, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// let three_times: Vec<String> = cluster.zrandmember_count("ages", -3)?;
    /// assert_eq!(three_times, ["anna", "anna", "anna"]);
    /// # Ok(()) });
    /// ```
    fn zrandmember_count<K: ToArg, M: FromValue>(self, key: K, count: i64) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::ZRANDMEMBER).arg(key).arg(count))
    }

    /// As [`zrandmember_count`](SortedSetCommands::zrandmember_count), with the scores.
    ///
    /// `ZRANDMEMBER … WITHSCORES`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ScoredMember;
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// let drawn: Vec<ScoredMember<String>> = cluster.zrandmember_with_scores("ages", 2)?;
    /// assert_eq!(drawn, [ScoredMember::new("anna".to_owned(), 31.0)]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrandmember_withscores")]
    fn zrandmember_with_scores<K: ToArg, M: FromValue>(self, key: K, count: i64) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::ZRANDMEMBER).arg(key).arg(count).arg("WITHSCORES"))
    }

    /// Gives the rank of a member, 0 for the lowest score; `None` when there is no such member.
    ///
    /// `ZRANK`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// assert_eq!(cluster.zrank("ages", "anna")?, Some(1));
    /// # Ok(()) });
    /// ```
    fn zrank<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::ZRANK).arg(key).arg(member))
    }

    /// As [`zrank`](SortedSetCommands::zrank), with the score.
    ///
    /// `ZRANK … WITHSCORE`, since Redis 7.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.2", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// assert_eq!(cluster.zrank_with_score("ages", "anna")?, Some((1, 31.0)));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "zrank_withscore")]
    fn zrank_with_score<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<Option<(u64, f64)>> {
        self.execute(Cmd::new(&table::ZRANK).arg(key).arg(member).arg("WITHSCORE"))
    }

    /// Removes members, and gives how many of them were there.
    ///
    /// `ZREM`, since Redis 1.2.0; several members since 2.4.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// assert_eq!(cluster.zrem("ages", ["anna", "nobody"])?, 1);
    /// # Ok(()) });
    /// ```
    fn zrem<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ZREM).arg(key).args_of(members))
    }

    /// Gives the rank of a member counted from the highest score, which has 0; `None` when there is no such member.
    ///
    /// `ZREVRANK`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// assert_eq!(cluster.zrevrank("ages", "anna")?, Some(0));
    /// # Ok(()) });
    /// ```
    fn zrevrank<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::ZREVRANK).arg(key).arg(member))
    }

    /// As [`zrevrank`](SortedSetCommands::zrevrank), with the score.
    ///
    /// `ZREVRANK … WITHSCORE`, since Redis 7.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.2", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", [(31, "anna"), (27, "bert")])?;
    /// assert_eq!(cluster.zrevrank_with_score("ages", "anna")?, Some((0, 31.0)));
    /// # Ok(()) });
    /// ```
    fn zrevrank_with_score<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<Option<(u64, f64)>> {
        self.execute(Cmd::new(&table::ZREVRANK).arg(key).arg(member).arg("WITHSCORE"))
    }

    /// Gives the score of a member; `None` when there is no such member.
    ///
    /// `ZSCORE`, since Redis 1.2.0.
    ///
    /// # Errors
    /// As [`zcard`](SortedSetCommands::zcard).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.zadd("ages", (31, "anna"))?;
    /// assert_eq!(cluster.zscore("ages", "anna")?, Some(31.0));
    /// # Ok(()) });
    /// ```
    fn zscore<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<Option<f64>> {
        self.execute(Cmd::new(&table::ZSCORE).arg(key).arg(member))
    }
}

impl<E: Execute> SortedSetCommands for E {}
