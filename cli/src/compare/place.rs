//! Where a key of the source belongs at the target.

use super::wish::Wish;
use crate::moving::tags::Tags;
use rediscluster::{Crc32Modulo, HashTags, Partitioner};

/// Where keys belong, from a fleet of so many nodes to one of so many.
pub struct Places {
    from: usize,
    to: usize,
    hash_tags: HashTags,
    tags: Tags,
    are_untold: bool,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// It belongs to this node of the target, counted from 0, under this name.
    Node(usize, Vec<u8>),
    /// It may be on any of them.
    Any,
}

impl Places {
    /// As it was said.
    ///
    /// # Errors
    /// What is wrong with what was said of tags.
    pub fn new(wish: &Wish, from: usize, to: usize) -> Result<Places, String> {
        let is_told = wish.untagged || wish.tags.is_some() || !wish.tag_rule.is_empty();
        let tags = Tags::read(wish.tags.as_deref(), &wish.tag_rule)?;
        // Where names are stored with their tags, nothing has to be told.
        let are_untold = !is_told && wish.hash_tags == HashTags::Strip && from != to && to > 1;
        Ok(Places { from, to, hash_tags: wish.hash_tags, tags, are_untold })
    }

    /// Whether keys may be anywhere only because nobody said whether they have tags.
    pub fn are_untold(&self) -> bool {
        self.are_untold
    }

    /// Where a key belongs that lies on the server of these nodes of the source.
    pub fn of(&self, nodes: &[usize], stored: &[u8]) -> Place {
        let same = || stored.to_vec();
        if self.to == 1 {
            return Place::Node(0, same());
        }
        if self.from == self.to {
            // Whatever is hashed, it leads to the node of the same number.
            let home = self.source_home(stored);
            return Place::Node(nodes.iter().copied().find(|&node| node == home).unwrap_or(nodes[0]), same());
        }
        if self.are_untold {
            return Place::Any;
        }
        let mut found = None;
        for full in self.tags.full(stored) {
            let (hashed, name) = self.hash_tags.split(&full);
            // One server may store full names. A fleet stores them without their tags, on the node of the tag.
            let fits = match self.from {
                1 => name.len() == full.len() || !self.tags.are_none(),
                from => name == stored && nodes.contains(&Crc32Modulo.node_index(hashed, from)),
            };
            let node = Crc32Modulo.node_index(hashed, self.to);
            match &found {
                _ if !fits => {}
                Some((other, _)) if *other != node => return Place::Any,
                _ => found = Some((node, name.to_vec())),
            }
        }
        found.map_or(Place::Any, |(node, name)| Place::Node(node, name))
    }

    /// The node of the source to which a stored name leads by itself.
    pub fn source_home(&self, stored: &[u8]) -> usize {
        Crc32Modulo.node_index(self.hashed(stored), self.from)
    }

    /// The same of the target.
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
}
