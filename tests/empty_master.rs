//! A master that comes back without its data takes no writes from those who know of the server that was promoted.

use rediscluster::prelude::*;
use rediscluster::{Cluster, ErrorKind, Outcome};
use rediscluster_testing::{cluster_of, wait_until, Sentinel, Server};
use std::time::{Duration, Instant};

fn is_master(cluster: &Cluster, server: &Server) -> bool {
    cluster.node_for("k").address().to_string() == server.address()
}

/// A master and a replica that has what the master has, which is `k` = 1.
fn pair(cluster: impl FnOnce(&Server) -> Cluster) -> (Server, Server, Cluster) {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = cluster(&master);
    cluster.set("k", 1).unwrap();
    master.wait_for_replica(&replica);
    (master, replica, cluster)
}

fn alone(master: &Server) -> rediscluster::Builder {
    Cluster::builder().node("node_1", master.address()).deadline(Duration::from_secs(1)).refresh_every(None)
}

/// Writes for so long. Whatever a write says, it must not say that it is done, and the empty server stays so.
fn nothing_is_written(cluster: &Cluster, empty: &Server, time: Duration, refreshes: bool) {
    let (began, mut refused) = (Instant::now(), 0);
    while began.elapsed() < time {
        let error = cluster.set("lost", 1).expect_err("nobody may acknowledge this");
        // The one that finds out that the server is silent may have reached it.
        let is_first = error.kind() == ErrorKind::Timeout || error.kind() == ErrorKind::Io;
        assert!(error.outcome() == Outcome::NotApplied || is_first, "{error}");
        refused += usize::from(error.outcome() == Outcome::NotApplied);
        if refreshes {
            assert!(cluster.refresh().is_err(), "a refresh tells");
        }
        assert_eq!(empty.ask(&["DBSIZE"]).int(), 0, "the empty server took a write");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(refused > 0);
}

/// Kill M, promote R, write to R, start M again empty, freeze or kill R.
fn comes_back_empty(every: Option<Duration>, refreshes: bool, kills: bool) {
    let (mut master, mut promoted, cluster) = pair(|master| alone(master).refresh_every(every).connect().unwrap());
    master.kill();
    promoted.promote();
    wait_until("the promoted one takes writes", || cluster.set("k", 2).is_ok());
    assert!(is_master(&cluster, &promoted));
    master.restart();
    match kills {
        true => promoted.kill(),
        false => promoted.freeze(),
    }
    nothing_is_written(&cluster, &master, Duration::from_secs(4), refreshes);
    assert!(is_master(&cluster, &promoted));
    if kills {
        return;
    }
    promoted.thaw();
    wait_until("the promoted one takes writes again", || cluster.set("other", 3).is_ok());
    assert_eq!(cluster.masters_only().get::<_, i64>("k").unwrap(), 2);
    assert_eq!(master.ask(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_master_that_comes_back_empty_is_not_followed_while_the_promoted_one_says_nothing() {
    let often = Some(Duration::from_millis(100));
    let runs = [
        (None, false, false),
        (None, false, true),
        (None, true, false),
        (None, true, true),
        (often, false, false),
        (often, false, true),
    ];
    std::thread::scope(|scope| {
        for (every, refreshes, kills) in runs {
            scope.spawn(move || comes_back_empty(every, refreshes, kills));
        }
    });
}

/// The same with three Sentinels, which name the promoted one all the time.
fn comes_back_empty_under_sentinels(configured: bool) {
    let master = Server::start();
    let mut promoted = Server::replica_of(&master, &[]);
    let mut master = master;
    let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::watching(&[("group", &master)], 2, None)).collect();
    let addresses: Vec<String> = sentinels.iter().map(Sentinel::address).collect();
    let builder = || {
        let builder = Cluster::builder().deadline(Duration::from_secs(1)).refresh_every(Duration::from_millis(200));
        let builder = if configured { builder.node("node_1", master.address()) } else { builder };
        builder.sentinel("node_1", "group", &addresses)
    };
    let cluster = builder().connect().unwrap();
    // It learns of the failover only when the promoted one says nothing any more.
    let asleep = builder().refresh_every(None).connect().unwrap();
    cluster.set("k", 1).unwrap();
    master.wait_for_replica(&promoted);
    let late = builder().refresh_every(None);
    master.kill();
    wait_until("the Sentinels promote", || cluster.set("k", 2).is_ok());
    wait_until("all Sentinels name it", || sentinels.iter().all(|sentinel| names(sentinel) == promoted.port()));
    // From here on they leave everything as it is.
    for sentinel in &sentinels {
        tell(sentinel, &["SENTINEL", "SET", "group", "down-after-milliseconds", "600000"]);
    }
    promoted.freeze();
    master.restart();
    assert_eq!(master.field("replication", "role").as_deref(), Some("master"));
    asleep.refresh().unwrap_err();
    for cluster in [&cluster, &asleep] {
        nothing_is_written(cluster, &master, Duration::from_millis(2_500), false);
    }
    assert!(is_master(&asleep, &promoted), "the Sentinels name it, and that it says nothing changes nothing");
    if let Ok(late) = late.connect() {
        nothing_is_written(&late, &master, Duration::from_millis(2_500), false);
    }
    promoted.thaw();
    wait_until("the promoted one takes writes again", || cluster.set("other", 3).is_ok());
    wait_until("for all", || asleep.set("other", 4).is_ok());
    assert_eq!(promoted.ask(&["GET", "k"]).text(), "2");
    promoted.kill();
}

fn tell(sentinel: &Sentinel, words: &[&str]) -> rediscluster::Value {
    let mut connection = Cluster::builder().open(sentinel.address()).unwrap();
    let words = words[1..].iter().fold(cmd(words[0]), |cmd, word| cmd.arg(*word));
    connection.execute(words.reply()).unwrap()
}

/// The port of the master that a Sentinel names.
fn names(sentinel: &Sentinel) -> u16 {
    let mut connection = Cluster::builder().open(sentinel.address()).unwrap();
    let ask = cmd("SENTINEL").arg("get-master-addr-by-name").arg("group");
    connection.execute::<(String, u16)>(ask.reply()).unwrap().1
}

#[test]
fn a_master_that_comes_back_empty_is_not_followed_when_sentinels_name_the_promoted_one() {
    std::thread::scope(|scope| {
        scope.spawn(|| comes_back_empty_under_sentinels(true));
        scope.spawn(|| comes_back_empty_under_sentinels(false));
    });
}

#[test]
fn an_operator_may_accept_what_nobody_follows() {
    let (mut master, mut promoted, cluster) = pair(|master| alone(master).connect().unwrap());
    let other = Server::start();
    master.kill();
    promoted.promote();
    wait_until("the promoted one takes writes", || cluster.set("k", 2).is_ok());
    promoted.kill();
    master.restart();
    wait_until("nobody is followed", || {
        let error = cluster.set("lost", 1).unwrap_err();
        error.outcome() == Outcome::NotApplied
    });
    let error = cluster.refresh().unwrap_err();
    let told = error.to_string();
    assert!(told.contains(&master.address()) && told.contains("accept_master"), "{told}");
    let refused = |node: &str, address: &str| cluster.accept_master(node, address).unwrap_err().kind();
    assert_eq!(refused("node_2", &master.address()), ErrorKind::Argument);
    assert_eq!(refused("node_1", "no address"), ErrorKind::Config);
    assert_eq!(refused("node_1", &format!("redis://:secret@{}", master.address())), ErrorKind::Config);
    assert_eq!(refused("node_1", &promoted.address()), ErrorKind::Connect);
    let replica = Server::replica_of(&other, &[]);
    assert_eq!(refused("node_1", &replica.address()), ErrorKind::Config);
    assert!(is_master(&cluster, &promoted), "everything is as it was");
    cluster.accept_master("node_1", master.address()).unwrap();
    cluster.clone().set("k", 3).unwrap();
    assert_eq!(master.ask(&["GET", "k"]).text(), "3");
    // It is the one in use from now on.
    master.restart();
    cluster.refresh().unwrap();
    assert!(is_master(&cluster, &master));
    let masters = [master, other];
    let two = cluster_of(&masters).refresh_every(None).connect().unwrap();
    let (first, second) = (two.node_for("bar").address().to_string(), two.node_for("foo").address().to_string());
    let error = two.accept_master("node_1", &second).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "the master of another node");
    assert_eq!(two.node_for("bar").address().to_string(), first);
}

#[test]
fn replicas_of_a_master_that_is_lost_serve_no_reads_for_the_one_that_is_accepted() {
    let (mut master, replica, cluster) = pair(|master| alone(master).connect().unwrap());
    cluster.refresh().unwrap();
    assert_eq!(cluster.get::<_, i64>("k").unwrap(), 1);
    assert!(replica.calls("get") > 0, "it serves reads");
    master.kill();
    let accepted = Server::start();
    cluster.accept_master("node_1", accepted.address()).unwrap();
    cluster.set("k", 2).unwrap();
    assert_eq!(cluster.get::<_, Option<i64>>("k").unwrap(), Some(2));
}

#[test]
fn what_was_asked_before_an_operator_spoke_counts_no_more() {
    // It takes no writes for want of replicas, so all of its servers are asked, of which one says nothing for a while.
    let (old, new, silent) = (Server::start_with(&["--min-replicas-to-write", "1"]), Server::start(), Server::start());
    let builder = alone(&old).node("silent", silent.address()).master_of("node_1", "silent");
    let cluster = builder.connect_timeout(Duration::from_secs(1)).masters_only(true).connect().unwrap();
    silent.freeze();
    let error = cluster.deadline(Duration::from_millis(200)).set("k", 1).unwrap_err();
    assert!(error.to_string().contains("NOREPLICAS"), "{error}");
    cluster.accept_master("node_1", new.address()).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        cluster.set("k", 2).unwrap();
        cluster.refresh().unwrap();
        assert!(is_master(&cluster, &new), "after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_address_in_use_is_followed_through_its_own_restarts() {
    // From its file a master has everything, a new history and no offset.
    let mut master = Server::start_with(&["--appendonly", "yes"]);
    let replica = Server::replica_of(&master, &[]);
    let cluster = alone(&master).connect().unwrap();
    cluster.set("k", 1).unwrap();
    for write in 2..5 {
        master.restart();
        wait_until("it takes writes", || cluster.set("k", write).is_ok());
        cluster.refresh().unwrap();
        assert!(is_master(&cluster, &master));
    }
    // A lone master begins another history after a while.
    wait_until("it has a replica", || master.field("replication", "connected_slaves").as_deref() == Some("1"));
    drop(replica);
    master.ask(&["CONFIG", "SET", "repl-backlog-ttl", "1"]);
    let history = || master.field("replication", "master_replid");
    let before = history();
    wait_until("it has another history", || history() != before);
    cluster.refresh().unwrap();
    cluster.set("k", 9).unwrap();
    assert!(is_master(&cluster, &master));
}

#[test]
fn a_program_that_slept_through_two_failovers_follows_what_its_master_follows() {
    let (master, first, cluster) = pair(|master| alone(master).connect().unwrap());
    let second = Server::replica_of(&first, &[]);
    // Each promotion begins another history, of which the next one knows the last.
    first.promote();
    first.ask(&["SET", "k", "2"]);
    first.wait_for_replica(&second);
    second.promote();
    first.follow(&second);
    master.follow(&second);
    cluster.set("k", 3).unwrap();
    assert!(is_master(&cluster, &second));
    assert_eq!(second.ask(&["GET", "k"]).text(), "3");
}
