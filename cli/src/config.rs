//! Which servers, as whom, and how: options first, then the configuration file, then the environment.

use crate::file::File;
use crate::options::Options;
use rediscluster::{Builder, Cluster, Protocol};
use rediscluster_tls::Tls;
use std::ffi::OsString;
use std::time::Duration;

/// How long a command may take unless told: longer than a program would wait, because a person can interrupt.
const DEADLINE: Duration = Duration::from_secs(30);

/// Everything that has to be known to connect. It holds passwords, so it has no `Debug`.
#[derive(Clone)]
pub struct Config {
    /// Names and addresses, masters and given replicas alike.
    pub nodes: Vec<(String, String)>,
    /// Masters and their replicas, by name.
    pub master_of: Vec<(String, String)>,
    /// The one server to talk to without routing.
    pub direct: Option<String>,
    protocol: Protocol,
    prefers_resp3: bool,
    pub deadline: Option<Duration>,
    database: Option<u32>,
    username: Option<String>,
    password: Option<String>,
    masters_only: bool,
    tls: Option<Tls>,
}

impl Config {
    /// Gathers what was said, `variable` giving the environment's variables.
    pub fn gather(options: &Options, variable: impl Fn(&str) -> Option<OsString>) -> Result<Config, String> {
        let variable = |name: &str| match variable(name).map(OsString::into_string) {
            Some(Ok(value)) if !value.is_empty() => Ok(Some(value)),
            Some(Err(_)) => Err(format!("the value of {name} is not UTF-8")),
            _ => Ok(None),
        };
        let direct = options.one_server()?;
        let file = match &options.config {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        let mut nodes = Vec::new();
        for (at, node) in options.node.iter().enumerate() {
            // The value may hold a password and is not repeated.
            nodes.push(pair(node).ok_or_else(|| format!("--node {} is not NAME=HOST:PORT", at + 1))?);
        }
        nodes.extend(list(options.nodes.as_deref().unwrap_or_default(), "--nodes")?);
        let mut master_of = Vec::new();
        if nodes.is_empty() {
            // Who is whose replica is said of the nodes of the file and of no others.
            (nodes, master_of) = (file.nodes, file.master_of);
        }
        if nodes.is_empty() && direct.is_none() {
            nodes = list(&variable("REDISCLUSTER_NODES")?.unwrap_or_default(), "REDISCLUSTER_NODES")?;
        }
        if nodes.is_empty() && direct.is_none() {
            return Err("no nodes are given: use --node NAME=HOST:PORT, --config FILE or REDISCLUSTER_NODES".into());
        }
        let mut addresses = nodes.iter().map(|(_, address)| address).chain(&direct);
        let rediss = addresses.any(|address| address.trim().starts_with("rediss://"));
        let mut password = options.password.clone().or(file.password);
        for name in ["REDISCLI_AUTH", "VALKEYCLI_AUTH"] {
            if password.is_none() {
                password = variable(name)?;
            }
        }
        Ok(Config {
            tls: options.tls().or(file.tls).connector(rediss)?,
            nodes,
            master_of,
            direct,
            protocol: options.protocol(),
            prefers_resp3: options.prefers_resp3(),
            deadline: options.deadline.or(file.deadline),
            database: options.database.or(file.database),
            username: options.username.clone().or(file.username),
            password,
            masters_only: options.masters_only || file.masters_only.unwrap_or(false),
        })
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

    /// The library's builder with everything but the nodes.
    pub fn settings(&self) -> Builder {
        let mut builder =
            Cluster::builder().protocol(self.protocol).deadline(self.deadline()).masters_only(self.masters_only);
        if let Some(database) = self.database {
            builder = builder.database(database);
        }
        if let Some(tls) = &self.tls {
            builder = builder.connector(tls.clone());
        }
        if let Some(username) = &self.username {
            builder = builder.username(username);
        }
        if let Some(password) = &self.password {
            builder = builder.password(password);
        }
        builder
    }

    /// The library's builder with everything.
    pub fn builder(&self) -> Builder {
        let builder = self.nodes.iter().fold(self.settings(), |builder, (name, address)| builder.node(name, address));
        self.master_of.iter().fold(builder, |builder, (master, replica)| builder.master_of(master, replica))
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
        let options = Options::read(line.map(OsString::from)).unwrap();
        Config::gather(&options, |name| {
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
        assert_eq!(config.password.as_deref(), Some("pw"));
        let config =
            gather(&["--nodes", "c=h:3", "--node", "b=h:2", "--node", "a=redis://:p=w@h:1", "-a", "own"], &environment)
                .unwrap();
        assert_eq!(names(&config), ["b", "a", "c"]);
        assert_eq!(config.nodes[1].1, "redis://:p=w@h:1");
        assert_eq!(config.password.as_deref(), Some("own"));
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
