//! What a server says of itself, in one round trip.

use super::connection::Connection;
use super::stream::Deadline;
use crate::error::{Error, Outcome, Result};
use crate::plan::command;
use crate::resp::ValueRef;
use crate::topology::info::Info;

/// What is asked: several sections in one `INFO` exist since Redis 7.0 only.
pub(super) const QUESTIONS: [[&str; 2]; 2] = [["INFO", "server"], ["INFO", "replication"]];

/// The text of the sections that came so far.
#[derive(Default)]
pub(super) struct Told(String);

impl Told {
    /// Adds one section. Says whether that is what the reply is.
    pub(super) fn add(&mut self, reply: ValueRef<'_>) -> bool {
        let (ValueRef::Bulk(text) | ValueRef::Verbatim(_, text)) = reply else { return false };
        self.0.push_str(&String::from_utf8_lossy(text));
        self.0.push('\n');
        true
    }

    /// What it says, when it says what the server is to the others.
    pub(super) fn info(self) -> Option<Info> {
        Some(Info::parse(&self.0)).filter(|info| !info.role.is_empty())
    }
}

impl Connection {
    /// What its server said of itself in the handshake, once, and not later than in the first use of the connection.
    pub(crate) fn take_said(&mut self) -> Option<Info> {
        self.said.take()
    }

    /// Who its server is, and how it stands to the others.
    pub(crate) fn ask_who(&mut self, deadline: Deadline) -> Result<Info> {
        // It changes nothing, so that a reply which is lost leaves nothing unknown.
        let node = self.node().clone();
        let told = |error: Error| error.with_outcome(Outcome::NotApplied).with_command("INFO").at(&node);
        let mut requests = Vec::new();
        for words in QUESTIONS {
            requests.extend_from_slice(&command(words.map(str::as_bytes)));
        }
        self.send(&requests, QUESTIONS.len(), deadline).map_err(told)?;
        let (mut sections, mut refused) = (Told::default(), None);
        for _ in QUESTIONS {
            let reply = match self.receive(deadline) {
                Ok(reply) => reply,
                // A server that has too many clients says so and hangs up.
                Err(error) => return Err(told(refused.unwrap_or(error))),
            };
            match reply.value() {
                ValueRef::Error(text) => drop(refused.get_or_insert(Error::server(text))),
                value if sections.add(value) => {}
                _ => drop(refused.get_or_insert(Error::reply("INFO gave no text"))),
            }
        }
        match refused {
            Some(error) => Err(told(error)),
            None => Ok(Info::parse(&sections.0)),
        }
    }
}
