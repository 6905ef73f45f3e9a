//! The decoder at its limits: what a hostile or broken server may make it do.

#[path = "../fuzz/checks.rs"]
mod checks;

use checks::{pieces, run, see, Seen};
use rediscluster::resp::{Decoder, Limits, Protocol, Value};
use rediscluster::FromValue;

/// The stream cut in two at every place, and byte by byte.
fn every_cut(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let halves = (0..=stream.len()).map(|at| stream.split_at(at)).map(|(head, tail)| vec![head, tail]);
    halves.chain([pieces(stream, &[1]).collect()]).collect()
}

#[test]
fn limits_hold_to_the_byte() {
    let line = |length: usize| format!("+{}\r\n", "x".repeat(length)).into_bytes();
    let error = |length: usize| format!("-{}\r\n", "x".repeat(length)).into_bytes();
    let nested = |depth: usize| format!("{}:1\r\n", "*1\r\n".repeat(depth)).into_bytes();
    let attributes = |count: usize| format!("{}:1\r\n", "|1\r\n_\r\n_\r\n".repeat(count)).into_bytes();
    let empty_attributes = |count: usize| format!("*2\r\n_\r\n{}:1\r\n", "|0\r\n".repeat(count)).into_bytes();
    let cases = [
        ("line", line(64 << 10), line((64 << 10) + 1)),
        ("error", error(64 << 10), error((64 << 10) + 1)),
        ("nesting", nested(128), nested(129)),
        ("attributes in a row", attributes(128), attributes(129)),
        ("empty attributes in a row", empty_attributes(128), empty_attributes(129)),
    ];
    for (name, fits, over) in cases {
        for sizes in [&[1][..], &[0], &[3, 250]] {
            let seen = see(Protocol::Resp3, Limits::default(), pieces(&fits, sizes));
            assert_eq!(seen, Seen { frames: vec![fits.clone()], end: Ok(0) }, "{name}");
            let seen = see(Protocol::Resp3, Limits::default(), pieces(&over, sizes));
            assert!(seen.end.is_err() && seen.frames.is_empty(), "{name}");
        }
    }

    // A line without an end is refused as soon as it is too long, a bulk as soon as its length is known.
    let endless = vec![b'x'; 1 << 20];
    let seen = see(Protocol::Resp2, Limits::default(), [&b"+"[..], &endless[..64 << 10]]);
    assert_eq!(seen.end, Ok((64 << 10) + 1));
    let seen = see(Protocol::Resp2, Limits::default(), [&b"+"[..], &endless[..(64 << 10) + 1]]);
    assert!(seen.end.is_err());
    let seen = see(Protocol::Resp2, Limits::default(), [&b"$536870912\r\n"[..]]);
    assert_eq!(seen.end, Ok(12));
    let seen = see(Protocol::Resp2, Limits::default(), [&b"*2147483647\r\n"[..]]);
    assert_eq!(seen.end, Ok(13));
    let seen = see(Protocol::Resp3, Limits::default(), [&b"%1073741823\r\n"[..]]);
    assert_eq!(seen.end, Ok(13));
}

#[test]
fn limits_are_configurable() {
    let mut limits = Limits::default();
    (limits.line, limits.bulk, limits.nesting) = (3, 4, 2);
    for (fits, over) in [
        (&b"+abc\r\n"[..], &b"+abcd\r\n"[..]),
        (b":123\r\n", b":1234\r\n"),
        (b"*2\r\n:123\r\n:123\r\n", b"*2\r\n:1234\r\n:123\r\n"),
        (b"$4\r\nabcd\r\n", b"$5\r\nabcde\r\n"),
        (b"*2\r\n$4\r\nabcd\r\n:1\r\n", b"*2\r\n$5\r\nabcde\r\n:1\r\n"),
        (b"*1\r\n*1\r\n:1\r\n", b"*1\r\n*1\r\n*1\r\n:1\r\n"),
        (b"*1\r\n*1\r\n*0\r\n", b"*1\r\n*1\r\n%1\r\n_\r\n_\r\n"),
    ] {
        for cut in every_cut(fits) {
            assert_eq!(see(Protocol::Resp3, limits, cut), Seen { frames: vec![fits.to_vec()], end: Ok(0) });
        }
        for cut in every_cut(over) {
            assert!(see(Protocol::Resp3, limits, cut).end.is_err(), "{:?}", String::from_utf8_lossy(over));
        }
    }

    // Without a limit on strings nothing overflows.
    limits.bulk = usize::MAX;
    assert_eq!(see(Protocol::Resp2, limits, [&b"$999999999999999999\r\nx"[..]]).end, Ok(22));
}

