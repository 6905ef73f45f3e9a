//! A real server behind a wire on which faults happen at a chosen byte, or by chance from a seed.

use crate::listen;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Numbers that depend on nothing but their seed.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }
}

/// A direction on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What clients send.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// What happens when a byte is about to be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed. What has been carried by then reaches both sides.
    Fin,
    /// The same by a reset.
    Rst,
    /// Nothing is carried in this direction for so long; then everything is.
    Pause(Duration),
    /// Nothing is carried on this connection any more, and nothing on new ones until [`Chaos::heal`]; all stay open.
    BlackHole,
    /// These bytes come before it.
    Insert(Vec<u8>),
}

/// A wire to a server on which something goes wrong.
#[derive(Debug)]
pub struct Chaos {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    over: bool,
    accepted: usize,
    fired: usize,
    black: bool,
    /// Bytes carried since the last fault was set, to the server and to the client.
    carried: [usize; 2],
    next: Option<(Way, usize, Fault)>,
    /// As many bytes at once, and how long the next ones are waited with.
    pieces: Option<(usize, Duration)>,
    chance: Option<(Chance, usize)>,
    connections: Vec<JoinHandle<()>>,
}

impl Chaos {
    /// A wire to this port of this machine, on which nothing goes wrong yet.
    pub fn to(server: u16) -> Chaos {
        let (listener, address) = listen();
        let shared = Arc::new(Shared { server, state: Mutex::default() });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Chaos { address, shared, acceptor: Some(acceptor) }
    }

    /// `127.0.0.1:PORT` of the near end.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Counts from here: when the byte number `at`, from 0, is about to be carried this way, the fault happens, once.
    pub fn set(&self, way: Way, at: usize, fault: Fault) {
        let mut state = self.shared.lock();
        (state.carried, state.fired) = ([0, 0], 0);
        state.next = Some((way, at, fault));
    }

    /// Carries so many bytes at once, and waits so long before the next ones.
    pub fn in_pieces(&self, bytes: usize, pause: Duration) {
        self.shared.lock().pieces = Some((bytes, pause));
    }

    /// From now on faults come by chance, `mean` carried bytes after one another on average.
    pub fn by_chance(&self, seed: u64, mean: usize) {
        let mut state = self.shared.lock();
        state.chance = Some((Chance::new(seed), mean));
        state.draw();
    }

    /// Nothing goes wrong from here on, and counts begin again. Swallowed connections are closed.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        (state.carried, state.fired, state.black) = ([0, 0], 0, false);
        (state.next, state.pieces, state.chance) = (None, None, None);
    }

    /// How many bytes went this way since the count began.
    pub fn carried(&self, way: Way) -> usize {
        self.shared.lock().carried[way as usize]
    }

    /// How many faults have happened since the count began. Of a connection that was closed the server is done with all
    /// that was carried to it.
    pub fn fired(&self) -> usize {
        self.shared.lock().fired
    }

    /// How many connections there are now.
    pub fn open(&self) -> usize {
        self.shared.lock().connections.iter().filter(|connection| !connection.is_finished()).count()
    }

    /// How many connections there have been so far.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        // The acceptor waits for a connection: give it one.
        if let (Some(acceptor), Ok(_)) = (self.acceptor.take(), TcpStream::connect(self.address)) {
            let _ = acceptor.join();
        }
        let connections = std::mem::take(&mut self.shared.lock().connections);
        connections.into_iter().for_each(|connection| drop(connection.join()));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next fault by chance.
    fn draw(&mut self) {
        let Some((chance, mean)) = &mut self.chance else { return };
        let way = [Way::ToServer, Way::ToClient][chance.below(2)];
        let fault = match chance.below(8) {
            0..=2 => Fault::Fin,
            3..=5 => Fault::Rst,
            6 => Fault::Pause(Duration::from_millis(10)),
            // Longer than a deadline should be: the reply comes late.
            _ => Fault::Pause(Duration::from_millis(700)),
        };
        let at = chance.below(*mean * 2);
        self.carried = [0, 0];
        self.next = Some((way, at, fault));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        let Ok(near) = near else { continue };
        let mut state = shared.lock();
        if state.over {
            return;
        }
        state.accepted += 1;
        // Threads that have ended are let go, so that a long test does not collect them.
        state.connections.retain(|connection| !connection.is_finished());
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server));
        let theirs = Arc::clone(shared);
        let is_swallowed = state.black;
        // Without a server there is nobody to carry to: the connection ends at once.
        if let Ok(Ok(line)) = far.map(|far| Line::new(near, far, theirs, is_swallowed)) {
            state.connections.push(thread::spawn(move || line.carry()));
        }
    }
}

/// One connection.
struct Line {
    near: TcpStream,
    far: TcpStream,
    shared: Arc<Shared>,
    is_swallowed: bool,
    /// What was read and could not be written yet, to the server and to the client.
    rest: [Vec<u8>; 2],
    paused_until: [Option<Instant>; 2],
    /// As many bytes of the client were carried and are still to be read. A socket that is closed with something unread
    /// is reset, and this is how a reset is made.
    kept: usize,
}

/// What a step has come to.
enum Step {
    Idle,
    Moved,
    End,
}

