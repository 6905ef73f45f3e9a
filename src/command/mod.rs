//! What is known of a command: what it does, where its keys are, which servers get it.

mod across;
pub(crate) mod args;
pub(crate) mod merge;
mod streams;
pub(crate) mod wait;
mod words;

pub use across::Across;
pub(crate) use across::Emulation;
pub use args::Args;
pub(crate) use args::EncodedWord;
pub(crate) use merge::{Given, Merge};
pub use merge::{ResponsePolicy, SetOperation};
pub(crate) use streams::StreamWords;
pub(crate) use wait::{wait_of, Wait, WaitOf};

use crate::order::sort_by_key;
use std::borrow::Cow;

/// One command, or one subcommand of a container such as `CONFIG`.
#[non_exhaustive]
#[derive(Debug)]
pub struct Spec {
    /// The name in upper case; for a subcommand both words, as in `CONFIG GET`.
    pub name: &'static str,
    /// The number of arguments, the command's own words included; a negative number is the fewest.
    pub arity: i16,
    /// The version of Redis that brought the command; of Valkey, and so named, where Redis does not have it.
    pub since: &'static str,
    /// The data type or topic.
    pub group: Group,
    /// Whether it changes data.
    pub access: Access,
    /// Where the keys are among the arguments; empty for a command without keys.
    pub keys: &'static [KeySpec],
    /// Which servers get the command.
    pub request: RequestPolicy,
    /// How several replies become one.
    pub response: ResponsePolicy,
    /// What is done when the keys live on several nodes.
    pub across: Across,
    /// Where a command that waits for data says for how long.
    pub wait: WaitArgument,
    /// Whether servers flag it as fast, because the time that it takes hardly grows with the data, for a command of one key;
    /// `SET`, `SETEX` and `PSETEX` count as such.
    pub fast: bool,
    /// Whether it belongs to a row of the command table.
    pub(crate) in_table: bool,
}

/// Where a command that waits for data says for how long; 0 means for ever.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitArgument {
    /// It does not wait.
    None,
    /// The first argument, in seconds.
    FirstSeconds,
    /// The last argument, in seconds.
    LastSeconds,
    /// The number after the word `BLOCK`, in milliseconds; without the word it does not wait.
    BlockMillis,
}

/// The data type or topic of a command.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Strings and numbers.
    Strings,
    /// Bits within strings.
    Bitmaps,
    /// Keys of any type and their expiry.
    Keys,
    /// Hashes.
    Hashes,
    /// Lists.
    Lists,
    /// Sets.
    Sets,
    /// Sorted sets.
    SortedSets,
    /// Streams and their consumer groups.
    Streams,
    /// Places on the earth.
    Geo,
    /// Estimates of how many different elements there are.
    HyperLogLog,
    /// Sets of vectors.
    VectorSets,
    /// Scripts and functions.
    Scripting,
    /// Messages to channels.
    PubSub,
    /// Several commands as one.
    Transactions,
    /// The servers themselves.
    Server,
    /// Commands of modules, which come by rows of the user's own.
    Modules,
    /// Redis Cluster, which these servers are not members of.
    Cluster,
    /// The state of one connection.
    Connection,
}

/// Whether a command changes data: reads may be served by replicas, all else goes to masters.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It only reads.
    Read,
    /// It may write.
    Write,
    /// It is about a server, not about keys.
    Server,
    /// It changes the state of its connection, so it cannot run on one that is shared.
    Connection,
}

/// Where keys are among the arguments, the command's name being argument 0.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySpec {
    /// From `first` to `last` (negative: counted from the end, −1 being the last argument), one in every `step`.
    Range(usize, isize, usize),
    /// A number at this position says how many keys follow it, one in every so many arguments.
    Numkeys(usize, usize),
    /// After this word, looked for from a position on: the first half of what follows, as in `XREAD`. `STREAMS` is
    /// looked for among the options of `XREAD` and `XREADGROUP`, whose values may look like it.
    HalfAfter(&'static str, usize),
    /// The argument at this position is a channel: it is placed like a key and keeps its whole name.
    Channel(usize),
    /// Those of `MIGRATE`: its third argument, or when that is empty what follows the word `KEYS`.
    Migrate,
    /// Those that the caller marked by [`Cmd::key`](crate::Cmd::key).
    Marked,
    /// From this position on, words that are followed by so many values each, and what the values are. Of several
    /// that hold a key the last one counts.
    Options(usize, &'static [(&'static str, usize, OptionValue)]),
}

/// What the values of an option are.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionValue {
    /// The name of a key.
    Key,
    /// A pattern that the server makes names of keys from, as `BY` and `GET` of `SORT`.
    Pattern,
    /// Neither.
    Plain,
}

