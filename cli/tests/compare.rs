//! `compare`: what is the same is found to be so whatever its type, and every difference is told.

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
        _ => now() + server.ask(&["PTTL", key]).int(),
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A command with many arguments, made of a number each.
fn many(server: &Server, begin: &str, numbers: std::ops::Range<usize>, each: impl Fn(usize) -> Vec<String>) {
    let mut words: Vec<String> = begin.split(' ').map(str::to_owned).collect();
    words.extend(numbers.flat_map(each));
    assert!(!matches!(server.ask(&words), Reply::Error(_)), "{begin}");
}

/// Keys of every type, small ones and ones that take several pages.
fn fill(server: &Server) -> Vec<String> {
    for line in [
        "SET string x",
        "SET number 12345",
        "SETBIT long 20000000 1",
        "SET expires x PX 10000000",
        "RPUSH list a b c",
        "SADD set a b c",
        "SADD numbers 1 2 3",
        "HSET hash a 1 b 2 c 3",
        "ZADD zset 1.1 a 2.2 b inf c -inf d",
        "PFADD log a b c",
        "XADD stream 1-1 a b",
        "XADD groups 1-1 a b",
        "XADD groups 1-2 a b",
        "XADD groups 1-3 a b",
        "XDEL groups 1-3",
        "XGROUP CREATE groups g 0",
        "XGROUP CREATE groups h 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS groups >",
        "XREADGROUP GROUP g d COUNT 1 STREAMS groups >",
    ] {
        run(server, line);
    }
    many(server, "RPUSH longlist", 0..30_000, |n| vec![format!("element {n}")]);
    many(server, "SADD longset", 0..30_000, |n| vec![format!("member {n}")]);
    many(server, "HSET longhash", 0..30_000, |n| vec![format!("field {n}"), format!("value {n}")]);
    many(server, "ZADD longzset", 0..30_000, |n| vec![format!("{}", n as f64 / 3.0), format!("member {n}")]);
    // Small, and in tables, whose payloads come out in another order elsewhere.
    many(server, "SADD tableset", 0..700, |n| vec![format!("member {n}")]);
    many(server, "HSET tablehash", 0..700, |n| vec![format!("field {n}"), format!("value {n}")]);
    let mut talk = server.talk(Duration::from_secs(30)).unwrap();
    for n in 1..=8_000 {
        talk.call(&["XADD", "longstream", &format!("{n}-1"), "field", &"value".repeat(20)]).unwrap();
    }
    run(server, "XGROUP CREATE longstream g 0");
    run(server, "XREADGROUP GROUP g c COUNT 7000 STREAMS longstream >");
    let mut keys = "string number long expires list set numbers hash zset log stream groups longlist longset longhash \
                    longzset tableset tablehash longstream"
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    if has_field_expiry(server) {
        run(server, "HSET fields a 1 b 2");
        run(server, "HPEXPIRE fields 10000000 FIELDS 1 a");
        keys.push("fields".into());
    }
    if has_vectors(server) {
        (0..300).for_each(|n| drop(run(server, &format!("VADD vectors VALUES 2 {n} 1 'element {n}'"))));
        run(server, "VADD vectors VALUES 2 1 7 seven");
        keys.push("vectors".into());
    }
    keys
}

fn has_field_expiry(server: &Server) -> bool {
    !matches!(server.ask(&["HPEXPIRETIME", "no", "FIELDS", "1", "no"]), Reply::Error(_))
}

fn has_vectors(server: &Server) -> bool {
    !matches!(server.ask(&["VCARD", "no"]), Reply::Error(_))
}

