//! Optimistic locking: what is read under `WATCH` holds when the transaction is applied, or nothing is applied. However
//! a closure ends, the one connection of the pool watches nothing afterwards.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Protocol, Result, Value};
use rediscluster_testing::{cluster_of, home_of, in_both_protocols, Cut, Reply, Server, Wire};
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

fn one(protocol: Protocol) -> ([Server; 1], Cluster) {
    let server = [Server::start()];
    let cluster = cluster_of(&server).pool_size(1).protocol(protocol).connect().unwrap();
    (server, cluster)
}

/// The pool's one connection is in no transaction, and a change of `foo` means nothing to it.
fn assert_clean(server: &Server, cluster: &Cluster) {
    assert!(matches!(server.ask(&["APPEND", "foo", "+"]), Reply::Int(_)));
    assert!(cluster.get::<_, Option<String>>("foo").unwrap().is_some());
    let mut transaction = cluster.transaction();
    let set = transaction.set("foo", "0");
    transaction.run().unwrap().get(set).unwrap();
    assert_eq!(server.ask(&["GET", "foo"]), Reply::bulk("0"));
}

/// How many connections the server has had, without those that ask.
fn connections(server: &Server, asked: &Cell<u64>) -> u64 {
    asked.set(asked.get() + 1);
    server.field("stats", "total_connections_received").unwrap().parse::<u64>().unwrap() - asked.get()
}

#[test]
fn what_was_read_holds_when_it_is_applied() {
    in_both_protocols(|cluster, servers| {
        cluster.set("stock{7}", 2).unwrap();
        let take = || {
            cluster.watch(["stock{7}"], |watched| {
                let stock: i64 = watched.get("stock{7}")?;
                let fields: std::collections::HashMap<String, String> = watched.hgetall("nothing{7}")?;
                assert!(fields.is_empty());
                if stock == 0 {
                    return Ok(None);
                }
                let mut transaction = watched.transaction();
                let left = transaction.decr("stock{7}");
                transaction.run()?.get(left).map(Some)
            })
        };
        assert_eq!((take().unwrap(), take().unwrap(), take().unwrap()), (Some(1), Some(0), None));
        let home = home_of(cluster, servers, "stock{7}");
        assert_eq!(home.ask(&["GET", "stock"]), Reply::bulk("0"));
        assert_eq!((home.calls("watch"), home.calls("exec"), home.calls("unwatch")), (3, 2, 1));
    });
}

#[test]
fn a_key_that_changes_begins_the_closure_anew() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let (server, cluster) = one(protocol);
        server[0].ask(&["SET", "foo", "10"]);
        let attempts = Cell::new(0);
        let seen = cluster.watch(["other", "foo"], |watched| {
            let foo: i64 = watched.get("foo")?;
            attempts.set(attempts.get() + 1);
            if attempts.get() < 4 {
                server[0].ask(&["INCR", "foo"]);
            }
            let mut transaction = watched.transaction();
            transaction.set("copy", foo);
            transaction.run()?;
            Ok(foo)
        });
        assert_eq!((seen.unwrap(), attempts.get()), (13, 4));
        assert_eq!(server[0].ask(&["GET", "copy"]), Reply::bulk("13"));
        assert_clean(&server[0], &cluster);
        assert_eq!(server[0].calls("unwatch"), 0, "EXEC has ended the watch");
    }
}

#[test]
fn a_key_that_keeps_changing_is_a_conflict() {
    let (server, cluster) = one(Protocol::Resp2);
    let attempts = Cell::new(0);
    let collide = |cluster: &Cluster| {
        attempts.set(0);
        let error = cluster.watch(["foo"], |watched| {
            attempts.set(attempts.get() + 1);
            server[0].ask(&["INCR", "foo"]);
            let mut transaction = watched.transaction();
            transaction.set("copy", 1);
            transaction.run().map(drop)
        });
        let error = error.unwrap_err();
        let told = (error.kind(), error.outcome(), error.command());
        assert_eq!(told, (ErrorKind::Conflict, Outcome::NotApplied, Some("EXEC")), "{error}");
        assert!(error.node().unwrap().starts_with("node_1 "), "{error}");
        assert!(error.message().contains(" attempts were made"), "{error}");
        assert!(!error.is_server(), "no server said this");
        assert_eq!(server[0].ask(&["EXISTS", "copy"]).int(), 0);
    };
    collide(&cluster.deadline(Duration::from_secs(60)));
    assert_eq!(attempts.get(), 100);
    let begin = Instant::now();
    collide(&cluster.deadline(Duration::from_millis(700)));
    assert!(attempts.get() < 100 && begin.elapsed() < Duration::from_secs(5));
    assert_clean(&server[0], &cluster);
}

