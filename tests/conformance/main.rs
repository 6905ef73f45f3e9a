//! The command table against what servers of four versions say of themselves.
//!
//! `REDISCLUSTER_SERVERS` names them, a line `NAME PATH` each, as `scripts/servers.sh` prints and `make test` sets
//! it. Every difference between a server and the table stands in `deviations.rs` with its reason, and one that
//! stands there and is none fails as well.

mod arguments;
mod deviations;

use deviations::{What, DEVIATIONS};
use rediscluster::cmd;
use rediscluster::spec::{self, Access, KeySpec, RequestPolicy, Row, ALL};
use rediscluster_testing::{named_programs, skipped, Reply, Server};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

/// What the table is held against.
const NAMES: [&str; 4] = ["redis-6.2", "redis-7.0", "redis-8.2", "valkey-9.1"];

/// A running server and what it says of its commands.
struct Known {
    name: &'static str,
    server: Server,
    /// By the names of the table: `CONFIG GET`, and `CONFIG` for the command that only holds others.
    commands: BTreeMap<String, Told>,
}

struct Told {
    arity: i64,
    flags: HashSet<String>,
    /// The command does nothing by itself: its subcommands do.
    is_container: bool,
    since: Option<String>,
}

fn servers() -> &'static [Known] {
    static SERVERS: OnceLock<Vec<Known>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let named = named_programs();
        let started: Vec<Server> = match named.is_empty() {
            true => vec![Server::start()],
            false => named.into_iter().map(|(_, path)| Server::builder().binary(path).start()).collect(),
        };
        let known: Vec<Known> = started.into_iter().filter_map(ask).collect();
        for name in NAMES {
            if !known.iter().any(|known| known.name == name) {
                skipped(&format!("the command table is NOT compared with {name} (make test gets it)"));
            }
        }
        known
    })
}

/// The name that a server's version has here, and what it knows; `None` for a version that the table is not held to.
fn ask(server: Server) -> Option<Known> {
    let version = match server.field("server", "valkey_version") {
        Some(version) => format!("valkey-{version}"),
        None => format!("redis-{}", server.field("server", "redis_version").expect("a version")),
    };
    let Some(name) = NAMES.into_iter().find(|name| version.starts_with(&format!("{name}."))) else {
        skipped(&format!("{version} is no version that the command table is held to"));
        return None;
    };
    let mut commands = BTreeMap::new();
    list(server.ask(&["COMMAND"])).into_iter().for_each(|row| read_row(row, &mut commands));
    if name != "redis-6.2" {
        read_docs(server.ask(&["COMMAND", "DOCS"]), &mut commands);
    }
    assert!(commands.len() > 200, "{name} told of {} commands", commands.len());
    Some(Known { name, server, commands })
}

fn list(reply: Reply) -> Vec<Reply> {
    match reply {
        Reply::Array(items) => items,
        other => panic!("expected a list, got {other:?}"),
    }
}

fn table_name(name: &str) -> String {
    name.replace('|', " ").to_uppercase()
}

/// A command as `COMMAND` tells of it: name, arity, flags, first, last, step, and since Redis 7.0 four more.
fn read_row(row: Reply, commands: &mut BTreeMap<String, Told>) {
    let mut row = list(row);
    let subcommands = if row.len() > 9 { list(row.remove(9)) } else { Vec::new() };
    let flags = list(row[2].clone()).iter().map(Reply::text).collect();
    let told = Told { arity: row[1].int(), flags, is_container: !subcommands.is_empty(), since: None };
    commands.insert(table_name(&row[0].text()), told);
    subcommands.into_iter().for_each(|row| read_row(row, commands));
}

/// A list of names and what is known of each, itself a list of names and values.
fn read_docs(docs: Reply, commands: &mut BTreeMap<String, Told>) {
    for pair in list(docs).chunks(2) {
        let name = table_name(&pair[0].text());
        for field in list(pair[1].clone()).chunks(2) {
            match field[0].text().as_str() {
                "since" => {
                    let told = commands.get_mut(&name).expect("COMMAND tells of it, too");
                    told.since = Some(field[1].text());
                }
                "subcommands" => read_docs(field[1].clone(), commands),
                _ => {}
            }
        }
    }
}

