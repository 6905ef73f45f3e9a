//! Which part of a sorted set is meant.

use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs};
use std::borrow::Cow;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// One end of a range of scores.
///
/// A number is an end that belongs to the range; so are the infinities.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum ScoreBound {
    /// This score belongs to the range.
    Inclusive(f64),
    /// This score does not belong to the range any more.
    Exclusive(f64),
}

impl ScoreBound {
    /// Below every score: `-inf`.
    pub const MIN: ScoreBound = ScoreBound::Inclusive(f64::NEG_INFINITY);
    /// Above every score: `inf`.
    pub const MAX: ScoreBound = ScoreBound::Inclusive(f64::INFINITY);
}

impl<T: Into<f64>> From<T> for ScoreBound {
    #[inline]
    fn from(score: T) -> ScoreBound {
        ScoreBound::Inclusive(score.into())
    }
}

impl ToArg for ScoreBound {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        match self {
            ScoreBound::Inclusive(score) => score.write_arg(args),
            ScoreBound::Exclusive(score) => format!("({score}").write_arg(args),
        }
    }
}

/// A range of scores: one of Rust's ranges, or a pair of [`ScoreBound`]s or numbers, the lower one first.
///
/// ```
/// use rediscluster::{ScoreBound, ScoreRange};
///
/// assert_eq!(ScoreRange::from(1..3), ScoreRange::from((1, ScoreBound::Exclusive(3.0))));
/// assert_eq!(ScoreRange::from(..=2.5), ScoreRange::from((ScoreBound::MIN, 2.5)));
/// assert_eq!(ScoreRange::from(..), ScoreRange::from(f64::NEG_INFINITY..=f64::INFINITY));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    min: ScoreBound,
    max: ScoreBound,
}

impl ScoreRange {
    /// The range in the order in which the reversed commands want it.
    #[inline]
    pub(super) fn reversed(self) -> ScoreRange {
        ScoreRange { min: self.max, max: self.min }
    }
}

impl ToArgs for ScoreRange {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.min.write_arg(args);
        self.max.write_arg(args);
    }
}

impl<A: Into<ScoreBound>, B: Into<ScoreBound>> From<(A, B)> for ScoreRange {
    #[inline]
    fn from((min, max): (A, B)) -> ScoreRange {
        ScoreRange { min: min.into(), max: max.into() }
    }
}

impl From<RangeFull> for ScoreRange {
    #[inline]
    fn from(_: RangeFull) -> ScoreRange {
        ScoreRange { min: ScoreBound::MIN, max: ScoreBound::MAX }
    }
}

impl<T: Into<f64>> From<Range<T>> for ScoreRange {
    #[inline]
    fn from(range: Range<T>) -> ScoreRange {
        (range.start, ScoreBound::Exclusive(range.end.into())).into()
    }
}

impl<T: Into<f64>> From<RangeInclusive<T>> for ScoreRange {
    #[inline]
    fn from(range: RangeInclusive<T>) -> ScoreRange {
        range.into_inner().into()
    }
}

impl<T: Into<f64>> From<RangeFrom<T>> for ScoreRange {
    #[inline]
    fn from(range: RangeFrom<T>) -> ScoreRange {
        (range.start, ScoreBound::MAX).into()
    }
}

impl<T: Into<f64>> From<RangeTo<T>> for ScoreRange {
    #[inline]
    fn from(range: RangeTo<T>) -> ScoreRange {
        (ScoreBound::MIN, ScoreBound::Exclusive(range.end.into())).into()
    }
}

impl<T: Into<f64>> From<RangeToInclusive<T>> for ScoreRange {
    #[inline]
    fn from(range: RangeToInclusive<T>) -> ScoreRange {
        (ScoreBound::MIN, range.end).into()
    }
}

/// One end of a range of members that all have the same score, so that they stand in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LexBound(Cow<'static, [u8]>);

impl LexBound {
    /// Before every member: `-`.
    pub const MIN: LexBound = LexBound(Cow::Borrowed(b"-"));
    /// After every member: `+`.
    pub const MAX: LexBound = LexBound(Cow::Borrowed(b"+"));

    /// This member belongs to the range.
    #[inline]
    pub fn inclusive(member: impl ToArg) -> LexBound {
        LexBound::marked(b'[', member)
    }

    /// This member does not belong to the range any more.
    #[inline]
    pub fn exclusive(member: impl ToArg) -> LexBound {
        LexBound::marked(b'(', member)
    }

    #[inline]
    fn marked(mark: u8, member: impl ToArg) -> LexBound {
        let mut args = Args::new();
        member.write_arg(&mut args);
        let member = args.get(0).unwrap_or_default();
        LexBound(std::iter::once(mark).chain(member.iter().copied()).collect())
    }
}

impl ToArg for LexBound {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        args.push(&self.0);
    }
}

/// A range of members that all have the same score: one of Rust's ranges, or a pair of [`LexBound`]s, the lower one
/// first.
///
/// ```
/// use rediscluster::{LexBound, LexRange};
///
/// assert_eq!(LexRange::from("a".."c"), LexRange::from((LexBound::inclusive("a"), LexBound::exclusive("c"))));
/// assert_eq!(LexRange::from(..), LexRange::from((LexBound::MIN, LexBound::MAX)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LexRange {
    min: LexBound,
    max: LexBound,
}

