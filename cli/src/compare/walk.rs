//! Going through the keys of a server, page by page.

use super::fleet::Fleet;
use super::progress::Progress;
use super::report::Report;
use super::server::{Failed, Server};
use super::stashes;
use super::wish::Wish;
use crate::moving::job::is_own;
use crate::moving::stop::Stop;
use crate::tags::Places;
use rediscluster::{spec, Cmd, Value};
use std::collections::hash_map::DefaultHasher;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many keys a server looks at before it answers.
const COUNT: u64 = 1000;

/// What all walks have in common.
pub struct Comparison<'c> {
    pub wish: &'c Wish,
    pub from: &'c Fleet,
    pub to: &'c Fleet,
    pub places: &'c Places,
    pub report: &'c Report<'c>,
    pub stop: &'c Stop,
    /// Keys that have another name at the target: what they are there, as a number. Their names do not tell.
    pub renamed: Mutex<HashSet<u64>>,
}

/// A walk through all servers of one side.
pub struct Walk<'w> {
    pub comparison: &'w Comparison<'w>,
    pub progress: &'w Progress,
    /// How many keys may still be looked at.
    left: AtomicU64,
}

impl<'w> Walk<'w> {
    pub fn new(comparison: &'w Comparison<'w>, progress: &'w Progress) -> Walk<'w> {
        Walk { comparison, progress, left: AtomicU64::new(comparison.wish.limit.unwrap_or(u64::MAX)) }
    }

    /// All names of a database, without those of this program, in pages.
    ///
    /// # Errors
    /// What a server did not answer, or what `each` met.
    pub fn pages(
        &self,
        server: &Server,
        database: u32,
        mut each: impl FnMut(Vec<Vec<u8>>) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let Comparison { wish, report, stop, .. } = self.comparison;
        let mut cursor = b"0".to_vec();
        while !stop.ends() {
            let mut scan = Cmd::new(&spec::SCAN).arg(&cursor).arg("COUNT").arg(COUNT);
            for (word, value) in [("MATCH", &wish.keys.pattern), ("TYPE", &wish.keys.kind)] {
                scan = value.iter().fold(scan, |scan, value| scan.arg(word).arg(value));
            }
            let page = server.ask(database, scan).map_err(|error| server.told(&error))?;
            let Value::Array(parts) = page else { return Err(format!("{}: SCAN gave no page", server.place())) };
            let [Value::Bulk(next), Value::Array(names)] = &parts[..] else {
                return Err(format!("{}: SCAN gave no page", server.place()));
            };
            // What does not fit was gone through all the same.
            let is_filtered = wish.keys.pattern.is_some() || wish.keys.kind.is_some();
            let passed = if is_filtered { COUNT } else { names.len() as u64 };
            let names = names.iter().filter_map(|name| match name {
                Value::Bulk(name) => Some(name),
                _ => None,
            });
            let (own, names): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) = names.partition(|name| is_own(name));
            stashes::tell(self, server, database, &own)?;
            let mut names: Vec<Vec<u8>> = names.into_iter().cloned().collect();
            let mut most = 0;
            let take = |left: u64| {
                most = left.min(names.len() as u64);
                Some(left - most)
            };
            let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            names.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            each(names)?;
            self.progress.passed(passed, report.count());
            cursor.clone_from(next);
            if cursor == b"0" || self.left.load(Ordering::Relaxed) == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether it ended at the limit.
    pub fn is_enough(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Comparison<'_> {
    /// A key of the source has another name at that server of the target.
    pub fn note_renamed(&self, to: usize, database: u32, name: &[u8]) {
        self.renamed.lock().unwrap_or_else(PoisonError::into_inner).insert(number(to, database, name));
    }

    /// Whether a key of the target is one of those.
    pub fn is_renamed(&self, to: usize, database: u32, name: &[u8]) -> bool {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        !renamed.is_empty() && renamed.contains(&number(to, database, name))
    }
}

fn number(to: usize, database: u32, name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (to, database, name).hash(&mut hasher);
    hasher.finish()
}
