//! Random numbers, from one place for all.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is as good as random for a pause: it differs from that of other programs, and from the last one. What std has for
/// random numbers reads files where the system is old, which a program would link for pauses alone.
pub(crate) fn chance() -> u64 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    // The system puts the stack of each program at another place.
    let place = std::ptr::addr_of!(now) as usize as u64;
    let own = u64::from(process::id()) << 32 ^ place.rotate_left(24);
    let mut mixed = now ^ own ^ DRAWN.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mixed = (mixed ^ mixed >> 29).wrapping_mul(factor);
    }
    mixed ^ mixed >> 32
}

/// A random number, from the seeds that std draws for its hash maps. A child of a fork has those of its parent, so what tells
/// the two apart goes in as well.
pub(crate) fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(process::id());
    hasher.finish()
}
