//! Transactions on one node: what they give, what is refused before anything is sent, and what is known after every
//! failure. After each of them the one connection of the pool works and is in no transaction.

use rediscluster::prelude::*;
use rediscluster::spec::{Access, KeySpec, Spec};
use rediscluster::{Error, ErrorKind, Outcome, Protocol, Value};
use rediscluster_testing::{cluster_of, home_of, in_both_protocols, Cut, Reply, ScriptedPeer, Server, Wire};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// The pool holds one connection, and it is in no transaction.
fn assert_clean(cluster: &Cluster, key: &str) {
    cluster.set(key, "clean").unwrap();
    assert_eq!(cluster.masters_only().get::<_, String>(key).unwrap(), "clean");
}

#[test]
fn replies_have_the_types_of_their_commands() {
    in_both_protocols(|cluster, servers| {
        let mut transaction = cluster.transaction();
        let count = transaction.incrby("count{7}", 5);
        let nothing = transaction.get::<_, Option<String>>("nothing{7}");
        let set = transaction.set("text{7}", "a\r\nb");
        let text = transaction.get::<_, String>("text{7}");
        let fields = transaction.hset("hash{7}", [("a", 1), ("b", 2)]);
        let hash = transaction.hgetall::<_, HashMap<String, i64>>("hash{7}");
        let no_hash = transaction.hgetall::<_, HashMap<String, i64>>("nothing{7}");
        let added = transaction.zadd("zset{7}", [(1.5, "one"), (2.5, "two")]);
        let score = transaction.zscore("zset{7}", "two");
        let no_score = transaction.zscore("zset{7}", "three");
        let float = transaction.incrbyfloat("float{7}", 0.25);
        transaction.sadd("set{7}", ["x", "y"]);
        let members = transaction.smembers::<_, BTreeSet<String>>("set{7}");
        let is_member = transaction.sismember("set{7}", "z");
        let both = transaction.mget::<_, Vec<Option<String>>>(["text{7}", "nothing{7}"]);
        let list = transaction.lrange::<_, String>("nothing{7}", 0, -1);
        let any = transaction.execute(cmd("TYPE").arg("zset{7}").reply::<String>());
        assert_eq!((transaction.len(), transaction.is_empty()), (17, false));
        let replies = transaction.run().unwrap();
        assert_eq!((replies.len(), replies.is_empty()), (17, false));
        assert_eq!(replies.get(count).unwrap(), 5);
        assert_eq!(replies.get(nothing).unwrap(), None);
        replies.get(set).unwrap();
        assert_eq!(replies.get(text).unwrap(), "a\r\nb");
        assert_eq!(replies.get(fields).unwrap(), 2);
        assert_eq!(replies.get(hash).unwrap(), HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
        assert!(replies.get(no_hash).unwrap().is_empty());
        assert_eq!(replies.get(added).unwrap(), 2);
        assert_eq!(replies.get(score).unwrap(), Some(2.5));
        assert_eq!(replies.get(no_score).unwrap(), None);
        assert_eq!(replies.get(float).unwrap(), 0.25);
        assert_eq!(replies.get(members).unwrap(), BTreeSet::from(["x".to_owned(), "y".to_owned()]));
        assert!(!replies.get(is_member).unwrap());
        assert_eq!(replies.get(both).unwrap(), [Some("a\r\nb".to_owned()), None]);
        assert_eq!(replies.get(list).unwrap(), [""; 0]);
        assert_eq!(replies.get(any).unwrap(), "zset");
        let home = home_of(cluster, servers, "count{7}");
        assert_eq!(home.ask(&["GET", "count"]), Reply::bulk("5"), "the tag is not stored");
        assert_eq!((home.calls("multi"), home.calls("exec")), (1, 1));
        assert_eq!(servers.iter().map(|server| server.calls("multi")).sum::<u64>(), 1);
    });
}

#[test]
fn a_command_that_fails_is_an_error_of_its_slot() {
    in_both_protocols(|cluster, _| {
        cluster.rpush("list{7}", ["x"]).unwrap();
        let foreign = cluster.transaction().incr("count{7}");
        let mut transaction = cluster.transaction();
        let before = transaction.incr("count{7}");
        let wrong = transaction.incr("list{7}");
        let wrong_value = transaction.execute(cmd("GET").arg("list{7}"));
        let wrong_option = transaction.get::<_, Option<Value>>("list{7}");
        let after = transaction.incr("count{7}");
        let misread = transaction.execute(cmd("TYPE").arg("list{7}").reply::<i64>());
        let replies = transaction.run_each().unwrap();
        assert_eq!((replies.get(before).unwrap(), replies.get(after).unwrap()), (1, 2));
        for error in [
            replies.get(wrong).unwrap_err(),
            replies.get(wrong_value).unwrap_err(),
            replies.get(wrong_option).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::WrongType, Outcome::NotApplied), "{error}");
            assert!(matches!(error.command(), Some("INCR" | "GET")), "{error}");
            assert!(error.node().unwrap().starts_with("node_"), "{error}");
        }
        let error = replies.get(misread).unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome(), error.command()),
            (ErrorKind::Reply, Outcome::Applied, Some("TYPE"))
        );
        let error = replies.get(foreign).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    });
}

