//! What is said of the keys: a line or an object for each that somebody has to look at, and what it comes to.

use super::state::State;
use super::verdict::{Kind, Verdict, KINDS};
use crate::nodes::shown;
use crate::render::json_string;
use serde_json::{json, Map, Value};
use std::io::{self, Write};

/// A key that is not where it should be, or was not.
pub struct Finding<'f> {
    pub name: &'f [u8],
    pub database: u32,
    /// The node that has it.
    pub node: &'f str,
    pub verdict: &'f Verdict,
    /// The node where it belongs.
    pub home: Option<&'f str>,
    /// Other nodes that have a key of this name.
    pub also: Vec<&'f str>,
    /// Why it could not be moved.
    pub error: Option<String>,
}

/// Writes what is found while the walk goes on.
pub struct Report {
    json: bool,
    /// Only what it comes to.
    summary: bool,
    /// Databases are told when there are several.
    several_databases: bool,
    begun: bool,
}

impl Report {
    pub fn new(json: bool, summary: bool, several_databases: bool) -> Report {
        Report { json, summary, several_databases, begun: false }
    }

    /// Says what was found.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn tell(&mut self, findings: &[Finding<'_>]) -> io::Result<()> {
        if self.summary || findings.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        for finding in findings {
            if self.json {
                out.extend_from_slice(if self.begun { b",\n" } else { b"{\"keys\":[\n" });
                self.begun = true;
                finding.json(&mut out);
            } else {
                finding.line(self.several_databases, &mut out);
            }
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    }

    /// Says what it comes to; `failures` are nodes that could not be looked at to the end, and why.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn end(&mut self, state: &State, nodes: usize, failures: &[(String, String)]) -> io::Result<()> {
        let text = if self.json {
            let start = if self.begun { "\n],".to_owned() } else { "{\"keys\":[],".to_owned() };
            let rest = summary_as_json(state, nodes, failures).to_string();
            format!("{start}{}\n", &rest[1..])
        } else {
            summary(state, nodes)
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

impl Finding<'_> {
    fn line(&self, several_databases: bool, out: &mut Vec<u8>) {
        out.extend(format!("{:<11}  ", self.verdict.kind.name()).into_bytes());
        out.extend(shown(self.name));
        let mut says = if several_databases {
            format!(" in database {} on {}", self.database, self.node)
        } else {
            format!(" on {}", self.node)
        };
        let home = self.home.unwrap_or_default();
        let full = self.verdict.full.as_deref().map(|full| String::from_utf8_lossy(&shown(full)).into_owned());
        match self.verdict.kind {
            Kind::Misplaced => says.push_str(&format!(", belongs on {home}")),
            Kind::Twice if !home.is_empty() => says.push_str(&format!(", belongs on {home}")),
            Kind::Moved => says.push_str(&match full {
                Some(full) => format!(" went to {home} as {full}"),
                None => format!(" went to {home}"),
            }),
            Kind::Failed => says.push_str(&format!(" should go to {home}")),
            Kind::Gone => says.push_str(" is gone by now"),
            Kind::Uncertain => says.push_str(&format!(", leads to {home} unless it has a tag")),
            Kind::Ambiguous => says.push_str(", where none of its tags leads"),
            Kind::Looser => says.push_str(&match full {
                Some(full) => format!(", as rediscluster-py stores {full}, which belongs on {home}"),
                None => ", as rediscluster-py stores a key of --tags, of which it is not certain which".to_owned(),
            }),
            Kind::Unreachable => {
                says.push_str(&format!(", where no program looks: it reads as a tag that leads to {home}"))
            }
            Kind::Twice | Kind::Home | Kind::Unproven | Kind::Own => {}
        }
        if !self.also.is_empty() {
            says.push_str(&format!("; also on {}", self.also.join(", ")));
        }
        if let Some(error) = &self.error {
            says.push_str(&format!(": {}", error.replace("\n  ", "; ")));
        }
        out.extend(says.into_bytes());
        out.push(b'\n');
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"key\":");
        json_string(self.name, out);
        if let Some(full) = &self.verdict.full {
            out.extend_from_slice(b",\"full\":");
            json_string(full, out);
        }
        let rest = json!({
            "database": self.database,
            "node": self.node,
            "kind": self.verdict.kind.name(),
            "home": self.home,
            "also": self.also,
            "error": self.error,
        });
        out.push(b',');
        out.extend_from_slice(&rest.to_string().as_bytes()[1..]);
    }
}

fn summary(state: &State, nodes: usize) -> String {
    let count = |kind| state.count(kind);
    let mut lines = vec![(state.keys(), if state.keys() == 1 { "key looked at" } else { "keys looked at" })];
    let says = |kind| match kind {
        Kind::Home => "where they belong",
        Kind::Unproven => "where their names lead; whether they belong there is not known, as they may have tags",
        Kind::Own => "of this program's own (rediscluster:…), passed over",
        Kind::Misplaced => "on another node than theirs",
        Kind::Twice => "on another node than theirs, with their name on several nodes",
        Kind::Uncertain => "not where their names lead; they may have tags",
        Kind::Ambiguous => "with several tags, where none of them leads",
        Kind::Looser => "where rediscluster-py's looser rule for tags puts them",
        Kind::Unreachable => "with names that read as a name and a tag, so that no program finds them",
        Kind::Moved => "moved to where they belong",
        Kind::Failed => "that could not be moved",
        Kind::Gone => "gone before they could be moved",
    };
    lines.extend(KINDS.iter().filter(|&&kind| count(kind) > 0).map(|&kind| (count(kind), says(kind))));
    let width = lines.iter().map(|(count, _)| count.to_string().len()).max().unwrap_or(0);
    let mut text: String = lines.iter().map(|(count, says)| format!("{count:>width$} {says}\n")).collect();
    if let Some((number, explained, strays)) = state.explained.best(nodes) {
        text.push_str(&format!(
            "A fleet of {number} node{} would have {explained} of the {strays} strays where they are.\n",
            if number == 1 { "" } else { "s" }
        ));
    }
    if count(Kind::Uncertain) > 0 {
        text.push_str(
            "A key `name{tag}` is stored as `name`, which does not tell where it belongs. Say more by --tags FILE, --tag-rule\n\
             REGEX=TEMPLATE or --untagged.\n",
        );
    }
    if !state.is_over() {
        text.push_str("Not all keys were looked at.\n");
    }
    text
}

fn summary_as_json(state: &State, nodes: usize, failures: &[(String, String)]) -> Value {
    let best = state
        .explained
        .best(nodes)
        .map(|(number, explained, strays)| json!({"nodes": number, "explained": explained, "strays": strays}));
    let failures: Map<String, Value> =
        failures.iter().map(|(node, error)| (node.clone(), error.clone().into())).collect();
    json!({
        "looked_at": state.keys(),
        "counts": KINDS.iter().map(|&kind| (kind.name().to_owned(), state.count(kind).into())).collect::<Map<_, _>>(),
        "fleet": best,
        "complete": state.is_over(),
        "failures": failures,
    })
}
