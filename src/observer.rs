//! What a cluster tells a program about itself while it works: for metrics and logs.

mod pushes;
mod traffic;

pub(crate) use pushes::Pushes;
pub(crate) use traffic::Traffic;

use crate::error::{ErrorKind, Outcome, Phase};
use crate::topology::{Node, Topology};
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Is told what happens inside of a cluster: see [`Builder::observer`](crate::Builder::observer).
///
/// It is called by the thread in which something happens, many threads at the same time, while the call waits: so it must
/// be quick, and must not call the cluster. No lock is held. A panic in it is caught and changes nothing, as far as
/// panics unwind.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// # let address = cluster.node_for("foo").address().to_string();
/// use rediscluster::prelude::*;
/// use rediscluster::{Observer, ObserverEvent};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct Count {
///     commands: AtomicU64,
///     failures: AtomicU64,
/// }
///
/// impl Observer for Count {
///     fn event(&self, event: &ObserverEvent<'_>) {
///         if let ObserverEvent::Command { failure, .. } = event {
///             self.commands.fetch_add(1, Ordering::Relaxed);
///             self.failures.fetch_add(u64::from(failure.is_some()), Ordering::Relaxed);
///         }
///     }
/// }
///
/// let count = Arc::new(Count::default());
/// let cluster = Cluster::builder().node("node_1", address).observer(Arc::clone(&count)).connect()?;
/// cluster.set("foo", "bar")?;
/// assert!(cluster.lpush("foo", ["x"]).is_err());
/// assert_eq!((count.commands.load(Ordering::Relaxed), count.failures.load(Ordering::Relaxed)), (2, 1));
/// # Ok(()) });
/// ```
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &ObserverEvent<'_>);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn event(&self, event: &ObserverEvent<'_>) {
        (**self).event(event);
    }
}

/// What an [`Observer`] is told. Commands are named and nothing else of them is told: no key, no value, no argument, no
/// text of a server and no secret. Durations are those of the monotonic clock; sizes are bytes on the wire.
#[non_exhaustive]
#[derive(Debug, Clone, Copy)]
pub enum ObserverEvent<'e> {
    /// A connection was made and is ready, handshake included. Those with which a cluster looks for replicas, those of a
    /// [`Subscriber`](crate::Subscriber) and those by [`Builder::open`](crate::Builder::open) count as well.
    #[non_exhaustive]
    ConnectionOpened {
        /// The server.
        node: &'e Node,
        /// How long it took.
        took: Duration,
    },
    /// A connection could not be made, or the server refused it.
    #[non_exhaustive]
    ConnectionFailed {
        /// The server.
        node: &'e Node,
        /// How long it took to fail.
        took: Duration,
        /// Why it failed.
        error: ErrorKind,
    },
    /// A connection was closed. Each that was opened is closed once.
    #[non_exhaustive]
    ConnectionClosed {
        /// The server.
        node: &'e Node,
        /// Why it was closed.
        why: CloseReason,
    },
    /// A server was waited for until the deadline.
    #[non_exhaustive]
    Timeout {
        /// The server.
        node: &'e Node,
        /// What was to be done by then: all but [`Phase::Pool`], which is a [`PoolWait`](ObserverEvent::PoolWait).
        phase: Phase,
    },
    /// What failed is about to be tried again, at the same server or at the one that is the master of its node now: see
    /// [`Builder::retries`](crate::Builder::retries).
    #[non_exhaustive]
    Retry {
        /// The server that failed.
        node: &'e Node,
        /// The name of the command; `pipeline` for what a node gets of one.
        command: &'e str,
        /// Which attempt has failed: 1 for the first one.
        attempt: u32,
        /// Why it failed.
        error: ErrorKind,
        /// The pause before the next attempt.
        pause: Duration,
    },
    /// A call had to wait for a connection, because all were in use.
    #[non_exhaustive]
    PoolWait {
        /// The server.
        node: &'e Node,
        /// How long it waited.
        took: Duration,
        /// Whether its deadline passed before it had one.
        timed_out: bool,
    },
    /// The servers of the cluster, or their roles, are other ones than before.
    #[non_exhaustive]
    TopologyChanged {
        /// What was known until now.
        before: &'e Topology,
        /// What is known now.
        after: &'e Topology,
    },
    /// A replica that failed gets no reads for a while.
    #[non_exhaustive]
    ReplicaEjected {
        /// The replica.
        node: &'e Node,
        /// Why.
        error: ErrorKind,
        /// For how long, at first.
        pause: Duration,
    },
    /// A replica that was ejected gets reads again.
    #[non_exhaustive]
    ReplicaReadmitted {
        /// The replica.
        node: &'e Node,
    },
    /// The master of a node could not be reached when the cluster was made, which goes on without it: see
    /// [`Cluster::unreachable`](crate::Cluster::unreachable).
    #[non_exhaustive]
    NodeUnreachable {
        /// The node, and where its master should be.
        node: &'e Node,
        /// Why it could not be reached.
        error: ErrorKind,
    },
    /// A master that was [unreachable](ObserverEvent::NodeUnreachable) was reached for the first time.
    #[non_exhaustive]
    NodeReached {
        /// The master.
        node: &'e Node,
    },
    /// A server is silent: a call has met its deadline, and while it waited nothing came from the server, on any
    /// connection. Until something does, calls to it fail at once.
    #[non_exhaustive]
    ServerSilent {
        /// The server.
        node: &'e Node,
        /// How long the call had waited.
        silent: Duration,
    },
    /// A server that was silent has said something, and calls ask it again.
    #[non_exhaustive]
    ServerHeard {
        /// The server.
        node: &'e Node,
    },
    /// A command has come to its end, with all its steps and attempts. A command that is refused because the table does not
    /// know it is not told. A [`Transaction`](crate::Transaction) is one command, `EXEC`; what is read in
    /// [`Cluster::watch`](crate::Cluster::watch) is not told.
    #[non_exhaustive]
    Command {
        /// Its name, such as `GET` or `CONFIG SET`.
        command: &'e str,
        /// The servers that were asked, each once, in the order of the first time; none when it failed before.
        nodes: &'e [&'e Node],
        /// How long it took, waiting for connections and for data included.
        took: Duration,
        /// Bytes that were sent to servers, in all attempts.
        request_bytes: u64,
        /// Bytes that came from servers.
        reply_bytes: u64,
        /// Why it failed and what may have been applied; `None` when it succeeded.
        failure: Option<(ErrorKind, Outcome)>,
    },
    /// A [`Pipeline`](crate::Pipeline) was run. Its commands are not told by themselves.
    #[non_exhaustive]
    Pipeline {
        /// How many commands it had.
        commands: usize,
        /// How many of those failed.
        failed: usize,
        /// The servers that were asked, each once.
        nodes: &'e [&'e Node],
        /// How long it took.
        took: Duration,
        /// Bytes that were sent to servers, in all attempts.
        request_bytes: u64,
        /// Bytes that came from servers.
        reply_bytes: u64,
    },
}

