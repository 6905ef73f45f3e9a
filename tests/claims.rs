//! What the documentation of the settings says and no other test holds.

use rediscluster::prelude::*;
use rediscluster::{connect_tcp, Address, Connect, ErrorKind, ReadFrom, Socket};
use rediscluster_testing::{skipped, wait_until, Chaos, Reply, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server whose default user has a password that no client is told, and one more user.
fn server_of(user: &str, password: &str, master: Option<&Server>) -> Server {
    let args = ["--requirepass", "nobody knows"];
    let server = match master {
        Some(master) => Server::replica_of(master, &args),
        None => Server::start_with(&args),
    };
    let rules = ["ACL", "SETUSER", user, "on", &format!(">{password}"), "~*", "&*", "+@all"];
    assert_eq!(server.ask(&rules), Reply::ok());
    server
}

#[test]
fn each_server_gets_the_user_of_its_node() {
    let masters = [server_of("one", "s1", None), server_of("all", "s2", None)];
    let found = server_of("one", "s1", Some(&masters[0]));
    let given = server_of("spare", "s3", Some(&masters[1]));
    let cluster = Cluster::builder()
        .node("node_1", format!("redis://one:s1@{}", masters[0].address()))
        .node("node_2", masters[1].address())
        .node("spare", format!("redis://spare:s3@{}", given.address()))
        .master_of("node_2", "spare")
        .username("all")
        .password("s2")
        .connect()
        .unwrap();
    cluster.mset([("bar", 1), ("foo", 2)]).unwrap();
    masters[0].wait_for_replica(&found);
    masters[1].wait_for_replica(&given);
    // `bar` lives on the first node, whose replica was found; `foo` on the second, whose replica was given.
    assert_eq!(cluster.mget::<_, Vec<i64>>(["bar", "foo"]).unwrap(), [1, 2]);
    assert_eq!((found.calls("mget"), given.calls("mget")), (1, 1));
    assert!(masters.iter().all(|master| master.calls("mget") == 0));
    let user = |name: &str| cluster.on(name).unwrap().execute(cmd("ACL WHOAMI").reply::<String>()).unwrap();
    let replica = format!("node_1/{}", found.address());
    assert_eq!([user("node_1"), user(&replica), user("node_2"), user("spare")], ["one", "one", "all", "spare"]);
    // The user of the builder is not known where a URL names one, and the other way round.
    for address in [format!("redis://all:s2@{}", masters[0].address()), masters[0].address()] {
        let builder = Cluster::builder().node("node_1", address).username("all").password("s2");
        assert_eq!(builder.connect().unwrap_err().kind(), ErrorKind::WrongPass);
    }
}

#[test]
fn every_connection_has_the_name_of_the_client() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).client_name("reports").connect().unwrap();
    cluster.set("foo", 1).unwrap();
    cluster.get::<_, Option<i64>>("foo").unwrap();
    for server in [&master, &replica] {
        assert!(server.ask(&["CLIENT", "LIST"]).text().contains(" name=reports "), "{}", server.address());
    }
}

#[test]
fn which_server_is_the_nearest_is_measured_by_refreshes_alone() {
    let servers = [Server::start(), Server::start()];
    let replica = Server::replica_of(&servers[0], &[]);
    let wires = [Chaos::to(servers[0].port()), Chaos::to(replica.port())];
    let far = |wire: &Chaos| wire.in_pieces(200, Duration::from_millis(20));
    let near = |wire: &Chaos| wire.in_pieces(usize::MAX, Duration::ZERO);
    far(&wires[1]);
    let cluster = Cluster::builder()
        .node("node_1", wires[0].address())
        .node("replica", wires[1].address())
        .master_of("node_1", "replica")
        .read_from(ReadFrom::Nearest)
        .refresh_every(None)
        .connect()
        .unwrap();
    let asked = || {
        let before = [servers[0].calls("strlen"), replica.calls("strlen")];
        (0..20).for_each(|_| assert_eq!(cluster.strlen("foo").unwrap(), 0));
        [servers[0].calls("strlen") - before[0], replica.calls("strlen") - before[1]]
    };
    assert_eq!(asked(), [20, 0]);
    near(&wires[1]);
    far(&wires[0]);
    assert_eq!(asked(), [20, 0], "reads measure nothing");
    cluster.refresh().unwrap();
    assert_eq!(asked(), [0, 20]);
}

#[test]
fn the_address_of_a_master_that_its_replica_names_is_mapped() {
    let (old, new) = (Server::start(), Server::start());
    let told = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&told);
    let map = move |address: &Address| {
        noted.lock().unwrap().push(address.to_string());
        Address::new("127.0.0.1", address.port()).unwrap()
    };
    let cluster =
        Cluster::builder().node("node_1", old.address()).map_addresses(map).refresh_every(None).connect().unwrap();
    assert!(told.lock().unwrap().is_empty(), "what was configured is not mapped");
    old.ask(&["REPLICAOF", "localhost", &new.port().to_string()]);
    wait_until("it has what the new one has", || {
        old.field("replication", "master_link_status").as_deref() == Some("up")
    });
    cluster.set("foo", 1).unwrap();
    assert_eq!(cluster.node_for("foo").address().to_string(), new.address());
    assert_eq!(new.ask(&["GET", "foo"]), Reply::bulk("1"));
    assert!(told.lock().unwrap().contains(&format!("localhost:{}", new.port())));
}

/// Where nobody listens, the system may give the port to the one who connects, who then talks to itself.
#[test]
fn a_socket_that_connects_to_itself_is_refused() {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first: Option<u16> = range.split_whitespace().next().and_then(|port| port.parse().ok());
    let Some(first) = first else {
        return skipped("which ports clients get is not known here");
    };
    // Clients get every second one, beginning with the first.
    let port = first + 2 * (std::process::id() % 5_000) as u16;
    let address = Address::new("127.0.0.1", port).unwrap();
    for _ in 0..200_000 {
        let error = match connect_tcp(&address, None) {
            // Somebody else listens there now; otherwise it would have been refused.
            Ok(socket) => {
                assert_ne!(socket.local_addr().unwrap(), socket.peer_addr().unwrap(), "it talks to itself");
                break;
            }
            Err(error) => error,
        };
        if error.to_string().contains("connected to itself") {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            return;
        }
    }
    skipped("no socket connected to itself");
}

/// Names are looked up for each new connection, and not when the cluster is made.
#[test]
fn a_name_that_leads_elsewhere_is_followed_at_the_next_connection() {
    /// Knows where the only name there is leads now.
    #[derive(Clone)]
    struct Names(Arc<Mutex<Address>>);
    impl Connect for Names {
        fn connect(&self, address: &Address, timeout: Option<Duration>) -> std::io::Result<Socket> {
            assert_eq!(address.host(), "redis.example", "it is asked for the name");
            connect_tcp(&self.0.lock().unwrap(), timeout).map(Socket::from)
        }
    }
    let (mut first, second) = (Server::start(), Server::start());
    let names = Names(Arc::new(Mutex::new(Address::parse(&first.address()).unwrap())));
    let builder = Cluster::builder().node("node_1", "redis.example").connector(names.clone());
    let cluster = builder.masters_only(true).refresh_every(None).connect().unwrap();
    cluster.set("foo", "first").unwrap();
    *names.0.lock().unwrap() = Address::parse(&second.address()).unwrap();
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "first", "the connection that is there goes on");
    first.kill();
    cluster.set("foo", "second").unwrap();
    assert_eq!(second.ask(&["GET", "foo"]), Reply::bulk("second"));
}
