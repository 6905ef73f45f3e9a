//! `MULTI` to `EXEC` on one connection.

use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline, Lease};
use crate::resp::ValueRef;
use std::ops::Range;

/// The most commands that are sent before their `+QUEUED` is read: a server that answers while nobody reads must not keep
/// both sides waiting for room in a socket.
const WINDOW: usize = 1000;

const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Commands that run as one, as they go over the wire, with `EXEC` behind them.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each command ends.
    ends: Vec<usize>,
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Multi,
    /// One of the commands, by its number.
    Command(usize),
    Exec,
}

impl Batch {
    /// Of the requests, one after the other, and where each of them ends.
    #[inline]
    pub(crate) fn of(mut bytes: Vec<u8>, ends: Vec<usize>) -> Batch {
        bytes.extend_from_slice(EXEC);
        Batch { bytes, ends }
    }

    /// Refuses what the server would close the connection over, before anything is sent.
    #[inline]
    fn refuse_too_many_words(
        &self,
        connection: &mut Connection,
        deadline: Deadline,
        named: &dyn Fn(Step, Error) -> Error,
    ) -> Result<()> {
        let mut begin = 0;
        for (nth, &end) in self.ends.iter().enumerate() {
            let refused = connection.refuse_too_many_words(&self.bytes[begin..end], deadline);
            refused.map_err(|error| named(Step::Command(nth), error))?;
            begin = end;
        }
        Ok(())
    }

    /// How many windows the commands are sent in, one after the other. Those of the last one end with `EXEC`.
    #[inline]
    fn windows(&self) -> usize {
        self.ends.len().saturating_sub(1) / WINDOW + 1
    }

    /// The commands of a window, and their bytes.
    #[inline]
    fn window(&self, nth: usize) -> (Range<usize>, &[u8]) {
        let commands = nth * WINDOW..self.ends.len().min((nth + 1) * WINDOW);
        let begin = commands.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = if nth + 1 == self.windows() { self.bytes.len() } else { self.ends[commands.end - 1] };
        (commands, &self.bytes[begin..end])
    }
}

/// Runs commands as one, and gives what `EXEC` replied: an array with one reply for each. `None` when a watched key had
/// changed: nothing was applied. `named` gives an error the name of the step that failed.
///
/// The connection may be used again only where it is certain that it is in no transaction and watches nothing.
#[inline]
pub(crate) fn exec(
    lease: &mut Lease,
    batch: &Batch,
    deadline: Deadline,
    named: impl Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    // Once and for all, because each look through the lease is code.
    let connection: &mut Connection = lease;
    run(connection, batch, deadline, &named).map_err(|error| error.with_node(|| connection.node().to_string()))
}

#[inline]
fn run(
    connection: &mut Connection,
    batch: &Batch,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    batch.refuse_too_many_words(connection, deadline, named)?;
    begin(connection, deadline).map_err(|error| named(Step::Multi, error))?;
    queue_and_exec(connection, batch, deadline, named)
}

/// What `EXEC` must not reply where no key is watched.
#[inline]
pub(crate) fn gave_nothing() -> Error {
    Error::new(ErrorKind::Reply, Outcome::NotApplied, "EXEC gave nothing, though no key was watched")
}

/// `MULTI` by itself: what follows one that is refused would run outside of any transaction.
#[inline]
fn begin(connection: &mut Connection, deadline: Deadline) -> Result<()> {
    connection.set_stateful(true);
    let begun = connection.ask(&[b"MULTI"], deadline).and_then(|reply| match reply.value() {
        ValueRef::Simple(b"OK") => Ok(()),
        _ => Err(Error::protocol("the reply to MULTI is not OK")),
    });
    begun.map_err(|error| error.with_outcome(Outcome::NotApplied))
}

