//! Connections of one's own: what a server sends unasked does not end them, and what it has closed is not written to.

use rediscluster::prelude::*;
use rediscluster::{Connection, ErrorKind, Outcome, Phase, Protocol, Script};
use rediscluster_testing::{read_command, wait_until, Reply, ScriptedPeer, Server};
use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

fn open(server: &Server, protocol: Protocol) -> Connection {
    Cluster::builder().protocol(protocol).open(server.address()).unwrap()
}

fn id(connection: &mut Connection) -> String {
    connection.execute(cmd("CLIENT ID").reply::<i64>()).unwrap().to_string()
}

/// So long that an idle connection is looked at.
fn lie_unused() {
    sleep(Duration::from_millis(1));
}

#[test]
fn messages_about_tracked_keys_are_passed_over() {
    let server = Server::start();
    let mut connection = open(&server, Protocol::Resp3);
    connection.execute(cmd("CLIENT TRACKING").arg("ON")).unwrap();
    for round in 0..100 {
        connection.set("foo", round).unwrap();
        assert_eq!(connection.get::<_, i64>("foo").unwrap(), round);
        // Its own write: the message comes right behind the reply, or in front of the next one.
        connection.set("foo", round + 1).unwrap();
        assert_eq!(connection.get::<_, i64>("foo").unwrap(), round + 1);
        // Another's write: the message comes while it lies unused.
        server.ask(&["SET", "foo", "7"]);
        lie_unused();
        assert_eq!(connection.get::<_, i64>("foo").unwrap(), 7);
    }
    // More than is read at once.
    let names: Vec<String> = (0..20_000).map(|n| format!("a rather long name of a key:{n}")).collect();
    connection.mset(names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>()).unwrap();
    let _: Vec<i64> = connection.mget(names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    server.ask(&["FLUSHALL"]);
    names.chunks(1000).for_each(|names| {
        drop(server.ask(&[&["DEL"], &names.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat()))
    });
    assert_eq!(connection.incr("count").unwrap(), 1);
}

#[test]
fn what_the_server_has_closed_is_seen_before_anything_is_sent() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let before = server.calls("incr");
        let calls: [fn(&mut Connection) -> rediscluster::Result<i64>; 2] = [
            |connection| connection.incr("n"),
            |connection| Script::new("return redis.call('INCR', 'n')").call().run(connection),
        ];
        for call in calls {
            let mut connection = open(&server, protocol);
            assert_eq!(server.ask(&["CLIENT", "KILL", "ID", &id(&mut connection)]), Reply::Int(1));
            lie_unused();
            let error = call(&mut connection).unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::NotApplied), "{error}");
            assert_eq!((error.phase(), error.command().is_some()), (Some(Phase::Send), true), "{error:?}");
            let again = call(&mut connection).unwrap_err();
            assert_eq!(
                (again.kind(), again.outcome()),
                (ErrorKind::Io, Outcome::NotApplied),
                "it stays closed: {again}"
            );
        }
        assert_eq!(server.calls("incr"), before);
    }
}

#[test]
fn why_a_server_hangs_up_is_told() {
    let server = Server::start_with(&["--maxclients", "1"]);
    // The one that the server was waited for with has to be gone.
    let mut first = None;
    wait_until("there is room for one", || {
        let mut connection = open(&server, Protocol::Resp2);
        let is_in = connection.set("foo", 1).is_ok();
        first = is_in.then_some(connection);
        is_in
    });
    let mut second = open(&server, Protocol::Resp2);
    wait_until("it is refused", || {
        lie_unused();
        let error = second.incr("foo").unwrap_err();
        error.message().starts_with("ERR max number of clients") && error.outcome() == Outcome::NotApplied
    });
    drop(first);
}

#[test]
fn bytes_that_are_no_message_end_it() {
    let all_is_sent = Arc::new(AtomicBool::new(false));
    let sent = Arc::clone(&all_is_sent);
    let peer = ScriptedPeer::new(move |stream| {
        let mut near = BufReader::new(stream);
        while let Ok(Some(_)) = read_command(&mut near) {
            // One reply, half a message, and later the rest of it with a reply too many.
            near.get_mut().write_all(b"+OK\r\n>2\r\n+inval").unwrap();
            sleep(Duration::from_millis(5));
            near.get_mut().write_all(b"idate\r\n*0\r\n+late\r\n").unwrap();
            sent.store(true, Ordering::Release);
        }
    });
    let mut connection = Cluster::builder().open(peer.address()).unwrap();
    drop(connection.execute(cmd("PING")));
    wait_until("all is sent", || all_is_sent.load(Ordering::Acquire));
    lie_unused();
    let error = connection.incr("n").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::NotApplied), "{error}");
}

#[test]
fn halves_go_on_for_as_long_as_the_connection_does() {
    let server = Server::start();
    let patience = Duration::from_secs(20);
    let (mut reader, mut writer) = Cluster::builder().open(server.address()).unwrap().into_halves();
    // More than the system keeps, all of it read by looks that do not wait.
    let value = vec![b'x'; 1 << 20];
    writer.write_all(cmd("SET").arg("large").arg(&value[..]).as_bytes(), patience).unwrap();
    assert!(reader.next_timeout(patience).unwrap().is_some());
    for _ in 0..24 {
        writer.write_all(b"GET large\r\n", patience).unwrap();
        let mut length = None;
        wait_until("the value has come", || {
            length = reader.next_timeout(Duration::ZERO).unwrap().map(|frame| frame.as_bytes().len());
            length.is_some()
        });
        assert_eq!(length, Some(b"$1048576\r\n\r\n".len() + (1 << 20)));
    }
    server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    let error = reader.next_timeout(patience).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains(&server.address()), "{error}");
    let (mut reader, writer) = Cluster::builder().open(server.address()).unwrap().into_halves();
    let thread = std::thread::spawn(move || reader.next_timeout(patience).map(|_| ()).unwrap_err().kind());
    writer.close();
    assert_eq!(thread.join().unwrap(), ErrorKind::Io);
}
