//! What streams and their consumer groups answer.

use super::StreamId;
use crate::error::{Error, Result};
use crate::from_value::FromValue;
use crate::resp::{Items, ValueRef};
use std::collections::HashMap;
use std::time::Duration;

/// An entry of a stream.
///
/// The fields become any type that a list of pairs can become: a map, or `Vec<(String, Vec<u8>)>` where their order
/// or one name that comes twice matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry<V = HashMap<String, String>> {
    /// The id.
    pub id: StreamId,
    /// The fields with their values. Of an entry that was deleted while it was pending there are none, or `None`
    /// where this is an [`Option`].
    pub fields: V,
}

impl<V> StreamEntry<V> {
    /// An entry with an id.
    #[inline]
    pub fn new(id: StreamId, fields: V) -> StreamEntry<V> {
        StreamEntry { id, fields }
    }
}

impl<V: FromValue> FromValue for StreamEntry<V> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<StreamEntry<V>> {
        <(StreamId, V)>::from_value(value).map(|(id, fields)| StreamEntry { id, fields })
    }

    /// Leaves out the nils that stand for entries that are no more.
    #[inline]
    fn from_items(items: Items<'_>) -> Result<Vec<StreamEntry<V>>> {
        items.filter(|item| *item != ValueRef::Nil).map(StreamEntry::from_value).collect()
    }
}

/// What was read of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntries<N = String, V = HashMap<String, String>> {
    /// The stream's name as its server stores it, so without a hash tag.
    pub name: N,
    /// Its entries, the lowest id first.
    pub entries: Vec<StreamEntry<V>>,
}

impl<N: FromValue, V: FromValue> FromValue for StreamEntries<N, V> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<StreamEntries<N, V>> {
        <(N, Vec<StreamEntry<V>>)>::from_value(value).map(|(name, entries)| StreamEntries { name, entries })
    }

    /// Takes each stream in a list of its own (RESP2), and names and entries in turn (RESP3).
    #[inline]
    fn from_items(items: Items<'_>) -> Result<Vec<StreamEntries<N, V>>> {
        let pairs = <(N, Vec<StreamEntry<V>>)>::from_items(items)?;
        Ok(pairs.into_iter().map(|(name, entries)| StreamEntries { name, entries }).collect())
    }
}

/// What became of one entry that was to be removed. Since Redis 8.2.0.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryRemoval {
    /// There was nothing to do: no such entry, or, where it was to be acknowledged, none that was pending.
    Missing,
    /// The entry is removed.
    Removed,
    /// The entry stays, because a group has not read or not acknowledged it yet: with
    /// [`StreamRefs::Acked`](crate::StreamRefs::Acked) only. Servers say so of any id that a group has not come to,
    /// even where there is no such entry.
    Kept,
}

impl FromValue for EntryRemoval {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<EntryRemoval> {
        match i64::from_value(value)? {
            -1 => Ok(EntryRemoval::Missing),
            1 => Ok(EntryRemoval::Removed),
            2 => Ok(EntryRemoval::Kept),
            other => Err(Error::reply(format!("expected -1, 1 or 2 for an entry to remove, got {other}"))),
        }
    }
}

/// What is pending in a consumer group, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSummary<N = String> {
    /// How many entries are pending.
    pub count: u64,
    /// The lowest id among them; `None` when nothing is pending.
    pub lowest: Option<StreamId>,
    /// The highest id among them; `None` when nothing is pending.
    pub highest: Option<StreamId>,
    /// The consumers that have any, with how many.
    pub consumers: Vec<(N, u64)>,
}

impl<N: FromValue> FromValue for PendingSummary<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<PendingSummary<N>> {
        let (count, lowest, highest, consumers) = FromValue::from_value(value)?;
        Ok(PendingSummary { count, lowest, highest, consumers })
    }
}

/// An entry that a consumer was given and has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry<N = String> {
    /// The id of the entry, which may have been deleted since.
    pub id: StreamId,
    /// The consumer that has it.
    pub consumer: N,
    /// How long ago it was given out last.
    pub idle: Duration,
    /// How many times it was given out.
    pub deliveries: u64,
}

impl<N: FromValue> FromValue for PendingEntry<N> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<PendingEntry<N>> {
        let (id, consumer, idle, deliveries) = FromValue::from_value(value)?;
        Ok(PendingEntry { id, consumer, idle: Duration::from_millis(idle), deliveries })
    }
}

/// What one call of [`xautoclaim`](crate::StreamPendingCommands::xautoclaim) came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoClaimed<E> {
    /// Where the next call goes on; `None` when all that is pending has been looked at.
    pub next: Option<StreamId>,
    /// What now belongs to the consumer: entries, or ids alone.
    pub claimed: Vec<E>,
    /// Ids that were pending although their entries are deleted; they are not pending any more. Empty from servers
    /// before Redis 7.0.0, which leave them pending.
    pub deleted: Vec<StreamId>,
}

impl<E: FromValue> FromValue for AutoClaimed<E> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<AutoClaimed<E>> {
        let (next, claimed, deleted): (StreamId, _, _) = match value.items() {
            Some(items) if items.len() == 2 => {
                let (next, claimed) = FromValue::from_value(value)?;
                (next, claimed, Vec::new())
            }
            _ => FromValue::from_value(value)?,
        };
        Ok(AutoClaimed { next: Some(next).filter(|next| *next != StreamId::MIN), claimed, deleted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Frame, Value};

    fn made<T: FromValue>(value: &Value) -> Result<T> {
        T::from_value(Frame::trusted(&value.to_bytes()).value())
    }

    fn list<const N: usize>(items: [Value; N]) -> Value {
        Value::Array(items.into())
    }

    /// Servers before 7.0 give nils for entries that are no more, and do not list those.
    #[test]
    fn what_older_servers_claim() {
        let entry = || list(["1-0".into(), list(["n".into(), "1".into()])]);
        let expected = vec![StreamEntry::new(StreamId::new(1, 0), vec![("n".to_owned(), 1)])];
        let old = list(["0-0".into(), list([Value::Nil, entry()])]);
        let some: AutoClaimed<StreamEntry<Vec<(String, u32)>>> = made(&old).unwrap();
        assert_eq!(some, AutoClaimed { next: None, claimed: expected.clone(), deleted: Vec::new() });
        let new = list(["2-0".into(), list([entry()]), list(["3-0".into()])]);
        let some: AutoClaimed<StreamEntry<Vec<(String, u32)>>> = made(&new).unwrap();
        let next = Some(StreamId::new(2, 0));
        assert_eq!(some, AutoClaimed { next, claimed: expected, deleted: vec![StreamId::new(3, 0)] });
        assert!(made::<AutoClaimed<StreamId>>(&list(["0-0".into()])).is_err());
    }

    #[test]
    fn what_does_not_fit() {
        assert!(made::<EntryRemoval>(&Value::Integer(0)).unwrap_err().message().contains("got 0"));
        assert!(made::<StreamId>(&"5-x".into()).unwrap_err().message().contains("5-x"));
        assert!(made::<StreamEntry>(&Value::Nil).is_err());
        assert_eq!(made::<Option<StreamEntry>>(&Value::Nil).unwrap(), None);
        assert_eq!(made::<Vec<StreamEntries>>(&Value::Nil).unwrap(), []);
    }
}
