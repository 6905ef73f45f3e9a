//! Bad input and broken servers: a clear error of the right kind, and a connection that lies to nobody afterwards.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Outcome, Retries, Value};
use rediscluster_testing::{cluster_of, dead_address, greet, read_command, ScriptedPeer, Server};
use std::io::{BufReader, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

const INFO: &[u8] = b"$13\r\nrole:master\r\n\r\n";

/// A server that is a master and answers everything else by this.
fn master_that(answer: impl Fn(&[Vec<u8>]) -> Vec<u8> + Send + Sync + 'static) -> (ScriptedPeer, Cluster) {
    let peer = ScriptedPeer::answering(move |words| if words[0] == b"INFO" { INFO.to_vec() } else { answer(words) });
    let cluster =
        Cluster::builder().node("node_1", peer.address()).deadline(Duration::from_millis(500)).connect().unwrap();
    (peer, cluster)
}

#[test]
fn no_server_there() {
    let address = dead_address();
    let error = Cluster::builder().node("node_1", &address).connect().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied));
    assert!(error.to_string().contains(&format!("node_1 ({address})")), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_server_that_dies_fails_its_own_keys_only_and_fast() {
    let mut servers = vec![Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    servers[1].kill();
    let begin = Instant::now();
    for _ in 0..3 {
        let error = cluster.set("foo", 2).unwrap_err();
        assert_eq!(error.command(), Some("SET"));
        assert!(error.node().unwrap().starts_with("node_2 ("), "{error}");
        assert_eq!(cluster.get::<_, i64>("bar").unwrap(), 2);
    }
    let error = cluster.set("foo", 2).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied));
    assert!(cluster.get::<_, Option<i64>>("foo").is_err(), "never an answer from another node");
    assert!(cluster.mget::<_, Vec<Option<i64>>>(["foo", "bar"]).is_err());
    assert!(begin.elapsed() < Duration::from_secs(5), "refused is known at once");
}

#[test]
fn a_write_to_several_nodes_of_which_one_is_dead_is_not_begun() {
    let mut servers = vec![Server::start(), Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    servers[1].kill();
    let keys: Vec<(String, u32)> = (0..20).map(|n| (format!("k{n}"), n)).collect();
    // The first try may find the dead server's idle connection; after that nothing is sent to anyone.
    let _ = cluster.mset(&keys);
    let before = (servers[0].calls("mset"), servers[2].calls("mset"));
    let error = cluster.mset(&keys).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied));
    assert_eq!((servers[0].calls("mset"), servers[2].calls("mset")), before);
}

#[test]
fn wrong_type_and_wrong_shape_leave_the_connection_usable() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    cluster.set("text", "no number").unwrap();
    let clients = servers[0].field("clients", "connected_clients");
    let error = cluster.execute(cmd("LPUSH").args_of(["text", "x"])).unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.outcome()),
        (ErrorKind::WrongType, Some("WRONGTYPE"), Outcome::NotApplied)
    );
    let error = cluster.get::<_, i64>("text").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Reply, Outcome::Applied));
    assert!(error.message().contains("no number"), "it shows what came: {error}");
    let error = cluster.get::<_, String>("missing").unwrap_err();
    assert!(error.message().contains("nil"), "{error}");
    assert_eq!(cluster.get::<_, String>("text").unwrap(), "no number");
    assert_eq!(servers[0].field("clients", "connected_clients"), clients, "no new connection was needed");
}

#[test]
fn unknown_and_unfit_commands_are_local_errors() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    for (command, kind) in [
        (cmd("NOSUCH").arg("secret"), ErrorKind::UnknownCommand),
        (cmd("CONFIG"), ErrorKind::Argument),
        (cmd(""), ErrorKind::Argument),
        (cmd("GET"), ErrorKind::Argument),
        (cmd("MSET").arg("a"), ErrorKind::Argument),
        (cmd("SELECT").arg(1), ErrorKind::Refused),
        (cmd("MULTI"), ErrorKind::Refused),
        (cmd("SUBSCRIBE").arg("c"), ErrorKind::Refused),
        (cmd("MONITOR"), ErrorKind::Refused),
        (cmd("AUTH").arg("secret"), ErrorKind::Refused),
    ] {
        let shown = format!("{command:?}");
        let error = cluster.execute(command).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotApplied), "{shown}");
        assert!(!format!("{shown} {error} {error:?}").contains("secret"), "{error}");
    }
    let error = cluster.execute(cmd("nosuch").arg("k")).unwrap_err();
    assert!(error.to_string().starts_with("NOSUCH: not in the command table"), "{error}");
}

