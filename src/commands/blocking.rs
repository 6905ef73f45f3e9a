//! Commands that wait for data.

use super::args::{Counted, Seconds};
use super::{PoppedMembers, ScoreEnd, Side};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::time::Duration;

/// Commands that wait until a list or a sorted set has something to take.
///
/// The longest wait is a [`Duration`]: zero and more than a hundred years wait for ever; any other is rounded up to milliseconds, and to two of them
/// at least, so that the shortest never becomes the longest. Servers before Redis 6.0 take whole seconds only. The
/// wait comes on top of the deadline of the call, and until it is over it keeps one connection of the pool; on several
/// nodes one to each of them, outside of the pools. Another thread can end it: see [`Cluster::cancelled_by`](crate::Cluster::cancelled_by).
pub trait BlockingCommands: Execute {
    /// Takes an element off an end of a list and puts it on an end of another or of the same; waits while the
    /// source is empty. `None` when nothing came in time.
    ///
    /// `BLMOVE`, since Redis 6.2.0. Across nodes it waits on the source's node, and then does as
    /// [`lmove`](crate::ListCommands::lmove).
    ///
    /// # Errors
    /// As [`lmove`](crate::ListCommands::lmove).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Side;
    /// use std::time::Duration;
    ///
    /// cluster.rpush("jobs", ["a", "b"])?;
    /// let job = cluster.blmove("jobs", "running", Side::Left, Side::Right, Duration::from_secs(1))?;
    /// assert_eq!(job, Some("a".to_owned()));
    /// # Ok(()) });
    /// ```
    fn blmove<S: ToArg, D: ToArg, V: FromValue>(
        self,
        source: S,
        destination: D,
        from: Side,
        to: Side,
        timeout: Duration,
    ) -> Self::Output<Option<V>> {
        self.execute(Cmd::new(&table::BLMOVE).arg(source).arg(destination).arg(from).arg(to).arg(Seconds(timeout)))
    }

    /// As [`lmpop`](crate::ListCommands::lmpop); waits while all of the lists are empty. `None` when nothing came in
    /// time.
    ///
    /// `BLMPOP`, since Redis 7.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// As [`lmpop`](crate::ListCommands::lmpop).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Side;
    /// use std::time::Duration;
    ///
    /// cluster.rpush("jobs", ["a", "b", "c"])?;
    /// let jobs = cluster.blmpop("jobs", Side::Right, 2, Duration::from_secs(1))?;
    /// assert_eq!(jobs, Some(("jobs".to_owned(), vec!["c".to_owned(), "b".to_owned()])));
    /// # Ok(()) });
    /// ```
    fn blmpop<K: ToArgs, N: FromValue, V: FromValue>(
        self,
        keys: K,
        from: Side,
        count: u64,
        timeout: Duration,
    ) -> Self::Output<Option<(N, Vec<V>)>> {
        let cmd = Cmd::new(&table::BLMPOP).arg(Seconds(timeout));
        self.execute(cmd.args_of(Counted(keys)).arg(from).arg("COUNT").arg(count))
    }

    /// Takes the first element of the first list that has one; waits while all of them are empty. Gives the name of
    /// that list as its server stores it, so without a hash tag, and the element; `None` when nothing came in time.
    ///
    /// `BLPOP`, since Redis 2.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a
    /// key before the first that has an element is no list; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.rpush("low{jobs}", "sweep")?;
    /// let job = cluster.blpop(["high{jobs}", "low{jobs}"], Duration::from_secs(1))?;
    /// assert_eq!(job, Some(("low".to_owned(), "sweep".to_owned())));
    /// # Ok(()) });
    /// ```
    fn blpop<K: ToArgs, N: FromValue, V: FromValue>(self, keys: K, timeout: Duration) -> Self::Output<Option<(N, V)>> {
        self.execute(Cmd::new(&table::BLPOP).args_of(keys).arg(Seconds(timeout)))
    }

    /// As [`blpop`](BlockingCommands::blpop), from the tail.
    ///
    /// `BRPOP`, since Redis 2.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// As [`blpop`](BlockingCommands::blpop).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let job: Option<(String, String)> = cluster.brpop("jobs", Duration::from_millis(10))?;
    /// assert_eq!(job, None);
    /// # Ok(()) });
    /// ```
    fn brpop<K: ToArgs, N: FromValue, V: FromValue>(self, keys: K, timeout: Duration) -> Self::Output<Option<(N, V)>> {
        self.execute(Cmd::new(&table::BRPOP).args_of(keys).arg(Seconds(timeout)))
    }

