//! The typed methods for consumer groups of streams, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    AutoClaimed, ErrorKind, GroupInfo, PendingEntry, PendingSummary, StreamEntries, StreamEntry, StreamId, StreamTrim,
    XAddOptions, XClaimOptions, XGroupCreateOptions, XPendingOptions, XReadGroupOptions,
};
use rediscluster_testing::{fails_with, fails_with_code, in_both_protocols};
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, SystemTime};

const SHORT: Duration = Duration::from_millis(20);
const NOW: Duration = Duration::ZERO;

type Pairs = Vec<(String, String)>;

fn id(millis: u64) -> StreamId {
    StreamId::new(millis, 0)
}

/// Adds entries with the ids 1-0, 2-0 and so on, each with its number.
fn fill(cluster: &Cluster, key: &str, count: u64) {
    for millis in 1..=count {
        let added = cluster.xadd_with(key, ("n", millis), XAddOptions::new().id(id(millis))).unwrap();
        assert_eq!(added, Some(id(millis)));
    }
}

fn ids<V>(entries: &[StreamEntry<V>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id.millis).collect()
}

/// Reads what is new for a consumer, as the numbers of the entries.
fn new(cluster: &Cluster, group: &str, consumer: &str, key: &str) -> Vec<u64> {
    let read: Vec<StreamEntries> = cluster.xreadgroup(group, consumer, (key, ">")).unwrap();
    read.iter().flat_map(|stream| ids(&stream.entries)).collect()
}

fn pending(cluster: &Cluster, key: &str, group: &str) -> Vec<(u64, String, u64)> {
    let pending: Vec<PendingEntry> = cluster.xpending_range(key, group, .., 100).unwrap();
    pending.into_iter().map(|entry| (entry.id.millis, entry.consumer, entry.deliveries)).collect()
}

#[test]
fn making_and_removing_groups() {
    in_both_protocols(|cluster, servers| {
        fails_with(ErrorKind::Server, cluster.xgroup_create("s", "g", "0"));
        let make = XGroupCreateOptions::new().make_stream();
        cluster.xgroup_create_with("s", "g", "0", make).unwrap();
        fails_with_code("BUSYGROUP", cluster.xgroup_create_with("s", "g", "0", make));
        fails_with_code("BUSYGROUP", cluster.xgroup_create("s", "g", "$"));
        fill(cluster, "s", 3);
        assert_eq!(new(cluster, "g", "anna", "s"), [1, 2, 3]);
        assert_eq!(new(cluster, "g", "anna", "s"), []);
        cluster.xgroup_setid("s", "g", id(2)).unwrap();
        assert_eq!(new(cluster, "g", "bert", "s"), [3]);
        cluster.xgroup_setid("s", "g", "$").unwrap();
        assert_eq!(new(cluster, "g", "bert", "s"), []);

        assert!(cluster.xgroup_createconsumer("s", "g", "cleo").unwrap());
        assert!(!cluster.xgroup_createconsumer("s", "g", "cleo").unwrap());
        assert_eq!(cluster.xgroup_delconsumer("s", "g", "cleo").unwrap(), 0);
        assert_eq!(cluster.xgroup_delconsumer("s", "g", "cleo").unwrap(), 0);
        assert_eq!(cluster.xgroup_delconsumer("s", "g", "anna").unwrap(), 2);

        if servers[0].is_since("7.0", "XGROUP … ENTRIESREAD") {
            cluster.xgroup_setid_entries_read("s", "g", id(1), 1).unwrap();
            let groups: Vec<GroupInfo> = cluster.xinfo_groups("s").unwrap();
            assert_eq!((groups[0].entries_read, groups[0].lag), (Some(1), Some(2)));
            cluster.xgroup_create_with("s", "h", id(3), XGroupCreateOptions::new().entries_read(3)).unwrap();
            let groups: Vec<GroupInfo> = cluster.xinfo_groups("s").unwrap();
            assert_eq!((groups[1].entries_read, groups[1].lag), (Some(3), Some(0)));
        }
        assert!(cluster.xgroup_destroy("s", "g").unwrap());
        assert!(!cluster.xgroup_destroy("s", "g").unwrap());
    });
}

