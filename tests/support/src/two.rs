//! Two servers behind wires, for commands that take several steps over both.

use crate::{Cut, Reply, Server, Wire};
use rediscluster::{cmd, Cluster, Error, Execute, Stash, StashContent, Value};

/// The kinds of cuts, and whether only one connection is cut.
const CUTS: [(Cut, bool); 6] = [
    (Cut::BeforeCommand, false),
    (Cut::BeforeCommand, true),
    (Cut::BeforeReply, false),
    (Cut::BeforeReply, true),
    (Cut::Late, false),
    (Cut::Late, true),
];

/// A cluster of two servers, each behind a wire that can be cut. `bar` lives on the first one, `foo` on the second.
#[derive(Debug)]
pub struct Two {
    /// What the servers hold is asked without the wires.
    pub servers: [Server; 2],
    /// The wires to them.
    pub wires: [Wire; 2],
    /// The cluster, by way of the wires.
    pub cluster: Cluster,
}

impl Two {
    /// Starts them.
    pub fn start() -> Two {
        let servers = [Server::start(), Server::start()];
        let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
        let builder = Cluster::builder().masters_only(true);
        let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect();
        let cluster = cluster.expect("two servers were started");
        assert_eq!((cluster.node_for("bar").name(), cluster.node_for("foo").name()), ("node_1", "node_2"));
        // A new connection is asked something of its own: what is counted on a wire begins with the first command.
        cluster.execute(cmd("PING")).expect("both servers answer");
        Two { servers, wires, cluster }
    }

    /// The server that a key lives on.
    pub fn home_of(&self, key: &str) -> &Server {
        &self.servers[usize::from(self.cluster.node_for(key).name() == "node_2")]
    }

    /// Runs a command whose words are parted by spaces.
    pub fn run(&self, line: &str) -> Result<Value, Error> {
        let mut words = line.split(' ');
        self.cluster.execute(cmd(words.next().expect("a command")).args_of(words.collect::<Vec<_>>()))
    }

    /// Runs the command from the same beginning once for every cut of either wire, until none is met; with cuts that
    /// stay, and with cuts that end one connection only. After each run `check` is told what was done and what came of
    /// it; once more when what was late has arrived.
    pub fn cut_everywhere(&self, begin: &[&[&str]], line: &str, check: impl Fn(&str, &Result<Value, Error>)) {
        let mut cuts = 0;
        for (at, wire) in self.wires.iter().enumerate() {
            for (cut, once) in CUTS {
                for nth in 0.. {
                    for server in &self.servers {
                        server.ask(&["FLUSHALL"]);
                    }
                    for command in begin {
                        assert!(!matches!(self.home_of(command[1]).ask(command), Reply::Error(_)));
                    }
                    if once {
                        wire.cut_once_at(nth, cut);
                    } else {
                        wire.cut_at(nth, cut);
                    }
                    let result = self.run(line);
                    let is_cut = wire.is_cut();
                    let how = if once { " once" } else { "" };
                    let story = format!("{line}, node_{} cut{how} {cut:?} {nth}: {result:?}", at + 1);
                    check(&story, &result);
                    self.wires.iter().for_each(Wire::mend);
                    if cut == Cut::Late {
                        check(&format!("arrived: {story}"), &result);
                    }
                    if let Err(error) = &result {
                        assert!(error.command().is_some() && error.node().is_some(), "{story}");
                    }
                    if !is_cut {
                        assert!(result.is_ok(), "{story}");
                        break;
                    }
                    cuts += 1;
                }
            }
        }
        assert!(cuts >= 10, "only {cuts} cuts were met");
    }

    /// The stashes on either server. Those that are sealed are left out: they hold nothing and go by themselves.
    pub fn stashes(&self) -> Vec<Stash> {
        let mut stashes = Vec::new();
        for server in &self.servers {
            let Reply::Array(names) = server.ask(&["KEYS", "rediscluster:stash:*"]) else { panic!("no names") };
            for name in names {
                let Reply::Bulk(name) = name else { panic!("{name:?} is no name") };
                let stash = Stash::parse(&name).unwrap_or_else(|| panic!("{} is not known", name.escape_ascii()));
                let is_string = server.ask(&[&b"TYPE"[..], &name]).text() == "string";
                if !is_string || stash.content() == StashContent::Value {
                    stashes.push(stash);
                } else {
                    let left = server.ask(&[&b"TTL"[..], &name]).int();
                    assert!((1..=3600).contains(&left), "{stash} goes by itself, in {left} s");
                }
            }
        }
        stashes
    }
}
