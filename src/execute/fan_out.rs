//! Requests to several servers at the same time.

use super::{answer, one_of_several, Answer, Call, Servers, SLICE};
use crate::error::{Error, Outcome, Result};
use crate::net::{Deadline, Lease};
use crate::order::sort_by_key;
use crate::plan::{Part, Planner};
use crate::retry::{Attempts, Cause};
use std::ops::Range;
use std::time::Instant;

/// A part on its way.
struct Leased {
    server: usize,
    deadline: Deadline,
    began: Instant,
    lease: Result<Lease>,
    /// Where its reply lies, or why none came.
    came: Option<Result<Range<usize>>>,
}

/// Waits for the reply of everyone who was asked. While several are to come, each is waited for a slice at a time: one that
/// says nothing must not use up the time of another one that has more to say than a socket holds.
fn receive(sent: &mut [Leased]) {
    let mut open = sent.iter().filter(|sent| sent.lease.is_ok()).count();
    while open > 0 {
        for Leased { deadline, lease, came, .. } in sent.iter_mut() {
            let (Ok(lease), None) = (lease, &came) else { continue };
            *came = match open {
                1 => Some(lease.receive_range(*deadline)),
                _ => lease.receive_within(SLICE, *deadline).transpose(),
            };
            open -= usize::from(came.is_some());
        }
    }
}

impl Call<'_> {
    /// Requests to several servers at the same time, and what came of each, whatever comes of the others.
    pub(super) fn fan_out_by_itself(&self, parts: &[Part<'_>]) -> Vec<Result<Answer>> {
        self.exchanged(parts, self.leases(parts, false).unwrap_or_default())
    }

    /// Requests to several servers at the same time, and what came of each.
    ///
    /// # Errors
    /// When a connection cannot be had: then nothing was sent to any of them.
    pub(crate) fn fan_out(&self, parts: &[Part<'_>]) -> Result<Vec<Result<Answer>>> {
        let all_or_none = !self.reads() && !self.spec.response.wants_one();
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

    /// A connection for each part. When one cannot be had, that is its result, or with `all_or_none` that of all.
    fn leases(&self, parts: &[Part<'_>], all_or_none: bool) -> std::result::Result<Vec<Leased>, (usize, Error)> {
        let choose = |part: &Part<'_>| {
            let mut candidates = self.candidates(part.target);
            candidates.next().map(|server| (server, candidates.has_more()))
        };
        let chosen: Vec<(usize, bool)> = parts.iter().filter_map(choose).collect();
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        let mut order: Vec<usize> = (0..parts.len()).collect();
        sort_by_key(&mut order, |&at| chosen[at].0);
        let mut leases: Vec<Option<Leased>> = parts.iter().map(|_| None).collect();
        for at in order {
            let ((server, others), began) = (chosen[at], Instant::now());
            let deadline = self.part_of_the_time(others);
            let is_apart = !all_or_none && parts.len() > 1;
            let until = if is_apart { one_of_several(deadline) } else { deadline };
            let lease = match parts[at].target.is_routed() {
                true => self.lend_in_step(server, until, others),
                false => self.lend_until(server, until),
            };
            match lease {
                Err(error) if all_or_none => return Err((server, error)),
                lease => leases[at] = Some(Leased { server, deadline, began, lease, came: None }),
            }
        }
        Ok(leases.into_iter().flatten().collect())
    }

    /// Writes every part to its connection, then reads every reply.
    fn exchanged(&self, parts: &[Part<'_>], leases: Vec<Leased>) -> Vec<Result<Answer>> {
        let mut sent = leases;
        for (part, sent) in parts.iter().zip(&mut sent) {
            let deadline = sent.deadline;
            let send = |lease: &mut Lease| {
                lease.refuse_too_many_words(&part.request, deadline)?;
                lease.send(&part.request, 1, deadline)
            };
            if let Err(error) = sent.lease.as_mut().map_or(Ok(()), send) {
                sent.lease = Err(error);
            }
        }
        receive(&mut sent);
        let answered = |(part, sent): (&Part<'_>, Leased)| {
            let Leased { server, began, lease, came, .. } = sent;
            let came = came.unwrap_or_else(|| Err(Error::reply("no reply came")));
            let answer = lease.and_then(|lease| answer(lease, came?)).map_err(|error| self.judged(error));
            // A connection that died in the pool says nothing yet about its server.
            let is_stale = |error: &Error| Cause::of(error, true) == Some(Cause::Stale);
            if part.target.is_read() && !answer.as_ref().is_err_and(is_stale) {
                self.note(server, began, &answer);
            }
            (server, answer)
        };
        let received: Vec<(usize, Result<Answer>)> = parts.iter().zip(sent).map(answered).collect();
        let effort = self.effort(self.deadline);
        // Past the deadline a second try could only hide why the first one failed.
        let in_time = self.deadline.left().is_ok();
        let is_again = |part: &Part<'_>, error: &Error| match self.reads() && self.has_others(part.target) {
            true => in_time && error.is_servers_fault(),
            false => in_time && Cause::of(error, effort.repeatable).is_some(),
        };
        let again = |part: &Part<'_>, server: usize, error: Error| {
            if self.has_others(part.target) {
                return self.one(part).map_err(|last| last.attempts_after(error.attempts()));
            }
            let routed = part.target.is_routed().then_some(false);
            let attempt = || self.attempt(server, &part.request, self.deadline, routed);
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

    /// What came of each part, after those that a node refused because it has another master were sent to that one.
    ///
    /// Where no part was applied this is left to the caller, who runs the whole command again.
    pub(super) fn followed(&self, parts: &[Part<'_>], results: Vec<Result<Answer>>) -> Vec<Result<Answer>> {
        let is_refused =
            |result: &Result<Answer>| result.as_ref().is_err_and(|error| error.outcome() == Outcome::NotApplied);
        let refused = results.iter().filter(|result| is_refused(result)).count();
        let (Some(follow), false) = (self.follow, self.reads() || refused == 0 || refused == results.len()) else {
            return results;
        };
        // As above: nothing is held while a connection is waited for.
        let apart = |result: Result<Answer>| result.map(Answer::apart);
        let results: Vec<Result<Answer>> = results.into_iter().map(apart).collect();
        let follow = |(part, result): (&Part<'_>, Result<Answer>)| match result {
            // What is for one very server is not for another one.
            Err(error) if error.outcome() == Outcome::NotApplied && part.target.is_routed() => {
                let error = error.with_command(self.spec.name_of(self.args));
                let Some(servers) = follow(&error, self.deadline) else { return Err(error) };
                let now = self.on(&servers);
                apart(now.one(part)).map_err(|again| again.attempts_after(error.attempts()))
            }
            result => result,
        };
        parts.iter().zip(results).map(follow).collect()
    }

    /// The same command on other servers, of which it follows no more.
    pub(crate) fn on<'s>(&'s self, servers: &'s Servers) -> Call<'s> {
        Call { servers, planner: Planner { topology: &servers.topology, ..self.planner }, follow: None, ..*self }
    }
}
