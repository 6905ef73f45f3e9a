//! No password appears in what is shown: neither in errors nor in what a debugger or a log prints of any value.

use rediscluster::prelude::*;
use rediscluster::{Builder, Error, ErrorKind, Protocol};
use rediscluster_testing::{dead_address, Chaos, Fault, Reply, ScriptedPeer, Server, Way};
use std::fmt::{Debug, Display};
use std::time::Duration;

const SECRET: &str = "c4n4ry:p@ss/w%rd";
/// The same in a URL.
const IN_URL: &str = "c4n4ry%3Ap%40ss%2Fw%25rd";
/// Makes an answer of what it heard.
type Parrot = fn(&[Vec<u8>]) -> Vec<u8>;

/// What no text may contain: any longer part of the secret, however it is written.
const TRACES: [&str; 3] = ["c4n4ry", "p@ss", "p%40ss"];

#[track_caller]
fn assert_silent(what: &str, shown: &str) {
    for trace in TRACES {
        assert!(!shown.contains(trace), "{what} shows the secret: {shown}");
    }
}

#[track_caller]
fn debug(what: &str, value: &impl Debug) {
    assert_silent(what, &format!("{value:?} {value:#?}"));
}

#[track_caller]
fn both(what: &str, value: &(impl Debug + Display)) {
    assert_silent(what, &format!("{value} {value:#}"));
    debug(what, value);
}

/// The error with all its causes.
#[track_caller]
fn error(what: &str, error: &Error) {
    both(what, error);
    assert_silent(what, &format!("{} {:?}", error.message(), error.parts()));
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        both(what, &next);
        cause = next.source();
    }
    // What a test or a program prints that unwraps it.
    assert_silent(what, &format!("{:?}", Err::<(), _>(error)));
}

/// The ways to give the secret to a cluster of one server at this address.
fn builders(address: &str) -> Vec<(&'static str, Builder)> {
    let node = |builder: Builder| builder.node("node_1", address);
    let url = |user: &str| Cluster::builder().node("node_1", format!("redis://{user}:{IN_URL}@{address}"));
    vec![
        ("a password", node(Cluster::builder().password(SECRET))),
        ("a user", node(Cluster::builder().username("app").password(SECRET))),
        ("a URL with a password", url("")),
        ("a URL with a user", url("app")),
        ("a list", Cluster::builder().nodes(format!("node_1=redis://app:{IN_URL}@{address}"))),
        ("RESP3", node(Cluster::builder().username("app").password(SECRET).protocol(Protocol::Resp3))),
    ]
}

