//! Looking after a fleet: `nodes --check`, `verify` and `top`.

mod check;
#[path = "../program/mod.rs"]
mod program;
#[cfg(unix)]
mod top;
mod verify;

use program::{failed, rediscluster, Ran};
use rediscluster_testing::{dead_address, wait_until, Reply, ScriptedPeer, Server};
use serde_json::{json, Value};
use std::process::Stdio;
use std::time::Duration;

/// The option that names these servers `node_1`, `node_2`, ….
fn nodes<'s>(servers: impl IntoIterator<Item = &'s Server>) -> String {
    let list: Vec<String> =
        servers.into_iter().enumerate().map(|(at, server)| format!("node_{}={}", at + 1, server.address())).collect();
    format!("--nodes={}", list.join(","))
}

fn run(nodes: &str, words: &[&str]) -> Ran {
    rediscluster(&[&[nodes], words].concat())
}

#[track_caller]
fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.out).unwrap_or_else(|error| panic!("{error}: {} {}", ran.out(), ran.err()))
}
