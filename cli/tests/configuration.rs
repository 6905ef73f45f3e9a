//! Files of every form, as they are, and the forms that `nodes --as` prints. What each setting does to the library's builder is
//! tried beside the code that reads it.

mod program;

use program::{answered, failed, rediscluster, rediscluster_with};
use rediscluster_testing::{dead_address, free_port, wait_until, Reply, Sentinel, Server, Talk};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const VECTORS: &str = include_str!("../../tests/data/placement.tsv");

/// Files that are gone at the end of the test, with the directory of their server.
struct Files<'a>(&'a Server);

impl Files<'_> {
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.dir().join(name);
        std::fs::write(&path, text).expect("a file in the server's directory");
        path.to_str().expect("a path in UTF-8").to_owned()
    }
}

fn servers<const N: usize>() -> [Server; N] {
    std::array::from_fn(|_| Server::start())
}

/// Keys of the vectors that a command line can hold, with their node of so many, counted from 1. Those with hash tags only as
/// `tags` says.
fn vectors(nodes: usize, tags: bool) -> Vec<(String, usize)> {
    let rows = VECTORS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [key, count, node, stored] = fields[..] else { panic!("{line}") };
        let bytes = (0..key.len()).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).expect("hexadecimal"));
        let key_text = String::from_utf8(bytes.collect()).ok()?;
        let fits = !key_text.is_empty() && !key_text.contains(char::is_control) && (tags || key == stored);
        (fits && count.parse() == Ok(nodes)).then(|| (key_text, node.parse().expect("a number")))
    });
    rows.collect()
}

/// Which node each of these keys lives on, by its name.
fn nodes_for(options: &[&str], keys: &[&str]) -> Vec<String> {
    let ran = rediscluster(&[options, &["--json", "node-for"], keys].concat());
    assert_eq!(ran.status, 0, "{}", ran.err());
    let json: Vec<serde_json::Value> = serde_json::from_slice(&ran.out).expect("JSON");
    json.iter().map(|one| one["node"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn files_of_the_originals() {
    let servers: [Server; 2] = servers();
    let files = Files(&servers[0]);
    let [one, two] = [servers[0].port(), servers[1].port()];
    let python = format!(
        "#!/usr/bin/env python\n# -*- coding: UTF-8 -*-\n\ncluster = {{\n    # node names\n    'nodes': {{\n        # masters\n        \
         'node_1': {{'host': '127.0.0.1', 'port': {one}}},\n        'node_2': {{'host': '127.0.0.1', 'port': {two}}},\n    }}\n}}\n"
    );
    let php = format!(
        "<?php\n/**\n * config file\n */\nglobal $cluster;\n$cluster = array(\n    //node names\n    'nodes' => array(\n      //masters\n      \
         'node_1' => array('host' => '127.0.0.1', 'port' => {one}),\n      'node_2' => array('host' => '127.0.0.1', 'port' => {two}),\n    ),\n    \
         'default_node' => 'node_1'\n);\n"
    );
    let json = format!(
        r#"{{"nodes": {{"node_2": {{"host": "127.0.0.1", "port": {two}}}, "node_1": {{"host": "127.0.0.1", "port": {one}}}}},
            "default_node": "node_1"}}"#
    );
    for (name, text) in [("config.py", &python), ("config.php", &php), ("config.json", &json)] {
        let path = files.write(name, text);
        let options = ["--config", path.as_str()];
        for (key, value) in [("foo", name), ("bar", name)] {
            answered(&rediscluster(&[&options[..], &["set", key, value]].concat()), "OK\n");
        }
        // As `getnodefor` of the README of the original says.
        assert_eq!(servers[1].ask(&["GET", "foo"]), Reply::bulk(name));
        assert_eq!(servers[0].ask(&["GET", "bar"]), Reply::bulk(name));
        let keys = vectors(2, true);
        let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let wanted: Vec<String> = keys.iter().map(|(_, node)| format!("node_{node}")).collect();
        assert_eq!(nodes_for(&options, &names), wanted);
        assert!(keys.len() > 100, "{}", keys.len());
    }
}

#[test]
fn replicas_of_the_originals_serve_reads() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let files = Files(&master);
    let node = |server: &Server| format!("{{'host': '127.0.0.1', 'port': {}}}", server.port());
    let text = format!(
        "{{'nodes': {{'node_1': {}, 'node_6': {}}}, 'master_of': {{'node_1': 'node_6'}}, 'default_node': 'node_1'}}",
        node(&master),
        node(&replica)
    );
    let path = files.write("config.py", &text);
    answered(&rediscluster(&["--config", &path, "set", "k", "v"]), "OK\n");
    master.wait_for_replica(&replica);
    answered(&rediscluster(&["--config", &path, "get", "k"]), "v\n");
    assert_eq!((master.calls("get"), replica.calls("get")), (0, 1));
}

