//! Connections that end at every byte of their handshake: password, protocol, name and database. Nothing of the caller's
//! was sent by then, so everything is `NotApplied`, and what is tried again is done once.

use crate::exchange::{assert_named, one_in, Asked};
use rediscluster::prelude::*;
use rediscluster::{Builder, Error, Outcome, Protocol, Retries};
use rediscluster_testing::{Chaos, Fault, Reply, Server, Way};
use std::time::Duration;

const DATABASE: u32 = 3;

/// Something to call, whatever comes of it.
type Call = fn(&Cluster) -> Result<(), Error>;

/// What counts `foo` up by one, and `bar` as well where it writes to both.
const CALLS: &[(&str, Call)] = &[
    ("INCR", |cluster| cluster.incr("foo").map(drop)),
    ("transaction", |cluster| {
        let mut transaction = cluster.transaction();
        transaction.incr("foo");
        transaction.get::<_, i64>("foo");
        transaction.run().map(drop)
    }),
    ("script", |cluster| cluster.eval::<_, _, _, i64>("return redis.call('INCR', KEYS[1])", ["foo"], "").map(drop)),
    ("pipeline", |cluster| {
        let mut pipeline = cluster.pipeline();
        let counts = [pipeline.incr("foo"), pipeline.incr("bar")];
        let replies = pipeline.run_each();
        let results = counts.map(|count| replies.get(count));
        results.iter().for_each(|result| assert_named(result, "pipeline"));
        results.into_iter().try_for_each(|result| result.map(drop))
    }),
    ("MSET", |cluster| cluster.mset([("foo", 1), ("bar", 1)])),
    ("watch", |cluster| {
        cluster.watch("foo", |watched| {
            let mut transaction = watched.transaction();
            transaction.incr("foo");
            transaction.run().map(drop)
        })
    }),
];

/// Two servers that ask for a password, behind wires: `bar` lives on the first, `foo` on the second.
struct Guarded {
    servers: [Asked; 2],
    wires: [Chaos; 2],
    protocol: Protocol,
    /// How many bytes a client says before it may say something else.
    hello: usize,
}

impl Guarded {
    fn both() -> impl Iterator<Item = Guarded> {
        [Protocol::Resp2, Protocol::Resp3].into_iter().map(Guarded::start)
    }

    fn start(protocol: Protocol) -> Guarded {
        let servers = [(); 2].map(|()| Asked::start(Server::builder().password("secret").start()));
        servers.iter().for_each(|server| assert_eq!(server.ask(&["SELECT", &DATABASE.to_string()]), Reply::ok()));
        let wires = [Chaos::to(servers[0].port()), Chaos::to(servers[1].port())];
        let mut guarded = Guarded { servers, wires, protocol, hello: 0 };
        let connection = guarded.builder().open(guarded.wires[0].address()).unwrap();
        guarded.hello = guarded.wires[0].carried(Way::ToServer);
        assert!(guarded.hello > 60, "AUTH, CLIENT SETNAME and SELECT, and HELLO in RESP3");
        drop(connection);
        if protocol == Protocol::Resp3 {
            guarded.wires.iter().for_each(Chaos::push_before_replies);
        }
        guarded
    }

    fn builder(&self) -> Builder {
        let builder = Cluster::builder().username("default").password("secret").database(DATABASE);
        builder.client_name("chaos").protocol(self.protocol).masters_only(true).deadline(Duration::from_secs(5))
    }

    fn nodes(&self) -> Builder {
        let builder = self.builder().node("node_1", self.wires[0].address());
        builder.node("node_2", self.wires[1].address())
    }

    /// How far `foo` and `bar` have been counted.
    fn counts(&self) -> [i64; 2] {
        let count = |server: &Asked, key| match server.ask(&["GET", key]) {
            Reply::Nil => 0,
            count => count.text().parse().expect("a count"),
        };
        [count(&self.servers[1], "foo"), count(&self.servers[0], "bar")]
    }

