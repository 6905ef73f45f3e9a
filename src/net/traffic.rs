//! What a call had to do with servers, where somebody observes it.

use crate::topology::Node;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Adds up over all connections that a call takes, in whatever thread.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Mutex<Sum>);

#[derive(Debug, Default)]
struct Sum {
    nodes: Vec<Node>,
    sent: u64,
    received: u64,
}

impl Traffic {
    /// A server is asked.
    pub(crate) fn visit(&self, node: &Node) {
        let mut sum = self.sum();
        if !sum.nodes.contains(node) {
            sum.nodes.push(node.clone());
        }
    }

    /// So many bytes went over a connection.
    pub(crate) fn add(&self, sent: u64, received: u64) {
        let mut sum = self.sum();
        sum.sent += sent;
        sum.received += received;
    }

    /// The servers, and the bytes sent and received.
    pub(crate) fn total(&self) -> (Vec<Node>, u64, u64) {
        let sum = self.sum();
        (sum.nodes.clone(), sum.sent, sum.received)
    }

    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
