//! Clients, commands, memory, modules and replication of servers.

mod options;
mod replies;

pub use options::{ClientKillOptions, ClientType, CommandFilter};
pub use replies::{ConnectedReplica, MemoryStats, ModuleInfo, ReplicationRole};

use super::time::millis;
use super::ServerCommands;
use crate::cmd::Cmd;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::time::Duration;

/// Commands for those who run servers. Most of them go to every server, as with [`ServerCommands`]; what all servers
/// know alike is asked from one.
pub trait AdminCommands: ServerCommands {
    /// Closes connections of clients to every server, and gives how many. The connections that this command comes over stay,
    /// unless [`skip_me`](ClientKillOptions::skip_me) says otherwise; others of this cluster are made anew when needed.
    ///
    /// `CLIENT KILL`, since Redis 2.4.0; this form of it since 2.8.12.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when nothing is chosen or the choice is wrong, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ClientKillOptions, ClientType};
    ///
    /// let subscribers = ClientKillOptions::new().client_type(ClientType::PubSub);
    /// assert!(cluster.client_kill(subscribers)?.replies().all(|&closed| closed == 0));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn client_kill(self, options: ClientKillOptions) -> Self::Output<Self::Each<u64>> {
        self.execute(Cmd::new(&table::CLIENT_KILL).args_of(options))
    }

    /// Lets every server keep all clients waiting for so long, rounded up to whole milliseconds.
    ///
    /// `CLIENT PAUSE`, since Redis 3.0.0. Calls of this cluster wait as well, and may meet their deadline.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.client_pause(Duration::from_millis(10))?;
    /// assert_eq!(cluster.exists("foo")?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn client_pause(self, time: Duration) -> Self::Output<()> {
        self.execute(Cmd::new(&table::CLIENT_PAUSE).arg(millis(time)))
    }

    /// As [`client_pause`](AdminCommands::client_pause), only clients that want to write.
    ///
    /// `CLIENT PAUSE … WRITE`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.2", |cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.client_pause_writes(Duration::from_secs(10))?;
    /// assert_eq!(cluster.exists("foo")?, 0);
    /// cluster.client_unpause()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn client_pause_writes(self, time: Duration) -> Self::Output<()> {
        self.execute(Cmd::new(&table::CLIENT_PAUSE).arg(millis(time)).arg("WRITE"))
    }

    /// Ends a pause on every server. While all clients are kept waiting, that includes the one that sends this.
    ///
    /// `CLIENT UNPAUSE`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.2", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.client_unpause()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn client_unpause(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::CLIENT_UNPAUSE))
    }

    /// Gives what one server knows about all of its commands. See [`spec`](crate::spec) for what this library knows.
    ///
    /// `COMMAND`, since Redis 2.8.13. The reply differs from version to version: [`Value`](crate::Value) takes any.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Value;
    ///
    /// let rows: Vec<Value> = cluster.command()?;
    /// assert!(rows.len() > 100);
    /// # Ok(()) });
    /// ```
    fn command<V: FromValue>(self) -> Self::Output<V> {
        self.execute(Cmd::new(&table::COMMAND))
    }

    /// Gives how many commands one server knows, subcommands not counted.
    ///
    /// `COMMAND COUNT`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.command_count()? > 100);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn command_count(self) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::COMMAND_COUNT))
    }

    /// Gives what one server has written about commands; about all when none is named.
    ///
    /// `COMMAND DOCS`, since Redis 7.0.0. The reply differs from version to version: [`Value`](crate::Value) takes any.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Value;
    /// use std::collections::BTreeMap;
    ///
    /// let docs: BTreeMap<String, Value> = cluster.command_docs(["get", "set"])?;
    /// assert_eq!(docs.len(), 2);
    /// # Ok(()) });
    /// ```
    fn command_docs<N: ToArgs, V: FromValue>(self, names: N) -> Self::Output<V> {
        self.execute(Cmd::new(&table::COMMAND_DOCS).args_of(names))
    }

    /// Gives the keys of a command, given word by word, as one server finds them. Hash tags are not removed.
    ///
    /// `COMMAND GETKEYS`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for what is no command or one without keys, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let keys: Vec<String> = cluster.command_getkeys(["MSET", "foo", "1", "bar", "2"])?;
    /// assert_eq!(keys, ["foo", "bar"]);
    /// # Ok(()) });
    /// ```
    fn command_getkeys<C: ToArgs, K: FromValue>(self, command: C) -> Self::Output<Vec<K>> {
        self.execute(Cmd::new(&table::COMMAND_GETKEYS).args_of(command))
    }

    /// As [`command_getkeys`](AdminCommands::command_getkeys), each key with words for what is done to it, such as `RO` or
    /// `update`.
    ///
    /// `COMMAND GETKEYSANDFLAGS`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for what is no command or one without keys, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let keys: Vec<(String, Vec<String>)> = cluster.command_getkeysandflags(["GET", "foo"])?;
    /// assert_eq!(keys[0].0, "foo");
    /// assert!(keys[0].1.contains(&"RO".to_owned()));
    /// # Ok(()) });
    /// ```
    fn command_getkeysandflags<C: ToArgs, K: FromValue>(self, command: C) -> Self::Output<Vec<(K, Vec<String>)>> {
        self.execute(Cmd::new(&table::COMMAND_GETKEYSANDFLAGS).args_of(command))
    }

    /// As [`command`](AdminCommands::command), for some commands only; nil for a name that the server does not know.
    ///
    /// `COMMAND INFO`, since Redis 2.8.13.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Value;
    ///
    /// let rows: Vec<Option<Value>> = cluster.command_info(["get", "nosuch"])?;
    /// assert!(rows[0].is_some() && rows[1].is_none());
    /// # Ok(()) });
    /// ```
    fn command_info<N: ToArgs, V: FromValue>(self, names: N) -> Self::Output<V> {
        self.execute(Cmd::new(&table::COMMAND_INFO).args_of(names))
    }

    /// Gives the names of all commands that one server knows, those of subcommands as `config|get`.
    ///
    /// `COMMAND LIST`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.command_list()?.contains(&"get".to_owned()));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn command_list(self) -> Self::Output<Vec<String>> {
        self.execute(Cmd::new(&table::COMMAND_LIST))
    }

    /// Gives the names of some commands that one server knows.
    ///
    /// `COMMAND LIST … FILTERBY`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::CommandFilter;
    ///
    /// let blocking = cluster.command_list_by(CommandFilter::Category("blocking"))?;
    /// assert!(blocking.contains(&"blpop".to_owned()));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn command_list_by(self, filter: CommandFilter<'_>) -> Self::Output<Vec<String>> {
        self.execute(Cmd::new(&table::COMMAND_LIST).arg("FILTERBY").args_of(filter))
    }

    /// Gives what every server makes of its use of memory, with advice, as text for people.
    ///
    /// `MEMORY DOCTOR`, since Redis 4.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.memory_doctor()?.len(), 2);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn memory_doctor(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::MEMORY_DOCTOR))
    }

    /// Gives the figures of every server's memory allocator, as text for people.
    ///
    /// `MEMORY MALLOC-STATS`, since Redis 4.0.0. Only jemalloc has any.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.memory_malloc_stats()?.len(), 2);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn memory_malloc_stats(self) -> Self::Output<Self::Each<String>> {
        self.execute(Cmd::new(&table::MEMORY_MALLOC_STATS))
    }

    /// Asks the memory allocator of every server to give back what it does not use.
    ///
    /// `MEMORY PURGE`, since Redis 4.0.0. Only jemalloc does it.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.memory_purge()?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn memory_purge(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::MEMORY_PURGE))
    }

    /// Gives what every server uses memory for, by name.
    ///
    /// `MEMORY STATS`, since Redis 4.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, stats) in cluster.memory_stats()? {
    ///     println!("{node} uses {} bytes", stats.get("total.allocated").unwrap());
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn memory_stats(self) -> Self::Output<Self::Each<MemoryStats>> {
        self.execute(Cmd::new(&table::MEMORY_STATS))
    }

    /// Gives about how many bytes of memory a key takes, its name included, from a few of its elements; `None` when there is
    /// no such key.
    ///
    /// `MEMORY USAGE`, since Redis 4.0.0. Like any read it may reach a replica, which stores values in its own way.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert!(cluster.memory_usage("foo")? > Some(6));
    /// # Ok(()) });
    /// ```
    fn memory_usage<K: ToArg>(self, key: K) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::MEMORY_USAGE).arg(key))
    }

    /// As [`memory_usage`](AdminCommands::memory_usage), looking at so many elements; at all of them for 0.
    ///
    /// `MEMORY USAGE … SAMPLES`, since Redis 4.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("list", ["a", "b"])?;
    /// assert!(cluster.memory_usage_samples("list", 0)?.is_some());
    /// # Ok(()) });
    /// ```
    fn memory_usage_samples<K: ToArg>(self, key: K, samples: u64) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::MEMORY_USAGE).arg(key).arg("SAMPLES").arg(samples))
    }

    /// Gives the modules that every server has loaded.
    ///
    /// `MODULE LIST`, since Redis 4.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, modules) in cluster.module_list()? {
    ///     for module in modules {
    ///         println!("{node}: {} {}", module.name, module.version);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn module_list(self) -> Self::Output<Self::Each<Vec<ModuleInfo>>> {
        self.execute(Cmd::new(&table::MODULE_LIST))
    }

    /// Gives what every server is to replication: a master with its replicas, or a replica of another server.
    ///
    /// `ROLE`, since Redis 2.8.12.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ReplicationRole;
    ///
    /// for (node, role) in cluster.role()? {
    ///     assert!(matches!(role, ReplicationRole::Master { .. }), "{node}");
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn role(self) -> Self::Output<Self::Each<ReplicationRole>> {
        self.execute(Cmd::new(&table::ROLE))
    }

    /// Swaps two databases, on all nodes: who uses the one sees the keys of the other from then on.
    ///
    /// `SWAPDB`, since Redis 4.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a database that does not exist, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// cluster.swapdb(0, 1)?;
    /// assert_eq!(cluster.exists("foo")?, 0);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn swapdb(self, first: u32, second: u32) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SWAPDB).arg(first).arg(second))
    }
}

impl<E: ServerCommands> AdminCommands for E {}
