//! The typed methods for streams and their consumer groups, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Build, Cmd, ConsumerInfo, EntryRemoval, ErrorKind, GroupInfo, PendingEntry, PendingSummary, StreamDetails,
    StreamEntries, StreamEntry, StreamId, StreamInfo, StreamRefs, StreamTrim, XAddOptions, XClaimOptions,
    XGroupCreateOptions, XPendingOptions, XReadGroupOptions, XReadOptions, XSetIdOptions,
};
use rediscluster_testing::{apart, cluster_of, fails_with, home_of, in_both_protocols, wait_until, Server};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

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

fn all(cluster: &Cluster, key: &str) -> Vec<u64> {
    ids(&cluster.xrange::<_, _, Pairs>(key, ..).unwrap())
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
fn adding_entries() {
    in_both_protocols(|cluster, servers| {
        let first = cluster.xadd("s", [("a", "1"), ("b", "2")]).unwrap();
        let second = cluster.xadd("s", ("a", "2")).unwrap();
        let third = cluster.xadd("s", BTreeMap::from([("k", 5)])).unwrap();
        assert!(first < second && second < third);
        let home = home_of(cluster, servers, "s");
        assert_eq!(home.ask(&["XLEN", "s"]).int(), 3);
        assert_eq!(cluster.xlen("s").unwrap(), 3);
        let held: Vec<StreamEntry<Pairs>> = cluster.xrange("s", ..).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(held[0], StreamEntry::new(first, vec![pair("a", "1"), pair("b", "2")]));
        assert_eq!(held[2], StreamEntry::new(third, vec![pair("k", "5")]));
        let maps: Vec<StreamEntry> = cluster.xrange("s", first..=first).unwrap();
        let expected = HashMap::from([pair("a", "1"), pair("b", "2")]);
        assert_eq!(maps, [StreamEntry::new(first, expected)]);

        let options = XAddOptions::new;
        assert_eq!(cluster.xadd_with("none", ("a", 1), options().if_exists()).unwrap(), None);
        assert!(cluster.xadd_with("s", ("a", 1), options().if_exists()).unwrap() > Some(third));
        assert_eq!(
            cluster.xadd_with("t", ("a", 1), options().id(StreamId::new(7, 3))).unwrap(),
            Some(StreamId::new(7, 3))
        );
        fails_with(ErrorKind::Server, cluster.xadd_with("t", ("a", 1), options().id(id(7))));
        fails_with(ErrorKind::Server, cluster.xadd_with("t", ("a", 1), options().id(StreamId::MIN)));
        if servers[0].is_since("7.0", "XADD with half an id") {
            assert_eq!(cluster.xadd_with("t", ("a", 1), options().millis(7)).unwrap(), Some(StreamId::new(7, 4)));
            assert_eq!(cluster.xadd_with("t", ("a", 1), options().millis(9)).unwrap(), Some(id(9)));
        }
        assert_eq!(cluster.xadd_with("t", ("a", 1), options().id(StreamId::MAX)).unwrap(), Some(StreamId::MAX));
        fails_with(ErrorKind::Server, cluster.xadd("t", ("a", 1)));
        let nothing: [(&str, &str); 0] = [];
        assert!(cluster.xadd("s", nothing).is_err());
    });
}

#[test]
fn trimming() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 6);
        assert_eq!(cluster.xtrim("s", StreamTrim::max_len(5)).unwrap(), 1);
        assert_eq!(cluster.xtrim("s", StreamTrim::min_id(id(4))).unwrap(), 2);
        assert_eq!(all(cluster, "s"), [4, 5, 6]);
        assert_eq!(cluster.xtrim("s", StreamTrim::max_len(1).approximately().limit(100)).unwrap(), 0);
        fails_with(ErrorKind::Server, cluster.xtrim("s", StreamTrim::max_len(1).limit(100)));
        let options = XAddOptions::new().id(id(7)).trim(StreamTrim::max_len(2));
        cluster.xadd_with("s", ("n", 7), options).unwrap();
        assert_eq!(all(cluster, "s"), [6, 7]);
        let options = XAddOptions::new().trim(StreamTrim::min_id(id(7)).approximately().limit(0)).id(id(8));
        cluster.xadd_with("s", ("n", 8), options.if_exists()).unwrap();
        assert_eq!(cluster.xlen("s").unwrap(), 3);
        assert_eq!(cluster.xtrim("s", StreamTrim::max_len(0)).unwrap(), 3);
        assert_eq!(home_of(cluster, servers, "s").ask(&["EXISTS", "s"]).int(), 1);

        if servers[0].is_since("8.2", "XTRIM … ACKED") {
            fill(cluster, "acked", 3);
            cluster.xgroup_create("acked", "g", "0").unwrap();
            let trim = StreamTrim::max_len(0).references(StreamRefs::Acked);
            assert_eq!(cluster.xtrim("acked", trim).unwrap(), 0);
            assert_eq!(new(cluster, "g", "anna", "acked"), [1, 2, 3]);
            let trim = StreamTrim::max_len(1).references(StreamRefs::Delete);
            cluster.xadd_with("acked", ("n", 4), XAddOptions::new().id(id(4)).trim(trim)).unwrap();
            assert_eq!(all(cluster, "acked"), [4]);
            assert_eq!(pending(cluster, "acked", "g"), []);
        }
    });
}

