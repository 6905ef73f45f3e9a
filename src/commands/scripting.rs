//! Scripts.

use super::args::Counted;
use super::Flush;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands that run scripts on the servers.
///
/// A script finds the names of its keys in `KEYS` and its other arguments in `ARGV`. Every key that it touches must be
/// among the keys of the call, for they say which node it runs on: all must live on one node, on several it is a
/// [`CrossNode`](crate::ErrorKind::CrossNode) error; a hash tag that they share prevents it. `KEYS` has the names that
/// the servers store, without such tags. A script that is called without keys runs on the first node. To each server a
/// script is one atomic step, and nobody else is served while it runs.
///
/// `()` stands for no keys and for no arguments. What a script returns may become any type: its tables become lists,
/// its numbers lose what is behind the point, and `false` and `nil` are a nil.
///
/// [`Script`](crate::Script) sends a script only where it is not known, and is what most programs want.
///
/// Functions, which servers keep with their data, are in [`FunctionCommands`](crate::FunctionCommands).
pub trait ScriptingCommands: Execute {
    /// Runs a script and gives what it returns.
    ///
    /// `EVAL`, since Redis 2.6.0. It goes to a master; the keys must live on one node.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the script cannot be compiled or fails, and whatever a command in it
    /// meets, such as [`WrongType`](crate::ErrorKind::WrongType): what the script wrote before that stays written, so the
    /// [outcome](crate::Error::outcome) is [`Unknown`](crate::Outcome::Unknown) then. And
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    /// let visits: u64 = cluster.eval(script, "visits", 3)?;
    /// assert_eq!(visits, 3);
    /// let words: Vec<String> = cluster.eval("return {'a', 'b'}", (), ())?;
    /// assert_eq!(words, ["a", "b"]);
    /// # Ok(()) });
    /// ```
    fn eval<S: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, script: S, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::EVAL).arg(script).args_of(Counted(keys)).args_of(args))
    }

    /// As [`eval`](ScriptingCommands::eval) for a script that only reads, so that a replica may run it.
    ///
    /// `EVAL_RO`, since Redis 7.0.0. The keys must live on one node.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the script tries to write; else as
    /// [`eval`](ScriptingCommands::eval).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let script = "return redis.call('EXISTS', KEYS[1])";
    /// let exists: bool = cluster.eval_ro(script, "missing", ())?;
    /// assert!(!exists);
    /// # Ok(()) });
    /// ```
    fn eval_ro<S: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, script: S, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::EVAL_RO).arg(script).args_of(Counted(keys)).args_of(args))
    }

    /// As [`eval`](ScriptingCommands::eval), for a script that the servers know: see
    /// [`script_load`](ScriptingCommands::script_load). It is named by its SHA-1 in hexadecimal digits.
    ///
    /// `EVALSHA`, since Redis 2.6.0. The keys must live on one node.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) with the [code](crate::Error::code) `NOSCRIPT` when the server does not
    /// know the script, as after a restart; else as [`eval`](ScriptingCommands::eval).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let sha = cluster.script_load("return redis.call('INCR', KEYS[1])")?;
    /// let visits: u64 = cluster.evalsha(&sha, "visits", ())?;
    /// assert_eq!(visits, 1);
    /// # Ok(()) });
    /// ```
    fn evalsha<S: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, sha: S, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::EVALSHA).arg(sha).args_of(Counted(keys)).args_of(args))
    }

    /// As [`evalsha`](ScriptingCommands::evalsha) for a script that only reads, so that a replica may run it.
    ///
    /// `EVALSHA_RO`, since Redis 7.0.0. The keys must live on one node.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the script tries to write; else as
    /// [`evalsha`](ScriptingCommands::evalsha).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// let sha = cluster.script_load("return redis.call('STRLEN', KEYS[1])")?;
    /// let length: u64 = cluster.evalsha_ro(&sha, "foo", ())?;
    /// # Ok(()) });
    /// ```
    fn evalsha_ro<S: ToArg, K: ToArgs, A: ToArgs, V: FromValue>(self, sha: S, keys: K, args: A) -> Self::Output<V> {
        self.execute(Cmd::new(&table::EVALSHA_RO).arg(sha).args_of(Counted(keys)).args_of(args))
    }

    /// Tells for each of these scripts, named by their SHA-1, whether the masters of all nodes know it.
    ///
    /// `SCRIPT EXISTS`, since Redis 2.6.0. The nodes are asked all at once.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let sha = cluster.script_load("return 1")?;
    /// assert_eq!(cluster.script_exists([&sha, "unknown"])?, [true, false]);
    /// # Ok(()) });
    /// ```
    fn script_exists<S: ToArgs>(self, shas: S) -> Self::Output<Vec<bool>> {
        self.execute(Cmd::new(&table::SCRIPT_EXISTS).args_of(shas))
    }

    /// Has every server forget all scripts.
    ///
    /// `SCRIPT FLUSH`, since Redis 2.6.0. All servers do it at once, replicas as well.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let sha = cluster.script_load("return 1")?;
    /// cluster.script_flush()?;
    /// assert_eq!(cluster.script_exists(sha)?, [false]);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn script_flush(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SCRIPT_FLUSH))
    }

    /// As [`script_flush`](ScriptingCommands::script_flush), saying whether the memory is freed before the reply or
    /// after it.
    ///
    /// `SCRIPT FLUSH` with `ASYNC` or `SYNC`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Flush;
    ///
    /// cluster.script_flush_with(Flush::Async)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    fn script_flush_with(self, mode: Flush) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SCRIPT_FLUSH).arg(mode))
    }

    /// Stops the script that runs at the moment, on every server. A script that has written cannot be stopped.
    ///
    /// `SCRIPT KILL`, since Redis 2.6.0. All servers get it at once, replicas as well, for they run scripts that only
    /// read. It succeeds when a script was stopped on at least one of them.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when none was stopped: with the [code](crate::Error::code) `UNKILLABLE` when
    /// one has written, with `NOTBUSY` when no script runs anywhere. [`Error::parts`](crate::Error::parts) tells what
    /// each server said. And [what every call may meet](crate#errors), when one of them cannot be asked.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let error = cluster.script_kill().unwrap_err();
    /// assert_eq!(error.code(), Some("NOTBUSY"));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn script_kill(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SCRIPT_KILL))
    }

    /// Gives a script to all servers without running it, and gives its SHA-1 in hexadecimal digits, by which
    /// [`evalsha`](ScriptingCommands::evalsha) runs it.
    ///
    /// `SCRIPT LOAD`, since Redis 2.6.0. All servers get it at once, replicas as well. They forget it when they are
    /// started again.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the script cannot be compiled, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.script_load("return 1")?, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    /// # Ok(()) });
    /// ```
    fn script_load<S: ToArg>(self, script: S) -> Self::Output<String> {
        self.execute(Cmd::new(&table::SCRIPT_LOAD).arg(script))
    }

    /// Gives the text of a script that is named by its SHA-1, as the first node has it.
    ///
    /// `SCRIPT SHOW`, since Valkey 8.0.0; Redis does not have it.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) with the [code](crate::Error::code) `NOSCRIPT` when the server does not
    /// know the script, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let sha = cluster.script_load("return 1")?;
    /// match cluster.script_show::<_, String>(sha) {
    ///     Ok(script) => assert_eq!(script, "return 1"),
    ///     Err(error) => assert!(error.message().to_lowercase().contains("unknown subcommand")),
    /// }
    /// # Ok(()) });
    /// ```
    fn script_show<S: ToArg, V: FromValue>(self, sha: S) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SCRIPT_SHOW).arg(sha))
    }
}

impl<E: Execute> ScriptingCommands for E {}
