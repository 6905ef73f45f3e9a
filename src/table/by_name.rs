//! Rows by the names of their commands: only what begins a command by its name has all rows.

use super::ROWS;
use crate::cmd::Cmd;
use crate::command::{Args, Spec};
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::execute::{Row, RowRef};
use crate::order::sort_by_key;
use crate::resp::Value;
use std::sync::OnceLock;

/// Begins a command by its name; two words for a subcommand, as in `cmd("CONFIG GET")`.
///
/// The command table says where it goes. A command that the table does not know is an
/// [`UnknownCommand`](crate::ErrorKind::UnknownCommand) error when it is run on a cluster: nothing is guessed.
#[inline]
pub fn cmd(name: &str) -> Cmd<Value> {
    Cmd::named(name, row_of)
}

/// The row of a command that was begun by its name: one of the user's own, or one of the table.
#[inline]
fn row_of(args: &Args, own: &[&'static Spec]) -> Result<RowRef> {
    let mut words = args.iter();
    let Some(first) = words.next() else { return Err(Error::argument("an empty command")) };
    let second = words.next();
    let named = |spec: &&&'static Spec| {
        let mut name = spec.name.split(' ').map(str::as_bytes);
        let is = |word: Option<&[u8]>, wanted: &[u8]| word.is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        name.next().is_some_and(|wanted| is(Some(first), wanted))
            && name.next().map_or(true, |wanted| is(second, wanted))
    };
    let in_table = || match second {
        Some(second) => find(&[first, second]),
        None => find(&[first]),
    };
    if let Some(spec) = own.iter().find(named) {
        // A row of the table stays what it is there.
        let row = in_table().filter(|_| spec.in_table);
        return Ok(row.map_or_else(|| RowRef::own(spec), RowRef::from));
    }
    match in_table() {
        Some(row) => Ok(row.into()),
        None if !args.marked().is_empty() => Ok(RowRef::of_marked_keys()),
        None if second.is_none() && matches!(lookup(&[first]), Err(true)) => Err(unfinished(first)),
        None => Err(unknown(first)),
    }
}

/// The error for the first word of a command that has two, such as `OBJECT`, in the words that a server would use.
fn unfinished(name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(name);
    let message = format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase());
    Error::argument(message).with_command(name.to_ascii_uppercase())
}

fn unknown(name: &[u8]) -> Error {
    Error::new(
        ErrorKind::UnknownCommand,
        Outcome::NotApplied,
        "not in the command table, so its keys and its node are not known; nothing was sent",
    )
    .with_command(escape(name, 64).to_ascii_uppercase())
}

/// The row for a command, looked up by its first one or two words in any case; `None` when the table does not
/// know it.
///
/// ```
/// use rediscluster::spec::{self, Access};
///
/// assert_eq!(spec::find(&[b"get", b"foo"]).unwrap().access, Access::Read);
/// assert_eq!(spec::find(&[b"config", b"get", b"*"]).unwrap().name, "CONFIG GET");
/// assert!(spec::find(&[b"nosuch"]).is_none());
/// ```
#[inline]
pub fn find(words: &[&[u8]]) -> Option<&'static Row> {
    let name = words.first()?;
    if name.contains(&b' ') {
        return None;
    }
    words.get(..2).and_then(|two| lookup(two).ok()).or_else(|| lookup(&words[..1]).ok())
}

/// The row whose name consists of these words, in any case. Where there is none: whether they are only the beginning of names,
/// as `OBJECT` is.
///
/// It has a type parameter because a compiler makes code of a generic function where it is called: a program that names no
/// command by its text is built without the table and what its rows reach, and every other one has that once.
fn lookup<W: AsRef<[u8]>>(words: &[W]) -> std::result::Result<&'static Row, bool> {
    static SORTED: OnceLock<Vec<&'static Row>> = OnceLock::new();
    let rows = SORTED.get_or_init(|| {
        let mut rows: Vec<&Row> = ROWS.iter().collect();
        sort_by_key(&mut rows, |row| row.name);
        rows
    });
    let wanted = || {
        let words = words.iter().enumerate();
        let spaced = words.flat_map(|(nth, word)| std::iter::repeat(&b' ').take(nth).chain(word.as_ref()));
        spaced.map(u8::to_ascii_uppercase)
    };
    let at = rows.binary_search_by(|row| row.name.bytes().cmp(wanted()));
    at.map(|at| rows[at]).map_err(|at| {
        let following = rows.get(at).map(|row| row.name.bytes());
        following.is_some_and(|mut name| wanted().chain([b' ']).all(|byte| name.next() == Some(byte)))
    })
}
