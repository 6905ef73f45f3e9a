//! What servers tell about a stream, its groups and their consumers.

use super::{StreamEntry, StreamId};
use crate::commands::fields::Fields;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use std::collections::HashMap;
use std::time::Duration;

/// What a server knows about a stream.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo<V = HashMap<String, String>> {
    /// How many entries it has.
    pub length: u64,
    /// How many keys its tree has.
    pub radix_tree_keys: u64,
    /// How many nodes its tree has.
    pub radix_tree_nodes: u64,
    /// The id of the entry that was added last, which may be gone.
    pub last_id: StreamId,
    /// The highest id of an entry that was deleted: since Redis 7.0.0.
    pub max_deleted_id: Option<StreamId>,
    /// How many entries were ever added: since Redis 7.0.0.
    pub entries_added: Option<u64>,
    /// The id of the first entry, as the server has noted it down: since Redis 7.0.0.
    pub first_recorded_id: Option<StreamId>,
    /// How many consumer groups it has.
    pub groups: u64,
    /// The first entry; `None` when there is none.
    pub first_entry: Option<StreamEntry<V>>,
    /// The last entry; `None` when there is none.
    pub last_entry: Option<StreamEntry<V>>,
}

impl<V: FromValue> FromValue for StreamInfo<V> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<StreamInfo<V>> {
        let fields = Fields::of(value)?;
        Ok(StreamInfo {
            length: fields.get("length")?,
            radix_tree_keys: fields.get("radix-tree-keys")?,
            radix_tree_nodes: fields.get("radix-tree-nodes")?,
            last_id: fields.get("last-generated-id")?,
            max_deleted_id: fields.get("max-deleted-entry-id")?,
            entries_added: fields.get("entries-added")?,
            first_recorded_id: fields.get("recorded-first-entry-id")?,
            groups: fields.get("groups")?,
            first_entry: fields.get("first-entry")?,
            last_entry: fields.get("last-entry")?,
        })
    }
}

/// What a server knows about a consumer group.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo<N = String> {
    /// Its name.
    pub name: N,
    /// How many consumers it has.
    pub consumers: u64,
    /// How many entries are pending.
    pub pending: u64,
    /// The id of the entry that was given out last.
    pub last_delivered_id: StreamId,
    /// How many entries were given out, as far as the server can tell: since Redis 7.0.0.
    pub entries_read: Option<u64>,
    /// How many entries are still to be given out, as far as the server can tell: since Redis 7.0.0.
    pub lag: Option<u64>,
}

impl<N: FromValue> FromValue for GroupInfo<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<GroupInfo<N>> {
        let fields = Fields::of(value)?;
        Ok(GroupInfo {
            name: fields.get("name")?,
            consumers: fields.get("consumers")?,
            pending: fields.get("pending")?,
            last_delivered_id: fields.get("last-delivered-id")?,
            entries_read: fields.get("entries-read")?,
            lag: fields.get("lag")?,
        })
    }
}

/// What a server knows about a consumer of a group.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerInfo<N = String> {
    /// Its name.
    pub name: N,
    /// How many entries it has been given and has not acknowledged.
    pub pending: u64,
    /// How long ago it last did something; since Redis 7.2.0 to ask for entries and get none counts as well.
    pub idle: Duration,
    /// How long ago it last got entries: since Redis 7.2.0, and `None` as well when it never did.
    pub inactive: Option<Duration>,
}

impl<N: FromValue> FromValue for ConsumerInfo<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ConsumerInfo<N>> {
        let fields = Fields::of(value)?;
        Ok(ConsumerInfo {
            name: fields.get("name")?,
            pending: fields.get("pending")?,
            idle: Duration::from_millis(fields.get("idle")?),
            // −1 for never.
            inactive: fields
                .get::<Option<i64>>("inactive")?
                .and_then(|millis| u64::try_from(millis).ok())
                .map(Duration::from_millis),
        })
    }
}
