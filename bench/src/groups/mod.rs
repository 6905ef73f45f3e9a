//! What is measured, in groups that can be measured alone.

pub mod codec;
pub mod commands;
mod cross_node;
pub mod far;
mod growth;
mod pipelines;
mod pubsub;
mod scans;
pub mod threads;
mod values;

use crate::measure::{Case, Meter, Outcome};
use crate::report::terminal;

/// Cases that belong together.
pub struct Group {
    /// What it is called on the command line.
    pub word: &'static str,
    pub title: &'static str,
    /// What is done, for the reader of its table.
    pub text: &'static str,
    pub run: fn(&mut Cases),
}

/// All groups, in the order of the page.
pub const ALL: [&Group; 10] = [
    &threads::GROUP,
    &commands::GROUP,
    &pipelines::GROUP,
    &values::GROUP,
    &codec::GROUP,
    &cross_node::GROUP,
    &scans::GROUP,
    &pubsub::GROUP,
    &growth::GROUP,
    &far::GROUP,
];

/// A group, measured.
pub struct Section {
    pub group: &'static Group,
    pub outcomes: Vec<Outcome>,
}

/// What a group gives its cases to.
pub struct Cases<'m> {
    meter: &'m mut Meter,
    outcomes: Vec<Outcome>,
}

impl Cases<'_> {
    /// Measures one and shows it.
    pub fn measure(&mut self, case: Case) {
        let outcome = self.meter.measure(case);
        terminal::outcome(&outcome);
        self.outcomes.push(outcome);
    }
}

impl Group {
    /// Measures it and shows it.
    pub fn measure(&'static self, meter: &mut Meter) -> Section {
        terminal::group(self);
        let mut cases = Cases { meter, outcomes: Vec::new() };
        (self.run)(&mut cases);
        Section { group: self, outcomes: cases.outcomes }
    }
}
