//! Values of several sizes.

use super::{Cases, Group};
use crate::fleet::Fleet;
use crate::measure::{Case, Contender, Curve};
use crate::peers::redis_benchmark::{self, Load};
use crate::peers::{hiredis, redis_rs, words};
use redis::Commands;
use rediscluster::StringCommands;

pub const GROUP: Group = Group {
    word: "values",
    title: "Values of several sizes",
    text: "One thread, one server, one call after another; values as bytes.",
    run,
};

const GETS: Curve = Curve { file: "values-get", title: "GET of values of several sizes", of: "bytes" };
const SETS: Curve = Curve { file: "values-set", title: "SET of values of several sizes", of: "bytes" };
const SIZES: [(&str, usize); 4] = [("16 B", 16), ("1 KiB", 1 << 10), ("64 KiB", 64 << 10), ("10 MiB", 10 << 20)];
/// The key that redis-benchmark uses by itself.
const KEY: &str = "key:__rand_int__";

fn run(cases: &mut Cases) {
    let fleet = Fleet::of(1);
    let (server, processes) = (fleet.first(), fleet.processes());
    for (name, size) in SIZES {
        let value = vec![b'x'; size];
        let length = size.to_string();
        let cluster = fleet.cluster();
        cluster.set(KEY, &value).expect("the server takes it");
        let mut connection = redis_rs::connection(server);
        let get = Case::new(format!("GET of {name}"))
            .on(GETS, size as u64)
            .with(Contender::new("rediscluster", &processes, move || {
                cluster.get::<_, Vec<u8>>(KEY).expect("the server answers").len() as u64
            }))
            .with(Contender::new(redis_rs::NAME, &processes, move || {
                connection.get::<_, Vec<u8>>(KEY).expect("the server answers").len() as u64
            }))
            .with_some(hiredis(server, vec![words(&["GET", KEY])], size as u64))
            .with_some(redis_benchmark::contender(
                server,
                &Load { clients: 1, pipeline: 1, words: &["-t", "get", "-d", &length] },
            ));
        cases.measure(get);

        let (cluster, mut connection) = (fleet.cluster(), redis_rs::connection(server));
        let hiredis = hiredis(server, vec![words(&[b"SET", KEY.as_bytes(), &value])], 1);
        let (ours, theirs) = (value.clone(), value);
        let set = Case::new(format!("SET of {name}"))
            .on(SETS, size as u64)
            .with(Contender::new("rediscluster", &processes, move || {
                cluster.set(KEY, &ours).expect("the server answers");
                1
            }))
            .with(Contender::new(redis_rs::NAME, &processes, move || {
                connection.set::<_, _, ()>(KEY, &theirs).expect("the server answers");
                1
            }))
            .with_some(hiredis)
            .with_some(redis_benchmark::contender(
                server,
                &Load { clients: 1, pipeline: 1, words: &["-t", "set", "-d", &length] },
            ));
        cases.measure(set);
    }
}
