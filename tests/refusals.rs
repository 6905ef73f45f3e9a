//! Servers that refuse a part of what a command across nodes needs, and replicas that do not serve.

use rediscluster::prelude::*;
use rediscluster::{CloseReason, ErrorKind, Observer, ObserverEvent, Outcome, Protocol, Value};
use rediscluster_testing::{cluster_of, wait_until, Reply, ScriptedPeer, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What follows a `MULTI` that is refused must not run outside of any transaction.
#[test]
fn a_user_without_transactions_loses_nothing() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-@transaction"]);
    }
    let cluster = cluster_of(&servers).username("lim").password("pw").connect().unwrap();
    for (begin, line) in [
        (["SET", "foo", "x"], "RENAME foo bar"),
        (["SET", "foo", "x"], "RENAMENX foo bar"),
        (["SADD", "foo", "x"], "SUNIONSTORE bar foo"),
        (["ZADD", "foo", "1"], "ZUNIONSTORE bar 2 foo bar"),
    ] {
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        let home = usize::from(begin[1] == "foo");
        let begin: Vec<&str> = begin.iter().copied().chain((begin[0] == "ZADD").then_some("x")).collect();
        servers[home].ask(&begin);
        let held = servers[home].ask(&["DUMP", begin[1]]);
        let mut words = line.split(' ');
        let command = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
        let error = cluster.execute(command).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{line}: {error}");
        assert_eq!(servers[home].ask(&["DUMP", begin[1]]), held, "{line}");
        assert_eq!(servers[1 - home].ask(&["DBSIZE"]).int(), 0, "{line} left something behind");
        assert_eq!(servers[home].ask(&["DBSIZE"]).int(), 1, "{line} left something behind");
    }
}

/// A wait over several nodes needs no transaction and no script, and where a server may not tell of changes it is asked.
#[test]
fn a_wait_needs_the_right_to_look_and_to_pop() {
    let servers = [Server::start(), Server::start()];
    let with = |rights: &[&str]| {
        for server in &servers {
            let user = ["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-@transaction", "-@scripting"];
            server.ask(&[&user[..], rights].concat());
        }
        cluster_of(&servers).username("lim").password("pw").connect().unwrap()
    };
    for rights in [&[][..], &["-client", "-hello"]] {
        let cluster = with(rights);
        std::thread::scope(|scope| {
            let begun = servers[1].calls("type");
            let call = scope.spawn(|| cluster.blpop::<_, String, String>(["foo", "bar"], Duration::from_secs(20)));
            wait_until("its keys are watched", || servers[1].calls("type") > begun + 1);
            servers[1].ask(&["RPUSH", "foo", "x"]);
            assert_eq!(call.join().unwrap().unwrap(), Some(("foo".to_owned(), "x".to_owned())));
        });
    }
    // In vain, too, it is told what is not allowed.
    for (rights, name) in [("-type", "type"), ("-blpop", "blpop")] {
        let cluster = with(&[rights]);
        let error = cluster.blpop::<_, String, String>(["foo", "bar"], Duration::from_millis(10)).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
        assert!(error.message().contains(name), "{error}");
    }
}

/// A connection that still watches a key would make the next transaction on it do nothing.
#[test]
fn a_connection_that_watches_is_not_used_again() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-restore"]);
    }
    let cluster = cluster_of(&servers).username("lim").password("pw").pool_size(1).connect().unwrap();
    cluster.set("foo", "x").unwrap();
    let error = cluster.rename("foo", "bar").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
    servers[1].ask(&["SET", "foo", "changed"]);
    servers[0].ask(&["SADD", "bar", "member"]);
    assert_eq!(cluster.sunionstore("union{foo}", ["bar", "none{foo}"]).unwrap(), 1);
    assert_eq!(servers[1].ask(&["SMEMBERS", "union"]), Reply::bulks(&["member"]));
}

