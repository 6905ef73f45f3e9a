//! Commands that the table does not have: by a row of the user's own, or with keys that the caller marks.

use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, KeySpec, RequestPolicy, ResponsePolicy, Spec, WaitArgument};
use rediscluster::{Cancel, ErrorKind, Outcome};
use rediscluster_testing::{cluster_of, Reply, Server};
use std::time::Duration;

static FETCH: Spec = Spec::new("FETCH", 2, Access::Read, &[KeySpec::Range(1, 1, 1)]);
static FETCH_SEVERAL: Spec = Spec::new("FETCHALL", -2, Access::Read, &[KeySpec::Range(1, -1, 1)]);

/// Two servers that know commands by names of their own, as modules bring them.
fn servers() -> Vec<Server> {
    let renamed = ["--rename-command", "GET", "FETCH", "--rename-command", "MGET", "FETCHALL"];
    (0..2).map(|_| Server::start_with(&renamed)).collect()
}

#[test]
fn a_row_of_ones_own_routes_and_reads() {
    let servers = servers();
    let replica = Server::replica_of(&servers[1], &["--rename-command", "GET", "FETCH"]);
    let cluster = cluster_of(&servers).spec(&FETCH).spec(&FETCH_SEVERAL).connect().unwrap();
    cluster.set("foo", "x").unwrap();
    servers[1].wait_for_replica(&replica);
    let value: String = cluster.execute(cmd("fetch").arg("foo").reply()).unwrap();
    assert_eq!(value, "x");
    assert_eq!((replica.calls("fetch") + replica.calls("get"), servers[1].calls("get")), (1, 0), "a read");
    let error = cluster.execute(cmd("FETCHALL").arg("foo").arg("bar")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossNode, "{error}");
    let error = cluster.execute(cmd("FETCH")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(
        cluster.plan(&cmd("FETCH").arg("foo")).unwrap().steps()[0].node().name(),
        format!("node_2/{}", replica.address())
    );
}

#[test]
fn a_marked_key_leads_to_its_node() {
    let servers = servers();
    let cluster = cluster_of(&servers).connect().unwrap();
    let error = cluster.execute(cmd("FETCH").arg("foo")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommand, "{error}");
    cluster.set("a{foo}", "x").unwrap();
    let value: String = cluster.execute(cmd("FETCH").key("a{foo}").reply()).unwrap();
    assert_eq!(value, "x");
    assert_eq!(servers[1].ask(&["FETCH", "a"]), Reply::bulk("x"), "the tag is not stored");
    let both: Vec<Option<String>> = cluster.execute(cmd("FETCHALL").key("a{foo}").key("foo").reply()).unwrap();
    assert_eq!(both, [Some("x".to_owned()), None]);
    let error = cluster.execute(cmd("FETCHALL").key("foo").key("bar")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossNode, "{error}");
    let error = cluster.execute(cmd("NOSUCH").key("foo")).unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Server, Some("NOSUCH")), "{error}");
}

/// Asks every server, as the row of `DBSIZE` does.
static COUNT: Spec = {
    let mut spec = Spec::new("COUNT", 1, Access::Read, &[]);
    spec.request = RequestPolicy::AllShards;
    spec.response = ResponsePolicy::AGG_SUM;
    spec
};
static TAKE: Spec = {
    let mut spec = Spec::new("TAKE", -3, Access::Write, &[KeySpec::Range(1, -2, 1)]);
    spec.wait = WaitArgument::LastSeconds;
    spec
};

#[test]
fn a_row_of_ones_own_says_who_gets_it_and_how_long_it_waits() {
    let renamed = ["--rename-command", "DBSIZE", "COUNT", "--rename-command", "BLPOP", "TAKE"];
    let servers: Vec<Server> = (0..2).map(|_| Server::start_with(&renamed)).collect();
    let cluster = cluster_of(&servers).spec(&COUNT).spec(&TAKE).deadline(Duration::from_millis(500)).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    assert_eq!(cluster.execute(cmd("COUNT").reply::<i64>()).unwrap(), 2);
    // It may wait as long as it says on top of what any call may take.
    let take = cmd("TAKE").arg("list").arg(1).reply::<Option<Vec<String>>>();
    assert_eq!(cluster.execute(take.clone()).unwrap(), None);
    let cancel = Cancel::new();
    assert_eq!(cluster.cancelled_by(&cancel).execute(take).unwrap(), None);
}

