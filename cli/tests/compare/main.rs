//! `compare`: what is the same is found to be so whatever its type, and every difference is told.

mod contents;
mod homes;
#[path = "../program/mod.rs"]
mod program;

use program::{rediscluster, words, Ran};
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{dead_address, Reply, Server};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A list of nodes.
fn list(servers: &[&Server]) -> String {
    let node = |(number, server): (usize, &&Server)| format!("node_{}={}", number + 1, server.address());
    servers.iter().enumerate().map(node).collect::<Vec<_>>().join(",")
}

fn compare(from: &[&Server], to: &[&Server], words: &[&str]) -> Ran {
    let (from, to) = (list(from), list(to));
    rediscluster(&[&["compare", "--from", &from, "--to", &to], words].concat())
}

/// The lines without the addresses and without how long it took, sorted but for the last one, which is the summary.
fn lines(ran: &Ran, servers: &[&Server]) -> Vec<String> {
    let plain = |line: &str| {
        let addresses = servers.iter().map(|server| format!(" ({})", server.address()));
        let line = addresses.fold(line.to_owned(), |line, address| line.replace(&address, ""));
        line.rsplit_once("; ").map_or(line.clone(), |(before, _)| before.to_owned())
    };
    let mut lines: Vec<String> = ran.out().lines().map(plain).collect();
    let end = lines.len().saturating_sub(1);
    lines[..end].sort();
    lines
}

#[track_caller]
fn are_same(from: &[&Server], to: &[&Server], words: &[&str], keys: usize) {
    let ran = compare(from, to, words);
    let servers: Vec<&Server> = from.iter().chain(to).copied().collect();
    assert_eq!((lines(&ran, &servers), ran.status), (vec![format!("{keys} keys the same")], 0), "{}", ran.err());
}

/// Runs a line of words on a server.
#[track_caller]
fn run(server: &Server, line: &str) -> Reply {
    let reply = server.ask(&words(line));
    assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    reply
}

/// Copies a key as it is.
#[track_caller]
fn copy(from: &Server, to: &Server, key: &str) {
    let (Reply::Bulk(payload), left) = (from.ask(&["DUMP", key]), from.ask(&["PTTL", key]).int()) else {
        panic!("no {key}");
    };
    let expires = if left < 0 { 0 } else { expiry_of(from, key) };
    let restore = [b"RESTORE".to_vec(), key.into(), expires.to_string().into(), payload];
    let reply = to.ask(&[&restore[..], &[b"REPLACE".to_vec(), b"ABSTTL".to_vec()]].concat());
    assert_eq!(reply, Reply::ok(), "{key}");
}

/// When a key expires, in milliseconds since 1970; about then where the server does not tell it.
fn expiry_of(server: &Server, key: &str) -> i64 {
    match server.ask(&["PEXPIRETIME", key]) {
        Reply::Int(moment) => moment,
        _ => contents::now() + server.ask(&["PTTL", key]).int(),
    }
}

/// A command with many arguments, made of a number each.
fn many(server: &Server, begin: &str, numbers: std::ops::Range<usize>, each: impl Fn(usize) -> Vec<String>) {
    let mut words: Vec<String> = begin.split(' ').map(str::to_owned).collect();
    words.extend(numbers.flat_map(each));
    assert!(!matches!(server.ask(&words), Reply::Error(_)), "{begin}");
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("name:{number}")).collect()
}

#[test]
fn stashes_are_told_as_what_they_are() {
    let (one, other) = (Server::start(), Server::start());
    let (moved, stream) = ("rediscluster:stash:smove:from:00c0ffee00c0ffee:k", "rediscluster:job:leaving:s");
    run(&one, &format!("SADD {moved} x"));
    run(&other, &format!("XADD {stream} 1-1 a b"));
    // These hold nothing that is missing elsewhere.
    run(&one, "SET rediscluster:stash:smove:to:00c0ffee00c0ffee:k ''");
    run(&one, "SET rediscluster:stash:sort:copy:00c0ffee00c0ffee:k x");
    run(&other, "SET rediscluster:job:pieces:big x");
    let ran = compare(&[&one], &[&other], &[]);
    let told = lines(&ran, &[&one, &other]);
    assert_eq!((told.len(), ran.status, told[2].as_str()), (3, 1, "0 keys the same, 2 stashes"), "{}", ran.out());
    assert!(told[0].starts_with(&format!("stash: {stream}: on node_1 of the target: the stream s, ")), "{}", told[0]);
    assert!(told[1].starts_with(&format!("stash: {moved}: on node_1 of the source: SMOVE has taken it from k")));
    assert!(compare(&[&one], &[&other], &["--json"]).out().contains("\"difference\":\"stash\""));
}

