//! Nodes whose masters are named by Sentinels. All of it is reached from [`Builder::sentinel`] alone, so that a program
//! which names none has nothing of it.

use crate::config::{shown, Builder, Endpoint, Named, Question, Settings, Word};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline};
use crate::order::sort_by_key;
use crate::resp::{Protocol, ValueRef};
use crate::threads::{all_at_once, ask_until, lock, Progress};
use crate::topology::{Address, Node};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When most Sentinels have named the same address, the others have this time to tell of a later failover.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How long a Sentinel that said nothing is left alone; twice as long after each further time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// The Sentinels of a node, and the name that they have for its master.
#[derive(Clone)]
struct Sentinels {
    master: String,
    endpoints: Arc<[Endpoint]>,
    /// By Sentinel: since when it says nothing.
    silent: Arc<Mutex<Vec<Option<Rest>>>>,
}

/// A Sentinel that said nothing when it was asked.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    length: Duration,
}

/// What to do about a Sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// Its answer is waited for.
    Waited,
    /// It said nothing the last time: it is asked, and not waited for.
    Tried,
    /// It is left alone.
    Left,
}

impl Sentinels {
    #[inline]
    fn new(master: String, endpoints: Vec<Endpoint>) -> Sentinels {
        let silent = Arc::new(Mutex::new(vec![None; endpoints.len()]));
        Sentinels { master, endpoints: endpoints.into(), silent }
    }

    #[inline]
    fn silent(&self) -> MutexGuard<'_, Vec<Option<Rest>>> {
        lock(&self.silent)
    }

    /// How to go about the Sentinel at this place.
    #[inline]
    fn asking(&self, nth: usize) -> Asking {
        match self.silent()[nth] {
            None => Asking::Waited,
            Some(rest) if rest.until <= Instant::now() => Asking::Tried,
            Some(_) => Asking::Left,
        }
    }

    /// Remembers whether it said anything.
    #[inline]
    fn note(&self, nth: usize, has_answered: bool) {
        let mut silent = self.silent();
        silent[nth] = match (has_answered, silent[nth]) {
            (true, _) => None,
            (false, before) => {
                let length = before.map_or(FIRST_REST, |rest| (rest.length * 2).min(LONGEST_REST));
                Some(Rest { until: Instant::now() + length, length })
            }
        };
    }
}

