//! What can go wrong, and what the servers may have done by then.

mod phase;

pub use phase::Phase;

use std::borrow::Cow;
use std::fmt;

/// How servers begin what they say of a rule for a user, which they repeat then.
const RULE: &[u8] = b"ERR Error in ACL SETUSER modifier '";

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The most server text that an error keeps, in bytes: a hostile server cannot fill a log.
const SERVER_TEXT: usize = 512;

/// How servers say that they do not know a script.
const UNKNOWN_SCRIPT: &str = "NOSCRIPT No matching script";
/// How errors begin that no script was run for, or that leave it nothing to write: a replica refuses every write. None
/// of them can come out of a command that a script calls and whose error it returns.
const BEFORE_A_SCRIPT: &[&str] = &[
    UNKNOWN_SCRIPT,
    "BUSY Redis is busy",
    "BUSY Valkey is busy",
    "ERR Error compiling script",
    "ERR Function not found",
    "ERR max number of clients",
    "ERR unknown command",
    "LOADING Redis is loading",
    "LOADING Valkey is loading",
    "MASTERDOWN Link with MASTER is down",
    "NOAUTH Authentication required",
    "NOPERM No permissions",
    "NOPERM User ",
    "NOPERM this user has no permissions",
    "READONLY You can't write against a read only",
];

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
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    phase: Option<Phase>,
    node: Option<String>,
    command: Option<Cow<'static, str>>,
    message: String,
    parts: Vec<PartOutcome>,
    source: Option<std::io::Error>,
    attempts: u32,
    /// It came over a connection that had lain in a pool.
    pooled: bool,
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
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            outcome,
            phase: None,
            node: None,
            command: None,
            message: message.into(),
            parts: Vec::new(),
            source: None,
            attempts: 1,
            pooled: false,
        }))
    }

    pub(crate) fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, Outcome::NotApplied, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Argument, Outcome::NotApplied, message)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, Outcome::Unknown, message)
    }

    /// A reply that does not fit; it was read whole, so the command ran and the connection stays usable.
    pub(crate) fn reply(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Reply, Outcome::Applied, message)
    }

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
        error.0.source = Some(source);
        error
    }

    /// An error reply of a server, escaped and cut to a fixed length.
    pub(crate) fn server(text: &[u8]) -> Error {
        let word = text.split(|&b| b == b' ').next().unwrap_or(b"");
        let kind = match word {
            b"WRONGTYPE" => ErrorKind::WrongType,
            b"NOAUTH" => ErrorKind::NoAuth,
            b"WRONGPASS" => ErrorKind::WrongPass,
            b"NOPERM" => ErrorKind::NoPerm,
            b"LOADING" => ErrorKind::Loading,
            b"MASTERDOWN" => ErrorKind::MasterDown,
            b"READONLY" => ErrorKind::ReadOnly,
            b"OOM" => ErrorKind::OutOfMemory,
            b"MISCONF" => ErrorKind::Misconf,
            b"BUSYKEY" => ErrorKind::BusyKey,
            b"EXECABORT" => ErrorKind::ExecAbort,
            _ if text.starts_with(b"ERR invalid password") => ErrorKind::WrongPass,
            _ => ErrorKind::Server,
        };
        Error::new(kind, Outcome::NotApplied, escape(&without_password(text), SERVER_TEXT))
    }

    /// The same for another command that failed with it.
    pub(crate) fn again(&self) -> Error {
        let Inner { kind, outcome, phase, node, command, message, parts, source: _, attempts, pooled } = &*self.0;
        Error(Box::new(Inner {
            kind: *kind,
            outcome: *outcome,
            phase: *phase,
            node: node.clone(),
            command: command.clone(),
            message: message.clone(),
            parts: parts.clone(),
            source: None,
            attempts: *attempts,
            pooled: *pooled,
        }))
    }

    /// The same error for a command that runs a script: unless it can only come before the script begins, what the
    /// script wrote by then stays written. The words are compared, because a script may return any code of its own.
    pub(crate) fn of_a_script(self) -> Error {
        let before = BEFORE_A_SCRIPT.iter().any(|words| self.0.message.starts_with(words));
        match self.is_server() && !before {
            true => self.with_outcome(Outcome::Unknown),
            false => self,
        }
    }

    /// Whether a server does not know the script that it was to run by its name.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.0.outcome == Outcome::NotApplied && self.is_server() && self.0.message.starts_with(UNKNOWN_SCRIPT)
    }

    pub(crate) fn with_node(mut self, node: impl FnOnce() -> String) -> Error {
        if self.0.node.is_none() {
            self.0.node = Some(node());
        }
        self
    }

    pub(crate) fn with_command(mut self, command: impl Into<Cow<'static, str>>) -> Error {
        self.0.command.get_or_insert_with(|| command.into());
        self
    }

    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Error {
        self.0.outcome = outcome;
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_parts(mut self, parts: Vec<PartOutcome>) -> Error {
        self.0.parts = parts;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Error {
        self.0.attempts = attempts;
        self
    }

    /// The same after other attempts were made.
    pub(crate) fn attempts_after(self, others: u32) -> Error {
        let attempts = self.0.attempts + others;
        self.with_attempts(attempts)
    }

    /// Says whether it came over a connection that had lain in a pool.
    pub(crate) fn pooled(mut self, pooled: bool) -> Error {
        self.0.pooled = pooled;
        self
    }

    pub(crate) fn was_pooled(&self) -> bool {
        self.0.pooled
    }

    /// Whether a deadline passed, of the call or of connecting.
    pub(crate) fn is_timeout(&self) -> bool {
        let io = self.0.source.as_ref().map(std::io::Error::kind);
        self.0.kind == ErrorKind::Timeout
            || matches!(io, Some(std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock))
    }

    /// Whether the server has as many clients as it takes. It hangs up after that.
    pub(crate) fn is_full_house(&self) -> bool {
        self.is_server() && self.0.message.starts_with("ERR max number of clients")
    }

    /// Whether a server says that it is a replica: to a write, to a read that it may not serve, or to who waited for data
    /// while it became one. Or it is not what it was taken for before it was reached for the first time.
    pub(crate) fn is_of_a_replica(&self) -> bool {
        let has_become_one = || self.is_server() && self.0.message.starts_with("UNBLOCKED force unblock");
        let is_taken_wrongly = self.0.kind == ErrorKind::Config && self.0.phase == Some(Phase::Handshake);
        matches!(self.0.kind, ErrorKind::ReadOnly | ErrorKind::MasterDown) || has_become_one() || is_taken_wrongly
    }

    /// Whether a server could not be reached, or cannot say now who it is: that passes by itself. All else is a wrong
    /// answer, or an address that leads nowhere.
    pub(crate) fn is_outage(&self) -> bool {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        use ErrorKind::*;
        // A name without an address, or a certificate that is not trusted.
        let is_mistake = |why: &std::io::Error| matches!(why.kind(), InvalidInput | InvalidData);
        match self.0.kind {
            Connect | Io | Timeout => !self.0.source.as_ref().is_some_and(is_mistake),
            Loading | MasterDown => true,
            _ => self.is_full_house() || matches!(self.code(), Some("BUSY" | "TRYAGAIN")),
        }
    }

    /// Adds what the caller must know beyond the cause.
    pub(crate) fn with_note(mut self, note: &str) -> Error {
        self.0.message.push_str("; ");
        self.0.message.push_str(note);
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

    /// The first word of an error reply, such as `WRONGTYPE` or `ERR`; `None` when no server said this.
    pub fn code(&self) -> Option<&str> {
        if !self.is_server() {
            return None;
        }
        self.0.message.split(' ').next()
    }

    /// Whether this is an error reply: the server understood and refused, and the connection stays usable.
    pub fn is_server(&self) -> bool {
        use ErrorKind::*;
        matches!(
            self.0.kind,
            WrongType
                | NoAuth
                | WrongPass
                | NoPerm
                | Loading
                | MasterDown
                | ReadOnly
                | OutOfMemory
                | Misconf
                | BusyKey
                | ExecAbort
                | Server
        )
    }

    /// For a command over several nodes and for the subscriptions of a [`Subscriber`](crate::Subscriber), how far each
    /// node came; empty for every other failure.
    pub fn parts(&self) -> &[PartOutcome] {
        &self.0.parts
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
        for part in &self.0.parts {
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
            Outcome::Unknown if self.0.parts.is_empty() => f.write_str(" (it may have been applied)"),
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
        if !self.0.parts.is_empty() {
            out.field("parts", &self.0.parts);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// Bytes from a server or a caller as printable text of at most `most` bytes of input.
pub(crate) fn escape(bytes: &[u8], most: usize) -> String {
    let mut cut = bytes.len().min(most);
    while cut < bytes.len() && cut > 0 && (bytes[cut] & 0xc0) == 0x80 {
        cut -= 1;
    }
    let mut out = String::with_capacity(cut);
    for character in String::from_utf8_lossy(&bytes[..cut]).chars() {
        // Control characters could drive a terminal; so could the ones that reorder text.
        if character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if cut < bytes.len() {
        out.push_str("...");
    }
    out
}

/// What a server said of a rule for a user without the rule, unless its first sign says that it is no password.
fn without_password(text: &[u8]) -> Cow<'_, [u8]> {
    match text.strip_prefix(RULE) {
        Some(rest) if !matches!(rest.first(), Some(b'+' | b'-' | b'~' | b'%' | b'&' | b'(')) => {
            let reason = rest.windows(3).rposition(|end| end == b"': ").map_or(&b"'"[..], |at| &rest[at..]);
            [RULE, b"(hidden)", reason].concat().into()
        }
        _ => text.into(),
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
    fn server_text_is_escaped_and_cut() {
        let error = Error::server(b"ERR \x1b[2J\xff\r\xe2\x80\xae");
        assert_eq!(error.message(), "ERR \\u{1b}[2J\u{fffd}\\r\\u{202e}");
        let long = Error::server(&[b'x'; 10_000]);
        assert_eq!(long.message().len(), SERVER_TEXT + 3);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(escape("ab\u{e9}".as_bytes(), 3), "ab...");
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
