//! Requests to several servers at the same time.

use super::exchange::answer;
use super::{no_meaning, one_of_several, Answer, Call, Context, Servers, SLICE};
use crate::error::{Error, Outcome, Result};
use crate::net::{Deadline, Lease, Turn};
use crate::order::{sort_by_key, sort_by_place};
use crate::plan::{Part, Planner};
use crate::retry::{elsewhere, Attempts, Cause, Next};
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

/// What came, without the connections that it came over.
pub(super) fn without_connections(results: Vec<Result<Answer>>) -> Vec<Result<Answer>> {
    let mut all = Vec::with_capacity(results.len());
    for result in results {
        all.push(result.map(Answer::without_connection));
    }
    all
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
        let mut chosen: Vec<(usize, bool)> = Vec::with_capacity(parts.len());
        for part in parts {
            let mut candidates = self.candidates(part.target);
            if let Some(server) = candidates.next() {
                chosen.push((server, candidates.has_more()));
            }
        }
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        let mut order: Vec<usize> = (0..parts.len()).collect();
        sort_by_key(&mut order, |&at| chosen[at].0);
        let mut leases: Vec<Leased> = Vec::with_capacity(parts.len());
        for &at in &order {
            let ((server, others), began) = (chosen[at], Instant::now());
            let deadline = self.part_of_the_time(others);
            let is_apart = !all_or_none && parts.len() > 1;
            let until = if is_apart { one_of_several(deadline) } else { deadline };
            let lend = |until| self.lend_in_turn(server, until, Turn::Its, self.bears_dead_ones());
            let lease = match parts[at].target.is_routed() {
                true => self.lend_in_step_by(server, until, others, &lend),
                false => lend(until),
            };
            match lease.and_then(|lease| lease.ok_or_else(no_meaning)) {
                Err(error) if all_or_none => return Err((server, error)),
                lease => leases.push(Leased { server, deadline, began, lease, came: None }),
            }
        }
        // Back in the order of the parts.
        sort_by_place(&mut leases, order);
        Ok(leases)
    }

    /// Writes every part to its connection, then reads every reply.
    fn exchanged(&self, parts: &[Part<'_>], leases: Vec<Leased>) -> Vec<Result<Answer>> {
        let mut sent = leases;
        let mut refused = None;
        for (part, sent) in parts.iter().zip(&mut sent) {
            let deadline = sent.deadline;
            let takes = |lease: &mut Lease| lease.refuse_too_many_words(&part.request, deadline);
            if let Err(error) = sent.lease.as_mut().map_or(Ok(()), takes) {
                refused = Some(error.clone());
                sent.lease = Err(error);
            }
        }
        for (part, sent) in parts.iter().zip(&mut sent) {
            let deadline = sent.deadline;
            let send = |lease: &mut Lease| match &refused {
                // What one server would not take at all changes nothing on the others.
                Some(error) if !self.reads() => Err(error.clone()),
                _ => lease.send(&part.request, 1, deadline),
            };
            if let Err(error) = sent.lease.as_mut().map_or(Ok(()), send) {
                sent.lease = Err(error);
            }
        }
        receive(&mut sent);
        let (mut servers, mut results) = (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
        for (part, sent) in parts.iter().zip(sent) {
            servers.push(sent.server);
            results.push(self.answered(part, sent));
        }
        let effort = self.effort(self.deadline);
        // Past the deadline a second try could only hide why the first one failed.
        let in_time = self.deadline.left().is_ok();
        let mut is_again = Vec::with_capacity(parts.len());
        for (part, result) in parts.iter().zip(&results) {
            is_again.push(match result {
                Err(error) if self.reads() && self.has_others(part.target) => {
                    in_time && elsewhere(error, true, self.retries) == Next::OtherServer
                }
                Err(error) => in_time && Cause::of(error, effort.repeatable).is_some(),
                Ok(_) => false,
            });
        }
        if !is_again.contains(&true) {
            return results;
        }
        // Another call may wait for one of these connections and hold the one that is now needed once more.
        let mut in_the_end = Vec::with_capacity(parts.len());
        for (nth, result) in without_connections(results).into_iter().enumerate() {
            in_the_end.push(match result {
                Err(error) if is_again[nth] => {
                    self.again(&parts[nth], servers[nth], error).map(Answer::without_connection)
                }
                result => result,
            });
        }
        in_the_end
    }

    /// What came of one part, which the health of its server learns of.
    fn answered(&self, part: &Part<'_>, sent: Leased) -> Result<Answer> {
        let Leased { server, began, lease, came, .. } = sent;
        let came = came.unwrap_or_else(|| Err(Error::reply("no reply came")));
        let mut answer = lease.and_then(|lease| answer(lease, came?));
        self.note_outcome_of(&mut answer);
        // A connection that died in the pool says nothing yet about its server.
        let is_stale = |error: &Error| Cause::of(error, true) == Some(Cause::Stale);
        if part.target.is_read() && !answer.as_ref().is_err_and(is_stale) {
            self.note(server, began, answer.as_ref().err());
        }
        answer
    }

    /// Sends a part once more, which failed the first time.
    fn again(&self, part: &Part<'_>, server: usize, error: Error) -> Result<Answer> {
        if self.has_others(part.target) {
            return self.one(part.target, &part.request).map_err(|last| last.attempts_after(error.attempts()));
        }
        let routed = part.target.is_routed().then_some(false);
        self.exchange_after(Some(error), server, &part.request, self.deadline, routed)
    }

    /// What came of each part, after those that a node refused because it has another master were sent to that one.
    ///
    /// Where no part was applied this is left to the caller, who runs the whole command again.
    pub(super) fn after_failover(&self, parts: &[Part<'_>], results: Vec<Result<Answer>>) -> Vec<Result<Answer>> {
        let is_refused =
            |result: &&Result<Answer>| result.as_ref().is_err_and(|error| error.outcome() == Outcome::NotApplied);
        let refused = results.iter().filter(is_refused).count();
        let (Some(to_new_master), false) =
            (self.to_new_master, self.reads() || refused == 0 || refused == results.len())
        else {
            return results;
        };
        // As above: nothing is held while a connection is waited for.
        let mut in_the_end = Vec::with_capacity(parts.len());
        for (part, result) in parts.iter().zip(without_connections(results)) {
            in_the_end.push(match result {
                // What is for one very server is not for another one.
                Err(error) if error.outcome() == Outcome::NotApplied && part.target.is_routed() => {
                    let error = error.with_command(self.spec.name_of(self.args));
                    match to_new_master.moved(self.servers, &error, self.deadline) {
                        Some(servers) => self
                            .on(&servers)
                            .one(part.target, &part.request)
                            .map(Answer::without_connection)
                            .map_err(|again| again.attempts_after(error.attempts())),
                        None => Err(error),
                    }
                }
                result => result,
            });
        }
        in_the_end
    }

    /// The same command on other servers. It goes to no further master after these.
    pub(crate) fn on<'s>(&'s self, servers: &'s Servers) -> Call<'s> {
        let planner = Planner { topology: &servers.topology, ..self.planner };
        Call { context: Context { servers, planner, to_new_master: None, ..self.context }, ..*self }
    }
}