impl Builder {
    /// Adds a node whose master is the one that Sentinels name: the name of the node, the name that the Sentinels have
    /// for its master, and the Sentinels, each `host:port` or a URL `redis://[user:password@]host[:port]`. The port is
    /// 26379 unless given. A Sentinel gets the credentials of its own URL only, never those of the servers.
    ///
    /// On [`connect`](Builder::connect), on every refresh and when the master fails, all Sentinels are asked at the same
    /// time. Of the addresses that they tell the one of the latest failover comes first, then the one that most of them
    /// tell; the first one whose server says itself that it is a master is taken. When none of them can tell, the
    /// servers that are known are asked, as for a node without Sentinels. Once most of those given have named the same
    /// address, the others have 0.1 s more; one that said nothing is not waited for until it answers again.
    ///
    /// A node that is [added](Builder::node) by this name as well, before or after, keeps its address for the case that no
    /// Sentinel answers. Without it only [`connect`](Builder::connect) can make the cluster, because
    /// [`build`](Builder::build) asks nobody. Where no Sentinel of a node can be reached by `connect` either, calls for its
    /// keys fail as not applied until one can, as those for any [unreachable](crate::Cluster::unreachable) node.
    ///
    /// ```no_run
    /// use rediscluster::prelude::*;
    ///
    /// let sentinels = ["10.0.0.1:26379", "10.0.0.2:26379", "redis://:secret@10.0.0.3:26379"];
    /// let cluster = Cluster::builder()
    ///     .sentinel("node_1", "shard-a", sentinels)
    ///     .sentinel("node_2", "shard-b", sentinels)
    ///     .connect()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    #[inline]
    pub fn sentinel(
        self,
        node: impl Into<String>,
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Builder {
        self.note(|builder| {
            let mut endpoints = Vec::new();
            let node = node.into();
            for sentinel in sentinels {
                endpoints.push(endpoint(sentinel.as_ref()).map_err(|error| {
                    Error::config(format!("a Sentinel of node {}: {}", shown(&node), error.message()))
                })?);
            }
            add(builder, node, Sentinels::new(master.into(), endpoints))
        })
    }
}

#[inline]
fn add(builder: &mut Builder, node: String, sentinels: Sentinels) -> Result<()> {
    let Some(first) = sentinels.endpoints.first() else {
        return Err(Error::config(format!("no Sentinels are given for node {}", shown(&node))));
    };
    if builder.table.of_name(&node).is_none() {
        // Where its master is, the Sentinels tell later: so far it has the address of one of those.
        builder.table.add(&node, &first.address.to_string())?;
        builder.table.of_name(&node).into_iter().for_each(|node| node.endpoint.is_unplaced = true);
    }
    if let Some(node) = builder.table.of_name(&node) {
        node.sentinels = Some(Arc::new(move |question, is_master| word(&sentinels, question, is_master)));
    }
    builder.find_addresses = Some(find_addresses);
    Ok(())
}

/// Gives addresses to the nodes that have none, as their Sentinels tell. Those of which none can be reached are left
/// without, unless all are required: gives why.
#[inline]
fn find_addresses(builder: &mut Builder) -> Result<Option<Error>> {
    let mut nodes = builder.table.all().iter_mut().filter(|node| node.endpoint.is_unplaced).collect::<Vec<_>>();
    let (told, unplaced) = (Mutex::new(Vec::new()), &nodes);
    all_at_once(unplaced.len(), &|nth| {
        let node = &*unplaced[nth];
        let Some(sentinels) = &node.sentinels else { return };
        let (master, settings) = (&node.endpoint.address, &builder.settings);
        // The first one that they name, unless it turns out that another one is the master.
        let word = sentinels(&Question { node: &node.name, settings, master, last: None }, &mut |_| Ok(true));
        lock(&told).push((nth, word));
    });
    let mut told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    sort_by_key(&mut told, |(nth, _)| *nth);
    let mut unknown = None;
    for (nth, Word { master, error, .. }) in told {
        if let Some(address) = master {
            let endpoint = &mut nodes[nth].endpoint;
            (endpoint.address, endpoint.is_unplaced) = (address, false);
        } else if let Some(error) = error {
            if builder.require_all || !error.is_outage() {
                return Err(error);
            }
            builder.may_be_unplaced = true;
            unknown.get_or_insert(error);
        }
    }
    Ok(unknown)
}

#[inline]
fn endpoint(text: &str) -> Result<Endpoint> {
    let mut endpoint = Endpoint::parse(text)?;
    let rest = text.trim().rsplit('@').next().unwrap_or_default();
    let has_port = rest.trim_end_matches('/').rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    if !has_port || endpoint.address.to_string() == format!("[{rest}]:{}", Address::DEFAULT_PORT) {
        endpoint.address = Address::new(endpoint.address.host(), 26379)?;
    }
    Ok(endpoint)
}

/// What a Sentinel says.
type Said = Result<Named>;

/// Which server the Sentinels of a node name for its master. The first one that says the same is taken.
#[inline]
fn word(
    sentinels: &Sentinels,
    &Question { node, settings, master, last }: &Question<'_>,
    is_master: &mut dyn FnMut(&Address) -> Result<bool>,
) -> Word {
    let mut word = Word::default();
    let all = match addresses(node, sentinels, settings) {
        Ok(all) => all,
        Err(error) => return Word { error: Some(error), ..word },
    };
    for named in all {
        let (is_news, address) = (is_news(last, &named), named.address.clone());
        if is_news && word.named.is_none() {
            word.named = Some(named);
        }
        // The servers themselves tell whether it is the master once more.
        if !is_news && address != *master {
            word.others.push(address);
            continue;
        }
        match is_master(&address) {
            Ok(true) => return Word { master: Some(address), ..word },
            // They have not heard yet that it was replaced.
            Ok(false) => {}
            // They know of a later failover than this program: whoever was the master before it is not any more.
            Err(error) if address != *master => {
                let error = error.with_note(&format!("the Sentinels of {node} name this server"));
                return Word { master: Some(address), error: Some(error), ..word };
            }
            // Then they say nothing of any other.
            Err(_) => break,
        }
    }
    word
}

/// Whether this was not known when the Sentinels were asked last. A Sentinel that has not heard of the last failover
/// names the master before it; and so do all of them for a while, where the servers themselves told of the failover.
#[inline]
fn is_news(last: Option<&Named>, named: &Named) -> bool {
    match last {
        None => true,
        Some(last) => match (last.epoch, named.epoch) {
            (Some(then), Some(now)) if then != now => then < now,
            _ => last.address != named.address,
        },
    }
}

/// What the Sentinels of a node take for its master, each address once: what was agreed on last comes first, then what
/// most of them say, then what the first one says.
///
/// Nobody waits for a Sentinel whose word is not needed: once most of those given agree, for the others only a moment.
/// One that said nothing is left alone for a while, and then not waited for until it has answered again; unless no other
/// one can tell anything.
///
/// # Errors
/// When none of them knows any: what the first one met.
#[inline]
fn addresses(node: &str, sentinels: &Sentinels, settings: &Settings) -> Result<Vec<Named>> {
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
    let (mut found, mut first_error): (Vec<(Named, usize)>, _) = (Vec::new(), None);
    for (_, said) in said {
        match said {
            Ok(named) => match found.iter_mut().find(|(known, _)| known.address == named.address) {
                Some((known, votes)) => (known.epoch, *votes) = (named.epoch.max(known.epoch), *votes + 1),
                None => found.push((named, 1)),
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
    sort_by_key(&mut found, |(named, votes)| std::cmp::Reverse((named.epoch, *votes)));
    Ok(found.into_iter().map(|(named, _)| named).collect())
}

/// Asks these Sentinels at the same time, and gives what came of those that were waited for.
#[inline]
fn ask(asked: Vec<usize>, sentinels: &Sentinels, settings: &Arc<Settings>) -> Vec<(usize, Said)> {
    let is_waited: Vec<bool> = asked.iter().map(|&nth| sentinels.asking(nth) == Asking::Waited).collect();
    // Where all of them said nothing the last time, there is nothing else to wait for.
    let has_waited = is_waited.contains(&true);
    let most = sentinels.endpoints.len() / 2 + 1;
    let patience = settings.deadline.min(settings.connect_timeout);
    let answers: Vec<Option<Said>> = asked.iter().map(|_| None).collect();
    let answers = Arc::new(Mutex::new(answers));
    let (of_thread, settings, put) = (sentinels.clone(), Arc::clone(settings), Arc::clone(&answers));
    let places = asked.clone();
    let one = move |at: usize, _: &dyn Fn()| {
        let nth = places[at];
        let said = address(&of_thread.master, &of_thread.endpoints[nth], &settings, Deadline::after(patience));
        // It may be too late for the one who asked, and is known to the next one all the same.
        of_thread.note(nth, !said.as_ref().is_err_and(Error::is_timeout));
        lock(&put)[at] = Some(said.map(|named| Named { address: settings.address_map.apply(&named.address), ..named }));
    };
    // No clock tells a time without end, and a year is as good.
    let end = Instant::now() + patience.min(Duration::from_secs(365 * 24 * 3600));
    let mut agreed = None;
    ask_until(asked.len(), Box::new(one), &mut |progress| {
        let answers = lock(&answers);
        let said = || answers.iter().flatten().flatten();
        let votes = said().map(|named| said().filter(|other| other.address == named.address).count());
        if votes.max().is_some_and(|votes| votes >= most) {
            agreed.get_or_insert_with(|| Instant::now() + LAST_WORDS);
        }
        let is_open = |one: &Progress| *one != Progress::Answered;
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
    let mut answers = lock(&answers);
    let answers = asked.iter().zip(answers.iter_mut()).map(|(&nth, said)| {
        let said = said.take().unwrap_or_else(|| {
            sentinels.note(nth, false);
            Err(late().with_kind(ErrorKind::Connect))
        });
        (nth, said)
    });
    answers.collect()
}

/// What one Sentinel says: one that has not heard of the last failover yet tells the master before it.
#[inline]
fn address(master: &str, sentinel: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Said {
    let node = Arc::new(Node::new(format!("sentinel/{}", sentinel.address), sentinel.address.clone()));
    // A question changes nothing, so that an answer which is lost leaves nothing unknown.
    let told = |error: Error| {
        let error = error.with_outcome(Outcome::NotApplied).with_command("SENTINEL GET-MASTER-ADDR-BY-NAME");
        error.at(&*node)
    };
    let mut connection = Connection::open(&node, sentinel, settings, deadline)?;
    // Both change at once, and there is no command that tells both: during a failover `SENTINEL MASTER` has the number of
    // the new one and the address from before.
    let mut before = epoch(&mut connection, master, deadline).map_err(told)?;
    loop {
        let ask = [b"SENTINEL".as_slice(), b"get-master-addr-by-name", master.as_bytes()];
        let address = address_of(connection.ask(&ask, deadline).map_err(told)?.value()).ok_or_else(|| {
            let message = format!("it knows no master of the name {}", crate::error::escape(master.as_bytes(), 64));
            told(Error::config(message))
        })?;
        let after = epoch(&mut connection, master, deadline).map_err(told)?;
        if after == before {
            return Ok(Named { address, epoch: after });
        }
        before = after;
    }
}

#[inline]
fn address_of(reply: ValueRef<'_>) -> Option<Address> {
    let ValueRef::Array(items) = reply else { return None };
    let parts: Vec<String> =
        items.filter_map(|item| item.as_bytes().map(|part| String::from_utf8_lossy(part).into_owned())).collect();
    match &parts[..] {
        [host, port] => Address::new(host, port.parse().ok()?).ok(),
        _ => None,
    }
}

/// The number of the failover that made the master. A user who may not ask this knows the address all the same.
#[inline]
fn epoch(connection: &mut Connection, master: &str, deadline: Deadline) -> Result<Option<u64>> {
    match connection.ask(&[b"SENTINEL", b"MASTER", master.as_bytes()], deadline) {
        Ok(said) => Ok(config_epoch(said.value())),
        Err(error) if error.is_outage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// The field of a list of fields and values.
#[inline]
fn config_epoch(fields: ValueRef<'_>) -> Option<u64> {
    let ValueRef::Array(items) = fields else { return None };
    let mut after = items.skip_while(|item| item.as_bytes() != Some(b"config-epoch")).skip(1);
    std::str::from_utf8(after.next()?.as_bytes()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_sentinels() {
        for (text, address) in [
            ("h", "h:26379"),
            ("h:1", "h:1"),
            ("::1", "[::1]:26379"),
            ("[::1]:2", "[::1]:2"),
            ("redis://:6@h", "h:26379"),
            ("redis://u:p@h:3", "h:3"),
        ] {
            assert_eq!(endpoint(text).unwrap().address.to_string(), address, "{text}");
        }
    }

    #[test]
    fn mistakes_about_sentinels() {
        let build = |mut builder: Builder| builder.check().err().unwrap().message().to_owned();
        let none: [&str; 0] = [];
        assert_eq!(build(Builder::default().sentinel("node_1", "m", none)), "no Sentinels are given for node node_1");
        assert!(build(Builder::default().sentinel("node_1", "m", ["h"])).contains("use `connect`"));
        let wrong = build(Builder::default().sentinel("node_1", "m", ["redis://u:canary@"]));
        assert!(wrong.starts_with("a Sentinel of node node_1: ") && !wrong.contains("canary"), "{wrong}");
        for mut both in [
            Builder::default().node("node_1", "h:1").sentinel("node_1", "m", ["h"]),
            Builder::default().sentinel("node_1", "m", ["h"]).node("node_1", "h:1"),
            Builder::default().sentinel("node_1", "m", ["h"]).nodes("node_1=h:1"),
        ] {
            let masters = both.check().unwrap();
            assert_eq!((masters.len(), masters[0].endpoint.address.to_string()), (1, "h:1".to_owned()));
            assert!(masters[0].sentinels.is_some());
        }
        let twice = Builder::default().sentinel("node_1", "m", ["h"]).node("node_1", "h:1").node("node_1", "h:2");
        assert_eq!(build(twice), "two nodes are named node_1");
    }
}
