//! Runs the commands of one run of the program, and says what came back: of the nodes, or of the one server of `--direct`.

mod complete;
mod connection_state;
mod docs;
mod help;
mod history;
mod interrupt;
mod key_names;
mod messages;
mod nodes;
mod own;
mod prompt;
mod spelling;
mod syntax;
mod target;
pub mod terminal;
mod transaction;

use crate::config::Config;
use crate::reply::Reply;
use crate::words::{is_answer, refuse, told, unknown_command};
use connection_state::ConnectionState;
use interrupt::End;
pub use interrupt::Interrupt;
pub use messages::Messages;
pub use nodes::Nodes;
use own::Interactive;
use rediscluster::spec::{self, Access, RequestPolicy, WaitArgument};
use rediscluster::{Cancel, Error, ErrorKind, Outcome, Phase};
use std::sync::atomic::AtomicI64;
use std::sync::Arc;
use target::{fleet, send, unblock, Problem, Target, Way};

/// Where commands go.
pub struct Session {
    config: Arc<Config>,
    target: Option<Target>,
    /// What the commands have set on the one connection of `--direct`.
    state: ConnectionState,
    /// What there is besides when a person types the commands.
    interactive: Option<Interactive>,
}

/// What came back.
pub enum Answer {
    /// One reply, an error reply included.
    One(Reply),
    /// One reply from each of several servers: what the server is called, where it is, and its reply.
    PerNode(Vec<(String, String, Reply)>),
    /// The server did what it was asked to do, and is gone.
    Gone,
    /// One after the other, for as long as somebody listens.
    Messages(Messages),
}

