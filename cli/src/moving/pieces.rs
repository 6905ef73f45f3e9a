//! A key that goes in pieces or type by type: into a name of this program's, and from there to its own at once.

use super::fleet::Facts;
use super::job::PIECES;
use super::link::{integer, string, strings, Link};
use super::read::{milliseconds, Item};
use super::stream;
use rediscluster::Value;

/// So many bytes at once, about.
const PIECE: u64 = 1 << 20;
/// No more elements at once than this.
const ELEMENTS: u64 = 1000;

/// What became of it.
#[derive(Debug, PartialEq)]
pub enum Arrived {
    There,
    /// The source does not have it any more.
    Gone,
    /// The target has a key of that name.
    Exists,
    /// Why the target cannot have it.
    Cannot(String),
}

/// Carries a key from a source to a target.
///
/// # Errors
/// That one of them does not answer, or refuses what others do not.
pub fn carry(
    source: &mut Link,
    target: &mut Link,
    item: &Item,
    (from, to): (&Facts, &Facts),
    replaces: bool,
) -> Result<Arrived, String> {
    let stash = [PIECES, &item.stored].concat();
    let name = item.name.as_slice();
    if !replaces && target.ask(&[b"EXISTS", &item.stored])? == Value::Integer(1) {
        return Ok(Arrived::Exists);
    }
    target.ask(&[b"UNLINK", &stash])?;
    // Whatever changes from here on is noticed, also where as much is there afterwards as before.
    source.ask(&[b"WATCH", name])?;
    let arrived = watched(source, target, item, (from, to), replaces, &stash)?;
    source.ask_text(&["UNWATCH"])?;
    Ok(arrived)
}

fn watched(
    source: &mut Link,
    target: &mut Link,
    item: &Item,
    (from, to): (&Facts, &Facts),
    replaces: bool,
    stash: &[u8],
) -> Result<Arrived, String> {
    let (name, stash) = (item.name.as_slice(), stash.to_vec());
    let kind = &string(source.ask(&[b"TYPE", name])?).unwrap_or_default()[..];
    let expires = match expiry(source, name, from)? {
        _ if kind == b"none" => return Ok(Arrived::Gone),
        Expiry::Gone => return Ok(Arrived::Gone),
        Expiry::Never => None,
        Expiry::At(time) => Some(time),
    };
    let groups = groups(source, name, kind)?;
    let each = elements(source, name, kind, item.size)?;
    let cannot = match kind {
        b"string" => text(source, target, name, &stash)?,
        b"list" => list(source, target, name, &stash, each)?,
        b"set" => scanned(source, target, name, &stash, ("SSCAN", "SADD"), each, false)?,
        b"zset" => scanned(source, target, name, &stash, ("ZSCAN", "ZADD"), each, true)?,
        b"hash" => hash(source, target, name, &stash, (from, to), each)?,
        b"stream" => stream::carry(source, target, name, &stash, (from, to), each)?,
        other => whole(source, target, item, &stash, other)?,
    };
    if let Some(why) = cannot {
        target.ask(&[b"UNLINK", &stash])?;
        return Ok(Arrived::Cannot(why));
    }
    let is_whole = counts_as_many(source, target, name, &stash, kind)? && groups == self::groups(source, name, kind)?;
    let unchanged = source.transaction(&[vec![b"TYPE".to_vec(), name.to_vec()]])?.is_some();
    if !is_whole || !unchanged {
        target.ask(&[b"UNLINK", &stash])?;
        return Ok(match source.ask(&[b"EXISTS", name])? {
            Value::Integer(0) => Arrived::Gone,
            _ => Arrived::Cannot("it changed while it was copied in pieces: the next run copies it".into()),
        });
    }
    source.is_believed()?;
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    if let Some(expires) = expires {
        commands.push(vec![b"PEXPIREAT".to_vec(), stash.clone(), expires.to_string().into_bytes()]);
    }
    let rename: &[u8] = if replaces { b"RENAME" } else { b"RENAMENX" };
    commands.push(vec![rename.to_vec(), stash.clone(), item.stored.clone()]);
    let replies = target.transaction(&commands)?.unwrap_or_default();
    match replies.last() {
        Some(Value::Integer(0)) => {
            target.ask(&[b"UNLINK", &stash])?;
            Ok(Arrived::Exists)
        }
        // Its time has come on the way.
        Some(Value::Error(text)) if text.starts_with(b"ERR no such key") => Ok(Arrived::Gone),
        Some(Value::Error(text)) => Err(format!("{}: RENAME: {}", target.place(), super::link::shown(text))),
        _ => Ok(Arrived::There),
    }
}

