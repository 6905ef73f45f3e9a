//! What is to be reached, and whether it was, by this run.

use crate::groups::{codec, commands, far, threads, Section};
use crate::measure::{Outcome, Spread, Times};
use crate::peers::redis_rs;
use crate::report;

/// One goal, beside what was measured.
pub struct Reached {
    pub what: &'static str,
    pub goal: String,
    pub measured: String,
    pub verdict: String,
}

struct Goal {
    what: &'static str,
    bound: Bound,
    measured: fn(&[Section]) -> Option<Spread>,
    /// What else has to be known about what was measured.
    note: fn(&[Section]) -> Option<String>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

const GOALS: [Goal; 7] = [
    Goal {
        what: "calls a second, 64 threads, GET, default settings, beside redis-rs with r2d2 and 64 connections",
        bound: Bound::AtLeast(1.7),
        measured: |sections| speed(sections, &threads::title(64), threads::DEFAULT, threads::R2D2_64),
        note: |_| None,
    },
    Goal {
        what: "the same with a pool of 4",
        bound: Bound::AtLeast(2.5),
        measured: |sections| speed(sections, &threads::title(64), threads::POOL_OF_4, threads::R2D2_64),
        note: |_| None,
    },
    Goal {
        what: "256 threads, GET, default settings, beside redis-rs with r2d2 and 64 connections",
        bound: Bound::AtLeast(2.5),
        measured: |sections| speed(sections, &threads::title(256), threads::DEFAULT, threads::R2D2_64),
        note: |_| None,
    },
    Goal {
        what: "processor time of client and server together, 64 threads, pool of 4, beside redis-rs with r2d2 and 64 connections",
        bound: Bound::AtMost(0.45),
        measured: |sections| {
            ratio(sections, &threads::title(64), threads::POOL_OF_4, threads::R2D2_64, Times::processor)
        },
        note: |_| None,
    },
    Goal {
        what: "MGET of 100 keys over 3 nodes, beside redis-rs on one",
        bound: Bound::AtLeast(1.3),
        measured: |sections| speed(sections, commands::MGET, commands::THREE_NODES, redis_rs::NAME),
        note: |_| None,
    },
    Goal {
        what: "decoding into owned strings, beside hiredis",
        bound: Bound::AtLeast(2.0),
        measured: |sections| speed(sections, codec::OWNED, codec::US, "hiredis"),
        note: |sections| {
            let most = speed(sections, codec::OWNED, codec::BARE, "hiredis")?;
            Some(format!("making the same strings without any decoding is {} times as fast as hiredis", report::ratio(most)))
        },
    },
    Goal {
        what: "time of a call to 8 nodes that are each 5 ms away, beside the slowest node alone",
        bound: Bound::AtMost(1.1),
        measured: slowest_fan_out,
        note: |_| None,
    },
];

/// All goals whose cases were measured.
pub fn reached(sections: &[Section]) -> Vec<Reached> {
    let reached = |goal: &Goal| {
        let measured = (goal.measured)(sections)?;
        let (sign, bound, is_reached) = match goal.bound {
            Bound::AtLeast(bound) => ('≥', bound, measured.median >= bound),
            Bound::AtMost(bound) => ('≤', bound, measured.median <= bound),
        };
        let verdict = if is_reached { "reached" } else { "**not reached**" };
        Some(Reached {
            what: goal.what,
            goal: format!("{sign} {bound}"),
            measured: report::ratio(measured),
            verdict: (goal.note)(sections).map_or_else(|| verdict.to_owned(), |note| format!("{verdict}: {note}")),
        })
    };
    GOALS.iter().filter_map(reached).collect()
}

/// Of all calls that meet every node, the one that comes out worst.
fn slowest_fan_out(sections: &[Section]) -> Option<Spread> {
    let of = |name: &&str| ratio(sections, far::TITLE, name, far::SLOWEST, |times| times.wall);
    far::FAN_OUTS.iter().filter_map(of).max_by(|one, other| one.median.total_cmp(&other.median))
}

fn outcome<'s>(sections: &'s [Section], title: &str) -> Option<&'s Outcome> {
    sections.iter().flat_map(|section| &section.outcomes).find(|outcome| outcome.title == title)
}

/// How much of something one contender of a case takes, as a part of what another one takes.
fn ratio(sections: &[Section], title: &str, who: &str, beside: &str, of: impl Fn(&Times) -> f64) -> Option<Spread> {
    let outcome = outcome(sections, title)?;
    Some(outcome.entry(who)?.ratio(outcome.entry(beside)?, of))
}

/// How many times as fast one contender of a case is as another.
fn speed(sections: &[Section], title: &str, who: &str, beside: &str) -> Option<Spread> {
    ratio(sections, title, beside, who, |times| times.wall)
}
