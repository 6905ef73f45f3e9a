//! Runs commands: chooses servers, sends, receives, tries again where that is safe.

mod answer;
mod attempts;
mod cancel;
mod choose_server;
mod exchange;
pub(crate) mod fan_out;
mod gather;
mod in_step;
pub(crate) mod multi_exec;
mod of_scripts;
mod one_key;
mod own_writes;
mod pieces;
mod row;
#[cfg(test)]
pub(crate) mod scripted_servers;
mod view;

pub(crate) use answer::{Answer, Content};
pub(crate) use attempts::{Command, Effort};
pub use cancel::Cancel;
pub(crate) use of_scripts::{Whole, WholeScript};
pub(crate) use own_writes::OwnWrites;
pub use row::Row;
pub(crate) use row::{no_meaning, routed, RowRef, Strategy};
pub(crate) use view::View;

use crate::command::{Access, Args, Given, Spec, Wait};
use crate::error::{Error, ErrorKind, Outcome, PartOutcome, Result};
use crate::from_value::FromValue;
use crate::net::{Deadline, Pool};
use crate::observer::Traffic;
use crate::plan::{Part, Planner, Route, Target};
use crate::retry::{elsewhere, Budget, Next, Retries};
use crate::topology::{Marks, Role, Topology};
use std::ops::Deref;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one server is waited for while there is something to be done for another one.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// The most requests that are sent over a connection before their replies are read: a server that answers while nobody
/// reads must not keep both sides waiting for room in a socket.
pub(crate) const WINDOW: usize = 1000;

/// The servers of a cluster at one moment, and the connections to them.
pub(crate) struct Servers {
    pub(crate) topology: Arc<Topology>,
    /// In the order of [`Topology::servers`].
    pub(crate) pools: Vec<Arc<Pool>>,
    /// How far replicas have to be: the same at every moment.
    pub(crate) marks: Arc<Marks>,
}

impl Servers {
    /// The pool of a server. A function by itself, because what panics says where that was.
    #[inline(never)]
    pub(crate) fn pool(&self, server: usize) -> &Arc<Pool> {
        &self.pools[server]
    }
}

/// One command on its way: what it is, and what it runs with.
#[derive(Clone, Copy)]
pub(crate) struct Call<'r> {
    pub(crate) args: &'r Args,
    pub(crate) spec: &'static Spec,
    pub(crate) code: &'static Strategy,
    /// For a script that is run by its name.
    pub(crate) whole_script: Option<&'r dyn WholeScript>,
    pub(crate) context: Context<'r>,
}

/// What a call runs with, whatever its command is: the servers, the time that it has, and what its view of the cluster says.
#[derive(Clone, Copy)]
pub(crate) struct Context<'r> {
    pub(crate) servers: &'r Servers,
    pub(crate) planner: Planner<'r>,
    pub(crate) deadline: Deadline,
    /// Nothing was done since that began, so the first request need not ask the clock what time it is.
    pub(crate) has_just_begun: bool,
    /// How long the command itself may wait for data.
    pub(crate) wait: Wait,
    /// How its handle runs commands.
    pub(crate) view: &'r View,
    /// It is a step of a command. Its caller does not know what that does, so it is not sent again when it may have been
    /// applied, whatever the retries say.
    pub(crate) is_step: bool,
    /// Whose turn it is among replicas.
    pub(crate) turn: &'r AtomicUsize,
    /// What all calls of the cluster may be tried again.
    pub(crate) budget: &'r Budget,
    /// Counts what goes over connections, where a program observes.
    pub(crate) traffic: Option<&'r Arc<dyn Traffic>>,
    /// Where a part goes that a server refused because it is no longer the master; `None` when it is not sent again.
    pub(crate) to_new_master: Option<&'r dyn ToNewMaster>,
}

impl<'r> Deref for Call<'r> {
    type Target = Context<'r>;

    fn deref(&self) -> &Context<'r> {
        &self.context
    }
}

