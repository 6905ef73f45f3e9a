//! What is stored while the sources change rests on a state that each source was in, and no copy is ever seen.

use super::{each_once, items, run, texts, times, Fleet};
use rediscluster_testing::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const MEMBERS: usize = 5;
const STORERS: usize = 2;

/// Members of sources are called `SOURCE:VERSION:NUMBER`: those of one source must be of one version, and all of them.
#[track_caller]
fn is_one_state(members: &[String], sources: usize) {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in members {
        let (source, rest) = member.split_once(':').expect("a source");
        seen.entry(source).or_default().insert(rest.split_once(':').expect("a version").0);
    }
    assert!(seen.len() == sources && seen.values().all(|versions| versions.len() == 1), "mixed states: {members:?}");
    assert_eq!(members.len(), sources * MEMBERS, "a part of a state: {members:?}");
}

/// Replaces the source by its next version at once, beside the library.
fn replace(server: &Server, key: &str, add: &dyn Fn(usize) -> Vec<String>, version: usize) {
    let mut talk = server.talk(Duration::from_secs(10)).unwrap();
    talk.call(&["MULTI"]).unwrap();
    talk.call(&["DEL", key]).unwrap();
    talk.call(&add(version)).unwrap();
    talk.call(&["EXEC"]).unwrap();
}

fn changing_sources(fleet: &Fleet, add: &str, store: impl Fn(&str, &[String]) -> Vec<String> + Sync, read: &[&str]) {
    let nodes = fleet.servers.len();
    let sources: Vec<String> = (0..nodes).map(|node| fleet.key(&format!("s{node}:"), node)).collect();
    let destinations: Vec<String> = (0..STORERS).map(|node| fleet.key("d", node)).collect();
    let added = |source: usize, version: usize| {
        let mut words = vec![add.to_owned(), sources[source].clone()];
        for number in 0..MEMBERS {
            words.extend((add == "ZADD").then(|| number.to_string()));
            words.push(format!("{source}:{version}:{number}"));
        }
        words
    };
    for (source, server) in fleet.servers.iter().enumerate() {
        replace(server, &sources[source], &|version| added(source, version), 0);
    }
    // From here on the destinations are never empty.
    for destination in &destinations {
        run(&fleet.cluster(0), &store(destination, &sources)).unwrap();
    }
    let (storing, scans) = (AtomicUsize::new(STORERS), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (sources, destinations, storing, added, store) = (&sources, &destinations, &storing, &added, &store);
        for (storer, destination) in destinations.iter().enumerate() {
            scope.spawn(move || {
                let (cluster, mut chance) = (fleet.cluster(storer), fleet.chance(storer));
                for _ in 0..times(200) {
                    let mut sources = sources.clone();
                    chance.shuffle(&mut sources);
                    run(&cluster, &store(destination, &sources)).unwrap();
                }
                storing.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for (source, key) in sources.iter().enumerate() {
            scope.spawn(move || {
                for version in 1.. {
                    if storing.load(Ordering::SeqCst) == 0 {
                        return;
                    }
                    replace(&fleet.servers[source], key, &|version| added(source, version), version);
                }
            });
        }
        scope.spawn(move || {
            let cluster = fleet.cluster(2);
            while storing.load(Ordering::SeqCst) > 0 {
                for destination in destinations {
                    let words: Vec<&str> =
                        [read[0], destination].into_iter().chain(read[1..].iter().copied()).collect();
                    is_one_state(&texts(&run(&cluster, &words).unwrap()), nodes);
                }
            }
        });
        let scans = &scans;
        scope.spawn(move || {
            let mut talks: Vec<_> =
                fleet.servers.iter().map(|server| server.talk(Duration::from_secs(10)).unwrap()).collect();
            while storing.load(Ordering::SeqCst) > 0 {
                for talk in &mut talks {
                    let seen = items(talk.call(&["KEYS", "rediscluster:stash:*"]).unwrap());
                    assert_eq!(seen, [""; 0], "a copy is seen");
                }
                scans.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    println!("{} looks for copies", scans.load(Ordering::SeqCst));
    assert!(scans.load(Ordering::SeqCst) > 20, "too few looks for copies");
    for destination in &destinations {
        let words: Vec<&str> = [read[0], destination].into_iter().chain(read[1..].iter().copied()).collect();
        let members = texts(&run(&fleet.cluster(0), &words).unwrap());
        is_one_state(&members, nodes);
    }
    fleet.no_stash_is_left();
}

#[test]
fn a_stored_union_of_sets_is_of_one_state_of_each() {
    for nodes in [3, 5] {
        let store = |to: &str, sources: &[String]| [&["SUNIONSTORE".into(), to.into()][..], sources].concat();
        changing_sources(&Fleet::start(nodes), "SADD", store, &["SMEMBERS"]);
    }
}

#[test]
fn a_stored_union_of_sorted_sets_is_of_one_state_of_each() {
    for nodes in [3, 5] {
        let store = |to: &str, sources: &[String]| {
            [&["ZUNIONSTORE".into(), to.into(), sources.len().to_string()][..], sources].concat()
        };
        changing_sources(&Fleet::start(nodes), "ZADD", store, &["ZRANGE", "0", "-1"]);
    }
}

#[test]
fn a_write_to_a_destination_that_is_a_source_is_not_lost() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let (destination, other) = (fleet.key("d", 0), fleet.key("other", 1));
        run(&fleet.cluster(0), &["SADD", &other, "x"]).unwrap();
        let writing = AtomicUsize::new(1);
        let written: Vec<String> = (0..times(1_000)).map(|number| format!("e{number}")).collect();
        std::thread::scope(|scope| {
            let (fleet, destination, other, writing, written) = (&fleet, &destination, &other, &writing, &written);
            for storer in 0..STORERS {
                scope.spawn(move || {
                    let store = [
                        &["SUNIONSTORE", destination, destination, other],
                        &["SUNIONSTORE", destination, other, destination],
                        // It takes away what is not there.
                        &["SDIFFSTORE", destination, destination, other],
                    ];
                    for nth in 0.. {
                        if writing.load(Ordering::SeqCst) == 0 {
                            return;
                        }
                        run(&fleet.cluster(storer), store[nth % store.len()]).unwrap();
                    }
                });
            }
            scope.spawn(move || {
                for member in written {
                    run(&fleet.cluster(2), &["SADD", destination, member]).unwrap();
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            });
        });
        let mut found = texts(&run(&fleet.cluster(0), &["SMEMBERS", &destination]).unwrap());
        found.retain(|member| member != "x");
        each_once(written, found, "SADD");
        fleet.no_stash_is_left();
    }
}
