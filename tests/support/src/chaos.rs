//! A real server behind a wire on which faults happen at a chosen byte, or by chance from a seed.

mod line;

use crate::listen;
use line::Line;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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
    /// Nothing is carried on this connection any more, in either direction, and it stays open.
    Swallow,
    /// Until [`Chaos::heal`] this connection is carried one byte at a time, with such a pause after each.
    Drip(Duration),
    /// These bytes come before it.
    Insert(Vec<u8>),
    /// A message that answers no command comes before the next reply, as RESP3 allows.
    Push,
}

impl Fault {
    /// What is counted as one sort.
    fn sort(&self) -> &'static str {
        match self {
            Fault::Fin => "closed",
            Fault::Rst => "reset",
            Fault::Pause(pause) if *pause < LATE => "short delay",
            Fault::Pause(_) => "late",
            Fault::BlackHole => "black hole",
            Fault::Swallow => "swallowed",
            Fault::Drip(pause) if pause.is_zero() => "bytes one by one",
            Fault::Drip(_) => "drip",
            Fault::Insert(_) => "garbage",
            Fault::Push => "push",
        }
    }
}

/// Longer than the deadline of whoever has faults come by chance should be: a reply comes late.
const LATE: Duration = Duration::from_millis(700);

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
    /// Bytes carried to the server when the first of those happened.
    said: Option<usize>,
    heals: usize,
    black: bool,
    /// Bytes carried since the last fault was set, to the server and to the client.
    carried: [usize; 2],
    next: Option<(Way, usize, Fault)>,
    /// As many bytes at once, and how long the next ones are waited with.
    pieces: Option<(usize, Duration)>,
    chance: Option<(Chance, usize)>,
    /// The faults that are still to be drawn before all have been, so that none is missing for long.
    bag: Vec<u8>,
    /// Whether clients understand pushes.
    takes_pushes: bool,
    pushes_always: bool,
    /// How many faults of each sort there have been since the beginning.
    sorts: BTreeMap<&'static str, usize>,
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
        (state.carried, state.fired, state.said) = ([0, 0], 0, None);
        state.next = Some((way, at, fault));
    }

    /// Carries so many bytes at once, and waits so long before the next ones.
    pub fn in_pieces(&self, bytes: usize, pause: Duration) {
        self.shared.lock().pieces = Some((bytes, pause));
    }

    /// From now on faults come by chance, `mean` carried bytes after one another on average; pushes only when clients
    /// speak RESP3.
    pub fn by_chance(&self, seed: u64, mean: usize, is_resp3: bool) {
        let mut state = self.shared.lock();
        state.takes_pushes = is_resp3;
        state.chance = Some((Chance::new(seed), mean));
        state.draw();
    }

    /// From now on a push comes before every reply. This is no fault and is not healed: clients have to speak RESP3.
    pub fn push_before_replies(&self) {
        self.shared.lock().pushes_always = true;
    }

    /// How many faults of each sort there have been so far.
    pub fn sorts(&self) -> BTreeMap<&'static str, usize> {
        self.shared.lock().sorts.clone()
    }

    /// Nothing goes wrong from here on, and counts begin again. Connections in a black hole are closed.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.heals += 1;
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

    /// How many bytes clients had said since the count began when the first fault happened; none if none has.
    pub fn said_before_fault(&self) -> Option<usize> {
        self.shared.lock().said
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
    /// How many bytes are carried this way before the next fault.
    fn left(&self, way: Way) -> usize {
        match &self.next {
            Some((at_way, at, _)) if *at_way == way => at.saturating_sub(self.carried[way as usize]),
            _ => usize::MAX,
        }
    }

    /// The fault that happens now, unless it has just happened to another connection.
    fn take(&mut self, way: Way) -> Option<Fault> {
        (self.left(way) == 0).then(|| self.next.take()).flatten().map(|(_, _, fault)| fault)
    }

    fn count(&mut self, fault: &Fault) {
        *self.sorts.entry(fault.sort()).or_default() += 1;
    }

    fn is_to_reset(&self) -> bool {
        matches!(self.next, Some((_, _, Fault::Rst)))
    }

    /// The next fault by chance.
    fn draw(&mut self) {
        let Some((chance, mean)) = &mut self.chance else { return };
        let way = [Way::ToServer, Way::ToClient][chance.below(2)];
        if self.bag.is_empty() {
            self.bag = (0..24).collect();
        }
        let drawn = chance.below(self.bag.len());
        let (way, fault) = match self.bag.swap_remove(drawn) {
            0..=5 => (way, Fault::Fin),
            6..=11 => (way, Fault::Rst),
            12 | 13 => (way, Fault::Pause(Duration::from_millis(10))),
            14 | 15 => (way, Fault::Pause(LATE)),
            16 => (way, Fault::Swallow),
            17 => (way, Fault::Drip(Duration::from_millis(2))),
            18 | 19 => (way, Fault::Drip(Duration::ZERO)),
            20 | 21 if self.takes_pushes => (Way::ToClient, Fault::Push),
            // A lone line feed is wrong at any place of a reply, within a value because that then has another length.
            _ => (Way::ToClient, Fault::Insert(b"\n".to_vec())),
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
        let is_black = state.black;
        // Without a server there is nobody to carry to: the connection ends at once.
        if let Ok(Ok(line)) = far.map(|far| Line::new(near, far, theirs, is_black)) {
            state.connections.push(thread::spawn(move || line.carry()));
        }
    }
}
