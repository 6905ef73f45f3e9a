//! A real server behind a wire that can be cut at a chosen command.

use crate::{command, read_command, read_reply, Reply, ScriptedPeer, Server};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When the wire is cut.
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

#[derive(Debug, Default)]
struct State {
    commands: usize,
    cut: Option<(usize, Cut)>,
    /// The cut ends one connection only.
    once: bool,
    is_cut: bool,
    late: Vec<Stuck>,
    meddle: Option<(usize, Vec<Vec<u8>>)>,
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
        *lock(&self.state) = State { cut: Some((nth, cut)), ..State::default() };
    }

    /// As [`cut_at`](Wire::cut_at), but only the connection of that command ends.
    pub fn cut_once_at(&self, nth: usize, cut: Cut) {
        *lock(&self.state) = State { cut: Some((nth, cut)), once: true, ..State::default() };
    }

    /// Mends the wire and counts from here: right before the command number `nth`, from 0, somebody else has the server
    /// run this one.
    pub fn meddle_at<A: AsRef<[u8]>>(&self, nth: usize, args: &[A]) {
        let args = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
        *lock(&self.state) = State { meddle: Some((nth, args)), ..State::default() };
    }

    /// Whether somebody is still to meddle.
    pub fn is_meddling(&self) -> bool {
        lock(&self.state).meddle.is_some()
    }

    /// Mends the wire; what got stuck arrives now.
    pub fn mend(&self) {
        let before = std::mem::take(&mut *lock(&self.state));
        for (words, mut far) in before.late {
            // When the server takes it no more, it never arrives.
            let _ = far.get_mut().write_all(&command(&words)).and_then(|()| read_reply(&mut far));
        }
    }

    /// Whether a command has met the cut.
    pub fn is_cut(&self) -> bool {
        lock(&self.state).is_cut
    }
}

fn carry(stream: TcpStream, port: u16, state: &Mutex<State>) -> std::io::Result<()> {
    let mut far = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    let mut near = BufReader::new(stream);
    while let Some(words) = read_command(&mut near)? {
        let (cut, meddle) = {
            let mut state = lock(state);
            let nth = state.commands;
            state.commands += 1;
            let meddles = state.meddle.as_ref().is_some_and(|(at, _)| *at == nth);
            let meddle = if meddles { state.meddle.take() } else { None };
            let cut = state.cut.filter(|(at, _)| *at == nth).map(|(_, cut)| cut);
            state.is_cut |= cut.is_some();
            if state.is_cut && cut.is_none() && !state.once {
                return Ok(());
            }
            (cut, meddle)
        };
        if let Some((_, args)) = meddle {
            let mut other = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
            other.get_mut().write_all(&command(&args))?;
            read_reply(&mut other)?;
        }
        match cut {
            Some(Cut::BeforeCommand) => return Ok(()),
            Some(Cut::Late) => {
                lock(state).late.push((words, far));
                return Ok(());
            }
            Some(Cut::BeforeReply) | None => {}
        }
        far.get_mut().write_all(&command(&words))?;
        let reply = read_reply(&mut far)?;
        if cut.is_some() {
            return Ok(());
        }
        near.get_mut().write_all(&reply.to_bytes())?;
    }
    Ok(())
}

impl Reply {
    /// The reply as a server sends it.
    fn to_bytes(&self) -> Vec<u8> {
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
            Reply::Array(items) => {
                let mut out = format!("*{}\r\n", items.len()).into_bytes();
                items.iter().for_each(|item| out.extend(item.to_bytes()));
                out
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
