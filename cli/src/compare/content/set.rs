//! Sets, whatever the order of their members.

use super::page::Page;
use super::{shown, Answers, Ask, Content, Key, Pair, Step};
use rediscluster::{spec, Cmd, Error, Value};

/// The comparison of two sets: they are equal when both have as many members, and one has all of the other's.
pub struct Set {
    key: Key,
    page: Page,
    /// Whether it is known that both have as many members.
    counted: bool,
    /// Whether a page of the source was asked for.
    scanned: bool,
    /// Members of the source that the target was asked for.
    members: Vec<Vec<u8>>,
}

impl Set {
    pub fn new(key: Key, page: Page) -> Set {
        Set { key, page, counted: false, scanned: true, members: Vec::new() }
    }

    fn scan(&self, cursor: &[u8]) -> Cmd {
        Cmd::new(&spec::SSCAN).arg(self.key.from()).arg(cursor).arg("COUNT").arg(self.page.count())
    }
}

impl Content for Set {
    fn begin(&mut self) -> Ask {
        let count = |key: &[u8]| Cmd::new(&spec::SCARD).arg(key);
        Ask { from: vec![count(self.key.from()), self.scan(b"0")], to: vec![count(self.key.to())] }
    }

    fn next(&mut self, mut answers: Answers, _: Pair<'_>) -> Result<Step, Error> {
        if !self.counted {
            let (from, to) = (answers.from.integer()?, answers.to.integer()?);
            if from != to {
                return Ok(Step::Differs(format!("{from} members against {to}")));
            }
            self.counted = true;
        }
        if !self.members.is_empty() {
            let has = answers.to.array()?;
            let missing = self.members.iter().enumerate().find(|(at, _)| has.get(*at) != Some(&Value::Integer(1)));
            if let Some((_, member)) = missing {
                return Ok(Step::Differs(format!("the member {} is missing at the target", shown(member))));
            }
        }
        let mut ask = Ask::default();
        let (cursor, members) = if self.scanned { answers.from.page()? } else { Default::default() };
        self.page.took(members.len(), members.iter().map(Vec::len).sum());
        self.scanned = self.scanned && cursor != b"0";
        if self.scanned {
            ask.from.push(self.scan(&cursor));
        }
        if !members.is_empty() {
            ask.to.push(Cmd::new(&spec::SMISMEMBER).arg(self.key.to()).args_of(&members));
        }
        self.members = members;
        Ok(ask.or_same())
    }
}
