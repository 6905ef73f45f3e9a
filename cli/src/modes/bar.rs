//! How far a mode is: a bar on a terminal, nothing elsewhere.

use crate::run::put;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// It is drawn on standard error, below what is written.
pub struct Bar(ProgressBar);

impl Bar {
    /// For something of this length, where it has one.
    pub fn new(template: &str, length: u64) -> Bar {
        let is_seen = io::stderr().is_terminal();
        let target = if is_seen { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                // What cannot be drawn is not drawn.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
        }
        if is_seen {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Bar(bar)
    }

    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Does something that writes to the terminal, and draws the bar below it.
    pub fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    pub fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// Writes to standard output, above the bar.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print(&self, bytes: &[u8]) -> io::Result<()> {
        self.above(|| put(bytes))
    }

    /// Takes it away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}
