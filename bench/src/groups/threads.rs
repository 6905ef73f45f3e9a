//! Threads that call at the same time.

use super::{Cases, Group};
use crate::fleet::Fleet;
use crate::measure::{Case, Contender, Crew, Curve, Job};
use crate::peers::redis_benchmark::{self, Load};
use crate::peers::{redis_rs, twemproxy};
use redis::Commands;
use rediscluster::{Cluster, Share, StringCommands};

pub const GROUP: Group = Group {
    word: "threads",
    title: "Threads that share",
    text: "GET of 16 bytes, one server, by threads that call as fast as they can; the time is that of the run, divided by the calls of all threads. \
Up to `pool_size` callers have a connection each. Those that find none free gather: one writes what all of them want and hands \
out the replies. Writes do so only where they are told to. The default pool has 16 connections; redis-rs has r2d2 with 64 or 4, or a connection for each thread and no pool.",
    run,
};

pub const DEFAULT: &str = "rediscluster, default settings";
pub const POOL_OF_4: &str = "rediscluster, pool of 4";
const CONNECTION_EACH: &str = "rediscluster, a connection each";
pub const R2D2_64: &str = "redis-rs, r2d2 with 64 connections";
const R2D2_4: &str = "redis-rs, r2d2 with 4 connections";
const REDIS_RS_EACH: &str = "redis-rs, a connection each";

const CURVE: Curve = Curve { file: "threads", title: "GET by threads that share", of: "threads" };
/// With fewer, waking the threads would be what is measured.
const CALLS_OF_A_THREAD: u64 = 40;
/// How long a turn lasts, about, in milliseconds.
const TURN: u64 = 150;
const VALUE: &str = "0123456789abcdef";

pub fn title(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

fn key(thread: usize) -> String {
    format!("key:{thread}")
}

fn run(cases: &mut Cases) {
    let fleet = Fleet::of(1);
    (0..256).for_each(|thread| drop(fleet.first().ask(&["SET", &key(thread), VALUE])));
    let proxy = twemproxy::Proxy::before(&fleet.servers);
    for threads in [1, 4, 16, 64, 256] {
        let servers = fleet.processes();
        let ours =
            |name, cluster: Cluster| crew(name, &servers, Crew::new(threads, |thread| get_ours(&cluster, thread)));
        let pooled = |name, size| {
            let pool = redis_rs::pool(fleet.first(), size);
            crew(name, &servers, Crew::new(threads, |thread| get_pooled(&pool, thread)))
        };
        let connect = |builder: rediscluster::Builder| builder.connect().expect("the server was started");
        let case = Case::new(title(threads))
            .on(CURVE, threads as u64)
            .turn(TURN)
            .least_calls(threads as u64 * CALLS_OF_A_THREAD)
            .beside(R2D2_64)
            .with(ours(DEFAULT, connect(fleet.builder())))
            .with(ours(POOL_OF_4, connect(fleet.builder().pool_size(4))))
            .with(ours(CONNECTION_EACH, connect(fleet.builder().pool_size(threads))))
            .with(pooled(R2D2_64, 64))
            .with(pooled(R2D2_4, 4))
            .with({
                let connections = Crew::new(threads, |thread| get_alone(redis_rs::connection(fleet.first()), thread));
                crew(REDIS_RS_EACH, &servers, connections)
            })
            .with_some(proxy.as_ref().map(|proxy| {
                let connections = Crew::new(threads, |thread| get_alone(proxy.connection(), thread));
                crew(twemproxy::NAME, &proxy.processes(&servers), connections)
            }))
            .with_some(redis_benchmark::contender(
                fleet.first(),
                &Load { clients: threads, pipeline: 1, words: &["GET", &key(0)] },
            ));
        cases.measure(case);
    }
    writes(cases, &fleet);
}

/// SET by 64 threads: by default writes wait for a connection each.
fn writes(cases: &mut Cases, fleet: &Fleet) {
    let (threads, servers) = (64, fleet.processes());
    let ours = |name, share| {
        let cluster = fleet.builder().share_connections(share).connect().expect("the server was started");
        crew(name, &servers, Crew::new(threads, |thread| set_ours(&cluster, thread)))
    };
    let pool = redis_rs::pool(fleet.first(), 64);
    let case = Case::new(format!("{}, SET", title(threads)))
        .turn(TURN)
        .least_calls(threads as u64 * CALLS_OF_A_THREAD)
        .beside(R2D2_64)
        .with(ours(DEFAULT, Share::default()))
        .with(ours("rediscluster, writes share as well", Share::All))
        .with(crew(R2D2_64, &servers, Crew::new(threads, |thread| set_pooled(&pool, thread))));
    cases.measure(case);
}

fn crew(name: &str, servers: &[u32], mut crew: Crew) -> Contender {
    Contender::of(name, servers, Job::Here(Box::new(move |calls| crew.run(calls))))
}

fn set_ours(cluster: &Cluster, thread: usize) -> impl FnMut() -> u64 + Send + 'static {
    let (cluster, key) = (cluster.clone(), key(thread));
    move || cluster.set(&key, VALUE).map(|()| 1).expect("the server answers")
}

fn set_pooled(pool: &redis_rs::Pool, thread: usize) -> impl FnMut() -> u64 + Send + 'static {
    let (pool, key) = (pool.clone(), key(thread));
    move || {
        let mut connection = pool.get().expect("a connection in time");
        connection.set::<_, _, ()>(&key, VALUE).map(|()| 1).expect("the server answers")
    }
}

fn get_ours(cluster: &Cluster, thread: usize) -> impl FnMut() -> u64 + Send + 'static {
    let (cluster, key) = (cluster.clone(), key(thread));
    move || cluster.get::<_, String>(&key).expect("the server answers").len() as u64
}

fn get_pooled(pool: &redis_rs::Pool, thread: usize) -> impl FnMut() -> u64 + Send + 'static {
    let (pool, key) = (pool.clone(), key(thread));
    move || {
        let mut connection = pool.get().expect("a connection in time");
        connection.get::<_, String>(&key).expect("the server answers").len() as u64
    }
}

fn get_alone(mut connection: redis::Connection, thread: usize) -> impl FnMut() -> u64 + Send + 'static {
    let key = key(thread);
    move || connection.get::<_, String>(&key).expect("the server answers").len() as u64
}
