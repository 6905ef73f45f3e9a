//! Metrics of a cluster as text that Prometheus reads, with nothing but the standard library.
//!
//! `cargo run --example observer_prometheus -- node_1=127.0.0.1:6379,node_2=127.0.0.1:6380`

use rediscluster::prelude::*;
use rediscluster::{Observer, ObserverEvent};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The upper ends of the buckets for durations of commands, in seconds.
const BUCKETS: [f64; 6] = [0.0005, 0.001, 0.005, 0.025, 0.1, 1.0];

/// What is counted. One lock is enough: it is held for less than a round trip takes by far.
#[derive(Default)]
pub struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// By name with its labels, so that the same ones stand together in the text.
    counters: BTreeMap<(&'static str, String), u64>,
    /// By command: how many were in each bucket, and all seconds together.
    durations: BTreeMap<String, ([u64; BUCKETS.len() + 1], f64)>,
}

impl Counts {
    fn add(&mut self, name: &'static str, labels: String, count: u64) {
        *self.counters.entry((name, labels)).or_default() += count;
    }

    fn took(&mut self, command: &str, took: Duration) {
        let (buckets, sum) = self.durations.entry(command.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        buckets[BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS.len())] += 1;
        *sum += seconds;
    }
}

impl Observer for Metrics {
    fn event(&self, event: &ObserverEvent<'_>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ObserverEvent::Command { command, took, request_bytes, reply_bytes, failure, .. } => {
                let result = failure.map_or("ok".to_owned(), |(kind, _)| format!("{kind:?}"));
                counts.add("redis_commands_total", format!("command=\"{command}\",result=\"{result}\""), 1);
                counts.add("redis_request_bytes_total", format!("command=\"{command}\""), *request_bytes);
                counts.add("redis_reply_bytes_total", format!("command=\"{command}\""), *reply_bytes);
                counts.took(command, *took);
            }
            ObserverEvent::ConnectionOpened { node, .. } => {
                counts.add("redis_connections_opened_total", format!("node=\"{}\"", node.name()), 1);
            }
            ObserverEvent::ConnectionFailed { node, .. } => {
                counts.add("redis_connections_failed_total", format!("node=\"{}\"", node.name()), 1);
            }
            ObserverEvent::ConnectionClosed { node, why, .. } => {
                let labels = format!("node=\"{}\",why=\"{why:?}\"", node.name());
                counts.add("redis_connections_closed_total", labels, 1);
            }
            ObserverEvent::Retry { node, .. } => {
                counts.add("redis_retries_total", format!("node=\"{}\"", node.name()), 1);
            }
            ObserverEvent::PoolWait { node, timed_out, .. } => {
                let labels = format!("node=\"{}\",timed_out=\"{timed_out}\"", node.name());
                counts.add("redis_pool_waits_total", labels, 1);
            }
            // Later versions tell more.
            _ => {}
        }
    }
}

impl Metrics {
    /// The text for a scrape. Pools are looked at now, the rest has been counted.
    pub fn text(&self, cluster: &Cluster) -> String {
        let mut text = String::new();
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = "";
        for ((name, labels), count) in &counts.counters {
            if *name != last {
                let _ = writeln!(text, "# TYPE {name} counter");
                last = name;
            }
            let _ = writeln!(text, "{name}{{{labels}}} {count}");
        }
        let name = "redis_command_duration_seconds";
        let _ = writeln!(text, "# TYPE {name} histogram");
        for (command, (buckets, sum)) in &counts.durations {
            let mut count = 0;
            for (end, bucket) in BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]).zip(buckets) {
                count += bucket;
                let _ = writeln!(text, "{name}_bucket{{command=\"{command}\",le=\"{end}\"}} {count}");
            }
            let _ = writeln!(text, "{name}_sum{{command=\"{command}\"}} {sum}");
            let _ = writeln!(text, "{name}_count{{command=\"{command}\"}} {count}");
        }
        drop(counts);
        let _ = writeln!(text, "# TYPE redis_pool_connections gauge");
        for pool in cluster.pools() {
            for (state, count) in [("used", pool.open - pool.idle), ("idle", pool.idle), ("waiting", pool.waiting)] {
                let node = pool.node.name();
                let _ = writeln!(text, "redis_pool_connections{{node=\"{node}\",state=\"{state}\"}} {count}");
            }
        }
        text
    }
}

#[allow(dead_code)] // the test of this example has no use for it
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nodes = std::env::args().nth(1).ok_or("give the nodes: node_1=127.0.0.1:6379,node_2=…")?;
    let metrics = Arc::new(Metrics::default());
    let cluster = Cluster::builder().nodes(nodes).observer(Arc::clone(&metrics)).connect()?;
    for number in 0..100 {
        let key = format!("example:{number}");
        cluster.set(&key, number)?;
        let _: Option<u64> = cluster.get(&key)?;
        cluster.del([&key])?;
    }
    // A program would answer its scrapes with this.
    print!("{}", metrics.text(&cluster));
    Ok(())
}
