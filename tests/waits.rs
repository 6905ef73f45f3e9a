//! Waiting for data on several nodes: the first element wakes the call at once, is given once, and the rest stays.

use rediscluster::prelude::*;
use rediscluster::Value;
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn five() -> (Vec<Server>, Cluster, Vec<String>) {
    let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).deadline(Duration::from_secs(20)).connect().unwrap();
    // One key for each node.
    let key_of =
        |node: String| (0..).map(|n| format!("k{n}")).find(|key| cluster.node_for(key).name() == node).unwrap();
    let keys = (1..=5).map(|number| key_of(format!("node_{number}"))).collect();
    (servers, cluster, keys)
}

fn blocked(servers: &[Server]) -> usize {
    servers.iter().filter(|server| server.field("clients", "blocked_clients").as_deref() == Some("1")).count()
}

#[test]
fn whichever_node_gets_data_wakes_the_call_and_the_others_stop_waiting() {
    let (servers, cluster, keys) = five();
    for (nth, key) in keys.iter().enumerate() {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let wait = cmd("BLPOP").args_of(&keys).arg(0);
                cluster.execute(wait.reply::<Option<(String, String)>>()).unwrap()
            });
            wait_until("all five nodes are waited on", || blocked(&servers) == 5);
            servers[nth].ask(&["RPUSH", key, "x", "y"]);
            assert_eq!(call.join().unwrap(), Some((key.clone(), "x".to_owned())));
        });
        assert_eq!(blocked(&servers), 0, "nobody waits any more");
        let left: Vec<String> = cluster.execute(cmd("LRANGE").args_of([key.as_str(), "0", "-1"]).reply()).unwrap();
        assert_eq!(left, ["y"]);
        cluster.execute(cmd("DEL").args_of(&keys)).unwrap();
    }
}

#[test]
fn an_element_is_given_once_and_none_is_lost() {
    let (servers, cluster, keys) = five();
    const ELEMENTS: usize = 300;
    let taken = std::sync::Mutex::new(Vec::new());
    let left = AtomicUsize::new(ELEMENTS);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while left.load(Ordering::SeqCst) > 0 {
                    let wait = cmd("BLPOP").args_of(&keys).arg("0.2");
                    if let Some((_, element)) = cluster.execute(wait.reply::<Option<(String, usize)>>()).unwrap() {
                        taken.lock().unwrap().push(element);
                        left.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
        scope.spawn(|| {
            for element in 0..ELEMENTS {
                // Several at the same time, so that more than one node has something.
                let nth = element % keys.len();
                servers[nth].ask(&["RPUSH", &keys[nth], &element.to_string()]);
            }
        });
    });
    let mut taken = taken.into_inner().unwrap();
    taken.sort_unstable();
    assert_eq!(taken, (0..ELEMENTS).collect::<Vec<_>>());
    let exists: usize = cluster.execute(cmd("EXISTS").args_of(&keys).reply()).unwrap();
    assert_eq!(exists, 0);
}

#[test]
fn a_wait_in_vain_ends_in_time() {
    let (_servers, cluster, keys) = five();
    let begin = Instant::now();
    let wait = cmd("BRPOP").args_of(&keys).arg("0.3");
    assert_eq!(cluster.execute(wait).unwrap(), Value::Nil);
    assert!(begin.elapsed() >= Duration::from_millis(300) && begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_dead_node_is_told() {
    let (mut servers, cluster, keys) = five();
    servers[3].kill();
    let wait = cmd("BLPOP").args_of(&keys).arg("5");
    let error = cluster.execute(wait).unwrap_err();
    assert!(error.node().unwrap().starts_with("node_4 ("), "{error}");
}

#[test]
fn what_cannot_be_put_back_is_kept_and_nothing_is_lost() {
    let (servers, cluster, keys) = five();
    for round in 0..30 {
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let wait = cmd("BLPOP").args_of(&keys).arg(5);
                cluster.execute(wait.reply::<Option<(String, String)>>())
            });
            wait_until("all five nodes are waited on", || blocked(&servers) == 5);
            // Two nodes get data at once, and the second key is something else right afterwards.
            std::thread::scope(|both| {
                both.spawn(|| servers[0].ask(&["RPUSH", &keys[0], "first"]));
                both.spawn(|| {
                    let mut talk = servers[1].talk(Duration::from_secs(5)).unwrap();
                    talk.call(&["RPUSH", &keys[1], "second"]).unwrap();
                    talk.call(&["SET", &keys[1], "no list", "NX"]).unwrap();
                });
            });
            let given = call.join().unwrap().unwrap().expect("data came").1;
            let mut found = vec![given];
            for server in &servers[..2] {
                for key in ["rediscluster:stash:*", &keys[0], &keys[1]] {
                    let rediscluster_testing::Reply::Array(names) = server.ask(&["KEYS", key]) else { panic!() };
                    for name in names.iter().map(rediscluster_testing::Reply::text) {
                        if let rediscluster_testing::Reply::Array(items) = server.ask(&["LRANGE", &name, "0", "-1"]) {
                            found.extend(items.iter().map(rediscluster_testing::Reply::text));
                        }
                    }
                }
            }
            found.sort();
            assert_eq!(found, ["first", "second"], "round {round}");
        });
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    }
}

/// Two calls that each held what the other one needs would wait for one another.
#[test]
fn calls_that_share_few_connections_do_not_wait_for_one_another() {
    let servers: Vec<Server> = (0..5).map(|_| Server::start()).collect();
    let cluster = cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(20)).connect().unwrap();
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for nth in 0..4 {
            let (cluster, mut keys) = (&cluster, keys.clone());
            keys.rotate_left(nth * 5);
            scope.spawn(move || {
                for _ in 0..10 {
                    assert_eq!(cluster.execute(cmd("BLPOP").args_of(&keys).arg("0.02")).unwrap(), Value::Nil);
                }
            });
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}
