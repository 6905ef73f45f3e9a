//! Times that no clock can tell: `Duration::MAX` and what comes close to it, wherever a program may give a time.

use rediscluster::prelude::*;
use rediscluster::{
    Builder, ClientKillOptions, Error, ErrorKind, ExpireOptions, GetExOptions, HSetExOptions, MigrateOptions, Outcome,
    RestoreOptions, Retries, ScoreEnd, SetOptions, Side, StreamId, SubscriberOptions, Value, XClaimOptions,
    XPendingOptions, XReadGroupOptions, XReadOptions,
};
use rediscluster_testing::{cluster_of, wait_until, Server};
use std::fmt::Debug;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

/// More than any clock can tell, what is its last moment for some, and what still fits.
const LONG: [Duration; 3] =
    [Duration::MAX, Duration::from_secs(i64::MAX as u64), Duration::from_secs(i64::MAX as u64 / 2)];
/// What calls have where it is not their deadline that is so long.
const DEADLINE: Duration = Duration::from_secs(1);

/// One setting of a cluster.
type Set = fn(Builder, Duration) -> Builder;

/// Every setting that takes a time, and all of them together.
const SETTINGS: [(&str, Set); 7] = [
    ("connect_timeout", Builder::connect_timeout),
    ("check_after", Builder::check_after),
    ("max_idle_age", |builder, time| builder.max_idle_age(time)),
    ("refresh_every", |builder, time| builder.refresh_every(time)),
    ("retries", |builder, time| builder.retries(Retries::default().pauses(time, time))),
    ("deadline", Builder::deadline),
    ("all", |builder, time| {
        let builder =
            builder.connect_timeout(time).check_after(time).max_idle_age(time).refresh_every(time).deadline(time);
        builder.retries(Retries::default().pauses(time, time))
    }),
];

/// A server that says nothing for a while: it costs one call its deadline, one more tries, and it comes back.
fn works_through_silence(name: &str, set: Set, time: Duration) {
    let servers = [Server::start()];
    let builder = cluster_of(&servers).deadline(DEADLINE).connect_timeout(DEADLINE).refresh_every(None);
    let cluster = set(builder, time).connect().unwrap();
    cluster.set("foo", 1).unwrap();
    // The deadline of the view: that of the cluster may be one of those that never come.
    let hurried = cluster.deadline(DEADLINE);
    servers[0].freeze();
    let error = hurried.set("foo", 2).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown), "{name}: {error}");
    for _ in 0..4 {
        let error = hurried.set("foo", 3).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotApplied), "{name}: {error}");
        assert!(error.message().len() < 100, "{error}");
    }
    servers[0].thaw();
    wait_until("it serves again", || hurried.set("foo", 4).is_ok());
    assert_eq!(cluster.get::<_, u32>("foo").unwrap(), 4, "{name}");
}

#[test]
fn a_cluster_with_an_endless_setting_works_through_silence() {
    thread::scope(|scope| {
        for (name, set) in SETTINGS {
            let times = if name == "all" { &LONG[..] } else { &LONG[..1] };
            times.iter().for_each(|&time| drop(scope.spawn(move || works_through_silence(name, set, time))));
        }
    });
}

#[test]
fn an_endless_deadline_ends_with_the_answer() {
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).connect().unwrap();
    for time in LONG {
        let patient = cluster.deadline(time).retries(Retries::up_to(3).pauses(time, Duration::from_millis(1)));
        patient.mset([("foo", "bar"), ("bar", "foo")]).unwrap();
        assert_eq!(patient.mget::<_, Vec<String>>(["foo", "bar"]).unwrap(), ["bar", "foo"]);
        let mut pipeline = patient.pipeline();
        let slots = ["foo", "bar"].map(|key| pipeline.get::<_, String>(key));
        let replies = pipeline.run().unwrap();
        assert_eq!(slots.map(|slot| replies.get(slot).unwrap()), ["bar", "foo"]);
        patient.rename("foo", "foo2").unwrap();
        patient.rename("foo2", "foo").unwrap();
        patient.rpush("list", "x").unwrap();
        assert_eq!(patient.blpop(["none", "list"], time).unwrap(), Some(("list".to_owned(), "x".to_owned())));
    }
}

#[test]
fn a_subscriber_with_endless_times_comes_back() {
    for time in LONG {
        let mut server = [Server::start()];
        let cluster = cluster_of(&server).deadline(DEADLINE).refresh_every(None).connect().unwrap();
        let options = SubscriberOptions::new().check_after(time).reconnect_within(time);
        let mut subscriber = cluster.subscriber_with(options).unwrap();
        subscriber.subscribe("news").unwrap();
        server[0].restart();
        let heard = |subscriber: &mut rediscluster::Subscriber| subscriber.next_timeout(time).unwrap().unwrap();
        assert!(matches!(heard(&mut subscriber), rediscluster::Event::Disconnected { .. }));
        assert!(matches!(heard(&mut subscriber), rediscluster::Event::Reconnected { .. }));
    }
}

