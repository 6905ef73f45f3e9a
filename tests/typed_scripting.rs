//! The typed methods for scripts and functions, on real servers.

use rediscluster::prelude::*;
use rediscluster::{
    Error, ErrorKind, Flush, FunctionListOptions, FunctionRestore, FunctionStats, Node, Outcome, Protocol, Role, Value,
};
use rediscluster_testing::{
    apart_from, cluster_of, fails_with, fails_with_code, home_of, in_both_protocols, skipped, wait_until, Reply, Server,
};
use std::collections::HashMap;
use std::thread;
use std::time::Duration;

const LIBRARY: &str = "#!lua name=mine
redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
redis.register_function{
    function_name = 'look',
    callback = function(keys, args) return {keys[1], redis.call('GET', keys[1]), args[1]} end,
    description = 'looks',
    flags = {'no-writes'},
}";

#[test]
fn scripts_run_where_their_keys_live() {
    in_both_protocols(|cluster, servers| {
        let script = "return redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])";
        for key in ["a", "b", "c", "d", "e"] {
            assert_eq!(cluster.eval::<_, _, _, String>(script, key, [1, 2]).unwrap(), "OK");
            assert_eq!(home_of(cluster, servers, key).ask(&["GET", key]), Reply::bulk("12"));
        }
        let two = "return {KEYS[1], KEYS[2], ARGV[1]}";
        let words: Vec<String> = cluster.eval(two, ["x{a}", "y{a}"], "z").unwrap();
        assert_eq!(words, ["x", "y", "z"], "tags are not stored");
        let other = apart_from(cluster, "a");
        fails_with(ErrorKind::CrossNode, cluster.eval::<_, _, _, ()>(two, ["a", &other], ()));
        let key: &[u8] = b"\xff\r\n\0";
        assert_eq!(cluster.eval::<_, _, _, Vec<u8>>("return KEYS[1]", [key], ()).unwrap(), key);
    });
}

#[test]
fn scripts_without_keys_run_on_the_first_node() {
    in_both_protocols(|cluster, servers| {
        cluster.eval::<_, _, _, ()>("return redis.call('SET', 'where', 'here')", (), ()).unwrap();
        let held: Vec<i64> = servers.iter().map(|server| server.ask(&["EXISTS", "where"]).int()).collect();
        assert_eq!(held, [1, 0, 0]);
        let sha = cluster.script_load("return ARGV[1]").unwrap();
        assert_eq!(cluster.evalsha::<_, _, _, i64>(&sha, (), -7).unwrap(), -7);
    });
}

#[test]
fn what_scripts_return() {
    in_both_protocols(|cluster, _| {
        fn run<T: rediscluster::FromValue>(cluster: &Cluster, script: &str) -> Result<T, Error> {
            cluster.eval(script, "k", ())
        }
        assert_eq!(run::<i64>(cluster, "return 3.99").unwrap(), 3);
        assert_eq!(run::<Option<String>>(cluster, "return false").unwrap(), None);
        assert_eq!(run::<Option<String>>(cluster, "return nil").unwrap(), None);
        assert!(run::<bool>(cluster, "return true").unwrap());
        assert_eq!(run::<Value>(cluster, "return {1, {'a', 2}}").unwrap(), {
            Value::Array(vec![1.into(), Value::Array(vec!["a".into(), 2.into()])])
        });
        assert_eq!(run::<HashMap<String, u16>>(cluster, "return {'a', 1, 'b', 2}").unwrap().len(), 2);
        fails_with(ErrorKind::Reply, run::<i64>(cluster, "return 'text'"));
        fails_with(ErrorKind::Server, run::<()>(cluster, "return redis.error_reply('ERR mine')"));
        fails_with(ErrorKind::Server, run::<()>(cluster, "no lua at all"));
        fails_with(ErrorKind::Server, run::<()>(cluster, "return redis.call('NOSUCH')"));
        cluster.rpush("k", 1).unwrap();
        let error = run::<()>(cluster, "return redis.call('GET', KEYS[1])").unwrap_err();
        assert!(error.message().contains("WRONGTYPE"), "{error}");
    });
}

