//! What is measured.

use crate::race::{peer, Case, Peer, Work};
use rediscluster::resp::{Decoder, Limits, Protocol, Value};
use rediscluster::FromValue;
use std::collections::HashMap;
use std::hint::black_box;

const US: &str = "rediscluster";
const REDIS_RS: &str = "redis-rs";

pub fn all() -> Vec<Case> {
    let small = list(1000, |at| format!("value-{at:05}"));
    let tiny = list(1000, |at| format!("{}", at % 10));
    let large = list(16, |_| "x".repeat(64 << 10));
    let huge = Value::Bulk(vec![b'x'; 1 << 20]).to_bytes();
    let pairs = list(1000, |at| format!("{}-{at:05}", if at % 2 == 0 { "field" } else { "value" }));
    let numbers = Value::Array((0..1000).map(|at| Value::Integer(at * 7919)).collect()).to_bytes();
    let entries = Value::Array((0..100).map(entry).collect()).to_bytes();
    let status = b"+OK\r\n".repeat(100);

    vec![
        Case {
            name: "1,000 small bulks, owned",
            work: Work::Values(1000),
            peers: {
                let mut peers = decoders::<Vec<String>>(&small, |made| made.iter().map(String::len).sum());
                peers.push(bare(&small));
                peers
            },
        },
        Case {
            name: "1,000 small bulks, owned bytes",
            work: Work::Values(1000),
            peers: decoders::<Vec<Vec<u8>>>(&small, |made| made.iter().map(Vec::len).sum()),
        },
        Case {
            name: "1,000 one-byte bulks, owned",
            work: Work::Values(1000),
            peers: decoders::<Vec<String>>(&tiny, |made| made.iter().map(String::len).sum()),
        },
        Case { name: "1,000 small bulks, borrowed", work: Work::Values(1000), peers: borrowers(&small) },
        Case { name: "1,000 one-byte bulks, borrowed", work: Work::Values(1000), peers: borrowers(&tiny) },
        Case {
            name: "1,000 integers",
            work: Work::Values(1000),
            peers: decoders::<Vec<i64>>(&numbers, |made| made.iter().sum::<i64>() as usize),
        },
        Case {
            name: "500 pairs into a list",
            work: Work::Values(1000),
            peers: decoders::<Vec<(String, String)>>(&pairs, |made| made.iter().map(|(k, v)| k.len() + v.len()).sum()),
        },
        Case {
            name: "500 pairs into a HashMap",
            work: Work::Values(1000),
            peers: decoders::<HashMap<String, String>>(&pairs, |made| made.values().map(String::len).sum()),
        },
        Case {
            name: "100 stream entries of 4 pairs",
            work: Work::Values(900),
            peers: decoders::<Vec<(String, Vec<(String, String)>)>>(&entries, |made| {
                made.iter()
                    .map(|(id, pairs)| id.len() + pairs.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>())
                    .sum()
            }),
        },
        Case { name: "100 pipelined statuses", work: Work::Values(100), peers: statuses(&status) },
        Case {
            name: "16 bulks of 64 KiB, owned",
            work: Work::Bytes(large.len()),
            peers: decoders::<Vec<Vec<u8>>>(&large, |made| made.iter().map(Vec::len).sum()),
        },
        Case {
            name: "one bulk of 1 MiB, owned",
            work: Work::Bytes(huge.len()),
            peers: decoders::<Vec<u8>>(&huge, |made| made.len()),
        },
        Case { name: "encode SET, short key and value", work: Work::Values(1), peers: set() },
        Case { name: "encode MSET of 100 pairs", work: Work::Values(100), peers: mset() },
        Case { name: "encode SET of 64 KiB", work: Work::Bytes(64 << 10), peers: set_large() },
    ]
}

fn list(count: usize, text: impl Fn(usize) -> String) -> Vec<u8> {
    Value::Array((0..count).map(|at| Value::Bulk(text(at).into_bytes())).collect()).to_bytes()
}

/// Everybody decodes one reply as a connection would and makes a `T` of it.
fn decoders<T: FromValue + redis::FromRedisValue + 'static>(bytes: &[u8], sum: fn(&T) -> usize) -> Vec<Peer> {
    let expected = {
        let value: T = redis::from_redis_value(redis::parse_redis_value(bytes).unwrap()).unwrap();
        sum(&value)
    };
    let (input, mut decoder) = (bytes.to_vec(), decoder());
    let us = peer(US, move || {
        decoder.feed(&input);
        let frame = decoder.decode().unwrap().unwrap();
        sum(black_box(&T::from_value(frame.value()).unwrap()))
    });
    let (input, mut parser) = (bytes.to_vec(), redis::Parser::new());
    let redis_rs = peer(REDIS_RS, move || {
        let value = parser.parse_value(&input[..]).unwrap();
        sum(black_box(&redis::from_redis_value(value).unwrap()))
    });
    with_hiredis(vec![us, redis_rs], bytes, 1, expected)
}

/// What cannot be undercut: only the strings, made of texts found beforehand, in this process's allocator.
fn bare(bytes: &[u8]) -> Peer {
    let texts: Vec<String> = redis::from_redis_value(redis::parse_redis_value(bytes).unwrap()).unwrap();
    peer("no decoding", move || {
        let made: Vec<String> = texts.iter().map(|text| black_box(text.as_str()).to_owned()).collect();
        black_box(&made).iter().map(String::len).sum()
    })
}

