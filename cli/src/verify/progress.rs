//! How far a walk is: a bar on a terminal, and a line now and then elsewhere.

use super::state::State;
use super::verdict::Kind;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Between two lines where there is no bar.
const LINE_AFTER: Duration = Duration::from_secs(10);

/// Shown on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    last_line: Instant,
}

impl Progress {
    /// Of so many keys, as far as can be known.
    pub fn new(total: u64) -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{bar:30} {percent:>3} %  {pos} of {len} keys  {rate}  {eta} left  {msg}");
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                // What cannot be written is not shown.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate));
            bar
        });
        Progress { bar, total, last_line: Instant::now() }
    }

    /// So far it has come.
    pub fn update(&mut self, state: &State) {
        let keys = state.keys();
        match &self.bar {
            Some(bar) => {
                // Keys come while the walk goes on.
                if keys > self.total {
                    bar.set_length(keys);
                }
                bar.set_position(keys);
                bar.set_message(found(state));
            }
            None if self.last_line.elapsed() >= LINE_AFTER => {
                self.last_line = Instant::now();
                let percent = (100 * keys).checked_div(self.total).map_or(100, |percent| percent.min(100));
                let (total, found) = (self.total.max(keys), found(state));
                eprintln!(
                    "verify: {keys} of {total} keys ({percent} %){}{found}",
                    if found.is_empty() { "" } else { ", " }
                );
            }
            None => {}
        }
    }

    /// Writes to the terminal without a bar in between.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What was found, in a word or two.
fn found(state: &State) -> String {
    let counts = [(state.count(Kind::Moved), "moved"), (state.wrong(), "to look at")];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}
