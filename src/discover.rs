//! Asks the masters who they are and which replicas follow them.

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::{Connection, Deadline};
use crate::resp::ValueRef;
use crate::topology::info::Info;
use crate::topology::{Address, Node, PassedOver, ReadFrom, ShardDescription, Topology};
use std::sync::Arc;

/// Asks every configured master, and every replica that could serve reads.
///
/// # Errors
/// When a master cannot be reached or is no master. A replica that cannot serve is left out and noted.
pub(crate) fn discover(nodes: &[ConfiguredNode], settings: &Arc<Settings>, read_from: ReadFrom) -> Result<Topology> {
    let deadline = Deadline::after(settings.deadline);
    // One server under two names is found by its run id, whatever the names resolve to.
    let mut known: Vec<(String, Address)> = Vec::new();
    let mut shards = Vec::with_capacity(nodes.len());
    for node in nodes {
        let info =
            ask(&Node::new(node.name.clone(), node.endpoint.address.clone()), &node.endpoint, settings, deadline)?;
        if info.role != "master" {
            let role = if info.role == "slave" { "a replica" } else { "not a master" };
            return Err(Error::config(format!("node {} ({}) is {role}; nodes are masters, and their replicas are found by asking them or named by `master_of`", node.name, node.endpoint.address)));
        }
        let mut address = node.endpoint.address.clone();
        if let Some(run_id) = info.run_id {
            match known.iter().find(|(other, _)| *other == run_id) {
                Some((_, first)) => address = first.clone(),
                None => known.push((run_id, address.clone())),
            }
        }
        let mut shard =
            ShardDescription { name: node.name.clone(), address, replicas: Vec::new(), passed_over: Vec::new() };
        if read_from == ReadFrom::Replica {
            let listed: Vec<(Node, Endpoint, bool)> = match &node.replicas {
                Some(given) => {
                    let given = given.iter();
                    given
                        .map(|(name, endpoint)| {
                            (Node::new(name.clone(), endpoint.address.clone()), endpoint.clone(), true)
                        })
                        .collect()
                }
                None => info
                    .replicas
                    .into_iter()
                    .map(|replica| {
                        let endpoint = Endpoint { address: replica.address.clone(), ..node.endpoint.clone() };
                        (
                            Node::new(format!("{}/{}", node.name, replica.address), replica.address),
                            endpoint,
                            replica.online,
                        )
                    })
                    .collect(),
            };
            for (replica, endpoint, online) in listed {
                match usable(&replica, &endpoint, online, settings, deadline) {
                    Ok(()) => shard.replicas.push(replica),
                    Err(reason) => shard.passed_over.push(PassedOver::new(replica, reason)),
                }
            }
        }
        shards.push(shard);
    }
    Ok(Topology::new(shards))
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
