//! One request and its reply over a connection, with as few looks at the clock and at the socket as can be.

use super::{Connection, SMALL};
use crate::error::Result;
use crate::net::Deadline;
use std::ops::Range;

impl Connection {
    /// Sends one request and waits for its reply; gives where that lies, as [`receive_range`](Connection::receive_range)
    /// does. An error reply is a reply.
    ///
    /// The clock is looked at once for both, unless sending may take time.
    pub(crate) fn exchange(&mut self, request: &[u8], deadline: Deadline) -> Result<Range<usize>> {
        self.owe(1)?;
        self.exchange_owed(request, deadline)
    }

    /// The same over a connection that was lent in this very moment, so that the clock need not be looked at once more.
    #[inline]
    pub(crate) fn exchange_at_once(&mut self, request: &[u8], deadline: Deadline) -> Result<Range<usize>> {
        match self.rested && self.is_reusable() {
            true => (self.asked, self.unanswered) = (self.woken, 1),
            false => self.owe(1)?,
        }
        self.exchange_owed(request, deadline)
    }

    fn exchange_owed(&mut self, request: &[u8], deadline: Deadline) -> Result<Range<usize>> {
        let takes_no_time = self.unanswered == 1 && request.len() <= SMALL;
        if !takes_no_time || !self.stream.is_set_for(deadline, self.asked) {
            return self.exchange_any(request, deadline);
        }
        match self.stream.write_once(request) {
            Ok(count) if count == request.len() => self.sent += count as u64,
            written => return self.exchange_rest(request, written, deadline),
        }
        match self.stream.read_once(self.decoder.space()) {
            Ok(0) => {}
            Ok(count) => {
                self.took(count);
                if let Some(range) = self.short_reply() {
                    return Ok(range);
                }
            }
            Err(error) => return Err(self.not_read(error, deadline)),
        }
        self.receive_in(None, deadline)
    }

    /// The same for what may take time to be sent, and where the socket has to be told how much there is.
    fn exchange_any(&mut self, request: &[u8], deadline: Deadline) -> Result<Range<usize>> {
        let left = deadline.time_at(self.asked);
        let written = self.stream.write_in(request, left, deadline);
        if let (_, Some(error)) = self.wrote(written.map(|()| request.len()), deadline) {
            return Err(error);
        }
        let took_no_time = self.unanswered == 1 && request.len() <= SMALL && self.stream.is_of_the_system();
        self.receive_in(took_no_time.then_some(left), deadline)
    }

    /// The same where the system took a part of the request or nothing.
    #[cold]
    fn exchange_rest(
        &mut self,
        request: &[u8],
        written: std::io::Result<usize>,
        deadline: Deadline,
    ) -> Result<Range<usize>> {
        let written = written.map_err(|error| (0, error)).and_then(|done| {
            let rest = self.stream.write_all(&request[done..], deadline);
            rest.map(|()| request.len()).map_err(|(more, error)| (done + more, error))
        });
        match self.wrote(written, deadline) {
            (_, Some(error)) => Err(error),
            (_, None) => self.receive_in(None, deadline),
        }
    }
}
