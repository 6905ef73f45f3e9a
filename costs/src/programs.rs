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
}

/// What every other program is compared with.
pub const EMPTY: Program = alone("empty", "nothing");

/// The programs that use this library.
pub const OURS: [Program; 6] = [
    ours("get_set", "GET, SET", true),
    ours("many_keys", "and MGET, DEL, INCR, EXPIRE", false),
    ours("by_name", "`cmd(\"NAME\")`", false),
    ours("pipeline", "the six commands and a pipeline", true),
    ours("transaction", "GET, SET and a transaction", false),
    ours("subscriber", "GET, SET and a subscriber", false),
];

/// The same GET and SET with redis-rs.
pub const PEERS: [Program; 3] = [
    alone("bare", "redis-rs without features, one server: GET, SET"),
    alone("default", "redis-rs, one server: GET, SET"),
    alone("cluster", "redis-rs with Redis Cluster: GET, SET"),
];

const fn ours(binary: &'static str, title: &'static str, held: bool) -> Program {
    Program { package: "programs", binary, title, held }
}

const fn alone(binary: &'static str, title: &'static str) -> Program {
    Program { package: binary, binary, title, held: false }
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
