//! Signals that end what takes long, and not the program.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level, SigId};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What a shell reports of a program that ends by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Notes, as long as it lives, whether somebody wants an end.
pub struct Interrupt {
    came: Arc<AtomicBool>,
    actions: Vec<SigId>,
}

/// Whether signals do what they do to any program: after the first use of this in a script they would do nothing.
fn usual() -> &'static Arc<AtomicBool> {
    static USUAL: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    USUAL.get_or_init(|| {
        let usual = Arc::new(AtomicBool::new(false));
        // A session on a terminal has its own way with them.
        if !io::stdin().is_terminal() {
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                // When it cannot be had, they do nothing.
                let _ = flag::register_conditional_default(signal, Arc::clone(&usual));
            }
        }
        usual
    })
}

impl Interrupt {
    /// From now on. With `at_once`, a second signal ends the program.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn watch(at_once: bool) -> io::Result<Interrupt> {
        usual().store(false, Ordering::SeqCst);
        let mut interrupt = Interrupt { came: Arc::default(), actions: Vec::new() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if at_once {
                let action = flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&interrupt.came))?;
                interrupt.actions.push(action);
            }
            interrupt.actions.push(flag::register(signal, Arc::clone(&interrupt.came))?);
        }
        Ok(interrupt)
    }

    /// Whether a signal came.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
        usual().store(true, Ordering::SeqCst);
    }
}