#[test]
fn one_command_that_fails_fails_the_run_which_says_how_many() {
    in_both_protocols(|cluster, _| {
        cluster.rpush("list{7}", ["x"]).unwrap();
        let mut transaction = cluster.transaction();
        let count = transaction.incr("count{7}");
        transaction.incr("list{7}");
        transaction.append("list{7}", "x");
        let error = transaction.run().unwrap_err();
        let told = (error.kind(), error.outcome(), error.command());
        assert_eq!(told, (ErrorKind::WrongType, Outcome::Partial, Some("INCR")), "{error}");
        assert!(error.message().ends_with("this is command 2 of 3 in a transaction, and 2 of them failed"), "{error}");
        assert!(error.node().unwrap().starts_with("node_"), "{error}");
        assert_eq!(cluster.get::<_, i64>("count{7}").unwrap(), 1, "the others are applied");

        assert!(transaction.is_empty(), "it can be filled again");
        let again = transaction.incr("count{7}");
        let replies = transaction.run().unwrap();
        assert_eq!(replies.get(again).unwrap(), 2);
        assert_eq!(replies.get(count).unwrap_err().kind(), ErrorKind::Argument, "a slot of the first run");
        assert!(transaction.run().unwrap().is_empty());

        let mut transaction = cluster.transaction();
        transaction.incr("list{7}");
        assert_eq!(transaction.run().unwrap_err().outcome(), Outcome::NotApplied, "it was the only one");

        // Inside of a watch it is no conflict, and nothing is tried again.
        let mut attempts = 0;
        let error = cluster.watch(["count{7}"], |watched| {
            attempts += 1;
            let mut transaction = watched.transaction();
            transaction.incr("count{7}");
            transaction.incr("list{7}");
            transaction.run().map(drop)
        });
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.outcome(), attempts), (ErrorKind::WrongType, Outcome::Partial, 1), "{error}");
        assert_eq!(cluster.get::<_, i64>("count{7}").unwrap(), 3);
    });
}

/// What a transaction over two nodes with this command in it says; nothing of it may be sent. `count` lives on the
/// second node.
fn refused(line: &str) -> Error {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    let mut transaction = cluster.transaction();
    transaction.set("x{foo}", "1");
    let mut words = line.split(' ');
    transaction.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()));
    transaction.set("y{foo}", "1");
    let error = transaction.run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied, "{line}: {error}");
    for server in &servers {
        assert_eq!((server.calls("multi"), server.calls("set")), (0, 0), "{line}");
        assert_eq!(server.ask(&["DBSIZE"]).int(), 0, "{line}");
    }
    assert_clean(&cluster, "foo");
    error
}

