//! The programs in `examples/` do what they print, as processes of their own, and what they promise when a node dies.

use rediscluster::prelude::*;
use rediscluster::{Cancel, Error, ErrorKind, Outcome};
use rediscluster_testing::{cluster_of, dead_address, home_of, wait_until, Reply, Server};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

#[allow(dead_code)] // `main`
#[path = "../examples/cache.rs"]
mod cache;
#[allow(dead_code)]
#[path = "../examples/event_stream.rs"]
mod event_stream;
#[allow(dead_code)]
#[path = "../examples/job_queue.rs"]
mod job_queue;
#[allow(dead_code)]
#[path = "../examples/leaderboard.rs"]
mod leaderboard;
#[allow(dead_code)]
#[path = "../examples/rate_limiter.rs"]
mod rate_limiter;

/// The program of an example. `cargo test --test examples` does not build those, and what lies there may be old.
fn program(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap(); // target/debug/deps/examples-…
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--examples", "--manifest-path"]);
        cargo.arg(rediscluster_testing::repository().join("Cargo.toml"));
        cargo.arg("--target-dir").arg(profile.parent().unwrap());
        cargo.args(profile.ends_with("release").then_some("--release"));
        assert!(cargo.status().unwrap().success(), "the examples are built");
        profile.join("examples")
    });
    directory.join(name)
}

fn nodes(servers: &[Server]) -> String {
    let nodes: Vec<String> =
        servers.iter().zip(1..).map(|(server, number)| format!("node_{number}={}", server.address())).collect();
    nodes.join(",")
}

/// Runs an example to its end, which it has to come to by itself.
fn run(name: &str, nodes: &str) -> Output {
    let mut command = Command::new(program(name));
    command.env("REDISCLUSTER_NODES", nodes).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What it prints fits into the pipe, so it can end before anybody reads.
    wait_until("the example ends by itself", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}

/// What an example prints that succeeds.
fn printed(name: &str, servers: &[Server]) -> String {
    let output = run(name, &nodes(servers));
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    assert_eq!(stderr, "", "{name}");
    println!("{name}:\n{stdout}");
    stdout
}

#[track_caller]
fn assert_lines(printed: &str, lines: &[&str]) {
    for line in lines {
        assert!(printed.lines().any(|is| is.trim() == *line), "{line:?} is not in\n{printed}");
    }
}

fn three() -> Vec<Server> {
    (0..3).map(|_| Server::start()).collect()
}

/// Servers that keep everything on disk.
fn three_that_keep() -> Vec<Server> {
    (0..3).map(|_| Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"])).collect()
}

/// The place of the server on which a key lives.
fn place_of(cluster: &Cluster, servers: &[Server], key: &str) -> usize {
    let home = home_of(cluster, servers, key).port();
    servers.iter().position(|server| server.port() == home).unwrap()
}

#[track_caller]
fn assert_is_about(error: &Error, node: usize) {
    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Io), "{error}");
    assert!(error.node().unwrap().starts_with(&format!("node_{} (", node + 1)), "{error}");
}

fn no_keys(servers: &[Server]) -> bool {
    servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0)
}

#[test]
fn the_cache_shows_what_it_says() {
    let servers = three();
    let shown = printed("cache", &servers);
    assert_lines(
        &shown,
        &[
            "one miss: the source was asked 1 times",
            "one hit: the source was asked 0 times",
            "8 threads that miss one key: the source was asked 1 times",
            "10 keys for the first time: the source was asked 10 times",
            "10 keys again: the source was asked 0 times",
            "the cache failed 0 times",
        ],
    );
    let mut ttls = BTreeSet::new();
    for server in &servers {
        let Reply::Array(keys) = server.ask(&["KEYS", "*"]) else { panic!("no keys") };
        for key in keys {
            assert!(!key.text().starts_with("lock:"), "locks are given back");
            ttls.insert(server.ask(&["PTTL", &key.text()]).int());
        }
    }
    assert!(ttls.first() > Some(&40_000) && ttls.last() <= Some(&66_000), "{ttls:?}");
    assert!(ttls.last().unwrap() - ttls.first().unwrap() > 1000, "they differ: {ttls:?}");
}

#[test]
fn the_cache_starts_without_a_node() {
    let servers = [Server::start()];
    let output = run("cache", &format!("{},node_2={}", nodes(&servers), dead_address()));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.starts_with("going on without a node: node_2 ("), "{shown}");
    assert!(!shown.contains("the cache failed 0 times"), "{shown}");
}

