//! Where two features meet: what each of them promises holds for the other as well.

use rediscluster::prelude::*;
use rediscluster::{Cancel, ErrorKind, Outcome, Protocol, ScanOptions, Script, Side, Slot, Value};
use rediscluster_testing::{cluster_of, read_command, wait_until, Reply, ScriptedPeer, Server};
use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// `bar` lives on the first, `foo` on the second.
fn two() -> [Server; 2] {
    [Server::start(), Server::start()]
}

#[test]
fn a_server_that_knows_no_exec_keeps_no_connection_in_a_transaction() {
    let servers = [Server::start_with(&["--rename-command", "EXEC", ""]), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    cluster.sadd("foo", ["x"]).unwrap();
    let error = cluster.sunionstore("bar", ["foo"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Server, Outcome::NotApplied), "{error}");
    // On the one connection that there may be.
    assert_eq!(cluster.execute(cmd("GET").arg("bar")).unwrap(), Value::Nil);
    let error = cluster.watch(["bar"], |watched| {
        let mut transaction = watched.transaction();
        transaction.set("bar", 1);
        transaction.run().map(drop)
    });
    assert_eq!(error.unwrap_err().outcome(), Outcome::NotApplied);
    assert_eq!(cluster.execute(cmd("GET").arg("bar")).unwrap(), Value::Nil);
}

#[test]
fn two_names_of_one_server_are_one_lane() {
    let server = Server::start();
    // The second name resolves to the same server: only its run id tells.
    let nodes = format!("node_1={},node_2=localhost:{}", server.address(), server.port());
    for pool_size in [1, 4] {
        let cluster =
            Cluster::builder().nodes(&nodes).pool_size(pool_size).deadline(Duration::from_secs(5)).connect().unwrap();
        for round in 0..50 {
            let mut pipeline = cluster.pipeline();
            let mut slots: Vec<Slot<Vec<Option<i64>>>> = Vec::new();
            for number in 0..20 {
                // `bar` by the second name, `foo` by the first.
                pipeline.set("bar", round * 100 + number);
                pipeline.set("foo", round * 100 + number);
                slots.push(pipeline.mget(["foo", "bar"]));
                slots.push(pipeline.mget(["bar", "foo"]));
            }
            pipeline.flushall();
            let none = pipeline.exists(["foo", "bar"]);
            let replies = pipeline.run().unwrap();
            for (nth, slot) in slots.into_iter().enumerate() {
                let wanted = Some(round * 100 + nth as i64 / 2);
                assert_eq!(replies.get(slot).unwrap(), [wanted, wanted]);
            }
            assert_eq!(replies.get(none).unwrap(), 0);
        }
    }
}

#[test]
fn a_dead_connection_costs_a_view_of_another_database_nothing() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap();
    let third = cluster.database(3);
    let kill = || {
        // In its own database a write on such a connection has an unknown outcome.
        wait_until("living connections", || cluster.mset([("foo", 0), ("bar", 0)]).is_ok());
        servers.iter().for_each(|server| {
            server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        });
    };
    kill();
    third.mset([("foo", 1), ("bar", 2)]).unwrap();
    kill();
    third.rename("foo", "bar").unwrap();
    kill();
    assert_eq!(third.get::<_, i64>("bar").unwrap(), 1);
    kill();
    third.rpush("bar-list{bar}", ["x"]).unwrap();
    kill();
    let popped: Option<(String, String)> = third.blpop(["foo-list{foo}", "bar-list{bar}"], Duration::ZERO).unwrap();
    assert_eq!(popped, Some(("bar-list".to_owned(), "x".to_owned())));
    kill();
    let mut pipeline = third.pipeline();
    pipeline.mset([("foo", 3), ("bar", 4)]);
    pipeline.run().unwrap();
    kill();
    let mut transaction = third.transaction();
    let foo = transaction.incr("foo");
    assert_eq!(transaction.run().unwrap().get(foo).unwrap(), 4);
}

