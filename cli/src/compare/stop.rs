//! When a comparison ends before everything was compared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What all threads look at between two pages.
pub struct Stop {
    signal: Arc<AtomicBool>,
    /// Why it cannot go on.
    failed: Mutex<Vec<String>>,
    has_failed: AtomicBool,
}

impl Stop {
    /// Ends at Ctrl-C and at SIGTERM.
    ///
    /// # Errors
    /// That the system does not let it see signals.
    pub fn new() -> Result<Stop, String> {
        let signal = Arc::new(AtomicBool::new(false));
        for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The second one ends the program as it is.
            let ends = signal_hook::flag::register_conditional_default(number, Arc::clone(&signal));
            ends.and_then(|_| signal_hook::flag::register(number, Arc::clone(&signal)))
                .map_err(|error| format!("signals: {error}"))?;
        }
        Ok(Stop { signal, failed: Mutex::default(), has_failed: AtomicBool::new(false) })
    }

    /// Whether nothing more is to be begun.
    pub fn ends(&self) -> bool {
        self.was_told() || self.has_failed.load(Ordering::Relaxed)
    }

    /// Whether the user wants it to end.
    pub fn was_told(&self) -> bool {
        self.signal.load(Ordering::Relaxed)
    }

    /// It cannot go on, and why.
    pub fn fail(&self, why: String) {
        self.has_failed.store(true, Ordering::Relaxed);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if !failed.contains(&why) {
            failed.push(why);
        }
    }

    /// Why it could not go on.
    pub fn failures(&self) -> Vec<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
