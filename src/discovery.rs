//! Asks the masters who they are and which replicas follow them.

mod master;
mod probe;
mod sentinel;

pub(crate) use master::{master_of, Found, Known};
pub(crate) use probe::{Fleet, Probes, Said};

use master::Asked;

use crate::config::ConfiguredNode;
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::threads::{all_at_once, ask_until, lock, Progress};
use crate::topology::info::{Facts, Info};
use crate::topology::{Address, Node, PassedOver, Reach, ReadFrom, ReplicaLag, ShardDescription};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A replica that has no connection to this program after so long is not waited for, where nobody needs its answer yet.
const TO_REACH: Duration = Duration::from_millis(200);
/// And one that was reached and says nothing is not waited for after this time.
const TO_ANSWER: Duration = Duration::from_millis(1000);
/// As good as no end: each server has its own, and no clock tells a time without one.
const NO_END: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a replica that has less than its mark is looked at more often: a master sends it what it lacks within a second
/// or so after it was attached.
const CATCHES_UP: Duration = Duration::from_secs(10);

/// Whom to ask, and how long.
pub(crate) struct Scope {
    /// The shards whose servers are asked. The others stay as they are.
    pub(crate) asked: Vec<usize>,
    /// Whether replicas are looked for.
    pub(crate) read_from: ReadFrom,
    /// How long each server may take.
    pub(crate) patience: Duration,
    /// Does not wait for replicas that cannot be reached: nobody needs them at the start, and the next refresh finds them.
    pub(crate) is_hasty: bool,
}

/// What was found, and what was wrong with a master. A master that could not be asked stands as it was known, so that
/// it fails the calls for its own keys and no others.
pub(crate) struct Discovery {
    pub(crate) shards: Vec<ShardDescription>,
    /// By shard: what came of looking for its master; nothing of those that were not asked.
    pub(crate) masters: Vec<Option<Found>>,
    /// How long the servers took to answer.
    pub(crate) latencies: Vec<(Address, Duration)>,
    /// The masters that were reached: what tells one server process from another, and where it is.
    pub(crate) run_ids: Vec<(String, Address)>,
    /// A replica has not answered that was not waited for.
    pub(crate) is_unfinished: bool,
    /// A replica is about to have what its master had: it is worth another look soon.
    pub(crate) catches_up: bool,
}

/// A replica that may serve a shard.
struct Candidate {
    shard: usize,
    node: Node,
    /// What its master said. Of one that could not be asked only the history of its data is known.
    master: Info,
    /// How long it took to answer, or why it cannot serve; `None` until that is known.
    verdict: Mutex<Option<Result<Duration, Unusable>>>,
}

/// Why a replica cannot serve.
struct Unusable {
    reason: Cow<'static, str>,
    catches_up: bool,
}

impl From<&'static str> for Unusable {
    fn from(reason: &'static str) -> Unusable {
        Unusable { reason: reason.into(), catches_up: false }
    }
}

/// The replicas that are asked, and how.
struct Candidates {
    fleet: Arc<Fleet>,
    patience: Duration,
    list: Vec<Candidate>,
}

/// Finds every master, beginning where it was last, and asks every replica that could serve reads. A replica that
/// cannot is noted and is no error. `shards` are as they were found the last time.
#[inline(never)]
pub(crate) fn discover(
    fleet: &Arc<Fleet>,
    scope: &Scope,
    known: &[Known],
    mut shards: Vec<ShardDescription>,
) -> Discovery {
    let mut found = Discovery {
        shards: Vec::new(),
        masters: masters(fleet, scope, known),
        latencies: Vec::new(),
        run_ids: Vec::new(),
        is_unfinished: false,
        catches_up: false,
    };
    let mut candidates = Candidates { fleet: Arc::clone(fleet), patience: scope.patience, list: Vec::new() };
    for (nth, shard) in shards.iter_mut().enumerate() {
        if let Some(mut master) = found.masters.get_mut(nth).and_then(Option::take) {
            let replicas = scope.read_from.includes_replicas().then_some(&mut candidates.list);
            found.describe(nth, shard, fleet.node(nth), known, &mut master, replicas);
            if let Some(place) = found.masters.get_mut(nth) {
                *place = Some(master);
            }
        }
    }
    found.shards = shards;
    let candidates = Arc::new(candidates);
    match scope.is_hasty {
        true => Candidates::ask(&candidates, TO_REACH.max(found.pace() * 5), TO_ANSWER),
        false => Candidates::ask(&candidates, NO_END, NO_END),
    }
    for candidate in &candidates.list {
        found.add_replica(candidate);
    }
    found
}

