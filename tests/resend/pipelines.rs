//! Pipelines, of which what was not applied is sent again in order.

use super::*;

#[test]
fn what_a_node_gets_of_a_pipeline_follows_its_master_in_order() {
    for begins_at in [0, 1, 1_250, 2_499] {
        let nodes = Nodes::start();
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        nodes.wire.between(begins_at, nodes.failover());
        observer.take();
        let mut pipeline = cluster.pipeline();
        let slots: Vec<(Slot<u64>, Slot<i64>)> =
            (0..1_250).map(|n| (pipeline.rpush("list{foo}", [n]), pipeline.incr("foo"))).collect();
        let bar = pipeline.incr("bar");
        // What follows a command that runs by itself goes to the new master at once.
        pipeline.ping();
        let last = pipeline.incr("foo");
        let replies = pipeline.run().unwrap();
        assert_eq!(replies.get(last).unwrap(), 1_251);
        for (n, (pushed, count)) in slots.into_iter().enumerate() {
            assert_eq!((replies.get(pushed).unwrap(), replies.get(count).unwrap()), (n as u64 + 1, n as i64 + 1));
        }
        assert_eq!(replies.get(bar).unwrap(), 1);
        assert!(nodes.wire.has_happened());
        assert_eq!(list(&nodes.new, "list"), (0..1_250).collect::<Vec<_>>());
        let (retries, pipelines) = observer.take();
        assert_eq!(retries, [(nodes.wire.address(), "pipeline".to_owned(), 1, ErrorKind::ReadOnly)]);
        assert_eq!(pipelines, 1);
        assert_eq!(cluster.node_for("foo").address().port(), nodes.new.port());
    }
}

#[test]
fn without_retries_a_pipeline_ends_where_it_was_refused() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.wire.between(700, nodes.failover());
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<u64>> = (0..2_500).map(|n| pipeline.rpush("list{foo}", [n])).collect();
    let replies = pipeline.run_each();
    for (n, slot) in slots.into_iter().enumerate() {
        match replies.get(slot) {
            Ok(length) => assert!(n < 700 && length == n as u64 + 1, "{n}"),
            Err(error) => assert_eq!((n >= 700, told(&error)), (true, (ErrorKind::ReadOnly, Outcome::NotApplied, 1))),
        }
    }
    assert_eq!(list(&nodes.new, "list"), (0..700).collect::<Vec<_>>());
    let mut pipeline = cluster.pipeline();
    pipeline.rpush("list{foo}", [700]);
    pipeline.run().unwrap();
    assert_eq!(list(&nodes.new, "list"), (0..=700).collect::<Vec<_>>(), "the next run goes to the new master");
}

#[test]
fn nothing_of_a_node_is_sent_again_behind_what_may_have_been_applied() {
    for cut in [Cut::BeforeReply, Cut::BeforeCommand] {
        let nodes = Nodes::start();
        let cluster = nodes.cluster().retries(quick(9).also_unknown());
        nodes.wire.at(700, cut, nodes.failover());
        let mut pipeline = cluster.pipeline();
        let slots: Vec<Slot<u64>> = (0..2_500).map(|n| pipeline.rpush("list{foo}", [n])).collect();
        pipeline.ping();
        let late = pipeline.rpush("late{foo}", [0]);
        let replies = pipeline.run_each();
        let there = list(&nodes.new, "list");
        assert!(there == (0..700).collect::<Vec<_>>() || there == (0..=700).collect::<Vec<_>>(), "{}", there.len());
        for (n, slot) in slots.into_iter().enumerate() {
            match replies.get(slot).map_err(|error| error.outcome()) {
                Ok(_) => assert!(n < 700),
                Err(Outcome::Unknown) => assert!((700..2_000).contains(&n), "{n}"),
                Err(outcome) => assert!(n > 700 && outcome == Outcome::NotApplied, "{n} {outcome:?}"),
            }
        }
        assert_eq!(replies.get(late).unwrap(), 1, "what comes after a command that runs by itself");
        assert_eq!(list(&nodes.new, "late"), [0]);
    }
}

