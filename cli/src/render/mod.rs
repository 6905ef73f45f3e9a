//! Replies as redis-cli prints them.

mod csv;
mod json;
mod raw;
mod standard;

pub use json::string as json_string;

use crate::reply::Reply;

/// How replies look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For people: types are told, texts are quoted, elements are numbered.
    Standard,
    /// For programs: texts and numbers as they are.
    Raw,
    /// JSON, where bytes that are not ASCII stay as they are.
    Json,
    /// JSON, where bytes that are not printable ASCII become escapes.
    QuotedJson,
    /// Values in one line with commas between them.
    Csv,
}

/// How replies look, and what stands between them in [`Mode::Raw`].
#[derive(Debug, Clone)]
pub struct Style {
    pub mode: Mode,
    /// Between the elements of a reply.
    pub between: Vec<u8>,
    /// Behind a reply.
    pub behind: Vec<u8>,
}

impl Style {
    /// Appends a reply. `verbatim` is for replies made for people to read: they are given as they are in every
    /// mode, and nothing is put behind them.
    pub fn render(&self, reply: &Reply, verbatim: bool, out: &mut Vec<u8>) {
        if verbatim {
            return raw::render(reply, &self.between, out);
        }
        match self.mode {
            Mode::Standard => standard::render(reply, out),
            Mode::Raw => {
                raw::render(reply, &self.between, out);
                out.extend_from_slice(&self.behind);
            }
            Mode::Json => json::render(reply, json::string, out),
            Mode::QuotedJson => json::render(reply, json::quoted_string, out),
            Mode::Csv => csv::render(reply, out),
        }
        if matches!(self.mode, Mode::Json | Mode::QuotedJson | Mode::Csv) {
            out.push(b'\n');
        }
    }
}

/// Whether redis-cli prints the reply to this command as it is in every mode.
pub fn is_verbatim(words: &[Vec<u8>]) -> bool {
    let word = |at: usize, text: &str| words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(text.as_bytes()));
    let second = |texts: &[&str]| texts.iter().any(|text| word(1, text));
    let count = words.len();
    word(0, "info")
        || word(0, "lolwut")
        || word(0, "debug") && second(&["htstats", "htstats-key", "client-eviction"])
        || word(0, "memory") && second(&["malloc-stats", "doctor"])
        || word(0, "cluster") && second(&["nodes", "info"]) && count == 2
        || word(0, "client") && second(&["list", "info"])
        || word(0, "latency") && second(&["graph"]) && count == 3
        || word(0, "latency") && second(&["doctor"]) && count == 2
        || word(0, "proxy") && second(&["info"])
}

#[cfg(test)]
mod tests;
