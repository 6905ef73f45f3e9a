//! `--stat`: keys, memory, clients and load, again and again.

use super::fleet::Fleet;
use super::stop::Stop;
use super::wire::{said, Wire};
use super::Ending;
use crate::reply::Reply;
use crate::run::put;
use std::io;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// Between two looks, unless told.
const EVERY: Duration = Duration::from_secs(1);
/// The head is shown again after so many looks.
const HEAD_EVERY: u64 = 20;
const HEAD: [&str; 2] = [
    "------- data ------ --------------------- load -------------------- - child -",
    "keys       mem      clients blocked requests            connections          ",
];

/// What one server says of itself, or the sum of what several say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Figures {
    keys: u64,
    memory: u64,
    clients: u64,
    blocked: u64,
    requests: u64,
    connections: u64,
    is_saving: bool,
    is_rewriting: bool,
    is_loading: bool,
}

/// A server between two looks.
#[derive(Default)]
struct Watched {
    wire: Option<Wire>,
    first: Option<Figures>,
    last: Option<Figures>,
}

/// Shows a line for each server and one for all of them, `looks` times, or until it is asked to end when that is not given.
///
/// # Errors
/// When the output cannot be written.
pub fn stat(fleet: &Fleet<'_>, every: Option<Duration>, looks: Option<i64>, stop: &Stop) -> io::Result<Ending> {
    let every = every.filter(|every| !every.is_zero()).unwrap_or(EVERY);
    let looks = looks.and_then(|looks| u64::try_from(looks).ok());
    let mut watched: Vec<Watched> = fleet.servers.iter().map(|_| Watched::default()).collect();
    let width = fleet.width().max("total".len());
    let margin = |name: &str| if fleet.is_one_server { String::new() } else { format!("{name:<width$}  ") };
    let begun = Instant::now();
    let mut is_whole = true;
    for look in 0.. {
        if looks.is_some_and(|looks| look >= looks) {
            break;
        }
        let mut out = String::new();
        if look % HEAD_EVERY == 0 {
            out += &format!("{}{}\n{}{}\n", margin(""), HEAD[0], margin("node"), HEAD[1]);
        }
        let answers = ask_all(fleet, &mut watched);
        let (mut sum, mut before) = (Figures::default(), Figures::default());
        for ((server, watched), answer) in fleet.servers.iter().zip(&mut watched).zip(answers) {
            out += &margin(&server.name);
            match answer {
                Ok(now) => {
                    out += &line(&now, watched.last.unwrap_or(now).requests);
                    sum += now;
                    before += watched.last.unwrap_or(now);
                    watched.first.get_or_insert(now);
                    watched.last = Some(now);
                }
                Err(why) => {
                    is_whole = false;
                    out += &format!("no answer: {why}\n");
                }
            }
        }
        if !fleet.is_one_server {
            out += &format!("{}{}", margin("total"), line(&sum, before.requests));
        }
        put(out.as_bytes())?;
        if looks.map_or(true, |looks| look + 1 < looks) && stop.within(every) {
            break;
        }
    }
    if stop.is_asked() {
        eprintln!("{}", so_far(fleet, &watched, begun.elapsed()));
    }
    Ok(if is_whole { Ending::Done } else { Ending::Failed })
}

/// What the servers did since the first look.
fn so_far(fleet: &Fleet<'_>, watched: &[Watched], took: Duration) -> String {
    let requests = |watched: &Watched| match (watched.first, watched.last) {
        (Some(first), Some(last)) => last.requests.saturating_sub(first.requests),
        _ => 0,
    };
    let sum: u64 = watched.iter().map(requests).sum();
    let mut text = format!("\n{sum} requests in {:.1} s", took.as_secs_f64());
    if !fleet.is_one_server {
        let each = fleet.servers.iter().zip(watched);
        let each: Vec<String> = each.map(|(server, seen)| format!("{} {}", server.name, requests(seen))).collect();
        text += &format!(": {}", each.join(", "));
    }
    text
}