/// Why a connection was closed.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// It was found dead after it had lain in the pool, or another one to its server was.
    FoundDead,
    /// It lay unused for longer than [`Builder::max_idle_age`](crate::Builder::max_idle_age).
    Idle,
    /// It failed: broken, too late, or bytes that are not RESP.
    Failed(ErrorKind),
    /// It watched keys or was inside of a transaction, and nobody else may have it.
    Stateful,
    /// Replies were still to come when its call ended, so nobody else may have it.
    Unread,
    /// Nobody needs it any more: its cluster, its server or the subscriber is gone.
    Released,
}

/// An observer whose panics end here. It is linked only by a program that has one.
struct Guarded<O>(O);

impl<O: Observer> Installed for Guarded<O> {
    fn event(&self, event: &ObserverEvent<'_>) {
        // The panic hook has told of it; what calls, often in a destructor, has to go on.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.event(event)));
    }

    fn begin(&self, observer: &Observing) -> Arc<dyn Traffic> {
        traffic::begin(observer)
    }
}

/// What is there where a program has an observer.
trait Installed: Send + Sync {
    fn event(&self, event: &ObserverEvent<'_>);

    /// A call begins.
    fn begin(&self, observer: &Observing) -> Arc<dyn Traffic>;
}

/// The observer of a cluster, if it has one. Without one nothing is looked at and no clock is read.
#[derive(Clone, Default)]
pub(crate) struct Observing(Option<Arc<dyn Installed>>);

impl Observing {
    pub(crate) fn by(observer: impl Observer + 'static) -> Observing {
        Observing(Some(Arc::new(Guarded(observer))))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A call begins; `None` where nobody observes.
    #[inline]
    pub(crate) fn begin(&self) -> Option<Arc<dyn Traffic>> {
        self.0.as_ref().map(|installed| installed.begin(self))
    }

    /// The time, where somebody wants to know how long something takes.
    pub(crate) fn clock(&self) -> Option<Instant> {
        self.0.as_ref().map(|_| Instant::now())
    }

    /// Tells an event. No lock may be held.
    pub(crate) fn on<'e>(&self, event: impl FnOnce() -> ObserverEvent<'e>) {
        if let Some(observer) = &self.0 {
            observer.event(&event());
        }
    }
}

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "set" } else { "none" })
    }
}
