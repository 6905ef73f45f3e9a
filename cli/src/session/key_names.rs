//! Names of keys that begin with some text, as many as are found in a short time.

use crate::config::Config;
use rediscluster::prelude::*;
use rediscluster::{Cmd, Connection, Result, Shard};
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whoever presses Tab waits no longer than this, however many keys there are and whatever the servers do.
const PATIENCE: Duration = Duration::from_millis(300);
/// As many are found and no more.
const MOST: usize = 100;
/// How many names a server looks at before others have their turn.
const PAGE: u32 = 1000;

/// What `SCAN` answers: where to go on, and some names.
type Page = (Vec<u8>, Vec<Vec<u8>>);
type Ask = Box<dyn FnMut(Cmd<Page>) -> Result<Page> + Send>;
type LeadsHere = Box<dyn Fn(&[u8]) -> bool + Send>;

/// One server.
struct Place {
    ask: Ask,
    /// Whether a name that is found there is looked for there.
    leads_here: LeadsHere,
}

/// Where keys are looked for: it knows the database in use.
#[derive(Clone)]
pub struct KeyNames {
    config: Arc<Config>,
    database: u32,
}

impl KeyNames {
    /// On all nodes, or on the one server that is configured.
    pub fn new(config: Arc<Config>, database: u32) -> KeyNames {
        KeyNames { config, database }
    }

    /// Those that begin so. A name that does not lead to the node that it was found on is none: it has a tag that the
    /// server does not keep.
    pub fn beginning_with(&self, begin: &[u8]) -> BTreeSet<Vec<u8>> {
        let until = Instant::now() + PATIENCE;
        let (sender, receiver) = channel();
        for Place { mut ask, leads_here } in self.places() {
            let (sender, pattern) = (sender.clone(), pattern(begin));
            std::thread::spawn(move || {
                let give = |name: Vec<u8>| !leads_here(&name) || sender.send(name).is_ok();
                // A server that does not answer has no names to give.
                let _ = pages(until, &pattern, &mut ask, give);
            });
        }
        drop(sender);
        let mut names = BTreeSet::new();
        while names.len() < MOST {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(name) => names.insert(name),
                // All have been through, or the time is over.
                Err(_) => break,
            };
        }
        names
    }

    fn places(&self) -> Vec<Place> {
        let database = self.database;
        if let Some(address) = self.config.direct.clone() {
            let config = Arc::clone(&self.config);
            let mut connection: Option<Connection> = None;
            let ask = move |page| {
                if connection.is_none() {
                    let mut new = config.settings().deadline(PATIENCE).open(&address)?;
                    new.execute(cmd("SELECT").arg(database).reply::<()>())?;
                    connection = Some(new);
                }
                connection.as_mut().map_or_else(|| Ok(Page::default()), |connection| connection.execute(page))
            };
            return vec![Place { ask: Box::new(ask), leads_here: Box::new(|_| true) }];
        }
        // A mistake in the configuration is told by the next command.
        let Ok(cluster) = self.config.builder().deadline(PATIENCE).build() else { return Vec::new() };
        let cluster = cluster.database(database);
        let place = |shard: &Shard| {
            let (name, on) = (shard.name().to_owned(), cluster.on(shard.name()).ok()?);
            let (cluster, ask) = (cluster.clone(), move |page| on.execute(page));
            Some(Place { ask: Box::new(ask), leads_here: Box::new(move |key| cluster.node_for(key).name() == name) })
        };
        cluster.topology().shards().iter().filter_map(place).collect()
    }
}

/// The pages of one server, until all were seen, nobody takes a name any more, or the time is over.
fn pages(until: Instant, pattern: &[u8], ask: &mut Ask, mut give: impl FnMut(Vec<u8>) -> bool) -> Result<()> {
    let mut cursor = b"0".to_vec();
    while Instant::now() < until {
        let page = cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(PAGE).reply();
        let (next, names) = ask(page)?;
        if !names.into_iter().all(&mut give) || next == b"0" {
            return Ok(());
        }
        cursor = next;
    }
    Ok(())
}

/// The pattern of `SCAN` for names that begin so.
fn pattern(begin: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(begin.len() + 1);
    for &byte in begin {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_pattern_takes_every_byte_as_it_is() {
        assert_eq!(super::pattern(b"a*[b]\\"), br"a\*\[b\]\\*");
        assert_eq!(super::pattern(b""), b"*");
    }
}
