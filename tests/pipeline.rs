//! Many commands at once over several nodes: every slot gets its own reply, whatever happens to the others.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Side, Slot, Value};
use rediscluster_testing::{
    cluster_of, home_of, in_both_protocols, read_command, Cut, Reply, ScriptedPeer, Server, Wire,
};
use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

#[test]
fn every_slot_gets_its_own_reply() {
    in_both_protocols(|cluster, _| {
        let mut pipeline = cluster.pipeline();
        pipeline.mset([("foo", 1), ("bar", 2), ("k1", 3)]);
        let foo = pipeline.incr("foo");
        let many: Slot<Vec<Option<i64>>> = pipeline.mget(["k1", "nothing", "bar", "foo", "foo"]);
        pipeline.hset("user", [("name", "Ada"), ("town", "London")]);
        let user: Slot<HashMap<String, String>> = pipeline.hgetall("user");
        // Two nodes: everything before is finished first, everything behind comes after.
        pipeline.rename("foo", "bar");
        let renamed: Slot<i64> = pipeline.get("bar");
        let gone = pipeline.exists("foo");
        let pong = pipeline.ping();
        pipeline.rpush("left", ["a", "b"]);
        let moved: Slot<Option<String>> = pipeline.lmove("left", "right", Side::Left, Side::Right);
        let waited: Slot<Option<(String, String)>> = pipeline.blpop(["right"], Duration::from_secs(5));
        let deleted = pipeline.del(["left", "right", "user", "nothing"]);
        assert_eq!(pipeline.len(), 13);
        let replies = pipeline.run().unwrap();
        assert!(pipeline.is_empty());
        assert_eq!(replies.len(), 13);
        assert_eq!(replies.get(foo).unwrap(), 2);
        assert_eq!(replies.get(many).unwrap(), [Some(3), None, Some(2), Some(2), Some(2)]);
        assert_eq!(replies.get(user).unwrap()["town"], "London");
        assert_eq!(replies.get(renamed).unwrap(), 2);
        assert_eq!(replies.get(gone).unwrap(), 0);
        assert_eq!(replies.get(pong).unwrap().len(), 3, "one for each server");
        assert_eq!(replies.get(moved).unwrap().as_deref(), Some("a"));
        assert_eq!(replies.get(waited).unwrap(), Some(("right".to_owned(), "a".to_owned())));
        assert_eq!(replies.get(deleted).unwrap(), 2);
        assert!(pipeline.run().unwrap().is_empty(), "nothing is queued any more");
    });
}

#[test]
fn the_same_key_keeps_its_order() {
    let servers = servers(3);
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    let keys: Vec<String> = (0..20).map(|number| format!("key:{number}")).collect();
    let mut slots: Vec<Slot<i64>> = Vec::new();
    for round in 0..200 {
        for key in &keys {
            slots.push(pipeline.incr(key));
            if round % 50 == 7 {
                pipeline.touch([key, &keys[0]]);
            }
        }
        if round == 100 {
            // Runs by itself in the middle.
            pipeline.ping();
        }
    }
    let replies = pipeline.run().unwrap();
    for (nth, slot) in slots.into_iter().enumerate() {
        assert_eq!(replies.get(slot).unwrap(), (nth / keys.len() + 1) as i64);
    }
}

