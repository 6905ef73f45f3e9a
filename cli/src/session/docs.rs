//! The syntax of commands: as a server documents it, and before or without that as the command table knows it.

use crate::config::Config;
use crate::reply::Reply;
use crate::session::syntax::{Argument, Kind};
use rediscluster::prelude::*;
use rediscluster::spec::{self, KeySpec, OptionValue, Row};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a server may take to tell of its commands before another one is asked; nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of one command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CommandDocs {
    /// What it does, in one line; empty where only the table knows the command.
    pub summary: String,
    /// What it costs.
    pub complexity: String,
    pub arguments: Vec<Argument>,
}

/// The documentation of commands, which comes when a server has told it.
#[derive(Clone, Default)]
pub struct Docs(Arc<OnceLock<BTreeMap<String, CommandDocs>>>);

impl Docs {
    /// Asks the first server that answers, in the background.
    pub fn ask(config: Arc<Config>) -> Docs {
        let docs = Docs::default();
        let asked = docs.clone();
        std::thread::spawn(move || {
            let nodes = config.nodes.iter().map(|(_, address)| address);
            let told = match &config.direct {
                Some(address) => told_by(&config, address),
                None => nodes.into_iter().find_map(|address| told_by(&config, address)),
            };
            // A server before 7.0 does not tell, or its user may not ask.
            asked.0.set(told.unwrap_or_default()).expect("one thread asks");
        });
        docs
    }

    /// What is known of a command now, by its name in upper case.
    pub fn of(&self, name: &str) -> Option<CommandDocs> {
        let told = self.0.get().and_then(|docs| docs.get(name)).cloned();
        told.or_else(|| {
            let words: Vec<&[u8]> = name.split(' ').map(str::as_bytes).collect();
            let row = spec::find(&words).filter(|row| row.name == name)?;
            Some(CommandDocs { arguments: of_row(row), ..CommandDocs::default() })
        })
    }

    /// The name of the command that these words begin with, in upper case; both words of a subcommand.
    pub fn name_of(&self, words: &[&str]) -> Option<String> {
        let both = words.get(..2).map(|two| two.join(" ").to_uppercase());
        let one = words.first().map(|word| word.to_uppercase());
        both.into_iter().chain(one).find(|name| self.of(name).is_some() && !self.is_container(name))
    }

    /// Names that the table does not have, such as those of modules.
    pub fn other_names(&self) -> Vec<String> {
        let names = self.0.get().into_iter().flat_map(|docs| docs.keys());
        names
            .filter(|name| spec::find(&name.split(' ').map(str::as_bytes).collect::<Vec<_>>()).is_none())
            .cloned()
            .collect()
    }

    /// Whether it is only the first word of commands.
    fn is_container(&self, name: &str) -> bool {
        let begin = format!("{name} ");
        let next = self.0.get().and_then(|all| all.range(begin.clone()..).next());
        next.is_some_and(|(next, _)| next.starts_with(&begin))
    }
}

fn told_by(config: &Config, address: &str) -> Option<BTreeMap<String, CommandDocs>> {
    let mut connection = config.settings().deadline(PATIENCE).open(address).ok()?;
    let reply: Reply = connection.execute(cmd("COMMAND DOCS").reply()).ok()?;
    let mut docs = BTreeMap::new();
    read_commands(&reply, &mut docs);
    Some(docs)
}

fn read_commands(reply: &Reply, docs: &mut BTreeMap<String, CommandDocs>) {
    for (name, fields) in pairs(reply) {
        let mut command = CommandDocs::default();
        for (field, value) in pairs(fields) {
            match field.as_str() {
                "summary" => command.summary = text(value).trim_end_matches('.').to_owned(),
                "complexity" => command.complexity = text(value),
                "arguments" => command.arguments = items(value).iter().map(read_argument).collect(),
                "subcommands" => read_commands(value, docs),
                _ => {}
            }
        }
        docs.insert(name.to_uppercase().replace('|', " "), command);
    }
}

fn read_argument(reply: &Reply) -> Argument {
    let mut argument = Argument::default();
    for (field, value) in pairs(reply) {
        match field.as_str() {
            // Newer servers tell a better name behind it.
            "name" | "display_text" => argument.name = text(value),
            "token" => argument.token = Some(text(value)),
            "type" => {
                argument.kind = match text(value).as_str() {
                    "integer" | "unix-time" => Kind::Integer,
                    "double" => Kind::Number,
                    "pure-token" => Kind::Word,
                    "oneof" => Kind::OneOf,
                    "block" => Kind::Block,
                    _ => Kind::Text,
                }
            }
            "flags" => {
                for flag in items(value).iter().map(text) {
                    match flag.as_str() {
                        "optional" => argument.is_optional = true,
                        "multiple" => argument.is_multiple = true,
                        "multiple_token" => argument.repeats_token = true,
                        _ => {}
                    }
                }
            }
            "arguments" => argument.parts = items(value).iter().map(read_argument).collect(),
            _ => {}
        }
    }
    argument
}