impl Line {
    fn new(near: TcpStream, far: TcpStream, shared: Arc<Shared>, is_swallowed: bool) -> std::io::Result<Line> {
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
        }
        let (rest, paused_until) = ([Vec::new(), Vec::new()], [None, None]);
        Ok(Line { near, far, shared, is_swallowed, rest, paused_until, kept: 0 })
    }

    fn carry(mut self) {
        let mut idle = 0;
        loop {
            let (over, black) = {
                let state = self.shared.lock();
                (state.over, state.black)
            };
            if over || (self.is_swallowed && !black) {
                return;
            }
            let steps = match self.is_swallowed {
                true => [self.swallow(), Step::Idle],
                false => [self.step(Way::ToServer), self.step(Way::ToClient)],
            };
            if steps.iter().any(|step| matches!(step, Step::End)) {
                return;
            }
            let has_moved = steps.iter().any(|step| matches!(step, Step::Moved));
            idle = if has_moved { 0 } else { idle + 1 };
            match idle {
                0 => {}
                1..=20 => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros((idle as u64 * 2).min(1000))),
            }
        }
    }

    fn swallow(&mut self) -> Step {
        match self.near.read(&mut [0; 4096]) {
            Ok(0) => Step::End,
            Ok(_) => Step::Moved,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Idle,
            Err(_) => Step::End,
        }
    }

    /// Carries what there is in one direction.
    fn step(&mut self, way: Way) -> Step {
        if self.paused_until[way as usize].is_some_and(|until| Instant::now() < until) {
            return Step::Idle;
        }
        if !self.rest[way as usize].is_empty() {
            return self.write(way);
        }
        let (room, is_now, pieces) = {
            let state = self.shared.lock();
            let left = match &state.next {
                Some((at_way, at, _)) if *at_way == way => at.saturating_sub(state.carried[way as usize]),
                _ => usize::MAX,
            };
            (left.min(state.pieces.map_or(16 << 10, |(bytes, _)| bytes)), left == 0, state.pieces)
        };
        let mut buffer = [0; 16 << 10];
        if self.kept > 0 && !self.shared.lock().is_to_reset() {
            // It would hide that the client has closed.
            let _ = (&self.near).read_exact(&mut buffer[..std::mem::take(&mut self.kept)]);
        }
        let kept = if way == Way::ToServer { self.kept } else { 0 };
        let from = if way == Way::ToServer { &self.near } else { &self.far };
        let new = match from.peek(&mut buffer) {
            Ok(0) => return self.end(way),
            Ok(count) => count - kept,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return self.end(way),
        };
        if new == 0 {
            return Step::Idle;
        }
        if is_now {
            return self.fault(way);
        }
        let count = new.min(room);
        let bytes = buffer[kept..kept + count].to_vec();
        let keep = usize::from(way == Way::ToServer && self.shared.lock().is_to_reset());
        let taken = kept + count - keep;
        let mut from = from;
        if taken > 0 && from.read_exact(&mut buffer[..taken]).is_err() {
            return Step::End;
        }
        if way == Way::ToServer {
            self.kept = keep;
        }
        self.shared.lock().carried[way as usize] += count;
        if let Some((_, pause)) = pieces {
            self.paused_until[way as usize] = Instant::now().checked_add(pause);
        }
        self.rest[way as usize] = bytes;
        self.write(way)
    }

    /// Writes what the other side takes at once.
    fn write(&mut self, way: Way) -> Step {
        let mut to = if way == Way::ToServer { &self.far } else { &self.near };
        match to.write(&self.rest[way as usize]) {
            Ok(count) => {
                self.rest[way as usize].drain(..count);
                Step::Moved
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Idle,
            Err(_) => self.end(way),
        }
    }

    fn fault(&mut self, way: Way) -> Step {
        let Some((_, _, fault)) = self.shared.lock().next.take() else { return Step::Idle };
        match &fault {
            Fault::Fin | Fault::Rst => {
                let is_fin = fault == Fault::Fin;
                // A reset must not overtake what was carried.
                while !self.rest[1].is_empty() {
                    if matches!(self.write(Way::ToClient), Step::End) {
                        break;
                    }
                }
                // The server has read everything and closed its side: whatever it does with this has been done. What it
                // still says comes from before the fault only where requests were cut.
                let last = self.settled();
                if way == Way::ToServer && is_fin {
                    let _ = self.near.set_nonblocking(false).and_then(|()| (&self.near).write_all(&last));
                }
                if is_fin {
                    // Something unread would make a reset of it.
                    let _ = self.near.set_nonblocking(true);
                    while (&self.near).read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
                }
            }
            Fault::Pause(pause) => self.paused_until[way as usize] = Instant::now().checked_add(*pause),
            Fault::BlackHole => self.is_swallowed = true,
            Fault::Insert(bytes) => self.rest[way as usize] = bytes.clone(),
        }
        let mut state = self.shared.lock();
        state.fired += 1;
        state.black |= fault == Fault::BlackHole;
        state.draw();
        if matches!(fault, Fault::Fin | Fault::Rst) {
            Step::End
        } else {
            Step::Moved
        }
    }

    /// Tells the server that no more comes, and waits until it has no more to say.
    fn settled(&mut self) -> Vec<u8> {
        let _ = self.far.set_nonblocking(false);
        let _ = self.far.set_read_timeout(Some(Duration::from_secs(5)));
        let _ = self.far.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = (&self.far).write_all(&std::mem::take(&mut self.rest[0]));
        let _ = self.far.shutdown(Shutdown::Write);
        let mut last = Vec::new();
        let _ = (&self.far).read_to_end(&mut last);
        last
    }

    /// One side has closed.
    fn end(&mut self, way: Way) -> Step {
        if way == Way::ToServer {
            self.settled();
        } else {
            // What the server said last reaches the client.
            let _ = self.near.set_nonblocking(false);
            let _ = self.near.set_write_timeout(Some(Duration::from_secs(1)));
            let _ = (&self.near).write_all(&std::mem::take(&mut self.rest[1]));
        }
        Step::End
    }
}

impl State {
    fn is_to_reset(&self) -> bool {
        matches!(self.next, Some((_, _, Fault::Rst)))
    }
}
