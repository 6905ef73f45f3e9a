//! What has to be right before anything is written.

use super::fleet::{Facts, Fleet, Server};
use super::job::JOB;
use super::link::{shown, Link};
use super::read::milliseconds;
use super::report::bytes;
use super::route::Route;
use rediscluster::Value;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Expiry is absolute, so clocks that differ by more would lose keys or keep them for too long.
const CLOCKS: u64 = 1000;

/// What is asked of a source, with a name that nobody has.
const READS: [&[&str]; 7] = [
    &["SCAN", "0"],
    &["DUMP", JOB],
    &["PTTL", JOB],
    &["TYPE", JOB],
    &["EXISTS", JOB],
    &["MEMORY", "USAGE", JOB],
    &["OBJECT", "IDLETIME", JOB],
];
/// What is asked of a source where keys may go in pieces or type by type. Not every server has all of it.
const PIECES: [&[&str]; 16] = [
    &["STRLEN", JOB],
    &["GETRANGE", JOB, "0", "1"],
    &["LLEN", JOB],
    &["LRANGE", JOB, "0", "1"],
    &["SCARD", JOB],
    &["SSCAN", JOB, "0"],
    &["ZCARD", JOB],
    &["ZSCAN", JOB, "0"],
    &["HLEN", JOB],
    &["HSCAN", JOB, "0"],
    &["HPEXPIRETIME", JOB, "FIELDS", "1", "a"],
    &["XLEN", JOB],
    &["XRANGE", JOB, "-", "+"],
    &["XINFO", "STREAM", JOB],
    &["XPENDING", JOB, "a"],
    &["UNWATCH"],
];
/// What is asked of a target. None of it is run.
const WRITES: [&[&str]; 13] = [
    &["RESTORE", JOB, "0", ""],
    &["HSET", JOB, "a", "b"],
    &["HGETALL", JOB],
    &["SET", JOB, ""],
    &["DEL", JOB],
    &["UNLINK", JOB],
    &["EXISTS", JOB],
    &["PEXPIRE", JOB, "1"],
    &["PEXPIREAT", JOB, "1"],
    &["RENAME", JOB, JOB],
    &["DBSIZE"],
    &["SCAN", "0"],
    &["DUMP", JOB],
];

/// Everything that can be seen without writing; what is only worth knowing is given in lines.
///
/// # Errors
/// Why nothing is begun.
pub fn check(route: &Route, kind: &str, wish: &super::wish::Wish) -> Result<Vec<String>, String> {
    sides(route, kind, wish.flush)?;
    if !wish.flush {
        memory(route)?;
    }
    let mut sources = route.from.open_all()?;
    let mut targets = route.to.open_all()?;
    for link in &mut sources {
        // In place this is the lock that is taken.
        if let Some((who, _)) = super::lock::holder(link)?.filter(|_| !route.is_in_place()) {
            return Err(format!("{}: {who} is at work here", link.place()));
        }
        may(link, &READS)?;
    }
    let mut readers = route.from.open_all_to_read()?;
    let unpacks = !versions(route).is_empty();
    for (link, server) in readers.iter_mut().zip(&route.from.servers) {
        may(link, &READS)?;
        let facts = server.read_facts();
        if facts.tells_expiry() {
            may(link, &[&["PEXPIRETIME", JOB]])?;
        }
        if unpacks || facts.largest() > wish.big {
            may(link, &PIECES)?;
            // They are watched; an empty transaction asks for the right to know what came of that.
            link.transaction(&[])?;
        }
    }
    for (at, link) in sources.iter_mut().enumerate() {
        if route.is_in_place() {
            may(link, &WRITES)
                .map_err(|why| format!("{why} (needed to delete what has left {})", route.from.servers[at].name))?;
        }
    }
    for link in &mut targets {
        may(link, &WRITES)?;
        if route.is_in_place() {
            may(link, &[&["WAIT", "0", "1"]])
                .map_err(|why| format!("{why} (needed to know that replicas have what is deleted at its old place)"))?;
        }
    }
    clocks(sources.iter_mut().chain(&mut readers).chain(&mut targets))?;
    Ok(versions(route))
}

/// That no server is on both sides unless that is meant, and keeps its number where the number of nodes stays.
fn sides(route: &Route, kind: &str, flushes: bool) -> Result<(), String> {
    for (at, server) in route.from.servers.iter().enumerate() {
        let Some(same) = route.same(at) else { continue };
        let target = &route.to.servers[same];
        if kind != "reshard" {
            return Err(format!(
                "{} and {} of the target are one server: reshard changes a fleet in place, clone copies to other servers",
                server.place(),
                target.place()
            ));
        }
        if flushes {
            return Err(format!("--flush would empty {}, which is a source", target.place()));
        }
        if route.places.are_the_same() && server.nodes != target.nodes {
            return Err(format!(
                "{} would become {}, while the number of nodes stays: its keys and those that come would have the same \
                 names; give it its number",
                server.place(),
                target.name
            ));
        }
    }
    Ok(())
}

