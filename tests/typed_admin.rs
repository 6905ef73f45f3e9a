//! The typed methods for those who run servers, on real servers: users, delays, clients, commands, memory.

use rediscluster::prelude::*;
use rediscluster::{
    AclUser, ClientKillOptions, ClientType, CommandFilter, CommandLog, DryRun, ErrorKind, Outcome, PerNode, Protocol,
    ReplicationRole, Value,
};
use rediscluster_testing::{cluster_of, fails_with, home_of, in_both_protocols, wait_until, Reply, Server};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

/// What all three servers say alike.
#[track_caller]
fn alike<T: Clone + PartialEq + Debug>(replies: PerNode<T>) -> T {
    assert_eq!(replies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["node_1", "node_2", "node_3"]);
    let first = replies.replies().next().unwrap().clone();
    assert!(replies.replies().all(|reply| *reply == first), "{replies:?}");
    first
}

#[test]
fn users() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.acl_whoami().unwrap(), "default");
        assert_eq!(alike(cluster.acl_users().unwrap()), ["default"]);
        assert!(cluster.acl_cat().unwrap().iter().any(|name| name == "sortedset"));
        assert!(cluster.acl_cat_commands("sortedset").unwrap().iter().any(|name| name == "zadd"));
        fails_with(ErrorKind::Server, cluster.acl_cat_commands("nosuch"));

        cluster.acl_setuser("bob", ["on", ">secret", "resetchannels", "+get", "~a:*", "~b:*"]).unwrap();
        for server in servers {
            assert_eq!(server.ask(&["ACL", "USERS"]).sorted(), Reply::bulks(&["bob", "default"]).sorted());
        }
        let bob: AclUser = alike(cluster.acl_getuser("bob").unwrap()).unwrap();
        assert!(bob.flags.iter().any(|flag| flag == "on"), "{bob:?}");
        assert_eq!(bob.passwords, ["2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"]);
        assert_eq!((bob.commands.as_str(), bob.keys.as_str(), bob.channels.as_str()), ("-@all +get", "~a:* ~b:*", ""));
        assert_eq!(bob.selectors, []);
        assert_eq!(alike(cluster.acl_getuser("nobody").unwrap()), None);
        let lines = alike(cluster.acl_list().unwrap());
        assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("user ")), "{lines:?}");
        if servers[0].is_since("7.0", "selectors") {
            cluster.acl_setuser("eve", ["on", "nopass", "&news:*", "(+set ~q:*)"]).unwrap();
            let eve = alike(cluster.acl_getuser("eve").unwrap()).unwrap();
            assert_eq!(eve.channels, "&news:*");
            assert_eq!((eve.selectors[0].commands.as_str(), eve.selectors[0].keys.as_str()), ("-@all +set", "~q:*"));
        }
        if servers[0].is_since("7.0", "ACL DRYRUN") {
            assert_eq!(cluster.acl_dryrun("bob", ["GET", "a:1"]).unwrap(), DryRun::Allowed);
            for words in [&["GET", "c:1"][..], &["SET", "a:1", "x"]] {
                assert!(matches!(cluster.acl_dryrun("bob", words).unwrap(), DryRun::Denied(why) if !why.is_empty()));
            }
            fails_with(ErrorKind::Server, cluster.acl_dryrun("nobody", ["GET", "a:1"]));
        }
        let error = fails_with(ErrorKind::Server, cluster.acl_setuser("bob", ["nonsense"]));
        assert_eq!((error.outcome(), error.parts().len()), (Outcome::NotApplied, 3));
        assert_eq!(cluster.acl_deluser(["bob", "nobody"]).unwrap(), 1);
        assert!(servers.iter().all(|server| !format!("{:?}", server.ask(&["ACL", "USERS"])).contains("bob")));
        fails_with(ErrorKind::Server, cluster.acl_deluser("default"));

        assert_eq!(cluster.acl_genpass().unwrap().len(), 64);
        assert_eq!(cluster.acl_genpass_bits(5).unwrap().len(), 2);
        fails_with(ErrorKind::Server, cluster.acl_genpass_bits(0));
        fails_with(ErrorKind::Server, cluster.acl_load());
        fails_with(ErrorKind::Server, cluster.acl_save());
    });
}

