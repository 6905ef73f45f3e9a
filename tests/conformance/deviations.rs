//! Where the table differs from what servers say of themselves, and why.

/// A difference between rows and servers.
#[derive(Debug)]
pub struct Deviation {
    pub what: What,
    pub names: &'static [&'static str],
    /// On these servers it is seen, and on no other.
    pub servers: &'static [&'static str],
    pub reason: &'static str,
}

/// What differs; the value is the server's.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    /// The server has the command, the table does not.
    NoRow,
    /// The table has the command, no server tells of it. It counts for the first server.
    NotTold,
    Access(&'static str),
    Arity(i64),
    Since(&'static str),
    Keys,
}

const ALL: &[&str] = &["redis-6.2", "redis-7.0", "redis-8.2", "valkey-9.1"];
const OLD: &[&str] = &["redis-6.2"];
const VALKEY: &[&str] = &["valkey-9.1"];
const SINCE_7: &[&str] = &["redis-7.0", "redis-8.2", "valkey-9.1"];

pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        what: What::NoRow,
        names: &["HOST:", "POST"],
        servers: OLD,
        reason: "no commands: they catch browsers that are made to talk to a server, which closes the connection",
    },
    Deviation {
        what: What::NoRow,
        names: &["STRALGO"],
        servers: OLD,
        reason: "LCS since Redis 7.0, which no longer has it by this name",
    },
    Deviation {
        what: What::NotTold,
        names: &["DEBUG OBJECT"],
        servers: OLD,
        reason: "servers tell of DEBUG only; the one form of it that has a key has a row, so that it is routed",
    },
    Deviation {
        what: What::Access("neither"),
        names: &["EVAL", "EVALSHA"],
        servers: ALL,
        reason: "a script may write, so it goes to a master",
    },
    Deviation {
        what: What::Access("neither"),
        names: &["FCALL"],
        servers: SINCE_7,
        reason: "a function may write, so it goes to a master",
    },
    Deviation {
        what: What::Arity(3),
        names: &["EXPIRE", "EXPIREAT", "PEXPIRE", "PEXPIREAT", "XSETID"],
        servers: OLD,
        reason: "they take options since Redis 7.0",
    },
    Deviation {
        what: What::Arity(3),
        names: &["ZRANK", "ZREVRANK"],
        servers: &["redis-6.2", "redis-7.0"],
        reason: "they take WITHSCORE since Redis 7.2",
    },
    Deviation {
        what: What::Arity(-4),
        names: &["COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS"],
        servers: &["redis-7.0"],
        reason: "later versions also take the name of a command alone",
    },
    Deviation {
        what: What::Arity(-3),
        names: &["PFDEBUG"],
        servers: OLD,
        reason: "later versions take no more than they use",
    },
    Deviation {
        what: What::Arity(3),
        names: &["CLUSTER REPLICATE", "SCRIPT DEBUG"],
        servers: &["redis-7.0", "redis-8.2"],
        reason: "Valkey's take more",
    },
    Deviation {
        what: What::Since("2.9.50"),
        names: &["CLIENT PAUSE"],
        servers: &["redis-7.0"],
        reason: "later versions count it for the release, 3.0.0",
    },
    Deviation {
        what: What::Since("8.0.0"),
        names: &["CLUSTER SLOT-STATS"],
        servers: VALKEY,
        reason: "Valkey had it before Redis; rows of both go by Redis",
    },
    Deviation {
        what: What::Since("9.0.0"),
        names: &[
            "HEXPIRE",
            "HEXPIREAT",
            "HEXPIRETIME",
            "HGETEX",
            "HPERSIST",
            "HPEXPIRE",
            "HPEXPIREAT",
            "HPEXPIRETIME",
            "HPTTL",
            "HSETEX",
            "HTTL",
        ],
        servers: VALKEY,
        reason: "Valkey took them over from Redis; rows of both go by Redis",
    },
    Deviation {
        what: What::Since("9.1.0"),
        names: &["HGETDEL"],
        servers: VALKEY,
        reason: "Valkey took it over from Redis; rows of both go by Redis",
    },
    Deviation {
        what: What::Keys,
        names: &["PUBLISH"],
        servers: ALL,
        reason: "its channel is no key, and is placed like one",
    },
    Deviation {
        what: What::Keys,
        names: &["SPUBLISH"],
        servers: SINCE_7,
        reason: "its channel is no key, and is placed like one",
    },
    Deviation {
        what: What::Keys,
        names: &["DEBUG OBJECT"],
        servers: OLD,
        reason: "servers tell of DEBUG only, which has no keys",
    },
    Deviation {
        what: What::Keys,
        names: &["PFMERGE"],
        servers: SINCE_7,
        reason: "servers take a destination without sources, and still call it invalid when asked for its keys",
    },
    Deviation {
        what: What::Keys,
        names: &["MIGRATE"],
        servers: OLD,
        reason: "it takes a password for the word KEYS when it is asked for the keys, and for a password when it runs",
    },
];
