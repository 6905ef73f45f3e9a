//! Limits how often each user may do something: by fixed and by sliding windows.
//!
//! It shows
//! - scripts that are sent once to each server and named afterwards (`Script`, `EVALSHA`), because a limit has to be
//!   looked at and counted in one step;
//! - keys that spread over the nodes by themselves: one for each user, and all that a script needs in that one key;
//! - what to do when the node of a user is down: a typed error, and the program decides whether to allow or to refuse.
//!
//! ```sh
//! cargo run --example rate_limiter -- node_1=127.0.0.1:63791,node_2=127.0.0.1:63792
//! ```
//!
//! Names of users come from outside, so hash tags are switched off: a user `ada{x}` is not to share a key with `ada`.

use rediscluster::prelude::*;
use rediscluster::{HashTags, Outcome, Result, Script};
use std::time::Duration;

/// A fixed window: a counter that ends with its window. Cheap, but around the end of a window twice the limit may pass.
static FIXED: Script = Script::new(
    "local hits = redis.call('INCR', KEYS[1])
    if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    if hits <= tonumber(ARGV[1]) then return {1, tonumber(ARGV[1]) - hits, 0} end
    return {0, 0, redis.call('PTTL', KEYS[1]) + 1}",
);

/// A sliding window: a sorted set of the moments of the last hits. Exact, and costs memory for each hit of a window. The
/// server's clock counts, so clients need not agree on the time.
static SLIDING: Script = Script::new(
    "local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local window = ARGV[2] * 1000
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
    local hits = redis.call('ZCARD', KEYS[1])
    if hits < tonumber(ARGV[1]) then
        local score = string.format('%.0f', now)
        local member = score
        while redis.call('ZADD', KEYS[1], 'NX', score, member) == 0 do member = member .. '+' end
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return {1, tonumber(ARGV[1]) - hits - 1, 0}
    end
    local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    return {0, 0, math.ceil((oldest[2] + window - now) / 1000)}",
);

/// How windows are laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// It begins with the first hit.
    Fixed,
    /// It always ends now.
    Sliding,
}

/// What the limiter says of one hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is within the limit.
    pub is_allowed: bool,
    /// How many more would be.
    pub left: u64,
    /// When the next one will be, if this one is not.
    pub retry_after: Duration,
}

/// So many hits a window.
pub struct Limiter {
    cluster: Cluster,
    window: Window,
    limit: u64,
    length: Duration,
}

impl Limiter {
    /// At most `limit` hits, at least 1, within `length`, in whole milliseconds.
    pub fn new(cluster: &Cluster, window: Window, limit: u64, length: Duration) -> Limiter {
        Limiter { cluster: cluster.clone(), window, limit, length }
    }

    /// The key of a user.
    pub fn key(&self, user: &str) -> String {
        match self.window {
            Window::Fixed => format!("hits:fixed:{user}"),
            Window::Sliding => format!("hits:sliding:{user}"),
        }
    }

    /// Counts a hit of a user. When the outcome of an error is `Unknown`, it may have been counted: nothing counts twice
    /// by itself, because scripts that write are never tried again once they may have run.
    pub fn hit(&self, user: &str) -> Result<Decision> {
        let script = match self.window {
            Window::Fixed => &FIXED,
            Window::Sliding => &SLIDING,
        };
        let millis = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
        let call = script.call().key(self.key(user)).arg(self.limit).arg(millis);
        let (is_allowed, left, retry_after): (bool, u64, u64) = call.run(&self.cluster)?;
        Ok(Decision { is_allowed, left, retry_after: Duration::from_millis(retry_after) })
    }

    /// The same for a program that had rather serve too many than nobody: a limiter that cannot be asked allows.
    pub fn hit_or_allow(&self, user: &str) -> Decision {
        self.hit(user).unwrap_or_else(|error| {
            let counted = if error.outcome() == Outcome::NotApplied { "not counted" } else { "perhaps counted" };
            println!("{user} is allowed and {counted}: {error}");
            Decision { is_allowed: true, left: 0, retry_after: Duration::ZERO }
        })
    }
}

/// The cluster as the limiter needs it. A limit must not make everything wait, so its deadline is short.
pub fn connect(nodes: &str) -> Result<Cluster> {
    let builder = Cluster::builder().nodes(nodes).hash_tags(HashTags::Off).masters_only(true);
    builder.deadline(Duration::from_secs(1)).connect()
}

fn main() -> Result<()> {
    let nodes = std::env::args().nth(1).or_else(|| std::env::var("REDISCLUSTER_NODES").ok());
    let cluster = connect(&nodes.unwrap_or_default())?;
    // Not needed, but it shows a mistake in a script now, and saves the first call of each node a round trip.
    FIXED.load(&cluster)?;
    SLIDING.load(&cluster)?;

    let run = std::process::id(); // so that each run begins with new users
    for window in [Window::Fixed, Window::Sliding] {
        println!("{window:?} windows of a second, 3 hits each:");
        let limiter = Limiter::new(&cluster, window, 3, Duration::from_secs(1));
        for name in ["ada", "bob", "cyd", "dan"] {
            let user = format!("{name}-{run}");
            let mut allowed = 0;
            for _ in 0..5 {
                allowed += u64::from(limiter.hit_or_allow(&user).is_allowed);
            }
            println!("  {name} on {}: {allowed} of 5 hits allowed", cluster.node_for(limiter.key(&user)).name());
        }
        let user = format!("ada-{run}");
        let decision = limiter.hit(&user)?;
        std::thread::sleep(decision.retry_after);
        println!("  ada waits {:?}, and is allowed: {}", decision.retry_after, limiter.hit(&user)?.is_allowed);
    }
    Ok(())
}
