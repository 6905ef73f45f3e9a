//! `verify`.

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
    assert_eq!((&foo["node"], &foo["home"], &foo["also"]), (&json!("node_1"), &json!("node_2"), &json!(["node_2"])));

    let ran = verify(&["--untagged", "--json"]);
    assert_eq!(kinds(&ran), map(&[("a{foo}", "unreachable"), ("foo", "twice"), ("foobar", "misplaced")]));
    let ran = verify(&["--hash-tags", "keep", "--json"]);
    assert_eq!(kinds(&ran), map(&[("a{foo}", "misplaced"), ("foo", "twice"), ("foobar", "misplaced")]));
    let file = servers[0].dir().join("keep.toml");
    let [one, two] = [0, 1].map(|at: usize| servers[at].address());
    let text = format!("hash_tags = 'keep'\n[nodes]\nnode_1 = '{one}'\nnode_2 = '{two}'\n");
    std::fs::write(&file, text).expect("a file in the server's directory");
    let by_file = rediscluster(&["--config", file.to_str().expect("UTF-8"), "verify", "--json"]);
    assert_eq!(kinds(&by_file), kinds(&ran), "the file says the same as the option");
    let ran = verify(&["--tag-rule", "foobar=$0{bar}", "--json"]);
    assert_eq!(kinds(&ran), map(&[("a{foo}", "unreachable"), ("foo", "uncertain")]), "the tag bar leads to node_1");

    let ran = verify(&["--untagged"]);
    let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    assert!(lines.contains(&"misplaced    foobar on node_1, belongs on node_2".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"twice        foo on node_1, belongs on node_2; also on node_2".to_owned()), "{lines:#?}");
    let ran = verify(&["--untagged", "--summary"]);
    assert!(ran.out().starts_with("6 keys looked at\n2 where they belong\n1 of this program's own"), "{}", ran.out());
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
    let looser: Vec<&str> = found.iter().filter(|(_, kind)| *kind == "looser").map(|(key, _)| key.as_str()).collect();
    assert!(!looser.is_empty(), "{found:?}");
    let ran = verify(&["--untagged", "--fix", "--rename-looser"]);
    assert!(kinds(&ran).values().all(|kind| kind == "looser"), "they may be keys of these names: {}", ran.out());
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
    program::answered(&ran, "200 keys looked at\n200 where they belong\n");
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
    program::answered(&ran, "1 key looked at\n1 where they belong\n");
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
        assert!(now >= keys && runs < 8, "{now} after {keys}, in {runs} runs");
        assert_eq!(report["complete"], json!(!state.exists()));
        (keys, runs) = (now, runs + 1);
        if runs == 1 {
            let other = failed(&verify(&["--match", "x"]));
            assert!(other.contains("other options"), "{other}");
        }
    }
    assert!(runs > 1, "in several runs, of which the last may meet a page without keys");
    assert_eq!(keys, 6000, "every key once");
    std::fs::write(&state, "{}").expect("a file");
    assert!(failed(&verify(&[])).contains("holds no state"));
}

/// Some thousand keys on the first of two servers, as before there was a second one, and `verify --fix` which is
/// sent a signal in the middle. Gives what that one has said.
fn interrupted(servers: &[Server; 2], options: &[&str], signal: &str) -> Ran {
    fill(servers, KEYS, |_| 0);
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_rediscluster"));
    verify.args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
    let verify = verify.spawn().expect("our program");
    let pid = verify.id().to_string();
    // Its output fills no pipe: what it says is read meanwhile.
    let output = std::thread::spawn(move || verify.wait_with_output().expect("its output"));
    wait_until("it has moved some keys", || matches!(servers[1].ask(&["DBSIZE"]), Reply::Int(size) if size > 300));
    let sent = std::process::Command::new("kill").args([signal, &pid]).status();
    assert!(sent.expect("kill").success(), "it was at work");
    let output = output.join().expect("its end");
    assert!(matches!(servers[1].ask(&["DBSIZE"]), Reply::Int(size) if size < 2800), "it was in the middle");
    Ran { out: output.stdout, err: output.stderr, status: output.status.code().unwrap_or(-1) }
}

/// How many keys there are in these tests.
const KEYS: usize = 6000;

#[track_caller]
fn all_are_there(servers: &[Server; 2]) {
    // For an hour a copy that is not needed may stay under a name of this program.
    let size = |server: &Server| match (server.ask(&["DBSIZE"]), server.ask(&["KEYS", "rediscluster:*"])) {
        (Reply::Int(size), Reply::Array(own)) => usize::try_from(size).expect("a size") - own.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(size(&servers[0]) + size(&servers[1]), KEYS);
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