#[test]
fn a_conflict_that_the_closure_keeps_to_itself_is_the_end() {
    let (server, cluster) = one(Protocol::Resp2);
    let attempts = Cell::new(0);
    let applied = cluster.watch(["foo"], |watched| {
        attempts.set(attempts.get() + 1);
        server[0].ask(&["INCR", "foo"]);
        let mut transaction = watched.transaction();
        // Without commands EXEC tells all the same whether anything changed.
        Ok(transaction.run().map_err(|error| error.kind()).err())
    });
    assert_eq!((applied.unwrap(), attempts.get()), (Some(ErrorKind::Conflict), 1));
    let unchanged = cluster.watch(["foo"], |watched| watched.transaction().run()).unwrap();
    assert!(unchanged.is_empty());
    assert_clean(&server[0], &cluster);
}

#[test]
fn however_the_closure_ends_the_connection_watches_nothing() {
    let (server, cluster) = one(Protocol::Resp2);
    assert_clean(&server[0], &cluster);
    let asked = Cell::new(0);
    let before = connections(&server[0], &asked);
    asked.set(asked.get() - 1);

    // With an error of its own, from a reading command, with a transaction that is dropped, with one that is refused.
    let kind = |ended: Result<()>| ended.unwrap_err().kind();
    let ended = cluster.watch(["foo"], |watched| watched.get::<_, i64>("missing").map(drop));
    assert_eq!(kind(ended), ErrorKind::Reply);
    assert_clean(&server[0], &cluster);
    let ended = cluster.watch(["foo"], |watched| watched.llen("foo").map(drop));
    assert_eq!(kind(ended), ErrorKind::WrongType);
    assert_clean(&server[0], &cluster);
    cluster
        .watch(["foo"], |watched| {
            watched.transaction().set("foo", "dropped");
            Ok(())
        })
        .unwrap();
    assert_clean(&server[0], &cluster);
    let ended = cluster.watch(["foo"], |watched| {
        let mut transaction = watched.transaction();
        transaction.execute(cmd("NOSUCH"));
        transaction.run().map(drop)
    });
    assert_eq!(kind(ended), ErrorKind::UnknownCommand);
    assert_clean(&server[0], &cluster);
    let kept = connections(&server[0], &asked);
    // `assert_clean` asks twice.
    assert_eq!(kept - before, 4 * 2 + 1, "the pool kept its connection");

    // With a panic: the connection is closed.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        cluster.watch(["foo"], |watched| -> Result<()> {
            let _: String = watched.get("foo")?;
            panic!("as planned")
        })
    }));
    assert!(panicked.is_err());
    assert_clean(&server[0], &cluster);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        cluster.watch(["foo"], |watched| -> Result<()> {
            let mut transaction = watched.transaction();
            transaction.set("foo", 1);
            transaction.run()?;
            panic!("as planned")
        })
    }));
    assert!(panicked.is_err());
    assert_clean(&server[0], &cluster);
}

