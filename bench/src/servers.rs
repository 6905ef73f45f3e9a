//! What is measured over the wire, on servers that are started for it.

use crate::race::{peer, Case, Work};
use rediscluster::prelude::*;
use rediscluster::Pipeline;
use rediscluster_testing::{cluster_of, Server};
use std::rc::Rc;

/// Commands of one pipeline.
const COMMANDS: usize = 100;

pub fn all() -> Vec<Case> {
    vec![
        pipelined(
            "SET pipelined by 100",
            |pipeline, key| drop(pipeline.set(key, "xxx")),
            |pipeline, key| drop(pipeline.set(key, "xxx")),
        ),
        pipelined(
            "GET pipelined by 100",
            |pipeline, key| drop(pipeline.get::<_, Option<String>>(key)),
            |pipeline, key| drop(pipeline.get(key)),
        ),
    ]
}

/// One server, one connection, the same keys.
fn pipelined(
    name: &'static str,
    ours: impl Fn(&mut Pipeline, &str) + 'static,
    theirs: impl Fn(&mut redis::Pipeline, &str) + 'static,
) -> Case {
    // Both hold it: it lives as long as its case.
    let server = Rc::new(Server::start());
    let cluster = cluster_of(std::slice::from_ref(&*server)).connect().expect("the server was started");
    let client = redis::Client::open(format!("redis://{}", server.address())).expect("a URL");
    let mut connection = client.get_connection().expect("the server was started");
    let keys: Rc<[String]> = (0..COMMANDS).map(|nth| format!("key:{nth:012}")).collect();
    let shared = (Rc::clone(&server), Rc::clone(&keys));
    let mut pipeline = cluster.pipeline();
    let ours = move || {
        let _server = &server;
        keys.iter().for_each(|key| ours(&mut pipeline, key));
        pipeline.run().expect("every command succeeds").len()
    };
    let theirs = move || {
        let (_server, keys) = &shared;
        let mut pipeline = redis::pipe();
        keys.iter().for_each(|key| theirs(&mut pipeline, key));
        pipeline.query::<Vec<redis::Value>>(&mut connection).expect("every command succeeds").len()
    };
    Case { name, work: Work::Values(COMMANDS), peers: vec![peer("rediscluster", ours), peer("redis-rs", theirs)] }
}