impl Discovery {
    /// What is wrong with the master of a shard.
    pub(crate) fn error(&self, shard: usize) -> Option<&Error> {
        self.masters.get(shard)?.as_ref()?.error.as_ref()
    }

    /// Whether the server at this address, or of this process, is the master of a node, and where that was.
    #[inline(never)]
    fn is_in_place(&self, known: &[Known], address: &Address, run_id: Option<&str>) -> bool {
        for (master, known) in self.masters.iter().zip(known) {
            if let Some(Found { master: Some((at, Some(Said { info, .. }))), .. }) = master {
                let is_it = at == address || (run_id.is_some() && info.run_id.as_deref() == run_id);
                if is_it && at == known.master() {
                    return true;
                }
            }
        }
        false
    }

    /// Describes a shard by what came of looking for its master, and adds the replicas that are to be asked, if any are.
    #[inline(never)]
    fn describe(
        &mut self,
        nth: usize,
        shard: &mut ShardDescription,
        node: &ConfiguredNode,
        known: &[Known],
        found: &mut Found,
        candidates: Option<&mut Vec<Candidate>>,
    ) {
        let Some((before, history)) = known.get(nth).map(|known| (known.master(), known.history())) else { return };
        shard.address = before.clone();
        let (mut served, passed_over) = (std::mem::take(&mut shard.replicas), std::mem::take(&mut shard.passed_over));
        // The links of replicas may have broken just before the master died, and what they have is looked at anew: by the
        // history of that master.
        if found.master.is_none() && history.is_some() {
            for passed in &passed_over {
                served.push(passed.node().clone());
            }
        }
        if let Some((address, said)) = &found.master {
            let run_id = said.as_ref().and_then(|said| said.info.run_id.as_deref());
            // Its server has become the replica of another node's: that is no failover, but a mistake.
            if address != before && self.is_in_place(known, address, run_id) {
                let has_said = said.is_some();
                found.master = None;
                if has_said {
                    found.error = Some(is_a_replica(&node.name, before));
                    return;
                }
            }
        }
        let of = match &mut found.master {
            Some((address, Some(Said { info, latency }))) => {
                if let Some(run_id) = &info.run_id {
                    // One server under two names is found by its run id, whatever the names resolve to.
                    match self.run_ids.iter().find(|(other, _)| other == run_id) {
                        Some((_, first)) => *address = first.clone(),
                        None => self.run_ids.push((run_id.clone(), address.clone())),
                    }
                }
                self.latencies.push((address.clone(), *latency));
                served.clear();
                info.clone()
            }
            // Its replicas may serve reads all the same. One that only Sentinels name goes on with other data.
            named => {
                let is_another = named.as_ref().is_some_and(|(address, _)| address != before);
                Facts { history: history.filter(|_| !is_another).cloned(), ..Facts::default() }.into()
            }
        };
        if let Some((address, _)) = &found.master {
            shard.address = address.clone();
        }
        let Some(candidates) = candidates else { return };
        let mut replicas: Vec<Node> = Vec::new();
        let mut add = |replica: Node| {
            // One that was promoted is the master.
            if *replica.address() != shard.address && replicas.iter().all(|known| known.address() != replica.address())
            {
                replicas.push(replica);
            }
        };
        served.into_iter().for_each(&mut add);
        for (name, endpoint) in &node.given {
            add(Node::new(Arc::clone(name), endpoint.address.clone()));
        }
        for line in &of.replicas {
            // Where replicas are given, only the server that was configured as the master may be one as well.
            if node.given.is_empty() || line.address == node.endpoint.address {
                add(Node::listed(&node.name, &line.address));
            }
        }
        for node in replicas {
            // Those that have just given no answer are not waited for once more.
            match found.asked.iter().find(|asked| asked.address == *node.address()) {
                Some(Asked { said: Some(Err(why)), .. }) => {
                    shard.passed_over.push(PassedOver::new(node, why.message()));
                }
                _ => {
                    let (master, verdict) = (of.clone(), Mutex::default());
                    candidates.push(Candidate { shard: nth, node, master, verdict });
                }
            }
        }
    }

    /// The longest time that a master took to answer.
    fn pace(&self) -> Duration {
        let mut pace = Duration::ZERO;
        for (_, latency) in &self.latencies {
            pace = pace.max(*latency);
        }
        pace
    }

