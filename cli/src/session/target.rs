//! The servers that commands go to, the one of `--direct` or the nodes, and how a command gets there.

use super::nodes::Nodes;
use crate::config::Config;
use crate::reply::Reply;
use rediscluster::prelude::*;
use rediscluster::{Cancel, Connection, Error};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;

/// What is connected.
pub enum Target {
    Cluster(Nodes),
    /// With what the server calls the connection; 0 when that is not known.
    Direct(Box<Connection>, i64),
}

/// How servers are reached, and what is set on a new connection to the one of `--direct`.
pub struct Way {
    pub config: Arc<Config>,
    pub database: Option<u32>,
    pub repeat: Vec<(&'static str, Vec<Vec<u8>>)>,
    pub unrepeatable: Option<&'static str>,
    /// Ends waits on the nodes.
    pub cancel: Option<Cancel>,
    /// What the server of `--direct` calls the connection, once it is there; 0 when that is not known.
    pub id: Option<Arc<AtomicI64>>,
}

/// What kept a command from being answered.
pub enum Problem {
    /// There was no connection to send it over.
    Unconnected(Error),
    /// It was sent, or could not be.
    Command(Error),
    /// No new connection can have what the commands had set on the one that was lost.
    Lost(&'static str),
    /// Ctrl-C came, and the answer did not.
    GivenUp,
}

impl Way {
    /// Without anything that was set before.
    pub fn to(config: Arc<Config>) -> Way {
        Way { config, database: None, repeat: Vec::new(), unrepeatable: None, cancel: None, id: None }
    }

    /// A connection on which is set what was set on the one before it.
    fn open(&self, address: &str) -> Result<Target, Problem> {
        if let Some(name) = self.unrepeatable {
            return Err(Problem::Lost(name));
        }
        let mut connection = self.config.settings().open(address).map_err(Problem::Unconnected)?;
        for (name, words) in &self.repeat {
            let set: Result<Reply, Error> = connection.execute(cmd("").args_of(words).reply());
            set.map_err(|error| if error.is_server() { Problem::Lost(name) } else { Problem::Unconnected(error) })?;
        }
        // A user who may not ask is none whose waits can be ended.
        let id = self.id.as_ref().and_then(|_| connection.execute(cmd("CLIENT ID").reply::<i64>()).ok());
        Ok(Target::Direct(Box::new(connection), id.unwrap_or(0)))
    }
}

impl Target {
    /// What the server of `--direct` calls the connection; 0 when that is not known.
    pub fn id(&self) -> i64 {
        match self {
            Target::Direct(_, id) => *id,
            Target::Cluster(_) => 0,
        }
    }
}

/// Runs one command, on the connection of `--direct` or on the nodes.
pub fn send(target: &mut Option<Target>, way: &Way, words: &[Vec<u8>]) -> Result<Reply, Problem> {
    let command = cmd("").args_of(words).reply::<Reply>();
    let Some(address) = &way.config.direct else {
        // What kept a node from being asked is no answer to the command.
        let cluster = fleet(target, way)?.before(words, &command).map_err(Problem::Unconnected)?;
        let cluster = way.cancel.as_ref().map_or_else(|| cluster.clone(), |cancel| cluster.cancelled_by(cancel));
        return cluster.execute(command).map_err(Problem::Command);
    };
    if target.is_none() {
        *target = Some(way.open(address)?);
    }
    let Some(Target::Direct(connection, id)) = target else { unreachable!("the target is what is configured") };
    if let Some(known) = &way.id {
        known.store(*id, Ordering::Relaxed);
    }
    // Whatever the server said, it said to this command.
    match connection.as_mut().execute(command) {
        Err(error) if error.is_server() => Ok(Reply::Error(error.message().as_bytes().to_vec())),
        result => result.map_err(Problem::Command),
    }
}

/// The nodes, in the database that was selected.
pub fn fleet<'t>(target: &'t mut Option<Target>, way: &Way) -> Result<&'t mut Nodes, Problem> {
    if target.is_none() {
        let nodes = Nodes::new(way.config.builder(), way.config.deadline());
        *target = Some(Target::Cluster(nodes.map_err(Problem::Unconnected)?));
    }
    match target {
        Some(Target::Cluster(nodes)) => {
            nodes.database = way.database;
            Ok(nodes)
        }
        _ => unreachable!("the target is what is configured"),
    }
}

/// Ends the wait of the connection of `--direct`, as if its time were over, by another one: nothing that it was to take
/// is lost.
pub fn unblock(config: Arc<Config>, id: &AtomicI64) {
    let (Some(address), id) = (config.direct.clone(), id.load(Ordering::Relaxed)) else { return };
    std::thread::spawn(move || {
        // When that fails the wait goes on, and whoever began it is told so.
        if let Ok(mut connection) = config.settings().open(address) {
            let _ = connection.execute(cmd("CLIENT UNBLOCK").arg(id).reply::<i64>());
        }
    });
}
