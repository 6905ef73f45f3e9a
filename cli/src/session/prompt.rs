//! The prompt: which servers, which database, and whether commands are queued.

use crate::session::Session;

impl Session {
    /// Such as `2 nodes> `, `2 nodes[3](TX)> ` or, as in redis-cli, `127.0.0.1:6379> `.
    pub fn prompt(&self) -> String {
        let (servers, transacts) = match &self.config.direct {
            Some(address) => (without_credentials(address).to_owned(), self.state.in_transaction()),
            None => {
                let nodes = self.config.nodes.len() - self.config.master_of.len().min(self.config.nodes.len());
                let plural = if nodes == 1 { "" } else { "s" };
                let transaction = self.interactive.as_ref().and_then(|interactive| interactive.transaction.as_ref());
                (format!("{nodes} node{plural}"), transaction.is_some())
            }
        };
        let database = match self.database() {
            0 => String::new(),
            database => format!("[{database}]"),
        };
        format!("{servers}{database}{}> ", if transacts { "(TX)" } else { "" })
    }

    /// The database that commands go to.
    pub fn database(&self) -> u32 {
        let selected = match self.config.direct {
            Some(_) => self.state.database(),
            None => self.interactive.as_ref().and_then(|interactive| interactive.database),
        };
        let nodes = self.config.nodes.iter().map(|(_, address)| address);
        let named = || self.config.direct.iter().chain(nodes).find_map(|address| database_in(address));
        selected.or(self.config.database()).or_else(named).unwrap_or(0)
    }
}

/// An address as people may see it.
pub fn without_credentials(address: &str) -> &str {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let rest = rest.split('?').next().unwrap_or(rest);
    if address.starts_with("unix:") {
        return rest;
    }
    rest.split('/').next().unwrap_or(rest)
}

/// The database that a URL names.
fn database_in(address: &str) -> Option<u32> {
    let (scheme, rest) = address.split_once("://")?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let number = if scheme == "unix" { rest.split_once("?db=")?.1 } else { rest.split_once('/')?.1 };
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{database_in, without_credentials};

    #[test]
    fn an_address_is_shown_without_the_password_in_it() {
        for (address, shown, database) in [
            ("h:1", "h:1", None),
            ("redis://user:p@ss@h:1/3", "h:1", Some(3)),
            ("rediss://h:1", "h:1", None),
            ("unix://u:p@/run/redis.sock?db=2", "/run/redis.sock", Some(2)),
            ("unix:///run/redis.sock", "/run/redis.sock", None),
            ("[::1]:1", "[::1]:1", None),
        ] {
            assert_eq!((without_credentials(address), database_in(address)), (shown, database));
        }
    }
}
