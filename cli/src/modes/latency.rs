//! `--latency` and `--latency-history`: how long a PING takes.

use super::fleet::Fleet;
use super::stop::{Stop, GLANCE};
use super::wire::said;
use super::Ending;
use crate::render::Mode;
use crate::reply::Reply;
use crate::run::put;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two questions to one server.
const PAUSE: Duration = Duration::from_millis(10);
/// How long is asked where nobody watches, unless told.
const ONCE: Duration = Duration::from_secs(1);
/// How long a line of the history is about, unless told.
const RANGE: Duration = Duration::from_secs(15);
/// Between two attempts to reach a server that was lost.
const AGAIN: Duration = Duration::from_secs(1);

/// The times of one server, in milliseconds.
#[derive(Debug, Default, Clone)]
struct Times {
    least: f64,
    most: f64,
    sum: f64,
    count: u64,
    /// Why it does not answer now.
    lost: Option<String>,
}

/// Asks all servers at the same time: on a terminal until it is asked to end, else for the interval.
///
/// # Errors
/// When the output cannot be written.
pub fn latency(fleet: &Fleet<'_>, interval: Option<Duration>, mode: Mode, stop: &Stop) -> io::Result<Ending> {
    let is_watched = mode == Mode::Standard && io::stdout().is_terminal();
    asking(fleet, stop, |times| {
        if !is_watched {
            stop.within(interval.unwrap_or(ONCE));
            return put(lines(fleet, &taken(times, false), mode, None).as_bytes());
        }
        let mut drawn = 0;
        loop {
            let is_over = stop.within(GLANCE * 2);
            let text = lines(fleet, &taken(times, false), mode, None);
            put(redrawn(&text, drawn).as_bytes())?;
            drawn = text.lines().count();
            if is_over {
                return Ok(());
            }
        }
    })
}

/// As [`latency`], with lines for each range of time, until it is asked to end.
///
/// # Errors
/// When the output cannot be written.
pub fn history(fleet: &Fleet<'_>, interval: Option<Duration>, mode: Mode, stop: &Stop) -> io::Result<Ending> {
    let range = interval.filter(|range| !range.is_zero()).unwrap_or(RANGE);
    let is_watched = mode == Mode::Standard && io::stdout().is_terminal();
    asking(fleet, stop, |times| loop {
        let begun = Instant::now();
        let mut drawn = 0;
        let mut is_over = false;
        while begun.elapsed() < range && !is_over {
            is_over = stop.within(range.saturating_sub(begun.elapsed()).min(GLANCE * 2));
            if is_watched {
                let text = lines(fleet, &taken(times, false), mode, None);
                put(redrawn(&text, drawn).as_bytes())?;
                drawn = text.lines().count();
            }
        }
        let text = lines(fleet, &taken(times, true), mode, Some(begun.elapsed()));
        put(if is_watched { redrawn(&text, drawn) } else { text }.as_bytes())?;
        if is_over {
            return Ok(());
        }
    })
}

/// Runs `show` while a thread for each server asks.
fn asking(fleet: &Fleet<'_>, stop: &Stop, show: impl FnOnce(&[Mutex<Times>]) -> io::Result<()>) -> io::Result<Ending> {
    let times: Vec<Mutex<Times>> = fleet.servers.iter().map(|_| Mutex::default()).collect();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (server, times) in times.iter().enumerate() {
            let over = &over;
            scope.spawn(move || {
                let is_over = || over.load(std::sync::atomic::Ordering::Relaxed) || stop.is_asked();
                while !is_over() {
                    let Err(why) = ask(fleet, server, times, &is_over) else { return };
                    locked(times).lost = Some(why);
                    let lost = Instant::now();
                    while lost.elapsed() < AGAIN && !is_over() {
                        std::thread::sleep(GLANCE);
                    }
                }
            });
        }
        let shown = show(&times);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        shown
    })?;
    let is_whole = times.iter().all(|times| locked(times).lost.is_none());
    Ok(if is_whole { Ending::Done } else { Ending::Failed })
}