#[test]
fn scripts_by_their_sha() {
    in_both_protocols(|cluster, servers| {
        let script = "return redis.call('INCR', KEYS[1])";
        let unknown = "0123456789012345678901234567890123456789";
        fails_with_code("NOSCRIPT", cluster.evalsha::<_, _, _, i64>(unknown, "k", ()));
        let sha = cluster.script_load(script).unwrap();
        assert_eq!(sha.len(), 40);
        for server in servers {
            assert_eq!(server.ask(&["SCRIPT", "EXISTS", &sha]), Reply::Array(vec![Reply::Int(1)]));
        }
        for key in ["a", "b", "c", "d"] {
            assert_eq!(cluster.evalsha::<_, _, _, i64>(&sha, key, ()).unwrap(), 1);
        }
        fails_with(ErrorKind::CrossNode, cluster.evalsha::<_, _, _, ()>(&sha, ["a", &apart_from(cluster, "a")], ()));
        fails_with(ErrorKind::Server, cluster.script_load("no lua at all"));

        assert_eq!(cluster.script_exists([&sha[..], unknown, &sha]).unwrap(), [true, false, true]);
        servers[1].ask(&["SCRIPT", "FLUSH"]);
        assert_eq!(cluster.script_exists(&sha).unwrap(), [false], "one node does not know it");
        cluster.script_load(script).unwrap();
        assert_eq!(cluster.script_exists(&sha).unwrap(), [true]);
        cluster.script_flush().unwrap();
        assert_eq!(cluster.script_exists(&sha).unwrap(), [false]);
        for mode in [Flush::Sync, Flush::Async] {
            cluster.script_load(script).unwrap();
            cluster.script_flush_with(mode).unwrap();
            assert_eq!(cluster.script_exists(&sha).unwrap(), [false]);
        }
        cluster.script_load(script).unwrap();
        match cluster.script_show::<_, String>(&sha) {
            Ok(shown) => {
                assert_eq!(shown, script);
                fails_with_code("NOSCRIPT", cluster.script_show::<_, String>(unknown));
            }
            Err(error) => {
                skipped("SCRIPT SHOW: since Valkey 8.0.0");
                assert!(error.message().to_lowercase().contains("unknown subcommand"), "{error}");
            }
        }
    });
}

#[test]
fn scripts_that_only_read() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "EVAL_RO") {
            return;
        }
        let script = "return redis.call('GET', KEYS[1])";
        assert_eq!(cluster.eval_ro::<_, _, _, Option<i64>>(script, "k", ()).unwrap(), None);
        cluster.set("k", 5).unwrap();
        assert_eq!(cluster.eval_ro::<_, _, _, Option<i64>>(script, "k", ()).unwrap(), Some(5));
        let sha = cluster.script_load(script).unwrap();
        assert_eq!(cluster.evalsha_ro::<_, _, _, i64>(&sha, "k", ()).unwrap(), 5);
        let writes = "return redis.call('SET', KEYS[1], 1)";
        fails_with(ErrorKind::Server, cluster.eval_ro::<_, _, _, ()>(writes, "k", ()));
        let sha = cluster.script_load(writes).unwrap();
        fails_with(ErrorKind::Server, cluster.evalsha_ro::<_, _, _, ()>(&sha, "k", ()));
        let other = apart_from(cluster, "k");
        fails_with(ErrorKind::CrossNode, cluster.eval_ro::<_, _, _, ()>(script, ["k", &other], ()));
        fails_with(ErrorKind::CrossNode, cluster.evalsha_ro::<_, _, _, ()>(&sha, ["k", &other], ()));
    });
}

