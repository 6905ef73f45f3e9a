//! Which server a command reaches: reads go to replicas, writes to masters, and each key to its own node.

use rediscluster::prelude::*;
use rediscluster::{ErrorKind, HashTags, Protocol, Role, Value};
use rediscluster_testing::{cluster_of, dead_address, Reply, ScriptedPeer, Server};

fn masters_and_replicas(password: Option<&str>) -> (Vec<Server>, Vec<Server>) {
    let start = |builder: rediscluster_testing::ServerBuilder| match password {
        Some(password) => builder.password(password).start(),
        None => builder.start(),
    };
    let masters: Vec<Server> = (0..2).map(|_| start(Server::builder())).collect();
    let replicas = masters.iter().map(|master| start(Server::builder().replica_of(master))).collect();
    (masters, replicas)
}

fn calls(servers: &[Server], command: &str) -> Vec<u64> {
    servers.iter().map(|server| server.calls(command)).collect()
}

#[test]
fn reads_go_to_replicas_and_writes_to_masters() {
    let (masters, replicas) = masters_and_replicas(None);
    let cluster = cluster_of(&masters).connect().unwrap();
    assert_eq!(cluster.node_for("foo").name(), "node_2");
    cluster.set("foo", "bar").unwrap();
    masters[1].wait_for_replica(&replicas[1]);
    for _ in 0..10 {
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    }
    assert_eq!((calls(&masters, "set"), calls(&masters, "get")), (vec![0, 1], vec![0, 0]));
    assert_eq!(calls(&replicas, "get"), [0, 10]);

    let cluster = cluster_of(&masters).masters_only(true).connect().unwrap();
    assert_eq!(cluster.topology().servers().len(), 2);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    assert_eq!((calls(&masters, "get"), calls(&replicas, "get")), (vec![0, 1], vec![0, 10]));
}

#[test]
fn every_online_replica_takes_its_turn() {
    let master = [Server::start()];
    let replicas: Vec<Server> = (0..3).map(|_| Server::replica_of(&master[0], &[])).collect();
    let cluster = cluster_of(&master).connect().unwrap();
    for _ in 0..30 {
        assert_eq!(cluster.get::<_, Option<String>>("missing").unwrap(), None);
    }
    assert_eq!((calls(&replicas, "get"), calls(&master, "get")), (vec![10, 10, 10], vec![0]));
    let roles: Vec<Role> = cluster.topology().servers().map(|(role, _)| role).collect();
    assert_eq!(roles, [Role::Master, Role::Replica, Role::Replica, Role::Replica]);
}

#[test]
fn replicas_get_the_password_of_their_master() {
    let (masters, replicas) = masters_and_replicas(Some("open sesame"));
    let urls =
        masters.iter().zip(1..).map(|(server, n)| format!("node_{n}=redis://:open%20sesame@{}", server.address()));
    let by_url = Cluster::builder().nodes(urls.collect::<Vec<_>>().join(","));
    for builder in [cluster_of(&masters).password("open sesame"), by_url] {
        let cluster = builder.protocol(Protocol::Resp3).connect().unwrap();
        let before = replicas[1].calls("get");
        assert_eq!(cluster.get::<_, Option<String>>("foo").unwrap(), None);
        assert_eq!(replicas[1].calls("get"), before + 1);
    }
    for (password, kind) in [(None, ErrorKind::NoAuth), (Some("wrong"), ErrorKind::WrongPass)] {
        let builder = cluster_of(&masters);
        let error = match password {
            Some(password) => builder.password(password),
            None => builder,
        }
        .connect()
        .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("node_1 (127.0.0.1:"), "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong password") && !error.to_string().contains("sesame"));
    }
}

#[test]
fn replicas_can_be_given_by_name() {
    let (masters, replicas) = masters_and_replicas(None);
    let cluster = cluster_of(&masters)
        .node("spare_1", replicas[0].address())
        .node("spare_2", replicas[1].address())
        .master_of("node_1", "spare_1")
        .master_of("node_2", "spare_2")
        .connect()
        .unwrap();
    assert_eq!(cluster.node_for("foo").name(), "node_2", "replicas do not count for placement");
    assert_eq!(cluster.get::<_, Option<String>>("foo").unwrap(), None);
    assert_eq!(calls(&replicas, "get"), [0, 1]);
    let names: Vec<String> = cluster.topology().servers().map(|(_, node)| node.name().to_owned()).collect();
    assert_eq!(names, ["node_1", "node_2", "spare_1", "spare_2"]);
}

