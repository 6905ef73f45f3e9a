//! The README and the pages keep up with the command table and with what was measured.

use rediscluster::spec::{Access, RequestPolicy, Row, ALL};
use std::collections::BTreeSet;

// Of the package that measures them: what is in a table, and how it is written.
#[allow(dead_code)]
#[path = "../costs/src/programs.rs"]
mod programs;
#[path = "../costs/src/readme.rs"]
mod tables;

const README: &str = include_str!("../README.md");
const SEVERAL_NODES: &str = include_str!("../docs/several-nodes.md");

/// The lines of the tables of `docs/several-nodes.md` that list commands: the rows that each line names, and the other cells.
fn lines() -> Vec<(Vec<&'static Row>, Vec<&'static str>)> {
    let lines = SEVERAL_NODES.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let split = lines.map(|line| {
        let mut cells = line.split(" | ");
        let names = cells.next().unwrap_or_default().split('`').skip(1).step_by(2);
        let rows = names.filter_map(|name| ALL.iter().find(|row| row.name == name).copied());
        (rows.collect::<Vec<_>>(), cells.collect())
    });
    split.filter(|(rows, _)| !rows.is_empty()).collect()
}

fn works_across_nodes(row: &Row) -> bool {
    !row.across.is_atomic()
}

fn goes_to_several(row: &Row) -> bool {
    row.access != Access::Connection && matches!(row.request, RequestPolicy::AllShards | RequestPolicy::AllNodes)
}

#[test]
fn every_command_that_works_across_nodes_is_in_the_table() {
    let lines = lines();
    for row in ALL.iter().filter(|row| works_across_nodes(row)) {
        let listed = lines.iter().filter(|(rows, _)| rows.iter().any(|listed| listed.name == row.name)).count();
        assert_eq!(listed, 1, "{} stands once in the tables of docs/several-nodes.md", row.name);
    }
    for (rows, _) in &lines {
        for row in rows {
            assert!(works_across_nodes(row) || goes_to_several(row), "{} does not work across nodes", row.name);
        }
    }
}

#[test]
fn round_trips_are_those_of_the_command_table() {
    for (rows, cells) in lines() {
        let [_, _, rounds] = cells[..] else { continue };
        for row in rows {
            assert_eq!(rounds, row.round_trips().to_string(), "round trips of {}", row.name);
        }
    }
}

/// Of commands that go to several servers the page has examples: of each kind, and true.
#[test]
fn every_kind_of_command_for_several_servers_is_in_the_table() {
    let kind = |row: &Row| (row.request.in_words(), row.response.in_words());
    let all: BTreeSet<_> = ALL.iter().filter(|row| goes_to_several(row)).map(|row| kind(row)).collect();
    let mut listed = BTreeSet::new();
    for (rows, cells) in lines() {
        for row in rows.iter().filter(|row| goes_to_several(row)) {
            let (to, reply) = kind(row);
            assert!(cells[0] == to && cells[1].starts_with(reply), "{} goes to {to}: {reply}", row.name);
            listed.insert(kind(row));
        }
    }
    assert_eq!(listed, all);
}

#[test]
fn the_readme_counts_the_commands() {
    let text = README.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = format!("{} commands and subcommands", ALL.len());
    assert!(text.contains(&count), "the README says how many commands there are: {count}");
}

#[test]
fn the_readme_tells_what_was_measured() {
    let (sizes, instructions) = (include_str!("../costs/size.tsv"), include_str!("../costs/instructions.tsv"));
    let lock = include_str!("../costs/Cargo.lock");
    for (what, written) in [
        ("size", tables::with_sizes(README, sizes, lock).unwrap()),
        ("instructions", tables::with_instructions(README, instructions, lock).unwrap()),
    ] {
        let stale = written.lines().zip(README.lines()).find(|(written, told)| written != told);
        assert!(written == README, "`make {what} COSTS=--write` writes the table anew; it differs in {stale:?}");
    }
}

/// By default a server stores `name{tag}` as `name`. So a tag that tells one thing from another, which has a number in
/// our examples, must not be the only place where that stands, or the data of all such things would be mixed.
#[test]
fn no_example_has_keys_that_differ_only_in_their_tags() {
    let root = rediscluster_testing::repository();
    let mut sources = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut folders = ["docs", "examples", "src", "tls/src", "cli/src"].map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                sources.push(path)
            }
        }
    }
    let mut seen = 0;
    for source in sources {
        let text = std::fs::read_to_string(&source).unwrap();
        let is_code =
            source.extension().is_some_and(|extension| extension == "rs") && !source.starts_with(root.join("examples"));
        let shown = |line: &&str| !is_code || line.trim_start().starts_with("//");
        // Channels keep their whole names, and one page shows what goes wrong.
        let other = ["subscribe", "publish", "; // wrong"];
        for line in text.lines().filter(shown).filter(|line| !other.iter().any(|other| line.contains(other))) {
            for literal in line.split('"').skip(1).step_by(2) {
                let Some((name, tag)) = literal.strip_suffix('}').and_then(|key| key.split_once('{')) else { continue };
                if !tag.chars().all(|char| char.is_alphanumeric() || ":_-".contains(char)) {
                    continue;
                }
                let number: String = tag.chars().filter(char::is_ascii_digit).collect();
                seen += usize::from(!number.is_empty());
                assert!(name.contains(&number), "{}: {literal} is stored as {name}: {line}", source.display());
            }
        }
    }
    assert!(seen >= 20, "{seen} such keys were looked at");
}
