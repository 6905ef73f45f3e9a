//! The typed methods about servers, on real servers.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, Flush, Outcome, PerNode, Protocol};
use rediscluster_testing::{cluster_of, fails_with, home_of, in_both_protocols, wait_until, Reply, Server};
use std::time::{SystemTime, UNIX_EPOCH};

fn names<T>(replies: &PerNode<T>) -> Vec<&str> {
    replies.iter().map(|(name, _)| name.as_str()).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The settings of every server that have one value each: the name is known.
#[track_caller]
fn setting(cluster: &Cluster, name: &str) -> Vec<String> {
    cluster.config_get(name).unwrap().into_iter().map(|(_, settings)| settings[name].clone()).collect()
}

#[test]
fn every_server_answers_masters_first() {
    let masters = [Server::start(), Server::start()];
    let replicas = [Server::replica_of(&masters[1], &[]), Server::replica_of(&masters[0], &[])];
    let second = format!("node_2/{}", replicas[0].address());
    let first = format!("node_1/{}", replicas[1].address());
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&masters).protocol(protocol).connect().unwrap();
        let pongs = cluster.ping().unwrap();
        assert_eq!(names(&pongs), ["node_1", "node_2", &first, &second]);
        assert!(pongs.replies().all(|pong| pong == "PONG"));
        assert_eq!((pongs.len(), pongs.is_empty()), (4, false));
        assert_eq!(pongs.get(&second).map(String::as_str), Some("PONG"));
        assert_eq!(pongs.get("node_3"), None);

        let roles = cluster.info_section("replication").unwrap();
        for (name, info) in &roles {
            let role = if name.contains('/') { "role:slave" } else { "role:master" };
            assert!(info.lines().any(|line| line == role), "{name}: {info}");
        }
        let ports: Vec<String> = setting(&cluster, "port");
        let servers = [&masters[0], &masters[1], &replicas[1], &replicas[0]];
        assert_eq!(ports, servers.map(|server| server.port().to_string()), "each reply has the name of its server");

        let only = cluster_of(&masters).protocol(protocol).masters_only(true).connect().unwrap();
        assert_eq!(names(&only.ping().unwrap()), ["node_1", "node_2"]);
        assert_eq!(names(&only.time().unwrap()), ["node_1", "node_2"]);
    }
}

#[test]
fn two_names_of_one_server() {
    let server = Server::start();
    let builder = Cluster::builder().node("node_1", server.address()).node("node_2", server.address());
    let cluster = builder.connect().unwrap();
    assert_eq!(names(&cluster.ping().unwrap()), ["node_1"]);
    cluster.mset([("a", 1), ("b", 2), ("c", 3)]).unwrap();
    assert_eq!(cluster.dbsize().unwrap(), 3);
    cluster.flushdb().unwrap();
    assert_eq!(server.calls("flushdb"), 1);
}

#[test]
fn what_servers_tell() {
    in_both_protocols(|cluster, servers| {
        let info = cluster.info().unwrap();
        assert_eq!(names(&info), ["node_1", "node_2", "node_3"]);
        for ((_, info), server) in info.into_iter().zip(servers) {
            assert!(info.contains(&format!("\r\ntcp_port:{}\r\n", server.port())), "{info}");
            assert!(info.contains("\r\n# Memory\r\n"));
        }
        let section = cluster.info_section("memory").unwrap();
        assert!(section.replies().all(|info| info.contains("used_memory:") && !info.contains("tcp_port")));
        if servers[0].is_since("7.0", "INFO of two sections") {
            let sections = cluster.info_section(["memory", "server"]).unwrap();
            assert!(sections.replies().all(|info| info.contains("used_memory:") && info.contains("tcp_port")));
        }

        let begin = now();
        for (_, (seconds, microseconds)) in cluster.time().unwrap() {
            assert!((begin..=begin + 30).contains(&seconds) && microseconds < 1_000_000);
        }
        for (node, clients) in cluster.client_list().unwrap() {
            let lines: Vec<&str> = clients.lines().collect();
            assert!(!lines.is_empty(), "{node} knows at least who asks");
            assert!(lines.iter().all(|line| line.starts_with("id=") && line.contains(" addr=127.0.0.1:")), "{clients}");
        }
    });
}