#[test]
fn reading_as_a_consumer() {
    in_both_protocols(|cluster, _| {
        fill(cluster, "a{x}", 4);
        fill(cluster, "b{x}", 1);
        for key in ["a{x}", "b{x}"] {
            cluster.xgroup_create(key, "g", "0").unwrap();
        }
        let two = XReadGroupOptions::new().count(2);
        let read: Vec<StreamEntries> =
            cluster.xreadgroup_with("g", "anna", [("a{x}", ">"), ("b{x}", ">")], two).unwrap();
        let shape: Vec<(&str, Vec<u64>)> = read.iter().map(|one| (one.name.as_str(), ids(&one.entries))).collect();
        assert_eq!(shape, [("a", vec![1, 2]), ("b", vec![1])]);
        let read: Vec<StreamEntries> = cluster.xreadgroup("g", "bert", [("a{x}", ">"), ("b{x}", ">")]).unwrap();
        let shape: Vec<(&str, Vec<u64>)> = read.iter().map(|one| (one.name.as_str(), ids(&one.entries))).collect();
        assert_eq!(shape, [("a", vec![3, 4])]);
        // A stream of which one's own pending entries are asked is always told of.
        let read: Vec<StreamEntries> = cluster.xreadgroup("g", "bert", [("a{x}", id(3)), ("b{x}", id(0))]).unwrap();
        let shape: Vec<(&str, Vec<u64>)> = read.iter().map(|one| (one.name.as_str(), ids(&one.entries))).collect();
        assert_eq!(shape, [("a", vec![4]), ("b", vec![])]);

        assert_eq!(cluster.xack("a{x}", "g", [id(1), id(9)]).unwrap(), 1);
        cluster.xdel("a{x}", id(2)).unwrap();
        let read: Vec<StreamEntries<String, Option<Pairs>>> = cluster.xreadgroup("g", "anna", ("a{x}", "0")).unwrap();
        assert_eq!(read[0].entries, [StreamEntry::new(id(2), None)]);
        let read: Vec<StreamEntries> = cluster.xreadgroup("g", "anna", ("a{x}", "0")).unwrap();
        assert_eq!(read[0].entries, [StreamEntry::new(id(2), HashMap::new())]);

        cluster.xadd("a{x}", ("n", 5)).unwrap();
        let no_ack = XReadGroupOptions::new().no_ack();
        let read: Vec<StreamEntries> = cluster.xreadgroup_with("g", "cleo", ("a{x}", ">"), no_ack).unwrap();
        assert_eq!(read[0].entries.len(), 1);
        // A group may have the name of an option.
        cluster.xgroup_create("a{x}", "STREAMS", "0").unwrap();
        assert_eq!(new(cluster, "STREAMS", "BLOCK", "a{x}").len(), 4);
        let left: PendingSummary = cluster.xpending("a{x}", "g").unwrap();
        assert_eq!((left.count, left.lowest, left.highest), (3, Some(id(2)), Some(id(4))));
    });
}

#[test]
fn looking_at_what_is_pending() {
    in_both_protocols(|cluster, _| {
        fill(cluster, "s", 4);
        cluster.xgroup_create("s", "g", "0").unwrap();
        let nothing = PendingSummary { count: 0, lowest: None, highest: None, consumers: Vec::new() };
        assert_eq!(cluster.xpending::<_, _, String>("s", "g").unwrap(), nothing);
        assert_eq!(pending(cluster, "s", "g"), []);
        let three = XReadGroupOptions::new().count(3);
        let _: Vec<StreamEntries> = cluster.xreadgroup_with("g", "anna", ("s", ">"), three).unwrap();
        assert_eq!(new(cluster, "g", "bert", "s"), [4]);
        let mut some: PendingSummary = cluster.xpending("s", "g").unwrap();
        some.consumers.sort();
        let consumers = vec![("anna".to_owned(), 3), ("bert".to_owned(), 1)];
        assert_eq!(some, PendingSummary { count: 4, lowest: Some(id(1)), highest: Some(id(4)), consumers });

        let entry = |millis, consumer: &str| (millis, consumer.to_owned(), 1);
        assert_eq!(
            pending(cluster, "s", "g"),
            [entry(1, "anna"), entry(2, "anna"), entry(3, "anna"), entry(4, "bert")]
        );
        let range: Vec<PendingEntry> = cluster.xpending_range("s", "g", id(2)..id(4), 1).unwrap();
        assert_eq!((range.len(), range[0].id), (1, id(2)));
        assert!(range[0].idle < Duration::from_secs(60));
        let ask = |options: XPendingOptions| {
            let found: Vec<PendingEntry> = cluster.xpending_range_with("s", "g", .., 9, options).unwrap();
            found.iter().map(|entry| entry.id.millis).collect::<Vec<_>>()
        };
        assert_eq!(ask(XPendingOptions::new()), [1, 2, 3, 4]);
        assert_eq!(ask(XPendingOptions::new().consumer("bert")), [4]);
        assert_eq!(ask(XPendingOptions::new().consumer("nobody")), []);
        thread::sleep(SHORT);
        assert_eq!(ask(XPendingOptions::new().idle(Duration::from_millis(1)).consumer("anna".to_owned())), [1, 2, 3]);
        assert_eq!(ask(XPendingOptions::new().idle(Duration::from_secs(3600))), []);
    });
}

