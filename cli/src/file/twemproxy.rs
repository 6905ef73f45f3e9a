//! The configuration of twemproxy: which node each server of a pool is. What this library would do otherwise is refused.

use super::document::{add, shown, Entry, Mistake, Value};
use super::nodes::Table;
use super::settings::Settings;
use rediscluster::Address;

/// The port that twemproxy leaves out of the name of a server without a name of its own.
const PORT_OF_MEMCACHED: u16 = 11211;

/// How the proxy itself listens and waits; where keys live does not depend on it.
const OF_THE_PROXY: [&str; 9] = [
    "listen",
    "timeout",
    "backlog",
    "client_connections",
    "tcpkeepalive",
    "reuse_port",
    "preconnect",
    "server_connections",
    "server_retry_timeout",
];

/// A pool, by its name where there are several.
pub fn read(document: &Entry, wanted: Option<&str>) -> Result<(Table, Settings), Mistake> {
    let pools = document.table()?;
    let names = || pools.iter().map(|(name, _)| shown(name)).collect::<Vec<_>>().join(", ");
    let (name, pool) = match (wanted, pools) {
        (Some(wanted), _) => pools
            .iter()
            .find(|(name, _)| name == wanted)
            .ok_or_else(|| Mistake::at(0, format!("there is no pool {wanted:?} among {}", names())))?,
        (None, [pool]) => pool,
        (None, []) => return Err(document.wrong("there is no pool")),
        (None, _) => {
            return Err(Mistake::at(0, format!("there are several pools: --pool says which one of {}", names())));
        }
    };
    pool_of(name, pool).map_err(|mistake| mistake.inside(name))
}

fn pool_of(name: &str, pool: &Entry) -> Result<(Table, Settings), Mistake> {
    let entries = pool.table()?;
    let given = |name: &str| entries.iter().find(|(known, _)| known == name).map(|(_, entry)| entry);
    // Each of them is what twemproxy does unless told otherwise, and not what is done here.
    for (name, wanted, otherwise) in [
        ("redis", "true", "a pool of memcached"),
        ("hash", "crc32a", "hashed by fnv1a_64"),
        ("distribution", "modula", "distributed by ketama"),
    ] {
        if given(name).is_none() {
            return Err(pool.wrong(format!("without `{name}: {wanted}` this is {otherwise}, which is not done here")));
        }
    }
    let mut settings = Settings::default();
    let mut set = |name: &str, line: usize, value: Value| settings.set(name, Entry { line, value });
    // Where nothing is said of tags, braces mean nothing.
    set("hash_tags", pool.line, Value::Text("off".into()))?;
    let mut servers = Vec::new();
    for (name, entry) in entries {
        let taken = match name.as_str() {
            "redis" => must_be(entry, "true", "only Redis and Valkey are spoken to"),
            "hash" => must_be(entry, "crc32a", "this hash is not known here"),
            "distribution" => must_be(entry, "modula", "this distribution is not known here"),
            "auto_eject_hosts" => must_be(entry, "false", "no key ever moves to another node because its own is dead"),
            "server_failure_limit" => Ok(()),
            "hash_tag" if is(entry, "{}") => set("hash_tags", entry.line, Value::Text("keep".into())),
            "hash_tag" => Err(entry.wrong("tags in other signs than {} are not known here")),
            "redis_auth" => set("password", entry.line, entry.value.clone()).map_err(|_| entry.wrong("not a text")),
            "redis_db" => match entry.text().map(str::parse::<u32>) {
                Ok(Ok(number)) => set("database", entry.line, Value::Integer(number.into())),
                _ => Err(entry.wrong("not the number of a database")),
            },
            "servers" => servers_of(entry).map(|read| servers = read),
            other if OF_THE_PROXY.contains(&other) => Ok(()),
            _ => Err(entry.wrong("not a setting of twemproxy")),
        };
        taken.map_err(|mistake| mistake.inside(name))?;
    }
    if servers.is_empty() {
        return Err(pool.wrong("no servers"));
    }
    Ok((Table { nodes: named(name, servers), master_of: Vec::new() }, settings))
}

fn is(entry: &Entry, wanted: &str) -> bool {
    entry.text() == Ok(wanted)
}

fn must_be(entry: &Entry, wanted: &str, why: &str) -> Result<(), Mistake> {
    match is(entry, wanted) {
        true => Ok(()),
        false => Err(entry.wrong(format!("not {wanted}: {why}"))),
    }
}

