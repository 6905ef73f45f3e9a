//! Nodes whose masters are named by real Sentinels.

use rediscluster::prelude::*;
use rediscluster::{Address, Cluster, ErrorKind};
use rediscluster_testing::{dead_address, wait_until, ScriptedPeer, Sentinel, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A master and two replicas.
fn group() -> (Server, [Server; 2]) {
    let master = Server::start();
    let replicas = [Server::replica_of(&master, &[]), Server::replica_of(&master, &[])];
    (master, replicas)
}

fn is_master(cluster: &Cluster, server: &Server) -> bool {
    cluster.node_for("k").address().to_string() == server.address()
}

#[test]
fn the_master_that_sentinels_name_is_followed() {
    let (mut master, replicas) = group();
    let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::watching(&[("group", &master)], 2, None)).collect();
    let addresses: Vec<String> = [dead_address()].into_iter().chain(sentinels.iter().map(Sentinel::address)).collect();
    let cluster = Cluster::builder().sentinel("node_1", "group", &addresses).refresh_every(None).connect().unwrap();
    cluster.set("k", 1).unwrap();
    assert!(is_master(&cluster, &master));
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    master.kill();
    wait_until("a write succeeds", || {
        assert_eq!(cluster.get::<_, i64>("k").unwrap(), 1, "replicas serve reads meanwhile");
        cluster.set("k", 2).is_ok()
    });
    let new = replicas.iter().find(|replica| is_master(&cluster, replica)).expect("one of them was promoted");
    assert_eq!(new.field("replication", "role").as_deref(), Some("master"));
    assert_eq!(new.ask(&["GET", "k"]).text(), "2");
    assert_eq!(cluster.node_for("k").name(), "node_1");
    // A program that starts now finds it too, and the old one becomes a replica.
    // The one that was promoted may know it before the Sentinels tell it.
    let builder = || Cluster::builder().sentinel("node_1", "group", &addresses);
    wait_until("the Sentinels name the new master", || builder().connect().is_ok());
    let late = builder().connect().unwrap();
    assert!(!is_master(&late, &master));
    master.restart();
    wait_until("the old one is a replica", || {
        late.refresh().unwrap();
        let topology = late.topology();
        let mut replicas = topology.replicas_of(&topology.shards()[0]);
        replicas.any(|node| node.address().to_string() == master.address())
    });
    // On a busy machine Sentinels may take a living master for dead and promote once more.
    let now = replicas.iter().find(|replica| is_master(&late, replica)).expect("not the one that was killed");
    assert_eq!(now.field("replication", "role").as_deref(), Some("master"));
}

#[test]
fn sentinels_have_credentials_of_their_own() {
    let master = Server::builder().password("of the server").start();
    let sentinel = {
        let plain = Server::start();
        let _replica = Server::replica_of(&plain, &[]);
        Sentinel::watching(&[("group", &plain)], 1, Some("secret"))
    };
    // It names a server that is gone by now. The one that was configured may be the master before it.
    let url = format!("redis://:secret@{}", sentinel.address());
    let builder = || Cluster::builder().password("of the server").node("node_1", master.address());
    let cluster = builder().sentinel("node_1", "group", [&url]).refresh_every(None).build().unwrap();
    let error = cluster.refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("the Sentinels of node_1 name this server"), "{error}");
    assert_eq!(cluster.set("k", 1).unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(master.ask(&["EXISTS", "k"]).int(), 0);
    let alone = |url: &str| Cluster::builder().sentinel("node_1", "group", [url]).connect().unwrap_err();
    assert_eq!(alone(&url).kind(), ErrorKind::Connect, "it names a server that is gone");
    let error = alone(&sentinel.address());
    assert_eq!(error.kind(), ErrorKind::NoAuth, "{error}");
    assert!(error.to_string().contains("no Sentinel of node_1 knows its master"), "{error}");
    assert!(error.node().unwrap().contains(&sentinel.address()), "{error}");
    let unknown = Cluster::builder().sentinel("node_1", "other", [&url]).connect().unwrap_err();
    assert!(unknown.to_string().contains("it knows no master of the name other"), "{unknown}");
}

#[test]
fn two_nodes_of_the_same_sentinel_keep_their_order() {
    let ((first, _a), (second, _b)) = (group(), group());
    let sentinel = Sentinel::watching(&[("one", &first), ("two", &second)], 1, None);
    let cluster = Cluster::builder()
        .sentinel("b", "one", [sentinel.address()])
        .node("a", dead_address())
        .sentinel("a", "two", [sentinel.address()])
        .connect()
        .unwrap();
    let topology = cluster.topology();
    let found: Vec<(String, String)> = topology
        .shards()
        .iter()
        .map(|shard| (shard.name().to_owned(), topology.master_of(shard).address().to_string()))
        .collect();
    assert_eq!(found, [("b".into(), first.address()), ("a".into(), second.address())]);
}

