//! Values that go from node to node come there as they were: every type and encoding, expiry, binary names, large ones;
//! and commands on copies give what one server gives.

use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, Value};
use rediscluster_testing::{cluster_of, Reply, Server};
use std::time::Duration;

/// Three servers, and names that no text has.
struct Three {
    servers: Vec<Server>,
    cluster: Cluster,
    /// On the first node.
    from: Vec<u8>,
    /// On the second node.
    to: Vec<u8>,
}

impl Three {
    fn start() -> Three {
        let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
        let cluster = cluster_of(&servers).masters_only(true).deadline(Duration::from_secs(60)).connect().unwrap();
        let key = |name: &[u8], node: &str| {
            let mut keys = (0..).map(|number| [name, number.to_string().as_bytes()].concat());
            keys.find(|key| cluster.node_for(key).name() == node).unwrap()
        };
        let (from, to) = (key(b"\0from\r\n \xff\"{", "node_1"), key(b"*1\r\n$2\r\n\x80to", "node_2"));
        Three { servers, cluster, from, to }
    }

    fn run(&self, words: &[&[u8]]) -> Result<Value, Error> {
        self.cluster.execute(cmd(std::str::from_utf8(words[0]).unwrap()).args_of(&words[1..]))
    }

    fn name(&self, name: &str) -> Result<Value, Error> {
        self.run(&[name.as_bytes(), &self.from, &self.to])
    }

    fn begin(&self, made: &[Vec<Vec<u8>>]) {
        self.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        for words in made {
            let reply = self.servers[0].ask(words);
            assert!(!matches!(reply, Reply::Error(_)), "{reply:?}");
        }
    }
}

/// Everything that can be known of a value.
fn shown(server: &Server, key: &[u8]) -> String {
    let ask = |words: &[&str]| {
        let words: Vec<&[u8]> = words.iter().map(|word| if *word == "KEY" { key } else { word.as_bytes() }).collect();
        server.ask(&words)
    };
    let kind = ask(&["TYPE", "KEY"]).text();
    let value = match kind.as_str() {
        "string" => ask(&["GET", "KEY"]),
        "list" => ask(&["LRANGE", "KEY", "0", "-1"]),
        "set" => ask(&["SMEMBERS", "KEY"]).sorted(),
        "hash" => pairs(ask(&["HGETALL", "KEY"])).sorted(),
        "zset" => ask(&["ZRANGE", "KEY", "0", "-1", "WITHSCORES"]),
        // How the tree is built says nothing of the value.
        "stream" => match pairs(ask(&["XINFO", "STREAM", "KEY", "FULL", "COUNT", "0"])) {
            Reply::Array(fields) => Reply::Array(
                fields.into_iter().filter(|field| !format!("{field:?}").contains("114, 97, 100, 105, 120")).collect(),
            ),
            other => other,
        },
        "vectorset" => Reply::Array(vec![ask(&["VINFO", "KEY"]), ask(&["VEMB", "KEY", "a"])]),
        other => panic!("a {other}"),
    };
    // How a text is held depends on whether it was written whole, appended to, or restored, and on the version.
    let encoding = ask(&["OBJECT", "ENCODING", "KEY"]).text().replace("embstr", "raw");
    format!("{kind} {encoding} {value:?}, expires: {}", ask(&["PTTL", "KEY"]).int() > 0)
}

fn pairs(reply: Reply) -> Reply {
    let Reply::Array(items) = reply else { panic!("{reply:?} is no list") };
    Reply::Array(items.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect())
}

/// A command.
type Words = Vec<Vec<u8>>;

/// What makes a value: a line with `F` for its key, and behind it as many more words as `count` says.
fn made(line: &str, count: usize, word: impl Fn(usize) -> Vec<String>, key: &[u8]) -> Words {
    let own = line.split(' ').map(|word| if word == "F" { key.to_vec() } else { word.as_bytes().to_vec() });
    own.chain((0..count).flat_map(word).map(String::into_bytes)).collect()
}

