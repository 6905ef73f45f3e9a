//! Running a sequence, and what counts as the same.

use crate::commands::Command;
use crate::known;
use crate::shrink::{quoted, quoted_word};
use rediscluster::prelude::*;
use rediscluster::{Cancel, Cmd, Error, ErrorKind, Outcome, Value};
use std::fmt;

/// How far apart two times to live may be, in milliseconds: one sequence takes far less, and the times that the
/// commands set are farther apart.
const TOLERANCE: i64 = 20_000;

/// The name of a difference of the data.
pub const DATA: &str = "the data";

/// A reply as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Value(Value),
    /// Milliseconds, or a time that is no time: -1 and -2.
    Time(i64),
    /// The first word of what a server said, or what else went wrong. Servers differ in the words behind it.
    Error(String, Outcome),
}

impl Seen {
    fn kind(&self) -> &str {
        match self {
            Seen::Value(Value::Nil) => "nothing",
            Seen::Value(_) => "a value",
            Seen::Time(_) => "a time",
            Seen::Error(said, _) => said.split(':').next().unwrap_or_default(),
        }
    }
}

/// What one cluster made of a sequence.
pub struct Run {
    pub replies: Vec<Seen>,
    pub data: Vec<Key>,
}

/// What a key holds at the end.
pub struct Key {
    name: Vec<u8>,
    /// Its type, its value and its time to live.
    seen: [Seen; 3],
}

/// The first thing that differs.
#[derive(Debug)]
pub struct Difference {
    /// After how many commands.
    pub after: usize,
    /// The command and how its reply differs, or that the data differ: those that share it are one difference.
    pub name: String,
    text: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How the commands of a sequence are given to a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    OneByOne,
    InAPipeline,
    /// One by one, and another thread could end those that wait.
    Cancellable,
}

/// Runs a sequence from nothing.
pub fn run(cluster: &Cluster, script: &[Command], way: Way) -> Run {
    cluster.execute(cmd("FLUSHALL")).expect("empty servers");
    let replies = match way {
        Way::OneByOne => script.iter().map(|command| ask(cluster, command)).collect(),
        Way::Cancellable => {
            let view = cluster.cancelled_by(&Cancel::new());
            script.iter().map(|command| ask(&view, command)).collect()
        }
        Way::InAPipeline => {
            let mut pipeline = cluster.pipeline();
            let slots: Vec<_> = script.iter().map(|command| pipeline.execute(built(command))).collect();
            let replies = pipeline.run_each();
            let each = slots.into_iter().zip(script);
            each.map(|(slot, command)| seen(&name(command), replies.get(slot))).collect()
        }
    };
    Run { replies, data: data(cluster) }
}

fn ask(cluster: &Cluster, command: &[Vec<u8>]) -> Seen {
    seen(&name(command), cluster.execute(built(command)))
}

fn name(command: &[Vec<u8>]) -> String {
    String::from_utf8(command[0].to_ascii_uppercase()).expect("names are ASCII")
}

fn built(command: &[Vec<u8>]) -> Cmd {
    command[1..].iter().fold(cmd(&name(command)), |cmd, arg| cmd.arg(arg))
}

fn seen(name: &str, reply: Result<Value, Error>) -> Seen {
    let value = match reply {
        Ok(value) => value,
        Err(error) => {
            let said = match (error.kind(), error.code()) {
                (_, Some(code)) => code.to_owned(),
                // What the library finds before it sends anything, a server says as ERR.
                (ErrorKind::Argument, None) => "ERR".to_owned(),
                (kind, None) => format!("{kind:?}: {error}"),
            };
            return Seen::Error(said, error.outcome());
        }
    };
    match (name, value) {
        ("TTL", Value::Integer(seconds)) if seconds > 0 => Seen::Time(seconds.saturating_mul(1000)),
        ("PTTL", Value::Integer(time)) => Seen::Time(time),
        ("EXPIRETIME", Value::Integer(at)) if at > 0 => Seen::Time(at.saturating_mul(1000)),
        ("PEXPIRETIME", Value::Integer(at)) => Seen::Time(at),
        // Milliseconds, after the head.
        ("HTTL", Value::Array(items)) => Seen::Value(Value::Array(items.into_iter().map(has_time).collect())),
        // By chance.
        ("SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" | "RANDOMKEY", value) => Seen::Value(size(&value)),
        ("SUNION" | "SINTER" | "SDIFF" | "SMEMBERS" | "KEYS" | "HKEYS" | "HVALS" | "SPOP", value) => {
            Seen::Value(sorted(value))
        }
        ("HGETALL", Value::Array(items)) => {
            let pairs = items.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect();
            Seen::Value(sorted(Value::Array(pairs)))
        }
        ("HGETALL", value) => Seen::Value(sorted(value)),
        (_, value) => Seen::Value(value),
    }
}

