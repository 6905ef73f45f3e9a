//! Commands of more than 1,048,576 words, over which servers before Redis 7.0 close the connection: what one server would
//! do in pieces as well goes out in pieces, the rest is refused with the reason, and later servers get all of it.

use rediscluster::prelude::*;
use rediscluster::{Cmd, Error, ErrorKind, Outcome, Value};
use rediscluster_testing::{cluster_of, named_programs, skipped, Server};
use std::time::Duration;

/// More than one command may have.
const MANY: usize = (1 << 20) + 10;

fn old_servers(count: usize) -> Option<Vec<Server>> {
    let programs = named_programs();
    let Some((_, path)) = programs.iter().find(|(name, _)| name.starts_with("redis-6")) else {
        skipped("servers that take a limited number of words: REDISCLUSTER_SERVERS names none");
        return None;
    };
    Some((0..count).map(|_| Server::builder().binary(path).start()).collect())
}

fn connect(servers: &[Server]) -> Cluster {
    // One connection to a server: the pieces must not need more.
    cluster_of(servers).pool_size(1).deadline(Duration::from_secs(120)).connect().unwrap()
}

/// The name of a command, so many times the key `k`, each with a value where there is one, and the keys `a` and `bar`.
fn many(name: &str, count: usize, value: Option<&str>) -> Cmd {
    let keys = std::iter::repeat("k").take(count - 2).chain(["a", "bar"]);
    keys.fold(cmd(name), |cmd, key| value.into_iter().fold(cmd.arg(key), Cmd::arg))
}

fn refused(result: Result<impl Sized, Error>) {
    let error = result.err().expect("older servers do not take it");
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Argument, Outcome::NotApplied), "{error}");
    assert!(error.message().contains("take no more than 1048576; nothing was sent"), "{error}");
}

#[test]
fn reads_and_deletions_go_out_in_pieces() {
    // Nearly all keys are on one of the two nodes.
    let Some(servers) = old_servers(2) else { return };
    let cluster = connect(&servers);
    cluster.mset([("k", 1), ("a", 2), ("bar", 3)]).unwrap();
    assert_ne!(cluster.node_for("k"), cluster.node_for("bar"));
    let mget = many("MGET", MANY, None).reply::<Vec<i64>>();
    let values = cluster.execute(mget.clone()).unwrap();
    assert_eq!((values.len(), &values[MANY - 3..]), (MANY, &[1, 2, 3][..]));
    let mut pipeline = cluster.pipeline();
    pipeline.incr("a");
    let all = pipeline.execute(mget);
    assert_eq!(pipeline.run().unwrap().get(all).unwrap()[MANY - 3..], [1, 3, 3], "a pipeline keeps its order");
    assert_eq!(cluster.execute(many("DEL", MANY, None)).unwrap(), Value::Integer(3));
    for (key, members) in [("k", ["x", "y"]), ("a", ["y", "z"]), ("bar", ["y", "w"])] {
        cluster.sadd(key, members).unwrap();
    }
    for (name, wanted) in [("SUNION", vec!["w", "x", "y", "z"]), ("SINTER", vec!["y"]), ("SDIFF", vec![])] {
        let mut members: Vec<String> = cluster.execute(many(name, MANY, None).reply()).unwrap();
        members.sort();
        assert_eq!(members, wanted, "{name}");
    }
}

#[test]
fn what_would_be_done_all_at_once_is_refused_before_anything_is_sent() {
    let Some(servers) = old_servers(2) else { return };
    let cluster = connect(&servers);
    let mset = many("MSET", MANY / 2 + 10, Some("v"));
    refused(cluster.execute(mset.clone()));
    let mut pipeline = cluster.pipeline();
    let slot = pipeline.execute(mset);
    refused(pipeline.run_each().get(slot));
    // A step of what is done in several is refused as well.
    refused(cluster.execute(many("PFCOUNT", MANY, None)));
    let exists = (0..MANY).fold(cmd("EXISTS"), |cmd, _| cmd.arg("k"));
    refused(cluster.on(cluster.node_for("k").name()).unwrap().execute(exists.clone()));
    let mut transaction = cluster.transaction();
    transaction.set("k", 1);
    transaction.execute(exists.clone());
    refused(transaction.run());
    refused(cluster.watch(vec!["k"; MANY], |_| Ok(())));
    refused(cluster.watch(["k"], |watched| watched.execute(exists.clone())));
    refused(cluster.execute(many("MSETNX", MANY / 2 + 10, Some("v"))));
    assert_eq!(cluster.get::<_, Option<String>>("k").unwrap(), None, "the connections are as they were");
    for server in &servers {
        assert_eq!((server.calls("mset"), server.calls("multi"), server.ask(&["DBSIZE"]).int()), (0, 0, 0));
    }
}

#[test]
fn later_servers_take_all_of_it() {
    let servers = [Server::start()];
    let cluster = connect(&servers);
    cluster.execute(many("MSET", MANY / 2 + 10, Some("v"))).unwrap();
    assert_eq!(cluster.execute(many("EXISTS", MANY, None)).unwrap(), Value::Integer(MANY as i64));
    assert_eq!((servers[0].calls("mset"), servers[0].calls("exists")), (1, 1));
}

/// A piece that fails ends it, and what was deleted before is told.
#[test]
fn a_piece_that_fails_is_told() {
    let Some(servers) = old_servers(1) else { return };
    servers[0].ask(&["ACL", "SETUSER", "lim", "on", ">pw", "~k", "+@all"]);
    let cluster = cluster_of(&servers).username("lim").password("pw").deadline(Duration::from_secs(120));
    let cluster = cluster.connect().unwrap();
    cluster.set("k", 1).unwrap();
    let error = cluster.execute(many("DEL", MANY, None)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::Partial), "{error}");
    let told: Vec<(Outcome, usize)> = error.parts().iter().map(|part| (part.outcome, part.keys.len())).collect();
    assert_eq!(told, [(Outcome::Applied, (1 << 20) - 1), (Outcome::NotApplied, 11)]);
    assert_eq!(cluster.execute(cmd("EXISTS").arg("k")).unwrap(), Value::Integer(0));
}
