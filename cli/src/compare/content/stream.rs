//! Streams: entries, counters, groups, consumers and what is pending.

use super::expiry::time;
use super::page::Page;
use super::{array, bytes, shown, Answers, Ask, Content, Key, Pair, Replies, Step};
use rediscluster::prelude::*;
use rediscluster::{spec, Cmd, Error, Value};
use std::collections::BTreeMap;

/// What `XINFO STREAM` tells that is part of the value. Servers before 7.0 do not have the last two.
const COUNTERS: [&str; 4] = ["length", "last-generated-id", "entries-added", "max-deleted-entry-id"];
/// What `XINFO GROUPS` tells that is part of the value. Servers before 7.0 do not have the last one.
const OF_A_GROUP: [&str; 4] = ["consumers", "pending", "last-delivered-id", "entries-read"];

/// The comparison of two streams.
pub struct Stream {
    key: Key,
    page: Page,
    part: Part,
    /// The id behind which the next page begins.
    after: Option<Vec<u8>>,
    /// Groups that are still to be looked into.
    groups: Vec<Vec<u8>>,
}

/// What was asked for last.
enum Part {
    Outline,
    Entries,
    /// The consumers of a group and the first page of what is pending.
    Group(Vec<u8>),
    /// The next pages of it.
    Pending(Vec<u8>),
}

/// Fields and their values, as `XINFO` tells them.
type Told = BTreeMap<Vec<u8>, Value>;

impl Stream {
    pub fn new(key: Key, page: Page) -> Stream {
        Stream { key, page, part: Part::Outline, after: None, groups: Vec::new() }
    }

    /// Where the next page begins.
    fn start(&self) -> Vec<u8> {
        self.after.as_ref().map_or(b"-".to_vec(), |id| [b"(", id.as_slice()].concat())
    }

    fn entries(&self, key: &[u8]) -> Cmd {
        Cmd::new(&spec::XRANGE).arg(key).arg(self.start()).arg("+").arg("COUNT").arg(self.page.count())
    }

    /// For how long an entry has been pending is told at some moment between the two.
    fn pending(&self, key: &[u8], group: &[u8]) -> Vec<Cmd> {
        let pending = Cmd::new(&spec::XPENDING).arg(key).arg(group);
        vec![cmd("TIME"), pending.arg(self.start()).arg("+").arg(self.page.count()), cmd("TIME")]
    }

    fn next_group(&mut self) -> Step {
        let Some(group) = self.groups.pop() else { return Step::Same };
        self.after = None;
        let consumers = |key: &[u8]| Cmd::new(&spec::XINFO_CONSUMERS).arg(key).arg(&group);
        let ask = Ask::both(&self.key, |key| [vec![consumers(key)], self.pending(key, &group)].concat());
        self.part = Part::Group(group);
        Step::Ask(ask)
    }

    /// A page of entries of both.
    fn check_entries(&mut self, answers: &mut Answers) -> Result<Step, Error> {
        let (from, to) = (answers.from.array()?, answers.to.array()?);
        let id = |entry: &Value| match entry {
            Value::Array(parts) => parts.first().cloned().map(bytes).unwrap_or_default(),
            _ => Vec::new(),
        };
        if let Some((from, to)) = from.iter().zip(&to).find(|(from, to)| from != to) {
            let (from, to) = (shown(&id(from)), shown(&id(to)));
            return Ok(Step::Differs(match from == to {
                true => format!("the entry {from}"),
                false => format!("the entry {from} against {to}"),
            }));
        }
        if from.len() != to.len() {
            return Ok(Step::Differs("it changed while it was read".into()));
        }
        self.page.took(from.len(), from.iter().map(length).sum());
        match from.last() {
            Some(last) => {
                self.after = Some(id(last));
                self.part = Part::Entries;
                Ok(Step::Ask(Ask::both(&self.key, |key| vec![self.entries(key)])))
            }
            None => Ok(self.next_group()),
        }
    }

    /// A page of what is pending in a group of both.
    fn check_pending(&mut self, group: Vec<u8>, answers: &mut Answers) -> Result<Step, Error> {
        let (from, to) = (Pending::read(&mut answers.from)?, Pending::read(&mut answers.to)?);
        let about = |entry: &Pending, what: String| {
            Step::Differs(format!("{} of the group {}: {what}", shown(&entry.id), shown(&group)))
        };
        for (from, to) in from.iter().zip(&to) {
            if from.id != to.id {
                return Ok(about(from, format!("pending against {}", shown(&to.id))));
            }
            if from.consumer != to.consumer {
                return Ok(about(
                    from,
                    format!("pending for {} against {}", shown(&from.consumer), shown(&to.consumer)),
                ));
            }
            if from.deliveries != to.deliveries {
                return Ok(about(from, format!("delivered {} times against {}", from.deliveries, to.deliveries)));
            }
            if from.delivered.0 > to.delivered.1 || to.delivered.0 > from.delivered.1 {
                return Ok(about(from, format!("delivered at {} against {}", from.delivered.0, to.delivered.0)));
            }
        }
        if from.len() != to.len() {
            return Ok(Step::Differs("it changed while it was read".into()));
        }
        match from.into_iter().last() {
            Some(last) => {
                self.after = Some(last.id);
                let ask = Ask::both(&self.key, |key| self.pending(key, &group));
                self.part = Part::Pending(group);
                Ok(Step::Ask(ask))
            }
            None => Ok(self.next_group()),
        }
    }
}

