//! Consumer groups: several consumers share the entries of a stream among themselves.

use super::options::Streams;
use super::{EntryRemoval, StreamEntries, StreamRefs, XGroupCreateOptions, XReadGroupOptions};
use crate::cmd::{Cmd, Execute};
use crate::commands::args::Counted;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};

/// Commands on consumer groups.
///
/// A group belongs to one stream and gives each of its entries to one of its consumers. The entry is then pending until
/// that consumer acknowledges it; what stays pending for too long can be claimed by another one, with
/// [`StreamPendingCommands`](crate::StreamPendingCommands). A consumer is a name, made when it is first used.
///
/// A group that is not there is a [`Server`](crate::ErrorKind::Server) error with the code `NOGROUP`, and a key of
/// another type a [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait StreamGroupCommands: Execute {
    /// Acknowledges entries, and gives how many of them were pending; 0 when there is no stream or no group.
    ///
    /// `XACK`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntries;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// assert_eq!(cluster.xack("orders", "kitchen", [id])?, 1);
    /// assert_eq!(cluster.xack("orders", "kitchen", id)?, 0);
    /// # Ok(()) });
    /// ```
    fn xack<K: ToArg, G: ToArg, I: ToArgs>(self, key: K, group: G, ids: I) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::XACK).arg(key).arg(group).args_of(ids))
    }

    /// Acknowledges entries and removes them from the stream, as `references` says with regard to other groups. Gives
    /// for each id what became of it; when there is no stream or no group, that all are missing.
    ///
    /// `XACKDEL`, since Redis 8.2.0.
    ///
    /// # Errors
    /// As [`xack`](StreamGroupCommands::xack), and [`Server`](crate::ErrorKind::Server) for no ids.
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.2", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{EntryRemoval, StreamEntries, StreamRefs};
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// let removed = cluster.xackdel("orders", "kitchen", StreamRefs::Acked, id)?;
    /// assert_eq!((removed, cluster.xlen("orders")?), (vec![EntryRemoval::Removed], 0));
    /// # Ok(()) });
    /// ```
    fn xackdel<K: ToArg, G: ToArg, I: ToArgs>(
        self,
        key: K,
        group: G,
        references: StreamRefs,
        ids: I,
    ) -> Self::Output<Vec<EntryRemoval>> {
        self.execute(Cmd::new(&table::XACKDEL).arg(key).arg(group).arg(references).arg("IDS").args_of(Counted(ids)))
    }

    /// Makes a group, which will give out the entries behind an id: a [`StreamId`](crate::StreamId), `"0"` for all there
    /// are, or `"$"` for those that are still to come.
    ///
    /// `XGROUP CREATE`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream, or, with the code `BUSYGROUP`, such a group
    /// already; [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream; and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "$")?;
    /// let again = cluster.xgroup_create("orders", "kitchen", "$").unwrap_err();
    /// assert_eq!(again.code(), Some("BUSYGROUP"));
    /// # Ok(()) });
    /// ```
    fn xgroup_create<K: ToArg, G: ToArg, I: ToArg>(self, key: K, group: G, id: I) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XGROUP_CREATE).arg(key).arg(group).arg(id))
    }

    /// As [`xgroup_create`](StreamGroupCommands::xgroup_create), for a stream that may not exist yet.
    ///
    /// `XGROUP CREATE` with options, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xgroup_create`](StreamGroupCommands::xgroup_create).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::XGroupCreateOptions;
    ///
    /// cluster.xgroup_create_with("orders", "kitchen", "0", XGroupCreateOptions::new().make_stream())?;
    /// assert_eq!(cluster.xlen("orders")?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xgroup_create_mkstream")]
    fn xgroup_create_with<K: ToArg, G: ToArg, I: ToArg>(
        self,
        key: K,
        group: G,
        id: I,
        options: XGroupCreateOptions,
    ) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XGROUP_CREATE).arg(key).arg(group).arg(id).args_of(options))
    }

    /// Makes a consumer, and gives whether there was none of that name.
    ///
    /// `XGROUP CREATECONSUMER`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`xgroup_setid`](StreamGroupCommands::xgroup_setid).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// assert!(cluster.xgroup_createconsumer("orders", "kitchen", "anna")?);
    /// assert!(!cluster.xgroup_createconsumer("orders", "kitchen", "anna")?);
    /// # Ok(()) });
    /// ```
    fn xgroup_createconsumer<K: ToArg, G: ToArg, C: ToArg>(self, key: K, group: G, consumer: C) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::XGROUP_CREATECONSUMER).arg(key).arg(group).arg(consumer))
    }

    /// Removes a consumer, and gives how many entries were pending with it. Those are pending for nobody then, so that
    /// they should be claimed first; 0 as well when there is no such consumer.
    ///
    /// `XGROUP DELCONSUMER`, since Redis 5.0.0.
    ///
    /// # Errors
    /// As [`xgroup_setid`](StreamGroupCommands::xgroup_setid).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntries;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let _: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// assert_eq!(cluster.xgroup_delconsumer("orders", "kitchen", "anna")?, 1);
    /// # Ok(()) });
    /// ```
    fn xgroup_delconsumer<K: ToArg, G: ToArg, C: ToArg>(self, key: K, group: G, consumer: C) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::XGROUP_DELCONSUMER).arg(key).arg(group).arg(consumer))
    }

    /// Removes a group with all that is pending in it, and gives whether there was one.
    ///
    /// `XGROUP DESTROY`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream, [`WrongType`](crate::ErrorKind::WrongType)
    /// when the key is none, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// assert!(cluster.xgroup_destroy("orders", "kitchen")?);
    /// assert!(!cluster.xgroup_destroy("orders", "kitchen")?);
    /// # Ok(()) });
    /// ```
    fn xgroup_destroy<K: ToArg, G: ToArg>(self, key: K, group: G) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::XGROUP_DESTROY).arg(key).arg(group))
    }

    /// Lets a group go on, or begin again, behind an id: as for [`xgroup_create`](StreamGroupCommands::xgroup_create).
    ///
    /// `XGROUP SETID`, since Redis 5.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such stream, or, with the code `NOGROUP`, no such group;
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no stream; and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntries;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "$")?;
    /// cluster.xgroup_setid("orders", "kitchen", "0")?;
    /// let read: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// assert_eq!(read[0].entries.len(), 1);
    /// # Ok(()) });
    /// ```
    fn xgroup_setid<K: ToArg, G: ToArg, I: ToArg>(self, key: K, group: G, id: I) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XGROUP_SETID).arg(key).arg(group).arg(id))
    }

    /// As [`xgroup_setid`](StreamGroupCommands::xgroup_setid), and says how many entries count as read by the group,
    /// from which its lag is told.
    ///
    /// `XGROUP SETID … ENTRIESREAD`, since Redis 7.0.0.
    ///
    /// # Errors
    /// As [`xgroup_setid`](StreamGroupCommands::xgroup_setid).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GroupInfo;
    ///
    /// let id = cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xadd("orders", ("item", "cups"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// cluster.xgroup_setid_entries_read("orders", "kitchen", id, 1)?;
    /// let groups: Vec<GroupInfo> = cluster.xinfo_groups("orders")?;
    /// assert_eq!(groups[0].lag, Some(1));
    /// # Ok(()) });
    /// ```
    fn xgroup_setid_entries_read<K: ToArg, G: ToArg, I: ToArg>(
        self,
        key: K,
        group: G,
        id: I,
        count: u64,
    ) -> Self::Output<()> {
        self.execute(Cmd::new(&table::XGROUP_SETID).arg(key).arg(group).arg(id).arg("ENTRIESREAD").arg(count))
    }

    /// Gives a consumer the next entries of one or several streams, each of which must have the group. A stream with an
    /// id is a pair, and several are a list of pairs. With the id `">"` it gives what no consumer has been given, and
    /// leaves out streams without that; with a [`StreamId`](crate::StreamId) or `"0"`, what is pending with this
    /// consumer behind that id, an entry that was deleted without its fields.
    ///
    /// `XREADGROUP`, since Redis 5.0.0. Across nodes: every stream is asked for its group first, so that nothing is given
    /// when one has none or cannot be reached; then each node reads its own streams, all at once, and the reply is in
    /// the order of the keys.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) with the code `NOGROUP` when there is no such stream or group;
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key is no stream; and
    /// [what every call may meet](crate#errors). When a node fails after others have given entries, the outcome is
    /// [`Partial`](crate::Outcome::Partial) or [`Unknown`](crate::Outcome::Unknown) and the error names those entries:
    /// they are pending, and the id `"0"` gives them.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::StreamEntries;
    ///
    /// cluster.xadd("orders", ("item", "tea"))?;
    /// cluster.xgroup_create("orders", "kitchen", "0")?;
    /// let new: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", ">"))?;
    /// assert_eq!(new[0].entries[0].fields["item"], "tea");
    /// let mine: Vec<StreamEntries> = cluster.xreadgroup("kitchen", "anna", ("orders", "0"))?;
    /// assert_eq!(mine, new);
    /// # Ok(()) });
    /// ```
    fn xreadgroup<G: ToArg, C: ToArg, P: ToPairs, N: FromValue, V: FromValue>(
        self,
        group: G,
        consumer: C,
        streams: P,
    ) -> Self::Output<Vec<StreamEntries<N, V>>> {
        self.execute(Cmd::new(&table::XREADGROUP).arg("GROUP").arg(group).arg(consumer).args_of(Streams(streams)))
    }

    /// As [`xreadgroup`](StreamGroupCommands::xreadgroup), not more than a number of entries, or waiting until there is
    /// one.
    ///
    /// `XREADGROUP` with options, since Redis 5.0.0. Across nodes: all of them are watched at the same time, and the first
    /// that has something ends it; one of them at a time is asked for what it has. The wait comes on top of the deadline of
    /// the call, and until it is over it keeps one connection to each node, outside of the pools.
    ///
    /// # Errors
    /// As [`xreadgroup`](StreamGroupCommands::xreadgroup); the stream or the group may also go during the wait.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, XGroupCreateOptions, XReadGroupOptions};
    /// use std::time::Duration;
    ///
    /// cluster.xgroup_create_with("orders", "kitchen", "0", XGroupCreateOptions::new().make_stream())?;
    /// let options = XReadGroupOptions::new().count(10).block(Duration::from_millis(20));
    /// let new: Vec<StreamEntries> = cluster.xreadgroup_with("kitchen", "anna", ("orders", ">"), options)?;
    /// assert!(new.is_empty());
    /// # Ok(()) });
    /// ```
    ///
    /// A consumer of streams on several nodes. What it was given before it was stopped comes first; then it waits for
    /// what is new, on all nodes at once.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{StreamEntries, XGroupCreateOptions, XReadGroupOptions};
    /// use std::time::Duration;
    ///
    /// let shops = ["shop:london", "shop:paris", "shop:rome"];
    /// for shop in shops {
    ///     cluster.xgroup_create_with(shop, "kitchen", "0", XGroupCreateOptions::new().make_stream())?;
    ///     cluster.xadd(shop, ("item", "tea"))?;
    /// }
    /// # let mut cooked = 0;
    /// let options = XReadGroupOptions::new().count(10).block(Duration::from_secs(5));
    /// let mut behind = "0";
    /// loop {
    ///     let read: Vec<StreamEntries> =
    ///         cluster.xreadgroup_with("kitchen", "anna", shops.map(|shop| (shop, behind)), options)?;
    ///     if read.iter().all(|stream| stream.entries.is_empty()) {
    ///         // Nothing of hers is left, or nothing came in time.
    ///         behind = ">";
    ///     }
    ///     for stream in read {
    ///         for entry in stream.entries {
    ///             println!("{}: {}", stream.name, entry.fields["item"]);
    ///             cluster.xack(&stream.name, "kitchen", entry.id)?;
    /// #           cooked += 1;
    ///         }
    ///     }
    /// #   if cooked == 3 { break }
    /// }
    /// # Ok(()) });
    /// ```
    #[doc(alias = "xread_options")]
    fn xreadgroup_with<G: ToArg, C: ToArg, P: ToPairs, N: FromValue, V: FromValue>(
        self,
        group: G,
        consumer: C,
        streams: P,
        options: XReadGroupOptions,
    ) -> Self::Output<Vec<StreamEntries<N, V>>> {
        let cmd = Cmd::new(&table::XREADGROUP).arg("GROUP").arg(group).arg(consumer);
        self.execute(cmd.args_of(options).args_of(Streams(streams)))
    }
}

impl<E: Execute> StreamGroupCommands for E {}
