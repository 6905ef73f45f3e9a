//! Asks the masters who they are and which replicas follow them.

mod master;
mod probe;
mod sentinel;

pub(crate) use master::{master_of, Known, Master, NoMaster};
pub(crate) use probe::{Probes, Said};

use crate::config::{ConfiguredNode, Endpoint, Settings};
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::threads::{all_at_once, ask_until, lock, Progress};
use crate::topology::info::Info;
use crate::topology::{Address, Marks, Node, PassedOver, Reach, ReadFrom, ReplicaLag, ShardDescription};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A replica that has no connection to this program after so long is not waited for, where nobody needs its answer yet.
const TO_REACH: Duration = Duration::from_millis(200);
/// And one that was reached and says nothing is not waited for after this time.
const TO_ANSWER: Duration = Duration::from_millis(1000);
/// How long a replica that has less than its mark is looked at more often: a master sends it what it lacks within a second
/// or so after it was attached.
const CATCHES_UP: Duration = Duration::from_secs(10);

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
struct Candidate {
    shard: usize,
    node: Node,
    endpoint: Endpoint,
    /// It was named as a replica of this node.
    is_given: bool,
    /// What its master says of it; `None` when the master could not be asked.
    listed: Option<Listed>,
    /// How many bytes of its history the master had.
    master_had: Option<u64>,
    /// The history of the data of its node.
    history: Option<Arc<str>>,
    /// How long it took to answer, or why it cannot serve; `None` until that is known.
    verdict: Mutex<Option<Result<Duration, Unusable>>>,
}

/// What a master says of a replica.
#[derive(Clone, Copy)]
struct Listed {
    online: bool,
    /// Seconds since it said how far it is.
    lag: Option<u64>,
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
    list: Vec<Candidate>,
    settings: Arc<Settings>,
    marks: Arc<Marks>,
    probes: Arc<Probes>,
    patience: Duration,
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
    let mut found = Discovery {
        shards: Vec::with_capacity(nodes.len()),
        known: known.to_vec(),
        latencies: Vec::new(),
        run_ids: Vec::new(),
        errors: Vec::with_capacity(nodes.len()),
        is_unfinished: false,
        catches_up: false,
    };
    let mut candidates = Candidates {
        list: Vec::new(),
        settings: Arc::clone(settings),
        marks: Arc::clone(&scope.marks),
        probes: Arc::clone(&scope.probes),
        patience: scope.patience,
    };
    let masters = masters(nodes, settings, known, scope);
    let in_place = InPlace::of(&masters, known);
    for ((nth, node), master) in nodes.iter().enumerate().zip(masters) {
        let before = before.get(nth);
        let Some(master) = master else {
            let unchanged = || ShardDescription::new(Arc::clone(&node.name), known[nth].master());
            found.shards.push(before.cloned().unwrap_or_else(unchanged));
            found.errors.push(None);
            continue;
        };
        found.shards.push(ShardDescription::new(Arc::clone(&node.name), known[nth].master()));
        let replicas = read_from.includes_replicas().then_some(&mut candidates);
        let wrong = match master {
            Ok(master) => found.add_master(nth, node, &known[nth], &master, &in_place, replicas),
            Err(none) => {
                let mut served: Vec<Node> = Vec::new();
                if let Some(before) = before {
                    served.extend_from_slice(&before.replicas);
                    // Their links may have broken just before the master died, and what they have is looked at anew: by the
                    // history of that master.
                    if none.named.is_none() && found.known[nth].history().is_some() {
                        before.passed_over.iter().for_each(|passed| served.push(passed.node().clone()));
                    }
                }
                found.add_without_master(nth, node, &served, &none, &in_place, replicas);
                Some(none.error)
            }
        };
        found.errors.push(wrong);
    }
    let candidates = Arc::new(candidates);
    match scope.is_hasty {
        true => Candidates::ask_hastily(&candidates, found.pace()),
        false => all_at_once(candidates.list.len(), &|nth| candidates.ask(nth, &|| {})),
    }
    for candidate in &candidates.list {
        found.add_replica(candidate);
    }
    found
}

/// The masters that are where they were.
struct InPlace(Vec<(Address, Info)>);

impl InPlace {
    #[inline(never)]
    fn of(masters: &[Option<Result<Master, NoMaster>>], known: &[Known]) -> InPlace {
        let mut in_place = Vec::new();
        for (nth, master) in masters.iter().enumerate() {
            match master {
                Some(Ok(Master { address, said, .. })) if address == known[nth].master() => {
                    in_place.push((address.clone(), said.info.clone()));
                }
                _ => {}
            }
        }
        InPlace(in_place)
    }

