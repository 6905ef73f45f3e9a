//! How often the servers are waited for, counted on the wire: what `Cluster::plan`, the table and so docs/several-nodes.md tell is
//! what a call costs.

use rediscluster::prelude::*;
use rediscluster::spec::{self, WaitArgument};
use rediscluster::{Cmd, Value};
use rediscluster_testing::{wait_until, Reply, Rounds, Server};
use std::collections::BTreeSet;
use std::time::Duration;

/// Servers behind wires, and a cluster of them.
struct Nodes {
    servers: Vec<Server>,
    rounds: Rounds,
    cluster: Cluster,
    /// A key on each node.
    keys: Vec<String>,
    /// Another one on the first node.
    other: String,
}

impl Nodes {
    fn start(count: usize) -> Nodes {
        let servers: Vec<Server> = (0..count).map(|_| Server::start()).collect();
        let rounds = Rounds::to(&servers);
        let near = rounds.addresses();
        let builder = Cluster::builder().masters_only(true).deadline(Duration::from_secs(30));
        let named =
            near.iter().zip(1..).fold(builder, |builder, (near, nth)| builder.node(format!("node_{nth}"), near));
        let cluster = named.connect().unwrap();
        let key = |name: &str, nth: usize| {
            let is_there = |key: &String| cluster.node_for(key).name() == format!("node_{nth}");
            (0..).map(|number| format!("{name}{number}")).find(is_there).unwrap()
        };
        let (keys, other) = ((1..=count).map(|nth| key("k", nth)).collect(), key("other", 1));
        Nodes { servers, rounds, cluster, keys, other }
    }

    /// `A` is the key on the first node, `Z` that on the last, `D` another one on the first, `ALL` stands for all keys, `N` for how many they are, `IDS` for as many
    /// beginnings, and `PAIRS` for all keys with a value.
    fn filled_in(&self, line: &str) -> Vec<String> {
        let words = line.split(' ').flat_map(|word| match word {
            "A" => vec![self.keys[0].clone()],
            "D" => vec![self.other.clone()],
            "Z" => vec![self.keys[self.keys.len() - 1].clone()],
            "ALL" => self.keys.clone(),
            "N" => vec![self.keys.len().to_string()],
            "IDS" => self.keys.iter().map(|_| "0".to_owned()).collect(),
            "PAIRS" => self.keys.iter().flat_map(|key| [key.clone(), "1".to_owned()]).collect(),
            word => vec![word.to_owned()],
        });
        words.collect()
    }

    fn command(&self, line: &str) -> Cmd {
        let words = self.filled_in(line);
        let own = if line.starts_with("FUNCTION") { 2 } else { 1 };
        cmd(&words[..own].join(" ")).args_of(&words[own..])
    }

    /// Empty servers, but for what these lines make, each with the key on the node that it names.
    fn begin(&self, lines: &[&str]) {
        self.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        for line in lines {
            let words = self.filled_in(line);
            let home = self.cluster.node_for(&words[if words[0] == "XGROUP" { 2 } else { 1 }]);
            let nth: usize = home.name()["node_".len()..].parse().unwrap();
            let reply = self.servers[nth - 1].ask(&words);
            assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
        }
    }

    /// Runs a line on the last node, once all nodes are watched.
    fn add_while_it_waits(&self, line: &str) {
        let is_watched = |server: &Server| server.field("clients", "tracking_clients").as_deref() == Some("1");
        wait_until("all nodes are watched", || self.servers.iter().all(is_watched));
        self.servers[self.servers.len() - 1].ask(&self.filled_in(line));
    }

    /// In how many rounds the command runs. A machine that is busy makes a round look like two, and lets a wait be over
    /// before it begins: so it is as `told` when it is so in one of some tries. Without a wait nothing makes it too low.
    fn count(&self, begin: &[&str], line: &str, told: usize) -> usize {
        self.count_with(begin, None, line, told)
    }

    /// The same when this line is run once the command waits.
    fn count_with(&self, begin: &[&str], late: Option<&str>, line: &str, told: usize) -> usize {
        let command = self.command(line);
        // Makes the connections.
        self.begin(&begin.iter().copied().chain(late).collect::<Vec<_>>());
        self.cluster.execute(command.clone()).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut least = usize::MAX;
        for _ in 0..5 {
            self.begin(begin);
            let rounds = std::thread::scope(|scope| {
                if let Some(late) = late {
                    scope.spawn(|| self.add_while_it_waits(late));
                }
                let (given, rounds) = self.rounds.count(|| self.cluster.execute(command.clone()));
                let given = given.unwrap_or_else(|error| panic!("{line}: {error}"));
                assert!(late.is_none() || given != Value::Nil, "{line} was given nothing");
                rounds
            });
            if rounds == told {
                return rounds;
            }
            least = least.min(rounds);
            if least < told && !begin.is_empty() {
                break;
            }
        }
        least
    }
}

