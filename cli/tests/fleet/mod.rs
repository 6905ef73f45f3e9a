//! Fleets with keys of every type, and what lies on them.

// Each test binary compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use crate::program::{rediscluster, Ran};
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{Reply, Server, Talk};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const PATIENCE: Duration = Duration::from_secs(10);
/// A moment far away, in milliseconds since 1970.
pub const LATER: u64 = 4_000_000_000_123;

/// What keys hold and when they expire, by their names; and on which servers they lie.
pub type Contents = BTreeMap<Vec<u8>, (String, Option<i64>)>;

pub fn talk(server: &Server) -> Talk {
    server.talk(PATIENCE).expect("a server that answers")
}

pub fn say<A: AsRef<[u8]>>(talk: &mut Talk, words: &[A]) -> Reply {
    talk.call(words).expect("an answer")
}

pub fn start(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

pub fn list(servers: &[&Server]) -> String {
    let node = |(at, server): (usize, &&Server)| format!("node_{}={}", at + 1, server.address());
    servers.iter().enumerate().map(node).collect::<Vec<_>>().join(",")
}

pub fn refs(servers: &[Server]) -> Vec<&Server> {
    servers.iter().collect()
}

/// Keys of every type on the servers where they belong, `count` of them.
pub fn fill(servers: &[&Server], count: usize) {
    let mut talks: Vec<Talk> = servers.iter().map(|server| talk(server)).collect();
    let knows_field_expiry = servers[0].is_since("7.4 or valkey 9.0", "fields that expire");
    for number in 0..count {
        let name = name(number);
        let to = &mut talks[Crc32Modulo.node_index(&name, servers.len())];
        let text = number.to_string();
        let name = name.as_slice();
        let words: Vec<&[u8]> = match number % 9 {
            0 => vec![b"SET", name, text.as_bytes()],
            1 => vec![b"RPUSH", name, b"a", b"", text.as_bytes(), b"a"],
            2 => vec![b"SADD", name, b"a", b"\xff\r\n", text.as_bytes()],
            3 => vec![b"ZADD", name, b"1.5", b"a", b"-inf", b"b", text.as_bytes(), b"c"],
            4 => vec![b"HSET", name, b"f", b"1", b"", text.as_bytes()],
            5 => vec![b"XADD", name, b"5-1", b"f", text.as_bytes()],
            6 => vec![b"SETRANGE", name, b"20000", text.as_bytes()],
            7 => vec![b"SETBIT", name, b"77", b"1"],
            _ => vec![b"SET", name, b""],
        };
        assert!(!matches!(say(to, &words), Reply::Error(_)), "{number}");
        if number % 9 == 4 && knows_field_expiry {
            say(to, &[&b"HPEXPIREAT"[..], name, LATER.to_string().as_bytes(), b"FIELDS", b"1", b"f"]);
        }
        if number % 9 == 5 {
            say(to, &[&b"XADD"[..], name, b"6-1", b"g", b"h"]);
            say(to, &[&b"XGROUP"[..], b"CREATE", name, b"workers", b"0"]);
            say(to, &[&b"XGROUP"[..], b"CREATECONSUMER", name, b"workers", b"idle"]);
            say(to, &[&b"XREADGROUP"[..], b"GROUP", b"workers", b"busy", b"COUNT", b"1", b"STREAMS", name, b">"]);
            say(to, &[&b"XDEL"[..], name, b"6-1"]);
        }
        if number % 4 == 0 {
            let at = (LATER + number as u64).to_string();
            say(to, &[&b"PEXPIREAT"[..], name, at.as_bytes()]);
        }
    }
}

pub fn name(number: usize) -> Vec<u8> {
    match number % 50 {
        7 if number == 7 => Vec::new(),
        11 => [b"\xff\0\r\n ", number.to_string().as_bytes()].concat(),
        _ => format!("key:{number}").into_bytes(),
    }
}

/// All that lies on a server; nothing of the tool's own counts.
pub fn contents(server: &Server, database: u32) -> Contents {
    let mut talk = talk(server);
    talk.expect_ok(&["SELECT", &database.to_string()]).unwrap();
    let has_moment = server.is_since("7.0", "moments of expiry");
    let has_field_expiry = server.is_since("7.4 or valkey 9.0", "fields that expire");
    let Reply::Array(names) = say(&mut talk, &["KEYS", "*"]) else { panic!("no names") };
    let mut contents = Contents::new();
    for name in names {
        let Reply::Bulk(name) = name else { continue };
        if name.starts_with(b"rediscluster:job") {
            continue;
        }
        let n = name.as_slice();
        let kind = say(&mut talk, &[&b"TYPE"[..], n]).text();
        let value = match kind.as_str() {
            "string" => say(&mut talk, &[&b"GET"[..], n]),
            "list" => say(&mut talk, &[&b"LRANGE"[..], n, b"0", b"-1"]),
            "set" => say(&mut talk, &[&b"SMEMBERS"[..], n]).sorted(),
            "zset" => say(&mut talk, &[&b"ZRANGE"[..], n, b"0", b"-1", b"WITHSCORES"]),
            "hash" => {
                let fields = say(&mut talk, &[&b"HKEYS"[..], n]).sorted();
                let Reply::Array(fields) = fields else { panic!("no fields") };
                let one = |field: Reply, talk: &mut Talk| {
                    let Reply::Bulk(field) = field else { panic!("no field") };
                    let value = say(talk, &[&b"HGET"[..], n, &field]);
                    let ask = [&b"HPEXPIRETIME"[..], n, b"FIELDS", b"1", &field];
                    let expires = if has_field_expiry { say(talk, &ask) } else { Reply::Nil };
                    let expires = if expires == Reply::Array(vec![Reply::Int(-1)]) { Reply::Nil } else { expires };
                    Reply::Array(vec![Reply::Bulk(field), value, expires])
                };
                Reply::Array(fields.into_iter().map(|field| one(field, &mut talk)).collect())
            }
            "stream" => {
                let mut parts = vec![say(&mut talk, &[&b"XRANGE"[..], n, b"-", b"+"])];
                let Reply::Array(info) = say(&mut talk, &[&b"XINFO"[..], b"STREAM", n]) else { panic!("no stream") };
                let last = info.iter().position(|field| *field == Reply::bulk("last-generated-id")).unwrap();
                parts.push(info[last + 1].clone());
                parts.push(say(&mut talk, &[&b"XPENDING"[..], n, b"workers"]));
                let Reply::Array(groups) = say(&mut talk, &[&b"XINFO"[..], b"GROUPS", n]) else { panic!("no groups") };
                parts.extend(groups);
                Reply::Array(parts)
            }
            "none" => continue,
            other => panic!("a {other}"),
        };
        let expires = if has_moment {
            say(&mut talk, &[&b"PEXPIRETIME"[..], n]).int()
        } else {
            let left = say(&mut talk, &[&b"PTTL"[..], n]).int();
            if left < 0 {
                left
            } else {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                now.as_millis() as i64 + left
            }
        };
        contents.insert(name, (format!("{kind} {value:?}"), (expires >= 0).then_some(expires)));
    }
    contents
}

/// Everything on all servers is what it was, each key once and where it belongs, and nothing of the tool is left.
#[track_caller]
pub fn placed(servers: &[&Server], wanted: &Contents, story: &str) {
    let mut all = Contents::new();
    for (at, server) in servers.iter().enumerate() {
        let own = server.ask(&["KEYS", "rediscluster:*"]);
        assert_eq!(own, Reply::Array(vec![]), "{story}");
        for (name, value) in contents(server, 0) {
            assert_eq!(Crc32Modulo.node_index(&name, servers.len()), at, "{story}: {}", name.escape_ascii());
            assert!(all.insert(name, value).is_none(), "{story}: twice");
        }
    }
    same(&all, wanted, story);
}

#[track_caller]
pub fn same(all: &Contents, wanted: &Contents, story: &str) {
    for (name, (value, expires)) in wanted {
        let shown = name.escape_ascii();
        let Some((is, at)) = all.get(name) else { panic!("{story}: {shown} is missing") };
        assert_eq!(is, value, "{story}: {shown}");
        // Servers before 7.0 do not tell the moment: it is reckoned here and there.
        let off = at.unwrap_or(0).abs_diff(expires.unwrap_or(0));
        assert!(off <= 50, "{story}: {shown} expires at {at:?} and not at {expires:?}");
    }
    assert_eq!(all.len(), wanted.len(), "{story}");
}

pub fn run(words: &[&str]) -> Ran {
    rediscluster(words)
}

#[track_caller]
pub fn ok(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!(ran.status, 0, "{words:?}\n{}{}", ran.out(), ran.err());
    ran.out()
}

/// What is said of a refusal.
#[track_caller]
pub fn refused(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!(ran.status, 1, "{words:?}\n{}", ran.out());
    ran.err()
}

pub fn whole(servers: &[&Server]) -> Contents {
    servers.iter().flat_map(|server| contents(server, 0)).collect()
}

/// Our program, running beside the test.
pub fn spawn(words: &[&str]) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_rediscluster"));
    Command::new(program).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("our program")
}

/// What it said, when it has ended by itself.
pub fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}