    /// Whether the server at this address, or of this process, is one of them.
    #[inline(never)]
    fn has(&self, address: &Address, run_id: Option<&str>) -> bool {
        let is_it =
            |(at, info): &(Address, Info)| at == address || (run_id.is_some() && info.run_id.as_deref() == run_id);
        self.0.iter().any(is_it)
    }
}

impl Discovery {
    // Once and not at each place: what panics says where that was.

    #[inline(never)]
    fn known(&mut self, nth: usize) -> &mut Known {
        &mut self.known[nth]
    }

    #[inline(never)]
    fn shard(&mut self, nth: usize) -> &mut ShardDescription {
        &mut self.shards[nth]
    }

    /// The last shard has this master. Says what is wrong with it.
    #[inline(never)]
    fn add_master(
        &mut self,
        nth: usize,
        node: &ConfiguredNode,
        known: &Known,
        Master { address, said: Said { info, latency }, by_sentinels }: &Master,
        in_place: &InPlace,
        replicas: Option<&mut Candidates>,
    ) -> Option<Error> {
        let run_id = info.run_id.as_deref();
        // Its server has become the replica of another node's: that is no failover, but a mistake.
        if address != known.master() && in_place.has(address, run_id) {
            return Some(is_a_replica(&node.name, known.master()));
        }
        let mut address = address;
        if let Some(run_id) = run_id {
            // One server under two names is found by its run id, whatever the names resolve to.
            match self.run_ids.iter().position(|(other, _)| other == run_id) {
                Some(first) => address = &self.run_ids[first].1,
                None => self.run_ids.push((run_id.to_owned(), address.clone())),
            }
        }
        self.latencies.push((address.clone(), *latency));
        let address = address.clone();
        self.known(nth).found(&address, info);
        self.known(nth).note_sentinels(by_sentinels);
        if let Some(replicas) = replicas {
            replicas.add_listed(nth, node, &address, info);
        }
        self.shard(nth).address = address;
        None
    }

