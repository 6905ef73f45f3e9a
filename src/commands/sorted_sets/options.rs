//! The words that go with commands on sorted sets, and their members with scores.

use crate::command::Args;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::{Items, ValueRef};
use crate::to_arg::{iterators, ToArg, ToArgs};
use std::collections::{BTreeMap, HashMap};

/// A member of a sorted set with its score.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct ScoredMember<M> {
    /// The member.
    pub member: M,
    /// Its score; may be infinite, is never NaN.
    pub score: f64,
}

impl<M> ScoredMember<M> {
    /// A member with a score.
    #[inline]
    pub fn new(member: M, score: f64) -> ScoredMember<M> {
        ScoredMember { member, score }
    }
}

impl<M: FromValue> FromValue for ScoredMember<M> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ScoredMember<M>> {
        <(M, f64)>::from_value(value).map(|(member, score)| ScoredMember { member, score })
    }

    /// Takes members and scores in turn (RESP2), and each pair in a list of its own (RESP3).
    #[inline]
    fn from_items(items: Items<'_>) -> Result<Vec<ScoredMember<M>>> {
        let pairs = <(M, f64)>::from_items(items)?;
        Ok(pairs.into_iter().map(|(member, score)| ScoredMember { member, score }).collect())
    }

    /// The empty list stands for a member that is not there.
    #[inline]
    fn from_optional(value: ValueRef<'_>) -> Result<Option<ScoredMember<M>>> {
        match value.items() {
            Some(items) if items.len() == 0 => Ok(None),
            None if value == ValueRef::Nil => Ok(None),
            _ => ScoredMember::from_value(value).map(Some),
        }
    }
}

/// A list of members with their scores, for [`zadd`](crate::SortedSetCommands::zadd).
///
/// It is made of pairs `(score, member)`, in Redis's own order; of [`ScoredMember`]s; or it is a map from members to
/// scores. A single pair is a list of one.
///
/// ```
/// use rediscluster::{ScoredMember, ToScored};
/// use std::collections::HashMap;
///
/// fn takes(_: impl ToScored) {}
///
/// takes((1.5, "anna"));
/// takes([(1, "anna"), (2, "bert")]);
/// takes(vec![ScoredMember::new("anna", 1.5)]);
/// takes(HashMap::from([("anna", 1.5)]));
/// ```
pub trait ToScored {
    /// Appends the members in order, in front of each its score.
    fn write_scored(&self, args: &mut Args);
}

impl<T: ToScored + ?Sized> ToScored for &T {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        (**self).write_scored(args);
    }
}

impl<S: ToArg, M: ToArg> ToScored for (S, M) {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.0.write_arg(args);
        self.1.write_arg(args);
    }
}

impl<M: ToArg> ToScored for ScoredMember<M> {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.score.write_arg(args);
        self.member.write_arg(args);
    }
}

impl<T: ToScored> ToScored for [T] {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.iter().for_each(|scored| scored.write_scored(args));
    }
}

impl<T: ToScored, const N: usize> ToScored for [T; N] {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.as_slice().write_scored(args);
    }
}

impl<T: ToScored> ToScored for Vec<T> {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.as_slice().write_scored(args);
    }
}

impl<M: ToArg, S: ToArg> ToScored for BTreeMap<M, S> {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.iter().for_each(|(member, score)| (score, member).write_scored(args));
    }
}

impl<M: ToArg, S: ToArg, H> ToScored for HashMap<M, S, H> {
    #[inline]
    fn write_scored(&self, args: &mut Args) {
        self.iter().for_each(|(member, score)| (score, member).write_scored(args));
    }
}

macro_rules! of_iterators {
    ($([$($generics:tt)*] $iterator:ty;)*) => {$(
        impl<$($generics)*> ToScored for $iterator
        where
            $iterator: Iterator + Clone,
            <$iterator as Iterator>::Item: ToScored,
        {
            /// Goes through a copy of the iterator.
            #[inline]
            fn write_scored(&self, args: &mut Args) {
                self.clone().for_each(|scored| scored.write_scored(args));
            }
        }
    )*};
}
iterators!(of_iterators);

/// What [`zadd`](crate::SortedSetCommands::zadd) is given, as arguments.
pub(super) struct Scored<P>(pub(super) P);

