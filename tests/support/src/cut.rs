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
}

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
    is_cut: bool,
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
        *lock(&self.state) = State { commands: 0, cut: Some((nth, cut)), is_cut: false };
    }

    /// Mends the wire.
    pub fn mend(&self) {
        *lock(&self.state) = State::default();
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
        let cut = {
            let mut state = lock(state);
            let nth = state.commands;
            state.commands += 1;
            let cut = state.cut.filter(|(at, _)| *at == nth).map(|(_, cut)| cut);
            state.is_cut |= cut.is_some();
            if state.is_cut && cut.is_none() {
                return Ok(());
            }
            cut
        };
        if cut == Some(Cut::BeforeCommand) {
            return Ok(());
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