#[test]
fn what_cannot_be_queued_is_told_before_anything_is_sent() {
    for (line, kind, command) in [
        ("NOSUCH foo", ErrorKind::UnknownCommand, "NOSUCH"),
        ("GET", ErrorKind::Argument, "GET"),
        ("GET foo bar", ErrorKind::Argument, "GET"),
        // Any node refuses these, in its own words.
        ("MSET foo 1 a{foo}", ErrorKind::Server, "MSET"),
        ("ZUNIONSTORE foo 2 a{foo}", ErrorKind::Server, "ZUNIONSTORE"),
        ("GET bar", ErrorKind::CrossNode, "GET"),
        ("MGET foo bar", ErrorKind::CrossNode, "MGET"),
        ("SINTER bar foo", ErrorKind::CrossNode, "SINTER"),
        ("RENAME bar a{bar}", ErrorKind::CrossNode, "RENAME"),
        ("PUBLISH bar hello", ErrorKind::CrossNode, "PUBLISH"),
        ("SORT foo BY w* GET #", ErrorKind::CrossNode, "SORT"),
        ("SELECT 1", ErrorKind::Refused, "SELECT"),
        ("MULTI", ErrorKind::Refused, "MULTI"),
        ("EXEC", ErrorKind::Refused, "EXEC"),
        ("WATCH foo", ErrorKind::Refused, "WATCH"),
        ("SUBSCRIBE foo", ErrorKind::Refused, "SUBSCRIBE"),
        ("DBSIZE", ErrorKind::Refused, "DBSIZE"),
        ("PING", ErrorKind::Refused, "PING"),
        ("SCAN 0", ErrorKind::Refused, "SCAN"),
        ("RANDOMKEY", ErrorKind::Refused, "RANDOMKEY"),
    ] {
        let error = refused(line);
        assert_eq!((error.kind(), error.command()), (kind, Some(command)), "{line}: {error}");
    }
    let error = refused("GET bar");
    for part in ["bar lives on node_1", "x{foo} of SET on node_2", "nothing was sent"] {
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn the_refusal_of_multi_names_the_methods() {
    let cluster = Cluster::builder().nodes("node_1=127.0.0.1:1,node_2=127.0.0.1:2").build().unwrap();
    for line in ["MULTI", "WATCH", "EXEC", "DISCARD", "UNWATCH"] {
        for error in [
            cluster.execute(cmd(line).arg("foo")).unwrap_err(),
            cluster.on("node_1").unwrap().execute(cmd(line)).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.command()), (ErrorKind::Refused, Some(line)));
            assert!(error.message().contains("`Cluster::transaction` and `Cluster::watch`"), "{error}");
        }
    }
    assert!(cluster.execute(cmd("SELECT").arg(1)).unwrap_err().message().contains("`Builder::open`"));
}

#[test]
fn commands_without_keys_go_where_the_others_go() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut transaction = cluster.transaction();
    let art = transaction.execute(cmd("LOLWUT").reply::<String>());
    let script = transaction.eval::<_, _, _, i64>("return 7", [""; 0], ());
    transaction.set("bar", 1);
    let published = transaction.publish("news{bar}", "hello");
    let replies = transaction.run().unwrap();
    assert!(replies.get(art).unwrap().contains("ver"));
    assert_eq!((replies.get(script).unwrap(), replies.get(published).unwrap()), (7, 0));
    assert_eq!((servers[0].calls("multi"), servers[1].calls("multi")), (1, 0));

    let mut transaction = cluster.transaction();
    transaction.execute(cmd("LOLWUT"));
    let error = transaction.run().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Argument, Outcome::NotApplied), "{error}");
    let mut transaction = cluster.on("node_2").unwrap().transaction();
    let (art, size) = (transaction.execute(cmd("LOLWUT").reply::<String>()), transaction.dbsize());
    transaction.execute(cmd("SET").arg("a{bar}").arg(1));
    let replies = transaction.run().unwrap();
    assert!(replies.get(art).unwrap().contains("ver"));
    assert_eq!(replies.get(size).unwrap(), 0);
    assert_eq!(servers[1].ask(&["GET", "a{bar}"]), Reply::bulk("1"), "tags mean nothing here");

    // Two names for one server are one node.
    let address = servers[0].address();
    let cluster = Cluster::builder().node("node_1", &address).node("node_2", &address).connect().unwrap();
    let mut transaction = cluster.transaction();
    let size = transaction.dbsize();
    let (foo, bar) = (transaction.incr("foo"), transaction.incr("bar"));
    let replies = transaction.run().unwrap();
    assert_eq!((replies.get(size).unwrap(), replies.get(foo).unwrap(), replies.get(bar).unwrap()), (1, 1, 2));
}

