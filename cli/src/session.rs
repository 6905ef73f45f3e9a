//! The servers of one run of the program: each asked when it is first needed, and connected to again after a failure.

use crate::config::Config;
use crate::reply::Reply;
use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, RequestPolicy};
use rediscluster::{Cmd, Connection, Error, ErrorKind, Outcome, Protocol};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long a session takes the replicas of a node for what they were.
const FRESH: Duration = Duration::from_secs(10);

/// Commands that are answered by a stream of messages.
const STREAMS: [&str; 6] = ["monitor", "subscribe", "psubscribe", "ssubscribe", "sync", "psync"];

/// Where commands go.
pub struct Session {
    config: Config,
    target: Option<Target>,
}

enum Target {
    Cluster(Nodes),
    Direct(Box<Connection>),
}

/// A cluster of which only those nodes are asked anything that a command needs.
pub struct Nodes {
    cluster: Cluster,
    deadline: Duration,
    /// When a node was last asked who its servers are, and whether that was said of its replicas, too.
    asked: BTreeMap<String, (Instant, bool)>,
}

/// What came back.
pub enum Answer {
    /// One reply, an error reply included.
    One(Reply),
    /// One reply from each of several servers: what the server is called, where it is, and its reply.
    PerNode(Vec<(String, String, Reply)>),
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It was answered.
    Answered,
    /// It was answered with an error.
    ErrorReply,
    /// There was no answer.
    Failed,
}

impl Session {
    /// Nothing is connected yet.
    pub fn new(config: Config) -> Session {
        Session { config, target: None }
    }

    /// What was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn target(&mut self) -> Result<&mut Target, Error> {
        let target = match self.target.take() {
            Some(target) => target,
            None => match &self.config.direct {
                Some(address) => Target::Direct(Box::new(self.config.settings().open(address)?)),
                None => Target::Cluster(Nodes::new(&self.config)?),
            },
        };
        Ok(self.target.insert(target))
    }

    /// Runs one command.
    ///
    /// # Errors
    /// What kept it from being answered, in words. An error reply is an answer.
    pub fn execute(&mut self, words: &[Vec<u8>]) -> Result<Answer, String> {
        if self.config.direct.is_some() {
            refuse(words, self.config.protocol)?;
        }
        let command = cmd("").args_of(words).reply::<Reply>();
        let result = match self.target().map_err(|error| error.to_string())? {
            Target::Cluster(nodes) => {
                // What kept a node from being asked is no answer to the command.
                let cluster = nodes.before(words, &command).map_err(|error| error.to_string())?;
                cluster.execute(command)
            }
            Target::Direct(connection) => connection.as_mut().execute(command),
        };
        match result {
            Ok(reply) => Ok(self.answer(words, reply)),
            Err(error) if is_answer(&error, words) => {
                Ok(Answer::One(Reply::Error(error.message().as_bytes().to_vec())))
            }
            Err(error) => {
                // The library never uses a connection again that failed; nor is it any use here.
                if let Some(Target::Direct(_)) = self.target {
                    self.target = None;
                }
                Err(told(&error))
            }
        }
    }

    /// The library answers some commands with a map from the names of the servers. One server needs no name.
    fn answer(&self, words: &[Vec<u8>], reply: Reply) -> Answer {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let per_node = spec::find(&words).is_some_and(|spec| spec.request == RequestPolicy::AllNodes);
        match (&self.target, reply) {
            (Some(Target::Cluster(nodes)), Reply::Map(mut pairs)) if per_node => {
                if pairs.len() == 1 {
                    return Answer::One(pairs.remove(0).1);
                }
                let topology = nodes.cluster.topology();
                let located = |(name, reply): (Reply, Reply)| {
                    let name = String::from_utf8_lossy(name.text().unwrap_or_default()).into_owned();
                    let server = topology.servers().find(|(_, node)| node.name() == name);
                    let address = server.map_or(String::new(), |(_, node)| node.address().to_string());
                    (name, address, reply)
                };
                Answer::PerNode(pairs.into_iter().map(located).collect())
            }
            (_, reply) => Answer::One(reply),
        }
    }
}

impl Nodes {
    /// Nobody is asked anything yet.
    ///
    /// # Errors
    /// A mistake in the configuration.
    pub fn new(config: &Config) -> Result<Nodes, Error> {
        let asked = BTreeMap::new();
        Ok(Nodes { cluster: config.builder().build()?, deadline: config.deadline(), asked })
    }

