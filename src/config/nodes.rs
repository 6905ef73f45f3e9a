//! The node table as it is written: names, addresses, URLs, the short form, and who is whose replica.

use super::Credentials;
use crate::error::{Error, Result};
use crate::order::sort_by_key;
use crate::topology::Address;

/// A server to connect to, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) credentials: Credentials,
    pub(crate) database: Option<u32>,
    /// It was given as one that is spoken to with TLS.
    pub(crate) encrypted: bool,
    /// Nobody has said yet where it is: the address is that of a Sentinel, which would know. It is never connected to.
    pub(crate) is_unplaced: bool,
}

impl Endpoint {
    /// Reads `host:port`, `redis://[user:password@]host[:port][/database]`, the same with `rediss://`, or
    /// `unix://[user:password@]/path[?db=database]`. No message repeats any of it, because it may hold a password at a
    /// place where none belongs.
    pub(crate) fn parse(text: &str) -> Result<Endpoint> {
        let text = text.trim();
        match text.split_once("://") {
            None => Ok(Endpoint {
                address: Address::parse(text)?,
                credentials: Credentials::default(),
                database: None,
                encrypted: false,
                is_unplaced: false,
            }),
            Some(("redis", rest)) => Endpoint::parse_url(rest, false),
            Some(("rediss", rest)) => Endpoint::parse_url(rest, true),
            Some(("unix", rest)) => Endpoint::parse_unix(rest),
            Some(_) => Err(Error::config("a URL of a Redis server begins with redis://, rediss:// or unix://")),
        }
    }

    fn parse_url(rest: &str, encrypted: bool) -> Result<Endpoint> {
        // The last `@` ends the credentials: a password may hold one unescaped.
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let credentials = user_info.map_or_else(|| Ok(Credentials::default()), credentials)?;
        if rest.contains(['?', '#']) {
            return Err(Error::config("a redis:// URL takes no options behind the database"));
        }
        let (address, database) = match rest.split_once('/') {
            None | Some((_, "")) => (rest.trim_end_matches('/'), None),
            Some((address, database)) => (address, Some(number_of_database(database)?)),
        };
        // Without an `@` what looks like a host and a port may be a user and a password.
        let address = Address::parse(address).map_err(|error| match user_info {
            Some(_) => error,
            None => Error::config("not a URL of the form redis://[user:password@]host[:port][/database]"),
        })?;
        Ok(Endpoint { address, credentials, database, encrypted, is_unplaced: false })
    }

    fn parse_unix(rest: &str) -> Result<Endpoint> {
        let (credentials, rest) = match rest.rfind("@/") {
            // One slash too many would make a path of the password, which everybody sees.
            Some(_) if rest.starts_with('/') => {
                return Err(Error::config("a unix:// URL with @/ in its path; an @ in a path is written as %40"))
            }
            Some(at) => (credentials(&rest[..at])?, &rest[at + 1..]),
            _ => (Credentials::default(), rest),
        };
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let database = match options.strip_prefix("db=") {
            Some(database) => Some(number_of_database(database)?),
            None if options.is_empty() => None,
            None => return Err(Error::config("a unix:// URL takes no option but ?db=, the number of the database")),
        };
        let path = decoded(path)?.unwrap_or_default();
        // Who could read along on this machine could read anything.
        Ok(Endpoint { address: Address::unix(&path)?, credentials, database, encrypted: false, is_unplaced: false })
    }

    /// How to reach another server in the same way.
    pub(crate) fn at(&self, address: &Address) -> Endpoint {
        let is_unplaced = self.is_unplaced && self.address == *address;
        Endpoint { address: address.clone(), is_unplaced, ..self.clone() }
    }

    /// The same server, with these credentials where it has none of its own.
    pub(crate) fn or(mut self, credentials: &Credentials) -> Endpoint {
        if self.credentials == Credentials::default() {
            self.credentials = credentials.clone();
        }
        self
    }
}

/// What comes before the `@` of a URL.
fn credentials(user_info: &str) -> Result<Credentials> {
    // One part alone is the password, as redis-cli takes it.
    let (username, password) = user_info.split_once(':').unwrap_or(("", user_info));
    Ok(Credentials { username: decoded(username)?, password: decoded(password)? })
}

