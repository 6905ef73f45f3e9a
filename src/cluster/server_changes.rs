//! What is told when the servers of a cluster change, because it keeps connections of its own: subscribers.

use crate::threads::lock;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// What has to know when the servers of a cluster change.
pub(crate) trait OnServersChanged: Send + Sync {
    /// The servers are others from now on. It is called in the middle of a call or a refresh, so it has to be quick, and
    /// under no lock.
    fn servers_changed(&self);
}

/// All listeners that live. The list comes with the first of them.
#[derive(Default)]
pub(super) struct ChangeListeners(OnceLock<Box<dyn Listeners>>);

/// Adds a listener, or notifies all of them.
trait Listeners: Send + Sync {
    fn add(&self, listener: &Arc<dyn OnServersChanged>);
    fn notify(&self);
}

#[derive(Default)]
struct List(Mutex<Vec<Weak<dyn OnServersChanged>>>);

impl ChangeListeners {
    pub(super) fn add(&self, listener: &Arc<dyn OnServersChanged>) {
        self.0.get_or_init(|| Box::<List>::default()).add(listener);
    }

    pub(super) fn notify(&self) {
        if let Some(list) = self.0.get() {
            list.notify();
        }
    }
}

impl Listeners for List {
    fn add(&self, listener: &Arc<dyn OnServersChanged>) {
        let mut listeners = lock(&self.0);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }

    fn notify(&self) {
        let listeners = lock(&self.0).clone();
        for listener in listeners {
            if let Some(listener) = listener.upgrade() {
                listener.servers_changed();
            }
        }
    }
}
