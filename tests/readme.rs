//! The README keeps up with the command table.

use rediscluster::spec::{Access, Across, RequestPolicy, Spec, ALL};
use std::collections::BTreeSet;

const README: &str = include_str!("../README.md");

/// The lines of its tables that list commands: the rows that each line names, and the other cells.
fn lines() -> Vec<(Vec<&'static Spec>, Vec<&'static str>)> {
    let lines = README.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let split = lines.map(|line| {
        let mut cells = line.split(" | ");
        let names = cells.next().unwrap_or_default().split('`').skip(1).step_by(2);
        let rows = names.filter_map(|name| ALL.iter().find(|row| row.name == name).copied());
        (rows.collect::<Vec<_>>(), cells.collect())
    });
    split.filter(|(rows, _)| !rows.is_empty()).collect()
}

fn works_across_nodes(row: &Spec) -> bool {
    !matches!(row.across, Across::Never | Across::Refuse)
}

fn goes_to_several(row: &Spec) -> bool {
    row.access != Access::Connection && matches!(row.request, RequestPolicy::AllShards | RequestPolicy::AllNodes)
}

#[test]
fn every_command_that_works_across_nodes_is_in_the_readme() {
    let lines = lines();
    for row in ALL.iter().filter(|row| works_across_nodes(row)) {
        let listed = lines.iter().filter(|(rows, _)| rows.iter().any(|listed| listed.name == row.name)).count();
        assert_eq!(listed, 1, "{} stands once in the README's tables of several nodes", row.name);
    }
    for (rows, _) in &lines {
        for row in rows {
            assert!(works_across_nodes(row) || goes_to_several(row), "{} does not work across nodes", row.name);
        }
    }
}

#[test]
fn round_trips_in_the_readme_are_those_of_the_table() {
    for (rows, cells) in lines() {
        let [_, _, rounds] = cells[..] else { continue };
        for row in rows {
            assert_eq!(rounds, row.round_trips().to_string(), "round trips of {}", row.name);
        }
    }
}

/// Of commands that go to several servers the README has examples: of each kind, and true.
#[test]
fn every_kind_of_command_for_several_servers_is_in_the_readme() {
    let kind = |row: &Spec| (row.request.in_words(), row.response.in_words());
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