#[test]
fn ranges() {
    in_both_protocols(|cluster, _| {
        fill(cluster, "s", 5);
        let range =
            |range: (Bound<StreamId>, Bound<StreamId>)| ids(&cluster.xrange::<_, _, Pairs>("s", range).unwrap());
        assert_eq!(range((Bound::Unbounded, Bound::Unbounded)), [1, 2, 3, 4, 5]);
        assert_eq!(range((Bound::Included(id(2)), Bound::Excluded(id(4)))), [2, 3]);
        assert_eq!(range((Bound::Excluded(id(2)), Bound::Included(id(4)))), [3, 4]);
        assert_eq!(range((Bound::Included(id(4)), Bound::Included(id(2)))), []);
        assert_eq!(ids(&cluster.xrange::<_, _, Pairs>("s", id(4)..).unwrap()), [4, 5]);
        assert_eq!(ids(&cluster.xrange::<_, _, Pairs>("s", ..StreamId::new(2, 1)).unwrap()), [1, 2]);
        assert_eq!(ids(&cluster.xrange_count::<_, _, Pairs>("s", .., 2).unwrap()), [1, 2]);
        assert_eq!(ids(&cluster.xrevrange::<_, _, Pairs>("s", id(2)..id(5)).unwrap()), [4, 3, 2]);
        assert_eq!(ids(&cluster.xrevrange::<_, _, Pairs>("s", ..=id(2)).unwrap()), [2, 1]);
        assert_eq!(ids(&cluster.xrevrange_count::<_, _, Pairs>("s", .., 1).unwrap()), [5]);
        fails_with(ErrorKind::Server, cluster.xrange::<_, _, Pairs>("s", ..StreamId::MIN));
        let behind = (Bound::Excluded(StreamId::MAX), Bound::Unbounded);
        fails_with(ErrorKind::Server, cluster.xrange::<_, _, Pairs>("s", behind));

        // Fields become what the caller asks for, or it is said what came.
        let numbers: Vec<StreamEntry<BTreeMap<String, u32>>> = cluster.xrange("s", id(5)..).unwrap();
        assert_eq!(numbers[0].fields["n"], 5);
        cluster.xadd("s", ("n", "no number")).unwrap();
        fails_with(ErrorKind::Reply, cluster.xrange::<_, _, BTreeMap<String, u32>>("s", ..));
    });
}

