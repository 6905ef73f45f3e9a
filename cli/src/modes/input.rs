//! Words that do not stand in the command line: arguments from standard input, a script from a file, a password.

use crate::options::Options;
use std::ffi::OsStr;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

/// The words of the command with what -x, -X and --eval bring.
///
/// # Errors
/// What does not fit, or cannot be read.
pub fn completed(options: &Options, mut words: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
    if let Some(file) = &options.modes.eval {
        words = eval(file, words)?;
    }
    match (&options.modes.stdin_tag, options.stdin_argument) {
        (Some(_), true) => Err("Options -x and -X are mutually exclusive.".to_owned()),
        (Some(tag), false) => tagged(tag, words),
        (None, true) => {
            words.push(argument()?);
            Ok(words)
        }
        (None, false) => Ok(words),
    }
}

/// Everything that standard input holds, as one argument.
fn argument() -> Result<Vec<u8>, String> {
    let mut argument = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut argument);
    read.map(|_| argument).map_err(|error| format!("standard input: {error}"))
}

fn tagged(tag: &OsStr, mut words: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
    let word = words.iter_mut().find(|word| word.as_slice() == tag.as_encoded_bytes());
    *word.ok_or("Using -X option but stdin tag not match.")? = argument()?;
    Ok(words)
}

/// `KEY... , ARGUMENT...` as `EVAL` takes them.
fn eval(file: &Path, words: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
    let script = std::fs::read(file).map_err(|error| format!("Can't open file '{}': {error}", file.display()))?;
    let comma = words.iter().position(|word| word == b",");
    let keys = comma.unwrap_or(words.len());
    let arguments = words.iter().skip(keys + 1);
    let head = [b"EVAL".to_vec(), script, keys.to_string().into_bytes()];
    Ok(head.into_iter().chain(words.iter().take(keys).chain(arguments).cloned()).collect())
}

/// The password, without showing it: from the terminal, or from the first line of another input.
///
/// # Errors
/// When it cannot be read.
pub fn password() -> io::Result<String> {
    const PROMPT: &str = "Please input password: ";
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(PROMPT);
    }
    let mut line = String::new();
    io::stderr().write_all(PROMPT.as_bytes())?;
    io::stdin().lock().read_line(&mut line)?;
    eprintln!();
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
