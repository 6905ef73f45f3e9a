//! A real server behind a wire that can be cut, or at which something can happen, at a chosen command.

use crate::{command, read_command, read_reply, Reply, ScriptedPeer, Server};
use std::fmt;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When the wire is cut, or something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The command does not reach the server.
    BeforeCommand,
    /// The server runs the command, and its reply is lost.
    BeforeReply,
    /// The command gets stuck on its way: the server runs it only when the wire is mended.
    Late,
}

/// A command on its way, and the far end of its connection.
type Stuck = (Vec<Vec<u8>>, BufReader<TcpStream>);

/// A wire to a server. It carries every command and every reply until the cut, and nothing afterwards.
#[derive(Debug)]
pub struct Wire {
    peer: ScriptedPeer,
    state: Arc<Mutex<State>>,
}

/// What happens at a command.
type Event = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    commands: usize,
    cut: Option<(usize, Cut)>,
    /// The cut ends one connection only.
    once: bool,
    is_cut: bool,
    late: Vec<Stuck>,
    meddle: Option<(usize, Vec<Vec<u8>>)>,
    event: Option<(usize, Cut, Event)>,
    between: Option<(usize, Event)>,
    /// A command has met the event, which has not ended yet.
    happens: bool,
    /// The event has run.
    has_happened: bool,
    /// Every connection so far.
    streams: Vec<TcpStream>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("commands", &self.commands).field("cut", &self.cut).finish_non_exhaustive()
    }
}

impl Wire {
    /// A wire to this server.
    pub fn to(server: &Server) -> Wire {
        let state = Arc::new(Mutex::new(State::default()));
        let (port, shared) = (server.port(), Arc::clone(&state));
        let peer = ScriptedPeer::new(move |stream| {
            let _ = carry(stream, port, &shared);
        });
        Wire { peer, state }
    }

    /// `127.0.0.1:PORT` of the near end.
    pub fn address(&self) -> String {
        self.peer.address()
    }

    /// Mends the wire and counts from here: the command number `nth`, from 0, meets the cut.
    pub fn cut_at(&self, nth: usize, cut: Cut) {
        self.begin(|state| state.cut = Some((nth, cut)));
    }

    /// As [`cut_at`](Wire::cut_at), but only the connection of that command ends.
    pub fn cut_once_at(&self, nth: usize, cut: Cut) {
        self.begin(|state| (state.cut, state.once) = (Some((nth, cut)), true));
    }

    /// Mends the wire and counts from here: right before the command number `nth`, from 0, somebody else has the server
    /// run this one.
    pub fn meddle_at<A: AsRef<[u8]>>(&self, nth: usize, args: &[A]) {
        let args = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
        self.begin(|state| state.meddle = Some((nth, args)));
    }

    /// Whether somebody is still to meddle.
    pub fn is_meddling(&self) -> bool {
        lock(&self.state).meddle.is_some()
    }

    /// Mends the wire and counts from here: at the command number `nth`, from 0, the event runs, such as the end of the
    /// server; then all connections are closed. Later ones lead to whatever listens on the server's port by then.
    pub fn at(&self, nth: usize, when: Cut, event: impl FnOnce() + Send + 'static) {
        self.begin(|state| state.event = Some((nth, when, Box::new(event))));
    }

    /// Mends the wire and counts from here: right before the command number `nth`, from 0, the event runs; then everything
    /// goes on.
    pub fn between(&self, nth: usize, event: impl FnOnce() + Send + 'static) {
        self.begin(|state| state.between = Some((nth, Box::new(event))));
    }

    /// Mends the wire; what got stuck arrives now.
    pub fn mend(&self) {
        self.begin(|_| {});
    }

    fn begin(&self, set: impl FnOnce(&mut State)) {
        let late = {
            let mut state = lock(&self.state);
            let (streams, late) = (std::mem::take(&mut state.streams), std::mem::take(&mut state.late));
            *state = State { streams, ..State::default() };
            set(&mut state);
            late
        };
        for (words, mut far) in late {
            // When the server takes it no more, it never arrives.
            let _ = far.get_mut().write_all(&command(&words)).and_then(|()| read_reply(&mut far));
        }
    }

    /// Whether a command has met the cut.
    pub fn is_cut(&self) -> bool {
        lock(&self.state).is_cut
    }

