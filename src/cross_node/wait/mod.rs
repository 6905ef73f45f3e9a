//! Waiting for data: on one server a slice at a time, on several by watching their keys.

mod in_slices;
mod watch_keys;

pub(crate) use in_slices::CANCELLABLE;
pub(super) use in_slices::{seconds, Given, Waiter, SHORTEST};
pub(super) use watch_keys::{type_in, Waited, Watcher, TRACKING};
