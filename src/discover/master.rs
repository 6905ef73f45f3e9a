//! Which server is the master of a node now.

use super::{is_a_replica, Probes, Said};
use crate::config::{ConfiguredNode, Settings};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::threads::{all_at_once, lock, with_head_start};
use crate::topology::info::Info;
use crate::topology::{Address, Node};
use std::sync::{Arc, Mutex, PoisonError};
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
    history: Option<Arc<str>>,
    /// Its servers, masters and replicas, the one met last in front.
    servers: Vec<Address>,
    /// How often another server has become its master.
    moves: u64,
}

impl Known {
    pub(crate) fn new(node: &ConfiguredNode) -> Known {
        let mut servers = Vec::new();
        for (_, endpoint) in node.given() {
            servers.push(endpoint.address.clone());
        }
        Known { master: node.endpoint.address.clone(), history: None, servers, moves: 0 }
    }

    pub(crate) fn master(&self) -> &Address {
        &self.master
    }

    pub(crate) fn history(&self) -> Option<&Arc<str>> {
        self.history.as_ref()
    }

    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Whether there is nobody else to ask who the master is.
    pub(crate) fn is_alone(&self, node: &ConfiguredNode) -> bool {
        node.sentinels.is_none()
            && node.endpoint.address == self.master
            && self.servers.iter().all(|server| *server == self.master)
    }

    /// Remembers a master that was found, and the replicas that it lists.
    pub(crate) fn found(&mut self, master: &Address, info: &Info) {
        self.moves_to(master);
        self.history = info.history.clone();
        for line in &info.replicas {
            self.remember(&line.address);
        }
        self.remember(master);
    }

    /// Takes the server that its Sentinels name, although it has not said a word yet. What was known of the data is no
    /// longer what counts: the server before it would go on with that.
    pub(crate) fn named(&mut self, master: &Address) {
        if self.moves_to(master) {
            self.history = None;
        }
    }

    /// Whether this is another master than before.
    fn moves_to(&mut self, master: &Address) -> bool {
        let is_another = self.master != *master;
        if is_another {
            let earlier = std::mem::replace(&mut self.master, master.clone());
            self.remember(&earlier);
            self.moves += 1;
        }
        is_another
    }

    fn remember(&mut self, server: &Address) {
        match self.servers.iter().position(|known| known == server) {
            Some(at) => drop(self.servers.remove(at)),
            None if self.servers.len() == REMEMBERED => drop(self.servers.pop()),
            None => {}
        }
        self.servers.insert(0, server.clone());
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

/// What came of looking for a master: where it is and what it said of itself.
pub(crate) type Master = Result<(Address, Said), NoMaster>;

/// The servers of a node, to be asked.
struct Servers<'a> {
    node: &'a ConfiguredNode,
    settings: &'a Arc<Settings>,
    probes: &'a Probes,
}

impl Servers<'_> {
    /// Time of its own for each step: Sentinels that say nothing must leave some for the servers.
    fn soon(&self) -> Deadline {
        Deadline::after(self.settings.deadline).within(self.settings.connect_timeout)
    }

    fn ask(&self, address: &Address, deadline: Deadline) -> Result<Said> {
        let server = Node::new(Arc::clone(&self.node.name), address.clone());
        self.probes.ask(&server, &self.node.endpoint_of(address), self.settings, deadline, &|| {})
    }

