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

/// Every side has its own authority, its own user and its own password; the fleet that is copied from is told by a file.
#[test]
fn a_fleet_is_copied_between_users_and_authorities() {
    let (authority, other) = (Authority::new(), Authority::new());
    let start = |authority: &Authority, name: &str, secret: &str| {
        let server = authority.start("a fleet that is copied with TLS", &["--requirepass", "default's"])?;
        let user =
            server.server.ask(&["ACL", "SETUSER", name, "on", &format!(">{secret}"), "~*", "+@all", "-flushall"]);
        assert_eq!(user, Reply::ok());
        Some(server)
    };
    let Some(from) = start(&authority, "reader", "r3ad") else { return };
    let (Some(first), Some(second)) = (start(&other, "writer", "wr1te"), start(&other, "writer", "wr1te")) else {
        return;
    };
    for number in 0..40 {
        from.server.ask(&["SET", &format!("key:{number}"), "x", "PXAT", "4000000000123"]);
    }
    let file = from.server.dir().join("from.toml");
    let node = format!("rediss://reader:r3ad@{}", from.address());
    std::fs::write(&file, format!("cacert = \"{}\"\n[nodes]\nnode_1 = \"{node}\"\n", authority.file())).unwrap();
    let source = format!("@{}", file.to_str().unwrap());
    let into = from.server.dir().join("to.toml");
    let node = |server: &support::TlsServer| format!("rediss://writer:wr1te@{}", server.address());
    let nodes = format!("[nodes]\nnode_1 = \"{}\"\nnode_2 = \"{}\"\n", node(&first), node(&second));
    std::fs::write(&into, format!("cacert = \"{}\"\n{nodes}", other.file())).unwrap();
    let target = format!("@{}", into.to_str().unwrap());
    let words = ["clone", "--from", &source, "--to", &target, "--untagged"];
    let done = |ran: &Ran| {
        assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
        let said = ran.out() + &ran.err();
        assert!(!said.contains("r3ad") && !said.contains("wr1te") && !said.contains("default's"), "{said}");
    };
    done(&rediscluster(&words));
    let job = first.server.ask(&["HGETALL", "rediscluster:job"]);
    assert!(!format!("{job:?}").contains("wr1te") && !format!("{job:?}").contains("r3ad"), "{job:?}");
    done(&rediscluster(&["--config", into.to_str().unwrap(), "recover"]));
    done(&rediscluster(&[&words[..], &["--finish"]].concat()));
    done(&rediscluster(&["compare", "--from", &source, "--to", &target, "--untagged"]));
    let count = |server: &support::TlsServer| server.server.ask(&["DBSIZE"]).int();
    assert_eq!(count(&first) + count(&second), 40);
    assert!(count(&first) > 0 && count(&second) > 0);
    // Another's password, and another's authority.
    std::fs::write(&into, format!("cacert = \"{}\"\n{}", other.file(), nodes.replace("wr1te", "r3ad"))).unwrap();
    let said = failed(&rediscluster(&words));
    assert!(said.contains("WRONGPASS") && !said.contains("r3ad"), "{said}");
    std::fs::write(&into, format!("cacert = \"{}\"\n{nodes}", authority.file())).unwrap();
    let said = failed(&rediscluster(&words));
    assert!(said.contains("UnknownIssuer") && !said.contains("wr1te"), "{said}");
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

/// Runs openssl, which makes certificates of version 1 where it is not told otherwise.
fn openssl(words: &[&str]) -> bool {
    std::process::Command::new("openssl").args(words).output().is_ok_and(|ran| ran.status.success())
}

#[test]
fn certificates_of_version_1() {
    let authority = Authority::new();
    let Some(server) = authority.start("certificates of version 1", &[]) else { return };
    let dir = server.server.dir();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    for (kind, making) in
        [("rsa", &["genrsa", "-out"][..]), ("ec", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])]
    {
        let [key, request, certificate] = ["key", "request", "pem"].map(|end| path(&format!("{kind}.{end}")));
        let made = openssl(&[making, &[key.as_str()]].concat())
            && openssl(&["req", "-new", "-key", &key, "-subj", "/CN=127.0.0.1", "-out", &request])
            && openssl(&["x509", "-req", "-in", &request, "-signkey", &key, "-days", "2", "-out", &certificate]);
        if !made {
            return rediscluster_testing::skipped("no openssl here, so no certificate of version 1");
        }
        let set = server.server.ask(&["CONFIG", "SET", "tls-key-file", &key, "tls-cert-file", &certificate]);
        assert_eq!(set.text(), "OK");
        let node = format!("node_1=rediss://{}", server.address());
        for version in ["TLSv1.2", "TLSv1.3"] {
            server.server.ask(&["CONFIG", "SET", "tls-protocols", version]);
            answered(&rediscluster(&["--node", &node, "--insecure", "ping"]), "PONG\n");
            let said = failed(&rediscluster(&["--node", &node, "--cacert", &certificate, "ping"]));
            assert!(said.contains("X.509 version 1") && said.contains("subjectAltName"), "{said}");
        }
    }
}

#[test]
fn what_speaks_another_protocol_is_named() {
    let authority = Authority::new();
    let Some(server) = authority.start("what speaks another protocol", &[]) else { return };
    let http = rediscluster_testing::ScriptedPeer::new(|mut stream| {
        let mut bytes = [0; 512];
        let _ = std::io::Read::read(&mut stream, &mut bytes);
        let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let resp = rediscluster_testing::ScriptedPeer::new(|mut stream| {
        let mut bytes = [0; 512];
        let _ = std::io::Read::read(&mut stream, &mut bytes);
        let _ = std::io::Write::write_all(&mut stream, b"-ERR unknown command\r\n");
    });
    let run = |address: &str, options: &[&str]| {
        let options = [&["--direct", address, "--deadline", "2"], options, &["ping"]].concat();
        failed(&rediscluster(&options))
    };
    let said = run(&server.address(), &[]);
    // It may hang up before its answer can be read.
    assert!(said.contains(" TLS") && said.contains("rediss://"), "{said}");
    let said = run(&server.server.address(), &["--tls", "--insecure"]);
    assert!(said.contains("redis://"), "{said}");
    let said = run(&resp.address(), &["--tls", "--insecure"]);
    assert!(said.contains("does not speak TLS") && said.contains("redis://"), "{said}");
    for options in [&[][..], &["--tls", "--insecure"]] {
        let said = run(&http.address(), options);
        assert!(said.contains("speaks HTTP"), "{said}");
    }
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
