//! What a program brings itself, and the sockets of the system beside it.

use super::tcp::connect_tcp;
#[cfg(unix)]
use super::unix::connect_unix;
use crate::topology::Address;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixStream};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
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
/// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut), whichever comes easier. It may end earlier
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
    /// Behind a pointer, so that what guards it is linked only by a program that brings one.
    Custom(Box<dyn Transport>),
}

/// What a program brought. A panic in it is an error like any other, because the threads in which it runs serve others,
/// too; and the last thing that is asked of it.
struct Custom {
    /// `None` only while it is dropped.
    transport: Option<Box<dyn Transport>>,
    has_panicked: AtomicBool,
}

/// Runs what a program brought; `None` for a panic, of which the panic hook has told.
fn guarded<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}

fn panicked() -> io::Error {
    io::Error::other("a panic in the connector")
}

impl Custom {
    fn new(transport: impl Transport + 'static) -> Custom {
        Custom { transport: Some(Box::new(transport)), has_panicked: AtomicBool::new(false) }
    }

    fn call<T>(&self, code: impl FnOnce(&dyn Transport) -> T) -> Option<T> {
        let transport = self.transport.as_deref().filter(|_| !self.has_panicked.load(Ordering::Acquire))?;
        let done = guarded(|| code(transport));
        if done.is_none() {
            self.has_panicked.store(true, Ordering::Release);
            guarded(|| transport.close());
        }
        done
    }
}

impl Transport for Custom {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        self.call(|transport| transport.read(buffer, wait)).unwrap_or_else(|| Err(panicked()))
    }

    fn write(&self, bytes: &[u8], wait: Option<Duration>) -> io::Result<usize> {
        if self.has_panicked.load(Ordering::Acquire) {
            return Err(panicked());
        }
        // In the middle of a panic all of it may have been sent. So it counts as sent, and to read the reply will fail.
        self.call(|transport| transport.write(bytes, wait)).unwrap_or(Ok(bytes.len()))
    }

    fn close(&self) {
        self.call(|transport| transport.close());
    }
}

impl Drop for Custom {
    fn drop(&mut self) {
        let transport = self.transport.take();
        guarded(|| drop(transport));
    }
}

/// A socket of the system. One of a Unix socket is held as if it were of TCP: the system does the same with both, and so only
/// one of them is linked.
pub(crate) struct System(TcpStream);

impl Socket {
    /// A connection of one's own.
    pub fn new(transport: impl Transport + 'static) -> Socket {
        Socket(Kind::Custom(Box::new(Custom::new(transport))))
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// Connects as the library itself does it.
    pub(crate) fn connect(address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        match address.unix_path() {
            #[cfg(unix)]
            Some(path) => connect_unix(path, timeout).map(Socket::from),
            #[cfg(not(unix))]
            Some(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "there are no Unix sockets on this system")),
            None => connect_tcp(address, timeout).map(Socket::from),
        }
    }
}

impl From<TcpStream> for Socket {
    /// The socket must be in blocking mode.
    fn from(socket: TcpStream) -> Socket {
        Socket(Kind::System(System(socket)))
    }
}

#[cfg(unix)]
impl From<UnixStream> for Socket {
    /// The socket must be in blocking mode.
    fn from(socket: UnixStream) -> Socket {
        Socket(Kind::System(System(OwnedFd::from(socket).into())))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            // A Unix socket has no address of TCP.
            Kind::System(System(socket)) if socket.local_addr().is_ok() => "Socket(TCP)",
            Kind::System(_) => "Socket(Unix)",
            Kind::Custom(_) => "Socket(Transport)",
        })
    }
}

impl System {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(timeout)
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_write_timeout(timeout)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.set_nonblocking(nonblocking)
    }

    pub(crate) fn close(&self) {
        // It may be closed already; there is nobody to tell.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A connector as the settings hold it.
#[derive(Clone)]
pub(crate) struct Connector(Arc<dyn Connect>);

/// A connector whose panics are errors.
struct Guarded<C>(C);

impl<C: Connect> Connect for Guarded<C> {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        guarded(|| self.0.connect(address, timeout)).unwrap_or_else(|| Err(panicked()))
    }

    fn encrypts(&self) -> bool {
        self.0.encrypts()
    }
}

impl Connector {
    pub(crate) fn of(connector: impl Connect) -> Connector {
        Connector(Arc::new(Guarded(connector)))
    }

    /// Connects; a panic is an error.
    pub(crate) fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        self.0.connect(address, timeout)
    }

    /// Whether nobody on the way can read along.
    pub(crate) fn encrypts(&self) -> bool {
        self.0.encrypts()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.encrypts() { "encrypting" } else { "set" })
    }
}
