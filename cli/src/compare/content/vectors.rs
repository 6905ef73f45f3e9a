//! Vector sets. The payload of a restored copy is another one, because the graph is built by chance, so elements decide.

use super::{bytes, shown, Answers, Ask, Content, Key, Pair, Step};
use rediscluster::{spec, Cmd, Error, Value};

/// Elements have no order, and the server names them all at once or not at all.
const MOST: i64 = 100_000;
/// Elements that are looked at in one round.
const TOGETHER: usize = 100;
/// What `VINFO` tells that is part of the value.
const FIELDS: [&[u8]; 3] = [b"quant-type", b"vector-dim", b"projection-input-dim"];

/// The comparison of two vector sets: they are equal when both have as many elements, and each has the same vector and
/// attributes.
pub struct Vectors {
    key: Key,
    part: Part,
    /// Those still to be looked at.
    elements: Vec<Vec<u8>>,
}

/// What was asked for last.
enum Part {
    Outline,
    Names,
    Elements(Vec<Vec<u8>>),
}

impl Vectors {
    pub fn new(key: Key) -> Vectors {
        Vectors { key, part: Part::Outline, elements: Vec::new() }
    }

    fn next_elements(&mut self) -> Step {
        let rest = self.elements.len().saturating_sub(TOGETHER);
        let elements = self.elements.split_off(rest);
        let questions = |key: &[u8], element: &[u8]| {
            let vector = Cmd::new(&spec::VEMB).arg(key).arg(element).arg("RAW");
            [vector, Cmd::new(&spec::VGETATTR).arg(key).arg(element)]
        };
        let ask = Ask::both(&self.key, |key| elements.iter().flat_map(|element| questions(key, element)).collect());
        self.part = Part::Elements(elements);
        ask.or_same()
    }
}

impl Content for Vectors {
    fn begin(&mut self) -> Ask {
        Ask::both(&self.key, |key| [&spec::VCARD, &spec::VINFO].map(|row| Cmd::new(row).arg(key)).into())
    }

    fn next(&mut self, mut answers: Answers, _: Pair<'_>) -> Result<Step, Error> {
        match std::mem::replace(&mut self.part, Part::Names) {
            Part::Outline => {
                let (from, to) = (answers.from.integer()?, answers.to.integer()?);
                if from != to {
                    return Ok(Step::Differs(format!("{from} elements against {to}")));
                }
                let (one, other) = (answers.from.array()?, answers.to.array()?);
                for name in FIELDS {
                    let (one, other) = (field(&one, name), field(&other, name));
                    if one != other {
                        let (name, one, other) = (shown(name), shown(&one), shown(&other));
                        return Ok(Step::Differs(format!("{name} {one} against {other}")));
                    }
                }
                if from > MOST {
                    return Ok(Step::Incomparable(format!(
                        "a vector set of {from} elements is too large to be compared"
                    )));
                }
                let names = Cmd::new(&spec::VRANDMEMBER).arg(self.key.from()).arg(from);
                Ok(Step::Ask(Ask { from: vec![names], to: Vec::new() }))
            }
            Part::Names => {
                self.elements = answers.from.array()?.into_iter().map(bytes).collect();
                Ok(self.next_elements())
            }
            Part::Elements(elements) => {
                for element in &elements {
                    let (from, to) = (answers.from.next()?, answers.to.next()?);
                    let what = match () {
                        () if to == Value::Nil => "is missing at the target",
                        () if from != to => "has another vector",
                        () if answers.from.next()? != answers.to.next()? => "has other attributes",
                        () => continue,
                    };
                    return Ok(Step::Differs(format!("the element {} {what}", shown(element))));
                }
                Ok(self.next_elements())
            }
        }
    }
}

fn field(info: &[Value], name: &[u8]) -> Vec<u8> {
    let mut pairs = info.chunks_exact(2);
    let found = pairs.find(|pair| bytes(pair[0].clone()) == name);
    found.map(|pair| bytes(pair[1].clone())).unwrap_or_default()
}
