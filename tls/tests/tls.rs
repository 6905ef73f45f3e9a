//! Clusters whose connections have TLS, on real servers.

mod support;

use rediscluster::prelude::*;
use rediscluster::{Builder, ErrorKind, Event, Outcome, Protocol};
use rediscluster_testing::{wait_until, Reply, ScriptedPeer};
use rediscluster_tls::rustls::crypto::ring;
use rediscluster_tls::rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer};
use rediscluster_tls::rustls::{ClientConfig, RootCertStore};
use rediscluster_tls::Tls;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Authority, TlsServer};

fn trusting(authority: &Authority) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der())).unwrap();
    Tls::trusting(roots)
}

fn cluster_of(authority: &Authority, servers: &[TlsServer]) -> Builder {
    let builder = Cluster::builder().connector(trusting(authority));
    servers.iter().zip(1..).fold(builder, |builder, (server, at)| {
        builder.node(format!("node_{at}"), format!("rediss://{}", server.address()))
    })
}

/// Two servers with TLS. Nothing is to be done when there is none.
fn pair(test: &str) -> Option<(Authority, [TlsServer; 2])> {
    let authority = Authority::new();
    let servers = [authority.start(test, &[])?, authority.start(test, &[])?];
    Some((authority, servers))
}

#[test]
fn commands_go_to_the_right_nodes() {
    let Some((authority, servers)) = pair("commands") else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let cluster = cluster_of(&authority, &servers).protocol(protocol).client_name("encrypted").connect().unwrap();
        cluster.set("foo", "bar").unwrap();
        assert_eq!(servers[1].server.ask(&["GET", "foo"]), Reply::bulk("bar"));
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
        cluster.mset([("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        assert_eq!(cluster.mget::<_, Vec<String>>(["c", "b", "a"]).unwrap(), ["3", "2", "1"]);
    }
    // By the name of its host, which must be in the certificate.
    let named = Cluster::builder().node("node_1", format!("rediss://localhost:{}/3", servers[0].port));
    let cluster = named.connector(trusting(&authority)).connect().unwrap();
    cluster.set("foo", "in 3").unwrap();
    assert_eq!(servers[0].server.ask_in(3, &["GET", "foo"]), Reply::bulk("in 3"));
}

#[test]
fn the_version_before() {
    let authority = Authority::new();
    let Some(server) = authority.start("TLS 1.2", &["--tls-protocols", "TLSv1.2"]) else { return };
    let servers = [server];
    let cluster = cluster_of(&authority, &servers).connect().unwrap();
    cluster.set("foo", "bar").unwrap();
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
}

#[test]
fn replicas_are_reached_with_tls() {
    let Some((authority, servers)) = pair("replicas") else { return };
    let [master, replica] = &servers;
    // The master lists the port that replication uses, which is that for TLS.
    let follow = ["REPLICAOF", "127.0.0.1", &master.port.to_string()];
    for server in &servers {
        assert_eq!(server.server.ask(&["CONFIG", "SET", "tls-replication", "yes"]), Reply::ok());
    }
    assert_eq!(replica.server.ask(&follow), Reply::ok());
    wait_until("the replica is online", || master.server.info("replication").contains("state=online"));
    wait_until("its link is up", || replica.server.field("replication", "master_link_status").as_deref() == Some("up"));
    let cluster = cluster_of(&authority, &servers[..1]).connect().unwrap();
    cluster.set("foo", "bar").unwrap();
    wait_until("the replica has it", || cluster.get::<_, Option<String>>("foo").unwrap().is_some());
    assert!(replica.server.calls("get") > 0, "{:?}", cluster.topology());
}

#[test]
fn large_values_both_ways() {
    let Some((authority, servers)) = pair("large values") else { return };
    let cluster = cluster_of(&authority, &servers).deadline(Duration::from_secs(60)).connect().unwrap();
    let value: Vec<u8> = (0..32u32 << 20).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect();
    cluster.set("foo", &value[..]).unwrap();
    assert_eq!(servers[1].server.ask(&["STRLEN", "foo"]), Reply::Int(32 << 20));
    assert!(cluster.get::<_, Vec<u8>>("foo").unwrap() == value);
}

#[test]
fn long_pipelines() {
    let Some((authority, servers)) = pair("pipelines") else { return };
    let cluster = cluster_of(&authority, &servers).deadline(Duration::from_secs(60)).connect().unwrap();
    let mut pipeline = cluster.pipeline();
    let slots: Vec<_> = (0..10_000)
        .map(|at| {
            (&mut pipeline).set(format!("key:{at}"), at);
            (&mut pipeline).get::<_, u32>(format!("key:{at}"))
        })
        .collect();
    let replies = pipeline.run().unwrap();
    for (at, slot) in (0..).zip(slots) {
        assert_eq!(replies.get(slot).unwrap(), at);
    }
    // Requests and replies that fit no buffer, so that both sides would wait for one another if we only wrote.
    let value = vec![b'x'; 256 << 10];
    let mut pipeline = cluster.pipeline();
    let slots: Vec<_> = (0..200)
        .map(|_| {
            (&mut pipeline).set("foo", &value[..]);
            (&mut pipeline).get::<_, Vec<u8>>("foo")
        })
        .collect();
    let replies = pipeline.run().unwrap();
    for slot in slots {
        assert!(replies.get(slot).unwrap() == value);
    }
}

#[test]
fn a_subscriber_reads_while_it_asks_for_more() {
    let Some((authority, servers)) = pair("a subscriber") else { return };
    let cluster = cluster_of(&authority, &servers).connect().unwrap();
    let mut subscriber = cluster.subscriber();
    subscriber.subscribe(["news"]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0..2_000 {
                cluster.publish("news", at).unwrap();
            }
        });
        let mut next = 0;
        while next < 2_000 {
            if next % 100 == 0 {
                subscriber.subscribe([format!("other:{next}")]).unwrap();
            }
            let Some(Event::Message(message)) = subscriber.next_timeout(Duration::from_secs(20)).unwrap() else {
                panic!("a message")
            };
            assert_eq!(message.payload::<u32>().unwrap(), next);
            next += 1;
        }
    });
    // Another thread ends a wait that has no end.
    let stopper = subscriber.stopper();
    let stopped = std::thread::spawn(move || subscriber.next().is_none());
    stopper.stop();
    assert!(stopped.join().unwrap(), "nothing comes any more");
}

