//! Figures as they are read: with three digits and a unit.

use crate::measure::{Entry, Outcome, Spread};

pub const HEADINGS: [&str; 8] =
    ["who", "time", "speed (quarters)", "client, user", "client, system", "servers", "system calls", "allocations"];

/// A row for each contender.
pub fn rows(outcome: &Outcome) -> Vec<[String; 8]> {
    outcome.entries.iter().enumerate().map(|(number, entry)| row(outcome, number, entry)).collect()
}

fn row(outcome: &Outcome, number: usize, entry: &Entry) -> [String; 8] {
    let speed = if number == outcome.beside { "1".to_owned() } else { ratio(outcome.speed(entry)) };
    let used = |of: fn(&crate::measure::Times) -> f64| match entry.is_alone {
        true => time(entry.median(of)),
        false => String::new(),
    };
    [
        entry.name.clone(),
        time(entry.median(|times| times.wall)),
        speed,
        used(|times| times.user),
        used(|times| times.system),
        used(|times| times.servers),
        entry.system_calls.map(count).unwrap_or_default(),
        entry.allocations.map(count).unwrap_or_default(),
    ]
}

/// `1.72 (1.65–1.80)`.
pub fn ratio(spread: Spread) -> String {
    let Spread { median, low, high } = spread;
    format!("{median:.2} ({low:.2}–{high:.2})")
}

/// Seconds, in what makes them readable.
pub fn time(seconds: f64) -> String {
    let (number, unit) = match seconds {
        _ if seconds < 0.5e-9 => return "0".to_owned(),
        _ if seconds < 1e-6 => (seconds * 1e9, "ns"),
        _ if seconds < 1e-3 => (seconds * 1e6, "µs"),
        _ if seconds < 1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    format!("{} {unit}", digits(number))
}

fn count(number: f64) -> String {
    if number < 0.005 {
        "0".to_owned()
    } else {
        digits(number)
    }
}

/// Three digits, or all of those before the point.
fn digits(number: f64) -> String {
    match number {
        _ if number < 10.0 => format!("{number:.2}"),
        _ if number < 100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}
