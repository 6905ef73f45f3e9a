//! Calls: from a command to what it gives.

use super::Cluster;
use crate::cmd::{Cmd, Untyped};
use crate::command::{Args, Wait};
use crate::error::{Error, Result};
use crate::execute::{Call, Content, RowRef, Servers};
use crate::from_value::FromValue;
use crate::net::Deadline;
use crate::observer::Traffic;
use std::sync::Arc;

impl Cluster {
    /// `None` where nobody observes.
    #[inline]
    pub(crate) fn observed(&self) -> Option<Arc<dyn Traffic>> {
        self.shared.fleet.settings.observer.begin()
    }

    /// One command on its way that goes to another master where a node has one by now, and is observed.
    pub(crate) fn call_with_failover<'r>(
        &'r self,
        servers: &'r Servers,
        args: &'r Args,
        row: RowRef,
        wait: Wait,
        deadline: Deadline,
        traffic: Option<&'r Arc<dyn Traffic>>,
    ) -> Call<'r> {
        let mut call = self.call_of(servers, args, row, wait, deadline);
        call.context.traffic = traffic;
        call.context.to_new_master = Some(self);
        call
    }

    /// Runs one command until a deadline, and once more when it turns out that a node has another master and nothing was
    /// applied. Without a deadline the command begins now and has the time that its view gives it. Tells of it once.
    pub(crate) fn call<T>(
        &self,
        args: &Args,
        row: RowRef,
        until: Option<Deadline>,
        mut attempt: impl FnMut(&Call<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut done = None;
        self.call_untyped(args, row, until, &mut |call| {
            done = Some(attempt(call)?);
            Ok(())
        })?;
        done.ok_or_else(|| Error::reply("no reply came"))
    }

    /// One copy for all types.
    fn call_untyped(
        &self,
        args: &Args,
        row: RowRef,
        until: Option<Deadline>,
        attempt: &mut dyn FnMut(&Call<'_>) -> Result<()>,
    ) -> Result<()> {
        let wait = row.wait(args);
        let deadline = until.unwrap_or_else(|| self.begin(wait));
        let observed = self.observed();
        let traffic = observed.as_ref();
        let servers = self.servers();
        let mut call = self.call_with_failover(&servers, args, row, wait, deadline, traffic);
        call.context.has_just_begun = until.is_none();
        let result = match attempt(&call) {
            Err(failed) => self.at_new_master(servers, failed, deadline, &mut |now| {
                attempt(&self.call_with_failover(now, args, row, wait, deadline, traffic))
            }),
            done => done,
        };
        if let Some(observed) = &observed {
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
        self.run_until(cmd, self.row_of(cmd)?, None, take)
    }

    /// Runs a command of this row, as [`call`](Cluster::call) does.
    pub(super) fn run_until(
        &self,
        cmd: &Untyped,
        row: RowRef,
        until: Option<Deadline>,
        take: &mut dyn FnMut(Content<'_>) -> Result<()>,
    ) -> Result<()> {
        self.call_untyped(cmd.args(), row, until, &mut |call| call.execute_for(take))
    }
}
