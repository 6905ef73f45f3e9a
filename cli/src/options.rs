//! The options of the command line, as a redis-cli user expects them.

use crate::file::settings::{Settings, OUTPUTS};
use crate::modes::{instead_of, ModeOptions};
use crate::own;
use crate::render::{Mode, Style};
use crate::tls::Wanted;
use clap::error::{ContextKind, ErrorKind};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};
use rediscluster::{Address, Protocol};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where `-h` and `-p` lead when only the other one is given.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 6379;

/// What the first word of the command line may say besides the name of a Redis command, and what else there is to know.
fn more_help() -> String {
    let own = own::list();
    format!(
        "\
Commands of its own:
{own}
Environment:
  REDISCLUSTER_NODES  The nodes, as for --nodes
  REDISCLI_AUTH       The password: unlike that of -a it is not shown in the list of processes
  VALKEYCLI_AUTH      The same, where REDISCLI_AUTH is not set
  REDISCLUSTER_HISTFILE
                      The file with the lines of sessions; empty for none [default:
                      $XDG_STATE_HOME/rediscluster/history or ~/.rediscluster_history]

Without COMMAND, commands are read from standard input: one a line, quoted as redis-cli quotes.
On a terminal that is a session, with editing, history, completion and help.
Options come before --config, which comes before the environment."
    )
}

/// Runs Redis commands on N independent servers that look like one.
#[derive(Debug, Parser)]
#[command(name = "rediscluster", version, override_usage = "rediscluster [OPTIONS] [COMMAND [ARG...]]", after_help = more_help())]
#[command(args_override_self = true, disable_version_flag = true, disable_help_flag = true)]
pub struct Options {
    /// A node, once for each; the address may be a redis://, rediss:// or unix:// URL
    #[arg(long = "node", value_name = "NAME=HOST:PORT", action = ArgAction::Append)]
    pub node: Vec<String>,

    /// All nodes at once: NAME=HOST:PORT,NAME=HOST:PORT
    #[arg(long = "nodes", value_name = "LIST")]
    pub nodes: Option<String>,

    /// Nodes and settings: .toml, .json, .py or .php (originals), .yml (twemproxy)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The pool, where a file of twemproxy has several
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,

    /// Send any command to this one server, or to this node, without routing
    #[arg(long, value_name = "HOST:PORT")]
    pub direct: Option<String>,

    /// As --direct, this server at the port of -p; without a value: this help
    #[arg(short = 'h', value_name = "HOST")]
    host: Option<Option<String>>,

    /// As --direct, this port of the server of -h [default: 6379 of 127.0.0.1]
    #[arg(short = 'p', value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Read from masters only, and never look for replicas
    #[arg(long)]
    pub masters_only: bool,

    /// The longest that a command may take, besides waiting for data [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,

    /// The database
    #[arg(short = 'n', long = "db", value_name = "DB")]
    pub database: Option<u32>,

    /// The password
    #[arg(short = 'a', long = "pass", value_name = "PASSWORD", allow_hyphen_values = true)]
    pub password: Option<String>,

    /// The user whose password it is
    #[arg(long = "user", value_name = "USER", allow_hyphen_values = true)]
    pub username: Option<String>,

    /// Say nothing about a password in the command line
    #[arg(long)]
    pub no_auth_warning: bool,

    /// Speak TLS with all servers, as with rediss:// URLs
    #[arg(long)]
    pub tls: bool,

    /// Trust the certificates in this PEM file instead of those that the system trusts
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// A certificate to show to the servers, in a PEM file
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The key to that certificate, in a PEM file
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// The name that servers must have in their certificates, instead of their host
    #[arg(long, value_name = "HOST")]
    pub sni: Option<String>,

    /// Take any certificate: whoever is on the way can read everything
    #[arg(long)]
    pub insecure: bool,

    /// Run the command COUNT times; -1: for ever
    #[arg(short = 'r', value_name = "COUNT", allow_negative_numbers = true)]
    pub repeat: Option<i64>,

    /// Wait SECONDS after each run
    #[arg(short = 'i', value_name = "SECONDS", value_parser = seconds)]
    pub interval: Option<Duration>,

    /// Take the last argument from standard input
    #[arg(short = 'x')]
    pub stdin_argument: bool,

    /// Exit with status 1 when a command is answered with an error, also in a script
    #[arg(short = 'e')]
    pub error_status: bool,

    /// Speak RESP2, also with --json
    #[arg(short = '2', overrides_with = "resp3")]
    pub resp2: bool,

    /// Speak RESP3, and nothing else
    #[arg(short = '3', overrides_with = "resp2")]
    pub resp3: bool,

    /// Show replies as they are; the default when the output is not a terminal
    #[arg(long)]
    raw: bool,

    /// Show replies with their types; the default on a terminal
    #[arg(long)]
    no_raw: bool,

    /// Show replies as JSON, and speak RESP3 if it can, unless -2 is given
    #[arg(long)]
    json: bool,

