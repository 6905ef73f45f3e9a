//! Calls that somebody observes.

use super::Cluster;
use crate::args::Args;
use crate::cmd::Wait;
use crate::error::{Error, Result};
use crate::net::Traffic;
use crate::observer::{ObserverEvent, Observing};
use crate::run::{Run, Servers};
use crate::spec::Spec;
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

    /// Runs one command, and tells of it.
    pub(crate) fn call<T>(
        &self,
        servers: &Servers,
        args: &Args,
        spec: &'static Spec,
        wait: Wait,
        call: impl FnOnce(Run<'_>) -> Result<T>,
    ) -> Result<T> {
        let follow = self.follower(servers);
        let run = Run { follow: Some(&follow), ..self.run_of(servers, args, spec, wait) };
        let Some(observed) = self.observed() else { return call(run) };
        let result = call(Run { traffic: Some(&observed.traffic), ..run });
        observed.command(&spec.name_of(args), result.as_ref().err());
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
