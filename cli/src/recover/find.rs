//! The servers, and the stashes that lie on them.

use crate::config::Config;
use rediscluster::prelude::*;
use rediscluster::{Connection, Protocol, Stash, StashContent, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many keys a server looks at before it answers.
const COUNT: &[u8] = b"1000";

/// One master.
pub struct Server {
    name: String,
    address: String,
    connection: Connection,
}

/// One name under the prefix of stashes.
pub struct Found {
    pub name: Vec<u8>,
    /// Where it lies: which of the servers.
    pub server: usize,
    /// What it is; `None` for a name that this program does not make.
    pub stash: Option<Stash>,
    /// It holds nothing and goes by itself.
    pub sealed: bool,
    /// For how many seconds nobody has used it; `None` when the server does not tell.
    pub idle: Option<u64>,
    /// After how many milliseconds it expires.
    pub expires: Option<u64>,
}

/// What one call has left behind.
pub struct Call {
    pub found: Vec<Found>,
    /// Both looks at the servers saw the same.
    pub steady: bool,
}

impl Server {
    /// What it is called, for people.
    pub fn place(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// One command and its reply. An error reply is an error.
    pub fn ask(&mut self, args: &[&[u8]]) -> Result<Value, String> {
        self.connection.execute(cmd("").args_of(args)).map_err(|error| error.to_string())
    }
}

/// All masters, each once. Without one of them it cannot be known what a stash on another one means.
///
/// # Errors
/// Why one of them cannot be asked.
pub fn servers(config: &Config) -> Result<Vec<Server>, String> {
    // What is looked at is the same in either protocol, and every server speaks this one.
    let builder = config.builder().protocol(Protocol::Resp2).require_all(true);
    let cluster = builder.connect().map_err(|error| error.to_string())?;
    let topology = cluster.topology();
    let mut servers: Vec<Server> = Vec::new();
    for shard in topology.shards() {
        let master = topology.master_of(shard);
        let address = master.address().to_string();
        // Two names may be one server.
        if servers.iter().any(|server| server.address == address) {
            continue;
        }
        let given = config.nodes.iter().find(|(name, _)| name == shard.name());
        let given = given.map_or(address.as_str(), |(_, address)| address.as_str());
        let connection = config.settings().protocol(Protocol::Resp2).open(given).map_err(|error| error.to_string())?;
        servers.push(Server { name: shard.name().to_owned(), address, connection });
    }
    Ok(servers)
}

/// Everything under the prefix, what belongs to one call together; what is unknown comes last, each by itself.
///
/// The servers are looked at twice. A stash is created before its pair is created or goes, so one whose pair was in
/// neither look had none between them; and what changed between them is somebody's work.
///
/// # Errors
/// Why a server gave no answer.
pub fn calls(servers: &mut [Server]) -> Result<Vec<Call>, String> {
    let before = names(servers)?;
    let after = if before.is_empty() { BTreeSet::new() } else { names(servers)? };
    let mut calls: BTreeMap<(bool, u64, Vec<u8>), Call> = BTreeMap::new();
    for (server, name) in &after {
        let Some(found) = look(servers, *server, name)? else { continue };
        let group = match &found.stash {
            Some(stash) => (false, stash.id(), Vec::new()),
            None => (true, 0, name.clone()),
        };
        calls.entry(group).or_insert_with(|| Call { found: Vec::new(), steady: true }).found.push(found);
    }
    let id = |name: &[u8]| Stash::parse(name).map(|stash| stash.id());
    for (_, name) in before.symmetric_difference(&after) {
        for call in calls.values_mut() {
            call.steady &= call.found.iter().all(|found| id(&found.name).is_none() || id(&found.name) != id(name));
        }
    }
    Ok(calls.into_values().collect())
}

fn names(servers: &mut [Server]) -> Result<BTreeSet<(usize, Vec<u8>)>, String> {
    let mut names = BTreeSet::new();
    for (at, server) in servers.iter_mut().enumerate() {
        let mut cursor = b"0".to_vec();
        loop {
            let reply = server.ask(&[b"SCAN", &cursor, b"MATCH", b"rediscluster:stash:*", b"COUNT", COUNT])?;
            let Value::Array(parts) = reply else { return Err(format!("{}: no reply to SCAN", server.place())) };
            let [Value::Bulk(next), Value::Array(keys)] = &parts[..] else {
                return Err(format!("{}: no reply to SCAN", server.place()));
            };
            names.extend(keys.iter().filter_map(|key| match key {
                Value::Bulk(key) => Some((at, key.clone())),
                _ => None,
            }));
            cursor = next.clone();
            if cursor == b"0" {
                break;
            }
        }
    }
    Ok(names)
}

/// What a server says of a name; `None` when it is gone by now. None of these questions counts as a use of it.
fn look(servers: &mut [Server], at: usize, name: &[u8]) -> Result<Option<Found>, String> {
    let server = &mut servers[at];
    // A policy that counts how often a key is used forgets when.
    let idle = match server.ask(&[b"OBJECT", b"IDLETIME", name]) {
        Ok(Value::Integer(seconds)) => u64::try_from(seconds).ok(),
        _ => None,
    };
    let expires = match server.ask(&[b"PTTL", name])? {
        Value::Integer(left) => u64::try_from(left).ok(),
        _ => None,
    };
    let Value::Simple(kind) = server.ask(&[b"TYPE", name])? else { return Ok(None) };
    if kind == b"none" {
        return Ok(None);
    }
    let stash = Stash::parse(name);
    let sealed = kind == b"string" && stash.as_ref().is_some_and(|stash| stash.content() != StashContent::Value);
    Ok(Some(Found { name: name.to_vec(), server: at, stash, sealed, idle, expires }))
}
