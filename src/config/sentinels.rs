//! Nodes whose masters are named by Sentinels.

use super::nodes::shown;
use super::{Builder, Endpoint};
use crate::error::{Error, Result};
use crate::topology::Address;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a Sentinel that said nothing is left alone; twice as long after each further time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// The Sentinels of a node, and the name that they have for its master.
#[derive(Debug, Clone)]
pub(crate) struct Sentinels {
    pub(crate) master: String,
    pub(crate) endpoints: Vec<Endpoint>,
    /// By Sentinel: since when it says nothing.
    silent: Arc<Mutex<Vec<Option<Rest>>>>,
}

/// A Sentinel that said nothing when it was asked.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    length: Duration,
}

/// What to do about a Sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Its answer is waited for.
    Waited,
    /// It said nothing the last time: it is asked, and not waited for.
    Tried,
    /// It is left alone.
    Left,
}

impl Sentinels {
    fn new(master: String, endpoints: Vec<Endpoint>) -> Sentinels {
        let silent = Arc::new(Mutex::new(vec![None; endpoints.len()]));
        Sentinels { master, endpoints, silent }
    }

    fn silent(&self) -> MutexGuard<'_, Vec<Option<Rest>>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How to go about the Sentinel at this place.
    pub(crate) fn asking(&self, nth: usize) -> Asking {
        match self.silent()[nth] {
            None => Asking::Waited,
            Some(rest) if rest.until <= Instant::now() => Asking::Tried,
            Some(_) => Asking::Left,
        }
    }

    /// Remembers whether it said anything.
    pub(crate) fn note(&self, nth: usize, has_answered: bool) {
        let mut silent = self.silent();
        silent[nth] = match (has_answered, silent[nth]) {
            (true, _) => None,
            (false, before) => {
                let length = before.map_or(FIRST_REST, |rest| (rest.length * 2).min(LONGEST_REST));
                Some(Rest { until: Instant::now() + length, length })
            }
        };
    }
}

impl Builder {
    /// Adds a node whose master is the one that Sentinels name: the name of the node, the name that the Sentinels have
    /// for its master, and the Sentinels, each `host:port` or a URL `redis://[user:password@]host[:port]`. The port is
    /// 26379 unless given. A Sentinel gets the credentials of its own URL only, never those of the servers.
    ///
    /// On [`connect`](Builder::connect), on every refresh and when the master fails, all Sentinels are asked at the same
    /// time. Of the addresses that they tell the one of the latest failover comes first, then the one that most of them
    /// tell; the first one whose server says itself that it is a master is taken. When none of them can tell, the
    /// servers that are known are asked, as for a node without Sentinels. Once most of those given have named the same
    /// address, the others have 0.1 s more; one that said nothing is not waited for until it answers again.
    ///
    /// A node that is [added](Builder::node) by this name as well, before or after, keeps its address for the case that no
    /// Sentinel answers. Without it only [`connect`](Builder::connect) can make the cluster, because
    /// [`build`](Builder::build) asks nobody. Where no Sentinel of a node can be reached by `connect` either, calls for its
    /// keys fail as not applied until one can, as those for any [unreachable](crate::Cluster::unreachable) node.
    ///
    /// ```no_run
    /// use rediscluster::prelude::*;
    ///
    /// let sentinels = ["10.0.0.1:26379", "10.0.0.2:26379", "redis://:secret@10.0.0.3:26379"];
    /// let cluster = Cluster::builder()
    ///     .sentinel("node_1", "shard-a", sentinels)
    ///     .sentinel("node_2", "shard-b", sentinels)
    ///     .connect()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn sentinel(
        self,
        node: impl Into<String>,
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Builder {
        self.note(|builder| {
            let (node, master) = (node.into(), master.into());
            let endpoints = sentinels.into_iter().map(|sentinel| endpoint(sentinel.as_ref()));
            let endpoints = endpoints
                .collect::<Result<Vec<Endpoint>>>()
                .map_err(|error| Error::config(format!("a Sentinel of node {}: {}", shown(&node), error.message())))?;
            let Some(first) = endpoints.first() else {
                return Err(Error::config(format!("no Sentinels are given for node {}", shown(&node))));
            };
            if !builder.table.has(&node) {
                // Where its master is, the Sentinels tell later.
                builder.table.add_unplaced(node.clone(), first.address.clone())?;
            }
            builder.sentinels.retain(|(known, _)| *known != node);
            builder.sentinels.push((node, Sentinels::new(master, endpoints)));
            Ok(())
        })
    }

