//! What must hold for any bytes: shared by the fuzz targets and by `tests/decoder.rs`, which replays the seeds, what
//! once crashed, and inputs of its own.

// Each target uses a part of it.
#![allow(dead_code)]

use rediscluster::resp::{Decoder, Frame, Limits, Protocol, Value, ValueRef};
use rediscluster::{ErrorKind, FromValue};
use std::collections::HashMap;

pub const PROTOCOLS: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

/// The memory that so many received bytes may take.
pub fn allowance(received: usize) -> usize {
    32 * received + (128 << 10)
}

/// What a decoder made of a stream.
#[derive(Debug, PartialEq)]
pub struct Seen {
    /// The bytes of each frame.
    pub frames: Vec<Vec<u8>>,
    /// How many bytes were left waiting for more, or why the stream is no RESP.
    pub end: Result<usize, String>,
}

/// What is done with each frame of a stream.
type Look<'a> = &'a mut dyn FnMut(Frame<'_>);

/// Feeds the pieces one after the other and takes all frames after each.
pub fn run<'a>(
    protocol: Protocol,
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    look: Look<'_>,
) -> Result<usize, String> {
    let mut decoder = Decoder::new(protocol, limits);
    for (at, piece) in pieces.into_iter().enumerate() {
        if at % 2 == 0 {
            decoder.feed(piece);
        } else {
            read_into(&mut decoder, piece);
        }
        loop {
            match decoder.decode() {
                Ok(Some(frame)) => look(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Protocol);
                    // A broken stream stays broken, whatever comes next.
                    decoder.feed(b"+OK\r\n");
                    assert_eq!(decoder.decode().expect_err("mended by more bytes").to_string(), error.to_string());
                    return Err(error.to_string());
                }
            }
        }
    }
    Ok(decoder.pending())
}

/// Hands over bytes as a socket does.
pub fn read_into(decoder: &mut Decoder, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = decoder.space();
        let count = bytes.len().min(space.len());
        assert!(count > 0, "no room to read into");
        space[..count].copy_from_slice(&bytes[..count]);
        decoder.advance(count);
        bytes = &bytes[count..];
    }
}

/// All that is seen of a stream that comes in these pieces.
pub fn see<'a>(protocol: Protocol, limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut frames = Vec::new();
    let end = run(protocol, limits, pieces, &mut |frame| frames.push(frame.as_bytes().to_vec()));
    Seen { frames, end }
}

/// Makes the owned value of every frame in turn and drops it.
pub fn consume(data: &[u8], protocol: Protocol) {
    let _ = run(protocol, Limits::default(), [data], &mut |frame| drop(Value::from(frame.value())));
}

/// Any bytes, in one of the protocols, as their length has it: frames have no gap between them, no byte is lost, and every
/// value can be walked through to its end. Nothing more, so that a fuzzer gets through very many.
pub fn walk(data: &[u8]) {
    let mut decoder = Decoder::new(PROTOCOLS[data.len() % PROTOCOLS.len()], Limits::default());
    decoder.feed(data);
    let mut taken = 0;
    loop {
        match decoder.decode() {
            Ok(Some(frame)) => {
                let end = taken + frame.as_bytes().len();
                assert_eq!(frame.as_bytes(), &data[taken..end], "frames have no gap between them");
                taken = end;
                assert!(size(frame.value()) <= frame.as_bytes().len(), "a value is no larger than its frame");
            }
            Ok(None) => break,
            Err(_) => return,
        }
    }
    assert_eq!(taken + decoder.pending(), data.len(), "no byte is lost");
}

/// The bytes of text in a value, and one for each that has none.
fn size(value: ValueRef<'_>) -> usize {
    match value.items() {
        Some(items) => 1 + items.map(size).sum::<usize>(),
        None => value.as_bytes().map_or(1, <[u8]>::len),
    }
}

