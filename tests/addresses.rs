//! Where a server can listen: IPv6, names with several addresses, Unix sockets.

use rediscluster::prelude::*;
use rediscluster::Address;
use rediscluster_testing::{skipped, Server};
use std::net::{TcpListener, ToSocketAddrs};

#[test]
fn a_server_on_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        return skipped("this machine has no ::1, so IPv6 is not tested");
    }
    let server = Server::start_with(&["--bind", "127.0.0.1", "::1"]);
    for address in [format!("[::1]:{}", server.port()), format!("redis://[::1]:{}/3", server.port())] {
        let cluster = Cluster::builder().node("node_1", address).connect().unwrap();
        cluster.set("foo", "bar").unwrap();
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        assert_eq!(cluster.node_for("foo").to_string(), format!("node_1 ([::1]:{})", server.port()));
    }
}

#[test]
fn a_name_with_several_addresses() {
    let server = Server::start();
    let addresses: Vec<_> = ("localhost", server.port()).to_socket_addrs().unwrap().collect();
    if !addresses.first().is_some_and(|address| address.is_ipv6()) {
        skipped("the first address of localhost is not ::1 here, so names with a dead address are not tested");
    }
    let cluster = Cluster::builder().node("node_1", format!("localhost:{}", server.port())).connect().unwrap();
    cluster.set("foo", "bar").unwrap();
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use rediscluster::{Address, ErrorKind, Event, Outcome};
    use rediscluster_testing::{wait_until, Reply};
    use std::time::{Duration, Instant};

    /// A server with a Unix socket in its directory, and that socket's URL without the scheme.
    fn server(args: &[&str]) -> (Server, String) {
        // Relative to the directory in which it is started.
        let server = Server::builder().args(&["--unixsocket", "redis.sock"]).args(args).start();
        let path = server.dir().join("redis.sock");
        assert!(path.exists(), "{}", path.display());
        (server, path.to_str().expect("a path in UTF-8").to_owned())
    }

    #[test]
    fn commands_values_and_pipelines() {
        let ((first, path), second) = (server(&[]), Server::start());
        let builder = Cluster::builder().node("node_1", format!("unix://{path}")).node("node_2", second.address());
        let cluster = builder.connect().unwrap();
        cluster.set("bar", "1").unwrap();
        cluster.set("foo", "2").unwrap();
        assert_eq!(first.ask(&["GET", "bar"]), Reply::bulk("1"));
        assert_eq!(second.ask(&["GET", "foo"]), Reply::bulk("2"));
        let value = vec![b'x'; 32 << 20];
        cluster.set("bar", &value[..]).unwrap();
        assert!(cluster.get::<_, Vec<u8>>("bar").unwrap() == value);
        let mut pipeline = cluster.pipeline();
        let slots: Vec<_> = (0..10_000).map(|_| pipeline.incr("counter{bar}")).collect();
        let replies = pipeline.run().unwrap();
        for (slot, count) in slots.into_iter().zip(1..) {
            assert_eq!(replies.get(slot).unwrap(), count);
        }
        let node = cluster.node_for("bar");
        assert_eq!(node.address(), &Address::unix(&path).unwrap());
        assert_eq!(node.to_string(), format!("node_1 (unix://{path})"));
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe(["news{bar}", "news"]).unwrap();
        cluster.publish("news", "x").unwrap();
        let event = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(event, Some(Event::Message(_))), "{event:?}");
    }

    #[test]
    fn credentials_and_databases() {
        let (server, path) = server(&["--requirepass", "s3c@/ret"]);
        let url = format!("unix://:s3c@/ret@{path}?db=3");
        let cluster = Cluster::builder().node("node_1", &url).connect().unwrap();
        cluster.set("foo", "bar").unwrap();
        assert_eq!(server.ask_in(3, &["GET", "foo"]), Reply::bulk("bar"));
        let mut connection = Cluster::builder().open(&url).unwrap();
        assert_eq!(connection.execute(cmd("GET").arg("foo").reply::<String>()).unwrap(), "bar");
        let error = Cluster::builder().node("node_1", format!("unix://wrong@{path}")).connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongPass, "{error}");
    }

    #[test]
    fn replicas_are_found_where_the_master_lists_them() {
        let (master, path) = server(&[]);
        let replica = Server::replica_of(&master, &[]);
        let cluster = Cluster::builder().node("node_1", format!("unix://{path}")).connect().unwrap();
        cluster.set("foo", "bar").unwrap();
        master.wait_for_replica(&replica);
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        assert_eq!(replica.calls("get"), 1);
        // One server under two names, of which one is its socket.
        let builder = Cluster::builder().node("node_1", format!("unix://{path}")).node("node_2", master.address());
        assert_eq!(builder.connect().unwrap().dbsize().unwrap(), 1);
    }

    #[test]
    fn a_socket_that_is_not_there() {
        let (mut server, path) = server(&[]);
        let cluster = Cluster::builder().node("node_1", format!("unix://{path}")).connect().unwrap();
        cluster.set("foo", 1).unwrap();
        server.kill();
        let error = Cluster::builder().node("node_1", "unix:///nosuch.sock").connect().unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied));
        assert!(error.to_string().contains("node_1 (unix:///nosuch.sock): No such file"), "{error}");
        // The file is still there, and nobody listens; the idle connection is dead as well.
        let error = cluster.set("foo", 2).unwrap_err();
        assert!(error.to_string().contains(&path), "{error}");
        wait_until("it is seen that nobody listens", || {
            cluster.set("foo", 2).unwrap_err().kind() == ErrorKind::Connect
        });
        let long = format!("unix:///{}", "x".repeat(200));
        assert_eq!(Cluster::builder().node("node_1", long).connect().unwrap_err().kind(), ErrorKind::Connect);
    }

    /// Threads of this process that connect to Unix sockets.
    fn connecting() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.starts_with("rediscluster-un")).count()
    }

    #[test]
    fn a_full_socket_keeps_one_thread() {
        if !std::path::Path::new("/proc/self/task").exists() {
            return skipped("threads cannot be counted here");
        }
        let (server, path) = server(&["--tcp-backlog", "1"]);
        let url = format!("unix://{path}");
        server.freeze();
        let open = || Cluster::builder().connect_timeout(Duration::from_millis(200)).open(&url);
        let mut held: Vec<_> = std::iter::from_fn(|| open().ok()).take(1_000).collect();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| open().unwrap_err());
            }
        });
        // The test beside this one may have one as well.
        assert!((1..=2).contains(&connecting()), "{}", connecting());
        server.thaw();
        let attempts = || {
            std::thread::scope(|scope| {
                let all: Vec<_> = (0..20).map(|_| scope.spawn(open)).collect();
                all.into_iter().all(|one| one.join().unwrap().is_ok())
            })
        };
        wait_until("everybody is connected", attempts);
        held.clear();
    }

    #[test]
    fn another_socket_at_the_same_path_is_reached_although_the_one_before_lets_everybody_wait() {
        let (stuck, path) = server(&["--tcp-backlog", "1"]);
        let (_other, replacement) = server(&[]);
        stuck.freeze();
        let url = format!("unix://{path}");
        let open = || Cluster::builder().connect_timeout(Duration::from_millis(300)).open(&url);
        let held: Vec<_> = std::iter::from_fn(|| open().ok()).take(1_000).collect();
        assert!(open().is_err());
        std::fs::rename(replacement, &path).unwrap();
        let mut connection = open().unwrap();
        assert_eq!(connection.execute::<String>(cmd("PING").reply()).unwrap(), "PONG");
        drop(held);
        stuck.thaw();
    }

    #[test]
    fn connecting_ends_at_its_deadline() {
        let (server, path) = server(&["--tcp-backlog", "1"]);
        let url = format!("unix://{path}");
        server.freeze();
        // The system connects some without the server, and then lets everybody wait.
        let mut held = Vec::new();
        let (took, error) = loop {
            let began = Instant::now();
            match Cluster::builder().connect_timeout(Duration::from_millis(300)).open(&url) {
                Ok(connection) => held.push(connection),
                Err(error) => break (began.elapsed(), error),
            }
            assert!(held.len() < 1_000, "the queue of a frozen server fills");
        };
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains("deadline passed while connecting"), "{error}");
        assert!((Duration::from_millis(290)..Duration::from_secs(2)).contains(&took), "{took:?}");
        server.thaw();
    }
}

#[test]
fn addresses_of_both_kinds() {
    let tcp = Address::new("localhost", 6379).unwrap();
    assert_eq!((tcp.unix_path(), tcp.port()), (None, 6379));
    for bad in ["", "relative", "redis.sock", "/a\nb", "/a\0b"] {
        assert!(Address::unix(bad).is_err(), "{bad:?}");
    }
}
