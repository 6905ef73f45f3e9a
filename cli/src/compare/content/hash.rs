//! Hashes, whatever the order of their fields, and when fields expire.

use super::page::Page;
use super::{shown, Answers, Ask, Content, Key, Pair, Replies, Step};
use rediscluster::{spec, Cmd, Error, Value};

/// `HPEXPIRETIME` of a field that is not there.
const NO_FIELD: i64 = -2;
/// The same of a field that does not expire.
const NEVER: i64 = -1;

/// The comparison of two hashes: every field of the source is looked up at the target. Where fields can expire, or the
/// numbers of fields differ, also the other way round, because a field that has expired counts until its server deletes it.
pub struct Hash {
    key: Key,
    page: Page,
    /// How many fields each has; `None` before it is known.
    counts: Option<(i64, i64)>,
    /// Whether the fields of the target are being looked up at the source.
    reverse: bool,
    /// Whether a page was asked for.
    scanned: bool,
    /// Fields that were asked for at both servers.
    fields: Vec<Vec<u8>>,
    /// Their values at the source.
    values: Vec<Vec<u8>>,
}

impl Hash {
    pub fn new(key: Key, page: Page) -> Hash {
        Hash { key, page, counts: None, reverse: false, scanned: true, fields: Vec::new(), values: Vec::new() }
    }

    fn scan(&self, key: &[u8], cursor: &[u8]) -> Cmd {
        Cmd::new(&spec::HSCAN).arg(key).arg(cursor).arg("COUNT").arg(self.page.count())
    }

    fn expiry(&self, key: &[u8]) -> Cmd {
        Cmd::new(&spec::HPEXPIRETIME).arg(key).arg("FIELDS").arg(self.fields.len()).args_of(&self.fields)
    }

    fn values(&self, key: &[u8]) -> Cmd {
        Cmd::new(&spec::HMGET).arg(key).args_of(&self.fields)
    }

    /// What a page of the source is, at the target.
    fn check(&self, answers: &mut Answers, pair: Pair<'_>) -> Result<Option<String>, Error> {
        let values = answers.to.array()?;
        let from = expiries(&mut answers.from, pair.from.has().field_expiry, self.fields.len())?;
        let to = expiries(&mut answers.to, pair.to.has().field_expiry, self.fields.len())?;
        let now = pair.now();
        for (at, (field, value)) in self.fields.iter().zip(&self.values).enumerate() {
            let due = |expiry: i64| expiry >= 0 && expiry <= now;
            if from[at] == NO_FIELD || due(from[at]) || due(to[at]) {
                continue;
            }
            match values.get(at) {
                Some(Value::Bulk(other)) if other == value => {}
                Some(Value::Bulk(_)) => return Ok(Some(format!("the value of the field {}", shown(field)))),
                _ => return Ok(Some(format!("the field {} is missing at the target", shown(field)))),
            }
            if from[at] != to[at] {
                let (from, to) = (moment(from[at]), moment(to[at]));
                return Ok(Some(format!("the field {} expires {from} against {to}", shown(field))));
            }
        }
        Ok(None)
    }

    /// What a page of the target has that the source does not.
    fn check_reverse(&self, answers: &mut Answers, pair: Pair<'_>) -> Result<Option<String>, Error> {
        let known = answers.from.array()?;
        let to = expiries(&mut answers.to, pair.to.has().field_expiry, self.fields.len())?;
        let now = pair.now();
        for (at, field) in self.fields.iter().enumerate() {
            let is_missing = matches!(known.get(at), None | Some(Value::Nil | Value::Integer(NO_FIELD)));
            if is_missing && to[at] != NO_FIELD && !(to[at] >= 0 && to[at] <= now) {
                return Ok(Some(format!("the field {} is only at the target", shown(field))));
            }
        }
        Ok(None)
    }
}

impl Content for Hash {
    fn begin(&mut self) -> Ask {
        let count = |key: &[u8]| Cmd::new(&spec::HLEN).arg(key);
        let (from, to) = (self.key.from(), self.key.to());
        Ask { from: vec![count(from), self.scan(from, b"0")], to: vec![count(to)] }
    }

    fn next(&mut self, mut answers: Answers, pair: Pair<'_>) -> Result<Step, Error> {
        let (from, to) = (pair.from.has().field_expiry, pair.to.has().field_expiry);
        let (one, other) = match self.counts {
            Some(counts) => counts,
            None => (answers.from.integer()?, answers.to.integer()?),
        };
        self.counts = Some((one, other));
        if one != other && !from && !to {
            return Ok(Step::Differs(format!("{one} fields against {other}")));
        }
        if !self.fields.is_empty() {
            let checked =
                if self.reverse { self.check_reverse(&mut answers, pair) } else { self.check(&mut answers, pair) };
            if let Some(what) = checked? {
                return Ok(Step::Differs(what));
            }
        }
        let scanned = if self.reverse { &mut answers.to } else { &mut answers.from };
        let (cursor, page) = if self.scanned { scanned.page()? } else { Default::default() };
        self.page.took(page.len() / 2, page.iter().map(Vec::len).sum());
        let mut page = page.into_iter();
        (self.fields, self.values) = (Vec::new(), Vec::new());
        while let (Some(field), Some(value)) = (page.next(), page.next()) {
            self.fields.push(field);
            self.values.push(value);
        }
        let mut ask = Ask::default();
        let (at_source, at_target) = (self.key.from(), self.key.to());
        if !self.fields.is_empty() {
            match self.reverse {
                false => {
                    ask.to.push(self.values(at_target));
                    ask.from.extend(from.then(|| self.expiry(at_source)));
                }
                // This also tells that a field is not there, and is shorter than the value.
                true => ask.from.push(if from { self.expiry(at_source) } else { self.values(at_source) }),
            }
            ask.to.extend(to.then(|| self.expiry(at_target)));
        }
        self.scanned = self.scanned && cursor != b"0";
        let mut next = cursor;
        if !self.scanned && self.fields.is_empty() && !self.reverse && (from || to) {
            // The source has been seen whole.
            (self.reverse, self.scanned, next) = (true, true, b"0".to_vec());
        }
        if self.scanned {
            match self.reverse {
                true => ask.to.push(self.scan(self.key.to(), &next)),
                false => ask.from.push(self.scan(self.key.from(), &next)),
            }
        }
        Ok(ask.or_same())
    }
}

/// When fields expire, as a server tells that knows it.
fn expiries(replies: &mut Replies, knows: bool, count: usize) -> Result<Vec<i64>, Error> {
    if !knows {
        return Ok(vec![NEVER; count]);
    }
    let told = replies.array()?;
    let expiry = |at| match told.get(at) {
        Some(Value::Integer(moment)) => *moment,
        _ => NO_FIELD,
    };
    Ok((0..count).map(expiry).collect())
}

fn moment(expiry: i64) -> String {
    match expiry {
        NEVER => "never".to_owned(),
        expiry => format!("at {expiry}"),
    }
}
