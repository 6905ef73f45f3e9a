//! Listening to channels, on connections of its own.
//!
//! A `Subscriber` belongs to one thread. Each node that it needs has a link: one connection and one thread, which reads
//! what the server sends (`server_push.rs` says what it means), puts it into the one queue of events and makes the
//! connection again when it breaks (`link_thread.rs`; `link.rs` is what is known of it). The queue is bounded: a link
//! waits for room and does not read meanwhile. A call writes to the connections itself and waits for the answers that the
//! links bring (`subscribe.rs`). All of them meet in `shared.rs`, under one lock, which nobody holds while reading or
//! writing.
//!
//! What wakes a thread that reads is the end of its socket, so stopping is immediate.

mod link;
mod link_thread;
mod message;
mod options;
mod server_push;
mod shared;
mod subscribe;

pub use message::{Event, Message};
pub use options::SubscriberOptions;

use crate::cluster::Cluster;
use crate::error::Result;
use crate::net::Deadline;
use crate::to_arg::ToArgs;
use server_push::ChannelKind;
use shared::Shared;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Listens to channels of a cluster, on connections of its own: [`Cluster::subscriber`] makes it.
///
/// Each channel is listened to on the node that [`publish`](crate::PubSubCommands::publish) sends its messages to, each
/// pattern on every node. A message so comes once for a channel and once for each pattern that fits it, as from one
/// server. The connections, one a node, are opened when they are first needed and closed when nothing is left on them.
/// The messages of one channel come in the order in which the node got them; between nodes there is no order.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
/// use rediscluster::Event;
/// use std::time::Duration;
///
/// let mut subscriber = cluster.subscriber();
/// subscriber.subscribe(["news", "weather"])?;
/// subscriber.psubscribe("user.*")?;
/// cluster.publish("news", "hello")?;
/// cluster.publish("user.7", "logged in")?;
///
/// let mut heard = Vec::new();
/// while heard.len() < 2 {
///     match subscriber.next_timeout(Duration::from_secs(10))? {
///         Some(Event::Message(message)) => heard.push((message.channel().to_vec(), message.payload::<String>()?)),
///         Some(Event::Disconnected { node, error, .. }) => println!("messages of {node} are lost: {error}"),
///         Some(event) => println!("{event:?}"),
///         None => println!("silence for ten seconds"),
///     }
/// }
/// heard.sort();
/// assert_eq!(heard[0], (b"news".to_vec(), "hello".to_owned()));
/// assert_eq!(heard[1], (b"user.7".to_vec(), "logged in".to_owned()));
/// # Ok(()) });
/// ```
///
/// # Lost messages
///
/// Servers keep no messages. When a connection breaks there is an [`Event::Disconnected`], and the connection is made
/// again, with growing pauses, until it stands; then everything is subscribed again and there is an
/// [`Event::Reconnected`]. **What was sent in between is lost.** A program that must not miss anything reads the state
/// that it follows again after each `Reconnected`, or uses a stream instead of a channel.
///
/// A program that takes events more slowly than they come makes the servers keep them, and a server hangs up on a
/// subscriber that has too much to come: see [`SubscriberOptions::buffer`].
///
/// # Errors
///
/// All methods that begin or end subscriptions have one deadline, that of the cluster, and may fail with what
/// [every call may meet](crate#errors): [`NoPerm`](crate::ErrorKind::NoPerm) for a channel that the user may not listen
/// to, [`Connect`](crate::ErrorKind::Connect) for a node that is down, [`Timeout`](crate::ErrorKind::Timeout) when no
/// confirmation came; [`Argument`](crate::ErrorKind::Argument) for an empty list;
/// [`Stopped`](crate::ErrorKind::Stopped) after [`Stopper::stop`].
///
/// After an error, [`Error::parts`](crate::Error::parts) says of every channel and node whether it was done. What was
/// done stays done, and what was listened to before the call stays as it was.
///
/// # Nodes
///
/// Which servers are masters is looked up when a subscription begins and whenever a connection is made, in
/// [`Cluster::topology`]. When another server becomes the master of a node there, its connection moves over at once, with a
/// `Disconnected` and a `Reconnected`, also where the old master goes on running. That is as soon as any call of the
/// cluster, or of a clone, has followed the new master or a refresh has found it: no later than the next
/// [`refresh_every`](crate::Builder::refresh_every), 10 seconds unless told otherwise. A subscriber whose connection has
/// failed asks by itself. Without that thread, which begins with the first refresh, somebody has to call
/// [`refresh`](Cluster::refresh) where the old master goes on.
///
/// What a server itself sends to channels, such as notifications about keys
/// (`notify-keyspace-events`), it sends to its own subscribers: a pattern hears it from every node, a channel only from
/// the node that its name leads to.
pub struct Subscriber {
    shared: Arc<Shared>,
    /// Those of the links, by shard.
    threads: Vec<(usize, JoinHandle<()>)>,
}