#[test]
fn whom_we_do_not_trust() {
    let Some((authority, servers)) = pair("trust") else { return };
    let refused = |builder: Builder| {
        let error = builder.connect().unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
        assert!(error.to_string().contains("node_1 (127.0.0.1:"), "{error}");
        error.to_string()
    };
    let said = refused(cluster_of(&Authority::new(), &servers[..1]));
    assert!(said.contains("certificate") && said.contains("UnknownIssuer"), "{said}");
    let other = trusting(&authority).server_name("other.example").unwrap();
    let said = refused(cluster_of(&authority, &servers[..1]).connector(other));
    assert!(said.contains("not valid for name"), "{said}");
    // A server without TLS.
    let plain = Cluster::builder().node("node_1", format!("rediss://{}", servers[0].server.address()));
    refused(plain.connector(trusting(&authority)).connect_timeout(Duration::from_secs(1)));
    assert!(Tls::trusting(RootCertStore::empty()).server_name("no name").is_err());
}

#[test]
fn a_handshake_that_stalls_ends_at_the_deadline() {
    let authority = Authority::new();
    for script in [0, 1] {
        let peer = ScriptedPeer::new(move |mut stream| {
            let mut bytes = [0; 64];
            // Nothing; or the beginning of a record, byte by byte, so that no single wait is long.
            while let Ok(1..) = std::io::Read::read(&mut stream, &mut bytes) {
                for byte in [22, 3, 3, 64, 0].into_iter().chain([0; 200]).take(script * 200) {
                    if std::io::Write::write_all(&mut stream, &[byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        let builder = Cluster::builder().node("node_1", format!("rediss://{}", peer.address()));
        let builder = builder.connector(trusting(&authority)).connect_timeout(Duration::from_millis(400));
        let began = Instant::now();
        let error = builder.connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains("deadline passed while connecting"), "{error}");
        let took = began.elapsed();
        assert!((Duration::from_millis(390)..Duration::from_millis(1_500)).contains(&took), "{took:?}");
    }
}

#[test]
fn a_frozen_server_is_left_at_the_deadline() {
    let Some((authority, servers)) = pair("deadlines") else { return };
    let cluster = cluster_of(&authority, &servers).deadline(Duration::from_millis(300)).connect().unwrap();
    cluster.set("foo", "1").unwrap();
    servers[1].server.freeze();
    let began = Instant::now();
    let error = cluster.set("foo", "2").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
    // More than the buffers of any socket hold.
    let error = cluster.set("foo", vec![b'x'; 64 << 20]).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    servers[1].server.thaw();
    wait_until("it answers again", || cluster.set("foo", "3").is_ok());
}

#[test]
fn a_server_that_is_killed_is_noticed() {
    let Some((authority, mut servers)) = pair("kills") else { return };
    let cluster = cluster_of(&authority, &servers).deadline(Duration::from_secs(20)).connect().unwrap();
    cluster.set("foo", "1").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cluster.blpop::<_, String, String>(["list{foo}"], Duration::from_secs(15)));
        wait_until("it waits", || servers[1].server.field("clients", "blocked_clients").as_deref() == Some("1"));
        servers[1].server.kill();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    });
    let error = cluster.get::<_, Option<String>>("foo").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{error}");
    servers[1].server.restart();
    assert_eq!(cluster.set("foo", "2").map_err(|error| error.to_string()), Ok(()));
}

#[test]
fn idle_connections() {
    let Some((authority, servers)) = pair("idle connections") else { return };
    let cluster = cluster_of(&authority, &servers[..1]).connect().unwrap();
    let opened = || cluster.pools()[0].opened;
    // What a server sends behind the handshake, such as session tickets, does not make a connection look used. It is
    // looked at when it lay unused for longer than a moment.
    let begun = opened();
    for _ in 0..3 {
        let mut transaction = cluster.transaction();
        let slot = (&mut transaction).incr::<_>("counter");
        let replies = transaction.run().unwrap();
        assert!(replies.get(slot).unwrap() > 0);
    }
    std::thread::sleep(Duration::from_millis(1));
    cluster.set("foo", 1).unwrap();
    assert!(opened() - begun <= 1, "{} connections", opened() - begun);
    // One that the server closed is noticed before a command is lost on it.
    let begun = opened();
    servers[0].server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    // But for the one that asks.
    let clients = || servers[0].server.field("clients", "connected_clients");
    wait_until("they are closed", || clients().as_deref() == Some("1"));
    cluster.set("foo", 2).unwrap();
    assert_eq!(opened() - begun, 1);
}

#[test]
fn a_client_with_a_certificate() {
    let authority = Authority::new();
    let Some(server) = authority.start("client certificates", &["--tls-auth-clients", "yes"]) else { return };
    let servers = [server];
    // That it has none the server says instead of the first reply.
    let error = cluster_of(&authority, &servers).connect().unwrap_err();
    assert!(error.to_string().contains("CertificateRequired") && error.to_string().contains("node_1"), "{error}");
    let [certificate, key] = authority.sign(&["client"]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(certificate).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    let cluster = cluster_of(&authority, &servers).connector(Tls::new(config)).connect().unwrap();
    cluster.set("foo", "bar").unwrap();
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
}

#[test]
fn rediss_is_never_spoken_in_the_clear() {
    let error = Cluster::builder().node("node_1", "rediss://h").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("Builder::connector"), "{error}");
    let error = Cluster::builder().open("rediss://user:canary@h").unwrap_err();
    assert!(error.message().contains("Builder::connector") && !error.to_string().contains("canary"), "{error}");
}
