//! Threads that call at the same time.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread;

/// Threads that share out calls among them. They end when this is dropped.
pub struct Crew {
    begin: Vec<Sender<()>>,
    done: Receiver<bool>,
    left: Arc<AtomicI64>,
    sum: Arc<AtomicU64>,
}

impl Crew {
    /// So many threads; `call` makes what each does, by its number.
    pub fn new<C: FnMut() -> u64 + Send + 'static>(threads: usize, mut call: impl FnMut(usize) -> C) -> Crew {
        let (tell, done) = channel();
        let (left, sum) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicU64::new(0)));
        let begin = (0..threads).map(|number| {
            let (begin, begins) = channel();
            let (mut call, tell, left, sum) = (call(number), tell.clone(), Arc::clone(&left), Arc::clone(&sum));
            thread::spawn(move || {
                for () in begins {
                    let share = || {
                        let mut own = 0;
                        while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                            own += call();
                        }
                        own
                    };
                    let own = catch_unwind(AssertUnwindSafe(share));
                    sum.fetch_add(*own.as_ref().unwrap_or(&0), Ordering::Relaxed);
                    let _ = tell.send(own.is_ok());
                }
            });
            begin
        });
        Crew { begin: begin.collect(), done, left, sum }
    }

    /// Does so many calls; the sum of what they gave.
    pub fn run(&mut self, calls: u64) -> u64 {
        self.left.store(i64::try_from(calls).expect("a number of calls"), Ordering::Relaxed);
        self.sum.store(0, Ordering::Relaxed);
        for begin in &self.begin {
            begin.send(()).expect("the thread waits");
        }
        for _ in &self.begin {
            assert!(self.done.recv().expect("threads run"), "a call failed: its thread has told of it");
        }
        self.sum.load(Ordering::Relaxed)
    }
}