#[test]
fn replicas_run_what_only_reads() {
    let master = [Server::start()];
    let replica = Server::replica_of(&master[0], &[]);
    if !replica.is_since("7.0", "EVAL_RO on a replica") {
        return;
    }
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&master).protocol(protocol).connect().unwrap();
        let sha = cluster.script_load("return redis.call('EXISTS', KEYS[1])").unwrap();
        assert_eq!(replica.ask(&["SCRIPT", "EXISTS", &sha]), Reply::Array(vec![Reply::Int(1)]));
        cluster.function_load_replace(LIBRARY).unwrap();
        master[0].wait_for_replica(&replica);
        let before = ["evalsha_ro", "fcall_ro"].map(|name| replica.calls(name));
        cluster.evalsha_ro::<_, _, _, bool>(&sha, "k", ()).unwrap();
        cluster.fcall_ro::<_, _, _, Vec<Option<String>>>("look", "k", "x").unwrap();
        assert_eq!(["evalsha_ro", "fcall_ro"].map(|name| replica.calls(name)), before.map(|calls| calls + 1));
        let stats = cluster.function_stats().unwrap();
        assert_eq!(stats.len(), 2, "masters and replicas");
        assert!(stats.replies().all(|stats| stats.engines["LUA"].functions == 2));
        cluster.script_flush().unwrap();
        assert_eq!(replica.ask(&["SCRIPT", "EXISTS", &sha]), Reply::Array(vec![Reply::Int(0)]));
    }
}

/// Runs something that never ends, without and with a write before it, and stops it.
#[test]
fn what_runs_can_be_stopped() {
    in_both_protocols(|cluster, servers| {
        fails_with_code("NOTBUSY", cluster.script_kill());
        cluster.config_set(("lua-time-limit", "10")).unwrap();
        let home = home_of(cluster, servers, "k");
        let wait_until_busy = || {
            wait_until("the script is busy", || {
                let reply = home.try_ask(&["GET", "x"], Duration::from_secs(10)).unwrap();
                matches!(reply, Reply::Error(text) if text.starts_with("BUSY"))
            });
        };
        thread::scope(|scope| {
            let endless = scope.spawn(|| cluster.eval::<_, _, _, ()>("while true do end", "k", ()));
            wait_until_busy();
            cluster.script_kill().unwrap();
            fails_with(ErrorKind::Server, endless.join().unwrap());
        });
        if !servers[0].is_since("7.0", "FUNCTION KILL") {
            return;
        }
        fails_with_code("NOTBUSY", cluster.function_kill());
        let endless = "#!lua name=endless\nredis.register_function('endless', function() while true do end end)";
        cluster.function_load(endless).unwrap();
        thread::scope(|scope| {
            let running = scope.spawn(|| cluster.fcall::<_, _, _, ()>("endless", "k", "arg"));
            wait_until_busy();
            let stats = cluster.function_stats().unwrap();
            let busy: Vec<&FunctionStats> = stats.replies().filter(|stats| stats.running.is_some()).collect();
            assert_eq!(busy.len(), 1);
            let function = busy[0].running.as_ref().unwrap();
            assert_eq!(function.name, "endless");
            assert_eq!(function.command, [&b"FCALL"[..], b"endless", b"1", b"k", b"arg"]);
            assert!(function.duration >= Duration::from_millis(5));
            cluster.function_kill().unwrap();
            fails_with(ErrorKind::Server, running.join().unwrap());
        });
        fails_with(ErrorKind::Server, cluster.fcall::<_, _, _, ()>("nosuch", "k", ()));
    });
}

