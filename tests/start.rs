//! How a cluster begins while some of its servers are not there, and what becomes of those.

use rediscluster::prelude::*;
use rediscluster::{connect_tcp, Address, Connect, Error, ErrorKind, Observer, ObserverEvent, Outcome, Socket};
use rediscluster_testing::{cluster_of, dead_address, wait_until, Server};
use std::io;
use std::net::TcpListener;
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

/// What became of nodes.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn event(&self, event: &ObserverEvent<'_>) {
        let line = match event {
            ObserverEvent::NodeUnreachable { node, error, .. } => format!("unreachable {node} {error:?}"),
            ObserverEvent::NodeReached { node, .. } => format!("reached {node}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[track_caller]
fn not_applied<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotApplied), "{error}");
    error
}

fn unreachable(cluster: &Cluster) -> Vec<String> {
    cluster.unreachable().iter().map(|node| node.node.name().to_owned()).collect()
}

#[test]
fn a_node_that_refuses_connections_costs_only_its_own_keys() {
    let mut servers = [Server::start(), Server::start()];
    servers[1].kill();
    let log = Arc::new(Log::default());
    let builder = cluster_of(&servers).refresh_every(None).observer(Arc::clone(&log));
    let cluster = builder.connect().unwrap();
    let missing = cluster.unreachable();
    assert_eq!(missing.len(), 1);
    assert_eq!((missing[0].node.name(), missing[0].error), ("node_2", ErrorKind::Connect));
    assert!(missing[0].reason.contains("refused"), "{}", missing[0].reason);
    cluster.set("bar", 1).unwrap();
    let error = not_applied(cluster.set("foo", 1), ErrorKind::Connect);
    assert!(error.node().unwrap().contains(&servers[1].address()), "{error}");
    not_applied(cluster.mset([("foo", 1), ("bar", 2)]), ErrorKind::Connect);
    assert_eq!(cluster.get::<_, i64>("bar").unwrap(), 1);
    assert_eq!(log.0.lock().unwrap().as_slice(), [format!("unreachable node_2 ({}) Connect", servers[1].address())]);
    // The first call after it is there works, and it is not asked who it is again.
    servers[1].restart();
    cluster.set("foo", 2).unwrap();
    assert!(unreachable(&cluster).is_empty());
    assert_eq!(log.0.lock().unwrap()[1..], [format!("reached node_2 ({})", servers[1].address())]);
    let asked = servers[1].calls("info");
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 2);
    assert_eq!(servers[1].calls("info"), asked + 1, "the test itself has asked once");
}

#[test]
fn a_silent_node_costs_the_time_to_connect_once() {
    let servers = [Server::start(), Server::start(), Server::start()];
    // One after the other they would cost more than is allowed here, also on a busy machine.
    let (once, most) = (Duration::from_secs(3), Duration::from_millis(5_500));
    let builder = || cluster_of(&servers).connect_timeout(once).refresh_every(None);
    servers[1].freeze();
    servers[2].freeze();
    let began = Instant::now();
    let cluster = builder().connect().unwrap();
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
    assert_eq!(unreachable(&cluster), ["node_2", "node_3"]);
    let of = |node: &str| (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == node).unwrap();
    cluster.set(of("node_1"), 1).unwrap();
    // Nothing is sent that could be in doubt.
    not_applied(cluster.deadline(Duration::from_millis(300)).set(of("node_2"), 1), ErrorKind::Timeout);
    servers[1].thaw();
    wait_until("it is asked again", || cluster.set(of("node_2"), 1).is_ok());
    assert_eq!(unreachable(&cluster), ["node_3"]);
    // A refresh reaches it as well.
    servers[2].thaw();
    cluster.refresh().unwrap();
    assert!(unreachable(&cluster).is_empty());
    servers.iter().for_each(Server::freeze);
    let began = Instant::now();
    let error = builder().connect().unwrap_err();
    assert!(error.to_string().contains("node_1"), "where none answers, the first is told: {error}");
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
}

