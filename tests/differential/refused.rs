//! What one server refuses because of how many arguments or keys there are, any number of nodes refuse in the same words,
//! with nothing applied: for every row of the table, one by one, in a pipeline, in a transaction and while keys are watched.

use crate::commands::Command;
use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, KeySpec, RequestPolicy, Row, WaitArgument};
use rediscluster::{Cmd, Error, ErrorKind, Outcome, Value};
use rediscluster_testing::{cluster_of, named_programs, Reply, Server};
use std::collections::BTreeSet;
use std::path::Path;

/// Counts of keys that are none, or too large, or not written as servers write numbers.
const COUNTS: [&str; 15] = [
    "0",
    "-1",
    "3",
    "100",
    "-9223372036854775808",
    "9223372036854775807",
    "18446744073709551616",
    "x",
    "",
    "1.5",
    "+1",
    "01",
    "-0",
    " 1",
    "0x1",
];

fn words(line: &str) -> Command {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn built(command: &Command) -> Cmd {
    command[1..].iter().fold(cmd(std::str::from_utf8(&command[0]).unwrap()), Cmd::arg)
}

/// Commands of a row with a wrong count of keys, and with none.
fn miscounted(spec: &Row) -> Vec<Command> {
    let Some(KeySpec::Numkeys(at, _)) = spec.keys.last() else { return Vec::new() };
    let mut head = words(spec.name);
    while head.len() < *at {
        head.push(match (spec.wait, spec.group) {
            (WaitArgument::FirstSeconds, _) => b"0.01".to_vec(),
            (_, spec::Group::Scripting) => b"return 1".to_vec(),
            _ => b"destination".to_vec(),
        });
    }
    let tails = ["a b", "a", "a b LEFT", "a{x} b{y} MIN"];
    let counted = |count: &str| {
        let counted = [head.clone(), vec![count.as_bytes().to_vec()]].concat();
        tails.iter().map(move |tail| [counted.clone(), words(tail)].concat()).collect::<Vec<_>>()
    };
    COUNTS.iter().flat_map(|count| counted(count)).collect()
}

/// Commands of a row with too few arguments, and with too many where that can be.
fn of_wrong_length(spec: &Row) -> Vec<Command> {
    let name = words(spec.name);
    let fewest = usize::from(spec.arity.unsigned_abs());
    let most = if spec.arity > 0 { fewest + 1 } else { fewest };
    let command = |length: usize| {
        let args = std::iter::repeat(b"a".to_vec()).take(length - name.len());
        name.iter().cloned().chain(args).collect::<Command>()
    };
    (name.len()..=most).filter(|&length| !spec.takes(length)).map(command).collect()
}

/// What one server says, when it is an error.
fn said(server: &Server, command: &Command) -> Option<String> {
    match server.ask(command) {
        Reply::Error(text) => Some(text),
        _ => None,
    }
}

fn expect(way: &str, command: &Command, result: Result<Value, Error>, wanted: &str) {
    let shown = command.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ");
    let error = result.err().unwrap_or_else(|| panic!("{shown} {way} is taken, and one server says {wanted}"));
    assert_eq!((error.message(), error.outcome()), (wanted, Outcome::NotApplied), "{shown} {way}: {error:?}");
}

/// By any way in which a command can be given.
fn compare(cluster: &Cluster, command: &Command, wanted: &str) {
    expect("by itself", command, cluster.execute(built(command)), wanted);
    let mut pipeline = cluster.pipeline();
    let slot = pipeline.execute(built(command));
    expect("in a pipeline", command, pipeline.run_each().get(slot), wanted);
    let mut transaction = cluster.transaction();
    transaction.set("applied{a}", 1);
    let slot = transaction.execute(built(command));
    expect("in a transaction", command, transaction.run_each().and_then(|replies| replies.get(slot)), wanted);
    let watched = cluster.watch(["a"], |watched| {
        let mut transaction = watched.transaction();
        transaction.set("applied{a}", 1);
        let slot = transaction.execute(built(command));
        transaction.run_each().and_then(|replies| replies.get(slot))
    });
    expect("in a transaction that watches", command, watched, wanted);
    let spec = spec::find(&[command[0].as_slice()]);
    if spec.is_some_and(|spec| spec.access == Access::Read) {
        let read = cluster.watch(["a"], |watched| watched.execute(built(command)));
        expect("while a key is watched", command, read, wanted);
    }
    assert_eq!(cluster.exists(["applied{a}"]).unwrap(), 0, "nothing of a transaction is applied");
}

#[test]
fn a_wrong_count_of_keys_is_refused_in_the_words_of_one_server() {
    let programs = named_programs();
    match programs.is_empty() {
        true => miscount(None),
        false => programs.iter().for_each(|(name, path)| {
            println!("{name}");
            miscount(Some(path));
        }),
    }
}

fn miscount(program: Option<&Path>) {
    let server = || match program {
        Some(path) => Server::builder().binary(path).start(),
        None => Server::start(),
    };
    let servers: Vec<Server> = (0..3).map(|_| server()).collect();
    let one = server();
    // A pool of one connection: nobody may need two.
    let several = cluster_of(&servers).pool_size(1).connect().unwrap();
    let mut refused = BTreeSet::new();
    for spec in spec::ALL {
        for command in miscounted(spec) {
            // Without keys a script runs, and what runs is none of this test. Some commands are of newer servers.
            let Some(wanted) = said(&one, &command).filter(|said| !said.starts_with("ERR unknown command")) else {
                continue;
            };
            refused.insert(spec.name);
            let built = built(&command);
            if spec.key_positions(built.args()).is_none() {
                compare(&several, &command, &wanted);
            } else if several.plan(&built).is_ok() {
                // The count takes an option for a key.
                expect("by itself", &command, several.execute(built), &wanted);
            }
        }
    }
    let counts_keys = |spec: &&&Row| matches!(spec.keys.last(), Some(KeySpec::Numkeys(..)));
    let is_known = |name: &&str| one.ask(&["COMMAND", "INFO", *name]) != Reply::Array(vec![Reply::Nil]);
    let known: BTreeSet<&str> = spec::ALL.iter().filter(counts_keys).map(|spec| spec.name).filter(is_known).collect();
    assert_eq!(refused, known);
    assert_eq!(servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum::<i64>(), 0);
}

/// Of a row without keys, that goes to every server or to one that the caller names, the servers' words come anyway.
#[test]
fn a_wrong_number_of_arguments_is_refused_in_the_words_of_one_server() {
    let (servers, one) = ([Server::start(), Server::start()], Server::start());
    let cluster = cluster_of(&servers).connect().unwrap();
    let mut compared = 0;
    for spec in spec::ALL {
        if spec.access == Access::Connection || spec.request == RequestPolicy::OneServer {
            continue;
        }
        for command in of_wrong_length(spec) {
            let Some(wanted) = said(&one, &command) else { panic!("{command:?} is taken by one server") };
            // Some rows are of newer servers.
            if wanted.starts_with("ERR wrong number of arguments") {
                compared += 1;
                expect("by itself", &command, cluster.execute(built(&command)), &wanted);
            }
        }
    }
    assert!(compared > 300, "{compared}");
    for container in ["OBJECT", "object", "XGROUP", "CONFIG", "ACL", "CLIENT", "MEMORY", "PUBSUB", "Script"] {
        let wanted = said(&one, &words(container)).unwrap();
        expect("by itself", &words(container), cluster.execute(cmd(container)), &wanted);
    }
    let error = cluster.execute(cmd("OBJECT NOSUCH").arg("foo")).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::UnknownCommand, Outcome::NotApplied), "{error}");
}
