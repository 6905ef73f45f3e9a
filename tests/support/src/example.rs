//! What the examples in the documentation run on.

use crate::Server;
use rediscluster::{Builder, Cluster, Result};

/// A configuration of these servers, in order, as `node_1` to `node_N`.
pub fn cluster_of(servers: &[Server]) -> Builder {
    servers
        .iter()
        .zip(1..)
        .fold(Cluster::builder(), |builder, (server, number)| builder.node(format!("node_{number}"), server.address()))
}

/// Runs an example on a cluster of two empty servers.
pub fn example(body: impl FnOnce(&Cluster) -> Result<()>) {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().expect("two servers were started");
    if let Err(error) = body(&cluster) {
        panic!("the example fails: {error}");
    }
}

/// As [`example`], for what Redis brought with this version; older servers skip it.
pub fn example_since(version: &str, body: impl FnOnce(&Cluster) -> Result<()>) {
    if Server::start().is_since(version, "the example") {
        example(body);
    }
}
