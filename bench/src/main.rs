//! rediscluster beside other clients: the same jobs, in the same run, taking turns.
//!
//! `make bench` measures everything and writes docs/performance.md; `make bench BENCH=threads` measures one group.
//! BENCH_ROUNDS is how often each contender has its turn; with few of them nothing is written.

mod fleet;
mod goals;
mod groups;
mod measure;
mod peers;
mod report;
mod wire;

use groups::Group;
use measure::{Meter, SystemCalls, Watchdog};
use std::process::ExitCode;

/// How often each contender has its turn.
const ROUNDS: usize = 7;
/// With fewer rounds there is no median to write about.
const ROUNDS_TO_WRITE: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let chosen = chosen(&words)?;
    let rounds = rounds()?;
    // Before any thread, so that it counts all of them.
    let system_calls = SystemCalls::counter();
    if let Some(why) = system_calls.missing() {
        println!("system calls are NOT counted: {why}");
    }
    let facts = report::facts();
    facts.iter().for_each(|(name, fact)| println!("{name}: {fact}"));
    let mut meter = Meter { rounds, system_calls, watchdog: Watchdog::start() };
    let sections: Vec<_> = chosen.into_iter().map(|group| group.measure(&mut meter)).collect();
    let goals = goals::reached(&sections);
    report::terminal::goals(&goals);
    if words.is_empty() && rounds >= ROUNDS_TO_WRITE {
        report::write(&meter, &facts, &goals, &sections).map_err(|error| format!("docs/performance.md: {error}"))?;
    }
    Ok(())
}

/// The groups of these words; all of them without a word.
fn chosen(words: &[String]) -> Result<Vec<&'static Group>, String> {
    let group = |word: &String| {
        let known = groups::ALL.map(|group| group.word).join(", ");
        let found = groups::ALL.into_iter().find(|group| group.word == word);
        found.ok_or_else(|| format!("no group {word:?}; there are {known}"))
    };
    match words {
        [] => Ok(groups::ALL.to_vec()),
        words => words.iter().map(group).collect(),
    }
}

fn rounds() -> Result<usize, String> {
    match std::env::var("BENCH_ROUNDS") {
        Err(_) => Ok(ROUNDS),
        Ok(rounds) => match rounds.parse() {
            Ok(rounds @ 1..) => Ok(rounds),
            _ => Err(format!("BENCH_ROUNDS={rounds} is no number of rounds")),
        },
    }
}
