//! Bytes to values and back, without a server.

use super::{Cases, Group};
use crate::measure::{Case, Contender};
use crate::peers::{self, words};
use rediscluster::resp::{Decoder, Limits, Protocol, Value};
use rediscluster::FromValue;
use std::collections::HashMap;
use std::hint::black_box;

pub const GROUP: Group = Group {
    word: "codec",
    title: "The codec",
    text: "Replies that lie in memory become values, and commands become bytes, without a server. *No decoding* only makes the strings, of \
texts that were found beforehand: what every decoder into owned strings has to do as well.",
    run: |cases: &mut Cases| all().into_iter().for_each(|case| cases.measure(case)),
};

pub const US: &str = "rediscluster";
const REDIS_RS: &str = "redis-rs";
/// Of the case that a goal is about.
pub const OWNED: &str = "1,000 small bulks, owned";
/// What that case cannot do without.
pub const BARE: &str = "no decoding";
/// How long a turn lasts, about, in milliseconds: nothing here waits for another process.
const TURN: u64 = 20;

fn peer(name: &str, mut run: impl FnMut() -> usize + 'static) -> Contender {
    Contender::new(name, &[], move || run() as u64)
}

fn case(title: &str, units: usize, unit: &'static str, peers: Vec<Contender>) -> Case {
    peers.into_iter().fold(Case::new(title).units(units as u64, unit).turn(TURN), Case::with)
}

fn all() -> Vec<Case> {
    let small = list(1000, |at| format!("value-{at:05}"));
    let tiny = list(1000, |at| format!("{}", at % 10));
    let large = list(16, |_| "x".repeat(64 << 10));
    let huge = Value::Bulk(vec![b'x'; 1 << 20]).to_bytes();
    let pairs = list(1000, |at| format!("{}-{at:05}", if at % 2 == 0 { "field" } else { "value" }));
    let numbers = Value::Array((0..1000).map(|at| Value::Integer(at * 7919)).collect()).to_bytes();
    let entries = Value::Array((0..100).map(entry).collect()).to_bytes();
    let status = b"+OK\r\n".repeat(100);

    vec![
        case(OWNED, 1000, "value", {
            let mut peers = decoders::<Vec<String>>(&small, |made| made.iter().map(String::len).sum());
            peers.push(bare(&small));
            peers
        }),
        case(
            "1,000 small bulks, owned bytes",
            1000,
            "value",
            decoders::<Vec<Vec<u8>>>(&small, |made| made.iter().map(Vec::len).sum()),
        ),
        case(
            "1,000 one-byte bulks, owned",
            1000,
            "value",
            decoders::<Vec<String>>(&tiny, |made| made.iter().map(String::len).sum()),
        ),
        case("1,000 small bulks, borrowed", 1000, "value", borrowers(&small)),
        case("1,000 one-byte bulks, borrowed", 1000, "value", borrowers(&tiny)),
        case("1,000 integers", 1000, "value", decoders::<Vec<i64>>(&numbers, |made| made.iter().sum::<i64>() as usize)),
        case(
            "500 pairs into a list",
            1000,
            "value",
            decoders::<Vec<(String, String)>>(&pairs, |made| made.iter().map(|(k, v)| k.len() + v.len()).sum()),
        ),
        case(
            "500 pairs into a HashMap",
            1000,
            "value",
            decoders::<HashMap<String, String>>(&pairs, |made| made.values().map(String::len).sum()),
        ),
        case(
            "100 stream entries of 4 pairs",
            900,
            "value",
            decoders::<Vec<(String, Vec<(String, String)>)>>(&entries, |made| {
                made.iter()
                    .map(|(id, pairs)| id.len() + pairs.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>())
                    .sum()
            }),
        ),
        case("100 pipelined statuses", 100, "value", statuses(&status)),
        case(
            "16 bulks of 64 KiB, owned",
            large.len() >> 10,
            "KiB",
            decoders::<Vec<Vec<u8>>>(&large, |made| made.iter().map(Vec::len).sum()),
        ),
        case("one bulk of 1 MiB, owned", huge.len() >> 10, "KiB", decoders::<Vec<u8>>(&huge, |made| made.len())),
        case("encode SET, short key and value", 1, "value", set()),
        case("encode MSET of 100 pairs", 100, "value", mset()),
        case("encode SET of 64 KiB", 64, "KiB", set_large()),
    ]
}

fn list(count: usize, text: impl Fn(usize) -> String) -> Vec<u8> {
    Value::Array((0..count).map(|at| Value::Bulk(text(at).into_bytes())).collect()).to_bytes()
}

/// Everybody decodes one reply as a connection would and makes a `T` of it.
fn decoders<T: FromValue + redis::FromRedisValue + 'static>(bytes: &[u8], sum: fn(&T) -> usize) -> Vec<Contender> {
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
fn bare(bytes: &[u8]) -> Contender {
    let texts: Vec<String> = redis::from_redis_value(redis::parse_redis_value(bytes).unwrap()).unwrap();
    peer("no decoding", move || {
        let made: Vec<String> = texts.iter().map(|text| black_box(text.as_str()).to_owned()).collect();
        black_box(&made).iter().map(String::len).sum()
    })
}

/// We look at the bulks where they lie; the others cannot, and make the least they can.
fn borrowers(bytes: &[u8]) -> Vec<Contender> {
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
fn statuses(bytes: &[u8]) -> Vec<Contender> {
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

fn set() -> Vec<Contender> {
    let mut contenders = vec![
        peer(US, || {
            rediscluster::cmd("SET").arg(black_box("user:12345")).arg(black_box("value-12345")).as_bytes().len()
        }),
        peer(REDIS_RS, || {
            redis::cmd("SET").arg(black_box("user:12345")).arg(black_box("value-12345")).get_packed_command().len()
        }),
    ];
    contenders.extend(peers::hiredis_writes(words(&["SET", "user:12345", "value-12345"])));
    contenders
}

fn mset() -> Vec<Contender> {
    let pairs: Vec<_> = (0..100).map(|at| (format!("user:{at:05}"), format!("value-{at:05}"))).collect();
    let (ours, theirs) = (pairs.clone(), pairs.clone());
    let mut contenders = vec![
        peer(US, move || rediscluster::cmd("MSET").pairs(&ours).as_bytes().len()),
        peer(REDIS_RS, move || redis::cmd("MSET").arg(&theirs).get_packed_command().len()),
    ];
    let pairs = pairs.into_iter().flat_map(|(key, value)| [key, value]);
    let mset: Vec<String> = std::iter::once("MSET".to_owned()).chain(pairs).collect();
    contenders.extend(peers::hiredis_writes(words(&mset)));
    contenders
}

fn set_large() -> Vec<Contender> {
    let value = "x".repeat(64 << 10);
    let (ours, theirs) = (value.clone(), value.clone());
    let mut contenders = vec![
        peer(US, move || rediscluster::cmd("SET").arg("key").arg(&ours).as_bytes().len()),
        peer(REDIS_RS, move || redis::cmd("SET").arg("key").arg(&theirs).get_packed_command().len()),
    ];
    contenders.extend(peers::hiredis_writes(words(&["SET", "key", &value])));
    contenders
}

fn decoder() -> Decoder {
    Decoder::new(Protocol::Resp2, Limits::default())
}

/// With hiredis, where it is. `gives` is what the others give.
fn with_hiredis(mut peers: Vec<Contender>, bytes: &[u8], replies: usize, gives: usize) -> Vec<Contender> {
    peers.extend(peers::hiredis_reads(bytes, replies, gives as u64));
    peers
}