#[test]
fn what_does_not_belong_into_the_closure_is_refused() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    let told = |error: Error| (error.kind(), error.outcome(), error.command().unwrap_or_default().to_owned());
    let refused = |kind: ErrorKind, command: &str| (kind, Outcome::NotApplied, command.to_owned());
    cluster
        .watch(["foo"], |watched| {
            assert_eq!(told(watched.incr("foo").unwrap_err()), refused(ErrorKind::Refused, "INCR"));
            assert_eq!(told(watched.get::<_, Value>("bar").unwrap_err()), refused(ErrorKind::CrossNode, "GET"));
            assert_eq!(told(watched.ping().unwrap_err()), refused(ErrorKind::Refused, "PING"));
            assert_eq!(told(watched.execute(cmd("UNWATCH")).unwrap_err()), refused(ErrorKind::Refused, "UNWATCH"));
            assert_eq!(told(watched.execute(cmd("NOSUCH")).unwrap_err()), refused(ErrorKind::UnknownCommand, "NOSUCH"));
            let mut transaction = watched.transaction();
            transaction.set("bar", 1);
            let error = transaction.run().unwrap_err();
            assert!(error.message().contains("foo of WATCH on node_2"), "{error}");
            assert_eq!(told(error), refused(ErrorKind::CrossNode, "SET"));

            let mut transaction = watched.transaction();
            let set = transaction.set("a{foo}", 1);
            transaction.run()?.get(set)?;
            // Nothing is watched any more.
            assert_eq!(told(watched.get::<_, Value>("foo").unwrap_err()), refused(ErrorKind::Refused, "GET"));
            let mut transaction = watched.transaction();
            transaction.set("a{foo}", 2);
            assert_eq!(told(transaction.run().unwrap_err()), refused(ErrorKind::Refused, "MULTI"));
            Ok(())
        })
        .unwrap();
    assert_eq!(servers[1].ask(&["GET", "a"]), Reply::bulk("1"));
    assert_eq!((servers[0].calls("multi"), servers[0].calls("watch")), (0, 0));
    assert_clean(&servers[1], &cluster);

    let never = |_: &mut rediscluster::Watched| -> Result<()> { panic!("nothing is watched") };
    let error = cluster.watch(["foo", "bar"], never).unwrap_err();
    assert!(error.message().contains("foo on node_2") && error.message().contains("bar on node_1"), "{error}");
    assert_eq!(told(error), refused(ErrorKind::CrossNode, "WATCH"));
    assert_eq!(told(cluster.watch([""; 0], never).unwrap_err()), refused(ErrorKind::Argument, "WATCH"));
    let named = cluster.on("node_1").unwrap();
    assert_eq!(told(named.watch([""; 0], never).unwrap_err()), refused(ErrorKind::Argument, "WATCH"));
    assert_eq!((servers[0].calls("watch"), servers[1].calls("watch")), (0, 1));
}

#[test]
fn a_named_server_and_another_database_are_heeded() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let view = cluster.database(2);
    let watch = |name: &str| {
        view.on(name).unwrap().watch(["a{foo}", "b"], |watched| {
            let (size, value) = (watched.dbsize()?, watched.get::<_, Option<String>>("a{foo}")?);
            let mut transaction = watched.transaction();
            transaction.set("a{foo}", "x");
            transaction.run()?;
            Ok((size, value))
        })
    };
    assert_eq!(watch("node_1").unwrap(), (0, None));
    assert_eq!(watch("node_1").unwrap(), (1, Some("x".into())));
    assert_eq!(servers[0].ask_in(2, &["GET", "a{foo}"]), Reply::bulk("x"), "tags mean nothing here");
    view.watch(["a{foo}"], |watched| {
        let mut transaction = watched.transaction();
        transaction.set("a{foo}", "y");
        transaction.run().map(drop)
    })
    .unwrap();
    assert_eq!(servers[1].ask_in(2, &["GET", "a"]), Reply::bulk("y"));
}

#[test]
fn the_closure_reads_on_the_master() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
    cluster.strlen("foo").unwrap();
    assert_eq!((master.calls("strlen"), replica.calls("strlen")), (0, 1));
    cluster.watch(["foo"], |watched| watched.strlen("foo")).unwrap();
    assert_eq!((master.calls("strlen"), replica.calls("strlen")), (1, 1));
}

/// A counter without `INCR`: every increment that was acknowledged is there, and no other.
#[test]
fn no_increment_is_lost_or_made_up() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let server = [Server::start()];
        let cluster = cluster_of(&server).protocol(protocol).deadline(Duration::from_secs(20)).connect().unwrap();
        let (mut acknowledged, mut conflicts) = (0, 0);
        std::thread::scope(|scope| {
            let work = || {
                let (mut done, mut given_up) = (0, 0);
                for _ in 0..50 {
                    let result = cluster.watch(["count"], |watched| {
                        let count: Option<u64> = watched.get("count")?;
                        let mut transaction = watched.transaction();
                        transaction.set("count", count.unwrap_or(0) + 1);
                        transaction.run().map(drop)
                    });
                    match result {
                        Ok(()) => done += 1,
                        Err(error) if error.kind() == ErrorKind::Conflict => given_up += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
                (done, given_up)
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                let (done, given_up) = thread.join().unwrap();
                acknowledged += done;
                conflicts += given_up;
            }
        });
        assert_eq!(server[0].ask(&["GET", "count"]), Reply::bulk(acknowledged.to_string()));
        println!("{protocol:?}: {acknowledged} increments in {} EXECs", server[0].calls("exec"));
        assert!(server[0].calls("exec") > acknowledged, "nobody met anybody");
        assert!(conflicts < 16, "{conflicts} of 800 gave up");
    }
}

