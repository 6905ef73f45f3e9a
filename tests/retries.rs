//! What is tried again, how often, and what is not. Attempts are counted where they arrive.

use rediscluster::prelude::*;
use rediscluster::{Builder, ErrorKind, Outcome, Retries, SortOptions, Value};
use rediscluster_testing::{cluster_of, dead_address, greet, wait_until, Cut, Reply, ScriptedPeer, Server, Wire};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
const HANG_UP: &[u8] = b"";

/// A server that gives these answers, one after the other, and the last one from then on; it counts.
struct Answers {
    peer: ScriptedPeer,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn new(answers: &'static [&'static [u8]]) -> Answers {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let peer = ScriptedPeer::master(move |_| {
            answers[count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)].to_vec()
        });
        Answers { peer, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn builder(&self) -> Builder {
        Cluster::builder().node("node_1", self.peer.address())
    }

    fn cluster(&self) -> Cluster {
        self.builder().build().unwrap()
    }
}

/// Without the waiting.
fn quick(retries: u32) -> Retries {
    Retries::up_to(retries).pauses(Duration::ZERO, Duration::ZERO)
}

#[test]
fn what_a_server_refuses_for_the_moment_is_tried_again() {
    for refusal in [
        LOADING,
        b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
        b"-TRYAGAIN later\r\n",
        b"-ERR max number of clients reached\r\n",
    ] {
        let answers: &'static [&'static [u8]] = vec![refusal, refusal, b"+OK\r\n"].leak();
        let server = Answers::new(answers);
        server.cluster().set("foo", "bar").unwrap();
        assert_eq!(server.asked(), 3);
    }
    let server = Answers::new(&[LOADING]);
    let error = server.cluster().set("foo", "bar").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Loading, Outcome::NotApplied));
    assert_eq!((server.asked(), error.attempts()), (4, 4));
    assert!(error.to_string().contains("in the last of 4 attempts"), "{error}");
    assert!(format!("{error:?}").contains("attempts: 4"), "{error:?}");
}

#[test]
fn a_connection_that_the_server_refuses_with_words_is_not_kept() {
    let peer = ScriptedPeer::new({
        let count = AtomicUsize::new(0);
        move |stream| {
            use std::io::{BufReader, Write};
            let mut reader = BufReader::new(stream);
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            while let Ok(Some(_)) = rediscluster_testing::read_command(&mut reader) {
                let answer: &[u8] = if first { b"-ERR max number of clients reached\r\n" } else { b"+OK\r\n" };
                if reader.get_mut().write_all(answer).is_err() {
                    return;
                }
            }
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    cluster.set("foo", "bar").unwrap();
    assert_eq!(peer.accepted(), 2);
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    for (refusal, kind) in [
        (&b"-READONLY You can't write against a read only replica.\r\n"[..], ErrorKind::ReadOnly),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", ErrorKind::OutOfMemory),
        (b"-NOAUTH Authentication required.\r\n", ErrorKind::NoAuth),
        (b"-WRONGPASS invalid username-password pair\r\n", ErrorKind::WrongPass),
        (b"-NOPERM this user has no permissions\r\n", ErrorKind::NoPerm),
        (b"-WRONGTYPE Operation against a key\r\n", ErrorKind::WrongType),
        (b"-MISCONF errors writing to disk\r\n", ErrorKind::Misconf),
        (b"-ERR syntax error\r\n", ErrorKind::Server),
    ] {
        let answers: &'static [&'static [u8]] = vec![refusal].leak();
        let server = Answers::new(answers);
        let cluster = server.cluster().retries(Retries::up_to(9).also_unknown());
        for error in [cluster.set("foo", "bar").unwrap_err(), cluster.get::<_, Value>("foo").unwrap_err()] {
            assert_eq!((error.kind(), error.attempts()), (kind, 1));
            assert!(!error.to_string().contains("attempt"), "{error}");
        }
        assert_eq!(server.asked(), 2, "{kind:?}");
    }
}

#[test]
fn a_script_may_say_anything_and_is_not_run_again() {
    let server = Answers::new(&[b"-LOADING says the script\r\n"]);
    let cluster = server.cluster().retries(Retries::up_to(9).also_unknown());
    let eval = cmd("EVAL").args_of(["redis.call('INCR', KEYS[1]) return redis.error_reply('LOADING says the script')"]);
    let error = cluster.execute(eval.args_of(["1", "foo"])).unwrap_err();
    assert_eq!((error.outcome(), error.attempts(), server.asked()), (Outcome::Unknown, 1, 1));
}

#[test]
fn a_write_whose_reply_is_lost_is_sent_again_only_where_that_is_asked_for() {
    let server = Answers::new(&[HANG_UP, b"+OK\r\n"]);
    let error = server.cluster().set("foo", "bar").unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Io, Outcome::Unknown, 1));
    assert_eq!(server.asked(), 1);

    let server = Answers::new(&[HANG_UP, b"+OK\r\n"]);
    server.cluster().retries(Retries::default().also_unknown()).set("foo", "bar").unwrap();
    assert_eq!(server.asked(), 2);

    let server = Answers::new(&[HANG_UP]);
    let error = server.cluster().retries(quick(5).also_unknown()).set("foo", "bar").unwrap_err();
    assert_eq!((error.outcome(), error.attempts(), server.asked()), (Outcome::Unknown, 6, 6));
}

