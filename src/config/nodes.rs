//! The node table as it is written: names, addresses, URLs, the short form, and who is whose replica.

use super::{about_node, Credentials, Sentinels};
use crate::error::{Error, Result};
use crate::topology::{cut, digits, trimmed, Address};
use std::fmt;
use std::sync::Arc;

/// A node as it was configured.
#[derive(Clone)]
pub(crate) struct ConfiguredNode {
    pub(crate) name: Arc<str>,
    pub(crate) endpoint: Endpoint,
    /// The replicas that were given; without any they are discovered.
    pub(crate) given: Vec<(Arc<str>, Endpoint)>,
    /// Who names its master.
    pub(crate) sentinels: Option<Sentinels>,
}

impl ConfiguredNode {
    /// How to reach a server of this node: as it was given, or as the node.
    #[inline(never)]
    pub(crate) fn endpoint_of(&self, address: &Address) -> Endpoint {
        for (_, endpoint) in &self.given {
            if endpoint.address == *address {
                return endpoint.at(address);
            }
        }
        self.endpoint.at(address)
    }
}

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
        let text = trimmed(text);
        let (scheme, rest) = cut(text, b':');
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix("//")) else {
            return Ok(Endpoint::plain(Address::parse(text)?));
        };
        Endpoint::parse_url(scheme, rest)
    }

    fn plain(address: Address) -> Endpoint {
        let credentials = Credentials::default();
        Endpoint { address, credentials, database: None, encrypted: false, is_unplaced: false }
    }

    #[inline(never)]
    fn parse_url(scheme: &str, rest: &str) -> Result<Endpoint> {
        let is_unix = scheme == "unix";
        if !is_unix && scheme != "redis" && scheme != "rediss" {
            return Err(Error::config("a URL of a Redis server begins with redis://, rediss:// or unix://"));
        }
        // The last `@` ends the credentials: a password may hold one unescaped. A path begins with a slash.
        let at = match is_unix {
            true => rest.as_bytes().windows(2).rposition(|part| part == b"@/"),
            false => rest.bytes().rposition(|byte| byte == b'@'),
        };
        let user_info = at.and_then(|at| rest.get(..at));
        let rest = at.and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
        // One slash too many would make a path of the password, which everybody sees.
        if is_unix && user_info.is_some_and(|user_info| user_info.starts_with('/')) {
            return Err(Error::config("a unix:// URL with @/ in its path; an @ in a path is written as %40"));
        }
        let credentials = user_info.map_or(Ok(Credentials::default()), credentials)?;
        let (place, option) = cut(rest, if is_unix { b'?' } else { b'/' });
        let number = match option {
            _ if !is_unix && rest.bytes().any(|byte| matches!(byte, b'?' | b'#')) => {
                return Err(Error::config("a redis:// URL takes no options behind the database"));
            }
            Some(option) if is_unix && !option.is_empty() => {
                let what = "a unix:// URL takes no option but ?db=, the number of the database";
                Some(option.strip_prefix("db=").ok_or_else(|| Error::config(what))?)
            }
            option => option.filter(|option| !option.is_empty()),
        };
        let database = number.map(number_of_database).transpose()?;
        let address = match is_unix {
            true => Address::unix(&decoded(place)?)?,
            // Without an `@` what looks like a host and a port may be a user and a password.
            false => Address::parse(place).map_err(|error| match user_info {
                Some(_) => error,
                None => Error::config("not a URL of the form redis://[user:password@]host[:port][/database]"),
            })?,
        };
        // Who could read along on this machine could read anything.
        let encrypted = scheme == "rediss";
        Ok(Endpoint { credentials, database, encrypted, ..Endpoint::plain(address) })
    }

    /// How to reach another server in the same way.
    #[inline(never)]
    pub(crate) fn at(&self, address: &Address) -> Endpoint {
        let is_unplaced = self.is_unplaced && self.address == *address;
        Endpoint { address: address.clone(), is_unplaced, ..self.clone() }
    }

    /// Takes these credentials where it has none of its own.
    pub(crate) fn or(&mut self, credentials: &Credentials) {
        if self.credentials == Credentials::default() {
            self.credentials = credentials.clone();
        }
    }
}