/// What is there before, the command, and since when servers have it.
const EMULATED: &[(&[&str], &str, &str)] = &[
    (&["SET A 1"], "MGET ALL", "1.0"),
    (&[], "MSET PAIRS", "1.0"),
    (&["SET A 1"], "EXISTS ALL", "1.0"),
    (&["SET A 1"], "TOUCH ALL", "1.0"),
    (&["SET A 1"], "DEL ALL", "1.0"),
    (&["SET A 1"], "UNLINK ALL", "1.0"),
    (&[], "MSETNX PAIRS", "1.0"),
    (&["SADD A 1 2"], "SUNION ALL", "1.0"),
    (&["SADD A 1 2", "SADD Z 1 3"], "SINTER ALL", "1.0"),
    (&["SADD A 1 2", "SADD Z 1 3"], "SDIFF ALL", "1.0"),
    (&["SADD A 1 2", "SADD Z 1 3"], "SUNIONSTORE D ALL", "1.0"),
    (&["SADD A 1 2", "SADD Z 1 3"], "SINTERSTORE D ALL", "1.0"),
    (&["SADD A 1 2", "SADD Z 1 3"], "SDIFFSTORE D ALL", "1.0"),
    (&["SADD A 1 2"], "SDIFFSTORE Z A", "1.0"),
    (&["SET A 1"], "RENAME A Z", "1.0"),
    (&["SET Z 1 EX 100"], "RENAME Z A", "1.0"),
    (&["SET A 1"], "RENAMENX A Z", "1.0"),
    (&["SADD A 1 2"], "SMOVE A Z 1", "1.0"),
    (&["RPUSH A 1 2"], "RPOPLPUSH A Z", "1.0"),
    (&["RPUSH A 1 2"], "LMOVE A Z LEFT RIGHT", "6.2"),
    (&["RPUSH A 1 2"], "BRPOPLPUSH A Z 5", "1.0"),
    (&["RPUSH A 1 2"], "BLMOVE A Z LEFT RIGHT 5", "6.2"),
    (&["SET A 1"], "COPY A Z", "6.2"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZUNION N ALL", "6.2"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZINTER N ALL", "6.2"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZDIFF N ALL", "6.2"),
    (&["ZADD A 1 x", "ZADD Z 2 x"], "ZINTERCARD N ALL", "7.0"),
    (&["SADD A 1 x", "SADD Z 2 x"], "SINTERCARD N ALL", "7.0"),
    (&["PFADD A 1 x", "PFADD Z 2 x"], "PFCOUNT ALL", "1.0"),
    (&["SET A abc", "SET Z bcd"], "LCS A Z", "7.0"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZUNIONSTORE A N ALL", "1.0"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZINTERSTORE A N ALL", "1.0"),
    (&["ZADD A 1 x", "ZADD Z 2 y"], "ZDIFFSTORE A N ALL", "6.2"),
    (&["ZADD A 1 x"], "ZRANGESTORE Z A 0 -1", "6.2"),
    (&["SET A abc", "SET Z bcd"], "BITOP AND A ALL", "1.0"),
    (&["PFADD A 1 x", "PFADD Z 2 x"], "PFMERGE A ALL", "1.0"),
    (&["RPUSH A 2 1"], "SORT A BY w* GET v* STORE Z", "1.0"),
    (&["RPUSH A 2 1"], "SORT_RO A BY w* GET v*", "7.0"),
    (&["XADD A 1-0 f v"], "XREAD STREAMS ALL IDS", "1.0"),
    (&["XGROUP CREATE A g 0 MKSTREAM", "XGROUP CREATE Z g 0 MKSTREAM"], "XREADGROUP GROUP g c STREAMS A Z > >", "1.0"),
    (&["GEOADD A 13.3 38.1 x"], "GEOSEARCHSTORE Z A FROMLONLAT 13 38 BYRADIUS 200 km", "6.2"),
    (&["GEOADD A 13.3 38.1 x"], "GEORADIUS A 13 38 200 km STORE Z", "1.0"),
    (&["GEOADD A 13.3 38.1 x"], "GEORADIUSBYMEMBER A x 200 km STORE Z", "1.0"),
    (&["RPUSH Z 1"], "LMPOP N ALL LEFT", "7.0"),
    (&["ZADD Z 1 x"], "ZMPOP N ALL MIN", "7.0"),
    // What comes while they wait: that is the longest way.
    (&["RPUSH Z 1"], "BLPOP ALL 20", "1.0"),
    (&["RPUSH Z 1"], "BRPOP ALL 20", "1.0"),
    (&["RPUSH Z 1"], "BLMPOP 20 N ALL LEFT", "7.0"),
    (&["ZADD Z 1 x"], "BZPOPMIN ALL 20", "1.0"),
    (&["ZADD Z 1 x"], "BZPOPMAX ALL 20", "1.0"),
    (&["ZADD Z 1 x"], "BZMPOP 20 N ALL MIN", "7.0"),
    (&["SET A 1"], "RANDOMKEY", "1.0"),
];

#[test]
fn what_is_told_is_what_is_waited_on_two_nodes() {
    what_is_told_is_what_is_waited(2);
}

#[test]
fn what_is_told_is_what_is_waited_on_three_nodes() {
    what_is_told_is_what_is_waited(3);
}

fn what_is_told_is_what_is_waited(count: usize) {
    let nodes = Nodes::start(count);
    let mut wrong = Vec::new();
    for (begin, line, since) in EMULATED {
        if !nodes.servers[0].is_since(since, line) {
            continue;
        }
        let plan = nodes.cluster.plan(&nodes.command(line)).unwrap();
        assert!(!plan.is_native(), "{line} needs several nodes");
        let told = plan.round_trips();
        let row = spec::find(&[line.split(' ').next().unwrap().as_bytes()]).unwrap();
        let measured = match row.across.name() == "first_that_has" && row.wait != WaitArgument::None {
            true => nodes.count_with(&[], Some(begin[0]), line, told),
            false => nodes.count(begin, line, told),
        };
        let of_row = usize::from(row.round_trips());
        if measured != told || (count == 2 && measured != of_row) {
            wrong.push(format!("{line} on {count} nodes: {measured} measured, {told} planned, {of_row} in the table"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_command_that_works_across_nodes_is_measured() {
    let measured: BTreeSet<&str> = EMULATED.iter().map(|(_, line, _)| line.split(' ').next().unwrap()).collect();
    let works = spec::ALL.iter().filter(|row| !row.across.is_atomic());
    let missing: Vec<&str> = works.map(|row| row.name).filter(|name| !measured.contains(name)).collect();
    // WATCH is of a connection of one's own.
    let missing: Vec<&str> = missing.into_iter().filter(|name| *name != "WATCH").collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn one_round_is_enough_for_any_number_of_nodes() {
    let nodes = Nodes::start(5);
    for line in
        ["MGET ALL", "MSET PAIRS", "DEL ALL", "EXISTS ALL", "SUNION ALL", "DBSIZE", "KEYS *", "PING", "FLUSHALL"]
    {
        assert_eq!(nodes.count(&["SADD A 1"][..usize::from(line == "SUNION ALL")], line, 1), 1, "{line}");
    }
    for line in ["GET A", "SET A 1", "MGET A A"] {
        assert_eq!(nodes.count(&[], line, 1), 1, "{line}");
    }
}

#[test]
fn a_wait_is_short_where_there_is_data_and_when_none_comes() {
    let nodes = Nodes::start(3);
    for (push, line) in [("RPUSH", "BLPOP ALL 20"), ("ZADD", "BZPOPMIN ALL 20")] {
        for key in ["A", "Z"] {
            assert_eq!(nodes.count(&[&format!("{push} {key} 1 x")], line, 2), 2, "{line}");
        }
        let in_vain = nodes.command(&line.replace("20", "0.2"));
        nodes.begin(&[]);
        let measured =
            || nodes.rounds.count(|| assert_eq!(nodes.cluster.execute(in_vain.clone()).unwrap(), Value::Nil));
        assert!((0..5).any(|_| measured().1 == 2), "{line}: to look, and to have changes told");
    }
}

#[test]
fn a_destination_that_is_a_source_costs_as_much_as_what_is_carried() {
    let nodes = Nodes::start(3);
    for line in ["SUNIONSTORE A ALL", "SINTERSTORE Z ALL", "SDIFFSTORE A ALL"] {
        let told = nodes.cluster.plan(&nodes.command(line)).unwrap().round_trips();
        assert_eq!((nodes.count(&["SADD A 1 2", "SADD Z 1 3"], line, told), told), (5, 5), "{line}");
    }
}

#[test]
fn one_after_the_other_costs_a_round_each() {
    let nodes = Nodes::start(2);
    nodes.begin(&[]);
    nodes.cluster.on_each_master().ping().unwrap();
    let (given, rounds) = nodes.rounds.count(|| {
        nodes.cluster.execute(nodes.command("GET A"))?;
        nodes.cluster.execute(nodes.command("GET Z"))?;
        nodes.cluster.execute(nodes.command("GET Z"))
    });
    given.unwrap();
    // Otherwise the numbers above would mean nothing.
    assert_eq!(rounds, 3);
}