/// Asks one server again and again.
fn ask(fleet: &Fleet<'_>, server: usize, times: &Mutex<Times>, is_over: &dyn Fn() -> bool) -> Result<(), String> {
    let mut wire = fleet.open(server)?;
    while !is_over() {
        let begun = Instant::now();
        if let Reply::Error(text) = wire.ask(&[b"PING"])? {
            return Err(said(&text));
        }
        locked(times).add(begun.elapsed());
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// What a thread that panicked has left is still right.
fn locked(times: &Mutex<Times>) -> std::sync::MutexGuard<'_, Times> {
    times.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What there is of each server; `afresh` begins anew.
fn taken(times: &[Mutex<Times>], afresh: bool) -> Vec<Times> {
    let take = |times: &Mutex<Times>| {
        let mut times = locked(times);
        let now = times.clone();
        if afresh {
            *times = Times { lost: now.lost.clone(), ..Times::default() };
        }
        now
    };
    times.iter().map(take).collect()
}

impl Times {
    fn add(&mut self, took: Duration) {
        let took = took.as_secs_f64() * 1000.0;
        self.least = if self.count == 0 { took } else { self.least.min(took) };
        self.most = self.most.max(took);
        self.sum += took;
        self.count += 1;
        self.lost = None;
    }

    fn average(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum / self.count as f64
        }
    }
}

/// A line for each server, and for several one about all of them. One server's is as redis-cli prints it, in whole
/// milliseconds.
fn lines(fleet: &Fleet<'_>, times: &[Times], mode: Mode, range: Option<Duration>) -> String {
    let width = fleet.width().max("all".len());
    let mut out = String::new();
    let mut line = |name: &str, times: &Times| {
        let digits = if fleet.is_one_server { 0 } else { 2 };
        let Times { least, most, count, lost, .. } = times;
        let average = times.average();
        // Writing to a text never fails.
        let _ = match (mode, fleet.is_one_server) {
            (Mode::Standard, true) => Ok(()),
            (Mode::Standard, false) => write!(out, "{name:<width$}  "),
            (Mode::Csv, false) => write!(out, "{name},"),
            (_, false) => write!(out, "{name} "),
            (_, true) => Ok(()),
        };
        let _ = match mode {
            Mode::Standard => {
                write!(out, "min: {least:.digits$}, max: {most:.digits$}, avg: {average:.2} ({count} samples)")
            }
            Mode::Csv => write!(out, "{least:.digits$},{most:.digits$},{average:.2},{count}"),
            _ => write!(out, "{least:.digits$} {most:.digits$} {average:.2} {count}"),
        };
        if let (Some(range), true) = (range, mode == Mode::Standard) {
            let _ = write!(out, " -- {:.2} seconds range", range.as_secs_f64());
        }
        if let Some(why) = lost {
            let _ = write!(out, "  no answer: {why}");
        }
        out.push('\n');
    };
    for (server, times) in fleet.servers.iter().zip(times) {
        line(&server.name, times);
    }
    if !fleet.is_one_server {
        let answered = times.iter().filter(|times| times.count > 0);
        let all = answered.fold(Times::default(), |all, times| Times {
            least: if all.count == 0 { times.least } else { all.least.min(times.least) },
            most: all.most.max(times.most),
            sum: all.sum + times.sum,
            count: all.count + times.count,
            lost: None,
        });
        line("all", &all);
    }
    out
}

/// Text in the place of lines that were drawn before.
fn redrawn(text: &str, lines: usize) -> String {
    let up = if lines == 0 { String::new() } else { format!("\x1b[{lines}A") };
    // Each line is cleared before it is written, so that nothing of a longer one is left.
    let cleared: String = text.lines().map(|line| format!("\x1b[2K{line}\n")).collect();
    format!("\r{up}{cleared}")
}
