//! Contenders take turns at a job: A B C A B C …, so that what disturbs the machine disturbs all of them.

mod allocations;
mod case;
mod clocks;
mod crew;
mod outcome;
mod spread;
mod system_calls;
mod watchdog;

pub use case::{Case, Contender, Curve, Job};
pub use clocks::Times;
pub use crew::Crew;
pub use outcome::{Entry, Outcome};
pub use spread::Spread;
pub use system_calls::SystemCalls;
pub use watchdog::Watchdog;

use case::Beside;
use clocks::Clocks;
use std::time::Instant;

/// What measures.
pub struct Meter {
    pub rounds: usize,
    pub system_calls: SystemCalls,
    pub watchdog: Watchdog,
}

impl Meter {
    /// Measures a case.
    pub fn measure(&mut self, case: Case) -> Outcome {
        self.watchdog.begins(&case.title);
        let Case { title, unit, units, point, most_rounds, turn, least_calls, beside, mut contenders } = case;
        let expected = contenders.iter_mut().find_map(|contender| contender.job.run(1).0);
        let calls: Vec<u64> = contenders
            .iter_mut()
            .map(|contender| {
                let given = contender.job.run(1).0;
                assert!(given.is_none() || given == expected, "{} does another job in {title:?}", contender.name);
                calls_of_a_turn(&mut contender.job, turn.as_secs_f64(), least_calls)
            })
            .collect();
        let mut rounds = vec![Vec::new(); contenders.len()];
        for _ in 0..self.rounds.min(most_rounds) {
            for ((contender, &calls), rounds) in contenders.iter_mut().zip(&calls).zip(&mut rounds) {
                rounds.push(timed(contender, calls).per((calls * units) as f64));
            }
        }
        let entries = contenders.into_iter().zip(calls).zip(rounds).map(|((mut contender, calls), rounds)| {
            let (system_calls, allocations) = self.counted(&mut contender, calls);
            let per_unit = |count: u64| count as f64 / (calls * units) as f64;
            Entry {
                system_calls: system_calls.map(per_unit),
                allocations: allocations.map(per_unit),
                is_alone: contender.is_alone,
                name: contender.name,
                rounds,
            }
        });
        let mut entries: Vec<Entry> = entries.collect();
        let beside = compared(&mut entries, beside);
        Outcome { title, unit, point, beside, entries }
    }

    /// System calls and allocations of one more turn, whose time does not count.
    fn counted(&mut self, contender: &mut Contender, calls: u64) -> (Option<u64>, Option<u64>) {
        if !contender.is_alone || matches!(contender.job, Job::Elsewhere(_)) {
            return (None, None);
        }
        let mut allocations = 0;
        let system_calls = self.system_calls.during(|| {
            allocations = allocations::during(|| {
                contender.job.run(calls);
            });
        });
        (system_calls, (!contender.allocates_elsewhere).then_some(allocations))
    }
}

/// The number of the entry that the others are compared with.
fn compared(entries: &mut Vec<Entry>, beside: Beside) -> usize {
    match beside {
        Beside::Name(name) => entries.iter().position(|entry| entry.name == name).unwrap_or(0),
        Beside::SlowestOf(count, name) => {
            let wall = |entry: &Entry| entry.median(|times| times.wall);
            let slowest = entries.drain(..count).max_by(|one, other| wall(one).total_cmp(&wall(other)));
            let slowest = slowest.expect("there is one at least");
            entries.insert(0, Entry { name: name.to_owned(), ..slowest });
            0
        }
    }
}

/// How many calls take about as long as a turn. What came before is the warming up.
fn calls_of_a_turn(job: &mut Job, turn: f64, least: u64) -> u64 {
    let mut calls = least;
    let mut seconds = |calls| {
        let begin = Instant::now();
        let told = job.run(calls).1;
        told.unwrap_or_else(|| begin.elapsed()).as_secs_f64()
    };
    loop {
        let mut took = seconds(calls);
        if (turn / 4.0..turn * 10.0).contains(&took) {
            // Once more, because a machine that was busy for a moment makes turns too short.
            took = took.min(seconds(calls));
        }
        if took >= turn / 4.0 {
            return ((calls as f64 * turn / took) as u64).max(least);
        }
        let growth = (turn / 3.0 / took.max(1e-9)).clamp(2.0, 50.0);
        calls = (calls as f64 * growth) as u64;
    }
}

fn timed(contender: &mut Contender, calls: u64) -> Times {
    let who = contender.job.who();
    let clocks = Clocks::now(who, &contender.servers);
    let told = contender.job.run(calls).1;
    clocks.until_now(who, &contender.servers, told)
}
