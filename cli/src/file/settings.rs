//! The settings of a file by their names: those of the library's builder under the names that they have there, and those
//! of the command line.

use super::document::{Entry, Mistake, Value};
use rediscluster::resp::Limits;
use rediscluster::spec::{Access, KeySpec, Spec};
use rediscluster::{Address, Builder, Cluster, CrossNode, HashTags, Protocol, ReadFrom, ReplicaLag, Retries, Share};
use std::collections::HashMap;
use std::time::Duration;

/// What it means: it is checked and given to the builder, which does nothing yet.
type Apply = fn(Builder, &Entry) -> Result<Builder, Mistake>;

/// What is not about the builder: it is checked and looked up by [`Settings::get`] later.
fn only(builder: Builder, check: Result<(), Mistake>) -> Result<Builder, Mistake> {
    check.map(|()| builder)
}

/// All settings but the table of the nodes and TLS.
pub const SETTINGS: [(&str, Apply); 27] = [
    ("database", |builder, entry| Ok(builder.database(entry.number(0, u32::MAX.into())? as u32))),
    ("username", |builder, entry| Ok(builder.username(entry.text()?))),
    ("password", |builder, entry| Ok(builder.password(entry.text()?))),
    ("client_name", |builder, entry| Ok(builder.client_name(entry.text()?))),
    ("protocol", |builder, entry| Ok(builder.protocol(one_of(entry, &PROTOCOLS)?))),
    ("hash_tags", |builder, entry| Ok(builder.hash_tags(one_of(entry, &HASH_TAGS)?))),
    ("cross_node", |builder, entry| {
        let choices = [("emulate", CrossNode::Emulate), ("refuse", CrossNode::Refuse)];
        Ok(builder.cross_node(one_of(entry, &choices)?))
    }),
    ("share_connections", |builder, entry| {
        let choices = [("reads", Share::Reads), ("all", Share::All), ("none", Share::None)];
        Ok(builder.share_connections(one_of(entry, &choices)?))
    }),
    ("read_from", |builder, entry| {
        let choices = [
            ("replica", ReadFrom::Replica),
            ("master", ReadFrom::Master),
            ("any", ReadFrom::Any),
            ("prefer_master", ReadFrom::PreferMaster),
            ("nearest", ReadFrom::Nearest),
        ];
        Ok(builder.read_from(one_of(entry, &choices)?))
    }),
    ("masters_only", |builder, entry| {
        // `false` is what `read_from` says, and that is replicas unless it says otherwise.
        let masters_only = entry.truth()?;
        Ok(if masters_only { builder.masters_only(true) } else { builder })
    }),
    ("max_replica_lag", |builder, entry| Ok(builder.max_replica_lag(replica_lag(entry)?))),
    ("stand_in_after", |builder, entry| Ok(builder.stand_in_after(seconds(entry)?))),
    ("require_all", |builder, entry| Ok(builder.require_all(entry.truth()?))),
    ("refresh_every", |builder, entry| Ok(builder.refresh_every(seconds_or_never(entry)?))),
    ("deadline", |builder, entry| Ok(builder.deadline(seconds(entry)?))),
    ("connect_timeout", |builder, entry| Ok(builder.connect_timeout(seconds(entry)?))),
    ("pool_size", |builder, entry| Ok(builder.pool_size(entry.number(1, 1 << 20)? as usize))),
    ("check_after", |builder, entry| Ok(builder.check_after(seconds_or_never(entry)?.unwrap_or(Duration::MAX)))),
    ("max_idle_age", |builder, entry| Ok(builder.max_idle_age(seconds_or_never(entry)?))),
    ("retries", |builder, entry| Ok(builder.retries(retries(entry)?))),
    ("limits", |builder, entry| Ok(builder.limits(limits(entry)?))),
    ("map_addresses", map_addresses),
    ("commands", commands),
    ("output", |builder, entry| only(builder, one_of(entry, &OUTPUTS.map(|output| (output, ()))))),
    ("delimiter", |builder, entry| only(builder, entry.text().map(|_| ()))),
    ("reply_delimiter", |builder, entry| only(builder, entry.text().map(|_| ()))),
    ("error_status", |builder, entry| only(builder, entry.truth().map(|_| ()))),
];