#[test]
fn what_was_denied() {
    in_both_protocols(|cluster, servers| {
        assert!(alike(cluster.acl_log(10).unwrap()).is_empty());
        for server in servers {
            assert!(matches!(server.ask(&[&b"AUTH"[..], b"mallory\xff", b"x"]), Reply::Error(_)));
        }
        for (_, denied) in cluster.acl_log(10).unwrap() {
            assert_eq!((denied.len(), denied[0].count), (1, 1));
            assert_eq!((denied[0].reason.as_str(), denied[0].context.as_str()), ("auth", "toplevel"));
            assert_eq!(denied[0].username, "mallory\u{fffd}");
            assert!(denied[0].object.eq_ignore_ascii_case("auth"));
            assert!(denied[0].client.contains("addr=127.0.0.1:") && denied[0].age < Duration::from_secs(60));
        }
        cluster.acl_log_reset().unwrap();
        assert!(alike(cluster.acl_log(10).unwrap()).is_empty());
    });
}

#[test]
fn users_of_a_file() {
    let first = Server::start();
    let file = first.dir().join("users.acl");
    std::fs::write(&file, "user default on nopass ~* &* +@all\nuser bob on nopass ~* +get\n").unwrap();
    let server = Server::start_with(&["--aclfile", file.to_str().unwrap()]);
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    cluster.acl_setuser("eve", ["on"]).unwrap();
    cluster.acl_save().unwrap();
    assert!(std::fs::read_to_string(&file).unwrap().contains("user eve on"));
    std::fs::write(&file, "user default on nopass ~* &* +@all\n").unwrap();
    cluster.acl_load().unwrap();
    assert_eq!(cluster.acl_users().unwrap().get("node_1").unwrap(), &["default"]);
}

#[test]
fn slow_commands() {
    in_both_protocols(|cluster, servers| {
        cluster.config_set(("slowlog-log-slower-than", 0)).unwrap();
        cluster.slowlog_reset().unwrap();
        for server in servers {
            server.ask(&["ECHO", "hello"]);
        }
        let begin = SystemTime::now() - Duration::from_secs(60);
        for (node, entries) in cluster.slowlog_get(100).unwrap() {
            let entry = entries.iter().find(|entry| entry.args == [&b"ECHO"[..], b"hello"]).expect(&node);
            assert!(entry.at > begin && entry.took < Duration::from_secs(30));
            assert!(entry.client.starts_with("127.0.0.1:") && entry.client_name.is_empty());
            assert!(entries.windows(2).all(|pair| pair[0].id > pair[1].id), "the newest is first");
        }
        assert!(cluster.slowlog_get(1).unwrap().replies().all(|entries| entries.len() == 1));
        assert!(cluster.slowlog_len().unwrap() >= 9);
        if servers[0].is_since("valkey 8.1", "COMMANDLOG") {
            assert!(cluster.commandlog_len(CommandLog::Slow).unwrap() >= 9);
            let slow = cluster.commandlog_get(-1, CommandLog::Slow).unwrap();
            assert!(slow.replies().all(|entries| entries.iter().any(|entry| entry.args[0] == b"ECHO")));
            cluster.config_set(("commandlog-reply-larger-than", 1000)).unwrap();
            cluster.set("large", "x".repeat(5000)).unwrap();
            let _: String = cluster.get("large").unwrap();
            let large = cluster.commandlog_get(10, CommandLog::LargeReply).unwrap();
            let entry = large.replies().flatten().find(|entry| entry.args[0] == b"GET").unwrap();
            assert!(entry.measured >= 5000, "{entry:?}");
            assert!(cluster.commandlog_len(CommandLog::LargeReply).unwrap() >= 1);
            assert_eq!(cluster.commandlog_len(CommandLog::LargeRequest).unwrap(), 0);
            cluster.commandlog_reset(CommandLog::LargeReply).unwrap();
            cluster.commandlog_reset(CommandLog::LargeRequest).unwrap();
        }
        cluster.config_set(("slowlog-log-slower-than", -1)).unwrap();
        cluster.slowlog_reset().unwrap();
        assert_eq!(cluster.slowlog_len().unwrap(), 0);
        assert!(alike(cluster.slowlog_get(10).unwrap()).is_empty());
    });
}

