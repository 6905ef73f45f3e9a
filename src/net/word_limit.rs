//! Commands of more words than older servers take: those close the connection over one.

use super::connection::Connection;
use super::deadline::Deadline;
use crate::error::{Error, Outcome, Result};
use crate::resp::ValueRef;
use crate::topology::{cut, digits, trimmed};

/// As many words as a server before Redis 7.0 takes as one command; later ones take any number.
pub(crate) const MOST_WORDS: usize = 1 << 20;
/// A command of more words is longer than this, for none is shorter than `$0`, with a line end behind it and one more.
const LONG: usize = MOST_WORDS * 6;

/// How many words a request has, when that may be too many for an older server; else 0.
#[inline]
pub(crate) fn words_if_many(request: &[u8]) -> usize {
    match request.len() <= LONG {
        true => 0,
        false => words(request),
    }
}

#[cold]
fn words(request: &[u8]) -> usize {
    let digits = request.iter().skip(1).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |count: usize, digit| count.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
}

/// The error for a command of so many words.
pub(crate) fn too_many_words(words: usize) -> Error {
    Error::argument(format!(
        "of its arguments {words} would go to one server as one command, and servers before Redis 7.0 take no more than \
         {MOST_WORDS}; nothing was sent"
    ))
}

impl Connection {
    /// Whether its server closes the connection over more than [`MOST_WORDS`]. The server is asked each time, because
    /// another version may run at its address by now. The connection must owe nothing and be in no transaction.
    pub(crate) fn takes_few_words(&mut self, deadline: Deadline) -> Result<bool> {
        let said =
            self.ask(&[b"INFO", b"server"], deadline).map_err(|error| error.with_outcome(Outcome::NotApplied))?;
        Ok(match said.value() {
            ValueRef::Bulk(text) | ValueRef::Verbatim(_, text) => is_old(&String::from_utf8_lossy(text)),
            _ => false,
        })
    }

    /// Refuses what its server would close the connection over. Nearly every request is too short for that, and then no
    /// server is asked.
    #[inline]
    pub(crate) fn refuse_too_many_words(&mut self, request: &[u8], deadline: Deadline) -> Result<()> {
        let words = words_if_many(request);
        match words > MOST_WORDS && self.takes_few_words(deadline)? {
            true => Err(too_many_words(words).at(self.node())),
            false => Ok(()),
        }
    }
}

/// Whether a server says of itself that it is older than Redis 7.0.
fn is_old(info: &str) -> bool {
    let mut rest = Some(info);
    while let Some(text) = rest {
        let (line, after) = cut(text, b'\n');
        if let Some(version) = line.strip_prefix("redis_version:") {
            return digits(trimmed(cut(version, b'.').0)).is_some_and(|major| major < 7);
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (info, old) in [
            ("# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n", true),
            ("redis_version:7.0.0\r\n", false),
            ("server_name:valkey\r\nredis_version:7.2.4\r\nvalkey_version:9.1.0\r\n", false),
            ("redis_version:10.0\r\n", false),
            ("redis_version:x\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_old(info), old, "{info}");
        }
    }

    #[test]
    fn only_what_is_long_is_looked_at() {
        let request = |words: usize| [format!("*{words}\r\n").as_bytes(), &b"$0\r\n\r\n".repeat(words)[..]].concat();
        assert_eq!(words_if_many(&request(3)), 0);
        assert_eq!(words_if_many(&request(MOST_WORDS)), MOST_WORDS);
        assert_eq!(words_if_many(&request(MOST_WORDS + 1)), MOST_WORDS + 1);
    }
}
