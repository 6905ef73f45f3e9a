//! Asks the masters who they are and which replicas follow them.

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::{Connection, Deadline};
use crate::resp::ValueRef;
use crate::topology::info::{Info, ListedReplica};
use crate::topology::{Address, Node, PassedOver, ReadFrom, ShardDescription, Topology};
use std::sync::Arc;

/// What was found, and what was wrong with a master. A master that could not be asked stands in the topology as it was
/// configured, so that it fails the calls for its own keys and no others.
pub(crate) struct Discovery {
    pub(crate) topology: Topology,
    pub(crate) first_error: Option<Error>,
}

/// Asks every configured master, and every replica that could serve reads. A replica that cannot is noted in the
/// topology and is no error.
pub(crate) fn discover(nodes: &[ConfiguredNode], settings: &Arc<Settings>, read_from: ReadFrom) -> Discovery {
    let deadline = Deadline::after(settings.deadline);
    let mut first_error = None;
    // One server under two names is found by its run id, whatever the names resolve to.
    let mut known: Vec<(String, Address)> = Vec::new();
    let mut shards: Vec<ShardDescription> = Vec::with_capacity(nodes.len());
    let mut replicas: Vec<(usize, Node, Endpoint, bool)> = Vec::new();
    let said = at_once(nodes, |node| master(node, settings, deadline));
    for (node, said) in nodes.iter().zip(said) {
        let mut shard = ShardDescription::new(&node.name, &node.endpoint.address);
        match said {
            Ok(info) => {
                if let Some(run_id) = &info.run_id {
                    match known.iter().find(|(other, _)| other == run_id) {
                        Some((_, first)) => shard.address = first.clone(),
                        None => known.push((run_id.clone(), shard.address.clone())),
                    }
                }
                if read_from.includes_replicas() {
                    let found = candidates(node, info).into_iter();
                    replicas.extend(found.map(|(replica, endpoint, online)| (shards.len(), replica, endpoint, online)));
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
        shards.push(shard);
    }
    let verdicts =
        at_once(&replicas, |(_, replica, endpoint, online)| usable(replica, endpoint, *online, settings, deadline));
    for ((shard, replica, ..), verdict) in replicas.into_iter().zip(verdicts) {
        match verdict {
            Ok(()) => shards[shard].replicas.push(replica),
            Err(reason) => shards[shard].passed_over.push(PassedOver::new(replica, reason)),
        }
    }
    Discovery { topology: Topology::new(shards), first_error }
}

/// As many servers as are asked at the same time.
const AT_ONCE: usize = 32;

/// Asks several servers at the same time, so that those that say nothing take no time from the others.
fn at_once<T: Sync, R: Send>(items: &[T], ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let ask = &ask;
    let chunk = |items: &[T]| -> Vec<R> {
        std::thread::scope(|scope| {
            let started: Vec<_> =
                items.iter().map(|item| std::thread::Builder::new().spawn_scoped(scope, move || ask(item))).collect();
            let ended = items.iter().zip(started).map(|(item, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // No further thread can be had: then one after the other.
                Err(_) => ask(item),
            });
            ended.collect()
        })
    };
    match items {
        [one] => vec![ask(one)],
        _ => items.chunks(AT_ONCE).flat_map(chunk).collect(),
    }
}

/// What a master says of itself.
fn master(node: &ConfiguredNode, settings: &Arc<Settings>, deadline: Deadline) -> Result<Info> {
    let address = &node.endpoint.address;
    let info = ask(&Node::new(node.name.clone(), address.clone()), &node.endpoint, settings, deadline)?;
    match info.role.as_str() {
        "master" => Ok(info),
        "slave" => Err(Error::config(format!(
            "node {} ({address}) is a replica; nodes are masters, and their replicas are found by asking them or named \
             by `master_of`",
            node.name
        ))),
        _ => Err(Error::config(format!("node {} ({address}) does not say that it is a master", node.name))),
    }
}

/// The replicas of a master, as given or as it lists them, and whether it lists them as online.
fn candidates(node: &ConfiguredNode, info: Info) -> Vec<(Node, Endpoint, bool)> {
    if let Some(given) = &node.replicas {
        let replica = |(name, endpoint): &(String, Endpoint)| {
            (Node::new(name.clone(), endpoint.address.clone()), endpoint.clone(), true)
        };
        return given.iter().map(replica).collect();
    }
    let replica = |listed: ListedReplica| {
        let endpoint = Endpoint { address: listed.address.clone(), ..node.endpoint.clone() };
        (Node::new(format!("{}/{}", node.name, listed.address), listed.address), endpoint, listed.online)
    };
    info.replicas.into_iter().map(replica).collect()
}

/// Whether a replica can serve reads, or why not.
fn usable(
    replica: &Node,
    endpoint: &Endpoint,
    online: bool,
    settings: &Arc<Settings>,
    deadline: Deadline,
) -> Result<(), String> {
    if !online {
        return Err("its master does not list it as online".into());
    }
    match ask(replica, endpoint, settings, deadline.within(settings.connect_timeout)) {
        Err(error) => Err(error.message().to_owned()),
        Ok(info) if info.role != "slave" => Err("it says that it is no replica".into()),
        Ok(info) if !info.link_up => Err("its link to its master is down".into()),
        Ok(_) => Ok(()),
    }
}

/// What a server says of itself.
fn ask(node: &Node, endpoint: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Result<Info> {
    let mut connection = Connection::open(node, endpoint, settings, deadline)?;
    let mut text = String::new();
    for section in [&b"server"[..], b"replication"] {
        let said = connection
            .ask(&[b"INFO", section], deadline)
            .map_err(|error| error.with_command("INFO").with_node(|| node.to_string()))?;
        let (ValueRef::Bulk(bytes) | ValueRef::Verbatim(_, bytes)) = said.value() else {
            return Err(Error::reply("INFO gave no text").with_node(|| node.to_string()).with_command("INFO"));
        };
        text.push_str(&String::from_utf8_lossy(bytes));
        text.push('\n');
    }
    Ok(Info::parse(&text))
}