    /// The nodes whose addresses only their Sentinels know.
    pub(crate) fn without_address(&self) -> Vec<(String, Sentinels)> {
        let is_without = |(node, _): &&(String, Sentinels)| self.table.unplaced().any(|name| name == node);
        self.sentinels.iter().filter(is_without).cloned().collect()
    }

    /// Gives a node the address that its Sentinels told.
    pub(crate) fn set_address(&mut self, node: &str, address: Address) {
        self.table.set_address(node, address);
    }

    /// Lets a node stand without an address, until its Sentinels can tell one.
    pub(crate) fn leave_unplaced(&mut self) {
        self.may_be_unplaced = true;
    }

    /// Whether all nodes have addresses.
    pub(super) fn check_addresses(&self) -> Result<()> {
        match self.table.unplaced().next() {
            Some(node) if !self.may_be_unplaced => Err(Error::config(format!(
                "where node {} is only its Sentinels know, and `build` asks nobody: use `connect`, or add an address by \
                 `node`",
                shown(node)
            ))),
            _ => Ok(()),
        }
    }
}

fn endpoint(text: &str) -> Result<Endpoint> {
    let mut endpoint = Endpoint::parse(text)?;
    let rest = text.trim().rsplit('@').next().unwrap_or_default();
    let has_port = rest.trim_end_matches('/').rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    if !has_port || endpoint.address.to_string() == format!("[{rest}]:{}", Address::DEFAULT_PORT) {
        endpoint.address = Address::new(endpoint.address.host(), 26379)?;
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_sentinels() {
        for (text, address) in [
            ("h", "h:26379"),
            ("h:1", "h:1"),
            ("::1", "[::1]:26379"),
            ("[::1]:2", "[::1]:2"),
            ("redis://:6@h", "h:26379"),
            ("redis://u:p@h:3", "h:3"),
        ] {
            assert_eq!(endpoint(text).unwrap().address.to_string(), address, "{text}");
        }
    }

    #[test]
    fn mistakes_about_sentinels() {
        let build = |builder: Builder| builder.checked().err().unwrap().message().to_owned();
        let none: [&str; 0] = [];
        assert_eq!(build(Builder::default().sentinel("node_1", "m", none)), "no Sentinels are given for node node_1");
        assert!(build(Builder::default().sentinel("node_1", "m", ["h"])).contains("use `connect`"));
        let wrong = build(Builder::default().sentinel("node_1", "m", ["redis://u:canary@"]));
        assert!(wrong.starts_with("a Sentinel of node node_1: ") && !wrong.contains("canary"), "{wrong}");
        for both in [
            Builder::default().node("node_1", "h:1").sentinel("node_1", "m", ["h"]),
            Builder::default().sentinel("node_1", "m", ["h"]).node("node_1", "h:1"),
            Builder::default().sentinel("node_1", "m", ["h"]).nodes("node_1=h:1"),
        ] {
            let masters = both.checked().unwrap().masters;
            assert_eq!((masters.len(), masters[0].endpoint.address.to_string()), (1, "h:1".to_owned()));
            assert!(masters[0].sentinels.is_some());
        }
        let twice = Builder::default().sentinel("node_1", "m", ["h"]).node("node_1", "h:1").node("node_1", "h:2");
        assert_eq!(build(twice), "two nodes are named node_1");
    }
}
