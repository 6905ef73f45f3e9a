//! All keys of all nodes.

use super::{Cases, Group};
use crate::fleet::{nodes, Fleet};
use crate::measure::{Case, Contender};
use crate::peers::redis_rs;
use redis::Commands;
use rediscluster::{ScanOptions, StringCommands};

pub const GROUP: Group = Group {
    word: "scans",
    title: "A scan of a million keys",
    text: "All names, 1,000 a page, one thread. Over several nodes a million keys altogether.",
    run,
};

const KEYS: u64 = 1_000_000;
/// How many keys are set by a command, before anything is measured.
const AT_ONCE: u64 = 10_000;
const PAGE: usize = 1_000;

fn run(cases: &mut Cases) {
    let fleets = [1, 3].map(Fleet::of);
    let mut case = Case::new("SCAN").units(KEYS, "key").most_rounds(3);
    for (fleet, count) in fleets.iter().zip([1, 3]) {
        let cluster = fleet.cluster();
        for begin in (0..KEYS).step_by(AT_ONCE as usize) {
            let pairs: Vec<_> = (begin..begin + AT_ONCE).map(|number| (format!("key:{number:07}"), "x")).collect();
            cluster.mset(pairs).expect("the servers take them");
        }
        let once = move || {
            let found = cluster.scan_all(ScanOptions::new().count(PAGE as u64));
            found.map(|found| u64::from(!found.expect("the servers answer").into_name().is_empty())).sum()
        };
        case = case.with(Contender::new(format!("rediscluster, {}", nodes(count)), &fleet.processes(), once));
    }
    let mut connection = redis_rs::connection(fleets[0].first());
    let once = move || {
        let options = redis::ScanOptions::default().with_count(PAGE);
        let names = connection.scan_options::<Vec<u8>>(options).expect("the server answers");
        names.map(|name| u64::from(!name.expect("the server answers").is_empty())).sum()
    };
    cases.measure(case.with(Contender::new(redis_rs::NAME, &fleets[0].processes(), once)));
}
