//! Servers that are started for a case and end with it.

use rediscluster::{Builder, Cluster};
use rediscluster_testing::{cluster_of, Server};
use std::time::Duration;

/// No call of the bench takes as long, whoever makes it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Servers with the same data.
pub struct Fleet {
    pub servers: Vec<Server>,
}

impl Fleet {
    pub fn of(count: usize) -> Fleet {
        Fleet { servers: (0..count).map(|_| Server::start()).collect() }
    }

    /// The processes.
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::pid).collect()
    }

    /// Not connected yet.
    pub fn builder(&self) -> Builder {
        builder(&self.servers)
    }

    /// With default settings.
    pub fn cluster(&self) -> Cluster {
        self.builder().connect().expect("the servers were started")
    }

    /// The first server, for those who know only one.
    pub fn first(&self) -> &Server {
        &self.servers[0]
    }
}

/// Default settings, but for the deadline: on a busy machine a call with a million keys may take longer.
pub fn builder(servers: &[Server]) -> Builder {
    cluster_of(servers).deadline(PATIENCE)
}

/// `1 node`, `3 nodes`.
pub fn nodes(count: usize) -> String {
    format!("{count} node{}", if count == 1 { "" } else { "s" })
}
