//! What the rows say, in words: for the reference, for the command line and for messages.

use super::{
    Access, Across, Group, KeySpec, OptionValue, RequestPolicy, ResponsePolicy, SetOperation, Spec, WaitArgument,
};
use std::fmt::{self, Display, Formatter};

impl Group {
    /// The topic as a heading.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Strings => "strings",
            Group::Bitmaps => "bitmaps",
            Group::Keys => "keys",
            Group::Hashes => "hashes",
            Group::Lists => "lists",
            Group::Sets => "sets",
            Group::SortedSets => "sorted sets",
            Group::Streams => "streams",
            Group::Geo => "geo",
            Group::HyperLogLog => "HyperLogLog",
            Group::VectorSets => "vector sets",
            Group::Scripting => "scripts and functions",
            Group::PubSub => "pub/sub",
            Group::Transactions => "transactions",
            Group::Server => "server",
            Group::Modules => "modules",
            Group::Cluster => "Redis Cluster",
            Group::Connection => "connection",
        }
    }
}

impl Access {
    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
            Access::Server => "server",
            Access::Connection => "connection",
        }
    }
}

impl RequestPolicy {
    /// A short name, in the manner of Redis's command tips.
    pub const fn name(self) -> &'static str {
        match self {
            RequestPolicy::OneShard => "one_shard",
            RequestPolicy::OneMaster => "one_master",
            RequestPolicy::OneServer => "one_server",
            RequestPolicy::MultiShard => "multi_shard",
            RequestPolicy::AllShards => "all_shards",
            RequestPolicy::AllNodes => "all_nodes",
            RequestPolicy::Special => "special",
        }
    }

    /// Which servers get the command, for people.
    pub const fn in_words(self) -> &'static str {
        match self {
            RequestPolicy::OneShard => "one node",
            RequestPolicy::OneMaster => "the master of one node",
            RequestPolicy::OneServer => "a server that the caller chooses",
            RequestPolicy::MultiShard => "every node that a key lives on",
            RequestPolicy::AllShards => "every node",
            RequestPolicy::AllNodes => "every server, replicas too",
            RequestPolicy::Special => "the node of its keys",
        }
    }
}

impl ResponsePolicy {
    /// A short name, in the manner of Redis's command tips.
    pub const fn name(self) -> &'static str {
        match self {
            ResponsePolicy::AsIs => "as_is",
            ResponsePolicy::KeyOrder => "key_order",
            ResponsePolicy::Union => "union",
            ResponsePolicy::AggSum => "agg_sum",
            ResponsePolicy::AggMax => "agg_max",
            ResponsePolicy::AggLogicalAnd => "agg_logical_and",
            ResponsePolicy::SumByName => "sum_by_name",
            ResponsePolicy::AllSucceeded => "all_succeeded",
            ResponsePolicy::OneSucceeded => "one_succeeded",
            ResponsePolicy::PerNode => "per_node",
            ResponsePolicy::Special => "special",
        }
    }

    /// What becomes of several replies, for people.
    pub const fn in_words(self) -> &'static str {
        match self {
            ResponsePolicy::AsIs => "the reply as it is",
            ResponsePolicy::KeyOrder => "one array in the order of the keys",
            ResponsePolicy::Union => "one array of all",
            ResponsePolicy::AggSum => "the sum",
            ResponsePolicy::AggMax => "the largest number",
            ResponsePolicy::AggLogicalAnd => "true where all are",
            ResponsePolicy::SumByName => "the numbers of each name added up",
            ResponsePolicy::AllSucceeded => "the first, when all succeeded",
            ResponsePolicy::OneSucceeded => "the first that succeeded",
            ResponsePolicy::PerNode => "a map from the server's name to its reply",
            ResponsePolicy::Special => "what one server would reply",
        }
    }
}

impl SetOperation {
    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            SetOperation::Intersection => "intersection",
            SetOperation::Union => "union",
            SetOperation::Difference => "difference",
        }
    }
}