/// Compares what was found to differ with what is known to.
fn hold(is_meant: fn(&What) -> bool, found: impl Iterator<Item = (String, &'static str, What)>) {
    let text = |name: &str, server: &str, what: &What| format!("{name} on {server}: {what:?}");
    let found: BTreeSet<String> = found.map(|(name, server, what)| text(&name, server, &what)).collect();
    let mut listed = BTreeSet::new();
    for deviation in DEVIATIONS.iter().filter(|deviation| is_meant(&deviation.what)) {
        assert!(!deviation.reason.is_empty());
        for known in servers().iter().filter(|known| deviation.servers.contains(&known.name)) {
            for name in deviation.names {
                assert!(listed.insert(text(name, known.name, &deviation.what)), "{name} is listed twice");
            }
        }
    }
    let new: Vec<&String> = found.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "not in deviations.rs: {new:#?}\nonly in deviations.rs: {gone:#?}");
}

/// Every row together with what a server tells of that very command.
fn told_rows() -> impl Iterator<Item = (&'static Known, &'static Row, &'static Told)> {
    servers().iter().flat_map(|known| {
        ALL.iter().filter_map(move |row| known.commands.get(row.name).map(|told| (known, *row, told)))
    })
}

#[test]
fn deviations_name_servers_and_commands() {
    for deviation in DEVIATIONS {
        assert!(deviation.servers.iter().all(|server| NAMES.contains(server)), "{deviation:?}");
        let has_row = |name: &&str| ALL.iter().any(|row| row.name == *name);
        assert!(deviation.names.iter().all(|name| has_row(name) != (deviation.what == What::NoRow)), "{deviation:?}");
    }
}

#[test]
fn every_command_of_every_server_has_a_row() {
    let unknown = servers().iter().flat_map(|known| {
        let has_row = |name: &str| ALL.iter().any(|row| row.name == name);
        // Before Redis 7.0 nothing says which commands only hold others, nor which.
        let holds_rows = |name: &str| ALL.iter().any(|row| row.name.split_once(' ').is_some_and(|(of, _)| of == name));
        known
            .commands
            .iter()
            .filter(move |(name, told)| match told.is_container || known.name == "redis-6.2" {
                true => !has_row(name) && !holds_rows(name),
                false => !has_row(name),
            })
            .map(|(name, _)| (name.clone(), known.name, What::NoRow))
    });
    hold(|what| *what == What::NoRow, unknown);
}

#[test]
fn every_row_is_a_command_of_a_server() {
    if servers().len() < NAMES.len() {
        return;
    }
    let on_none = ALL.iter().filter(|row| !servers().iter().any(|known| known.commands.contains_key(row.name)));
    hold(|what| *what == What::NotTold, on_none.map(|row| (row.name.to_owned(), NAMES[0], What::NotTold)));
}

#[test]
fn rows_read_and_write_as_the_servers_say() {
    let differ = told_rows().filter_map(|(known, row, told)| {
        let of_server = match (told.flags.contains("readonly"), told.flags.contains("write")) {
            (_, true) => "write",
            (true, false) => "read",
            (false, false) => "neither",
        };
        let of_row = match row.access {
            Access::Read => "read",
            Access::Write => "write",
            _ => "neither",
        };
        (of_row != of_server).then(|| (row.name.to_owned(), known.name, What::Access(of_server)))
    });
    hold(|what| matches!(what, What::Access(_)), differ);
}

#[test]
fn rows_are_fast_as_the_servers_say() {
    // They free what was there before, which may be large, so no server flags them; what they set is in the request.
    const SETS: [&str; 3] = ["SET", "SETEX", "PSETEX"];
    for (known, row, told) in told_rows() {
        let of_one_key = matches!(row.access, Access::Read | Access::Write)
            && row.request == RequestPolicy::OneShard
            && matches!(row.keys, [KeySpec::Range(first, last, _)] if *last == *first as isize);
        let expected = of_one_key && (told.flags.contains("fast") || SETS.contains(&row.name));
        assert_eq!(row.fast, expected, "{} on {}", row.name, known.name);
    }
}

