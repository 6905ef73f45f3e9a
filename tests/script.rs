//! Scripts by their name, what is told of those that fail, and where scripts and functions go, on real servers.

use rediscluster::prelude::*;
use rediscluster::{Error, ErrorKind, Outcome, Script};
use rediscluster_testing::{
    apart_from, cluster_of, fails, home_of, in_both_protocols, wait_until, Reply, ScriptedPeer, Server,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

static ADD: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
static LOOK: Script = Script::new("return redis.call('GET', KEYS[1])").read_only();
static ENDLESS: Script = Script::new("while true do end");

#[test]
fn a_script_goes_over_once_a_server() {
    in_both_protocols(|cluster, servers| {
        for round in 1..=3 {
            for key in (0..12).map(|n| format!("key:{n}")) {
                let sum: i64 = ADD.call().key(format!("{key}{{{key}}}")).arg(5).run(cluster).unwrap();
                assert_eq!(sum, round * 5);
                assert_eq!(home_of(cluster, servers, &key).ask(&["GET", &key]), Reply::bulk(sum.to_string()));
            }
        }
        for server in servers {
            let known = server.ask(&["SCRIPT", "EXISTS", ADD.sha1()]);
            assert_eq!((known, server.calls("eval")), (Reply::Array(vec![Reply::Int(1)]), 1));
        }
    });
}

#[test]
fn what_servers_forget_is_sent_again() {
    let mut server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    assert_eq!(ADD.call().key("k").arg(1).run::<i64>(&cluster).unwrap(), 1);
    cluster.script_flush().unwrap();
    assert_eq!(ADD.call().key("k").arg(1).run::<i64>(&cluster).unwrap(), 2);
    server.restart();
    // The idle connection to the old process may first have to be found dead.
    wait_until("the new server is asked", || match ADD.call().key("k").arg(1).run::<i64>(&cluster) {
        Ok(sum) => sum == 1,
        Err(error) => panic_unless(error, ErrorKind::Io),
    });
    assert_eq!(server.calls("eval"), 1);
}

#[track_caller]
fn panic_unless(error: Error, kind: ErrorKind) -> bool {
    assert_eq!(error.kind(), kind, "{error}");
    false
}

#[test]
fn keys_and_arguments() {
    in_both_protocols(|cluster, servers| {
        let script =
            Script::from(format!("return {{KEYS[1] or 'none', #KEYS, #ARGV, ARGV[1] or ''}} -- {}", servers.len()));
        let none: (String, u64, u64, String) = script.call().run(cluster).unwrap();
        assert_eq!(none, ("none".to_owned(), 0, 0, String::new()));
        assert_eq!(servers[0].calls("eval"), 1, "a call without keys goes to the first node");
        let call = script.call().keys(["a{x}", "b{x}"]).key("c{x}").args(["1", ""]).arg(b"\xff\r\n");
        let several: (String, u64, u64, i64) = call.run(cluster).unwrap();
        assert_eq!(several, ("a".to_owned(), 3, 3, 1), "tags are not stored");
        let again: (String, u64, u64, i64) = call.clone().run(cluster).unwrap();
        assert_eq!(again, several);

        let commands = || servers.iter().map(|server| server.calls("evalsha") + server.calls("eval")).sum::<u64>();
        let before = commands();
        let call = ADD.call().key("a").key(apart_from(cluster, "a")).arg(1);
        let error = fails(call.run::<i64>(cluster), ErrorKind::CrossNode, Outcome::NotApplied);
        assert_eq!((error.command(), commands()), (Some("EVALSHA"), before), "nothing is sent");
        let shown = format!("{call:?} {:?}", Script::new("return 'secret'"));
        assert!(shown.contains(ADD.sha1()) && !shown.contains("secret"), "{shown}");
    });
}

#[test]
fn scripts_on_one_server() {
    in_both_protocols(|cluster, servers| {
        let node = cluster.on("node_2").unwrap();
        assert_eq!(ADD.call().key("k{tag}").arg(7).run::<i64>(&node).unwrap(), 7);
        assert_eq!(servers[1].ask(&["GET", "k{tag}"]), Reply::bulk("7"), "as it is");
        let mut connection = Cluster::builder().open(servers[2].address()).unwrap();
        assert_eq!(ADD.call().key("k{tag}").arg(8).run::<i64>(&mut connection).unwrap(), 8);
        assert_eq!(ADD.call().key("k{tag}").arg(8).run::<i64>(&mut connection).unwrap(), 16);
        assert_eq!((servers[1].calls("eval"), servers[2].calls("eval")), (1, 1));
        LOOK.load(&node).unwrap();
        LOOK.load(&mut connection).unwrap();
        assert_eq!(cluster.script_exists(LOOK.sha1()).unwrap(), [false], "node_1 was not asked");
    });
}

/// One master with two replicas.
fn replicated() -> (Server, [Server; 2], Cluster) {
    let master = Server::start();
    let replicas = [Server::replica_of(&master, &[]), Server::replica_of(&master, &[])];
    let cluster = Cluster::builder().node("node_1", master.address()).connect().unwrap();
    assert_eq!(cluster.topology().servers().len(), 3);
    (master, replicas, cluster)
}

#[test]
fn replicas_that_never_saw_a_script_run_it() {
    let (master, mut replicas, cluster) = replicated();
    if !master.is_since("7.0", "EVAL_RO") {
        return;
    }
    cluster.set("k", "v").unwrap();
    replicas.iter().for_each(|replica| master.wait_for_replica(replica));
    // The master knows it, which would hide that the replicas do not.
    master.ask(&["SCRIPT", "LOAD", LOOK.text()]);
    for _ in 0..6 {
        assert_eq!(LOOK.call().key("k").run::<String>(&cluster).unwrap(), "v");
    }
    for replica in &replicas {
        assert_eq!((replica.calls("evalsha_ro"), replica.calls("eval_ro")), (3, 1));
    }
    assert_eq!((master.calls("evalsha_ro"), master.calls("eval_ro")), (0, 0));
    assert_eq!(LOOK.call().key("k").run::<String>(&cluster.masters_only()).unwrap(), "v");
    assert_eq!((master.calls("evalsha_ro"), master.calls("eval_ro")), (1, 0));

    replicas[0].kill();
    cluster.script_flush().expect_err("one server is dead");
    for server in [&master, &replicas[1]] {
        server.ask(&["SCRIPT", "FLUSH"]);
    }
    for _ in 0..4 {
        assert_eq!(LOOK.call().key("k").run::<String>(&cluster).unwrap(), "v");
    }
    replicas[1].kill();
    for _ in 0..4 {
        assert_eq!(LOOK.call().key("k").run::<String>(&cluster).unwrap(), "v");
    }
    let writes = Script::new("return redis.call('SET', KEYS[1], 1)").read_only();
    fails(writes.call().key("k").run::<()>(&cluster), ErrorKind::Server, Outcome::NotApplied);
}

#[test]
fn loading_goes_to_masters_and_replicas() {
    let (master, replicas, cluster) = replicated();
    let servers = [&master, &replicas[0], &replicas[1]];
    let known = |script: &Script| servers.map(|server| server.ask(&["SCRIPT", "EXISTS", script.sha1()]));
    ADD.load(&cluster).unwrap();
    assert_eq!(known(&ADD), [(); 3].map(|()| Reply::Array(vec![Reply::Int(1)])));
    cluster.script_flush().unwrap();
    assert_eq!(known(&ADD), [(); 3].map(|()| Reply::Array(vec![Reply::Int(0)])));
    let error = fails(Script::new("no lua at all").load(&cluster), ErrorKind::Server, Outcome::NotApplied);
    assert_eq!(error.parts().len(), 3);
}

#[test]
fn functions_are_loaded_on_masters_and_read_on_replicas() {
    let masters = [Server::start(), Server::start()];
    if !masters[0].is_since("7.0", "FUNCTION LOAD") {
        return;
    }
    let replicas = [Server::replica_of(&masters[0], &[]), Server::replica_of(&masters[1], &[])];
    let cluster = cluster_of(&masters).connect().unwrap();
    cluster
        .function_load(
            "#!lua name=mine
            redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
            redis.register_function{function_name = 'look', flags = {'no-writes'},
                callback = function(keys) return redis.call('GET', keys[1]) end}",
        )
        .unwrap();
    for key in ["foo", "bar"] {
        assert_eq!(cluster.fcall::<_, _, _, i64>("add", key, 5).unwrap(), 5);
    }
    for (master, replica) in masters.iter().zip(&replicas) {
        master.wait_for_replica(replica);
        assert_eq!(master.calls("function|load"), 1);
    }
    for key in ["foo", "bar"] {
        assert_eq!(cluster.fcall_ro::<_, _, _, i64>("look", key, ()).unwrap(), 5);
    }
    for (master, replica) in masters.iter().zip(&replicas) {
        assert_eq!((master.calls("fcall"), master.calls("fcall_ro"), replica.calls("fcall_ro")), (1, 0, 1));
    }
}

#[test]
fn what_a_script_wrote_before_it_failed_is_not_denied() {
    in_both_protocols(|cluster, servers| {
        let home = home_of(cluster, servers, "k");
        let set = |then: &str| format!("redis.call('SET', KEYS[1], ARGV[1]) {then}");
        let written = |by: &str| assert_eq!(home.ask(&["GET", "k"]), Reply::bulk(by), "{by}");
        for (nth, then) in [
            "return redis.call('LPUSH', KEYS[1], 1)",
            "return redis.call('NOSUCH')",
            "return redis.pcall('LPUSH', KEYS[1], 1)",
            "return redis.pcall('INCR', KEYS[1])",
            "error('boom')",
            "return redis.error_reply('NOSCRIPT of my own')",
            "return redis.error_reply('NOPERM of my own')",
            "return redis.error_reply('BUSY of my own')",
            // The very words of servers.
            "return redis.error_reply('NOSCRIPT No matching script. Please use EVAL.')",
            "return redis.error_reply('NOSCRIPT No matching script.')",
            "return {err = 'NOPERM No permissions to access a key'}",
            "return {err = 'LOADING Redis is loading the dataset in memory'}",
            "return {err = 'READONLY You can\\'t write against a read only replica.'}",
            "return {err = 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'}",
            "return {err = 'ERR max number of clients reached'}",
        ]
        .into_iter()
        .enumerate()
        {
            let (script, by) = (set(then), format!("eval {nth}"));
            let unknown = |result: Result<(), Error>| {
                let error = result.expect_err("an error");
                assert!(error.is_server() && error.outcome() == Outcome::Unknown, "{then}: {error:?}");
                assert!(error.node().is_some() && error.command().is_some());
            };
            unknown(cluster.eval(&script, "k", &by));
            written(&by);
            let script = Script::from(script);
            let before = home.calls("eval");
            unknown(script.call().key("k").arg(format!("named {nth}")).run(cluster));
            written(&format!("named {nth}"));
            assert_eq!(home.calls("eval"), before, "what the script itself says never makes it run twice");
            let node = cluster.on(cluster.node_for("k").name()).unwrap();
            unknown(script.call().key("k").arg(format!("on {nth}")).run(&node));
            written(&format!("on {nth}"));
            let mut connection = Cluster::builder().open(home.address()).unwrap();
            unknown(script.call().key("k").arg(format!("alone {nth}")).run(&mut connection));
            written(&format!("alone {nth}"));
            let mut pipeline = cluster.pipeline();
            let slot = pipeline.eval::<_, _, _, ()>(script.text(), "k", format!("in line {nth}"));
            unknown(pipeline.run_each().get(slot));
            written(&format!("in line {nth}"));
            let mut transaction = cluster.transaction();
            let slot = transaction.eval::<_, _, _, ()>(script.text(), "k", format!("as one {nth}"));
            unknown(transaction.run_each().unwrap().get(slot));
            written(&format!("as one {nth}"));
        }
        let nested = set("return {1, redis.error_reply('MINE no')}");
        let applied: Result<Vec<i64>, _> = cluster.eval(&nested, "k", "nested");
        fails(applied, ErrorKind::Server, Outcome::Applied);
        let mut connection = Cluster::builder().open(home.address()).unwrap();
        let nested = "redis.call('INCR', 'n') return {redis.error_reply('NOSCRIPT No matching script.')}";
        let applied = Script::new(nested).call().run::<Vec<i64>>(&mut connection);
        fails(applied, ErrorKind::Server, Outcome::Applied);
        assert_eq!(home.ask(&["GET", "n"]), Reply::bulk("1"));
        if servers[0].is_since("7.0", "FCALL") {
            let code = "#!lua name=mine\nredis.register_function('f', function(keys) redis.call('SET', keys[1], 'f') \
                        return redis.call('LPUSH', keys[1], 1) end)";
            cluster.function_load(code).unwrap();
            fails(cluster.fcall::<_, _, _, ()>("f", "k", ()), ErrorKind::WrongType, Outcome::Unknown);
            written("f");
            fails(cluster.fcall::<_, _, _, ()>("nosuch", "k", ()), ErrorKind::Server, Outcome::NotApplied);
        }
    });
}

/// What an argument says is no word of the server either.
#[test]
fn a_script_that_repeats_what_it_is_given_runs_once() {
    let server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    static REPEATS: Script = Script::new("redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])");
    for (count, words) in
        ["NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT No matching script."].into_iter().enumerate()
    {
        let call = REPEATS.call().key("n").arg(words);
        fails(call.run::<i64>(&cluster), ErrorKind::Server, Outcome::Unknown);
        assert_eq!(cluster.get::<_, usize>("n").unwrap(), count + 1);
    }
    // What begins as it and goes on otherwise never is.
    let script =
        Script::new("redis.call('INCR', KEYS[1]) return {err = 'NO' .. 'SCRIPT No matching script. Not one.'}");
    fails(script.call().key("n").run::<i64>(&cluster), ErrorKind::Server, Outcome::Unknown);
    assert_eq!(cluster.get::<_, usize>("n").unwrap(), 3);
}

#[test]
fn what_was_refused_before_a_script_began_was_not_applied() {
    let server = Server::start();
    let open = || Cluster::builder().node("node_1", server.address());
    let cluster = open().connect().unwrap();
    let refused = |result: Result<(), Error>, kind| fails(result, kind, Outcome::NotApplied);
    let unknown = "f".repeat(40);
    let error = refused(cluster.evalsha(&unknown, "k", ()), ErrorKind::Server);
    assert_eq!(error.code(), Some("NOSCRIPT"));
    refused(cluster.eval("no lua at all", "k", ()), ErrorKind::Server);
    refused(Script::new("no lua at all").call().run(&cluster), ErrorKind::Server);
    let users: &[&[&str]] =
        &[&["nobody", "on", ">pw", "~*", "+@all", "-eval", "-evalsha"], &["some", "on", ">pw", "~a*", "+@all"]];
    for words in users {
        server.ask(&[&["ACL", "SETUSER"], *words].concat());
    }
    let nobody = open().username("nobody").password("pw").connect().unwrap();
    refused(ADD.call().key("k").arg(1).run(&nobody), ErrorKind::NoPerm);
    refused(nobody.eval("return 1", "k", ()), ErrorKind::NoPerm);
    let some = open().username("some").password("pw").connect().unwrap();
    refused(some.eval("return 1", "k", ()), ErrorKind::NoPerm);
    // Inside of a script it is another matter.
    let inside = "redis.call('SET', KEYS[1], 1) return redis.call('SET', 'k', 1)";
    let error = some.eval::<_, _, _, ()>(inside, "a", ()).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");

    cluster.config_set(("lua-time-limit", "10")).unwrap();
    thread::scope(|scope| {
        let endless = scope.spawn(|| ENDLESS.call().run::<()>(&cluster));
        wait_until("the server is busy", || {
            let error = ADD.call().key("k").arg(0).run::<i64>(&cluster);
            error.is_err_and(|error| error.code() == Some("BUSY") && error.outcome() == Outcome::NotApplied)
        });
        cluster.script_kill().unwrap();
        assert!(endless.join().unwrap().unwrap_err().is_server());
    });
    let replica = Server::replica_of(&server, &[]);
    let mut connection = Cluster::builder().open(replica.address()).unwrap();
    let error = connection.eval::<_, _, _, ()>("return redis.call('SET', KEYS[1], 1)", "k", ()).unwrap_err();
    assert!(error.message().contains("READONLY"), "{error}");
}

#[test]
fn a_server_killed_in_the_middle() {
    let mut server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    ENDLESS.load(&cluster).unwrap();
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| ENDLESS.call().key("k").run::<()>(&cluster));
        // While it runs, nothing is answered, or that the server is busy.
        let busy = || !matches!(server.try_ask(&["PING"], Duration::from_millis(100)), Ok(Reply::Simple(_)));
        wait_until("the script runs", busy);
        server.kill();
        running.join().unwrap().unwrap_err()
    });
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::Unknown), "{error}");
    assert_eq!(error.command(), Some("EVALSHA"));
    assert!(error.node().unwrap().starts_with("node_1"), "{error}");
    fails(ENDLESS.call().key("k").run::<()>(&cluster), ErrorKind::Connect, Outcome::NotApplied);
}