impl Across {
    /// A short name of the way that is taken.
    pub const fn name(self) -> &'static str {
        match self {
            Across::Never => "never",
            Across::Split => "split",
            Across::MergeSets(_) => "merge_sets",
            Across::StoreSets(_) => "store_sets",
            Across::SetIfNoneExists => "set_if_none_exists",
            Across::Rename => "rename",
            Across::Copy => "copy",
            Across::FirstThatHas => "first_that_has",
            Across::MoveMember => "move_member",
            Across::MoveElement => "move_element",
            Across::CarrySources => "carry_sources",
            Across::Sort => "sort",
            Across::DrawNode => "draw_node",
            Across::ReadStreams => "read_streams",
            Across::Refuse => "refuse",
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
        match self {
            Across::Never => "",
            Across::Split => "one command a node, all at once",
            Across::MergeSets(_) => "each node reduces its own sets, the client merges",
            Across::StoreSets(_) => {
                "each node reduces its own sets, the client merges, one transaction replaces the destination"
            }
            Across::SetIfNoneExists => {
                "all keys are checked, then set and marked node by node; what bears its mark is undone when a race is lost"
            }
            Across::Rename => "the value goes over by DUMP and RESTORE, the source being watched",
            Across::Copy => "the value goes over by DUMP and RESTORE",
            Across::FirstThatHas => "the first key that has something, in the order of the keys, gives; what waits then watches all nodes at once",
            Across::MoveMember => "the member goes over by a stash on either node, whose end at the source commits the move",
            Across::MoveElement => {
                "the element goes over by a stash on either node, whose end at the source commits the move"
            }
            Across::CarrySources => {
                "the keys of the other nodes are carried over, one transaction runs the command on copies"
            }
            Across::Sort => "what the patterns name is looked up on all nodes at once, the client sorts; one transaction replaces a destination",
            Across::DrawNode => "a node is drawn by how many keys it holds",
            Across::ReadStreams => "each node reads its own streams, all at once; what waits watches all at once",
            Across::Refuse => "refused, nothing is sent",
        }
    }

    /// How many times the servers are waited for when the keys live on two nodes and nobody interferes;
    /// 0 when nothing is sent. [`Spec::round_trips`] is exact for the command.
    pub const fn round_trips(self) -> u8 {
        match self {
            Across::Refuse => 0,
            Across::Never | Across::Split | Across::MergeSets(_) | Across::ReadStreams => 1,
            Across::DrawNode | Across::Copy | Across::FirstThatHas => 2,
            Across::StoreSets(_) => 3,
            Across::SetIfNoneExists => 4,
            Across::MoveMember | Across::MoveElement | Across::CarrySources | Across::Sort => 5,
            Across::Rename => 6,
        }
    }
}

impl Spec {
    /// How many times the servers are waited for when the keys live on two nodes and nobody interferes.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert_eq!(spec::LMOVE.round_trips(), 5);
    /// assert_eq!(spec::RENAMENX.round_trips(), 7);
    /// ```
    pub fn round_trips(&self) -> u8 {
        match self.across {
            // The destination must not exist: it is asked first.
            Across::Rename if self.name == "RENAMENX" => Across::Rename.round_trips() + 1,
            // Nothing is written, so nothing has to be tried before.
            Across::CarrySources if self.access == Access::Read => Across::CarrySources.round_trips() - 2,
            // Nothing is stored. Both look up something for `BY` and something for `GET`.
            Across::Sort if self.access == Access::Read => Across::Sort.round_trips() - 2,
            // To look at all keys, to have changes told, to look again when one is, and to be given something.
            Across::FirstThatHas if self.wait != WaitArgument::None => 4,
            // The group of every stream is asked for first. To wait takes two more, for either.
            Across::ReadStreams if self.access == Access::Write => Across::ReadStreams.round_trips() + 1,
            across => across.round_trips(),
        }
    }

