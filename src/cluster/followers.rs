//! Who is told when the servers of a cluster are others: what keeps connections of its own.

use crate::threads::lock;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// What follows the masters by itself.
pub(crate) trait Follower: Send + Sync {
    /// The servers are others from now on. It is called in the middle of a call or a refresh, so it has to be quick, and
    /// under no lock.
    fn servers_changed(&self);
}

/// Those who are told, as long as they live. The list comes with the first of them.
#[derive(Default)]
pub(super) struct Followers(OnceLock<Box<dyn Told>>);

/// Adds one, or tells all of them.
trait Told: Send + Sync {
    fn add(&self, follower: &Arc<dyn Follower>);
    fn tell(&self);
}

#[derive(Default)]
struct List(Mutex<Vec<Weak<dyn Follower>>>);

impl Followers {
    pub(super) fn add(&self, follower: &Arc<dyn Follower>) {
        self.0.get_or_init(|| Box::<List>::default()).add(follower);
    }

    pub(super) fn tell(&self) {
        if let Some(list) = self.0.get() {
            list.tell();
        }
    }
}

impl Told for List {
    fn add(&self, follower: &Arc<dyn Follower>) {
        let mut followers = lock(&self.0);
        followers.retain(|follower| follower.strong_count() > 0);
        followers.push(Arc::downgrade(follower));
    }

    fn tell(&self) {
        let followers = lock(&self.0).clone();
        for follower in followers {
            if let Some(follower) = follower.upgrade() {
                follower.servers_changed();
            }
        }
    }
}
