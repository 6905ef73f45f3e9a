//! What `Cluster::plan` tells is what happens: the same commands reach the same servers.

use rediscluster::prelude::*;
use rediscluster::{Cancel, Cmd, ErrorKind, Plan, ReadFrom, Role};
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

/// Reads of two nodes by views that send them to different servers: as told, one server gets it and no other.
#[test]
fn the_server_of_a_read_is_told() {
    let masters = [Server::start(), Server::start()];
    let replicas: Vec<Server> = masters.iter().map(|master| Server::replica_of(master, &[])).collect();
    let cluster = cluster_of(&masters).refresh_every(None).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();
    cluster.xadd("foo:stream{foo}", [("f", "v")]).unwrap();
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    let servers: Vec<&Server> = masters.iter().chain(&replicas).collect();
    let check = |view: &Cluster, line: &str, wanted: &[(&str, Role)], what: &str| {
        let plan = view.plan(&command(line)).unwrap();
        let told: Vec<(&str, Role)> = plan.steps().iter().map(|step| (step.node().name(), step.role())).collect();
        let role_only = |(name, role): &(&str, Role)| (name.split('/').next().unwrap().to_owned(), *role);
        let told: Vec<_> = told.iter().map(role_only).collect();
        assert_eq!(told, wanted.iter().map(role_only).collect::<Vec<_>>(), "{what}: {line}");
        let name = line.split(' ').next().unwrap();
        let before: Vec<u64> = servers.iter().map(|server| server.calls(name)).collect();
        view.execute(command(line)).unwrap();
        for (server, before) in servers.iter().zip(before) {
            let steps = plan.steps().iter().filter(|step| step.node().address().to_string() == server.address());
            assert_eq!(server.calls(name) - before, steps.count() as u64, "{what}: {line} at {}", server.address());
        }
    };
    let (master, replica) = (Role::Master, Role::Replica);
    check(&cluster, "MGET foo bar", &[("node_2", replica), ("node_1", replica)], "the cluster");
    for (from, role) in [(ReadFrom::Replica, replica), (ReadFrom::Master, master), (ReadFrom::PreferMaster, master)] {
        check(&cluster.read_from(from), "GET foo", &[("node_2", role)], &format!("{from:?}"));
    }
    // Which one that is, is measured.
    let plan = cluster.read_from(ReadFrom::Nearest).plan(&command("GET foo")).unwrap();
    check(&cluster.read_from(ReadFrom::Nearest), "GET foo", &[("node_2", plan.steps()[0].role())], "Nearest");
    let view = cluster.read_your_writes();
    check(&view, "GET foo", &[("node_2", replica)], "nothing is written");
    view.set("foo", 2).unwrap();
    check(&view, "GET foo", &[("node_2", master)], "foo is written");
    check(&view, "MGET foo bar", &[("node_2", master), ("node_1", replica)], "foo is written");
    check(&view, "DBSIZE", &[("node_1", replica), ("node_2", master)], "foo is written");
    check(&view.clone().masters_only(), "GET bar", &[("node_1", master)], "masters only");
    check(&cluster, "GET foo", &[("node_2", replica)], "another handle");
    // A wait that can be cancelled is made at the master; what does not wait is not concerned.
    let view = cluster.cancelled_by(&Cancel::new());
    check(&view, "GET foo", &[("node_2", replica)], "a view that can be cancelled");
    let wait = "XREAD BLOCK 5000 STREAMS foo:stream{foo} 0-0";
    check(&view, wait, &[("node_2", master)], "a view that can be cancelled");
    check(&cluster, wait, &[("node_2", replica)], "one that cannot");
    // A replica that has failed rests, and so does its place in the plan.
    let mut replicas = replicas;
    replicas[1].kill();
    cluster.get::<_, i64>("foo").unwrap();
    let plan = cluster.plan(&command("GET foo")).unwrap();
    assert_eq!((plan.steps()[0].node().name(), plan.steps()[0].role()), ("node_2", master));
}

#[test]
fn rounds_and_atomicity() {
    let cluster = Cluster::builder().nodes("node_1=h:1,node_2=h:2").build().unwrap();
    for (line, native, rounds) in [
        ("GET foo", true, 1),
        ("MGET foo bar", false, 1),
        ("MGET foo a{foo}", true, 1),
        ("SINTERSTORE foo bar", false, 3),
        ("MSETNX foo 1 bar 2", false, 4),
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
        ("BLPOP foo bar 1", false, 4),
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
            "3 node_2 HELLO 3, CLIENT TRACKING ON, TYPE foo, TYPE a",
            "3 node_1 HELLO 3, CLIENT TRACKING ON, TYPE bar",
            "4 node_2 XREAD COUNT 1 STREAMS foo a $ $",
            "4 node_1 XREAD COUNT 1 STREAMS bar 0",
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
