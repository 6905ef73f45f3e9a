//! Asks the masters who they are and which replicas follow them.

mod master;
mod probe;
mod sentinel;
mod together;

pub(crate) use master::{master_of, Known, NoMaster};
pub(crate) use probe::{Probes, Said};
pub(crate) use sentinel::{addresses as sentinel_addresses, addresses_of_all as sentinel_addresses_of_all};

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::topology::info::{Info, ListedReplica};
use crate::topology::{Address, Marks, Node, PassedOver, Reach, ReadFrom, ReplicaLag, ShardDescription};
use std::sync::Arc;
use std::time::{Duration, Instant};
use together::{ask_until, at_once, Progress};

/// A replica that has no connection to this program after so long is not waited for, where nobody needs its answer yet.
const TO_REACH: Duration = Duration::from_millis(200);
/// And one that was reached and says nothing is not waited for after this time.
const TO_ANSWER: Duration = Duration::from_millis(1000);

/// Whom to ask, and how long.
pub(crate) struct Scope {
    /// By shard: whether its servers are asked. The others stay as they are.
    pub(crate) asked: Vec<bool>,
    /// How long each server may take.
    pub(crate) patience: Duration,
    /// Does not wait for replicas that cannot be reached: nobody needs them at the start, and the next refresh finds them.
    pub(crate) is_hasty: bool,
    /// How far replicas have to be.
    pub(crate) marks: Arc<Marks>,
    /// Over which connections they are asked.
    pub(crate) probes: Arc<Probes>,
}

/// What was found, and what was wrong with a master. A master that could not be asked stands as it was known, so that
/// it fails the calls for its own keys and no others.
pub(crate) struct Discovery {
    pub(crate) shards: Vec<ShardDescription>,
    /// By shard: what is known from now on.
    pub(crate) known: Vec<Known>,
    /// How long the servers took to answer.
    pub(crate) latencies: Vec<(Address, Duration)>,
    /// The masters that were reached: what tells one server process from another, and where it is.
    pub(crate) run_ids: Vec<(String, Address)>,
    /// By shard: why its master could not be asked, or what is wrong with it.
    pub(crate) errors: Vec<Option<Error>>,
    /// A replica has not answered that was not waited for.
    pub(crate) is_unfinished: bool,
    /// A replica is about to have what its master had: it is worth another look soon.
    pub(crate) catches_up: bool,
}

/// A replica that may serve a shard.
#[derive(Clone)]
struct Candidate {
    shard: usize,
    node: Node,
    endpoint: Endpoint,
    /// It was named as a replica of this node.
    is_given: bool,
    /// What its master says of it; `None` when the master could not be asked.
    listed: Option<ListedReplica>,
    /// How many bytes of its history the master had.
    master_had: Option<u64>,
}

