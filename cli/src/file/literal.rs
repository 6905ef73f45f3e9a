//! A dictionary of Python or an array of PHP, as it stands in the programs of who used the originals: one plain value,
//! alone or assigned to a variable. Nothing is run, so what would have to be is refused.

use super::document::{add, Entry, Mistake, Value};

#[derive(Clone, Copy, PartialEq)]
pub enum Language {
    Python,
    Php,
}

/// How deep values may lie in one another.
const NESTING: usize = 16;

pub fn read(source: &str, language: Language) -> Result<Entry, Mistake> {
    let mut reader = Reader { rest: source, line: 1, language, depth: 0 };
    reader.prologue()?;
    let entry = reader.value()?;
    reader.blank()?;
    if language == Language::Php {
        reader.take(";")?;
        reader.take("?>")?;
    }
    match reader.rest.is_empty() {
        true => Ok(entry),
        false => Err(reader.wrong("more than one value: the file may hold nothing but the table of the nodes")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    language: Language,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &str) -> Mistake {
        Mistake::at(self.line, what)
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// Passes over white space and comments.
    fn blank(&mut self) -> Result<(), Mistake> {
        loop {
            self.advance(self.rest.len() - self.rest.trim_start().len());
            let php = self.language == Language::Php;
            if self.rest.starts_with('#') || (php && self.rest.starts_with("//")) {
                self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if php && self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or_else(|| self.wrong("a comment without its end"))?;
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, sign: &str) -> Result<bool, Mistake> {
        self.blank()?;
        let found = self.rest.starts_with(sign);
        if found {
            self.advance(sign.len());
            self.blank()?;
        }
        Ok(found)
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        self.advance(end)
    }

    /// What may stand before the value: a variable that gets it.
    fn prologue(&mut self) -> Result<(), Mistake> {
        self.blank()?;
        if self.language == Language::Python {
            if self.rest.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
                self.word();
                return self.assigned();
            }
            return Ok(());
        }
        self.take("<?php")?;
        while self.take("global")? || self.take("declare(strict_types=1)")? {
            let end = self.rest.find(';').ok_or_else(|| self.wrong("a statement without its end"))?;
            self.advance(end + 1);
        }
        if self.take("return")? {
            return Ok(());
        }
        if self.take("$")? {
            self.word();
            return self.assigned();
        }
        Ok(())
    }

    fn assigned(&mut self) -> Result<(), Mistake> {
        match self.take("=")? {
            true => Ok(()),
            false => {
                Err(self
                    .wrong("neither a plain value nor a variable that gets one: only the table of the nodes is read"))
            }
        }
    }

    fn value(&mut self) -> Result<Entry, Mistake> {
        self.blank()?;
        self.depth += 1;
        if self.depth > NESTING {
            return Err(self.wrong("values that lie too deep in one another"));
        }
        let line = self.line;
        let python = self.language == Language::Python;
        let value = match self.rest.chars().next() {
            Some('\'' | '"') => Value::Text(self.text()?),
            Some('{') if python => self.items("{", '}')?,
            Some('[') => self.items("[", ']')?,
            Some('(') if python => self.items("(", ')')?,
            Some('0'..='9' | '-') => self.number()?,
            _ => {
                let word = self.word();
                match (self.language, word) {
                    (Language::Python, "True") => Value::Bool(true),
                    (Language::Python, "False") => Value::Bool(false),
                    (Language::Python, "None") => Value::Nothing,
                    (Language::Python, "u" | "U") if self.rest.starts_with(['\'', '"']) => Value::Text(self.text()?),
                    (Language::Php, word) if word.eq_ignore_ascii_case("true") => Value::Bool(true),
                    (Language::Php, word) if word.eq_ignore_ascii_case("false") => Value::Bool(false),
                    (Language::Php, word) if word.eq_ignore_ascii_case("null") => Value::Nothing,
                    (Language::Php, word)
                        if word.eq_ignore_ascii_case("array") && self.rest.trim_start().starts_with('(') =>
                    {
                        self.blank()?;
                        self.items("(", ')')?
                    }
                    _ => return Err(self.wrong("not a plain value: nothing is computed or looked up here")),
                }
            }
        };
        self.depth -= 1;
        Ok(Entry { line, value })
    }

    /// What stands between two brackets: names with their values, or values alone.
    fn items(&mut self, open: &str, close: char) -> Result<Value, Mistake> {
        let arrow = if self.language == Language::Python { ":" } else { "=>" };
        let mut table = Vec::new();
        let mut list = Vec::new();
        self.take(open)?;
        while !self.rest.starts_with(close) {
            let line = self.line;
            let first = self.value()?;
            if self.take(arrow)? {
                let name = first.text().map_err(|_| Mistake::at(line, "a name that is no string"))?.to_owned();
                let entry = self.value()?;
                add(&mut table, line, name, entry)?;
            } else {
                list.push(first);
            }
            if !self.take(",")? && !self.rest.starts_with(close) {
                return Err(self.wrong("neither a comma nor the end of what was begun"));
            }
        }
        self.advance(close.len_utf8());
        match (table.is_empty(), list.is_empty()) {
            (false, false) => Err(self.wrong("values with names and values without in one")),
            (true, false) => Ok(Value::List(list)),
            (_, true) => Ok(Value::Table(table)),
        }
    }

    fn number(&mut self) -> Result<Value, Mistake> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && !"+-.eE_xX".contains(c)).unwrap_or(self.rest.len());
        let text = self.advance(end);
        // A zero in front makes an octal number of it, in PHP and in Python 2.
        let octal = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
        match (text.parse(), text.parse()) {
            (Ok(number), _) if !octal => Ok(Value::Integer(number)),
            (_, Ok(number)) if !octal => Ok(Value::Float(number)),
            _ => Err(self.wrong("not a decimal number")),
        }
    }

    fn text(&mut self) -> Result<String, Mistake> {
        let quote = self.advance(1).chars().next().unwrap_or('\'');
        if self.language == Language::Python && self.rest.starts_with(&quote.to_string().repeat(2)) {
            return Err(self.wrong("a string in three quotes"));
        }
        // In single quotes PHP knows two escapes, and a backslash before anything else is one.
        let verbatim = self.language == Language::Php && quote == '\'';
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.advance(at + 1);
                    return Ok(text);
                }
                '\n' if self.language == Language::Python => break,
                '$' if self.language == Language::Php && !verbatim => {
                    return Err(self.wrong("a string with a $, which PHP would replace: use single quotes"));
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some(c) if c == quote || c == '\\' => text.push(c),
                    Some(c) if verbatim => text.extend(['\\', c]),
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some('\'') if self.language == Language::Python => text.push('\''),
                    Some('"') if self.language == Language::Python => text.push('"'),
                    Some('$') if self.language == Language::Php => text.push('$'),
                    _ => return Err(self.wrong("a backslash in a string that is not read here")),
                },
                c => text.push(c),
            }
        }
        Err(self.wrong("a string without its end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As JSON, to compare with.
    fn plain(entry: &Entry) -> serde_json::Value {
        match &entry.value {
            Value::Nothing => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) => text.clone().into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Table(entries) => entries.iter().map(|(name, entry)| (name.clone(), plain(entry))).collect(),
        }
    }

    #[test]
    fn plain_values() {
        for (source, wanted) in [
            ("{'a': 1, \"b\": [True, None, -2, 1.5], 'c': ('x',), }", r#"{"a":1,"b":[true,null,-2,1.5],"c":["x"]}"#),
            ("# -*- coding: utf-8 -*-\ncluster = {\n  u'a': u'\\'\\\\\\n',  # one\n}\n", r#"{"a":"'\\\n"}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(plain(&read(source, Language::Python).ok().unwrap()).to_string(), wanted, "{source}");
        }
        for (source, wanted) in [
            (
                "<?php\n/** about */\nglobal $c;\n$c = array('a' => 1, // one\n 'b' => [true, NULL], # two\n);\n",
                r#"{"a":1,"b":[true,null]}"#,
            ),
            ("<?php return ['a' => 'x\\n\\'\\\\', \"b\" => \"\\$x\\n\"]; ?>", r#"{"a":"x\\n'\\","b":"$x\n"}"#),
            ("<?php declare(strict_types=1); return Array ( 'a' => array('b', 'c') );", r#"{"a":["b","c"]}"#),
        ] {
            assert_eq!(plain(&read(source, Language::Php).ok().unwrap()).to_string(), wanted, "{source}");
        }
    }

    #[test]
    fn what_would_have_to_be_run_is_refused() {
        use Language::{Php, Python};
        for (language, source, message) in [
            (
                Python,
                "import os\nx = {}",
                "line 1: neither a plain value nor a variable that gets one: only the table of the nodes is read",
            ),
            (
                Python,
                "x = {\n 'a': os.environ['s3cret']}",
                "line 2: not a plain value: nothing is computed or looked up here",
            ),
            (
                Python,
                "x = {'a': 1}\ny = {'b': 's3cret'}",
                "line 2: more than one value: the file may hold nothing but the table of the nodes",
            ),
            (Python, "{'a': f's3cret'}", "line 1: not a plain value: nothing is computed or looked up here"),
            (Python, "{'a': 's3cret' + 's3cret'}", "line 1: neither a comma nor the end of what was begun"),
            (Python, "{'a': 's3cret}\n", "line 1: a string without its end"),
            (Python, "{'a': '''s3cret'''}", "line 1: a string in three quotes"),
            (Python, "{'a': '\\u0073'}", "line 1: a backslash in a string that is not read here"),
            (Python, "{'a': 1,\n 'a': 2}", "line 2: a: given twice"),
            (Python, "{'a': 0777}", "line 1: not a decimal number"),
            (Python, "{'a': 1", "line 1: neither a comma nor the end of what was begun"),
            (
                Php,
                "<?php return ['a' => \"s3cret$x\"];",
                "line 1: a string with a $, which PHP would replace: use single quotes",
            ),
            (
                Php,
                "<?php return ['a' => getenv('s3cret')];",
                "line 1: not a plain value: nothing is computed or looked up here",
            ),
            (Php, "<?php require 's3cret';", "line 1: not a plain value: nothing is computed or looked up here"),
            (Php, "<?php return ['a' => 1, 2];", "line 1: values with names and values without in one"),
        ] {
            assert_eq!(read(source, language).err().unwrap().to_string(), message, "{source}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&deep, Python).is_err());
    }
}