/// Neither a database, nor a name, nor a pool of which nothing is left stands in the way of what ends a script.
#[test]
fn a_busy_server_is_told_to_stop_whatever_its_connections_need() {
    let servers = [Server::start(), Server::start()];
    let replica = Server::replica_of(&servers[0], &[]);
    servers[0].wait_for_replica(&replica);
    let all = [&servers[0], &servers[1], &replica];
    all.iter().for_each(|server| drop(server.ask(&["CONFIG", "SET", "lua-time-limit", "10"])));
    let has_functions = servers[0].is_since("7.0", "FUNCTION STATS");
    let is_busy = |server: &Server| {
        let reply = server.try_ask(&["GET", "x"], Duration::from_secs(10)).unwrap();
        matches!(reply, Reply::Error(text) if text.starts_with("BUSY"))
    };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let builder = || cluster_of(&servers).protocol(protocol).client_name("app").refresh_every(None).pool_size(1);
        let (first, second) = (builder().connect().unwrap(), builder().database(1).connect().unwrap());
        // One whose connections wait for the script, one that has none yet, one whose connections are elsewhere.
        let waits = second.clone();
        let has_none = builder().database(1).connect().unwrap();
        first.mset([("foo", 1), ("bar", 1)]).unwrap();
        if has_functions {
            let endless = "#!lua name=endless\nredis.register_function{function_name='endless', \
                           callback=function() while true do end end, flags={'no-writes'}}";
            first.function_load_replace(endless).unwrap();
            servers[0].wait_for_replica(&replica);
        }
        let elsewhere = first.database(2);
        let kinds = if has_functions { &[false, true][..] } else { &[false] };
        for (cluster, &is_function) in
            [&waits, &has_none, &elsewhere].into_iter().flat_map(|c| kinds.iter().map(move |k| (c, k)))
        {
            thread::scope(|scope| {
                let topology = waits.topology();
                let endless = |(_, node): (Role, &Node)| {
                    let on = waits.on(node.name()).unwrap();
                    scope.spawn(move || match is_function {
                        true => on.fcall::<_, _, _, ()>("endless", (), ()),
                        false => on.eval::<_, _, _, ()>("while true do end", (), ()),
                    })
                };
                let running: Vec<_> = topology.servers().map(endless).collect();
                all.iter().for_each(|server| wait_until("the script is busy", || is_busy(server)));
                match is_function {
                    true => {
                        assert_eq!(cluster.function_stats().unwrap().len(), 3, "{protocol:?}");
                        cluster.function_kill().unwrap();
                    }
                    false => cluster.script_kill().unwrap(),
                }
                for running in running {
                    fails_with(ErrorKind::Server, running.join().unwrap());
                }
            });
            // Who comes after that meets no connection without a name.
            let nameless = |line: &&str| line.contains(" name= ") && line.contains(" cmd=script");
            for server in all {
                wait_until("it is closed", || server.ask(&["CLIENT", "LIST"]).text().lines().find(nameless).is_none());
            }
            assert!(cluster.pools().iter().all(|pool| pool.open <= pool.size), "{:?}", cluster.pools());
        }
    }
}

#[test]
fn what_has_written_cannot_be_stopped() {
    in_both_protocols(|cluster, servers| {
        cluster.config_set(("lua-time-limit", "10")).unwrap();
        let home = home_of(cluster, servers, "k");
        thread::scope(|scope| {
            let script = "redis.call('SET', KEYS[1], 1) while true do end";
            let endless = scope.spawn(move || cluster.eval::<_, _, _, ()>(script, "k", ()));
            let unkillable = |error: Error| {
                let told = error.parts().iter().filter_map(|part| part.error.as_deref());
                let mut codes: Vec<String> = told.map(|text| text.chars().take(7).collect()).collect();
                codes.sort();
                codes == ["NOTBUSY", "NOTBUSY", "UNKILLA"]
            };
            wait_until("one node cannot stop it", || cluster.script_kill().is_err_and(unkillable));
            // It takes the server with it.
            let _ = home.try_ask(&["SHUTDOWN", "NOSAVE"], Duration::from_secs(10));
            let error = endless.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::Unknown), "{error}");
        });
    });
}

#[test]
fn functions_are_called_where_their_keys_live() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "FCALL") {
            return;
        }
        assert_eq!(cluster.function_load(LIBRARY).unwrap(), "mine");
        for key in ["a", "b", "c", "d"] {
            assert_eq!(cluster.fcall::<_, _, _, i64>("add", key, 5).unwrap(), 5);
            assert_eq!(home_of(cluster, servers, key).ask(&["GET", key]), Reply::bulk("5"));
            let seen: Vec<String> = cluster.fcall_ro("look", format!("{key}{{{key}}}"), "x").unwrap();
            assert_eq!(seen, [key, "5", "x"], "tags are not stored");
        }
        fails_with(ErrorKind::Server, cluster.fcall_ro::<_, _, _, i64>("add", "a", 5));
        fails_with(ErrorKind::Server, cluster.fcall::<_, _, _, i64>("add", (), 5));
        let keys = ["a".to_owned(), apart_from(cluster, "a")];
        fails_with(ErrorKind::CrossNode, cluster.fcall::<_, _, _, i64>("add", &keys, 5));
        fails_with(ErrorKind::CrossNode, cluster.fcall_ro::<_, _, _, i64>("look", &keys, 5));
    });
}

