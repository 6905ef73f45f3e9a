//! What servers say when they refuse: the kind of it, what was applied all the same, whether it passes, and whether it
//! may come of a failover. Whoever sends again, follows a new master or asks another server looks here.

use super::text::{escape, without_password};
use super::{Error, ErrorKind, Outcome, Phase};

/// The most server text that an error keeps, in bytes: a hostile server cannot fill a log.
const SERVER_TEXT: usize = 512;

/// The first words of error replies that are a kind of their own.
const KINDS: &[(&str, ErrorKind)] = &[
    ("WRONGTYPE", ErrorKind::WrongType),
    ("NOAUTH", ErrorKind::NoAuth),
    ("WRONGPASS", ErrorKind::WrongPass),
    ("NOPERM", ErrorKind::NoPerm),
    ("LOADING", ErrorKind::Loading),
    ("MASTERDOWN", ErrorKind::MasterDown),
    ("READONLY", ErrorKind::ReadOnly),
    ("OOM", ErrorKind::OutOfMemory),
    ("MISCONF", ErrorKind::Misconf),
    ("BUSYKEY", ErrorKind::BusyKey),
    ("EXECABORT", ErrorKind::ExecAbort),
];

/// How servers begin what they say of a `MIGRATE` that broke off: of its keys some may have moved, and the one under way
/// may be on both servers.
const BROKEN_OFF: &[&str] = &["IOERR ", "ERR Target instance replied with error"];

/// So Redis 6.2 tells what a command in a script met.
const IN_A_SCRIPT: &[u8] = b": -READONLY You can't write against a read only";

impl Error {
    /// An error reply of a server, escaped and cut to a fixed length. A server that refuses has done nothing, with few
    /// exceptions.
    pub(crate) fn server(text: &[u8]) -> Error {
        let word = text.split(|&b| b == b' ').next().unwrap_or(b"");
        let kind = match KINDS.iter().find(|(code, _)| code.as_bytes() == word) {
            Some((_, kind)) => *kind,
            None if text.starts_with(b"ERR invalid password") => ErrorKind::WrongPass,
            None => ErrorKind::Server,
        };
        let outcome = match BROKEN_OFF.iter().any(|words| text.starts_with(words.as_bytes())) {
            true => Outcome::Unknown,
            false => Outcome::NotApplied,
        };
        Error::new(kind, outcome, escape(&without_password(text), SERVER_TEXT))
    }

    /// The first word of an error reply, such as `WRONGTYPE` or `ERR`; `None` when no server said this.
    pub fn code(&self) -> Option<&str> {
        if !self.is_server() {
            return None;
        }
        let message = &*self.0.message;
        let end = message.bytes().position(|byte| byte == b' ');
        message.get(..end.unwrap_or(message.len()))
    }

    /// Whether this is an error reply: the server understood and refused, and the connection stays usable.
    pub fn is_server(&self) -> bool {
        self.0.kind == ErrorKind::Server || KINDS.iter().any(|(_, kind)| *kind == self.0.kind)
    }

    /// Whether a server refuses only for the moment, before it looks at the command: it loads its data, has lost its
    /// master or its replicas, runs a script for too long, has too many clients.
    ///
    /// That it is full (`OOM`) or cannot write to its disk (`MISCONF`) does not pass by itself.
    pub(crate) fn is_for_the_moment(&self) -> bool {
        use ErrorKind::*;
        let says_so = || match self.0.kind {
            Loading | MasterDown => true,
            Server => matches!(self.code(), Some("TRYAGAIN" | "BUSY" | "NOREPLICAS")) || self.is_full_house(),
            _ => false,
        };
        self.0.outcome == Outcome::NotApplied && says_so()
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
        let says_so_in_a_script =
            || self.is_server() && self.0.message.as_bytes().windows(IN_A_SCRIPT.len()).any(|part| part == IN_A_SCRIPT);
        let says_so = matches!(self.0.kind, ErrorKind::ReadOnly | ErrorKind::MasterDown) || has_become_one();
        says_so || says_so_in_a_script() || is_taken_wrongly
    }