/// By the names that the options have.
pub const OUTPUTS: [&str; 5] = ["raw", "no-raw", "json", "quoted-json", "csv"];

pub const HASH_TAGS: [(&str, HashTags); 3] =
    [("strip", HashTags::Strip), ("keep", HashTags::Keep), ("off", HashTags::Off)];

const PROTOCOLS: [(&str, Protocol); 2] = [("resp2", Protocol::Resp2), ("resp3", Protocol::Resp3)];

/// Settings with their values, which were checked. It may hold a password, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Settings(Vec<(&'static str, Entry)>);

impl Settings {
    /// Takes a setting, in the place of one of the same name.
    ///
    /// # Errors
    /// That there is no such setting, or that its value is wrong.
    pub fn set(&mut self, name: &str, entry: Entry) -> Result<(), Mistake> {
        let Some((name, apply)) = SETTINGS.iter().find(|(known, _)| *known == name) else {
            return Err(entry.wrong("not a setting").inside(name));
        };
        apply(Cluster::builder(), &entry).map_err(|mistake| mistake.inside(name))?;
        self.forget(name);
        self.0.push((name, entry));
        Ok(())
    }

    /// Takes a value that is known to be right.
    pub fn put(&mut self, name: &'static str, value: Value) {
        self.forget(name);
        self.0.push((name, value.into()));
    }

    /// As if nothing had been said of it.
    pub fn forget(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// Takes what an option or the environment says, if it says anything.
    ///
    /// # Errors
    /// That the value is wrong.
    pub fn override_by(&mut self, name: &str, value: Option<Value>) -> Result<(), String> {
        let set = value.map(|value| self.set(name, value.into()));
        set.unwrap_or(Ok(())).map_err(|mistake| mistake.to_string())
    }

    /// In the order in which they were set.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Entry)> {
        self.0.iter().map(|(name, entry)| (*name, entry))
    }

    /// The value of a setting, as far as it is given.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.all().find(|(known, _)| *known == name).map(|(_, entry)| entry)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|entry| entry.text().ok())
    }

    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|entry| entry.truth().ok())
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.get("deadline").and_then(|entry| seconds(entry).ok())
    }

    pub fn hash_tags(&self) -> HashTags {
        self.get("hash_tags").and_then(|entry| one_of(entry, &HASH_TAGS).ok()).unwrap_or_default()
    }

    pub fn protocol(&self) -> Option<Protocol> {
        self.get("protocol").and_then(|entry| one_of(entry, &PROTOCOLS).ok())
    }

    /// Gives all of them to a builder.
    pub fn apply(&self, mut builder: Builder) -> Builder {
        // Where `masters_only` is on it counts, wherever `read_from` stands.
        let ordered = self.all().filter(|(name, _)| *name != "masters_only");
        for (name, entry) in ordered.chain(self.all().filter(|(name, _)| *name == "masters_only")) {
            for (_, apply) in SETTINGS.iter().filter(|(known, _)| *known == name) {
                builder = match apply(builder, entry) {
                    Ok(builder) => builder,
                    Err(_) => unreachable!("it was checked when it was set"),
                };
            }
        }
        builder
    }
}

fn one_of<T: Copy>(entry: &Entry, choices: &[(&str, T)]) -> Result<T, Mistake> {
    let chosen = entry.text().ok().and_then(|text| choices.iter().find(|(name, _)| *name == text));
    chosen.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        entry.wrong(format!("none of {}", names.join(", ")))
    })
}

/// A time; the library takes none of zero.
fn seconds(entry: &Entry) -> Result<Duration, Mistake> {
    time(entry).filter(|time| !time.is_zero()).ok_or_else(|| entry.wrong("not a number of seconds above 0"))
}

fn seconds_or_never(entry: &Entry) -> Result<Option<Duration>, Mistake> {
    if entry.text() == Ok("never") {
        return Ok(None);
    }
    seconds(entry).map(Some).map_err(|_| entry.wrong("neither a number of seconds above 0 nor \"never\""))
}

