//! How many instructions a call takes. Times are not stable on shared machines; instructions are.

use crate::build::{build, home, toolchain};
use crate::callgrind::{self, Count};
use crate::figures::{write_readme, Figures};
use crate::programs::{Operation, Profile, Program, OPERATIONS};
use crate::readme;
use rediscluster_testing::Server;
use std::path::Path;
use std::process::Command;

type Result<T> = std::result::Result<T, String>;

/// How much a call may grow, in percent.
const MAY_GROW: u64 = 3;
/// Figures of everything that runs in the program.
const ALL: &str = "instructions.tsv";
/// Figures without the system's libraries, which hold on machines with others.
const OWN: &str = "instructions_own.tsv";
/// What connecting takes is in both counts, and so in neither.
const COUNTS: [u64; 2] = [1_000, 3_000];

const OURS: Program = Program { package: "calls", binary: "calls", ..crate::programs::EMPTY };
const THEIRS: Program = Program { package: "peer-calls", binary: "peer-calls", ..crate::programs::EMPTY };

/// Of both clients, printed.
pub fn all() -> Result<()> {
    measured(true).map(|_| ())
}

/// Counts and commits to the files and to the README.
pub fn write() -> Result<()> {
    let figures = measured(true)?;
    figures.iter().try_for_each(Figures::write)?;
    write_readme(|text, lock| readme::with_instructions(text, &figures[0].text(), lock))
}

/// Fails when a call of ours takes more than its figure allows.
pub fn check() -> Result<()> {
    // All of both is told before one fails.
    let checked = measured(false)?.map(|figures| figures.check(MAY_GROW));
    checked.into_iter().collect()
}

/// Those of everything and those of the program itself.
fn measured(with_peer: bool) -> Result<[Figures; 2]> {
    let valgrind = callgrind::version().ok_or("cannot run valgrind")?;
    let ours = build(&OURS, Profile::Release)?;
    let theirs = if with_peer { Some(build(&THEIRS, Profile::Release)?) } else { None };
    let server = Server::start();
    server.ask(&["SET", "foo", "bar"]);
    let own_environment = toolchain()?;
    let environment = format!("{own_environment}, {valgrind}, {}, {}", libc(), processor());
    let mut figures = [Figures::new(ALL, environment), Figures::new(OWN, own_environment)];
    println!(
        "{:<50} {:>9} {:>9} {:>6} {:>9}",
        "instructions, one server, short values", "own", "all", "goal", "redis-rs"
    );
    for Operation { name, title, goal } in OPERATIONS {
        let Count { own, all } = per_call(&ours, name, &server)?;
        let peer = theirs.as_deref().map(|theirs| per_call(theirs, name, &server)).transpose()?;
        let told = peer.as_ref().map(|count| count.all.to_string()).unwrap_or_default();
        println!("{:<50} {own:>9} {all:>9} {goal:>6} {told:>9}", title.replace('`', ""));
        figures[0].add(name, all);
        figures[1].add(name, own);
        peer.into_iter().for_each(|count| figures[0].add(readme::peer_row(name), count.all));
    }
    Ok(figures)
}

/// The instructions of one operation: the difference between many and fewer of them, divided. The smaller of two
/// measurements, because a machine that is busy makes work of its own: a reply that comes in two pieces is read twice.
fn per_call(binary: &Path, operation: &str, server: &Server) -> Result<Count> {
    let profile = home().join(format!("target/{operation}.callgrind"));
    let of = |count: u64| callgrind::count(binary, &[operation, &count.to_string(), &server.address()], &profile);
    let measured = || Ok::<_, String>((of(COUNTS[0])?, of(COUNTS[1])?));
    let (one, other) = (measured()?, measured()?);
    let per_call = |(fewer, more): (Count, Count)| more.per_call(fewer, COUNTS[1] - COUNTS[0]);
    Ok(per_call(one).smaller(per_call(other)))
}

/// The system's library, which allocates and copies memory.
fn libc() -> String {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default();
    if said.is_empty() {
        "unknown libc".to_owned()
    } else {
        said
    }
}

/// What a library looks for in the processor to choose how it copies, and how it makes a checksum.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    let known = ["sse4_2", "avx2", "bmi2", "erms", "pclmulqdq"];
    known.into_iter().filter(|known| flags.split_whitespace().any(|flag| flag == *known)).collect::<Vec<_>>().join(" ")
}
