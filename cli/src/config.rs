//! Which servers, as whom, and how: options first, then the configuration file, then the environment.

use crate::file::document::Value;
use crate::file::settings::Settings;
use crate::file::{File, Sentinels};
use crate::modes::pushes;
use crate::options::Options;
use crate::render::Style;
use crate::tls::Wanted;
use rediscluster::{Builder, Cluster, Protocol};
use rediscluster_tls::Tls;
use std::ffi::OsString;
use std::time::Duration;

/// How long a command may take unless told: longer than a program would wait, because a person can interrupt.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Everything that has to be known to connect. It holds passwords, so it has no `Debug`.
#[derive(Clone)]
pub struct Config {
    /// Names and addresses, masters and given replicas alike.
    pub nodes: Vec<(String, String)>,
    /// Masters and their replicas, by name.
    pub master_of: Vec<(String, String)>,
    /// Who names the masters of some nodes.
    pub sentinels: Vec<Sentinels>,
    /// Of the file, with the options in their place.
    pub settings: Settings,
    /// What was said of TLS.
    pub wanted: Wanted,
    /// The one server to talk to without routing.
    pub direct: Option<String>,
    protocol: Protocol,
    prefers_resp3: bool,
    pub deadline: Option<Duration>,
    /// How messages that answer no command are shown, where they are.
    pushes: Option<Style>,
    tls: Option<Tls>,
}

impl Config {
    /// Gathers what was said, `variable` giving the environment's variables. What the file says of options that were not
    /// given is put into them.
    pub fn gather(options: &mut Options, variable: impl Fn(&str) -> Option<OsString>) -> Result<Config, String> {
        let variable = |name: &str| match variable(name).map(OsString::into_string) {
            Some(Ok(value)) if !value.is_empty() => Ok(Some(value)),
            Some(Err(_)) => Err(format!("the value of {name} is not UTF-8")),
            _ => Ok(None),
        };
        let direct = options.one_server()?;
        let file = match &options.config {
            Some(path) => File::read(path, options.pool.as_deref())?,
            None if options.pool.is_some() => return Err("--pool names one in the file of --config".into()),
            None => File::default(),
        };
        let mut nodes = Vec::new();
        for (at, node) in options.node.iter().enumerate() {
            // The value may hold a password and is not repeated.
            nodes.push(pair(node).ok_or_else(|| format!("--node {} is not NAME=HOST:PORT", at + 1))?);
        }
        nodes.extend(list(options.nodes.as_deref().unwrap_or_default(), "--nodes")?);
        let (mut master_of, mut sentinels) = (Vec::new(), Vec::new());
        if nodes.is_empty() {
            // Who is whose replica is said of the nodes of the file and of no others.
            (nodes, master_of, sentinels) = (file.table.nodes, file.table.master_of, file.sentinels);
        }
        // A word without a port may be the name of a node.
        let is_name = |direct: &String| !direct.contains([':', '/']);
        if nodes.is_empty() && direct.as_ref().map_or(true, is_name) {
            nodes = list(&variable("REDISCLUSTER_NODES")?.unwrap_or_default(), "REDISCLUSTER_NODES")?;
        }
        let named = options.direct.as_ref().and_then(|direct| nodes.iter().find(|(name, _)| name == direct));
        let direct = named.map(|(_, address)| address.clone()).or(direct);
        if nodes.is_empty() && direct.is_none() {
            return Err("no nodes are given: use --node NAME=HOST:PORT, --config FILE or REDISCLUSTER_NODES".into());
        }
        let mut addresses = nodes.iter().map(|(_, address)| address).chain(&direct);
        let rediss = addresses.any(|address| address.trim().starts_with("rediss://"));
        let mut settings = file.settings;
        options.fill(&settings);
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let deadline = options.deadline.map(|deadline| Value::Float(deadline.as_secs_f64()));
        settings.override_by("database", options.database.map(|database| Value::Integer(database.into())))?;
        settings.override_by("username", text(&options.username))?;
        settings.override_by("password", text(&options.password))?;
        settings.override_by("deadline", deadline)?;
        settings.override_by("masters_only", options.masters_only.then_some(Value::Bool(true)))?;
        for name in ["REDISCLI_AUTH", "VALKEYCLI_AUTH"] {
            if settings.get("password").is_none() {
                settings.override_by("password", variable(name)?.map(Value::Text))?;
            }
        }
        let wanted = options.tls().or(file.tls);
        Ok(Config {
            tls: wanted.connector(rediss)?,
            wanted,
            nodes,
            master_of,
            sentinels,
            direct,
            protocol: options.protocol(),
            prefers_resp3: options.prefers_resp3(),
            deadline: settings.deadline(),
            settings,
            pushes: options.pushes(),
        })
    }

    /// From now on with this password, whatever else was given.
    pub fn log_in_by(&mut self, password: String) {
        self.settings.put("password", Value::Text(password));
    }

