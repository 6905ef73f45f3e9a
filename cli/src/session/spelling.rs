//! What was meant by a command that nobody knows.

use crate::session::own::OWN_COMMANDS;
use rediscluster::spec::{Row, ALL};
use std::collections::BTreeSet;

/// The first words of all commands: of servers, in upper case, and of this program, in lower case.
pub fn names() -> BTreeSet<&'static str> {
    let first = |row: &&Row| row.name.split(' ').next();
    let mut names: BTreeSet<&str> = ALL.iter().filter_map(first).collect();
    for name in OWN_COMMANDS.iter().map(|(name, ..)| *name).chain(crate::own::names()) {
        // Some stand in the place of a server's command.
        if !names.contains(&*name.to_uppercase()) {
            names.insert(name);
        }
    }
    names
}

/// The second words of commands that have two.
pub fn subcommands(first: &str) -> BTreeSet<&'static str> {
    let second = |row: &&Row| {
        row.name.split_once(' ').filter(|(name, _)| name.eq_ignore_ascii_case(first)).map(|(_, second)| second)
    };
    ALL.iter().filter_map(second).collect()
}

/// The command that looks most like these words, where there is one and it is not that itself.
pub fn suggestion(words: &[&[u8]]) -> Option<String> {
    let text = |at: usize| words.get(at).map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    let first = text(0)?;
    let subcommands = subcommands(&first);
    if subcommands.is_empty() {
        return nearest(&first, names());
    }
    nearest(&text(1)?, subcommands).map(|second| format!("{first} {second}"))
}

fn nearest(word: &str, names: BTreeSet<&'static str>) -> Option<String> {
    if names.iter().any(|name| name.eq_ignore_ascii_case(word)) {
        return None;
    }
    // Two letters that changed places are one mistake.
    let mistakes = |name: &str| strsim::damerau_levenshtein(word, &name.to_ascii_uppercase());
    let allowed = if word.len() <= 4 { 1 } else { 2 };
    let alike = |name: &str| strsim::jaro_winkler(word, &name.to_ascii_uppercase());
    let mut near: Vec<&str> = names.into_iter().filter(|name| name.len() > 1 && mistakes(name) <= allowed).collect();
    near.sort_by(|one, other| mistakes(one).cmp(&mistakes(other)).then(alike(other).total_cmp(&alike(one))));
    near.first().map(|&name| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    fn meant(line: &str) -> Option<String> {
        suggestion(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_nearly_a_command_is_that_command() {
        for (line, wanted) in [
            ("gte", Some("GET")),
            ("mgte a", Some("MGET")),
            ("flushal", Some("FLUSHALL")),
            ("hgetal h", Some("HGETALL")),
            ("config gt x", Some("CONFIG GET")),
            ("client lst", Some("CLIENT LIST")),
            ("conect node_1", Some("connect")),
            ("get a", None),
            ("config get", None),
            ("config", None),
            ("banana", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(meant(line).as_deref(), wanted, "{line}");
        }
    }
}