#[test]
fn what_a_script_wrote_before_it_failed_is_told_by_every_way_to_run_it() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap();
    let fails = "redis.call('SET', KEYS[1], 'x') return redis.call('INCR', KEYS[1])";
    let ends = "return {1, redis.error_reply('MINE went wrong')}";
    let outcome = |result: rediscluster::Result<Vec<i64>>| result.unwrap_err().outcome();

    assert_eq!(outcome(cluster.eval(fails, ["foo"], [""; 0])), Outcome::Unknown);
    assert_eq!(outcome(cluster.eval(ends, ["foo"], [""; 0])), Outcome::Applied);

    let mut pipeline = cluster.pipeline();
    let (failed, ended) = (pipeline.eval(fails, ["foo"], [""; 0]), pipeline.eval(ends, ["foo"], [""; 0]));
    let replies = pipeline.run_each();
    assert_eq!((outcome(replies.get(failed)), outcome(replies.get(ended))), (Outcome::Unknown, Outcome::Applied));

    let mut transaction = cluster.transaction();
    let (failed, ended) = (transaction.eval(fails, ["foo"], [""; 0]), transaction.eval(ends, ["foo"], [""; 0]));
    let replies = transaction.run_each().unwrap();
    assert_eq!((outcome(replies.get(failed)), outcome(replies.get(ended))), (Outcome::Unknown, Outcome::Applied));
}

#[test]
fn a_pipeline_reads_what_it_wrote_whatever_ran_by_itself_in_between() {
    let master = Server::start();
    let replica = Server::replica_of(&master, &[]);
    master.wait_for_replica(&replica);
    let other = Server::start();
    let cluster =
        Cluster::builder().node("node_1", other.address()).node("node_2", master.address()).connect().unwrap();
    for by_itself in [false, true] {
        let mut pipeline = cluster.pipeline();
        if by_itself {
            pipeline.set("bar", 1);
            pipeline.rename("bar", "foo");
        } else {
            pipeline.set("foo", 1);
            pipeline.ping();
        }
        let foo: Slot<Option<i64>> = pipeline.get("foo");
        pipeline.ping();
        let sorted: Slot<Vec<Option<i64>>> =
            pipeline.execute(cmd("SORT_RO").arg("list{foo}").arg("GET").arg("f*").reply());
        let replies = pipeline.run_each();
        assert_eq!(replies.get(foo).unwrap(), Some(1));
        drop(replies.get(sorted));
        assert_eq!((replica.calls("get"), replica.calls("sort_ro")), (0, 0));
    }
    let mut reads = cluster.pipeline();
    let foo: Slot<Option<i64>> = reads.get("foo");
    reads.ping();
    reads.run().unwrap().get(foo).unwrap();
    assert_eq!(replica.calls("get"), 1, "what only reads is served by replicas");
}

#[test]
fn a_wait_without_end_gives_the_others_of_its_pipeline_no_more_time() {
    let servers = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_millis(500)).connect().unwrap();
    cluster.rpush("list{foo}", ["x"]).unwrap();
    servers[0].freeze();
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut pipeline = cluster.pipeline();
        let set = pipeline.set("bar", 1);
        let popped: Slot<Option<(String, String)>> = pipeline.blpop(["list{foo}"], Duration::ZERO);
        let replies = pipeline.run_each();
        let error = replies.get(set).unwrap_err();
        sender.send((error.kind(), error.outcome(), replies.get(popped).unwrap().is_some())).unwrap();
    });
    let told = receiver.recv_timeout(Duration::from_secs(20));
    servers[0].thaw();
    // Over a new connection, on which it has not said who it is.
    assert_eq!(told, Ok((ErrorKind::Timeout, Outcome::NotApplied, true)));
    thread.join().unwrap();
}