#[test]
fn a_transaction_without_commands_sends_nothing() {
    let server = [Server::start()];
    let cluster = cluster_of(&server).pool_size(1).deadline(Duration::from_secs(1)).connect().unwrap();
    let replies = cluster.transaction().run().unwrap();
    assert!(replies.is_empty());
    // It holds no connection before `run`, and dropped it has done nothing.
    let mut transaction = cluster.transaction();
    transaction.set("foo", 1);
    cluster.set("bar", 1).unwrap();
    drop(transaction);
    assert_eq!((server[0].calls("multi"), cluster.exists(["foo"]).unwrap()), (0, 0));
}

static FETCH: Spec = Spec::new("FETCH", 2, Access::Read, &[KeySpec::Range(1, 1, 1)]);

#[test]
fn commands_of_ones_own_and_views_are_heeded() {
    let server = [Server::start_with(&["--rename-command", "GET", "FETCH"])];
    let cluster = cluster_of(&server).spec(&FETCH).connect().unwrap();
    let mut transaction = cluster.database(3).transaction();
    transaction.set("a{foo}", "x");
    let value = transaction.execute(cmd("FETCH").arg("a{foo}").reply::<String>());
    let marked = transaction.execute(cmd("FETCH").key("a{foo}").reply::<String>());
    let replies = transaction.run().unwrap();
    assert_eq!((replies.get(value).unwrap(), replies.get(marked).unwrap()), ("x".into(), "x".into()));
    assert_eq!(server[0].ask_in(3, &["FETCH", "a"]), Reply::bulk("x"));
    assert_eq!(server[0].ask(&["FETCH", "a"]), Reply::Nil);

    server[0].freeze();
    let begin = Instant::now();
    let mut transaction = cluster.database(3).deadline(Duration::from_millis(200)).transaction();
    transaction.set("foo", 1);
    let error = transaction.run().unwrap_err();
    let told = (error.kind(), error.outcome(), error.command());
    assert_eq!(told, (ErrorKind::Timeout, Outcome::NotApplied, Some("MULTI")), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(4));
    server[0].thaw();
}

/// A user who may not run some commands.
fn limited(protocol: Protocol, rules: &[&str]) -> ([Server; 1], Cluster) {
    let server = [Server::start()];
    let user = ["ACL", "SETUSER", "lim", "on", ">pw", "~*", "&*", "+@all"];
    server[0].ask(&[&user[..], rules].concat());
    let cluster = cluster_of(&server).username("lim").password("pw").pool_size(1).protocol(protocol);
    (server, cluster.connect().unwrap())
}

#[test]
fn a_command_that_the_server_refuses_to_queue_undoes_all() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let (server, cluster) = limited(protocol, &["-incr", "-lpush"]);
        let mut transaction = cluster.transaction();
        transaction.append("foo", "1");
        transaction.incr("number");
        transaction.lpush("list", ["x"]);
        let error = transaction.run().unwrap_err();
        let told = (error.kind(), error.outcome(), error.command());
        assert_eq!(told, (ErrorKind::NoPerm, Outcome::NotApplied, Some("INCR")), "{error}");
        assert!(error.node().unwrap().starts_with("node_1 "), "{error}");
        assert_eq!(server[0].ask(&["DBSIZE"]).int(), 0);
        assert_clean(&cluster, "foo");

        // Of many commands those behind the refused one are not even sent.
        let mut transaction = cluster.transaction();
        transaction.incr("number");
        for _ in 0..5000 {
            transaction.append("foo", "1");
        }
        let error = transaction.run().unwrap_err();
        assert_eq!((error.kind(), error.command()), (ErrorKind::NoPerm, Some("INCR")), "{error}");
        assert_eq!((server[0].calls("discard"), server[0].calls("exec")), (1, 1));
        assert_clean(&cluster, "foo");
        assert_eq!(server[0].ask(&["GET", "foo"]), Reply::bulk("clean"));
        let connections = server[0].field("stats", "total_connections_received").unwrap();
        assert_clean(&cluster, "foo");
        let own = server[0].field("stats", "total_connections_received").unwrap();
        assert_eq!(own.parse::<u64>().unwrap() - connections.parse::<u64>().unwrap(), 1, "it was the same connection");
    }
}