#[test]
fn a_wrong_answer_is_an_error_at_once() {
    let (mut down, other) = (Server::start(), Server::start());
    let replica = Server::replica_of(&other, &[]);
    let closed = Server::start_with(&["--requirepass", "secret"]);
    down.kill();
    let with =
        |address: &str| Cluster::builder().nodes(format!("a={},b={},c={address}", down.address(), other.address()));
    assert_eq!(with(&closed.address()).connect().unwrap_err().kind(), ErrorKind::NoAuth);
    let wrong = format!("redis://:wrong@{}", closed.address());
    assert_eq!(with(&wrong).connect().unwrap_err().kind(), ErrorKind::WrongPass);
    let error = with(&replica.address()).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    // Also where nothing else is there: what is wrong says more than what is down.
    let builder = Cluster::builder().nodes(format!("a={},b={wrong}", down.address()));
    assert_eq!(builder.connect().unwrap_err().kind(), ErrorKind::WrongPass);
    // A name that leads nowhere is a mistake, and no outage.
    let error = with("no-such-host.invalid").connect().unwrap_err();
    assert!(error.to_string().contains("c (no-such-host.invalid:6379)"), "{error}");
    assert_eq!(unreachable(&with(&dead_address()).connect().unwrap()), ["a", "c"]);
    let error = with(&dead_address()).require_all(true).connect().unwrap_err();
    assert!(error.kind() == ErrorKind::Connect && error.to_string().contains(&down.address()), "{error}");
}

#[test]
fn what_is_wrong_with_a_node_is_told_when_it_is_reached() {
    let (first, mut second) = (Server::start(), Server::start_with(&["--requirepass", "secret"]));
    second.kill();
    let with = |password: &str| {
        let second = format!("redis://:{password}@{}", second.address());
        let builder = Cluster::builder().node("node_1", first.address()).node("node_2", second);
        builder.refresh_every(None).connect().unwrap()
    };
    let (wrong, cluster) = (with("wrong"), with("secret"));
    second.restart();
    not_applied(wrong.set("foo", 1), ErrorKind::WrongPass);
    assert_eq!(unreachable(&wrong), ["node_2"]);
    // It is the replica of another node's server by now: a mistake, and nothing is sent, although it would take it.
    second.ask(&["CONFIG", "SET", "replica-read-only", "no"]);
    second.ask(&["REPLICAOF", "127.0.0.1", &first.port().to_string()]);
    let error = not_applied(cluster.set("foo", 1), ErrorKind::Config);
    assert!(error.to_string().contains("is a replica"), "{error}");
    assert_eq!(second.calls("set"), 0);
    second.promote();
    cluster.set("foo", 1).unwrap();
}

#[test]
fn a_node_that_was_replaced_before_it_is_reached_is_followed() {
    let (first, mut old, new) = (Server::start(), Server::start(), Server::start());
    old.kill();
    let nodes = format!("node_1={},node_2={}", first.address(), old.address());
    let cluster = Cluster::builder().nodes(nodes).refresh_every(None).connect().unwrap();
    old.restart();
    old.follow(&new);
    cluster.set("foo", 1).unwrap();
    assert_eq!(new.ask(&["GET", "foo"]).text(), "1");
    assert_eq!(cluster.node_for("foo").address().to_string(), new.address());
    assert!(cluster.unreachable().is_empty());
}

#[test]
fn one_server_under_two_names_is_counted_once_when_it_is_reached() {
    let (other, twin) = (Server::start(), Server::start());
    let nodes = format!("a={},b=127.0.0.1:{},c=localhost:{}", other.address(), twin.port(), twin.port());
    for first in ["both", "one"] {
        twin.freeze();
        let builder = Cluster::builder().nodes(&nodes).connect_timeout(Duration::from_millis(300)).refresh_every(None);
        let cluster = builder.connect().unwrap();
        assert_eq!(unreachable(&cluster), ["b", "c"]);
        twin.thaw();
        if first == "one" {
            let key = (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == "b").unwrap();
            wait_until("it is reached", || cluster.set(&key, 1).is_ok());
        }
        let keys = other.ask(&["DBSIZE"]).int() + twin.ask(&["DBSIZE"]).int();
        let mut counts = Vec::new();
        wait_until("all are counted", || {
            counts.extend(cluster.dbsize());
            !counts.is_empty()
        });
        assert_eq!(counts, [u64::try_from(keys).unwrap()], "{first}");
        assert!(unreachable(&cluster).is_empty(), "{first}");
        assert_eq!(cluster.topology().servers().len(), 2, "{first}");
    }
}

/// Reaches everything but one port.
struct NotThere(u16);

impl Connect for NotThere {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        if address.port() == self.0 {
            std::thread::sleep(timeout.expect("a time to connect"));
            return Err(io::ErrorKind::TimedOut.into());
        }
        connect_tcp(address, timeout).map(Socket::from)
    }
}