impl Content for Stream {
    fn begin(&mut self) -> Ask {
        let outline = |row, key: &[u8]| Cmd::new(row).arg(key);
        Ask::both(&self.key, |key| {
            vec![outline(&spec::XINFO_STREAM, key), outline(&spec::XINFO_GROUPS, key), self.entries(key)]
        })
    }

    fn next(&mut self, mut answers: Answers, _: Pair<'_>) -> Result<Step, Error> {
        match std::mem::replace(&mut self.part, Part::Outline) {
            Part::Outline => {
                let (from, to) = (told(answers.from.array()?), told(answers.to.array()?));
                if let Some(what) = differs(&from, &to, &COUNTERS) {
                    return Ok(Step::Differs(what));
                }
                let (from, to) = (named(answers.from.array()?), named(answers.to.array()?));
                if let Some(what) = all_differ("group", &from, &to, &OF_A_GROUP) {
                    return Ok(Step::Differs(what));
                }
                self.groups = from.into_keys().collect();
                self.check_entries(&mut answers)
            }
            Part::Entries => self.check_entries(&mut answers),
            Part::Group(group) => {
                let (from, to) = (named(answers.from.array()?), named(answers.to.array()?));
                match all_differ("consumer", &from, &to, &["pending"]) {
                    Some(what) => Ok(Step::Differs(format!("group {}: {what}", shown(&group)))),
                    None => self.check_pending(group, &mut answers),
                }
            }
            Part::Pending(group) => self.check_pending(group, &mut answers),
        }
    }
}

/// One entry that was delivered and not acknowledged.
struct Pending {
    id: Vec<u8>,
    consumer: Vec<u8>,
    /// Between which two moments, in milliseconds since 1970.
    delivered: (i64, i64),
    deliveries: i64,
}

impl Pending {
    /// A page between two looks at the clock.
    fn read(replies: &mut Replies) -> Result<Vec<Pending>, Error> {
        let before = time(replies)?;
        let page = replies.array()?;
        let after = time(replies)?;
        let integer = |value| if let Value::Integer(number) = value { number } else { 0 };
        let pending = |entry| {
            let mut parts = array(entry).into_iter();
            let mut part = || parts.next().unwrap_or(Value::Nil);
            let (id, consumer, idle, deliveries) = (bytes(part()), bytes(part()), integer(part()), integer(part()));
            // Moments were cut off to whole milliseconds.
            Pending { id, consumer, delivered: (before - idle - 1, after - idle + 1), deliveries }
        };
        Ok(page.into_iter().map(pending).collect())
    }
}

/// About how many bytes a value takes.
fn length(value: &Value) -> usize {
    match value {
        Value::Bulk(text) => text.len(),
        Value::Array(values) => values.iter().map(length).sum(),
        _ => 0,
    }
}

fn told(fields: Vec<Value>) -> Told {
    let mut told = Told::new();
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        told.insert(bytes(name), value);
    }
    told
}

/// What is told of several, by their names.
fn named(all: Vec<Value>) -> BTreeMap<Vec<u8>, Told> {
    let name = |one: &Told| one.get(&b"name"[..]).cloned().map(bytes).unwrap_or_default();
    all.into_iter().map(|one| told(array(one))).map(|one| (name(&one), one)).collect()
}

/// The first of these fields that is not the same, where both tell it.
fn differs(from: &Told, to: &Told, fields: &[&str]) -> Option<String> {
    fields.iter().find_map(|name| match (from.get(name.as_bytes()), to.get(name.as_bytes())) {
        (Some(from), Some(to)) if from != to => {
            let text = |value: &Value| match value {
                Value::Nil => "none".to_owned(),
                value => shown(&bytes(value.clone())),
            };
            Some(format!("{name} {} against {}", text(from), text(to)))
        }
        _ => None,
    })
}

/// The first of several that is not the same.
fn all_differ(
    what: &str,
    from: &BTreeMap<Vec<u8>, Told>,
    to: &BTreeMap<Vec<u8>, Told>,
    fields: &[&str],
) -> Option<String> {
    let extra = || to.keys().find(|name| !from.contains_key(*name));
    let missing = from.iter().find_map(|(name, one)| match to.get(name) {
        None => Some(format!("the {what} {} is missing at the target", shown(name))),
        Some(other) => differs(one, other, fields).map(|differs| format!("{what} {}: {differs}", shown(name))),
    });
    missing.or_else(|| extra().map(|name| format!("the {what} {} is only at the target", shown(name))))
}
