//! `nodes --as`: the fleet in any of the forms that are read, by this program and by others. No server is asked.

use super::document::{Entry, Value};
use super::foreign::{Fleet, PHP, PYTHON};
use super::settings::SETTINGS;
use crate::config::Config;
use crate::nodes::credentials;
use std::fmt::Write;

/// What is printed, and what it cannot say.
pub struct Printed {
    pub text: String,
    /// It stands in the text as well, where that can have comments.
    pub left_out: Vec<String>,
}

/// The fleet as it is configured.
///
/// # Errors
/// That there is no such form, or what is wrong with the configuration.
pub fn print(config: &Config, form: &str, with_passwords: bool) -> Result<Printed, String> {
    match form {
        "toml" => Ok(Document::of(config, with_passwords).toml()),
        "json" => Ok(Document::of(config, with_passwords).json()),
        "py" => Ok(Fleet::of(config, with_passwords)?.literal(&PYTHON)),
        "php" => Ok(Fleet::of(config, with_passwords)?.literal(&PHP)),
        "twemproxy" => Ok(Fleet::of(config, with_passwords)?.twemproxy()),
        _ => Err("nodes: --as takes one of toml, json, py, php, twemproxy".into()),
    }
}

/// Each remark on a line of its own.
pub fn comments(sign: &str, left_out: &[String]) -> String {
    left_out.iter().map(|remark| format!("{sign} {remark}\n")).collect()
}

pub const NO_PASSWORDS: &str = "Passwords are left out; --with-passwords prints them.";

/// The settings of a file of our own.
struct Document {
    entries: Vec<(&'static str, Entry)>,
    left_out: Vec<String>,
}

impl Document {
    fn of(config: &Config, with_passwords: bool) -> Document {
        let mut has_left_out = false;
        let mut address = |address: &str| match (credentials(address), address.split_once("://")) {
            ((Some(_), rest), Some((scheme, _))) if !with_passwords => {
                has_left_out = true;
                format!("{scheme}://{rest}")
            }
            _ => address.to_owned(),
        };
        let text = |text: &str| Entry::from(Value::Text(text.to_owned()));
        let table = |entries: Vec<(String, Entry)>| Entry::from(Value::Table(entries));
        let nodes = config.nodes.iter().map(|(name, at)| (name.clone(), text(&address(at)))).collect();
        let mut sentinels = Vec::new();
        for asked in &config.sentinels {
            let addresses = asked.addresses.iter().map(|at| text(&address(at))).collect();
            let fields = vec![
                ("master".to_owned(), text(&asked.master)),
                ("addresses".to_owned(), Value::List(addresses).into()),
            ];
            sentinels.push((asked.node.clone(), table(fields)));
        }
        let mut master_of: Vec<(String, Entry)> = Vec::new();
        for (master, replica) in &config.master_of {
            match master_of.iter_mut().find(|(known, _)| known == master) {
                Some((_, Entry { value: Value::List(replicas), .. })) => replicas.push(text(replica)),
                _ => master_of.push((master.clone(), Value::List(vec![text(replica)]).into())),
            }
        }
        let mut entries = Vec::new();
        for (name, _) in SETTINGS {
            match config.settings.get(name) {
                Some(_) if name == "password" && !with_passwords => has_left_out = true,
                Some(entry) => entries.push((name, entry.clone())),
                None => {}
            }
        }
        let wanted = &config.wanted;
        if wanted.tls {
            entries.push(("tls", Value::Bool(true).into()));
        }
        for (name, path) in [("cacert", &wanted.cacert), ("cert", &wanted.cert), ("key", &wanted.key)] {
            entries.extend(path.iter().map(|path| (name, text(&path.to_string_lossy()))));
        }
        entries.extend(wanted.sni.iter().map(|name| ("sni", text(name))));
        entries.push(("nodes", table(nodes)));
        if !master_of.is_empty() {
            entries.push(("master_of", table(master_of)));
        }
        if !sentinels.is_empty() {
            entries.push(("sentinels", table(sentinels)));
        }
        let mut left_out = Vec::new();
        if has_left_out {
            left_out.push(NO_PASSWORDS.to_owned());
        }
        if wanted.insecure {
            left_out.push("--insecure is no setting of a file.".to_owned());
        }
        Document { entries, left_out }
    }

    fn toml(self) -> Printed {
        let mut text = comments("#", &self.left_out);
        // What follows a table belongs to it.
        let (tables, plain): (Vec<_>, Vec<_>) =
            self.entries.iter().partition(|(_, entry)| matches!(entry.value, Value::Table(_)));
        for (name, entry) in plain {
            let _ = writeln!(text, "{name} = {}", toml(&entry.value));
        }
        for (name, entry) in tables {
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{separator}[{name}]");
            for (name, entry) in entry.table().unwrap_or_default() {
                let _ = writeln!(text, "{} = {}", toml_name(name), toml(&entry.value));
            }
        }
        Printed { text, left_out: self.left_out }
    }

    fn json(self) -> Printed {
        let entries = self.entries.iter().map(|(name, entry)| ((*name).to_owned(), json(&entry.value)));
        let text = format!("{:#}\n", serde_json::Value::Object(entries.collect()));
        Printed { text, left_out: self.left_out }
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Nothing => "\"\"".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => toml::Value::Float(*number).to_string(),
        Value::Text(text) => toml::Value::String(text.clone()).to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| toml(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Value::Table(entries) => {
            let entry = |(name, entry): &(String, Entry)| format!("{} = {}", toml_name(name), toml(&entry.value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn toml_name(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => toml::Value::String(name.to_owned()).to_string(),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nothing => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(|item| json(&item.value)).collect(),
        Value::Table(entries) => entries.iter().map(|(name, entry)| (name.clone(), json(&entry.value))).collect(),
    }
}
