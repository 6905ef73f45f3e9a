//! Where a key of the source belongs at the target.

use super::wish::Wish;
use rediscluster::{Crc32Modulo, HashTags, Partitioner};
use regex::bytes::{Regex, RegexBuilder};
use std::collections::HashMap;

/// How stored names become full ones.
enum Tags {
    /// Nobody said whether there are any.
    Untold,
    /// There are none.
    None,
    /// The full names by the stored ones.
    Known(HashMap<Vec<u8>, Vec<Vec<u8>>>),
    /// The first rule that fits.
    Rules(Vec<(Regex, Vec<u8>)>),
}

/// Where keys belong, from a fleet of so many nodes to one of so many.
pub struct Places {
    from: usize,
    to: usize,
    tags: Tags,
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
        let tags = match &wish.tags {
            Some(path) => {
                let text = std::fs::read(path).map_err(|error| format!("--tags {}: {error}", path.display()))?;
                Tags::Known(known(&text))
            }
            None if !wish.tag_rule.is_empty() => {
                Tags::Rules(wish.tag_rule.iter().map(|text| rule(text)).collect::<Result<_, _>>()?)
            }
            None if wish.untagged => Tags::None,
            None => Tags::Untold,
        };
        Ok(Places { from, to, tags })
    }

    /// Whether keys may be anywhere only because nobody said whether they have tags.
    pub fn are_untold(&self) -> bool {
        matches!(self.tags, Tags::Untold) && self.from != self.to && self.to > 1
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
        if matches!(self.tags, Tags::Untold) {
            return Place::Any;
        }
        let mut found = None;
        for full in self.full(stored) {
            let (hashed, name) = HashTags::Strip.split(&full);
            // One server may store full names. A fleet stores them without their tags, on the node of the tag.
            let fits = match self.from {
                1 => name.len() == full.len() || !matches!(self.tags, Tags::None),
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

    /// The node of the source to which a name without a tag leads.
    pub fn source_home(&self, stored: &[u8]) -> usize {
        Crc32Modulo.node_index(stored, self.from)
    }

    /// The same of the target.
    pub fn target_home(&self, stored: &[u8]) -> usize {
        Crc32Modulo.node_index(stored, self.to)
    }

    /// The names by which programs may know a key.
    fn full(&self, stored: &[u8]) -> Vec<Vec<u8>> {
        let full = match &self.tags {
            Tags::Known(known) => known.get(stored).cloned(),
            Tags::Rules(rules) => rules.iter().find_map(|(regex, template)| {
                let mut full = Vec::new();
                regex.captures(stored)?.expand(template, &mut full);
                Some(vec![full])
            }),
            Tags::Untold | Tags::None => None,
        };
        full.unwrap_or_else(|| vec![stored.to_vec()])
    }
}

/// The full names in a file, one a line, by what a fleet stores them as.
fn known(text: &[u8]) -> HashMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut known: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let full = line.strip_suffix(b"\r").unwrap_or(line);
        if !full.is_empty() {
            let (_, stored) = HashTags::Strip.split(full);
            known.entry(stored.to_vec()).or_default().push(full.to_vec());
        }
    }
    known
}

/// `REGEX=TEMPLATE`, divided at the last `=`.
fn rule(text: &str) -> Result<(Regex, Vec<u8>), String> {
    let (regex, template) = text.rsplit_once('=').ok_or("--tag-rule is not REGEX=TEMPLATE")?;
    let regex = RegexBuilder::new(regex).unicode(false).build();
    Ok((regex.map_err(|error| format!("--tag-rule: {error}"))?, template.as_bytes().to_vec()))
}