    /// As [`rpoplpush`](crate::ListCommands::rpoplpush); waits while the source is empty. `None` when nothing came in
    /// time.
    ///
    /// `BRPOPLPUSH`, since Redis 2.2.0; [`blmove`](BlockingCommands::blmove) is its newer form. Across nodes as there.
    ///
    /// # Errors
    /// As [`lmove`](crate::ListCommands::lmove).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.rpush("jobs", ["a", "b"])?;
    /// let job = cluster.brpoplpush("jobs", "running", Duration::from_secs(1))?;
    /// assert_eq!(job, Some("b".to_owned()));
    /// # Ok(()) });
    /// ```
    fn brpoplpush<S: ToArg, D: ToArg, V: FromValue>(
        self,
        source: S,
        destination: D,
        timeout: Duration,
    ) -> Self::Output<Option<V>> {
        self.execute(Cmd::new(&table::BRPOPLPUSH).arg(source).arg(destination).arg(Seconds(timeout)))
    }

    /// As [`zmpop`](crate::SortedSetCommands::zmpop); waits while all of the sorted sets are empty. `None` when nothing
    /// came in time.
    ///
    /// `BZMPOP`, since Redis 7.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// As [`zmpop`](crate::SortedSetCommands::zmpop).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScoreEnd, ScoredMember};
    /// use std::time::Duration;
    ///
    /// cluster.zadd("jobs", [(1, "sweep"), (9, "fire")])?;
    /// let jobs = cluster.bzmpop("jobs", ScoreEnd::Lowest, 5, Duration::from_secs(1))?;
    /// let (_, members): (String, Vec<ScoredMember<String>>) = jobs.unwrap();
    /// assert_eq!(members[0].member, "sweep");
    /// # Ok(()) });
    /// ```
    #[doc(alias = "bzmpop_min")]
    #[doc(alias = "bzmpop_max")]
    fn bzmpop<K: ToArgs, N: FromValue, M: FromValue>(
        self,
        keys: K,
        end: ScoreEnd,
        count: u64,
        timeout: Duration,
    ) -> Self::Output<Option<PoppedMembers<N, M>>> {
        let cmd = Cmd::new(&table::BZMPOP).arg(Seconds(timeout));
        self.execute(cmd.args_of(Counted(keys)).arg(end).arg("COUNT").arg(count))
    }

    /// Takes out the member with the highest score of the first sorted set that has one; waits while all of them are
    /// empty. Gives the name of the sorted set as its server stores it, so without a hash tag, the member and its
    /// score; `None` when nothing came in time.
    ///
    /// `BZPOPMAX`, since Redis 5.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a
    /// key before the first that has a member is no sorted set; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.zadd("jobs", [(1, "sweep"), (9, "fire")])?;
    /// let job: Option<(String, String, f64)> = cluster.bzpopmax("jobs", Duration::from_secs(1))?;
    /// assert_eq!(job, Some(("jobs".to_owned(), "fire".to_owned(), 9.0)));
    /// # Ok(()) });
    /// ```
    fn bzpopmax<K: ToArgs, N: FromValue, M: FromValue>(
        self,
        keys: K,
        timeout: Duration,
    ) -> Self::Output<Option<(N, M, f64)>> {
        self.execute(Cmd::new(&table::BZPOPMAX).args_of(keys).arg(Seconds(timeout)))
    }

    /// As [`bzpopmax`](BlockingCommands::bzpopmax), the member with the lowest score.
    ///
    /// `BZPOPMIN`, since Redis 5.0.0. Across nodes: all of them are watched at the same time, and the
    /// first that has something ends it; one of them at a time is asked for what it has.
    ///
    /// # Errors
    /// As [`bzpopmax`](BlockingCommands::bzpopmax).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let job: Option<(String, String, f64)> = cluster.bzpopmin("jobs", Duration::from_millis(10))?;
    /// assert_eq!(job, None);
    /// # Ok(()) });
    /// ```
    fn bzpopmin<K: ToArgs, N: FromValue, M: FromValue>(
        self,
        keys: K,
        timeout: Duration,
    ) -> Self::Output<Option<(N, M, f64)>> {
        self.execute(Cmd::new(&table::BZPOPMIN).args_of(keys).arg(Seconds(timeout)))
    }
}

impl<E: Execute> BlockingCommands for E {}
