//! What the commands of a script have set on their connection. When the connection is lost it is set again on the next
//! one, or the script has to end: its commands would run in another database, as another user, outside of their transaction.

use crate::reply::Reply;
use rediscluster::spec::{self, Access};

/// The words of a command.
type Words = Vec<Vec<u8>>;

/// Commands that are about their connection and leave nothing behind on it.
const LEAVES_NOTHING: [&str; 7] =
    ["CLIENT GETNAME", "CLIENT GETREDIR", "CLIENT ID", "CLIENT INFO", "CLIENT TRACKINGINFO", "WAIT", "WAITAOF"];

/// Commands whose last success alone counts, and which have the same effect again on another connection.
const REPEATABLE: [&str; 9] = [
    "AUTH",
    "CLIENT NO-EVICT",
    "CLIENT NO-TOUCH",
    "CLIENT SETNAME",
    "HELLO",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
];

/// What is set on one connection. It may hold a password, so it has no `Debug`.
#[derive(Default)]
pub struct ConnectionState {
    /// Commands that set the same on a new connection, by name and in the order in which they are to be sent.
    repeat: Vec<(&'static str, Words)>,
    /// The first command whose effect no other connection can have.
    unrepeatable: Option<&'static str>,
    watches: bool,
    /// Inside of MULTI: for each command that was queued its words, where it will set something at EXEC.
    queued: Option<Vec<Option<Words>>>,
    /// An earlier connection was lost, and nothing was written on this one yet.
    replaced: bool,
}

impl ConnectionState {
    /// Notes what a command that was answered has set.
    pub fn answered(&mut self, words: &[Vec<u8>], reply: &Reply) {
        let Some(queued) = &mut self.queued else { return self.settle(words, reply) };
        match (name(words), reply) {
            (Some("EXEC"), Reply::Array(replies)) => {
                let queued = std::mem::take(queued);
                self.end_transaction();
                self.replaced = false;
                for (words, reply) in queued.into_iter().zip(replies) {
                    words.into_iter().for_each(|words| self.settle(&words, reply));
                }
            }
            (Some("EXEC"), Reply::Nil) | (Some("DISCARD"), Reply::Status(_)) => self.end_transaction(),
            (Some("EXEC"), Reply::Error(text)) if text.starts_with(b"EXECABORT") => self.end_transaction(),
            (Some("RESET"), Reply::Status(_)) => self.settle(words, reply),
            (_, Reply::Status(status)) if status == b"QUEUED" => {
                queued.push(sets_something(words).map(|_| words.to_vec()));
            }
            // A command that is not queued makes the server refuse EXEC; the transaction goes on until then.
            _ => {}
        }
    }

    fn settle(&mut self, words: &[Vec<u8>], reply: &Reply) {
        if matches!(reply, Reply::Error(_)) {
            return;
        }
        match sets_something(words) {
            Some("MULTI") => self.queued = Some(Vec::new()),
            Some("WATCH") => self.watches = true,
            Some("UNWATCH") => self.watches = false,
            Some("RESET") => {
                let repeat = vec![("RESET", words.to_vec())];
                *self = ConnectionState { repeat, replaced: self.replaced, ..ConnectionState::default() };
            }
            // With more words it also says who is asking, or gives a name.
            Some("HELLO") if words.len() > 2 => self.unrepeatable = self.unrepeatable.or(Some("HELLO")),
            Some(name) if REPEATABLE.contains(&name) => {
                self.repeat.retain(|(known, _)| *known != name);
                // Who it is decides what may be set.
                let first = if name == "AUTH" {
                    self.repeat.iter().take_while(|(name, _)| *name == "RESET").count()
                } else {
                    self.repeat.len()
                };
                self.repeat.insert(first, (name, words.to_vec()));
            }
            Some(name) => self.unrepeatable = self.unrepeatable.or(Some(name)),
            None if !is_read(words) => self.replaced = false,
            None => {}
        }
    }

    /// Notes that the connection was lost with a command that got no answer. Gives the name of a command whose effect is
    /// lost with it or not known, so that nothing more may be sent.
    pub fn lost_at(&mut self, words: &[Vec<u8>]) -> Option<&'static str> {
        self.replaced = true;
        let at = name(words);
        if let (Some(queued), Some("EXEC" | "DISCARD")) = (&self.queued, at) {
            // Whether it was applied is told by the error. Either way there is no transaction any more.
            if queued.iter().all(Option::is_none) {
                self.end_transaction();
                return self.unrepeatable();
            }
        }
        match (self.unrepeatable(), sets_something(words)) {
            (Some(lost), _) => Some(lost),
            (None, Some("UNWATCH") | None) => None,
            (None, unanswered) => {
                self.unrepeatable = unanswered;
                unanswered
            }
        }
    }

    /// The name of a command whose effect no other connection can have.
    pub fn unrepeatable(&self) -> Option<&'static str> {
        let of_transaction = [self.queued.is_some().then_some("MULTI"), self.watches.then_some("WATCH")];
        of_transaction.into_iter().flatten().next().or(self.unrepeatable)
    }

    /// Whether commands are queued for EXEC.
    pub fn in_transaction(&self) -> bool {
        self.queued.is_some()
    }

    /// The database that was selected last; `None` where it is still the one that is configured.
    pub fn database(&self) -> Option<u32> {
        let last = self.repeat.iter().rev().find(|(name, _)| *name == "SELECT" || *name == "RESET");
        last.map(|(_, words)| words.get(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok()).unwrap_or(0))
    }

    /// The commands that set the same on a new connection.
    pub fn to_repeat(&self) -> &[(&'static str, Words)] {
        &self.repeat
    }

    /// Whether a command asks about writes that went over an earlier connection: the server would answer at once, as if
    /// all of them had arrived.
    pub fn cannot_wait(&self, words: &[Vec<u8>]) -> bool {
        self.replaced && matches!(name(words), Some("WAIT" | "WAITAOF"))
    }

    fn end_transaction(&mut self) {
        self.queued = None;
        self.watches = false;
    }
}

fn find(words: &[Vec<u8>]) -> Option<&'static spec::Row> {
    spec::find(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn name(words: &[Vec<u8>]) -> Option<&'static str> {
    find(words).map(|spec| spec.name)
}

/// The name of a command that may set something on its connection. Of one that is not known to leave nothing behind
/// that is assumed.
fn sets_something(words: &[Vec<u8>]) -> Option<&'static str> {
    let spec = find(words).filter(|spec| spec.access == Access::Connection)?;
    let only_asks = LEAVES_NOTHING.contains(&spec.name) || spec.name == "HELLO" && words.len() == 1;
    (!only_asks).then_some(spec.name)
}

fn is_read(words: &[Vec<u8>]) -> bool {
    find(words).is_some_and(|spec| spec.access != Access::Write)
}
