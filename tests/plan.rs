//! What `Cluster::plan` tells is what happens: the same commands reach the same servers.

use rediscluster::prelude::*;
use rediscluster::{Cmd, ErrorKind, Plan};
use rediscluster_testing::{cluster_of, Server};
use std::collections::BTreeMap;

fn command(line: &str) -> Cmd {
    let mut words = line.split(' ');
    cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>())
}

/// How often each command ran on a server, as the server counts it.
fn counted(server: &Server) -> BTreeMap<String, usize> {
    let info = server.info("commandstats");
    let lines = info.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    let counts = lines.map(|(name, rest)| (name.to_uppercase(), rest.split(',').next().unwrap().parse().unwrap()));
    counts
        .filter(|(name, _): &(String, usize)| !["INFO", "CONFIG|RESETSTAT", "CONFIG"].contains(&name.as_str()))
        .collect()
}

/// How often each command runs on the server of that name, as the plan tells it.
fn told(plan: &Plan, name: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for step in plan.steps().iter().filter(|step| step.node().name() == name) {
        for does in step.does().split(", ") {
            if let Some(name) = does.split(' ').next().filter(|word| word.chars().all(|c| c.is_ascii_uppercase())) {
                *counts.entry(name.to_owned()).or_insert(0) += 1;
            }
        }
    }
    counts
}

#[test]
fn what_is_told_is_what_happens() {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    for (begin, line) in [
        ("SET foo 1", "GET foo"),
        ("SET foo 1", "MGET foo bar k1 k2"),
        ("SET foo 1", "MSET foo 1 bar 2 k1 3"),
        ("SADD foo 1 2", "SDIFF foo bar"),
        ("SADD foo 1 2", "SUNIONSTORE bar foo k1"),
        ("SET other 1", "MSETNX foo 1 bar 2 k1 3"),
        ("SET foo 1", "RENAME foo bar"),
        ("SET foo 1", "RENAMENX foo bar"),
        ("SADD foo 1 2", "SMOVE foo bar 1"),
        ("RPUSH foo 1 2", "RPOPLPUSH foo bar"),
        ("RPUSH foo 1 2", "LMOVE foo bar LEFT RIGHT"),
        ("RPUSH foo 1 2", "BRPOPLPUSH foo bar 1"),
        ("SET foo 1", "COPY foo bar REPLACE"),
        ("ZADD foo 1 a", "ZUNIONSTORE bar 2 foo bar"),
        ("SET foo 1", "COPY foo bar DB 1"),
        ("ZADD foo 1 a", "ZUNION 2 bar foo"),
        ("SADD foo 1 2", "SORT foo STORE bar"),
        ("SADD foo 1 2", "SORT foo BY nothing STORE bar"),
        ("SADD foo 1 2", "SORT foo BY nothing GET v_*{k1} GET h_*{k1}->f LIMIT 0 1 STORE bar"),
        ("SADD foo 0 1 2 3 4 5 6 7 8 9", "SORT foo BY w_* GET v_* GET w_*"),
        ("SADD foo 1 2", "SORT foo BY w_*{bar} GET v_*{foo} GET # STORE bar"),
        ("XADD foo 1-0 f v", "XREAD COUNT 2 STREAMS bar foo k1 0 0 0"),
        ("SET foo 1", "DBSIZE"),
        ("SET foo 1", "PING"),
    ] {
        cluster.execute(cmd("FLUSHALL")).unwrap();
        cluster.execute(command(begin)).unwrap();
        cluster.execute(cmd("CONFIG RESETSTAT")).unwrap();
        let plan = cluster.plan(&command(line)).unwrap();
        assert!(servers.iter().all(|server| counted(server).is_empty()), "planning sends nothing");
        cluster.execute(command(line)).unwrap();
        for (server, name) in servers.iter().zip(["node_1", "node_2", "node_3"]) {
            assert_eq!(counted(server), told(&plan, name), "{line} on {name}");
        }
    }
}

