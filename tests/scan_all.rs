//! Scans of all keys and of all elements of a key, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Error, ErrorKind, Outcome, Protocol, ScanAll, ScanKey, ScanOptions, ScanPosition, ScoredMember, TypeOf,
};
use rediscluster_testing::{cluster_of, in_both_protocols, ScriptedPeer, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Fills the cluster with keys in a few large commands.
fn fill(cluster: &Cluster, names: impl Iterator<Item = String>) -> BTreeSet<String> {
    let names: BTreeSet<String> = names.collect();
    let pairs: Vec<(&String, &str)> = names.iter().map(|name| (name, "")).collect();
    pairs.chunks(5000).for_each(|chunk| cluster.mset(chunk).unwrap());
    names
}

fn names(scan: ScanAll) -> BTreeSet<String> {
    scan.map(|found| found.unwrap().name().unwrap()).collect()
}

#[test]
fn every_key_comes_with_its_node() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.scan_all(ScanOptions::new()).count(), 0);
        let all = fill(cluster, (0..3000).map(|n| format!("key:{n}")));
        let mut seen = BTreeSet::new();
        for found in cluster.scan_all(ScanOptions::new()) {
            let found = found.unwrap();
            let name: String = found.name().unwrap();
            assert_eq!(*found.node(), cluster.node_for(&name));
            assert_eq!(found.name_bytes(), name.as_bytes());
            assert_eq!(found.into_name(), name.as_bytes());
            seen.insert(name);
        }
        assert_eq!(seen, all);
    });
}

#[test]
fn what_a_tag_led_to_is_reached_by_its_node() {
    in_both_protocols(|cluster, _| {
        let tags = ["a", "b", "c", "d", "e", "f", "g", "h"];
        tags.iter().for_each(|tag| cluster.set(format!("user:{tag}{{{tag}}}"), tag).unwrap());
        let mut values = BTreeSet::new();
        for found in cluster.scan_all(ScanOptions::new()) {
            let found = found.unwrap();
            let node = cluster.on(found.node().name()).unwrap();
            values.insert(node.get::<_, String>(found.name_bytes()).unwrap());
        }
        assert_eq!(values.iter().map(String::as_str).collect::<Vec<_>>(), tags);
        cluster.set(b"\xff\x00{a}", "").unwrap();
        let odd = cluster.scan_all(ScanOptions::new().matching(b"\xff*")).next().unwrap().unwrap();
        assert_eq!(odd.name_bytes(), b"\xff\x00");
        assert_eq!(odd.name::<String>().unwrap_err().kind(), ErrorKind::Reply);
    });
}

#[test]
fn options() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, (0..300).map(|n| format!("key:{n}")));
        for n in 0..20 {
            cluster.sadd(format!("set:{n}"), "a").unwrap();
            cluster.zadd(format!("zset:{n}"), (1, "a")).unwrap();
        }
        let some = ScanOptions::new().matching("key:1?").count(7);
        assert_eq!(names(cluster.scan_all(some)), (10..20).map(|n| format!("key:{n}")).collect());
        let sets = ScanOptions::new().of_type(TypeOf::Set).count(50);
        assert_eq!(names(cluster.scan_all(sets.clone())), (0..20).map(|n| format!("set:{n}")).collect());
        let sorted = ScanOptions::new().of_type(TypeOf::SortedSet).matching("*5");
        assert_eq!(names(cluster.scan_all(sorted)), ["zset:15", "zset:5"].map(str::to_owned).into());
        let before = servers.iter().map(|server| server.calls("scan")).sum::<u64>();
        assert_eq!(cluster.scan_all(ScanOptions::new().count(100_000)).count(), 340);
        assert_eq!(servers.iter().map(|server| server.calls("scan")).sum::<u64>() - before, 3, "a page a node");
        let error = cluster.scan_all(ScanOptions::new().count(0)).next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Server, Some("SCAN")));
        let error = cluster.sscan_all::<String>("set:1", sets).next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Server, Some("SSCAN")));
    });
}

