//! `nodes` and `node-for`.

mod program;

use program::{argument, rediscluster, rediscluster_with, Ran};
use rediscluster_testing::{dead_address, Server};
use serde_json::{json, Value};
use std::time::Instant;

/// The cells of a table: no cell holds two spaces.
fn cells(table: &str) -> Vec<Vec<String>> {
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    table.lines().map(cells).collect()
}

#[test]
fn where_keys_live() {
    let servers = [Server::start(), Server::start()];
    let nodes = format!("node_1={},node_2={}", servers[0].address(), servers[1].address());
    let node_for = |words: &[&str]| rediscluster(&[&["--nodes", nodes.as_str()], words].concat());
    let [one, two] = [servers[0].address(), servers[1].address()];
    let ran = node_for(&["node-for", "foo", "bar", "foobar", "bar{foo}", "a\nb"]);
    let wanted = format!(
        "foo\tnode_2\t{two}\nbar\tnode_1\t{one}\nfoobar\tnode_2\t{two}\nbar{{foo}}\tnode_2\t{two}\n\"a\\nb\"\tnode_2\t{two}\n"
    );
    assert_eq!((ran.out(), ran.status), (wanted, 0), "{}", ran.err());
    let ran = node_for(&["--json", "node-for", "foo", "b\"r"]);
    let json: Value = serde_json::from_slice(&ran.out).expect("JSON");
    assert_eq!(json[0], json!({"key": "foo", "node": "node_2", "address": two}));
    assert_eq!(json[1]["key"], "b\"r");
    let line = ["--nodes".into(), nodes.clone().into(), "node-for".into(), argument(b"\xff")];
    assert!(rediscluster(&line).out.starts_with(b"\xff\tnode_"), "any bytes are a key");
}

#[test]
fn masters_and_replicas() {
    let masters = [Server::start(), Server::start()];
    let replica = Server::replica_of(&masters[1], &[]);
    for number in 0..3 {
        masters[1].ask(&["SET", &number.to_string(), "x"]);
    }
    masters[1].wait_for_replica(&replica);
    let [one, two] = [masters[0].address(), masters[1].address()];
    let nodes = format!("node_2={two},node_1={one}");
    let ran = rediscluster(&["--nodes", &nodes, "nodes"]);
    assert_eq!((ran.err().as_str(), ran.status), ("", 0));
    let rows = cells(&ran.out());
    let three = replica.address();
    assert_eq!(rows[0], ["NAME", "ADDRESS", "ROLE", "KEYS", "MEMORY", "REPLICAS", "STATE"]);
    let memory = |row: usize| rows[row][4].clone();
    assert_eq!(rows[1], ["node_1", &one, "master", "0", &memory(1), "-", "up"]);
    assert_eq!(rows[2], ["node_2", &two, "master", "3", &memory(2), &format!("{three} online"), "up"]);
    assert_eq!(rows[3], [&format!("node_2/{three}"), &three, "replica", "3", &memory(3), "-", "link up"]);
    assert_eq!(rows.len(), 4);
    assert!((1..4).all(|row| memory(row).ends_with(['K', 'M'])));

    let ran = rediscluster(&["--nodes", &nodes, "--json", "nodes"]);
    let json: Value = serde_json::from_slice(&ran.out).expect("JSON");
    assert_eq!(json[1]["name"], "node_2");
    assert_eq!(json[1]["keys"], 3);
    assert_eq!(json[1]["replicas"], json!([{"address": three, "state": "online"}]));
    assert!(json[1]["memory"].as_u64().expect("a number") > 100_000);
    assert_eq!(
        (&json[2]["role"], &json[2]["state"], &json[2]["remark"]),
        (&json!("replica"), &json!("link up"), &Value::Null)
    );
}

#[test]
fn servers_that_are_not_as_they_should_be() {
    let server = Server::start();
    let replica = Server::replica_of(&server, &[]);
    let dead = dead_address();
    let nodes = format!("a={},b={},c={dead},d={}", server.address(), server.address(), replica.address());
    let ran = rediscluster(&["--nodes", &nodes, "nodes"]);
    assert_eq!((ran.err().as_str(), ran.status), ("", 1), "a server that is down is told by the status as well");
    let rows = cells(&ran.out());
    let state = |name: &str| rows.iter().find(|row| row[0] == name).and_then(|row| row.last().cloned()).expect(name);
    assert_eq!(state("a"), "up");
    assert_eq!(state("b"), "up: the same server as a");
    assert!(state("c").starts_with("down: Connection refused"), "{rows:?}");
    assert!(state("d").starts_with("link up: "), "{rows:?}");
    let ran = rediscluster(&["--nodes", &nodes, "--json", "nodes"]);
    let json: Value = serde_json::from_slice(&ran.out).expect("JSON");
    let down = json.as_array().expect("an array").iter().find(|row| row["name"] == "c").expect("a row");
    assert_eq!((&down["state"], &down["keys"], &down["memory"]), (&json!("down"), &Value::Null, &Value::Null));
    assert!(down["remark"].as_str().expect("a reason").contains("refused"));
}

