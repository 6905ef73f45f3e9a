//! Every key of the source: whether the target has the same where it belongs.

use super::content::{compare, Key, Pair, Verdict};
use super::fleet::Fleet;
use super::report::{Finding, Kind};
use super::server::Failed;
use super::walk::{Comparison, Walk};
use crate::tags::Place;
use std::sync::atomic::Ordering;

/// So many keys are compared at once.
const BATCH: usize = 500;

/// The walk through one database of one server of the source.
struct Source<'s> {
    walk: &'s Walk<'s>,
    from: usize,
    database: u32,
    /// What waits to be compared, by the server of the target where it belongs.
    placed: Vec<Vec<Key>>,
    /// What may be on any server of the target.
    anywhere: Vec<Vec<u8>>,
    /// Names that do not lead to this server.
    strays: Vec<Vec<u8>>,
}

/// Goes through one server of the source.
///
/// # Errors
/// Which server gave no answer, and why.
pub fn source(walk: &Walk<'_>, from: usize, databases: &[u32]) -> Result<(), Failed> {
    let Comparison { from: fleet, to, places, report, .. } = walk.comparison;
    let member = &fleet.members[from];
    for &database in databases {
        let placed = to.members.iter().map(|_| Vec::new()).collect();
        let mut source = Source { walk, from, database, placed, anywhere: Vec::new(), strays: Vec::new() };
        let may_be_twice = fleet.members.len() > 1 && fleet.nodes != to.nodes;
        walk.pages(&member.server, database, |names| {
            for name in names {
                if may_be_twice && !member.nodes.contains(&places.source_home(&name)) {
                    source.strays.push(name.clone());
                }
                match places.of(&member.nodes, &name) {
                    Place::Node(node, called) => {
                        let server = to.of_node(node);
                        if called != name {
                            walk.comparison.note_renamed(server, database, &called);
                        }
                        source.placed[server].push(Key::renamed(name, called));
                    }
                    Place::Stray(_) => {
                        report.strays.fetch_add(1, Ordering::Relaxed);
                        source.anywhere.push(name);
                    }
                }
            }
            source.flush(BATCH)
        })?;
        source.flush(1)?;
    }
    Ok(())
}

