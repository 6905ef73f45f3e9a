//! The servers of several versions that a test may be given, and where the repository is.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The directory of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/support lies in the repository")
}

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

/// Says what is not tested. Not by `eprintln!`, which is shown for a failing test only.
pub fn skipped(what: &str) {
    writeln!(io::stderr(), "############ SKIPPED: {what} ############").expect("standard error");
}
