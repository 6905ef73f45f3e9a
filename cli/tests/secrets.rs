//! No password is ever printed: whatever it was given by, whatever is asked, and whatever goes wrong.

mod program;

use program::{rediscluster_with, Ran};
use rediscluster_testing::{dead_address, ScriptedPeer, Server};

const SECRET: &str = "c4n4ry";

#[track_caller]
fn assert_silent(what: &str, ran: &Ran) {
    for text in [ran.out(), ran.err()] {
        assert!(!text.contains(SECRET), "{what}: {text}");
    }
}

/// Options and environment.
type Way = (Vec<String>, Vec<(&'static str, String)>);

/// The ways to give the password, each with the node at this address.
fn ways(address: &str) -> Vec<Way> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let node = format!("a={address}");
    let url = format!("a=redis://app:{SECRET}@{address}");
    vec![
        (words(&["--node", &node, "-a", SECRET]), vec![]),
        (words(&["--node", &node, "--user", "app", "--pass", SECRET, "-3"]), vec![]),
        (words(&["--node", &node]), vec![("REDISCLI_AUTH", SECRET.to_owned())]),
        (words(&["--node", &url]), vec![]),
        (words(&["--nodes", &url, "-3"]), vec![]),
        (words(&[]), vec![("REDISCLUSTER_NODES", url.clone())]),
        (words(&["--direct", &url[2..]]), vec![]),
    ]
}

const ASKED: &[&str] = &[
    "ping",
    "--help",
    "--version",
    "nodes",
    "nodes --json",
    "recover",
    "node-for k",
    "explain set k v",
    "explain nosuch k",
    "commands",
    "help get",
    "get k",
    "--json get k",
    "--csv mget k l",
    "mset k 1 l 2",
    "set k",
    "nosuch k",
    "unsubscribe k",
    "--scan",
    "--bigkeys",
    "--stat -r 1",
    "--on-each ping",
    "-n x ping",
    "--deadline 0 ping",
    "--bogus",
    "-r 2 incr k",
];

fn ask_all(address: &str) {
    for (options, environment) in ways(address) {
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for line in ASKED {
            let words: Vec<&str> =
                options.iter().map(String::as_str).chain(["--deadline", "1"]).chain(line.split(' ')).collect();
            let input = b"get k\nnosuch\nset k\n";
            assert_silent(&format!("{words:?}"), &rediscluster_with(&words, &environment, input));
        }
        // Commands from standard input.
        let words: Vec<&str> = options.iter().map(String::as_str).chain(["--deadline", "1"]).collect();
        let input = format!("get k\nauth {SECRET}\nauth app {SECRET}\nhello 3 auth app {SECRET}\nset k 'unbalanced\n");
        assert_silent(&format!("{words:?}"), &rediscluster_with(&words, &environment, input.as_bytes()));
    }
}

#[test]
fn with_the_right_password() {
    let server = Server::builder().password(SECRET).start();
    server.ask(&["ACL", "SETUSER", "app", "on", &format!(">{SECRET}"), "~*", "&*", "+@all", "-config"]);
    ask_all(&server.address());
}

#[test]
fn with_a_wrong_one() {
    let server = Server::builder().password("another").start();
    ask_all(&server.address());
}

#[test]
fn with_no_server_and_with_one_that_repeats_what_it_heard() {
    ask_all(&dead_address());
    let parrot = ScriptedPeer::answering(|words| {
        let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        format!("-ERR unknown command `{}`, with args beginning with: {:?}\r\n", words[0], &words[1..]).into_bytes()
    });
    ask_all(&parrot.address());
}

#[test]
fn explained_commands_with_passwords() {
    let nodes = ["--nodes", "a=h:1,b=h:2"];
    for line in [
        "acl setuser bob on >c4n4ry",
        "acl setuser bob <c4n4ry #c4n4ry !c4n4ry c4n4ry",
        "config set requirepass c4n4ry",
        "config set maxmemory 1 masterauth c4n4ry",
        "migrate h 1 k 0 100 auth c4n4ry",
        "migrate h 1 k 0 100 auth2 app c4n4ry",
        "auth c4n4ry",
        "auth app c4n4ry",
        "hello 3 auth app c4n4ry",
    ] {
        for options in [&["explain"][..], &["--json", "explain"]] {
            let words: Vec<&str> = nodes.iter().chain(options).copied().chain(line.split(' ')).collect();
            let ran = rediscluster_with(&words, &[], b"");
            assert_silent(line, &ran);
            // What changes its connection is refused, everything else is explained.
            assert!(ran.status != 0 || ran.out().contains("(hidden)"), "{line}: {}", ran.out());
            assert_eq!(ran.status != 0, line.starts_with("auth") || line.starts_with("hello"), "{line}: {}", ran.err());
        }
    }
}

#[test]
fn addresses_that_are_badly_written() {
    for address in [
        "user:c4n4ry",
        ":c4n4ry@host",
        "c4n4ry@host:6379",
        "user:c4n4ry@host:6379",
        "user:c4n4ry:host:6379",
        "[::1]:c4n4ry",
        "c4n4ry:0",
        "redis:/c4n4ry",
        "redis//user:c4n4ry@host",
        "redis://user:c4n4ry",
        "redis://user:c4n4ry@host:c4n4ry",
        "redis://user:c4n4ry?word",
        "user:c4n4ry://host",
        "c4n4ry://host:6379",
        "unix:/c4n4ry",
        "unix:///c4n4ry@/run/redis.sock",
    ] {
        let node = format!("node_1={address}");
        for options in [
            &["--node", &node][..],
            &["--node", address],
            &["--nodes", &node],
            &["--nodes", address],
            &["--node", "a=h", "--nodes", &node],
            &["--direct", address],
        ] {
            for asked in [&["ping"][..], &["nodes"], &["--json", "nodes"], &["node-for", "k"], &["recover"]] {
                let words: Vec<&str> = options.iter().chain(asked).copied().collect();
                let ran = rediscluster_with(&words, &[], b"");
                assert_silent(&format!("{words:?}").replace(SECRET, "(secret)"), &ran);
                assert_ne!(ran.status, 0, "{words:?}");
                assert!(!ran.err().is_empty(), "{words:?}");
            }
        }
        let ran = rediscluster_with(&["ping"], &[("REDISCLUSTER_NODES", &node)], b"");
        assert_silent("the environment", &ran);
        assert_ne!(ran.status, 0);
    }
}