#[test]
fn rows_take_as_many_arguments_as_the_servers_say() {
    let differ = told_rows().filter(|(_, row, told)| told.arity != i64::from(row.arity));
    let differ = differ.map(|(known, row, told)| (row.name.to_owned(), known.name, What::Arity(told.arity)));
    hold(|what| matches!(what, What::Arity(_)), differ);
}

#[test]
fn rows_are_as_old_as_the_servers_say() {
    let differ = told_rows().filter_map(|(known, row, told)| {
        // Of a command of Valkey's own the row says so.
        let of_row =
            row.since.strip_prefix("valkey ").filter(|_| known.name.starts_with("valkey")).unwrap_or(row.since);
        let of_server: &'static str = told.since.as_deref()?;
        (of_row != of_server).then(|| (row.name.to_owned(), known.name, What::Since(of_server)))
    });
    hold(|what| matches!(what, What::Since(_)), differ);
}

/// Whether a command that takes `arity` arguments takes these.
fn takes(arity: i64, count: usize) -> bool {
    let count = count as i64;
    count == arity || (arity < 0 && count >= -arity)
}

#[test]
fn keys_are_where_the_servers_find_them() {
    let mut compared = BTreeMap::new();
    let mut differ = Vec::new();
    for known in servers() {
        let mut talk = known.server.talk(std::time::Duration::from_secs(30)).expect("a connection");
        for row in ALL {
            // Before Redis 7.0 a server does not tell of subcommands, but knows their keys.
            let container = row.name.split(' ').next().expect("a word");
            let is_old = known.name == "redis-6.2" && !row.since.starts_with("valkey") && row.since < "6.3";
            let told = known.commands.get(row.name).or_else(|| known.commands.get(container).filter(|_| is_old));
            let Some(told) = told.filter(|told| !told.is_container) else { continue };
            for words in arguments::lists(row) {
                // Of a single word some versions do not say that it has no keys.
                if !takes(told.arity, words.len()) || words.len() == 1 {
                    continue;
                }
                let asked: Vec<&str> =
                    ["COMMAND", "GETKEYS"].into_iter().chain(words.iter().map(String::as_str)).collect();
                let of_server = match talk.call(&asked).expect("an answer") {
                    Reply::Array(keys) => keys.iter().map(Reply::text).collect(),
                    Reply::Error(error) if error.contains("no key arguments") => Vec::new(),
                    Reply::Error(error) if error.contains("Invalid arguments") => Vec::new(),
                    other => panic!("{} on {}: {words:?}: {other:?}", row.name, known.name),
                };
                // Each argument is another word, so that the order, in which versions differ, can be left out.
                let command =
                    words.iter().skip(row.name.split(' ').count()).fold(cmd(row.name), |cmd, word| cmd.arg(word));
                let positions = row.key_positions(command.args()).unwrap_or_default();
                let of_row: Vec<String> = positions.iter().map(|&at| words[at].clone()).collect();
                let sorted = |mut keys: Vec<String>| {
                    keys.sort();
                    keys
                };
                *compared.entry(known.name).or_insert(0) += 1;
                if sorted(of_row.clone()) != sorted(of_server.clone()) {
                    println!("{} {words:?}: the row finds {of_row:?}, {} {of_server:?}", row.name, known.name);
                    differ.push((row.name.to_owned(), known.name, What::Keys));
                }
            }
        }
    }
    println!("compared: {compared:?}");
    assert!(compared.values().all(|&count| count > 1400), "too few were compared: {compared:?}");
    hold(|what| *what == What::Keys, differ.into_iter());
}

#[test]
fn names_are_found_in_any_case_and_nothing_is_guessed() {
    for row in ALL {
        let lower = row.name.to_lowercase();
        let words: Vec<&[u8]> = lower.split(' ').map(str::as_bytes).collect();
        assert_eq!(spec::find(&words).unwrap().name, row.name);
    }
    for unknown in [&[&b""[..]][..], &[b"GE"], &[b"GETT"], &[b"CONFIG"], &[b"CONFIG", b"NONE"], &[b"JSON.SET"]] {
        assert!(spec::find(unknown).is_none(), "{unknown:?}");
    }
}

#[test]
fn names_are_unique() {
    let names: HashSet<&str> = ALL.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ALL.len());
}
