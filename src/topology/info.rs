//! What a server says of itself in `INFO server` and `INFO replication`.

use super::Address;

/// The most replicas that one master is believed to have.
const MOST_REPLICAS: usize = 1000;

/// A server's own view of its place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// `master`, or `slave` for a replica.
    pub(crate) role: String,
    /// What tells one server process from another.
    pub(crate) run_id: Option<String>,
    /// For a replica: whether it is in step with its master.
    pub(crate) link_up: bool,
    /// For a master: the replicas that it lists.
    pub(crate) replicas: Vec<ListedReplica>,
}

/// One `slaveN` line of a master.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListedReplica {
    pub(crate) address: Address,
    pub(crate) online: bool,
}

impl Info {
    /// Reads the text of the sections. Lines that make no sense are passed over: a later version may add any.
    pub(crate) fn parse(text: &str) -> Info {
        let mut info = Info::default();
        for line in text.lines() {
            let Some((field, value)) = line.trim_end().split_once(':') else { continue };
            match field {
                "role" => info.role = value.to_owned(),
                "run_id" => info.run_id = Some(value.to_owned()),
                "master_link_status" => info.link_up = value == "up",
                _ if is_replica_field(field) && info.replicas.len() < MOST_REPLICAS => {
                    info.replicas.extend(ListedReplica::parse(value));
                }
                _ => {}
            }
        }
        info
    }
}

fn is_replica_field(field: &str) -> bool {
    field.strip_prefix("slave").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

impl ListedReplica {
    /// Reads `ip=…,port=…,state=…` with any further fields, or the older `ip,port,state`.
    fn parse(value: &str) -> Option<ListedReplica> {
        let (mut ip, mut port, mut state) = ("", "", "");
        if value.contains('=') {
            for (name, value) in value.split(',').filter_map(|field| field.split_once('=')) {
                match name {
                    "ip" => ip = value,
                    "port" => port = value,
                    "state" => state = value,
                    _ => {}
                }
            }
        } else {
            let mut fields = value.split(',');
            (ip, port, state) = (fields.next()?, fields.next()?, fields.next()?);
        }
        let address = Address::new(ip, port.parse().ok()?).ok()?;
        Some(ListedReplica { address, online: state == "online" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(host: &str, port: u16, online: bool) -> ListedReplica {
        ListedReplica { address: Address::new(host, port).unwrap(), online }
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
            [listed("127.0.0.1", 6380, true), listed("10.0.0.7", 6381, true), listed("::1", 6382, false)]
        );
    }

    #[test]
    fn a_replica_in_step() {
        assert!(Info::parse("role:slave\r\nmaster_link_status:up\r\n").link_up);
        assert!(!Info::parse("role:slave\r\nmaster_link_status:down\r\n").link_up);
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
}
