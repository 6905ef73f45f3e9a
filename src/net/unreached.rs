//! A server that could not be reached when its cluster was made: who it is has still to be asked.

use super::connection::Connection;
use super::deadline::Deadline;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::threads::lock;
use crate::topology::Address;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// The masters that were reached, by what tells one server process from another.
pub(crate) type MastersReached = Arc<Mutex<Vec<(String, Address)>>>;

/// Whether a server has still to be asked who it is, before anything is sent to it.
#[derive(Debug, Default)]
pub(crate) struct Unreached {
    on: AtomicBool,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    /// Why it was not reached.
    error: ErrorKind,
    reason: String,
    others: MastersReached,
}

impl Unreached {
    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        lock(&self.known)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// It could not be reached; these others could.
    pub(crate) fn begin(&self, error: &Error, others: &MastersReached) {
        let (error, reason) = (error.kind(), error.message().to_owned());
        *self.known() = Some(Known { error, reason, others: Arc::clone(others) });
        self.on.store(true, Ordering::Release);
    }

    /// It was reached, and is what it was taken for. False when that was known.
    pub(super) fn end(&self) -> bool {
        let was_on = self.on.swap(false, Ordering::AcqRel);
        if was_on {
            *self.known() = None;
        }
        was_on
    }

    /// Why it was not reached; `None` when it has been.
    pub(crate) fn why(&self) -> Option<(ErrorKind, String)> {
        self.known().as_ref().filter(|_| self.is_on()).map(|known| (known.error, known.reason.clone()))
    }

    /// Asks a server on its first connection whether it is the master that it was taken for, and no server that is known
    /// by another name: that one would be counted twice.
    pub(super) fn check(&self, connection: &mut Connection, deadline: Deadline) -> Result<()> {
        if connection.said.is_none() {
            let said = connection.ask_who(deadline).map_err(|error| error.in_phase(Phase::Handshake))?;
            connection.said = Some(said);
        }
        let Some(info) = connection.said.as_ref() else { return Ok(()) };
        let node = connection.node();
        let wrong = |what: String| Error::config(what).in_phase(Phase::Handshake).at(node);
        if info.is_cluster {
            return Err(wrong(
                "this server is a member of a Redis Cluster, which this library does not speak to".to_owned(),
            ));
        }
        if !info.is_master() {
            let is = if info.role == "slave" { "is a replica" } else { "does not say that it is a master" };
            return Err(wrong(format!("this server was taken for a master before it could be reached, and {is}")));
        }
        let known = self.known();
        let (Some(known), Some(run_id)) = (&*known, info.run_id.clone()) else { return Ok(()) };
        let mut others = lock(&known.others);
        match others.iter().find(|(other, _)| *other == run_id) {
            Some((_, address)) if address != node.address() => {
                return Err(wrong(format!("this is the same server as {address}")));
            }
            Some(_) => {}
            None => others.push((run_id.clone(), node.address().clone())),
        }
        Ok(())
    }
}
