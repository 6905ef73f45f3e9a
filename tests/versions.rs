//! Servers of different versions as one cluster: what an older one packs a newer one unpacks, and where that is not so,
//! or the user may not do it, the error says what it means and nothing has changed.
//!
//! `REDISCLUSTER_SERVERS` names the servers, as for the conformance test.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Value};
use rediscluster_testing::{cluster_of, named_programs, skipped, Reply, Server};
use std::path::PathBuf;

/// From the oldest to the newest, as far as they understand each other.
const NAMES: [&str; 4] = ["redis-6.2", "redis-7.0", "redis-8.2", "valkey-9.1"];

/// The programs that are here, by name.
fn programs() -> Vec<(&'static str, PathBuf)> {
    let named = named_programs();
    let found = |name: &'static str| {
        let path = named.iter().find(|(given, _)| given == name).map(|(_, path)| (name, path.clone()));
        if path.is_none() {
            skipped(&format!("values are NOT carried from and to {name} (make test gets it)"));
        }
        path
    };
    NAMES.into_iter().filter_map(found).collect()
}

/// Two servers, the first with `from`'s data, and two keys on each of them.
struct Pair {
    servers: [Server; 2],
    cluster: Cluster,
    /// On the first node.
    from: [String; 2],
    /// On the second node.
    to: [String; 2],
}

impl Pair {
    fn of(servers: [Server; 2]) -> Pair {
        let cluster = cluster_of(&servers).masters_only(true).connect().unwrap();
        Pair::with(servers, cluster)
    }

    fn with(servers: [Server; 2], cluster: Cluster) -> Pair {
        let keys = |name: &str, node: &str| {
            let mut found = (0..).map(|n| format!("{name}{n}")).filter(|key| cluster.node_for(key).name() == node);
            [found.next().unwrap(), found.next().unwrap()]
        };
        let (from, to) = (keys("from", "node_1"), keys("to", "node_2"));
        Pair { servers, cluster, from, to }
    }

    /// `F` and `G` are on the first node, `T` and `U` on the second.
    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| match word {
            "F" => self.from[0].clone(),
            "G" => self.from[1].clone(),
            "T" => self.to[0].clone(),
            "U" => self.to[1].clone(),
            word => word.to_owned(),
        };
        line.split(' ').map(word).collect()
    }

    fn run(&self, line: &str) -> Result<Value, Error> {
        let words = self.words(line);
        self.cluster.execute(cmd(&words[0]).args_of(&words[1..]))
    }

    /// Asks the first server without the library.
    fn begin(&self, lines: &[&str]) {
        self.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        for line in lines {
            let words = self.words(line);
            let on_second = self.to.iter().any(|key| words.contains(key));
            let reply = self.servers[usize::from(on_second)].ask(&words);
            assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
        }
    }

    /// All that both servers hold, packed, and whether it expires.
    fn everything(&self) -> Vec<(String, Reply, bool)> {
        let mut held = Vec::new();
        for server in &self.servers {
            let Reply::Array(keys) = server.ask(&["KEYS", "*"]).sorted() else { panic!("KEYS gives a list") };
            for key in keys.iter().map(Reply::text) {
                let (packed, expires) = (server.ask(&["DUMP", &key]), server.ask(&["PTTL", &key]).int() > 0);
                held.push((key, packed, expires));
            }
        }
        held
    }

    /// Whether the second server unpacks what the first one packs, tried without the library.
    fn understands(&self) -> bool {
        self.servers[0].ask(&["SET", "probe", "x"]);
        let Reply::Bulk(packed) = self.servers[0].ask(&["DUMP", "probe"]) else { panic!("it was set") };
        let restored = self.servers[1].ask(&[&b"RESTORE"[..], b"probe", b"0", &packed]);
        self.servers.iter().for_each(|server| drop(server.ask(&["DEL", "probe"])));
        restored == Reply::ok()
    }
}

