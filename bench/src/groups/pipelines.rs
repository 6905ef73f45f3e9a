//! Many commands sent together.

use super::{Cases, Group};
use crate::fleet::{nodes, Fleet};
use crate::measure::{Case, Contender, Curve};
use crate::peers::redis_benchmark::{self, Load};
use crate::peers::{hiredis, redis_rs, words};
use rediscluster::{Cluster, StringCommands};

pub const GROUP: Group = Group {
    word: "pipelines",
    title: "Pipelines",
    text: "One thread, values of 16 bytes; the time is that of the pipeline, divided by its commands. The others have one server.",
    run,
};

const GETS: Curve = Curve { file: "pipeline-get", title: "GET in a pipeline", of: "commands in the pipeline" };
const SETS: Curve = Curve { file: "pipeline-set", title: "SET in a pipeline", of: "commands in the pipeline" };
const VALUE: &str = "0123456789abcdef";

fn run(cases: &mut Cases) {
    let fleets = [1, 3].map(Fleet::of);
    let clusters = fleets.each_ref().map(Fleet::cluster);
    let one = &fleets[0];
    for (name, curve, is_set) in [("GET", GETS, false), ("SET", SETS, true)] {
        for commands in [1, 10, 100, 1_000, 10_000] {
            let keys: Vec<String> = (0..commands).map(|number| format!("key:{number:012}")).collect();
            let mut case =
                Case::new(format!("{name} in a pipeline of {commands}")).units(commands, "command").on(curve, commands);
            for ((fleet, cluster), count) in fleets.iter().zip(&clusters).zip([1, 3]) {
                let pairs: Vec<_> = keys.iter().map(|key| (key, VALUE)).collect();
                cluster.mset(pairs).expect("the servers take them");
                let once = ours(cluster, keys.clone(), is_set);
                case = case.with(Contender::new(format!("rediscluster, {}", nodes(count)), &fleet.processes(), once));
            }
            let once = theirs(redis_rs::connection(one.first()), keys.clone(), is_set);
            let word = |key: &str| if is_set { words(&["SET", key, VALUE]) } else { words(&["GET", key]) };
            let all = keys.iter().map(|key| word(key)).collect();
            let first = if is_set { vec!["SET", &keys[0], VALUE] } else { vec!["GET", &keys[0]] };
            let case = case
                .with(Contender::new(redis_rs::NAME, &one.processes(), once))
                .with_some(hiredis(one.first(), all, commands))
                .with_some(redis_benchmark::contender(
                    one.first(),
                    &Load { clients: 1, pipeline: commands, words: &first },
                ));
            cases.measure(case);
        }
    }
}

fn ours(cluster: &Cluster, keys: Vec<String>, is_set: bool) -> impl FnMut() -> u64 {
    let mut pipeline = cluster.pipeline();
    move || {
        for key in &keys {
            if is_set {
                pipeline.set(key, VALUE);
            } else {
                pipeline.get::<_, Option<String>>(key);
            }
        }
        pipeline.run().expect("every command succeeds").len() as u64
    }
}

fn theirs(mut connection: redis::Connection, keys: Vec<String>, is_set: bool) -> impl FnMut() -> u64 {
    move || {
        let mut pipeline = redis::pipe();
        for key in &keys {
            if is_set {
                pipeline.set(key, VALUE);
            } else {
                pipeline.get(key);
            }
        }
        pipeline.query::<Vec<redis::Value>>(&mut connection).expect("every command succeeds").len() as u64
    }
}