#[test]
fn a_pipeline_follows_a_master_that_is_gone() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.wire.at(0, Cut::BeforeCommand, || {});
    let (new, wire) = (Arc::clone(&nodes.new), nodes.wire);
    let _ = cluster.masters_only().get::<_, Value>("foo");
    drop(wire);
    new.promote();
    let mut pipeline = cluster.pipeline();
    let (foo, bar) = (pipeline.incr("foo"), pipeline.incr("bar"));
    // Of two nodes, and in order with those before and behind.
    pipeline.mset([("foo", 10), ("bar", 10)]);
    let (foo_too, bar_too) = (pipeline.incr("foo"), pipeline.incr("bar"));
    let moved = pipeline.rename("foo", "bar");
    let last = pipeline.incr("bar");
    let replies = pipeline.run().unwrap();
    let counts = [foo, bar, foo_too, bar_too, last].map(|slot| replies.get(slot).unwrap());
    assert_eq!(counts, [1, 1, 11, 11, 12]);
    replies.get(moved).unwrap();
    assert_eq!((new.calls("mset"), nodes.first.calls("mset")), (2, 2), "once to connect, once here");
}

#[test]
fn each_part_of_a_pipeline_is_sent_once_more_only() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    // The new one refuses as well.
    nodes.failover()();
    nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let bar = pipeline.incr("bar");
    let replies = pipeline.run_each();
    assert_eq!(replies.get(bar).unwrap(), 1);
    let error = replies.get(foo).unwrap_err();
    // At the old one, and at the new one as often as what passes is tried.
    assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::NotApplied, 5));
    assert!(error.node().unwrap().contains(&nodes.new.address()), "{error}");
}

#[test]
fn attempts_at_both_masters_count() {
    type Call = fn(&Cluster) -> Result<(), Error>;
    let calls: [Call; 3] = [
        |cluster| cluster.set("foo", 1),
        |cluster| cluster.on("node_2")?.set("foo", 1),
        |cluster| crate::transactions::transaction(cluster).map(drop),
    ];
    for call in calls {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.failover()();
        nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
        let error = call(&cluster).unwrap_err();
        assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::NotApplied, 5));
    }
}

fn three(cluster: &Cluster) -> Vec<Result<Value, Error>> {
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<i64>> = vec![pipeline.incr("foo"), pipeline.incr("foo"), pipeline.incr("foo")];
    let replies = pipeline.run_each();
    drop(slots);
    let values = replies.values().collect();
    values
}

#[test]
fn a_pipeline_is_sent_again_when_its_server_has_loaded() {
    let observer = Arc::new(Told::default());
    let (peer, asked) = says(LOADING, |nth| nth < 6);
    let builder = Cluster::builder().node("node_1", peer.address()).observer(Arc::clone(&observer));
    assert!(three(&builder.build().unwrap()).iter().all(Result::is_ok));
    assert_eq!(asked.load(Ordering::SeqCst), 9);
    let retry = |attempt| (peer.address(), "pipeline".to_owned(), attempt, ErrorKind::Loading);
    assert_eq!(observer.take(), (vec![retry(1), retry(2)], 1));

    let (peer, asked) = says(LOADING, |_| true);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    for (retries, attempts) in [(Retries::default(), 4), (Retries::none(), 1), (quick(9), 10)] {
        asked.store(0, Ordering::SeqCst);
        for result in three(&cluster.retries(retries)) {
            assert_eq!(told(&result.unwrap_err()), (ErrorKind::Loading, Outcome::NotApplied, attempts));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 3 * attempts as usize);
    }
    // The budget is that of all calls.
    (0..100).for_each(|_| drop(three(&cluster.retries(quick(1)))));
    assert!(asked.load(Ordering::SeqCst) < 30 + 3 * 150, "{}", asked.load(Ordering::SeqCst));
}

