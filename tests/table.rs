//! The command table against a real server's own.

use rediscluster::cmd;
use rediscluster::spec::{self, Access, KeySpec, ALL};
use rediscluster_testing::{Reply, Server};
use std::collections::HashSet;

fn list(reply: Reply) -> Vec<Reply> {
    match reply {
        Reply::Array(items) => items,
        other => panic!("expected a list, got {other:?}"),
    }
}

/// Arity, flags, first and last key and step of a command, as the server tells them. Before Redis 7.0 a server
/// tells only of whole commands, not of subcommands.
fn told(server: &Server, name: &str) -> Option<(i64, HashSet<String>, [i64; 3])> {
    let asked = name.replace(' ', "|").to_lowercase();
    let rows = list(server.ask(&["COMMAND", "INFO", &asked]));
    let Some(Reply::Array(row)) = rows.into_iter().next() else { return None };
    let flags = list(row[2].clone()).iter().map(Reply::text).collect();
    Some((row[1].int(), flags, [row[3].int(), row[4].int(), row[5].int()]))
}

#[test]
fn rows_agree_with_the_server() {
    let server = Server::start();
    let mut agreed = 0;
    for row in ALL {
        let Some((arity, flags, keys)) = told(&server, row.name) else { continue };
        // Where versions differ: they have taken more arguments over time.
        let widened = [
            "EXPIRE",
            "EXPIREAT",
            "PEXPIRE",
            "PEXPIREAT",
            "ZRANK",
            "ZREVRANK",
            "BITOP",
            "CONFIG SET",
            "CONFIG GET",
            "QUIT",
            "AUTH",
        ];
        if arity != i64::from(row.arity) {
            assert!(widened.contains(&row.name), "{}: the server says arity {arity}, the row {}", row.name, row.arity);
        }
        match row.access {
            Access::Read => assert!(flags.contains("readonly") && !flags.contains("write"), "{} reads", row.name),
            Access::Write => assert!(flags.contains("write"), "{} writes", row.name),
            Access::Server | Access::Connection => assert!(!flags.contains("write"), "{} writes nothing", row.name),
        }
        if let [KeySpec::Range(first, last, step)] = row.keys {
            if row.name.contains(' ') && keys[0] == 0 {
                continue;
            }
            assert_eq!(keys, [*first as i64, *last as i64, *step as i64], "keys of {}", row.name);
        }
        agreed += 1;
    }
    assert!(agreed > 130, "only {agreed} rows were compared");
}

#[test]
fn keys_are_found_as_the_server_finds_them() {
    let server = Server::start();
    for row in ALL.iter().filter(|row| !row.keys.is_empty() && row.access != Access::Connection) {
        if told(&server, row.name).is_none() {
            continue;
        }
        let counts = |at| row.keys.contains(&KeySpec::Numkeys(at));
        let mut command = cmd(row.name);
        while !row.takes(command.args().len()) || row.key_positions(command.args()).is_none() {
            let at = command.args().len();
            command = if counts(at) { command.arg("2").arg("k1") } else { command.arg(format!("a{at}")) };
        }
        if row.name == "SORT" {
            command = command.args_of(["BY", "store", "STORE", "x", "store", "y"]);
        }
        let words: Vec<&[u8]> = command.args().iter().collect();
        let asked: Vec<&[u8]> = [&b"COMMAND"[..], b"GETKEYS"].into_iter().chain(words.iter().copied()).collect();
        let positions = row.key_positions(command.args()).unwrap();
        let found: Vec<Vec<u8>> = positions.iter().map(|&at| words[at].to_vec()).collect();
        // Before Redis 7.0 some servers list the destination last.
        assert_eq!(server.ask(&asked).sorted(), Reply::bulks(&found).sorted(), "{}", row.name);
    }
}

#[test]
fn names_are_found_in_any_case_and_nothing_is_guessed() {
    for row in ALL {
        let lower = row.name.to_lowercase();
        let words: Vec<&[u8]> = lower.split(' ').map(str::as_bytes).collect();
        assert!(std::ptr::eq(spec::find(&words).unwrap(), *row), "{}", row.name);
    }
    for unknown in [&[&b""[..]][..], &[b"GE"], &[b"GETT"], &[b"CONFIG"], &[b"CONFIG", b"HELP"], &[b"JSON.SET"]] {
        assert!(spec::find(unknown).is_none(), "{unknown:?}");
    }
}

#[test]
fn names_are_unique() {
    let names: HashSet<&str> = ALL.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ALL.len());
}
