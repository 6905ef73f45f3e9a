//! `node-for` and `nodes`: where keys live, and how the servers are.

mod wish;

use crate::asked;
use crate::check::check;
use crate::config::Config;
use crate::file::print;
use crate::probe::Probe;
use crate::quote::quote;
use crate::render::{json_string, Mode};
use crate::session::Ran;
use crate::table::aligned;
use rediscluster::Protocol;
use serde_json::{json, Value};
use std::time::Duration;
pub use wish::Wish;

/// How long the whole table may keep a person waiting for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One server.
pub struct Row {
    pub name: String,
    pub address: String,
    /// Its address as it was configured, which may hold a password.
    pub reached_at: String,
    /// What it was taken for; the answer may say otherwise.
    pub master: bool,
    pub answer: Result<Probe, String>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A line for every key: the key, the node it lives on, the address.
///
/// # Errors
/// Why there is no answer, in words.
pub fn node_for(config: &Config, keys: &[Vec<u8>], mode: Mode, terminal: bool) -> Result<(Vec<u8>, Ran), String> {
    if keys.is_empty() {
        return Err("node-for: which keys?".into());
    }
    config.is_fleet("node-for")?;
    // Where a key lives is no server's business, so none has to be up.
    let cluster = config.builder().build().map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    let nodes: Vec<_> = keys.iter().map(|key| cluster.node_for(key)).collect();
    if matches!(mode, Mode::Json | Mode::QuotedJson) {
        for (at, (key, node)) in keys.iter().zip(nodes).enumerate() {
            out.extend_from_slice(if at == 0 { b"[{\"key\":" } else { b",{\"key\":" });
            json_string(key, &mut out);
            let address = node.address().to_string();
            out.extend(format!(",\"node\":{},\"address\":{}}}", json!(node.name()), json!(address)).into_bytes());
        }
        out.extend_from_slice(b"]\n");
        return Ok((out, Ran::Answered));
    }
    if terminal {
        let line = |(key, node): (&Vec<u8>, &rediscluster::Node)| {
            [String::from_utf8_lossy(&shown(key)).into_owned(), node.name().to_owned(), node.address().to_string()]
        };
        let lines: Vec<_> = keys.iter().zip(&nodes).map(line).collect();
        return Ok((aligned(&lines, &[]).into_bytes(), Ran::Answered));
    }
    for (key, node) in keys.iter().zip(nodes) {
        out.extend(shown(key));
        out.extend(format!("\t{}\t{}\n", node.name(), node.address()).into_bytes());
    }
    Ok((out, Ran::Answered))
}

/// A key as it is, or in quotes where it would break the line.
pub fn shown(key: &[u8]) -> Vec<u8> {
    if !key.iter().any(|byte| byte.is_ascii_control()) {
        return key.to_vec();
    }
    let mut quoted = Vec::new();
    quote(key, &mut quoted);
    quoted
}

/// `nodes`: the servers, what is wrong with them, or what is configured.
///
/// # Errors
/// Why there is no answer, in words.
pub fn nodes(config: &Config, words: &[Vec<u8>], mode: Mode) -> Result<(Vec<u8>, Ran), String> {
    let wish: Wish = asked::read(words)?;
    match &wish.form {
        Some(form) => printed(config, form, wish.with_passwords),
        None if wish.check => check(config, &wish, mode),
        None if wish.json => table(config, Mode::Json),
        None => table(config, mode),
    }
}

/// A line for every server. A server that gives no answer makes [`Ran::Failed`] of it.
///
/// # Errors
/// When there are no nodes to show.
fn table(config: &Config, mode: Mode) -> Result<(Vec<u8>, Ran), String> {
    config.is_fleet("nodes")?;
    config.builder().build().map_err(|error| error.to_string())?;
    let rows = rows(config);
    let ran = if rows.iter().all(|row| row.answer.is_ok()) { Ran::Answered } else { Ran::Failed };
    let text = match mode {
        Mode::Json | Mode::QuotedJson => format!("{}\n", Value::from_iter(rows.iter().map(Row::json))),
        _ => {
            let head = ["NAME", "ADDRESS", "ROLE", "KEYS", "MEMORY", "REPLICAS", "STATE"].map(str::to_owned);
            let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::line)).collect();
            aligned(&lines, &[3, 4])
        }
    };
    Ok((text.into_bytes(), ran))
}