/// Finds every master, beginning where it was last, and asks every replica that could serve reads. A replica that
/// cannot is noted and is no error. `before` are the shards as they were found the last time.
pub(crate) fn discover(
    nodes: &[ConfiguredNode],
    settings: &Arc<Settings>,
    read_from: ReadFrom,
    known: &[Known],
    before: &[ShardDescription],
    scope: &Scope,
) -> Discovery {
    let mut errors: Vec<Option<Error>> = nodes.iter().map(|_| None).collect();
    // One server under two names is found by its run id, whatever the names resolve to.
    let mut by_run_id: Vec<(String, Address)> = Vec::new();
    let mut shards: Vec<ShardDescription> = Vec::with_capacity(nodes.len());
    let (mut found, mut latencies) = (known.to_vec(), Vec::new());
    let mut replicas: Vec<Candidate> = Vec::new();
    let asked: Vec<usize> = (0..nodes.len()).filter(|&nth| scope.asked[nth]).collect();
    // Servers that say nothing take no time from what comes after them.
    let masters = at_once(&asked, |&nth| {
        let deadline = Deadline::after(scope.patience);
        master_of(&nodes[nth], &known[nth], false, settings, &scope.probes, deadline)
    });
    // Masters that are where they were.
    let in_place: Vec<(Option<String>, Address)> = masters
        .iter()
        .zip(&asked)
        .filter_map(|(master, &nth)| master.as_ref().ok().filter(|(address, _)| address == known[nth].master()))
        .map(|(address, said)| (said.info.run_id.clone(), address.clone()))
        .collect();
    let mut masters = masters.into_iter();
    for (nth, node) in nodes.iter().enumerate() {
        let Some(master) = scope.asked[nth].then(|| masters.next()).flatten() else {
            let unchanged = || ShardDescription::new(&node.name, known[nth].master());
            shards.push(before.get(nth).cloned().unwrap_or_else(unchanged));
            continue;
        };
        let mut shard = ShardDescription::new(&node.name, known[nth].master());
        let is_elsewhere = |address: &Address, info: &Info| {
            let is_same =
                |(other, at): &(Option<String>, Address)| at == address || (other.is_some() && *other == info.run_id);
            address != known[nth].master() && in_place.iter().any(is_same)
        };
        match master {
            // Its server has become the replica of another node's: that is no failover, but a mistake.
            Ok((address, said)) if is_elsewhere(&address, &said.info) => {
                errors[nth] = Some(is_a_replica(&node.name, known[nth].master()));
            }
            Ok((address, Said { info, latency })) => {
                shard.address = address;
                if let Some(run_id) = &info.run_id {
                    match by_run_id.iter().find(|(other, _)| other == run_id) {
                        Some((_, first)) => shard.address = first.clone(),
                        None => by_run_id.push((run_id.clone(), shard.address.clone())),
                    }
                }
                latencies.push((shard.address.clone(), latency));
                found[nth].found(&shard.address, &info);
                if read_from.includes_replicas() {
                    replicas.extend(candidates(nth, node, &shard.address, info));
                }
            }
            Err(NoMaster { error, named, unanswered }) => {
                errors[nth] = Some(error);
                // Another node's server is named by mistake.
                let is_anothers = |named: &Address| in_place.iter().any(|(_, at)| at == named);
                if let Some(named) = named.filter(|named| !is_anothers(named)) {
                    found[nth].named(&named);
                    shard.address = named;
                }
                // They may serve reads all the same.
                let left = before.get(nth).map(|shard| &shard.replicas[..]).unwrap_or_default();
                if read_from.includes_replicas() {
                    for replica in without_master(nth, node, &shard.address, left) {
                        // Those that have just given no answer are not waited for once more.
                        match unanswered.iter().find(|(address, _)| address == replica.node.address()) {
                            Some((_, why)) => {
                                shard.passed_over.push(PassedOver::new(replica.node, why.message().to_owned()))
                            }
                            None => replicas.push(replica),
                        }
                    }
                }
            }
        }
        shards.push(shard);
    }
    let verdicts = match scope.is_hasty {
        true => asked_hastily(&replicas, &found, settings, scope, slowest(&latencies)),
        false => at_once(&replicas, |candidate| {
            let deadline = Deadline::after(scope.patience);
            let ask = || scope.probes.ask(&candidate.node, &candidate.endpoint, settings, deadline, || {});
            Some(usable(candidate, &found[candidate.shard], &scope.marks, settings, ask))
        }),
    };
    let is_unfinished = verdicts.iter().any(Option::is_none);
    let mut catches_up = false;
    for (Candidate { shard, node, .. }, verdict) in replicas.into_iter().zip(verdicts) {
        match verdict.unwrap_or_else(|| Err("it has not answered so far".into())) {
            Ok(latency) => {
                latencies.push((node.address().clone(), latency));
                shards[shard].replicas.push(node);
            }
            Err(Unusable { reason, catches_up: soon }) => {
                catches_up |= soon;
                shards[shard].passed_over.push(PassedOver::new(node, reason));
            }
        }
    }
    Discovery { shards, known: found, latencies, run_ids: by_run_id, errors, is_unfinished, catches_up }
}

/// The longest time that a server took to answer.
fn slowest(latencies: &[(Address, Duration)]) -> Duration {
    latencies.iter().map(|(_, latency)| *latency).max().unwrap_or_default()
}

/// As [`usable`] for all of them; those that are not reached soon are not waited for. `pace` is how long servers take to
/// answer here.
fn asked_hastily(
    candidates: &[Candidate],
    known: &[Known],
    settings: &Arc<Settings>,
    scope: &Scope,
    pace: Duration,
) -> Vec<Option<Result<Duration, Unusable>>> {
    let items: Vec<(Candidate, Known)> =
        candidates.iter().map(|candidate| (candidate.clone(), known[candidate.shard].clone())).collect();
    let (settings, marks, probes) = (Arc::clone(settings), Arc::clone(&scope.marks), Arc::clone(&scope.probes));
    let patience = scope.patience;
    let to_reach = TO_REACH.max(pace * 5);
    let ask = move |(candidate, known): &(Candidate, Known), reached: &dyn Fn()| {
        let deadline = Deadline::after(patience);
        let ask = || probes.ask(&candidate.node, &candidate.endpoint, &settings, deadline, reached);
        usable(candidate, known, &marks, &settings, ask)
    };
    let began = Instant::now();
    let until = |one: &Progress<_>| match one {
        Progress::Waiting => Some(began + TO_ANSWER),
        Progress::Begun(at) => Some(*at + to_reach),
        Progress::Reached(at) => Some(*at + TO_ANSWER),
        Progress::Answered(_) => None,
    };
    ask_until(items, ask, |progress| progress.iter().filter_map(until).max())
}

/// The mistake of a node that is no master.
fn is_a_replica(name: &str, address: &Address) -> Error {
    Error::config(format!(
        "node {name} ({address}) is a replica; nodes are masters, and their replicas are found by asking them or named by \
         `master_of`"
    ))
}

/// How to reach a server of a node.
pub(crate) fn endpoint_of(node: &ConfiguredNode, address: &Address) -> Endpoint {
    let given = node.replicas.iter().flatten().find(|(_, endpoint)| endpoint.address == *address);
    given.map_or(&node.endpoint, |(_, endpoint)| endpoint).at(address)
}

