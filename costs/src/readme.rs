//! The README's table of sizes, written from the committed figures. `tests/readme.rs` of the library reads this file as well.

use crate::programs::{Profile, Program, OURS, PEERS};

/// The name of the figure that is not a size: seconds of a clean build.
pub const BUILD: &str = "build";

const BEGIN: &str = "<!-- sizes: `make size COSTS=--write` writes them -->\n";
const END: &str = "<!-- end of sizes -->\n";

/// The name of a figure.
pub fn row(program: &Program, figure: &str) -> String {
    format!("{} {figure}", program.binary)
}

/// The README with the table that these figures make. Tells what is missing.
pub fn with_sizes(readme: &str, figures: &str, lock: &str) -> Result<String, String> {
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(|| format!("no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("no line {END}"))?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", sizes(figures, lock)?))
}

fn sizes(figures: &str, lock: &str) -> Result<String, String> {
    let toolchain = figures.lines().next().unwrap_or_default();
    let peer = version_of("redis", lock).ok_or("the lock file names no version of redis")?;
    let figure = |program: &Program, name: &str| -> Result<u64, String> {
        let name = row(program, name);
        let found = figures.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix('\t')?.parse().ok());
        found.ok_or_else(|| format!("the figures have no row {name}"))
    };
    let mut text = format!("\n| {toolchain}, redis-rs {peer} | `release` | `small` | build |\n|---|--:|--:|--:|\n");
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
    text.push('\n');
    Ok(text)
}

fn version_of<'t>(package: &str, lock: &'t str) -> Option<&'t str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0)
}
