//! `SORT` and `SORT_RO` on any number of nodes give what one server gives, with patterns that lead to keys of all nodes.

#[path = "differential/chance.rs"]
#[allow(dead_code)] // it has more than is needed here
mod chance;

use chance::Chance;
use rediscluster::prelude::*;
use rediscluster::{ErrorKind, HashTags, Outcome, Protocol, SortOptions, Value};
use rediscluster_testing::{cluster_of, Reply, Server};
use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};

/// One server first: what it says is right.
const SIZES: [usize; 4] = [1, 2, 3, 5];

struct Clusters {
    servers: Vec<Vec<Server>>,
    clusters: Vec<Cluster>,
}

/// A reply, or what a server said.
type Said = Result<Value, (ErrorKind, String, Outcome)>;

impl Clusters {
    fn start(protocol: Protocol, tags: HashTags) -> Clusters {
        let servers: Vec<Vec<Server>> =
            SIZES.iter().map(|&count| (0..count).map(|_| Server::start()).collect()).collect();
        let connect = |servers: &Vec<Server>| cluster_of(servers).protocol(protocol).hash_tags(tags).connect().unwrap();
        let clusters = servers.iter().map(connect).collect();
        Clusters { servers, clusters }
    }

    /// All clusters say the same, which is given.
    #[track_caller]
    fn agree<W: AsRef<[u8]> + Debug>(&self, words: &[W]) -> Said {
        let said: Vec<Said> = self.clusters.iter().map(|cluster| run(cluster, words)).collect();
        for (said_here, size) in said.iter().zip(SIZES) {
            assert_eq!(said_here, &said[0], "{size} nodes and one: {words:?}");
        }
        said.into_iter().next().unwrap()
    }

    /// The lines of a script, words between spaces.
    #[track_caller]
    fn script(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            // Errors agree as well.
            let _ = self.agree(&words);
        }
    }

    fn has(&self, version: &str) -> bool {
        self.servers[0][0].is_since(version, "SORT_RO")
    }

    fn assert_no_stash(&self) {
        for server in self.servers.iter().flatten() {
            assert_eq!(server.ask(&["KEYS", "rediscluster:*"]), Reply::Array(Vec::new()));
        }
    }
}

fn run<W: AsRef<[u8]>>(cluster: &Cluster, words: &[W]) -> Said {
    let name = std::str::from_utf8(words[0].as_ref()).unwrap();
    let command = words[1..].iter().fold(cmd(name), |command, word| command.arg(word.as_ref()));
    cluster.execute(command).map_err(|error| (error.kind(), error.message().to_owned(), error.outcome()))
}

fn texts(words: &[&str]) -> Value {
    Value::Array(words.iter().map(|word| Value::from(*word)).collect())
}

const DATA: &str = "
    RPUSH l 3 1 10 2 2 7
    SADD s 3 1 10 2 7
    SADD names bob ann cat dan eve
    ZADD z 1 3 2 1 3 10 4 2 5 7
    MSET w_1 50 w_2 40 w_3 40 w_7 -1.5 w_10 1e2
    MSET w_bob 3 w_ann 2 w_cat 2 w_dan 1
    MSET v_1 one v_2 two v_3 three v_10 ten x1y y1
    HSET h_1 f 9 g G1
    HSET h_2 f 8 -> arrow
    HSET h_3 f 8
    RPUSH w_wrong 1
    RPUSH t 1 wrong 2
    MSET a_1 delta a_2 alpha a_3 charlie a_7 bravo
    SET text x";

