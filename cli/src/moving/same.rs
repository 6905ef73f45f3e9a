//! Whether a key is the same at its source and at its target.

use super::route::Route;
use crate::compare::content::{compare, Difference, Key, Pair, Verdict};
use crate::compare::server::Server;

/// Compares keys of one database of a source with those of the targets.
pub struct Same {
    source: Server,
    targets: Vec<Server>,
    database: u32,
}

/// What came of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum Is {
    Same,
    /// The source does not have it any more.
    Gone,
    /// The target does not have it.
    Missing,
    /// In what it differs, or why nobody can tell.
    Other(String),
}

impl Same {
    /// Connects to all of them.
    ///
    /// # Errors
    /// That one of them does not answer.
    pub fn new(route: &Route, source: usize, database: u32) -> Result<Same, String> {
        Ok(Same {
            source: route.from.compared(&route.from.servers[source])?,
            targets: route.to.servers.iter().map(|server| route.to.compared(server)).collect::<Result<_, _>>()?,
            database,
        })
    }

    /// How keys stand, given by their names at the source and at one of the targets.
    ///
    /// # Errors
    /// That a server does not answer.
    pub fn look(&self, target: usize, names: &[(&[u8], &[u8])]) -> Result<Vec<Is>, String> {
        let key = |(name, stored): &(&[u8], &[u8])| match name == stored {
            true => Key::same(name.to_vec()),
            false => Key::renamed(name.to_vec(), stored.to_vec()),
        };
        let keys: Vec<Key> = names.iter().map(key).collect();
        let pair = Pair { from: &self.source, to: &self.targets[target], database: self.database };
        Ok(compare(pair, &keys)?.into_iter().map(Is::of).collect())
    }
}

impl Is {
    fn of(verdict: Verdict) -> Is {
        match verdict {
            Verdict::Same => Is::Same,
            Verdict::Gone => Is::Gone,
            Verdict::Missing => Is::Missing,
            Verdict::Different(differences) => Is::Other(match differences.first() {
                Some(Difference::Type(..)) => "its type differs".into(),
                Some(Difference::Expiry(..)) => "its expiry differs".into(),
                _ => "its value differs".into(),
            }),
            Verdict::Incomparable(why) => Is::Other(why),
        }
    }
}
