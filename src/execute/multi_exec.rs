//! `MULTI` to `EXEC` on one connection.

use super::WINDOW;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Connection, Deadline, Lease};
use crate::resp::{Frame, ValueRef};
use std::ops::Range;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
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
            let refused = connection.refuse_too_many_words(self.part(begin, end), deadline);
            refused.map_err(|error| named(Step::Command(nth), error))?;
            begin = end;
        }
        Ok(())
    }

    /// The window that begins with this command: where its commands end, and where its bytes do. Those of the last one end
    /// with `EXEC`.
    #[inline]
    fn window(&self, first: usize) -> (usize, usize) {
        match self.ends.get(first + WINDOW - 1) {
            Some(&end) if first + WINDOW < self.ends.len() => (first + WINDOW, end),
            _ => (self.ends.len(), self.bytes.len()),
        }
    }

    // Once and not at each place: what panics says where that was.
    #[inline(never)]
    fn part(&self, begin: usize, end: usize) -> &[u8] {
        &self.bytes[begin..end]
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
    named: &dyn Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    // Once and for all, because each look through the lease is code.
    let connection: &mut Connection = lease;
    run(connection, batch, deadline, named).map_err(|error| error.at(connection.node()))
}

#[inline]
fn run(
    connection: &mut Connection,
    batch: &Batch,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    batch.refuse_too_many_words(connection, deadline, named)?;
    // By itself: what follows one that is refused would run outside of any transaction.
    begin(connection, MULTI, "the reply to MULTI is not OK", deadline).map_err(|error| named(Step::Multi, error))?;
    queue_and_exec(connection, batch, deadline, named)
}

/// What `EXEC` must not reply where no key is watched.
#[inline]
pub(crate) fn gave_nothing() -> Error {
    Error::new(ErrorKind::Reply, Outcome::NotApplied, "EXEC gave nothing, though no key was watched")
}

/// Sends a `MULTI` or `WATCH`; `misfit` is the error for a reply that is not `OK`. From then on the connection is for
/// nobody else, and whatever happens, nothing is changed.
#[inline]
pub(crate) fn begin(
    connection: &mut Connection,
    request: &[u8],
    misfit: &'static str,
    deadline: Deadline,
) -> Result<()> {
    connection.set_stateful(true);
    let begun = connection.ask_encoded(request, deadline).and_then(|reply| match is_ok(reply) {
        true => Ok(()),
        false => Err(Error::protocol(misfit)),
    });
    begun.map_err(|error| error.with_outcome(Outcome::NotApplied))
}

/// Sends what ends that, such as `DISCARD` or `UNWATCH`. Where it does not succeed, the connection is closed, which does
/// the same.
#[inline]
pub(crate) fn leave(connection: &mut Connection, args: &[&[u8]], deadline: Deadline) -> Result<()> {
    let has_left = is_ok(connection.ask(args, deadline)?);
    connection.set_stateful(!has_left);
    Ok(())
}

#[inline]
fn is_ok(reply: Frame<'_>) -> bool {
    matches!(reply.value(), ValueRef::Simple(b"OK"))
}

