//! Servers with TLS, and Unix sockets.

mod program;
#[path = "../../tls/tests/support/mod.rs"]
mod support;

use program::{answered, redis_cli, rediscluster, rediscluster_with, run, Ran};
use rediscluster_testing::{Reply, Server};
use support::Authority;

/// The complaint.
#[track_caller]
fn failed(ran: &Ran) -> String {
    assert_ne!(ran.status, 0, "{}", ran.out());
    ran.out() + &ran.err()
}

#[test]
fn two_servers_with_tls() {
    let authority = Authority::new();
    let Some(first) = authority.start("the command line with TLS", &[]) else { return };
    let Some(second) = authority.start("the command line with TLS", &[]) else { return };
    let ca = authority.file();
    let plain = format!("node_1={},node_2={}", first.address(), second.address());
    let urls = format!("node_1=rediss://{},node_2=rediss://localhost:{}", first.address(), second.port);
    for options in [&["--tls", "--cacert", &ca, "--nodes", &plain][..], &["--cacert", &ca, "--nodes", &urls]] {
        let run = |words: &[&str]| rediscluster(&[options, words].concat());
        answered(&run(&["mset", "foo", "1", "bar", "2"]), "OK\n");
        answered(&run(&["mget", "bar", "foo"]), "2\n1\n");
        assert_eq!(second.server.ask(&["GET", "foo"]), Reply::bulk("1"));
        let nodes = run(&["nodes"]);
        assert!(nodes.out().contains(&first.address()) && nodes.status == 0, "{}{}", nodes.out(), nodes.err());
        answered(&run(&["recover"]), "no stashes\n");
    }
    // By the file, whose options are the same.
    let file = first.server.dir().join("cluster.toml");
    let text = format!("tls = true\ncacert = \"{ca}\"\n[nodes]\nnode_1 = \"{}\"\n", first.address());
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    answered(&rediscluster(&["--config", file, "get", "bar"]), "2\n");
    let url = format!("rediss://{}", first.address());
    answered(&rediscluster(&["--direct", &url, "--cacert", &ca, "get", "bar"]), "2\n");
    let environment = [("REDISCLUSTER_NODES", urls.as_str())];
    answered(&rediscluster_with(&["--cacert", &ca, "get", "foo"], &environment, b""), "1\n");
    // redis-cli takes the same options.
    let port = first.port.to_string();
    let options = ["--tls", "--cacert", &ca, "-h", "127.0.0.1", "-p", &port, "get", "bar"];
    if let Some(redis_cli) = redis_cli("TLS") {
        answered(&run(redis_cli, &options, &[], b""), "2\n");
    }
}

#[test]
fn whom_it_trusts() {
    let authority = Authority::new();
    let Some(server) = authority.start("whom the command line trusts", &[]) else { return };
    let node = format!("node_1=rediss://{}", server.address());
    let other = Authority::new();
    let run = |options: &[&str]| rediscluster(&[&["--node", &node], options, &["ping"]].concat());
    let said = failed(&run(&["--cacert", &other.file()]));
    assert!(said.contains("UnknownIssuer") && said.contains(&server.address()), "{said}");
    let said = failed(&run(&["--cacert", &authority.file(), "--sni", "other.example"]));
    assert!(said.contains("not valid for name"), "{said}");
    answered(&run(&["--cacert", &authority.file(), "--sni", "localhost"]), "PONG\n");
    answered(&run(&["--insecure"]), "PONG\n");
    let [certificate, key] = authority.sign(&["client"]);
    let said = failed(&run(&["--cacert", &key]));
    assert!(said.contains("holds no certificate"), "{said}");
    let said = failed(&run(&["--insecure", "--cert", &certificate, "--key", &certificate]));
    assert!(said.contains("does not hold PEM"), "{said}");
    // Without TLS the server is not understood, and not waited for longer than told.
    let plain = format!("node_1={}", server.server.address());
    failed(&rediscluster(&["--node", &plain, "--tls", "--insecure", "--deadline", "1", "ping"]));
}

#[test]
fn a_certificate_of_its_own() {
    let authority = Authority::new();
    let Some(server) = authority.start("client certificates", &["--tls-auth-clients", "yes"]) else { return };
    let (node, ca) = (format!("node_1=rediss://{}", server.address()), authority.file());
    let [certificate, key] = authority.sign(&["client"]);
    let with = |own: &[&str]| rediscluster(&[&["--node", &node, "--cacert", &ca], own, &["ping"]].concat());
    answered(&with(&["--cert", &certificate, "--key", &key]), "PONG\n");
    let said = failed(&with(&[]));
    assert!(said.contains("CertificateRequired"), "{said}");
}

#[test]
fn a_unix_socket() {
    let server = Server::builder().args(&["--unixsocket", "redis.sock"]).password("secret").start();
    let socket = server.dir().join("redis.sock");
    let socket = socket.to_str().unwrap();
    let node = format!("node_1=unix://:secret@{socket}?db=2");
    answered(&rediscluster(&["--node", &node, "set", "foo", "bar"]), "OK\n");
    assert_eq!(server.ask_in(2, &["GET", "foo"]), Reply::bulk("bar"));
    let nodes = rediscluster(&["--node", &node, "nodes"]);
    assert!(nodes.out().contains(socket) && !nodes.out().contains("secret"), "{}{}", nodes.out(), nodes.err());
    let direct = format!("unix://secret@{socket}?db=2");
    answered(&rediscluster(&["--direct", &direct, "get", "foo"]), "bar\n");
    let said = failed(&rediscluster(&["--node", "node_1=unix:///nosuch.sock", "get", "foo"]));
    assert!(said.contains("unix:///nosuch.sock") && said.contains("No such file"), "{said}");
}