impl Source<'_> {
    /// Compares what waits where it is so much.
    fn flush(&mut self, enough: usize) -> Result<(), Failed> {
        for to in 0..self.placed.len() {
            if self.placed[to].len() >= enough {
                let keys = std::mem::take(&mut self.placed[to]);
                keys.chunks(BATCH).try_for_each(|keys| self.placed(to, keys))?;
            }
        }
        if self.anywhere.len() >= enough {
            let names = std::mem::take(&mut self.anywhere);
            names.chunks(BATCH).try_for_each(|names| self.anywhere(names))?;
        }
        if self.strays.len() >= enough {
            let names = std::mem::take(&mut self.strays);
            names.chunks(BATCH).try_for_each(|names| self.twice(names))?;
        }
        Ok(())
    }

    fn pair(&self, to: usize) -> Pair<'_> {
        let Comparison { from, to: target, .. } = self.walk.comparison;
        Pair { from: &from.members[self.from].server, to: &target.members[to].server, database: self.database }
    }

    fn finding<'k>(&self, kind: Kind, name: &'k [u8], to: usize) -> Finding<'k> {
        let (database, from, to) = (self.database, Some(self.from), Some(to));
        Finding { kind, database, name, from, to, what: String::new(), expiries: None }
    }

    fn tell(&self, finding: &Finding<'_>) {
        self.walk.comparison.report.tell(finding, self.walk.progress);
    }

    /// Tells what came of a key that the target has.
    fn verdict(&self, verdict: Verdict, key: &Key, to: usize) {
        let report = self.walk.comparison.report;
        match verdict {
            Verdict::Same => drop(report.same.fetch_add(1, Ordering::Relaxed)),
            Verdict::Gone => drop(report.gone.fetch_add(1, Ordering::Relaxed)),
            Verdict::Missing => self.tell(&self.finding(Kind::Missing, key.from(), to)),
            Verdict::Different(differences) => {
                report.differences(differences, self.finding(Kind::Value, key.from(), to), self.walk.progress);
            }
            Verdict::Incomparable(what) => {
                self.tell(&Finding { what, ..self.finding(Kind::Incomparable, key.from(), to) });
            }
        }
    }

    /// Keys that belong to one server of the target.
    fn placed(&self, to: usize, keys: &[Key]) -> Result<(), Failed> {
        let mut missing = Vec::new();
        for (key, verdict) in keys.iter().zip(compare(self.pair(to), keys)?) {
            match verdict {
                Verdict::Missing => missing.push(key.clone()),
                verdict => self.verdict(verdict, key, to),
            }
        }
        // They may lie on another server.
        let target = self.walk.comparison.to;
        for other in (0..target.members.len()).filter(|&other| other != to) {
            let server = &target.members[other].server;
            let there = server.exist(self.database, missing.iter().map(Key::to))?;
            let mut there = there.into_iter();
            let (found, rest) = missing.into_iter().partition::<Vec<Key>, _>(|_| there.next() == Some(true));
            missing = rest;
            for (key, verdict) in found.iter().zip(compare(self.pair(other), &found)?) {
                if matches!(verdict, Verdict::Gone) {
                    self.verdict(verdict, key, other);
                    continue;
                }
                let what = format!("it belongs to {}", target.members[to].server.place());
                self.tell(&Finding { what, ..self.finding(Kind::Misplaced, key.from(), other) });
                if !matches!(verdict, Verdict::Same) {
                    self.verdict(verdict, key, other);
                }
            }
        }
        missing.iter().for_each(|key| self.verdict(Verdict::Missing, key, to));
        Ok(())
    }

    /// Keys that may be on any server of the target: one of those that have such a key must have the same.
    fn anywhere(&self, names: &[Vec<u8>]) -> Result<(), Failed> {
        let Comparison { to, places, .. } = self.walk.comparison;
        let keys: Vec<Key> = names.iter().map(|name| Key::same(name.clone())).collect();
        let mut holders = holders(self.walk.comparison.to, self.database, names)?;
        for (name, holders) in names.iter().zip(&mut holders) {
            let home = to.of_node(places.target_home(name));
            holders.sort_by_key(|&holder| holder != home);
            if holders.is_empty() {
                holders.push(home);
            }
        }
        let mut verdicts: Vec<Option<(Verdict, usize)>> = vec![None; names.len()];
        for turn in 0..to.members.len() {
            for server in 0..to.members.len() {
                let is_next = |at: &usize| {
                    let is_open = !matches!(verdicts[*at], Some((Verdict::Same | Verdict::Gone, _)));
                    is_open && holders[*at].get(turn) == Some(&server)
                };
                let which: Vec<usize> = (0..names.len()).filter(is_next).collect();
                let some: Vec<Key> = which.iter().map(|&at| keys[at].clone()).collect();
                for (at, verdict) in which.into_iter().zip(compare(self.pair(server), &some)?) {
                    if verdicts[at].is_none() || verdict == Verdict::Same {
                        verdicts[at] = Some((verdict, server));
                    }
                }
            }
        }
        for (key, verdict) in keys.iter().zip(verdicts) {
            if let Some((verdict, server)) = verdict {
                self.verdict(verdict, key, server);
            }
        }
        Ok(())
    }

    /// Names that other servers of the source may have as well, for which the target then has one place.
    fn twice(&self, names: &[Vec<u8>]) -> Result<(), Failed> {
        let Comparison { from, to, places, .. } = self.walk.comparison;
        let here = &from.members[self.from];
        let sources = holders(from, self.database, names)?;
        let is_twice = |at: &usize| {
            let home = from.of_node(places.source_home(&names[*at]));
            // Each two are told of once: by the one that is no home, and of two such by the later one.
            let is_told_here = |other: usize| other != self.from && (other == home || other < self.from);
            sources[*at].iter().any(|&other| is_told_here(other))
        };
        let which: Vec<usize> = (0..names.len()).filter(is_twice).collect();
        let some: Vec<Vec<u8>> = which.iter().map(|&at| names[at].clone()).collect();
        let targets = holders(to, self.database, &some)?;
        for ((at, name), targets) in which.into_iter().zip(&some).zip(targets) {
            let place = places.of(&here.nodes, name);
            let is_one_place = |other: &&usize| match (&place, places.of(&from.members[**other].nodes, name)) {
                (Place::Node(one, called), Place::Node(other, also)) => {
                    to.of_node(*one) == to.of_node(other) && *called == also
                }
                // Where nobody knows the places, there are too few of them.
                _ => targets.len() < sources[at].len(),
            };
            let others = sources[at].iter().filter(|&&other| other != self.from);
            if let Some(&other) = others.clone().find(is_one_place) {
                let server = match place {
                    Place::Node(node, _) => Some(to.of_node(node)),
                    Place::Stray(_) => None,
                };
                let what = format!("{} has a key of this name, too", from.members[other].server.place());
                let finding = self.finding(Kind::Twice, name, 0);
                self.tell(&Finding { what, to: server, ..finding });
            }
        }
        Ok(())
    }
}

/// Which servers of a fleet have each of these names.
///
/// # Errors
/// Which of them gave no answer, and why.
pub fn holders(fleet: &Fleet, database: u32, names: &[Vec<u8>]) -> Result<Vec<Vec<usize>>, Failed> {
    let mut holders = vec![Vec::new(); names.len()];
    for (at, member) in fleet.members.iter().enumerate() {
        let there = member.server.exist(database, names.iter().map(Vec::as_slice))?;
        holders.iter_mut().zip(there).filter(|(_, there)| *there).for_each(|(holders, _)| holders.push(at));
    }
    Ok(holders)
}
