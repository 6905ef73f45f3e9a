//! How many instructions a program takes, as valgrind's callgrind counts them.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

type Result<T> = std::result::Result<T, String>;

/// Instructions of one run, or of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// Of the program itself, with the standard library that is linked into it. They depend on the compiler alone.
    pub own: u64,
    /// With those of the system's libraries, which depend on their version and on what they take the processor for.
    pub all: u64,
}

impl Count {
    /// The difference of two runs, for each call that the other one has more.
    pub fn per_call(self, fewer: Count, calls: u64) -> Count {
        let per = |more: u64, fewer: u64| more.saturating_sub(fewer) / calls;
        Count { own: per(self.own, fewer.own), all: per(self.all, fewer.all) }
    }

    /// The smaller of each.
    pub fn smaller(self, other: Count) -> Count {
        Count { own: self.own.min(other.own), all: self.all.min(other.all) }
    }
}

/// The name and version of valgrind, or `None` when there is none.
pub fn version() -> Option<String> {
    let said = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Runs a program to its end and counts. The profile is left in a file, for `callgrind_annotate`.
pub fn count(binary: &Path, words: &[&str], profile: &Path) -> Result<Count> {
    let mut command = Command::new("valgrind");
    let mut file = std::ffi::OsString::from("--callgrind-out-file=");
    file.push(profile);
    command.arg("--tool=callgrind").arg(file).arg(binary).args(words).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run valgrind: {error}"))?;
    if !output.status.success() {
        return Err(format!("{} {words:?}: {}", binary.display(), String::from_utf8_lossy(&output.stderr)));
    }
    let text = std::fs::read(profile).map_err(|error| format!("{}: {error}", profile.display()))?;
    by_object(&String::from_utf8_lossy(&text), &binary.to_string_lossy())
        .ok_or_else(|| format!("{} is no profile of {}", profile.display(), binary.display()))
}

/// Adds up a profile; `None` when it has nothing of this object.
///
/// `ob=(1) NAME` says for the first time, and `ob=(1)` afterwards, whose lines follow: `POSITION INSTRUCTIONS`. The line
/// after `calls=` is what the called function took, which has lines of its own.
fn by_object(profile: &str, object: &str) -> Option<Count> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let (mut count, mut is_own, mut is_of_call) = (Count::default(), false, false);
    for line in profile.lines() {
        if let Some(named) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (id, name) = named.split_once(' ').unwrap_or((named, ""));
            if !name.is_empty() {
                names.insert(id, name);
            }
            if line.starts_with("ob=") {
                is_own = names.get(id) == Some(&object);
            }
        } else if line.starts_with("calls=") {
            is_of_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let instructions: u64 = line.split(' ').nth(1)?.parse().ok()?;
            if !std::mem::take(&mut is_of_call) {
                count.all += instructions;
                count.own += if is_own { instructions } else { 0 };
            }
        }
    }
    (count.own > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
version: 1
positions: line
events: Ir

ob=(1) /lib/libc.so.6
fn=(1) memcpy
0 7
ob=(2) /programs/calls
fl=(1) main.rs
fn=(2) main
16 4
+1 5
cob=(1)
cfn=(1)
calls=2 0
* 7
-3 1
fn=(3) other
cob=(3) /lib/ld.so
cfn=(4) start
calls=1 0
20 100
ob=(3)
fn=(4)
0 100

totals: 117
";

    #[test]
    fn what_is_called_counts_once_and_for_its_own_object() {
        assert_eq!(by_object(PROFILE, "/programs/calls"), Some(Count { own: 10, all: 117 }));
        assert_eq!(by_object(PROFILE, "/programs/other"), None);
    }

    #[test]
    fn calls_share_the_difference() {
        let (more, fewer) = (Count { own: 5_000, all: 9_000 }, Count { own: 3_000, all: 6_000 });
        assert_eq!(more.per_call(fewer, 1_000), Count { own: 2, all: 3 });
    }
}
