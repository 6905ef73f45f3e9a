//! Two servers behind wires on which connections end at every byte.

use rediscluster::prelude::*;
use rediscluster::{Error, Protocol};
use rediscluster_testing::{Chaos, Fault, Reply, Server, Talk, Way};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// More than any call here takes, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(5);

/// A key as the server has it: without its tag.
pub fn bare(key: &str) -> &str {
    key.split('{').next().unwrap_or(key)
}

/// Whether really every byte is cut. Otherwise some are left out that differ from others in little: `CUTS=all` makes it long.
pub fn all() -> bool {
    std::env::var("CUTS").is_ok_and(|cuts| cuts == "all")
}

/// Numbers below `end`, one in so many of them, beginning somewhere: each run takes others. With `CUTS=all`, all.
pub fn one_in(step: usize, end: usize) -> impl Iterator<Item = usize> {
    let step = if all() { 1 } else { step };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.subsec_micros() as usize % step..end).step_by(step)
}

/// An error says what failed, and where.
pub fn assert_named<T: Debug>(result: &Result<T, Error>, story: &str) {
    if let Err(error) = result {
        assert!(error.command().is_some() && error.node().is_some(), "unnamed: {error:?}: {story}");
    }
}

/// A server, and a connection to ask it, because it is asked so often.
pub struct Asked {
    server: Server,
    talk: RefCell<Talk>,
}

impl Asked {
    pub fn start(server: Server) -> Asked {
        let talk = RefCell::new(server.talk(DEADLINE).unwrap());
        Asked { server, talk }
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    pub fn ask(&self, words: &[&str]) -> Reply {
        self.talk.borrow_mut().call(words).unwrap()
    }
}

/// Two servers behind wires: `bar` lives on the first, `foo` on the second.
pub struct Two {
    protocol: Protocol,
    pub servers: [Asked; 2],
    pub wires: [Chaos; 2],
    pub cluster: Cluster,
    round: Cell<u64>,
}

impl Two {
    /// In RESP2, and then in RESP3 with a push before every reply.
    pub fn both() -> impl Iterator<Item = Two> {
        [Protocol::Resp2, Protocol::Resp3].into_iter().map(Two::start)
    }

    fn start(protocol: Protocol) -> Two {
        let servers = [(); 2].map(|()| Asked::start(Server::start()));
        let wires = [Chaos::to(servers[0].port()), Chaos::to(servers[1].port())];
        if protocol == Protocol::Resp3 {
            wires.iter().for_each(Chaos::push_before_replies);
        }
        let builder = Cluster::builder().masters_only(true).protocol(protocol).deadline(DEADLINE);
        let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
        assert_eq!((cluster.node_for("bar").name(), cluster.node_for("foo").name()), ("node_1", "node_2"));
        Two { protocol, servers, wires, cluster, round: Cell::new(0) }
    }

    pub fn home_of(&self, key: &str) -> &Asked {
        &self.servers[usize::from(self.cluster.node_for(key).name() == "node_2")]
    }

    /// The server and the name of each stash that does not go by itself.
    pub fn stashes(&self) -> Vec<(usize, String)> {
        let mut stashes = Vec::new();
        for (at, server) in self.servers.iter().enumerate() {
            let Reply::Array(names) = server.ask(&["KEYS", "rediscluster:stash:*"]) else { panic!("no names") };
            let lasting = |name: &String| server.ask(&["TTL", name]).int() == -1;
            stashes.extend(names.iter().map(Reply::text).filter(lasting).map(|name| (at, name)));
        }
        stashes
    }

    /// Empties the servers and has them run these.
    pub fn begin(&self, begin: &[&[&str]]) {
        self.servers.iter().for_each(|server| assert_eq!(server.ask(&["FLUSHALL"]), Reply::ok()));
        for command in begin {
            let mut words = command.to_vec();
            words[1] = bare(words[1]);
            assert!(!matches!(self.home_of(command[1]).ask(&words), Reply::Error(_)));
        }
    }

    /// The next calls get their own replies, from both nodes: what they ask for was never there before.
    pub fn assert_sound(&self, story: &str) {
        self.round.set(self.round.get() + 1);
        let round = self.round.get();
        self.servers[0].ask(&["SET", "probe", &format!("first {round}")]);
        self.servers[1].ask(&["SET", "probe", &format!("second {round}")]);
        let keys = ["probe{bar}", "probe{foo}"];
        let expected = [format!("first {round}"), format!("second {round}")];
        for (key, expected) in keys.iter().zip(&expected) {
            assert_eq!(&self.cluster.get::<_, String>(key).unwrap(), expected, "{story}");
        }
        assert_eq!(self.cluster.mget::<_, Vec<String>>(keys).unwrap(), expected, "{story}");
    }

    /// Runs it from the same beginning once for every byte at which a connection can end: on either wire, in either
    /// direction, closed or reset, and in replies by something that is none. `check` is told what came of it and how.
    pub fn cut_everywhere<T: Debug>(
        &self,
        begin: &[&[&str]],
        run: impl Fn(&Cluster) -> Result<T, Error>,
        check: impl Fn(&Result<T, Error>, &str),
    ) {
        let (mut cuts, mut failed) = (0, 0);
        for (at, wire) in self.wires.iter().enumerate() {
            for way in [Way::ToServer, Way::ToClient] {
                self.begin(begin);
                wire.heal();
                let result = run(&self.cluster);
                assert!(result.is_ok(), "nothing went wrong: {result:?}");
                let bytes = wire.carried(way);
                // Requests are the same in both protocols.
                let step = match (self.protocol, way) {
                    (Protocol::Resp2, _) => 1,
                    (_, Way::ToClient) => 2,
                    (_, Way::ToServer) => 9,
                };
                // Two line feeds are wrong anywhere: one may be the end of a reply, and then the other one is too much.
                let garbage = (way == Way::ToClient).then(|| Fault::Insert(b"\n\n".to_vec()));
                let faults: Vec<Fault> = [Fault::Fin, Fault::Rst].into_iter().chain(garbage).collect();
                for (byte, fault) in one_in(step, bytes).flat_map(|byte| faults.iter().map(move |fault| (byte, fault)))
                {
                    self.begin(begin);
                    wire.set(way, byte, fault.clone());
                    let started = Instant::now();
                    let result = run(&self.cluster);
                    let fired = wire.fired();
                    wire.heal();
                    let at = at + 1;
                    let story =
                        format!("{:?}, node_{at}, {way:?}, {fault:?} at {byte} of {bytes}: {result:?}", self.protocol);
                    assert!(started.elapsed() < DEADLINE, "it took until the deadline: {story}");
                    assert_named(&result, &story);
                    check(&result, &story);
                    self.assert_sound(&story);
                    cuts += fired;
                    failed += usize::from(result.is_err());
                }
            }
        }
        println!("{:?}: {cuts} cuts, {failed} errors", self.protocol);
        assert!(cuts >= 40, "only {cuts} cuts were met");
        let has_pushed = self.wires.iter().any(|wire| wire.sorts().contains_key("push"));
        assert_eq!(has_pushed, self.protocol == Protocol::Resp3, "pushes are for RESP3");
    }
}
