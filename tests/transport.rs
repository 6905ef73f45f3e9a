//! Ways to a server that a program brings itself.

use rediscluster::prelude::*;
use rediscluster::{
    connect_tcp, Address, Builder, Cluster, Connect, ErrorKind, Event, Outcome, Protocol, Socket, Transport,
};
use rediscluster_testing::{dead_address, wait_until, ScriptedPeer, Server};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

/// A transport with nothing special, over TCP.
struct Plain {
    socket: TcpStream,
    /// Whether it can write without waiting.
    writes_at_once: bool,
}

impl Transport for Plain {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        self.socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        (&self.socket).read(buffer)
    }

    fn write(&self, bytes: &[u8], wait: Option<Duration>) -> io::Result<usize> {
        if wait == Some(Duration::ZERO) && !self.writes_at_once {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.socket.set_write_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        (&self.socket).write(bytes)
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// What it is asked for, by whom.
#[derive(Clone, Default)]
struct Plainly {
    asked: Arc<Mutex<Vec<Address>>>,
    writes_at_once: bool,
}

impl Connect for Plainly {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        self.asked.lock().unwrap().push(address.clone());
        assert!(timeout.is_some_and(|timeout| timeout <= Duration::from_secs(2)), "the time to connect: {timeout:?}");
        let socket = connect_tcp(address, timeout)?;
        Ok(Socket::new(Plain { socket, writes_at_once: self.writes_at_once }))
    }
}

/// Both kinds of transport, on two servers.
fn in_both_ways(test: impl Fn(Builder, &[Server])) {
    for writes_at_once in [true, false] {
        println!("writes at once: {writes_at_once}");
        let servers = [Server::start(), Server::start()];
        let builder = rediscluster_testing::cluster_of(&servers).deadline(Duration::from_secs(30));
        test(builder.connector(Plainly { writes_at_once, ..Plainly::default() }), &servers);
    }
}

#[test]
fn commands_and_pipelines() {
    in_both_ways(|builder, _| {
        let cluster = builder.connect().unwrap();
        let value = vec![b'x'; 32 << 20];
        cluster.set("foo", &value[..]).unwrap();
        assert!(cluster.get::<_, Vec<u8>>("foo").unwrap() == value);
        // Requests and replies that fit no buffer, in the same pipeline as short ones.
        let value = &value[..256 << 10];
        let mut pipeline = cluster.pipeline();
        let slots: Vec<_> = (0..5_000)
            .map(|at| {
                if at % 50 == 0 {
                    (&mut pipeline).set("large", value);
                    (&mut pipeline).get::<_, Vec<u8>>("large");
                }
                (&mut pipeline).incr(format!("counter:{}", at % 10))
            })
            .collect();
        let replies = pipeline.run().unwrap();
        for (at, slot) in (0..).zip(slots) {
            assert_eq!(replies.get(slot).unwrap(), at / 10 + 1);
        }
    });
}

#[test]
fn a_subscriber_reads_and_writes_at_the_same_time() {
    in_both_ways(|builder, _| {
        let cluster = builder.connect().unwrap();
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe(["news"]).unwrap();
        for at in 0..200 {
            cluster.publish("news", at).unwrap();
            subscriber.subscribe([format!("other:{at}")]).unwrap();
            let event = subscriber.next_timeout(Duration::from_secs(20)).unwrap();
            let Some(Event::Message(message)) = event else { panic!("{event:?}") };
            assert_eq!(message.payload::<u32>().unwrap(), at);
        }
        let stopper = subscriber.stopper();
        let waiting = std::thread::spawn(move || subscriber.next().is_none());
        stopper.stop();
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn deadlines_and_dead_connections() {
    in_both_ways(|builder, servers| {
        let cluster = builder.deadline(Duration::from_millis(300)).connect().unwrap();
        cluster.set("foo", 1).unwrap();
        servers[1].freeze();
        let began = Instant::now();
        let error = cluster.set("foo", 2).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
        let error = cluster.set("foo", vec![b'x'; 64 << 20]).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied), "{error}");
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        servers[1].thaw();
        wait_until("it answers again", || cluster.set("foo", 3).is_ok());
        // One that was closed while it lay unused is noticed before a command is lost on it.
        let cluster = cluster.deadline(Duration::from_secs(30));
        cluster.set("foo", 3).unwrap();
        servers[1].ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        // But for the one that asks.
        wait_until("they are closed", || servers[1].field("clients", "connected_clients").as_deref() == Some("1"));
        assert_eq!(cluster.incr("foo").map_err(|error| error.to_string()), Ok(4));
        // And one that still lives is used again.
        let opened = cluster.pools()[1].opened;
        // Longer than one counts as just used, so that it is looked at.
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(cluster.incr("foo").unwrap(), 5);
        assert_eq!(cluster.pools()[1].opened, opened);
    });
}

#[test]
fn replicas_are_reached_in_the_same_way() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let connector = Plainly::default();
    let asked = Arc::clone(&connector.asked);
    let cluster = Cluster::builder().node("node_1", master.address()).connector(connector).connect().unwrap();
    cluster.set("foo", "bar").unwrap();
    master.wait_for_replica(&replica);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    let asked = asked.lock().unwrap();
    for server in [&master, &replica] {
        let count = asked.iter().filter(|address| address.to_string() == server.address()).count();
        assert_eq!(count, 2, "once to look and once to use: {asked:?}");
    }
}

#[test]
fn why_a_connector_has_no_connection_is_told() {
    struct Broken;
    impl Connect for Broken {
        fn connect(&self, _: &Address, _: Option<Duration>) -> io::Result<Socket> {
            Err(io::Error::other("the tunnel is closed"))
        }
    }
    let error = Cluster::builder().node("node_1", "far.example").connector(Broken).connect().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied));
    assert!(error.to_string().contains("the tunnel is closed while connecting"), "{error}");
    assert!(error.to_string().contains("node_1 (far.example:6379)"), "{error}");
    let dead = Cluster::builder().node("node_1", dead_address()).connector(Plainly::default());
    assert_eq!(dead.connect().unwrap_err().kind(), ErrorKind::Connect);
}

