//! What is said first over a connection.

use super::{Connection, Watch};
use crate::config::Credentials;
use crate::error::{Error, Outcome, Result};
use crate::net::Deadline;
use crate::plan::command;
use crate::resp::{Protocol, ValueRef};
use crate::topology::info::Info;
use std::sync::Arc;

/// What is sent, and the first word of each.
#[derive(Default)]
struct Requests {
    bytes: Vec<u8>,
    names: Vec<&'static str>,
}

impl Requests {
    fn add(&mut self, name: &'static str, rest: &[&str]) {
        let words = std::iter::once(&name).chain(rest).map(|word| word.as_bytes());
        self.bytes.append(&mut command(words));
        self.names.push(name);
    }

    /// The question who the server is: several sections in one `INFO` exist since Redis 7.0 only.
    fn ask_who(&mut self) {
        self.add("INFO", &["server"]);
        self.add("INFO", &["replication"]);
    }
}

impl Connection {
    /// All of it is one round trip, also the question who the server is.
    pub(super) fn handshake(&mut self, credentials: &Credentials, watch: Watch<'_>, deadline: Deadline) -> Result<()> {
        let settings = Arc::clone(&self.settings);
        let mut requests = Requests::default();
        let password = credentials.password.as_deref();
        let username = credentials.username.as_deref();
        if settings.protocol == Protocol::Resp3 {
            match password {
                Some(password) => requests.add("HELLO", &["3", "AUTH", username.unwrap_or("default"), password]),
                None => requests.add("HELLO", &["3"]),
            }
            // What comes before the agreement, such as a refusal, is RESP2, and RESP3 can read that.
            self.decoder.set_protocol(Protocol::Resp3);
        } else if let Some(password) = password {
            match username {
                Some(username) => requests.add("AUTH", &[username, password]),
                None => requests.add("AUTH", &[password]),
            }
        }
        if let (Some(name), false) = (&settings.client_name, watch.is_bare) {
            requests.add("CLIENT", &["SETNAME", name]);
        }
        if let (Some(number @ 1..), false) = (settings.database, watch.is_bare) {
            requests.add("SELECT", &[&number.to_string()]);
        }
        let greetings = requests.names.len();
        if watch.asks_who {
            requests.ask_who();
        }
        if !requests.names.is_empty() {
            let info = self.hear(&requests, greetings, deadline)?;
            self.said = Some(info).filter(|info| !info.role.is_empty());
        }
        Ok(())
    }

    /// Sends all of it, of which so many requests have to be granted, and gives what the server says of itself. The rest is asked
    /// for the command that the caller has in mind: that a server does not say it, such as to a user without the right to ask,
    /// is no refusal.
    fn hear(&mut self, requests: &Requests, required: usize, deadline: Deadline) -> Result<Info> {
        self.send(&requests.bytes, requests.names.len(), deadline)?;
        let (mut told, mut refused) = (String::new(), None);
        for (nth, name) in requests.names.iter().enumerate() {
            let is_required = nth < required;
            let error = match self.receive(deadline) {
                Ok(frame) => match frame.value() {
                    ValueRef::Error(text) => {
                        // A server that does not know a command repeats its arguments, here the password.
                        let unknown = &b"ERR unknown command"[..];
                        Error::server(if text.starts_with(unknown) { unknown } else { text })
                    }
                    ValueRef::Bulk(text) | ValueRef::Verbatim(_, text) => {
                        told.push_str(&String::from_utf8_lossy(text));
                        told.push('\n');
                        continue;
                    }
                    _ if *name == "INFO" => Error::reply("INFO gave no text"),
                    _ => continue,
                },
                // A server that has too many clients says so and hangs up.
                Err(error) => {
                    return Err(refused.unwrap_or(if is_required { error.with_command(*name) } else { error }));
                }
            };
            if is_required {
                refused.get_or_insert(error.with_command(*name));
            } else if error.is_full_house() {
                refused.get_or_insert(error);
            }
        }
        refused.map_or_else(|| Ok(Info::parse(&told)), Err)
    }

    /// What its server said of itself in the handshake, once, and not later than in the first use of the connection.
    pub(crate) fn take_said(&mut self) -> Option<Info> {
        self.said.take()
    }

    /// Who its server is, and how it stands to the others.
    pub(crate) fn ask_who(&mut self, deadline: Deadline) -> Result<Info> {
        let mut requests = Requests::default();
        requests.ask_who();
        let required = requests.names.len();
        // It changes nothing, so that a reply which is lost leaves nothing unknown.
        let told = |error: Error| error.with_outcome(Outcome::NotApplied).with_command("INFO");
        self.hear(&requests, required, deadline).map_err(|error| told(error).at(&*self.node))
    }
}
