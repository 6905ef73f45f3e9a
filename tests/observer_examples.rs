//! The examples of feeding an observer's events to something else, on real servers.

use rediscluster::prelude::*;
use rediscluster_testing::{cluster_of, Server};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

#[path = "../examples/observer_prometheus.rs"]
mod observer_prometheus;
#[path = "../examples/observer_tracing.rs"]
mod observer_tracing;

#[test]
fn prometheus_text() {
    let servers = [Server::start(), Server::start()];
    let metrics = Arc::new(observer_prometheus::Metrics::default());
    let builder = cluster_of(&servers).masters_only(true).observer(Arc::clone(&metrics));
    let cluster = builder.build().unwrap();
    cluster.set("foo", "bar").unwrap();
    for _ in 0..3 {
        let _: String = cluster.get("foo").unwrap();
    }
    cluster.lpush("foo", ["x"]).unwrap_err();
    let text = metrics.text(&cluster);
    for line in [
        "# TYPE redis_commands_total counter",
        "redis_commands_total{command=\"GET\",result=\"ok\"} 3",
        "redis_commands_total{command=\"LPUSH\",result=\"WrongType\"} 1",
        "redis_request_bytes_total{command=\"GET\"} 66",
        "redis_reply_bytes_total{command=\"GET\"} 27",
        "redis_connections_opened_total{node=\"node_2\"} 1",
        "# TYPE redis_command_duration_seconds histogram",
        "redis_command_duration_seconds_bucket{command=\"GET\",le=\"+Inf\"} 3",
        "redis_command_duration_seconds_count{command=\"GET\"} 3",
        "redis_pool_connections{node=\"node_2\",state=\"idle\"} 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing:\n{text}");
    }
    // What a scraper needs: every line is a comment, or a name, labels and a number.
    for line in text.lines().filter(|line| !line.starts_with("# TYPE ")) {
        let (series, number) = line.rsplit_once(' ').unwrap();
        assert!(number.parse::<f64>().is_ok() && series.ends_with('}'), "{line}");
    }
}

/// Keeps events as lines.
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn tracing_events() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    tracing::subscriber::set_global_default(Lines(Arc::clone(&lines))).unwrap();
    let servers = [Server::start(), Server::start()];
    let cluster = cluster_of(&servers).masters_only(true).observer(observer_tracing::Traced).build().unwrap();
    cluster.set("foo", "bar").unwrap();
    cluster.lpush("foo", ["x"]).unwrap_err();
    drop(cluster);
    let lines = lines.lock().unwrap();
    let node = servers[1].address();
    for (begin, end) in [
        (format!("INFO message=connection opened node=node_2 ({node}) took="), "s"),
        ("DEBUG message=command command=\"SET\" request_bytes=31 reply_bytes=5 micros=".to_owned(), ""),
        ("WARN message=command failed command=\"LPUSH\" nodes=\"node_2\" micros=".to_owned(), "outcome=NotApplied"),
        (format!("INFO message=connection closed node=node_2 ({node}) why=Released"), ""),
    ] {
        let is_line = |line: &&String| line.starts_with(&begin) && line.ends_with(end);
        assert!(lines.iter().any(|line| is_line(&line)), "{begin}…{end} is missing: {lines:#?}");
    }
}