    /// The last shard has no master that could be asked.
    #[inline(never)]
    fn add_without_master(
        &mut self,
        nth: usize,
        node: &ConfiguredNode,
        served: &[Node],
        NoMaster { named, by_sentinels, unanswered, .. }: &NoMaster,
        in_place: &InPlace,
        replicas: Option<&mut Candidates>,
    ) {
        // Another node's server is named by mistake.
        if let Some(named) = named.as_ref().filter(|named| !in_place.has(named, None)) {
            self.known(nth).named(named);
            self.known(nth).note_sentinels(by_sentinels);
            self.shard(nth).address = named.clone();
        }
        // They may serve reads all the same.
        if let Some(replicas) = replicas {
            let history = self.known(nth).history().cloned();
            replicas.add_without_master(nth, node, self.shard(nth), (served, history.as_ref()), unanswered);
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
        let reason = match lock(verdict).take() {
            Some(Ok(latency)) => {
                self.latencies.push((node.address().clone(), latency));
                self.shard(*shard).replicas.push(node.clone());
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
        self.shard(*shard).passed_over.push(PassedOver::new(node.clone(), &reason));
    }
}

/// What came of looking for the masters of these nodes, of those that are asked. Servers that say nothing take no time from
/// what comes after them.
#[inline(never)]
fn masters(
    nodes: &[ConfiguredNode],
    settings: &Arc<Settings>,
    known: &[Known],
    scope: &Scope,
) -> Vec<Option<Result<Master, NoMaster>>> {
    let (mut masters, mut asked) = (Vec::new(), Vec::new());
    for nth in 0..nodes.len() {
        masters.push(None);
        if scope.asked[nth] {
            asked.push(nth);
        }
    }
    let masters = Mutex::new(masters);
    all_at_once(asked.len(), &|at| {
        let (nth, deadline) = (asked[at], Deadline::after(scope.patience));
        let master = master_of(&nodes[nth], &known[nth], false, settings, &scope.probes, deadline);
        lock(&masters)[nth] = Some(master);
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
    /// The replicas of a master that cannot be asked: those that served, and those that were given. Those that have just
    /// given no answer are not waited for once more.
    #[inline(never)]
    fn add_without_master(
        &mut self,
        shard: usize,
        node: &ConfiguredNode,
        found: &mut ShardDescription,
        (served, history): (&[Node], Option<&Arc<str>>),
        unanswered: &[(Address, Error)],
    ) {
        let mut replicas = served.to_vec();
        for (name, endpoint) in &node.given {
            let address = &endpoint.address;
            if *address != found.address && replicas.iter().all(|replica| replica.address() != address) {
                replicas.push(Node::new(Arc::clone(name), address.clone()));
            }
        }
        for replica in replicas {
            // It was promoted, and is what could not be asked.
            if *replica.address() == found.address {
                continue;
            }
            if let Some((_, why)) = unanswered.iter().find(|(address, _)| address == replica.address()) {
                found.passed_over.push(PassedOver::new(replica, why.message()));
                continue;
            }
            self.list.push(Candidate {
                shard,
                endpoint: node.endpoint_of(replica.address()),
                is_given: node.given.iter().any(|(_, endpoint)| endpoint.address == *replica.address()),
                node: replica,
                listed: None,
                master_had: None,
                history: history.cloned(),
                verdict: Mutex::default(),
            });
        }
    }

    /// The replicas of a master, as given or as it lists them.
    #[inline(never)]
    fn add_listed(&mut self, shard: usize, node: &ConfiguredNode, master: &Address, info: &Info) {
        let mut add = |replica: Node, is_given: bool, listed: Listed| {
            self.list.push(Candidate {
                shard,
                endpoint: node.endpoint_of(replica.address()),
                is_given,
                node: replica,
                listed: Some(listed),
                master_had: info.offset,
                history: info.history.clone(),
                verdict: Mutex::default(),
            });
        };
        if node.given.is_empty() {
            for line in &info.replicas {
                let listed = Listed { online: line.online, lag: line.lag };
                add(Node::listed(&node.name, &line.address), false, listed);
            }
            return;
        }
        // Of the servers that were given one may have become the master, and the one that was configured a replica.
        let own = [(Arc::clone(&node.name), node.endpoint.clone())];
        for (nth, (name, endpoint)) in node.given.iter().chain(&own).enumerate() {
            let address = &endpoint.address;
            let line = info.replicas.iter().find(|line| line.address == *address);
            let is_own = nth == node.given.len();
            if address == master || (is_own && line.is_none()) {
                continue;
            }
            let server = match is_own {
                true => Node::listed(name, address),
                false => Node::new(Arc::clone(name), address.clone()),
            };
            // The master may know it by another address.
            let listed = line.map_or((true, None), |line| (line.online, line.lag));
            add(server, true, Listed { online: listed.0, lag: listed.1 });
        }
    }

    /// Asks all of them; those that are not reached soon are not waited for. `pace` is how long servers take to answer here.
    #[inline(never)]
    fn ask_hastily(candidates: &Arc<Candidates>, pace: Duration) {
        let of_threads = Arc::clone(candidates);
        let (began, to_reach) = (Instant::now(), TO_REACH.max(pace * 5));
        let ask = Box::new(move |nth, reached: &dyn Fn()| of_threads.ask(nth, reached));
        ask_until(candidates.list.len(), ask, &mut |progress| {
            let mut last = None;
            for one in progress {
                last = last.max(match *one {
                    Progress::Waiting => Some(began + TO_ANSWER),
                    Progress::Begun(at) => Some(at + to_reach),
                    Progress::Reached(at) => Some(at + TO_ANSWER),
                    Progress::Answered => None,
                });
            }
            last
        });
    }

    fn ask(&self, nth: usize, reached: &dyn Fn()) {
        let verdict = self.verdict(&self.list[nth], reached);
        *lock(&self.list[nth].verdict) = Some(verdict);
    }

    /// How long a replica that can serve reads took to answer, or why it cannot serve.
    #[inline(never)]
    fn verdict(&self, candidate: &Candidate, reached: &dyn Fn()) -> Result<Duration, Unusable> {
        let Candidate { shard, node, endpoint, is_given, listed, master_had, history, .. } = candidate;
        if listed.is_some_and(|line| !line.online) {
            return Err("its master does not list it as online".into());
        }
        let settings = &self.settings;
        let Said { info, latency } =
            match self.probes.ask(node, endpoint, settings, Deadline::after(self.patience), reached) {
                Ok(said) => said,
                Err(error) => return Err(Unusable { reason: error.message().to_owned().into(), catches_up: false }),
            };
        // Without a master old data is better than none.
        let is_alone = listed.is_none() && info.is_stale_and_whole() && settings.max_replica_lag.is_none();
        match info.serves_reads() {
            Err(reason) if !is_alone => return Err(reason.into()),
            _ => {}
        }
        if info.history.is_some() && history.is_some() && info.history != *history {
            return Err("its data is not that of this master".into());
        }
        match listed {
            Some(_) => self.marks.saw(*shard, node.address(), &info, master_had.unwrap_or(0)),
            // Nobody can say how far it has to be. One that the configuration names is believed.
            None if *is_given && history.is_none() => self.marks.trust(*shard, node.address(), &info),
            None => {}
        }
        let reach = self.marks.reach(*shard, node.address(), &info);
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
}
