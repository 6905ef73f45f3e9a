//! Events of a cluster as events of the crate `tracing`.
//!
//! `cargo run --example observer_tracing -- node_1=127.0.0.1:6379,node_2=127.0.0.1:6380`, with a subscriber of your
//! choice set in `main`.

use rediscluster::prelude::*;
use rediscluster::{Observer, ObserverEvent};
use tracing::{debug, info, warn};

/// Failures and what they lead to are warnings, what comes and goes is information, and each call is for debugging.
pub struct Traced;

impl Observer for Traced {
    fn event(&self, event: &ObserverEvent<'_>) {
        match event {
            ObserverEvent::Command { command, nodes, took, request_bytes, reply_bytes, failure, .. } => {
                let nodes = nodes.iter().map(|node| node.name());
                let micros = took.as_micros() as u64;
                match failure {
                    None => debug!(command, request_bytes, reply_bytes, micros, "command"),
                    Some((error, outcome)) => {
                        let nodes = nodes.collect::<Vec<_>>().join(",");
                        warn!(command, nodes, micros, ?error, ?outcome, "command failed");
                    }
                }
            }
            ObserverEvent::Pipeline { commands, failed, took, .. } => {
                debug!(commands, failed, micros = took.as_micros() as u64, "pipeline");
            }
            ObserverEvent::ConnectionOpened { node, took, .. } => info!(%node, ?took, "connection opened"),
            ObserverEvent::ConnectionFailed { node, error, .. } => warn!(%node, ?error, "no connection"),
            ObserverEvent::ConnectionClosed { node, why, .. } => info!(%node, ?why, "connection closed"),
            ObserverEvent::Timeout { node, phase, .. } => warn!(%node, %phase, "timeout"),
            ObserverEvent::Retry { node, command, attempt, error, pause, .. } => {
                warn!(%node, command, attempt, ?error, ?pause, "trying again");
            }
            ObserverEvent::PoolWait { node, took, timed_out, .. } => {
                warn!(%node, ?took, timed_out, "pool is too small")
            }
            ObserverEvent::TopologyChanged { after, .. } => info!(servers = after.servers().len(), "topology changed"),
            ObserverEvent::ReplicaEjected { node, error, .. } => warn!(%node, ?error, "replica gets no reads"),
            ObserverEvent::ReplicaReadmitted { node, .. } => info!(%node, "replica gets reads again"),
            ObserverEvent::ServerSilent { node, silent, .. } => warn!(%node, ?silent, "server says nothing"),
            ObserverEvent::ServerHeard { node, .. } => info!(%node, "server speaks again"),
            // Later versions tell more.
            _ => {}
        }
    }
}

#[allow(dead_code)] // the test of this example has no use for it
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nodes = std::env::args().nth(1).ok_or("give the nodes: node_1=127.0.0.1:6379,node_2=…")?;
    let cluster = Cluster::builder().nodes(nodes).observer(Traced).connect()?;
    cluster.set("example", 1)?;
    cluster.del(["example"])?;
    Ok(())
}
