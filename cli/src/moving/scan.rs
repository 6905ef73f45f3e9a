//! The names of one database, page by page.

use super::job::is_own;
use super::link::{string, strings, Link};
use rediscluster::Value;

/// How many keys a server looks at before it answers.
const COUNT: u64 = 1000;

/// Which names.
#[derive(Debug, Clone)]
pub struct Scan {
    words: Vec<Vec<u8>>,
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

    /// One page, without what belongs to this program, and where the next one begins.
    ///
    /// # Errors
    /// That the server does not answer, or takes no such pattern or type.
    pub fn page(&self, link: &mut Link, cursor: u64) -> Result<(Option<u64>, Vec<Vec<u8>>), String> {
        let mut words = vec![b"SCAN".to_vec(), cursor.to_string().into_bytes()];
        words.extend_from_slice(&self.words);
        let reply = link.ask_owned(&words)?;
        let no_page = || format!("{}: SCAN gave no page", link.place());
        let Value::Array(parts) = reply else { return Err(no_page()) };
        let mut parts = parts.into_iter();
        let next = parts.next().and_then(string).and_then(|text| String::from_utf8(text).ok()?.parse().ok());
        let (Some(next), Some(names)) = (next, parts.next()) else { return Err(no_page()) };
        let mut names = strings(names);
        names.retain(|name| !is_own(name));
        Ok(((next != 0).then_some(next), names))
    }
}
