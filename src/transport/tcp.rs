//! Connecting by TCP.

use crate::topology::Address;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Connects to the first address of a host's name that answers, within `timeout`; without one, for as long as the system
/// tries. For a [`Connect`](crate::Connect) that puts something on top of TCP.
///
/// Each of several addresses has its share of the time that is left, so that one that says nothing does not use it up.
/// The socket sends at once what is written (`TCP_NODELAY`), and is refused when it has connected to itself, as can
/// happen on a port where nobody listens.
///
/// # Errors
/// Why the last of the addresses did not answer; [`TimedOut`](ErrorKind::TimedOut) when the time is over;
/// [`InvalidInput`](ErrorKind::InvalidInput) for the address of a Unix socket.
pub fn connect_tcp(address: &Address, timeout: Option<Duration>) -> io::Result<TcpStream> {
    if address.unix_path().is_some() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a Unix socket is not reached by TCP"));
    }
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let candidates: Vec<_> = (address.host(), address.port()).to_socket_addrs()?.collect();
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for (to_try, candidate) in (1..=candidates.len() as u32).rev().zip(candidates) {
        let attempt = match end {
            Some(end) => match end.checked_duration_since(Instant::now()).map(|left| left / to_try) {
                Some(share) if !share.is_zero() => TcpStream::connect_timeout(&candidate, share),
                _ => return Err(ErrorKind::TimedOut.into()),
            },
            None => TcpStream::connect(candidate),
        };
        match attempt.and_then(checked) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn checked(socket: TcpStream) -> io::Result<TcpStream> {
    // A dead port in the ephemeral range can connect to itself, and would then echo requests as replies.
    if socket.local_addr()? == socket.peer_addr()? {
        return Err(io::Error::new(ErrorKind::ConnectionRefused, "the socket connected to itself: no server there"));
    }
    socket.set_nodelay(true)?;
    Ok(socket)
}
