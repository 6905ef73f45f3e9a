//! The typed methods: one trait a data type, each method one line over its row of the command table.

mod acl;
mod admin;
mod args;
mod bitmaps;
mod blocking;
mod expiry;
mod fields;
mod functions;
mod geo;
mod hash_expiry;
mod hashes;
mod hyperloglog;
mod keys;
mod latency;
mod lists;
mod pubsub;
mod replies;
mod scan;
mod scripting;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod streams;
mod strings;
mod time;
mod vector_sets;

pub use acl::{AclCommands, AclLogEntry, AclSelector, AclUser, DryRun};
pub use admin::{
    AdminCommands, ClientKillOptions, ClientType, CommandFilter, ConnectedReplica, MemoryStats, ModuleInfo,
    ReplicationRole,
};
pub use bitmaps::{BitField, BitFieldOps, BitOp, BitRange, BitmapCommands, Overflow};
pub use blocking::BlockingCommands;
pub use expiry::{
    ExpireOptions, ExpireTime, ExpireTimeMillis, ExpireTimeSeconds, ExpiryCommands, Ttl, TtlMillis, TtlSeconds,
};
pub use functions::{
    EngineStats, FunctionCommands, FunctionInfo, FunctionLibrary, FunctionListOptions, FunctionRestore, FunctionStats,
    RunningFunction,
};
pub use geo::{
    GeoAddOptions, GeoCenter, GeoCommands, GeoFound, GeoPoint, GeoRadiusCommands, GeoRadiusOptions, GeoSearch, GeoUnit,
    ToGeo,
};
pub use hash_expiry::{FieldExpiry, FieldPersist, HSetExOptions, HashExpiryCommands};
pub use hashes::HashCommands;
pub use hyperloglog::HyperLogLogCommands;
pub use keys::{CopyOptions, KeyCommands, MigrateOptions, Migrated, RestoreOptions, TypeOf};
pub use latency::{
    CommandLog, CommandLogEntry, LatencyCommands, LatencyEvent, LatencyHistogram, LatencySpike, SlowLogEntry,
};
pub use lists::{LPosOptions, ListCommands, Side};
pub use pubsub::PubSubCommands;
pub use scan::{ScanCommands, ScanOptions, ScanPage};
pub use scripting::ScriptingCommands;
pub use server::{Flush, PerNode, ServerCommands};
pub use sets::SetCommands;
pub use sort::{SortCommands, SortOptions};
pub use sorted_sets::{
    Aggregate, LexBound, LexRange, Limit, PoppedMembers, ScoreBound, ScoreEnd, ScoreRange, ScoredMember,
    SortedSetCombineCommands, SortedSetCommands, SortedSetRangeCommands, ToScored, ZAddOptions, ZCombineOptions,
    ZRange,
};
pub use streams::{
    AutoClaimed, ConsumerDetails, ConsumerInfo, Delivery, EntryRemoval, GroupDetails, GroupInfo, PendingEntry,
    PendingSummary, StreamCommands, StreamDetails, StreamEntries, StreamEntry, StreamGroupCommands, StreamId,
    StreamInfo, StreamPendingCommands, StreamRefs, StreamTrim, XAddOptions, XClaimOptions, XGroupCreateOptions,
    XPendingOptions, XReadGroupOptions, XReadOptions, XSetIdOptions,
};
pub use strings::{
    GetExOptions, LcsCommands, LcsMatch, LcsMatches, LcsOptions, NumberCommands, SetOptions, StringCommands,
};
pub use vector_sets::{VAddOptions, VFound, VInfo, VQuantization, VQuery, VRaw, VSimOptions, VectorSetCommands};