#[test]
fn what_is_the_same_is_so_whatever_its_type_and_each_difference_is_told() {
    let (one, other) = (Server::start(), Server::start());
    let keys = fill(&one);
    keys.iter().for_each(|key| copy(&one, &other, key));
    are_same(&[&one], &[&other], &[], keys.len());
    // What is done to a copy of a key, and what begins the line that tells of it; more than one where versions differ.
    let different = [
        ("string", "SET string y", "value: string: node_1 -> node_1: from byte 0 on"),
        ("string", "APPEND string y", "value: string: node_1 -> node_1: 1 bytes against 2"),
        ("string", "DEL string; LPUSH string y", "type: string: node_1 -> node_1: string against list"),
        ("string", "DEL string", "missing: string: node_1 -> node_1"),
        ("long", "SETBIT long 19999999 1", "value: long: node_1 -> node_1: from byte 2499999 on"),
        ("log", "PFADD log x y z", "value: log: node_1 -> node_1: "),
        ("list", "LSET list 1 x", "value: list: node_1 -> node_1: from index 1 on: b against x"),
        ("list", "RPUSH list x", "value: list: node_1 -> node_1: 3 elements against 4"),
        (
            "longlist",
            "LSET longlist 29999 x",
            "value: longlist: node_1 -> node_1: from index 29999 on: \"element 29999\" ",
        ),
        ("set", "SADD set x", "value: set: node_1 -> node_1: 3 members against 4"),
        ("set", "SREM set b; SADD set x", "value: set: node_1 -> node_1: the member b is missing at the target"),
        (
            "longset",
            "SREM longset 'member 7'; SADD longset x",
            "value: longset: node_1 -> node_1: the member \"member 7\" is missing at the target",
        ),
        ("hash", "HSET hash b x", "value: hash: node_1 -> node_1: the value of the field b"),
        (
            "hash",
            "HDEL hash b",
            "value: hash: node_1 -> node_1: 3 fields against 2|the field b is missing at the target",
        ),
        (
            "hash",
            "HSET hash x y",
            "value: hash: node_1 -> node_1: 3 fields against 4|the field x is only at the target",
        ),
        ("hash", "HDEL hash b; HSET hash x y", "value: hash: node_1 -> node_1: the field b is missing at the target"),
        (
            "longhash",
            "HSET longhash 'field 9' x",
            "value: longhash: node_1 -> node_1: the value of the field \"field 9\"",
        ),
        ("zset", "ZADD zset 1.1000000000000003 a", "value: zset: node_1 -> node_1: from rank 1 on: a 1.1"),
        ("zset", "ZADD zset 7 x", "value: zset: node_1 -> node_1: 4 elements against 5"),
        ("zset", "ZREM zset a; ZADD zset 1.1 x", "value: zset: node_1 -> node_1: from rank 1 on: a 1.1"),
        ("longzset", "ZADD longzset 9998.5 'member 29999'", "value: longzset: node_1 -> node_1: from rank 29996 on: "),
        ("stream", "XADD stream 1-2 a b", "value: stream: node_1 -> node_1: length 1 against 2"),
        (
            "stream",
            "XDEL stream 1-1; XADD stream 1-2 a b",
            "value: stream: node_1 -> node_1: last-generated-id 1-1 against",
        ),
        ("stream", "DEL stream; XADD stream 1-1 a x", "value: stream: node_1 -> node_1: the entry 1-1"),
        ("groups", "XSETID groups 9-9", "value: groups: node_1 -> node_1: last-generated-id 1-3 against 9-9"),
        ("groups", "XGROUP DESTROY groups h", "value: groups: node_1 -> node_1: the group h is missing at the target"),
        ("groups", "XGROUP CREATE groups i 0", "value: groups: node_1 -> node_1: the group i is only at the target"),
        (
            "groups",
            "XGROUP SETID groups h 1-2",
            "value: groups: node_1 -> node_1: group h: last-delivered-id 0-0 against 1-2",
        ),
        ("groups", "XACK groups g 1-1", "value: groups: node_1 -> node_1: group g: pending 2 against 1"),
        (
            "groups",
            "XGROUP CREATECONSUMER groups g e",
            "value: groups: node_1 -> node_1: group g: consumers 2 against 3",
        ),
        (
            "groups",
            "XGROUP DELCONSUMER groups h no; XCLAIM groups g d 0 1-1 JUSTID",
            "value: groups: node_1 -> node_1: group g: consumer c: pending 1 against 0",
        ),
        (
            "groups",
            "XCLAIM groups g d 0 1-1 JUSTID; XCLAIM groups g c 0 1-2 JUSTID",
            "value: groups: node_1 -> node_1: 1-1 of the group g: pending for c against d",
        ),
        (
            "longstream",
            "XACK longstream g 6990-1; XCLAIM longstream g c 0 7001-1 FORCE JUSTID",
            "value: longstream: node_1 -> node_1: 6990-1 of the group g: pending against 6991-1",
        ),
        (
            "longstream",
            "XCLAIM longstream g c 0 6999-1 RETRYCOUNT 9 TIME 5000",
            "value: longstream: node_1 -> node_1: 6999-1 of the group g: delivered 1 times against 9",
        ),
        (
            "longstream",
            "XCLAIM longstream g c 0 6999-1 RETRYCOUNT 1 TIME 5000",
            "value: longstream: node_1 -> node_1: 6999-1 of the group g: delivered at ",
        ),
        ("expires", "PERSIST expires", "expiry: expires: node_1 -> node_1: at "),
        ("expires", "PEXPIRE expires 10060000", "expiry: expires: node_1 -> node_1: at "),
        ("string", "PEXPIRE string 1000000", "expiry: string: node_1 -> node_1: never against at "),
        ("fields", "HSET fields c 3", "value: fields: node_1 -> node_1: the field c is only at the target"),
        ("fields", "HPERSIST fields FIELDS 1 a", "value: fields: node_1 -> node_1: the field a expires at "),
        ("fields", "HPEXPIRE fields 1 FIELDS 1 b", "value: fields: node_1 -> node_1: the field b "),
        ("fields", "HDEL fields b", "value: fields: node_1 -> node_1: the field b is missing at the target"),
        (
            "vectors",
            "VSETATTR vectors seven {\"a\":1}",
            "value: vectors: node_1 -> node_1: the element seven has other",
        ),
        (
            "vectors",
            "VADD vectors VALUES 2 5 -1 seven",
            "value: vectors: node_1 -> node_1: the element seven has another",
        ),
        ("vectors", "VREM vectors seven", "value: vectors: node_1 -> node_1: 301 elements against 300"),
    ];
    for (key, line, told) in different.iter().filter(|(key, ..)| keys.iter().any(|known| known == key)) {
        line.split("; ").for_each(|line| drop(run(&other, line)));
        let ran = compare(&[&one], &[&other], &["--match", key]);
        let lines = lines(&ran, &[&one, &other]);
        let (what, differently) = told.split_once('|').unwrap_or((told, told));
        let is_told = lines[0].starts_with(what) || lines[0].contains(differently);
        assert!(is_told, "{line}: {}{}", ran.out(), ran.err());
        assert_eq!((lines.len(), ran.status), (2, 1), "{line}: {}", ran.out());
        copy(&one, &other, key);
    }
    are_same(&[&one], &[&other], &[], keys.len());
}