#[test]
fn a_slot_of_another_pipeline_is_an_error() {
    let servers = servers(1);
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut one = cluster.pipeline();
    let mut other = cluster.pipeline();
    one.set("foo", "secret");
    let wrong = other.get::<_, Option<String>>("bar");
    let replies = one.run().unwrap();
    assert_eq!(replies.get(wrong).unwrap_err().kind(), ErrorKind::Argument);
    // The same one, filled a second time.
    let old = one.get::<_, Option<String>>("foo");
    one.run().unwrap();
    one.set("foo", "x");
    assert_eq!(one.run().unwrap().get(old).unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn a_command_that_cannot_be_sent_fails_alone() {
    let servers = servers(2);
    let cluster = cluster_of(&servers).connect().unwrap();
    let fill = |pipeline: &mut rediscluster::Pipeline| {
        pipeline.set("foo", 1);
        let unknown = pipeline.execute(cmd("NOSUCH").arg("foo"));
        let refused = pipeline.execute(cmd("MULTI"));
        let crossing: Slot<Value> = pipeline.eval("return 1", ["foo", "bar"], ());
        let wrong = pipeline.lpush("foo", ["x"]);
        let right = pipeline.get::<_, i64>("foo");
        (unknown, refused, crossing, wrong, right)
    };
    let mut pipeline = cluster.pipeline();
    let (unknown, refused, crossing, wrong, right) = fill(&mut pipeline);
    let replies = pipeline.run_each();
    let told = |error: Error| (error.kind(), error.outcome(), error.command().unwrap().to_owned());
    assert_eq!(
        told(replies.get(unknown).unwrap_err()),
        (ErrorKind::UnknownCommand, Outcome::NotApplied, "NOSUCH".into())
    );
    assert_eq!(told(replies.get(refused).unwrap_err()), (ErrorKind::Refused, Outcome::NotApplied, "MULTI".into()));
    assert_eq!(told(replies.get(crossing).unwrap_err()), (ErrorKind::CrossNode, Outcome::NotApplied, "EVAL".into()));
    let wrong = replies.get(wrong).unwrap_err();
    assert!(wrong.node().unwrap().starts_with("node_2 "), "{wrong}");
    assert_eq!(told(wrong), (ErrorKind::WrongType, Outcome::NotApplied, "LPUSH".into()));
    assert_eq!(replies.get(right).unwrap(), 1);
    // The strict way tells the first one.
    fill(&mut pipeline);
    let error = pipeline.run().unwrap_err();
    assert_eq!(told(error), (ErrorKind::UnknownCommand, Outcome::Partial, "NOSUCH".into()));
    pipeline.execute(cmd("NOSUCH"));
    let error = pipeline.run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert!(error.message().ends_with("this is command 1 of 1 in a pipeline, and no other failed"), "{error}");
}

#[test]
fn reads_go_to_replicas_unless_the_pipeline_writes_there() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let other = Server::start();
    master.wait_for_replica(&replica);
    let cluster =
        Cluster::builder().node("node_1", other.address()).node("node_2", master.address()).connect().unwrap();
    let calls = || (master.calls("get"), replica.calls("get"));
    let mut pipeline = cluster.pipeline();
    for _ in 0..10 {
        pipeline.get::<_, Value>("foo");
    }
    // A write to another node does not matter.
    pipeline.set("bar", 1);
    pipeline.run().unwrap();
    assert_eq!(calls(), (0, 10));
    let before = pipeline.get::<_, Value>("foo");
    pipeline.set("foo", "x");
    let after = pipeline.get::<_, String>("foo");
    let replies = pipeline.run().unwrap();
    assert_eq!((replies.get(before).unwrap(), replies.get(after).unwrap()), (Value::Nil, "x".to_owned()));
    assert_eq!(calls(), (2, 10));
    let mut view = cluster.masters_only().pipeline();
    let _ = view.get::<_, Value>("foo");
    view.run().unwrap();
    assert_eq!(calls(), (3, 10));
}

#[test]
fn a_replica_that_fails_costs_no_read() {
    for fail in [|replica: &mut Server| replica.kill(), |replica: &mut Server| replica.freeze()] {
        let master = Server::start();
        let mut replica = Server::replica_of(&master, &[]);
        master.wait_for_replica(&replica);
        let cluster =
            Cluster::builder().node("node_1", master.address()).deadline(Duration::from_secs(8)).connect().unwrap();
        cluster.set("foo", "x").unwrap();
        let _: Value = cluster.get("foo").unwrap();
        fail(&mut replica);
        let mut pipeline = cluster.pipeline();
        let slots: Vec<Slot<String>> = (0..3_000).map(|_| pipeline.get("foo")).collect();
        let replies = pipeline.run().unwrap();
        for slot in slots {
            assert_eq!(replies.get(slot).unwrap(), "x");
        }
    }
}

#[test]
fn a_dead_node_fails_its_own_commands_only() {
    let mut servers = servers(3);
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    // Every connection is in use once, so that the dead one is found in the pool.
    for number in 0..30 {
        pipeline.set(format!("key:{number}"), number);
    }
    pipeline.run().unwrap();
    servers[1].kill();
    let mut pipeline = cluster.pipeline();
    let slots: Vec<(String, Slot<i64>)> =
        (0..3_000).map(|number| format!("key:{}", number % 30)).map(|key| (key.clone(), pipeline.incr(key))).collect();
    // Over several nodes: not begun, because one of them cannot be reached.
    let keys = ["a", "b", "c", "d"].map(|key| format!("new:{key}"));
    let pairs: Vec<(&String, i64)> = keys.iter().map(|key| (key, 1)).collect();
    let all = pipeline.mset(&pairs);
    let replies = pipeline.run_each();
    let mut counts = HashMap::new();
    let mut failed = 0;
    for (key, slot) in slots {
        let count = counts.entry(key.clone()).or_insert(key[4..].parse::<i64>().unwrap());
        *count += 1;
        match replies.get(slot) {
            Ok(reply) => assert_eq!(reply, *count, "{key}"),
            Err(error) => {
                assert!(error.node().unwrap().starts_with("node_2 "), "{error}");
                assert_eq!((error.command(), error.outcome()), (Some("INCR"), Outcome::NotApplied));
                assert_eq!(cluster.node_for(&key).name(), "node_2");
                failed += 1;
            }
        }
    }
    assert!(failed > 500, "{failed}");
    let error = replies.get(all).unwrap_err();
    assert_eq!((error.command(), error.outcome()), (Some("MSET"), Outcome::NotApplied), "{error}");
    for server in [&servers[0], &servers[2]] {
        assert_eq!(server.ask(&["KEYS", "new:*"]), Reply::Array(Vec::new()));
    }
    // The next commands on the others get their own replies.
    for (key, count) in counts.iter().filter(|(key, _)| cluster.node_for(key).name() != "node_2") {
        assert_eq!(cluster.get::<_, i64>(key).unwrap(), *count);
    }
}

#[test]
fn a_frozen_node_does_not_keep_the_others_from_going_on() {
    let servers = servers(3);
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(4)).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    servers[0].freeze();
    let slots: Vec<(String, Slot<i64>)> =
        (0..12_000).map(|number| format!("key:{number}")).map(|key| (key.clone(), pipeline.incr(key))).collect();
    let begin = Instant::now();
    let replies = pipeline.run_each();
    assert!(begin.elapsed() < Duration::from_secs(30));
    servers[0].thaw();
    for (key, slot) in slots {
        match (cluster.node_for(&key).name(), replies.get(slot)) {
            ("node_1", Err(error)) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error}"),
            ("node_1", Ok(_)) => panic!("{key}: a frozen server does not answer"),
            (_, result) => assert_eq!(result.unwrap(), 1, "{key}"),
        }
    }
}

