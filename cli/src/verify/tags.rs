//! What a stored name tells of where its key belongs, and what the user has to tell.
//!
//! Where tags are stripped, `name{tag}` is stored as `name`. So the name on its own proves nothing, unless it has a brace in
//! it, which the name of a tagged key never has.

use super::wish::Wish;
use crate::quote;
use rediscluster::HashTags;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::fs;

/// What the user told.
pub struct Tags {
    hash_tags: HashTags,
    untagged: bool,
    /// By stored name: what of the full names is hashed. Each differs from the others.
    hashed: HashMap<Vec<u8>, Vec<Vec<u8>>>,
    /// By stored name.
    looser: HashMap<Vec<u8>, Vec<LooserName>>,
    rules: Vec<Rule>,
    checksum: u64,
}

/// A full name that rediscluster-py places otherwise than this library.
#[derive(Debug, PartialEq)]
pub struct LooserName {
    /// What it hashes.
    pub hashed: Vec<u8>,
    pub full: Vec<u8>,
}

/// `REGEX=TEMPLATE`, divided at the last `=`: what whole names look like, and the full names that they come from.
struct Rule {
    regex: Regex,
    template: Vec<u8>,
}

/// What a stored name tells.
#[derive(Debug, PartialEq)]
pub enum Meaning {
    /// It belongs where these lead: one, or several when several keys are stored under this name.
    Certain(Vec<Vec<u8>>),
    /// It belongs where its own name leads, unless it had a tag.
    Uncertain,
    /// No key is stored under it: programs take it for a name and a tag.
    Unreachable,
}

impl Tags {
    /// # Errors
    /// Which file cannot be read, or which rule is none, in words.
    pub fn read(wish: &Wish) -> Result<Tags, String> {
        let mut tags = Tags {
            hash_tags: wish.hash_tags,
            untagged: wish.untagged,
            hashed: HashMap::new(),
            looser: HashMap::new(),
            rules: Vec::new(),
            checksum: 0,
        };
        for path in &wish.tags {
            let bytes = fs::read(path).map_err(|error| format!("verify: {path}: {error}"))?;
            for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.is_empty() {
                    continue;
                }
                let key =
                    full_name(line).ok_or_else(|| format!("verify: {path}, line {}: a quote is not closed", at + 1))?;
                tags.add(&key);
            }
        }
        for rule in &wish.tag_rules {
            tags.rules.push(Rule::read(rule)?);
        }
        Ok(tags)
    }

    fn add(&mut self, full: &[u8]) {
        // Any order and any number of files give the same.
        self.checksum = self.checksum.wrapping_add(checksum(full));
        let (hashed, stored) = self.hash_tags.split(full);
        let known = self.hashed.entry(stored.to_vec()).or_default();
        if !known.iter().any(|known| known == hashed) {
            known.push(hashed.to_vec());
        }
        if let Some((looser_hashed, looser_stored)) = looser(full).filter(|looser| *looser != (hashed, stored)) {
            let known = self.looser.entry(looser_stored.to_vec()).or_default();
            if !known.iter().any(|known| known.full == full) {
                known.push(LooserName { hashed: looser_hashed.to_vec(), full: full.to_vec() });
            }
        }
    }

    /// Of all full names.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// How a full name is hashed and stored.
    pub fn split<'k>(&self, full: &'k [u8]) -> (&'k [u8], &'k [u8]) {
        self.hash_tags.split(full)
    }

    /// What a stored name tells.
    pub fn meaning(&self, stored: &[u8]) -> Meaning {
        if self.hash_tags != HashTags::Strip {
            return Meaning::Certain(vec![self.hash_tags.split(stored).0.to_vec()]);
        }
        if let Some(hashed) = self.hashed.get(stored) {
            return Meaning::Certain(hashed.clone());
        }
        if let Some(full) = self.rules.iter().find_map(|rule| rule.full_name(stored)) {
            let (hashed, name) = self.hash_tags.split(&full);
            // A rule that makes another name does not say where this one belongs.
            return if name == stored { Meaning::Certain(vec![hashed.to_vec()]) } else { Meaning::Uncertain };
        }
        if self.hash_tags.split(stored).1 != stored {
            return Meaning::Unreachable;
        }
        if self.untagged || stored.iter().any(|byte| matches!(byte, b'{' | b'}')) {
            return Meaning::Certain(vec![stored.to_vec()]);
        }
        Meaning::Uncertain
    }

    /// The full names that rediscluster-py stores under this name, where this library does otherwise.
    pub fn looser(&self, stored: &[u8]) -> &[LooserName] {
        self.looser.get(stored).map_or(&[], Vec::as_slice)
    }
}

