//! MULTI to EXEC over the nodes: what is queued is kept here, and sent as one when EXEC comes.

use crate::reply::Reply;
use crate::session::{Nodes, Problem};
use crate::words::is_answer;
use rediscluster::prelude::*;
use rediscluster::spec;

/// What was queued since MULTI.
#[derive(Default)]
pub struct Transaction {
    commands: Vec<Vec<Vec<u8>>>,
    /// The node that all keys have to live on.
    node: Option<String>,
    /// A command was refused, so that EXEC runs none: as on one server.
    is_broken: bool,
}

impl Transaction {
    /// Queues a command, or says why it cannot be one of these.
    pub fn queue(&mut self, cluster: &Cluster, words: &[Vec<u8>]) -> Reply {
        match self.refusal(cluster, words) {
            None => {
                self.commands.push(words.to_vec());
                Reply::Status(b"QUEUED".to_vec())
            }
            Some(text) => {
                self.is_broken = true;
                Reply::Error(text)
            }
        }
    }

    fn refusal(&mut self, cluster: &Cluster, words: &[Vec<u8>]) -> Option<Vec<u8>> {
        let command = cmd("").args_of(words);
        let plan = match cluster.masters_only().plan(&command) {
            Ok(plan) => plan,
            Err(error) => return Some(is_answer(&error, words).unwrap_or_else(|| format!("ERR {error}").into_bytes())),
        };
        let nodes: Vec<&str> = plan.steps().iter().map(|step| step.node().name()).collect();
        if !plan.is_native() {
            let mut nodes = nodes.clone();
            nodes.dedup();
            return Some(
                format!("ERR a transaction is on one node, and this goes to {}", nodes.join(", ")).into_bytes(),
            );
        }
        let here = nodes.first().filter(|_| has_keys(words))?;
        match &self.node {
            Some(node) if node != here => Some(
                format!("ERR a transaction is on one node; this one is on {node}, and the key lives on {here}")
                    .into_bytes(),
            ),
            _ => {
                self.node = Some((*here).to_owned());
                None
            }
        }
    }

    /// Whether a command was refused.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Runs all that was queued on their node.
    pub fn run(self, nodes: &mut Nodes) -> Result<Reply, Problem> {
        let first = self.commands.first();
        let Some(first) = self.commands.iter().find(|words| has_keys(words)).or(first) else {
            return Ok(Reply::Array(Vec::new()));
        };
        let cluster = nodes.before(first, &cmd("").args_of(first).reply()).map_err(Problem::Unconnected)?;
        let mut transaction = cluster.transaction();
        let queued = self.commands.iter().map(|words| transaction.execute(cmd("").args_of(words).reply::<Reply>()));
        let slots: Vec<_> = queued.collect();
        let replies = transaction.run_each().map_err(Problem::Command)?;
        let reply = |slot| match replies.get(slot) {
            Ok(reply) => reply,
            Err(error) => Reply::Error(error.message().as_bytes().to_vec()),
        };
        Ok(Reply::Array(slots.into_iter().map(reply).collect()))
    }
}

fn has_keys(words: &[Vec<u8>]) -> bool {
    let row = spec::find(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let keys = row.and_then(|row| row.key_positions(cmd("").args_of(words).args()));
    keys.is_some_and(|keys| !keys.is_empty())
}
