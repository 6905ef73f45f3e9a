//! `top`: what the servers are doing, live.

mod reading;
mod screen;
mod table;
mod watch;

use crate::config::Config;
use crate::options::seconds;
use crate::render::Mode;
use crate::session::Ran;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use table::Column;
use watch::{Server, State, Watch};

/// How often the servers are asked unless told.
const INTERVAL: Duration = Duration::from_secs(1);
/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Debug, PartialEq)]
pub struct Wish {
    once: bool,
    json: bool,
    interval: Duration,
    sort: Column,
    reversed: bool,
}

impl Wish {
    fn read(words: &[Vec<u8>]) -> Result<Wish, String> {
        let mut wish = Wish { once: false, json: false, interval: INTERVAL, sort: Column::Node, reversed: false };
        let mut words = words.iter().map(|word| String::from_utf8_lossy(word).into_owned());
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || value.clone().or_else(|| words.next()).unwrap_or_default();
            match name {
                "--once" => wish.once = true,
                "--json" => wish.json = true,
                "--reverse" => wish.reversed = true,
                "--interval" => {
                    let interval = seconds(&value()).map_err(|_| "top: --interval takes a number of seconds")?;
                    wish.interval = interval.max(SHORTEST);
                }
                "--sort" => {
                    let names = table::COLUMNS.map(Column::name).join(", ");
                    wish.sort = Column::find(&value()).ok_or_else(|| format!("top: --sort takes {names}"))?;
                }
                _ => {
                    return Err(format!(
                        "top: {word} is none of --once, --json, --interval SECONDS, --sort COLUMN and --reverse"
                    ))
                }
            }
        }
        Ok(wish)
    }
}

/// How long a server may say nothing before that is told.
fn patience(interval: Duration) -> Duration {
    interval * 2 + Duration::from_millis(500)
}

/// A screen that is drawn again and again, or with `--once` the figures of one interval. A server without an answer makes
/// [`Ran::Failed`] of that.
///
/// # Errors
/// When the terminal cannot be used; and in words, what is wrong with what was asked for.
pub fn top(config: &Config, words: &[Vec<u8>], mode: Mode) -> io::Result<Result<Ran, String>> {
    let mut wish = match Wish::read(words).and_then(|wish| config.is_fleet("top").map(|()| wish)) {
        Ok(wish) => wish,
        Err(message) => return Ok(Err(message)),
    };
    wish.json |= matches!(mode, Mode::Json | Mode::QuotedJson);
    if let Err(error) = config.builder().build() {
        return Ok(Err(error.to_string()));
    }
    if !wish.once && (wish.json || !io::stdout().is_terminal()) {
        return Ok(Err(
            "top is a screen on a terminal; top --once gives the figures once, with --json for programs".into()
        ));
    }
    let watch = Watch::start(config, wish.interval);
    if wish.once { once(&watch, &wish) } else { screen::show(&watch, &wish) }.map(Ok)
}

/// Waits for two answers of every server, or for one that is none, and says what happened in between.
fn once(watch: &Watch, wish: &Wish) -> io::Result<Ran> {
    let until = Instant::now() + wish.interval * 2 + Duration::from_secs(5);
    let is_done = |server: &Server| server.asked >= 2 || matches!(server.state, State::Down(_));
    let mut servers = watch.servers();
    while !servers.iter().all(is_done) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
        servers = watch.servers();
    }
    table::sort(&mut servers, wish.sort, wish.reversed);
    let patience = patience(wish.interval);
    let text = if wish.json {
        let rows: Vec<_> = servers.iter().map(|server| server.json(patience)).collect();
        let total = table::total_json(&servers);
        format!("{}\n", json!({"interval": wish.interval.as_secs_f64(), "servers": rows, "total": total}))
    } else {
        let mut lines: Vec<_> = servers.iter().map(|server| server.line(patience)).collect();
        lines.extend(table::total_line(&servers));
        table::aligned(&lines).iter().map(|line| format!("{}\n", line.trim_end())).collect()
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    let is_up = |server: &Server| matches!(server.state, State::Up(_));
    Ok(if servers.iter().all(is_up) { Ran::Answered } else { Ran::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let read = |line: &[&str]| Wish::read(&line.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        let wish = read(&["--once", "--interval", "0.5", "--sort=OPS", "--reverse"]).unwrap();
        let interval = Duration::from_millis(500);
        assert_eq!(wish, Wish { once: true, json: false, interval, sort: Column::Ops, reversed: true });
        assert_eq!(read(&["--interval=0"]).unwrap().interval, SHORTEST);
        for line in [&["--sort", "x"][..], &["--interval"], &["--one"]] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }
}
