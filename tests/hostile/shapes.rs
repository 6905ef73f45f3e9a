//! Well-formed replies that do not fit: an error of the kind `Reply`, and the connection goes on.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Protocol};
use rediscluster_testing::ScriptedPeer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Call = fn(&Cluster) -> rediscluster::Result<()>;

/// Calls of typed methods, and what does not fit any of them.
const CALLS: &[(&str, Call)] = &[
    ("GET as a number", |cluster| cluster.get::<_, i64>("k").map(drop)),
    ("GET as a text", |cluster| cluster.get::<_, String>("k").map(drop)),
    ("INCR", |cluster| cluster.incr("k").map(drop)),
    ("MGET", |cluster| cluster.mget::<_, Vec<String>>(["k"]).map(drop)),
    ("EXISTS", |cluster| cluster.exists("k").map(drop)),
    ("TTL", |cluster| cluster.ttl("k").map(drop)),
    ("TYPE", |cluster| cluster.type_of("k").map(drop)),
    ("OBJECT FREQ", |cluster| cluster.object_freq("k").map(drop)),
    ("LPOS", |cluster| cluster.lpos("k", "x").map(drop)),
    ("HGETALL", |cluster| cluster.hgetall::<_, HashMap<String, i64>>("k").map(drop)),
    ("SMISMEMBER", |cluster| cluster.smismember("k", ["a"]).map(drop)),
    ("ZSCORE", |cluster| cluster.zscore("k", "m").map(drop)),
    ("ZPOPMIN", |cluster| cluster.zpopmin::<_, String>("k").map(drop)),
    ("ZPOPMIN COUNT", |cluster| cluster.zpopmin_count::<_, String>("k", 2).map(drop)),
    ("GEOPOS", |cluster| cluster.geopos("k", ["m"]).map(drop)),
    ("XRANGE", |cluster| cluster.xrange::<_, _, HashMap<String, String>>("k", ..).map(drop)),
    ("XINFO STREAM", |cluster| cluster.xinfo_stream::<_, HashMap<String, String>>("k").map(drop)),
    ("XREAD", |cluster| cluster.xread::<_, String, HashMap<String, String>>([("k", "0")]).map(drop)),
    ("BLPOP", |cluster| cluster.blpop::<_, String, i64>("k", Duration::from_millis(1)).map(drop)),
    ("DBSIZE", |cluster| cluster.dbsize().map(drop)),
];

/// Whole and well formed, and of a shape that the call may or may not be able to use.
const REPLIES: &[&[u8]] = &[
    b"+OK\r\n",
    b"+\r\n",
    b":-1\r\n",
    b":9223372036854775807\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$2\r\n\xff\xfe\r\n",
    b"$3\r\nnan\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*1\r\n*0\r\n",
    b"*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n",
    b"*1\r\n-ERR inside\r\n",
    b"*2\r\n$1\r\na\r\n*-1\r\n",
    b"*2\r\n$1\r\na\r\n:1\r\n",
    b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    b"*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-x\r\n*1\r\n$1\r\na\r\n",
    b"*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$41\r\n99999999999999999999-99999999999999999999\r\n*0\r\n",
    b"*2\r\n$6\r\nlength\r\n$1\r\nx\r\n",
];

fn master(reply: &Arc<Mutex<Vec<u8>>>) -> ScriptedPeer {
    let reply = Arc::clone(reply);
    ScriptedPeer::answering(move |words| match words[0].as_slice() {
        b"HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
        b"INFO" => b"$13\r\nrole:master\r\n\r\n".to_vec(),
        _ if words.last().is_some_and(|word| word == b"good") => b"$4\r\ngood\r\n".to_vec(),
        _ => reply.lock().unwrap().clone(),
    })
}

pub fn wrong_shapes_keep_the_connection() {
    let reply = Arc::new(Mutex::new(Vec::new()));
    let peer = master(&reply);
    let mut misfits = 0;
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let builder = Cluster::builder().node("node_1", peer.address()).masters_only(true).protocol(protocol);
        let cluster = builder.pool_size(1).deadline(Duration::from_secs(10)).connect().unwrap();
        assert_eq!(cluster.get::<_, String>("good").unwrap(), "good");
        let accepted = peer.accepted();
        for (name, call) in CALLS {
            let mut all_fit = true;
            for bytes in REPLIES {
                *reply.lock().unwrap() = bytes.to_vec();
                let story = format!("{protocol:?}, {name}, {}", bytes.escape_ascii());
                if let Err(error) = call(&cluster) {
                    // An error inside of a reply is the server's.
                    let inside = bytes.windows(6).any(|window| window == b"inside") && error.is_server();
                    assert!(error.kind() == ErrorKind::Reply || inside, "{story}: {error:?}");
                    assert!(error.command().is_some() && error.node().is_some(), "{story}: {error:?}");
                    misfits += 1;
                    all_fit = false;
                }
                assert_eq!(cluster.get::<_, String>("good").unwrap(), "good", "{story}");
            }
            assert!(!all_fit, "{name} takes anything");
        }
        assert_eq!(peer.accepted(), accepted, "the connection goes on");
    }
    println!("{misfits} replies did not fit");
}

/// `EXEC` is answered by something else than one reply for each command.
pub fn an_exec_of_another_shape() {
    for exec in [
        "*1\r\n:1\r\n",
        "*3\r\n:1\r\n:2\r\n:3\r\n",
        "*0\r\n",
        "*-1\r\n",
        "$-1\r\n",
        "+QUEUED\r\n",
        "+OK\r\n",
        ":2\r\n",
        "$2\r\nab\r\n",
    ] {
        let peer = ScriptedPeer::answering(move |words| match words[0].as_slice() {
            b"INFO" => b"$13\r\nrole:master\r\n\r\n".to_vec(),
            b"MULTI" => b"+OK\r\n".to_vec(),
            b"EXEC" => exec.as_bytes().to_vec(),
            b"GET" => b"$4\r\ngood\r\n".to_vec(),
            _ => b"+QUEUED\r\n".to_vec(),
        });
        let cluster = Cluster::builder().node("node_1", peer.address()).masters_only(true).pool_size(1);
        let cluster = cluster.connect().unwrap();
        let mut transaction = cluster.transaction();
        transaction.incr("a");
        transaction.incr("b{a}");
        let error = transaction.run().unwrap_err();
        let kind = error.kind();
        assert!(kind == ErrorKind::Protocol || kind == ErrorKind::Reply, "{exec:?}: {error:?}");
        assert!(error.command() == Some("EXEC") && error.node().is_some(), "{exec:?}: {error:?}");
        assert_eq!(cluster.get::<_, String>("a").unwrap(), "good", "{exec:?}");
    }
}