#[test]
fn as_one_server_does_it() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let clusters = Clusters::start(protocol, HashTags::Strip);
        clusters.script(DATA);
        clusters.script(
            "SORT l BY w_*
            SORT s BY w_*
            SORT z BY w_*
            SORT names BY w_*
            SORT l BY w_* DESC
            SORT l BY h_*->f
            SORT l BY h_*->f DESC GET # GET h_*->f GET h_*->none GET v_*
            SORT l BY h_*->->
            SORT l GET v_*
            SORT l GET v_* GET # GET nothing GET h_*->g
            SORT l GET h_*
            SORT l GET w_*->f
            SORT l GET x*y
            SORT l GET x*y*
            SORT l GET *
            SORT l BY * GET #
            SORT t BY w_*
            SORT t BY w_* ALPHA GET w_*
            SORT l BY nothing GET v_*
            SORT l BY nothing DESC GET v_* LIMIT 1 3
            SORT s BY nothing GET v_* STORE d
            LRANGE d 0 -1
            SORT z BY nothing DESC GET # LIMIT 0 3 STORE d
            LRANGE d 0 -1
            SORT z BY w_* BY nothing GET v_*
            SORT z BY nothing BY w_* GET v_*
            SORT l BY none_* BY w_* GET v_*
            SORT z BY a_* ALPHA
            SORT z BY a_* ALPHA DESC GET a_*
            SORT z BY a_* ALPHA STORE d
            LRANGE d 0 -1
            SORT missing BY w_*
            SORT missing BY w_* STORE d
            EXISTS d
            SORT text BY w_*
            SORT text GET v_* STORE d
            SORT names GET v_*
            SORT names ALPHA GET w_* GET #
            SORT names ALPHA DESC LIMIT 1 2 STORE e
            LRANGE e 0 -1
            SORT names BY nothing LIMIT 1 2 DESC STORE e
            LRANGE e 0 -1
            SORT z BY v_*",
        );
        for limit in
            ["0 2", "1 2", "-5 2", "2 -3", "100 1", "1 0", "4 1", "1 9223372036854775807", "9223372036854775807 1"]
        {
            clusters.script(&format!(
                "SORT l BY w_* LIMIT {limit}
                SORT l BY w_* DESC LIMIT 0 1 LIMIT {limit} GET v_*
                SORT l GET v_* LIMIT {limit}
                SORT s BY nothing GET v_* LIMIT {limit} STORE d
                LRANGE d 0 -1"
            ));
        }
        // Mistakes: in the words of the server, before it looks at the key.
        for mistake in ["LIMIT 0", "LIMIT x 1", "LIMIT 0 9223372036854775808", "GET", "BY", "STORE", "FOO", "LIMIT"] {
            clusters.script(&format!(
                "SET d kept
                SORT l BY w_* {mistake}
                SORT text GET v_* STORE d {mistake}
                SORT text GET v_* {mistake} STORE d
                GET d"
            ));
        }
        if clusters.has("7.0") {
            clusters.script(
                "SORT_RO l BY w_* GET v_* LIMIT 0 3
                SORT_RO names ALPHA GET w_*
                SORT_RO text BY w_*
                SORT_RO l BY w_* STORE d
                SORT_RO l BY h_*->f desc get # get h_*->f",
            );
        }
        clusters.assert_no_stash();
    }
}

#[test]
fn the_destination_is_replaced() {
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Strip);
    clusters.script(DATA);
    clusters.script(
        "SORT l BY w_* GET v_* GET # STORE d
        LRANGE d 0 -1
        SET d text EX 1000
        SORT l BY w_* STORE d
        LRANGE d 0 -1
        TTL d
        SORT l BY w_* GET none_* STORE l2
        LRANGE l2 0 -1
        SORT l BY w_* LIMIT 5 0 STORE d
        EXISTS d
        RPUSH l2 x
        SORT l BY w_* STORE d STORE l2
        LRANGE l2 0 -1
        EXISTS d
        SORT l BY w_* DESC STORE l
        LRANGE l 0 -1
        SORT l BY w_* GET v_* STORE w_1
        LRANGE w_1 0 -1
        SORT l BY w_* STORE STORE
        LRANGE STORE 0 -1
        SADD odd x
        SORT odd BY v_* STORE d
        SORT l BY v_* STORE d
        EXISTS d",
    );
    clusters.assert_no_stash();
}

#[test]
fn elements_of_any_bytes() {
    // Without tags, or the names that one server and several store would differ.
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Off);
    let elements: [&[u8]; 9] = [b"", b"\0", b"\xff\r\n", b"a*b", b"{a}", b"a{b}", b"a->b", b"#", b" "];
    for (nth, element) in elements.iter().enumerate() {
        clusters.agree(&[&b"RPUSH"[..], b"l", element]).unwrap();
        let name = [b"w_", *element, b"_\xfe"].concat();
        clusters.agree(&[&b"SET"[..], &name, (100 - nth).to_string().as_bytes()]).unwrap();
        clusters.agree(&[&b"HSET"[..], &[b"h_", *element].concat(), b"f\0", element]).unwrap();
    }
    for words in [
        &[&b"SORT"[..], b"l", b"BY", b"w_*_\xfe"][..],
        &[b"SORT", b"l", b"BY", b"w_*_\xfe", b"GET", b"w_*_\xfe", b"GET", b"h_*->f\0", b"GET", b"#"],
        &[b"SORT", b"l", b"BY", b"h_*->f\0", b"ALPHA", b"STORE", b"d"],
        &[b"LRANGE", b"d", b"0", b"-1"],
        &[b"SORT", b"l", b"ALPHA", b"GET", b"#", b"GET", b"*", b"STORE", b"d"],
        &[b"LRANGE", b"d", b"0", b"-1"],
        &[b"SORT", b"l", b"BY", b"nothing\0*", b"GET", b"#\0", b"GET", b"h_*\0->f"],
    ] {
        clusters.agree(words).unwrap();
    }
}

