//! The servers of one run of the program: each asked when it is first needed, and connected to again after a failure.

use crate::config::Config;
use crate::connection_state::ConnectionState;
use crate::reply::Reply;
use crate::words::{is_answer, refuse, told, unknown_command};
use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, RequestPolicy};
use rediscluster::{Builder, Cmd, Connection, Error, ErrorKind, Outcome, Phase};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long a session takes the replicas of a node for what they were.
const FRESH: Duration = Duration::from_secs(10);

/// Where commands go.
pub struct Session {
    config: Config,
    target: Option<Target>,
    /// What the commands have set on the one connection of `--direct`.
    state: ConnectionState,
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
    /// The server did what it was asked to do, and is gone.
    Gone,
}

/// Why there is no answer.
pub struct Failure {
    /// In words.
    pub message: String,
    /// The name of a command whose effect on the connection is gone with it, so that a script has to end.
    pub lost: Option<&'static str>,
}

/// What kept a command from being answered.
enum Problem {
    /// There was no connection to send it over.
    Unconnected(Error),
    /// It was sent, or could not be.
    Command(Error),
    /// No new connection can have what the commands had set on the one that was lost.
    Lost(&'static str),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure { message, lost: None }
    }
}

/// What became of a command, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ran {
    /// It was answered.
    Answered,
    /// It was answered with an error.
    ErrorReply,
    /// There was no answer.
    Failed,
    /// There was no answer, and a script has to end.
    Ended,
}

impl Session {
    /// Nothing is connected yet.
    pub fn new(config: Config) -> Session {
        Session { config, target: None, state: ConnectionState::default() }
    }

    /// What was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn target(&mut self) -> Result<&mut Target, Problem> {
        let target = match self.target.take() {
            Some(target) => target,
            None => match &self.config.direct {
                Some(address) => Target::Direct(Box::new(self.open(address)?)),
                None => {
                    let nodes = Nodes::new(self.config.builder(), self.config.deadline());
                    Target::Cluster(nodes.map_err(Problem::Unconnected)?)
                }
            },
        };
        Ok(self.target.insert(target))
    }

    /// A connection on which is set what was set on the one before it.
    fn open(&self, address: &str) -> Result<Connection, Problem> {
        if let Some(name) = self.state.unrepeatable() {
            return Err(Problem::Lost(name));
        }
        let mut connection = self.config.settings().open(address).map_err(Problem::Unconnected)?;
        for (name, words) in self.state.to_repeat() {
            let set: Result<Reply, Error> = connection.execute(cmd("").args_of(words).reply());
            set.map_err(|error| if error.is_server() { Problem::Lost(name) } else { Problem::Unconnected(error) })?;
        }
        Ok(connection)
    }

    /// Runs one command.
    ///
    /// # Errors
    /// What kept it from being answered. An error reply is an answer.
    pub fn execute(&mut self, words: &[Vec<u8>]) -> Result<Answer, Failure> {
        refuse(words, self.config.protocol())?;
        if self.state.cannot_wait(words) {
            return Err("the connection was lost, and this one cannot tell of what was written over it"
                .to_owned()
                .into());
        }
        let mut result = self.attempt(words);
        if let Err(Problem::Unconnected(error) | Problem::Command(error)) = &result {
            if self.config.prefers_resp3() && has_no_hello(error) {
                eprintln!("rediscluster: {}; going on with RESP2", error.message());
                self.config.speak_resp2();
                self.target = None;
                result = self.attempt(words);
            }
        }
        match result {
            Ok(reply) => {
                self.state.answered(words, &reply);
                Ok(self.answer(words, reply))
            }
            Err(Problem::Lost(name)) => {
                let message = format!("{name}: the connection was lost, and what it has set with it");
                Err(Failure { message, lost: Some(name) })
            }
            Err(Problem::Unconnected(error)) => Err(Failure { message: told(&error), lost: self.lost_at(words) }),
            Err(Problem::Command(error)) => self.failed(words, &error),
        }
    }

    fn attempt(&mut self, words: &[Vec<u8>]) -> Result<Reply, Problem> {
        let command = cmd("").args_of(words).reply::<Reply>();
        Ok(match self.target()? {
            Target::Cluster(nodes) => {
                // What kept a node from being asked is no answer to the command.
                let cluster = nodes.before(words, &command).map_err(Problem::Unconnected)?;
                cluster.execute(command).map_err(Problem::Command)?
            }
            // Whatever the server said, it said to this command.
            Target::Direct(connection) => match connection.as_mut().execute(command) {
                Err(error) if error.is_server() => Reply::Error(error.message().as_bytes().to_vec()),
                result => result.map_err(Problem::Command)?,
            },
        })
    }

    fn failed(&mut self, words: &[Vec<u8>], error: &Error) -> Result<Answer, Failure> {
        let shuts_down = words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"shutdown"));
        if shuts_down && error.kind() == ErrorKind::Io && error.outcome() == Outcome::Unknown {
            self.target = None;
            return Ok(Answer::Gone);
        }
        if self.config.direct.is_none() {
            return match error.kind() {
                ErrorKind::UnknownCommand => {
                    eprintln!("rediscluster: {error}; --direct HOST:PORT sends any command to one server");
                    Ok(Answer::One(Reply::Error(unknown_command(words))))
                }
                _ => match is_answer(error, words) {
                    Some(text) => Ok(Answer::One(Reply::Error(text))),
                    None => Err(told(error).into()),
                },
            };
        }
        if error.kind() == ErrorKind::Argument {
            return Err(told(error).into());
        }
        // The library never uses a connection again that failed; nor is it any use here.
        self.target = None;
        Err(Failure { message: told(error), lost: self.lost_at(words) })
    }

    /// The name of a command whose effect is lost with the connection. Those to nodes have nothing set on them.
    fn lost_at(&mut self, words: &[Vec<u8>]) -> Option<&'static str> {
        self.config.direct.as_ref().and_then(|_| self.state.lost_at(words))
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
    pub fn new(builder: Builder, deadline: Duration) -> Result<Nodes, Error> {
        Ok(Nodes { cluster: builder.build()?, deadline, asked: BTreeMap::new() })
    }

    /// The cluster, after the nodes that a command needs were asked who their servers are, within this time. One that
    /// cannot say is for the command to meet. Only reads need replicas.
    ///
    /// # Errors
    /// That a node is not what the configuration says, or refuses to be asked.
    pub fn for_command<T>(&mut self, words: &[Vec<u8>], cmd: &Cmd<T>, patience: Duration) -> Result<&Cluster, Error> {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        // What goes to every server goes to replicas, too.
        let is_read = |spec: &spec::Row| spec.access == Access::Read || spec.request == RequestPolicy::AllNodes;
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

/// Whether a server does not speak RESP3, or may not be asked to.
fn has_no_hello(error: &Error) -> bool {
    let refused = error.is_server() && !matches!(error.kind(), ErrorKind::NoAuth | ErrorKind::WrongPass);
    refused && error.command() == Some("HELLO") && error.phase() == Some(Phase::Handshake)
}