#[test]
fn a_cluster_that_works_and_then_does_not() {
    let mut server = Server::builder().password(SECRET).start();
    let user = ["ACL", "SETUSER", "app", "reset", "on", &format!(">{SECRET}"), "~a*", "&*", "+@all"];
    assert_eq!(server.ask(&user), Reply::ok());
    let wire = Chaos::to(server.port());
    let mut clusters = Vec::new();
    for (name, builder) in builders(&wire.address()) {
        debug(name, &builder);
        let cluster = builder.masters_only(true).deadline(Duration::from_millis(300)).connect().unwrap();
        debug(name, &cluster);
        debug(name, &cluster.topology());
        debug(name, &cluster.pools());
        debug(name, &cluster.on("node_1").unwrap());
        debug(name, &cluster.on_each_master());
        debug(name, &cluster.pipeline());
        debug(name, &cluster.transaction());
        both(name, &cluster.node_for("a"));
        cluster.set("a", 1).unwrap();
        error(name, &cluster.get::<_, Vec<i64>>("a").unwrap_err());
        let mut subscriber = cluster.subscriber();
        subscriber.subscribe("a").unwrap();
        debug(name, &subscriber);
        server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        debug(name, &subscriber.next_timeout(Duration::from_secs(5)).unwrap());
        drop(subscriber);
        for (way, fault) in [
            (Way::ToServer, Fault::Fin),
            (Way::ToClient, Fault::Rst),
            (Way::ToClient, Fault::Pause(Duration::from_millis(400))),
            (Way::ToClient, Fault::Insert(b"@\r\n".to_vec())),
        ] {
            wire.set(way, 0, fault);
            if let Err(failed) = cluster.incr("a") {
                error(name, &failed);
            }
            wire.heal();
        }
        debug(
            name,
            &cluster.watch("a", |watched| {
                debug(name, watched);
                Ok(())
            }),
        );
        clusters.push((name, cluster));
    }
    // The password changes: connections that are made from now on are refused.
    server.ask(&["ACL", "SETUSER", "app", "resetpass", ">another"]);
    server.ask(&["CONFIG", "SET", "requirepass", "another"]);
    let mut talk = rediscluster_testing::Talk::with(server.port(), Some("another"), Duration::from_secs(5)).unwrap();
    talk.call(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
    for (name, cluster) in &clusters {
        cluster.refresh().unwrap_err();
        std::iter::repeat_with(|| cluster.set("a", 1))
            .take(3)
            .filter_map(Result::err)
            .for_each(|failed| error(name, &failed));
        error(name, &cluster.mset([("a", 1), ("a2", 2)]).unwrap_err());
        error(name, &cluster.subscriber().subscribe("a").unwrap_err());
        debug(name, cluster);
    }
    for (name, builder) in builders(&wire.address()) {
        let refused = builder.connect().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WrongPass, "{name}: {refused}");
        error(name, &refused);
    }
    server.kill();
    for (name, cluster) in &clusters {
        error(name, &cluster.set("a", 1).unwrap_err());
        error(name, &cluster.refresh().unwrap_err());
    }
}

#[test]
fn servers_that_are_not_there_or_repeat_what_they_heard() {
    for (name, builder) in builders(&dead_address()) {
        error(name, &builder.connect().unwrap_err());
    }
    let address = dead_address();
    error("open", &Cluster::builder().open(format!("redis://app:{IN_URL}@{address}")).unwrap_err());
    // As servers do that do not know a command.
    let parrots: [(&str, Parrot); 2] = [
        ("with arguments", |words| {
            let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            format!("-ERR unknown command `{}`, with args beginning with: {:?}\r\n", words[0], &words[1..]).into_bytes()
        }),
        ("and hangs up", |_| Vec::new()),
    ];
    for (how, parrot) in parrots {
        let peer = ScriptedPeer::answering(parrot);
        for (name, builder) in builders(&peer.address()) {
            error(&format!("{name}, {how}"), &builder.deadline(Duration::from_secs(1)).connect().unwrap_err());
        }
    }
}

