//! Before anything is written: what is in the way, and emptying the targets where that is wanted.

use super::fleet;
use super::lock::Lock;
use super::report::{keys, Report};
use super::route::Route;
use super::scan::Scan;
use super::survey;
use super::wish::Wish;
use std::io::{IsTerminal, Write};

/// Before a new job: all names are looked through, and the targets are emptied where that is wanted.
///
/// # Errors
/// What must not be, or that a server does not answer.
pub fn begin(route: &Route, databases: &[u32], wish: &Wish, lock: &Lock, report: &Report) -> Result<(), String> {
    look_through(route, databases, wish, !wish.replace && !wish.skip_existing && !wish.flush, false, report)?;
    if wish.flush {
        flush(route, databases, wish, lock)?;
    }
    Ok(())
}

/// Looks through all names for what must not be, before anything is written.
///
/// # Errors
/// What that is, or that a server does not answer.
pub fn look_through(
    route: &Route,
    databases: &[u32],
    wish: &Wish,
    existing: bool,
    is_later: bool,
    report: &Report,
) -> Result<(), String> {
    let scan = Scan::new(wish.keys.pattern.as_deref(), wish.keys.kind.as_deref(), None);
    let look = survey::Look { is_full: false, existing, is_later, big: wish.big };
    if !survey::is_needless(route, databases, look)? {
        survey::survey(route, databases, &scan, look, report)?;
    } else if wish.flush || !scan.is_of_all() {
        // Otherwise they are met, and told, while keys are copied.
        survey::stashes(route, databases, report)?;
    }
    match report.troubles() {
        0 => Ok(()),
        number => {
            let lines = report.trouble_lines().join("\n");
            Err(format!("nothing was written, because of {}:\n{lines}\n{}", keys(number), advice(&lines)))
        }
    }
}

/// What may be done about keys that are in the way.
fn advice(lines: &str) -> String {
    let mut advice = Vec::new();
    if lines.contains("a key of this name already") {
        advice.push(
            "--replace replaces keys that are there, --skip-existing leaves them, --flush empties the targets first",
        );
    }
    if lines.contains("leads") || lines.contains("tag") || lines.contains("store") {
        advice.push("--tags and --tag-rule tell full names, --strays keep leaves strays on the node of their number");
    }
    advice.join("\n")
}

fn flush(route: &Route, databases: &[u32], wish: &Wish, lock: &Lock) -> Result<(), String> {
    let places: Vec<String> = route.to.servers.iter().map(fleet::Server::place).collect();
    let numbers: Vec<String> = databases.iter().map(u32::to_string).collect();
    let what = format!("database {} of {}", numbers.join(", "), places.join(", "));
    if !wish.yes {
        if !std::io::stdin().is_terminal() {
            return Err(format!("--flush empties {what}: add --yes"));
        }
        eprint!("Empty {what}? All of their keys are lost. [y/N] ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
        if !answer.trim().eq_ignore_ascii_case("y") {
            return Err("nothing was done".into());
        }
    }
    for link in &mut route.to.open_all()? {
        for &database in databases {
            link.select(database)?;
            let mut commands = vec![vec![b"FLUSHDB".to_vec()]];
            commands.extend((database == 0).then(|| lock.again()));
            link.transaction(&commands)?;
        }
    }
    Ok(())
}