#[inline]
fn queue_and_exec(
    connection: &mut Connection,
    batch: &Batch,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    let last = batch.windows() - 1;
    for nth in 0..last {
        let (commands, bytes) = batch.window(nth);
        // EXEC is not sent before all of these are answered, so nothing is applied whatever happens.
        let nothing = |error: Error| named(Step::Multi, error.with_outcome(Outcome::NotApplied));
        connection.send(bytes, commands.len(), deadline).map_err(nothing)?;
        if let Some(refused) = queued(connection, commands, deadline, named, &nothing)? {
            discard(connection, deadline);
            return Err(refused);
        }
    }
    let (last, bytes) = batch.window(last);
    // A failure means that EXEC, which comes last, was not sent whole.
    connection.send(bytes, last.len() + 1, deadline).map_err(|error| named(Step::Exec, error))?;
    let lost = |error: Error| named(Step::Exec, error.with_outcome(Outcome::Unknown));
    let refused = queued(connection, last, deadline, named, &lost)?;
    let range = match (connection.receive_range(deadline), refused) {
        (Ok(range), None) => range,
        (Ok(range), Some(refused)) => {
            return Err(match connection.frame(range).value() {
                // The first refusal says more than the abort that follows from it.
                ValueRef::Error(text) if is_abort(text) => {
                    connection.set_stateful(false);
                    refused
                }
                ValueRef::Error(_) | ValueRef::Nil => refused,
                _ => refused.with_outcome(Outcome::Unknown).with_note("and EXEC ran the transaction all the same"),
            });
        }
        // A server that refused a command runs none of them, whether it came to say so or not.
        (Err(_), Some(refused)) => return Err(refused),
        (Err(error), None) => return Err(named(Step::Exec, error)),
    };
    let reply = connection.frame(range);
    let (clean, done) = match reply.value() {
        ValueRef::Nil => (true, Ok(None)),
        ValueRef::Array(items) if items.len() == batch.ends.len() => (true, Ok(Some(reply.as_bytes().to_vec()))),
        // Any other refusal than the abort leaves the connection inside of the transaction.
        ValueRef::Error(text) => (is_abort(text), Err(Error::server(cause_of_abort(text)))),
        _ => (false, Err(Error::protocol("EXEC gave something else than one reply for each command"))),
    };
    if clean {
        connection.set_stateful(false);
    }
    done.map_err(|error| named(Step::Exec, error))
}

/// Reads what the server says to each of these commands, which is `QUEUED`; gives the first refusal. When the
/// connection fails, `lost` says what became of the transaction.
#[inline]
fn queued(
    connection: &mut Connection,
    commands: Range<usize>,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
    lost: &dyn Fn(Error) -> Error,
) -> Result<Option<Error>> {
    let mut refused: Option<Error> = None;
    for at in commands {
        match connection.receive(deadline).map(|reply| reply.value()) {
            Ok(ValueRef::Simple(b"QUEUED")) => {}
            Ok(ValueRef::Error(text)) => {
                // It was refused before it ran, whatever it runs.
                refused.get_or_insert_with(|| named(Step::Command(at), Error::server(text)));
            }
            Ok(_) => {
                // It may have run at once, outside of any transaction.
                let error = Error::protocol("a command in a transaction was answered by something else than QUEUED");
                return Err(named(Step::Command(at), error));
            }
            Err(error) => return Err(refused.unwrap_or_else(|| lost(error))),
        }
    }
    Ok(refused)
}

/// Leaves the transaction. Where that does not succeed the connection is closed, which does the same.
#[inline]
fn discard(connection: &mut Connection, deadline: Deadline) {
    let said = connection.ask(&[b"DISCARD"], deadline);
    let left = said.is_ok_and(|reply| matches!(reply.value(), ValueRef::Simple(b"OK")));
    connection.set_stateful(!left);
}

#[inline]
fn is_abort(text: &[u8]) -> bool {
    text.starts_with(b"EXECABORT")
}

/// What a server says of itself when it refuses `EXEC` for that, such as that it has become a replica since `MULTI`.
#[inline]
pub(crate) fn cause_of_abort(text: &[u8]) -> &[u8] {
    const BECAUSE: &[u8] = b"EXECABORT Transaction discarded because of: ";
    text.strip_prefix(BECAUSE).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::command;

    #[test]
    fn a_window_is_small_enough_to_be_answered_while_nobody_reads() {
        for (count, windows) in
            [(0, vec![0]), (1, vec![1]), (1000, vec![1000]), (1001, vec![1000, 1]), (2000, vec![1000; 2])]
        {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            for nth in 0..count {
                bytes.extend(command([nth.to_string().as_bytes()]));
                ends.push(bytes.len());
            }
            let batch = Batch::of(bytes.clone(), ends);
            let mut sent = Vec::new();
            let mut lengths = Vec::new();
            for nth in 0..batch.windows() {
                let (commands, bytes) = batch.window(nth);
                let first = command([commands.start.to_string().as_bytes()]);
                assert!(commands.is_empty() || bytes.starts_with(&first), "a window begins with its first command");
                sent.extend_from_slice(bytes);
                lengths.push(commands.len());
            }
            assert!(sent == [bytes, command([&b"EXEC"[..]])].concat(), "every byte once, in order");
            assert_eq!(lengths, windows);
        }
    }
}
