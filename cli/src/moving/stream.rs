//! A stream with its groups, its consumers and what they have not acknowledged.

use super::fleet::Facts;
use super::link::{integer, string, strings, Link};
use super::read::milliseconds;
use rediscluster::Value;

/// So many entries of those that are not acknowledged are asked for at once.
const PENDING: &[u8] = b"1000";

/// Carries a stream into a stash; gives why the target cannot have it.
///
/// # Errors
/// That one of the servers does not answer.
pub fn carry(
    source: &mut Link,
    target: &mut Link,
    name: &[u8],
    stash: &[u8],
    (from, to): (&Facts, &Facts),
    each: u64,
) -> Result<Option<String>, String> {
    // It exists also when it has no entries.
    target.ask(&[b"XGROUP", b"CREATE", stash, b"rediscluster", b"0", b"MKSTREAM"])?;
    target.ask(&[b"XGROUP", b"DESTROY", stash, b"rediscluster"])?;
    entries(source, target, name, stash, each)?;
    let info = Fields::of(source.ask(&[b"XINFO", b"STREAM", name])?);
    let last = info.text("last-generated-id").unwrap_or_else(|| b"0-0".to_vec());
    let mut words = vec![b"XSETID".to_vec(), stash.to_vec(), last];
    let knows_more = from.version >= (7, 0) && to.version >= (7, 0);
    if knows_more {
        let added = info.number("entries-added").unwrap_or(0).to_string().into_bytes();
        let deleted = info.text("max-deleted-entry-id").unwrap_or_else(|| b"0-0".to_vec());
        words.extend([b"ENTRIESADDED".to_vec(), added, b"MAXDELETEDID".to_vec(), deleted]);
    }
    target.ask_owned(&words)?;
    let Value::Array(groups) = source.ask(&[b"XINFO", b"GROUPS", name])? else { return Ok(None) };
    let mut lost = 0;
    for group in groups {
        lost += self::group(source, target, name, stash, Fields::of(group), knows_more)?;
    }
    Ok((lost > 0)
        .then(|| format!("{lost} of its unacknowledged entries are deleted, and no other server can have these")))
}

fn entries(source: &mut Link, target: &mut Link, name: &[u8], stash: &[u8], each: u64) -> Result<(), String> {
    let (mut begin, count) = (b"-".to_vec(), each.to_string());
    loop {
        let Value::Array(entries) = source.ask(&[b"XRANGE", name, &begin, b"+", b"COUNT", count.as_bytes()])? else {
            return Ok(());
        };
        let mut commands: Vec<Vec<Vec<u8>>> = Vec::with_capacity(entries.len());
        for entry in entries {
            let Value::Array(parts) = entry else { continue };
            let mut parts = parts.into_iter();
            let (Some(id), Some(fields)) = (parts.next().and_then(string), parts.next()) else { continue };
            begin = [b"(", id.as_slice()].concat();
            let mut words = vec![b"XADD".to_vec(), stash.to_vec(), id];
            words.extend(strings(fields));
            commands.push(words);
        }
        if commands.is_empty() {
            return Ok(());
        }
        let words: Vec<&[Vec<u8>]> = commands.iter().map(Vec::as_slice).collect();
        refused(target.each(&words)?, target)?;
    }
}

/// Gives how many entries cannot be unacknowledged at the target.
fn group(
    source: &mut Link,
    target: &mut Link,
    name: &[u8],
    stash: &[u8],
    info: Fields,
    knows_more: bool,
) -> Result<u64, String> {
    let group = info.text("name").unwrap_or_default();
    let last = info.text("last-delivered-id").unwrap_or_else(|| b"0-0".to_vec());
    let mut words = vec![b"XGROUP".to_vec(), b"CREATE".to_vec(), stash.to_vec(), group.clone(), last];
    if let Some(read) = info.number("entries-read").filter(|_| knows_more) {
        words.extend([b"ENTRIESREAD".to_vec(), read.to_string().into_bytes()]);
    }
    target.ask_owned(&words)?;
    if let Value::Array(consumers) = source.ask(&[b"XINFO", b"CONSUMERS", name, &group])? {
        for consumer in consumers {
            let consumer = Fields::of(consumer).text("name").unwrap_or_default();
            target.ask(&[b"XGROUP", b"CREATECONSUMER", stash, &group, &consumer])?;
        }
    }
    let mut begin = b"-".to_vec();
    let mut lost = 0;
    loop {
        let now = milliseconds(&source.ask_text(&["TIME"])?);
        let Value::Array(pending) = source.ask(&[b"XPENDING", name, &group, &begin, b"+", PENDING])? else {
            return Ok(lost);
        };
        let mut commands: Vec<Vec<Vec<u8>>> = Vec::with_capacity(pending.len());
        for entry in pending {
            let Value::Array(parts) = entry else { continue };
            let [Value::Bulk(id), Value::Bulk(consumer), Value::Integer(idle), Value::Integer(times)] = &parts[..]
            else {
                continue;
            };
            begin = [b"(", id.as_slice()].concat();
            let given = now.saturating_sub(u64::try_from(*idle).unwrap_or(0)).to_string();
            let words: [&[u8]; 12] = [
                b"XCLAIM",
                stash,
                &group,
                consumer,
                b"0",
                id,
                b"TIME",
                given.as_bytes(),
                b"RETRYCOUNT",
                &times.to_string().into_bytes(),
                b"FORCE",
                b"JUSTID",
            ];
            commands.push(words.iter().map(|word| word.to_vec()).collect());
        }
        if commands.is_empty() {
            return Ok(lost);
        }
        let words: Vec<&[Vec<u8>]> = commands.iter().map(Vec::as_slice).collect();
        let replies = target.each(&words)?;
        lost += replies.iter().filter(|reply| matches!(reply, Value::Array(ids) if ids.is_empty())).count() as u64;
        refused(replies, target)?;
    }
}

fn refused(replies: Vec<Value>, target: &Link) -> Result<(), String> {
    match replies.into_iter().find_map(|reply| match reply {
        Value::Error(text) => Some(text),
        _ => None,
    }) {
        Some(text) => Err(format!("{}: {}", target.place(), super::link::shown(&text))),
        None => Ok(()),
    }
}

/// Names and values in turn.
struct Fields(Vec<Value>);

impl Fields {
    fn of(value: Value) -> Fields {
        match value {
            Value::Array(items) => Fields(items),
            _ => Fields(Vec::new()),
        }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.0.chunks_exact(2).find(|pair| pair[0] == Value::Bulk(name.into())).map(|pair| &pair[1])
    }

    fn text(&self, name: &str) -> Option<Vec<u8>> {
        self.field(name).cloned().and_then(string)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.field(name).and_then(integer)
    }
}