#[test]
fn the_cache_falls_back_to_its_source() {
    let mut servers = three();
    let cluster = cluster_of(&servers).connect().unwrap();
    let asked = AtomicU64::new(0);
    let cache = cache::Cache::new(&cluster, Duration::from_secs(60), |key: &str| {
        asked.fetch_add(1, Ordering::SeqCst);
        if key == "broken" {
            Err(io::Error::other("the source is broken"))
        } else {
            Ok(key.to_uppercase())
        }
    });
    let keys: Vec<String> = (0..30).map(|number| format!("key{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let right: Vec<String> = keys.iter().map(|key| key.to_uppercase()).collect();
    assert_eq!(cache.get_many(&keys).unwrap(), right);
    assert_eq!((asked.swap(0, Ordering::SeqCst), cache.failures()), (30, 0));

    assert_eq!(cache.get("broken").unwrap_err().to_string(), "the source is broken");
    assert_eq!(
        home_of(&cluster, &servers, "broken").ask(&["EXISTS", "lock:broken"]).int(),
        0,
        "the lock is given back"
    );
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1);

    servers[1].kill();
    let dead = keys.iter().filter(|key| cluster.node_for(key).name() == "node_2").count() as u64;
    assert!(dead > 0);
    assert_eq!(cache.get_many(&keys).unwrap(), right);
    assert_eq!((asked.swap(0, Ordering::SeqCst), cache.failures()), (dead, dead), "only those of the dead node");
    for key in &keys {
        assert_eq!(cache.get(key).unwrap(), key.to_uppercase());
    }
    assert_eq!(asked.swap(0, Ordering::SeqCst), dead);

    // A silent node costs no more than the cache's own deadline.
    servers[2].freeze();
    let begin = Instant::now();
    assert_eq!(cache.get_many(&keys).unwrap(), right);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    servers[2].thaw();
}

#[test]
fn a_lock_whose_holder_died_holds_nobody_up_for_long() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    cluster.set("lock:foo{foo}", "somebody who is dead").unwrap();
    let cache = cache::Cache::new(&cluster, Duration::from_secs(60), |_: &str| Ok::<_, io::Error>("bar".to_owned()));
    let begin = Instant::now();
    assert_eq!(cache.get("foo").unwrap(), "bar");
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert_eq!(servers[0].ask(&["GET", "lock:foo"]).text(), "somebody who is dead", "others' locks stay");
}

#[test]
fn the_queue_shows_what_it_says() {
    let servers = three();
    let shown = printed("job_queue", &servers);
    let lines =
        ["unlucky takes letter 1 and dies", "the reaper gave back 1 jobs of dead workers", "10 jobs done, 0 left"];
    assert_lines(&shown, &lines);
    assert_eq!(shown.lines().filter(|line| line.contains(" does letter ")).count(), 10);
    assert!(no_keys(&servers), "nothing is left behind");
}