/// The nodes as they are configured, in a form that files have. What that cannot say is told on standard error.
///
/// # Errors
/// What is wrong with the configuration, or with the name of the form.
fn printed(config: &Config, form: &str, with_passwords: bool) -> Result<(Vec<u8>, Ran), String> {
    config.is_fleet("nodes")?;
    let printed = print(config, form, with_passwords)?;
    for remark in printed.left_out {
        eprintln!("rediscluster: {remark}");
    }
    Ok((printed.text.into_bytes(), Ran::Answered))
}

/// The masters that are configured, in the order that placement counts them: their names and addresses, which may hold
/// passwords.
pub fn masters(config: &Config) -> Vec<&(String, String)> {
    let mut masters: Vec<_> =
        config.nodes.iter().filter(|(name, _)| config.master_of.iter().all(|(_, replica)| replica != name)).collect();
    if masters.iter().all(|(name, _)| number(name).is_some()) {
        masters.sort_by_key(|(name, _)| number(name));
    }
    masters
}

/// The replicas that are configured for a master.
pub fn given_replicas<'c>(config: &'c Config, master: &'c str) -> impl Iterator<Item = &'c (String, String)> {
    let is_given = move |name: &String| config.master_of.iter().any(|(of, replica)| of == master && replica == name);
    config.nodes.iter().filter(move |(name, _)| is_given(name))
}

/// The servers: each master followed by its replicas, all masters asked at the same time.
pub fn rows(config: &Config) -> Vec<Row> {
    let masters = masters(config);
    let mut rows: Vec<Row> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            masters.iter().map(|(name, address)| scope.spawn(|| shard(config, name, address))).collect();
        asked.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    for at in 1..rows.len() {
        let (before, rest) = rows.split_at_mut(at);
        let run_id = |row: &Row| row.answer.as_ref().ok().map(|probe| probe.run_id.clone()).filter(|id| !id.is_empty());
        if let Some(twin) = run_id(&rest[0]).and_then(|id| before.iter().find(|row| run_id(row).as_ref() == Some(&id)))
        {
            rest[0].note = Some(format!("the same server as {}", twin.name));
        }
    }
    rows
}

/// A master and its replicas: those that were given for it, else those that it names.
fn shard(config: &Config, name: &str, address: &str) -> Vec<Row> {
    let mut rows = vec![row(config, name, address, true)];
    let mut replicas: Vec<_> = given_replicas(config, name).cloned().collect();
    if replicas.is_empty() {
        for (replica, _) in rows[0].answer.iter().flat_map(|probe| &probe.replicas) {
            replicas.push((format!("{name}/{replica}"), with_credentials_of(address, replica)));
        }
    }
    rows.extend(replicas.into_iter().map(|(name, address)| row(config, &name, &address, false)));
    rows
}

fn row(config: &Config, name: &str, address: &str, master: bool) -> Row {
    // What is asked has the same answer in either protocol, and every server speaks this one.
    let settings = config.settings().protocol(Protocol::Resp2).deadline(config.deadline.unwrap_or(PATIENCE));
    let answer = Probe::ask(settings, address).map_err(|error| error.message().to_owned());
    let note = match &answer {
        Ok(probe) if master && !probe.is_master => Some("configured as a master".to_owned()),
        Ok(probe) if !master && probe.is_master => Some("expected to be a replica".to_owned()),
        _ => None,
    };
    let (name, reached_at) = (name.to_owned(), address.to_owned());
    Row { name, address: host(address).to_owned(), reached_at, master, answer, note }
}

/// N of `node_N`.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("node_")?;
    // `parse` would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// What comes before the `@` of an address that may be a URL, and what comes behind it.
pub fn credentials(address: &str) -> (Option<&str>, &str) {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let parts = match scheme {
        // A path may hold an `@`, too.
        "unix" if rest.starts_with('/') => None,
        "unix" => rest.rfind("@/").map(|at| (&rest[..at], &rest[at + 1..])),
        _ => rest.rsplit_once('@'),
    };
    parts.map_or((None, rest), |(credentials, rest)| (Some(credentials), rest))
}

/// The address of the master that a node has now: the configured one, or with its credentials another server's.
pub fn address_of_master(configured: &str, now: &str) -> String {
    let is_same = match configured.starts_with("unix://") {
        true => now.starts_with("unix://"),
        false => host(configured) == now || format!("{}:6379", host(configured)) == now,
    };
    match is_same {
        true => configured.to_owned(),
        false => with_credentials_of(configured, now),
    }
}