#[test]
fn settings() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(setting(cluster, "maxmemory"), ["0", "0", "0"]);
        cluster.config_set(("maxmemory", "64mb")).unwrap();
        assert_eq!(setting(cluster, "maxmemory"), ["67108864"; 3]);
        for server in servers {
            assert_eq!(server.ask(&["CONFIG", "GET", "maxmemory"]), Reply::bulks(&["maxmemory", "67108864"]));
        }
        let found = cluster.config_get("maxmemory*").unwrap();
        assert!(found.replies().all(|settings| settings.len() > 2 && settings.contains_key("maxmemory-policy")));
        assert!(cluster.config_get("no such thing").unwrap().replies().all(|settings| settings.is_empty()));
        if servers[0].is_since("7.0", "CONFIG GET and SET of two settings") {
            cluster.config_set([("maxmemory", "128mb"), ("hz", "20")]).unwrap();
            let both = cluster.config_get(["maxmemory", "hz"]).unwrap();
            for (_, settings) in both {
                assert_eq!((settings["maxmemory"].as_str(), settings["hz"].as_str()), ("134217728", "20"));
            }
        }
        let error = fails_with(ErrorKind::Server, cluster.config_set(("no such thing", 1)));
        assert_eq!((error.outcome(), error.parts().len()), (Outcome::NotApplied, 3));

        cluster.get::<_, Option<String>>("a").unwrap();
        cluster.config_resetstat().unwrap();
        assert!(servers.iter().all(|server| server.calls("get") == 0));
        let error = fails_with(ErrorKind::Server, cluster.config_rewrite());
        assert!(error.message().contains("without a config file"), "{error}");
    });
}

#[test]
fn one_server_that_refuses() {
    let servers = [Server::start(), Server::start_with(&["--rename-command", "LASTSAVE", ""])];
    let cluster = cluster_of(&servers).connect().unwrap();
    let error = fails_with(ErrorKind::Server, cluster.lastsave());
    let told: Vec<_> = error.parts().iter().map(|part| (part.node.as_str(), part.outcome)).collect();
    assert_eq!(told, [("node_1", Outcome::Applied), ("node_2", Outcome::NotApplied)]);
}

#[test]
fn saving() {
    in_both_protocols(|cluster, servers| {
        let idle =
            |field: &str| servers.iter().all(|server| server.field("persistence", field).as_deref() == Some("0"));
        let began = now();
        cluster.mset([("a", 1), ("b", 2), ("c", 3)]).unwrap();
        cluster.save().unwrap();
        assert!(servers.iter().all(|server| server.dir().join("dump.rdb").is_file()));
        let saved = cluster.lastsave().unwrap();
        assert_eq!(names(&saved), ["node_1", "node_2", "node_3"]);
        assert!(saved.replies().all(|&seconds| (began..=now()).contains(&seconds)));

        let count = || servers.iter().map(|server| server.calls("bgsave")).collect::<Vec<_>>();
        for status in [cluster.bgsave(), cluster.bgsave_schedule()] {
            // The second may come while the first is still at it.
            match status {
                Ok(status) => assert!(status.replies().all(|status| status.starts_with("Background saving"))),
                Err(error) => assert!(error.message().contains("in progress"), "{error}"),
            }
        }
        assert_eq!(count(), [2, 2, 2]);
        wait_until("they have saved", || idle("rdb_bgsave_in_progress"));

        let status = cluster.bgrewriteaof().unwrap();
        assert!(status.replies().all(|status| status.starts_with("Background append only file rewriting")));
        wait_until("they have rewritten", || idle("aof_rewrite_in_progress") && idle("aof_rewrite_scheduled"));
    });
}

