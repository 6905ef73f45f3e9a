//! Runs what was asked for: one command, or the lines of a script.

use crate::config::Config;
use crate::explain::explain;
use crate::modes::named::Named;
use crate::nodes;
use crate::options::Options;
use crate::own;
use crate::quote::split;
use crate::recover::recover;
use crate::render::{is_verbatim, Mode, Style};
use crate::reply::Reply;
use crate::session::{Answer, Failure, Interrupt, Ran, Session};
use crate::top::top;
use crate::verify::verify;
use crate::words::as_reply;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

/// So much of a reply is shown before Ctrl-C is looked for.
const PIECE: usize = 1 << 13;

/// Runs commands and shows what comes back.
pub struct Runner {
    session: Session,
    /// Where commands go instead of to the nodes of their keys.
    named: Option<Named>,
    style: Style,
    terminal: bool,
    repeat: i64,
    interval: Duration,
    error_status: bool,
    /// Whoever reads the output of a script counts replies: then every command has one there.
    in_script: bool,
}

impl Runner {
    /// Shows replies as the options say.
    pub fn new(options: &Options, session: Session, named: Option<Named>) -> Runner {
        let terminal = io::stdout().is_terminal();
        Runner {
            session,
            named,
            style: options.style(terminal),
            terminal,
            repeat: options.repeat.unwrap_or(1),
            interval: options.interval.unwrap_or_default(),
            error_status: options.error_status,
            in_script: false,
        }
    }