/// The node of these many to which a name leads.
fn home(name: &str, nodes: usize) -> usize {
    Crc32Modulo.node_index(name.as_bytes(), nodes)
}

/// So many empty servers.
fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

/// Puts names where they lead.
fn put(fleet: &[&Server], names: &[String]) {
    for name in names {
        run(fleet[home(name, fleet.len())], &format!("SET {name} {name}"));
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("name:{number}")).collect()
}

#[test]
fn keys_are_looked_for_where_they_belong() {
    let all = servers(5);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    let names = names(200);
    put(from, &names);
    put(to, &names);
    are_same(from, to, &["--untagged"], 200);
    are_same(to, from, &["--untagged"], 200);
    are_same(&to[..1], &to[..1], &[], names.iter().filter(|name| home(name, 3) == 0).count());
    // Without a word about tags they are looked for everywhere, and that is said.
    let ran = compare(from, to, &[]);
    assert_eq!((lines(&ran, &all), ran.status), (vec!["200 keys the same".to_owned()], 0));
    assert!(ran.err().contains("nobody said which keys have tags"), "{}", ran.err());
    // One that lies elsewhere, one that lies elsewhere as well, one that nobody has.
    let [moved, doubled] = [&names[0], &names[1]];
    let (place, twin) = (home(moved, 3), home(doubled, 3));
    run(to[place], &format!("DEL {moved}"));
    run(to[(place + 1) % 3], &format!("SET {moved} {moved}"));
    run(to[(twin + 1) % 3], &format!("SET {doubled} {doubled}"));
    run(to[home("more", 3)], "SET more x");
    let node = |at: usize| format!("node_{}", at % 3 + 1);
    let wanted = |moved_is_told: bool| {
        let source = format!("node_{}", home(moved, 2) + 1);
        let moved = format!("misplaced: {moved}: {source} -> {}: it belongs to {}", node(place + 1), node(place));
        let mut wanted = vec![
            format!("superfluous: {doubled}: on {} of the target: it is also on {}", node(twin + 1), node(twin)),
            format!("superfluous: more: on {} of the target: no node of the source has it", node(home("more", 3))),
        ];
        if moved_is_told {
            wanted.push(moved);
        }
        wanted.sort();
        wanted
    };
    let ran = compare(from, to, &["--untagged"]);
    let mut told = lines(&ran, &all);
    assert_eq!((told.pop().as_deref(), ran.status), (Some("199 keys the same, 2 superfluous, 1 misplaced"), 1));
    assert_eq!(told, wanted(true));
    let mut told = lines(&compare(from, to, &[]), &all);
    assert_eq!(told.pop().as_deref(), Some("200 keys the same, 2 superfluous"));
    assert_eq!(told, wanted(false));
}

#[test]
fn a_key_of_equal_fleets_belongs_to_the_node_of_the_same_number() {
    let all = servers(4);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    put(from, &names(50));
    put(to, &names(50));
    // Tagged: their names lead to the other node.
    for server in [from[0], to[0]] {
        run(server, "SET foo x");
    }
    for server in [from[1], to[1]] {
        run(server, "SET bar x");
    }
    assert_eq!((home("foo", 2), home("bar", 2)), (1, 0));
    are_same(from, to, &[], 52);
    run(to[0], "DEL foo");
    run(to[1], "SET foo x");
    let told = lines(&compare(from, to, &[]), &all);
    assert_eq!(told[0], "misplaced: foo: node_1 -> node_2: it belongs to node_1");
    assert_eq!(told.len(), 2);
}