    /// As --json, with escapes for bytes that are not printable ASCII
    #[arg(long)]
    quoted_json: bool,

    /// Show replies as comma separated values
    #[arg(long)]
    csv: bool,

    /// What --raw puts between the elements of a reply [default: a line end]
    #[arg(short = 'd', value_name = "DELIMITER", allow_hyphen_values = true)]
    pub between: Option<OsString>,

    /// What --raw puts behind each reply [default: a line end]
    #[arg(short = 'D', value_name = "DELIMITER", allow_hyphen_values = true)]
    pub behind: Option<OsString>,

    /// Take the words of the command as quoted as in a script
    #[arg(long)]
    pub quoted_input: bool,

    /// Keep no lines of the session, and bring none back
    #[arg(long)]
    pub no_history: bool,

    #[command(flatten)]
    pub modes: ModeOptions,

    /// Show this help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,

    /// Show the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,

    /// Of the modes above the one that was given last.
    #[arg(skip)]
    chosen: Option<Mode>,

    /// A Redis command with its arguments, or a command of this program
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

/// The modes by the names of their options' fields, in the order in which files name them.
const MODES: [(&str, Mode); 5] = [
    ("raw", Mode::Raw),
    ("no_raw", Mode::Standard),
    ("json", Mode::Json),
    ("quoted_json", Mode::QuotedJson),
    ("csv", Mode::Csv),
];

impl Options {
    /// Reads a command line, the name of the program first.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Options, clap::Error> {
        let line: Vec<OsString> = line.into_iter().collect();
        let matches = Options::command().try_get_matches_from(&line)?;
        let mut options = Options::from_arg_matches(&matches)?;
        if options.host == Some(None) {
            Options::command().try_get_matches_from(["rediscluster", "--help"])?;
        }
        let given = |name: &str| matches.get_flag(name).then(|| matches.index_of(name)).flatten();
        options.chosen = MODES
            .iter()
            .filter_map(|&(name, mode)| Some((given(name)?, mode)))
            .max_by_key(|(at, _)| *at)
            .map(|(_, mode)| mode);
        // Everything from the first unknown option on was taken for the command. No command begins with a hyphen.
        if options.command.first().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-")) {
            let elsewhere = options.command.first().and_then(|word| instead_of(word.as_encoded_bytes()));
            if let Some(message) = elsewhere {
                return Err(clap::Error::raw(ErrorKind::UnknownArgument, format!("{message}\n")));
            }
            let strict =
                Options::command().mut_arg("command", |words| words.trailing_var_arg(false).allow_hyphen_values(false));
            strict.try_get_matches_from(line).map_err(|mut error| {
                // It would say how to send the option as a command.
                error.remove(ContextKind::Suggested);
                error
            })?;
        }
        Ok(options)
    }

    /// The words of the command, each of any bytes.
    pub fn words(&self) -> Vec<Vec<u8>> {
        self.command.iter().map(|word| word.as_encoded_bytes().to_vec()).collect()
    }

    /// Takes what a file says where the command line says nothing.
    pub fn fill(&mut self, settings: &Settings) {
        if self.chosen.is_none() {
            let named = settings.text("output").and_then(|name| OUTPUTS.iter().position(|output| *output == name));
            self.chosen = named.map(|at| MODES[at].1);
            self.json |= self.chosen == Some(Mode::Json);
            self.quoted_json |= self.chosen == Some(Mode::QuotedJson);
        }
        if !self.resp2 && !self.resp3 {
            self.resp2 = settings.protocol() == Some(Protocol::Resp2);
            self.resp3 = settings.protocol() == Some(Protocol::Resp3);
        }
        let text = |name: &str| settings.text(name).map(OsString::from);
        self.between = self.between.take().or_else(|| text("delimiter"));
        self.behind = self.behind.take().or_else(|| text("reply_delimiter"));
        self.error_status |= settings.is_on("error_status").unwrap_or(false);
    }

    /// What they say of TLS.
    pub fn tls(&self) -> Wanted {
        Wanted {
            tls: self.tls,
            insecure: self.insecure,
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            sni: self.sni.clone(),
        }
    }

    /// How replies are shown.
    pub fn style(&self, terminal: bool) -> Style {
        let bytes =
            |text: &Option<OsString>| text.as_ref().map_or(b"\n".to_vec(), |text| text.as_encoded_bytes().to_vec());
        let mode = self.chosen.unwrap_or(if terminal { Mode::Standard } else { Mode::Raw });
        Style { mode, between: bytes(&self.between), behind: bytes(&self.behind) }
    }

    /// How messages that answer no command are shown, where they are.
    pub fn pushes(&self) -> Option<Style> {
        let terminal = std::io::stdout().is_terminal();
        self.modes.show_pushes.unwrap_or(terminal).then(|| self.style(terminal))
    }

    /// The one server to talk to without routing.
    ///
    /// # Errors
    /// That two of them are named.
    pub fn one_server(&self) -> Result<Option<String>, String> {
        let by_host = self.host.is_some() || self.port.is_some();
        let socket = self.modes.socket.as_deref().map(unix_address).transpose()?;
        let by_host = (by_host && socket.is_none()).then(|| {
            let host = self.host.as_ref().and_then(Option::as_deref).unwrap_or(HOST);
            let port = self.port.unwrap_or(PORT);
            if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            }
        });
        let given = [
            ("--direct names a server", self.direct.clone()),
            ("-u names a server", self.modes.uri.clone()),
            ("-s names a server", socket),
            ("-h and -p name a server", by_host),
        ];
        let mut given = given.into_iter().filter_map(|(what, address)| Some((what, address?)));
        match (given.next(), given.next()) {
            (Some((one, _)), Some((other, _))) => {
                let other = other.replace(" names a server", "").replace(" name a server", "");
                Err(format!("{one}, and so do {other}: give one of them"))
            }
            (first, _) => Ok(first.map(|(_, address)| address)),
        }
    }

    /// The version of the protocol to speak. JSON asks for RESP3 even when another mode comes after it.
    pub fn protocol(&self) -> Protocol {
        match self.resp3 || self.prefers_resp3() {
            true => Protocol::Resp3,
            false => Protocol::Resp2,
        }
    }

    /// Whether RESP3 is spoken for the sake of JSON only, and RESP2 does where a server has nothing else.
    pub fn prefers_resp3(&self) -> bool {
        (self.json || self.quoted_json) && !self.resp2 && !self.resp3
    }
}

