//! An attempt to have one server answer the requests of a node, and what follows when that fails.

use super::in_flight::InFlight;
use super::node_batch::NodeBatch;
use super::node_replies::NodeReplies;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{Call, Command, Effort};
use crate::net::{Deadline, Lease};
use crate::retry::{Attempts, Cause};
use std::time::{Duration, Instant};

/// Requests of a node that are to be sent.
pub(super) struct Unsent {
    pub(super) shard: usize,
    pub(super) batch: NodeBatch,
    /// Which requests of the node these are.
    pub(super) numbers: Vec<usize>,
    /// How often they were sent to other servers.
    pub(super) attempts_before: u32,
}

/// Requests of a node for one server.
pub(super) struct Attempt {
    pub(super) unsent: Unsent,
    pub(super) server: usize,
    /// A connection to the server, or why there is none; taken when the requests are sent.
    pub(super) connection: Option<Result<Lease>>,
    /// The servers that may be asked when that one fails.
    others: Vec<usize>,
    /// Those at this server.
    attempts: Attempts,
    /// Whether no other server can serve it any more.
    is_last: bool,
    began: Instant,
}

/// What follows an attempt.
pub(super) enum Next {
    /// Another one, after a pause.
    Attempt(Attempt, Duration),
    /// The requests are for the new master of the node, if there is one.
    NewMaster(Unsent, Error),
    Nothing,
}

impl Unsent {
    /// The whole batch of a node.
    #[inline]
    pub(super) fn all(shard: usize, batch: NodeBatch) -> Unsent {
        Unsent { shard, numbers: (0..batch.len()).collect(), batch, attempts_before: 0 }
    }

    /// Some of the requests.
    #[inline]
    fn only(&self, chosen: &[usize], attempts_before: u32) -> Unsent {
        let mut numbers = Vec::with_capacity(chosen.len());
        for &at in chosen {
            numbers.push(self.numbers[at]);
        }
        Unsent { shard: self.shard, batch: self.batch.only(chosen), numbers, attempts_before }
    }

    /// Leaves out the requests of the node that are marked.
    #[inline]
    pub(super) fn leave_out(&mut self, is_left_out: &[bool]) {
        let mut kept = Vec::with_capacity(self.numbers.len());
        for (at, &nth) in self.numbers.iter().enumerate() {
            if !is_left_out[nth] {
                kept.push(at);
            }
        }
        if kept.len() < self.numbers.len() {
            *self = self.only(&kept, self.attempts_before);
        }
    }
}

impl Attempt {
    /// The first one for these requests, at the server that is to be asked first.
    #[inline]
    pub(super) fn first(call: &Call<'_>, unsent: Unsent) -> Attempt {
        if let Some(own) = call.own_writes().filter(|_| unsent.batch.writes) {
            own.note(call.topology(), call.topology().shards()[unsent.shard].master());
        }
        let mut others = call.servers_of(unsent.shard, !unsent.batch.needs_master);
        let server = others.remove(0);
        call.budget.earn();
        Attempt::at(call, unsent, server, others, false)
    }

    #[inline]
    fn at(call: &Call<'_>, unsent: Unsent, server: usize, others: Vec<usize>, is_last: bool) -> Attempt {
        let attempts = Attempts::first(call.retries);
        Attempt { unsent, server, connection: None, others, attempts, is_last, began: Instant::now() }
    }

    /// Which attempt this is for these requests.
    #[inline]
    pub(super) fn number(&self) -> u32 {
        self.unsent.attempts_before + self.attempts.made()
    }

    /// A server that others can stand in for gets a part of the time, so that some is left when it says nothing.
    #[inline]
    pub(super) fn deadline(&self, call: &Call<'_>) -> Deadline {
        call.part_of_the_time(self.has_others(call))
    }

    #[inline]
    fn has_others(&self, call: &Call<'_>) -> bool {
        call.any_serves(&self.others)
    }

    /// Takes a connection to the server.
    #[inline]
    pub(super) fn connect(&mut self, call: &Call<'_>, deadline: Deadline) {
        self.connection = Some(call.lend_in_step(self.server, deadline, self.has_others(call)));
    }

