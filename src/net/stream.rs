//! A connection whose every wait ends at the deadline of the call.

use super::deadline::{Deadline, Time};
use crate::topology::Address;
use crate::transport::{Connector, Kind, Socket};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection to a server.
pub(crate) struct Stream {
    /// Shared where one thread reads and another one writes or closes.
    socket: Arc<Socket>,
    timeouts: Timeouts,
    /// Bytes that were read since a deadline passed.
    late: usize,
}

/// What a socket of the system was last told, so that it is not told again.
struct Timeouts {
    read: Time,
    write: Time,
    /// With at least so much time left both will do; without an end where that is to be looked at anew each time.
    enough: Time,
}

impl Timeouts {
    const NONE: Timeouts = Timeouts { read: Time::NO_END, write: Time::NO_END, enough: Time::NO_END };

    #[inline(never)]
    fn set(&mut self, read: Time, write: Time) {
        *self = Timeouts { read, write, enough: enough_for(read).max(enough_for(write)) };
    }

    fn set_read(&mut self, read: Time) {
        self.set(read, self.write);
    }

    fn set_write(&mut self, write: Time) {
        self.set(self.read, write);
    }
}

/// As much may have come by the deadline and not have been read: the system keeps no more. What is read beyond that was sent
/// later, and a server that never stops must not keep the caller.
const MOST_LATE: usize = 8 << 20;

impl Stream {
    /// Connects as the connector does it, and by TCP without one. A Unix socket needs none.
    pub(crate) fn connect(address: &Address, connector: Option<&Connector>, deadline: Deadline) -> io::Result<Stream> {
        let left = deadline.left()?;
        let socket = match connector.filter(|_| address.unix_path().is_none()) {
            Some(connector) => connector.connect(address, left)?,
            None => Socket::connect(address, left)?,
        };
        Ok(Stream::of(Arc::new(socket)))
    }

    fn of(socket: Arc<Socket>) -> Stream {
        Stream { socket, timeouts: Timeouts::NONE, late: 0 }
    }

    /// Whether the timeouts that a socket of the system was last told will do for what begins at this moment. Most calls
    /// find it so, and need not know how much time is left.
    #[inline]
    pub(super) fn is_set_for(&self, deadline: Deadline, now: Instant) -> bool {
        deadline.leaves(self.timeouts.enough, now)
    }

    /// Writes what the system takes in one go, where [`is_set_for`](Stream::is_set_for) says yes. Says how much that was,
    /// when the rest is worth another try.
    #[inline]
    pub(super) fn write_once(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.socket.kind() {
            Kind::System(socket) => match socket.write(bytes) {
                Err(error) if is_wait(&error) => {
                    self.timeouts.set_write(Time::NO_END);
                    Ok(0)
                }
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                wrote => wrote,
            },
            Kind::Custom(_) => Ok(0),
        }
    }

    /// Reads what comes first, in the same way; nothing when that is worth another try.
    #[inline]
    pub(super) fn read_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.late = 0;
        match self.socket.kind() {
            Kind::System(socket) => match socket.read(buffer) {
                Err(error) if is_wait(&error) => {
                    self.timeouts.set_read(Time::NO_END);
                    Ok(0)
                }
                Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                read => read,
            },
            Kind::Custom(_) => Ok(0),
        }
    }

    /// Says that another wait begins: what came before it is not late.
    pub(super) fn begin_wait(&mut self) {
        self.late = 0;
    }

    /// Reads at least one byte.
    pub(crate) fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        self.read_in(buffer, deadline.time(), deadline)
    }

    /// The same where it is known how much time is left of that.
    pub(super) fn read_in(&mut self, buffer: &mut [u8], mut left: Time, deadline: Deadline) -> io::Result<usize> {
        loop {
            if left == Time::OVER {
                return self.read_what_came(buffer);
            }
            self.late = 0;
            let read = match self.socket.kind() {
                Kind::System(socket) => {
                    if is_to_be_set(self.timeouts.read, left) {
                        socket.set_read_timeout(settable(left))?;
                        self.timeouts.set_read(left);
                    }
                    socket.read(buffer)
                }
                Kind::Custom(transport) => transport.read(buffer, left.timeout()),
            };
            match read {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => return Ok(count),
                Err(error) if is_wait(&error) => self.timeouts.set_read(Time::NO_END),
                Err(error) => return Err(error),
            }
            left = deadline.time();
        }
    }

    /// Past the deadline: what has come by now, without waiting. While one server was waited for in vain, the others
    /// have answered, and what they did must not be told as unknown.
    fn read_what_came(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.late > MOST_LATE {
            return Err(ErrorKind::TimedOut.into());
        }
        match self.read_at_once(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.late += count;
                Ok(count)
            }
            Err(error) if is_wait(&error) => Err(ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read_at_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.socket.kind() {
            Kind::System(socket) => {
                socket.set_nonblocking(true)?;
                let read = socket.read(buffer);
                socket.set_nonblocking(false)?;
                read
            }
            Kind::Custom(transport) => transport.read(buffer, Some(Duration::ZERO)),
        }
    }

    /// Writes everything. On an error, says how many bytes were taken.
    pub(crate) fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), (usize, io::Error)> {
        self.write_in(bytes, deadline.time(), deadline)
    }

    /// The same where it is known how much time is left of that.
    pub(super) fn write_in(
        &mut self,
        bytes: &[u8],
        mut left: Time,
        deadline: Deadline,
    ) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < bytes.len() {
            if left == Time::OVER {
                return Err((done, ErrorKind::TimedOut.into()));
            }
            let wrote = match self.socket.kind() {
                Kind::System(socket) => {
                    if is_to_be_set(self.timeouts.write, left) {
                        socket.set_write_timeout(settable(left)).map_err(|error| (done, error))?;
                        self.timeouts.set_write(left);
                    }
                    socket.write(&bytes[done..])
                }
                Kind::Custom(transport) => transport.write(&bytes[done..], left.timeout()),
            };
            match wrote {
                Ok(0) => return Err((done, ErrorKind::WriteZero.into())),
                Ok(count) => {
                    done += count;
                    if done == bytes.len() {
                        return Ok(());
                    }
                }
                Err(error) if is_wait(&error) => self.timeouts.set_write(Time::NO_END),
                Err(error) => return Err((done, error)),
            }
            left = deadline.time();
        }
        Ok(())
    }

    /// Writes what is taken without waiting, and says how many bytes that were, also on an error.
    pub(crate) fn write_what_fits(&mut self, bytes: &[u8]) -> Result<usize, (usize, io::Error)> {
        let mut done = 0;
        let wrote = match self.socket.kind() {
            Kind::System(socket) => {
                socket.set_nonblocking(true).map_err(|error| (0, error))?;
                let wrote = fill(bytes, &mut done, |bytes| socket.write(bytes));
                wrote.and(socket.set_nonblocking(false))
            }
            Kind::Custom(transport) => fill(bytes, &mut done, |bytes| transport.write(bytes, Some(Duration::ZERO))),
        };
        wrote.map(|()| done).map_err(|error| (done, error))
    }

    /// Whether the system takes what is written as long as it has room, without waiting for anybody.
    pub(super) fn is_of_the_system(&self) -> bool {
        matches!(self.socket.kind(), Kind::System(_))
    }

    /// Whether the peer has neither closed nor sent anything that nobody asked for. When it has, the connection is of no
    /// more use, so it does not matter that a byte of that is gone.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.read_at_once(&mut [0]), Err(error) if is_late(&error))
    }

    /// The same socket for another thread. One of the two may read and one may write: the system keeps one timeout for
    /// reading and one for writing, and each of them remembers what it set.
    pub(crate) fn share(&self) -> Stream {
        Stream::of(Arc::clone(&self.socket))
    }

    /// Ends the connection for both sides at once.
    pub(crate) fn close(&self) {
        match self.socket.kind() {
            Kind::System(socket) => socket.close(),
            Kind::Custom(transport) => transport.close(),
        }
    }
}

