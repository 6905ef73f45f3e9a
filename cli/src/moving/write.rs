//! Writing to the targets: keys together with how far their source has been read, in one transaction on each server.

use super::job::{Mark, PROGRESS};
use super::link::{shown, Link};
use super::lock::Lock;
use super::pieces::{self, Arrived};
use super::progress::Progress;
use super::read::{Item, Used, Work};
use super::report::Report;
use super::route::Route;
use super::same::{Is, Same};
use super::Stop;
use rediscluster::{spec, Cmd, Value, ValueRef};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// As much goes into one transaction, during which a server does nothing else.
const IN_ONE: usize = 200;
const BYTES_IN_ONE: usize = 1 << 20;
/// How often every target is told how far it is, also one that gets nothing.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Why a key was not restored.
enum Refused {
    /// It is there already.
    Exists,
    /// The target does not take what the source packs.
    Unknown,
    Otherwise(String),
}

/// Writes what one reader reads.
pub struct Writer<'w> {
    pub targets: Vec<Link>,
    pub route: &'w Route,
    pub source: usize,
    pub database: u32,
    pub lock: &'w Lock,
    pub stop: &'w Stop,
    pub report: &'w Report,
    pub progress: &'w Progress,
    pub replaces: bool,
    pub skips_existing: bool,
    /// The mark that is written with the next keys: everything before it is there.
    pub mark: Mark,
    /// Before this page, what is there may be of this job.
    pub again_until: u64,
    /// Opened when a key goes in pieces or has to be compared.
    pub second: Option<(Link, Same)>,
}

impl Writer<'_> {
    /// Writes until the reader has no more.
    ///
    /// # Errors
    /// That a target does not answer or refuses, or that the lock is lost.
    pub fn write(&mut self, work: &Receiver<Work>) -> Result<(), String> {
        let mut told: Option<Instant> = None;
        while let Ok(work) = work.recv() {
            self.lock.is_held()?;
            match work {
                Work::Page(page, cursor) => {
                    (self.mark.page, self.mark.cursor, self.mark.is_at_rest) = (page, Some(cursor), false);
                    // The first time before any key, so that a target without a mark has lost what it had.
                    if !told.is_some_and(|told| told.elapsed() < MARK_EVERY) {
                        self.tell(told.is_none())?;
                        told = Some(Instant::now());
                    }
                }
                Work::Small(items) => self.small(&items)?,
                Work::Big(item) => {
                    let replaces = self.may_replace();
                    self.stop.pace(1);
                    let arrived = self.in_pieces(&item, replaces)?;
                    self.count(&item, arrived, &self.report.big)?;
                }
                Work::End(page, cursor) => {
                    (self.mark.page, self.mark.cursor, self.mark.is_at_rest) = (page, cursor, true);
                    return self.tell(told.is_none());
                }
            }
        }
        Ok(())
    }

    /// Whether a key that is there gives way. One that was brought by this job does; else the user has to say so.
    fn may_replace(&self) -> bool {
        self.replaces || (!self.skips_existing && self.mark.page < self.again_until)
    }

    /// Tells every target how far it is. One that knows nothing any more, though it was told in this run, has lost its keys.
    fn tell(&mut self, is_first: bool) -> Result<(), String> {
        let source = &self.route.from.servers[self.source].address;
        let mark = self.mark.text();
        for target in &mut self.targets {
            if target.ask_text(&["HSET", PROGRESS, source, &mark])? == Value::Integer(1) && !is_first {
                target.ask_text(&["HDEL", PROGRESS, source])?;
                return Err(has_lost(target));
            }
        }
        Ok(())
    }

    fn small(&mut self, items: &[Item]) -> Result<(), String> {
        let replaces = self.may_replace();
        let source = &self.route.from.servers[self.source].address;
        let mark = Cmd::new(&spec::HSET).arg(PROGRESS).arg(source).arg(self.mark.text());
        let mut by_server: Vec<Vec<usize>> = vec![Vec::new(); self.targets.len()];
        items.iter().enumerate().for_each(|(at, item)| by_server[item.server].push(at));
        let busy = self.targets.iter_mut().zip(&by_server).filter(|(_, which)| !which.is_empty());
        let results: Vec<Result<Vec<(usize, Refused)>, String>> = std::thread::scope(|scope| {
            let mut busy: Vec<_> = busy.collect();
            let last = busy.pop();
            let mark = &mark;
            let others: Vec<_> = busy
                .into_iter()
                .map(|(target, which)| scope.spawn(move || restore(target, items, which, mark, replaces)))
                .collect();
            let mut results = Vec::new();
            results.extend(last.map(|(target, which)| restore(target, items, which, mark, replaces)));
            results
                .extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err("a thread ended".into()))));
            results
        });
        let mut refused = Vec::new();
        for result in results {
            refused.extend(result?);
        }
        let done = items.len() - refused.len();
        let bytes: usize = items.iter().map(|item| item.payload.len()).sum();
        Report::add(&self.report.copied, done as u64);
        Report::add(&self.report.bytes, bytes as u64);
        self.mark.keys += done as u64;
        self.progress.copied(self.source, items.len() as u64, bytes as u64);
        for (at, why) in refused {
            let item = &items[at];
            match why {
                Refused::Exists => self.exists(item)?,
                Refused::Unknown => {
                    let arrived = self.in_pieces(item, replaces)?;
                    self.count(item, arrived, &self.report.unpacked)?;
                }
                Refused::Otherwise(why) => {
                    self.report.trouble(&format!("not copied: {why}"), &item.name, &self.place());
                }
            }
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.route.from.servers[self.source].place()
    }

    /// A second connection to the source, and what compares.
    fn second(&mut self) -> Result<&mut (Link, Same), String> {
        if self.second.is_none() {
            let mut link = self.route.from.open_to_read(&self.route.from.servers[self.source])?;
            link.select(self.database)?;
            self.second = Some((link, Same::new(self.route, self.source, self.database)?));
        }
        self.second.as_mut().ok_or_else(|| "no second connection".to_owned())
    }

    fn in_pieces(&mut self, item: &Item, replaces: bool) -> Result<Arrived, String> {
        self.second()?;
        let Some((source, _)) = &mut self.second else { return Ok(Arrived::Gone) };
        let facts = (self.route.from.servers[self.source].read_facts(), &self.route.to.servers[item.server].facts);
        pieces::carry(source, &mut self.targets[item.server], item, facts, replaces)
    }

    /// What came of a key that went by itself.
    fn count(&mut self, item: &Item, arrived: Arrived, kind: &std::sync::atomic::AtomicU64) -> Result<(), String> {
        match arrived {
            Arrived::There => {
                Report::add(&self.report.copied, 1);
                Report::add(&self.report.bytes, item.size);
                Report::add(kind, 1);
                self.mark.keys += 1;
                self.progress.copied(self.source, 1, item.size);
            }
            Arrived::Gone => Report::add(&self.report.gone, 1),
            Arrived::Exists => self.exists(item)?,
            Arrived::Cannot(why) => self.report.trouble(&format!("not copied: {why}"), &item.name, &self.place()),
        }
        Ok(())
    }

    /// A key that is there and must not be replaced. `SCAN` may name a key twice, so it may be the same.
    fn exists(&mut self, item: &Item) -> Result<(), String> {
        if self.skips_existing {
            Report::add(&self.report.skipped, 1);
            return Ok(());
        }
        let (_, same) = self.second()?;
        match same.look(item.server, &[(&item.name, &item.stored)])?.pop() {
            Some(Is::Same) => Report::add(&self.report.equal, 1),
            Some(Is::Gone | Is::Missing) | None => Report::add(&self.report.gone, 1),
            Some(Is::Other(why)) => {
                let what = format!("not copied: the target has another key of this name ({why})");
                self.report.trouble(&what, &item.name, &self.place());
            }
        }
        Ok(())
    }
}