/// The host and the port of an address that may be a URL with a password, or the path of a Unix socket.
pub fn host(address: &str) -> &str {
    let (_, rest) = credentials(address);
    let end: &[char] = if address.starts_with("unix://") { &['?'] } else { &['/', '?', '#'] };
    rest.split(end).next().unwrap_or(rest)
}

/// A replica is reached as its master is, but never by a Unix socket.
pub fn with_credentials_of(master: &str, replica: &str) -> String {
    let scheme = if master.starts_with("rediss://") { "rediss" } else { "redis" };
    match credentials(master) {
        (Some(credentials), _) => format!("{scheme}://{credentials}@{replica}"),
        (None, _) => format!("{scheme}://{replica}"),
    }
}

impl Row {
    /// What it is called, for people.
    pub fn title(&self) -> String {
        if self.name.ends_with(&self.address) {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.address)
        }
    }

    fn role(&self) -> &'static str {
        match self.answer.as_ref().map_or(self.master, |probe| probe.is_master) {
            true => "master",
            false => "replica",
        }
    }

    /// How it is, in a word or two.
    fn state(&self) -> &'static str {
        match &self.answer {
            Err(_) => "down",
            Ok(probe) if probe.is_master => "up",
            Ok(probe) if probe.link_up => "link up",
            Ok(_) => "link down",
        }
    }

    /// What else there is to say of its state.
    fn remark(&self) -> Option<&str> {
        self.answer.as_ref().err().or(self.note.as_ref()).map(String::as_str)
    }

    fn line(&self) -> [String; 7] {
        let unknown = || "-".to_owned();
        let probe = self.answer.as_ref().ok();
        let replicas = probe.filter(|probe| !probe.replicas.is_empty()).map_or_else(unknown, |probe| {
            let each: Vec<_> = probe.replicas.iter().map(|(address, state)| format!("{address} {state}")).collect();
            each.join("; ")
        });
        [
            self.name.clone(),
            self.address.clone(),
            self.role().to_owned(),
            probe.map_or_else(unknown, |probe| probe.keys.to_string()),
            probe.map_or_else(unknown, |probe| probe.memory.1.clone()),
            replicas,
            self.remark().map_or(self.state().to_owned(), |remark| format!("{}: {remark}", self.state())),
        ]
    }

    fn json(&self) -> Value {
        let probe = self.answer.as_ref().ok();
        let replicas = probe.map(|probe| {
            let each = |(address, state): &(String, String)| json!({"address": address, "state": state});
            Value::from_iter(probe.replicas.iter().map(each))
        });
        json!({
            "name": self.name,
            "address": self.address,
            "role": self.role(),
            "state": self.state(),
            "remark": self.remark(),
            "keys": probe.map(|probe| probe.keys),
            "memory": probe.map(|probe| probe.memory.0),
            "replicas": replicas,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (address, wanted) in [
            ("127.0.0.1:7001", "127.0.0.1:7001"),
            ("redis://h", "h"),
            ("redis://u:p@ss/w@h:1/2", "h:1"),
            ("redis://:p@[::1]:1", "[::1]:1"),
            ("rediss://:p@h:1/2", "h:1"),
            ("unix:///run/x@y.sock?db=2", "/run/x@y.sock"),
            ("unix://u:p@/ss@/run/x.sock", "/run/x.sock"),
        ] {
            assert_eq!(host(address), wanted);
        }
        assert_eq!(with_credentials_of("redis://u:p@h:1/2", "r:2"), "redis://u:p@r:2");
        assert_eq!(with_credentials_of("h:1", "r:2"), "redis://r:2");
        assert_eq!(with_credentials_of("rediss://h:1", "r:2"), "rediss://r:2");
        assert_eq!(with_credentials_of("unix://p@/s", "r:2"), "redis://p@r:2");
    }

    #[test]
    fn keys_that_would_break_a_line_are_quoted() {
        assert_eq!(shown("k\u{e9}y \"x\"".as_bytes()), "k\u{e9}y \"x\"".as_bytes());
        assert_eq!(shown(b"a\tb\n"), b"\"a\\tb\\n\"");
    }
}
