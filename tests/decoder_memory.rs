//! How much memory a server can make the decoder take: no more than it pays for in bytes sent.
//!
//! A binary of its own, because the allocator counts for all threads of a process.

#[path = "../fuzz/checks.rs"]
mod checks;

use checks::{allowance, read_into};
use peak_alloc::PeakAlloc;
use rediscluster::resp::{Decoder, Limits, Protocol, Value};
use rediscluster::FromValue;
use std::collections::HashMap;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How bytes come into a decoder.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// They are copied to it.
    Fed,
    /// They are read into the room that it has, as from a socket.
    InPlace,
}

impl Way {
    fn add(self, decoder: &mut Decoder, bytes: &[u8]) {
        match self {
            Way::Fed => decoder.feed(bytes),
            Way::InPlace => read_into(decoder, bytes),
        }
    }
}

/// Adds pieces, makes what it can of the frames, and looks at the peak after each piece.
fn assert_bounded<T: FromValue>(way: Way, name: &str, stream: &[u8], piece: usize) {
    let mut decoder = Decoder::new(Protocol::Resp3, Limits::default());
    let mut received = 0;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for piece in stream.chunks(piece) {
        way.add(&mut decoder, piece);
        received += piece.len();
        let broken = loop {
            match decoder.decode() {
                Ok(Some(frame)) => drop(T::from_value(frame.value())),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let took = MEMORY.peak_usage().saturating_sub(before);
        assert!(took <= allowance(received), "{name}: {took} bytes of memory for {received} received, {way:?}");
        if broken {
            break;
        }
    }
}

// One test, because nothing else may allocate while it counts.
#[test]
fn memory_grows_with_what_is_received() {
    let whole = |head: &str, count: usize, element: &str| format!("{head}{count}\r\n{}", element.repeat(count));
    let filled = |element: &str, count: usize| whole("*", count, element);
    let trees = [
        ("nils", filled("_\r\n", 300_000)),
        ("empty statuses", filled("+\r\n", 300_000)),
        ("statuses of one byte", filled("+a\r\n", 300_000)),
        ("empty bulks", filled("$0\r\n\r\n", 200_000)),
        ("bulks of one byte", filled("$1\r\na\r\n", 200_000)),
        ("integers", filled(":1\r\n", 300_000)),
        ("empty arrays", filled("*0\r\n", 300_000)),
        ("arrays of nil", filled("*1\r\n_\r\n", 200_000)),
        ("maps of nil", filled("%1\r\n_\r\n_\r\n", 200_000)),
        ("empty attributes", filled("|0\r\n_\r\n", 200_000)),
        ("one set", whole("~", 300_000, "_\r\n")),
        ("one map", whole("%", 150_000, "+\r\n+\r\n")),
        ("one map with different keys", {
            let pairs: String = (0..150_000).map(|key| format!(":{key}\r\n_\r\n")).collect();
            format!("%150000\r\n{pairs}")
        }),
        ("nested arrays", format!("{}*0\r\n", "*1\r\n".repeat(127)).repeat(1000)),
        ("many replies", "+OK\r\n".repeat(200_000)),
        ("one bulk", format!("$1000000\r\n{}\r\n", "x".repeat(1_000_000))),
        ("one line after the other", format!("+{}\r\n", "x".repeat(60_000)).repeat(20)),
    ];
    for (name, stream) in &trees {
        for piece in [usize::MAX, 65_536, 1000] {
            assert_bounded::<Value>(Way::Fed, name, stream.as_bytes(), piece);
            assert_bounded::<Vec<String>>(Way::Fed, name, stream.as_bytes(), piece);
            assert_bounded::<HashMap<String, Option<String>>>(Way::Fed, name, stream.as_bytes(), piece);
        }
        assert_bounded::<Value>(Way::InPlace, name, stream.as_bytes(), 65_536);
    }

    let promises = [
        ("a bulk of 512 MiB", "$536870912\r\n".to_owned()),
        ("a bulk of 2 GiB", "$2147483647\r\n".to_owned()),
        ("an array of 2^31 - 1", "*2147483647\r\n".to_owned()),
        ("an array of 2^32 - 1", "*4294967295\r\n".to_owned()),
        ("a map of 2^30", "%1073741823\r\n".to_owned()),
        ("a set inside an array", "*2147483647\r\n~2147483647\r\n".to_owned()),
        ("128 arrays of a million", "*1000000\r\n".repeat(128)),
        ("128 maps of a million", "%1000000\r\n_\r\n".repeat(128)),
        ("a million arrays", "*1\r\n".repeat(1_000_000)),
        ("a million attributes", "|1\r\n_\r\n_\r\n".repeat(1_000_000)),
        ("an endless line", format!("+{}", "x".repeat(1 << 20))),
        ("an endless number", format!(":{}", "1".repeat(1 << 20))),
        ("a bulk of 512 MiB that begins to come", format!("$536870912\r\n{}", "x".repeat(1 << 20))),
        ("bulks that each promise more", format!("*2000\r\n{}", "$1000\r\n".to_owned() + &"x".repeat(999))),
    ];
    for (name, stream) in &promises {
        for piece in [usize::MAX, 16_384, 100, 1] {
            // A byte at a time is slow for nothing where the first thousand tell it all.
            let stream = if piece == 1 { &stream[..stream.len().min(1000)] } else { stream };
            assert_bounded::<Value>(Way::Fed, name, stream.as_bytes(), piece);
            assert_bounded::<Value>(Way::InPlace, name, stream.as_bytes(), piece);
        }
    }

    // A buffer that a large reply needed is not kept for ever.
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    let before = MEMORY.current_usage();
    for reply in [format!("$8000000\r\n{}\r\n", "x".repeat(8_000_000)), "+OK\r\n".to_owned(), "+OK\r\n".to_owned()] {
        decoder.feed(reply.as_bytes());
        assert!(decoder.decode().unwrap().is_some());
    }
    let kept = MEMORY.current_usage() - before;
    assert!(kept <= 128 << 10, "{kept} bytes are kept for nothing");
}