#[inline]
fn queue_and_exec(
    connection: &mut Connection,
    batch: &Batch,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
) -> Result<Option<Vec<u8>>> {
    let (mut first, mut begin) = (0, 0);
    let refused = loop {
        let (next, end) = batch.window(first);
        let is_last = next == batch.ends.len();
        // Before the last window EXEC is not sent, so nothing is applied whatever happens.
        let lost = match is_last {
            true => (Step::Exec, Outcome::Unknown),
            false => (Step::Multi, Outcome::NotApplied),
        };
        // A failure means that EXEC, which comes last, was not sent whole.
        let sent = connection.send(batch.part(begin, end), next - first + usize::from(is_last), deadline);
        sent.map_err(|error| named(lost.0, error.with_outcome(Outcome::NotApplied)))?;
        let refused = queued(connection, first..next, deadline, named, lost)?;
        if is_last {
            break refused;
        }
        if let Some(refused) = refused {
            let _ = leave(connection, &[b"DISCARD"], deadline);
            return Err(refused);
        }
        (first, begin) = (next, end);
    };
    let reply = match connection.receive_range(deadline) {
        Ok(range) => connection.frame(range),
        // A server that refused a command runs none of them, whether it came to say so or not.
        Err(error) => return Err(refused.unwrap_or_else(|| named(Step::Exec, error))),
    };
    let (clean, done) = match (reply.value(), refused) {
        // Any other refusal than the abort leaves the connection inside of the transaction.
        (ValueRef::Error(text), refused) => {
            // The first refusal says more than the abort that follows from it.
            (is_abort(text), Err(refused.unwrap_or_else(|| Error::server(cause_of_abort(text)))))
        }
        (ValueRef::Nil, Some(refused)) => (false, Err(refused)),
        (_, Some(refused)) => {
            (false, Err(refused.with_outcome(Outcome::Unknown).with_note("and EXEC ran the transaction all the same")))
        }
        (ValueRef::Nil, None) => (true, Ok(None)),
        (ValueRef::Array(items), None) if items.len() == batch.ends.len() => {
            (true, Ok(Some(reply.as_bytes().to_vec())))
        }
        _ => (false, Err(Error::protocol("EXEC gave something else than one reply for each command"))),
    };
    if clean {
        connection.set_stateful(false);
    }
    done.map_err(|error| named(Step::Exec, error))
}

/// Reads what the server says to each of these commands, which is `QUEUED`; gives the first refusal. When the
/// connection fails, that is the step that failed and what became of the transaction.
#[inline]
fn queued(
    connection: &mut Connection,
    commands: Range<usize>,
    deadline: Deadline,
    named: &dyn Fn(Step, Error) -> Error,
    (step, outcome): (Step, Outcome),
) -> Result<Option<Error>> {
    let mut refused: Option<Error> = None;
    for at in commands {
        let error = match connection.receive(deadline).map(|reply| reply.value()) {
            Ok(ValueRef::Simple(b"QUEUED")) => continue,
            // It was refused before it ran, whatever it runs.
            Ok(ValueRef::Error(text)) => {
                refused.get_or_insert_with(|| named(Step::Command(at), Error::server(text)));
                continue;
            }
            // It may have run at once, outside of any transaction.
            Ok(_) => {
                let error = Error::protocol("a command in a transaction was answered by something else than QUEUED");
                named(Step::Command(at), error)
            }
            Err(error) => refused.unwrap_or_else(|| named(step, error.with_outcome(outcome))),
        };
        return Err(error);
    }
    Ok(refused)
}

#[inline]
fn is_abort(text: &[u8]) -> bool {
    text.starts_with(b"EXECABORT")
}

/// What a server says of itself when it refuses `EXEC` for that, such as that it has become a replica since `MULTI`.
#[inline]
pub(crate) fn cause_of_abort(text: &[u8]) -> &[u8] {
    const BECAUSE: &[u8] = b"EXECABORT Transaction discarded because of: ";
    text.get(BECAUSE.len()..).filter(|_| text.starts_with(BECAUSE)).unwrap_or(text)
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
            let (mut first, mut begin) = (0, 0);
            while sent.len() < batch.bytes.len() {
                let (next, end) = batch.window(first);
                let command = command([first.to_string().as_bytes()]);
                let bytes = batch.part(begin, end);
                assert!(next == first || bytes.starts_with(&command), "a window begins with its first command");
                sent.extend_from_slice(bytes);
                lengths.push(next - first);
                (first, begin) = (next, end);
            }
            assert!(sent == [bytes, command([&b"EXEC"[..]])].concat(), "every byte once, in order");
            assert_eq!(lengths, windows);
        }
    }
}
