//! What is said first over a connection.

use super::{Connection, Watch};
use crate::config::Credentials;
use crate::error::{Error, Result};
use crate::net::identity::{Told, QUESTIONS};
use crate::net::Deadline;
use crate::plan::command;
use crate::resp::{Protocol, ValueRef};
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
            QUESTIONS.iter().for_each(|[name, section]| requests.add(name, &[section]));
        }
        let Requests { bytes, names } = requests;
        if names.is_empty() {
            return Ok(());
        }
        self.send(&bytes, names.len(), deadline)?;
        let (mut refused, mut told) = (None, Told::default());
        for (nth, name) in names.into_iter().enumerate() {
            let frame = match self.receive(deadline) {
                Ok(frame) => frame,
                // A server that has too many clients says so and hangs up.
                // What it says of itself is asked for the command that the caller has in mind.
                Err(error) if nth >= greetings => return Err(refused.unwrap_or(error)),
                Err(error) => return Err(refused.unwrap_or_else(|| error.with_command(name))),
            };
            match frame.value() {
                ValueRef::Error(text) => {
                    // A server that does not know a command repeats its arguments, here the password.
                    let unknown = &b"ERR unknown command"[..];
                    let said = if text.starts_with(unknown) { unknown } else { text };
                    let error = Error::server(said);
                    // That it does not say who it is, such as to a user without the right to ask, is no refusal.
                    if nth < greetings {
                        refused.get_or_insert(error.with_command(name));
                    } else if error.is_full_house() {
                        refused.get_or_insert(error);
                    }
                }
                value if nth >= greetings => drop(told.add(value)),
                _ => {}
            }
        }
        self.said = told.info();
        refused.map_or(Ok(()), Err)
    }
}
