//! A read-through cache: what it does not have comes from a slow source, and is kept for a while.
//!
//! It shows
//! - times to live that differ by chance, so that what was stored together does not end together;
//! - a lock by `SET NX PX`, so that of many callers who miss one key only one asks the source;
//! - many keys at once by one pipeline over all nodes;
//! - nodes that are down or silent: the source answers, and the caller never sees an error of the cache.
//!
//! ```sh
//! cargo run --example cache -- node_1=127.0.0.1:63791,node_2=127.0.0.1:63792
//! REDISCLUSTER_NODES=node_1=127.0.0.1:63791,node_2=127.0.0.1:63792 cargo run --example cache
//! ```
//!
//! Keys here have no braces: with them `name{tag}` would be stored as `name`.

use rediscluster::prelude::*;
use rediscluster::{Error, Script, SetOptions};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that the cache may take from a caller: a silent node costs no more than this.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long one caller may ask the source while the others wait for what it finds.
const LOCK: Duration = Duration::from_secs(2);
/// How often those who wait look whether the value is there.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Gives a lock back, if it is still one's own: it may have expired and belong to somebody else by now.
static UNLOCK: Script =
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0");

/// A cache in front of a source, which is a function from a key to its value.
pub struct Cache<S> {
    cluster: Cluster,
    source: S,
    ttl: Duration,
    failures: AtomicU64,
}

impl<S: Fn(&str) -> Result<String, E>, E> Cache<S> {
    /// A cache whose values live for about `ttl`.
    pub fn new(cluster: &Cluster, ttl: Duration, source: S) -> Cache<S> {
        Cache { cluster: cluster.deadline(PATIENCE), source, ttl, failures: AtomicU64::new(0) }
    }

    /// The value of a key. The only errors are those of the source.
    pub fn get(&self, key: &str) -> Result<String, E> {
        match self.cluster.get::<_, Option<String>>(key) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => self.refill(key),
            Err(error) => self.without_cache(key, &error),
        }
    }

    /// The values of many keys, in their order: one pipeline to all nodes at the same time. A command that fails on one
    /// node does not matter to the others, so only the keys of a node that is down come from the source.
    pub fn get_many(&self, keys: &[&str]) -> Result<Vec<String>, E> {
        let mut pipeline = self.cluster.pipeline();
        let slots: Vec<_> = keys.iter().map(|key| pipeline.get::<_, Option<String>>(key)).collect();
        let replies = pipeline.run_each();
        let value = |(key, slot): (&&str, _)| match replies.get(slot) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => self.refill(key),
            Err(error) => self.without_cache(key, &error),
        };
        keys.iter().zip(slots).map(value).collect()
    }

    /// How often the cache could not be asked or not be filled, for metrics.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Asks the source for a key that is missing, unless another caller is already doing that.
    fn refill(&self, key: &str) -> Result<String, E> {
        // The tag puts the lock on the node of its key: one node less that can be down.
        let lock = format!("lock:{key}{{{key}}}");
        let token = random().to_string();
        let until = Instant::now() + LOCK;
        // A replica may not have yet what another caller has just stored.
        let masters = self.cluster.masters_only();
        loop {
            let options = SetOptions::new().if_missing().expire_in(LOCK);
            let is_locked = match masters.set_with::<_, _, Option<()>>(&lock, &token, options) {
                Ok(taken) => taken.is_some(),
                Err(error) => return self.without_cache(key, &error),
            };
            // Also with the lock: its holder before may have filled the cache after this caller had looked.
            let value = match masters.get::<_, Option<String>>(key) {
                Ok(Some(value)) => Some(Ok(value)),
                Ok(None) if is_locked => Some(self.fill(key)),
                Ok(None) if Instant::now() >= until => Some((self.source)(key)),
                Ok(None) => None,
                Err(error) => Some(self.without_cache(key, &error)),
            };
            if is_locked {
                self.note(UNLOCK.call().key(&lock).arg(&token).run::<u64>(&masters));
            }
            if let Some(value) = value {
                return value;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Asks the source and stores what it gives, for nine to eleven tenths of the time to live.
    fn fill(&self, key: &str) -> Result<String, E> {
        let value = (self.source)(key)?;
        let tenths = 0.9 + 0.2 * (random() as f64 / u64::MAX as f64);
        self.note(self.cluster.psetex(key, self.ttl.mul_f64(tenths), &value));
        Ok(value)
    }

    fn without_cache(&self, key: &str, error: &Error) -> Result<String, E> {
        self.failures.fetch_add(1, Ordering::Relaxed);
        println!("{key} comes from the source, because the cache fails: {error}");
        (self.source)(key)
    }

    /// Counts a failure that the caller has no use for: it has its value.
    fn note<T>(&self, result: rediscluster::Result<T>) {
        if let Err(error) = result {
            self.failures.fetch_add(1, Ordering::Relaxed);
            println!("the cache fails: {error}");
        }
    }
}

/// The standard library seeds its hash maps by chance: enough for a token and for jitter.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).or_else(|| std::env::var("REDISCLUSTER_NODES").ok());
    // A cache must not keep a program from starting: `build` asks no server, and a node that is down now is only told.
    let cluster = Cluster::builder().nodes(nodes.unwrap_or_default()).build()?;
    if let Err(error) = cluster.refresh() {
        println!("going on without a node: {error}");
    }

    let asked = AtomicU64::new(0);
    let source = |key: &str| {
        asked.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(50)); // a slow database
        Ok::<_, rediscluster::Error>(format!("the value of {key}"))
    };
    let cache = Cache::new(&cluster, Duration::from_secs(60), source);
    let run = random(); // so that each run begins with an empty cache
    let times = |what: &str| println!("{what}: the source was asked {} times", asked.swap(0, Ordering::Relaxed));

    let key = format!("price:{run:x}");
    let value = cache.get(&key)?;
    println!("{key} is {value:?}, on {}", cluster.node_for(&key));
    times("one miss");
    cache.get(&key)?;
    times("one hit");

    let cold = format!("cold:{run:x}");
    thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(|| cache.get(&cold))));
    });
    times("8 threads that miss one key");

    let keys: Vec<String> = (0..10).map(|number| format!("item:{run:x}:{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let values = cache.get_many(&keys)?;
    times(&format!("{} keys for the first time", values.len()));
    let values = cache.get_many(&keys)?;
    times(&format!("{} keys again", values.len()));
    println!("the cache failed {} times", cache.failures());
    Ok(())
}