    /// Whether the event has run. One that is about to is waited for: whoever lost another connection by it may be here before
    /// it has ended.
    pub fn has_happened(&self) -> bool {
        super::wait_until("the event has ended", || !lock(&self.state).happens);
        lock(&self.state).has_happened
    }
}

impl State {
    /// What somebody else has the server run before this command, if it is now.
    fn meddle_at(&mut self, nth: usize) -> Option<Vec<Vec<u8>>> {
        let is_now = self.meddle.as_ref().is_some_and(|(at, _)| *at == nth);
        if is_now { self.meddle.take() } else { None }.map(|(_, args)| args)
    }

    /// What happens before this command, if anything does.
    fn between_at(&mut self, nth: usize) -> Option<Event> {
        let is_now = self.between.as_ref().is_some_and(|(at, _)| *at == nth);
        if is_now { self.between.take() } else { None }.map(|(_, event)| event)
    }

    /// The event that this command meets, if it does.
    fn event_at(&mut self, nth: usize) -> Option<(Cut, Event)> {
        let is_now = self.event.as_ref().is_some_and(|(at, ..)| *at == nth);
        if is_now { self.event.take() } else { None }.map(|(_, when, event)| (when, event))
    }
}

/// What happens at a command has ended when this is dropped.
struct Ends<'s>(&'s Mutex<State>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        lock(self.0).happens = false;
    }
}

fn carry(stream: TcpStream, port: u16, state: &Mutex<State>) -> std::io::Result<()> {
    let mut far = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    lock(state).streams.push(stream.try_clone()?);
    let mut near = BufReader::new(stream);
    while let Some(words) = read_command(&mut near)? {
        let (cut, meddle, event, between) = {
            let mut state = lock(state);
            let nth = state.commands;
            state.commands += 1;
            let cut = state.cut.filter(|(at, _)| *at == nth).map(|(_, cut)| cut);
            state.is_cut |= cut.is_some();
            if state.is_cut && cut.is_none() && !state.once {
                return Ok(());
            }
            let met = (cut, state.meddle_at(nth), state.event_at(nth), state.between_at(nth));
            state.happens |= met.2.is_some() || met.3.is_some();
            met
        };
        let _ends = (event.is_some() || between.is_some()).then(|| Ends(state));
        if let Some(between) = between {
            between();
            lock(state).has_happened = true;
        }
        if let Some(args) = meddle {
            let mut other = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
            other.get_mut().write_all(&command(&args))?;
            read_reply(&mut other)?;
        }
        if cut == Some(Cut::Late) {
            lock(state).late.push((words, far));
            return Ok(());
        }
        let when = event.as_ref().map(|(when, _)| *when);
        if when != Some(Cut::BeforeCommand) && cut != Some(Cut::BeforeCommand) {
            far.get_mut().write_all(&command(&words))?;
            let mut reply = read_reply(&mut far)?;
            while matches!(reply, Reply::Push(_)) {
                near.get_mut().write_all(&reply.to_bytes())?;
                reply = read_reply(&mut far)?;
            }
            if cut.is_none() && event.is_none() {
                near.get_mut().write_all(&reply.to_bytes())?;
                continue;
            }
        }
        if let Some((_, event)) = event {
            // Before anybody learns of it, so that whoever sees a closed connection finds it done.
            event();
            let mut state = lock(state);
            state.has_happened = true;
            state.streams.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
        return Ok(());
    }
    Ok(())
}

impl Reply {
    /// The reply as a server sends it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Reply::Simple(text) => format!("+{text}\r\n").into_bytes(),
            Reply::Error(text) => format!("-{text}\r\n").into_bytes(),
            Reply::Int(number) => format!(":{number}\r\n").into_bytes(),
            Reply::Nil => b"$-1\r\n".to_vec(),
            Reply::Bulk(bytes) => {
                let mut out = format!("${}\r\n", bytes.len()).into_bytes();
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
                out
            }
            Reply::Array(items) | Reply::Push(items) => {
                let first = if matches!(self, Reply::Push(_)) { '>' } else { '*' };
                let mut out = format!("{first}{}\r\n", items.len()).into_bytes();
                items.iter().for_each(|item| out.extend(item.to_bytes()));
                out
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
