//! Through all keys of one node, page by page.

use super::progress::Progress;
use super::report::{Finding, Report};
use super::state::{At, State};
use super::tags::Tags;
use super::verdict::{judge, Kind, Places, Verdict};
use super::wish::Wish;
use crate::interrupt::Interrupt;
use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, OnNode, ScanAll, ScanOptions, ScanPosition};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many keys are looked at together, about.
const BATCH: usize = 1000;
/// The same where keys are moved, which takes longer: a walk ends between two batches.
const BATCH_OF_MOVES: usize = 200;
/// How many keys of one server are moved at the same time.
const MOVES: usize = 4;
/// How long one try to get the next keys may take.
const TRY: Duration = Duration::from_secs(2);
/// How often the state is written.
const WRITE_AFTER: Duration = Duration::from_secs(1);

/// One server, and the cluster that it is on its own.
pub struct Node {
    pub name: String,
    pub alone: Cluster,
}

/// What the walks through all nodes share.
pub struct Walks<'w> {
    pub wish: &'w Wish,
    pub tags: &'w Tags,
    pub places: &'w Places,
    /// The servers, each once.
    pub nodes: &'w [Node],
    /// The names of all nodes.
    pub names: &'w [String],
    pub fleet: &'w Cluster,
    pub databases: &'w [u32],
    /// How long a server may take to answer.
    pub patience: Duration,
    pub interrupt: &'w Interrupt,
    /// How many keys were looked at in this run.
    pub taken: AtomicU64,
    pub told: Mutex<Told>,
}

/// What one walk at a time may touch.
pub struct Told {
    pub state: State,
    pub report: Report,
    pub progress: Progress,
    /// The state was last written then.
    pub written: Instant,
}

