//! What a server says of itself in `INFO server` and `INFO replication`.

use super::text::{cut, digits, fields};
use super::Address;
use std::ops::Deref;
use std::sync::Arc;

/// The most replicas that one master is believed to have.
const MOST_REPLICAS: usize = 1000;

/// A server's own view of its place. It goes from hand to hand, so it is shared and not copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Info(Arc<Facts>);

/// What a server says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `master`, `slave` for a replica, `other` for anything else; empty when it does not say.
    pub(crate) role: &'static str,
    /// Whether it is a member of a Redis Cluster, or is to become one.
    pub(crate) is_cluster: bool,
    /// What tells one server process from another.
    pub(crate) run_id: Option<String>,
    /// For a replica: whether it is in step with its master.
    pub(crate) link_up: bool,
    /// For a replica: whether it is being sent everything anew.
    pub(crate) syncs: bool,
    /// What names the history of its data: a replica has that of its master.
    pub(crate) history: Option<Arc<str>>,
    /// The history that it had before it was promoted.
    pub(crate) earlier_history: Option<Arc<str>>,
    /// How many bytes of its history it has.
    pub(crate) offset: Option<u64>,
    /// For a replica: the master that it follows.
    pub(crate) master: Option<Address>,
    /// For a master: the replicas that it lists.
    pub(crate) replicas: Vec<ListedReplica>,
}

/// One `slaveN` line of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedReplica {
    pub(crate) address: Address,
    pub(crate) online: bool,
    /// Seconds since it said how far it is.
    pub(crate) lag: Option<u64>,
}

impl Deref for Info {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl From<Facts> for Info {
    fn from(facts: Facts) -> Info {
        Info(Arc::new(facts))
    }
}

impl Info {
    /// Reads the text of the sections. Lines that make no sense are passed over: a later version may add any.
    pub(crate) fn parse(text: &str) -> Info {
        let mut info = Facts::default();
        let mut found = [""; 12];
        fields(text, (b'\n', b':'), &mut |name, value| {
            let nth = match name {
                "role" => 0,
                // Redis has the one, Valkey the other.
                "redis_mode" | "server_mode" => 1,
                "run_id" => 2,
                "master_link_status" => 3,
                "master_sync_in_progress" => 4,
                "master_replid" => 5,
                "master_replid2" => 6,
                "slave_repl_offset" => 7,
                "master_repl_offset" => 8,
                "master_host" => 9,
                "master_port" => 10,
                _ => {
                    if is_replica_field(name) {
                        info.add_replica(value);
                    }
                    11
                }
            };
            found[nth] = value;
        });
        let [role, mode, run_id, link, syncs, replid, replid2, own_offset, offset, host, port, _] = found;
        info.role = match role {
            "master" => "master",
            "slave" => "slave",
            "" => "",
            _ => "other",
        };
        info.is_cluster = mode == "cluster";
        info.run_id = (!run_id.is_empty()).then(|| run_id.into());
        info.link_up = link == "up";
        info.syncs = !matches!(syncs, "" | "0");
        (info.history, info.earlier_history) = (history(replid), history(replid2));
        // A replica tells both; its own is the one that says how far it is.
        info.offset = digits(own_offset).or_else(|| digits(offset));
        info.master = address(host, port);
        info.into()
    }

    /// Where the servers that it tells of are from here. Only what nobody shares yet is changed.
    pub(crate) fn map_addresses(&mut self, map: &dyn Fn(&Address) -> Address) {
        let Some(facts) = Arc::get_mut(&mut self.0) else { return };
        if let Some(master) = &mut facts.master {
            *master = map(master);
        }
        for line in &mut facts.replicas {
            line.address = map(&line.address);
        }
    }
}

impl Facts {
    #[inline(never)]
    fn add_replica(&mut self, line: &str) {
        let Some(new) = ListedReplica::parse(line) else { return };
        let is_new = self.replicas.iter().all(|known| known.address != new.address);
        if is_new && self.replicas.len() < MOST_REPLICAS {
            self.replicas.push(new);
        }
    }
}

impl Info {
    pub(crate) fn is_master(&self) -> bool {
        self.role == "master"
    }

    /// Whether it is a replica that has what its master has, or why not.
    pub(crate) fn serves_reads(&self) -> Result<(), &'static str> {
        match self {
            _ if self.role != "slave" => Err("it says that it is no replica"),
            _ if self.syncs => Err("it is being sent everything anew"),
            _ if !self.link_up => Err("its link to its master is down"),
            _ => Ok(()),
        }
    }

    /// Whether it is a replica that lost its master and can go on where it was: its data is old and whole. One that was
    /// about to load everything anew has no place to go on from, and may have no data at all.
    pub(crate) fn is_stale_and_whole(&self) -> bool {
        self.role == "slave" && !self.link_up && !self.syncs && self.offset.is_some_and(|offset| offset > 1)
    }

    /// Whether its data comes of this history.
    pub(crate) fn descends_from(&self, history: &str) -> bool {
        self.history.as_deref() == Some(history) || self.earlier_history.as_deref() == Some(history)
    }
}

