//! The connection to one node: how far it is, what listens on it, what was asked and what is still to be answered.

use super::server_push::Subscription;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::Stream;
use crate::topology::Node;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connection to one node, or the attempts to have it.
pub(super) struct Link {
    pub(super) node: Arc<Node>,
    /// What was confirmed: it is asked for again on a new connection.
    pub(super) held: HashSet<Subscription>,
    pub(super) status: Status,
    /// The socket of the moment, also during a handshake: for the one who has to end it.
    pub(super) socket: Option<Stream>,
    /// Requests that were sent and not answered yet, in order.
    pub(super) unanswered: VecDeque<Request>,
    /// What was answered to the subscriber and not yet taken: `None` for a confirmation.
    pub(super) answers: Vec<Option<Error>>,
    /// Why a subscription was refused on a new connection.
    pub(super) refused: Option<Error>,
    /// Why it is not connected.
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

/// How far a link is.
pub(super) enum Status {
    Connecting,
    Connected(Arc<Outgoing>),
    /// Its thread waits to connect again.
    Disconnected,
    /// It will not connect again; its thread has ended or is about to.
    Ended,
}

/// A request over the connection of a link.
pub(super) enum Request {
    Ping,
    /// The subscriber asks to begin or to end a subscription.
    Change {
        begins: bool,
        subscription: Subscription,
    },
    /// The link asks for what was held before.
    Resubscribe(Subscription),
}

/// The writing side of a connection.
pub(super) struct Outgoing {
    writer: Mutex<Stream>,
    /// Closes it while somebody is writing.
    socket: Stream,
}

impl Outgoing {
    #[inline]
    pub(super) fn new(stream: Stream) -> Outgoing {
        Outgoing { socket: stream.share(), writer: Mutex::new(stream) }
    }

    /// Nobody else writes until this is let go.
    #[inline]
    pub(super) fn writer(&self) -> MutexGuard<'_, Stream> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(super) fn close(&self) {
        self.socket.close();
    }
}

/// Why a connection to a server ends that is not the master any more.
#[inline]
pub(super) fn has_moved(master: &Node) -> Error {
    Error::new(ErrorKind::Io, Outcome::NotApplied, format!("{} is the master of this node now", master.address()))
}

