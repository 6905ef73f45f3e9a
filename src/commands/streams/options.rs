//! The words that go with commands on streams.

use super::StreamId;
use crate::command::Args;
use crate::commands::time::{millis, unix_millis, wait_millis};
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::time::{Duration, SystemTime};

/// Writes a word and what belongs to it.
#[inline]
fn write_named(word: &str, value: Option<impl ToArg>, args: &mut Args) {
    if let Some(value) = value {
        word.write_arg(args);
        value.write_arg(args);
    }
}

/// How many, where it is said.
pub(super) struct Count(pub(super) Option<u64>);

impl ToArgs for Count {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        write_named("COUNT", self.0, args);
    }
}

/// Streams with their ids, as they are read: all names first, then all ids.
pub(super) struct Streams<P>(pub(super) P);

impl<P: ToPairs> ToArgs for Streams<P> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let mut pairs = Args::new();
        self.0.write_pairs(&mut pairs);
        "STREAMS".write_arg(args);
        pairs.iter().step_by(2).for_each(|name| args.push(name));
        pairs.iter().skip(1).step_by(2).for_each(|id| args.push(id));
    }
}

/// What becomes of the places where consumer groups still hold an entry that is removed. Since Redis 8.2.0.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamRefs {
    /// They stay, and what is pending there is an id without an entry: `KEEPREF`. So do the older commands.
    Keep,
    /// They go with the entry: `DELREF`.
    Delete,
    /// An entry is removed only when every group has read and acknowledged it: `ACKED`.
    Acked,
}

impl ToArg for StreamRefs {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            StreamRefs::Keep => "KEEPREF",
            StreamRefs::Delete => "DELREF",
            StreamRefs::Acked => "ACKED",
        };
        word.write_arg(args);
    }
}

/// Which entries of a stream go because they are too many or too old; always the oldest ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTrim {
    keep: Keep,
    approximate: bool,
    limit: Option<u64>,
    references: Option<StreamRefs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Newest(u64),
    From(StreamId),
}

impl StreamTrim {
    #[inline]
    fn new(keep: Keep) -> StreamTrim {
        StreamTrim { keep, approximate: false, limit: None, references: None }
    }

    /// Leaves this many entries: `MAXLEN`.
    #[inline]
    pub fn max_len(count: u64) -> StreamTrim {
        StreamTrim::new(Keep::Newest(count))
    }

    /// Leaves the entries from this id on: `MINID`, since Redis 6.2.0.
    #[inline]
    pub fn min_id(id: StreamId) -> StreamTrim {
        StreamTrim::new(Keep::From(id))
    }

    /// May leave some more entries than asked for, which is much less work for the server: `~`.
    #[inline]
    pub fn approximately(mut self) -> StreamTrim {
        self.approximate = true;
        self
    }

    /// Removes no more than this many entries at a time, 0 for as many as it takes: `LIMIT`, since Redis 6.2.0. Servers
    /// refuse it without [`approximately`](StreamTrim::approximately).
    #[inline]
    pub fn limit(mut self, count: u64) -> StreamTrim {
        self.limit = Some(count);
        self
    }

    /// What becomes of the places where consumer groups hold the entries: since Redis 8.2.0.
    #[inline]
    pub fn references(mut self, references: StreamRefs) -> StreamTrim {
        self.references = Some(references);
        self
    }
}

impl ToArgs for StreamTrim {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let word = match self.keep {
            Keep::Newest(_) => "MAXLEN",
            Keep::From(_) => "MINID",
        };
        word.write_arg(args);
        if self.approximate {
            "~".write_arg(args);
        }
        match self.keep {
            Keep::Newest(count) => count.write_arg(args),
            Keep::From(id) => id.write_arg(args),
        }
        write_named("LIMIT", self.limit, args);
        if let Some(references) = self.references {
            references.write_arg(args);
        }
    }
}

/// The options of [`xadd_with`](crate::StreamCommands::xadd_with). There is one id; the last one said counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XAddOptions {
    if_exists: bool,
    trim: Option<StreamTrim>,
    id: Option<Id>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Whole(StreamId),
    Millis(u64),
}

impl XAddOptions {
    /// No options: the server makes the id, and the stream where there is none.
    #[inline]
    pub fn new() -> XAddOptions {
        XAddOptions::default()
    }