/// A value as every version tells of it.
fn shown(server: &Server, key: &str) -> String {
    let kind = server.ask(&["TYPE", key]).text();
    let value = match kind.as_str() {
        "string" => server.ask(&["GET", key]),
        "list" => server.ask(&["LRANGE", key, "0", "-1"]),
        "set" => server.ask(&["SMEMBERS", key]).sorted(),
        "hash" => {
            let Reply::Array(items) = server.ask(&["HGETALL", key]) else { panic!("HGETALL gives a list") };
            Reply::Array(items.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect()).sorted()
        }
        "zset" => server.ask(&["ZRANGE", key, "0", "-1", "WITHSCORES"]),
        "stream" => Reply::Array(vec![
            server.ask(&["XRANGE", key, "-", "+"]),
            // What newer versions add comes behind.
            match server.ask(&["XINFO", "GROUPS", key]) {
                Reply::Array(groups) => Reply::Array(
                    groups
                        .into_iter()
                        .map(|group| match group {
                            Reply::Array(fields) => Reply::Array(fields.into_iter().take(8).collect()),
                            other => other,
                        })
                        .collect(),
                ),
                other => other,
            },
            server.ask(&["XPENDING", key, "group"]),
        ]),
        other => panic!("{key} is a {other}"),
    };
    format!("{kind} {value:?}, expires: {}", server.ask(&["PTTL", key]).int() > 0)
}

/// A value of every type, each made by some commands.
const VALUES: &[&[&str]] = &[
    &["SET F text EX 1000"],
    &["SET F 12345"],
    &["RPUSH F 1 two three"],
    &["SADD F 1 2 3"],
    &["SADD F 1 two three"],
    &["HSET F field value number 7"],
    &["ZADD F 1.5 one -inf two 3 three"],
    &["PFADD F a b c d e"],
    &[
        "XADD F 1-1 field value",
        "XADD F 2-1 field value other 2",
        "XADD F 3-1 field value",
        "XDEL F 2-1",
        "XGROUP CREATE F group 0",
        "XREADGROUP GROUP group me COUNT 1 STREAMS F >",
    ],
];

/// What begins with these and carries from the first node to the second.
const CARRIED: &[(&[&str], &str)] = &[
    (&["SET F x PX 1000000", "SET T old"], "RENAME F T"),
    (&["RPUSH F x"], "RENAMENX F T"),
    (&["SET F x", "SET T old"], "COPY F T REPLACE"),
    (&["SET F x"], "COPY F T"),
    (&["ZADD F 1 x", "ZADD T 2 y"], "ZUNIONSTORE T 2 F T"),
    (&["ZADD F 1 x", "ZADD T 2 x"], "ZINTERSTORE T 2 F T"),
    (&["ZADD F 1 x", "ZADD U 2 x", "ZADD T 2 x"], "ZUNION 3 F T U"),
    (&["ZADD F 1 x", "ZADD T 2 x"], "ZRANGESTORE T F 0 -1"),
    (&["SET F abc", "SET T bcd"], "BITOP OR T F T"),
    (&["PFADD F a b", "PFADD T b c"], "PFMERGE T F"),
    (&["PFADD F a b", "PFADD T b c", "PFADD U d"], "PFCOUNT T U F"),
    (&["GEOADD F 13.3 38.1 x", "ZADD T 2 x"], "GEOSEARCHSTORE T F FROMLONLAT 13 38 BYRADIUS 200 km"),
];

#[test]
fn values_go_where_they_are_understood_and_are_refused_elsewhere() {
    let programs = programs();
    let start = |path: &PathBuf| Server::builder().binary(path).start();
    let mut works = Vec::new();
    for (from, first) in &programs {
        for (to, second) in programs.iter().filter(|(to, _)| to != from) {
            let pair = Pair::of([start(first), start(second)]);
            let understands = pair.understands();
            println!("{from} to {to}: {understands}");
            if understands {
                works.push((*from, *to));
                every_value_goes_over(&pair);
            } else {
                every_carrying_is_refused(&pair);
            }
        }
    }
    let position = |name: &str| NAMES.iter().position(|known| *known == name);
    for (from, to) in works {
        assert!(position(from) < position(to), "{to} unpacks what {from} packs: NAMES is not in order");
    }
}

