//! The typed methods: one trait a data type, each method one line over its row of the command table.

mod args;
mod bitmaps;
mod blocking;
mod expiry;
mod hashes;
mod keys;
mod lists;
mod server;
mod sets;
mod sort;
mod sorted_sets;
mod strings;
mod time;

pub use bitmaps::{BitField, BitFieldOps, BitOp, BitRange, BitmapCommands, Overflow};
pub use blocking::BlockingCommands;
pub use expiry::{ExpireOptions, ExpireTime, ExpiryCommands, Ttl};
pub use hashes::HashCommands;
pub use keys::{CopyOptions, KeyCommands, RestoreOptions, TypeOf};
pub use lists::{LPosOptions, ListCommands, Side};
pub use server::{Flush, PerNode, ServerCommands};
pub use sets::SetCommands;
pub use sort::{SortCommands, SortOptions};
pub use sorted_sets::{
    Aggregate, LexBound, LexRange, Limit, ScoreBound, ScoreRange, ScoredMember, SortedSetCombineCommands,
    SortedSetCommands, SortedSetRangeCommands, ToScored, ZAddOptions, ZCombineOptions, ZRange,
};
pub use strings::{GetExOptions, SetOptions, StringCommands};