#[test]
fn databases_are_scanned_apart() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let second = cluster.database(2);
    cluster.mset([("foo", 0), ("bar", 0)]).unwrap();
    second.mset([("foo", 0), ("k", 0), ("l", 0)]).unwrap();
    assert_eq!((cluster.scan_all(ScanOptions::new()).count(), second.scan_all(ScanOptions::new()).count()), (2, 3));
    let position = second.scan_all(ScanOptions::new()).position();
    let error = cluster.scan_from(&position, ScanOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().contains("database 2"), "{error}");
}

#[test]
fn one_server_of_two_names_is_scanned_once() {
    let servers = [Server::start(), Server::start()];
    let cluster = Cluster::builder()
        .node("node_1", servers[0].address())
        .node("node_2", servers[1].address())
        .node("node_3", servers[0].address())
        .node("node_4", servers[1].address())
        .connect()
        .unwrap();
    let all = fill(&cluster, (0..500).map(|n| format!("key:{n}")));
    let mut scan = cluster.scan_all(ScanOptions::new());
    assert_eq!((scan.nodes_done(), scan.nodes()), (0, 2));
    let found: Vec<String> = scan.by_ref().map(|found| found.unwrap().name().unwrap()).collect();
    assert_eq!((found.len(), found.into_iter().collect()), (500, all));
    assert_eq!((scan.nodes_done(), scan.nodes()), (2, 2));
    assert!(scan.position().is_end() && scan.next().is_none());
}

#[test]
fn what_is_there_all_the_time_is_found_whatever_others_write() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let servers = [Server::start(), Server::start(), Server::start()];
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let stays = fill(&cluster, (0..100_000).map(|n| format!("stays:{n}")));
        let over = AtomicBool::new(false);
        let rounds = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (writer, over, rounds) = (cluster.clone(), &over, &rounds);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    // Tables grow and shrink under the scan.
                    let others = fill(&writer, (0..20_000).map(|n| format!("other:{n}")));
                    let others: Vec<String> = others.into_iter().collect();
                    for chunk in others.chunks(5000) {
                        writer.del(chunk).unwrap();
                    }
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
            });
            let mut missed = Vec::new();
            // Until others were written and deleted under a scan.
            while missed.is_empty() || rounds.load(Ordering::SeqCst) < 2 {
                let found = cluster.scan_all(ScanOptions::new().count(500));
                let found: BTreeSet<String> = found.flatten().flat_map(|found| found.name()).collect();
                missed.push(stays.difference(&found).count());
            }
            over.store(true, Ordering::SeqCst);
            assert!(missed.iter().all(|count| *count == 0), "of each scan so many are missed: {missed:?}");
        });
    }
}

#[test]
fn a_position_is_a_text_for_another_program() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let open = || cluster_of(&servers).connect().unwrap();
    let all = fill(&open(), (0..2000).map(|n| format!("key:{n}")));
    // Each program takes a few keys and is gone.
    let mut found: Vec<String> = Vec::new();
    let mut stored = open().scan_all(ScanOptions::new()).position().to_string();
    let mut programs = 0;
    loop {
        let position: ScanPosition = stored.parse().unwrap();
        let mut scan = open().scan_from(&position, ScanOptions::new().count(90)).unwrap();
        let some: Vec<String> = scan.by_ref().take(250).map(|found| found.unwrap().name().unwrap()).collect();
        if some.is_empty() {
            assert!(position.is_end() && position.node().is_none());
            break;
        }
        found.extend(some);
        stored = scan.position().to_string();
        programs += 1;
        assert!(programs < 50, "it gets to the end");
    }
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), all);
    assert!(found.len() < 2000 + programs * 200, "no more is given again than a page each time");
}