/// The address of a Unix socket.
fn unix_address(path: &Path) -> Result<String, String> {
    let whole = std::env::current_dir().map_err(|error| format!("-s: {error}"))?.join(path);
    let text = whole.to_str().ok_or("-s: the path is not UTF-8")?;
    let address = Address::unix(text).map_err(|error| format!("-s: {}", error.message()))?;
    Ok(address.to_string())
}

/// A time in seconds with an optional fraction.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a time that can be waited".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Options, String> {
        let line = std::iter::once("rediscluster").chain(line.iter().copied());
        Options::read(line.map(OsString::from)).map_err(|error| error.to_string())
    }

    fn command(line: &[&str]) -> Vec<String> {
        let words = read(line).unwrap().words();
        words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
    }

    #[test]
    fn the_definition_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn options_end_at_the_first_word_of_the_command() {
        assert_eq!(command(&["set", "foo", "-1"]), ["set", "foo", "-1"]);
        assert_eq!(command(&["get", "--raw"]), ["get", "--raw"]);
        assert_eq!(
            command(&["--raw", "-n", "3", "set", "-x", "-n", "4", "--", "--help"]),
            ["set", "-x", "-n", "4", "--", "--help"]
        );
        assert_eq!(command(&[]), [""; 0]);
    }

    #[test]
    fn unknown_options_are_errors() {
        for line in [
            &["--bogus", "get"][..],
            &["-q"],
            &["--raw", "-Z", "get", "a"],
            &["-r"],
            &["-n", "x", "get", "a"],
            &["-i", "-1"],
        ] {
            assert!(read(line).is_err(), "{line:?}");
        }
        assert!(read(&["--masters"]).unwrap_err().contains("--masters-only"), "a hint at what may be meant");
    }

    #[test]
    fn numbers_and_hyphens() {
        assert_eq!(read(&["-r", "-1", "ping"]).unwrap().repeat, Some(-1));
        assert_eq!(read(&["-a", "-secret", "ping"]).unwrap().password.as_deref(), Some("-secret"));
        assert_eq!(read(&["-i", "0.25", "ping"]).unwrap().interval, Some(Duration::from_millis(250)));
        assert_eq!(read(&["-d", "-", "-D", "", "ping"]).unwrap().style(false).between, b"-");
    }

    #[test]
    fn the_last_mode_wins() {
        for (line, mode) in [
            (&["--json", "--raw"][..], Mode::Raw),
            (&["--raw", "--json"], Mode::Json),
            (&["--raw", "--json", "--raw", "--no-raw"], Mode::Standard),
            (&["--csv", "--quoted-json"], Mode::QuotedJson),
            (&["--quoted-json", "--csv", "--csv"], Mode::Csv),
            (&[], Mode::Raw),
        ] {
            assert_eq!(read(line).unwrap().style(false).mode, mode, "{line:?}");
        }
        assert_eq!(read(&[]).unwrap().style(true).mode, Mode::Standard);
    }

    #[test]
    fn json_speaks_resp3_unless_told_otherwise() {
        for (line, protocol) in [
            (&["--raw"][..], Protocol::Resp2),
            (&["-3"], Protocol::Resp3),
            (&["-3", "-2"], Protocol::Resp2),
            (&["--json"], Protocol::Resp3),
            (&["-2", "--json"], Protocol::Resp2),
            (&["--json", "--raw"], Protocol::Resp3),
            (&["--quoted-json", "-2", "-3"], Protocol::Resp3),
        ] {
            assert_eq!(read(line).unwrap().protocol(), protocol, "{line:?}");
        }
    }
}
