//! The harness keeps what it promises: other tests blame the library for what goes wrong in them,
//! so the ground they stand on is tested by itself.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rediscluster_testing::{
    dead_address, free_port, read_command, read_reply, wait_until, Reply, ScriptedPeer, Server,
};

fn master_and_replica(master: &Server, replica: &Server) {
    assert_eq!(master.field("replication", "role").as_deref(), Some("master"));
    assert_eq!(replica.field("replication", "role").as_deref(), Some("slave"));
    let name = format!("slave0:ip=127.0.0.1,port={},state=online", replica.port());
    assert!(master.info("replication").contains(&name));

    assert_eq!(master.ask(&["SET", "k", "v"]), Reply::ok());
    master.wait_for_replica(replica);
    assert_eq!(replica.ask(&["GET", "k"]), Reply::bulk("v"));
    assert!(replica.ask(&["SET", "k", "w"]).text().starts_with("READONLY"));
    assert_eq!((master.calls("set"), master.calls("get")), (1, 0));
    assert_eq!(replica.calls("GET"), 1);
}

#[test]
fn a_master_and_its_replica() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    assert!(master.port() < 32_768 && replica.port() < 32_768);
    master_and_replica(&master, &replica);
}

#[test]
fn a_replica_of_a_master_with_a_password() {
    let master = Server::start_with(&["--requirepass", "a secret"]);
    let open = Server::replica_of(&master, &[]);
    master_and_replica(&master, &open);
    drop(open);

    let master = Server::builder().password("x").start();
    let closed = Server::replica_of(&master, &["--requirepass", "y"]);
    master_and_replica(&master, &closed);

    let mut stranger = rediscluster_testing::Talk::with(closed.port(), None, Duration::from_secs(5)).unwrap();
    assert!(stranger.call(&["GET", "k"]).unwrap().text().starts_with("NOAUTH"));
}

#[test]
fn replies_of_every_kind() {
    let server = Server::start_with(&["--databases", "4"]);
    assert_eq!(server.ask(&["PING"]), Reply::Simple("PONG".to_owned()));
    assert_eq!(server.ask(&["RPUSH", "list", "a", "", "b\r\n"]).int(), 3);
    assert_eq!(server.ask(&["LRANGE", "list", "0", "-1"]), Reply::bulks(&["a", "", "b\r\n"]));
    assert_eq!(server.ask(&["GET", "none"]), Reply::Nil);
    assert!(server.ask(&["GET", "list"]).text().starts_with("WRONGTYPE"));
    assert_eq!(server.ask(&[b"SET".as_slice(), b"\xff", b"\0"]), Reply::ok());
    assert_eq!(server.ask(&[b"GET".as_slice(), b"\xff"]), Reply::bulk(b"\0"));
    assert_eq!(server.ask_in(3, &["SET", "k", "v"]), Reply::ok());
    assert_eq!(server.ask(&["EXISTS", "k"]).int(), 0);
    assert_eq!(server.ask_in(3, &["EXISTS", "k"]).int(), 1);
    assert_eq!(server.ask(&["KEYS", "*"]).sorted(), Reply::bulks(&[b"list".as_slice(), b"\xff"]));
    assert!(server.info("").contains("redis_version:"));
    assert_eq!(server.calls("no-such-command"), 0);
}

#[test]
fn nothing_is_left_after_a_drop() {
    let server = Server::start();
    let (dir, port) = (server.dir().to_owned(), server.port());
    assert!(dir.join("log").exists());
    drop(server);
    assert!(!dir.exists());
    assert_eq!(TcpStream::connect(("127.0.0.1", port)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn servers_end_with_a_process_that_forgets_them() {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(["--exact", "forgets_a_server", "--ignored", "--nocapture"]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (_, rest) = output.split_once("forgotten: ").expect(&output);
    let (dir, port) = rest.lines().next().unwrap().split_once(' ').unwrap();
    wait_until("the forgotten server's directory is gone", || !Path::new(dir).exists());
    wait_until("the forgotten server is gone", || TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
}

#[test]
#[ignore = "not a test by itself: the one above runs it in a process of its own"]
fn forgets_a_server() {
    let server = Server::start();
    println!("forgotten: {} {}", server.dir().display(), server.port());
    std::mem::forget(server);
    std::process::exit(0);
}

#[test]
fn a_frozen_server_takes_connections_and_answers_nothing() {
    let server = Server::start();
    server.freeze();
    let started = TcpStream::connect(server.address());
    assert!(started.is_ok(), "the kernel accepts for it");
    let error = server.try_ask(&["PING"], Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error:?}");
    server.thaw();
    assert_eq!(server.ask(&["PING"]).text(), "PONG");
    server.freeze(); // and dropped frozen
}

#[test]
fn a_killed_server_refuses() {
    let mut server = Server::start();
    server.kill();
    let error = server.try_ask(&["PING"], Duration::from_secs(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    server.kill(); // harmless
}

#[test]
fn many_servers_at_once() {
    let starters: Vec<_> = (0..8).map(|_| thread::spawn(Server::start)).collect();
    let servers: Vec<Server> = starters.into_iter().map(|starter| starter.join().unwrap()).collect();
    let mut ports: Vec<u16> = servers.iter().map(Server::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), servers.len());
}

#[test]
#[should_panic(expected = "the server stopped at its start")]
fn a_server_that_cannot_start_says_why() {
    Server::start_with(&["--no-such-option", "1"]);
}

#[test]
fn a_peer_plays_its_script() {
    let peer = ScriptedPeer::new(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let command = read_command(&mut reader).unwrap().unwrap();
        assert_eq!(command, [b"GET".to_vec(), b"k".to_vec()]);
        stream.write_all(b"$3\r\nno").unwrap();
    });
    assert!(peer.port() < 32_768);
    for turn in 1..=2 {
        let mut stream = TcpStream::connect(peer.address()).unwrap();
        stream.write_all(&rediscluster_testing::command(&["GET", "k"])).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap(); // ends, because the script is over
        assert_eq!(bytes, b"$3\r\nno");
        assert_eq!(peer.accepted(), turn);
    }
}

#[test]
fn a_peer_answers_commands() {
    let peer = ScriptedPeer::answering(|command| match command[0].as_slice() {
        b"PING" => b"+PONG\r\n".to_vec(),
        _ => Vec::new(),
    });
    let mut stream = TcpStream::connect(peer.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..2 {
        stream.write_all(&rediscluster_testing::command(&["PING"])).unwrap();
        assert_eq!(read_reply(&mut reader).unwrap().text(), "PONG");
    }
    stream.write_all(&rediscluster_testing::command(&["QUIT"])).unwrap();
    assert_eq!(read_reply(&mut reader).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_dropped_peer_hangs_up() {
    let peer = ScriptedPeer::new(|mut stream| {
        let _ = stream.read(&mut [0; 16]); // nothing ever comes
    });
    let address = peer.address();
    let mut stream = TcpStream::connect(&address).unwrap();
    wait_until("the peer has accepted", || peer.accepted() == 1);
    drop(peer);
    assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_free_port_is_free_and_low() {
    for _ in 0..100 {
        assert!((20_000..32_000).contains(&free_port()));
    }
    assert_eq!(TcpStream::connect(dead_address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
