//! What can go wrong, and what the servers may have done by then.

mod phase;
mod refusal;
mod script;
mod text;

pub use phase::Phase;
pub(crate) use script::OwnWords;
pub(crate) use text::escape;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// The result of everything in this crate that can fail.
#[doc(alias = "RedisResult")]
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed: its [kind](Error::kind), the node and the command it was about, [how far](Error::phase) it had
/// come, and whether the command [may have been applied](Error::outcome).
///
/// ```
/// use rediscluster::{Cluster, ErrorKind};
///
/// let error = Cluster::builder().connect().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(error.to_string(), "configuration: no nodes are given");
/// ```
// Shared, not only boxed: what drops one is at very many places, and so it is short there.
#[doc(alias = "RedisError")]
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    phase: Option<Phase>,
    node: Option<String>,
    command: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    parts: Option<Arc<Vec<PartOutcome>>>,
    source: Option<Arc<std::io::Error>>,
    attempts: u32,
    /// It came over a connection that had lain in a pool.
    pooled: bool,
    /// What it has in common with the same failure of other calls.
    several: Option<Arc<Several>>,
}

/// Calls that failed together, because they shared a connection.
#[derive(Debug, Default)]
pub(crate) struct Several {
    /// Whether what it costs to try again was to be had: it is spent once.
    pub(crate) is_paid: OnceLock<bool>,
    /// One of them has closed what lay in the pool.
    pub(crate) has_closed: AtomicBool,
}

/// The kinds of [`Error`]. Those from [`WrongType`](ErrorKind::WrongType) on were said by a server.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The configuration cannot be used: no nodes, gaps, duplicates, a "master" that is a replica.
    Config,
    /// The command cannot be sent as it stands: too few arguments, an argument that is too long.
    Argument,
    /// The command table does not know the command, so its keys and its node are not known.
    UnknownCommand,
    /// The command's keys live on several nodes and it has no meaning there. Nothing was sent.
    CrossNode,
    /// A key that was [watched](crate::Cluster::watch) was changed by somebody else, so nothing was applied.
    Conflict,
    /// The command changes the state of its connection and cannot run on a pooled one. Nothing was sent.
    Refused,
    /// The wait was ended by a [`Cancel`](crate::Cancel), and nothing was taken.
    Cancelled,
    /// No connection could be made.
    Connect,
    /// The connection broke.
    Io,
    /// The deadline of the call passed.
    Timeout,
    /// No connection of the pool became free before the deadline of the call passed.
    PoolTimeout,
    /// The server sent bytes that are not RESP, or that are beyond the limits.
    Protocol,
    /// A subscriber was [stopped](crate::Stopper::stop).
    Stopped,
    /// The reply came whole and well formed but does not fit the Rust type that was asked for.
    Reply,
    /// `WRONGTYPE`: the key holds another data type.
    WrongType,
    /// `NOAUTH`: the server wants a password and none was given.
    NoAuth,
    /// `WRONGPASS`, or the older `ERR invalid password`: the user or the password is wrong.
    WrongPass,
    /// `NOPERM`: the user may not run this command or touch this key.
    NoPerm,
    /// `LOADING`: the server is still reading its data set.
    Loading,
    /// `MASTERDOWN`: a replica lost its master and may not serve stale data.
    MasterDown,
    /// `READONLY`: a write reached a replica.
    ReadOnly,
    /// `OOM`: the server is over its memory limit.
    OutOfMemory,
    /// `MISCONF`: the server cannot persist and refuses writes.
    Misconf,
    /// `BUSYKEY`: the key to restore exists.
    BusyKey,
    /// `EXECABORT`: a queued command of a transaction was refused, so none ran.
    ExecAbort,
    /// Any other error reply: see [`Error::code`].
    Server,
}

/// What may have happened to the data by the time of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The command was certainly not applied: it was not sent whole, or the server refused it.
    NotApplied,
    /// The command was certainly applied; what failed came after it.
    Applied,
    /// The command went to several nodes; some applied their part and some did not: see [`Error::parts`].
    Partial,
    /// The command was sent and no answer came: it may have been applied or not. Or it is a script that failed: what it
    /// wrote before that stays written.
    Unknown,
}