#[test]
fn deleting_entries() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 4);
        assert_eq!(cluster.xdel("s", [id(1), id(9)]).unwrap(), 1);
        assert_eq!(cluster.xdel("s", id(2)).unwrap(), 1);
        assert_eq!(cluster.xdel("s", vec!["3-0", "4"]).unwrap(), 2);
        assert_eq!(home_of(cluster, servers, "s").ask(&["EXISTS", "s"]).int(), 1);
        if !servers[0].is_since("8.2", "XDELEX and XACKDEL") {
            return;
        }
        use EntryRemoval::{Kept, Missing, Removed};
        fill(cluster, "t", 6);
        cluster.xgroup_create("t", "g", "0").unwrap();
        assert_eq!(new(cluster, "g", "anna", "t").len(), 6);
        let unknown = StreamId::new(1, 5);
        assert_eq!(cluster.xdelex("t", StreamRefs::Acked, [id(1), unknown]).unwrap(), [Kept, Missing]);
        assert_eq!(cluster.xdelex("t", StreamRefs::Keep, id(1)).unwrap(), [Removed]);
        assert_eq!(cluster.xdelex("t", StreamRefs::Delete, id(2)).unwrap(), [Removed]);
        let held: Vec<u64> = pending(cluster, "t", "g").iter().map(|entry| entry.0).collect();
        assert_eq!(held, [1, 3, 4, 5, 6]);
        fails_with(ErrorKind::Server, cluster.xdelex("t", StreamRefs::Keep, Vec::<StreamId>::new()));

        assert_eq!(
            cluster.xackdel("t", "g", StreamRefs::Keep, [id(3), id(3), id(9)]).unwrap(),
            [Removed, Missing, Missing]
        );
        cluster.xgroup_create("t", "h", "0").unwrap();
        assert_eq!(cluster.xackdel("t", "g", StreamRefs::Acked, [id(4)]).unwrap(), [Kept]);
        assert_eq!(new(cluster, "h", "bert", "t"), [4, 5, 6]);
        assert_eq!(cluster.xackdel("t", "g", StreamRefs::Delete, [id(5)]).unwrap(), [Removed]);
        assert_eq!(cluster.xackdel("t", "h", StreamRefs::Acked, [id(4)]).unwrap(), [Removed]);
        assert_eq!(all(cluster, "t"), [6]);
        assert_eq!(cluster.xackdel("none", "g", StreamRefs::Keep, [id(1)]).unwrap(), [Missing]);
        assert_eq!(cluster.xackdel("t", "none", StreamRefs::Keep, [id(6)]).unwrap(), [Missing]);
        assert_eq!(cluster.xdelex("none", StreamRefs::Keep, [id(1), id(2)]).unwrap(), [Missing, Missing]);
        cluster.set("text", "text").unwrap();
        fails_with(ErrorKind::WrongType, cluster.xdelex("text", StreamRefs::Keep, id(1)));
        fails_with(ErrorKind::WrongType, cluster.xackdel("text", "g", StreamRefs::Keep, id(1)));
    });
}

#[test]
fn reading_several_streams() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "a{x}", 3);
        fill(cluster, "b{x}", 2);
        let read: Vec<StreamEntries> = cluster.xread([("a{x}", id(2)), ("b{x}", id(0)), ("none{x}", id(0))]).unwrap();
        let shape: Vec<(&str, Vec<u64>)> = read.iter().map(|one| (one.name.as_str(), ids(&one.entries))).collect();
        assert_eq!(shape, [("a", vec![3]), ("b", vec![1, 2])]);
        assert_eq!(read[0].entries[0].fields["n"], "3");
        let read: Vec<StreamEntries> = cluster.xread(("a{x}", "0")).unwrap();
        assert_eq!(ids(&read[0].entries), [1, 2, 3]);
        let two = XReadOptions::new().count(2);
        let read: Vec<StreamEntries> = cluster.xread_with([("a{x}", "0"), ("b{x}", "1")], two).unwrap();
        assert_eq!((ids(&read[0].entries), ids(&read[1].entries)), (vec![1, 2], vec![2]));
        let read: Vec<StreamEntries> = cluster.xread([("a{x}", "3"), ("b{x}", "$")]).unwrap();
        assert_eq!(read, []);
        if servers[0].is_since("7.4", "XREAD from +") {
            let read: Vec<StreamEntries> = cluster.xread([("a{x}", "+"), ("none{x}", "+")]).unwrap();
            assert_eq!((read.len(), ids(&read[0].entries)), (1, vec![3]));
        }

        let (here, there) = apart(cluster);
        let streams = [(there.as_str(), "0"), (here.as_str(), "0")];
        assert_eq!(cluster.xread::<_, String, Pairs>(streams).unwrap(), []);
        let block = XReadOptions::new().block(SHORT);
        assert_eq!(cluster.xread_with::<_, String, Pairs>(streams, block).unwrap(), []);
        for key in [&here, &there] {
            fill(cluster, key, 2);
            cluster.xgroup_create(key, "g", "0").unwrap();
        }
        let names = |read: &[StreamEntries]| read.iter().map(|stream| stream.name.clone()).collect::<Vec<_>>();
        let read: Vec<StreamEntries> = cluster.xread_with(streams, block).unwrap();
        assert_eq!((names(&read), ids(&read[0].entries)), (vec![there.clone(), here.clone()], vec![1, 2]));
        let streams = [(there.as_str(), ">"), (here.as_str(), ">")];
        let one = XReadGroupOptions::new().block(SHORT).count(1);
        let read: Vec<StreamEntries> = cluster.xreadgroup_with("g", "c", streams, one).unwrap();
        assert_eq!((names(&read), ids(&read[1].entries)), (vec![there.clone(), here.clone()], vec![1]));
        let read: Vec<StreamEntries> = cluster.xreadgroup("g", "c", streams).unwrap();
        assert_eq!((names(&read), ids(&read[1].entries)), (vec![there.clone(), here.clone()], vec![2]));
        let none: [(&str, &str); 0] = [];
        assert!(cluster.xread::<_, String, Pairs>(none).is_err());
    });
}

