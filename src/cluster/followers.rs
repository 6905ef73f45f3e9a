//! Who is told when the servers of a cluster are others: what keeps connections of its own.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What follows the masters by itself.
pub(crate) trait Follower: Send + Sync {
    /// The servers are others from now on. It is called in the middle of a call or a refresh, so it has to be quick, and
    /// under no lock.
    fn servers_changed(&self);
}

/// Those who are told, as long as they live.
#[derive(Default)]
pub(super) struct Followers(Mutex<Vec<Weak<dyn Follower>>>);

impl Followers {
    pub(super) fn add(&self, follower: &Arc<dyn Follower>) {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.strong_count() > 0);
        followers.push(Arc::downgrade(follower));
    }

    pub(super) fn tell(&self) {
        let alive: Vec<Arc<dyn Follower>> = {
            let followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            followers.iter().filter_map(Weak::upgrade).collect()
        };
        alive.iter().for_each(|follower| follower.servers_changed());
    }
}
