//! Hashes, sets and sorted sets page by page, on real servers.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, FromValue, Protocol, Result, ScanOptions, ScanPage, ScoredMember};
use rediscluster_testing::{cluster_of, in_both_protocols, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Everything, page by page, and how many pages there were.
fn all<T>(page: impl Fn(u64) -> Result<ScanPage<T>>) -> (Vec<T>, usize) {
    let (mut items, mut cursor, mut pages) = (Vec::new(), 0, 0);
    loop {
        let page = page(cursor).unwrap();
        cursor = page.cursor;
        pages += 1;
        let last = page.is_last();
        items.extend(page.items);
        if last {
            return (items, pages);
        }
        assert!(pages < 10_000, "it never ends");
    }
}

#[test]
fn everything_is_seen() {
    in_both_protocols(|cluster, servers| {
        for size in [0_u32, 3, 2000] {
            let key = format!("{size}");
            let numbers: BTreeMap<String, u32> = (0..size).map(|n| (format!("m{n}"), n)).collect();
            let names: BTreeSet<String> = numbers.keys().cloned().collect();
            if size > 0 {
                cluster.hset(format!("h{key}"), &numbers).unwrap();
                cluster.sadd(format!("s{key}"), &names).unwrap();
                cluster.zadd(format!("z{key}"), &numbers).unwrap();
            }
            let options = ScanOptions::new().count(50);
            let (fields, pages) = all(|cursor| cluster.hscan(format!("h{key}"), cursor, &options));
            assert_eq!(fields.into_iter().collect::<BTreeMap<String, u32>>(), numbers);
            assert_eq!(pages > 1, size > 1000, "{pages} pages");
            let (members, _) = all(|cursor| cluster.sscan(format!("s{key}"), cursor, &options));
            assert_eq!(members.into_iter().collect::<BTreeSet<String>>(), names);
            let (members, _) = all(|cursor| cluster.zscan(format!("z{key}"), cursor, &options));
            let scores = members.into_iter().map(|ScoredMember { member, score }| (member, score as u32));
            assert_eq!(scores.collect::<BTreeMap<String, u32>>(), numbers);
            if servers[0].is_since("7.4 or valkey 8.0", "HSCAN without values") {
                let (fields, _) = all(|cursor| cluster.hscan_novalues(format!("h{key}"), cursor, &options));
                assert_eq!(fields.into_iter().collect::<BTreeSet<String>>(), names);
            }
        }
        let some = ScanOptions::new().matching("m1?");
        let (found, _) = all(|cursor| cluster.sscan("s2000", cursor, &some));
        assert_eq!(found.into_iter().collect::<BTreeSet<String>>().len(), 10);
        let bytes: &[u8] = b"\xff*";
        cluster.sadd("b{tag}", [bytes, b"a"]).unwrap();
        let page: ScanPage<Vec<u8>> = cluster.sscan("b{tag}", 0, &ScanOptions::new().matching(b"\xff[*]")).unwrap();
        assert_eq!((page.items, page.cursor), (vec![bytes.to_vec()], 0));
        // Scores of any size.
        cluster.zadd("z", [(f64::INFINITY, "top"), (-1.5e-9, "low")]).unwrap();
        let mut scored = cluster.zscan::<_, String>("z", 0, &ScanOptions::new()).unwrap().items;
        scored.sort_by(|a, b| a.score.total_cmp(&b.score));
        assert_eq!(
            scored,
            [ScoredMember::new("low".to_owned(), -1.5e-9), ScoredMember::new("top".to_owned(), f64::INFINITY)]
        );
    });
}

#[test]
fn cursors_of_any_size_and_wrong_types() {
    in_both_protocols(|cluster, _| {
        cluster.set("text", "x").unwrap();
        fn wrong<T: Debug + FromValue>(result: Result<ScanPage<T>>) {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
        }
        let options = ScanOptions::new();
        wrong::<(String, String)>(cluster.hscan("text", 0, &options));
        wrong::<String>(cluster.sscan("text", 0, &options));
        wrong::<ScoredMember<String>>(cluster.zscan("text", 0, &options));
        cluster.sadd("s", (0..2000).map(|n| format!("{n}")).collect::<Vec<_>>()).unwrap();
        let _: ScanPage<String> = cluster.sscan("s", u64::MAX, &options).unwrap();
        let error = cluster.sscan::<_, String>("s", 0, &ScanOptions::new().count(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
    });
}

/// A cursor of the master means nothing to its replica.
#[test]
fn replicas_are_not_asked() {
    let masters = [Server::start(), Server::start()];
    let replicas = [Server::replica_of(&masters[0], &[]), Server::replica_of(&masters[1], &[])];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&masters).protocol(protocol).connect().unwrap();
        for key in ["foo", "bar"] {
            let _: ScanPage<String> = cluster.sscan(key, 0, &ScanOptions::new()).unwrap();
            let _: ScanPage<(String, String)> = cluster.hscan(key, 0, &ScanOptions::new()).unwrap();
            let _: ScanPage<ScoredMember<String>> = cluster.zscan(key, 0, &ScanOptions::new()).unwrap();
        }
    }
    for command in ["sscan", "hscan", "zscan"] {
        assert_eq!(masters.iter().map(|server| server.calls(command)).sum::<u64>(), 4);
        assert_eq!(replicas.iter().map(|server| server.calls(command)).sum::<u64>(), 0);
    }
}
