//! All that servers tell about a stream: its entries, its groups, their consumers, and what is pending with them.

use super::{StreamEntry, StreamId};
use crate::commands::fields::Fields;
use crate::commands::time::moment;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// A stream with all that belongs to it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDetails<V = HashMap<String, String>, N = String> {
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
    /// The entries, the first ones only where there was a limit.
    pub entries: Vec<StreamEntry<V>>,
    /// The consumer groups.
    pub groups: Vec<GroupDetails<N>>,
}

impl<V: FromValue, N: FromValue> FromValue for StreamDetails<V, N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<StreamDetails<V, N>> {
        let fields = Fields::of(value)?;
        Ok(StreamDetails {
            length: fields.get("length")?,
            radix_tree_keys: fields.get("radix-tree-keys")?,
            radix_tree_nodes: fields.get("radix-tree-nodes")?,
            last_id: fields.get("last-generated-id")?,
            max_deleted_id: fields.get("max-deleted-entry-id")?,
            entries_added: fields.get("entries-added")?,
            first_recorded_id: fields.get("recorded-first-entry-id")?,
            entries: fields.get("entries")?,
            groups: fields.get("groups")?,
        })
    }
}

/// A consumer group with all that belongs to it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDetails<N = String> {
    /// Its name.
    pub name: N,
    /// The id of the entry that was given out last.
    pub last_delivered_id: StreamId,
    /// How many entries were given out, as far as the server can tell: since Redis 7.0.0.
    pub entries_read: Option<u64>,
    /// How many entries are still to be given out, as far as the server can tell: since Redis 7.0.0.
    pub lag: Option<u64>,
    /// How many entries are pending.
    pub pending_count: u64,
    /// Which those are and with which consumer, the first ones only where there was a limit.
    pub pending: Vec<(N, Delivery)>,
    /// The consumers.
    pub consumers: Vec<ConsumerDetails<N>>,
}

impl<N: FromValue> FromValue for GroupDetails<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<GroupDetails<N>> {
        let fields = Fields::of(value)?;
        let pending: Vec<(StreamId, N, Moment, u64)> = fields.get("pending")?;
        let delivery = |(id, consumer, Moment(at), count)| (consumer, Delivery { id, at, count });
        Ok(GroupDetails {
            name: fields.get("name")?,
            last_delivered_id: fields.get("last-delivered-id")?,
            entries_read: fields.get("entries-read")?,
            lag: fields.get("lag")?,
            pending_count: fields.get("pel-count")?,
            pending: pending.into_iter().map(delivery).collect(),
            consumers: fields.get("consumers")?,
        })
    }
}

/// A consumer with all that is pending with it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerDetails<N = String> {
    /// Its name.
    pub name: N,
    /// When it last did something; since Redis 7.2.0 to ask for entries and get none counts as well.
    pub seen: SystemTime,
    /// When it last got entries: since Redis 7.2.0, and `None` as well when it never did.
    pub active: Option<SystemTime>,
    /// How many entries are pending with it.
    pub pending_count: u64,
    /// Which those are, the first ones only where there was a limit.
    pub pending: Vec<Delivery>,
}

impl<N: FromValue> FromValue for ConsumerDetails<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ConsumerDetails<N>> {
        let fields = Fields::of(value)?;
        let Moment(seen) = fields.get("seen-time")?;
        let pending: Vec<(StreamId, Moment, u64)> = fields.get("pending")?;
        Ok(ConsumerDetails {
            name: fields.get("name")?,
            seen,
            active: fields.get::<Option<Moment>>("active-time")?.map(|Moment(at)| at),
            pending_count: fields.get("pel-count")?,
            pending: pending.into_iter().map(|(id, Moment(at), count)| Delivery { id, at, count }).collect(),
        })
    }
}

/// When an entry was given to a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// The id of the entry, which may have been deleted since.
    pub id: StreamId,
    /// When it was given out last.
    pub at: SystemTime,
    /// How many times it was given out.
    pub count: u64,
}

/// A moment in milliseconds since 1970.
struct Moment(SystemTime);

impl FromValue for Moment {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Moment> {
        moment(Duration::from_millis(u64::from_value(value)?)).map(Moment)
    }

    /// −1 stands for never.
    #[inline]
    fn from_optional(value: ValueRef<'_>) -> Result<Option<Moment>> {
        match value {
            ValueRef::Nil | ValueRef::Integer(-1) => Ok(None),
            some => Moment::from_value(some).map(Some),
        }
    }
}
