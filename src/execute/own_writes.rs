//! Which nodes a handle has written to, for reads that see its own writes.

use crate::plan::{Route, Target};
use crate::topology::Topology;
use std::sync::atomic::{AtomicBool, Ordering};

/// The nodes that one handle has written to.
#[derive(Debug)]
pub(crate) struct OwnWrites {
    /// By shard.
    written: Vec<AtomicBool>,
}

impl OwnWrites {
    pub(crate) fn new(shards: usize) -> OwnWrites {
        OwnWrites { written: (0..shards).map(|_| AtomicBool::new(false)).collect() }
    }

    /// Whether reads of a shard have to go to its master.
    pub(crate) fn includes(&self, shard: usize) -> bool {
        self.written.get(shard).map_or(true, |written| written.load(Ordering::Acquire))
    }

    /// Notes a write to a server, before it is sent. Two names may be one server.
    pub(crate) fn note(&self, topology: &Topology, server: usize) {
        for (shard, written) in topology.shards().iter().zip(&self.written) {
            if shard.master() == server {
                written.store(true, Ordering::Release);
            }
        }
    }

    /// Notes what a write is about to be sent to.
    pub(crate) fn note_route(&self, topology: &Topology, route: &Route<'_>) {
        let target = |target: Target| match target {
            Target::Shard(shard, _) => self.note(topology, topology.nth_shard(shard).master()),
            Target::Server(server) => self.note(topology, server),
        };
        match route {
            Route::One(part) => target(part.target),
            Route::Fan(parts) => parts.iter().for_each(|part| target(part.target)),
            // One without keys may write anywhere.
            Route::Across(keys) if keys.is_empty() => {
                topology.shards().iter().for_each(|shard| self.note(topology, shard.master()));
            }
            Route::Across(keys) => keys.iter().for_each(|key| self.note(topology, key.master)),
        }
    }
}