/// The name of a history. There is none where a server shows zeros.
#[inline(never)]
fn history(value: &str) -> Option<Arc<str>> {
    let named = value.len() <= 64 && value.bytes().any(|byte| byte != b'0');
    (named && value.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| value.into())
}

fn is_replica_field(field: &str) -> bool {
    field.strip_prefix("slave").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[inline(never)]
fn address(host: &str, port: &str) -> Option<Address> {
    Address::new(host, u16::try_from(digits(port)?).ok()?).ok()
}

impl ListedReplica {
    /// Reads `ip=…,port=…,state=…` with any further fields, or the older `ip,port,state`.
    fn parse(value: &str) -> Option<ListedReplica> {
        let (mut ip, mut port, mut state, mut lag) = ("", "", "", "");
        fields(value, (b',', b'='), &mut |name, value| match name {
            "ip" => ip = value,
            "port" => port = value,
            "state" => state = value,
            "lag" => lag = value,
            _ => {}
        });
        if cut(value, b'=').1.is_none() {
            // Without a state it makes no sense.
            let (first, rest) = cut(value, b',');
            let (second, rest) = cut(rest?, b',');
            (ip, port, state) = (first, second, cut(rest?, b',').0);
        }
        Some(ListedReplica { address: address(ip, port)?, online: state == "online", lag: digits(lag) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(host: &str, port: u16, online: bool, lag: Option<u64>) -> ListedReplica {
        ListedReplica { address: Address::new(host, port).unwrap(), online, lag }
    }

    #[test]
    fn both_forms_of_a_replica_line() {
        let info = Info::parse(
            "# Server\r\nrun_id:abc\r\n# Replication\r\nrole:master\r\nconnected_slaves:3\r\n\
             slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0\r\n\
             slave1:10.0.0.7,6381,online\r\n\
             slave2:ip=::1,port=6382,state=wait_bgsave,offset=0,lag=0,type=rdb-channel\r\n\
             slave_expires_tracked_keys:0\r\n",
        );
        assert_eq!(info.role, "master");
        assert_eq!(info.run_id.as_deref(), Some("abc"));
        assert_eq!(
            info.replicas,
            [
                listed("127.0.0.1", 6380, true, Some(0)),
                listed("10.0.0.7", 6381, true, None),
                listed("::1", 6382, false, Some(0)),
            ]
        );
    }

    #[test]
    fn a_replica_in_step() {
        assert!(Info::parse("role:slave\r\nmaster_link_status:up\r\n").link_up);
        assert!(!Info::parse("role:slave\r\nmaster_link_status:down\r\n").link_up);
    }

    #[test]
    fn where_a_replica_stands() {
        let info = Info::parse(
            "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:up\r\n\
             master_sync_in_progress:0\r\nslave_repl_offset:70\r\nmaster_replid:abc\r\n\
             master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:99\r\n",
        );
        assert_eq!((info.serves_reads(), info.offset), (Ok(()), Some(70)));
        assert_eq!(info.master, Some(Address::new("10.0.0.1", 6379).unwrap()));
        assert!(info.descends_from("abc") && !info.descends_from("0000000000000000000000000000000000000000"));
        let lost = |offset| format!("role:slave\nmaster_link_status:down\nslave_repl_offset:{offset}");
        assert!(Info::parse(&lost(70)).is_stale_and_whole() && !Info::parse(&lost(1)).is_stale_and_whole());
        for (more, why) in [
            ("master_sync_in_progress:1", "it is being sent everything anew"),
            ("role:master", "it says that it is no replica"),
        ] {
            let info = Info::parse(&format!("role:slave\nmaster_link_status:up\n{more}"));
            assert_eq!(info.serves_reads(), Err(why));
        }
    }

    #[test]
    fn nonsense_is_passed_over() {
        let info = Info::parse(
            "slave0:ip=,port=1,state=online\nslave1:ip=h,port=0,state=online\nslave2:ip=h,port=99999,state=online\n\
             slave3:h,12\nslave4:\nslave:ip=h,port=1,state=online\nslave5:ip=h h,port=1,state=online\nrole",
        );
        assert_eq!(info, Info::default());
    }

    #[test]
    fn the_number_of_replicas_is_bounded() {
        let text: String = (0..10_000).map(|n| format!("slave{n}:ip=h{n},port=1,state=online\n")).collect();
        assert_eq!(Info::parse(&text).replicas.len(), MOST_REPLICAS);
    }

    #[test]
    fn seeds_and_crashes_of_the_fuzzer_pass() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        // It has never crashed, as long as there is no folder for that.
        let entries =
            ["seeds/info", "kept/info", "crashes/info"].iter().filter_map(|folder| fuzz.join(folder).read_dir().ok());
        let mut inputs = 0;
        for entry in entries.flatten() {
            let text = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(Info::parse(&String::from_utf8_lossy(&text)).replicas.len() <= MOST_REPLICAS);
            inputs += 1;
        }
        assert!(inputs > 0, "no seeds");
    }
}
