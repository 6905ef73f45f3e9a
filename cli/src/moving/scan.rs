//! The names of one database, page by page.

use super::job::{is_own, STASH};
use super::link::Link;
use rediscluster::{spec, Cmd, ValueRef};

/// How many keys a server looks at before it answers.
const COUNT: u64 = 1000;

/// Which names.
#[derive(Debug, Clone)]
pub struct Scan {
    words: Vec<Vec<u8>>,
}

/// What a server answers to one question.
pub struct Page {
    /// Where the next one begins.
    pub next: Option<u64>,
    pub names: Vec<Vec<u8>>,
    /// Names of keys that are on their way between two nodes.
    pub stashes: Vec<Vec<u8>>,
}

impl Scan {
    /// Those that fit a pattern and are of a type, in pages of no more than about `most`.
    pub fn new(pattern: Option<&str>, kind: Option<&str>, most: Option<u64>) -> Scan {
        let count = most.unwrap_or(COUNT).clamp(1, COUNT).to_string();
        let mut words = vec![b"COUNT".to_vec(), count.into_bytes()];
        for (word, value) in [("MATCH", pattern), ("TYPE", kind)] {
            words.extend(value.iter().flat_map(|value| [word.as_bytes().to_vec(), value.as_bytes().to_vec()]));
        }
        Scan { words }
    }

    /// Whether all names are seen.
    pub fn is_of_all(&self) -> bool {
        self.words.len() == 2
    }

    /// One page, without what belongs to this program, and where the next one begins.
    ///
    /// # Errors
    /// That the server does not answer, or takes no such pattern or type.
    pub fn page(&self, link: &mut Link, cursor: u64) -> Result<Page, String> {
        let mut page = None;
        link.run(&[self.asking(cursor)], |_, reply| page = Some(Scan::answer(reply)))?;
        page.unwrap_or_else(|| Err("SCAN: no reply".into())).map_err(|why| format!("{}: {why}", link.place()))
    }

    /// The command that asks for a page.
    pub fn asking(&self, cursor: u64) -> Cmd {
        self.words.iter().fold(Cmd::new(&spec::SCAN).arg(cursor), |cmd, word| cmd.arg(word))
    }

    /// What is answered to it.
    ///
    /// # Errors
    /// Why there is no page.
    pub fn answer(reply: ValueRef<'_>) -> Result<Page, String> {
        let no_page = || "SCAN gave no page".to_owned();
        let mut parts = match reply {
            ValueRef::Array(parts) => parts,
            ValueRef::Error(text) => return Err(format!("SCAN: {}", super::link::shown(text))),
            _ => return Err(no_page()),
        };
        let (Some(ValueRef::Bulk(next)), Some(ValueRef::Array(names))) = (parts.next(), parts.next()) else {
            return Err(no_page());
        };
        let next: u64 = std::str::from_utf8(next).ok().and_then(|text| text.parse().ok()).ok_or_else(no_page)?;
        let mut page =
            Page { next: (next != 0).then_some(next), names: Vec::with_capacity(names.len()), stashes: Vec::new() };
        for name in names {
            match name {
                ValueRef::Bulk(name) if !is_own(name) => page.names.push(name.to_vec()),
                ValueRef::Bulk(name) if name.starts_with(STASH) => page.stashes.push(name.to_vec()),
                _ => {}
            }
        }
        Ok(page)
    }
}