#[test]
fn what_is_told_of_a_command_is_true_wherever_the_wire_is_cut() {
    let servers = servers(2);
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true);
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
        for nth in 0.. {
            wires.iter().for_each(Wire::mend);
            cluster.execute(cmd("FLUSHALL")).unwrap();
            wires[1].cut_at(nth, cut);
            let mut pipeline = cluster.pipeline();
            let slots: Vec<(String, Slot<()>)> =
                (0..12).map(|number| format!("key:{number}")).map(|key| (key.clone(), pipeline.set(&key, 1))).collect();
            let both = pipeline.mset([("foo", 1), ("bar", 2)]);
            let replies = pipeline.run_each();
            let story = format!("cut {cut:?} {nth}");
            for (key, slot) in slots {
                let is_set = home_of_wired(&cluster, &servers, &key).ask(&["EXISTS", &key]).int() == 1;
                match replies.get(slot) {
                    Ok(()) => assert!(is_set, "{story}: {key}"),
                    Err(error) => {
                        assert_eq!(cluster.node_for(&key).name(), "node_2", "{story}: {error}");
                        assert!(error.outcome() == Outcome::Unknown || !is_set, "{story}: {key}: {error}");
                    }
                }
            }
            let set = |server: usize, key: &str| servers[server].ask(&["EXISTS", key]).int() == 1;
            match replies.get(both) {
                Ok(()) => assert!(set(0, "bar") && set(1, "foo"), "{story}"),
                Err(error) => {
                    for part in error.parts() {
                        let (server, key) = if part.node == "node_1" { (0, "bar") } else { (1, "foo") };
                        match part.outcome {
                            Outcome::Applied => assert!(set(server, key), "{story}"),
                            Outcome::NotApplied => assert!(!set(server, key), "{story}"),
                            _ => {}
                        }
                    }
                }
            }
            if !wires[1].is_cut() {
                assert!(nth > 4, "the wire was cut {nth} times only");
                break;
            }
        }
    }
}

/// The server behind the wire that a key's node is reached by.
fn home_of_wired<'s>(cluster: &Cluster, servers: &'s [Server], key: &str) -> &'s Server {
    &servers[usize::from(cluster.node_for(key).name() == "node_2")]
}

