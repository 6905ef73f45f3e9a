//! Peers that a test plays itself.

use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{listen, read_command, wait_until_closed};

/// What a master says of itself.
const MASTER: &[u8] = b"$13\r\nrole:master\r\n\r\n";

/// Answers both questions that a new connection asks a server about itself, as a master does.
pub fn greet(reader: &mut BufReader<TcpStream>) {
    for _ in 0..2 {
        if let Ok(Some(_)) = read_command(reader) {
            // The other side may be gone.
            let _ = reader.get_mut().write_all(MASTER);
        }
    }
}

/// A peer whose every connection is played by a closure, in a thread of its own: for servers that
/// answer late, in pieces, wrongly or never. Dropping it closes its port and all its connections.
#[derive(Debug)]
pub struct ScriptedPeer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    accepted: AtomicUsize,
    connections: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
}

impl ScriptedPeer {
    /// Plays `script` for each connection. The connection is closed when the closure returns.
    pub fn new<F>(script: F) -> Self
    where
        F: Fn(TcpStream) + Send + Sync + 'static,
    {
        let (listener, address) = listen();
        let shared = Arc::new(Shared::default());
        let script = Arc::new(script);
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.over.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let _ = stream.set_nodelay(true);
                    let Ok(handle) = stream.try_clone() else { continue };
                    shared.accepted.fetch_add(1, Ordering::SeqCst);
                    let script = Arc::clone(&script);
                    let player = thread::spawn(move || {
                        // `handle` keeps the socket open for the drop below, so that letting the
                        // stream go would not close it: say so to the other side.
                        let _close = Close(stream.try_clone().ok());
                        script(stream);
                    });
                    lock(&shared.connections).push((handle, player));
                }
            }
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Answers each command with the bytes that `answer` makes for it, and hangs up when there are
    /// none. The command's words come as they were sent.
    pub fn answering<F>(answer: F) -> Self
    where
        F: Fn(&[Vec<u8>]) -> Vec<u8> + Send + Sync + 'static,
    {
        Self::new(move |stream| {
            let mut reader = BufReader::new(stream);
            while let Ok(Some(command)) = read_command(&mut reader) {
                let bytes = answer(&command);
                if bytes.is_empty() || reader.get_mut().write_all(&bytes).is_err() {
                    return;
                }
            }
        })
    }

    /// As [`answering`](Self::answering), for a peer that says it is a master whenever it is asked who it is: `answer`
    /// gets everything but `INFO`.
    pub fn master<F>(answer: F) -> Self
    where
        F: Fn(&[Vec<u8>]) -> Vec<u8> + Send + Sync + 'static,
    {
        Self::answering(move |words| if words[0] == b"INFO" { MASTER.to_vec() } else { answer(words) })
    }

    /// `127.0.0.1:PORT`, the port below 32768.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections there have been so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for ScriptedPeer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection: give it one.
        let woken = TcpStream::connect(self.address);
        if let (Some(acceptor), Ok(_)) = (self.acceptor.take(), woken) {
            let _ = acceptor.join();
        }
        wait_until_closed(self.address);
        let connections = std::mem::take(&mut *lock(&self.shared.connections));
        for (stream, _) in &connections {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // A script that reads or writes ends now. One that does neither (it sleeps, or waits for
        // the test) is left alone after a while: it holds nothing that anybody misses.
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end && connections.iter().any(|(_, player)| !player.is_finished()) {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Closes a connection when the script that plays it returns or panics.
struct Close(Option<TcpStream>);

impl Drop for Close {
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
