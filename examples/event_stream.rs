//! Events in streams on several nodes, which a group of consumers shares.
//!
//! It shows
//! - `XADD` with `MAXLEN ~`, so that streams do not grow for ever; what belongs together goes into one stream and keeps
//!   its order there;
//! - one `XREADGROUP` with `BLOCK` over all streams on all nodes, whichever of them gets an event first;
//! - `XACK` after the work is done, and `XAUTOCLAIM` of what a dead consumer has left;
//! - a stop by `Cancel`, at once and without losing anything.
//!
//! ```sh
//! cargo run --example event_stream -- node_1=127.0.0.1:63791,node_2=127.0.0.1:63792
//! ```
//!
//! An event is handled at least once: twice when its consumer dies after the work and before `XACK`. `MAXLEN` takes the
//! oldest events away, also those that nobody has read: choose it for the longest time that consumers may stand still.

use rediscluster::prelude::*;
use rediscluster::{Cancel, ErrorKind, Result, StreamEntries, StreamEntry, StreamId};
use rediscluster::{StreamTrim, XAddOptions, XGroupCreateOptions, XReadGroupOptions};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The fields of an event, in their order.
pub type Fields = Vec<(String, String)>;

/// A number of streams that are one to those who use them.
pub struct Events {
    cluster: Cluster,
    streams: Vec<String>,
    group: String,
    /// How long a consumer may be silent before others take over what it has: longer than it needs for what it takes.
    patience: Duration,
}

impl Events {
    /// So many streams on each node, with their group, which are made where they are missing.
    ///
    /// Names that differ in a digit only may all live on one node, so names are tried until every node has its share.
    /// All programs with the same nodes come to the same names.
    pub fn open(cluster: &Cluster, name: &str, on_each: usize, group: &str, patience: Duration) -> Result<Events> {
        let on_each = on_each.max(1);
        let nodes = cluster.topology().shards().len();
        let mut counts = BTreeMap::<String, usize>::new();
        let names = (0..1000 * nodes).map(|number| format!("{name}:{number}"));
        let is_wanted = |stream: &String| {
            let count = counts.entry(cluster.node_for(stream).name().to_owned()).or_default();
            *count += 1;
            *count <= on_each
        };
        let streams: Vec<String> = names.filter(is_wanted).take(on_each * nodes).collect();
        for stream in &streams {
            let options = XGroupCreateOptions::new().make_stream();
            match cluster.xgroup_create_with(stream, group, "0", options) {
                Err(error) if error.code() != Some("BUSYGROUP") => return Err(error),
                _ => {} // now, or by somebody before
            }
        }
        Ok(Events { cluster: cluster.clone(), streams, group: group.to_owned(), patience })
    }

    /// Adds an event. Those of one customer stay in order. When the outcome of an error is `Unknown`, it may have been
    /// added; give events an id of their own where adding one twice would do harm.
    pub fn add(&self, customer: u64, what: &str) -> Result<StreamId> {
        let stream = &self.streams[(customer % self.streams.len() as u64) as usize];
        let event = [("customer", customer.to_string()), ("what", what.to_owned())];
        let options = XAddOptions::new().trim(StreamTrim::max_len(10_000).approximately());
        let id = self.cluster.xadd_with(stream, event, options)?;
        Ok(id.unwrap_or(StreamId::MIN)) // always some, because the stream need not exist
    }

    /// The next events of all streams for this consumer, at most 10 of each; waits up to half of the patience. They are
    /// this consumer's until it acknowledges them.
    pub fn take(&self, consumer: &str, cancel: &Cancel) -> Result<Vec<StreamEntries<String, Fields>>> {
        let new: Vec<(&str, &str)> = self.streams.iter().map(|stream| (stream.as_str(), ">")).collect();
        let options = XReadGroupOptions::new().count(10).block(self.patience / 2);
        self.cluster.cancelled_by(cancel).xreadgroup_with(&self.group, consumer, new, options)
    }

