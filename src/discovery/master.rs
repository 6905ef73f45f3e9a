//! Which server is the master of a node now.

use super::probe::Fleet;
use super::{is_a_replica, Said};
use crate::config::{ConfiguredNode, Named, Question, Sentinels, Word};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::threads::{all_at_once, lock};
use crate::topology::{Address, Node};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    /// What its Sentinels said last. Only what is news to that may lead elsewhere.
    by_sentinels: Option<Named>,
}

impl Known {
    pub(crate) fn new(node: &ConfiguredNode) -> Known {
        let mut servers = Vec::new();
        for (_, endpoint) in &node.given {
            servers.push(endpoint.address.clone());
        }
        Known { master: node.endpoint.address.clone(), history: None, servers, moves: 0, by_sentinels: None }
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

    /// Goes on with a master that was found, and remembers the replicas that it lists. One that has not said a word yet has
    /// other data than the master before it, which would go on with that.
    #[inline(never)]
    pub(crate) fn learn(&mut self, found: &Found) {
        let Some((master, said)) = &found.master else { return };
        if self.master != *master {
            let earlier = std::mem::replace(&mut self.master, master.clone());
            self.remember(&earlier);
            self.moves += 1;
            self.history = None;
        }
        if let Some(Said { info, .. }) = said {
            self.history = info.history.clone();
            for line in &info.replicas {
                self.remember(&line.address);
            }
            self.remember(master);
        }
        if found.by_sentinels.is_some() {
            self.by_sentinels = found.by_sentinels.clone();
        }
    }

    #[inline(never)]
    fn remember(&mut self, server: &Address) {
        // It comes to the front, and those before its old place go back by one.
        let mut earlier = server.clone();
        for known in &mut self.servers {
            std::mem::swap(known, &mut earlier);
            if earlier == *server {
                return;
            }
        }
        if self.servers.len() < REMEMBERED {
            self.servers.push(earlier);
        }
    }
}

/// A server that is asked, and what it says.
pub(crate) struct Asked {
    pub(crate) address: Address,
    /// Nothing as long as it was not asked.
    pub(crate) said: Option<Result<Said>>,
}

impl Asked {
    fn answer(&self) -> Option<&Said> {
        self.said.as_ref()?.as_ref().ok()
    }
}

/// What came of looking for the master of a node.
#[derive(Default)]
pub(crate) struct Found {
    /// Where the master is, and what it said of itself. One that says nothing is the one that Sentinels name: calls go there
    /// and to no other, until it answers.
    pub(crate) master: Option<(Address, Option<Said>)>,
    /// Why there is none that could be asked.
    pub(crate) error: Option<Error>,
    /// What the Sentinels named.
    pub(crate) by_sentinels: Option<Named>,
    /// The servers that were asked when none is the master.
    pub(crate) asked: Vec<Asked>,
}

/// The search for the master of a node.
struct Search<'a> {
    fleet: &'a Fleet,
    shard: usize,
    node: &'a ConfiguredNode,
    known: &'a Known,
    is_in_doubt: bool,
    /// Every server that is known of; the first one is the master until now.
    servers: Mutex<Vec<Asked>>,
    /// One of them has said something.
    has_said: Condvar,
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
/// The error is what the master until now met, when none of the others is the master; what the server met that Sentinels
/// name, when it does not answer.
#[inline(never)]
pub(crate) fn master_of(fleet: &Fleet, shard: usize, known: &Known, is_in_doubt: bool, deadline: Deadline) -> Found {
    let node = fleet.node(shard);
    let mut search =
        Search { fleet, shard, node, known, is_in_doubt, servers: Mutex::default(), has_said: Condvar::new() };
    search.add(known.master());
    let word = node.sentinels.as_ref().map(|sentinels| search.heed(sentinels)).unwrap_or_default();
    let mut found = Found { by_sentinels: word.named, ..Found::default() };
    let master = match &word.master {
        Some(address) => {
            found.error = word.error;
            Some(search.add(address))
        }
        // That Sentinels cannot be asked does not stop anything.
        None => search.asks_the_servers(deadline),
    };
    match master {
        Some(nth) => {
            let Asked { address, said } = search.servers().swap_remove(nth);
            found.master = Some((address, said.and_then(Result::ok)));
        }
        None => {
            found.error = Some(no_master(node, known, search.servers()));
            found.asked = std::mem::take(search.servers());
        }
    }
    found
}

impl Search<'_> {
    fn servers(&mut self) -> &mut Vec<Asked> {
        self.servers.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server at this place says.
    #[inline(never)]
    fn said(&mut self, nth: usize) -> Option<&Result<Said>> {
        self.servers().get(nth)?.said.as_ref()
    }

    /// The place of a server, which is added unless it is known.
    #[inline(never)]
    fn add(&mut self, address: &Address) -> usize {
        let servers = self.servers();
        let place = servers.iter().take_while(|known| known.address != *address).count();
        if place == servers.len() {
            servers.push(Asked { address: address.clone(), said: None });
        }
        place
    }

    /// What the Sentinels of the node say.
    #[inline(never)]
    fn heed(&mut self, sentinels: &Sentinels) -> Word {
        let (known, settings) = (self.known, &*self.fleet.settings);
        let last = known.by_sentinels.as_ref();
        let question = Question { node: &self.node.name, settings, master: known.master(), last };
        let word = sentinels(&question, &mut |address| {
            let nth = self.add(address);
            self.ask(nth, self.soon());
            match self.said(nth) {
                Some(Err(error)) => Err(error.clone()),
                said => Ok(matches!(said, Some(Ok(said)) if said.info.is_master())),
            }
        });
        for address in &word.others {
            self.add(address);
        }
        word
    }

    /// Which server is the master: the one until now, or one of all that were ever met.
    fn asks_the_servers(&mut self, deadline: Deadline) -> Option<usize> {
        let known = self.known;
        for server in known.servers.iter().chain([&self.node.endpoint.address]) {
            self.add(server);
        }
        // The Sentinels may have led there already.
        if self.said(0).is_none() {
            let patience = match self.node.sentinels {
                Some(_) => self.soon(),
                None => deadline.within(self.fleet.settings.connect_timeout),
            };
            match self.servers().len() {
                1 => self.ask(0, patience),
                // When it does not answer for a while, the others are asked meanwhile: then the time for which servers that
                // say nothing are waited for passes once.
                _ => all_at_once(2, &|nth| match nth {
                    0 => self.ask(0, patience),
                    _ if self.is_late() => self.ask_all(),
                    _ => {}
                }),
            }
            let is_in_doubt = self.is_in_doubt;
            if let Some(Ok(Said { info, .. })) = self.said(0) {
                let is_as_it_was = known.history().map_or(true, |history| info.descends_from(history));
                if info.is_master() && is_as_it_was && !is_in_doubt {
                    return Some(0);
                }
            }
        }
        // Once more for the masters that replicas name, and for those that these name.
        for _ in 0..3 {
            for nth in 0..self.servers().len() {
                if let Some(Ok(Said { info, .. })) = self.said(nth) {
                    info.master.clone().map(|master| self.add(&master));
                }
            }
            self.ask_all();
        }
        chosen(self.node, known, self.is_in_doubt, self.servers())
    }

    /// Gives the master until now some time. Says whether it has not answered then.
    fn is_late(&self) -> bool {
        let head_start = HEAD_START.min(self.fleet.settings.connect_timeout / 2);
        let waits = |servers: &mut Vec<Asked>| servers.first().is_some_and(|first| first.said.is_none());
        let waited = self.has_said.wait_timeout_while(lock(&self.servers), head_start, waits);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Time of its own for each step: Sentinels that say nothing must leave some for the servers.
    fn soon(&self) -> Deadline {
        let settings = &self.fleet.settings;
        Deadline::after(settings.deadline).within(settings.connect_timeout)
    }

    /// Asks the server at this place.
    #[inline(never)]
    fn ask(&self, nth: usize, deadline: Deadline) {
        let address = lock(&self.servers).get(nth).map(|server| server.address.clone());
        let Some(address) = address else { return };
        let server = Node::new(Arc::clone(&self.node.name), address);
        let said = self.fleet.ask(self.shard, &server, deadline, &|| {});
        if let Some(server) = lock(&self.servers).get_mut(nth) {
            server.said = Some(said);
        }
        self.has_said.notify_all();
    }

    /// Asks all that were not asked, but the master until now.
    #[inline(never)]
    fn ask_all(&self) {
        let (mut places, deadline) = (Vec::new(), self.soon());
        for (nth, server) in lock(&self.servers).iter().enumerate().skip(1) {
            if server.said.is_none() {
                places.push(nth);
            }
        }
        all_at_once(places.len(), &|nth| places.get(nth).into_iter().for_each(|&place| self.ask(place, deadline)));
    }
}

/// Which of the servers that answered is the master. Of two that say so it is the one that goes on with the known
/// history, then the one in use unless it `is_in_doubt`, then the one that more servers follow, then the one that was
/// configured. The address decides between two that are as good, because that must not be chance.
#[inline(never)]
fn chosen(node: &ConfiguredNode, known: &Known, is_in_doubt: bool, servers: &[Asked]) -> Option<usize> {
    // What the address in use was last known to have; as a replica by now it has what its own master has.
    let now = servers.first().and_then(Asked::answer).filter(|said| said.info.role == "slave");
    let now = now.and_then(|said| said.info.history.as_ref());
    let mut best = None;
    for (nth, server) in servers.iter().enumerate() {
        let Some(Said { info, .. }) = server.answer() else { continue };
        let is_current = nth == 0;
        let is_of = |history: Option<&Arc<str>>| history.is_some_and(|history| info.descends_from(history));
        let continues = is_of(known.history()) || is_of(now);
        if !info.is_master() || !(is_current || continues) {
            continue;
        }
        let mut followers = 0;
        for Said { info, .. } in servers.iter().filter_map(Asked::answer) {
            followers += usize::from(!info.is_master() && info.master.as_ref() == Some(&server.address));
        }
        let is_configured = node.endpoint.address == server.address
            || node.given.iter().any(|(_, endpoint)| endpoint.address == server.address);
        let takes_over = is_in_doubt && !is_current;
        let standing = usize::from(continues) * 4 + usize::from(takes_over) * 2 + usize::from(is_current);
        let merit = (standing, followers * 2 + usize::from(is_configured), info.offset, &server.address);
        if !best.is_some_and(|(_, most)| merit < most) {
            best = Some((nth, merit));
        }
    }
    best.map(|(nth, _)| nth)
}

/// Why none of these servers is the master: what the one until now met, or what they say.
#[cold]
#[inline(never)]
fn no_master(node: &ConfiguredNode, known: &Known, servers: &[Asked]) -> Error {
    let (name, address) = (&node.name, known.master());
    let answers = || servers.iter().filter_map(|server| Some((server, &server.answer()?.info)));
    let error = match servers.first() {
        Some(Asked { said: Some(Err(error)), .. }) => error.clone(),
        _ if answers().any(|(_, info)| info.role == "slave") => is_a_replica(name, address),
        _ => Error::config(format!("node {name} ({address}) does not say that it is a master")),
    };
    // It takes writes and is not followed.
    match answers().find(|(_, info)| info.is_master()) {
        Some((stranger, _)) => error.with_note(&format!(
            "{} says that it is a master, but nothing shows that it has the data of this node: \
             `Cluster::accept_master` follows it all the same",
            stranger.address
        )),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::info::Info;

    fn address(port: usize) -> Address {
        Address::new("h", port as u16).unwrap()
    }

    fn known(servers: impl Iterator<Item = usize>) -> Known {
        let servers = servers.map(address).collect();
        Known { master: address(1), history: None, servers, moves: 0, by_sentinels: None }
    }

    #[test]
    fn the_servers_met_last_are_remembered() {
        for (before, met, after) in [
            (vec![], 1, vec![1]),
            (vec![1], 1, vec![1]),
            (vec![1, 2], 3, vec![3, 1, 2]),
            (vec![1, 2, 3], 3, vec![3, 1, 2]),
            (vec![1, 2, 3], 2, vec![2, 1, 3]),
            (vec![1, 2, 3], 1, vec![1, 2, 3]),
            ((1..=REMEMBERED).collect(), 99, [99].into_iter().chain(1..REMEMBERED).collect()),
        ] {
            let mut known = known(before.into_iter());
            known.remember(&address(met));
            assert_eq!(known.servers, after.into_iter().map(address).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_learnt_of_a_master() {
        let info = |text: &str| Some(Said { info: Info::parse(text), latency: Duration::ZERO });
        let found = |port, said| Found { master: Some((address(port), said)), ..Found::default() };
        let mut known = known([1].into_iter());
        known.learn(&Found::default());
        assert_eq!((known.moves(), known.history()), (0, None));
        known.learn(&found(1, info("role:master\nmaster_replid:a\nslave0:ip=h,port=2,state=online")));
        assert_eq!((known.moves(), known.history().map(|history| &**history)), (0, Some("a")));
        assert_eq!(known.servers, [address(1), address(2)]);
        // Sentinels name another one, which says nothing.
        known.learn(&found(2, None));
        assert_eq!((known.master(), known.moves(), known.history()), (&address(2), 1, None));
        known.learn(&found(2, None));
        assert_eq!(known.moves(), 1, "it is the same one");
        // The one before it is remembered, and what Sentinels said until they say something else.
        let named = |port| Some(Named { address: address(port), epoch: None });
        known.learn(&Found { by_sentinels: named(3), ..found(3, None) });
        assert_eq!(known.servers, [address(2), address(1)]);
        known.learn(&found(3, info("role:master\nmaster_replid:b")));
        assert_eq!(known.servers, [address(3), address(2), address(1)]);
        assert_eq!(known.by_sentinels.map(|named| named.address), Some(address(3)));
    }

    /// A node that was configured with this server and the others beside it.
    fn configured(port: usize, others: &[usize]) -> ConfiguredNode {
        let endpoint = |port| crate::config::Endpoint::parse(&format!("h:{port}")).unwrap();
        let given = others.iter().map(|&port| ("n".into(), endpoint(port))).collect();
        ConfiguredNode { name: "n".into(), endpoint: endpoint(port), given, sentinels: None }
    }

    #[test]
    fn whether_there_is_nobody_else_to_ask() {
        let sentinels: Sentinels =
            Arc::new(|_: &Question<'_>, _: &mut dyn FnMut(&Address) -> Result<bool>| Word::default());
        for (port, has_sentinels, servers, expected) in [
            (1, false, vec![], true),
            (1, false, vec![1], true),
            (1, false, vec![1, 2], false),
            (2, false, vec![1], false),
            (1, true, vec![1], false),
        ] {
            let node =
                ConfiguredNode { sentinels: has_sentinels.then(|| Arc::clone(&sentinels)), ..configured(port, &[]) };
            assert_eq!(known(servers.into_iter()).is_alone(&node), expected, "{port} {has_sentinels}");
        }
    }

    #[test]
    fn which_server_is_the_master() {
        let mut known = known([1].into_iter());
        known.history = Some("a".into());
        let silent = || Err(Error::reply("nothing"));
        let says = |text: &str| Ok(Said { info: Info::parse(text), latency: Duration::ZERO });
        let master = |history: &str| says(&format!("role:master\nmaster_replid:{history}"));
        let follows = |port: usize| says(&format!("role:slave\nmaster_host:h\nmaster_port:{port}\nmaster_replid:a"));
        let at = |offset: u64| says(&format!("role:master\nmaster_replid:a\nmaster_repl_offset:{offset}"));
        let asked = |said: Vec<Result<Said>>| -> Vec<Asked> {
            let servers = said.into_iter().enumerate();
            servers.map(|(nth, said)| Asked { address: address(nth + 1), said: Some(said) }).collect()
        };
        // What the servers say, the first of which is the master until now; whether that is in doubt; which one it is.
        for (said, is_in_doubt, expected) in [
            (vec![silent()], false, None),
            (vec![master("b")], false, Some(0)),
            (vec![silent(), master("b")], false, None),
            (vec![silent(), master("a")], false, Some(1)),
            (vec![master("b"), master("a")], false, Some(1)),
            (vec![master("a"), master("a")], false, Some(0)),
            (vec![master("a"), master("a")], true, Some(1)),
            (vec![follows(2), master("a")], false, Some(1)),
            (vec![follows(9)], false, None),
            // The one that more of them follow, and then the address: that must not be chance.
            (vec![silent(), master("a"), master("a"), follows(2)], false, Some(1)),
            (vec![silent(), master("a"), master("a")], false, Some(2)),
            // The one in use comes before one that more of them follow, and so does one with the data of the node.
            (vec![master("a"), master("a"), follows(2)], false, Some(0)),
            (vec![master("b"), master("a"), follows(1)], true, Some(1)),
            // What has more of the data comes before the address.
            (vec![silent(), at(9), at(5)], false, Some(1)),
        ] {
            assert_eq!(chosen(&configured(1, &[]), &known, is_in_doubt, &asked(said)), expected);
        }
        // Of two that are as good otherwise the one that was configured, as the master or beside it.
        for (node, expected) in [(configured(2, &[]), 1), (configured(9, &[2]), 1), (configured(9, &[3]), 2)] {
            let servers = asked(vec![silent(), master("a"), master("a")]);
            assert_eq!(chosen(&node, &known, false, &servers), Some(expected));
        }
        let servers = asked(vec![master("a"), master("a")]);
        assert_eq!(chosen(&configured(2, &[]), &known, false, &servers), Some(0), "the one in use stays");
        // Why there is none: what the one until now met, or that it says something else; and who says that it is one.
        for (said, expected, stranger) in [
            (vec![silent()], "nothing", false),
            (vec![silent(), follows(9)], "nothing", false),
            (vec![follows(9)], "is a replica", false),
            (vec![says("role:sentinel")], "does not say that it is a master", false),
            (vec![silent(), master("b")], "nothing", true),
        ] {
            let error = no_master(&configured(1, &[]), &known, &asked(said)).to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(error.contains("h:2 says that it is a master"), stranger, "{error}");
        }
    }
}
