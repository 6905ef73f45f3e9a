//! How many instructions a call takes. Times are not stable on shared machines; instructions are.

use crate::build::{build, home};
use crate::figures::Figures;
use crate::programs::{Profile, Program};
use rediscluster_testing::Server;
use std::path::Path;
use std::process::{Command, Stdio};

type Result<T> = std::result::Result<T, String>;

/// How much a call may grow, in percent.
const MAY_GROW: u64 = 3;
/// The committed figures.
const FILE: &str = "instructions.tsv";
/// What connecting takes is in both counts, and so in neither.
const COUNTS: [u64; 2] = [1_000, 3_000];

const OURS: Program = Program { package: "calls", binary: "calls", title: "rediscluster", held: true };
const THEIRS: Program = Program { package: "peer-calls", binary: "peer-calls", title: "redis-rs", held: false };

/// Name of the operation, and what one of it is.
const OPERATIONS: [(&str, &str); 4] = [
    ("get", "GET into Option<String>"),
    ("set-pipelined", "SET in a pipeline of 100"),
    ("get-pipelined", "GET in a pipeline of 100, each into Option<String>"),
    ("mget", "one key of an MGET of 100"),
];

/// Counts and prints those of both clients; gives ours.
pub fn all() -> Result<Figures> {
    println!("{:<55} {:>12} {:>9}", "instructions, one server, short values", OURS.title, THEIRS.title);
    let (ours, theirs) = (build(&OURS, Profile::Release)?, build(&THEIRS, Profile::Release)?);
    let server = prepared();
    let mut figures = Figures::new(FILE)?;
    for (operation, title) in OPERATIONS {
        let own = per_call(&ours, operation, &server)?;
        println!("{title:<55} {own:>12} {:>9}", per_call(&theirs, operation, &server)?);
        figures.add(operation, own);
    }
    Ok(figures)
}

/// Fails when a call of ours takes more than its figure allows. Without valgrind nothing can be counted, which is told.
pub fn check() -> Result<()> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("############ SKIPPED: no valgrind here, so instructions are NOT counted ############");
        return Ok(());
    }
    let ours = build(&OURS, Profile::Release)?;
    let server = prepared();
    let mut figures = Figures::new(FILE)?;
    for (operation, _) in OPERATIONS {
        figures.add(operation, per_call(&ours, operation, &server)?);
    }
    figures.check(MAY_GROW)
}

fn prepared() -> Server {
    let server = Server::start();
    server.ask(&["SET", "foo", "bar"]);
    server
}

/// The instructions of one operation: the difference between many and fewer of them, divided.
fn per_call(binary: &Path, operation: &str, server: &Server) -> Result<u64> {
    let mut collected = [0; 2];
    for (count, collected) in COUNTS.iter().zip(&mut collected) {
        *collected = count_all(binary, operation, *count, &server.address())?;
    }
    Ok(collected[1].saturating_sub(collected[0]) / (COUNTS[1] - COUNTS[0]))
}

fn count_all(binary: &Path, operation: &str, count: u64, address: &str) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(binary).current_dir(home());
    command.args([operation, &count.to_string(), address]).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    collected.filter(|_| output.status.success()).ok_or_else(|| format!("{} {operation}: {said}", binary.display()))
}