#[test]
fn a_million_of_anything_ends_at_its_limit() {
    for (name, piece) in [
        ("arrays", "*1\r\n"),
        ("sets", "~1\r\n"),
        ("maps", "%1\r\n"),
        ("attributes", "|1\r\n"),
        ("attributes without content", "|0\r\n"),
        ("attributes in a row", "|1\r\n_\r\n_\r\n"),
        ("heads that promise much", "*1000000\r\n"),
    ] {
        let stream = piece.repeat(1_000_000);
        let seen = see(Protocol::Resp3, Limits::default(), [stream.as_bytes()]);
        assert!(seen.end.is_err(), "{name}");
        // As a connection reads: the error comes before the million has been received.
        let (mut decoder, mut fed) = (Decoder::new(Protocol::Resp3, Limits::default()), 0);
        while decoder.decode().is_ok() {
            decoder.feed(&stream.as_bytes()[fed..fed + 64]);
            fed += 64;
        }
        assert!(fed <= piece.len() * 129 + 64, "{name} after {fed} bytes");
    }
    let heads = "*1000000\r\n".repeat(128);
    assert_eq!(see(Protocol::Resp2, Limits::default(), [heads.as_bytes()]).end, Ok(heads.len()));
}

#[test]
fn the_deepest_value_fits_a_small_stack() {
    let mut limits = Limits::default();
    // More than can be had: it is taken as the most that can be configured, which is 1,024.
    limits.nesting = usize::MAX;
    let deepest = format!("{}:1\r\n", "*1\r\n".repeat(1024));
    let maps = format!("{}{}", "%1\r\n+k\r\n".repeat(1024), ":1\r\n");
    let attributes = format!("{}:1\r\n{}", "|1\r\n+k\r\n".repeat(1024), ":2\r\n".repeat(1024));
    let deeper = format!("*1\r\n{deepest}");
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for stream in [&deepest, &maps, &attributes] {
            let mut frames = 0;
            let end = run(Protocol::Resp3, limits, [stream.as_bytes()], &mut |frame| {
                let value = Value::from(frame.value());
                assert!(value.clone() == value);
                assert!(frame.value() == frame.value());
                assert!(!format!("{frame:?} {value:?} {value:#?}").is_empty());
                assert!(!value.to_bytes().is_empty());
                let _ = Vec::<Value>::from_value(frame.value());
                frames += 1;
            });
            assert_eq!((frames, end), (1, Ok(0)));
        }
        assert!(see(Protocol::Resp3, limits, [deeper.as_bytes()]).end.is_err());
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn nothing_is_looked_at_twice() {
    // Quadratic work on any of these would take minutes, not a moment.
    let bulk = format!("$4000000\r\n{}\r\n", "x".repeat(4_000_000));
    let array = format!("*400000\r\n{}", "$4\r\nabcd\r\n".repeat(400_000));
    let line = format!("*500\r\n{}", format!("+{}\r\n", "x".repeat(8000)).repeat(500));
    let nested =
        format!("*100000\r\n{}", "*2\r\n:1\r\n*1\r\n%1\r\n+a\r\n$1000\r\n".replace("$1000", ":1000").repeat(100_000));
    let attributes = format!("*100000\r\n{}", "|1\r\n+a\r\n|1\r\n+b\r\n_\r\n:1\r\n:2\r\n".repeat(100_000));
    for stream in [bulk, array, line, nested, attributes] {
        let seen = see(Protocol::Resp3, Limits::default(), pieces(stream.as_bytes(), &[1]));
        assert_eq!((seen.frames.len(), seen.end), (1, Ok(0)));
    }
    // Many small replies that wait in the buffer together.
    let replies = "$4\r\nabcd\r\n".repeat(400_000);
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(replies.as_bytes());
    for _ in 0..400_000 {
        assert!(decoder.decode().unwrap().is_some());
        decoder.feed(b"+OK\r\n");
    }
    assert_eq!(decoder.pending(), 400_000 * 5);
}

#[test]
fn there_is_always_room_to_read_into() {
    let stream = [&b"*3\r\n$100000\r\n"[..], &[b'x'; 100_000], b"\r\n$5000\r\n", &[b'y'; 5000], b"\r\n:1\r\n"].concat();
    let stream = [&stream[..], &stream, &stream].concat();
    for step in [1, 100, 4096, 70_000, usize::MAX] {
        let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
        let (mut left, mut frames) = (&stream[..], 0);
        while !left.is_empty() {
            let space = decoder.space();
            assert!(!space.is_empty());
            let count = step.min(space.len()).min(left.len());
            space[..count].copy_from_slice(&left[..count]);
            decoder.advance(count);
            left = &left[count..];
            while decoder.decode().unwrap().is_some() {
                frames += 1;
            }
        }
        assert_eq!((frames, decoder.pending()), (3, 0), "in steps of {step}");
    }
}
