//! TOML, JSON and YAML as documents.

use super::document::{add, Entry, Mistake, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use toml::de::{DeTable, DeValue};
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::Marker;

pub fn toml(source: &str) -> Result<Entry, Mistake> {
    let line = |at: usize| source.get(..at).unwrap_or_default().matches('\n').count() + 1;
    match DeTable::parse(source) {
        Ok(table) => from_toml(&DeValue::Table(table.into_inner()), 1, &line),
        Err(error) => {
            // The error's own display shows the line, and so perhaps a password.
            let at = error.span().map_or(0, |span| span.start);
            Err(Mistake::at(line(at), without_quotes(error.message())))
        }
    }
}

fn from_toml(value: &DeValue<'_>, at: usize, line: &dyn Fn(usize) -> usize) -> Result<Entry, Mistake> {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Integer)
            .map_err(|_| Mistake::at(at, "a number that is too large"))?,
        DeValue::Float(number) => {
            number.as_str().parse().map(Value::Float).map_err(|_| Mistake::at(at, "not a number"))?
        }
        DeValue::Datetime(_) => return Err(Mistake::at(at, "a date, which no setting is")),
        DeValue::Array(items) => {
            let entry = |item: &toml::Spanned<DeValue<'_>>| from_toml(item.get_ref(), line(item.span().start), line);
            Value::List(items.iter().map(entry).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let mut entries = Vec::new();
            for (name, value) in table {
                let at = line(name.span().start);
                add(&mut entries, at, name.get_ref().to_string(), from_toml(value.get_ref(), at, line)?)?;
            }
            Value::Table(entries)
        }
    };
    Ok(Entry { line: at, value })
}

/// What a parser says, without what it quotes of the file, which may be a password. Signs that it expects are no secret.
fn without_quotes(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(open) = rest.find(['`', '"']) {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let quote = &from[..1];
        // A value may hold the quote itself; what is hidden then ends with the last one.
        let Some((quoted, after)) = from[1..].split_once(quote) else {
            return out + "(hidden)";
        };
        if quoted.chars().count() > 1 && quoted.chars().any(char::is_alphanumeric) {
            let after = from[1..].rsplit_once(quote).map_or("", |(_, after)| after);
            return out + "(hidden)" + after;
        }
        out.extend([quote, quoted, quote]);
        rest = after;
    }
    out + rest
}

pub fn json(source: &str) -> Result<Entry, Mistake> {
    // Its errors tell a line and a column, and nothing of what stands there.
    serde_json::from_str(source).map_err(|error| Mistake::at(0, error.to_string()))
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Entry::from)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(|_| E::custom("a number that is too large"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Vec::new();
        while let Some((name, entry)) = entries.next_entry()? {
            add(&mut table, 0, name, entry).map_err(A::Error::custom)?;
        }
        Ok(Value::Table(table))
    }
}

/// Every scalar is a text: what they mean, twemproxy decides for each of its settings.
pub fn yaml(source: &str) -> Result<Entry, Mistake> {
    let mut builder = Document::default();
    Parser::new_from_str(source)
        .load(&mut builder, true)
        .map_err(|error| Mistake::at(error.marker().line(), without_quotes(error.info())))?;
    match (builder.mistake, builder.root) {
        (Some(mistake), _) => Err(mistake),
        (None, Some(root)) => Ok(root),
        (None, None) => Err(Mistake::at(1, "the file is empty")),
    }
}

#[derive(Default)]
struct Document {
    /// What is open, from the outside, with the name that the next value of a table belongs to.
    open: Vec<(Entry, Option<(String, usize)>)>,
    root: Option<Entry>,
    mistake: Option<Mistake>,
}

impl Document {
    fn put(&mut self, entry: Entry) -> Result<(), Mistake> {
        match self.open.last_mut() {
            None if self.root.is_some() => return Err(entry.wrong("a second document")),
            None => self.root = Some(entry),
            Some((Entry { value: Value::List(items), .. }, _)) => items.push(entry),
            Some((Entry { value: Value::Table(entries), .. }, name)) => match (name.take(), entry.value) {
                (Some((name, line)), value) => {
                    add(entries, line, name, Entry { line, value })?;
                }
                (None, Value::Text(text)) => *name = Some((text, entry.line)),
                (None, _) => return Err(Mistake::at(entry.line, "a name that is no text")),
            },
            Some(_) => {}
        }
        Ok(())
    }
}

impl MarkedEventReceiver for Document {
    fn on_event(&mut self, event: Event, marker: Marker) {
        let line = marker.line();
        let put = match event {
            Event::Scalar(text, ..) => self.put(Entry { line, value: Value::Text(text) }),
            Event::SequenceStart(..) => {
                self.open.push((Entry { line, value: Value::List(Vec::new()) }, None));
                Ok(())
            }
            Event::MappingStart(..) => {
                self.open.push((Entry { line, value: Value::Table(Vec::new()) }, None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((entry, _)) => self.put(entry),
                None => Ok(()),
            },
            Event::Alias(_) => Err(Mistake::at(line, "an alias, which twemproxy does not read either")),
            _ => Ok(()),
        };
        if let Err(mistake) = put {
            self.mistake.get_or_insert(mistake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_of_a_parser_holds_what_is_in_the_file() {
        for source in [
            "password = s3cret",
            "password = 's3cret' s3cret",
            "password = 's3cret",
            "[nodes]\na = 'redis://:s3cret@h:1'\na = 's3cret'",
            "'redis://:s3cret@h' = 1\n'redis://:s3cret@h' = 1",
        ] {
            let error = toml(source).err().unwrap().to_string();
            assert!(!error.contains("s3cret") && error.starts_with("line "), "{source}: {error}");
        }
        for source in [
            r#"{"password": s3cret}"#,
            r#"{"password": "s3cret"#,
            r#"{"password": 's3cret'}"#,
            r#"{"redis://:s3cret@h": 1, "redis://:s3cret@h": 2}"#,
        ] {
            let error = json(source).err().unwrap().to_string();
            assert!(!error.contains("s3cret") && error.contains("line 1 column"), "{source}: {error}");
        }
        for source in ["a: \"s3cret", "a: s3cret: s3cret", "a: &s3cret x\nb: *other3cret", "- a\ns3cret: x"] {
            let error = yaml(source).err().unwrap().to_string();
            assert!(!error.contains("s3cret") && error.starts_with("line "), "{source}: {error}");
        }
        // Signs that are expected are told: nothing is cut off in the middle.
        assert_eq!(toml("password").err().unwrap().to_string(), "line 1: key with no value, expected `=`");
        assert_eq!(toml("[nodes").err().unwrap().to_string(), "line 1: unclosed table, expected `]`");
        assert_eq!(without_quotes("duplicate key `a.s3cret`, b"), "duplicate key (hidden), b");
        assert_eq!(without_quotes("a `s3\"cr`et` b `=`"), "a (hidden)");
        assert_eq!(without_quotes("a `s3cret"), "a (hidden)");
    }

    #[test]
    fn what_stands_twice_is_refused_in_every_syntax() {
        for (read, source, message) in [
            (toml as fn(&str) -> Result<Entry, Mistake>, "a = 1\n\na = 2", "line 3: duplicate key"),
            (json, "{\"a\": 1,\n \"a\": 2}", "a: given twice at line 2 column 8"),
            (yaml, "a:\n  b: 1\n  c: 2\n  b: 3", "line 4: b: given twice"),
            (yaml, "a: 1\n---\nb: 1", "line 3: a second document"),
        ] {
            assert_eq!(read(source).err().unwrap().to_string(), message, "{source}");
        }
    }

    #[test]
    fn lines_are_counted() {
        let line_of_b = |entry: Entry| entry.table().unwrap()[0].1.table().unwrap()[0].1.line;
        assert_eq!(line_of_b(toml("# first\n[a]\n\nb = 1").ok().unwrap()), 4);
        assert_eq!(line_of_b(yaml("# first\na:\n\n  b: 1").ok().unwrap()), 4);
    }
}
