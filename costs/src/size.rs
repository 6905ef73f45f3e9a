//! Measures, prints and compares.

use crate::binary::{by_module, stripped};
use crate::build::{build, clean_build, home, toolchain};
use crate::figures::Figures;
use crate::programs::{Profile, Program, EMPTY, OURS, PEERS};
use std::fmt::Write;

type Result<T> = std::result::Result<T, String>;

/// How much a held program may grow, in percent.
const MAY_GROW: u64 = 2;
/// The committed figures.
const FILE: &str = "size.tsv";
/// Modules that are shown of a program.
const LARGEST: usize = 16;
/// Where the table stands in the README.
const MARKS: [&str; 2] = ["<!-- sizes: written by make size -->", "<!-- end of sizes -->"];

/// What was measured of one program.
pub struct Measured {
    program: &'static Program,
    /// Bytes added, by profile.
    added: [u64; 2],
    seconds: f64,
}

/// Bytes that a program adds to an empty one.
fn added(program: &Program, profile: Profile) -> Result<u64> {
    let empty = stripped(&build(&EMPTY, profile)?)?;
    Ok(stripped(&build(program, profile)?)?.saturating_sub(empty))
}

/// Measures everything and prints it. One KB is 1,000 bytes.
pub fn all() -> Result<Vec<Measured>> {
    println!("{}; KB of 1,000 bytes, stripped, added to an empty program\n", toolchain()?);
    let empty = clean_build(&EMPTY)?.as_secs_f64();
    println!("{:<50} {:>9} {:>9} {:>16}", "program", "release", "small", "CPU s of a build");
    let mut measured = Vec::new();
    for program in OURS.iter().chain(&PEERS) {
        let added = [added(program, Profile::Release)?, added(program, Profile::Small)?];
        let seconds = clean_build(program)?.as_secs_f64() - empty;
        println!("{:<50} {:>9} {:>9} {seconds:>16.1}", program.title.replace('`', ""), kb(added[0]), kb(added[1]));
        measured.push(Measured { program, added, seconds });
    }
    for program in OURS.iter().filter(|program| program.held) {
        println!("\nlargest modules of {:?}, release, KB of code and of data", program.title);
        for (module, text, data) in by_module(&build(program, Profile::Release)?)?.into_iter().take(LARGEST) {
            println!("  {module:<40} {:>7} {:>7}", kb(text), kb(data));
        }
    }
    Ok(measured)
}

fn kb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

/// Writes the figures that a check compares with, and the table of the README.
pub fn write(measured: &[Measured]) -> Result<()> {
    let mut figures = Figures::new(FILE)?;
    let mut table = String::from(
        "| added to an empty program, in KB | release | `z`, LTO, abort | CPU seconds of a clean build |\n|---|---|---|---|\n",
    );
    for Measured { program, added, seconds } in measured {
        if program.held {
            Profile::ALL.iter().zip(added).for_each(|(profile, bytes)| figures.add(name(program, *profile), *bytes));
        }
        let [release, small] = added.map(|bytes| (bytes + 500) / 1000);
        let _ = writeln!(table, "| {} | {release} | {small} | {seconds:.0} |", program.title);
    }
    figures.write()?;
    let path = home().join("../README.md");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("README.md: {error}"))?;
    let parts = text.split_once(MARKS[0]).and_then(|(head, rest)| Some((head, rest.split_once(MARKS[1])?.1)));
    let (head, tail) = parts.ok_or("README.md has no place for the table of sizes")?;
    let text = format!("{head}{}\n{table}{}{tail}", MARKS[0], MARKS[1]);
    std::fs::write(&path, text).map_err(|error| format!("README.md: {error}"))
}

fn name(program: &Program, profile: Profile) -> String {
    format!("{} {}", program.binary, profile.name())
}

/// Fails when a held program adds more than its figure allows.
pub fn check() -> Result<()> {
    let mut figures = Figures::new(FILE)?;
    for program in OURS.iter().filter(|program| program.held) {
        for profile in Profile::ALL {
            figures.add(name(program, profile), added(program, profile)?);
        }
    }
    figures.check(MAY_GROW)
}