fn time(entry: &Entry) -> Option<Duration> {
    let seconds = match entry.value {
        Value::Integer(seconds) => seconds as f64,
        Value::Float(seconds) => seconds,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// The entries of a table that may hold these names and no others, each with what is done with it.
fn fields(entry: &Entry, mut field: impl FnMut(&str, &Entry) -> Option<Result<(), Mistake>>) -> Result<(), Mistake> {
    for (name, entry) in entry.table()? {
        let taken = field(name, entry).unwrap_or_else(|| Err(entry.wrong("not a setting")));
        taken.map_err(|mistake| mistake.inside(name))?;
    }
    Ok(())
}

fn replica_lag(entry: &Entry) -> Result<ReplicaLag, Mistake> {
    let mut lag = None;
    let count = entry.table()?.len();
    fields(entry, |name, entry| {
        let of = match name {
            "bytes" => ReplicaLag::Bytes,
            "seconds" => ReplicaLag::Seconds,
            _ => return None,
        };
        Some(entry.number(0, i64::MAX as u64).map(|number| lag = Some(of(number))))
    })?;
    lag.filter(|_| count == 1).ok_or_else(|| entry.wrong("a limit is either in bytes or in seconds"))
}

fn retries(entry: &Entry) -> Result<Retries, Mistake> {
    if !matches!(entry.value, Value::Table(_)) {
        return Ok(Retries::up_to(entry.number(0, u32::MAX.into())? as u32));
    }
    let mut retries = Retries::default();
    let (mut unknown, mut first, mut longest) = (false, Duration::from_millis(20), Duration::from_secs(1));
    fields(entry, |name, entry| {
        Some(match name {
            "up_to" => entry.number(0, u32::MAX.into()).map(|most| retries = Retries::up_to(most as u32)),
            "also_unknown" => entry.truth().map(|truth| unknown = truth),
            "first_pause" => seconds(entry).map(|pause| first = pause),
            "longest_pause" => seconds(entry).map(|pause| longest = pause),
            _ => return None,
        })
    })?;
    let retries = retries.pauses(first, longest);
    Ok(if unknown { retries.also_unknown() } else { retries })
}

fn limits(entry: &Entry) -> Result<Limits, Mistake> {
    let mut limits = Limits::default();
    fields(entry, |name, entry| {
        let (field, most) = match name {
            "nesting" => (&mut limits.nesting, 1024),
            "bulk" => (&mut limits.bulk, i64::MAX as u64),
            "line" => (&mut limits.line, i64::MAX as u64),
            _ => return None,
        };
        Some(entry.number(1, most).map(|number| *field = number as usize))
    })?;
    Ok(limits)
}

/// Where addresses that servers tell lead: one address, or a host with all of its ports.
fn map_addresses(builder: Builder, entry: &Entry) -> Result<Builder, Mistake> {
    let mut hosts = HashMap::new();
    let mut addresses = HashMap::new();
    for (told, leads) in entry.table()? {
        let wrong = || {
            Mistake::at(leads.line, "neither a HOST:PORT that leads to one nor a host that leads to one").inside(told)
        };
        let to = leads.text().map_err(|mistake| mistake.inside(told))?;
        match (has_port(told), has_port(to)) {
            (true, true) => {
                let of = |text: &str| Address::parse(text).map_err(|_| wrong());
                addresses.insert(of(told)?, of(to)?);
            }
            (false, false) => {
                // Any port: it is replaced by that of the address that was told.
                let of = |text: &str| Address::new(text.trim_matches(&['[', ']'][..]), 1).map_err(|_| wrong());
                hosts.insert(of(told)?.host().to_owned(), of(to)?.host().to_owned());
            }
            _ => return Err(wrong()),
        }
    }
    Ok(builder.map_addresses(move |told| {
        let by_host = || Address::new(hosts.get(told.host())?, told.port()).ok();
        addresses.get(told).cloned().or_else(by_host).unwrap_or_else(|| told.clone())
    }))
}

/// Rows for commands of modules, by their names.
fn commands(mut builder: Builder, entry: &Entry) -> Result<Builder, Mistake> {
    for (name, entry) in entry.table()? {
        let row = command(name, entry).map_err(|mistake| mistake.inside(name))?;
        builder = builder.spec(row);
    }
    Ok(builder)
}

fn command(name: &str, entry: &Entry) -> Result<&'static Spec, Mistake> {
    let (mut arity, mut access, mut keys) = (None, None, Vec::new());
    fields(entry, |name, entry| {
        Some(match name {
            "arity" => match entry.value {
                Value::Integer(number) if number != 0 => i16::try_from(number).map(|number| arity = Some(number)),
                _ => return Some(Err(entry.wrong("not how many words it has, or at least: -2 for two or more"))),
            }
            .map_err(|_| entry.wrong("a number that is too large")),
            "access" => {
                one_of(entry, &[("read", Access::Read), ("write", Access::Write)]).map(|one| access = Some(one))
            }
            "keys" => key_places(entry).map(|places| keys = vec![places]),
            _ => return None,
        })
    })?;
    let (Some(arity), Some(access)) = (arity, access) else {
        return Err(entry.wrong("a command has an arity and an access"));
    };
    // Rows are as old as the program: there are few, and it needs them to its end.
    let name: &'static str = Box::leak(name.to_ascii_uppercase().into_boxed_str());
    Ok(Box::leak(Box::new(Spec::new(name, arity, access, Box::leak(keys.into_boxed_slice())))))
}

/// The first key, the last one and the step between them, as servers tell them.
fn key_places(entry: &Entry) -> Result<KeySpec, Mistake> {
    let wrong = || entry.wrong("not [FIRST, LAST, STEP], the first argument being 1");
    let number = |entry: &Entry| match entry.value {
        Value::Integer(number) => Ok(number),
        _ => Err(wrong()),
    };
    let [first, last, step] = entry.list()? else { return Err(wrong()) };
    match (number(first)?, number(last)?, number(step)?) {
        (first @ 1..=1000, last @ -1000..=1000, step @ 1..=1000) if last < 0 || last >= first => {
            Ok(KeySpec::Range(first as usize, last as isize, step as usize))
        }
        _ => Err(wrong()),
    }
}

fn has_port(address: &str) -> bool {
    match address.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || host.ends_with(']'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::syntax;

    fn settings(source: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let table = syntax::toml(source).map_err(|mistake| mistake.to_string())?;
        for (name, entry) in table.table().unwrap() {
            settings.set(name, entry.clone()).map_err(|mistake| mistake.to_string())?;
        }
        Ok(settings)
    }

    /// What the builder says of itself once it has them.
    fn told(source: &str) -> String {
        format!("{:?}", settings(source).unwrap().apply(Cluster::builder()))
    }

    #[test]
    fn every_setting_of_the_builder_reaches_it() {
        let plain = told("");
        let mut tried: Vec<&str> = Vec::new();
        for (source, wanted) in [
            ("database = 3", "database: Some(3)"),
            ("username = 'app'", "username: Some(\"set\")"),
            ("password = 'pw'", "password: Some(\"set\")"),
            ("client_name = 'report'", "client_name: Some(\"report\")"),
            ("protocol = 'resp3'", "protocol: Resp3"),
            ("hash_tags = 'keep'", "hash_tags: Keep"),
            ("hash_tags = 'off'", "hash_tags: Off"),
            ("cross_node = 'refuse'", "cross_node: Refuse"),
            ("share_connections = 'all'", "share: All"),
            ("share_connections = 'none'", "share: None"),
            ("read_from = 'nearest'", "read_from: Nearest"),
            ("read_from = 'prefer_master'", "read_from: PreferMaster"),
            ("read_from = 'any'", "read_from: Any"),
            ("read_from = 'master'", "read_from: Master"),
            ("masters_only = true\nread_from = 'any'", "read_from: Master"),
            ("masters_only = false\nread_from = 'any'", "read_from: Any"),
            ("max_replica_lag = { bytes = 1000 }", "max_replica_lag: Some(Bytes(1000))"),
            ("max_replica_lag.seconds = 2", "max_replica_lag: Some(Seconds(2))"),
            ("stand_in_after = 0.25", "stand_in_after: 250ms"),
            ("require_all = true", "require_all: true"),
            ("refresh_every = 60", "refresh_every: Some(60s)"),
            ("refresh_every = 'never'", "refresh_every: None"),
            ("deadline = 7", "deadline: 7s"),
            ("connect_timeout = 0.5", "connect_timeout: 500ms"),
            ("pool_size = 3", "pool_size: 3"),
            ("check_after = 40", "check_after: 40s"),
            ("check_after = 'never'", "check_after: 18446744073709551615.999999999s"),
            ("max_idle_age = 41", "max_idle_age: Some(41s)"),
            ("max_idle_age = 'never'", "max_idle_age: None"),
            ("retries = 0", "retries: Retries { most: 0, most_connecting: 0"),
            ("retries = { up_to = 20 }", "retries: Retries { most: 20, most_connecting: 20"),
            ("retries = { also_unknown = true }", "most: 3, most_connecting: 1, unknown: true"),
            ("retries = { first_pause = 0.5, longest_pause = 2 }", "first_pause: 500ms, longest_pause: 2s"),
            ("limits = { nesting = 9 }", "limits: Limits { nesting: 9"),
            ("limits = { bulk = 65537 }", "bulk: 65537"),
            ("limits = { line = 1025 }", "line: 1025"),
            ("map_addresses = { '10.0.0.1' = '203.0.113.7' }", "address_map: AddressMap(set)"),
        ] {
            let told = told(source);
            assert!(told.contains(wanted) && !plain.contains(wanted), "{source}: {told}");
            tried.push(source.split(['.', ' ']).next().unwrap());
        }
        // Rows for commands are tried in cli/tests/configuration.rs.
        let of_the_command_line = ["commands", "output", "delimiter", "reply_delimiter", "error_status"];
        for (name, _) in SETTINGS {
            assert!(tried.contains(&name) || of_the_command_line.contains(&name), "{name} is tried");
        }
    }

    #[test]
    fn wrong_values_are_told_with_their_lines_and_names() {
        for (source, message) in [
            ("\nbogus = 1", "line 2: bogus: not a setting"),
            ("database = -1", "line 1: database: not a whole number from 0 to 4294967295"),
            ("database = 's3cret'", "line 1: database: not a whole number from 0 to 4294967295"),
            ("password = ['s3cret']", "line 1: password: not a string"),
            ("password = 123456", "line 1: password: not a string"),
            ("deadline = 0", "line 1: deadline: not a number of seconds above 0"),
            ("deadline = -1.5", "line 1: deadline: not a number of seconds above 0"),
            ("deadline = nan", "line 1: deadline: not a number of seconds above 0"),
            ("deadline = 's3cret'", "line 1: deadline: not a number of seconds above 0"),
            ("refresh_every = 0", "line 1: refresh_every: neither a number of seconds above 0 nor \"never\""),
            ("masters_only = 1", "line 1: masters_only: neither true nor false"),
            ("hash_tags = 'Keep'", "line 1: hash_tags: none of \"strip\", \"keep\", \"off\""),
            ("pool_size = 0", "line 1: pool_size: not a whole number from 1 to 1048576"),
            ("max_replica_lag = 3", "line 1: max_replica_lag: not a table"),
            (
                "max_replica_lag = { bytes = 1, seconds = 1 }",
                "line 1: max_replica_lag: a limit is either in bytes or in seconds",
            ),
            ("[max_replica_lag]\nbytes = 1\nmiles = 1", "line 3: max_replica_lag.miles: not a setting"),
            ("[limits]\n\nnesting = 2000", "line 3: limits.nesting: not a whole number from 1 to 1024"),
            ("[retries]\nup_to = 'x'", "line 2: retries.up_to: not a whole number from 0 to 4294967295"),
            (
                "[map_addresses]\nh = 'g:1'",
                "line 2: map_addresses.h: neither a HOST:PORT that leads to one nor a host that leads to one",
            ),
            (
                "[commands]\n'JSON.GET' = { arity = 0, access = 'read' }",
                "line 2: commands.JSON.GET.arity: not how many words it has, or at least: -2 for two or more",
            ),
            (
                "[commands]\n'JSON.GET' = { arity = -2 }",
                "line 2: commands.JSON.GET: a command has an arity and an access",
            ),
            ("[commands]\na = { arity = 2, access = 'x' }", "line 2: commands.a.access: none of \"read\", \"write\""),
            (
                "[commands]\na = { arity = 2, access = 'read', keys = [0, 1, 1] }",
                "line 2: commands.a.keys: not [FIRST, LAST, STEP], the first argument being 1",
            ),
            ("output = 'xml'", "line 1: output: none of \"raw\", \"no-raw\", \"json\", \"quoted-json\", \"csv\""),
            ("database = 99999999999999999999", "line 1: a number that is too large"),
        ] {
            assert_eq!(settings(source).err().as_deref(), Some(message), "{source}");
        }
    }
}
