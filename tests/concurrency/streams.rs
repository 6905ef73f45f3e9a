//! `RENAME` of a stream while consumers of a group take, claim and acknowledge: what was acknowledged never comes back.

use super::{run, times, Fleet};
use rediscluster::{Cluster, ErrorKind, Outcome, Value};
use rediscluster_testing::{Reply, Server};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ENTRIES: usize = 400;
const CONSUMERS: usize = 4;

/// The names that the stream goes to and fro between.
struct Names {
    names: [String; 2],
    renamed: AtomicUsize,
    ended: AtomicBool,
}

/// Runs a command of a consumer on whichever name the stream has; `None` when it is under neither, being on its way.
fn at_either(cluster: &Cluster, names: &Names, words: impl Fn(&str) -> Vec<String>) -> Option<Value> {
    names.names.iter().find_map(|name| match run(cluster, &words(name)) {
        Ok(Value::Nil) | Ok(Value::Integer(0)) => None,
        Ok(Value::Array(items)) if items.is_empty() => None,
        Ok(given) => Some(given),
        Err(error) if error.message().starts_with("NOGROUP") => None,
        Err(error) => panic!("{error}"),
    })
}

/// The ids of the entries in what `XREADGROUP` of one stream or `XCLAIM` gave.
fn ids(value: &Value) -> Vec<String> {
    let Value::Array(items) = value else { return Vec::new() };
    match &items[..] {
        [Value::Bulk(id), Value::Array(_)] if id.contains(&b'-') => vec![String::from_utf8_lossy(id).into_owned()],
        items => items.iter().flat_map(ids).collect(),
    }
}

/// Takes entries, some of them a second time for itself, and acknowledges each; gives the ids whose acknowledgement was
/// counted.
fn consume(cluster: &Cluster, names: &Names, consumer: usize) -> Vec<String> {
    let (me, mut acknowledged) = (format!("c{consumer}"), Vec::new());
    let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    while !names.ended.load(Ordering::SeqCst) {
        let read = |name: &str| words(format!("XREADGROUP GROUP g {me} COUNT 1 STREAMS {name} >"));
        let Some(given) = at_either(cluster, names, read) else { continue };
        for id in ids(&given) {
            // While the stream is on its way it is under no name; then the consumer comes again.
            let claim = |name: &str| words(format!("XCLAIM {name} g {me}-again 0 {id}"));
            while !names.ended.load(Ordering::SeqCst) {
                if at_either(cluster, names, claim).is_some() {
                    break;
                }
            }
            let acknowledge = |name: &str| words(format!("XACK {name} g {id}"));
            while !names.ended.load(Ordering::SeqCst) {
                if at_either(cluster, names, acknowledge).is_some() {
                    acknowledged.push(id.clone());
                    break;
                }
            }
        }
    }
    acknowledged
}

#[test]
fn what_a_group_acknowledged_never_comes_back_by_a_rename() {
    let fleet = Fleet::start(2);
    for round in 0..times(2) {
        let names = [fleet.key(&format!("s{round}:a"), 0), fleet.key(&format!("s{round}:b"), 1)];
        let names = Names { names, renamed: AtomicUsize::new(0), ended: AtomicBool::new(false) };
        for entry in 1..=ENTRIES {
            run(&fleet.cluster(0), &["XADD", &names.names[0], &format!("{entry}-1"), "n", "1"]).unwrap();
        }
        run(&fleet.cluster(0), &["XGROUP", "CREATE", &names.names[0], "g", "0"]).unwrap();
        let acknowledged: Vec<String> = std::thread::scope(|scope| {
            let consumers: Vec<_> = (0..CONSUMERS)
                .map(|consumer| {
                    let (cluster, names) = (fleet.cluster(consumer), &names);
                    scope.spawn(move || consume(&cluster, names, consumer))
                })
                .collect();
            let cluster = fleet.cluster(CONSUMERS);
            let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
            for turn in 0.. {
                let (from, to) = (&names.names[turn % 2], &names.names[(turn + 1) % 2]);
                match run(&cluster, &["RENAME", from, to]) {
                    Ok(_) => drop(names.renamed.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => {
                        assert_eq!(
                            (error.kind(), error.outcome()),
                            (ErrorKind::Timeout, Outcome::NotApplied),
                            "{error}"
                        )
                    }
                }
                // Everything was taken, and nothing waits to be acknowledged.
                let Reply::Array(groups) = server(&fleet, to).ask(&["XINFO", "GROUPS", to]) else { panic!("no group") };
                let Reply::Array(group) = &groups[0] else { panic!("no group") };
                let is_over = group[5].int() == 0 && group[7].text() == format!("{ENTRIES}-1");
                if is_over || std::time::Instant::now() > until {
                    names.ended.store(true, Ordering::SeqCst);
                    assert!(is_over, "round {round}: {group:?} are left after {turn} renames");
                    break;
                }
            }
            consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect()
        });
        println!("round {round}: {} renames", names.renamed.load(Ordering::SeqCst));
        let different: HashSet<&String> = acknowledged.iter().collect();
        assert_eq!(
            (different.len(), acknowledged.len()),
            (ENTRIES, ENTRIES),
            "each was acknowledged once, round {round}"
        );
    }
    fleet.no_stash_is_left();
}

/// The server that a key lives on.
fn server<'f>(fleet: &'f Fleet, key: &str) -> &'f Server {
    let home = fleet.clusters[0].node_for(key).name().to_owned();
    &fleet.servers[home["node_".len()..].parse::<usize>().unwrap() - 1]
}
