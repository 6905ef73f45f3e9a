//! What one server says of its work, and what it did between two such looks. Pure.

use rediscluster::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// One look at a server.
#[derive(Debug, Clone)]
pub struct Reading {
    pub at: Instant,
    pub is_master: bool,
    /// For a replica: whether it follows its master.
    pub link_up: bool,
    /// Since its start.
    commands: u64,
    hits: u64,
    misses: u64,
    evicted: u64,
    /// What it measured itself, of the last seconds.
    ops_per_second: f64,
    /// In bytes.
    pub memory: u64,
    /// In bytes; 0 for none.
    pub max_memory: u64,
    pub clients: u64,
    /// In all databases.
    pub keys: u64,
    pub replicas: Vec<Replica>,
    /// The last ones, newest first; `None` when it does not tell.
    pub slow: Option<Vec<Slow>>,
    run_id: String,
}

/// A replica as its master sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    pub address: String,
    pub state: String,
    /// How many bytes of its master's writes it has not said to have.
    pub behind: Option<u64>,
    /// For how many seconds its master has heard nothing of it.
    pub lag: Option<u64>,
}

/// A command that took long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Each has a higher number than the one before it.
    pub id: i64,
    /// By the clock of the server, in seconds.
    pub unix_time: i64,
    pub micros: i64,
    pub command: String,
}

/// What a server did in a time, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub ops_per_second: f64,
    /// Of 1; `None` when no key was looked up.
    pub hit_rate: Option<f64>,
    pub hits: u64,
    pub misses: u64,
    pub evicted_per_second: f64,
    /// How many commands took long; `None` when it does not tell.
    pub slow: Option<u64>,
    pub memory: u64,
    pub max_memory: u64,
    pub clients: u64,
    pub keys: u64,
    pub replicas: Vec<Replica>,
}

/// The most characters of a slow command that are shown.
const COMMAND: usize = 200;

impl Reading {
    /// Of the replies to `INFO` and `SLOWLOG GET`.
    pub fn new(info: &str, slow: Option<Vec<Slow>>, at: Instant) -> Reading {
        let fields: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
        let text = |name: &str| fields.get(name).copied().unwrap_or_default();
        let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
        let offset = text("master_repl_offset").parse().ok();
        let keys = fields.iter().filter(|(name, _)| numbered(name, "db").is_some());
        let mut replicas: Vec<(u64, Replica)> = fields
            .iter()
            .filter_map(|(name, value)| Some((numbered(name, "slave")?, Replica::read(value, offset)?)))
            .collect();
        replicas.sort_by_key(|(number, _)| *number);
        Reading {
            at,
            is_master: text("role") == "master",
            link_up: text("master_link_status") == "up",
            commands: number("total_commands_processed"),
            hits: number("keyspace_hits"),
            misses: number("keyspace_misses"),
            evicted: number("evicted_keys"),
            ops_per_second: text("instantaneous_ops_per_sec").parse().unwrap_or(0.0),
            memory: number("used_memory"),
            max_memory: number("maxmemory"),
            clients: number("connected_clients"),
            keys: keys.filter_map(|(_, value)| named(value, "keys")?.parse::<u64>().ok()).sum(),
            replicas: replicas.into_iter().map(|(_, replica)| replica).collect(),
            slow,
            run_id: text("run_id").to_owned(),
        }
    }

    /// What it did since an earlier look; since its start where there is none, or where it was started again.
    pub fn since(&self, earlier: Option<&Reading>) -> Figures {
        let earlier = earlier.filter(|earlier| earlier.run_id == self.run_id && earlier.commands <= self.commands);
        let seconds =
            earlier.map(|earlier| self.at.saturating_duration_since(earlier.at).max(Duration::from_millis(1)));
        let of = |field: fn(&Reading) -> u64| field(self).saturating_sub(earlier.map_or(0, field));
        let per_second = |count: u64| seconds.map_or(0.0, |seconds| count as f64 / seconds.as_secs_f64());
        let (hits, misses) = (of(|reading| reading.hits), of(|reading| reading.misses));
        Figures {
            ops_per_second: match earlier {
                Some(_) => per_second(of(|reading| reading.commands)),
                None => self.ops_per_second,
            },
            hit_rate: hit_rate(hits, misses),
            hits,
            misses,
            evicted_per_second: per_second(of(|reading| reading.evicted)),
            slow: self.slow.as_ref().map(|_| {
                let newest =
                    |reading: &Reading| reading.slow.as_ref().and_then(|slow| Some(slow.first()?.id + 1)).unwrap_or(0);
                earlier.map_or(0, |earlier| u64::try_from(newest(self) - newest(earlier)).unwrap_or(0))
            }),
            memory: self.memory,
            max_memory: self.max_memory,
            clients: self.clients,
            keys: self.keys,
            replicas: self.replicas.clone(),
        }
    }
}

impl Figures {
    /// Of several servers. Their limit is known when each of them has one.
    pub fn total<'f>(each: impl Iterator<Item = &'f Figures>) -> Option<Figures> {
        each.cloned().reduce(|mut sum, one| {
            sum.ops_per_second += one.ops_per_second;
            sum.hits += one.hits;
            sum.misses += one.misses;
            sum.hit_rate = hit_rate(sum.hits, sum.misses);
            sum.evicted_per_second += one.evicted_per_second;
            sum.slow = sum.slow.zip(one.slow).map(|(left, right)| left + right);
            sum.memory += one.memory;
            sum.max_memory =
                if sum.max_memory == 0 || one.max_memory == 0 { 0 } else { sum.max_memory + one.max_memory };
            sum.clients += one.clients;
            sum.keys += one.keys;
            sum.replicas.extend(one.replicas);
            sum
        })
    }

    /// The replica that is worst off.
    pub fn worst_replica(&self) -> Option<&Replica> {
        self.replicas.iter().max_by_key(|replica| (replica.state != "online", replica.lag, replica.behind))
    }
}

