//! The table of the nodes: as this program writes it, and as rediscluster-py and -php have it.

use super::document::{add, shown, Entry, Mistake, Value};
use rediscluster::Address;
use std::collections::BTreeSet;

/// Names and addresses, and who is whose replica.
#[derive(Clone, Default)]
pub struct Table {
    /// In the order of the file; an address may be a URL with a password in it.
    pub nodes: Vec<(String, String)>,
    /// Masters and their replicas, by name.
    pub master_of: Vec<(String, String)>,
}

/// What a file says of nodes; each as it stands there.
#[derive(Default)]
pub struct Given {
    pub nodes: Option<Entry>,
    pub master_of: Option<Entry>,
    pub default_node: Option<Entry>,
}

impl Given {
    /// The table that they make.
    pub fn table(&self) -> Result<Table, Mistake> {
        let Some(nodes) = &self.nodes else {
            let orphan = [("master_of", &self.master_of), ("default_node", &self.default_node)];
            return match orphan.into_iter().find_map(|(name, entry)| Some((name, entry.as_ref()?))) {
                Some((name, entry)) => Err(entry.wrong("without nodes").inside(name)),
                None => Ok(Table::default()),
            };
        };
        // A table of tables is what the originals have.
        let is_originals = nodes.table().is_ok_and(|entries| {
            !entries.is_empty() && entries.iter().all(|(_, entry)| matches!(entry.value, Value::Table(_)))
        });
        let mut table = Table {
            nodes: if is_originals { originals(nodes) } else { own(nodes) }
                .map_err(|mistake| mistake.inside("nodes"))?,
            master_of: Vec::new(),
        };
        if let Some(entry) = &self.master_of {
            table.master_of = master_of(entry, &table.nodes).map_err(|mistake| mistake.inside("master_of"))?;
        }
        if is_originals {
            check_originals(nodes, self.master_of.as_ref(), &mut table)?;
        }
        if let Some(entry) = &self.default_node {
            let wrong = |what: &str| entry.wrong(what).inside("default_node");
            if !is_originals {
                return Err(wrong("not a setting: no node is more than another"));
            }
            // Who gets commands without keys, the command table says here.
            let name = entry.text().map_err(|mistake| mistake.inside("default_node"))?;
            if !nodes.table()?.iter().any(|(known, _)| known == name) {
                return Err(wrong("not the name of a node"));
            }
        }
        Ok(table)
    }
}

/// A table from names to addresses; or an array, with entries `NAME=ADDRESS` or tables with a name and an address.
fn own(nodes: &Entry) -> Result<Vec<(String, String)>, Mistake> {
    let mut pairs = Vec::new();
    match &nodes.value {
        Value::Table(entries) => {
            for (name, address) in entries {
                // In TOML, what follows `[nodes]` belongs to it: a password would be taken for a host.
                let address = match super::is_setting(name) {
                    true => Err(address.wrong("a setting, and no node: it belongs before the table of the nodes")),
                    false => checked(address),
                };
                pairs.push((name.clone(), address.map_err(|mistake| mistake.inside(name))?));
            }
        }
        Value::List(entries) => {
            for (at, entry) in entries.iter().enumerate() {
                let pair = match &entry.value {
                    Value::Text(text) => crate::config::pair(text),
                    Value::Table(fields) => {
                        let field = |wanted: &str| {
                            let (_, entry) = fields.iter().find(|(name, _)| name == wanted)?;
                            entry.text().ok().map(str::to_owned)
                        };
                        field("name").zip(field("address")).filter(|_| fields.len() == 2)
                    }
                    _ => None,
                };
                let pair =
                    pair.ok_or_else(|| entry.wrong("neither \"NAME=HOST:PORT\" nor a table of name and address"));
                let pair = pair.and_then(|(name, address)| {
                    let address = Entry { line: entry.line, value: Value::Text(address) };
                    Ok((name, checked(&address)?))
                });
                pairs.push(pair.map_err(|mistake| mistake.in_element(at + 1))?);
            }
        }
        _ => return Err(nodes.wrong("neither a table nor a list")),
    }
    Ok(pairs)
}

/// An address that the library takes; it says why where it does not.
fn checked(address: &Entry) -> Result<String, Mistake> {
    let text = address.text()?;
    let tried = rediscluster::Cluster::builder().node("n", text).build();
    match tried {
        // Whether there is TLS is not known yet.
        Err(error) if !error.message().contains("rediss:// needs TLS") => {
            Err(address.wrong(error.message().strip_prefix("node n: ").unwrap_or(error.message())))
        }
        _ => Ok(text.to_owned()),
    }
}

