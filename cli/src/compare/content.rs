//! Whether keys on two servers are equal: their types, their contents and when they expire.
//!
//! Many keys are compared at once, in rounds: each round asks both servers everything that all these keys need next. Small
//! keys whose payloads (`DUMP`) are the same bytes are equal after two rounds. Payloads of equal sets, hashes and streams
//! may differ, so where they do the contents decide, which are read in pages: memory is bounded whatever a key's size.

mod expiry;
mod hash;
mod page;
mod payload;
mod ranked;
mod set;
mod stream;
mod string;
mod vectors;

pub use expiry::Expiry;

use super::server::{Answer, Failed, Server};
use crate::quote;
use rediscluster::{spec, Cmd, Error, Value};
use std::thread;

/// A key of no more than this many bytes is small: its whole payload is compared, and many of them at once.
const SMALL: u64 = 64 << 10;
/// The most bytes of small keys that are compared at once.
const TOGETHER: u64 = 8 << 20;
/// The bytes of a member, a field or the like that are shown.
const SHOWN: usize = 100;
/// How many elements of a key the server looks at to tell how large it is.
const SAMPLES: i64 = 32;

/// One database on two servers.
#[derive(Clone, Copy)]
pub struct Pair<'s> {
    pub from: &'s Server,
    pub to: &'s Server,
    pub database: u32,
}

/// A key by the names that it has at both servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    name: Vec<u8>,
    /// What the target calls it, where that is another name: one server keeps tags in names that a fleet does not store.
    renamed: Option<Vec<u8>>,
}

/// How a key stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is the same at both servers.
    Same,
    /// The source does not have it, or has it no more.
    Gone,
    /// The target does not have it.
    Missing,
    /// It is not the same.
    Different(Vec<Difference>),
    /// Why nobody can tell.
    Incomparable(String),
}

/// In what two keys differ.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The types at both servers.
    Type(String, String),
    /// What of the value, in words.
    Value(String),
    /// When it expires at both servers.
    Expiry(Expiry, Expiry),
}

/// Which of its names a key has at a server.
type Name = fn(&Key) -> &[u8];

/// What is asked next of both servers.
#[derive(Default)]
struct Ask {
    from: Vec<Cmd>,
    to: Vec<Cmd>,
}

/// What both servers answered.
struct Answers {
    from: Replies,
    to: Replies,
}

/// Replies in the order of their commands. An error reply ends the comparison of its key.
struct Replies(std::vec::IntoIter<Answer>);

/// What follows from the answers.
enum Step {
    Ask(Ask),
    Same,
    /// What differs, in words.
    Differs(String),
    /// Why nobody can tell.
    Incomparable(String),
}

/// The comparison of the contents of one key, which has one type.
trait Content {
    /// What is asked first.
    fn begin(&mut self) -> Ask;

    /// What follows from what was asked last.
    ///
    /// # Errors
    /// An error reply.
    fn next(&mut self, answers: Answers, pair: Pair<'_>) -> Result<Step, Error>;
}

/// One key at one server, looked at from outside.
struct Look {
    /// About how many bytes it takes; `None` when it is not there.
    size: Option<u64>,
    expiry: Expiry,
}

impl Pair<'_> {
    /// Both servers at the same time.
    fn both<T: Send>(&self, ask: impl Fn(&Server, Name) -> Result<T, Failed> + Sync) -> Result<(T, T), Failed> {
        thread::scope(|scope| {
            let to = scope.spawn(|| ask(self.to, Key::to));
            let from = ask(self.from, Key::from);
            let to = to.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((from?, to?))
        })
    }

    fn answers(&self, ask: Ask) -> Result<(Vec<Answer>, Vec<Answer>), Failed> {
        let of = |server: &Server, commands: Vec<Cmd>| match commands.is_empty() {
            true => Ok(Vec::new()),
            false => server.ask_all(self.database, commands).map_err(|error| server.told(&error)),
        };
        thread::scope(|scope| {
            let to = scope.spawn(|| of(self.to, ask.to));
            let from = of(self.from, ask.from);
            let to = to.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((from?, to?))
        })
    }

    /// What the later clock of both says about now, in milliseconds since 1970.
    fn now(&self) -> i64 {
        self.from.now().max(self.to.now())
    }
}