#[test]
fn replicas_behind_passwords() {
    let master = Server::start_with(&["--requirepass", "s3cret"]);
    let replica = Server::replica_of(&master, &["--requirepass", "s3cret"]);
    for (node, environment) in [
        (format!("a={}", master.address()), vec![("REDISCLI_AUTH", "s3cret")]),
        (format!("a=redis://:s3cret@{}", master.address()), vec![]),
    ] {
        let ran = program::rediscluster_with(&["--node", &node, "nodes"], &environment, b"");
        let rows = cells(&ran.out());
        assert_eq!(rows[2][1..3], [replica.address(), "replica".to_owned()], "{}", ran.out());
        assert_eq!(rows[2].last().map(String::as_str), Some("link up"));
        assert!(!ran.out().contains("s3cret") && !ran.err().contains("s3cret"));
    }
}

#[test]
fn a_dead_node_fails_its_own_keys_only() {
    let server = Server::start();
    let nodes = format!("node_1={},node_2={}", server.address(), rediscluster_testing::dead_address());
    let run = |words: &[&str]| rediscluster(&[&["--nodes", nodes.as_str()], words].concat());
    assert_eq!(run(&["set", "bar", "x"]).out(), "OK\n");
    let ran = run(&["set", "foo", "x"]);
    assert!(ran.status == 1 && ran.err().contains("node_2"), "{}", ran.err());
    assert!(run(&["node-for", "foo"]).out().starts_with("foo\tnode_2\t"));
    let gap = rediscluster(&["--nodes", "node_1=h:1,node_3=h:3", "nodes"]);
    assert!(gap.err().contains("node_2 is missing"), "{}", gap.err());
}

/// Whether it took no longer than so many seconds. Starting a program takes its time on a busy machine.
#[track_caller]
fn within(seconds: f64, run: impl FnOnce() -> Ran) -> Ran {
    let began = Instant::now();
    let ran = run();
    assert!(began.elapsed().as_secs_f64() < seconds, "{:?}: {} {}", began.elapsed(), ran.out(), ran.err());
    ran
}

#[test]
fn a_frozen_node_costs_only_those_who_need_it_and_one_deadline() {
    let servers = [Server::start(), Server::start()];
    let nodes = format!("node_1={},node_2={}", servers[0].address(), servers[1].address());
    let run = |words: &[&str]| rediscluster(&[&["--nodes", nodes.as_str(), "--deadline", "6"], words].concat());
    servers[0].ask(&["SET", "bar", "x"]);
    servers[1].freeze();
    assert_eq!(within(2.5, || run(&["get", "bar"])).out(), "x\n");
    assert!(within(2.5, || run(&["explain", "get", "bar"])).out().contains("node_1"));
    // One that is needed: its deadline, once. Also in a script that meets both.
    let ran = within(9.0, || run(&["get", "foo"]));
    assert!(ran.status == 1 && ran.err().contains("node_2"), "{}", ran.err());
    let script = b"get bar\nget foo\nget bar\n";
    let ran = within(9.0, || rediscluster_with(&["--nodes", nodes.as_str(), "--deadline", "6"], &[], script));
    assert_eq!(ran.out().matches("x\n").count(), 2, "{} {}", ran.out(), ran.err());
    // Nothing is done about stashes as long as it is not known what all nodes have.
    assert!(run(&["recover"]).err().contains("node_2"));
}

#[test]
fn a_frozen_replica_costs_a_read_a_second() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    master.ask(&["SET", "k", "x"]);
    master.wait_for_replica(&replica);
    let node = format!("node_1={}", master.address());
    replica.freeze();
    assert_eq!(within(4.0, || rediscluster(&["--node", &node, "get", "k"])).out(), "x\n");
    // Writes need no replica. One of several is not held up by a busy machine.
    let write = |_| {
        let began = Instant::now();
        assert_eq!(rediscluster(&["--node", &node, "set", "k", "y"]).out(), "OK\n");
        began.elapsed()
    };
    assert!((0..5).map(write).min().unwrap().as_secs_f64() < 0.9);
}