/// Asks every master, of which one has to succeed.
static FETCH_ANYWHERE: Spec = {
    let mut spec = Spec::new("FETCH", 2, Access::Read, &[]);
    spec.request = RequestPolicy::AllShards;
    spec.response = ResponsePolicy::ONE_SUCCEEDED;
    spec
};

#[test]
fn a_row_of_ones_own_may_want_one_success() {
    let servers = servers();
    let cluster = cluster_of(&servers).spec(&FETCH_ANYWHERE).connect().unwrap();
    let fetched = || cluster.execute(cmd("FETCH").arg("k").reply::<String>());
    for server in &servers {
        server.ask(&["RPUSH", "k", "x"]);
    }
    assert_eq!(fetched().unwrap_err().kind(), ErrorKind::WrongType);
    for (server, value) in servers.iter().zip(["first", "second"]) {
        server.ask(&["SET", "k", value]);
        assert_eq!(fetched().unwrap(), value);
        server.ask(&["DEL", "k"]);
        server.ask(&["RPUSH", "k", "x"]);
    }
}

#[test]
fn the_server_judges_how_many_words_a_command_with_one_key_has() {
    let servers = servers();
    let cluster = cluster_of(&servers).spec(&FETCH).connect().unwrap();
    let error = cluster.execute(cmd("FETCH").arg("foo").arg("OPTION")).unwrap_err();
    assert!(error.is_server(), "{error}");
}

#[test]
fn a_row_of_the_table_that_is_given_stays_what_it_is() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).spec(&spec::MGET).connect().unwrap();
    cluster.mset([("foo", 1), ("bar", 2)]).unwrap();
    assert_eq!(cluster.execute(cmd("MGET").arg("foo").arg("bar").reply::<Vec<i64>>()).unwrap(), [1, 2]);
}

/// `EVAL` as a row of one's own, without keys: for any node, and for every master.
static ANYWHERE: Spec = Spec::new("EVAL", -3, Access::Write, &[]);
static EVERYWHERE: Spec = {
    let mut spec = Spec::new("EVAL", -3, Access::Write, &[]);
    spec.request = RequestPolicy::AllShards;
    spec
};

#[test]
fn a_script_by_a_row_of_ones_own_is_not_sent_twice() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start()).collect();
    let script = "redis.call('INCR','n') return redis.error_reply('LOADING Redis is loading the dataset in memory')";
    for spec in [&ANYWHERE, &EVERYWHERE] {
        let cluster = cluster_of(&servers).spec(spec).connect().unwrap();
        cluster.flushall().unwrap();
        let eval = || cmd("EVAL").arg(script).arg(0);
        let runs = || servers.iter().map(|server| server.ask(&["GET", "n"])).collect::<Vec<_>>();
        let expected = |count: &str| {
            let ran = runs();
            let all_or_one = ran.iter().filter(|run| **run == Reply::bulk(count)).count();
            assert_eq!(all_or_one, if spec.request == RequestPolicy::AllShards { 2 } else { 1 }, "{ran:?}");
        };
        // The server said these words, or the script did: nobody can tell.
        let error = cluster.execute(eval()).unwrap_err();
        assert_eq!((error.outcome(), error.attempts()), (Outcome::Unknown, 1), "{error}");
        expected("1");
        cluster.flushall().unwrap();
        let mut pipeline = cluster.pipeline();
        let slot = pipeline.execute(eval());
        let error = pipeline.run_each().get(slot).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        expected("1");
    }
}

/// Takes one key and waits.
static TAKE_ONE: Spec = {
    let mut spec = Spec::new("TAKE", 3, Access::Write, &[KeySpec::Range(1, 1, 1)]);
    spec.wait = WaitArgument::LastSeconds;
    spec
};

#[test]
fn a_row_of_ones_own_that_waits_for_one_key_waits_in_a_view_that_can_be_cancelled() {
    let servers: Vec<Server> = (0..2).map(|_| Server::start_with(&["--rename-command", "BLPOP", "TAKE"])).collect();
    let cluster = cluster_of(&servers).spec(&TAKE_ONE).connect().unwrap();
    let take = || cmd("TAKE").arg("list").arg("0.01").reply::<Option<Vec<String>>>();
    assert_eq!(cluster.cancelled_by(&Cancel::new()).execute(take()).unwrap(), None);
}
