//! What becomes of a command whose keys live on several nodes, in words.

use super::Spec;
use std::fmt;

/// What is done when the keys of a command live on several nodes. Keys on one node always get the native command.
///
/// ```
/// use rediscluster::spec;
///
/// assert_eq!(spec::MGET.across.name(), "split");
/// assert!(!spec::MGET.across.is_atomic());
/// ```
// A number and no pointer: rows hold it, and each pointer in a row costs a program four words. What it stands for is in
// `cross_node/strategies.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Across(pub(crate) u8);

/// What is told of a strategy.
pub(crate) struct Emulation {
    pub(crate) name: &'static str,
    pub(crate) in_words: &'static str,
    pub(crate) round_trips: fn(&Spec) -> u8,
}

impl Emulation {
    pub(crate) const NEVER: Emulation = Emulation::new("never", "", |_| 1);
    pub(crate) const REFUSE: Emulation = Emulation::new("refuse", "refused, nothing is sent", |_| 0);

    pub(crate) const fn new(name: &'static str, in_words: &'static str, round_trips: fn(&Spec) -> u8) -> Emulation {
        Emulation { name, in_words, round_trips }
    }
}

impl Across {
    /// It cannot happen: the command has one key, or none.
    pub const NEVER: Across = Across(0);
    /// It has no meaning there: an error, and nothing is sent.
    pub const REFUSE: Across = Across(1);

    /// Whether the command stays atomic when its keys live on several nodes; on one node every command is.
    pub fn is_atomic(self) -> bool {
        self == Across::NEVER || self == Across::REFUSE
    }
}

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
