//! The commands of this program itself, and those of them that the command table answers without any server.

use crate::asked;
use crate::commands::{commands, help};
use crate::render::Mode;
use crate::{compare, moving, nodes, recover, top, verify};

/// One of them, in words.
pub struct Own {
    pub name: &'static str,
    arguments: &'static str,
    /// What it does, in lines that fit behind the names.
    does: &'static [&'static str],
    /// What `--help` says of its options, where it has many.
    options: Option<fn() -> String>,
}

/// All of them.
pub const OWN: [Own; 11] = [
    Own {
        name: "node-for",
        arguments: " KEY...",
        does: &["Show which node each key lives on, and its address"],
        options: None,
    },
    Own {
        name: "nodes",
        arguments: "",
        does: &[
            "Show every server: role, replicas and their state, keys, memory; the",
            "status is 1 when one of them does not answer. --check shows what is",
            "wrong instead, for monitoring: a line for each problem, and status 1.",
            "With --as toml, json, py, php or twemproxy only what is configured,",
            "--with-passwords as well",
        ],
        options: Some(asked::help::<nodes::Wish>),
    },
    Own {
        name: "explain",
        arguments: " CMD...",
        does: &["Show what a command would do on which servers, without sending it"],
        options: None,
    },
    Own {
        name: "clone",
        arguments: " ...",
        does: &[
            "Copy all keys of a fleet to another one of any number of nodes:",
            "--from LIST --to LIST; clone --help has all options. redis-copy and",
            "redis-sharding are the same",
        ],
        options: Some(clone_help),
    },
    Own {
        name: "reshard",
        arguments: " ...",
        does: &[
            "Make the nodes those of --to LIST, of which servers may be nodes",
            "already; reshard --help has all options",
        ],
        options: Some(reshard_help),
    },
    Own {
        name: "compare",
        arguments: " ...",
        does: &[
            "Compare every key of one fleet with those of another one, --from LIST",
            "--to LIST; the status is 1 when any differs. See compare --help",
        ],
        options: Some(asked::help::<compare::Wish>),
    },
    Own {
        name: "recover",
        arguments: "",
        does: &[
            "Show what programs left behind that ended in the middle of a move",
            "between two nodes; --apply finishes or undoes it. What was used in",
            "the last 60 s is left alone, or in the last --older-than SECONDS. Of a",
            "clone or reshard: how far it is; --resume, --finish, --undo. See",
            "recover --help",
        ],
        options: Some(asked::help::<recover::Wish>),
    },
    Own {
        name: "top",
        arguments: "",
        does: &[
            "Show live what the servers do: operations, hits, memory, clients, keys,",
            "replicas, slow commands; --once shows it once, with --json for programs",
        ],
        options: Some(asked::help::<top::Wish>),
    },
    Own {
        name: "verify",
        arguments: "",
        does: &[
            "Walk through all keys of all nodes and show which are not where they",
            "belong, with status 1; --fix moves those whose place is certain. See",
            "docs/looking-after-a-fleet.md for what it has to be told of tags",
        ],
        options: Some(asked::help::<verify::Wish>),
    },
    Own {
        name: "commands",
        arguments: "",
        does: &["Show the command table; with --json or --tsv for programs"],
        options: None,
    },
    Own {
        name: "help",
        arguments: " CMD",
        does: &["Show what is known of a Redis command, or of one of these"],
        options: None,
    },
];

fn clone_help() -> String {
    moving::wish::help("clone")
}

fn reshard_help() -> String {
    moving::wish::help("reshard")
}

impl Own {
    fn usage(&self) -> String {
        format!("{}{}", self.name, self.arguments)
    }

    /// What it does, for people.
    pub fn help(&self) -> String {
        match self.options {
            Some(options) => options(),
            None => format!("{}\n  {}\n", self.usage(), self.does.join("\n  ")),
        }
    }
}

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.name)
}

/// All of them with what they do.
pub fn list() -> String {
    let one = |own: &Own| format!("  {:<15}  {}\n", own.usage(), own.does.join("\n                   "));
    OWN.iter().map(one).collect()
}

/// Whether a command line is one of them.
pub fn is_own(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|word| OWN.iter().any(|own| own.name.as_bytes() == word.as_slice()))
}

/// What can be answered without servers, so that no nodes have to be given; `None` for every other command.
pub fn without_servers(words: &[Vec<u8>], mode: Mode) -> Option<Result<String, String>> {
    let (first, rest) = words.split_first()?;
    let own = OWN.iter().find(|own| own.name.as_bytes() == first.as_slice())?;
    match (own.name, rest) {
        (_, [only]) if only == b"--help" => Some(Ok(own.help())),
        ("commands", _) => Some(commands(rest, matches!(mode, Mode::Json | Mode::QuotedJson))),
        ("help", _) => Some(help(rest)),
        _ => None,
    }
}