/// What comes before the `@` of a URL.
fn credentials(user_info: &str) -> Result<Credentials> {
    // One part alone is the password, as redis-cli takes it.
    let (username, password) = match cut(user_info, b':') {
        (username, Some(password)) => (username, password),
        (password, None) => ("", password),
    };
    let some = |text: &str| decoded(text).map(|text| (!text.is_empty()).then_some(text));
    Ok(Credentials::new(some(username)?, some(password)?))
}

fn number_of_database(text: &str) -> Result<u32> {
    let number = digits(text).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| Error::config("the database in a URL is not a number"))
}

/// Part of a URL with its percent signs resolved.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        let digits = match rest {
            [high, low, after @ ..] => digit(high).zip(digit(low)).map(|digits| (digits, after)),
            _ => None,
        };
        let Some(((high, low), after)) = digits else {
            return Err(Error::config("a % in a URL is not followed by two hexadecimal digits"));
        };
        bytes.push((high * 16 + low) as u8);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| Error::config("the user, password or path in a URL is not UTF-8"))
}

/// The nodes in the order in which they were given.
#[derive(Default)]
pub(crate) struct NodeTable {
    nodes: Vec<ConfiguredNode>,
    /// Master and replica, by name.
    master_of: Vec<(String, String)>,
    /// What puts replicas to their masters, once one is named.
    put_to_masters: Option<fn(&mut NodeTable) -> Result<()>>,
}

impl fmt::Debug for NodeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<_> = self.nodes.iter().map(|node| (&node.name, &node.endpoint)).collect();
        f.debug_struct("NodeTable").field("nodes", &nodes).field("master_of", &self.master_of).finish()
    }
}

impl NodeTable {
    /// Every node, masters and replicas alike.
    pub(crate) fn all(&mut self) -> &mut [ConfiguredNode] {
        &mut self.nodes
    }

    /// The node of this name.
    #[inline(never)]
    pub(crate) fn of_name(&mut self, name: &str) -> Option<&mut ConfiguredNode> {
        self.nodes.iter_mut().find(|node| *node.name == *name)
    }

    pub(crate) fn add(&mut self, name: &str, address: &str) -> Result<()> {
        let is_strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | ',' | '/' | '@');
        if name.is_empty() || name.chars().any(is_strange) {
            return Err(Error::config(format!("{:?} is not a name for a node", shown(name))));
        }
        let endpoint = Endpoint::parse(address).map_err(|error| about_node(&shown(name), &error))?;
        match self.of_name(name) {
            None => self.nodes.push(ConfiguredNode { name: name.into(), endpoint, given: Vec::new(), sentinels: None }),
            // It has its place from its Sentinels, and now its address.
            Some(known) if known.endpoint.is_unplaced => known.endpoint = endpoint,
            Some(_) => return Err(Error::config(format!("two nodes are named {}", shown(name)))),
        }
        Ok(())
    }

    pub(crate) fn add_list(&mut self, list: &str) -> Result<()> {
        let (mut rest, mut nth) = (Some(list), 0);
        while let Some(list) = rest {
            let (entry, after) = cut(list, b',');
            (rest, nth) = (after, nth + 1);
            let entry = trimmed(entry);
            if entry.is_empty() {
                continue;
            }
            let (name, Some(address)) = cut(entry, b'=') else {
                return Err(Error::config(format!("entry {nth} of the node list is not name=host:port")));
            };
            // A password with a `=` in it: what stands before that is no name.
            let is_url = |scheme: &&str| trimmed(address).starts_with(*scheme);
            if cut(address, b'@').1.is_some() && !["redis://", "rediss://", "unix://"].iter().any(is_url) {
                let what = "a host with an @; credentials belong into a redis:// URL";
                return Err(Error::config(format!("entry {nth} of the node list: {what}")));
            }
            self.add(trimmed(name), address)?;
        }
        Ok(())
    }

    pub(crate) fn set_master_of(&mut self, master: String, replica: String) {
        self.master_of.push((master, replica));
        self.put_to_masters = Some(NodeTable::put_replicas_to_masters);
    }

    /// The masters in the order of placement.
    pub(crate) fn masters(&mut self) -> Result<Vec<ConfiguredNode>> {
        self.put_to_masters.map_or(Ok(()), |put| put(self))?;
        let mut masters = std::mem::take(&mut self.nodes);
        if masters.is_empty() {
            return Err(Error::config("no nodes are given"));
        }
        if masters.iter().all(|node| number(&node.name).is_some()) {
            put_in_order(&mut masters)?;
        }
        Ok(masters)
    }

    fn put_replicas_to_masters(&mut self) -> Result<()> {
        let pairs = std::mem::take(&mut self.master_of);
        for (nth, (master, replica)) in pairs.iter().enumerate() {
            for name in [master, replica] {
                if self.of_name(name).is_none() {
                    return Err(Error::config(format!("master_of names {}, which is no node", shown(name))));
                }
            }
            if master == replica || pairs.iter().any(|(_, other)| other == master) {
                return Err(Error::config(format!("master_of makes {master} a replica as well as a master")));
            }
            if pairs[..nth].iter().any(|(_, other)| other == replica) {
                return Err(Error::config(format!("master_of gives {replica} two masters")));
            }
        }
        for (master, replica) in &pairs {
            let Some(at) = self.nodes.iter().position(|node| *node.name == **replica) else { continue };
            let ConfiguredNode { name, endpoint, .. } = self.nodes.remove(at);
            self.of_name(master).into_iter().for_each(|master| master.given.push((name.clone(), endpoint.clone())));
        }
        Ok(())
    }
}

