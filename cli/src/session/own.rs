//! What the session answers itself: which servers, which database, as whom, and transactions over the nodes.

use crate::config::Config;
use crate::reply::Reply;
use crate::session::transaction::Transaction;
use crate::session::{fleet, in_words, send, Answer, Failure, Interrupt, Problem, Session, Way};
use rediscluster::prelude::*;
use rediscluster::{Error, Outcome};
use std::sync::Arc;
use std::time::Duration;

/// How long a node may take to say that it refuses a database or a user.
const PATIENCE: Duration = Duration::from_secs(2);

/// The commands of the session: name, arguments, and what they do.
pub const OWN_COMMANDS: [(&str, &str, &str); 6] = [
    ("auth", "[USER] [PASSWORD]", "Be somebody else; without a password it is asked for"),
    ("clear", "", "Clear the screen"),
    ("connect", "[NODE|HOST:PORT]", "Talk to one server, without routing; without a server to all nodes"),
    ("exit", "", "End the session, as quit and Ctrl-D do"),
    ("quit", "", "End the session"),
    ("select", "DATABASE", "Use another database, on all nodes"),
];

/// What makes a session of a person differ from the run of a script.
pub struct Interactive {
    pub interrupt: Interrupt,
    /// The database that was selected on the nodes.
    pub database: Option<u32>,
    /// What was queued since MULTI, for the nodes.
    pub transaction: Option<Transaction>,
}

impl Session {
    /// A session in which a person types.
    pub fn for_person(config: Config, interrupt: Interrupt) -> Session {
        let interactive = Interactive { interrupt, database: None, transaction: None };
        Session { interactive: Some(interactive), ..Session::new(config) }
    }

    /// Answers what needs no server, or more than one command to one; `None` for everything else.
    pub(super) fn own(&mut self, words: &[Vec<u8>]) -> Option<Result<Answer, Failure>> {
        self.interactive.as_ref()?;
        let is_fleet = self.config.direct.is_none();
        let name = String::from_utf8_lossy(words.first()?).to_ascii_lowercase();
        let rest: Vec<&str> = words[1..].iter().filter_map(|word| std::str::from_utf8(word).ok()).collect();
        match (name.as_str(), &rest[..]) {
            ("connect", _) => Some(self.connect(&rest)),
            ("select", [number]) if is_fleet => Some(self.select(words, number)),
            ("auth", [password]) if is_fleet => Some(self.auth(words, None, password)),
            ("auth", [user, password]) if is_fleet => Some(self.auth(words, Some(user), password)),
            _ if is_fleet => self.in_transaction(&name.to_uppercase(), words),
            _ => None,
        }
    }

    fn connect(&mut self, words: &[&str]) -> Result<Answer, Failure> {
        let mut config = Config::clone(&self.config);
        config.direct = match *words {
            [] if config.nodes.is_empty() => {
                return Err(String::from("connect: to which server? No nodes are given").into())
            }
            [] => None,
            [host, port] if port.parse::<u16>().is_ok() => Some(format!("{host}:{port}")),
            [name] => match config.nodes.iter().find(|(node, _)| node == name) {
                Some((_, address)) => Some(address.clone()),
                // What has neither is no address, and not to be asked for in the net.
                None if !name.contains([':', '.', '/']) && name != "localhost" => {
                    let names: Vec<&str> = config.nodes.iter().map(|(name, _)| name.as_str()).collect();
                    return Err(format!("connect: there is no node {name}; there are {}", names.join(", ")).into());
                }
                None => Some((*name).to_owned()),
            },
            _ => return Err(String::from("connect takes a node, HOST:PORT or HOST PORT").into()),
        };
        let config = Arc::new(config);
        if config.direct.is_some() {
            // Nobody goes to a server that is not there.
            let asked = Arc::clone(&config);
            let opened = self.interruptible(false, move |_, _| send(&mut None, &Way::to(asked), &[b"PING".to_vec()]));
            opened.map_err(|problem| in_words(&[b"connect".to_vec()], &problem, true))?;
        }
        self.leave_target();
        self.config = config;
        Ok(Answer::One(ok()))
    }

    fn select(&mut self, words: &[Vec<u8>], number: &str) -> Result<Answer, Failure> {
        let Ok(database) = number.parse() else {
            return Ok(Answer::One(Reply::Error(b"ERR value is not an integer or out of range".to_vec())));
        };
        if self.transacts() {
            return Err(String::from(
                "SELECT: a transaction on the nodes stays in its database; EXEC or DISCARD it first",
            )
            .into());
        }
        let before = self.interactive.as_mut().and_then(|interactive| interactive.database.replace(database));
        let refused = self.refused_by_a_node(words);
        if let (Some(_), Some(interactive)) = (&refused, &mut self.interactive) {
            interactive.database = before;
        }
        refused.unwrap_or_else(|| Ok(Answer::One(ok())))
    }

