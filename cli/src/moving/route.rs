//! Where the keys of each source go among the servers of the targets.

use super::fleet::Fleet;
use crate::tags::{Place, Places};

/// From where to where.
pub struct Route {
    pub from: Fleet,
    pub to: Fleet,
    pub places: Places,
    /// For every source the target that is the same server.
    same: Vec<Option<usize>>,
    /// The server of every node of the targets.
    server_of: Vec<usize>,
}

/// What becomes of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination {
    /// It lies where it belongs.
    Stays,
    /// It goes to this one of the target's servers, under this name.
    Server(usize, Vec<u8>),
    /// It does not lie where its name leads: why that matters.
    Stray(&'static str),
}

impl Route {
    /// Between two fleets that have been asked who they are.
    pub fn new(from: Fleet, to: Fleet, places: Places) -> Route {
        let same = |run_id: &str| to.servers.iter().position(|server| server.facts.run_id == run_id);
        let same = from.servers.iter().map(|server| same(&server.facts.run_id)).collect();
        let server_of = (0..to.nodes).map(|node| to.server_of(node)).collect();
        Route { from, to, places, same, server_of }
    }

    /// Whether any server is on both sides.
    pub fn is_in_place(&self) -> bool {
        self.same.iter().any(Option::is_some)
    }

    /// The target that is the same server as a source.
    pub fn same(&self, source: usize) -> Option<usize> {
        self.same[source]
    }

    /// What becomes of a key that lies on a source.
    pub fn of(&self, source: usize, name: &[u8]) -> Destination {
        let here = self.same[source];
        let server = &self.from.servers[source];
        match self.places.of(&server.nodes, name) {
            Place::Node(node, stored) if here == Some(self.server_of[node]) && stored == name => Destination::Stays,
            Place::Node(_, _) | Place::Stray(_)
                if here.is_some_and(|at| self.was_brought(&server.nodes, &self.to.servers[at].nodes, name)) =>
            {
                Destination::Stays
            }
            Place::Node(node, _) if here == Some(self.server_of[node]) => {
                Destination::Stray("it belongs where it is, and the fleet stores it under another name")
            }
            Place::Node(node, name) => Destination::Server(self.server_of[node], name),
            Place::Stray(why) => Destination::Stray(why),
        }
    }

    /// Whether a key of a source that is on the server of another one, too, can only have been brought there: its name leads to
    /// the first one by the old rule and not to the other one, and it has no tag that may lead there.
    pub fn only_brought(&self, source: usize, other: usize, name: &[u8]) -> bool {
        let was_home = |at: usize| self.places.was_home(&self.from.servers[at].nodes, name);
        self.places.knows_tags() && was_home(source) && !was_home(other)
    }

    /// Whether a key of a server on both sides was brought there by this job: it is at home by the new rule and not by the
    /// old one.
    fn was_brought(&self, old: &[usize], new: &[usize], name: &[u8]) -> bool {
        !self.places.are_the_same() && !self.places.was_home(old, name) && self.places.is_home(new, name)
    }
}
