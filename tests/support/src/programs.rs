//! The servers of several versions that a test may be given, and where the repository is.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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

/// Says what is not tested, and why. Not by `println!` or `eprintln!`, which are shown for a failing test only. `make test`
/// lists it in its end: what examples in the documentation say is not shown at all, so it has a file for that.
///
/// A program says the same thing once, however often its helpers meet it.
pub fn skipped(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if !SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned()) {
        return;
    }
    let Some(path) = env::var_os("SKIPPED_LOG") else {
        return writeln!(io::stderr(), "SKIPPED: {what}").expect("standard error");
    };
    let program = env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_stem).map(OsStr::to_string_lossy).unwrap_or_default();
    // Cargo puts a number behind the name of a test; one that begins with `rust_out` or `merged` is of the documentation.
    let name = name.rsplit_once('-').map_or("documentation", |(name, _)| name);
    let mut file = File::options().append(true).create(true).open(&path).expect("the file of SKIPPED_LOG");
    file.write_all(format!("{name}: {what}\n").as_bytes()).expect("the file of SKIPPED_LOG");
}
