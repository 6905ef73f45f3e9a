//! What stands in a configuration file, whatever its syntax: values with their lines. No message repeats a value: it may
//! be a password.

use std::fmt;

/// A value and the line that it stands on; 0 where the syntax does not tell.
#[derive(Clone, PartialEq)]
pub struct Entry {
    pub line: usize,
    pub value: Value,
}

/// It may hold a password, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub enum Value {
    Nothing,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Entry>),
    /// In the order of the file; no name is there twice.
    Table(Vec<(String, Entry)>),
}

/// What is wrong, and where.
#[derive(Debug, PartialEq)]
pub struct Mistake {
    pub line: usize,
    /// The names and places that lead to it, from the outside; empty where a syntax is broken.
    path: String,
    what: String,
}

impl Mistake {
    /// What is broken on a line.
    pub fn at(line: usize, what: impl Into<String>) -> Mistake {
        Mistake { line, path: String::new(), what: what.into() }
    }

    /// The same, found in the entry of this name.
    pub fn inside(mut self, name: &str) -> Mistake {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{}{separator}{}", shown(name), self.path);
        self
    }

    /// The same, found in this element of a list, counted from 1.
    pub fn in_element(mut self, nth: usize) -> Mistake {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{nth}]{separator}{}", self.path);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

/// What stands where a name belongs. An address may stand there by mistake, with a password in it.
pub fn shown(name: &str) -> String {
    match name.contains([':', '/', '@', '=', '[']) {
        true => "(hidden)".to_owned(),
        false => name.escape_debug().to_string(),
    }
}

impl From<Value> for Entry {
    /// One that stands in no file.
    fn from(value: Value) -> Entry {
        Entry { line: 0, value }
    }
}

impl Entry {
    pub fn wrong(&self, what: impl Into<String>) -> Mistake {
        Mistake::at(self.line, what)
    }

    pub fn text(&self) -> Result<&str, Mistake> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong("not a string")),
        }
    }

    pub fn truth(&self) -> Result<bool, Mistake> {
        match self.value {
            Value::Bool(truth) => Ok(truth),
            _ => Err(self.wrong("neither true nor false")),
        }
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, least: u64, most: u64) -> Result<u64, Mistake> {
        let number = match self.value {
            Value::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong(format!("not a whole number from {least} to {most}")))
    }

    pub fn table(&self) -> Result<&[(String, Entry)], Mistake> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            _ => Err(self.wrong("not a table")),
        }
    }

    pub fn list(&self) -> Result<&[Entry], Mistake> {
        match &self.value {
            Value::List(entries) => Ok(entries),
            _ => Err(self.wrong("not a list")),
        }
    }
}

/// Adds an entry to a table, where no name may stand twice: one of the two would count, and nobody could say which.
pub fn add(table: &mut Vec<(String, Entry)>, line: usize, name: String, entry: Entry) -> Result<(), Mistake> {
    if table.iter().any(|(known, _)| *known == name) {
        return Err(Mistake::at(line, "given twice").inside(&name));
    }
    table.push((name, entry));
    Ok(())
}
