//! What integration tests stand on: real servers in temporary directories, and scripted peers that
//! play broken ones. What a server really holds is read by the few lines of RESP2 in `resp.rs` and not
//! by the library under test; only `example.rs`, on which the examples in the documentation run, and `two.rs` use it.
//!
//! Every wait in here polls for what it waits for and gives up with a message. Nothing sleeps and
//! hopes.

mod chaos;
mod cut;
mod example;
mod expect;
mod frames;

mod peer;
mod programs;
mod resp;
mod rounds;
mod sentinel;
mod server;
mod tls;
mod two;

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

pub use chaos::{Chance, Chaos, Fault, Way};
pub use cut::{Cut, Wire};
pub use example::{cluster_of, example, example_since, home_of, in_both_protocols};
pub use expect::{apart, apart_from, fails, fails_with, fails_with_code};
pub use peer::{greet, ScriptedPeer};
pub use programs::{named_programs, repository, skipped};
pub use resp::{command, read_command, read_reply, Reply, Talk};
pub use rounds::Rounds;
pub use sentinel::Sentinel;
pub use server::{Server, ServerBuilder};
pub use tls::server_with_tls;
pub use two::Two;

/// How long a wait for a server may take before the test fails. Far more than is ever needed on an
/// idle machine: what runs tests is often not idle.
const PATIENCE: Duration = Duration::from_secs(30);
/// Polls until `done` says so; the test fails with `what` when it never does.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A port of this machine, below 32768, on which nobody listens at the moment.
pub fn free_port() -> u16 {
    let (listener, address) = listen();
    drop(listener);
    wait_until_closed(address);
    address.port()
}

/// `127.0.0.1:PORT` where nobody listens: connections are refused. No server of another test gets the port later,
/// because those take theirs from elsewhere.
pub fn dead_address() -> String {
    let (listener, address) = listen_between(10_000, 20_000);
    drop(listener);
    wait_until_closed(address);
    address.to_string()
}

/// A listener on a port between 20000 and 32000, where servers and peers get theirs.
fn listen() -> (TcpListener, SocketAddr) {
    listen_between(20_000, 32_000)
}

/// A listener on a port that is chosen by chance, because many tests, in many processes, choose at the same time.
fn listen_between(first: u16, end: u16) -> (TcpListener, SocketAddr) {
    for _ in 0..1000 {
        let port = first + u16::try_from(random() % u64::from(end - first)).expect("less than the width");
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return (listener, (Ipv4Addr::LOCALHOST, port).into());
        }
    }
    panic!("no free port between {first} and {end}");
}

/// Waits until nobody listens there any more. Closing a listener is not enough: a process that another
/// thread is just starting has a copy of it between its fork and its exec. Gives up silently, because
/// somebody else may have taken the port by then.
fn wait_until_closed(address: SocketAddr) {
    let end = Instant::now() + Duration::from_secs(1);
    while TcpStream::connect(address).is_ok() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The standard library seeds its hash maps from the system's random numbers: enough to choose a
/// port or a name.
fn random() -> u64 {
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish()));
    STATE.with(|state| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(state.get());
        state.set(hasher.finish());
        state.get()
    })
}
