//! Looking after a fleet: `nodes --check`, `verify` and `top`.

mod program;

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

mod check {
    use super::*;

    #[test]
    fn a_fleet_in_which_all_is_well() {
        let servers = [Server::start(), Server::start()];
        let _replica = Server::replica_of(&servers[0], &[]);
        servers[0].ask(&["SET", "bar", "x"]);
        let ran = run(&nodes(&servers), &["nodes", "--check"]);
        program::answered(&ran, "ok: 2 masters, 1 replica, 1 keys\n");
        let ran = run(&nodes(&servers), &["nodes", "--check", "--json"]);
        assert_eq!((json(&ran), ran.status), (json!({"ok": true, "servers": 3, "problems": []}), 0));
        assert!(failed(&run(&nodes(&servers), &["nodes", "--chek"])).contains("--check"));
    }

    #[test]
    fn every_problem_has_its_line_and_its_kind_can_be_ignored() {
        let servers = [Server::start(), Server::start(), Server::start()];
        let replica = Server::replica_of(&servers[0], &[]);
        // It follows the second one, and is configured as a node beside it.
        let wrong = Server::replica_of(&servers[1], &[]);
        servers[2].ask(&["CONFIG", "SET", "maxmemory", "100mb"]);
        servers[2].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
        for number in 0..1000 {
            servers[1].ask(&["SET", &number.to_string(), "x"]);
        }
        // A link that is broken: the master wants a password from now on, which its replica does not know.
        let mut talk = servers[0].talk(Duration::from_secs(10)).expect("a connection");
        talk.expect_ok(&["CONFIG", "SET", "requirepass", "s3cret"]).expect("a password");
        talk.call(&["CLIENT", "KILL", "TYPE", "replica"]).expect("an end of the link");
        wait_until("the link is down", || {
            replica.field("replication", "master_link_status").as_deref() == Some("down")
        });
        // Its master does not list it any more, so it has to be named.
        let [one, two, three] = [0, 1, 2].map(|at: usize| servers[at].address());
        let text = json!({
            "nodes": {
                "node_1": format!("redis://:s3cret@{one}"), "node_2": two, "node_3": three, "node_4": wrong.address(),
                "node_5": dead_address(), "broken": replica.address(),
            },
            "master_of": {"node_1": "broken"},
        });
        let file = servers[0].dir().join("fleet.json");
        std::fs::write(&file, text.to_string()).expect("a file in the server's directory");
        let check = |words: &[&str]| {
            rediscluster(&[&["--config", file.to_str().expect("UTF-8"), "nodes", "--check"], words].concat())
        };
        let ran = check(&[]);
        let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
        let has = |start: &str, says: &str| {
            let line = lines.iter().find(|line| line.starts_with(start) && line.contains(says));
            assert!(line.is_some(), "{start}…{says}: {lines:#?} {}", ran.err());
        };
        assert_eq!(ran.status, 1);
        has("down: node_5 (", "Connection refused");
        has("role: node_4 (", "it is a replica, and should be a master");
        has("replica: broken (", "its link to its master 127.0.0.1:");
        has("policy: ", "different maxmemory-policy: allkeys-lru on node_3 (");
        has("eviction: node_3 (", "allkeys-lru drops keys when the 100.00M of maxmemory are full");
        has("balance: node_2 (", "1000 keys are 200 % more than the mean of 333");
        let ignored = "down,role,replica,policy,eviction,balance";
        let ran = check(&["--ignore", ignored]);
        assert_eq!((ran.out().starts_with("ok: "), ran.status), (true, 0), "{}", ran.out());
        let ran = check(&["--json"]);
        let report = json(&ran);
        assert_eq!((&report["ok"], ran.status), (&json!(false), 1));
        let kinds: Vec<&str> =
            report["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].as_str().unwrap()).collect();
        assert!(["down", "role", "replica", "policy", "eviction", "balance"].iter().all(|kind| kinds.contains(kind)));
        assert!(!ran.out().contains("s3cret") && !ran.err().contains("s3cret"), "no password is shown");
    }

    #[test]
    fn replicas_that_are_late() {
        let server = Server::start();
        let replica = Server::replica_of(&server, &[]);
        server.ask(&["SET", "bar", "x"]);
        // It says that all is well, and has nothing.
        let stuck = ScriptedPeer::answering(|words| match words[0].to_ascii_uppercase().as_slice() {
            b"INFO" => {
                let info =
                    "role:slave\r\nmaster_host:m\r\nmaster_port:1\r\nmaster_link_status:up\r\nslave_repl_offset:0\r\n";
                format!("${}\r\n{info}\r\n", info.len()).into_bytes()
            }
            _ => b":0\r\n".to_vec(),
        });
        let master_of = |replica: String| {
            let text = json!({"nodes": {"a": server.address(), "r": replica}, "master_of": {"a": "r"}});
            let file = server.dir().join("late.json");
            std::fs::write(&file, text.to_string()).expect("a file in the server's directory");
            rediscluster(&["--config", file.to_str().expect("UTF-8"), "nodes", "--check", "--max-lag", "0.3"])
        };
        let ran = master_of(stuck.address());
        assert!(ran.status == 1 && ran.out().starts_with("replica: r ("), "{}", ran.out());
        assert!(ran.out().trim_end().ends_with("bytes behind what its master had 0.3 s before"), "{}", ran.out());
        server.wait_for_replica(&replica);
        assert_eq!(master_of(replica.address()).status, 0);
        replica.freeze();
        let ran = run(&nodes([&server]), &["--deadline", "0.5", "nodes", "--check"]);
        replica.thaw();
        assert!(ran.status == 1 && ran.out().starts_with("down: node_1/"), "{}", ran.out());
    }

    #[test]
    fn two_versions() {
        let others = std::env::var("REDISCLUSTER_SERVERS").unwrap_or_default();
        let server = Server::start();
        let version = |server: &Server| {
            ["valkey_version", "redis_version"].map(|field| server.field("server", field)).into_iter().flatten().next()
        };
        let paths = others.lines().filter_map(|line| line.split_whitespace().last());
        let other =
            paths.map(|path| Server::builder().binary(path).start()).find(|other| version(other) != version(&server));
        let Some(other) = other else {
            println!("SKIPPED: no server of another version in REDISCLUSTER_SERVERS");
            return;
        };
        let ran = run(&nodes([&server, &other]), &["nodes", "--check"]);
        assert!(ran.status == 1 && ran.out().starts_with("version: node_"), "{}", ran.out());
        let told = ran.out();
        assert!([&server, &other].iter().all(|server| told.contains(&version(server).expect("a version"))), "{told}");
    }
}

mod verify {
    use super::*;
    use rediscluster::prelude::*;
    use rediscluster::{Crc32Modulo, Partitioner};
    use std::collections::BTreeMap;

