//! What a handle of a cluster says of how its commands are run.

use super::{Cancel, Cancellable, OwnWrites};
use crate::config::Share;
use crate::plan::CrossNode;
use crate::retry::Retries;
use crate::topology::ReadFrom;
use std::sync::Arc;
use std::time::Duration;

/// How one handle runs its commands.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) read_from: ReadFrom,
    pub(crate) cross_node: CrossNode,
    pub(crate) deadline: Duration,
    /// The longest time for a server of a read for which another one can stand in.
    pub(crate) stand_in_after: Duration,
    pub(crate) database: u32,
    /// What ends a wait for data, and how commands wait then.
    pub(crate) cancel: Option<(Cancel, &'static Cancellable)>,
    /// What it has written to, when its reads are to see that.
    pub(crate) own_writes: Option<Arc<OwnWrites>>,
    pub(crate) retries: Retries,
    /// Whether its commands may share a connection.
    pub(crate) share: Share,
}
