//! What Tab completes and what is shown behind the cursor.

use crate::quote::{quote, split};
use crate::session::docs::Docs;
use crate::session::key_names::KeyNames;
use crate::session::own::OWN_COMMANDS;
use crate::session::spelling::{names, subcommands};
use crate::session::syntax::{self, Argument};
use rediscluster::prelude::*;
use rediscluster::spec;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::borrow::Cow;

/// So many arguments may be missing for the place of a key to be known, as the value is in `MSET key`.
const MISSING: usize = 3;
/// As many subcommands are shown and no more.
const SUBCOMMANDS: usize = 8;

/// What stands in front of a command.
const ABOUT_COMMANDS: [&str; 2] = ["explain", "help"];

/// What helps whoever edits a line.
pub struct LineHelp {
    pub docs: Docs,
    pub keys: KeyNames,
    pub nodes: Vec<String>,
    /// How wide the line may be, without the prompt.
    pub width: usize,
}

/// What is still to come. It is shown and never taken over: it is no command.
pub struct ToCome(String);

impl Hint for ToCome {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

/// The words before the cursor, the last one perhaps not whole.
struct Unfinished {
    words: Vec<Vec<u8>>,
    /// Where the last word begins in the line.
    start: usize,
    /// What there is of it.
    last: Vec<u8>,
    /// Its quote, where it has one.
    is_quoted: bool,
}

impl Unfinished {
    fn read(line: &str) -> Option<Unfinished> {
        let (mut start, mut within, mut is_escaped) = (0, None, false);
        for (at, byte) in line.bytes().enumerate() {
            match within {
                _ if is_escaped => is_escaped = false,
                Some(_) if byte == b'\\' => is_escaped = true,
                Some(sign) if byte == sign => within = None,
                None if byte == b'"' || byte == b'\'' => within = Some(byte),
                None if byte.is_ascii_whitespace() => start = at + 1,
                _ => {}
            }
        }
        let end: String = within.map(char::from).into_iter().collect();
        let last = split(format!("{}{end}", &line[start..]).as_bytes())?.pop().unwrap_or_default();
        Some(Unfinished { words: split(&line.as_bytes()[..start])?, start, last, is_quoted: within.is_some() })
    }
}

impl LineHelp {
    fn candidates(&self, line: &Unfinished) -> Vec<String> {
        let last = String::from_utf8_lossy(&line.last);
        let mut words = &line.words[..];
        let texts: Vec<Cow<'_, str>> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let mut texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        if texts.first().is_some_and(|first| ABOUT_COMMANDS.contains(first)) {
            texts.remove(0);
            words = &words[1..];
        }
        let as_typed = |name: &str| match last.chars().any(char::is_lowercase) {
            true => name.to_lowercase(),
            false => name.to_owned(),
        };
        let fits = |name: &str| name.to_lowercase().starts_with(&last.to_lowercase());
        let Some(first) = texts.first() else {
            let other = self.docs.other_names().into_iter().filter(|name| !name.contains(' '));
            let all = names().into_iter().map(str::to_owned).chain(other);
            return all.filter(|name| fits(name)).map(|name| as_typed(&name)).collect();
        };
        if *first == "connect" {
            return self.nodes.iter().filter(|name| name.starts_with(&*last)).cloned().collect();
        }
        let second = subcommands(first);
        if texts.len() == 1 && !second.is_empty() {
            return second.into_iter().filter(|name| fits(name)).map(as_typed).collect();
        }
        if *first == "node-for" || is_key(words) {
            let keys = self.keys.beginning_with(&line.last);
            // All alike, so that they begin alike.
            let is_quoted = line.is_quoted || keys.iter().any(|key| !is_plain(key));
            return keys.into_iter().map(|key| written(key, is_quoted)).collect();
        }
        let Some(name) = self.docs.name_of(&texts) else { return Vec::new() };
        let arguments = self.docs.of(&name).unwrap_or_default().arguments;
        let typed = &texts[name.split(' ').count()..];
        let mut options: Vec<String> =
            options(&arguments, typed).into_iter().filter(|token| fits(token)).map(as_typed).collect();
        options.sort_unstable();
        options.dedup();
        options
    }

    /// The syntax of what is still to come behind a line.
    fn to_come(&self, line: &str) -> Option<String> {
        let words = split(line.as_bytes())?;
        let texts: Vec<Cow<'_, str>> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let about = usize::from(matches!(texts[..], [word, _, ..] if ABOUT_COMMANDS.contains(&word)));
        let texts = &texts[about..];
        let first = texts.first()?;
        let is_own = OWN_COMMANDS.iter().find(|(name, ..)| name == first);
        if let Some((_, arguments, _)) = is_own.filter(|_| texts.len() == 1) {
            return Some((*arguments).to_owned());
        }
        let Some(name) = self.docs.name_of(texts) else {
            let second = subcommands(first);
            let mut shown: Vec<&str> = second.iter().copied().take(SUBCOMMANDS).collect();
            if second.len() > SUBCOMMANDS {
                shown.push("...");
            }
            return (texts.len() == 1).then(|| shown.join("|"));
        };
        let typed = &texts[name.split(' ').count()..];
        syntax::to_come(&self.docs.of(&name)?.arguments, typed)
    }
}

/// The words of options that may come behind these words.
fn options<'a>(arguments: &'a [Argument], typed: &[&str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut needed = 0;
    for argument in arguments {
        // What stands before an option has to be there.
        if typed.len() >= needed {
            let may_come = |token: &&str| {
                let with: Vec<&str> = typed.iter().copied().chain([*token]).collect();
                syntax::to_come(arguments, &with).is_some()
            };
            found.extend(syntax::tokens(std::slice::from_ref(argument)).into_iter().filter(may_come));
        }
        needed += usize::from(!argument.is_optional);
    }
    found
}

/// Whether a key comes behind these words, as the command table has it.
fn is_key(words: &[Vec<u8>]) -> bool {
    let texts: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let Some(row) = spec::find(&texts) else { return false };
    (1..=1 + MISSING).any(|missing| {
        let command = cmd("").args_of(words).args_of(vec!["x"; missing]);
        row.key_positions(command.args()).is_some_and(|keys| keys.contains(&words.len()))
    })
}

/// Whether a word can be typed without quotes.
fn is_plain(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\''))
}

fn written(word: Vec<u8>, is_quoted: bool) -> String {
    let mut typed = word;
    if is_quoted {
        let mut quoted = Vec::new();
        quote(&typed, &mut quoted);
        typed = quoted;
    }
    String::from_utf8_lossy(&typed).into_owned()
}

impl Completer for LineHelp {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some(unfinished) = Unfinished::read(&line[..pos]) else { return Ok((pos, Vec::new())) };
        let pair = |name: String| Pair { replacement: format!("{name} "), display: name };
        Ok((unfinished.start, self.candidates(&unfinished).into_iter().map(pair).collect()))
    }
}

impl Hinter for LineHelp {
    type Hint = ToCome;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<ToCome> {
        let to_come = self.to_come(line).filter(|text| pos == line.len() && !text.is_empty())?;
        let space = if line.ends_with(' ') { "" } else { " " };
        // It never makes the line longer than the screen is wide.
        let left = self.width.saturating_sub(line.chars().count());
        Some(ToCome(format!("{space}{to_come}").chars().take(left).collect()))
    }
}

impl Highlighter for LineHelp {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        // Grey, as redis-cli has it.
        format!("\x1b[90m{hint}\x1b[0m").into()
    }
}

impl Validator for LineHelp {}
impl Helper for LineHelp {}