/// How commands wait for data on one server in a way that another thread can end: what is routed there, and what is sent
/// there by the caller.
pub(crate) struct Cancellable {
    pub(crate) routed: fn(&Call<'_>, &Part<'_>) -> Result<Answer>,
    pub(crate) named: fn(&Call<'_>, usize) -> Result<Answer>,
}

/// What knows the new master of a node.
pub(crate) trait ToNewMaster: Sync {
    /// The servers of now, when a node of `servers` that failed so has another master among them.
    fn moved(&self, servers: &Servers, error: &Error, deadline: Deadline) -> Option<Arc<Servers>>;
}

impl<'r> Context<'r> {
    /// How often it is tried again, and which.
    #[inline]
    pub(crate) fn retries(&self) -> &'r Retries {
        &self.view.retries
    }

    /// How it waits, when it waits for data and another thread may end that.
    fn cancellable(&self) -> Option<&'static Cancellable> {
        let (_, cancellable) = self.view.cancel.as_ref()?;
        (self.wait != Wait::None).then_some(*cancellable)
    }

    /// Whether it waits for data and another thread may end that.
    pub(crate) fn can_be_cancelled(&self) -> bool {
        self.cancellable().is_some()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.can_be_cancelled() && self.view.cancel.as_ref().is_some_and(|(cancel, _)| cancel.is_cancelled())
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.servers.topology
    }

    /// What its handle has written to, when its reads are to see that.
    #[inline]
    pub(crate) fn own_writes(&self) -> Option<&OwnWrites> {
        self.view.own_writes.as_deref()
    }

    /// What the steps that follow a wait for data may take.
    pub(crate) fn patience(&self) -> Duration {
        self.view.deadline
    }
}

