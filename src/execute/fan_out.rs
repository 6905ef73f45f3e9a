//! Requests to several servers at the same time.

use super::exchange::answer;
use super::{no_meaning, one_of_several, Answer, Call, Context, Servers, SLICE};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::net::{Deadline, Lease, Turn};
use crate::order::sort_by_place;
use crate::plan::{Part, Planner};
use crate::resp::Frame;
use crate::retry::{elsewhere, Attempts, Cause, Next};
use std::ops::Range;
use std::time::Instant;

/// A server that is asked.
pub(crate) struct Leased {
    pub(crate) server: usize,
    deadline: Deadline,
    pub(crate) began: Instant,
    /// Or why it says nothing, or no more.
    pub(crate) lease: Result<Lease>,
    /// Replies that are still to come.
    owed: usize,
    /// Where the last one that came lies.
    came: Range<usize>,
}

impl Leased {
    pub(crate) fn new(server: usize, began: Instant, lease: Result<Lease>, deadline: Deadline) -> Leased {
        Leased { server, deadline, began, lease, owed: 0, came: 0..0 }
    }

    /// Sends requests that get so many replies, if any.
    pub(crate) fn send(&mut self, requests: &[u8], replies: usize) {
        let (Ok(lease), 1..) = (&mut self.lease, replies) else { return };
        match lease.send(requests, replies, self.deadline) {
            Ok(()) => self.owed = replies,
            Err(error) => self.lease = Err(error),
        }
    }
}