#[test]
fn a_page_in_hand_is_given_again_and_a_whole_one_is_not() {
    let server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    let all = fill(&cluster, (0..10).map(|n| format!("key:{n}")));
    let options = || ScanOptions::new().count(1000);
    let mut scan = cluster.scan_all(options());
    assert_eq!((scan.position().node(), scan.position().cursor()), (Some("node_1"), 0));
    for _ in 0..9 {
        scan.next().unwrap().unwrap();
        assert_eq!(names(cluster.scan_from(&scan.position(), options()).unwrap()), all);
    }
    scan.next().unwrap().unwrap();
    assert!(scan.position().is_end(), "known before anybody asks for more");
    assert_eq!(cluster.scan_from(&scan.position(), options()).unwrap().count(), 0);
}

#[test]
fn a_position_of_another_cluster_is_refused() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let position = cluster_of(&servers).connect().unwrap().scan_all(ScanOptions::new()).position();
    let refused = |cluster: Cluster| {
        let error = cluster.scan_from(&position, ScanOptions::new()).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Argument, Outcome::NotApplied), "{error}");
    };
    refused(cluster_of(&servers[..2]).connect().unwrap());
    let named = |names: [&str; 3]| {
        let nodes = names.iter().zip(&servers);
        nodes.fold(Cluster::builder(), |builder, (name, server)| builder.node(*name, server.address()))
    };
    refused(named(["a", "b", "c"]).connect().unwrap());
    for changed in ["node_1", "node_9"] {
        let text = position.to_string().replace("node_1", changed);
        let position: ScanPosition = text.parse().unwrap();
        let result = cluster_of(&servers).connect().unwrap().scan_from(&position, ScanOptions::new());
        assert_eq!(result.is_ok(), changed == "node_1");
    }
}

#[test]
fn a_scan_outlives_a_restart_of_a_server() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let aof = &["--appendonly", "yes"];
        let mut servers = [Server::start_with(aof), Server::start_with(aof), Server::start_with(aof)];
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        let all = fill(&cluster, (0..20_000).map(|n| format!("key:{n}")));
        let mut scan = cluster.scan_all(ScanOptions::new().count(100));
        let mut found = BTreeSet::new();
        // Half of the second node.
        let on_first = cluster.on("node_1").unwrap().dbsize().unwrap() as usize;
        found.extend(scan.by_ref().take(on_first + 3050).map(|found| found.unwrap().name::<String>().unwrap()));
        assert_eq!((scan.position().node(), scan.nodes_done(), scan.nodes()), (Some("node_2"), 1, 3));
        servers[1].kill();
        // What is left of the page in hand needs no server.
        while let Ok(name) = scan.next().unwrap() {
            found.insert(name.name().unwrap());
        }
        let at = scan.position();
        let begin = Instant::now();
        for _ in 0..5 {
            let error = scan.next().unwrap().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Connect), "{error}");
            assert_eq!((error.command(), error.outcome()), (Some("SCAN"), Outcome::NotApplied));
            assert!(error.node().unwrap().starts_with("node_2"), "{error}");
        }
        assert_eq!(scan.position(), at, "nothing is skipped");
        assert!(begin.elapsed() < Duration::from_secs(10));
        servers[1].restart();
        // The new process hashes otherwise: going on with the old cursor would miss keys.
        let rest: Vec<String> = scan.by_ref().map(|found| found.unwrap().name().unwrap()).collect();
        found.extend(rest);
        assert_eq!(found.len(), all.len(), "{} are missed", all.difference(&found).count());
        assert_eq!(found, all);
        // A stored position meets the new process as well.
        let again = cluster.scan_from(&at, ScanOptions::new()).unwrap();
        let sizes: u64 = ["node_2", "node_3"].map(|name| cluster.on(name).unwrap().dbsize().unwrap()).iter().sum();
        assert_eq!(names(again).len() as u64, sizes);
    }
}

fn collected<T: rediscluster::FromValue + Ord>(scan: ScanKey<T>) -> (usize, BTreeSet<T>) {
    let all: Vec<T> = scan.map(Result::unwrap).collect();
    (all.len(), all.into_iter().collect())
}

