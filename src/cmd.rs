//! A command and its arguments, encoded once.

use crate::convert::FromValue;
use crate::error::{Error, Result};
use crate::resp::{encode, Value};
use crate::spec::{self, Spec};
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Room in front of the arguments for `*`, the count and a line end.
const HEAD: usize = 13;
/// The longest argument that a server takes, in bytes.
const LONGEST: usize = 512 << 20;

/// The arguments of a command, the command's own words first, as they go over the wire.
///
/// The buffer always holds one complete command, so nothing is encoded again to send it.
#[derive(Clone)]
pub struct Args {
    buffer: Vec<u8>,
    count: usize,
    /// Where the command begins: its head is written backwards into the room in front.
    start: usize,
}

impl Args {
    /// No arguments yet.
    pub(crate) fn new() -> Args {
        let mut buffer = Vec::with_capacity(64);
        buffer.resize(HEAD, b' ');
        Args { buffer, count: 0, start: HEAD }
    }

    /// Appends one argument of any bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        encode::bulk(&mut self.buffer, bytes);
        self.counted();
    }

    /// Appends one argument: a whole number in decimal.
    pub(crate) fn push_integer(&mut self, negative: bool, magnitude: u64) {
        encode::bulk_integer(&mut self.buffer, negative, magnitude);
        self.counted();
    }

    fn counted(&mut self) {
        self.count += 1;
        self.buffer[HEAD - 2..HEAD].copy_from_slice(b"\r\n");
        let (mut at, mut left) = (HEAD - 2, self.count);
        while left > 0 && at > 1 {
            at -= 1;
            self.buffer[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        self.buffer[at - 1] = b'*';
        self.start = at - 1;
    }

    /// How many arguments there are, the command's own words included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The argument at a position, 0 being the command's first word.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        self.iter().nth(at)
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = &self.buffer[HEAD..];
        (0..self.count).map(move |_| {
            // `$length`, a line end, the bytes, a line end: written by `push` and nobody else.
            let mut at = 1;
            let mut length = 0;
            while rest[at] != b'\r' {
                length = length * 10 + usize::from(rest[at] - b'0');
                at += 1;
            }
            let bytes = &rest[at + 2..at + 2 + length];
            rest = &rest[at + 4 + length..];
            bytes
        })
    }

    /// The whole command as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

/// A command that has not been run yet, and the Rust type that its reply will become.
///
/// The typed methods make these; [`cmd`] makes one by name for everything that has no method.
///
/// ```
/// use rediscluster::{cmd, Value};
///
/// let set = cmd("SET").arg("foo").arg("bar").arg("EX").arg(60).reply::<Option<String>>();
/// assert_eq!(set.args().len(), 5);
/// assert!(set.args().as_bytes().starts_with(b"*5\r\n$3\r\nSET\r\n$3\r\nfoo\r\n"));
/// ```
pub struct Cmd<T = Value> {
    args: Args,
    spec: Option<&'static Spec>,
    reply: PhantomData<fn() -> T>,
}

/// Begins a command by its name; two words for a subcommand, as in `cmd("CONFIG GET")`.
///
/// The command table says where it goes. A command that the table does not know is an
/// [`UnknownCommand`](crate::ErrorKind::UnknownCommand) error when it is run on a cluster: nothing is guessed.
pub fn cmd(name: &str) -> Cmd<Value> {
    let mut cmd = Cmd { args: Args::new(), spec: None, reply: PhantomData };
    name.split_ascii_whitespace().for_each(|word| cmd.args.push(word.as_bytes()));
    cmd
}

impl<T> Cmd<T> {
    /// Begins the command of a row of the table.
    pub fn new(spec: &'static Spec) -> Cmd<T> {
        let mut args = Args::new();
        spec.name.split(' ').for_each(|word| args.push(word.as_bytes()));
        Cmd { args, spec: Some(spec), reply: PhantomData }
    }

    /// Appends one argument.
    pub fn arg(mut self, arg: impl ToArg) -> Cmd<T> {
        arg.write_arg(&mut self.args);
        self
    }

    /// Appends every argument of a list.
    pub fn args_of(mut self, args: impl ToArgs) -> Cmd<T> {
        args.write_args(&mut self.args);
        self
    }

    /// Appends every pair of a list or a map, first its left side, then its right side.
    pub fn pairs(mut self, pairs: impl ToPairs) -> Cmd<T> {
        pairs.write_pairs(&mut self.args);
        self
    }

    /// Chooses the Rust type that the reply becomes.
    pub fn reply<U>(self) -> Cmd<U> {
        Cmd { args: self.args, spec: self.spec, reply: PhantomData }
    }

    /// The arguments so far, the command's own words first.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// The command as it is sent to one server.
    pub fn as_bytes(&self) -> &[u8] {
        self.args.as_bytes()
    }

    /// The row of the table, looked up by name where the command was not made from one.
    pub(crate) fn spec(&self) -> Result<&'static Spec> {
        if let Some(spec) = self.spec {
            return Ok(spec);
        }
        let mut words = self.args.iter();
        let Some(first) = words.next() else { return Err(Error::argument("an empty command")) };
        let found = match words.next() {
            Some(second) => spec::find(&[first, second]),
            None => spec::find(&[first]),
        };
        found.ok_or_else(|| unknown(first))
    }

    /// Refuses what no server would take.
    pub(crate) fn check(&self) -> Result<()> {
        if self.args.is_empty() {
            return Err(Error::argument("an empty command"));
        }
        // One look at the total saves the walk over the arguments for nearly every command.
        if self.args.as_bytes().len() > LONGEST {
            if let Some(at) = self.args.iter().position(|arg| arg.len() > LONGEST) {
                let name = self.name();
                return Err(
                    Error::argument(format!("argument {at} is over the limit of {LONGEST} bytes")).with_command(name)
                );
            }
        }
        Ok(())
    }

    /// How long the command may wait for data before the server answers.
    pub(crate) fn wait(&self) -> Wait {
        match self.spec() {
            Ok(spec) if spec.blocks() => {}
            _ => return Wait::None,
        }
        let seconds = self.args.iter().last().and_then(|arg| std::str::from_utf8(arg).ok()?.parse::<f64>().ok());
        match seconds {
            Some(seconds) if seconds > 0.0 => Duration::try_from_secs_f64(seconds).map_or(Wait::Forever, Wait::AtMost),
            Some(0.0) => Wait::Forever,
            // The server refuses it at once.
            _ => Wait::None,
        }
    }

    /// The command's name for messages: of the table, else its first word, never an argument.
    pub(crate) fn name(&self) -> String {
        match self.spec() {
            Ok(spec) => spec.name.to_owned(),
            Err(_) => crate::error::escape(self.args.get(0).unwrap_or_default(), 64).to_uppercase(),
        }
    }
}

