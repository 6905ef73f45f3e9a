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
#[derive(Clone, Copy)]
pub struct Across(&'static Emulation);

/// What is told of a strategy. Rows point to it: each pointer in a row costs a program four words.
pub(crate) struct Emulation {
    name: &'static str,
    in_words: &'static str,
    round_trips: fn(&Spec) -> u8,
}

impl Emulation {
    pub(crate) const fn new(name: &'static str, in_words: &'static str, round_trips: fn(&Spec) -> u8) -> Emulation {
        Emulation { name, in_words, round_trips }
    }
}

impl Across {
    /// It cannot happen: the command has one key, or none.
    pub const NEVER: Across = Across::of(&Emulation::new("never", "", |_| 1));
    /// It has no meaning there: an error, and nothing is sent.
    pub const REFUSE: Across = Across::of(&Emulation::new("refuse", "refused, nothing is sent", |_| 0));

    pub(crate) const fn of(told: &'static Emulation) -> Across {
        Across(told)
    }

    /// A short name of the way that is taken.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// What is done when the keys live on several nodes, for people; empty when that cannot happen.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert_eq!(spec::MGET.across.in_words(), "one command a node, all at once");
    /// assert_eq!(spec::GET.across.in_words(), "");
    /// ```
    pub const fn in_words(self) -> &'static str {
        self.0.in_words
    }

    /// Whether the command stays atomic when its keys live on several nodes; on one node every command is.
    pub fn is_atomic(self) -> bool {
        self == Across::NEVER || self == Across::REFUSE
    }
}

impl Spec {
    /// How many times the servers are waited for when the keys live on two nodes and nobody interferes; 0 when nothing
    /// is sent.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert_eq!(spec::LMOVE.round_trips(), 5);
    /// assert_eq!(spec::RENAMENX.round_trips(), 7);
    /// ```
    pub fn round_trips(&self) -> u8 {
        (self.across.0.round_trips)(self)
    }
}

/// No two have one name.
impl PartialEq for Across {
    fn eq(&self, other: &Across) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Across {}

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}

impl fmt::Debug for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}