    /// What the report says of each key.
    fn kinds(ran: &Ran) -> BTreeMap<String, String> {
        let report = json(ran);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        report["keys"].as_array().expect("keys").iter().map(|key| (text(&key["key"]), text(&key["kind"]))).collect()
    }

    /// Where something hashed leads, counted from 0.
    fn node_of(hashed: &str, nodes: usize) -> usize {
        Crc32Modulo.node_index(hashed.as_bytes(), nodes)
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(key, kind)| (key.to_owned(), kind.to_owned())).collect()
    }

    /// Of two nodes, where a key is: `foo` belongs on the second one and `bar` on the first.
    fn misplace(servers: &[Server; 2]) {
        servers[0].ask(&["SET", "bar", "home"]);
        servers[1].ask(&["SET", "foo", "home"]);
        servers[0].ask(&["SET", "foobar", "stray"]);
        // There twice: foo at its place, and a second one.
        servers[0].ask(&["SET", "foo", "second"]);
        servers[0].ask(&["SET", "rediscluster:stash:smove:from:0123456789abcdef:a", "x"]);
        servers[0].ask(&["SET", "a{foo}", "x"]);
    }

    #[test]
    fn what_is_certain_and_what_is_not() {
        let servers = [Server::start(), Server::start()];
        misplace(&servers);
        let list = nodes(&servers);
        let verify = |words: &[&str]| run(&list, &[&["verify"], words].concat());
        let ran = verify(&["--json"]);
        assert_eq!(kinds(&ran), map(&[("a{foo}", "unreachable"), ("foo", "uncertain"), ("foobar", "uncertain")]));
        let report = json(&ran);
        assert_eq!((&report["looked_at"], &report["complete"], ran.status), (&json!(6), &json!(true), 1));
        assert_eq!(report["counts"]["at_home_unless_tagged"], 2);
        assert_eq!(report["counts"]["own"], 1);
        let foo = report["keys"].as_array().unwrap().iter().find(|key| key["key"] == "foo").expect("foo");
        assert_eq!(
            (&foo["node"], &foo["home"], &foo["also"]),
            (&json!("node_1"), &json!("node_2"), &json!(["node_2"]))
        );

        let ran = verify(&["--untagged", "--json"]);
        assert_eq!(kinds(&ran), map(&[("a{foo}", "unreachable"), ("foo", "twice"), ("foobar", "misplaced")]));
        let ran = verify(&["--hash-tags", "keep", "--json"]);
        assert_eq!(kinds(&ran), map(&[("a{foo}", "misplaced"), ("foo", "twice"), ("foobar", "misplaced")]));
        let ran = verify(&["--tag-rule", "foobar=$0{bar}", "--json"]);
        assert_eq!(kinds(&ran), map(&[("a{foo}", "unreachable"), ("foo", "uncertain")]), "the tag bar leads to node_1");

        let ran = verify(&["--untagged"]);
        let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
        assert!(lines.contains(&"misplaced    foobar on node_1, belongs on node_2".to_owned()), "{lines:#?}");
        assert!(
            lines.contains(&"twice        foo on node_1, belongs on node_2; also on node_2".to_owned()),
            "{lines:#?}"
        );
        let ran = verify(&["--untagged", "--summary"]);
        assert!(
            ran.out().starts_with("6 keys looked at\n2 are where they belong\n1 are this program's own"),
            "{}",
            ran.out()
        );
        let refused = failed(&verify(&["--fix"]));
        assert!(refused.contains("--tags FILE") && refused.contains("--untagged"), "{refused}");
        assert_eq!(servers[0].ask(&["GET", "foobar"]), Reply::bulk("stray"), "nothing was moved");
    }

