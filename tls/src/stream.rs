//! One connection with TLS, which one thread may read while another one writes.

use crate::causes::explained;
use rediscluster::Transport;
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What is read from the socket at once: a record of TLS is at most 16 KiB and a little more.
const PIECE: usize = 32 << 10;
/// The shortest time that a socket can be told to wait.
const SHORTEST: Duration = Duration::from_micros(1);
/// How much of what came first is kept.
const FIRST: usize = 8;
/// How long is waited for the server to send while it is to be given something, too.
const SLICE: Duration = Duration::from_millis(5);

/// Three locks, always taken from the top down. Nobody waits for the socket with the lock of the session, so that
/// reading and writing do not wait for one another.
pub(crate) struct TlsStream {
    /// What came from the socket and was not yet given to the session.
    incoming: Mutex<Incoming>,
    /// What the session gave and the socket did not yet take.
    outgoing: Mutex<Outgoing>,
    session: Mutex<ClientConnection>,
    socket: TcpStream,
    /// Whose it is.
    process: u32,
}

struct Incoming {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    start: usize,
}

/// When a wait ends; never without a moment.
type End = Option<Instant>;

/// What is left of a wait, at least the shortest time.
fn left(end: End) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()).max(SHORTEST))
}

fn is_over(end: End) -> bool {
    end.is_some_and(|end| end <= Instant::now())
}

fn after(wait: Option<Duration>) -> End {
    wait.and_then(|wait| Instant::now().checked_add(wait))
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A session in which somebody panicked fails by itself: its records do not fit any more.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket whose every wait ends at one moment. It keeps what came first: where that is no TLS, it tells what is there.
struct Until<'s> {
    socket: &'s TcpStream,
    end: End,
    first: Vec<u8>,
}

