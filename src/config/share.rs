//! Which calls share a connection.

/// Which calls share a connection when all of a pool are in use: see
/// [`Builder::share_connections`](crate::Builder::share_connections).
///
/// ```
/// use rediscluster::Share;
///
/// assert_eq!(Share::default(), Share::Reads);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Share {
    /// Each call waits for a connection of its own.
    None,
    /// Reads gather: one that loses its connection is tried again and nothing is in doubt. Writes wait for a connection
    /// each.
    #[default]
    Reads,
    /// Writes gather as well. When their connection breaks, the outcome of all that were sent by it is
    /// [`Unknown`](crate::Outcome::Unknown).
    All,
}
