//! The servers themselves.

mod flush;
mod per_node;

pub use flush::Flush;
pub use per_node::PerNode;

use crate::cluster::{Cluster, OnEachMaster, OnNode};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::net::Connection;
use crate::pipeline::Pipeline;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use crate::transaction::{Transaction, Watched};
use std::collections::BTreeMap;

/// Commands about servers.
///
/// On a cluster most of them go to every server, masters and replicas alike (with
/// [`ReadFrom::Master`](crate::ReadFrom::Master) to the masters), all at once, and each reply comes with the name of
/// its server: see [`PerNode`]. When one server fails, so does the call; [`Error::parts`](crate::Error::parts) then
/// tells how far each one came.
pub trait ServerCommands: Execute {
    /// What a command that goes to every server gives: on a cluster a [`PerNode`], on a connection the one reply.
    type Each<T: FromValue>: FromValue;

    /// Has every server rewrite its append-only file in the background, and gives the status: begun or scheduled.
    ///
    /// `BGREWRITEAOF`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when a server is at it already, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let status = cluster.bgrewriteaof()?;
    /// assert!(status.get("node_1").unwrap().starts_with("Background"));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn bgrewriteaof(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::BGREWRITEAOF))
    }

    /// Has every server save its data in the background, and gives the status.
    ///
    /// `BGSAVE`, since Redis 1.0.0. See [`lastsave`](ServerCommands::lastsave) for when it is done.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when a server is saving or rewriting its append-only file, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let status = cluster.bgsave()?;
    /// assert!(status.get("node_1").unwrap().starts_with("Background"));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn bgsave(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::BGSAVE))
    }

    /// As [`bgsave`](ServerCommands::bgsave); a server that is rewriting its append-only file saves after that.
    ///
    /// `BGSAVE SCHEDULE`, since Redis 3.2.2.
    ///
    /// # Errors
    /// As [`bgsave`](ServerCommands::bgsave).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.bgsave_schedule()?.len(), 2);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn bgsave_schedule(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::BGSAVE).arg("SCHEDULE"))
    }

    /// Gives the clients of every server: a line for each with fields like `id=3`.
    ///
    /// `CLIENT LIST`, since Redis 2.4.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, clients) in cluster.client_list()? {
    ///     println!("{node} has {} clients", clients.lines().count());
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn client_list(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::CLIENT_LIST))
    }

    /// Gives the settings of every server whose names fit one of these patterns.
    ///
    /// `CONFIG GET`, since Redis 2.0.0; several patterns since 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let settings = cluster.config_get("maxmemory*")?;
    /// assert_eq!(settings.get("node_2").unwrap()["maxmemory"], "0");
    /// # Ok(()) });
    /// ```
    fn config_get<P: ToArgs>(self, patterns: P) -> Self::Output<Self::Each<BTreeMap<String, String>>> {
        self.execute(Cmd::new(&table::CONFIG_GET).args_of(patterns))
    }

    /// Sets the counters that [`info`](ServerCommands::info) shows back to 0, on every server.
    ///
    /// `CONFIG RESETSTAT`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.config_resetstat()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn config_resetstat(self) -> Self::Output<Self::Each<()>> {
        self.execute(Cmd::new(&table::CONFIG_RESETSTAT))
    }

    /// Has every server write its settings into its configuration file.
    ///
    /// `CONFIG REWRITE`, since Redis 2.8.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a server that was started without such a file, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// if let Err(error) = cluster.config_rewrite() {
    ///     assert!(error.message().contains("without a config file"));
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn config_rewrite(self) -> Self::Output<Self::Each<()>> {
        self.execute(Cmd::new(&table::CONFIG_REWRITE))
    }

    /// Changes settings of every server, until it is started again or they are
    /// [written down](ServerCommands::config_rewrite).
    ///
    /// `CONFIG SET`, since Redis 2.0.0; several settings since 7.0.0, all or none on each server.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for an unknown name or a bad value, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.config_set(("maxmemory", "64mb"))?;
    /// for (_, settings) in cluster.config_get("maxmemory")? {
    ///     assert_eq!(settings["maxmemory"], "67108864");
    /// }
    /// # Ok(()) });
    /// ```
    fn config_set<P: ToPairs>(self, settings: P) -> Self::Output<Self::Each<()>> {
        self.execute(Cmd::new(&table::CONFIG_SET).pairs(settings))
    }

    /// Gives the number of keys, of all nodes together.
    ///
    /// `DBSIZE`, since Redis 1.0.0. Two names of one server count once.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// assert_eq!(cluster.dbsize()?, 2);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn dbsize(self) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::DBSIZE))
    }

    /// Tells how the master of a key stores it: a line of fields like `encoding:listpack`.
    ///
    /// `DEBUG OBJECT`, since Redis 1.0.0. Servers since 7.0.0 allow it only when they were started with
    /// `enable-debug-command`.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such key or the command is not allowed, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// match cluster.debug_object("foo") {
    ///     Ok(fields) => assert!(fields.contains("encoding:embstr")),
    ///     Err(error) => assert!(error.message().contains("not allowed")),
    /// }
    /// # Ok(()) });
    /// ```
    fn debug_object<K: ToArg>(self, key: K) -> Self::Output<String> {
        self.execute(Cmd::new(&table::DEBUG_OBJECT).arg(key))
    }

    /// Gives back what it is given, from one server.
    ///
    /// `ECHO`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let back: String = cluster.echo("hello")?;
    /// assert_eq!(back, "hello");
    /// # Ok(()) });
    /// ```
    fn echo<M: ToArg, V: FromValue>(self, message: M) -> Self::Output<V> {
        self.execute(Cmd::new(&table::ECHO).arg(message))
    }

    /// Removes every key of every database, on all nodes.
    ///
    /// `FLUSHALL`, since Redis 1.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// cluster.flushall()?;
    /// assert_eq!(cluster.dbsize()?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn flushall(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FLUSHALL))
    }

    /// As [`flushall`](ServerCommands::flushall), saying whether the memory is freed before the reply or after it.
    ///
    /// `FLUSHALL ASYNC`, since Redis 4.0.0; `FLUSHALL SYNC`, since 6.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Flush;
    ///
    /// cluster.flushall_with(Flush::Async)?;
    /// # Ok(()) });
    /// ```
    #[doc(alias = "flushall_options")]
    #[inline]
    fn flushall_with(self, mode: Flush) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FLUSHALL).arg(mode))
    }

    /// Removes every key of the database that this cluster uses, on all nodes.
    ///
    /// `FLUSHDB`, since Redis 1.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// cluster.flushdb()?;
    /// assert_eq!(cluster.dbsize()?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn flushdb(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FLUSHDB))
    }

    /// As [`flushdb`](ServerCommands::flushdb), saying whether the memory is freed before the reply or after it.
    ///
    /// `FLUSHDB ASYNC`, since Redis 4.0.0; `FLUSHDB SYNC`, since 6.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Flush;
    ///
    /// cluster.flushdb_with(Flush::Sync)?;
    /// # Ok(()) });
    /// ```
    #[doc(alias = "flushdb_options")]
    #[inline]
    fn flushdb_with(self, mode: Flush) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FLUSHDB).arg(mode))
    }

    /// Gives what every server tells about itself: sections of lines `field:value`.
    ///
    /// `INFO`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, info) in cluster.info()? {
    ///     let version = info.lines().find(|line| line.starts_with("redis_version:"));
    ///     println!("{node} {}", version.unwrap_or("is of an unknown version"));
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn info(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::INFO))
    }

    /// As [`info`](ServerCommands::info), some sections only.
    ///
    /// `INFO` with a section, since Redis 2.6.0; several sections since 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let memory = cluster.info_section("memory")?;
    /// assert!(memory.get("node_1").unwrap().contains("used_memory:"));
    /// # Ok(()) });
    /// ```
    fn info_section<S: ToArgs>(self, sections: S) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::INFO).args_of(sections))
    }

    /// Gives when every server last saved its data, in seconds since 1970.
    ///
    /// `LASTSAVE`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.lastsave()?.replies().all(|&seconds| seconds > 1_700_000_000));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn lastsave(self) -> Self::Output<Self::Each<u64>> {
        self.execute(Cmd::new(&table::LASTSAVE))
    }

    /// Asks every server for a sign of life, which is `PONG`.
    ///
    /// `PING`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.ping()?.get("node_2").unwrap(), "PONG");
    /// # Ok(()) });
    /// ```
    #[inline]
    fn ping(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::PING))
    }

    /// Has every server save its data. A server answers nobody while it saves: [`bgsave`](ServerCommands::bgsave) is
    /// nearly always the better choice.
    ///
    /// `SAVE`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when a server is saving in the background or cannot write, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.save()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn save(self) -> Self::Output<Self::Each<()>> {
        self.execute(Cmd::new(&table::SAVE))
    }

    /// Gives every server's clock: seconds since 1970, and microseconds of the next one.
    ///
    /// `TIME`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, (seconds, microseconds)) in cluster.time()? {
    ///     println!("{node} {seconds}.{microseconds:06}");
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn time(self) -> Self::Output<Self::Each<(u64, u32)>> {
        self.execute(Cmd::new(&table::TIME))
    }
}

impl ServerCommands for &Cluster {
    type Each<T: FromValue> = PerNode<T>;
}

impl ServerCommands for &mut Pipeline {
    type Each<T: FromValue> = PerNode<T>;
}

impl ServerCommands for &mut Connection {
    type Each<T: FromValue> = T;
}

impl ServerCommands for &OnNode {
    type Each<T: FromValue> = T;
}

impl ServerCommands for &mut Transaction<'_> {
    type Each<T: FromValue> = T;
}

impl ServerCommands for &mut Watched {
    type Each<T: FromValue> = T;
}

impl ServerCommands for &OnEachMaster {
    type Each<T: FromValue> = T;
}