#[test]
fn a_user_without_transactions_changes_nothing() {
    for (rules, command) in [(&["-multi"][..], "MULTI"), (&["-exec"], "EXEC"), (&["-discard", "-incr"], "INCR")] {
        let (server, cluster) = limited(Protocol::Resp2, rules);
        let mut transaction = cluster.transaction();
        transaction.incr("number");
        for _ in 0..2000 {
            transaction.append("foo", "1");
        }
        let error = transaction.run().unwrap_err();
        assert_eq!((error.outcome(), error.command()), (Outcome::NotApplied, Some(command)), "{error}");
        assert!(matches!(error.kind(), ErrorKind::NoPerm | ErrorKind::ExecAbort), "{error}");
        assert_eq!(server[0].ask(&["DBSIZE"]).int(), 0, "{rules:?}");
        assert_clean(&cluster, "foo");
    }
}

/// An `EXEC` that is no command does not end the transaction that `MULTI` began.
#[test]
fn a_server_without_exec_or_discard_changes_nothing() {
    for (renamed, count, failed) in [("EXEC", 3, "EXEC"), ("EXEC", 1500, "EXEC"), ("DISCARD", 1500, "LPUSH")] {
        let server = [Server::start_with(&["--rename-command", renamed, "", "--rename-command", "LPUSH", ""])];
        let cluster = cluster_of(&server).pool_size(1).connect().unwrap();
        for _ in 0..2 {
            let mut transaction = cluster.transaction();
            if failed == "LPUSH" {
                transaction.lpush("list", ["x"]);
            }
            for _ in 0..count {
                transaction.incr("count");
            }
            let error = transaction.run().unwrap_err();
            let told = (error.kind(), error.outcome(), error.command());
            assert_eq!(told, (ErrorKind::Server, Outcome::NotApplied, Some(failed)), "{error}");
            assert_eq!(server[0].ask(&["EXISTS", "count"]).int(), 0);
            assert_clean(&cluster, "foo");
        }
    }
}

#[test]
fn a_wire_cut_anywhere_leaves_the_truth() {
    let server = Server::start();
    let wire = Wire::to(&server);
    let cluster = Cluster::builder().masters_only(true).node("node_1", wire.address()).pool_size(1).connect().unwrap();
    let (mut certain, mut unknown) = (0, 0);
    for count in [2usize, 2500] {
        // Of many commands it is enough to look at the ends and at the borders of the windows.
        let spots: Vec<usize> = (0..count + 3)
            .filter(|at| count == 2 || [0, 1, 2, 999, 1000, 1001, 2000, 2001, 2500, 2501, 2502].contains(at))
            .collect();
        for cut in [Cut::BeforeCommand, Cut::BeforeReply] {
            for &nth in &spots {
                wire.mend();
                server.ask(&["FLUSHALL"]);
                assert_clean(&cluster, "old");
                wire.cut_at(nth, cut);
                let mut transaction = cluster.transaction();
                for _ in 0..count {
                    transaction.incr("count");
                }
                let result = transaction.run().map(|replies| replies.len());
                let applied = server.ask(&["GET", "count"]) == Reply::bulk(count.to_string());
                let nothing = server.ask(&["EXISTS", "count"]).int() == 0;
                let story = format!("{count} commands, cut {cut:?} {nth}: {result:?}");
                assert!(applied != nothing, "half a transaction: {story}");
                match result {
                    Ok(replies) => assert!(applied && replies == count && !wire.is_cut(), "{story}"),
                    Err(error) => {
                        assert!(wire.is_cut() && error.node().is_some(), "{story}");
                        assert!(matches!(error.command(), Some("MULTI" | "EXEC")), "{story}");
                        match error.outcome() {
                            Outcome::NotApplied => {
                                assert!(nothing, "{story}");
                                certain += 1;
                            }
                            Outcome::Unknown => {
                                // Only behind the last window, which EXEC is a part of.
                                assert!(nth > (count - 1) / 1000 * 1000, "{story}");
                                unknown += 1;
                            }
                            _ => panic!("{story}"),
                        }
                    }
                }
                wire.mend();
                assert_clean(&cluster, "old");
            }
        }
    }
    assert!(certain >= 10 && unknown >= 6, "{certain} {unknown}");
}

