//! Calls that somebody observes.

use super::Cluster;
use crate::args::Args;
use crate::error::{Error, Result};
use crate::execute::{Call, RowRef};
use crate::net::{Deadline, Traffic};
use crate::observer::{ObserverEvent, Observing};
use crate::wait::Wait;
use std::sync::Arc;
use std::time::Instant;

/// One call on its way.
pub(crate) struct Observed {
    observer: Observing,
    begun: Instant,
    pub(crate) traffic: Arc<Traffic>,
}

impl Cluster {
    /// `None` where nobody observes.
    pub(crate) fn observed(&self) -> Option<Observed> {
        let observer = &self.shared.settings.observer;
        let begun = observer.clock()?;
        Some(Observed { observer: observer.clone(), begun, traffic: Arc::default() })
    }

    /// Runs one command until the deadline, and once more when it turns out that a node has another master and nothing was
    /// applied. Tells of it once.
    pub(crate) fn call<T>(
        &self,
        args: &Args,
        row: RowRef,
        wait: Wait,
        deadline: Deadline,
        mut attempt: impl FnMut(Call<'_>) -> Result<T>,
    ) -> Result<T> {
        let observed = self.observed();
        let traffic = observed.as_ref().map(|observed| &observed.traffic);
        let result = self.with_failover(deadline, |servers| {
            let follow = self.follower(servers);
            attempt(Call { traffic, follow: Some(&follow), ..self.call_of(servers, args, row, wait, deadline) })
        });
        if let Some(observed) = observed {
            observed.command(&row.spec.name_of(args), result.as_ref().err());
        }
        result
    }
}

impl Observed {
    /// Tells that a command has come to its end. Every connection must be back by then.
    pub(crate) fn command(&self, command: &str, failed: Option<&Error>) {
        let (nodes, request_bytes, reply_bytes) = self.traffic.total();
        let (took, failure) = (self.begun.elapsed(), failed.map(|error| (error.kind(), error.outcome())));
        let nodes = &nodes.iter().collect::<Vec<_>>();
        self.observer.on(|| ObserverEvent::Command { command, nodes, took, request_bytes, reply_bytes, failure });
    }

    /// The same for a pipeline.
    pub(crate) fn pipeline(&self, commands: usize, failed: usize) {
        let (nodes, request_bytes, reply_bytes) = self.traffic.total();
        let (took, nodes) = (self.begun.elapsed(), &nodes.iter().collect::<Vec<_>>());
        let event = ObserverEvent::Pipeline { commands, failed, nodes, took, request_bytes, reply_bytes };
        self.observer.on(|| event);
    }
}
