//! Connecting by TCP.

use crate::threads::lock;
use crate::topology::Address;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Of so many names is known which of their addresses answered last.
const REMEMBERED: usize = 256;

/// The address that answered last, of names that have several: the one used last in front. Without it, one that says
/// nothing would cost every connection its share of the time.
static ANSWERED: Mutex<Vec<(String, SocketAddr)>> = Mutex::new(Vec::new());

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
    let found = found.map_err(|error| io::Error::new(ErrorKind::InvalidInput, format!("{error}")))?;
    let candidates = found.as_slice().to_vec();
    match candidates.len() {
        0 | 1 => first_that_answers(candidates, end),
        _ => one_of_several(format!("{address}"), candidates, end),
    }
}

/// Connects to the address that answered last, and to the others when it does not.
fn one_of_several(name: String, mut candidates: Vec<SocketAddr>, end: Option<Instant>) -> io::Result<TcpStream> {
    remembered_first(&lock(&ANSWERED), &name, &mut candidates);
    let socket = first_that_answers(candidates, end)?;
    remember(&mut lock(&ANSWERED), name, socket.peer_addr()?);
    Ok(socket)
}

/// Puts the address of a name that answered last in front, where the name still has it.
fn remembered_first(answered: &[(String, SocketAddr)], name: &str, candidates: &mut [SocketAddr]) {
    let last = answered.iter().find(|(known, _)| known == name);
    let at = last.and_then(|(_, last)| candidates.iter().position(|candidate| candidate == last));
    at.into_iter().for_each(|at| to_the_front(at, &mut |at| candidates.swap(at - 1, at)));
}

/// Brings what is at a place to the front, and nothing else out of order, by swapping neighbours.
fn to_the_front(at: usize, swap: &mut dyn FnMut(usize)) {
    (1..=at).rev().for_each(swap);
}

fn remember(answered: &mut Vec<(String, SocketAddr)>, name: String, address: SocketAddr) {
    match answered.iter().position(|(known, _)| *known == name) {
        Some(at) => to_the_front(at, &mut |at| answered.swap(at - 1, at)),
        None => answered.insert(0, (name.clone(), address)),
    }
    answered[0] = (name, address);
    answered.truncate(REMEMBERED);
}

fn first_that_answers(candidates: Vec<SocketAddr>, end: Option<Instant>) -> io::Result<TcpStream> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rediscluster_testing::{dead_address, Server};

    #[test]
    fn every_address_of_a_name_is_tried() {
        let server = Server::start();
        let [dead, alive] = [dead_address(), server.address()].map(|address| address.parse::<SocketAddr>().unwrap());
        for candidates in [vec![dead, alive], vec![alive, dead]] {
            assert_eq!(first_that_answers(candidates, None).unwrap().peer_addr().unwrap(), alive);
        }
        assert_eq!(first_that_answers(vec![dead, dead], None).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(first_that_answers(Vec::new(), None).unwrap_err().kind(), ErrorKind::NotFound);
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
        let began = Instant::now();
        let end = began + Duration::from_secs(2);
        let socket = first_that_answers(vec![silent_address, alive], Some(end)).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), alive);
        assert!(began.elapsed() >= Duration::from_millis(900), "the first one was tried: {:?}", began.elapsed());
        // It costs that once for a name, and again when the one that answered is gone.
        let connect = |first, second, end| one_of_several("name:1".to_owned(), vec![first, second], end);
        let took = |first, second| {
            let began = Instant::now();
            connect(first, second, Some(began + Duration::from_secs(2))).unwrap();
            began.elapsed()
        };
        assert!(took(silent_address, alive) >= Duration::from_millis(900));
        for _ in 0..3 {
            assert!(took(silent_address, alive) < Duration::from_millis(900));
        }
        let dead = dead_address().parse().unwrap();
        connect(dead, alive, None).unwrap();
        let other = Server::start();
        connect(dead, other.address().parse().unwrap(), None).unwrap();
        let error = first_that_answers(vec![silent_address; 2], Some(Instant::now() + Duration::from_millis(200)));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