/// Whether the user may run commands. They are queued and then discarded: that asks for the rights and runs nothing.
fn may(link: &mut Link, commands: &[&[&str]]) -> Result<(), String> {
    // A transaction that is discarded watches nothing any more.
    let mut words: Vec<&[&str]> = vec![&["WATCH", JOB], &["MULTI"]];
    words.extend_from_slice(commands);
    words.push(&["DISCARD"]);
    let replies = link.each(&words)?;
    for (words, reply) in words.iter().zip(replies) {
        let Value::Error(text) = reply else { continue };
        // It is nobody's right to a command that the server does not have. But without these nobody knows which keys expire.
        let tells_expiry = ["PEXPIRETIME", "PTTL"].contains(&words[0]);
        if tells_expiry || !text.starts_with(b"ERR unknown command") {
            return Err(format!("{}: {}: {}", link.place(), words[0], shown(&text)));
        }
    }
    Ok(())
}

/// How far each server's clock is from this one's: no clock can be read more exactly than the answer takes.
fn clocks<'l>(links: impl Iterator<Item = &'l mut Link>) -> Result<(), String> {
    let mut seen: Vec<(String, i128, i128)> = Vec::new();
    for link in links {
        let (begun, here) = (Instant::now(), SystemTime::now());
        let there = i128::from(milliseconds(&link.ask_text(&["TIME"])?));
        let took = begun.elapsed().as_millis() as i128;
        let here = here.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as i128;
        seen.push((link.place().to_owned(), there - here - took, there - here));
    }
    for (one, low, _) in &seen {
        for (other, _, high) in &seen {
            if low - high > i128::from(CLOCKS) {
                let seconds = (low - high) as f64 / 1000.0;
                return Err(format!(
                    "the clock of {one} is {seconds:.1} s ahead of that of {other}, and keys expire at a moment: set the clocks"
                ));
            }
        }
    }
    Ok(())
}

/// That targets keep what they get.
fn memory(route: &Route) -> Result<(), String> {
    let all: u64 = route.from.servers.iter().map(|server| server.facts.dataset).sum();
    let share = all / route.to.nodes.max(1) as u64;
    for server in &route.to.servers {
        keeps(server, share * server.nodes.len() as u64, route.is_in_place())?;
    }
    Ok(())
}

fn keeps(server: &Server, share: u64, is_in_place: bool) -> Result<(), String> {
    let facts = &server.facts;
    if facts.maxmemory == 0 {
        return Ok(());
    }
    if facts.policy.starts_with("allkeys-") {
        return Err(format!(
            "{} may delete any key when its memory is full (maxmemory-policy {}): set noeviction for as long as this takes",
            server.place(),
            facts.policy
        ));
    }
    // In place it has a part of that already.
    let wanted = if is_in_place { facts.used_memory.max(share) } else { facts.used_memory + share };
    match wanted > facts.maxmemory {
        true => Err(format!(
            "{} has a maxmemory of {}, uses {} and would get about {}: its policy {} would refuse or lose keys",
            server.place(),
            bytes(facts.maxmemory),
            bytes(facts.used_memory),
            bytes(share),
            facts.policy
        )),
        false => Ok(()),
    }
}

/// Which targets are older than a source.
fn versions(route: &Route) -> Vec<String> {
    let mut lines = Vec::new();
    let is_older = |source: &Facts, target: &Facts| match (source.valkey, target.valkey) {
        (Some(one), Some(other)) => other < one,
        (None, None) => target.version < source.version,
        // They have gone different ways since Redis 7.2.
        _ => source.version > (7, 2) || source.valkey.is_some_and(|valkey| valkey >= (9, 0)),
    };
    for target in &route.to.servers {
        if let Some(source) = route.from.servers.iter().find(|source| is_older(source.read_facts(), &target.facts)) {
            lines.push(format!(
                "{} is {}, and {} is {}: keys that it cannot unpack go type by type",
                target.place(),
                target.facts.version_text,
                source.place(),
                source.read_facts().version_text
            ));
        }
    }
    lines
}

/// The databases that have keys at the sources, or those that were asked for.
pub fn databases(from: &Fleet, wanted: &[u32]) -> Vec<u32> {
    let mut databases: Vec<u32> = match wanted {
        [] => from.servers.iter().flat_map(|server| server.facts.keys.iter().map(|(number, _)| *number)).collect(),
        wanted => wanted.to_vec(),
    };
    databases.sort_unstable();
    databases.dedup();
    databases
}