/// Any bytes: what is taken for a value is one, in every way of looking at it.
pub fn decode(data: &[u8]) {
    for protocol in PROTOCOLS {
        let mut taken = 0;
        let end = run(protocol, Limits::default(), [data], &mut |frame| {
            assert_eq!(
                frame.as_bytes(),
                &data[taken..taken + frame.as_bytes().len()],
                "frames have no gap between them"
            );
            taken += frame.as_bytes().len();
            look(frame, protocol);
        });
        if let Ok(pending) = end {
            assert_eq!(taken + pending, data.len(), "no byte is lost");
        }
    }
}

fn look(frame: Frame<'_>, protocol: Protocol) {
    let value = Value::from(frame.value());
    compare(frame.value(), &value);
    let _ = format!("{frame:?} {value:?}");
    assert!(frame.value() == frame.value());

    // No type panics, whatever it is made of.
    let _ = Vec::<String>::from_value(frame.value());
    let _ = Option::<i64>::from_value(frame.value());
    let _ = HashMap::<Vec<u8>, Vec<(Value, f64)>>::from_value(frame.value());

    let again = see(protocol, Limits::default(), [frame.as_bytes()]);
    assert_eq!(again, Seen { frames: vec![frame.as_bytes().to_vec()], end: Ok(0) }, "a frame stands alone");
    assert_comes_back(&value);
}

/// The borrowed view and the owned value are made by different code and say the same.
fn compare(seen: ValueRef<'_>, value: &Value) {
    let inside = match value {
        Value::Array(values) | Value::Set(values) | Value::Push(values) => values.iter().collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => Vec::new(),
    };
    match (seen, value) {
        (ValueRef::Nil, Value::Nil) => {}
        (ValueRef::Integer(a), Value::Integer(b)) => assert_eq!(a, *b),
        (ValueRef::Boolean(a), Value::Boolean(b)) => assert_eq!(a, *b),
        (ValueRef::Double(a), Value::Double(b)) => {
            let a: f64 = std::str::from_utf8(a).unwrap().parse().unwrap();
            assert!(a == *b || (a.is_nan() && b.is_nan()));
        }
        (ValueRef::Bulk(a), Value::Bulk(b))
        | (ValueRef::Simple(a), Value::Simple(b))
        | (ValueRef::Error(a), Value::Error(b))
        | (ValueRef::BigNumber(a), Value::BigNumber(b)) => assert_eq!(a, b),
        (ValueRef::Verbatim(name, a), Value::Verbatim(format, b)) => assert_eq!((name, a), (&format[..], &b[..])),
        (ValueRef::Array(items), Value::Array(_))
        | (ValueRef::Set(items), Value::Set(_))
        | (ValueRef::Push(items), Value::Push(_))
        | (ValueRef::Map(items), Value::Map(_)) => {
            assert_eq!(items.len(), inside.len());
            items.zip(inside).for_each(|(seen, value)| compare(seen, value));
        }
        (seen, value) => panic!("{seen:?} became {value:?}"),
    }
}

/// Sent, the value is one whole frame that holds the same value.
fn assert_comes_back(value: &Value) {
    let bytes = value.to_bytes();
    let mut back = None;
    let end =
        run(Protocol::Resp3, Limits::default(), [&bytes[..]], &mut |frame| back = Some(Value::from(frame.value())));
    assert_eq!(end, Ok(0), "{value:?}");
    let back = back.expect("a value");
    // Not a number is not equal to itself; as bytes it is.
    assert!(back == *value || back.to_bytes() == bytes, "{value:?} came back as {back:?}");
}

/// A stream and how it is cut: the first byte says how many sizes of pieces follow it, which are used in turn.
pub fn decode_splits(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 16) + 1));
    for protocol in PROTOCOLS {
        let whole = without_hint(see(protocol, Limits::default(), [stream]));
        let cut = without_hint(see(protocol, Limits::default(), pieces(stream, sizes)));
        assert_eq!(cut, whole, "in pieces of {sizes:?}");
    }
}

