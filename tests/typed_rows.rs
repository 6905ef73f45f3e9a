//! Every row of the command table has a typed method, which says what command it sends and since when there is one.

use rediscluster::spec::{Group, ALL};
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

#[test]
fn every_row_has_a_method_that_tells_its_command_and_version() {
    let text = commands(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands"));
    for row in ALL.iter().filter(|row| row.group != Group::Connection) {
        let sent = format!("&spec::{})", row.name.replace(' ', "_"));
        assert!(text.contains(&sent), "{} has no method", row.name);
        let lines = told(&text, row.name);
        let since = format!("since Redis {}", row.since);
        assert!(lines.iter().any(|line| line.contains(&since)), "{} is {since}, its methods say {lines:?}", row.name);
    }
}
