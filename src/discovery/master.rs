//! Which server is the master of a node now.

use super::{is_a_replica, Probes, Said};
use crate::config::{ConfiguredNode, Named, Settings};
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

/// What is known of a node from earlier. Shared until it changes, because it goes from hand to hand.
#[derive(Debug, Clone)]
pub(crate) struct Known(Arc<Facts>);

#[derive(Debug, Clone)]
struct Facts {
    /// The master that was last found; at first the one that was configured.
    master: Address,
    /// What names the history of its data.
    history: Option<Arc<str>>,
    /// Its servers, masters and replicas, the one met last in front.
    servers: Vec<Address>,
    /// How often another server has become its master.
    moves: u64,
    /// What its Sentinels said last. Only what is news to that may lead elsewhere.
    by_sentinels: Option<Named>,
}

impl Known {
    pub(crate) fn new(node: &ConfiguredNode) -> Known {
        let mut servers = Vec::new();
        for (_, endpoint) in &node.given {
            servers.push(endpoint.address.clone());
        }
        Known(Arc::new(Facts {
            master: node.endpoint.address.clone(),
            history: None,
            servers,
            moves: 0,
            by_sentinels: None,
        }))
    }

    pub(crate) fn master(&self) -> &Address {
        &self.0.master
    }

    pub(crate) fn history(&self) -> Option<&Arc<str>> {
        self.0.history.as_ref()
    }

    pub(crate) fn moves(&self) -> u64 {
        self.0.moves
    }

    /// Whether there is nobody else to ask who the master is.
    pub(crate) fn is_alone(&self, node: &ConfiguredNode) -> bool {
        node.sentinels.is_none()
            && node.endpoint.address == self.0.master
            && self.0.servers.iter().all(|server| *server == self.0.master)
    }

    /// Remembers a master that was found, and the replicas that it lists.
    pub(crate) fn found(&mut self, master: &Address, info: &Info) {
        let facts = self.change();
        facts.moves_to(master);
        facts.history = info.history.clone();
        for line in &info.replicas {
            facts.remember(&line.address);
        }
        facts.remember(master);
    }

    /// Takes the server that its Sentinels name, although it has not said a word yet. What was known of the data is no
    /// longer what counts: the server before it would go on with that.
    pub(crate) fn named(&mut self, master: &Address) {
        let facts = self.change();
        if facts.moves_to(master) {
            facts.history = None;
        }
    }

    /// Remembers what the Sentinels of the node named.
    pub(crate) fn note_sentinels(&mut self, by_sentinels: &Option<Named>) {
        if by_sentinels.is_some() {
            self.change().by_sentinels = by_sentinels.clone();
        }
    }

    /// Whether this was not known when the Sentinels were asked last. A Sentinel that has not heard of the last failover
    /// names the master before it; and so do all of them for a while, where the servers themselves told of the failover.
    fn is_news(&self, named: &Named) -> bool {
        match &self.0.by_sentinels {
            None => true,
            Some(last) => match (last.epoch, named.epoch) {
                (Some(then), Some(now)) if then != now => then < now,
                _ => last.address != named.address,
            },
        }
    }

    fn change(&mut self) -> &mut Facts {
        Arc::make_mut(&mut self.0)
    }
}

impl Facts {
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
        if let Some(at) = self.servers.iter().position(|known| known == server) {
            self.servers.remove(at);
        }
        self.servers.insert(0, server.clone());
        self.servers.truncate(REMEMBERED);
    }
}

/// What a server of a node said.
struct Answer {
    address: Address,
    said: Said,
}

/// The master of a node: where it is and what it said of itself.
pub(crate) struct Master {
    pub(crate) address: Address,
    pub(crate) said: Said,
    /// What its Sentinels named.
    pub(crate) by_sentinels: Option<Named>,
}

/// Why a node has no master that could be asked.
pub(crate) struct NoMaster {
    pub(crate) error: Error,
    /// The server that its Sentinels name. Calls go there and to no other, until it answers.
    pub(crate) named: Option<Address>,
    /// What its Sentinels named.
    pub(crate) by_sentinels: Option<Named>,
    /// The other servers that were asked and gave no answer, and why.
    pub(crate) unanswered: Arc<Vec<(Address, Error)>>,
}

