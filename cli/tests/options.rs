//! Options, configuration files, the environment, and what is said when something is wrong.

mod program;

use program::{answered, failed, pair, rediscluster, rediscluster_with, with};
use rediscluster_testing::{dead_address, Reply, ScriptedPeer, Server};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A file that is gone at the end of the test.
struct File(PathBuf);

impl File {
    fn new(server: &Server, name: &str, text: &str) -> File {
        let path = server.dir().join(name);
        std::fs::write(&path, text).expect("a file in the server's directory");
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

#[test]
fn a_session_on_two_nodes() {
    let (servers, nodes) = pair();
    let run = |words: &[&str]| rediscluster(&with(&nodes, words));
    answered(&run(&["set", "foo", "bar"]), "OK\n");
    answered(&run(&["get", "foo"]), "bar\n");
    assert_eq!(servers[1].ask(&["GET", "foo"]), Reply::bulk("bar"));
    answered(&run(&["set", "bar{foo}", "tagged"]), "OK\n");
    assert_eq!(servers[1].ask(&["GET", "bar"]), Reply::bulk("tagged"));
    answered(&run(&["--no-raw", "mset", "a", "1", "b", "2", "c", "3"]), "OK\n");
    answered(&run(&["--no-raw", "mget", "c", "nosuch", "a"]), "1) \"3\"\n2) (nil)\n3) \"1\"\n");
    answered(&run(&["--json", "mget", "c", "nosuch", "a"]), "[\"3\",null,\"1\"]\n");
    answered(&run(&["dbsize"]), "5\n");
    answered(&run(&["del", "a", "b", "c", "nosuch"]), "3\n");
    answered(&run(&["--masters-only", "get", "foo"]), "bar\n");
    answered(&run(&["-n", "3", "get", "foo"]), "\n");
}

#[test]
fn replies_of_several_servers() {
    let (servers, nodes) = pair();
    let run = |words: &[&str]| rediscluster(&with(&nodes, words));
    answered(&run(&["ping"]), "node_1 PONG\nnode_2 PONG\n");
    answered(&run(&["--no-raw", "ping"]), "1# \"node_1\" => PONG\n2# \"node_2\" => PONG\n");
    answered(&run(&["--json", "ping"]), "{\"node_1\":\"PONG\",\"node_2\":\"PONG\"}\n");
    let heads = [0, 1].map(|at| format!("# node_{} {}\n", at + 1, servers[at].address()));
    answered(&run(&["config", "get", "maxmemory"]), &format!("{0}maxmemory\n0\n{1}maxmemory\n0\n", heads[0], heads[1]));
    answered(
        &run(&["--no-raw", "config", "get", "maxmemory"]),
        "1# \"node_1\" => \n   1) \"maxmemory\"\n   2) \"0\"\n2# \"node_2\" => \n   1) \"maxmemory\"\n   2) \"0\"\n",
    );
    for mode in ["--raw", "--no-raw"] {
        let ran = run(&[mode, "info", "replication"]);
        let text = ran.out();
        assert!(text.starts_with(&format!("{}# Replication\r\nrole:master\r\n", heads[0])), "{text}");
        assert!(text.contains(&format!("\n{}# Replication\r\n", heads[1])), "{text}");
    }
    let ran = run(&["--json", "info", "replication"]);
    let json: serde_json::Value = serde_json::from_slice(&ran.out).expect("JSON");
    assert!(json["node_2"].as_str().expect("a text").starts_with("# Replication\r\nrole:master\r\n"));
    // All of them refuse with the same words: so would one.
    let ran = run(&["config", "set", "maxmemory", "x"]);
    assert!(ran.out().starts_with("ERR ") && ran.out().lines().count() == 2 && ran.status == 0, "{ran:?}");
}

#[test]
fn nodes_from_everywhere() {
    let (servers, _) = pair();
    let [one, two] = [servers[0].address(), servers[1].address()];
    let list = format!("node_1={one},node_2={two}");
    let environment = [("REDISCLUSTER_NODES", list.as_str())];
    answered(&rediscluster_with(&["ping"], &environment, b""), "node_1 PONG\nnode_2 PONG\n");
    let toml = File::new(&servers[0], "nodes.toml", &format!("[nodes]\nnode_2 = '{two}'\nnode_1 = 'redis://{one}'\n"));
    answered(&rediscluster(&["--config", toml.path(), "ping"]), "node_1 PONG\nnode_2 PONG\n");
    let json =
        File::new(&servers[0], "nodes.json", &format!(r#"{{"nodes": ["zeta={two}", "alpha={one}"], "database": 2}}"#));
    answered(&rediscluster(&["--config", json.path(), "ping"]), "zeta PONG\nalpha PONG\n");
    answered(&rediscluster(&["--config", json.path(), "set", "in2", "x"]), "OK\n");
    assert!([0, 1].iter().any(|&at| servers[at].ask_in(2, &["GET", "in2"]) == Reply::bulk("x")));
    // Options come first, then the file, then the environment.
    let node = format!("only={one}");
    answered(&rediscluster_with(&["--config", json.path(), "ping"], &environment, b""), "zeta PONG\nalpha PONG\n");
    answered(&rediscluster_with(&["--config", json.path(), "--node", &node, "ping"], &environment, b""), "PONG\n");
    answered(&rediscluster(&["--config", json.path(), "-n", "0", "get", "in2"]), "\n");
}

#[test]
fn given_replicas() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let text = format!("[nodes]\na = '{}'\nb = '{}'\n[master_of]\na = 'b'\n", master.address(), replica.address());
    let file = File::new(&master, "master_of.toml", &text);
    answered(&rediscluster(&["--config", file.path(), "set", "k", "v"]), "OK\n");
    master.wait_for_replica(&replica);
    answered(&rediscluster(&["--config", file.path(), "get", "k"]), "v\n");
    assert_eq!((master.calls("get"), replica.calls("get")), (0, 1));
    answered(&rediscluster(&["--config", file.path(), "--masters-only", "get", "k"]), "v\n");
    assert_eq!((master.calls("get"), replica.calls("get")), (1, 1));
}

#[test]
fn passwords() {
    let server = Server::start_with(&["--requirepass", "s3cret"]);
    let node = format!("a={}", server.address());
    let url = format!("a=redis://:s3cret@{}", server.address());
    let wrong = format!("a=redis://:wr0ng@{}", server.address());
    let node = ["--node", node.as_str()];
    let run = |words: &[&str], environment: &[(&str, &str)]| {
        rediscluster_with(&[&node[..], words].concat(), environment, b"")
    };
    answered(&run(&["ping"], &[("REDISCLI_AUTH", "s3cret")]), "PONG\n");
    answered(&run(&["--no-auth-warning", "-a", "s3cret", "ping"], &[("REDISCLI_AUTH", "wr0ng")]), "PONG\n");
    answered(&run(&["--no-auth-warning", "--user", "default", "--pass", "s3cret", "-3", "ping"], &[]), "PONG\n");
    answered(&rediscluster(&["--node", &url, "ping"]), "PONG\n");
    let ran = run(&["-a", "s3cret", "ping"], &[]);
    assert_eq!((ran.out().as_str(), ran.status), ("PONG\n", 0));
    assert!(ran.err().starts_with("Warning: ") && !ran.err().contains("s3cret"), "{}", ran.err());

    for ran in [
        run(&["ping"], &[]),
        run(&["ping"], &[("REDISCLI_AUTH", "wr0ng")]),
        run(&["--no-auth-warning", "--pass", "wr0ng", "ping"], &[]),
        run(&["--no-auth-warning", "--user", "nobody", "--pass", "wr0ng", "-3", "ping"], &[]),
        rediscluster(&["--node", &wrong, "ping"]),
        rediscluster(&["--direct", wrong.trim_start_matches("a="), "ping"]),
    ] {
        let message = failed(&ran);
        assert!(message.contains("NOAUTH") || message.contains("WRONGPASS"), "{message}");
        assert!(!message.contains("wr0ng"), "{message}");
    }
    let ran = rediscluster_with(&[&node[..], &["nodes"]].concat(), &[("REDISCLI_AUTH", "wr0ng")], b"");
    assert!(ran.out().contains("down: WRONGPASS") && !ran.out().contains("wr0ng"), "{}", ran.out());
}

#[test]
fn passwords_in_what_cannot_be_understood() {
    let server = Server::start();
    let toml = File::new(&server, "bad.toml", "password = s3cret\n");
    let number = File::new(&server, "number.toml", "password = 123456\n");
    let node = File::new(&server, "node.json", r#"{"nodes": {"a": "redis://:s3cret@h:x"}}"#);
    for line in [
        &["--node", "redis://:s3cret@h:1", "ping"][..],
        &["--node", "a=redis://:s3cret@h:99999", "ping"],
        &["--node", "a=redis://:s3cret@h/x", "ping"],
        &["--node", "a=rediss://:s3cret@h", "ping"],
        &["--node", "a=:s3cret@h:1", "ping"],
        &["--nodes", "a=h:1,redis://:s3cret@h:1", "ping"],
        &["--direct", "redis://:s3cret@h:x", "ping"],
        &["--direct", "s3cret@h", "ping"],
        &["--config", toml.path(), "ping"],
        &["--config", number.path(), "ping"],
        &["--config", node.path(), "ping"],
        &["-a", "s3cret", "--bogus", "ping"],
        &["-as3cret", "-n", "x", "ping"],
        &["--password=s3cret", "ping"],
    ] {
        let ran = rediscluster(line);
        assert_eq!((ran.out().as_str(), ran.status), ("", 1), "{line:?}");
        assert!(
            !ran.err().is_empty() && !ran.err().contains("s3cret") && !ran.err().contains("123456"),
            "{}",
            ran.err()
        );
    }
}

#[test]
fn what_is_wrong_is_said() {
    let (servers, nodes) = pair();
    let dead = dead_address();
    let missing = "no nodes are given: use --node NAME=HOST:PORT, --config FILE or REDISCLUSTER_NODES";
    assert_eq!(failed(&rediscluster(&["ping"])), missing);
    assert_eq!(failed(&rediscluster::<&str>(&[])), missing);
    let message = failed(&rediscluster(&["--node", &format!("a={dead}"), "ping"]));
    assert!(message.contains(&format!("a ({dead}): Connection refused")), "{message}");
    let ran = rediscluster(&with(&nodes, &["nosuch", "arg"]));
    let wanted = ("ERR unknown command 'nosuch', with args beginning with: 'arg' \n\n".to_owned(), 0);
    assert_eq!((ran.out(), ran.status), wanted, "as one server");
    assert!(ran.err().starts_with("rediscluster: NOSUCH: ") && ran.err().contains("--direct"), "{}", ran.err());
    let message = failed(&rediscluster(&with(&nodes, &["multi"])));
    assert!(message.starts_with("MULTI needs a connection of its own") && message.contains("--direct"), "{message}");
    assert!(failed(&rediscluster(&with(&nodes, &["select", "3"]))).contains("-n"));
    assert!(failed(&rediscluster(&with(&nodes, &["auth", "s3cret"]))).contains("-a"));
    let message = failed(&rediscluster(&["--node", "node_1=h:1", "--node", "node_3=h:3", "ping"]));
    assert_eq!(message, "configuration: node_2 is missing: the numbers run from node_1 to node_2 without gaps");
    let message = failed(&rediscluster(&["--config", "/nonexistent/cluster.toml", "ping"]));
    assert!(message.starts_with("/nonexistent/cluster.toml: "), "{message}");
    for stream in ["monitor", "unsubscribe", "SYNC"] {
        let message = failed(&rediscluster(&["--direct", &servers[0].address(), stream, "x"]));
        assert!(message.contains("a stream of messages"), "{message}");
    }
    assert!(failed(&rediscluster(&["--direct", &servers[0].address(), "hello", "3"])).contains("-3"));
    assert!(failed(&rediscluster(&["--direct", &servers[0].address(), "nodes"])).contains("--direct"));
    assert!(failed(&rediscluster(&with(&nodes, &["node-for"]))).contains("which keys"));
    let garbage = ScriptedPeer::answering(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let message = failed(&rediscluster(&["--direct", &garbage.address(), "ping"]));
    assert!(message.contains("unknown type byte"), "{message}");
}

#[test]
fn a_command_that_parts_of_the_nodes_refuse() {
    let (servers, nodes) = pair();
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let ran = rediscluster(&with(&nodes, &["mset", "a", "1", "b", "2", "c", "3", "d", "4", "foo", "5", "bar", "6"]));
    let message = ran.out();
    assert!(message.starts_with("OOM MSET ") && message.ends_with("\n\n") && message.lines().count() == 2, "{message}");
    assert!(message.contains("node_1: applied") && message.contains("node_2: not applied"), "{message}");
    assert_eq!((ran.err().as_str(), ran.status), ("", 0), "as one server that refuses");
    let line = ["-e", "mset", "a", "1", "b", "2", "c", "3", "d", "4", "foo", "5", "bar", "6"];
    let ran = rediscluster(&with(&nodes, &line));
    assert!(ran.err().starts_with("OOM MSET ") && ran.status == 1 && ran.out().is_empty(), "{ran:?}");
    // One key, one node: the same words as redis-cli's.
    let ran = rediscluster(&with(&nodes, &["set", "foo", "bar"]));
    assert!(ran.out().starts_with("OOM ") && ran.status == 0, "{ran:?}");
}

#[test]
fn arguments_from_standard_input() {
    let (servers, nodes) = pair();
    let ran = rediscluster_with(&with(&nodes, &["-x", "set", "foo"]), &[], b"a\0\n\xff");
    answered(&ran, "OK\n");
    assert_eq!(servers[1].ask(&["GET", "foo"]), Reply::bulk(b"a\0\n\xff"));
    let big = vec![b'x'; 5 << 20];
    answered(&rediscluster_with(&with(&nodes, &["-x", "set", "foo"]), &[], &big), "OK\n");
    answered(&rediscluster(&with(&nodes, &["strlen", "foo"])), "5242880\n");
    assert_eq!(rediscluster(&with(&nodes, &["get", "foo"])).out.len(), big.len() + 1);
}

#[test]
fn repeating() {
    let (servers, nodes) = pair();
    answered(&rediscluster(&with(&nodes, &["-r", "3", "incr", "n"])), "1\n2\n3\n");
    let begun = Instant::now();
    answered(&rediscluster(&with(&nodes, &["-r", "3", "-i", "0.2", "incr", "n"])), "4\n5\n6\n");
    assert!(begun.elapsed() >= Duration::from_millis(400));
    servers[0].ask(&["SET", "bar", "x"]);
    let ran = rediscluster(&with(&nodes, &["-e", "-r", "-1", "incr", "bar"]));
    assert_eq!((ran.out().as_str(), ran.status), ("", 1), "for ever, but an error ends it");
    answered(&rediscluster(&with(&nodes, &["-r", "0", "incr", "n"])), "");
}

#[test]
fn a_deadline() {
    let peer = ScriptedPeer::new(|stream| {
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut &stream, &mut rest);
    });
    let begun = Instant::now();
    let message = failed(&rediscluster(&["--direct", &peer.address(), "--deadline", "0.3", "get", "a"]));
    assert!(message.contains("deadline passed"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn help_and_version() {
    let ran = rediscluster(&["--help"]);
    let help = ran.out();
    for word in ["--node <NAME=HOST:PORT>", "node-for KEY...", "REDISCLI_AUTH", "REDISCLUSTER_NODES", "--direct", "-3"]
    {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    assert_eq!((rediscluster(&["-h"]).status, ran.status), (0, 0));
    answered(&rediscluster(&["--version"]), concat!("rediscluster ", env!("CARGO_PKG_VERSION"), "\n"));
    answered(&rediscluster(&["-v"]), concat!("rediscluster ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn one_server_by_host_and_port() {
    let (servers, nodes) = pair();
    let [address, port] = [servers[0].address(), servers[0].port().to_string()];
    answered(&rediscluster(&["-h", "127.0.0.1", "-p", &port, "set", "foo", "here"]), "OK\n");
    assert_eq!(servers[0].ask(&["GET", "foo"]), Reply::bulk("here"), "without routing it would be on the other one");
    answered(&rediscluster(&["-p", &port, "get", "foo"]), "here\n");
    answered(&rediscluster(&["-h", "localhost", "-p", &port, "get", "foo"]), "here\n");
    let elsewhere = [("REDISCLUSTER_NODES", "a=h:1")];
    answered(&rediscluster_with(&["-p", &port, "-n", "1", "get", "foo"], &elsewhere, b""), "\n");
    answered(&rediscluster_with(&["-p", &port], &[], b"multi\nget foo\nexec\n"), "OK\nQUEUED\nhere\n");
    let dead = dead_address();
    let port_of_dead = dead.rsplit(':').next().expect("a port");
    for line in [&["-h", "127.0.0.1", "-p", port_of_dead, "ping"][..], &["-p", port_of_dead, "-h", "127.0.0.1", "ping"]]
    {
        let message = failed(&rediscluster(line));
        assert!(message.contains(&format!("{dead}: Connection refused")), "{message}");
    }
    assert!(failed(&rediscluster(&["-h", "::1", "-p", port_of_dead, "ping"]))
        .starts_with(&format!("[::1]:{port_of_dead}: ")));
    assert!(failed(&rediscluster(&["-h", "nosuch.invalid", "ping"])).starts_with("nosuch.invalid:6379: "));
    assert!(failed(&rediscluster(&["-p", &port, "--direct", &address, "ping"])).contains("give one of them"));
    for own in [&["nodes"][..], &["node-for", "a"], &["explain", "get", "a"], &["recover"]] {
        let message = failed(&rediscluster(&[&["-p", port.as_str()], own].concat()));
        assert!(message.starts_with(&format!("{} is about all nodes, and ", own[0])), "{message}");
        let ran = rediscluster(&[&with(&nodes, &[]), own].concat());
        assert_eq!(ran.status, 0, "{}", ran.err());
    }
    for wrong in [&["-p", "0", "ping"][..], &["-p", "70000", "ping"], &["-p", "x", "ping"], &["-p"]] {
        assert_eq!(rediscluster(wrong).status, 1, "{wrong:?}");
    }
    for help in [&["-h"][..], &["-h", "-p", "7000"], &["-p", "7000", "-h"]] {
        assert!(rediscluster(help).out().contains("Usage: rediscluster"), "{help:?}");
    }
}

#[test]
fn what_the_environment_says_is_used_or_refused() {
    let server = Server::start_with(&["--requirepass", "s3cret"]);
    let address = server.address();
    let direct = ["--direct", address.as_str(), "ping"];
    answered(&rediscluster_with(&direct, &[("VALKEYCLI_AUTH", "s3cret")], b""), "PONG\n");
    let both = [("REDISCLI_AUTH", "s3cret"), ("VALKEYCLI_AUTH", "wr0ng")];
    answered(&rediscluster_with(&direct, &both, b""), "PONG\n");
    // Neither can be in the arguments of a Rust test, so a shell makes them.
    for (variable, rest) in [
        ("REDISCLI_AUTH", format!("--direct {address} ping")),
        ("VALKEYCLI_AUTH", format!("--direct {address} ping")),
        ("REDISCLUSTER_NODES", "ping".to_owned()),
    ] {
        let line = format!("{variable}=$'s3cret\\xff' exec {} {rest}", env!("CARGO_BIN_EXE_rediscluster"));
        let ran = program::run("bash".as_ref(), &["-c", &line], &[], b"");
        assert_eq!(failed(&ran), format!("the value of {variable} is not UTF-8"));
        // What is not needed is not looked at.
        let rest = format!("--no-auth-warning -a s3cret --direct {address} ping");
        let line = format!("{variable}=$'s3cret\\xff' exec {} {rest}", env!("CARGO_BIN_EXE_rediscluster"));
        answered(&program::run("bash".as_ref(), &["-c", &line], &[], b""), "PONG\n");
    }
}

#[test]
fn a_file_with_a_byte_order_mark() {
    let server = Server::start();
    for (name, text) in [
        ("bom.json", format!("\u{feff}{{\"nodes\": [\"a={}\"]}}", server.address())),
        ("bom.toml", format!("\u{feff}[nodes]\na = '{}'\n", server.address())),
    ] {
        let file = File::new(&server, name, &text);
        answered(&rediscluster(&["--config", file.path(), "ping"]), "PONG\n");
    }
}

#[test]
fn json_where_there_is_no_resp3() {
    let server = Server::start_with(&["--rename-command", "HELLO", ""]);
    let node = format!("a={}", server.address());
    server.ask(&["HSET", "hash", "field", "value"]);
    server.ask(&["ZADD", "zset", "inf", "a"]);
    for target in [["--direct", &server.address()], ["--node", &node]] {
        let ran = rediscluster(&[&target[..], &["--json", "hgetall", "hash"]].concat());
        assert_eq!((ran.out().as_str(), ran.status), ("[\"field\",\"value\"]\n", 0), "{}", ran.err());
        assert!(ran.err().contains("going on with RESP2"), "{}", ran.err());
        assert_eq!(ran.err().lines().count(), 1, "{}", ran.err());
        let ran = rediscluster_with(&[&target[..], &["--json"]].concat(), &[], b"get a\nzscore zset a\n");
        assert_eq!((ran.out().as_str(), ran.err().lines().count()), ("null\n\"inf\"\n", 1), "{}", ran.err());
        let message = failed(&rediscluster(&[&target[..], &["-3", "--json", "hgetall", "hash"]].concat()));
        assert!(message.contains("HELLO"), "{message}");
        answered(&rediscluster(&[&target[..], &["-2", "--json", "get", "a"]].concat()), "null\n");
    }
    let ran = rediscluster(&["--node", &node, "--json", "nodes"]);
    assert_eq!((ran.err().as_str(), ran.status), ("", 0), "what is asked for the table is the same in RESP2");
    assert!(ran.out().contains("\"state\":\"up\""), "{}", ran.out());
    answered(&rediscluster(&["--node", &node, "--json", "recover"]), "[]\n");
    let server = Server::start();
    server.ask(&["ZADD", "zset", "-inf", "a", "1.5", "b", "inf", "c"]);
    let ran = rediscluster(&["--direct", &server.address(), "--json", "zrange", "zset", "0", "-1", "withscores"]);
    let json: serde_json::Value = serde_json::from_slice(&ran.out).expect("JSON");
    assert_eq!(json, serde_json::json!([["a", "-inf"], ["b", 1.5], ["c", "inf"]]));
}

#[test]
fn a_reader_that_goes_away() {
    let server = Server::start();
    let script = format!(
        "{} --direct {} -r 100000 echo 0123456789 | head -n 1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_rediscluster"),
        server.address()
    );
    let ran = program::run("bash".as_ref(), &["-c", &script], &[], b"");
    assert_eq!((ran.out().as_str(), ran.err().as_str(), ran.status), ("0123456789\n", "", 141));
}
