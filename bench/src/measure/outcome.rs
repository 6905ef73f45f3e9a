//! What came of a case.

use super::case::Curve;
use super::clocks::Times;
use super::spread::{median, Spread};

/// One case, measured.
pub struct Outcome {
    pub title: String,
    pub unit: &'static str,
    pub point: Option<(Curve, u64)>,
    /// The one of `entries` that the others are compared with.
    pub beside: usize,
    pub entries: Vec<Entry>,
}

/// One contender, measured: everything for one unit.
pub struct Entry {
    pub name: String,
    /// By round.
    pub rounds: Vec<Times>,
    pub system_calls: Option<f64>,
    pub allocations: Option<f64>,
    pub is_alone: bool,
}

impl Entry {
    /// The median of the rounds.
    pub fn median(&self, of: impl Fn(&Times) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }

    /// How many times as much of something this one takes as another, within each round: what slows a whole round down
    /// slows both.
    pub fn ratio(&self, other: &Entry, of: impl Fn(&Times) -> f64) -> Spread {
        Spread::of(self.rounds.iter().zip(&other.rounds).map(|(own, other)| of(own) / of(other)))
    }
}

impl Outcome {
    /// A contender by its name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// How many times as fast it is as the one that all are compared with.
    pub fn speed(&self, entry: &Entry) -> Spread {
        self.entries[self.beside].ratio(entry, |times| times.wall)
    }
}
