//! Bytes that no server sent, in both protocols, in every way of looking at the values, and with an eye on the memory.

#![no_main]

#[path = "../checks.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fuzz_target!(|data: &[u8]| {
    checks::decode(data);
    for protocol in checks::PROTOCOLS {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        checks::consume(data, protocol);
        let took = MEMORY.peak_usage() - before;
        assert!(took <= checks::allowance(data.len()), "{} bytes took {took} bytes of memory", data.len());
    }
});
