//! Every line that the README and the pages tell to type is run, and does what it should: it succeeds.

use rediscluster_testing::Server;
use std::path::Path;
use std::process::{Command, Stdio};

const PAGES: [&str; 3] = [
    include_str!("../../README.md"),
    include_str!("../../docs/command-line.md"),
    include_str!("../../docs/recovery.md"),
];

/// The lines of the fences of `sh` that run this program.
fn lines(page: &str) -> Vec<&str> {
    let fences = page.split("\n```").skip(1).step_by(2).filter_map(|fence| fence.strip_prefix("sh\n"));
    fences.flat_map(str::lines).filter(|line| line.starts_with("rediscluster ")).collect()
}

#[test]
fn what_the_pages_tell_to_type_works() {
    let servers = [Server::start(), Server::start()];
    let [first, second] = [0, 1].map(|at| servers[at].address());
    let program = Path::new(env!("CARGO_BIN_EXE_rediscluster"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("script.txt"), "set foo bar\nget foo\n").unwrap();
    std::fs::write(folder.join("FILE.toml"), format!("[nodes]\nnode_1 = {first:?}\nnode_2 = {second:?}\n")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut ran = 0;
    for line in PAGES.iter().flat_map(|page| lines(page)) {
        let typed = line.replace("127.0.0.1:63791", &first).replace("127.0.0.1:63792", &second);
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(typed.replace(" FILE ", " FILE.toml ")).current_dir(&folder).stdin(Stdio::null());
        shell.env("PATH", format!("{}:{path}", program.parent().unwrap().display()));
        shell.env("REDISCLUSTER_NODES", format!("node_1={first},node_2={second}"));
        let output = shell.output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{line}: {}\n{stdout}{stderr}", output.status);
        assert!(!stdout.is_empty() && !stdout.contains("(error)") && stderr.is_empty(), "{line}:\n{stdout}{stderr}");
        ran += 1;
    }
    assert!(ran >= 15, "{ran} lines");
}
