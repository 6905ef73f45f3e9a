//! `--bigkeys` and `--memkeys`: the largest keys, and how large keys are, by type.

use super::bar::Bar;
use super::fleet::{Fleet, Server};
use super::stop::Stop;
use super::walk::{ending, walk, End, News, Scan};
use super::wire::{said, Wire};
use super::Ending;
use crate::quote::quote;
use crate::reply::Reply;
use crate::table::aligned;
use std::fmt::Write as _;
use std::io;

const BAR: &str = "{percent:>3}% [{bar:30}] {pos} of {len} keys, {elapsed}";

/// A type of keys, how its size is asked for, and what that counts.
struct Type {
    name: &'static str,
    size: &'static [u8],
    unit: &'static str,
}

const TYPES: [Type; 6] = [
    Type { name: "list", size: b"LLEN", unit: "items" },
    Type { name: "hash", size: b"HLEN", unit: "fields" },
    Type { name: "string", size: b"STRLEN", unit: "bytes" },
    Type { name: "stream", size: b"XLEN", unit: "entries" },
    Type { name: "set", size: b"SCARD", unit: "members" },
    Type { name: "zset", size: b"ZCARD", unit: "members" },
];

/// What is measured.
#[derive(Debug, Clone)]
pub enum Measure {
    /// Elements, or the bytes of a string.
    Elements,
    /// The memory that a key takes, of which so many elements are looked at, as text.
    Memory { samples: Option<String> },
}

/// One key.
struct Sized {
    name: Vec<u8>,
    key_type: String,
    size: u64,
}

/// What was found of one type.
#[derive(Default, Clone)]
struct OfType {
    name: String,
    unit: &'static str,
    count: u64,
    size: u64,
    biggest: Option<(u64, Vec<u8>, usize)>,
}

/// What was found on one server.
#[derive(Clone)]
struct OfServer {
    keys: u64,
    /// Of each type, in the order of all types.
    types: Vec<(u64, u64)>,
    end: End,
}

struct Totals {
    keys: u64,
    bytes_of_names: u64,
    types: Vec<OfType>,
    servers: Vec<OfServer>,
}

/// Goes through all keys and tells of the largest as they are found, and of all in the end.
///
/// # Errors
/// When the output cannot be written.
pub fn key_sizes(fleet: &Fleet<'_>, scan: &Scan, stop: &Stop, measure: &Measure) -> io::Result<Ending> {
    let bar = Bar::new(BAR, fleet.keys());
    bar.print(heading("biggest").as_bytes())?;
    let mut totals = Totals::new(fleet, measure);
    walk(
        fleet,
        scan,
        stop,
        |wire, keys| sizes(wire, keys, measure),
        |server, news| {
            match news {
                News::Page(keys) => {
                    bar.advance(keys.len() as u64);
                    for key in keys {
                        let sampled = totals.keys;
                        if let Some(of_type) = totals.add(server, key) {
                            bar.print(found(fleet, of_type, sampled).as_bytes())?;
                        }
                    }
                }
                News::Ended(end) => totals.servers[server].end = end,
            }
            Ok(())
        },
    )?;
    bar.end();
    bar.print(totals.told(fleet).as_bytes())?;
    let ends: Vec<End> = totals.servers.into_iter().map(|server| server.end).collect();
    Ok(ending(fleet, &ends, None))
}

/// The types of keys in one round trip, and their sizes in another one. Keys that are gone meanwhile are left out.
fn sizes(wire: &mut Wire, keys: Vec<Vec<u8>>, measure: &Measure) -> Result<Vec<Sized>, String> {
    let types = wire.ask_all(keys.iter().map(|key| vec![&b"TYPE"[..], key]))?;
    let mut found: Vec<Sized> = Vec::with_capacity(keys.len());
    for (name, reply) in keys.into_iter().zip(types) {
        match reply {
            Reply::Status(key_type) if key_type == b"none" => {}
            Reply::Status(key_type) => {
                found.push(Sized { name, key_type: String::from_utf8_lossy(&key_type).into_owned(), size: 0 });
            }
            Reply::Error(text) => return Err(said(&text)),
            _ => return Err("TYPE was answered with something else than a type".to_owned()),
        }
    }
    // What only a module knows has no size but that of its memory.
    let (asked, words): (Vec<usize>, Vec<Vec<&[u8]>>) =
        found.iter().enumerate().filter_map(|(at, key)| Some((at, measure.words(key)?))).unzip();
    let replies = wire.ask_all(words.into_iter())?;
    for (at, reply) in asked.into_iter().zip(replies) {
        match reply {
            Reply::Integer(size) => found[at].size = size.unsigned_abs(),
            // It is gone, or is of another type by now.
            Reply::Nil => {}
            Reply::Error(text) if text.starts_with(b"WRONGTYPE") => {}
            Reply::Error(text) => return Err(said(&text)),
            _ => return Err("a size was asked for, and the answer is no number".to_owned()),
        }
    }
    Ok(found)
}

impl Measure {
    fn words<'k>(&'k self, key: &'k Sized) -> Option<Vec<&'k [u8]>> {
        match self {
            Measure::Elements => {
                let known = TYPES.iter().find(|known| known.name == key.key_type)?;
                Some(vec![known.size, &key.name])
            }
            Measure::Memory { samples: None } => Some(vec![b"MEMORY", b"USAGE", &key.name]),
            Measure::Memory { samples: Some(samples) } => {
                Some(vec![b"MEMORY", b"USAGE", &key.name, b"SAMPLES", samples.as_bytes()])
            }
        }
    }
}

