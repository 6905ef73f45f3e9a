//! `explain`, `commands` and `help`.

mod program;

use program::rediscluster;
use rediscluster_testing::Server;

#[test]
fn explain_sends_nothing_of_the_command() {
    let servers = [Server::start(), Server::start()];
    let nodes = format!("node_1={},node_2={}", servers[0].address(), servers[1].address());
    let run = |words: &[&str]| rediscluster(&[&["--nodes", nodes.as_str()], words].concat());
    let ran = run(&["explain", "rename", "foo", "bar"]);
    assert_eq!(ran.status, 0, "{}", ran.err());
    let out = ran.out();
    assert!(out.starts_with("emulated, not atomic, 6 round trips\n1. node_2 master 127.0.0.1:"), "{out}");
    assert_eq!(out.lines().count(), 7, "{out}");
    let ran = run(&["--json", "explain", "get", "foo"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!((plan["native"].as_bool(), plan["round_trips"].as_u64()), (Some(true), Some(1)));
    assert_eq!(plan["steps"][0]["node"], "node_2");
    assert!(servers.iter().all(|server| server.calls("get") + server.calls("rename") + server.calls("dump") == 0));
    let ran = run(&["explain", "msetex", "2", "foo", "1", "bar", "2"]);
    assert!(ran.status == 1 && ran.err().contains("foo on node_2, bar on node_1"), "{}", ran.err());
    assert_eq!(run(&["explain"]).status, 1);
}

#[test]
fn the_table_needs_no_nodes() {
    let ran = rediscluster(&["commands"]);
    assert!(ran.status == 0 && ran.out().lines().count() > 300, "{}", ran.err());
    let ran = rediscluster(&["commands", "--tsv"]);
    let get = ran.out().lines().find(|line| line.starts_with("GET\t")).map(str::to_owned);
    assert_eq!(get.as_deref(), Some("GET\tstrings\t2\tread\targument 1\tone_shard\tas_is\tnever\t1.0.0"));
    let table: serde_json::Value = serde_json::from_str(&rediscluster(&["commands", "--json"]).out()).unwrap();
    let mget = table.as_array().unwrap().iter().find(|row| row["name"] == "MGET").unwrap();
    assert_eq!((mget["across_nodes"].as_str(), mget["keys"][0]["last"].as_i64()), (Some("split"), Some(-1)));
    assert_eq!(rediscluster(&["commands", "--yaml"]).status, 1);
}

#[test]
fn help_is_for_people() {
    let ran = rediscluster(&["help", "mget"]);
    assert!(ran.out().starts_with("MGET\n  topic         strings\n"), "{}", ran.out());
    assert!(rediscluster(&["help", "config"]).out().contains("CONFIG REWRITE"));
    let ran = rediscluster(&["help", "nosuch"]);
    assert_eq!((ran.status, ran.err().as_str()), (1, "rediscluster: the command table does not have NOSUCH\n"));
    assert!(rediscluster(&["help"]).out().contains("--help"));
}
