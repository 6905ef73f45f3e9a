//! A TCP socket whose every wait ends at the deadline of the call.

use crate::cmd::Wait;
use crate::topology::Address;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The moment at which a call gives up; none for a command that may wait for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// This long from now; never when that is beyond what the clock can tell.
    pub(crate) fn after(duration: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(duration))
    }

    /// No end.
    pub(crate) fn never() -> Deadline {
        Deadline(None)
    }

    /// This long from now, and what the command itself may wait on top.
    pub(crate) fn of(duration: Duration, wait: Wait) -> Deadline {
        match wait {
            Wait::None => Deadline::after(duration),
            Wait::AtMost(wait) => Deadline::after(duration.saturating_add(wait)),
            Wait::Forever => Deadline(None),
        }
    }

    /// The earlier of this and a time from now.
    pub(crate) fn within(self, duration: Duration) -> Deadline {
        match (self.0, Deadline::after(duration).0) {
            (Some(one), Some(other)) => Deadline(Some(one.min(other))),
            (one, other) => Deadline(one.or(other)),
        }
    }

    /// What is left, never zero; `None` when there is no end.
    pub(crate) fn left(self) -> io::Result<Option<Duration>> {
        match self.0 {
            None => Ok(None),
            Some(at) => match at.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Ok(Some(left)),
                _ => Err(ErrorKind::TimedOut.into()),
            },
        }
    }
}

/// A connected socket.
pub(crate) struct Stream {
    /// Shared where one thread reads and another one writes or closes.
    socket: Arc<TcpStream>,
    /// What the socket was last told, so that it is not told again.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Stream {
    /// Connects to the first address of the name that answers.
    pub(crate) fn connect(address: &Address, deadline: Deadline) -> io::Result<Stream> {
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for candidate in (address.host(), address.port()).to_socket_addrs()? {
            let attempt = match deadline.left()? {
                Some(left) => TcpStream::connect_timeout(&candidate, left),
                None => TcpStream::connect(candidate),
            };
            match attempt.and_then(Stream::checked) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn checked(socket: TcpStream) -> io::Result<Stream> {
        // A dead port in the ephemeral range can connect to itself, and would then echo requests as replies.
        if socket.local_addr()? == socket.peer_addr()? {
            return Err(io::Error::new(
                ErrorKind::ConnectionRefused,
                "the socket connected to itself: no server there",
            ));
        }
        socket.set_nodelay(true)?;
        Ok(Stream { socket: Arc::new(socket), read_timeout: None, write_timeout: None })
    }

    /// Reads at least one byte.
    pub(crate) fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        loop {
            let left = match deadline.left() {
                Ok(left) => left,
                Err(late) => return self.read_what_came(buffer, late),
            };
            if let Some(timeout) = change(self.read_timeout, left) {
                self.socket.set_read_timeout(timeout)?;
                self.read_timeout = timeout;
            }
            match (&*self.socket).read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => return Ok(count),
                Err(error) if is_wait(&error) => self.read_timeout = None,
                Err(error) => return Err(error),
            }
        }
    }

    /// Past the deadline: what has come by now, without waiting. While one server was waited for in vain, the others
    /// have answered, and what they did must not be told as unknown.
    fn read_what_came(&mut self, buffer: &mut [u8], late: io::Error) -> io::Result<usize> {
        self.socket.set_nonblocking(true)?;
        let read = (&*self.socket).read(buffer);
        self.socket.set_nonblocking(false)?;
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if is_wait(&error) => Err(late),
            read => read,
        }
    }

    /// Writes everything. On an error, says how many bytes the system took.
    pub(crate) fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < bytes.len() {
            let left = deadline.left().map_err(|error| (done, error))?;
            if let Some(timeout) = change(self.write_timeout, left) {
                self.socket.set_write_timeout(timeout).map_err(|error| (done, error))?;
                self.write_timeout = timeout;
            }
            match (&*self.socket).write(&bytes[done..]) {
                Ok(0) => return Err((done, ErrorKind::WriteZero.into())),
                Ok(count) => done += count,
                Err(error) if is_wait(&error) => self.write_timeout = None,
                Err(error) => return Err((done, error)),
            }
        }
        Ok(())
    }

    /// Writes what the system takes without waiting, and says how many bytes that were, also on an error.
    pub(crate) fn write_what_fits(&mut self, bytes: &[u8]) -> Result<usize, (usize, io::Error)> {
        self.socket.set_nonblocking(true).map_err(|error| (0, error))?;
        let mut done = 0;
        let wrote = loop {
            match (&*self.socket).write(&bytes[done..]) {
                Ok(0) if done < bytes.len() => break Err(ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
            if done == bytes.len() {
                break Ok(());
            }
        };
        wrote.and(self.socket.set_nonblocking(false)).map(|()| done).map_err(|error| (done, error))
    }

    /// Whether the peer has neither closed nor sent anything that nobody asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        if self.socket.set_nonblocking(true).is_err() {
            return false;
        }
        let quiet = matches!(self.socket.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.socket.set_nonblocking(false).is_ok() && quiet
    }

    /// The same socket for another thread. One of the two may read and one may write: the system keeps one timeout for
    /// reading and one for writing, and each of them remembers what it set.
    pub(crate) fn share(&self) -> Stream {
        Stream { socket: Arc::clone(&self.socket), read_timeout: None, write_timeout: None }
    }

    /// Ends the connection for both sides at once.
    pub(crate) fn close(&self) {
        // It may be closed already; there is nobody to tell.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

/// The socket's own timeout ran out, or a signal came: the deadline decides whether to go on.
fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// The timeout to set, `None` when the one that is set is near enough: a sixteenth of what is left. Calls with
/// the same deadline so cost no system call for it.
fn change(set: Option<Duration>, left: Option<Duration>) -> Option<Option<Duration>> {
    match (set, left) {
        (None, None) => None,
        (Some(set), Some(left)) if set <= left + left / 16 && left <= set + left / 16 => None,
        // Sockets count in microseconds, and zero would mean no timeout at all.
        (_, left) => Some(left.map(|left| left.max(Duration::from_micros(1)))),
    }
}