    fn auth(&mut self, words: &[Vec<u8>], user: Option<&str>, password: &str) -> Result<Answer, Failure> {
        if self.transacts() {
            return Err(
                String::from("AUTH: a transaction on the nodes stays with its user; EXEC or DISCARD it first").into()
            );
        }
        let mut config = Config::clone(&self.config);
        config.log_in_as(user, password);
        let before = std::mem::replace(&mut self.config, Arc::new(config));
        self.target = None;
        match self.refused_by_a_node(words) {
            None => Ok(Answer::One(ok())),
            Some(refused) => {
                self.config = before;
                self.target = None;
                refused
            }
        }
    }

    /// Asks all masters anything, over connections as they are to be from now on: what the first of them says that
    /// refuses. One that does not answer is for the next command to meet.
    fn refused_by_a_node(&mut self, words: &[Vec<u8>]) -> Option<Result<Answer, Failure>> {
        let asked = self.interruptible(false, |target, way| {
            let replies = fleet(target, way)?.current().deadline(PATIENCE).on_each_master().ping();
            let refused = |error: &Error| error.is_server() && error.outcome() == Outcome::NotApplied;
            let errors = replies.map_err(Problem::Command)?.into_iter().filter_map(|(_, reply)| reply.err());
            Ok(errors.into_iter().find(refused))
        });
        match asked {
            Ok(None) => None,
            Ok(Some(error)) => Some(Ok(Answer::One(Reply::Error(error.message().as_bytes().to_vec())))),
            Err(problem) => Some(Err(in_words(words, &problem, true).into())),
        }
    }

    /// Whatever was begun with the servers that were talked to is over.
    fn leave_target(&mut self) {
        self.target = None;
        self.state = Default::default();
        if let Some(interactive) = &mut self.interactive {
            interactive.transaction = None;
        }
    }

    fn transacts(&self) -> bool {
        self.interactive.as_ref().is_some_and(|interactive| interactive.transaction.is_some())
    }

    fn in_transaction(&mut self, name: &str, words: &[Vec<u8>]) -> Option<Result<Answer, Failure>> {
        let error = |text: &str| Some(Ok(Answer::One(Reply::Error(text.as_bytes().to_vec()))));
        let waits = self.transacts();
        match (name, words.len()) {
            ("WATCH" | "UNWATCH", _) => Some(Err(self.why_no_watch(name, words).into())),
            ("MULTI", 1) if waits => error("ERR MULTI calls can not be nested"),
            ("EXEC", 1) if !waits => error("ERR EXEC without MULTI"),
            ("DISCARD", 1) if !waits => error("ERR DISCARD without MULTI"),
            ("MULTI", 1) => {
                self.interactive.as_mut()?.transaction = Some(Transaction::default());
                Some(Ok(Answer::One(ok())))
            }
            ("DISCARD", 1) => {
                self.interactive.as_mut()?.transaction = None;
                Some(Ok(Answer::One(ok())))
            }
            ("EXEC", 1) => {
                let transaction = self.interactive.as_mut()?.transaction.take()?;
                Some(self.run_transaction(transaction))
            }
            _ if waits => {
                let way = self.way();
                let cluster = match fleet(&mut self.target, &way) {
                    Ok(nodes) => nodes.current(),
                    Err(problem) => return Some(Err(in_words(words, &problem, true).into())),
                };
                let reply = self.interactive.as_mut()?.transaction.as_mut()?.queue(&cluster, words);
                Some(Ok(Answer::One(reply)))
            }
            _ => None,
        }
    }

    fn run_transaction(&mut self, transaction: Transaction) -> Result<Answer, Failure> {
        if transaction.is_broken() {
            let text = "EXECABORT Transaction discarded because of previous errors.";
            return Ok(Answer::One(Reply::Error(text.as_bytes().to_vec())));
        }
        let words = [b"EXEC".to_vec()];
        let done = self.interruptible(false, move |target, way| transaction.run(fleet(target, way)?));
        match done {
            Ok(reply) => Ok(Answer::One(reply)),
            Err(Problem::Command(error)) => self.failed(&words, &error),
            Err(problem) => Err(in_words(&words, &problem, true).into()),
        }
    }

    fn why_no_watch(&mut self, name: &str, words: &[Vec<u8>]) -> String {
        let way = self.way();
        let cluster = fleet(&mut self.target, &way).ok().map(|nodes| nodes.current());
        let node = words.get(1).zip(cluster).map(|(key, cluster)| cluster.node_for(key).name().to_owned());
        let there = node.map_or("connect NODE leads there".to_owned(), |node| {
            format!("connect {node} leads to where {} lives", String::from_utf8_lossy(&words[1]).escape_debug())
        });
        format!("{name} is about one connection to one server, and those to the nodes are shared: {there}")
    }
}

fn ok() -> Reply {
    Reply::Status(b"OK".to_vec())
}