/// The replicas of a master that cannot be asked: those that served, and those that were given.
fn without_master<'c>(
    shard: usize,
    node: &'c ConfiguredNode,
    master: &Address,
    served: &'c [Node],
) -> impl Iterator<Item = Candidate> + 'c {
    let given = node.replicas.iter().flatten();
    let is_new = |address: &Address| served.iter().all(|replica| replica.address() != address);
    let others: Vec<Node> = given
        .filter(|(_, endpoint)| endpoint.address != *master && is_new(&endpoint.address))
        .map(|(name, endpoint)| Node::new(name.clone(), endpoint.address.clone()))
        .collect();
    served.iter().cloned().chain(others).map(move |replica| Candidate {
        shard,
        endpoint: endpoint_of(node, replica.address()),
        is_given: is_given(node, replica.address()),
        node: replica,
        listed: None,
        master_had: None,
    })
}

fn is_given(node: &ConfiguredNode, replica: &Address) -> bool {
    node.replicas.iter().flatten().any(|(_, endpoint)| endpoint.address == *replica)
}

/// The replicas of a master, as given or as it lists them.
fn candidates(shard: usize, node: &ConfiguredNode, master: &Address, info: Info) -> Vec<Candidate> {
    let master_had = info.offset;
    if let Some(given) = &node.replicas {
        let replica = |(name, endpoint): &(String, Endpoint)| {
            let line = info.replicas.iter().find(|line| line.address == endpoint.address);
            // The master may know it by another address.
            let unknown = || ListedReplica { address: endpoint.address.clone(), online: true, lag: None };
            Candidate {
                shard,
                node: Node::new(name.clone(), endpoint.address.clone()),
                endpoint: endpoint.clone(),
                is_given: true,
                listed: Some(line.cloned().unwrap_or_else(unknown)),
                master_had,
            }
        };
        // Of the servers that were given one may have become the master, and the one that was configured a replica.
        let own = (format!("{}/{}", node.name, node.endpoint.address), node.endpoint.clone());
        let demoted = [own].into_iter().filter(|(_, own)| own.address != *master && lists(&info, &own.address));
        let others = given.iter().filter(|(_, endpoint)| endpoint.address != *master).cloned();
        return others.chain(demoted).map(|server| replica(&server)).collect();
    }
    let replica = |line: ListedReplica| {
        let endpoint = node.endpoint.at(&line.address);
        let name = format!("{}/{}", node.name, line.address);
        let node = Node::new(name, line.address.clone());
        Candidate { shard, node, endpoint, is_given: false, listed: Some(line), master_had }
    };
    info.replicas.into_iter().map(replica).collect()
}

fn lists(info: &Info, replica: &Address) -> bool {
    info.replicas.iter().any(|line| line.address == *replica)
}

/// Why a replica cannot serve.
struct Unusable {
    reason: String,
    catches_up: bool,
}

impl From<&str> for Unusable {
    fn from(reason: &str) -> Unusable {
        Unusable { reason: reason.to_owned(), catches_up: false }
    }
}

/// How long a replica that has less than its mark is looked at more often: a master sends it what it lacks within a second
/// or so after it was attached.
const CATCHES_UP: Duration = Duration::from_secs(10);

/// How long a replica that can serve reads took to answer, or why it cannot serve.
fn usable(
    Candidate { shard, node, is_given, listed, master_had, .. }: &Candidate,
    known: &Known,
    marks: &Marks,
    settings: &Settings,
    ask: impl FnOnce() -> Result<Said>,
) -> Result<Duration, Unusable> {
    if listed.as_ref().is_some_and(|line| !line.online) {
        return Err("its master does not list it as online".into());
    }
    let Said { info, latency } = ask().map_err(|error| Unusable::from(error.message()))?;
    // Without a master old data is better than none.
    let is_alone = listed.is_none() && info.is_stale_and_whole() && settings.max_replica_lag.is_none();
    match info.serves_reads() {
        Err(reason) if !is_alone => return Err(reason.into()),
        _ => {}
    }
    if let (Some(own), Some(history)) = (&info.history, known.history()) {
        if own != history {
            return Err("its data is not that of this master".into());
        }
    }
    match listed {
        Some(_) => marks.saw(*shard, node.address(), &info, master_had.unwrap_or(0)),
        // Nobody can say how far it has to be. One that the configuration names is believed.
        None if *is_given && known.history().is_none() => marks.trust(*shard, node.address(), &info),
        None => {}
    }
    let reach = marks.reach(*shard, node.address(), &info);
    if let Err(reason) = reach.serves_reads() {
        let catches_up = matches!(reach, Reach::Behind(since) if since.elapsed() < CATCHES_UP);
        return Err(Unusable { reason: reason.into(), catches_up });
    }
    let is_near = match (settings.max_replica_lag, listed, master_had, info.offset) {
        (None, ..) => true,
        (Some(ReplicaLag::Bytes(limit)), _, Some(master), Some(own)) => master.saturating_sub(own) <= limit,
        (Some(ReplicaLag::Seconds(limit)), Some(line), ..) => line.lag.is_some_and(|lag| lag <= limit),
        _ => false,
    };
    match is_near {
        true => Ok(latency),
        false => Err("it is too far behind its master".into()),
    }
}