#[test]
fn a_server_that_reads_on_only_when_its_replies_are_read_is_no_deadlock() {
    // It takes one command at a time and gives a large reply; neither fits any buffer when they come together.
    let large = vec![b'x'; 100_000];
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Ok(Some(words)) = read_command(&mut reader) {
            let reply = match words[0].as_slice() {
                b"GET" => [format!("${}\r\n", large.len()).as_bytes(), &large, b"\r\n"].concat(),
                _ => b"+OK\r\n".to_vec(),
            };
            if writer.write_all(&reply).is_err() {
                return;
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap().deadline(Duration::from_secs(60));
    let mut pipeline = cluster.pipeline();
    let mut slots: Vec<Slot<Vec<u8>>> = Vec::new();
    for number in 0..1_500 {
        slots.push(pipeline.get(format!("key:{number}")));
        pipeline.set(format!("key:{number}"), vec![b'y'; 20_000]);
    }
    let replies = pipeline.run().unwrap();
    for slot in slots {
        assert_eq!(replies.get(slot).unwrap().len(), 100_000);
    }
}

#[test]
fn large_values_both_ways() {
    let servers = servers(2);
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(60)).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    let value = |number: usize| vec![number as u8; 1 << 20];
    for number in 0..40 {
        pipeline.set(format!("key:{number}"), value(number));
    }
    pipeline.set("huge", vec![b'h'; 32 << 20]);
    let huge = pipeline.strlen("huge");
    assert_eq!(pipeline.run().unwrap().get(huge).unwrap(), 32 << 20);
    let slots: Vec<Slot<Vec<u8>>> = (0..40).map(|number| pipeline.get(format!("key:{number}"))).collect();
    let replies = pipeline.run().unwrap();
    for (number, slot) in slots.into_iter().enumerate() {
        assert_eq!(replies.get(slot).unwrap(), value(number));
    }
}

/// `PIPELINE_COMMANDS` sets another number of commands for a long run.
#[test]
fn a_very_long_pipeline() {
    let count: usize = std::env::var("PIPELINE_COMMANDS").map_or(100_000, |count| count.parse().unwrap());
    let servers = servers(3);
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(300)).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    let slots: Vec<Slot<i64>> = (0..count).map(|number| pipeline.incr(format!("key:{}", number % 1_000))).collect();
    let replies = pipeline.run().unwrap();
    for (nth, slot) in slots.into_iter().enumerate() {
        assert_eq!(replies.get(slot).unwrap(), (nth / 1_000 + 1) as i64);
    }
}

#[test]
fn a_server_never_holds_more_than_a_window() {
    // It answers only when nothing more comes.
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let peer = ScriptedPeer::new(move |stream| {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 1 << 16];
        loop {
            match (&stream).read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(_) => {
                    // Every command of the test has one `*`.
                    let waiting = bytes.iter().filter(|byte| **byte == b'*').count();
                    seen.fetch_max(waiting, Ordering::SeqCst);
                    bytes.clear();
                    if (&stream).write_all(&b"+OK\r\n".repeat(waiting)).is_err() {
                        return;
                    }
                }
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap().deadline(Duration::from_secs(60));
    let mut pipeline = cluster.pipeline();
    for _ in 0..5_000 {
        pipeline.set("foo", 1);
    }
    pipeline.run().unwrap();
    let most = most.load(Ordering::SeqCst);
    assert!((900..=1_000).contains(&most), "{most} commands were under way");
}

#[test]
fn pipelines_of_several_threads_share_pools_of_one() {
    let servers = servers(3);
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let cluster = cluster.clone();
            scope.spawn(move || {
                for round in 0..20 {
                    let mut pipeline = cluster.pipeline();
                    let key = |number: usize| format!("{thread}:{number}");
                    for number in 0..50 {
                        pipeline.set(key(number), round);
                    }
                    pipeline.rename(key(0), key(1));
                    let slots: Vec<Slot<Option<i64>>> = (0..50).map(|number| pipeline.get(key(number))).collect();
                    let replies = pipeline.run().unwrap();
                    for (number, slot) in slots.into_iter().enumerate() {
                        let wanted = if number == 0 { None } else { Some(round) };
                        assert_eq!(replies.get(slot).unwrap(), wanted);
                    }
                }
            });
        }
    });
}

#[test]
fn a_pipeline_runs_in_the_database_of_its_view() {
    let servers = servers(2);
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut pipeline = cluster.database(3).pipeline();
    pipeline.mset([("foo", 1), ("bar", 2)]);
    pipeline.rename("foo", "bar");
    pipeline.run().unwrap();
    assert_eq!(home_of(&cluster, &servers, "bar").ask_in(3, &["GET", "bar"]), Reply::bulk("1"));
    assert_eq!(cluster.dbsize().unwrap(), 0);
}