#[test]
fn addresses_that_servers_tell_are_mapped() {
    let (master, replicas) = group();
    // Servers that know themselves by addresses that lead nowhere from here.
    for (replica, host) in replicas.iter().zip(["10.255.255.1", "10.255.255.2"]) {
        replica.ask(&["CONFIG", "SET", "replica-announce-ip", host]);
        replica.promote();
        replica.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    }
    wait_until("the master lists them so", || {
        let info = master.info("replication");
        info.matches("ip=10.255.255.").count() == 2 && info.matches("state=online").count() == 2
    });
    wait_until("they say that their links are up", || {
        replicas.iter().all(|replica| replica.field("replication", "master_link_status").as_deref() == Some("up"))
    });
    let map = |told: &Address| match told.host().starts_with("10.255.255.") {
        true => Address::new("127.0.0.1", told.port()).unwrap(),
        false => told.clone(),
    };
    let cluster = Cluster::builder().node("node_1", master.address()).map_addresses(map).connect().unwrap();
    let topology = cluster.topology();
    let mut found: Vec<String> =
        topology.replicas_of(&topology.shards()[0]).map(|node| node.address().to_string()).collect();
    found.sort();
    let mut wanted: Vec<String> = replicas.iter().map(Server::address).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn the_address_that_sentinels_tell_is_mapped() {
    let master = Server::start();
    let port = master.port().to_string();
    let sentinel = ScriptedPeer::answering(move |words| match words[1].as_slice() {
        b"get-master-addr-by-name" => {
            format!("*2\r\n$12\r\n10.255.255.1\r\n${}\r\n{port}\r\n", port.len()).into_bytes()
        }
        _ => b"-ERR no\r\n".to_vec(),
    });
    let map = |told: &Address| match told.host() {
        "10.255.255.1" => Address::new("127.0.0.1", told.port()).unwrap(),
        _ => told.clone(),
    };
    let builder = Cluster::builder().sentinel("node_1", "group", [sentinel.address()]).map_addresses(map);
    let cluster = builder.connect().unwrap();
    cluster.set("k", 1).unwrap();
    assert!(is_master(&cluster, &master));
}

/// A Sentinel that has the master of its group at this address since failover number `epoch`, or does not tell that number.
fn says(master: &Server, epoch: Option<u32>) -> ScriptedPeer {
    let port = master.port().to_string();
    ScriptedPeer::answering(move |words| says_this(words, &port, epoch))
}

fn says_this(words: &[Vec<u8>], port: &str, epoch: Option<u32>) -> Vec<u8> {
    match (words[1].as_slice(), epoch) {
        (b"get-master-addr-by-name", _) => {
            format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len()).into_bytes()
        }
        (b"MASTER", Some(epoch)) => {
            let epoch = epoch.to_string();
            format!("*4\r\n$4\r\nname\r\n$5\r\ngroup\r\n$12\r\nconfig-epoch\r\n${}\r\n{epoch}\r\n", epoch.len())
                .into_bytes()
        }
        _ => b"-NOPERM no\r\n".to_vec(),
    }
}

#[test]
fn of_sentinels_that_disagree_the_one_of_the_latest_failover_counts() {
    // Both take writes: the old one has not heard yet that it was replaced.
    let (old, new) = (Server::start(), Server::start());
    let found = |sentinels: &[&ScriptedPeer]| {
        let addresses: Vec<String> = sentinels.iter().map(|sentinel| sentinel.address()).collect();
        let cluster = Cluster::builder().sentinel("node_1", "group", addresses).connect().unwrap();
        is_master(&cluster, &new)
    };
    let (late, other_late, soon) = (says(&old, Some(9)), says(&old, Some(9)), says(&new, Some(10)));
    assert!(found(&[&late, &other_late, &soon]) && found(&[&soon, &late, &other_late]));
    // Of those that know of the same failover, or do not say of which one they know, most count, then the first one.
    let (one, two, three) = (says(&old, None), says(&new, None), says(&new, None));
    assert!(found(&[&one, &two, &three]) && found(&[&two, &three, &one]));
    assert!(found(&[&two, &one]) && !found(&[&one, &two]));
}

#[test]
fn a_sentinel_that_has_not_heard_of_a_failover_leads_nobody_back() {
    let (mut old, new) = (Server::start(), Server::start());
    new.ask(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    let said = Arc::new(Mutex::new((old.port(), 0)));
    let sentinel = {
        let said = Arc::clone(&said);
        ScriptedPeer::answering(move |words| {
            let (port, epoch) = *said.lock().unwrap();
            says_this(words, &port.to_string(), Some(epoch))
        })
    };
    let builder = Cluster::builder().sentinel("node_1", "group", [sentinel.address()]).refresh_every(None);
    let cluster = builder.deadline(Duration::from_secs(1)).connect().unwrap();
    cluster.set("k", 1).unwrap();
    old.wait_for_replica(&new);
    old.kill();
    new.promote();
    // The servers tell it, the Sentinel does not know it yet.
    wait_until("the promoted one takes writes", || cluster.set("k", 2).is_ok());
    let refresh = |leads_to: &Server| {
        let _ = cluster.refresh();
        assert!(is_master(&cluster, leads_to));
    };
    refresh(&new);
    old.restart();
    refresh(&new);
    cluster.set("k", 3).unwrap();
    // It has heard of it, and another one that has not is asked after it.
    for failover in [1, 0] {
        let named = if failover == 1 { &new } else { &old };
        *said.lock().unwrap() = (named.port(), failover);
        refresh(&new);
    }
    new.freeze();
    refresh(&new);
    cluster.set("k", 4).unwrap_err();
    assert_eq!(old.ask(&["DBSIZE"]).int(), 0);
    // And a later failover leads there, whatever its data.
    *said.lock().unwrap() = (old.port(), 2);
    refresh(&old);
    cluster.set("k", 5).unwrap();
    new.thaw();
    refresh(&old);
}

#[test]
fn a_server_that_says_it_is_a_replica_is_not_the_master_whatever_sentinels_say() {
    let (old, new) = (Server::start(), Server::start());
    old.ask(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    let sentinels = [says(&old, Some(10)), says(&new, Some(9))];
    let addresses = [sentinels[0].address(), sentinels[1].address()];
    let cluster = Cluster::builder().sentinel("node_1", "group", addresses).connect().unwrap();
    cluster.set("k", 1).unwrap();
    assert!(is_master(&cluster, &new));
}
