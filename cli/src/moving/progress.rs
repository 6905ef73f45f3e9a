//! How far a run is: bars on a terminal, lines elsewhere, lines of JSON where that is asked for.

use super::fleet::Fleet;
use super::report::bytes;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often there is a line.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often there is one of JSON.
const JSON_EVERY: Duration = Duration::from_secs(1);
const BARS_A_SECOND: u8 = 5;
const TEMPLATE: &str = "{prefix} {wide_bar} {percent:>3}% {pos}/{len} keys, {msg}, {eta} left";

/// What is shown.
pub struct Progress {
    sources: Vec<Source>,
    bars: MultiProgress,
    begun: Instant,
    how: How,
    told: Mutex<Instant>,
}

struct Source {
    place: String,
    keys: AtomicU64,
    bytes: AtomicU64,
    total: u64,
    /// How many of them earlier runs have copied.
    before: u64,
    bar: ProgressBar,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Bars,
    Lines,
    Json,
}

impl Progress {
    /// For sources with so many keys each, of which so many have been copied by earlier runs.
    pub fn new(from: &Fleet, totals: &[(u64, u64)], json: bool) -> Progress {
        let how = match (json, std::io::stderr().is_terminal()) {
            (true, _) => How::Json,
            (false, true) => How::Bars,
            (false, false) => How::Lines,
        };
        let target = match how {
            How::Bars => ProgressDrawTarget::stderr_with_hz(BARS_A_SECOND),
            _ => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let sources = from.servers.iter().zip(totals).map(|(server, &(total, before))| {
            let bar = bars.add(ProgressBar::new(total).with_style(style.clone()).with_prefix(server.place()));
            bar.set_position(before);
            bar.reset_eta();
            Source { place: server.place(), keys: AtomicU64::new(before), bytes: AtomicU64::new(0), total, before, bar }
        });
        Progress { sources: sources.collect(), bars, begun: Instant::now(), how, told: Mutex::new(Instant::now()) }
    }

    /// Keys of a source have been copied.
    pub fn copied(&self, source: usize, keys: u64, size: u64) {
        let source = &self.sources[source];
        let size = source.bytes.fetch_add(size, Ordering::Relaxed) + size;
        source.keys.fetch_add(keys, Ordering::Relaxed);
        match self.how {
            How::Bars => {
                source.bar.inc(keys);
                let copied = source.keys.load(Ordering::Relaxed) - source.before;
                let rate = copied as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
                source.bar.set_message(format!("{}, {rate:.0} keys/s", bytes(size)));
            }
            How::Lines => self.line(LINE_EVERY),
            How::Json => self.line(JSON_EVERY),
        }
    }

    /// A line, when the last one is old enough.
    fn line(&self, every: Duration) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() < every {
                return;
            }
            *told = Instant::now();
        }
        let sum = |of: fn(&Source) -> u64| self.sources.iter().map(of).sum::<u64>();
        let (keys, size) = (sum(|s| s.keys.load(Ordering::Relaxed)), sum(|s| s.bytes.load(Ordering::Relaxed)));
        let total = sum(|source| source.total);
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.how == How::Json {
            let sources = self.sources.iter().map(|source| {
                json!({
                    "source": source.place,
                    "keys": source.keys.load(Ordering::Relaxed),
                    "of": source.total,
                    "bytes": source.bytes.load(Ordering::Relaxed),
                })
            });
            let sources: Vec<_> = sources.collect();
            let line =
                json!({"progress": {"keys": keys, "of": total, "bytes": size, "seconds": seconds, "sources": sources}});
            let _ = writeln!(std::io::stdout(), "{line}");
        } else {
            let _ = writeln!(std::io::stderr(), "{keys} of {total} keys, {} after {seconds:.0} s", bytes(size));
        }
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.sources.iter().for_each(|source| source.bar.finish_and_clear());
        let _ = self.bars.clear();
    }
}
