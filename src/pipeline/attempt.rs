//! An attempt to have one server answer the requests of a node, and what follows when that fails.

use super::in_flight::InFlight;
use super::node_batch::NodeBatch;
use super::node_replies::NodeReplies;
use crate::error::{Error, ErrorKind, Result};
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

/// What follows an attempt: some of its requests, by their numbers in it, are sent once more.
#[derive(Debug)]
pub(super) enum Next {
    /// To another server, which can serve them.
    OtherServer(Vec<usize>),
    /// To the same server, after a pause.
    SameServer(Vec<usize>, Duration),
    /// To the new master of the node, if there is one.
    NewMaster(Vec<usize>, Error),
    Nothing,
}

/// Who can stand in for the server of reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    /// A replica that has old data, which is better than none.
    Stale,
    Some,
}

impl Unsent {
    /// The whole batch of a node.
    #[inline]
    pub(super) fn all(shard: usize, batch: NodeBatch) -> Unsent {
        Unsent { shard, numbers: (0..batch.len()).collect(), batch, attempts_before: 0 }
    }

    /// Keeps some of the requests, by their numbers in this batch.
    #[inline]
    pub(super) fn keep(&mut self, chosen: &[usize]) {
        let mut numbers = Vec::with_capacity(chosen.len());
        for &at in chosen {
            numbers.push(self.numbers[at]);
        }
        (self.batch, self.numbers) = (self.batch.only(chosen), numbers);
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
            self.keep(&kept);
        }
    }
}

impl Attempt {
    /// The first one for these requests, at the server that is to be asked first.
    #[inline]
    pub(super) fn first(call: &Call<'_>, unsent: Unsent) -> Box<Attempt> {
        if let Some(own) = call.own_writes().filter(|_| unsent.batch.writes) {
            own.note(call.topology(), call.topology().nth_shard(unsent.shard).master());
        }
        let mut others = call.servers_of(unsent.shard, !unsent.batch.needs_master);
        let server = others.remove(0);
        call.budget.earn();
        let (attempts, began) = (Attempts::first(call.retries()), Instant::now());
        Box::new(Attempt { unsent, server, connection: None, others, attempts, is_last: false, began })
    }

    /// Goes on to the next server that can serve these of its requests.
    #[inline]
    pub(super) fn go_on(&mut self, call: &Call<'_>, numbers: &[usize]) {
        self.unsent.attempts_before = self.number();
        self.is_last = self.others.is_empty();
        self.server = match self.is_last {
            false => self.others.remove(0),
            true => call.stale_of(self.unsent.shard).unwrap_or(self.server),
        };
        self.attempts = Attempts::first(call.retries());
        self.repeat(numbers);
    }

    /// Begins anew with these of its requests.
    #[inline]
    pub(super) fn repeat(&mut self, numbers: &[usize]) {
        self.unsent.keep(numbers);
        self.began = Instant::now();
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
                failed = replies.value(nth, true).err().filter(Error::is_servers_fault);
                if failed.is_some() {
                    break;
                }
            }
        }
        // A connection that was found dead says nothing yet about its server.
        let is_dead = |error: &Error| matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol);
        let may_repeat = call.retries().are_allowed() && self.attempts.made() == 1;
        match failed {
            Some(error) if is_dead(&error) && may_repeat && self.others.is_empty() => {}
            failed => call.note(self.server, self.began, failed.as_ref()),
        }
    }

    /// The pause before this server is asked once more, when it is. Nothing was applied.
    #[inline]
    pub(super) fn pause(&mut self, call: &Call<'_>, error: &Error) -> Option<Duration> {
        pause(call, self.server, &mut self.attempts, error)
    }

    /// What is to be done for what failed.
    #[inline]
    pub(super) fn next(&mut self, call: &Call<'_>, replies: &NodeReplies) -> Next {
        if replies.is_well() || call.deadline.left().is_err() {
            return Next::Nothing;
        }
        let batch = &self.unsent.batch;
        let others = match call.stale_of(self.unsent.shard) {
            _ if !self.others.is_empty() => Others::Some,
            Some(_) if !batch.needs_master && !self.is_last => Others::Stale,
            _ => Others::None,
        };
        let (attempts, server) = (&mut self.attempts, self.server);
        next(batch, replies, others, &mut |error| pause(call, server, attempts, error))
    }
}

/// What is to be done for what failed of a batch: another server can serve these reads, the same one may do it later, which
/// `pause` tells and what it waits before, or another one is the master now.
#[inline]
fn next(
    batch: &NodeBatch,
    replies: &NodeReplies,
    others: Others,
    pause: &mut dyn FnMut(&Error) -> Option<Duration>,
) -> Next {
    if !batch.writes && others != Others::None {
        let numbers = batch.unserved(replies);
        if !numbers.is_empty() {
            return Next::OtherServer(numbers);
        }
        if others == Others::Some {
            return Next::Nothing;
        }
    }
    // Beside other nodes it waited for a connection for a part of the time only, and waits on when they are done.
    if replies.failure.as_ref().is_some_and(|failed| failed.kind() == ErrorKind::PoolTimeout) {
        return Next::SameServer((0..batch.len()).collect(), Duration::ZERO);
    }
    if let Some((numbers, refusal)) = batch.to_repeat(replies, |error| Cause::of(error, true).is_some()) {
        // Only the failure itself tells whether the server was asked at all.
        if let Some(pause) = pause(replies.failure.as_ref().unwrap_or(&refusal)) {
            return Next::SameServer(numbers, pause);
        }
    }
    match batch.to_repeat(replies, Error::may_come_of_a_failover) {
        Some((numbers, error)) => Next::NewMaster(numbers, error),
        None => Next::Nothing,
    }
}