/// What it is, the encoding that it must have where all versions agree, and how it is made.
fn values(three: &Three) -> Vec<(&'static str, &'static str, Vec<Words>)> {
    let key = &three.from;
    let line = |line: &str| made(line, 0, |_| Vec::new(), key);
    let many = |line: &str, count: usize, word: &dyn Fn(usize) -> Vec<String>| made(line, count, word, key);
    let long = |number: usize| vec![format!("{number}{}", "x".repeat(100))];
    let mut values = vec![
        ("a number", "int", vec![line("SET F 12345")]),
        ("a number below 0", "int", vec![line("SET F -9223372036854775808")]),
        ("a short text", "embstr", vec![line("SET F short")]),
        (
            "no text",
            "embstr",
            vec![line("SETBIT F 0 0"), line("SETRANGE F 0 x"), made("SET F", 1, |_| vec![String::new()], key)],
        ),
        ("a long text", "raw", vec![many("SET F", 1, &|_| vec!["long ".repeat(100)])]),
        ("bytes", "", vec![vec![b"SET".to_vec(), key.clone(), (0..40).chain([255, 13, 10]).collect()]]),
        ("bits", "", vec![line("SETBIT F 100000 1")]),
        ("a text that expires", "embstr", vec![line("SET F short PX 1000000")]),
        ("a short list", "", vec![line("RPUSH F 1 two -3 4.5")]),
        ("a long list", "quicklist", vec![many("RPUSH F", 3_000, &long)]),
        ("a set of numbers", "intset", vec![line("SADD F 1 2 -70000 9223372036854775807")]),
        ("a short set", "", vec![line("SADD F 1 two three")]),
        ("a long set", "hashtable", vec![many("SADD F", 1_000, &long)]),
        ("a short hash", "", vec![line("HSET F field value number 7")]),
        ("a long hash", "hashtable", vec![many("HSET F", 1_000, &|n| vec![format!("f{n}"), format!("v{n}")])]),
        ("a hash that expires", "", vec![line("HSET F field value"), line("PEXPIRE F 1000000")]),
        ("a short sorted set", "", vec![line("ZADD F 0.1 a -inf b inf c 1e300 d 1.5 e 3.0000000000000004 f")]),
        (
            "a long sorted set",
            "skiplist",
            vec![many("ZADD F", 1_000, &|n| vec![format!("{}", n as f64 / 7.0), format!("m{n}")])],
        ),
        ("places", "", vec![line("GEOADD F 13.361389 38.115556 Palermo 15.087269 37.502669 Catania")]),
        ("a small estimate", "", vec![line("PFADD F a b c")]),
        ("a large estimate", "", vec![many("PFADD F", 20_000, &|n| vec![n.to_string()])]),
        (
            "a stream with groups",
            "stream",
            vec![
                line("XADD F 1-1 field value other 1"),
                line("XADD F 2-1 field value other 2"),
                line("XADD F 3-1 field value"),
                line("XADD F 4-1 field value"),
                line("XGROUP CREATE F first 0"),
                line("XGROUP CREATE F second 2-1"),
                line("XREADGROUP GROUP first me COUNT 2 STREAMS F >"),
                line("XREADGROUP GROUP first you COUNT 1 STREAMS F >"),
                line("XREADGROUP GROUP second nobody COUNT 1 STREAMS F >"),
                line("XACK F first 1-1"),
                line("XDEL F 4-1"),
                line("XSETID F 9-9"),
            ],
        ),
        ("a stream without entries", "stream", vec![line("XGROUP CREATE F group $ MKSTREAM")]),
        ("a long stream", "stream", (0..500).map(|n| line(&format!("XADD F {}-0 field {n}", n + 1))).collect()),
    ];
    if three.servers[0].is_since("7.4 or valkey 9.0", "fields that expire") {
        let expire = [line("HSET F a 1 b 2 c 3"), line("HPEXPIRE F 1000000 FIELDS 1 b")];
        values.push(("a hash with a field that expires", "", expire.to_vec()));
    }
    if three.servers[0].is_since("8.0", "vector sets") {
        let add = [line("VADD F VALUES 3 1 2 3 a"), line("VADD F VALUES 3 3 2 1 b")];
        values.push(("a vector set", "", add.to_vec()));
    }
    values
}

