//! Many threads, clones and clusters of their own on the same servers: whatever comes between the steps of a command
//! over several nodes, what was acknowledged is found once and no second time.
//!
//! `CONCURRENCY_ROUNDS` multiplies the work of every test, `CONCURRENCY_SEED` says where the numbers by chance begin.

mod moves;
mod pools;
mod renames;
mod sets_of_keys;
mod stores;
mod streams;
mod waits;

use rediscluster::prelude::*;
use rediscluster::{Error, Value};
use rediscluster_testing::{cluster_of, Reply, Server};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Servers, and clusters of them that share no pool.
struct Fleet {
    servers: Vec<Server>,
    clusters: Vec<Cluster>,
    seed: u64,
}

impl Fleet {
    fn start(nodes: usize) -> Fleet {
        Fleet::with_pools_of(nodes, 16)
    }

    fn with_pools_of(nodes: usize, pool_size: usize) -> Fleet {
        let seed = from_environment("CONCURRENCY_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("{nodes} nodes, CONCURRENCY_SEED={seed}");
        let servers: Vec<Server> = (0..nodes).map(|_| Server::start()).collect();
        let connect = |_| {
            let builder = cluster_of(&servers).masters_only(true).pool_size(pool_size);
            builder.deadline(Duration::from_secs(20)).connect().unwrap()
        };
        let clusters = (0..3).map(connect).collect();
        Fleet { servers, clusters, seed }
    }

    /// A cluster for the thread of that number: some threads share one, some do not.
    fn cluster(&self, thread: usize) -> Cluster {
        self.clusters[thread % self.clusters.len()].clone()
    }

    /// Numbers by chance for the thread of that number.
    fn chance(&self, thread: usize) -> Chance {
        Chance(self.seed.wrapping_add((thread as u64) << 32))
    }

    /// A key that begins with `name` and lives on the node of that number, counted from 0 and around.
    fn key(&self, name: &str, node: usize) -> String {
        let node = format!("node_{}", node % self.servers.len() + 1);
        let mut names = (0..).map(|number| format!("{name}{number}"));
        names.find(|key| self.clusters[0].node_for(key).name() == node).expect("a key for every node")
    }

    /// Every key of every server that fits the pattern, asked without the library.
    fn keys(&self, pattern: &str) -> Vec<(&Server, String)> {
        let of = |server| items(Server::ask(server, &["KEYS", pattern])).into_iter().map(move |key| (server, key));
        self.servers.iter().flat_map(of).collect()
    }

    fn no_stash_is_left(&self) {
        let left: Vec<String> = self.keys("rediscluster:stash:*").into_iter().map(|(_, name)| name).collect();
        assert_eq!(left, [""; 0]);
    }
}

/// SplitMix64, as in the differential test.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    fn key_of<'k>(&mut self, keys: &'k [String]) -> &'k str {
        &keys[self.below(keys.len())]
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at + 1));
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// How much of something is done: so much by default, more for a longer run.
fn times(default: usize) -> usize {
    default * from_environment("CONCURRENCY_ROUNDS").unwrap_or(1) as usize
}

fn run<W: AsRef<str>>(cluster: &Cluster, words: &[W]) -> Result<Value, Error> {
    let words: Vec<&str> = words.iter().map(W::as_ref).collect();
    cluster.execute(cmd(words[0]).args_of(&words[1..]))
}

/// The same for a line without blanks in its words, which must succeed.
fn must(cluster: &Cluster, line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    run(cluster, &words).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn items(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Array(items) => items.iter().map(Reply::text).collect(),
        other => panic!("{other:?} is no list"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("{other:?} is no text"),
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) | Value::Set(items) => items.iter().map(text).collect(),
        other => panic!("{other:?} is no list"),
    }
}

/// What was put in is what came out: nothing is missing, nothing came twice, nothing came from nowhere.
#[track_caller]
fn each_once(mut put_in: Vec<String>, mut found: Vec<String>, what: &str) {
    put_in.sort_unstable();
    found.sort_unstable();
    if put_in == found {
        return;
    }
    let twice: Vec<&String> = found.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    let lost: Vec<&String> = put_in.iter().filter(|one| found.binary_search(one).is_err()).collect();
    let strange: Vec<&String> = found.iter().filter(|one| put_in.binary_search(one).is_err()).collect();
    panic!(
        "{what}: {} put in, {} found; lost {lost:?}, twice {twice:?}, strange {strange:?}",
        put_in.len(),
        found.len()
    );
}