/// All servers at the same time. One that is lost is connected to again.
fn ask_all(fleet: &Fleet<'_>, watched: &mut [Watched]) -> Vec<Result<Figures, String>> {
    std::thread::scope(|scope| {
        let asked = watched.iter_mut().enumerate().map(|(server, watched)| {
            scope.spawn(move || {
                let mut wire = match watched.wire.take() {
                    Some(wire) => wire,
                    None => fleet.open_to_look(server)?,
                };
                let figures = Figures::ask(&mut wire)?;
                watched.wire = Some(wire);
                Ok(figures)
            })
        });
        let asked: Vec<_> = asked.collect();
        let broken = |_| Err("the thread that asks it has panicked".to_owned());
        asked.into_iter().map(|thread| thread.join().unwrap_or_else(broken)).collect()
    })
}

impl Figures {
    fn ask(wire: &mut Wire) -> Result<Figures, String> {
        match wire.ask(&[b"INFO"])? {
            Reply::Error(text) => Err(said(&text)),
            reply => Ok(Figures::read(&String::from_utf8_lossy(reply.text().unwrap_or_default()))),
        }
    }

    fn read(info: &str) -> Figures {
        let mut figures = Figures::default();
        for (field, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            let number = || value.parse::<u64>().unwrap_or(0);
            match field {
                "used_memory" => figures.memory = number(),
                "connected_clients" => figures.clients = number(),
                "blocked_clients" => figures.blocked = number(),
                "total_commands_processed" => figures.requests = number(),
                "total_connections_received" => figures.connections = number(),
                "rdb_bgsave_in_progress" | "bgsave_in_progress" => figures.is_saving |= number() > 0,
                "aof_rewrite_in_progress" => figures.is_rewriting = number() > 0,
                "loading" => figures.is_loading = number() > 0,
                _ => {
                    let database = field.strip_prefix("db").filter(|number| number.parse::<u32>().is_ok());
                    let keys = database.and_then(|_| value.strip_prefix("keys=")?.split(',').next()?.parse().ok());
                    figures.keys += keys.unwrap_or(0);
                }
            }
        }
        figures
    }

    fn child(&self) -> &'static str {
        match (self.is_loading, self.is_saving, self.is_rewriting) {
            (true, ..) => "LOAD",
            (_, true, true) => "SAVE+AOF",
            (_, true, false) => "SAVE",
            (_, false, true) => "AOF",
            (_, false, false) => "",
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Figures) {
        self.keys += other.keys;
        self.memory += other.memory;
        self.clients += other.clients;
        self.blocked += other.blocked;
        self.requests += other.requests;
        self.connections += other.connections;
        self.is_saving |= other.is_saving;
        self.is_rewriting |= other.is_rewriting;
        self.is_loading |= other.is_loading;
    }
}

/// In the columns of redis-cli.
fn line(now: &Figures, requests_before: u64) -> String {
    let requests = format!("{} (+{})", now.requests, now.requests.saturating_sub(requests_before));
    format!(
        "{:<11}{:<8} {:<8}{:<8}{:<19} {:<12}{}\n",
        now.keys,
        human(now.memory),
        now.clients,
        now.blocked,
        requests,
        now.connections,
        now.child()
    )
}

/// Bytes as servers write them for people.
fn human(bytes: u64) -> String {
    let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    match units.iter().find(|(_, power)| bytes >= 1 << power) {
        Some((unit, power)) => format!("{:.2}{unit}", bytes as f64 / (1_u64 << power) as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_itself() {
        let info = "# Clients\r\nconnected_clients:3\r\nblocked_clients:1\r\nused_memory:1572864\r\nloading:0\r\n\
                    rdb_bgsave_in_progress:1\r\naof_rewrite_in_progress:0\r\ntotal_connections_received:9\r\n\
                    total_commands_processed:70\r\n# Keyspace\r\ndb0:keys=5,expires=0\r\ndb12:keys=7,expires=1\r\n";
        let figures = Figures::read(info);
        assert_eq!(line(&figures, 60), "12         1.50M    3       1       70 (+10)            9           SAVE\n");
        assert_eq!([human(0), human(1023), human(1024)], ["0B", "1023B", "1.00K"]);
    }
}