impl Call<'_> {
    /// Runs the command. An error reply is an error.
    #[inline]
    pub(crate) fn execute(&self) -> Result<Answer> {
        (self.code.execute)(self)
    }

    /// Routes the command and runs what was routed.
    fn execute_routed(&self) -> Result<Answer> {
        self.run_route(routed(self.spec, self.code, &self.planner, self.args)?)
    }

    /// Runs the command and makes something of the reply.
    #[inline(never)]
    pub(crate) fn execute_for(&self, take: &mut dyn FnMut(Content<'_>) -> Result<()>) -> Result<()> {
        let mut answer = self.execute();
        match &mut answer {
            Ok(answer) => match take(answer.content()) {
                Err(error) => Err(self.misfit(answer, error)),
                done => done,
            },
            Err(_) => answer.map(drop),
        }
    }

    /// Runs what was routed.
    #[inline]
    pub(crate) fn run_route(&self, route: Route<'_>) -> Result<Answer> {
        if let Some(own) = self.notes_writes() {
            own.note_route(self.topology(), &route);
        }
        let mut answer = match self.is_cancelled() {
            true => Err(cancelled()),
            false => (self.code.run)(self, route),
        };
        self.finish(&mut answer);
        answer
    }

    /// Runs what is for one server.
    #[inline]
    pub(crate) fn run_on_one(&self, route: Route<'_>) -> Result<Answer> {
        let Route::One(part) = &route else { return Err(no_meaning()) };
        match self.cancellable() {
            Some(cancellable) => (cancellable.routed)(self, part),
            None => self.one(part.target, &part.request),
        }
    }

    /// Runs what is for one server or for several at the same time.
    pub(crate) fn run_on_all(&self, route: Route<'_>) -> Result<Answer> {
        match route {
            Route::Fan(parts) => self.fan(&parts).map(Answer::Merged),
            route => self.run_on_one(route),
        }
    }

    /// The same, when one success is enough.
    pub(crate) fn run_on_first_that_succeeds(&self, route: Route<'_>) -> Result<Answer> {
        match route {
            Route::Fan(parts) => self.first_success(&parts),
            route => self.run_on_one(route),
        }
    }

    /// Runs the command as it is on this server, whatever its keys.
    pub(crate) fn run_on(&self, server: usize) -> Result<Answer> {
        if let Some(own) = self.notes_writes() {
            own.note(self.topology(), server);
        }
        let mut answer = match self.cancellable() {
            _ if self.is_cancelled() => Err(cancelled()),
            Some(cancellable) => (cancellable.named)(self, server),
            None => self.exchange(server, self.args.as_bytes()),
        };
        self.finish(&mut answer);
        answer
    }

    /// Runs the command as it is on each of these servers, all at once, whatever comes of the others.
    pub(crate) fn run_on_each(&self, servers: &[usize]) -> Vec<Result<Answer>> {
        if let Some(own) = self.notes_writes() {
            servers.iter().for_each(|&server| own.note(self.topology(), server));
        }
        let part = |&server: &usize| Part {
            target: Target::Server(server),
            request: self.args.as_bytes().into(),
            keys: Vec::new(),
        };
        let parts: Vec<Part<'_>> = servers.iter().map(part).collect();
        let mut results = self.fan_out_by_itself(&parts);
        results.iter_mut().for_each(|result| self.finish(result));
        results
    }

    /// What was asked for, made of the reply.
    pub(crate) fn convert<T: FromValue>(&self, mut answer: Answer) -> Result<T> {
        answer.content().convert().map_err(|error| self.misfit(&answer, error))
    }

    /// The error for a reply that does not become what was asked for.
    #[cold]
    fn misfit(&self, answer: &Answer, error: Error) -> Error {
        let mut error = error.with_command(self.spec.name_of(self.args));
        if let Some(scripts) = self.code.scripts {
            (scripts.misfit)(self, &mut error);
        }
        match answer.node() {
            Some(node) => error.with_node(|| node),
            None => error,
        }
    }

    /// An error becomes what the caller gets.
    #[inline]
    pub(super) fn finish<T>(&self, result: &mut Result<T>) {
        if let Err(error) = result {
            self.finish_error(error);
        }
    }

    #[cold]
    #[inline(never)]
    fn finish_error(&self, error: &mut Error) {
        error.name_command(self.spec.name_of(self.args));
        self.note_outcome_of_script(error);
        // A read changes nothing, whether its answer came or not.
        if error.outcome() == Outcome::Unknown && self.reads() {
            error.set_outcome(Outcome::NotApplied);
        }
    }

    /// Where it is noted what it writes to, when it writes and its handle's reads are to see that.
    #[inline]
    fn notes_writes(&self) -> Option<&OwnWrites> {
        self.own_writes().filter(|_| !self.reads())
    }

    /// Whether running it twice does no harm.
    fn reads(&self) -> bool {
        self.spec.access == Access::Read
    }

    /// One request to the first server of the target that can serve it.
    #[inline(never)]
    pub(crate) fn one(&self, target: Target, request: &[u8]) -> Result<Answer> {
        self.one_here(target, request, false)
    }

    /// The same, made where it is called.
    #[inline(always)]
    fn one_here(&self, target: Target, request: &[u8], has_just_begun: bool) -> Result<Answer> {
        match self.only_server(target) {
            Some(server) => self.exchange_until(server, request, self.deadline, None, has_just_begun),
            None => self.one_of_several(target, request),
        }
    }

    #[inline(never)]
    fn one_of_several(&self, target: Target, request: &[u8]) -> Result<Answer> {
        self.first_that_serves(target, &mut |server, deadline, others| {
            let routed = target.is_routed().then_some(others);
            self.exchange_until(server, request, deadline, routed, false)
        })
    }

    /// Asks the servers of a target one after the other until one can serve it. `ask` is given the server, its deadline and
    /// whether others that have not failed are left.
    pub(crate) fn first_that_serves<T>(
        &self,
        target: Target,
        ask: &mut dyn FnMut(usize, Deadline, bool) -> Result<T>,
    ) -> Result<T> {
        let mut candidates = self.candidates(target);
        let mut failed: Option<(usize, Error)> = None;
        let mut made = 0;
        while let Some(server) = candidates.next() {
            let began = Instant::now();
            // A replica that cannot serve costs no failed read as long as another server can.
            let others = candidates.has_more();
            let result = ask(server, self.part_of_the_time(others), others);
            if target.is_read() {
                self.note(server, began, result.as_ref().err());
            }
            let error = match result {
                Err(error) => error,
                answer => return answer,
            };
            made += error.attempts();
            if elsewhere(&error, target.is_read(), self.retries()) != Next::OtherServer {
                return Err(error.with_attempts(made));
            }
            candidates.failed(server);
            // What the master says tells most.
            if !failed.as_ref().is_some_and(|(known, _)| self.topology().role(*known) == Role::Master) {
                failed = Some((server, error));
            }
            if self.deadline.left().is_err() {
                break;
            }
        }
        let failed = failed.map(|(_, error)| error.with_attempts(made));
        Err(failed.unwrap_or_else(|| Error::config("a shard without servers")))
    }

    /// Requests to several servers at the same time; their replies become one.
    pub(crate) fn fan(&self, parts: &[Part<'_>]) -> Result<Vec<u8>> {
        self.merged(parts, self.after_failover(parts, self.fan_out(parts)?))
    }

    /// One reply of those to several parts, or an error that says how far each of them came.
    fn merged(&self, parts: &[Part<'_>], results: Vec<Result<Answer>>) -> Result<Vec<u8>> {
        let mut frames = Vec::with_capacity(parts.len());
        let mut keys = Vec::with_capacity(parts.len());
        for (part, result) in parts.iter().zip(&results) {
            let Ok(answer) = result else { return Err(self.summed_up(parts, results)) };
            frames.push(answer.frame());
            keys.push(part.keys.as_slice());
        }
        let node = |nth: usize| results[nth].as_ref().ok()?.node();
        let name = |nth: usize| self.name_of(&parts[nth]);
        let response = self.spec.response;
        (self.code.merge)(&Given { response, keys: &keys, replies: &frames, node: &node, name: &name })
    }

    /// The name of the node or server that a part goes to.
    fn name_of(&self, part: &Part<'_>) -> String {
        match part.target {
            Target::Shard(shard, _) => self.topology().shards()[shard].name().to_owned(),
            Target::Server(server) => self.topology().node(server).name().to_owned(),
        }
    }

    /// Requests to several servers at the same time: one reply, when any of them succeeds.
    fn first_success(&self, parts: &[Part<'_>]) -> Result<Answer> {
        let mut results = self.fan_out(parts)?;
        match results.iter().position(Result::is_ok) {
            Some(at) => results.swap_remove(at),
            None => Err(self.summed_up(parts, results)),
        }
    }

    /// Requests to several servers at the same time: every reply, or an error that says how far each part came.
    pub(crate) fn answers(&self, parts: &[Part<'_>]) -> Result<Vec<Answer>> {
        let results = self.after_failover(parts, self.fan_out(parts)?);
        match results.iter().all(Result::is_ok) {
            true => Ok(results.into_iter().flatten().collect()),
            false => Err(self.summed_up(parts, results)),
        }
    }

    /// One error for a command of which parts failed.
    pub(crate) fn summed_up(&self, parts: &[Part<'_>], results: Vec<Result<Answer>>) -> Error {
        let mut first = None;
        let (mut is_unknown, mut is_applied) = (false, false);
        let mut outcomes = Vec::with_capacity(parts.len());
        for (part, result) in parts.iter().zip(results) {
            let node = self.name_of(part);
            let keys = self.args.copied_at(&part.keys);
            let (outcome, error) = match result {
                Ok(_) => (Outcome::Applied, None),
                Err(error) => {
                    let told = (error.outcome(), Some(error.message().to_owned()));
                    match &first {
                        Some(known) if weight(known) >= weight(&error) => {}
                        _ => first = Some(error),
                    }
                    told
                }
            };
            is_unknown |= outcome == Outcome::Unknown;
            is_applied |= outcome != Outcome::NotApplied;
            outcomes.push(PartOutcome { node, keys, outcome, error });
        }
        let first = first.unwrap_or_else(|| Error::reply("a part failed without an error"));
        if self.reads() {
            return first;
        }
        first.with_outcome(Outcome::of_several(is_unknown, is_applied)).with_parts(outcomes)
    }
}

/// Which error of several says more: that nothing runs on a server where something was to be stopped says the least,
/// that what runs there cannot be stopped says the most.
fn weight(error: &Error) -> u8 {
    match error.code() {
        Some("NOTBUSY") => 0,
        Some("UNKILLABLE") => 2,
        _ => 1,
    }
}

/// The error for a wait that another thread has ended.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, Outcome::NotApplied, "another thread has ended the wait; nothing was taken")
}

/// The time that there is to get one connection of several: a server that says nothing must not use up what the others
/// need for what they are asked.
pub(crate) fn one_of_several(whole: Deadline) -> Deadline {
    match whole.left() {
        Ok(Some(left)) => whole.within(left / 2),
        _ => whole,
    }
}
