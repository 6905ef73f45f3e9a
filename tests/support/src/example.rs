//! What the examples in the documentation and the tests of the typed methods run on.

use crate::Server;
use rediscluster::{Builder, Cluster, Protocol, Result, ToArg};

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

/// As [`example`], for what came with this version, as [`Server::is_since`] takes it; older servers skip it.
pub fn example_since(version: &str, body: impl FnOnce(&Cluster) -> Result<()>) {
    if Server::start().is_since(version, "the example") {
        example(body);
    }
}

/// Runs a test on a cluster of three empty servers that speaks RESP2, and on another one that speaks RESP3.
pub fn in_both_protocols(test: impl Fn(&Cluster, &[Server])) {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        println!("{protocol:?}");
        let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
        let cluster = cluster_of(&servers).protocol(protocol).connect().expect("three servers were started");
        test(&cluster, &servers);
    }
}

/// The server that a key lives on, of those that a cluster was made of.
pub fn home_of<'s>(cluster: &Cluster, servers: &'s [Server], key: impl ToArg) -> &'s Server {
    let address = cluster.node_for(key).address().to_string();
    servers.iter().find(|server| server.address() == address).expect("a server of the cluster")
}
