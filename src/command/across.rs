//! What becomes of a command whose keys live on several nodes, in words.

use super::{Access, Spec, WaitArgument};
use std::fmt;

/// What is done when the keys of a command live on several nodes. Keys on one node always get the native command.
///
/// ```
/// use rediscluster::spec;
///
/// assert_eq!(spec::MGET.across.name(), "split");
/// assert!(!spec::MGET.across.is_atomic());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Across(Way);

/// The ways that are taken. Rows hold a number and no pointer, because each pointer in a row costs a program four words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Never,
    Refuse,
    CarrySources,
    Copy,
    DrawNode,
    FirstThatHas,
    MergeSets,
    MoveElement,
    MoveMember,
    ReadStreams,
    Rename,
    SetIfNoneExists,
    Sort,
    Split,
    StoreSets,
}

impl Across {
    /// It cannot happen: the command has one key, or none.
    pub const NEVER: Across = Across(Way::Never);
    /// It has no meaning there: an error, and nothing is sent.
    pub const REFUSE: Across = Across(Way::Refuse);
    pub(crate) const CARRY_SOURCES: Across = Across(Way::CarrySources);
    pub(crate) const COPY: Across = Across(Way::Copy);
    pub(crate) const DRAW_NODE: Across = Across(Way::DrawNode);
    pub(crate) const FIRST_THAT_HAS: Across = Across(Way::FirstThatHas);
    pub(crate) const MERGE_SETS: Across = Across(Way::MergeSets);
    pub(crate) const MOVE_ELEMENT: Across = Across(Way::MoveElement);
    pub(crate) const MOVE_MEMBER: Across = Across(Way::MoveMember);
    pub(crate) const READ_STREAMS: Across = Across(Way::ReadStreams);
    pub(crate) const RENAME: Across = Across(Way::Rename);
    pub(crate) const SET_IF_NONE_EXISTS: Across = Across(Way::SetIfNoneExists);
    pub(crate) const SORT: Across = Across(Way::Sort);
    pub(crate) const SPLIT: Across = Across(Way::Split);
    pub(crate) const STORE_SETS: Across = Across(Way::StoreSets);

    /// A short name of the way that is taken.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Way::Never => "never",
            Way::Refuse => "refuse",
            Way::CarrySources => "carry_sources",
            Way::Copy => "copy",
            Way::DrawNode => "draw_node",
            Way::FirstThatHas => "first_that_has",
            Way::MergeSets => "merge_sets",
            Way::MoveElement => "move_element",
            Way::MoveMember => "move_member",
            Way::ReadStreams => "read_streams",
            Way::Rename => "rename",
            Way::SetIfNoneExists => "set_if_none_exists",
            Way::Sort => "sort",
            Way::Split => "split",
            Way::StoreSets => "store_sets",
        }
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
        match self.0 {
            Way::Never => "",
            Way::Refuse => "refused, nothing is sent",
            Way::CarrySources => {
                "the keys of the other nodes are carried over, one transaction runs the command on copies"
            }
            Way::Copy => "the value goes over by DUMP and RESTORE",
            Way::DrawNode => "a node is drawn by how many keys it holds",
            Way::FirstThatHas => {
                "the first key that has something, in the order of the keys, gives; what waits then watches all nodes at once"
            }
            Way::MergeSets => "each node reduces its own sets, the client merges",
            Way::MoveElement => {
                "the element goes over by a stash on either node, whose end at the source commits the move"
            }
            Way::MoveMember => {
                "the member goes over by a stash on either node, whose end at the source commits the move"
            }
            Way::ReadStreams => "each node reads its own streams, all at once; what waits watches all at once",
            Way::Rename => "the value goes over by DUMP and RESTORE, the source being watched",
            Way::SetIfNoneExists => {
                "all keys are checked, then set and marked node by node; what bears its mark is undone when a race is lost"
            }
            Way::Sort => {
                "what the patterns name is looked up on all nodes at once, the client sorts; one transaction replaces a destination"
            }
            Way::Split => "one command a node, all at once",
            Way::StoreSets => {
                "each node reduces its own sets, the client merges, one transaction replaces the destination"
            }
        }
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
        let is_read = self.access == Access::Read;
        match self.across.0 {
            Way::Refuse => 0,
            Way::Never | Way::MergeSets | Way::Split => 1,
            Way::Copy | Way::DrawNode => 2,
            // What waits looks at all keys, has changes told, looks again when one is, and is given something.
            Way::FirstThatHas if self.wait == WaitArgument::None => 2,
            Way::FirstThatHas => 4,
            // The group of every stream is asked for first. To wait takes two more, for either.
            Way::ReadStreams if self.access == Access::Write => 2,
            Way::ReadStreams => 1,
            Way::StoreSets => 3,
            Way::SetIfNoneExists => 4,
            // Where nothing is written, nothing has to be tried before.
            Way::CarrySources if is_read => 3,
            // Something is looked up for `BY` and something for `GET`. Where nothing is stored, that is all.
            Way::Sort if is_read => 3,
            Way::CarrySources | Way::Sort | Way::MoveElement | Way::MoveMember => 5,
            // A destination that must not exist is asked first.
            Way::Rename if self.name == "RENAMENX" => 7,
            Way::Rename => 6,
        }
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