/// A table from the names of masters to the name of a replica, or to several.
fn master_of(entry: &Entry, nodes: &[(String, String)]) -> Result<Vec<(String, String)>, Mistake> {
    let is_node = |name: &str| nodes.iter().any(|(known, _)| known == name);
    let mut pairs = Vec::new();
    for (master, replicas) in entry.table()? {
        if !is_node(master) {
            return Err(Mistake::at(replicas.line, "not the name of a node").inside(master));
        }
        let listed = match &replicas.value {
            Value::List(listed) => listed.as_slice(),
            _ => std::slice::from_ref(replicas),
        };
        for replica in listed {
            let name = replica.text().map_err(|mistake| mistake.inside(master))?;
            if !is_node(name) {
                return Err(replica.wrong(format!("{}, which is no node", shown(name))).inside(master));
            }
            pairs.push((master.clone(), name.to_owned()));
        }
    }
    Ok(pairs)
}

/// The originals give each server's table to the constructor of their client as it is.
fn originals(nodes: &Entry) -> Result<Vec<(String, String)>, Mistake> {
    let mut pairs = Vec::new();
    for (name, server) in nodes.table()? {
        pairs.push((name.clone(), address(server).map_err(|mistake| mistake.inside(name))?));
    }
    Ok(pairs)
}

fn address(server: &Entry) -> Result<String, Mistake> {
    let (mut host, mut port, mut path, mut username, mut password) = (None, None, None, None, None);
    for (field, entry) in server.table()? {
        // Nothing is nothing for the constructor, too.
        if entry.value == Value::Nothing {
            continue;
        }
        let taken = match field.as_str() {
            "host" => entry.text().map(|text| host = Some(text)),
            "port" => entry.number(1, u16::MAX.into()).map(|number| port = Some(number as u16)),
            "unix_socket_path" => entry.text().map(|text| path = Some(text)),
            "username" => entry.text().map(|text| username = Some(text)),
            "password" => entry.text().map(|text| password = Some(text)),
            _ => {
                Err(entry.wrong("read of a node are host, port, unix_socket_path, username and password, and no more"))
            }
        };
        taken.map_err(|mistake| mistake.inside(field))?;
    }
    let place = match (host, path) {
        (None, Some(path)) => Address::unix(path),
        (Some(host), None) => Address::new(host, port.unwrap_or(Address::DEFAULT_PORT)),
        _ => return Err(server.wrong("a node has either a host or a unix_socket_path")),
    };
    let place = place.map_err(|error| server.wrong(error.message()))?;
    Ok(with_credentials(&place, username, password))
}

/// A URL, or the plain address where nobody logs in.
pub fn with_credentials(address: &Address, username: Option<&str>, password: Option<&str>) -> String {
    let address = address.to_string();
    if username.is_none() && password.is_none() {
        return address;
    }
    let part = |text: Option<&str>| text.map(encoded).unwrap_or_default();
    let (scheme, rest) = address.split_once("://").unwrap_or(("redis", &address));
    format!("{scheme}://{}:{}@{rest}", part(username), part(password))
}