#[test]
fn a_script_on_a_replica_is_stopped() {
    let (master, mut replicas, cluster) = replicated();
    cluster.config_set(("lua-time-limit", "10")).unwrap();
    let error = fails(cluster.script_kill(), ErrorKind::Server, Outcome::NotApplied);
    assert_eq!((error.code(), error.parts().len()), (Some("NOTBUSY"), 3));
    // An older server has no EVAL_RO; what a replica runs by EVAL is stopped as well.
    let eval = if master.is_since("7.0", "EVAL_RO") { "EVAL_RO" } else { "EVAL" };
    thread::scope(|scope| {
        let endless = scope.spawn(|| replicas[1].ask(&[eval, "while true do end", "0"]));
        wait_until("it runs", || replicas[1].ask(&["PING"]).text().starts_with("BUSY"));
        cluster.script_kill().unwrap();
        assert!(matches!(endless.join().unwrap(), Reply::Error(_)));
    });
    // Nobody knows whether something runs there.
    replicas[0].kill();
    wait_until("it is found dead", || {
        let error = cluster.script_kill().unwrap_err();
        let codes: Vec<_> = error.parts().iter().filter_map(|part| part.error.as_deref()).collect();
        assert_eq!(codes.iter().filter(|said| said.starts_with("NOTBUSY")).count(), 2, "{codes:?}");
        assert_ne!(error.code(), Some("NOTBUSY"), "{error}");
        error.kind() == ErrorKind::Connect
    });
}