#[test]
fn mistakes_in_a_configuration() {
    let own = |address: &str| Cluster::builder().node("node_1", address);
    let lists = |list: &str| Cluster::builder().nodes(list);
    for (what, builder) in [
        ("a port that is none", own(&format!("redis://app:{IN_URL}@h:port"))),
        ("a port beyond all", own(&format!("redis://app:{IN_URL}@h:99999"))),
        ("no host", own(&format!("redis://app:{IN_URL}@"))),
        ("a database that is none", own(&format!("redis://app:{IN_URL}@h:1/zero"))),
        ("an option", own(&format!("redis://app:{IN_URL}@h:1/0?x=1"))),
        ("TLS", own(&format!("rediss://app:{IN_URL}@h:1"))),
        ("a socket", own(&format!("unix://app:{IN_URL}@/run/redis.sock"))),
        ("another scheme", own(&format!("http://app:{IN_URL}@h:1"))),
        ("no scheme", own(&format!("app:{IN_URL}@h:1"))),
        ("no scheme and no user", own(&format!(":{IN_URL}@h:1"))),
        ("one slash", own(&format!("redis:/app:{IN_URL}@h:1"))),
        ("a percent sign", own("redis://app:c4n4ry%zz@h:1")),
        ("bytes that are no text", own("redis://app:c4n4ry%ff@h:1")),
        ("a blank", own("redis://app:c4n4ry p@ss@h:1")),
        ("a slash in the password", own("redis://app:c4n4ry/p@ss@h:1")),
        ("a hash in the password", own("redis://app:c4n4ry#p@ss@h:1")),
        ("no end", own("redis://app:c4n4ry")),
        ("two nodes of a name", own(&format!("redis://app:{IN_URL}@h:1")).node("node_1", "h:2")),
        ("a list without names", lists(&format!("redis://app:{IN_URL}@h:1"))),
        ("a list without names, the second", lists(&format!("node_1=h:1,redis://app:{IN_URL}@h:1"))),
        ("a list with an empty name", lists(&format!("=redis://app:{IN_URL}@h:1"))),
        ("a list with a gap", lists(&format!("node_1=redis://app:{IN_URL}@h:1,node_3=redis://app:{IN_URL}@h:3"))),
        ("a comma in the password", lists("node_1=redis://app:c4n4ry,p@ss@h:1")),
        (
            "a replica of nobody",
            own("h:1").node("node_2", format!("redis://:{IN_URL}@h:2")).master_of("node_3", "node_2"),
        ),
        ("a deadline of zero", own(&format!("redis://app:{IN_URL}@h:1")).deadline(Duration::ZERO)),
    ] {
        debug(what, &builder);
        match builder.build() {
            Ok(cluster) => {
                debug(what, &cluster);
                both(what, &cluster.node_for("a"));
                debug(what, &cluster.topology());
            }
            Err(failed) => error(what, &failed),
        }
    }
    for address in [format!("app:{IN_URL}@h"), format!("redis://app:{IN_URL}@h:x"), "redis://app:c4n4ry%@h".to_owned()]
    {
        error(&address.replace("c4n4ry", "..."), &Cluster::builder().open(&address).unwrap_err());
    }
}

/// Addresses that somebody wrote badly, with the secret `c4n4ry` at every place where it may end up.
const BADLY_WRITTEN: &[&str] = &[
    "user:c4n4ry",
    "user:c4n4ry@",
    ":c4n4ry",
    ":c4n4ry@",
    ":c4n4ry@host",
    "@c4n4ry@host",
    "c4n4ry@host",
    "c4n4ry@host:6379",
    "user:c4n4ry@host:6379",
    "user:c4n4ry:host:6379",
    "user:c4n4ry host:6379",
    "user c4n4ry@host",
    "user:c4n4ry/0",
    "[c4n4ry]:x",
    "[::1]:c4n4ry",
    "[::1]c4n4ry",
    "[c4n4ry",
    "host:6379:c4n4ry",
    "host:6379@c4n4ry:x",
    "host:6379/c4n4ry",
    "host:c4n4ry:0",
    "c4n4ry:0",
    "c4n4ry:99999",
    "redis:user:c4n4ry@host",
    "redis:/user:c4n4ry@host",
    "redis//user:c4n4ry@host",
    "redis:/c4n4ry",
    "redis://user:c4n4ry",
    "redis://:c4n4ry",
    "redis://c4n4ry:host:6379",
    "redis://user:c4n4ry:host:6379",
    "redis://user:c4n4ry@host:port",
    "redis://user:c4n4ry@host:c4n4ry",
    "redis://user@c4n4ry:host",
    "redis://user:c4n4ry@[::1",
    "redis://user:c4n4ry@",
    "redis://user:c4n4ry@/0",
    "redis://user:c4n4ry/word#more",
    "redis://user:c4n4ry?word",
    "redis://user:c4n4ry%@host",
    "redis://host:6379/c4n4ry",
    "redis://host?password=c4n4ry",
    "rediss://user:c4n4ry",
    "redis+tls://user:c4n4ry@host",
    "user:c4n4ry://host",
    "c4n4ry://host:6379",
    "unix://c4n4ry",
    "unix:/c4n4ry",
    "unix:///c4n4ry@/run/redis.sock",
    "unix:///run/redis.sock?db=c4n4ry",
    "unix:///run/redis.sock?c4n4ry",
];

