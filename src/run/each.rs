//! Requests to several servers at the same time.

use super::{finish, is_servers_fault, one_of_several, Answer, Run};
use crate::error::{Error, Result};
use crate::net::Lease;
use crate::plan::Part;
use crate::retry::{Attempts, Cause};
use crate::spec::ResponsePolicy;

/// A server, and a connection to it.
type Leased = (usize, Result<Lease>);

impl Run<'_> {
    /// Requests to several servers at the same time, and what came of each, whatever comes of the others.
    pub(super) fn each_by_itself(&self, parts: &[Part<'_>]) -> Vec<Result<Answer>> {
        self.exchanged(parts, self.leases(parts, false).unwrap_or_default())
    }

    /// Requests to several servers at the same time, and what came of each.
    ///
    /// # Errors
    /// When a connection cannot be had: then nothing was sent to any of them.
    pub(crate) fn each(&self, parts: &[Part<'_>]) -> Result<Vec<Result<Answer>>> {
        let all_or_none = !self.reads() && self.spec.response != ResponsePolicy::OneSucceeded;
        let effort = self.effort(self.deadline);
        let mut attempts = Attempts::first(self.retries);
        self.budget.earn();
        loop {
            match self.leases(parts, all_or_none) {
                Ok(leases) => return Ok(self.exchanged(parts, leases)),
                // Nothing was sent, and nothing is held during the pause.
                Err((server, error)) if effort.again(&mut attempts, &error, &self.servers.pools[server]) => {}
                Err((_, error)) => return Err(error.with_attempts(attempts.made())),
            }
        }
    }

    /// A connection for each part, with its server. When one cannot be had, that is its result, or with `all_or_none` that
    /// of all.
    fn leases(&self, parts: &[Part<'_>], all_or_none: bool) -> std::result::Result<Vec<Leased>, (usize, Error)> {
        let chosen: Vec<usize> = parts.iter().filter_map(|part| self.candidates(part.target).next()).collect();
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_unstable_by_key(|&at| chosen[at]);
        let mut leases: Vec<Option<Leased>> = parts.iter().map(|_| None).collect();
        for at in order {
            let server = chosen[at];
            let is_apart = !all_or_none && parts.len() > 1;
            let deadline = if is_apart { one_of_several(self.deadline) } else { self.deadline };
            match self.lend_until(server, deadline) {
                Err(error) if all_or_none => return Err((server, error)),
                lease => leases[at] = Some((server, lease)),
            }
        }
        Ok(leases.into_iter().flatten().collect())
    }

    /// Writes every part to its connection, then reads every reply.
    fn exchanged(&self, parts: &[Part<'_>], leases: Vec<Leased>) -> Vec<Result<Answer>> {
        let mut sent = Vec::with_capacity(parts.len());
        for (part, (server, lease)) in parts.iter().zip(leases) {
            let lease = lease.and_then(|mut lease| lease.send(&part.request, 1, self.deadline).map(|()| lease));
            sent.push((server, lease));
        }
        let receive = |(server, lease): Leased| {
            let answer = lease.and_then(|lease| finish(lease, self.deadline));
            (server, answer.map_err(|error| self.judged(error)))
        };
        let received: Vec<(usize, Result<Answer>)> = sent.into_iter().map(receive).collect();
        let effort = self.effort(self.deadline);
        // Past the deadline a second try could only hide why the first one failed.
        let in_time = self.deadline.left().is_ok();
        let is_again = |part: &Part<'_>, error: &Error| match self.reads() && self.has_others(part.target) {
            true => in_time && is_servers_fault(error),
            false => in_time && Cause::of(error, effort.repeatable).is_some(),
        };
        let again = |part: &Part<'_>, server: usize, error: Error| {
            if self.has_others(part.target) {
                return self.one(part).map_err(|last| last.attempts_after(error.attempts()));
            }
            let attempt = || self.attempt(server, &part.request, self.deadline);
            effort.tried(&self.servers.pools[server], Some(error), attempt)
        };
        let failed = |(part, (_, result)): (&Part<'_>, &(usize, Result<Answer>))| {
            result.as_ref().is_err_and(|error| is_again(part, error))
        };
        if !parts.iter().zip(&received).any(failed) {
            return received.into_iter().map(|(_, result)| result).collect();
        }
        // Another call may wait for one of these connections and hold the one that is now needed once more.
        let received: Vec<(usize, Result<Answer>)> =
            received.into_iter().map(|(server, result)| (server, result.map(Answer::apart))).collect();
        let again = |(part, (server, result))| match result {
            Err(error) if is_again(part, &error) => again(part, server, error).map(Answer::apart),
            result => result,
        };
        parts.iter().zip(received).map(again).collect()
    }
}
