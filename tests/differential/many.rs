//! Commands with very many keys give the same replies and the same data on several nodes as on one: every row that takes
//! any number of keys, with keys all over the nodes and with all of them on one, by itself and in a pipeline.
//!
//! `MANY_KEYS` says how many.

use crate::compare::sorted;
use crate::from_environment;
use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, Across, Group, KeySpec, Row};
use rediscluster::{Cmd, Error, Outcome, Value};
use rediscluster_testing::{cluster_of, Server};
use std::time::{Duration, Instant};

/// How many keys when the environment says nothing.
const KEYS: u64 = 100_000;

/// Where the keys live.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Everywhere,
    OneTag,
}

impl Form {
    fn key(self, nth: u64) -> String {
        match self {
            Form::Everywhere => format!("k{nth}"),
            Form::OneTag => format!("k{nth}{{tag}}"),
        }
    }
}

fn with_keys(spec: &'static Row, form: Form, count: u64) -> Option<Cmd> {
    let cmd: Cmd = Cmd::new(spec);
    let keys = |cmd: Cmd, count: u64, step: usize| {
        (0..count).fold(cmd, |cmd, nth| (1..step).fold(cmd.arg(form.key(nth)), |cmd, _| cmd.arg(nth)))
    };
    let head = |cmd: Cmd, to: usize| {
        let destination = Form::key(form, count + 1);
        (cmd.args().len()..to).fold(cmd, |cmd, at| match spec.group {
            Group::Scripting => cmd.arg("return #KEYS"),
            Group::Bitmaps if at == 1 => cmd.arg("OR"),
            _ if spec.wait != spec::WaitArgument::None => cmd.arg("0.01"),
            _ => cmd.arg(destination.as_str()),
        })
    };
    match *spec.keys.last()? {
        KeySpec::Range(first, -1, step) => {
            let cmd = head(cmd, first);
            let stores = spec.across.name() != "split" && spec.access == Access::Write && step == 1;
            Some(keys(if stores { cmd.arg(form.key(count + 1)) } else { cmd }, count, step))
        }
        KeySpec::Range(first, -2, step) => Some(keys(head(cmd, first), count, step).arg("0.01")),
        KeySpec::Numkeys(at, step) => {
            let cmd = keys(head(cmd, at).arg(count), count, step);
            Some(match spec.name.trim_start_matches('B') {
                "LMPOP" => cmd.arg("LEFT"),
                "ZMPOP" => cmd.arg("MIN"),
                _ => cmd,
            })
        }
        KeySpec::HalfAfter(word, _) => {
            let group = ["GROUP", "group", "consumer"].into_iter().filter(|_| spec.name == "XREADGROUP");
            let cmd = keys(group.fold(cmd, Cmd::arg).arg(word), count, 1);
            Some((0..count).fold(cmd, |cmd, _| cmd.arg("0")))
        }
        _ => None,
    }
}

fn shown(reply: Result<Value, Error>) -> Result<Value, (String, Outcome)> {
    reply.map(sorted).map_err(|error| (error.message().to_owned(), error.outcome()))
}

/// What the command finds: a few keys of its type.
fn fill(cluster: &Cluster, spec: &Row, form: Form, count: u64) {
    cluster.execute(cmd("FLUSHALL")).unwrap();
    if spec.name == "MSETNX" {
        return;
    }
    for nth in [0, 1, count / 2, count - 1] {
        let key = form.key(nth);
        let fill: Cmd = match spec.group {
            Group::Lists => cmd("RPUSH").arg(key).arg("x").arg(nth),
            Group::Sets => cmd("SADD").arg(key).arg("x").arg(nth),
            Group::SortedSets => cmd("ZADD").arg(key).arg(1).arg("x").arg(nth).arg(nth),
            Group::Streams => cmd("XADD").arg(key).arg("1-1").arg("field").arg(nth),
            Group::HyperLogLog => cmd("PFADD").arg(key).arg("x").arg(nth),
            _ => cmd("SET").arg(key).arg(nth),
        };
        cluster.execute(fill).unwrap();
    }
    if spec.name == "XREADGROUP" {
        let mut pipeline = cluster.pipeline();
        for nth in 0..count {
            pipeline.execute(cmd("XGROUP CREATE").arg(form.key(nth)).arg("group").arg(0).arg("MKSTREAM"));
        }
        pipeline.run().unwrap();
    }
}

#[test]
fn with_very_many_keys_several_nodes_do_what_one_does() {
    let count = from_environment("MANY_KEYS").unwrap_or(KEYS);
    let (alone, servers) = ([Server::start()], [Server::start(), Server::start(), Server::start()]);
    // A server that is at work on so many keys does not greet.
    let patient = Duration::from_secs(120);
    let connect =
        |servers: &[Server]| cluster_of(servers).deadline(patient).connect_timeout(patient).connect().unwrap();
    let clusters = [connect(&alone), connect(&servers)];
    let mut rows = 0;
    for &spec in spec::ALL {
        let is_known = spec.access != Access::Connection && !spec.since.starts_with("valkey") && spec.since < "7.1";
        let is_known = is_known && !spec.name.starts_with("EVALSHA") && !spec.name.starts_with("FCALL");
        // By itself with all of them; a tenth shows as well that the other ways do not grow faster than their keys.
        for (form, in_a_pipeline, part) in
            [(Form::Everywhere, false, 1), (Form::Everywhere, true, 10), (Form::OneTag, false, 10)]
        {
            let refused = spec.across == Across::REFUSE && form == Form::Everywhere;
            // Nodes are asked in the order of the keys, so it takes as long as there are changes between nodes.
            let takes_turns = spec.across.name() == "first_that_has" && form == Form::Everywhere;
            // To make a group for each of them takes longer than all else, and servers compare each key that they are to
            // watch with all that they watch already.
            let count = if matches!(spec.name, "XREADGROUP" | "MSETNX") { count / 10 } else { count / part };
            let Some(command) = with_keys(spec, form, count).filter(|_| is_known && !refused && !takes_turns) else {
                continue;
            };
            rows += 1;
            let began = Instant::now();
            let [one, several] = [0, 1].map(|nth| {
                let cluster = &clusters[nth];
                fill(cluster, spec, form, count);
                let reply = match in_a_pipeline {
                    false => cluster.execute(command.clone()),
                    true => {
                        let mut pipeline = cluster.pipeline();
                        let slot = pipeline.execute(command.clone());
                        pipeline.run_each().get(slot)
                    }
                };
                (shown(reply), cluster.execute(cmd("DBSIZE")).unwrap())
            });
            println!("{} {form:?}, in a pipeline: {in_a_pipeline}: {:?}", spec.name, began.elapsed());
            assert!(one == several, "{} {form:?}, in a pipeline: {in_a_pipeline}", spec.name);
            assert!(one.0.is_ok(), "{} {form:?}: {:?}", spec.name, one.0);
        }
    }
    assert!(rows > 45, "{rows}");
    clusters.iter().for_each(|cluster| drop(cluster.execute(cmd("FLUSHALL"))));
}