/// Puts nodes at the places of their numbers, which have to be those from 1 on.
#[inline(never)]
fn put_in_order(masters: &mut [ConfiguredNode]) -> Result<()> {
    for place in 0..masters.len() {
        let wanted = Some(place as u64 + 1);
        // Most lists are in order.
        match (place..masters.len()).find(|&at| number(&masters[at].name) == wanted) {
            Some(at) => masters.swap(place, at),
            None => return Err(wrong_numbers(masters, place)),
        }
    }
    Ok(())
}

/// Why there is no node of the number that belongs to this place.
#[cold]
fn wrong_numbers(masters: &[ConfiguredNode], place: usize) -> Error {
    let mut lowest = u64::MAX;
    for node in &masters[place..] {
        lowest = lowest.min(number(&node.name).unwrap_or_default());
    }
    let (wanted, count) = (place + 1, masters.len());
    Error::config(match lowest < wanted as u64 {
        true => format!("two nodes have the number {lowest}"),
        false => format!("node_{wanted} is missing: the numbers run from node_1 to node_{count} without gaps"),
    })
}

/// A name for people to read. One that looks like an address may be one, with a password in it.
#[cold]
pub(crate) fn shown(name: &str) -> String {
    match name.bytes().any(|byte| matches!(byte, b':' | b'/' | b'@' | b'=' | b'[')) {
        true => "(hidden)".to_owned(),
        false => crate::error::escape(name.as_bytes(), 64),
    }
}

/// N of `node_N`.
fn number(name: &str) -> Option<u64> {
    digits(name.strip_prefix("node_")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<String>> {
        let mut table = NodeTable::default();
        table.add_list(list)?;
        Ok(table.masters()?.into_iter().map(|node| node.name.to_string()).collect())
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
        assert_eq!(&*masters[0].given[0].0, "node_4");
        for (master, replica, message) in [
            ("node_1", "node_9", "master_of names node_9, which is no node"),
            ("node_4", "node_2", "master_of makes node_4 a replica as well as a master"),
            ("node_2", "node_4", "master_of gives node_4 two masters"),
        ] {
            let mut table = NodeTable::default();
            table.add_list("node_1=h:1,node_2=h:2,node_3=h:3,node_4=h:4").unwrap();
            table.set_master_of("node_1".into(), "node_4".into());
            table.set_master_of(master.into(), replica.into());
            assert_eq!(table.masters().err().unwrap().message(), message);
        }
    }

    #[test]
    fn urls() {
        let url = Endpoint::parse("redis://us%65r:p%40ss:w@[::1]:7000/3").unwrap();
        assert_eq!(url.credentials.username.as_deref(), Some("user"));
        assert_eq!(url.credentials.password.as_deref(), Some("p@ss:w"));
        assert_eq!((url.address.to_string().as_str(), url.database), ("[::1]:7000", Some(3)));
        let url = Endpoint::parse("redis://:secret@h").unwrap();
        assert_eq!((&url.credentials.username, url.credentials.password.as_deref()), (&None, Some("secret")));
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
            let error = table.add("node_1", bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{bad}: {error}");
        }
        let mut table = NodeTable::default();
        table.add("node_1", "redis://canary-user:canary@h").unwrap();
        assert!(!format!("{table:?}").contains("canary"));
    }
}
