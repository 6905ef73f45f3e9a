//! Servers that say something wrong when they are asked who they are.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Outcome, Protocol};
use rediscluster_testing::{dead_address, ScriptedPeer};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_millis(500);

fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

/// The kinds of error that `connect` may give; none where it succeeds.
fn answers() -> Vec<(&'static str, Vec<u8>, &'static [ErrorKind])> {
    use ErrorKind::*;
    vec![
        ("a status", b"+OK\r\n".to_vec(), &[Reply]),
        ("a number", b":1\r\n".to_vec(), &[Reply]),
        ("nil", b"$-1\r\n".to_vec(), &[Reply]),
        ("a list", b"*1\r\n+role:master\r\n".to_vec(), &[Reply]),
        ("an error", b"-ERR unknown command 'INFO'\r\n".to_vec(), &[Server]),
        ("no permission", b"-NOPERM no\r\n".to_vec(), &[NoPerm]),
        ("garbage", b"@\r\n".to_vec(), &[Protocol]),
        ("half of it", b"$100\r\nrole:master".to_vec(), &[Timeout, Io]),
        ("nothing in it", bulk(""), &[Config]),
        ("no role", bulk("redis_version:7.0\r\n"), &[Config]),
        ("a role of nothing", bulk("role:\r\n"), &[Config]),
        ("an unknown role", bulk("role:sentinel\r\n"), &[Config]),
        ("a role with escapes", bulk("role:\x1b[31mmaster\r\n"), &[Config]),
        ("a replica", bulk("role:slave\r\nmaster_link_status:up\r\n"), &[Config]),
        ("bytes that are no text", [&b"$13\r\nrole:master\xff\xfe\r\n"[..]].concat(), &[Config]),
        ("a replica at itself and at nobody", bulk("role:master\r\nslave0:ip=0.0.0.0,port=1,state=online\r\n"), &[]),
        (
            "wrong ports",
            bulk("role:master\r\nslave0:ip=h,port=99999,state=online\r\nslave1:ip=h,port=-1,state=online\r\n"),
            &[],
        ),
        ("wrong lines", bulk("role:master\r\nslave0:\r\nslave1:,,\r\nslave:::\r\n::::\r\n"), &[]),
        ("an address with escapes", bulk("role:master\r\nslave0:ip=\x1b[2J,port=1,state=online\r\n"), &[]),
        ("a million lines", bulk(&format!("role:master\r\n{}", "x:y\r\n".repeat(1_000_000))), &[]),
    ]
}

pub fn wrong_words_at_the_beginning() {
    for (name, answer, kinds) in answers() {
        let peer = ScriptedPeer::answering(
            move |words| if words[0] == b"INFO" { answer.clone() } else { b"+OK\r\n".to_vec() },
        );
        // What is to be taken has to be read to its end, and a million lines take their time on a busy machine.
        let deadline = if kinds.is_empty() { Duration::from_secs(60) } else { DEADLINE };
        let begin = Instant::now();
        let builder = Cluster::builder().node("node_1", peer.address()).deadline(deadline).connect_timeout(deadline);
        let made = builder.connect();
        assert!(begin.elapsed() < deadline + Duration::from_secs(3), "{name}: {:?}", begin.elapsed());
        match made {
            Ok(cluster) => {
                assert!(kinds.is_empty(), "{name} is taken: {cluster:?}");
                cluster.set("k", "v").unwrap();
                let shown = format!("{:?} {cluster:?}", cluster.topology());
                assert!(!shown.contains('\x1b'), "{name}: {shown:?}");
            }
            Err(error) => {
                assert!(kinds.contains(&error.kind()), "{name}: {error:?}");
                let shown = format!("{error} {error:?}");
                assert!(shown.contains("node_1") && !shown.contains('\x1b'), "{name}: {shown:?}");
            }
        }
    }
    many_replicas_that_are_dead();
    hello_of_another_kind();
    a_question_that_is_not_answered();
}

/// Servers and Sentinels that hang up when they are asked: whatever connecting asks, it changes nothing.
fn a_question_that_is_not_answered() {
    let peer = ScriptedPeer::answering(|_| Vec::new());
    let builder = || Cluster::builder().deadline(DEADLINE);
    for (asked, builder) in [
        ("INFO", builder().node("node_1", peer.address())),
        ("SENTINEL GET-MASTER-ADDR-BY-NAME", builder().sentinel("node_1", "shard", [peer.address()])),
    ] {
        let error = builder.connect().unwrap_err();
        let told = (error.kind(), error.outcome(), error.command());
        assert_eq!(told, (ErrorKind::Io, Outcome::NotApplied, Some(asked)), "{error:?}");
    }
}

/// A thousand replicas at an address where nobody is: known quickly, and reads still work.
fn many_replicas_that_are_dead() {
    let dead = dead_address();
    let port = dead.rsplit(':').next().unwrap().to_owned();
    let lines: String = (0..10_000).map(|n| format!("slave{n}:ip=127.0.0.1,port={port},state=online\r\n")).collect();
    let info = bulk(&format!("role:master\r\n{lines}"));
    let peer = ScriptedPeer::answering(move |words| match words[0].as_slice() {
        b"INFO" => info.clone(),
        _ => b"$4\r\ngood\r\n".to_vec(),
    });
    let begin = Instant::now();
    let cluster = Cluster::builder().node("node_1", peer.address()).connect().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert!(cluster.topology().servers().count() <= 1001);
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "good");
}

/// `HELLO 3` is answered by something else than a map, or refused.
fn hello_of_another_kind() {
    for hello in [
        &b"-ERR unknown command `HELLO`\r\n"[..],
        b"-NOPROTO no\r\n",
        b"@\r\n",
        b"%9223372036854775807\r\n",
        b"$5\r\nab",
    ] {
        let peer = ScriptedPeer::answering(move |words| match words[0].as_slice() {
            b"HELLO" => hello.to_vec(),
            b"INFO" => bulk("role:master\r\n"),
            _ => b"+OK\r\n".to_vec(),
        });
        let builder = Cluster::builder().node("node_1", peer.address()).protocol(Protocol::Resp3).deadline(DEADLINE);
        let error = builder.connect().unwrap_err();
        assert!(error.node().is_some(), "{hello:?}: {error:?}");
        assert_eq!(error.outcome(), Outcome::NotApplied, "{hello:?}: {error:?}");
    }
}
