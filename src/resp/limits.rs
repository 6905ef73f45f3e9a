//! What a connection speaks, and how much of it.

/// The version of the protocol that a connection speaks.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// RESP2, which every server speaks from the start.
    #[default]
    Resp2,
    /// RESP3, agreed by `HELLO 3`; since Redis 6.0.
    Resp3,
}

/// What a server may send before it counts as broken.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep aggregates may lie in one another; 128 unless told, 1,024 at most.
    pub nesting: usize,
    /// The longest string, in bytes; 512 MiB unless told.
    pub bulk: usize,
    /// The longest line (a status, an error, a number), in bytes; 64 KiB unless told.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { nesting: 128, bulk: 512 << 20, line: 64 << 10 }
    }
}
