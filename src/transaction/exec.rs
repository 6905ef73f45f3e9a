//! `MULTI` to `EXEC` on one connection.

use super::queue::Batch;
use crate::error::{Error, Outcome, Result};
use crate::net::{Deadline, Lease};
use crate::resp::ValueRef;
use std::ops::Range;

/// Runs commands as one, and gives what `EXEC` replied: an array with one reply for each. `None` when a watched key had
/// changed: nothing was applied.
///
/// The connection may be used again only where it is certain that it is in no transaction and watches nothing.
pub(super) fn exec(lease: &mut Lease, batch: &Batch, deadline: Deadline) -> Result<Option<Vec<u8>>> {
    let done = begin(lease, deadline).and_then(|()| queue_and_exec(lease, batch, deadline));
    done.map_err(|error| error.with_node(|| lease.node().to_string()))
}

/// `MULTI` by itself: what follows one that is refused would run outside of any transaction.
fn begin(lease: &mut Lease, deadline: Deadline) -> Result<()> {
    lease.set_stateful(true);
    let begun = lease.ask(&[b"MULTI"], deadline).and_then(|reply| match reply.value() {
        ValueRef::Simple(b"OK") => Ok(()),
        _ => Err(Error::protocol("the reply to MULTI is not OK")),
    });
    begun.map_err(|error| error.with_outcome(Outcome::NotApplied).with_command("MULTI"))
}

fn queue_and_exec(lease: &mut Lease, batch: &Batch, deadline: Deadline) -> Result<Option<Vec<u8>>> {
    let mut windows = batch.windows();
    let Some((last, bytes)) = windows.pop() else { return Err(Error::argument("a transaction without EXEC")) };
    for (commands, bytes) in windows {
        // EXEC is not sent before all of these are answered, so nothing is applied whatever happens.
        let nothing = |error: Error| error.with_outcome(Outcome::NotApplied).with_command("MULTI");
        lease.send(bytes, commands.len(), deadline).map_err(nothing)?;
        if let Some(refused) = queued(lease, batch, commands, deadline, Outcome::NotApplied)? {
            discard(lease, deadline);
            return Err(refused);
        }
    }
    // A failure means that EXEC, which comes last, was not sent whole.
    lease.send(bytes, last.len() + 1, deadline).map_err(|error| error.with_command("EXEC"))?;
    let refused = queued(lease, batch, last, deadline, Outcome::Unknown)?;
    let range = match (lease.receive_range(deadline), refused) {
        (Ok(range), None) => range,
        (Ok(range), Some(refused)) => {
            return Err(match lease.frame(range).value() {
                // The first refusal says more than the abort that follows from it.
                ValueRef::Error(text) if is_abort(text) => {
                    lease.set_stateful(false);
                    refused
                }
                ValueRef::Error(_) | ValueRef::Nil => refused,
                _ => refused.with_outcome(Outcome::Unknown).with_note("and EXEC ran the transaction all the same"),
            });
        }
        // A server that refused a command runs none of them, whether it came to say so or not.
        (Err(_), Some(refused)) => return Err(refused),
        (Err(error), None) => return Err(error.with_command("EXEC")),
    };
    let reply = lease.frame(range);
    let (clean, done) = match reply.value() {
        ValueRef::Nil => (true, Ok(None)),
        ValueRef::Array(items) if items.len() == batch.len() => (true, Ok(Some(reply.as_bytes().to_vec()))),
        // Any other refusal than the abort leaves the connection inside of the transaction.
        ValueRef::Error(text) => (is_abort(text), Err(Error::server(cause_of_abort(text)))),
        _ => (false, Err(Error::protocol("EXEC gave something else than one reply for each command"))),
    };
    if clean {
        lease.set_stateful(false);
    }
    done.map_err(|error| error.with_command("EXEC"))
}

/// Reads what the server says to each of these commands, which is `QUEUED`; gives the first refusal. When the
/// connection fails, `lost` is what became of the transaction.
fn queued(
    lease: &mut Lease,
    batch: &Batch,
    commands: Range<usize>,
    deadline: Deadline,
    lost: Outcome,
) -> Result<Option<Error>> {
    let mut refused: Option<Error> = None;
    for at in commands {
        match lease.receive(deadline).map(|reply| reply.value()) {
            Ok(ValueRef::Simple(b"QUEUED")) => {}
            Ok(ValueRef::Error(text)) => {
                // It was refused before it ran, whatever it runs.
                refused.get_or_insert_with(|| batch.named[at].told(Error::server(text)));
            }
            Ok(_) => {
                // It may have run at once, outside of any transaction.
                let error = Error::protocol("a command in a transaction was answered by something else than QUEUED");
                return Err(batch.named[at].told(error));
            }
            Err(error) => {
                let command = if lost == Outcome::Unknown { "EXEC" } else { "MULTI" };
                return Err(refused.unwrap_or_else(|| error.with_outcome(lost).with_command(command)));
            }
        }
    }
    Ok(refused)
}

/// Leaves the transaction. Where that does not succeed the connection is closed, which does the same.
fn discard(lease: &mut Lease, deadline: Deadline) {
    let left = lease.ask(&[b"DISCARD"], deadline).is_ok_and(|reply| reply.value() == ValueRef::Simple(b"OK"));
    lease.set_stateful(!left);
}

fn is_abort(text: &[u8]) -> bool {
    text.starts_with(b"EXECABORT")
}

/// What a server says of itself when it refuses `EXEC` for that, such as that it has become a replica since `MULTI`.
fn cause_of_abort(text: &[u8]) -> &[u8] {
    const BECAUSE: &[u8] = b"EXECABORT Transaction discarded because of: ";
    text.strip_prefix(BECAUSE).unwrap_or(text)
}
