//! Keys that wait under a name of this program: what is in them belongs to somebody, and nobody finds it.

use super::report::{Finding, Kind};
use super::server::{Failed, Server};
use super::walk::Walk;
use crate::moving::job::{LEAVING, STASH};
use crate::quote::shown;
use rediscluster::{spec, Cmd, Stash, StashContent, StashRole, Value};

/// Tells which of these names, all of which belong to this program, hold what belongs to somebody.
///
/// # Errors
/// Why the server gave no answer.
pub fn tell(walk: &Walk<'_>, server: &Server, database: u32, names: &[&Vec<u8>]) -> Result<(), Failed> {
    let place = |fleet: &super::fleet::Fleet| fleet.members.iter().position(|one| std::ptr::eq(&one.server, server));
    let (from, to) = (place(walk.comparison.from), place(walk.comparison.to));
    for name in names {
        let what = if name.starts_with(LEAVING) {
            let stream = shown(&name[LEAVING.len()..]);
            format!(
                "the stream {stream}, which was about to be deleted here; --finish or --undo of its job brings it back"
            )
        } else if name.starts_with(STASH) {
            match Stash::parse(name) {
                Some(stash) => match in_words(&stash, server, database)? {
                    Some(what) => what,
                    None => continue,
                },
                None => "this program makes no such name, and nobody knows what it holds".to_owned(),
            }
        } else {
            continue;
        };
        let finding = Finding { kind: Kind::Stash, database, name, from, to, what, expiries: None };
        walk.comparison.report.tell(&finding, walk.progress);
    }
    Ok(())
}

/// What a stash holds; `None` when that is nothing, or a copy of what is in its key.
fn in_words(stash: &Stash, server: &Server, database: u32) -> Result<Option<String>, Failed> {
    let (command, key) = (stash.command(), shown(stash.key()));
    let how = match stash.role() {
        StashRole::From => format!("{command} has taken it from {key}"),
        StashRole::To => format!("{command} was bringing it into {key}"),
        StashRole::Copy => return Ok(None),
    };
    let kind = server.ask(database, Cmd::new(&spec::TYPE).arg(stash.name()));
    match kind.map_err(|error| server.told(&error))? {
        Value::Simple(kind) if kind == b"none" => Ok(None),
        // It was emptied, and says so for a while.
        Value::Simple(kind) if kind == b"string" && stash.content() != StashContent::Value => Ok(None),
        _ => Ok(Some(format!("{how}, and has not ended yet or was cut short: see `rediscluster recover`"))),
    }
}