/// Compares keys of two servers: a verdict for each, in their order.
///
/// # Errors
/// Which server gave no answer, and why.
pub fn compare(pair: Pair<'_>, keys: &[Key]) -> Result<Vec<Verdict>, Failed> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (from, to) = pair.both(|server, name| look(server, pair.database, keys, name))?;
    let mut verdicts = Vec::with_capacity(keys.len());
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for (at, (from, to)) in from.iter().zip(&to).enumerate() {
        verdicts.push(match (from.size, to.size) {
            (None, _) => Verdict::Gone,
            (_, None) => Verdict::Missing,
            (Some(one), Some(other)) => {
                let group = if one.max(other) <= SMALL { &mut small } else { &mut large };
                group.push((at, one.saturating_add(other)));
                match from.expiry.is_same(&to.expiry) {
                    true => Verdict::Same,
                    false => Verdict::Different(vec![Difference::Expiry(from.expiry, to.expiry)]),
                }
            }
        });
    }
    for group in groups(&small) {
        let others = payload::others(pair, keys, group)?;
        contents(pair, keys, &others, SMALL, &mut verdicts)?;
    }
    for (at, size) in large {
        contents(pair, keys, &[at], size, &mut verdicts)?;
    }
    // A key whose time has come is gone at one server a moment before it is at the other one.
    for (at, verdict) in verdicts.iter_mut().enumerate() {
        let is_past = || [&from[at], &to[at]].into_iter().any(|look| look.expiry.is_past(pair.now()));
        if !matches!(verdict, Verdict::Same) && is_past() {
            *verdict = Verdict::Gone;
        }
    }
    Ok(verdicts)
}

/// Which of these names a server has at least until a moment, in milliseconds since 1970.
///
/// # Errors
/// Why it gave no answer.
pub fn lasting(server: &Server, database: u32, names: &[&[u8]], until: i64) -> Result<Vec<bool>, Failed> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut commands = Vec::new();
    expiry::ask(server, names.iter().copied(), &mut commands);
    let answers = server.ask_all(database, commands).map(|answers| Replies(answers.into_iter()));
    let expiries = answers.and_then(|mut replies| expiry::read(server, names.len(), &mut replies));
    let is_lasting = |expiry: Option<Expiry>| expiry.is_some_and(|expiry| !expiry.is_past(until));
    Ok(expiries.map_err(|error| server.told(&error))?.into_iter().map(is_lasting).collect())
}

