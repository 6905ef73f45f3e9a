//! The pool of a server: bounded, fair, and counted.

use rediscluster::prelude::*;
use rediscluster::{
    connect_tcp, Address, CloseReason, Connect, ErrorKind, Observer, ObserverEvent, Retries, Socket, SortOptions,
    Transport,
};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn calls_are_served_in_the_order_in_which_they_came() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    let status = || cluster.pools().remove(0);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        for number in 0..8 {
            let cluster = &cluster;
            scope.spawn(move || cluster.rpush("order", [number]).unwrap());
            wait_until("it waits", || status().waiting == number + 1);
        }
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
    });
    let order: Vec<usize> = cluster.lrange("order", 0, -1).unwrap();
    assert_eq!(order, (0..8).collect::<Vec<_>>(), "first come, first served");
    let status = status();
    assert_eq!((status.open, status.idle, status.waiting, status.opened), (1, 1, 0, 1));
    assert_eq!((status.waited, status.timed_out), (8, 0));
}

#[test]
fn who_gives_up_does_not_keep_the_next_one_waiting() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    let status = || cluster.pools().remove(0);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let hurried = cluster.deadline(Duration::from_millis(200));
        let error = scope.spawn(move || hurried.set("foo", 1).unwrap_err());
        wait_until("the first waits", || status().waiting == 1);
        let patient = scope.spawn(|| cluster.set("foo", 2));
        wait_until("the second waits", || status().waiting == 2);
        let error = error.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{error}");
        assert_eq!(status().waiting, 1);
        servers[0].ask(&["RPUSH", "wait", "x"]);
        holder.join().unwrap();
        patient.join().unwrap().unwrap();
    });
    assert_eq!((status().waited, status().timed_out), (2, 1));
}

#[test]
fn what_goes_to_several_nodes_waits_until_its_deadline_as_well() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    // Of what `ba*` leads to, `bar` is on the first node.
    let other = ('a'..='z').find(|end| cluster.node_for(format!("ba{end}")) == cluster.node_for("foo")).unwrap();
    cluster.rpush("list{foo}", ["r".to_owned(), other.to_string()]).unwrap();
    let (pool, deadline) = (|| cluster.pools().remove(0), Duration::from_secs(4));
    let hurried = cluster.deadline(deadline);
    std::thread::scope(|scope| {
        let name = cluster.node_for("bar").name().to_owned();
        assert_eq!(pool().node.name(), name);
        let holder = scope.spawn(|| cluster.blpop::<_, String, String>(["bar:wait{bar}"], Duration::from_secs(60)));
        wait_until("the only connection is taken", || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        let began = Instant::now();
        let sort = scope.spawn(|| hurried.sort::<_, Vec<String>>("list{foo}", SortOptions::new().by("ba*")));
        let mget = scope.spawn(|| hurried.mget::<_, Vec<i64>>(["foo", "bar"]));
        let sizes =
            scope.spawn(|| hurried.on_each_master().dbsize().map(|all| all.into_iter().all(|(_, size)| size.is_ok())));
        let pipeline = scope.spawn(|| {
            let mut pipeline = hurried.pipeline();
            let all = (pipeline.get::<_, i64>("foo"), pipeline.get::<_, i64>("bar"));
            let replies = pipeline.run()?;
            Ok::<_, rediscluster::Error>((replies.get(all.0)?, replies.get(all.1)?))
        });
        wait_until("all wait", || pool().waiting > 0);
        wait_until("more than a half of their time has passed", || began.elapsed() > deadline * 11 / 20);
        servers[0].ask(&["RPUSH", "bar:wait", "x"]);
        holder.join().unwrap().unwrap();
        assert_eq!(sort.join().unwrap().unwrap(), [other.to_string(), "r".to_owned()]);
        let told = (mget.join().unwrap(), sizes.join().unwrap(), pipeline.join().unwrap());
        assert!(matches!(&told, (Ok(values), Ok(true), Ok((1, 2))) if values[..] == [1, 2]), "{told:?}");
    });
}

