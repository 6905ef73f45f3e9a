//! Where the keys of commands are, by the words that rows use.

use crate::command::KeySpec::{self, Channel, HalfAfter, Migrate, Numkeys, Options, Range};
use crate::command::OptionValue::{Key, Pattern, Plain};

pub(super) const NONE: &[KeySpec] = &[];
pub(super) const ONE: &[KeySpec] = &[Range(1, 1, 1)];
pub(super) const SECOND: &[KeySpec] = &[Range(2, 2, 1)];
pub(super) const TWO: &[KeySpec] = &[Range(1, 2, 1)];
pub(super) const ALL_KEYS: &[KeySpec] = &[Range(1, -1, 1)];
pub(super) const ALL_BUT_LAST: &[KeySpec] = &[Range(1, -2, 1)];
pub(super) const PAIRS: &[KeySpec] = &[Range(1, -1, 2)];
pub(super) const COUNTED: &[KeySpec] = &[Numkeys(1, 1)];
pub(super) const COUNTED_SECOND: &[KeySpec] = &[Numkeys(2, 1)];
pub(super) const COUNTED_PAIRS: &[KeySpec] = &[Numkeys(1, 2)];
pub(super) const SCRIPT_KEYS: &[KeySpec] = &[Numkeys(2, 1)];
pub(super) const DESTINATION_COUNTED: &[KeySpec] = &[Range(1, 1, 1), Numkeys(2, 1)];
pub(super) const FROM_SECOND: &[KeySpec] = &[Range(2, -1, 1)];
pub(super) const SORTED: &[KeySpec] =
    &[Range(1, 1, 1), Options(2, &[("STORE", 1, Key), ("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain)])];
pub(super) const SORTED_RO: &[KeySpec] =
    &[Range(1, 1, 1), Options(2, &[("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain)])];

pub(super) const RADIUS: &[KeySpec] = &[Range(1, 1, 1), Options(5, &[("STORE", 1, Key), ("STOREDIST", 1, Key)])];
pub(super) const STREAMS: &[KeySpec] = &[HalfAfter("STREAMS", 1)];
pub(super) const STREAMS_OF_GROUP: &[KeySpec] = &[HalfAfter("STREAMS", 4)];
pub(super) const MIGRATED: &[KeySpec] = &[Migrate];
pub(super) const CHANNEL: &[KeySpec] = &[Channel(1)];
