//! A command, and the Rust type that its reply becomes.

use crate::args::Args;
use crate::convert::FromValue;
use crate::error::{Error, Result};
use crate::resp::Value;
use crate::spec::{self, Spec, WaitArgument};
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// The longest argument that a server takes, in bytes.
const LONGEST: usize = 512 << 20;

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
        Cmd { args: Args::of_words(spec.name), spec: Some(spec), reply: PhantomData }
    }

    /// Appends one argument.
    pub fn arg(mut self, arg: impl ToArg) -> Cmd<T> {
        arg.write_arg(&mut self.args);
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
        key.write_arg(&mut self.args);
        self.args.mark();
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

    /// The row for the command: the one that it was made from, else looked up by name, first among the user's own.
    pub(crate) fn spec(&self, own: &[&'static Spec]) -> Result<&'static Spec> {
        if let Some(spec) = self.spec {
            return Ok(spec);
        }
        let mut words = self.args.iter();
        let Some(first) = words.next() else { return Err(Error::argument("an empty command")) };
        let second = words.next();
        let named = |spec: &&&'static Spec| {
            let mut name = spec.name.split(' ').map(str::as_bytes);
            let is = |word: Option<&[u8]>, wanted: &[u8]| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
            name.next().is_some_and(|wanted| is(Some(first), wanted))
                && name.next().map_or(true, |wanted| is(second, wanted))
        };
        if let Some(spec) = own.iter().find(named) {
            return Ok(spec);
        }
        let found = match second {
            Some(second) => spec::find(&[first, second]),
            None => spec::find(&[first]),
        };
        match found {
            Some(spec) => Ok(spec),
            None if !self.args.marked().is_empty() => Ok(&spec::MARKED),
            None if second.is_none() && spec::is_container(first) => Err(unfinished(first)),
            None => Err(unknown(first)),
        }
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
    pub(crate) fn wait(&self, spec: &Spec) -> Wait {
        if spec.wait != WaitArgument::None && spec.is_refused_for_its_keys(&self.args) {
            return Wait::None;
        }
        let wait = match spec.wait {
            WaitArgument::None => return Wait::None,
            WaitArgument::FirstSeconds => self.args.get(1).and_then(Wait::of_seconds),
            WaitArgument::LastSeconds => self.args.iter().last().and_then(Wait::of_seconds),
            WaitArgument::BlockMillis => {
                // The last one counts, as on a server.
                let words = spec::StreamWords::of(&self.args);
                match words.and_then(|words| words.blocks.last().copied()) {
                    Some(at) => self.args.get(at).and_then(Wait::of_millis),
                    None => return Wait::None,
                }
            }
        };
        // The server refuses it at once.
        wait.unwrap_or(Wait::None)
    }

    /// The command's name for messages: of the table, else its first word, never an argument.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        self.spec(&[]).unwrap_or(&spec::MARKED).name_of(&self.args)
    }
}

/// How long a server may take before it answers, on top of what any answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    None,
    AtMost(Duration),
    Forever,
}

/// The most seconds that every server takes: a little less than what fills its clock.
const MOST_SECONDS: f64 = 9_223_370_000_000_000.0;

impl Wait {
    /// Of seconds as servers read them, which is by `strtold`: also hexadecimal ones. `None` for what they refuse, and for
    /// what only they can tell.
    fn of_seconds(text: &[u8]) -> Option<Wait> {
        let text = std::str::from_utf8(text).ok()?;
        let is_hexadecimal =
            text.trim_start_matches(['+', '-']).get(..2).is_some_and(|zero| matches!(zero, "0x" | "0X"));
        let (seconds, exponent) = match is_hexadecimal {
            true => (hexadecimal(text)?, ['p', 'P']),
            false => (text.parse().ok()?, ['e', 'E']),
        };
        let digits = text.split(exponent).next().unwrap_or_default();
        let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'x' | b'X' | b'+' | b'-'));
        match seconds {
            // Servers have smaller numbers than this one could be.
            0.0 if !is_zero => None,
            // They count in milliseconds, and round upwards.
            seconds if seconds > -0.001 && seconds <= 0.0 => Some(Wait::Forever),
            seconds if seconds > 0.0 && seconds <= MOST_SECONDS => {
                Duration::try_from_secs_f64(seconds).ok().map(Wait::AtMost)
            }
            _ => None,
        }
    }

    /// Of milliseconds as servers read them: digits and nothing else. `None` for what they refuse.
    pub(crate) fn of_millis(text: &[u8]) -> Option<Wait> {
        let millis: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        match millis {
            _ if millis.to_string().as_bytes() != text || i64::try_from(millis).is_err() => None,
            0 => Some(Wait::Forever),
            millis => Some(Wait::AtMost(Duration::from_millis(millis))),
        }
    }

    /// One wait and then another.
    pub(crate) fn and(self, other: Wait) -> Wait {
        match (self, other) {
            (Wait::None, one) | (one, Wait::None) => one,
            (Wait::AtMost(one), Wait::AtMost(other)) => Wait::AtMost(one.saturating_add(other)),
            _ => Wait::Forever,
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

/// The error for the first word of a command that has two, such as `OBJECT`, in the words that a server would use.
fn unfinished(name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(name);
    let message = format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase());
    Error::argument(message).with_command(name.to_ascii_uppercase())
}

/// A hexadecimal number as C reads it, such as `0x1.8p-3`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    let (digits, exponent) = match digits.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut number = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent = exponent.checked_sub(i32::try_from(part.len()).ok()?.checked_mul(4)?)?;
    let number = number * 2f64.powi(exponent);
    Some(if is_negative { -number } else { number })
}

