//! `RENAME` and `RENAMENX` while others write to the same keys.

use super::{each_once, items, run, text, texts, times, Fleet};
use rediscluster::{ErrorKind, Outcome, Value};
use rediscluster_testing::{Reply, Server};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

/// Every token is so long.
const WIDTH: usize = 8;
/// So many keys of each kind: a rename of a key that is written to all the time would hardly ever succeed.
const KEYS: usize = 6;
const WRITES: usize = 1_500;
const WRITERS: usize = 3;
const RENAMERS: usize = 2;

/// What writers were told to be written: tokens of texts, elements of lists, and how often was counted.
#[derive(Default)]
struct Written {
    tokens: Vec<String>,
    elements: Vec<String>,
    counts: i64,
}

/// What lies under some keys, put together.
fn found(keys: &[(&Server, String)]) -> Written {
    let mut found = Written::default();
    for (server, key) in keys {
        match server.ask(&["TYPE", key]).text().as_str() {
            "list" => found.elements.extend(items(server.ask(&["LRANGE", key, "0", "-1"]))),
            "string" => {
                let text = server.ask(&["GET", key]).text();
                match text.starts_with('t') {
                    true => found.tokens.extend(tokens(&text)),
                    false => found.counts += text.parse::<i64>().expect("a counter"),
                }
            }
            other => panic!("{key} is a {other}"),
        }
    }
    found
}

fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
    assert_eq!(text.len() % WIDTH, 0, "{text} is not made of whole tokens");
    text.as_bytes().chunks(WIDTH).map(|token| String::from_utf8_lossy(token).into_owned())
}

/// Writes tokens to a key of each kind, chosen by chance for each.
fn write(fleet: &Fleet, writer: usize, keys: &[[String; 3]], count: usize) -> Written {
    let (cluster, mut chance) = (fleet.cluster(writer), fleet.chance(writer));
    let mut written = Written::default();
    for number in 0..count {
        let token = format!("t{writer}{number:06}");
        let [counter, text, list] = chance.one_of(keys);
        match chance.below(3) {
            0 => {
                run(&cluster, &["INCR", counter]).unwrap();
                written.counts += 1;
            }
            1 => {
                run(&cluster, &["APPEND", text, &token]).unwrap();
                written.tokens.push(token);
            }
            _ => {
                run(&cluster, &["RPUSH", list, &token]).unwrap();
                written.elements.push(token);
            }
        }
    }
    written
}

#[track_caller]
fn hold(written: Vec<Written>, found: Written) {
    let mut all = Written::default();
    for one in written {
        all.tokens.extend(one.tokens);
        all.elements.extend(one.elements);
        all.counts += one.counts;
    }
    each_once(all.tokens, found.tokens, "APPEND");
    each_once(all.elements, found.elements, "RPUSH");
    assert_eq!(found.counts, all.counts, "INCR");
}