    /// Calls it on a new cluster, which has no connections, once for every byte of the handshake with `node_2` and some
    /// more, and gives what came of it and whether it was the handshake that was cut.
    fn cut_everywhere(
        &self,
        step: usize,
        run: impl Fn() -> Result<(), Error>,
        check: impl Fn(Result<(), Error>, bool, &str),
    ) {
        let (mut cuts, mut later, wire) = (0, 0, &self.wires[1]);
        for way in [Way::ToServer, Way::ToClient] {
            wire.heal();
            self.servers.iter().for_each(|server| assert_eq!(server.ask(&["FLUSHALL"]), Reply::ok()));
            run().expect("nothing is cut yet");
            let bytes = wire.carried(way);
            for (byte, fault) in one_in(step, bytes).flat_map(|byte| [(byte, Fault::Fin), (byte, Fault::Rst)]) {
                self.servers.iter().for_each(|server| assert_eq!(server.ask(&["FLUSHALL"]), Reply::ok()));
                wire.set(way, byte, fault.clone());
                let result = run();
                // Of the replies to the handshake one differs in length from the next, because connections are numbered.
                let said = wire.said_before_fault();
                let story =
                    format!("{:?}, {way:?}, {fault:?} at {byte} of {bytes}, {said:?} said: {result:?}", self.protocol);
                let Some(said) = said else { continue };
                assert_named(&result, &story);
                let in_handshake = if way == Way::ToServer { said < self.hello } else { said <= self.hello };
                check(result, in_handshake, &story);
                cuts += usize::from(in_handshake);
                later += usize::from(!in_handshake);
            }
        }
        wire.heal();
        println!("{:?}: {cuts} cuts of handshakes, {later} later", self.protocol);
        assert!(cuts >= 8, "only {cuts} handshakes were cut");
    }
}

#[test]
fn a_call_whose_handshake_is_cut_is_not_applied() {
    for guarded in Guarded::both() {
        for (nth, (name, call)) in CALLS.iter().enumerate() {
            let step = match (nth, guarded.protocol) {
                (0, Protocol::Resp2) => 1,
                (0, Protocol::Resp3) => 2,
                _ => 11,
            };
            let run = || call(&guarded.nodes().retries(Retries::none()).build().unwrap());
            guarded.cut_everywhere(step, run, |result, in_handshake, story| {
                let [of_foo, of_bar] = guarded.counts();
                assert!(of_foo <= 1 && of_bar <= 1, "{name}, twice: {story}");
                match result.as_ref().map_err(Error::outcome) {
                    _ if in_handshake => {
                        assert_eq!(result.unwrap_err().outcome(), Outcome::NotApplied, "{name}: {story}");
                        // A pipeline goes on where it can.
                        assert_eq!((of_foo, of_bar), (0, i64::from(*name == "pipeline")), "{name}: {story}");
                    }
                    Ok(()) => assert_eq!(of_foo, 1, "{name}: {story}"),
                    Err(Outcome::NotApplied) => assert_eq!(of_foo, 0, "{name}: {story}"),
                    Err(Outcome::Applied) => assert_eq!(of_foo, 1, "{name}: {story}"),
                    Err(Outcome::Unknown | Outcome::Partial) => {}
                }
            });
        }
    }
}

#[test]
fn a_handshake_that_is_cut_is_tried_again_once() {
    for guarded in Guarded::both() {
        for (name, call) in CALLS {
            let run = || call(&guarded.nodes().build().unwrap());
            guarded.cut_everywhere(23, run, |result, in_handshake, story| {
                let [of_foo, of_bar] = guarded.counts();
                assert!(of_foo <= 1 && of_bar <= 1, "{name}, twice: {story}");
                if in_handshake {
                    assert!(result.is_ok() && of_foo == 1, "{name}: {story}");
                }
            });
        }
    }
}

#[test]
fn nothing_was_done_where_connecting_is_cut() {
    for guarded in Guarded::both() {
        let not_applied = |result: Result<(), Error>, _: bool, story: &str| {
            assert_eq!(result.unwrap_err().outcome(), Outcome::NotApplied, "{story}");
        };
        let run = || guarded.nodes().retries(Retries::none()).require_all(true).connect().map(drop);
        guarded.cut_everywhere(7, run, not_applied);
        let run = || guarded.builder().open(guarded.wires[1].address()).map(drop);
        guarded.cut_everywhere(7, run, not_applied);
    }
}
