//! `nodes --check`.

use super::*;

#[test]
fn a_fleet_in_which_all_is_well() {
    let servers = [Server::start(), Server::start()];
    let _replica = Server::replica_of(&servers[0], &[]);
    servers[0].ask(&["SET", "bar", "x"]);
    let ran = run(&nodes(&servers), &["nodes", "--check"]);
    program::answered(&ran, "ok: 2 masters, 1 replica, 1 key\n");
    let ran = run(&nodes(&servers), &["nodes", "--check", "--json"]);
    assert_eq!((json(&ran), ran.status), (json!({"ok": true, "servers": 3, "problems": []}), 0));
    assert!(failed(&run(&nodes(&servers), &["nodes", "--chek"])).contains("--check"));
}

#[test]
fn every_problem_has_its_line_and_its_kind_can_be_ignored() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let replica = Server::replica_of(&servers[0], &[]);
    // It follows the second one, and is configured as a node beside it.
    let wrong = Server::replica_of(&servers[1], &[]);
    servers[2].ask(&["CONFIG", "SET", "maxmemory", "100mb"]);
    servers[2].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    for number in 0..1000 {
        servers[1].ask(&["SET", &number.to_string(), "x"]);
    }
    // A link that is broken: the master wants a password from now on, which its replica does not know.
    let mut talk = servers[0].talk(Duration::from_secs(10)).expect("a connection");
    talk.expect_ok(&["CONFIG", "SET", "requirepass", "s3cret"]).expect("a password");
    talk.call(&["CLIENT", "KILL", "TYPE", "replica"]).expect("an end of the link");
    wait_until("the link is down", || replica.field("replication", "master_link_status").as_deref() == Some("down"));
    // Its master does not list it any more, so it has to be named.
    let [one, two, three] = [0, 1, 2].map(|at: usize| servers[at].address());
    let text = json!({
        "nodes": {
            "node_1": format!("redis://:s3cret@{one}"), "node_2": two, "node_3": three, "node_4": wrong.address(),
            "node_5": dead_address(), "broken": replica.address(),
        },
        "master_of": {"node_1": "broken"},
    });
    let file = servers[0].dir().join("fleet.json");
    std::fs::write(&file, text.to_string()).expect("a file in the server's directory");
    let check = |words: &[&str]| {
        rediscluster(&[&["--config", file.to_str().expect("UTF-8"), "nodes", "--check"], words].concat())
    };
    let ran = check(&[]);
    let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    let has = |start: &str, says: &str| {
        let line = lines.iter().find(|line| line.starts_with(start) && line.contains(says));
        assert!(line.is_some(), "{start}…{says}: {lines:#?} {}", ran.err());
    };
    assert_eq!(ran.status, 1);
    has("down: node_5 (", "Connection refused");
    has("role: node_4 (", "it is a replica, and should be a master");
    has("replica: broken (", "its link to its master 127.0.0.1:");
    has("policy: ", "different maxmemory-policy: allkeys-lru on node_3 (");
    has("eviction: node_3 (", "allkeys-lru drops keys when the 100.00M of maxmemory are full");
    has("balance: node_2 (", "1000 keys are 200 % more than the mean of 333");
    let ignored = "down,role,replica,policy,eviction,balance";
    let ran = check(&["--ignore", ignored]);
    assert_eq!((ran.out().starts_with("ok: "), ran.status), (true, 0), "{}", ran.out());
    let ran = check(&["--json"]);
    let report = json(&ran);
    assert_eq!((&report["ok"], ran.status), (&json!(false), 1));
    let kinds: Vec<&str> =
        report["problems"].as_array().unwrap().iter().map(|problem| problem["kind"].as_str().unwrap()).collect();
    assert!(["down", "role", "replica", "policy", "eviction", "balance"].iter().all(|kind| kinds.contains(kind)));
    assert!(!ran.out().contains("s3cret") && !ran.err().contains("s3cret"), "no password is shown");
}

#[test]
fn replicas_that_are_late() {
    let server = Server::start();
    let replica = Server::replica_of(&server, &[]);
    server.ask(&["SET", "bar", "x"]);
    // It says that all is well, and has nothing.
    let stuck = ScriptedPeer::answering(|words| match words[0].to_ascii_uppercase().as_slice() {
        b"INFO" => {
            let info =
                "role:slave\r\nmaster_host:m\r\nmaster_port:1\r\nmaster_link_status:up\r\nslave_repl_offset:0\r\n";
            format!("${}\r\n{info}\r\n", info.len()).into_bytes()
        }
        _ => b":0\r\n".to_vec(),
    });
    let master_of = |replica: String| {
        let text = json!({"nodes": {"a": server.address(), "r": replica}, "master_of": {"a": "r"}});
        let file = server.dir().join("late.json");
        std::fs::write(&file, text.to_string()).expect("a file in the server's directory");
        rediscluster(&["--config", file.to_str().expect("UTF-8"), "nodes", "--check", "--max-lag", "0.3"])
    };
    let ran = master_of(stuck.address());
    assert!(ran.status == 1 && ran.out().starts_with("replica: r ("), "{}", ran.out());
    assert!(ran.out().trim_end().ends_with("bytes behind what its master had 0.3 s before"), "{}", ran.out());
    server.wait_for_replica(&replica);
    assert_eq!(master_of(replica.address()).status, 0);
    replica.freeze();
    let ran = run(&nodes([&server]), &["--deadline", "0.5", "nodes", "--check"]);
    replica.thaw();
    assert!(ran.status == 1 && ran.out().starts_with("down: node_1/"), "{}", ran.out());
}

#[test]
fn two_versions() {
    let others = std::env::var("REDISCLUSTER_SERVERS").unwrap_or_default();
    let server = Server::start();
    let version = |server: &Server| {
        ["valkey_version", "redis_version"].map(|field| server.field("server", field)).into_iter().flatten().next()
    };
    let paths = others.lines().filter_map(|line| line.split_whitespace().last());
    let other =
        paths.map(|path| Server::builder().binary(path).start()).find(|other| version(other) != version(&server));
    let Some(other) = other else {
        println!("SKIPPED: no server of another version in REDISCLUSTER_SERVERS");
        return;
    };
    let ran = run(&nodes([&server, &other]), &["nodes", "--check"]);
    assert!(ran.status == 1 && ran.out().starts_with("version: node_"), "{}", ran.out());
    let told = ran.out();
    assert!([&server, &other].iter().all(|server| told.contains(&version(server).expect("a version"))), "{told}");
}