#[test]
fn a_wait_on_a_named_server_can_be_cancelled() {
    let servers = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(20)).connect().unwrap();
    servers[0].ask(&["XGROUP", "CREATE", "{s}", "g", "0", "MKSTREAM"]);
    for line in [
        "BLPOP foo 0",
        "BLMOVE foo {foo}bar LEFT LEFT 0",
        "XREAD BLOCK 0 STREAMS foo{bar} {s} $ $",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS {s} >",
    ] {
        let cancel = Cancel::new();
        let on = cluster.cancelled_by(&cancel).on("node_1").unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut words = line.split(' ');
            let done = on.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()));
            sender.send(done.map_err(|error| error.kind())).unwrap();
        });
        wait_until(line, || servers[0].field("clients", "blocked_clients").unwrap() == "1");
        cancel.cancel();
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(Err(ErrorKind::Cancelled)), "{line}");
    }
    // What comes is given, under the names that the server stores.
    let on = cluster.cancelled_by(&Cancel::new()).on("node_1").unwrap();
    on.rpush("foo{bar}", ["x"]).unwrap();
    let popped: Option<(String, String)> = on.blpop(["foo{bar}"], Duration::ZERO).unwrap();
    assert_eq!(popped, Some(("foo{bar}".to_owned(), "x".to_owned())));
    let error = on.execute(cmd("BLPOP").arg("foo").arg("never")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
}

#[test]
fn a_wait_inside_of_a_watch_is_refused() {
    let servers = two();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(3)).connect().unwrap();
    let kind = cluster.watch(["foo"], |watched| {
        let error = watched.execute(cmd("XREAD").args_of(["BLOCK", "0", "STREAMS", "s{foo}", "$"])).unwrap_err();
        watched.get::<_, Option<String>>("foo")?;
        Ok(error.kind())
    });
    assert_eq!(kind.unwrap(), ErrorKind::Refused);
}

#[test]
fn a_server_that_hangs_up_after_the_handshake_is_not_stormed() {
    let peer = ScriptedPeer::new(|stream| {
        let mut reader = BufReader::new(stream);
        if read_command(&mut reader).is_ok() {
            // It may have gone.
            let _ = reader.get_mut().write_all(b"%0\r\n");
        }
    });
    let nodes = format!("node_1={},node_2={}", peer.address(), Server::start().address());
    let cluster = Cluster::builder()
        .nodes(&nodes)
        .protocol(Protocol::Resp3)
        .deadline(Duration::from_millis(500))
        .build()
        .unwrap();
    let error = cluster.rename("bar", "foo").unwrap_err();
    assert_eq!((error.outcome(), error.command()), (Outcome::NotApplied, Some("RENAME")), "{error}");
    assert!(peer.accepted() <= 4, "{} connections", peer.accepted());
}

#[test]
fn an_error_reply_of_one_command_is_not_what_the_others_failed_of() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        read_command(&mut reader).unwrap();
        reader.get_mut().write_all(b"+OK\r\n-WRONGTYPE Operation against a key\r\n").unwrap();
        // What was sent and not read makes the end of the connection a reset, which the next write meets.
    });
    let cluster = Cluster::builder().node("node_1", address).build().unwrap();
    let mut pipeline = cluster.pipeline();
    let value = vec![b'x'; 64 << 10];
    let slots: Vec<Slot<()>> = (0..900).map(|_| pipeline.execute(cmd("SET").arg("foo").arg(&value).reply())).collect();
    let replies = pipeline.run_each();
    let last = replies.get(slots.into_iter().last().unwrap()).unwrap_err();
    assert_eq!((last.kind(), last.outcome()), (ErrorKind::Io, Outcome::NotApplied), "{last}");
    server.join().unwrap();
}

#[test]
fn a_deadline_beyond_all_time_is_none_for_waits_as_well() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap().deadline(Duration::MAX);
    cluster.rpush("list{bar}", ["x"]).unwrap();
    let nothing: Option<(String, String)> =
        cluster.blpop(["none{foo}", "none{bar}"], Duration::from_millis(100)).unwrap();
    assert_eq!(nothing, None);
    let nothing: Option<(String, String)> =
        cluster.cancelled_by(&Cancel::new()).blpop(["none"], Duration::from_millis(100)).unwrap();
    assert_eq!(nothing, None);
    let mut pipeline = cluster.pipeline();
    let popped: Slot<Option<(String, String)>> = pipeline.blpop(["none{foo}", "list{bar}"], Duration::ZERO);
    assert!(pipeline.run().unwrap().get(popped).unwrap().is_some());
    cluster.lmove::<_, _, Option<String>>("none{foo}", "list{bar}", Side::Left, Side::Left).unwrap();
}

