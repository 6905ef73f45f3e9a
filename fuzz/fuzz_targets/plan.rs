//! Commands that nobody would write, planned and explained on clusters of one, two and five nodes.

#![no_main]

#[path = "../words.rs"]
mod words;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| words::plan(data));
