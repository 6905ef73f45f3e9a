//! What a server could say of itself in `INFO`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| rediscluster::fuzzing::read_info(&String::from_utf8_lossy(data)));
