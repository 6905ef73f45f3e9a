//! Strings, a piece at a time.

use super::{Answers, Ask, Content, Key, Pair, Step};
use rediscluster::{spec, Cmd, Error};

/// The bytes of a piece.
const PIECE: usize = 1 << 20;

/// The comparison of two strings.
pub struct Text {
    key: Key,
    /// The length of both; `None` before it is known.
    length: Option<usize>,
    /// Up to where both are equal.
    offset: usize,
}

impl Text {
    pub fn new(key: Key) -> Text {
        Text { key, length: None, offset: 0 }
    }

    fn piece(&self, key: &[u8]) -> Cmd {
        Cmd::new(&spec::GETRANGE).arg(key).arg(self.offset as u64).arg((self.offset + PIECE - 1) as u64)
    }
}

impl Content for Text {
    fn begin(&mut self) -> Ask {
        Ask::both(&self.key, |key| vec![Cmd::new(&spec::STRLEN).arg(key), self.piece(key)])
    }

    fn next(&mut self, mut answers: Answers, _: Pair<'_>) -> Result<Step, Error> {
        if self.length.is_none() {
            let (from, to) = (answers.from.integer()?, answers.to.integer()?);
            if from != to {
                return Ok(Step::Differs(format!("{from} bytes against {to}")));
            }
            self.length = usize::try_from(from).ok();
        }
        let (from, to) = (answers.from.text()?, answers.to.text()?);
        if from != to {
            let at = from.iter().zip(&to).position(|(from, to)| from != to).unwrap_or(from.len().min(to.len()));
            return Ok(Step::Differs(format!("from byte {} on", self.offset + at)));
        }
        self.offset += PIECE;
        match self.length.is_some_and(|length| self.offset < length) {
            true => Ok(Step::Ask(Ask::both(&self.key, |key| vec![self.piece(key)]))),
            false => Ok(Step::Same),
        }
    }
}
