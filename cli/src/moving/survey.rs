//! Looking through all names before anything is written: what would go where, and what must not.

use super::job::{JOB, PROGRESS, STASH};
use super::leaving::names_with;
use super::link::{string, Link};
use super::lock::LOCK;
use super::report::{bytes, keys, Report};
use super::route::{Destination, Route};
use super::same::{Is, Same};
use super::scan::Scan;
use crate::tags::is_plainly_home;
use rediscluster::{spec, Cmd, Value, ValueRef};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// So many of the largest keys are named.
const LARGEST: usize = 10;

/// What is said of a stash.
pub const ON_ITS_WAY: &str =
    "a key is on its way to another node, or was when that was cut short: `recover --apply` ends it";

/// What was seen.
#[derive(Default)]
pub struct Survey {
    /// Of each source and each target: how many keys, and where sizes were asked for how many bytes.
    sources: Vec<(u64, u64)>,
    targets: Vec<(u64, u64)>,
    stays: u64,
    types: BTreeMap<String, u64>,
    largest: Vec<(u64, String)>,
    big: u64,
}

/// How closely it is looked.
#[derive(Clone, Copy)]
pub struct Look {
    /// Types and sizes as well.
    pub is_full: bool,
    /// Whether keys that are at the targets matter.
    pub existing: bool,
    /// This job has brought keys already.
    pub is_later: bool,
    pub big: u64,
}

/// Looks through all databases of all sources; what must not be goes into the report.
///
/// # Errors
/// That a server does not answer.
pub fn survey(route: &Route, databases: &[u32], scan: &Scan, look: Look, report: &Report) -> Result<Survey, String> {
    if !scan.is_of_all() {
        stashes(route, databases, report)?;
    }
    let ask = |source: usize| one_source(route, source, databases, scan, look, report);
    let results: Vec<Result<Survey, String>> = std::thread::scope(|scope| {
        let ask = &ask;
        let threads: Vec<_> = (0..route.from.servers.len()).map(|source| scope.spawn(move || ask(source))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread ended".into()))).collect()
    });
    let mut all = Survey { targets: vec![(0, 0); route.to.servers.len()], ..Survey::default() };
    for result in results {
        all.add(result?);
    }
    if look.is_full {
        all.types_that_are_missing(route, report)?;
    }
    Ok(all)
}

fn one_source(
    route: &Route,
    source: usize,
    databases: &[u32],
    scan: &Scan,
    look: Look,
    report: &Report,
) -> Result<Survey, String> {
    let mut survey =
        Survey { sources: vec![(0, 0)], targets: vec![(0, 0); route.to.servers.len()], ..Survey::default() };
    let mut link = route.from.open_to_read(&route.from.servers[source])?;
    let mut targets = route.to.open_all()?;
    let mut others = route.from.open_all_to_read()?;
    for &database in databases {
        let mut renamed = HashMap::new();
        link.select(database)?;
        others.iter_mut().chain(&mut targets).try_for_each(|other| other.select(database))?;
        // Nothing can be in an empty database.
        let mut has_keys = Vec::new();
        for target in &mut targets {
            has_keys.push(look.existing && has_others_keys(target)?);
        }
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let page = scan.page(&mut link, at)?;
            for name in page.stashes.iter().filter(|_| scan.is_of_all()) {
                report.trouble(ON_ITS_WAY, name, link.place());
            }
            let mut moving = Vec::new();
            for name in page.names {
                match route.of(source, &name) {
                    Destination::Stays => survey.stays += 1,
                    Destination::Server(server, stored) => moving.push((name, server, stored)),
                    Destination::Stray(why) => report.trouble(why, &name, link.place()),
                }
            }
            existing(&mut targets, &has_keys, &moving, report)?;
            twins(route, (source, database), &mut others, &moving, look, report)?;
            renamed_twins(&mut renamed, &moving, link.place(), report);
            survey.count(&mut link, &moving, look)?;
            cursor = page.next;
        }
        others.iter_mut().chain([&mut link]).try_for_each(Link::is_believed)?;
    }
    Ok(survey)
}

/// Whether a database has keys besides those of this program.
fn has_others_keys(link: &mut Link) -> Result<bool, String> {
    let all = link.ask_text(&["DBSIZE"])?;
    Ok(all != link.ask_text(&["EXISTS", JOB, PROGRESS, LOCK])?)
}