    /// Handles events until it is cancelled, and gives how many. What was taken is handled and acknowledged first.
    ///
    /// When a node fails, the error names it. Nothing is lost: what was given and not acknowledged stays pending, and is
    /// claimed once a consumer runs again. So wait a little, and begin again. One call over all streams needs all nodes;
    /// to go on without one of them, read the streams of each node by calls of their own.
    pub fn consume(&self, consumer: &str, cancel: &Cancel, mut handle: impl FnMut(&Fields)) -> Result<u64> {
        let mut count = 0;
        // What was left by those before, at once; later from time to time.
        let mut claimed: Option<Instant> = None;
        loop {
            if claimed.map_or(true, |at| at.elapsed() >= self.patience) {
                count += self.take_over(consumer, &mut handle)?;
                claimed = Some(Instant::now());
            }
            match self.take(consumer, cancel) {
                Ok(read) => {
                    for StreamEntries { name, entries } in read {
                        count += self.finish(&name, entries, &mut handle)?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Cancelled => return Ok(count),
                Err(error) => return Err(error),
            }
        }
    }

    /// Handles what other consumers were given and have not acknowledged for too long.
    fn take_over(&self, consumer: &str, handle: &mut impl FnMut(&Fields)) -> Result<u64> {
        let mut count = 0;
        for stream in &self.streams {
            let mut next = Some(StreamId::MIN);
            while let Some(start) = next {
                let group = &self.group;
                let claimed = self.cluster.xautoclaim(stream, group, consumer, self.patience, start, Some(10))?;
                count += self.finish(stream, claimed.claimed, handle)?;
                next = claimed.next;
            }
        }
        Ok(count)
    }

    fn finish(&self, stream: &str, entries: Vec<StreamEntry<Fields>>, handle: &mut impl FnMut(&Fields)) -> Result<u64> {
        for StreamEntry { id, fields } in &entries {
            handle(fields);
            self.cluster.xack(stream, &self.group, id)?;
        }
        Ok(entries.len() as u64)
    }

    /// How many events were given out and not acknowledged, in all streams: one pipeline.
    pub fn pending(&self) -> Result<u64> {
        // What a replica says may be old.
        let mut pipeline = self.cluster.masters_only().pipeline();
        let slots: Vec<_> =
            self.streams.iter().map(|stream| pipeline.xpending::<_, _, String>(stream, &self.group)).collect();
        let replies = pipeline.run()?;
        slots.into_iter().map(|slot| replies.get(slot).map(|pending| pending.count)).sum()
    }

    /// Deletes the streams with their group.
    pub fn delete(&self) -> Result<u64> {
        self.cluster.del(&self.streams)
    }
}

fn main() -> Result<()> {
    let nodes = std::env::args().nth(1).or_else(|| std::env::var("REDISCLUSTER_NODES").ok());
    let cluster = Cluster::builder().nodes(nodes.unwrap_or_default()).connect()?;
    let name = format!("events-{}", std::process::id()); // new ones for each run
    let events = Events::open(&cluster, &name, 2, "billing", Duration::from_millis(300))?;
    for stream in &events.streams {
        println!("{stream} is on {}", cluster.node_for(stream).name());
    }
    for number in 0..20 {
        events.add(number % 8, &format!("order {number}"))?;
    }

    let cancel = Cancel::new();
    let lost: usize = events.take("unlucky", &cancel)?.iter().map(|read| read.entries.len()).sum();
    println!("unlucky takes {lost} events and dies; {} are pending", events.pending()?);
    for number in 20..40 {
        events.add(number % 8, &format!("order {number}"))?;
    }

    let handled = Mutex::new(BTreeMap::<String, u32>::new());
    let consume = |consumer: &str| {
        events.consume(consumer, &cancel, |fields| {
            let what = fields.iter().find(|(name, _)| name == "what").map_or("", |(_, what)| what);
            println!("{consumer} handles {what}");
            *handled.lock().unwrap_or_else(PoisonError::into_inner).entry(what.to_owned()).or_default() += 1;
        })
    };
    let count = || handled.lock().unwrap_or_else(PoisonError::into_inner).len();
    thread::scope(|scope| {
        let consumers = ["ada", "bob"].map(|consumer| scope.spawn(move || consume(consumer)));
        let begin = Instant::now();
        while count() < 40 && begin.elapsed() < Duration::from_secs(30) && !consumers.iter().any(|it| it.is_finished())
        {
            thread::sleep(Duration::from_millis(20));
        }
        cancel.cancel();
        for consumer in consumers {
            let count = consumer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            println!("a consumer stopped after {count} events");
        }
        Ok::<_, rediscluster::Error>(())
    })?;
    println!("{} different events handled, {} pending", count(), events.pending()?);
    events.delete().map(drop)
}
