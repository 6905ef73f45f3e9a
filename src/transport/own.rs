//! What a program brings itself, and the sockets of the system beside it.

use super::tcp::connect_tcp;
use crate::topology::Address;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Makes the connections of a cluster in a way of one's own: with TLS, through a proxy, in memory. It is given to
/// [`Builder::connector`](crate::Builder::connector).
///
/// The package `rediscluster-tls` is such a connector for TLS. One that sends everything through another address:
///
/// ```
/// use rediscluster::{connect_tcp, Address, Connect, Socket};
/// use std::{io, time::Duration};
///
/// /// Goes through a tunnel that leads to the only server there is.
/// struct Tunnel(Address);
///
/// impl Connect for Tunnel {
///     fn connect(&self, _: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
///         connect_tcp(&self.0, timeout).map(Socket::from)
///     }
/// }
/// # rediscluster_testing::example(|cluster| {
/// # let entrance = cluster.node_for("foo").address().clone();
///
/// use rediscluster::prelude::*;
///
/// let tunnel = Tunnel(entrance);
/// let cluster = Cluster::builder().node("node_1", "far.example:6379").connector(tunnel).masters_only(true).connect()?;
/// cluster.set("foo", "bar")?;
/// assert_eq!(cluster.get::<_, String>("foo")?, "bar");
/// # Ok(())
/// # });
/// ```
pub trait Connect: Send + Sync + 'static {
    /// Connects to the server at `address` within `timeout`, which covers every step up to the point where requests
    /// can be written; without one, for as long as it takes. An address with a [`unix_path`](Address::unix_path) never
    /// comes here.
    ///
    /// # Errors
    /// Why there is no connection. What is told to the caller is an error of the kind
    /// [`Connect`](crate::ErrorKind::Connect) that names the node.
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket>;

    /// Whether nobody on the way can read along. Nodes that are given as `rediss://` want that, and are refused before
    /// anything is sent by a connector that does not say so.
    fn encrypts(&self) -> bool {
        false
    }
}

/// A connection that is no socket of the system, such as TLS. Bytes go both ways, and at the same time: one thread may
/// read while another one writes and a third one closes.
///
/// Every wait has a length: `None` is for ever, and zero is not at all. A wait that ends in vain is an error of the kind
/// [`WouldBlock`](ErrorKind::WouldBlock) or [`TimedOut`](ErrorKind::TimedOut), whichever comes easier. It may end earlier
/// than asked for, and is then begun again; it must not end later, because deadlines rest on it.
///
/// A child that was forked drops what it has of its parent's connections. That must not end them: a goodbye on a
/// socket that is shared reaches the server.
pub trait Transport: Send + Sync {
    /// Reads at least one byte, waiting no longer than `wait`. 0 when the other side has ended the connection.
    ///
    /// A wait of zero also looks whether an idle connection still lives. Then nothing must come but what a server said:
    /// what belongs to the transport itself, such as the session tickets of TLS, is dealt with inside.
    ///
    /// # Errors
    /// When nothing came in time, or the connection broke. It is not used again unless it was the wait that ended.
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize>;

    /// Takes some of the bytes, at least one, waiting no longer than `wait`; says how many.
    ///
    /// What it took it sends on by itself: at once, or, where the system would not take it in time, in the calls of
    /// `read` and `write` that follow. A `read` must not wait for the server while something is left that
    /// was not sent on, because the server may be waiting for that.
    ///
    /// A transport that cannot write without waiting gives an error when `wait` is zero. It loses nothing
    /// but speed in pipelines.
    ///
    /// # Errors
    /// When none of the bytes were taken: only then may a command that was not taken whole be sent again.
    fn write(&self, bytes: &[u8], wait: Option<Duration>) -> io::Result<usize>;

    /// Ends the connection for both sides without waiting. A thread that reads or writes meanwhile comes back.
    fn close(&self);
}

/// A connection that a [`Connect`] has made: a socket of the system, which costs nothing more than without a connector,
/// or a [`Transport`].
pub struct Socket(Kind);

/// What a connection is made of.
pub(crate) enum Kind {
    System(System),
    Own(Box<dyn Transport>),
}

/// A socket of the system.
pub(crate) enum System {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// A connection of one's own.
    pub fn new(transport: impl Transport + 'static) -> Socket {
        Socket(Kind::Own(Box::new(transport)))
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// Connects as the library itself does it.
    pub(crate) fn connect(address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        match address.unix_path() {
            Some(path) => connect_unix(path, timeout),
            None => connect_tcp(address, timeout).map(Socket::from),
        }
    }
}

/// The system lets nobody say how long connecting may take: it waits while the server's queue is full. So that is done
/// by a thread which may come too late.
#[cfg(unix)]
fn connect_unix(path: &std::path::Path, timeout: Option<Duration>) -> io::Result<Socket> {
    let Some(timeout) = timeout else { return UnixStream::connect(path).map(Socket::from) };
    let made = Arc::new((Mutex::new(None), Condvar::new()));
    let (path, tell) = (path.to_owned(), Arc::clone(&made));
    std::thread::Builder::new().spawn(move || {
        let socket = UnixStream::connect(path);
        // Where nobody waits any more, the socket is closed with the last of the two handles.
        *tell.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        tell.1.notify_one();
    })?;
    let waiting = made.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut came, _) =
        made.1.wait_timeout_while(waiting, timeout, |came| came.is_none()).unwrap_or_else(PoisonError::into_inner);
    came.take().ok_or(ErrorKind::TimedOut)?.map(Socket::from)
}

#[cfg(not(unix))]
fn connect_unix(_: &std::path::Path, _: Option<Duration>) -> io::Result<Socket> {
    Err(io::Error::new(ErrorKind::Unsupported, "there are no Unix sockets on this system"))
}

impl From<TcpStream> for Socket {
    /// The socket must be in blocking mode.
    fn from(socket: TcpStream) -> Socket {
        Socket(Kind::System(System::Tcp(socket)))
    }
}

#[cfg(unix)]
impl From<UnixStream> for Socket {
    /// The socket must be in blocking mode.
    fn from(socket: UnixStream) -> Socket {
        Socket(Kind::System(System::Unix(socket)))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::System(System::Tcp(_)) => "Socket(TCP)",
            #[cfg(unix)]
            Kind::System(System::Unix(_)) => "Socket(Unix)",
            Kind::Own(_) => "Socket(Transport)",
        })
    }
}

/// Does the same to a socket of either kind.
macro_rules! either {
    ($system:expr, $socket:ident => $what:expr) => {
        match $system {
            System::Tcp($socket) => $what,
            #[cfg(unix)]
            System::Unix($socket) => $what,
        }
    };
}

impl System {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => (&*socket).read(buffer))
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, socket => (&*socket).write(bytes))
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        either!(self, socket => socket.set_read_timeout(timeout))
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        either!(self, socket => socket.set_write_timeout(timeout))
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        either!(self, socket => socket.set_nonblocking(nonblocking))
    }

    pub(crate) fn close(&self) {
        // It may be closed already; there is nobody to tell.
        let _ = either!(self, socket => socket.shutdown(Shutdown::Both));
    }
}

/// A connector as the settings hold it.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) Arc<dyn Connect>);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.encrypts() { "encrypting" } else { "set" })
    }
}
