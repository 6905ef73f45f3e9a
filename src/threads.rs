//! Work for several servers at the same time, and work that nobody waits for. One copy of each for the whole library: what
//! starts a thread for a type of its own is some kilobytes each time.

use std::any::Any;
use std::io;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// As many servers as are asked at the same time.
const AT_ONCE: usize = 32;

/// What a thread panicked with.
type Panic = Box<dyn Any + Send>;

/// The lock of what is seldom locked: a function by itself, since all of it at each place is a hundred bytes.
#[inline(never)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits while `blocks` holds; `None` when it still does at that moment.
#[inline]
pub(crate) fn wait_while<'g, T>(
    woken: &Condvar,
    mut guard: MutexGuard<'g, T>,
    until: Option<Instant>,
    blocks: &dyn Fn(&T) -> bool,
) -> Option<MutexGuard<'g, T>> {
    while blocks(&guard) {
        guard = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => woken.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(left) if left.is_zero() => return None,
            Some(left) => woken.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0,
        };
    }
    Some(guard)
}

/// Starts a thread of this name, which ends by itself.
pub(crate) fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Does `work` for each number below `count`, and waits for all of it. Servers that say nothing take no time from the
/// others. A panic goes on here when the others are done.
pub(crate) fn all_at_once(count: usize, work: &(dyn Fn(usize) + Sync)) {
    if count == 1 {
        return work(0);
    }
    let (next, panicked) = (AtomicUsize::new(0), Mutex::new(None));
    let (next, panicked): (_, &Mutex<Option<Panic>>) = (&next, &panicked);
    // What says nothing holds up its thread; the other threads take what is left.
    let take = || loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= count {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(nth))) {
            lock(panicked).get_or_insert(panic);
        }
    };
    thread::scope(|scope| {
        for _ in 1..count.min(AT_ONCE) {
            // Where no thread can be had, this one does it all.
            // In a box, as any other thread's work is: so what starts threads is there once.
            let work: Box<dyn FnOnce() + Send> = Box::new(take);
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        take();
    });
    let panic = lock(panicked).take();
    if let Some(panic) = panic {
        resume_unwind(panic)
    }
}

/// How far the asking of one server is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A thread has still to come to it.
    Waiting,
    /// It has been connected to since this moment.
    Begun(Instant),
    /// There has been a connection to it since this moment.
    Reached(Instant),
    /// It has answered, or failed.
    Answered,
}

/// Asks the server of this number; what is given with it is called when there is a connection to that.
pub(crate) type Ask = dyn Fn(usize, &dyn Fn()) + Send + Sync;

struct Asked {
    ask: Box<Ask>,
    count: usize,
    next: AtomicUsize,
    is_over: AtomicBool,
    progress: Mutex<(Vec<Progress>, Option<Panic>)>,
    changed: Condvar,
}

/// Asks for each number below `count`, and waits only until the moment that `until` says, which is given how far each of
/// them is; no longer when it says none. What does not answer by then is left to its thread, which ends by itself at the end
/// of its patience.
pub(crate) fn ask_until(count: usize, ask: Box<Ask>, until: &mut dyn FnMut(&[Progress]) -> Option<Instant>) {
    let progress = Mutex::new((vec![Progress::Waiting; count], None));
    let (next, is_over, changed) = (AtomicUsize::new(0), AtomicBool::new(false), Condvar::new());
    let asked = Arc::new(Asked { ask, count, next, is_over, progress, changed });
    for nth in 0..count.min(AT_ONCE) {
        let of_thread = Arc::clone(&asked);
        if spawn("rediscluster-ask", Box::new(move || of_thread.work())).is_err() {
            if nth == 0 {
                // Where no thread can be had, this one does it all.
                asked.work();
            }
            break;
        }
    }
    let mut now = lock(&asked.progress);
    loop {
        if let Some(panic) = now.1.take() {
            drop(now);
            asked.is_over.store(true, Ordering::Relaxed);
            resume_unwind(panic);
        }
        let left = until(&now.0).map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        now = asked.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    asked.is_over.store(true, Ordering::Relaxed);
}

impl Asked {
    /// Asks one after the other, until none is left or nobody waits any more.
    fn work(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let nth = self.next.fetch_add(1, Ordering::Relaxed);
            if nth >= self.count {
                return;
            }
            self.note(nth, Progress::Begun(Instant::now()), None);
            let reached = || self.note(nth, Progress::Reached(Instant::now()), None);
            // A panic of what a program brings goes on where the answer is waited for.
            let panic = catch_unwind(AssertUnwindSafe(|| (self.ask)(nth, &reached))).err();
            self.note(nth, Progress::Answered, panic);
        }
    }

    fn note(&self, nth: usize, progress: Progress, panic: Option<Panic>) {
        let mut now = lock(&self.progress);
        now.0[nth] = progress;
        let earlier = now.1.take();
        now.1 = earlier.or(panic);
        drop(now);
        self.changed.notify_all();
    }
}