fn found(fleet: &Fleet<'_>, of_type: &OfType, sampled: u64) -> String {
    let Some((size, key, server)) = &of_type.biggest else { return String::new() };
    let percent = 100.0 * sampled as f64 / fleet.keys().max(1) as f64;
    let on = on(fleet, *server);
    format!(
        "[{percent:05.2}%] Biggest {:<6} found so far '{}' with {size} {}{on}\n",
        of_type.name,
        quoted(key),
        of_type.unit
    )
}

/// What is said before keys are looked for, in redis-cli's words.
pub fn heading(which: &str) -> String {
    format!(
        "\n# Scanning the entire keyspace to find {which} keys as well as\n\
         # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
         # per 100 SCAN commands (not usually needed).\n\n"
    )
}

/// Where a key is, unless there is only one place.
pub fn on(fleet: &Fleet<'_>, server: usize) -> String {
    if fleet.is_one_server {
        return String::new();
    }
    format!(" on {}", fleet.servers[server].name)
}

/// A key as it is shown.
pub fn quoted(key: &[u8]) -> String {
    let mut out = Vec::new();
    quote(key, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl Totals {
    fn new(fleet: &Fleet<'_>, measure: &Measure) -> Totals {
        let of_type = |known: &Type| OfType {
            name: known.name.to_owned(),
            unit: if matches!(measure, Measure::Elements) { known.unit } else { "bytes" },
            ..OfType::default()
        };
        let nothing = OfServer { keys: 0, types: Vec::new(), end: End::Stopped };
        Totals {
            keys: 0,
            bytes_of_names: 0,
            types: TYPES.iter().map(of_type).collect(),
            servers: vec![nothing; fleet.servers.len()],
        }
    }

    /// Gives its type when it is the largest of that so far.
    fn add(&mut self, server: usize, key: Sized) -> Option<&OfType> {
        let at = self.types.iter().position(|known| known.name == key.key_type).unwrap_or_else(|| {
            // Of a module.
            self.types.push(OfType { name: key.key_type.clone(), unit: "?", ..OfType::default() });
            self.types.len() - 1
        });
        self.keys += 1;
        self.bytes_of_names += key.name.len() as u64;
        let of_server = &mut self.servers[server];
        of_server.keys += 1;
        of_server.types.resize(of_server.types.len().max(at + 1), (0, 0));
        of_server.types[at].0 += 1;
        of_server.types[at].1 += key.size;
        let of_type = &mut self.types[at];
        of_type.count += 1;
        of_type.size += key.size;
        let is_biggest = key.size > of_type.biggest.as_ref().map_or(0, |(size, ..)| *size);
        if !is_biggest {
            return None;
        }
        of_type.biggest = Some((key.size, key.name, server));
        Some(of_type)
    }

    fn told(&self, fleet: &Fleet<'_>) -> String {
        let average = |sum: u64, count: u64| if count == 0 { 0.0 } else { sum as f64 / count as f64 };
        let mut out = format!(
            "\n-------- summary -------\n\nSampled {} keys in the keyspace!\n\
             Total key length in bytes is {} (avg len {:.2})\n\n",
            self.keys,
            self.bytes_of_names,
            average(self.bytes_of_names, self.keys)
        );
        // Writing to a text never fails.
        for of_type in &self.types {
            if let Some((size, key, server)) = &of_type.biggest {
                let (key, on) = (quoted(key), on(fleet, *server));
                let _ = writeln!(out, "Biggest {:>6} found '{key}' has {size} {}{on}", of_type.name, of_type.unit);
            }
        }
        out.push('\n');
        for of_type in &self.types {
            let percent = 100.0 * average(of_type.count, self.keys);
            let _ = writeln!(
                out,
                "{} {}s with {} {} ({percent:05.2}% of keys, avg size {:.2})",
                of_type.count,
                of_type.name,
                of_type.size,
                of_type.unit,
                average(of_type.size, of_type.count)
            );
        }
        if !fleet.is_one_server {
            let _ = write!(out, "\n-------- per node -------\n\n{}", self.per_node(fleet));
        }
        out
    }

    /// How many keys of each type a node has, and in brackets their size.
    fn per_node(&self, fleet: &Fleet<'_>) -> String {
        let mut head = ["NODE", "KEYS", "", "", "", "", "", "", "STATE"].map(str::to_owned);
        for (cell, known) in head[2..8].iter_mut().zip(&self.types) {
            *cell = format!("{}s ({})", known.name, known.unit);
        }
        let line = |(server, found): (&Server, &OfServer)| {
            let mut cells: [String; 9] = std::array::from_fn(|_| "-".to_owned());
            [cells[0], cells[1], cells[8]] = [server.name.clone(), found.keys.to_string(), found.end.told()];
            for (cell, (count, size)) in cells[2..8].iter_mut().zip(&found.types) {
                if *count > 0 {
                    *cell = format!("{count} ({size})");
                }
            }
            cells
        };
        let lines: Vec<_> = std::iter::once(head).chain(fleet.servers.iter().zip(&self.servers).map(line)).collect();
        aligned(&lines, &[1, 2, 3, 4, 5, 6, 7])
    }
}