    /// Whether a server could not be reached, or cannot say now who it is: that passes by itself. All else is a wrong
    /// answer, or an address that leads nowhere.
    pub(crate) fn is_outage(&self) -> bool {
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        use ErrorKind::*;
        // A name without an address, or a certificate that is not trusted.
        let is_mistake = |why: &std::io::Error| matches!(why.kind(), InvalidInput | InvalidData);
        match self.0.kind {
            Connect | Io | Timeout => !self.0.source.as_deref().is_some_and(is_mistake),
            _ => self.is_for_the_moment(),
        }
    }

    /// Whether a master refuses a write because fewer replicas follow it than it wants (`min-replicas-to-write`).
    pub(crate) fn lacks_replicas(&self) -> bool {
        self.is_server() && self.code() == Some("NOREPLICAS")
    }

    /// Whether a server that is no longer the master would fail so: it is gone, starts anew, says that it is a replica, or
    /// has lost its replicas to the one that was promoted.
    pub(crate) fn may_come_of_a_failover(&self) -> bool {
        use ErrorKind::*;
        matches!(self.0.kind, Connect | Io | Timeout | Loading) || self.is_of_a_replica() || self.lacks_replicas()
    }

    /// Whether another server may well serve what this one could not.
    pub(crate) fn is_servers_fault(&self) -> bool {
        use ErrorKind::*;
        match self.0.kind {
            Connect | Io | Timeout | Protocol | PoolTimeout | Loading | MasterDown | NoAuth | NoPerm => true,
            // It was the master and is a replica now: nobody else refuses a read so.
            ReadOnly => true,
            // It has too many clients, runs a script for too long, or has not seen a script that others have.
            Server => matches!(self.code(), Some("BUSY" | "NOSCRIPT")) || self.is_full_house(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_is_escaped_and_cut() {
        let error = Error::server(b"ERR \x1b[2J\xff\r\xe2\x80\xae");
        assert_eq!(error.message(), "ERR \\u{1b}[2J\u{fffd}\\r\\u{202e}");
        let long = Error::server(&[b'x'; 10_000]);
        assert_eq!(long.message().len(), SERVER_TEXT + 3);
    }

    /// What the four servers say, whether that passes by itself, and whether it may come of a failover.
    #[test]
    fn what_servers_say() {
        for (text, passes, of_a_failover) in [
            ("LOADING Redis is loading the dataset in memory", true, true),
            ("LOADING Valkey is loading the dataset in memory", true, true),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true, true),
            ("NOREPLICAS Not enough good replicas to write.", true, true),
            ("READONLY You can't write against a read only replica.", false, true),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                false,
                true,
            ),
            ("TRYAGAIN Multiple keys request during rehashing of slot", true, false),
            ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", true, false),
            ("BUSY Valkey is busy running a module command.", true, false),
            ("ERR max number of clients reached", true, false),
            ("OOM command not allowed when used memory > 'maxmemory'.", false, false),
            ("MISCONF Errors writing to the AOF file: No space left on device", false, false),
            ("UNBLOCKED client unblocked via CLIENT UNBLOCK", false, false),
            ("CLUSTERDOWN Hash slot not served", false, false),
            ("NOAUTH Authentication required.", false, false),
            ("ERR syntax error", false, false),
        ] {
            let error = Error::server(text.as_bytes());
            assert_eq!(error.outcome(), Outcome::NotApplied, "{text}");
            assert_eq!((error.is_for_the_moment(), error.may_come_of_a_failover()), (passes, of_a_failover), "{text}");
            assert!(!error.with_outcome(Outcome::Unknown).is_for_the_moment(), "a script may say anything: {text}");
        }
    }

    #[test]
    fn a_migration_that_broke_off_may_have_moved_keys() {
        for text in [
            "IOERR error or timeout reading to target instance",
            "ERR Target instance replied with error: BUSYKEY Target key name already exists.",
        ] {
            assert_eq!(Error::server(text.as_bytes()).outcome(), Outcome::Unknown, "{text}");
        }
    }
}