fn every_value_goes_over(pair: &Pair) {
    for begin in VALUES {
        for line in ["RENAME F T", "RENAMENX F T", "COPY F T"] {
            pair.begin(begin);
            let before = shown(&pair.servers[0], &pair.from[0]);
            pair.run(line).unwrap_or_else(|error| panic!("{begin:?} {line}: {error}"));
            assert_eq!(shown(&pair.servers[1], &pair.to[0]), before, "{begin:?} {line}");
            let left = pair.servers[0].ask(&["EXISTS", &pair.from[0]]).int();
            assert_eq!(left, i64::from(line.starts_with("COPY")), "{begin:?} {line}");
            assert_eq!(pair.everything().len(), 1 + left as usize, "{begin:?} {line}");
        }
    }
    for (begin, line) in CARRIED {
        pair.begin(begin);
        pair.run(line).unwrap_or_else(|error| panic!("{begin:?} {line}: {error}"));
        assert!(pair.everything().iter().all(|(key, ..)| !key.contains("stash")), "{line}");
    }
}

fn every_carrying_is_refused(pair: &Pair) {
    for (begin, line) in CARRIED {
        pair.begin(begin);
        let before = pair.everything();
        let error = pair.run(line).expect_err(line);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Server, Outcome::NotApplied), "{line}: {error:?}");
        assert!(error.node().is_some_and(|node| node.starts_with("node_2 (")), "{line}: {error:?}");
        assert_eq!(error.command(), line.split(' ').next(), "{error:?}");
        // The server's own words, and what they mean here.
        assert!(error.message().contains("DUMP payload version or checksum are wrong"), "{line}: {error}");
        assert!(error.message().contains("packed by a newer or another kind of server"), "{line}: {error}");
        assert_eq!(pair.everything(), before, "{line} changed something: {error}");
    }
}

#[test]
fn who_may_not_carry_is_told_so_and_nothing_changes() {
    let servers = [Server::start(), Server::start()];
    let user = |server: &Server, rules: &[&str]| {
        let user = ["ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "&*", "+@all"];
        let words: Vec<&str> = user.into_iter().chain(rules.iter().copied()).collect();
        assert_eq!(server.ask(&words), Reply::ok(), "{rules:?}");
    };
    servers.iter().for_each(|server| user(server, &[]));
    let builder = cluster_of(&servers).masters_only(true).username("app").password("secret");
    let cluster = builder.connect().unwrap();
    let pair = Pair::with(servers, cluster);
    let forbidden: [(&[&str], &[&str], &str, &str); 4] = [
        (&["-dump"], &[], "node_1", "dump"),
        (&[], &["-restore"], "node_2", "restore"),
        (&["-@dangerous"], &["-@dangerous"], "node_2", "restore"),
        (&[], &["resetkeys", "~to*"], "node_2", "key"),
    ];
    for (first, second, node, word) in forbidden {
        for (begin, line) in CARRIED {
            // COPY needs no name of its own.
            if word == "key" && line.starts_with("COPY") {
                continue;
            }
            user(&pair.servers[0], first);
            user(&pair.servers[1], second);
            pair.begin(begin);
            let before = pair.everything();
            let error = pair.run(line).expect_err(line);
            let told = format!("{first:?} {second:?} {line}: {error:?}");
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{told}");
            assert!(error.node().is_some_and(|name| name.starts_with(node)), "{told}");
            assert_eq!(error.command(), line.split(' ').next(), "{told}");
            assert!(error.message().starts_with("NOPERM") && error.message().contains(word), "{told}");
            assert!(error.message().contains("DUMP and RESTORE"), "{told}");
            assert_eq!(pair.everything(), before, "{told}");
        }
    }
}

#[test]
fn who_may_not_use_stashes_is_told_so() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        let user = ["ACL", "SETUSER", "app", "reset", "on", ">secret", "~from*", "~to*", "&*", "+@all"];
        assert_eq!(server.ask(&user), Reply::ok());
    }
    let cluster = cluster_of(&servers).masters_only(true).username("app").password("secret").connect().unwrap();
    let pair = Pair::with(servers, cluster);
    for (begin, line) in [("SADD F x", "SMOVE F T x"), ("RPUSH F x", "LMOVE F T LEFT LEFT"), ("SET F x", "RENAME F T")]
    {
        pair.begin(&[begin]);
        let before = pair.everything();
        let error = pair.run(line).expect_err(line);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{line}: {error:?}");
        assert!(error.message().contains("rediscluster:stash:"), "{line}: {error}");
        assert!(error.node().is_some(), "{line}: {error:?}");
        assert_eq!(pair.everything(), before, "{line}: {error}");
    }
}