#[test]
fn looking_at_a_stream() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 4);
        cluster.xdel("s", id(2)).unwrap();
        cluster.xgroup_create("s", "g", "0").unwrap();
        cluster.xgroup_create("s", "h", id(3)).unwrap();
        let read: Vec<StreamEntries> =
            cluster.xreadgroup_with("g", "anna", ("s", ">"), XReadGroupOptions::new().count(1)).unwrap();
        assert_eq!(ids(&read[0].entries), [1]);
        cluster.xgroup_createconsumer("s", "g", "bert").unwrap();
        let since_7 = servers[0].is_since("7.0", "what XINFO tells of the past");

        let info: StreamInfo<Pairs> = cluster.xinfo_stream("s").unwrap();
        assert_eq!((info.length, info.groups, info.last_id), (3, 2, id(4)));
        assert!(info.radix_tree_keys > 0 && info.radix_tree_nodes > 0);
        let entry = |millis: u64| StreamEntry::new(id(millis), vec![("n".to_owned(), millis.to_string())]);
        assert_eq!((info.first_entry, info.last_entry), (Some(entry(1)), Some(entry(4))));
        let past = (info.max_deleted_id, info.entries_added, info.first_recorded_id);
        assert_eq!(past, if since_7 { (Some(id(2)), Some(4), Some(id(1))) } else { (None, None, None) });

        let groups: Vec<GroupInfo> = cluster.xinfo_groups("s").unwrap();
        assert_eq!((groups[0].name.as_str(), groups[0].consumers, groups[0].pending), ("g", 2, 1));
        assert_eq!((groups[0].last_delivered_id, groups[1].last_delivered_id), (id(1), id(3)));
        // After a deletion the server cannot tell how many the group has read.
        assert_eq!((groups[1].entries_read, groups[1].pending), (None, 0));

        let mut consumers: Vec<ConsumerInfo> = cluster.xinfo_consumers("s", "g").unwrap();
        consumers.sort_by(|one, other| one.name.cmp(&other.name));
        let [anna, bert] = &consumers[..] else { panic!("{consumers:?}") };
        assert_eq!((anna.name.as_str(), anna.pending, bert.name.as_str(), bert.pending), ("anna", 1, "bert", 0));
        assert!(anna.idle < Duration::from_secs(60));
        let since_7_2 = servers[0].is_since("7.2", "XINFO CONSUMERS, inactive");
        assert_eq!((anna.inactive.is_some(), bert.inactive), (since_7_2, None));

        let all: StreamDetails<Pairs> = cluster.xinfo_stream_full("s", None).unwrap();
        assert_eq!((all.length, all.last_id, all.entries_added), (3, id(4), since_7.then_some(4)));
        assert_eq!(all.entries, [entry(1), entry(3), entry(4)]);
        let [g, h] = &all.groups[..] else { panic!("{all:?}") };
        assert_eq!((g.name.as_str(), g.last_delivered_id, g.pending_count), ("g", id(1), 1));
        assert_eq!((h.name.as_str(), h.last_delivered_id, h.pending_count), ("h", id(3), 0));
        let [(consumer, delivery)] = &g.pending[..] else { panic!("{g:?}") };
        assert_eq!((consumer.as_str(), delivery.id, delivery.count), ("anna", id(1), 1));
        let anna = g.consumers.iter().find(|consumer| consumer.name == "anna").unwrap();
        let bert = g.consumers.iter().find(|consumer| consumer.name == "bert").unwrap();
        assert_eq!((anna.pending_count, &anna.pending[..]), (1, &[*delivery][..]));
        assert_eq!((bert.pending_count, &bert.pending[..]), (0, &[][..]));
        assert!(anna.seen.elapsed().unwrap() < Duration::from_secs(60) && anna.seen >= delivery.at);
        assert_eq!((anna.active.is_some(), bert.active), (since_7_2, None));
        let two: StreamDetails<Pairs> = cluster.xinfo_stream_full("s", Some(2)).unwrap();
        assert_eq!((two.entries, two.length), (vec![entry(1), entry(3)], 3));

        cluster.xgroup_create_with("empty", "g", "$", XGroupCreateOptions::new().make_stream()).unwrap();
        let info: StreamInfo = cluster.xinfo_stream("empty").unwrap();
        assert_eq!((info.length, info.last_id), (0, StreamId::MIN));
        assert_eq!((info.first_entry, info.last_entry), (None, None));
        let consumers: Vec<ConsumerInfo> = cluster.xinfo_consumers("empty", "g").unwrap();
        assert_eq!(consumers, []);
    });
}