/// The pause before a server is asked once more, when it is. Nothing was applied.
#[inline]
fn pause(call: &Call<'_>, server: usize, attempts: &mut Attempts, error: &Error) -> Option<Duration> {
    let (retries, budget, deadline) = (call.retries(), call.budget, call.deadline);
    let command = Command::Named("pipeline");
    // What must not be sent twice is not among the requests.
    let effort = Effort { retries, budget, deadline, repeatable: true, has_others: false, command };
    effort.pause(attempts, error, call.servers.pool(server))
}

#[cfg(test)]
mod tests {
    use super::super::node_batch::tests::{batch, replies};
    use super::super::node_batch::About;
    use super::*;
    use crate::error::Outcome;

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
        unsent.keep(&[1, 2]);
        assert_eq!((unsent.numbers.as_slice(), unsent.batch.bytes.as_slice()), (&[2, 4][..], &b"24"[..]));
        assert_eq!((unsent.shard, unsent.attempts_before), (7, 0));
        unsent.leave_out(&[true; 5]);
        assert_eq!(unsent.batch.len(), 0);
    }

    /// What follows, in words, of requests and what came of them as the tests of batches write both.
    fn followed(kinds: &str, fates: &str, failure: Option<ErrorKind>, others: Others, has_pause: bool) -> String {
        let pause = &mut |error: &Error| Cause::of(error, true).filter(|_| has_pause).map(|_| Duration::ZERO);
        match next(&batch(kinds), &replies(fates, failure), others, pause) {
            Next::OtherServer(numbers) => format!("other {numbers:?}"),
            Next::SameServer(numbers, _) => format!("same {numbers:?}"),
            Next::NewMaster(numbers, error) => {
                assert_eq!(error.outcome(), Outcome::NotApplied);
                format!("master {numbers:?}")
            }
            Next::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn what_follows_an_attempt() {
        use Others::{None as Nobody, Some as Fresh, Stale};
        let (io, timeout) = (Some(ErrorKind::Io), Some(ErrorKind::Timeout));
        for (kinds, fates, failure, others, has_pause, expected) in [
            // Reads go to another server before the same one is asked once more, whatever the retries say.
            ("rrr", "+L?", io, Fresh, true, "other [1, 2]"),
            ("rrr", "+??", timeout, Fresh, false, "other [1, 2]"),
            ("rrr", "+??", timeout, Stale, false, "other [1, 2]"),
            // Their own errors are for the caller. Only a server that nobody stands in for is asked once more then.
            ("rr", "+E", None, Fresh, true, "nothing"),
            ("rr", "+E", None, Stale, true, "nothing"),
            ("rr", "+E", None, Nobody, true, "nothing"),
            // No other server would answer this one otherwise, and the same one may do it later.
            ("rr", "+T", None, Fresh, true, "nothing"),
            ("rr", "+T", None, Stale, true, "same [1]"),
            // The failure tells whether it is asked once more, and not what it said before.
            ("rr", "L?", timeout, Nobody, true, "master [0, 1]"),
            // It waits on for a connection, without a pause and whatever the retries are.
            ("rwr", "...", Some(ErrorKind::PoolTimeout), Nobody, false, "same [0, 1, 2]"),
            ("rr", "..", Some(ErrorKind::PoolTimeout), Fresh, false, "other [0, 1]"),
            // Without another one it is asked again where retries allow it.
            ("rrr", "+L?", io, Nobody, true, "same [1, 2]"),
            // A server that says nothing is not asked twice, but may have been replaced.
            ("rrr", "+??", timeout, Nobody, true, "master [1, 2]"),
            // Writes never go to another server, nor reads beside them.
            ("www", "+LL", None, Fresh, true, "same [1, 2]"),
            ("rww", "L+L", None, Fresh, true, "same [2]"),
            ("www", "+LL", None, Nobody, false, "master [1, 2]"),
            ("www", "+BB", None, Nobody, false, "nothing"),
            // What may have been applied is not sent again, nor what comes behind it.
            ("www", "+?.", io, Nobody, true, "nothing"),
            ("www", "++.", io, Nobody, true, "same [2]"),
            // No pause is left: the node may have another master by now.
            ("www", "++.", io, Nobody, false, "master [2]"),
            ("www", "+RR", None, Nobody, true, "master [1, 2]"),
            ("rrr", "+R+", None, Nobody, true, "master [1]"),
            ("www", "+?.", io, Nobody, false, "nothing"),
        ] {
            let came = followed(kinds, fates, failure, others, has_pause);
            assert_eq!(came, expected, "{kinds} {fates} {failure:?} {others:?} {has_pause}");
        }
    }
}