#[test]
fn elements_of_a_key() {
    in_both_protocols(|cluster, servers| {
        let fields: BTreeMap<String, u32> = (0..3000).map(|n| (format!("field:{n}"), n)).collect();
        cluster.hset("h{tag}", &fields).unwrap();
        let (count, seen) = collected(cluster.hscan_all::<String, u32>("h{tag}", ScanOptions::new().count(50)));
        assert!(count >= 3000 && seen.into_iter().eq(fields.clone()));
        let some = ScanOptions::new().matching("field:29?");
        assert_eq!(collected(cluster.hscan_all::<String, u32>("h{tag}", some)).0, 10);
        if servers[0].is_since("7.4 or valkey 8.0", "HSCAN NOVALUES") {
            let (_, seen) = collected(cluster.hscan_all_novalues::<String>("h{tag}", ScanOptions::new()));
            assert!(seen.iter().eq(fields.keys()));
        }
        let members: BTreeSet<String> = fields.keys().cloned().collect();
        cluster.sadd("s", &members).unwrap();
        assert_eq!(collected(cluster.sscan_all::<String>("s", ScanOptions::new())).1, members);
        cluster.zadd("z", fields.iter().map(|(name, score)| (*score, name)).collect::<Vec<_>>()).unwrap();
        let scored = cluster.zscan_all::<String>("z", ScanOptions::new().count(300)).map(Result::unwrap);
        let scored: BTreeMap<String, u32> = scored.map(|scored| (scored.member, scored.score as u32)).collect();
        assert_eq!(scored, fields);

        assert_eq!(cluster.sscan_all::<String>("missing", ScanOptions::new()).count(), 0);
        cluster.zadd("few", (f64::INFINITY, "a")).unwrap();
        let few: Vec<ScoredMember<String>> =
            cluster.zscan_all("few", ScanOptions::new()).collect::<Result<_, _>>().unwrap();
        assert_eq!(few, [ScoredMember::new("a".to_owned(), f64::INFINITY)]);
        let wrong = cluster.hscan_all::<String, String>("s", ScanOptions::new()).next().unwrap().unwrap_err();
        assert_eq!((wrong.kind(), wrong.command()), (ErrorKind::WrongType, Some("HSCAN")));
        assert!(wrong.node().is_some());
    });
}

#[test]
fn an_element_that_does_not_fit_costs_only_itself() {
    in_both_protocols(|cluster, _| {
        cluster.hset("h", [("a", "1"), ("b", "no number"), ("c", "3")]).unwrap();
        let (fit, misfit): (Vec<_>, Vec<_>) =
            cluster.hscan_all::<String, u32>("h", ScanOptions::new()).partition(Result::is_ok);
        assert_eq!((fit.len(), misfit.len()), (2, 1));
        let error = misfit.into_iter().next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Reply, Some("HSCAN")));
        assert!(error.node().is_some() && error.message().contains("no number"), "{error}");
    });
}

#[test]
fn a_key_outlives_a_restart_of_its_server() {
    let mut server = Server::start_with(&["--appendonly", "yes"]);
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    let all: BTreeSet<String> = (0..20_000).map(|n| format!("member:{n}")).collect();
    cluster.sadd("s", &all).unwrap();
    let mut scan = cluster.sscan_all::<String>("s", ScanOptions::new().count(100));
    let mut found: BTreeSet<String> = scan.by_ref().take(10_000).map(Result::unwrap).collect();
    server.restart();
    let mut errors = 0;
    for member in scan {
        match member {
            Ok(member) => drop(found.insert(member)),
            Err(error) => {
                errors += 1;
                assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Connect) && errors < 10, "{error}");
            }
        }
    }
    assert_eq!(found.len(), all.len());
}

