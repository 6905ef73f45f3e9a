//! Running our program, and redis-cli to compare it with.

// Each test binary compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use rediscluster_testing::Server;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::OnceLock;
use std::time::Duration;

/// What a program printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub status: i32,
}

impl Ran {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }
}

/// It has printed this, and nothing went wrong.
#[track_caller]
pub fn answered(ran: &Ran, out: &str) {
    assert_eq!((ran.out().as_str(), ran.status), (out, 0), "{}", ran.err());
    assert_eq!(ran.err(), "");
}

/// Two servers, and the options that make a cluster of them.
pub fn pair() -> ([Server; 2], [String; 2]) {
    let servers = [Server::start(), Server::start()];
    let list = format!("node_1={},node_2={}", servers[0].address(), servers[1].address());
    (servers, ["--nodes".into(), list])
}

pub fn with<'a>(options: &'a [String], words: &[&'a str]) -> Vec<&'a str> {
    options.iter().map(String::as_str).chain(words.iter().copied()).collect()
}

/// The one line of complaint.
#[track_caller]
pub fn failed(ran: &Ran) -> String {
    assert_eq!((ran.out().as_str(), ran.status), ("", 1), "{}", ran.err());
    ran.err().strip_prefix("rediscluster: ").unwrap_or_else(|| panic!("{}", ran.err())).trim_end().to_owned()
}

/// Runs our program.
pub fn rediscluster<A: AsRef<OsStr>>(args: &[A]) -> Ran {
    rediscluster_with(args, &[], b"")
}

/// How long a line of a script may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Our program while it runs a script that is given line by line.
pub struct Script {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Script {
    pub fn start<A: AsRef<OsStr>>(args: &[A]) -> Script {
        let mut child = command(Path::new(env!("CARGO_BIN_EXE_rediscluster")), args, &[]).spawn().expect("our program");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.expect("text"));
            }
        });
        Script { child, stdin, lines }
    }

    /// Gives it a line and takes the line that it answers with; empty when it has ended.
    pub fn say(&mut self, line: &str) -> String {
        // It may have ended, which its answer shows.
        let _ = writeln!(self.stdin, "{line}");
        match self.lines.recv_timeout(ANSWER) {
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("no answer to {line}");
            }
            answer => answer.unwrap_or_default(),
        }
    }

    /// What it prints until it ends by itself or at the end of the script.
    pub fn end(self) -> Ran {
        let Script { mut child, stdin, lines } = self;
        drop(stdin);
        let out: String = lines.iter().map(|line| line + "\n").collect();
        let mut ran = Ran { out: out.into_bytes(), err: Vec::new(), status: 0 };
        child.stderr.take().expect("a pipe").read_to_end(&mut ran.err).expect("its errors");
        ran.status = child.wait().expect("its end").code().unwrap_or(-1);
        ran
    }
}

/// Runs our program with variables of the environment and a standard input.
pub fn rediscluster_with<A: AsRef<OsStr>>(args: &[A], environment: &[(&str, &str)], input: &[u8]) -> Ran {
    run(Path::new(env!("CARGO_BIN_EXE_rediscluster")), args, environment, input)
}

/// Runs any program. What would tell ours or redis-cli something is taken out of the environment.
pub fn run<A: AsRef<OsStr>>(program: &Path, args: &[A], environment: &[(&str, &str)], input: &[u8]) -> Ran {
    let mut child = command(program, args, environment)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // Both sides of a pipe can be full at the same time.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let ran = child.wait_with_output().expect("the output of a child");
    writer.join().expect("the writer");
    Ran { out: ran.stdout, err: ran.stderr, status: ran.status.code().unwrap_or(-1) }
}

fn command<A: AsRef<OsStr>>(program: &Path, args: &[A], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for variable in ["REDISCLI_AUTH", "VALKEYCLI_AUTH", "REDISCLUSTER_NODES", "FAKETTY"] {
        command.env_remove(variable);
    }
    command.args(args).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// redis-cli 7.0 or newer, named by `REDIS_CLI` or on the PATH. When there is none the test says so and passes.
pub fn redis_cli(test: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        if let Some(path) = std::env::var_os("REDIS_CLI").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            assert!(is_recent(&path), "REDIS_CLI={} is no redis-cli 7.0 or newer", path.display());
            return Some(path);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let files = std::env::split_paths(&path).map(|directory| directory.join("redis-cli"));
        files.filter(|file| file.is_file()).find(|file| is_recent(file))
    });
    if found.is_none() {
        // Not by `println!`: of a test that passes, what that prints is not shown.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no redis-cli 7.0 or newer here, so nothing is compared with it: {test}"
        );
    }
    found.as_deref()
}

fn is_recent(program: &Path) -> bool {
    let Ok(said) = Command::new(program).arg("--version").output() else { return false };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split_whitespace().nth(1).and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    version.is_some_and(|major| major >= 7)
}

/// Takes a line apart as a shell would: words in single quotes as they are, and in double quotes with the escapes
/// `\n`, `\r`, `\xHH` and a backslash before anything else.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.trim().bytes().peekable();
    while bytes.peek().is_some() {
        let mut word = Vec::new();
        let mut quote = None;
        while let Some(byte) = bytes.next() {
            match (quote, byte) {
                (None, b' ') => break,
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                (Some(b'"'), b'\\') => match bytes.next().expect("something behind a backslash") {
                    b'n' => word.push(b'\n'),
                    b'r' => word.push(b'\r'),
                    b'x' => {
                        let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                        let digits = std::str::from_utf8(&digits).expect("digits");
                        word.push(u8::from_str_radix(digits, 16).expect("two digits"));
                    }
                    other => word.push(other),
                },
                _ => word.push(byte),
            }
        }
        words.push(word);
        while bytes.next_if_eq(&b' ').is_some() {}
    }
    words
}

/// Any bytes as an argument of a program.
pub fn argument(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}
