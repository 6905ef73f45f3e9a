//! The decoder on good bytes, bad bytes and cut bytes: one table each, and every case through several paths.

#[path = "../fuzz/checks.rs"]
mod checks;

use checks::{pieces, run, see, Seen, PROTOCOLS};
use rediscluster::resp::{Decoder, Limits, Protocol, Value, ValueRef};
use rediscluster::{ErrorKind, FromValue};
use std::collections::HashMap;

/// The stream cut in two at every place, and in pieces of one byte and of a few.
fn every_cut(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts: Vec<Vec<&[u8]>> =
        (0..=stream.len()).map(|at| stream.split_at(at)).map(|(head, tail)| vec![head, tail]).collect();
    for sizes in [&[1][..], &[2], &[1, 3, 2], &[7, 1]] {
        cuts.push(pieces(stream, sizes).collect());
    }
    cuts
}

/// What is seen of the stream, which is the same however it is cut.
fn see_all(name: &str, protocol: Protocol, stream: &[u8]) -> Seen {
    let whole = see(protocol, Limits::default(), [stream]);
    for cut in every_cut(stream) {
        assert_eq!(see(protocol, Limits::default(), cut.clone()), whole, "{name}, cut in {cut:?}");
    }
    whole
}

fn text(text: &str) -> Value {
    Value::Bulk(text.into())
}

fn status(text: &str) -> Value {
    Value::Simple(text.into())
}

/// What a RESP2 server sends, and what it is.
fn good_resp2() -> Vec<(&'static [u8], Value)> {
    use Value::{Array, Bulk, Error, Integer, Nil};
    vec![
        (b"+OK\r\n", status("OK")),
        (b"+\r\n", status("")),
        (b"-ERR no\r\n", Error(b"ERR no".to_vec())),
        (b"-ERR \xff\xfe\x1b[2J\r\n", Error(b"ERR \xff\xfe\x1b[2J".to_vec())),
        (b":0\r\n", Integer(0)),
        (b":-1\r\n", Integer(-1)),
        (b":+7\r\n", Integer(7)),
        (b":999999999999999999\r\n", Integer(999_999_999_999_999_999)),
        (b":9223372036854775807\r\n", Integer(i64::MAX)),
        (b":-9223372036854775808\r\n", Integer(i64::MIN)),
        (b"$5\r\nhello\r\n", text("hello")),
        (b"$12\r\nhello, world\r\n", text("hello, world")),
        (b"$0\r\n\r\n", text("")),
        (b"$4\r\n\r\n\r\n\r\n", text("\r\n\r\n")),
        (b"$4\r\n\0\xff\r\n\r\n", Bulk(b"\0\xff\r\n".to_vec())),
        (b"$-1\r\n", Nil),
        (b"*-1\r\n", Nil),
        (b"*0\r\n", Array(vec![])),
        (b"*1\r\n*0\r\n", Array(vec![Array(vec![])])),
        (b"*3\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n", Array(vec![text("a"), Integer(1), text("b")])),
        (b"*3\r\n$-1\r\n*-1\r\n:5\r\n", Array(vec![Nil, Nil, Integer(5)])),
        (
            b"*2\r\n*2\r\n:1\r\n*1\r\n$2\r\nhi\r\n+x\r\n",
            Array(vec![Array(vec![Integer(1), Array(vec![text("hi")])]), status("x")]),
        ),
        // An error inside EXEC's reply is that command's own.
        (b"*3\r\n+OK\r\n-ERR no\r\n:1\r\n", Array(vec![status("OK"), Error(b"ERR no".to_vec()), Integer(1)])),
    ]
}

