//! Servers that are started for a case and end with it.

use rediscluster::{Builder, Cluster};
use rediscluster_testing::{cluster_of, Server};

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
        cluster_of(&self.servers)
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

/// `1 node`, `3 nodes`.
pub fn nodes(count: usize) -> String {
    format!("{count} node{}", if count == 1 { "" } else { "s" })
}