/// When a key expires, in milliseconds since 1970.
enum Expiry {
    Never,
    At(u64),
    /// There is no such key.
    Gone,
}

fn expiry(source: &mut Link, name: &[u8], from: &Facts) -> Result<Expiry, String> {
    let (now, told) = match from.tells_expiry() {
        true => (0, source.ask(&[b"PEXPIRETIME", name])?),
        false => (milliseconds(&source.ask_text(&["TIME"])?), source.ask(&[b"PTTL", name])?),
    };
    match integer(&told) {
        Some(-1) => Ok(Expiry::Never),
        Some(-2) => Ok(Expiry::Gone),
        Some(time) => Ok(Expiry::At(now + u64::try_from(time).unwrap_or(0))),
        None => Err(format!("{}: it does not tell when a key expires", source.place())),
    }
}

/// How many elements are about as large as a piece.
fn elements(source: &mut Link, name: &[u8], kind: &[u8], size: u64) -> Result<u64, String> {
    let Some(counts) = counting(kind) else { return Ok(1) };
    let count = match source.ask(&[counts.as_bytes(), name])? {
        Value::Integer(count) => u64::try_from(count).unwrap_or(0).max(1),
        _ => 1,
    };
    Ok((PIECE / (size / count).max(1)).clamp(1, ELEMENTS))
}

fn counting(kind: &[u8]) -> Option<&'static str> {
    Some(match kind {
        b"string" => "STRLEN",
        b"list" => "LLEN",
        b"set" => "SCARD",
        b"zset" => "ZCARD",
        b"hash" => "HLEN",
        b"stream" => "XLEN",
        _ => return None,
    })
}

/// Whether as much has arrived as there is.
fn counts_as_many(
    source: &mut Link,
    target: &mut Link,
    name: &[u8],
    stash: &[u8],
    kind: &[u8],
) -> Result<bool, String> {
    let Some(counts) = counting(kind) else { return Ok(true) };
    Ok(source.ask(&[counts.as_bytes(), name])? == target.ask(&[counts.as_bytes(), stash])?)
}

/// How far the groups of a stream are, which `WATCH` does not see.
fn groups(source: &mut Link, name: &[u8], kind: &[u8]) -> Result<Option<Value>, String> {
    match kind {
        b"stream" => source.ask(&[b"XINFO", b"GROUPS", name]).map(Some),
        _ => Ok(None),
    }
}

fn text(source: &mut Link, target: &mut Link, name: &[u8], stash: &[u8]) -> Result<Option<String>, String> {
    target.ask(&[b"SET", stash, b""])?;
    let mut at = 0;
    loop {
        let (from, to) = (at.to_string(), (at + PIECE - 1).to_string());
        let piece = string(source.ask(&[b"GETRANGE", name, from.as_bytes(), to.as_bytes()])?).unwrap_or_default();
        if piece.is_empty() {
            return Ok(None);
        }
        at += piece.len() as u64;
        target.ask(&[b"APPEND", stash, &piece])?;
    }
}

fn list(source: &mut Link, target: &mut Link, name: &[u8], stash: &[u8], each: u64) -> Result<Option<String>, String> {
    let mut at = 0;
    loop {
        let (from, to) = (at.to_string(), (at + each - 1).to_string());
        let items = strings(source.ask(&[b"LRANGE", name, from.as_bytes(), to.as_bytes()])?);
        if items.is_empty() {
            return Ok(None);
        }
        at += items.len() as u64;
        put(target, b"RPUSH", stash, items)?;
    }
}

