//! A server is killed at every step of a command over two nodes, and comes back from its disk: at once, or when the
//! command has failed. What was there is there, or in a stash that the error names.

use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, Value};
use rediscluster_testing::{Cut, Reply, Server, Wire};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a killed server comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// Before the client learns of it.
    AtOnce,
    /// After the command.
    Later,
}

/// Two servers that keep everything on disk: `bar` lives on the first, `foo` on the second.
struct Two {
    servers: [Arc<Mutex<Server>>; 2],
    wires: [Wire; 2],
    cluster: Cluster,
}

impl Two {
    fn start() -> Two {
        let server = || Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
        let servers = [server(), server()];
        let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
        let builder = Cluster::builder().masters_only(true).deadline(Duration::from_secs(10));
        let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
        assert_eq!((cluster.node_for("bar").name(), cluster.node_for("foo").name()), ("node_1", "node_2"));
        Two { servers: servers.map(|server| Arc::new(Mutex::new(server))), wires, cluster }
    }

    fn server(&self, nth: usize) -> MutexGuard<'_, Server> {
        self.servers[nth].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, line: &str) -> Result<Value, Error> {
        let mut words = line.split(' ');
        self.cluster.execute(cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>()))
    }

    /// Runs the command from the same beginning once for every moment that one of the servers can die in.
    fn kill_everywhere(&self, begin: &[&[&str]], line: &str, check: impl Fn(&str, &Result<Value, Error>)) {
        let mut kills = 0;
        for (at, wire) in self.wires.iter().enumerate() {
            for (when, back) in [
                (Cut::BeforeCommand, Back::AtOnce),
                (Cut::BeforeCommand, Back::Later),
                (Cut::BeforeReply, Back::AtOnce),
                (Cut::BeforeReply, Back::Later),
            ] {
                for nth in 0.. {
                    self.wires.iter().for_each(Wire::mend);
                    for server in 0..2 {
                        self.server(server).ask(&["FLUSHALL"]);
                    }
                    for command in begin {
                        let server = usize::from(self.cluster.node_for(command[1]).name() == "node_2");
                        assert!(!matches!(self.server(server).ask(command), Reply::Error(_)));
                    }
                    let dying = Arc::clone(&self.servers[at]);
                    wire.at(nth, when, move || {
                        let mut dying = dying.lock().unwrap_or_else(PoisonError::into_inner);
                        dying.kill();
                        if back == Back::AtOnce {
                            dying.restart();
                        }
                    });
                    let result = self.run(line);
                    let story = format!("{line}, node_{} dies {when:?} {nth}, back {back:?}: {result:?}", at + 1);
                    let has_happened = wire.has_happened();
                    if has_happened && back == Back::Later {
                        self.server(at).restart();
                    }
                    check(&story, &result);
                    if let Err(error) = &result {
                        assert!(error.command().is_some() && error.node().is_some(), "{story}");
                    }
                    if !has_happened {
                        assert!(result.is_ok(), "{story}");
                        break;
                    }
                    kills += 1;
                }
            }
        }
        println!("{line}: {kills} kills");
        assert!(kills >= 8, "only {kills} kills were met");
    }

    /// Every key of both servers with what it holds.
    fn held(&self) -> Vec<(usize, String, Vec<String>)> {
        let mut held = Vec::new();
        for nth in 0..2 {
            let server = self.server(nth);
            for key in texts(server.ask(&["KEYS", "*"])) {
                let values = match server.ask(&["TYPE", &key]).text().as_str() {
                    "list" => texts(server.ask(&["LRANGE", &key, "0", "-1"])),
                    "set" => texts(server.ask(&["SMEMBERS", &key])),
                    "zset" => texts(server.ask(&["ZRANGE", &key, "0", "-1"])),
                    _ => vec![server.ask(&["GET", &key]).text()],
                };
                held.push((nth, key, values));
            }
        }
        held
    }

    /// `x`, which was in the source, is in the source, or in the destination, or in a stash that the error names.
    fn x_is_not_lost(&self, source: &str, destination: &str, story: &str, result: &Result<Value, Error>) {
        let held = self.held();
        let has =
            |name: &str| held.iter().any(|(_, key, values)| key == name && values.iter().any(|value| value == "x"));
        // A sealed one holds nothing, and goes by itself.
        let holds = |values: &[String]| values != ["sealed"];
        let stashes = held.iter().filter(|(_, key, values)| is_stash(key) && holds(values));
        let stashes: Vec<&String> = stashes.map(|(_, key, _)| key).collect();
        let stashed = stashes.iter().any(|stash| has(stash));
        assert!(has(source) || has(destination) || stashed, "lost: {story}, {held:?}");
        assert!(!(has(source) && has(destination)), "in two places: {story}, {held:?}");
        match result {
            Ok(_) => assert!(has(destination) && stashes.is_empty(), "{story}, {held:?}"),
            Err(error) => {
                for stash in stashes {
                    assert!(error.message().contains(stash.as_str()), "{stash} is not named: {story}");
                }
                match error.outcome() {
                    Outcome::NotApplied => assert!(has(source), "{story}, {held:?}"),
                    Outcome::Applied => assert!(has(destination), "{story}, {held:?}"),
                    Outcome::Partial | Outcome::Unknown => {}
                }
            }
        }
    }
}

