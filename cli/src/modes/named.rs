//! `--on` and `--on-each`: commands to named nodes, without routing.

use crate::config::Config;
use crate::reply::Reply;
use crate::session::{Answer, Failure};
use crate::words::{as_reply, is_answer, refuse, told};
use rediscluster::prelude::*;
use rediscluster::Protocol;

/// Where commands go.
pub struct Named {
    cluster: Cluster,
    /// The name of one server; `None` for every master.
    on: Option<String>,
    protocol: Protocol,
}

impl Named {
    /// Nobody is asked anything but who the servers are.
    ///
    /// # Errors
    /// A mistake in the configuration, or a name that no server has.
    pub fn new(config: &Config, on: Option<&str>) -> Result<Named, String> {
        config.is_fleet(if on.is_some() { "--on" } else { "--on-each" })?;
        let cluster = config.builder().build().map_err(|error| error.to_string())?;
        let names: Vec<String> = cluster.topology().shards().iter().map(|shard| shard.name().to_owned()).collect();
        // A replica that was found is called by its node and its address; one that was given has a name of its own.
        let node = on.map(|on| on.split('/').next().unwrap_or(on));
        let asked = match node {
            Some(node) if names.iter().any(|name| name == node) => vec![node.to_owned()],
            _ => names,
        };
        // What keeps a server from answering is told of the command.
        let _ = cluster.deadline(config.deadline() / 2).refresh_nodes(&asked);
        if let Some(on) = on {
            cluster.on(on).map_err(|error| format!("{}; `nodes` shows the names", error.message()))?;
        }
        Ok(Named { cluster, on: on.map(str::to_owned), protocol: config.protocol() })
    }

    /// Runs one command, and says whether every server answered it.
    ///
    /// # Errors
    /// What kept it from being answered by any. An error reply is an answer.
    pub fn execute(&self, words: &[Vec<u8>]) -> Result<(Answer, bool), Failure> {
        refuse(words, self.protocol)?;
        let command = cmd("").args_of(words).reply::<Reply>();
        if let Some(on) = &self.on {
            let reply = self.cluster.on(on).and_then(|on| on.execute(command));
            return Ok((Answer::One(answer(reply, words)?), true));
        }
        let each = self.cluster.on_each_master().execute(command).map_err(|error| told(&error, false))?;
        let mut is_whole = true;
        let reply = |(node, reply): (rediscluster::Node, rediscluster::Result<Reply>)| {
            let reply = answer(reply, words).unwrap_or_else(|why| {
                is_whole = false;
                Reply::Error(as_reply(&why))
            });
            (node.name().to_owned(), node.address().to_string(), reply)
        };
        let replies = each.into_iter().map(reply).collect();
        Ok((Answer::PerNode(replies), is_whole))
    }
}

fn answer(reply: rediscluster::Result<Reply>, words: &[Vec<u8>]) -> Result<Reply, String> {
    reply.or_else(|error| is_answer(&error, words).map(Reply::Error).ok_or_else(|| told(&error, false)))
}