#[test]
fn setting_the_last_id() {
    in_both_protocols(|cluster, servers| {
        fill(cluster, "s", 3);
        cluster.xsetid("s", id(50)).unwrap();
        fails_with(ErrorKind::Server, cluster.xadd_with("s", ("n", 1), XAddOptions::new().id(id(50))));
        fails_with(ErrorKind::Server, cluster.xsetid("s", id(2)));
        fails_with(ErrorKind::Server, cluster.xsetid("none", id(2)));
        if servers[0].is_since("7.0", "XSETID … ENTRIESADDED") {
            let past = XSetIdOptions::new().entries_added(10).max_deleted_id(id(40));
            cluster.xsetid_with("s", id(50), past).unwrap();
            let info: StreamInfo = cluster.xinfo_stream("s").unwrap();
            assert_eq!((info.entries_added, info.max_deleted_id, info.last_id), (Some(10), Some(id(40)), id(50)));
            fails_with(ErrorKind::Server, cluster.xsetid_with("s", id(50), past.entries_added(1)));
        }
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        cluster.set("t", "text").unwrap();
        let wrong = ErrorKind::WrongType;
        let options = XClaimOptions::new();
        fails_with(wrong, cluster.xadd("t", ("a", 1)));
        fails_with(wrong, cluster.xadd_with("t", ("a", 1), XAddOptions::new().if_exists()));
        fails_with(wrong, cluster.xlen("t"));
        fails_with(wrong, cluster.xrange::<_, _, Pairs>("t", ..));
        fails_with(wrong, cluster.xrange_count::<_, _, Pairs>("t", .., 1));
        fails_with(wrong, cluster.xrevrange::<_, _, Pairs>("t", ..));
        fails_with(wrong, cluster.xrevrange_count::<_, _, Pairs>("t", .., 1));
        fails_with(wrong, cluster.xdel("t", id(1)));
        fails_with(wrong, cluster.xtrim("t", StreamTrim::max_len(1)));
        fails_with(wrong, cluster.xsetid("t", id(1)));
        fails_with(wrong, cluster.xread::<_, String, Pairs>(("t", "0")));
        fails_with(wrong, cluster.xread_with::<_, String, Pairs>(("t", "0"), XReadOptions::new().block(SHORT)));
        fails_with(wrong, cluster.xinfo_stream::<_, Pairs>("t"));
        fails_with(wrong, cluster.xinfo_stream_full::<_, Pairs, String>("t", Some(1)));
        fails_with(wrong, cluster.xinfo_groups::<_, String>("t"));
        fails_with(wrong, cluster.xinfo_consumers::<_, _, String>("t", "g"));
        fails_with(wrong, cluster.xgroup_create("t", "g", "0"));
        fails_with(wrong, cluster.xgroup_create_with("t", "g", "0", XGroupCreateOptions::new().make_stream()));
        fails_with(wrong, cluster.xgroup_setid("t", "g", "0"));
        fails_with(wrong, cluster.xgroup_createconsumer("t", "g", "c"));
        fails_with(wrong, cluster.xgroup_delconsumer("t", "g", "c"));
        fails_with(wrong, cluster.xgroup_destroy("t", "g"));
        fails_with(wrong, cluster.xreadgroup::<_, _, _, String, Pairs>("g", "c", ("t", ">")));
        fails_with(wrong, cluster.xack("t", "g", id(1)));
        fails_with(wrong, cluster.xpending::<_, _, String>("t", "g"));
        fails_with(wrong, cluster.xpending_range::<_, _, _, String>("t", "g", .., 1));
        fails_with(wrong, cluster.xclaim::<_, _, _, _, Pairs>("t", "g", "c", NOW, id(1)));
        fails_with(wrong, cluster.xclaim_with::<_, _, _, _, Pairs>("t", "g", "c", NOW, id(1), options));
        fails_with(wrong, cluster.xclaim_ids("t", "g", "c", NOW, id(1), options));
        fails_with(wrong, cluster.xautoclaim::<_, _, _, Pairs>("t", "g", "c", NOW, id(1), None));
        fails_with(wrong, cluster.xautoclaim_ids("t", "g", "c", NOW, id(1), None));
        assert_eq!(cluster.get::<_, String>("t").unwrap(), "text");
    });
}