/// Names and addresses in the order in which twemproxy counts the servers: **not that of the file**, but by their names.
fn servers_of(list: &Entry) -> Result<Vec<(String, String)>, Mistake> {
    let mut servers = Vec::new();
    for (at, entry) in list.list()?.iter().enumerate() {
        let server = entry.text().and_then(|text| server(text).map_err(|what| entry.wrong(what)));
        let (name, address) = server.map_err(|mistake| mistake.in_element(at + 1))?;
        add(&mut servers, entry.line, name, Value::Text(address).into())?;
    }
    servers.sort_by(|(one, _), (other, _)| order(one, other));
    Ok(servers.into_iter().map(|(name, entry)| (name, entry.text().unwrap_or_default().to_owned())).collect())
}

/// As twemproxy compares the names of servers: shorter ones come first.
pub fn order(one: &str, other: &str) -> std::cmp::Ordering {
    (one.len(), one.as_bytes()).cmp(&(other.len(), other.as_bytes()))
}

/// The name and the address in `host:port:weight name` or `/path:weight name`.
fn server(text: &str) -> Result<(String, String), String> {
    let malformed = || "neither \"host:port:weight name\" nor \"/path:weight name\"".to_owned();
    let (place, name) = match text.rsplit_once(' ') {
        Some((place, name)) if !name.is_empty() => (place, Some(name)),
        Some(_) => return Err(malformed()),
        None => (text, None),
    };
    let (place, weight) = place.rsplit_once(':').ok_or_else(malformed)?;
    let weight = weight.parse::<u32>().ok().filter(|weight| *weight > 0).ok_or_else(malformed)?;
    let wrong = |error: rediscluster::Error| error.message().to_owned();
    let (address, own) = if place.starts_with('/') {
        // twemproxy takes the colon for a part of the name.
        (Address::unix(place).map_err(wrong)?, format!("{place}:"))
    } else {
        let (host, port) = place.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;
        let own = if port == PORT_OF_MEMCACHED { host } else { place };
        (Address::new(host, port).map_err(wrong)?, own.to_owned())
    };
    if weight != 1 {
        return Err(format!(
            "a weight of {weight} is not honoured, also where it is that of all: only with 1 each server is one node"
        ));
    }
    Ok((name.map_or(own, str::to_owned), address.to_string()))
}