#[test]
fn every_type_and_encoding_goes_over_as_it_is() {
    let three = Three::start();
    for (what, encoding, made) in values(&three) {
        for name in ["RENAME", "RENAMENX", "COPY"] {
            three.begin(&made);
            let before = shown(&three.servers[0], &three.from);
            let held = three.servers[0].ask(&[b"OBJECT".as_slice(), b"ENCODING", &three.from]).text();
            assert!(encoding.is_empty() || held == encoding, "{what} is held as {held}");
            let field_expires = |server: &Server, key: &[u8]| {
                server.ask(&[b"HPEXPIRETIME".as_slice(), key, b"FIELDS", b"3", b"a", b"b", b"c"])
            };
            let fields = what.contains("field that").then(|| field_expires(&three.servers[0], &three.from));
            three.name(name).unwrap_or_else(|error| panic!("{name} of {what}: {error}"));
            let after = shown(&three.servers[1], &three.to);
            assert_eq!(after, before, "{name} of {what}");
            assert_eq!(fields.clone().map(|_| field_expires(&three.servers[1], &three.to)), fields, "{name} of {what}");
            let source = three.servers[0].ask(&[b"EXISTS".as_slice(), &three.from]).int();
            assert_eq!(source, i64::from(name == "COPY"), "{name} of {what}");
            let keys = three.servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum::<i64>();
            assert_eq!(keys, 1 + source, "{name} of {what} leaves nothing else");
        }
    }
}

#[test]
fn a_time_to_live_goes_over_and_none_stays_none() {
    let three = Three::start();
    let left = |nth: usize, key: &[u8]| three.servers[nth].ask(&[&b"PTTL"[..], key]).int();
    for name in ["RENAME", "RENAMENX", "COPY"] {
        three.begin(&[made("SET F x PX 600000", 0, |_| Vec::new(), &three.from)]);
        three.name(name).unwrap();
        let now = left(1, &three.to);
        assert!((570_000..=600_000).contains(&now), "{name}: {now} ms are left of 600000");

        three.begin(&[made("SET F x", 0, |_| Vec::new(), &three.from)]);
        // What the destination had before does not stay.
        if name == "RENAME" {
            three.servers[1].ask(&[b"SET".as_slice(), &three.to, b"old", b"EX", b"1000"]);
        }
        three.name(name).unwrap();
        assert_eq!(left(1, &three.to), -1, "{name}");
    }
}

#[test]
fn what_is_about_to_expire_never_stays_for_ever() {
    let three = Three::start();
    let mut came = 0;
    for round in 0..2_000 {
        let name = ["RENAME", "COPY"][round % 2];
        three.run(&[b"DEL", &three.from, &three.to]).unwrap();
        let time = (1 + round / 2 % 6).to_string();
        three.run(&[b"SET", &three.from, b"x", b"PX", time.as_bytes()]).unwrap();
        let result = three.name(name);
        let left = three.run(&[b"PTTL", &three.to]).unwrap();
        assert_ne!(left, Value::Integer(-1), "{name} after {time} ms: {result:?}");
        came += usize::from(result.is_ok_and(|reply| reply != Value::Integer(0)));
    }
    assert!(came > 10, "only {came} of 2000 were in time, so the others say little");
}

#[test]
fn to_expire_on_the_way_is_no_failure() {
    let three = Three::start();
    for round in 0..3_000 {
        let (name, millis) = (["RENAME", "RENAMENX"][round % 2], ["1", "2", "3"][round / 2 % 3]);
        three.run(&[b"DEL", &three.from, &three.to]).unwrap();
        three.run(&[b"SET", &three.from, b"x", b"PX", millis.as_bytes()]).unwrap();
        if let Err(error) = three.name(name) {
            // On one server it is there and goes over, or it is not there.
            assert_eq!((error.message(), error.outcome()), ("ERR no such key", Outcome::NotApplied), "{error}");
        }
    }
}

