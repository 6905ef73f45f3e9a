//! The README's tables of sizes and of instructions, written from the committed figures. `tests/readme.rs` of the library reads
//! this file as well.

use crate::programs::{Profile, Program, OPERATIONS, OURS, PEERS};

/// The name of the figure that is not a size: seconds of a clean build.
pub const BUILD: &str = "build";

/// A table of the README: the lines around it.
struct Marks {
    begin: &'static str,
    end: &'static str,
}

const SIZES: Marks =
    Marks { begin: "<!-- sizes: `make size COSTS=--write` writes them -->\n", end: "<!-- end of sizes -->\n" };
const INSTRUCTIONS: Marks = Marks {
    begin: "<!-- instructions: `make instructions COSTS=--write` writes them -->\n",
    end: "<!-- end of instructions -->\n",
};

/// The name of a figure.
pub fn row(program: &Program, figure: &str) -> String {
    format!("{} {figure}", program.binary)
}

/// The name of the figure that redis-rs has for an operation.
pub fn peer_row(operation: &str) -> String {
    format!("redis-rs {operation}")
}

/// The README with the table of sizes that these figures make. Tells what is missing.
pub fn with_sizes(readme: &str, figures: &str, lock: &str) -> Result<String, String> {
    with_table(readme, &SIZES, &sizes(figures, lock)?)
}

/// The README with the table of instructions that these figures make. Tells what is missing.
pub fn with_instructions(readme: &str, figures: &str, lock: &str) -> Result<String, String> {
    with_table(readme, &INSTRUCTIONS, &instructions(figures, lock)?)
}

fn with_table(readme: &str, marks: &Marks, table: &str) -> Result<String, String> {
    let Marks { begin, end } = marks;
    let (before, rest) = readme.split_once(begin).ok_or_else(|| format!("no line {begin}"))?;
    let (_, after) = rest.split_once(end).ok_or_else(|| format!("no line {end}"))?;
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

/// A figure by its name.
fn figure(figures: &str, name: &str) -> Result<u64, String> {
    let found = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t')?.parse().ok());
    found.ok_or_else(|| format!("the figures have no row {name}"))
}

fn instructions(figures: &str, lock: &str) -> Result<String, String> {
    let peer = version_of("redis", lock).ok_or("the lock file names no version of redis")?;
    let mut text = format!("| instructions of | rediscluster | redis-rs {peer} |\n|---|--:|--:|\n");
    for operation in &OPERATIONS {
        let (ours, theirs) = (figure(figures, operation.name)?, figure(figures, &peer_row(operation.name))?);
        text.push_str(&format!("| {} | {ours} | {theirs} |\n", operation.title));
    }
    Ok(text)
}

fn sizes(figures: &str, lock: &str) -> Result<String, String> {
    let toolchain = figures.lines().next().unwrap_or_default();
    let peer = version_of("redis", lock).ok_or("the lock file names no version of redis")?;
    let figure = |program: &Program, name: &str| figure(figures, &row(program, name));
    let mut text = format!("| {toolchain}, redis-rs {peer} | `release` | `small` | build |\n|---|--:|--:|--:|\n");
    for program in OURS.iter().chain(&PEERS) {
        text.push_str(&format!("| {} |", program.title));
        for profile in Profile::ALL {
            text.push_str(&format!(" {} |", (figure(program, profile.name())? + 500) / 1000));
        }
        match program.timed {
            true => text.push_str(&format!(" {} s |\n", figure(program, BUILD)?)),
            false => text.push_str(" |\n"),
        }
    }
    Ok(text)
}

fn version_of<'t>(package: &str, lock: &'t str) -> Option<&'t str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0)
}
