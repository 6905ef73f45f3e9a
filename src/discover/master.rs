//! Which server is the master of a node now.

use super::{ask, at_once, endpoint_of, is_a_replica, sentinel_addresses, Said};
use crate::config::{ConfiguredNode, Settings};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::order::sort;
use crate::topology::info::Info;
use crate::topology::{Address, Node};
use std::sync::Arc;

/// As many servers of a node as are remembered, those met last.
const REMEMBERED: usize = 32;

/// What is known of a node from earlier.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The master that was last found; at first the one that was configured.
    master: Address,
    /// What names the history of its data.
    history: Option<String>,
    /// Its servers, masters and replicas, the one met last in front.
    servers: Vec<Address>,
    /// How often another server has become its master.
    moves: u64,
}

impl Known {
    pub(crate) fn new(node: &ConfiguredNode) -> Known {
        let given = node.replicas.iter().flatten().map(|(_, endpoint)| endpoint.address.clone());
        Known { master: node.endpoint.address.clone(), history: None, servers: given.collect(), moves: 0 }
    }

    pub(crate) fn master(&self) -> &Address {
        &self.master
    }

    pub(crate) fn history(&self) -> Option<&str> {
        self.history.as_deref()
    }

    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Whether there is nobody else to ask who the master is.
    pub(crate) fn is_alone(&self, node: &ConfiguredNode) -> bool {
        let others = self.servers.iter().chain([&node.endpoint.address]);
        node.sentinels.is_none() && others.into_iter().all(|server| *server == self.master)
    }

    /// Remembers a master that was found, and the replicas that it lists.
    pub(crate) fn found(&mut self, master: &Address, info: &Info) {
        if self.master != *master {
            let earlier = std::mem::replace(&mut self.master, master.clone());
            self.remember(earlier);
            self.moves += 1;
        }
        self.history = info.history.clone();
        info.replicas.iter().for_each(|line| self.remember(line.address.clone()));
        self.remember(master.clone());
    }

    fn remember(&mut self, server: Address) {
        self.servers.retain(|known| *known != server);
        self.servers.insert(0, server);
        self.servers.truncate(REMEMBERED);
    }
}

/// What a server of a node said.
struct Answer {
    address: Address,
    said: Said,
}

/// The master of a node, and what it said of itself: the one that its Sentinels name, where there are any and it says the
/// same. Without them the one that was the master until now is asked first; when it does
/// not answer, is a replica by now or has another history than it had, all servers are asked that were ever met; and as
/// well when it `is_in_doubt`, because it takes no writes for want of replicas: these may follow one that was promoted.
///
/// # Errors
/// What the master until now met, when none of the others is the master.
pub(crate) fn master_of(
    node: &ConfiguredNode,
    known: &Known,
    is_in_doubt: bool,
    settings: &Arc<Settings>,
    deadline: Deadline,
) -> Result<(Address, Said)> {
    let ask_one = |address: &Address, deadline: Deadline| {
        let server = Node::new(node.name.clone(), address.clone());
        ask(&server, &endpoint_of(node, address), settings, deadline)
    };
    // Sentinels decide; that they cannot be asked does not stop anything.
    if let Some(sentinels) = &node.sentinels {
        // Time of its own for each step: Sentinels that say nothing must leave some for the servers.
        let soon = || Deadline::after(settings.deadline).within(settings.connect_timeout);
        for address in sentinel_addresses(&node.name, sentinels, settings).unwrap_or_default() {
            match ask_one(&address, soon()) {
                Ok(said) if said.info.is_master() => return Ok((address, said)),
                _ => {}
            }
        }
    }
    let patience = if node.sentinels.is_some() { Deadline::after(settings.deadline) } else { deadline };
    let patience = patience.within(settings.connect_timeout);
    let first = ask_one(known.master(), patience);
    let is_as_it_was = |info: &Info| known.history().map_or(true, |history| info.descends_from(history));
    let (mut answers, error) = match first {
        Ok(said) if said.info.is_master() && is_as_it_was(&said.info) && !is_in_doubt => {
            return Ok((known.master.clone(), said))
        }
        Ok(said) => (vec![Answer { address: known.master.clone(), said }], None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut asked = vec![known.master.clone()];
    let mut to_ask: Vec<Address> = known.servers.clone();
    to_ask.push(node.endpoint.address.clone());
    to_ask.extend(answers.iter().filter_map(|answer| answer.said.info.master.clone()));
    // Once more for the masters that replicas name, and for those that these name.
    for _ in 0..3 {
        sort(&mut to_ask, Ord::cmp);
        to_ask.dedup();
        to_ask.retain(|address| !asked.contains(address));
        if to_ask.is_empty() {
            break;
        }
        let patience = Deadline::after(settings.deadline).within(settings.connect_timeout);
        let said = at_once(&to_ask, |address| ask_one(address, patience));
        asked.extend(to_ask.iter().cloned());
        let come = to_ask.drain(..).zip(said).filter_map(|(address, said)| Some(Answer { address, said: said.ok()? }));
        let come: Vec<Answer> = come.collect();
        to_ask = come.iter().filter_map(|answer| answer.said.info.master.clone()).collect();
        answers.extend(come);
    }
    match chosen(node, known, is_in_doubt, &answers) {
        Some(nth) => {
            let Answer { address, said } = answers.swap_remove(nth);
            Ok((address, said))
        }
        None => Err(error.unwrap_or_else(|| no_master(node, known, &answers))),
    }
}

/// Which of the servers that answered is the master. Of two that say so it is the one that goes on with the known
/// history, then the one in use unless it `is_in_doubt`, then the one that more servers follow, then the one that was configured.
fn chosen(node: &ConfiguredNode, known: &Known, is_in_doubt: bool, answers: &[Answer]) -> Option<usize> {
    let continues = |answer: &Answer| known.history().is_some_and(|own| answer.said.info.descends_from(own));
    let is_configured = |answer: &Answer| {
        let given = node.replicas.iter().flatten().map(|(_, endpoint)| &endpoint.address);
        given.chain([&node.endpoint.address]).any(|address| *address == answer.address)
    };
    let followers = |answer: &Answer| {
        let follows =
            |other: &&Answer| !other.said.info.is_master() && other.said.info.master.as_ref() == Some(&answer.address);
        answers.iter().filter(follows).count()
    };
    let is_current = |answer: &Answer| answer.address == *known.master();
    // An address may have gone to a server of somebody else: one that nothing ties to this node is left alone.
    let is_ours =
        |answer: &Answer| is_current(answer) || is_configured(answer) || continues(answer) || followers(answer) > 0;
    let masters = answers.iter().enumerate().filter(|(_, answer)| answer.said.info.is_master() && is_ours(answer));
    let best = masters.max_by_key(|(_, answer)| {
        let offset = answer.said.info.offset;
        let takes_over = is_in_doubt && continues(answer) && !is_current(answer);
        (continues(answer), takes_over, is_current(answer), followers(answer), is_configured(answer), offset)
    });
    best.map(|(nth, _)| nth)
}

/// The error when servers answered and none is the master.
fn no_master(node: &ConfiguredNode, known: &Known, answers: &[Answer]) -> Error {
    match answers.iter().any(|answer| answer.said.info.role == "slave") {
        true => is_a_replica(&node.name, known.master()),
        false => {
            let (name, address) = (&node.name, known.master());
            Error::config(format!("node {name} ({address}) does not say that it is a master"))
        }
    }
}
