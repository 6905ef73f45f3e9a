//! The numbers of strategies, by which rows name what is told of them. Each strategy tells it in its own file.

use super::{carry_sources, copy, msetnx, pop, random_key, rename, set_operations, smove_lmove, sort, split, streams};
use crate::command::{Across, Emulation, Spec};

/// What each strategy tells. The first two are those that need no file.
const EMULATIONS: &[Emulation] = &[
    Emulation::NEVER,
    Emulation::REFUSE,
    carry_sources::EMULATION,
    copy::EMULATION,
    msetnx::EMULATION,
    pop::EMULATION,
    random_key::EMULATION,
    rename::EMULATION,
    set_operations::MERGING,
    set_operations::STORING,
    smove_lmove::MOVING_ELEMENT,
    smove_lmove::MOVING_MEMBER,
    sort::EMULATION,
    split::EMULATION,
    streams::EMULATION,
];

impl Across {
    /// The number of a strategy, by its name. One that is not among them does not compile.
    pub(crate) const fn of(emulation: &Emulation) -> Across {
        let mut number = 0;
        while !is_same(EMULATIONS[number].name, emulation.name) {
            number += 1;
        }
        Across(number as u8)
    }

    const fn emulation(self) -> &'static Emulation {
        &EMULATIONS[self.0 as usize]
    }

    /// A short name of the way that is taken.
    pub const fn name(self) -> &'static str {
        self.emulation().name
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
        self.emulation().in_words
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
        (self.across.emulation().round_trips)(self)
    }
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_number_of_its_own() {
        for (number, emulation) in EMULATIONS.iter().enumerate() {
            assert_eq!(usize::from(Across::of(emulation).0), number, "{}", emulation.name);
        }
        assert_eq!((Across::NEVER.name(), Across::REFUSE.name()), ("never", "refuse"));
    }
}
