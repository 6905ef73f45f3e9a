//! Single commands at the new master of a node, also those over several nodes, of which a part is sent again.

use super::*;

#[test]
fn a_call_that_is_run_again_at_a_new_master_is_told_once() {
    static SCRIPT: Script = Script::new("return redis.call('INCR', KEYS[1])");
    type Call = fn(&Cluster) -> Result<(), Error>;
    let calls: [(&str, Call); 4] = [
        ("SET", |cluster| cluster.set("foo", 1)),
        ("SET", |cluster| cluster.on("node_2")?.set("foo", 1)),
        ("EVALSHA", |cluster| SCRIPT.call().key("foo").run(cluster)),
        ("EVALSHA", |cluster| SCRIPT.call().key("foo").run(&cluster.on("node_2")?)),
    ];
    for (name, call) in calls {
        let nodes = Nodes::start();
        // Earlier servers begin a script and refuse its write.
        if name == "EVALSHA" && !nodes.first.is_since("7.0", "scripts that are refused before they begin") {
            continue;
        }
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        nodes.failover()();
        observer.take();
        call(&cluster).unwrap();
        let (retries, commands) = observer.take();
        assert_eq!((retries.len(), commands), (1, 1), "{name}");
    }
    // A page of a scan.
    let nodes = Nodes::start();
    let observer = Arc::new(Told::default());
    let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
    cluster.hset("hash{foo}", [("field", 1)]).unwrap();
    nodes.failover()();
    drop(nodes.wire);
    observer.take();
    assert_eq!(cluster.hscan_all::<Value, Value>("hash{foo}", ScanOptions::new()).count(), 1);
    assert_eq!(observer.take().1, 1);
}

#[test]
fn who_waits_for_data_goes_on_waiting_at_the_new_master() {
    type Wait = fn(&Cluster) -> Option<(String, String)>;
    let waits: [Wait; 2] = [
        |cluster| cluster.blpop(["list{foo}"], Duration::ZERO).unwrap(),
        |cluster| cluster.blpop(["list{foo}", "list{bar}"], Duration::from_secs(20)).unwrap(),
    ];
    for wait in waits {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        // On one node it is blocked; on several they are watched.
        let is_one = |server: &Server, field| server.field("clients", field).as_deref() == Some("1");
        let waits_at = |server| is_one(server, "blocked_clients") || is_one(server, "tracking_clients");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&cluster));
            wait_until("it waits", || waits_at(&nodes.old));
            nodes.failover()();
            wait_until("it waits at the new master", || waits_at(&nodes.new));
            nodes.new.ask(&["RPUSH", "list", "x"]);
            assert_eq!(waiting.join().unwrap(), Some(("list".to_owned(), "x".to_owned())));
        });
    }
    // What else is in its pipeline does not wait.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.first.ask(&["RPUSH", "list", "x"]);
    nodes.failover()();
    let mut pipeline = cluster.pipeline();
    let foo = pipeline.incr("foo");
    let popped = pipeline.blpop::<_, Value, String>(["list{bar}"], Duration::from_secs(60));
    let replies = pipeline.run().unwrap();
    assert_eq!((replies.get(foo).unwrap(), replies.get(popped).unwrap().unwrap().1), (1, "x".to_owned()));
    // What it waits twice is no longer than the time that it has.
    let nodes = Nodes::start();
    let cluster = nodes.cluster().deadline(Duration::from_millis(300));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cluster.blpop::<_, String, String>(["list{foo}"], Duration::from_secs(60)));
        wait_until("it waits", || nodes.old.field("clients", "blocked_clients").as_deref() == Some("1"));
        std::thread::sleep(Duration::from_millis(400));
        nodes.failover()();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!((error.code(), error.outcome()), (Some("UNBLOCKED"), Outcome::NotApplied), "{error}");
    });
}

#[test]
fn the_part_of_a_command_over_several_nodes_follows_its_master() {
    let nodes = Nodes::start();
    let observer = Arc::new(Told::default());
    let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
    let calls = |command: &str| (nodes.first.calls(command), nodes.new.calls(command));
    nodes.failover()();
    let before = calls("mset");
    observer.take();
    cluster.mset([("foo", 5), ("bar", 5)]).unwrap();
    assert_eq!(calls("mset"), (before.0 + 1, before.1 + 1), "each node once");
    let (retries, commands) = observer.take();
    assert_eq!((retries, commands), (vec![(nodes.wire.address(), "MSET".to_owned(), 1, ErrorKind::ReadOnly)], 1));
    assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [5, 5]);
}

#[test]
fn what_stays_failed_of_a_command_over_several_nodes_is_told_for_each_key() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    let error = cluster.retries(Retries::none()).del(["foo", "bar"]).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::ReadOnly, Outcome::Partial, 1));
    let refused = error.parts().iter().find(|part| part.node == "node_2").unwrap();
    assert_eq!((refused.outcome, refused.keys.as_slice()), (Outcome::NotApplied, &[b"foo".to_vec()][..]));
    cluster.mset([("foo", 1), ("bar", 1)]).unwrap();

    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    nodes.new.ask(&["CONFIG", "SET", "min-replicas-to-write", "9"]);
    let error = cluster.mset([("foo", 1), ("bar", 1)]).unwrap_err();
    assert_eq!((error.code(), error.outcome(), error.attempts()), (Some("NOREPLICAS"), Outcome::Partial, 5));
    // What may have been applied is not sent again, wherever the master is.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.wire.at(0, Cut::BeforeReply, nodes.failover());
    let before = nodes.new.calls("del");
    let error = cluster.del(["foo", "bar"]).unwrap_err();
    // The one of before the failover came by replication.
    assert_eq!((error.outcome(), nodes.new.calls("del") - before), (Outcome::Unknown, 1));
}