#[test]
fn never_more_than_its_size_and_none_is_lost() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(3).deadline(Duration::from_secs(60)).connect().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            let cluster = cluster.clone();
            scope.spawn(move || (0..100).for_each(|_| assert!(cluster.incr("count").is_ok())));
        }
    });
    assert_eq!(cluster.get::<_, i64>("count").unwrap(), 2_400);
    let status = cluster.pools().remove(0);
    assert!(status.open <= 3 && status.opened <= 3 && status.idle == status.open, "{status:?}");
}

#[test]
fn a_server_that_refuses_leaves_no_places_taken() {
    let mut servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(2).connect().unwrap();
    servers[0].kill();
    for _ in 0..10 {
        let error = cluster.set("foo", 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    }
    let status = cluster.pools().remove(0);
    assert_eq!((status.open, status.idle, status.waiting), (0, 0, 0));
    assert!(status.opened >= 10, "{status:?}");
}

#[test]
fn a_server_keeps_its_pool_when_its_role_changes() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).refresh_every(None).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    master.wait_for_replica(&replica);
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
    let pool = |server: &Server| {
        let pools = cluster.pools();
        pools.into_iter().find(|pool| pool.node.address().to_string() == server.address()).expect("a pool")
    };
    let before = pool(&replica);
    assert_eq!((before.opened, before.idle), (1, 1));
    assert!(before.node.name().starts_with("node_1/"), "{}", before.node.name());
    replica.promote();
    master.follow(&replica);
    // A call finds it, or a refresh: then the one that was demoted keeps its own as well.
    cluster.refresh().unwrap();
    let (promoted, demoted) = (pool(&replica), pool(&master));
    assert_eq!((promoted.opened, promoted.idle, promoted.node.name()), (1, 1, "node_1"));
    assert!(demoted.opened == 1 && demoted.node.name().starts_with("node_1/"), "{demoted:?}");
    cluster.set("foo", 2).unwrap();
    assert_eq!(pool(&replica).opened, 1, "it is warm");
    // What fails on a connection of before is told of the server as it is called now, so that its master is looked for.
    let error = cluster.lpush("foo", ["x"]).unwrap_err();
    assert_eq!(error.node(), Some(format!("node_1 ({})", replica.address()).as_str()));
    // One that was demoted is asked whether it is in step before it serves.
    replica.wait_for_replica(&master);
    let asked = master.calls("info");
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 2);
    assert_eq!((master.calls("info"), master.calls("get"), pool(&master).opened), (asked + 3, 1, 1));
    // And the way back, which a call finds.
    master.promote();
    replica.follow(&master);
    cluster.set("foo", 3).unwrap();
    let back = pool(&master);
    assert_eq!((back.opened, back.idle, back.node.name()), (1, 1, "node_1"));
}

/// Why connections were closed.
#[derive(Default)]
struct Closed(Mutex<Vec<CloseReason>>);

impl Observer for Closed {
    fn event(&self, event: &ObserverEvent<'_>) {
        if let ObserverEvent::ConnectionClosed { why, .. } = event {
            self.0.lock().unwrap().push(*why);
        }
    }
}

/// Five calls at the same time, each on a connection of its own.
fn peak(cluster: &Cluster, server: &Server) {
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| cluster.blpop::<_, String, String>(["wait"], Duration::from_secs(60)).unwrap());
        }
        wait_until("all wait", || server.field("clients", "blocked_clients").unwrap() == "5");
        server.ask(&["RPUSH", "wait", "1", "2", "3", "4", "5"]);
    });
}

#[test]
fn what_lies_unused_for_long_is_given_back() {
    let servers = [Server::start()];
    let age = Duration::from_secs(1);
    let closed = Arc::new(Closed::default());
    let builder = cluster_of(&servers).refresh_every(None).observer(Arc::clone(&closed));
    let cluster = builder.max_idle_age(age).connect().unwrap();
    let status = || cluster.pools().remove(0);
    peak(&cluster, &servers[0]);
    let begin = Instant::now();
    assert_eq!((status().open, status().aged), (5, 0));
    closed.0.lock().unwrap().clear();

    // One connection is enough for these calls, and the others grow old beside it.
    wait_until("the others are closed", || {
        cluster.set("foo", 1).unwrap();
        status().open == 1
    });
    assert!(begin.elapsed() >= age, "not before their time");
    assert_eq!((status().idle, status().aged, status().opened), (1, 4, 5));
    assert_eq!(*closed.0.lock().unwrap(), [CloseReason::Idle; 4]);

    // What nobody uses goes when the servers are asked, and what is too old is never used.
    wait_until("the last one is closed", || {
        cluster.refresh().unwrap();
        status().open == 0
    });
    peak(&cluster, &servers[0]);
    let opened = status().opened;
    std::thread::sleep(age);
    cluster.set("foo", 2).unwrap();
    assert_eq!((status().open, status().aged, status().opened), (1, 10, opened + 1));
}