    /// The cluster, after the nodes that a command needs were asked who their servers are, within this time. One that
    /// cannot say is for the command to meet. Only reads need replicas.
    ///
    /// # Errors
    /// That a node is not what the configuration says, or refuses to be asked.
    pub fn for_command<T>(&mut self, words: &[Vec<u8>], cmd: &Cmd<T>, patience: Duration) -> Result<&Cluster, Error> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        // What goes to every server goes to replicas, too.
        let is_read = |spec: &spec::Spec| spec.access == Access::Read || spec.request == RequestPolicy::AllNodes;
        let reads = spec::find(&words).map_or(true, is_read);
        // What cannot be planned is refused before anything is sent.
        let Ok(plan) = self.cluster.plan(cmd) else { return Ok(&self.cluster) };
        let topology = self.cluster.topology();
        let mut needed: Vec<&str> = Vec::new();
        for shard in topology.shards() {
            let mut servers = topology.replicas_of(shard).chain([topology.master_of(shard)]);
            let is_needed = servers.any(|node| plan.steps().iter().any(|step| step.node() == node));
            let is_fresh = self
                .asked
                .get(shard.name())
                .is_some_and(|(asked, replicas)| asked.elapsed() < FRESH && (*replicas || !reads));
            if is_needed && !is_fresh {
                needed.push(shard.name());
            }
        }
        if !needed.is_empty() {
            let view = self.cluster.deadline(patience);
            let view = if reads { view } else { view.masters_only() };
            let found = view.refresh_nodes(&needed);
            let now = Instant::now();
            self.asked.extend(needed.iter().map(|name| ((*name).to_owned(), (now, reads))));
            match found {
                // What a busy or loading server says of INFO is not said of the command.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Config
                            | ErrorKind::NoAuth
                            | ErrorKind::WrongPass
                            | ErrorKind::NoPerm
                            | ErrorKind::Protocol
                    ) || error.command().is_some_and(|name| name != "INFO") =>
                {
                    // It is to be said again for the next command.
                    self.asked.retain(|name, _| !needed.contains(&name.as_str()));
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(&self.cluster)
    }

    /// The cluster as it is right before a command: to ask the nodes first takes no more than half of its deadline, and
    /// the rest is for the command.
    fn before(&mut self, words: &[Vec<u8>], command: &Cmd<Reply>) -> Result<Cluster, Error> {
        let (begun, deadline) = (Instant::now(), self.deadline);
        let cluster = self.for_command(words, command, deadline / 2)?;
        let left = deadline.saturating_sub(begun.elapsed()).max(Duration::from_millis(1));
        Ok(cluster.deadline(left))
    }
}

/// Whether a server answered the command with this error, or would have. What went wrong before the command was
/// sent, such as a password that is refused, is no answer to it; nor are different errors of several servers.
fn is_answer(error: &Error, words: &[Vec<u8>]) -> bool {
    let asked = |name: &str| words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let handshake = error.command().is_some_and(|name| ["AUTH", "HELLO", "SELECT"].contains(&name) && !asked(name));
    let arity = error.kind() == ErrorKind::Argument && error.message().starts_with("ERR ");
    let agreed = error.parts().iter().all(|part| part.error.as_deref() == Some(error.message()));
    // A script may have written by the time of its error.
    let script = error.command().is_some_and(|name| ["EVAL", "FCALL"].iter().any(|runs| name.starts_with(runs)));
    let certain = error.outcome() == Outcome::NotApplied || script && error.outcome() == Outcome::Unknown;
    (error.is_server() && !handshake || arity) && certain && agreed
}

/// The error in words for somebody at a terminal, with the option that helps.
fn told(error: &Error) -> String {
    match (error.kind(), error.command()) {
        (ErrorKind::Refused, Some("SELECT")) => "SELECT: the option -n chooses the database".into(),
        (ErrorKind::Refused, Some("AUTH")) => "AUTH: the options --user and -a say who you are".into(),
        (ErrorKind::Refused, Some(command)) if error.message().starts_with("makes sense on one server") => {
            format!("{command} makes sense on one server, and there are several: use --direct HOST:PORT")
        }
        (ErrorKind::Refused, Some(command)) => {
            format!(
                "{command} needs a connection of its own, and those to the nodes are shared: use --direct HOST:PORT"
            )
        }
        (ErrorKind::UnknownCommand, _) => format!("{error}; --direct HOST:PORT sends any command to one server"),
        _ => error.to_string(),
    }
}

/// What a connection of request and reply cannot do.
fn refuse(words: &[Vec<u8>], protocol: Protocol) -> Result<(), String> {
    let is = |at: usize, text: &str| words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(text.as_bytes()));
    if let Some(name) = STREAMS.iter().find(|name| is(0, name)) {
        return Err(format!(
            "{} is answered by a stream of messages, which this program does not show",
            name.to_uppercase()
        ));
    }
    if protocol == Protocol::Resp2 && is(0, "hello") && is(1, "3") {
        return Err("HELLO 3 would change the protocol of the connection: use the option -3".into());
    }
    Ok(())
}