fn has_time(time: Value) -> Value {
    match time {
        Value::Integer(time) => Value::Integer(time.signum()),
        other => other,
    }
}

fn size(value: &Value) -> Value {
    match value {
        Value::Array(items) | Value::Set(items) => Value::Integer(items.len() as i64),
        Value::Nil => Value::Nil,
        _ => Value::Integer(1),
    }
}

/// What has no order, in one.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Array(mut items) => {
            items.sort_by_cached_key(Value::to_bytes);
            Value::Array(items)
        }
        Value::Set(mut items) => {
            items.sort_by_cached_key(Value::to_bytes);
            Value::Set(items)
        }
        Value::Map(mut pairs) => {
            pairs.sort_by_cached_key(|(key, value)| (key.to_bytes(), value.to_bytes()));
            Value::Map(pairs)
        }
        other => other,
    }
}

fn data(cluster: &Cluster) -> Vec<Key> {
    let mut keys: Vec<Vec<u8>> = cluster.execute(cmd("KEYS").arg("*").reply()).expect("the keys");
    keys.sort();
    let describe = |key: Vec<u8>| {
        let ask = |words: &[&str]| {
            let head = [words[0].as_bytes().to_vec(), key.clone()];
            let rest = words[1..].iter().map(|word| word.as_bytes().to_vec());
            ask(cluster, &head.into_iter().chain(rest).collect::<Command>())
        };
        let kind: String = cluster.execute(cmd("TYPE").arg(&key).reply()).expect("a type");
        let value = match kind.as_str() {
            "string" => ask(&["GET"]),
            "list" => ask(&["LRANGE", "0", "-1"]),
            "set" => ask(&["SMEMBERS"]),
            "hash" => ask(&["HGETALL"]),
            "zset" => ask(&["ZRANGE", "0", "-1", "WITHSCORES"]),
            "stream" => ask(&["XRANGE", "-", "+"]),
            _ => Seen::Value(Value::Nil),
        };
        let seen = [Seen::Value(Value::from(kind.as_str())), value, ask(&["PTTL"])];
        Key { name: key, seen }
    };
    keys.into_iter().map(describe).collect()
}

/// The first reply that differs, or what differs at the end. What is known to differ ends the comparison, because the
/// data may differ from there on.
pub fn first_difference(script: &[Command], one: &Run, several: &Run) -> Option<Difference> {
    for (at, command) in script.iter().enumerate() {
        let (expected, found) = (&one.replies[at], &several.replies[at]);
        if same(expected, found) {
            continue;
        }
        if known::is_known(command, expected, found) {
            return None;
        }
        let name = String::from_utf8_lossy(&command[0]).to_uppercase();
        let name = format!("{name}: {}, not {}", found.kind(), expected.kind());
        let text = format!("{}\n    one node: {}\n    several:  {}", quoted(command), short(expected), short(found));
        return Some(Difference { after: at + 1, name, text });
    }
    let is_same = |(one, several): (&Key, &Key)| {
        one.name == several.name && one.seen.iter().zip(&several.seen).all(|(one, several)| same(one, several))
    };
    if one.data.len() == several.data.len() && one.data.iter().zip(&several.data).all(is_same) {
        return None;
    }
    let told = |data: &[Key]| -> String {
        data.iter().map(|key| format!("\n      {} {}", quoted_word(&key.name), short(&key.seen))).collect()
    };
    let text = format!("the data\n    one node:{}\n    several:{}", told(&one.data), told(&several.data));
    Some(Difference { after: script.len(), name: DATA.to_owned(), text })
}

fn same(one: &Seen, other: &Seen) -> bool {
    match (one, other) {
        (Seen::Time(one), Seen::Time(other)) => {
            one == other || *one > 0 && *other > 0 && one.abs_diff(*other) < TOLERANCE as u64
        }
        (one, other) => one == other || format!("{one:?}") == format!("{other:?}"),
    }
}

fn short(seen: &(impl fmt::Debug + ?Sized)) -> String {
    let text = format!("{seen:?}");
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.len()),
        None => text,
    }
}
