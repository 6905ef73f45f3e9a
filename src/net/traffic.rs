//! What a call had to do with servers, where somebody observes it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Adds up over all connections that a call takes, in whatever thread.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Mutex<Sum>);

#[derive(Debug, Default)]
struct Sum {
    servers: Vec<usize>,
    sent: u64,
    received: u64,
}

impl Traffic {
    /// A server is asked, by its number.
    pub(crate) fn visit(&self, server: usize) {
        let mut sum = self.sum();
        if !sum.servers.contains(&server) {
            sum.servers.push(server);
        }
    }

    /// So many bytes went over a connection.
    pub(crate) fn add(&self, sent: u64, received: u64) {
        let mut sum = self.sum();
        sum.sent += sent;
        sum.received += received;
    }

    /// The servers, and the bytes sent and received.
    pub(crate) fn total(&self) -> (Vec<usize>, u64, u64) {
        let sum = self.sum();
        (sum.servers.clone(), sum.sent, sum.received)
    }

    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