/// What ends a walk before its end.
pub enum Broken {
    /// A server could not be asked.
    Server(Error),
    /// The output or the state could not be written.
    Output(io::Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Broken {
        Broken::Server(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Output(error)
    }
}

impl Walks<'_> {
    /// Through all databases of one server.
    ///
    /// # Errors
    /// Why it ended before all keys were looked at.
    pub fn walk(&self, server: usize) -> Result<(), Broken> {
        for &database in self.databases {
            let begun = self.told(|told| told.state.walks[&(self.nodes[server].name.clone(), database)].clone());
            let alone = self.nodes[server].alone.database(database).deadline(TRY.min(self.patience));
            let batch = if self.wish.fix { BATCH_OF_MOVES } else { BATCH };
            let mut options = ScanOptions::new().count(batch as u64);
            if let Some(pattern) = &self.wish.pattern {
                options = options.matching(pattern.as_str());
            }
            let mut scan = match begun {
                At::End => continue,
                At::Start => alone.scan_all(options),
                At::Position(position) => alone.scan_from(&position, options)?,
            };
            let mut since = Instant::now();
            while !self.is_over() {
                let keys = match page(&mut scan, batch) {
                    Ok(keys) => keys,
                    // One try is short, so that the walk can be stopped meanwhile.
                    Err(error) if error.kind() == ErrorKind::Timeout && since.elapsed() < self.patience => continue,
                    Err(error) => return Err(error.into()),
                };
                since = Instant::now();
                let judged = self.judge(server, database, &keys)?;
                let position = scan.position();
                let at = if position.is_end() { At::End } else { At::Position(position) };
                let is_end = at == At::End;
                self.finish(server, database, &judged, at)?;
                if is_end {
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let is_enough = self.wish.limit.is_some_and(|limit| self.taken.load(Ordering::Relaxed) >= limit);
        is_enough || self.interrupt.came()
    }

    fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of each key, and what was done with it.
    fn judge<'k>(&self, server: usize, database: u32, keys: &'k [Vec<u8>]) -> Result<Vec<Judged<'k>>, Error> {
        let judge = |name: &'k Vec<u8>| {
            let (verdict, stray) = judge(self.tags, self.places, server, name);
            Judged { name, verdict, stray, also: Vec::new(), error: None }
        };
        let mut judged: Vec<Judged<'k>> = keys.iter().map(judge).collect();
        let fleet = self.fleet.database(database);
        let mut wrong: Vec<&mut Judged<'k>> =
            judged.iter_mut().filter(|judged| judged.verdict.kind.is_wrong()).collect();
        for (other, node) in self.nodes.iter().enumerate().filter(|&(other, _)| other != server) {
            let names: Vec<&[u8]> = wrong.iter().map(|judged| judged.name).collect();
            let exists = exist(&fleet.on(&node.name)?, &names)?;
            wrong.iter_mut().zip(exists).filter(|(_, exists)| *exists).for_each(|(judged, _)| judged.also.push(other));
        }
        for judged in &mut wrong {
            // Of several, nobody knows which is the right one.
            if judged.verdict.kind == Kind::Misplaced && !judged.also.is_empty() {
                judged.verdict.kind = Kind::Twice;
            }
        }
        if self.wish.fix && !wrong.is_empty() {
            let share = wrong.len().div_ceil(MOVES);
            std::thread::scope(|scope| {
                for some in wrong.chunks_mut(share) {
                    let fleet = &fleet;
                    scope.spawn(move || some.iter_mut().for_each(|judged| self.fix(fleet, server, judged)));
                }
            });
        }
        Ok(judged)
    }

    /// Moves a key where it belongs, when that is certain.
    fn fix(&self, fleet: &Cluster, server: usize, judged: &mut Judged<'_>) {
        let (new_name, home) = match (&judged.verdict, self.wish.rename_looser) {
            (Verdict { kind: Kind::Misplaced, home: Some(home), .. }, _) => (judged.name.to_vec(), *home),
            (Verdict { kind: Kind::Looser, home: Some(home), full: Some(full) }, true) if judged.also.is_empty() => {
                (self.tags.split(full).1.to_vec(), *home)
            }
            _ => return,
        };
        let moved = fleet.on(&self.nodes[server].name);
        let moved = moved.and_then(|on| on.renamenx_to(judged.name, &self.names[home], new_name.as_slice()));
        judged.verdict.kind = match moved {
            Ok(true) => Kind::Moved,
            // Somebody was faster, or a key of the full name is there.
            Ok(false) => {
                judged.also.push(self.places.server(home));
                Kind::Twice
            }
            Err(error) if error.message().starts_with("ERR no such key") => Kind::Gone,
            Err(error) => {
                judged.error = Some(error.to_string());
                Kind::Failed
            }
        };
    }

    /// Tells and counts what was found, and notes how far the walk is.
    fn finish(&self, server: usize, database: u32, judged: &[Judged<'_>], at: At) -> Result<(), Broken> {
        self.taken.fetch_add(judged.len() as u64, Ordering::Relaxed);
        let node = self.nodes[server].name.as_str();
        let is_told = |kind: Kind| kind.is_wrong() || matches!(kind, Kind::Moved | Kind::Gone);
        let findings: Vec<Finding<'_>> = judged
            .iter()
            .filter(|judged| is_told(judged.verdict.kind))
            .map(|judged| Finding {
                name: judged.name,
                database,
                node,
                verdict: &judged.verdict,
                home: judged.verdict.home.map(|home| self.names[home].as_str()),
                also: judged.also.iter().map(|&other| self.nodes[other].name.as_str()).collect(),
                error: judged.error.clone(),
            })
            .collect();
        self.told(|told| {
            let Told { state, report, progress, written } = told;
            progress.aside(|| report.tell(&findings))?;
            for judged in judged {
                state.add(judged.verdict.kind);
                if let Some(hashed) = &judged.stray {
                    state.explained.add(hashed, self.places.nodes(server));
                }
            }
            state.walks.insert((node.to_owned(), database), at);
            progress.update(state);
            if let Some(path) = self.wish.state.as_ref().filter(|_| written.elapsed() >= WRITE_AFTER) {
                state.write(Path::new(path))?;
                *written = Instant::now();
            }
            Ok(())
        })
    }
}

/// One key, and what is known of it.
struct Judged<'k> {
    name: &'k [u8],
    verdict: Verdict,
    /// What is hashed of a key that lies on the wrong node.
    stray: Option<Vec<u8>>,
    /// The other servers that have a key of this name.
    also: Vec<usize>,
    error: Option<String>,
}

/// The next keys, to the end of a page, so that none of them comes again after the position behind them; none when only
/// empty pages came in the time of one try.
fn page(scan: &mut ScanAll, batch: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(batch);
    let mut before: Option<ScanPosition> = None;
    loop {
        let asked_at = ScanAll::position(scan);
        match scan.next() {
            None => return Ok(keys),
            Some(Ok(found)) => keys.push(found.into_name()),
            Some(Err(error)) if error.kind() == ErrorKind::Timeout && ScanAll::position(scan) != asked_at => {
                return Ok(keys);
            }
            // The next call meets the error again, when it lasts.
            Some(Err(_)) if !keys.is_empty() => return Ok(keys),
            Some(Err(error)) => return Err(error),
        }
        if keys.len() >= batch / 2 {
            let now = ScanAll::position(scan);
            if before.as_ref().is_some_and(|before| *before != now) {
                return Ok(keys);
            }
            before = Some(now);
        }
    }
}

/// Which of these keys a server has. One question when it has none or all of them, which is nearly always.
fn exist(server: &OnNode, names: &[&[u8]]) -> Result<Vec<bool>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let count: usize = server.execute(cmd("EXISTS").args_of(names).reply())?;
    if count == 0 || count == names.len() {
        return Ok(vec![count > 0; names.len()]);
    }
    let (left, right) = names.split_at(names.len() / 2);
    let mut exists = exist(server, left)?;
    exists.extend(exist(server, right)?);
    Ok(exists)
}