impl Cluster {
    /// A subscriber that listens to nothing yet. Nothing is sent.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.subscribe("news")?;
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn subscriber(&self) -> Subscriber {
        let shared = Shared::new(self.clone(), SubscriberOptions::default()).following::<()>();
        Subscriber { shared, threads: Vec::new() }
    }

    /// As [`subscriber`](Cluster::subscriber), with options.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a zero among the options.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::SubscriberOptions;
    /// use std::time::Duration;
    ///
    /// let options = SubscriberOptions::new().check_after(Duration::from_secs(5)).buffer(64 << 20);
    /// let mut subscriber = cluster.subscriber_with(options)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn subscriber_with(&self, options: SubscriberOptions) -> Result<Subscriber> {
        let shared = Shared::new(self.clone(), options.checked()?).following::<()>();
        Ok(Subscriber { shared, threads: Vec::new() })
    }
}

impl Subscriber {
    /// Listens to channels, each on the node that messages to it go to. Once it returns, no message is missed. A channel
    /// that is listened to already stays as it is.
    ///
    /// `SUBSCRIBE`, since Redis 2.0.0. A channel keeps its whole name; a hash tag in it decides the node.
    ///
    /// # Errors
    /// [What a subscriber may meet](Subscriber#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.subscribe(["news", "weather"])?;
    /// assert_eq!(cluster.publish("news", "hello")?, 1);
    /// # Ok(()) });
    /// ```
    pub fn subscribe<C: ToArgs>(&mut self, channels: C) -> Result<()> {
        self.begin(ChannelKind::Channel, channels)
    }

    /// Listens to all channels whose names fit a pattern, on every node. Once it returns, no message is missed.
    ///
    /// `PSUBSCRIBE`, since Redis 2.0.0. Two names of one server count once.
    ///
    /// # Errors
    /// [What a subscriber may meet](Subscriber#errors). A pattern that one node did not take is listened to on the
    /// others; calling this again asks only the nodes that are missing.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Event;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.psubscribe("user.*")?;
    /// cluster.publish("user.7", "hello")?;
    /// let Some(Event::Message(message)) = subscriber.next() else { panic!("a message") };
    /// assert_eq!((message.channel(), message.pattern()), (&b"user.7"[..], Some(&b"user.*"[..])));
    /// # Ok(()) });
    /// ```
    pub fn psubscribe<P: ToArgs>(&mut self, patterns: P) -> Result<()> {
        self.begin(ChannelKind::Pattern, patterns)
    }

    /// Listens to shard channels, each on the node that [`spublish`](crate::PubSubCommands::spublish) sends its messages
    /// to. Once it returns, no message is missed.
    ///
    /// `SSUBSCRIBE`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What a subscriber may meet](Subscriber#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.ssubscribe("orders{7}")?;
    /// assert_eq!(cluster.spublish("orders{7}", "paid")?, 1);
    /// # Ok(()) });
    /// ```
    pub fn ssubscribe<C: ToArgs>(&mut self, channels: C) -> Result<()> {
        self.begin(ChannelKind::ShardChannel, channels)
    }

    /// Listens to channels no longer. Messages that came before are still given. A channel that is not listened to is
    /// passed over.
    ///
    /// `UNSUBSCRIBE`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [What a subscriber may meet](Subscriber#errors). A node that is down or does not answer is no error: its connection
    /// is given up, and the next one is not asked for these channels.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.subscribe("news")?;
    /// subscriber.unsubscribe("news")?;
    /// assert_eq!(cluster.publish("news", "hello")?, 0);
    /// # Ok(()) });
    /// ```
    pub fn unsubscribe<C: ToArgs>(&mut self, channels: C) -> Result<()> {
        self.end(ChannelKind::Channel, channels)
    }

