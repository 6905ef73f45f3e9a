//! Handles of one cluster that run their commands in another way, or on named servers.

use rediscluster::prelude::*;
use rediscluster::{CrossNode, ErrorKind, Outcome, ReadFrom, Value};
use rediscluster_testing::{cluster_of, home_of, in_both_protocols, Reply, Server};
use std::time::{Duration, Instant};

#[test]
fn a_view_shares_the_pools() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    let connected = || servers.iter().map(|server| server.field("stats", "total_connections_received").unwrap());
    let before: Vec<u64> = connected().map(|count| count.parse().unwrap()).collect();
    let view = cluster.masters_only().deadline(Duration::from_secs(3)).cross_node(CrossNode::Refuse);
    assert_eq!(view.get::<_, i64>("foo").unwrap(), 1);
    assert_eq!(view.read_from(ReadFrom::Replica).get::<_, i64>("bar").unwrap(), 2);
    assert_eq!(view.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap_err().kind(), ErrorKind::CrossNode);
    assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [1, 2], "the cluster stays as it was");
    let after: Vec<u64> = connected().map(|count| count.parse().unwrap()).collect();
    // Each look at a server was a connection of the test itself.
    let new: Vec<u64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(new, [1, 1]);
}

#[test]
fn reads_of_a_view_go_where_it_says() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    master.wait_for_replica(&replica);
    let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
    let calls = |command: &str| (master.calls(command), replica.calls(command));
    cluster.strlen("foo").unwrap();
    assert_eq!(calls("strlen"), (0, 1));
    cluster.masters_only().strlen("foo").unwrap();
    assert_eq!(calls("strlen"), (1, 1));
    let name = cluster.topology().servers().nth(1).unwrap().1.name().to_owned();
    cluster.on(&name).unwrap().strlen("foo").unwrap();
    assert_eq!(calls("strlen"), (1, 2));
    let refused = cluster.on(&name).unwrap().set("foo", "bar").unwrap_err();
    assert_eq!((refused.kind(), refused.outcome()), (ErrorKind::ReadOnly, Outcome::NotApplied));
}

#[test]
fn the_deadline_of_a_view_is_its_own() {
    let server = Server::start();
    let cluster =
        Cluster::builder().node("node_1", server.address()).deadline(Duration::from_secs(60)).connect().unwrap();
    server.freeze();
    let begin = Instant::now();
    let error = cluster.deadline(Duration::from_millis(200)).get::<_, Value>("foo").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begin.elapsed() < Duration::from_secs(30));
    server.thaw();
    assert_eq!(cluster.get::<_, Value>("foo").unwrap(), Value::Nil);
    assert_eq!(cluster.deadline(Duration::ZERO).get::<_, Value>("foo").unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn databases_are_never_mixed_up() {
    in_both_protocols(|cluster, servers| {
        // One connection a server would have to change its database all the time; several threads share a few.
        std::thread::scope(|scope| {
            for database in 0..4u32 {
                scope.spawn(move || {
                    let view = cluster.database(database);
                    for round in 0..50 {
                        let key = format!("key:{}", round % 7);
                        view.set(&key, database).unwrap();
                        assert_eq!(view.get::<_, u32>(&key).unwrap(), database);
                        let both: Vec<Option<u32>> = view.mget([&key, "nothing"]).unwrap();
                        assert_eq!(both, [Some(database), None]);
                    }
                    view.set("from", database).unwrap();
                    view.rename("from", format!("to:{database}")).unwrap();
                });
            }
        });
        for database in 0..4u32 {
            let home = home_of(cluster, servers, format!("to:{database}"));
            let held = home.ask_in(database, &["GET", &format!("to:{database}")]);
            assert_eq!(held, Reply::bulk(database.to_string()));
        }
        let error = cluster.database(99_999).set("foo", 1).unwrap_err();
        assert_eq!((error.command(), error.outcome()), (Some("SELECT"), Outcome::NotApplied));
        assert!(error.node().is_some(), "{error}");
        assert_eq!(cluster.get::<_, Value>("foo").unwrap(), Value::Nil, "the connection is where it was");
    });
}

#[test]
fn a_cluster_of_another_database_has_views_as_well() {
    let server = Server::start();
    let cluster = Cluster::builder().node("node_1", format!("redis://{}/2", server.address())).connect().unwrap();
    cluster.set("foo", "two").unwrap();
    cluster.database(0).set("foo", "none").unwrap();
    assert_eq!(server.ask_in(2, &["GET", "foo"]), Reply::bulk("two"));
    assert_eq!(server.ask_in(0, &["GET", "foo"]), Reply::bulk("none"));
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "two");
}

