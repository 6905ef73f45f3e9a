//! What a script says, and what a server says of it.

use super::{Error, Outcome, Phase};

/// How servers refuse a script before it begins, or so that it has nothing to write: a replica refuses every write. No
/// command that a script calls, and whose error it returns, says so. Behind it a word of it that a script needs, to say
/// the same in its own name.
const BEFORE: &[(&str, &str)] = &[
    ("BUSY Redis is busy running", "BUSY"),
    ("BUSY Valkey is busy running", "BUSY"),
    ("ERR Error compiling script", "compiling"),
    ("ERR Function not found", "not found"),
    ("ERR max number of clients reached", "max number"),
    ("ERR unknown command", "unknown command"),
    ("LOADING Redis is loading the dataset in memory", "LOADING"),
    ("LOADING Valkey is loading the dataset in memory", "LOADING"),
    ("MASTERDOWN Link with MASTER is down", "MASTERDOWN"),
    ("NOAUTH Authentication required", "NOAUTH"),
    ("NOPERM No permissions", "NOPERM"),
    ("NOPERM User ", "NOPERM"),
    ("NOPERM this user has no permissions", "NOPERM"),
    ("NOSCRIPT No matching script.", UNKNOWN),
    ("READONLY Can not run script with write flag on readonly replica", "READONLY"),
    ("READONLY You can't write against a read only", "READONLY"),
];

const UNKNOWN: &str = "NOSCRIPT";

/// All that servers say of a script that they do not know: Redis, then Valkey.
const UNKNOWN_SCRIPT: &[&str] = &["NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT No matching script."];

/// Which refusals a script could say in its own name, because a word of them is in its text, its keys or its arguments.
///
/// Over the wire the two look the same. So a script that holds such a word is never taken for refused by it. What a script
/// puts together of pieces or reads from a key, and what a function says whose text is on the server, is taken at its
/// word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnWords(u32);

impl OwnWords {
    /// Those of a request, or of any other text that has all of the script in it.
    pub(crate) fn of(request: &[u8]) -> OwnWords {
        let holds = |word: &str| request.windows(word.len()).any(|part| part == word.as_bytes());
        let mut known: Vec<(&str, bool)> = Vec::new();
        let mut holds_once = |word: &'static str| match known.iter().find(|(other, _)| *other == word) {
            Some((_, holds)) => *holds,
            None => {
                known.push((word, holds(word)));
                known[known.len() - 1].1
            }
        };
        let bits = BEFORE.iter().enumerate().map(|(nth, (_, word))| u32::from(holds_once(word)) << nth);
        OwnWords(bits.sum())
    }

    /// Whether a part of a request has the word in it by which servers say that they do not know a script.
    pub(crate) fn has_unknown_script(part: &[u8]) -> bool {
        part.windows(UNKNOWN.len()).any(|word| word == UNKNOWN.as_bytes())
    }
}

impl Error {
    /// The same error for a command that runs a script: unless it is certain that the script had not begun, what it wrote
    /// by then stays written.
    pub(crate) fn of_a_script(mut self, own: OwnWords) -> Error {
        self.note_script(own);
        self
    }

    /// It is an error of a command that runs a script.
    pub(crate) fn note_script(&mut self, own: OwnWords) {
        let is_refused = |(nth, (words, _)): (usize, &(&str, &str))| {
            self.0.message.starts_with(words)
                && own.0 & (1 << nth) == 0
                && (!words.starts_with(UNKNOWN) || self.is_all())
        };
        // What was said before the script was sent, such as to SELECT, is no word of it.
        let is_reply = self.is_server() && self.phase() == Some(Phase::Receive);
        if is_reply && !BEFORE.iter().enumerate().any(is_refused) {
            self.set_outcome(Outcome::Unknown);
        }
    }

    /// Whether a server does not know the script that it was to run by its name.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.0.outcome == Outcome::NotApplied && self.is_server() && self.is_all()
    }

    /// Whether it is all that a server says of an unknown script, and nothing more.
    fn is_all(&self) -> bool {
        UNKNOWN_SCRIPT.contains(&&*self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_could_say_so_itself_is_not_taken_for_refused() {
        let outcome = |text: &str, request: &str| {
            Error::server(text.as_bytes()).of_a_script(OwnWords::of(request.as_bytes())).outcome()
        };
        for (words, word) in BEFORE {
            let text = if *word == UNKNOWN { UNKNOWN_SCRIPT[0] } else { words };
            assert_eq!(outcome(text, "return 1"), Outcome::NotApplied, "{text}");
            assert_eq!(outcome(text, &format!("return redis.error_reply('{text}')")), Outcome::Unknown, "{text}");
        }
        for text in ["NOSCRIPT No matching script. Of mine", "NOPERM of mine", "ERR boom", "WRONGTYPE x"] {
            assert_eq!(outcome(text, "return 1"), Outcome::Unknown, "{text}");
        }
        assert_eq!(OwnWords::of(b""), OwnWords(0));
        assert!(BEFORE.len() <= 32, "a bit for each");
    }
}
