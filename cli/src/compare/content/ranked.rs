//! Lists and sorted sets: elements that have a rank, and so the same order at both servers.

use super::page::Page;
use super::{bytes, shown, Answers, Ask, Content, Key, Pair, Step};
use rediscluster::spec::{self, Row};
use rediscluster::{Cmd, Error, Value};

/// The comparison of two lists, or of two sorted sets.
pub struct Ranked {
    key: Key,
    count: &'static Row,
    range: &'static Row,
    /// Whether each element has a score, which comes behind it.
    scored: bool,
    page: Page,
    /// How many elements both have; `None` before it is known.
    length: Option<usize>,
    /// Up to where both are equal.
    rank: usize,
    /// How many elements were asked for.
    asked: usize,
}

impl Ranked {
    pub fn list(key: Key, page: Page) -> Ranked {
        let (count, range) = (&spec::LLEN, &spec::LRANGE);
        Ranked { key, count, range, scored: false, page, length: None, rank: 0, asked: 0 }
    }

    pub fn sorted_set(key: Key, page: Page) -> Ranked {
        let (count, range) = (&spec::ZCARD, &spec::ZRANGE);
        Ranked { key, count, range, scored: true, page, length: None, rank: 0, asked: 0 }
    }

    fn range(&self, key: &[u8]) -> Cmd {
        let range = Cmd::new(self.range).arg(key).arg(self.rank as u64).arg((self.rank + self.asked - 1) as u64);
        if self.scored {
            range.arg("WITHSCORES")
        } else {
            range
        }
    }

    fn differs(&self, rank: usize, from: &[Value], to: &[Value]) -> Step {
        let element = |element: &[Value]| match element {
            [] => "nothing".to_owned(),
            [item] => shown(&bytes(item.clone())),
            [member, score, ..] => format!("{} {}", shown(&bytes(member.clone())), shown(&bytes(score.clone()))),
        };
        let what = if self.scored { "rank" } else { "index" };
        Step::Differs(format!("from {what} {} on: {} against {}", self.rank + rank, element(from), element(to)))
    }
}

impl Content for Ranked {
    fn begin(&mut self) -> Ask {
        self.asked = self.page.count();
        Ask::both(&self.key, |key| vec![Cmd::new(self.count).arg(key), self.range(key)])
    }

    fn next(&mut self, mut answers: Answers, _: Pair<'_>) -> Result<Step, Error> {
        if self.length.is_none() {
            let (from, to) = (answers.from.integer()?, answers.to.integer()?);
            if from != to {
                return Ok(Step::Differs(format!("{from} elements against {to}")));
            }
            self.length = usize::try_from(from).ok();
        }
        let (from, to) = (answers.from.array()?, answers.to.array()?);
        let width = if self.scored { 2 } else { 1 };
        let (mut ones, mut others) = (from.chunks(width), to.chunks(width));
        for rank in 0.. {
            match (ones.next(), others.next()) {
                (None, None) => break,
                (Some(one), Some(other)) if is_same(one, other) => {}
                (one, other) => return Ok(self.differs(rank, one.unwrap_or_default(), other.unwrap_or_default())),
            }
        }
        let elements = from.len() / width;
        let size = from.iter().map(|value| if let Value::Bulk(text) = value { text.len() } else { 0 }).sum();
        self.page.took(elements, size);
        self.rank += self.asked;
        self.asked = self.page.count();
        match self.length.is_some_and(|length| self.rank < length) {
            true => Ok(Step::Ask(Ask::both(&self.key, |key| vec![self.range(key)]))),
            false => Ok(Step::Same),
        }
    }
}

/// Whether two elements are the same. Versions write scores in different ways, each of which is exact.
fn is_same(one: &[Value], other: &[Value]) -> bool {
    let score = |element: &[Value]| match element {
        [_, Value::Bulk(score)] => String::from_utf8_lossy(score).parse().ok().map(f64::to_bits),
        _ => None,
    };
    one.first() == other.first() && (one.get(1) == other.get(1) || score(one).is_some() && score(one) == score(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_the_same_to_the_last_bit_however_they_are_written() {
        let element = |score: &str| [Value::from("m"), Value::from(score)];
        let same = |one: &str, other: &str| is_same(&element(one), &element(other));
        assert!(same("3.1000000000000001", "3.1") && same("inf", "inf") && same("1e+20", "100000000000000000000"));
        assert!(!same("3.1", "3.1000000000000005") && !same("0", "-0") && !same("inf", "-inf") && !same("1", "2"));
        assert!(!is_same(&element("1"), &[Value::from("n"), Value::from("1")]));
    }
}
