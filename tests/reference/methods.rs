//! The methods for commands, read from the code, and the list of them on the page of `Cluster`.

use rediscluster::spec::Row;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The traits of each data type, in the order in which the page has them.
const TYPES: &[(&str, &[&str])] = &[
    ("Strings", &["StringCommands", "NumberCommands", "LcsCommands"]),
    ("Bitmaps", &["BitmapCommands"]),
    ("Keys", &["KeyCommands", "ExpiryCommands", "SortCommands"]),
    ("Hashes", &["HashCommands", "HashExpiryCommands"]),
    ("Lists", &["ListCommands"]),
    ("Sets", &["SetCommands"]),
    ("Sorted sets", &["SortedSetCommands", "SortedSetRangeCommands", "SortedSetCombineCommands"]),
    ("Waits for lists and sorted sets", &["BlockingCommands"]),
    ("Streams", &["StreamCommands", "StreamGroupCommands", "StreamPendingCommands"]),
    ("Places", &["GeoCommands", "GeoRadiusCommands"]),
    ("HyperLogLogs", &["HyperLogLogCommands"]),
    ("Vector sets", &["VectorSetCommands"]),
    ("Scans, page by page", &["ScanCommands"]),
    ("Pub/sub", &["PubSubCommands"]),
    ("Scripts and functions", &["ScriptingCommands", "FunctionCommands"]),
    ("Servers", &["ServerCommands", "AdminCommands", "LatencyCommands", "AclCommands"]),
];

/// Commands that something else than a method for commands sends.
const ELSEWHERE: &[(&str, &str)] = &[
    ("SCAN", "Cluster::scan_all"),
    ("MULTI", "Cluster::transaction"),
    ("EXEC", "Transaction::run"),
    ("WATCH", "Cluster::watch"),
    ("SUBSCRIBE", "Subscriber::subscribe"),
    ("PSUBSCRIBE", "Subscriber::psubscribe"),
    ("SSUBSCRIBE", "Subscriber::ssubscribe"),
    ("UNSUBSCRIBE", "Subscriber::unsubscribe"),
    ("PUNSUBSCRIBE", "Subscriber::punsubscribe"),
    ("SUNSUBSCRIBE", "Subscriber::sunsubscribe"),
    ("AUTH", "Builder::password"),
    ("SELECT", "Cluster::database"),
    ("HELLO", "Builder::protocol"),
    ("CLIENT SETNAME", "Builder::client_name"),
];

/// A method of one of the traits, and the rows that its body names.
pub struct Method {
    pub of: String,
    pub name: String,
    rows: Vec<String>,
}

fn root() -> &'static Path {
    rediscluster_testing::repository()
}

/// The code below a folder, files in the order of their paths.
fn code(folder: &str) -> Vec<String> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found)
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path)
            }
        }
    }
    let mut found = Vec::new();
    files(&root().join(folder), &mut found);
    found.sort();
    found.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The name behind these words at the beginning of a line.
fn name_after<'t>(line: &'t str, words: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(words)?;
    rest.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}

/// All methods for commands.
pub fn methods() -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for file in code("src/commands") {
        let mut of = None;
        for line in file.lines() {
            of = name_after(line, "pub trait ").or(of).filter(|_| !line.starts_with('}'));
            let Some(of) = of else { continue };
            if let Some(name) = name_after(line, "    fn ") {
                methods.push(Method { of: of.to_owned(), name: name.to_owned(), rows: Vec::new() });
            }
            let rows = line.split("table::").skip(1).filter_map(|rest| name_after(rest, ""));
            let Some(method) = methods.last_mut().filter(|method| method.of == of) else { continue };
            method.rows.extend(rows.map(str::to_owned));
        }
    }
    // `ToScored` and its like are no commands.
    methods.retain(|method| method.of.ends_with("Commands"));
    methods
}