/// What may have a meaning in a URL as percent signs.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The originals place keys on `node_1` to `node_N`, where N counts what stands on the left side of `master_of`, or without
/// that all nodes. What would lie elsewhere there is refused.
fn check_originals(nodes: &Entry, given: Option<&Entry>, table: &mut Table) -> Result<(), Mistake> {
    let entries = nodes.table()?;
    if given.is_some() {
        for (name, server) in entries {
            if !table.master_of.iter().any(|(master, replica)| master == name || replica == name) {
                return Err(server.wrong("neither a master nor a replica in master_of").inside(name).inside("nodes"));
            }
        }
    }
    // A master without a replica is its own, by its name or by one more name of the same server.
    let address_of = |name: &str| table.nodes.iter().find(|(known, _)| known == name).map(|(_, address)| address);
    let (own, master_of): (Vec<_>, Vec<_>) =
        table.master_of.iter().cloned().partition(|(master, replica)| address_of(master) == address_of(replica));
    let masters: BTreeSet<String> = table.master_of.iter().map(|(master, _)| master.clone()).collect();
    table.master_of = master_of;
    table.nodes.retain(|(name, _)| masters.contains(name) || !own.iter().any(|(_, replica)| replica == name));
    let replicas: BTreeSet<&str> = table.master_of.iter().map(|(_, replica)| replica.as_str()).collect();
    let mut numbers: Vec<(String, Entry)> = Vec::new();
    for (name, server) in entries.iter().filter(|(name, _)| table.nodes.iter().any(|(known, _)| known == name)) {
        if replicas.contains(name.as_str()) {
            continue;
        }
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if !name.strip_prefix("node_").is_some_and(is_number) {
            let what =
                "rediscluster-py and -php place keys on node_1, node_2 and so on, and never on a node of this name";
            return Err(server.wrong(what).inside(name).inside("nodes"));
        }
        add(&mut numbers, server.line, name.clone(), server.clone())?;
    }
    for number in 1..=numbers.len() {
        let wanted = format!("node_{number}");
        if !numbers.iter().any(|(name, _)| *name == wanted) {
            let what = format!("{} masters, and none of them is {wanted}", numbers.len());
            return Err(nodes.wrong(what).inside("nodes"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::literal::{read, Language};
    use crate::file::syntax;

    fn table(document: Result<Entry, Mistake>) -> Result<Table, String> {
        let entry = document.map_err(|mistake| mistake.to_string())?;
        let take = |name: &str| {
            let (_, entry) = entry.table().ok()?.iter().find(|(known, _)| known == name)?;
            Some(entry.clone())
        };
        let given = Given { nodes: take("nodes"), master_of: take("master_of"), default_node: take("default_node") };
        given.table().map_err(|mistake| mistake.to_string())
    }

    fn json(source: &str) -> Result<Table, String> {
        table(syntax::json(source))
    }

    fn pairs(pairs: &[(String, String)]) -> String {
        pairs.iter().map(|(one, other)| format!("{one}={other}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn nodes_in_every_form_of_our_own() {
        for source in [
            "[nodes]\nzeta = 'h:1'\nalpha = 'redis://u:p@h:2'",
            "nodes = ['zeta=h:1', ' alpha = redis://u:p@h:2']",
            "[[nodes]]\nname = 'zeta'\naddress = 'h:1'\n[[nodes]]\naddress = 'redis://u:p@h:2'\nname = 'alpha'",
        ] {
            assert_eq!(
                pairs(&table(syntax::toml(source)).unwrap().nodes),
                "zeta=h:1,alpha=redis://u:p@h:2",
                "{source}"
            );
        }
        let given = table(syntax::toml("nodes = ['a=h:1', 'b=h:2', 'c=h:3']\nmaster_of = { a = ['b', 'c'] }")).unwrap();
        assert_eq!(pairs(&given.master_of), "a=b,a=c");
    }

    /// The configuration of the tests of rediscluster-php, and that of its README in Python.
    #[test]
    fn the_files_of_the_originals() {
        let php = "<?php\n/**\n * config file\n */\nglobal $cluster;\n$cluster = array(\n    //node names\n    'nodes' => array(\n      //masters\n      \
            'node_1' => array('host' => '127.0.0.1', 'port' => 63791),\n      'node_2' => array('host' => '127.0.0.1', 'port' => 63792),\n      \
            //slaves\n      'node_5' => array('host' => '127.0.0.1', 'port' => 63795),\n      'node_6' => array('host' => '127.0.0.1', 'port' => 63796),\n    ),\n    \
            //replication information\n    'master_of' => array(\n      'node_1' => 'node_6',  //node_6 slaveof node_1 in redis6.conf\n      'node_2' => 'node_5',\n    ),\n\n    'default_node' => 'node_1'\n);\n";
        let python = "cluster = {\n    # node names\n    'nodes': {\n        # masters\n        'node_1': {'host': '127.0.0.1', 'port': 63791},\n        \
            'node_2': {'host': '127.0.0.1', 'port': 63792},\n        'node_5': {'host': '127.0.0.1', 'port': 63795},\n        'node_6': {'host': '127.0.0.1', 'port': 63796},\n    },\n    \
            'master_of': {\n        'node_1': 'node_6',  # node_6 slaveof node_1 in redis6.conf\n        'node_2': 'node_5'\n    },\n    'default_node': 'node_1'\n}\n";
        let json = r#"{"nodes": {"node_1": {"host": "127.0.0.1", "port": 63791}, "node_2": {"host": "127.0.0.1", "port": 63792},
            "node_5": {"host": "127.0.0.1", "port": 63795}, "node_6": {"host": "127.0.0.1", "port": 63796}},
            "master_of": {"node_1": "node_6", "node_2": "node_5"}, "default_node": "node_1"}"#;
        for read in [table(read(php, Language::Php)), table(read(python, Language::Python)), table(syntax::json(json))]
        {
            let table = read.unwrap();
            assert_eq!(
                pairs(&table.nodes),
                "node_1=127.0.0.1:63791,node_2=127.0.0.1:63792,node_5=127.0.0.1:63795,node_6=127.0.0.1:63796"
            );
            assert_eq!(pairs(&table.master_of), "node_1=node_6,node_2=node_5");
        }
    }

    #[test]
    fn what_a_node_of_the_originals_may_say() {
        let table = json(
            r#"{"nodes": {"node_2": {"host": "::1", "password": "p@ss w", "username": "us:er", "port": null},
                "node_1": {"unix_socket_path": "/run/a b.sock", "password": "x"}}}"#,
        );
        let nodes = table.unwrap().nodes;
        assert_eq!(pairs(&nodes), "node_2=redis://us%3Aer:p%40ss%20w@[::1]:6379,node_1=unix://:x@/run/a%20b.sock");
    }

    /// A master is its own replica where it has none: `rediscluster-py` compares what the names stand for.
    #[test]
    fn masters_without_replicas() {
        let table = json(
            r#"{"nodes": {"node_1": {"host": "h", "port": 1}, "node_2": {"host": "h", "port": 2}, "node_3": {"host": "h", "port": 2},
                "node_4": {"host": "h", "port": 4}}, "master_of": {"node_1": "node_4", "node_2": "node_3"}}"#,
        )
        .unwrap();
        assert_eq!(
            (pairs(&table.nodes), pairs(&table.master_of)),
            ("node_1=h:1,node_2=h:2,node_4=h:4".into(), "node_1=node_4".into())
        );
        let table =
            json(r#"{"nodes": {"node_1": {"host": "h", "port": 1}}, "master_of": {"node_1": "node_1"}}"#).unwrap();
        assert_eq!((pairs(&table.nodes), pairs(&table.master_of)), ("node_1=h:1".into(), "".into()));
    }

    #[test]
    fn what_would_lie_elsewhere_is_refused() {
        for (source, message) in [
            (
                r#"{"nodes": {"node_1": {"host": "h"}, "db": {"host": "g"}}}"#,
                "nodes.db: rediscluster-py and -php place keys on node_1, node_2 and so on, and never on a node of this name",
            ),
            (
                r#"{"nodes": {"node_1": {"host": "h"}, "node_02": {"host": "g"}}}"#,
                "nodes.node_02: rediscluster-py and -php place keys on node_1, node_2 and so on, and never on a node of this name",
            ),
            (
                r#"{"nodes": {"node_1": {"host": "h"}, "node_3": {"host": "g"}}}"#,
                "nodes: 2 masters, and none of them is node_2",
            ),
            (
                r#"{"nodes": {"node_1": {"host": "h"}, "node_2": {"host": "g"}, "node_3": {"host": "f"}}, "master_of": {"node_1": "node_2"}}"#,
                "nodes.node_3: neither a master nor a replica in master_of",
            ),
            (r#"{"nodes": {"node_1": {"host": "h"}}, "default_node": "node_2"}"#, "default_node: not the name of a node"),
            (r#"{"nodes": {"a": "h"}, "default_node": "a"}"#, "default_node: not a setting: no node is more than another"),
            (r#"{"default_node": "a"}"#, "default_node: without nodes"),
            (r#"{"nodes": {"a": "h"}, "master_of": {"a": "b"}}"#, "master_of.a: b, which is no node"),
            (r#"{"nodes": {"a": "h"}, "master_of": {"b": "a"}}"#, "master_of.b: not the name of a node"),
            (
                r#"{"nodes": {"node_1": {"host": "h", "socket_timeout": 3}}}"#,
                "nodes.node_1.socket_timeout: read of a node are host, port, unix_socket_path, username and password, and no more",
            ),
            (r#"{"nodes": {"node_1": {"port": 1}}}"#, "nodes.node_1: a node has either a host or a unix_socket_path"),
            (
                r#"{"nodes": {"node_1": {"host": "h", "port": "s3cret"}}}"#,
                "nodes.node_1.port: not a whole number from 1 to 65535",
            ),
            (r#"{"nodes": {"a": "redis://:s3cret@h:x"}}"#, "nodes.a: what follows the colon is not a port: 1 to 65535"),
            (r#"{"nodes": {"a": ["s3cret"]}}"#, "nodes.a: not a string"),
            (
                r#"{"nodes": {"node_1": {"host": "h"}, "redis://:s3cret@h": 1}}"#,
                "nodes.node_1: not a string",
            ),
            (r#"{"nodes": {"redis://:s3cret@h": 1}}"#, "nodes.(hidden): not a string"),
            (
                r#"{"nodes": ["a=h:1", "s3=cret@h"]}"#,
                "nodes[2]: neither \"NAME=HOST:PORT\" nor a table of name and address",
            ),
            (
                r#"{"nodes": {"a": "h", "password": "s3cret"}}"#,
                "nodes.password: a setting, and no node: it belongs before the table of the nodes",
            ),
            (r#"{"nodes": "s3cret"}"#, "nodes: neither a table nor a list"),
        ] {
            assert_eq!(json(source).err().as_deref(), Some(message), "{source}");
        }
    }
}
