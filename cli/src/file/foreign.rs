//! The fleet as rediscluster-py, rediscluster-php and twemproxy are told of it. They know less of it than this program: what
//! has no place there is said in comments.

use super::print::{comments, Printed, NO_PASSWORDS};
use super::twemproxy::order;
use crate::config::Config;
use crate::nodes::credentials;
use percent_encoding::percent_decode_str;
use rediscluster::{Address, HashTags};
use std::fmt::Write;

/// A server, and what is known of it without any URL.
struct Server {
    name: String,
    address: Address,
    username: Option<String>,
    password: Option<String>,
}

impl Server {
    fn of(config: &Config, name: &str) -> Result<Server, String> {
        let given = config.nodes.iter().find(|(known, _)| known == name).map_or("", |(_, given)| given);
        // The library takes an address apart better than anybody else. By another name: alone it is no node_2.
        let alone = config.settings().node("alone", given).build().map_err(|error| error.to_string())?;
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
            (!text.is_empty()).then_some(text)
        };
        // One part alone is the password.
        let pair = credentials(given).0.map(|pair| pair.split_once(':').unwrap_or(("", pair)));
        let (mut username, mut password) = pair.map_or((None, None), |(one, other)| (decoded(one), decoded(other)));
        // A URL's own come first, and as a pair.
        if username.is_none() && password.is_none() {
            username = config.settings.text("username").map(str::to_owned);
            password = config.settings.text("password").map(str::to_owned);
        }
        Ok(Server { name: name.to_owned(), address: alone.node_for("").address().clone(), username, password })
    }
}

/// A master with the replicas that were given for it.
struct Shard {
    master: Server,
    replicas: Vec<Server>,
}

/// The nodes in the order of placement.
pub struct Fleet<'a> {
    config: &'a Config,
    shards: Vec<Shard>,
    /// Of all nodes; URLs may name it as well.
    database: Option<u64>,
    left_out: Vec<String>,
}

