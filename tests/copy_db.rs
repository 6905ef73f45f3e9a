//! `COPY` with `DB` from one node to another: what one server would do, and no connection is ever left in the wrong
//! database.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Outcome, Value};
use rediscluster_testing::{cluster_of, Cut, Reply, Server, Wire};

fn run(cluster: &Cluster, line: &str) -> Result<Value, (ErrorKind, String, Outcome)> {
    let mut words = line.split(' ');
    let command = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
    cluster.execute(command).map_err(|error| (error.kind(), error.message().to_owned(), error.outcome()))
}

/// `bar` lives on the first node, `foo` on the second; one connection each, so that it is always the same.
fn two(database: u32) -> ([Server; 2], Cluster) {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).database(database).pool_size(1).connect().unwrap();
    (servers, cluster)
}

#[test]
fn as_one_server_does_it() {
    let one = Server::start();
    let single = cluster_of(std::slice::from_ref(&one)).connect().unwrap();
    let (servers, cluster) = two(0);
    for line in [
        "COPY foo bar DB 1",
        "SET foo x EX 1000",
        "COPY foo bar DB 1",
        "COPY foo bar DB 1",
        "COPY foo bar DB 1 REPLACE",
        "COPY foo bar db 1 replace DB 2",
        "COPY foo bar DB 2 DB 3",
        "COPY foo bar DB 0",
        "COPY foo bar DB 0",
        "GET bar",
        "DEL foo",
        "COPY foo bar DB 1 REPLACE",
        // Mistakes are found from left to right, before the key is looked at.
        "COPY foo bar DB 99",
        "COPY foo bar DB -1",
        "COPY foo bar DB x",
        "COPY foo bar DB",
        "COPY foo bar DB 99999999999",
        "COPY foo bar DB 1 DB 99",
        "COPY foo bar DB 99 DB x",
        "COPY foo bar DB x FOO",
        "COPY foo bar FOO DB x",
        "COPY foo bar DB 1 FOO",
        "COPY foo bar DB DB",
        "SET foo y",
        "COPY foo bar DB 1 FOO",
        "COPY foo bar DB 1 REPLACE DB 99",
        "GET bar",
        "GET foo",
    ] {
        assert_eq!(run(&cluster, line), run(&single, line), "{line}");
        for database in 0..4 {
            let (here, there) = (servers[0].ask_in(database, &["GET", "bar"]), one.ask_in(database, &["GET", "bar"]));
            assert_eq!(here, there, "{line}: bar in database {database}");
        }
    }
    let ttl = servers[0].ask_in(2, &["TTL", "bar"]).int();
    assert!((900..=1000).contains(&ttl), "{ttl}");
}

#[test]
fn the_connection_comes_back_to_its_own_database() {
    let (servers, cluster) = two(3);
    run(&cluster, "SET foo x").unwrap();
    let id = cluster.execute(cmd("SET").args_of(["bar", "here"])).map(|_| servers[0].ask(&["CLIENT", "LIST"]));
    // Another one is kept for asking who the server is.
    let is_of_a_call = |line: &&str| line.contains("db=3") && !line.contains("cmd=info");
    let connections = |list: &Reply| list.text().lines().filter(is_of_a_call).count();
    assert_eq!(connections(&id.unwrap()), 1);
    let accepted =
        |server: &Server| server.field("stats", "total_connections_received").unwrap().parse::<u64>().unwrap();
    for (line, value) in [("COPY foo bar DB 5", 1), ("COPY foo bar DB 5", 0), ("COPY missing{foo} bar DB 6", 0)] {
        let before = accepted(&servers[0]);
        assert_eq!(run(&cluster, line), Ok(Value::Integer(value)), "{line}");
        assert_eq!(run(&cluster, "GET bar"), Ok(Value::from("here")), "{line}");
        // One is the question itself.
        assert_eq!(accepted(&servers[0]), before + 1, "{line}: the connection is still the same");
    }
    assert_eq!(servers[0].ask_in(5, &["GET", "bar"]), Reply::bulk("x"));
    // After a refusal it is in some database, so it is not used again.
    run(&cluster, "COPY foo bar DB 7 DB 99").unwrap_err();
    assert_eq!(run(&cluster, "GET bar"), Ok(Value::from("here")));
    run(&cluster, "COPY foo bar DB 7 FOO").unwrap_err();
    assert_eq!(run(&cluster, "GET bar"), Ok(Value::from("here")));
    assert_eq!(servers[0].ask_in(7, &["DBSIZE"]).int(), 0);
}

#[test]
fn on_one_node_it_is_the_native_command() {
    let (servers, cluster) = two(0);
    run(&cluster, "SET a{foo} x").unwrap();
    assert!(cluster.plan(&cmd("COPY").args_of(["a{foo}", "b{foo}", "DB", "1"])).unwrap().is_native());
    assert_eq!(run(&cluster, "COPY a{foo} b{foo} DB 1"), Ok(Value::Integer(1)));
    assert_eq!(servers[1].ask_in(1, &["GET", "b"]), Reply::bulk("x"));
}

#[test]
fn a_refused_value_leaves_the_connection_where_it_was() {
    let servers = [Server::start(), Server::start()];
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", "-restore"]);
    }
    let cluster = cluster_of(&servers).username("lim").password("pw").pool_size(1).connect().unwrap();
    run(&cluster, "MSET foo x bar here").unwrap();
    let (kind, _, outcome) = run(&cluster, "COPY foo bar DB 1 REPLACE").unwrap_err();
    assert_eq!((kind, outcome), (ErrorKind::NoPerm, Outcome::NotApplied));
    assert_eq!(run(&cluster, "GET bar"), Ok(Value::from("here")));
    assert_eq!(servers[0].ask_in(1, &["DBSIZE"]).int(), 0);
}

#[test]
fn no_cut_leaves_a_connection_in_the_wrong_database() {
    let servers = [Server::start(), Server::start()];
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true).pool_size(1);
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    let mut cuts = 0;
    for (at, wire) in wires.iter().enumerate() {
        for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
            for nth in 0.. {
                wires.iter().for_each(Wire::mend);
                servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
                servers[1].ask(&["SET", "foo", "x"]);
                servers[0].ask(&["SET", "bar", "here"]);
                wire.cut_at(nth, cut);
                let result: Result<bool, _> = cluster.execute(cmd("COPY").args_of(["foo", "bar", "DB", "1"]).reply());
                let story = format!("node_{} cut {cut:?} {nth}: {result:?}", at + 1);
                let is_cut = wire.is_cut();
                let copied = servers[0].ask_in(1, &["GET", "bar"]) == Reply::bulk("x");
                match &result {
                    Ok(done) => assert!(*done && copied, "{story}"),
                    Err(error) => {
                        assert!(error.node().is_some() && error.command() == Some("COPY"), "{story}");
                        assert!(error.outcome() != Outcome::NotApplied || !copied, "{story}");
                    }
                }
                // What comes next finds itself in the right database, however the call ended.
                wires.iter().for_each(Wire::mend);
                assert_eq!(run(&cluster, "GET bar"), Ok(Value::from("here")), "{story}");
                assert_eq!(servers[0].ask(&["GET", "bar"]), Reply::bulk("here"), "{story}");
                if !is_cut {
                    assert!(result.is_ok(), "{story}");
                    break;
                }
                cuts += 1;
            }
        }
    }
    assert!(cuts >= 10, "only {cuts} cuts were met");
}
