//! What is said first over a connection.

use super::Connection;
use crate::config::Credentials;
use crate::error::{Error, Result};
use crate::net::identity::{Told, QUESTIONS};
use crate::net::Deadline;
use crate::plan::command;
use crate::resp::{Protocol, ValueRef};
use std::sync::Arc;

impl Connection {
    /// All of it is one round trip, also the question who the server is, with `asks_who`.
    pub(super) fn handshake(&mut self, credentials: &Credentials, asks_who: bool, deadline: Deadline) -> Result<()> {
        let settings = Arc::clone(&self.settings);
        let database = settings.database.filter(|&number| number != 0).map(|number| number.to_string());
        let mut requests: Vec<Vec<&str>> = Vec::new();
        let username = credentials.username.as_deref();
        let auth = credentials.password.as_deref();
        if settings.protocol == Protocol::Resp3 {
            let mut hello = vec!["HELLO", "3"];
            if let Some(password) = auth {
                hello.extend(["AUTH", username.unwrap_or("default"), password]);
            }
            requests.push(hello);
            // What comes before the agreement, such as a refusal, is RESP2, and RESP3 can read that.
            self.decoder.set_protocol(Protocol::Resp3);
        } else if let Some(password) = auth {
            requests.push(std::iter::once("AUTH").chain(username).chain([password]).collect());
        }
        if let Some(name) = &settings.client_name {
            requests.push(vec!["CLIENT", "SETNAME", name]);
        }
        if let Some(number) = &database {
            requests.push(vec!["SELECT", number]);
        }
        let greetings = requests.len();
        requests.extend(QUESTIONS.iter().filter(|_| asks_who).map(|words| words.to_vec()));
        if requests.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> =
            requests.iter().flat_map(|words| command(words.iter().map(|word| word.as_bytes()))).collect();
        self.send(&bytes, requests.len(), deadline)?;
        let (mut refused, mut told) = (None, Told::default());
        for (nth, words) in requests.iter().enumerate() {
            let frame = match self.receive(deadline) {
                Ok(frame) => frame,
                // A server that has too many clients says so and hangs up.
                // What it says of itself is asked for the command that the caller has in mind.
                Err(error) if nth >= greetings => return Err(refused.unwrap_or(error)),
                Err(error) => return Err(refused.unwrap_or_else(|| error.with_command(words[0].to_owned()))),
            };
            match frame.value() {
                ValueRef::Error(text) => {
                    // A server that does not know a command repeats its arguments, here the password.
                    let unknown = &b"ERR unknown command"[..];
                    let said = if text.starts_with(unknown) { unknown } else { text };
                    let error = Error::server(said);
                    // That it does not say who it is, such as to a user without the right to ask, is no refusal.
                    if nth < greetings {
                        refused.get_or_insert(error.with_command(words[0].to_owned()));
                    } else if error.is_full_house() {
                        refused.get_or_insert(error);
                    }
                }
                value if nth >= greetings => drop(told.add(value)),
                _ => {}
            }
        }
        self.said = told.info().map(Box::new);
        refused.map_or(Ok(()), Err)
    }
}