impl Fleet<'_> {
    /// # Errors
    /// A mistake in the configuration.
    pub fn of(config: &Config, with_passwords: bool) -> Result<Fleet<'_>, String> {
        let cluster = config.builder().build().map_err(|error| error.to_string())?;
        let of_urls = config.nodes.iter().find_map(|(_, address)| database_of(address));
        let database =
            config.settings.get("database").and_then(|entry| entry.number(0, u32::MAX.into()).ok()).or(of_urls);
        let mut fleet = Fleet { config, shards: Vec::new(), database, left_out: Vec::new() };
        let mut has_passwords = false;
        let mut server = |name: &str| {
            let mut server = Server::of(config, name)?;
            has_passwords |= server.password.is_some();
            server.password = server.password.filter(|_| with_passwords);
            Ok::<_, String>(server)
        };
        for shard in cluster.topology().shards() {
            let given = config.master_of.iter().filter(|(master, _)| master == shard.name());
            let replicas = given.map(|(_, replica)| server(replica)).collect::<Result<_, _>>()?;
            fleet.shards.push(Shard { master: server(shard.name())?, replicas });
        }
        if has_passwords && !with_passwords {
            fleet.left_out.push(NO_PASSWORDS.to_owned());
        }
        if config.speaks_tls() {
            fleet.left_out.push("These servers speak TLS, which is not said here.".to_owned());
        }
        if !config.sentinels.is_empty() {
            fleet.left_out.push("Sentinels are left out.".to_owned());
        }
        Ok(fleet)
    }

    /// Says which settings have no place here.
    fn leave_out_settings(&mut self) {
        // Who logs in, the database and how tags are read is said at its place; how this program prints matters to nobody else.
        let said =
            ["username", "password", "database", "hash_tags", "output", "delimiter", "reply_delimiter", "error_status"];
        let names: Vec<_> =
            self.config.settings.all().map(|(name, _)| name).filter(|name| !said.contains(name)).collect();
        if !names.is_empty() {
            self.left_out.push(format!("Settings that have no place here: {}.", names.join(", ")));
        }
    }

    /// Calls the masters node_1 to node_N in their order, and then the replicas.
    fn rename(&mut self, why: &str) {
        let names: Vec<_> = self.shards.iter().map(|shard| shard.master.name.as_str()).collect();
        self.left_out.push(format!("{why}: these are {} in their order.", names.join(", ")));
        let masters = self.shards.len();
        for (shard, nth) in self.shards.iter_mut().zip(1..) {
            shard.master.name = format!("node_{nth}");
        }
        let replicas = self.shards.iter_mut().flat_map(|shard| &mut shard.replicas);
        for (replica, nth) in replicas.zip(masters + 1..) {
            replica.name = format!("node_{nth}");
        }
    }

    /// As a dictionary of Python or an array of PHP.
    pub fn literal(mut self, language: &Literal) -> Printed {
        let client = language.client;
        if self.shards.iter().zip(1..).any(|(shard, nth)| shard.master.name != format!("node_{nth}")) {
            self.rename(&format!("{client} places keys on node_1 to node_N"));
        }
        if self.shards.iter().any(|shard| shard.replicas.len() > 1) {
            self.left_out.push(format!("{client} knows one replica for each master; further ones are left out."));
        }
        match self.config.settings.hash_tags() {
            HashTags::Strip => {}
            HashTags::Keep => {
                self.left_out.push(format!("hash_tags is \"keep\": {client} stores keys with tags under other names."))
            }
            _ => self.left_out.push(format!("hash_tags is \"off\": {client} places keys with braces elsewhere.")),
        }
        if let Some(database @ 1..) = self.database {
            self.left_out.push(format!("{client} is given the database by its constructor: {database}."));
        }
        self.leave_out_settings();
        let Literal { arrow, open, close, .. } = *language;
        let text = |text: &str| language.text(text);
        let mut out =
            format!("{}{}{}{open}\n", language.head, comments(language.comment, &self.left_out), language.begin);
        let _ = writeln!(out, "    'nodes'{arrow}{open}");
        let replicas = self.shards.iter().filter_map(|shard| shard.replicas.first());
        for server in self.shards.iter().map(|shard| &shard.master).chain(replicas) {
            let place = match server.address.unix_path() {
                Some(path) => format!("'unix_socket_path'{arrow}{}", text(&path.to_string_lossy())),
                None => format!("'host'{arrow}{}, 'port'{arrow}{}", text(server.address.host()), server.address.port()),
            };
            let login = [("username", &server.username), ("password", &server.password)];
            let login: String = login
                .iter()
                .filter_map(|(name, value)| Some(format!(", '{name}'{arrow}{}", text(value.as_deref()?))))
                .collect();
            let _ = writeln!(out, "        {}{arrow}{open}{place}{login}{close},", text(&server.name));
        }
        let _ = writeln!(out, "    {close},");
        if self.shards.iter().any(|shard| !shard.replicas.is_empty()) {
            let _ = writeln!(out, "    'master_of'{arrow}{open}");
            for Shard { master, replicas } in &self.shards {
                // A master that has no replica is its own.
                let replica = replicas.first().unwrap_or(master);
                let _ = writeln!(out, "        {}{arrow}{},", text(&master.name), text(&replica.name));
            }
            let _ = writeln!(out, "    {close},\n    'default_node'{arrow}'node_1',");
        }
        let _ = writeln!(out, "{close}{}", language.end);
        Printed { text: out, left_out: self.left_out }
    }

    /// As a pool of twemproxy.
    pub fn twemproxy(mut self) -> Printed {
        let names: Vec<_> = self.shards.iter().map(|shard| &shard.master.name).collect();
        if names.windows(2).any(|pair| order(pair[0], pair[1]).is_ge()) {
            self.rename("twemproxy counts servers in the order of their names");
        }
        if self.shards.iter().any(|shard| !shard.replicas.is_empty()) {
            self.left_out.push("Replicas are left out: twemproxy knows none.".to_owned());
        }
        let passwords: Vec<_> = self.shards.iter().map(|shard| &shard.master.password).collect();
        let password = match passwords.first() {
            Some(Some(password)) if passwords.iter().all(|other| *other == passwords[0]) => Some(password.clone()),
            _ => None,
        };
        if password.is_none() && passwords.iter().any(|password| password.is_some()) {
            self.left_out
                .push("Passwords are left out: they are not the same, and twemproxy knows one for all.".to_owned());
        }
        if self.shards.iter().any(|shard| shard.master.username.is_some()) {
            self.left_out.push("Users are left out: twemproxy logs in with a password alone.".to_owned());
        }
        let tag = match self.config.settings.hash_tags() {
            HashTags::Keep => "  hash_tag: \"{}\"\n",
            HashTags::Strip => {
                let remark = "hash_tags is \"strip\", which twemproxy cannot do: name{tag} is stored as that, on the node of it all.";
                self.left_out.push(remark.to_owned());
                ""
            }
            _ => "",
        };
        self.leave_out_settings();
        let mut out = comments("#", &self.left_out);
        out.push_str("rediscluster:\n  listen: 127.0.0.1:22121\n  hash: crc32a\n");
        out.push_str(tag);
        out.push_str("  distribution: modula\n  auto_eject_hosts: false\n  redis: true\n");
        // A string of JSON is one of YAML.
        let text = |text: &str| serde_json::Value::from(text).to_string();
        if let Some(password) = password {
            let _ = writeln!(out, "  redis_auth: {}", text(&password));
        }
        if let Some(database @ 1..) = self.database {
            let _ = writeln!(out, "  redis_db: {database}");
        }
        out.push_str("  servers:\n");
        for Shard { master, .. } in &self.shards {
            let place = match master.address.unix_path() {
                Some(path) => path.to_string_lossy().into_owned(),
                None => format!("{}:{}", master.address.host(), master.address.port()),
            };
            let server = format!("{place}:1 {}", master.name);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || " /.:_-".contains(c);
            let server = if server.chars().all(is_plain) { server } else { text(&server) };
            let _ = writeln!(out, "    - {server}");
        }
        Printed { text: out, left_out: self.left_out }
    }
}