#[test]
fn names_and_fields_of_any_bytes() {
    in_both_protocols(|cluster, servers| {
        let name: &[u8] = b"s\0\xff\r\n";
        let (field, value): (&[u8], &[u8]) = (b"\x80\0 \r\n", b"\xff\xfe\r\n$-1\r\n");
        let (group, consumer): (&[u8], &[u8]) = (b"g\xff\0", b"\xc3 c\r\n");
        let added = cluster.xadd(name, [(field, value), (b"", b"")]).unwrap();
        assert_eq!(home_of(cluster, servers, name).ask(&[&b"XLEN"[..], name]).int(), 1);
        type Bytes = Vec<(Vec<u8>, Vec<u8>)>;
        let pairs: Bytes = vec![(field.to_vec(), value.to_vec()), (Vec::new(), Vec::new())];
        let entry = StreamEntry::new(added, pairs);
        assert_eq!(cluster.xrange::<_, _, Bytes>(name, ..).unwrap(), vec![entry.clone()]);
        fails_with(ErrorKind::Reply, cluster.xrange::<_, _, Pairs>(name, ..));
        cluster.xgroup_create(name, group, "0").unwrap();
        let read: Vec<StreamEntries<Vec<u8>, Bytes>> = cluster.xreadgroup(group, consumer, (name, ">")).unwrap();
        assert_eq!(read, [StreamEntries { name: name.to_vec(), entries: vec![entry.clone()] }]);
        let read: Vec<StreamEntries<Vec<u8>, Bytes>> = cluster.xread((name, "0")).unwrap();
        assert_eq!(read[0].entries, vec![entry.clone()]);
        let some: PendingSummary<Vec<u8>> = cluster.xpending(name, group).unwrap();
        assert_eq!(some.consumers, [(consumer.to_vec(), 1)]);
        let of = XPendingOptions::new().consumer(consumer);
        let some: Vec<PendingEntry<Vec<u8>>> = cluster.xpending_range_with(name, group, .., 9, of).unwrap();
        assert_eq!((some.len(), some[0].consumer.as_slice()), (1, consumer));
        let groups: Vec<GroupInfo<Vec<u8>>> = cluster.xinfo_groups(name).unwrap();
        assert_eq!(groups[0].name, group);
        let consumers: Vec<ConsumerInfo<Vec<u8>>> = cluster.xinfo_consumers(name, group).unwrap();
        assert_eq!(consumers[0].name, consumer);
        let info: StreamInfo<Bytes> = cluster.xinfo_stream(name).unwrap();
        assert_eq!(info.first_entry, Some(entry));
    });
}