    /// Which servers of a cluster get it, for people.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert_eq!(spec::GET.goes_to(), "the node of its key");
    /// assert_eq!(spec::PING.goes_to(), "every server, replicas too");
    /// assert_eq!(spec::MULTI.goes_to(), "a connection of the caller's own");
    /// ```
    pub fn goes_to(&self) -> &'static str {
        match (self.access, self.request) {
            (Access::Connection, _) => "a connection of the caller's own",
            (_, RequestPolicy::OneShard) if matches!(self.keys, [KeySpec::Channel(_)]) => "the node of its channel",
            (_, RequestPolicy::OneShard) if !self.keys.is_empty() && self.across == Across::Never => {
                "the node of its key"
            }
            (_, RequestPolicy::OneShard) if !self.keys.is_empty() => "the node of its keys",
            (_, RequestPolicy::OneMaster) if self.across == Across::Split => "the masters of its keys' nodes",
            (_, RequestPolicy::OneMaster) if !self.keys.is_empty() => "the master of its key's node",
            (_, RequestPolicy::Special) if self.keys.is_empty() => "one node",
            (_, request) => request.in_words(),
        }
    }

    /// Where its keys are, for people: the command's own words are not counted. Empty for a command without keys.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert_eq!(spec::MSET.keys_in_words(), "every 2nd from argument 1");
    /// assert_eq!(spec::EVAL.keys_in_words(), "counted by argument 2");
    /// ```
    pub fn keys_in_words(&self) -> String {
        let own = self.name.split(' ').count() - 1;
        let words: Vec<String> = self.keys.iter().map(|keys| keys.in_words(own)).filter(|w| !w.is_empty()).collect();
        words.join(", ")
    }
}

impl KeySpec {
    /// In words; `own` is how many words of its own the command has after the first.
    fn in_words(&self, own: usize) -> String {
        match *self {
            KeySpec::Range(first, -1, 1) => format!("all from argument {}", first - own),
            KeySpec::Range(first, -2, 1) => format!("all from argument {} but the last", first - own),
            KeySpec::Range(first, -1, 2) => format!("every 2nd from argument {}", first - own),
            KeySpec::Range(first, last, 1) if usize::try_from(last) == Ok(first) => format!("argument {}", first - own),
            KeySpec::Range(first, last, 1) if usize::try_from(last) == Ok(first + 1) => {
                format!("arguments {} and {}", first - own, first + 1 - own)
            }
            KeySpec::Range(first, last, step) => {
                let last = match usize::try_from(last) {
                    Ok(last) => format!("argument {}", last - own),
                    Err(_) => format!("the {}. from the end", last.unsigned_abs()),
                };
                format!("one in {step} from argument {} to {last}", first - own)
            }
            KeySpec::Numkeys(at, 1) => format!("counted by argument {}", at - own),
            KeySpec::Numkeys(at, step) => format!("counted by argument {}, one in {step} arguments", at - own),
            KeySpec::HalfAfter(word, _) => format!("the first half after {word}"),
            KeySpec::Channel(at) => format!("the channel in argument {}", at - own),
            KeySpec::Migrate => "argument 3, or all after KEYS".to_owned(),
            KeySpec::Marked => "those that the caller marks".to_owned(),
            KeySpec::Options(_, words) => {
                let with = |wanted| {
                    let words = words.iter().filter(move |(.., value)| *value == wanted).map(|(word, ..)| *word);
                    words.collect::<Vec<_>>().join(" or ")
                };
                match (with(OptionValue::Key), with(OptionValue::Pattern)) {
                    (keys, patterns) if !keys.is_empty() && !patterns.is_empty() => {
                        format!("after {keys}, patterns after {patterns}")
                    }
                    (keys, patterns) if patterns.is_empty() => format!("after {keys}"),
                    (_, patterns) => format!("patterns after {patterns}"),
                }
            }
        }
    }
}

macro_rules! display_names {
    ($($name:ident)*) => {
        $(
            impl Display for $name {
                fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                    f.pad(self.name())
                }
            }
        )*
    };
}

display_names! { Group Access RequestPolicy ResponsePolicy SetOperation Across }
