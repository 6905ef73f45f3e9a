//! Connecting by TCP.

use crate::threads::lock;
use crate::topology::Address;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many addresses are known to have answered.
const REMEMBERED: usize = 256;

/// The addresses that answered where a name has several, the last one at the end. Without it, one that says nothing would cost
/// every connection its share of the time.
static ANSWERED: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

/// Connects to the first address of a host's name that answers, within `timeout`; without one, for as long as the system
/// tries. For a [`Connect`](crate::Connect) that puts something on top of TCP.
///
/// Each of several addresses has its share of the time that is left, so that one that says nothing does not use it up. The
/// one that answered is tried first from then on.
/// The socket sends at once what is written (`TCP_NODELAY`), and is refused when it has connected to itself, as can
/// happen on a port where nobody listens.
///
/// # Errors
/// Why the last of the addresses did not answer; [`TimedOut`](ErrorKind::TimedOut) when the time is over;
/// [`InvalidInput`](ErrorKind::InvalidInput) for the address of a Unix socket and for a name that has no address.
pub fn connect_tcp(address: &Address, timeout: Option<Duration>) -> io::Result<TcpStream> {
    if address.unix_path().is_some() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a Unix socket is not reached by TCP"));
    }
    let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let found = (address.host(), address.port()).to_socket_addrs();
    // That is no failure of a server: it is a name that is wrong, or one of whom nobody can be asked.
    let found = found.map_err(|error| io::Error::new(ErrorKind::InvalidInput, error.to_string()))?;
    first_that_answers(found.as_slice(), end)
}

/// Connects to the one of these addresses that answered last, and to the others, in their order, when it does not.
fn first_that_answers(candidates: &[SocketAddr], end: Option<Instant>) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
    let (count, first) = (candidates.len(), answered_last(&lock(&ANSWERED), candidates));
    for nth in 0..count {
        let candidate = &candidates[match nth {
            0 => first,
            nth if nth <= first => nth - 1,
            nth => nth,
        }];
        let share = match end {
            Some(end) => end.saturating_duration_since(Instant::now()) / (count - nth) as u32,
            None => Duration::MAX,
        };
        if share.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(candidate, share).and_then(|socket| checked(socket, candidate)) {
            Ok(socket) => {
                if count > 1 {
                    remember(&mut lock(&ANSWERED), *candidate);
                }
                return Ok(socket);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Which of the candidates answered last; the first one where none is known.
fn answered_last(answered: &[SocketAddr], candidates: &[SocketAddr]) -> usize {
    for known in answered.iter().rev() {
        for (at, candidate) in candidates.iter().enumerate() {
            if candidate == known {
                return at;
            }
        }
    }
    0
}

fn remember(answered: &mut Vec<SocketAddr>, address: SocketAddr) {
    answered.retain(|known| *known != address);
    if answered.len() == REMEMBERED {
        answered.remove(0);
    }
    answered.push(address);
}

fn checked(socket: TcpStream, to: &SocketAddr) -> io::Result<TcpStream> {
    // A dead port in the ephemeral range can connect to itself, and would then echo requests as replies.
    let own = socket.local_addr()?;
    if own.port() == to.port() && (own.ip() == to.ip() || to.ip().is_unspecified()) {
        return Err(io::Error::new(ErrorKind::ConnectionRefused, "the socket connected to itself: no server there"));
    }
    socket.set_nodelay(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rediscluster_testing::{dead_address, Server};

    #[test]
    fn every_address_of_a_name_is_tried() {
        let server = Server::start();
        let [dead, alive] = [dead_address(), server.address()].map(|address| address.parse::<SocketAddr>().unwrap());
        for candidates in [[dead, alive], [alive, dead]] {
            assert_eq!(first_that_answers(&candidates, None).unwrap().peer_addr().unwrap(), alive);
        }
        assert_eq!(first_that_answers(&[dead, dead], None).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(first_that_answers(&[], None).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_answered_last_is_known_of_so_many() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut answered = Vec::new();
        for port in [1, 2, 3, 1] {
            remember(&mut answered, address(port));
        }
        assert_eq!(answered, [2, 3, 1].map(address));
        assert_eq!(answered_last(&answered, &[4, 2, 3].map(address)), 2);
        assert_eq!(answered_last(&answered, &[4, 5].map(address)), 0);
        (10..266).for_each(|port| remember(&mut answered, address(port)));
        assert_eq!((answered.len(), answered[0]), (REMEMBERED, address(10)));
    }

    #[test]
    fn an_address_that_says_nothing_leaves_time_for_the_next_one() {
        let (silent, server) = (Server::start_with(&["--tcp-backlog", "1"]), Server::start());
        let [silent_address, alive] = [&silent, &server].map(|server| server.address().parse::<SocketAddr>().unwrap());
        silent.freeze();
        // What the system accepts for it, until it accepts no more.
        let mut held = Vec::new();
        while let Ok(socket) = TcpStream::connect_timeout(&silent_address, Duration::from_millis(300)) {
            held.push(socket);
            assert!(held.len() < 1_000, "the queue of a frozen server fills");
        }
        let took = || {
            let began = Instant::now();
            let socket = first_that_answers(&[silent_address, alive], Some(began + Duration::from_secs(2))).unwrap();
            assert_eq!(socket.peer_addr().unwrap(), alive);
            began.elapsed()
        };
        // It costs that once, and again when the one that answered is gone.
        assert!(took() >= Duration::from_millis(900), "the first one was tried");
        for _ in 0..3 {
            assert!(took() < Duration::from_millis(900));
        }
        let (dead, other) = (dead_address().parse().unwrap(), Server::start());
        first_that_answers(&[dead, alive], None).unwrap();
        first_that_answers(&[dead, other.address().parse().unwrap()], None).unwrap();
        let error = first_that_answers(&[silent_address; 2], Some(Instant::now() + Duration::from_millis(200)));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