#[test]
fn claiming() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 5);
        cluster.xgroup_create("s", "g", "0").unwrap();
        assert_eq!(new(cluster, "g", "anna", "s").len(), 5);
        let claim = |ids| cluster.xclaim::<_, _, _, _, Pairs>("s", "g", "bert", NOW, ids).unwrap();
        assert_eq!(ids(&claim(vec![id(1), id(2), id(9)])), [1, 2]);
        let hour = Duration::from_secs(3600);
        assert_eq!(cluster.xclaim::<_, _, _, _, Pairs>("s", "g", "bert", hour, id(3)).unwrap(), []);
        let options = XClaimOptions::new;
        assert_eq!(cluster.xclaim_ids("s", "g", "cleo", NOW, [id(2), id(3)], options()).unwrap(), [id(2), id(3)]);
        let held = |millis, consumer: &str, deliveries| (millis, consumer.to_owned(), deliveries);
        let expected =
            [held(1, "bert", 2), held(2, "cleo", 2), held(3, "cleo", 1), held(4, "anna", 1), held(5, "anna", 1)];
        assert_eq!(pending(cluster, "s", "g"), expected);

        let far = options().idle(hour).deliveries(7);
        assert_eq!(cluster.xclaim_with::<_, _, _, _, Pairs>("s", "g", "cleo", NOW, id(4), far).unwrap().len(), 1);
        let ago = SystemTime::now() - 2 * hour;
        let far = options().delivered_at(ago).last_id(id(5));
        assert_eq!(cluster.xclaim_with::<_, _, _, _, Pairs>("s", "g", "cleo", NOW, id(5), far).unwrap().len(), 1);
        let entries: Vec<PendingEntry> = cluster.xpending_range("s", "g", id(4).., 9).unwrap();
        assert_eq!((entries[0].deliveries, entries[1].deliveries), (7, 2));
        assert!(entries[0].idle >= hour && entries[0].idle < 2 * hour, "{entries:?}");
        assert!(entries[1].idle > hour && entries[1].idle < 3 * hour, "{entries:?}");

        // What was delivered to nobody, and what is no more.
        cluster.xack("s", "g", id(1)).unwrap();
        assert_eq!(claim(vec![id(1)]), []);
        let force = options().force();
        assert_eq!(cluster.xclaim_ids("s", "g", "bert", NOW, id(1), force).unwrap(), [id(1)]);
        cluster.xdel("s", [id(1), id(2)]).unwrap();
        assert_eq!(ids(&claim(vec![id(1), id(2), id(3)])), [3]);
        let left: PendingSummary = cluster.xpending("s", "g").unwrap();
        let since_7 = servers[0].is_since("7.0", "what XCLAIM does with deleted entries");
        assert_eq!(left.count, if since_7 { 3 } else { 5 });
    });
}

