//! Calls: from a command to what it gives.

use super::Cluster;
use crate::cmd::{Cmd, Untyped};
use crate::command::{Args, Wait};
use crate::error::{Error, Result};
use crate::execute::{Call, Content, RowRef};
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
        let (mut servers, mut before) = (self.servers(), 0);
        let result = loop {
            let mut call = self.call_of(&servers, args, row, wait, deadline);
            call.context.traffic = observed.as_ref();
            call.context.to_new_master = Some(self);
            let Err(failed) = attempt(&call) else { break Ok(()) };
            if let Err(error) = self.goes_to_new_master(&mut servers, &mut before, failed, deadline) {
                break Err(error);
            }
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
        let row = self.row_of(cmd)?;
        self.run_until(cmd, row, self.begin(row.wait(cmd.args())), take)
    }

    /// Runs a command of this row until the deadline.
    pub(super) fn run_until(
        &self,
        cmd: &Untyped,
        row: RowRef,
        deadline: Deadline,
        take: &mut dyn FnMut(Content<'_>) -> Result<()>,
    ) -> Result<()> {
        self.call_once(cmd.args(), row, row.wait(cmd.args()), deadline, &mut |call| call.execute_for(take))
    }
}