#[test]
fn keys_are_marked_as_used_on_their_masters() {
    let (masters, replicas) = masters_and_replicas(None);
    let cluster = cluster_of(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    assert_eq!(cluster.touch("foo").unwrap(), 1);
    assert_eq!(cluster.touch(["foo", "bar"]).unwrap(), 2);
    let mut pipeline = cluster.pipeline();
    let slots = (pipeline.touch(["foo", "bar"]), pipeline.touch("bar"));
    let replies = pipeline.run().unwrap();
    assert_eq!((replies.get(slots.0).unwrap(), replies.get(slots.1).unwrap()), (2, 1));
    assert_eq!((calls(&masters, "touch"), calls(&replicas, "touch")), (vec![3, 3], vec![0, 0]));
}

#[test]
fn a_replica_that_cannot_serve_is_passed_over_and_named() {
    let master = [Server::start()];
    let other = Server::start();
    let cluster = cluster_of(&master).node("not_a_replica", other.address()).node("gone", dead_address());
    let cluster = cluster.master_of("node_1", "not_a_replica").master_of("node_1", "gone").connect().unwrap();
    cluster.set("k", "v").unwrap();
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "v", "the master serves its own reads");
    let topology = cluster.topology();
    let passed: Vec<_> = topology.shards()[0].passed_over().iter().map(|p| (p.node().name(), p.reason())).collect();
    assert_eq!(passed[0], ("not_a_replica", "it says that it is no replica"));
    assert_eq!(passed[1].0, "gone");
    assert!(passed[1].1.contains("refused"), "{passed:?}");
}

#[test]
fn a_replica_that_dies_costs_no_read() {
    let (masters, mut replicas) = masters_and_replicas(None);
    let cluster = cluster_of(&masters).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    masters.iter().zip(&replicas).for_each(|(master, replica)| master.wait_for_replica(replica));
    assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [1, 2]);
    replicas[1].kill();
    for _ in 0..3 {
        assert_eq!(cluster.get::<_, i64>("foo").unwrap(), 1);
        assert_eq!(cluster.mget::<_, Vec<i64>>(["foo", "bar"]).unwrap(), [1, 2]);
    }
    cluster.refresh().unwrap();
    assert_eq!(cluster.topology().servers().len(), 3);
}

#[test]
fn a_replica_that_came_later_is_found_by_refresh() {
    let master = [Server::start()];
    let cluster = cluster_of(&master).connect().unwrap();
    let replica = Server::replica_of(&master[0], &[]);
    let clone = cluster.clone();
    cluster.refresh().unwrap();
    clone.get::<_, Option<String>>("k").unwrap();
    assert_eq!((replica.calls("get"), master[0].calls("get")), (1, 0));
}

#[test]
fn a_node_that_is_a_replica_is_a_mistake() {
    let (masters, replicas) = masters_and_replicas(None);
    let error = cluster_of(&masters).node("node_3", replicas[0].address()).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let start = format!("node node_3 ({}) is a replica", replicas[0].address());
    assert!(error.message().starts_with(&start), "{error}");
}

#[test]
fn two_names_for_one_server_are_one_server() {
    let servers = [Server::start(), Server::start()];
    let port = servers[0].port();
    // The second name resolves to the same server: only its run id tells.
    let cluster = cluster_of(&servers)
        .node("node_3", servers[0].address())
        .node("node_4", format!("localhost:{port}"))
        .connect()
        .unwrap();
    assert_eq!(cluster.topology().servers().len(), 2);
    for number in 0..100 {
        cluster.set(format!("key:{number}"), number).unwrap();
    }
    assert_eq!(cluster.dbsize().unwrap(), 100);
    assert_eq!(cluster.keys::<_, Vec<String>>("*").unwrap().len(), 100);
    let values: Vec<u32> = cluster.mget((0..100).map(|n| format!("key:{n}")).collect::<Vec<_>>()).unwrap();
    assert_eq!(values, (0..100).collect::<Vec<_>>());
    cluster.flushall().unwrap();
    assert_eq!((servers[0].calls("flushall"), cluster.dbsize().unwrap()), (1, 0));
}

#[test]
fn a_tag_decides_and_the_name_is_stored() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.set("bar{foo}", "x").unwrap();
    assert_eq!(cluster.get::<_, String>("bar{foo}").unwrap(), "x");
    assert_eq!(servers[1].ask(&["GET", "bar"]), Reply::bulk("x"), "stored as bar on foo's node");
    assert_eq!(cluster.node_for("bar{foo}"), cluster.node_for("foo"));
    cluster.mset([("bar{foo}", "bar"), ("foo", "foo")]).unwrap();
    assert_eq!(cluster.mget::<_, Vec<String>>(["bar{foo}", "foo"]).unwrap(), ["bar", "foo"]);
    assert_eq!(servers[0].ask(&["DBSIZE"]).int(), 0);

    let keep = cluster_of(&servers).hash_tags(HashTags::Keep).connect().unwrap();
    keep.set("bar{foo}", "kept").unwrap();
    assert_eq!(servers[1].ask(&["GET", "bar{foo}"]), Reply::bulk("kept"));
    let off = cluster_of(&servers).hash_tags(HashTags::Off).connect().unwrap();
    assert_eq!(
        off.get::<_, Option<String>>("bar{foo}").unwrap().is_some(),
        off.node_for("bar{foo}").name() == "node_2"
    );
}