/// What rediscluster-py hashes and stores: everything from the first brace on is the tag, whatever it is, and its last byte
/// is dropped. `None` for a key without a brace.
fn looser(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let open = key.iter().position(|&byte| byte == b'{')?;
    let tag = key.get(open + 1..key.len() - 1).unwrap_or_default();
    Some((tag, &key[..open]))
}

/// A line as it is, or what it says in quotes.
pub fn full_name(line: &[u8]) -> Option<Vec<u8>> {
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
    fn read(text: &str) -> Result<Rule, String> {
        let (regex, template) =
            text.rsplit_once('=').ok_or_else(|| format!("verify: --tag-rule {text} is not REGEX=TEMPLATE"))?;
        let regex = RegexBuilder::new(&format!("^(?:{regex})$")).unicode(false).dot_matches_new_line(true).build();
        let regex = regex.map_err(|error| format!("verify: --tag-rule {text}: {error}"))?;
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

    fn tags(wish: Wish, full: &[&str]) -> Tags {
        let mut tags = Tags::read(&wish).unwrap();
        full.iter().for_each(|full| tags.add(full.as_bytes()));
        tags
    }

    fn certain(hashed: &[&str]) -> Meaning {
        Meaning::Certain(hashed.iter().map(|hashed| hashed.as_bytes().to_vec()).collect())
    }

    #[test]
    fn a_name_proves_nothing_unless_it_has_a_brace() {
        let plain = tags(Wish::of(HashTags::Strip), &[]);
        assert_eq!(plain.meaning(b"hits"), Meaning::Uncertain);
        assert_eq!(plain.meaning(b"a{b}c"), certain(&["a{b}c"]));
        assert_eq!(plain.meaning(b"a}"), certain(&["a}"]));
        assert_eq!(plain.meaning(b"a{b}"), Meaning::Unreachable, "it would be stored as a");
        let untagged = tags(Wish { untagged: true, ..Wish::of(HashTags::Strip) }, &[]);
        assert_eq!(untagged.meaning(b"hits"), certain(&["hits"]));
        assert_eq!(untagged.meaning(b"a{b}"), Meaning::Unreachable);
        let keep = tags(Wish { hash_tags: HashTags::Keep, ..Wish::of(HashTags::Strip) }, &[]);
        assert_eq!(keep.meaning(b"hits"), certain(&["hits"]));
        assert_eq!(keep.meaning(b"a{b}c"), certain(&["b"]));
    }

    #[test]
    fn full_names_and_rules() {
        let rules = ["hits:([0-9]+)=$0{user:$1}", "other=another{x}"].map(str::to_owned).to_vec();
        let told =
            tags(Wish { tag_rules: rules, ..Wish::of(HashTags::Strip) }, &["cart{7}", "cart{8}", "cart{7}", "plain"]);
        assert_eq!(told.meaning(b"cart"), certain(&["7", "8"]));
        assert_eq!(told.meaning(b"plain"), certain(&["plain"]));
        assert_eq!(told.meaning(b"hits:77"), certain(&["user:77"]));
        assert_eq!(told.meaning(b"xhits:77"), Meaning::Uncertain, "a rule is about whole names");
        assert_eq!(told.meaning(b"other"), Meaning::Uncertain);
        assert!(Rule::read("no rule").is_err() && Rule::read("(=x").is_err());
    }

    #[test]
    fn the_looser_rule() {
        for (key, hashed, stored) in [
            ("a{b}c", "b}", "a"),
            ("bar{}", "", "bar"),
            ("{foo}", "foo", ""),
            ("a{b}{c}", "b}{c", "a"),
            ("a{", "", "a"),
        ] {
            assert_eq!(looser(key.as_bytes()), Some((hashed.as_bytes(), stored.as_bytes())), "{key}");
        }
        assert_eq!(looser(b"plain"), None);
        let told = tags(Wish::of(HashTags::Strip), &["a{b}c", "tagged{x}"]);
        assert_eq!(told.looser(b"a"), [LooserName { hashed: b"b}".to_vec(), full: b"a{b}c".to_vec() }]);
        assert!(told.looser(b"tagged").is_empty(), "both rules agree");
    }

    #[test]
    fn lines_of_a_file() {
        assert_eq!(full_name(b"a b"), Some(b"a b".to_vec()));
        assert_eq!(full_name(b"\"a\\n\\xff{t}\""), Some(b"a\n\xff{t}".to_vec()));
        assert_eq!(full_name(b"\"open"), None);
    }
}