/// Keys, each with its size, in groups that are not too much for one round.
fn groups(sized: &[(usize, u64)]) -> Vec<&[(usize, u64)]> {
    let mut groups = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (at, (_, size)) in sized.iter().enumerate() {
        if bytes + size > TOGETHER && at > begin {
            groups.push(&sized[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += size;
    }
    if begin < sized.len() {
        groups.push(&sized[begin..]);
    }
    groups
}

/// What a server says of keys without their contents.
fn look(server: &Server, database: u32, keys: &[Key], name: Name) -> Result<Vec<Look>, Failed> {
    let size = |key| Cmd::new(&spec::MEMORY_USAGE).arg(name(key)).arg("SAMPLES").arg(SAMPLES);
    let mut commands: Vec<Cmd> = keys.iter().map(size).collect();
    expiry::ask(server, keys.iter().map(name), &mut commands);
    let failed = |error: Error| server.told(&error);
    let mut replies = Replies(server.ask_all(database, commands).map_err(failed)?.into_iter());
    let mut sizes = Vec::with_capacity(keys.len());
    for _ in keys {
        sizes.push(match replies.next() {
            Ok(Value::Integer(size)) => u64::try_from(size).ok(),
            Ok(_) => None,
            // Where the size may not be asked for, every key is taken for a large one.
            Err(_) => Some(u64::MAX),
        });
    }
    let expiries = expiry::read(server, keys.len(), &mut replies).map_err(failed)?;
    let look = |(size, expiry): (Option<u64>, Option<Expiry>)| Look {
        size: size.filter(|_| expiry.is_some()),
        expiry: expiry.unwrap_or_default(),
    };
    Ok(sizes.into_iter().zip(expiries).map(look).collect())
}

/// Compares the contents of some of the keys, none of which takes more than `size` bytes.
fn contents(pair: Pair<'_>, keys: &[Key], which: &[usize], size: u64, verdicts: &mut [Verdict]) -> Result<(), Failed> {
    let types = |name: Name| which.iter().map(|&at| Cmd::new(&spec::TYPE).arg(name(&keys[at]))).collect();
    let (from, to) = pair.answers(Ask { from: types(Key::from), to: types(Key::to) })?;
    let mut under_way: Vec<(usize, Box<dyn Content>, Ask)> = Vec::new();
    for ((&at, from), to) in which.iter().zip(from).zip(to) {
        match (from.map(bytes), to.map(bytes)) {
            (Err(error), _) | (_, Err(error)) => verdicts[at] = Verdict::Incomparable(error.message().to_owned()),
            (Ok(from), _) if from == b"none" => verdicts[at] = Verdict::Gone,
            (_, Ok(to)) if to == b"none" => verdicts[at] = Verdict::Missing,
            (Ok(from), Ok(to)) if from != to => verdicts[at].differs(Difference::Type(shown(&from), shown(&to))),
            (Ok(kind), _) => {
                let mut content = content(&kind, &keys[at], size);
                let ask = content.begin();
                under_way.push((at, content, ask));
            }
        }
    }
    while !under_way.is_empty() {
        let mut asked = Ask::default();
        let counts: Vec<_> = under_way.iter().map(|(.., ask)| (ask.from.len(), ask.to.len())).collect();
        for (.., ask) in &mut under_way {
            asked.from.append(&mut ask.from);
            asked.to.append(&mut ask.to);
        }
        let (from, to) = pair.answers(asked)?;
        let (mut from, mut to) = (from.into_iter(), to.into_iter());
        let mut going_on = Vec::new();
        for ((at, mut content, _), (some, others)) in under_way.into_iter().zip(counts) {
            let answers = Answers { from: Replies::first(&mut from, some), to: Replies::first(&mut to, others) };
            match content.next(answers, pair) {
                Ok(Step::Ask(ask)) => going_on.push((at, content, ask)),
                Ok(Step::Same) => {}
                Ok(Step::Differs(what)) => verdicts[at].differs(Difference::Value(what)),
                Ok(Step::Incomparable(why)) => verdicts[at] = Verdict::Incomparable(why),
                Err(error) => verdicts[at] = Verdict::Incomparable(error.message().to_owned()),
            }
        }
        under_way = going_on;
    }
    Ok(())
}

/// What compares the contents of a key of a type that takes no more than `size` bytes.
fn content(kind: &[u8], key: &Key, size: u64) -> Box<dyn Content> {
    let key = key.clone();
    let page = page::Page::new(size);
    match kind {
        b"string" => Box::new(string::Text::new(key)),
        b"list" => Box::new(ranked::Ranked::list(key, page)),
        b"zset" => Box::new(ranked::Ranked::sorted_set(key, page)),
        b"set" => Box::new(set::Set::new(key, page)),
        b"hash" => Box::new(hash::Hash::new(key, page)),
        b"stream" => Box::new(stream::Stream::new(key, page)),
        b"vectorset" => Box::new(vectors::Vectors::new(key)),
        _ => Box::new(payload::Payload::new(key, shown(kind), size)),
    }
}

impl Key {
    /// One that has the same name at both servers.
    pub fn same(name: Vec<u8>) -> Key {
        Key { name, renamed: None }
    }

    /// One that has another name at the target.
    pub fn renamed(name: Vec<u8>, to: Vec<u8>) -> Key {
        Key { renamed: (to != name).then_some(to), name }
    }

    /// Its name at the source.
    pub fn from(&self) -> &[u8] {
        &self.name
    }

    /// Its name at the target.
    pub fn to(&self) -> &[u8] {
        self.renamed.as_ref().unwrap_or(&self.name)
    }
}

impl Verdict {
    fn differs(&mut self, in_what: Difference) {
        match self {
            Verdict::Different(differences) => differences.insert(0, in_what),
            verdict => *verdict = Verdict::Different(vec![in_what]),
        }
    }
}

impl Ask {
    /// The same of both servers, each by its own name of the key.
    fn both(key: &Key, commands: impl Fn(&[u8]) -> Vec<Cmd>) -> Ask {
        Ask { from: commands(key.from()), to: commands(key.to()) }
    }

    fn or_same(self) -> Step {
        match self.from.is_empty() && self.to.is_empty() {
            true => Step::Same,
            false => Step::Ask(self),
        }
    }
}

impl Replies {
    fn first(all: &mut std::vec::IntoIter<Answer>, count: usize) -> Replies {
        Replies(all.take(count).collect::<Vec<_>>().into_iter())
    }

    fn next(&mut self) -> Answer {
        self.0.next().unwrap_or(Ok(Value::Nil))
    }

    fn integer(&mut self) -> Result<i64, Error> {
        self.next().map(|value| match value {
            Value::Integer(number) => number,
            _ => 0,
        })
    }

    fn text(&mut self) -> Result<Vec<u8>, Error> {
        self.next().map(bytes)
    }

    fn array(&mut self) -> Result<Vec<Value>, Error> {
        self.next().map(array)
    }

    /// A page of a `SCAN` through a key: the cursor behind it and what lies on it.
    fn page(&mut self) -> Result<(Vec<u8>, Vec<Vec<u8>>), Error> {
        let mut parts = self.array()?.into_iter();
        let cursor = parts.next().map(bytes).unwrap_or_default();
        Ok((cursor, parts.next().map(array).unwrap_or_default().into_iter().map(bytes).collect()))
    }
}

/// What a server may say in one piece; nothing for anything else.
fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Bulk(text) | Value::Simple(text) => text,
        Value::Integer(number) => number.to_string().into_bytes(),
        _ => Vec::new(),
    }
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

/// A name for people, cut off where it is long.
fn shown(name: &[u8]) -> String {
    match name.get(..SHOWN) {
        Some(start) => format!("{}...", quote::shown(start)),
        None => quote::shown(name),
    }
}