#[test]
fn a_read_whose_reply_is_lost_is_sent_again() {
    let server = Answers::new(&[HANG_UP, b"$3\r\nbar\r\n"]);
    assert_eq!(server.cluster().get::<_, String>("foo").unwrap(), "bar");
    assert_eq!(server.asked(), 2);

    let server = Answers::new(&[HANG_UP]);
    let error = server.cluster().get::<_, Value>("foo").unwrap_err();
    assert_eq!((error.kind(), error.attempts(), server.asked()), (ErrorKind::Io, 2, 2));
}

#[test]
fn a_real_reply_that_is_lost() {
    let server = Server::start();
    let wire = Wire::to(&server);
    let cluster = Cluster::builder().node("node_1", wire.address()).masters_only(true).connect().unwrap();
    let again = cluster.retries(Retries::default().also_unknown());
    for (cluster, count) in [(&cluster, 1), (&again, 2)] {
        cluster.del(["foo"]).unwrap();
        wire.cut_once_at(0, Cut::BeforeReply);
        assert_eq!(cluster.incr("foo").is_ok(), count == 2);
        assert_eq!(
            server.ask(&["GET", "foo"]),
            Reply::bulk(count.to_string()),
            "INCR may not be applied twice: it was"
        );
        wire.mend();
        wire.cut_once_at(0, Cut::BeforeCommand);
        let _ = cluster.get::<_, i64>("foo").unwrap();
        assert!(wire.is_cut(), "a read is sent again");
    }
}

#[test]
fn no_retries_means_none() {
    let server = Answers::new(&[LOADING]);
    let none = server.cluster().retries(Retries::none());
    assert_eq!(none.set("foo", "bar").unwrap_err().attempts(), 1);
    assert_eq!(server.asked(), 1);

    let server = Answers::new(&[HANG_UP]);
    let none = server.builder().retries(Retries::none()).build().unwrap();
    assert!(none.get::<_, Value>("foo").is_err());
    assert_eq!(server.asked(), 1);
    let mut pipeline = none.pipeline();
    pipeline.get::<_, Value>("foo");
    assert!(pipeline.run().is_err());
    assert!(none.transaction_of_one().is_err());
    assert_eq!(server.asked(), 3);
    // A view of it may have them again.
    assert!(none.retries(quick(2)).get::<_, Value>("foo").is_err());
    assert_eq!(server.asked(), 6);
}