impl<P: ToScored> ToArgs for Scored<P> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.0.write_scored(args);
    }
}

/// The options of [`zadd_with`](crate::SortedSetCommands::zadd_with) and
/// [`zadd_incr`](crate::SortedSetCommands::zadd_incr).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ZAddOptions {
    existence: Option<&'static str>,
    comparison: Option<&'static str>,
    changed: bool,
}

impl ZAddOptions {
    /// No options.
    #[inline]
    pub fn new() -> ZAddOptions {
        ZAddOptions::default()
    }

    /// Only adds members and leaves those that are there as they are: `NX`. Servers refuse it together with
    /// [`if_greater`](ZAddOptions::if_greater) and [`if_less`](ZAddOptions::if_less).
    #[inline]
    pub fn if_missing(mut self) -> ZAddOptions {
        self.existence = Some("NX");
        self
    }

    /// Only changes members that are there and adds none: `XX`.
    #[inline]
    pub fn if_exists(mut self) -> ZAddOptions {
        self.existence = Some("XX");
        self
    }

    /// Changes a member that is there only when the new score is greater: `GT`, since Redis 6.2.0. New members are
    /// added all the same.
    #[inline]
    pub fn if_greater(mut self) -> ZAddOptions {
        self.comparison = Some("GT");
        self
    }

    /// Changes a member that is there only when the new score is less: `LT`, since Redis 6.2.0. New members are
    /// added all the same.
    #[inline]
    pub fn if_less(mut self) -> ZAddOptions {
        self.comparison = Some("LT");
        self
    }

    /// Counts the members whose score has changed, too, and not only the new ones: `CH`.
    #[inline]
    pub fn changed(mut self) -> ZAddOptions {
        self.changed = true;
        self
    }
}

impl ToArgs for ZAddOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let words = [self.existence, self.comparison, self.changed.then_some("CH")];
        words.into_iter().flatten().for_each(|word| word.write_arg(args));
    }
}

/// The name of the sorted set that members were taken from, and the members: see
/// [`zmpop`](crate::SortedSetCommands::zmpop).
pub type PoppedMembers<N, M> = (N, Vec<ScoredMember<M>>);

/// From which end of a sorted set members are taken: see [`zmpop`](crate::SortedSetCommands::zmpop).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScoreEnd {
    /// Those with the lowest scores, the lowest first.
    Lowest,
    /// Those with the highest scores, the highest first.
    Highest,
}

impl ToArg for ScoreEnd {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            ScoreEnd::Lowest => "MIN",
            ScoreEnd::Highest => "MAX",
        };
        word.write_arg(args);
    }
}

/// What becomes of the scores of a member that is in several sorted sets.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// They are added up.
    Sum,
    /// The least one counts.
    Min,
    /// The greatest one counts.
    Max,
}

impl ToArg for Aggregate {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            Aggregate::Sum => "SUM",
            Aggregate::Min => "MIN",
            Aggregate::Max => "MAX",
        };
        word.write_arg(args);
    }
}

/// How unions and intersections of sorted sets make scores: see
/// [`zunionstore_with`](crate::SortedSetCombineCommands::zunionstore_with).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ZCombineOptions {
    weights: Vec<f64>,
    aggregate: Option<Aggregate>,
}

impl ZCombineOptions {
    /// No options: every score counts once, and scores are added up.
    #[inline]
    pub fn new() -> ZCombineOptions {
        ZCombineOptions::default()
    }

    /// Multiplies the scores of each set, in the order of the keys, before anything else: `WEIGHTS`. There must be
    /// as many as there are keys.
    #[inline]
    pub fn weights(mut self, weights: impl IntoIterator<Item = f64>) -> ZCombineOptions {
        self.weights = weights.into_iter().collect();
        self
    }

    /// What becomes of several scores of one member: `AGGREGATE`.
    #[inline]
    pub fn aggregate(mut self, aggregate: Aggregate) -> ZCombineOptions {
        self.aggregate = Some(aggregate);
        self
    }
}

impl ToArgs for ZCombineOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if !self.weights.is_empty() {
            "WEIGHTS".write_arg(args);
            self.weights.write_args(args);
        }
        if let Some(aggregate) = self.aggregate {
            "AGGREGATE".write_arg(args);
            aggregate.write_arg(args);
        }
    }
}
