//! What redis-cli does besides running commands, over all nodes at once.

mod bar;
mod fleet;
mod hot_keys;
pub mod input;
mod instead;
mod key_sizes;
mod latency;
mod monitor;
pub mod named;
mod options;
mod pipe;
pub mod pushes;
mod scan;
mod stat;
mod stop;
mod subscribe;
mod walk;
mod wire;

pub use instead::instead_of;
pub use options::ModeOptions;

use crate::config::Config;
use crate::options::Options;
use crate::quote;
use fleet::Fleet;
use key_sizes::Measure;
use options::Mode;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;
use stop::Stop;
use walk::Scan;

/// How a mode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// Something is missing, or was answered with an error.
    Failed,
    /// Ctrl-C came before it was done.
    Interrupted,
}

/// Runs the mode that the command line asks for, if it asks for one.
///
/// # Errors
/// When the input cannot be read or the output cannot be written.
pub fn run(options: &Options, config: &Config, words: &[Vec<u8>]) -> io::Result<Option<ExitCode>> {
    let ran = match options.modes.mode() {
        Err(message) => Err(message),
        Ok(Some(_)) if !words.is_empty() => Err("this mode takes no command".to_owned()),
        Ok(Some(mode)) => in_mode(mode, options, config)?,
        Ok(None) => match messages(options, config, words)? {
            Some(ran) => ran,
            None => return Ok(None),
        },
    };
    Ok(Some(match ran {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::FAILURE,
        Ok(Ending::Interrupted) => ExitCode::from(stop::INTERRUPTED),
        Err(message) => {
            eprintln!("rediscluster: {message}");
            ExitCode::FAILURE
        }
    }))
}

/// An error in the outer result is one of input or output, one in the inner result why the mode cannot begin.
type Ran = io::Result<Result<Ending, String>>;

fn in_mode(mode: Mode, options: &Options, config: &Config) -> Ran {
    let modes = &options.modes;
    if modes.on_each {
        return Ok(Err("--on-each is for commands; the modes are about all nodes anyway".to_owned()));
    }
    let stop = Stop::at_ctrl_c()?;
    if mode == Mode::Pipe && config.direct.is_none() && modes.on.is_none() {
        return pipe::routed(config, modes.pipe_timeout, &stop);
    }
    let mut fleet = match Fleet::of(config, modes.on.as_deref(), &stop) {
        Ok(fleet) => fleet,
        Err(message) => return Ok(Err(message)),
    };
    let scan = match scan_of(options, mode) {
        Ok(scan) => scan,
        Err(message) => return Ok(Err(message)),
    };
    fleet.look().iter().for_each(|twin| eprintln!("rediscluster: {twin}"));
    let style = options.style(io::stdout().is_terminal());
    Ok(match mode {
        Mode::Scan => Ok(scan::scan(&fleet, &scan, &stop, modes.with_node, &style)?),
        Mode::BigKeys => Ok(key_sizes::key_sizes(&fleet, &scan, &stop, &Measure::Elements)?),
        Mode::MemKeys => {
            let samples = modes.memkeys_samples.map(|count| count.to_string());
            Ok(key_sizes::key_sizes(&fleet, &scan, &stop, &Measure::Memory { samples })?)
        }
        Mode::HotKeys => Ok(hot_keys::hot_keys(&fleet, &scan, &stop)?),
        Mode::Stat => Ok(stat::stat(&fleet, options.interval, options.repeat, &stop)?),
        Mode::Latency => Ok(latency::latency(&fleet, options.interval, style.mode, &stop)?),
        Mode::LatencyHistory => Ok(latency::history(&fleet, options.interval, style.mode, &stop)?),
        Mode::Pipe => pipe::to_one_server(&fleet, modes.pipe_timeout, &stop)?,
    })
}

fn scan_of(options: &Options, mode: Mode) -> Result<Scan, String> {
    let modes = &options.modes;
    let pattern = match (&modes.pattern, &modes.quoted_pattern) {
        (Some(pattern), _) => Some(pattern.as_encoded_bytes().to_vec()),
        (None, Some(quoted)) => match quote::split(quoted.as_encoded_bytes()).as_deref() {
            Some([pattern]) => Some(pattern.clone()),
            _ => return Err("--quoted-pattern: the quotes do not fit".to_owned()),
        },
        (None, None) => None,
    };
    // As redis-cli has it: this one pauses after each page, the others after 100.
    let pages = if mode == Mode::Scan { 1 } else { 100 };
    Ok(Scan {
        pattern,
        key_type: modes.key_type.clone(),
        count: modes.count.map(|count| count.to_string()),
        pause: options.interval.filter(|interval| *interval > Duration::ZERO).map(|interval| (pages, interval)),
    })
}

/// Commands that are answered by a stream of messages.
fn messages(options: &Options, config: &Config, words: &[Vec<u8>]) -> io::Result<Option<Result<Ending, String>>> {
    let Some((first, rest)) = words.split_first() else { return Ok(None) };
    let name = first.to_ascii_lowercase();
    let is_monitor = name == b"monitor";
    if !is_monitor && ![&b"subscribe"[..], b"psubscribe", b"ssubscribe"].contains(&&name[..]) {
        return Ok(None);
    }
    if is_monitor != rest.is_empty() {
        // A server says so in its own words.
        return Ok(None);
    }
    let style = options.style(io::stdout().is_terminal());
    let on = options.modes.on.as_deref();
    let stop = Stop::at_ctrl_c()?;
    if !is_monitor && config.direct.is_none() && on.is_none() {
        return subscribe::routed(config, &name, rest, &style, &stop).map(Some);
    }
    let mut fleet = match Fleet::of(config, on, &stop) {
        Ok(fleet) => fleet,
        Err(message) => return Ok(Some(Err(message))),
    };
    if is_monitor {
        fleet.look().iter().for_each(|twin| eprintln!("rediscluster: {twin}"));
        return monitor::monitor(&fleet, &stop).map(|ending| Some(Ok(ending)));
    }
    subscribe::to_one_server(&fleet, words, &style, &stop).map(Some)
}
