//! A connection of its own to one server, over which a mode may send much before it waits.

use super::stop::{Stop, GLANCE};
use crate::config::Config;
use crate::reply::Reply;
use rediscluster::prelude::*;
use rediscluster::{ConnectionReader, ConnectionWriter, Protocol};
use std::time::{Duration, Instant};

/// It is of no more use after an error.
pub struct Wire {
    pub reader: ConnectionReader,
    pub writer: ConnectionWriter,
    /// How long a reply may take.
    patience: Duration,
    /// Nothing is waited for after that.
    stop: Stop,
}

impl Wire {
    /// Connects to the server at an address, which may be a URL, and gives each reply so much time. What modes ask has the same answer in either protocol.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn open(config: &Config, address: &str, patience: Duration, stop: &Stop) -> Result<Wire, String> {
        let connection = config.settings().protocol(Protocol::Resp2).open(address);
        let (reader, writer) = connection.map_err(|error| error.message().to_owned())?.into_halves();
        Ok(Wire { reader, writer, patience, stop: stop.clone() })
    }

    /// Sends requests without waiting for a reply.
    ///
    /// # Errors
    /// That the connection broke.
    pub fn send(&mut self, requests: &[u8]) -> Result<(), String> {
        self.writer.write_all(requests, self.patience).map_err(|error| error.message().to_owned())
    }

    /// What the server says next; `None` when it says nothing for so long.
    ///
    /// # Errors
    /// That the connection broke.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Reply>, String> {
        let frame = self.reader.next_timeout(wait).map_err(|error| error.message().to_owned())?;
        Ok(frame.map(|frame| Reply::from(frame.value())))
    }

    fn reply(&mut self) -> Result<Reply, String> {
        let end = Instant::now() + self.patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if let Some(reply) = self.next(left.min(GLANCE))? {
                return Ok(reply);
            }
            if self.stop.is_asked() {
                return Err("stopped before it answered".to_owned());
            }
            if left.is_zero() {
                return Err(format!("no answer within {} s", self.patience.as_secs_f64()));
            }
        }
    }

    /// The reply to one command. An error reply is a reply.
    ///
    /// # Errors
    /// That there was none.
    pub fn ask(&mut self, words: &[&[u8]]) -> Result<Reply, String> {
        self.send(&request(words))?;
        self.reply()
    }

    /// The replies to commands that are sent together. Only for commands with short replies: while all are being sent
    /// none is read.
    ///
    /// # Errors
    /// That one is missing.
    pub fn ask_all<'w>(&mut self, commands: impl Iterator<Item = Vec<&'w [u8]>>) -> Result<Vec<Reply>, String> {
        let mut count = 0;
        let requests: Vec<u8> = commands.inspect(|_| count += 1).flat_map(|words| request(&words)).collect();
        self.send(&requests)?;
        (0..count).map(|_| self.reply()).collect()
    }
}

/// What a server said, so that it cannot do anything to a terminal.
pub fn said(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A command as it is sent.
fn request(words: &[&[u8]]) -> Vec<u8> {
    cmd("").args_of(words).as_bytes().to_vec()
}
