//! Reading a source: names page by page, and what they hold as the server packs it.

use super::link::{owned, Link};
use super::report::Report;
use super::route::{Destination, Route};
use super::scan::Scan;
use super::Stop;
use rediscluster::{spec, Cmd, Value, ValueRef};
use std::sync::mpsc::SyncSender;

/// As many keys go together at most, and as many bytes.
const TOGETHER: u64 = 1000;
const BYTES_TOGETHER: u64 = 4 << 20;

/// One key on its way.
pub struct Item {
    /// Which of the target's servers it goes to.
    pub server: usize,
    /// Its name at the source, and at the target.
    pub name: Vec<u8>,
    pub stored: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub expires: Option<u64>,
    pub used: Used,
    /// About how many bytes it takes.
    pub size: u64,
    /// What it holds; nothing where it goes in pieces.
    pub payload: Vec<u8>,
}

/// What the source knows of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    Unknown,
    /// So many seconds ago.
    Ago(u64),
    /// So often, on a scale from 0 to 255.
    Often(u64),
}

/// What a writer is given.
pub enum Work {
    /// What follows is of this page, which begins at this cursor.
    Page(u64, u64),
    Small(Vec<Item>),
    Big(Item),
    /// There is nothing more in this run; the next page would be this one.
    End(u64, Option<u64>),
}

/// Reads one database of one source.
pub struct Reader<'r> {
    pub link: Link,
    pub route: &'r Route,
    pub source: usize,
    pub scan: Scan,
    pub big: u64,
    pub stop: &'r Stop,
    pub report: &'r Report,
    /// Whether a target wants to know how a key was used.
    pub keeps_use: bool,
    /// As many keys go together.
    pub together: usize,
}

/// How many keys go together where no more than `rate` may go in a second: as many as go in a tenth of it.
pub fn together(rate: Option<u64>) -> usize {
    rate.map_or(TOGETHER, |rate| (rate / 10).clamp(1, TOGETHER)) as usize
}

impl Reader<'_> {
    /// Reads on from a page until there is no more, the run has copied enough, or it is stopped.
    ///
    /// # Errors
    /// That the source does not answer, or that a key lies where it cannot be placed.
    pub fn read(&mut self, mut page: u64, from: u64, to: &SyncSender<Work>) -> Result<(), String> {
        let mut cursor = Some(from);
        while let Some(at) = cursor {
            if self.stop.ends() || self.stop.is_enough() {
                break;
            }
            let (next, names) = self.scan.page(&mut self.link, at)?;
            self.link.is_believed()?;
            let items = self.placed(names);
            self.stop.read(items.len() as u64);
            // The writer may have ended: then it says why.
            if to.send(Work::Page(page, at)).is_err() || !self.send(items, to)? {
                return Ok(());
            }
            (cursor, page) = (next, page + 1);
        }
        let _ = to.send(Work::End(page, cursor));
        Ok(())
    }

    /// The keys that have to go somewhere.
    fn placed(&self, names: Vec<Vec<u8>>) -> Vec<Item> {
        let mut items = Vec::with_capacity(names.len());
        for name in names {
            match self.route.of(self.source, &name) {
                Destination::Stays => {}
                Destination::Server(server, stored) => items.push(Item {
                    server,
                    name,
                    stored,
                    expires: None,
                    used: Used::Unknown,
                    size: 0,
                    payload: Vec::new(),
                }),
                Destination::Stray(why) => {
                    self.report.trouble(&format!("not copied: {why}"), &name, self.link.place());
                }
            }
        }
        items
    }

    /// Asks what the keys hold and gives it to the writer; `false` when that has ended, or this has to end.
    fn send(&mut self, mut items: Vec<Item>, to: &SyncSender<Work>) -> Result<bool, String> {
        self.describe(&mut items)?;
        let mut small: Vec<Item> = Vec::new();
        let mut bytes = 0;
        for item in items {
            if item.size > self.big {
                if to.send(Work::Big(item)).is_err() {
                    return Ok(false);
                }
                continue;
            }
            if small.len() >= self.together || (bytes + item.size > BYTES_TOGETHER && !small.is_empty()) {
                if !self.send_small(std::mem::take(&mut small), to)? {
                    return Ok(false);
                }
                bytes = 0;
            }
            bytes += item.size;
            small.push(item);
        }
        Ok(small.is_empty() || self.send_small(small, to)?)
    }

    fn send_small(&mut self, mut items: Vec<Item>, to: &SyncSender<Work>) -> Result<bool, String> {
        if self.stop.ends() {
            return Ok(false);
        }
        let commands: Vec<Cmd> = items.iter().map(|item| Cmd::new(&spec::DUMP).arg(&item.name)).collect();
        let mut refused = None;
        self.link.run(&commands, |at, reply| match reply {
            ValueRef::Bulk(payload) => items[at].payload = payload.to_vec(),
            ValueRef::Error(text) => refused = Some(super::link::shown(text)),
            _ => {}
        })?;
        if let Some(refused) = refused {
            return Err(format!("{}: DUMP: {refused}", self.link.place()));
        }
        self.link.is_believed()?;
        let before = items.len();
        items.retain(|item| !item.payload.is_empty());
        Report::add(&self.report.gone, (before - items.len()) as u64);
        self.stop.pace(items.len() as u64);
        Ok(to.send(Work::Small(items)).is_ok())
    }

    /// Asks for their sizes, their expiry and how long nobody has used them.
    fn describe(&mut self, items: &mut [Item]) -> Result<(), String> {
        let facts = self.route.from.servers[self.source].read_facts();
        let asks_size = facts.largest() > self.big;
        let mut commands: Vec<Cmd> = Vec::with_capacity(items.len() * 3);
        for item in items.iter() {
            if asks_size {
                commands.push(Cmd::new(&spec::MEMORY_USAGE).arg(&item.name));
            }
            if self.keeps_use {
                let row = if facts.is_lfu() { &spec::OBJECT_FREQ } else { &spec::OBJECT_IDLETIME };
                commands.push(Cmd::new(row).arg(&item.name));
            }
            if facts.tells_expiry() {
                commands.push(Cmd::new(&spec::PEXPIRETIME).arg(&item.name));
            } else {
                commands.extend([Cmd::new(&spec::TIME), Cmd::new(&spec::PTTL).arg(&item.name)]);
            }
        }
        let each = if items.is_empty() { 1 } else { commands.len() / items.len() };
        let is_lfu = facts.is_lfu();
        let keeps_use = self.keeps_use;
        let mut now = 0;
        self.link.run(&commands, |number, reply| {
            let (item, at) = (&mut items[number / each], number % each);
            let value = match reply {
                ValueRef::Integer(value) => u64::try_from(value).ok(),
                ValueRef::Array(_) => {
                    now = milliseconds(&owned(reply));
                    None
                }
                _ => None,
            };
            match at {
                0 if asks_size => item.size = value.unwrap_or(0),
                at if keeps_use && at == usize::from(asks_size) => {
                    let used = if is_lfu { Used::Often } else { Used::Ago };
                    item.used = value.map_or(Used::Unknown, used);
                }
                at if at + 1 == each => item.expires = value.map(|value| value + now),
                _ => {}
            }
        })
    }
}

/// What `TIME` says, in milliseconds.
pub fn milliseconds(time: &Value) -> u64 {
    let Value::Array(parts) = time else { return 0 };
    let number = |at: usize| match parts.get(at) {
        Some(Value::Bulk(text)) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0),
        _ => 0u64,
    };
    number(0) * 1000 + number(1) / 1000
}
