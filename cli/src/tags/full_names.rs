//! From stored names to full ones, as files and rules tell them.

use super::TagOptions;
use crate::quote;
use rediscluster::HashTags;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::HashMap;

/// The full names of tagged keys.
pub struct FullNames {
    /// By stored names; of each those that differ.
    listed: HashMap<Vec<u8>, Vec<Vec<u8>>>,
    rules: Vec<Rule>,
    are_given: bool,
    checksum: u64,
}

/// `REGEX=TEMPLATE`: what whole names look like, and the full names that they come from.
struct Rule {
    regex: Regex,
    template: Vec<u8>,
}

impl FullNames {
    /// From the files and rules that were given.
    ///
    /// # Errors
    /// Which file cannot be read, or which rule is none.
    pub fn read(options: &TagOptions, hash_tags: HashTags) -> Result<FullNames, String> {
        let mut names = FullNames {
            listed: HashMap::new(),
            rules: options.tag_rule.iter().map(|text| Rule::read(text)).collect::<Result<_, _>>()?,
            are_given: options.have_names(),
            checksum: 0,
        };
        for path in &options.tags {
            let text = std::fs::read(path).map_err(|error| format!("--tags {}: {error}", path.display()))?;
            for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if !line.is_empty() {
                    let full = full_name(line)
                        .ok_or_else(|| format!("--tags {}, line {}: a quote is not closed", path.display(), at + 1))?;
                    names.add(full, hash_tags);
                }
            }
        }
        Ok(names)
    }

    /// One more full name.
    pub fn add(&mut self, full: Vec<u8>, hash_tags: HashTags) {
        let (_, stored) = hash_tags.split(&full);
        let known = self.listed.entry(stored.to_vec()).or_default();
        if !known.contains(&full) {
            // Any order and any number of files give the same.
            self.checksum = self.checksum.wrapping_add(checksum(&full));
            known.push(full);
        }
    }

    /// Whether any file or rule was given.
    pub fn are_given(&self) -> bool {
        self.are_given
    }

    /// Of all names of the files.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// All names of the files.
    pub fn listed(&self) -> impl Iterator<Item = &[u8]> {
        self.listed.values().flatten().map(Vec::as_slice)
    }

    /// The names by which programs may know a key, as files and rules tell; `None` when they do not name it.
    pub fn told(&self, stored: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.listed
            .get(stored)
            .cloned()
            .or_else(|| self.rules.iter().find_map(|rule| rule.full_name(stored)).map(|full| vec![full]))
    }

    /// The names by which programs may know a key: its own, where nothing else is told.
    pub fn of(&self, stored: &[u8]) -> Vec<Vec<u8>> {
        self.told(stored).unwrap_or_else(|| vec![stored.to_vec()])
    }
}

/// A line as it is, or what it says in quotes.
fn full_name(line: &[u8]) -> Option<Vec<u8>> {
    if !line.starts_with(b"\"") {
        return Some(line.to_vec());
    }
    match quote::split(line)?.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Rule {
    /// Divided at the last `=`, and of whole names: a full name that is made of a part of a stored one would be another key's.
    fn read(text: &str) -> Result<Rule, String> {
        let (regex, template) =
            text.rsplit_once('=').ok_or_else(|| format!("--tag-rule {text} is not REGEX=TEMPLATE"))?;
        let regex = RegexBuilder::new(&format!("^(?:{regex})$")).unicode(false).dot_matches_new_line(true).build();
        let regex = regex.map_err(|error| format!("--tag-rule {text}: {error}"))?;
        Ok(Rule { regex, template: template.as_bytes().to_vec() })
    }

    /// The full name of what is stored under a name that the rule is about.
    fn full_name(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let captures = self.regex.captures(stored)?;
        let mut full = Vec::new();
        captures.expand(&self.template, &mut full);
        Some(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        assert_eq!(full_name(b"a b"), Some(b"a b".to_vec()));
        assert_eq!(full_name(b"\"a\\n\\xff{t}\""), Some(b"a\n\xff{t}".to_vec()));
        assert_eq!(full_name(b"\"open"), None);
    }

    #[test]
    fn rules_are_about_whole_names() {
        assert!(Rule::read("no rule").is_err() && Rule::read("(=x").is_err());
        let rule = Rule::read("hits:(.*)=$0{user:$1}").unwrap();
        assert_eq!(rule.full_name(b"hits:7\n"), Some(b"hits:7\n{user:7\n}".to_vec()));
        assert_eq!(rule.full_name(b"xhits:7"), None);
    }

    #[test]
    fn the_order_and_the_number_of_lines_do_not_matter() {
        let of = |names: &[&str]| {
            let mut all = FullNames::read(&TagOptions::default(), HashTags::Strip).unwrap();
            names.iter().for_each(|name| all.add(name.as_bytes().to_vec(), HashTags::Strip));
            all.checksum()
        };
        assert_eq!(of(&["a{1}", "b{2}"]), of(&["b{2}", "a{1}", "b{2}"]));
        assert_ne!(of(&["a{1}"]), of(&["a{2}"]));
    }
}