/// Restores keys at one target in transactions of bounded size, each with the mark.
fn restore(
    target: &mut Link,
    items: &[Item],
    which: &[usize],
    mark: &Cmd,
    replaces: bool,
) -> Result<Vec<(usize, Refused)>, String> {
    let mut commands: Vec<Cmd> = Vec::with_capacity(which.len() + 8);
    // For the number of every `EXEC` the keys of its transaction.
    let mut blocks: Vec<(usize, &[usize])> = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (end, &at) in which.iter().enumerate() {
        if end == begin {
            commands.push(Cmd::new(&spec::MULTI));
            bytes = 0;
        }
        commands.push(restoring(&items[at], replaces));
        bytes += items[at].payload.len();
        if end + 1 == which.len() || end + 1 - begin == IN_ONE || bytes >= BYTES_IN_ONE {
            commands.push(mark.clone());
            commands.push(Cmd::new(&spec::EXEC));
            blocks.push((commands.len() - 1, &which[begin..=end]));
            begin = end + 1;
        }
    }
    let mut refused = Vec::new();
    let (mut failed, mut is_lost) = (None, false);
    let mut blocks = blocks.into_iter().peekable();
    target.run(&commands, |number, reply| match reply {
        ValueRef::Error(text) if failed.is_none() => failed = Some(shown(text)),
        ValueRef::Array(replies) => {
            let Some((_, keys)) = blocks.next_if(|(at, _)| *at == number) else { return };
            let mut replies = replies;
            for (&at, reply) in keys.iter().zip(replies.by_ref()) {
                if let ValueRef::Error(text) = reply {
                    refused.push((at, why(text)));
                }
            }
            match replies.next() {
                Some(ValueRef::Error(text)) => failed = failed.take().or(Some(shown(text))),
                Some(ValueRef::Integer(1)) => is_lost = true,
                _ => {}
            }
        }
        _ => {}
    })?;
    match failed {
        Some(failed) => Err(format!("{}: {failed}", target.place())),
        None if is_lost => {
            let source = mark.args().get(2).unwrap_or_default().to_vec();
            target.ask(&[b"HDEL".as_slice(), PROGRESS.as_bytes(), &source])?;
            Err(has_lost(target))
        }
        None => Ok(refused),
    }
}

fn has_lost(target: &Link) -> String {
    format!(
        "{}: what this run wrote there is gone: somebody has emptied it, or it was started without its data",
        target.place()
    )
}

fn restoring(item: &Item, replaces: bool) -> Cmd {
    let mut cmd = Cmd::new(&spec::RESTORE).arg(&item.stored).arg(item.expires.unwrap_or(0)).arg(&item.payload);
    cmd = cmd.arg("ABSTTL");
    if replaces {
        cmd = cmd.arg("REPLACE");
    }
    match item.used {
        Used::Ago(seconds) if seconds > 0 => cmd.arg("IDLETIME").arg(seconds),
        Used::Often(times) => cmd.arg("FREQ").arg(times),
        _ => cmd,
    }
}

fn why(text: &[u8]) -> Refused {
    let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if text.starts_with(b"BUSYKEY") {
        Refused::Exists
    } else if has(b"DUMP payload version") || has(b"Bad data format") {
        Refused::Unknown
    } else {
        Refused::Otherwise(shown(text))
    }
}