/// How long a server may take before it answers, on top of what any answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    None,
    AtMost(Duration),
    Forever,
}

/// Something that takes commands.
///
/// The typed methods are written once over this trait, so that they serve a [`Cluster`](crate::Cluster) and a
/// [`Connection`](crate::Connection) alike.
pub trait Execute: Sized {
    /// What a command gives here; for a cluster `Result<T>`.
    type Output<T: FromValue>;

    /// Takes one command.
    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Self::Output<T>;
}

fn unknown(name: &[u8]) -> Error {
    use crate::error::{escape, ErrorKind, Outcome};
    Error::new(
        ErrorKind::UnknownCommand,
        Outcome::NotApplied,
        "not in the command table, so its keys and its node are not known; nothing was sent",
    )
    .with_command(escape(name, 64).to_uppercase())
}

impl<T> Clone for Cmd<T> {
    fn clone(&self) -> Cmd<T> {
        Cmd { args: self.args.clone(), spec: self.spec, reply: PhantomData }
    }
}

impl fmt::Debug for Args {
    /// Shows the command's name and how many arguments follow: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::error::escape(self.get(0).unwrap_or_default(), 64);
        write!(f, "{name} and {} arguments", self.count.saturating_sub(1))
    }
}

impl<T> fmt::Debug for Cmd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cmd").field(&self.args).finish()
    }
}
