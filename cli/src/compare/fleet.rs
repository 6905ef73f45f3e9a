//! The servers of one side.

use super::server::Server;
use super::wish::Wish;
use crate::config::Config;
use crate::options::Options;
use rediscluster::Protocol;
use std::collections::BTreeSet;
use std::thread;

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

/// What was configured of both sides.
///
/// # Errors
/// What is wrong with it.
pub fn configured(options: &Options, wish: &Wish) -> Result<(Config, Config), String> {
    if options.database.is_some() {
        return Err("compare: -n is for commands in one database; --databases chooses those to compare".into());
    }
    let side = |name: &str, text: &str| {
        let mut side = options.clone();
        (side.node, side.nodes, side.config) = (Vec::new(), None, None);
        match text.strip_prefix('@') {
            Some(file) => side.config = Some(file.into()),
            None => side.nodes = Some(list(text)),
        }
        let config = Config::gather(&side, |name| std::env::var_os(name).filter(|_| name != "REDISCLUSTER_NODES"));
        let config = config.map_err(|error| format!("{name}: {}", error.replace("--nodes", name)))?;
        config.is_fleet("compare").map(|()| config)
    };
    Ok((side("--from", &wish.from)?, side("--to", &wish.to)?))
}

/// A list of nodes as `--nodes` takes it. One address alone is a fleet of one.
fn list(text: &str) -> String {
    let is_url = ["redis://", "rediss://", "unix://"].iter().any(|scheme| text.starts_with(scheme));
    match !text.contains(',') && (is_url || !text.contains('=')) {
        true => format!("node_1={text}"),
        false => text.to_owned(),
    }
}

impl Fleet {
    /// Asks all masters who they are, at the same time.
    ///
    /// # Errors
    /// That one of them gave no answer.
    pub fn connect(config: &Config) -> Result<Fleet, String> {
        let settings = || config.settings().database(0).protocol(Protocol::Resp2).masters_only(true);
        let builder = config.builder().protocol(Protocol::Resp2).masters_only(true).require_all(true);
        let cluster = builder.connect().map_err(|error| error.to_string())?;
        let topology = cluster.topology();
        let given = |name: &str| config.nodes.iter().find(|(known, _)| known == name).map(|(_, given)| given.as_str());
        let opened: Vec<Result<Member, String>> = thread::scope(|scope| {
            let open = |(number, shard): (usize, &rediscluster::Shard)| {
                let (name, address) = (shard.name().to_owned(), topology.master_of(shard).address().to_string());
                let settings = settings();
                scope.spawn(move || {
                    let server = Server::open(settings, &name, given(&name).unwrap_or(&address))?;
                    let keys = server.keys()?;
                    Ok(Member { server, nodes: vec![number], keys })
                })
            };
            let opening: Vec<_> = topology.shards().iter().enumerate().map(open).collect();
            let joined = opening.into_iter().map(|open| open.join());
            joined.map(|open| open.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut fleet = Fleet { members: Vec::new(), nodes: opened.len() };
        for member in opened {
            let member = member?;
            match fleet.members.iter_mut().find(|other| other.server.run_id() == member.server.run_id()) {
                Some(twin) => twin.nodes.extend(member.nodes),
                None => fleet.members.push(member),
            }
        }
        Ok(fleet)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_a_fleet_of_one() {
        assert_eq!(list("h:1"), "node_1=h:1");
        assert_eq!(list("redis://u:p=w@h:1"), "node_1=redis://u:p=w@h:1");
        assert_eq!(list("a=h:1,b=h:2"), "a=h:1,b=h:2");
    }
}