#[test]
fn tags_say_where_keys_belong() {
    let all = servers(6);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    let (to, one) = to.split_at(3);
    let stored: Vec<String> = (0..60).map(|number| format!("user:{number}:name")).collect();
    for (number, name) in stored.iter().enumerate() {
        let tag = number.to_string();
        run(from[home(&tag, 2)], &format!("SET {name} {name}"));
        run(to[home(&tag, 3)], &format!("SET {name} {name}"));
        run(one[0], &format!("SET {name}{{{tag}}} {name}"));
    }
    let rule = ["--tag-rule", "^(user:([0-9]+):.*)$=${1}{$2}"];
    are_same(from, to, &rule, 60);
    let file = one[0].dir().join("tags");
    let full: Vec<String> = stored.iter().enumerate().map(|(number, name)| format!("{name}{{{number}}}\n")).collect();
    std::fs::write(&file, full.concat()).unwrap();
    are_same(from, to, &["--tags", file.to_str().unwrap()], 60);
    // One server keeps the tags in the names.
    are_same(&one[..1], to, &["--tag-rule", "^(.+)$=$1"], 60);
    run(to[0], "SET more x");
    let ran = compare(&one[..1], to, &["--tag-rule", "^(.+)$=$1"]);
    assert_eq!(lines(&ran, &all)[0], "superfluous: more: on node_1 of the target: no node of the source has it");
    run(to[0], "DEL more");
    // Their names alone lead to other nodes: those that are strays at the source may be anywhere.
    let misled = |name: &&String| {
        let source = (0..2).find(|&at| from[at].ask(&["EXISTS", name]).int() == 1).unwrap();
        let target = (0..3).find(|&at| to[at].ask(&["EXISTS", name]).int() == 1).unwrap();
        home(name, 2) == source && home(name, 3) != target
    };
    let misplaced = stored.iter().filter(misled).count();
    let strays = stored.iter().filter(|name| from[home(name, 2)].ask(&["EXISTS", name]).int() == 0).count();
    assert!(misplaced > 0 && strays > 0);
    let ran = compare(from, to, &["--untagged"]);
    assert_eq!((lines(&ran, &all).len(), ran.status), (misplaced + 1, 1), "{}", ran.out());
    assert!(ran.err().contains(&format!("{strays} keys of the source whose names do not lead to")), "{}", ran.err());
}

#[test]
fn where_tags_are_kept_names_tell_everything() {
    let all = servers(5);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    for number in 0..60 {
        for fleet in [from, to] {
            run(fleet[home(&number.to_string(), fleet.len())], &format!("SET name{{{number}}} x"));
        }
    }
    are_same(from, to, &["--hash-tags", "keep"], 60);
    run(to[home("7", 3)], "DEL name{7}");
    run(to[(home("7", 3) + 1) % 3], "SET name{7} x");
    let ran = compare(from, to, &["--hash-tags", "keep"]);
    assert!(lines(&ran, &all)[0].starts_with("misplaced: name{7}: "), "{}", ran.out());
    assert_eq!(ran.err(), "");
}

#[test]
fn one_name_on_two_sources_is_told_once() {
    let all = servers(3);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    for server in &all {
        run(server, "SET foo x");
    }
    let ran = compare(from, to, &[]);
    let told = ["twice: foo: node_1 -> node_1: node_2 has a key of this name, too", "2 keys the same, 1 twice"];
    assert_eq!((lines(&ran, &all), ran.status), (told.map(str::to_owned).to_vec(), 1));
    run(from[1], "SET foo y");
    assert_eq!(lines(&compare(from, to, &[]), &all).len(), 3);
    // Between fleets of one size both have their place.
    are_same(from, &[to[0], from[1]], &[], 2);
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
fn what_expires_meanwhile_is_no_difference() {
    let (one, other) = (Server::start(), Server::start());
    let fill = "for n = 0, 5999 do redis.call('SET', 'name:' .. n, 'x', 'PXAT', ARGV[1] + math.floor(n / 3)) end";
    let begin = now() + 300;
    for server in [&one, &other] {
        server.ask(&["EVAL", fill, "0", &begin.to_string()]);
    }
    assert!(now() < begin + 1000 && one.ask(&["DBSIZE"]).int() > 1000);
    // The target answers late, so that many keys are seen at the source alone.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                run(&other, "CLIENT PAUSE 50");
            }
        });
        let ran = loop {
            let ran = compare(&[&one], &[&other], &[]);
            if ran.status != 0 || now() > begin + 2000 {
                break ran;
            }
        };
        is_over.store(true, Ordering::Relaxed);
        assert_eq!((ran.out().lines().count(), ran.status), (1, 0), "{}{}", ran.out(), ran.err());
    });
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
