//! Settings about connections that are kept for the next call.

use super::{positive, Builder};
use crate::error::Error;
use std::time::Duration;

impl Builder {
    /// How long a connection of a pool may lie unused before it is asked by `PING` whether it lives, when it is used again.
    /// What lies between a program and its servers, such as a firewall or the translation of addresses, may forget a
    /// connection without a word, and a call on it would wait in vain. What does not answer within 0.8 s, or a quarter of
    /// the time that is left, is closed, and the call goes on over another connection. Zero is an error; [`Duration::MAX`]
    /// is for never.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.check_after(Duration::from_secs(60)).build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn check_after(self, unused: Duration) -> Builder {
        self.note(|builder| positive("check", unused).map(|()| builder.settings.check_after = unused))
    }

    /// How long a connection of a pool may lie unused before it is closed, so that what a peak has opened is given back: to
    /// servers, which count clients, and to what lies in between. 3 minutes unless told otherwise; `None` for never. Zero is
    /// an error.
    ///
    /// No thread does this by itself: connections are closed when a call gives one back to the pool, and at each
    /// [refresh](Builder::refresh_every); one that is too old is never used. The one used last is used first, so that a
    /// pool which serves few calls keeps few. The default is less than the 5 minutes after which many servers (`timeout`)
    /// and load balancers end connections. [`PoolStatus::aged`](crate::PoolStatus::aged) counts, and observers are told
    /// [`CloseReason::Idle`](crate::CloseReason::Idle).
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.max_idle_age(Duration::from_secs(30)).build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn max_idle_age(self, age: impl Into<Option<Duration>>) -> Builder {
        let age = age.into();
        self.note(|builder| {
            age.map_or(Ok(()), |age| positive("idle age", age))?;
            builder.settings.max_idle_age = age;
            Ok(())
        })
    }

    /// The most connections to one server at a time, at least 1. A call that finds all of them taken waits, within
    /// its deadline.
    pub fn pool_size(self, size: usize) -> Builder {
        self.note(|builder| match size {
            0 => Err(Error::config("a pool of 0 connections")),
            _ => {
                builder.settings.pool_size = size;
                Ok(())
            }
        })
    }
}
