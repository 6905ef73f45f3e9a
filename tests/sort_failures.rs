//! `SORT` over several nodes when one of them is dead, silent, cut off or refuses: nothing is stored by half.

use rediscluster::prelude::*;
use rediscluster::{CrossNode, Error, ErrorKind, Outcome, SortOptions};
use rediscluster_testing::{cluster_of, Cut, Reply, Server, Wire};
use std::time::Duration;

#[test]
fn it_can_be_forbidden() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).cross_node(CrossNode::Refuse).connect().unwrap();
    for (line, named) in [
        ("SORT foo BY w_*", "w_*"),
        ("SORT foo GET w_*{bar}", "w_*{bar} on node_1"),
        ("SORT foo STORE bar", "bar on node_1"),
    ] {
        let error = cluster.execute(cmd("SORT").args_of(line.split(' ').skip(1).collect::<Vec<_>>())).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::CrossNode, Outcome::NotApplied), "{error}");
        assert!(error.message().contains(named), "{error}");
    }
    cluster.execute(cmd("SORT").args_of(["foo", "BY", "w_*{foo}", "GET", "#", "GET", "nothing"])).unwrap();
    assert!(servers[0].calls("sort") == 0 && servers[1].calls("sort") == 1);
}

#[test]
fn a_dead_node_of_a_weight_is_named_and_nothing_is_stored() {
    let mut servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.rpush("l", [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    cluster.set("d", "kept").unwrap();
    let free = ["node_1", "node_2", "node_3"]
        .iter()
        .position(|name| ["l", "d"].iter().all(|key| cluster.node_for(*key).name() != *name))
        .expect("a node without either");
    servers[free].kill();
    let dead = format!("node_{}", free + 1);
    for options in [SortOptions::new().by("w_*"), SortOptions::new().get("v_*"), SortOptions::new().get("h_*->f")] {
        let error = cluster.sort_store("l", "d", options.clone()).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
        assert!(error.node().is_some_and(|node| node.starts_with(&dead)), "{error}");
        let error = cluster.sort::<_, Vec<i64>>("l", options).unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::Connect, Some("SORT")), "{error}");
    }
    assert_eq!(cluster.get::<_, String>("d").unwrap(), "kept");
}

#[test]
fn a_stored_list_is_whole_or_as_before() {
    let servers = [Server::start(), Server::start()];
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true);
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    for line in ["SORT bar BY w_* GET # GET v_* STORE foo", "SORT foo BY nothing GET h_*->f GET # STORE bar"] {
        let (source, destination) = if line.starts_with("SORT bar") { (0, 1) } else { (1, 0) };
        let names = ["bar", "foo"];
        let mut cuts = 0;
        for wire in &wires {
            for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
                for nth in 0.. {
                    wires.iter().for_each(Wire::mend);
                    servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
                    servers[source].ask(&["SADD", names[source], "2", "1", "3"]);
                    servers[destination].ask(&["RPUSH", names[destination], "old"]);
                    // One that the server itself has to judge.
                    cluster.mset([("w_1", "1"), ("w_2", " 1"), ("w_3", "inf")]).unwrap();
                    wire.cut_at(nth, cut);
                    let words: Vec<&str> = line.split(' ').skip(1).collect();
                    let result: Result<u64, Error> = cluster.execute(cmd("SORT").args_of(words).reply());
                    let story = format!("{line}, {cut:?} {nth}: {result:?}");
                    let held = servers[destination].ask(&["LRANGE", names[destination], "0", "-1"]);
                    let before = Reply::bulks(&["old"]);
                    let is_whole = held != before && servers[destination].ask(&["LLEN", names[destination]]).int() == 6;
                    match &result {
                        Ok(count) => assert!(is_whole && *count == 6, "{story}"),
                        Err(error) if error.is_server() => assert_eq!(held, before, "{story}"),
                        Err(error) if error.outcome() == Outcome::NotApplied => assert_eq!(held, before, "{story}"),
                        Err(_) => assert!(is_whole || held == before, "{story}: {held:?}"),
                    }
                    if let Err(error) = &result {
                        assert!(error.node().is_some() && error.command() == Some("SORT"), "{story}");
                    }
                    for server in &servers {
                        assert_eq!(server.ask(&["KEYS", "rediscluster:*"]), Reply::Array(Vec::new()), "{story}");
                    }
                    if !wire.is_cut() {
                        break;
                    }
                    cuts += 1;
                }
            }
        }
        assert!(cuts >= 8, "only {cuts} cuts were met");
    }
}

#[test]
fn replicas_serve_what_only_reads() {
    let masters = [Server::start(), Server::start()];
    if !masters[0].is_since("7.0", "SORT_RO") {
        return;
    }
    let mut replicas = [Server::replica_of(&masters[0], &[]), Server::replica_of(&masters[1], &[])];
    let cluster = cluster_of(&masters).deadline(Duration::from_secs(8)).connect().unwrap();
    cluster.rpush("l", [1, 2, 3, 4]).unwrap();
    cluster.mset([("w_1", 4), ("w_2", 3), ("w_3", 2), ("w_4", 1)]).unwrap();
    (0..2).for_each(|at| masters[at].wait_for_replica(&replicas[at]));
    let sorted = || cluster.sort_ro::<_, Vec<i64>>("l", SortOptions::new().by("w_*").get("w_*")).unwrap();
    assert_eq!(sorted(), [1, 2, 3, 4]);
    assert!(masters.iter().all(|master| master.calls("mget") + master.calls("sort_ro") == 0));
    assert!(replicas.iter().all(|replica| replica.calls("mget") > 0), "both were asked");
    let before = replicas.iter().map(|replica| replica.calls("mget")).collect::<Vec<_>>();
    assert_eq!(cluster.sort::<_, Vec<i64>>("l", SortOptions::new().by("w_*")).unwrap(), [4, 3, 2, 1]);
    assert_eq!(replicas.iter().map(|replica| replica.calls("mget")).collect::<Vec<_>>(), before, "masters serve SORT");
    // One that says nothing and one that is gone cost no read.
    replicas[0].freeze();
    replicas[1].kill();
    assert_eq!(sorted(), [1, 2, 3, 4]);
    replicas[0].thaw();
}

#[test]
fn a_user_may_need_every_command() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-mget"]);
    }
    let cluster = cluster_of(&servers).username("lim").password("pw").connect().unwrap();
    cluster.rpush("foo", [1, 2]).unwrap();
    cluster.set("bar", "kept").unwrap();
    let error = cluster.sort_store("foo", "bar", SortOptions::new().by("w_*")).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
    assert_eq!(cluster.get::<_, String>("bar").unwrap(), "kept");
}
