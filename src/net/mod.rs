//! The only rooms that know a socket.

mod breaker;
mod closing;
mod connection;
mod deadline;
mod forked;
mod halves;
mod health;
mod idle_check;
mod pool;
mod pushes;
mod read_half;
mod scripts;
mod silence;
mod stream;
mod unreached;
mod word_limit;

pub(crate) use breaker::BreakerState;
pub use connection::Connection;
pub(crate) use connection::Watch;
pub(crate) use deadline::Deadline;
pub use halves::{ConnectionReader, ConnectionWriter};
pub use pool::PoolStatus;
pub(crate) use pool::{Lease, Pool, Replies, Shared, Taker, Turn, LONGEST};
pub(crate) use read_half::ReadHalf;
pub(crate) use stream::Stream;
pub(crate) use unreached::MastersReached;
pub(crate) use word_limit::{too_many_words, words_if_many, MOST_WORDS};