#[test]
fn a_write_that_meets_a_rename_is_in_the_source_or_in_a_destination() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let of = |nth: usize| ["w:counter", "w:text", "w:list"].map(|name| fleet.key(&format!("{name}:{nth}:"), nth));
        let keys: Vec<[String; 3]> = (0..KEYS).map(of).collect();
        let writing = AtomicUsize::new(WRITERS);
        // The last rename of a list that was begun, by the thread that renames.
        let begun: Vec<AtomicUsize> = (0..RENAMERS).map(|_| AtomicUsize::new(0)).collect();
        let renamed = AtomicUsize::new(0);
        let destination = |kind: usize, renamer: usize, number: usize| format!("w:to:{kind}:{renamer}:{number}");
        let written = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (fleet, keys, writing) = (&fleet, &keys, &writing);
                    scope.spawn(move || {
                        let written = write(fleet, writer, keys, times(WRITES));
                        writing.fetch_sub(1, Ordering::SeqCst);
                        written
                    })
                })
                .collect();
            for renamer in 0..RENAMERS {
                let (fleet, keys, writing, begun, renamed) = (&fleet, &keys, &writing, &begun[renamer], &renamed);
                scope.spawn(move || {
                    let (cluster, mut chance) = (fleet.cluster(renamer + 1), fleet.chance(100 + renamer));
                    for number in 0.. {
                        if writing.load(Ordering::SeqCst) == 0 {
                            return;
                        }
                        let kind = chance.below(3);
                        if kind == 2 {
                            begun.store(number, Ordering::SeqCst);
                        }
                        let source = &chance.one_of(keys)[kind];
                        match run(&cluster, &["RENAME", source, &destination(kind, renamer, number)]) {
                            Ok(_) => drop(renamed.fetch_add(1, Ordering::SeqCst)),
                            Err(error) if error.message() == "ERR no such key" => {}
                            // The source never stood still.
                            Err(error) if error.kind() == ErrorKind::Timeout => {
                                assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
            let (fleet, keys, writing, begun) = (&fleet, &keys, &writing, &begun);
            scope.spawn(move || {
                let cluster = fleet.cluster(0);
                while writing.load(Ordering::SeqCst) > 0 {
                    for (renamer, begun) in begun.iter().enumerate() {
                        let at = destination(2, renamer, begun.load(Ordering::SeqCst));
                        // The destination first: once it is there, nothing of it is in the source any more.
                        let mut seen = texts(&run(&cluster, &["LRANGE", &at, "0", "-1"]).unwrap());
                        for [_, _, list] in keys {
                            seen.extend(texts(&run(&cluster, &["LRANGE", list, "0", "-1"]).unwrap()));
                        }
                        let different: HashSet<&String> = seen.iter().collect();
                        assert_eq!(different.len(), seen.len(), "seen in both: {seen:?}");
                    }
                    for [_, key, _] in keys {
                        let read = run(&cluster, &["GET", key]).unwrap();
                        let Value::Bulk(_) = read else { continue };
                        let read = text(&read);
                        let seen: Vec<String> = tokens(&read).collect();
                        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "doubled: {seen:?}");
                    }
                }
            });
            writers.into_iter().map(|writer| writer.join().expect("a writer writes to its end")).collect()
        });
        println!("{} renames", renamed.load(Ordering::SeqCst));
        assert!(renamed.load(Ordering::SeqCst) > 20, "too few renames came between");
        hold(written, found(&fleet.keys("w:*")));
        fleet.no_stash_is_left();
    }
}

#[test]
fn renamenx_to_and_fro_overwrites_nothing() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let of = |nth: usize| ["x:counter", "x:text", "x:list"].map(|name| fleet.key(&format!("{name}:{nth}:"), nth));
        // Pairs of a key and the one next to it, on the next node.
        let keys: Vec<[String; 3]> = (0..2 * KEYS).map(of).collect();
        let writing = AtomicUsize::new(WRITERS);
        let (renamed, told) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let written = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (fleet, keys, writing) = (&fleet, &keys, &writing);
                    scope.spawn(move || {
                        // One writes to both sides, so that the other side is now free and now taken.
                        let firsts: Vec<[String; 3]> = keys.iter().step_by(2).cloned().collect();
                        let written = write(fleet, writer, if writer == 0 { keys } else { &firsts }, times(WRITES));
                        writing.fetch_sub(1, Ordering::SeqCst);
                        written
                    })
                })
                .collect();
            for renamer in 0..RENAMERS {
                let (fleet, keys, writing, renamed, told) = (&fleet, &keys, &writing, &renamed, &told);
                scope.spawn(move || {
                    let (cluster, mut chance) = (fleet.cluster(renamer), fleet.chance(100 + renamer));
                    while writing.load(Ordering::SeqCst) > 0 {
                        let (kind, nth) = (chance.below(3), chance.below(keys.len()));
                        let (from, to) = (&keys[nth][kind], &keys[nth ^ 1][kind]);
                        match run(&cluster, &["RENAMENX", from, to]) {
                            Ok(Value::Integer(1)) => drop(renamed.fetch_add(1, Ordering::SeqCst)),
                            Ok(Value::Integer(0)) => {
                                // Both are there: one goes out of the way, where it is still counted.
                                let away = format!("x:away:{renamer}:{}", chance.below(usize::MAX));
                                match run(&cluster, &["RENAMENX", to, &away]) {
                                    Ok(_) => drop(renamed.fetch_add(1, Ordering::SeqCst)),
                                    Err(error) => told.lock().unwrap().push(error.to_string()),
                                }
                            }
                            Ok(other) => panic!("{other:?}"),
                            Err(error) => told.lock().unwrap().push(error.to_string()),
                        }
                    }
                });
            }
            writers.into_iter().map(|writer| writer.join().expect("a writer writes to its end")).collect()
        });
        let told = told.into_inner().unwrap();
        let failures: Vec<&String> = told.iter().filter(|error| !error.contains("ERR no such key")).collect();
        println!("{} renames, {} failures: {failures:?}", renamed.load(Ordering::SeqCst), failures.len());
        assert!(renamed.load(Ordering::SeqCst) > 10, "too few renames came between");
        // When both names were taken meanwhile, the value is in the stash that the error names.
        let stashed = fleet.keys("rediscluster:stash:*");
        for (_, stash) in &stashed {
            assert!(failures.iter().any(|error| error.contains(stash.as_str())), "{stash} is named by no error");
        }
        let mut all = fleet.keys("x:*");
        // Of the two of one call either holds it.
        all.extend(stashed.into_iter().filter(|(_, stash)| !stash.contains(":to:")));
        hold(written, found(&all));
    }
}

#[test]
fn two_renames_of_one_key_give_it_to_one() {
    let fleet = Fleet::start(3);
    let source = fleet.key("source", 0);
    for round in 0..times(60) {
        let value = round.to_string();
        run(&fleet.cluster(0), &["SET", &source, &value]).unwrap();
        let destinations = [fleet.key(&format!("one:{round}:"), 1), fleet.key(&format!("two:{round}:"), 2)];
        let results = std::thread::scope(|scope| {
            let renames: Vec<_> = destinations
                .iter()
                .enumerate()
                .map(|(nth, to)| (fleet.cluster(nth), to))
                .map(|(cluster, to)| {
                    let source = &source;
                    scope.spawn(move || run(&cluster, &["RENAME", source, to]))
                })
                .collect();
            renames.into_iter().map(|rename| rename.join().unwrap()).collect::<Vec<_>>()
        });
        let at = |to: &String| run(&fleet.cluster(0), &["GET", to]).unwrap();
        for (result, to) in results.iter().zip(&destinations) {
            match result {
                Ok(_) => assert_eq!(text(&at(to)), value),
                Err(error) => {
                    assert_eq!((error.message(), at(to)), ("ERR no such key", Value::Nil), "round {round}");
                }
            }
        }
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "round {round}: {results:?}");
        assert_eq!(fleet.servers[0].ask(&["EXISTS", &source]), Reply::Int(0));
    }
    fleet.no_stash_is_left();
}
