//! Ctrl-C while something is under way: it ends the wait and not the program.

use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long something that was told to end may take for it. Then it is left to itself.
const GRACE: Duration = Duration::from_secs(1);

/// What ends that which is under way.
pub type End = Box<dyn FnOnce() + Send>;

/// Ctrl-C, as the whole program hears it. Clones are one.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    pressed: Condvar,
}

#[derive(Default)]
struct State {
    is_busy: bool,
    is_pressed: bool,
    /// It is called once.
    end: Option<End>,
}

impl Interrupt {
    /// Hears Ctrl-C from now on; it does not end the program any more.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        #[cfg(unix)]
        {
            let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT])?;
            let heard = interrupt.clone();
            std::thread::spawn(move || {
                for _ in signals.forever() {
                    if heard.press() {
                        // What comes next begins on a line of its own, behind the ^C that the terminal shows.
                        eprintln!();
                    }
                }
            });
        }
        Ok(interrupt)
    }

    /// Whether there is something to end.
    fn press(&self) -> bool {
        let mut state = self.state();
        if !state.is_busy {
            return false;
        }
        state.is_pressed = true;
        let end = state.end.take();
        drop(state);
        self.0.pressed.notify_all();
        if let Some(end) = end {
            end();
        }
        true
    }

    /// Something begins. What was pressed before does not count for it.
    pub fn begin(&self) {
        *self.state() = State { is_busy: true, ..State::default() };
    }

    /// It is over, and until the next begins nothing can be ended.
    pub fn finish(&self) {
        *self.state() = State::default();
    }

    /// Whether it was pressed.
    pub fn is_pressed(&self) -> bool {
        self.state().is_pressed
    }

    /// Waits for some time, or until it is pressed.
    pub fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.is_pressed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.pressed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Calls `end` when it is pressed, at once if it is already, and no longer than until [`finish`](Self::finish).
    pub fn ends_by(&self, end: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.is_pressed {
            drop(state);
            return end();
        }
        state.end = Some(Box::new(end));
    }

    /// Works in another thread. When it is pressed, `end` is called, where there is something that ends the work; `None`
    /// when the work goes on all the same. Then it is left to itself, and what it gives is lost.
    pub fn run<T: Send + 'static>(&self, end: Option<End>, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = channel();
        let pressed = done.clone();
        let grace = if end.is_some() { GRACE } else { Duration::ZERO };
        self.ends_by(move || {
            if let Some(end) = end {
                end();
            }
            // Nobody waits any more when the work has just ended.
            let _ = pressed.send(None);
        });
        std::thread::spawn(move || {
            let _ = done.send(Some(work()));
        });
        let result = match result.recv() {
            Ok(Some(result)) => Some(result),
            _ => result.recv_timeout(grace).ok().flatten(),
        };
        self.state().end = None;
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_by_itself_gives_its_result() {
        let interrupt = Interrupt::default();
        interrupt.begin();
        assert_eq!(interrupt.run(Some(Box::new(|| panic!("nobody pressed it"))), || 7), Some(7));
        assert!(interrupt.press() && interrupt.is_pressed());
        interrupt.finish();
        assert!(!interrupt.press() && !interrupt.is_pressed());
    }

    #[test]
    fn work_is_told_to_end_and_left_to_itself_when_it_does_not() {
        let interrupt = Interrupt::default();
        interrupt.begin();
        let (tell, told) = channel();
        let presser = interrupt.clone();
        let work = move || {
            presser.press();
            told.recv().expect("it is told")
        };
        assert_eq!(interrupt.run(Some(Box::new(move || tell.send("ended").unwrap())), work), Some("ended"));
        interrupt.begin();
        let (_never, nothing) = channel::<()>();
        let presser = interrupt.clone();
        let work = move || {
            presser.press();
            nothing.recv()
        };
        assert!(interrupt.run(None, work).is_none());
        // It stays pressed, so what is begun now is told at once, and a sleep is none.
        let begun = Instant::now();
        interrupt.sleep(Duration::from_secs(60));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