impl Outcome {
    /// Of several parts: whether any is unknown, and whether any may have been applied.
    pub(crate) fn of_several(is_unknown: bool, is_applied: bool) -> Outcome {
        match (is_unknown, is_applied) {
            (true, _) => Outcome::Unknown,
            (false, true) => Outcome::Partial,
            (false, false) => Outcome::NotApplied,
        }
    }
}

/// How far one node came in a command over several nodes: see [`Error::parts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOutcome {
    /// The name of the node.
    pub node: String,
    /// The keys of this part, as the caller gave them; empty for a command without keys.
    pub keys: Vec<Vec<u8>>,
    /// Whether this part was applied.
    pub outcome: Outcome,
    /// Why this part failed; `None` for a part that succeeded.
    pub error: Option<String>,
}

impl Error {
    #[inline]
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<Cow<'static, str>>) -> Error {
        Error::boxed(kind, outcome, message.into())
    }

    #[cold]
    #[inline(never)]
    fn boxed(kind: ErrorKind, outcome: Outcome, message: Cow<'static, str>) -> Error {
        Error(Arc::new(Inner {
            kind,
            outcome,
            phase: None,
            node: None,
            command: None,
            message,
            parts: None,
            source: None,
            attempts: 1,
            pooled: false,
            several: None,
        }))
    }

    /// What is changed of it, which is shared with its copies until then.
    #[cold]
    #[inline(never)]
    fn change(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    #[inline]
    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Config, Outcome::NotApplied, message)
    }

    #[inline]
    pub(crate) fn argument(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Argument, Outcome::NotApplied, message)
    }

    #[inline]
    pub(crate) fn protocol(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Protocol, Outcome::Unknown, message)
    }

    /// A reply that does not fit; it was read whole, so the command ran and the connection stays usable.
    #[inline]
    pub(crate) fn reply(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Reply, Outcome::Applied, message)
    }

    #[cold]
    pub(crate) fn io(source: std::io::Error, outcome: Outcome, doing: &str) -> Error {
        use std::io::ErrorKind as Io;
        // What a connector has to say of it.
        let more = source.get_ref().map_or(String::new(), |more| format!(": {more}"));
        let (kind, message) = match source.kind() {
            Io::WouldBlock | Io::TimedOut => (ErrorKind::Timeout, format!("deadline passed while {doing}{more}")),
            Io::UnexpectedEof => (ErrorKind::Io, format!("the server closed the connection while {doing}{more}")),
            _ => (ErrorKind::Io, format!("{source} while {doing}")),
        };
        let mut error = Error::new(kind, outcome, message);
        error.change().source = Some(Arc::new(source));
        error
    }

    #[inline]
    pub(crate) fn with_node(self, node: impl FnOnce() -> String) -> Error {
        match self.0.node {
            None => self.on_node(node()),
            Some(_) => self,
        }
    }

    /// The same for a node itself: its text is not made unless it is wanted, and the code for that is there once.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(self, node: &dyn fmt::Display) -> Error {
        match self.0.node {
            None => self.on_node(format!("{node}")),
            Some(_) => self,
        }
    }

    #[cold]
    #[inline(never)]
    fn on_node(mut self, node: String) -> Error {
        self.change().node = Some(node);
        self
    }

    #[inline]
    pub(crate) fn with_command(self, command: impl Into<Cow<'static, str>>) -> Error {
        self.of_command(command.into())
    }

    #[cold]
    #[inline(never)]
    fn of_command(mut self, command: Cow<'static, str>) -> Error {
        self.name_command(command);
        self
    }

    /// It is about this command, unless it names one already.
    #[cold]
    #[inline(never)]
    pub(crate) fn name_command(&mut self, command: Cow<'static, str>) {
        if self.0.command.is_none() {
            self.change().command = Some(command);
        }
    }

    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Error {
        self.set_outcome(outcome);
        self
    }

    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.change().outcome = outcome;
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.change().kind = kind;
        self
    }

    pub(crate) fn with_parts(mut self, parts: Vec<PartOutcome>) -> Error {
        self.change().parts = Some(Arc::new(parts));
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Error {
        self.set_attempts(attempts);
        self
    }

    pub(crate) fn set_attempts(&mut self, attempts: u32) {
        self.change().attempts = attempts;
    }

    /// The same after other attempts were made.
    pub(crate) fn attempts_after(self, others: u32) -> Error {
        let attempts = self.0.attempts + others;
        self.with_attempts(attempts)
    }

    /// Says whether it came over a connection that had lain in a pool.
    pub(crate) fn pooled(mut self, pooled: bool) -> Error {
        self.change().pooled = pooled;
        self
    }

    /// Its copies are errors of calls that failed together.
    pub(crate) fn of_several(mut self) -> Error {
        self.change().several = Some(Arc::default());
        self
    }

    pub(crate) fn several(&self) -> Option<&Several> {
        self.0.several.as_deref()
    }

    pub(crate) fn was_pooled(&self) -> bool {
        self.0.pooled
    }

    /// Whether a deadline passed, of the call or of connecting.
    pub(crate) fn is_timeout(&self) -> bool {
        let io = self.0.source.as_deref().map(std::io::Error::kind);
        self.0.kind == ErrorKind::Timeout
            || matches!(io, Some(std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock))
    }

    /// Adds what the caller must know beyond the cause.
    pub(crate) fn with_note(mut self, note: &str) -> Error {
        let message = self.change().message.to_mut();
        message.push_str("; ");
        message.push_str(note);
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the command was applied, as far as can be known.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The node that failed: its name and address; `None` when no node was asked.
    pub fn node(&self) -> Option<&str> {
        self.0.node.as_deref()
    }

    /// The name of the command; `None` when the failure is about no command, as in a configuration.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// How many times the request was tried, at one server or at several, until this was the last word: 1 when it was not
    /// tried again. See [`Builder::retries`](crate::Builder::retries).
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The message alone, without node, command and outcome: for an error reply what the server said, with
    /// control characters escaped and cut to 512 bytes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// For a command over several nodes and for the subscriptions of a [`Subscriber`](crate::Subscriber), how far each
    /// node came; empty for every other failure.
    pub fn parts(&self) -> &[PartOutcome] {
        self.0.parts.as_deref().map_or(&[], |parts| parts)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.command, &self.0.node) {
            (Some(command), Some(node)) => write!(f, "{command} on {node}: ")?,
            (Some(command), None) => write!(f, "{command}: ")?,
            (None, Some(node)) => write!(f, "{node}: ")?,
            (None, None) if self.0.kind == ErrorKind::Config => f.write_str("configuration: ")?,
            (None, None) => {}
        }
        f.write_str(&self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, ", in the last of {} attempts", self.0.attempts)?;
        }
        for part in self.parts() {
            let outcome = match part.outcome {
                Outcome::NotApplied => "not applied",
                Outcome::Applied => "applied",
                Outcome::Partial => "partly applied",
                Outcome::Unknown => "unknown",
            };
            write!(f, "\n  {}: {outcome}", part.node)?;
            for key in part.keys.iter().take(16) {
                write!(f, " {}", escape(key, 64))?;
            }
            if part.keys.len() > 16 {
                write!(f, " and {} more", part.keys.len() - 16)?;
            }
            if let Some(error) = &part.error {
                write!(f, " ({error})")?;
            }
        }
        match self.0.outcome {
            Outcome::Unknown if self.parts().is_empty() => f.write_str(" (it may have been applied)"),
            Outcome::Applied if self.0.kind != ErrorKind::Reply => f.write_str(" (it was applied)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("outcome", &self.0.outcome);
        if let Some(node) = &self.0.node {
            out.field("node", node);
        }
        if let Some(command) = &self.0.command {
            out.field("command", command);
        }
        if let Some(phase) = self.phase() {
            out.field("phase", &phase);
        }
        out.field("message", &self.0.message);
        if self.0.attempts > 1 {
            out.field("attempts", &self.0.attempts);
        }
        if !self.parts().is_empty() {
            out.field("parts", &self.parts());
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
    }

    #[test]
    fn display_names_command_node_and_outcome() {
        let error = Error::io(std::io::ErrorKind::TimedOut.into(), Outcome::Unknown, "reading the reply")
            .with_node(|| "node_2 (127.0.0.1:63792)".into())
            .with_command("SET");
        assert_eq!(
            error.to_string(),
            "SET on node_2 (127.0.0.1:63792): deadline passed while reading the reply (it may have been applied)"
        );
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
}