#[test]
fn libraries_are_on_all_nodes() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "FUNCTION LOAD") {
            return;
        }
        let count = |server: &Server| match server.ask(&["FUNCTION", "LIST"]) {
            Reply::Array(libraries) => libraries.len(),
            other => panic!("{other:?}"),
        };
        let counts = || servers.iter().map(count).collect::<Vec<_>>();
        assert!(cluster.function_list().unwrap().is_empty());
        cluster.function_load(LIBRARY).unwrap();
        assert_eq!(counts(), [1, 1, 1]);
        let error = fails_with(ErrorKind::Server, cluster.function_load(LIBRARY));
        assert_eq!((error.outcome(), error.parts().len()), (Outcome::NotApplied, 3));
        assert_eq!(cluster.function_load_replace(LIBRARY).unwrap(), "mine");
        cluster.function_load("#!lua name=other\nredis.register_function('one', function() return 1 end)").unwrap();

        let mut libraries = cluster.function_list().unwrap();
        libraries.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!((libraries.len(), &libraries[1].name[..], &libraries[0].engine[..]), (2, "other", "LUA"));
        let mut functions = libraries.remove(0).functions;
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!((&functions[0].name[..], &functions[0].description), ("add", &None));
        assert_eq!(functions[1].description.as_deref(), Some("looks"));
        assert_eq!((functions[0].flags.len(), &functions[1].flags[..]), (0, &["no-writes".to_owned()][..]));
        let coded = cluster.function_list_with(FunctionListOptions::new().library("m?ne").code()).unwrap();
        assert_eq!((coded.len(), coded[0].code.as_deref()), (1, Some(LIBRARY)));
        assert!(cluster.function_list_with(FunctionListOptions::new().library("x*")).unwrap().is_empty());
        for stats in cluster.function_stats().unwrap().replies() {
            assert_eq!(stats.running, None);
            assert_eq!((stats.engines["LUA"].libraries, stats.engines["LUA"].functions), (2, 3));
        }

        cluster.function_delete("other").unwrap();
        fails_with(ErrorKind::Server, cluster.function_delete("other"));
        assert_eq!(counts(), [1, 1, 1]);
        let dump = cluster.function_dump().unwrap();
        fails_with(ErrorKind::Server, cluster.function_restore(&dump));
        fails_with(ErrorKind::Server, cluster.function_restore_with(&dump, FunctionRestore::Append));
        cluster.function_restore_with(&dump, FunctionRestore::Replace).unwrap();
        cluster.function_restore_with(&dump, FunctionRestore::Flush).unwrap();
        fails_with(ErrorKind::Server, cluster.function_restore("no dump"));
        cluster.function_flush().unwrap();
        assert_eq!(counts(), [0, 0, 0]);
        cluster.function_restore(&dump).unwrap();
        assert_eq!(counts(), [1, 1, 1]);
        for mode in [Flush::Sync, Flush::Async] {
            cluster.function_flush_with(mode).unwrap();
            assert_eq!(counts(), [0, 0, 0]);
            cluster.function_restore(&dump).unwrap();
        }

        // A node that somebody changed alone.
        servers[2].ask(&["FUNCTION", "FLUSH"]);
        let error = fails_with(ErrorKind::Server, cluster.function_load(LIBRARY));
        assert_eq!(error.outcome(), Outcome::Partial);
        assert_eq!(counts(), [1, 1, 1]);
    });
}

#[test]
fn one_connection_gives_the_one_reply() {
    let server = Server::start();
    let mut connection = Cluster::builder().open(server.address()).unwrap();
    assert_eq!(connection.eval::<_, _, _, i64>("return #KEYS", ["a", "b"], ()).unwrap(), 2);
    if server.is_since("7.0", "FUNCTION STATS") {
        connection.function_load(LIBRARY).unwrap();
        assert_eq!(connection.function_stats().unwrap().engines["LUA"].functions, 2);
    }
}