fn unknown(name: &[u8]) -> Error {
    use crate::error::{escape, ErrorKind, Outcome};
    Error::new(
        ErrorKind::UnknownCommand,
        Outcome::NotApplied,
        "not in the command table, so its keys and its node are not known; nothing was sent",
    )
    .with_command(escape(name, 64).to_ascii_uppercase())
}

impl<T> Clone for Cmd<T> {
    fn clone(&self) -> Cmd<T> {
        Cmd { args: self.args.clone(), spec: self.spec, reply: PhantomData }
    }
}

impl<T> fmt::Debug for Cmd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cmd").field(&self.args).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let seconds = |seconds| Wait::AtMost(Duration::from_secs_f64(seconds));
        for (line, wait) in [
            ("GET BLOCK", Wait::None),
            ("BLPOP a b 1.5", seconds(1.5)),
            ("BLPOP a b 0", Wait::Forever),
            ("BLPOP a b x", Wait::None),
            ("BLPOP a b -1", Wait::None),
            ("BLPOP a b 1e300", Wait::None),
            ("BLPOP a b 9e15", seconds(9e15)),
            ("BLPOP a b 1e16", Wait::None),
            ("BLPOP a b inf", Wait::None),
            ("BLPOP a b nan", Wait::None),
            ("BLPOP a b -0", Wait::Forever),
            ("BLPOP a b -0.0001", Wait::Forever),
            ("BLPOP a b -0.001", Wait::None),
            // Zero here, and on a server less than a millisecond.
            ("BLPOP a b 1e-400", Wait::None),
            ("BLPOP a b 0e-400", Wait::Forever),
            ("BLPOP a b +1.", seconds(1.0)),
            ("BLPOP a b 0x10", seconds(16.0)),
            ("BLPOP a b 0X1P3", seconds(8.0)),
            ("BLPOP a b +0x1p-4", seconds(0.0625)),
            ("BLPOP a b 0x.8", seconds(0.5)),
            ("BLPOP a b 0xa.8p1", seconds(21.0)),
            ("BLPOP a b 0x0p9", Wait::Forever),
            ("BLPOP a b -0x10", Wait::None),
            ("BLPOP a b 0x", Wait::None),
            ("BLPOP a b 0x.", Wait::None),
            ("BLPOP a b 0x1p", Wait::None),
            ("BLPOP a b 0x1p+", Wait::None),
            ("BLPOP a b 0x1p60", Wait::None),
            ("BLPOP a b +-0x1", Wait::None),
            ("BLPOP a b 1_0", Wait::None),
            ("XREAD BLOCK +5 STREAMS a 0", Wait::None),
            ("XREAD BLOCK 1.5 STREAMS a 0", Wait::None),
            ("XREAD BLOCK 0 STREAMS a 0", Wait::Forever),
            ("XREAD BLOCK 9223372036854775808 STREAMS a 0", Wait::None),
            ("BLMPOP 2 1 a LEFT", seconds(2.0)),
            ("BLMPOP 2 9 a LEFT", Wait::None),
            ("XREAD COUNT 1 BLOCK 1500 STREAMS a 0", seconds(1.5)),
            ("XREAD BLOCK 1500 BLOCK 500 STREAMS a 0", seconds(0.5)),
            ("XREAD STREAMS BLOCK 0", Wait::None),
            ("XREADGROUP GROUP BLOCK 5 STREAMS a >", Wait::None),
            ("XREADGROUP GROUP streams BLOCK BLOCK 0 STREAMS a >", Wait::Forever),
        ] {
            let mut words = line.split(' ');
            let cmd = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
            assert_eq!(cmd.wait(cmd.spec(&[]).unwrap()), wait, "{line}");
        }
    }
}
