//! `rediscluster`: Redis commands from a shell, on N independent servers that look like one.

mod asked;
mod check;
mod commands;
mod compare;
mod config;
mod explain;
mod file;
mod interrupt;
mod modes;
mod moving;
mod nodes;
mod options;
mod own;
mod probe;
mod quote;
mod recover;
mod render;
mod reply;
mod run;
mod session;
mod table;
mod tags;
mod tls;
mod top;
mod verify;
mod words;

use crate::config::Config;
use crate::modes::named::Named;
use crate::options::Options;
use crate::run::Runner;
use crate::session::{terminal, Ran, Session};
use std::io;
use std::process::ExitCode;

/// What a shell reports of a program that writes to a closed pipe.
const BROKEN_PIPE: u8 = 128 + 13;

fn main() -> ExitCode {
    let mut options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(message) => {
            let _ = message.print();
            return if message.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match start(&mut options) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            eprintln!("rediscluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &mut Options) -> io::Result<ExitCode> {
    if options.password.is_some() && !options.no_auth_warning {
        eprintln!("Warning: everybody on this machine can see a password in the command line; REDISCLI_AUTH hides it.");
    }
    if let Some(answer) = own::without_servers(&options.words(), options.style(false).mode) {
        return Ok(match answer {
            Ok(text) => io::Write::write_all(&mut io::stdout(), text.as_bytes()).map(|()| ExitCode::SUCCESS)?,
            Err(message) => {
                eprintln!("rediscluster: {message}");
                ExitCode::FAILURE
            }
        });
    }
    if let Some(code) = moving::run(options) {
        return Ok(code);
    }
    if let Some(code) = recover::job(options) {
        return Ok(code);
    }
    if let Some(code) = compare::run(options)? {
        return Ok(code);
    }
    let refused = |message: String| {
        eprintln!("rediscluster: {message}");
        Ok(ExitCode::FAILURE)
    };
    let mut config = match Config::gather(options, |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(message) => return refused(message),
    };
    if options.modes.askpass {
        config.log_in_by(modes::input::password()?);
    }
    let mut words = options.words();
    if options.quoted_input {
        let unquoted = words.iter().map(|word| match quote::split(word)?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        });
        words = match unquoted.collect() {
            Some(words) => words,
            None => {
                println!("Invalid quoted string");
                return Ok(ExitCode::FAILURE);
            }
        };
    }
    if let Some(code) = modes::run(options, &config, &words)? {
        return Ok(code);
    }
    let words = match modes::input::completed(options, words) {
        Ok(words) => words,
        Err(message) => return refused(message),
    };
    let named = match options.modes.named() {
        Some(_) if own::is_own(&words) => return refused("--on and --on-each are for Redis commands".into()),
        Some(on) => match Named::new(&config, on) {
            Ok(named) => Some(named),
            Err(message) => return refused(message),
        },
        None => None,
    };
    if words.is_empty() && named.is_none() && terminal::is_at_hand() {
        return terminal::run(options, config).map(|()| ExitCode::SUCCESS);
    }
    let mut runner = Runner::new(options, Session::new(config), named);
    if words.is_empty() {
        // As in redis-cli, a script's errors are seen in its output and not in the exit status, unless that is asked for.
        return Ok(match runner.script()? {
            Ran::Ended => ExitCode::FAILURE,
            Ran::Failed | Ran::ErrorReply if options.error_status => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        });
    }
    Ok(match runner.once(&words)? {
        Ran::Answered => ExitCode::SUCCESS,
        Ran::ErrorReply if !options.error_status => ExitCode::SUCCESS,
        Ran::ErrorReply | Ran::Failed | Ran::Ended => ExitCode::FAILURE,
    })
}
