//! What the rows say, in words: for the reference, for the command line and for messages.

use super::{Access, Across, Group, KeySpec, OptionValue, RequestPolicy, SetOperation, Spec};
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

impl Spec {
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
            (_, RequestPolicy::OneShard) if !self.keys.is_empty() && self.across == Across::NEVER => {
                "the node of its key"
            }
            (_, RequestPolicy::OneShard) if !self.keys.is_empty() => "the node of its keys",
            (_, RequestPolicy::OneMaster) if self.across != Across::NEVER => "the masters of its keys' nodes",
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

display_names! { Group Access RequestPolicy SetOperation }
