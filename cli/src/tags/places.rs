//! Where a key belongs that lies on a server: by its stored name, and by what is known of its tag.

use super::{FullNames, TagOptions};
use rediscluster::{Crc32Modulo, HashTags, Partitioner};

/// Where keys of a fleet of so many nodes belong in one of so many.
pub struct Places {
    from: usize,
    to: usize,
    hash_tags: HashTags,
    names: FullNames,
    are_given: bool,
    keeps_strays: bool,
}

/// Where a key belongs.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// To this node of the targets, counted from 0, under this name.
    Node(usize, Vec<u8>),
    /// It does not lie where its name leads, and nothing says where it belongs: why.
    Stray(&'static str),
}

impl Places {
    /// From a fleet of so many nodes to one of so many, both of which treat hash tags in this way.
    ///
    /// # Errors
    /// What is wrong with what was said of tags.
    pub fn new(options: &TagOptions, from: usize, to: usize, hash_tags: HashTags) -> Result<Places, String> {
        let names = FullNames::read(options, hash_tags)?;
        Ok(Places { from, to, hash_tags, names, are_given: options.are_given(), keeps_strays: false })
    }

    /// The same, but that strays belong to the node of the same number, where there is one.
    pub fn keeping_strays(self, keeps_strays: bool) -> Places {
        Places { keeps_strays, ..self }
    }

    /// Whether keys may be anywhere only because nobody said whether they have tags.
    pub fn are_untold(&self) -> bool {
        self.from != self.to && self.to > 1 && !self.knows_tags()
    }

    /// Of all names of the files of tags; `None` without such names.
    pub fn checksum(&self) -> Option<u64> {
        self.names.are_given().then(|| self.names.checksum())
    }

    /// How both fleets treat hash tags.
    pub fn hash_tags(&self) -> HashTags {
        self.hash_tags
    }