#[test]
fn nothing_is_sent_in_the_clear_that_should_not_be() {
    let peer = ScriptedPeer::answering(|_| b"+OK\r\n".to_vec());
    let url = format!("rediss://:canary@{}", peer.address());
    for (builder, hint) in [
        (Cluster::builder(), "`Builder::connector`"),
        (Cluster::builder().connector(Plainly::default()), "does not say that it encrypts"),
    ] {
        let error = builder.node("node_1", &url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(hint) && error.message().contains("node node_1"), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let given = Cluster::builder().node("node_1", peer.address()).node("extra", &url).master_of("node_1", "extra");
    assert_eq!(given.build().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(Cluster::builder().open(&url).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(peer.accepted(), 0);
}

/// Says something that answers nothing whenever it is read from, once it has begun.
struct Chatty {
    socket: TcpStream,
    has_begun: Arc<AtomicBool>,
}

impl Transport for Chatty {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        if self.has_begun.load(Ordering::SeqCst) {
            let push = b">1\r\n+word\r\n";
            let whole = buffer.len() / push.len() * push.len();
            buffer.chunks_exact_mut(push.len()).for_each(|chunk| chunk.copy_from_slice(push));
            return Ok(whole);
        }
        self.socket.set_read_timeout(wait.map(|wait| wait.max(Duration::from_micros(1))))?;
        (&self.socket).read(buffer)
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        (&self.socket).write(bytes)
    }

    fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

struct Chattily(Arc<AtomicBool>);

impl Connect for Chattily {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        Ok(Socket::new(Chatty { socket: connect_tcp(address, timeout)?, has_begun: Arc::clone(&self.0) }))
    }
}

/// A call that fails.
type Fails = fn(&Cluster) -> rediscluster::Error;

#[test]
fn a_server_that_never_stops_keeps_nobody_past_the_deadline() {
    let servers = [Server::start(), Server::start()];
    let calls: [(&str, Fails); 3] = [
        ("one", |cluster| cluster.incr("foo").unwrap_err()),
        ("a part of several", |cluster| cluster.mget::<_, Vec<Option<String>>>(["foo", "bar"]).unwrap_err()),
        ("a pipeline", |cluster| {
            let mut pipeline = cluster.pipeline();
            pipeline.incr("foo");
            pipeline.incr("bar");
            pipeline.run().unwrap_err()
        }),
    ];
    for (name, call) in calls {
        let has_begun = Arc::new(AtomicBool::new(false));
        let builder = rediscluster_testing::cluster_of(&servers).connector(Chattily(Arc::clone(&has_begun)));
        let builder = builder.protocol(Protocol::Resp3).pool_size(1).masters_only(true).refresh_every(None);
        let cluster = builder.deadline(Duration::from_millis(300)).connect().unwrap();
        has_begun.store(true, Ordering::SeqCst);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(call(&cluster)));
        let error = told.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{name} goes on for ever"));
        // A connection that lay unused for long is looked at before, and what comes then is not the end of it: the new one
        // does not get through its handshake.
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Connect), "{name}: {error}");
    }
}
