//! Writing to a connection, and what a server says that hangs up meanwhile.

use super::Connection;
use crate::error::{Error, ErrorKind, Outcome, Phase};
use crate::net::Deadline;
use crate::resp::ValueRef;
use std::time::Duration;

/// How long a server that hung up is given to say why.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl Connection {
    /// Writes everything. Says how many bytes the system took, and why not all.
    pub(crate) fn write(&mut self, bytes: &[u8], deadline: Deadline) -> (usize, Option<Error>) {
        let written = self.stream.write_all(bytes, deadline);
        self.wrote(written.map(|()| bytes.len()), deadline)
    }

    /// Counts what the system took.
    pub(super) fn wrote(
        &mut self,
        written: std::result::Result<usize, (usize, std::io::Error)>,
        deadline: Deadline,
    ) -> (usize, Option<Error>) {
        let (done, failure) = match written {
            Ok(done) => (done, None),
            Err((done, error)) => (done, Some(self.not_written(error, deadline))),
        };
        self.sent += done as u64;
        (done, failure)
    }

    /// Writes what the system takes at once. Says how many bytes that were, and what went wrong.
    pub(crate) fn write_what_fits(&mut self, bytes: &[u8]) -> (usize, Option<Error>) {
        let written = self.stream.write_what_fits(bytes);
        self.wrote(written, Deadline::never())
    }

    /// As [`write`](Connection::write), for no longer than `slice`: what is not written then is no failure, unless the
    /// deadline has passed.
    pub(crate) fn write_within(&mut self, bytes: &[u8], slice: Duration, deadline: Deadline) -> (usize, Option<Error>) {
        let Ok(Some(_)) = deadline.left() else { return self.write(bytes, deadline) };
        let written = match self.stream.write_all(bytes, deadline.within(slice)) {
            Err((done, error)) if error.kind() == std::io::ErrorKind::TimedOut => Ok(done),
            written => written.map(|()| bytes.len()),
        };
        self.wrote(written, deadline)
    }

    fn not_written(&mut self, error: std::io::Error, deadline: Deadline) -> Error {
        let hung_up = matches!(error.kind(), std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset);
        let error = match hung_up.then(|| self.last_words()).flatten() {
            Some(said) => said,
            None => Error::io(error, Outcome::NotApplied, "sending the command"),
        };
        let error = error.in_phase(Phase::Send);
        self.timed_out(&error, deadline);
        self.close(error)
    }

    pub(super) fn timed_out(&self, error: &Error, deadline: Deadline) {
        if let (Some(silence), ErrorKind::Timeout) = (&self.silence, error.kind()) {
            silence.unanswered(deadline.awaited_from(self.asked));
        }
        if let Some(closing) = &self.closing {
            closing.timed_out(error);
        }
    }

    /// What a server said before it hung up, such as that it has too many clients.
    fn last_words(&mut self) -> Option<Error> {
        let deadline = Deadline::after(LAST_WORDS);
        loop {
            match self.decoder.decode() {
                Ok(Some(frame)) => match frame.value() {
                    ValueRef::Error(text) => return Some(Error::server(text)),
                    _ => continue,
                },
                Ok(None) => {}
                Err(_) => return None,
            }
            let count = self.stream.read(self.decoder.space(), deadline).ok()?;
            self.took(count);
        }
    }
}