/// A master that answers a scan by this page.
fn scanned_as(page: &'static str) -> (ScriptedPeer, Cluster, Arc<AtomicUsize>) {
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pages);
    let peer = ScriptedPeer::answering(move |words| match words[0].as_slice() {
        b"INFO" => b"$13\r\nrole:master\r\n\r\n".to_vec(),
        _ => {
            counted.fetch_add(1, Ordering::SeqCst);
            page.as_bytes().to_vec()
        }
    });
    let cluster =
        Cluster::builder().node("node_1", peer.address()).deadline(Duration::from_millis(300)).connect().unwrap();
    (peer, cluster, pages)
}

#[test]
fn an_endless_scan_of_empty_pages_ends_at_the_deadline() {
    let (_peer, cluster, pages) = scanned_as("*2\r\n$1\r\n7\r\n*0\r\n");
    let mut scan = cluster.scan_all(ScanOptions::new());
    for _ in 0..2 {
        let (begin, before) = (Instant::now(), pages.load(Ordering::SeqCst));
        let error: Error = scan.next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
        assert_eq!(error.command(), Some("SCAN"));
        assert!(error.node().is_some_and(|node| node.starts_with("node_1")), "{error}");
        assert!(begin.elapsed() >= Duration::from_millis(290) && begin.elapsed() < Duration::from_secs(5));
        assert!(pages.load(Ordering::SeqCst) > before + 1, "it went from page to page");
        assert_eq!(scan.position().cursor(), 7, "it goes on from where it is");
    }
    let error = cluster.sscan_all::<String>("s", ScanOptions::new()).next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Timeout, Some("SSCAN")));
    let none = cluster.deadline(Duration::ZERO).scan_all(ScanOptions::new()).next().unwrap().unwrap_err();
    // The one connection may be closed by now, and there is no time for another.
    assert!(matches!(none.kind(), ErrorKind::Timeout | ErrorKind::Connect), "{none}");
}

#[test]
fn pages_that_are_none() {
    for page in [
        "*0\r\n",
        "*3\r\n$1\r\n0\r\n*0\r\n*0\r\n",
        "*2\r\n$1\r\nx\r\n*0\r\n",
        "*2\r\n$2\r\n-1\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n$1\r\na\r\n",
        "+OK\r\n",
        "$-1\r\n",
        "*-1\r\n",
    ] {
        let (_peer, cluster, _) = scanned_as(page);
        let mut scan = cluster.scan_all(ScanOptions::new());
        for _ in 0..2 {
            let error = scan.next().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Reply, "{page:?}: {error}");
        }
        let error = cluster.hscan_all::<String, String>("h", ScanOptions::new()).next().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Reply, Some("HSCAN")), "{page:?}");
    }
    let (_peer, cluster, _) = scanned_as("*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n");
    let error = cluster.hscan_all::<String, String>("h", ScanOptions::new()).next().unwrap().unwrap_err();
    assert!(error.message().contains("odd number"), "{error}");
    assert_eq!(cluster.scan_all(ScanOptions::new()).filter(Result::is_ok).count(), 3);
}

#[test]
fn who_may_not_ask_who_answers_is_told_so() {
    let server = Server::start();
    server.ask(&["ACL", "SETUSER", "some", "on", ">pw", "~*", "+@all", "-info"]);
    let cluster = Cluster::builder()
        .node("node_1", server.address())
        .username("some")
        .password("pw")
        .pool_size(1)
        .build()
        .unwrap();
    cluster.set("k", "v").unwrap();
    let error = cluster.scan_all(ScanOptions::new()).next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::NoPerm, Some("INFO")), "{error}");
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v", "the connection lies to nobody");
}

#[test]
fn a_scan_holds_no_connection() {
    let server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).pool_size(1).connect().unwrap();
    fill(&cluster, (0..500).map(|n| format!("key:{n}")));
    for found in cluster.scan_all(ScanOptions::new()) {
        cluster.append(found.unwrap().name_bytes(), "x").unwrap();
    }
    // A scan can go to another thread.
    let scan = cluster.scan_all(ScanOptions::new());
    assert!(std::thread::spawn(move || scan.count()).join().unwrap() >= 500);
}