#[test]
fn twenty_megabytes_go_over() {
    let three = Three::start();
    let large: Vec<u8> = (0..20_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let element = large[..1_000_000].to_vec();
    for name in ["RENAME", "COPY"] {
        three.begin(&[vec![b"SET".to_vec(), three.from.clone(), large.clone()]]);
        three.name(name).unwrap();
        assert!(three.servers[1].ask(&[&b"GET"[..], three.to.as_slice()]) == Reply::bulk(&large), "{name} of a text");
        let pushes = vec![vec![b"RPUSH".to_vec(), three.from.clone(), element.clone()]; 20];
        three.begin(&pushes);
        three.name(name).unwrap();
        let list = three.servers[1].ask(&[b"LRANGE".as_slice(), &three.to, b"0", b"-1"]);
        assert!(list == Reply::bulks(&[&element[..]; 20]), "{name} of a list");
    }
    // One element, and a source of a command that runs on copies.
    three.begin(&[vec![b"RPUSH".to_vec(), three.from.clone(), large.clone()]]);
    three.run(&[b"RPOPLPUSH", &three.from, &three.to]).unwrap();
    assert!(three.servers[1].ask(&[b"LINDEX".as_slice(), &three.to, b"0"]) == Reply::bulk(&large), "an element");
    three.begin(&[vec![b"SET".to_vec(), three.from.clone(), large.clone()]]);
    three.run(&[b"BITOP", b"NOT", &three.to, &three.from]).unwrap();
    let inverted: Vec<u8> = large.iter().map(|byte| !byte).collect();
    assert!(three.servers[1].ask(&[&b"GET"[..], three.to.as_slice()]) == Reply::bulk(&inverted), "BITOP");
}

/// Runs scripts on one, two, three and five nodes; replies and data must be those of one.
struct Sizes {
    servers: Vec<Vec<Server>>,
    clusters: Vec<Cluster>,
}

impl Sizes {
    fn start() -> Sizes {
        let servers: Vec<Vec<Server>> =
            [1, 2, 3, 5].iter().map(|&count| (0..count).map(|_| Server::start()).collect()).collect();
        let clusters = servers
            .iter()
            .map(|servers| cluster_of(servers).deadline(Duration::from_secs(60)).connect().unwrap())
            .collect();
        Sizes { servers, clusters }
    }

    fn agree(&self, script: &str) {
        let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut expected: Option<Vec<String>> = None;
        for (cluster, servers) in self.clusters.iter().zip(&self.servers) {
            servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
            let reply = |line: &&str| {
                let words: Vec<&str> = line.split(' ').collect();
                let reply = cluster.execute(cmd(words[0]).args_of(&words[1..]));
                match reply {
                    Ok(value) => format!("{line} -> {value:?}"),
                    Err(error) => format!("{line} -> {:?} {:?}", error.kind(), error.outcome()),
                }
            };
            let mut found: Vec<String> = lines.iter().map(reply).collect();
            let mut held = Vec::new();
            for server in servers {
                let Reply::Array(keys) = server.ask(&["KEYS", "*"]) else { panic!("KEYS gives a list") };
                held.extend(keys.iter().map(|key| format!("{}: {}", key.text(), shown(server, key.text().as_bytes()))));
            }
            held.sort();
            found.extend(held);
            match &expected {
                None => expected = Some(found),
                Some(expected) => assert_eq!(&found, expected, "{} nodes, against one", servers.len()),
            }
        }
    }
}

#[test]
fn sorted_sets_on_copies() {
    Sizes::start().agree(
        "ZADD a 1 x 2.5 y -inf low inf high
        ZADD b 10 y 0.1 z inf low -inf high
        ZADD c 3 x 0.30000000000000004 z
        SADD s x y plain
        ZUNIONSTORE d1 3 a b c
        ZUNIONSTORE d2 3 a b c WEIGHTS 2 -1 0.5
        ZUNIONSTORE d3 3 a b c WEIGHTS 0 1 0 AGGREGATE MIN
        ZUNIONSTORE d4 3 a s c WEIGHTS 1 3 1 AGGREGATE MAX
        ZUNIONSTORE d5 2 a a WEIGHTS 2 3
        ZINTERSTORE d6 2 a s
        ZINTERSTORE d7 3 a b s WEIGHTS inf 1 1 AGGREGATE MIN
        ZINTERSTORE d8 2 a missing
        ZDIFFSTORE d9 3 a b s
        ZUNIONSTORE a 2 a c
        ZUNIONSTORE d1 1 missing
        ZUNIONSTORE d2 2 a b WEIGHTS 1
        ZUNIONSTORE d2 2 a b WEIGHTS 1 x
        ZUNIONSTORE d2 2 a b AGGREGATE AVG
        ZUNIONSTORE d2 3 a b
        ZUNIONSTORE d2 x a b
        ZUNIONSTORE d2 2 a b WITHSCORES
        SET text x
        ZUNIONSTORE d2 2 a text
        ZUNIONSTORE text 2 a b
        ZUNION 3 a b s WEIGHTS 1 2 3 AGGREGATE MAX WITHSCORES
        ZINTER 2 a b WITHSCORES
        ZDIFF 2 b s WITHSCORES
        ZUNION 2 a b WEIGHTS 1",
    );
}

#[test]
fn ranges_on_copies() {
    Sizes::start().agree(
        "ZADD a 1 one 2 two 3 three 4 four 5 five
        ZADD l 0 a 0 b 0 c 0 d 0 e
        ZRANGESTORE d1 a 0 -1
        ZRANGESTORE d2 a (1 4 BYSCORE
        ZRANGESTORE d3 a 4 1 BYSCORE REV LIMIT 1 2
        ZRANGESTORE d4 a 1 2 REV
        ZRANGESTORE d5 l [b (e BYLEX
        ZRANGESTORE d6 l + - BYLEX REV LIMIT 1 3
        ZRANGESTORE d7 l - + BYLEX LIMIT 0 -1
        ZRANGESTORE d1 a 10 20
        ZRANGESTORE d2 missing 0 -1
        ZRANGESTORE d3 a 0 -1 LIMIT 0 1
        ZRANGESTORE d4 a x y BYSCORE
        ZRANGESTORE d5 a 0 -1 WITHSCORES
        ZRANGESTORE l a -inf +inf BYSCORE
        SET text x
        ZRANGESTORE d6 text 0 -1
        ZRANGESTORE text a 0 1",
    );
}

#[test]
fn places_on_copies() {
    Sizes::start().agree(
        "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2
        GEOSEARCHSTORE d1 g FROMLONLAT 15 37 BYRADIUS 200 km ASC STOREDIST
        GEOSEARCHSTORE d2 g FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3 STOREDIST
        GEOSEARCHSTORE d3 g FROMMEMBER Palermo BYRADIUS 200 km DESC COUNT 1
        GEOSEARCHSTORE d4 g FROMMEMBER Nowhere BYRADIUS 200 km
        GEOSEARCHSTORE d5 missing FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST
        GEOSEARCHSTORE d1 g FROMLONLAT 0 0 BYRADIUS 1 km
        GEOSEARCHSTORE d2 g FROMLONLAT 15 37 BYRADIUS 200 parsec
        GEOSEARCHSTORE d3 g FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST
        GEORADIUS g 15 37 200 km STOREDIST d6
        GEORADIUS g 15 37 200 km COUNT 1 ASC STORE d7
        GEORADIUSBYMEMBER g Catania 300 km STOREDIST d8
        GEORADIUS g 15 37 200 km WITHDIST STORE d8
        GEODIST g Palermo Catania
        GEOSEARCHSTORE g g FROMMEMBER Palermo BYRADIUS 200 km",
    );
}

#[test]
fn bits_and_estimates_on_copies() {
    Sizes::start().agree(
        "SET a abcdef
        SET b \u{1}\u{7f}x
        SET n 12345
        BITOP AND d1 a b missing
        BITOP OR d2 a b n
        BITOP XOR d3 a n a
        BITOP NOT d4 a
        BITOP NOT d5 a b
        BITOP AND a a b
        BITOP OR d1 missing other
        BITOP NAND d1 a b
        RPUSH list 1
        BITOP AND d2 a list
        BITOP AND list a b
        PFADD p 1 2 3 4
        PFADD q 4 5 6
        PFMERGE m p q missing
        PFCOUNT m p q
        PFMERGE p q
        PFMERGE fresh
        PFMERGE other missing
        PFMERGE d1 a p
        PFCOUNT p list
        SET text hello
        PFMERGE text p",
    );
}

#[test]
fn sorts_and_others_on_copies() {
    let sizes = Sizes::start();
    sizes.agree(
        "RPUSH l 3 10 1 2
        RPUSH w pear apple fig
        SADD s 5 1 3
        ZADD z 3 c 1 a 2 b
        SORT l STORE d1
        SORT l DESC LIMIT 1 2 STORE d2
        SORT w STORE d3
        SORT w ALPHA STORE d3
        SORT s STORE d4
        SORT z ALPHA DESC STORE d5
        SORT z BY nosort STORE d6
        DEL z
        SORT missing STORE d1
        SORT l STORE l
        SORT w ALPHA STORE l
        SINTERSTORE d7 s s
        SUNIONSTORE d8 s missing",
    );
    if sizes.servers[0][0].is_since("7.0", "LCS, ZINTERCARD and SINTERCARD") {
        sizes.agree(
            "SET a ohmytext
            SET b mynewtext
            LCS a b
            LCS a b LEN
            LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN
            LCS a missing
            LCS a b LEN IDX
            ZADD z 1 x 2 y 3 z
            SADD s x y w
            SADD t x w
            ZINTERCARD 2 z s
            ZINTERCARD 2 z s LIMIT 1
            ZINTERCARD 2 z s LIMIT -1
            SINTERCARD 3 s t s
            SINTERCARD 2 s t LIMIT 1
            SINTERCARD 2 s z
            LCS a s",
        );
    }
}
