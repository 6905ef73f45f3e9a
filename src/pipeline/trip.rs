//! Some requests of a node on their way to one server, and what follows when that fails.

use super::lane::{Landed, Lane};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{Command, Effort, Run};
use crate::net::{Deadline, Lease};
use crate::retry::{Attempts, Cause};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Requests of a node that are to be sent.
pub(super) struct Load {
    pub(super) shard: usize,
    pub(super) lane: Lane,
    /// Which requests of the node these are.
    pub(super) numbers: Vec<usize>,
    /// How often they were sent elsewhere.
    pub(super) before: u32,
}

/// A load on its way to one server.
pub(super) struct Trip {
    pub(super) load: Load,
    pub(super) server: usize,
    /// The servers that may be asked when that one fails.
    others: Vec<usize>,
    /// Those at this server.
    attempts: Attempts,
    /// Whether nobody else can serve it any more.
    is_last: bool,
    began: Instant,
}

/// What follows a trip that failed.
pub(super) enum Next {
    /// Another one, after a pause.
    Trip(Trip, Duration),
    /// It is for the new master of the node, if there is one.
    Master(Load, Error),
    Nothing,
}

impl Load {
    /// Some of its requests.
    fn only(&self, numbers: &[usize], before: u32) -> Load {
        Load {
            shard: self.shard,
            lane: self.lane.only(numbers),
            numbers: numbers.iter().map(|&at| self.numbers[at]).collect(),
            before,
        }
    }
}

impl Trip {
    pub(super) fn first(run: &Run<'_>, load: Load) -> Trip {
        if let Some(own) = run.own_writes.filter(|_| load.lane.writes) {
            own.note(run.topology(), run.topology().shards()[load.shard].master());
        }
        let mut others = run.servers_of(load.shard, !load.lane.needs_master);
        let server = others.remove(0);
        run.budget.earn();
        let attempts = Attempts::first(run.retries);
        Trip { load, server, others, attempts, is_last: false, began: Instant::now() }
    }

    /// Which attempt this is for these requests.
    pub(super) fn attempt(&self) -> u32 {
        self.load.before + self.attempts.made()
    }

    /// A server that others can stand in for gets a part of the time, so that some is left when it says nothing.
    pub(super) fn deadline(&self, run: &Run<'_>) -> Deadline {
        run.part_of_the_time(self.has_others(run))
    }

    fn has_others(&self, run: &Run<'_>) -> bool {
        run.any_serves(&self.others)
    }

    /// Whether no other server can be asked.
    pub(super) fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    pub(super) fn lend(&self, run: &Run<'_>, deadline: Deadline) -> Result<Lease> {
        run.lend_in_step(self.server, deadline, self.has_others(run))
    }

    /// Leaves out what is for these shards and has these numbers there.
    pub(super) fn leave_out(&mut self, requests: &BTreeSet<(usize, usize)>) {
        let load = &self.load;
        let kept = |at: &usize| !requests.contains(&(load.shard, load.numbers[*at]));
        let kept: Vec<usize> = (0..load.numbers.len()).filter(kept).collect();
        if kept.len() < load.numbers.len() {
            self.load = load.only(&kept, load.before);
        }
    }

    /// Remembers whether the server could serve reads.
    pub(super) fn note(&self, run: &Run<'_>, came: &Landed) {
        if self.load.lane.needs_master {
            return;
        }
        // A connection that was found dead says nothing yet about its server.
        let is_dead = |error: &Error| matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol);
        let may_repeat = run.retries.are_allowed() && self.attempts.made() == 1;
        let failed =
            (0..self.load.lane.len()).find_map(|at| came.reply(at, true).err().filter(Error::is_servers_fault));
        match failed {
            Some(error) if is_dead(&error) && may_repeat && self.others.is_empty() => {}
            Some(error) => run.note::<()>(self.server, self.began, &Err(error)),
            None => run.note(self.server, self.began, &Ok(())),
        }
    }

    /// The pause before this server is asked once more, when it is. Nothing was applied.
    pub(super) fn pause(&mut self, run: &Run<'_>, error: &Error) -> Option<Duration> {
        let (retries, budget, deadline) = (run.retries, run.budget, run.deadline);
        let command = Command::Named("pipeline");
        // What must not be sent twice is not among the requests.
        let effort = Effort { retries, budget, deadline, repeatable: true, has_others: false, command };
        effort.pause(&mut self.attempts, error, &run.servers.pools[self.server])
    }

    /// What is to be done for what failed: another server can serve these reads, the same one may do it later, or another
    /// one is the master now.
    pub(super) fn next(mut self, run: &Run<'_>, came: &Landed) -> Next {
        if came.is_well() || run.deadline.left().is_err() {
            return Next::Nothing;
        }
        let lane = &self.load.lane;
        let is_failed = |at: &usize| match came.reply(*at, true) {
            Ok(_) => false,
            Err(error) => came.raw(*at).is_none() || error.is_servers_fault(),
        };
        let failed = || (0..lane.len()).filter(is_failed).collect::<Vec<usize>>();
        let elsewhere = |numbers: &[usize], server, others, is_last| {
            let attempts = Attempts::first(run.retries);
            let load = self.load.only(numbers, self.attempt());
            Next::Trip(Trip { load, server, others, attempts, is_last, began: Instant::now() }, Duration::ZERO)
        };
        if let (false, Some((&server, others))) = (lane.writes, self.others.split_first()) {
            let numbers = failed();
            return match numbers.is_empty() {
                true => Next::Nothing,
                false => elsewhere(&numbers, server, others.to_vec(), self.is_last),
            };
        }
        if let (false, false, Some(server)) = (lane.needs_master, self.is_last, run.stale_of(self.load.shard)) {
            // Old data is better than none.
            let numbers = failed();
            if !numbers.is_empty() {
                return elsewhere(&numbers, server, Vec::new(), true);
            }
        }
        if let Some((numbers, refusal)) = lane.refused(came, |error| Cause::of(error, true).is_some()) {
            // Only the failure itself tells whether the server was asked at all.
            let error = came.failure.as_ref().unwrap_or(&refusal);
            if let Some(pause) = self.pause(run, error) {
                let load = self.load.only(&numbers, self.load.before);
                return Next::Trip(Trip { load, others: Vec::new(), began: Instant::now(), ..self }, pause);
            }
        }
        match self.load.lane.refused(came, Error::may_come_of_a_failover) {
            Some((numbers, error)) => {
                let error = error.with_command("pipeline").with_attempts(self.attempt());
                Next::Master(self.load.only(&numbers, self.attempt()), error.with_outcome(Outcome::NotApplied))
            }
            None => Next::Nothing,
        }
    }
}