#[test]
fn only_what_is_asked_for_is_compared_and_keys_of_this_program_are_passed_over() {
    let (one, other) = (Server::start(), Server::start());
    for name in ["placement", "job", "job:progress"] {
        run(&one, &format!("SET rediscluster:{name} x"));
        run(&other, &format!("SET rediscluster:{name} y"));
        run(&other, &format!("SET rediscluster:{name}:mine y"));
    }
    let told = lines(&compare(&[&one], &[&other], &[]), &[&other]);
    assert_eq!(
        told[0],
        "superfluous: rediscluster:placement:mine: on node_1 of the target: no node of the source has it"
    );
    assert_eq!(told.len(), 2);
    run(&other, "DEL rediscluster:placement:mine");
    for database in ["0", "2", "7"] {
        let ask = |line: &str| one.ask_in(database.parse().unwrap(), &words(line));
        ask(&format!("MSET a {database} b 2 c 3"));
        ask("LPUSH list x");
    }
    let summary = |words: &[&str]| lines(&compare(&[&one], &[&other], words), &[]).pop().unwrap();
    assert_eq!(summary(&[]), "0 keys the same, 12 missing");
    assert_eq!(summary(&["--databases", "2,7"]), "0 keys the same, 8 missing");
    assert_eq!(summary(&["--databases", "3"]), "0 keys the same");
    assert_eq!(summary(&["--match", "[ab]"]), "0 keys the same, 6 missing");
    assert_eq!(summary(&["--type", "list", "--databases", "7"]), "0 keys the same, 1 missing");
    assert!(summary(&["--limit", "3", "--databases", "0"]).ends_with(": 0 keys the same, 3 missing"));
    let ran = compare(&[&one], &[&other], &["--databases", "7", "--match", "a"]);
    let line = format!("missing: a (database 7): node_1 ({}) -> node_1 ({})", one.address(), other.address());
    assert_eq!(ran.out().lines().next(), Some(line.as_str()));
    let ran = compare(&[&one], &[&other], &["--databases", "7", "--match", "a", "--json"]);
    let out = ran.out();
    let told: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((told[0]["difference"].as_str(), told[0]["key"].as_str()), (Some("missing"), Some("a")));
    assert_eq!(told[0]["from"]["address"].as_str(), Some(one.address().as_str()));
    assert_eq!(told.last().unwrap()["end"]["differences"]["missing"].as_i64(), Some(1));
}

#[test]
fn each_side_has_its_own_password() {
    let (one, other) = (Server::builder().password("here").start(), Server::builder().password("there").start());
    let file = other.dir().join("fleet.toml");
    let text = format!("password = 'there'\n[nodes]\nnode_1 = '{}'\n", other.address());
    std::fs::write(&file, text).unwrap();
    let from = format!("redis://:here@{}", one.address());
    let ran = rediscluster(&["compare", "--from", &from, "--to", &format!("@{}", file.display())]);
    assert_eq!((lines(&ran, &[]), ran.status), (vec!["0 keys the same".to_owned()], 0), "{}", ran.err());
    // The password of a URL that stands in a wrong place is not repeated.
    for words in
        [&["compare", &from, "--to", "h"][..], &["compare", "--from", &from, "--too", &from], &["compare", "-x", &from]]
    {
        let ran = rediscluster(words);
        assert_eq!(ran.status, 2);
        assert!(!ran.err().contains("here"), "{}", ran.err());
    }
}

#[test]
fn what_cannot_be_compared_is_told_by_the_status() {
    let server = Server::start();
    let (there, nobody) = (server.address(), dead_address());
    for (from, to) in [(&there, &nobody), (&nobody, &there)] {
        let ran = rediscluster(&["compare", "--from", from, "--to", to]);
        assert_eq!((ran.out().as_str(), ran.status), ("", 2));
        assert!(ran.err().contains(&nobody), "{}", ran.err());
    }
    for words in
        [&["--databases", "99"][..], &["--tag-rule", "x"], &["--tags", "/no/such"], &["--type", "a b", "-n", "3"]]
    {
        assert_eq!(compare(&[&server], &[&server], words).status, 2, "{words:?}");
    }
    assert_eq!(rediscluster(&["compare", "--help"]).status, 0);
}

#[test]
fn a_server_that_dies_meanwhile_ends_it() {
    let (one, mut other) = (Server::start(), Server::start());
    let (mut child, mut out) = begun(&one, &other);
    other.kill();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{told}");
    assert!(told.contains(&other.address()), "{told}");
    assert!(rest.lines().last().unwrap().starts_with("stopped after "), "{rest}");
}

#[test]
fn ctrl_c_tells_how_far_it_was() {
    let (one, other) = (Server::start(), Server::start());
    let (mut child, mut out) = begun(&one, &other);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let last = rest.lines().last().unwrap();
    assert!(
        last.starts_with("stopped after ") && last.contains(" of 20000 keys of the source and 0 of 0 of "),
        "{last}"
    );
}

/// A comparison that has begun, and cannot end before somebody reads what it says of 20,000 keys.
fn begun(one: &Server, other: &Server) -> (Child, BufReader<ChildStdout>) {
    let names = (0..20_000).flat_map(|number| [format!("a rather long name of a key:{number}"), "x".into()]);
    one.ask(&std::iter::once("MSET".to_owned()).chain(names).collect::<Vec<_>>());
    let mut child = Command::new(env!("CARGO_BIN_EXE_rediscluster"))
        .args(["compare", "--from", &one.address(), "--to", &other.address()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    (child, out)
}
