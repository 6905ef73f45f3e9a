//! Tells the observer that a connection is closed, whatever way that happens.

use crate::config::Settings;
use crate::error::ErrorKind;
use crate::observer::{CloseReason, ObserverEvent, Observing};
use crate::topology::Node;

/// Part of every connection that was opened while somebody observes. Dropping it tells.
pub(crate) struct Closing {
    observer: Observing,
    node: Node,
    why: CloseReason,
}

impl Closing {
    /// `None` where nobody observes.
    pub(super) fn of(node: &Node, settings: &Settings) -> Option<Box<Closing>> {
        let observer = settings.observer.clone();
        observer.is_on().then(|| Box::new(Closing { observer, node: node.clone(), why: CloseReason::Released }))
    }

    /// Why it will be closed, unless that is known already.
    pub(super) fn because(&mut self, why: CloseReason) {
        if self.why == CloseReason::Released {
            self.why = why;
        }
    }

    pub(super) fn timed_out(&self, kind: ErrorKind, phase: &'static str) {
        if kind == ErrorKind::Timeout {
            self.observer.on(|| ObserverEvent::Timeout { node: &self.node, phase });
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.observer.on(|| ObserverEvent::ConnectionClosed { node: &self.node, why: self.why });
    }
}
