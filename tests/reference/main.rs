//! `docs/commands.md` and the list of methods on the page of `Cluster` are written from the command table and the code;
//! `UPDATE_REFERENCE=1` writes them anew.

mod methods;

use rediscluster::spec::{Access, RequestPolicy, Row, ALL};
use std::fmt::Write;
use std::fs;

const HEAD: &str = "\
# The commands

Written from the command table (`src/table.rs`) by `make reference`; do not edit.

| column | what it says |
|---|---|
| method | the method of `Cluster`, with `use rediscluster::prelude::*`, or what else sends it. Where there is none, \
`cluster.execute(cmd(\"NAME\"))` does, after `Cluster::on` where the caller chooses the server; over a connection of \
`Builder::open` where the access is `connection` |
| since | the version of Redis that brought it; of Valkey, and so named, where Redis does not have it |
| arity | how many words, the command's own included; a negative number is the fewest |
| access | `read`: a replica may answer. `write`: a master does. `server`: it is about servers, not about keys. \
`connection`: it is about the connection that it comes over; `Cluster` refuses it, because connections are shared, and \
`Builder::open` gives one of your own |
| keys | which arguments are keys; argument 1 is the first after the command's own words |
| goes to | which servers get it; of a node the master, or for a read one of its replicas. \
A server that the caller chooses is one that `Cluster::on` names: without it the command is refused |
| several | what is done when the keys live on several nodes, or what several servers' replies become |
| atomic | whether nobody sees it half done when several nodes are involved; on one node every command is |
| round trips | how often servers are waited for then, when nobody interferes |

";

const TITLES: &str = "| command | method | since | arity | access | keys | goes to | several | atomic | round trips |";

/// What happens when several servers are involved, whether that is atomic, and the round trips; empty for one server.
fn several(row: &Row) -> [String; 3] {
    let atomic = |is| if is { "yes" } else { "no" }.to_owned();
    let is_fan = matches!(row.request, RequestPolicy::AllShards | RequestPolicy::AllNodes);
    let rounds = row.round_trips().to_string();
    let across = row.across;
    match across.name() {
        _ if row.access == Access::Connection => Default::default(),
        "never" if is_fan => [row.response.in_words().to_owned(), atomic(false), rounds],
        "never" => Default::default(),
        "refuse" => [across.in_words().to_owned(), String::new(), rounds],
        "split" => [format!("{}; {}", across.in_words(), row.response.in_words()), atomic(across.is_atomic()), rounds],
        _ => [across.in_words().to_owned(), atomic(across.is_atomic()), rounds],
    }
}

fn reference() -> String {
    let methods = methods::methods();
    let mut text = HEAD.to_owned();
    let subcommands = ALL.iter().filter(|row| row.name.contains(' ')).count();
    writeln!(text, "{} commands and subcommands, {subcommands} of them subcommands.", ALL.len()).unwrap();
    let mut group = None;
    for row in ALL {
        if group.replace(row.group) != Some(row.group) {
            writeln!(text, "\n## {}{}\n", row.group.name()[..1].to_uppercase(), &row.group.name()[1..]).unwrap();
            writeln!(text, "{TITLES}").unwrap();
            writeln!(text, "{}", "|---".repeat(TITLES.matches(" |").count()) + "|").unwrap();
        }
        let since = row.since.replace("valkey", "Valkey");
        let [several, atomic, rounds] = several(row);
        let cells = [
            format!("`{}`", row.name),
            methods::of_row(row, &methods),
            since,
            row.arity.to_string(),
            row.access.to_string(),
            row.keys_in_words(),
            row.goes_to().to_owned(),
            several,
            atomic,
            rounds,
        ];
        let cells = cells.iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {cell} |") });
        writeln!(text, "|{}", cells.collect::<String>()).unwrap();
    }
    text
}

/// A file is what was made from the table and the code; it is written anew when that was asked for.
fn assert_is_written(path: &str, made: &str) {
    let full = rediscluster_testing::repository().join(path);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&full, made).unwrap();
    }
    let committed = fs::read_to_string(&full).unwrap_or_default();
    let stale = made.lines().find(|line| !committed.lines().any(|other| other == *line));
    assert!(committed == made, "{path} is stale, `make reference` writes it anew; it lacks {stale:?}");
}

#[test]
fn the_reference_is_what_the_table_says() {
    assert_is_written("docs/commands.md", &reference());
}

#[test]
fn the_page_of_cluster_lists_all_methods() {
    assert_is_written("src/cluster/methods.md", &methods::page(&methods::methods()));
}

/// The code that CONTRIBUTING.md shows is that of the repository.
#[test]
fn the_example_of_how_to_add_a_command_is_true() {
    let code = [
        include_str!("../../src/table.rs"),
        include_str!("../../src/commands/strings.rs"),
        include_str!("../../src/cross_node/random_key.rs"),
    ]
    .concat();
    let shown: Vec<&str> = include_str!("../../CONTRIBUTING.md")
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|text| text.strip_prefix("rust\n"))
        .collect();
    assert_eq!(shown.len(), 4, "a row and a method, a strategy and its row");
    for text in shown {
        assert!(code.contains(text), "CONTRIBUTING.md shows what is not there:\n{text}");
    }
}

/// Every topic stands in one piece, or it would have two headings.
#[test]
fn topics_are_not_scattered() {
    let reference = reference();
    let mut headings: Vec<&str> = reference.lines().filter(|line| line.starts_with("## ")).collect();
    let all = headings.len();
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), all);
}
