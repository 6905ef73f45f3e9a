//! The seeds of the fuzzers, and what once crashed, for addresses and commands. For the protocol see `tests/decoder.rs`; for
//! `INFO`, which only the library itself reads, the test beside it.

#[path = "../fuzz/words.rs"]
mod words;

/// Runs a check on every input that is kept for a target. Says how many there were.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    let folders = ["seeds", "kept", "crashes"].map(|kind| rediscluster_testing::repository().join("fuzz").join(kind));
    // A target that has never crashed has no folder for that.
    let entries = folders.iter().filter_map(|folder| folder.join(target).read_dir().ok()).flatten();
    let run = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(&path).unwrap());
    };
    entries.map(run).count()
}

#[test]
fn seeds_and_crashes_pass() {
    assert!(replay("nodes", words::nodes) > 0, "no seeds for addresses");
    assert!(replay("plan", words::plan) > 0, "no seeds for commands");
    // It reads the seeds of `plan`, and has a folder for its crashes alone.
    replay("route", words::plan);
}
