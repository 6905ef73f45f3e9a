//! What a stored name tells of where its key belongs, and what the user has to tell.
//!
//! Where tags are stripped, `name{tag}` is stored as `name`. So the name on its own proves nothing, unless it has a brace in
//! it, which the name of a tagged key never has.

use super::wish::Wish;
use crate::tags::FullNames;
use rediscluster::HashTags;
use std::collections::HashMap;

/// What the user told.
pub struct Tags {
    hash_tags: HashTags,
    untagged: bool,
    names: FullNames,
    /// By stored name.
    looser: HashMap<Vec<u8>, Vec<LooserName>>,
}

/// A full name that rediscluster-py places otherwise than this library.
#[derive(Debug, PartialEq)]
pub struct LooserName {
    /// What it hashes.
    pub hashed: Vec<u8>,
    pub full: Vec<u8>,
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
        let hash_tags = wish.hash_tags();
        let names = FullNames::read(&wish.tags, hash_tags).map_err(|why| format!("verify: {why}"))?;
        Ok(Tags::of(names, hash_tags, wish.tags.untagged))
    }

    fn of(names: FullNames, hash_tags: HashTags, untagged: bool) -> Tags {
        let mut by_stored: HashMap<Vec<u8>, Vec<LooserName>> = HashMap::new();
        for full in names.listed() {
            let here = hash_tags.split(full);
            if let Some((hashed, stored)) = looser(full).filter(|looser| *looser != here) {
                let name = LooserName { hashed: hashed.to_vec(), full: full.to_vec() };
                by_stored.entry(stored.to_vec()).or_default().push(name);
            }
        }
        Tags { hash_tags, untagged, names, looser: by_stored }
    }

    /// Of all full names.
    pub fn checksum(&self) -> u64 {
        self.names.checksum()
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
        if let Some(full) = self.names.told(stored) {
            let mut hashed: Vec<Vec<u8>> = Vec::new();
            for full in &full {
                let (hash, name) = self.hash_tags.split(full);
                // A rule that makes another name does not say where this one belongs.
                if name == stored && !hashed.iter().any(|known| known == hash) {
                    hashed.push(hash.to_vec());
                }
            }
            return if hashed.is_empty() { Meaning::Uncertain } else { Meaning::Certain(hashed) };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(wish: Wish, full: &[&str]) -> Tags {
        let mut names = FullNames::read(&wish.tags, wish.hash_tags()).unwrap();
        full.iter().for_each(|full| names.add(full.as_bytes().to_vec(), wish.hash_tags()));
        Tags::of(names, wish.hash_tags(), wish.tags.untagged)
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
        let untagged = tags(Wish::of(HashTags::Strip).untagged(), &[]);
        assert_eq!(untagged.meaning(b"hits"), certain(&["hits"]));
        assert_eq!(untagged.meaning(b"a{b}"), Meaning::Unreachable);
        let keep = tags(Wish::of(HashTags::Keep), &[]);
        assert_eq!(keep.meaning(b"hits"), certain(&["hits"]));
        assert_eq!(keep.meaning(b"a{b}c"), certain(&["b"]));
    }

    #[test]
    fn full_names_and_rules() {
        let rules = ["hits:([0-9]+)=$0{user:$1}", "other=another{x}"].map(str::to_owned).to_vec();
        let mut wish = Wish::of(HashTags::Strip);
        wish.tags.tag_rule = rules;
        let told = tags(wish, &["cart{7}", "cart{8}", "cart{7}", "plain"]);
        assert_eq!(told.meaning(b"cart"), certain(&["7", "8"]));
        assert_eq!(told.meaning(b"plain"), certain(&["plain"]));
        assert_eq!(told.meaning(b"hits:77"), certain(&["user:77"]));
        assert_eq!(told.meaning(b"xhits:77"), Meaning::Uncertain, "a rule is about whole names");
        assert_eq!(told.meaning(b"other"), Meaning::Uncertain);
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
}