#[test]
fn weights_are_numbers_where_the_server_takes_them_for_numbers() {
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Strip);
    clusters.script("RPUSH l 1 2 3 4");
    clusters.script("MSET w_2 -1 w_3 5 w_4 1e-200");
    for weight in [
        &b""[..],
        b"0",
        b"-0",
        b"+5",
        b"5.",
        b".5",
        b"4.9999999999999999999",
        b"1e308",
        b"inf",
        b"-INFINITY",
        b" 1",
        b"\t1",
        b"1 ",
        b"0x10",
        b"-0x1.8p1",
        b"0x1p-1074",
        b"1e400",
        b"-1e400",
        b"1e-310",
        b"1e-400",
        b"nan",
        b"-nan",
        b"x",
        b".",
        b"1e",
        b"++1",
        b"0x",
        b"1\0x",
        b"\0",
        b"\xff",
        b"1,5",
        b"infx",
        b"nan(1)",
        b"0e99999",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"123456789012345678901234567890123456789012345678901234567890123456789",
    ] {
        clusters.agree(&[&b"SET"[..], b"w_1", weight]).unwrap();
        for line in ["SORT l BY w_*", "SORT l BY w_* DESC GET w_* STORE d"] {
            let _ = clusters.agree(&line.split(' ').collect::<Vec<_>>());
            // An old server that met a number out of range takes the next ones for such as well, until one of its
            // system calls fails: that to accept one more connection does.
            clusters.servers.iter().flatten().for_each(|server| drop(server.ask(&["PING"])));
        }
        clusters.agree(&["LRANGE", "d", "0", "-1"]).unwrap();
    }
    clusters.script("SET w_1 x");
    let (kind, message, outcome) = clusters.agree(&["SORT", "l", "BY", "w_*", "STORE", "d"]).unwrap_err();
    assert_eq!(message, "ERR One or more scores can't be converted into double");
    assert_eq!((kind, outcome), (ErrorKind::Server, Outcome::NotApplied));
    clusters.assert_no_stash();
}

#[test]
fn a_tag_in_a_pattern_leads_to_its_node() {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.rpush("l{t}", [1, 2, 3]).unwrap();
    let tag = ["a", "b", "c"].iter().find(|tag| cluster.node_for(tag) != cluster.node_for("t")).unwrap();
    for (nth, weight) in [(1, 30), (2, 10), (3, 20)] {
        cluster.set(format!("w_{nth}{{t}}"), weight).unwrap();
        cluster.set(format!("w_{nth}{{{tag}}}"), -weight).unwrap();
        cluster.hset(format!("h_{nth}{{{tag}}}"), [("f", weight)]).unwrap();
    }
    let sorted = |by: &str| cluster.sort::<_, Vec<i64>>("l{t}", SortOptions::new().by(by)).unwrap();
    let is_native = |pattern: &str| cluster.plan(&cmd("SORT").args_of(["l{t}", "BY", pattern])).unwrap().is_native();
    assert_eq!((sorted("w_*{t}"), is_native("w_*{t}")), (vec![2, 3, 1], true));
    let elsewhere = format!("w_*{{{tag}}}");
    assert_eq!((sorted(&elsewhere), is_native(&elsewhere)), (vec![1, 3, 2], false));
    let field = format!("h_*{{{tag}}}->f");
    assert_eq!((sorted(&field), is_native(&field)), (vec![2, 3, 1], false));
    assert!(is_native("h_*{t}->f"), "the tag is that of the key");
    assert!(!is_native("h_*->f{t}"), "the tag is that of the key");
    // What lives together is asked together.
    let plan = cluster.plan(&cmd("SORT").args_of(["l{t}", "BY", &elsewhere])).unwrap();
    assert_eq!(plan.steps().len(), 2, "{plan:?}");
}