/// Which servers get a command; the names are those of Redis's command tips where it has one.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestPolicy {
    /// The node that the keys live on; any one node for a command without keys.
    OneShard,
    /// The master of the node that the key lives on, also for a read: a cursor means nothing to another server, and what
    /// marks a key as used has to mark it where keys are evicted.
    OneMaster,
    /// A server that the caller names, because the command makes sense on one server only.
    OneServer,
    /// Every node that a key lives on.
    MultiShard,
    /// The master of every node, or a replica of each when the command reads.
    AllShards,
    /// Every server: masters and replicas.
    AllNodes,
    /// The row has a way of its own: see [`Across`].
    Special,
}

impl Spec {
    /// A row for a command that the table does not have, such as one of a module: for
    /// [`Builder::spec`](crate::Builder::spec). The name is in upper case, both words for a subcommand. Keys on several
    /// nodes are refused.
    ///
    /// ```
    /// use rediscluster::spec::{Access, KeySpec, Spec};
    ///
    /// static JSON_GET: Spec = Spec::new("JSON.GET", -2, Access::Read, &[KeySpec::Range(1, 1, 1)]);
    /// assert!(JSON_GET.takes(3));
    /// ```
    pub const fn new(name: &'static str, arity: i16, access: Access, keys: &'static [KeySpec]) -> Spec {
        Spec {
            name,
            arity,
            since: "",
            group: Group::Modules,
            access,
            keys,
            request: RequestPolicy::OneShard,
            response: ResponsePolicy::AS_IS,
            across: Across::REFUSE,
            wait: WaitArgument::None,
            fast: false,
            in_table: false,
        }
    }

    /// Whether its answer is no single reply: a stream of messages, or nothing at all. A
    /// [`Connection`](crate::Connection) of one's own refuses such commands.
    ///
    /// ```
    /// use rediscluster::spec;
    ///
    /// assert!(spec::find(&[b"MONITOR"]).unwrap().is_answered_by_a_stream());
    /// assert!(!spec::find(&[b"GET"]).unwrap().is_answered_by_a_stream());
    /// ```
    pub fn is_answered_by_a_stream(&self) -> bool {
        let subscribes = self.group == Group::PubSub && self.access == Access::Connection;
        subscribes || matches!(self.name, "MONITOR" | "SYNC" | "PSYNC" | "CLIENT REPLY")
    }

    /// Whether these arguments run a script that may write: what was written before an error stays written. With a wrong
    /// count of keys they run none.
    #[inline]
    pub(crate) fn runs_a_script(&self, args: &Args) -> bool {
        self.is_of_scripts() && self.counts_keys_rightly(args)
    }

    fn counts_keys_rightly(&self, args: &Args) -> bool {
        self.keys.iter().all(|keys| match *keys {
            KeySpec::Numkeys(at, step) => keys_counted(args, at, step).is_some(),
            _ => true,
        })
    }

    /// Whether it is for scripts that may write.
    pub(crate) const fn is_of_scripts(&self) -> bool {
        matches!(self.name.as_bytes(), b"EVAL" | b"EVALSHA" | b"FCALL")
    }

    /// Whether one of its arguments says how many keys there are.
    pub(crate) fn counts_keys(&self) -> bool {
        self.keys.iter().any(|keys| matches!(keys, KeySpec::Numkeys(..)))
    }

    /// Whether the arguments do not say which of them are keys although there are enough of them: a count of keys that
    /// is none or is too large, a pair without its value, streams without their ids. No server runs that, whatever its
    /// version: the count comes before the keys, and none could tell where those end. Of a command of a module that is
    /// not known.
    pub(crate) fn is_refused_for_its_keys(&self, args: &Args, positions: Positions) -> bool {
        self.group != Group::Modules && self.takes(args.len()) && positions(self, args).is_none()
    }

    /// Whether a server heeds it also while it runs a script for too long.
    pub(crate) const fn is_heeded_while_busy(&self) -> bool {
        matches!(self.group, Group::Scripting)
            && matches!(self.name.as_bytes(), b"SCRIPT KILL" | b"FUNCTION KILL" | b"FUNCTION STATS")
    }

    /// Whether the number of arguments, the command's own words included, is one that the command takes.
    pub fn takes(&self, count: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 {
            count >= arity
        } else {
            count == arity
        }
    }