    /// Whether all is known of the tags that keys may have.
    pub fn knows_tags(&self) -> bool {
        // Where names are stored with their tags, nothing has to be told.
        self.are_given || self.hash_tags != HashTags::Strip
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
            // Whatever is hashed, it leads to the node of the same number.
            let home = self.source_home(stored);
            let node = nodes.iter().copied().find(|&node| node == home).unwrap_or(nodes[0]);
            return Place::Node(node, stored.to_vec());
        }
        if self.are_untold() {
            return Place::Stray("nobody said whether it has a tag");
        }
        match self.led(nodes, stored) {
            Place::Stray(_) if self.keeps_strays && nodes[0] < self.to => Place::Node(nodes[0], stored.to_vec()),
            place => place,
        }
    }

    /// The node of the sources to which a stored name leads by itself.
    pub fn source_home(&self, stored: &[u8]) -> usize {
        Crc32Modulo.node_index(self.hashed(stored), self.from)
    }

    /// The same of the targets.
    pub fn target_home(&self, stored: &[u8]) -> usize {
        Crc32Modulo.node_index(self.hashed(stored), self.to)
    }

    /// What of a stored name is hashed: all of it, where no tag is stored.
    fn hashed<'n>(&self, stored: &'n [u8]) -> &'n [u8] {
        match self.hash_tags {
            HashTags::Strip => stored,
            hash_tags => hash_tags.split(stored).0,
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
        self.names.of(stored).iter().any(|full| {
            let (hashed, name) = self.hash_tags.split(full);
            name == stored && nodes.contains(&Crc32Modulo.node_index(hashed, among))
        })
    }

    /// Where the name leads.
    fn led(&self, nodes: &[usize], stored: &[u8]) -> Place {
        let mut found: Option<usize> = None;
        let mut name = Vec::new();
        for full in self.names.of(stored) {
            let (hashed, as_stored) = self.hash_tags.split(&full);
            let is_tagged = as_stored.len() != full.len();
            if self.from == 1 {
                // One server stores names as programs say them, or without their tags: then a list or a rule has these.
                if is_tagged && !self.names.are_given() {
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
            None => Place::Stray("the name leads to another node"),
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

    fn untagged() -> TagOptions {
        TagOptions { untagged: true, ..TagOptions::default() }
    }

    fn rule(text: &str) -> TagOptions {
        TagOptions { tag_rule: vec![text.to_owned()], ..TagOptions::default() }
    }

    fn places(options: &TagOptions, from: usize, to: usize) -> Places {
        Places::new(options, from, to, HashTags::Strip).unwrap()
    }

    fn hash(name: &[u8], nodes: usize) -> usize {
        Crc32Modulo.node_index(name, nodes)
    }

    #[test]
    fn tags_have_to_be_told_where_the_number_changes() {
        let are_untold = |options: &TagOptions, from, to| places(options, from, to).are_untold();
        let nothing = TagOptions::default();
        assert!(are_untold(&nothing, 3, 4) && are_untold(&nothing, 1, 3));
        assert!(!are_untold(&nothing, 3, 3) && !are_untold(&nothing, 3, 1) && !are_untold(&untagged(), 3, 4));
        assert!(matches!(places(&nothing, 1, 3).of(&[0], b"foo"), Place::Stray(_)));
    }

    #[test]
    fn plain_names_go_where_they_lead_and_strays_are_found() {
        let places = places(&untagged(), 3, 4);
        for name in [&b"foo"[..], b"bar", b"", b"\xff\0"] {
            let home = hash(name, 3);
            assert_eq!(places.of(&[home], name), Place::Node(hash(name, 4), name.to_vec()));
            assert!(matches!(places.of(&[(home + 1) % 3], name), Place::Stray(_)));
        }
        assert!(matches!(places.of(&[hash(b"b", 3)], b"a{b}"), Place::Stray(_)), "no fleet stores that");
    }

    #[test]
    fn strays_are_kept_where_there_is_a_node_of_their_number() {
        let places = places(&untagged(), 3, 2).keeping_strays(true);
        let stray =
            |node: usize| (0..).map(|n: u32| n.to_string()).find(|name| hash(name.as_bytes(), 3) != node).unwrap();
        assert_eq!(places.of(&[1], stray(1).as_bytes()), Place::Node(1, stray(1).into_bytes()));
        assert!(matches!(places.of(&[2], stray(2).as_bytes()), Place::Stray(_)));
    }

    #[test]
    fn a_rule_tells_the_tag() {
        let places = places(&rule("^(user:([0-9]+):.*)$=${1}{$2}"), 3, 4);
        let name = b"user:7:name";
        assert_eq!(places.of(&[hash(b"7", 3)], name), Place::Node(hash(b"7", 4), name.to_vec()));
        assert!(matches!(places.of(&[(hash(b"7", 3) + 1) % 3], name), Place::Stray(_)));
        assert_eq!(places.of(&[hash(b"plain", 3)], b"plain"), Place::Node(hash(b"plain", 4), b"plain".to_vec()));
    }

    #[test]
    fn where_tags_are_stored_nothing_has_to_be_told() {
        let nothing = TagOptions::default();
        let (keep, off) = (Places::new(&nothing, 1, 3, HashTags::Keep), Places::new(&nothing, 1, 3, HashTags::Off));
        let name = b"a{b}c";
        assert_eq!(keep.unwrap().of(&[0], name), Place::Node(hash(b"b", 3), name.to_vec()));
        assert_eq!(off.unwrap().of(&[0], name), Place::Node(hash(name, 3), name.to_vec()));
        let keep = Places::new(&nothing, 3, 4, HashTags::Keep).unwrap();
        assert_eq!(keep.of(&[hash(b"b", 3)], name), Place::Node(hash(b"b", 4), name.to_vec()));
        assert!(matches!(keep.of(&[(hash(b"b", 3) + 1) % 3], name), Place::Stray(_)));
    }

    #[test]
    fn one_server_has_full_names() {
        let part = places(&rule("user:([0-9]+)=user:$1{$1}"), 1, 3);
        let other = b"old-user:7-x";
        assert_eq!(part.of(&[0], other), Place::Node(hash(other, 3), other.to_vec()), "a rule is of whole names");
        let tagged = places(&rule("^(.+)$=$1"), 1, 3);
        assert_eq!(tagged.of(&[0], b"bar{foo}"), Place::Node(hash(b"foo", 3), b"bar".to_vec()));
        let untagged = places(&self::untagged(), 1, 3);
        assert!(matches!(untagged.of(&[0], b"bar{foo}"), Place::Stray(_)));
    }
}
