//! Commands that nobody would write, as many as can be tried: each is routed as a call is, on one of the clusters.

#![no_main]

#[path = "../words.rs"]
mod words;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((_, command, cluster)) = words::command(data) {
        rediscluster::fuzzing::route(cluster, &command);
    }
});
