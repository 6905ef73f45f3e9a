//! How a subscriber takes care of its connections.

use crate::error::{Error, Result};
use std::time::Duration;

/// How a [`Subscriber`](crate::Subscriber) takes care of its connections, for
/// [`Cluster::subscriber_with`](crate::Cluster::subscriber_with).
///
/// | setting | default |
/// |---|---|
/// | [`check_after`](SubscriberOptions::check_after) | 15 s |
/// | [`reconnect_within`](SubscriberOptions::reconnect_within) | 10 s |
/// | [`buffer`](SubscriberOptions::buffer) | 8 MiB |
///
/// The deadline, the connect timeout, the protocol, the credentials and the client name are those of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberOptions {
    pub(super) check_after: Duration,
    pub(super) reconnect_within: Duration,
    pub(super) buffer: usize,
}

impl Default for SubscriberOptions {
    #[inline]
    fn default() -> SubscriberOptions {
        SubscriberOptions {
            check_after: Duration::from_secs(15),
            reconnect_within: Duration::from_secs(10),
            buffer: 8 << 20,
        }
    }
}

impl SubscriberOptions {
    /// The defaults.
    #[inline]
    pub fn new() -> SubscriberOptions {
        SubscriberOptions::default()
    }

    /// How long a connection may be silent until it is asked by `PING` whether it lives. One that does not answer
    /// within the cluster's deadline is given up and made again. Zero is an error.
    #[inline]
    pub fn check_after(mut self, silence: Duration) -> SubscriberOptions {
        self.check_after = silence;
        self
    }

    /// The longest pause between two attempts to connect again. The first pauses are shorter, and each is drawn by
    /// chance between nothing and its longest, so that many programs do not all come back at once. Zero is an error.
    #[inline]
    pub fn reconnect_within(mut self, pause: Duration) -> SubscriberOptions {
        self.reconnect_within = pause;
        self
    }

    /// How many bytes of messages may wait in this program to be taken, of all nodes together. When there are more,
    /// nothing is read from the servers until some are taken; a server keeps for a slow subscriber what its
    /// `client-output-buffer-limit pubsub` allows, and hangs up after that. One message may be larger than this. Zero
    /// is an error.
    ///
    /// While a call waits for a server to confirm a subscription, up to 64 MiB more may wait: what the server sent
    /// before its answer has to be read first.
    #[inline]
    pub fn buffer(mut self, bytes: usize) -> SubscriberOptions {
        self.buffer = bytes;
        self
    }

    #[inline]
    pub(super) fn checked(self) -> Result<SubscriberOptions> {
        let zero = match self {
            SubscriberOptions { check_after: Duration::ZERO, .. } => "a check after no time",
            SubscriberOptions { reconnect_within: Duration::ZERO, .. } => "attempts to connect without a pause",
            SubscriberOptions { buffer: 0, .. } => "a buffer of 0 bytes",
            _ => return Ok(self),
        };
        Err(Error::config(format!("{zero}; leave it out for the default")))
    }
}