/// `SORT foo BY ba*` reads `foo` on node_2, where `r` is found, and then looks up `bar` on node_1.
#[test]
fn what_sort_looks_up_is_tried_again_as_any_read() {
    const ONE: &[u8] = b"*1\r\n$1\r\n1\r\n";
    const NOPERM: &[u8] = b"-NOPERM this user has no permissions\r\n";
    let elements = Answers::new(&[b"*1\r\n$1\r\nr\r\n"]);
    for (answers, retries, asked, kind) in [
        (&[LOADING, LOADING, ONE][..], quick(3), 3, None),
        (&[LOADING], quick(3), 4, Some(ErrorKind::Loading)),
        (&[b"-TRYAGAIN later\r\n", ONE], quick(3), 2, None),
        (&[HANG_UP, ONE], Retries::default(), 2, None),
        (&[HANG_UP, HANG_UP, ONE], quick(2), 3, None),
        (&[HANG_UP, HANG_UP, ONE], Retries::default(), 2, Some(ErrorKind::Io)),
        (&[NOPERM, ONE], quick(3), 1, Some(ErrorKind::NoPerm)),
        (&[LOADING, ONE], Retries::none(), 1, Some(ErrorKind::Loading)),
        (&[HANG_UP, ONE], Retries::none(), 1, Some(ErrorKind::Io)),
    ] {
        let answers: &'static [&'static [u8]] = answers.to_vec().leak();
        let server = Answers::new(answers);
        let cluster = server.builder().node("node_2", elements.peer.address()).retries(retries).build().unwrap();
        let sorted = cluster.sort::<_, Vec<String>>("foo", SortOptions::new().by("ba*"));
        let failed = sorted.as_ref().err().map(|error| (error.kind(), error.outcome(), error.attempts()));
        assert_eq!(failed, kind.map(|kind| (kind, Outcome::NotApplied, asked as u32)), "{retries:?} {sorted:?}");
        assert_eq!(server.asked(), asked, "{retries:?} {sorted:?}");
    }
}

trait TransactionOfOne {
    fn transaction_of_one(&self) -> rediscluster::Result<()>;
}

impl TransactionOfOne for Cluster {
    fn transaction_of_one(&self) -> rediscluster::Result<()> {
        let mut transaction = self.transaction();
        transaction.incr("foo");
        transaction.run().map(drop)
    }
}

#[test]
fn a_pipeline_is_sent_again_once_where_nothing_of_it_was_applied() {
    let run = |cluster: &Cluster, writes: bool| {
        let mut pipeline = cluster.pipeline();
        if writes {
            pipeline.incr("foo");
        }
        pipeline.get::<_, Value>("foo");
        pipeline.run().map(drop)
    };
    let dead = Cluster::builder().node("node_1", dead_address()).build().unwrap();
    assert_eq!((run(&dead, true).unwrap_err().attempts(), dead.pools()[0].opened), (2, 2));
    assert_eq!((run(&dead.retries(Retries::none()), true).unwrap_err().attempts(), dead.pools()[0].opened), (1, 3));
    let server = Answers::new(&[HANG_UP, b"$-1\r\n"]);
    run(&server.cluster(), false).unwrap();
    assert_eq!(server.asked(), 2);
    let server = Answers::new(&[HANG_UP]);
    let error = run(&server.cluster().retries(quick(9).also_unknown()), true).unwrap_err();
    assert_eq!((error.outcome(), error.attempts(), server.asked()), (Outcome::Unknown, 1, 1));
}

#[test]
fn a_transaction_that_was_not_begun_is_begun_again() {
    let server = Answers::new(&[HANG_UP, LOADING, b"+OK\r\n", b"+QUEUED\r\n", b"*1\r\n:1\r\n"]);
    server.cluster().transaction_of_one().unwrap();
    assert_eq!(server.asked(), 5);
    // After EXEC nobody knows.
    let server = Answers::new(&[b"+OK\r\n", b"+QUEUED\r\n", HANG_UP, b"+OK\r\n"]);
    let error = server.cluster().retries(quick(5).also_unknown()).transaction_of_one().unwrap_err();
    assert_eq!((error.outcome(), server.asked()), (Outcome::Unknown, 3));
}

#[test]
fn a_dead_server_is_tried_once_more_at_once() {
    let dead = Cluster::builder().node("node_1", dead_address()).build().unwrap();
    let opened = || dead.pools()[0].opened;
    let error = dead.set("foo", "bar").unwrap_err();
    assert_eq!((error.kind(), error.attempts(), opened()), (ErrorKind::Connect, 2, 2));
    let error = dead.get::<_, Value>("foo").unwrap_err();
    assert_eq!((error.kind(), error.attempts(), opened()), (ErrorKind::Connect, 2, 4));
    let error = dead.retries(quick(6)).set("foo", "bar").unwrap_err();
    assert_eq!((error.attempts(), opened()), (7, 11));
    let error = dead.retries(Retries::none()).set("foo", "bar").unwrap_err();
    assert_eq!((error.attempts(), opened()), (1, 12));
    let error = dead.mset([("foo", 1), ("bar", 2)]).unwrap_err();
    assert_eq!((error.attempts(), opened()), (2, 14));
}