impl Link {
    #[inline]
    pub(super) fn new(node: Arc<Node>) -> Link {
        Link {
            node,
            held: HashSet::new(),
            status: Status::Connecting,
            socket: None,
            unanswered: VecDeque::new(),
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

    /// Whether something is listened to here.
    #[inline(never)]
    pub(super) fn holds(&self, subscription: &Subscription) -> bool {
        self.held.contains(subscription)
    }

    /// Forgets what was asked: the connection is gone.
    #[inline]
    pub(super) fn forget_requests(&mut self) {
        self.unanswered.clear();
    }

    /// The subscriber waits no longer: the connection is closed, and no answer counts that still comes.
    #[inline]
    pub(super) fn give_up(&mut self, why: Error) {
        self.unanswered.clear();
        self.given_up = Some(why);
        if let Some(socket) = &self.socket {
            socket.close();
        }
    }

    /// Another server is the master of its node: whatever is connected to the old one ends, and the next attempt is made
    /// at once.
    #[inline]
    pub(super) fn leave(&mut self, master: &Node) {
        // Without a socket the next attempt has not chosen its server yet, or finds out when it stands.
        if self.socket.is_some() {
            self.give_up(has_moved(master).with_node(|| self.node.to_string()));
        }
        self.hurry = true;
    }

    /// Ends the link; its thread sees it at once.
    #[inline]
    pub(super) fn close(&mut self) {
        self.closing = true;
        if let Some(socket) = &self.socket {
            socket.close();
        }
    }

    /// The server confirmed that a subscription began or ended.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) when that is not what it has to answer next.
    #[inline]
    pub(super) fn confirmed(&mut self, begins: bool, subscription: Subscription) -> Result<()> {
        match self.unanswered.front() {
            Some(Request::Change { begins: asked, subscription: wanted })
                if *asked == begins && *wanted == subscription =>
            {
                self.unanswered.pop_front();
                self.answers.push(None);
                if begins {
                    self.held.insert(subscription);
                }
            }
            Some(Request::Resubscribe(wanted)) if begins && *wanted == subscription => {
                self.unanswered.pop_front();
            }
            _ => return Err(Error::protocol("a confirmation came that nobody asked for")),
        }
        Ok(())
    }

    /// The server answered a `PING`.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) when that is not what it has to answer next.
    #[inline]
    pub(super) fn pong(&mut self) -> Result<()> {
        match self.unanswered.front() {
            Some(Request::Ping) => drop(self.unanswered.pop_front()),
            _ => return Err(Error::protocol("an answer to PING came that nobody asked for")),
        }
        Ok(())
    }

    /// The server refused what it has to answer next.
    ///
    /// # Errors
    /// The refusal itself, when it answers nothing.
    #[inline]
    pub(super) fn refused(&mut self, error: Error) -> Result<()> {
        match self.unanswered.pop_front() {
            // These are the last words of a server that hangs up.
            None => return Err(error),
            // Its user may not `PING`; but it has answered.
            Some(Request::Ping) => {}
            Some(Request::Change { begins, subscription }) => {
                self.answers.push(Some(error));
                if !begins {
                    self.held.insert(subscription);
                }
            }
            Some(Request::Resubscribe((kind, _))) => {
                self.refused.get_or_insert_with(|| error.with_command(kind.command(true).name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::server_push::ChannelKind;
    use super::*;
    use crate::error::ErrorKind;
    use crate::topology::Address;

    fn link() -> Link {
        Link::new(Arc::new(Node::new("node_1", Address::new("h", 1).unwrap())))
    }

    fn named(name: &str) -> Subscription {
        (ChannelKind::Channel, name.as_bytes().to_vec())
    }

    /// What a server says to a link.
    enum Said {
        Begun(&'static str),
        Ended(&'static str),
        Pong,
        Refused,
    }

    /// A request by its first letter: `+a` begins, `-a` ends, `=a` asks again, `p` is a ping.
    fn request(text: &str) -> Request {
        match text.split_at(1) {
            ("+", name) => Request::Change { begins: true, subscription: named(name) },
            ("-", name) => Request::Change { begins: false, subscription: named(name) },
            ("=", name) => Request::Resubscribe(named(name)),
            _ => Request::Ping,
        }
    }

    #[test]
    fn answers_meet_requests_in_order() {
        use Said::{Begun, Ended, Pong, Refused};
        // What was asked, what the server says, whether each is an answer; then what is held, how the subscriber was
        // answered (`+` confirmed, `!` refused), and whether a new connection was refused.
        type Case = (&'static [&'static str], &'static [(Said, bool)], &'static str, &'static str, bool);
        let cases: &[Case] = &[
            (&[], &[(Begun("a"), false)], "", "", false),
            (&[], &[(Pong, false)], "", "", false),
            (&[], &[(Refused, false)], "", "", false),
            (&["+a"], &[(Begun("a"), true)], "a", "+", false),
            (&["+a"], &[(Begun("b"), false)], "", "", false),
            (&["+a"], &[(Ended("a"), false)], "", "", false),
            (&["+a"], &[(Pong, false)], "", "", false),
            (&["+a"], &[(Refused, true)], "", "!", false),
            (&["+a", "+b"], &[(Refused, true), (Begun("b"), true)], "b", "!+", false),
            (&["+b", "+a"], &[(Begun("a"), false)], "", "", false),
            (&["-a"], &[(Ended("a"), true)], "", "+", false),
            (&["-a"], &[(Begun("a"), false)], "", "", false),
            // What could not be ended is still listened to.
            (&["-a"], &[(Refused, true)], "a", "!", false),
            // The subscriber does not wait for what the link asks by itself.
            (&["=a"], &[(Begun("a"), true)], "", "", false),
            (&["=a"], &[(Ended("a"), false)], "", "", false),
            (&["=a"], &[(Refused, true)], "", "", true),
            (&["=a", "+b"], &[(Begun("a"), true), (Begun("b"), true)], "b", "+", false),
            (&["=a"], &[(Begun("b"), false)], "", "", false),
            (&["p"], &[(Pong, true)], "", "", false),
            (&["p", "+a"], &[(Pong, true), (Begun("a"), true)], "a", "+", false),
            (&["p"], &[(Begun("a"), false)], "", "", false),
            // A user that may not ping: the server lives all the same.
            (&["p", "+a"], &[(Refused, true), (Begun("a"), true)], "a", "+", false),
        ];
        for (nth, (requests, said, held, answers, refused)) in cases.iter().enumerate() {
            let mut link = link();
            link.unanswered = requests.iter().map(|text| request(text)).collect();
            for (said, is_answer) in *said {
                let taken = match said {
                    Begun(name) => link.confirmed(true, named(name)),
                    Ended(name) => link.confirmed(false, named(name)),
                    Pong => link.pong(),
                    Refused => link.refused(Error::server(b"NOPERM no")),
                };
                assert_eq!(taken.is_ok(), *is_answer, "case {nth}");
            }
            let mut names: Vec<&[u8]> = link.held.iter().map(|(_, name)| name.as_slice()).collect();
            names.sort();
            let answered: String = link.answers.iter().map(|answer| if answer.is_none() { '+' } else { '!' }).collect();
            assert_eq!(
                (names.concat(), answered, link.refused.is_some()),
                (held.as_bytes().to_vec(), answers.to_string(), *refused),
                "case {nth}"
            );
        }
    }

    #[test]
    fn the_first_refusal_is_kept_and_what_is_held_is_told() {
        let mut link = link();
        link.unanswered = ["=a", "=b", "+c"].map(request).into();
        link.refused(Error::server(b"NOPERM first")).unwrap();
        link.refused(Error::server(b"NOPERM second")).unwrap();
        let refused = link.refused.as_ref().unwrap();
        assert!(refused.to_string().contains("first"), "{refused}");
        link.confirmed(true, named("c")).unwrap();
        assert!(link.holds(&named("c")) && !link.holds(&named("a")));
    }

    #[test]
    fn a_link_that_is_given_up_waits_for_no_answer() {
        let mut link = link();
        link.unanswered.push_back(request("+a"));
        link.give_up(Error::new(ErrorKind::Timeout, Outcome::NotApplied, "late"));
        assert!(link.unanswered.is_empty() && link.given_up.is_some() && !link.hurry && !link.closing);
        assert!(link.confirmed(true, named("a")).is_err() && link.held.is_empty());
    }

    #[test]
    fn a_link_without_a_socket_chooses_its_server_anew() {
        let mut link = link();
        link.leave(&Node::new("node_1", Address::new("other", 1).unwrap()));
        assert!(link.hurry && link.given_up.is_none(), "there is no connection that could be given up");
        link.close();
        assert!(link.closing);
    }
}
