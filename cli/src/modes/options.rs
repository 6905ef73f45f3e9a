//! The options of the modes, as a redis-cli user expects them.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is done instead of running one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Scan,
    BigKeys,
    MemKeys,
    HotKeys,
    Stat,
    Latency,
    LatencyHistory,
    Pipe,
}

/// Which servers, which mode, and what the modes take.
#[derive(Debug, Args)]
pub struct ModeOptions {
    /// As --direct, the server at this Unix socket; it wins over -h and -p
    #[arg(short = 's', value_name = "SOCKET", help_heading = "One server, or some")]
    pub socket: Option<PathBuf>,

    /// As --direct, the server at redis://USER:PASSWORD@HOST:PORT/DB or rediss://
    #[arg(short = 'u', value_name = "URI", help_heading = "One server, or some")]
    pub uri: Option<String>,

    /// Send the command as it is to this node, or to a replica by the name that `nodes` shows
    #[arg(long, value_name = "NODE", help_heading = "One server, or some")]
    pub on: Option<String>,

    /// Send the command as it is to every master, all at once
    #[arg(long, conflicts_with = "on", help_heading = "One server, or some")]
    pub on_each: bool,

    /// Show what servers push by RESP3, yes or no [default: yes on a terminal]
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, help_heading = "Input and output")]
    pub show_pushes: Option<bool>,

    /// Ask for the password at the terminal; -a and the environment do not count then
    #[arg(long, help_heading = "Input and output")]
    pub askpass: bool,

    /// Take the argument that is TAG from standard input
    #[arg(short = 'X', value_name = "TAG", help_heading = "Input and output")]
    pub stdin_tag: Option<OsString>,

    /// Run the Lua script in FILE; words are keys, and arguments behind a comma
    #[arg(long, value_name = "FILE", help_heading = "Input and output")]
    pub eval: Option<PathBuf>,

    /// Run the commands of standard input, lines or RESP, as fast as can be
    #[arg(long, help_heading = MODES)]
    pub pipe: bool,

    /// With --pipe: give up when no reply comes for SECONDS; 0: never [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = MODES)]
    pub pipe_timeout: Option<u64>,

    /// List all keys
    #[arg(long, help_heading = MODES)]
    pub scan: bool,

    /// With --scan: show the node of each key
    #[arg(long, help_heading = MODES)]
    pub with_node: bool,

    /// Find the keys with the most elements, and tell how large keys are
    #[arg(long, help_heading = MODES)]
    pub bigkeys: bool,

    /// Find the keys that take the most memory
    #[arg(long, help_heading = MODES)]
    pub memkeys: bool,

    /// As --memkeys, looking at this many elements of each key
    #[arg(long, value_name = "COUNT", help_heading = MODES)]
    pub memkeys_samples: Option<u64>,

    /// Find the keys that are used most, where maxmemory-policy is one of *lfu
    #[arg(long, help_heading = MODES)]
    pub hotkeys: bool,

    /// With those that go through all keys: only keys that fit this pattern
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true, help_heading = MODES)]
    pub pattern: Option<OsString>,

    /// As --pattern, quoted as in a script
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true, conflicts_with = "pattern", help_heading = MODES)]
    pub quoted_pattern: Option<OsString>,

    /// With those that go through all keys: only keys of this type
    #[arg(long = "type", value_name = "TYPE", help_heading = MODES)]
    pub key_type: Option<String>,

    /// With those that go through all keys: about how many at once [default: 10]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), help_heading = MODES)]
    pub count: Option<u64>,

    /// Show keys, memory, clients and load again and again
    #[arg(long, help_heading = MODES)]
    pub stat: bool,

    /// Show how long a PING takes; not on a terminal: in -i seconds [default: 1]
    #[arg(long, help_heading = MODES)]
    pub latency: bool,

    /// As --latency, a line every -i seconds [default: 15]
    #[arg(long, help_heading = MODES)]
    pub latency_history: bool,
}

const MODES: &str = "Modes, over all nodes at once";

/// As redis-cli reads it: the first letter counts.
fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.bytes().next().map(|byte| byte.to_ascii_lowercase()) {
        Some(b'y') => Ok(true),
        Some(b'n') => Ok(false),
        _ => Err("it is yes or no".to_owned()),
    }
}

impl ModeOptions {
    /// The one node that commands go to, or all of them; `None` where keys decide.
    pub fn named(&self) -> Option<Option<&str>> {
        match &self.on {
            Some(on) => Some(Some(on)),
            None => self.on_each.then_some(None),
        }
    }

    /// The mode that was asked for.
    ///
    /// # Errors
    /// That there are two, or an option of a mode without it.
    pub fn mode(&self) -> Result<Option<Mode>, String> {
        let memkeys = self.memkeys || self.memkeys_samples.is_some();
        let given = [
            ("--scan", self.scan, Mode::Scan),
            ("--bigkeys", self.bigkeys, Mode::BigKeys),
            ("--memkeys", memkeys, Mode::MemKeys),
            ("--hotkeys", self.hotkeys, Mode::HotKeys),
            ("--stat", self.stat, Mode::Stat),
            ("--latency-history", self.latency_history, Mode::LatencyHistory),
            ("--latency", self.latency && !self.latency_history, Mode::Latency),
            ("--pipe", self.pipe, Mode::Pipe),
        ];
        let mut given = given.iter().filter(|(_, is_given, _)| *is_given);
        let mode = match (given.next(), given.next()) {
            (Some((one, ..)), Some((other, ..))) => return Err(format!("{one} and {other}: one at a time")),
            (first, _) => first.map(|&(_, _, mode)| mode),
        };
        let walks = matches!(mode, Some(Mode::Scan | Mode::BigKeys | Mode::MemKeys | Mode::HotKeys));
        let astray = [
            ("--pattern", self.pattern.is_some() && !walks),
            ("--quoted-pattern", self.quoted_pattern.is_some() && !walks),
            ("--type", self.key_type.is_some() && !walks),
            ("--count", self.count.is_some() && !walks),
            ("--with-node", self.with_node && mode != Some(Mode::Scan)),
            ("--pipe-timeout", self.pipe_timeout.is_some() && mode != Some(Mode::Pipe)),
        ];
        match astray.iter().find(|(_, is_astray)| *is_astray) {
            Some((option, _)) if mode.is_none() || !walks => {
                Err(format!("{option} is for a mode that was not asked for: see --help"))
            }
            Some((option, _)) => Err(format!("{option} is not for this mode: see --help")),
            None => Ok(mode),
        }
    }
}
