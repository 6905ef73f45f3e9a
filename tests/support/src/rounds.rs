//! How often a client waits for servers, counted on the wires to them.

use crate::{command, read_command, read_reply, Reply, ScriptedPeer, Server};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// As long as this nothing must come from the client before a round is over.
const QUIET: Duration = Duration::from_millis(15);
/// A server that says nothing for so long waits for data: the others' replies do not wait for its own.
const WAITS: Duration = Duration::from_millis(250);

/// Wires to servers that let every request through at once and hold every reply until the servers have answered all
/// requests and the client sends no more: then all replies are let go together, and that was one round.
///
/// So requests that go out at the same time cost one round however many there are, and requests that wait for one
/// another's replies cost one each. A client that is slow to send makes the number too high; nothing makes it too low.
#[derive(Debug)]
pub struct Rounds {
    peers: Vec<ScriptedPeer>,
    shared: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Replies are held and rounds are counted.
    counts: bool,
    rounds: usize,
    /// Requests that went to servers and have no reply yet.
    unanswered: usize,
    held: Vec<(TcpStream, Vec<u8>)>,
    /// When a request or a reply last came.
    moved: Instant,
    over: bool,
}

impl Rounds {
    /// Wires to these servers. Nothing is held until something is counted.
    pub fn to(servers: &[Server]) -> Rounds {
        let state =
            State { counts: false, rounds: 0, unanswered: 0, held: Vec::new(), moved: Instant::now(), over: false };
        let shared = Arc::new(Mutex::new(state));
        let wire = |server: &Server| {
            let (port, shared) = (server.port(), Arc::clone(&shared));
            ScriptedPeer::new(move |stream| {
                let _ = carry(stream, port, &shared);
            })
        };
        let peers = servers.iter().map(wire).collect();
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !lock(&shared).over {
                    lock(&shared).end_round();
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Rounds { peers, shared }
    }

    /// `127.0.0.1:PORT` of the near ends, in the order of the servers.
    pub fn addresses(&self) -> Vec<String> {
        self.peers.iter().map(ScriptedPeer::address).collect()
    }

    /// What the body gives, and in how many rounds.
    pub fn count<T>(&self, body: impl FnOnce() -> T) -> (T, usize) {
        {
            let mut state = lock(&self.shared);
            (state.counts, state.rounds) = (true, 0);
        }
        let given = body();
        let mut state = lock(&self.shared);
        state.counts = false;
        state.let_go();
        (given, state.rounds)
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        lock(&self.shared).over = true;
    }
}

impl State {
    /// Lets the replies go when the client can only be waiting for them.
    fn end_round(&mut self) {
        let still = self.moved.elapsed();
        let all_answered = self.unanswered == 0 && still >= QUIET;
        if self.counts && !self.held.is_empty() && (all_answered || still >= WAITS) {
            self.rounds += 1;
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        for (mut near, reply) in self.held.drain(..) {
            // A client that has hung up does not wait for it.
            let _ = near.write_all(&reply);
        }
        self.moved = Instant::now();
    }
}

fn carry(stream: TcpStream, port: u16, shared: &Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    far.set_nodelay(true)?;
    let replies = thread::spawn({
        let (far, near, shared) = (far.try_clone()?, stream.try_clone()?, Arc::clone(shared));
        move || {
            let mut far = BufReader::new(far);
            while let Ok(reply) = read_reply(&mut far) {
                let Ok(mut near) = near.try_clone() else { return };
                let mut state = lock(&shared);
                if matches!(reply, Reply::Push(_)) {
                    // Nobody waits for a round by it.
                    let _ = near.write_all(&reply.to_bytes());
                    continue;
                }
                state.unanswered -= 1;
                state.moved = Instant::now();
                state.held.push((near, reply.to_bytes()));
                if !state.counts {
                    state.let_go();
                }
            }
        }
    });
    let mut near = BufReader::new(stream);
    while let Some(words) = read_command(&mut near)? {
        {
            let mut state = lock(shared);
            state.unanswered += 1;
            state.moved = Instant::now();
        }
        far.write_all(&command(&words))?;
    }
    far.shutdown(std::net::Shutdown::Both)?;
    let _ = replies.join();
    Ok(())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