    /// How long a command may take.
    pub fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(DEADLINE)
    }

    /// The version of the protocol that is spoken.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether RESP2 does as well, where a server has nothing else.
    pub fn prefers_resp3(&self) -> bool {
        self.prefers_resp3
    }

    /// From now on.
    pub fn speak_resp2(&mut self) {
        (self.protocol, self.prefers_resp3) = (Protocol::Resp2, false);
    }

    /// The database that is configured, unless an address names it.
    pub fn database(&self) -> Option<u32> {
        let number = self.settings.get("database")?.number(0, u32::MAX.into()).ok()?;
        u32::try_from(number).ok()
    }

    /// From now on.
    pub fn use_database(&mut self, database: u32) {
        self.settings.put("database", Value::Integer(database.into()));
    }

    /// From now on, where an address does not say who it is for.
    pub fn log_in_as(&mut self, user: Option<&str>, password: &str) {
        match user {
            Some(user) => self.settings.put("username", Value::Text(user.to_owned())),
            None => self.settings.forget("username"),
        }
        self.settings.put("password", Value::Text(password.to_owned()));
    }

    /// For commands of this program that are about all nodes.
    ///
    /// # Errors
    /// That one server was named instead.
    pub fn is_fleet(&self, command: &str) -> Result<(), String> {
        match self.direct {
            None => Ok(()),
            Some(_) => {
                Err(format!("{command} is about all nodes, and --direct, -h and -p name one server: give --nodes"))
            }
        }
    }

    /// Whether servers are spoken to with TLS.
    pub fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The library's builder with everything but the nodes.
    pub fn settings(&self) -> Builder {
        let mut builder = self.settings.apply(Cluster::builder()).protocol(self.protocol).deadline(self.deadline());
        if let Some(style) = self.pushes.clone() {
            builder = builder.on_push(move |_, push| pushes::show(push, &style));
        }
        if let Some(tls) = &self.tls {
            builder = builder.connector(tls.clone());
        }
        builder
    }

    /// The library's builder with everything.
    pub fn builder(&self) -> Builder {
        let builder = self.nodes.iter().fold(self.settings(), |builder, (name, address)| builder.node(name, address));
        let builder =
            self.master_of.iter().fold(builder, |builder, (master, replica)| builder.master_of(master, replica));
        self.sentinels
            .iter()
            .fold(builder, |builder, asked| builder.sentinel(&asked.node, &asked.master, &asked.addresses))
    }
}

/// `NAME=ADDRESS`.
pub fn pair(text: &str) -> Option<(String, String)> {
    let (name, address) = text.split_once('=')?;
    let (name, address) = (name.trim(), address.trim());
    // A password with a `=` in it: what stands before that is no name, and must not be shown as one.
    let is_url = ["redis://", "rediss://", "unix://"].iter().any(|scheme| address.starts_with(scheme));
    (is_url || !address.contains('@')).then(|| (name.to_owned(), address.to_owned()))
}

/// `NAME=ADDRESS,NAME=ADDRESS…`, empty entries passed over.
fn list(text: &str, source: &str) -> Result<Vec<(String, String)>, String> {
    let entries = text.split(',').enumerate().filter(|(_, entry)| !entry.trim().is_empty());
    entries
        .map(|(at, entry)| pair(entry).ok_or_else(|| format!("entry {} of {source} is not NAME=HOST:PORT", at + 1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(line: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
        let line = std::iter::once("rediscluster").chain(line.iter().copied());
        let mut options = Options::read(line.map(OsString::from)).unwrap();
        Config::gather(&mut options, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn names(config: &Config) -> Vec<&str> {
        config.nodes.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn nodes_from_options_and_environment() {
        let environment = [("REDISCLUSTER_NODES", "x=h:1, y=h:2,,"), ("REDISCLI_AUTH", "pw")];
        let config = gather(&[], &environment).unwrap();
        assert_eq!(names(&config), ["x", "y"]);
        assert_eq!(config.settings.text("password"), Some("pw"));
        let config =
            gather(&["--nodes", "c=h:3", "--node", "b=h:2", "--node", "a=redis://:p=w@h:1", "-a", "own"], &environment)
                .unwrap();
        assert_eq!(names(&config), ["b", "a", "c"]);
        assert_eq!(config.nodes[1].1, "redis://:p=w@h:1");
        assert_eq!(config.settings.text("password"), Some("own"));
    }

    #[test]
    fn mistakes() {
        for (line, environment, message) in [
            (&[][..], &[][..], "no nodes are given: use --node NAME=HOST:PORT, --config FILE or REDISCLUSTER_NODES"),
            (
                &[],
                &[("REDISCLUSTER_NODES", "")],
                "no nodes are given: use --node NAME=HOST:PORT, --config FILE or REDISCLUSTER_NODES",
            ),
            (&["--node", "a=h:1", "--node", "s3cret@h:1"], &[], "--node 2 is not NAME=HOST:PORT"),
            (&["--nodes", "a=h:1,s3cret@h"], &[], "entry 2 of --nodes is not NAME=HOST:PORT"),
            (&["--nodes", "a=h:1,s3=cret@h"], &[], "entry 2 of --nodes is not NAME=HOST:PORT"),
            (&["--direct", "h", "--cacert", "f"], &[], "--cacert is for TLS: add --tls, or use rediss:// URLs"),
            (&["--direct", "rediss://h", "--insecure", "--key", "f"], &[], "--cert and --key are given together"),
            (&["--direct", "rediss://h", "--insecure", "--sni", "a b"], &[], "--sni \"a b\" is no name of a host"),
            (
                &["--direct", "h", "--tls", "--cacert", "/nosuch.pem"],
                &[],
                "/nosuch.pem: No such file or directory (os error 2)",
            ),
            (&[], &[("REDISCLUSTER_NODES", "s3cret@h")], "entry 1 of REDISCLUSTER_NODES is not NAME=HOST:PORT"),
        ] {
            assert_eq!(gather(line, environment).err().as_deref(), Some(message));
        }
        assert!(gather(&["--direct", "h:1"], &[]).is_ok());
    }
}
