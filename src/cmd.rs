//! A command, and the Rust type that its reply becomes.

mod on_connection;

use crate::command::{Args, Spec, MARKED};
use crate::error::{Error, Result};
use crate::execute::{Row, RowRef};
use crate::from_value::FromValue;
use crate::resp::Value;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The longest argument that a server takes, in bytes.
const LONGEST: usize = 512 << 20;

/// A command that has not been run yet, and the Rust type that its reply will become.
///
/// The typed methods make these; [`cmd`](crate::cmd()) makes one by name for everything that has no method.
///
/// ```
/// use rediscluster::{cmd, Value};
///
/// let set = cmd("SET").arg("foo").arg("bar").arg("EX").arg(60).reply::<Option<String>>();
/// assert_eq!(set.args().len(), 5);
/// assert!(set.args().as_bytes().starts_with(b"*5\r\n$3\r\nSET\r\n$3\r\nfoo\r\n"));
/// ```
pub struct Cmd<T = Value> {
    untyped: Untyped,
    reply: PhantomData<fn() -> T>,
}

/// A command without the type of its reply: all that is looked at before the reply comes.
#[derive(Clone)]
pub(crate) struct Untyped {
    args: Args,
    origin: Origin,
}

/// What tells the row of a command.
#[derive(Clone, Copy)]
enum Origin {
    Row(RowRef),
    /// It is looked up by its first words, first among the user's own rows.
    Name(Find),
}

/// Finds the row of a command.
pub(crate) type Find = fn(&Args, &[&'static Spec]) -> Result<RowRef>;

impl Cmd {
    /// A command that is to be looked up when it is run.
    pub(crate) fn named(name: &str, find: Find) -> Cmd {
        let mut args = Args::new();
        name.split_ascii_whitespace().for_each(|word| args.push(word.as_bytes()));
        Cmd { untyped: Untyped { args, origin: Origin::Name(find) }, reply: PhantomData }
    }
}

impl<T> Cmd<T> {
    /// Begins the command of a row of the table.
    pub fn new(row: &'static Row) -> Cmd<T> {
        Cmd { untyped: Untyped { args: row.begin(), origin: Origin::Row(row.into()) }, reply: PhantomData }
    }

    /// Appends one argument.
    pub fn arg(mut self, arg: impl ToArg) -> Cmd<T> {
        arg.write_arg(&mut self.untyped.args);
        self
    }

    /// Appends one argument that is a key: for a command that the table does not have, which can then be run and
    /// counts as a write. Of a command of the table the table knows the keys.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    ///
    /// let set = cmd("JSON.SET").key("doc:7{user7}").arg("$").arg("1");
    /// assert_eq!(set.args().len(), 4);
    /// ```
    pub fn key(mut self, key: impl ToArg) -> Cmd<T> {
        key.write_arg(&mut self.untyped.args);
        self.untyped.args.mark();
        self
    }

    /// Appends every argument of a list.
    pub fn args_of(mut self, args: impl ToArgs) -> Cmd<T> {
        args.write_args(&mut self.untyped.args);
        self
    }

    /// Appends every pair of a list or a map, first its left side, then its right side.
    pub fn pairs(mut self, pairs: impl ToPairs) -> Cmd<T> {
        pairs.write_pairs(&mut self.untyped.args);
        self
    }

    /// Chooses the Rust type that the reply becomes.
    pub fn reply<U>(self) -> Cmd<U> {
        Cmd { untyped: self.untyped, reply: PhantomData }
    }

    /// The arguments so far, the command's own words first.
    pub fn args(&self) -> &Args {
        &self.untyped.args
    }

    /// The command as it is sent to one server.
    pub fn as_bytes(&self) -> &[u8] {
        self.untyped.args.as_bytes()
    }

    #[inline]
    pub(crate) fn untyped(&self) -> &Untyped {
        &self.untyped
    }

    #[inline]
    pub(crate) fn row(&self, own: &[&'static Spec]) -> Result<RowRef> {
        self.untyped.row(own)
    }

    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        self.untyped.check()
    }

    #[inline]
    pub(crate) fn name(&self) -> Cow<'static, str> {
        self.untyped.name()
    }
}

impl Untyped {
    #[inline]
    pub(crate) fn args(&self) -> &Args {
        &self.args
    }

    /// The row for the command: the one that it was made from, else looked up by name, first among the user's own.
    #[inline]
    pub(crate) fn row(&self, own: &[&'static Spec]) -> Result<RowRef> {
        match self.origin {
            Origin::Row(row) => Ok(row),
            Origin::Name(find) => find(&self.args, own),
        }
    }

    /// Refuses what no server would take.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        // One look at the total saves the walk over the arguments for nearly every command.
        match self.args.is_empty() || self.args.as_bytes().len() > LONGEST {
            true => self.check_each(),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn check_each(&self) -> Result<()> {
        if self.args.is_empty() {
            return Err(Error::argument("an empty command"));
        }
        if let Some(at) = self.args.iter().position(|arg| arg.len() > LONGEST) {
            let name = self.name();
            return Err(
                Error::argument(format!("argument {at} is over the limit of {LONGEST} bytes")).with_command(name)
            );
        }
        Ok(())
    }

    /// The command's name for messages: of the table, else its first word, never an argument.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        match self.row(&[]) {
            Ok(row) => row.spec.name_of(&self.args),
            Err(_) => MARKED.name_of(&self.args),
        }
    }
}

/// Something that takes commands.
///
/// The typed methods are written once over this trait, so that they serve a [`Cluster`](crate::Cluster) and a
/// [`Connection`](crate::Connection) alike.
#[doc(alias = "ConnectionLike")]
#[doc(alias = "Commands")]
pub trait Execute: Sized {
    /// What a command gives here; for a cluster `Result<T>`.
    type Output<T: FromValue>;

    /// Takes one command.
    #[doc(alias = "query")]
    #[doc(alias = "req_command")]
    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Self::Output<T>;
}

/// Gives commands back instead of running them.
///
/// ```
/// use rediscluster::prelude::*;
/// use rediscluster::Build;
///
/// let cluster = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2").build()?;
/// let command = Build.mget::<_, Vec<String>>(["foo", "bar"]);
/// assert_eq!(cluster.plan(&command)?.steps().len(), 2);
/// # Ok::<(), rediscluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Build;

impl Execute for Build {
    type Output<T: FromValue> = Cmd<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Cmd<T> {
        cmd
    }
}

impl<T> Clone for Cmd<T> {
    fn clone(&self) -> Cmd<T> {
        Cmd { untyped: self.untyped.clone(), reply: PhantomData }
    }
}

impl<T> fmt::Debug for Cmd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cmd").field(self.args()).finish()
    }
}