/// What is likely to speak there is told by what has come so far.
fn without_hint(mut seen: Seen) -> Seen {
    if let Err(error) = &mut seen.end {
        if let Some(hint) = error.find(": the server ") {
            let end = error.rfind(" (").filter(|end| *end > hint).unwrap_or(error.len());
            error.replace_range(hint..end, "");
        }
    }
    seen
}

/// The stream in pieces of these sizes, used in turn. A size of 0 is 256.
pub fn pieces<'a>(stream: &'a [u8], sizes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut sizes = sizes.iter().map(|&size| usize::from(size.wrapping_sub(1)) + 1).cycle();
    let mut left = stream;
    std::iter::from_fn(move || {
        let size = sizes.next().unwrap_or(1).min(left.len());
        let (piece, rest) = left.split_at(size);
        left = rest;
        (size > 0).then_some(piece)
    })
}

/// Bytes that choose a value, which goes over the wire and comes back.
pub fn round_trip(data: &[u8]) {
    let (value, _) = any_value(data, 0);
    assert_comes_back(&value);
}

/// The value that the bytes choose, and the bytes that are left. Any bytes choose one.
pub fn any_value(data: &[u8], depth: usize) -> (Value, &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return (Value::Nil, data) };
    let number = |data: &[u8]| {
        let (bytes, rest) = data.split_at(data.len().min(8));
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        (u64::from_le_bytes(eight), rest.len())
    };
    let after = |left: usize| &data[data.len() - left..];
    let (text, left) = any_text(data);
    let line = || text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b'.' } else { byte }).collect::<Vec<u8>>();
    // A push stands only outermost.
    match choice % if depth == 0 { 13 } else { 12 } {
        0 => (Value::Nil, data),
        1 => (Value::Simple(line()), left),
        2 => (Value::Error(text.to_vec()), left),
        3 => {
            let (bits, left) = number(data);
            // Numbers of every length, not mostly of the longest.
            (Value::Integer(bits as i64 >> (choice / 13 * 3 % 64)), after(left))
        }
        4 => (Value::Bulk(text.to_vec()), left),
        5 => (Value::Boolean(choice >= 128), data),
        6 => {
            let (bits, left) = number(data);
            (Value::Double(f64::from_bits(bits)), after(left))
        }
        7 => {
            let digits = text.iter().map(|byte| b'0' + byte % 10);
            let sign = (choice >= 128).then_some(b'-');
            (Value::BigNumber(sign.into_iter().chain(*b"7").chain(digits).collect()), left)
        }
        8 => {
            let mut format = *b"txt";
            format.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
            (Value::Verbatim(format, text.to_vec()), left)
        }
        9 => {
            let (values, left) = any_values(data, depth);
            (Value::Array(values), left)
        }
        10 => {
            let (values, left) = any_values(data, depth);
            (Value::Set(values), left)
        }
        11 => {
            let (mut values, left) = any_values(data, depth);
            let mut pairs = Vec::new();
            while values.len() >= 2 {
                pairs.extend(values.pop().zip(values.pop()));
            }
            (Value::Map(pairs), left)
        }
        _ => {
            let (values, left) = any_values(data, depth);
            (Value::Push(values), left)
        }
    }
}

fn any_text(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((&length, rest)) = data.split_first() else { return (data, data) };
    rest.split_at(rest.len().min(length.into()))
}

fn any_values(data: &[u8], depth: usize) -> (Vec<Value>, &[u8]) {
    let Some((&count, mut data)) = data.split_first() else { return (Vec::new(), data) };
    let mut values = Vec::new();
    // The deepest value still fits the default limit.
    while values.len() < usize::from(count) && depth < 100 && !data.is_empty() {
        let (value, rest) = any_value(data, depth + 1);
        (data, _) = (rest, values.push(value));
    }
    (values, data)
}