#[test]
fn a_replica_that_cannot_be_reached_is_not_waited_for() {
    let master = Server::start();
    let (gone, there) = (Server::replica_of(&master, &[]), Server::replica_of(&master, &[]));
    let began = Instant::now();
    let builder = Cluster::builder().node("node_1", master.address()).connector(NotThere(gone.port()));
    let cluster = builder.connect_timeout(Duration::from_secs(5)).connect().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let topology = cluster.topology();
    let shard = &topology.shards()[0];
    let found: Vec<String> = topology.replicas_of(shard).map(|node| node.address().to_string()).collect();
    assert_eq!(found, [there.address()]);
    assert_eq!(shard.passed_over()[0].node().address().to_string(), gone.address());
    assert_eq!(shard.passed_over()[0].reason(), "it has not answered so far");
}

#[test]
fn a_replica_that_comes_late_is_found_soon() {
    /// Takes its time for one port.
    struct Far(u16);

    impl Connect for Far {
        fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
            if address.port() == self.0 {
                std::thread::sleep(Duration::from_millis(700));
            }
            connect_tcp(address, timeout).map(Socket::from)
        }
    }
    let master = Server::start();
    let far = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).connector(Far(far.port())).connect().unwrap();
    let replicas =
        || cluster.topology().shards().iter().map(|shard| cluster.topology().replicas_of(shard).len()).sum::<usize>();
    assert_eq!(replicas(), 0);
    let began = Instant::now();
    wait_until("it is found", || replicas() == 1);
    assert!(began.elapsed() < Duration::from_secs(6), "long before the next refresh is due: {:?}", began.elapsed());
}

#[test]
fn only_the_nodes_that_are_named_are_asked() {
    let servers = [Server::start(), Server::start()];
    servers[1].freeze();
    let cluster = cluster_of(&servers).build().unwrap();
    let began = Instant::now();
    cluster.refresh_nodes(["node_1"]).unwrap();
    let error = cluster.deadline(Duration::from_millis(300)).refresh_nodes(["node_1", "node_2"]).unwrap_err();
    assert!(error.to_string().contains("node_2"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "less than the time to connect: {:?}", began.elapsed());
    assert_eq!(cluster.refresh_nodes(["node_3"]).unwrap_err().kind(), ErrorKind::Config);
}

/// Takes connections and says nothing, as a Sentinel that hangs.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A Sentinel that has this server for the master of every name.
fn naming(master: &Server) -> rediscluster_testing::ScriptedPeer {
    let port = master.port().to_string();
    rediscluster_testing::ScriptedPeer::answering(move |words| match words[1].as_slice() {
        b"get-master-addr-by-name" => format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len()).into_bytes(),
        _ => b"-ERR no\r\n".to_vec(),
    })
}

#[test]
fn a_silent_sentinel_of_three_costs_nothing() {
    let masters = [Server::start(), Server::start(), Server::start()];
    let peers: Vec<_> = masters.iter().map(|master| [naming(master), naming(master)]).collect();
    let (_held, mute) = silent();
    let builder = || {
        let with = |builder: rediscluster::Builder, (nth, peers): (usize, &[rediscluster_testing::ScriptedPeer; 2])| {
            let sentinels = [mute.clone(), peers[0].address(), peers[1].address()];
            builder.sentinel(format!("node_{}", nth + 1), "group", sentinels)
        };
        peers.iter().enumerate().fold(Cluster::builder().refresh_every(None), with)
    };
    // Also where the deadline leaves no more than the time to connect.
    for deadline in [Duration::from_secs(20), Duration::from_secs(5)] {
        let began = Instant::now();
        let cluster = builder().connect_timeout(Duration::from_secs(10)).deadline(deadline).connect().unwrap();
        for _ in 0..3 {
            cluster.refresh().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(4), "{deadline:?}: {:?}", began.elapsed());
        cluster.mset([("foo", 1), ("bar", 2), ("baz", 3)]).unwrap();
    }
}

