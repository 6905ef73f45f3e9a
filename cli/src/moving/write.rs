//! Writing to the targets: how far their source has been read, and then the keys, over one connection to each server.
//!
//! A server runs what comes over a connection in this order, and whatever it loses, it loses from the end. So a server that has
//! the mark of a page has all keys of the pages before it, and one that has a key of a page has its mark. No transaction is
//! needed for that, and none keeps the server from its other clients.

use super::job::{Mark, PROGRESS};
use super::link::{shown, string, Link};
use super::lock::Lock;
use super::pieces::{self, Arrived};
use super::progress::Progress;
use super::read::{Item, Replacing, Work};
use super::report::Report;
use super::route::Route;
use super::same::{Is, Same};
use super::Stop;
use rediscluster::{spec, Cmd, Value, ValueRef};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

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
    pub replacing: Replacing,
    /// The mark that is written with the next keys: everything before it is there.
    pub mark: Mark,
    /// How many keys earlier runs have named and not copied.
    pub earlier: u64,
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
                        self.tell(told.is_none() && page == 0)?;
                        told = Some(Instant::now());
                    }
                }
                Work::Small(items) => self.small(items)?,
                Work::Big(item) => {
                    let replaces = self.replacing.on(self.mark.page);
                    self.stop.pace(1);
                    let mark = [self.marking()];
                    restore(&mut self.targets[item.server], &mark, &[])?;
                    let arrived = self.in_pieces(&item, replaces)?;
                    self.count(&item, arrived, &self.report.big)?;
                }
                Work::End(page, cursor) => {
                    (self.mark.page, self.mark.cursor, self.mark.is_at_rest) = (page, cursor, true);
                    return self.tell(told.is_none() && page == 0);
                }
            }
        }
        Ok(())
    }

    /// The command that says how far it is.
    fn marking(&self) -> Cmd {
        let source = &self.route.from.servers[self.source].address;
        Cmd::new(&spec::HSET).arg(PROGRESS).arg(source).arg(self.mark_now())
    }

    /// The mark as it is written now. A run may end before it can say what it has named: so each mark says how many keys those
    /// were before its page.
    fn mark_now(&self) -> String {
        Mark { troubles: self.earlier + self.report.troubles(), ..self.mark.clone() }.text()
    }

    /// Tells every target how far it is. One that knows nothing any more, though it was told in this run or before, has lost its
    /// keys: only at the beginning of a pass it may not know anything yet.
    fn tell(&mut self, is_first: bool) -> Result<(), String> {
        let source = &self.route.from.servers[self.source].address;
        let mark = self.mark_now();
        for target in &mut self.targets {
            if target.ask_text(&["HSET", PROGRESS, source, &mark])? == Value::Integer(1) && !is_first {
                target.ask_text(&["HDEL", PROGRESS, source])?;
                return Err(has_lost(target));
            }
        }
        Ok(())
    }

    fn small(&mut self, mut items: Vec<Item>) -> Result<(), String> {
        let mark = self.marking();
        let mut by_server: Vec<(Vec<Cmd>, Vec<usize>)> = vec![(Vec::new(), Vec::new()); self.targets.len()];
        for (at, item) in items.iter_mut().enumerate() {
            let Some(restore) = item.restore.take() else { continue };
            let (commands, which) = &mut by_server[item.server];
            if commands.is_empty() {
                commands.push(mark.clone());
            }
            commands.push(restore);
            which.push(at);
        }
        let busy = self.targets.iter_mut().zip(&by_server).filter(|(_, (commands, _))| !commands.is_empty());
        let results: Vec<Result<Vec<(usize, Refused)>, String>> = std::thread::scope(|scope| {
            let mut busy: Vec<_> = busy.collect();
            let last = busy.pop();
            let others: Vec<_> = busy
                .into_iter()
                .map(|(target, (commands, which))| scope.spawn(move || restore(target, commands, which)))
                .collect();
            let mut results = Vec::new();
            results.extend(last.map(|(target, (commands, which))| restore(target, commands, which)));
            results
                .extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err("a thread ended".into()))));
            results
        });
        let mut refused = Vec::new();
        for result in results {
            refused.extend(result?);
        }
        let done = items.len() - refused.len();
        let bytes: usize = items.iter().map(|item| item.packed).sum();
        Report::add(&self.report.copied, done as u64);
        Report::add(&self.report.bytes, bytes as u64);
        self.mark.keys += done as u64;
        self.progress.copied(self.source, items.len() as u64, bytes as u64);
        for (at, why) in refused {
            let item = &items[at];
            match why {
                Refused::Exists => self.exists(item)?,
                Refused::Unknown => {
                    let arrived = self.in_pieces(item, self.replacing.on(self.mark.page))?;
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
        if self.replacing.skips_existing {
            Report::add(&self.report.skipped, 1);
            return Ok(());
        }
        let (_, same) = self.second()?;
        match same.look(item.server, &[(&item.name, &item.stored)])?.pop() {
            Some(Is::Same) => Report::add(&self.report.equal, 1),
            Some(Is::Gone) | None => Report::add(&self.report.gone, 1),
            Some(Is::Missing) => self.again(item)?,
            Some(Is::Other(why)) => {
                Report::add(&self.report.conflicts, 1);
                let what = format!("not copied: the target has another key of this name ({why})");
                self.report.trouble(&what, &item.name, &self.place());
            }
        }
        Ok(())
    }

    /// Restores a key once more: what was in its way went away meanwhile.
    fn again(&mut self, item: &Item) -> Result<(), String> {
        let mut refused = b"what was in its way is gone: the next run copies it".to_vec();
        if item.size == 0 || item.packed > 0 {
            let (source, _) = self.second()?;
            let Some(payload) = string(source.ask(&[b"DUMP", item.name.as_slice()])?) else {
                Report::add(&self.report.gone, 1);
                return Ok(());
            };
            let expires = item.expires.unwrap_or(0).to_string();
            let words = [&b"RESTORE"[..], &item.stored, expires.as_bytes(), &payload, b"ABSTTL"];
            match self.targets[item.server].each(&[&words])?.pop() {
                Some(Value::Error(text)) => refused = text,
                _ => {
                    Report::add(&self.report.copied, 1);
                    self.mark.keys += 1;
                    return Ok(());
                }
            }
        }
        self.report.trouble(&format!("not copied: {}", shown(&refused)), &item.name, &self.place());
        Ok(())
    }
}

/// Tells one target how far the source is read, which is the first command, and restores keys there. What a server refuses
/// whatever the key is, as one without memory does, is an error: the mark says then that this page has to be written again.
fn restore(target: &mut Link, commands: &[Cmd], which: &[usize]) -> Result<Vec<(usize, Refused)>, String> {
    let mut refused = Vec::new();
    let (mut failed, mut is_lost) = (None, false);
    target.run(commands, |number, reply| match (reply, number.checked_sub(1)) {
        (ValueRef::Error(text), Some(key)) => match why(text) {
            Some(why) => refused.push((which[key], why)),
            None => failed = failed.take().or_else(|| Some(format!("RESTORE: {}", shown(text)))),
        },
        (ValueRef::Error(text), None) => failed = Some(format!("HSET: {}", shown(text))),
        (ValueRef::Integer(1), None) => is_lost = true,
        _ => {}
    })?;
    if is_lost {
        // Also where something else failed: with a mark it would be taken for one that has all pages before.
        let source = commands[0].args().get(2).unwrap_or_default().to_vec();
        target.ask(&[b"HDEL".as_slice(), PROGRESS.as_bytes(), &source])?;
    }
    match failed {
        Some(failed) => Err(format!("{}: {failed}", target.place())),
        None if is_lost => Err(has_lost(target)),
        None => Ok(refused),
    }
}

fn has_lost(target: &Link) -> String {
    format!(
        "{}: what this run wrote there is gone: somebody has emptied it, or it was started without its data",
        target.place()
    )
}

/// Why this key was refused; `None` when every key would be.
fn why(text: &[u8]) -> Option<Refused> {
    let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if text.starts_with(b"BUSYKEY") {
        Some(Refused::Exists)
    } else if has(b"DUMP payload version") || has(b"Bad data format") {
        Some(Refused::Unknown)
    } else if text.starts_with(b"ERR ") {
        Some(Refused::Otherwise(shown(text)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_every_key_stops_the_run() {
        assert!(matches!(why(b"BUSYKEY Target key name already exists."), Some(Refused::Exists)));
        assert!(matches!(why(b"ERR DUMP payload version or checksum are wrong"), Some(Refused::Unknown)));
        assert!(matches!(why(b"ERR Bad data format"), Some(Refused::Unknown)));
        assert!(matches!(why(b"ERR invalid something"), Some(Refused::Otherwise(_))));
        for all in ["OOM command not allowed", "READONLY You can't write", "MISCONF Redis is", "NOPERM this user"] {
            assert!(why(all.as_bytes()).is_none(), "{all}");
        }
    }
}