fn hit_rate(hits: u64, misses: u64) -> Option<f64> {
    (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
}

/// N of a field such as `slaveN`.
fn numbered(field: &str, word: &str) -> Option<u64> {
    field.strip_prefix(word).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// A part of `name=value,name=value`.
fn named<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

impl Replica {
    fn read(value: &str, master_offset: Option<u64>) -> Option<Replica> {
        let (host, port) = (named(value, "ip")?, named(value, "port")?.parse::<u16>().ok()?);
        let offset: Option<u64> = named(value, "offset").and_then(|offset| offset.parse().ok());
        Some(Replica {
            address: if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") },
            state: named(value, "state")?.to_owned(),
            behind: master_offset.zip(offset).map(|(master, offset)| master.saturating_sub(offset)),
            lag: named(value, "lag").and_then(|lag| lag.parse().ok()),
        })
    }
}

impl Slow {
    /// Of the reply to `SLOWLOG GET`.
    pub fn read(reply: &Value) -> Vec<Slow> {
        let Value::Array(entries) = reply else { return Vec::new() };
        entries.iter().filter_map(Slow::one).collect()
    }

    fn one(entry: &Value) -> Option<Slow> {
        let Value::Array(parts) = entry else { return None };
        let [Value::Integer(id), Value::Integer(unix_time), Value::Integer(micros), Value::Array(words), ..] =
            &parts[..]
        else {
            return None;
        };
        let words: Vec<String> = words
            .iter()
            .filter_map(|word| match word {
                Value::Bulk(word) => Some(String::from_utf8_lossy(word).into_owned()),
                _ => None,
            })
            .collect();
        // What would move the cursor of a terminal is shown as an escape.
        let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let whole: String = words.join(" ").chars().map(escaped).collect();
        let mut command: String = whole.chars().take(COMMAND).collect();
        if command.len() < whole.len() {
            command.push('…');
        }
        Some(Slow { id: *id, unix_time: *unix_time, micros: *micros, command })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nrun_id:abc\r\n# Clients\r\nconnected_clients:3\r\n# Memory\r\nused_memory:1000\r\nmaxmemory:4000\r\n\
        # Stats\r\ntotal_commands_processed:100\r\ninstantaneous_ops_per_sec:7\r\nkeyspace_hits:30\r\nkeyspace_misses:10\r\n\
        evicted_keys:5\r\n# Replication\r\nrole:master\r\nmaster_repl_offset:500\r\n\
        slave1:ip=::1,port=2,state=wait_bgsave,offset=0,lag=9\r\nslave0:ip=h,port=1,state=online,offset=480,lag=1\r\n\
        # Keyspace\r\ndb0:keys=4,expires=1\r\ndb3:keys=2,expires=0\r\n";

    fn slow(id: i64) -> Slow {
        Slow { id, unix_time: 1, micros: 20_000, command: "KEYS *".into() }
    }

    #[test]
    fn one_look() {
        let reading = Reading::new(INFO, None, Instant::now());
        let figures = reading.since(None);
        assert_eq!((figures.ops_per_second, figures.hit_rate, figures.slow), (7.0, Some(0.75), None));
        assert_eq!((figures.keys, figures.clients, figures.memory, figures.max_memory), (6, 3, 1000, 4000));
        let [first, second] = &figures.replicas[..] else { panic!("two replicas") };
        assert_eq!((first.address.as_str(), first.behind, first.lag), ("h:1", Some(20), Some(1)));
        assert_eq!((second.address.as_str(), second.state.as_str()), ("[::1]:2", "wait_bgsave"));
        assert_eq!(figures.worst_replica(), Some(second));
    }

    #[test]
    fn between_two_looks() {
        let now = Instant::now();
        let before = Reading::new(INFO, Some(vec![slow(4)]), now);
        let later = INFO
            .replace("processed:100", "processed:300")
            .replace("misses:10", "misses:13")
            .replace("hits:30", "hits:31");
        let after = Reading::new(&later, Some(vec![slow(6), slow(5), slow(4)]), now + Duration::from_secs(2));
        let figures = after.since(Some(&before));
        assert_eq!((figures.ops_per_second, figures.hit_rate, figures.slow), (100.0, Some(0.25), Some(2)));
        let again = Reading::new(&later.replace("run_id:abc", "run_id:new"), None, now + Duration::from_secs(3));
        assert_eq!(again.since(Some(&after)).ops_per_second, 7.0, "started again, it counts anew");
        let total = Figures::total([&figures, &figures].into_iter()).unwrap();
        assert_eq!((total.ops_per_second, total.hit_rate, total.keys, total.max_memory), (200.0, Some(0.25), 12, 8000));
        assert_eq!(Figures::total([].into_iter()), None);
    }

    #[test]
    fn slow_commands() {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        let entry = |words: Vec<Value>| {
            Value::Array(vec![
                Value::Integer(7),
                Value::Integer(1),
                Value::Integer(5),
                Value::Array(words),
                bulk("client"),
            ])
        };
        let reply = Value::Array(vec![entry(vec![bulk("SET"), bulk("a\n"), bulk(&"x".repeat(500))]), Value::Nil]);
        let read = Slow::read(&reply);
        assert_eq!(read.len(), 1);
        assert!(read[0].command.starts_with("SET a\\n xxx") && read[0].command.ends_with('…'), "{}", read[0].command);
        assert_eq!(Slow::read(&Value::Nil), []);
    }
}
