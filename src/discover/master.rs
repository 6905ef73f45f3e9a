//! Which server is the master of a node now.

use super::together::with_head_start;
use super::{at_once, endpoint_of, is_a_replica, sentinel_addresses, Probes, Said};
use crate::config::{ConfiguredNode, Settings};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::order::sort;
use crate::topology::info::Info;
use crate::topology::{Address, Node};
use std::sync::Arc;
use std::time::Duration;

/// As many servers of a node as are remembered, those met last.
const REMEMBERED: usize = 32;

/// How long the master until now may take to answer before the other servers of its node are asked beside it; half of the
/// time for connecting at most. One that lives has answered by then, and nobody waits for the others.
const HEAD_START: Duration = Duration::from_secs(1);

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

    /// Takes the server that its Sentinels name, although it has not said a word yet. What was known of the data is no
    /// longer what counts: the server before it would go on with that.
    pub(crate) fn named(&mut self, master: &Address) {
        if self.master != *master {
            let earlier = std::mem::replace(&mut self.master, master.clone());
            self.remember(earlier);
            self.moves += 1;
            self.history = None;
        }
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

/// Why a node has no master that could be asked.
pub(crate) struct NoMaster {
    pub(crate) error: Error,
    /// The server that its Sentinels name. Calls go there and to no other, until it answers.
    pub(crate) named: Option<Address>,
    /// The other servers that were asked and gave no answer, and why.
    pub(crate) unanswered: Vec<(Address, Error)>,
}

impl From<Error> for NoMaster {
    fn from(error: Error) -> NoMaster {
        NoMaster { error, named: None, unanswered: Vec::new() }
    }
}

/// What a server met that Sentinels name.
type Silent = (Address, Error);

/// The master of a node, and what it said of itself: the one that its Sentinels name, where there are any and it says the
/// same. Without them the one that was the master until now is asked first; when it does
/// not answer, is a replica by now or has another history than it had, all servers are asked that were ever met; and as
/// well when it `is_in_doubt`, because it takes no writes for want of replicas: these may follow one that was promoted.
///
/// The address in use stays the master's, whatever data its server has. Another server is the master only when
/// Sentinels name it or when its data goes on with what was last known of the node: one that was the master once and
/// comes back empty would be one without what was acknowledged since.
///
/// # Errors
/// What the master until now met, when none of the others is the master; what the server met that Sentinels name, when it
/// does not answer.
pub(crate) fn master_of(
    node: &ConfiguredNode,
    known: &Known,
    is_in_doubt: bool,
    settings: &Arc<Settings>,
    probes: &Probes,
    deadline: Deadline,
) -> Result<(Address, Said), NoMaster> {
    let ask_one = |address: &Address, deadline: Deadline| {
        let server = Node::new(node.name.clone(), address.clone());
        probes.ask(&server, &endpoint_of(node, address), settings, deadline, || {})
    };
    // Time of its own for each step: Sentinels that say nothing must leave some for the servers.
    let soon = || Deadline::after(settings.deadline).within(settings.connect_timeout);
    let ask_all = |servers: &[Address]| {
        let patience = soon();
        at_once(servers, |address| ask_one(address, patience))
    };
    let silent = match named_by_sentinels(node, settings, |address| ask_one(address, soon())) {
        Ok(found) => return Ok(found),
        Err(silent) => silent,
    };
    let patience = if node.sentinels.is_some() { Deadline::after(settings.deadline) } else { deadline };
    let patience = patience.within(settings.connect_timeout);
    let others = sorted(known.servers.iter().chain([&node.endpoint.address]), std::slice::from_ref(&known.master));
    let (first, said_by_others) = match silent {
        // They know of a later failover than this program: whoever was the master before it is not any more.
        Some((address, error)) if address != *known.master() => {
            let error = error.with_note(&format!("the Sentinels of {} name this server", node.name));
            return Err(NoMaster { named: Some(address), ..error.into() });
        }
        Some((_, error)) => (Err(error), None),
        None if others.is_empty() => (ask_one(known.master(), patience), None),
        None => {
            let head_start = HEAD_START.min(settings.connect_timeout / 2);
            let first = || ask_one(known.master(), patience);
            with_head_start(head_start, first, || ask_all(&others))
        }
    };
    let is_as_it_was = |info: &Info| known.history().map_or(true, |history| info.descends_from(history));
    let (mut answers, error) = match first {
        Ok(said) if said.info.is_master() && is_as_it_was(&said.info) && !is_in_doubt => {
            return Ok((known.master.clone(), said))
        }
        Ok(said) => (vec![Answer { address: known.master.clone(), said }], None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut asked = vec![known.master.clone()];
    let mut unanswered = Vec::new();
    let mut to_ask = others;
    if said_by_others.is_none() {
        let met = [&asked[..], &to_ask].concat();
        to_ask.extend(named_by(&answers, &met));
    }
    let mut said_already = said_by_others;
    // Once more for the masters that replicas name, and for those that these name.
    for _ in 0..3 {
        let said = said_already.take().unwrap_or_else(|| ask_all(&to_ask));
        asked.extend(to_ask.iter().cloned());
        for (address, said) in to_ask.drain(..).zip(said) {
            match said {
                Ok(said) => answers.push(Answer { address, said }),
                Err(error) => unanswered.push((address, error)),
            }
        }
        to_ask = named_by(&answers, &asked);
        if to_ask.is_empty() {
            break;
        }
    }
    match chosen(node, known, is_in_doubt, &answers) {
        Some(nth) => {
            let Answer { address, said } = answers.swap_remove(nth);
            Ok((address, said))
        }
        None => {
            let error = error.unwrap_or_else(|| no_master(node, known, &answers));
            let error = match stranger(&answers) {
                Some(stranger) => error.with_note(&stranger),
                None => error,
            };
            Err(NoMaster { unanswered, ..error.into() })
        }
    }
}

/// The masters that replicas name, without those that were asked.
fn named_by(answers: &[Answer], asked: &[Address]) -> Vec<Address> {
    sorted(answers.iter().filter_map(|answer| answer.said.info.master.as_ref()), asked)
}

/// Each address once, without those that were asked.
fn sorted<'a>(addresses: impl Iterator<Item = &'a Address>, asked: &[Address]) -> Vec<Address> {
    let mut addresses: Vec<Address> = addresses.filter(|address| !asked.contains(address)).cloned().collect();
    sort(&mut addresses, Ord::cmp);
    addresses.dedup();
    addresses
}

/// The master that the Sentinels of a node name, and what it said of itself, if it says the same.
///
/// # Errors
/// The server that they name, when it gives no answer: then they say nothing of any other. Nothing when there are no
/// Sentinels, when none can be asked, and when whoever they name is a replica: that they cannot be asked does not stop
/// anything.
fn named_by_sentinels(
    node: &ConfiguredNode,
    settings: &Settings,
    ask: impl Fn(&Address) -> Result<Said>,
) -> Result<(Address, Said), Option<Silent>> {
    let Some(sentinels) = &node.sentinels else { return Err(None) };
    for address in sentinel_addresses(&node.name, sentinels, settings).unwrap_or_default() {
        match ask(&address) {
            Ok(said) if said.info.is_master() => return Ok((address, said)),
            // They have not heard yet that it was replaced.
            Ok(_) => {}
            Err(error) => return Err(Some((address, error))),
        }
    }
    Err(None)
}

/// Which of the servers that answered is the master. Of two that say so it is the one that goes on with the known
/// history, then the one in use unless it `is_in_doubt`, then the one that more servers follow, then the one that was configured.
fn chosen(node: &ConfiguredNode, known: &Known, is_in_doubt: bool, answers: &[Answer]) -> Option<usize> {
    let is_current = |answer: &Answer| answer.address == *known.master();
    // What the address in use was last known to have; as a replica by now it has what its own master has.
    let now = answers.iter().find(|answer| is_current(answer) && answer.said.info.role == "slave");
    let now = now.and_then(|answer| answer.said.info.history.as_deref());
    let continues = |answer: &Answer| {
        let mut histories = known.history().into_iter().chain(now);
        histories.any(|history| answer.said.info.descends_from(history))
    };
    let is_configured = |answer: &Answer| {
        let given = node.replicas.iter().flatten().map(|(_, endpoint)| &endpoint.address);
        given.chain([&node.endpoint.address]).any(|address| *address == answer.address)
    };
    let followers = |answer: &Answer| {
        let follows =
            |other: &&Answer| !other.said.info.is_master() && other.said.info.master.as_ref() == Some(&answer.address);
        answers.iter().filter(follows).count()
    };
    let may_be = |answer: &Answer| answer.said.info.is_master() && (is_current(answer) || continues(answer));
    let masters = answers.iter().enumerate().filter(|(_, answer)| may_be(answer));
    let best = masters.max_by_key(|(_, answer)| {
        let offset = answer.said.info.offset;
        let takes_over = is_in_doubt && continues(answer) && !is_current(answer);
        (continues(answer), takes_over, is_current(answer), followers(answer), is_configured(answer), offset)
    });
    best.map(|(nth, _)| nth)
}

/// What to say of a server that takes writes and is not followed.
fn stranger(answers: &[Answer]) -> Option<String> {
    let stranger = answers.iter().find(|answer| answer.said.info.is_master())?;
    Some(format!(
        "{} says that it is a master, but nothing shows that it has the data of this node: `Cluster::accept_master` \
         follows it all the same",
        stranger.address
    ))
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