#[test]
fn what_cannot_be_stopped_is_the_error_that_is_told() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.config_set(("lua-time-limit", "10")).unwrap();
    let key = &(0..).map(|n| format!("key:{n}")).find(|key| cluster.node_for(key).name() == "node_2").unwrap();
    thread::scope(|scope| {
        let script = Script::new("redis.call('SET', KEYS[1], 1) while true do end");
        let cluster = &cluster;
        let endless = scope.spawn(move || script.call().key(key).run::<()>(cluster));
        let unkillable = |error: &Error| {
            error.code() == Some("UNKILLABLE") && error.node().is_some_and(|node| node.starts_with("node_2"))
        };
        wait_until("it cannot be stopped", || cluster.script_kill().is_err_and(|error| unkillable(&error)));
        servers[0].kill();
        wait_until("node_1 is found dead, which says less", || {
            let error = cluster.script_kill().unwrap_err();
            assert!(unkillable(&error), "{error}");
            error.parts()[0].error.as_deref().is_some_and(|said| said.contains("refused"))
        });
        let _ = servers[1].try_ask(&["SHUTDOWN", "NOSAVE"], Duration::from_secs(10));
        fails(endless.join().unwrap(), ErrorKind::Io, Outcome::Unknown);
    });
}

#[test]
fn a_server_that_never_learns_a_script_is_asked_twice_and_no_more() {
    let (calls, pause) = (Arc::new(AtomicUsize::new(0)), Duration::from_millis(300));
    let counted = Arc::clone(&calls);
    let peer = ScriptedPeer::answering(move |words| {
        if words[0] == b"INFO" {
            return b"$13\r\nrole:master\r\n\r\n".to_vec();
        }
        counted.fetch_add(1, Ordering::SeqCst);
        if words.last().is_some_and(|word| word == b"slow") {
            thread::sleep(pause);
        }
        b"-NOSCRIPT No matching script. Please use EVAL.\r\n".to_vec()
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).connect().unwrap();
    let script = Script::new("return 1");
    fails(script.call().run::<()>(&cluster), ErrorKind::Server, Outcome::NotApplied);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    // Both round trips have one deadline.
    let begin = Instant::now();
    let slow = Script::new("slow");
    let short = cluster.deadline(Duration::from_millis(450));
    fails(slow.call().arg("slow").run::<()>(&short), ErrorKind::Timeout, Outcome::Unknown);
    assert!(begin.elapsed() < Duration::from_millis(590), "{:?}", begin.elapsed());
}

#[test]
fn scripts_in_pipelines_and_transactions() {
    static FAILS: Script = Script::new("redis.call('SET', KEYS[1], 'written'); return redis.error_reply('MINE no')");
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let forget = || servers.iter().for_each(|server| drop(server.ask(&["SCRIPT", "FLUSH"])));
    // No server has ever heard of them, and they keep their place among the others.
    let mut pipeline = cluster.pipeline();
    pipeline.mset([("foo", 10), ("bar", 20)]);
    let slots = ["foo", "bar"].map(|key| ADD.call().key(key).arg(1).queue::<i64, _>(&mut pipeline));
    let failed = FAILS.call().key("bar").queue::<String, _>(&mut pipeline);
    let after = pipeline.mget::<_, Vec<String>>(["foo", "bar"]);
    let replies = pipeline.run_each();
    assert_eq!(slots.map(|slot| replies.get(slot).unwrap()), [11, 21]);
    let error = replies.get(failed).unwrap_err();
    assert_eq!((error.outcome(), error.command()), (Outcome::Unknown, Some("EVAL")), "{error}");
    assert_eq!(replies.get(after).unwrap(), ["11", "written"]);

    forget();
    let mut transaction = cluster.transaction();
    transaction.set("foo", 5);
    let sum = ADD.call().key("foo").arg(2).queue::<i64, _>(&mut transaction);
    let again = transaction.get::<_, u8>("foo");
    let replies = transaction.run().unwrap();
    assert_eq!((replies.get(sum).unwrap(), replies.get(again).unwrap()), (7, 7));

    forget();
    let watched = cluster.watch(["foo"], |watched| {
        let mut transaction = watched.transaction();
        let sum = ADD.call().key("foo").arg(1).queue::<i64, _>(&mut transaction);
        transaction.run()?.get(sum)
    });
    assert_eq!(watched.unwrap(), 8);

    let mut pipeline = cluster.pipeline();
    let apart = ADD.call().keys(["foo", "bar"]).arg(1).queue::<i64, _>(&mut pipeline);
    assert_eq!(pipeline.run_each().get(apart).unwrap_err().kind(), ErrorKind::CrossNode);
}