/// What sends the command of a row, as code; empty where only `cmd` does.
pub fn of_row(row: &Row, methods: &[Method]) -> String {
    if let Some((_, elsewhere)) = ELSEWHERE.iter().find(|(name, _)| *name == row.name) {
        return format!("`{elsewhere}`");
    }
    let rust = row.name.replace([' ', '-'], "_");
    let names = methods.iter().filter(|method| method.rows.contains(&rust)).map(|method| format!("`{}`", method.name));
    names.collect::<Vec<_>>().join(", ")
}

/// The public methods of a type, without those of traits.
fn own_methods(of: &str) -> Vec<String> {
    let (mut names, begin) = (Vec::new(), format!("impl {of} {{"));
    for file in code("src") {
        let mut inside = false;
        for line in file.lines() {
            inside = (inside || line == begin) && !line.starts_with('}');
            names.extend(name_after(line, "    pub fn ").filter(|_| inside).map(str::to_owned));
        }
    }
    names.sort();
    names
}

/// The list on the page of `Cluster`.
pub fn page(methods: &[Method]) -> String {
    let mut text = "\
# Its methods for commands, by data type

They come from traits that `use rediscluster::prelude::*` brings. A [`Pipeline`](crate::Pipeline), a
[`Transaction`](crate::Transaction), a named server ([`on`](crate::Cluster::on)) and what watches
([`watch`](crate::Cluster::watch)) have the same methods.
"
    .to_owned();
    for (title, traits) in TYPES {
        writeln!(text, "\n## {title}").unwrap();
        for of in *traits {
            let links = methods.iter().filter(|method| method.of == *of);
            let links = links.map(|method| format!("[`{0}`](crate::{of}::{0})", method.name)).collect::<Vec<_>>();
            writeln!(text, "\n[`{of}`](crate::{of}): {}", links.join(", ")).unwrap();
        }
    }
    let links: Vec<String> =
        own_methods("Cluster").iter().map(|name| format!("[`{name}`](crate::Cluster::{name})")).collect();
    writeln!(text, "\n## Its own\n\n{}", links.join(", ")).unwrap();
    text
}

#[test]
fn every_trait_has_its_data_type() {
    let listed: Vec<&str> = TYPES.iter().flat_map(|(_, traits)| traits.iter().copied()).collect();
    let (methods, front) = (methods(), fs::read_to_string(root().join("src/lib.rs")).unwrap());
    for method in &methods {
        assert!(listed.contains(&method.of.as_str()), "{} belongs to no data type", method.of);
    }
    for of in listed {
        assert!(methods.iter().any(|method| method.of == *of), "there is no {of}");
        let (told, code) = front.split_once("#![forbid(unsafe_code)]").unwrap();
        assert!(told.contains(&format!("[`{of}`]")), "the front page does not name {of}");
        let (_, prelude) = code.split_once("pub mod prelude").unwrap();
        assert!(prelude.contains(of), "the prelude does not bring {of}");
    }
    assert!(methods.len() > 350 && own_methods("Cluster").len() > 25, "{} methods are read", methods.len());
}

#[test]
fn every_setting_is_on_its_page() {
    let page = fs::read_to_string(root().join("docs/nodes.md")).unwrap();
    let settings = own_methods("Builder");
    let missing: Vec<_> = settings.iter().filter(|name| !page.contains(&format!("`{name}"))).collect();
    assert!(settings.len() > 25 && missing.is_empty(), "docs/nodes.md does not tell of {missing:?}");
}

#[test]
fn what_sends_other_commands_is_there() {
    let code = code("src").concat();
    for (name, sender) in ELSEWHERE {
        assert!(rediscluster::spec::ALL.iter().any(|row| row.name == *name), "{name} is no row");
        let (of, method) = sender.split_once("::").unwrap();
        assert!(code.contains(&format!("pub fn {method}")) && code.contains(&format!("pub struct {of}")), "{sender}");
    }
}
