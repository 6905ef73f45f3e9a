//! Bytes that programs add, and what it takes to build them.

use crate::binary::{by_module, by_section, of_library, stripped};
use crate::build::{build, clean_build, library, toolchain};
use crate::figures::{write_readme, Figures};
use crate::programs::{Limit, Profile, Program, EMPTY, OURS, PEERS};
use crate::readme;

type Result<T> = std::result::Result<T, String>;

/// How much a held program may grow, in percent.
const MAY_GROW: u64 = 2;
/// The committed figures.
const FILE: &str = "size.tsv";
/// Modules that are shown of a program.
const LARGEST: usize = 16;
/// Modules whose code is made where a program uses it, and not with the library, by `#[inline]` or a type parameter: else every build
/// takes the time, and every program that uses the file next to it in an object file has their tables for panics.
const MADE_WHERE_USED: [&str; 8] =
    ["commands", "cross_node", "explain", "pipeline", "pubsub", "scan", "table", "transaction"];
/// Bytes of code of such a module that may be made with the library: what makes an error need not be made where it is used.
const MAY_BE_MADE: u64 = 4_000;

/// Bytes that a program adds to an empty one.
fn added(program: &Program, profile: Profile) -> Result<u64> {
    let empty = stripped(&build(&EMPTY, profile)?)?;
    Ok(stripped(&build(program, profile)?)?.saturating_sub(empty))
}

/// Measures everything and prints it. One KB is 1,000 bytes.
pub fn all() -> Result<Figures> {
    let mut figures = Figures::new(FILE, toolchain()?);
    println!("{}; KB of 1,000 bytes, stripped, added to an empty program\n", toolchain()?);
    let empty = clean_build(&EMPTY)?;
    println!(
        "{:<60} {:>8} {:<10} {:>8} {:<9} {:>9}",
        "program", "release", "must/goal", "small", "must/goal", "build, s"
    );
    for program in OURS.iter().chain(&PEERS) {
        print!("{:<60}", program.title.replace('`', ""));
        for (nth, profile) in Profile::ALL.into_iter().enumerate() {
            let bytes = added(program, profile)?;
            figures.add(readme::row(program, profile.name()), bytes);
            let limit = program.limits.map(|limits| limits[nth]);
            let limit = limit.map(|Limit { must, goal }| format!("{must}/{goal}")).unwrap_or_default();
            print!(" {:>8} {limit:<9}", kb(bytes));
        }
        if program.timed {
            // Of the processor, by all that the build starts.
            let time = clean_build(program)?.saturating_sub(empty);
            figures.add(readme::row(program, readme::BUILD), (time.as_millis() as u64 + 500) / 1000);
            print!(" {:>9.1}", time.as_secs_f64());
        }
        println!();
    }
    for program in OURS.iter().filter(|program| program.held) {
        let binary = build(program, Profile::Release)?;
        println!("\n{}, release: KB of its largest sections", program.title.replace('`', ""));
        for (section, bytes) in by_section(&binary)?.into_iter().take(LARGEST / 2) {
            println!("  {section:<40} {:>7}", kb(bytes));
        }
        println!("its largest modules: KB of code and of named data");
        for (module, text, data) in by_module(&binary)?.into_iter().take(LARGEST) {
            println!("  {module:<40} {:>7} {:>7}", kb(text), kb(data));
        }
    }
    let made = made_with_library()?;
    println!("\nthe library by itself, release: KB of code that is made whether or not it is used");
    for (module, text) in made.iter().take(LARGEST) {
        println!("  {module:<40} {:>7}", kb(*text));
    }
    println!("  {:<40} {:>7}", "all", kb(made.iter().map(|(_, text)| text).sum()));
    Ok(figures)
}

/// Bytes of code by module that are made with the library, whatever a program uses.
fn made_with_library() -> Result<Vec<(String, u64)>> {
    let modules = of_library(&library(Profile::Release)?)?;
    Ok(modules.into_iter().map(|(module, text, _)| (module, text)).collect())
}

fn kb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}

/// Measures everything, and commits it to its file and to the README.
pub fn write() -> Result<()> {
    let figures = all()?;
    figures.write()?;
    write_readme(|text, lock| readme::with_sizes(text, &figures.text(), lock))
}

/// Fails when a held program adds more than its figure allows. Builds nothing else.
pub fn check() -> Result<()> {
    let mut figures = Figures::new(FILE, toolchain()?);
    for program in OURS.iter().filter(|program| program.held) {
        for profile in Profile::ALL {
            figures.add(readme::row(program, profile.name()), added(program, profile)?);
        }
    }
    for (module, text) in made_with_library()? {
        let room = module.strip_prefix("rediscluster::").unwrap_or_default();
        if MADE_WHERE_USED.contains(&room) && text > MAY_BE_MADE {
            return Err(format!(
                "{module}: {} KB of code are made with the library, used or not: see \"Code that is made where it is used\" in CONTRIBUTING.md",
                kb(text)
            ));
        }
    }
    figures.check(MAY_GROW)
}