#[test]
fn what_a_closure_meets_after_a_conflict_is_its_own_error() {
    let servers = two();
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut attempts = 0;
    let error = cluster.watch(["foo"], |watched| {
        attempts += 1;
        servers[1].ask(&["INCR", "foo"]);
        let mut transaction = watched.transaction();
        transaction.set("foo", 1);
        assert_eq!(transaction.run().unwrap_err().kind(), ErrorKind::Conflict);
        cluster.lpush("foo", ["x"]).map(drop)
    });
    assert_eq!((error.unwrap_err().kind(), attempts), (ErrorKind::WrongType, 1));
}

#[test]
fn nothing_that_takes_several_rounds_leaves_the_database_of_its_view() {
    let servers = two();
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(20)).connect().unwrap();
    let third = cluster.database(3).cancelled_by(&Cancel::new());
    let run = |line: &str| {
        let mut words = line.split(' ');
        let done = third.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()));
        done.unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    let is_since_7 = servers[0].is_since("7.0", "SORT_RO and BLMPOP");
    for line in [
        "MSETNX v1{foo} 1 v2{bar} 2",
        "RENAME v1{foo} v3{bar}",
        "COPY v3{bar} v1{foo}",
        "RENAMENX v3{bar} v4{foo}",
        "SADD s1{foo} a b 3 1",
        "SADD s2{bar} b c",
        "SMOVE s1{foo} s2{bar} a",
        "SUNIONSTORE s3{bar} s1{foo} s2{bar}",
        "SUNIONSTORE s4{foo} s1{foo} s2{bar}",
        "RPUSH l1{foo} 3 1 2",
        "LMOVE l1{foo} l2{bar} LEFT RIGHT",
        "BLMOVE l1{foo} l2{bar} LEFT RIGHT 0",
        "BLPOP none{foo} l2{bar} 0",
        "BLPOP none{foo} none{bar} 0.1",
        "ZADD z1{foo} 1 a 2 b",
        "ZADD z2{bar} 1 a",
        "ZUNIONSTORE z3{bar} 2 z1{foo} z2{bar}",
        "PFADD p1{foo} a",
        "PFADD p2{bar} b",
        "PFCOUNT p1{foo} p2{bar}",
        "RPUSH l3{foo} 2 1",
        "MSET w_1{bar} 5 w_2{bar} 1e-305",
        "SORT l3{foo} BY w_*{bar} GET w_*{bar} STORE l4{bar}",
        "XADD x1{foo} 1-1 a 1",
        "XADD x2{bar} 1-1 a 1",
        "XREAD STREAMS x1{foo} x2{bar} 0 0",
        "XREAD BLOCK 100 STREAMS x1{foo} x2{bar} $ $",
        "XGROUP CREATE x1{foo} g 0",
        "XGROUP CREATE x2{bar} g 0",
        "XREADGROUP GROUP g c STREAMS x1{foo} x2{bar} > >",
        "XREADGROUP GROUP g c BLOCK 100 STREAMS x1{foo} x2{bar} > >",
        "DBSIZE",
        "RANDOMKEY",
    ] {
        run(line);
    }
    if is_since_7 {
        run("SORT_RO l3{foo} BY w_*{bar}");
        run("BLMPOP 0.1 2 none{foo} none{bar} LEFT");
    }
    let found = third.scan_all(ScanOptions::new()).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(found.len() as u64, third.dbsize().unwrap());
    assert_eq!(third.hscan_all::<String, String>("none", ScanOptions::new()).count(), 0);
    let mut watched = 0;
    third
        .watch(["x1{foo}"], |watch| {
            watched = watch.xlen("x1{foo}")?;
            let mut transaction = watch.transaction();
            transaction.del(["x1{foo}"]);
            transaction.run().map(drop)
        })
        .unwrap();
    assert_eq!(watched, 1);
    assert_eq!(
        Script::new("return redis.call('STRLEN', KEYS[1])").call().key("v1{foo}").run::<i64>(&third).unwrap(),
        1
    );
    for server in &servers {
        assert_eq!(server.ask(&["DBSIZE"]).int(), 0);
        assert_eq!(server.ask_in(3, &["KEYS", "rediscluster:*"]), Reply::bulks::<&str>(&[]));
    }
    assert_eq!(cluster.dbsize().unwrap(), 0, "the connections know where they are");
}