#[test]
fn a_dead_connection_of_the_pool_costs_nothing() {
    let server = [Server::start()];
    let cluster = cluster_of(&server).pool_size(1).connect().unwrap();
    for _ in 0..3 {
        cluster.set("foo", 1).unwrap();
        server[0].ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let mut transaction = cluster.transaction();
        let count = transaction.incr("foo");
        assert_eq!(transaction.run().unwrap().get(count).unwrap(), 2);
    }
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_the_outcome_unknown() {
    let mut server = Server::start_with(&["--lua-time-limit", "50"]);
    let cluster = Cluster::builder().node("node_1", server.address()).pool_size(1).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let mut transaction = cluster.deadline(Duration::from_secs(60)).transaction();
            transaction.incr("foo");
            transaction.eval::<_, _, _, Value>("while true do end", [""; 0], ());
            transaction.run().unwrap_err()
        });
        rediscluster_testing::wait_until(
            "EXEC is in the script",
            || matches!(server.ask(&["PING"]), Reply::Error(text) if text.starts_with("BUSY")),
        );
        server.kill();
        let error = running.join().unwrap();
        let told = (error.kind(), error.outcome(), error.command());
        assert_eq!(told, (ErrorKind::Io, Outcome::Unknown, Some("EXEC")), "{error}");
    });
    let mut transaction = cluster.transaction();
    transaction.incr("foo");
    let error = transaction.run().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    assert!(error.node().is_some() && error.command().is_some(), "{error}");
}

#[test]
fn a_deadline_that_passes_in_the_middle_leaves_the_outcome_unknown() {
    let server = [Server::start()];
    let cluster = cluster_of(&server).pool_size(1).connect().unwrap();
    let mut transaction = cluster.deadline(Duration::from_secs(1)).transaction();
    transaction.incr("foo");
    transaction.eval::<_, _, _, Value>("while true do end", [""; 0], ());
    let error = transaction.run().unwrap_err();
    let told = (error.kind(), error.outcome(), error.command());
    assert_eq!(told, (ErrorKind::Timeout, Outcome::Unknown, Some("EXEC")), "{error}");
}

#[test]
fn a_server_that_does_not_queue_is_found_out() {
    for answer in [&b"+OK\r\n"[..], b":1\r\n"] {
        let peer = ScriptedPeer::answering(move |words| match &words[0][..] {
            b"INFO" => b"$13\r\nrole:master\r\n\r\n".to_vec(),
            b"MULTI" => b"+OK\r\n".to_vec(),
            b"EXEC" => b"-ERR EXEC without MULTI\r\n".to_vec(),
            _ => answer.to_vec(),
        });
        let cluster = Cluster::builder().node("node_1", peer.address()).pool_size(1).connect().unwrap();
        for count in [1, 1500] {
            cluster.set("foo", 1).unwrap();
            let accepted = peer.accepted();
            let mut transaction = cluster.transaction();
            for _ in 0..count {
                transaction.set("foo", 1);
            }
            let error = transaction.run().unwrap_err();
            let told = (error.kind(), error.outcome(), error.command());
            assert_eq!(told, (ErrorKind::Protocol, Outcome::Unknown, Some("SET")), "{error}");
            cluster.set("foo", 1).unwrap();
            assert_eq!(peer.accepted(), accepted + 1, "the connection was closed");
        }
    }
}

#[test]
fn a_large_transaction_is_one_transaction() {
    in_both_protocols(|cluster, servers| {
        let cluster = cluster.deadline(Duration::from_secs(120));
        let mut transaction = cluster.transaction();
        let mut slots = Vec::new();
        for number in 0..100_000u32 {
            slots.push(transaction.execute(cmd("RPUSH").arg("list{7}").arg(number).reply::<u32>()));
        }
        let replies = transaction.run().unwrap();
        for (slot, length) in slots.into_iter().zip(1..) {
            assert_eq!(replies.get(slot).unwrap(), length);
        }
        assert_eq!(home_of(&cluster, servers, "list{7}").calls("exec"), 1);

        let large = "x".repeat(3 << 20);
        let mut transaction = cluster.transaction();
        let (mut set, mut got) = (Vec::new(), Vec::new());
        for number in 0..8 {
            set.push(transaction.set(format!("large:{number}{{7}}"), &large));
            got.push(transaction.get::<_, String>(format!("large:{number}{{7}}")));
        }
        let replies = transaction.run().unwrap();
        set.into_iter().for_each(|slot| replies.get(slot).unwrap());
        got.into_iter().for_each(|slot| assert!(replies.get(slot).unwrap() == large));
    });
}