#[test]
fn a_server_that_starts_again_is_waited_for_where_that_is_asked_for() {
    let mut servers = [Server::start()];
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(60)).connect().unwrap();
    cluster.set("foo", "old").unwrap();
    servers[0].kill();
    let opened = || cluster.pools()[0].opened;
    let before = opened();
    std::thread::scope(|scope| {
        // The first attempt goes over the dead connection in the pool, which may take the bytes.
        let retries = Retries::up_to(30).pauses(Duration::from_secs(1), Duration::from_secs(4));
        let patient = cluster.retries(retries.also_unknown());
        let writer = scope.spawn(move || patient.set("foo", "new"));
        wait_until("it was tried", || opened() >= before + 2);
        servers[0].restart();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(servers[0].ask(&["GET", "foo"]), Reply::bulk("new"));
    // An idle connection that the server closed is replaced before anything is sent: that is no retry.
    servers[0].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(cluster.retries(Retries::none()).get::<_, String>("foo").unwrap(), "new");
}

#[test]
fn when_the_budget_is_spent_nothing_is_tried_again() {
    let server = Answers::new(&[LOADING]);
    let cluster = server.cluster().retries(quick(1));
    for _ in 0..30 {
        assert_eq!(cluster.set("foo", "bar").unwrap_err().attempts(), 2);
    }
    let calls = 400;
    (30..calls).for_each(|_| drop(cluster.set("foo", "bar")));
    let retries = server.asked() - calls;
    assert!((calls / 10..=calls / 10 + 32).contains(&retries), "{retries} retries");
    // All views have the same, however many retries they ask for.
    let attempts = cluster.retries(quick(100)).set("foo", "bar").unwrap_err().attempts();
    assert!(attempts <= 2, "{attempts}");
    assert!(cluster.clone().set("foo", "bar").unwrap_err().attempts() <= 2);
}

#[test]
fn what_died_in_the_pool_needs_no_budget() {
    // Each connection answers one command and hangs up at the next one.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = ScriptedPeer::new(move |stream| {
        use std::io::{BufReader, Write};
        let mut reader = BufReader::new(stream);
        greet(&mut reader);
        if let Ok(Some(_)) = rediscluster_testing::read_command(&mut reader) {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = reader.get_mut().write_all(b"$3\r\nbar\r\n");
            let _ = rediscluster_testing::read_command(&mut reader);
        }
    });
    let cluster = Cluster::builder().node("node_1", peer.address()).build().unwrap();
    for _ in 0..200 {
        assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 200);
    assert_eq!(peer.accepted(), 200);
}

#[test]
fn all_attempts_have_one_deadline() {
    // Each attempt takes by far more than half of the deadline, and by far less than all of it: so far that a busy
    // machine does not matter.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let peer = ScriptedPeer::master(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(3_250));
        Vec::new()
    });
    let builder = Cluster::builder().node("node_1", peer.address()).deadline(Duration::from_secs(5));
    let error = builder.build().unwrap().retries(quick(9)).get::<_, Value>("foo").unwrap_err();
    assert_eq!((error.kind(), error.attempts(), asked.load(Ordering::SeqCst)), (ErrorKind::Timeout, 2, 2));
}

#[test]
fn a_pause_that_would_end_after_the_deadline_is_not_begun() {
    let server = Answers::new(&[LOADING]);
    let years = Duration::from_secs(1 << 32);
    let cluster = server.cluster().retries(Retries::up_to(9).pauses(years, years));
    let error = cluster.set("foo", "bar").unwrap_err();
    assert_eq!((error.kind(), error.attempts(), server.asked()), (ErrorKind::Loading, 1, 1));
}

#[test]
fn a_reply_that_does_not_fit_names_its_node_also_after_a_retry() {
    let array = b"*1\r\n$1\r\nx\r\n";
    for (first, second, at_fault) in [
        (&[&array[..]][..], &[LOADING, b":1\r\n"][..], "node_2"),
        (&[b":1\r\n"], &[LOADING, array], "node_1"),
        (&[LOADING, b":1\r\n"], &[LOADING, array], "node_1"),
    ] {
        let [first, second] = [first, second].map(|answers| Answers::new(answers.to_vec().leak()));
        let cluster = first.builder().node("node_2", second.peer.address()).build().unwrap();
        let error = cluster.mget::<_, Vec<Value>>(["bar", "foo"]).unwrap_err();
        assert!(error.node().is_some_and(|node| node.starts_with(at_fault)), "{error}");
    }
}

