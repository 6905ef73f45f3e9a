//! What a call had to do with servers, where somebody observes it.

use super::{ObserverEvent, Observing};
use crate::error::Error;
use crate::topology::Node;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One call that is observed, over all connections that it takes, in whatever thread.
///
/// A trait, so that a program without an observer has nothing of what is behind it.
pub(crate) trait Traffic: Send + Sync {
    /// A server is asked.
    fn visit(&self, node: &Node);

    /// So many bytes went over a connection.
    fn add(&self, sent: u64, received: u64);

    /// Tells that a command has come to its end. Every connection must be back by then.
    fn command(&self, command: &str, failed: Option<&Error>);

    /// The same for a pipeline.
    fn pipeline(&self, commands: usize, failed: usize);
}

/// What is counted of a call, and who is told of it.
struct Counted {
    observer: Observing,
    begun: Instant,
    sum: Mutex<Sum>,
}

#[derive(Default)]
struct Sum {
    nodes: Vec<Node>,
    sent: u64,
    received: u64,
}

/// A call begins that is observed.
pub(super) fn begin(observer: &Observing) -> Arc<dyn Traffic> {
    Arc::new(Counted { observer: observer.clone(), begun: Instant::now(), sum: Mutex::default() })
}

impl Counted {
    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The servers, and the bytes sent and received.
    fn total(&self) -> (Vec<Node>, u64, u64) {
        let sum = self.sum();
        (sum.nodes.clone(), sum.sent, sum.received)
    }
}

impl Traffic for Counted {
    fn visit(&self, node: &Node) {
        let mut sum = self.sum();
        if !sum.nodes.contains(node) {
            sum.nodes.push(node.clone());
        }
    }

    fn add(&self, sent: u64, received: u64) {
        let mut sum = self.sum();
        sum.sent += sent;
        sum.received += received;
    }

    fn command(&self, command: &str, failed: Option<&Error>) {
        let (nodes, request_bytes, reply_bytes) = self.total();
        let (took, failure) = (self.begun.elapsed(), failed.map(|error| (error.kind(), error.outcome())));
        let nodes = &nodes.iter().collect::<Vec<_>>();
        self.observer.on(|| ObserverEvent::Command { command, nodes, took, request_bytes, reply_bytes, failure });
    }

    fn pipeline(&self, commands: usize, failed: usize) {
        let (nodes, request_bytes, reply_bytes) = self.total();
        let (took, nodes) = (self.begun.elapsed(), &nodes.iter().collect::<Vec<_>>());
        let event = ObserverEvent::Pipeline { commands, failed, nodes, took, request_bytes, reply_bytes };
        self.observer.on(|| event);
    }
}