#[test]
fn the_queue_needs_its_node() {
    let output = run("job_queue", &format!("node_1={}", dead_address()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("kind: Connect") && stderr.contains("node_1"), "{stderr}");
}

#[test]
fn the_queue_loses_no_job_when_its_node_dies() {
    let mut servers = three_that_keep();
    let cluster = cluster_of(&servers).connect().unwrap();
    let at = place_of(&cluster, &servers, "jobs:mail{mail}");
    let queue = job_queue::Queue::new(&cluster, "mail", Duration::from_millis(900));
    let jobs: Vec<String> = (0..20).map(|number| format!("job {number}")).collect();
    assert_eq!(queue.push(&jobs).unwrap(), 20);
    let (done, cancel) = (Mutex::new(BTreeSet::new()), Cancel::new());
    let work = |worker: &str| {
        queue.work(worker, &cancel, |job| {
            thread::sleep(Duration::from_millis(10)); // so that the node dies in the middle
            done.lock().unwrap().insert(job.to_owned());
        })
    };
    let errors: Vec<Error> = thread::scope(|scope| {
        let workers = ["ada", "bob"].map(|worker| scope.spawn(move || work(worker).unwrap_err()));
        wait_until("some jobs are done", || done.lock().unwrap().len() >= 4);
        servers[at].kill();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    errors.iter().for_each(|error| assert_is_about(error, at));
    assert!(done.lock().unwrap().len() < 20, "it died in the middle");
    assert_is_about(&queue.push(&jobs).unwrap_err(), at);

    servers[at].restart();
    thread::scope(|scope| {
        let worker = scope.spawn(|| work("cyd").unwrap());
        let given_back = queue.reap_until_empty(Duration::from_secs(20));
        cancel.cancel();
        worker.join().unwrap();
        given_back.unwrap()
    });
    assert_eq!((done.lock().unwrap().len(), queue.left().unwrap()), (20, 0));
}

#[test]
fn a_worker_that_lives_keeps_its_jobs() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    let queue = job_queue::Queue::new(&cluster, "mail", Duration::from_secs(60));
    queue.push(&["one".to_owned(), "two".to_owned()]).unwrap();
    let cancel = Cancel::new();
    assert_eq!(queue.take("ada", &cancel).unwrap().as_deref(), Some("one"));
    assert_eq!((queue.reap().unwrap(), queue.left().unwrap()), (0, 2));
    servers[0].ask(&["DEL", "alive:ada:mail"]);
    assert_eq!((queue.reap().unwrap(), queue.left().unwrap()), (1, 2));
    assert_eq!(queue.take("bob", &cancel).unwrap().as_deref(), Some("one"), "it comes first again");
}

#[test]
fn the_limiter_shows_what_it_says() {
    let servers = three();
    let shown = printed("rate_limiter", &servers);
    assert_eq!(shown.lines().filter(|line| line.ends_with(": 3 of 5 hits allowed")).count(), 8, "{shown}");
    assert_eq!(shown.lines().filter(|line| line.ends_with("and is allowed: true")).count(), 2, "{shown}");
    wait_until("the windows have ended", || no_keys(&servers));
}

#[test]
fn a_limiter_whose_node_is_dead_says_so_or_allows() {
    let mut servers = three();
    let cluster = rate_limiter::connect(&nodes(&servers)).unwrap();
    for window in [rate_limiter::Window::Fixed, rate_limiter::Window::Sliding] {
        let limiter = rate_limiter::Limiter::new(&cluster, window, 2, Duration::from_secs(60));
        let users: Vec<String> = (0..12).map(|number| format!("user{{{number}}}")).collect();
        for left in [Some(1), Some(0), None] {
            for user in &users {
                let decision = limiter.hit(user).unwrap();
                assert_eq!((decision.is_allowed, decision.left), (left.is_some(), left.unwrap_or(0)), "{user}");
                assert_eq!(decision.retry_after > Duration::from_secs(50), left.is_none(), "{decision:?}");
            }
        }
        servers[2].kill();
        let (mut dead, mut alive) = (0, 0);
        for user in &users {
            if cluster.node_for(limiter.key(user)).name() == "node_3" {
                assert_is_about(&limiter.hit(user).unwrap_err(), 2);
                assert!(limiter.hit_or_allow(user).is_allowed);
                dead += 1;
            } else {
                assert!(!limiter.hit_or_allow(user).is_allowed, "the limits of others stand");
                alive += 1;
            }
        }
        assert!(dead > 0 && alive > 0);
        // It does not know the scripts any more, nor the hits.
        servers[2].restart();
        assert!(users.iter().all(|user| limiter.hit(user).is_ok()));
    }
}

#[test]
fn the_leaderboard_shows_what_it_says() {
    let servers = three();
    let lines = [
        "player-27: 199 points, rank 1",
        "player-54: 198 points, rank 2",
        "player-81: 197 points, rank 3",
        "ZUNION gives the same: true, in 3 rounds instead of 1",
        "the week ends: 32 shards closed",
        "once more: 0 shards closed",
        r#"new week: ["player-1"], last week: ["player-27", "player-54"], total: ["player-27", "player-54"]"#,
    ];
    assert_lines(&printed("leaderboard", &servers), &lines);
    assert!(no_keys(&servers), "nothing is left behind");
}

#[test]
fn a_leaderboard_without_a_node_is_an_error_and_a_week_is_closed_once() {
    let mut servers = three_that_keep();
    let cluster = cluster_of(&servers).connect().unwrap();
    let board = leaderboard::Board::new(&cluster, "board");
    for player in 0..100 {
        board.add(&format!("player{player}"), f64::from(player % 50)).unwrap();
    }
    let top = board.top("week", 7).unwrap();
    let names: Vec<(&str, f64)> = top.iter().map(|player| (player.member.as_str(), player.score)).collect();
    assert_eq!(names[..4], [("player99", 49.0), ("player49", 49.0), ("player98", 48.0), ("player48", 48.0)]);
    assert_eq!(top, board.top_by_zunion("week", 7).unwrap(), "equal scores have the same order, too");
    assert_eq!(board.top("week", 0).unwrap(), []);
    assert_eq!(board.rank("week", "player49").unwrap(), Some(1));
    assert_eq!(board.rank("week", "player48").unwrap(), Some(3));
    assert_eq!(board.rank("week", "nobody").unwrap(), None);

    servers[1].kill();
    assert_is_about(&board.top("week", 7).unwrap_err(), 1);
    assert_is_about(&board.rank("week", "player49").unwrap_err(), 1);
    // It closes some shards until it meets the dead node.
    assert_is_about(&board.close_week("first").unwrap_err(), 1);
    servers[1].restart();
    let closed = board.close_week("first").unwrap();
    assert!((1..32).contains(&closed), "{closed}: not what was closed before");
    assert_eq!(board.close_week("first").unwrap(), 0);
    assert_eq!(board.top("week", 7).unwrap(), []);
    assert_eq!(board.top("first", 7).unwrap(), top);
    assert_eq!(board.top("total", 7).unwrap(), top, "nothing is counted twice");
    board.add("player99", 1.0).unwrap();
    assert_eq!(board.close_week("first").unwrap(), 0, "also when a new week has begun");
    assert_eq!(board.top("first", 7).unwrap(), top);
    assert_eq!(board.close_week("second").unwrap(), 1);
    assert_eq!(board.top("total", 1).unwrap()[0].score, 50.0);
}

#[test]
fn the_events_show_what_they_say() {
    let servers = three();
    let shown = printed("event_stream", &servers);
    assert_lines(
        &shown,
        &["unlucky takes 20 events and dies; 20 are pending", "40 different events handled, 0 pending"],
    );
    for node in 1..=3 {
        assert_eq!(shown.lines().filter(|line| line.ends_with(&format!(" is on node_{node}"))).count(), 2, "{shown}");
    }
    assert!(no_keys(&servers), "nothing is left behind");
}

#[test]
fn no_event_is_lost_when_a_node_dies() {
    let mut servers = three_that_keep();
    let cluster = cluster_of(&servers).connect().unwrap();
    let open = || event_stream::Events::open(&cluster, "events", 2, "group", Duration::from_millis(400));
    let events = open().unwrap();
    for number in 0..60 {
        events.add(number, &number.to_string()).unwrap();
    }
    let handled = Mutex::new(BTreeSet::new());
    let cancel = Cancel::new();
    let handle = |fields: &event_stream::Fields| {
        thread::sleep(Duration::from_millis(5)); // so that the node dies in the middle
        handled.lock().unwrap().insert(fields[1].1.clone());
    };
    let error = thread::scope(|scope| {
        let consumer = scope.spawn(|| events.consume("ada", &cancel, handle).unwrap_err());
        wait_until("some are handled", || handled.lock().unwrap().len() >= 10);
        servers[1].kill();
        consumer.join().unwrap()
    });
    assert_is_about(&error, 1);
    assert!(handled.lock().unwrap().len() < 60, "it died in the middle");
    // Those whose stream lives elsewhere are taken all the same.
    let added = (60..66).filter(|number| events.add(*number, &number.to_string()).is_ok()).count();
    assert_eq!(added, 4, "two streams on each node");
    assert_is_about(&events.pending().unwrap_err(), 1);

    servers[1].restart();
    let events = open().unwrap();
    thread::scope(|scope| {
        let consumer = scope.spawn(|| events.consume("bob", &cancel, handle));
        let is_done = || handled.lock().unwrap().len() == 64 && events.pending().unwrap() == 0;
        wait_until("all are handled", || is_done() || consumer.is_finished());
        cancel.cancel();
        consumer.join().unwrap().unwrap();
    });
    assert_eq!((handled.lock().unwrap().len(), events.pending().unwrap()), (64, 0));
}

/// What a write that may have been applied says of itself.
#[test]
fn a_frozen_node_leaves_it_open_whether_a_hit_was_counted() {
    let servers = three();
    let cluster = rate_limiter::connect(&nodes(&servers)).unwrap();
    let limiter = rate_limiter::Limiter::new(&cluster, rate_limiter::Window::Fixed, 2, Duration::from_secs(60));
    limiter.hit("ada").unwrap();
    let home = home_of(&cluster, &servers, limiter.key("ada"));
    home.freeze();
    let error = limiter.hit("ada").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{error}");
    home.thaw();
    wait_until("the server has run it once", || home.ask(&["GET", "hits:fixed:ada"]).text() == "2");
}
