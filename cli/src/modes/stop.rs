//! Ctrl-C: the first one asks a mode to end and to tell what it has so far, a second one ends the program.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The status of a program that Ctrl-C ended before it was done.
pub const INTERRUPTED: u8 = 128 + 2;
/// No wait is longer than this without a look at whether it is to end.
pub const GLANCE: Duration = Duration::from_millis(50);

/// Whether the mode is to end.
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on Ctrl-C is told here.
    ///
    /// # Errors
    /// When the system refuses that.
    pub fn at_ctrl_c() -> io::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the signal that asks first must not find that it was asked already.
            flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Stop(asked))
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks for it, as Ctrl-C does.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Waits; true as soon as it is asked for.
    pub fn within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.is_asked() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(GLANCE));
        }
        true
    }
}
