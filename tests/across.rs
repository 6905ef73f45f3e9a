//! A command whose keys live on several nodes gives the answer, the error and the data that one server gives.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Protocol, Value};
use rediscluster_testing::{cluster_of, Reply, Server};

/// Clusters of one, two, three and five empty servers.
struct Clusters {
    _servers: Vec<Vec<Server>>,
    clusters: Vec<Cluster>,
}

impl Clusters {
    fn start(protocol: Protocol) -> Clusters {
        let servers: Vec<Vec<Server>> =
            [1, 2, 3, 5].iter().map(|&count| (0..count).map(|_| Server::start()).collect()).collect();
        let clusters =
            servers.iter().map(|servers| cluster_of(servers).protocol(protocol).connect().unwrap()).collect();
        Clusters { _servers: servers, clusters }
    }

    /// Runs the script on all of them, from nothing, and compares every reply and the data at the end.
    fn agree(&self, script: &str) {
        let mut expected: Option<(Vec<String>, Vec<String>)> = None;
        for (cluster, count) in self.clusters.iter().zip([1, 2, 3, 5]) {
            cluster.execute(cmd("FLUSHALL")).unwrap();
            let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let replies = lines.iter().map(|line| format!("{line} -> {}", shown(line, run(cluster, line)))).collect();
            let found = (replies, contents(cluster));
            match &expected {
                None => expected = Some(found),
                Some(expected) => assert_eq!(&found, expected, "{count} nodes, against one"),
            }
        }
    }
}

fn run(cluster: &Cluster, line: &str) -> Result<Value, Error> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    cluster.execute(cmd(name).args_of(words.collect::<Vec<_>>()))
}

fn shown(line: &str, reply: Result<Value, Error>) -> String {
    match reply {
        Ok(Value::Array(mut items) | Value::Set(mut items)) => {
            if ["SUNION", "SINTER", "SDIFF", "SMEMBERS", "KEYS"].iter().any(|name| line.starts_with(name)) {
                items.sort_by_key(|item| format!("{item:?}"));
            }
            format!("{items:?}")
        }
        Ok(value) => format!("{value:?}"),
        // Servers differ in the words behind the code.
        Err(error) => format!("error {:?} {:?}", error.code().unwrap_or("ERR"), error.outcome()),
    }
}

/// Every key with its type, value and whether it expires.
fn contents(cluster: &Cluster) -> Vec<String> {
    let mut keys: Vec<String> = cluster.execute(cmd("KEYS").arg("*").reply()).unwrap();
    keys.sort();
    let describe = |key: &String| {
        let kind: String = cluster.execute(cmd("TYPE").arg(key).reply()).unwrap();
        let read = match kind.as_str() {
            "string" => format!("GET {key}"),
            "list" => format!("LRANGE {key} 0 -1"),
            "set" => format!("SMEMBERS {key}"),
            "hash" => format!("HGETALL {key}"),
            other => format!("TYPE {key} {other}"),
        };
        let ttl: i64 = cluster.execute(cmd("PTTL").arg(key).reply()).unwrap();
        format!("{key} {kind} {} expires: {}", shown(&read, run(cluster, &read)), ttl > 0)
    };
    keys.iter().map(describe).collect()
}

fn on_both_protocols(scripts: &[&str]) {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let clusters = Clusters::start(protocol);
        scripts.iter().for_each(|script| clusters.agree(script));
    }
}