/// Why there is no answer.
pub struct Failure {
    /// In words.
    pub message: String,
    /// The name of a command whose effect on the connection is gone with it, so that a script has to end.
    pub lost: Option<&'static str>,
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
        Session { config: Arc::new(config), target: None, state: ConnectionState::default(), interactive: None }
    }

    /// What was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What holds now: with the database that was selected on the nodes.
    pub fn config_now(&self) -> Arc<Config> {
        let selected = self.interactive.as_ref().and_then(|interactive| interactive.database);
        match selected.filter(|_| self.config.direct.is_none()) {
            Some(database) => {
                let mut config = Config::clone(&self.config);
                config.use_database(database);
                Arc::new(config)
            }
            None => Arc::clone(&self.config),
        }
    }

    /// Ctrl-C, where a person types the commands.
    pub fn interrupt(&self) -> Option<&Interrupt> {
        self.interactive.as_ref().map(|interactive| &interactive.interrupt)
    }

    /// Runs one command.
    ///
    /// # Errors
    /// What kept it from being answered. An error reply is an answer.
    pub fn execute(&mut self, words: &[Vec<u8>]) -> Result<Answer, Failure> {
        if let Some(answer) = self.own(words) {
            return answer;
        }
        if let Some(messages) = self.messages(words) {
            return messages;
        }
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
                Arc::make_mut(&mut self.config).speak_resp2();
                self.target = None;
                result = self.attempt(words);
            }
        }
        match result {
            Ok(reply) => {
                self.state.answered(words, &reply);
                Ok(self.answer(words, reply))
            }
            Err(Problem::Command(error)) => self.failed(words, &error),
            Err(problem) => Err(self.failure(words, &problem)),
        }
    }

    fn attempt(&mut self, words: &[Vec<u8>]) -> Result<Reply, Problem> {
        if self.interactive.is_none() {
            let way = self.way();
            return send(&mut self.target, &way, words);
        }
        let waits = row(words).is_some_and(|row| row.wait != WaitArgument::None);
        let words = words.to_vec();
        self.interruptible(waits, move |target, way| send(target, way, &words))
    }

    /// Works in another thread, so that Ctrl-C is heard. When the work does not end then, the connections that it uses
    /// are left to it.
    fn interruptible<T: Send + 'static>(
        &mut self,
        waits: bool,
        work: impl FnOnce(&mut Option<Target>, &Way) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut way = self.way();
        let Some(interactive) = &self.interactive else { return work(&mut self.target, &way) };
        let (cancel, id) = (Cancel::new(), Arc::new(AtomicI64::new(self.target.as_ref().map_or(0, Target::id))));
        way.cancel = waits.then(|| cancel.clone());
        way.id = Some(Arc::clone(&id));
        let config = Arc::clone(&self.config);
        let end: Option<End> = match &config.direct {
            _ if !waits => None,
            None => Some(Box::new(move || cancel.cancel())),
            Some(_) => Some(Box::new(move || unblock(config, &id))),
        };
        let mut target = self.target.take();
        let worked = move || {
            let result = work(&mut target, &way);
            (target, result)
        };
        match interactive.interrupt.run(end, worked) {
            Some((target, result)) => {
                self.target = target;
                result
            }
            None => Err(Problem::GivenUp),
        }
    }

    fn way(&self) -> Way {
        // What is set on a connection matters to the next one alone.
        let repeat = if self.target.is_none() { self.state.to_repeat().to_vec() } else { Vec::new() };
        let database = self.interactive.as_ref().and_then(|interactive| interactive.database);
        Way { database, repeat, unrepeatable: self.state.unrepeatable(), ..Way::to(Arc::clone(&self.config)) }
    }

    /// Why there is no answer to a command.
    fn failure(&mut self, words: &[Vec<u8>], problem: &Problem) -> Failure {
        let lost = match *problem {
            Problem::Lost(name) => Some(name),
            _ => self.lost_at(words),
        };
        self.without(lost, in_words(words, problem, self.interactive.is_some()))
    }

    /// What is said when a command's effect is gone with its connection. A person sees it, in the message and in the
    /// prompt, and goes on.
    fn without(&mut self, lost: Option<&'static str>, message: String) -> Failure {
        match lost {
            Some(lost) if self.interactive.is_some() => {
                self.state = ConnectionState::default();
                format!("{message}; {lost} is lost with the connection, and the next one begins anew").into()
            }
            _ => Failure { message, lost },
        }
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
                    if self.interactive.is_none() {
                        eprintln!("rediscluster: {error}; --direct HOST:PORT sends any command to one server");
                    }
                    Ok(Answer::One(Reply::Error(unknown_command(words))))
                }
                _ => match is_answer(error, words) {
                    Some(text) => Ok(Answer::One(Reply::Error(text))),
                    None => Err(told(error, self.interactive.is_some()).into()),
                },
            };
        }
        if error.kind() == ErrorKind::Argument {
            return Err(told(error, self.interactive.is_some()).into());
        }
        // The library never uses a connection again that failed; nor is it any use here.
        self.target = None;
        let lost = self.lost_at(words);
        Err(self.without(lost, told(error, self.interactive.is_some())))
    }

    /// The name of a command whose effect is lost with the connection. Those to nodes have nothing set on them.
    fn lost_at(&mut self, words: &[Vec<u8>]) -> Option<&'static str> {
        self.config.direct.as_ref().and_then(|_| self.state.lost_at(words))
    }

    /// The library answers some commands with a map from the names of the servers. One server needs no name.
    fn answer(&self, words: &[Vec<u8>], reply: Reply) -> Answer {
        let per_node = row(words).is_some_and(|row| row.request == RequestPolicy::AllNodes);
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

/// What kept a command from being answered, in words.
fn in_words(words: &[Vec<u8>], problem: &Problem, in_session: bool) -> String {
    match problem {
        Problem::Unconnected(error) | Problem::Command(error) => told(error, in_session),
        Problem::Lost(name) => format!("{name}: the connection was lost, and what it has set with it"),
        Problem::GivenUp => {
            let name = words.first().map(|word| String::from_utf8_lossy(word)).unwrap_or_default();
            let is_own = own::OWN_COMMANDS.iter().any(|(own, ..)| *own == name);
            let applied = match row(words) {
                Some(row) if matches!(row.access, Access::Read | Access::Connection) => "",
                _ if is_own => "",
                _ => "; whether it is applied is not known",
            };
            format!("{}: the answer is not waited for{applied}", name.escape_debug())
        }
    }
}

/// What the table knows of a command.
fn row(words: &[Vec<u8>]) -> Option<&'static spec::Row> {
    spec::find(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Whether a server does not speak RESP3, or may not be asked to.
fn has_no_hello(error: &Error) -> bool {
    let refused = error.is_server() && !matches!(error.kind(), ErrorKind::NoAuth | ErrorKind::WrongPass);
    refused && error.command() == Some("HELLO") && error.phase() == Some(Phase::Handshake)
}
