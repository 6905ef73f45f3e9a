//! All strategies, each with its number, by which rows name what is told of them. Each strategy tells it in its own file.

use super::{carry_sources, copy, msetnx, pop, random_key, rename, set_operations, smove_lmove, sort, split, streams};
use crate::command::{Across, Emulation, Spec};
use crate::explain::{Draft, Step};
use crate::plan::Placed;

/// Tells the rounds that a strategy takes for keys on several nodes.
pub(crate) type Steps = fn(&Draft<'_>, &[Placed<'_>]) -> Vec<Step>;

/// What each strategy tells, and what tells its rounds. Strategies do not point to that, so that a program has either only
/// when it asks for it.
macro_rules! strategies {
    ($($emulation:path, $steps:path;)*) => {
        const EMULATIONS: &[Emulation] = &[$($emulation,)*];

        /// What tells the rounds of a strategy, for [`Cluster::plan`](crate::Cluster::plan).
        #[inline]
        pub(crate) fn steps_of(across: Across) -> Steps {
            const STEPS: &[Steps] = &[$($steps,)*];
            STEPS[usize::from(across.0)]
        }
    };
}

strategies! {
    Emulation::NEVER, told_by_routing;
    Emulation::REFUSE, told_by_routing;
    carry_sources::EMULATION, carry_sources::steps;
    copy::EMULATION, copy::steps;
    msetnx::EMULATION, msetnx::steps;
    pop::EMULATION, pop::steps;
    random_key::EMULATION, random_key::steps;
    rename::EMULATION, rename::steps;
    set_operations::MERGING, told_by_routing;
    set_operations::STORING, set_operations::steps;
    smove_lmove::MOVING_ELEMENT, smove_lmove::element_steps;
    smove_lmove::MOVING_MEMBER, smove_lmove::member_steps;
    sort::EMULATION, sort::steps;
    split::EMULATION, told_by_routing;
    streams::EMULATION, streams::steps;
}

/// There is one round, which routing tells, or none.
#[inline]
fn told_by_routing(_: &Draft<'_>, _: &[Placed<'_>]) -> Vec<Step> {
    Vec::new()
}

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
    #[test]
    fn a_name_is_the_same_to_its_end() {
        for (one, other) in [("copy", "copies"), ("", "copy"), ("copy", "cope"), ("copy", "")] {
            assert!(is_same(one, one) && !is_same(one, other), "{one:?} {other:?}");
        }
        assert!(!is_same("copy", "copy_all") && !is_same("copy_all", "copy"));
    }
}