fn put(target: &mut Link, command: &[u8], stash: &[u8], items: Vec<Vec<u8>>) -> Result<(), String> {
    // Small encodings give all of their elements at once, and servers before 7.0 do not take any number of them.
    for items in items.chunks(2 * ELEMENTS as usize) {
        let mut words = vec![command.to_vec(), stash.to_vec()];
        words.extend_from_slice(items);
        target.ask_owned(&words)?;
    }
    Ok(())
}

/// One page of a key.
fn page(
    source: &mut Link,
    scan: &str,
    name: &[u8],
    cursor: &[u8],
    each: u64,
) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let count = each.to_string();
    match source.ask(&[scan.as_bytes(), name, cursor, b"COUNT", count.as_bytes()])? {
        Value::Array(parts) if parts.len() == 2 => {
            let mut parts = parts.into_iter();
            let cursor = parts.next().and_then(string).unwrap_or_default();
            Ok((cursor, parts.next().map(strings).unwrap_or_default()))
        }
        _ => Err(format!("{}: {scan} gave no page", source.place())),
    }
}

fn scanned(
    source: &mut Link,
    target: &mut Link,
    name: &[u8],
    stash: &[u8],
    (scan, add): (&str, &str),
    each: u64,
    has_scores: bool,
) -> Result<Option<String>, String> {
    let mut cursor = b"0".to_vec();
    loop {
        let (next, mut items) = page(source, scan, name, &cursor, each)?;
        if has_scores {
            items.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
        put(target, add.as_bytes(), stash, items)?;
        if next == b"0" {
            return Ok(None);
        }
        cursor = next;
    }
}

fn hash(
    source: &mut Link,
    target: &mut Link,
    name: &[u8],
    stash: &[u8],
    (from, to): (&Facts, &Facts),
    each: u64,
) -> Result<Option<String>, String> {
    let mut cursor = b"0".to_vec();
    loop {
        let (next, items) = page(source, "HSCAN", name, &cursor, each)?;
        let fields: Vec<Vec<u8>> = items.iter().step_by(2).cloned().collect();
        put(target, b"HSET", stash, items)?;
        if from.has_field_expiry() && !fields.is_empty() {
            let mut words = vec![b"HPEXPIRETIME".to_vec(), name.to_vec(), b"FIELDS".to_vec()];
            words.push(fields.len().to_string().into_bytes());
            words.extend_from_slice(&fields);
            let Value::Array(times) = source.ask_owned(&words)? else { continue };
            for (field, time) in fields.iter().zip(times) {
                let time = match integer(&time) {
                    // It expired after it was read, and would stay for ever.
                    Some(-2) => {
                        target.ask(&[b"HDEL", stash, field])?;
                        continue;
                    }
                    Some(time) if time >= 0 => time,
                    _ => continue,
                };
                if !to.has_field_expiry() {
                    return Ok(Some("its fields expire, which the target does not know".into()));
                }
                let time = time.to_string();
                target.ask(&[b"HPEXPIREAT", stash, time.as_bytes(), b"FIELDS", b"1", field])?;
            }
        }
        if next == b"0" {
            return Ok(None);
        }
        cursor = next;
    }
}

/// A type that has no commands to read it in pieces.
fn whole(
    source: &mut Link,
    target: &mut Link,
    item: &Item,
    stash: &[u8],
    kind: &[u8],
) -> Result<Option<String>, String> {
    let payload = match string(source.ask(&[b"DUMP", item.name.as_slice()])?) {
        Some(payload) => payload,
        None => return Ok(Some("it went while it was copied".into())),
    };
    let restore: [&[u8]; 4] = [b"RESTORE", stash, b"0", &payload];
    let replies = target.each(&[&restore[..]])?;
    Ok(match replies.first() {
        Some(Value::Error(text)) => {
            let kind = String::from_utf8_lossy(kind);
            Some(format!("the target does not take the type {kind} ({})", super::link::shown(text)))
        }
        _ => None,
    })
}