#[test]
fn waiting_until_somebody_adds() {
    in_both_protocols(|cluster, servers| {
        let home = home_of(cluster, servers, "s");
        cluster.xgroup_create_with("s", "g", "$", XGroupCreateOptions::new().make_stream()).unwrap();
        let long = Duration::from_secs(20);
        type Waits<'w> = &'w (dyn Fn() -> Vec<StreamEntries> + Sync);
        let waits: [Waits<'_>; 3] = [
            &|| cluster.xread_with([("none{s}", "$"), ("s", "$")], XReadOptions::new().block(long)).unwrap(),
            &|| cluster.xread_with(("s", "$"), XReadOptions::new().block(Duration::ZERO)).unwrap(),
            &|| cluster.xreadgroup_with("g", "c", ("s", ">"), XReadGroupOptions::new().block(long)).unwrap(),
        ];
        for wait in waits {
            thread::scope(|scope| {
                cluster.xgroup_setid("s", "g", "$").unwrap();
                let waiting = scope.spawn(wait);
                wait_until("somebody waits", || home.field("clients", "blocked_clients").as_deref() == Some("1"));
                home.ask(&["XADD", "s", "*", "came", "yes"]);
                let read = waiting.join().unwrap();
                assert_eq!((read.len(), read[0].name.as_str(), read[0].entries.len()), (1, "s", 1));
                assert_eq!(read[0].entries[0].fields["came"], "yes");
            });
        }
        // The group goes during the wait.
        thread::scope(|scope| {
            let block = XReadGroupOptions::new().block(long);
            let waiting =
                scope.spawn(move || cluster.xreadgroup_with::<_, _, _, String, Pairs>("g", "c", ("s", ">"), block));
            wait_until("somebody waits", || home.field("clients", "blocked_clients").as_deref() == Some("1"));
            home.ask(&["XGROUP", "DESTROY", "s", "g"]);
            assert_eq!(waiting.join().unwrap().unwrap_err().code(), Some("NOGROUP"));
        });
    });
}

#[test]
fn waiting_ends() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).deadline(Duration::from_millis(250)).connect().unwrap();
    cluster.xgroup_create_with("s", "g", "$", XGroupCreateOptions::new().make_stream()).unwrap();
    let begin = Instant::now();
    let block = XReadGroupOptions::new().block(Duration::from_millis(600));
    assert_eq!(cluster.xreadgroup_with::<_, _, _, String, Pairs>("g", "c", ("s", ">"), block).unwrap(), []);
    assert!(begin.elapsed() >= Duration::from_millis(500));
    let block = XReadOptions::new().block(Duration::from_millis(600));
    assert_eq!(cluster.xread_with::<_, String, Pairs>(("s", "$"), block).unwrap(), []);
    for tiny in [Duration::from_nanos(1), Duration::from_micros(999)] {
        assert_eq!(cluster.xread_with::<_, String, Pairs>(("s", "$"), XReadOptions::new().block(tiny)).unwrap(), []);
        let block = XReadGroupOptions::new().block(tiny);
        assert_eq!(cluster.xreadgroup_with::<_, _, _, String, Pairs>("g", "c", ("s", ">"), block).unwrap(), []);
    }
}

