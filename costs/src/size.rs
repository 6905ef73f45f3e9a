//! Bytes that programs add, and what it takes to build them.

use crate::binary::{by_module, stripped};
use crate::build::{build, clean_build, toolchain};
use crate::figures::Figures;
use crate::programs::{Profile, Program, EMPTY, OURS, PEERS};

type Result<T> = std::result::Result<T, String>;

/// How much a held program may grow, in percent.
const MAY_GROW: u64 = 2;
/// The committed figures.
const FILE: &str = "size.tsv";
/// Modules that are shown of a program.
const LARGEST: usize = 16;

/// Bytes that a program adds to an empty one.
fn added(program: &Program, profile: Profile) -> Result<u64> {
    let empty = stripped(&build(&EMPTY, profile)?)?;
    Ok(stripped(&build(program, profile)?)?.saturating_sub(empty))
}

/// Measures everything and prints it. One KB is 1,000 bytes.
pub fn all() -> Result<()> {
    println!("{}; KB of 1,000 bytes, stripped, added to an empty program\n", toolchain()?);
    let empty = clean_build(&EMPTY)?.as_secs_f64();
    println!("{:<50} {:>9} {:>9} {:>16}", "program", "release", "small", "CPU s of a build");
    for program in OURS.iter().chain(&PEERS) {
        let added = [added(program, Profile::Release)?, added(program, Profile::Small)?];
        let seconds = clean_build(program)?.as_secs_f64() - empty;
        println!("{:<50} {:>9} {:>9} {seconds:>16.1}", program.title.replace('`', ""), kb(added[0]), kb(added[1]));
    }
    for program in OURS.iter().filter(|program| program.held) {
        println!("\nlargest modules of {:?}, release, KB of code and of data", program.title);
        for (module, text, data) in by_module(&build(program, Profile::Release)?)?.into_iter().take(LARGEST) {
            println!("  {module:<40} {:>7} {:>7}", kb(text), kb(data));
        }
    }
    Ok(())
}

fn kb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

/// What is held of now.
pub fn held() -> Result<Figures> {
    let mut figures = Figures::new(FILE)?;
    for program in OURS.iter().filter(|program| program.held) {
        for profile in Profile::ALL {
            figures.add(name(program, profile), added(program, profile)?);
        }
    }
    Ok(figures)
}

/// Fails when a held program adds more than its figure allows.
pub fn check() -> Result<()> {
    held()?.check(MAY_GROW)
}

fn name(program: &Program, profile: Profile) -> String {
    format!("{} {}", program.binary, profile.name())
}
