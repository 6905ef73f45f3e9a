//! Asks Sentinels for the address of a master.

use super::at_once;
use crate::config::{Endpoint, Sentinels, Settings};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline};
use crate::resp::{Protocol, ValueRef};
use crate::topology::{Address, Node};
use std::sync::Arc;

/// What the Sentinels of a node take for its master, each address once, in the order of the Sentinels.
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
    let (mut addresses, mut first_error) = (Vec::new(), None);
    for said in said {
        match said {
            Ok(address) => {
                let address = settings.address_map.apply(&address);
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if addresses.is_empty() => Err(error.with_note(&format!("no Sentinel of {node} knows its master"))),
        _ => Ok(addresses),
    }
}

fn address(master: &str, sentinel: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Result<Address> {
    let node = Node::new(format!("sentinel/{}", sentinel.address), sentinel.address.clone());
    let told = |error: Error| error.with_command("SENTINEL GET-MASTER-ADDR-BY-NAME").with_node(|| node.to_string());
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
    address.ok_or_else(|| {
        let message = format!("it knows no master of the name {}", crate::error::escape(master.as_bytes(), 64));
        told(Error::new(ErrorKind::Connect, Outcome::NotApplied, message))
    })
}