/// What only a RESP3 server sends.
fn good_resp3() -> Vec<(&'static [u8], Value)> {
    use Value::{Array, BigNumber, Boolean, Double, Error, Integer, Map, Nil, Push, Set, Verbatim};
    vec![
        (b"_\r\n", Nil),
        (b"#t\r\n", Boolean(true)),
        (b"#f\r\n", Boolean(false)),
        (b",3.25\r\n", Double(3.25)),
        (b",-1.5e-7\r\n", Double(-1.5e-7)),
        (b",10\r\n", Double(10.0)),
        (b",inf\r\n", Double(f64::INFINITY)),
        (b",-inf\r\n", Double(f64::NEG_INFINITY)),
        (
            b"(-3492890328409238509324850943850943825024385\r\n",
            BigNumber(b"-3492890328409238509324850943850943825024385".to_vec()),
        ),
        (b"(0\r\n", BigNumber(b"0".to_vec())),
        (b"!11\r\nSYNTAX\r\nbad\r\n", Error(b"SYNTAX\r\nbad".to_vec())),
        (b"!0\r\n\r\n", Error(vec![])),
        (b"=15\r\ntxt:Some string\r\n", Verbatim(*b"txt", b"Some string".to_vec())),
        (b"=4\r\nmkd:\r\n", Verbatim(*b"mkd", vec![])),
        (b"%0\r\n", Map(vec![])),
        // Any value is a key, and keys come twice: the pairs are kept as the server sent them.
        (
            b"%3\r\n*1\r\n:1\r\n+x\r\n$1\r\nk\r\n:1\r\n$1\r\nk\r\n:2\r\n",
            Map(vec![(Array(vec![Integer(1)]), status("x")), (text("k"), Integer(1)), (text("k"), Integer(2))]),
        ),
        (b"~0\r\n", Set(vec![])),
        (b"~3\r\n:1\r\n:2\r\n:1\r\n", Set(vec![Integer(1), Integer(2), Integer(1)])),
        (b">2\r\n$1\r\na\r\n:1\r\n", Push(vec![text("a"), Integer(1)])),
        (b">0\r\n", Push(vec![])),
        // Attributes say something about the value after them and are passed over, wherever they stand.
        (b"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n", text("v")),
        (b"|0\r\n:1\r\n", Integer(1)),
        (b"|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n|1\r\n+b\r\n_\r\n:3\r\n", Integer(3)),
        (b"|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n+d\r\n:3\r\n", Integer(3)),
        (
            b"*2\r\n|1\r\n+a\r\n%1\r\n+b\r\n:1\r\n:1\r\n|0\r\n*1\r\n|0\r\n:2\r\n",
            Array(vec![Integer(1), Array(vec![Integer(2)])]),
        ),
        (b"|1\r\n+a\r\n+b\r\n>1\r\n:1\r\n", Push(vec![Integer(1)])),
    ]
}

/// What no server may send, whatever it speaks.
fn bad() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("unknown type", b"@foo\r\n"),
        ("no type", b"\0"),
        ("an empty line", b"\r\n"),
        ("inline text", b"OK\r\n"),
        ("a count of NUL", b"*\0"),
        ("a length of NUL", b"$\0"),
        ("a length of nothing", b"$\r\n"),
        ("a count of nothing", b"*\r\n"),
        ("a length with a letter", b"$1x\r\n"),
        ("a length with a plus", b"$+1\r\n"),
        ("a length with a blank", b"$ 1\r\n"),
        ("an integer above i64", b":9223372036854775808\r\n"),
        ("an integer below i64", b":-9223372036854775809\r\n"),
        ("an integer far above i64", b":99999999999999999999999999\r\n"),
        ("an integer of nothing", b":\r\n"),
        ("an integer of a sign", b":-\r\n"),
        ("an integer with a letter", b":1a\r\n"),
        ("an integer with two signs", b":--1\r\n"),
        ("an integer with a blank", b": 1\r\n"),
        ("an integer with a point", b":1.0\r\n"),
        ("a length of -2", b"$-2\r\n"),
        ("a count of -2", b"*-2\r\n"),
        ("a length of -0", b"$-0\r\n"),
        ("a length of -11", b"$-11\r\n"),
        ("a length over the limit", b"$2147483647\r\n"),
        ("a length just over the limit", b"$536870913\r\n"),
        ("a length of i64's highest", b"$9223372036854775807\r\n"),
        ("a length above u64", b"$18446744073709551616\r\n"),
        ("a count of u32's highest", b"*4294967295\r\n"),
        ("a count just too high", b"*2147483648\r\n"),
        ("a count above u64", b"*18446744073709551616\r\n"),
        ("a bulk without its end", b"$3\r\nfooXX"),
        ("a bulk with half its end", b"$3\r\nfoo\rX"),
        ("a bulk that is longer", b"$3\r\nfoobar\r\n"),
        ("an empty bulk with something in it", b"$0\r\nx\r\n"),
        ("a bulk after a bare line feed", b"$3\nfoo\r\n"),
        ("a bulk after a lone return", b"$3\rfoo\r\n"),
        ("a nil after a lone return", b"$-1\rx"),
        ("an array after a bare line feed", b"*1\n:1\r\n"),
        ("a status with a bare line feed", b"+OK\n"),
        ("a status with a line feed inside", b"+O\nK\r\n"),
        ("a status with a lone return", b"+OK\rX\r\n"),
        ("a status with two returns", b"+OK\r\r\n"),
        ("an integer with a bare line feed", b":1\n"),
        ("an integer with a lone return", b":1\rX"),
        ("a streamed string", b"$?\r\n"),
        ("a streamed array", b"*?\r\n"),
        ("bad inside an array", b"*3\r\n:1\r\n:x\r\n:3\r\n"),
        ("bad last in an array", b"*2\r\n:1\r\n@\r\n"),
        ("bad after good", b"+OK\r\n:1\r\n$x\r\n"),
    ]
}