#[test]
fn what_lies_unused_is_kept_where_that_is_asked_for() {
    let servers = [Server::start()];
    let mistake = cluster_of(&servers).max_idle_age(Duration::ZERO).connect().unwrap_err();
    assert_eq!(mistake.kind(), ErrorKind::Config);
    for builder in [cluster_of(&servers).max_idle_age(None), cluster_of(&servers)] {
        let cluster = builder.refresh_every(None).connect().unwrap();
        peak(&cluster, &servers[0]);
        std::thread::sleep(Duration::from_millis(50));
        cluster.set("foo", 1).unwrap();
        cluster.refresh().unwrap();
        let status = cluster.pools().remove(0);
        assert_eq!((status.open, status.aged), (5, 0));
    }
}

/// What connections were asked to do: reads that do not wait are looks.
#[derive(Default)]
struct Tally {
    looks: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

struct Counted(TcpStream, Arc<Tally>);

impl Transport for Counted {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        let is_look = wait == Some(Duration::ZERO);
        self.1.looks.fetch_add(usize::from(is_look), Ordering::SeqCst);
        self.0.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        (&self.0).read(buffer)
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn close(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

struct Counting(Arc<Tally>);

impl Connect for Counting {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        let socket = connect_tcp(address, timeout)?;
        self.0.open.lock().unwrap().push(socket.try_clone()?);
        Ok(Socket::new(Counted(socket, Arc::clone(&self.0))))
    }
}

impl Tally {
    /// Ends what was opened, as a server does that hangs up.
    fn end_all(&self) {
        self.open.lock().unwrap().drain(..).for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
    }
}

#[test]
fn a_read_that_meets_a_connection_just_closed_is_sent_over_another_one() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let tally = Arc::new(Tally::default());
    let builder = cluster_of(&servers).connector(Counting(Arc::clone(&tally))).masters_only(true).refresh_every(None);
    // One retry and no more: what it costs would be missing elsewhere.
    let cluster = builder.retries(Retries::up_to(1)).deadline(Duration::from_secs(60)).connect().unwrap();
    let keys: Vec<String> = (0..30).map(|nth| format!("key{nth}")).collect();
    keys.iter().for_each(|key| cluster.set(key, key).unwrap());
    let all = |cluster: &Cluster| assert_eq!(cluster.mget::<_, Vec<String>>(&keys).unwrap(), keys);
    let looks = |call: &dyn Fn()| {
        let before = tally.looks.load(Ordering::SeqCst);
        call();
        tally.looks.load(Ordering::SeqCst) - before
    };
    let (mut without, opened) = (0, || cluster.pools().iter().map(|pool| pool.opened).sum::<u64>());
    for round in 0..200 {
        all(&cluster);
        tally.end_all();
        let (before, key) = (opened(), &keys[round % keys.len()]);
        if round % 2 == 0 {
            without += usize::from(looks(&|| all(&cluster)) == 0);
            assert_eq!(opened(), before + 3);
        } else {
            without += usize::from(looks(&|| assert_eq!(cluster.get::<_, String>(key).unwrap(), *key)) == 0);
            assert_eq!(opened(), before + 1);
        }
    }
    assert!(without > 0, "not one of 200 reads came soon after another");

    // What must not meet a dead one is given none, and what lay for longer is looked at for everybody.
    let write = || cluster.set("foo", "bar").unwrap();
    let once = || drop(cluster.retries(Retries::none()).get::<_, String>("foo").unwrap());
    let read = || drop(cluster.get::<_, String>("foo").unwrap());
    for call in [&write as &dyn Fn(), &once, &read] {
        all(&cluster);
        std::thread::sleep(Duration::from_millis(2));
        tally.end_all();
        assert_eq!(looks(call), 1);
    }
}