#[test]
fn claiming_whatever_waits_for_long() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 5);
        cluster.xgroup_create("s", "g", "0").unwrap();
        assert_eq!(new(cluster, "g", "anna", "s").len(), 5);
        cluster.xdel("s", id(2)).unwrap();
        let since_7 = servers[0].is_since("7.0", "what XAUTOCLAIM does with deleted entries");

        let (mut claimed, mut deleted, mut from) = (Vec::new(), Vec::new(), Some(StreamId::MIN));
        let mut rounds = 0;
        while let Some(start) = from {
            let some: AutoClaimed<StreamEntry<Pairs>> =
                cluster.xautoclaim("s", "g", "bert", NOW, start, Some(2)).unwrap();
            claimed.extend(ids(&some.claimed));
            deleted.extend(some.deleted);
            from = some.next;
            rounds += 1;
        }
        assert_eq!(claimed, [1, 3, 4, 5]);
        assert_eq!(deleted, if since_7 { vec![id(2)] } else { vec![] });
        assert_eq!(rounds, 3);

        let hour = Duration::from_secs(3600);
        let nothing: AutoClaimed<StreamEntry<Pairs>> =
            cluster.xautoclaim("s", "g", "cleo", hour, StreamId::MIN, None).unwrap();
        assert_eq!(nothing, AutoClaimed { next: None, claimed: Vec::new(), deleted: Vec::new() });
        let some = cluster.xautoclaim_ids("s", "g", "cleo", NOW, id(3), Some(1)).unwrap();
        assert_eq!((some.claimed, some.next), (vec![id(3)], Some(id(4))));
        let some = cluster.xautoclaim_ids("s", "g", "cleo", NOW, id(4), None).unwrap();
        assert_eq!((some.claimed, some.next), (vec![id(4), id(5)], None));
        let held: PendingSummary = cluster.xpending("s", "g").unwrap();
        assert!(held.consumers.contains(&("cleo".to_owned(), 3)));
    });
}

#[test]
fn missing_streams_and_groups() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.xlen("s").unwrap(), 0);
        assert_eq!(cluster.xrange::<_, _, Pairs>("s", ..).unwrap(), []);
        assert_eq!(cluster.xrange_count::<_, _, Pairs>("s", .., 1).unwrap(), []);
        assert_eq!(cluster.xrevrange::<_, _, Pairs>("s", ..).unwrap(), []);
        assert_eq!(cluster.xrevrange_count::<_, _, Pairs>("s", .., 1).unwrap(), []);
        assert_eq!(cluster.xdel("s", id(1)).unwrap(), 0);
        assert_eq!(cluster.xtrim("s", StreamTrim::max_len(0)).unwrap(), 0);
        assert_eq!(cluster.xread::<_, String, Pairs>([("s", "0"), ("t{s}", "$")]).unwrap(), []);
        assert_eq!(cluster.xack("s", "g", id(1)).unwrap(), 0);
        for code in ["ERR", "NOGROUP"] {
            // First no stream, then no group.
            if code == "NOGROUP" {
                fill(cluster, "s", 1);
                assert_eq!(cluster.xack("s", "g", id(1)).unwrap(), 0);
                assert!(!cluster.xgroup_destroy("s", "g").unwrap());
            } else {
                fails_with_code(code, cluster.xgroup_destroy("s", "g"));
                fails_with_code(code, cluster.xgroup_create("s", "g", "0"));
                fails_with_code(code, cluster.xinfo_stream::<_, Pairs>("s"));
                fails_with_code(code, cluster.xinfo_stream_full::<_, Pairs, String>("s", None));
                fails_with_code(code, cluster.xinfo_groups::<_, String>("s"));
                fails_with_code(code, cluster.xsetid("s", id(1)));
            }
            fails_with_code(code, cluster.xgroup_setid("s", "g", "0"));
            fails_with_code(code, cluster.xgroup_createconsumer("s", "g", "c"));
            fails_with_code(code, cluster.xgroup_delconsumer("s", "g", "c"));
            fails_with_code(code, cluster.xinfo_consumers::<_, _, String>("s", "g"));
            let code = "NOGROUP";
            fails_with_code(code, cluster.xreadgroup::<_, _, _, String, Pairs>("g", "c", ("s", ">")));
            fails_with_code(code, cluster.xpending::<_, _, String>("s", "g"));
            fails_with_code(code, cluster.xpending_range::<_, _, _, String>("s", "g", .., 1));
            fails_with_code(code, cluster.xclaim::<_, _, _, _, Pairs>("s", "g", "c", NOW, id(1)));
            fails_with_code(code, cluster.xautoclaim::<_, _, _, Pairs>("s", "g", "c", NOW, id(1), None));
        }
        let groups: Vec<GroupInfo> = cluster.xinfo_groups("s").unwrap();
        assert_eq!(groups, []);
        assert_eq!(servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum::<i64>(), 1, "nothing else was made");
    });
}
