//! Functions.

mod options;

pub use options::{
    EngineStats, FunctionInfo, FunctionLibrary, FunctionListOptions, FunctionRestore, FunctionStats, RunningFunction,
};

use super::args::Counted;
use super::{Flush, ServerCommands};
use crate::cmd::Cmd;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on functions: scripts in libraries that the servers keep with their data and pass on to replicas.
///
/// Libraries are loaded and removed on all nodes. The keys of a call say which node it runs on: all must live on one
/// node, on several it is a [`CrossNode`](crate::ErrorKind::CrossNode) error; a hash tag that they share prevents it.
/// A function gets the names that the servers store, without such tags. A function that is called without keys runs
/// on the first node.
///
/// `()` stands for no keys and for no arguments.
pub trait FunctionCommands: ServerCommands {
    /// Calls a function and gives what it returns.
    ///
    /// `FCALL`, since Redis 7.0.0. It goes to a master; the keys must live on one node.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such function or it fails, and whatever a command in it
    /// meets: what the function wrote before that stays written, so the [outcome](crate::Error::outcome) is
    /// [`Unknown`](crate::Outcome::Unknown) then. And [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load(
    ///     "#!lua name=visits
    ///     redis.register_function('visit', function(keys, args)
    ///         return redis.call('INCRBY', keys[1], args[1])
    ///     end)",
    /// )?;
    /// let visits: u64 = cluster.fcall("visit", "page:1", 2)?;
    /// assert_eq!(visits, 2);
    /// # Ok(()) });
    /// ```
    fn fcall<F: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, function: F, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::FCALL).arg(function).args_of(Counted(keys)).args_of(args))
    }

    /// As [`fcall`](FunctionCommands::fcall) for a function with the flag `no-writes`, so that a replica may run it.
    ///
    /// `FCALL_RO`, since Redis 7.0.0. The keys must live on one node. A replica may be a moment behind in what
    /// functions there are.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the function does not have the flag; else as
    /// [`fcall`](FunctionCommands::fcall).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load(
    ///     "#!lua name=greetings
    ///     redis.register_function{
    ///         function_name = 'greet',
    ///         callback = function(keys, args) return 'hello ' .. args[1] end,
    ///         flags = {'no-writes'},
    ///     }",
    /// )?;
    /// let greeting: String = cluster.fcall_ro("greet", (), "anna")?;
    /// assert_eq!(greeting, "hello anna");
    /// # Ok(()) });
    /// ```
    fn fcall_ro<F: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, function: F, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::FCALL_RO).arg(function).args_of(Counted(keys)).args_of(args))
    }

    /// Removes a library with its functions, on all nodes.
    ///
    /// `FUNCTION DELETE`, since Redis 7.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when a node has no such library; the others have removed it then:
    /// [`Error::parts`](crate::Error::parts) tells. And [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// cluster.function_delete("mine")?;
    /// assert!(cluster.function_delete("mine").is_err());
    /// # Ok(()) });
    /// ```
    fn function_delete<L: ToArg>(self, library: L) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_DELETE).arg(library))
    }

    /// Gives all libraries of the first node in one string of bytes, for
    /// [`function_restore`](FunctionCommands::function_restore).
    ///
    /// `FUNCTION DUMP`, since Redis 7.0.0. All nodes have the same libraries unless somebody changed one of them alone.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let nothing = cluster.function_dump()?;
    /// cluster.function_restore(nothing)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_dump(self) -> Self::Output<Vec<u8>> {
        self.execute(Cmd::new(&table::FUNCTION_DUMP))
    }

    /// Removes all libraries, on all nodes.
    ///
    /// `FUNCTION FLUSH`, since Redis 7.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// cluster.function_flush()?;
    /// assert!(cluster.function_list()?.is_empty());
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_flush(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_FLUSH))
    }

    /// As [`function_flush`](FunctionCommands::function_flush), saying whether the memory is freed before the reply or
    /// after it.
    ///
    /// `FUNCTION FLUSH` with `ASYNC` or `SYNC`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Flush;
    ///
    /// cluster.function_flush_with(Flush::Sync)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_flush_with(self, mode: Flush) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_FLUSH).arg(mode))
    }

    /// Stops the function that runs at the moment, on every server. A function that has written cannot be stopped.
    ///
    /// `FUNCTION KILL`, since Redis 7.0.0. All servers get it at once, replicas as well, for they run functions that
    /// only read. It succeeds when a function was stopped on at least one of them.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when none was stopped: with the [code](crate::Error::code) `UNKILLABLE` when
    /// one has written, with `NOTBUSY` when no function runs anywhere. [`Error::parts`](crate::Error::parts) tells what
    /// each server said. And [what every call may meet](crate#errors), when one of them cannot be asked.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let error = cluster.function_kill().unwrap_err();
    /// assert_eq!(error.code(), Some("NOTBUSY"));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_kill(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_KILL))
    }

    /// Gives the libraries of the first node with their functions, without their code.
    ///
    /// `FUNCTION LIST`, since Redis 7.0.0. All nodes have the same libraries unless somebody changed one of them alone.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// let libraries = cluster.function_list()?;
    /// assert_eq!((libraries[0].name.as_str(), libraries[0].functions[0].name.as_str()), ("mine", "one"));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_list(self) -> Self::Output<Vec<FunctionLibrary>> {
        self.execute(Cmd::new(&table::FUNCTION_LIST))
    }

    /// As [`function_list`](FunctionCommands::function_list), some libraries only, or with their code.
    ///
    /// `FUNCTION LIST` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FunctionListOptions;
    ///
    /// let code = "#!lua name=mine\nredis.register_function('one', function() return 1 end)";
    /// cluster.function_load(code)?;
    /// let libraries = cluster.function_list_with(FunctionListOptions::new().library("m*").code())?;
    /// assert_eq!(libraries[0].code.as_deref(), Some(code));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_list_with(self, options: FunctionListOptions) -> Self::Output<Vec<FunctionLibrary>> {
        self.execute(Cmd::new(&table::FUNCTION_LIST).args_of(options))
    }

    /// Loads a library on all nodes and gives its name. The code says it in its first line, such as `#!lua name=mine`.
    ///
    /// `FUNCTION LOAD`, since Redis 7.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the code cannot be loaded, or when a node has a library or a function
    /// of such a name already; nodes that do not have it have loaded it then:
    /// [`Error::parts`](crate::Error::parts) tells. And [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let code = "#!lua name=mine\nredis.register_function('one', function() return 1 end)";
    /// assert_eq!(cluster.function_load(code)?, "mine");
    /// # Ok(()) });
    /// ```
    fn function_load<C: ToArg>(self, code: C) -> Self::Output<String> {
        self.execute(Cmd::new(&table::FUNCTION_LOAD).arg(code))
    }

    /// As [`function_load`](FunctionCommands::function_load), in place of a library of the same name.
    ///
    /// `FUNCTION LOAD REPLACE`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the code cannot be loaded or another library has a function of the
    /// same name, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let code = "#!lua name=mine\nredis.register_function('one', function() return 1 end)";
    /// cluster.function_load_replace(code)?;
    /// cluster.function_load_replace(code)?;
    /// # Ok(()) });
    /// ```
    fn function_load_replace<C: ToArg>(self, code: C) -> Self::Output<String> {
        self.execute(Cmd::new(&table::FUNCTION_LOAD).arg("REPLACE").arg(code))
    }

    /// Loads the libraries of a [`function_dump`](FunctionCommands::function_dump) on all nodes, beside those that are
    /// there.
    ///
    /// `FUNCTION RESTORE`, since Redis 7.0.0. The nodes do it all at once, each atomically; the whole is not.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the bytes are no dump or a node has one of the libraries already, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// let dump = cluster.function_dump()?;
    /// cluster.function_flush()?;
    /// cluster.function_restore(dump)?;
    /// assert_eq!(cluster.function_list()?.len(), 1);
    /// # Ok(()) });
    /// ```
    fn function_restore<D: ToArg>(self, dump: D) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_RESTORE).arg(dump))
    }

    /// As [`function_restore`](FunctionCommands::function_restore), saying what becomes of the libraries that are
    /// there.
    ///
    /// `FUNCTION RESTORE` with `APPEND`, `FLUSH` or `REPLACE`, since Redis 7.0.0.
    ///
    /// # Errors
    /// As [`function_restore`](FunctionCommands::function_restore).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FunctionRestore;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// let dump = cluster.function_dump()?;
    /// cluster.function_restore_with(dump, FunctionRestore::Replace)?;
    /// # Ok(()) });
    /// ```
    fn function_restore_with<D: ToArg>(self, dump: D, policy: FunctionRestore) -> Self::Output<()> {
        self.execute(Cmd::new(&table::FUNCTION_RESTORE).arg(dump).arg(policy))
    }

    /// Tells of every server which function runs at the moment, and how many libraries and functions it has.
    ///
    /// `FUNCTION STATS`, since Redis 7.0.0. On a cluster every server is asked, replicas as well: see
    /// [`PerNode`](crate::PerNode).
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.function_load("#!lua name=mine\nredis.register_function('one', function() return 1 end)")?;
    /// for (node, stats) in cluster.function_stats()? {
    ///     println!("{node} has {} functions", stats.engines["LUA"].functions);
    ///     assert!(stats.running.is_none());
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn function_stats(self) -> Self::Output<Self::Each<FunctionStats>> {
        self.execute(Cmd::new(&table::FUNCTION_STATS))
    }
}

impl<E: ServerCommands> FunctionCommands for E {}
