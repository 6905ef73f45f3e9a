//! A run that nobody watches ends, whatever happens to one case.

use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// The longest that one case may take: many times what one takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Ends the process when a case hangs. The servers end with it.
pub struct Watchdog(Sender<String>);

impl Watchdog {
    pub fn start() -> Watchdog {
        let (sender, begins) = channel();
        thread::spawn(move || {
            let mut case = String::from("the start");
            loop {
                match begins.recv_timeout(PATIENCE) {
                    Ok(next) => case = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        eprintln!("bench: {case}: not done after {PATIENCE:?}");
                        std::process::exit(1);
                    }
                }
            }
        });
        Watchdog(sender)
    }

    /// Tells that a case begins, and that the one before has ended.
    pub fn begins(&self, case: &str) {
        self.0.send(case.to_owned()).expect("it runs as long as this does");
    }
}