    /// Runs one command as often as the options say.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn once(&mut self, words: &[Vec<u8>]) -> io::Result<Ran> {
        let stops = self.error_status;
        self.repeated(words, self.repeat, stops)
    }

    /// Runs the lines of standard input until it ends, whatever becomes of each, or until the connection is lost with
    /// something that the lines to come need. Gives the worst that became of a line.
    ///
    /// # Errors
    /// When the input cannot be read or the output cannot be written.
    pub fn script(&mut self) -> io::Result<Ran> {
        self.in_script = true;
        let mut worst = Ran::Answered;
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                return Ok(worst);
            }
            let ran = match split(&line) {
                Some(words) => match words.first() {
                    None => continue,
                    Some(word) if word.eq_ignore_ascii_case(b"quit") || word.eq_ignore_ascii_case(b"exit") => {
                        return Ok(worst);
                    }
                    Some(_) => self.line(&words)?,
                },
                None => put(b"Invalid argument(s)\n").map(|()| Ran::Failed)?,
            };
            worst = worst.max(ran);
            if ran == Ran::Ended {
                return Ok(ran);
            }
        }
    }

    /// Where commands go.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs one line: a command, or a number and the command to run as often.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, words: &[Vec<u8>]) -> io::Result<Ran> {
        let (count, words) = match (words.len() > 1).then(|| count(&words[0])).flatten() {
            Some(Ok(count)) => (count, &words[1..]),
            Some(Err(())) => {
                return put(b"Invalid redis-cli repeat command option value.\n").map(|()| Ran::Failed);
            }
            None => (1, words),
        };
        let begun = Instant::now();
        let ran = self.repeated(words, count, false)?;
        let took = begun.elapsed();
        if self.style.mode == Mode::Standard && took >= Duration::from_millis(500) {
            put(format!("({:.2}s)\n", took.as_secs_f64()).as_bytes())?;
        }
        Ok(ran)
    }

    /// Runs a command `count` times, for ever when it is negative, until it fails. Where `stops` says so an error
    /// reply is a failure, and is said on standard error.
    fn repeated(&mut self, words: &[Vec<u8>], count: i64, stops: bool) -> io::Result<Ran> {
        let mut left = count;
        let mut ran = Ran::Answered;
        while left != 0 {
            left -= left.signum().max(0);
            ran = ran.max(self.run(words, stops)?);
            if ran >= Ran::Failed || (ran == Ran::ErrorReply && stops) {
                return Ok(ran);
            }
            match self.session.interrupt() {
                Some(interrupt) if left != 0 => interrupt.sleep(self.interval),
                None if left != 0 && !self.interval.is_zero() => std::thread::sleep(self.interval),
                _ => {}
            }
            if self.session.interrupt().is_some_and(Interrupt::is_pressed) {
                return Ok(ran);
            }
        }
        Ok(ran)
    }

    fn run(&mut self, words: &[Vec<u8>], stops: bool) -> io::Result<Ran> {
        if let Some(answer) = own::without_servers(words, self.style.mode) {
            return match answer {
                Ok(text) => put(text.as_bytes()).map(|()| Ran::Answered),
                Err(message) => self.failed(message.into()),
            };
        }
        // These write while they are at work, and have a Ctrl-C of their own.
        if let (Some(name @ (b"verify" | b"top")), None) = (words.first().map(Vec::as_slice), self.session.interrupt())
        {
            let run = if name == b"top" { top } else { verify };
            return match run(self.session.config(), &words[1..], self.style.mode)? {
                Ok(ran) => Ok(ran),
                Err(message) => self.failed(message.into()),
            };
        }
        match self.own(words) {
            None => self.command(words, stops),
            Some(Ok((text, ran))) => self.put(&text).map(|()| ran),
            Some(Err(message)) => self.failed(message.into()),
        }
    }

    /// What a command of this program that asks servers has to say; `None` for every other command.
    fn own(&self, words: &[Vec<u8>]) -> Option<Result<(Vec<u8>, Ran), String>> {
        let (mode, terminal) = (self.style.mode, self.terminal);
        let Some(interrupt) = self.session.interrupt() else {
            return own_command(self.session.config(), words, mode, terminal);
        };
        if !own::names().any(|name| words.first().is_some_and(|word| word == name.as_bytes())) {
            return None;
        }
        let name = String::from_utf8_lossy(&words[0]).into_owned();
        let (config, own) = (self.session.config_now(), words.to_vec());
        let not_one_server = config.is_fleet(&name).err();
        let done = interrupt.run(None, move || own_command(&config, &own, mode, terminal));
        let Some(done) = done else {
            return Some(Err(format!("{name} is not waited for; what it has begun goes on until the session ends")));
        };
        // What shows its work while it goes on has a Ctrl-C of its own.
        let alone = || Err(format!("{name} is not for sessions: run it by itself, as `rediscluster {name}`"));
        Some(done.unwrap_or_else(alone).map_err(|message| match Some(&message) == not_one_server.as_ref() {
            true => format!("{name} is about all nodes: connect, without a server, leads to them"),
            false => message,
        }))
    }

    /// Says why there is no answer: in a script where the reply would be, and else as redis-cli on standard error.
    fn failed(&self, failure: Failure) -> io::Result<Ran> {
        if !self.in_script {
            return complain(&failure.message).map(|()| Ran::Failed);
        }
        let mut out = Vec::new();
        self.style.render(&Reply::Error(as_reply(&failure.message)), false, &mut out);
        put(&out)?;
        let Some(lost) = failure.lost else { return Ok(Ran::Failed) };
        complain(&format!("the script ends here: the connection was lost, and its {lost} with it"))?;
        Ok(Ran::Ended)
    }

    fn command(&mut self, words: &[Vec<u8>], stops: bool) -> io::Result<Ran> {
        let answer = match &self.named {
            Some(named) => named.execute(words),
            None => self.session.execute(words).map(|answer| (answer, true)),
        };
        let (answer, is_whole) = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.failed(failure),
        };
        let verbatim = is_verbatim(words);
        let mut out = Vec::new();
        let ran = match answer {
            Answer::One(Reply::Error(text)) if stops => {
                let mut error = io::stderr().lock();
                error.write_all(&text)?;
                error.write_all(b"\n")?;
                return Ok(Ran::ErrorReply);
            }
            Answer::One(reply) => {
                self.style.render(&reply, verbatim, &mut out);
                if matches!(reply, Reply::Error(_)) {
                    Ran::ErrorReply
                } else {
                    Ran::Answered
                }
            }
            Answer::Gone => return Ok(Ran::Answered),
            Answer::Messages(messages) => return messages.show(&self.style).map(|()| Ran::Answered),
            Answer::PerNode(replies) => {
                let is_error = replies.iter().any(|(_, _, reply)| matches!(reply, Reply::Error(_)));
                self.per_node(replies, verbatim, &mut out);
                match is_error {
                    _ if !is_whole => Ran::Failed,
                    true => Ran::ErrorReply,
                    false => Ran::Answered,
                }
            }
        };
        self.put(&out).map(|()| ran)
    }

    /// Shows a reply; Ctrl-C ends a long one.
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(interrupt) = self.session.interrupt() else { return put(bytes) };
        for some in bytes.chunks(PIECE) {
            if interrupt.is_pressed() && bytes.len() > PIECE {
                return put(b"\n");
            }
            put(some)?;
        }
        Ok(())
    }

    /// Shows the replies of several servers: as a map, or where that is hard to read one below the other.
    fn per_node(&self, replies: Vec<(String, String, Reply)>, verbatim: bool, out: &mut Vec<u8>) {
        let long = |reply: &Reply| matches!(reply, Reply::Array(_) | Reply::Set(_) | Reply::Push(_) | Reply::Map(_));
        let sections = match self.style.mode {
            Mode::Standard => verbatim,
            Mode::Raw => verbatim || replies.iter().any(|(_, _, reply)| long(reply)),
            Mode::Json | Mode::QuotedJson | Mode::Csv => false,
        };
        if !sections {
            let pair = |(name, _, reply): (String, String, Reply)| (Reply::Text(name.into_bytes()), reply);
            return self.style.render(&Reply::Map(replies.into_iter().map(pair).collect()), false, out);
        }
        for (name, address, reply) in replies {
            let head = if name.ends_with(&address) { format!("# {name}\n") } else { format!("# {name} {address}\n") };
            out.extend(head.into_bytes());
            self.style.render(&reply, verbatim, out);
            if !out.ends_with(b"\n") {
                out.push(b'\n');
            }
        }
    }
}