#[test]
fn addresses_that_are_badly_written() {
    for address in BADLY_WRITTEN {
        let what = address.replace("c4n4ry", "(secret)");
        let builder = || Cluster::builder().deadline(Duration::from_secs(1)).masters_only(true);
        let ways = [
            ("a node", builder().node("node_1", address)),
            ("a list", builder().nodes(format!("node_1={address}"))),
            ("a Sentinel", builder().sentinel("node_1", "mymaster", [address])),
        ];
        for (way, builder) in ways {
            debug(&what, &builder);
            let failed = builder.build().unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Config, "{way}: {what}: {failed}");
            assert!(failed.message().contains("node"), "it says of which node: {failed}");
            error(&format!("{way}: {what}"), &failed);
        }
        let failed = builder().open(address).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Config, "{what}: {failed}");
        error(&what, &failed);
        if let Err(failed) = rediscluster::Address::parse(address) {
            error(&what, &failed);
        }
        if let Err(failed) = rediscluster::Address::new(address, 0) {
            error(&what, &failed);
        }
        // Where a name belongs.
        for (way, builder) in [
            ("a list without names", builder().nodes(address)),
            ("a list without names, with a =", builder().nodes(address.replace("c4n4ry", "c4n4ry=c4n4ry@"))),
            ("its name", builder().node(*address, "host")),
            ("a master", builder().node("node_1", "host").master_of(*address, "node_1")),
            ("a replica", builder().node("node_1", "host").master_of("node_1", *address)),
            ("a node with Sentinels", builder().sentinel(*address, "mymaster", ["h"; 0])),
        ] {
            // Some are names like any other.
            if let Err(failed) = builder.build() {
                error(&format!("{way}: {what}"), &failed);
            }
        }
    }
}

/// Commands that hold passwords.
#[test]
fn commands_with_passwords() {
    let server = Server::start();
    let cluster = Cluster::builder().node("node_1", server.address()).connect().unwrap();
    let passwords =
        [format!(">{SECRET}"), format!("<{SECRET}"), format!("#{SECRET}"), format!("!{SECRET}"), SECRET.into()];
    for password in &passwords {
        if let Err(failed) = cluster.acl_setuser("bob", ["on", password]) {
            error("ACL SETUSER", &failed);
        }
        let command = cmd("ACL SETUSER").arg("bob").arg(password);
        debug("ACL SETUSER", &command);
        debug("ACL SETUSER", &cluster.plan(&command));
        if let Ok(plan) = cluster.plan(&command) {
            plan.steps().iter().for_each(|step| both("ACL SETUSER", step));
        }
    }
    let line = |line: &str| {
        let mut words = line.split(' ').map(|word| if word == "?" { SECRET } else { word });
        cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>())
    };
    for text in [
        "AUTH ?",
        "AUTH app ?",
        "HELLO 3 AUTH app ?",
        "CONFIG SET requirepass",
        "CONFIG SET masterauth ? appendonly maybe",
        "MIGRATE 127.0.0.1 1 a 0 100 AUTH ?",
        "MIGRATE 127.0.0.1 1 a 0 100 AUTH2 app ?",
        "MIGRATE 127.0.0.1 1 a 0 nonsense AUTH2 app ?",
        "NOSUCH ?",
    ] {
        let command = line(text);
        debug(text, &command);
        if let Ok(plan) = cluster.plan(&command) {
            plan.steps().iter().for_each(|step| both(text, step));
            debug(text, &plan);
        }
        if let Err(failed) = cluster.execute(line(text)) {
            error(text, &failed);
        }
        let mut pipeline = cluster.pipeline();
        pipeline.execute(line(text));
        debug(text, &pipeline);
        let replies = pipeline.run_each();
        debug(text, &replies);
        if let Some(Err(failed)) = replies.values().next() {
            error(text, &failed);
        };
    }
}