/// A pool whose file is not in the order of the names, which is the one that twemproxy counts in.
fn pool(servers: &[Server; 3], ports: [u16; 2]) -> String {
    let [one, two, three] = [0, 1, 2].map(|at| servers[at].port());
    format!(
        "alpha:\n  listen: 127.0.0.1:{}\n  hash: crc32a\n  distribution: modula\n  hash_tag: \"{{}}\"\n  redis: true\n  \
         auto_eject_hosts: false\n  timeout: 4000\n  servers:\n   - 127.0.0.1:{one}:1 server10\n   - 127.0.0.1:{two}:1 server2\n   \
         - 127.0.0.1:{three}:1 server1\n\nbeta:\n  listen: 127.0.0.1:{}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  servers:\n   \
         - 127.0.0.1:{one}:1\n",
        ports[0], ports[1]
    )
}

#[test]
fn files_of_twemproxy() {
    let servers: [Server; 3] = servers();
    let files = Files(&servers[0]);
    let path = files.write("nutcracker.yml", &pool(&servers, [22121, 22122]));
    let message = failed(&rediscluster(&["--config", &path, "ping"]));
    assert_eq!(message, format!("{path}: there are several pools: --pool says which one of alpha, beta"));
    let message = failed(&rediscluster(&["--config", &path, "--pool", "beta", "ping"]));
    assert_eq!(message, format!("{path}: line 16: beta.hash: not crc32a: this hash is not known here"));
    assert!(failed(&rediscluster(&["--pool", "beta", "ping"])).contains("--config"));
    let options = ["--config", path.as_str(), "--pool", "alpha"];
    // `crc32a % N` over the servers by the lengths of their names, and then by their bytes.
    let in_order = ["server1", "server2", "server10"];
    let keys = vectors(3, false);
    let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).filter(|key| !key.contains('{')).collect();
    let wanted: Vec<&str> =
        keys.iter().filter(|(key, _)| !key.contains('{')).map(|(_, node)| in_order[node - 1]).collect();
    assert_eq!(nodes_for(&options, &names), wanted);
    assert!(names.len() > 90, "{}", names.len());
    // The whole name is stored, on the node of the tag.
    answered(&rediscluster(&[&options[..], &["set", "a{foo}b{bar}", "x"]].concat()), "OK\n");
    let home = nodes_for(&options, &["foo", "a{foo}b{bar}"]);
    assert_eq!(home[0], home[1]);
    let at = ["server10", "server2", "server1"].iter().position(|name| *name == home[0]).expect("a server");
    assert_eq!(servers[at].ask(&["GET", "a{foo}b{bar}"]), Reply::bulk("x"));
}

/// twemproxy itself, named by `NUTCRACKER` or on the PATH.
fn nutcracker() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NUTCRACKER").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("nutcracker")).find(|file| file.is_file())
}

struct Proxy(Child);