#[test]
fn calls_of_all_kinds_never_wait_for_one_another_for_ever() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let replica = Server::replica_of(&servers[0], &[]);
    servers[0].wait_for_replica(&replica);
    // One connection for each server: whoever holds one and waits for another, against the order of the others, is stuck.
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(20)).connect().unwrap();
    cluster.rpush("sorted", ["1", "2", "3"]).unwrap();
    let until = Instant::now() + Duration::from_secs(4);
    thread::scope(|scope| {
        for number in 0..6usize {
            let cluster = &cluster;
            scope.spawn(move || {
                let third = cluster.database(3).cancelled_by(&Cancel::new());
                let mut keys: Vec<String> = (0..12).map(|nth| format!("key:{nth}")).collect();
                let mut round = number;
                while Instant::now() < until {
                    keys.rotate_left(number * 2 + 1);
                    if round % 2 == 0 {
                        keys.reverse();
                    }
                    let on = if round % 3 == 0 { &third } else { cluster };
                    let done: rediscluster::Result<()> = match round % 9 {
                        0 => {
                            let mut pipeline = on.pipeline();
                            keys.iter().for_each(|key| {
                                pipeline.set(key, round);
                            });
                            pipeline.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>());
                            pipeline.mget::<_, Vec<Option<String>>>(&keys);
                            pipeline.copy(&keys[0], &keys[1]);
                            pipeline.ping();
                            pipeline.mget::<_, Vec<Option<String>>>(&keys);
                            pipeline.run().map(drop)
                        }
                        1 => on.watch([&keys[0]], |watched| {
                            watched.exists([&keys[0]])?;
                            let mut transaction = watched.transaction();
                            transaction.set(&keys[0], 1);
                            transaction.run().map(drop)
                        }),
                        2 => on
                            .blpop::<_, String, String>(["none:1", "none:2", "none:3"], Duration::from_millis(20))
                            .map(drop),
                        3 => on.scan_all(ScanOptions::new()).collect::<Result<Vec<_>, _>>().map(drop),
                        4 => on
                            .execute(cmd("SORT").arg("sorted").args_of([
                                "BY",
                                "key:*",
                                "GET",
                                "key:*",
                                "STORE",
                                "sorted:stored",
                            ]))
                            .map(drop),
                        5 => on.mget::<_, Vec<Option<String>>>(&keys).map(drop),
                        6 => on.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()),
                        7 => match on.rename(&keys[0], &keys[1]) {
                            Err(error) if error.message().contains("no such key") => Ok(()),
                            done => done,
                        },
                        _ => on.sunionstore("set:stored", ["set:1", "set:2", "set:3"]).map(drop),
                    };
                    if let Err(error) = done {
                        panic!("{}: {error}", round % 9);
                    }
                    round += 1;
                }
            });
        }
    });
    assert!(cluster.pools().iter().all(|pool| pool.timed_out == 0 && pool.open <= 1));
}

#[test]
fn a_node_that_says_nothing_to_new_connections_leaves_the_others_their_time() {
    let servers = two();
    let settings = cluster_of(&servers).protocol(Protocol::Resp3).deadline(Duration::from_secs(1));
    let cluster = settings.connect().unwrap();
    servers[0].freeze();
    let mut pipeline = cluster.pipeline();
    let bar: Slot<Option<i64>> = pipeline.get("bar");
    let (set, sizes) = (pipeline.set("foo", 1), pipeline.mget::<_, Vec<Option<i64>>>(["bar", "foo"]));
    let replies = pipeline.run_each();
    assert_eq!(replies.get(bar).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(replies.get(sizes).unwrap_err().kind(), ErrorKind::Timeout);
    replies.get(set).unwrap();
    let sizes = cluster.on_each_master().dbsize().unwrap();
    assert_eq!(sizes[0].1.as_ref().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(sizes[1].1.as_ref().unwrap(), &1);
    servers[0].thaw();
}