    /// Takes what was found of a replica.
    #[inline(never)]
    fn add_replica(&mut self, Candidate { shard, node, verdict, .. }: &Candidate) {
        let Some(shard) = self.shards.get_mut(*shard) else { return };
        let reason = match lock(verdict).take() {
            Some(Ok(latency)) => {
                self.latencies.push((node.address().clone(), latency));
                shard.replicas.push(node.clone());
                return;
            }
            Some(Err(Unusable { reason, catches_up })) => {
                self.catches_up |= catches_up;
                reason
            }
            None => {
                self.is_unfinished = true;
                "it has not answered so far".into()
            }
        };
        shard.passed_over.push(PassedOver::new(node.clone(), &reason));
    }
}

/// What came of looking for the masters of the nodes that are asked. Servers that say nothing take no time from
/// what comes after them.
#[inline(never)]
fn masters(fleet: &Fleet, scope: &Scope, known: &[Known]) -> Vec<Option<Found>> {
    let mut masters = Vec::new();
    masters.resize_with(known.len(), || None);
    let masters = Mutex::new(masters);
    all_at_once(scope.asked.len(), &|at| {
        let Some((&nth, known)) = scope.asked.get(at).and_then(|nth| Some((nth, known.get(*nth)?))) else { return };
        let found = master_of(fleet, nth, known, false, Deadline::after(scope.patience));
        if let Some(place) = lock(&masters).get_mut(nth) {
            *place = Some(found);
        }
    });
    masters.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The mistake of a node that is no master.
#[cold]
fn is_a_replica(name: &str, address: &Address) -> Error {
    Error::config(format!(
        "node {name} ({address}) is a replica; nodes are masters, and their replicas are found by asking them or named by \
         `master_of`"
    ))
}

impl Candidates {
    /// Asks all of them. Those are not waited for that take longer than this to be reached, or then to answer.
    #[inline(never)]
    fn ask(candidates: &Arc<Candidates>, to_reach: Duration, to_answer: Duration) {
        let (of_threads, began) = (Arc::clone(candidates), Instant::now());
        let ask = Box::new(move |nth: usize, reached: &dyn Fn()| {
            if let Some(candidate) = of_threads.list.get(nth) {
                let verdict = of_threads.verdict(candidate, reached);
                *lock(&candidate.verdict) = Some(verdict);
            }
        });
        ask_until(candidates.list.len(), ask, &mut |progress| {
            let mut last = None;
            for one in progress {
                last = last.max(match *one {
                    Progress::Waiting => Some(began + to_answer),
                    Progress::Begun(at) => Some(at + to_reach),
                    Progress::Reached(at) => Some(at + to_answer),
                    Progress::Answered => None,
                });
            }
            last
        });
    }

    /// How long a replica that can serve reads took to answer, or why it cannot serve.
    #[inline(never)]
    fn verdict(&self, candidate: &Candidate, reached: &dyn Fn()) -> Result<Duration, Unusable> {
        let Candidate { shard, node, master, .. } = candidate;
        let (fleet, address) = (&*self.fleet, node.address());
        // The master may know one that was given by another address.
        let line = master.replicas.iter().find(|line| line.address == *address);
        if line.is_some_and(|line| !line.online) {
            return Err("its master does not list it as online".into());
        }
        let Said { info, latency } = match fleet.ask(*shard, node, Deadline::after(self.patience), reached) {
            Ok(said) => said,
            Err(error) => return Err(Unusable { reason: error.message().to_owned().into(), catches_up: false }),
        };
        let limit = fleet.settings.max_replica_lag;
        // Without a master old data is better than none.
        let is_alone = !master.is_master() && info.is_stale_and_whole() && limit.is_none();
        match info.serves_reads() {
            Err(reason) if !is_alone => return Err(reason.into()),
            _ => {}
        }
        if info.history.is_some() && master.history.is_some() && info.history != master.history {
            return Err("its data is not that of this master".into());
        }
        if master.is_master() {
            fleet.marks.saw(*shard, address, &info, master.offset.unwrap_or(0));
        } else if master.history.is_none() {
            // Nobody can say how far it has to be. One that the configuration names is believed.
            if fleet.node(*shard).given.iter().any(|(_, endpoint)| endpoint.address == *address) {
                fleet.marks.trust(*shard, address, &info);
            }
        }
        let reach = fleet.marks.reach(*shard, address, &info);
        if let Err(reason) = reach.serves_reads() {
            let catches_up = matches!(reach, Reach::Behind(since) if since.elapsed() < CATCHES_UP);
            return Err(Unusable { reason: reason.into(), catches_up });
        }
        let is_near = match (limit, line, master.offset, info.offset) {
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
}
