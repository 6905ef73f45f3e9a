//! How far a comparison is: a bar on a terminal, lines elsewhere, lines of JSON where that is asked for.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often there is a line.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often there is one of JSON.
const JSON_EVERY: Duration = Duration::from_secs(1);
const BARS_A_SECOND: u8 = 5;
const TEMPLATE: &str = "{prefix} {wide_bar} {percent:>3}% {pos}/{len} keys, {rate}, {msg}{eta} left";

/// What is shown while the keys of one side are gone through.
pub struct Progress {
    side: &'static str,
    passed: AtomicU64,
    total: u64,
    bar: ProgressBar,
    json: bool,
    lines: bool,
    told: Mutex<Instant>,
}

impl Progress {
    /// For a side with so many keys.
    pub fn new(side: &'static str, total: u64, json: bool) -> Progress {
        let is_bar = !json && io::stderr().is_terminal();
        let target = match is_bar {
            true => ProgressDrawTarget::stderr_with_hz(BARS_A_SECOND),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // The bar has nobody to tell of an error.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        let style = style.with_key("rate", rate);
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style).with_prefix(side);
        let told = Mutex::new(Instant::now());
        Progress { side, passed: AtomicU64::new(0), total, bar, json, lines: !json && !is_bar, told }
    }

    /// So many keys more were gone through, and there are so many differences by now.
    pub fn passed(&self, keys: u64, differences: u64) {
        // There may be more keys by now than at the beginning.
        let passed = (self.passed.fetch_add(keys, Ordering::Relaxed) + keys).min(self.total);
        self.bar.set_position(passed);
        if differences > 0 {
            self.bar.set_message(format!("{}, ", counted(differences)));
        }
        let (side, total) = (self.side, self.total);
        if self.json && self.is_time(JSON_EVERY) {
            let line = json!({"progress": {"side": side, "keys": passed, "of": total, "differences": differences}});
            let _ = writeln!(io::stdout(), "{line}");
        }
        if self.lines && self.is_time(LINE_EVERY) {
            let _ = writeln!(io::stderr(), "{side}: {passed} of {total} keys, {}", counted(differences));
        }
    }

    fn is_time(&self, every: Duration) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = told.elapsed() >= every;
        if is_time {
            *told = Instant::now();
        }
        is_time
    }

    /// Writes something that the bar must not get into.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// How many keys were gone through, and how many there were.
    pub fn far(&self) -> (u64, u64) {
        (self.passed.load(Ordering::Relaxed).min(self.total), self.total)
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn counted(differences: u64) -> String {
    format!("{differences} difference{}", if differences == 1 { "" } else { "s" })
}
