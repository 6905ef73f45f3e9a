//! Calls that somebody observes.

use super::Cluster;
use crate::cmd::{Cmd, Untyped};
use crate::command::{Args, Wait};
use crate::error::{Error, Result};
use crate::execute::{Call, Content, RowRef};
use crate::from_value::FromValue;
use crate::net::{Deadline, Traffic};
use crate::observer::{ObserverEvent, Observing};
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
        let observer = &self.shared.fleet.settings.observer;
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
        mut attempt: impl FnMut(&Call<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut done = None;
        self.call_once(args, row, wait, deadline, &mut |call| {
            done = Some(attempt(call)?);
            Ok(())
        })?;
        done.ok_or_else(|| Error::reply("no reply came"))
    }

    /// One copy for all types.
    fn call_once(
        &self,
        args: &Args,
        row: RowRef,
        wait: Wait,
        deadline: Deadline,
        attempt: &mut dyn FnMut(&Call<'_>) -> Result<()>,
    ) -> Result<()> {
        let observed = self.observed();
        let traffic = observed.as_ref().map(|observed| &observed.traffic);
        let result = self.with_failover(deadline, |servers| {
            let mut call = self.call_of(servers, args, row, wait, deadline);
            call.context.traffic = traffic;
            call.context.to_new_master = Some(self);
            attempt(&call)
        });
        if let Some(observed) = observed {
            observed.command(&row.spec.name_of(args), result.as_ref().err());
        }
        result
    }

    /// Runs a command where it belongs.
    pub(super) fn route_and_run<T: FromValue>(&self, cmd: &Cmd<T>) -> Result<T> {
        let mut value = None;
        self.run_untyped(cmd.untyped(), &mut |content| {
            value = Some(content.convert()?);
            Ok(())
        })?;
        value.ok_or_else(|| Error::reply("no reply came"))
    }

    fn run_untyped(&self, cmd: &Untyped, take: &mut dyn FnMut(Content<'_>) -> Result<()>) -> Result<()> {
        let row = self.row_of(cmd)?;
        let wait = row.wait(cmd.args());
        self.call_once(cmd.args(), row, wait, self.begin(wait), &mut |call| call.execute_for(take))
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
