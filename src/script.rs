//! Scripts that are sent once and named afterwards.

mod sha1;

use crate::cluster::{Cluster, OnNode};
use crate::cmd::{Cmd, Execute};
use crate::command::Args;
use crate::error::{Error, OwnWords, Result};
use crate::execute::Row;
use crate::from_value::FromValue;
use crate::net::Connection;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// A script that goes over the wire once a server: afterwards it is named by its SHA-1.
///
/// A call asks the node of its keys by `EVALSHA`. A server that does not know the script, because it is new or was
/// started again, is sent the whole by `EVAL` in one further round trip, within the same call, and knows it from then
/// on. So nothing has to be loaded before, and nothing is remembered here. When the text, a key or an argument has the word
/// `NOSCRIPT` in it, the script could give that answer itself; then the server is asked each time whether it knows the
/// script before it is to run it.
///
/// Every key that the script touches must be among the keys of the call, and all must live on one node: see
/// [`ScriptingCommands`](crate::ScriptingCommands) for what else holds of scripts. A call without keys goes to the first
/// node.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
/// use rediscluster::Script;
///
/// static LIMIT: Script = Script::new(
///     "local hits = redis.call('INCR', KEYS[1])
///     if hits == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
///     return hits",
/// );
/// let hits: u64 = LIMIT.call().key("hits:7{user:7}").arg(60).run(cluster)?;
/// assert_eq!(hits, 1);
/// # Ok(()) });
/// ```
#[derive(Clone)]
pub struct Script {
    text: Cow<'static, str>,
    only_reads: bool,
    sha: OnceLock<String>,
}

/// One call of a [`Script`]: its keys and its arguments. It can be run any number of times.
#[derive(Clone)]
pub struct ScriptCall<'s> {
    script: &'s Script,
    keys: Args,
    args: Args,
}

impl Script {
    /// A script from its text. Nothing is sent and nothing is checked, so that it can be a `static`; a text that is made
    /// at run time becomes a script by [`From`].
    #[inline]
    pub const fn new(text: &'static str) -> Script {
        Script { text: Cow::Borrowed(text), only_reads: false, sha: OnceLock::new() }
    }

    /// Says that the script only reads, so that replicas may run it: its calls go where reads go, by `EVALSHA_RO` and
    /// `EVAL_RO`, which servers have since Redis 7.0.0. A replica that does not know the script is sent it by itself.
    /// When the script tries to write all the same, the server refuses that.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Script;
    ///
    /// static LENGTHS: Script = Script::new(
    ///     "local sum = 0
    ///     for _, key in ipairs(KEYS) do sum = sum + redis.call('STRLEN', key) end
    ///     return sum",
    /// )
    /// .read_only();
    /// cluster.mset([("a{x}", "12"), ("b{x}", "345")])?;
    /// let sum: u64 = LENGTHS.call().keys(["a{x}", "b{x}"]).run(cluster)?;
    /// # Ok(()) });
    /// ```
    #[inline]
    pub const fn read_only(mut self) -> Script {
        self.only_reads = true;
        self
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-1 of the text in 40 hexadecimal digits, by which servers know it.
    ///
    /// ```
    /// use rediscluster::Script;
    ///
    /// assert_eq!(Script::new("return 1").sha1(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    /// ```
    #[inline]
    pub fn sha1(&self) -> &str {
        self.sha.get_or_init(|| sha1::hex(self.text.as_bytes()))
    }

    /// Begins a call, so far without keys and arguments.
    #[doc(alias = "prepare_invoke")]
    #[inline]
    pub fn call(&self) -> ScriptCall<'_> {
        ScriptCall { script: self, keys: Args::new(), args: Args::new() }
    }

    /// Gives the script to the servers without running it: on a cluster to all of them at once, replicas as well. It is
    /// never needed; it saves the first call of each server the further round trip, and shows a mistake in the text.
    ///
    /// `SCRIPT LOAD`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the script cannot be compiled, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Script;
    ///
    /// let script = Script::new("return 1");
    /// script.load(cluster)?;
    /// assert_eq!(cluster.script_exists(script.sha1())?, [true]);
    /// # Ok(()) });
    /// ```
    #[inline]
    pub fn load(&self, on: impl RunsScripts) -> Result<()> {
        let named = on.load(Cmd::new(&table::SCRIPT_LOAD).arg(&*self.text))?;
        match named.eq_ignore_ascii_case(self.sha1()) {
            true => Ok(()),
            false => Err(Error::reply(format!("the script is {}, and the server calls it {named}", self.sha1()))
                .with_command("SCRIPT LOAD")),
        }
    }
}

impl From<String> for Script {
    #[inline]
    fn from(text: String) -> Script {
        Script { text: Cow::Owned(text), ..Script::new("") }
    }
}

