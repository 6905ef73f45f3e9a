//! What is measured.

/// A program that uses the library, or another client.
pub struct Program {
    /// Its package: `programs` for those of this library, else one by itself, so that nothing else is built with it.
    pub package: &'static str,
    /// Its binary.
    pub binary: &'static str,
    /// What it does, for the tables.
    pub title: &'static str,
    /// Whether a check fails when it grows.
    pub held: bool,
    /// Whether the processor time of a clean build is measured, which takes long.
    pub timed: bool,
    /// KB that it may add at most, and those it should add at most; in each profile.
    pub limits: Option<[Limit; 2]>,
}

/// KB of 1,000 bytes.
#[derive(Clone, Copy)]
pub struct Limit {
    pub must: u64,
    pub goal: u64,
}

/// What every other program is compared with.
pub const EMPTY: Program = alone("empty", "nothing");

/// The programs that use this library.
pub const OURS: [Program; 6] = [
    Program { held: true, timed: true, ..ours("get_set", "GET, SET", [(490, 250), (245, 140)]) },
    ours("many_keys", "these and MGET, DEL, INCR, EXPIRE", [(580, 330), (280, 180)]),
    Program { held: true, ..ours("pipeline", "these six and a pipeline", [(700, 430), (330, 220)]) },
    ours("transaction", "GET, SET and a transaction", [(560, 320), (260, 170)]),
    ours("subscriber", "GET, SET and a subscriber", [(680, 400), (310, 200)]),
    ours("by_name", "GET, SET by `cmd(\"NAME\")`, so the table of all commands", [(1_200, 900), (620, 450)]),
];

/// The same GET and SET with redis-rs.
pub const PEERS: [Program; 3] = [
    Program { timed: true, ..alone("bare", "redis-rs without features, one server: GET, SET") },
    Program { timed: true, ..alone("default", "redis-rs, one server: GET, SET") },
    Program { timed: true, ..alone("cluster", "redis-rs with its cluster: GET, SET") },
];

const fn ours(binary: &'static str, title: &'static str, [release, small]: [(u64, u64); 2]) -> Program {
    let limits = Some([Limit { must: release.0, goal: release.1 }, Limit { must: small.0, goal: small.1 }]);
    Program { package: "programs", binary, title, held: false, timed: false, limits }
}

const fn alone(binary: &'static str, title: &'static str) -> Program {
    Program { package: binary, binary, title, held: false, timed: false, limits: None }
}

/// A call whose instructions are counted.
pub struct Operation {
    /// What the programs call it.
    pub name: &'static str,
    /// What one of it is, for the tables.
    pub title: &'static str,
    /// How many instructions it should take at most.
    pub goal: u64,
}

pub const OPERATIONS: [Operation; 4] = [
    operation("get", "`GET` into `Option<String>`", 1_800),
    operation("set-pipelined", "`SET` in a pipeline of 100", 1_000),
    operation("get-pipelined", "`GET` in a pipeline of 100, each into `Option<String>`", 1_300),
    operation("mget", "one key of an `MGET` of 100", 900),
];

const fn operation(name: &'static str, title: &'static str, goal: u64) -> Operation {
    Operation { name, title, goal }
}

/// How a program is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As cargo does it unless told otherwise.
    Release,
    /// For size: `opt-level = "z"`, fat LTO, one codegen unit, abort on panic.
    Small,
}

impl Profile {
    pub const ALL: [Profile; 2] = [Profile::Release, Profile::Small];

    pub fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Small => "small",
        }
    }
}