#[test]
fn an_element_may_be_the_tag() {
    for count in [1, 3] {
        let servers: Vec<Server> = (0..count).map(|_| Server::start()).collect();
        let cluster = cluster_of(&servers).hash_tags(HashTags::Keep).connect().unwrap();
        cluster.rpush("l", [1, 2, 3]).unwrap();
        for (nth, weight) in [(1, 30), (2, 10), (3, 20)] {
            cluster.set(format!("own{{{nth}}}"), weight).unwrap();
        }
        let sorted = |by: &str| cluster.sort::<_, Vec<i64>>("l", SortOptions::new().by(by)).unwrap();
        assert_eq!(sorted("own{*}"), [2, 3, 1], "{count} nodes");
        // Where the tag is not stored, all three are one key on each server.
        let cluster = cluster_of(&servers).connect().unwrap();
        cluster.set("own", "x").unwrap();
        cluster.set("own{1}", 7).unwrap();
        let values: Vec<Option<String>> = cluster.sort("l", SortOptions::new().limit(0, 1).get("own{*}")).unwrap();
        assert_eq!(values, [Some("7".to_owned())], "{count} nodes");
    }
}

#[test]
fn five_thousand_elements() {
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Strip);
    let mut chance = Chance::of(7);
    let numbers: Vec<String> = (0..5_000).map(|_| chance.below(4_000).to_string()).collect();
    for cluster in &clusters.clusters {
        cluster.rpush("l", &numbers).unwrap();
        let weights: Vec<(String, u32)> = (0..3_900).map(|n| (format!("w_{n}"), n * 7919 % 997)).collect();
        cluster.mset(&weights).unwrap();
        for n in (0..4_000).step_by(9) {
            cluster.hset(format!("h_{n}"), [("f", n)]).unwrap();
        }
    }
    for line in [
        "SORT l BY w_* GET # GET h_*->f GET w_*",
        "SORT l BY w_* DESC LIMIT 10 3000 GET h_*->f STORE d",
        "LRANGE d 0 -1",
        "SORT l BY w_* GET # GET # GET # STORE d",
        "LRANGE d 0 -1",
    ] {
        clusters.agree(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
}

/// `SORT_SEED` repeats a run, `SORT_COMMANDS` says how many commands it has.
#[test]
fn by_chance() {
    let given = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = given("SORT_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let count = given("SORT_COMMANDS").unwrap_or(2_000);
    println!("SORT_SEED={seed} SORT_COMMANDS={count}");
    let protocol = if seed % 2 == 0 { Protocol::Resp2 } else { Protocol::Resp3 };
    let clusters = Clusters::start(protocol, HashTags::Strip);
    let read_only = clusters.has("7.0");
    let mut chance = Chance::of(seed);
    let (mut sorts, mut refused) = (0, 0);
    for _ in 0..count {
        let words = match chance.below(3) {
            0 => fill(&mut chance),
            _ => sort(&mut chance, read_only),
        };
        sorts += usize::from(words[0].starts_with("SORT"));
        refused += usize::from(clusters.agree(&words).is_err());
        if let Some(at) = words.iter().position(|word| word == "STORE") {
            if let Some(destination) = words.get(at + 1) {
                let _ = clusters.agree(&["LRANGE", destination, "0", "-1"]);
            }
        }
    }
    clusters.assert_no_stash();
    assert!(sorts as u64 > count / 2 && refused < sorts / 2, "{sorts} sorts, {refused} errors");
}

const ELEMENTS: [&str; 12] = ["1", "2", "3", "10", "-7", "20", "1.5", "100", "3e2", "0", "08", "99999999"];
const LISTS: [&str; 4] = ["l", "k", "m", "tl{t}"];
const WEIGHTS: [&str; 8] = ["0", "1", "-1", "1.5", "3", "inf", "1e10", "-2.25"];
// Without those out of range, after which old servers are mistaken about others.
const DOUBTFUL: [&str; 6] = ["", " 1", "0x10", "nan", "word", "1 "];
const PATTERNS: [&str; 9] = ["w_*", "tw_*{t}", "h_*->f", "th_*{t}->f", "w_*->f", "h_*", "none_*", "u_*", "w_*->"];

/// Something to sort, or to sort by.
fn fill(chance: &mut Chance) -> Vec<String> {
    let element = *chance.one_of(&ELEMENTS);
    let weight = if chance.once_in(60) { *chance.one_of(&DOUBTFUL) } else { *chance.one_of(&WEIGHTS) };
    let words = match chance.below(9) {
        0 | 1 => vec!["RPUSH", *chance.one_of(&LISTS), element],
        // Small numbers: of others each server has an order of its own.
        2 => vec!["SADD", "s", ["1", "2", "3", "10", "-7", "20"][chance.below(6)]],
        3 => vec!["ZADD", "z", *chance.one_of(&["1", "2", "3"]), element],
        4 => return vec!["SET".into(), format!("w_{element}"), weight.into()],
        5 => return vec!["SET".into(), format!("tw_{element}{{t}}"), weight.into()],
        6 => return vec!["HSET".into(), format!("h_{element}"), "f".into(), weight.into()],
        7 => return vec!["HSET".into(), format!("th_{element}{{t}}"), "f".into(), weight.into()],
        // No two the same: servers do not say what comes first then.
        _ => return vec!["SET".into(), format!("u_{element}"), format!("u{element}")],
    };
    words.into_iter().map(str::to_owned).collect()
}

fn sort(chance: &mut Chance, read_only: bool) -> Vec<String> {
    let mut words: Vec<&str> = vec![if read_only && chance.once_in(4) { "SORT_RO" } else { "SORT" }];
    words.push(*chance.one_of(&["l", "k", "m", "tl{t}", "s", "z", "missing", "d"]));
    let mut by_unique = false;
    for _ in 0..chance.below(6) {
        match chance.below(12) {
            0 => words.push("DESC"),
            1 => words.push(*chance.one_of(&["ASC", "desc"])),
            2 | 3 => {
                words.extend(["LIMIT", *chance.one_of(&["0", "1", "2", "-1"]), *chance.one_of(&["2", "0", "-1", "5"])])
            }
            4 | 5 => words.extend(["BY", *chance.one_of(&PATTERNS)]),
            6 => words.extend(["BY", "nothing"]),
            7 => words.extend(["GET", "#"]),
            8 | 9 => words.extend(["GET", *chance.one_of(&PATTERNS)]),
            10 => words.extend(["STORE", *chance.one_of(&["d", "e", "td{t}"])]),
            _ if !by_unique => {
                by_unique = true;
                words.push("ALPHA");
            }
            _ => words.push(*chance.one_of(&["FOO", "BY", "LIMIT", "GET"])),
        }
    }
    // Text by text, only what differs has one order.
    if by_unique && words.contains(&"BY") {
        words.retain(|word| *word != "ALPHA");
    }
    words.into_iter().map(str::to_owned).collect()
}

#[test]
fn text_by_text() {
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Strip);
    for (nth, element) in ELEMENTS.iter().enumerate() {
        clusters.agree(&["RPUSH", "l", *element]).unwrap();
        // The last one has none: it comes first.
        if nth + 1 < ELEMENTS.len() {
            clusters.agree(&["SET", &format!("u_{element}"), &format!("word{:02}", nth * 5 % 11)]).unwrap();
        }
    }
    for line in [
        "SORT l BY u_* ALPHA",
        "SORT l BY u_* ALPHA DESC GET # GET u_*",
        "SORT l ALPHA LIMIT 2 4 BY u_* STORE d",
        "LRANGE d 0 -1",
    ] {
        clusters.agree(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn text_ends_at_a_nul_unless_it_is_stored() {
    let clusters = Clusters::start(Protocol::Resp2, HashTags::Strip);
    clusters.script("RPUSH l 1 2");
    clusters.agree(&[&b"MSET"[..], b"w_1", b"a\0z", b"w_2", b"a\0y"]).unwrap();
    assert_eq!(clusters.agree(&["SORT", "l", "BY", "w_*", "ALPHA"]), Ok(texts(&["1", "2"])));
    clusters.agree(&["SORT", "l", "BY", "w_*", "ALPHA", "STORE", "d"]).unwrap();
    assert_eq!(clusters.agree(&["LRANGE", "d", "0", "-1"]), Ok(texts(&["2", "1"])));
}

#[test]
fn what_is_empty_stays_typed() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.rpush("foo", [2, 1]).unwrap();
    assert_eq!(run(&cluster, &["SORT", "foo", "GET", "v_*"]), Ok(Value::Array(vec![Value::Nil, Value::Nil])));
    assert_eq!(run(&cluster, &["SORT", "foo", "GET", "#", "STORE", "bar"]), Ok(Value::Integer(2)));
    assert_eq!(run(&cluster, &["LRANGE", "bar", "0", "-1"]), Ok(texts(&["1", "2"])));
}