/// We look at the bulks where they lie; the others cannot, and make the least they can.
fn borrowers(bytes: &[u8]) -> Vec<Peer> {
    let (input, mut decoder) = (bytes.to_vec(), decoder());
    let us = peer(US, move || {
        decoder.feed(&input);
        let frame = decoder.decode().unwrap().unwrap();
        frame.value().items().unwrap().map(|item| black_box(item.as_bytes().unwrap()).len()).sum()
    });
    let sum = |value: &redis::Value| match value {
        redis::Value::Array(items) => {
            items.iter().map(|item| if let redis::Value::BulkString(text) = item { text.len() } else { 0 }).sum()
        }
        _ => 0,
    };
    let expected = sum(&redis::parse_redis_value(bytes).unwrap());
    let (input, mut parser) = (bytes.to_vec(), redis::Parser::new());
    let redis_rs = peer(REDIS_RS, move || sum(black_box(&parser.parse_value(&input[..]).unwrap())));
    with_hiredis(vec![us, redis_rs], bytes, 1, expected)
}

/// A hundred replies that came in one read.
fn statuses(bytes: &[u8]) -> Vec<Peer> {
    let (input, mut decoder) = (bytes.to_vec(), decoder());
    let us = peer(US, move || {
        decoder.feed(&input);
        let mut count = 0;
        while let Some(frame) = decoder.decode().unwrap() {
            <()>::from_value(frame.value()).unwrap();
            count += 1;
        }
        count
    });
    let input = bytes.to_vec();
    let redis_rs = peer(REDIS_RS, move || {
        let (mut parser, mut reader) = (redis::Parser::new(), &input[..]);
        (0..100).filter(|_| redis::from_redis_value::<()>(parser.parse_value(&mut reader).unwrap()).is_ok()).count()
    });
    with_hiredis(vec![us, redis_rs], bytes, 100, 100)
}

/// As XRANGE gives them.
fn entry(at: usize) -> Value {
    let fields = (0..8).map(|field| Value::Bulk(format!("field-{}", at * field).into_bytes())).collect();
    Value::Array(vec![Value::from("1700000000000-0"), Value::Array(fields)])
}

fn set() -> Vec<Peer> {
    let mut peers = vec![
        peer(US, || {
            rediscluster::cmd("SET").arg(black_box("user:12345")).arg(black_box("value-12345")).as_bytes().len()
        }),
        peer(REDIS_RS, || {
            redis::cmd("SET").arg(black_box("user:12345")).arg(black_box("value-12345")).get_packed_command().len()
        }),
    ];
    hiredis_writes(&mut peers, vec!["SET".into(), "user:12345".into(), "value-12345".into()]);
    peers
}

fn mset() -> Vec<Peer> {
    let pairs: Vec<_> = (0..100).map(|at| (format!("user:{at:05}"), format!("value-{at:05}"))).collect();
    let (ours, theirs) = (pairs.clone(), pairs.clone());
    let mut peers = vec![
        peer(US, move || rediscluster::cmd("MSET").pairs(&ours).as_bytes().len()),
        peer(REDIS_RS, move || redis::cmd("MSET").arg(&theirs).get_packed_command().len()),
    ];
    let words = pairs.into_iter().flat_map(|(key, value)| [key, value]);
    hiredis_writes(&mut peers, std::iter::once("MSET".into()).chain(words).collect());
    peers
}

fn set_large() -> Vec<Peer> {
    let value = "x".repeat(64 << 10);
    let (ours, theirs) = (value.clone(), value.clone());
    let mut peers = vec![
        peer(US, move || rediscluster::cmd("SET").arg("key").arg(&ours).as_bytes().len()),
        peer(REDIS_RS, move || redis::cmd("SET").arg("key").arg(&theirs).get_packed_command().len()),
    ];
    hiredis_writes(&mut peers, vec!["SET".into(), "key".into(), value]);
    peers
}

fn decoder() -> Decoder {
    Decoder::new(Protocol::Resp2, Limits::default())
}

#[cfg(not(feature = "hiredis"))]
fn with_hiredis(peers: Vec<Peer>, _bytes: &[u8], _replies: usize, _expected: usize) -> Vec<Peer> {
    peers
}

#[cfg(not(feature = "hiredis"))]
fn hiredis_writes(_peers: &mut Vec<Peer>, _words: Vec<String>) {}

#[cfg(feature = "hiredis")]
fn hiredis_writes(peers: &mut Vec<Peer>, words: Vec<String>) {
    peers.push(peer("hiredis", move || {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        crate::hiredis::write(&words)
    }));
}

#[cfg(feature = "hiredis")]
fn with_hiredis(mut peers: Vec<Peer>, bytes: &[u8], replies: usize, expected: usize) -> Vec<Peer> {
    let (input, mut reader) = (bytes.to_vec(), crate::hiredis::Reader::new());
    peers.push(peer("hiredis", move || {
        reader.read(&input, replies);
        expected
    }));
    peers
}