#[test]
fn garbage_closes_the_connection() {
    for garbage in ["@what\r\n", "$-2\r\n", "*1\r\n:x\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "%1\r\n", "$3\r\nfooXX"]
    {
        let (peer, cluster) = master_that(move |_| garbage.as_bytes().to_vec());
        let before = peer.accepted();
        let error = cluster.set("k", "v").unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::Unknown), "{garbage:?}: {error}");
        let _ = cluster.set("k", "v");
        assert_eq!(peer.accepted(), before + 2, "a new connection for each call");
    }
}

#[test]
fn a_second_answer_reaches_nobody() {
    let (_peer, cluster) = master_that(|words| match words[0].as_slice() {
        b"SET" => b"+OK\r\n$5\r\nwrong\r\n".to_vec(),
        _ => b"$5\r\nright\r\n".to_vec(),
    });
    cluster.set("k", "v").unwrap();
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "right");
}

#[test]
fn a_late_answer_reaches_nobody() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let answer: &[u8] = match words[0].as_slice() {
                b"INFO" => INFO,
                _ if counted.fetch_add(1, Ordering::SeqCst) == 0 => {
                    // Half of it in time, the rest after the deadline.
                    let _ = reader.get_mut().write_all(b"$5\r\nla");
                    std::thread::sleep(Duration::from_millis(400));
                    b"ter\r\n"
                }
                _ => b"$3\r\nnow\r\n",
            };
            if reader.get_mut().write_all(answer).is_err() {
                return;
            }
        }
    });
    let builder = Cluster::builder().node("node_1", peer.address()).pool_size(1).deadline(Duration::from_millis(200));
    let cluster = builder.connect().unwrap();
    let error = cluster.execute(cmd("INCR").arg("k")).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "now");
}

