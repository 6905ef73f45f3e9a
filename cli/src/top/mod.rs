//! `top`: what the servers are doing, live.

mod reading;
mod screen;
mod table;
mod watch;

use crate::asked;
use crate::config::Config;
use crate::options::seconds;
use crate::render::Mode;
use crate::session::Ran;
use clap::Parser;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use table::Column;
use watch::{Server, State, Watch};

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(100);

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
Keys: p or space holds the screen still, s and S sort by the next column and the one before, R turns the order round,
+ and - change the interval, r hides the replicas, arrows scroll, q, Esc or Ctrl-C end it.

With --once the status is 1 when a server does not answer.";

/// Shows live what the servers do: operations, hits, memory, clients, keys, replicas, slow commands.
#[derive(Debug, PartialEq, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
#[command(name = "rediscluster top", override_usage = "rediscluster [OPTIONS] top [OPTIONS]")]
pub struct Wish {
    /// Wait for one interval, show what happened in it, and end
    #[arg(long)]
    once: bool,

    /// Show that as JSON; with --once
    #[arg(long)]
    json: bool,

    /// How often the servers are asked
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,

    /// By which column the servers are sorted: the name at its head
    #[arg(long, value_name = "COLUMN", default_value = "node", value_parser = column)]
    sort: Column,

    /// The other way round
    #[arg(long = "reverse")]
    reversed: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    seconds(text).map(|interval| interval.max(SHORTEST))
}

fn column(name: &str) -> Result<Column, String> {
    Column::find(name).ok_or_else(|| format!("none of {}", table::COLUMNS.map(Column::name).join(", ")))
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
    let mut wish = match asked::read(words).and_then(|wish: Wish| config.is_fleet("top").map(|()| wish)) {
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
        let read =
            |line: &[&str]| asked::read::<Wish>(&line.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        let wish = read(&["--once", "--interval", "0.5", "--sort=OPS", "--reverse"]).unwrap();
        let interval = Duration::from_millis(500);
        assert_eq!(wish, Wish { once: true, json: false, interval, sort: Column::Ops, reversed: true });
        assert_eq!(read(&["--interval=0"]).unwrap().interval, SHORTEST);
        for line in [&["--sort", "x"][..], &["--interval"], &["--one"]] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }
}
