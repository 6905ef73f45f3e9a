//! Asks the masters who they are and which replicas follow them.

mod master;
mod sentinel;
mod together;

pub(crate) use master::{master_of, Known};
pub(crate) use sentinel::{addresses as sentinel_addresses, addresses_of_all as sentinel_addresses_of_all};

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Outcome, Result};
use crate::net::{Connection, Deadline};
use crate::resp::ValueRef;
use crate::topology::info::{Info, ListedReplica};
use crate::topology::{Address, Node, PassedOver, ReadFrom, ReplicaLag, ShardDescription};
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
}

/// What a server said of itself, and how long it took.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) info: Info,
    pub(crate) latency: Duration,
}

/// A replica that may serve a shard.
#[derive(Clone)]
struct Candidate {
    shard: usize,
    node: Node,
    endpoint: Endpoint,
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
        master_of(&nodes[nth], &known[nth], false, settings, deadline)
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
            Err(error) => {
                errors[nth] = Some(error);
                // They may serve reads all the same.
                let left = before.get(nth).map(|shard| &shard.replicas[..]).unwrap_or_default();
                replicas.extend(left.iter().map(|replica| Candidate {
                    shard: nth,
                    node: replica.clone(),
                    endpoint: endpoint_of(node, replica.address()),
                    listed: None,
                    master_had: None,
                }));
            }
        }
        shards.push(shard);
    }
    let verdicts = match scope.is_hasty {
        true => asked_hastily(&replicas, &found, settings, scope.patience, slowest(&latencies)),
        false => at_once(&replicas, |candidate| {
            let deadline = Deadline::after(scope.patience);
            Some(usable(candidate, &found[candidate.shard], settings, deadline, || {}))
        }),
    };
    let is_unfinished = verdicts.iter().any(Option::is_none);
    for (Candidate { shard, node, .. }, verdict) in replicas.into_iter().zip(verdicts) {
        match verdict.unwrap_or_else(|| Err("it has not answered so far".to_owned())) {
            Ok(latency) => {
                latencies.push((node.address().clone(), latency));
                shards[shard].replicas.push(node);
            }
            Err(reason) => shards[shard].passed_over.push(PassedOver::new(node, reason)),
        }
    }
    Discovery { shards, known: found, latencies, run_ids: by_run_id, errors, is_unfinished }
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
    patience: Duration,
    pace: Duration,
) -> Vec<Option<Result<Duration, String>>> {
    let items: Vec<(Candidate, Known)> =
        candidates.iter().map(|candidate| (candidate.clone(), known[candidate.shard].clone())).collect();
    let settings = Arc::clone(settings);
    let to_reach = TO_REACH.max(pace * 5);
    let ask = move |(candidate, known): &(Candidate, Known), reached: &dyn Fn()| {
        usable(candidate, known, &settings, Deadline::after(patience), reached)
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
fn endpoint_of(node: &ConfiguredNode, address: &Address) -> Endpoint {
    let given = node.replicas.iter().flatten().find(|(_, endpoint)| endpoint.address == *address);
    given.map_or(&node.endpoint, |(_, endpoint)| endpoint).at(address)
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
        Candidate { shard, node: Node::new(name, line.address.clone()), endpoint, listed: Some(line), master_had }
    };
    info.replicas.into_iter().map(replica).collect()
}

fn lists(info: &Info, replica: &Address) -> bool {
    info.replicas.iter().any(|line| line.address == *replica)
}

/// How long a replica that can serve reads took to answer, or why it cannot serve.
fn usable(
    Candidate { node, endpoint, listed, master_had, .. }: &Candidate,
    known: &Known,
    settings: &Arc<Settings>,
    deadline: Deadline,
    reached: impl FnOnce(),
) -> Result<Duration, String> {
    if listed.as_ref().is_some_and(|line| !line.online) {
        return Err("its master does not list it as online".into());
    }
    let said = ask_reached(node, endpoint, settings, deadline, reached);
    let Said { info, latency } = said.map_err(|error| error.message().to_owned())?;
    // Without a master old data is better than none.
    let is_alone = listed.is_none() && info.is_stale_and_whole() && settings.max_replica_lag.is_none();
    match info.serves_reads() {
        Err(reason) if !is_alone => return Err(reason.to_owned()),
        _ => {}
    }
    if let (Some(own), Some(history)) = (&info.history, known.history()) {
        if own != history {
            return Err("its data is not that of this master".into());
        }
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

/// What a server says of itself. The addresses that it tells are those that lead there from here.
pub(crate) fn ask(node: &Node, endpoint: &Endpoint, settings: &Arc<Settings>, deadline: Deadline) -> Result<Said> {
    ask_reached(node, endpoint, settings, deadline, || {})
}

/// As [`ask`]; `reached` is called when there is a connection.
fn ask_reached(
    node: &Node,
    endpoint: &Endpoint,
    settings: &Arc<Settings>,
    deadline: Deadline,
    reached: impl FnOnce(),
) -> Result<Said> {
    let mut connection =
        Connection::open_watched(&Arc::new(node.clone()), endpoint, settings, deadline, None, |_| reached())?;
    let mut text = String::new();
    let mut latency = Duration::ZERO;
    for section in [&b"server"[..], b"replication"] {
        let began = Instant::now();
        // It changes nothing, so that a reply which is lost leaves nothing unknown.
        let said = connection.ask(&[b"INFO", section], deadline).map_err(|error| {
            error.with_outcome(Outcome::NotApplied).with_command("INFO").with_node(|| node.to_string())
        })?;
        let (ValueRef::Bulk(bytes) | ValueRef::Verbatim(_, bytes)) = said.value() else {
            return Err(Error::reply("INFO gave no text").with_node(|| node.to_string()).with_command("INFO"));
        };
        text.push_str(&String::from_utf8_lossy(bytes));
        text.push('\n');
        latency = began.elapsed();
    }
    let mut info = Info::parse(&text);
    if info.is_cluster {
        let message = format!(
            "node {node} is a member of a Redis Cluster (cluster-enabled yes), which places keys in another way and is not \
             supported; nodes are servers by themselves"
        );
        return Err(Error::config(message).with_node(|| node.to_string()));
    }
    let told = info.master.iter_mut().chain(info.replicas.iter_mut().map(|line| &mut line.address));
    told.for_each(|address| *address = settings.address_map.apply(address));
    Ok(Said { info, latency })
}