    /// What each of these says, in their order.
    fn ask_all(&self, addresses: &[Address]) -> Vec<(Address, Result<Said>)> {
        let (answers, deadline) = (Mutex::new(Vec::new()), self.soon());
        all_at_once(addresses.len(), &|nth| {
            let said = self.ask(&addresses[nth], deadline);
            lock(&answers).push((addresses[nth].clone(), said));
        });
        let mut came = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Of two that are as good the order decides, and that must not be chance.
        for (place, address) in addresses.iter().enumerate() {
            if let Some(at) = came.iter().position(|(other, _)| other == address) {
                came.swap(place, at);
            }
        }
        came
    }
}

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
) -> Master {
    let servers = Servers { node, settings, probes };
    let mut silent = None;
    if let Some(sentinels) = &node.sentinels {
        // That they cannot be asked does not stop anything.
        for address in sentinels(&node.name, settings).unwrap_or_default() {
            match servers.ask(&address, servers.soon()) {
                Ok(said) if said.info.is_master() => return Ok((address, said)),
                // They have not heard yet that it was replaced.
                Ok(_) => {}
                // Then they say nothing of any other.
                Err(error) => {
                    silent = Some((address, error));
                    break;
                }
            }
        }
    }
    let patience = if node.sentinels.is_some() { Deadline::after(settings.deadline) } else { deadline };
    let patience = patience.within(settings.connect_timeout);
    let master = known.master();
    // Every address that was asked, or is about to be.
    let mut met = vec![master.clone()];
    let mut to_ask = Vec::new();
    for server in known.servers.iter().chain([&node.endpoint.address]) {
        add(&mut to_ask, server, &met);
    }
    let mut said_already = None;
    let first = match silent {
        // They know of a later failover than this program: whoever was the master before it is not any more.
        Some((address, error)) if address != *master => {
            let error = error.with_note(&format!("the Sentinels of {} name this server", node.name));
            return Err(NoMaster { named: Some(address), ..error.into() });
        }
        Some((_, error)) => Some(Err(error)),
        None if to_ask.is_empty() => Some(servers.ask(master, patience)),
        None => {
            let head_start = HEAD_START.min(settings.connect_timeout / 2);
            let (first, others) = (Mutex::new(None), Mutex::new(None));
            with_head_start(
                head_start,
                &|| {
                    let said = servers.ask(master, patience);
                    *lock(&first) = Some(said);
                },
                &|| {
                    let said = servers.ask_all(&to_ask);
                    *lock(&others) = Some(said);
                },
            );
            said_already = others.into_inner().unwrap_or_else(PoisonError::into_inner);
            first.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
    };
    let (mut answers, mut unanswered, mut error) = (Vec::new(), Vec::new(), None);
    match first {
        Some(Ok(said)) => {
            let is_as_it_was = known.history().map_or(true, |history| said.info.descends_from(history));
            if said.info.is_master() && is_as_it_was && !is_in_doubt {
                return Ok((master.clone(), said));
            }
            answers.push(Answer { address: master.clone(), said });
        }
        Some(Err(why)) => error = Some(why),
        None => {}
    }
    if said_already.is_none() {
        met.extend_from_slice(&to_ask);
        to_ask.extend(named_by(&answers, &met));
    }
    // Once more for the masters that replicas name, and for those that these name.
    for _ in 0..3 {
        let said = said_already.take().unwrap_or_else(|| servers.ask_all(&to_ask));
        met.append(&mut to_ask);
        for (address, said) in said {
            match said {
                Ok(said) => answers.push(Answer { address, said }),
                Err(error) => unanswered.push((address, error)),
            }
        }
        to_ask = named_by(&answers, &met);
        if to_ask.is_empty() {
            break;
        }
    }
    if let Some(nth) = chosen(node, known, is_in_doubt, &answers) {
        let Answer { address, said } = answers.swap_remove(nth);
        return Ok((address, said));
    }
    let mut error = error.unwrap_or_else(|| no_master(node, known, &answers));
    if let Some(stranger) = answers.iter().find(|answer| answer.said.info.is_master()) {
        error = with_stranger(error, &stranger.address);
    }
    Err(NoMaster { unanswered, ..error.into() })
}

/// The masters that replicas name, without those that were met.
fn named_by(answers: &[Answer], met: &[Address]) -> Vec<Address> {
    let mut named = Vec::new();
    for answer in answers {
        if let Some(master) = &answer.said.info.master {
            add(&mut named, master, met);
        }
    }
    named
}

/// Adds an address at its place in the order of addresses, once, and not if it was met.
fn add(addresses: &mut Vec<Address>, new: &Address, met: &[Address]) {
    if met.contains(new) || addresses.contains(new) {
        return;
    }
    let at = addresses.iter().take_while(|earlier| *earlier < new).count();
    addresses.insert(at, new.clone());
}

/// Which of the servers that answered is the master. Of two that say so it is the one that goes on with the known
/// history, then the one in use unless it `is_in_doubt`, then the one that more servers follow, then the one that was configured.
fn chosen(node: &ConfiguredNode, known: &Known, is_in_doubt: bool, answers: &[Answer]) -> Option<usize> {
    let is_current = |answer: &Answer| answer.address == *known.master();
    // What the address in use was last known to have; as a replica by now it has what its own master has.
    let now = answers.iter().find(|answer| is_current(answer) && answer.said.info.role == "slave");
    let now = now.and_then(|answer| answer.said.info.history.as_deref());
    let mut best = None;
    for (nth, answer) in answers.iter().enumerate() {
        let (info, is_current) = (&answer.said.info, is_current(answer));
        let continues = known.history().is_some_and(|history| info.descends_from(history))
            || now.is_some_and(|history| info.descends_from(history));
        if !info.is_master() || !(is_current || continues) {
            continue;
        }
        let mut followers = 0;
        for other in answers {
            let info = &other.said.info;
            followers += usize::from(!info.is_master() && info.master.as_ref() == Some(&answer.address));
        }
        let is_configured = node.endpoint.address == answer.address
            || node.given().iter().any(|(_, endpoint)| endpoint.address == answer.address);
        let takes_over = is_in_doubt && continues && !is_current;
        let merit = (continues, takes_over, is_current, followers, is_configured, info.offset);
        if !best.is_some_and(|(_, most)| merit < most) {
            best = Some((nth, merit));
        }
    }
    best.map(|(nth, _)| nth)
}

/// Says of a server that it takes writes and is not followed.
#[cold]
fn with_stranger(error: Error, stranger: &Address) -> Error {
    error.with_note(&format!(
        "{stranger} says that it is a master, but nothing shows that it has the data of this node: \
         `Cluster::accept_master` follows it all the same"
    ))
}

/// The error when servers answered and none is the master.
#[cold]
fn no_master(node: &ConfiguredNode, known: &Known, answers: &[Answer]) -> Error {
    let (name, address) = (&node.name, known.master());
    match answers.iter().any(|answer| answer.said.info.role == "slave") {
        true => is_a_replica(name, address),
        false => Error::config(format!("node {name} ({address}) does not say that it is a master")),
    }
}
