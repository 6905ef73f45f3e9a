//! Messages to channels.

use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands that send messages and tell who listens.
///
/// A channel lives on one node, chosen like that of a key of the same name, and keeps its whole name, a hash tag
/// included. Whoever listens to it must do so there, on the master of
/// [`node_for`](crate::Cluster::node_for) the channel's name.
///
/// [`Cluster::subscriber`](crate::Cluster::subscriber) listens, on connections of its own.
pub trait PubSubCommands: Execute {
    /// Sends a message to all who listen to a channel, and gives how many they are.
    ///
    /// `PUBLISH`, since Redis 2.0.0. It goes to the master of the channel's node; its count leaves out those who listen
    /// at a replica, whom the message reaches as well.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.publish("news", "nobody will hear this")?, 0);
    /// # Ok(()) });
    /// ```
    fn publish<C: ToArg, M: ToArg>(self, channel: C, message: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::PUBLISH).arg(channel).arg(message))
    }

    /// Gives the channels that somebody listens to by name, of all nodes together. Patterns do not count.
    ///
    /// `PUBSUB CHANNELS`, since Redis 2.8.0. The masters are asked all at once; a channel that somebody listens to on
    /// several nodes comes once for each.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let channels: Vec<String> = cluster.pubsub_channels()?;
    /// assert!(channels.is_empty());
    /// # Ok(()) });
    /// ```
    fn pubsub_channels<C: FromValue>(self) -> Self::Output<Vec<C>> {
        self.execute(Cmd::new(&table::PUBSUB_CHANNELS))
    }

    /// As [`pubsub_channels`](PubSubCommands::pubsub_channels), those only whose names fit a pattern.
    ///
    /// `PUBSUB CHANNELS` with a pattern, since Redis 2.8.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let channels: Vec<String> = cluster.pubsub_channels_matching("news.*")?;
    /// assert!(channels.is_empty());
    /// # Ok(()) });
    /// ```
    fn pubsub_channels_matching<P: ToArg, C: FromValue>(self, pattern: P) -> Self::Output<Vec<C>> {
        self.execute(Cmd::new(&table::PUBSUB_CHANNELS).arg(pattern))
    }

    /// Gives how many patterns somebody listens to, on the node where they are most: who wants to hear a pattern has to
    /// listen on every node.
    ///
    /// `PUBSUB NUMPAT`, since Redis 2.8.0. The masters are asked all at once.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.pubsub_numpat()?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn pubsub_numpat(self) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::PUBSUB_NUMPAT))
    }

    /// Gives each of these channels with how many listen to it by name, of all nodes together; 0 for a channel that
    /// nobody listens to.
    ///
    /// `PUBSUB NUMSUB`, since Redis 2.8.0. The masters are asked all at once.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let listeners: Vec<(String, u64)> = cluster.pubsub_numsub(["news", "weather"])?;
    /// assert_eq!(listeners, [("news".to_owned(), 0), ("weather".to_owned(), 0)]);
    /// # Ok(()) });
    /// ```
    fn pubsub_numsub<C: ToArgs, N: FromValue>(self, channels: C) -> Self::Output<Vec<(N, u64)>> {
        self.execute(Cmd::new(&table::PUBSUB_NUMSUB).args_of(channels))
    }

    /// As [`pubsub_channels`](PubSubCommands::pubsub_channels), for the channels of
    /// [`spublish`](PubSubCommands::spublish).
    ///
    /// `PUBSUB SHARDCHANNELS`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let channels: Vec<String> = cluster.pubsub_shardchannels()?;
    /// assert!(channels.is_empty());
    /// # Ok(()) });
    /// ```
    fn pubsub_shardchannels<C: FromValue>(self) -> Self::Output<Vec<C>> {
        self.execute(Cmd::new(&table::PUBSUB_SHARDCHANNELS))
    }

    /// As [`pubsub_shardchannels`](PubSubCommands::pubsub_shardchannels), those only whose names fit a pattern.
    ///
    /// `PUBSUB SHARDCHANNELS` with a pattern, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let channels: Vec<String> = cluster.pubsub_shardchannels_matching("news.*")?;
    /// assert!(channels.is_empty());
    /// # Ok(()) });
    /// ```
    fn pubsub_shardchannels_matching<P: ToArg, C: FromValue>(self, pattern: P) -> Self::Output<Vec<C>> {
        self.execute(Cmd::new(&table::PUBSUB_SHARDCHANNELS).arg(pattern))
    }

    /// As [`pubsub_numsub`](PubSubCommands::pubsub_numsub), for the channels of
    /// [`spublish`](PubSubCommands::spublish).
    ///
    /// `PUBSUB SHARDNUMSUB`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let listeners: Vec<(String, u64)> = cluster.pubsub_shardnumsub("news")?;
    /// assert_eq!(listeners, [("news".to_owned(), 0)]);
    /// # Ok(()) });
    /// ```
    fn pubsub_shardnumsub<C: ToArgs, N: FromValue>(self, channels: C) -> Self::Output<Vec<(N, u64)>> {
        self.execute(Cmd::new(&table::PUBSUB_SHARDNUMSUB).args_of(channels))
    }

    /// Sends a message to all who listen to a shard channel, and gives how many they are. Shard channels have names of
    /// their own, and no patterns.
    ///
    /// `SPUBLISH`, since Redis 7.0.0. It goes to the master of the channel's node.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.spublish("news", "nobody will hear this")?, 0);
    /// # Ok(()) });
    /// ```
    fn spublish<C: ToArg, M: ToArg>(self, channel: C, message: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SPUBLISH).arg(channel).arg(message))
    }
}

impl<E: Execute> PubSubCommands for E {}
