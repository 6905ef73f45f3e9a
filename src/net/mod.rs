//! The only rooms that know a socket.

mod connection;
mod pool;
mod stream;

pub use connection::Connection;
pub use pool::PoolStatus;
pub(crate) use pool::{Lease, Pool};
pub(crate) use stream::Deadline;
