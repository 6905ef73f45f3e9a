//! What consumers were given and have not acknowledged.

use super::options::Count;
use super::{AutoClaimed, Ends, PendingEntry, PendingSummary, StreamEntry, StreamId, XClaimOptions, XPendingOptions};
use crate::cmd::{Cmd, Execute};
use crate::commands::time::millis;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::ops::RangeBounds;
use std::time::Duration;

/// Commands on the entries that are pending in a consumer group: looking at them, and giving those of a consumer that
/// is gone to another one.
///
/// A stream or a group that is not there is a [`Server`](crate::ErrorKind::Server) error with the code `NOGROUP`, and
/// a key of another type a [`WrongType`](crate::ErrorKind::WrongType) error. How long something must have been pending
/// is rounded up to whole milliseconds.
pub trait StreamPendingCommands: Execute {
    /// Makes entries that have been pending for `min_idle` or longer those of another consumer and gives them, the
    /// lowest id first. It looks from the id `start` on, at not more than about `count` entries, or 100, and says where
    /// it stopped.
    ///
    /// `XAUTOCLAIM`, since Redis 6.2.0. Entries that were deleted are left out.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) with the code `NOGROUP` when there is no stream or no group,
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{AutoClaimed, StreamEntries, StreamEntry, StreamId};
    /// use std::time::Duration;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// // Anna has gone home: bert takes over all that she left.
    /// let mut from = Some(StreamId::MIN);
    /// while let Some(start) = from {
    ///     let some: AutoClaimed<StreamEntry> =
    ///         cluster.xautoclaim("orders", "kitchen", "bert", Duration::ZERO, start, None)?;
    ///     assert_eq!(some.claimed[0].fields["item"], "tea");
    ///     from = some.next;
    /// }
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xautoclaim_options")]
    fn xautoclaim<K: ToArg, G: ToArg, C: ToArg, V: FromValue>(
        self,
        key: K,
        group: G,
        consumer: C,
        min_idle: Duration,
        start: StreamId,
        count: Option<u64>,
    ) -> Self::Output<AutoClaimed<StreamEntry<V>>> {
        let cmd = Cmd::new(&table::XAUTOCLAIM).arg(key).arg(group).arg(consumer).arg(millis(min_idle));
        self.execute(cmd.arg(start).args_of(Count(count)))
    }

    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim), but gives ids alone, and does not count it as one more time
    /// that the entries were given out.
    ///
    /// `XAUTOCLAIM … JUSTID`, since Redis 6.2.0. Before 7.0.0 it claims deleted entries, too.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, StreamId};
    /// use std::time::Duration;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let some = cluster.xautoclaim_ids("orders", "kitchen", "bert", Duration::ZERO, StreamId::MIN, Some(10))?;
    /// assert_eq!((some.claimed, some.next), (vec![id], None));
    /// # Ok(()) });
    /// ```
    fn xautoclaim_ids<K: ToArg, G: ToArg, C: ToArg>(
        self,
        key: K,
        group: G,
        consumer: C,
        min_idle: Duration,
        start: StreamId,
        count: Option<u64>,
    ) -> Self::Output<AutoClaimed<StreamId>> {
        let cmd = Cmd::new(&table::XAUTOCLAIM).arg(key).arg(group).arg(consumer).arg(millis(min_idle));
        self.execute(cmd.arg(start).args_of(Count(count)).arg("JUSTID"))
    }

    /// Makes pending entries those of another consumer, where they have been pending for `min_idle` or longer, and
    /// gives those that it got. Entries that were deleted are left out.
    ///
    /// `XCLAIM`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, StreamEntry};
    /// use std::time::Duration;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let got: Vec<StreamEntry> = cluster.xclaim("orders", "kitchen", "bert", Duration::ZERO, id)?;
    /// assert_eq!(got[0].fields["item"], "tea");
    /// # Ok(()) });
    /// ```
    fn xclaim<K: ToArg, G: ToArg, C: ToArg, I: ToArgs, V: FromValue>(
        self,
        key: K,
        group: G,
        consumer: C,
        min_idle: Duration,
        ids: I,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        let cmd = Cmd::new(&table::XCLAIM).arg(key).arg(group).arg(consumer).arg(millis(min_idle));
        self.execute(cmd.args_of(ids))
    }

    /// As [`xclaim_with`](StreamPendingCommands::xclaim_with), but gives ids alone, and does not count it as one more
    /// time that the entries were given out.
    ///
    /// `XCLAIM … JUSTID`, since Redis 5.0.0. Before 7.0.0 it claims deleted entries, too.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, XClaimOptions};
    /// use std::time::Duration;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let got = cluster.xclaim_ids("orders", "kitchen", "bert", Duration::ZERO, id, XClaimOptions::new())?;
    /// assert_eq!(got, [id]);
    /// # Ok(()) });
    /// ```
    fn xclaim_ids<K: ToArg, G: ToArg, C: ToArg, I: ToArgs>(
        self,
        key: K,
        group: G,
        consumer: C,
        min_idle: Duration,
        ids: I,
        options: XClaimOptions,
    ) -> Self::Output<Vec<StreamId>> {
        let cmd = Cmd::new(&table::XCLAIM).arg(key).arg(group).arg(consumer).arg(millis(min_idle));
        self.execute(cmd.args_of(ids).args_of(options).arg("JUSTID"))
    }

    /// As [`xclaim`](StreamPendingCommands::xclaim), and writes down for the entries what the options say.
    ///
    /// `XCLAIM` with options, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntry, XClaimOptions};
    /// use std::time::Duration;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let nobodys = XClaimOptions::new().force().deliveries(3);
    /// let got: Vec<StreamEntry> = cluster.xclaim_with("orders", "kitchen", "bert", Duration::ZERO, id, nobodys)?;
    /// assert_eq!(got.len(), 1);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xclaim_options")]
    fn xclaim_with<K: ToArg, G: ToArg, C: ToArg, I: ToArgs, V: FromValue>(
        self,
        key: K,
        group: G,
        consumer: C,
        min_idle: Duration,
        ids: I,
        options: XClaimOptions,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        let cmd = Cmd::new(&table::XCLAIM).arg(key).arg(group).arg(consumer).arg(millis(min_idle));
        self.execute(cmd.args_of(ids).args_of(options))
    }

    /// Gives in short what is pending in a group.
    ///
    /// `XPENDING`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{PendingSummary, StreamEntries};
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let pending: PendingSummary = cluster.xpending("orders", "kitchen")?;
    /// assert_eq!((pending.count, pending.lowest), (1, Some(id)));
    /// assert_eq!(pending.consumers, [("anna".to_owned(), 1)]);
    /// # Ok(()) });
    /// ```
    fn xpending<K: ToArg, G: ToArg, N: FromValue>(self, key: K, group: G) -> Self::Output<PendingSummary<N>> {
        self.execute(Cmd::new(&table::XPENDING).arg(key).arg(group))
    }

    /// Gives what is pending in a group with ids in a range, the lowest first and at most `count`.
    ///
    /// `XPENDING` with a range, since Redis 5.0.0; ends that do not belong to the range since 6.2.0.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{PendingEntry, StreamEntries};
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let pending: Vec<PendingEntry> = cluster.xpending_range("orders", "kitchen", .., 10)?;
    /// assert_eq!((pending[0].id, pending[0].consumer.as_str(), pending[0].deliveries), (id, "anna", 1));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xpending_count")]
    #[doc(alias = "xpending_consumer_count")]
    fn xpending_range<K: ToArg, G: ToArg, R: RangeBounds<StreamId>, N: FromValue>(
        self,
        key: K,
        group: G,
        range: R,
        count: u64,
    ) -> Self::Output<Vec<PendingEntry<N>>> {
        self.execute(Cmd::new(&table::XPENDING).arg(key).arg(group).args_of(Ends::of(&range)).arg(count))
    }

    /// As [`xpending_range`](StreamPendingCommands::xpending_range), of one consumer only, or what is pending for long.
    ///
    /// `XPENDING` with a range and options, since Redis 5.0.0; see [`XPendingOptions`] for what came later.
    ///
    /// # Errors
    /// As [`xautoclaim`](StreamPendingCommands::xautoclaim).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{PendingEntry, StreamEntries, XPendingOptions};
    /// use std::time::Duration;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let forgotten = XPendingOptions::new().idle(Duration::from_secs(3600)).consumer("anna");
    /// let pending: Vec<PendingEntry> = cluster.xpending_range_with("orders", "kitchen", .., 10, forgotten)?;
    /// assert!(pending.is_empty());
    /// # Ok(()) });
    /// ```
    fn xpending_range_with<K: ToArg, G: ToArg, R: RangeBounds<StreamId>, N: FromValue>(
        self,
        key: K,
        group: G,
        range: R,
        count: u64,
        options: XPendingOptions,
    ) -> Self::Output<Vec<PendingEntry<N>>> {
        let cmd = Cmd::new(&table::XPENDING).arg(key).arg(group).args_of(options.in_front());
        self.execute(cmd.args_of(Ends::of(&range)).arg(count).args_of(options.behind()))
    }
}

impl<E: Execute> StreamPendingCommands for E {}
