//! Addresses, URLs and lists of nodes.

#![no_main]

#[path = "../words.rs"]
mod words;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| words::nodes(data));