impl Proxy {
    fn start(program: &Path, config: &str, port: u16) -> Proxy {
        let mut command = Command::new(program);
        command.args(["-c", config, "-s", &free_port().to_string(), "-a", "127.0.0.1", "-i", "3600000"]);
        command.args(["-o", "/dev/null", "-p", &format!("{config}.pid")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let proxy = Proxy(command.spawn().expect("twemproxy starts"));
        wait_until("twemproxy listens", || Talk::with(port, None, Duration::from_secs(1)).is_ok());
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What twemproxy writes this program finds, whatever the order of the file and the signs in the keys, also in the file that
/// this program prints for it.
#[test]
fn twemproxy_itself_places_keys_so() {
    let Some(program) = nutcracker() else {
        return rediscluster_testing::skipped("no nutcracker here, so placement is not compared with twemproxy itself");
    };
    let servers: [Server; 3] = servers();
    let files = Files(&servers[0]);
    let port = free_port();
    let path = files.write("nutcracker.yml", &pool(&servers, [port, free_port()]));
    let options = ["--config", path.as_str(), "--pool", "alpha"];
    let printed = rediscluster(&[&options[..], &["nodes", "--as", "twemproxy"]].concat()).out();
    let other_port = free_port();
    let printed = files.write("printed.yml", &printed.replace("22121", &other_port.to_string()));
    let mut keys: Vec<String> =
        vectors(3, true).into_iter().map(|(key, _)| key).filter(|key| !key.contains('{')).collect();
    keys.truncate(150);
    keys.extend(
        ["{a}b{c}", "x{a}y", "{{a}}", "{}{a}", "a{", "a{b}{c}", "bar{foo}", "}a{b}", "a{b", "{b}"].map(str::to_owned),
    );
    for (config, port) in [(&path, port), (&printed, other_port)] {
        let _proxy = Proxy::start(&program, config, port);
        let mut talk = Talk::with(port, None, Duration::from_secs(10)).expect("the proxy");
        for key in &keys {
            talk.expect_ok(&["SET", key, "through the proxy"]).expect("an answer");
        }
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        for (key, node) in keys.iter().zip(nodes_for(&options, &names)) {
            let at = ["server10", "server2", "server1"].iter().position(|name| *name == node).expect("a server");
            let holders = [0, 1, 2].map(|at| servers[at].ask(&["EXISTS", key]).int());
            assert_eq!(holders.iter().position(|count| *count == 1), Some(at), "{key}");
            assert_eq!(holders.iter().sum::<i64>(), 1, "{key}");
        }
        for server in &servers {
            server.ask(&["FLUSHALL"]);
        }
    }
}

/// What is printed reads as what it was printed from.
#[test]
fn every_form_survives_the_way_there_and_back() {
    let server = Server::start();
    let files = Files(&server);
    let source = "database = 3\nusername = 'us er'\npassword = \"p'a\\\\s\\\"s\\n\\u00e9\"\nhash_tags = 'keep'\ndeadline = 2.5\n\
        refresh_every = 'never'\nretries = { up_to = 2, also_unknown = true }\nmax_replica_lag = { seconds = 3 }\noutput = 'json'\n\
        [nodes]\nnode_1 = 'redis://:p%40ss@127.0.0.1:1'\nnode_2 = '[::1]:2'\nnode_3 = '127.0.0.1:3'\nnode_4 = '127.0.0.1:4'\n\
        [master_of]\nnode_1 = ['node_3', 'node_4']\n[sentinels.node_2]\nmaster = 'shard b'\naddresses = ['redis://:s@127.0.0.1:5', '127.0.0.1:6']\n\
        [map_addresses]\n'10.0.0.1' = '127.0.0.1'\n'10.0.0.2:1' = '127.0.0.1:2'\n";
    let path = files.write("source.toml", source);
    let print = |path: &str, form: &str| {
        let ran = rediscluster(&["--config", path, "nodes", "--as", form, "--with-passwords"]);
        assert_eq!(ran.status, 0, "{}", ran.err());
        (ran.out(), ran.err())
    };
    let (toml, remarks) = print(&path, "toml");
    assert_eq!(remarks, "", "nothing is left out");
    let (json, remarks) = print(&path, "json");
    assert_eq!(remarks, "");
    for (name, text) in [("copy.toml", &toml), ("copy.json", &json)] {
        let copy = files.write(name, text);
        assert_eq!((print(&copy, "toml").0, print(&copy, "json").0), (toml.clone(), json.clone()), "{name}");
    }
    // The others know less; what they know is the same.
    let known = "username = 'us er'\npassword = \"p'a\\\\s\\\"s\\n\\u00e9\"\n[nodes]\nnode_1 = 'redis://:p%40ss@127.0.0.1:1'\n\
        node_2 = '[::1]:2'\nnode_4 = '127.0.0.1:3'\nnode_3 = 'unix:///run/a%20b.sock'\n[master_of]\nnode_1 = 'node_4'\n";
    let path = files.write("known.toml", known);
    for form in ["py", "php"] {
        let (text, remarks) = print(&path, form);
        assert_eq!(remarks, "", "{form}");
        let copy = files.write(&format!("copy.{form}"), &text);
        assert_eq!(print(&copy, form).0, text);
        let nodes: Vec<String> = print(&copy, "toml").0.lines().map(str::to_owned).collect();
        for line in [
            "node_1 = \"redis://:p%40ss@127.0.0.1:1\"",
            "node_2 = \"redis://us%20er:p%27a%5Cs%22s%0A%C3%A9@[::1]:2\"",
            "node_3 = \"unix://us%20er:p%27a%5Cs%22s%0A%C3%A9@/run/a%20b.sock\"",
            "node_1 = [\"node_4\"]",
        ] {
            assert!(nodes.contains(&line.to_owned()), "{form}: {line} in {nodes:#?}");
        }
    }
    let known = "database = 4\npassword = 'p: \"#\\u00e9'\nhash_tags = 'keep'\n[nodes]\nb = '127.0.0.1:1'\nc = '[::1]:2'\naa = 'unix:///run/a%20b.sock'\n";
    let path = files.write("known.toml", known);
    let (text, remarks) = print(&path, "twemproxy");
    assert_eq!(remarks, "");
    let copy = files.write("copy.yml", &text);
    assert_eq!(print(&copy, "twemproxy").0, text);
    assert_eq!(print(&copy, "toml").0, print(&path, "toml").0);
}

#[test]
fn the_database_of_a_url_is_printed_too() {
    for address in ["redis://:p@127.0.0.1:1/7", "unix:///run/a/b.sock?db=7"] {
        let node = format!("node_1={address}");
        let print = |form: &str| rediscluster(&["--node", &node, "nodes", "--as", form, "--with-passwords"]);
        assert!(print("py").err().contains("constructor: 7"), "{}", print("py").err());
        assert!(print("twemproxy").out().contains("\n  redis_db: 7\n"), "{}", print("twemproxy").out());
    }
}

/// Other names keep the order, and so the keys their places.
#[test]
fn nodes_are_renamed_where_their_names_would_move_keys() {
    let server = Server::start();
    let files = Files(&server);
    let options = ["--nodes", "zeta=127.0.0.1:1,alpha=127.0.0.1:2,be=127.0.0.1:3"];
    let keys: Vec<(String, usize)> = vectors(3, false).into_iter().filter(|(key, _)| !key.contains('{')).collect();
    let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    for (form, file) in [("py", "copy.py"), ("php", "copy.php"), ("twemproxy", "copy.yml")] {
        let ran = rediscluster(&[&options[..], &["nodes", "--as", form]].concat());
        assert!(ran.err().contains("zeta, alpha, be in their order"), "{}", ran.err());
        let copy = files.write(file, &ran.out());
        let wanted: Vec<String> = keys.iter().map(|(_, node)| format!("node_{node}")).collect();
        assert_eq!(nodes_for(&["--config", &copy], &names), wanted, "{form}");
    }
}

#[test]
fn passwords_are_printed_only_when_asked_for() {
    let server = Server::start();
    let files = Files(&server);
    let source = "password = 's3cret'\n[nodes]\nnode_1 = 'redis://user:s3cret@127.0.0.1:1'\nnode_2 = '127.0.0.1:2'\n\
        [sentinels.node_2]\nmaster = 'b'\naddresses = ['redis://:s3cret@127.0.0.1:5']\n";
    let path = files.write("secret.toml", source);
    for form in ["toml", "json", "py", "php", "twemproxy"] {
        let ran = rediscluster(&["--config", &path, "nodes", "--as", form]);
        assert!(!ran.out().contains("s3cret") && !ran.err().contains("s3cret"), "{form}: {}", ran.out());
        assert!(ran.err().contains("Passwords are left out; --with-passwords prints them."), "{form}: {}", ran.err());
        let said = ran.out().contains("Passwords are left out");
        assert_eq!(said, form != "json", "{form}: JSON has no comments");
        let ran = rediscluster(&["--config", &path, "nodes", "--as", form, "--with-passwords"]);
        assert!(ran.out().contains("s3cret") && !ran.err().contains("s3cret"), "{form}: {}", ran.out());
    }
    // One that comes from the environment, too.
    let environment = [("REDISCLUSTER_NODES", "a=127.0.0.1:1"), ("REDISCLI_AUTH", "s3cret")];
    let ran = rediscluster_with(&["nodes", "--as", "toml"], &environment, b"");
    assert_eq!(ran.out(), "# Passwords are left out; --with-passwords prints them.\n\n[nodes]\na = \"127.0.0.1:1\"\n");
    let ran = rediscluster_with(&["nodes", "--as", "toml", "--with-passwords"], &environment, b"");
    answered(&ran, "password = \"s3cret\"\n\n[nodes]\na = \"127.0.0.1:1\"\n");
}

#[test]
fn what_nodes_does_not_understand() {
    let nodes = ["--nodes", "a=127.0.0.1:1"];
    let message = |words: &[&str]| failed(&rediscluster(&[&nodes[..], &["nodes"], words].concat()));
    assert_eq!(message(&["--as", "xml"]), "nodes: --as takes one of toml, json, py, php, twemproxy");
    assert!(message(&["--as"]).starts_with("nodes: a value is required for '--as <FORM>'"));
    assert!(message(&["--with-passwords"]).starts_with("nodes: the following required arguments were not provided"));
    assert!(message(&["--bogus"]).starts_with("nodes: unexpected argument '--bogus' found"));
    let direct = rediscluster(&["--direct", "127.0.0.1:1", "nodes", "--as", "toml"]);
    assert!(failed(&direct).starts_with("nodes is about all nodes"));
}

/// Settings of the file at work; options come before them.
#[test]
fn settings_of_the_file_are_in_force() {
    let servers: [Server; 2] = servers();
    let files = Files(&servers[0]);
    let nodes = format!("[nodes]\nnode_1 = '{}'\nnode_2 = '{}'\n", servers[0].address(), servers[1].address());
    let run = |settings: &str, words: &[&str]| {
        let path = files.write("settings.toml", &format!("{settings}\n{nodes}"));
        rediscluster(&[&["--config", path.as_str()], words].concat())
    };
    answered(&run("hash_tags = 'keep'", &["set", "bar{foo}", "x"]), "OK\n");
    assert_eq!(servers[1].ask(&["GET", "bar{foo}"]), Reply::bulk("x"));
    answered(&run("hash_tags = 'off'", &["set", "a{a}", "x"]), "OK\n");
    let holders = [0, 1].map(|at| servers[at].ask(&["EXISTS", "a{a}"]).int());
    assert_eq!(holders, [1, 0], "its hash is even, and that of its tag is odd");
    assert!(run("cross_node = 'refuse'", &["-e", "mget", "foo", "bar"]).err().contains("MGET"));
    let listed = run("client_name = 'report'", &["client", "list"]).out();
    assert!(listed.contains("name=report"), "{listed}");
}

/// No server here has modules: what is tried is where their commands would go.
#[test]
fn commands_of_modules_may_stand_in_the_file() {
    let servers: [Server; 2] = servers();
    let files = Files(&servers[0]);
    let nodes = format!("[nodes]\nnode_1 = '{}'\nnode_2 = '{}'\n", servers[0].address(), servers[1].address());
    let rows = "[commands]\n'json.get' = { arity = -2, access = 'read', keys = [1, 1, 1] }\n";
    let without = files.write("without.toml", &nodes);
    let path = files.write("commands.toml", &format!("{nodes}{rows}"));
    let ran = rediscluster(&["--config", &without, "JSON.GET", "foo"]);
    assert!(ran.err().contains("--direct"), "{}", ran.err());
    let ran = rediscluster(&["--config", &path, "explain", "JSON.GET", "foo"]);
    assert!(ran.status == 0 && ran.out().contains("node_2") && !ran.out().contains("node_1"), "{}", ran.out());
    let ran = rediscluster(&["--config", &path, "JSON.GET", "foo"]);
    assert!(
        ran.out().starts_with("ERR unknown command") && ran.err().is_empty(),
        "the server was asked: {}",
        ran.out()
    );
    // Two keys on two nodes.
    let path = files.write("commands.toml", &format!("{nodes}{}", rows.replace("[1, 1, 1]", "[1, -1, 1]")));
    assert!(failed(&rediscluster(&["--config", &path, "JSON.GET", "foo", "bar"])).contains("node"));
    let printed = rediscluster(&["--config", &path, "nodes", "--as", "json"]).out();
    let copy = files.write("copy.json", &printed);
    assert_eq!(rediscluster(&["--config", &copy, "nodes", "--as", "json"]).out(), printed);
}

#[test]
fn how_replies_are_shown_may_stand_in_the_file() {
    let server = Server::start();
    let files = Files(&server);
    server.ask(&["RPUSH", "list", "a", "b"]);
    server.ask(&["HSET", "hash", "f", "v"]);
    let run = |settings: &str, options: &[&str], words: &[&str]| {
        let path = files.write("output.toml", &format!("{settings}\n[nodes]\na = '{}'\n", server.address()));
        rediscluster(&[&["--config", path.as_str()], options, words].concat())
    };
    let list = ["lrange", "list", "0", "-1"];
    answered(&run("", &[], &list), "a\nb\n");
    answered(&run("output = 'json'", &[], &list), "[\"a\",\"b\"]\n");
    answered(&run("output = 'no-raw'", &[], &list), "1) \"a\"\n2) \"b\"\n");
    answered(&run("output = 'csv'", &[], &list), "\"a\",\"b\"\n");
    answered(&run("output = 'csv'", &["--raw"], &list), "a\nb\n");
    answered(&run("delimiter = '+'\nreply_delimiter = '!'", &[], &list), "a+b!");
    answered(&run("delimiter = '+'", &["-d", "-"], &list), "a-b\n");
    // JSON asks for RESP3, where a hash is an object, unless the file says otherwise.
    answered(&run("output = 'json'", &[], &["hgetall", "hash"]), "{\"f\":\"v\"}\n");
    answered(&run("output = 'json'\nprotocol = 'resp2'", &[], &["hgetall", "hash"]), "[\"f\",\"v\"]\n");
    answered(&run("output = 'json'\nprotocol = 'resp2'", &["-3"], &["hgetall", "hash"]), "{\"f\":\"v\"}\n");
    assert_eq!(run("", &[], &["incr", "list"]).status, 0);
    assert_eq!(run("error_status = true", &[], &["incr", "list"]).status, 1);
}

#[test]
fn sentinels_of_the_file_name_the_master() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let sentinel = Sentinel::watching(&[("shard-a", &master)], 1, None);
    let files = Files(&master);
    // The address in the file is that of the replica: only the Sentinel knows better.
    let sentinels = format!("[sentinels.a]\nmaster = 'shard-a'\naddresses = ['{}']\n", sentinel.address());
    let nodes = format!("[nodes]\na = '{}'\n", replica.address());
    let path = files.write("sentinels.toml", &format!("{nodes}{sentinels}"));
    answered(&rediscluster(&["--config", &path, "set", "k", "v"]), "OK\n");
    assert_eq!(master.ask(&["GET", "k"]), Reply::bulk("v"));
    let dead = files.write("dead.toml", &format!("[nodes]\na = '{}'\n{sentinels}", dead_address()));
    answered(&rediscluster(&["--config", &dead, "--masters-only", "get", "k"]), "v\n");
}

#[test]
fn mistakes_name_the_file_and_the_line() {
    let server = Server::start();
    let files = Files(&server);
    for (name, text, message) in [
        ("a.toml", "database = 1\n\nbogus = 2\n", "line 3: bogus: not a setting"),
        ("a.toml", "deadline = 0\n", "line 1: deadline: not a number of seconds above 0"),
        (
            "a.toml",
            "[nodes]\na = 'h'\npassword = 's3cret'\n",
            "line 3: nodes.password: a setting, and no node: it belongs before the table of the nodes",
        ),
        ("a.json", "{\"nodes\": {\"a\": \"h\"},\n \"bogus\": 1}", "bogus: not a setting"),
        ("a.json", "{\"nodes\": {\"a\": \"h\"},\n \"nodes\": {}}", "nodes: given twice at line 2 column 13"),
        ("a.json", "{\"nodes\": \n", "EOF while parsing a value at line 2 column 0"),
        ("a.py", "nodes = {'nodes': get()}", "line 1: not a plain value: nothing is computed or looked up here"),
        (
            "a.yml",
            "a:\n  hash: crc32a\n  servers:\n",
            "line 1: a: without `redis: true` this is a pool of memcached, which is not done here",
        ),
        ("a.yml", "a: [\n", "line 2: while parsing a node, did not find expected node content"),
    ] {
        let path = files.write(name, text);
        assert_eq!(failed(&rediscluster(&["--config", &path, "ping"])), format!("{path}: {message}"));
    }
    assert!(failed(&rediscluster(&["--config", &files.write("a.ini", ""), "ping"])).contains(".yml"));
    let path = files.write("a.toml", "[nodes]\na = 'h'\n");
    assert!(
        failed(&rediscluster(&["--config", &path, "--pool", "x", "ping"])).contains("--pool is for files of twemproxy")
    );
}
