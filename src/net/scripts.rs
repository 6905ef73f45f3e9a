//! Which scripts a server knows.

use super::connection::Connection;
use super::deadline::Deadline;
use crate::command::Args;
use crate::error::{Outcome, Result};
use crate::resp::ValueRef;
use std::time::Duration;

impl Connection {
    /// Whether the server knows the script that this command runs by its name. Where it does not say, the whole of it is to
    /// be sent, which is right in any case.
    #[inline]
    pub(crate) fn knows_script(&mut self, named: &Args, deadline: Deadline) -> Result<bool> {
        match self.ask(&[b"SCRIPT", b"EXISTS", named.get(1).unwrap_or_default()], deadline) {
            Ok(reply) => Ok(reply.value().items().and_then(|mut items| items.next()) == Some(ValueRef::Integer(1))),
            Err(error) if error.is_server() => Ok(false),
            // The script was not sent.
            Err(error) => Err(error.with_outcome(Outcome::NotApplied)),
        }
    }

    /// The longest time that a call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.deadline
    }
}
