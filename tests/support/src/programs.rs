//! The servers of several versions that a test may be given.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

/// The servers that `REDISCLUSTER_SERVERS` names, a line `NAME PATH` each, as `scripts/servers.sh` prints; none when it
/// is not set.
pub fn named_programs() -> Vec<(String, PathBuf)> {
    let named = env::var("REDISCLUSTER_SERVERS").unwrap_or_default();
    let program = |line: &str| {
        let (name, path) = line.split_once(' ').unwrap_or_else(|| panic!("REDISCLUSTER_SERVERS: no NAME PATH: {line}"));
        (name.to_owned(), PathBuf::from(path))
    };
    named.lines().map(str::trim).filter(|line| !line.is_empty()).map(program).collect()
}

/// Says what is not tested, and why. Not by `println!` or `eprintln!`, which are shown for a failing test only. `make test`
/// lists these lines in its end.
pub fn skipped(what: &str) {
    writeln!(io::stderr(), "SKIPPED: {what}").expect("standard error");
}