fn number_of_database(text: &str) -> Result<u32> {
    // `parse` would take a sign.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::config("the database in a URL is not a number"))
}

/// Part of a URL with its percent signs resolved; `None` when it is empty.
fn decoded(text: &str) -> Result<Option<String>> {
    let wrong = || Error::config("a % in a URL is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| rest.get(at).and_then(|&digit| char::from(digit).to_digit(16)).ok_or_else(wrong);
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &rest[2..];
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Error::config("the user, password or path in a URL is not UTF-8"))?;
    Ok((!text.is_empty()).then_some(text))
}

/// The nodes in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct NodeTable {
    nodes: Vec<(String, Endpoint)>,
    /// Master and replica, by name.
    master_of: Vec<(String, String)>,
}

/// A master with its name and the replicas given for it, `None` when they are to be discovered.
type Master = (String, Endpoint, Option<Vec<(String, Endpoint)>>);

impl NodeTable {
    /// Every node with its name, masters and replicas alike.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Endpoint)> {
        self.nodes.iter().map(|(name, endpoint)| (name.as_str(), endpoint))
    }

    pub(crate) fn add(&mut self, name: String, address: &str) -> Result<()> {
        let shown = shown(&name);
        let is_strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | ',' | '/' | '@');
        if name.is_empty() || name.chars().any(is_strange) {
            return Err(Error::config(format!("{shown:?} is not a name for a node")));
        }
        let endpoint =
            Endpoint::parse(address).map_err(|error| Error::config(format!("node {shown}: {}", error.message())))?;
        match self.nodes.iter_mut().find(|(known, _)| *known == name) {
            None => self.nodes.push((name, endpoint)),
            // It has its place from its Sentinels, and now its address.
            Some((_, known)) if known.is_unplaced => *known = endpoint,
            Some(_) => return Err(Error::config(format!("two nodes are named {shown}"))),
        }
        Ok(())
    }

    /// Adds a node of which only its Sentinels know where it is: so far it has the address of one of those.
    pub(crate) fn add_unplaced(&mut self, name: String, sentinel: Address) -> Result<()> {
        self.add(name, &sentinel.to_string())?;
        self.nodes.iter_mut().last().into_iter().for_each(|(_, endpoint)| endpoint.is_unplaced = true);
        Ok(())
    }

    /// The nodes of which only their Sentinels know where they are.
    pub(crate) fn unplaced(&self) -> impl Iterator<Item = &str> {
        self.all().filter(|(_, endpoint)| endpoint.is_unplaced).map(|(name, _)| name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.nodes.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn set_address(&mut self, name: &str, address: Address) {
        let node = self.nodes.iter_mut().find(|(known, _)| known == name);
        node.into_iter().for_each(|(_, endpoint)| {
            endpoint.address = address.clone();
            endpoint.is_unplaced = false;
        });
    }

    pub(crate) fn add_list(&mut self, list: &str) -> Result<()> {
        for (nth, entry) in list.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty()) {
            let (name, address) = entry
                .split_once('=')
                .ok_or_else(|| Error::config(format!("entry {} of the node list is not name=host:port", nth + 1)))?;
            // A password with a `=` in it: what stands before that is no name.
            let is_url = |scheme: &&str| address.trim_start().starts_with(*scheme);
            if address.contains('@') && !["redis://", "rediss://", "unix://"].iter().any(is_url) {
                let what = "a host with an @; credentials belong into a redis:// URL";
                return Err(Error::config(format!("entry {} of the node list: {what}", nth + 1)));
            }
            self.add(name.trim().to_owned(), address)?;
        }
        Ok(())
    }

    pub(crate) fn set_master_of(&mut self, master: String, replica: String) {
        self.master_of.push((master, replica));
    }

    /// The one database of all nodes.
    pub(crate) fn database(&self, chosen: Option<u32>) -> Result<Option<u32>> {
        let mut database = chosen;
        for (name, endpoint) in &self.nodes {
            match (database, endpoint.database) {
                (None, Some(_)) => database = endpoint.database,
                (Some(one), Some(other)) if one != other => {
                    return Err(Error::config(format!(
                        "node {name} names database {other}, and another is {one}: all must be the same"
                    )));
                }
                _ => {}
            }
        }
        Ok(database)
    }

    /// The masters in the order of placement.
    pub(crate) fn masters(&self) -> Result<Vec<Master>> {
        let endpoint =
            |name: &str| self.nodes.iter().find(|(known, _)| known == name).map(|(_, endpoint)| endpoint.clone());
        for (master, replica) in &self.master_of {
            for name in [master, replica] {
                if endpoint(name).is_none() {
                    return Err(Error::config(format!("master_of names {}, which is no node", shown(name))));
                }
            }
            if master == replica || self.master_of.iter().any(|(_, other)| other == master) {
                return Err(Error::config(format!("master_of makes {master} a replica as well as a master")));
            }
            if self.master_of.iter().filter(|(_, other)| other == replica).count() > 1 {
                return Err(Error::config(format!("master_of gives {replica} two masters")));
            }
        }
        let is_replica = |name: &str| self.master_of.iter().any(|(_, replica)| replica == name);
        let mut masters: Vec<_> = self.nodes.iter().filter(|(name, _)| !is_replica(name)).collect();
        if masters.is_empty() {
            return Err(Error::config("no nodes are given"));
        }
        let numbers: Option<Vec<u64>> = masters.iter().map(|(name, _)| number(name)).collect();
        if let Some(mut numbers) = numbers {
            sort_by_key(&mut masters, |(name, _)| number(name));
            sort_by_key(&mut numbers, |&number| number);
            for (wanted, number) in (1..).zip(numbers) {
                if number < wanted {
                    return Err(Error::config(format!("two nodes have the number {number}")));
                }
                if number > wanted {
                    return Err(Error::config(format!(
                        "node_{wanted} is missing: the numbers run from node_1 to node_{} without gaps",
                        masters.len()
                    )));
                }
            }
        }
        let replicas = |master: &str| {
            let given = self.master_of.iter().filter(|(known, _)| known == master);
            let list: Vec<_> = given.filter_map(|(_, replica)| Some((replica.clone(), endpoint(replica)?))).collect();
            (!list.is_empty()).then_some(list)
        };
        Ok(masters.into_iter().map(|(name, endpoint)| (name.clone(), endpoint.clone(), replicas(name))).collect())
    }
}

