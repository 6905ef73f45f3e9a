//! `verify`: whether every key lives where its name leads.

mod progress;
mod report;
mod state;
mod tags;
mod verdict;
mod walk;
mod wish;

use crate::config::Config;
use crate::interrupt::Interrupt;
use crate::render::Mode;
use crate::session::Ran;
use progress::Progress;
use rediscluster::prelude::*;
use rediscluster::Protocol;
use report::Report;
use state::State;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tags::Tags;
use verdict::Places;
use walk::{Broken, Node, Told, Walks};
pub use wish::Wish;

/// The masters of a fleet.
struct Fleet {
    cluster: Cluster,
    /// The names of all nodes, in the order that placement counts them.
    names: Vec<String>,
    places: Places,
    /// Every server once.
    nodes: Vec<Node>,
}

/// Walks through all keys of all masters, tells which are not where they belong, and with `--fix` moves those whose place
/// is certain. Anything that somebody has to look at makes [`Ran::Failed`] of it.
///
/// # Errors
/// When the output or the state cannot be written; and in words, why the walk cannot begin.
pub fn verify(config: &Config, words: &[Vec<u8>], mode: Mode) -> io::Result<Result<Ran, String>> {
    let json = matches!(mode, Mode::Json | Mode::QuotedJson);
    match prepared(config, words) {
        Ok((wish, tags, fleet)) => run(config, &wish, &tags, &fleet, json || wish.json),
        Err(message) => Ok(Err(message)),
    }
}

fn prepared(config: &Config, words: &[Vec<u8>]) -> Result<(Wish, Tags, Fleet), String> {
    let wish = Wish::read(words, config.settings.hash_tags())?;
    config.is_fleet("verify")?;
    let tags = Tags::read(&wish)?;
    let fleet = Fleet::connect(config)?;
    Ok((wish, tags, fleet))
}

impl Fleet {
    fn connect(config: &Config) -> Result<Fleet, String> {
        // Without one of them it cannot be told whether a key is there twice. Every server speaks RESP2.
        let builder = config.builder().protocol(Protocol::Resp2).masters_only(true).require_all(true);
        let cluster = builder.connect().map_err(|error| error.to_string())?;
        let topology = cluster.topology();
        let (mut addresses, mut servers, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
        for shard in topology.shards() {
            let address = topology.master_of(shard).address();
            let known = addresses.iter().position(|known| *known == address);
            servers.push(known.unwrap_or(nodes.len()));
            if known.is_none() {
                addresses.push(address);
                let given = config.nodes.iter().find(|(name, _)| name == shard.name());
                let given = given.map_or_else(|| address.to_string(), |(_, address)| address.clone());
                // A node_2 on its own would be a list with a gap.
                let name = format!("master-of-{}", shard.name());
                let alone = config.settings().protocol(Protocol::Resp2).masters_only(true).node(name, &given);
                let alone = alone.connect().map_err(|error| error.to_string())?;
                nodes.push(Node { name: shard.name().to_owned(), alone });
            }
        }
        let names = topology.shards().iter().map(|shard| shard.name().to_owned()).collect();
        Ok(Fleet { names, places: Places::new(servers), nodes, cluster: cluster.clone() })
    }

    /// How many keys there are.
    fn size(&self, databases: &[u32]) -> Result<u64, String> {
        let mut size = 0;
        for &database in databases {
            let each = self.cluster.database(database).on_each_master().dbsize();
            for (_, keys) in each.map_err(|error| error.to_string())? {
                size += keys.map_err(|error| error.to_string())?;
            }
        }
        Ok(size)
    }
}

fn run(config: &Config, wish: &Wish, tags: &Tags, fleet: &Fleet, json: bool) -> io::Result<Result<Ran, String>> {
    let databases = match wish.databases.is_empty() {
        true => vec![config.database().unwrap_or(0)],
        false => wish.databases.clone(),
    };
    let names: Vec<String> = fleet.nodes.iter().map(|node| node.name.clone()).collect();
    let of = format!("{} {}", fleet.names.join(","), wish.fingerprint(tags.checksum(), &databases));
    let new = State::new(of, &names, &databases);
    let begun = match &wish.state {
        Some(path) => State::read_or(Path::new(path), new),
        None => Ok(new),
    };
    let (state, size) = match (begun, fleet.size(&databases)) {
        (Ok(state), Ok(size)) => (state, size),
        (Err(message), _) | (_, Err(message)) => return Ok(Err(message)),
    };
    let interrupt = Interrupt::watch(true)?;
    let report = Report::new(json, wish.summary, databases.len() > 1);
    let told = Told { state, report, progress: Progress::new(size), written: Instant::now() };
    let walks = Walks {
        wish,
        tags,
        places: &fleet.places,
        nodes: &fleet.nodes,
        names: &fleet.names,
        fleet: &fleet.cluster,
        databases: &databases,
        patience: config.deadline(),
        interrupt: &interrupt,
        taken: AtomicU64::new(0),
        told: Mutex::new(told),
    };
    let walked: Vec<Result<(), Broken>> = std::thread::scope(|scope| {
        let walks = &walks;
        let threads: Vec<_> = (0..fleet.nodes.len()).map(|server| scope.spawn(move || walks.walk(server))).collect();
        let panicked = || Broken::Output(io::Error::other("a panic in a walk"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    let mut failures = Vec::new();
    for (node, walked) in fleet.nodes.iter().zip(walked) {
        match walked {
            Ok(()) => {}
            Err(Broken::Server(error)) => failures.push((node.name.clone(), error.to_string())),
            Err(Broken::Output(error)) => return Err(error),
        }
    }
    let Told { state, mut report, progress, .. } = walks.told.into_inner().unwrap_or_else(PoisonError::into_inner);
    progress.end();
    report.end(&state, fleet.places.count(), &failures)?;
    for (node, error) in &failures {
        eprintln!("rediscluster: verify: {node} was not looked at to the end: {error}");
    }
    if let Some(path) = &wish.state {
        end_of_state(&state, Path::new(path))?;
    }
    let is_well = failures.is_empty() && state.wrong() == 0 && !interrupt.came();
    Ok(Ok(if is_well { Ran::Answered } else { Ran::Failed }))
}

/// A walk that came to its end leaves no state, so that the next one begins anew.
fn end_of_state(state: &State, path: &Path) -> io::Result<()> {
    if !state.is_over() {
        return state.write(path);
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
