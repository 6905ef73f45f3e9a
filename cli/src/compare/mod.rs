//! `compare`: whether two fleets hold the same keys.

pub mod content;
mod fleet;
mod forward;
mod progress;
mod report;
mod reverse;
pub mod server;
mod stashes;
mod walk;
mod wish;

use crate::asked;
use crate::moving::{self, stop::Stop};
use crate::options::Options;
use crate::render::Mode;
use crate::tags::Places;
use fleet::Fleet;
use progress::Progress;
use report::Report;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;
use walk::{Comparison, Walk};
pub use wish::Wish;

/// The exit status when keys differ.
const DIFFERENT: u8 = 1;
/// The exit status when not everything could be compared.
const NOT_COMPARED: u8 = 2;
/// What a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 128 + 2;
/// Clocks that differ by more milliseconds than this are told of: expiry is a moment by the server's own clock.
const CLOCKS_DIFFER: i64 = 1000;

/// Compares two fleets, when that is asked for.
///
/// # Errors
/// When the output cannot be written.
pub fn run(options: &Options) -> io::Result<Option<ExitCode>> {
    let Some((first, words)) = options.command.split_first() else { return Ok(None) };
    if first != "compare" {
        return Ok(None);
    }
    let mut wish = match Wish::read(words) {
        Ok(wish) => wish,
        Err(message) if message.use_stderr() => {
            eprint!("{}", asked::without_secrets(&message.to_string(), words));
            return Ok(Some(ExitCode::from(NOT_COMPARED)));
        }
        Err(help) => return help.print().map(|()| Some(ExitCode::SUCCESS)),
    };
    wish.json |= matches!(options.style(false).mode, Mode::Json | Mode::QuotedJson);
    let compared = sides(options, &wish).and_then(|(from, to)| {
        let places = Places::new(&wish.tags, from.nodes, to.nodes, wish.tags.of_both(from.hash_tags, to.hash_tags)?)?;
        Ok((from, to, places, Stop::new(None, None)?))
    });
    match compared {
        Ok((from, to, places, stop)) => fleets(&wish, &from, &to, &places, &stop).map(Some),
        Err(message) => {
            eprintln!("rediscluster: {message}");
            Ok(Some(ExitCode::from(NOT_COMPARED)))
        }
    }
}

/// The servers of both sides, all asked at the same time.
fn sides(options: &Options, wish: &Wish) -> Result<(Fleet, Fleet), String> {
    if options.database.is_some() {
        return Err("compare: -n is for commands in one database; --databases chooses those to compare".into());
    }
    let open = |name: &str, list: &str| {
        let fleet = moving::side(options, list).and_then(Fleet::connect);
        fleet.map_err(|error| format!("{name}: {error}"))
    };
    thread::scope(|scope| {
        let to = scope.spawn(|| open("--to", &wish.to));
        let from = open("--from", &wish.from);
        let to = to.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((from?, to?))
    })
}

/// Goes through the keys of the source, then through those of the target.
fn fleets(wish: &Wish, from: &Fleet, to: &Fleet, places: &Places, stop: &Stop) -> io::Result<ExitCode> {
    let begun = Instant::now();
    remarks_before(from, to, places).iter().for_each(|remark| eprintln!("rediscluster: {remark}"));
    let databases: BTreeSet<u32> = match wish.keys.databases.is_empty() {
        true => &from.databases() | &to.databases(),
        false => wish.keys.databases.iter().copied().collect(),
    };
    let databases: Vec<u32> = databases.into_iter().collect();
    let report = Report::new(from, to, wish.json, stop);
    let comparison = Comparison { wish, from, to, places, report: &report, stop, renamed: Mutex::default() };
    let (one, is_enough) = walk(&comparison, "source", from, &databases, forward::source);
    let (other, was_enough) = walk(&comparison, "target", to, &databases, reverse::target);
    if let Some(error) = report.unwritten() {
        return Err(error);
    }
    let whole = !stop.ends() && !is_enough && !was_enough;
    writeln!(io::stdout(), "{}", report.end(begun.elapsed().as_secs_f64(), [one, other], whole))?;
    report.remarks(places.are_untold()).iter().for_each(|remark| eprintln!("rediscluster: {remark}"));
    report.failures().iter().for_each(|why| eprintln!("rediscluster: {why}"));
    Ok(match () {
        () if !report.failures().is_empty() => ExitCode::from(NOT_COMPARED),
        () if stop.was_told() => ExitCode::from(INTERRUPTED),
        () if report.incomparable() > 0 => ExitCode::from(NOT_COMPARED),
        () if report.count() > 0 => ExitCode::from(DIFFERENT),
        () => ExitCode::SUCCESS,
    })
}

/// Goes through all servers of one side at the same time. Gives how far that was, and whether it was as far as it should.
fn walk(
    comparison: &Comparison<'_>,
    side: &'static str,
    fleet: &Fleet,
    databases: &[u32],
    each: impl Fn(&Walk<'_>, usize, &[u32]) -> Result<(), String> + Sync,
) -> ((u64, u64), bool) {
    let keys = fleet.members.iter().flat_map(|member| &member.keys);
    let total = keys.filter(|(database, _)| databases.contains(database)).map(|(_, count)| count).sum();
    let progress = Progress::new(side, total, comparison.wish.json);
    let walk = Walk::new(comparison, &progress);
    thread::scope(|scope| {
        for at in 0..fleet.members.len() {
            let (walk, each) = (&walk, &each);
            scope.spawn(move || each(walk, at, databases).unwrap_or_else(|why| walk.comparison.report.fail(why)));
        }
    });
    progress.end();
    (progress.far(), walk.is_enough())
}

/// What has to be known before.
fn remarks_before(from: &Fleet, to: &Fleet, places: &Places) -> Vec<String> {
    let mut remarks = Vec::new();
    if places.are_untold() {
        remarks.push(format!(
            "{} nodes against {}, and nobody said which keys have tags (--tags, --tag-rule or --untagged): every key is \
             looked for on all nodes of the target, and which of them it belongs to is not checked",
            from.nodes, to.nodes
        ));
    }
    for one in &from.members {
        for other in to.members.iter().filter(|other| other.server.run_id() == one.server.run_id()) {
            let (one, other) = (one.server.place(), other.server.place());
            remarks
                .push(format!("{one} of the source is {other} of the target: its keys are compared with themselves"));
        }
    }
    let servers = || from.members.iter().chain(&to.members).map(|member| &member.server);
    let (slow, fast) = (servers().min_by_key(|server| server.ahead()), servers().max_by_key(|server| server.ahead()));
    if let (Some(slow), Some(fast)) = (slow, fast) {
        let apart = fast.ahead() - slow.ahead();
        if apart > CLOCKS_DIFFER {
            let (slow, fast) = (slow.place(), fast.place());
            remarks
                .push(format!("the clock of {fast} is {apart} ms ahead of that of {slow}: keys expire earlier there"));
        }
    }
    remarks
}
