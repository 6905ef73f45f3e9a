//! Whether a key is where its name leads, and what it is when it is not. Pure.

use super::tags::{LooserName, Meaning, Tags};
use rediscluster::{Crc32Modulo, Partitioner};

/// Names that this library and this program make for themselves.
const OWN: &[u8] = b"rediscluster:";
/// Of how many nodes a fleet may have been whose keys are looked for.
const MOST_NODES: usize = 128;
/// By chance strays look so no more often than once in so many times.
const CHANCE: f64 = 1000.0;

/// What becomes of a key. The names are those of the report and of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is where it belongs.
    Home,
    /// It is where its name leads; whether that is where it belongs is not known, because it may have had a tag.
    Unproven,
    /// It is one of this program's own.
    Own,
    /// It belongs elsewhere.
    Misplaced,
    /// It belongs elsewhere, and another node has a key of this name.
    Twice,
    /// It is not where its name leads, and may have had a tag.
    Uncertain,
    /// Keys of several tags are stored under its name, and it is where none of them belongs.
    Ambiguous,
    /// Where rediscluster-py stores a key that this library stores elsewhere and under another name.
    Looser,
    /// Programs take its name for a name with a tag, so none finds it.
    Unreachable,
    /// It was misplaced, and is where it belongs by now.
    Moved,
    /// It was misplaced, and could not be moved.
    Failed,
    /// It was misplaced, and is gone.
    Gone,
}

pub const KINDS: [Kind; 12] = [
    Kind::Home,
    Kind::Unproven,
    Kind::Own,
    Kind::Misplaced,
    Kind::Twice,
    Kind::Uncertain,
    Kind::Ambiguous,
    Kind::Looser,
    Kind::Unreachable,
    Kind::Moved,
    Kind::Failed,
    Kind::Gone,
];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Home => "at_home",
            Kind::Unproven => "at_home_unless_tagged",
            Kind::Own => "own",
            Kind::Misplaced => "misplaced",
            Kind::Twice => "twice",
            Kind::Uncertain => "uncertain",
            Kind::Ambiguous => "ambiguous",
            Kind::Looser => "looser",
            Kind::Unreachable => "unreachable",
            Kind::Moved => "moved",
            Kind::Failed => "failed",
            Kind::Gone => "gone",
        }
    }

    /// Whether somebody has to look at it.
    pub fn is_wrong(self) -> bool {
        !matches!(self, Kind::Home | Kind::Unproven | Kind::Own | Kind::Moved | Kind::Gone)
    }
}

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub kind: Kind,
    /// The node where it belongs, counted from 0.
    pub home: Option<usize>,
    /// The name that it has there, where that is another one.
    pub full: Option<Vec<u8>>,
}

/// Which server each node is: two names may be one server.
pub struct Places {
    servers: Vec<usize>,
}

impl Places {
    pub fn new(servers: Vec<usize>) -> Places {
        Places { servers }
    }

    /// The node that something hashed leads to.
    pub fn node(&self, hashed: &[u8]) -> usize {
        Crc32Modulo.node_index(hashed, self.servers.len())
    }

    /// The server of a node.
    pub fn server(&self, node: usize) -> usize {
        self.servers[node]
    }

    /// The nodes that are this server.
    pub fn nodes(&self, server: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.servers.len()).filter(move |&node| self.servers[node] == server)
    }

    /// How many nodes there are.
    pub fn count(&self) -> usize {
        self.servers.len()
    }
}

/// What is known of a key that a server has. The other value is what is hashed of a key that belongs elsewhere.
pub fn judge(tags: &Tags, places: &Places, server: usize, stored: &[u8]) -> (Verdict, Option<Vec<u8>>) {
    let verdict = |kind, home| Verdict { kind, home, full: None };
    if stored.starts_with(OWN) {
        return (verdict(Kind::Own, None), None);
    }
    let (hashed, is_certain) = match tags.meaning(stored) {
        Meaning::Certain(hashed) => (hashed, true),
        Meaning::Uncertain => (vec![stored.to_vec()], false),
        Meaning::Unreachable => {
            let (tag, _) = tags.split(stored);
            return (verdict(Kind::Unreachable, Some(places.node(tag))), None);
        }
    };
    let homes: Vec<usize> = hashed.iter().map(|hashed| places.node(hashed)).collect();
    if let Some(&home) = homes.iter().find(|&&home| places.server(home) == server) {
        return (verdict(if is_certain { Kind::Home } else { Kind::Unproven }, Some(home)), None);
    }
    let is_here = |hashed: &[u8]| places.server(places.node(hashed)) == server;
    let looser: Vec<_> = tags.looser(stored).iter().filter(|name| is_here(&name.hashed)).collect();
    if let Some(LooserName { full, .. }) = looser.first() {
        let home = Some(places.node(tags.split(full).0));
        // Of several full names nobody knows which one it was; and where keys have this name here too, it may be one of those.
        let full = (looser.len() == 1 && !is_certain).then(|| full.clone());
        return (Verdict { kind: Kind::Looser, home, full }, None);
    }
    match (is_certain, &homes[..]) {
        (true, [home]) => (verdict(Kind::Misplaced, Some(*home)), hashed.into_iter().next()),
        (true, _) => (verdict(Kind::Ambiguous, None), None),
        (false, _) => (verdict(Kind::Uncertain, homes.first().copied()), hashed.into_iter().next()),
    }
}

