//! Servers that send what no server should: a typed error before the deadline, a closed connection, little memory, and
//! a sound next call.
//!
//! One test, because the allocator counts for all threads of a process. It runs on a stack of 2 MiB.

mod discovery;
mod shapes;

use peak_alloc::PeakAlloc;
use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Outcome, Protocol};
use rediscluster_testing::{read_command, wait_until, ScriptedPeer};
use std::io::{BufReader, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const DEADLINE: Duration = Duration::from_millis(400);
const BOTH: &[Protocol] = &[Protocol::Resp2, Protocol::Resp3];
const TWO: &[Protocol] = &[Protocol::Resp2];
const THREE: &[Protocol] = &[Protocol::Resp3];

/// What the server does when it has sent its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    /// It waits.
    Wait,
    /// It hangs up.
    Close,
    /// It sends the answer again, for ever.
    Again,
}

/// A bad answer to `GET bad`.
struct Bad {
    name: &'static str,
    on: &'static [Protocol],
    answer: Vec<u8>,
    then: Then,
    kind: ErrorKind,
}

fn bad() -> Vec<Bad> {
    use ErrorKind::{Io, Timeout};
    let mut all = Vec::new();
    let mut add = |name, on, answer: &[u8], then, kind| all.push(Bad { name, on, answer: answer.to_vec(), then, kind });
    let garbage: [(&'static str, &'static [Protocol], &[u8]); 44] = [
        ("an unknown type", BOTH, b"@foo\r\n"),
        ("NUL", BOTH, b"\0\0\0\0"),
        ("HTTP", BOTH, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("TLS", BOTH, b"\x15\x03\x01\0\x02\x02\x46"),
        ("SSH", BOTH, b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("a line feed alone", BOTH, b"\n"),
        ("a bulk of -2", BOTH, b"$-2\r\n"),
        ("an array of -2", BOTH, b"*-2\r\n"),
        ("a bulk of 2^31", BOTH, b"$2147483648\r\n"),
        ("an array of 2^31", BOTH, b"*2147483648\r\n"),
        ("a bulk of 2^63 - 1", BOTH, b"$9223372036854775807\r\n"),
        ("an array of 2^63 - 1", BOTH, b"*9223372036854775807\r\n"),
        ("an array of 2^64", BOTH, b"*18446744073709551616\r\n"),
        ("a map that overflows when doubled", THREE, b"%9223372036854775807\r\n"),
        ("a map of 2^31 - 1", THREE, b"%2147483647\r\n"),
        ("a set of 2^63 - 1", THREE, b"~9223372036854775807\r\n"),
        ("a push of 2^63 - 1", THREE, b">9223372036854775807\r\n"),
        ("an attribute of 2^63 - 1", THREE, b"|9223372036854775807\r\n"),
        ("an integer of nothing", BOTH, b":\r\n"),
        ("an integer above i64", BOTH, b":9223372036854775808\r\n"),
        ("an integer below i64", BOTH, b":-9223372036854775809\r\n"),
        ("a bulk that is longer than it says", BOTH, b"$3\r\nfooXX"),
        ("a bare line feed", BOTH, b"+OK\n"),
        ("a lone return", BOTH, b"+OK\rX"),
        ("a streamed bulk", BOTH, b"$?\r\n;1\r\na\r\n;0\r\n"),
        ("a streamed array", BOTH, b"*?\r\n:1\r\n.\r\n"),
        ("a streamed map", THREE, b"%?\r\n+a\r\n:1\r\n.\r\n"),
        ("a null with a body", THREE, b"_x\r\n"),
        ("a boolean that is none", THREE, b"#x\r\n"),
        ("a double with two points", THREE, b",1.2.3\r\n"),
        ("a big number with a letter", THREE, b"(12a\r\n"),
        ("a verbatim text without its format", THREE, b"=2\r\nab\r\n"),
        ("a push in an array", THREE, b"*1\r\n>1\r\n:1\r\n"),
        ("a null of RESP3", TWO, b"_\r\n"),
        ("a boolean of RESP3", TWO, b"#t\r\n"),
        ("a double of RESP3", TWO, b",1.5\r\n"),
        ("a map of RESP3", TWO, b"%1\r\n+a\r\n:1\r\n"),
        ("a set of RESP3", TWO, b"~1\r\n+a\r\n"),
        ("a push of RESP3", TWO, b">2\r\n+message\r\n+x\r\n"),
        ("an attribute of RESP3", TWO, b"|1\r\n+a\r\n+b\r\n+OK\r\n"),
        ("a big number of RESP3", TWO, b"(123\r\n"),
        ("a verbatim text of RESP3", TWO, b"=5\r\ntxt:a\r\n"),
        ("a blob error of RESP3", TWO, b"!3\r\nERR\r\n"),
        ("bad inside of good", BOTH, b"*3\r\n:1\r\n*2\r\n$1\r\na\r\n?\r\n"),
    ];
    for (name, on, answer) in garbage {
        add(name, on, answer, Then::Wait, ErrorKind::Protocol);
    }
    add("a million arrays", BOTH, "*1\r\n".repeat(1_000_000).as_bytes(), Then::Wait, ErrorKind::Protocol);
    add("a million maps", THREE, "%1\r\n".repeat(1_000_000).as_bytes(), Then::Wait, ErrorKind::Protocol);
    add("arrays without end", BOTH, b"*1\r\n*1\r\n", Then::Again, ErrorKind::Protocol);
    add("arrays of a million without end", BOTH, b"*1000000\r\n", Then::Again, ErrorKind::Protocol);
    add("chained attributes", THREE, "|1\r\n_\r\n_\r\n".repeat(1_000_000).as_bytes(), Then::Wait, ErrorKind::Protocol);
    add("a status without end", BOTH, &[&b"+"[..], &[b'x'; 4096]].concat(), Then::Again, ErrorKind::Protocol);
    add("an error without end", BOTH, &[&b"-"[..], &[b'x'; 4096]].concat(), Then::Again, ErrorKind::Protocol);
    add("a number without end", BOTH, &[&b":"[..], &[b'1'; 4096]].concat(), Then::Again, ErrorKind::Protocol);
    add("a length without end", BOTH, &[&b"$"[..], &[b'0'; 4096]].concat(), Then::Again, ErrorKind::Protocol);
    add("pushes without end", THREE, b">1\r\n+x\r\n", Then::Again, Timeout);
    add("nothing", BOTH, b"", Then::Wait, Timeout);
    add("half a head", BOTH, b"$1", Then::Wait, Timeout);
    add("a bulk of 512 MiB that does not come", BOTH, b"$536870912\r\nx", Then::Wait, Timeout);
    add("an array of 2^31 - 1 that does not come", BOTH, b"*2147483647\r\n:1\r\n", Then::Wait, Timeout);
    for (name, answer) in [
        ("the end instead of a reply", &b""[..]),
        ("the end in a head", b"$1"),
        ("the end between return and line feed", b"+OK\r"),
        ("the end in a bulk", b"$10\r\nabc"),
        ("the end behind a bulk", b"$3\r\nabc"),
        ("the end behind a bulk's return", b"$3\r\nabc\r"),
        ("the end in an array", b"*2\r\n:1\r\n"),
        ("the end of 512 MiB", b"$536870912\r\n"),
    ] {
        add(name, BOTH, answer, Then::Close, Io);
    }
    add("the end behind an attribute", THREE, b"|1\r\n+a\r\n+b\r\n", Then::Close, Io);
    add("the end behind a push", THREE, b">1\r\n+a\r\n", Then::Close, Io);
    all
}

/// The server, what it says to `GET bad` and does then, how many bytes of that it got rid of, and how many of its
/// connections have ended.
struct Hostile {
    peer: ScriptedPeer,
    answer: Arc<Mutex<(Vec<u8>, Then)>>,
    sent: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

fn hostile() -> Hostile {
    let answer = Arc::new(Mutex::new((Vec::new(), Then::Wait)));
    let (sent, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (its_answer, its_sent, its_ended) = (Arc::clone(&answer), Arc::clone(&sent), Arc::clone(&ended));
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let good: &[u8] = match (words[0].as_slice(), words.last().map(Vec::as_slice)) {
                (b"HELLO", _) => b"%1\r\n$5\r\nproto\r\n:3\r\n",
                (b"INFO", _) => b"$13\r\nrole:master\r\n\r\n",
                (_, Some(b"good")) => b"$4\r\ngood\r\n",
                _ => b"",
            };
            if !good.is_empty() {
                let _ = reader.get_mut().write_all(good);
                continue;
            }
            let (bytes, then) = its_answer.lock().unwrap().clone();
            let mut send = || {
                let wrote = reader.get_mut().write_all(&bytes).is_ok();
                its_sent.fetch_add(if wrote { bytes.len() } else { 0 }, Ordering::SeqCst);
                wrote
            };
            let mut goes_on = send();
            while goes_on && then == Then::Again {
                goes_on = send();
            }
            if then == Then::Wait {
                let _ = reader.get_mut().read(&mut [0]);
            }
            break;
        }
        its_ended.fetch_add(1, Ordering::SeqCst);
    });
    Hostile { peer, answer, sent, ended }
}

fn bad_bytes(protocol: Protocol) {
    let hostile = hostile();
    let builder = Cluster::builder().node("node_1", hostile.peer.address()).masters_only(true).protocol(protocol);
    let cluster = builder.pool_size(1).deadline(DEADLINE).connect().unwrap();
    let patient = cluster.deadline(Duration::from_secs(20));
    for Bad { name, answer, then, kind, .. } in bad().into_iter().filter(|bad| bad.on.contains(&protocol)) {
        assert_eq!(patient.get::<_, String>("good").unwrap(), "good");
        *hostile.answer.lock().unwrap() = (answer, then);
        hostile.sent.store(0, Ordering::SeqCst);
        let (accepted, ended) = (hostile.peer.accepted(), hostile.ended.load(Ordering::SeqCst));
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let begin = Instant::now();
        // A write, so that it is not repeated.
        let error = cluster.execute(cmd("INCR").arg("bad").reply::<i64>()).unwrap_err();
        let took = begin.elapsed();
        let peak = MEMORY.peak_usage().saturating_sub(before);
        let story = format!("{protocol:?}, {name}: {error:?} after {took:?}");
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::Unknown), "{story}");
        assert!(error.node().is_some_and(|node| node.starts_with("node_1 (")), "{story}");
        assert_eq!(error.command(), Some("INCR"), "{story}");
        assert!(took < DEADLINE + Duration::from_secs(1), "{story}");
        if kind == ErrorKind::Protocol {
            assert!(took < DEADLINE, "it is known at once: {story}");
        }
        // What cannot end is cut at its limit, however much is on its way. The server keeps a copy of its answer.
        let kept = hostile.answer.lock().unwrap().0.len() * 2;
        let received = hostile.sent.load(Ordering::SeqCst).min(256 << 10);
        let allowed = 32 * received + (128 << 10) + kept;
        assert!(peak <= allowed, "{peak} bytes of memory for {received} received: {story}");
        wait_until("the connection has ended", || hostile.ended.load(Ordering::SeqCst) == ended + 1);
        assert_eq!(patient.get::<_, String>("good").unwrap(), "good", "{story}");
        assert_eq!(hostile.peer.accepted(), accepted + 1, "one new connection: {story}");
        let pool = cluster.pools().remove(0);
        assert_eq!((pool.open, pool.idle, pool.waiting), (1, 1, 0), "{story}");
    }
}

