//! Sequences of commands by chance give the same replies, the same errors and the same data on clusters of one, two,
//! three and seven nodes, one by one and in a pipeline.
//!
//! `REDISCLUSTER_SERVERS` names the servers, as for the conformance test; without it the usual one is used.
//! `DIFFERENTIAL_COMMANDS` says how many commands run on each, `DIFFERENTIAL_SEED` where the numbers by chance begin. What
//! differs is made as short as it still differs and printed as a script for the command line.

mod chance;
mod commands;
mod compare;
mod forms;
mod known;
mod many;
mod refused;
mod shrink;

use chance::Chance;
use commands::{Command, KEYS};
use compare::{first_difference, run, Difference, Run, Way, DATA};
use rediscluster::prelude::*;
use rediscluster::{Outcome, Protocol};
use rediscluster_testing::{cluster_of, named_programs, Server};
use std::collections::hash_map::RandomState;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::time::Duration;

const SIZES: [usize; 4] = [1, 2, 3, 7];
/// How many commands when the environment says nothing.
const COMMANDS: u64 = 10_000;
/// How many commands begin with empty servers.
const LENGTH: usize = 50;
/// After so many different failures the rest would not say more.
const FAILURES: usize = 20;

/// Servers, and the clusters that they are.
struct Clusters {
    _servers: Vec<Vec<Server>>,
    resp2: Vec<Cluster>,
    resp3: Vec<Cluster>,
}

impl Clusters {
    /// Of this program, or of the usual one.
    fn start(program: Option<&Path>) -> Clusters {
        let server = || match program {
            Some(path) => Server::builder().binary(path).start(),
            None => Server::start(),
        };
        let servers: Vec<Vec<Server>> = SIZES.iter().map(|&count| (0..count).map(|_| server()).collect()).collect();
        let speaking = |protocol| {
            let connect = |servers: &Vec<Server>| {
                // A machine that does other things as well may need long for a command.
                cluster_of(servers).protocol(protocol).deadline(Duration::from_secs(60)).connect().unwrap()
            };
            servers.iter().map(connect).collect()
        };
        let (resp2, resp3) = (speaking(Protocol::Resp2), speaking(Protocol::Resp3));
        Clusters { _servers: servers, resp2, resp3 }
    }

    /// Those that a seed runs on, and how it runs on several nodes; on one it always runs one by one.
    fn of(&self, seed: u64) -> (Protocol, Way, &[Cluster]) {
        let way = match seed / 2 % 6 {
            0 | 1 => Way::InAPipeline,
            2 => Way::Cancellable,
            _ => Way::OneByOne,
        };
        if seed % 2 == 0 {
            (Protocol::Resp2, way, &self.resp2)
        } else {
            (Protocol::Resp3, way, &self.resp3)
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// On all clusters at the same time.
fn run_on_all(clusters: &[Cluster], script: &[Command], way: Way) -> Vec<Run> {
    std::thread::scope(|scope| {
        let ways = std::iter::once(Way::OneByOne).chain(std::iter::repeat(way));
        let running: Vec<_> =
            clusters.iter().zip(ways).map(|(cluster, way)| scope.spawn(move || run(cluster, script, way))).collect();
        running.into_iter().map(|thread| thread.join().expect("a sequence runs to its end")).collect()
    })
}

/// What differs from one node, and on how many.
fn differs(clusters: &[Cluster], script: &[Command], way: Way) -> Option<(usize, Difference)> {
    let runs = run_on_all(clusters, script, way);
    (1..runs.len()).find_map(|nth| Some((nth, first_difference(script, &runs[0], &runs[nth])?)))
}

#[test]
fn any_number_of_nodes_does_what_one_does() {
    match named_programs() {
        programs if programs.is_empty() => compare(None),
        programs => programs.iter().for_each(|(name, path)| {
            println!("{name}");
            compare(Some(path));
        }),
    }
}

fn compare(program: Option<&Path>) {
    let seed = from_environment("DIFFERENTIAL_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let commands = from_environment("DIFFERENTIAL_COMMANDS").unwrap_or(COMMANDS);
    println!("DIFFERENTIAL_SEED={seed} DIFFERENTIAL_COMMANDS={commands}");
    let clusters = Clusters::start(program);
    let mut failures = BTreeSet::new();
    for nth in 0..commands.div_ceil(LENGTH as u64) {
        // Each sequence has a seed of its own, so that it is repeated without those before it.
        let seed = seed.wrapping_add(nth);
        let script = commands::sequence(&mut Chance::of(seed), LENGTH);
        let (protocol, way, clusters) = clusters.of(seed);
        let Some((at, difference)) = differs(clusters, &script, way) else { continue };
        if failures.contains(&difference.name) {
            continue;
        }
        let pair = [clusters[0].clone(), clusters[at].clone()];
        let (script, difference) = shrink::shrunk(script, difference, |script| Some(differs(&pair, script, way)?.1));
        let name = match script.last() {
            Some(last) if difference.name == DATA => format!("{DATA} after {}", String::from_utf8_lossy(&last[0])),
            _ => difference.name.clone(),
        };
        if failures.insert(name) {
            println!("\n{} nodes differ, {protocol:?}, {way:?}, DIFFERENTIAL_SEED={seed}:", SIZES[at]);
            script.iter().for_each(|command| println!("    {}", shrink::quoted(command)));
            println!("  {difference}");
        }
        if failures.len() == FAILURES {
            break;
        }
    }
    assert!(failures.is_empty(), "{} differences, printed above: {failures:?}", failures.len());
}

#[test]
fn the_keys_live_on_several_nodes() {
    let clusters = Clusters::start(None);
    for (cluster, least) in clusters.resp2.iter().zip([1, 2, 3, 5]) {
        let nodes: BTreeSet<String> = KEYS.iter().map(|key| cluster.node_for(key).to_string()).collect();
        assert!(nodes.len() >= least, "{nodes:?}");
    }
}

/// A test that cannot fail says nothing.
#[test]
fn a_difference_is_found_and_made_short() {
    let clusters = Clusters::start(None);
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Command>();
    let script: Vec<Command> = ["SET a 1", "LPUSH d x y z", "SET b 2", "GET a", "LRANGE d 0 -1"].map(words).to_vec();
    let run_with_a_fault = |cluster: &Cluster, script: &[Command], fault: bool| {
        let mut run = run(cluster, script, Way::OneByOne);
        let pushes = script.iter().position(|command| command[0] == b"LPUSH" && command[1] == b"d");
        if let Some(at) = pushes.filter(|_| fault) {
            run.replies[at] = compare::Seen::Error("ERR".into(), Outcome::NotApplied);
        }
        run
    };
    let differs = |script: &[Command]| {
        let one = run_with_a_fault(&clusters.resp2[0], script, false);
        let other = run_with_a_fault(&clusters.resp2[1], script, true);
        first_difference(script, &one, &other)
    };
    let difference = differs(&script).expect("the fault");
    assert_eq!(difference.name, "LPUSH: ERR, not a value");
    let (script, _) = shrink::shrunk(script, difference, differs);
    assert_eq!(script, [words("LPUSH d x")]);
}