/// The search for the master of a node.
struct Search<'a> {
    node: &'a ConfiguredNode,
    known: &'a Known,
    settings: &'a Arc<Settings>,
    probes: &'a Probes,
    is_in_doubt: bool,
    /// Every address that was asked.
    met: Vec<Address>,
    /// Those to be asked next, in their order.
    to_ask: Vec<Address>,
    answers: Vec<Answer>,
    unanswered: Vec<(Address, Error)>,
    /// What the master until now met.
    error: Option<Error>,
    /// What the Sentinels name.
    by_sentinels: Option<Named>,
}

/// The master of a node, and what it said of itself: the one that its Sentinels name, where there are any, it says the
/// same and they did not name it before it was replaced. Without them the one that was the master until now is asked first; when it does
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
) -> Result<Master, NoMaster> {
    let mut search = Search {
        node,
        known,
        settings,
        probes,
        is_in_doubt,
        met: vec![known.master().clone()],
        to_ask: Vec::new(),
        answers: Vec::new(),
        unanswered: Vec::new(),
        error: None,
        by_sentinels: None,
    };
    let found = match search.named_by_sentinels() {
        Ok(Some(found)) => Some(found),
        Ok(None) => search.asks_the_servers(deadline),
        Err((named, error)) => {
            return Err(NoMaster {
                error,
                named: Some(named),
                by_sentinels: search.by_sentinels,
                unanswered: Arc::default(),
            });
        }
    };
    match found {
        Some(nth) => {
            let Answer { address, said } = search.answers.swap_remove(nth);
            Ok(Master { address, said, by_sentinels: search.by_sentinels })
        }
        None => Err(search.none()),
    }
}

