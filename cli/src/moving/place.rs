//! Where a key belongs that lies on a server: by its stored name, and by what is known of its tag.

use super::tags::Tags;
use super::wish::Wish;
use rediscluster::{Crc32Modulo, HashTags, Partitioner};

/// Where keys belong.
pub struct Places {
    from: usize,
    to: usize,
    hash_tags: HashTags,
    tags: Tags,
    keeps_strays: bool,
    is_told: bool,
}

/// What is to be done with a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// It belongs to this node of the targets, counted from 0, under this name.
    Node(usize, Vec<u8>),
    /// It does not lie where its name leads, and nothing says where it belongs: why.
    Stray(&'static str),
}

impl Places {
    /// From a fleet of so many nodes to one of so many, both of which treat hash tags in this way.
    ///
    /// # Errors
    /// That nothing is said of tags where that has to be known, or what is wrong with it.
    pub fn new(wish: &Wish, from: usize, to: usize, hash_tags: HashTags) -> Result<Places, String> {
        let is_told = wish.tags.is_some() || !wish.tag_rule.is_empty() || wish.untagged;
        // Where names are stored with their tags, nothing has to be told.
        if from != to && to > 1 && !is_told && hash_tags == HashTags::Strip {
            return Err(format!(
                "{from} nodes become {to}, and the name under which a key is stored does not tell whether it has a tag: \
                 give --tags FILE or --tag-rule REGEX=TEMPLATE, or --untagged when no key has one"
            ));
        }
        let tags = Tags::read(wish.tags.as_deref(), &wish.tag_rule)?;
        Ok(Places { from, to, hash_tags, tags, keeps_strays: wish.strays == "keep", is_told })
    }

    /// How both fleets treat hash tags.
    pub fn hash_tags(&self) -> HashTags {
        self.hash_tags
    }

    /// Whether all is known of the tags that keys may have.
    pub fn knows_tags(&self) -> bool {
        self.is_told || self.hash_tags != HashTags::Strip
    }

    /// Whether the number of nodes stays, so that every key keeps its node and nothing has to be known of it.
    pub fn are_the_same(&self) -> bool {
        self.from == self.to
    }

    /// Where a key belongs that lies on the server of these nodes.
    pub fn of(&self, nodes: &[usize], stored: &[u8]) -> Place {
        if self.to == 1 {
            return Place::Node(0, stored.to_vec());
        }
        if self.are_the_same() {
            let hashed = Crc32Modulo.node_index(stored, self.from);
            let node = nodes.iter().copied().find(|&node| node == hashed).unwrap_or(nodes[0]);
            return Place::Node(node, stored.to_vec());
        }
        match self.led(nodes, stored) {
            Place::Stray(_) if self.keeps_strays && nodes[0] < self.to => Place::Node(nodes[0], stored.to_vec()),
            place => place,
        }
    }

    /// Whether a name leads to the server of these nodes of the targets.
    pub fn is_home(&self, nodes: &[usize], stored: &[u8]) -> bool {
        self.leads(nodes, self.to, stored)
    }

    /// Whether a name leads to the server of these nodes of the sources.
    pub fn was_home(&self, nodes: &[usize], stored: &[u8]) -> bool {
        self.leads(nodes, self.from, stored)
    }

    fn leads(&self, nodes: &[usize], among: usize, stored: &[u8]) -> bool {
        self.tags.full(stored).iter().any(|full| {
            let (hashed, name) = self.hash_tags.split(full);
            name == stored && nodes.contains(&Crc32Modulo.node_index(hashed, among))
        })
    }

    /// Where the name leads.
    fn led(&self, nodes: &[usize], stored: &[u8]) -> Place {
        let mut found: Option<usize> = None;
        let mut name = Vec::new();
        for full in self.tags.full(stored) {
            let (hashed, as_stored) = self.hash_tags.split(&full);
            let is_tagged = as_stored.len() != full.len();
            if self.from == 1 {
                // One server stores names as programs say them, or without their tags: then a list or a rule has these.
                if is_tagged && self.tags.are_none() {
                    return Place::Stray("its name has a tag, and --untagged says that there are none");
                }
            } else {
                if as_stored != stored {
                    return Place::Stray("a fleet does not store it under this name");
                }
                if !nodes.contains(&Crc32Modulo.node_index(hashed, self.from)) {
                    continue;
                }
            }
            let node = Crc32Modulo.node_index(hashed, self.to);
            if found.is_some_and(|other| other != node) {
                return Place::Stray("two of its tags lead here, and to different nodes of the targets");
            }
            found = Some(node);
            name = as_stored.to_vec();
        }
        match found {
            Some(node) => Place::Node(node, name),
            None => Place::Stray("its name leads to another node"),
        }
    }
}

