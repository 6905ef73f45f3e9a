//! `help` in the session: what the server documents of a command, and what the command table says of the nodes.

use crate::commands;
use crate::session::docs::Docs;
use crate::session::own::OWN_COMMANDS;
use crate::session::spelling::suggestion;
use crate::session::syntax::written;
use rediscluster::spec;

/// What there is to know of a command, or of the session.
///
/// # Errors
/// That nobody knows the command, with the one that may be meant.
pub fn help(words: &[Vec<u8>], docs: &Docs) -> Result<String, String> {
    let texts: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Some(first) = texts.first() else { return of_the_session() };
    let usage = |name: &str, arguments: &str| format!("{name} {arguments}").trim_end().to_owned();
    if let Some((name, arguments, does)) = OWN_COMMANDS.iter().find(|(name, ..)| name == first) {
        return Ok(format!("{}\n  {does}\n", usage(name, arguments)));
    }
    let known = commands::help(words);
    let documented = docs.name_of(&texts).and_then(|name| Some((docs.of(&name)?, name)));
    let Some((documented, name)) = documented else {
        return known.map_err(|message| match suggestion(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
            Some(meant) if !message.contains("did you mean") => format!("{message}; did you mean {meant}?"),
            _ => message,
        });
    };
    let mut text = format!("{}\n", usage(&name, &written(&documented.arguments)));
    if !documented.summary.is_empty() {
        text.push_str(&format!("  {}\n", documented.summary));
    }
    if !documented.complexity.is_empty() {
        text.push_str(&format!("  {:<14}{}\n", "takes", documented.complexity));
    }
    // Behind the name, which stands there already.
    text.extend(known.iter().flat_map(|known| known.split_inclusive('\n').skip(1)));
    let row = spec::find(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    if row.is_some_and(|row| !row.keys.is_empty()) {
        text.push_str(&format!("  {:<14}explain {name} ... tells what it does with which servers\n", "these keys"));
    }
    Ok(text)
}

fn of_the_session() -> Result<String, String> {
    let own: String = OWN_COMMANDS
        .iter()
        .map(|(name, arguments, does)| format!("  {:<26}  {does}\n", format!("{name} {arguments}")))
        .collect();
    let keys = "\
Tab completes commands, options, nodes and keys; Up brings earlier lines back, Ctrl-R searches them.
Ctrl-C ends what is waited for, Ctrl-D the session.
";
    Ok(format!("{}Commands of the session:\n{own}{keys}", commands::help(&[])?))
}