#[test]
fn a_named_server_gets_commands_as_they_are() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let first = cluster.on("node_1").unwrap();
    first.set("a{foo}", "kept").unwrap();
    assert_eq!(servers[0].ask(&["GET", "a{foo}"]), Reply::bulk("kept"), "tags mean nothing here");
    assert_eq!(first.time().unwrap().1 / 1_000_000, 0, "one reply, not one for each server");
    let unknown = first.execute(cmd("NOSUCH.COMMAND").arg("secret")).unwrap_err();
    assert_eq!((unknown.kind(), unknown.outcome()), (ErrorKind::Server, Outcome::NotApplied));
    assert!(unknown.node().unwrap().starts_with("node_1 "), "{unknown}");
    for line in ["SELECT", "MULTI", "SUBSCRIBE", "MONITOR", "CLIENT REPLY"] {
        let refused = first.execute(cmd(line).arg("1")).unwrap_err();
        assert_eq!((refused.kind(), refused.outcome()), (ErrorKind::Refused, Outcome::NotApplied), "{line}");
        assert_eq!(cluster.on_each_master().execute(cmd(line)).unwrap_err().kind(), ErrorKind::Refused, "{line}");
    }
    let error = cluster.on("node_9\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().ends_with(r"node_9\n"), "{error}");
    // Commands that a cluster refuses because somebody has to choose the server.
    let (_, page): (u64, Vec<String>) = first.execute(cmd("SCAN").arg(0).reply()).unwrap();
    assert_eq!(page, ["a{foo}"]);
}

#[test]
fn a_key_on_the_wrong_node_goes_where_it_is_told() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let first = cluster.on("node_1").unwrap();
    // A name that no tag could lead anywhere, and a group, which only a whole value has.
    for command in ["XADD a{b}c 1-1 f v", "XGROUP CREATE a{b}c readers 0", "EXPIRE a{b}c 1000"] {
        servers[0].ask(&command.split(' ').collect::<Vec<_>>());
    }
    assert!(first.renamenx_to("a{b}c", "node_2", "a{b}c").unwrap());
    assert_eq!(servers[0].ask(&["DBSIZE"]), Reply::Int(0));
    let Reply::Int(left) = servers[1].ask(&["TTL", "a{b}c"]) else { panic!("a time to live") };
    assert!((990..=1000).contains(&left), "{left}");
    assert!(matches!(servers[1].ask(&["XINFO", "GROUPS", "a{b}c"]), Reply::Array(groups) if groups.len() == 1));

    servers[0].ask(&["SET", "a{b}c", "another"]);
    assert!(!first.renamenx_to("a{b}c", "node_2", "a{b}c").unwrap(), "what is there is never replaced");
    assert_eq!(servers[0].ask(&["GET", "a{b}c"]), Reply::bulk("another"));
    assert!(first.renamenx_to("a{b}c", "node_2", "other").unwrap());
    assert_eq!(servers[1].ask(&["GET", "other"]), Reply::bulk("another"));
    assert_eq!([&servers[0], &servers[1]].map(|server| server.ask(&["DBSIZE"])), [0, 2].map(Reply::Int));

    let gone = first.renamenx_to("nosuch", "node_2", "nosuch").unwrap_err();
    assert_eq!((gone.message(), gone.outcome()), ("ERR no such key", Outcome::NotApplied));
    let nowhere = first.renamenx_to("a", "node_3", "a").unwrap_err();
    assert_eq!((nowhere.kind(), nowhere.outcome()), (ErrorKind::Argument, Outcome::NotApplied));
}

#[test]
fn a_master_that_fails_does_not_keep_the_others_from_answering() {
    let mut servers = vec![Server::start(), Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    servers[1].kill();
    for (at, (node, set)) in cluster.on_each_master().set("foo", "bar").unwrap().into_iter().enumerate() {
        assert_eq!(node.name(), format!("node_{}", at + 1));
        match set {
            Ok(()) => assert_eq!(servers[at].ask(&["GET", "foo"]), Reply::bulk("bar")),
            Err(error) => {
                assert_eq!((at, error.command(), error.outcome()), (1, Some("SET"), Outcome::NotApplied));
                assert!(error.node().unwrap().starts_with("node_2 "), "{error}");
            }
        }
    }
    assert_eq!(servers[0].ask(&["GET", "foo"]), Reply::bulk("bar"));
}

#[test]
fn two_names_for_one_server_are_one_master() {
    let server = Server::start();
    let address = server.address();
    let cluster = Cluster::builder().node("node_1", &address).node("node_2", &address).connect().unwrap();
    assert_eq!(cluster.on_each_master().incr("foo").unwrap().len(), 1);
    assert_eq!(cluster.on("node_2").unwrap().get::<_, i64>("foo").unwrap(), 1);
}