/// A server refuses such a time or takes it; nothing here may break on it.
#[track_caller]
fn survives<T: Debug>(what: &str, call: impl FnOnce() -> Result<T, Error>) {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => assert!(error.is_server(), "{what}: {error}"),
        Err(_) => panic!("{what} panicked"),
    }
}

#[test]
fn commands_take_any_time() {
    let servers = [Server::start()];
    let cluster = cluster_of(&servers).deadline(DEADLINE).connect().unwrap();
    cluster.set("key", "value").unwrap();
    cluster.hset("hash", ("field", 1)).unwrap();
    cluster.rpush("list", ["x"; 100]).unwrap();
    let id = cluster.xadd("stream", ("a", 1)).unwrap();
    cluster.xgroup_create("stream", "group", "0").unwrap();
    let dump = cluster.dump("key").unwrap().unwrap();
    let (left, right, none) = (Side::Left, Side::Right, StreamId::MIN);
    for time in LONG {
        // A wait without end ends with what is there.
        cluster.zadd("sorted", [(1, "x"), (2, "y"), (3, "z")]).unwrap();
        cluster.xadd("stream", ("a", 1)).unwrap();
        survives("BLPOP", || cluster.blpop::<_, String, String>("list", time));
        survives("BRPOP", || cluster.brpop::<_, String, String>("list", time));
        survives("BLMOVE", || cluster.blmove::<_, _, String>("list", "list", left, right, time));
        survives("BLMPOP", || cluster.blmpop::<_, String, String>("list", left, 1, time));
        survives("BRPOPLPUSH", || cluster.brpoplpush::<_, _, String>("list", "list", time));
        survives("BZMPOP", || cluster.bzmpop::<_, String, String>("sorted", ScoreEnd::Lowest, 1, time));
        survives("BZPOPMAX", || cluster.bzpopmax::<_, String, String>("sorted", time));
        survives("BZPOPMIN", || cluster.bzpopmin::<_, String, String>("sorted", time));
        survives("EXPIRE", || cluster.expire("key", time));
        survives("EXPIRE NX", || cluster.expire_with("key", time, ExpireOptions::new().if_sooner()));
        survives("PEXPIRE", || cluster.pexpire("key", time));
        survives("PEXPIRE NX", || cluster.pexpire_with("key", time, ExpireOptions::new().if_sooner()));
        survives("SETEX", || cluster.setex("other", time, 1));
        survives("PSETEX", || cluster.psetex("other", time, 1));
        survives("SET PX", || cluster.set_with::<_, _, bool>("other", 1, SetOptions::new().expire_in(time)));
        survives("GETEX", || cluster.getex::<_, Option<String>>("key", GetExOptions::new().expire_in(time)));
        survives("RESTORE", || cluster.restore_with("new", &dump, RestoreOptions::new().replace().expire_in(time)));
        survives("RESTORE", || cluster.restore_with("new", &dump, RestoreOptions::new().replace().idle_time(time)));
        survives("MIGRATE", || cluster.migrate("none", MigrateOptions::to("127.0.0.1", 1).timeout(time)));
        survives("HEXPIRE", || cluster.hexpire("hash", time, "field"));
        survives("HPEXPIRE", || cluster.hpexpire("hash", time, "field"));
        survives("HSETEX", || cluster.hsetex("hash", ("field", 1), HSetExOptions::new().expire_in(time)));
        survives("HGETEX", || cluster.hgetex::<_, _, Value>("hash", "field", GetExOptions::new().expire_in(time)));
        let wait = XReadOptions::new().block(time);
        survives("XREAD", || cluster.xread_with::<_, String, Value>(("stream", "0"), wait));
        let wait = XReadGroupOptions::new().block(time);
        survives("XREADGROUP", || {
            cluster.xreadgroup_with::<_, _, _, String, Value>("group", "me", ("stream", ">"), wait)
        });
        let idle = XPendingOptions::new().idle(time);
        survives("XPENDING", || {
            cluster.xpending_range_with::<_, _, _, String>("stream", "group", StreamId::MIN..=StreamId::MAX, 1, idle)
        });
        survives("XCLAIM", || cluster.xclaim::<_, _, _, _, Value>("stream", "group", "me", time, id));
        survives("XCLAIM IDLE", || {
            let options = XClaimOptions::new().idle(time);
            cluster.xclaim_with::<_, _, _, _, Value>("stream", "group", "me", time, id, options)
        });
        survives("XAUTOCLAIM", || cluster.xautoclaim_ids("stream", "group", "me", time, none, None));
        let node = cluster.on("node_1").unwrap();
        survives("CLIENT KILL", || node.client_kill(ClientKillOptions::new().connected_for(time)));
        survives("CLIENT PAUSE", || node.client_pause_writes(time));
        survives("SET", || cluster.set("other", "not paused"));
    }
}
