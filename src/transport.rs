//! How bytes get to a server: the system's sockets, and what a program brings itself, such as TLS.

mod own;
mod tcp;
#[cfg(unix)]
mod unix;

pub use own::{Connect, Socket, Transport};
pub(crate) use own::{Connector, Kind};
pub use tcp::connect_tcp;
