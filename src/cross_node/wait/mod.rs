//! Waiting for data: on one server a slice at a time, on several by watching their keys.

mod in_slices;
mod watch_keys;

pub(crate) use in_slices::CANCELLABLE;
pub(super) use in_slices::{
    end_of_wait, seconds, wait_for_element, wait_for_first_on_one, wait_in_slices, wait_to_move_between, Given, Waiter,
    SHORTEST,
};
pub(super) use watch_keys::{type_in, watch_until_given, Waited, Watcher, TRACKING};
