//! All keys of all nodes.

use super::pages::{page_of, Pages};
use super::position::{Place, ScanPosition};
use crate::cluster::Cluster;
use crate::cmd::Cmd;
use crate::command::Wait;
use crate::commands::ScanOptions;
use crate::error::{escape, Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::table;
use crate::topology::Node;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

/// All keys of all nodes, one page of one node after the other: see [`Cluster::scan_all`].
pub struct ScanAll {
    cluster: Cluster,
    options: ScanOptions,
    /// The node that is scanned now; their number when all were.
    shard: usize,
    shards: usize,
    pages: Pages<Vec<u8>>,
}

/// A key that a scan found: on which node, and under what name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    node: Arc<Node>,
    name: Vec<u8>,
}

impl Found {
    /// The node that has the key; [`Cluster::on`] reaches it by its name.
    #[inline]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The name that the server stores, as text or whatever else it can become.
    ///
    /// # Errors
    /// [`Reply`](crate::ErrorKind::Reply) when it cannot become that, such as a name that is not UTF-8 a `String`.
    pub fn name<T: FromValue>(&self) -> Result<T> {
        T::from_value(ValueRef::Bulk(&self.name)).map_err(|error| error.with_node(|| self.node.to_string()))
    }

    /// The name that the server stores.
    #[inline]
    pub fn name_bytes(&self) -> &[u8] {
        &self.name
    }

    /// The name that the server stores, without a copy.
    #[inline]
    pub fn into_name(self) -> Vec<u8> {
        self.name
    }
}

impl ScanAll {
    #[inline]
    pub(super) fn new(cluster: Cluster, options: ScanOptions) -> ScanAll {
        let shards = cluster.topology().shards().len();
        ScanAll { cluster, options, shard: 0, shards, pages: Pages::from(0, String::new()) }
    }

    #[inline]
    pub(super) fn at(cluster: Cluster, position: &ScanPosition, options: ScanOptions) -> Result<ScanAll> {
        if position.names != names_of(&cluster) {
            return Err(Error::argument("the position is one of a cluster with other nodes"));
        }
        if position.database != cluster.database_number() {
            let message = format!(
                "the position is one in database {}, and this is database {}",
                position.database,
                cluster.database_number()
            );
            return Err(Error::argument(message));
        }
        let topology = cluster.topology();
        let mut scan = ScanAll::new(cluster, options);
        scan.shard = scan.shards;
        if let Some(place) = &position.place {
            let shard = topology.shards().iter().position(|shard| shard.name() == place.node);
            scan.shard = shard.ok_or_else(|| {
                Error::argument(format!("there is no node of the name {}", escape(place.node.as_bytes(), 64)))
            })?;
            scan.pages = Pages::from(place.cursor, place.process.clone());
        }
        Ok(scan)
    }

    /// Where the scan is, for [`Cluster::scan_from`]. A page of which not every key was handed out is given again from
    /// there, so that nothing is missed.
    #[inline]
    pub fn position(&self) -> ScanPosition {
        let topology = self.cluster.topology();
        let place = topology.shards().get(self.shard).map(|shard| {
            let (cursor, process) = self.pages.cursor();
            Place { node: shard.name().to_owned(), cursor, process: process.to_owned() }
        });
        ScanPosition { database: self.cluster.database_number(), names: names_of(&self.cluster), place }
    }

    /// How many nodes were scanned to their end. Two names for one server count once.
    #[inline]
    pub fn nodes_done(&self) -> usize {
        self.cluster.topology().distinct_shards().filter(|&shard| shard < self.shard).count()
    }

    /// How many nodes there are to scan. Two names for one server count once.
    #[inline]
    pub fn nodes(&self) -> usize {
        self.cluster.topology().distinct_shards().count()
    }

    #[inline]
    fn advance(&mut self) -> Result<Option<Found>> {
        let until = self.cluster.begin(Wait::None);
        while self.shard < self.shards {
            let (cluster, options, shard) = (&self.cluster, &self.options, self.shard);
            let ask = |cursor: u64| {
                let cmd = Cmd::new(&table::SCAN).arg(cursor).args_of(options);
                cluster.page(&page_of(cmd), Some(shard), until)
            };
            let name = self.pages.next(until, ask).map_err(|error| error.with_command("SCAN"))?;
            let node = self.pages.node().cloned();
            if self.pages.is_over() {
                // Of two names for one server the first stands for both.
                let next = self.cluster.topology().distinct_shards().find(|&next| next > self.shard);
                self.shard = next.unwrap_or(self.shards);
                self.pages = Pages::from(0, String::new());
            }
            if let (Some(name), Some(node)) = (name, node) {
                return Ok(Some(Found { node, name }));
            }
        }
        Ok(None)
    }
}

impl Iterator for ScanAll {
    type Item = Result<Found>;

    #[inline]
    fn next(&mut self) -> Option<Result<Found>> {
        self.advance().transpose()
    }
}

impl FusedIterator for ScanAll {}

impl fmt::Debug for ScanAll {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanAll").field("position", &self.position()).finish_non_exhaustive()
    }
}

/// A checksum of the names of all nodes, in order. No name holds a comma.
#[inline]
fn names_of(cluster: &Cluster) -> u32 {
    let topology = cluster.topology();
    let names: Vec<&str> = topology.shards().iter().map(|shard| shard.name()).collect();
    crc32fast::hash(names.join(",").as_bytes())
}