impl Until<'_> {
    fn check(&self) -> io::Result<Option<Duration>> {
        match is_over(self.end) {
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(left(self.end)),
        }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.check()?)?;
        let count = self.socket.read(buffer)?;
        let wanted = FIRST.saturating_sub(self.first.len());
        self.first.extend(buffer[..count].iter().take(wanted));
        Ok(count)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.check()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// Agrees with the server on the keys.
    pub(crate) fn begin(socket: TcpStream, mut session: ClientConnection, end: End) -> io::Result<TlsStream> {
        let mut until = Until { socket: &socket, end, first: Vec::new() };
        while session.is_handshaking() {
            match session.complete_io(&mut until) {
                Err(error) if is_wait(&error) && !is_over(end) => {}
                done => done.map(|_| ()).map_err(|error| explained(error, &until.first))?,
            }
        }
        let incoming = Incoming { bytes: vec![0; PIECE], start: 0, end: 0 };
        Ok(TlsStream {
            incoming: Mutex::new(incoming),
            outgoing: Mutex::default(),
            session: Mutex::new(session),
            socket,
            process: process::id(),
        })
    }

    /// What the server sent, as far as it is here; an error of the kind `WouldBlock` when nothing is.
    fn decrypt(&self, incoming: &mut Incoming, buffer: &mut [u8]) -> io::Result<usize> {
        let mut session = lock(&self.session);
        loop {
            match session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && incoming.start < incoming.end => {}
                read => return read,
            }
            let mut rest = &incoming.bytes[incoming.start..incoming.end];
            let before = rest.len();
            session.read_tls(&mut rest)?;
            incoming.start += before - rest.len();
            session.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Sends what there is to be sent; false when the socket did not take all of it in time.
    fn flush(&self, outgoing: &mut Outgoing, end: End) -> io::Result<bool> {
        {
            let mut session = lock(&self.session);
            while session.wants_write() {
                session.write_tls(&mut outgoing.bytes)?;
            }
        }
        while outgoing.start < outgoing.bytes.len() {
            self.socket.set_write_timeout(left(end))?;
            match (&self.socket).write(&outgoing.bytes[outgoing.start..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => outgoing.start += count,
                Err(error) if is_wait(&error) && is_over(end) => return Ok(false),
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
        outgoing.bytes.clear();
        outgoing.start = 0;
        Ok(true)
    }

    /// Sends what an earlier write left and what the session has to say itself. Whoever writes at the moment does that.
    fn flush_what_is_left(&self) -> io::Result<bool> {
        match self.outgoing.try_lock() {
            Ok(mut outgoing) => self.flush(&mut outgoing, Some(Instant::now())),
            Err(TryLockError::Poisoned(poisoned)) => self.flush(&mut poisoned.into_inner(), Some(Instant::now())),
            Err(TryLockError::WouldBlock) => Ok(true),
        }
    }

    /// Waits for the server to send more. 0 at the end.
    fn fill(&self, incoming: &mut Incoming, wait: Option<Duration>) -> io::Result<usize> {
        let count = if wait == Some(Duration::ZERO) {
            self.socket.set_nonblocking(true)?;
            let read = (&self.socket).read(&mut incoming.bytes);
            self.socket.set_nonblocking(false)?;
            read?
        } else {
            self.socket.set_read_timeout(wait.map(|wait| wait.max(SHORTEST)))?;
            (&self.socket).read(&mut incoming.bytes)?
        };
        (incoming.start, incoming.end) = (0, count);
        Ok(count)
    }
}

impl Transport for TlsStream {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        let end = after(wait);
        let incoming = &mut *lock(&self.incoming);
        loop {
            match self.decrypt(incoming, buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            // A server that hung up may have said why, so that a failure to send is not the end yet.
            let flushed = self.flush_what_is_left().unwrap_or(true);
            let rest = match wait {
                Some(Duration::ZERO) => wait,
                _ if flushed => left(end),
                // The server may not read on before it could send.
                _ => Some(left(end).map_or(SLICE, |left| left.min(SLICE))),
            };
            match self.fill(incoming, rest) {
                // The session knows whether the server said goodbye or was cut off.
                Ok(0) => {
                    let mut session = lock(&self.session);
                    session.read_tls(&mut io::empty())?;
                    session.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                    return session.reader().read(buffer);
                }
                Ok(_) => {}
                Err(error) if is_wait(&error) && !is_over(end) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&self, bytes: &[u8], wait: Option<Duration>) -> io::Result<usize> {
        let end = after(wait);
        let outgoing = &mut *lock(&self.outgoing);
        if !self.flush(outgoing, end)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = lock(&self.session).writer().write(bytes)?;
        // From here on they are taken: part of them may be on the way. What is wrong with the socket is told by the
        // next call.
        let _ = self.flush(outgoing, end);
        Ok(count)
    }

    fn close(&self) {
        // A goodbye, where that is possible without waiting.
        if let (Ok(mut outgoing), Ok(mut session)) = (self.outgoing.try_lock(), self.session.try_lock()) {
            session.send_close_notify();
            drop(session);
            let _ = self.flush(&mut outgoing, Some(Instant::now()));
        }
        // It may be closed already; there is nobody to tell.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // A child that was forked drops what it inherited, and that must not end what its parent uses.
        if self.process == process::id() {
            self.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{Authority, TlsServer};
    use crate::Tls;
    use rediscluster::{connect_tcp, Address};
    use rustls::pki_types::CertificateDer;
    use rustls::RootCertStore;
    use std::sync::Arc;

    /// A server and one connection to it, just after the handshake.
    fn connected(test: &str) -> Option<(TlsServer, TlsStream)> {
        let authority = Authority::new();
        let server = authority.start(test, &[])?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der())).unwrap();
        let session = ClientConnection::new(Tls::trusting(roots).config, "localhost".try_into().unwrap()).unwrap();
        let end = after(Some(Duration::from_secs(10)));
        let socket = connect_tcp(&Address::parse(&server.address()).unwrap(), None).unwrap();
        let stream = TlsStream::begin(socket, session, end).unwrap();
        stream.socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Some((server, stream))
    }

    fn answer(stream: &TlsStream) -> String {
        let mut buffer = [0; 64];
        let count = stream.read(&mut buffer, Some(Duration::from_secs(10))).unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    #[test]
    fn session_tickets_are_nothing_that_a_server_said() {
        let Some((_server, stream)) = connected("session tickets") else { return };
        assert_eq!(lock(&stream.session).protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        // They come behind the handshake, unasked.
        assert_eq!(stream.socket.peek(&mut [0]).unwrap(), 1);
        for _ in 0..3 {
            let error = stream.read(&mut [0], Some(Duration::ZERO)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        }
        assert_eq!(stream.write(b"PING\r\n", None).unwrap(), 6);
        assert_eq!(answer(&stream), "+PONG\r\n");
    }

    #[test]
    fn the_end_is_seen_without_waiting() {
        let Some((server, stream)) = connected("the end of a connection") else { return };
        stream.write(b"PING\r\n", None).unwrap();
        assert_eq!(answer(&stream), "+PONG\r\n");
        server.server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        stream.socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // Either the server's goodbye or the end of the stream has come.
        stream.socket.peek(&mut [0]).unwrap();
        match stream.read(&mut [0], Some(Duration::ZERO)) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
        }
    }

    #[test]
    fn what_was_taken_is_sent_on_while_replies_are_read() {
        let Some((server, stream)) = connected("writing without waiting") else { return };
        let pings = b"PING\r\n".repeat(10_000);
        server.server.freeze();
        let mut taken = 0;
        let full = loop {
            match stream.write(&pings[taken % 6..], Some(Duration::ZERO)) {
                Ok(count) => taken += count,
                Err(error) => break error,
            }
        };
        assert!(is_wait(&full), "{full}");
        assert!(!lock(&stream.outgoing).bytes.is_empty(), "something is left to be sent");
        server.server.thaw();
        let mut wanted = taken / 6 * 7;
        let mut buffer = [0; 4096];
        while wanted > 0 {
            let count = stream.read(&mut buffer, Some(Duration::from_secs(10))).unwrap();
            wanted = wanted.checked_sub(count).expect("one reply to each PING");
        }
        assert!(lock(&stream.outgoing).bytes.is_empty());
    }

    #[test]
    fn who_reads_and_who_writes_do_not_wait_for_one_another() {
        let Some((_server, stream)) = connected("two threads") else { return };
        let stream = Arc::new(stream);
        let reader = {
            let stream = Arc::clone(&stream);
            std::thread::spawn(move || answer(&stream))
        };
        // The reader waits for the socket by now, or will; either way it must get what is asked for here.
        stream.write(b"PING\r\n", Some(Duration::from_secs(10))).unwrap();
        assert_eq!(reader.join().unwrap(), "+PONG\r\n");
        let reader = {
            let stream = Arc::clone(&stream);
            std::thread::spawn(move || stream.read(&mut [0], None).map_err(|error| error.kind()))
        };
        stream.close();
        assert!(matches!(reader.join().unwrap(), Ok(0) | Err(ErrorKind::UnexpectedEof)));
    }
}