/// Runs a command of this program that asks servers: what it prints and what became of it; `None` for every other.
fn own_command(
    config: &Config,
    words: &[Vec<u8>],
    mode: Mode,
    terminal: bool,
) -> Option<Result<(Vec<u8>, Ran), String>> {
    Some(match words.first().map(Vec::as_slice) {
        Some(b"node-for") => nodes::node_for(config, &words[1..], mode, terminal),
        Some(b"explain") => explain(config, &words[1..], mode).map(|text| (text.into_bytes(), Ran::Answered)),
        Some(b"recover") => recover(config, &words[1..], mode),
        Some(b"nodes") => nodes::nodes(config, &words[1..], mode),
        _ => return None,
    })
}

/// The count in front of a command: `None` when the word is no number, an error when nothing can be run so often.
fn count(word: &[u8]) -> Option<Result<i64, ()>> {
    let text = std::str::from_utf8(word).ok()?.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || (digits.is_empty() && !word.is_empty()) {
        return None;
    }
    Some(text.parse().ok().filter(|&count| count > 0).ok_or(()))
}

/// Says on standard error what went wrong.
///
/// # Errors
/// When it cannot be written.
pub fn complain(message: &str) -> io::Result<()> {
    writeln!(io::stderr(), "rediscluster: {message}")
}

/// Writes to standard output, at once.
///
/// # Errors
/// When it cannot be written.
pub fn put(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_front_of_commands() {
        for (word, wanted) in [
            ("5", Some(Ok(5))),
            ("+2", Some(Ok(2))),
            (" 05", Some(Ok(5))),
            ("", Some(Err(()))),
            ("0", Some(Err(()))),
            ("-1", Some(Err(()))),
            ("99999999999999999999", Some(Err(()))),
            ("1.5", None),
            ("2x", None),
            ("5 ", None),
            ("-", None),
            ("get", None),
        ] {
            assert_eq!(count(word.as_bytes()), wanted, "{word:?}");
        }
    }
}
