//! A connection to one server, and what is asked over it.

use super::replica::InStep;
use rediscluster::prelude::*;
use rediscluster::{Cmd, Connection, Value, ValueRef};

/// One server by a connection of one's own.
pub struct Link {
    /// What it is called, for people.
    place: String,
    connection: Connection,
    database: u32,
    /// Of a replica.
    in_step: Option<InStep>,
}

impl Link {
    /// Over a connection that is in database 0.
    pub fn new(place: String, connection: Connection) -> Link {
        Link { place, connection, database: 0, in_step: None }
    }

    /// The same connection, which is one to a replica.
    pub fn of_replica(self, state: InStep) -> Link {
        Link { in_step: Some(state), ..self }
    }

    /// Whether what was read over it may be believed: a replica may have lost its master, or got another one. Such a change
    /// ends no connection.
    ///
    /// # Errors
    /// Why not.
    pub fn is_believed(&mut self) -> Result<(), String> {
        match self.in_step.clone() {
            Some(state) => state.check(self),
            None => Ok(()),
        }
    }

    /// What the server is called, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// One command and its reply. An error reply is an error.
    ///
    /// # Errors
    /// What went wrong, with the server's name.
    pub fn ask(&mut self, words: &[&[u8]]) -> Result<Value, String> {
        self.one(words)
    }

    /// The same with words of text.
    ///
    /// # Errors
    /// As those of [`ask`](Link::ask).
    pub fn ask_text(&mut self, words: &[&str]) -> Result<Value, String> {
        self.one(words)
    }

    /// The same with words that were made one after the other.
    ///
    /// # Errors
    /// As those of [`ask`](Link::ask).
    pub fn ask_owned(&mut self, words: &[Vec<u8>]) -> Result<Value, String> {
        self.one(words)
    }

    fn one<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Result<Value, String> {
        match self.each(&[words])?.pop() {
            Some(Value::Error(text)) => {
                let name = words.first().map_or_else(String::new, |word| String::from_utf8_lossy(word.as_ref()).into());
                Err(format!("{}: {name}: {}", self.place, shown(&text)))
            }
            Some(value) => Ok(value),
            None => Err(format!("{}: no reply", self.place)),
        }
    }

    /// Several commands, sent together, and their replies, error replies included.
    ///
    /// # Errors
    /// That the connection failed.
    pub fn each<A: AsRef<[u8]>>(&mut self, commands: &[&[A]]) -> Result<Vec<Value>, String> {
        let commands: Vec<Cmd> = commands.iter().map(|words| command(words)).collect();
        let mut replies = Vec::with_capacity(commands.len());
        self.run(&commands, |_, reply| replies.push(owned(reply)))?;
        Ok(replies)
    }

    /// The same with commands that are made already; the replies are lent one after the other.
    ///
    /// # Errors
    /// That the connection failed.
    pub fn run(&mut self, commands: &[Cmd], reply: impl FnMut(usize, ValueRef<'_>)) -> Result<(), String> {
        let result = self.connection.execute_all(commands, reply);
        result.map_err(|error| format!("{}: {error}", self.place))
    }

    /// Goes to a database.
    ///
    /// # Errors
    /// That the server does not have it.
    pub fn select(&mut self, database: u32) -> Result<(), String> {
        if self.database != database {
            self.ask(&[b"SELECT", database.to_string().as_bytes()])?;
            self.database = database;
        }
        Ok(())
    }

    /// Runs commands in one transaction and gives their replies; `None` when what is watched has changed.
    ///
    /// # Errors
    /// That one was refused, or that the connection failed.
    pub fn transaction(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<Option<Vec<Value>>, String> {
        let mut words: Vec<&[Vec<u8>]> = Vec::with_capacity(commands.len() + 2);
        let (multi, exec) = ([b"MULTI".to_vec()], [b"EXEC".to_vec()]);
        words.push(&multi);
        words.extend(commands.iter().map(Vec::as_slice));
        words.push(&exec);
        let mut replies = self.each(&words)?;
        let last = replies.pop();
        let refused = replies.iter().find_map(|reply| match reply {
            Value::Error(text) => Some(shown(text)),
            _ => None,
        });
        match (last, refused) {
            (_, Some(refused)) => Err(format!("{}: {refused}", self.place)),
            (Some(Value::Array(replies)), None) => Ok(Some(replies)),
            (Some(Value::Nil), None) => Ok(None),
            (Some(Value::Error(text)), None) => Err(format!("{}: EXEC: {}", self.place, shown(&text))),
            _ => Err(format!("{}: EXEC gave no replies", self.place)),
        }
    }
}

/// A command of any words.
pub fn command<A: AsRef<[u8]>>(words: &[A]) -> Cmd {
    words.iter().fold(cmd(""), |command, word| command.arg(word.as_ref()))
}

/// A reply of its own.
pub fn owned(reply: ValueRef<'_>) -> Value {
    match reply {
        ValueRef::Bulk(text) => Value::Bulk(text.to_vec()),
        other => Value::from(other),
    }
}

/// The text of an error reply, for people.
pub fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// A list of strings; empty for every other reply.
pub fn strings(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::Array(items) => items.into_iter().filter_map(string).collect(),
        _ => Vec::new(),
    }
}

/// A string; `None` for every other reply.
pub fn string(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::Bulk(text) | Value::Simple(text) => Some(text),
        _ => None,
    }
}

/// A whole number; `None` for every other reply.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}