/// The database in a URL that was taken for good.
fn database_of(address: &str) -> Option<u64> {
    let (_, rest) = credentials(address);
    let database = match address.starts_with("unix://") {
        true => rest.split_once("?db="),
        false => rest.split_once('/'),
    };
    database?.1.parse().ok()
}

/// How a language writes tables.
pub struct Literal {
    client: &'static str,
    head: &'static str,
    comment: &'static str,
    begin: &'static str,
    open: &'static str,
    close: &'static str,
    arrow: &'static str,
    end: &'static str,
    escapes_lines: bool,
}

pub const PYTHON: Literal = Literal {
    client: "rediscluster-py",
    head: "",
    comment: "#",
    begin: "cluster = ",
    open: "{",
    close: "}",
    arrow: ": ",
    end: "",
    escapes_lines: true,
};

pub const PHP: Literal = Literal {
    client: "rediscluster-php",
    head: "<?php\n",
    comment: "//",
    begin: "$cluster = ",
    open: "array(",
    close: ")",
    arrow: " => ",
    end: ";",
    escapes_lines: false,
};

impl Literal {
    /// A string in single quotes. A password may hold a line end, which ends a string of Python, and for which a string of
    /// PHP has no escape and no need.
    fn text(&self, text: &str) -> String {
        let text = text.replace('\\', "\\\\").replace('\'', "\\'");
        format!("'{}'", if self.escapes_lines { text.replace('\n', "\\n").replace('\r', "\\r") } else { text })
    }
}
