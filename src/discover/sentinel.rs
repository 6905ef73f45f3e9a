//! Asks Sentinels for the address of a master.

use super::{ask_until, at_once, Progress};
use crate::config::{Asking, Endpoint, Sentinels, Settings};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline};
use crate::order::sort_by_key;
use crate::resp::{Protocol, ValueRef};
use crate::topology::{Address, Node};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When most Sentinels have named the same address, the others have this time to tell of a later failover.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What a Sentinel says: an address, and the number of the failover that it has this from.
type Said = Result<(Address, u64)>;

/// What the Sentinels of a node take for its master, each address once: what was agreed on last comes first, then what
/// most of them say, then what the first one says.
///
/// Nobody waits for a Sentinel whose word is not needed: once most of those given agree, for the others only a moment.
/// One that said nothing is left alone for a while, and then not waited for until it has answered again; unless no other
/// one can tell anything.
///
/// # Errors
/// When none of them knows any: what the first one met.
pub(crate) fn addresses(node: &str, sentinels: &Sentinels, settings: &Settings) -> Result<Vec<Address>> {
    // A Sentinel has no databases and no names of its clients.
    let own = Settings { database: None, client_name: None, protocol: Protocol::Resp2, ..settings.clone() };
    let own = Arc::new(own);
    let places = 0..sentinels.endpoints.len();
    let (left, asked): (Vec<usize>, Vec<usize>) = places.partition(|&nth| sentinels.asking(nth) == Asking::Left);
    let mut said = ask(asked, sentinels, &own);
    if !said.iter().any(|(_, said)| said.is_ok()) {
        said.extend(ask(left, sentinels, &own));
    }
    sort_by_key(&mut said, |(nth, _)| *nth);
    let (mut found, mut first_error): (Vec<(u64, usize, Address)>, _) = (Vec::new(), None);
    for (_, said) in said {
        match said {
            Ok((address, epoch)) => match found.iter_mut().find(|(.., known)| *known == address) {
                Some((last, votes, _)) => (*last, *votes) = (epoch.max(*last), *votes + 1),
                None => found.push((epoch, 1, address)),
            },
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    if found.is_empty() {
        let none = || Error::new(ErrorKind::Connect, Outcome::NotApplied, "they say nothing");
        return Err(first_error.unwrap_or_else(none).with_note(&format!("no Sentinel of {node} knows its master")));
    }
    sort_by_key(&mut found, |(epoch, votes, _)| std::cmp::Reverse((*epoch, *votes)));
    Ok(found.into_iter().map(|(.., address)| address).collect())
}

/// The same for several nodes at the same time.
pub(crate) fn addresses_of_all(nodes: &[(String, Sentinels)], settings: &Settings) -> Vec<Result<Vec<Address>>> {
    at_once(nodes, |(node, sentinels)| addresses(node, sentinels, settings))
}

/// Asks these Sentinels at the same time, and gives what came of those that were waited for.
fn ask(asked: Vec<usize>, sentinels: &Sentinels, settings: &Arc<Settings>) -> Vec<(usize, Said)> {
    let is_waited: Vec<bool> = asked.iter().map(|&nth| sentinels.asking(nth) == Asking::Waited).collect();
    // Where all of them said nothing the last time, there is nothing else to wait for.
    let has_waited = is_waited.contains(&true);
    let most = sentinels.endpoints.len() / 2 + 1;
    let patience = settings.deadline.min(settings.connect_timeout);
    let (of_thread, settings) = (sentinels.clone(), Arc::clone(settings));
    let one = move |&nth: &usize, _: &dyn Fn()| -> Said {
        let said = address(&of_thread.master, &of_thread.endpoints[nth], &settings, Deadline::after(patience));
        // It may be too late for the one who asked, and is known to the next one all the same.
        of_thread.note(nth, !said.as_ref().is_err_and(Error::is_timeout));
        said.map(|(address, epoch)| (settings.address_map.apply(&address), epoch))
    };
    // No clock tells a time without end, and a year is as good.
    let end = Instant::now() + patience.min(Duration::from_secs(365 * 24 * 3600));
    let mut agreed = None;
    let answers = ask_until(asked.clone(), one, |progress| {
        let said =
            || progress.iter().filter_map(|one| if let Progress::Answered(Ok(said)) = one { Some(said) } else { None });
        let votes = said().map(|(address, _)| said().filter(|(other, _)| other == address).count());
        if votes.max().is_some_and(|votes| votes >= most) {
            agreed.get_or_insert_with(|| Instant::now() + LAST_WORDS);
        }
        let is_open = |one: &Progress<Said>| !matches!(one, Progress::Answered(_));
        let is_awaited = progress.iter().zip(&is_waited).any(|(one, waited)| is_open(one) && (*waited || !has_waited));
        let is_any_open = progress.iter().any(is_open);
        match agreed {
            _ if !is_any_open => None,
            Some(until) => Some(end.min(until)),
            None if is_awaited || said().next().is_none() => Some(end),
            None => None,
        }
    });
    let late = || Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::NotApplied, "asking a Sentinel");
    let answers = asked.iter().zip(answers).map(|(&nth, said)| {
        let said = said.unwrap_or_else(|| {
            sentinels.note(nth, false);
            Err(late().with_kind(ErrorKind::Connect))
        });
        (nth, said)
    });
    answers.collect()
}

/// What one Sentinel says, and the number of the failover that it has this from: one that has not heard of the last
/// failover yet tells the master before it.
fn address(master: &str, sentinel: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Result<(Address, u64)> {
    let node = Arc::new(Node::new(format!("sentinel/{}", sentinel.address), sentinel.address.clone()));
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
        told(Error::config(message))
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