/// What a RESP3 server may not send either.
fn bad_resp3() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("a streamed map", b"%?\r\n"),
        ("a streamed set", b"~?\r\n"),
        ("a piece of a streamed string", b";4\r\n"),
        ("the end of something streamed", b".\r\n"),
        ("a null with a body", b"_x\r\n"),
        ("a boolean of x", b"#x\r\n"),
        ("a boolean of nothing", b"#\r\n"),
        ("a boolean of two letters", b"#tt\r\n"),
        ("a double with two points", b",1.2.3\r\n"),
        ("a double of nothing", b",\r\n"),
        ("a double with a letter", b",1x\r\n"),
        ("a big number with a letter", b"(12a\r\n"),
        ("a big number of nothing", b"(\r\n"),
        ("a big number of a sign", b"(-\r\n"),
        ("a verbatim text shorter than its format", b"=2\r\nab\r\n"),
        ("a verbatim text without a colon", b"=5\r\nabcde\r\n"),
        ("a verbatim text of -1", b"=-1\r\n"),
        ("a blob error of -1", b"!-1\r\n"),
        ("a blob error without its end", b"!3\r\nfooXX"),
        ("a map of -1", b"%-1\r\n"),
        ("a set of -1", b"~-1\r\n"),
        ("a push of -1", b">-1\r\n"),
        ("an attribute of -1", b"|-1\r\n"),
        ("a map whose count overflows when doubled", b"%9223372036854775807\r\n"),
        ("a map just too large", b"%1073741824\r\n"),
        ("a map whose count is 18 digits", b"%999999999999999999\r\n"),
        ("a push inside an array", b"*1\r\n>1\r\n:1\r\n"),
        ("a push inside a push", b">1\r\n>1\r\n:1\r\n"),
        ("a push inside an attribute", b"|1\r\n+a\r\n>1\r\n:1\r\n"),
    ]
}

fn assert_good(protocol: Protocol, stream: &[u8], expected: &Value) {
    let name = String::from_utf8_lossy(stream).into_owned();
    let seen = see_all(&name, protocol, stream);
    assert_eq!(seen, Seen { frames: vec![stream.to_vec()], end: Ok(0) }, "{name:?}");
    let mut values = Vec::new();
    let end = run(protocol, Limits::default(), [stream], &mut |frame| values.push(Value::from(frame.value())));
    assert_eq!((end, &values[..]), (Ok(0), std::slice::from_ref(expected)), "{name:?}");
    checks::decode(stream);

    // The connection ended somewhere in it: no value, no error, and all of it is still waiting.
    for end in 0..stream.len() {
        let seen = see(protocol, Limits::default(), [&stream[..end]]);
        assert_eq!(seen, Seen { frames: vec![], end: Ok(end) }, "the first {end} bytes of {name:?}");
    }
}

#[test]
fn good_bytes_are_taken_however_they_are_cut() {
    for (stream, expected) in good_resp2() {
        PROTOCOLS.iter().for_each(|&protocol| assert_good(protocol, stream, &expected));
    }
    for (stream, expected) in good_resp3() {
        assert_good(Protocol::Resp3, stream, &expected);
    }
}

