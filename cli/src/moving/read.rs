//! Reading a source: names page by page, and what they hold as the server packs it.

use super::fleet;
use super::link::{owned, shown, Link};
use super::report::Report;
use super::route::{Destination, Route};
use super::scan::{self, Scan};
use super::survey::ON_ITS_WAY;
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
    /// About how many bytes it takes; 0 where none can be too large.
    pub size: u64,
    /// The command that writes it; `None` where it goes in pieces.
    pub restore: Option<Cmd>,
    /// How many bytes it holds as the server packs it.
    pub packed: usize,
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

/// Whether keys that are at a target give way. One that was brought by this job does; else the user has to say so.
#[derive(Clone, Copy)]
pub struct Replacing {
    pub replaces: bool,
    pub skips_existing: bool,
    /// Before this page, what is there may be of this job.
    pub again_until: u64,
}

impl Replacing {
    /// Whether they give way to those of a page.
    pub fn on(self, page: u64) -> bool {
        self.replaces || (!self.skips_existing && page < self.again_until)
    }
}

/// Reads one database of one source.
pub struct Reader<'r> {
    pub link: Link,
    pub route: &'r Route,
    pub source: usize,
    pub database: u32,
    pub scan: Scan,
    pub big: u64,
    pub stop: &'r Stop,
    pub report: &'r Report,
    pub replacing: Replacing,
    /// Whether a target wants to know how a key was used.
    pub keeps_use: bool,
    /// As many keys go together.
    pub together: usize,
    /// Keys on their way between two nodes that were met.
    pub stashes: Vec<Vec<u8>>,
    /// Whether a key of the database was seen to expire. Until then it is asked before and behind every batch whether there is
    /// one, and then the batch is read once more.
    pub some_expire: bool,
    /// What the server was found to be when the run began. A change ends no connection.
    pub was_replica: bool,
}

/// How many keys go together where no more than `rate` may go in a second: as many as go in a tenth of it.
pub fn together(rate: Option<u64>) -> usize {
    rate.map_or(TOGETHER, |rate| (rate / 10).clamp(1, TOGETHER)) as usize
}

/// A page of names, and what is known of them so far.
struct Page {
    number: u64,
    cursor: u64,
    items: Vec<Item>,
}

/// What is asked for while the page before is read, so that the source always has something to do: the sizes of the next page,
/// and the names of the one behind it.
struct Ahead {
    /// Its sizes are known.
    sized: Option<Page>,
    named: Option<Page>,
    /// Where the names go on, and the number of the page there.
    next: Option<u64>,
    number: u64,
}

impl Ahead {
    /// The page that comes next: its number and where it begins.
    fn first(&self) -> (u64, Option<u64>) {
        match self.sized.as_ref().or(self.named.as_ref()) {
            Some(page) => (page.number, Some(page.cursor)),
            None => (self.number, self.next),
        }
    }
}

/// What a command asks of which key.
enum Asks {
    Names,
    Size(usize),
    /// Whether the server is what it was.
    Role,
    /// Whether there is a key that expires.
    Expiring,
    Time,
    Expiry(usize),
    Use(usize),
    Payload(usize),
}