    #[test]
    fn what_rediscluster_py_puts_elsewhere() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        // As it does it: everything from the brace on but the last byte is hashed, and what stands before is stored.
        let keys = ["cart{7}x", "list{b}{c}", "bar{}", "both{1}{2}"];
        let file = servers[0].dir().join("tags");
        std::fs::write(&file, keys.join("\n")).expect("a file in the server's directory");
        for key in keys {
            let (stored, tag) = key.split_once('{').expect("a brace");
            let at = node_of(&tag[..tag.len() - 1], 2);
            servers[at].ask(&["SET", stored, key]);
        }
        let verify = |words: &[&str]| {
            let tags = ["verify", "--json", "--tags", file.to_str().expect("UTF-8")];
            run(&list, &[&tags[..], words].concat())
        };
        let found = kinds(&verify(&[]));
        let looser: Vec<&str> =
            found.iter().filter(|(_, kind)| *kind == "looser").map(|(key, _)| key.as_str()).collect();
        assert!(!looser.is_empty(), "{found:?}");
        let ran = verify(&["--fix", "--rename-looser"]);
        assert!(kinds(&ran).values().all(|kind| kind == "moved"), "{}", ran.out());
        let library = Cluster::builder();
        let library = library.node("node_1", servers[0].address()).node("node_2", servers[1].address()).connect();
        let library = library.expect("a cluster");
        for stored in looser {
            let key = keys.iter().find(|key| key.starts_with(stored)).expect("its key");
            let value: Option<String> = library.get(key).expect("an answer");
            assert_eq!(value.as_deref(), Some(*key), "found under the name that this library stores");
        }
    }

    /// In so many milliseconds keys expire.
    const ENDS: i64 = 1_000_000_000;

    #[test]
    fn fix_moves_what_is_certain_and_loses_nothing() {
        let servers = [Server::start(), Server::start(), Server::start()];
        let list = nodes(&servers);
        let home = |key: &str| node_of(key, 3);
        // Keys of a fleet of two nodes, to which a third one came.
        let old = |key: &str| node_of(key, 2);
        let keys: Vec<String> = (0..200).map(|number| format!("key:{number}")).collect();
        for (number, key) in keys.iter().enumerate() {
            let server = &servers[old(key)];
            match number % 5 {
                0 => server.ask(&["SET", key, &format!("value {number}")]),
                1 => server.ask(&["RPUSH", key, "a", "b", "c"]),
                2 => server.ask(&["ZADD", key, "1.5", "m", "inf", "n"]),
                3 => server.ask(&["HSET", key, "f", "v"]),
                _ => {
                    server.ask(&["XADD", key, "1-1", "f", "v"]);
                    server.ask(&["XGROUP", "CREATE", key, "readers", "0"]);
                    server.ask(&["XREADGROUP", "GROUP", "readers", "one", "STREAMS", key, ">"])
                }
            };
            server.ask(&["PEXPIRE", key, &ENDS.to_string()]);
        }
        let strays = keys.iter().filter(|key| home(key) != old(key)).count();
        // Two of one name: what is at its place stays, and so does the other.
        let twice = keys.iter().find(|key| home(key) != old(key)).expect("a stray");
        servers[home(twice)].ask(&["SET", twice, "at its place"]);

        // Its dump, whose order of members may change on the way, and whether it expires when it should.
        let state = |server: usize, key: &str| {
            let Reply::Bulk(dump) = servers[server].ask(&["DUMP", key]) else { panic!("{key} is gone") };
            let Reply::Int(left) = servers[server].ask(&["PTTL", key]) else { panic!("no time to live") };
            (dump.len(), servers[server].ask(&["TYPE", key]), (ENDS - 120_000..=ENDS).contains(&left))
        };
        let before: Vec<_> = keys.iter().map(|key| state(old(key), key)).collect();
        assert!(before.iter().all(|(.., expires)| *expires));
        let groups = |server: usize, key: &str| servers[server].ask(&["XPENDING", key, "readers"]);
        let pending: Vec<_> = keys.iter().map(|key| groups(old(key), key)).collect();

        let ran = run(&list, &["verify", "--untagged", "--json"]);
        assert_eq!(json(&ran)["fleet"], json!({"nodes": 2, "explained": strays, "strays": strays}), "{}", ran.out());
        let ran = run(&list, &["verify", "--untagged", "--fix", "--json"]);
        let report = json(&ran);
        assert_eq!(
            (&report["counts"]["moved"], &report["counts"]["twice"]),
            (&json!(strays - 1), &json!(1)),
            "{}",
            ran.out()
        );
        assert_eq!(ran.status, 1, "one needs somebody to look at it");
        for (number, key) in keys.iter().enumerate() {
            let at = if key == twice { old(key) } else { home(key) };
            assert_eq!(state(at, key), before[number], "{key}");
            assert_eq!(groups(at, key), pending[number], "{key}");
            for other in (0..3).filter(|&other| other != at && (key != twice || other != home(key))) {
                assert_eq!(servers[other].ask(&["EXISTS", key]), Reply::Int(0), "{key} is in one place");
            }
        }
        assert_eq!(servers[home(twice)].ask(&["GET", twice]), Reply::bulk("at its place"));
        servers[old(twice)].ask(&["DEL", twice]);
        let ran = run(&list, &["verify", "--untagged"]);
        program::answered(&ran, "200 keys looked at\n200 are where they belong\n");
    }

    #[test]
    fn databases_and_patterns() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        servers[0].ask_in(2, &["SET", "foo", "x"]);
        servers[0].ask_in(5, &["SET", "foo", "y"]);
        servers[0].ask(&["SET", "foobar", "z"]);
        let ran = run(&list, &["verify", "--untagged", "--databases", "2,5", "--fix"]);
        assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
        assert!(ran.out().contains("moved        foo in database 5 on node_1 went to node_2\n"), "{}", ran.out());
        assert_eq!(servers[1].ask_in(2, &["GET", "foo"]), Reply::bulk("x"));
        assert_eq!(servers[1].ask_in(5, &["GET", "foo"]), Reply::bulk("y"));
        assert_eq!(servers[0].ask(&["GET", "foobar"]), Reply::bulk("z"));
        program::answered(&run(&list, &["verify", "--untagged", "--match", "x*"]), "0 keys looked at\n");
        let ran = run(&list, &["-n", "2", "verify", "--untagged"]);
        program::answered(&ran, "1 keys looked at\n1 are where they belong\n");
    }

    /// Fills servers with the keys `key:0` and so on, whose values are their numbers, each on the server that is told.
    fn fill(servers: &[Server], count: usize, at: impl Fn(&str) -> usize) {
        for (nth, server) in servers.iter().enumerate() {
            let numbered = (0..count).map(|number| (format!("key:{number}"), number.to_string()));
            let its: Vec<String> =
                numbered.filter(|(key, _)| at(key) == nth).flat_map(|(key, value)| [key, value]).collect();
            for some in its.chunks(2000) {
                server.ask(&[&["MSET".to_owned()], some].concat());
            }
        }
    }

    #[test]
    fn a_walk_goes_on_where_it_was() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        fill(&servers, 6000, |key| node_of(key, 2));
        let state = servers[0].dir().join("state");
        let path = state.to_str().expect("UTF-8");
        let verify =
            |words: &[&str]| run(&list, &[&["verify", "--untagged", "--summary", "--state", path], words].concat());
        // Each run goes on to the end of its pages.
        let mut keys = 0;
        let mut runs = 0;
        while runs == 0 || state.exists() {
            let ran = verify(&["--limit", "1000", "--json"]);
            let report = json(&ran);
            assert_eq!(ran.status, 0, "{}", ran.err());
            let now = report["looked_at"].as_u64().expect("a number");
            assert!(now >= keys, "{now} after {keys}");
            assert_eq!(report["complete"], json!(!state.exists()));
            (keys, runs) = (now, runs + 1);
            if runs == 1 {
                let other = failed(&verify(&["--match", "x"]));
                assert!(other.contains("other options"), "{other}");
            }
        }
        // A last page may have no keys.
        assert!((2..=8).contains(&runs), "{runs} runs");
        assert_eq!(keys, 6000, "every key once");
        std::fs::write(&state, "{}").expect("a file");
        assert!(failed(&verify(&[])).contains("holds no state"));
    }

    /// Twenty thousand keys on the first of two servers, as before there was a second one, and `verify --fix` which is
    /// sent a signal in the middle. Gives what that one has said.
    fn interrupted(servers: &[Server; 2], options: &[&str], signal: &str) -> Ran {
        fill(servers, KEYS, |_| 0);
        let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_rediscluster"));
        verify.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        let verify = verify.spawn().expect("our program");
        let pid = verify.id().to_string();
        // Its output fills no pipe: what it says is read meanwhile.
        let output = std::thread::spawn(move || verify.wait_with_output().expect("its output"));
        wait_until("it has moved some keys", || matches!(servers[1].ask(&["DBSIZE"]), Reply::Int(size) if size > 1000));
        let sent = std::process::Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill").success(), "it was at work");
        let output = output.join().expect("its end");
        assert!(matches!(servers[1].ask(&["DBSIZE"]), Reply::Int(size) if size < 9000), "it was in the middle");
        Ran { out: output.stdout, err: output.stderr, status: output.status.code().unwrap_or(-1) }
    }

    /// How many keys there are in these tests.
    const KEYS: usize = 20_000;

    #[track_caller]
    fn all_are_there(servers: &[Server; 2]) {
        let sizes = [0, 1].map(|at: usize| match servers[at].ask(&["DBSIZE"]) {
            Reply::Int(size) => size,
            other => panic!("{other:?}"),
        });
        assert_eq!(usize::try_from(sizes[0] + sizes[1]), Ok(KEYS));
        for number in (0..KEYS).step_by(97) {
            let key = format!("key:{number}");
            assert_eq!(servers[node_of(&key, 2)].ask(&["GET", &key]), Reply::bulk(number.to_string()));
        }
    }

    #[test]
    fn a_walk_that_was_killed_goes_on_and_fixes_the_rest() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        let state = servers[0].dir().join("state");
        let options = ["verify", "--untagged", "--fix", "--json", "--state", state.to_str().expect("UTF-8")];
        interrupted(&servers, &[&[list.as_str()], &options[..]].concat(), "-KILL");
        let ran = run(&list, &options);
        assert_eq!(ran.status, 0, "{}", ran.err());
        assert!(!state.exists(), "it came to its end");
        // What the one that was killed had under way is in a stash, which `recover` brings where it belongs.
        let recovered = run(&list, &["recover", "--apply", "--older-than", "0"]);
        assert_eq!(recovered.status, 0, "{}", recovered.out());
        let ran = run(&list, &["verify", "--untagged", "--fix", "--json"]);
        assert_eq!(ran.status, 0, "{}", ran.out());
        all_are_there(&servers);
    }

    #[test]
    fn control_c_ends_a_walk_between_two_pages() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        let state = servers[0].dir().join("state");
        let options = ["verify", "--untagged", "--fix", "--json", "--state", state.to_str().expect("UTF-8")];
        let ran = interrupted(&servers, &[&[list.as_str()], &options[..]].concat(), "-INT");
        let report = json(&ran);
        assert_eq!((&report["complete"], ran.status), (&json!(false), 1), "{}", ran.err());
        let moved = report["counts"]["moved"].as_u64().expect("a number");
        assert_eq!(servers[1].ask(&["DBSIZE"]), Reply::Int(moved.try_into().expect("a size")), "nothing is under way");
        let ran = run(&list, &options);
        assert_eq!((&json(&ran)["complete"], ran.status), (&json!(true), 0), "{}", ran.err());
        all_are_there(&servers);
    }

    #[test]
    fn a_node_that_is_down_is_told_before_anything_is_done() {
        let server = Server::start();
        let list = format!("{},node_2={}", nodes([&server]), dead_address());
        assert!(failed(&run(&list, &["verify"])).contains("node_2"));
    }
}