#[test]
fn what_is_taken_is_sent_again() {
    for (stream, value) in good_resp2().into_iter().chain(good_resp3()) {
        let mut back = None;
        let bytes = value.to_bytes();
        run(Protocol::Resp3, Limits::default(), [&bytes[..]], &mut |frame| back = Some(Value::from(frame.value())))
            .unwrap();
        assert_eq!(back, Some(value), "{:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn bad_bytes_are_protocol_errors_however_they_are_cut() {
    for (name, stream) in bad() {
        for protocol in PROTOCOLS {
            let seen = see_all(name, protocol, stream);
            assert!(seen.end.is_err(), "{name}: {seen:?}");
        }
    }
    for (name, stream) in bad_resp3() {
        let seen = see_all(name, Protocol::Resp3, stream);
        assert!(seen.end.is_err(), "{name}: {seen:?}");
    }
}

#[test]
fn values_before_bad_bytes_are_given() {
    let seen = see_all("good, good, bad", Protocol::Resp2, b"+OK\r\n*1\r\n:1\r\n!");
    assert_eq!(seen.frames, [&b"+OK\r\n"[..], b"*1\r\n:1\r\n"]);
    assert!(seen.end.is_err());
}

#[test]
fn errors_say_what_is_wrong() {
    let cases: [(&[u8], &str); 11] = [
        (b"@foo\r\n", "unknown type byte '@'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "unknown type byte 'H': the server speaks HTTP and not RESP"),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            "unknown type byte '\\u{15}': the server answers in TLS; a rediss:// URL, or --tls, speaks it",
        ),
        (b"%1\r\n", "RESP3 type '%' on a RESP2 connection"),
        (b"$?\r\n", "streamed types are not supported"),
        (b":1x\r\n", "not a 64-bit integer"),
        (b"$-2\r\n", "negative length"),
        (b"$536870913\r\n", "string of 536870913 bytes is over the limit of 536870912"),
        (b"*9999999999\r\n", "length out of range"),
        (b"+OK\n", "line feed without carriage return"),
        (b"$1\r\nab\r\n", "string without CRLF at its end"),
    ];
    for (stream, expected) in cases {
        let message = see(Protocol::Resp2, Limits::default(), [stream]).end.unwrap_err();
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn resp3_types_are_refused_on_resp2() {
    for (stream, _) in good_resp3() {
        let seen = see_all("RESP3 on RESP2", Protocol::Resp2, stream);
        // An array that holds one is refused when its turn comes.
        assert!(seen.end.is_err() && seen.frames.is_empty(), "{:?}: {seen:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn the_protocol_changes_between_replies() {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(b"+OK\r\n#t\r\n");
    assert_eq!(decoder.decode().unwrap().unwrap().value(), ValueRef::Simple(b"OK"));
    decoder.set_protocol(Protocol::Resp3);
    assert_eq!(decoder.protocol(), Protocol::Resp3);
    assert_eq!(decoder.decode().unwrap().unwrap().value(), ValueRef::Boolean(true));
    decoder.set_protocol(Protocol::Resp2);
    decoder.feed(b"#t\r\n");
    assert_eq!(decoder.decode().unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn numbers_of_every_spelling() {
    for (stream, expected) in [
        (&b",inf\r\n"[..], f64::INFINITY),
        (b",-inf\r\n", f64::NEG_INFINITY),
        (b",nan\r\n", f64::NAN),
        (b",-nan\r\n", f64::NAN),
        (b",NAN\r\n", f64::NAN),
        (b",1e300\r\n", 1e300),
        (b",0\r\n", 0.0),
        (b"$3\r\n2.5\r\n", 2.5),
        (b":-3\r\n", -3.0),
    ] {
        let mut decoder = Decoder::new(Protocol::Resp3, Limits::default());
        decoder.feed(stream);
        let number = f64::from_value(decoder.decode().unwrap().unwrap().value()).unwrap();
        assert!(number == expected || (number.is_nan() && expected.is_nan()), "{number} is not {expected}");
    }
}

#[test]
fn pushes_come_between_replies() {
    let stream = b">1\r\n+a\r\n+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n>0\r\n:1\r\n";
    see_all("pushes", Protocol::Resp3, stream);
    let mut replies = Vec::new();
    let mut pushes = 0;
    run(Protocol::Resp3, Limits::default(), [&stream[..]], &mut |frame| match frame.value() {
        ValueRef::Push(_) => pushes += 1,
        reply => replies.push(Value::from(reply)),
    })
    .unwrap();
    assert_eq!((pushes, replies), (3, vec![status("OK"), Value::Integer(1)]));
}

#[test]
fn a_reply_of_the_wrong_shape_is_read_whole() {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n*1\r\n*2\r\n:1\r\n$1\r\nx\r\n+OK\r\n");
    let odd = decoder.decode().unwrap().unwrap();
    assert_eq!(HashMap::<String, String>::from_value(odd.value()).unwrap_err().kind(), ErrorKind::Reply);
    let nested = decoder.decode().unwrap().unwrap();
    assert_eq!(Vec::<i64>::from_value(nested.value()).unwrap_err().kind(), ErrorKind::Reply);
    assert_eq!(decoder.decode().unwrap().unwrap().value(), ValueRef::Simple(b"OK"));
    assert!(decoder.decode().unwrap().is_none());
}

#[test]
fn errors_are_shown_escaped() {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(b"-ERR \xff\x1b[2Jbad\r\n");
    let frame = decoder.decode().unwrap().unwrap();
    let error = String::from_value(frame.value()).unwrap_err();
    for shown in
        [error.to_string(), format!("{error:?}"), format!("{frame:?}"), format!("{:?}", Value::from(frame.value()))]
    {
        assert!(shown.contains("bad") && !shown.contains('\x1b'), "{shown:?}");
    }
}

#[test]
fn equal_values_are_equal_wherever_they_lie() {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(b"*3\r\n*2\r\n:1\r\n$1\r\na\r\n*2\r\n:1\r\n$1\r\na\r\n*2\r\n:1\r\n$1\r\nb\r\n");
    let frame = decoder.decode().unwrap().unwrap();
    let items: Vec<ValueRef<'_>> = frame.value().items().unwrap().collect();
    assert_eq!(items[0], items[1]);
    assert_ne!(items[1], items[2]);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.throw() % most;
        (0..length).map(|_| (self.throw() >> 32) as u8).collect()
    }
}

#[test]
fn random_values_survive_random_cuts() {
    let mut dice = Dice(0x5eed);
    for round in 0..3000 {
        let (choices, sizes) = (dice.bytes(400), dice.bytes(15));
        let (value, _) = checks::any_value(&choices, 0);
        let stream = value.to_bytes().repeat(3);
        let seen = see(Protocol::Resp3, Limits::default(), pieces(&stream, &sizes));
        assert_eq!((seen.frames.len(), seen.end), (3, Ok(0)), "round {round}: {value:?}");
        checks::round_trip(&choices);
        checks::decode(&stream);
    }
}

#[test]
fn random_damage_never_panics() {
    let mut dice = Dice(0xdead);
    let alphabet = b"\r\n\r\n\r\n+-:$*_#,(!=%~>|0123456789-tfx\0\xff";
    for _ in 0..3000 {
        let (choices, sizes) = (dice.bytes(200), dice.bytes(16));
        let mut stream = checks::any_value(&choices, 0).0.to_bytes();
        for _ in 0..1 + dice.throw() % 3 {
            let at = (dice.throw() as usize) % stream.len();
            stream[at] = alphabet[dice.throw() as usize % alphabet.len()];
        }
        checks::decode(&stream);
        checks::decode_splits(&[&[sizes.len() as u8], &sizes[..], &stream].concat());
    }
}

#[test]
fn seeds_and_crashes_of_the_fuzzers_pass() {
    for target in ["decode", "decode_values", "decode_splits", "round_trip"] {
        let check: fn(&[u8]) = match target {
            "decode" => |data| {
                checks::walk(data);
                checks::decode(data);
            },
            "decode_values" => checks::decode,
            "decode_splits" => checks::decode_splits,
            _ => checks::round_trip,
        };
        let mut inputs = 0;
        for kind in ["seeds", "kept", "crashes"] {
            let folder = rediscluster_testing::repository().join("fuzz").join(kind).join(target);
            // A target that has never crashed has no folder for that.
            let Ok(entries) = folder.read_dir() else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                println!("{}", path.display());
                check(&std::fs::read(&path).unwrap());
                inputs += 1;
            }
        }
        // It reads the seeds of `decode`, and has a folder for its crashes alone.
        assert!(inputs > 0 || target == "decode_values", "no seeds for {target}");
    }
}
