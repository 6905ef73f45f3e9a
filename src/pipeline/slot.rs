//! The places of replies that are still to come, and one error for all commands that failed.

use crate::error::{Error, ErrorKind, Outcome, Result};
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// The place of one reply among those of a pipeline or a transaction, and the Rust type that the reply becomes.
///
/// Each command that is queued gives one. Where the replies are, `get` takes it and gives the value. A slot of
/// another pipeline or transaction is an error there, never a wrong value.
pub struct Slot<T> {
    index: usize,
    owner: u64,
    reply: PhantomData<fn() -> T>,
}

/// Hands out the slots of one pipeline or transaction, one after the other.
#[derive(Debug)]
pub(crate) struct Slots {
    owner: u64,
    count: usize,
}

impl Slots {
    /// Those of a new owner.
    #[inline]
    pub(crate) fn new() -> Slots {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        Slots { owner: OWNERS.fetch_add(1, Ordering::Relaxed), count: 0 }
    }

    /// The slot of the next command.
    pub(crate) fn next<T>(&mut self) -> Slot<T> {
        let slot = Slot { index: self.count, owner: self.owner, reply: PhantomData };
        self.count += 1;
        slot
    }

    /// How many were handed out.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Which reply a slot stands for, counted from 0.
    ///
    /// # Errors
    /// [`Argument`](ErrorKind::Argument) for a slot that another owner handed out. Its outcome is `Unknown`: what
    /// became of the commands is not known from it, so nothing invites to run them once more.
    pub(crate) fn index_of<T>(&self, slot: &Slot<T>) -> Result<usize> {
        if slot.owner == self.owner && slot.index < self.count {
            return Ok(slot.index);
        }
        let message = "the slot belongs to another pipeline or transaction than these replies";
        Err(Error::new(ErrorKind::Argument, Outcome::Unknown, message))
    }
}

/// One error for all commands that failed of so many, which are those of `a_what`: what the first of them met, with the
/// outcome of all, for which those that only read do not count. `None` when none failed. `done` gives the error of a command,
/// or whether it only read.
#[inline]
pub(crate) fn first_failure(count: usize, a_what: &str, done: &dyn Fn(usize) -> Result<bool>) -> Option<Error> {
    let mut first: Option<(usize, Error)> = None;
    let (mut failed, mut is_unknown, mut is_applied) = (0, false, false);
    for index in 0..count {
        match done(index) {
            Ok(is_read) => is_applied |= !is_read,
            Err(error) => {
                failed += 1;
                is_unknown |= error.outcome() == Outcome::Unknown;
                is_applied |= error.outcome() != Outcome::NotApplied;
                first.get_or_insert((index, error));
            }
        }
    }
    let (index, error) = first?;
    let (how_many, of_them): (&dyn fmt::Display, _) = match failed {
        1 => (&"no other", ""),
        _ => (&failed, " of them"),
    };
    let note = format!("this is command {} of {count} in {a_what}, and {how_many}{of_them} failed", index + 1);
    Some(error.with_outcome(Outcome::of_several(is_unknown, is_applied)).with_note(&note))
}

impl<T> fmt::Debug for Slot<T> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.index).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_stands_for_one_reply_of_its_owner() {
        let (mut one, mut other) = (Slots::new(), Slots::new());
        let (first, second): (Slot<i64>, Slot<String>) = (one.next(), one.next());
        let foreign: Slot<i64> = other.next();
        assert_eq!((one.count(), other.count()), (2, 1));
        assert_eq!((one.index_of(&first).unwrap(), one.index_of(&second).unwrap()), (0, 1));
        assert_eq!(one.index_of(&foreign).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(other.index_of(&second).unwrap_err().kind(), ErrorKind::Argument);
    }

    #[test]
    fn one_error_tells_of_all() {
        use Outcome::{Applied, NotApplied, Partial, Unknown};
        let summary = |outcomes: &[Option<Outcome>]| {
            let done = |at: usize| match outcomes[at] {
                Some(outcome) => Err(Error::new(ErrorKind::Io, outcome, "no")),
                // Of three the last one only reads.
                None => Ok(at == 2),
            };
            let error = first_failure(outcomes.len(), "a pipeline", &done)?;
            Some((error.outcome(), error.message().to_owned()))
        };
        let message = |what: &str| format!("no; this is command {what}");
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[None, None]), None);
        let (one, both) = ("2 of 2 in a pipeline, and no other failed", "1 of 2 in a pipeline, and 2 of them failed");
        assert_eq!(summary(&[None, Some(NotApplied)]), Some((Partial, message(one))));
        assert_eq!(summary(&[None, Some(Unknown)]), Some((Unknown, message(one))));
        assert_eq!(summary(&[Some(NotApplied), Some(NotApplied)]), Some((NotApplied, message(both))));
        assert_eq!(summary(&[Some(NotApplied), Some(Applied)]), Some((Partial, message(both))));
        assert_eq!(summary(&[Some(NotApplied), Some(Unknown)]), Some((Unknown, message(both))));
        let two = "1 of 3 in a pipeline, and 2 of them failed";
        assert_eq!(summary(&[Some(NotApplied), Some(NotApplied), None]), Some((NotApplied, message(two))));
        assert_eq!(summary(&[Some(NotApplied), None, Some(NotApplied)]), Some((Partial, message(two))));
    }
}
