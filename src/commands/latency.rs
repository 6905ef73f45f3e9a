//! What has taken servers long.

mod replies;

pub use replies::{CommandLog, CommandLogEntry, LatencyEvent, LatencyHistogram, LatencySpike, SlowLogEntry};

use super::ServerCommands;
use crate::cmd::Cmd;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::collections::BTreeMap;

/// Commands on what servers note about slow commands and other delays. They go to every server, as with
/// [`ServerCommands`].
///
/// Delays are noted only when the setting `latency-monitor-threshold` says from how many milliseconds on.
pub trait LatencyCommands: ServerCommands {
    /// Gives up to `count` of the last commands of every server that were slow or large, the newest first; −1 is for all.
    ///
    /// `COMMANDLOG GET`, since Valkey 8.1.0. [`slowlog_get`](LatencyCommands::slowlog_get) is what Redis has.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("valkey 8.1", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::CommandLog;
    ///
    /// for (node, entries) in cluster.commandlog_get(10, CommandLog::LargeReply)? {
    ///     for entry in entries {
    ///         println!("{node}: {:?} gave {} bytes", entry.args, entry.measured);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn commandlog_get(self, count: i64, log: CommandLog) -> Self::Output<Self::Each<Vec<CommandLogEntry>>> {
        self.execute(Cmd::new(&table::COMMANDLOG_GET).arg(count).arg(log))
    }

    /// Gives how many commands are in such a log, of all servers together.
    ///
    /// `COMMANDLOG LEN`, since Valkey 8.1.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("valkey 8.1", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::CommandLog;
    ///
    /// assert_eq!(cluster.commandlog_len(CommandLog::LargeRequest)?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn commandlog_len(self, log: CommandLog) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::COMMANDLOG_LEN).arg(log))
    }

    /// Empties such a log, on every server.
    ///
    /// `COMMANDLOG RESET`, since Valkey 8.1.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("valkey 8.1", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::CommandLog;
    ///
    /// cluster.commandlog_reset(CommandLog::Slow)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn commandlog_reset(self, log: CommandLog) -> Self::Output<()> {
        self.execute(Cmd::new(&table::COMMANDLOG_RESET).arg(log))
    }

    /// Gives what every server makes of its delays, with advice, as text for people.
    ///
    /// `LATENCY DOCTOR`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, advice) in cluster.latency_doctor()? {
    ///     println!("{node}: {advice}");
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn latency_doctor(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::LATENCY_DOCTOR))
    }

    /// Gives the delays of one kind of every server as a drawing of characters, for people.
    ///
    /// `LATENCY GRAPH`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when a server has noted none of this kind, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// match cluster.latency_graph("command") {
    ///     Ok(graphs) => graphs.into_iter().for_each(|(node, graph)| println!("{node}:\n{graph}")),
    ///     Err(error) => assert!(error.message().contains("No samples")),
    /// }
    /// # Ok(()) });
    /// ```
    fn latency_graph<N: ToArg>(self, event: N) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::LATENCY_GRAPH).arg(event))
    }

    /// Gives how long commands have taken on every server since it was started; of all commands when none is named.
    ///
    /// `LATENCY HISTOGRAM`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// for (node, histograms) in cluster.latency_histogram("set")? {
    ///     if let Some(histogram) = histograms.get("set") {
    ///         println!("{node}: {} calls, {:?}", histogram.calls, histogram.buckets);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    fn latency_histogram<N: ToArgs>(self, commands: N) -> Self::Output<Self::Each<BTreeMap<String, LatencyHistogram>>> {
        self.execute(Cmd::new(&table::LATENCY_HISTOGRAM).args_of(commands))
    }

    /// Gives the last delays of one kind of every server, the oldest first; of an unknown kind, none.
    ///
    /// `LATENCY HISTORY`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.config_set(("latency-monitor-threshold", 100))?;
    /// assert!(cluster.latency_history("command")?.replies().all(|delays| delays.is_empty()));
    /// # Ok(()) });
    /// ```
    fn latency_history<N: ToArg>(self, event: N) -> Self::Output<Self::Each<Vec<LatencySpike>>> {
        self.execute(Cmd::new(&table::LATENCY_HISTORY).arg(event))
    }

    /// Gives every kind of delay that a server has noted, with the last and the longest one.
    ///
    /// `LATENCY LATEST`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, events) in cluster.latency_latest()? {
    ///     for event in events {
    ///         println!("{node}: {} took {:?}, once {:?}", event.name, event.latest, event.longest);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn latency_latest(self) -> Self::Output<Self::Each<Vec<LatencyEvent>>> {
        self.execute(Cmd::new(&table::LATENCY_LATEST))
    }

    /// Has every server forget delays of these kinds, or all when none is named. Gives how many kinds there were, of all
    /// servers together.
    ///
    /// `LATENCY RESET`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.latency_reset("command")?, 0);
    /// # Ok(()) });
    /// ```
    fn latency_reset<N: ToArgs>(self, events: N) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LATENCY_RESET).args_of(events))
    }

    /// Gives up to `count` of the last slow commands of every server, the newest first; −1 is for all.
    ///
    /// `SLOWLOG GET`, since Redis 2.2.12; −1 since 7.0.0. The setting `slowlog-log-slower-than` says what is slow.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, entries) in cluster.slowlog_get(10)? {
    ///     for entry in entries {
    ///         println!("{node}: {:?} for {:?} of {}", entry.took, entry.args, entry.client);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn slowlog_get(self, count: i64) -> Self::Output<Self::Each<Vec<SlowLogEntry>>> {
        self.execute(Cmd::new(&table::SLOWLOG_GET).arg(count))
    }

    /// Gives how many slow commands are noted, of all servers together.
    ///
    /// `SLOWLOG LEN`, since Redis 2.2.12.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// println!("{} slow commands", cluster.slowlog_len()?);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn slowlog_len(self) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SLOWLOG_LEN))
    }

    /// Has every server forget its slow commands.
    ///
    /// `SLOWLOG RESET`, since Redis 2.2.12.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.slowlog_reset()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn slowlog_reset(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SLOWLOG_RESET))
    }
}

impl<E: ServerCommands> LatencyCommands for E {}