#[test]
fn the_deadline_is_for_the_whole_call() {
    // One byte at a time, each well within the deadline.
    let peer = ScriptedPeer::new(|stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            if words[0] == b"INFO" {
                let _ = reader.get_mut().write_all(INFO);
                continue;
            }
            for byte in b"$100\r\n".iter().chain([b'x'; 100].iter()) {
                if reader.get_mut().write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    });
    let cluster = Cluster::builder().node("n", peer.address()).deadline(Duration::from_millis(500)).connect().unwrap();
    let begin = Instant::now();
    let error = cluster.get::<_, String>("k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5), "the drip goes on for ten seconds");
}

#[test]
fn a_stalled_write_poisons_nothing() {
    // The peer reads the head of a 32 MiB value, stops for longer than the deadline, then reads on.
    let peer = ScriptedPeer::new(|mut stream| {
        let mut first = vec![0; 64];
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        greet(&mut reader);
        let count = stream.read(&mut first).unwrap_or(0);
        if first[..count].windows(3).any(|window| window == b"GET") {
            let _ = stream.write_all(b"$5\r\nright\r\n");
            return;
        }
        std::thread::sleep(Duration::from_millis(600));
        let mut sink = vec![0; 1 << 20];
        while stream.read(&mut sink).is_ok_and(|count| count > 0) {}
        let _ = stream.write_all(b"+OK\r\n");
    });
    let builder = Cluster::builder().node("n", peer.address()).pool_size(1).deadline(Duration::from_millis(300));
    let cluster = builder.connect().unwrap();
    let error = cluster.set("big", vec![b'x'; 32 << 20]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
    let patient = cluster.deadline(Duration::from_secs(60));
    assert_eq!(patient.get::<_, String>("k").unwrap(), "right");
}

#[test]
fn one_node_that_fails_poisons_no_other() {
    let (broken, _cluster) = master_that(|_| b"?\r\n".to_vec());
    let sound = Server::start();
    let cluster = Cluster::builder().node("node_1", sound.address()).node("node_2", broken.address()).pool_size(1);
    let cluster = cluster.connect().unwrap();
    cluster.set("bar", "of bar").unwrap();
    cluster.set("a{bar}", "of a").unwrap();
    for _ in 0..5 {
        let error = cluster.mget::<_, Vec<Option<String>>>(["a{bar}", "foo", "bar"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(cluster.get::<_, String>("bar").unwrap(), "of bar");
    }
}

/// Two nodes, each reply well formed, and one of them of another shape than the other.
#[test]
fn a_reply_that_does_not_fit_the_others_names_its_node() {
    let fits = |words: &[Vec<u8>]| match words[0].as_slice() {
        b"MGET" => b"*1\r\n$1\r\nx\r\n".to_vec(),
        _ => b":1\r\n".to_vec(),
    };
    let (first, _cluster) = master_that(fits);
    let (second, _cluster) = master_that(move |words| match words[0].as_slice() {
        b"MGET" => b":1\r\n".to_vec(),
        _ => b"*1\r\n$1\r\nx\r\n".to_vec(),
    });
    let nodes = Cluster::builder().node("node_1", first.address()).node("node_2", second.address());
    let cluster = nodes.connect().unwrap();
    let odd = format!("node_2 ({})", second.address());
    for (name, keys) in [
        ("DEL", &["foo", "bar"][..]),
        ("EXISTS", &["bar", "foo"]),
        ("TOUCH", &["foo", "bar"]),
        ("MGET", &["foo", "bar"]),
        ("DBSIZE", &[]),
        ("PUBSUB NUMPAT", &[]),
    ] {
        let command = || cmd(name).args_of(keys);
        let mut pipeline = cluster.pipeline();
        pipeline.execute(command());
        let piped = pipeline.run_each().values().next().unwrap().unwrap_err();
        for error in [cluster.execute(command()).unwrap_err(), piped] {
            // Both have done their part.
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Reply, Outcome::Applied), "{name}: {error}");
            assert_eq!((error.command(), error.node()), (Some(name), Some(odd.as_str())), "{name}: {error}");
        }
    }
}

#[test]
fn a_refusal_at_the_door_is_told() {
    let servers = [Server::start_with(&["--maxclients", "1"])];
    let mut holder = servers[0].talk(Duration::from_secs(5)).unwrap();
    while holder.expect_ok(&["PING"]).is_err() {
        holder = servers[0].talk(Duration::from_secs(5)).unwrap();
    }
    let error = cluster_of(&servers).connect().unwrap_err();
    assert!(error.message().contains("max number of clients"), "{error}");
}

#[test]
fn a_full_pool_waits_and_then_says_so() {
    let servers = [Server::start()];
    let builder = cluster_of(&servers).pool_size(1).deadline(Duration::from_millis(300));
    let cluster = builder.connect().unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| cluster.execute(cmd("BLPOP").args_of(["list", "2"]).reply::<Value>()));
        rediscluster_testing::wait_until("the only connection is taken", || {
            servers[0].calls("client") == 0 && servers[0].field("clients", "blocked_clients").as_deref() == Some("1")
        });
        let error = cluster.get::<_, Option<String>>("k").unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::PoolTimeout, Outcome::NotApplied), "{error}");
        servers[0].ask(&["RPUSH", "list", "x"]);
        assert!(blocked.join().unwrap().is_ok());
    });
    assert_eq!(cluster.get::<_, Option<String>>("k").unwrap(), None);
}