/// Writes until nothing is left or nothing more is taken at the moment; `done` counts.
fn fill(bytes: &[u8], done: &mut usize, mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
    while *done < bytes.len() {
        match write(&bytes[*done..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_late(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A wait ended in vain.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The socket's own timeout ran out, or a signal came: the deadline decides whether to go on.
fn is_wait(error: &io::Error) -> bool {
    is_late(error) || error.kind() == ErrorKind::Interrupted
}

/// Whether a timeout is to be set. Not when the one that is set will do: one that ends too late by no more than a sixteenth of
/// what is left, or too soon, because then it is waited once more. Calls with the same deadline, and calls that wait for several
/// servers a slice at a time, so cost no system call for it.
fn is_to_be_set(set: Time, left: Time) -> bool {
    if set == Time::NO_END || left == Time::NO_END {
        return set != left;
    }
    let late = |time: Time| Time(time.0.saturating_add(left.0 / 16));
    !(set <= late(left) && (set >= Time::SHORT || left <= late(set)))
}

/// With at least so much time left a timeout will do, as [`is_to_be_set`] has it; without an end when that depends.
fn enough_for(set: Time) -> Time {
    match set {
        Time::NO_END => Time::NO_END,
        set if set < Time::SHORT => Time::NO_END,
        Time(nanos) => Time(nanos - nanos / 17),
    }
}

/// As sockets take it: they count in microseconds, and zero would mean no timeout at all.
fn settable(left: Time) -> Option<Duration> {
    left.timeout().map(|left| left.max(Duration::from_micros(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_that_will_do_is_not_set_again() {
        let millis = |millis| Time::of(Duration::from_millis(millis));
        let never = Time::NO_END;
        for (set, left, is_set) in [
            (never, never, false),
            (never, millis(1_000), true),
            (millis(1_000), never, true),
            (millis(1_000), millis(1_000), false),
            // Too late by a sixteenth, and by more.
            (millis(1_000), millis(950), false),
            (millis(1_000), millis(900), true),
            // Too soon: it is waited once more, unless that would be again and again.
            (millis(20), millis(1_000), false),
            (millis(9), millis(1_000), true),
            (millis(9), millis(9), false),
        ] {
            assert_eq!(is_to_be_set(set, left), is_set, "{set:?} {left:?}");
        }
        for set in [millis(10), millis(1_000), Time(10_000_019), millis(5_000)] {
            let enough = enough_for(set);
            assert!(!is_to_be_set(set, enough) && is_to_be_set(set, Time(enough.0 - 20)), "{set:?}");
        }
        for set in [never, millis(9)] {
            assert_eq!(enough_for(set), never, "{set:?}");
        }
        assert_eq!(settable(Time(1)), Some(Duration::from_micros(1)));
        assert_eq!((settable(never), settable(millis(7))), (None, Some(Duration::from_millis(7))));
    }
}
