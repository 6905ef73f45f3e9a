//! Asking several servers at the same time.

use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// As many servers as are asked at the same time.
const AT_ONCE: usize = 32;

/// Asks all of them, and waits for every answer. Servers that say nothing take no time from the others.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [one] = items {
        return vec![ask(one)];
    }
    let (ask, next) = (&ask, &AtomicUsize::new(0));
    // One that says nothing holds up its thread; the other threads take what is left.
    let work = || -> Vec<(usize, R)> {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&nth| nth < items.len());
        std::iter::from_fn(|| take().map(|nth| (nth, ask(&items[nth])))).collect()
    };
    let mut answers: Vec<Option<R>> = items.iter().map(|_| None).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..items.len().min(AT_ONCE))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        // Where no thread can be had, this one does it all.
        let own = if threads.is_empty() { work() } else { Vec::new() };
        let done = threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        own.into_iter().chain(done).for_each(|(nth, answer)| answers[nth] = Some(answer));
    });
    answers.into_iter().flatten().collect()
}

/// Asks one server, and others beside it when it has not answered within `head_start`: then the time for which servers that
/// say nothing are waited for passes once.
pub(super) fn with_head_start<A: Send, B>(
    head_start: Duration,
    first: impl Fn() -> A + Sync,
    others: impl FnOnce() -> B,
) -> (A, Option<B>) {
    let (sender, answered) = mpsc::channel();
    thread::scope(|scope| {
        let ask = || {
            let answer = first();
            // Nobody may listen any more.
            let _ = sender.send(());
            answer
        };
        let Ok(thread) = thread::Builder::new().spawn_scoped(scope, ask) else { return (first(), None) };
        let is_late = answered.recv_timeout(head_start) == Err(RecvTimeoutError::Timeout);
        let others = is_late.then(others);
        (thread.join().unwrap_or_else(|panic| resume_unwind(panic)), others)
    })
}

/// How far the asking of one server is.
pub(super) enum Progress<R> {
    /// A thread has still to come to it.
    Waiting,
    /// It has been connected to since this moment.
    Begun(Instant),
    /// There has been a connection to it since this moment.
    Reached(Instant),
    Answered(R),
}

enum Event<R> {
    Begun(usize),
    Reached(usize),
    Answered(usize, thread::Result<R>),
}

/// Asks all of them, and waits only until the moment that `until` says, which is given how far each of them is; no longer
/// when it says none. What does not answer by then is left to its thread, which ends by itself at the end of its patience.
pub(super) fn ask_until<T: Send + Sync + 'static, R: Send + 'static>(
    items: Vec<T>,
    ask: impl Fn(&T, &dyn Fn()) -> R + Send + Sync + 'static,
    mut until: impl FnMut(&[Progress<R>]) -> Option<Instant>,
) -> Vec<Option<R>> {
    let mut progress: Vec<Progress<R>> = items.iter().map(|_| Progress::Waiting).collect();
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::new((items, ask, AtomicUsize::new(0), AtomicBool::new(false)));
    let count = progress.len().min(AT_ONCE);
    let started = (0..count).map_while(|_| {
        let (sender, shared) = (sender.clone(), Arc::clone(&shared));
        thread::Builder::new().spawn(move || work(&shared, &sender)).ok()
    });
    if started.count() == 0 && count > 0 {
        // Where no thread can be had, this one does it all.
        work(&shared, &sender);
    }
    drop(sender);
    while let Some(until) = until(&progress) {
        let left = until.saturating_duration_since(Instant::now());
        // What has come is heard also when the time is over.
        let event = if left.is_zero() { receiver.try_recv().map_err(over) } else { receiver.recv_timeout(left) };
        match event {
            Ok(Event::Begun(nth)) => progress[nth] = Progress::Begun(Instant::now()),
            Ok(Event::Reached(nth)) => progress[nth] = Progress::Reached(Instant::now()),
            Ok(Event::Answered(nth, answer)) => {
                progress[nth] = Progress::Answered(answer.unwrap_or_else(|panic| resume_unwind(panic)));
            }
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(_) => break,
        }
    }
    shared.3.store(true, Ordering::Relaxed);
    let answer = |one| match one {
        Progress::Answered(answer) => Some(answer),
        Progress::Waiting | Progress::Begun(_) | Progress::Reached(_) => None,
    };
    progress.into_iter().map(answer).collect()
}

/// Nothing lies there to be heard.
fn over(_: mpsc::TryRecvError) -> RecvTimeoutError {
    RecvTimeoutError::Timeout
}

/// Asks one after the other, until none is left or nobody waits any more.
fn work<T, R>(
    (items, ask, next, is_over): &(Vec<T>, impl Fn(&T, &dyn Fn()) -> R, AtomicUsize, AtomicBool),
    sender: &mpsc::Sender<Event<R>>,
) {
    while !is_over.load(Ordering::Relaxed) {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = items.get(nth) else { return };
        // Nobody may listen any more.
        drop(sender.send(Event::Begun(nth)));
        let reached = || drop(sender.send(Event::Reached(nth)));
        // A panic of what a program brings goes on where the answer is waited for.
        let answer = catch_unwind(AssertUnwindSafe(|| ask(item, &reached)));
        drop(sender.send(Event::Answered(nth, answer)));
    }
}
