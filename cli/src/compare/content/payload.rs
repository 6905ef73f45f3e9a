//! Whole payloads, as `DUMP` gives them.

use super::{Answers, Ask, Content, Failed, Key, Name, Pair, Step};
use rediscluster::{spec, Cmd, Error, Value};

/// A payload ends with the version of its format in two bytes and a checksum in eight.
const FOOTER: usize = 10;
/// The last type of a payload that means the same to every server: those behind it were given out twice, by Redis and by
/// Valkey.
const LAST_COMMON: u8 = 21;
/// The most bytes of a payload that is read at once.
const LARGEST: u64 = 64 << 20;

/// Which of the keys, in groups with their sizes, have payloads that differ. Their contents may be equal all the same.
pub(super) fn others(pair: Pair<'_>, keys: &[Key], group: &[(usize, u64)]) -> Result<Vec<usize>, Failed> {
    let dumps = |name: Name| group.iter().map(|&(at, _)| Cmd::new(&spec::DUMP).arg(name(&keys[at]))).collect();
    let (from, to) = pair.answers(Ask { from: dumps(Key::from), to: dumps(Key::to) })?;
    let agree = pair.from.version() == pair.to.version();
    let is_other = |(from, to)| match (from, to) {
        (Ok(Value::Bulk(from)), Ok(Value::Bulk(to))) => !is_same(&from, &to, agree),
        _ => true,
    };
    let answers = from.into_iter().zip(to);
    Ok(group.iter().zip(answers).filter_map(|(&(at, _), both)| is_other(both).then_some(at)).collect())
}

/// Whether two payloads say the same, the versions of their servers being the same or not.
fn is_same(from: &[u8], to: &[u8], agree: bool) -> bool {
    if agree {
        return from == to;
    }
    let body = |payload: &[u8]| payload.len().checked_sub(FOOTER);
    match (body(from), body(to)) {
        (Some(one), Some(other)) => from[..one] == to[..other] && from.first().is_some_and(|&kind| kind <= LAST_COMMON),
        _ => false,
    }
}

/// The comparison of two values of a module's type, of which nothing but the payload is known.
pub struct Payload {
    key: Key,
    kind: String,
    size: u64,
}

impl Payload {
    pub fn new(key: Key, kind: String, size: u64) -> Payload {
        Payload { key, kind, size }
    }
}

impl Content for Payload {
    fn begin(&mut self) -> Ask {
        match self.size <= LARGEST {
            true => Ask::both(&self.key, |key| vec![Cmd::new(&spec::DUMP).arg(key)]),
            false => Ask::default(),
        }
    }

    fn next(&mut self, mut answers: Answers, pair: Pair<'_>) -> Result<Step, Error> {
        let kind = &self.kind;
        if self.size > LARGEST {
            return Ok(Step::Incomparable(format!(
                "its type {kind} has only a payload, which is too large to be compared"
            )));
        }
        let (from, to) = (answers.from.text()?, answers.to.text()?);
        Ok(match is_same(&from, &to, pair.from.version() == pair.to.version()) {
            true => Step::Same,
            false => Step::Incomparable(format!(
                "its type {kind} has only a payload, and that differs, which those of equal values may"
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_other_versions_are_the_same_but_for_the_footer() {
        let payload = |kind: u8, footer: u8| [&[kind, 1, b'x'][..], &[footer; 10]].concat();
        assert!(is_same(&payload(0, 1), &payload(0, 1), true) && is_same(&payload(0, 1), &payload(0, 2), false));
        assert!(!is_same(&payload(0, 1), &payload(0, 2), true) && !is_same(&payload(0, 1), &payload(1, 1), false));
        assert!(!is_same(&payload(22, 1), &payload(22, 1), false) && is_same(&payload(22, 1), &payload(22, 1), true));
        assert!(!is_same(b"", b"", false) && !is_same(b"short", b"short", false));
    }
}