/// Waits for the replies of everyone who was asked: `take` gets each, and which of them gave it. While several are to come,
/// each is waited for a slice at a time: one that says nothing must not use up the time of another one that has more to say
/// than a socket holds.
pub(crate) fn receive(asked: &mut [Leased], take: &mut dyn FnMut(usize, Frame<'_>)) {
    let mut open = asked.iter().filter(|asked| asked.owed > 0).count();
    while open > 0 {
        for (nth, Leased { deadline, lease, owed, came, .. }) in asked.iter_mut().enumerate() {
            while let (Ok(lent), 1..) = (&mut *lease, *owed) {
                let received = match open {
                    1 => lent.receive_range(*deadline).map(Some),
                    _ => lent.receive_within(SLICE, *deadline),
                };
                match received {
                    Ok(None) => break,
                    Ok(Some(range)) => {
                        take(nth, lent.frame(range.clone()));
                        (*owed, *came) = (*owed - 1, range);
                    }
                    Err(error) => (*owed, *lease) = (0, Err(error)),
                }
                open -= usize::from(*owed == 0);
            }
        }
    }
}

/// What came, without the connections that it came over.
pub(super) fn let_go(results: &mut [Result<Answer>]) {
    for answer in results.iter_mut().flatten() {
        answer.let_go();
    }
}

impl Call<'_> {
    /// Requests to several servers at the same time, and what came of each, whatever comes of the others.
    pub(super) fn fan_out_by_itself(&self, parts: &[Part<'_>]) -> Vec<Result<Answer>> {
        self.exchanged(parts, self.lend_each(parts))
    }

    /// A connection for each part, or why it cannot be had, whatever becomes of the others.
    pub(crate) fn lend_each(&self, parts: &[Part<'_>]) -> Vec<Leased> {
        self.leases(parts, false).unwrap_or_default()
    }

    /// Requests to several servers at the same time, and what came of each.
    ///
    /// # Errors
    /// When a connection cannot be had: then nothing was sent to any of them.
    pub(crate) fn fan_out(&self, parts: &[Part<'_>]) -> Result<Vec<Result<Answer>>> {
        let all_or_none = !self.reads() && !self.spec.response.wants_one();
        let effort = self.effort(self.deadline);
        let mut attempts = Attempts::first(self.retries());
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
        // They are as many as there are servers, for which to insert takes less code than to sort.
        let mut order: Vec<usize> = Vec::with_capacity(parts.len());
        for at in 0..chosen.len() {
            let mut place = order.len();
            while place > 0 && chosen[order[place - 1]].0 > chosen[at].0 {
                place -= 1;
            }
            order.insert(place, at);
        }
        let mut leases: Vec<Leased> = Vec::with_capacity(parts.len());
        for &at in &order {
            let ((server, others), began) = (chosen[at], Instant::now());
            let deadline = self.part_of_the_time(others);
            let is_apart = !all_or_none && parts.len() > 1;
            let until = if is_apart { one_of_several(deadline) } else { deadline };
            let routed = parts[at].target.is_routed().then_some(others);
            let lease = self.lend_routed(server, &until, routed, Turn::Its, self.bears_dead_ones());
            match lease.and_then(|lease| lease.ok_or_else(no_meaning)) {
                Err(error) if all_or_none => return Err((server, error)),
                lease => leases.push(Leased::new(server, began, lease, deadline)),
            }
        }
        // Back in the order of the parts.
        sort_by_place(&mut leases, order);
        Ok(leases)
    }

    /// Writes every part to its connection, then reads every reply.
    fn exchanged(&self, parts: &[Part<'_>], mut sent: Vec<Leased>) -> Vec<Result<Answer>> {
        let mut refused = None;
        for (part, sent) in parts.iter().zip(&mut sent) {
            let Ok(lease) = &mut sent.lease else { continue };
            if let Err(error) = lease.refuse_too_many_words(&part.request, sent.deadline) {
                // What one server would not take at all changes nothing on the others.
                refused = (!self.reads()).then(|| error.clone());
                sent.lease = Err(error);
            }
        }
        for (part, sent) in parts.iter().zip(&mut sent) {
            match &refused {
                Some(error) if sent.lease.is_ok() => sent.lease = Err(error.clone()),
                _ => sent.send(&part.request, 1),
            }
        }
        receive(&mut sent, &mut |_, _| {});
        // Past the deadline a second try could only hide why the first one failed.
        let in_time = self.deadline.left().is_ok();
        let repeatable = self.effort(self.deadline).repeatable;
        let mut results = Vec::with_capacity(sent.len());
        let mut failed = Vec::new();
        for (part, sent) in parts.iter().zip(sent) {
            let server = sent.server;
            let result = self.answered(part, sent);
            if let (Err(error), true) = (&result, in_time) {
                let is_again = match self.reads() && self.has_others(part.target) {
                    true => matches!(elsewhere(error, true, self.retries()), Next::OtherServer),
                    // It waited for a part of the time only, and has not been sent.
                    false if error.kind() == ErrorKind::PoolTimeout => refused.is_none(),
                    false => Cause::of(error, repeatable).is_some(),
                };
                if is_again {
                    failed.push((results.len(), part, server, error.clone()));
                }
            }
            results.push(result);
        }
        if !failed.is_empty() {
            // Another call may wait for one of these connections and hold the one that is now needed once more.
            let_go(&mut results);
        }
        for (nth, part, server, error) in failed {
            let mut result = self.again(part, server, error);
            let_go(std::slice::from_mut(&mut result));
            results[nth] = result;
        }
        results
    }

    /// What came of one part, which the health of its server learns of.
    fn answered(&self, part: &Part<'_>, sent: Leased) -> Result<Answer> {
        let Leased { server, began, lease, came, .. } = sent;
        let mut answer = lease.and_then(|lease| answer(lease, came));
        self.note_outcome_of(&mut answer);
        // A connection that died in the pool says nothing yet about its server.
        let is_stale = |error: &Error| Cause::of(error, true) == Some(Cause::Stale);
        if part.target.is_read() && !answer.as_ref().is_err_and(is_stale) {
            self.note(server, began, answer.as_ref().err());
        }
        answer
    }

    /// Sends a part once more, which failed the first time, or for the first time when it found no connection free.
    fn again(&self, part: &Part<'_>, server: usize, error: Error) -> Result<Answer> {
        if error.kind() == ErrorKind::PoolTimeout {
            return self.one(part.target, &part.request);
        }
        if self.has_others(part.target) {
            return self.one(part.target, &part.request).map_err(|last| last.attempts_after(error.attempts()));
        }
        let routed = part.target.is_routed().then_some(false);
        self.exchange_after(error, server, &part.request, self.deadline, routed)
    }

    /// What came of each part, after those that a node refused because it has another master were sent to that one.
    ///
    /// Where no part was applied this is left to the caller, who runs the whole command again.
    pub(super) fn after_failover(&self, parts: &[Part<'_>], mut results: Vec<Result<Answer>>) -> Vec<Result<Answer>> {
        let Some(to_new_master) = self.to_new_master.filter(|_| !self.reads()) else { return results };
        let mut refused = Vec::new();
        for (nth, result) in results.iter().enumerate() {
            if let Err(error) = result {
                if error.outcome() == Outcome::NotApplied {
                    refused.push((nth, error.clone()));
                }
            }
        }
        if refused.is_empty() || refused.len() == results.len() {
            return results;
        }
        // As above: nothing is held while a connection is waited for.
        let_go(&mut results);
        for (nth, error) in refused {
            let part = &parts[nth];
            // What is for one very server is not for another one.
            if !part.target.is_routed() {
                continue;
            }
            let error = error.with_command(self.spec.name_of(self.args));
            let mut result = match to_new_master.moved(self.servers, &error, self.deadline) {
                Some(servers) => self
                    .on(&servers)
                    .one(part.target, &part.request)
                    .map_err(|again| again.attempts_after(error.attempts())),
                None => Err(error),
            };
            let_go(std::slice::from_mut(&mut result));
            results[nth] = result;
        }
        results
    }

    /// The same command on other servers. It goes to no further master after these.
    pub(crate) fn on<'s>(&'s self, servers: &'s Servers) -> Call<'s> {
        let planner = Planner { topology: &servers.topology, ..self.planner };
        Call { context: Context { servers, planner, to_new_master: None, ..self.context }, ..*self }
    }
}
