//! Streams.

mod details;
mod groups;
mod ids;
mod info;
mod options;
mod pending;
mod replies;

pub use details::{ConsumerDetails, Delivery, GroupDetails, StreamDetails};
pub use groups::StreamGroupCommands;
pub use ids::StreamId;
pub use info::{ConsumerInfo, GroupInfo, StreamInfo};
pub use options::{
    StreamRefs, StreamTrim, XAddOptions, XClaimOptions, XGroupCreateOptions, XPendingOptions, XReadGroupOptions,
    XReadOptions, XSetIdOptions,
};
pub use pending::StreamPendingCommands;
pub use replies::{AutoClaimed, EntryRemoval, PendingEntry, PendingSummary, StreamEntries, StreamEntry};

use super::args::Counted;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use ids::Ends;
use options::{Count, Streams};
use std::ops::RangeBounds;

/// Commands on streams and their entries.
///
/// A stream is a list of entries in the order of their ids, to which new ones come at the end. An entry is some fields
/// with values, which never change. Unlike other types, a stream that has lost its last entry still exists. A key of
/// another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
///
/// Consumer groups, whose members share the entries among themselves, are in [`StreamGroupCommands`] and
/// [`StreamPendingCommands`].
pub trait StreamCommands: Execute {
    /// Adds an entry to a stream, which is made where there is none, and gives the id that the server made for it.
    ///
    /// `XADD`, since Redis 5.0.0. See [`xadd_with`](StreamCommands::xadd_with) for an id of one's own and for streams
    /// that do not grow for ever.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) for no fields, nothing sent; [`WrongType`](crate::ErrorKind::WrongType)
    /// when the key is no stream; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let first = cluster.xadd("orders", [("item", "tea"), ("count", "2")])?;
    /// let second = cluster.xadd("orders", ("item", "cups"))?;
    /// assert!(first < second);
    /// # Ok(()) });
    /// ```
    fn xadd<K: ToArg, P: ToPairs>(self, key: K, fields: P) -> Self::Output<StreamId> {
        self.execute(Cmd::new(&table::XADD).arg(key).arg("*").pairs(fields))
    }

    /// Adds an entry as the options say; `None` when it was only to be added to a stream that exists, and there is
    /// none.
    ///
    /// `XADD` with options, since Redis 5.0.0; see [`XAddOptions`] for what came later.
    ///
    /// # Errors
    /// As [`xadd`](StreamCommands::xadd), and [`Server`](crate::ErrorKind::Server) for an id that is not higher than
    /// every one before.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamId, StreamTrim, XAddOptions};
    ///
    /// let newest = StreamTrim::max_len(1000).approximately();
    /// let options = XAddOptions::new().id(StreamId::new(5, 1)).trim(newest);
    /// assert_eq!(cluster.xadd_with("orders", ("item", "tea"), options)?, Some(StreamId::new(5, 1)));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xadd_options")]
    #[doc(alias = "xadd_maxlen")]
    #[doc(alias = "xadd_map")]
    fn xadd_with<K: ToArg, P: ToPairs>(
        self,
        key: K,
        fields: P,
        options: XAddOptions,
    ) -> Self::Output<Option<StreamId>> {
        self.execute(Cmd::new(&table::XADD).arg(key).args_of(options).pairs(fields))
    }

