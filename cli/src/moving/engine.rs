//! Copying: every source at once, each read by one thread and written by another.

use super::job::{Mark, Start, PROGRESS};
use super::link::Link;
use super::lock::Lock;
use super::progress::Progress;
use super::read::{together, Reader, Replacing};
use super::report::Report;
use super::route::Route;
use super::scan::Scan;
use super::wish::Wish;
use super::write::Writer;
use super::Stop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

/// So many batches may wait to be written: what is held at once is bounded.
const WAITING: usize = 2;

/// Everything that a run has.
pub struct Run<'r> {
    pub route: &'r Route,
    pub wish: &'r Wish,
    pub lock: &'r Lock,
    pub stop: &'r Stop,
    pub report: &'r Report,
    /// How many keys earlier runs have named and not copied.
    pub earlier: u64,
}

/// Where one database of one source is read on.
pub struct Part {
    source: usize,
    database: u32,
    start: Start,
}

/// Where all of them are read on.
///
/// # Errors
/// That a target does not answer.
pub fn parts(route: &Route, databases: &[u32]) -> Result<Vec<Part>, String> {
    let mut targets = route.to.open_all()?;
    let mut parts = Vec::new();
    for &database in databases {
        targets.iter_mut().try_for_each(|target| target.select(database))?;
        for (source, server) in route.from.servers.iter().enumerate() {
            let marks: Result<Vec<_>, _> =
                targets.iter_mut().map(|target| Mark::read(target, &server.address)).collect();
            parts.push(Part { source, database, start: Start::of(&marks?, &server.read_facts().run_id) });
        }
    }
    Ok(parts)
}

/// Whether everything has been read.
pub fn are_done(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.start.cursor.is_none())
}

/// Whether a run ended in the middle, without time to say what it had met.
pub fn were_cut(parts: &[Part]) -> bool {
    let was_cut = |start: &Start| start.cursor.is_some() && start.page > 0 && start.again_until > start.page;
    parts.iter().any(|part| was_cut(&part.start))
}

/// How many keys were named before and not copied, as the targets remember it.
pub fn troubles(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.start.troubles).max().unwrap_or(0)
}

/// Whether anything is read once more, over what is at the targets.
pub fn replaces(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.start.cursor.is_some() && part.start.pass > 1)
}

/// Has everything that was read to its end read once more.
pub fn begin_again(parts: &mut [Part]) {
    for part in parts.iter_mut().filter(|part| part.start.cursor.is_none()) {
        part.start = part.start.next_pass();
    }
}

/// Has the next run read everything once more, over what this job has brought.
///
/// # Errors
/// That a target does not answer.
pub fn have_read_again(route: &Route, parts: &[Part]) -> Result<(), String> {
    for target in &mut route.to.open_all()? {
        for part in parts {
            let server = &route.from.servers[part.source];
            let Start { pass, page, cursor, keys, troubles, .. } = part.start.next_pass();
            let run_id = server.read_facts().run_id.clone();
            let mark = Mark { pass, page, cursor, run_id, keys, is_at_rest: true, troubles };
            target.select(part.database)?;
            target.ask_text(&["HSET", PROGRESS, &server.address, &mark.text()])?;
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Copies; gives whether everything has been read.
    ///
    /// # Errors
    /// The first of what went wrong. The others have stopped then.
    pub fn copy(&self, parts: &[Part]) -> Result<bool, String> {
        let sources = self.route.from.servers.len();
        let totals: Vec<(u64, u64)> = (0..sources).map(|source| self.total(source, parts)).collect();
        let progress = Progress::new(&self.route.from, &totals, self.wish.json);
        let next = AtomicUsize::new(0);
        let workers = self.wish.workers.map_or(sources, |workers| (workers as usize).min(sources));
        let work = || {
            let mut all_read = true;
            loop {
                let source = next.fetch_add(1, Ordering::Relaxed);
                if source >= sources {
                    return Ok(all_read);
                }
                match self.source(source, parts, &progress) {
                    Ok(read) => all_read &= read,
                    Err(why) => {
                        self.stop.fail();
                        return Err(why);
                    }
                }
            }
        };
        let results: Vec<Result<bool, String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread ended".into()))).collect()
        });
        progress.end();
        results.into_iter().try_fold(true, |all_read, result| Ok(result? && all_read))
    }

    /// How many keys a source has in these databases, and how many of them were copied before.
    fn total(&self, source: usize, parts: &[Part]) -> (u64, u64) {
        let facts = self.route.from.servers[source].read_facts();
        let of = parts.iter().filter(|part| part.source == source);
        of.fold((0, 0), |(all, before), part| (all + facts.keys_in(part.database), before + part.start.keys))
    }

    /// All databases of one source, one after the other.
    fn source(&self, source: usize, parts: &[Part], progress: &Progress) -> Result<bool, String> {
        let mut all_read = true;
        for part in parts.iter().filter(|part| part.source == source) {
            let Some(cursor) = part.start.cursor else { continue };
            if self.stop.ends() || self.stop.is_enough() {
                return Ok(false);
            }
            all_read &= self.part(part, cursor, progress)?;
        }
        Ok(all_read)
    }

    fn part(&self, part: &Part, cursor: u64, progress: &Progress) -> Result<bool, String> {
        let open = |mut link: Link| link.select(part.database).map(|()| link);
        let server = &self.route.from.servers[part.source];
        let mut link = open(self.route.from.open_to_read(server)?)?;
        // To be read for a copy is no use of a key; servers before Redis 7.2 count it.
        let _ = link.each(&[&["CLIENT", "NO-TOUCH", "ON"]])?;
        let replacing = Replacing {
            replaces: self.wish.replace,
            skips_existing: self.wish.skip_existing,
            again_until: part.start.again_until,
        };
        let mut reader = Reader {
            link,
            route: self.route,
            source: part.source,
            database: part.database,
            scan: Scan::new(self.wish.keys.pattern.as_deref(), self.wish.keys.kind.as_deref(), self.wish.limit),
            big: self.wish.big,
            stop: self.stop,
            report: self.report,
            replacing,
            keeps_use: self.route.to.servers.iter().any(|server| server.facts.evicts_by_use()),
            together: together(self.wish.rate),
            stashes: Vec::new(),
            some_expire: false,
            was_replica: server.replica.is_some(),
        };
        let mut writer = Writer {
            targets: self.route.to.open_all()?.into_iter().map(open).collect::<Result<_, _>>()?,
            route: self.route,
            source: part.source,
            database: part.database,
            lock: self.lock,
            report: self.report,
            progress,
            stop: self.stop,
            replacing,
            mark: Mark {
                pass: part.start.pass,
                page: part.start.page,
                cursor: Some(cursor),
                run_id: server.read_facts().run_id.clone(),
                keys: part.start.keys,
                is_at_rest: false,
                troubles: 0,
            },
            earlier: self.earlier,
            second: None,
        };
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || reader.read(part.start.page, cursor, &sender));
            let written = writer.write(&receiver);
            // Whoever still sends learns that nobody listens.
            drop(receiver);
            let read = reading.join().unwrap_or_else(|_| Err("a thread ended".into()));
            written.and(read)
        })?;
        Ok(writer.mark.cursor.is_none() && writer.mark.is_at_rest)
    }
}