#[test]
fn only_the_end_of_what_a_node_gets_is_sent_again() {
    for refusal in [LOADING, READONLY] {
        let (peer, asked) = says(refusal, |nth| nth == 0);
        let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
        let results = three(&cluster);
        let kind = if refusal == LOADING { ErrorKind::Loading } else { ErrorKind::ReadOnly };
        assert_eq!(told(results[0].as_ref().unwrap_err()), (kind, Outcome::NotApplied, 1));
        assert!(results[1].is_ok() && results[2].is_ok());
        // One that says it is a replica is asked for its master.
        assert!(asked.load(Ordering::SeqCst) <= if refusal == LOADING { 3 } else { 4 });
    }
    let (peer, asked) = says(LOADING, |nth| nth == 1 || nth == 2);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    assert!(three(&cluster).iter().all(Result::is_ok));
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    // Reads by themselves: in any order.
    let (peer, asked) = says(LOADING, |nth| nth == 0);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<u64>> = (0..3).map(|_| pipeline.strlen("foo")).collect();
    let replies = pipeline.run().unwrap();
    assert!(slots.into_iter().all(|slot| replies.get(slot).unwrap() == 1));
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // What a script says may come after what it wrote.
    let (peer, asked) = says(b"-LOADING says the script\r\n", |_| true);
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let _ = pipeline.eval::<_, _, _, Value>("return redis.error_reply('LOADING says the script')", ["foo"], [0; 0]);
    assert_eq!(pipeline.run().unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_server_with_too_many_clients_has_read_nothing() {
    let applied = Arc::new(AtomicUsize::new(0));
    let (count, connections) = (Arc::clone(&applied), AtomicUsize::new(0));
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        let is_full = connections.fetch_add(1, Ordering::SeqCst) < 2;
        greet(&mut reader);
        for nth in 1.. {
            match read_command(&mut reader) {
                Ok(Some(_)) if !is_full => {
                    count.fetch_add(1, Ordering::SeqCst);
                    reader.get_mut().write_all(b":1\r\n").unwrap();
                }
                Ok(Some(_)) if nth < 3 => {}
                Ok(Some(_)) => return reader.get_mut().write_all(b"-ERR max number of clients reached\r\n").unwrap(),
                _ => return,
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let error = three(&cluster.retries(Retries::none())).pop().unwrap().unwrap_err();
    assert_eq!((error.outcome(), peer.accepted()), (Outcome::NotApplied, 1));
    assert!(three(&cluster).iter().all(Result::is_ok));
    assert_eq!((applied.load(Ordering::SeqCst), peer.accepted()), (3, 3));
}

#[test]
fn what_was_refused_and_then_lost_is_not_known() {
    // Refused, and sent again over a connection that breaks: nothing is said of the first time.
    let asked = AtomicUsize::new(0);
    let peer = ScriptedPeer::master(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => LOADING.to_vec(),
        _ => Vec::new(),
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let error = pipeline.run_each().get(foo).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Io, Outcome::Unknown, 2));
}

#[test]
fn what_failed_for_good_keeps_its_error_when_the_rest_is_sent_again() {
    let new = Server::start();
    new.ask(&["SET", "foo", "new"]);
    let master = format!("master_host:127.0.0.1\r\nmaster_port:{}\r\nmaster_link_status:up", new.port());
    let history = new.field("replication", "master_replid").unwrap();
    let is_replica = AtomicBool::new(false);
    let peer = ScriptedPeer::answering(move |words| match (&words[0][..], words.get(1).map(Vec::as_slice)) {
        (b"GET", Some(b"foo")) => {
            is_replica.store(true, Ordering::SeqCst);
            b"-MASTERDOWN Link with MASTER is down\r\n".to_vec()
        }
        (b"INFO", _) if is_replica.load(Ordering::SeqCst) => {
            let said = format!("role:slave\r\n{master}\r\nmaster_replid:{history}\r\n");
            format!("${}\r\n{said}\r\n", said.len()).into_bytes()
        }
        (b"INFO", _) => b"$13\r\nrole:master\r\n\r\n".to_vec(),
        _ => b"what?\r\n".to_vec(),
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    let mut pipeline = cluster.retries(quick(1)).pipeline();
    let (foo, bar) = (pipeline.get::<_, String>("foo"), pipeline.get::<_, String>("bar"));
    let replies = pipeline.run_each();
    assert_eq!(replies.get(foo).unwrap(), "new");
    let error = replies.get(bar).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Protocol, Outcome::NotApplied, 1), "{error}");
    assert!(error.node().is_some_and(|node| node.contains(&peer.address())), "{error}");
}