/// What a server says in an error is shown without anything that a terminal would obey.
fn errors_are_harmless() {
    let hostile = hostile();
    let cluster = Cluster::builder().node("node_1", hostile.peer.address()).connect().unwrap();
    for text in [
        &b"-ERR \x1b[31mred\x1b[0m \x07\x08\x00 \xff\xfe\r\n"[..],
        b"-\x1b]0;title\x07\r\n",
        b"-\r\n",
        b"- \r\n",
        b"-ERR \xc2\x9b31m\r\n",
        b"-ERR \xe2\x80\xae reversed\r\n",
        b"*1\r\n-ERR \x1b[2J\r\n",
    ] {
        *hostile.answer.lock().unwrap() = (text.to_vec(), Then::Close);
        let error = cluster.incr("bad").unwrap_err();
        for shown in [error.to_string(), format!("{error:?}"), error.message().to_owned()] {
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}: {shown:?}");
        }
        let _ = cluster.get::<_, String>("good");
    }
    *hostile.answer.lock().unwrap() = ([&b"-ERR "[..], &[b'y'; 60_000], b"\r\n"].concat(), Then::Close);
    let error = cluster.incr("bad").unwrap_err();
    assert!(error.to_string().len() < 1000, "a log is not filled");
}

#[test]
fn nothing_that_a_server_sends_does_harm() {
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let all = small.spawn(|| {
        let cases = bad().iter().map(|bad| bad.on.len()).sum::<usize>();
        println!("{cases} bad answers");
        BOTH.iter().for_each(|&protocol| bad_bytes(protocol));
        errors_are_harmless();
        shapes::wrong_shapes_keep_the_connection();
        shapes::an_exec_of_another_shape();
        discovery::wrong_words_at_the_beginning();
    });
    all.unwrap().join().unwrap();
}