impl ScriptCall<'_> {
    /// Appends one key: `KEYS[1]` is the first.
    #[inline]
    pub fn key(mut self, key: impl ToArg) -> Self {
        key.write_arg(&mut self.keys);
        self
    }

    /// Appends every key of a list.
    #[inline]
    pub fn keys(mut self, keys: impl ToArgs) -> Self {
        keys.write_args(&mut self.keys);
        self
    }

    /// Appends one argument: `ARGV[1]` is the first.
    #[inline]
    pub fn arg(mut self, arg: impl ToArg) -> Self {
        arg.write_arg(&mut self.args);
        self
    }

    /// Appends every argument of a list.
    #[inline]
    pub fn args(mut self, args: impl ToArgs) -> Self {
        args.write_args(&mut self.args);
        self
    }

    /// Runs the script and gives what it returns, as [`eval`](crate::ScriptingCommands::eval) does: on a
    /// [`Cluster`], on a server of it ([`Cluster::on`]) or on a [`Connection`].
    ///
    /// # Errors
    /// [`CrossNode`](crate::ErrorKind::CrossNode) when the keys live on several nodes, before anything is sent;
    /// [`Server`](crate::ErrorKind::Server) when the script cannot be compiled or fails, and whatever a command in it
    /// meets: what the script wrote before that stays written, so the [outcome](crate::Error::outcome) is
    /// [`Unknown`](crate::Outcome::Unknown) then. And [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::Script;
    ///
    /// let script = Script::new("return {ARGV[1], #KEYS}");
    /// let call = script.call().keys(["a{x}", "b{x}"]).arg("hello");
    /// let answer: (String, u64) = call.run(cluster)?;
    /// assert_eq!(answer, ("hello".to_owned(), 2));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "invoke")]
    pub fn run<T: FromValue>(&self, on: impl RunsScripts) -> Result<T> {
        let (named, whole) = match self.script.only_reads {
            true => (&table::EVALSHA_RO, &table::EVAL_RO),
            false => (&table::EVALSHA, &table::EVAL),
        };
        let begin = |row: &'static Row, script: &str| {
            Cmd::new(row).arg(script).arg(self.keys.len()).args_of(All(&self.keys)).args_of(All(&self.args))
        };
        let whole = || begin(whole, &self.script.text);
        on.run(begin(named, self.script.sha1()), &whole, self.could_deny_itself())
    }
}

impl ScriptCall<'_> {
    /// Whether the script may say in its own name that a server does not know it: then that tells nothing.
    #[inline]
    fn could_deny_itself(&self) -> bool {
        let mut parts = self.keys.iter().chain(self.args.iter()).chain([self.script.text.as_bytes()]);
        parts.any(OwnWords::has_unknown_script)
    }

    /// Queues the script on a [`Pipeline`](crate::Pipeline) or a [`Transaction`](crate::Transaction) and gives the
    /// [`Slot`](crate::Slot) of what it returns; on [`Build`](crate::Build) it gives the command.
    ///
    /// It goes with its whole text, by `EVAL`, or `EVAL_RO` when it is [read-only](Script::read_only). A server that does
    /// not know a script by its name could be sent the text only after the reply, and by then what was queued behind it
    /// has run, or the transaction is over. So the text goes each time; for one that is queued very often,
    /// [`load`](Script::load) it and queue [`evalsha`](crate::ScriptingCommands::evalsha) with its
    /// [name](Script::sha1), which fails as not applied where a server has lost it.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Script;
    ///
    /// static ADD: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    ///
    /// let mut pipeline = cluster.pipeline();
    /// let foo = ADD.call().key("foo").arg(2).queue::<i64, _>(&mut pipeline);
    /// let bar = ADD.call().key("bar").arg(3).queue::<i64, _>(&mut pipeline); // on another node
    /// let replies = pipeline.run()?;
    /// assert_eq!((replies.get(foo)?, replies.get(bar)?), (2, 3));
    ///
    /// let mut transaction = cluster.transaction();
    /// transaction.set("foo", 10);
    /// let foo = ADD.call().key("foo").arg(1).queue::<i64, _>(&mut transaction);
    /// assert_eq!(transaction.run()?.get(foo)?, 11);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "invoke_script")]
    #[doc(alias = "add_script")]
    pub fn queue<T: FromValue, Q: Execute>(&self, on: Q) -> Q::Output<T> {
        let spec = if self.script.only_reads { &table::EVAL_RO } else { &table::EVAL };
        let cmd = Cmd::new(spec).arg(&*self.script.text).arg(self.keys.len());
        on.execute(cmd.args_of(All(&self.keys)).args_of(All(&self.args)))
    }
}

/// Arguments that were collected before.
struct All<'a>(&'a Args);

impl ToArgs for All<'_> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.0.iter().for_each(|arg| args.push(arg));
    }
}

/// What a [`Script`] can be run on: `&`[`Cluster`], `&`[`OnNode`] and `&mut `[`Connection`].
pub trait RunsScripts: sealed::Call {}

impl RunsScripts for &Cluster {}
impl RunsScripts for &OnNode {}
impl RunsScripts for &mut Connection {}

mod sealed {
    use super::{Cmd, FromValue, Result};

    pub trait Call {
        /// Runs a script by its name, or as a whole where the server does not know it. With `ask` that is asked before,
        /// because the script could say so itself.
        fn run<T: FromValue>(self, named: Cmd<T>, whole: &(dyn Fn() -> Cmd<T> + Sync), ask: bool) -> Result<T>;

        /// Runs the command that loads one.
        fn load(self, cmd: Cmd<String>) -> Result<String>;
    }
}

macro_rules! run {
    ($($type:ty),*) => {$(
        impl sealed::Call for $type {
            fn run<T: FromValue>(self, named: Cmd<T>, whole: &(dyn Fn() -> Cmd<T> + Sync), ask: bool) -> Result<T> {
                self.run_script(&named, whole, ask)
            }

            #[inline]
            fn load(self, cmd: Cmd<String>) -> Result<String> {
                self.execute(cmd)
            }
        }
    )*};
}
run!(&Cluster, &OnNode, &mut Connection);

impl fmt::Debug for Script {
    /// Shows the name and not the text, which may hold secrets.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("sha1", &self.sha1()).field("only_reads", &self.only_reads).finish()
    }
}

impl fmt::Debug for ScriptCall<'_> {
    /// Shows how many keys and arguments there are: they may be secrets.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, args) = (self.keys.len(), self.args.len());
        f.debug_struct("ScriptCall").field("script", self.script).field("keys", &keys).field("args", &args).finish()
    }
}
