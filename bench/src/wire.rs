//! Wires that delay: what a server says arrives later, by the same time for every byte. One thread carries all of them, because
//! each further one has to be woken for a reply, and that would be measured as well.

use nix::poll::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

/// Starts a wire to each of these ports, and gives the addresses of their near ends. They last as long as the process.
pub fn to_each(ports: impl Iterator<Item = u16>, delay: Duration) -> Vec<SocketAddr> {
    let entries: Vec<(TcpListener, u16)> =
        ports.map(|port| (TcpListener::bind(("127.0.0.1", 0)).expect("a free port"), port)).collect();
    let addresses = entries.iter().map(|(near, _)| near.local_addr().expect("its address")).collect();
    thread::spawn(move || Wires { entries, open: Vec::new(), delay }.carry());
    addresses
}

struct Wires {
    /// Where clients come in, and to which port that leads.
    entries: Vec<(TcpListener, u16)>,
    open: Vec<Open>,
    delay: Duration,
}

/// A connection of a client.
struct Open {
    near: TcpStream,
    far: TcpStream,
    /// What the server said, and when that is to arrive.
    due: VecDeque<(Instant, Vec<u8>)>,
    has_ended: bool,
}

impl Wires {
    fn carry(mut self) {
        loop {
            let soonest = self.open.iter().filter_map(|open| Some(open.due.front()?.0)).min();
            let left = soonest.map(|due| due.saturating_duration_since(Instant::now()));
            let mut sockets: Vec<PollFd> =
                self.entries.iter().map(|(near, _)| PollFd::new(near.as_fd(), PollFlags::POLLIN)).collect();
            for open in &self.open {
                sockets.push(PollFd::new(open.near.as_fd(), PollFlags::POLLIN));
                sockets.push(PollFd::new(open.far.as_fd(), PollFlags::POLLIN));
            }
            if let Err(error) = wait(&mut sockets, left) {
                panic!("the wires cannot wait: {error}");
            }
            let mut is_ready = sockets.iter().map(|socket| socket.any() == Some(true)).collect::<Vec<_>>().into_iter();
            let called: Vec<bool> = is_ready.by_ref().take(self.entries.len()).collect();
            for open in &mut self.open {
                let (near, far) = (is_ready.next() == Some(true), is_ready.next() == Some(true));
                open.has_ended |= open.carry(near, far, self.delay).is_err();
            }
            self.open.retain(|open| !open.has_ended);
            for ((near, port), _) in self.entries.iter().zip(called).filter(|(_, called)| *called) {
                // When the server has ended, its case has, too.
                self.open.extend(Open::over(near, *port));
            }
        }
    }
}

impl Open {
    fn over(near: &TcpListener, port: u16) -> io::Result<Open> {
        let (near, far) = (near.accept()?.0, TcpStream::connect(("127.0.0.1", port))?);
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        Ok(Open { near, far, due: VecDeque::new(), has_ended: false })
    }

    fn carry(&mut self, has_request: bool, has_reply: bool, delay: Duration) -> io::Result<()> {
        let mut buffer = [0; 64 << 10];
        if has_request {
            let length = some(self.near.read(&mut buffer)?)?;
            self.far.write_all(&buffer[..length])?;
        }
        if has_reply {
            let length = some(self.far.read(&mut buffer)?)?;
            self.due.push_back((Instant::now() + delay, buffer[..length].to_vec()));
        }
        while self.due.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let bytes = self.due.pop_front().map_or(Vec::new(), |(_, bytes)| bytes);
            self.near.write_all(&bytes)?;
        }
        Ok(())
    }
}

fn some(length: usize) -> io::Result<usize> {
    match length {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => Ok(length),
    }
}

/// Waits until one of them has something to read, for as long as this at the most.
#[cfg(target_os = "linux")]
fn wait(sockets: &mut [PollFd], left: Option<Duration>) -> nix::Result<i32> {
    nix::poll::ppoll(sockets, left.map(Into::into), None)
}

/// As above, to the next millisecond.
#[cfg(not(target_os = "linux"))]
fn wait(sockets: &mut [PollFd], left: Option<Duration>) -> nix::Result<i32> {
    let milliseconds = left.map(|left| left.as_micros().div_ceil(1_000) as u16);
    nix::poll::poll(sockets, milliseconds.map_or(nix::poll::PollTimeout::NONE, Into::into))
}