#[test]
fn a_server_that_repeats_the_password_is_not_repeated() {
    let server = [Server::builder().args(&["--rename-command", "HELLO", ""]).password("s3cret").start()];
    let error = cluster_of(&server).protocol(Protocol::Resp3).password("s3cret").connect().unwrap_err();
    // Some servers look at the password before they look for the command.
    assert!(["ERR unknown command", "NOAUTH Authentication required."].contains(&error.message()), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[test]
fn a_frozen_replica_costs_no_read() {
    let master = [Server::start()];
    let replica = Server::replica_of(&master[0], &[]);
    let cluster = cluster_of(&master).deadline(Duration::from_secs(4)).connect().unwrap();
    cluster.set("k", "v").unwrap();
    master[0].wait_for_replica(&replica);
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v");
    replica.freeze();
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v", "the master serves it in time");
    replica.thaw();
}

#[test]
fn what_is_answered_by_a_stream_is_refused() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut connection = Cluster::builder().protocol(protocol).open(server.address()).unwrap();
        for line in ["SUBSCRIBE a b", "PSUBSCRIBE *", "MONITOR", "CLIENT REPLY OFF"] {
            let mut words = line.split(' ');
            let error = connection.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>())).unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Refused, Outcome::NotApplied), "{error}");
        }
        assert_eq!(connection.execute(cmd("PING")).unwrap(), Value::Simple(b"PONG".to_vec()));
    }
    assert_eq!(server.ask(&["PING"]), Reply::Simple("PONG".into()));
}

/// Why connections were closed, by the name of their server.
#[derive(Default)]
struct Closed(Mutex<Vec<(String, CloseReason)>>);

impl Observer for Closed {
    fn event(&self, event: &ObserverEvent<'_>) {
        if let ObserverEvent::ConnectionClosed { node, why, .. } = event {
            self.0.lock().unwrap().push((node.name().to_owned(), *why));
        }
    }
}

/// Of three nodes two are asked for what they hold, and the first one refuses: what the second one answers is not needed, and
/// must not be taken for the reply to another command.
#[test]
fn an_answer_that_is_not_needed_any_more_reaches_nobody() {
    let servers: Vec<Server> = (0..3).map(|_| Server::start()).collect();
    for (server, rule) in servers.iter().zip(["-dump", "+@all", "+@all"]) {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", rule]);
    }
    let closed = Arc::new(Closed::default());
    let cluster = cluster_of(&servers).username("lim").password("pw").pool_size(1).masters_only(true);
    let cluster = cluster.observer(Arc::clone(&closed)).connect().unwrap();
    // One on each of the first two nodes, and two on the third, where the others are carried to.
    let on = |node: &str, nth: usize| {
        let mut names = (0..).map(|number| format!("k{number}")).filter(|name| cluster.node_for(name).name() == node);
        names.nth(nth).unwrap()
    };
    let keys = [on("node_1", 0), on("node_2", 0), on("node_3", 0), on("node_3", 1)];
    for key in &keys {
        cluster.execute(cmd("ZADD").args_of([key, "1", key])).unwrap();
    }
    closed.0.lock().unwrap().clear();
    for round in 0..3 {
        let error = cluster.execute(cmd("ZUNION").arg(keys.len()).args_of(&keys)).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
        assert!(error.node().unwrap().starts_with("node_1 "), "{error}");
        let told = std::mem::take(&mut *closed.0.lock().unwrap());
        assert!(told.is_empty(), "it was read, and its connection goes on: {told:?}");
        let (name, value) = (on("node_2", 1), format!("of round {round}"));
        cluster.set(&name, &value).unwrap();
        assert_eq!(cluster.get::<_, String>(&name).unwrap(), value);
        assert_eq!(cluster.zcard(&keys[1]).unwrap(), 1);
    }
}

/// What servers say to credentials, those before Redis 6.0 as well.
#[test]
fn credentials_that_are_refused_have_kinds_of_their_own() {
    for (said, kind) in [
        ("-WRONGPASS invalid username-password pair or user is disabled.\r\n", ErrorKind::WrongPass),
        ("-ERR invalid password\r\n", ErrorKind::WrongPass),
        ("-NOAUTH Authentication required.\r\n", ErrorKind::NoAuth),
        ("-NOPERM this user has no permissions to run the 'auth' command\r\n", ErrorKind::NoPerm),
        ("-ERR Client sent AUTH, but no password is set\r\n", ErrorKind::Server),
    ] {
        let peer = ScriptedPeer::answering(move |_| said.as_bytes().to_vec());
        let builder = Cluster::builder().node("node_1", peer.address()).password("secret");
        let error = builder.connect().unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotApplied), "{error:?}");
        assert_eq!(error.command(), Some("AUTH"), "{error:?}");
    }
}