    /// The requests on their way over its connection.
    #[inline]
    pub(super) fn in_flight(&mut self, call: &Call<'_>) -> InFlight<'_> {
        let (deadline, number) = (self.deadline(call), self.number());
        let unconnected = || Err(Error::config("an attempt without a connection"));
        let connection = self.connection.take().unwrap_or_else(unconnected);
        InFlight::new(&self.unsent.batch, connection, deadline, number)
    }

    /// Why the server cannot be reached, when no other one can be asked.
    #[inline]
    pub(super) fn unreachable(&self) -> Option<&Error> {
        match &self.connection {
            Some(Err(error)) if self.others.is_empty() => Some(error),
            _ => None,
        }
    }

    /// Remembers whether the server could serve reads.
    #[inline]
    pub(super) fn note(&self, call: &Call<'_>, replies: &NodeReplies) {
        if self.unsent.batch.needs_master {
            return;
        }
        let mut failed = None;
        if !replies.is_well() {
            for nth in 0..self.unsent.batch.len() {
                failed = replies.reply(nth, true).err().filter(Error::is_servers_fault);
                if failed.is_some() {
                    break;
                }
            }
        }
        // A connection that was found dead says nothing yet about its server.
        let is_dead = |error: &Error| matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol);
        let may_repeat = call.retries.are_allowed() && self.attempts.made() == 1;
        match failed {
            Some(error) if is_dead(&error) && may_repeat && self.others.is_empty() => {}
            failed => call.note(self.server, self.began, failed.as_ref()),
        }
    }

    /// The pause before this server is asked once more, when it is. Nothing was applied.
    #[inline]
    pub(super) fn pause(&mut self, call: &Call<'_>, error: &Error) -> Option<Duration> {
        let (retries, budget, deadline) = (call.retries, call.budget, call.deadline);
        let command = Command::Named("pipeline");
        // What must not be sent twice is not among the requests.
        let effort = Effort { retries, budget, deadline, repeatable: true, has_others: false, command };
        effort.pause(&mut self.attempts, error, &call.servers.pools[self.server])
    }

    /// What is to be done for what failed: another server can serve these reads, the same one may do it later, or another
    /// one is the master now.
    #[inline]
    pub(super) fn next(&mut self, call: &Call<'_>, replies: &NodeReplies) -> Next {
        if replies.is_well() || call.deadline.left().is_err() {
            return Next::Nothing;
        }
        if !self.unsent.batch.writes {
            let elsewhere = match (self.others.split_first(), call.stale_of(self.unsent.shard)) {
                (Some((&server, others)), _) => Some((server, others.to_vec(), self.is_last)),
                // Old data is better than none.
                (None, Some(server)) if !self.unsent.batch.needs_master && !self.is_last => {
                    Some((server, Vec::new(), true))
                }
                _ => None,
            };
            if let Some((server, others, is_last)) = elsewhere {
                let numbers = self.unsent.batch.unserved(replies);
                if !numbers.is_empty() {
                    let unsent = self.unsent.only(&numbers, self.number());
                    return Next::Attempt(Attempt::at(call, unsent, server, others, is_last), Duration::ZERO);
                }
                if !self.others.is_empty() {
                    return Next::Nothing;
                }
            }
        }
        if let Some((numbers, refusal)) = self.unsent.batch.to_repeat(replies, |error| Cause::of(error, true).is_some())
        {
            // Only the failure itself tells whether the server was asked at all.
            let error = replies.failure.as_ref().unwrap_or(&refusal);
            if let Some(pause) = self.pause(call, error) {
                let unsent = self.unsent.only(&numbers, self.unsent.attempts_before);
                let mut attempt = Attempt::at(call, unsent, self.server, Vec::new(), self.is_last);
                std::mem::swap(&mut attempt.attempts, &mut self.attempts);
                return Next::Attempt(attempt, pause);
            }
        }
        match self.unsent.batch.to_repeat(replies, Error::may_come_of_a_failover) {
            Some((numbers, error)) => {
                let error = error.with_command("pipeline").with_attempts(self.number());
                Next::NewMaster(self.unsent.only(&numbers, self.number()), error.with_outcome(Outcome::NotApplied))
            }
            None => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::node_batch::About;
    use super::*;

    #[test]
    fn what_is_left_out_keeps_the_numbers_of_the_others() {
        let mut batch = NodeBatch::default();
        for nth in 0..5 {
            batch.push(&[b'0' + nth], About { is_read: true, script: None });
        }
        let mut unsent = Unsent::all(7, batch);
        assert_eq!(unsent.numbers, [0, 1, 2, 3, 4]);
        unsent.leave_out(&[false; 5]);
        assert_eq!(unsent.batch.bytes, b"01234");
        unsent.leave_out(&[true, false, false, true, false]);
        assert_eq!((unsent.numbers.as_slice(), unsent.batch.bytes.as_slice()), (&[1, 2, 4][..], &b"124"[..]));
        // Of these, the second and the third; numbers are still those of the node.
        let some = unsent.only(&[1, 2], 3);
        assert_eq!((some.numbers.as_slice(), some.batch.bytes.as_slice()), (&[2, 4][..], &b"24"[..]));
        assert_eq!((some.shard, some.attempts_before), (7, 3));
        unsent.leave_out(&[true; 5]);
        assert_eq!(unsent.batch.len(), 0);
    }
}