/// Whether nothing can be in the way, whatever the names: no key can be a stray or come twice, and the targets are empty.
///
/// # Errors
/// That a target does not answer.
pub fn is_needless(route: &Route, databases: &[u32], look: Look) -> Result<bool, String> {
    if !route.places.are_the_same() && (route.to.nodes > 1 || route.from.servers.len() > 1) {
        return Ok(false);
    }
    for target in &mut route.to.open_all()? {
        for &database in databases {
            target.select(database)?;
            if look.existing && has_others_keys(target)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Which of the keys are at their targets already.
fn existing(
    targets: &mut [Link],
    has_keys: &[bool],
    moving: &[(Vec<u8>, usize, Vec<u8>)],
    report: &Report,
) -> Result<(), String> {
    for (at, target) in targets.iter_mut().enumerate().filter(|(at, _)| has_keys[*at]) {
        let names: Vec<&[u8]> =
            moving.iter().filter(|(_, to, _)| *to == at).map(|(.., name)| name.as_slice()).collect();
        let place = target.place().to_owned();
        for (name, exists) in names.iter().zip(exist(target, &names)?) {
            if exists {
                report.trouble("the target has a key of this name already", name, &place);
            }
        }
    }
    Ok(())
}

fn exist(link: &mut Link, names: &[&[u8]]) -> Result<Vec<bool>, String> {
    let commands: Vec<Cmd> = names.iter().map(|name| Cmd::new(&spec::EXISTS).arg(*name)).collect();
    let mut exist = vec![false; names.len()];
    link.run(&commands, |at, reply| exist[at] = reply == ValueRef::Integer(1))?;
    Ok(exist)
}

/// Which names come from another source, too, and to the same target.
fn twins(
    route: &Route,
    (source, database): (usize, u32),
    others: &mut [Link],
    moving: &[(Vec<u8>, usize, Vec<u8>)],
    look: Look,
    report: &Report,
) -> Result<(), String> {
    let nodes = &route.from.servers[source].nodes;
    let may_be_twice = |(name, _, stored): &&(Vec<u8>, usize, Vec<u8>)| {
        name != stored
            || (!route.places.are_the_same()
                && (route.to.nodes == 1 || !is_plainly_home(name, nodes, route.from.nodes)))
    };
    let suspects: Vec<_> = moving.iter().filter(may_be_twice).collect();
    if suspects.is_empty() {
        return Ok(());
    }
    for (at, other) in others.iter_mut().enumerate() {
        let names: Vec<&[u8]> = suspects.iter().map(|(.., stored)| stored.as_slice()).collect();
        let exist = exist(other, &names)?;
        // In place: what this job may have brought.
        let mut brought: Vec<(&[u8], &[u8])> = Vec::new();
        for ((name, server, stored), exists) in suspects.iter().zip(exist) {
            let is_itself = at == source && name == stored;
            let is_in_the_way = match route.of(at, stored) {
                Destination::Server(other, name) => other == *server && name == *stored,
                // In place: a key of the fleet that stays where it is.
                Destination::Stays if route.same(at) == Some(*server) => {
                    if look.is_later && exists && !is_itself && !route.only_brought(source, at, name) {
                        brought.push((name, stored));
                    }
                    !look.is_later
                }
                Destination::Stays | Destination::Stray(_) => false,
            };
            if exists && !is_itself && is_in_the_way {
                let what = format!("{} has one, too, and both would become one key of the target", other.place());
                report.trouble(&what, name, &route.from.servers[source].place());
            }
        }
        let Some(target) = route.same(at).filter(|_| !brought.is_empty()) else { continue };
        let same = Same::new(route, source, database)?;
        for ((name, _), is) in brought.iter().zip(same.look(target, &brought)?) {
            if let Is::Other(why) = is {
                let what = format!(
                    "{} has one, too, and it may not be the one that was copied ({why}): both would become one key of the target",
                    other.place()
                );
                report.trouble(&what, name, &route.from.servers[source].place());
            }
        }
    }
    Ok(())
}

/// Which keys of one source would become one key, because its names are stored in another way at the targets.
fn renamed_twins(
    renamed: &mut HashMap<(usize, Vec<u8>), Vec<u8>>,
    moving: &[(Vec<u8>, usize, Vec<u8>)],
    place: &str,
    report: &Report,
) {
    for (name, server, stored) in moving.iter().filter(|(name, _, stored)| name != stored) {
        let first = renamed.entry((*server, stored.clone())).or_insert_with(|| name.clone());
        if first != name {
            let what = format!("it and {} would become one key of the target", super::report::shown(first));
            report.trouble(&what, name, place);
        }
    }
}

/// Keys of the sources that are on their way between two nodes, or were when that was cut short: nobody else knows of them.
///
/// # Errors
/// That a server does not answer.
pub fn stashes(route: &Route, databases: &[u32], report: &Report) -> Result<(), String> {
    for link in &mut route.from.open_all_to_read()? {
        for &database in databases {
            link.select(database)?;
            for name in names_with(link, STASH)? {
                report.trouble(ON_ITS_WAY, &name, link.place());
            }
        }
    }
    Ok(())
}

impl Survey {
    /// How many keys would go.
    pub fn moving(&self) -> u64 {
        self.sources.iter().map(|(keys, _)| keys).sum()
    }

    fn add(&mut self, other: Survey) {
        self.sources.extend(other.sources);
        for (sum, more) in self.targets.iter_mut().zip(other.targets) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
        self.stays += other.stays;
        self.big += other.big;
        for (kind, count) in other.types {
            *self.types.entry(kind).or_default() += count;
        }
        self.largest.extend(other.largest);
        self.keep_largest();
    }

    fn keep_largest(&mut self) {
        self.largest.sort_by(|one, other| other.cmp(one));
        self.largest.truncate(LARGEST);
    }

    fn count(&mut self, link: &mut Link, moving: &[(Vec<u8>, usize, Vec<u8>)], look: Look) -> Result<(), String> {
        let mut sizes = vec![0; moving.len()];
        if look.is_full {
            let mut commands: Vec<Cmd> = Vec::with_capacity(moving.len() * 2);
            for (name, ..) in moving {
                commands.push(Cmd::new(&spec::TYPE).arg(name));
                commands.push(Cmd::new(&spec::MEMORY_USAGE).arg(name));
            }
            let types = &mut self.types;
            link.run(&commands, |at, reply| match reply {
                ValueRef::Simple(kind) if kind != b"none" => {
                    *types.entry(String::from_utf8_lossy(kind).into_owned()).or_default() += 1;
                }
                ValueRef::Integer(size) => sizes[at / 2] = u64::try_from(size).unwrap_or(0),
                _ => {}
            })?;
        }
        for ((name, server, _), size) in moving.iter().zip(sizes) {
            let (source, target) = (&mut self.sources[0], &mut self.targets[*server]);
            (source.0, source.1, target.0, target.1) = (source.0 + 1, source.1 + size, target.0 + 1, target.1 + size);
            if size > look.big {
                self.big += 1;
                let place = link.place();
                self.largest.push((size, format!("{} on {place}", super::report::shown(name))));
            }
        }
        self.keep_largest();
        Ok(())
    }

    /// Types that the targets do not know, as far as a command tells it.
    fn types_that_are_missing(&self, route: &Route, report: &Report) -> Result<(), String> {
        for (kind, count) in &self.types {
            let command = match kind.as_str() {
                "string" | "list" | "set" | "zset" | "hash" | "stream" => continue,
                "vectorset" => "VADD",
                "ReJSON-RL" => "JSON.SET",
                "TSDB-TYPE" => "TS.ADD",
                name if name.starts_with("MBbloom") || name == "bloomfltr" => "BF.ADD",
                _ => continue,
            };
            for server in &route.to.servers {
                let mut target = route.to.open(server)?;
                let known = match target.ask_text(&["COMMAND", "INFO", command])? {
                    Value::Array(rows) => {
                        rows.into_iter().any(|row| matches!(row, Value::Array(row) if !row.is_empty()))
                    }
                    other => string(other).is_some(),
                };
                if !known {
                    report.trouble_at(&format!("the target does not take the type {kind}"), *count, &server.place());
                }
            }
        }
        Ok(())
    }

    /// What was seen, for people.
    pub fn lines(&self, route: &Route) -> Vec<String> {
        let mut lines = Vec::new();
        for (what, servers, counts) in
            [("from", &route.from.servers, &self.sources), ("to", &route.to.servers, &self.targets)]
        {
            for (server, (number, size)) in servers.iter().zip(counts) {
                lines.push(format!("{what} {}: {}, {}", server.place(), keys(*number), bytes(*size)));
            }
        }
        if self.stays > 0 {
            lines.push(format!("{} stay where they are", keys(self.stays)));
        }
        let types: Vec<String> = self.types.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        if !types.is_empty() {
            lines.push(format!("types: {}", types.join(", ")));
        }
        if self.big > 0 {
            lines.push(format!("{} would go in pieces; the largest:", keys(self.big)));
            lines.extend(self.largest.iter().map(|(size, name)| format!("  {name}: {}", bytes(*size))));
        }
        lines
    }

    /// The same for programs.
    pub fn json(&self, route: &Route) -> serde_json::Value {
        let side = |servers: &[super::fleet::Server], counts: &[(u64, u64)]| {
            let one = |(server, (keys, bytes)): (&super::fleet::Server, &(u64, u64))| json!({"node": server.name, "address": server.address, "keys": keys, "bytes": bytes});
            servers.iter().zip(counts).map(one).collect::<Vec<_>>()
        };
        json!({
            "from": side(&route.from.servers, &self.sources),
            "to": side(&route.to.servers, &self.targets),
            "stay": self.stays,
            "types": self.types,
            "in_pieces": self.big,
        })
    }
}
