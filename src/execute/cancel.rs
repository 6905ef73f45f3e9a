//! Ending waits from another thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ends waits for data from another thread: those of a cluster that was made by
/// [`Cluster::cancelled_by`](crate::Cluster::cancelled_by).
///
/// It is cheap to clone, and clones are one: give one to whoever shuts down. What was cancelled stays so; later waits
/// are refused before anything is sent, until they are given another `Cancel`.
///
/// ```
/// use rediscluster::Cancel;
///
/// let cancel = Cancel::new();
/// let other = cancel.clone();
/// assert!(!cancel.is_cancelled());
/// other.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    /// What is called when it is cancelled, by number.
    listeners: Vec<(u64, Box<dyn Fn() + Send>)>,
    /// The number of the next listener.
    next: u64,
}

/// A listener of a `Cancel`: it is called until this is dropped.
pub(crate) struct Listening {
    cancel: Cancel,
    number: u64,
}

impl Cancel {
    /// Nothing is cancelled yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the waits that are under way, and refuses those that come. It does not wait for them to end.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        state.listeners.iter().for_each(|(_, tell)| tell());
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Calls `tell` once it is cancelled, at once if it is already. `tell` must be quick and must not come back here.
    pub(crate) fn listen(&self, tell: impl Fn() + Send + 'static) -> Listening {
        let mut state = self.state();
        if state.cancelled {
            tell();
        }
        let number = state.next;
        state.next += 1;
        state.listeners.push((number, Box::new(tell)));
        Listening { cancel: self.clone(), number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.cancel.state().listeners.retain(|(number, _)| *number != self.number);
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn who_listens_is_told_and_nobody_else() {
        let (cancel, calls) = (Cancel::new(), Arc::new(AtomicUsize::new(0)));
        let tell = |worth: usize| {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(worth, Ordering::SeqCst);
            }
        };
        let _stays = cancel.listen(tell(1));
        drop(cancel.listen(tell(10)));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        cancel.clone().cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        drop(cancel.listen(tell(100)));
        assert_eq!((calls.load(Ordering::SeqCst), cancel.state().listeners.len()), (101, 1));
    }
}