    /// Adds nothing to a stream that does not exist: `NOMKSTREAM`, since Redis 6.2.0.
    #[inline]
    pub fn if_exists(mut self) -> XAddOptions {
        self.if_exists = true;
        self
    }

    /// Gives the entry this id, which must be higher than that of every entry that the stream ever had.
    #[inline]
    pub fn id(mut self, id: StreamId) -> XAddOptions {
        self.id = Some(Id::Whole(id));
        self
    }

    /// Gives the entry an id with this first half, and lets the server count the second: since Redis 7.0.0.
    #[inline]
    pub fn millis(mut self, millis: u64) -> XAddOptions {
        self.id = Some(Id::Millis(millis));
        self
    }

    /// Removes old entries after the new one is added.
    #[inline]
    pub fn trim(mut self, trim: StreamTrim) -> XAddOptions {
        self.trim = Some(trim);
        self
    }
}

impl ToArgs for XAddOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if self.if_exists {
            "NOMKSTREAM".write_arg(args);
        }
        if let Some(trim) = self.trim {
            trim.write_args(args);
        }
        match self.id {
            None => "*".write_arg(args),
            Some(Id::Whole(id)) => id.write_arg(args),
            Some(Id::Millis(millis)) => format!("{millis}-*").write_arg(args),
        }
    }
}

/// The options of [`xsetid_with`](crate::StreamCommands::xsetid_with). Servers want both of them or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XSetIdOptions {
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

impl XSetIdOptions {
    /// No options.
    #[inline]
    pub fn new() -> XSetIdOptions {
        XSetIdOptions::default()
    }

    /// How many entries were ever added: `ENTRIESADDED`, since Redis 7.0.0.
    #[inline]
    pub fn entries_added(mut self, count: u64) -> XSetIdOptions {
        self.entries_added = Some(count);
        self
    }

    /// The highest id of an entry that was deleted: `MAXDELETEDID`, since Redis 7.0.0.
    #[inline]
    pub fn max_deleted_id(mut self, id: StreamId) -> XSetIdOptions {
        self.max_deleted_id = Some(id);
        self
    }
}

impl ToArgs for XSetIdOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        write_named("ENTRIESADDED", self.entries_added, args);
        write_named("MAXDELETEDID", self.max_deleted_id, args);
    }
}

/// The options of [`xread_with`](crate::StreamCommands::xread_with).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XReadOptions {
    count: Option<u64>,
    block: Option<Duration>,
}

impl XReadOptions {
    /// No options: gives all that there is, at once.
    #[inline]
    pub fn new() -> XReadOptions {
        XReadOptions::default()
    }

    /// Gives at most this many entries of each stream: `COUNT`.
    #[inline]
    pub fn count(mut self, count: u64) -> XReadOptions {
        self.count = Some(count);
        self
    }

    /// Waits up to this long while there is nothing: `BLOCK`. Zero and more than a hundred years wait for ever; any
    /// other time is rounded up to whole milliseconds, so that the shortest never becomes the longest.
    #[inline]
    pub fn block(mut self, time: Duration) -> XReadOptions {
        self.block = Some(time);
        self
    }
}

impl ToArgs for XReadOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        Count(self.count).write_args(args);
        write_named("BLOCK", self.block.map(wait_millis), args);
    }
}

/// The options of [`xreadgroup_with`](crate::StreamGroupCommands::xreadgroup_with).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XReadGroupOptions {
    read: XReadOptions,
    no_ack: bool,
}

impl XReadGroupOptions {
    /// No options: gives all that there is, at once, and waits for it to be acknowledged.
    #[inline]
    pub fn new() -> XReadGroupOptions {
        XReadGroupOptions::default()
    }

    /// As [`XReadOptions::count`].
    #[inline]
    pub fn count(mut self, count: u64) -> XReadGroupOptions {
        self.read = self.read.count(count);
        self
    }

    /// As [`XReadOptions::block`].
    #[inline]
    pub fn block(mut self, time: Duration) -> XReadGroupOptions {
        self.read = self.read.block(time);
        self
    }

    /// Takes entries as acknowledged as soon as they are given, so that none is pending: `NOACK`.
    #[inline]
    pub fn no_ack(mut self) -> XReadGroupOptions {
        self.no_ack = true;
        self
    }
}

impl ToArgs for XReadGroupOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.read.write_args(args);
        if self.no_ack {
            "NOACK".write_arg(args);
        }
    }
}