#[test]
fn of_a_command_over_several_nodes_only_what_failed_is_sent_again() {
    // `bar` lives on the first, `foo` on the second.
    let sound = Answers::new(&[b":1\r\n"]);
    let busy = Answers::new(&[LOADING, LOADING, b":1\r\n"]);
    let cluster = sound.builder().node("node_2", busy.peer.address()).build().unwrap();
    assert_eq!(cluster.del(["foo", "bar"]).unwrap(), 2);
    assert_eq!((sound.asked(), busy.asked()), (1, 3));

    let lost = Answers::new(&[HANG_UP, b":1\r\n"]);
    let cluster = sound.builder().node("node_2", lost.peer.address()).build().unwrap();
    let error = cluster.del(["foo", "bar"]).unwrap_err();
    assert_eq!((error.outcome(), lost.asked()), (Outcome::Unknown, 1));
    assert_eq!(sound.asked(), 2);

    let lost = Answers::new(&[HANG_UP, b":1\r\n"]);
    let cluster = sound.builder().node("node_2", lost.peer.address()).build().unwrap();
    assert_eq!(cluster.retries(quick(2).also_unknown()).del(["foo", "bar"]).unwrap(), 2);
    assert_eq!((sound.asked(), lost.asked()), (3, 2));

    let lost = Answers::new(&[LOADING]);
    let cluster = sound.builder().node("node_2", lost.peer.address()).build().unwrap();
    let error = cluster.del(["foo", "bar"]).unwrap_err();
    assert_eq!((error.outcome(), error.attempts(), lost.asked()), (Outcome::Partial, 4, 4));
}

#[test]
fn the_steps_of_a_command_are_never_repeated_on_a_wish_for_the_whole() {
    let servers = [Server::start(), Server::start()];
    let wires = [Wire::to(&servers[0]), Wire::to(&servers[1])];
    let builder = Cluster::builder().masters_only(true).retries(quick(5).also_unknown());
    let cluster = builder.node("node_1", wires[0].address()).node("node_2", wires[1].address()).connect().unwrap();
    let mut cuts = 0;
    for wire in &wires {
        for nth in 0.. {
            wires.iter().for_each(Wire::mend);
            servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
            servers[1].ask(&["RPUSH", "foo", "x"]);
            wire.cut_once_at(nth, Cut::BeforeReply);
            let moved = cluster.execute(cmd("RPOPLPUSH").args_of(["foo", "bar"]));
            if !wire.is_cut() {
                break;
            }
            cuts += 1;
            let copies = servers[0].ask(&["LLEN", "bar"]).int() + servers[1].ask(&["LLEN", "foo"]).int();
            assert!(copies <= 1, "step {nth}: {moved:?}");
        }
        // A step that is repeated would meet what it set itself, and say that somebody else was first.
        for nth in 0.. {
            wires.iter().for_each(Wire::mend);
            servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
            wire.cut_once_at(nth, Cut::BeforeReply);
            let was_set = cluster.execute(cmd("MSETNX").args_of(["foo", "1", "bar", "2"]).reply::<bool>());
            if !wire.is_cut() {
                assert!(was_set.unwrap());
                break;
            }
            cuts += 1;
            assert!(!was_set.as_ref().is_ok_and(|was_set| !was_set), "step {nth}: nobody else was there");
        }
    }
    assert!(cuts >= 7, "{cuts}");
}

#[test]
fn a_replica_that_cannot_serve_is_passed_over_at_once() {
    let master = Server::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let replica = ScriptedPeer::answering(move |words| match &words[0][..] {
        b"INFO" => {
            b"$69\r\nrole:slave\r\nmaster_link_status:up\r\nmaster_host:h\r\nmaster_port:1\r\n\r\n\r\n\r\n".to_vec()
        }
        _ => {
            count.fetch_add(1, Ordering::SeqCst);
            LOADING.to_vec()
        }
    });
    let builder = Cluster::builder().node("node_1", master.address()).node("replica", replica.address());
    let cluster = builder.master_of("node_1", "replica").connect().unwrap();
    assert_eq!(cluster.topology().servers().count(), 2, "{:?}", cluster.topology());
    cluster.set("foo", "bar").unwrap();
    assert_eq!(cluster.get::<_, String>("foo").unwrap(), "bar");
    assert_eq!((asked.load(Ordering::SeqCst), master.calls("get")), (1, 1));
}
