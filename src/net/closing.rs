//! Tells the observer that a connection is opened, and that it is closed, whatever way that happens.

use crate::config::Settings;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::observer::{CloseReason, ObserverEvent, Observing};
use crate::topology::Node;
use std::sync::Arc;
use std::time::Duration;

/// Part of every connection that was opened while somebody observes. Dropping it tells. Of one connection only: it is in an
/// `Arc` because what drops one is short, and that is at all places that drop a connection.
pub(crate) struct Closing {
    observer: Observing,
    node: Node,
    why: CloseReason,
}

impl Closing {
    /// `None` where nobody observes.
    pub(super) fn of(node: &Node, settings: &Settings) -> Option<Arc<Closing>> {
        let observer = settings.observer.clone();
        observer.is_on().then(|| Arc::new(Closing { observer, node: node.clone(), why: CloseReason::Released }))
    }

    /// Why it will be closed, unless that is known already.
    #[inline(never)]
    pub(super) fn because(closing: &mut Option<Arc<Closing>>, why: CloseReason) {
        match closing.as_mut().and_then(Arc::get_mut) {
            Some(closing) if closing.why == CloseReason::Released => closing.why = why,
            _ => {}
        }
    }

    /// That it ends is what this side wanted.
    pub(super) fn wanted(closing: &mut Option<Arc<Closing>>) {
        if let Some(closing) = closing.as_mut().and_then(Arc::get_mut) {
            closing.why = CloseReason::Released;
        }
    }

    pub(super) fn timed_out(&self, error: &Error) {
        if let (ErrorKind::Timeout, Some(phase)) = (error.kind(), error.phase()) {
            self.observer.on(|| ObserverEvent::Timeout { node: &self.node, phase });
        }
    }
}

/// Opens a connection and tells what came of it.
pub(super) fn observed<T>(node: &Node, settings: &Settings, open: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = settings.observer.clock();
    let result = open();
    if let Some(begun) = begun {
        tell(node, &settings.observer, begun.elapsed(), result.as_ref().err());
    }
    result
}

#[cold]
fn tell(node: &Node, observer: &Observing, took: Duration, failed: Option<&Error>) {
    let Some(error) = failed else { return observer.on(|| ObserverEvent::ConnectionOpened { node, took }) };
    if error.is_timeout() {
        let phase = error.phase().unwrap_or(Phase::Connect);
        observer.on(|| ObserverEvent::Timeout { node, phase });
    }
    observer.on(|| ObserverEvent::ConnectionFailed { node, took, error: error.kind() });
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.observer.on(|| ObserverEvent::ConnectionClosed { node: &self.node, why: self.why });
    }
}
