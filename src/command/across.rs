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
pub struct Across {
    name: &'static str,
    in_words: &'static str,
    round_trips: fn(&Spec) -> u8,
}

impl Across {
    /// It cannot happen: the command has one key, or none.
    pub const NEVER: Across = Across::new("never", "", |_| 1);
    /// It has no meaning there: an error, and nothing is sent.
    pub const REFUSE: Across = Across::new("refuse", "refused, nothing is sent", |_| 0);

    pub(crate) const fn new(name: &'static str, in_words: &'static str, round_trips: fn(&Spec) -> u8) -> Across {
        Across { name, in_words, round_trips }
    }

    /// A short name of the way that is taken.
    pub const fn name(self) -> &'static str {
        self.name
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
        self.in_words
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
        (self.across.round_trips)(self)
    }
}

/// No two have one name.
impl PartialEq for Across {
    fn eq(&self, other: &Across) -> bool {
        self.name == other.name
    }
}

impl Eq for Across {}

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
