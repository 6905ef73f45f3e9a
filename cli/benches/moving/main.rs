//! What `clone` costs, beside two raw pipelines of `DUMP` and `RESTORE` with the same payloads, in one run: `make bench-moving`.
//!
//!     --write           writes the table into docs/moving-a-fleet.md
//!     --program PATH    measures another build of `rediscluster`
//!     --share N         a hundredth part so many times: 10 is a tenth of the keys

mod cost;
mod raw;
mod table;

use raw::Raw;
use rediscluster_testing::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// So many rounds; the one in the middle counts, because other programs run as well.
const ROUNDS: usize = 3;
/// How often it is looked how much memory the program takes.
const LOOK: Duration = Duration::from_millis(20);

/// What lies at the source.
struct Case {
    what: &'static str,
    keys: u64,
    targets: usize,
    fill: fn(&mut Raw, u64),
    options: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case { what: "strings of 20 bytes, 1 → 1", keys: 1_000_000, targets: 1, fill: small, options: &[] },
    Case {
        what: "strings of 20 bytes, a half expires, 1 → 3",
        keys: 1_000_000,
        targets: 3,
        fill: expiring,
        options: &[],
    },
    Case { what: "strings of 1 KiB, 1 → 1", keys: 300_000, targets: 1, fill: kibibytes, options: &[] },
    Case { what: "hashes of 10 fields, 1 → 1", keys: 200_000, targets: 1, fill: hashes, options: &[] },
    Case { what: "hashes of 200,000 fields, in pieces", keys: 8, targets: 1, fill: large, options: &["--big", "4mb"] },
];

fn small(raw: &mut Raw, keys: u64) {
    raw.each(keys, |number| vec![b"SET".to_vec(), name(number), value(number, 20)]);
}

fn expiring(raw: &mut Raw, keys: u64) {
    raw.each(keys, |number| {
        let mut words = vec![b"SET".to_vec(), name(number), value(number, 20)];
        if number % 2 == 0 {
            words.extend([b"PX".to_vec(), (100_000_000 + number).to_string().into_bytes()]);
        }
        words
    });
}

fn kibibytes(raw: &mut Raw, keys: u64) {
    raw.each(keys, |number| vec![b"SET".to_vec(), name(number), value(number, 1024)]);
}

fn hashes(raw: &mut Raw, keys: u64) {
    raw.each(keys, |number| {
        let mut words = vec![b"HSET".to_vec(), name(number)];
        (0..10).for_each(|field| words.extend([format!("field:{field}").into_bytes(), value(number + field, 12)]));
        words
    });
}

fn large(raw: &mut Raw, keys: u64) {
    raw.each(keys * 200, |number| {
        let mut words = vec![b"HSET".to_vec(), name(number % keys)];
        let fields = (0..1000).map(|field| number / keys * 1000 + field);
        fields.for_each(|field| words.extend([format!("field:{field}").into_bytes(), value(field, 20)]));
        words
    });
}

fn name(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

/// Letters and digits that do not repeat, so that nothing can be packed.
fn value(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"[(state >> 32) as usize % 64]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// One round of one case, in seconds.
#[derive(Clone, Copy, Default)]
pub struct Round {
    keys: u64,
    /// What the source worked for `DUMP` alone, and a target for `RESTORE`.
    dump: f64,
    restore: f64,
    /// What they worked while `clone` copied, and what that worked itself.
    source: f64,
    targets: f64,
    program: f64,
    /// By the clock.
    took: f64,
    /// The most memory that the program took, in bytes.
    memory: u64,
}

impl Round {
    fn ratio(&self) -> f64 {
        (self.source + self.targets) / (self.dump + self.restore)
    }
}

fn round(case: &Case, keys: u64, program: &Path, source: &Server, targets: &[Server]) -> Round {
    let empty = || targets.iter().for_each(|target| drop(target.ask(&["FLUSHALL"])));
    let worked = || targets.iter().map(cost::of).sum::<f64>();
    empty();
    let (mut from, mut to) = (Raw::to(source), Raw::to(&targets[0]));
    let names = from.names();
    let before = (cost::of(source), worked());
    for names in names.chunks(raw::TOGETHER) {
        to.restore(names, &from.dump(names));
    }
    let (dump, restore) = (cost::of(source) - before.0, worked() - before.1);
    assert_eq!(targets[0].ask(&["DBSIZE"]).int() as u64, keys);
    empty();
    let place = |(at, server): (usize, &Server)| format!("node_{}={}", at + 1, server.address());
    let list: Vec<String> = targets.iter().enumerate().map(place).collect();
    let mut command = Command::new(program);
    command.args(["clone", "--from", &source.address(), "--to", &list.join(","), "--untagged", "--json"]);
    command.args(case.options).stdout(Stdio::null());
    let before = (cost::of(source), worked(), cost::of_children());
    let (begun, mut memory) = (Instant::now(), 0);
    let mut child = command.spawn().expect("our program");
    let status = loop {
        memory = cost::memory(child.id()).max(memory);
        match child.try_wait().expect("its state") {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    let took = begun.elapsed().as_secs_f64();
    assert!(status.success(), "{}", case.what);
    let round = Round {
        keys,
        dump,
        restore,
        source: cost::of(source) - before.0,
        targets: worked() - before.1,
        program: cost::of_children() - before.2,
        took,
        memory,
    };
    let own = |target: &Server| target.ask(&["EXISTS", "rediscluster:job", "rediscluster:job:progress"]).int();
    let there: i64 = targets.iter().map(|target| target.ask(&["DBSIZE"]).int() - own(target)).sum();
    assert_eq!(there as u64, keys, "{}", case.what);
    round
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (mut program, mut writes, mut share) = (PathBuf::from(env!("CARGO_BIN_EXE_rediscluster")), false, 100);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => writes = true,
            "--program" => program = words.next().expect("--program PATH").into(),
            "--share" => share = words.next().and_then(|text| text.parse().ok()).expect("--share N"),
            // Cargo says this to every benchmark.
            "--bench" => {}
            other => panic!("{other} is not known"),
        }
    }
    let mut table = table::Table::new();
    for case in &CASES {
        let keys = (case.keys * share / 100).max(1);
        let source = Server::start();
        let targets: Vec<Server> = (0..case.targets).map(|_| Server::start()).collect();
        (case.fill)(&mut Raw::to(&source), keys);
        let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| round(case, keys, &program, &source, &targets)).collect();
        rounds.iter().for_each(|round| eprintln!("{}", table::line(case.what, round)));
        rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
        table.add(case.what, &rounds[ROUNDS / 2]);
    }
    println!("{}", table.text());
    if writes {
        table.write();
    }
}