#[test]
fn the_session_of_the_original() {
    on_both_protocols(&["SADD foo a1 a2 a3
        SADD bar b1 a2 b3
        SDIFFSTORE foobar foo bar
        SMEMBERS foobar"]);
}

#[test]
fn split_by_key() {
    on_both_protocols(&[
        "MSET a 1 b 2 c 3 d 4 a 5 e 6
        MGET a b c d e missing a
        EXISTS a b c a a missing
        TOUCH a b missing a
        DEL a b a missing
        UNLINK c d c
        MGET a b c d e
        DBSIZE",
        "LPUSH list x
        MGET list list
        DEL list",
        "MSET a
        MSET a 1 b
        MGET
        DEL
        EXISTS",
    ]);
}

#[test]
fn set_if_none_exists() {
    on_both_protocols(&[
        "MSETNX a 1 b 2 c 3
        MSETNX d 1 e 2 a 3
        EXISTS d e
        MSETNX f 1 f 2 g 3
        MGET a b c f g
        MSETNX a
        SADD s x
        MSETNX s 1 t 2",
        "MSETNX a 1 b",
    ]);
}

#[test]
fn merged_sets() {
    on_both_protocols(&["SADD a 1 2 3 4 x
        SADD b 2 4 y
        SADD c 4 y z
        SUNION a b c
        SINTER a b c
        SDIFF a b c
        SDIFF missing a b
        SINTER a missing b
        SUNION a missing a
        SDIFF a a
        SET string s
        SUNION a string b
        SDIFF a b string
        SINTER string b a
        SINTER missing other a"]);
}

#[test]
fn stored_sets() {
    on_both_protocols(&["SADD a 1 2 3 4
        SADD b 2 4 5
        SADD c 4
        SUNIONSTORE d a b c
        SINTERSTORE e a b c
        SDIFFSTORE f a b c
        SDIFFSTORE a a b
        SET g string
        SUNIONSTORE g a b
        SINTERSTORE d missing a
        SDIFFSTORE e string_missing b
        SET h 1
        SUNIONSTORE e b h
        SUNIONSTORE h b c
        SMEMBERS e
        SADD i 1
        EXPIRE i 100
        SUNIONSTORE i a b"]);
}

#[test]
fn renames() {
    on_both_protocols(&["SET a 1
        RENAME a b
        EXISTS a
        GET b
        RENAME missing b
        RENAME b b
        SET c 2 EX 100
        RENAME c b
        RPUSH list 1 2 3
        RENAME list b
        HSET hash f v
        RENAMENX hash b
        RENAMENX hash fresh
        RENAMENX missing b
        RENAMENX missing other
        ZADD z 1 one
        RENAME z list
        SET e 1 PX 100000
        RENAMENX e f
        RENAMENX f f"]);
}

#[test]
fn one_member_moves() {
    on_both_protocols(&["SADD a 1 2
        SADD b 2 3
        SMOVE a b 1
        SMOVE a b 2
        SMOVE a b 2
        SMOVE missing b 2
        SMOVE b new 3
        SET string x
        SMOVE b string 1
        SMOVE string b 1
        SMOVE missing string 1
        SMOVE b b 1
        SMOVE b b nothing"]);
}

#[test]
fn one_element_moves() {
    on_both_protocols(&["RPUSH a 1 2 3 4 5 6
        RPOPLPUSH a b
        RPOPLPUSH a b
        RPOPLPUSH missing b
        RPOPLPUSH a a
        LMOVE a c LEFT RIGHT
        LMOVE a c right left
        LMOVE a c UP DOWN
        LMOVE missing c UP DOWN
        BRPOPLPUSH a d 1
        BLMOVE a d LEFT LEFT 1
        RPOPLPUSH a d
        SET string x
        RPOPLPUSH c string
        RPOPLPUSH string c
        RPOPLPUSH missing string
        BRPOPLPUSH c string 1
        BRPOPLPUSH missing c 0.01
        BLMOVE missing c LEFT LEFT 0.01
        BRPOPLPUSH a c nonsense"]);
}

#[test]
fn copies_and_first_that_has() {
    on_both_protocols(&[
        "SET a 1 EX 1000
        COPY a b
        COPY a b
        COPY a b REPLACE
        COPY missing b REPLACE
        COPY a b FOO
        COPY b c
        RPUSH l 1 2 3
        COPY l b
        COPY l b REPLACE
        HSET h f v
        COPY h hh",
        "RPUSH b 1 2 3
        RPUSH d 4
        LMPOP 4 a b c d LEFT
        LMPOP 4 a b c d RIGHT COUNT 5
        LMPOP 4 a b c d RIGHT COUNT 5
        LMPOP 4 a b c d RIGHT
        LMPOP 2 a b UP
        SET s text
        RPUSH d 1
        LMPOP 3 a s d LEFT
        LMPOP 3 a d s LEFT
        ZADD z 1 a 2 b 3 c
        ZMPOP 3 missing z other MIN
        ZMPOP 3 missing z other MAX COUNT 2
        ZMPOP 3 missing z other MAX
        ZMPOP 2 s z MIN
        LMPOP 0 a LEFT",
    ]);
}

#[test]
fn waits_that_end_at_once_or_in_vain() {
    on_both_protocols(&["RPUSH b 1 2 3
        RPUSH d 4
        BLPOP a b c d 1
        BRPOP a b c d 1
        BLPOP d a b 1
        BLPOP a b 0.05
        BLPOP a b c 0.05
        SET s text
        BLPOP a s 1
        BLPOP a b nonsense
        BLPOP a b -1
        ZADD z 1 a 2 b 3 c
        BZPOPMIN x y z 1
        BZPOPMAX x y z 1
        BZPOPMAX x y 0.05
        BLMPOP 0.05 3 a b c LEFT
        RPUSH c 1 2 3
        BLMPOP 1 3 a b c RIGHT COUNT 2
        BZMPOP 1 2 x z MIN
        BLMPOP 1 2 a c UP"]);
}

#[test]
fn carried_sources() {
    on_both_protocols(&[
        "ZADD a 1 x 2 y 3 z
        ZADD b 10 y 20 z 30 w
        SADD c y q
        ZUNIONSTORE d 3 a b c WEIGHTS 2 1 3 AGGREGATE MAX
        ZINTERSTORE e 2 a b
        ZDIFFSTORE f 2 a b
        ZUNION 3 a b c WITHSCORES
        ZINTER 2 a b
        ZDIFF 2 a missing WITHSCORES
        ZRANGESTORE g a 0 1
        ZRANGE d 0 -1 WITHSCORES
        ZRANGE g 0 -1 WITHSCORES
        ZADD inf inf p -inf q
        ZUNIONSTORE h 2 inf a
        ZRANGE h 0 -1 WITHSCORES
        ZUNIONSTORE a 2 a b
        ZRANGE a 0 -1 WITHSCORES
        ZUNIONSTORE i 0
        ZUNIONSTORE i 1 missing
        SET s text
        ZUNIONSTORE e 2 a s
        ZUNION 2 s a
        ZUNIONSTORE s 2 a b
        EXPIRE b 1000
        ZINTERSTORE j 2 b b",
        "SET a abc
        SET b bcd
        BITOP AND c a b
        BITOP OR c a b missing
        BITOP NOT d a
        BITOP XOR d missing other
        GET c
        LPUSH l 1
        BITOP AND c a l
        GET c",
        "PFADD a 1 2 3
        PFADD b 3 4
        PFCOUNT a b
        PFMERGE c a b
        PFCOUNT c
        PFMERGE a b missing
        PFCOUNT a b c
        SET s text
        PFCOUNT a s
        PFMERGE s a",
        "RPUSH l 3 1 2
        SORT l STORE m
        LRANGE m 0 -1
        SORT l DESC LIMIT 0 2 STORE l2
        MSET w_1 3 w_2 2 w_3 1
        HSET h_1 f one
        SORT l BY w_* GET # GET h_*->f
        SORT l BY w_* GET # GET h_*->f STORE m
        LRANGE m 0 -1
        SORT missing STORE m
        EXISTS m
        SET s text
        SORT s STORE m
        SORT l STORE s",
        "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        GEOSEARCHSTORE h g FROMLONLAT 15 37 BYRADIUS 200 km
        ZCARD h
        GEORADIUS g 15 37 200 km STORE i
        GEORADIUSBYMEMBER g Palermo 200 km STOREDIST j
        ZCARD j
        GEOSEARCHSTORE h missing FROMLONLAT 15 37 BYRADIUS 200 km
        EXISTS h",
    ]);
}

#[test]
fn all_masters() {
    on_both_protocols(&["MSET one 1 two 2 three 3 four 4
        KEYS *
        KEYS t*
        DBSIZE
        FLUSHDB
        DBSIZE
        RANDOMKEY
        SET only 1
        RANDOMKEY"]);
}

#[test]
fn no_stash_is_left_behind() {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    for n in 0..30 {
        let line = format!(
            "SADD s{n} a b|SMOVE s{n} t{n} a|RPUSH l{n} 1 2|RPOPLPUSH l{n} m{n}|RENAME l{n} k{n}|RENAMENX k{n} q{n}"
        );
        for line in line.split('|') {
            run(&cluster, line).unwrap();
        }
    }
    for server in &servers {
        assert_eq!(server.ask(&["KEYS", "rediscluster:stash:*"]), Reply::Array(Vec::new()));
    }
}

#[test]
fn a_random_key_comes_from_any_node_by_its_share() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    for n in 0..30 {
        cluster.set(format!("k{n}{{foo}}"), n).unwrap();
    }
    cluster.set("bar", 1).unwrap();
    let from_foo = (0..200).filter(|_| cluster.execute(cmd("RANDOMKEY").reply::<String>()).unwrap() != "bar").count();
    // 194 on average: a draw by node instead of by key would give 100.
    assert!((160..=200).contains(&from_foo), "{from_foo} of 200 from the fuller node");
}

#[test]
fn a_time_that_is_none_is_told_before_a_key_of_the_wrong_type() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    run(&cluster, "SET foo text").unwrap();
    for line in ["BLMOVE foo bar LEFT LEFT nonsense", "BRPOPLPUSH foo bar nonsense", "BLPOP foo bar nonsense"] {
        let error = run(&cluster, line).unwrap_err();
        assert_eq!(
            (error.message(), error.outcome()),
            ("ERR timeout is not a float or out of range", Outcome::NotApplied)
        );
    }
}

#[test]
fn what_has_no_meaning_across_nodes_is_refused_and_nothing_is_sent() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    for line in ["MSETEX 2 foo 1 bar 2", "EVAL return 2 foo bar"] {
        let error = run(&cluster, line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossNode, "{error}");
        assert!(error.message().contains("bar on node_1") && error.message().contains("foo on node_2"), "{error}");
    }
    assert!(servers.iter().all(|server| server.calls("xread") + server.calls("eval") == 0));
    let same: Option<(String, String)> =
        cluster.execute(cmd("BLPOP").args_of(["a{foo}", "foo", "0.01"]).reply()).unwrap();
    assert_eq!(same, None);
}

#[test]
fn a_long_store_goes_in_several_commands_of_one_transaction() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    let members: Vec<u32> = (0..25_000).collect();
    for chunk in members.chunks(5_000) {
        cluster.execute(cmd("SADD").arg("foo").args_of(chunk).reply::<u64>()).unwrap();
    }
    cluster.execute(cmd("SADD").args_of(["bar", "x"]).reply::<u64>()).unwrap();
    let stored: u64 = cluster.execute(cmd("SUNIONSTORE").args_of(["bar", "foo", "bar"]).reply()).unwrap();
    assert_eq!(stored, 25_001);
    assert_eq!(servers[0].ask(&["SCARD", "bar"]).int(), 25_001);
}
