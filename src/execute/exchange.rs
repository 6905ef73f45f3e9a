//! One request to one server, and its reply.

use super::gather::Together;
use super::{no_meaning, Answer, Call, Command, Effort};
use crate::error::{Error, Result};
use crate::net::{Deadline, Lease, Taker, Turn};
use crate::observer::CloseReason;
use crate::plan::command;
use crate::resp::ValueRef;
use crate::retry::Attempts;
use crate::topology::info::Info;
use std::ops::Range;

/// What was tried so far for a request.
struct Tried {
    /// The whole of a script that its server did not know by its name.
    whole: Option<Vec<u8>>,
    attempts: Option<Attempts>,
}

impl Call<'_> {
    /// One request to one server.
    pub(crate) fn exchange(&self, server: usize, request: &[u8]) -> Result<Answer> {
        self.exchange_until(server, request, self.deadline, None, false)
    }

    /// The same; what is `routed` to a replica goes to one that is in step, if any other server can serve. With
    /// `has_just_begun` nothing was done since the deadline began.
    #[inline]
    pub(super) fn exchange_until(
        &self,
        server: usize,
        request: &[u8],
        deadline: Deadline,
        routed: Option<bool>,
        has_just_begun: bool,
    ) -> Result<Answer> {
        self.budget.earn();
        let mut answer = self.attempt(server, request, deadline, routed, has_just_begun);
        if answer.is_err() {
            self.try_again(&mut answer, server, request, deadline, routed);
        }
        answer
    }

    /// What more attempts give after a first one that has failed, as long as they fail and another one is worth it.
    #[cold]
    #[inline(never)]
    pub(super) fn try_again(
        &self,
        answer: &mut Result<Answer>,
        server: usize,
        request: &[u8],
        deadline: Deadline,
        routed: Option<bool>,
    ) {
        let mut tried = Tried { whole: None, attempts: None };
        while let Err(failed) = answer {
            if !self.is_tried_again(&mut tried, failed, server, deadline, routed) {
                return;
            }
            *answer = self.attempt(server, tried.whole.as_deref().unwrap_or(request), deadline, routed, false);
        }
    }

    /// Whether another attempt follows a failure. For a script that the server does not know, that is the whole of it.
    fn is_tried_again(
        &self,
        tried: &mut Tried,
        failed: &mut Error,
        server: usize,
        deadline: Deadline,
        routed: Option<bool>,
    ) -> bool {
        let effort = Effort { has_others: routed == Some(true), ..self.effort(deadline) };
        let attempts = tried.attempts.get_or_insert_with(|| Attempts::first(self.retries()));
        if effort.again(attempts, failed, &self.servers.pools[server]) {
            return true;
        }
        failed.set_attempts(attempts.made());
        match self.whole_script.filter(|_| tried.whole.is_none()).and_then(|whole| whole.after(failed)) {
            // The same server: it knows the script from then on.
            Some(Ok(whole)) => {
                *tried = Tried { whole: Some(whole), attempts: None };
                self.budget.earn();
                true
            }
            Some(Err(error)) => {
                *failed = error;
                false
            }
            None => false,
        }
    }

    /// What may be done for a request until then.
    pub(super) fn effort(&self, deadline: Deadline) -> Effort<'_> {
        let repeatable = self.reads() || (self.retries().repeat_unknown() && !self.is_step);
        let command = Command::Of(self.spec, self.args);
        Effort { retries: self.retries(), budget: self.budget, deadline, repeatable, has_others: false, command }
    }

    /// Tries what takes several requests to one server, or none.
    pub(crate) fn tried<T>(&self, server: usize, attempt: impl FnMut() -> Result<T>) -> Result<T> {
        self.effort(self.deadline).tried(&self.servers.pools[server], attempt)
    }

    /// The same until then; where `others` can be asked, only a connection that had died in the pool is replaced.
    #[inline]
    pub(crate) fn tried_until<T>(
        &self,
        server: usize,
        deadline: Deadline,
        others: bool,
        attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let effort = Effort { has_others: others, ..self.effort(deadline) };
        effort.tried(&self.servers.pools[server], attempt)
    }

    /// One request to one server, and what tells the process that answered from every other: its `run_id`, empty when it
    /// does not say. Both come over one connection, so they are of one process.
    pub(crate) fn run_identified(&self, server: usize, request: &[u8]) -> Result<(String, Answer)> {
        let requests = [&command([&b"INFO"[..], b"server"]), request].concat();
        let attempt = || {
            let mut lease = self.lend_until(server, self.deadline)?;
            lease.send(&requests, 2, self.deadline)?;
            let process = match lease.receive(self.deadline)?.value() {
                ValueRef::Error(text) => Err(Error::server(text)),
                said => Ok(process_of(said.as_bytes().unwrap_or_default())),
            };
            let node = lease.node().to_string();
            // The second reply is read in any case: the connection goes on.
            let answer = finish(lease, self.deadline)?;
            Ok((process.map_err(|error| error.with_command("INFO").with_node(|| node))?, answer))
        };
        let mut said = self.tried(server, attempt);
        self.finish(&mut said);
        said
    }

    #[inline(never)]
    fn attempt(
        &self,
        server: usize,
        request: &[u8],
        deadline: Deadline,
        routed: Option<bool>,
        has_just_begun: bool,
    ) -> Result<Answer> {
        let taker = Taker { turn: Turn::Never, bears_dead_ones: self.bears_dead_ones(), has_just_begun };
        let lent = match routed {
            // As nearly every call is: without a step between.
            None => self.lend_in_turn(server, deadline, &taker),
            Some(_) => self.lend_routed(server, &deadline, routed, &taker),
        };
        let lease = match lent? {
            Some(lease) => lease,
            None => match self.attempt_with_others(server, request, deadline, routed)? {
                Together::Answer(answer) => return Ok(answer),
                Together::Alone(lease) => lease,
            },
        };
        self.attempt_over(lease, request, deadline)
    }

    /// A connection to this server; for what is `routed` there, to one that is in step.
    #[inline(never)]
    pub(super) fn lend_routed(
        &self,
        server: usize,
        deadline: &Deadline,
        routed: Option<bool>,
        taker: &Taker<'_>,
    ) -> Result<Option<Lease>> {
        let lend = |until| self.lend_in_turn(server, until, taker);
        match routed {
            Some(others) => self.lend_in_step_by(server, *deadline, others, &lend),
            None => lend(*deadline),
        }
    }

    #[inline]
    fn attempt_over(&self, mut lease: Lease, request: &[u8], deadline: Deadline) -> Result<Answer> {
        lease.refuse_too_many_words(request, deadline)?;
        let range = match self.whole_script {
            Some(whole) => whole.exchange(self, &mut lease, deadline)?,
            None => None,
        };
        let range = match range {
            Some(range) => range,
            None => lease.exchange_at_once(request, deadline)?,
        };
        if lease.frame(range.clone()).error().is_none() {
            return Ok(Answer::Held(lease, range));
        }
        let mut refused = refused(lease, range);
        self.note_outcome_of_script(&mut refused);
        Err(refused)
    }

    /// A connection to this server, in the database of the command.
    pub(crate) fn lend_until(&self, server: usize, deadline: Deadline) -> Result<Lease> {
        self.lend_routed(server, &deadline, None, &Taker::of(Turn::Its))?.ok_or_else(no_meaning)
    }

    /// The same for what routing sends there: see [`Context::lend_in_step_by`].
    pub(crate) fn lend_in_step(&self, server: usize, deadline: Deadline, others: bool) -> Result<Lease> {
        self.lend_routed(server, &deadline, Some(others), &Taker::of(Turn::Its))?.ok_or_else(no_meaning)
    }

    /// Whether it may be given a connection that may have died in the pool: a read finds that out by itself and is sent once
    /// more over another one, at once and at no cost.
    #[inline]
    pub(super) fn bears_dead_ones(&self) -> bool {
        self.reads() && self.retries().are_allowed()
    }

    /// As [`lend_until`](Call::lend_until); `None` when all connections are in use and it does not wait for its turn.
    #[inline(always)]
    pub(super) fn lend_in_turn(&self, server: usize, deadline: Deadline, taker: &Taker<'_>) -> Result<Option<Lease>> {
        match self.traffic.is_some() || self.code.lend.is_some() {
            true => self.lend_counted(server, deadline, taker),
            false => self.servers.pools[server].lend_in_turn(self.view.database, deadline, taker),
        }
    }

    #[cold]
    #[inline(never)]
    fn lend_counted(&self, server: usize, deadline: Deadline, taker: &Taker<'_>) -> Result<Option<Lease>> {
        let pool = &self.servers.pools[server];
        if let Some(traffic) = self.traffic {
            traffic.visit(self.topology().node(server));
        }
        let mut lease = match self.code.lend {
            Some(lend) => Some(lend(pool, deadline)?),
            None => pool.lend_in_turn(self.view.database, deadline, taker)?,
        };
        if let (Some(traffic), Some(lease)) = (self.traffic, &mut lease) {
            lease.count_for(traffic);
        }
        Ok(lease)
    }
}

/// The `run_id` in the text of `INFO`.
fn process_of(info: &[u8]) -> String {
    let run_id = Info::parse(&String::from_utf8_lossy(info)).run_id.clone().unwrap_or_default();
    match run_id.len() <= 64 && run_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => run_id,
        false => String::new(),
    }
}

/// Waits for the one reply that a connection owes.
fn finish(mut lease: Lease, deadline: Deadline) -> Result<Answer> {
    let range = lease.receive_range(deadline)?;
    answer(lease, range)
}

/// The reply that came.
#[inline]
pub(super) fn answer(lease: Lease, range: Range<usize>) -> Result<Answer> {
    match lease.frame(range.clone()).error() {
        Some(_) => Err(refused(lease, range)),
        None => Ok(Answer::Held(lease, range)),
    }
}

/// The error that came as a reply.
#[cold]
#[inline(never)]
fn refused(lease: Lease, range: Range<usize>) -> Error {
    let error = Error::server(lease.frame(range).error().unwrap_or_default()).at(lease.node());
    if error.is_full_house() {
        lease.discard(CloseReason::Failed(error.kind()));
    }
    error
}