/// The servers by names that keep them in this order. Theirs do, but where they could not be names of nodes, or would be put
/// in the order of the numbers in them.
fn named(pool: &str, servers: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_name = |name: &str| !name.contains(|c: char| c.is_whitespace() || c.is_control() || "=,/@".contains(c));
    let number = |name: &str| name.strip_prefix("node_")?.parse::<u64>().ok();
    let numbered = servers.iter().all(|(name, _)| number(name).is_some());
    let in_order = servers.iter().zip(1..).all(|((name, _), nth)| number(name) == Some(nth));
    if servers.iter().all(|(name, _)| is_name(name)) && (!numbered || in_order) {
        return servers;
    }
    let prefix = if is_name(pool) { pool } else { "pool" };
    let renamed = servers.into_iter().zip(1..).map(|((name, address), nth)| match is_name(&name) {
        true => (format!("{prefix}.{name}"), address),
        false => (format!("{prefix}.{nth}"), address),
    });
    renamed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::syntax;

    const HEAD: &str = "alpha:\n  listen: 127.0.0.1:22121\n  hash: crc32a\n  distribution: modula\n  redis: true\n";

    fn pool(source: &str, name: Option<&str>) -> Result<(Table, Settings), String> {
        syntax::yaml(source).and_then(|document| read(&document, name)).map_err(|mistake| mistake.to_string())
    }

    fn nodes(servers: &[&str]) -> Result<String, String> {
        let list: String = servers.iter().map(|server| format!("   - {server}\n")).collect();
        let (table, _) = pool(&format!("{HEAD}  servers:\n{list}"), None)?;
        Ok(table.nodes.iter().map(|(name, address)| format!("{name}={address}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn servers_are_counted_in_the_order_of_their_names() {
        for (servers, wanted) in [
            (&["h:1:1 zeta", "h:2:1 alpha", "h:3:1 be"][..], "be=h:3 zeta=h:1 alpha=h:2"),
            (&["h:10:1 node_10", "h:9:1 node_9"], "alpha.node_9=h:9 alpha.node_10=h:10"),
            (&["h:2:1 node_2", "h:1:1 node_1"], "node_1=h:1 node_2=h:2"),
            (&["h:0001:1", "h:7:1", "h:10:1"], "h:7=h:7 h:10=h:10 h:0001=h:1"),
            (&["hh:11211:1", "h:6379:1"], "hh=hh:11211 h:6379=h:6379"),
            (&["/run/a.sock:1 one", "::1:7000:1 two"], "one=unix:///run/a.sock two=[::1]:7000"),
            (&["/run/a.sock:1", "h:1:1 two"], "alpha.two=h:1 alpha.2=unix:///run/a.sock"),
            (&["h:2:1 node_2", "h:1:1 node_01"], "alpha.node_2=h:2 alpha.node_01=h:1"),
        ] {
            assert_eq!(nodes(servers).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn tags_passwords_and_databases() {
        let servers = "  servers:\n   - h:1:1 a\n";
        let told = |more: &str| {
            let (_, settings) = pool(&format!("{HEAD}{more}{servers}"), None).unwrap();
            format!("{:?}", settings.apply(rediscluster::Cluster::builder()))
        };
        assert!(told("").contains("hash_tags: Off"), "without hash_tag braces mean nothing");
        assert!(told("  hash_tag: \"{}\"\n").contains("hash_tags: Keep"));
        assert!(told("  redis_auth: s3cret\n").contains("password: Some(\"set\")"));
        assert!(told("  redis_db: 5\n").contains("database: Some(5)"));
        let much = "  timeout: 400\n  backlog: 1024\n  client_connections: 5\n  preconnect: true\n  tcpkeepalive: true\n  \
            auto_eject_hosts: false\n  server_connections: 1\n  server_retry_timeout: 2000\n  server_failure_limit: 2\n";
        assert_eq!(told(much), told(""));
    }

    #[test]
    fn what_is_done_otherwise_is_refused() {
        let all = format!("{HEAD}  servers:\n   - h:1:1 a\n   - h:2:1 b\n");
        let changed = |from: &str, to: &str| all.replace(from, to);
        for (source, message) in [
            (changed("crc32a", "fnv1a_64"), "line 3: alpha.hash: not crc32a: this hash is not known here"),
            (changed("crc32a", "crc32"), "line 3: alpha.hash: not crc32a: this hash is not known here"),
            (changed("  hash: crc32a\n", ""), "line 1: alpha: without `hash: crc32a` this is hashed by fnv1a_64, which is not done here"),
            (changed("modula", "ketama"), "line 4: alpha.distribution: not modula: this distribution is not known here"),
            (changed("  distribution: modula\n", ""), "line 1: alpha: without `distribution: modula` this is distributed by ketama, which is not done here"),
            (changed("redis: true", "redis: false"), "line 5: alpha.redis: not true: only Redis and Valkey are spoken to"),
            (changed("  redis: true\n", ""), "line 1: alpha: without `redis: true` this is a pool of memcached, which is not done here"),
            (changed("  servers", "  auto_eject_hosts: true\n  servers"), "line 6: alpha.auto_eject_hosts: not false: no key ever moves to another node because its own is dead"),
            (changed("  servers", "  hash_tag: \"$$\"\n  servers"), "line 6: alpha.hash_tag: tags in other signs than {} are not known here"),
            (changed("  servers", "  redis_db: x\n  servers"), "line 6: alpha.redis_db: not the number of a database"),
            (changed("  servers", "  bogus: s3cret\n  servers"), "line 6: alpha.bogus: not a setting of twemproxy"),
            (changed("h:2:1 b", "h:2:2 b"), "line 8: alpha.servers[2]: a weight of 2 is not honoured, also where it is that of all: only with 1 each server is one node"),
            (changed("h:2:1 b", "h:2:0 b"), "line 8: alpha.servers[2]: neither \"host:port:weight name\" nor \"/path:weight name\""),
            (changed("h:2:1 b", "h:2"), "line 8: alpha.servers[2]: neither \"host:port:weight name\" nor \"/path:weight name\""),
            (changed("h:2:1 b", "h:2:1 a"), "line 8: alpha.servers.a: given twice"),
            ("a:\n  redis: true\nb:\n  redis: true".into(), "there are several pools: --pool says which one of a, b"),
            ("- a".into(), "line 1: not a table"),
        ] {
            assert_eq!(pool(&source, None).err().as_deref(), Some(message), "{source}");
        }
        assert_eq!(pool(&all, Some("beta")).err().as_deref(), Some("there is no pool \"beta\" among alpha"));
        let two = format!("{all}beta:\n  hash: fnv1a_64\n");
        assert_eq!(pool(&two, Some("alpha")).unwrap().0.nodes.len(), 2, "what another pool says does not matter");
    }
}