/// A map, which RESP2 writes as a list.
fn pairs(reply: &Reply) -> Vec<(String, &Reply)> {
    match reply {
        Reply::Map(pairs) => pairs.iter().map(|(name, value)| (text(name), value)).collect(),
        other => items(other).chunks_exact(2).map(|pair| (text(&pair[0]), &pair[1])).collect(),
    }
}

fn items(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) | Reply::Set(items) => items,
        _ => &[],
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.text().unwrap_or_default()).into_owned()
}

/// What the table knows of a command's arguments: how many there are, and which of them are keys.
fn of_row(row: &Row) -> Vec<Argument> {
    let own = row.name.split(' ').count();
    let fewest = usize::from(row.arity.unsigned_abs());
    let mut arguments: Vec<Argument> = (own..fewest).map(|_| Argument::named("arg")).collect();
    let mut may_repeat = row.arity < 0;
    let mut options = Vec::new();
    for keys in row.keys {
        match *keys {
            // All up to the last argument, or to one of the last.
            KeySpec::Range(first, last, step) if last < 0 && row.arity < 0 => {
                arguments.truncate(first - own);
                let parts = (0..step).map(|nth| Argument::named(if nth == 0 { "key" } else { "value" })).collect();
                arguments.push(Argument { kind: Kind::Block, parts, is_multiple: true, ..Argument::default() });
                arguments.extend((1..last.unsigned_abs()).map(|_| Argument::named("arg")));
                may_repeat = false;
            }
            KeySpec::Range(first, last, step) => {
                let last = last.max(0).unsigned_abs();
                (first..=last).step_by(step.max(1)).for_each(|at| name(&mut arguments, at - own, "key"));
            }
            KeySpec::Numkeys(at, _) => {
                name(&mut arguments, at - own, "numkeys");
                name(&mut arguments, at + 1 - own, "key");
            }
            KeySpec::Channel(at) => name(&mut arguments, at - own, "channel"),
            KeySpec::Options(_, words) => options.extend(words.iter().map(option)),
            _ => {}
        }
    }
    arguments.extend(options);
    if may_repeat {
        arguments.push(Argument { is_optional: true, is_multiple: true, ..Argument::named("arg") });
    }
    arguments
}

fn name(arguments: &mut [Argument], at: usize, name: &str) {
    if let Some(argument) = arguments.get_mut(at) {
        argument.name = name.to_owned();
    }
}

fn option(&(word, count, value): &(&str, usize, OptionValue)) -> Argument {
    let value = match value {
        OptionValue::Key => "key",
        OptionValue::Pattern => "pattern",
        _ => "value",
    };
    let parts = vec![Argument::named(value); count];
    Argument { kind: Kind::Block, token: Some(word.to_owned()), is_optional: true, parts, ..Argument::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::syntax::written;

    #[test]
    fn what_the_table_knows_of_arguments() {
        let docs = Docs::default();
        for (name, expected) in [
            ("GET", "key"),
            ("SET", "key arg [arg [arg ...]]"),
            ("DEL", "key [key ...]"),
            ("MSET", "key value [key value ...]"),
            ("BLPOP", "key [key ...] arg"),
            ("BITOP", "arg key [key ...]"),
            ("RENAME", "key key"),
            ("EVAL", "arg numkeys [arg [arg ...]]"),
            ("SORT", "key [STORE key] [BY pattern] [GET pattern] [LIMIT value value] [arg [arg ...]]"),
            ("OBJECT ENCODING", "key"),
            ("CONFIG GET", "arg [arg [arg ...]]"),
            ("PING", "[arg [arg ...]]"),
        ] {
            assert_eq!(written(&docs.of(name).unwrap().arguments), expected, "{name}");
        }
        assert_eq!(docs.of("NOSUCH"), None);
        assert_eq!(docs.name_of(&["config", "get", "x"]).as_deref(), Some("CONFIG GET"));
        assert_eq!(docs.name_of(&["config"]), None);
    }

    #[test]
    fn what_a_server_tells() {
        let text = |text: &str| Reply::Text(text.into());
        let list = |items: Vec<Reply>| Reply::Array(items);
        let key = list(vec![text("name"), text("key"), text("type"), text("key"), text("display_text"), text("name")]);
        let token = [text("name"), text("nx"), text("type"), text("pure-token"), text("token"), text("NX")];
        let flags = [text("flags"), list(vec![Reply::Status(b"optional".to_vec())])];
        let option = list(token.into_iter().chain(flags).collect());
        let take = list(vec![text("summary"), text("Takes."), text("arguments"), list(vec![key, option])]);
        let container = Reply::Map(vec![(text("subcommands"), list(vec![text("cell|take"), take]))]);
        let mut docs = BTreeMap::new();
        read_commands(&list(vec![text("cell"), container]), &mut docs);
        assert_eq!(docs["CELL TAKE"].summary, "Takes");
        assert_eq!(written(&docs["CELL TAKE"].arguments), "name [NX]");
        let cell = Docs::default();
        cell.0.set(docs).unwrap();
        assert_eq!(cell.name_of(&["cell"]), None);
        assert_eq!(cell.name_of(&["cell", "take", "x"]).as_deref(), Some("CELL TAKE"));
        assert_eq!(cell.other_names(), ["CELL", "CELL TAKE"]);
    }
}
