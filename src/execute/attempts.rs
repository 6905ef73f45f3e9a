//! Attempts of one request at one server.

use crate::command::{Args, Spec};
use crate::error::{Error, Result};
use crate::net::{Deadline, Pool};
use crate::observer::ObserverEvent;
use crate::retry::{Allows, Attempts, Budget, Cause, Next, Retries};
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How much may be done for a request.
pub(crate) struct Effort<'e> {
    pub(crate) retries: &'e Retries,
    pub(crate) budget: &'e Budget,
    pub(crate) deadline: Deadline,
    /// To send it twice does no harm.
    pub(crate) repeatable: bool,
    /// Other servers can be asked: then only a connection that had died in the pool is replaced.
    pub(crate) has_others: bool,
    pub(crate) command: Command<'e>,
}

/// What is tried, for the observer.
#[derive(Clone, Copy)]
pub(crate) enum Command<'e> {
    Of(&'static Spec, &'e Args),
    Named(&'static str),
}

impl Effort<'_> {
    /// Attempts at the server of a pool, until one succeeds or none may follow.
    pub(crate) fn tried<T>(&self, pool: &Pool, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        self.budget.earn();
        let mut attempts = Attempts::first(self.retries);
        loop {
            match attempt() {
                Err(error) if !self.again(&mut attempts, &error, pool) => {
                    return Err(error.with_attempts(attempts.made()));
                }
                Err(_) => {}
                done => return done,
            }
        }
    }

    fn command(&self) -> Cow<'static, str> {
        match self.command {
            Command::Of(spec, args) => spec.name_of(args),
            Command::Named(name) => name.into(),
        }
    }

    /// Whether another attempt follows this failure; the pause before it is over then.
    pub(crate) fn again(&self, attempts: &mut Attempts, failed: &Error, pool: &Pool) -> bool {
        match self.pause(attempts, failed, pool) {
            Some(pause) if pause.is_zero() => true,
            Some(pause) => {
                std::thread::sleep(pause);
                true
            }
            None => false,
        }
    }

    /// The pause before the attempt that follows this failure, if one does.
    pub(crate) fn pause(&self, attempts: &mut Attempts, failed: &Error, pool: &Pool) -> Option<Duration> {
        let left = self.deadline.left().ok()?;
        let attempt = attempts.made();
        let several = failed.several();
        let spend = || match several {
            Some(several) => *several.is_paid.get_or_init(|| self.budget.spend()),
            None => self.budget.spend(),
        };
        let allows = Allows { repeating: self.repeatable, others: self.has_others };
        let Next::SameServer { pause, cause } = attempts.next(failed, allows, left, &spend) else { return None };
        if pool.observer().is_on() {
            let (node, command, error) = (&*pool.node(), &*self.command(), failed.kind());
            pool.observer().on(|| ObserverEvent::Retry { node, command, attempt, error, pause });
        }
        let is_first = several.map_or(true, |several| !several.has_closed.swap(true, Ordering::Relaxed));
        if cause != Cause::NotNow && is_first {
            // One was found dead, so the others are likely to be.
            pool.drop_idle();
        }
        Some(pause)
    }
}
