//! The only rooms that know a socket.

mod closing;
mod connection;
mod forked;
mod halves;
mod health;
mod incoming;
mod pool;
mod resting;
mod scripts;
mod silence;
mod stale;
mod stream;
mod unasked;
mod unreached;
mod words;

pub use connection::Connection;
pub(crate) use connection::Watch;
pub use halves::{ConnectionReader, ConnectionWriter};
pub(crate) use incoming::Incoming;
pub use pool::PoolStatus;
pub(crate) use pool::{Lease, Pool, Replies, Shared, Turn, LONGEST};
pub(crate) use resting::Standing;
pub(crate) use stream::{Deadline, Stream};
pub(crate) use unreached::MastersReached;
pub(crate) use words::{too_many_words, words_if_many, MOST_WORDS};
