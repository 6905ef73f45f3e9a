//! The connection to one node: how far it is, what listens on it, what was asked and what is still to be answered.

use super::heard::Subscription;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::Stream;
use crate::topology::Node;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connection to one node, or the attempts to have it.
pub(super) struct Link {
    pub(super) node: Arc<Node>,
    /// What was confirmed: it is asked for again on a new connection.
    pub(super) held: BTreeSet<Subscription>,
    pub(super) line: Line,
    /// The socket of the moment, also during a handshake: for the one who has to end it.
    pub(super) socket: Option<Stream>,
    /// What was sent and not answered yet, in order.
    pub(super) asked: VecDeque<Asked>,
    /// What was answered to the subscriber and not yet taken: `None` for a confirmation.
    pub(super) answers: Vec<Option<Error>>,
    /// Why a subscription was refused on a new connection.
    pub(super) refused: Option<Error>,
    /// Why it is not up.
    pub(super) fault: Option<Error>,
    /// Why the subscriber gave this connection up; its thread has still to see it.
    pub(super) given_up: Option<Error>,
    /// How many connections and attempts have ended.
    pub(super) ended: u64,
    /// How many attempts to connect have failed.
    pub(super) failed: u64,
    /// The next attempt is wanted now.
    pub(super) hurry: bool,
    /// Nothing is left on it: its thread ends.
    pub(super) closing: bool,
}

pub(super) enum Line {
    Connecting,
    Up(Arc<Outgoing>),
    /// Waiting to connect again.
    Down,
    /// It will not connect again; its thread has ended or is about to.
    Over,
}

/// What a connection was asked.
pub(super) enum Asked {
    Ping,
    /// By the subscriber.
    Change(bool, Subscription),
    /// By the link itself, for what was held before.
    Again(Subscription),
}

/// The writing side of a connection.
pub(super) struct Outgoing {
    writer: Mutex<Stream>,
    /// Closes it while somebody is writing.
    socket: Stream,
}

impl Outgoing {
    pub(super) fn new(stream: Stream) -> Outgoing {
        Outgoing { socket: stream.share(), writer: Mutex::new(stream) }
    }

    /// Nobody else writes until this is let go.
    pub(super) fn writer(&self) -> MutexGuard<'_, Stream> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        self.socket.close();
    }
}

/// Why a connection to a server ends that is not the master any more.
pub(super) fn has_moved(master: &Node) -> Error {
    Error::new(ErrorKind::Io, Outcome::NotApplied, format!("{} is the master of this node now", master.address()))
}

impl Link {
    pub(super) fn new(node: Arc<Node>) -> Link {
        Link {
            node,
            held: BTreeSet::new(),
            line: Line::Connecting,
            socket: None,
            asked: VecDeque::new(),
            answers: Vec::new(),
            refused: None,
            fault: None,
            given_up: None,
            ended: 0,
            failed: 0,
            hurry: false,
            closing: false,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.asked.is_empty()
    }

    /// Forgets what was asked: the connection is gone.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    /// The subscriber waits no longer: the connection is closed, and no answer counts that still comes.
    pub(super) fn give_up(&mut self, why: Error) {
        self.asked.clear();
        self.given_up = Some(why);
        if let Some(socket) = &self.socket {
            socket.close();
        }
    }

    /// Another server is the master of its node: whatever is connected to the old one ends, and the next attempt is made
    /// at once.
    pub(super) fn leave(&mut self, master: &Node) {
        // Without a socket the next attempt has not chosen its server yet, or finds out when it stands.
        if self.socket.is_some() {
            self.give_up(has_moved(master).with_node(|| self.node.to_string()));
        }
        self.hurry = true;
    }

    /// Ends the link; its thread sees it at once.
    pub(super) fn close(&mut self) {
        self.closing = true;
        if let Some(socket) = &self.socket {
            socket.close();
        }
    }

    pub(super) fn confirmed(&mut self, begins: bool, subscription: Subscription) -> Result<()> {
        let is_asked = match self.asked.front() {
            Some(Asked::Change(began, asked)) => *began == begins && *asked == subscription,
            Some(Asked::Again(asked)) => begins && *asked == subscription,
            Some(Asked::Ping) | None => false,
        };
        if !is_asked {
            return Err(Error::protocol("a confirmation came that nobody asked for"));
        }
        if let Some(Asked::Change(..)) = self.asked.pop_front() {
            self.answers.push(None);
            if begins {
                self.held.insert(subscription);
            }
        }
        Ok(())
    }

    pub(super) fn refused(&mut self, error: Error) -> Result<()> {
        match self.asked.pop_front() {
            // Nobody asked: these are the last words of a server that hangs up.
            None => return Err(error),
            // It may not `PING`; but it has answered.
            Some(Asked::Ping) => {}
            Some(Asked::Change(begins, subscription)) => {
                self.answers.push(Some(error));
                if !begins {
                    self.held.insert(subscription);
                }
            }
            Some(Asked::Again((kind, _))) => {
                self.refused.get_or_insert(error.with_command(kind.begin().name));
            }
        }
        Ok(())
    }
}