#[cfg(unix)]
mod top {
    use super::*;
    use pty_process::blocking::{Command, Pty};
    use std::io::{Read, Write};
    use std::process::Child;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    /// How long the screen may take to show something.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Our program on a terminal, and what is seen there.
    struct Screen {
        pty: Arc<Pty>,
        child: Child,
        seen: Arc<Mutex<vt100::Parser>>,
    }

    impl Screen {
        fn start(args: &[&str]) -> Screen {
            let pty = Arc::new(Pty::new().expect("a terminal"));
            pty.resize(pty_process::Size::new(30, 120)).expect("its size");
            let mut command = Command::new(env!("CARGO_BIN_EXE_rediscluster"));
            command.env("TERM", "xterm-256color").env_remove("REDISCLUSTER_NODES");
            let child = command.args(args).spawn(&pty.pts().expect("its other side")).expect("our program");
            let seen = Arc::new(Mutex::new(vt100::Parser::new(30, 120, 0)));
            let (reader, screen) = (Arc::clone(&pty), Arc::clone(&seen));
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                    screen.lock().expect("nobody panicked").process(&bytes[..count]);
                }
            });
            Screen { pty, child, seen }
        }

        fn seen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
            look(self.seen.lock().expect("nobody panicked").screen())
        }

        #[track_caller]
        fn becomes(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
            let end = Instant::now() + PATIENCE;
            while !self.seen(&is_so) {
                assert!(Instant::now() < end, "{what} never came:\n{}", self.seen(vt100::Screen::contents));
                std::thread::sleep(Duration::from_millis(20));
            }
        }

        #[track_caller]
        fn shows(&self, text: &str) {
            self.becomes(text, |screen| screen.contents().contains(text));
        }

        fn press(&self, keys: &str) {
            (&*self.pty).write_all(keys.as_bytes()).expect("a key");
        }

        /// That it ends by itself and gives the terminal back: the first screen, and a cursor.
        #[track_caller]
        fn ends(mut self) {
            let end = Instant::now() + PATIENCE;
            let status = loop {
                match self.child.try_wait().expect("its state") {
                    Some(status) => break status,
                    None => assert!(Instant::now() < end, "it does not end"),
                }
                std::thread::sleep(Duration::from_millis(20));
            };
            assert!(status.success(), "{status}");
            self.becomes("the terminal as it was", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn keys_change_the_screen_and_end_it() {
        let servers = [Server::start(), Server::start()];
        let list = nodes(&servers);
        servers[1].ask(&["CONFIG", "SET", "maxmemory", "100mb"]);
        servers[1].ask(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
        servers[1].ask(&["SET", "a\x1b[31mkey", "x"]);
        for end in ["q", "\x1b", "\x03"] {
            let screen = Screen::start(&[&list, "top", "--interval", "0.2"]);
            screen.becomes("a screen of its own", vt100::Screen::alternate_screen);
            for text in [
                "2 nodes",
                "every 0.2 s",
                "OPS/S",
                "node_1",
                "node_2",
                "of 100.00M",
                "total",
                "Slow commands",
                "SET a\\u{1b}[31mkey",
            ] {
                screen.shows(text);
            }
            screen.press("s");
            screen.shows("by ops");
            screen.press("p");
            screen.shows("PAUSED");
            screen.press("+");
            screen.shows("every 0.25 s");
            screen.press(end);
            screen.ends();
        }
    }

    #[test]
    fn a_node_that_is_down_or_silent_holds_up_nothing() {
        let mut servers = [Server::start(), Server::start(), Server::start()];
        let screen = Screen::start(&[&nodes(&servers), "top", "--interval", "0.2"]);
        screen.shows("total");
        servers[1].freeze();
        screen.shows("no answer for ");
        servers[2].kill();
        screen.shows("down: ");
        // The others go on, and so do the keys.
        for number in 0..1000 {
            servers[0].ask(&["SET", &number.to_string(), "x"]);
        }
        screen.shows("1000");
        servers[1].thaw();
        screen.press("q");
        screen.ends();
    }

    #[test]
    fn a_signal_gives_the_terminal_back() {
        let server = Server::start();
        for signal in ["-TERM", "-INT", "-HUP"] {
            let screen = Screen::start(&[&nodes([&server]), "top"]);
            screen.shows("total");
            let sent = std::process::Command::new("kill").args([signal, &screen.child.id().to_string()]).status();
            assert!(sent.expect("kill").success());
            screen.ends();
        }
    }

    #[test]
    fn once_is_for_scripts() {
        let servers = [Server::start(), Server::start()];
        let replica = Server::replica_of(&servers[0], &[]);
        servers[0].ask(&["SET", "bar", "x"]);
        servers[0].ask(&["GET", "bar"]);
        let list = format!("{},node_3={}", nodes(&servers), dead_address());
        let ran = run(&list, &["top", "--once", "--json", "--interval", "0.2", "--sort", "keys"]);
        assert_eq!((ran.err().as_str(), ran.status), ("", 1), "one is down");
        let report = json(&ran);
        let row = |name: &str| {
            let rows = report["servers"].as_array().expect("rows");
            rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {report}")).clone()
        };
        let first = row("node_1");
        assert_eq!((&first["state"], &first["role"], &first["keys"]), (&json!("up"), &json!("master"), &json!(1)));
        assert!(first["ops_per_second"].as_f64().expect("a number") > 0.0, "this program asks as well: {first}");
        assert_eq!(first["replicas"][0]["address"], json!(replica.address()));
        assert_eq!(row(&format!("node_1/{}", replica.address()))["role"], json!("replica"));
        assert_eq!((&row("node_3")["state"], &row("node_3")["keys"]), (&json!("down"), &Value::Null));
        assert_eq!((&report["total"]["keys"], report["servers"][0]["name"].as_str()), (&json!(1), Some("node_1")));
        let ran = run(&nodes(&servers), &["top", "--once", "--interval", "0.1"]);
        assert_eq!(ran.status, 0, "{}", ran.err());
        let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
        assert!(
            lines[0].starts_with("NODE") && lines.last().is_some_and(|line| line.starts_with("total")),
            "{lines:#?}"
        );
        assert!(failed(&run(&nodes(&servers), &["top"])).contains("--once"), "there is no terminal");
    }

    #[test]
    fn verify_has_a_bar_on_a_terminal() {
        let servers = [Server::start(), Server::start()];
        servers[0].ask(&["SET", "foo", "x"]);
        let mut screen = Screen::start(&[&nodes(&servers), "verify", "--untagged"]);
        screen.shows("foo on node_1, belongs on node_2");
        screen.shows("1 keys looked at");
        assert!(!screen.child.wait().expect("its end").success());
    }
}