    /// Removes entries, and gives how many of them were there. Consumer groups go on holding the ids.
    ///
    /// `XDEL`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xlen`](StreamCommands::xlen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// assert_eq!(cluster.xdel("orders", id)?, 1);
    /// assert_eq!(cluster.xdel("orders", [id])?, 0);
    /// # Ok(()) });
    /// ```
    fn xdel<K: ToArg, I: ToArgs>(self, key: K, ids: I) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::XDEL).arg(key).args_of(ids))
    }

    /// Removes entries from the stream and, as `references` says, from the consumer groups. Gives for each id what
    /// became of it; when there is no stream, that all are missing.
    ///
    /// `XDELEX`, since Redis 8.2.0.
    ///
    /// # Errors
    /// As [`xlen`](StreamCommands::xlen), and [`Server`](crate::ErrorKind::Server) for no ids.
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.2", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{EntryRemoval, StreamRefs};
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// assert_eq!(cluster.xdelex("orders", StreamRefs::Delete, id)?, [EntryRemoval::Removed]);
    /// assert_eq!(cluster.xdelex("orders", StreamRefs::Delete, id)?, [EntryRemoval::Missing]);
    /// # Ok(()) });
    /// ```
    fn xdelex<K: ToArg, I: ToArgs>(self, key: K, references: StreamRefs, ids: I) -> Self::Output<Vec<EntryRemoval>> {
        self.execute(Cmd::new(&table::XDELEX).arg(key).arg(references).arg("IDS").args_of(Counted(ids)))
    }

    /// Tells about the consumers of a group.
    ///
    /// `XINFO CONSUMERS`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream, or, with the code `NOGROUP`, no such group;
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream; and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ConsumerInfo, StreamEntries};
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let consumers: Vec<ConsumerInfo> = cluster.xinfo_consumers("orders", "kitchen")?;
    /// assert_eq!((consumers[0].name.as_str(), consumers[0].pending), ("anna", 1));
    /// # Ok(()) });
    /// ```
    fn xinfo_consumers<K: ToArg, G: ToArg, N: FromValue>(self, key: K, group: G) -> Self::Output<Vec<ConsumerInfo<N>>> {
        self.execute(Cmd::new(&table::XINFO_CONSUMERS).arg(key).arg(group))
    }

    /// Tells about the consumer groups of a stream.
    ///
    /// `XINFO GROUPS`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xinfo_stream`](StreamCommands::xinfo_stream).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GroupInfo;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let groups: Vec<GroupInfo> = cluster.xinfo_groups("orders")?;
    /// assert_eq!((groups[0].name.as_str(), groups[0].consumers), ("kitchen", 0));
    /// # Ok(()) });
    /// ```
    fn xinfo_groups<K: ToArg, N: FromValue>(self, key: K) -> Self::Output<Vec<GroupInfo<N>>> {
        self.execute(Cmd::new(&table::XINFO_GROUPS).arg(key))
    }

    /// Tells about a stream.
    ///
    /// `XINFO STREAM`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream, [`WrongType`](crate::ErrorKind::WrongType)
    /// when the key is none, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamInfo;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// let info: StreamInfo = cluster.xinfo_stream("orders")?;
    /// assert_eq!((info.length, info.last_id), (1, id));
    /// assert_eq!(info.first_entry.map(|entry| entry.fields["item"].clone()), Some("tea".to_owned()));
    /// # Ok(()) });
    /// ```
    fn xinfo_stream<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<StreamInfo<V>> {
        self.execute(Cmd::new(&table::XINFO_STREAM).arg(key))
    }

    /// Tells about a stream with its entries, its groups and all that is pending, of each kind at most `count`; for
    /// `None` ten, for 0 all.
    ///
    /// `XINFO STREAM … FULL`, since Redis 6.0.0.
    ///
    /// # Errors
    /// As [`xinfo_stream`](StreamCommands::xinfo_stream).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamDetails;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let all: StreamDetails = cluster.xinfo_stream_full("orders", None)?;
    /// assert_eq!((all.entries.len(), all.groups[0].name.as_str()), (1, "kitchen"));
    /// # Ok(()) });
    /// ```
    fn xinfo_stream_full<K: ToArg, V: FromValue, N: FromValue>(
        self,
        key: K,
        count: Option<u64>,
    ) -> Self::Output<StreamDetails<V, N>> {
        self.execute(Cmd::new(&table::XINFO_STREAM).arg(key).arg("FULL").args_of(Count(count)))
    }

    /// Gives the number of entries; 0 when there is no stream.
    ///
    /// `XLEN`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.xlen("missing")?, 0);
    /// # Ok(()) });
    /// ```
    fn xlen<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::XLEN).arg(key))
    }

    /// Gives the entries with ids in a range, one of Rust's ranges or a pair of [`Bound`](std::ops::Bound)s, the lowest
    /// id first. None when there is no stream.
    ///
    /// `XRANGE`, since Redis 5.0.0; ends that do not belong to the range since 6.2.0.
    ///
    /// # Errors
    /// As [`xlen`](StreamCommands::xlen), and [`Server`](crate::ErrorKind::Server) for a range that begins behind
    /// [`StreamId::MAX`] or ends in front of [`StreamId::MIN`].
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntry;
    ///
    /// let first = cluster.xadd("orders", ("item", "tea"))?;
    /// let second = cluster.xadd("orders", ("item", "cups"))?;
    /// let all: Vec<StreamEntry> = cluster.xrange("orders", ..)?;
    /// assert_eq!((all.len(), all[1].fields["item"].as_str()), (2, "cups"));
    /// let in_front: Vec<StreamEntry> = cluster.xrange("orders", ..second)?;
    /// assert_eq!((in_front.len(), in_front[0].id), (1, first));
    /// # Ok(()) });
    /// ```
    fn xrange<K: ToArg, R: RangeBounds<StreamId>, V: FromValue>(
        self,
        key: K,
        range: R,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        self.execute(Cmd::new(&table::XRANGE).arg(key).args_of(Ends::of(&range)))
    }

    /// As [`xrange`](StreamCommands::xrange), at most `count` entries.
    ///
    /// `XRANGE … COUNT`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xrange`](StreamCommands::xrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntry;
    /// use std::ops::Bound;
    ///
    /// for number in 0..25 {
    ///     cluster.xadd("numbers", ("n", number))?;
    /// }
    /// // All of a long stream, ten entries at a time.
    /// let (mut sum, mut from) = (0, Bound::Unbounded);
    /// loop {
    ///     let page: Vec<StreamEntry<[(String, u32); 1]>> =
    ///         cluster.xrange_count("numbers", (from, Bound::Unbounded), 10)?;
    ///     let Some(last) = page.last() else { break };
    ///     from = Bound::Excluded(last.id);
    ///     sum += page.iter().map(|entry| entry.fields[0].1).sum::<u32>();
    /// }
    /// assert_eq!(sum, 300);
    /// # Ok(()) });
    /// ```
    fn xrange_count<K: ToArg, R: RangeBounds<StreamId>, V: FromValue>(
        self,
        key: K,
        range: R,
        count: u64,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        self.execute(Cmd::new(&table::XRANGE).arg(key).args_of(Ends::of(&range)).args_of(Count(Some(count))))
    }

    /// Gives the entries behind an id, for each of several streams; none for one that does not exist or has nothing
    /// new. A stream with its id is a pair, and several are a list of pairs. The id is a [`StreamId`], `"0"` for the
    /// whole stream, or `"+"` for its last entry alone, since Redis 7.4.0.
    ///
    /// `XREAD`, since Redis 5.0.0. Across nodes: each reads its own streams, all at once, and the reply is in the order
    /// of the keys. A replica answers with what has arrived there.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key is no stream, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntries;
    ///
    /// let first = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xadd("orders", ("item", "cups"))?;
    /// cluster.xadd("returns", ("item", "pot"))?;
    /// let read: Vec<StreamEntries> = cluster.xread([("orders", first.to_string()), ("returns", "0".to_owned())])?;
    /// assert_eq!((read[0].name.as_str(), read[0].entries.len()), ("orders", 1));
    /// assert_eq!(read[1].entries[0].fields["item"], "pot");
    /// # Ok(()) });
    /// ```
    fn xread<P: ToPairs, N: FromValue, V: FromValue>(self, streams: P) -> Self::Output<Vec<StreamEntries<N, V>>> {
        self.execute(Cmd::new(&table::XREAD).args_of(Streams(streams)))
    }

    /// As [`xread`](StreamCommands::xread), not more than a number of entries, or waiting until there is one. Only here
    /// does the id `"$"` make sense, for what is added from now on.
    ///
    /// `XREAD` with options, since Redis 5.0.0. Across nodes: who may wait reads from the masters, all of which are
    /// watched at the same time; the first that has something ends it. `"$"` is then the last id at the time of the call, so
    /// nothing that is added later is missed. The wait comes on top of the deadline of the call, and until it is over it
    /// keeps one connection to each node, outside of the pools.
    ///
    /// # Errors
    /// As [`xread`](StreamCommands::xread).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, XReadOptions};
    /// use std::time::Duration;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// let options = XReadOptions::new().count(10).block(Duration::from_millis(20));
    /// let new: Vec<StreamEntries> = cluster.xread_with(("orders", "$"), options)?;
    /// assert!(new.is_empty());
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xread_options")]
    fn xread_with<P: ToPairs, N: FromValue, V: FromValue>(
        self,
        streams: P,
        options: XReadOptions,
    ) -> Self::Output<Vec<StreamEntries<N, V>>> {
        self.execute(Cmd::new(&table::XREAD).args_of(options).args_of(Streams(streams)))
    }

    /// As [`xrange`](StreamCommands::xrange), the highest id first.
    ///
    /// `XREVRANGE`, since Redis 5.0.0; ends that do not belong to the range since 6.2.0.
    ///
    /// # Errors
    /// As [`xrange`](StreamCommands::xrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntry;
    ///
    /// let first = cluster.xadd("orders", ("item", "tea"))?;
    /// let second = cluster.xadd("orders", ("item", "cups"))?;
    /// let back: Vec<StreamEntry> = cluster.xrevrange("orders", first..=second)?;
    /// assert_eq!((back[0].id, back[1].id), (second, first));
    /// # Ok(()) });
    /// ```
    fn xrevrange<K: ToArg, R: RangeBounds<StreamId>, V: FromValue>(
        self,
        key: K,
        range: R,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        self.execute(Cmd::new(&table::XREVRANGE).arg(key).args_of(Ends::reversed(&range)))
    }

    /// As [`xrevrange`](StreamCommands::xrevrange), at most `count` entries.
    ///
    /// `XREVRANGE … COUNT`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xrange`](StreamCommands::xrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntry;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xadd("orders", ("item", "cups"))?;
    /// let newest: Vec<StreamEntry> = cluster.xrevrange_count("orders", .., 1)?;
    /// assert_eq!(newest[0].fields["item"], "cups");
    /// # Ok(()) });
    /// ```
    fn xrevrange_count<K: ToArg, R: RangeBounds<StreamId>, V: FromValue>(
        self,
        key: K,
        range: R,
        count: u64,
    ) -> Self::Output<Vec<StreamEntry<V>>> {
        self.execute(Cmd::new(&table::XREVRANGE).arg(key).args_of(Ends::reversed(&range)).args_of(Count(Some(count))))
    }

    /// Sets the id behind which the next one must be, as if an entry with it had been added last.
    ///
    /// `XSETID`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream or it has an entry with a higher id,
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamId, XAddOptions};
    ///
    /// cluster.xadd_with("orders", ("item", "tea"), XAddOptions::new().id(StreamId::new(5, 1)))?;
    /// cluster.xsetid("orders", StreamId::new(9, 9))?;
    /// assert!(cluster.xadd_with("orders", ("item", "cups"), XAddOptions::new().id(StreamId::new(7, 1))).is_err());
    /// # Ok(()) });
    /// ```
    fn xsetid<K: ToArg>(self, key: K, id: StreamId) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XSETID).arg(key).arg(id))
    }

    /// As [`xsetid`](StreamCommands::xsetid), with what else the stream remembers about its past.
    ///
    /// `XSETID` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// As [`xsetid`](StreamCommands::xsetid), and [`Server`](crate::ErrorKind::Server) for what cannot be true of the
    /// stream.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamId, StreamInfo, XSetIdOptions};
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// let past = XSetIdOptions::new().entries_added(100).max_deleted_id(StreamId::new(5, 1));
    /// cluster.xsetid_with("orders", id, past)?;
    /// let info: StreamInfo = cluster.xinfo_stream("orders")?;
    /// assert_eq!(info.entries_added, Some(100));
    /// # Ok(()) });
    /// ```
    fn xsetid_with<K: ToArg>(self, key: K, id: StreamId, options: XSetIdOptions) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XSETID).arg(key).arg(id).args_of(options))
    }

    /// Removes the oldest entries, and gives how many those were; 0 when there is no stream.
    ///
    /// `XTRIM`, since Redis 5.0.0; see [`StreamTrim`] for what came later.
    ///
    /// # Errors
    /// As [`xlen`](StreamCommands::xlen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamTrim;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// let id = cluster.xadd("orders", ("item", "cups"))?;
    /// assert_eq!(cluster.xtrim("orders", StreamTrim::min_id(id))?, 1);
    /// assert_eq!(cluster.xtrim("orders", StreamTrim::max_len(0))?, 1);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xtrim_options")]
    fn xtrim<K: ToArg>(self, key: K, trim: StreamTrim) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::XTRIM).arg(key).args_of(trim))
    }
}

impl<E: Execute> StreamCommands for E {}