#[test]
fn counting_and_removing_keys() {
    let servers = [Server::start(), Server::start(), Server::start()];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let builder = || cluster_of(&servers).protocol(protocol);
        let (zero, one) = (builder().connect().unwrap(), builder().database(1).connect().unwrap());
        let sizes = || (zero.dbsize().unwrap(), one.dbsize().unwrap());
        let fill = || {
            for n in 0..30 {
                zero.set(format!("key:{n}"), n).unwrap();
                one.set(format!("key:{n}"), n).unwrap();
            }
        };
        for mode in [None, Some(Flush::Async), Some(Flush::Sync)] {
            if mode == Some(Flush::Sync) && !servers[0].is_since("6.2", "FLUSHDB SYNC") {
                continue;
            }
            fill();
            assert_eq!(sizes(), (30, 30));
            assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() > 0), "they are spread");
            mode.map_or_else(|| one.flushdb(), |mode| one.flushdb_with(mode)).unwrap();
            assert_eq!(sizes(), (30, 0));
            fill();
            mode.map_or_else(|| one.flushall(), |mode| one.flushall_with(mode)).unwrap();
            assert_eq!(sizes(), (0, 0));
        }
    }
}

#[test]
fn echo_comes_from_one_server() {
    in_both_protocols(|cluster, servers| {
        assert_eq!(cluster.echo::<_, String>("hello").unwrap(), "hello");
        assert_eq!(cluster.echo::<_, i64>(-7).unwrap(), -7);
        let bytes: &[u8] = b"\0\xff\r\n";
        assert_eq!(cluster.echo::<_, Vec<u8>>(bytes).unwrap(), bytes);
        assert_eq!(servers.iter().map(|server| server.calls("echo")).sum::<u64>(), 3);
    });
}

#[test]
fn how_a_key_is_stored() {
    let args: &[&str] = match Server::start().is_since("7.0", "the setting enable-debug-command") {
        true => &["--enable-debug-command", "yes"],
        false => &[],
    };
    let servers = [Server::start_with(args), Server::start_with(args)];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&servers).protocol(protocol).connect().unwrap();
        for key in ["foo", "bar", "name{foo}"] {
            let home = home_of(&cluster, &servers, key);
            let before = home.calls("debug");
            cluster.set(key, "text").unwrap();
            assert!(cluster.debug_object(key).unwrap().contains("encoding:embstr"));
            assert_eq!(home.calls("debug"), before + 1);
        }
        let error = fails_with(ErrorKind::Server, cluster.debug_object("missing"));
        assert!(error.message().contains("no such key"), "{error}");
    }
}

/// On a connection to one server there is one reply, without a name.
#[test]
fn on_one_connection() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut connection = Cluster::builder().protocol(protocol).open(server.address()).unwrap();
        assert_eq!(connection.ping().unwrap(), "PONG");
        assert_eq!(connection.echo::<_, String>("hello").unwrap(), "hello");
        assert!(connection.info().unwrap().contains("redis_version:"));
        assert!(connection.info_section("memory").unwrap().starts_with("# Memory"));
        assert!(connection.client_list().unwrap().starts_with("id="));
        connection.config_set(("maxmemory", 67_108_864)).unwrap();
        assert_eq!(connection.config_get("maxmemory").unwrap()["maxmemory"], "67108864");
        connection.config_resetstat().unwrap();
        fails_with(ErrorKind::Server, connection.config_rewrite());
        assert!(connection.time().unwrap().0 >= connection.lastsave().unwrap());
        connection.set("foo", "bar").unwrap();
        assert_eq!(connection.dbsize().unwrap(), 1);
        connection.save().unwrap();
        assert!(connection.bgsave().unwrap().starts_with("Background"));
        wait_until("it has saved", || server.field("persistence", "rdb_bgsave_in_progress").as_deref() == Some("0"));
        connection.flushdb().unwrap();
        connection.flushall().unwrap();
        assert_eq!(connection.dbsize().unwrap(), 0);
        fails_with(ErrorKind::Server, connection.debug_object("missing"));
        assert!(connection.bgrewriteaof().unwrap().starts_with("Background"));
        wait_until("it has rewritten", || {
            server.field("persistence", "aof_rewrite_in_progress").as_deref() == Some("0")
        });
    }
}