/// How many strays a fleet of each number of nodes explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    strays: u64,
    /// By the number of nodes, less one.
    by: Vec<u64>,
}

impl Default for Explained {
    fn default() -> Explained {
        Explained { strays: 0, by: vec![0; MOST_NODES] }
    }
}

impl Explained {
    /// Of a state.
    pub fn of(strays: u64, mut by: Vec<u64>) -> Explained {
        by.resize(MOST_NODES, 0);
        Explained { strays, by }
    }

    pub fn parts(&self) -> (u64, &[u64]) {
        (self.strays, &self.by)
    }

    /// One more stray, which lies on these nodes.
    pub fn add(&mut self, hashed: &[u8], on: impl Iterator<Item = usize>) {
        self.strays += 1;
        let on: Vec<usize> = on.collect();
        for (at, count) in self.by.iter_mut().enumerate() {
            *count += u64::from(on.contains(&Crc32Modulo.node_index(hashed, at + 1)));
        }
    }

    /// The number of nodes that explains the most, and how many of how many; `None` when chance may do as well.
    pub fn best(&self, nodes: usize) -> Option<(usize, u64, u64)> {
        let most = *self.by.iter().max()?;
        let number = self.by.iter().position(|&count| count == most)? + 1;
        // A stray on any of the nodes of now looks so once in as many times.
        let odds = number.max(nodes) as f64;
        let is_no_chance = odds.powf(most as f64) >= CHANCE * MOST_NODES as f64 && most * 2 >= self.strays;
        is_no_chance.then_some((number, most, self.strays))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wish::Wish;
    use super::*;
    use rediscluster::HashTags;

    fn tags(wish: Wish) -> Tags {
        Tags::read(&wish).unwrap()
    }

    fn kind(tags: &Tags, server: usize, stored: &str) -> Kind {
        judge(tags, &Places::new(vec![0, 1]), server, stored.as_bytes()).0.kind
    }

    #[test]
    fn foo_lives_on_the_second_of_two() {
        let untagged = tags(Wish::of(HashTags::Strip).untagged());
        assert_eq!([0, 1].map(|server| kind(&untagged, server, "foo")), [Kind::Misplaced, Kind::Home]);
        let unknown = tags(Wish::of(HashTags::Strip));
        assert_eq!([0, 1].map(|server| kind(&unknown, server, "foo")), [Kind::Uncertain, Kind::Unproven]);
        assert_eq!([0, 1].map(|server| kind(&unknown, server, "bar{foo}")), [Kind::Unreachable; 2]);
        assert_eq!([0, 1].map(|server| kind(&unknown, server, "rediscluster:stash:x")), [Kind::Own; 2]);
        let keep = tags(Wish::of(HashTags::Keep));
        assert_eq!([0, 1].map(|server| kind(&keep, server, "bar{foo}")), [Kind::Misplaced, Kind::Home]);
        let places = Places::new(vec![0, 0]);
        assert_eq!(judge(&untagged, &places, 0, b"foo").0.kind, Kind::Home, "two names for one server");
    }

    #[test]
    fn another_number_of_nodes_is_found() {
        let name = |number: usize| format!("key:{number}").into_bytes();
        let mut explained = Explained::default();
        let mut few = Explained::default();
        for number in 0..300 {
            let (old, new) = (Crc32Modulo.node_index(&name(number), 3), Crc32Modulo.node_index(&name(number), 4));
            if old != new {
                explained.add(&name(number), [old].into_iter());
                if few.strays < 3 {
                    few.add(&name(number), [old].into_iter());
                }
            }
        }
        let strays = explained.strays;
        assert!(strays > 100);
        assert_eq!(explained.best(4), Some((3, strays, strays)));
        assert_eq!(few.best(4), None, "three may look so by chance");
        assert_eq!(Explained::default().best(4), None);
    }

    #[test]
    fn strays_of_no_number_are_told_as_such() {
        let mut explained = Explained::default();
        for number in 0..300 {
            explained.add(format!("key:{number}").as_bytes(), [number % 3].into_iter());
        }
        assert_eq!(explained.best(3), None);
    }
}
