//! The replies of commands for those who run servers.

use crate::commands::fields::Fields;
use crate::commands::replies::{Lossy, Row};
use crate::error::{Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use std::collections::BTreeMap;

/// What a server uses memory for: see [`memory_stats`](crate::AdminCommands::memory_stats).
///
/// Names are those of the server; inside a database its name comes first, as in `db.0.overhead.hashtable.main`.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryStats(BTreeMap<String, f64>);

impl MemoryStats {
    /// A figure by its name: bytes, a number or a ratio.
    #[inline]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All figures with their names, in the order of the names.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), *figure))
    }
}

/// Of one thing, or of a database.
enum Figures {
    One(f64),
    Many(Vec<(Lossy, f64)>),
}

impl FromValue for Figures {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Figures> {
        match value.items() {
            Some(_) => Vec::from_value(value).map(Figures::Many),
            None => f64::from_value(value).map(Figures::One),
        }
    }
}

impl FromValue for MemoryStats {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<MemoryStats> {
        let mut stats = BTreeMap::new();
        for (Lossy(name), figures) in Vec::from_value(value)? {
            match figures {
                Figures::One(figure) => {
                    stats.insert(name, figure);
                }
                Figures::Many(figures) => {
                    let named = |(Lossy(inner), figure)| (format!("{name}.{inner}"), figure);
                    stats.extend(figures.into_iter().map(named));
                }
            }
        }
        Ok(MemoryStats(stats))
    }
}

/// A module that a server has loaded: see [`module_list`](crate::AdminCommands::module_list).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Its name.
    pub name: String,
    /// Its version, as a number.
    pub version: i64,
    /// Where it was loaded from, since Redis 7.0.0; empty when it came with the server.
    pub path: String,
    /// What it was given when it was loaded, since Redis 7.0.0.
    pub args: Vec<String>,
}

impl FromValue for ModuleInfo {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ModuleInfo> {
        let fields = Fields::of(value)?;
        let Lossy(name) = fields.get("name")?;
        let path = fields.get::<Option<Lossy>>("path")?.map_or_else(String::new, |Lossy(path)| path);
        Ok(ModuleInfo { name, version: fields.get("ver")?, path, args: fields.get("args")? })
    }
}

/// What a server is to replication: see [`role`](crate::AdminCommands::role).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicationRole {
    /// Others may replicate it.
    Master {
        /// How far its stream of writes has come.
        offset: u64,
        /// The replicas that are connected.
        replicas: Vec<ConnectedReplica>,
    },
    /// It replicates another server.
    Replica {
        /// The host of its master.
        host: String,
        /// The port of its master.
        port: u16,
        /// `connected`, or how far it has come in getting there.
        state: String,
        /// How far it has read the stream of writes; −1 before it has any.
        offset: i64,
    },
    /// It watches over masters of these names.
    Sentinel(Vec<String>),
}

/// A replica, as its master sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedReplica {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far it says that it has read.
    pub offset: i64,
}

impl FromValue for ConnectedReplica {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ConnectedReplica> {
        let (host, port, offset) = FromValue::from_value(value)?;
        Ok(ConnectedReplica { host, port, offset })
    }
}

impl FromValue for ReplicationRole {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ReplicationRole> {
        let mut row = Row::of(value);
        let Lossy(role) = row.next()?;
        Ok(match role.as_str() {
            "master" => ReplicationRole::Master { offset: row.next()?, replicas: row.next()? },
            "slave" | "replica" => ReplicationRole::Replica {
                host: row.next()?,
                port: row.next()?,
                state: row.next()?,
                offset: row.next()?,
            },
            "sentinel" => ReplicationRole::Sentinel(row.next()?),
            _ => return Err(Error::reply(format!("expected a role in replication, got {role}"))),
        })
    }
}
