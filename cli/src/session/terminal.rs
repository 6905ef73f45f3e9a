//! The session of a person at a terminal: lines are edited, kept and run, until the person ends it.

use crate::config::Config;
use crate::options::Options;
use crate::quote::split;
use crate::run::{complain, put, Runner};
use crate::session::complete::LineHelp;
use crate::session::docs::Docs;
use crate::session::help::help;
use crate::session::key_names::KeyNames;
use crate::session::spelling::suggestion;
use crate::session::{history, Interrupt, Ran, Session};
use rustyline::config::{BellStyle, CompletionType, Configurer};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::history::{DefaultHistory, MemHistory};
use rustyline::{Editor, Helper};
use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

/// As many lines are kept.
const LINES: usize = 10_000;

/// Whether somebody types and looks.
pub fn is_at_hand() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Lets a person type commands until there are no more.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn run(options: &Options, config: Config) -> io::Result<()> {
    let session = Session::for_person(config, Interrupt::listen()?);
    let file = if options.no_history { None } else { history::file() };
    Terminal::new(options, session, file)?.run()
}

struct Terminal {
    runner: Runner,
    editor: Editor<LineHelp, DefaultHistory>,
    history: Option<PathBuf>,
    /// The servers that the documentation is of.
    docs_of: Option<String>,
}

impl Terminal {
    fn new(options: &Options, session: Session, history: Option<PathBuf>) -> io::Result<Terminal> {
        let settings = rustyline::Config::builder()
            .max_history_size(LINES)
            .and_then(|settings| settings.history_ignore_dups(true))
            .map_err(as_io)?
            // A space in front keeps a line out of the file, as in shells.
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(settings).map_err(as_io)?;
        editor.set_bell_style(BellStyle::None);
        editor.set_helper(Some(LineHelp {
            docs: Docs::ask(session.config_now()),
            keys: KeyNames::new(session.config_now(), session.database()),
            nodes: session.config().nodes.iter().map(|(name, _)| name.clone()).collect(),
            width: 0,
        }));
        let mut terminal = Terminal {
            docs_of: session.config().direct.clone(),
            runner: Runner::new(options, session, None),
            editor,
            history,
        };
        terminal.read_history();
        Ok(terminal)
    }

    fn run(&mut self) -> io::Result<()> {
        loop {
            let prompt = self.runner.session().prompt();
            let columns = self.editor.dimensions().map_or(0, |(columns, _)| columns);
            if let Some(helper) = self.editor.helper_mut() {
                // The cursor has a column of its own.
                helper.width = columns.saturating_sub(prompt.chars().count() + 1);
            }
            match self.editor.readline(&prompt) {
                Ok(lines) => {
                    // What is pasted may be several.
                    for line in lines.lines() {
                        if !self.line(line)? {
                            return Ok(());
                        }
                    }
                }
                // The line is dropped, and the session goes on.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(as_io(error)),
            }
        }
    }

    /// Runs a line; whether the session goes on.
    fn line(&mut self, line: &str) -> io::Result<bool> {
        self.keep(line);
        let Some(words) = split(line.as_bytes()) else {
            put(b"Invalid argument(s)\n")?;
            return Ok(true);
        };
        let Some(first) = words.first() else { return Ok(true) };
        match (first.to_ascii_lowercase().as_slice(), words.len()) {
            (b"exit" | b"quit", 1) => return Ok(false),
            (b"clear", 1) => self.editor.clear_screen().map_err(as_io)?,
            (b"help" | b"?", _) => match self.editor.helper().map(|helper| help(&words[1..], &helper.docs)) {
                Some(Ok(text)) => put(text.as_bytes())?,
                Some(Err(message)) => complain(&message)?,
                None => {}
            },
            (b"auth", 1) => {
                if let Some(password) = ask_password("Password: ")? {
                    self.command(&[b"auth".to_vec(), password.into_bytes()])?;
                }
            }
            _ => self.command(&words)?,
        }
        Ok(true)
    }

    fn command(&mut self, words: &[Vec<u8>]) -> io::Result<()> {
        let interrupt = self.runner.session().interrupt().cloned().unwrap_or_default();
        interrupt.begin();
        let ran = self.runner.line(words);
        interrupt.finish();
        let ran = ran?;
        let texts: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        if ran == Ran::ErrorReply {
            if let Some(meant) = suggestion(&texts) {
                put(format!("Did you mean {meant}?\n").as_bytes())?;
            }
        }
        // Somebody else may be told more.
        self.follow(ran == Ran::Answered && words[0].eq_ignore_ascii_case(b"auth"));
        Ok(())
    }

    /// Help is about the servers and the database that are talked to now.
    fn follow(&mut self, is_somebody_else: bool) {
        let session = self.runner.session();
        let (config, database) = (session.config_now(), session.database());
        if let Some(helper) = self.editor.helper_mut() {
            if is_somebody_else || self.docs_of != config.direct {
                self.docs_of = config.direct.clone();
                helper.docs = Docs::ask(Arc::clone(&config));
            }
            helper.keys = KeyNames::new(config, database);
        }
    }

    fn read_history(&mut self) {
        let Some(file) = &self.history else { return };
        let read = history::make_private(file).map_err(ReadlineError::Io).and_then(|()| self.editor.load_history(file));
        if let Err(error) = read {
            eprintln!("rediscluster: {}: {error}; this session keeps no lines", file.display());
            self.history = None;
        }
    }

    /// Keeps a line for Up, and for sessions to come, unless it may hold a password.
    fn keep(&mut self, line: &str) {
        if history::has_secret(line) || !self.editor.add_history_entry(line).unwrap_or(false) {
            return;
        }
        if let Some(file) = &self.history {
            if let Err(error) = self.editor.append_history(file) {
                eprintln!("rediscluster: {}: {error}; this session keeps no more lines", file.display());
                self.history = None;
            }
        }
    }
}

/// Shows asterisks in the place of what is typed.
struct Masked;

impl Highlighter for Masked {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        "*".repeat(line.chars().count()).into()
    }

    fn highlight_char(&self, _: &str, _: usize, _: bool) -> bool {
        true
    }
}

impl rustyline::completion::Completer for Masked {
    type Candidate = String;
}

impl rustyline::hint::Hinter for Masked {
    type Hint = String;
}

impl rustyline::validate::Validator for Masked {}
impl Helper for Masked {}

/// Asks for a password, which is neither shown nor kept; `None` when none is given.
///
/// # Errors
/// When the terminal cannot be read.
fn ask_password(prompt: &str) -> io::Result<Option<String>> {
    let mut editor =
        Editor::<Masked, MemHistory>::with_history(rustyline::Config::default(), MemHistory::new()).map_err(as_io)?;
    editor.set_helper(Some(Masked));
    match editor.readline(prompt) {
        Ok(password) => Ok(Some(password)),
        Err(ReadlineError::Interrupted | ReadlineError::Eof) => Ok(None),
        Err(error) => Err(as_io(error)),
    }
}

fn as_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        error => io::Error::other(error),
    }
}