/// The options of [`xgroup_create_with`](crate::StreamGroupCommands::xgroup_create_with).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XGroupCreateOptions {
    make_stream: bool,
    entries_read: Option<u64>,
}

impl XGroupCreateOptions {
    /// No options.
    #[inline]
    pub fn new() -> XGroupCreateOptions {
        XGroupCreateOptions::default()
    }

    /// Makes an empty stream where there is none: `MKSTREAM`.
    #[inline]
    pub fn make_stream(mut self) -> XGroupCreateOptions {
        self.make_stream = true;
        self
    }

    /// How many entries count as read by the group, from which its lag is told: `ENTRIESREAD`, since Redis 7.0.0.
    #[inline]
    pub fn entries_read(mut self, count: u64) -> XGroupCreateOptions {
        self.entries_read = Some(count);
        self
    }
}

impl ToArgs for XGroupCreateOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if self.make_stream {
            "MKSTREAM".write_arg(args);
        }
        write_named("ENTRIESREAD", self.entries_read, args);
    }
}

/// The options of [`xpending_range_with`](crate::StreamPendingCommands::xpending_range_with).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XPendingOptions {
    idle: Option<Duration>,
    consumer: Option<Vec<u8>>,
}

impl XPendingOptions {
    /// No options: what is pending for anybody, since whenever.
    #[inline]
    pub fn new() -> XPendingOptions {
        XPendingOptions::default()
    }

    /// Only what was given out this long ago or longer, rounded up to whole milliseconds: `IDLE`, since Redis 6.2.0.
    #[inline]
    pub fn idle(mut self, time: Duration) -> XPendingOptions {
        self.idle = Some(time);
        self
    }

    /// Only what this consumer has.
    #[inline]
    pub fn consumer(mut self, name: impl ToArg) -> XPendingOptions {
        let mut args = Args::new();
        name.write_arg(&mut args);
        self.consumer = args.get(0).map(<[u8]>::to_vec);
        self
    }

    /// The arguments in front of the range.
    #[inline]
    pub(super) fn in_front(&self) -> impl ToArgs {
        InFront(self.idle)
    }

    /// The argument behind the count.
    #[inline]
    pub(super) fn behind(&self) -> impl ToArgs {
        self.consumer.iter().cloned().collect::<Vec<_>>()
    }
}

struct InFront(Option<Duration>);

impl ToArgs for InFront {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        write_named("IDLE", self.0.map(millis), args);
    }
}

/// The options of [`xclaim_with`](crate::StreamPendingCommands::xclaim_with). There is one time; the last one said counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XClaimOptions {
    delivered: Option<Delivered>,
    deliveries: Option<u64>,
    last_id: Option<StreamId>,
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivered {
    Ago(Duration),
    At(SystemTime),
}

impl XClaimOptions {
    /// No options: the entries count as delivered now, once more than before.
    #[inline]
    pub fn new() -> XClaimOptions {
        XClaimOptions::default()
    }

    /// The entries count as delivered this long ago, in milliseconds: `IDLE`.
    #[inline]
    pub fn idle(mut self, time: Duration) -> XClaimOptions {
        self.delivered = Some(Delivered::Ago(time));
        self
    }

    /// The entries count as delivered at this moment, in milliseconds: `TIME`.
    #[inline]
    pub fn delivered_at(mut self, time: SystemTime) -> XClaimOptions {
        self.delivered = Some(Delivered::At(time));
        self
    }

    /// The entries count as delivered this many times: `RETRYCOUNT`.
    #[inline]
    pub fn deliveries(mut self, count: u64) -> XClaimOptions {
        self.deliveries = Some(count);
        self
    }

    /// Claims entries that are pending for nobody, too: `FORCE`.
    #[inline]
    pub fn force(mut self) -> XClaimOptions {
        self.force = true;
        self
    }

    /// Moves on the last id that the group has been given, when this one is higher: `LASTID`.
    #[inline]
    pub fn last_id(mut self, id: StreamId) -> XClaimOptions {
        self.last_id = Some(id);
        self
    }
}

impl ToArgs for XClaimOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match self.delivered {
            None => {}
            Some(Delivered::Ago(time)) => write_named("IDLE", Some(millis(time)), args),
            Some(Delivered::At(time)) => write_named("TIME", Some(unix_millis(time)), args),
        }
        write_named("RETRYCOUNT", self.deliveries, args);
        if self.force {
            "FORCE".write_arg(args);
        }
        write_named("LASTID", self.last_id, args);
    }
}