/// Whether a name without a tag leads to one of these nodes of so many.
pub fn is_plainly_home(name: &[u8], nodes: &[usize], among: usize) -> bool {
    nodes.contains(&Crc32Modulo.node_index(name, among))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn places(words: &[&str], from: usize, to: usize) -> Result<Places, String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Places::new(&Wish::read("clone", &words).unwrap(), from, to, HashTags::Strip)
    }

    fn hash(name: &[u8], nodes: usize) -> usize {
        Crc32Modulo.node_index(name, nodes)
    }

    #[test]
    fn tags_have_to_be_told_where_the_number_changes() {
        assert!(places(&[], 3, 4).is_err() && places(&[], 1, 3).is_err());
        assert!(places(&[], 3, 3).is_ok() && places(&[], 3, 1).is_ok() && places(&["--untagged"], 3, 4).is_ok());
    }

    #[test]
    fn plain_names_go_where_they_lead_and_strays_are_found() {
        let places = places(&["--untagged"], 3, 4).unwrap();
        for name in [&b"foo"[..], b"bar", b"", b"\xff\0"] {
            let home = hash(name, 3);
            assert_eq!(places.of(&[home], name), Place::Node(hash(name, 4), name.to_vec()));
            assert!(matches!(places.of(&[(home + 1) % 3], name), Place::Stray(_)));
        }
        assert!(matches!(places.of(&[hash(b"b", 3)], b"a{b}"), Place::Stray(_)), "no fleet stores that");
    }

    #[test]
    fn strays_are_kept_where_there_is_a_node_of_their_number() {
        let places = places(&["--untagged", "--strays", "keep"], 3, 2).unwrap();
        let stray =
            |node: usize| (0..).map(|n: u32| n.to_string()).find(|name| hash(name.as_bytes(), 3) != node).unwrap();
        assert_eq!(places.of(&[1], stray(1).as_bytes()), Place::Node(1, stray(1).into_bytes()));
        assert!(matches!(places.of(&[2], stray(2).as_bytes()), Place::Stray(_)));
    }

    #[test]
    fn a_rule_tells_the_tag() {
        let places = places(&["--tag-rule", "^(user:([0-9]+):.*)$=${1}{$2}"], 3, 4).unwrap();
        let name = b"user:7:name";
        assert_eq!(places.of(&[hash(b"7", 3)], name), Place::Node(hash(b"7", 4), name.to_vec()));
        assert!(matches!(places.of(&[(hash(b"7", 3) + 1) % 3], name), Place::Stray(_)));
        assert_eq!(places.of(&[hash(b"plain", 3)], b"plain"), Place::Node(hash(b"plain", 4), b"plain".to_vec()));
    }

    #[test]
    fn where_tags_are_stored_nothing_has_to_be_told() {
        let wish = Wish::read("clone", &[]).unwrap();
        let (keep, off) = (Places::new(&wish, 1, 3, HashTags::Keep), Places::new(&wish, 1, 3, HashTags::Off));
        let name = b"a{b}c";
        assert_eq!(keep.unwrap().of(&[0], name), Place::Node(hash(b"b", 3), name.to_vec()));
        assert_eq!(off.unwrap().of(&[0], name), Place::Node(hash(name, 3), name.to_vec()));
        let keep = Places::new(&wish, 3, 4, HashTags::Keep).unwrap();
        assert_eq!(keep.of(&[hash(b"b", 3)], name), Place::Node(hash(b"b", 4), name.to_vec()));
        assert!(matches!(keep.of(&[(hash(b"b", 3) + 1) % 3], name), Place::Stray(_)));
    }

    #[test]
    fn one_server_has_full_names() {
        let part = places(&["--tag-rule", "user:([0-9]+)=user:$1{$1}"], 1, 3).unwrap();
        let other = b"old-user:7-x";
        assert_eq!(part.of(&[0], other), Place::Node(hash(other, 3), other.to_vec()), "a rule is of whole names");
        let tagged = places(&["--tag-rule", "^(.+)$=$1"], 1, 3).unwrap();
        assert_eq!(tagged.of(&[0], b"bar{foo}"), Place::Node(hash(b"foo", 3), b"bar".to_vec()));
        let untagged = places(&["--untagged"], 1, 3).unwrap();
        assert!(matches!(untagged.of(&[0], b"bar{foo}"), Place::Stray(_)));
    }
}