fn is_stash(key: &str) -> bool {
    key.starts_with("rediscluster:stash:")
}

fn texts(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Array(items) => items.iter().map(Reply::text).collect(),
        other => panic!("{other:?} is no list"),
    }
}

#[test]
fn a_renamed_value_survives() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["SET", "foo", "x", "PX", "1000000"]];
    two.kill_everywhere(begin, "RENAME foo bar", |story, result| two.x_is_not_lost("foo", "bar", story, result));
    two.kill_everywhere(begin, "RENAMENX foo bar", |story, result| two.x_is_not_lost("foo", "bar", story, result));
}

#[test]
fn a_moved_member_survives() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["SADD", "foo", "x", "y"], &["SADD", "bar", "z"]];
    two.kill_everywhere(begin, "SMOVE foo bar x", |story, result| two.x_is_not_lost("foo", "bar", story, result));
}

#[test]
fn a_moved_element_survives() {
    let two = Two::start();
    for line in ["LMOVE bar foo LEFT RIGHT", "BRPOPLPUSH bar foo 5"] {
        two.kill_everywhere(&[&["RPUSH", "bar", "x"]], line, |story, result| {
            two.x_is_not_lost("bar", "foo", story, result);
        });
    }
}

#[test]
fn a_stored_union_is_whole_or_as_before() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["ZADD", "foo", "1", "x"], &["ZADD", "bar", "2", "old"]];
    two.kill_everywhere(begin, "ZUNIONSTORE bar 2 foo bar", |story, result| {
        let mut held = two.held();
        held.sort();
        let source = (1, "foo".to_owned(), vec!["x".to_owned()]);
        let with = |members: &[&str]| {
            vec![(0, "bar".to_owned(), members.iter().map(|member| (*member).to_owned()).collect()), source.clone()]
        };
        let (before, after) = (with(&["old"]), with(&["x", "old"]));
        match result {
            Ok(_) => assert_eq!(held, after, "{story}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert_eq!(held, before, "{story}"),
            Err(_) => assert!(held == before || held == after, "{story}: {held:?}"),
        }
    });
}

#[test]
fn msetnx_tells_what_it_set() {
    let two = Two::start();
    two.kill_everywhere(&[], "MSETNX foo 1 bar 2", |story, result| {
        let held = two.held();
        match result {
            Ok(reply) => assert_eq!((reply, held.len()), (&Value::Integer(1), 2), "{story}: {held:?}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert!(held.is_empty(), "{story}: {held:?}"),
            Err(_) => assert!(held.iter().all(|(_, key, _)| key == "foo" || key == "bar"), "{story}: {held:?}"),
        }
    });
}
