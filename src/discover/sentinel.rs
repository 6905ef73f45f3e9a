//! Asks Sentinels for the address of a master.

use super::at_once;
use crate::config::{Endpoint, Sentinels, Settings};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline};
use crate::order::sort_by_key;
use crate::resp::{Protocol, ValueRef};
use crate::topology::{Address, Node};
use std::sync::Arc;

/// What the Sentinels of a node take for its master, each address once: what was agreed on last comes first, then what
/// most of them say, then what the first one says.
///
/// # Errors
/// When none of them knows any: what the first one met.
pub(crate) fn addresses(
    node: &str,
    sentinels: &Sentinels,
    settings: &Settings,
    deadline: Deadline,
) -> Result<Vec<Address>> {
    // A Sentinel has no databases and no names of its clients.
    let own = Settings { database: None, client_name: None, protocol: Protocol::Resp2, ..settings.clone() };
    let own = Arc::new(own);
    let said = at_once(&sentinels.endpoints, |sentinel| address(&sentinels.master, sentinel, &own, deadline));
    let (mut found, mut first_error): (Vec<(u64, usize, Address)>, _) = (Vec::new(), None);
    for said in said {
        match said {
            Ok((address, epoch)) => {
                let address = settings.address_map.apply(&address);
                match found.iter_mut().find(|(.., known)| *known == address) {
                    Some((last, votes, _)) => (*last, *votes) = (epoch.max(*last), *votes + 1),
                    None => found.push((epoch, 1, address)),
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error.with_note(&format!("no Sentinel of {node} knows its master"))),
        _ => {
            sort_by_key(&mut found, |(epoch, votes, _)| std::cmp::Reverse((*epoch, *votes)));
            Ok(found.into_iter().map(|(.., address)| address).collect())
        }
    }
}

/// What one Sentinel says, and the number of the failover that it has this from: one that has not heard of the last
/// failover yet tells the master before it.
fn address(master: &str, sentinel: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Result<(Address, u64)> {
    let node = Node::new(format!("sentinel/{}", sentinel.address), sentinel.address.clone());
    // A question changes nothing, so that an answer which is lost leaves nothing unknown.
    let told = |error: Error| {
        let error = error.with_outcome(Outcome::NotApplied).with_command("SENTINEL GET-MASTER-ADDR-BY-NAME");
        error.with_node(|| node.to_string())
    };
    let mut connection = Connection::open(&node, sentinel, settings, deadline)?;
    let said = connection.ask(&[b"SENTINEL", b"get-master-addr-by-name", master.as_bytes()], deadline).map_err(told)?;
    let parts: Vec<String> = match said.value() {
        ValueRef::Array(items) => {
            items.filter_map(|item| item.as_bytes().map(|part| String::from_utf8_lossy(part).into_owned())).collect()
        }
        _ => Vec::new(),
    };
    let address = match &parts[..] {
        [host, port] => port.parse().ok().and_then(|port| Address::new(host, port).ok()),
        _ => None,
    };
    let address = address.ok_or_else(|| {
        let message = format!("it knows no master of the name {}", crate::error::escape(master.as_bytes(), 64));
        told(Error::new(ErrorKind::Connect, Outcome::NotApplied, message))
    })?;
    // A user who may not ask this knows the address all the same.
    let epoch = match connection.ask(&[b"SENTINEL", b"MASTER", master.as_bytes()], deadline) {
        Ok(said) => config_epoch(said.value()),
        Err(_) => 0,
    };
    Ok((address, epoch))
}

/// The field of a list of fields and values.
fn config_epoch(fields: ValueRef<'_>) -> u64 {
    let ValueRef::Array(items) = fields else { return 0 };
    let mut after = items.skip_while(|item| item.as_bytes() != Some(b"config-epoch")).skip(1);
    let epoch = after.next().and_then(|item| std::str::from_utf8(item.as_bytes()?).ok()?.parse().ok());
    epoch.unwrap_or(0)
}