/// A name for people to read. One that looks like an address may be one, with a password in it.
pub(super) fn shown(name: &str) -> String {
    match name.contains([':', '/', '@', '=', '[']) {
        true => "(hidden)".to_owned(),
        false => crate::error::escape(name.as_bytes(), 64),
    }
}

/// N of `node_N`.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("node_")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<String>> {
        let mut table = NodeTable::default();
        table.add_list(list)?;
        Ok(table.masters()?.into_iter().map(|(name, ..)| name).collect())
    }

    #[test]
    fn numbered_names_are_ordered_by_number() {
        let list: Vec<String> = (1..=11).rev().map(|n| format!("node_{n}=h:{n}")).collect();
        let ordered: Vec<String> = (1..=11).map(|n| format!("node_{n}")).collect();
        assert_eq!(names(&list.join(",")).unwrap(), ordered);
    }

    #[test]
    fn other_names_keep_their_order() {
        assert_eq!(names(" b=h:1 , a=h:2,, node_7=h:3 ").unwrap(), ["b", "a", "node_7"]);
    }

    #[test]
    fn mistakes_in_the_table() {
        for (list, message) in [
            ("", "no nodes are given"),
            (",", "no nodes are given"),
            ("node_1=h:1,node_3=h:3", "node_2 is missing: the numbers run from node_1 to node_2 without gaps"),
            ("node_0=h:1,node_1=h:2", "two nodes have the number 0"),
            ("node_1=h:1,node_01=h:2", "two nodes have the number 1"),
            ("a=h:1,a=h:2", "two nodes are named a"),
            ("node_1", "entry 1 of the node list is not name=host:port"),
            ("node_1=h:0", "node node_1: 0 is not a port that a server can listen on"),
            ("s3=cret@h:1", "entry 1 of the node list: a host with an @; credentials belong into a redis:// URL"),
            ("a@b=h:1", "\"(hidden)\" is not a name for a node"),
            ("=h:1", "\"\" is not a name for a node"),
            ("a==b:1", "node a: not a host: a name, an IPv4 address, or an IPv6 address"),
            ("a=h:+1", "node a: what follows the colon is not a port: 1 to 65535"),
            ("a=redis://h/+1", "node a: the database in a URL is not a number"),
            ("a=http://h", "node a: a URL of a Redis server begins with redis://, rediss:// or unix://"),
        ] {
            assert_eq!(names(list).unwrap_err().message(), message, "{list:?}");
        }
    }

    #[test]
    fn replicas_by_name() {
        let mut table = NodeTable::default();
        table.add_list("node_1=h:1,node_2=h:2,node_3=h:3,node_4=h:4").unwrap();
        table.set_master_of("node_1".into(), "node_4".into());
        table.set_master_of("node_2".into(), "node_3".into());
        let masters = table.masters().unwrap();
        assert_eq!(masters.len(), 2);
        assert_eq!(masters[0].2.as_ref().unwrap()[0].0, "node_4");
        for (master, replica, message) in [
            ("node_1", "node_9", "master_of names node_9, which is no node"),
            ("node_4", "node_2", "master_of makes node_4 a replica as well as a master"),
            ("node_2", "node_4", "master_of gives node_4 two masters"),
        ] {
            let mut table =
                NodeTable { nodes: table.nodes.clone(), master_of: vec![("node_1".into(), "node_4".into())] };
            table.set_master_of(master.into(), replica.into());
            assert_eq!(table.masters().unwrap_err().message(), message);
        }
    }

    #[test]
    fn urls() {
        let url = Endpoint::parse("redis://us%65r:p%40ss:w@[::1]:7000/3").unwrap();
        assert_eq!(url.credentials.username.as_deref(), Some("user"));
        assert_eq!(url.credentials.password.as_deref(), Some("p@ss:w"));
        assert_eq!((url.address.to_string().as_str(), url.database), ("[::1]:7000", Some(3)));
        let url = Endpoint::parse("redis://:secret@h").unwrap();
        assert_eq!((url.credentials.username, url.credentials.password.as_deref()), (None, Some("secret")));
        assert_eq!((url.address.port(), url.database), (6379, None));
        assert_eq!(Endpoint::parse("redis://h:1/").unwrap().database, None);
        for bad in ["redis://", "redis://u:p%zz@h", "redis://h/x", "redis://h/0?a=b", "rediss://", "x://h"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn urls_of_unix_sockets() {
        let url = Endpoint::parse("unix:///run/a%20b/redis.sock").unwrap();
        assert_eq!(url.address.unix_path(), Some(std::path::Path::new("/run/a b/redis.sock")));
        assert_eq!((url.address.host(), url.address.port(), url.database), ("", 0, None));
        assert_eq!(url.address.to_string(), "unix:///run/a%20b/redis.sock");
        assert_eq!(Endpoint::parse(&url.address.to_string()).unwrap(), url);
        let url = Endpoint::parse("unix://us%65r:p@/ss@/run/x@y?db=3").unwrap();
        assert_eq!(url.credentials.username.as_deref(), Some("user"));
        assert_eq!(url.credentials.password.as_deref(), Some("p@/ss"));
        assert_eq!((url.address, url.database), (Address::unix("/run/x@y").unwrap(), Some(3)));
        for bad in ["unix://", "unix://run/s", "unix:///s?db=", "unix:///s?x=1", "unix:///s%0a", "unix://pw@s"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_message_holds_a_password() {
        for bad in [
            "redis://user:canary",
            "redis://user:canary@",
            "redis://user:canary%zz@h",
            "redis://user:canary%+1b@h",
            "redis://user:canary%1@h",
            "redis://user:canary%@h",
            "redis://user:canary@h/+1",
            "redis://user:canary@h:+1",
            "unix://user:canary@/path?db=+1",
            "redis://user:canary@h:99999",
            "redis://user:canary@h/x",
            "http://user:canary@h",
            "rediss://user:canary@h/x",
            "unix://user:canary@",
            "unix://user:canary@path",
            "unix://user:canary@/path?timeout=1",
            "unix://user:canary@/path?db=x",
        ] {
            let mut table = NodeTable::default();
            let error = table.add("node_1".into(), bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{bad}: {error}");
        }
        let mut table = NodeTable::default();
        table.add("node_1".into(), "redis://canary-user:canary@h").unwrap();
        assert!(!format!("{table:?}").contains("canary"));
    }
}