#[test]
fn delays() {
    in_both_protocols(|cluster, servers| {
        assert!(alike(cluster.latency_latest().unwrap()).is_empty());
        assert!(alike(cluster.latency_history("command").unwrap()).is_empty());
        fails_with(ErrorKind::Server, cluster.latency_graph("command"));
        cluster.config_set(("latency-monitor-threshold", 1)).unwrap();
        for server in servers {
            server.ask(&["EVAL", "for i = 1, 10000000 do end", "0"]);
        }
        for (_, events) in cluster.latency_latest().unwrap() {
            let event = events.iter().find(|event| event.name == "command").unwrap();
            assert!(event.longest >= event.latest && event.latest >= Duration::from_millis(1), "{event:?}");
            assert!(event.at > SystemTime::now() - Duration::from_secs(60));
        }
        for (_, delays) in cluster.latency_history("command").unwrap() {
            assert!(delays[0].took >= Duration::from_millis(1));
            assert!(delays[0].at > SystemTime::now() - Duration::from_secs(60));
        }
        assert!(cluster.latency_graph("command").unwrap().replies().all(|graph| graph.contains("high")));
        assert!(cluster.latency_doctor().unwrap().replies().all(|advice| advice.contains("command")));
        assert_eq!(cluster.latency_reset(["command", "nosuch"]).unwrap(), 3);
        let none: [&str; 0] = [];
        cluster.latency_reset(none).unwrap();
        if servers[0].is_since("7.0", "LATENCY HISTOGRAM") {
            cluster.config_resetstat().unwrap();
            cluster.set("foo", 1).unwrap();
            cluster.set("foo", 2).unwrap();
            let told = cluster.latency_histogram("set").unwrap();
            let set: Vec<_> = told.replies().filter_map(|histograms| histograms.get("set")).collect();
            assert_eq!((set.len(), set[0].calls), (1, 2));
            assert_eq!(set[0].buckets.last().unwrap().1, 2);
            let all = cluster.latency_histogram(none).unwrap();
            assert!(all.replies().all(|histograms| histograms.contains_key("config|resetstat")));
        }
    });
}

#[test]
fn clients() {
    in_both_protocols(|cluster, servers| {
        let mut others: Vec<_> = servers.iter().map(|server| server.talk(Duration::from_secs(10)).unwrap()).collect();
        let id = others[0].call(&["CLIENT", "ID"]).unwrap().int();
        for (other, name) in others.iter_mut().zip(["one", "two", "three"]) {
            other.call(&["CLIENT", "SETNAME", name]).unwrap();
        }
        let options = ClientKillOptions::new;
        let closed = |options| cluster.client_kill(options).unwrap().replies().copied().collect::<Vec<u64>>();
        assert_eq!(closed(options().client_type(ClientType::Replica)), [0, 0, 0]);
        assert_eq!(closed(options().client_type(ClientType::PubSub)), [0, 0, 0]);
        assert_eq!(closed(options().user("default").address("127.0.0.1:1")), [0, 0, 0]);
        let address = |server: &Server| format!("127.0.0.1:{}", server.port());
        assert_eq!(closed(options().local_address(address(&servers[1])).id(u64::MAX >> 1)), [0, 0, 0]);
        // Who asks is left out unless said otherwise, and the cluster goes on either way.
        assert!(closed(options().client_type(ClientType::Normal).id(id as u64))[0] == 1);
        assert!(others[0].call(&["PING"]).is_err());
        assert!(closed(options().client_type(ClientType::Normal)).iter().all(|&count| count <= 1));
        assert!(others.iter_mut().all(|other| other.call(&["PING"]).is_err()));
        assert_eq!(closed(options().local_address(address(&servers[1])).skip_me(false))[1], 1);
        // The server closes that connection a little after its reply.
        wait_until("the cluster has a new connection", || cluster.ping().is_ok());
        cluster.set("foo", "bar").unwrap();
        fails_with(ErrorKind::Server, cluster.client_kill(options().user("nobody")));
        if servers[0].is_since("7.4 or valkey 8.0", "CLIENT KILL by age") {
            assert_eq!(closed(options().connected_for(Duration::from_secs(9999))), [0, 0, 0]);
        }

        let begin = Instant::now();
        cluster.client_pause(Duration::from_millis(50)).unwrap();
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        assert!(begin.elapsed() >= Duration::from_millis(50));
        cluster.client_pause_writes(Duration::from_secs(3600)).unwrap();
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        cluster.client_unpause().unwrap();
        cluster.set("foo", "baz").unwrap();
    });
}

#[test]
fn commands() {
    in_both_protocols(|cluster, servers| {
        let count = cluster.command_count().unwrap();
        let rows: Vec<Value> = cluster.command().unwrap();
        assert!(count > 200 && rows.len() as u64 == count, "{count}");
        let rows: Vec<Option<Value>> = cluster.command_info(["get", "nosuch"]).unwrap();
        assert!(matches!(&rows[0], Some(Value::Array(row)) if row[0] == Value::from("get")));
        assert_eq!(rows[1], None);
        assert_eq!(cluster.command_getkeys::<_, String>(["MSET", "a", "1", "b", "2"]).unwrap(), ["a", "b"]);
        fails_with(ErrorKind::Server, cluster.command_getkeys::<_, String>(["PING"]));
        if !servers[0].is_since("7.0", "COMMAND LIST, DOCS and GETKEYSANDFLAGS") {
            return;
        }
        let names = cluster.command_list().unwrap();
        assert!(names.len() as u64 >= count && names.iter().any(|name| name == "get"));
        let mut found = cluster.command_list_by(CommandFilter::Pattern("xr*")).unwrap();
        found.sort();
        assert_eq!(found, ["xrange", "xread", "xreadgroup", "xrevrange"]);
        let found = cluster.command_list_by(CommandFilter::Category("pubsub")).unwrap();
        assert!(found.iter().any(|name| name == "subscribe"));
        assert!(cluster.command_list_by(CommandFilter::Module("nosuch")).unwrap().is_empty());
        let docs: BTreeMap<String, BTreeMap<String, Value>> = cluster.command_docs(["get", "nosuch"]).unwrap();
        assert_eq!(docs["get"]["since"], Value::from("1.0.0"));
        let keys: Vec<(String, Vec<String>)> = cluster.command_getkeysandflags(["GET", "foo"]).unwrap();
        assert_eq!(keys, [("foo".to_owned(), vec!["RO".to_owned(), "access".to_owned()])]);
    });
}