#[test]
fn keys_of_one_node_get_the_native_command() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.set("a{foo}", 1).unwrap();
    cluster.rename("a{foo}", "b{foo}").unwrap();
    assert_eq!((servers[1].calls("rename"), servers[1].calls("dump")), (1, 0));
    assert_eq!(servers[1].ask(&["GET", "b"]), Reply::bulk("1"));
}

#[test]
fn the_database_is_selected_on_every_server() {
    let (masters, replicas) = masters_and_replicas(None);
    let cluster = cluster_of(&masters).database(3).connect().unwrap();
    cluster.set("foo", "in three").unwrap();
    assert_eq!(masters[1].ask_in(3, &["GET", "foo"]), Reply::bulk("in three"));
    masters[1].wait_for_replica(&replicas[1]);
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "in three");
    let error = cluster_of(&masters).database(99).connect().unwrap_err();
    assert!(error.to_string().starts_with("SELECT on node_1 (127.0.0.1:"), "{error}");
}

#[test]
fn replicas_in_the_oldest_form_are_understood() {
    let bulk = |text: &str| format!("${}\r\n{text}\r\n", text.len()).into_bytes();
    let replica = ScriptedPeer::answering(move |words| match words[0].as_slice() {
        b"GET" => bulk("from replica"),
        _ => bulk("role:slave\r\nmaster_link_status:up\r\n"),
    });
    let port = replica.port();
    let master = ScriptedPeer::answering(move |_| bulk(&format!("role:master\r\nslave0:127.0.0.1,{port},online\r\n")));
    let cluster = Cluster::builder().node("only", master.address()).connect().unwrap();
    assert_eq!(cluster.get::<_, String>("k").unwrap(), "from replica");
}

#[test]
fn a_cluster_can_begin_while_a_node_is_down() {
    let server = Server::start();
    let builder = || Cluster::builder().node("node_1", server.address()).node("node_2", dead_address());
    assert_eq!(builder().require_all(true).connect().unwrap_err().kind(), ErrorKind::Connect);
    let cluster = builder().build().unwrap();
    cluster.set("bar", "x").unwrap();
    assert_eq!(cluster.get::<_, String>("bar").unwrap(), "x");
    assert_eq!(cluster.set("foo", "x").unwrap_err().kind(), ErrorKind::Connect);
    let replica = Server::replica_of(&server, &[]);
    let error = cluster.refresh().unwrap_err();
    assert!(error.node().is_some_and(|node| node.starts_with("node_2 (")), "{error}");
    assert_eq!(cluster.get::<_, String>("bar").unwrap(), "x");
    assert_eq!(replica.calls("get"), 1, "the other node was refreshed all the same");
}

#[test]
fn large_values_come_whole_and_leave_nothing_behind() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).pool_size(1).connect().unwrap();
    for size in [16 << 10, 1 << 20, (4 << 20) - 9, 5 << 20, 20 << 20] {
        let text: String = (0..size).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        cluster.set("foo", &text).unwrap();
        cluster.set("bar", "small").unwrap();
        assert!(cluster.get::<_, String>("foo").unwrap() == text, "{size}");
        assert!(cluster.get::<_, Option<Vec<u8>>>("foo").unwrap() == Some(text.clone().into_bytes()), "{size}");
        assert!(cluster.get::<_, Value>("foo").unwrap() == Value::Bulk(text.clone().into_bytes()), "{size}");
        assert_eq!(cluster.get::<_, i64>("foo").unwrap_err().kind(), ErrorKind::Reply);
        let both: Vec<String> = cluster.mget(["bar", "foo"]).unwrap();
        assert!(both[0] == "small" && both[1] == text, "{size}");
    }
    cluster.set("foo", vec![0xff; 5 << 20]).unwrap();
    let error = cluster.get::<_, String>("foo").unwrap_err();
    assert!(error.message().starts_with("expected UTF-8 text, got Bulk(") && error.message().len() < 1000, "{error}");
    assert_eq!(cluster.get::<_, String>("bar").unwrap(), "small");
}