#[test]
fn what_is_sent() {
    fn words<T>(cmd: Cmd<T>) -> String {
        cmd.args().iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }
    let trim = StreamTrim::max_len(5).approximately().limit(7).references(StreamRefs::Delete);
    let options = XAddOptions::new().trim(trim).millis(4).if_exists();
    assert_eq!(words(Build.xadd_with("s", ("a", 1), options)), "XADD s NOMKSTREAM MAXLEN ~ 5 LIMIT 7 DELREF 4-* a 1");
    assert_eq!(words(Build.xadd("s", [("a", 1), ("b", 2)])), "XADD s * a 1 b 2");
    assert_eq!(words(Build.xtrim("s", StreamTrim::min_id(id(3)))), "XTRIM s MINID 3-0");
    let range = id(2)..StreamId::new(3, 1);
    assert_eq!(words(Build.xrange::<_, _, ()>("s", range.clone())), "XRANGE s 2-0 (3-1");
    assert_eq!(words(Build.xrevrange_count::<_, _, ()>("s", range, 4)), "XREVRANGE s (3-1 2-0 COUNT 4");
    assert_eq!(words(Build.xrange::<_, _, ()>("s", ..)), "XRANGE s - +");
    assert_eq!(words(Build.xdelex("s", StreamRefs::Acked, [id(1), id(2)])), "XDELEX s ACKED IDS 2 1-0 2-0");
    assert_eq!(words(Build.xackdel("s", "g", StreamRefs::Keep, id(1))), "XACKDEL s g KEEPREF IDS 1 1-0");
    let block = XReadOptions::new().count(3).block(Duration::from_micros(1500));
    let streams = [("a", id(1)), ("b", StreamId::MIN)];
    assert_eq!(words(Build.xread_with::<_, (), ()>(streams, block)), "XREAD COUNT 3 BLOCK 2 STREAMS a b 1-0 0-0");
    let block = XReadGroupOptions::new().no_ack().block(Duration::from_nanos(1));
    let cmd = Build.xreadgroup_with::<_, _, _, (), ()>("g", "c", ("a", ">"), block);
    assert_eq!(words(cmd), "XREADGROUP GROUP g c BLOCK 1 NOACK STREAMS a >");
    let block = XReadOptions::new().block(Duration::ZERO);
    assert_eq!(words(Build.xread_with::<_, (), ()>(("a", "$"), block)), "XREAD BLOCK 0 STREAMS a $");
    let of = XPendingOptions::new().consumer("c").idle(Duration::from_secs(1));
    assert_eq!(words(Build.xpending_range_with::<_, _, _, ()>("s", "g", .., 5, of)), "XPENDING s g IDLE 1000 - + 5 c");
    let options = XClaimOptions::new().force().last_id(id(9)).deliveries(2).idle(Duration::from_millis(4));
    let cmd = Build.xclaim_ids("s", "g", "c", Duration::from_micros(1), [id(1), id(2)], options);
    assert_eq!(words(cmd), "XCLAIM s g c 1 1-0 2-0 IDLE 4 RETRYCOUNT 2 FORCE LASTID 9-0 JUSTID");
    let options = options.delivered_at(SystemTime::UNIX_EPOCH + Duration::from_millis(77));
    let cmd = Build.xclaim_with::<_, _, _, _, ()>("s", "g", "c", NOW, id(1), options);
    assert_eq!(words(cmd), "XCLAIM s g c 0 1-0 TIME 77 RETRYCOUNT 2 FORCE LASTID 9-0");
    let cmd = Build.xautoclaim_ids("s", "g", "c", NOW, StreamId::MIN, Some(3));
    assert_eq!(words(cmd), "XAUTOCLAIM s g c 0 0-0 COUNT 3 JUSTID");
    let options = XGroupCreateOptions::new().entries_read(4).make_stream();
    assert_eq!(words(Build.xgroup_create_with("s", "g", "$", options)), "XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 4");
    assert_eq!(words(Build.xgroup_setid_entries_read("s", "g", id(1), 4)), "XGROUP SETID s g 1-0 ENTRIESREAD 4");
    let options = XSetIdOptions::new().max_deleted_id(id(1)).entries_added(2);
    assert_eq!(words(Build.xsetid_with("s", id(3), options)), "XSETID s 3-0 ENTRIESADDED 2 MAXDELETEDID 1-0");
}
