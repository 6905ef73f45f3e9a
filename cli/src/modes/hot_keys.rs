//! `--hotkeys`: the keys that are used most, as servers with an LFU policy count it.

use super::bar::Bar;
use super::fleet::{Fleet, Server};
use super::key_sizes::{heading, on, quoted};
use super::stop::Stop;
use super::walk::{ending, walk, End, News, Scan};
use super::wire::{said, Wire};
use super::Ending;
use crate::reply::Reply;
use crate::table::aligned;
use std::io;

const BAR: &str = "{percent:>3}% [{bar:30}] {pos} of {len} keys, {elapsed}";
/// So many are shown.
const SHOWN: usize = 16;

/// How often it was used, as its server counts; where it is; its name.
type Hot = (u64, usize, Vec<u8>);

/// Goes through all keys and tells of the hottest as they are found, and in the end.
///
/// # Errors
/// When the output cannot be written.
pub fn hot_keys(fleet: &Fleet<'_>, scan: &Scan, stop: &Stop) -> io::Result<Ending> {
    let bar = Bar::new(BAR, fleet.keys());
    bar.print(heading("hot").as_bytes())?;
    // The hottest first.
    let mut hottest: Vec<Hot> = Vec::new();
    let mut servers = vec![(0_u64, End::Stopped); fleet.servers.len()];
    let mut sampled = 0_u64;
    walk(fleet, scan, stop, counters, |server, news| {
        match news {
            News::Page(keys) => {
                bar.advance(keys.len() as u64);
                for (counter, key) in keys {
                    let percent = 100.0 * sampled as f64 / fleet.keys().max(1) as f64;
                    sampled += 1;
                    servers[server].0 += 1;
                    let at = hottest.partition_point(|(other, ..)| *other >= counter);
                    if counter > 0 && at < SHOWN {
                        let (shown, on) = (quoted(&key), on(fleet, server));
                        let line =
                            format!("[{percent:05.2}%] Hot key '{shown}' found so far with counter {counter}{on}\n");
                        bar.print(line.as_bytes())?;
                        hottest.insert(at, (counter, server, key));
                        hottest.truncate(SHOWN);
                    }
                }
            }
            News::Ended(end) => servers[server].1 = end,
        }
        Ok(())
    })?;
    bar.end();
    bar.print(told(fleet, sampled, &hottest, &servers).as_bytes())?;
    let ends: Vec<End> = servers.into_iter().map(|(_, end)| end).collect();
    Ok(ending(fleet, &ends, None))
}

fn counters(wire: &mut Wire, keys: Vec<Vec<u8>>) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let replies = wire.ask_all(keys.iter().map(|key| vec![&b"OBJECT"[..], b"FREQ", key]))?;
    let mut counted = Vec::with_capacity(keys.len());
    for (key, reply) in keys.into_iter().zip(replies) {
        match reply {
            Reply::Integer(counter) => counted.push((counter.unsigned_abs(), key)),
            // It is gone.
            Reply::Nil => {}
            Reply::Error(text) if text.starts_with(b"ERR no such key") => {}
            Reply::Error(text) if text.starts_with(b"ERR An LFU maxmemory policy is not selected") => {
                return Err("its maxmemory-policy is none of *lfu, so it counts no uses".to_owned());
            }
            Reply::Error(text) => return Err(said(&text)),
            _ => return Err("OBJECT FREQ was answered with something else than a number".to_owned()),
        }
    }
    Ok(counted)
}

fn told(fleet: &Fleet<'_>, sampled: u64, hottest: &[Hot], servers: &[(u64, End)]) -> String {
    let mut out = format!("\n-------- summary -------\n\nSampled {sampled} keys in the keyspace!\n");
    for (counter, server, key) in hottest {
        let (key, on) = (quoted(key), on(fleet, *server));
        out += &format!("hot key found with counter: {counter}\tkeyname: {key}{on}\n");
    }
    if !fleet.is_one_server {
        let head = ["NODE", "KEYS", "STATE"].map(str::to_owned);
        let line = |(server, (keys, end)): (&Server, &(u64, End))| [server.name.clone(), keys.to_string(), end.told()];
        let lines: Vec<_> = std::iter::once(head).chain(fleet.servers.iter().zip(servers).map(line)).collect();
        out += &format!("\n-------- per node -------\n\n{}", aligned(&lines, &[1]));
    }
    out
}