impl Reader<'_> {
    /// Reads on from a page until there is no more, the run has copied enough, or it is stopped.
    ///
    /// # Errors
    /// That the source does not answer, or that a key lies where it cannot be placed.
    pub fn read(&mut self, page: u64, from: u64, to: &SyncSender<Work>) -> Result<(), String> {
        let mut ahead = Ahead { sized: None, named: None, next: Some(from), number: page };
        while ahead.first().1.is_some() {
            if self.stop.ends() || self.stop.is_enough() {
                break;
            }
            let Some(page) = ahead.sized.take() else {
                self.ask(&mut Vec::new(), false, Some(&mut ahead))?;
                continue;
            };
            self.stop.read(page.items.len() as u64);
            // The writer may have ended: then it says why.
            if to.send(Work::Page(page.number, page.cursor)).is_err() || !self.send(page, &mut ahead, to)? {
                return Ok(());
            }
        }
        self.tell_stashes()?;
        let (page, cursor) = ahead.first();
        let _ = to.send(Work::End(page, cursor));
        Ok(())
    }

    /// Keys that were on their way when they were met, and still are: nobody may know of them.
    fn tell_stashes(&mut self) -> Result<(), String> {
        let stashes = std::mem::take(&mut self.stashes);
        let commands: Vec<Cmd> = stashes.iter().map(|name| Cmd::new(&spec::EXISTS).arg(name)).collect();
        let (report, place) = (self.report, self.link.place().to_owned());
        self.link.run(&commands, |at, reply| {
            if reply == ValueRef::Integer(1) {
                report.trouble(ON_ITS_WAY, &stashes[at], &place);
            }
        })
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
                    restore: None,
                    packed: 0,
                }),
                Destination::Stray(why) => {
                    self.report.trouble(&format!("not copied: {why}"), &name, self.link.place());
                }
            }
        }
        items
    }

    /// Asks what the keys of a page hold, together with what lies ahead, and gives it to the writer; `false` when that has
    /// ended, or this has to end.
    fn send(&mut self, page: Page, ahead: &mut Ahead, to: &SyncSender<Work>) -> Result<bool, String> {
        let replaces = self.replacing.on(page.number);
        let mut ahead = Some(ahead);
        let (mut left, mut bigs) = (page.items.into_iter().peekable(), Vec::new());
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(item) = left.next_if(|item| {
                batch.len() < self.together
                    && (bytes + item.size <= BYTES_TOGETHER || bytes == 0 || item.size > self.big)
            }) {
                bytes += if item.size > self.big { 0 } else { item.size };
                batch.push(item);
            }
            if self.stop.ends() {
                return Ok(false);
            }
            self.ask(&mut batch, replaces, ahead.take())?;
            let (big, mut small): (Vec<Item>, Vec<Item>) = batch.into_iter().partition(|item| item.size > self.big);
            bigs.extend(big);
            let before = small.len();
            small.retain(|item| item.restore.is_some());
            Report::add(&self.report.gone, (before - small.len()) as u64);
            self.stop.pace(small.len() as u64);
            if !small.is_empty() && to.send(Work::Small(small)).is_err() {
                return Ok(false);
            }
            if left.peek().is_none() {
                break;
            }
        }
        Ok(bigs.into_iter().all(|item| to.send(Work::Big(item)).is_ok()))
    }

    /// Asks what keys hold and when they expire, and for what lies ahead, all at once.
    fn ask(&mut self, batch: &mut [Item], replaces: bool, ahead: Option<&mut Ahead>) -> Result<(), String> {
        let facts = self.route.from.servers[self.source].read_facts();
        let database = self.database;
        let (is_lfu, tells_expiry) = (facts.is_lfu(), facts.tells_expiry());
        let asks_size = facts.largest() > self.big;
        let mut none = Ahead { sized: None, named: None, next: None, number: 0 };
        let ahead = ahead.unwrap_or(&mut none);
        let mut named = ahead.named.take();
        let mut commands: Vec<Cmd> = Vec::with_capacity(batch.len() * 3 + 1);
        let mut asks = Vec::with_capacity(batch.len() * 3 + 1);
        let mut add = |cmd: Cmd, what: Asks| {
            commands.push(cmd);
            asks.push(what);
        };
        if let Some(cursor) = ahead.next {
            add(self.scan.asking(cursor), Asks::Names);
        }
        if let (Some(page), true) = (&named, asks_size) {
            let size = |item: &Item| Cmd::new(&spec::MEMORY_USAGE).arg(&item.name);
            page.items.iter().enumerate().for_each(|(at, item)| add(size(item), Asks::Size(at)));
        }
        // Both before and behind: the only one that expires may end in between, and one may have come.
        let asks_expiring = !self.some_expire && !batch.is_empty();
        if asks_expiring {
            add(Cmd::new(&spec::INFO).arg("keyspace"), Asks::Expiring);
        }
        for (at, item) in batch.iter().enumerate() {
            if self.keeps_use {
                let row = if is_lfu { &spec::OBJECT_FREQ } else { &spec::OBJECT_IDLETIME };
                add(Cmd::new(row).arg(&item.name), Asks::Use(at));
            }
            match (self.some_expire, tells_expiry) {
                (false, _) => {}
                (true, true) => add(Cmd::new(&spec::PEXPIRETIME).arg(&item.name), Asks::Expiry(at)),
                (true, false) => {
                    add(Cmd::new(&spec::TIME), Asks::Time);
                    add(Cmd::new(&spec::PTTL).arg(&item.name), Asks::Expiry(at));
                }
            }
            if item.size <= self.big {
                add(Cmd::new(&spec::DUMP).arg(&item.name), Asks::Payload(at));
            }
        }
        add(Cmd::new(&spec::INFO).arg("replication"), Asks::Role);
        if asks_expiring {
            add(Cmd::new(&spec::INFO).arg("keyspace"), Asks::Expiring);
        }
        let (mut now, mut refused, mut expiring, mut is_replica) = (0, None, 0, false);
        let mut scanned: Option<Result<scan::Page, String>> = None;
        self.link.run(&commands, |number, reply| match asks[number] {
            Asks::Names => scanned = Some(Scan::answer(reply)),
            Asks::Size(at) => {
                if let Some(page) = &mut named {
                    page.items[at].size = number_of(reply).unwrap_or(0);
                }
            }
            Asks::Role => match reply {
                ValueRef::Bulk(info) => is_replica = fleet::is_replica(info),
                ValueRef::Error(text) => refused = Some(shown(text)),
                _ => {}
            },
            Asks::Expiring => match reply {
                ValueRef::Bulk(info) => expiring = expiring.max(fleet::expiring(info, database)),
                ValueRef::Error(text) => refused = Some(shown(text)),
                _ => {}
            },
            Asks::Time => match reply {
                ValueRef::Error(text) => refused = Some(shown(text)),
                reply => now = milliseconds(&owned(reply)),
            },
            Asks::Expiry(at) => match reply {
                // That it stays for ever is not said by that.
                ValueRef::Error(text) => refused = Some(shown(text)),
                reply => batch[at].expires = number_of(reply).map(|value| value + now),
            },
            Asks::Use(at) => {
                let used = if is_lfu { Used::Often } else { Used::Ago };
                batch[at].used = number_of(reply).map_or(Used::Unknown, used);
            }
            Asks::Payload(at) => match reply {
                ValueRef::Bulk(payload) => batch[at].packed_as(payload, replaces),
                ValueRef::Error(text) => refused = Some(shown(text)),
                _ => {}
            },
        })?;
        if let Some(refused) = refused {
            return Err(format!("{}: {refused}", self.link.place()));
        }
        self.link.is_believed()?;
        if self.was_replica != is_replica {
            let what = if is_replica { "is no master any more" } else { "is no replica any more" };
            return Err(format!("{} {what}", self.link.place()));
        }
        if named.is_some() {
            ahead.sized = named;
        }
        if let (Some(cursor), Some(scanned)) = (ahead.next, scanned) {
            let seen = scanned.map_err(|why| format!("{}: {why}", self.link.place()))?;
            self.stashes.extend(seen.stashes);
            let page = Page { number: ahead.number, cursor, items: self.placed(seen.names) };
            (ahead.next, ahead.number) = (seen.next, ahead.number + 1);
            if asks_size {
                ahead.named = Some(page);
            } else {
                ahead.sized = Some(page);
            }
        }
        if expiring > 0 {
            self.some_expire = true;
            batch.iter_mut().for_each(|item| item.restore = None);
            return self.ask(batch, replaces, None);
        }
        Ok(())
    }
}

impl Item {
    /// What it holds is known, and with it the command that writes it.
    fn packed_as(&mut self, payload: &[u8], replaces: bool) {
        let mut cmd = Cmd::new(&spec::RESTORE).arg(&self.stored).arg(self.expires.unwrap_or(0)).arg(payload);
        if self.expires.is_some() {
            cmd = cmd.arg("ABSTTL");
        }
        if replaces {
            cmd = cmd.arg("REPLACE");
        }
        self.restore = Some(match self.used {
            Used::Ago(seconds) if seconds > 0 => cmd.arg("IDLETIME").arg(seconds),
            Used::Often(times) => cmd.arg("FREQ").arg(times),
            _ => cmd,
        });
        self.packed = payload.len();
    }
}

/// A number that is none of those that say that there is nothing.
fn number_of(reply: ValueRef<'_>) -> Option<u64> {
    match reply {
        ValueRef::Integer(value) => u64::try_from(value).ok(),
        _ => None,
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
