//! Our program in a terminal of its own: what a person types, and what the screen shows.

use pty_process::blocking::{Command, Pty};
use pty_process::Size;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

/// How long anything may take to be shown.
const PATIENCE: Duration = Duration::from_secs(20);

pub const CTRL_A: &str = "\x01";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
/// Forgets the line.
pub const CTRL_U: &str = "\x15";
pub const UP: &str = "\x1b[A";
pub const LEFT: &str = "\x1b[D";
pub const ENTER: &str = "\r";

/// A terminal of 100 columns, and our program in it.
pub struct Terminal {
    pty: Pty,
    child: Child,
    shown: Receiver<Vec<u8>>,
    /// What was shown since it was last looked for, without colours and moves of the cursor.
    screen: String,
    /// The beginning of a sequence that has not come whole.
    rest: Vec<u8>,
}

impl Terminal {
    /// Starts our program with variables of its environment; it finds nothing else of the person who runs the tests.
    pub fn start(args: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let pty = Pty::new().expect("a terminal");
        pty.resize(Size::new(40, 100)).expect("its size");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rediscluster"));
        for variable in ["REDISCLI_AUTH", "VALKEYCLI_AUTH", "REDISCLUSTER_NODES", "XDG_STATE_HOME", "HOME"] {
            command.env_remove(variable);
        }
        command.args(args).env("TERM", "xterm").envs(environment.iter().copied());
        let child = command.spawn(&pty.pts().expect("its other end")).expect("our program");
        let mut reader = pty_of(&pty);
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails when the program has ended.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { pty, child, shown, screen: String::new(), rest: Vec::new() }
    }

    /// Presses these keys.
    pub fn keys(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).expect("the program reads what is typed");
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) {
        self.keys(line);
        self.keys(ENTER);
    }

    /// Waits until this is shown, and gives all that was shown up to there and not looked at yet.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.screen.find(text) {
                let behind = self.screen.split_off(at + text.len());
                return std::mem::replace(&mut self.screen, behind);
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("{text:?} is not shown ({error}); this is:\n{}", self.screen),
            }
        }
    }

    /// Types a line and waits until this is shown.
    #[track_caller]
    pub fn answers(&mut self, line: &str, text: &str) -> String {
        self.line(line);
        self.shows(text)
    }

    /// Presses keys again and again, because help comes in the background, until this is shown.
    #[track_caller]
    pub fn shows_sooner_or_later(&mut self, keys: &str, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.keys(keys);
            let pause = Instant::now() + Duration::from_millis(100);
            while let Ok(bytes) = self.shown.recv_timeout(pause.saturating_duration_since(Instant::now())) {
                self.take(&bytes);
            }
            if self.screen.contains(text) {
                self.screen.clear();
                return;
            }
            assert!(Instant::now() < until, "{text:?} is not shown; this is:\n{}", self.screen);
        }
    }

    /// Waits for the end of the program: what it has shown, and its status.
    pub fn end(mut self) -> (String, Option<i32>) {
        let until = Instant::now() + PATIENCE;
        while let Ok(bytes) = self.shown.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
        if Instant::now() >= until {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("its end").code();
        (std::mem::take(&mut self.screen), status)
    }

    /// Leaves out what is no text but for line ends: colours, moves of the cursor, and what is asked of the terminal.
    fn take(&mut self, bytes: &[u8]) {
        let mut text = std::mem::take(&mut self.rest);
        text.extend_from_slice(bytes);
        let mut rest = &text[..];
        while let Some(&first) = rest.first() {
            let length = match rest {
                [0x1b, b'[', behind @ ..] => match behind.iter().position(|byte| (b'@'..=b'~').contains(byte)) {
                    Some(end) => end + 3,
                    None => break,
                },
                [0x1b] => break,
                _ => 1,
            };
            // Lines begin at the left either way, and a bell is heard and not seen.
            if length == 1 && (first == b'\n' || !first.is_ascii_control()) {
                self.screen.push(char::from(first));
            }
            rest = &rest[length..];
        }
        self.rest = rest.to_vec();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same terminal once more, to read from in a thread.
fn pty_of(pty: &Pty) -> std::fs::File {
    use std::os::fd::AsFd;
    std::fs::File::from(pty.as_fd().try_clone_to_owned().expect("the terminal once more"))
}