    /// The positions of the keys among `args`, in the order of the arguments; `None` when the arguments do not
    /// say, because there are too few of them or a count is not a number.
    ///
    /// ```
    /// use rediscluster::{cmd, spec};
    ///
    /// let set = cmd("MSET").arg("foo").arg(1).arg("bar").arg(2);
    /// assert_eq!(spec::MSET.key_positions(set.args()), Some(vec![1, 3]));
    /// ```
    pub fn key_positions(&self, args: &Args) -> Option<Vec<usize>> {
        let mut positions = Vec::new();
        for &spec in self.keys {
            match spec {
                KeySpec::Range(..) => in_range(spec, args, &mut positions)?,
                KeySpec::Numkeys(at, step) => {
                    positions.extend((at + 1..).step_by(step.max(1)).take(keys_counted(args, at, step)?));
                }
                KeySpec::HalfAfter(word, from) => {
                    let is_word = |arg: &[u8]| arg.eq_ignore_ascii_case(word.as_bytes());
                    let first = match word {
                        "STREAMS" => StreamWords::of(args)?.streams + 1,
                        _ => from + args.iter().skip(from).position(is_word)? + 1,
                    };
                    let count = args.len() - first;
                    if count == 0 || count % 2 != 0 {
                        return None;
                    }
                    positions.extend(first..first + count / 2);
                }
                KeySpec::Channel(at) => positions.extend((at < args.len()).then_some(at)),
                KeySpec::Migrate => match args.get(3)? {
                    b"" => match after_keys_of_migrate(args) {
                        Some(first) => positions.extend(first..args.len()),
                        // An empty name is a name as well.
                        None => positions.push(3),
                    },
                    _ => positions.push(3),
                },
                KeySpec::Marked => positions.extend_from_slice(args.marked()),
                KeySpec::Options(from, words) => {
                    let values = option_values(args, from, words);
                    positions.extend(
                        values.into_iter().rev().find(|(_, value)| *value == OptionValue::Key).map(|(at, _)| at),
                    );
                }
            }
        }
        sort_by_key(&mut positions, |&position| position);
        Some(positions)
    }

    /// The same where all keys are in ranges, as those of most commands are: a program that has no others has no code for
    /// them.
    pub(crate) fn positions_in_ranges(&self, args: &Args) -> Option<Vec<usize>> {
        let mut positions = Vec::with_capacity(args.len());
        for &spec in self.keys {
            in_range(spec, args, &mut positions)?;
        }
        Some(positions)
    }
}

/// Says which arguments are keys, as [`Spec::key_positions`] does.
pub(crate) type Positions = fn(&Spec, &Args) -> Option<Vec<usize>>;

/// Adds the positions of the keys in a range.
fn in_range(spec: KeySpec, args: &Args, positions: &mut Vec<usize>) -> Option<()> {
    let KeySpec::Range(first, last, step) = spec else { return None };
    let last = if last < 0 { args.len().checked_sub(last.unsigned_abs())? } else { last.unsigned_abs() };
    let step = step.max(1);
    if first > last || last >= args.len() || (last + 1 - first) % step != 0 {
        return None;
    }
    let mut at = first;
    while at <= last {
        positions.push(at);
        at += step;
    }
    Some(())
}

impl Spec {
    /// The name for messages; of a command without a row its first word, never an argument.
    #[inline]
    pub(crate) fn name_of(&self, args: &Args) -> Cow<'static, str> {
        match self.name {
            "" => first_word(args).into(),
            name => name.into(),
        }
    }
}

#[cold]
fn first_word(args: &Args) -> String {
    args.shown(0).to_ascii_uppercase()
}

/// What is known of a command that the table does not have and whose keys the caller marked: it may write.
pub(crate) static MARKED: Spec = Spec::new("", -1, Access::Write, &[KeySpec::Marked]);

/// How many keys the argument at a position counts, each with what belongs to it: `None` unless it is a number as servers
/// write it and so many arguments follow.
fn keys_counted(args: &Args, at: usize, step: usize) -> Option<usize> {
    let digits = args.get(at)?;
    if digits.len() > 1 && !(b'1'..=b'9').contains(&digits[0]) {
        return None;
    }
    let count: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (count <= (args.len() - at - 1) / step.max(1)).then_some(count)
}

/// Where the keys of `MIGRATE` begin; a password in front of them is no option, whatever it looks like.
fn after_keys_of_migrate(args: &Args) -> Option<usize> {
    let mut words = args.iter().enumerate().skip(6);
    while let Some((at, word)) = words.next() {
        let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
        if is("KEYS") {
            return Some(at + 1);
        }
        let values = if is("AUTH2") { 2 } else { usize::from(is("AUTH")) };
        words.by_ref().take(values).for_each(drop);
    }
    None
}

/// The values of options and their positions; a word in the place of a value is no option, whatever it looks like.
fn option_values(args: &Args, from: usize, words: &[(&str, usize, OptionValue)]) -> Vec<(usize, OptionValue)> {
    let mut found = Vec::new();
    let mut values = (0, OptionValue::Plain);
    for (at, arg) in args.iter().enumerate().skip(from) {
        if values.0 > 0 {
            values.0 -= 1;
            found.push((at, values.1));
        } else if let Some((_, count, value)) =
            words.iter().find(|(word, ..)| arg.eq_ignore_ascii_case(word.as_bytes()))
        {
            values = (*count, *value);
        }
    }
    found
}
