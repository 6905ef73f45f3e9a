//! When a run ends before there is nothing more to do, and how fast it may be.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A signal is looked for so often while a run holds back.
const LOOK: Duration = Duration::from_millis(50);

/// What all workers look at between two batches.
pub struct Stop {
    signal: Arc<AtomicBool>,
    failed: AtomicBool,
    limit: Option<u64>,
    read: AtomicU64,
    /// Keys a second, and when the next key may go.
    rate: Option<(u64, Mutex<Instant>)>,
}

impl Stop {
    /// Ends at Ctrl-C and at SIGTERM, and when so many keys have been read.
    ///
    /// # Errors
    /// That the system does not let it see signals.
    pub fn new(limit: Option<u64>, rate: Option<u64>) -> Result<Stop, String> {
        let signal = Arc::new(AtomicBool::new(false));
        for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The second one ends the program as it is: that loses nothing either.
            let ends = signal_hook::flag::register_conditional_default(number, Arc::clone(&signal));
            ends.and_then(|_| signal_hook::flag::register(number, Arc::clone(&signal)))
                .map_err(|error| format!("signals: {error}"))?;
        }
        let rate = rate.map(|rate| (rate, Mutex::new(Instant::now())));
        Ok(Stop { signal, failed: AtomicBool::new(false), limit, read: AtomicU64::new(0), rate })
    }

    /// Whether nothing more is to be begun.
    pub fn ends(&self) -> bool {
        self.was_told() || self.failed.load(Ordering::Relaxed)
    }

    /// Whether the user wants it to end.
    pub fn was_told(&self) -> bool {
        self.signal.load(Ordering::Relaxed)
    }

    /// One worker failed: the others stop as well.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// So many keys more will be copied in this run.
    pub fn read(&self, keys: u64) {
        self.read.fetch_add(keys, Ordering::Relaxed);
    }

    /// Whether this run has copied as many as it may.
    pub fn is_enough(&self) -> bool {
        self.limit.is_some_and(|limit| self.read.load(Ordering::Relaxed) >= limit)
    }

    /// Waits until so many keys more may go.
    pub fn pace(&self, keys: u64) {
        let Some((rate, next)) = &self.rate else { return };
        let until = {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = (*next).max(Instant::now()) + Duration::from_secs_f64(keys as f64 / *rate as f64);
            *next
        };
        while !self.ends() {
            match until.checked_duration_since(Instant::now()) {
                Some(left) => std::thread::sleep(left.min(LOOK)),
                None => return,
            }
        }
    }
}
