//! The servers of one side.

use super::server::Server;
use crate::config::Config;
use crate::moving;
use std::collections::BTreeSet;

/// All masters of one side.
pub struct Fleet {
    /// Each once.
    pub members: Vec<Member>,
    /// How many nodes keys are divided among.
    pub nodes: usize,
}

/// One master.
pub struct Member {
    pub server: Server,
    /// The numbers of the nodes that it is, counted from 0: two names may be one server.
    pub nodes: Vec<usize>,
    /// The databases that have keys, and how many.
    pub keys: Vec<(u32, u64)>,
}

impl Fleet {
    /// Asks all masters who they are.
    ///
    /// # Errors
    /// That one of them gave no answer.
    pub fn connect(config: Config) -> Result<Fleet, String> {
        let fleet = moving::fleet::Fleet::connect(config)?;
        let member = |server: &moving::fleet::Server| {
            let keys = server.facts.keys.clone();
            Ok(Member { server: fleet.compared(server)?, nodes: server.nodes.clone(), keys })
        };
        let members: Result<_, String> = fleet.servers.iter().map(member).collect();
        Ok(Fleet { members: members?, nodes: fleet.nodes })
    }

    /// The server of a node.
    pub fn of_node(&self, node: usize) -> usize {
        self.members.iter().position(|member| member.nodes.contains(&node)).unwrap_or(0)
    }

    /// Databases that have keys.
    pub fn databases(&self) -> BTreeSet<u32> {
        self.members.iter().flat_map(|member| &member.keys).map(|(database, _)| *database).collect()
    }
}