    /// As [`unsubscribe`](Subscriber::unsubscribe), for patterns, as they were given.
    ///
    /// `PUNSUBSCRIBE`, since Redis 2.0.0.
    ///
    /// # Errors
    /// As [`unsubscribe`](Subscriber::unsubscribe).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.psubscribe(["user.*", "news.*"])?;
    /// subscriber.punsubscribe("user.*")?;
    /// assert_eq!(cluster.pubsub_numpat()?, 1);
    /// # Ok(()) });
    /// ```
    pub fn punsubscribe<P: ToArgs>(&mut self, patterns: P) -> Result<()> {
        self.end(ChannelKind::Pattern, patterns)
    }

    /// As [`unsubscribe`](Subscriber::unsubscribe), for shard channels.
    ///
    /// `SUNSUBSCRIBE`, since Redis 7.0.0.
    ///
    /// # Errors
    /// As [`unsubscribe`](Subscriber::unsubscribe).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.ssubscribe("orders{7}")?;
    /// subscriber.sunsubscribe("orders{7}")?;
    /// assert_eq!(cluster.spublish("orders{7}", "paid")?, 0);
    /// # Ok(()) });
    /// ```
    pub fn sunsubscribe<C: ToArgs>(&mut self, channels: C) -> Result<()> {
        self.end(ChannelKind::ShardChannel, channels)
    }

    /// The next event, waiting at most this long for it: `Ok(None)` when there was none. A timeout of zero gives what
    /// has come already.
    ///
    /// # Errors
    /// [`Stopped`](crate::ErrorKind::Stopped) after [`Stopper::stop`], at once, so that a loop around it ends. What
    /// happens to connections is an event and no error.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use std::time::Duration;
    ///
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.subscribe("news")?;
    /// assert!(subscriber.next_timeout(Duration::from_millis(10))?.is_none());
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>> {
        self.shared.next::<()>(Deadline::after(timeout))
    }

    /// What ends this subscriber from another thread.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// let mut subscriber = cluster.subscriber();
    /// subscriber.subscribe("news")?;
    /// let stopper = subscriber.stopper();
    /// let thread = std::thread::spawn(move || stopper.stop());
    /// for event in &mut subscriber {
    ///     println!("{event:?}");
    /// }
    /// thread.join().expect("it has stopped the subscriber");
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }
}

impl Iterator for Subscriber {
    type Item = Event;

    /// The next event, however long it takes; `None` only after [`Stopper::stop`]. Where nothing is listened to, it
    /// waits until it is stopped.
    #[inline]
    fn next(&mut self) -> Option<Event> {
        // Without an end there is no time at which it could pass without an event.
        self.shared.next::<()>(Deadline::never()).ok().flatten()
    }
}

impl Drop for Subscriber {
    /// Closes all connections and ends their threads. It takes no time worth naming, but for a node that is just being
    /// connected to and says nothing: up to the connect timeout.
    #[inline]
    fn drop(&mut self) {
        let threads = std::mem::take(&mut self.threads);
        if !self.shared.is_ours() {
            // They do not run here, so there is nothing to be waited for, nor anything to be let go of.
            return std::mem::forget(threads);
        }
        self.shared.stop::<()>();
        for (_, thread) in threads {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Subscriber {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        let nodes = state.links.iter().map(|link| link.node.to_string()).collect::<Vec<_>>();
        let held = state.links.iter().map(|link| link.held.len()).sum::<usize>();
        f.debug_struct("Subscriber").field("nodes", &nodes).field("subscriptions", &held).finish_non_exhaustive()
    }
}

/// Ends a [`Subscriber`] from another thread: [`Subscriber::stopper`] gives it. Clones end the same subscriber.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// Stops the subscriber for good: whoever waits for its next event waits no longer, its connections are closed and
    /// their threads end. Events that were not taken are dropped. Stopping twice, or after the subscriber is gone, does
    /// nothing.
    #[inline]
    pub fn stop(&self) {
        self.0.stop::<()>();
    }
}

impl fmt::Debug for Stopper {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("stopped", &self.0.state().stopped).finish_non_exhaustive()
    }
}