#[test]
fn memory_and_modules() {
    in_both_protocols(|cluster, servers| {
        cluster.set("foo", "bar").unwrap();
        let home = home_of(cluster, servers, "foo");
        for (stats, server) in cluster.memory_stats().unwrap().replies().zip(servers) {
            let is_home = server.port() == home.port();
            assert!(stats.get("total.allocated") > Some(100_000.0) && stats.get("dataset.percentage").is_some());
            assert_eq!(stats.get("keys.count"), Some(if is_home { 1.0 } else { 0.0 }));
            assert!(!is_home || stats.get("db.0.overhead.hashtable.main").is_some());
            assert_eq!(stats.get("nosuch"), None);
            assert!(stats.iter().any(|(name, figure)| name == "startup.allocated" && figure > 0.0));
        }
        assert!(cluster.memory_doctor().unwrap().replies().all(|text| !text.is_empty()));
        assert!(cluster.memory_malloc_stats().unwrap().replies().all(|text| !text.is_empty()));
        cluster.memory_purge().unwrap();
        assert!(cluster.memory_usage("foo").unwrap() > Some(6));
        assert_eq!(cluster.memory_usage("none").unwrap(), None);
        cluster.rpush("list{tag}", vec!["x".repeat(100); 500]).unwrap();
        assert!(cluster.memory_usage_samples("list{tag}", 0).unwrap() > Some(50_000));
        assert_eq!(cluster.memory_usage_samples("none", 5).unwrap(), None);
        for module in cluster.module_list().unwrap().replies().flatten() {
            assert!(!module.name.is_empty() && module.version > 0 && module.args.is_empty(), "{module:?}");
        }
        cluster.swapdb(0, 1).unwrap();
        assert_eq!(cluster.dbsize().unwrap(), 0);
        assert_eq!(home.ask_in(1, &["GET", "foo"]), Reply::bulk("bar"));
        cluster.swapdb(1, 0).unwrap();
        assert_eq!(cluster.dbsize().unwrap(), 2);
        fails_with(ErrorKind::Server, cluster.swapdb(0, 9999));
    });
}

#[test]
fn roles() {
    let masters = [Server::start(), Server::start()];
    let replica = Server::replica_of(&masters[1], &[]);
    masters[1].wait_for_replica(&replica);
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&masters).protocol(protocol).connect().unwrap();
        let roles = cluster.role().unwrap();
        assert_eq!(roles.get("node_1"), Some(&ReplicationRole::Master { offset: 0, replicas: Vec::new() }));
        match roles.get("node_2") {
            Some(ReplicationRole::Master { replicas, .. }) => {
                assert_eq!((replicas[0].host.as_str(), replicas[0].port), ("127.0.0.1", replica.port()));
            }
            other => panic!("{other:?}"),
        }
        match roles.get(&format!("node_2/{}", replica.address())) {
            Some(ReplicationRole::Replica { host, port, state, offset }) => {
                assert_eq!((host.as_str(), *port, state.as_str()), ("127.0.0.1", masters[1].port(), "connected"));
                assert!(*offset >= 0);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// On a connection to one server there is one reply, without a name.
#[test]
fn on_one_connection() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut connection = Cluster::builder().protocol(protocol).open(server.address()).unwrap();
        assert_eq!(connection.acl_users().unwrap(), ["default"]);
        assert_eq!(connection.acl_getuser("nobody").unwrap(), None);
        assert!(connection.acl_getuser("default").unwrap().is_some());
        assert!(matches!(connection.role().unwrap(), ReplicationRole::Master { .. }));
        assert!(connection.memory_stats().unwrap().get("total.allocated").is_some());
        assert_eq!(connection.client_kill(ClientKillOptions::new().client_type(ClientType::PubSub)).unwrap(), 0);
        assert!(connection.slowlog_get(5).unwrap().is_empty());
        connection.acl_log_reset().unwrap();
    }
}