impl LexRange {
    /// The range in the order in which the reversed commands want it.
    #[inline]
    pub(super) fn reversed(self) -> LexRange {
        LexRange { min: self.max, max: self.min }
    }
}

impl ToArgs for LexRange {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.min.write_arg(args);
        self.max.write_arg(args);
    }
}

impl From<(LexBound, LexBound)> for LexRange {
    #[inline]
    fn from((min, max): (LexBound, LexBound)) -> LexRange {
        LexRange { min, max }
    }
}

impl From<RangeFull> for LexRange {
    #[inline]
    fn from(_: RangeFull) -> LexRange {
        LexRange { min: LexBound::MIN, max: LexBound::MAX }
    }
}

impl<T: ToArg> From<Range<T>> for LexRange {
    #[inline]
    fn from(range: Range<T>) -> LexRange {
        LexRange { min: LexBound::inclusive(range.start), max: LexBound::exclusive(range.end) }
    }
}

impl<T: ToArg> From<RangeInclusive<T>> for LexRange {
    #[inline]
    fn from(range: RangeInclusive<T>) -> LexRange {
        let (min, max) = range.into_inner();
        LexRange { min: LexBound::inclusive(min), max: LexBound::inclusive(max) }
    }
}

impl<T: ToArg> From<RangeFrom<T>> for LexRange {
    #[inline]
    fn from(range: RangeFrom<T>) -> LexRange {
        LexRange { min: LexBound::inclusive(range.start), max: LexBound::MAX }
    }
}

impl<T: ToArg> From<RangeTo<T>> for LexRange {
    #[inline]
    fn from(range: RangeTo<T>) -> LexRange {
        LexRange { min: LexBound::MIN, max: LexBound::exclusive(range.end) }
    }
}

impl<T: ToArg> From<RangeToInclusive<T>> for LexRange {
    #[inline]
    fn from(range: RangeToInclusive<T>) -> LexRange {
        LexRange { min: LexBound::MIN, max: LexBound::inclusive(range.end) }
    }
}

/// Some of what a range holds: so many are passed over, so many are given. `LIMIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    offset: u64,
    count: Option<u64>,
}

impl Limit {
    /// After the first `offset`, up to `count`.
    #[inline]
    pub fn new(offset: u64, count: u64) -> Limit {
        Limit { offset, count: Some(count) }
    }

    /// The first `count`.
    #[inline]
    pub fn first(count: u64) -> Limit {
        Limit::new(0, count)
    }

    /// All but the first `offset`.
    #[inline]
    pub fn after(offset: u64) -> Limit {
        Limit { offset, count: None }
    }
}

impl ToArgs for Limit {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        "LIMIT".write_arg(args);
        self.offset.write_arg(args);
        match self.count {
            Some(count) => count.write_arg(args),
            None => (-1).write_arg(args),
        }
    }
}

/// A part of a sorted set as [`zrange_by`](crate::SortedSetRangeCommands::zrange_by) takes it: by rank, by score or
/// by the order of the members.
#[derive(Debug, Clone, PartialEq)]
pub struct ZRange {
    by: By,
    rev: bool,
    limit: Option<Limit>,
}

#[derive(Debug, Clone, PartialEq)]
enum By {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange),
}

impl ZRange {
    /// From one rank to another, both included; 0 is the first, −1 the last.
    #[inline]
    pub fn by_rank(start: i64, stop: i64) -> ZRange {
        ZRange { by: By::Rank(start, stop), rev: false, limit: None }
    }

    /// Whose scores lie in a range: `BYSCORE`.
    #[inline]
    pub fn by_score(range: impl Into<ScoreRange>) -> ZRange {
        ZRange { by: By::Score(range.into()), rev: false, limit: None }
    }

    /// Which lie in a range themselves, where all have the same score: `BYLEX`.
    #[inline]
    pub fn by_lex(range: impl Into<LexRange>) -> ZRange {
        ZRange { by: By::Lex(range.into()), rev: false, limit: None }
    }

    /// From the highest to the lowest, ranks counted from the highest: `REV`. The lower end of a range is still
    /// given first.
    #[inline]
    pub fn rev(mut self) -> ZRange {
        self.rev = true;
        self
    }

    /// Only some of them: `LIMIT`. Servers refuse it by rank.
    #[inline]
    pub fn limit(mut self, limit: Limit) -> ZRange {
        self.limit = Some(limit);
        self
    }
}

impl ToArgs for ZRange {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match (&self.by, self.rev) {
            (By::Rank(start, stop), _) => {
                start.write_arg(args);
                stop.write_arg(args);
            }
            (By::Score(range), false) => range.write_args(args),
            (By::Score(range), true) => range.reversed().write_args(args),
            (By::Lex(range), false) => range.write_args(args),
            (By::Lex(range), true) => range.clone().reversed().write_args(args),
        }
        match self.by {
            By::Rank(..) => {}
            By::Score(_) => "BYSCORE".write_arg(args),
            By::Lex(_) => "BYLEX".write_arg(args),
        }
        if self.rev {
            "REV".write_arg(args);
        }
        self.limit.write_args(args);
    }
}