#[test]
fn calls_over_several_nodes_with_pools_of_one_do_not_wait_for_one_another() {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    let keys: Vec<String> = (0..12).map(|n| format!("k{n}")).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (cluster, mut keys) = (&cluster, keys.clone());
            keys.rotate_left(thread);
            scope.spawn(move || {
                for round in 0..50 {
                    let pairs: Vec<(&str, usize)> = keys.iter().map(|key| (key.as_str(), round)).collect();
                    cluster.mset(&pairs).unwrap();
                    assert_eq!(cluster.mget::<_, Vec<usize>>(&keys).unwrap().len(), 12);
                    let name = format!("r{thread}");
                    cluster.set(&name, 1).unwrap();
                    cluster.rename(&name, format!("s{thread}")).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_panic_in_the_middle_leaves_the_pool_usable() {
    struct Explosive;
    impl rediscluster::FromValue for Explosive {
        fn from_value(_: rediscluster::ValueRef<'_>) -> rediscluster::Result<Explosive> {
            panic!("on purpose");
        }
    }
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    cluster.set("k", "v").unwrap();
    let blown = std::thread::scope(|scope| scope.spawn(|| cluster.get::<_, Explosive>("k").is_ok()).join());
    assert!(blown.is_err());
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v");
}

#[test]
fn an_idle_connection_that_the_server_closed_is_replaced() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.set("n", 0).unwrap();
    servers[0].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(cluster.execute(cmd("INCR").arg("n").reply::<i64>()).unwrap(), 1);
}

#[test]
fn the_first_write_after_a_restart_is_not_lost() {
    let mut servers = [Server::start()];
    let cluster = cluster_of(&servers).retries(Retries::none()).connect().unwrap();
    for round in 0..5 {
        cluster.incr("n").unwrap();
        // The process is gone, so the system has hung up on its connections.
        servers[0].restart();
        assert_eq!(cluster.incr("n").unwrap(), 1, "in round {round}");
    }
}

#[test]
fn a_reply_too_many_that_comes_late_reaches_nobody() {
    let too_many = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&too_many);
    let peer = ScriptedPeer::new(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let reply: &[u8] = match words[0].as_slice() {
                b"INFO" => INFO,
                _ if words[1] == b"first" => b"$5\r\nfirst\r\n",
                _ => b"$6\r\nsecond\r\n",
            };
            let _ = reader.get_mut().write_all(reply);
            if words[1] == b"first" {
                std::thread::sleep(Duration::from_millis(20));
                let _ = reader.get_mut().write_all(b"$5\r\nwrong\r\n");
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).pool_size(1).connect().unwrap();
    for round in 1..4 {
        assert_eq!(cluster.get::<_, String>("first").unwrap(), "first");
        rediscluster_testing::wait_until("it has sent a reply too many", || too_many.load(Ordering::SeqCst) == round);
        assert_eq!(cluster.get::<_, String>("second").unwrap(), "second");
    }
}

#[test]
fn an_argument_over_the_limit_is_refused_before_it_is_sent() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let error = cluster.set("k", vec![0; (512 << 20) + 1]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Argument, Outcome::NotApplied));
    assert_eq!(servers[0].calls("set"), 0);
}

#[test]
fn mistakes_in_a_configuration_name_themselves() {
    let zero = Duration::ZERO;
    for (builder, message) in [
        (Cluster::builder(), "no nodes are given"),
        (Cluster::builder().node("a", "h:1").node("a", "h:2"), "two nodes are named a"),
        (Cluster::builder().nodes("node_1=h:1,node_3=h:3"), "node_2 is missing"),
        (Cluster::builder().node("a", "h:1").deadline(zero), "a deadline of zero"),
        (Cluster::builder().node("a", "h:1").connect_timeout(zero), "a connect timeout of zero"),
        (Cluster::builder().node("a", "h:1").pool_size(0), "a pool of 0 connections"),
        (Cluster::builder().node("a", "h:1").master_of("a", "b"), "master_of names b, which is no node"),
        (Cluster::builder().nodes("a=redis://h/1,b=redis://h:2/2"), "node b names database 2, and another is 1"),
    ] {
        let error = builder.connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.message().starts_with(message), "{error}");
    }
}

#[test]
fn a_member_of_a_redis_cluster_is_refused() {
    let (plain, member) = (Server::start(), Server::start_with(&["--cluster-enabled", "yes"]));
    let builder = || Cluster::builder().node("node_1", plain.address()).node("node_2", member.address());
    let error = builder().connect().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Config, Outcome::NotApplied), "{error}");
    assert!(error.message().contains("node_2") && error.message().contains("cluster-enabled"), "{error}");
    let error = builder().build().unwrap().refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    // By itself it can be asked.
    let mut connection = Cluster::builder().open(member.address()).unwrap();
    assert_eq!(connection.execute(cmd("PING").reply::<String>()).unwrap(), "PONG");
}