#[test]
fn rounds_and_atomicity() {
    let cluster = Cluster::builder().nodes("node_1=h:1,node_2=h:2").build().unwrap();
    for (line, native, rounds) in [
        ("GET foo", true, 1),
        ("MGET foo bar", false, 1),
        ("MGET foo a{foo}", true, 1),
        ("SINTERSTORE foo bar", false, 3),
        ("MSETNX foo 1 bar 2", false, 3),
        ("RENAME foo bar", false, 6),
        ("RENAMENX foo bar", false, 7),
        ("SMOVE foo bar x", false, 5),
        ("LMOVE foo bar LEFT LEFT", false, 5),
        ("BLMOVE foo bar LEFT LEFT 0", false, 5),
        ("COPY foo bar", false, 2),
        ("COPY foo bar DB 1", false, 2),
        ("SORT foo BY w_* GET v_* STORE bar", false, 5),
        ("SORT_RO foo BY w_* GET v_*", false, 3),
        ("SORT foo BY w_*{foo} GET h_*{foo}->f", true, 1),
        ("SORT foo BY nothing GET # GET nothing STORE a{foo}", true, 1),
        ("ZUNION 2 foo bar", false, 3),
        ("ZUNIONSTORE foo 2 foo bar", false, 5),
        ("LMPOP 2 foo bar LEFT", false, 2),
        ("BLPOP foo bar 1", false, 6),
        ("XREAD STREAMS foo bar 0 $", false, 1),
        ("XREADGROUP GROUP g c STREAMS foo bar > 0", false, 2),
        ("RANDOMKEY", false, 2),
        ("FLUSHALL", false, 1),
    ] {
        let plan = cluster.plan(&command(line)).unwrap();
        assert_eq!((plan.is_native(), plan.is_atomic(), plan.round_trips()), (native, native, rounds), "{line}");
        if !native {
            let row = rediscluster::spec::find(&[line.split(' ').next().unwrap().as_bytes()]).unwrap();
            assert_eq!(usize::from(row.round_trips()), rounds, "{line}: the table agrees");
        }
    }
    // What is not asked for takes no round.
    for (line, rounds) in [
        ("SORT foo BY w_*", 2),
        ("SORT foo GET w_*->f", 2),
        ("SORT foo BY w_* GET v_*", 3),
        ("SORT foo STORE bar", 3),
        ("SORT foo BY nothing STORE bar", 4),
        ("SORT foo BY w_* GET # STORE bar", 4),
        ("SORT foo BY w_* STORE bar LIMIT", 1),
    ] {
        let plan = cluster.plan(&command(line)).unwrap();
        assert_eq!((plan.is_native(), plan.round_trips()), (false, rounds), "{line}");
    }
    for (line, rounds) in [
        ("XREAD BLOCK 5 STREAMS foo bar 0 0", 3),
        ("XREAD BLOCK 5 STREAMS foo bar 0 $", 4),
        ("XREADGROUP GROUP g c BLOCK 5 STREAMS foo bar > >", 4),
        ("XREAD BLOCK x STREAMS foo bar 0 $", 1),
    ] {
        assert_eq!(cluster.plan(&command(line)).unwrap().round_trips(), rounds, "{line}");
    }
    for (line, kind) in [
        ("NOSUCH foo", ErrorKind::UnknownCommand),
        ("MSETEX 2 foo 1 bar 2", ErrorKind::CrossNode),
        ("MSET foo", ErrorKind::Argument),
        ("SELECT 1", ErrorKind::Refused),
        ("SHUTDOWN", ErrorKind::Refused),
    ] {
        assert_eq!(cluster.plan(&command(line)).unwrap_err().kind(), kind, "{line}");
    }
}

#[test]
fn a_wait_for_streams_step_by_step() {
    let cluster = Cluster::builder().nodes("node_1=h:1,node_2=h:2").build().unwrap();
    let steps = |line: &str| {
        let plan = cluster.plan(&command(line)).unwrap();
        let step = |step: &rediscluster::Step| format!("{} {} {}", step.round(), step.node().name(), step.does());
        plan.steps().iter().map(step).collect::<Vec<_>>()
    };
    assert_eq!(
        steps("XREAD COUNT 1 BLOCK 5 STREAMS foo bar a{foo} $ 0 $"),
        [
            "1 node_2 XINFO STREAM foo, XINFO STREAM a",
            "2 node_2 XREAD COUNT 1 STREAMS foo a $ $",
            "2 node_1 XREAD COUNT 1 STREAMS bar 0",
            "3 node_2 CLIENT ID",
            "3 node_1 CLIENT ID",
            "4 node_2 XREAD COUNT 1 BLOCK 5 STREAMS foo a $ $",
            "4 node_1 XREAD COUNT 1 BLOCK 5 STREAMS bar 0",
        ]
    );
    assert_eq!(
        steps("XREADGROUP GROUP g c NOACK STREAMS foo bar > 0"),
        [
            "1 node_2 XPENDING foo g",
            "1 node_1 XPENDING bar g",
            "2 node_2 XREADGROUP GROUP g c NOACK STREAMS foo >",
            "2 node_1 XREADGROUP GROUP g c NOACK STREAMS bar 0",
        ]
    );
}

#[test]
fn arguments_are_shown_safely() {
    let cluster = Cluster::builder().nodes("node_1=h:1").build().unwrap();
    let plan = cluster.plan(&cmd("SET").arg("a b").arg(vec![b'x'; 1000])).unwrap();
    let step = plan.steps()[0].to_string();
    assert_eq!(step, format!("1. node_1 master h:1: SET \"a b\" {}...", "x".repeat(64)));
    let plan = cluster.plan(&cmd("SET").arg("\x1b[2J").arg("")).unwrap();
    assert_eq!(plan.steps()[0].does(), "SET \\u{1b}[2J \"\"");
}