#[test]
fn a_wire_cut_anywhere_leaves_the_truth() {
    let server = Server::start();
    let wire = Wire::to(&server);
    let cluster = Cluster::builder().masters_only(true).node("node_1", wire.address()).pool_size(1).connect().unwrap();
    let (mut certain, mut unknown) = (0, 0);
    for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
        for nth in 0.. {
            wire.mend();
            server.ask(&["SET", "count", "1"]);
            assert_clean(&server, &cluster);
            wire.cut_at(nth, cut);
            let result = cluster.watch(["count"], |watched| {
                let count: i64 = watched.get("count")?;
                let mut transaction = watched.transaction();
                let after = transaction.set("count", count + 1);
                transaction.run()?.get(after)
            });
            let applied = server.ask(&["GET", "count"]) == Reply::bulk("2");
            let story = format!("cut {cut:?} {nth}: {result:?}");
            let met = wire.is_cut();
            wire.mend();
            assert_clean(&server, &cluster);
            match result {
                Ok(()) => {
                    assert!(applied && !met, "{story}");
                    break;
                }
                Err(error) => {
                    assert!(met && error.node().is_some() && error.command().is_some(), "{story}");
                    match error.outcome() {
                        Outcome::NotApplied => {
                            assert!(!applied, "{story}");
                            certain += 1;
                        }
                        Outcome::Unknown => unknown += 1,
                        _ => panic!("{story}"),
                    }
                }
            }
        }
    }
    // WATCH, GET and MULTI, before and after; SET and EXEC go out together.
    assert_eq!((certain, unknown), (6, 4));
}

#[test]
fn a_dead_connection_of_the_pool_costs_nothing() {
    let (server, cluster) = one(Protocol::Resp2);
    for _ in 0..3 {
        assert_clean(&server[0], &cluster);
        server[0].ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(cluster.watch(["foo"], |watched| watched.get::<_, String>("foo")).unwrap(), "0");
    }
}

#[test]
fn a_server_that_dies_while_the_closure_runs_has_applied_nothing() {
    let mut server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).pool_size(1).connect().unwrap();
    let address = server.address();
    let mut attempts = 0;
    let error = cluster.watch(["foo"], |watched| {
        attempts += 1;
        let _: Option<String> = watched.get("foo")?;
        server.kill();
        let mut transaction = watched.transaction();
        transaction.set("foo", 1);
        transaction.run().map(drop)
    });
    let error = error.unwrap_err();
    let told = (error.kind(), error.outcome(), error.command());
    assert_eq!(told, (ErrorKind::Io, Outcome::NotApplied, Some("MULTI")), "{error}");
    assert!(error.node().unwrap().contains(&address), "{error}");
    assert_eq!(attempts, 1, "only a conflict is tried again");
    let error = cluster.watch(["foo"], |_| -> Result<()> { panic!("nothing is watched") }).unwrap_err();
    let told = (error.kind(), error.outcome(), error.command());
    assert_eq!(told, (ErrorKind::Connect, Outcome::NotApplied, Some("WATCH")), "{error}");
}

#[test]
fn a_user_without_some_of_the_commands_changes_nothing() {
    for (rule, command) in [("-watch", "WATCH"), ("-multi", "MULTI"), ("-exec", "EXEC"), ("-unwatch", "")] {
        let server = [Server::start()];
        server[0].ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all", rule]);
        let cluster = cluster_of(&server).username("lim").password("pw").pool_size(1).connect().unwrap();
        let result = cluster.watch(["foo"], |watched| {
            let _: Option<String> = watched.get("foo")?;
            if command.is_empty() {
                return Ok(());
            }
            let mut transaction = watched.transaction();
            transaction.set("foo", 1);
            transaction.run().map(drop)
        });
        match result {
            Ok(()) => assert_eq!(command, ""),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::NoPerm | ErrorKind::ExecAbort), "{error}");
                assert_eq!((error.command(), error.outcome()), (Some(command), Outcome::NotApplied), "{error}");
            }
        }
        assert_eq!(server[0].ask(&["EXISTS", "foo"]).int(), 0);
        // Whatever the user may not do: a new connection serves the next call.
        server[0].ask(&["APPEND", "foo", "+"]);
        cluster.set("foo", "clean").unwrap();
        assert_eq!(server[0].ask(&["GET", "foo"]), Reply::bulk("clean"), "{rule}");
        if matches!(rule, "-watch" | "-unwatch") {
            assert_clean(&server[0], &cluster);
        }
    }
}
