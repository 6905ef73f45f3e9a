//! What one server says of itself.

use rediscluster::prelude::*;
use rediscluster::Builder;

/// A server that answered.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Probe {
    /// It tells one server from another, whatever the address.
    pub run_id: String,
    pub is_master: bool,
    /// For a replica: whether it follows its master at the moment.
    pub link_up: bool,
    /// For a master: where its replicas are and what it says of them.
    pub replicas: Vec<(String, String)>,
    /// In the chosen database.
    pub keys: u64,
    /// In all databases.
    pub all_keys: u64,
    /// In bytes, and as the server writes it for people.
    pub memory: (u64, String),
    /// The limit in bytes; 0 for none.
    pub max_memory: u64,
    /// What it does at the limit.
    pub policy: String,
    /// How many keys it has dropped at its limit.
    pub evicted: u64,
    /// Of the server, with the name of what is no Redis.
    pub version: String,
    /// Which history of writes it has, and how far it is in it.
    pub replid: String,
    pub offset: u64,
    /// For a replica: the address of its master.
    pub follows: String,
    /// For a replica whose link is down: for how many seconds.
    pub link_down_for: Option<u64>,
    /// For a replica: whether it is being sent everything anew.
    pub is_syncing: bool,
}

impl Probe {
    /// Asks the server at an address, as `settings` say.
    ///
    /// # Errors
    /// Why it gave no answer.
    pub fn ask(settings: Builder, address: &str) -> rediscluster::Result<Probe> {
        let mut connection = settings.open(address)?;
        let info: Vec<u8> = connection.execute(cmd("INFO").reply())?;
        let keys = connection.execute(cmd("DBSIZE").reply())?;
        Ok(Probe { keys, ..Probe::read(&String::from_utf8_lossy(&info)) })
    }

    /// From what `INFO` says.
    pub fn read(info: &str) -> Probe {
        let mut probe = Probe::default();
        let (mut host, mut port) = ("", "");
        for (field, value) in info.lines().filter_map(|line| line.split_once(':')) {
            match field {
                "run_id" => probe.run_id = value.to_owned(),
                "role" => probe.is_master = value == "master",
                "master_link_status" => probe.link_up = value == "up",
                "used_memory" => probe.memory.0 = value.parse().unwrap_or(0),
                "used_memory_human" => probe.memory.1 = value.to_owned(),
                "maxmemory" => probe.max_memory = value.parse().unwrap_or(0),
                "maxmemory_policy" => probe.policy = value.to_owned(),
                "evicted_keys" => probe.evicted = value.parse().unwrap_or(0),
                // What is no Redis tells the version of Redis that it is like as well, before its own.
                "redis_version" => probe.version = value.to_owned(),
                "valkey_version" => probe.version = format!("valkey {value}"),
                "master_replid" => probe.replid = value.to_owned(),
                // Of a master; a replica says how far it is in the other field, which comes first.
                "slave_repl_offset" => probe.offset = value.parse().unwrap_or(0),
                "master_repl_offset" if probe.is_master => probe.offset = value.parse().unwrap_or(0),
                "master_host" => host = value,
                "master_port" => port = value,
                "master_link_down_since_seconds" => probe.link_down_for = value.parse().ok(),
                "master_sync_in_progress" => probe.is_syncing = value == "1",
                _ if is_numbered(field, "db") => probe.all_keys += keys_of(value),
                _ if is_numbered(field, "slave") => probe.replicas.extend(replica(value)),
                _ => {}
            }
        }
        if !host.is_empty() {
            probe.follows = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        }
        probe
    }
}

/// `keys=KEYS,expires=…`
fn keys_of(database: &str) -> u64 {
    let keys = database.split(',').find_map(|part| part.strip_prefix("keys="));
    keys.and_then(|keys| keys.parse().ok()).unwrap_or(0)
}

fn is_numbered(field: &str, word: &str) -> bool {
    let digits = field.strip_prefix(word).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `ip=HOST,port=PORT,state=STATE,…`, or as old servers write it `HOST,PORT,STATE`.
fn replica(value: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = value.split(',').collect();
    let named = |name: &str| parts.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (host, port, state) = match named("ip") {
        Some(host) => (host, named("port")?, named("state")?),
        None => (*parts.first()?, *parts.get(1)?, *parts.get(2)?),
    };
    let port: u16 = port.parse().ok()?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let lag = named("lag").filter(|&lag| lag.parse::<u64>().is_ok_and(|seconds| seconds > 1));
    let state = lag.map_or(state.to_owned(), |lag| format!("{state}, {lag} s behind"));
    Some((format!("{host}:{port}"), state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master() {
        let probe = Probe::read(
            "# Server\r\nrun_id:abc\r\n# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n# Replication\r\n\
             role:master\r\nconnected_slaves:3\r\nslave0:ip=10.0.0.1,port=7001,state=online,offset=14,lag=1\r\n\
             slave1:ip=::1,port=7002,state=wait_bgsave,offset=0,lag=20\r\nslave2:10.0.0.3,7003,online\r\n\
             slave_repl_offset:7\r\nslave3:nonsense\r\n",
        );
        let replicas =
            [("10.0.0.1:7001", "online"), ("[::1]:7002", "wait_bgsave, 20 s behind"), ("10.0.0.3:7003", "online")];
        assert_eq!(probe.replicas, replicas.map(|(address, state)| (address.to_owned(), state.to_owned())));
        assert!(probe.is_master);
        assert_eq!(probe.memory, (1_048_576, "1.00M".to_owned()));
        assert_eq!(probe.run_id, "abc");
    }

    #[test]
    fn a_replica() {
        let probe = Probe::read("role:slave\r\nmaster_link_status:up\r\n");
        assert!(!probe.is_master && probe.link_up && probe.replicas.is_empty());
        assert!(!Probe::read("role:slave\r\nmaster_link_status:down\r\n").link_up);
    }
}
