//! The durations that an observer is told, and the pauses between attempts, which are drawn by chance.

use rediscluster::prelude::*;
use rediscluster::{Builder, Observer, ObserverEvent, Retries};
use rediscluster_testing::{cluster_of, wait_until, ScriptedPeer, Server};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Keeps what it is told, with the duration.
#[derive(Default)]
struct Times(Mutex<Vec<(&'static str, Duration)>>);

impl Times {
    /// The durations of this event since the last time. What else was told is forgotten.
    fn take(&self, event: &str) -> Vec<Duration> {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        told.into_iter().filter(|(name, _)| *name == event).map(|(_, took)| took).collect()
    }
}

impl Observer for Times {
    fn event(&self, event: &ObserverEvent<'_>) {
        let told = match event {
            ObserverEvent::ConnectionOpened { took, .. } => ("opened", *took),
            ObserverEvent::ConnectionFailed { took, .. } => ("failed", *took),
            ObserverEvent::PoolWait { took, .. } => ("waited", *took),
            ObserverEvent::Pipeline { took, .. } => ("pipeline", *took),
            ObserverEvent::Command { took, .. } => ("command", *took),
            ObserverEvent::Retry { pause, .. } => ("pause", *pause),
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }
}

fn timed(builder: Builder) -> (Arc<Times>, Cluster) {
    let times = Arc::new(Times::default());
    let cluster = builder.masters_only(true).observer(Arc::clone(&times)).build().unwrap();
    (times, cluster)
}

/// The only one of them, which is no less than this and no more than has passed since then.
#[track_caller]
fn assert_took(told: &[Duration], least: Duration, since: Instant) {
    assert!(matches!(told, [took] if (least..=since.elapsed()).contains(took)), "{told:?} {least:?}");
}

#[test]
fn connections_are_timed_with_their_handshake() {
    const SLOW: Duration = Duration::from_millis(100);
    let peer = ScriptedPeer::answering(|words| {
        if words[0] == b"AUTH" {
            sleep(SLOW);
        }
        b"+OK\r\n".to_vec()
    });
    let node = || Cluster::builder().node("node_1", peer.address()).password("secret");
    let (times, cluster) = timed(node());
    let began = Instant::now();
    cluster.set("foo", 1).unwrap();
    let told = times.0.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].1 >= told[0].1, "the command has waited for its connection: {told:?}");
    assert_took(&times.take("opened"), SLOW, began);
    let (times, cluster) = timed(node().connect_timeout(SLOW / 2));
    let began = Instant::now();
    cluster.set("foo", 1).unwrap_err();
    assert_took(&times.take("failed"), SLOW / 2, began);
}

#[test]
fn waits_for_connections_and_pipelines_are_timed() {
    const WAIT: Duration = Duration::from_millis(200);
    let servers = [Server::start()];
    let (times, cluster) = timed(cluster_of(&servers).pool_size(1).deadline(Duration::from_secs(60)));
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.blpop::<_, String, String>("jobs", Duration::from_secs(60)).unwrap());
        wait_until("it waits", || servers[0].field("clients", "blocked_clients").as_deref() == Some("1"));
        let began = Instant::now();
        let waits = scope.spawn(|| cluster.set("foo", 1).unwrap());
        wait_until("it waits for the connection", || cluster.pools()[0].waiting == 1);
        sleep(WAIT);
        servers[0].ask(&["RPUSH", "jobs", "one"]);
        waits.join().unwrap();
        assert_took(&times.take("waited"), WAIT, began);
    });
    let began = Instant::now();
    let mut pipeline = cluster.pipeline();
    let slot = pipeline.blpop::<_, String, String>("jobs", WAIT);
    assert_eq!(pipeline.run().unwrap().get(slot).unwrap(), None);
    // Servers end waits a little early.
    assert_took(&times.take("pipeline"), WAIT * 9 / 10, began);
}

#[test]
fn pauses_are_drawn_from_nothing_up_to_their_most() {
    let peer = ScriptedPeer::answering(|_| b"-LOADING Redis is loading the dataset in memory\r\n".to_vec());
    let most = [Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(80)];
    let (times, cluster) = timed(Cluster::builder().node("node_1", peer.address()));
    let mut shares = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(cluster.set("foo", 1).unwrap_err().attempts(), 4);
        let (took, pauses) = (began.elapsed(), times.take("pause"));
        assert_eq!(pauses.len(), 3);
        assert!(took >= pauses.iter().sum(), "{took:?} {pauses:?}");
        assert!(pauses.iter().zip(most).all(|(pause, most)| *pause < most), "{pauses:?}");
        shares.extend(pauses.iter().zip(most).map(|(pause, most)| pause.as_secs_f64() / most.as_secs_f64()));
    }
    // That 30 drawn ones are all in the same half happens once in 500 million times.
    assert!(shares.iter().any(|share| *share < 0.5) && shares.iter().any(|share| *share >= 0.5), "{shares:?}");
    let (times, patient) = timed(Cluster::builder().node("node_1", peer.address()));
    let retries = Retries::up_to(5).pauses(Duration::from_millis(1), Duration::from_millis(2));
    patient.retries(retries).set("foo", 1).unwrap_err();
    let pauses = times.take("pause");
    assert!(pauses.len() == 5 && pauses.iter().all(|pause| *pause < Duration::from_millis(2)), "{pauses:?}");
}