#[test]
fn two_silent_sentinels_of_three_cost_the_time_to_connect_once() {
    let master = Server::start();
    let peer = naming(&master);
    let (held, more) = (silent(), silent());
    let builder = Cluster::builder().sentinel("node_1", "group", [&held.1, &peer.address(), &more.1]);
    let once = Duration::from_secs(2);
    let builder = builder.connect_timeout(once).deadline(once);
    let began = Instant::now();
    let cluster = builder.refresh_every(None).connect().unwrap();
    cluster.refresh().unwrap();
    cluster.refresh().unwrap();
    assert!(began.elapsed() < 2 * once, "{:?}", began.elapsed());
    cluster.set("foo", 1).unwrap();
    // When the one that answered is gone, the others are asked all the same.
    drop(peer);
    cluster.refresh().unwrap();
    assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
}

#[test]
fn a_node_whose_sentinels_are_all_away_is_found_when_one_is_back() {
    let (first, second) = (Server::start(), Server::start());
    let held = silent();
    let builder = Cluster::builder().node("node_1", first.address());
    let builder = builder.sentinel("node_2", "group", [&held.1]).connect_timeout(Duration::from_millis(300));
    let builder = builder.password("never for a Sentinel").refresh_every(None);
    first.ask(&["CONFIG", "SET", "requirepass", "never for a Sentinel"]);
    second.ask(&["CONFIG", "SET", "requirepass", "never for a Sentinel"]);
    let cluster = builder.connect().unwrap();
    assert_eq!(unreachable(&cluster), ["node_2"]);
    cluster.set("bar", 1).unwrap();
    let error = not_applied(cluster.set("foo", 1), ErrorKind::Connect);
    assert!(error.to_string().contains("Sentinel"), "{error}");
    // It answers from now on.
    let (listener, _) = held;
    let port = second.port().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let port = port.clone();
            std::thread::spawn(move || {
                let mut reader = io::BufReader::new(stream);
                while let Ok(Some(words)) = rediscluster_testing::read_command(&mut reader) {
                    assert_eq!(words[0], b"SENTINEL", "nothing else is for it");
                    let reply = match words[1].as_slice() {
                        b"get-master-addr-by-name" => format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len()),
                        _ => "-ERR no\r\n".to_owned(),
                    };
                    if io::Write::write_all(reader.get_mut(), reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    wait_until("its Sentinel has told where it is", || cluster.set("foo", 1).is_ok());
    assert!(unreachable(&cluster).is_empty());
    assert_eq!(cluster.node_for("foo").address().to_string(), second.address());
}

#[test]
fn calls_and_refreshes_beside_a_node_that_is_not_there_do_not_block_each_other() {
    let server = Server::start();
    // A replica is given, so that there is somebody to ask for the master when it fails.
    let builder = Cluster::builder().node("node_1", dead_address()).node("node_2", server.address());
    let builder = builder.node("replica", dead_address()).master_of("node_1", "replica");
    let cluster = builder.deadline(Duration::from_secs(2)).refresh_every(None).connect().unwrap();
    assert_eq!(unreachable(&cluster), ["node_1"]);
    let (sender, done) = mpsc::channel();
    let end = Instant::now() + Duration::from_secs(1);
    for nth in 0..6 {
        let (cluster, sender) = (cluster.clone(), sender.clone());
        // No scope: it would wait for ever.
        std::thread::spawn(move || {
            while Instant::now() < end {
                match nth % 2 {
                    0 => drop(not_applied(cluster.set("bar", 1), ErrorKind::Connect)),
                    _ => drop(cluster.refresh().unwrap_err()),
                }
            }
            sender.send(nth).unwrap();
        });
    }
    for left in (1..=6).rev() {
        let ended = done.recv_timeout(Duration::from_secs(20));
        assert!(ended.is_ok(), "{left} threads are stuck");
    }
}

#[test]
fn a_node_whose_replica_says_nothing_either_costs_the_time_to_connect_once() {
    let (silent, replica, healthy) = (Server::start(), Server::start(), Server::start());
    let once = Duration::from_secs(3);
    let builder = Cluster::builder().node("node_1", silent.address()).node("node_2", healthy.address());
    let builder = builder.node("replica", replica.address()).master_of("node_1", "replica");
    silent.freeze();
    replica.freeze();
    let began = Instant::now();
    let cluster = builder.connect_timeout(once).refresh_every(None).connect().unwrap();
    let connected = began.elapsed();
    assert_eq!(unreachable(&cluster), ["node_1"]);
    assert!((once..Duration::from_millis(5_500)).contains(&connected), "{connected:?}");
    let began = Instant::now();
    cluster.refresh().unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(5_500), "{:?}", began.elapsed());
    silent.thaw();
    replica.thaw();
}
