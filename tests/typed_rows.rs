//! Every row of the command table has a typed method, which says what command it sends and since when there is one.

use rediscluster::spec::{Access, Group, RequestPolicy, Row, ALL};
use std::fs;
use std::path::Path;

/// The code of the typed methods with their documentation.
fn commands(dir: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &commands(&path);
        } else {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The lines of documentation that begin with the name of a command.
fn told<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix("/// `").and_then(|line| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['`', ' ']))
    };
    text.lines().filter(|line| begins(line)).collect()
}

/// Rows that nobody needs a method for, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("LOLWUT", "draws a picture for people"),
    ("PFDEBUG", "made for testing servers"),
    ("PFSELFTEST", "made for testing servers"),
    ("RESTORE-ASKING", "spoken between the servers of Redis Cluster"),
];

/// What has no method says so by its row: it is about the one connection that it comes over or about one server that
/// the caller has to choose, it is about Redis Cluster, or it explains itself to people.
fn needs_a_method(row: &Row) -> bool {
    row.access != Access::Connection
        && row.request != RequestPolicy::OneServer
        && row.group != Group::Cluster
        && !row.name.ends_with(" HELP")
        && !WITHOUT.iter().any(|(name, _)| *name == row.name)
}

#[test]
fn every_row_has_a_method_that_tells_its_command_and_version() {
    let text = commands(&rediscluster_testing::repository().join("src/commands"));
    let mut wrong = Vec::new();
    for row in ALL.iter().filter(|row| needs_a_method(row)) {
        let sent = format!("&table::{})", row.name.replace([' ', '-'], "_"));
        if !text.contains(&sent) {
            wrong.push(format!("{} has no method", row.name));
            continue;
        }
        let lines = told(&text, row.name);
        let since = match row.since.strip_prefix("valkey ") {
            Some(version) => format!("since Valkey {version}"),
            None => format!("since Redis {}", row.since),
        };
        if !lines.iter().any(|line| line.contains(&since)) {
            wrong.push(format!("{} is {since}, its methods say {lines:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn exceptions_are_rows_without_a_method() {
    let text = commands(&rediscluster_testing::repository().join("src/commands"));
    for (name, _) in WITHOUT {
        assert!(ALL.iter().any(|row| row.name == *name), "{name} is no row");
        assert!(told(&text, name).is_empty(), "{name} has a method");
    }
}