impl Search<'_> {
    /// Which answer is that of the server that the Sentinels name, if it says that it is a master.
    ///
    /// # Errors
    /// When it gives no answer, and is another server than the master until now.
    fn named_by_sentinels(&mut self) -> Result<Option<usize>, (Address, Error)> {
        let Some(sentinels) = &self.node.sentinels else { return Ok(None) };
        // That they cannot be asked does not stop anything.
        for named in sentinels(&self.node.name, self.settings).unwrap_or_default() {
            let is_news = self.known.is_news(&named);
            let address = named.address.clone();
            if is_news && self.by_sentinels.is_none() {
                self.by_sentinels = Some(named);
            }
            // The servers themselves tell whether it is the master once more.
            if !is_news && address != *self.known.master() {
                add(&mut self.to_ask, &address, &self.met);
                continue;
            }
            match self.ask(&address, self.soon()) {
                Ok(said) if said.info.is_master() => {
                    self.answers.push(Answer { address, said });
                    return Ok(Some(0));
                }
                // They have not heard yet that it was replaced.
                Ok(_) => {}
                // They know of a later failover than this program: whoever was the master before it is not any more.
                Err(error) if address != *self.known.master() => {
                    let error = error.with_note(&format!("the Sentinels of {} name this server", self.node.name));
                    return Err((address, error));
                }
                // Then they say nothing of any other.
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Which answer is the master's: of the one until now, or of all servers that were ever met.
    fn asks_the_servers(&mut self, deadline: Deadline) -> Option<usize> {
        let known = self.known;
        for server in known.0.servers.iter().chain([&self.node.endpoint.address]) {
            add(&mut self.to_ask, server, &self.met);
        }
        let mut said_by_others = None;
        if self.error.is_none() {
            said_by_others = self.ask_first(deadline);
            if let Some(Answer { said, .. }) = self.answers.first() {
                let is_as_it_was = known.history().map_or(true, |history| said.info.descends_from(history));
                if said.info.is_master() && is_as_it_was && !self.is_in_doubt {
                    return Some(0);
                }
            }
        }
        if said_by_others.is_none() {
            self.add_named();
        }
        // Once more for the masters that replicas name, and for those that these name.
        for _ in 0..3 {
            let said = said_by_others.take().unwrap_or_else(|| self.ask_all());
            self.met.append(&mut self.to_ask);
            for (address, said) in said {
                match said {
                    Ok(said) => self.answers.push(Answer { address, said }),
                    Err(error) => self.unanswered.push((address, error)),
                }
            }
            self.add_named();
            if self.to_ask.is_empty() {
                break;
            }
        }
        chosen(self.node, known, self.is_in_doubt, &self.answers)
    }

    /// Asks the master until now. When that does not answer for a while, gives what the others say meanwhile.
    fn ask_first(&mut self, deadline: Deadline) -> Option<Vec<(Address, Result<Said>)>> {
        let address = self.known.master();
        let patience = match self.node.sentinels {
            Some(_) => self.soon(),
            None => deadline.within(self.settings.connect_timeout),
        };
        let (first, others) = (Mutex::new(None), Mutex::new(None));
        let ask_first = || {
            let said = self.ask(address, patience);
            *lock(&first) = Some(said);
        };
        if self.to_ask.is_empty() {
            ask_first();
        } else {
            let head_start = HEAD_START.min(self.settings.connect_timeout / 2);
            with_head_start(head_start, &ask_first, &|| {
                let said = self.ask_all();
                *lock(&others) = Some(said);
            });
        }
        let said = lock(&first).take();
        match said {
            Some(Ok(said)) => self.answers.push(Answer { address: address.clone(), said }),
            Some(Err(error)) => self.error = Some(error),
            None => {}
        }
        others.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The masters that replicas name are asked next, without those that were met.
    fn add_named(&mut self) {
        for answer in &self.answers {
            if let Some(master) = &answer.said.info.master {
                add(&mut self.to_ask, master, &self.met);
            }
        }
    }

    /// Time of its own for each step: Sentinels that say nothing must leave some for the servers.
    fn soon(&self) -> Deadline {
        Deadline::after(self.settings.deadline).within(self.settings.connect_timeout)
    }

    #[inline(never)]
    fn ask(&self, address: &Address, deadline: Deadline) -> Result<Said> {
        let server = Node::new(Arc::clone(&self.node.name), address.clone());
        self.probes.ask(&server, &self.node.endpoint_of(address), self.settings, deadline, &|| {})
    }

    /// What each of those that are to be asked says, in their order.
    #[inline(never)]
    fn ask_all(&self) -> Vec<(Address, Result<Said>)> {
        let (answers, deadline) = (Mutex::new(Vec::new()), self.soon());
        all_at_once(self.to_ask.len(), &|nth| {
            let said = self.ask(&self.to_ask[nth], deadline);
            lock(&answers).push((self.to_ask[nth].clone(), said));
        });
        let mut came = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Of two that are as good the order decides, and that must not be chance.
        for (place, address) in self.to_ask.iter().enumerate() {
            if let Some(at) = came.iter().position(|(other, _)| other == address) {
                came.swap(place, at);
            }
        }
        came
    }

    /// Why there is none.
    #[cold]
    fn none(self) -> NoMaster {
        let mut error = self.error.unwrap_or_else(|| no_master(self.node, self.known, &self.answers));
        if let Some(stranger) = self.answers.iter().find(|answer| answer.said.info.is_master()) {
            error = with_stranger(error, &stranger.address);
        }
        NoMaster { error, named: None, by_sentinels: self.by_sentinels, unanswered: Arc::new(self.unanswered) }
    }
}

/// Adds an address at its place in the order of addresses, once, and not if it was met.
#[inline(never)]
fn add(addresses: &mut Vec<Address>, new: &Address, met: &[Address]) {
    if met.contains(new) || addresses.contains(new) {
        return;
    }
    let at = addresses.iter().take_while(|earlier| *earlier < new).count();
    addresses.insert(at, new.clone());
}

/// Which of the servers that answered is the master. Of two that say so it is the one that goes on with the known
/// history, then the one in use unless it `is_in_doubt`, then the one that more servers follow, then the one that was configured.
#[inline(never)]
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
            || node.given.iter().any(|(_, endpoint)| endpoint.address == answer.address);
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
