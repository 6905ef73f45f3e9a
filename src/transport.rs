//! How bytes get to a server: the system's sockets, and what a program brings itself, such as TLS.

mod custom;
mod tcp;
#[cfg(unix)]
mod unix;

pub use custom::{Connect, Socket, Transport};
pub(crate) use custom::{Connector, Kind};
pub use tcp::connect_tcp;
